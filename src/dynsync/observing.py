"""
From what a feed reports to what the backlog holds. Pure.

What a side last acknowledged never enters: that is the whole of echo suppression (R12, A27).
It is judged by value, so that an automation which rewrites our value is still a change.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs

from dynsync.backlog import Claims, Hold, Linked, Observation, Pending, Sent
from dynsync.fields import Field
from dynsync.records import (
    MISSING,
    Edit,
    Missing,
    Pair,
    Row,
    Side,
    Wire,
    differing,
    is_empty,
    laid_over,
)
from dynsync.terms import Terms

__all__ = [
    "clears",
    "differs",
    "fold",
    "inherit",
    "missed",
    "overwritten",
    "shows",
    "told_apart",
    "unheard_upserts",
]


def differs(terms: Terms, side: Side, row: Row, base: Row) -> bool:
    """Return whether *row* says anything else than *base*. What it does not report, it doesn't."""
    if row == base:
        return False
    sides = Pair(side, side)
    return any(
        row[at] is not MISSING and not terms.fields[at].same(row[at], base[at], sides)
        for at in differing(row, base)
    )


def clears(row: Row, base: Row) -> int:
    """Return how many fields of *row* are empty that were not in *base*; blanks are nothing."""
    return sum(
        1
        for at in differing(row, base)
        if _is_blank(row[at]) and not (_is_blank(base[at]) or is_empty(base[at]))
    )


def _is_blank(wire: Wire | Missing) -> bool:
    return wire is None or (isinstance(wire, str) and not wire.strip())


def fold(terms: Terms, entry: Pending, side: Side, seen: Observation, now: float) -> Pending:
    """
    Return *entry* with what *side* was seen to hold, the newer over the older.

    The entry becomes due at once if that is news; a repeated observation leaves its
    schedule as it was, so that a held value is not hammered. Holds stay: they end when
    the value that they hold has changed. One that no time lets go is tried once more, for
    the record that refused it is another one now (A20).
    """
    old = entry.seen[side]
    if old is not None and not seen.gone and not old.gone:
        seen = attrs.evolve(
            seen,
            row=laid_over(seen.row, old.row),
            claims={**_standing(terms, old, seen), **seen.claims},
        )
    news = (
        old is None
        or old.gone is not seen.gone
        or bool(seen.claims.keys() - old.claims.keys())
        or differs(terms, side, seen.row, old.row)
    )
    # The oldest unsettled change gives the place in the queue (R8), so that a record that
    # is edited all the time is not put off for ever.
    stamped = seen.modified_at if seen.modified_at is not None else now
    # In full, not as what differs from *entry*: this is done for every change, and costs a
    # tenth of it so.
    return Pending(
        entry.key,
        entry.entity,
        entry.link,
        entry.ids,
        entry.seen.replace(side, seen),
        entry.since,
        min(entry.modified, stamped),
        now if news else entry.retry_at,
        "" if news else entry.reason,
        entry.attempts,
        entry.clears,
        entry.push,
        _tried_once_more(entry.holds, side, now) if news and entry.holds else entry.holds,
    )


def _tried_once_more(holds: tuple[Hold, ...], side: Side, now: float) -> tuple[Hold, ...]:
    return tuple(
        attrs.evolve(hold, retry_at=now) if hold.permanent and hold.side is side else hold
        for hold in holds
    )


def _standing(terms: Terms, old: Observation, new: Observation) -> Claims:
    """
    Return the claims of *old* that no later edit of the same field has replaced.

    Who edits a value that we had put back edits that, and not the one of ours that covered it.
    """
    standing: dict[str, tuple[Wire, Pair[Wire]]] = {}
    for name, claim in old.claims.items():
        at = terms.index(name)
        now, before, same = new.row[at], old.row[at], terms.fields[at].same
        if now is MISSING or same(now, before, _MARKETO):
            standing[name] = claim
        elif same(before, claim[0], _MARKETO):
            standing[name] = now, claim[1]
    return standing


_MARKETO = Pair(Side.MARKETO, Side.MARKETO)


_RESOLUTION = 2.0
"""By how many seconds an edit may seem older than the write that it is the echo of."""


_ANSWER = 900.0
"""How long after it was sent a write may still be applied, in seconds."""


_UNDER_WAY = 60.0
"""How soon after it was sent a write that is not there tells nothing, in seconds."""


def _may_echo(edit: Edit, write: Sent) -> bool:
    """
    Return whether *edit* may be what *write* did, as far as its time tells.

    Feeds repeat themselves, so it may be older; and much later somebody may have set the same
    value by hand.
    """
    if edit.at is None:
        return True
    at = edit.at.timestamp()
    if write.until is not None and at >= math.floor(write.until):
        return False
    return write.at - _RESOLUTION <= at <= write.at + _ANSWER


def missed(write: Sent, now: float) -> Sent:
    """Return *write* as one that was looked for at *now*, and was not there."""
    if write.until is not None or now < write.at + _UNDER_WAY:
        return write
    return attrs.evolve(write, until=now)


