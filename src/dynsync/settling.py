"""
From a plan and the answers to it: what to store, and the outcome. Pure.

What is not settled stays in the backlog with a reason and a time to try again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, assert_never

import attrs
from attrs import Factory

from dynsync.advancing import MADE, Advance, advance, applied, version_after
from dynsync.agreeing import agreed
from dynsync.backlog import (
    Hold,
    Linked,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    link_key,
)
from dynsync.decisions import FieldPlan
from dynsync.holding import (
    SWALLOWED,
    UNDECIDED,
    hold_refused,
    kept_holds,
    left_ambiguous,
    refusals,
    tell_untold,
    untried_holds,
)
from dynsync.outcomes import TAKEN, FieldChange, Outcome, OutcomeKind, severity
from dynsync.planning import Action, RecordPlan
from dynsync.records import MISSING, Pair, RecordId, Side, Version, laid_over
from dynsync.terms import Terms
from dynsync.validation import ValidationResult
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["Settlement", "settle", "taken"]


@attrs.frozen
class Settlement:
    """
    What to store, in one transaction, and what to tell.

    *link* is saved if given, *dropped_link* removed; the entry *key* is removed and *entry*
    saved if given. With *again* the rest of the record may be sent in this very run.
    """

    key: PendingKey
    link: Linked | None
    dropped_link: int | None
    entry: Pending | None
    outcome: Outcome
    again: bool = False


def _made_before(write: Write | None, reasons: Iterable[Reason]) -> bool:
    """
    Return whether a create was refused because somebody made the record under its key before.

    Most likely we did, and never heard. An update that meets another record's key is refused
    like any other value, and so is a create that names a field: it met another record's value.
    """
    return isinstance(write, Create) and any(
        reason.code == "duplicate_key" and reason.field is None for reason in reasons
    )


@attrs.define
class _Rest:
    """Why a record is not finished, and when each reason is next due."""

    reasons: list[tuple[OutcomeKind, str, float | None]] = Factory(
        list[tuple[OutcomeKind, str, float | None]]
    )

    def add(self, kind: OutcomeKind, reason: str, due: float | None) -> None:
        self.reasons.append((kind, reason, due))

    @property
    def due(self) -> float | None:
        return min((due for *_, due in self.reasons if due is not None), default=None)

    @property
    def worst(self) -> tuple[OutcomeKind, str]:
        kind, reason, _ = max(self.reasons, key=lambda rest: severity(rest[0]))
        return kind, reason


@attrs.define
class _Settling:
    """One plan with its answers, on the way to its `Settlement`."""

    terms: Terms
    plan: RecordPlan
    results: Pair[WriteResult | None]
    now: float
    rows: Advance
    rest: _Rest = Factory(_Rest)
    holds: list[Hold] = Factory(list[Hold])
    told: list[ValidationResult] = Factory(list[ValidationResult])

    @property
    def pushed(self) -> bool:
        """Return whether a person was just made in Dynamics, and does not know it yet."""
        made_there = self.plan.action is Action.CREATE_IN_DYNAMICS
        return made_there and applied(self.results.dynamics) is not None

    # -- what is left to do

    def judge(self, ids: Pair[RecordId | None]) -> None:
        """Find out what keeps the record from being finished."""
        self._hold(ids)
        for result, write in zip(self.results, self.plan.writes, strict=True):
            # Most answers say that all is well.
            if result is not None and not isinstance(result, Updated):
                self._judge_result(result, write)
        for field in self.plan.fields:
            if field.waits:
                self._judge_field(field)
        for hold in self.holds:
            self._judge_hold(hold)
        self.holds += untried_holds(self.plan, self.results)
        if self.rows.rewritten:
            self.rest.add(OutcomeKind.UPDATED, "rewritten", self.now)
        if self.pushed:
            self.rest.add(OutcomeKind.CREATED, "stamps", self.now)

    def _hold(self, ids: Pair[RecordId | None]) -> None:
        """Hold what was refused, before or now, and tell what was not told yet."""
        for standing in kept_holds(self.plan):
            hold, told = tell_untold(self.terms, self.plan.entry, ids, standing, self.now)
            self.holds.append(hold)
            self.told += told
        for refused in refusals(self.terms, self.plan, self.results):
            if not _made_before(self.plan.writes[refused.side], refused.reasons):
                hold, told = hold_refused(self.terms, self.plan.entry, ids, refused, self.now)
                self.holds.append(hold)
                self.told += told

    def _judge_hold(self, hold: Hold) -> None:
        swallowed = SWALLOWED in hold.codes
        kind = OutcomeKind.SWALLOWED if swallowed else OutcomeKind.REJECTED
        if hold.permanent:
            self.rest.add(kind, "permanent", None)
        else:
            self.rest.add(kind, "held", hold.retry_at)

    def _judge_result(self, result: WriteResult | None, write: Write | None) -> None:
        deferred, add, now = OutcomeKind.DEFERRED, self.rest.add, self.now
        match result:
            case None | Created() | Updated():
                pass
            case Stale():
                add(deferred, "stale", now)
            case ThrottledWrite(retry_after):
                add(deferred, "throttled", now + retry_after)
            case NotAttempted():
                add(deferred, "not attempted", now)
            case AmbiguousWrite():
                add(deferred, "ambiguous", now)
            case Gone():
                add(deferred, "gone", now)
            case Rejected(reasons):
                if _made_before(write, reasons):
                    add(deferred, "ambiguous", now)
            case _:
                assert_never(result)

    def _judge_field(self, field: FieldPlan) -> None:
        if field.unresolved:
            self.rest.add(OutcomeKind.UNRESOLVED, "unresolved", self.now)
        if field.adopt:
            self.rest.add(OutcomeKind.AGREED, "first", self.now)
        if field.withheld:
            # What may not be given to a new record may perhaps be told to the one that it is now.
            soon = self.plan.action in MADE and all(
                self.terms.may_tell(side, field.name, creating=False) for side in field.withheld
            )
            self.rest.add(OutcomeKind.WITHHELD, "withheld", self.now if soon else None)

    def again(self) -> bool:
        """
        Return whether the rest of the record may go out at once.

        Not if a write got no answer: sent once more, it would be awaited twice and come back once.
        """
        if any(isinstance(result, AmbiguousWrite) for result in self.results):
            return False
        isolated = self.terms.hold == "field" and any(
            isinstance(self.results[r.side], Rejected) and r.field
            for r in refusals(self.terms, self.plan, self.results)
        )
        return self.pushed or isolated

    # -- the link

    def link(self, new_key: int) -> Linked | None:
        """Return the link after the plan, made under *new_key* if it is new."""
        plan, link = self.plan, self.plan.link
        side = MADE.get(plan.action)
        ids = plan.entry.ids if link is None else link.ids
        if side is not None:
            answer = applied(self.results[side])
            if answer is None:
                return link
            ids = ids.replace(side, answer.id)
        # Else they have not met yet, and next time the same policy is to decide.
        met = link is not None or not any(isinstance(one, UNDECIDED) for one in self.results)
        if ids.marketo is None or ids.dynamics is None or not met:
            return link
        self.rows.base.dynamics[self.terms.plain :] = [None] * self.terms.stamps
        return Linked(
            link.key if link is not None else new_key,
            plan.entry.entity,
            Pair(ids.marketo, ids.dynamics),
            self.rows.base,
            Pair(self._version(Side.MARKETO), self._version(Side.DYNAMICS)),
            LinkState.GONE_DYNAMICS if plan.action is Action.FLAG else LinkState.LIVE,
            link.sent if link is not None and side is None else (),
        )

    def _version(self, side: Side) -> Version | None:
        link = self.plan.link
        before = None if link is None else link.versions[side]
        return version_after(self.results[side], self.plan.entry.seen[side], before)

    # -- the backlog entry

    def left(self, link: Linked | None) -> Pending | None:
        """Return the backlog entry that remains, if anything does."""
        if not self.rest.reasons:
            return None
        entry = self.plan.entry
        return attrs.evolve(
            entry,
            key=link_key(link.key) if link is not None else entry.key,
            link=link.key if link is not None else None,
            ids=Pair(*link.ids) if link is not None else entry.ids,
            seen=Pair(self._observed(Side.MARKETO), self._observed(Side.DYNAMICS)),
            retry_at=self.rest.due,
            reason=self.rest.worst[1],
            attempts=entry.attempts + 1,
            push=None if link is not None else entry.push,
            holds=tuple(self.holds),
            clears=0,
        )

    def _observed(self, side: Side) -> Observation | None:
        """Return what is known of *side* for the next attempt."""
        seen, row = self.plan.entry.seen[side], self.rows.seen[side]
        if isinstance(self.results[side], Gone):
            return Observation(self.terms.blank(), gone=True)
        if row is None:
            return None
        version = self._version(side)
        if seen is None:
            return Observation(row, version)
        claims = {n: claim for n, claim in seen.claims.items() if n not in self.rows.settled}
        return attrs.evolve(seen, row=row, version=version, claims=claims)

    # -- the outcome

    def outcome(self, ids: Pair[RecordId | None], link: Linked | None) -> Outcome:
        """Return what became of the record."""
        kind, why = self._kind()
        made = self.plan.action in MADE
        return Outcome(
            self.plan.entry.entity,
            ids,
            kind,
            why,
            link.key if link is not None else None,
            tuple([self._change(f) for f in self.plan.fields if _notable(f, made=made)]),
            tuple(self.told),
            tuple(sorted({hold.field for hold in self.holds})) if self.holds else (),
        )

    def _change(self, field: FieldPlan) -> FieldChange:
        """Return the field's part: what a side did not take was not written there."""
        change = field.change()
        written = tuple([side for side in change.written if applied(self.results[side])])
        if written != change.written:
            change = attrs.evolve(change, written=written)
        if change.lost is not MISSING and self._stands(field):
            change = attrs.evolve(change, lost=MISSING)
        return change

    def _stands(self, field: FieldPlan) -> bool:
        """Return whether what was to give way to *field* is still there, as far as is known."""
        if not field.told:
            return bool(field.refused or field.held or field.withheld)
        results = [self.results[side] for side in field.told]
        return not any(applied(one) or isinstance(one, AmbiguousWrite) for one in results)

    def _kind(self) -> tuple[OutcomeKind, str]:
        """Return the one bucket of the record, and why."""
        made = MADE.get(self.plan.action)
        kind, why = OutcomeKind.AGREED, ""
        if isinstance(self.results.marketo, Updated) or isinstance(self.results.dynamics, Updated):
            kind = OutcomeKind.UPDATED
        if made is not None and applied(self.results[made]) is not None:
            kind, why = OutcomeKind.CREATED, f"made from what {made.other.label} holds"
        link = self.plan.link
        if self.plan.action is Action.FLAG and (link is None or link.state is LinkState.LIVE):
            kind, why = _worse((kind, why), (OutcomeKind.FLAGGED, "deleted in Dynamics"))
        return _worse((kind, why), self.rest.worst) if self.rest.reasons else (kind, why)


