"""Fields made from what both systems say of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, cast

from dynsync.arguments import shown
from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    ReferenceKind,
    TextKind,
    WallTimeKind,
)
from dynsync.records import Pair, Side
from dynsync.schemas import Column, Schema

__all__ = ["KINDS", "bridge", "describe_field", "extend", "kind_of"]

KINDS: Final[Pair[Mapping[str, Kind]]] = Pair(
    {
        "string": TextKind(),
        "text": TextKind(),
        "phone": TextKind(),
        "url": TextKind(),
        "email": EmailKind(),
        "integer": IntegerKind(),
        "score": IntegerKind(),
        "percent": IntegerKind(),
        "float": NumberKind(),
        "currency": NumberKind(),
        "boolean": BooleanKind(),
        "date": DateKind(),
        "datetime": InstantKind(),
        "reference": ReferenceKind(),
    },
    {
        "String": TextKind(),
        "Memo": TextKind(),
        "Integer": IntegerKind(),
        "BigInt": IntegerKind(),
        "Decimal": NumberKind(),
        "Double": NumberKind(),
        "Money": NumberKind(),
        "Boolean": BooleanKind(),
        "Picklist": ChoiceKind(),
        "State": ChoiceKind(),
        "Status": ChoiceKind(),
        "MultiSelectPicklist": MultiChoiceKind(),
        "DateTime": InstantKind(),
        "DateOnly": DateKind(),
        "TimeZoneIndependent": WallTimeKind(),
        "Lookup": ReferenceKind(),
        "Customer": ReferenceKind(),
        "Owner": ReferenceKind(),
        "Uniqueidentifier": ReferenceKind(),
    },
)
"""What each system's words for a column's type mean."""


def kind_of(column: Column, side: Side) -> Kind:
    """
    Return the kind that *column* is on *side*, by that system's own word for its type.

    The kind knows no options yet: they come with each run's schema (`Kind.bind`). Raises
    `ConfigurationError` for a type that is not synced.
    """
    kind = KINDS[side].get(column.type)
    if kind is None:
        near = get_close_matches(column.type, KINDS[side], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        message = (
            f"{side.label}'s {column.name!r} is of the type {column.type!r}, which dynsync does "
            f"not know{hint}. Leave it out, or make its Field yourself, with a Kind of your own."
        )
        raise ConfigurationError(message)
    return kind


def bridge(marketo: Kind, dynamics: Kind) -> Kind | None:
    """Return the kind in which both sides can say their values, None if there is none."""
    match marketo, dynamics:
        case EmailKind(), TextKind():
            return marketo
        case TextKind(), TextKind() | ChoiceKind() | MultiChoiceKind():
            return dynamics
        case TextKind() | ReferenceKind(), ReferenceKind():
            return dynamics
        case IntegerKind(), ChoiceKind():
            return ChoiceKind(marketo="code")
        case IntegerKind(), IntegerKind():
            return dynamics
        case ((IntegerKind() | NumberKind()), (IntegerKind() | NumberKind())):
            return NumberKind()
        case InstantKind(), InstantKind() | WallTimeKind():
            return dynamics
        case (DateKind(), DateKind()) | (BooleanKind(), BooleanKind()):
            return dynamics
        case _:
            # A day and a point in time are not bridged: the day would move with the zone (U24).
            return None


def _column(schema: Schema, side: Side, name: str) -> Column:
    """Return the column *name* of *schema*; raises `ConfigurationError` if there is none."""
    column = schema.columns.get(name)
    if column is None:
        near = get_close_matches(name, schema.columns, n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the spelling."
        message = (
            f"{side.label}'s {schema.table!r} has no column {name!r} that the sync user sees. "
            f"{hint}"
        )
        raise ConfigurationError(message)
    return column


def describe_field(name: str, schemas: Pair[Schema], marketo: str, dynamics: str) -> Field:
    """
    Return the field *name* of two columns that both systems describe.

    Its labels and its kind are what they say. A reference flows to Marketo only: an id in
    Dynamics is nothing that a person in Marketo could choose. Raises `ConfigurationError` if a
    column is not there, if no kind fits both, or if *schemas* are none.
    """
    _check_schemas(schemas)
    columns = Pair(
        _column(schemas.marketo, Side.MARKETO, marketo),
        _column(schemas.dynamics, Side.DYNAMICS, dynamics),
    )
    kind = bridge(kind_of(columns.marketo, Side.MARKETO), kind_of(columns.dynamics, Side.DYNAMICS))
    if kind is None:
        message = (
            f"{name!r} cannot be one field: {marketo!r} is {columns.marketo.type!r} in Marketo and "
            f"{dynamics!r} is {columns.dynamics.type!r} in Dynamics. Choose columns whose types "
            f"agree, or make the Field yourself, with a Kind of your own."
        )
        raise ConfigurationError(message)
    flow = Flow.TO_MARKETO if isinstance(kind, ReferenceKind) else Flow.BOTH
    return Field(name, Pair(marketo, dynamics), kind, flow, columns.map(lambda c: c.label))


def _is_pair_of(kind: type, value: object) -> bool:
    sides = cast("Iterable[object]", value) if isinstance(value, Pair) else ()
    return [isinstance(one, kind) for one in sides] == [True, True]


def _check_schemas(given: object) -> None:
    if not _is_pair_of(Schema, given):
        raise ConfigurationError(
            f"schemas= got {shown(given)}, which is not a schema of each side. Give what both "
            f"connectors describe: Pair(marketo.describe('person'), dynamics.describe('lead'))."
        )


def extend(entity_map: EntityMap, schemas: Pair[Schema], /, **names: Pair[str]) -> EntityMap:
    """
    Return the map with a field for each of *names*, replaced where the name is there already.

    ``extend(LEAD, schemas, website=Pair("website", "websiteurl"))`` adds one that is made
    by `describe_field`. Raises `ConfigurationError` as that does, and where a field has no name
    on each side.
    """
    _check_schemas(schemas)
    for name, native in names.items():
        given = cast("object", native)
        if not _is_pair_of(str, given):
            raise ConfigurationError(
                f"extend() got {name}={shown(given)}. Name the column of either side: "
                f"{name}=Pair('marketoName', 'dynamicsname')."
            )
    fields = [
        describe_field(name, schemas, native.marketo, native.dynamics)
        for name, native in names.items()
    ]
    return entity_map.plus(*fields)
