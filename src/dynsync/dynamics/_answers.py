"""What Dynamics answered, in dynsync's language: records, results of writes, failures. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Final, NoReturn

import attrs

from dynsync._headers import wait_asked
from dynsync.dynamics import _reasons as reasons
from dynsync.dynamics._odata import Garbled, Json, parse, text_of
from dynsync.dynamics._tables import Table
from dynsync.dynamics.failures import Becomes, Failure, failure_for
from dynsync.errors import (
    CursorExpired,
    Refused,
    SchemaChanged,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.records import Record, Side, Version, plain_id
from dynsync.transport import Response
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = [
    "ALREADY_THERE",
    "Fault",
    "fault_in",
    "misplaced",
    "moment",
    "object_in",
    "raise_garbled",
    "record",
    "result",
]

_SIDE: Final = Side.DYNAMICS
_OK: Final = range(200, 300)
_WAIT: Final = 20.0

ALREADY_THERE: Final = Rejected((Reason("duplicate_key", "There is such a row already."),))
"""The answer to a create whose row is there."""


@attrs.frozen
class Fault:
    """What is wrong: what that means, the words of Dynamics, and how long to wait."""

    failure: Failure
    message: str
    retry_after: float

    def whole(self, doing: str, asked: Mapping[str, str]) -> SystemFailure:
        """
        Return the failure of a whole request that was *doing* something.

        *asked* are the columns that were asked for, by the property under which they are read.
        """
        failure = self.failure
        seen = f"{doing}: {failure.says} [{failure.code}]"
        match failure.becomes:
            case Becomes.THROTTLED:
                return Throttled(_SIDE, seen, self.retry_after, failure.scope or "window")
            case Becomes.PASSING | Becomes.UNCERTAIN:
                return Unavailable(_SIDE, seen)
            case Becomes.CURSOR:
                return CursorExpired(_SIDE, seen)
            case _:
                gone = reasons.missing(self.message, asked)
                if failure.becomes is Becomes.SCHEMA or gone:
                    named = f" ({', '.join(gone)})" if gone else ""
                    return SchemaChanged(_SIDE, f"{seen}{named}", gone)
                return Refused(_SIDE, seen + reasons.privilege(self.message))


def fault_in(response: Response) -> Fault | None:
    """Return what is wrong, as *response* says it; None where it is none."""
    if response.status in _OK:
        return None
    code, message = "", ""
    try:
        error = parse(response.body).get("error")
    except Garbled:
        error = None
    if isinstance(error, dict):
        code, message = text_of(error, "code"), text_of(error, "message")
    wait = wait_asked(response.headers, _WAIT)
    return Fault(failure_for(response.status, code), message, wait)


def object_in(
    response: Response, doing: str, asked: Mapping[str, str] | None = None
) -> dict[str, Json]:
    """Return the JSON object of an answer; raise `SystemFailure` where it is none."""
    fault = fault_in(response)
    if fault is not None:
        raise fault.whole(doing, asked or {})
    try:
        return parse(response.body)
    except Garbled:
        raise_garbled(response, doing)


def raise_garbled(response: Response, doing: str) -> NoReturn:
    """Raise what an answer is that cannot be read."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip() or "nothing readable"
    raise Unavailable(
        _SIDE,
        f"{doing}: the answer is {kind}, not what the Web API says. Either something between "
        f"here and Dynamics answered in its place, or the URL is not that of an organisation.",
    )


def moment(text: str) -> dt.datetime | None:
    """Return the instant that *text* names; None where it is none."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)


def record(table: Table, row: Mapping[str, Json], readable: Mapping[str, str]) -> Record:
    """Return *row* as a record with what it tells of the *readable* columns."""
    at, version = moment(text_of(row, "modifiedon")), _version(row)
    if version is None:
        # Without one a write could not tell whether somebody has edited the row since.
        raise Garbled("a row without a version")
    return Record(table.id_of(row), table.values(row, readable), version, at)


def _version(row: Mapping[str, Json]) -> Version | None:
    etag = text_of(row, "@odata.etag")
    return Version(etag) if etag else None


def result(table: Table, write: Write, response: Response) -> WriteResult:
    """Return what became of *write*, as its own answer says."""
    fault = fault_in(response)
    if fault is not None:
        return _refusal(table, write, fault)
    made, id_ = (Created, write.key) if isinstance(write, Create) else (Updated, write.id)
    try:
        row = parse(response.body) if response.body else {}
        if "error" in row:
            return AmbiguousWrite()
        values = table.values(row, table.readable(write.values))
    except Garbled:
        # It was applied; what it holds now is told by the feed.
        return made(id_)
    etag = response.headers.get("etag", "")
    version = _version(row) or (Version(etag) if etag else None)
    return made(id_, version, values if row else None)


def misplaced(table: Table, write: Write, response: Response) -> bool:
    """Return whether *response*, which stands in the place of *write*, tells another row."""
    if response.status not in _OK:
        return False
    try:
        told = text_of(parse(response.body), table.primary) if response.body else ""
    except Garbled:
        return False
    mine = write.key if isinstance(write, Create) else write.id
    return bool(told) and plain_id(told) != plain_id(mine)


def _refusal(table: Table, write: Write, fault: Fault) -> WriteResult:
    match fault.failure.becomes:
        case Becomes.THROTTLED:
            return ThrottledWrite(fault.retry_after)
        case Becomes.PASSING | Becomes.LOGIN:
            return NotAttempted()
        case Becomes.UNCERTAIN:
            return AmbiguousWrite()
        case Becomes.STALE if isinstance(write, Update):
            return Stale()
        case Becomes.GONE if isinstance(write, Update) and reasons.concerns(fault.message, write):
            return Gone()
        case Becomes.STALE | Becomes.DUPLICATE if isinstance(write, Create):
            return ALREADY_THERE
        case _:
            return Rejected((reasons.reason(table, write, fault.failure, fault.message),))
