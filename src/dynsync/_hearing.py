"""
Hear: find out what became of writes that nobody answered, before anything new is read.

An answer gets lost, or the process dies. What was sent is written or not, and the record may be
edited on either side before the next run. It is read back first: what it holds of what it was
sent both sides had agreed on, so that whatever is edited later is told from it (invariants 4, 13).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from dynsync._contract import check_row
from dynsync._desk import Desk
from dynsync._feeds import row_of
from dynsync._notes import unsure_notes
from dynsync._reading import fetch_all, find_all
from dynsync._session import Session
from dynsync._unanswered import answered, unanswered
from dynsync.backlog import Linked, Observation, Pending, PendingKey
from dynsync.decisions import FieldPlan
from dynsync.errors import Refused
from dynsync.planning import RecordPlan, plan_record
from dynsync.records import MISSING, Pair, Record, RecordId, Row, Side, plain_id
from dynsync.terms import Terms
from dynsync.writes import Create, Created, NotAttempted, Update, Updated, WriteResult

__all__ = ["hear"]

_Found: TypeAlias = Pair[Mapping[PendingKey, Record]]


def hear(session: Session) -> None:
    """
    Read back the writes that nobody answered, and move the bases to what was written.

    Asks nothing of either system if every write was answered. A Dynamics table that may not be
    read stops its entity alone; raises `SystemFailure` for anything else that cannot be read.
    """
    waiting = unanswered(session)
    if not waiting:
        return
    entries = session.store.pending(list(waiting))
    for entity, terms in list(session.terms.items()):
        mine = [entry for entry in entries.values() if entry.entity == entity]
        try:
            _hear(session, terms, mine, waiting)
        except Refused as failure:
            if failure.side is Side.MARKETO:
                raise
            session.leave_out([entity], failure)
    with session.commit():
        answered(session, waiting.keys() - entries.keys())


def _hear(
    session: Session, terms: Terms, entries: Sequence[Pending], sent_at: Mapping[PendingKey, float]
) -> None:
    links = session.store.links([entry.link for entry in entries if entry.link is not None])
    # Rights may have been taken since: what was sent was sent.
    then, now = terms.unhindered(), session.now()
    plans = [
        plan_record(then, entry, links[entry.link] if entry.link is not None else None, now)
        for entry in entries
        if entry.link is None or entry.link in links
    ]
    found: _Found = Pair(
        _read_back(session, terms, Side.MARKETO, plans),
        _read_back(session, terms, Side.DYNAMICS, plans),
    )
    _agree(session, terms, [plan for plan in plans if not _new(plan)], found)
    _meet(session, terms, [plan for plan in plans if _new(plan)], found, sent_at)


def _new(plan: RecordPlan) -> bool:
    """Return whether the two records of *plan* meet by it."""
    return plan.link is None or any(isinstance(write, Create) for write in plan.writes)


def _read_back(
    session: Session, terms: Terms, side: Side, plans: Iterable[RecordPlan]
) -> dict[PendingKey, Record]:
    """Return the records that *plans* write to on *side*, as they are now."""
    table, fields = terms.map.tables[side], terms.natives(side)
    keys: dict[RecordId, PendingKey] = {}
    upserts: dict[RecordId, PendingKey] = {}
    for plan in plans:
        match plan.writes[side]:
            case Update(id_):
                keys[id_] = plan.entry.key
            case Create(key) if side is Side.DYNAMICS:
                keys[key] = plan.entry.key
            case Create(key):
                upserts[key] = plan.entry.key
            case None:
                pass
    found = {keys[id_]: one for id_, one in fetch_all(session, side, table, keys, fields).items()}
    native = terms.map.link_field
    people = find_all(session, side, table, native, list(upserts), fields=fields)
    held = [(plain_id(person.values.get(native)), person) for person in people.values()]
    several = Counter(id_ for id_, _ in held)
    # Which of several people an upsert found, nobody can say.
    found.update((upserts[id_], p) for id_, p in held if id_ in upserts and several[id_] == 1)
    return found


# -- records that are linked


def _agree(session: Session, terms: Terms, plans: Iterable[RecordPlan], found: _Found) -> None:
    """Move the base of linked records, field by field."""
    links: list[Linked] = []
    entries: list[Pending] = []
    heard: list[PendingKey] = []
    for plan in plans:
        heard.append(plan.entry.key)
        rows = Pair(
            _row(terms, Side.MARKETO, found.marketo.get(plan.entry.key)),
            _row(terms, Side.DYNAMICS, found.dynamics.get(plan.entry.key)),
        )
        moved = _moved(terms, plan, rows)
        if moved is not None:
            links.append(moved[0])
            entries.append(moved[1])
    with session.commit():
        session.store.save_links(links)
        session.store.save_pending(entries)
        answered(session, heard)


def _row(terms: Terms, side: Side, record: Record | None) -> Row:
    """Return *record* as a row; of one that is not there nothing is known."""
    if record is None:
        return terms.blank()
    row = row_of(terms, side)(record.values)
    check_row(terms, side, row)
    return row


def _moved(terms: Terms, plan: RecordPlan, rows: Pair[Row]) -> tuple[Linked, Pending] | None:
    """Return link and entry where *rows* show that something was written."""
    link, entry = plan.link, plan.entry
    shown = [field for field in plan.fields if not field.restore and _shown(terms, field, rows)]
    if link is None or not shown:
        return None
    base, seen = link.rows.map(list), entry.seen.map(_copied)
    for field in shown:
        at = terms.index(field.name)
        for side in Side:
            told = side in field.told
            held = rows[side][at] if told else plan.actual[side][at]
            if held is not MISSING and (at < terms.plain or side is Side.MARKETO):
                base[side][at] = held
            there = seen[side]
            if told and there is not None and there.row[at] is not MISSING:
                there.row[at] = held
    names = {field.name for field in shown}
    here = seen.marketo
    if here is not None:
        claims = {name: claim for name, claim in here.claims.items() if name not in names}
        seen = seen.replace(Side.MARKETO, attrs.evolve(here, claims=claims))
    return attrs.evolve(link, rows=base), attrs.evolve(entry, seen=seen)


def _copied(seen: Observation | None) -> Observation | None:
    return None if seen is None else attrs.evolve(seen, row=seen.row.copy())


def _shown(terms: Terms, field: FieldPlan, rows: Pair[Row]) -> bool:
    """Return whether every side that was to be told *field* holds what it was sent."""
    at = terms.index(field.name)
    same = terms.fields[at].same
    return bool(field.told) and all(
        (now := rows[side][at]) is not MISSING
        and (wire := field.wire(side)) is not MISSING
        and same(now, wire, Pair(side, side))
        for side in field.told
    )


# -- records that meet


def _meet(
    session: Session,
    terms: Terms,
    plans: Iterable[RecordPlan],
    found: _Found,
    sent_at: Mapping[PendingKey, float],
) -> None:
    """
    Settle the records that were made, or that met, as if the answer had come.

    A person may have been given its id by somebody else: one that does not show our writing
    is left to the feed, which tells what happened. So is a record that is linked by now.
    """
    desk = Desk(session, session.store.next_key())
    records = [plan.entry.ids.dynamics for plan in plans if plan.entry.ids.dynamics is not None]
    taken = session.store.known(Side.DYNAMICS, records, terms.entity)
    for plan in plans:
        key = plan.entry.key
        if plan.link is None and plan.entry.ids.dynamics in taken:
            continue
        results = Pair(
            _answer(terms, plan, Side.MARKETO, found.marketo.get(key)),
            _answer(terms, plan, Side.DYNAMICS, found.dynamics.get(key)),
        )
        if any(isinstance(result, Created | Updated) for result in results):
            desk.hear(terms, plan, results, unsure_notes(terms, plan, sent_at[key]))
    desk.settle_heard()


def _answer(
    terms: Terms, plan: RecordPlan, side: Side, record: Record | None
) -> WriteResult | None:
    """Return what *side* would have answered, as *record* shows it now."""
    write = plan.writes[side]
    if write is None:
        return None
    if record is None:
        return NotAttempted()
    if isinstance(write, Create) and side is Side.DYNAMICS:
        # Nobody else makes a record under an id of ours.
        return Created(record.id, record.version)
    row, both, sent = _row(terms, side, record), Pair(side, side), plan.sent(side)
    # Nobody but a sync says what a person is in Dynamics: that alone tells that it was written,
    # whatever was edited since.
    names = ["@type"] if "@type" in sent else list(sent)
    shown = all(
        terms.fields[at].same(row[at], sent[name], both)
        for name, at in ((name, terms.index(name)) for name in names)
    )
    return Updated(record.id, record.version) if shown else NotAttempted()
