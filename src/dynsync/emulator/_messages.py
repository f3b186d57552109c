"""A request as the emulators see it, and what they answer: no socket in here. Pure."""

from __future__ import annotations

import functools
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn, TypeAlias, cast

import attrs

from dynsync.records import Wire

__all__ = [
    "Call",
    "Dropped",
    "Json",
    "Malformed",
    "Reply",
    "json_reply",
    "listing",
    "mapping",
    "wire",
    "wires",
]

Json: TypeAlias = Mapping[str, object]
"""A JSON object."""

_FORM: Final = "application/x-www-form-urlencoded"


class Malformed(ValueError):
    """A body that is not what it should be; the message quotes nothing of it."""


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@attrs.frozen
class Call:
    """
    One HTTP request: *target* is what its first line names, *base* where it came in.

    Header names are in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    @property
    def raw_path(self) -> str:
        """The path as it was sent."""
        return urllib.parse.urlsplit(self.target).path

    @property
    def path(self) -> str:
        """The path, decoded."""
        return urllib.parse.unquote(self.raw_path)

    def query(self) -> dict[str, str]:
        """Return the parameters of the URL, names and values decoded."""
        return _parameters(urllib.parse.urlsplit(self.target).query)

    def form(self) -> dict[str, str]:
        """Return the parameters of a form body; none where the body is something else."""
        if not self.headers.get("content-type", "").startswith(_FORM):
            return {}
        return _parameters(self.body.decode("utf-8", "replace"))

    def verb(self) -> str:
        """Return the method, or the one that a POST to Marketo stands for, by ``_method``."""
        if self.method != "POST":
            return self.method
        return {**self.query(), **self.form()}.get("_method", self.method).upper()

    def json(self) -> object:
        """Return what the body holds; raises `Malformed`."""
        try:
            return cast("object", json.loads(self.body, parse_constant=_no_number))
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON") from None


def _no_number(word: str) -> NoReturn:
    # Python reads NaN and Infinity, which are no JSON.
    raise ValueError(word)


@attrs.frozen
class Reply:
    """One HTTP response."""

    status: int = 200
    headers: Mapping[str, str] = attrs.Factory(dict[str, str])
    body: bytes = b""


def json_reply(
    body: object,
    *,
    status: int = 200,
    type: str = "application/json;charset=UTF-8",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return *body* as JSON."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    data = text.encode("utf-8", "backslashreplace")
    return Reply(status, {"Content-Type": type, **(headers or {})}, data)


def mapping(value: object) -> dict[str, object]:
    """Return *value*, a JSON object; raises `Malformed`."""
    if not isinstance(value, dict):
        raise Malformed("there must be a JSON object here")
    return cast("dict[str, object]", value)


def listing(value: object) -> Sequence[object]:
    """Return *value*, a JSON list; raises `Malformed`."""
    if not isinstance(value, list):
        raise Malformed("there must be a JSON list here")
    return cast("list[object]", value)


def wire(value: object) -> Wire:
    """Return *value*, a scalar; raises `Malformed`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Malformed("there must be a single value here")


def wires(values: Mapping[str, object]) -> dict[str, Wire]:
    """Return *values*, all scalars; raises `Malformed`."""
    return {name: wire(value) for name, value in values.items()}


@functools.lru_cache(maxsize=256)
def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(urllib.parse.parse_qsl(text, keep_blank_values=True))


def _parameters(text: str) -> dict[str, str]:
    # A client that gives a list names the parameter again for each of its values.
    found: dict[str, str] = {}
    for name, value in _pairs(text):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
