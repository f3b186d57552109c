"""Where a reader of a table stands, page by page. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import attrs

from dynsync._addresses import is_text
from dynsync.dynamics._answers import record
from dynsync.dynamics._odata import Garbled, Json, address, option, relative, rows, text_of
from dynsync.dynamics._tables import GUID, Table
from dynsync.errors import CursorExpired, Refused
from dynsync.records import Change, Cursor, RecordId, Side, Tombstone

__all__ = ["Place", "changes", "onwards", "pack", "unpack"]

_MARK: Final = "dataverse-1 "
_TEXT: Final = attrs.validators.instance_of(str)


def _names(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(columns)


@attrs.frozen
class Place:
    """
    Where a reader of *table* stands.

    *since* is the delta token from which this pass goes, empty in a full read. In the middle
    of a pass, *link* leads to the next page, and *columns* are those that the pass asks for.
    """

    table: str = attrs.field(validator=_TEXT)
    since: str = attrs.field(default="", validator=_TEXT)
    link: str = attrs.field(default="", validator=_TEXT)
    columns: tuple[str, ...] = attrs.field(default=(), converter=_names)

    def path(self, table: Table, columns: Sequence[str]) -> str:
        """
        Return the address of the next page, with *columns* at least.

        A pass that did not ask for all of them begins anew: what it has told before would
        lack the others. Changes may be told twice.
        """
        if self.link and {*columns} <= {*self.columns}:
            return self.link
        path = address(table.collection, select=table.select(columns))
        return f"{path}&$deltatoken={self.since}" if self.since else path

    @property
    def preferences(self) -> list[str]:
        """What a page is asked for with, besides its address; only a full read starts tracking."""
        return [] if self.since else ["odata.track-changes"]


def pack(place: Place) -> Cursor:
    """Return *place* as a cursor."""
    return Cursor(_MARK + json.dumps(attrs.astuple(place), separators=(",", ":")))


def unpack(cursor: Cursor | None, table: str) -> Place:
    """Return the place that *cursor* names; raise `CursorExpired` if it is none of *table*'s."""
    place = Place(table) if cursor is None else _place(cursor)
    if place is None or place.table != table:
        message = f"the cursor leads to no place in {table!r} that this connector knows"
        raise CursorExpired(Side.DYNAMICS, message)
    return place


def _place(cursor: Cursor) -> Place | None:
    if not cursor.startswith(_MARK):
        return None
    try:
        return Place(*json.loads(cursor.removeprefix(_MARK)))
    except (ValueError, TypeError):
        return None


def onwards(place: Place, columns: Sequence[str], said: Mapping[str, Json]) -> tuple[Place, bool]:
    """
    Return the place behind the page that *said*, and whether there is more.

    Raises `Refused` for a page that leads nowhere: then nobody keeps changes; `Garbled` for
    one that leads where nobody can follow.
    """
    following, last = text_of(said, "@odata.nextLink"), text_of(said, "@odata.deltaLink")
    if not is_text(following + last):
        # As a cursor it would be kept, and nobody could ever read on from it.
        raise Garbled("a link that cannot be followed")
    if following:
        return attrs.evolve(place, link=relative(following), columns=columns), True
    token = option(last, "deltatoken")
    if not token:
        message = f"reading {place.table!r}: no place to read on from; is change tracking on?"
        raise Refused(Side.DYNAMICS, message)
    return Place(place.table, token), False


def changes(table: Table, said: Mapping[str, Json], columns: Iterable[str]) -> list[Change]:
    """Return the changes on a page."""
    readable = table.readable(columns)
    return [_change(table, row, readable) for row in rows(said)]


def _change(table: Table, row: Mapping[str, Json], readable: Mapping[str, str]) -> Change:
    if "$deletedEntity" in text_of(row, "@odata.context"):
        found = GUID.search(text_of(row, "id"))
        if found is None:
            raise Garbled("a deleted entry without an id")
        return Tombstone(RecordId(found[0].lower()))
    return record(table, row, readable)
