"""
What a schema already tells about a value, before it is sent (R92). Pure.

Codes of our own are words in capitals; a system's refusals keep the system's codes.
No message holds the value.
"""

from __future__ import annotations

import datetime as dt
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation
from typing import Final

import attrs

from dynsync.records import Entity, Pair, RecordId, Side, Wire
from dynsync.schemas import Column
from dynsync.writes import Reason

__all__ = ["ValidationResult", "check", "length_alone", "truncate"]


_EARLIEST: Final = "1753-01-01"
"""The first day that Dynamics holds (0x80040239)."""

_DAYS: Final = frozenset({"DateTime", "DateOnly", "TimeZoneIndependent"})
"""Dynamics' words for what holds a day; Marketo knows no earliest one."""

_EXACT: Final = Context(prec=400, Emin=MIN_EMIN, Emax=MAX_EMAX)
"""Wide enough to round nothing, whatever the host has made of its own context."""


@attrs.frozen
class ValidationResult:
    """
    One reason for which a value was refused.

    *field* is dynsync's name of the field, None where the refusal names none; *attempt*
    counts from 1. *told* is the key under which it is told, once, however often it recurs.
    """

    entity: Entity
    ids: Pair[RecordId | None]
    side: Side
    field: str | None
    code: str
    message: str
    at: dt.datetime
    attempt: int
    told: str


def _size(text: str, column: Column) -> int:
    return len(text.encode("utf-8", "surrogatepass")) if column.unit == "bytes" else len(text)


def _length(wire: Wire, column: Column) -> Reason | None:
    if column.length is None or not isinstance(wire, str) or _size(wire, column) <= column.length:
        return None
    return Reason(
        "FIELD_LENGTH",
        f"{_size(wire, column)} {column.unit}, but {column.name!r} holds {column.length}",
        column.name,
    )


def _range(wire: Wire, column: Column) -> Reason | None:
    if wire is None or isinstance(wire, bool):
        return None
    if column.minimum is None and column.maximum is None and column.digits is None:
        return None
    try:
        number = Decimal(repr(wire) if isinstance(wire, float) else wire)
    except InvalidOperation:
        return None
    low, high = column.minimum, column.maximum
    if (
        not number.is_finite()
        or (low is not None and number < low)
        or (high is not None and number > high)
    ):
        bounds = f"{'any' if low is None else low} to {'any' if high is None else high}"
        return Reason("VALUE_RANGE", f"outside {column.name!r}'s range, {bounds}", column.name)
    exponent = number.normalize(_EXACT).as_tuple().exponent
    if column.digits is not None and isinstance(exponent, int) and -exponent > column.digits:
        message = f"{-exponent} decimals, but {column.name!r} keeps {column.digits}"
        return Reason("PRECISION", message, column.name)
    return None


def _option(wire: Wire, column: Column) -> Reason | None:
    if not column.options or wire is None or not isinstance(wire, int) or isinstance(wire, bool):
        return None
    if any(option.code == wire for option in column.options):
        return None
    return Reason("PICKLIST_RANGE", f"not an option of {column.name!r}", column.name)


def _day(wire: Wire, column: Column) -> Reason | None:
    if column.type not in _DAYS or not isinstance(wire, str) or wire == "":
        return None
    if wire[:10] >= _EARLIEST:
        return None
    return Reason("DATE_RANGE", f"{column.name!r} holds no day before {_EARLIEST}", column.name)


def _required(wire: Wire, column: Column) -> Reason | None:
    if (wire is not None and wire != "") or not column.required:
        return None
    return Reason("REQUIRED", f"{column.name!r} must have a value", column.name)


_RULES: Final = (_required, _length, _range, _option, _day)


def length_alone(column: Column) -> bool:
    """Return whether a length in characters is all that *column* asks of a value that is there."""
    numbers = (column.minimum, column.maximum, column.digits)
    plain = numbers == (None, None, None) and not column.options and column.type not in _DAYS
    return plain and column.unit == "characters"


def check(wire: Wire, column: Column) -> tuple[Reason, ...]:
    """Return every reason why *column* cannot hold *wire*, none if it can."""
    # A list, not a generator: every value that is written passes here.
    return tuple([reason for rule in _RULES if (reason := rule(wire, column)) is not None])


def truncate(wire: Wire, column: Column) -> Wire:
    """Return text cut to what *column* holds, never in the middle of a character."""
    if not isinstance(wire, str) or column.length is None:
        return wire
    if column.unit == "characters":
        return wire[: column.length]
    # Half a surrogate pair is no character; the error that it would raise holds the text.
    return wire.encode("utf-8", "ignore")[: column.length].decode("utf-8", "ignore")
