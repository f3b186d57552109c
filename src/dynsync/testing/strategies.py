"""
Hypothesis strategies for what a sync meets: values, records, schemas, changes, collisions.

Values are nasty on purpose: most of what is drawn is ordinary, and a good part is what went
wrong somewhere once. Needs hypothesis, the extra ``testing``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

import attrs
from hypothesis import strategies as st

from dynsync.fields import EntityMap
from dynsync.kinds import ChoiceKind, Kind, MultiChoiceKind, TextKind
from dynsync.policies import Collision
from dynsync.records import (
    MISSING,
    Change,
    Choice,
    Edit,
    Entity,
    Missing,
    Pair,
    Record,
    RecordId,
    Reference,
    Side,
    Tombstone,
    Value,
    Version,
    Wire,
)
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema
from dynsync.testing._nasty import OPTIONS, VALUES, WIRES

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

Maybe: TypeAlias = Value | Missing

_TEXT: Final = TextKind()


# -- values


def texts(max_size: int | None = 300) -> st.SearchStrategy[str]:
    """Return texts that can be encoded, blank ones and those of 255 and 256 characters included."""
    nasty = [value for value in VALUES["text"] if isinstance(value, str)]
    plain = st.text(st.characters(codec="utf-8"), max_size=max_size)
    odd = st.sampled_from(["", " ", "\r\n", "null", "a\x00b", "blank at the end ", *nasty])
    both = st.one_of(plain, st.sampled_from(["Ann", "Bjørn", "Oslo"]), odd)
    return both if max_size is None else both.filter(lambda text: len(text) <= max_size)


def numbers() -> st.SearchStrategy[Decimal]:
    """Return finite decimals, those past a double and a negative nought included."""
    nasty = [value for value in VALUES["decimal"] if isinstance(value, Decimal)]
    wide = st.decimals(-(10**60), 10**60, allow_nan=False, allow_infinity=False)
    return st.decimals(-(10**6), 10**6, places=2) | st.sampled_from(nasty) | wide


def wall_times() -> st.SearchStrategy[dt.datetime]:
    """Return times on a clock on a wall: in gaps, repeated hours, and at the ends of calendars."""
    nasty = [value for value in VALUES["wall-clock time"] if isinstance(value, dt.datetime)]
    plain = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))  # noqa: DTZ001 - wall-clock time has no zone
    return plain | st.sampled_from(nasty) | st.datetimes()


def instants() -> st.SearchStrategy[dt.datetime]:
    """Return points in time, in UTC and elsewhere, all of which UTC's calendar holds."""
    hours = st.integers(-14, 14).map(lambda hours: dt.timezone(dt.timedelta(hours=hours)))

    def at(moment: dt.datetime, zone: dt.timezone) -> dt.datetime:
        inside = 1 < moment.year < 9999  # noqa: PLR2004 - the ends of the calendar
        return moment.replace(tzinfo=zone if inside else dt.UTC, fold=0)

    return st.builds(at, wall_times(), st.just(dt.UTC) | hours)


def _dates() -> st.SearchStrategy[dt.date]:
    nasty = [value for value in VALUES["date"] if isinstance(value, dt.date)]
    return st.dates() | st.sampled_from(nasty)


def _choices(kind: Kind) -> st.SearchStrategy[Choice]:
    given = kind.options if isinstance(kind, ChoiceKind | MultiChoiceKind) else ()
    options = given or OPTIONS
    return st.sampled_from(options).map(lambda option: Choice(option.code, option.label))


def _references() -> st.SearchStrategy[Reference]:
    guids = st.uuids().map(str)
    spelt = guids.map(str.upper) | guids.map("{{{}}}".format)
    return (guids | spelt | st.integers(1, 99).map(str)).map(Reference)


def _integers(_: Kind) -> st.SearchStrategy[int]:
    wide = st.sampled_from([2**31 - 1, -(2**31), 2**53 + 1, 10**30])
    return st.integers(-100, 100) | wide | st.integers()


def _emails(_: Kind) -> st.SearchStrategy[str]:
    nasty = [value for value in VALUES["email"] if isinstance(value, str)]
    return st.sampled_from(["ann@example.com", *nasty]) | st.emails()


_BY_KIND: Final[Mapping[str, Callable[[Kind], st.SearchStrategy[Value]]]] = {
    "text": lambda _: texts(),
    "email": _emails,
    "integer": _integers,
    "decimal": lambda _: numbers(),
    "boolean": lambda _: st.booleans(),
    "date": lambda _: _dates(),
    "instant": lambda _: instants(),
    "wall-clock time": lambda _: wall_times(),
    "choice": _choices,
    "multi-choice": lambda kind: st.frozensets(_choices(kind), min_size=1, max_size=4),
    "reference": lambda _: _references(),
}


