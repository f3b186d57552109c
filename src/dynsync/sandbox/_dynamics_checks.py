"""
What Dataverse refuses, and how it stores what it takes. Pure.

A refusal is told with Dataverse's own code and, nearly, its own words: theirs quote the
value now and then, ours never do.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from dynsync.records import Wire
from dynsync.schemas import Column
from dynsync.writes import Reason

__all__ = ["TYPES", "BusinessRule", "Denied", "guid", "stamp", "stored", "utc"]

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?(?:Z|[+-]\d\d:\d\d)?"
).fullmatch
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d").fullmatch
FIRST_YEAR: Final = 1753
INT32: Final = 2**31


class Denied(Exception):
    """A write is refused for *reason*, and nothing of it was applied."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.reason = Reason(code, message, field)


class BusinessRule(Denied):
    """
    Raised by a rule of the host's to refuse a write, as a plug-in does.

    *message* is shown to people and kept in logs: it names no value.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__("0x80040265", message, field)


def stored(table: str, column: Column, value: Wire) -> Wire:
    """
    Return *value* as a row of *table* holds it.

    Empty text becomes null, instants lose their fractions and offsets, numbers are rounded.
    Raises `Denied` where the column does not take it; whether it takes null is not asked.
    """
    return None if value is None else _TAKE[column.type](table, column, value)


def guid(text: str) -> str | None:
    """Return *text* as Dataverse writes a GUID, or None where it is none."""
    lowered = text.lower()
    return lowered if GUID(lowered) else None


def stamp(moment: dt.datetime) -> str:
    """Return an aware *moment* as Dataverse writes it, to the second."""
    return f"{moment.astimezone(dt.UTC).replace(tzinfo=None):%Y-%m-%dT%H:%M:%S}Z"


def utc(seconds: int) -> dt.datetime:
    """Return the moment that is *seconds* after 1970."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _mistyped(table: str, column: Column) -> Denied:
    message = f"Incorrect attribute value type for '{column.name}' of the '{table}' entity."
    return Denied("0x80044354", message, column.name)


def _out_of_range(code: str, table: str, column: Column) -> Denied:
    said = "A validation error occurred.  The value of"
    bounds = (
        f" Accepted Values: {', '.join(str(option.code) for option in column.options)}"
        if column.options
        else f" Accepted range: {column.minimum} to {column.maximum}."
    )
    message = f"{said} '{column.name}' on record of type '{table}' is outside the valid range."
    return Denied(code, message + bounds, column.name)


def _text(table: str, column: Column, value: Wire) -> Wire:
    if not isinstance(value, str):
        raise _mistyped(table, column)
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        message = "Error identified in Payload provided by the user: the text is not Unicode."
        raise Denied("0x80048d19", message, column.name)
    if column.length is not None and len(value) > column.length:
        message = (
            f"A validation error occurred.  The length of the '{column.name}' attribute of the"
            f" '{table}' entity exceeded the maximum allowed length of '{column.length}'."
        )
        raise Denied("0x80044331", message, column.name)
    return value or None


def _beyond(column: Column, value: float) -> bool:
    return (column.minimum is not None and value < column.minimum) or (
        column.maximum is not None and value > column.maximum
    )


def _integer(table: str, column: Column, value: Wire) -> Wire:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mistyped(table, column)
    if _beyond(column, value) or (column.type == "Integer" and not -INT32 <= value < INT32):
        raise _out_of_range("0x8004432F", table, column)
    return value


def _number(table: str, column: Column, value: Wire) -> Wire:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _mistyped(table, column)
    if _beyond(column, value):
        raise _out_of_range("0x80044330", table, column)
    return value if column.digits is None else round(value, column.digits)


def _boolean(table: str, column: Column, value: Wire) -> Wire:
    if not isinstance(value, bool):
        raise _mistyped(table, column)
    return value


def _choice(table: str, column: Column, value: Wire) -> Wire:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _mistyped(table, column)
    if all(option.code != value for option in column.options):
        raise _out_of_range("0x8004431A", table, column)
    return value


def _choices(table: str, column: Column, value: Wire) -> Wire:
    if not isinstance(value, str):
        raise _mistyped(table, column)
    try:
        codes = sorted({int(part) for part in value.split(",")}) if value else []
    except ValueError:
        raise _mistyped(table, column) from None
    if not {option.code for option in column.options}.issuperset(codes):
        raise _out_of_range("0x8004431A", table, column)
    return ",".join(map(str, codes)) or None


def _moment(table: str, column: Column, value: Wire) -> Wire:
    if not isinstance(value, str) or not INSTANT(value):
        raise _mistyped(table, column)
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is not None and column.type == "DateTime":
            moment = moment.astimezone(dt.UTC)
    except OverflowError:
        raise _too_early() from None
    except ValueError:
        raise _mistyped(table, column) from None
    if moment.year < FIRST_YEAR:
        raise _too_early()
    # A wall-clock time keeps its digits, whatever the offset says: its Z means nothing.
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _date(table: str, column: Column, value: Wire) -> Wire:
    if not isinstance(value, str) or not DATE(value):
        raise _mistyped(table, column)
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        raise _mistyped(table, column) from None
    if day.year < FIRST_YEAR:
        raise _too_early()
    return value


def _too_early() -> Denied:
    bounds = "Minimum value supported: 1753-01-01, maximum 9999-12-31."
    return Denied("0x80040239", f"The date-time is outside what CrmDateTime supports. {bounds}")


def _reference(table: str, column: Column, value: Wire) -> Wire:
    key = guid(value) if isinstance(value, str) else None
    if key is None:
        raise _mistyped(table, column)
    return key


_Take: TypeAlias = Callable[[str, Column, Wire], Wire]

_TAKE: Final[Mapping[str, _Take]] = {
    **dict.fromkeys(("String", "Memo"), _text),
    **dict.fromkeys(("Integer", "BigInt"), _integer),
    **dict.fromkeys(("Decimal", "Double", "Money"), _number),
    "Boolean": _boolean,
    **dict.fromkeys(("Picklist", "State", "Status"), _choice),
    "MultiSelectPicklist": _choices,
    **dict.fromkeys(("DateTime", "TimeZoneIndependent"), _moment),
    "DateOnly": _date,
    **dict.fromkeys(("Lookup", "Customer", "Owner", "Uniqueidentifier"), _reference),
}

TYPES: Final = frozenset(_TAKE)
"""The words for a column's type: Dataverse's, and those for the behaviour of a date."""
