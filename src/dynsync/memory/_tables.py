"""The tables of the store: dictionaries that go back to an earlier moment together."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Generic, Protocol, TypeVar

import attrs

from dynsync.records import Entity, RecordId, Side
from dynsync.state import FeedState, JournalEntry, Linked, Pending, PendingKey

__all__ = ["Log", "Owner", "Table", "Tables"]

K = TypeVar("K")
V = TypeVar("V")


class _Step(Protocol):
    def undo(self) -> None: ...


class Log:
    """What the writes of open transactions replaced."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._depth = 0

    def add(self, step: _Step) -> None:
        """Remember how to take one write back."""
        self._steps.append(step)

    @property
    def open(self) -> bool:
        """Return whether a block is open."""
        return self._depth > 0

    def kept(self) -> AbstractContextManager[None]:
        """Begin a block that stays, unless it fails; the outermost takes the way back with it."""
        return _Kept(self)

    @contextmanager
    def undone(self) -> Generator[None]:
        """Begin a block of which nothing stays."""
        mark = self.begin()
        try:
            yield
        finally:
            self.back_to(mark)
            self.end()

    def crash(self) -> None:
        """Undo everything that has not ended."""
        self.back_to(0)
        self._depth = 0

    def begin(self) -> int:
        """Begin a block; return the mark to go back to."""
        self._depth += 1
        return len(self._steps)

    def back_to(self, mark: int) -> None:
        """Take back what was written since *mark*."""
        while len(self._steps) > mark:
            self._steps.pop().undo()

    def end(self) -> None:
        """End the innermost block."""
        self._depth -= 1
        if not self._depth:
            self._steps.clear()


class _Kept:
    """A block that stays, unless it fails. Every write is one: a generator takes twice as long."""

    __slots__ = ("_log", "_mark")

    def __init__(self, log: Log) -> None:
        self._log = log

    def __enter__(self) -> None:
        self._mark = self._log.begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            # Whatever it is, Ctrl-C among them: nothing of the block may stay.
            self._log.back_to(self._mark)
        self._log.end()


@attrs.frozen(eq=False)
class Table(Generic[K, V]):
    """A dictionary that logs what each write replaced. Its values are never changed in place."""

    log: Log
    rows: dict[K, V]

    def put(self, key: K, value: V | None) -> None:
        """Store *value*, or remove what is under *key*."""
        self.log.add(_Replaced(self.rows, key, self.rows.get(key)))
        _set(self.rows, key, value)


@attrs.define(eq=False)
class Owner:
    """One who may hold the lease."""

    closed: bool = False


class Tables:
    """What the handles of one store share."""

    def __init__(self) -> None:
        self.log = log = Log()
        self.settings: Table[str, str] = Table(log, {})
        self.lease: Table[str, tuple[Owner, float]] = Table(log, {})
        self.feeds: Table[str, FeedState] = Table(log, {})
        self.links: Table[int, Linked] = Table(log, {})
        self.keys: Table[tuple[Side, RecordId], tuple[int, ...]] = Table(log, {})
        self.pending: Table[PendingKey, Pending] = Table(log, {})
        self.journal: Table[int, JournalEntry] = Table(log, {})
        self.counters: Table[str, int] = Table(log, {})
        self.moves: Table[Entity, tuple[tuple[str, ...], tuple[str, ...]]] = Table(log, {})

    def copy(self) -> Tables:
        """Return tables of their own with the same in them; values are never changed in place."""
        other = Tables()
        other.settings.rows.update(self.settings.rows)
        other.lease.rows.update(self.lease.rows)
        other.feeds.rows.update(self.feeds.rows)
        other.links.rows.update(self.links.rows)
        other.keys.rows.update(self.keys.rows)
        other.pending.rows.update(self.pending.rows)
        other.journal.rows.update(self.journal.rows)
        other.counters.rows.update(self.counters.rows)
        other.moves.rows.update(self.moves.rows)
        return other


@attrs.frozen(eq=False)
class _Replaced(Generic[K, V]):
    rows: dict[K, V]
    key: K
    old: V | None

    def undo(self) -> None:
        _set(self.rows, self.key, self.old)


def _set(rows: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value
