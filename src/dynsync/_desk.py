"""Write and settle: plans wait at the desk until a batch is full, and leave it settled."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import attrs
from attrs import Factory

from dynsync._confirm import await_echo, kept_by_marketo
from dynsync._contract import usable_results
from dynsync._ending import Ending
from dynsync._notes import notes_of, upsert_notes
from dynsync._refused import overtaken
from dynsync._rights import Answered, believe, without_values
from dynsync._session import Session
from dynsync._unanswered import answered, sending
from dynsync.backlog import Linked, LinkState, Sent, link_key
from dynsync.errors import Ambiguous, ContractError, Refused, SchemaChanged, SystemFailure
from dynsync.outcomes import Outcome, OutcomeKind, severity
from dynsync.planning import Action, RecordPlan, plan_record
from dynsync.recorder import journal_entry
from dynsync.records import MISSING, Pair, Side
from dynsync.settling import Settlement, settle
from dynsync.terms import Terms
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Gone,
    NotAttempted,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["Desk"]

_SETTLE_AT = 500
"""Settled records a transaction, where no batch of writes says otherwise."""

_UNTOUCHED = (Rejected, Stale, Gone, ThrottledWrite, NotAttempted)
"""Answers after which no echo comes: nothing was applied."""

_ROUNDS = 20
"""How often the rest of a record is sent again after single fields of it were refused."""


_UNANSWERED: Final[Pair[WriteResult | None]] = Pair(None, None)


@attrs.define(eq=False)
class _Case:
    """One plan on its way through the desk."""

    terms: Terms
    plan: RecordPlan
    waiting: int
    results: Pair[WriteResult | None] = _UNANSWERED
    rounds: int = 0
    before: Outcome | None = None
    notes: tuple[Sent, ...] = ()
    upserted_at: float | None = None

    def note(self, result: WriteResult) -> None:
        """Keep the notes that Marketo's *result* leaves to be kept."""
        if isinstance(result, _UNTOUCHED):
            # What was not applied has no echo; it leaves with what is settled of it.
            self.forget_notes()
        elif self.upserted_at is not None and isinstance(result, Updated):
            # It found a person who exists (C6); of one who was made there is nothing to note.
            self.notes = tuple(upsert_notes(self.plan, self.upserted_at))

    def forget_notes(self) -> None:
        """Take the notes of this write off the link again."""
        if self.plan.link is not None and self.notes:
            sent = self.plan.link.sent
            self.plan.link.sent = tuple(note for note in sent if note not in self.notes)
        self.notes = ()


_Place: TypeAlias = tuple[Side, str, str]
"""Where a write waits: its side, its table, and its `_kind`."""


def _kind(write: Write) -> str:
    """
    Return what tells *write* from those that a system takes by another call.

    Marketo takes what is made by one field in one call, and by another field in another: a
    batch of both would part into calls that are not full.
    """
    return write.key_field or "" if isinstance(write, Create) else ""


