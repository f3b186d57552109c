"""
From a plan and the answers to it: the next base, the next backlog entry, the outcome. Pure.

The base moves to what each side acknowledged, never to what was hoped (invariant 14), and a
field's base moves on both sides at once or not at all. What is not settled stays in the
backlog with a reason and a time to try again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from dynsync.backlog import Hold, Linked, LinkState, Observation, Pending, PendingKey, link_key
from dynsync.fields import Field
from dynsync.kinds import Unfit
from dynsync.outcomes import Outcome, OutcomeKind, severity
from dynsync.planning import Action, FieldPlan, RecordPlan, digest, refusal_digest, write_digest
from dynsync.records import MISSING, Missing, Pair, RecordId, Row, Side, Version, Wire
from dynsync.terms import Terms
from dynsync.validation import ValidationResult
from dynsync.writes import (
    AmbiguousWrite,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Updated,
    WriteResult,
)

__all__ = ["Settlement", "pause", "settle", "taken"]

_MADE: Final[Mapping[Action, Side]] = {
    Action.CREATE_PERSON: Side.MARKETO,
    Action.CREATE_IN_DYNAMICS: Side.DYNAMICS,
}
"""Where a plan that makes a record makes it."""

_FIRST_PAUSE: Final = 300.0
_LONGEST_PAUSE: Final = 86_400.0


def pause(attempts: int) -> float:
    """Return how many seconds a refused value rests: five minutes, doubling up to a day."""
    return min(_FIRST_PAUSE * 2.0 ** min(attempts - 1, 20), _LONGEST_PAUSE)


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


_SIDES: Final = tuple(Side)
_APPLIED: Final = (Created, Updated)


def _applied(result: WriteResult | None) -> Created | Updated | None:
    return result if isinstance(result, _APPLIED) else None


# -- the base


def _acknowledged(terms: Terms, side: Side, result: WriteResult | None) -> Row:
    """Return what *side* says that it holds after the write, `MISSING` where it says nothing."""
    applied = _applied(result)
    if applied is None or applied.values is None:
        return terms.blank()
    values = applied.values
    return [values.get(f.names[side], MISSING) if f.names[side] else MISSING for f in terms.fields]


def _adopted(terms: Terms, at: int, wire: Wire | Missing) -> Pair[Wire | Missing]:
    """Return Dynamics' value as the base of both sides (A28)."""
    if wire is MISSING:
        return Pair(MISSING, MISSING)
    kind = terms.fields[at].kind
    try:
        return Pair(kind.encode(kind.decode(wire, Side.DYNAMICS), Side.MARKETO), wire)
    except Unfit:
        return Pair(MISSING, MISSING)


@attrs.define
class _Books:
    """The rows being rewritten: both bases, and what was observed on both sides."""

    base: Pair[Row]
    seen: Pair[Row | None]

    def put(self, side: Side, at: int, wire: Wire | Missing) -> None:
        self.base[side][at] = wire
        row = self.seen[side]
        if row is not None:
            row[at] = wire


def _open_books(terms: Terms, plan: RecordPlan) -> _Books:
    rows = plan.link.rows if plan.link is not None else Pair(terms.blank(), terms.blank())
    if plan.action in _MADE:
        rows = Pair(terms.blank(), terms.blank())
    return _Books(
        rows.map(list),
        plan.entry.seen.map(lambda seen: list(seen.row) if seen is not None else None),
    )


def _reopen(terms: Terms, plan: RecordPlan, field: FieldPlan, books: _Books) -> None:
    """
    Put the base back to where it was before a write of ours overwrote an edit.

    That edit is in Marketo again, and Dynamics' value is the change that it was: they wait
    for the next decision as if nothing had been written.
    """
    at = terms.index(field.name)
    seen = plan.entry.seen.marketo
    if seen is None or field.name not in seen.claims:
        return
    _, against = seen.claims[field.name]
    books.base.marketo[at], books.base.dynamics[at] = against.marketo, against.dynamics
    row = books.seen.dynamics or terms.blank()
    row[at] = plan.actual.dynamics[at]
    books.seen = books.seen.replace(Side.DYNAMICS, row)


