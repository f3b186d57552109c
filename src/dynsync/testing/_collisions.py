"""The collisions that a policy is asked about: all fields, kinds of values and sorts of ages."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD
from dynsync.policies import Collision
from dynsync.records import Entity, Pair, Value
from dynsync.testing._nasty import VALUES

__all__ = ["MARKERS", "collisions"]

MARKERS: Final = Pair[Value]("Zq7-Bergen", "Zq7-Tromsø")
"""Two texts that are in no reason unless it quotes them."""

_AGES: Final = tuple(
    Pair[float | None](*ages)
    for ages in (
        *((60.0, 600.0), (600.0, 60.0), (60.0, 60.0), (60.0, 60.5)),
        *((None, None), (None, 60.0), (60.0, None)),
        *((-5.0, 60.0), (math.nan, 60.0), (math.inf, math.inf), (0.0, 1e12)),
    )
)
_NO_AGES: Final = _AGES[4]
_THIRD: Final = "account"


def collisions(
    maps: Sequence[EntityMap] = (LEAD, CONTACT),
    fields: Collection[str] = (),
    entities: Collection[str] = (),
) -> Iterator[Collision]:
    """
    Yield collisions in every field of *maps*, between values of its kind.

    Those in *fields*, and in one field of each kind, are of every sort; the others are few. A
    third entity, and *entities* beside those of *maps*, have fields of every kind that no map
    has, and *fields* that no map has.
    """
    known = {name for one in maps for name in one.names()}
    for one in maps:
        kinds: set[str] = set()
        for field in one.fields:
            kind = field.kind.name
            every = field.name in fields or kind not in kinds
            yield from _all(one.entity, field.name, kind) if every else _few(one, field.name, kind)
            kinds.add(kind)
        yield from _in_unknown(one.entity, [name for name in fields if name not in known])
    others = [name for name in (_THIRD, *entities) if name not in {one.entity for one in maps}]
    for entity in dict.fromkeys(others):
        for kind in VALUES:
            yield from _all(Entity(entity), f"any {kind}", kind)
        yield from _in_unknown(Entity(entity), dict.fromkeys(fields))
        # A host's map may change a field's kind, and then the two sides are of two kinds.
        firsts = [values[0] for values in VALUES.values()]
        for pair in itertools.pairwise(firsts):
            yield Collision(Entity(entity), "any", Pair(None, None), Pair(*pair), _AGES[0])


def _in_unknown(entity: Entity, fields: Collection[str]) -> Iterator[Collision]:
    """Yield collisions in fields that may hold anything, as far as is known."""
    for field, kind in itertools.product(fields, VALUES):
        yield from _all(entity, field, kind)


def _all(entity: Entity, field: str, kind: str) -> Iterator[Collision]:
    for at, values in enumerate(_pairs(kind)):
        base = Pair[Value](None, None) if at % 3 else Pair[Value](values.marketo, None)
        for ages in (_AGES[at % len(_AGES)], _AGES[0], _NO_AGES):
            yield Collision(entity, field, base, values, ages)
    values = _first(kind)
    for ages in _AGES:
        yield Collision(entity, field, Pair(None, None), values, ages)


def _few(entity_map: EntityMap, field: str, kind: str) -> Iterator[Collision]:
    values = _first(kind)
    for pair in (values, Pair(values.marketo, None), Pair(None, values.dynamics)):
        for ages in (_AGES[0], _AGES[1], _NO_AGES):
            yield Collision(entity_map.entity, field, Pair(None, None), pair, ages)


def _first(kind: str) -> Pair[Value]:
    """Return two values of *kind*, or two texts for a kind that is the host's own."""
    return MARKERS if kind == "text" or kind not in VALUES else Pair(*VALUES[kind][:2])


def _pairs(kind: str) -> Iterator[Pair[Value]]:
    values = VALUES.get(kind) or (*MARKERS,)
    for one, other in itertools.pairwise(values):
        yield Pair(one, other)
        yield Pair(other, one)
    yield Pair(values[0], None)
    yield Pair(None, values[-1])
