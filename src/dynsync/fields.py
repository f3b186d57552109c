"""
Which fields are one field, and in which direction each of them flows. Pure data.

An entity is data, not a class: a host takes a default map, cuts it, extends it, or
writes its own.
"""

from __future__ import annotations

import enum
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeAlias, cast

import attrs

from dynsync.arguments import shown
from dynsync.errors import ConfigurationError
from dynsync.kinds import BooleanKind, Kind, ReferenceKind, TextKind, Unfit
from dynsync.records import MISSING, Entity, Missing, Pair, Side, Value, Wire

__all__ = ["EntityMap", "Field", "Flow", "Match", "TooLong"]


class Flow(enum.Enum):
    """
    The direction of a field.

    A one-way field is no matter of policy: it also overrides what does not collide.
    """

    BOTH = "both"
    TO_MARKETO = "to_marketo"
    TO_DYNAMICS = "to_dynamics"

    # Members are one object each: see `Side`.
    __hash__ = object.__hash__

    def reaches(self, side: Side) -> bool:
        """Return whether values flow to *side*."""
        return self is Flow.BOTH or (self is Flow.TO_MARKETO) is (side is Side.MARKETO)


TooLong: TypeAlias = Literal["refuse", "truncate"]
"""What becomes of text that is longer than the column: a validation result, or its beginning."""


_TEXT: Final = TextKind()


@attrs.frozen
class Field:
    """
    One field that both systems have.

    *name* is dynsync's own, *names* are the systems'. Two fields may share a Dynamics
    column (Marketo's Subject and Microsoft Topic do): the one that *yields_to* the other
    loses if both are pushed with different values (A16).
    """

    name: str
    names: Pair[str]
    kind: Kind = _TEXT
    flow: Flow = Flow.BOTH
    labels: Pair[str] = Pair("", "")
    too_long: TooLong = "refuse"
    yields_to: str | None = None

    def __attrs_post_init__(self) -> None:
        for wrong in _wrong_field(self):
            raise ConfigurationError(f"The field {self.name!r} {wrong}.")

    def same(self, one: Wire | Missing, other: Wire | Missing, sides: Pair[Side]) -> bool:
        """Return whether two wire values, each as its side says it, mean the same."""
        if one is MISSING or other is MISSING or one is None or other is None:
            if one is other:
                return True
            if one is MISSING or other is MISSING:
                return False
        elif sides.marketo is sides.dynamics and type(one) is type(other) and one == other:
            # Only on one side: what is a code there may be another option's label here.
            return True
        try:
            keys = [
                self.kind.key(self.kind.decode(wire, side))
                for wire, side in zip((one, other), sides, strict=True)
                if not isinstance(wire, Missing)
            ]
        except Unfit:
            return False
        return keys[0] == keys[1]

    def equal(self, one: Value, other: Value) -> bool:
        """Return whether two values are the same in this field's eyes."""
        return one is other or self.kind.key(one) == self.kind.key(other)


_OF_A_KIND: Final = tuple(sorted(name for name in vars(Kind) if not name.startswith("_")))
"""What a kind is asked."""


def _wrong_field(field: Field) -> Iterator[str]:
    """Yield what is wrong with *field* by itself."""
    name, names = cast("object", field.name), cast("object", field.names)
    flow = cast("object", field.flow)
    if not _is_name(name):
        yield "needs a name that is text: Field('job_title', Pair('title', 'jobtitle'))"
    if not isinstance(names, Pair):
        yield "needs a native name on each side: names=Pair('marketoName', 'dynamicsname')"
    if not field.name.startswith("@"):
        for side in Side:
            if not _is_name(field.names[side]):
                yield (
                    f"has no native name in {side.label}. Name its column there; for a field that "
                    f"one system alone has there is nothing to sync"
                )
    if field.too_long not in ("refuse", "truncate"):
        yield f"has too_long={field.too_long!r}; say 'refuse' or 'truncate'"
    if not isinstance(flow, Flow):
        yield f"has the flow {flow!r}; say Flow.BOTH, Flow.TO_MARKETO or Flow.TO_DYNAMICS"
    if field.yields_to is not None and not _is_name(field.yields_to):
        yield f"has yields_to={field.yields_to!r}; say the name of another field, or leave it out"
    yield from _wrong_kind(field.kind)


