"""Bulk extracts of people and activities: jobs, and the files that come of them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from dynsync.emulator._marketo._activities import activity_json, line_json, moment_asked
from dynsync.emulator._marketo._asked import ApiError, Asked, Route
from dynsync.emulator._marketo._describe import readable
from dynsync.emulator._messages import Json, Malformed, Reply, listing, mapping
from dynsync.sandbox._marketo_people import DELETE
from dynsync.sandbox._marketo_values import stamp
from dynsync.sandbox._marketo_view import View

__all__ = ["ROUTES"]

_SPAN: Final = dt.timedelta(days=31)
_QUEUE: Final = 10
_DAY_BYTES: Final = 500 * 1_048_576
_DELIMITERS: Final = {"CSV": ",", "TSV": "\t", "SSV": ";"}
_NAMESPACE: Final = uuid.UUID("9d1f0e5a-54f9-4c8e-8c0c-6578706f7274")
_ACTIVITY_COLUMNS: Final = (
    *("marketoGUID", "leadId", "activityDate", "activityTypeId"),
    *("campaignId", "primaryAttributeValueId", "primaryAttributeValue", "attributes"),
)
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


@attrs.define
class _Job:
    """An extract of *what*; its times are in seconds from 1970."""

    id: str
    what: str
    user: str
    format: str
    fields: list[str]
    names: Mapping[str, str]
    stamp: str
    start: int
    end: int
    types: frozenset[int]
    created: int
    queued: int | None = None
    cancelled: bool = False
    file: bytes | None = None
    rows: int = 0
    finished: int | None = None


def _jobs(asked: Asked) -> dict[str, _Job]:
    return {key: job for key, job in asked.state.jobs.items() if isinstance(job, _Job)}


def _now(asked: Asked) -> int:
    return int(asked.state.system.clock.now().timestamp())


def _status(asked: Asked, job: _Job) -> str:
    if job.cancelled:
        return "Cancelled"
    if job.queued is None:
        return "Created"
    waited = _now(asked) - job.queued
    if waited < asked.state.job_seconds / 2:
        return "Queued"
    if waited < asked.state.job_seconds:
        return "Processing"
    return "Completed"


def _told(asked: Asked, job: _Job) -> Json:
    status = _status(asked, job)
    told: dict[str, object] = {
        "exportId": job.id,
        "format": job.format,
        "status": status,
        "createdAt": stamp(job.created),
    }
    if job.queued is not None:
        told["queuedAt"] = stamp(job.queued)
    if status in {"Processing", "Completed"} and job.queued is not None:
        told["startedAt"] = stamp(job.queued + int(asked.state.job_seconds / 2))
    if status == "Completed":
        data = _file_of(asked, job)
        told["finishedAt"] = stamp(job.finished or 0)
        told["numberOfRecords"] = job.rows
        told["fileSize"] = len(data)
        told["fileChecksum"] = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return told


def _create(asked: Asked) -> Json:
    body, what = asked.body(), asked.names["what"]
    try:
        filters = mapping(body.get("filter"))
        kind = _stamp_of(what, filters)
        span = mapping(filters[kind])
        fields = [str(name) for name in listing(body.get("fields") or [])]
        headers = mapping(body.get("columnHeaderNames") or {})
        types = frozenset(int(str(each)) for each in listing(filters.get("activityTypeIds") or []))
    except (Malformed, KeyError, ValueError):
        raise ApiError("1003", "Invalid value for parameter 'filter' or 'fields'") from None
    start = moment_asked(str(span.get("startAt")), "startAt")
    end = moment_asked(str(span.get("endAt") or start + _SPAN), "endAt")
    if not start <= end <= start + _SPAN:
        raise ApiError("1003", "The time span of the filter must be within 31 days")
    _check_fields(asked, what, fields)
    number, format_ = next(asked.state.numbers), str(body.get("format") or "CSV").upper()
    if format_ not in _DELIMITERS:
        raise ApiError("1003", "Invalid value for parameter 'format'")
    job = _Job(
        id=str(uuid.uuid5(_NAMESPACE, f"{asked.store.name}/{number}/{_now(asked)}")),
        what=what,
        user=asked.author.name,
        format=format_,
        fields=fields or list(_ACTIVITY_COLUMNS),
        names={key: str(name) for key, name in headers.items()},
        stamp=kind,
        start=int(start.timestamp()),
        end=int(end.timestamp()),
        types=types,
        created=_now(asked),
    )
    asked.state.jobs[job.id] = job
    return {"result": [_told(asked, job)]}


def _stamp_of(what: str, filters: Mapping[str, object]) -> str:
    allowed = {"createdAt", "updatedAt"} if what == "leads" else {"createdAt"}
    known = {"activityTypeIds", "primaryAttributeValueIds", "primaryAttributeValues"}
    kinds = [name for name in filters if name not in known]
    if kinds and not allowed.issuperset(kinds):
        raise ApiError("1035", f"Unsupported filter type for target subscription: {kinds[0]}")
    if len(kinds) != 1:
        raise ApiError("1003", "There must be one filter")
    return kinds[0]


def _check_fields(asked: Asked, what: str, fields: Sequence[str]) -> None:
    if what == "leads" and not fields:
        raise ApiError("1002", "Missing value for the required parameter 'fields'")
    known = readable(asked) if what == "leads" else frozenset(_ACTIVITY_COLUMNS)
    for name in fields:
        if name not in known:
            raise ApiError("1006", f"Field '{name}' not found")


def _enqueue(asked: Asked) -> Json:
    job = _job(asked)
    if job.queued is not None:
        raise ApiError("1029", "Export job is already queued")
    waiting = [each for each in _jobs(asked).values() if _status(asked, each) in _WAITING]
    if len(waiting) >= _QUEUE:
        raise ApiError("1029", "Too many jobs in queue")
    if _bytes_today(asked) >= _DAY_BYTES:
        raise ApiError("1029", "Export daily quota exceeded")
    job.queued = _now(asked)
    return {"result": [{**_told(asked, job), "status": "Queued"}]}


_WAITING: Final = frozenset({"Queued", "Processing"})


def _bytes_today(asked: Asked) -> int:
    midnight = _now(asked) - 86_400
    jobs = _jobs(asked).values()
    return sum(len(job.file or b"") for job in jobs if (job.finished or 0) > midnight)


def _job(asked: Asked) -> _Job:
    job = _jobs(asked).get(asked.names["id"])
    if job is None or job.what != asked.names["what"] or job.user != asked.author.name:
        raise ApiError("1013", "Export job not found")
    return job


def _ask_status(asked: Asked) -> Json:
    return {"result": [_told(asked, _job(asked))]}


def _cancel(asked: Asked) -> Json:
    job = _job(asked)
    if _status(asked, job) == "Completed":
        raise ApiError("1003", "A completed job cannot be cancelled")
    job.cancelled = True
    return {"result": [_told(asked, job)]}


def _list(asked: Asked) -> Json:
    wanted = {word for word in asked.params.get("status", "").split(",") if word}
    jobs = [job for job in _jobs(asked).values() if job.what == asked.names["what"]]
    told = [_told(asked, job) for job in jobs if job.user == asked.author.name]
    return {"result": [each for each in told if not wanted or each["status"] in wanted]}


def _file(asked: Asked) -> Reply:
    job = _jobs(asked).get(asked.names["id"])
    kept = job is not None and job.user == asked.author.name
    if job is None or not kept or _status(asked, job) != "Completed":
        return Reply(404, {"Content-Type": "text/plain"}, b"404 Not Found")
    return _part(_file_of(asked, job), asked.call.headers.get("range", ""))


def _part(data: bytes, wanted: str) -> Reply:
    headers = {"Content-Type": "text/csv;charset=UTF-8", "Accept-Ranges": "bytes"}
    found = _RANGE.fullmatch(wanted)
    if found is None or not data:
        return Reply(200, headers, data)
    first, last = found.groups()
    start = int(first) if first else max(len(data) - int(last or 0), 0)
    end = min(int(last) if first and last else len(data) - 1, len(data) - 1)
    if start > end:
        return Reply(416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b"")
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Reply(206, headers, data[start : end + 1])


def _file_of(asked: Asked, job: _Job) -> bytes:
    """Return the file of a completed *job*, made when somebody first looks at it."""
    if job.file is None:
        rows = _people(asked, job) if job.what == "leads" else _history(asked, job)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=_DELIMITERS[job.format], lineterminator="\n")
        writer.writerow([job.names.get(name, name) for name in job.fields])
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in job.fields])
            job.rows += 1
        job.file = text.getvalue().encode()
        job.finished = _now(asked)
    return job.file


def _cell(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _people(asked: Asked, job: _Job) -> Iterator[Mapping[str, object]]:
    columns = readable(asked)
    view = View(columns, [name for name in job.fields if name in columns])
    for row in view.made_between(asked.store, job.stamp, job.start, job.end):
        yield view.values(row)


def _history(asked: Asked, job: _Job) -> Iterator[Mapping[str, object]]:
    asked.store.arrive(asked.state.system.clock.now().timestamp())
    rows = [row for row in asked.store.feed(0, -1) if row.type != DELETE]
    told: Iterable[Json] = (activity_json(asked, row) for row in rows)
    lines = [line_json(asked, row) for row in asked.store.annex.lines_after(0, -1)]
    first, last = stamp(job.start), stamp(job.end)
    for each in (*told, *lines):
        if not first <= str(each["activityDate"]) <= last:
            continue
        if not job.types or each["activityTypeId"] in job.types:
            yield {**each, "attributes": _flat(each["attributes"])}


def _flat(attributes: object) -> str:
    pairs = [mapping(each) for each in listing(attributes)]
    return json.dumps({str(each["name"]): each["value"] for each in pairs})


_EXPORT: Final = r"/bulk/v1/(?P<what>leads|activities)/export"
_ONE: Final = rf"{_EXPORT}/(?P<id>[\w-]+)"

ROUTES: Final = (
    Route("POST", rf"{_EXPORT}/create\.json", "export", _create),
    Route("GET", rf"{_EXPORT}\.json", "export", _list),
    Route("POST", rf"{_ONE}/enqueue\.json", "export", _enqueue),
    Route("GET", rf"{_ONE}/status\.json", "export", _ask_status),
    Route("GET", rf"{_ONE}/file\.json", "export", _file),
    Route("POST", rf"{_ONE}/cancel\.json", "export", _cancel),
)
