"""The feeds of the pretend Marketo's REST API: changes, activities, deletions."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
import dateutil.parser

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, needed, no_lists, whole
from dynsync.emulator._marketo._custom import number_of_line, types_of
from dynsync.emulator._marketo._describe import number_of_column, readable
from dynsync.emulator._marketo._leads import fields_asked
from dynsync.emulator._messages import Json
from dynsync.records import Wire
from dynsync.sandbox._marketo_people import CHANGE, DELETE, MERGE, NEW
from dynsync.sandbox._marketo_tables import ActivityRow, LineRow
from dynsync.sandbox._marketo_values import stamp

__all__ = ["ROUTES", "activity_json", "line_json", "moment_asked"]

_PAGE: Final = 300
_LEADS: Final = 30
_TYPES: Final = 10
_BAD_TOKEN: Final = ApiError("1003", "Invalid value for parameter 'nextPageToken'")
_Wanted: TypeAlias = Callable[[ActivityRow], "Json | None"]
_LineWanted: TypeAlias = Callable[[LineRow], "Json | None"]


@attrs.frozen
class _Place:
    """Behind which activity and which custom activity to go on; the rest is about empty pages."""

    seq: int
    line: int
    pages: int = 0
    rested: int = 0

    def token(self) -> str:
        text = json.dumps(attrs.astuple(self), separators=(",", ":"))
        return base64.b32encode(text.encode()).decode()


def _parse(token: str) -> _Place:
    try:
        seq, line, pages, rested = json.loads(base64.b32decode(token))
        return _Place(int(seq), int(line), int(pages), int(rested))
    except (ValueError, TypeError, binascii.Error):
        raise _BAD_TOKEN from None


def moment_asked(text: str, name: str) -> dt.datetime:
    """Return the time in *text*, in UTC unless it says otherwise; raises `ApiError`."""
    try:
        moment = dateutil.parser.isoparse(text.replace(" ", "+"))
    except ValueError:
        raise ApiError("704", f"Invalid date format in '{name}'") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _paging_token(asked: Asked) -> Json:
    since = moment_asked(needed(asked, "sinceDatetime"), "sinceDatetime")
    asked.store.arrive(asked.state.system.clock.now().timestamp())
    seq, line = asked.store.annex.before(since.timestamp(), asked.store.last())
    return {"nextPageToken": _Place(seq, line).token()}


def _page(asked: Asked, wanted: _Wanted, line_wanted: _LineWanted | None = None) -> Json:
    store, settings = asked.store, asked.store.settings
    place = _parse(needed(asked, "nextPageToken"))
    store.arrive(asked.state.system.clock.now().timestamp())
    if not settings.floor <= place.seq <= store.last():
        raise _BAD_TOKEN
    if every := settings.empty_pages:
        if place.pages + 1 == every and not place.rested:
            return _told([], attrs.evolve(place, rested=1), more=True)
        place = attrs.evolve(place, pages=(place.pages + 1) % every, rested=0)
    size = whole(asked, "batchSize", _PAGE)
    again = min(settings.repeats, place.seq)
    rows = store.feed(place.seq - again, again + size + 1)
    more = bool(rows) and len(rows) > again + size
    rows = rows[: again + size]
    found = [each for row in rows if (each := wanted(row)) is not None]
    place = attrs.evolve(place, seq=max(place.seq, rows[-1].seq if rows else 0))
    if line_wanted is None or more:
        return _told(found, place, more=more)
    lines = store.annex.lines_after(place.line, size + 1)
    more, lines = len(lines) > size, lines[:size]
    found += [each for line in lines if (each := line_wanted(line)) is not None]
    place = attrs.evolve(place, line=lines[-1].id if lines else place.line)
    return _told(found, place, more=more)


def _told(rows: Sequence[Json], place: _Place, *, more: bool) -> Json:
    # An empty result is left out, as the real one does.
    result = {"result": rows} if rows else {}
    return {**result, "nextPageToken": place.token(), "moreResult": more}


def _numbers(asked: Asked, name: str, most: int) -> frozenset[int]:
    texts = [text.strip() for text in asked.params.get(name, "").split(",") if text.strip()]
    if len(texts) > most:
        raise ApiError("1003", f"The number of {name} exceeds the limit of {most}")
    if not all(text.isdecimal() for text in texts):
        raise ApiError("1001", f"Invalid value '{name}'. Required of type 'Integer'")
    return frozenset(int(text) for text in texts)


def _lead_changes(asked: Asked) -> Json:
    needed(asked, "fields")
    no_lists(asked.params)
    fields, columns = fields_asked(asked), readable(asked)
    for name in fields:
        if name not in columns:
            raise ApiError("1006", f"Field '{name}' not found")
    leads = _numbers(asked, "leadIds", _LEADS)
    numbers = {name: number_of_column(asked, name) for name in fields}

    def wanted(row: ActivityRow) -> Json | None:
        if row.type not in {NEW, CHANGE} or (leads and row.person not in leads):
            return None
        if row.type == CHANGE and row.field not in numbers:
            return None
        return {**_head(row), **_change(asked, row, numbers)}

    return _page(asked, wanted)


def _head(row: ActivityRow) -> Json:
    return {
        "id": row.seq,
        "marketoGUID": str(row.seq),
        "leadId": row.person,
        "activityDate": stamp(row.at),
        "activityTypeId": row.type,
    }


def _change(asked: Asked, row: ActivityRow, numbers: Mapping[str, int]) -> Json:
    if row.field is None:
        return {"fields": [], "attributes": [{"name": "Source Type", "value": "Web service API"}]}
    old, new = (said(asked, row.field, value) for value in (row.old, row.new))
    field: Json = {"id": numbers[row.field], "name": row.field, "newValue": new, "oldValue": old}
    attributes: list[Json] = [
        {"name": "Reason", "value": "Web service API"},
        {"name": "Source", "value": "Web service API"},
        {"name": "Lead ID", "value": row.person},
    ]
    return {"fields": [field], "attributes": attributes}


def said(asked: Asked, field: str, value: Wire) -> str | None:
    """Return a logged *value* as the feed says it: everything is text, and empty is null."""
    if asked.store.columns.all[field].boolean:
        return "true" if value else "false"
    return None if value is None else str(value)


def _activities(asked: Asked) -> Json:
    needed(asked, "activityTypeIds")
    no_lists(asked.params)
    types = _numbers(asked, "activityTypeIds", _TYPES)
    leads = _numbers(asked, "leadIds", _LEADS)
    assets = _numbers(asked, "assetIds", _PAGE)

    def wanted(row: ActivityRow) -> Json | None:
        if row.type not in types or (leads and row.person not in leads):
            return None
        found = activity_json(asked, row)
        return found if not assets or found.get("primaryAttributeValueId") in assets else None

    def line_wanted(row: LineRow) -> Json | None:
        found = line_json(asked, row)
        if found["activityTypeId"] not in types or (leads and row.person not in leads) or assets:
            # What a custom activity is about is a text without a number.
            return None
        return found

    return _page(asked, wanted, line_wanted)


def activity_json(asked: Asked, row: ActivityRow) -> Json:
    """Return *row* as "get lead activities" tells it."""
    attributes: list[dict[str, object]] = [{"name": "Source", "value": "Web service API"}]
    primary: dict[str, object] = {"primaryAttributeValue": "Web service API"}
    if row.type == CHANGE and row.field is not None:
        held = asked.store.columns.all[row.field]
        number = number_of_column(asked, row.field)
        label = held.column.label or row.field
        primary = {"primaryAttributeValueId": number, "primaryAttributeValue": label}
        for name, value in (("New Value", row.new), ("Old Value", row.old)):
            attributes.append({"name": name, "value": said(asked, row.field, value)})
        attributes.append({"name": "Reason", "value": "Web service API"})
    elif row.type == MERGE:
        primary = {"primaryAttributeValueId": row.person, "primaryAttributeValue": ""}
        attributes.append({"name": "Merge IDs", "value": str(row.new)})
    elif row.type == DELETE:
        primary = {"primaryAttributeValueId": row.person, "primaryAttributeValue": ""}
        attributes = []
    return {**_head(row), "campaignId": 0, **primary, "attributes": attributes}


def line_json(asked: Asked, row: LineRow) -> Json:
    """Return the custom activity *row* as "get lead activities" tells it."""
    kind = types_of(asked).of_line(row)
    at = dt.datetime.fromisoformat(row.at)
    return {
        "id": number_of_line(row.id),
        "marketoGUID": str(number_of_line(row.id)),
        "leadId": row.person,
        "activityDate": stamp(int(at.timestamp())),
        "activityTypeId": kind.id,
        "campaignId": 0,
        "primaryAttributeValue": row.key,
        "attributes": kind.attributes_of(row),
    }


def _deleted(asked: Asked) -> Json:
    def wanted(row: ActivityRow) -> Json | None:
        return activity_json(asked, row) if row.type == DELETE else None

    return _page(asked, wanted)


_STANDARD: Final[Collection[tuple[int, str, str, Sequence[str]]]] = (
    (NEW, "New Lead", "Source Type", ("Created Date", "Source")),
    (CHANGE, "Change Data Value", "Attribute Name", ("New Value", "Old Value", "Reason", "Source")),
    (MERGE, "Merge Leads", "Lead ID", ("Merge IDs", "Merge Fields", "Source")),
    (DELETE, "Delete Lead", "Lead ID", ("Campaign", "Source")),
)


def _types(asked: Asked) -> Json:
    standard: list[dict[str, object]] = []
    for number, name, primary, attributes in _STANDARD:
        told = [{"name": each, "dataType": "string"} for each in (primary, *attributes)]
        about = {"id": number, "name": name, "description": name}
        standard.append({**about, "primaryAttribute": told[0], "attributes": told[1:]})
    return {"result": [*standard, *(kind.plain() for kind in types_of(asked).approved())]}


ROUTES: Final = (
    Route("GET", r"/rest/v1/activities/pagingtoken\.json", "read", _paging_token),
    Route("GET", r"/rest/v1/activities/leadchanges\.json", "read", _lead_changes),
    Route("GET", r"/rest/v1/activities/deletedleads\.json", "read", _deleted),
    Route("GET", r"/rest/v1/activities/types\.json", "describe", _types),
    Route("GET", r"/rest/v1/activities\.json", "read", _activities),
)
