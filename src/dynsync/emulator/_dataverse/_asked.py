"""One request to the pretend Dataverse's Web API, taken apart."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from typing import Final

import attrs

from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._literals import split_outside
from dynsync.emulator._dataverse._state import State
from dynsync.emulator._messages import Call, Malformed, mapping
from dynsync.errors import ConfigurationError
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_store import Store
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["Asked", "Segment", "ask", "set_name"]

_ROOT: Final = re.compile(r"/api/data/(v9\.\d)/?")
_QUOTED_OR_PARAMETER: Final = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|@\w+""")
_SEGMENT: Final = re.compile(r"([^(]*)(?:\((.*)\))?", re.DOTALL)


@attrs.frozen
class Segment:
    """A piece of a path: ``leads(…)``. *args* is what stands in the brackets."""

    name: str
    args: str | None = None


@attrs.frozen
class Asked:
    """
    A request that was let in.

    *root* is the URL of the API as the client reached it, *options* the query options and
    *prefer* what the client would like. *loose* names in *options* are parameters
    (``@p1``).
    """

    state: State
    call: Call
    user: RecordId
    root: str
    path: tuple[Segment, ...]
    options: Mapping[str, str]
    prefer: Mapping[str, str]

    @property
    def store(self) -> Store:
        """Where the rows are kept."""
        return self.state.system.store

    def header(self, name: str) -> str:
        """Return a header, empty where there is none."""
        return self.call.headers.get(name, "").strip()

    def option(self, name: str) -> str:
        """Return a query option with its parameters (``@p1``) filled in; without a value, null."""
        text = self.options.get(name, "")
        if "@" not in text:
            return text
        return _QUOTED_OR_PARAMETER.sub(
            lambda found: self.options.get(found[0], "null") if found[0][0] == "@" else found[0],
            text,
        )

    def body(self) -> dict[str, object]:
        """Return the JSON object that was sent."""
        try:
            return mapping(self.call.json())
        except Malformed as error:
            message = f"Error identified in Payload provided by the user: {error}."
            raise bad(message, "0x80048d19") from None

    def table(self, entity_set: str) -> Table | None:
        """Return the table behind *entity_set*, None where there is none."""
        for name in self.store.names():
            if set_name(name) == entity_set:
                return self.store.table(name)
        return None

    def named(self, logical_name: str) -> Table | None:
        """Return the table of that name, None where there is none."""
        try:
            return self.store.table(logical_name)
        except ConfigurationError:
            return None


def set_name(table: str) -> str:
    """Return the name of the entity set of *table*."""
    if table.endswith("y"):
        return f"{table[:-1]}ies"
    return f"{table}es" if table.endswith(("s", "x")) else f"{table}s"


def ask(state: State, call: Call, user: RecordId) -> Asked:
    """Take *call* apart; raises `Refusal` where it leads nowhere."""
    found = _ROOT.match(call.path)
    if found is None:
        raise Refusal(404, "0x80060888", "Resource not found for the segment.")
    pieces = split_outside(call.path[found.end() :].strip("/"), "/")
    segments = tuple(_segment(piece) for piece in pieces if piece)
    root = f"{call.base}/api/data/{found.group(1)}"
    for name in ("mscrmcallerid", "callerobjectid"):
        if call.headers.get(name, user).strip().lower() != user:
            raise Refusal(501, "0x80060888", "Acting for another user is not emulated.")
    return Asked(state, call, user, root, segments, call.query(), _prefer(call))


def _segment(piece: str) -> Segment:
    match = _SEGMENT.fullmatch(piece)
    if match is None:
        raise Refusal(404, "0x80060888", "Resource not found for the segment.")
    return Segment(match.group(1), match.group(2))


def _prefer(call: Call) -> dict[str, str]:
    found: dict[str, str] = {}
    text = re.sub(r'"([^"]*)"', lambda m: urllib.parse.quote(m.group(1)), _header(call))
    for piece in text.split(","):
        name, _, value = piece.strip().partition("=")
        if name:
            found[name.strip().lower()] = urllib.parse.unquote(value.strip())
    return found


def _header(call: Call) -> str:
    return call.headers.get("prefer", "")
