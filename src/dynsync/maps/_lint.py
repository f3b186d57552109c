"""Where a map and what the two systems say of their columns disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dynsync.fields import EntityMap, Field
from dynsync.kinds import ChoiceKind, Kind, TextKind
from dynsync.maps._columns import KINDS, bridge
from dynsync.records import Pair, Side
from dynsync.schemas import Column, Schema

__all__ = ["lint"]


def lint(entity_map: EntityMap, schemas: Pair[Schema]) -> tuple[str, ...]:
    """
    Return where *entity_map* and what the systems say of their columns disagree (U7).

    Nothing in it keeps a sync from running. Each warning begins with the field's name.
    """
    return tuple(
        f"{field.name}: {warning}"
        for field in entity_map.fields
        for warning in _warnings(field, schemas)
    )


def _warnings(field: Field, schemas: Pair[Schema]) -> Iterator[str]:
    columns = Pair(
        schemas.marketo.columns.get(field.names.marketo),
        schemas.dynamics.columns.get(field.names.dynamics),
    )
    for side in Side:
        column, label = columns[side], field.labels[side]
        if column is None:
            yield f"{side.label} has no column {field.names[side]!r} that the sync user sees"
        elif label and column.label and label.casefold() != column.label.casefold():
            yield (
                f"{side.label} labels {column.name!r} {column.label!r}; the map expects {label!r}, "
                f"so the name may stand for another field here"
            )
    if columns.marketo is not None and columns.dynamics is not None:
        yield from _misfits(field, Pair(columns.marketo, columns.dynamics))


def _misfits(field: Field, columns: Pair[Column]) -> Iterator[str]:
    marketo = KINDS.marketo.get(columns.marketo.type)
    dynamics = KINDS.dynamics.get(columns.dynamics.type)
    types = f"{columns.marketo.type!r} in Marketo and {columns.dynamics.type!r} in Dynamics"
    both = bridge(marketo, dynamics) if marketo is not None and dynamics is not None else None
    if both is None:
        yield f"the columns are {types}, which no kind of dynsync's bridges"
    elif not isinstance(field.kind, type(both)):
        yield f"the columns are {types}: {both.name}, but the map says {field.kind.name}"
    elif _takes_codes(both) and not _takes_codes(field.kind):
        yield f"the columns are {types}: Marketo holds codes, but the map says labels"
    elif isinstance(both, TextKind) and field.too_long == "refuse":
        yield from _too_short(field, columns)


def _takes_codes(kind: Kind) -> bool:
    """Return whether Marketo holds a choice by its code: a column of numbers takes no label."""
    return isinstance(kind, ChoiceKind) and kind.marketo == "code"


def _too_short(field: Field, columns: Pair[Column]) -> Iterator[str]:
    for side in Side:
        source, target = columns[side.other], columns[side]
        if not field.flow.reaches(side) or target.length is None:
            continue
        if source.length is None:
            yield f"{side.label} holds {target.length} {target.unit}, {side.other.label} any number"
        elif source.length * _GROWTH[source.unit, target.unit] > target.length:
            yield (
                f"{side.label} holds {target.length} {target.unit}, {side.other.label} "
                f"{source.length} {source.unit}: what is longer is refused"
            )


_GROWTH: Final = {
    ("characters", "characters"): 1,
    ("bytes", "bytes"): 1,
    ("bytes", "characters"): 1,
    ("characters", "bytes"): 4,
}
"""How many of the second unit one of the first may come to."""