def _answered(
    field: Field, side: Side, sent: Wire | Missing, ack: Wire, before: Wire | Missing
) -> Wire | Missing:
    """
    Return the base of what was *sent* and came back as *ack*.

    What came back the same in meaning is the base as the side says it. Where a rule of the
    system rewrote it, that is a change of theirs and is told to the other side once; where it
    put back what it held *before*, the two agree to differ, or both would write for ever.
    """
    both = Pair(side, side)
    return ack if field.same(ack, sent, both) or field.same(ack, before, both) else sent


def _settle_field(
    terms: Terms,
    plan: RecordPlan,
    field: FieldPlan,
    acks: Pair[Row],
    done: Pair[bool],
    books: _Books,
) -> bool:
    """
    Move the base of one field if all it takes was acknowledged.

    Return whether what was claimed for it is done with.
    """
    at = terms.index(field.name)
    kind = terms.fields[at]
    if field.adopt:
        books.base.marketo[at], books.base.dynamics[at] = _adopted(
            terms, at, plan.actual.dynamics[at]
        )
        return False
    complete = bool(field.send) or field.advance
    for side, sent in field.send.items():
        row = books.seen[side]
        if not done[side]:
            complete = field.advance
        elif row is not None:
            row[at] = sent
    if field.restore:
        if done.marketo:
            _reopen(terms, plan, field, books)
        return done.marketo
    if not complete:
        return False
    for side in _SIDES:
        wire = field.send.get(side, plan.actual[side][at])
        ack = acks[side][at]
        if ack is not MISSING and side in field.send:
            wire = _answered(kind, side, wire, ack, books.base[side][at])
        if wire is not MISSING:
            books.base[side][at] = wire
    return True


def _settle_created(terms: Terms, plan: RecordPlan, side: Side, books: _Books) -> set[str]:
    """Make the base of a record that was just made on *side*; return the fields settled."""
    settled: set[str] = set()
    made, source = books.base[side], books.base[side.other]
    seen, held = books.seen[side], plan.actual[side.other]
    planned = {field.name: field for field in plan.fields}
    for at, name in enumerate(terms.layout):
        field = planned.get(name)
        if field is None or field.advance:
            # It does not flow there, or is empty: the new record holds nothing in it, or what
            # its system puts there, and that will come as news.
            made[at], source[at] = None, held[at]
        elif side not in field.send:
            made[at], source[at] = None, None
            continue
        else:
            sent = field.send[side]
            if seen is not None:
                seen[at] = sent
            if len(field.send) > 1:
                # Where it came from has still to be told of it too.
                continue
            made[at], source[at] = sent, held[at]
        settled.add(name)
    return settled


def _news(terms: Terms, side: Side, ack: Row, books: _Books) -> bool:
    """Note what *side* says beyond its base as an observation; return whether there is any."""
    fresh = terms.blank()
    if ack == fresh:
        return False
    row = books.seen[side]
    news = False
    for at, wire in enumerate(ack):
        base = books.base[side][at]
        if wire is MISSING:
            continue
        if base is MISSING and wire is None:
            books.base[side][at] = None
        elif terms.fields[at].same(wire, base, Pair(side, side)):
            books.base[side][at] = wire
        else:
            fresh[at] = wire
            news = news or row is None or not terms.fields[at].same(wire, row[at], Pair(side, side))
    if row is not None:
        for at, wire in enumerate(fresh):
            if wire is not MISSING:
                row[at] = wire
    elif news:
        books.seen = books.seen.replace(side, fresh)
    return news


# -- refusals


@attrs.frozen
class _Refused:
    """One refusal, ours or a system's: of a field, or of the whole write (``""``)."""

    side: Side
    field: str
    reasons: tuple[Reason, ...]
    digest: str

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(sorted({reason.code for reason in self.reasons}))


