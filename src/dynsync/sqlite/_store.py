"""The store: its parts put together, opened and closed."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from dynsync.arguments import shown
from dynsync.errors import ConfigurationError, StateError
from dynsync.records import Cursor
from dynsync.sqlite._cells import all_readable
from dynsync.sqlite._errors import damaged
from dynsync.sqlite._lease import Leases
from dynsync.sqlite._opening import Opened, open_for_reading, open_for_writing
from dynsync.sqlite._owners import Owner
from dynsync.sqlite._relayout import Layouts
from dynsync.state import FeedState

__all__ = ["SqliteStore"]


def _place(path: str | os.PathLike[str]) -> Path:
    """Return where the file is, or is to be; raises `ConfigurationError` for what is no path."""
    seen = shown(path)
    named = os.fspath(path) if hasattr(type(path), "__fspath__") else cast("object", path)
    if isinstance(named, str) and named != ":memory:":
        return Path(named)
    raise ConfigurationError(
        f"SqliteStore got {seen}, and keeps a file. Give its path; for a state in memory "
        f"use dynsync.MemoryStore()."
    )


class SqliteStore(Leases, Layouts):
    """
    Keeps the state of a sync in the SQLite file *path*, which is made if it is not there.

    *owner* is a name for people, shown to those who find the lease held. One thread at a
    time may use the store. What cannot be opened, is damaged, belongs to another program or
    was written by a newer version raises `StateError`, which says what to do.

    Close it, or use it in a ``with`` block, to let go of the file and the lease at once; a
    store that is forgotten lets go of the file by itself. What is no path raises
    `ConfigurationError`.

    The file is readable by its owner only. Beside it SQLite keeps ``-wal`` and ``-shm``;
    they belong to it, and a copy of the file alone is no backup while the store is open.
    """

    def __init__(self, path: str | os.PathLike[str], *, owner: str | None = None) -> None:
        place = _place(path)
        self._open(place, open_for_writing(place), owner)

    @classmethod
    def read_only(cls, path: str | os.PathLike[str]) -> Self:
        """
        Open *path* for looking at, also while another process runs the sync.

        Where this user may write nothing beside the file, it is shown as it is now: open it again
        for what comes later.
        """
        store = cls.__new__(cls)
        place = _place(path)
        store._open(place, open_for_reading(place), None)  # noqa: SLF001 - its own class
        return store

    def _open(self, path: Path, connection: sqlite3.Connection, owner: str | None) -> None:
        super().__init__(path, connection)
        self._owner = Owner(owner)
        self._opened = Opened(path)
        self._finalizer = weakref.finalize(self, connection.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def state_id(self) -> Hashable:
        """Return what all store objects of one file have in common, and no two of two files."""
        return self._opened.file or id(self)

    def get(self, name: str) -> str | None:
        """Return the named setting of the sync."""
        with self._guard:
            row: tuple[str] | None = self._connection.execute(
                "SELECT value FROM setting WHERE name = ?", (name,)
            ).fetchone()
        return row[0] if row else None

    def put(self, name: str, value: str | None) -> None:
        """Store or, with None, remove a named setting."""
        with self._writing() as connection:
            if value is None:
                connection.execute("DELETE FROM setting WHERE name = ?", (name,))
            else:
                connection.execute(
                    """INSERT INTO setting VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                    (name, value),
                )

    def feed(self, name: str) -> FeedState:
        """Return where a feed stands; a feed never read has no cursor."""
        with self._guard:
            row: tuple[Cursor | None, int] | None = self._connection.execute(
                "SELECT cursor, full FROM feed WHERE name = ?", (name,)
            ).fetchone()
        return FeedState(row[0], full=bool(row[1])) if row else FeedState(None)

    def save_feed(self, name: str, state: FeedState) -> None:
        """Store where a feed stands."""
        with self._writing() as connection:
            connection.execute(
                """INSERT INTO feed VALUES (?, ?, ?) ON CONFLICT (name)
                DO UPDATE SET cursor = excluded.cursor, full = excluded.full""",
                (name, state.cursor, state.full),
            )

    def check(self) -> None:
        """Read the whole file and raise `StateError` if any of it is damaged."""
        with self._reading:
            found: list[tuple[str]] = self._connection.execute("PRAGMA quick_check").fetchall()
            whole = found == [("ok",)] and all_readable(self._connection)
        if not whole:
            # Not what SQLite found: it may quote from the rows.
            raise damaged(self._path)

    def close(self) -> None:
        """Give the lease back and let go of the file. A closed store is used no more."""
        if not self._finalizer.alive:
            return
        # A lease that cannot be given back ends by itself, and a file must be let go of.
        self._return()
        with suppress(StateError):
            while self._depth:
                self._back()
                self._depth -= 1
            self.release()
        self._owner.end()
        self._finalizer()
