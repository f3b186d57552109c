"""
The nouns: sides, pairs, records and what a system says of them. Pure.

Values appear in two forms. A *wire* value is what a system's API says or takes:
something JSON can hold. A canonical *value* is what it means. Records carry wire
values under the system's own field names; `dynsync.fields` turns one into the other.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import compress, count
from operator import ne
from typing import Final, Generic, NewType, TypeAlias, TypeVar

import attrs

__all__ = [
    "MISSING",
    "SIDES",
    "Change",
    "Choice",
    "Cursor",
    "Edit",
    "Entity",
    "Missing",
    "Pair",
    "Record",
    "RecordId",
    "Reference",
    "Row",
    "Side",
    "Tombstone",
    "Value",
    "Version",
    "Wire",
    "differing",
    "is_empty",
    "laid_over",
    "plain_id",
]

T = TypeVar("T")
U = TypeVar("U")

RecordId = NewType("RecordId", str)
"""What one system calls a record: a person's number as text, a GUID in lower case."""

Cursor = NewType("Cursor", str)
"""An opaque place in a change feed: a paging token, a delta token."""

Version = NewType("Version", str)
"""An opaque row version, as `Update.expect` hands it back."""

Entity = NewType("Entity", str)
"""The name of an entity map: ``"lead"``, ``"contact"``."""


class Missing(enum.Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Not reported. Neither null nor a value: it never counts as a difference."""


class Side(enum.Enum):
    """One of the two systems."""

    MARKETO = "marketo"
    DYNAMICS = "dynamics"

    # Members are one object each, and are looked up many times for every record: the hash that
    # enum computes from the name takes as long as all the rest of a look-up.
    __hash__ = object.__hash__

    @property
    def other(self) -> Side:
        """The other one."""
        return Side.DYNAMICS if self is Side.MARKETO else Side.MARKETO

    @property
    def label(self) -> str:
        """The system's name, for people."""
        return self.value.capitalize()


SIDES: Final = tuple(Side)
"""Both sides, to go over where it is done for every field: a tuple is quicker than its enum."""


@attrs.frozen
class Pair(Generic[T]):
    """One *T* for each side, so that what is symmetric is written once."""

    marketo: T
    dynamics: T

    def __getitem__(self, side: Side) -> T:
        return self.marketo if side is Side.MARKETO else self.dynamics

    def __iter__(self) -> Iterator[T]:
        # A tuple's iterator costs one call, a generator one more for each side.
        return iter((self.marketo, self.dynamics))

    def map(self, function: Callable[[T], U]) -> Pair[U]:
        """Apply *function* to both."""
        return Pair(function(self.marketo), function(self.dynamics))

    def replace(self, side: Side, value: T) -> Pair[T]:
        """Return a pair that holds *value* on *side*."""
        return Pair(value, self.dynamics) if side is Side.MARKETO else Pair(self.marketo, value)

    def swap(self) -> Pair[T]:
        """Return the pair with its sides exchanged."""
        return Pair(self.dynamics, self.marketo)

    @classmethod
    def of(cls, function: Callable[[Side], T]) -> Pair[T]:
        """Make a pair by asking *function* for each side."""
        return cls(function(Side.MARKETO), function(Side.DYNAMICS))


Wire: TypeAlias = str | int | float | bool | None
"""A value as an API says it: what one JSON scalar can hold."""


def plain_id(held: object) -> RecordId:
    """
    Return an id that somebody holds as it is compared: without blanks, braces and case.

    Empty where nothing is held. People import Dynamics' ids from wherever they find them.
    """
    text = "" if held is None or held is MISSING else str(held)
    return RecordId(text.strip().removeprefix("{").removesuffix("}").strip().lower())


Row: TypeAlias = list[Wire | Missing]
"""Wire values of one record in the order of a layout; `MISSING` where not reported."""


def differing(row: Row, base: Row) -> Iterator[int]:
    """Yield the places in which *row* and *base* are not equal; it takes no step a field."""
    return compress(count(), map(ne, row, base))


def laid_over(row: Row, base: Row) -> Row:
    """Return *row*, and what *base* says where it says nothing; *row* itself if it says all."""
    if MISSING not in row:
        return row
    return [before if now is MISSING else now for now, before in zip(row, base, strict=True)]


def is_empty(wire: Wire | Missing) -> bool:
    """
    Return whether *wire* is no value that a null could take the place of.

    A false is none: it is what a side says that cannot hold null (A33). To Python, 0 is False;
    and a 0 is a value.
    """
    return wire is None or wire is False or wire is MISSING or wire == ""


@attrs.frozen
class Choice:
    """One option of a choice column. Its *code* decides equality; the label is for people."""

    code: int
    label: str = attrs.field(default="", eq=False)


@attrs.frozen
class Reference:
    """Another record that a field points at, by its *id* in its own system."""

    id: str


Value: TypeAlias = (
    str
    | int
    | bool
    | Decimal
    | dt.date
    | dt.datetime
    | Choice
    | frozenset[Choice]
    | Reference
    | None
)
"""What a field means, whichever system said it."""


@attrs.frozen
class Edit:
    """
    One change of one field as a feed tells it, with the value that it replaced.

    *field* is the system's own name. Edits of one record come in the order in which
    they were made. *id* tells repeats apart.
    """

    field: str
    old: Wire
    new: Wire
    at: dt.datetime | None = None
    id: str = ""


@attrs.frozen
class Record:
    """
    A record as one system holds it now.

    *values* are wire values under the system's own field names; a name that is
    absent was not reported. *version* is what `Update.expect` takes, where the system
    has one. *modified_at* is aware. *edits* are told by feeds that know old values.
    """

    id: RecordId
    values: Mapping[str, Wire]
    version: Version | None = None
    modified_at: dt.datetime | None = None
    edits: tuple[Edit, ...] = ()


@attrs.frozen
class Tombstone:
    """A record that a system no longer holds."""

    id: RecordId
    modified_at: dt.datetime | None = None


Change: TypeAlias = Record | Tombstone
"""What a feed reports."""