def _worse(one: tuple[OutcomeKind, str], other: tuple[OutcomeKind, str]) -> tuple[OutcomeKind, str]:
    return other if severity(other[0]) > severity(one[0]) else one


def _notable(field: FieldPlan, *, made: bool) -> bool:
    """Return whether the outcome names the field: a new record's values all have one reason."""
    if made:
        return field.waits
    return bool(field.told or field.decision is not None or field.waits)


_BARE: Final[Mapping[Action, OutcomeKind]] = {
    Action.FORGET: OutcomeKind.FORGOTTEN,
    Action.SUPPRESS: OutcomeKind.SUPPRESSED,
    Action.UNLINK: OutcomeKind.UNLINKED,
    Action.DROP: OutcomeKind.SKIPPED,
}


def taken(plan: RecordPlan, now: float) -> Settlement:
    """Settle a plan whose person is linked to another record: nobody is linked (invariant 27)."""
    entry = left_ambiguous(plan.entry, now)
    outcome = Outcome(entry.entity, entry.ids, OutcomeKind.AMBIGUOUS, TAKEN)
    return Settlement(entry.key, None, None, entry, outcome)


def _settle_bare(plan: RecordPlan) -> Settlement:
    """Settle a plan that writes nothing and compares nothing."""
    link, entry = plan.link, plan.entry
    ids = link.ids if link is not None else entry.ids
    outcome = Outcome(
        entry.entity,
        Pair(ids.marketo, ids.dynamics),
        _BARE[plan.action],
        entry.reason,
        link.key if link is not None else None,
    )
    if plan.action is Action.UNLINK and link is not None:
        return Settlement(entry.key, None, link.key, None, outcome)
    if link is not None:
        rows = link.rows
        seen = entry.seen.dynamics
        if seen is not None and not seen.gone:
            rows = Pair(rows.marketo, laid_over(seen.row, rows.dynamics))
        link = attrs.evolve(link, rows=rows, state=LinkState.GONE_MARKETO)
    return Settlement(entry.key, link, None, None, outcome)