def _refused_fields(
    terms: Terms, plan: RecordPlan, side: Side, reasons: tuple[Reason, ...]
) -> list[_Refused]:
    """Tell a system's refusal of a write apart by field; what names none is of the whole."""
    sent = plan.sent(side)
    by_field: dict[str, list[Reason]] = {}
    for reason in reasons:
        names = [n for n in terms.by_native(side, reason.field or "?") if n in sent] or [""]
        for name in names:
            by_field.setdefault(name, []).append(reason)

    def value_digest(name: str) -> str:
        if not name:
            return write_digest(terms, plan.fields, side)
        return refusal_digest(sent[name], plan.actual[side][terms.index(name)])

    return [_Refused(side, n, tuple(rs), value_digest(n)) for n, rs in sorted(by_field.items())]


def _refusals(terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None]) -> list[_Refused]:
    ours = [
        _Refused(side, field.name, refusal.reasons, refusal.digest)
        for field in plan.fields
        for side, refusal in field.refused.items()
    ]
    for side, result in zip(_SIDES, results, strict=True):
        if isinstance(result, Rejected):
            ours += _refused_fields(terms, plan, side, result.reasons)
    return ours


def _hold(terms: Terms, entry: Pending, refused: _Refused, now: float) -> tuple[Hold, bool]:
    """Return the hold that a refusal leads to, and whether it is the first of its kind."""
    same = [
        hold
        for hold in entry.holds
        if (hold.side, hold.field, hold.codes, hold.digest)
        == (refused.side, refused.field, refused.codes, refused.digest)
    ]
    attempts = 1 + max((hold.attempts for hold in same), default=0)
    schema = terms.schema_digest(refused.side, refused.field)
    hold = Hold(
        refused.side,
        refused.field,
        refused.codes,
        refused.digest,
        schema,
        attempts,
        now + pause(attempts),
    )
    return hold, not same


def _told(entry: Pending, ids: Pair[RecordId | None], refused: _Refused) -> str:
    """
    Return the key under which a refusal is told.

    The same for the same refusal, also after a crash; another one when, after all was well
    in between, the same value is refused once more.
    """
    said = (entry.entity, ids.dynamics, ids.marketo, entry.since)
    return digest(said, refused.side.value, refused.field, refused.codes, refused.digest)


def _results(
    terms: Terms,
    entry: Pending,
    ids: Pair[RecordId | None],
    refused: _Refused,
    hold: Hold,
    now: float,
) -> list[ValidationResult]:
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    return [
        ValidationResult(
            entry.entity,
            ids,
            refused.side,
            refused.field or None,
            reason.code,
            reason.message,
            at,
            hold.attempts,
            _told(entry, ids, refused),
        )
        for reason in refused.reasons
    ]


# -- what is left