def _replay(
    field: Field, sent: Sequence[Sent], edits: Iterable[Edit], *, timed: bool
) -> tuple[tuple[Wire, Sent] | None, list[Sent]]:
    """
    Follow one field's *edits* past our own writes *sent*.

    Return the foreign value that a write of ours replaced, unless a later foreign edit
    replaced ours, and the writes whose echo has not come.
    """
    waiting = list(sent)
    found: tuple[Wire, Sent] | None = None
    for edit in edits:
        near = [
            write
            for write in waiting
            if field.same(edit.new, write.new, _MARKETO)
            and not (edit.at is not None and edit.at.timestamp() == write.apart)
            and (not timed or _may_echo(edit, write))
        ]
        if not near:
            found = None
            continue
        # Of two that wrote the same, the one that replaced what it meant to: the other, of which
        # nobody heard, was perhaps never made.
        ours = next((s for s in near if field.same(edit.old, s.old, _MARKETO)), near[0])
        waiting.remove(ours)
        if not field.same(edit.old, ours.old, _MARKETO):
            found = (edit.old, ours)
    return found, waiting


def unheard_upserts(sent: Iterable[Sent]) -> set[float]:
    """
    Return when upserts of *sent* were sent that nobody answered.

    Their notes count only if the feed tells that a person was given the id, which is noted as a
    value that replaces itself: what such a person held before is not known.
    """
    return {note.at for note in sent if note.field == "@id" and note.old == note.new}


def _real(terms: Terms, sent: Sequence[Sent], edits: Sequence[Edit]) -> Sequence[Sent]:
    """
    Return *sent* without the notes of an upsert that made the person.

    That is what *edits* tell which do not say that the person was given its id.
    """
    unsure = unheard_upserts(sent)
    given = any(edit.field == terms.map.link_field for edit in edits)
    return sent if given or not edits else [note for note in sent if note.at not in unsure]


def overwritten(
    terms: Terms,
    sent: Sequence[Sent],
    edits: Sequence[Edit],
    row: Row,
    *,
    timed: bool = False,
) -> tuple[Claims, tuple[Sent, ...]]:
    """
    Find edits that a write of ours overwrote between our reading and our writing.

    Marketo has no conditional write, but its feed tells the value that each edit replaced: if
    our own write replaced another value than the one it meant to, that value was an edit
    nobody has seen yet (invariant 31). Returns such claims by field, each with the base
    to merge it against, and what of *sent* has not come back yet. The moments
    of edits and of what was sent can be compared if *timed*: then Marketo's clock is known.
    """
    claims: dict[str, tuple[Wire, Pair[Wire]]] = {}
    waiting: list[Sent] = []
    sent = _real(terms, sent, edits)
    for name in dict.fromkeys(s.field for s in sent):
        ours = [s for s in sent if s.field == name]
        at = terms.index(name)
        field = terms.fields[at]
        native = field.names.marketo
        mine = (edit for edit in edits if edit.field == native)
        found, left = _replay(field, ours, mine, timed=timed)
        waiting += left
        current = row[at]
        if found is None or current is MISSING:
            continue
        value, write = found
        # Where the person holds something else by now, somebody chose that with ours in view.
        if field.same(current, write.new, _MARKETO) and not field.same(value, write.new, _MARKETO):
            claims[name] = (value, Pair(write.old, write.source))
    return claims, tuple(waiting)


def told_apart(
    terms: Terms, sent: Sequence[Sent], waiting: Sequence[Sent], edits: Sequence[Edit]
) -> tuple[Sent, ...]:
    """
    Return *waiting* with the moment at which the echo of another write of the same value came.

    A feed that repeats itself would tell of that one again, and it would be taken for theirs. What
    of *sent* does not wait any more has its echo among *edits*.
    """
    came = [write for write in sent if write not in waiting]
    if not came:
        return tuple(waiting)
    return tuple(_apart(terms, write, came, edits) for write in waiting)


def _apart(terms: Terms, write: Sent, came: Iterable[Sent], edits: Iterable[Edit]) -> Sent:
    field = terms.fields[terms.index(write.field)]
    alike = (one for one in came if one.field == write.field)
    if not any(field.same(one.new, write.new, _MARKETO) for one in alike):
        return write
    moments = [
        edit.at.timestamp()
        for edit in edits
        if edit.field == field.names.marketo and edit.at is not None
        if field.same(edit.new, write.new, _MARKETO)
    ]
    return attrs.evolve(write, apart=moments[-1]) if moments else write


def inherit(terms: Terms, sent: Iterable[Sent], link: Linked | None) -> None:
    """
    Give *link* the notes of the one that it takes the place of.

    The record that was made of what Marketo held has no opinion of its own: an edit that we
    overwrote, should the feed still tell of one, goes there as Marketo's.
    """
    if link is not None:
        held = dict(zip(terms.layout, link.rows.dynamics, strict=True))
        mine = [
            attrs.evolve(write, source=source)
            for write in sent
            if (source := held.get(write.field, MISSING)) is not MISSING
        ]
        link.sent = (*mine, *link.sent)


def shows(terms: Terms, sent: Iterable[Sent], row: Row) -> bool:
    """Return whether *row* holds what was *sent* last of every field: then it was done."""
    return all(
        name in terms.layout and terms.fields[at := terms.index(name)].same(row[at], new, _MARKETO)
        for name, new in {one.field: one.new for one in sent}.items()
    )
