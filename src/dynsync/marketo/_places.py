"""
Where a reader stands: what a cursor holds, and how it is written. Pure.

The feed is three streams, each with a paging token of its own. Marketo lets activities in
late, so every reading begins again a while before the last one ended, and what was told
already is left out: the intervals that a place holds are those that are read once more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias, cast

import attrs

from dynsync.errors import ContractError
from dynsync.records import Cursor

__all__ = ["STREAMS", "Interval", "Place", "Progress", "Stream", "mark_of"]

Stream: TypeAlias = Literal["changes", "activities", "deletes"]
STREAMS: Final[tuple[Stream, ...]] = ("changes", "activities", "deletes")

Tokens: TypeAlias = tuple[str, ...]
"""A paging token for each of `STREAMS`."""

_PREFIX: Final = "marketo-rest."
_MOST_MARKS: Final = 3_000
"""Most rows that are known again: beyond that the oldest would be told once more, harmlessly."""


@attrs.frozen
class Interval:
    """A reading from *at*, in POSIX seconds: where it began, and marks of the rows it told."""

    at: int
    tokens: Tokens
    told: tuple[str, ...] = ()


@attrs.frozen
class Progress:
    """
    How far a full read is: its *kind*, and what that kind remembers.

    *fields* is a digest of those that were asked for at its beginning.
    """

    kind: str
    fields: str
    numbers: tuple[int, ...] = ()
    jobs: tuple[tuple[str, int, int], ...] = ()


@attrs.frozen
class Place:
    """
    A place to read on from in *instance*.

    *tokens* are where the streams stand in this reading, *open* those that have more.
    *kinds* are the types of activities that are followed. *full* is set during a full read, and
    then *touched* are the people of whom the feed has told since it began.
    """

    instance: str
    tokens: Tokens
    open: tuple[Stream, ...]
    intervals: tuple[Interval, ...]
    kinds: tuple[int, ...] = ()
    full: Progress | None = None
    touched: tuple[str, ...] = ()

    @classmethod
    def start(cls, instance: str, token: str, at: int, kinds: Iterable[int]) -> Place:
        """Return the place where everything after *at* is still to be read."""
        tokens = (token,) * len(STREAMS)
        return cls(instance, tokens, STREAMS, (Interval(at, tokens),), tuple(kinds))

    @property
    def told(self) -> frozenset[str]:
        """The marks of what was told already in what is read once more."""
        return frozenset(mark for interval in self.intervals for mark in interval.told)

    @property
    def since(self) -> int:
        """When the oldest began that is still to be read."""
        return self.intervals[0].at

    def further(self, tokens: Tokens, still: Iterable[Stream], told: Iterable[str]) -> Place:
        """Return the place behind a page that *told* some rows, with the *still* open streams."""
        *before, last = self.intervals
        known = self.told
        told = tuple(mark for mark in dict.fromkeys(told) if mark not in known)
        marked = attrs.evolve(last, told=(*last.told, *told)[-_MOST_MARKS:])
        return attrs.evolve(self, tokens=tokens, open=tuple(still), intervals=(*before, marked))

    @property
    def begins(self) -> bool:
        """Whether nothing of this reading has been read yet."""
        return self.open == STREAMS and self.tokens == self.intervals[0].tokens

    def saves(self, at: int) -> int:
        """Return how many seconds less a later reading would read that began at *at*."""
        return at - max(each.at for each in self.intervals if each.at <= max(at, self.since))

    def restarted(self, at: int, token: str) -> Place:
        """Return the place from which a later reading begins at *at*, where *token* leads."""
        told = [mark for each in self.intervals if each.at < at for mark in each.told]
        begun = Interval(at, (token,) * len(STREAMS), tuple(told[-_MOST_MARKS:]))
        intervals = sorted((*self.intervals, begun), key=lambda each: each.at)
        return attrs.evolve(self, intervals=tuple(intervals))

    def rested(self, at: int, overlap: float) -> Place:
        """
        Return where the next reading begins, now that this one came to the end at *at*.

        It begins where the newest reading began that is older than *overlap* seconds.
        """
        intervals = [*self.intervals, Interval(at, self.tokens)]
        while len(intervals) > 1 and intervals[1].at <= at - overlap:
            del intervals[0]
        tokens = intervals[0].tokens
        return attrs.evolve(self, tokens=tokens, open=STREAMS, intervals=tuple(intervals))

    def cursor(self) -> Cursor:
        """Return the place as text."""
        text = json.dumps(attrs.astuple(self), separators=(",", ":"))
        return Cursor(_PREFIX + base64.urlsafe_b64encode(text.encode()).decode())

    @classmethod
    def parse(cls, cursor: Cursor, instance: str) -> Place:
        """Return the place that *cursor* holds; raises `ContractError` if it is not ours."""
        try:
            text = base64.b64decode(cursor.removeprefix(_PREFIX), altchars=b"-_", validate=True)
            place = _place(cast("_Said", json.loads(text)))
        except (ValueError, TypeError, binascii.Error, KeyError, IndexError):
            place = None
        if place is None or not cursor.startswith(_PREFIX):
            raise ContractError("This cursor was not given by a Marketo connector over REST.")
        if place.instance != instance:
            raise ContractError(
                f"This cursor was given by the Marketo instance {place.instance!r}, and this is "
                f"{instance!r}."
            )
        return place


_SaidFull: TypeAlias = tuple[str, str, list[int], list[tuple[str, int, int]]]
_Said: TypeAlias = tuple[
    str,
    list[str],
    list[Stream],
    list[tuple[int, list[str], list[str]]],
    list[int],
    _SaidFull | None,
    list[str],
]


def _place(said: _Said) -> Place:
    instance, tokens, open_, intervals, kinds, full, touched = said
    progress = None
    if full is not None:
        kind, fields, numbers, jobs = full
        progress = Progress(
            kind, fields, tuple(numbers), tuple((id_, start, end) for id_, start, end in jobs)
        )
    return Place(
        instance,
        tuple(tokens),
        tuple(open_),
        tuple(Interval(at, tuple(begun), tuple(told)) for at, begun, told in intervals),
        tuple(kinds),
        progress,
        tuple(touched),
    )


def mark_of(text: str) -> str:
    """Return a short mark of *text*: the ids of activities may be long, and there are many."""
    digest = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode()
