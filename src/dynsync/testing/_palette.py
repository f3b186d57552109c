"""The values that a check writes: what the described columns hold, in the side's wire form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.errors import ConfigurationError
from dynsync.maps import CONTACT, LEAD
from dynsync.records import Side, Wire
from dynsync.schemas import FULL_ACCESS, Column, Schema

__all__ = ["TEXTS", "Palette", "choose", "misfit", "same"]

Family: TypeAlias = Literal["text", "flag", "whole", "number", "choice", "choices", "day", "moment"]

_FAMILIES: Final[Mapping[str, Family]] = {
    **dict.fromkeys(("string", "memo", "text", "email", "phone", "url"), "text"),
    "boolean": "flag",
    **dict.fromkeys(("integer", "bigint", "score", "percent"), "whole"),
    **dict.fromkeys(("decimal", "double", "money", "float", "currency"), "number"),
    "picklist": "choice",
    "multiselectpicklist": "choices",
    **dict.fromkeys(("date", "dateonly"), "day"),
    **dict.fromkeys(("datetime", "timezoneindependent"), "moment"),
}
_WORDS: Final = ("Ann", "Bea", "Cleo", "Dora")
TEXTS: Final = (
    "O'Neil",
    'a "b", c; d',
    "A_n%",
    "0150",
    "null",
    "a\\b",
    "Zoë Łęcka 北京",
)
"""Texts that a column of words takes, and that are hard to spell in a query or a file."""
_LINKS: Final = (CONTACT.link_field, LEAD.link_field)


@attrs.frozen
class Palette:
    """
    What is written in a check.

    *fields* are in play: written by every create, and asked for by every read. *values* has
    some different ones for each; *columns* is how they are described. *key_field* is what
    creates are upserted by, if they are.
    """

    fields: tuple[str, ...]
    values: Mapping[str, tuple[Wire, ...]]
    columns: Mapping[str, Column]
    key_field: str | None = None

    def value(self, field: str, variant: int | None) -> Wire:
        """Return the value of that number, or the null that clears."""
        choices = self.values[field]
        return None if variant is None else choices[variant % len(choices)]

    def field(self, number: int) -> str:
        """Return the field of that number. The one that creates go by is never changed."""
        names = [name for name in self.fields if name != self.key_field]
        return names[number % len(names)]

    def family(self, field: str) -> Family | None:
        """Return what kind of values a field holds."""
        return _family(self.columns[field])

    def plain(self, field: str) -> bool:
        """Return whether a field is text like any other: no address, and no values of the host."""
        return set(self.values[field]) <= {*_WORDS}

    def without(self, dropped: Iterable[str]) -> Palette:
        """Return the palette without some fields."""
        gone = frozenset(dropped)
        return attrs.evolve(self, fields=tuple(one for one in self.fields if one not in gone))


def choose(
    side: Side,
    schema: Schema,
    *,
    fields: Sequence[str] | None,
    values: Mapping[str, Sequence[Wire]],
    key_field: str | None,
) -> Palette:
    """Return what to write to the columns of *schema*. Raises `ConfigurationError`."""
    columns = {**schema.columns}
    if side is Side.MARKETO and key_field is None:
        key_field = next((name for name in _LINKS if name in columns), None)
        if key_field is None:
            raise ConfigurationError(
                "Creates in Marketo are upserted by the field that holds the Dynamics id; say "
                "which it is: check_connector(..., key_field=...)"
            )
    known: dict[str, tuple[Wire, ...]] = {
        name: made
        for name, column in columns.items()
        if column.access == FULL_ACCESS and (made := _values(column))
    }
    known |= {name: tuple(given) for name, given in values.items()}
    for name in (*(fields or ()), *values, *filter(None, [key_field])):
        if name not in known or name not in columns:
            raise ConfigurationError(
                f"{name!r} is no column that is described as readable and writable and of a "
                f"type that has values here; say some: check_connector(..., values={{...}})"
            )
    chosen = list(fields) if fields is not None else _varied(columns, known)
    needed = [name for name, column in columns.items() if column.required and name in known]
    wanted = (*chosen, *values, *needed)
    keyed = [name for name in wanted if name != key_field]
    if key_field is not None:
        keyed.append(key_field)
    return Palette(tuple(dict.fromkeys(keyed)), known, columns, key_field)


def _family(column: Column) -> Family | None:
    return _FAMILIES.get(column.type.lower())


def _varied(columns: Mapping[str, Column], known: Mapping[str, object]) -> list[str]:
    """Return a few columns: two of text, and one of each other family."""
    chosen: list[str] = []
    room: dict[Family, int] = {"text": 2}
    for name, column in columns.items():
        family = _family(column)
        left = room.get(family, 1) if family is not None else 0
        if name in known and family is not None and left and name not in _LINKS:
            room[family] = left - 1
            chosen.append(name)
    # Text that can be cleared first: it is what people edit, and what can be found.
    chosen.sort(key=lambda name: (_family(columns[name]) != "text", columns[name].required))
    return chosen


def _values(column: Column) -> tuple[Wire, ...]:
    match _family(column):
        case "text":
            return tuple(dict.fromkeys(_texts(column)))
        case "flag":
            return (True, False)
        case "whole":
            return tuple(int(one) for one in _between(column, map(Decimal, range(1, 5))))
        case "number":
            halves = [Decimal(n) + (0 if column.digits == 0 else Decimal("0.5")) for n in range(4)]
            return tuple(float(one) for one in _between(column, halves[1:]))
        case "choice":
            return tuple(option.code for option in column.options[:4])
        case "choices":
            return tuple(str(option.code) for option in column.options[:4])
        case "day":
            return tuple(f"2026-01-0{n}" for n in range(1, 5))
        case "moment":
            return tuple(f"2026-01-0{n}T10:00:00Z" for n in range(1, 5))
        case None:
            return ()


def _between(column: Column, numbers: Iterable[Decimal]) -> list[Decimal]:
    low, high = column.minimum, column.maximum
    return [one for one in numbers if (low is None or one >= low) and (high is None or one <= high)]


def _texts(column: Column) -> list[str]:
    word = f"{column.name} {column.type}".lower()
    if "mail" in word and "string" not in column.name:
        made = [f"{one.lower()}@example.org" for one in _WORDS]
    elif "url" in word or "website" in word:
        made = [f"https://example.org/{one.lower()}" for one in _WORDS]
    elif "phone" in word or "fax" in word:
        made = [f"555-010{n}" for n in range(4)]
    else:
        made = [*_WORDS]
    return [one for one in made if column.length is None or len(one) <= column.length]


def misfit(column: Column, kind: str) -> Wire:
    """Return what *column* does not hold, as it is described; raises LookupError if it may."""
    family = _family(column)
    if kind == "cleared" and column.required:
        return None
    if kind == "too long" and family == "text" and column.length is not None:
        return "x" * (column.length + 1)
    if kind == "too large" and family == "whole" and column.maximum is not None:
        return int(column.maximum) + 1
    if kind == "no option" and family == "choice":
        return max(option.code for option in column.options) + 1
    raise LookupError(kind)


def same(one: object, other: object) -> bool:
    """
    Return whether two wire values mean the same.

    Case, blanks around text and the writing of a moment do not count: systems change those.
    Neither do null, no text and false, which systems take for each other.
    """
    return _plain(one) == _plain(other)


def _plain(value: object) -> tuple[str, object]:
    match value:
        case None | False | "":
            return ("empty", None)
        case True:
            return ("flag", True)
        case int() | float():
            return ("number", value)
        case str() if "T" in value and value[:4].isdecimal():
            return ("moment", _moment(value))
        case str():
            return ("text", value.strip().casefold())
        case _:
            return ("other", value)


def _moment(text: str) -> object:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp()