def settle(
    terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None], now: float, new_key: int
) -> Settlement:
    """
    Return what *results* make of *plan*.

    *results* holds the answer to each of the plan's writes, None where it had none.
    *new_key* is the key of the link, should one be made.
    """
    if plan.action in _BARE:
        return _settle_bare(plan)
    if (done := agreed(terms, plan, results)) is not None:
        return _settle_agreed(plan, results, *done)
    return _settle_judged(terms, plan, results, now, new_key)


def _settle_agreed(
    plan: RecordPlan,
    results: Pair[WriteResult | None],
    link: Linked,
    changes: tuple[FieldChange, ...],
) -> Settlement:
    """Settle a plan of which everything was done."""
    written = results.marketo is not None or results.dynamics is not None
    kind = OutcomeKind.UPDATED if written else OutcomeKind.AGREED
    ids: Pair[RecordId | None] = Pair(link.ids.marketo, link.ids.dynamics)
    outcome = Outcome(link.entity, ids, kind, "", link.key, changes)
    return Settlement(plan.entry.key, link, None, None, outcome)


def _settle_judged(
    terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None], now: float, new_key: int
) -> Settlement:
    settling = _Settling(terms, plan, results, now, advance(terms, plan, results))
    link = settling.link(new_key)
    ids: Pair[RecordId | None] = Pair(*(plan.entry.ids if link is None else link.ids))
    settling.judge(ids)
    left = settling.left(link)
    again = left is not None and settling.again()
    outcome = settling.outcome(ids, link)
    return Settlement(plan.entry.key, link, None, left, outcome, again)
