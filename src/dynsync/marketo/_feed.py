"""
What happened to people: changes of values, new people, merges, deletions, pushes to Dynamics.

A row tells who it is about and, for a change, what a value was and became. What people hold
now is not in it: it is read, by id, and who is not there any more is gone.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import attrs

from dynsync.errors import Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, is_id, moment_of, number_of, rows_of, text_of
from dynsync.marketo._places import Stream, mark_of
from dynsync.marketo._replies import Reply, asked
from dynsync.marketo._values import typed
from dynsync.records import Change, Edit, Record, RecordId, Side, Tombstone
from dynsync.transport import Flow

__all__ = ["MERGE", "PUSH", "Event", "changes_of", "events_of", "followed", "page_of", "token_at"]

MERGE: Final = 32
PUSH: Final = 300
_PAGE: Final = "300"
_NAMES: Final[Mapping[str, int]] = {
    "merge leads": MERGE,
    "merge people": MERGE,
    "sync lead to microsoft": PUSH,
    "sync person to microsoft": PUSH,
}
"""What the types that are followed are called, and their ids where nobody says another."""

_UNLOGGED: Final = frozenset({"id", "createdAt", "updatedAt"})
"""Marketo keeps no changes of these: they are its own."""

_MERGED: Final = "Merge IDs"
_NUMBER: Final = re.compile(r"\d+")
_STREAMED: Final[Mapping[Stream, str]] = {
    "changes": "/rest/v1/activities/leadchanges.json",
    "activities": "/rest/v1/activities.json",
    "deletes": "/rest/v1/activities/deletedleads.json",
}


@attrs.frozen
class Event:
    """
    One row of the feed: *mark* tells it from others, *people* are whom it is about.

    *edits* are what it changed of the first of them.
    """

    mark: str
    people: tuple[RecordId, ...]
    at: dt.datetime | None
    edits: tuple[Edit, ...] = ()


def token_at(api: Api, moment: dt.datetime) -> Flow[str]:
    """Ask for the paging token of what happened from *moment* on."""
    since = moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = "/rest/v1/activities/pagingtoken.json"
    reply = yield from asked(api.get(path, {"sinceDatetime": since}))
    return reply.token


def followed(api: Api) -> Flow[tuple[int, ...]]:
    """Ask for the ids of the types of activities that are followed: they vary a little."""
    reply = yield from asked(api.get("/rest/v1/activities/types.json"))
    found = {number_of(row, "id") for row in reply.result if _name(row) in _NAMES}
    return tuple(sorted(each for each in found if each is not None)) or (MERGE,)


def _name(row: Json) -> str:
    return text_of(row, "name").lower()


def page_of(
    api: Api, stream: Stream, token: str, fields: Iterable[str], kinds: Iterable[int]
) -> Flow[Reply]:
    """Read the page of *stream* at *token*."""
    asking = {"nextPageToken": token, "batchSize": _PAGE}
    match stream:
        case "changes":
            logged = [name for name in fields if name not in _UNLOGGED]
            asking["fields"] = ",".join(logged or ["email"])
        case "activities":
            asking["activityTypeIds"] = ",".join(map(str, kinds))
        case "deletes":
            pass
    reply = yield from asked(api.get(_STREAMED[stream], asking), "following")
    if not all(is_id(_who(row)) for row in reply.result):
        # Passed over, it would be lost: the reading goes on behind it.
        raise Unavailable(Side.MARKETO, "a row of the feed does not say whom it is about")
    return reply


def events_of(
    rows: Iterable[Json], fields: Collection[str], types: Mapping[str, str]
) -> list[Event]:
    """Return what *rows* tell, of *fields* with the *types* that their columns have."""
    return [_event(row, fields, types) for row in rows]


def _event(row: Json, fields: Collection[str], types: Mapping[str, str]) -> Event:
    # A row without an id is known by all that it says: any two would be taken for one.
    named = text_of(row, "marketoGUID") or text_of(row, "id") or json.dumps(row, sort_keys=True)
    mark = mark_of(named)
    at = moment_of(text_of(row, "activityDate"))
    who = _who(row)
    losers: list[str] = []
    if number_of(row, "activityTypeId") == MERGE or any(
        text_of(each, "name") == _MERGED for each in rows_of(row, "attributes")
    ):
        losers = _NUMBER.findall(" ".join(_merged(row)))
    edits = tuple(
        Edit(
            name,
            typed(types.get(name, ""), field.get("oldValue")),
            typed(types.get(name, ""), field.get("newValue")),
            at,
            f"{mark}.{place}",
        )
        for place, field in enumerate(rows_of(row, "fields"))
        if (name := text_of(field, "name")) in fields
    )
    people = tuple(RecordId(each) for each in dict.fromkeys((who, *losers)) if each)
    return Event(mark, people, at, edits)


def _who(row: Json) -> str:
    return text_of(row, "leadId") or text_of(row, "primaryAttributeValueId")


def _merged(row: Json) -> list[str]:
    return [
        str(each.get("value"))
        for each in rows_of(row, "attributes")
        if text_of(each, "name") == _MERGED
    ]


def changes_of(events: Sequence[Event], found: Mapping[RecordId, Record]) -> list[Change]:
    """Return what became of everybody in *events*; who is not *found* is gone."""
    told: dict[RecordId, list[Event]] = defaultdict(list)
    for event in events:
        for person in event.people:
            told[person].append(event)
    return [_change(person, mine, found.get(person)) for person, mine in told.items()]


_FIRST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


def _change(person: RecordId, events: list[Event], record: Record | None) -> Change:
    at = max((event.at for event in events if event.at is not None), default=None)
    if record is None:
        return Tombstone(person, at)
    # What arrives late was still made earlier.
    edits = [edit for event in events if event.people[0] == person for edit in event.edits]
    edits.sort(key=lambda edit: edit.at or _FIRST)
    stamps = [each for each in (record.modified_at, at) if each is not None]
    # "updatedAt" moves with some fields only.
    return attrs.evolve(record, modified_at=max(stamps, default=None), edits=tuple(edits))
