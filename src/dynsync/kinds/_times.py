"""Days, points in time, and times on the clock on the wall. Pure."""
# ruff: noqa: ARG002 - a kind is given what some kind needs: the side, or the column

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from typing import Final, TypeGuard

import attrs
from dateutil import parser as dates
from typing_extensions import override

from dynsync.kinds._kind import Kind, Unfit, blank, stray
from dynsync.records import Side, Value, Wire
from dynsync.schemas import Column

__all__ = ["DateKind", "InstantKind", "WallTimeKind"]


class _Calendar(dates.parserinfo):
    """Reads no year of two digits: which century it means would depend on today's date."""

    @override
    def convertyear(self, year: int, century_specified: bool = False) -> int:
        if not century_specified:
            raise ValueError
        return year


def _zone(name: str | None, offset: int | None) -> dt.tzinfo | None:
    """Return the zone of an offset. A name means what the machine that we run on makes of it."""
    if offset is not None:
        return dt.timezone(dt.timedelta(seconds=offset))
    if name is not None:
        raise ValueError
    return None


_PARSER: Final = dates.parser(_Calendar())
_DEFAULTS: Final = (dt.datetime(2000, 1, 1), dt.datetime(2003, 2, 2))  # noqa: DTZ001 - texts have no zone


def _read_date(text: str) -> dt.datetime | None:
    """Return the point in time that *text* names in one way only, None if it does not."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    # Two readings that differ in everything that a text may leave open: the parts that it
    # leaves out come from the defaults, and 01/02 is in January or in February.
    year_first = text[:4].isdigit()
    try:
        first, second = (
            _PARSER.parse(text, default=start, dayfirst=day_first, tzinfos=_zone)
            for start, day_first in zip(_DEFAULTS, (False, not year_first), strict=True)
        )
    except (ValueError, OverflowError, TypeError):
        return None
    return first if first == second else None


def _moment(wire: Wire) -> dt.datetime | None:
    """Return the point in time that *wire* names, naive or aware as written."""
    if blank(wire):
        return None
    # Raised here, not where the parser gave up: its complaint quotes the text.
    moment = _read_date(wire.strip()) if isinstance(wire, str) else None
    if moment is None:
        raise Unfit("VALUE_TYPE", "not a date, or not a whole one")
    return moment


@attrs.frozen
class DateKind:
    """A calendar day, the same everywhere (U24)."""

    name: str = "date"

    def decode(self, wire: Wire, side: Side) -> Value:
        moment = _moment(wire)
        return None if moment is None else moment.date()

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if _is_day(value):
            return value.isoformat()
        raise Unfit("VALUE_TYPE", "not a date")

    def key(self, value: Value) -> Hashable:
        if value is None or _is_day(value):
            return value
        return stray(value)

    def bind(self, column: Column) -> Kind:
        return self


def _is_day(value: Value) -> TypeGuard[dt.date]:
    """Return whether *value* is a day; a point in time is one to Python."""
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _utc(moment: dt.datetime) -> dt.datetime:
    """Return an aware *moment* in UTC."""
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise Unfit("DATE_RANGE", "a time that no calendar holds") from None


_SECOND: Final = len("2026-11-23T09:30:00")


@attrs.frozen
class InstantKind:
    """A point in time: compared at the second in UTC. Without an offset it is UTC."""

    name: str = "instant"

    def decode(self, wire: Wire, side: Side) -> Value:
        moment = _moment(wire)
        if moment is None:
            return None
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else _utc(moment)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            raise Unfit("VALUE_TYPE", "not a point in time")
        # Whatever the moment, its year has four digits.
        return _utc(value).isoformat(timespec="seconds")[:_SECOND] + "Z"

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            return None if value is None else stray(value)
        try:
            # Python calls a time in a zone's repeated hour equal to none in another zone.
            moment = _utc(value)
        except Unfit:
            return stray(value)
        return moment.replace(microsecond=0) if moment.microsecond else moment

    def bind(self, column: Column) -> Kind:
        return self


@attrs.frozen
class WallTimeKind:
    """A time on the clock on the wall, wherever it hangs; Dynamics' ``Z`` on it means nothing."""

    name: str = "wall-clock time"

    def decode(self, wire: Wire, side: Side) -> Value:
        moment = _moment(wire)
        return None if moment is None else moment.replace(tzinfo=None)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, dt.datetime) or value.tzinfo is not None:
            raise Unfit("VALUE_TYPE", "not a wall-clock time")
        return value.replace(microsecond=0).isoformat() + "Z"

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, dt.datetime) or value.tzinfo is not None:
            return None if value is None else stray(value)
        return value.replace(microsecond=0, fold=0)

    def bind(self, column: Column) -> Kind:
        return self