def values(kind: Kind = _TEXT) -> st.SearchStrategy[Value]:
    """
    Return what a field of *kind* may mean: the nasty values of its kind, and null.

    Raises `ValueError` for a kind that is none of dynsync's; give values of your own to what
    takes them.
    """
    make = _BY_KIND.get(kind.name)
    if make is None:
        raise ValueError(f"{kind.name!r} is no kind of dynsync's: say what its values are.")
    return make(kind) | st.none()


def wires() -> st.SearchStrategy[Wire]:
    """Return what a system may say, fitting or not: half a surrogate pair and NaN included."""
    pieces = ("2024", "0001", "13", "31", "60", "-", "/", ":", ".", " ", "T", "Z", "+01:00", "May")
    like_dates = st.lists(st.sampled_from(pieces), max_size=9).map("".join)
    scalars = st.booleans() | st.integers() | st.floats() | st.none()
    return st.sampled_from(WIRES) | scalars | texts() | like_dates


# -- records and schemas


def record_ids(few: int = 4) -> st.SearchStrategy[RecordId]:
    """Return one of a *few* ids, so that what is drawn twice meets."""
    return st.integers(1, few).map(lambda number: RecordId(str(number)))


def _names(fields: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(tuple(fields)), unique=True)


_FIELDS: Final = ("name", "mail", "city")


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
    version = draw(st.none() | st.integers(1, 9).map(lambda number: Version(str(number))))
    return Record(draw(record_ids()), held, version, draw(_moments()), edits)


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
    word = draw(st.sampled_from((*_TYPES, "Money", "Money")))
    options = tuple(OPTIONS) if word == "Picklist" else ()
    low, high = sorted(draw(st.tuples(st.integers(-100, 100), st.integers(-100, 100))))
    bounded = word in {"Integer", "Money"} and draw(st.booleans())
    return Column(
        name,
        label=draw(st.sampled_from(["", name.title()])),
        type=word,
        length=draw(st.none() | st.sampled_from([1, 255, 256])) if "tring" in word else None,
        unit=draw(st.sampled_from(["characters", "bytes"])),
        minimum=Decimal(low) if bounded else None,
        maximum=Decimal(high) if bounded else None,
        digits=draw(st.sampled_from([4, 2, 1, None])) if word == "Money" else None,
        options=options,
        required=draw(st.booleans()),
        access=draw(st.sampled_from(_RIGHTS)),
    )


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


def _ages() -> st.SearchStrategy[Pair[float | None]]:
    age = st.none() | st.sampled_from([0.0, 1.0, 60.0, 600.0, -5.0])
    return st.builds(Pair[float | None], age, age)


@st.composite
def situations(
    draw: st.DrawFn,
    fields: Mapping[str, Kind] | None = None,
    cells: Sequence[str] = CELLS,
) -> Situation:
    """
    Return records whose two sides were perturbed from a common base, field by field.

    Each field is brought into one of *cells*, so that every cell of the merge table is reached.
    *fields* are kinds by name.
    """
    kinds = dict.fromkeys(_FIELDS, _TEXT) if fields is None else fields
    base: Pair[dict[str, Value]] = Pair({}, {})
    now: Pair[dict[str, Value]] = Pair({}, {})
    for name, kind in kinds.items():
        before, after = draw(_perturbed(kind, draw(st.sampled_from(tuple(cells)))))
        for side in Side:
            for held, value in ((base, before[side]), (now, after[side])):
                if not isinstance(value, Missing):
                    held[side][name] = value
    return Situation(Pair(*base), Pair(*now), draw(_ages()))


@st.composite
def _perturbed(draw: st.DrawFn, kind: Kind, cell: str) -> tuple[Pair[Maybe], Pair[Maybe]]:
    """Return the base of a field and what is reported of it, in one *cell*."""
    some = _BY_KIND[kind.name](kind)
    distinct = st.lists(some | st.none(), min_size=3, max_size=3, unique_by=kind.key)
    if kind.name == "boolean":
        # Of yes and no there are two, and null is no: the third is the first again.
        distinct = st.permutations([True, False]).map(lambda two: [*two, two[0]])
    was, one, other = draw(distinct)
    side = draw(st.sampled_from(Side))
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


def _unknown() -> Pair[Maybe]:
    return Pair(MISSING, MISSING)


@st.composite
def collisions(
    draw: st.DrawFn, kind: Kind = _TEXT, entity: str | None = None, field: str = "city"
) -> Collision:
    """Return collisions in a field of *kind*, for a policy to decide."""
    situation = draw(situations({field: kind}, ["collision", "first"]))
    of = draw(st.sampled_from(["lead", "contact"])) if entity is None else entity
    met = field in situation.base.marketo and field in situation.base.dynamics
    base = situation.base.map(lambda held: held[field] if met else None)
    now = situation.now.map(lambda held: held[field])
    return Collision(Entity(of), field, base, now, situation.ages)
