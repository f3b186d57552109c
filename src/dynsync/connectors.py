"""
The two edges: what the engine asks of a system, and what it relies on. Protocols only.

Clauses that every connector keeps. `dynsync.testing` numbers them the same way, and the page
of the connector contract has the reason for each.

- C1 *Own names, wire values.* Records and writes use the system's own field names and
  values that JSON can hold. A connector converts nothing but its transport's encoding.
- C2 *Pages.* ``read(table, fields, None)`` begins a full read. Reading on with each
  page's cursor until ``more`` is false gives every record that existed throughout. The
  last cursor then starts the feed of changes: whatever changed after the full read began
  is in it. An empty page may say ``more``.
- C3 *Nothing skipped.* Every change made after a cursor was given is reported by some
  page read from that cursor. Repeats are allowed, and so are late rows; a change may
  be told once for several edits.
- C3d *What is gone is told.* A record that is gone is a `Tombstone`, if the system says so
  (``reports_deletes``).
- C3e *Replaced values are told.* A connector to Marketo tells all edits of the fields that
  were asked for, its own too, each with the value that it replaced.
- C4 *Only what was asked.* A record's values hold the requested fields only; one that the
  system left out is absent, not None.
- C5 *One result a write, in the order of the writes.* A failure that concerns the whole
  request before anything was applied is raised; after that, every write has a result.
- C6 *Creates are idempotent by key*, `dynsync.writes.Create` says how.
- C7 *Stale writes are refused*, if ``conditional_writes``: an `Update` whose ``expect`` is
  not the row's version applies nothing and answers `Stale`.
- C8 *The failure language is closed*: `dynsync.errors.SystemFailure` and its subclasses,
  nothing else, for what the system or the network did.
- C9 *Values are not shared*: what was returned is not changed later, what was passed in is
  not changed at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import attrs

from dynsync.records import Change, Cursor, Record, RecordId, Side, Wire
from dynsync.schemas import Access, Schema
from dynsync.writes import Write, WriteResult

__all__ = [
    "ActivityLine",
    "ActivityLog",
    "Capabilities",
    "Checkable",
    "Clock",
    "Connector",
    "DynamicsConnector",
    "Finding",
    "Level",
    "MarketoConnector",
    "Needs",
    "Page",
]


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a connector can do: how much the engine asks at once, and what it may rely on."""

    batch: int = 300
    """Most writes a call takes."""
    find: int = 300
    """Most ids or values a call of ``fetch`` or ``find`` takes."""
    conditional_writes: bool = False
    """`Update.expect` is honoured."""
    reports_deletes: bool = True
    """
    The feed reports `Tombstone`.

    If not, raise `CursorExpired` now and then, for a cursor of more than a day, say: a full read
    follows and finds what is gone. The engine makes none for that by itself.
    """


@attrs.frozen
class Page:
    """
    Some changes, and where to read on.

    *cursor* may be stored: reading from it again gives the same, or more, never less.
    With *more* the feed has not come to its end, even if *changes* is empty. *at* is the
    system's own time when it made the page, so that a skewed clock does not count; None
    where it does not say, and then how old its changes are is not known (`newest`).
    """

    changes: Sequence[Change]
    cursor: Cursor
    more: bool = False
    at: dt.datetime | None = None


