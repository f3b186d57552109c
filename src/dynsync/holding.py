"""
What is refused, how long it is held, and when it is told. Pure.

A refusal is told once (invariant 33) and held: until the value, the schema or the other side
changes, or after a pause that grows with every attempt. After so many of them it is permanent:
only a change lets it go, or somebody who asks (A20).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from itertools import product
from typing import Final

import attrs

from dynsync.backlog import AMBIGUOUS_MATCH, Hold, Linked, Pending
from dynsync.deciding import digest, refusal_digest
from dynsync.fields import Field
from dynsync.planning import RecordPlan, write_digest
from dynsync.records import MISSING, SIDES, Missing, Pair, RecordId, Side, Wire
from dynsync.terms import Terms
from dynsync.validation import ValidationResult
from dynsync.writes import (
    AmbiguousWrite,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    WriteResult,
)

__all__ = [
    "SWALLOWED",
    "UNDECIDED",
    "Refused",
    "due_again",
    "hold_refused",
    "kept_holds",
    "left_ambiguous",
    "pause",
    "refusals",
    "swallowed_fields",
    "swallowed_hold",
    "swallowed_reason",
    "tell_untold",
    "untried_holds",
    "without_undone",
]

SWALLOWED: Final = "SWALLOWED"
"""The code of a write that Marketo answered and did not do (R24)."""

_NO_REASON: Final = (Reason("UNKNOWN", "no reason was given"),)

UNDECIDED: Final = (AmbiguousWrite, NotAttempted, Stale, ThrottledWrite)
"""Answers that say nothing about the values."""

_FIRST_PAUSE: Final = 300.0
_LONGEST_PAUSE: Final = 86_400.0


def pause(attempts: int) -> float:
    """Return how many seconds a refused value rests: five minutes, doubling up to a day."""
    return min(_FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), _LONGEST_PAUSE)


@attrs.frozen
class Refused:
    """One refusal, ours or a system's: of a field, or of the whole write (``""``)."""

    side: Side
    field: str
    reasons: tuple[Reason, ...]
    digest: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes, sorted."""
        return tuple(sorted({reason.code for reason in self.reasons}))

    def holds(self, hold: Hold) -> bool:
        """Return whether *hold* is of this very refusal."""
        mine = (self.side, self.field, self.codes, self.digest)
        return mine == (hold.side, hold.field, hold.codes, hold.digest)


def _by_field(
    terms: Terms, plan: RecordPlan, side: Side, reasons: tuple[Reason, ...]
) -> list[Refused]:
    """Tell a system's refusal of a write apart by field; what names none is of the whole."""
    sent = plan.sent(side)
    by_field: dict[str, list[Reason]] = {}
    for reason in reasons:
        names = [n for n in terms.by_native(side, reason.field or "?") if n in sent] or [""]
        for name in names:
            by_field.setdefault(name, []).append(reason)

    def value_digest(name: str) -> str:
        if not name:
            return write_digest(terms, plan.fields, side, plan.plain)
        return refusal_digest(sent[name], plan.actual[side][terms.index(name)])

    return [Refused(side, n, tuple(rs), value_digest(n)) for n, rs in sorted(by_field.items())]


def refusals(terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None]) -> list[Refused]:
    """Return what was refused: before it was sent, and by the systems."""
    found = [
        Refused(side, field.name, refusal.reasons, refusal.digest)
        for field in plan.fields
        if field.refused
        for side, refusal in field.refused.items()
    ]
    for side, result in zip(SIDES, results, strict=True):
        if isinstance(result, Rejected):
            found += _by_field(terms, plan, side, result.reasons or _NO_REASON)
    return found


def kept_holds(plan: RecordPlan) -> list[Hold]:
    """Return the holds that stand, because they were not tried or not due."""
    if not plan.entry.holds:
        return []
    standing = {(side, field.name) for field in plan.fields for side in field.held}
    whole = {side for side, _ in standing}
    return [
        hold
        for hold in plan.entry.holds
        if (hold.side, hold.field) in standing or (not hold.field and hold.side in whole)
    ]


def left_ambiguous(entry: Pending, now: float) -> Pending:
    """Return *entry* as it waits while nobody may be linked: longer every time."""
    attempts = entry.attempts + 1
    retry_at = now + pause(attempts)
    return attrs.evolve(entry, attempts=attempts, retry_at=retry_at, reason=AMBIGUOUS_MATCH)