def _wrong_kind(kind: object) -> Iterator[str]:
    """Yield why *kind* is none; else the first to find out would be a run, at a column."""
    if isinstance(kind, type):
        yield f"has the class {kind.__name__} for its kind; make one of it: {kind.__name__}()"
    # Not isinstance: since Python 3.12 that does not see what a wrapper passes on.
    lacks = [asked for asked in _OF_A_KIND if not hasattr(kind, asked)]
    if lacks:
        yield (
            f"has a kind of type {type(kind).__name__}, which lacks {', '.join(lacks)}; say "
            f"TextKind(), EmailKind() or another, or see dynsync.Kind for what yours needs"
        )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


@attrs.frozen
class Match:
    """
    How a Dynamics record that nobody is linked to finds its person.

    By the Dynamics id that a person holds, always; with *field*, also by that field's value,
    if exactly one unlinked person and one record hold it (A28).
    """

    field: str | None = None


def _no_fields(fields: Iterable[object]) -> Iterator[str]:
    """Yield which of *fields* is none."""
    for field in fields:
        if not isinstance(field, Field):
            yield (
                f"got {shown(field)} for a field. Make it one: "
                f"Field('first_name', Pair('firstName', 'firstname'))"
            )


def _wrong_map(entity_map: EntityMap) -> Iterator[str]:
    """Yield what *entity_map* holds that is of another type than it should be."""
    tables, match = cast("object", entity_map.tables), cast("object", entity_map.match)
    if not _is_name(entity_map.entity):
        yield "needs a name: entity='contact'"
    yield from _no_fields(entity_map.fields)
    if not isinstance(tables, Pair) or not all(map(_is_name, cast("Pair[object]", tables))):
        yield "needs a table on each side: tables=Pair('person', 'contact')"
    if not _is_name(entity_map.link_field):
        yield "needs a Marketo field that holds the Dynamics id: link_field='crmContactId'"
    for option in ("type_field", "deleted_field", "owner_column"):
        given = cast("object", getattr(entity_map, option))
        if given is not None and not _is_name(given):
            yield f"has {option}={given!r}. Name a column, or leave it out"
    if not isinstance(cast("object", entity_map.type_label), str):
        yield f"has type_label={entity_map.type_label!r}. Say it in text: type_label='Contact'"
    if not isinstance(match, Match) or not (match.field is None or _is_name(match.field)):
        yield f"has match={match!r}. Say match=Match('email'), or the name of another field of it"


def _names_differ(entity_map: EntityMap) -> None:
    """Refuse a map in which a name means two things."""
    columns: tuple[tuple[str, list[str]], ...] = (
        ("name", [field.name for field in entity_map.fields]),
        (
            "Marketo field",
            [field.names.marketo for field in (*entity_map.fields, *entity_map.stamps())],
        ),
        (
            "Dynamics column",
            [field.names.dynamics for field in entity_map.fields if field.yields_to is None],
        ),
    )
    for what, names in columns:
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            message = (
                f"The map of {entity_map.entity!r} uses the {what} {twice[0]!r} twice. "
                f"Remove one of the two fields, or rename it."
            )
            raise ConfigurationError(message)


def _refers(entity_map: EntityMap) -> Iterator[str]:
    """Yield what is wrong with the fields that *entity_map* refers to by name."""
    known = {field.name: field for field in entity_map.fields}
    if entity_map.match.field not in {None, *known}:
        yield f"matches by {entity_map.match.field!r}, which is no field of it"
    for field in entity_map.fields:
        if field.name.startswith("@"):
            yield f"calls a field {field.name!r}; names that begin with '@' are the stamps'"
        if field.yields_to is None:
            continue
        first = known.get(field.yields_to)
        if first is None:
            yield f"lets {field.name!r} yield to {field.yields_to!r}, which is no field of it"
        elif first.yields_to is not None:
            yield f"lets {field.name!r} yield to {first.name!r}, which yields itself"
        elif first.names.dynamics != field.names.dynamics:
            yield f"lets {field.name!r} yield to {first.name!r}, which stands on another column"


