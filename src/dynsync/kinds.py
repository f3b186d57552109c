"""
What a wire value means, field kind by field kind, and when two mean the same. Pure.

Each kind promises a round trip: decoding what it encoded gives a value of the same
`Kind.key` (invariant 26). A wire value that cannot be of the kind raises `Unfit`, which
becomes a validation result of that one field; neither its message nor its chain holds
the value. Blank text is null for every kind (A35).
"""
# What the methods of every kind promise is said once, by `Kind`; few of them need all that
# they are given.
# ruff: noqa: ARG002, D102

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final, Literal, Protocol, TypeAlias

import attrs
from dateutil import parser as dates
from typing_extensions import override

from dynsync.records import Choice, Reference, Side, Value, Wire, plain_id
from dynsync.schemas import Column, Option

__all__ = [
    "BooleanKind",
    "ChoiceKind",
    "DateKind",
    "EmailKind",
    "InstantKind",
    "IntegerKind",
    "Kind",
    "MultiChoiceKind",
    "NumberKind",
    "ReferenceKind",
    "TextKind",
    "Unfit",
    "WallTimeKind",
]

_WIDE: Final = Context(prec=200, rounding=ROUND_HALF_EVEN)
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no"})


class Unfit(ValueError):
    """A wire value cannot be of its field's kind, or a value cannot be said to a side."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Kind(Protocol):
    """How values of one type are read, compared and said."""

    @property
    def name(self) -> str:
        """Return the word for it."""
        ...

    def decode(self, wire: Wire, side: Side) -> Value:
        """Return what *wire* means on *side*; raises `Unfit`."""
        ...

    def encode(self, value: Value, side: Side) -> Wire:
        """Return *value* as *side* takes it; raises `Unfit`."""
        ...

    def key(self, value: Value) -> Hashable:
        """Return what decides equality (A33-A36). Two values with one key are the same."""
        ...

    def bind(self, column: Column) -> Kind:
        """Return the kind with what Dynamics' *column* adds: its options, its precision."""
        ...


def _blank(wire: Wire) -> bool:
    """Return whether *wire* says that there is no value."""
    return wire is None or (isinstance(wire, str) and not wire.strip())


def _stray(value: Value) -> Hashable:
    """
    Return a key for a value of another kind, as a policy may put it: that of no other value.

    It must not pass for null, or a field that holds null would seem to hold it already.
    """
    return (type(value).__name__, value)


def _whole_characters(text: str) -> str:
    """Return *text* if it can be encoded."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Unfit("VALUE_TYPE", "text with half a surrogate pair")
    return text


def _text(wire: Wire) -> str | None:
    """Return *wire* as text, blank text as None."""
    if _blank(wire):
        return None
    if isinstance(wire, bool) or not isinstance(wire, str | int | float):
        raise Unfit("VALUE_TYPE", "something else where text is expected")
    return _whole_characters(wire if isinstance(wire, str) else repr(wire))


@attrs.frozen
class TextKind:
    """Text, phone numbers and URLs: compared stripped and with one kind of line end (A35)."""

    name: str = "text"

    def decode(self, wire: Wire, side: Side) -> Value:
        return _text(wire)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None or isinstance(value, str):
            return _text(value)
        raise Unfit("VALUE_TYPE", "not text")

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, str):
            return None if value is None else _stray(value)
        if "\r" in value:
            value = value.replace("\r\n", "\n").replace("\r", "\n")
        return value.strip() or None

    def bind(self, column: Column) -> Kind:
        return self


@attrs.frozen
class EmailKind(TextKind):
    """An e-mail address: compared without case, written as given (A35)."""

    name: str = "email"

    def key(self, value: Value) -> Hashable:
        key = TextKind.key(self, value)
        # Not casefold: to it, "ß" and "ss" are one, and they are two addresses.
        return key.lower() if isinstance(key, str) else key


_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
"""How a number is written. `Decimal` would also take ``1_000``, and digits of any script."""


def _number(wire: Wire) -> Decimal | None:
    """Return *wire* as an exact number, blank text as None."""
    if _blank(wire):
        return None
    if isinstance(wire, float):
        number = Decimal(repr(wire))
    elif isinstance(wire, int) and not isinstance(wire, bool):
        number = Decimal(wire)
    elif isinstance(wire, str) and _DECIMAL.fullmatch(text := wire.strip()):
        number = Decimal(text)
    else:
        raise Unfit("VALUE_TYPE", "not a number")
    # A zero has an exponent too, and `Decimal` keeps it.
    if not number.is_finite() or (number and abs(number.adjusted()) > _FAR):
        raise Unfit("VALUE_RANGE", "a number that no column can hold")
    return number


_FAR: Final = 100
"""A power of ten far past what any column holds."""


@attrs.frozen
class IntegerKind:
    """A whole number."""

    name: str = "integer"

    def decode(self, wire: Wire, side: Side) -> Value:
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
        return _stray(value)

    def bind(self, column: Column) -> Kind:
        return self


def _exact(value: Value) -> Decimal | None:
    """Return *value* as a finite number, None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() else None


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
            return None if value is None else _stray(value)
        if self.digits is None or number.adjusted() > _FAR:
            return number
        # Exact in this context, whatever the host has made of its own.
        return number.quantize(Decimal((0, (1,), -self.digits)), context=_WIDE)

    def bind(self, column: Column) -> Kind:
        if self.digits is not None or column.digits is None:
            return self
        return attrs.evolve(self, digits=column.digits)


