"""
People's activity logs: lines are custom activities of a type that is made once.

The line's key is the primary attribute, by which it is known again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from dynsync.connectors import ActivityLine
from dynsync.errors import Refused
from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, number_of, rows_of, text_of
from dynsync.marketo._replies import asked, turn_page
from dynsync.marketo._writes import reasons_in
from dynsync.marketo.failures import Becomes, failure_of
from dynsync.records import RecordId, Side
from dynsync.transport import Flow
from dynsync.writes import AmbiguousWrite, Created, Gone, NotAttempted, Rejected, WriteResult

__all__ = [
    "ACTIVITY_TYPE",
    "ADD",
    "PEOPLE",
    "TYPE",
    "TYPES",
    "added",
    "approved",
    "keys_of",
    "kind_of_lines",
    "kind_to_write",
]

ACTIVITY_TYPE: Final = "dynsyncLine"
"""The API name of the type of custom activity that lines are."""

PEOPLE: Final = 30
"""Of how many people a call reads activities."""

TYPES: Final = "/rest/v1/activities/external/types.json"
TYPE: Final = "/rest/v1/activities/external/type"
ADD: Final = "/rest/v1/activities/external.json"
_ATTRIBUTES: Final = (("kind", "Kind", "string"), ("text", "Text", "text"))
_NOT_ALLOWED: Final = (
    f"the activity log needs the type of custom activity {ACTIVITY_TYPE!r}, and the API role "
    f"may not make it: give it Read-Write Activity Metadata and Read-Write Activity"
)


def kind_of_lines(api: Api) -> Flow[int | None]:
    """Return the id of the type that lines are, None if there is none yet."""
    row = yield from _found(api)
    return number_of(row, "id") if row is not None and approved(row) else None


def kind_to_write(api: Api) -> Flow[int]:
    """Return the id of the type that lines are, made if it is missing; raises `Refused`."""
    try:
        return (yield from _made(api))
    except Refused as failure:
        raise Refused(Side.MARKETO, f"{_NOT_ALLOWED}; {failure.message}") from None


def _made(api: Api) -> Flow[int]:
    row = yield from _found(api)
    if row is None:
        said = {
            "apiName": ACTIVITY_TYPE,
            "name": "Dynamics Sync",
            "triggerName": "Has Dynamics Sync Line",
            "filterName": "Had Dynamics Sync Line",
            "description": "What the sync with Dynamics has to say about a person",
            "primaryAttribute": {"apiName": "key", "name": "Key", "dataType": "string"},
        }
        reply = yield from asked(api.post(f"{TYPE}.json", said), "writing")
        row = reply.result[0] if reply.result else {}
    if not approved(row):
        yield from _complete(api, row)
    number = number_of(row, "id")
    if number is None:
        raise Refused(Side.MARKETO, "Marketo tells no id of it")
    return number


def _complete(api: Api, row: Json) -> Flow[None]:
    """Add what a type that is a draft still lacks, and approve it."""
    there = {text_of(each, "apiName") for each in rows_of(row, "attributes")}
    lacking = [
        {"apiName": api_name, "name": name, "dataType": type_}
        for api_name, name, type_ in _ATTRIBUTES
        if api_name not in there
    ]
    path = f"{TYPE}/{ACTIVITY_TYPE}"
    if lacking:
        said = {"attributes": lacking}
        yield from asked(api.post(f"{path}/attributes/create.json", said), "writing")
    yield from asked(api.post(f"{path}/approve.json"), "writing")


def _found(api: Api) -> Flow[Json | None]:
    reply = yield from asked(api.get(TYPES))
    mine = (row for row in reply.result if text_of(row, "apiName") == ACTIVITY_TYPE)
    return next(mine, None)


def approved(row: Json) -> bool:
    """Return whether activities may be of the type *row*."""
    return text_of(row, "status").startswith("approved")


def added(api: Api, kind: int, lines: Sequence[ActivityLine]) -> Flow[list[WriteResult]]:
    """Add at most 300 *lines* of the type *kind*; return one result each."""
    said = {"input": [_said(kind, line) for line in lines]}
    reply = yield from asked(api.post(ADD, said), "writing")
    if len(reply.result) != len(lines):
        return [AmbiguousWrite()] * len(lines)
    return [_result(row) for row in reply.result]


def _said(kind: int, line: ActivityLine) -> Json:
    return {
        "leadId": int(line.person),
        "activityDate": line.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "activityTypeId": kind,
        "primaryAttributeValue": line.key,
        "attributes": [
            {"apiName": "kind", "name": "Kind", "value": line.kind},
            {"apiName": "text", "name": "Text", "value": line.text},
        ],
    }


def _result(row: Json) -> WriteResult:
    if text_of(row, "status") == "added":
        return Created(RecordId(text_of(row, "marketoGUID") or text_of(row, "id")))
    becomes = {failure_of(text_of(error, "code")).row for error in rows_of(row, "errors")}
    if Becomes.GONE in becomes:
        return Gone()
    if Becomes.NOT_DONE in becomes:
        return NotAttempted()
    return Rejected(reasons_in(row, "errors", ()))


def keys_of(api: Api, kind: int, token: str, people: Sequence[str]) -> Flow[set[str]]:
    """Return the keys of the lines that at most 30 *people* have from *token* on."""
    keys: set[str] = set()
    asking = {"activityTypeIds": str(kind), "leadIds": ",".join(people), "nextPageToken": token}
    while True:
        reply = yield from asked(api.get("/rest/v1/activities.json", asking))
        keys.update(text_of(row, "primaryAttributeValue") for row in reply.result)
        if not reply.more or not reply.token:
            return keys
        turn_page(asking, reply)
