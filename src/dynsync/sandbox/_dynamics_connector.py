"""What a sync asks of the Dynamics sandbox, and what it is told: the outside of the org."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Collection, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from dynsync.connectors import Capabilities, Finding, Needs, Page
from dynsync.errors import ConfigurationError, ContractError, Refused, SchemaChanged
from dynsync.records import Change, Cursor, Record, RecordId, Side, Tombstone, Wire
from dynsync.sandbox import _dynamics_feed as feed
from dynsync.sandbox._dynamics_checks import Denied, guid, utc
from dynsync.sandbox._dynamics_pipeline import Pipeline
from dynsync.sandbox._dynamics_store import Gone as GoneRow
from dynsync.sandbox._dynamics_tables import Row, Table, privilege
from dynsync.sandbox._faults import Fault, split
from dynsync.schemas import Access, Schema
from dynsync.writes import (
    Create,
    Created,
    Gone,
    Reason,
    Rejected,
    Stale,
    Update,
    Updated,
    Write,
    WriteResult,
)

if TYPE_CHECKING:
    from dynsync.sandbox._dynamics import SandboxDynamics

__all__ = ["SandboxDynamicsConnector"]

_BATCH: Final = 1_000
_FIND: Final = 500


class SandboxDynamicsConnector:
    """
    A connector to a `SandboxDynamics`, for one of its users; see `SandboxDynamics.connector`.

    Satisfies `dynsync.connectors.DynamicsConnector`. A result's ``values`` are the whole
    row, as the real one's are when it is asked for a representation: with null in the
    place of what the user may not read. Automations run after that: what they change is
    told by the feed.
    """

    def __init__(self, system: SandboxDynamics, user: RecordId) -> None:
        self.system = system
        self._user = user
        self._store = system.store

    def close(self) -> None:
        """Close the system, for those who hold nothing of it but this connector."""
        self._store.close()

    @property
    def side(self) -> Side:
        """Dynamics."""
        return Side.DYNAMICS

    @property
    def capabilities(self) -> Capabilities:
        """What the Web API can do: batches of 1,000, conditional writes, deletes told."""
        return Capabilities(batch=_BATCH, find=_FIND, conditional_writes=True, reports_deletes=True)

    def identity(self) -> str:
        """Return the URL of the org."""
        return f"https://{self._store.name}.crm.dynamics.com"

    def sync_user(self) -> RecordId:
        """Return the id of the user that the connector writes as."""
        return self._user

    def describe(self, table: str) -> Schema:
        """
        Return the columns of *table* with what the user may do.

        A missing right to create or write rows narrows every column. A missing right to
        read does not: reading raises `Refused`.
        """
        with self._call("describe"), self._store.reading():
            return self._table(table).schema(self._user)

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of changes of *table*, or of all its rows."""
        store, now = self._store, self.system.clock.now()
        with self._call("read"), store.reading():
            described = self._readable(table, fields)
            if cursor is None:
                place = feed.begin(store, table, now)
            else:
                place = feed.unpack(cursor, store, table)
                feed.check_age(place, store, now, self.system.retention)
            found, place, more = feed.page(store, place, self.system.page_size, now)
            hidden = frozenset(described.unreadable(self._user))
        changes = [_change(each, fields, hidden) for each in found]
        return Page(changes, feed.pack(place), more, now)

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those of *ids* that exist."""
        _limit(len(ids), _FIND, "ids")
        with self._call("fetch"), self._store.reading():
            hidden = frozenset(self._readable(table, fields).unreadable(self._user))
            keys = dict.fromkeys(key for key in map(guid, ids) if key is not None)
            rows = [self._store.get(table, RecordId(key)) for key in keys]
        return [_record(row, fields, hidden) for row in rows if row is not None]

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """
        Return every record whose *field* holds one of *values*, without regard to case.

        Raises `Refused` if the user may not read *field*.
        """
        _limit(len(values), _FIND, "values")
        with self._call("find"), self._store.writing():
            described = self._readable(table, [field, *fields])
            hidden = frozenset(described.unreadable(self._user))
            if field in hidden:
                message = f"0x8004F506: the query filters on the secured field {field!r}"
                raise Refused(Side.DYNAMICS, message)
            self._store.search(described, field)
            wanted = [value for value in values if value is not None]
            found = dict.fromkeys(
                key for value in wanted for key in self._store.find(table, field, value)
            )
            rows = [self._store.get(table, key) for key in found]
        asked = dict.fromkeys([field, *fields])
        return [_record(row, asked, hidden) for row in rows if row is not None]

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*, each on its own, and then run the automations that wait for them."""
        _limit(len(writes), _BATCH, "writes")
        with self._call("write") as fault:
            rows, rest = split(fault, writes)
            with self._store.writing():
                described = self._table(table)
                pipeline = self.system.pipeline(described, self._user, held=True)
                hidden = described.unreadable(self._user)
                results = [_outcome(pipeline, write, hidden) for write in rows]
                pipeline.run_automations()
        return [*results, *rest]

    def check(self, needs: Needs) -> Sequence[Finding]:
        """Return which rights on whole tables the user has and lacks."""
        with self._call("check"), self._store.reading():
            known = {*self._store.names()} & {*needs.tables}
            return [self._rights(self._table(name), needs.tables[name]) for name in sorted(known)]

    def system_time(self) -> dt.datetime:
        """Return the time by the org's clock."""
        return self.system.clock.now()

    def _rights(self, table: Table, access: Access) -> Finding:
        lacking = [privilege(flag, table.name) for flag in access if table.denies(self._user, flag)]
        about = f"rights on {table.name!r}"
        if not lacking:
            return Finding(self.side, about, "ok", "read, create and write, as it is needed")
        todo = f"Give them back: SandboxDynamics.grant({table.name!r}, …)."
        return Finding(self.side, about, "missing", f"the user lacks {', '.join(lacking)}", todo)

    @contextlib.contextmanager
    def _call(self, operation: str) -> Generator[Fault | None]:
        system = self.system
        with (
            system.limiter(self._user).call(),
            system.faults.guard(Side.DYNAMICS, system.clock, operation) as fault,
        ):
            yield fault

    def _table(self, name: str) -> Table:
        try:
            return self._store.table(name)
        except ConfigurationError as error:
            raise Refused(Side.DYNAMICS, str(error)) from None

    def _readable(self, name: str, fields: Sequence[str]) -> Table:
        table = self._table(name)
        if table.denies(self._user, Access.READ):
            missing = privilege(Access.READ, name)
            message = f"0x80040220: Principal user (Id={self._user}) is missing {missing} privilege"
            raise Refused(Side.DYNAMICS, message)
        if unknown := tuple(field for field in fields if field not in table.columns):
            message = f"0x80060888: {name} has no property {', '.join(map(repr, unknown))}"
            raise SchemaChanged(Side.DYNAMICS, message, unknown)
        return table