def swallowed_reason(field: str | None = None) -> Reason:
    """Return why a value is held that Marketo took and did not keep; *field* is Marketo's name."""
    message = "it took the value and did not keep it; are updates of the field blocked?"
    return Reason(SWALLOWED, message, field)


def swallowed_fields(holds: Iterable[Hold]) -> set[str]:
    """Return the fields of which Marketo is thought to have swallowed a value."""
    return {hold.field for hold in holds if SWALLOWED in hold.codes}


def without_undone(terms: Terms, entry: Pending, link: Linked) -> Linked:
    """
    Return *link* without a base where Dynamics took back what Marketo did not keep.

    Should the person hold something else than Dynamics had then, nothing is left on which both
    agreed, and they meet on it for the first time.
    """
    there, names = entry.seen.dynamics, swallowed_fields(entry.holds)
    if there is None or not names:
        return link
    undone = [
        at
        for at, field in enumerate(terms.fields[: terms.plain])
        if field.name in names
        and _took_back(field, there.row[at], Pair(link.rows.marketo[at], link.rows.dynamics[at]))
    ]
    if not undone:
        return link
    rows = link.rows.map(list)
    for row, at in product(rows, undone):
        row[at] = MISSING
    return attrs.evolve(link, rows=rows)


def _took_back(field: Field, there: Wire | Missing, base: Pair[Wire | Missing]) -> bool:
    if MISSING in {there, base.marketo, base.dynamics}:
        return False
    back = field.same(there, base.dynamics, Pair(Side.DYNAMICS, Side.DYNAMICS))
    return back and not field.same(base.marketo, base.dynamics, Pair(Side.MARKETO, Side.DYNAMICS))


def swallowed_hold(terms: Terms, field: str, wire: Wire, held: Wire, now: float) -> Hold:
    """Return the hold of *wire*, where Marketo kept what it *held*; `tell_untold` tells it."""
    schema = terms.schema_digest(Side.MARKETO, field)
    value = refusal_digest(wire, held)
    return Hold(Side.MARKETO, field, (SWALLOWED,), value, schema, 0, now + pause(1))


def tell_untold(
    terms: Terms, entry: Pending, ids: Pair[RecordId | None], hold: Hold, now: float
) -> tuple[Hold, list[ValidationResult]]:
    """Return *hold*, and what is told of it: of one that was found by reading back, once."""
    if hold.attempts:
        return hold, []
    refused = Refused(hold.side, hold.field, (swallowed_reason(),), hold.digest)
    return hold_refused(terms, entry, ids, refused, now)


def due_again(entry: Pending, now: float) -> Pending:
    """Return *entry* with nothing that keeps it from being tried; it is remembered how often."""
    holds = tuple(attrs.evolve(hold, retry_at=now) for hold in entry.holds)
    return attrs.evolve(entry, retry_at=now, holds=holds)


def untried_holds(plan: RecordPlan, results: Pair[WriteResult | None]) -> list[Hold]:
    """Return the holds that were due, and of which no answer tells whether they still stand."""
    return [
        hold
        for hold in plan.entry.holds
        if isinstance(results[hold.side], UNDECIDED) and hold.field in plan.sent(hold.side)
    ]


def _told(entry: Pending, ids: Pair[RecordId | None], refused: Refused) -> str:
    """
    Return the key under which a refusal is told.

    The same for the same refusal, also after a crash; another one when, after all was well
    in between, the same value is refused once more.
    """
    said = (entry.entity, ids.dynamics, ids.marketo, entry.since)
    return digest(said, refused.side.value, refused.field, refused.codes, refused.digest)


def hold_refused(
    terms: Terms, entry: Pending, ids: Pair[RecordId | None], refused: Refused, now: float
) -> tuple[Hold, list[ValidationResult]]:
    """Return the hold that a refusal leads to, and what is told of it: nothing the second time."""
    attempts = 1 + max((h.attempts for h in entry.holds if refused.holds(h)), default=0)
    rest = pause(attempts) if attempts < terms.tries else math.inf
    hold = Hold(
        refused.side,
        refused.field,
        refused.codes,
        refused.digest,
        terms.schema_digest(refused.side, refused.field),
        attempts,
        now + rest,
    )
    if attempts > 1:
        return hold, []
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    told = _told(entry, ids, refused)
    return hold, [
        ValidationResult(
            entry.entity,
            ids,
            refused.side,
            refused.field or None,
            reason.code,
            reason.message,
            at,
            attempts,
            told,
        )
        for reason in refused.reasons
    ]
