"""
The pages of a sandbox Marketo: a full read, and then the feed of changes.

A place in the feed counts activities in the order of their arrival, so what arrives late
is behind every cursor given earlier, whatever its stamp says. A full read carries the
place that the feed had when it began.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

import attrs

from dynsync.connectors import Page
from dynsync.errors import ContractError, CursorExpired
from dynsync.records import Change, Cursor, Edit, RecordId, Side, Tombstone
from dynsync.sandbox._marketo_people import CHANGE, People
from dynsync.sandbox._marketo_store import Row, Store
from dynsync.sandbox._marketo_tables import ActivityRow
from dynsync.sandbox._marketo_values import moment
from dynsync.sandbox._marketo_view import View, number

__all__ = ["PAGE", "read"]

PAGE: Final = 300
"""Most people, or activities, on a page."""

_PREFIX: Final = "marketo."
_FOREIGN: Final = "this cursor was not given by a sandbox Marketo"


@attrs.frozen
class _Place:
    """
    Where to read on: in the full read behind the person *after*, or else in the feed.

    *pages* counts those since the last empty one, and *rested* says that it was just given.
    """

    name: str
    feed: int
    after: int | None = None
    pages: int = 0
    rested: bool = False

    def cursor(self) -> Cursor:
        text = json.dumps([self.name, self.feed, self.after, self.pages, self.rested])
        return Cursor(_PREFIX + base64.urlsafe_b64encode(text.encode()).decode())


def read(people: People, view: View, cursor: Cursor | None) -> Page:
    """Return the page at *cursor*; raises `CursorExpired`, or `ContractError` if it is not ours."""
    store = people.store
    now = people.clock.now()
    store.arrive(now.timestamp())
    place = _Place(store.name, store.last(), 0) if cursor is None else _parse(cursor)
    _check(store, place)
    if every := store.settings.empty_pages:
        if place.pages + 1 == every and not place.rested:
            return Page((), attrs.evolve(place, rested=True).cursor(), more=True, at=now)
        place = attrs.evolve(place, pages=(place.pages + 1) % every, rested=False)
    page = _feed(store, view, place) if place.after is None else _full(store, view, place)
    return attrs.evolve(page, at=now)


def _parse(cursor: Cursor) -> _Place:
    if not cursor.startswith(_PREFIX):
        raise ContractError(_FOREIGN)
    try:
        text = base64.b64decode(cursor.removeprefix(_PREFIX), altchars=b"-_", validate=True)
        name, feed, after, pages, rested = json.loads(text)
        return _Place(str(name), int(feed), None if after is None else int(after), pages, rested)
    except (ValueError, TypeError, binascii.Error):
        raise ContractError(_FOREIGN) from None


def _check(store: Store, place: _Place) -> None:
    if place.name != store.name:
        message = f"the cursor was given by {place.name!r}, this is {store.name!r}"
        raise ContractError(message)
    if not store.settings.floor <= place.feed <= store.last():
        message = "the activities behind this cursor are no longer kept"
        raise CursorExpired(Side.MARKETO, message)


def _full(store: Store, view: View, place: _Place) -> Page:
    rows = view.page(store, place.after or 0, PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    onward = attrs.evolve(place, after=number(rows[-1]) if more else None)
    return Page([view.record(row) for row in rows], onward.cursor(), more)


def _feed(store: Store, view: View, place: _Place) -> Page:
    again = min(store.settings.repeats, place.feed)
    rows = store.feed(place.feed - again, again + PAGE + 1)
    more = len(rows) > 0 and rows[-1].seq > place.feed + PAGE
    if more:
        rows.pop()
    onward = attrs.evolve(place, feed=max(place.feed, rows[-1].seq if rows else 0))
    return Page(_changes(store, view, rows), onward.cursor(), more)


def _changes(store: Store, view: View, rows: list[ActivityRow]) -> list[Change]:
    told: dict[int, list[ActivityRow]] = {}
    for row in rows:
        if row.type != CHANGE or row.field in view:
            told.setdefault(row.person, []).append(row)
    found = {number(row): row for row in view.some(store, told)}
    return [_change(person, found.get(person), view, rows) for person, rows in told.items()]


def _change(person: int, found: Row | None, view: View, rows: list[ActivityRow]) -> Change:
    # Nobody comes back from a delete, and no id is used twice: who is not there is gone,
    # even if the row that says so has not arrived yet.
    if found is None:
        return Tombstone(RecordId(str(person)), moment(rows[-1].at))
    # What arrives late was still made earlier.
    rows.sort(key=lambda row: (row.made, row.seq))
    return view.record(found, tuple(_edit(row, row.field, view) for row in rows if row.field))


def _edit(row: ActivityRow, field: str, view: View) -> Edit:
    return Edit(
        field,
        view.typed(field, row.old),
        view.typed(field, row.new),
        moment(row.at),
        str(row.seq),
    )
