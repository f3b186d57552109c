"""The connector to a Dynamics organisation, over its Web API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Final, Self

from dynsync.connectors import Capabilities, Clock, Finding, Needs, Page
from dynsync.dynamics import _reading as reading
from dynsync.dynamics import _writes as writing
from dynsync.dynamics._answers import ALREADY_THERE
from dynsync.dynamics._checking import checked, time_there
from dynsync.dynamics._line import API, Line, origin
from dynsync.dynamics._odata import sayable
from dynsync.dynamics._options import PACE, DynamicsOptions
from dynsync.dynamics._sending import Job, send
from dynsync.dynamics._tables import Table, guid
from dynsync.dynamics._tokens import Credentials, Tokens
from dynsync.errors import ContractError, Refused, SystemFailure
from dynsync.limiting import Limiter
from dynsync.records import Cursor, Record, RecordId, Side, Wire, plain_id
from dynsync.schedule import SystemClock
from dynsync.schemas import Schema
from dynsync.transport import Transport
from dynsync.writes import AmbiguousWrite, Create, Reason, Rejected, Write, WriteResult

__all__ = ["DataverseConnector"]

_SIDE: Final = Side.DYNAMICS
_WRITES: Final = 1_000
_FIND: Final = 500

_DUPLICATES: Final = frozenset({"duplicate_key", "0x80060892"})
_TAKEN: Final = Rejected((Reason("0x80040237", "Another row has one of this row's keys."),))


class DataverseConnector:
    """
    A connector to the organisation at *url*, for the user that *credentials* are of.

    Satisfies `dynsync.connectors.DynamicsConnector`. Requests go out by *transport*, at the
    pace of *limiter*, which all connectors of one user share; without one, at `PACE`.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: Transport,
        credentials: Credentials,
        clock: Clock | None = None,
        limiter: Limiter | None = None,
        options: DynamicsOptions | None = None,
    ) -> None:
        self._url = origin(url)
        clock = clock or SystemClock()
        tokens = Tokens(credentials, self._url, transport.send, clock)
        self._limiter = limiter or Limiter(_SIDE, PACE, clock)
        self._own = limiter is None
        self._line = Line(self._url, transport, tokens, self._limiter)
        self._options = options or DynamicsOptions()
        self._tables: dict[str, Table] = {}
        self._collections = {**writing.COLLECTIONS}
        self._me: tuple[RecordId, str] | None = None

    def __repr__(self) -> str:
        return f"<DataverseConnector {self._url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads that requests went out by, unless they are of a limiter of the host's."""
        if self._own:
            self._limiter.close()

    @property
    def side(self) -> Side:
        """Dynamics."""
        return _SIDE

    @property
    def capabilities(self) -> Capabilities:
        """What the Web API can do: conditional writes, deletes told."""
        return Capabilities(batch=_WRITES, find=_FIND, conditional_writes=True)

    def identity(self) -> str:
        """Return the id of the organisation, which outlives a change of its URL."""
        return f"dataverse:{self._who()[1]}"

    def sync_user(self) -> RecordId:
        """Return the id of the user that the connector writes as."""
        return self._who()[0]

    def describe(self, table: str) -> Schema:
        """
        Return the columns of *table* with what the user may do, asked anew in one request.

        A missing right to create or change rows narrows every column. A missing right to
        read does not: reading raises `Refused`.
        """
        described = self._line.run(reading.describe(table, self.sync_user()))
        self._tables[table] = described
        return described.schema

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of changes of *table*, or of all its rows."""
        return self._line.run(reading.page(self._table(table), fields, cursor, self._options.page))

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those of *ids* that exist."""
        _limit(len(ids), _FIND, "ids")
        described = self._table(table)
        keys = [*dict.fromkeys(key for key in map(guid, ids) if key is not None)]
        return self._found(described, described.primary, keys, fields)

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """
        Return every record whose *field* holds one of *values*, without regard to case.

        Raises `Refused` if the user may not read *field*: it would seem to be empty.
        """
        _limit(len(values), _FIND, "values")
        described = self._table(table)
        if described.hides(field):
            message = f"finding by {field!r}: the sync user may not read this secured column"
            raise Refused(_SIDE, message)
        wanted = [*dict.fromkeys(value for value in values if sayable(value))]
        found = self._found(described, field, wanted, [*dict.fromkeys([field, *fields])])
        # Dynamics also takes one letter for another that it is like: é for e.
        alike = {_alike(value) for value in wanted}
        return [one for one in found if _alike(one.values.get(field)) in alike]

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*, each on its own; those of one row in their order."""
        _limit(len(writes), _WRITES, "writes")
        described = self._table(table)
        results = {
            at: answer
            for at, write in enumerate(writes)
            if (answer := writing.unsayable(described, write)) is not None
        }
        left = [(at, write) for at, write in enumerate(writes) if at not in results]
        jobs = [*self._jobs(described, left)]
        results |= send(self._line, described, jobs, self._options.batch)
        self._look_twice(described, writes, results)
        return [results[at] for at in range(len(writes))]

    def check(self, needs: Needs) -> Sequence[Finding]:
        """Return how the user's rights and the tables' settings are, asked for in one request."""
        return self._line.run(checked(self.sync_user(), needs))

    def system_time(self) -> dt.datetime | None:
        """Return the time by the clock of Dynamics; costs a request."""
        return self._line.run(time_there())

    def _jobs(self, table: Table, writes: Sequence[tuple[int, Write]]) -> Iterator[Job]:
        """Yield how each of *writes* is said, when the names of what they point at are known."""
        needed = {t for _, write in writes for t in writing.targets(table, write, self._options)}
        unknown = needed - self._collections.keys()
        if unknown:
            self._collections |= self._line.run(reading.collections_of(sorted(unknown)))
        for at, write in writes:
            part = writing.part(table, write, self._options, API, self._collections)
            yield Job(at, write, part)

    def _look_twice(
        self, table: Table, writes: Sequence[Write], results: dict[int, WriteResult]
    ) -> None:
        """
        Tell a create whose row is there from one that met another row's key.

        Dynamics says the same of both, and of a row with both it may name the other key first.
        """
        doubtful = {
            plain_id(write.key): at
            for at, write in enumerate(writes)
            if isinstance(write, Create) and _key_taken(results[at])
        }
        if not doubtful:
            return
        try:
            there = {one.id for one in self._found(table, table.primary, [*doubtful], [])}
        except SystemFailure:
            # The other writes were applied: what is not known is said of these alone.
            results.update(dict.fromkeys(doubtful.values(), AmbiguousWrite()))
            return
        for key, at in doubtful.items():
            if key in there:
                results[at] = ALREADY_THERE
            elif results[at] == ALREADY_THERE:
                results[at] = _TAKEN

    def _found(
        self, table: Table, column: str, values: Sequence[Wire], fields: Sequence[str]
    ) -> list[Record]:
        return self._line.run(reading.holding(table, column, values, fields))

    def _table(self, table: str) -> Table:
        if table not in self._tables:
            self.describe(table)
        return self._tables[table]

    def _who(self) -> tuple[RecordId, str]:
        if self._me is None:
            self._me = self._line.run(reading.who_am_i())
        return self._me


def _limit(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise ContractError(f"{number} {what} in one call; the Dynamics connector takes {limit}")


def _key_taken(answer: WriteResult) -> bool:
    return isinstance(answer, Rejected) and answer.reasons[0].code in _DUPLICATES


def _alike(value: Wire) -> str | None:
    """Return *value* as Dynamics compares it: without regard to case and to blanks at its end."""
    return None if value is None else str(value).rstrip().casefold()
