"""Whether a condition compares like with like, as Dataverse insists that it does. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from dynsync.emulator._dataverse._columns import edm_type
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._filters import Comparison, Condition, over
from dynsync.records import Wire
from dynsync.sandbox._dynamics_checks import guid
from dynsync.schemas import Column

__all__ = ["typed"]

_NUMBERS: Final = frozenset({"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"})
_DATES: Final = frozenset({"Edm.Date", "Edm.DateTimeOffset"})
_WRITTEN: Final = {"text": "Edm.String", "guid": "Edm.Guid", "date": "Edm.DateTimeOffset"}
_TEXTS: Final = frozenset({"contains", "startswith", "endswith"})
_WORDS: Final = {
    "eq": "Equal",
    "in": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}


def typed(asked: Condition, column: Callable[[str], Column | None]) -> Condition:
    """
    Return *asked* with its values as their columns hold them.

    *column* looks a name up; of a name without a column anything may be said. Raises
    `Refusal` where unlike things are compared: a client that quotes a date or a number
    gets no rows here either, and is told why.
    """

    def change(one: Comparison) -> Comparison:
        held = column(one.column)
        if held is None:
            return one
        if one.other:
            other = column(one.other)
            if other is not None and _family(edm_type(other)) != _family(edm_type(held)):
                raise _unlike(edm_type(held), edm_type(other), one.word)
            return one
        told = zip(one.values, one.kinds, strict=True)
        return attrs.evolve(one, values=tuple(_value(held, one, *each) for each in told))

    return over(asked, change)


def _value(column: Column, one: Comparison, value: Wire, kind: str) -> Wire:
    edm = edm_type(column)
    if value is None:
        return None
    if kind == "any":
        return _said(edm, str(value))
    written = _WRITTEN.get(kind) or ("Edm.Boolean" if kind == "word" else _number(value))
    if one.word in _TEXTS:
        if edm == written == "Edm.String":
            return value
        message = f"No function signature for the function with name '{one.word}' matches the"
        raise bad(f"{message} specified arguments.", "0x80060888")
    # Microsoft's own examples put the ids of lookups in quotes.
    quoted = edm == "Edm.Guid" and written == "Edm.String" and guid(str(value)) is not None
    if not quoted and _family(edm) != _family(written):
        raise _unlike(edm, written, one.word)
    return str(value).lower() if edm == "Edm.Guid" else value


def _said(edm: str, text: str) -> Wire:
    """Return what *text* in a list of values stands for: there, everything is in quotes."""
    try:
        if edm in _NUMBERS:
            return int(text) if edm in {"Edm.Int32", "Edm.Int64"} else float(text)
    except ValueError:
        raise bad(f"Cannot convert the literal '{text}' to '{edm}'.", "0x80060888") from None
    if edm == "Edm.Boolean":
        return text.lower() in {"true", "1"}
    return text


def _number(value: Wire) -> str:
    return "Edm.Double" if isinstance(value, float) else "Edm.Int32"


def _family(edm: str) -> str:
    if edm in _NUMBERS:
        return "number"
    return "date" if edm in _DATES else edm


def _unlike(held: str, given: str, word: str) -> Refusal:
    message = "A binary operator with incompatible types was detected. Found operand types"
    kinds = f"'{held}' and '{given}' for operator kind '{_WORDS.get(word, word)}'"
    return bad(f"{message} {kinds}.", "0x80060888")
