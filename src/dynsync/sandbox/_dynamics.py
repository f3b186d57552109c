"""A pretend Dataverse org: what people, workflows and administrators do in it."""

from __future__ import annotations

import collections
import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from typing import Final, Self

from dynsync.connectors import Clock
from dynsync.errors import ConfigurationError
from dynsync.records import RecordId, Side, Wire
from dynsync.sandbox._dynamics_checks import TYPES, guid
from dynsync.sandbox._dynamics_columns import TABLES
from dynsync.sandbox._dynamics_connector import SandboxDynamicsConnector
from dynsync.sandbox._dynamics_pipeline import Automation, InactiveRows, Pipeline, Rule, Transform
from dynsync.sandbox._dynamics_store import Store
from dynsync.sandbox._dynamics_tables import AUTOMATION, PERSON, SYNC_USER, Row, Table
from dynsync.sandbox._faults import Faults
from dynsync.sandbox._limits import Limiter, Limits
from dynsync.schemas import Access, Column

__all__ = ["LIMITS", "SandboxDynamics"]

LIMITS: Final = Limits(window=6_000, seconds=300.0, concurrency=52, day=None)
"""The service protection limits of Dataverse, for each user."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*").fullmatch


class SandboxDynamics:
    """
    A pretend Dataverse org with *tables*, in memory or in the file *path*.

    A file holds the rows, columns and rights, and what it holds wins over *tables* and
    *name*; rules and automations are code and are added again. Whatever happens here goes
    by *clock*. The options are attributes too and may be changed at any time: *page_size*
    rows to a page, *retention* for the age at which a cursor expires, *inactive* rows
    ``"read-only"`` or ``"writable"``, and the *limits* on what one user may ask. `faults`
    says what goes wrong; `ignored` counts the read-only columns that were written to,
    which Dataverse passes over without a word. Close it, or use it in a ``with`` block, to
    let go of a file at once; it and its connectors forgotten, it closes by itself.

    The methods of the class are what goes on inside the org, where everybody has all
    rights; a sync comes in through a `connector`. They raise `LookupError` for a row that is
    not there, `dynsync.errors.ConfigurationError` for a table or column that is not, and
    `Denied` (see `BusinessRule`) for a value that the org refuses.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        clock: Clock,
        tables: Mapping[str, Iterable[Column]] = TABLES,
        name: str = "sandbox-dynamics",
        page_size: int = 5_000,
        retention: dt.timedelta = dt.timedelta(days=7),
        inactive: InactiveRows = "read-only",
        limits: Limits = LIMITS,
    ) -> None:
        self.clock = clock
        self.page_size = page_size
        self.retention = retention
        self.inactive: InactiveRows = inactive
        self._limits = limits
        self._limiters: dict[RecordId, Limiter] = {}
        self.faults = Faults()
        self.ignored: collections.Counter[str] = collections.Counter()
        self._rules: dict[str, list[Rule]] = {}
        self._automations: dict[str, list[Automation]] = {}
        checked = {table: [*columns] for table, columns in tables.items()}
        for table, columns in checked.items():
            _check_names(table, columns)
        self.store = Store(path, name, checked)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The name of the org."""
        return self.store.name

    @property
    def calls(self) -> collections.Counter[str]:
        """How often each operation of a connector was called."""
        return self.faults.calls

    @property
    def limits(self) -> Limits:
        """How many calls of one user are let through; may be set."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        for limiter in self._limiters.values():
            limiter.limits = limits

    def limiter(self, user: RecordId) -> Limiter:
        """Return what counts the calls of *user*."""
        return self._limiters.setdefault(user, Limiter(Side.DYNAMICS, self.clock, self.limits))

    def connector(self, *, user: RecordId = SYNC_USER) -> SandboxDynamicsConnector:
        """Return a way in for a sync that works as *user*."""
        return SandboxDynamicsConnector(self, user)

    def close(self) -> None:
        """Let go of the file; what is in memory only is lost."""
        self.store.close()

    def snapshot(self) -> bytes:
        """Return all that the org holds, for `restore`."""
        return self.store.snapshot()

    def restore(self, image: bytes) -> None:
        """Go back to a `snapshot`. Cursors given since then have expired."""
        self.store.restore(image)

    def create(
        self,
        table: str,
        values: Mapping[str, Wire],
        *,
        by: RecordId = PERSON,
        id: RecordId | None = None,
    ) -> RecordId:
        """Make a row, under an *id* if one is given, and return its id."""
        with self.store.writing():
            key = self.store.new_id(table) if id is None else _key(id)
            if self.store.get(table, key) is not None:
                raise ConfigurationError(f"there is a {table} {key} already")
            pipeline = self.pipeline(self.store.table(table), by, held=False)
            pipeline.create(key, values)
            pipeline.run_automations()
        return key

    def create_all(
        self, table: str, rows: Iterable[Mapping[str, Wire]], *, by: RecordId = PERSON
    ) -> list[RecordId]:
        """Make all *rows*, or none of them, and return their ids."""
        with self.store.writing():
            return [self.create(table, values, by=by) for values in rows]

    def edit(
        self,
        table: str,
        id: RecordId,
        values: Mapping[str, Wire],
        *,
        by: RecordId = PERSON,
    ) -> None:
        """Set *values* of a row."""
        with self.store.writing():
            pipeline = self.pipeline(self.store.table(table), by, held=False)
            pipeline.update(self._row(table, id), values)
            pipeline.run_automations()

    def deactivate(self, table: str, id: RecordId, *, by: RecordId = PERSON) -> None:
        """Put a row in its table's last state: a lead disqualified, a contact inactive."""
        with self.store.reading():
            states = self._column(table, "statecode").options
        self.edit(table, id, {"statecode": states[-1].code}, by=by)

    def delete(self, table: str, id: RecordId) -> None:
        """Take a row away."""
        with self.store.writing():
            described, row = self.store.table(table), self._row(table, id)
            self.store.delete(described, row, at=int(self.clock.now().timestamp()))

    def undelete(self, table: str, id: RecordId, *, by: RecordId = PERSON) -> None:
        """Bring a deleted row back under its id, with the values it had."""
        with self.store.writing():
            key = _key(id)
            values = self.store.buried(table, key)
            if values is None:
                raise LookupError(f"no {table} {key} was deleted")
            self.pipeline(self.store.table(table), by, held=False).create(key, values)

    def row(self, table: str, id: RecordId) -> dict[str, Wire] | None:
        """Return the true values of a row, or None where there is none."""
        with self.store.reading():
            described, row = self.store.table(table), self.store.get(table, _key(id))
        return None if row is None else described.full(row.values)

    def rows(self, table: str) -> dict[RecordId, dict[str, Wire]]:
        """Return the true values of all rows by id."""
        with self.store.reading():
            described, rows = self.store.table(table), self.store.rows(table)
        return {row.id: described.full(row.values) for row in rows}

    def count(self, table: str) -> int:
        """Return how many rows *table* has."""
        with self.store.reading():
            return self.store.count(self.store.table(table).name)

    def add_rule(self, table: str, rule: Rule) -> None:
        """Have *rule* look at every write to *table* before it is applied."""
        self._rules.setdefault(table, []).append(rule)

    def when_changed(
        self, table: str, column: str, transform: Transform, *, by: RecordId = AUTOMATION
    ) -> None:
        """
        Have a workflow set what *transform* returns whenever *column* has changed.

        It runs as *by*, after the write that set it off has been answered. What it writes
        sets off nothing.
        """
        self._automations.setdefault(table, []).append(Automation(column, transform, by))

    def detect_duplicates(self, table: str, column: str) -> None:
        """Refuse a sync's write of a row whose *column* equals another row's (R107)."""
        with self.store.writing():
            self._column(table, column)
            self.store.search(self.store.table(table), column)
            self.store.distinguish(table, column)

    def add_key(self, table: str, name: str, *columns: str) -> None:
        """Make *columns* an alternate key: no two rows have the same values of them."""
        with self.store.writing():
            for column in columns:
                self._column(table, column)
                self.store.search(self.store.table(table), column)
            self.store.add_key(table, name, columns)

    def secure(
        self, table: str, column: str, access: Access, *, user: RecordId = SYNC_USER
    ) -> None:
        """Leave *user* no more than *access* to *column*."""
        with self.store.writing():
            self._column(table, column)
            self.store.secure(table, column, user, access)

    def grant(self, table: str, access: Access, *, user: RecordId = SYNC_USER) -> None:
        """Give *user* the right to read, create or update rows of *table* back."""
        with self.store.writing():
            self.store.deny(table, user, self._denied(table, user) & ~access)

    def revoke(self, table: str, access: Access, *, user: RecordId = SYNC_USER) -> None:
        """Take the right to read, create or update rows of *table* from *user*."""
        with self.store.writing():
            self.store.deny(table, user, self._denied(table, user) | access)

    def add_column(self, table: str, column: Column) -> None:
        """Add *column* to *table*, null in every row."""
        with self.store.writing():
            described = self.store.table(table)
            _check_names(table, [*described.columns.values(), column])
            self.store.add_column(table, column)

    def drop_column(self, table: str, name: str) -> None:
        """Remove the column *name* and all its values."""
        with self.store.writing():
            self.store.drop_column(table, self._column(table, name).name)

    def expire_cursors(self) -> None:
        """Forget every cursor that was given so far."""
        with self.store.writing():
            self.store.next("epoch")

    def pipeline(self, table: Table, user: RecordId, *, held: bool) -> Pipeline:
        """Return what applies writes of *user*; a *held* one's rights are looked at."""
        return Pipeline(
            self.store,
            table,
            user,
            self.clock.now(),
            self._rules.get(table.name, ()),
            self._automations.get(table.name, ()),
            self.inactive,
            held,
            self.ignored,
        )

    def _row(self, table: str, id_: RecordId) -> Row:
        row = self.store.get(table, _key(id_))
        if row is None:
            raise LookupError(f"there is no {table} {id_}")
        return row

    def _column(self, table: str, name: str) -> Column:
        try:
            return self.store.table(table).columns[name]
        except KeyError:
            raise ConfigurationError(f"{table} has no column {name!r}") from None

    def _denied(self, table: str, user: RecordId) -> Access:
        return self.store.table(table).denied.get(user, Access.NONE)


def _key(id_: RecordId) -> RecordId:
    key = guid(id_)
    if key is None:
        raise LookupError("the id is not a GUID")
    return RecordId(key)


def _check_names(table: str, columns: Iterable[Column]) -> None:
    seen: set[str] = set()
    for name in (table, *(column.name for column in columns)):
        if not _NAME(name):
            raise ConfigurationError(f"{name!r} is not a logical name: a-z, 0-9 and _")
    for column in columns:
        if column.name in seen:
            raise ConfigurationError(f"{table} has two columns {column.name!r}")
        if column.type not in TYPES:
            known = ", ".join(sorted(TYPES))
            raise ConfigurationError(f"{column.name}: {column.type!r} is none of {known}")
        seen.add(column.name)
