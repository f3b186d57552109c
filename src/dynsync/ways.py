"""
How a value gets from one side to the other where nothing but itself can keep it back. Pure.

Most values need no more than that: `dynsync.making` takes these ways for what a new record is
told, `dynsync.carrying` for what one side alone has changed. A value that does not get through
takes a decision (`dynsync.deciding`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Final, TypeVar

import attrs

from dynsync.fields import Field
from dynsync.kinds import BooleanKind, ChoiceKind, EmailKind, Kind, TextKind, Unfit
from dynsync.records import Side, Wire
from dynsync.schemas import Column
from dynsync.terms import Terms
from dynsync.validation import check, length_alone

__all__ = ["Way", "way_of"]

T = TypeVar("T")

_AS_IT_IS: Final = (TextKind, EmailKind)
"""Kinds that say a text as it was read; a kind that is made of them may do otherwise."""

_FEW: Final = (BooleanKind, ChoiceKind)
"""Kinds of few values, each of which means the same and is said the same way every time."""


@attrs.frozen
class Way:
    """
    The way of one field's values to one side.

    *told* returns what decides equality and how a value is said, None in place of both for what
    does not get through; what is empty is said as None. *key* returns what decides equality of
    what the source says, and *held* of what the side itself does; both raise `Unfit`. ASCII
    text of up to *as_it_is* characters is said as it is, if it is not blank.
    """

    at: int
    name: str
    as_it_is: float
    told: Callable[[Wire], tuple[Hashable, Wire] | None]
    key: Callable[[Wire], Hashable]
    held: Callable[[Wire], Hashable]


def way_of(terms: Terms, side: Side, at: int) -> Way:
    """Return the way of the field in that place to *side*."""
    field, column = terms.fields[at], terms.columns[side][at]
    return Way(
        at,
        field.name,
        _as_it_is(field, column),
        _told(field.kind, side, column),
        _key(field.kind, side.other),
        _key(field.kind, side),
    )


def _as_it_is(field: Field, column: Column) -> float:
    if type(field.kind) not in _AS_IT_IS:
        return -1.0
    # Only such text is said as it is of which a character is a byte: the unit does not matter.
    alone = length_alone(attrs.evolve(column, unit="characters"))
    return -1.0 if not alone else math.inf if column.length is None else float(column.length)


def _key(kind: Kind, side: Side) -> Callable[[Wire], Hashable]:
    decode, key = kind.decode, kind.key

    if type(kind) in _AS_IT_IS:

        def key_of_text(wire: Wire) -> Hashable:
            if type(wire) is str and wire.isascii():
                return key(wire)
            return key(decode(wire, side))

        return key_of_text

    def key_of(wire: Wire) -> Hashable:
        return key(decode(wire, side))

    return _remembered(kind, key_of)


def _remembered(kind: Kind, function: Callable[[Wire], T]) -> Callable[[Wire], T]:
    """Return *function* as one that remembers what it said, where *kind* has few values."""
    # To Python, True is 1.
    return lru_cache(maxsize=64, typed=True)(function) if type(kind) in _FEW else function


def _told(kind: Kind, side: Side, column: Column) -> Callable[[Wire], tuple[Hashable, Wire] | None]:
    decode, key, encode, source = kind.decode, kind.key, kind.encode, side.other
    fits = _fits(column)

    def told(wire: Wire) -> tuple[Hashable, Wire] | None:
        try:
            value = decode(wire, source)
            meant = key(value)
            said = None if meant is None else encode(value, side)
        except Unfit:
            return None
        return (meant, said) if said is None or fits(said) else None

    return _remembered(kind, told)


def _fits(column: Column) -> Callable[[Wire], bool]:
    """Return whether *column* can hold a value that is there."""
    if not length_alone(column):
        return lambda said: not check(said, column)
    length = math.inf if column.length is None else column.length
    return lambda said: not isinstance(said, str) or len(said) <= length
