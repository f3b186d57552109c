"""OData as Dataverse speaks it: JSON with exact numbers, literals, addresses. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NoReturn, TypeAlias
from urllib.parse import quote

import attrs

from dynsync._addresses import is_text
from dynsync.records import Wire

__all__ = [
    "Garbled",
    "Json",
    "Literal",
    "address",
    "document",
    "encode",
    "list_of",
    "one_of",
    "option",
    "parse",
    "relative",
    "rows",
    "sayable",
    "text_of",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""What a JSON document is made of."""

_SAFE: Final = "$(),'=/:@!*;"
_API: Final = re.compile(r"(?:https?://[^/?#]+)?/api/data/v\d+\.\d+/", re.IGNORECASE)


class Garbled(Exception):
    """An answer is not the JSON that it should be; the message tells none of it."""


@attrs.frozen
class Literal:
    """A number with all its digits, as it stands in a document."""

    digits: str


def parse(body: bytes) -> dict[str, Json]:
    """Return the object in *body*; raise `Garbled` where there is none."""
    try:
        said: Json = json.loads(body, parse_float=_exact, parse_constant=_no_number)
    except (ValueError, RecursionError):
        # The decoder's own complaint holds the document.
        raise Garbled("not JSON") from None
    if not isinstance(said, dict):
        raise Garbled("not a JSON object")
    return said


def _exact(digits: str) -> float | str:
    """Return a number as a double, or as text where no double holds it."""
    number = float(digits)
    return number if Decimal(repr(number)) == Decimal(digits) else digits


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def document(values: Mapping[str, Wire | Literal]) -> bytes:
    """Return *values* as a JSON object in one line."""
    pairs = (f"{json.dumps(name)}:{_said(value)}" for name, value in values.items())
    return ("{" + ",".join(pairs) + "}").encode()


def _said(value: Wire | Literal) -> str:
    return value.digits if isinstance(value, Literal) else json.dumps(value, allow_nan=False)


def rows(said: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the objects under ``value``; raise `Garbled` where there is no such list."""
    found = said.get("value")
    if not isinstance(found, list):
        raise Garbled("no list of values")
    listed = [row for row in found if isinstance(row, dict)]
    if len(listed) < len(found):
        # Passed over, its change would be lost: the reading goes on behind it.
        raise Garbled("something else than a row")
    return listed


def list_of(said: Mapping[str, Json], name: str) -> list[dict[str, Json]]:
    """Return the objects in the list *name*; none where there is no such list."""
    found = said.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def text_of(said: Mapping[str, Json], name: str) -> str:
    """Return the text under *name*, empty where there is none."""
    value = said.get(name)
    return value if isinstance(value, str) else ""


def encode(text: str) -> str:
    """Return *text* as it stands in an address."""
    return quote(text, safe=_SAFE)


def address(path: str, **options: str) -> str:
    """Return *path* with query *options*, ``select="a,b"`` for ``$select=a,b``."""
    asked = "&".join(f"${name}={encode(value)}" for name, value in options.items() if value)
    return f"{path}?{asked}" if asked else path


def one_of(column: str, values: Iterable[Wire]) -> str:
    """Return the filter that lets through rows whose *column* is one of *values*."""
    listed = ",".join(f"'{_word(value)}'" for value in values)
    return f"Microsoft.Dynamics.CRM.In(PropertyName='{column}',PropertyValues=[{listed}])"


def _word(value: Wire) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace("'", "''")


def sayable(value: Wire) -> bool:
    """
    Return whether a row may hold *value*, so that it can be asked for.

    Nobody holds nothing, half of a surrogate pair, or what is no finite number.
    """
    if isinstance(value, float):
        return math.isfinite(value)
    return value not in (None, "") and is_text(str(value))


def relative(link: str) -> str:
    """Return *link* from behind the root of the API on, whoever's host it names."""
    root = _API.match(link)
    return link[root.end() :] if root else link.lstrip("/")


def option(link: str, name: str) -> str:
    """Return the option ``$name`` in *link* as it stands there, still encoded; empty if none."""
    found = re.search(rf"[?&](?:\$|%24){name}=([^&]*)", link, re.IGNORECASE)
    return found[1] if found else ""
