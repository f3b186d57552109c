"""The jobs of Marketo's bulk extract: made, queued, asked about, and their files fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import attrs

from dynsync.errors import CursorExpired, Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._json import number_of, text_of
from dynsync.marketo._replies import asked, code_of, failed, failure_of_status
from dynsync.marketo.failures import failure_of
from dynsync.records import Side
from dynsync.transport import Flow, Lost, NotSent

__all__ = ["Job", "created", "enqueued", "fetched", "looked_at"]

_EXPORT: Final = "/bulk/v1/leads/export"


@attrs.frozen
class Job:
    """What Marketo says of a job; *size*, if it is told, and *checksum* are of its file."""

    id: str
    status: str
    size: int | None = None
    checksum: str = ""


def _moment(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def created(api: Api, fields: Sequence[str], start: int, end: int) -> Flow[Job]:
    """Make a job that extracts *fields* of the people made from *start* to *end*."""
    said = {
        "fields": list(fields),
        "format": "CSV",
        "filter": {"createdAt": {"startAt": _moment(start), "endAt": _moment(end)}},
    }
    return (yield from _job(api, "create", said))


def enqueued(api: Api, id_: str) -> Flow[Job]:
    """Queue a job; raises `QueueFull` where it has to wait for that."""
    return (yield from _job(api, f"{id_}/enqueue"))


def _job(api: Api, path: str, said: object = None) -> Flow[Job]:
    # Nothing of people's is written: a job that was made and not heard of does no harm.
    reply = yield from asked(api.post(f"{_EXPORT}/{path}.json", said))
    return _told(reply.result[0] if reply.result else {})


def looked_at(api: Api, id_: str) -> Flow[Job]:
    """Ask how far a job is; raises `CursorExpired` if there is no such job any more."""
    reply = yield from asked(api.get(f"{_EXPORT}/{id_}/status.json"), "waiting")
    return _told(reply.result[0] if reply.result else {})


def _told(row: dict[str, object]) -> Job:
    return Job(
        text_of(row, "exportId"),
        text_of(row, "status"),
        number_of(row, "fileSize"),
        text_of(row, "fileChecksum"),
    )


def fetched(api: Api, id_: str, first: int, last: int) -> Flow[bytes]:
    """Fetch the bytes *first* to *last* of a job's file."""
    try:
        response = yield api.part(f"{_EXPORT}/{id_}/file.json", first, last)
    except (NotSent, Lost) as failure:
        raise Unavailable(Side.MARKETO, f"no part of the export: {failure}") from None
    if code := code_of(response):
        raise failed(failure_of(code), "reading", response)
    match response.status:
        case 206:
            return response.body
        case 200:
            # The range was passed over, and this is all of it.
            return response.body[first : last + 1]
        case 404 | 416:
            raise CursorExpired(Side.MARKETO, "the export's file is no longer kept")
        case _:
            raise failed(failure_of_status(response), "reading", response)