@attrs.define
class Desk:
    """
    Takes plans, sends their writes in full batches and settles what comes back.

    In memory are no more plans than fill a batch per table and kind of write. After a system
    failed, or a connector *broke* its promise, the desk is *closed*: nothing is sent any more,
    and what was answered is settled all the same. Where Dynamics alone refuses all that is sent to
    a table, that table is *shut*, and the other entities go on.
    """

    session: Session
    next_key: int
    queues: dict[_Place, deque[_Case]] = Factory(dict["_Place", "deque[_Case]"])
    ready: list[_Case] = Factory(list[_Case])
    ending: Ending = Factory(lambda desk: Ending(desk.session), takes_self=True)
    closed: bool = False
    shut: set[str] = Factory(set[str])
    broke: ContractError | None = None

    def submit(self, terms: Terms, plan: RecordPlan) -> None:
        """Take *plan*; writes go out as soon as they fill a batch."""
        before = self.session.heard.pop(plan.entry.key, None)
        self._enqueue(_Case(terms, plan, 0, before=before))

    def _enqueue(self, case: _Case) -> None:
        case.waiting = 0
        case.results = _UNANSWERED
        chosen: list[_Place] = []
        for side in Side:
            write = case.plan.writes[side]
            if write is None:
                continue
            case.waiting += 1
            place = side, case.terms.map.tables[side], _kind(write)
            self.queues.setdefault(place, deque()).append(case)
            chosen.append(place)
        if not case.waiting:
            self.ready.append(case)
            if len(self.ready) >= _SETTLE_AT:
                self._settle()
        for place in chosen:
            side, table, _ = place
            full = len(self.queues[place]) >= self.session.limits[side].batch
            if full and (batch := self._next(side, [place])):
                self._send(side, table, batch)

    def close(self) -> None:
        """Send nothing any more, and settle what was answered."""
        self.closed = True
        self._clear()

    def flush(self) -> None:
        """Send and settle all that is left; raises what a connector broke, if it did."""
        self._clear()
        if self.broke is not None:
            raise self.broke

    def _clear(self) -> None:
        while self.ready or any(self.queues.values()):
            for side, table in dict.fromkeys((side, table) for side, table, _ in self.queues):
                places = [place for place in self.queues if place[:2] == (side, table)]
                if batch := self._next(side, places):
                    self._send(side, table, batch)
            if self.ready:
                self._settle()

    def _next(self, side: Side, places: Iterable[_Place]) -> list[_Case]:
        """Take as many as fill a batch from the queues at *places*, one after another."""
        batch: list[_Case] = []
        for queue in (self.queues[place] for place in places):
            while queue and len(batch) < self.session.limits[side].batch:
                case = queue.popleft()
                if self.ending.is_over(case.plan):
                    self._give_up(case)
                else:
                    batch.append(case)
        return batch

    def _give_up(self, case: _Case) -> None:
        """Send nothing for a record whose link has ended; what was answered is settled."""
        case.waiting -= 1
        if not case.waiting:
            if not any(case.results):
                case.plan = self.ending.dropped(case.plan)
            self.ready.append(case)

    # -- sending

    def _send(self, side: Side, table: str, batch: Sequence[_Case]) -> None:
        writes = [write for case in batch if (write := case.plan.writes[side]) is not None]
        results = self._believed(side, batch, self._write(side, table, batch, writes))
        for case, result in zip(batch, results, strict=True):
            case.results = case.results.replace(side, result)
            if side is Side.MARKETO:
                case.note(result)
            case.waiting -= 1
            if not case.waiting:
                self.ready.append(case)
        self._settle()

    def _believed(
        self, side: Side, batch: Sequence[_Case], results: Sequence[WriteResult]
    ) -> Sequence[WriteResult]:
        answers = [
            Answered(case.terms, case.plan, result)
            for case, result in zip(batch, results, strict=True)
        ]
        try:
            if side is Side.MARKETO:
                return kept_by_marketo(self.session, answers)
            return believe(self.session, side, answers)
        except SystemFailure as failure:
            # What the answers are worth is not known; that the writes were answered is.
            self.session.report.failures.append(failure)
            self.closed = True
            return [without_values(result) for result in results]

    def _write(
        self,
        side: Side,
        table: str,
        batch: Sequence[_Case],
        writes: Sequence[Write],
    ) -> Sequence[WriteResult]:
        connector = self.session.systems[side]
        if self.closed or (side is Side.DYNAMICS and table in self.shut):
            return [NotAttempted()] * len(writes)

        try:
            results = self.session.call(
                side,
                "write",
                lambda: connector.write(table, writes),
                # Anew for every attempt: a throttle may have been waited out in between.
                before=lambda: self._remember_sent(side, batch),
            )
        except Ambiguous as failure:
            self.session.report.failures.append(failure)
            return [AmbiguousWrite()] * len(writes)
        except SystemFailure as failure:
            self.session.report.failures.append(failure)
            if side is Side.DYNAMICS and isinstance(failure, Refused | SchemaChanged):
                self._shut(table, batch, failure)
            else:
                self.closed = True
            return [NotAttempted()] * len(writes)
        except ContractError as error:
            return self._break(error, [AmbiguousWrite()] * len(writes))
        self.session.report.writes[side] += len(writes)
        usable, broken = usable_results(side, table, writes, results)
        return usable if broken is None else self._break(broken, usable)

    def _shut(self, table: str, batch: Iterable[_Case], failure: SystemFailure) -> None:
        """Send nothing more to *table*, of which Dynamics takes nothing now."""
        self.shut.add(table)
        entities = [case.terms.entity for case in batch]
        self.session.report.stopped.update(dict.fromkeys(entities, str(failure)))

    def _break(self, error: ContractError, results: Sequence[WriteResult]) -> Sequence[WriteResult]:
        """Close, to raise *error* when all that was acknowledged is recorded."""
        self.closed = True
        self.broke = self.broke or error
        return results

    def _remember_sent(self, side: Side, batch: Sequence[_Case]) -> None:
        """
        Store what is about to be sent, before it is.

        Marketo's feed will tell what each write replaced; without a note of what it meant to
        replace, an edit that it overwrote could not be told from the value we knew.
        """
        now = self.session.marketo_now()
        sent: dict[int, tuple[Sent, ...]] = {}
        guarded = self.session.limits[side].conditional_writes
        for case in batch if side is Side.MARKETO and not guarded else ():
            link = case.plan.link
            case.forget_notes()
            if isinstance(case.plan.writes.marketo, Create):
                case.upserted_at = now
                continue
            case.notes = tuple(notes_of(case.terms, case.plan, _moment(link, now)))
            if link is not None:
                link.sent = (*link.sent, *case.notes)
                sent[link.key] = link.sent
        with self.session.commit():
            sending(self.session, [case.plan.entry.key for case in batch])
            self.session.store.save_sent(sent)

    # -- settling

    def hear(
        self,
        terms: Terms,
        plan: RecordPlan,
        results: Pair[WriteResult | None],
        notes: Sequence[Sent],
    ) -> None:
        """Take a plan that was sent by an earlier run, with what turned out to be the *results*."""
        self.ready.append(_Case(terms, plan, 0, results, notes=tuple(notes)))

    def settle_heard(self) -> None:
        """Settle what was heard; the report counts a record once, with what it does later."""
        for _, settlement in self._store(self.session.now()):
            link = settlement.link
            key = settlement.key if link is None else link_key(link.key)
            self.session.heard[key] = settlement.outcome

    def _settle(self) -> None:
        now = self.session.now()
        for case, settlement in self._store(now):
            self._conclude(case, settlement, now)

    def _store(self, now: float) -> list[tuple[_Case, Settlement]]:
        """Settle what is complete in one transaction: outcomes, bases, backlog (the crash rule)."""
        cases, self.ready = self.ready, []
        session, store = self.session, self.session.store
        if not cases:
            return []
        settlements: list[Settlement] = []
        for case in cases:
            settlement = settle(case.terms, case.plan, case.results, now, self.next_key)
            _keep_notes(case, settlement.link)
            settlements.append(_told_at_last(case, settlement))
            self.next_key += 1
        with session.commit():
            ended = self.ending.make_way([(case.terms, case.plan) for case in cases], settlements)
            settled = list(zip(cases, settlements, strict=True))
            store.drop_links(ended)
            store.save_links(s.link for _, s in settled if s.link is not None)
            store.drop_pending([*(s.key for _, s in settled), *map(link_key, ended)])
            answered(session, [s.key for c, s in settled if _is_known(c)])
            await_echo(
                store, [s.link.key for c, s in settled if s.link and _unconfirmed(c, s.link)]
            )
            store.save_pending(s.entry for _, s in settled if s.entry is not None)
            new = [s.link for c, s in settled if s.link is not None and _is_new(c, s.link)]
            store.save_pending(overtaken(session, new, now))
            run = session.report.run
            store.append(
                journal_entry(s.outcome, run, now) for c, s in settled if not _stands(c, s)
            )
        return settled

    def _conclude(self, case: _Case, settlement: Settlement, now: float) -> None:
        """Count the record's outcome, or send the rest of it again."""
        outcome = settlement.outcome
        if case.before is not None:
            told = {result.told for result in outcome.results}
            before = [result for result in case.before.results if result.told not in told]
            outcome = attrs.evolve(outcome, results=(*before, *outcome.results))
            if severity(case.before.kind) > severity(outcome.kind):
                outcome = attrs.evolve(outcome, kind=case.before.kind, why=case.before.why)
        entry = settlement.entry
        if settlement.again and entry is not None and case.rounds < _ROUNDS and not self.closed:
            plan = plan_record(case.terms, entry, settlement.link, now)
            if any(plan.writes) and not self._unguarded(plan):
                again = _Case(case.terms, plan, 0, rounds=case.rounds + 1, before=outcome)
                self._enqueue(again)
                return
        self.session.report.add(outcome)

    def _unguarded(self, plan: RecordPlan) -> bool:
        """Return whether an update would go out without the version that it needs."""
        return any(
            isinstance(write, Update)
            and write.expect is None
            and self.session.limits[side].conditional_writes
            for side, write in zip(Side, plan.writes, strict=True)
        )