class Clock(Protocol):
    """Time, passed in: the core looks at no other clock and never sleeps by itself."""

    def now(self) -> dt.datetime:
        """Return the time, aware and in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        ...


@runtime_checkable
class Connector(Protocol):
    """What the engine asks of either system."""

    @property
    def side(self) -> Side:
        """Return which system this is."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do. Constant."""
        ...

    def identity(self) -> str:
        """
        Return a stable name of the instance and nothing secret: a Munchkin id, an org URL.

        A state file remembers it and refuses another pair of systems.
        """
        ...

    def describe(self, table: str) -> Schema:
        """Return the columns of *table* with what the sync user may do. Asked every run."""
        ...

    def read(
        self,
        table: str,
        fields: Sequence[str],
        cursor: Cursor | None,
    ) -> Page:
        """
        Return the next page of *table*'s changes after *cursor*, or of a full read (C2-C4).

        Raises `CursorExpired` where the place is no longer known, `SchemaChanged` where a
        field is no longer there, and `Throttled`, `Unavailable` or `Refused`.
        """
        ...

    def fetch(
        self,
        table: str,
        ids: Collection[RecordId],
        fields: Sequence[str],
    ) -> Sequence[Record]:
        """Return those of *ids* that exist, in any order."""
        ...

    def find(
        self,
        table: str,
        field: str,
        values: Collection[Wire],
        fields: Sequence[str],
    ) -> Sequence[Record]:
        """
        Return every record whose *field* holds one of *values*, in any order.

        Text is compared without regard to case. Their values include *field*, so that the
        caller can tell which is which.
        """
        ...

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """
        Apply at most ``capabilities.batch`` *writes*, each on its own (C5-C7).

        Raises `Ambiguous` where the whole request got no answer, and `Throttled`,
        `Unavailable` or `Refused` where nothing was applied.
        """
        ...


@attrs.frozen
class ActivityLine:
    """
    One line for a person's activity log.

    *key* tells it apart for ever: a line with the same key is the same line. *text* names
    fields and limits and holds no field value.
    """

    key: str
    person: RecordId
    at: dt.datetime
    kind: str
    text: str


@runtime_checkable
class MarketoConnector(Connector, Protocol):
    """A connector to Marketo: it also writes people's activity logs (R92)."""

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Add *lines*, at most 300, one result each (`Created`, `Gone`, `Rejected` …)."""
        ...

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Return the keys of the lines that the logs of *people* hold already."""
        ...


@runtime_checkable
class DynamicsConnector(Connector, Protocol):
    """
    A connector to Dynamics: it also says as which user it writes.

    The engine tells echoes by value and does not ask (A27); `dynsync.testing` compares the id
    with who the rows say wrote them.

    Column rights come with `describe`: a secured column that the sync user may not read
    has no `Access.READ` there, because Dynamics would report it as null.
    """

    def sync_user(self) -> RecordId:
        """Return the id of the user that the connector writes as."""
        ...


Level: TypeAlias = Literal["ok", "look", "missing", "untried"]
"""
What a `Finding` comes to: as it has to be; less than one may think, but a sync works; a sync
would fail or stop; and not known, because it could not be tried.
"""


@attrs.frozen
class Finding:
    """
    One line of what `dynsync.check` found out.

    *about* names the right or setting, *seen* says how it is, and *todo* what to do if it is
    not as it has to be. None of them holds a field value.
    """

    side: Side
    about: str
    level: Level
    seen: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.side.label}: {self.about}: {self.seen}" + (f" {self.todo}" * bool(self.todo))


ActivityLog: TypeAlias = Literal["written", "unused"]
"""Whether a sync writes lines into people's activity logs."""


@attrs.frozen(kw_only=True)
class Needs:
    """
    What a sync asks of a system: by table what it does there, and whether it writes lines.

    *activity_log* is about Marketo.
    """

    tables: Mapping[str, Access]
    activity_log: ActivityLog = "written"


@runtime_checkable
class Checkable(Protocol):
    """
    A connector that can say of its system what no run asks: its rights and settings.

    It is no part of the contract. `dynsync.check` asks it, and does with the other clauses
    what it can where a connector does not have it.
    """

    def check(self, needs: Needs) -> Sequence[Finding]:
        """
        Return how the rights and settings that *needs* take are; nothing is written.

        Raises `SystemFailure` where the system does not let the connector in at all.
        """
        ...

    def system_time(self) -> dt.datetime | None:
        """Return what time it is by the system's own clock, None where it does not say."""
        ...
