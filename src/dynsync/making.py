"""
The values of a record that is made: what of them needs no thought. Pure.

A first load makes every record there is, each with every field. A value that may be told,
fits and has no history is said as it is; only the others are worth a decision
(`dynsync.deciding`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import attrs

from dynsync.kinds import Unfit
from dynsync.records import MISSING, Row, Side, Value, Wire
from dynsync.schemas import Column
from dynsync.terms import Terms
from dynsync.validation import check, length_alone

__all__ = ["plain_values"]


@attrs.frozen
class _Path:
    """The way of one field's value into a new record."""

    at: int
    name: str
    decode: Callable[[Wire, Side], Value]
    encode: Callable[[Value, Side], Wire]
    key: Callable[[Value], object]
    column: Column | None
    length: int | None
    length_alone: bool


def _path(terms: Terms, side: Side, at: int) -> _Path:
    field, column = terms.fields[at], terms.columns[side][at]
    kind = field.kind
    alone = column is None or length_alone(column)
    length = column.length if column is not None else None
    return _Path(at, field.name, kind.decode, kind.encode, kind.key, column, length, alone)


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
    source = side.other
    told: dict[str, Wire] = {}
    open_places = [at for at in others if row[at] is not MISSING]
    for path in paths:
        wire = row[path.at]
        if wire is None or wire is MISSING:
            continue
        try:
            value = path.decode(wire, source)
            if path.key(value) is None:
                continue
            said = path.encode(value, side)
        except Unfit:
            open_places.append(path.at)
            continue
        if _fits(path, said):
            told[path.name] = said
        else:
            open_places.append(path.at)
    return told, open_places


def _fits(path: _Path, said: Wire) -> bool:
    if path.length_alone:
        return path.length is None or not isinstance(said, str) or len(said) <= path.length
    return path.column is None or not check(said, path.column)