def _as_tuple(fields: Iterable[Field]) -> tuple[Field, ...]:
    given = cast("object", fields)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"An entity map has fields={shown(given)}. Give a list of fields: "
            f"fields=[Field('first_name', Pair('firstName', 'firstname'))]."
        )
    return tuple(fields)


@attrs.frozen(kw_only=True, repr=False)
class EntityMap:
    """
    One entity: its table on either side and its fields.

    *link_field* is the Marketo field that holds the Dynamics id. *type_field* and
    *deleted_field* are Marketo's Microsoft Type and Microsoft is Deleted (R25), kept if given.
    *owner_column* is where *Sync Person to Microsoft* puts the owner it was given (R30).
    """

    entity: Entity = attrs.field(converter=Entity)
    tables: Pair[str]
    fields: tuple[Field, ...] = attrs.field(converter=_as_tuple)
    link_field: str
    type_field: str | None = None
    type_label: str = ""
    deleted_field: str | None = None
    owner_column: str | None = None
    match: Match = Match()

    def __attrs_post_init__(self) -> None:
        for wrong in _wrong_map(self):
            raise ConfigurationError(f"The map of {self.entity!r} {wrong}.")
        _names_differ(self)
        for wrong in _refers(self):
            message = (
                f"The map of {self.entity!r} {wrong}. Its fields are {', '.join(self.names())}."
            )
            raise ConfigurationError(message)

    def field(self, name: str) -> Field:
        """Return the field called *name*; raises `ConfigurationError` if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        message = (
            f"{name!r} is no field of the map of {self.entity!r}. Its fields are "
            f"{', '.join(self.names())}."
        )
        raise ConfigurationError(message)

    def names(self) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(field.name for field in self.fields)

    def only(self, *names: str) -> EntityMap:
        """Return the map with just the fields *names*, in that order."""
        return self._cut([self.field(name) for name in names])

    def without(self, *names: str) -> EntityMap:
        """Return the map without the fields *names*."""
        drop = {self.field(name).name for name in names}
        return self._cut([field for field in self.fields if field.name not in drop])

    def _cut(self, fields: list[Field]) -> EntityMap:
        """Return the map with *fields* left; what yielded to a field now gone yields no more."""
        left = {field.name for field in fields}
        kept = [
            field if field.yields_to in {None, *left} else attrs.evolve(field, yields_to=None)
            for field in fields
        ]
        return attrs.evolve(self, fields=kept)

    def plus(self, *fields: Field) -> EntityMap:
        """Return the map with *fields* added, or replaced where the name is there already."""
        for wrong in _no_fields(fields):
            raise ConfigurationError(f"The map of {self.entity!r} {wrong}.")
        new = {field.name: field for field in fields}
        kept = [new.pop(field.name, field) for field in self.fields]
        return attrs.evolve(self, fields=[*kept, *new.values()])

    def stamps(self) -> tuple[Field, ...]:
        """
        Return the fields by which Marketo knows what a person is in Dynamics.

        They flow to Marketo only; no Dynamics column stands behind them: the engine says
        their values. Their names begin with ``@``.
        """
        one_way = Flow.TO_MARKETO
        stamps = [Field("@id", Pair(self.link_field, ""), ReferenceKind(), one_way)]
        if self.type_field:
            stamps.append(Field("@type", Pair(self.type_field, ""), TextKind(), one_way))
        if self.deleted_field:
            stamps.append(Field("@deleted", Pair(self.deleted_field, ""), BooleanKind(), one_way))
        return tuple(stamps)

    def __repr__(self) -> str:
        both = f"{self.tables.marketo!r} and {self.tables.dynamics!r}"
        return f"<EntityMap {self.entity!r}: {len(self.fields)} fields of {both}>"

    def fingerprint_of(self, field: Field) -> str:
        """Return a digest of what *field* stands for: its columns, and its kind."""
        kind = type(field.kind)
        # A kind of the host's may show where it is in memory; then its name has to do.
        shown = repr(field.kind) if attrs.has(kind) else field.kind.name
        said = repr((*field.names, kind.__qualname__, shown))
        return hashlib.sha256(said.encode()).hexdigest()[:16]
