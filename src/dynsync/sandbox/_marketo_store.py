"""
Where a sandbox Marketo keeps its people, columns and activities: one SQLite database.

One transaction is one call: a process killed in the middle of it leaves nothing of it
behind. The rowid of an activity is its place in the feed. What is held back waits in
``pending`` and gets its place when it arrives, so that late rows come late for everybody.
"""

# ruff: noqa: S608 - only names of our own slots and tables are put together

from __future__ import annotations

import contextlib
import json
import os
import threading
import weakref
from collections.abc import Generator, Iterable, Sequence
from typing import Final, TypeAlias, cast

import attrs

from dynsync.records import Side, Wire
from dynsync.sandbox._beginnings import Beginnings, image_of, put_image
from dynsync.sandbox._file import open_file
from dynsync.sandbox._marketo_annex import Annex
from dynsync.sandbox._marketo_columns import SLOTS, Columns, Held, columns_of, dump_column, slot_of
from dynsync.sandbox._marketo_tables import (
    APPLICATION,
    DETAIL,
    FIELDS,
    HELD,
    PERSON,
    TABLES,
    ActivityRow,
    Made,
    Settings,
)
from dynsync.sandbox._marketo_values import Body
from dynsync.schemas import FULL_ACCESS, Column

__all__ = ["Row", "Store"]

_BEGINNINGS: Final = Beginnings()

Row: TypeAlias = tuple[Wire, ...]
"""What a SELECT gives."""


