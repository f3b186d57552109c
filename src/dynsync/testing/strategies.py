"""
Hypothesis strategies for what a sync meets: values, records, schemas, changes, collisions.

Values are nasty on purpose: most of what is drawn is ordinary, and a good part is what went
wrong somewhere once. Needs hypothesis, the extra ``testing``.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar, cast

import attrs
from hypothesis import strategies as st

from dynsync.fields import EntityMap
from dynsync.kinds import Kind, TextKind
from dynsync.policies import Collision
from dynsync.records import (
    MISSING,
    Change,
    Edit,
    Entity,
    Missing,
    Pair,
    Record,
    RecordId,
    Side,
    Tombstone,
    Value,
    Version,
    Wire,
)
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema
from dynsync.testing._meanings import BY_KIND, instants, numbers, texts, values, wall_times, wires
from dynsync.testing._nasty import OPTIONS

__all__ = [
    "CELLS",
    "Situation",
    "changes",
    "collisions",
    "columns",
    "instants",
    "numbers",
    "record_ids",
    "records",
    "schemas",
    "situations",
    "texts",
    "values",
    "wall_times",
    "wires",
]

T = TypeVar("T")
Maybe: TypeAlias = Value | Missing

_TEXT: Final = TextKind()


# -- records and schemas


def record_ids(few: int = 4) -> st.SearchStrategy[RecordId]:
    """Return one of a *few* ids, so that what is drawn twice meets."""
    return st.integers(1, few).map(lambda number: RecordId(str(number)))


def _names(fields: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(tuple(fields)), unique=True)


_FIELDS: Final = ("name", "mail", "city")


@functools.cache
def _moments() -> st.SearchStrategy[dt.datetime | None]:
    some = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2026, 1, 1))  # noqa: DTZ001 - wall-clock time has no zone
    return st.none() | some.map(lambda moment: moment.replace(tzinfo=dt.UTC))


@st.composite
def records(
    draw: st.DrawFn,
    fields: Sequence[str] = _FIELDS,
    said: st.SearchStrategy[Wire] | None = None,
) -> Record:
    """Return records: some of *fields*, with what *said* draws; the others are not reported."""
    said = wires() if said is None else said
    held = {name: draw(said) for name in draw(_names(fields))}
    edits = tuple(
        Edit(name, draw(said), value, draw(_moments()), str(at))
        for at, (name, value) in enumerate(held.items())
        if draw(st.booleans())
    )
    return Record(draw(_ids()), held, draw(_versions()), draw(_moments()), edits)


@functools.cache
def _ids() -> st.SearchStrategy[RecordId]:
    return record_ids()


@functools.cache
def _versions() -> st.SearchStrategy[Version | None]:
    return st.none() | st.integers(1, 9).map(lambda number: Version(str(number)))


def changes(
    fields: Sequence[str] = _FIELDS, said: st.SearchStrategy[Wire] | None = None
) -> st.SearchStrategy[Change]:
    """Return what a feed reports: records, and now and then one that is gone."""
    there = records(fields, said)
    return st.one_of(there, there, st.builds(Tombstone, record_ids(), _moments()))


_TYPES: Final = ("string", "String", "Integer", "Picklist", "DateTime", "Boolean", "Money")


_RIGHTS: Final = (
    *(FULL_ACCESS, FULL_ACCESS, Access.READ, Access.READ | Access.UPDATE),
    *(Access.READ | Access.CREATE, Access.CREATE | Access.UPDATE, Access.NONE),
)


@st.composite
def columns(draw: st.DrawFn, name: str = "city") -> Column:
    """Return columns called *name*, with every limit and right that a schema can tell."""
    # Money has more to tell than any other.
    word = draw(_one_of(*_TYPES, "Money", "Money"))
    options = tuple(OPTIONS) if word == "Picklist" else ()
    low, high = sorted(draw(_bounds()))
    bounded = word in {"Integer", "Money"} and draw(st.booleans())
    return Column(
        name,
        label=draw(st.sampled_from(["", name.title()])),
        type=word,
        length=draw(_lengths()) if "tring" in word else None,
        unit=draw(_one_of("characters", "bytes")),
        minimum=Decimal(low) if bounded else None,
        maximum=Decimal(high) if bounded else None,
        digits=draw(_one_of(4, 2, 1, None)) if word == "Money" else None,
        options=options,
        required=draw(st.booleans()),
        access=draw(_one_of(*_RIGHTS)),
    )


@functools.cache
def _bounds() -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(-100, 100), st.integers(-100, 100))


@functools.cache
def _lengths() -> st.SearchStrategy[int | None]:
    return st.none() | st.sampled_from([1, 255, 256])


@st.composite
def schemas(draw: st.DrawFn, entity_map: EntityMap) -> Pair[Schema]:
    """Return two schemas for *entity_map*, now and then without one of its columns."""

    def schema(side: Side) -> Schema:
        names = [field.names[side] for field in entity_map.fields]
        gone = draw(st.none() | st.sampled_from(names)) if names else None
        kept = [draw(columns(name)) for name in names if name != gone]
        if side is Side.MARKETO:
            kept.append(Column(entity_map.link_field))
        return Schema.of(entity_map.tables[side], kept)

    return Pair(schema(Side.MARKETO), schema(Side.DYNAMICS))


def _one_of(*these: T) -> st.SearchStrategy[T]:
    """Return the strategy that draws one of *these*, the same one for the same."""
    return cast("st.SearchStrategy[T]", _sampled(these))


@functools.lru_cache(maxsize=256)
def _sampled(these: tuple[object, ...]) -> st.SearchStrategy[object]:
    return st.sampled_from(these)


# -- two sides of one record


@attrs.frozen
class Situation:
    """
    One record as it was agreed and as each side reports it now, by the names of its fields.

    A field that is absent from a side of *base* was never known there; one that is absent from
    a side of *now* was not reported.
    """

    base: Pair[Mapping[str, Value]]
    now: Pair[Mapping[str, Value]]
    ages: Pair[float | None]


CELLS: Final = ("nothing", "one side", "same on both", "collision", "first", "not reported")
"""The situations of a field that `situations` draws, each as often as the others."""


@functools.cache
def _ages() -> st.SearchStrategy[Pair[float | None]]:
    age = st.none() | st.sampled_from([0.0, 1.0, 60.0, 600.0, -5.0])
    return st.builds(Pair[float | None], age, age)


def situations(
    fields: Mapping[str, Kind] | None = None,
    cells: Sequence[str] = CELLS,
) -> st.SearchStrategy[Situation]:
    """
    Return records whose two sides were perturbed from a common base, field by field.

    Each field is brought into one of *cells*, so that every cell of the merge table is reached.
    *fields* are kinds by name.
    """
    kinds = dict.fromkeys(_FIELDS, _TEXT) if fields is None else fields
    return _situations({name: (kind, _distinct(kind)) for name, kind in kinds.items()}, cells)


_Drawn: TypeAlias = tuple[Kind, st.SearchStrategy[list[Value]]]
"""A kind, and what draws three values of it."""


@st.composite
def _situations(draw: st.DrawFn, drawn: Mapping[str, _Drawn], cells: Sequence[str]) -> Situation:
    base: Pair[dict[str, Value]] = Pair({}, {})
    now: Pair[dict[str, Value]] = Pair({}, {})
    for name, (kind, distinct) in drawn.items():
        before, after = draw(_perturbed(kind, distinct, draw(_one_of(*cells))))
        for side in Side:
            for held, value in ((base, before[side]), (now, after[side])):
                if not isinstance(value, Missing):
                    held[side][name] = value
    return Situation(Pair(*base), Pair(*now), draw(_ages()))


@st.composite
def _perturbed(
    draw: st.DrawFn, kind: Kind, distinct: st.SearchStrategy[list[Value]], cell: str
) -> tuple[Pair[Maybe], Pair[Maybe]]:
    """Return the base of a field and what is reported of it, in one *cell*."""
    was, one, other = draw(distinct)
    side = draw(_one_of(*Side))
    agreed: Pair[Maybe] = Pair(was, was)
    match cell:
        case "nothing":
            return agreed, agreed
        case "one side":
            return agreed, agreed.replace(side, one)
        case "same on both":
            return agreed, Pair(one, one)
        case "collision" if kind.name == "boolean":
            # The sides can only differ where they differed before.
            return Pair[Maybe](was, one), Pair[Maybe](one, was)
        case "collision":
            return agreed, Pair(one, other)
        case "first":
            known = agreed.replace(side, MISSING) if draw(st.booleans()) else _unknown()
            return known, Pair[Maybe](one, one).replace(side, was)
        case _:
            reported = Pair[Maybe](one, one).replace(side, MISSING)
            return agreed, reported if draw(st.booleans()) else _unknown()


def _distinct(kind: Kind) -> st.SearchStrategy[list[Value]]:
    """Return three values of *kind* of which no two mean the same."""
    if kind.name == "boolean":
        # Of yes and no there are two, and null is no: the third is the first again.
        return st.permutations([True, False]).map(lambda two: [*two, two[0]])
    some = BY_KIND[kind.name](kind)
    return st.lists(some | st.none(), min_size=3, max_size=3, unique_by=kind.key)


def _unknown() -> Pair[Maybe]:
    return Pair(MISSING, MISSING)


def collisions(
    kind: Kind = _TEXT, entity: str | None = None, field: str = "city"
) -> st.SearchStrategy[Collision]:
    """Return collisions in a field of *kind*, for a policy to decide."""
    return _collisions(situations({field: kind}, ["collision", "first"]), entity, field)


@st.composite
def _collisions(
    draw: st.DrawFn, drawn: st.SearchStrategy[Situation], entity: str | None, field: str
) -> Collision:
    situation = draw(drawn)
    of = draw(_one_of("lead", "contact")) if entity is None else entity
    met = field in situation.base.marketo and field in situation.base.dynamics
    base = situation.base.map(lambda held: held[field] if met else None)
    now = situation.now.map(lambda held: held[field])
    return Collision(Entity(of), field, base, now, situation.ages)
