"""
The values of a record that is made: what of them needs no thought. Pure.

A first load makes every record there is, each with every field. A value that may be told,
fits and has no history is said as it is; only the others are worth a decision
(`dynsync.deciding`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import attrs

from dynsync.kinds import BooleanKind, ChoiceKind, EmailKind, TextKind, Unfit
from dynsync.records import MISSING, Missing, Row, Side, Value, Wire
from dynsync.schemas import Column
from dynsync.terms import Terms
from dynsync.validation import check, length_alone

__all__ = ["plain_values"]


_AS_IT_IS: Final = (TextKind, EmailKind)
"""Kinds that say a text as it was read; a kind that is made of them may do otherwise."""

_FEW: Final = (BooleanKind, ChoiceKind)
"""Kinds of few values, each of which is said the same way every time."""

_REMEMBERED: Final = 64


@attrs.frozen
class _Path:
    """
    The way of one field's value into a new record.

    ASCII text of up to *as_it_is* characters needs no more than a look. *known* remembers how codes
    are said, where they are few.
    """

    at: int
    name: str
    decode: Callable[[Wire, Side], Value]
    encode: Callable[[Value, Side], Wire]
    key: Callable[[Value], object]
    column: Column | None
    length: int | None
    length_alone: bool
    as_it_is: float
    known: dict[tuple[type, Wire], Wire] | None


def _path(terms: Terms, side: Side, at: int) -> _Path:
    field, column = terms.fields[at], terms.columns[side][at]
    kind = field.kind
    alone = column is None or length_alone(column)
    length = column.length if column is not None else None
    # Only such text is said as it is of which a character is a byte: the unit does not matter.
    ascii_alone = column is None or length_alone(attrs.evolve(column, unit="characters"))
    simple = ascii_alone and type(kind) in _AS_IT_IS
    as_it_is = -1.0 if not simple else math.inf if length is None else float(length)
    known = dict[tuple[type, Wire], Wire]() if type(kind) in _FEW else None
    return _Path(
        at=at,
        name=field.name,
        decode=kind.decode,
        encode=kind.encode,
        key=kind.key,
        column=column,
        length=length,
        length_alone=alone,
        as_it_is=as_it_is,
        known=known,
    )


def _simple(terms: Terms, side: Side, at: int) -> bool:
    """Return whether nothing but its value can keep a field from a new record."""
    field, column = terms.fields[at], terms.columns[side][at]
    native = field.names[side]
    shared = sum(1 for other in terms.fields if other.names[side] == native) > 1
    required = column is not None and column.required
    return not (
        shared
        or required
        or field.too_long == "truncate"
        or not terms.may_tell(side, field.name, creating=True)
    )


@lru_cache(maxsize=64)
def _paths(terms: Terms, side: Side) -> tuple[tuple[_Path, ...], tuple[int, ...]]:
    """Return the ways of the simple fields, and the places of the others that flow there."""
    flowing = [at for at, field in enumerate(terms.fields) if field.flow.reaches(side)]
    simple = [at for at in flowing if _simple(terms, side, at)]
    others = [at for at in flowing if at not in set(simple)]
    return tuple(_path(terms, side, at) for at in simple), tuple(others)


def plain_values(terms: Terms, side: Side, row: Row) -> tuple[dict[str, Wire], list[int]]:
    """
    Return what a new record on *side* is told without further ado, by field name.

    *row* is what the other side holds. The places come along of the fields that need a
    decision: they may not be told, do not fit, or share a column. What is empty is in neither.
    """
    paths, others = _paths(terms, side)
    told: dict[str, Wire] = {}
    open_places = [at for at in others if row[at] is not MISSING]
    for path in paths:
        wire = row[path.at]
        if wire is None or wire is MISSING:
            continue
        if type(wire) is str and len(wire) <= path.as_it_is and wire.isascii():
            # What `TextKind` makes of it, without asking: most of what is told is such text.
            if wire.strip():
                told[path.name] = wire
            continue
        said = _said(path, wire, side)
        if said is MISSING:
            open_places.append(path.at)
        elif said is not None:
            told[path.name] = said
    return told, open_places


def _said(path: _Path, wire: Wire, side: Side) -> Wire | Missing:
    """Return how *wire* is said: None where it is empty, `MISSING` where that takes a decision."""
    known = path.known if isinstance(wire, int) else None
    if known is not None and (type(wire), wire) in known:
        return known[type(wire), wire]
    try:
        value = path.decode(wire, side.other)
        said = None if path.key(value) is None else path.encode(value, side)
    except Unfit:
        return MISSING
    if said is not None and not _fits(path, said):
        return MISSING
    if known is not None and len(known) < _REMEMBERED:
        known[type(wire), wire] = said
    return said


def _fits(path: _Path, said: Wire) -> bool:
    if path.length_alone:
        return path.length is None or not isinstance(said, str) or len(said) <= path.length
    return path.column is None or not check(said, path.column)
