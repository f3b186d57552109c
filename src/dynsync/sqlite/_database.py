"""What every part of the store stands on: the connection and its transactions."""

from __future__ import annotations

import itertools
import math
import sqlite3
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from dynsync.errors import StateError
from dynsync.sqlite._errors import Guard, ReadGuard

__all__ = ["BATCH", "Database", "batches", "marks"]

T = TypeVar("T")

BATCH = 500
"""Rows a statement: measured; more saves nothing and takes memory."""

_PURGE = "purge"
"""The name in ``meta`` while values that may not be kept may still be in the file's free pages."""


class Database:
    """A state file that is open."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._guard = Guard(path)
        self._reading = ReadGuard(path)
        self._kept: sqlite3.Connection | None = None
        self._depth = 0
        self._purge_is_due = False
        # The latest moment that the store was told of; it has no clock of its own.
        self._now = -math.inf

    @contextmanager
    def transaction(self) -> Generator[None]:
        """
        Begin one; commits at the end of the block, rolls back on any exception.

        Inside another one, or a scratch block, it is a part of that.
        """
        outermost = not self._depth
        self._begin()
        try:
            yield
            with self._guard:
                end = "COMMIT" if outermost else f"RELEASE level{self._depth}"
                self._connection.execute(end)
        except BaseException:
            # Whatever it is, Ctrl-C among them: what was half done is taken back, and passed on.
            self._back()
            raise
        finally:
            self._depth -= 1
        if outermost and self._purge_is_due:
            self.purge()

    @contextmanager
    def scratch(self) -> Generator[None]:
        """
        Begin a block whose writes, transactions inside it included, are all thrown away.

        They go into a copy, so that meanwhile others may write to the file. The copy is a
        temporary database of SQLite's own: the owner's alone, and gone with the connection.
        """
        if self._depth or self._kept is not None:
            with self._savepoint():
                yield
            return
        with self._guard:
            copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            with ExitStack() as failed:
                failed.callback(copy.close)
                copy.execute("PRAGMA cache_size = -8192")
                self._connection.backup(copy)
                failed.pop_all()
        self._kept, self._connection = self._connection, copy
        try:
            yield
        finally:
            self._return()

    def _return(self) -> None:
        """Leave the scratch copy, if that is where we are."""
        if self._kept is not None:
            self._connection.close()
            self._connection, self._kept, self._depth = self._kept, None, 0

    @contextmanager
    def _savepoint(self) -> Generator[None]:
        self._begin()
        try:
            yield
        finally:
            self._back()
            self._depth -= 1

    def purge(self) -> None:
        """
        Rewrite the file if it may hold what was removed, so that no byte of that stays.

        While another process reads, some may stay in the file beside it; then the next
        `acquire` tries again.
        """
        self._purge_is_due = False
        with self._guard:
            if self._depth or self._kept is not None:
                return
            if not self._one("SELECT 1 FROM meta WHERE name = ?", _PURGE):
                return
            self._connection.execute("VACUUM")
            if self._truncated():
                self._connection.execute("DELETE FROM meta WHERE name = ?", (_PURGE,))

    def _request_purge(self) -> None:
        """Have `purge` called when the outermost transaction has ended, or by the next run."""
        self._connection.execute(
            "INSERT INTO meta VALUES (?, '') ON CONFLICT (name) DO NOTHING", (_PURGE,)
        )
        self._purge_is_due = True

    def _truncated(self) -> bool:
        (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """Begin a transaction, unless one is open: then what follows is a part of it."""
        if self._depth:
            if not self._connection.in_transaction:
                # A full disk ends a transaction by itself; what follows would be kept alone.
                raise StateError(f"{self._path}: this transaction has failed. Begin another one.")
            with self._guard:
                yield self._connection
        else:
            with self.transaction(), self._guard:
                yield self._connection

    def _one(self, statement: str, *parameters: object) -> tuple[object, ...] | None:
        row: tuple[object, ...] | None = self._connection.execute(statement, parameters).fetchone()
        return row

    def _begin(self) -> None:
        with self._guard:
            self._connection.execute(
                f"SAVEPOINT level{self._depth + 1}" if self._depth else "BEGIN IMMEDIATE"
            )
        self._depth += 1

    def _back(self) -> None:
        """Undo the innermost block; SQLite may have undone everything by itself (a full disk)."""
        with self._guard:
            if not self._connection.in_transaction:
                return
            if self._depth == 1:
                self._connection.execute("ROLLBACK")
            else:
                self._connection.execute(f"ROLLBACK TO level{self._depth}")
                self._connection.execute(f"RELEASE level{self._depth}")


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Cut *items* into lists, the last one shorter."""
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def marks(statement: str, values: Collection[object]) -> str:
    """Return *statement* with a mark for each of *values* instead of ``(*)``."""
    return statement.replace("(*)", f"({','.join('?' * len(values))})")