@attrs.define
class _Rest:
    """Why a record is not finished, and when each reason is next due."""

    reasons: list[tuple[OutcomeKind, str, float | None]] = attrs.Factory(
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


def _rest_of_results(results: Pair[WriteResult | None], now: float, rest: _Rest) -> None:
    deferred = OutcomeKind.DEFERRED
    for result in results:
        match result:
            case None | Created() | Updated():
                pass
            case Stale():
                rest.add(deferred, "stale", now)
            case ThrottledWrite(retry_after):
                rest.add(deferred, "throttled", now + retry_after)
            case NotAttempted():
                rest.add(deferred, "not attempted", now)
            case AmbiguousWrite():
                rest.add(deferred, "ambiguous", now)
            case Gone():
                rest.add(deferred, "gone", now)
            case Rejected(reasons) if any(r.code == "duplicate_key" for r in reasons):
                rest.add(deferred, "ambiguous", now)
            case _:
                pass


def _rest_of_fields(
    terms: Terms, plan: RecordPlan, holds: Iterable[Hold], now: float, rest: _Rest
) -> None:
    for field in plan.fields:
        if field.unresolved:
            rest.add(OutcomeKind.UNRESOLVED, "unresolved", now)
        if field.adopt:
            rest.add(OutcomeKind.AGREED, "first", now)
        if field.withheld:
            # What may not be given to a new record may perhaps be told to the one that it is now.
            soon = plan.action in _MADE and all(
                terms.may_tell(side, field.name, creating=False) for side in field.withheld
            )
            rest.add(OutcomeKind.WITHHELD, "withheld", now if soon else None)
    for hold in holds:
        rest.add(OutcomeKind.REJECTED, "held", hold.retry_at)


def _kept_holds(plan: RecordPlan) -> list[Hold]:
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


# -- links and observations


def _linked(
    plan: RecordPlan, results: Pair[WriteResult | None], new_key: int, books: _Books, terms: Terms
) -> Linked | None:
    """Return the link after the plan, made if it is new."""
    link = plan.link
    side = _MADE.get(plan.action)
    ids = plan.entry.ids if link is None else link.ids
    if side is not None:
        applied = _applied(results[side])
        if applied is None:
            return link
        ids = ids.replace(side, applied.id)
    if ids.marketo is None or ids.dynamics is None:
        return link
    plain = len(terms.layout) - terms.stamps
    books.base.dynamics[plain:] = [None] * terms.stamps
    versions = Pair.of(lambda side: _version(plan, results, side))
    state = LinkState.GONE_DYNAMICS if plan.action is Action.FLAG else LinkState.LIVE
    key = link.key if link is not None else new_key
    sent = link.sent if link is not None and side is None else ()
    return Linked(
        key, plan.entry.entity, Pair(ids.marketo, ids.dynamics), books.base, versions, state, sent
    )


def _version(plan: RecordPlan, results: Pair[WriteResult | None], side: Side) -> Version | None:
    applied = _applied(results[side])
    if applied is not None:
        return applied.version
    seen = plan.entry.seen[side]
    if seen is not None and seen.version is not None:
        return seen.version
    return plan.link.versions[side] if plan.link is not None else None


def _observed(
    terms: Terms,
    plan: RecordPlan,
    results: Pair[WriteResult | None],
    books: _Books,
    settled: set[str],
) -> Pair[Observation | None]:
    """Return what is known of both sides for the next attempt."""

    def one(side: Side) -> Observation | None:
        seen, row = plan.entry.seen[side], books.seen[side]
        if isinstance(results[side], Gone):
            return Observation(terms.blank(), gone=True)
        if row is None:
            return None
        version = _version(plan, results, side)
        if seen is None:
            return Observation(row, version)
        claims = {name: claim for name, claim in seen.claims.items() if name not in settled}
        return attrs.evolve(seen, row=row, version=version, claims=claims)

    return Pair.of(one)


_BARE: Final[Mapping[Action, OutcomeKind]] = {
    Action.FORGET: OutcomeKind.FORGOTTEN,
    Action.SUPPRESS: OutcomeKind.SUPPRESSED,
    Action.UNLINK: OutcomeKind.UNLINKED,
    Action.DROP: OutcomeKind.SKIPPED,
}


def taken(plan: RecordPlan, now: float) -> Settlement:
    """Settle a plan whose person is linked to another record: nobody is linked (invariant 27)."""
    attempts = plan.entry.attempts + 1
    entry = attrs.evolve(
        plan.entry, attempts=attempts, retry_at=now + pause(attempts), reason="ambiguous match"
    )
    why = "its person is linked to another record"
    outcome = Outcome(entry.entity, entry.ids, OutcomeKind.AMBIGUOUS, why)
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
            merged = [
                old if new is MISSING else new
                for new, old in zip(seen.row, rows.dynamics, strict=True)
            ]
            rows = Pair(rows.marketo, merged)
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
    books = _open_books(terms, plan)
    acks = Pair.of(lambda side: _acknowledged(terms, side, results[side]))
    done = results.map(lambda result: _applied(result) is not None)
    made = _MADE.get(plan.action)
    if made is not None and done[made]:
        settled = _settle_created(terms, plan, made, books)
    else:
        settled = {f.name for f in plan.fields if _settle_field(terms, plan, f, acks, done, books)}
    rest = _Rest()
    for side in _SIDES:
        if done[side] and _news(terms, side, acks[side], books):
            rest.add(OutcomeKind.UPDATED, "rewritten", now)
    return _finish(terms, plan, results, now, new_key, books, rest, settled)


def _finish(
    terms: Terms,
    plan: RecordPlan,
    results: Pair[WriteResult | None],
    now: float,
    new_key: int,
    books: _Books,
    rest: _Rest,
    settled: set[str],
) -> Settlement:
    entry = plan.entry
    link = _linked(plan, results, new_key, books, terms)
    ids: Pair[RecordId | None] = Pair(*(entry.ids if link is None else link.ids))
    holds, told = _kept_holds(plan), list[ValidationResult]()
    refusals = _refusals(terms, plan, results)
    for refused in refusals:
        if "duplicate_key" in refused.codes:
            continue
        hold, first = _hold(terms, entry, refused, now)
        holds.append(hold)
        if first:
            told += _results(terms, entry, ids, refused, hold, now)
    _rest_of_results(results, now, rest)
    _rest_of_fields(terms, plan, holds, now, rest)
    made = plan.action in _MADE
    pushed = plan.action is Action.CREATE_IN_DYNAMICS and _applied(results.dynamics) is not None
    if pushed:
        # The person does not know yet what it is in Dynamics.
        rest.add(OutcomeKind.CREATED, "stamps", now)
    kind, why = _kind(plan, results, rest)
    outcome = Outcome(
        entry.entity,
        ids,
        kind,
        why,
        link.key if link is not None else None,
        tuple(field.change() for field in plan.fields if _notable(field, made=made)),
        tuple(told),
        tuple(sorted({hold.field for hold in holds})),
    )
    left = _left(terms, plan, results, books, rest, settled, link, holds, now)
    isolated = terms.hold == "field" and any(
        isinstance(results[r.side], Rejected) and r.field for r in refusals
    )
    again = left is not None and (pushed or isolated)
    return Settlement(entry.key, link, None, left, outcome, again)


def _notable(field: FieldPlan, *, made: bool) -> bool:
    """Return whether the outcome names the field: a new record's values all have one reason."""
    if made:
        return field.waits
    return bool(field.send or field.decision is not None or field.waits)


def _left(
    terms: Terms,
    plan: RecordPlan,
    results: Pair[WriteResult | None],
    books: _Books,
    rest: _Rest,
    settled: set[str],
    link: Linked | None,
    holds: list[Hold],
    now: float,
) -> Pending | None:
    """Return the backlog entry that remains, if anything does."""
    if not rest.reasons:
        return None
    entry = plan.entry
    made = link is not None and (plan.link is None or plan.link.key == link.key)
    return attrs.evolve(
        entry,
        key=link_key(link.key) if made and link is not None else entry.key,
        link=link.key if made and link is not None else None,
        ids=Pair(*link.ids) if link is not None else entry.ids,
        seen=_observed(terms, plan, results, books, settled),
        retry_at=rest.due,
        reason=rest.worst[1],
        attempts=entry.attempts + 1,
        push=None if made else entry.push,
        holds=tuple(holds),
        clears=0,
    )


def _kind(
    plan: RecordPlan, results: Pair[WriteResult | None], rest: _Rest
) -> tuple[OutcomeKind, str]:
    """Return the one bucket of the record, and why."""
    candidates: list[tuple[OutcomeKind, str]] = [(OutcomeKind.AGREED, "")]
    made = _MADE.get(plan.action)
    source = made.other if made is not None else None
    for result in results:
        if _applied(result) is not None and source is not None:
            candidates.append((OutcomeKind.CREATED, f"made from what {source.label} holds"))
        elif isinstance(result, Updated):
            candidates.append((OutcomeKind.UPDATED, ""))
    if plan.action is Action.FLAG:
        candidates.append((OutcomeKind.FLAGGED, "deleted in Dynamics"))
    if rest.reasons:
        candidates.append(rest.worst)
    return max(candidates, key=lambda candidate: severity(candidate[0]))
