"""
Change tracking of the Dynamics sandbox.

A place in the feed is a row version, of which there is one counter for all tables. A full
read goes by id and remembers the version it began at; a read of changes goes by version,
rows first and what is gone last. Neither freezes anything between its pages: what changes
meanwhile gets a higher version, and is therefore still to come.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from typing import Final, Literal, TypeAlias, get_args

import attrs

from dynsync.errors import ContractError, CursorExpired
from dynsync.records import Cursor, Side
from dynsync.sandbox._dynamics_store import Gone, Store
from dynsync.sandbox._dynamics_tables import Row

__all__ = ["Place", "begin", "check_age", "pack", "page", "unpack"]

Phase: TypeAlias = Literal["all", "changed", "gone"]


_INT: Final = attrs.validators.instance_of(int)


@attrs.frozen
class Place:
    """
    A place in the feed of *table*.

    *since* is the version that the next read of changes begins behind, *at* when it was the
    newest. *after* is the id or the version that this read has come to; *low* is where what
    is gone is looked for from, once the rows are through.
    """

    org: str
    table: str
    epoch: int = attrs.field(validator=_INT)
    at: int = attrs.field(validator=_INT)
    since: int = attrs.field(validator=_INT)
    phase: Phase = attrs.field(validator=attrs.validators.in_(get_args(Phase)))
    after: int | str
    low: int = attrs.field(default=0, validator=_INT)


def pack(place: Place) -> Cursor:
    """Return *place* as a cursor."""
    text = json.dumps(attrs.astuple(place), separators=(",", ":"))
    return Cursor(base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def unpack(cursor: Cursor, store: Store, table: str) -> Place:
    """Return the place that *cursor* names; raise `ContractError` if it is none of *table*'s."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = Place(*json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
    except (ValueError, TypeError, binascii.Error):
        raise ContractError("the cursor is not one that a Dynamics sandbox gave") from None
    if place.org != store.name:
        raise ContractError(f"the cursor belongs to the org {place.org!r}, not {store.name!r}")
    if place.table != table:
        raise ContractError(f"the cursor belongs to the table {place.table!r}, not {table!r}")
    return place


def check_age(place: Place, store: Store, now: dt.datetime, retention: dt.timedelta) -> None:
    """Raise `CursorExpired` where *place* is no longer known."""
    too_old = now.timestamp() - place.at > retention.total_seconds()
    # A version from the future: the org was put back to an earlier snapshot.
    if too_old or place.epoch != store.epoch or place.since > store.version:
        message = (
            "0x80044352: Version stamp associated with the client has expired."
            " Please perform a full sync."
        )
        raise CursorExpired(Side.DYNAMICS, message)


def begin(store: Store, table: str, now: dt.datetime) -> Place:
    """Return the place where a full read of *table* begins."""
    at = int(now.timestamp())
    return Place(store.name, table, store.epoch, at, store.version, "all", "")


def page(
    store: Store, place: Place, size: int, now: dt.datetime
) -> tuple[list[Row | Gone], Place, bool]:
    """Return at most *size* changes behind *place*, where they lead, and whether more follow."""
    match place.phase:
        case "all":
            return _all(store, place, size)
        case "changed":
            return _changed(store, place, size, now)
        case "gone":
            return _gone(store, place, size)


def _all(store: Store, place: Place, size: int) -> tuple[list[Row | Gone], Place, bool]:
    rows = store.rows(place.table, after=str(place.after), limit=size + 1)
    if len(rows) > size:
        return [*rows[:size]], attrs.evolve(place, after=rows[size - 1].id), True
    return [*rows], _resting(place), False


def _changed(
    store: Store, place: Place, size: int, now: dt.datetime
) -> tuple[list[Row | Gone], Place, bool]:
    rows = store.changed(place.table, after=int(place.after), limit=size + 1)
    if len(rows) > size:
        return [*rows[:size]], attrs.evolve(place, after=rows[size - 1].version), True
    # From here on rows may change unseen while what is gone is read: the next read of
    # changes begins here.
    through = attrs.evolve(
        place, phase="gone", after=place.low, since=store.version, at=int(now.timestamp())
    )
    if len(rows) == size and store.deleted(place.table, after=place.low, limit=1):
        return [*rows], through, True
    gone, end, more = _gone(store, through, max(size - len(rows), 1))
    return [*rows, *gone], end, more


def _gone(store: Store, place: Place, size: int) -> tuple[list[Row | Gone], Place, bool]:
    gone = store.deleted(place.table, after=int(place.after), limit=size + 1)
    if len(gone) > size:
        return [*gone[:size]], attrs.evolve(place, after=gone[size - 1].version), True
    return [*gone], _resting(place), False


def _resting(place: Place) -> Place:
    return attrs.evolve(place, phase="changed", after=place.since, low=place.since)
