"""The connector: what the engine asks of Marketo, asked of its REST API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Self

from dynsync.connectors import ActivityLine, Capabilities, Clock, Finding, Needs, Page
from dynsync.errors import Refused
from dynsync.limiting import Limiter
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, CustomService
from dynsync.marketo._checking import Checking
from dynsync.marketo._options import PACE, MarketoOptions
from dynsync.marketo._reading import Reading
from dynsync.marketo._usage import Usage, used
from dynsync.marketo._writes import MOST_ROWS
from dynsync.marketo._writing import Writing
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.schedule import SystemClock
from dynsync.schemas import Schema
from dynsync.transport import Transport
from dynsync.writes import Write, WriteResult

__all__ = ["MarketoRestConnector"]


class MarketoRestConnector:
    """
    A `MarketoConnector` to an instance of Marketo Engage, over any `Transport`.

    *url* is that of the REST API. The *limiter* is shared by all that call the instance; without
    one there is one of `PACE`. `close` ends the threads of that one; a limiter and a transport
    that were given stay the host's.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: Transport,
        credentials: CustomService,
        clock: Clock | None = None,
        limiter: Limiter | None = None,
        options: MarketoOptions | None = None,
    ) -> None:
        self._api = Api.at(url)
        self._options = options or MarketoOptions()
        clock = clock or SystemClock()
        self._limiter = limiter or Limiter(Side.MARKETO, PACE, clock)
        self._own = limiter is None
        self._calls = Calls(self._api, credentials, transport, self._limiter, clock)
        self._reading = Reading(self._api, self._calls, self._options)
        self._writing = Writing(self._api, self._calls, self._options.partition)

    def __repr__(self) -> str:
        return f"<MarketoRestConnector {self._api.instance}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files, and end threads, unless they are of a limiter of the host's."""
        self._reading.close()
        if self._own:
            self._limiter.close()

    @property
    def side(self) -> Side:
        """Return `Side.MARKETO`."""
        return Side.MARKETO

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do: as many full calls side by side as the pace allows."""
        most = MOST_ROWS * self._limiter.pace.at_once
        return Capabilities(batch=most, find=most)

    def identity(self) -> str:
        """Return the Munchkin id of the instance."""
        return self._api.instance

    def describe(self, table: str) -> Schema:
        """Return the columns of people; those of another CRM's sync cannot be written."""
        self._check(table)
        return self._reading.describe()

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of a full read or of the feed."""
        self._check(table)
        return self._reading.page(fields, cursor)

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those of *ids* that exist."""
        self._check(table)
        return self._reading.some(ids, fields)

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return everybody whose *field* holds one of *values*; Marketo ignores case."""
        self._check(table)
        return self._reading.holding(field, values, fields)

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*: updates by id, creates by their key field, in calls of 300."""
        self._check(table)
        return self._writing.write(writes)

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """
        Add *lines* as custom activities; the same key twice makes two.

        Their type is made once, where the API role may do that; else `Refused` says what to do.
        """
        return self._writing.log(lines)

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Return the keys of the lines in the logs of *people*, as far back as `MarketoOptions`."""
        since = self._calls.now() - dt.timedelta(days=self._options.lines)
        return self._writing.logged(people, since)

    def usage(self) -> Usage:
        """Return how much of today's quota everybody has used; costs a call."""
        [today] = self._calls.run(used(self._api, "usage"))[:1] or [Usage("", 0, {})]
        return today

    def usage_of_week(self) -> Sequence[Usage]:
        """Return how much of the quota was used on each of the last seven days."""
        return self._calls.run(used(self._api, "usage/last7days"))

    def check(self, needs: Needs) -> Sequence[Finding]:
        """Return how the rights and settings are; costs some ten calls and writes nothing."""
        return [*Checking(self._api, self._calls, self._options, needs).findings()]

    def system_time(self) -> dt.datetime:
        """Return the time by Marketo's clock, as far as it has told it."""
        return self._calls.now()

    def _check(self, table: str) -> None:
        if table != self._options.table:
            message = f"there is no table {table!r} here, only {self._options.table!r}"
            raise Refused(self.side, message)
