"""The tables of the store: dictionaries that go back to an earlier moment together."""

from __future__ import annotations

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

    def begin(self) -> int:
        """Open a block and return the present moment, to go back to."""
        self._depth += 1
        return len(self._steps)

    def back_to(self, mark: int) -> None:
        """Undo what was written since *mark*."""
        while len(self._steps) > mark:
            self._steps.pop().undo()

    def end(self) -> None:
        """Close a block; the outermost one takes the way back with it."""
        self._depth -= 1
        if not self._depth:
            self._steps.clear()

    def crash(self) -> None:
        """Undo everything that has not ended."""
        self.back_to(0)
        self._depth = 0


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
