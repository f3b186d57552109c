"""Change tracking: the tracked read of a table, and what changed since a delta token."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._errors import Refusal, bad, expired
from dynsync.emulator._dataverse._notes import applied
from dynsync.emulator._dataverse._query import check_readable, cookie, link, page_size
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._rows import Shape, shape_of
from dynsync.emulator._messages import Reply
from dynsync.errors import ContractError, CursorExpired
from dynsync.records import Cursor
from dynsync.sandbox import _dynamics_feed as feed
from dynsync.sandbox._dynamics_store import Gone
from dynsync.sandbox._dynamics_tables import Row, Table

__all__ = ["changes", "count_changes", "wants_tracking"]

_TOKEN: Final = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)(?:!(\d+))?")
_STAMP: Final = "%m/%d/%Y %H:%M:%S"
_TRACKING: Final = re.compile(r'pagingcookie="([^"]*)" istracking="True"')
_COUNTED: Final = 1_000
_FORBIDDEN: Final = ("$filter", "$orderby", "$expand", "$top")


def wants_tracking(asked: Asked) -> bool:
    """Tell whether changes are asked for."""
    return (
        "odata.track-changes" in asked.prefer
        or "$deltatoken" in asked.options
        or _TRACKING.search(asked.options.get("$skiptoken", "")) is not None
    )


def _begun(asked: Asked, table: Table) -> feed.Place:
    """Return the place that *asked* goes on from; raises `Refusal`."""
    for name in _FORBIDDEN:
        if name in asked.options:
            message = f'The "{name}" query parameter isn\'t supported when Change Tracking'
            raise bad(f"{message} is enabled.", "0x80060888")
    if table.name in asked.state.untracked:
        message = f"Change tracking is not enabled for the entity {table.name}."
        raise bad(message, "0x80072491")
    check_readable(asked, table)
    system, now = asked.state.system, asked.state.system.clock.now()
    place = _place(asked, table, now)
    try:
        feed.check_age(place, asked.store, now, system.retention)
    except CursorExpired:
        raise expired() from None
    return place


def count_changes(asked: Asked, table: Table) -> Reply:
    """Answer ``GET leads/$count?$deltatoken=…``: how many changes there were since."""
    place, now, total, more = _begun(asked, table), asked.state.system.clock.now(), 0, True
    while more:
        found, place, more = feed.page(asked.store, place, _COUNTED, now)
        total += len(found)
    return Reply(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, str(total).encode())


def changes(asked: Asked, table: Table) -> Reply:
    """Answer a tracked read, or what follows a delta link; raises `Refusal`."""
    place, store, now = _begun(asked, table), asked.store, asked.state.system.clock.now()
    found, onward, more = feed.page(store, place, page_size(asked), now)
    shape = shape_of(asked, table)
    delta = place.phase != "all"
    body: dict[str, object] = {
        "@odata.context": shape.context(asked, "/$delta" if delta else ""),
        "value": [_told(asked, shape, each) for each in found],
    }
    if more:
        text = cookie(2, feed.pack(onward), tracking="True")
        body["@odata.nextLink"] = link(asked, name="$skiptoken", value=text)
    else:
        body["@odata.deltaLink"] = link(asked, name="$deltatoken", value=_token(onward))
    return odata(body, headers=applied(asked, "odata.track-changes"))


def _told(asked: Asked, shape: Shape, change: Row | Gone) -> dict[str, object]:
    if isinstance(change, Row):
        return shape.row(change)
    context = f"{asked.root}/$metadata#{set_name(shape.table.name)}/$deletedEntity"
    return {"@odata.context": context, "id": change.id, "reason": "deleted"}


def _token(place: feed.Place) -> str:
    at = dt.datetime.fromtimestamp(place.at, dt.UTC)
    epoch = f"!{place.epoch}" if place.epoch else ""
    return f"{place.since}!{at.strftime(_STAMP)}{epoch}"


def _place(asked: Asked, table: Table, now: dt.datetime) -> feed.Place:
    if token := asked.options.get("$deltatoken"):
        return _resting(asked, table, token)
    if found := _TRACKING.search(asked.options.get("$skiptoken", "")):
        try:
            return feed.unpack(Cursor(found.group(1)), asked.store, table.name)
        except ContractError:
            raise _bad_token() from None
    return feed.begin(asked.store, table.name, now)


def _resting(asked: Asked, table: Table, token: str) -> feed.Place:
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise _bad_token()
    since = int(found.group(1))
    try:
        stamp = dt.datetime.strptime(found.group(2), _STAMP).replace(tzinfo=dt.UTC)
    except ValueError:
        raise _bad_token() from None
    place = feed.begin(asked.store, table.name, stamp)
    epoch = int(found.group(3) or 0)
    return attrs.evolve(place, epoch=epoch, since=since, phase="changed", after=since, low=since)


def _bad_token() -> Refusal:
    return bad("The delta token is not valid.", "0x80040203")
