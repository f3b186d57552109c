"""One call to the pretend Marketo's REST API, and how what it answers is wrapped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from dynsync.emulator._marketo._state import State
from dynsync.emulator._messages import Call, Json, Malformed, Reply, listing, mapping
from dynsync.sandbox._marketo_people import Author, People
from dynsync.sandbox._marketo_store import Store

__all__ = [
    "ApiError",
    "Asked",
    "Handler",
    "Route",
    "errors_reply",
    "needed",
    "no_lists",
    "rows_of",
    "whole",
]


class ApiError(Exception):
    """Nothing was done; told as HTTP 200 with *code* and *message*."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@attrs.frozen
class Asked:
    """
    A call that was let in.

    *params* are those of the URL and of a form; *names* the parts of the path. Only half of
    the rows are taken where the connection is going to break in the middle.
    """

    state: State
    call: Call
    params: Mapping[str, str]
    names: Mapping[str, str]
    author: Author
    rows_taken: Literal["all", "half"] = "all"

    @property
    def house(self) -> People:
        """The people."""
        return self.state.system.house

    @property
    def store(self) -> Store:
        """Where the people are kept."""
        return self.state.system.house.store

    def body(self) -> dict[str, object]:
        """Return the JSON object that was sent; raises `ApiError` for anything else."""
        try:
            found = mapping(self.call.json())
        except Malformed:
            raise ApiError("609", "Invalid JSON") from None
        if "json" not in self.call.headers.get("content-type", "").lower():
            raise ApiError("612", "Invalid Content Type")
        return found


Handler: TypeAlias = Callable[[Asked], "Json | Reply"]
"""Answers a call: with what stands in the envelope beside ``success``, or with all of it."""


def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


@attrs.frozen
class Route:
    """
    Where a *handler* is found.

    *operation* is the name under which the sandbox counts the call and plans faults for it.
    """

    method: str
    path: re.Pattern[str] = attrs.field(converter=_compiled)
    operation: str = attrs.field()
    handler: Handler = attrs.field()


def errors_reply(code: str, message: str) -> Json:
    """Return the envelope of a call that failed, without its request id."""
    return {"success": False, "errors": [{"code": code, "message": message}]}


def needed(asked: Asked, name: str) -> str:
    """Return the parameter *name*; raises `ApiError` where it is missing."""
    value = asked.params.get(name, "")
    if not value:
        raise ApiError("1002", f"Missing value for the required parameter '{name}'")
    return value


def no_lists(params: Mapping[str, str]) -> None:
    """Raise `ApiError` where *params* name a list: there is none, and nobody is in it."""
    if listed := params.get("listId"):
        raise ApiError("1013", f"List '{listed}' not found")


def whole(asked: Asked, name: str, default: int) -> int:
    """Return the parameter *name*, a number from 1 up to its *default*."""
    text = asked.params.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not int(text):
        raise ApiError("1001", f"Invalid value '{name}'. Required of type 'Integer'")
    return min(int(text), default)


def rows_of(asked: Asked, most: int = 300) -> Sequence[dict[str, object]]:
    """Return the rows of ``input``; raises `ApiError` for none or more than *most*."""
    body = asked.body()
    try:
        rows = [mapping(row) for row in listing(body.get("input"))]
    except Malformed:
        raise ApiError("1002", "Missing value for the required parameter 'input'") from None
    if not rows:
        raise ApiError("701", "input cannot be blank")
    if len(rows) > most:
        raise ApiError("1003", f"The number of records exceeds the limit of {most}")
    return rows if asked.rows_taken == "all" else rows[: len(rows) // 2]
