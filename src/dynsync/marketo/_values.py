"""
Values that come as text, given back the type of their column. Pure.

The change feed and bulk files write every value as text. Leads read as JSON have types
already, and nothing here touches them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from dynsync.records import Wire

__all__ = ["Types", "typed"]

Types = Mapping[str, str]
"""The type of each column by the column's name, as describe tells it."""


def typed(type_: str, text: object) -> Wire:
    """
    Return the wire value that *text* writes in a column of *type_*.

    What is not written as that type is stays text: whoever reads it will say so.
    """
    if text is None or text == "":
        return False if type_ == "boolean" else None
    if not isinstance(text, str):
        return text if isinstance(text, int | float) else None
    return _KINDS.get(type_, _text)(text)


def _text(text: str) -> Wire:
    return text


def _flag(text: str) -> Wire:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


def _whole(text: str) -> Wire:
    number = _number(text)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _number(text: str) -> Wire:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


_KINDS: Final[Mapping[str, Callable[[str], Wire]]] = {
    "boolean": _flag,
    "integer": _whole,
    "score": _whole,
    "percent": _whole,
    "float": _number,
    "currency": _number,
}
