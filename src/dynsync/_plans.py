"""Plan what is due in the backlog, and say each plan as a value that a host can look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from dynsync._gather import Ready, gather
from dynsync._session import Session
from dynsync.backlog import AMBIGUOUS_MATCH, PendingKey
from dynsync.deciding import digest
from dynsync.holding import left_ambiguous
from dynsync.outcomes import Outcome, OutcomeKind
from dynsync.planning import RecordPlan, plan_record
from dynsync.recorder import journal_entry
from dynsync.records import Pair, RecordId, Side
from dynsync.reports import PlannedRecord, PlannedWrite
from dynsync.settling import settle
from dynsync.writes import Create, Update, Write, hoped

__all__ = ["as_planned", "leave_ambiguous", "leave_unknown", "planned", "plans"]

_CHUNK: Final = 1000
"""Backlog entries taken at a time."""


def plans(session: Session, now: float) -> Iterator[tuple[Ready, RecordPlan | None]]:
    """
    Plan what is due, in order of modification; None for what nobody may be linked to.

    Goes through the backlog once: what is put back into it waits for the next run.
    """
    after: tuple[float, PendingKey] | None = None
    while True:
        entries = session.store.due(now, after, _CHUNK)
        if not entries:
            return
        after = (entries[-1].modified, entries[-1].key)
        mine = [entry for entry in entries if entry.entity in session.terms]
        for ready in gather(session, session.terms, mine):
            if ready.trouble:
                yield ready, None
                continue
            terms = session.terms[ready.entry.entity]
            yield ready, plan_record(terms, ready.entry, ready.link, now)


def leave_ambiguous(session: Session, ready: Ready) -> None:
    """Leave a record that nobody may be linked to for later, and say so."""
    entry = ready.entry
    now = session.now()
    # Should it have been heard before that nobody may be linked, it counts once.
    session.heard.pop(entry.key, None)
    link = ready.link.key if ready.link is not None else None
    outcome = Outcome(entry.entity, _ids(ready), OutcomeKind.AMBIGUOUS, ready.trouble, link)
    with session.commit():
        session.store.save_pending([left_ambiguous(entry, now)])
        if entry.reason != AMBIGUOUS_MATCH:
            session.store.append([journal_entry(outcome, session.report.run, now)])
    session.report.add(outcome)


def _ids(ready: Ready) -> Pair[RecordId | None]:
    return ready.entry.ids if ready.link is None else Pair[RecordId | None](*ready.link.ids)


def _planned_write(side: Side, write: Write) -> PlannedWrite:
    if isinstance(write, Create):
        return PlannedWrite(side, "create", write.key, dict(write.values))
    return PlannedWrite(side, "update", write.id, dict(write.values))


def planned(session: Session, ready: Ready, plan: RecordPlan | None) -> PlannedRecord:
    """Return *plan* as a value, with the outcome it would have if every write were applied."""
    entry = ready.entry
    if plan is None:
        return PlannedRecord(
            entry.key, entry.entity, _ids(ready), (), (), OutcomeKind.AMBIGUOUS, ready.trouble
        )
    terms = session.terms[entry.entity]
    settlement = settle(terms, plan, plan.writes.map(hoped), session.now(), 0)
    writes = tuple(
        _planned_write(side, write) for side in Side if (write := plan.writes[side]) is not None
    )
    outcome = settlement.outcome
    told = journal_entry(attrs.evolve(outcome, results=()), 0, 0.0).detail
    versions = [write.expect for write in plan.writes if isinstance(write, Update)]
    # Marketo has no versions: there it is the values that would be replaced.
    replaced = [plan.actual[side][terms.index(f.name)] for f in plan.fields for side in f.told]
    return PlannedRecord(
        entry.key,
        entry.entity,
        _ids(ready),
        writes,
        outcome.changes,
        outcome.kind,
        outcome.why,
        outcome.results,
        digest([told, *versions, *replaced]),
    )


def as_planned(
    session: Session,
    ready: Ready,
    plan: RecordPlan | None,
    only: Mapping[PendingKey, PlannedRecord],
) -> bool:
    """Return whether the record is in the plan and still to be written as it says there."""
    agreed = only.get(ready.entry.key)
    if agreed is None:
        return False
    fresh = planned(session, ready, plan)
    # The reasons count too: the same write that now overrides somebody was not agreed to.
    if (fresh.writes, fresh.basis) == (agreed.writes, agreed.basis):
        return True
    entry = ready.entry
    # Should it have been heard before what became of it, it counts once.
    session.heard.pop(entry.key, None)
    session.report.add(
        Outcome(entry.entity, entry.ids, OutcomeKind.DEFERRED, "changed since it was planned")
    )
    return False


def leave_unknown(session: Session, only: Mapping[PendingKey, PlannedRecord]) -> None:
    """
    Count as deferred what *only* would write and this state knows nothing of.

    Who waits in the backlog, or is linked, is known: there the plan is done, or was overtaken.
    """
    records = [record for record in only.values() if record.writes]
    waiting = session.store.pending([record.key for record in records])
    for record in records:
        if record.key not in waiting and not _is_linked(session, record):
            outcome = Outcome(record.entity, record.ids, OutcomeKind.DEFERRED, "planned elsewhere")
            session.report.add(outcome)


def _is_linked(session: Session, record: PlannedRecord) -> bool:
    return any(
        session.store.link_of(side, id_, record.entity) is not None
        for side in Side
        if (id_ := record.ids[side]) is not None
    )
