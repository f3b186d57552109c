"""What a system says of its columns, and what the sync user may do with each. Pure."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias, cast

import attrs
from attrs import Factory

from dynsync.arguments import shown
from dynsync.errors import ConfigurationError

__all__ = ["FULL_ACCESS", "Access", "Column", "LengthUnit", "Option", "Schema"]

LengthUnit: TypeAlias = Literal["characters", "bytes"]
"""What a maximum length counts: Dataverse and most of Marketo characters, Marketo text bytes."""


class Access(enum.Flag):
    """What may be done with one column on one side."""

    NONE = 0
    READ = enum.auto()
    CREATE = enum.auto()
    UPDATE = enum.auto()


FULL_ACCESS: Final = Access.READ | Access.CREATE | Access.UPDATE


@attrs.frozen
class Option:
    """One option of a choice column; *state* is set on status columns that belong to a state."""

    code: int
    label: str
    state: int | None = None


@attrs.frozen
class Column:
    """
    One column as its system describes it.

    *name* is the system's own; *label* is for people. *type* is the system's own word for
    the type. *length* counts *unit*. *minimum* and *maximum* bound numbers and *digits* is
    how many decimals are kept. *options* are those of a choice. *required* columns must
    have a value when a record is made and cannot be cleared. *access* is what the sync
    user may do, the intersection of the schema's own rules and that user's rights: a
    column without READ reads as null in Dynamics, and is therefore never asked for. Raises
    `ConfigurationError` for a name or type that is no text, and a length that is none.
    """

    name: str
    label: str = ""
    type: str = "string"
    length: int | None = None
    unit: LengthUnit = "characters"
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    digits: int | None = None
    options: tuple[Option, ...] = ()
    required: bool = False
    access: Access = FULL_ACCESS

    def __attrs_post_init__(self) -> None:
        for wrong in _wrong_column(self):
            raise ConfigurationError(f"The column {shown(self.name)} {wrong}.")

    def restrict(self, access: Access) -> Column:
        """Return the column with no more than *access*."""
        left = self.access & access
        return self if left is self.access else attrs.evolve(self, access=left)


def _wrong_column(column: Column) -> Iterator[str]:
    """Yield what can be said of no column; else a run would find out, at some value."""
    length, access = cast("object", column.length), cast("object", column.access)
    if not isinstance(cast("object", column.name), str):
        yield "needs a name that is text: Column('lastname', length=50)"
    if not isinstance(cast("object", column.type), str):
        yield f"has type={shown(column.type)}; give the system's own word for it: type='String'"
    if length is not None and (type(length) is not int or length < 0):
        yield f"has length={shown(length)}; give a whole number from 0 on, or None for no limit"
    if column.unit not in {"characters", "bytes"}:
        yield f"has unit={shown(column.unit)}; say 'characters' or 'bytes'"
    if not isinstance(access, Access):
        yield f"has access={shown(access)}; say Access.READ, FULL_ACCESS or another Access"


@attrs.frozen
class Schema:
    """The columns of one table of one system, by name."""

    table: str
    columns: Mapping[str, Column] = Factory(dict[str, Column])

    @classmethod
    def of(cls, table: str, columns: Iterable[Column]) -> Schema:
        """Make a schema from *columns*."""
        return cls(table, {column.name: column for column in columns})

    def fingerprint(self, names: Iterable[str]) -> str:
        """Return a digest of all that is said of the columns *names*; it moves when that does."""
        said = [repr(self.columns.get(name)) for name in sorted(set(names))]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