class Store:
    """
    The tables of one sandbox, in memory or in the file *path*.

    A store that is let go of closes by itself.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        *,
        name: str,
        columns: Iterable[Column],
    ) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._alone = path is None
        self._made: list[Made] = []
        self._due = 0.0
        columns = [*columns]
        begun = _BEGINNINGS.find([name], columns) if path is None else None
        self._db = open_file(path, Side.MARKETO, APPLICATION)
        self._finalizer = weakref.finalize(self, self._db.close)
        self.annex = Annex(self._db)
        self._version = 0
        self.name = name
        self.settings = Settings()
        self.columns = Columns(())
        # SQL by the names of the columns in it: most writes are of a few kinds.
        self._inserts: dict[tuple[str, ...], str] = {}
        self._updates: dict[tuple[str, ...], str] = {}
        self._selects: dict[tuple[str, ...], str] = {}
        self.blocks: frozenset[tuple[str, str]] = frozenset()
        # Who was refused has no store that could be closed.
        with contextlib.ExitStack() as refused:
            refused.callback(self.close)
            if begun is not None:
                put_image(self._db, begun)
            self._lay_out(columns)
            if path is None and begun is None:
                _BEGINNINGS.keep([name], columns, self._db)
            refused.pop_all()

    def _lay_out(self, columns: Iterable[Column]) -> None:
        with self.transaction():
            if not self._exists():
                self._create(columns)
            self._db.execute(DETAIL)

    def close(self) -> None:
        """Close the file; nothing can be asked afterwards."""
        with self._lock:
            self._finalizer()

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Do what is inside wholly or not at all, alone; may be nested."""
        with self._lock:
            if self._depth:
                yield
                return
            self._begin()
            self._depth = 1
            try:
                yield
                self.flush()
                self._db.execute("COMMIT")
            except BaseException:
                # Whatever it is, Ctrl-C among them: the file must not stay locked.
                self._undo()
                raise
            finally:
                self._depth = 0

    def configure(self, settings: Settings) -> None:
        """Keep *settings*."""
        self._db.execute("REPLACE INTO meta VALUES (?, ?)", _settings_row(settings))
        self.settings = settings

    def add_column(self, column: Column) -> None:
        """Add a column, empty for everybody."""
        sql = "SELECT coalesce(max(position), 0) + 1 FROM held"
        position: int = self._db.execute(sql).fetchone()[0]
        self._db.execute(f"ALTER TABLE person ADD COLUMN {slot_of(position, column.name)}")
        self._hold([(position, column)])

    def keep_column(self, held: Held) -> None:
        """Replace what is known of a column."""
        self._db.execute(
            "UPDATE held SET definition = ?, granted = ?, hidden = ?, indexed = ? WHERE name = ?",
            (
                dump_column(held.column),
                held.granted.value,
                held.hidden,
                held.indexed,
                held.column.name,
            ),
        )
        self._read_columns()

    def keep_blocks(self, blocks: Iterable[tuple[str, str]]) -> None:
        """Keep which fields are write-once for which source."""
        self.blocks = frozenset(blocks)
        self._db.execute("DELETE FROM block")
        self._db.executemany("INSERT INTO block VALUES (?, ?)", self.blocks)

    def index(self, field: str) -> None:
        """See to it that people are found by *field* without looking at everybody."""
        held = self.columns.all[field]
        if not held.indexed:
            slot = held.slot
            self._db.execute(
                f"CREATE INDEX by_{slot} ON person ({slot} COLLATE NOCASE)"
                f" WHERE {slot} IS NOT NULL",
            )
            self.keep_column(attrs.evolve(held, indexed=True))

    def insert(self, body: Body, at: int) -> int:
        """Make a person and return its id."""
        names = tuple(body)
        if (sql := self._inserts.get(names)) is None:
            slots = ", ".join(["created", "updated", *self._slots(names)])
            marks = ", ".join("?" * (len(names) + 2))
            sql = f"INSERT INTO person ({slots}) VALUES ({marks})"
            self._inserts[names] = sql
        return self._added(sql, (at, at, *body.values()))

    def update(self, person: int, changes: Body, at: int) -> None:
        """Apply *changes* to a person."""
        names = tuple(changes)
        if (sql := self._updates.get(names)) is None:
            slots = ", ".join(f"{slot} = ?" for slot in ("updated", *self._slots(names)))
            sql = f"UPDATE person SET {slots} WHERE id = ?"
            self._updates[names] = sql
        self._db.execute(sql, (at, *changes.values(), person))

    def remove(self, person: int) -> None:
        """Forget a person."""
        self._db.execute("DELETE FROM person WHERE id = ?", (person,))

    def values(self, person: int, fields: Iterable[str]) -> Body | None:
        """Return the stored values of *fields* of a person, or None if there is none."""
        names = tuple(fields)
        if (sql := self._selects.get(names)) is None:
            slots = ", ".join(["id", *self._slots(names)])
            sql = f"SELECT {slots} FROM person WHERE id = ?"
            self._selects[names] = sql
        row: Row | None = self._db.execute(sql, (person,)).fetchone()
        return None if row is None else dict(zip(names, row[1:], strict=True))

    def by_id(self, slots: str, people: Iterable[int]) -> list[Row]:
        """Return *slots* of those of *people* that exist, by id."""
        sql = f"SELECT {slots} FROM person WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return self._db.execute(sql, (json.dumps(list(people)),)).fetchall()

    def after(self, slots: str, person: int, limit: int) -> list[Row]:
        """Return *slots* of the next *limit* people after one, by id."""
        sql = f"SELECT {slots} FROM person WHERE id > ? ORDER BY id LIMIT ?"
        return self._db.execute(sql, (person, limit)).fetchall()

    def look_up(self, field: str, value: Wire) -> list[int]:
        """Return the people whose *field* holds the stored *value*; case does not count."""
        slot = self.columns.all[field].slot
        sql = f"SELECT id FROM person WHERE {slot} = ? COLLATE NOCASE"
        return [person for (person,) in self._db.execute(sql, (value,))]

    def count(self) -> int:
        """Return how many people there are."""
        found: int = self._db.execute("SELECT count(*) FROM person").fetchone()[0]
        return found

    def happened(self, activity: Made, now: float) -> None:
        """Put *activity*, made *now*, into the feed when it is due."""
        self._made.append(activity)
        self._due = HELD if self.settings.holding else now + self.settings.lag

    def flush(self) -> None:
        """Give what happened its place in the feed, or have it wait."""
        if not self._made:
            return
        made, self._made = self._made, []
        last = self.last()
        slots = "?, ?, ?, ?, ?, ?, ?, ?"
        if not self.settings.lag and not self.settings.holding:
            sql = f"INSERT INTO activity ({FIELDS}) VALUES ({slots})"
            rows = [(last + number, *row) for number, row in enumerate(made, 1)]
            self._db.executemany(sql, rows)
        else:
            sql = f"INSERT INTO pending (due, {FIELDS}) VALUES (?, {slots})"
            self._db.executemany(sql, [(self._due, last, *row) for row in made])

    def arrive(self, now: float) -> None:
        """Let in what is due *now*."""
        self.flush()
        if not self._db.execute("SELECT 1 FROM pending WHERE due <= ?", (now,)).fetchone():
            return
        self._db.execute(
            f"INSERT INTO activity ({FIELDS}) SELECT {FIELDS} FROM pending"
            " WHERE due <= ? ORDER BY due, id",
            (now,),
        )
        self._db.execute("DELETE FROM pending WHERE due <= ?", (now,))

    def release(self) -> None:
        """Make all that is held back due."""
        self.flush()
        self._db.execute("UPDATE pending SET due = 0 WHERE due >= ?", (HELD,))

    def last(self) -> int:
        """Return the last place in the feed."""
        sql = "SELECT seq FROM sqlite_sequence WHERE name = 'activity'"
        row = self._db.execute(sql).fetchone()
        return 0 if row is None else int(row[0])

    def feed(self, after: int, limit: int) -> list[ActivityRow]:
        """Return at most *limit* activities *after* a place, in the order of arrival."""
        sql = f"SELECT seq, {FIELDS} FROM activity WHERE seq > ? ORDER BY seq LIMIT ?"
        return [ActivityRow(*row) for row in self._db.execute(sql, (after, limit))]

    def history(self, person: int) -> list[ActivityRow]:
        """Return the activities of a person in the order in which they were made."""
        sql = f"SELECT seq, {FIELDS} FROM activity WHERE person = ? ORDER BY made, seq"
        return [ActivityRow(*row) for row in self._db.execute(sql, (person,))]

    def forget(self) -> None:
        """Drop every activity that arrived; no earlier place in the feed is known then."""
        self._db.execute("DELETE FROM activity")
        self.configure(attrs.evolve(self.settings, floor=self.last()))

    def add_line(self, person: int, key: str, at: str, kind: str, text: str) -> int:
        """Add a line to a person's log and return its number."""
        sql = "INSERT INTO line (person, key, at, kind, text) VALUES (?, ?, ?, ?, ?)"
        return self._added(sql, (person, key, at, kind, text))

    def lines(self, people: Sequence[int]) -> list[tuple[str, int, str, str, str]]:
        """Return key, person, time, kind and text of the lines of *people*."""
        sql = (
            "SELECT key, person, at, kind, text FROM line"
            " WHERE person IN (SELECT value FROM json_each(?)) ORDER BY id"
        )
        return self._db.execute(sql, (json.dumps(people),)).fetchall()

    def made_between(self, slots: str, stamp: str, start: int, end: int) -> list[Row]:
        """Return *slots* of those whose *stamp*, ``createdAt`` or ``updatedAt``, lies within."""
        slot = SLOTS[stamp]
        sql = f"SELECT {slots} FROM person WHERE {slot} BETWEEN ? AND ? ORDER BY id"
        return self._db.execute(sql, (start, end)).fetchall()

    def move_lines(self, person: int, heir: int | None) -> None:
        """Give a person's lines to its *heir*, or drop them."""
        if heir is None:
            self._db.execute("DELETE FROM line WHERE person = ?", (person,))
        else:
            self._db.execute("UPDATE line SET person = ? WHERE person = ?", (heir, person))

    def dump(self) -> bytes:
        """Return the database as one piece."""
        with self._lock:
            return image_of(self._db)

    def load(self, image: bytes) -> None:
        """Become what `dump` returned."""
        with self._lock:
            put_image(self._db, image)
            self._refresh()

    def _added(self, sql: str, values: tuple[Wire, ...]) -> int:
        """Insert a row and return its number: without one the insert would have raised."""
        return cast("int", self._db.execute(sql, values).lastrowid)

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        if self._alone and self._version:
            # Nobody else can have changed what is in memory.
            return
        try:
            # Another process may have the file open, too: a demo, an operator's shell.
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                if self._exists():
                    self._refresh()
                self._version = version
        except BaseException:
            # Whatever it is, Ctrl-C among them: the file must not stay locked. A disk that fails
            # has ended the transaction already; that, and not this, is to be told.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _undo(self) -> None:
        self._made.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        if self._exists():
            self._refresh()

    def _exists(self) -> bool:
        sql = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'"
        return self._db.execute(sql).fetchone() is not None

    def _create(self, columns: Iterable[Column]) -> None:
        for statement in TABLES.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id = {APPLICATION}")
        placed = list(enumerate(columns, 1))
        slots = [slot_of(position, column.name) for position, column in placed]
        own = [slot for slot in slots if slot not in SLOTS.values()]
        self._db.execute(f"CREATE TABLE person ({', '.join([PERSON, *own])})")
        self._db.execute("INSERT INTO meta VALUES ('name', ?)", (self.name,))
        self.configure(Settings())
        self._hold(placed)

    def _hold(self, placed: Iterable[tuple[int, Column]]) -> None:
        rows = [
            (position, column.name, dump_column(column), FULL_ACCESS.value, 0, 0)
            for position, column in placed
        ]
        self._db.executemany("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)", rows)
        self._read_columns()

    def _refresh(self) -> None:
        meta: dict[str, str] = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        self.name = meta["name"]
        self.settings = Settings(**json.loads(meta["settings"]))
        self._read_columns()
        self.blocks = frozenset(self._db.execute("SELECT field, source FROM block"))

    def _read_columns(self) -> None:
        sql = "SELECT position, definition, granted, hidden, indexed FROM held ORDER BY position"
        self.columns = columns_of(tuple(self._db.execute(sql)))
        self._inserts.clear()
        self._updates.clear()
        self._selects.clear()

    def _slots(self, names: Iterable[str]) -> list[str]:
        return [self.columns.all[name].slot for name in names]


def _settings_row(settings: Settings) -> tuple[str, str]:
    return "settings", json.dumps(attrs.asdict(settings))
