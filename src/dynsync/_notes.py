"""
What is noted of a write to Marketo, so that its feed can tell which edits it covered.

The notes wait on the link for the echo of the write (`dynsync.observing.overwritten`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dynsync.backlog import Sent
from dynsync.planning import RecordPlan
from dynsync.records import MISSING, Side
from dynsync.terms import Terms
from dynsync.writes import Create

__all__ = ["notes_of", "still_awaited", "unsure_notes", "upsert_notes"]

_ECHO_WAIT: Final = 86_400.0
"""How long a write waits for its echo, in seconds; Marketo's feed may be late, not a day late."""


def still_awaited(sent: Iterable[Sent], now: float) -> tuple[Sent, ...]:
    """Return the writes whose echo may still come, at the time *now* by Marketo's clock."""
    return tuple(write for write in sent if now - write.at < _ECHO_WAIT)


def notes_of(terms: Terms, plan: RecordPlan, at: float) -> Iterator[Sent]:
    """Yield the notes of an update that was sent *at* that time, by Marketo's clock."""
    link = plan.link
    for name, wire in plan.sent(Side.MARKETO).items():
        place = terms.index(name)
        old = plan.actual.marketo[place]
        # Two records that never met agreed on nothing.
        source = None if link is None else link.rows.dynamics[place]
        if old is not MISSING:
            yield Sent(name, old, wire, None if source is MISSING else source, at)


def upsert_notes(plan: RecordPlan, at: float) -> Iterator[Sent]:
    """
    Yield the notes of a `Create` that may set the fields of a person who exists.

    What such a person held was neither side's base: it meets Dynamics' value for the first
    time, as two edits would.
    """
    for name, wire in plan.sent(Side.MARKETO).items():
        if not name.startswith("@"):
            yield Sent(name, None, wire, None, at)


def unsure_notes(terms: Terms, plan: RecordPlan, at: float) -> list[Sent]:
    """
    Return the notes of a write that nobody answered.

    Whether an upsert made the person is not known. Its id is noted as well, as a value that
    replaces itself: the notes count if the feed tells that the person was given the id.
    """
    match plan.writes.marketo:
        case None:
            return []
        case Create(key):
            return [Sent("@id", key, key, None, at), *upsert_notes(plan, at)]
        case _:
            return list(notes_of(terms, plan, at))
