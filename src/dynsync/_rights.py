"""
Rights that go in the middle of a run: what reads as null because of it is no clear (R79).

Dynamics says null of a column that may not be read, with the same face as of one that is
empty. So before a null empties anything the rights are asked for once more, after the reading;
a field that may not be read any more does not exist for the rest of the run, on either side.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import attrs

from dynsync._catching_up import leave_aside
from dynsync._session import Session
from dynsync.backlog import Linked, Observation, Pending, PendingKey
from dynsync.planning import RecordPlan
from dynsync.records import MISSING, Entity, Pair, Row, Side, Wire, is_empty
from dynsync.schemas import Access
from dynsync.terms import Terms
from dynsync.writes import Created, Updated, WriteResult

__all__ = ["Answered", "believe", "without_blind", "without_values"]


@attrs.frozen
class Answered:
    """What a system answered to the write of a plan."""

    terms: Terms
    plan: RecordPlan
    result: WriteResult


def without_blind(
    session: Session,
    terms: Mapping[Entity, Terms],
    entries: Mapping[PendingKey, Pending],
    links: Mapping[int, Linked],
) -> dict[PendingKey, Pending]:
    """Return *entries* without the fields that may not be read any more, as far as that matters."""
    told = dict(entries)
    for entity, mine in terms.items():
        keys = [key for key, entry in entries.items() if entry.entity == entity]
        both = [(entries[key], links.get(entries[key].link or 0)) for key in keys]
        for side in Side:
            unsure = (side, mine.map.tables[side]) in session.unsure
            if unsure and any(_may_clear(mine, entry, link, side) for entry, link in both):
                _look_again(session, side, mine)
        gone = session.blind.get(entity)
        if gone:
            told.update((key, _without(mine, entries[key], gone)) for key in keys)
    return told


def _look_again(session: Session, side: Side, terms: Terms) -> None:
    """Ask again what may be read of *side*: it was read since that was last asked."""
    table = terms.map.tables[side]
    columns = session.describe(side, table).columns
    readable = {name for name, column in columns.items() if Access.READ in column.access}
    for entity, mine in session.terms.items():
        if mine.map.tables[side] == table:
            fields = mine.fields[: mine.plain]
            gone = {f.name for f in fields if f.names[side] and f.names[side] not in readable}
            leave_aside(session, entity, gone)


def _may_clear(terms: Terms, entry: Pending, link: Linked | None, side: Side) -> bool:
    """Return whether a null of *side* may empty something, here or there."""
    seen, other = entry.seen[side], entry.seen[side.other]
    if seen is None or seen.gone or None not in seen.row:
        return False
    known: list[Row] = [] if link is None else list(link.rows)
    if other is not None:
        known.append(other.row)
    nulls = [at for at, wire in enumerate(seen.row[: terms.plain]) if wire is None]
    return any(not is_empty(row[at]) for row in known for at in nulls)


def _without(terms: Terms, entry: Pending, names: Collection[str]) -> Pending:
    """Return *entry* as if neither side had said anything of the fields *names*."""
    places = {terms.index(name) for name in names if name in terms.layout}

    def blinded(seen: Observation | None) -> Observation | None:
        if seen is None:
            return None
        row = [MISSING if at in places else wire for at, wire in enumerate(seen.row)]
        claims = {name: claim for name, claim in seen.claims.items() if name not in names}
        return attrs.evolve(seen, row=row, claims=claims)

    return attrs.evolve(entry, seen=Pair(*map(blinded, entry.seen)))


def believe(session: Session, side: Side, answers: Iterable[Answered]) -> list[WriteResult]:
    """Return the results of *answers* without nulls that only say that a right is gone."""
    told = list(answers)
    doubtful: dict[Entity, Terms] = {
        each.terms.entity: each.terms for each in told if _doubtful(side, each)
    }
    for terms in doubtful.values():
        session.unsure.add((side, terms.map.tables[side]))
        _look_again(session, side, terms)
    return [_believed(session, side, each) for each in told]


def _doubtful(side: Side, answered: Answered) -> bool:
    """Return whether a null was answered where there should be a value."""
    result = answered.result
    if not isinstance(result, Created | Updated) or not result.values:
        return False
    terms, plan, get = answered.terms, answered.plan, result.values.get
    # Asked of every write, so in few steps: hardly one has a null that was not there before.
    held = zip(terms.natives(side), plan.actual[side], strict=False)
    lost = [native for native, wire in held if get(native, 0) is None and not is_empty(wire)]
    sent = {terms.native_names[side][name]: wire for name, wire in plan.sent(side).items()}
    return any(native not in sent for native in lost) or any(
        get(native, 0) is None for native, wire in sent.items() if not is_empty(wire)
    )


def _believed(session: Session, side: Side, answered: Answered) -> WriteResult:
    result, gone = answered.result, session.blind.get(answered.terms.entity)
    if not gone or not isinstance(result, Created | Updated) or result.values is None:
        return result
    native = answered.terms.native_names[side]
    hidden = {native[name] for name in gone}
    values: Mapping[str, Wire] = {n: w for n, w in result.values.items() if n not in hidden}
    return attrs.evolve(result, values=values)


def without_values(result: WriteResult) -> WriteResult:
    """Return *result* as a system gives it that does not say what it holds now."""
    return attrs.evolve(result, values=None) if isinstance(result, Created | Updated) else result