def _moment(link: Linked | None, now: float) -> float:
    """Return *now*, or right after, so that no other write to *link* was sent at that moment."""
    # What an upsert leaves is told by its moment from what was sent later (`unheard_upserts`).
    sent = {note.at for note in link.sent} if link is not None else set[float]()
    while now in sent:
        now = math.nextafter(now, math.inf)
    return now


def _told_at_last(case: _Case, settlement: Settlement) -> Settlement:
    """Tell what was refused before there was a person to tell it to, now that there is one."""
    before, outcome = case.before, settlement.outcome
    if before is None or before.ids.marketo is not None or outcome.ids.marketo is None:
        return settlement
    results = (*before.results, *outcome.results)
    return attrs.evolve(settlement, outcome=attrs.evolve(outcome, results=results))


def _keep_notes(case: _Case, link: Linked | None) -> None:
    """Keep what was set on a person who was not linked, until its echo tells what it replaced."""
    if link is None or not case.notes or not isinstance(case.results.marketo, Updated):
        return
    if case.plan.link is None or isinstance(case.plan.writes.marketo, Create):
        link.sent = (*link.sent, *case.notes)


def _is_new(case: _Case, link: Linked) -> bool:
    """Return whether two records that were there have become one, now or once more."""
    before = case.plan.link
    alive = before is not None and before.state is LinkState.LIVE
    return case.plan.action is Action.MERGE and link.state is LinkState.LIVE and not alive


def _is_known(case: _Case) -> bool:
    """Return whether nothing is left to be found out about what was written."""
    here, there = case.results.marketo, case.results.dynamics
    return not (isinstance(here, AmbiguousWrite) or isinstance(there, AmbiguousWrite))


def _unconfirmed(case: _Case, link: Linked) -> bool:
    """Return whether Marketo says that it did what only its feed will show."""
    result = case.results.marketo
    return bool(link.sent) and isinstance(result, Updated) and result.values is None


def _stands(case: _Case, settlement: Settlement) -> bool:
    """Return whether a collision is still what the journal says already, and nothing was done."""
    outcome = settlement.outcome
    if outcome.kind is not OutcomeKind.UNRESOLVED or case.plan.entry.reason != "unresolved":
        return False
    return not any(change.written or change.lost is not MISSING for change in outcome.changes)
