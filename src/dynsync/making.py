"""
The values of a record that is made: what of them needs no thought. Pure.

A first load makes every record there is, each with every field. A value that may be told,
fits and has no history is said as it is; only the others are worth a decision
(`dynsync.deciding`).
"""

from __future__ import annotations

from functools import lru_cache

from dynsync.records import MISSING, Row, Side, Wire
from dynsync.terms import Terms
from dynsync.ways import Way, way_of

__all__ = ["plain_values"]


def _simple(terms: Terms, side: Side, at: int) -> bool:
    """Return whether nothing but its value can keep a field from a new record."""
    field, column = terms.fields[at], terms.columns[side][at]
    native = field.names[side]
    shared = sum(1 for other in terms.fields if other.names[side] == native) > 1
    return not (
        shared
        or column.required
        or field.too_long == "truncate"
        or not terms.may_tell(side, field.name, creating=True)
    )


@lru_cache(maxsize=64)
def _ways(terms: Terms, side: Side) -> tuple[tuple[Way, ...], tuple[int, ...]]:
    """Return the ways of the simple fields, and the places of the others that flow there."""
    flowing = [at for at, field in enumerate(terms.fields) if field.flow.reaches(side)]
    simple = [at for at in flowing if _simple(terms, side, at)]
    others = [at for at in flowing if at not in set(simple)]
    return tuple(way_of(terms, side, at) for at in simple), tuple(others)


def plain_values(terms: Terms, side: Side, row: Row) -> tuple[dict[str, Wire], list[int]]:
    """
    Return what a new record on *side* is told without further ado, by field name.

    *row* is what the other side holds. The places come along of the fields that need a
    decision: they may not be told, do not fit, or share a column. What is empty is in neither.
    """
    ways, others = _ways(terms, side)
    told: dict[str, Wire] = {}
    open_places = [at for at in others if row[at] is not MISSING]
    for way in ways:
        wire = row[way.at]
        if wire is None or wire is MISSING:
            continue
        if type(wire) is str and len(wire) <= way.as_it_is and wire.isascii():
            # What `TextKind` makes of it, without asking: most of what is told is such text.
            if wire.strip():
                told[way.name] = wire
            continue
        found = way.told(wire)
        if found is None:
            open_places.append(way.at)
        elif found[1] is not None:
            told[way.name] = found[1]
    return told, open_places
