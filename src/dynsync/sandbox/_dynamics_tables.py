"""A table of the Dynamics sandbox: its columns, who may do what with them, and its rows. Pure."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias, TypeVar

import attrs

from dynsync.records import RecordId, Version, Wire
from dynsync.schemas import FULL_ACCESS, Access, Column, Option, Schema

__all__ = [
    "AUTOMATION",
    "PERSON",
    "SYNC_USER",
    "Row",
    "Table",
    "dump_column",
    "load_column",
    "privilege",
]

T = TypeVar("T")

SYNC_USER: Final = RecordId("00000000-0000-4000-8000-00000000005c")
"""The user that a connector writes as, unless told otherwise."""

PERSON: Final = RecordId("00000000-0000-4000-8000-000000000001")
"""The user whose work people's operations are, unless told otherwise."""

AUTOMATION: Final = RecordId("00000000-0000-4000-8000-0000000000a0")
"""The user that workflows run as, unless told otherwise."""


@attrs.frozen
class Row:
    """A row as it truly is. *values* leaves out what is null; *at* counts seconds from 1970."""

    id: RecordId
    version: int
    at: int
    values: dict[str, Wire]

    @property
    def etag(self) -> Version:
        """The version as Dataverse tells it."""
        return Version(f'W/"{self.version}"')


_NEVER_NULL: Final = frozenset({"State", "Status", "Owner"})

Columns: TypeAlias = Mapping[str, Column]


def _worked_out(function: Callable[[Columns], T]) -> T:
    default: T = attrs.Factory(lambda table: function(table.columns), takes_self=True)
    made: T = attrs.field(default=default, init=False, repr=False, eq=False)
    return made


def _nulls(columns: Columns) -> Mapping[str, Wire]:
    return dict.fromkeys(columns)


def _open_to(columns: Columns, access: Access) -> frozenset[str]:
    return frozenset(name for name, column in columns.items() if access in column.access)


def _unread(columns: Columns) -> tuple[str, ...]:
    return tuple(name for name, column in columns.items() if Access.READ not in column.access)


def _needed(columns: Columns) -> tuple[str, ...]:
    # What nobody may give, such as the id, is there by the time it is needed.
    return tuple(
        name
        for name, column in columns.items()
        if (column.required and Access.CREATE in column.access) or column.type in _NEVER_NULL
    )


def _defaults(columns: Columns) -> Mapping[str, Wire]:
    defaults: dict[str, Wire] = {
        name: False for name, column in columns.items() if column.type == "Boolean"
    }
    states = columns.get("statecode")
    if states is not None and states.options:
        defaults["statecode"] = states.options[0].code
    return defaults


@attrs.frozen
class Table:
    """
    A table as it is described now.

    *secured* and *denied* hold, by user, what column security leaves of a column and which
    rights on the table are missing. *distinct* columns have a duplicate detection rule and
    *searched* ones an index; *keys* holds the columns of each alternate key. *creatable* and
    *updatable* ones are so for everybody, *needed* ones are never null, and *defaults* are
    what a new row has where it is given nothing.
    """

    name: str
    columns: Mapping[str, Column]
    secured: Mapping[RecordId, Mapping[str, Access]]
    denied: Mapping[RecordId, Access]
    distinct: frozenset[str]
    searched: frozenset[str]
    keys: Mapping[str, tuple[str, ...]] = attrs.Factory(dict[str, tuple[str, ...]])
    # Worked out once, because a table lives for many thousand writes.
    nulls: Mapping[str, Wire] = _worked_out(_nulls)
    creatable: frozenset[str] = _worked_out(lambda columns: _open_to(columns, Access.CREATE))
    updatable: frozenset[str] = _worked_out(lambda columns: _open_to(columns, Access.UPDATE))
    needed: tuple[str, ...] = _worked_out(_needed)
    defaults: Mapping[str, Wire] = _worked_out(_defaults)
    _hidden: tuple[str, ...] = _worked_out(_unread)
    _told: dict[RecordId, Columns] = attrs.field(
        factory=dict[RecordId, Columns], init=False, repr=False, eq=False
    )

    @property
    def primary(self) -> str:
        """The column that holds the id."""
        return f"{self.name}id"

    def full(self, values: Mapping[str, Wire]) -> dict[str, Wire]:
        """Return *values* with its nulls, in the order of the columns."""
        return {**self.nulls, **values}

    def schema(self, user: RecordId) -> Schema:
        """Return what *user* is told of the columns."""
        told = self._told.get(user)
        if told is None:
            told = self._told[user] = self._restricted(user)
        return Schema(self.name, dict(told))

    def _restricted(self, user: RecordId) -> Columns:
        # A missing read privilege is not told here: it must stop the sync, not empty it.
        allowed = ~(self.denied.get(user, Access.NONE) & ~Access.READ)
        secured = self.secured.get(user, {})
        return {
            name: column.restrict(allowed & secured.get(name, FULL_ACCESS))
            for name, column in self.columns.items()
        }

    def unreadable(self, user: RecordId) -> tuple[str, ...]:
        """Return the columns that *user* is told null of."""
        secured = self.secured.get(user, {}).items()
        lost = [name for name, access in secured if Access.READ not in access]
        return (*self._hidden, *(name for name in lost if name in self.columns))

    def denies(self, user: RecordId, access: Access) -> bool:
        """Return whether *user* lacks the right to *access* on the whole table."""
        missing = self.denied.get(user)
        return missing is not None and bool(missing & access)


def privilege(access: Access, table: str) -> str:
    """Return what Dataverse calls the right to *access* on *table*."""
    verb = {Access.READ: "Read", Access.CREATE: "Create", Access.UPDATE: "Write"}[access]
    return f"prv{verb}{table.capitalize()}"


def dump_column(column: Column) -> str:
    """Return *column* as text that `load_column` takes."""
    said = attrs.asdict(column, value_serializer=lambda _, __, value: _plain(value))
    return json.dumps(said)


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return str(value)
        case Access():
            return value.value
        case _:
            return value


@functools.lru_cache(maxsize=1024)
def load_column(text: str) -> Column:
    """Return the column that *text* describes."""
    said = json.loads(text)
    bounds = ("minimum", "maximum")
    said |= {key: None if said[key] is None else Decimal(said[key]) for key in bounds}
    said["options"] = tuple(Option(**option) for option in said["options"])
    said["access"] = Access(said["access"])
    return Column(**said)
