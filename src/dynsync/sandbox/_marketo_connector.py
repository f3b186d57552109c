"""What the engine sees of a sandbox Marketo."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Generator, Iterable, Sequence
from typing import Final

from dynsync.connectors import ActivityLine, Capabilities, Finding, Needs, Page
from dynsync.errors import ContractError, Refused, SchemaChanged
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.sandbox._faults import Fault, Faults, split
from dynsync.sandbox._limits import Limiter
from dynsync.sandbox._marketo_feed import PAGE, read
from dynsync.sandbox._marketo_people import Author, People
from dynsync.sandbox._marketo_values import number_of, searchable
from dynsync.sandbox._marketo_view import View
from dynsync.sandbox._marketo_writes import apply, look_up
from dynsync.schemas import Schema
from dynsync.writes import Created, Gone, Reason, Rejected, Write, WriteResult

__all__ = ["TABLE", "SandboxMarketoConnector"]

TABLE: Final = "person"
_BATCH: Final = 300
_LINE_BYTES: Final = 65_536


class SandboxMarketoConnector:
    """
    A `MarketoConnector` to a sandbox; `SandboxMarketo.connector` makes it.

    Every call is counted, meets the faults and limits of the system, and is applied
    wholly or not at all.
    """

    def __init__(self, people: People, faults: Faults, limiter: Limiter, user: str) -> None:
        self._people = people
        self._store = people.store
        self._faults = faults
        self._limiter = limiter
        self._author = Author(user, "sync")

    def close(self) -> None:
        """Close the system, for those who hold nothing of it but this connector."""
        self._store.close()

    @property
    def side(self) -> Side:
        """Return `Side.MARKETO`."""
        return Side.MARKETO

    @property
    def capabilities(self) -> Capabilities:
        """Return what Marketo can do: no write is conditional."""
        return Capabilities(batch=_BATCH, find=_BATCH)

    def identity(self) -> str:
        """Return the sandbox's name."""
        return self._store.name

    def describe(self, table: str) -> Schema:
        """Return the columns of people that are not hidden."""
        with self._call("describe", table):
            return Schema(table, dict(self._store.columns.told))

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of a full read or of the feed."""
        with self._call("read", table):
            return read(self._people, self._view(fields), cursor)

    def fetch(
        self,
        table: str,
        ids: Collection[RecordId],
        fields: Sequence[str],
    ) -> Sequence[Record]:
        """Return those of *ids* that exist, by id."""
        _at_most(PAGE, ids, "ids")
        with self._call("fetch", table):
            view = self._view(fields)
            return [view.record(row) for row in view.some(self._store, _numbers(ids))]

    def find(
        self,
        table: str,
        field: str,
        values: Collection[Wire],
        fields: Sequence[str],
    ) -> Sequence[Record]:
        """Return everybody whose *field* holds one of *values*, by id; case does not count."""
        _at_most(_BATCH, values, "values")
        with self._call("find", table):
            view = self._view([*fields, field])
            if field not in view:
                raise SchemaChanged(self.side, f"field {field!r} may not be read", (field,))
            people = self._search(field, values)
            return [view.record(row) for row in view.some(self._store, people)]

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes* one by one, as "sync leads" does."""
        _at_most(_BATCH, writes, "writes")
        with self._call("write", table) as fault:
            now, rest = split(fault, writes)
            return [*(apply(self._people, write, self._author) for write in now), *rest]

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Add *lines* as custom activities; the same key twice makes two, as in Marketo."""
        _at_most(_BATCH, lines, "lines")
        with self._call("log") as fault:
            now, rest = split(fault, lines)
            return [*(self._add(line) for line in now), *rest]

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Return the keys of the lines in the logs of *people*."""
        _at_most(_BATCH, people, "people")
        with self._call("logged"):
            return {line[0] for line in self._store.lines(_numbers(people))}

    def check(self, needs: Needs) -> Sequence[Finding]:
        """Return what there is to say of rights and settings: a sandbox's user has them all."""
        with self._call("check"):
            lines = [Finding(self.side, "role", "ok", "the user may do everything")]
            if needs.activity_log == "written":
                lines.append(Finding(self.side, "activity log", "ok", "lines can be added"))
            return lines

    def system_time(self) -> dt.datetime:
        """Return the time by the sandbox's clock."""
        return self._people.clock.now()

    @contextlib.contextmanager
    def _call(self, operation: str, table: str = TABLE) -> Generator[Fault | None]:
        if table != TABLE:
            raise Refused(self.side, f"there is no table {table!r} here, only {TABLE!r}")
        clock = self._people.clock
        # The faults are outside the transaction: a lost response is of a call that worked.
        with (
            self._limiter.call(),
            self._faults.guard(self.side, clock, operation) as fault,
            self._store.transaction(),
        ):
            yield fault

    def _view(self, fields: Sequence[str]) -> View:
        columns = self._store.columns
        lost = [name for name in fields if name not in columns.shown]
        if lost:
            message = f"no longer there: {', '.join(sorted(lost))}"
            raise SchemaChanged(self.side, message, tuple(lost))
        return View(columns.shown, [name for name in fields if name in columns.readable])

    def _search(self, field: str, values: Collection[Wire]) -> list[int]:
        if field == "id":
            return _numbers(RecordId(str(value)) for value in values)
        if not searchable(self._store.columns.all[field].column):
            raise ContractError(f"1011: people cannot be looked up by {field!r}")
        return look_up(self._store, field, values)

    def _add(self, line: ActivityLine) -> WriteResult:
        number = number_of(line.person)
        if number is None or self._store.values(number, ()) is None:
            return Gone()
        if len(line.text.encode()) > _LINE_BYTES:
            message = f"The attributes are longer than {_LINE_BYTES} bytes"
            return Rejected((Reason("1049", message, "text"),))
        at = line.at.isoformat()
        made = self._store.add_line(number, line.key, at, line.kind, line.text)
        return Created(RecordId(str(made)))


def _at_most(limit: int, things: Collection[object], what: str) -> None:
    if len(things) > limit:
        raise ContractError(f"{len(things)} {what} in one call, at most {limit} are taken")


def _numbers(ids: Iterable[RecordId]) -> list[int]:
    numbers = (number_of(each) for each in ids)
    return [number for number in numbers if number is not None]
