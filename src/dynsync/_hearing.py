"""
Hear: find out what became of writes that nobody answered, before anything new is read.

An answer gets lost, or the process dies. What was sent is written or not, and the record may be
edited on either side before the next run. It is read back first: what it holds of what it was
sent both sides had agreed on, so that whatever is edited later is told from it (invariants 4, 13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from dynsync._contract import check_row
from dynsync._desk import Desk
from dynsync._feeds import row_of
from dynsync._notes import unsure_notes
from dynsync._reading import fetch_all, find_holders
from dynsync._session import SentAt, Session
from dynsync._unanswered import answered, unanswered
from dynsync.backlog import Linked, LinkState, Observation, Pending, PendingKey, Sent
from dynsync.decisions import FieldPlan
from dynsync.errors import Refused
from dynsync.observing import missed
from dynsync.outcomes import FieldChange, Outcome, OutcomeKind
from dynsync.planning import RecordPlan, plan_record
from dynsync.recorder import journal_entry
from dynsync.records import MISSING, Missing, Pair, Record, RecordId, Row, Side, Wire, is_empty
from dynsync.terms import Terms
from dynsync.writes import Create, Created, NotAttempted, Update, Updated, WriteResult

__all__ = ["hear"]

_Found: TypeAlias = Pair[Mapping[PendingKey, Record]]
_Heard: TypeAlias = tuple[Linked, Pending, Outcome]


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
    session: Session, terms: Terms, entries: Sequence[Pending], sent_at: Mapping[PendingKey, SentAt]
) -> None:
    links = session.store.links([entry.link for entry in entries if entry.link is not None])
    # Rights may have been taken since, and a refusal of one side may hold the record by now:
    # what was sent was sent.
    then = terms.unhindered()
    met: list[tuple[Linked, RecordPlan]] = []
    meet: list[RecordPlan] = []
    for entry in entries:
        link = links.get(entry.link) if entry.link is not None else None
        if entry.link is not None and link is None:
            continue
        plan = plan_record(then, entry, link, sent_at[entry.key].ours)
        if plan.link is None or any(isinstance(write, Create) for write in plan.writes):
            meet.append(plan)
        else:
            met.append((plan.link, plan))
    sent = [*(plan for _, plan in met), *meet]
    found: _Found = Pair(
        _read_back(session, terms, Side.MARKETO, sent),
        _read_back(session, terms, Side.DYNAMICS, sent),
    )
    _agree(session, terms, met, found, sent_at)
    _meet(session, terms, meet, found, sent_at)


def _read_back(
    session: Session, terms: Terms, side: Side, plans: Iterable[RecordPlan]
) -> dict[PendingKey, Record]:
    """Return the records that *plans* write to on *side*, as they are now."""
    table, fields = terms.map.tables[side], terms.natives(side)
    keys: dict[RecordId, PendingKey] = {}
    upserts: dict[RecordId, PendingKey] = {}
    for plan in plans:
        write = plan.writes[side]
        if isinstance(write, Update):
            keys[write.id] = plan.entry.key
        elif isinstance(write, Create):
            (keys if side is Side.DYNAMICS else upserts)[write.key] = plan.entry.key
    found = {keys[id_]: one for id_, one in fetch_all(session, side, table, keys, fields).items()}
    holders = find_holders(session, terms, upserts.keys())
    for id_, key in upserts.items():
        # Which of several people an upsert found, nobody can say.
        if len(people := holders.get(id_, ())) == 1:
            found[key] = people[0]
    return found


# -- records that are linked


def _agree(
    session: Session,
    terms: Terms,
    plans: Iterable[tuple[Linked, RecordPlan]],
    found: _Found,
    sent_at: Mapping[PendingKey, SentAt],
) -> None:
    """Move the base of linked records, field by field."""
    notes: dict[int, tuple[Sent, ...]] = {}
    moved: list[_Heard] = []
    heard: list[PendingKey] = []
    for link, plan in plans:
        rows = Pair(
            _row(terms, Side.MARKETO, found.marketo.get(plan.entry.key)),
            _row(terms, Side.DYNAMICS, found.dynamics.get(plan.entry.key)),
        )
        ours, marketos = sent_at[plan.entry.key]
        looked = _looked_for(terms, link, plan, rows.marketo, session.now() - (ours - marketos))
        if looked.sent != link.sent:
            notes[link.key] = looked.sent
        if (one := _moved(terms, looked, plan, rows)) is not None:
            moved.append(one)
        whole = all(len(_shown(terms, field, rows)) == len(field.told) for field in plan.fields)
        if whole and link.state is not LinkState.GONE_MARKETO:
            # Of anything else Marketo's feed may tell more; or who holds the id of a person who
            # was made again, if no right was there any more to say so.
            heard.append(plan.entry.key)
    run, now = session.report.run, session.now()
    with session.commit():
        session.store.save_sent(notes)
        session.store.save_links(link for link, _, _ in moved)
        session.store.save_pending(entry for _, entry, _ in moved)
        session.store.append(journal_entry(told, run, now) for _, _, told in moved if told.changes)
        answered(session, heard)
    session.heard.update((entry.key, told) for _, entry, told in moved if told.changes)


def _row(terms: Terms, side: Side, record: Record | None) -> Row:
    """Return *record* as a row; of one that is not there nothing is known."""
    if record is None:
        return terms.blank()
    row = row_of(terms, side)(record.values)
    check_row(terms, side, row)
    return row


def _looked_for(terms: Terms, link: Linked, plan: RecordPlan, row: Row, now: float) -> Linked:
    """Return *link* with a remark on what was sent to Marketo and is *now* not in its *row*."""
    told = plan.sent(Side.MARKETO)
    gone = {
        name
        for name, wire in told.items()
        if row[at := terms.index(name)] is not MISSING
        and not _holds(terms, Side.MARKETO, row, at, wire)
    }
    notes = tuple(missed(one, now) if one.field in gone else one for one in link.sent)
    return attrs.evolve(link, sent=notes)


def _moved(terms: Terms, link: Linked, plan: RecordPlan, rows: Pair[Row]) -> _Heard | None:
    """Return link, entry and outcome where *rows* show that something was written."""
    entry = plan.entry
    moving = _Moving(terms, plan, rows, link.rows.map(list), entry.seen.map(_copied))
    told = [(field, shown) for field in plan.fields if (shown := _shown(terms, field, rows))]
    if not told:
        return None
    for field, shown in told:
        moving.move(field, shown)
    seen, here = moving.seen, moving.seen.marketo
    if here is not None:
        names = {field.name for field in moving.agreed} | moving.back
        claims = {name: claim for name, claim in here.claims.items() if name not in names}
        seen = seen.replace(Side.MARKETO, attrs.evolve(here, claims=claims))
    changes = tuple(_change(field, shown) for field, shown in told if not field.restore)
    ids: Pair[RecordId | None] = Pair(*link.ids)
    outcome = Outcome(link.entity, ids, OutcomeKind.UPDATED, "", link.key, changes)
    return attrs.evolve(link, rows=moving.base), attrs.evolve(entry, seen=seen), outcome


def _change(field: FieldPlan, shown: Sequence[Side]) -> FieldChange:
    """
    Return what became of *field*, which the sides *shown* hold as they were sent it.

    Where only one of two does, its value goes on to the other as any change, and nothing will
    tell any more what gave way.
    """
    change = field.change()
    return change if len(shown) == len(field.told) else attrs.evolve(change, written=tuple(shown))


@attrs.define
class _Moving:
    """A linked record whose base moves to what its *rows* show."""

    terms: Terms
    plan: RecordPlan
    rows: Pair[Row]
    base: Pair[Row]
    seen: Pair[Observation | None]
    agreed: list[FieldPlan] = attrs.Factory(list[FieldPlan])
    back: set[str] = attrs.Factory(set[str])

    def move(self, field: FieldPlan, shown: Sequence[Side]) -> None:
        """Take *field*, which the sides *shown* hold as they were sent it."""
        at = self.terms.index(field.name)
        if field.restore:
            # What we overwrote is back, and the base is where it was before.
            self.back.add(field.name)
            self.base.marketo[at], self.base.dynamics[at] = self.plan.entry.claims[field.name][1]
            return
        whole = len(shown) == len(field.told) and not field.half_told
        if whole:
            self.agreed.append(field)
        for side in Side:
            held = self.rows[side][at] if side in shown else self.plan.actual[side][at]
            # Where one side alone was told what the policy put, it is that side's by now.
            moves = whole or side not in shown
            compared = at < self.terms.plain or side is Side.MARKETO
            if moves and compared and held is not MISSING:
                self.base[side][at] = held
            there = self.seen[side]
            if side in shown and there is not None and there.row[at] is not MISSING:
                there.row[at] = held


def _copied(seen: Observation | None) -> Observation | None:
    return None if seen is None else attrs.evolve(seen, row=seen.row.copy())


def _shown(terms: Terms, field: FieldPlan, rows: Pair[Row]) -> list[Side]:
    """Return the sides that were to be told *field* and hold what they were sent."""
    at = terms.index(field.name)
    return [side for side in field.told if _holds(terms, side, rows[side], at, field.wire(side))]


def _holds(terms: Terms, side: Side, row: Row, at: int, wire: Wire | Missing) -> bool:
    now = row[at]
    if now is MISSING or wire is MISSING:
        return False
    return terms.fields[at].same(now, wire, Pair(side, side))


# -- records that meet


def _meet(
    session: Session,
    terms: Terms,
    plans: Iterable[RecordPlan],
    found: _Found,
    sent_at: Mapping[PendingKey, SentAt],
) -> None:
    """
    Settle the records that were made, or that met, as if the answer had come.

    A person may have been given its id by somebody else: one that does not show our writing
    is left to the feed, which tells what happened. So is a record that is linked by now.
    """
    desk = Desk(session, session.store.next_key())
    ids = [plan.entry.ids.dynamics for plan in plans if plan.entry.ids.dynamics is not None]
    taken = session.store.known(Side.DYNAMICS, ids, terms.entity)
    for plan in plans:
        key = plan.entry.key
        if plan.link is None and plan.entry.ids.dynamics in taken:
            continue
        records = Pair(found.marketo.get(key), found.dynamics.get(key))
        results = Pair(
            _answer(terms, plan, Side.MARKETO, records.marketo),
            _answer(terms, plan, Side.DYNAMICS, records.dynamics),
        )
        if any(isinstance(result, Created | Updated) for result in results):
            for side in Side:
                if plan.writes[side] is not None:
                    _take_out(terms, plan, side, _row(terms, side, records[side]))
            # No echo is awaited of what was perhaps not sent.
            notes = unsure_notes(terms, plan, sent_at[key].marketos)
            desk.hear(terms, plan, results, notes)
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
    row, sent = _row(terms, side, record), plan.sent(side)
    # Nobody but a sync says what a person is in Dynamics: that alone tells that it was written,
    # whatever was edited since. What may not be written there now was perhaps not sent.
    names = ["@type"] if "@type" in sent else list(sent)
    creating = isinstance(write, Create)
    shown = all(
        _holds(terms, side, row, terms.index(name), sent[name])
        for name in names
        if terms.may_tell(side, name, creating=creating)
    )
    return Updated(record.id, record.version) if shown else NotAttempted()


def _take_out(terms: Terms, plan: RecordPlan, side: Side, row: Row) -> None:
    """
    Take out of *plan* what was perhaps not sent, so that nothing is agreed on it.

    Rights, rules and holds may have been others then. What is not there must not look as if
    somebody had emptied it; and what may not be written there, as if somebody had edited it.
    """
    creating = isinstance(plan.writes[side], Create)
    unsent = {
        name
        for name, wire in plan.sent(side).items()
        if not _holds(terms, side, row, at := terms.index(name), wire)
        and (is_empty(row[at]) or not terms.may_tell(side, name, creating=creating))
    }
    if unsent:
        plan.plain = {name: wire for name, wire in plan.plain.items() if name not in unsent}
        left = [field for field in plan.fields if field.name not in unsent]
        waits = [FieldPlan(name, None, "first", withheld=(side,)) for name in sorted(unsent)]
        plan.fields = (*left, *waits)
