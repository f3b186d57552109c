"""
Where the Dynamics sandbox keeps its rows: SQLite, in memory or in a file.

One lock and one transaction around whatever is done: a process that dies leaves all of it
or nothing. What another process wrote to the file is seen in the next transaction.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
import weakref
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Final

import attrs

from dynsync.errors import ConfigurationError
from dynsync.records import RecordId, Wire
from dynsync.sandbox._beginnings import Beginnings, image_of, put_image
from dynsync.sandbox._dynamics_file import connect
from dynsync.sandbox._dynamics_tables import Row, Table, dump_column, load_column
from dynsync.schemas import Access, Column

__all__ = ["Gone", "Store"]

_NAMESPACE: Final = uuid.UUID("6f1d2f44-9a4e-4d0e-9d0c-64796e73796e")

_BEGINNINGS: Final = Beginnings()

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().raw_decode


@attrs.frozen
class Gone:
    """A row that was deleted, at *version*."""

    id: RecordId
    version: int
    at: int


class Store:
    """
    The rows, the columns and the rights of one org.

    A store that is let go of closes by itself.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None, name: str, tables: Mapping[str, Sequence[Column]]
    ) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._tables: dict[str, Table] = {}
        self._seen: int | None = None
        self._alone = path is None
        self._counters: dict[str, int] = {}
        names = [name, *(f"{len(columns)} of {table}" for table, columns in tables.items())]
        made_with = names, [column for columns in tables.values() for column in columns]
        begun = _BEGINNINGS.find(*made_with) if path is None else None
        self._db = connect(path, begun)
        self._finalizer = weakref.finalize(self, self._db.close)
        # Who was refused has no store that could be closed.
        with contextlib.ExitStack() as refused:
            refused.callback(self.close)
            self._name = self._read_name(name, tables)
            if path is None and begun is None:
                _BEGINNINGS.keep(*made_with, self._db)
            refused.pop_all()

    def _read_name(self, name: str, tables: Mapping[str, Sequence[Column]]) -> str:
        with self.writing():
            if not self._counters:
                self._found(name, tables)
            held: str = self._db.execute("SELECT name FROM org").fetchone()[0]
        return held

    def _found(self, name: str, tables: Mapping[str, Sequence[Column]]) -> None:
        self._db.execute("INSERT INTO org VALUES (?)", (name,))
        self._counters["version"] = 0
        for table, columns in tables.items():
            for column in columns:
                self.add_column(table, column)

    @property
    def name(self) -> str:
        """The name of the org."""
        return self._name

    def close(self) -> None:
        """Let go of the file. What is in memory only is lost."""
        with self._lock:
            self._finalizer()

    def snapshot(self) -> bytes:
        """Return all that is held, for `restore`."""
        with self._lock:
            return image_of(self._db)

    def restore(self, image: bytes) -> None:
        """Hold what a `snapshot` held, and nothing else."""
        with self._lock:
            put_image(self._db, image)
            self._seen = None

    @contextlib.contextmanager
    def reading(self) -> Generator[None]:
        """See one state of the store throughout."""
        with self._transaction("BEGIN"):
            yield

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """Apply all that is done inside, or nothing."""
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Generator[None]:
        with self._lock:
            if self._depth:
                # Inside a rule of the host's, that looks something up.
                yield
                return
            self._db.execute(begin)
            self._depth = 1
            try:
                self._load()
                before = self._counters.copy()
                yield
                if self._counters != before:
                    self._save_counters()
                self._db.execute("COMMIT")
            except BaseException:
                # Whatever it is, Ctrl-C among them: the file must not stay locked.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._seen = None
                raise
            finally:
                self._depth = 0

    def _load(self) -> None:
        if self._alone and self._seen is not None:
            # Nobody else can have changed what is in memory.
            return
        self._counters = dict(self._db.execute("SELECT name, value FROM counter"))
        [seen] = self._db.execute("PRAGMA data_version").fetchone()
        if self._seen != seen:
            self._load_tables()
            self._seen = seen

    def _save_counters(self) -> None:
        self._db.executemany("REPLACE INTO counter VALUES (?, ?)", self._counters.items())

    def _load_tables(self) -> None:
        names = self._db.execute(
            "SELECT tbl FROM columns GROUP BY tbl ORDER BY min(rowid)"
        ).fetchall()
        self._tables = {name: self._load_table(name) for [name] in names}

    def _load_table(self, name: str) -> Table:
        specs = self._db.execute("SELECT spec FROM columns WHERE tbl = ? ORDER BY rowid", (name,))
        columns = {column.name: column for column in (load_column(spec) for [spec] in specs)}
        secured: dict[RecordId, dict[str, Access]] = {}
        for column, user, access in self._db.execute(
            "SELECT name, user, access FROM secured WHERE tbl = ?", (name,)
        ):
            secured.setdefault(user, {})[column] = Access(access)
        denied = self._db.execute("SELECT user, access FROM denied WHERE tbl = ?", (name,))
        distinct = self._db.execute("SELECT name FROM distinct_column WHERE tbl = ?", (name,))
        searched = self._db.execute("SELECT name FROM searched WHERE tbl = ?", (name,))
        keys = self._db.execute("SELECT name, columns FROM alternate_key WHERE tbl = ?", (name,))
        return Table(
            name,
            columns,
            secured,
            {user: Access(access) for user, access in denied},
            frozenset(column for [column] in distinct),
            frozenset(column for [column] in searched),
            {key: tuple(columns.split(",")) for key, columns in keys},
        )

    @property
    def version(self) -> int:
        """The last version that was given to a row."""
        return self._counters.get("version", 0)

    @property
    def epoch(self) -> int:
        """How often all cursors were made to expire."""
        return self._counters.get("epoch", 0)

    def next(self, counter: str) -> int:
        """Move *counter* on by one, and return it."""
        self._counters[counter] = value = self._counters.get(counter, 0) + 1
        return value

    def new_id(self, table: str) -> RecordId:
        """Return an id that no row has had: the same one in every history alike."""
        text = f"{self.name}/{table}/{self.next('seed')}"
        return RecordId(str(uuid.uuid5(_NAMESPACE, text)))

    def names(self) -> list[str]:
        """Return the names of the tables."""
        return list(self._tables)

    def table(self, name: str) -> Table:
        """Return the table *name*, or raise `ConfigurationError`."""
        try:
            return self._tables[name]
        except KeyError:
            raise ConfigurationError(f"there is no table {name!r}") from None

    def add_column(self, table: str, column: Column) -> None:
        """Add *column*, null in every row."""
        self._db.execute(
            "INSERT INTO columns VALUES (?, ?, ?)", (table, column.name, dump_column(column))
        )
        self._seen = None

    def drop_column(self, table: str, name: str) -> None:
        """Forget the column *name*, its values and whatever was said of it."""
        for statement in (
            "DELETE FROM columns WHERE tbl = ? AND name = ?",
            "DELETE FROM secured WHERE tbl = ? AND name = ?",
            "DELETE FROM distinct_column WHERE tbl = ? AND name = ?",
            "DELETE FROM searched WHERE tbl = ? AND name = ?",
            "DELETE FROM word WHERE tbl = ? AND name = ?",
        ):
            self._db.execute(statement, (table, name))
        path = f'$."{name}"'
        self._db.execute("UPDATE row SET body = json_remove(body, ?) WHERE tbl = ?", (path, table))
        self._db.execute("UPDATE gone SET body = json_remove(body, ?) WHERE tbl = ?", (path, table))
        self._seen = None

    def secure(self, table: str, name: str, user: RecordId, access: Access) -> None:
        """Leave *user* no more than *access* to the column *name*."""
        self._db.execute(
            "REPLACE INTO secured VALUES (?, ?, ?, ?)", (table, name, user, access.value)
        )
        self._seen = None

    def deny(self, table: str, user: RecordId, access: Access) -> None:
        """Take exactly the rights *access* on *table* from *user*, and give the others back."""
        self._db.execute("REPLACE INTO denied VALUES (?, ?, ?)", (table, user, access.value))
        self._seen = None

    def distinguish(self, table: str, name: str) -> None:
        """Have a duplicate detection rule for the column *name*."""
        self._db.execute("INSERT OR IGNORE INTO distinct_column VALUES (?, ?)", (table, name))
        self._seen = None

    def add_key(self, table: str, name: str, columns: Iterable[str]) -> None:
        """Have an alternate key *name* of *columns*, all of them searched already."""
        self._db.execute(
            "REPLACE INTO alternate_key VALUES (?, ?, ?)", (table, name, ",".join(columns))
        )
        self._seen = None

    def by_key(self, table: Table, values: Mapping[str, Wire]) -> RecordId | None:
        """Return the row that has *values* of an alternate key, if there is one."""
        found = [set(self.find(table.name, name, value)) for name, value in values.items()]
        return next(iter(set[RecordId].intersection(*found)), None)

    def search(self, table: Table, name: str) -> None:
        """Have an index of the column *name*."""
        if name in table.searched or self._is_searched(table, name):
            return
        self._db.execute("INSERT INTO searched VALUES (?, ?)", (table.name, name))
        self._db.executemany(
            "INSERT INTO word VALUES (?, ?, ?, ?)",
            (
                (table.name, name, _fold(value), row.id)
                for row in self.rows(table.name)
                if (value := row.values.get(name)) is not None
            ),
        )
        self._seen = None

    def _is_searched(self, table: Table, name: str) -> bool:
        # *table* may be from before the index that this transaction has just made.
        sql = "SELECT 1 FROM searched WHERE tbl = ? AND name = ?"
        return self._db.execute(sql, (table.name, name)).fetchone() is not None

    def find(self, table: str, name: str, value: Wire) -> list[RecordId]:
        """Return the rows whose searched column *name* equals *value*, case aside."""
        found = self._db.execute(
            "SELECT id FROM word WHERE tbl = ? AND name = ? AND value = ? ORDER BY id",
            (table, name, _fold(value)),
        )
        return [id_ for [id_] in found]

    def get(self, table: str, id_: RecordId) -> Row | None:
        """Return the row, if there is one."""
        found = self._db.execute(
            "SELECT id, version, at, body FROM row WHERE tbl = ? AND id = ?", (table, id_)
        ).fetchone()
        return None if found is None else _row(*found)

    def insert(self, table: Table, row: Row) -> None:
        """Add *row*, whose id is free."""
        self._db.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?, ?)",
            (table.name, row.id, row.version, row.at, _encode(row.values)),
        )
        self._index(table, row.id, {}, row.values)

    def replace(self, table: Table, before: Row, row: Row) -> None:
        """Put *row* in the place of *before*."""
        self._db.execute(
            "UPDATE row SET version = ?, at = ?, body = ? WHERE tbl = ? AND id = ?",
            (row.version, row.at, _encode(row.values), table.name, row.id),
        )
        self._index(table, row.id, before.values, row.values)

    def delete(self, table: Table, row: Row, *, at: int) -> None:
        """Take *row* away, and remember that it was there."""
        self._db.execute("DELETE FROM row WHERE tbl = ? AND id = ?", (table.name, row.id))
        self._db.execute(
            "REPLACE INTO gone VALUES (?, ?, ?, ?, ?)",
            (table.name, row.id, self.next("version"), at, _encode(row.values)),
        )
        self._index(table, row.id, row.values, {})

    def buried(self, table: str, id_: RecordId) -> dict[str, Wire] | None:
        """Return the values that a deleted row had."""
        found = self._db.execute(
            "SELECT body FROM gone WHERE tbl = ? AND id = ?", (table, id_)
        ).fetchone()
        if found is None:
            return None
        values: dict[str, Wire] = json.loads(found[0])
        return values

    def _index(
        self, table: Table, id_: RecordId, old: Mapping[str, Wire], new: Mapping[str, Wire]
    ) -> None:
        for name in table.searched:
            before, after = _fold(old.get(name)), _fold(new.get(name))
            if before == after:
                continue
            if before is not None:
                self._db.execute(
                    "DELETE FROM word WHERE tbl = ? AND name = ? AND value = ? AND id = ?",
                    (table.name, name, before, id_),
                )
            if after is not None:
                self._db.execute(
                    "INSERT INTO word VALUES (?, ?, ?, ?)", (table.name, name, after, id_)
                )

    def count(self, table: str) -> int:
        """Return how many rows there are."""
        counted: tuple[int] = self._db.execute(
            "SELECT count(*) FROM row WHERE tbl = ?", (table,)
        ).fetchone()
        return counted[0]

    def rows(self, table: str, *, after: str = "", limit: int = -1) -> list[Row]:
        """Return rows by id, from the one behind *after*."""
        found = self._db.execute(
            "SELECT id, version, at, body FROM row WHERE tbl = ? AND id > ? ORDER BY id LIMIT ?",
            (table, after, limit),
        )
        return [_row(*each) for each in found]

    def changed(self, table: str, *, after: int, limit: int) -> list[Row]:
        """Return rows by version, from the one behind *after*."""
        found = self._db.execute(
            "SELECT id, version, at, body FROM row WHERE tbl = ? AND version > ?"
            " ORDER BY version LIMIT ?",
            (table, after, limit),
        )
        return [_row(*each) for each in found]

    def deleted(self, table: str, *, after: int, limit: int) -> list[Gone]:
        """Return what was deleted, by version, from the one behind *after*."""
        found = self._db.execute(
            "SELECT id, version, at FROM gone WHERE tbl = ? AND version > ?"
            " ORDER BY version LIMIT ?",
            (table, after, limit),
        )
        return [Gone(*each) for each in found]


def _row(id_: RecordId, version: int, at: int, body: str) -> Row:
    return Row(id_, version, at, _decode(body)[0])


def _fold(value: Wire) -> Wire:
    # SQL Server compares text without case and without trailing blanks.
    return value.rstrip(" ").casefold() if isinstance(value, str) else value