@attrs.frozen
class BooleanKind:
    """Yes or no. Null equals no, because Marketo cannot hold null (A33)."""

    name: str = "boolean"

    def decode(self, wire: Wire, side: Side) -> Value:
        if _blank(wire):
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
        return bool(value) if value is None or isinstance(value, bool) else _stray(value)

    def bind(self, column: Column) -> Kind:
        return self


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
_DEFAULTS: Final = (dt.datetime(2000, 1, 1), dt.datetime(2003, 2, 2))  # noqa: DTZ001


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
    if _blank(wire):
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
        if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            return value.isoformat()
        raise Unfit("VALUE_TYPE", "not a date")

    def key(self, value: Value) -> Hashable:
        # A datetime is a date to Python.
        return _stray(value) if isinstance(value, dt.datetime) else value

    def bind(self, column: Column) -> Kind:
        return self


def _utc(moment: dt.datetime) -> dt.datetime:
    """Return an aware *moment* in UTC."""
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError:
        raise Unfit("DATE_RANGE", "a time that no calendar holds") from None


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
        return _utc(value).replace(tzinfo=None, microsecond=0).isoformat() + "Z"

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            return None if value is None else _stray(value)
        try:
            # Python calls a time in a zone's repeated hour equal to none in another zone.
            return _utc(value).replace(microsecond=0)
        except Unfit:
            return _stray(value)

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
            return None if value is None else _stray(value)
        return value.replace(microsecond=0, fold=0)

    def bind(self, column: Column) -> Kind:
        return self


Speech: TypeAlias = Literal["label", "code"]
"""How Marketo holds a choice: by its label (A32) or by its code. Dynamics always by code."""


def _loose(word: str) -> str:
    return word.strip().casefold()


def _code(word: str) -> int | None:
    """Return *word* as a code where it is written as one."""
    return int(word) if _CODE.fullmatch(word.strip()) else None


_CODE: Final = re.compile(r"-?\d{1,10}", re.ASCII)


def _by_label(options: tuple[Option, ...], word: str) -> Option | None:
    """Return the option called *word*, or else the one called nearly so, if it is one."""
    for same in (str.strip, _loose):
        found = [option for option in options if same(option.label) == same(word)]
        if len(found) == 1:
            return found[0]
    return None


def _by_code(options: tuple[Option, ...], code: int | None) -> Option | None:
    """Return the option of *code*; any that Dynamics could have, where they are not known."""
    if code is None:
        return None
    if not options:
        return Option(code, "") if -(2**31) <= code < 2**31 else None
    return next((option for option in options if option.code == code), None)


