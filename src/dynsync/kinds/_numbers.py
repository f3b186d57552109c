"""Whole numbers, decimals, and yes or no. Pure."""
# ruff: noqa: ARG002 - a kind is given what some kind needs: the side, or the column

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

import attrs

from dynsync.kinds._kind import Kind, Unfit, blank, stray
from dynsync.records import Side, Value, Wire
from dynsync.schemas import Column

__all__ = ["BooleanKind", "IntegerKind", "NumberKind"]

_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""How a number is written. `Decimal` would also take ``1_000``, and digits of any script."""


def _written(text: str) -> Decimal | None:
    """Return the number that *text* writes, None if its exponent is past what `Decimal` takes."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _number(wire: Wire) -> Decimal | None:
    """Return *wire* as an exact number, blank text as None."""
    if blank(wire):
        return None
    number: Decimal | None
    if isinstance(wire, float):
        number = Decimal(repr(wire))
    elif isinstance(wire, int) and not isinstance(wire, bool):
        number = Decimal(wire)
    elif isinstance(wire, str) and _DECIMAL.fullmatch(text := wire.strip()):
        number = _written(text)
    else:
        raise Unfit("VALUE_TYPE", "not a number")
    # A zero has an exponent too, and `Decimal` keeps it.
    if number is None or not number.is_finite() or (number and abs(number.adjusted()) > _FAR):
        raise Unfit("VALUE_RANGE", "a number that no column can hold")
    return number


_FAR: Final = 100
"""A power of ten far past what any column holds."""

_PLAIN: Final = 2**53
"""Below it a whole number and its double are the same: most numbers, which need no more care."""


@attrs.frozen
class IntegerKind:
    """A whole number."""

    name: str = "integer"

    def decode(self, wire: Wire, side: Side) -> Value:
        if type(wire) is int and -_PLAIN < wire < _PLAIN:
            return wire
        number = _number(wire)
        if number is None:
            return None
        if number != number.to_integral_value():
            raise Unfit("VALUE_TYPE", "not a whole number")
        return int(number)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise Unfit("VALUE_TYPE", "not a whole number")

    def key(self, value: Value) -> Hashable:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        return stray(value)

    def bind(self, column: Column) -> Kind:
        return self


def _exact(value: Value) -> Decimal | None:
    """Return *value* as a finite number, None if it is none."""
    if type(value) is Decimal:
        number = value
    elif isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    else:
        number = Decimal(value)
    return number if number.is_finite() else None


@lru_cache
def _last(digits: int) -> Decimal:
    """Return one in the last of so many decimals."""
    return Decimal((0, (1,), -digits))


@attrs.frozen
class NumberKind:
    """
    A decimal, a percentage or an amount of money: compared at *digits* decimals (A34).

    Money is an amount in the one currency that Marketo knows (R63); nothing is converted.
    """

    name: str = "decimal"
    digits: int | None = None

    def decode(self, wire: Wire, side: Side) -> Value:
        return _number(wire)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        number = _exact(value)
        if number is None:
            raise Unfit("VALUE_TYPE", "not a number")
        if number and abs(number.adjusted()) > _FAR:
            raise Unfit("VALUE_RANGE", "a number that no column can hold")
        if number == number.to_integral_value():
            return int(number)
        # A double cannot hold every decimal; what it would change is said as text instead.
        return float(number) if Decimal(repr(float(number))) == number else str(number)

    def key(self, value: Value) -> Hashable:
        number = _exact(value)
        if number is None:
            return None if value is None else stray(value)
        if self.digits is None or number.adjusted() > _FAR:
            return number
        # Exact in this context, whatever the host has made of its own.
        return number.quantize(_last(self.digits), context=_WIDE)

    def bind(self, column: Column) -> Kind:
        if self.digits is not None or column.digits is None:
            return self
        return attrs.evolve(self, digits=column.digits)


@attrs.frozen
class BooleanKind:
    """Yes or no. Null equals no, because Marketo cannot hold null (A33)."""

    name: str = "boolean"

    def decode(self, wire: Wire, side: Side) -> Value:
        if blank(wire):
            return None
        if isinstance(wire, str):
            word = wire.strip().lower()
            if word in _TRUE | _FALSE:
                return word in _TRUE
        elif wire in (0, 1):
            return wire == 1
        raise Unfit("VALUE_TYPE", "neither true nor false")

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None or isinstance(value, bool):
            return value
        raise Unfit("VALUE_TYPE", "neither true nor false")

    def key(self, value: Value) -> Hashable:
        return bool(value) if value is None or isinstance(value, bool) else stray(value)

    def bind(self, column: Column) -> Kind:
        return self
