"""What a reply's JSON holds, taken out with its type looked at: nothing else trusts it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable
from typing import Final, NoReturn, TypeAlias, cast

from dynsync.records import Wire

__all__ = [
    "Json",
    "inner_of",
    "is_id",
    "moment_of",
    "number_of",
    "parsed",
    "rows_of",
    "text_of",
    "wires_of",
]

Json: TypeAlias = dict[str, object]
"""An object of JSON."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_ODD_ZONE: Final = "Z+0000"
"""How some of Marketo's replies end a moment: with two zones."""


def parsed(body: bytes) -> Json | None:
    """Return the JSON object in *body*, None if there is none."""
    try:
        found: object = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def _no_number(word: str) -> NoReturn:
    # Python reads NaN, which is no JSON, and nothing that a field can hold.
    raise ValueError(word)


def inner_of(held: Json, name: str) -> Json:
    """Return the object *name*, an empty one if it is none."""
    found = held.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


def rows_of(held: Json, name: str) -> list[Json]:
    """Return the objects in the list *name*; none if it is none."""
    found = held.get(name)
    if not isinstance(found, list):
        return []
    return [cast("Json", each) for each in cast("list[object]", found) if isinstance(each, dict)]


def text_of(held: Json, name: str) -> str:
    """Return *name* as text: a number, too, since ids are told as either. Empty if it is none."""
    found = held.get(name)
    if isinstance(found, str):
        return found
    return str(found) if isinstance(found, int) and not isinstance(found, bool) else ""


def is_id(text: str) -> bool:
    """Return whether somebody can be called *text*: people are numbers."""
    return text.isascii() and text.isdecimal()


def number_of(held: Json, name: str) -> int | None:
    """Return *name* as a whole number, None if it is none."""
    text = text_of(held, name)
    return int(text) if _WHOLE.fullmatch(text) else None


def wires_of(held: Json, names: Iterable[str]) -> dict[str, Wire]:
    """Return the values of fields; what is no scalar has no meaning in any field, and is empty."""
    found = {name: held.get(name) for name in names}
    if set(map(type, found.values())) <= _SCALARS:
        # Nearly always, and a question for each value is what reading people takes longest for.
        return cast("dict[str, Wire]", found)
    return {
        name: value if isinstance(value, str | int | float) else None
        for name, value in found.items()
    }


def moment_of(text: str) -> dt.datetime | None:
    """Return the moment that *text* says in one of the forms that Marketo uses, else None."""
    try:
        found = dt.datetime.fromisoformat(text.replace(_ODD_ZONE, "Z"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