def _option(options: tuple[Option, ...], wire: Wire, speech: Speech) -> Choice:
    """Return the option that *wire* names: *speech* says how, where a text could mean both."""
    option: Option | None = None
    if isinstance(wire, str):
        label, code = _by_label(options, wire), _by_code(options, _code(wire))
        option = (label or code) if speech == "label" else (code or label)
    elif isinstance(wire, int) and not isinstance(wire, bool):
        # A number is always a code, even where another option is called by it.
        option = _by_code(options, wire)
    if option is None:
        raise Unfit("PICKLIST_RANGE", "not an option of this choice")
    return Choice(option.code, option.label)


def _say(options: tuple[Option, ...], choice: Choice, separator: str = "") -> str:
    """Return the text by which Marketo's people know *choice* and by which it is found again."""
    option = _by_code(options, choice.code)
    label = option.label.strip() if option is not None else ""
    # Two options may share a label, or one be called by another's code: then the code is said.
    for word in (label, str(choice.code)):
        if not word or (separator and separator in word):
            continue
        try:
            if _option(options, word, "label").code == choice.code:
                return word
        except Unfit:
            continue
    raise Unfit("PICKLIST_RANGE", "not an option of this choice, or one that no text can name")


@attrs.frozen
class ChoiceKind:
    """One of *options*; compared by code. Options come from Dynamics' schema if not given."""

    options: tuple[Option, ...] = ()
    marketo: Speech = "label"
    name: str = "choice"

    def decode(self, wire: Wire, side: Side) -> Value:
        speech = "code" if side is Side.DYNAMICS else self.marketo
        return None if _blank(wire) else _option(self.options, wire, speech)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, Choice):
            raise Unfit("VALUE_TYPE", "not a choice")
        if side is Side.DYNAMICS or self.marketo == "code":
            return value.code
        return _say(self.options, value)

    def key(self, value: Value) -> Hashable:
        if isinstance(value, Choice):
            return value.code
        return None if value is None else _stray(value)

    def bind(self, column: Column) -> Kind:
        return self if self.options else attrs.evolve(self, options=column.options)


@attrs.frozen
class MultiChoiceKind:
    """Any of *options*; compared as a set. Marketo holds labels joined by ``;`` (A32)."""

    options: tuple[Option, ...] = ()
    marketo: Speech = "label"
    name: str = "multi-choice"

    def decode(self, wire: Wire, side: Side) -> Value:
        if _blank(wire):
            return None
        speech = "code" if side is Side.DYNAMICS else self.marketo
        separator = "," if side is Side.DYNAMICS else ";"
        words = wire.split(separator) if isinstance(wire, str) else [wire]
        return frozenset(_option(self.options, w, speech) for w in words if not _blank(w)) or None

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        chosen = _choices(value)
        if chosen is None:
            raise Unfit("VALUE_TYPE", "not a set of choices")
        codes = sorted({choice.code for choice in chosen})
        if side is Side.DYNAMICS:
            return ",".join(map(str, codes)) or None
        if self.marketo == "code":
            return ";".join(map(str, codes)) or None
        return ";".join(_say(self.options, Choice(code), ";") for code in codes) or None

    def key(self, value: Value) -> Hashable:
        if value is None:
            return None
        chosen = _choices(value)
        if chosen is None:
            return _stray(value)
        return frozenset(choice.code for choice in chosen) or None

    def bind(self, column: Column) -> Kind:
        return self if self.options else attrs.evolve(self, options=column.options)


def _choices(value: Value) -> frozenset[Choice] | None:
    """Return *value* if it is a set of choices; a policy may put anything."""
    if not isinstance(value, frozenset):
        return None
    return value if all(map(_is_choice, value)) else None


def _is_choice(member: object) -> bool:
    return isinstance(member, Choice)


@attrs.frozen
class ReferenceKind:
    """Another record, by its id; GUIDs are compared without case (R102)."""

    name: str = "reference"

    def decode(self, wire: Wire, side: Side) -> Value:
        text = _text(wire)
        return None if text is None else Reference(text.strip())

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, Reference):
            raise Unfit("VALUE_TYPE", "not a reference")
        return _text(value.id)

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, Reference):
            return None if value is None else _stray(value)
        return plain_id(value.id) or None

    def bind(self, column: Column) -> Kind:
        return self
