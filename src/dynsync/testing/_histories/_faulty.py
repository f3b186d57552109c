"""
What stands between the engine and a connector in a history: faults, and a log of the calls.

It wraps any connector, so that a host's own need to know nothing of faults.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias, TypeVar

from dynsync.connectors import (
    ActivityLine,
    Capabilities,
    Clock,
    Connector,
    DynamicsConnector,
    MarketoConnector,
    Page,
)
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.sandbox import Faults, split
from dynsync.schemas import Schema
from dynsync.writes import Write, WriteResult

__all__ = ["CallLog", "FaultyConnector", "FaultyDynamics", "FaultyMarketo", "LookAt"]

T = TypeVar("T")

LookAt: TypeAlias = Callable[[Side, str, Sequence[Write]], None]
"""Looks at what is to be written to a table of a side."""


class CallLog:
    """
    A digest of every call that was made, what was asked and what was answered.

    Two histories with one digest were the same, byte for byte.
    """

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.calls = 0

    def note(self, *said: object) -> None:
        """Add what was said to the log."""
        self.calls += 1
        self._hash.update(repr(said).encode("utf-8", "surrogatepass"))

    def digest(self) -> str:
        """Return the digest of all that was noted so far."""
        return self._hash.hexdigest()


class FaultyConnector:
    """
    *connector*, whose calls fail as *faults* says, and are noted in *log*.

    *after* is called when a call has been answered, before the engine hears of it; *before*
    with what is to be written to a table, whatever becomes of it.
    """

    def __init__(
        self,
        connector: Connector,
        faults: Faults,
        clock: Clock,
        log: CallLog,
        *,
        after: Callable[[str], None] | None = None,
        before: LookAt | None = None,
    ) -> None:
        self._connector = connector
        self._faults = faults
        self._clock = clock
        self._log = log
        self._after = after
        self._before = before

    @property
    def side(self) -> Side:
        """Which system this is."""
        return self._connector.side

    @property
    def capabilities(self) -> Capabilities:
        """What the connector can do."""
        return self._connector.capabilities

    def identity(self) -> str:
        """Return the name of the connector's instance."""
        return self._connector.identity()

    def describe(self, table: str) -> Schema:
        """Return the columns of *table*."""
        with self._faults.guard(self.side, self._clock, "describe"):
            schema = self._connector.describe(table)
            rights = [(name, column.access.value) for name, column in schema.columns.items()]
            self._answered("describe", (table,), rights)
        return schema

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of changes."""
        asked = (table, list(fields), cursor)
        return self._call("read", asked, lambda: self._connector.read(table, fields, cursor))

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those of *ids* that exist."""
        asked = (table, _ordered(ids), list(fields))
        return self._call("fetch", asked, lambda: self._connector.fetch(table, ids, fields))

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return every record whose *field* holds one of *values*."""
        asked = (table, field, _ordered(values), list(fields))
        return self._call("find", asked, lambda: self._connector.find(table, field, values, fields))

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*, or what a fault leaves of them."""
        if self._before is not None:
            self._before(self.side, table, writes)
        return self._parted("write", table, writes, lambda now: self._connector.write(table, now))

    def _parted(
        self,
        operation: str,
        table: str,
        rows: Sequence[T],
        apply: Callable[[Sequence[T]], Sequence[WriteResult]],
    ) -> Sequence[WriteResult]:
        with self._faults.guard(self.side, self._clock, operation) as fault:
            now, rest = split(fault, rows)
            results = [*(apply(now) if now else ()), *rest]
            self._answered(operation, (table, list(rows)), results)
        return results

    def _call(self, operation: str, asked: tuple[object, ...], call: Callable[[], T]) -> T:
        with self._faults.guard(self.side, self._clock, operation):
            answer = call()
            self._answered(operation, asked, answer)
        return answer

    def _answered(self, operation: str, asked: tuple[object, ...], answer: object) -> None:
        self._log.note(self.side.value, operation, asked, answer)
        if self._after is not None:
            self._after(operation)


class FaultyMarketo(FaultyConnector):
    """A connector to Marketo with faults."""

    def __init__(
        self,
        connector: MarketoConnector,
        faults: Faults,
        clock: Clock,
        log: CallLog,
        *,
        after: Callable[[str], None] | None = None,
        before: LookAt | None = None,
    ) -> None:
        super().__init__(connector, faults, clock, log, after=after, before=before)
        self._marketo = connector

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Add *lines* to people's activity logs, or what a fault leaves of them."""
        return self._parted("log", "", lines, self._marketo.log)

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Return the keys of the lines in the logs of *people*."""
        asked = _ordered(people)
        return self._call("logged", (asked,), lambda: sorted(self._marketo.logged(people)))


class FaultyDynamics(FaultyConnector):
    """A connector to Dynamics with faults."""

    def __init__(
        self,
        connector: DynamicsConnector,
        faults: Faults,
        clock: Clock,
        log: CallLog,
        *,
        after: Callable[[str], None] | None = None,
        before: LookAt | None = None,
    ) -> None:
        super().__init__(connector, faults, clock, log, after=after, before=before)
        self._dynamics = connector

    def sync_user(self) -> RecordId:
        """Return the id of the user that the connector writes as."""
        return self._dynamics.sync_user()


def _ordered(things: Collection[Wire]) -> list[Wire]:
    """Return *things* in an order that is the same in every process."""
    return sorted(things, key=repr) if isinstance(things, set | frozenset) else list(things)