def _limit(number: int, limit: int, what: str) -> None:
    if number > limit:
        raise ContractError(f"{number} {what} in one call; a Dynamics sandbox takes {limit}")


def _outcome(pipeline: Pipeline, write: Write, hidden: Sequence[str]) -> WriteResult:
    try:
        match write:
            case Create():
                return _create(pipeline, write, hidden)
            case Update():
                return _update(pipeline, write, hidden)
    except Denied as error:
        return Rejected((error.reason,))


def _create(pipeline: Pipeline, write: Create, hidden: Sequence[str]) -> WriteResult:
    if write.key_field is not None:
        message = f"0x80060890: {pipeline.table.name} has no alternate key on the field"
        return Rejected((Reason("0x80060890", message, write.key_field),))
    key = guid(write.key)
    if key is None:
        return Rejected((Reason("0x80048d19", "The id is not a GUID.", pipeline.table.primary),))
    if pipeline.store.get(pipeline.table.name, RecordId(key)) is not None:
        # Dataverse's own code is 0x80040237.
        message = "A record with matching key values already exists."
        return Rejected((Reason("duplicate_key", message),))
    row = pipeline.create(RecordId(key), write.values)
    return Created(row.id, row.etag, _representation(pipeline, row, hidden))


def _update(pipeline: Pipeline, write: Update, hidden: Sequence[str]) -> WriteResult:
    key = guid(write.id)
    row = None if key is None else pipeline.store.get(pipeline.table.name, RecordId(key))
    if row is None:
        return Gone()
    if write.expect is not None and write.expect != row.etag:
        return Stale()
    row = pipeline.update(row, write.values)
    return Updated(row.id, row.etag, _representation(pipeline, row, hidden))


def _representation(
    pipeline: Pipeline, row: Row, hidden: Sequence[str]
) -> Mapping[str, Wire] | None:
    if pipeline.table.denies(pipeline.user, Access.READ):
        return None
    values = pipeline.table.full(row.values)
    values.update((name, None) for name in hidden)
    return values


def _change(change: Row | GoneRow, fields: Collection[str], hidden: Collection[str]) -> Change:
    if isinstance(change, Row):
        return _record(change, fields, hidden)
    return Tombstone(change.id, utc(change.at))


def _record(row: Row, fields: Collection[str], hidden: Collection[str]) -> Record:
    get = row.values.get
    # An unreadable column is not left out: it reads as null, as if it had been cleared.
    values = {field: None if field in hidden else get(field) for field in fields}
    return Record(row.id, values, row.etag, utc(row.at))
