"""
What a sandbox Marketo takes for a value, and what it makes of it.

A stored value is what the API would return, except that a false boolean is None, like
anything that is empty. No reason holds the value that it refuses.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from dynsync.records import RecordId, Wire
from dynsync.sandbox._marketo_columns import Held
from dynsync.schemas import Column
from dynsync.writes import Reason

__all__ = [
    "Body",
    "Invalid",
    "check",
    "missing",
    "moment",
    "number_of",
    "searchable",
    "stamp",
    "stored",
]

Body: TypeAlias = dict[str, Wire]
"""Stored values of one person by column name; what is empty is absent or None."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)",
    re.ASCII,
)
_DIGITS: Final = 18
_BOOLEANS: Final = {"true": True, "1": True, "false": None, "0": None}
_SEARCHABLE: Final = frozenset({"string", "email", "integer", "phone", "url", "reference", "score"})


class Invalid(ValueError):
    """A value that its column cannot hold; the message says why without it."""


def check(
    shown: Mapping[str, Held],
    allowed: Mapping[str, Held],
    values: Mapping[str, Wire],
) -> tuple[Body, list[Reason]]:
    """
    Return *values* as they are stored, and every reason why the row is refused.

    *shown* are the columns that there are, *allowed* those that may be written now.
    """
    body: Body = {}
    reasons: list[Reason] = []
    for name, value in values.items():
        if (held := allowed.get(name)) is not None:
            try:
                body[name] = stored(held.column, value)
            except Invalid as invalid:
                message = f"Invalid value for field '{name}': {invalid}"
                reasons.append(Reason("1003", message, name))
        elif name in shown:
            reasons.append(Reason("1006", f"Field '{name}' is not writable", name))
        else:
            reasons.append(Reason("1006", f"Field '{name}' not found", name))
    return body, reasons


def missing(required: Iterable[str], body: Body) -> list[Reason]:
    """Return a reason for each *required* column that a new person's *body* lacks."""
    return [
        Reason("1002", f"Missing value for the required parameter '{name}'", name)
        for name in required
        if body.get(name) is None
    ]


def searchable(column: Column) -> bool:
    """Tell whether people can be looked up by *column*."""
    return column.type in _SEARCHABLE


def number_of(id: RecordId | int) -> int | None:
    """Return the number that *id* is or writes, or None if no person can be called that."""
    text = str(id)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None


def stored(column: Column, value: Wire) -> Wire:
    """Return *value* as *column* stores it; raises `Invalid`."""
    # Adobe says of its other objects that empty text is stored as null; people do the same.
    if value is not None and value != "":
        found = _KINDS.get(column.type, _text)(column, value)
        if found is not None or not column.required:
            return found
    elif not column.required:
        return None
    raise Invalid("it may not be empty")


def moment(seconds: int) -> dt.datetime:
    """Return the aware time of a stored stamp."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def stamp(seconds: int) -> str:
    """Return a stored stamp as the API says it."""
    return moment(seconds).replace(tzinfo=None).isoformat() + "Z"


def _text(column: Column, value: Wire) -> Wire:
    if not isinstance(value, str):
        raise Invalid("not text")
    limit = column.length or 255
    size = len(value)
    if not value.isascii():
        try:
            encoded = value.encode()
        except UnicodeEncodeError:
            raise Invalid("not Unicode text") from None
        if column.unit == "bytes":
            size = len(encoded)
    if size > limit:
        raise Invalid(f"longer than {limit} {column.unit}")
    return value


def _area(column: Column, value: Wire) -> Wire:
    if column.length is not None:
        return _text(column, value)
    return _text(Column(column.name, length=30_000, unit="bytes"), value)


def _email(column: Column, value: Wire) -> Wire:
    text = str(_text(column, value))
    if not text.isascii():
        raise Invalid("only ASCII characters may be in an e-mail address")
    if not _EMAIL.fullmatch(text):
        raise Invalid("not an e-mail address")
    return text


def _number(value: Wire) -> float | int:
    if value is None or isinstance(value, bool):
        raise Invalid("not a number")
    try:
        number = value if isinstance(value, int) else float(value)
    except ValueError:
        raise Invalid("not a number") from None
    if isinstance(number, float) and not math.isfinite(number):
        raise Invalid("not a finite number")
    return number


def _bounded(column: Column, number: float) -> None:
    if column.minimum is not None and number < column.minimum:
        raise Invalid(f"less than {column.minimum}")
    if column.maximum is not None and number > column.maximum:
        raise Invalid(f"more than {column.maximum}")


def _integer(column: Column, value: Wire) -> Wire:
    number = _number(value)
    if number != int(number):
        raise Invalid("not a whole number")
    if abs(number) > 2**31:
        raise Invalid("not a number of 32 bits")
    _bounded(column, number)
    return int(number)


def _float(column: Column, value: Wire) -> Wire:
    try:
        number = float(_number(value))
    except OverflowError:
        raise Invalid("a number that is too large") from None
    _bounded(column, number)
    return number


def _boolean(_column: Column, value: Wire) -> Wire:
    if isinstance(value, bool):
        return value or None
    word = str(value).lower()
    if word not in _BOOLEANS:
        raise Invalid("neither true nor false")
    return _BOOLEANS[word]


def _date(_column: Column, value: Wire) -> Wire:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return dt.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise Invalid("not a date of the form YYYY-MM-DD")


def _datetime(_column: Column, value: Wire) -> Wire:
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        try:
            point = dt.datetime.fromisoformat(value).astimezone(dt.UTC)
        except (ValueError, OverflowError):
            pass
        else:
            return point.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    raise Invalid("not a time in ISO 8601 with an offset")


def _formula(_column: Column, _value: Wire) -> Wire:
    raise Invalid("a formula cannot be written")


_KINDS: Final[Mapping[str, Callable[[Column, Wire], Wire]]] = {
    "string": _text,
    "text": _area,
    "email": _email,
    "phone": _text,
    "url": _text,
    "reference": _text,
    "integer": _integer,
    "score": _integer,
    "percent": _integer,
    "float": _float,
    "currency": _float,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "formula": _formula,
}
