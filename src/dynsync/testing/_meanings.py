"""
Hypothesis strategies for values: what fields mean, and what systems say.

Each is made once. Hypothesis looks through one that is new, which takes longer than to draw
from it, and what is made in the middle of drawing something else is new every time.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from hypothesis import strategies as st

from dynsync.kinds import ChoiceKind, Kind, MultiChoiceKind, TextKind
from dynsync.records import Choice, Reference, Value, Wire
from dynsync.testing._nasty import OPTIONS, VALUES, WIRES

__all__ = ["BY_KIND", "instants", "numbers", "texts", "values", "wall_times", "wires"]

_TEXT: Final = TextKind()


def texts(max_size: int | None = 300) -> st.SearchStrategy[str]:
    """Return texts that can be encoded, blank ones and those of 255 and 256 characters included."""
    return _texts(max_size)


@functools.cache
def _texts(max_size: int | None) -> st.SearchStrategy[str]:
    nasty = [value for value in VALUES["text"] if isinstance(value, str)]
    plain = st.text(st.characters(codec="utf-8"), max_size=max_size)
    odd = st.sampled_from(["", " ", "\r\n", "null", "a\x00b", "blank at the end ", *nasty])
    both = st.one_of(plain, st.sampled_from(["Ann", "Bjørn", "Oslo"]), odd)
    return both if max_size is None else both.filter(lambda text: len(text) <= max_size)


@functools.cache
def numbers() -> st.SearchStrategy[Decimal]:
    """Return finite decimals, those past a double and a negative nought included."""
    nasty = [value for value in VALUES["decimal"] if isinstance(value, Decimal)]
    wide = st.decimals(-(10**60), 10**60, allow_nan=False, allow_infinity=False)
    return st.decimals(-(10**6), 10**6, places=2) | st.sampled_from(nasty) | wide


@functools.cache
def wall_times() -> st.SearchStrategy[dt.datetime]:
    """Return times on a clock on a wall: in gaps, repeated hours, and at the ends of calendars."""
    nasty = [value for value in VALUES["wall-clock time"] if isinstance(value, dt.datetime)]
    plain = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))  # noqa: DTZ001 - wall-clock time has no zone
    return plain | st.sampled_from(nasty) | st.datetimes()


@functools.cache
def instants() -> st.SearchStrategy[dt.datetime]:
    """Return points in time, in UTC and elsewhere, all of which UTC's calendar holds."""
    hours = st.integers(-14, 14).map(lambda hours: dt.timezone(dt.timedelta(hours=hours)))

    def at(moment: dt.datetime, zone: dt.timezone) -> dt.datetime:
        inside = 1 < moment.year < 9999  # noqa: PLR2004 - the ends of the calendar
        return moment.replace(tzinfo=zone if inside else dt.UTC, fold=0)

    return st.builds(at, wall_times(), st.just(dt.UTC) | hours)


@functools.cache
def _dates() -> st.SearchStrategy[dt.date]:
    nasty = [value for value in VALUES["date"] if isinstance(value, dt.date)]
    return st.dates() | st.sampled_from(nasty)


def _choices(kind: Kind) -> st.SearchStrategy[Choice]:
    given = kind.options if isinstance(kind, ChoiceKind | MultiChoiceKind) else ()
    options = given or OPTIONS
    return st.sampled_from(options).map(lambda option: Choice(option.code, option.label))


@functools.cache
def _references() -> st.SearchStrategy[Reference]:
    guids = st.uuids().map(str)
    spelt = guids.map(str.upper) | guids.map("{{{}}}".format)
    return (guids | spelt | st.integers(1, 99).map(str)).map(Reference)


@functools.cache
def _integers() -> st.SearchStrategy[int]:
    wide = st.sampled_from([2**31 - 1, -(2**31), 2**53 + 1, 10**30])
    return st.integers(-100, 100) | wide | st.integers()


@functools.cache
def _emails() -> st.SearchStrategy[str]:
    nasty = [value for value in VALUES["email"] if isinstance(value, str)]
    return st.sampled_from(["ann@example.com", *nasty]) | st.emails()


BY_KIND: Final[Mapping[str, Callable[[Kind], st.SearchStrategy[Value]]]] = {
    "text": lambda _: texts(),
    "email": lambda _: _emails(),
    "integer": lambda _: _integers(),
    "decimal": lambda _: numbers(),
    "boolean": lambda _: st.booleans(),
    "date": lambda _: _dates(),
    "instant": lambda _: instants(),
    "wall-clock time": lambda _: wall_times(),
    "choice": _choices,
    "multi-choice": lambda kind: st.frozensets(_choices(kind), min_size=1, max_size=4),
    "reference": lambda _: _references(),
}
"""The values of each kind, null aside, by the word for it."""


def values(kind: Kind = _TEXT) -> st.SearchStrategy[Value]:
    """
    Return what a field of *kind* may mean: the nasty values of its kind, and null.

    Raises `ValueError` for a kind that is none of dynsync's; give values of your own to what
    takes them.
    """
    make = BY_KIND.get(kind.name)
    if make is None:
        raise ValueError(f"{kind.name!r} is no kind of dynsync's: say what its values are.")
    return make(kind) | st.none()


@functools.cache
def wires() -> st.SearchStrategy[Wire]:
    """Return what a system may say, fitting or not: half a surrogate pair and NaN included."""
    pieces = ("2024", "0001", "13", "31", "60", "-", "/", ":", ".", " ", "T", "Z", "+01:00", "May")
    like_dates = st.lists(st.sampled_from(pieces), max_size=9).map("".join)
    scalars = st.booleans() | st.integers() | st.floats() | st.none()
    return st.sampled_from(WIRES) | scalars | texts() | like_dates
