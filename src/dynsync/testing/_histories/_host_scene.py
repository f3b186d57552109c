"""The scene of a host's own systems: its maps and policies, and values that its fields take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

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
    NumberKind,
    TextKind,
)
from dynsync.policies import AuthorityPolicy, Collision, Leave, Put, Take
from dynsync.records import Choice, Entity, Pair, Side, Value, Wire
from dynsync.schemas import FULL_ACCESS, Column, Schema
from dynsync.testing._histories._scene import Judge, Judged, Quarrel, Scene
from dynsync.testing._histories._systems import MakeSystems, two_systems

__all__ = ["host_scene"]

_MOST_FIELDS: Final = 6
"""How many fields are edited unless the host names others: few, so that edits meet."""

_AGES: Final[tuple[Pair[float | None], ...]] = (Pair(None, None), Pair(1, 99), Pair(99, 1))
_DAY: Final = dt.date(2024, 2, 29)
_NOON: Final = dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)


def host_scene(
    make: MakeSystems,
    entities: Sequence[EntityMap],
    *,
    policy: AuthorityPolicy,
    values: Mapping[str, Sequence[Value]] | None,
    blank: Pair[Mapping[str, Wire]] | None,
    refuses: Callable[[str, Value], bool] | None,
    rewrites: Callable[[str, Value], Value] | None,
) -> Scene:
    """Return the scene of the systems that *make* makes."""
    maps: dict[str, EntityMap] = {one.entity: one for one in entities}
    schemas = _schemas(make, maps)
    kinds = {(e, f.name): _kind(f, schemas[e]) for e, m in maps.items() for f in m.fields}
    pools = _pools(maps, schemas, kinds) if values is None else _given(maps, values)
    by_name = {name: kind for (_, name), kind in reversed(kinds.items())}

    def same(name: str, one: Value, other: Value) -> bool:
        if isinstance(by_name[name], BooleanKind):
            return bool(one) is bool(other)
        return by_name[name].key(one) == by_name[name].key(other)

    born = {name: next((v for v in pool if v is not None), None) for name, pool in pools.items()}
    return Scene(
        maps=maps,
        values=pools,
        blank={e: blank or _blank(maps[e], schemas[e], pools) for e in maps},
        born=(born,),
        pushed=_pushed(born, maps, schemas),
        policy=policy,
        judge=_judge(policy),
        same=same,
        refused=refuses or (lambda _name, _value: False),
        normal=rewrites or (lambda _name, value: value),
        read=lambda entity, name, side, wire: kinds[entity, name].decode(wire, side),
        write=lambda entity, name, side, value: kinds[entity, name].encode(value, side),
    )


def _schemas(make: MakeSystems, maps: Mapping[str, EntityMap]) -> dict[str, Pair[Schema]]:
    marketo, dynamics = two_systems(make)
    try:
        return {
            entity: Pair(
                marketo.connector().describe(m.tables.marketo),
                dynamics.connector().describe(m.tables.dynamics),
            )
            for entity, m in maps.items()
        }
    finally:
        marketo.close()
        dynamics.close()


def _kind(field: Field, schemas: Pair[Schema]) -> Kind:
    column = schemas.dynamics.columns.get(field.names.dynamics)
    return field.kind if column is None else field.kind.bind(column)


def _given(
    maps: Mapping[str, EntityMap], values: Mapping[str, Sequence[Value]]
) -> dict[str, tuple[Value, ...]]:
    known = {name for m in maps.values() for name in m.names()}
    for name in values:
        if name not in known:
            message = f"values= names {name!r}, which is no field of {', '.join(maps)}."
            raise ConfigurationError(message)
    return {name: tuple(pool) for name, pool in values.items()}


def _pools(
    maps: Mapping[str, EntityMap],
    schemas: Mapping[str, Pair[Schema]],
    kinds: Mapping[tuple[str, str], Kind],
) -> dict[str, tuple[Value, ...]]:
    """Return values for the first fields that may be edited, read and written on both sides."""
    pools: dict[str, tuple[Value, ...]] = {}
    for entity, entity_map in maps.items():
        for field in entity_map.fields:
            columns = [schemas[entity][side].columns.get(field.names[side]) for side in Side]
            held = [one for one in columns if one is not None and one.access == FULL_ACCESS]
            if len(held) < len(columns) or field.flow is not Flow.BOTH or field.yields_to:
                continue
            pool = tuple(_pool(kinds[entity, field.name], held))
            if pool and len(pools) < _MOST_FIELDS:
                pools.setdefault(field.name, pool)
    if not pools:
        raise ConfigurationError(
            "No field of these entities may be read and written on both sides. Name the fields "
            "that people edit, and what they enter: values={'city': ('Oslo', 'Bergen', None)}."
        )
    return pools


def _pool(kind: Kind, columns: Sequence[Column]) -> Iterator[Value]:
    """Yield some values of *kind* that *columns* hold."""
    longest = min((c.length for c in columns if c.length is not None), default=_LONG)
    match kind:
        case EmailKind():
            yield from ("a@example.org", "b@example.org", "B@example.org")
        case TextKind(name="text"):
            yield from (text[:longest] for text in ("Ada", "Bo", "Zoë", "東京"))
        case BooleanKind():
            yield from (True, False)
            return
        case IntegerKind():
            yield from (1, 2, 30)
        case NumberKind():
            yield from (Decimal(1), Decimal(2), Decimal(30))
        case DateKind():
            yield from (_DAY, _DAY + dt.timedelta(days=1))
        case InstantKind():
            yield from (_NOON, _NOON + dt.timedelta(seconds=1))
        case ChoiceKind():
            options = next((c.options for c in reversed(columns) if c.options), ())
            yield from (Choice(one.code, one.label) for one in options[:3])
        case _:
            return
    if not any(column.required for column in columns):
        yield None


_LONG: Final = 255


def _blank(
    entity_map: EntityMap, schemas: Pair[Schema], pools: Mapping[str, object]
) -> Pair[Mapping[str, Wire]]:
    """Return text for the columns that a new record must have besides, here or over there."""

    def needed(side: Side) -> dict[str, Wire]:
        edited = {f.names[side] for f in entity_map.fields if f.name in pools}
        # A person without the text that Dynamics must have would be refused there.
        due = {f.names[side] for f in entity_map.fields if _sent(f) and _due(f, schemas)}
        columns = schemas[side].columns.values()
        return {
            c.name: "x"
            for c in columns
            if c.name not in edited and (c.required or (c.name in due and c.access == FULL_ACCESS))
        }

    return Pair(needed(Side.MARKETO), needed(Side.DYNAMICS))


def _sent(field: Field) -> bool:
    return field.kind.name == "text" and field.flow is Flow.BOTH and not field.yields_to


def _due(field: Field, schemas: Pair[Schema]) -> bool:
    """Return whether Dynamics makes no record without *field*."""
    column = schemas.dynamics.columns.get(field.names.dynamics)
    return column is not None and column.required


def _pushed(
    born: Mapping[str, Value], maps: Mapping[str, EntityMap], schemas: Mapping[str, Pair[Schema]]
) -> dict[str, Value]:
    """Return what a person holds that is pushed: some text, and what Dynamics must have."""
    some = next((name for name, value in born.items() if isinstance(value, str)), None)
    due = {f.name for e, m in maps.items() for f in m.fields if _due(f, schemas[e])}
    return {name: born[name] for name in born if name == some or name in due}


def _judge(policy: AuthorityPolicy) -> Judge:
    """Return what asks *policy*, whatever it may be told of how old the edits are."""

    def judge(quarrel: Quarrel) -> Judged:
        entity = Entity(quarrel.entity)
        said = [
            policy(Collision(entity, quarrel.name, quarrel.agreed, quarrel.now, ages))
            for ages in _AGES
        ]
        return Judged(
            tuple(dict.fromkeys(one.side for one in said if isinstance(one, Take))),
            tuple(dict.fromkeys(one.value for one in said if isinstance(one, Put))),
            any(isinstance(one, Leave) for one in said),
        )

    return judge
