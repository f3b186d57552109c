"""Writing people: rows in calls of 300, and what became of each row. Pure but for the flow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.errors import Ambiguous, SystemFailure, Throttled
from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, is_id, rows_of, text_of
from dynsync.marketo._replies import asked
from dynsync.marketo.failures import Becomes, failure_of
from dynsync.records import RecordId
from dynsync.transport import Flow
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["Batch", "Row", "batches", "prepared", "reasons_in", "unanswered", "written"]

Action: TypeAlias = Literal["updateOnly", "createOrUpdate"]

MOST_ROWS: Final = 300
_MOST_BYTES: Final = 900_000
"""At 1 MB Marketo answers 413."""

_LEADS: Final = "/rest/v1/leads.json"
_QUOTED: Final = re.compile(r"'([^']*)'")
_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


@attrs.frozen(eq=False)
class Row:
    """One *write*, the place *at* which it was given, and how it is *said*."""

    at: int
    write: Write
    said: bytes

    @property
    def key(self) -> tuple[str, RecordId]:
        """Whom it is about: two rows of one key never go out at once."""
        match self.write:
            case Update(id=id_):
                return "id", id_
            case Create(key=key, key_field=field):
                return field or "", key


@attrs.frozen
class Batch:
    """Rows of one call: one *action*, by one *lookup* field."""

    action: Action
    lookup: str
    rows: tuple[Row, ...]

    def body(self, partition: str | None) -> bytes:
        """Return the call's body. New people go to *partition*, if there is one."""
        head: Json = {"action": self.action, "lookupField": self.lookup}
        if partition is not None:
            head["partitionName"] = partition
        rows = b",".join(row.said for row in self.rows)
        return _encode(head).encode()[:-1] + b',"input":[' + rows + b"]}"


def prepared(writes: Sequence[Write]) -> tuple[list[Row], dict[int, WriteResult]]:
    """Return the rows to send, and by place what is refused without asking."""
    rows: list[Row] = []
    refused: dict[int, WriteResult] = {}
    for at, write in enumerate(writes):
        said = _said(write)
        if isinstance(said, Reason):
            refused[at] = Rejected((said,))
        else:
            rows.append(Row(at, write, said))
    return rows, refused


def _said(write: Write) -> bytes | Reason:
    if isinstance(write, Create):
        if write.key_field is None:
            return Reason("1002", "a person is made by a key field, and none is named")
        body = write.values
    elif is_id(write.id):
        body = {"id": int(write.id), **write.values}
    else:
        return Reason("1004", "a person's id is a number", "id")
    try:
        said = _encode(body).encode()
    except ValueError:
        # A lone half of a surrogate, or a number that is not finite: the whole call would fail.
        return Reason("1003", "a value cannot be written as JSON", _unwritable(write))
    if len(said) > _MOST_BYTES:
        return Reason("413", "the record is larger than a call may be")
    return said


def _unwritable(write: Write) -> str | None:
    for name, value in write.values.items():
        try:
            _encode(value).encode()
        except ValueError:
            return name
    return None


def batches(rows: Iterable[Row]) -> list[Batch]:
    """Return *rows* in as few calls as take them: an action and a lookup field to a call."""
    kinds: dict[tuple[Action, str], list[Row]] = {}
    for row in rows:
        match row.write:
            case Update():
                kinds.setdefault(("updateOnly", "id"), []).append(row)
            case Create(key_field=field):
                kinds.setdefault(("createOrUpdate", field or ""), []).append(row)
    return [
        Batch(action, lookup, part)
        for (action, lookup), mine in kinds.items()
        for part in _parts(mine)
    ]


def _parts(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        if part and (len(part) == MOST_ROWS or size + len(row.said) > _MOST_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += len(row.said) + 1
    if part:
        yield tuple(part)


def written(api: Api, batch: Batch, partition: str | None) -> Flow[list[WriteResult]]:
    """Send *batch*; return one result a row, in their order."""
    reply = yield from asked(api.said(_LEADS, batch.body(partition)), "writing")
    pairs = [*zip(batch.rows, reply.result, strict=False)]
    misplaced = any(_misplaced(row.write, told) for row, told in pairs)
    if misplaced or len(reply.result) != len(batch.rows):
        # Nobody can tell whose results these are.
        return [AmbiguousWrite()] * len(batch.rows)
    return [_result(row.write, told) for row, told in pairs]


def _misplaced(write: Write, told: Json) -> bool:
    """Return whether *told*, which stands in the place of *write*, is about somebody else."""
    return isinstance(write, Update) and text_of(told, "id") not in {"", str(int(write.id))}


def _result(write: Write, told: Json) -> WriteResult:
    id_ = RecordId(text_of(told, "id"))
    match write, text_of(told, "status"):
        case Create(), "created" if id_:
            return Created(id_)
        case Create(), "updated" if id_:
            return Updated(id_)
        case Update(id=mine), "updated":
            return Updated(id_ or mine)
        case _, "skipped":
            return _skipped(write, told)
        case _:
            return AmbiguousWrite()


def _skipped(write: Write, told: Json) -> WriteResult:
    codes = {text_of(reason, "code") for reason in rows_of(told, "reasons")}
    becomes = {failure_of(code).row for code in codes}
    if Becomes.GONE in becomes and isinstance(write, Update):
        return Gone()
    if Becomes.NOT_DONE in becomes:
        return NotAttempted()
    lookup = write.key_field if isinstance(write, Create) else "id"
    return Rejected(reasons_in(told, "reasons", (*write.values, lookup or "")))


def reasons_in(told: Json, name: str, fields: Iterable[str]) -> tuple[Reason, ...]:
    """
    Return the reasons in the list *name*, each with the one of *fields* that it names.

    The words are ours: Marketo's own quote the value that they refuse.
    """
    known = frozenset(fields)
    reasons: list[Reason] = []
    for row in rows_of(told, name):
        code = text_of(row, "code")
        named = [one for one in _QUOTED.findall(text_of(row, "message")) if one in known]
        reasons.append(Reason(code, failure_of(code).means, named[0] if named else None))
    return tuple(reasons) or (Reason("skipped", "no reason was given"),)


def unanswered(failure: SystemFailure) -> WriteResult:
    """Return what each row of a call that met *failure* is answered with."""
    match failure:
        case Throttled(retry_after=seconds):
            return ThrottledWrite(seconds)
        case Ambiguous():
            return AmbiguousWrite()
        case _:
            return NotAttempted()
