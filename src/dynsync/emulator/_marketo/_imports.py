"""Bulk imports of people: a file in, a batch that is polled, a file of what failed out."""

from __future__ import annotations

import csv
import email.parser
import email.policy
import io
from collections.abc import Mapping
from typing import Final

import attrs

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, no_lists
from dynsync.emulator._marketo._sync import sync_row
from dynsync.emulator._messages import Call, Json, Reply
from dynsync.writes import Gone, Rejected

__all__ = ["ROUTES", "parts_of"]

_QUEUE: Final = 10
_DELIMITERS: Final = {"csv": ",", "tsv": "\t", "ssv": ";"}
_REASON: Final = "Import Failure Reason"


@attrs.define
class _Batch:
    """An import of *rows* under the names in *header*."""

    id: int
    user: str
    key: str
    delimiter: str
    header: list[str]
    rows: list[list[str]]
    queued: int
    failed: list[list[str]] = attrs.Factory(list[list[str]])
    done: bool = False


def parts_of(call: Call) -> dict[str, bytes]:
    """Return the parts of a multipart form by their names; raises `ApiError`."""
    kind = call.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise ApiError("612", "Invalid Content Type")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + call.body)
    if not message.is_multipart():
        raise ApiError("613", "Invalid Multipart Request")
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(data, bytes):
            found[name] = data
    return found


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        raise ApiError("1003", "Invalid value for parameter 'file'") from None


def _import(asked: Asked) -> Json:
    parts = parts_of(asked.call)
    given = {name: data.decode("utf-8", "replace") for name, data in parts.items()}
    params: Mapping[str, str] = {**given, **asked.params}
    delimiter = _DELIMITERS.get(params.get("format", "").lower())
    if delimiter is None or "file" not in parts:
        raise ApiError("1003", "Invalid value for parameter 'format' or 'file'")
    no_lists(params)
    waiting = [each for each in _batches(asked).values() if not each.done]
    if len(waiting) >= _QUEUE:
        raise ApiError("1016", "Too many imports queued")
    text = parts["file"].decode("utf-8-sig", "replace")
    header, *rows = _rows(text, delimiter) or [[]]
    for name in header:
        if name not in asked.store.columns.shown:
            raise ApiError("1006", f"Field '{name}' not found")
    number = next(asked.state.numbers)
    key, now = params.get("lookupField") or "email", int(asked.house.clock.now().timestamp())
    batch = _Batch(number, asked.author.name, key, delimiter, header, rows, now)
    asked.state.jobs[f"import {number}"] = batch
    return {"result": [_told(asked, batch)]}


def _batches(asked: Asked) -> dict[int, _Batch]:
    return {job.id: job for job in asked.state.jobs.values() if isinstance(job, _Batch)}


def _told(asked: Asked, batch: _Batch) -> Json:
    waited = asked.house.clock.now().timestamp() - batch.queued
    told: dict[str, object] = {"batchId": batch.id, "importId": str(batch.id)}
    if waited < asked.state.job_seconds:
        half = waited < asked.state.job_seconds / 2
        return {**told, "status": "Queued" if half else "Importing"}
    if not batch.done:
        _apply(asked, batch)
    failed = len(batch.failed)
    applied = len(batch.rows) - failed
    how = "with errors" if failed else "successfully"
    return {
        **told,
        "status": "Complete",
        "numOfLeadsProcessed": applied,
        "numOfRowsFailed": failed,
        "numOfRowsWithWarning": 0,
        "message": f"Import completed {how}, {applied} records imported, {failed} failed",
    }


def _apply(asked: Asked, batch: _Batch) -> None:
    action = "updateOnly" if batch.key == "id" else "createOrUpdate"
    for row in batch.rows:
        # What a cell leaves empty is not imported; nobody is cleared by an import.
        given = {name: cell for name, cell in zip(batch.header, row, strict=False) if cell}
        match sync_row(asked, action, batch.key, given):
            case Rejected(reasons=reasons):
                batch.failed.append([*row, reasons[0].message])
            case Gone():
                batch.failed.append([*row, "Lead not found"])
            case _:
                pass
    batch.done = True


def _batch(asked: Asked) -> _Batch:
    batch = _batches(asked).get(int(asked.names["id"]))
    if batch is None or batch.user != asked.author.name:
        raise ApiError("1013", "Import batch not found")
    return batch


def _status(asked: Asked) -> Json:
    return {"result": [_told(asked, _batch(asked))]}


def _failures(asked: Asked) -> Reply:
    batch = _batch(asked)
    text = io.StringIO()
    if batch.failed:
        writer = csv.writer(text, delimiter=batch.delimiter, lineterminator="\n")
        writer.writerows([[*batch.header, _REASON], *batch.failed])
    return Reply(200, {"Content-Type": "text/csv;charset=UTF-8"}, text.getvalue().encode())


def _warnings(asked: Asked) -> Reply:
    _batch(asked)
    return Reply(200, {"Content-Type": "text/csv;charset=UTF-8"}, b"")


_BATCH: Final = r"/bulk/v1/leads/batch/(?P<id>\d{1,18})"

ROUTES: Final = (
    Route("POST", r"/bulk/v1/leads\.json", "import", _import),
    Route("GET", rf"{_BATCH}\.json", "import", _status),
    Route("GET", rf"{_BATCH}/failures\.json", "import", _failures),
    Route("GET", rf"{_BATCH}/warnings\.json", "import", _warnings),
)
