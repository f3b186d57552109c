"""What the pretend Dataverse's Web API refuses, and how it says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dynsync.emulator._messages import Reply, json_reply
from dynsync.sandbox import Denied

__all__ = [
    "ODATA",
    "Refusal",
    "bad",
    "denied",
    "error_reply",
    "expired",
    "missing_key",
    "missing_row",
]

ODATA: Final = "application/json; odata.metadata=minimal"
"""The content type of every answer."""

_STATUS: Final[Mapping[str, int]] = {
    "0x80040217": 404,
    "0x80060891": 404,
    "0x80040237": 412,
    "0x80060892": 412,
    "0x80060882": 412,
    "0x80040333": 412,
    "0x80040220": 403,
    "0x80048306": 403,
    "0x8004f502": 403,
    "0x8004f504": 403,
    "0x8004f507": 403,
    "0x8004f506": 403,
    "0x80040227": 405,
}


class Refusal(Exception):
    """A request is answered with *status* and an error of *code* and *message*."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def error_reply(refusal: Refusal) -> Reply:
    """Return *refusal* as the Web API tells it."""
    body = {"error": {"code": refusal.code, "message": refusal.message}}
    headers = {"OData-Version": "4.0", **refusal.headers}
    return json_reply(body, status=refusal.status, type=ODATA, headers=headers)


def bad(message: str, code: str = "0x0") -> Refusal:
    """Return the refusal of a request that makes no sense."""
    return Refusal(400, code, message)


def denied(reason: Denied) -> Refusal:
    """Return what the sandbox refused, with the status that goes with its code."""
    code, message = reason.reason.code, reason.reason.message
    return Refusal(_STATUS.get(code.lower(), 400), code, message)


def missing_row(table: str, key: str) -> Refusal:
    """Return the refusal of a row that is not there."""
    message = f"Entity '{table.capitalize()}' With Id = {key} Does Not Exist"
    return Refusal(404, "0x80040217", message)


def missing_key(table: str) -> Refusal:
    """Return the refusal of a key that no row has. It holds no value of the key."""
    message = f"A record with the specified key values does not exist in the entity {table}."
    return Refusal(404, "0x80060891", message)


def expired() -> Refusal:
    """Return what a delta token that is no longer known is answered."""
    message = "Version stamp associated with the client has expired. Please perform a full sync."
    return Refusal(400, "0x80044352", message)
