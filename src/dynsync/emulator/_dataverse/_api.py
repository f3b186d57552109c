"""The way in: tokens, limits, faults, and which handler answers which URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final

from dynsync.emulator._dataverse import _errors
from dynsync.emulator._dataverse._actions import ACTIONS
from dynsync.emulator._dataverse._asked import Asked, ask
from dynsync.emulator._dataverse._batches import batch
from dynsync.emulator._dataverse._changes import changes, count_changes, wants_tracking
from dynsync.emulator._dataverse._csdl import metadata_document, service_document
from dynsync.emulator._dataverse._errors import Refusal, error_reply
from dynsync.emulator._dataverse._metadata import definitions, metadata_changes
from dynsync.emulator._dataverse._multiple import MESSAGES
from dynsync.emulator._dataverse._properties import get_property, get_reference, get_value
from dynsync.emulator._dataverse._query import count, get_row, query
from dynsync.emulator._dataverse._security import who_am_i
from dynsync.emulator._dataverse._sets import SETS, small_set
from dynsync.emulator._dataverse._sign_in import sign_in
from dynsync.emulator._dataverse._state import State
from dynsync.emulator._dataverse._writes import clear_column, delete, patch, post, put_column
from dynsync.emulator._messages import Call, Dropped, Malformed, Reply
from dynsync.emulator._tokens import Expired
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    CursorExpired,
    Refused,
    SystemFailure,
    Throttled,
)
from dynsync.records import RecordId, Side
from dynsync.sandbox import Fault, SimulatedCrash
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["DataverseApi"]

_DATA: Final = "/api/data/"
_READS: Final[Mapping[str, Callable[[Asked], Reply]]] = {
    "$metadata": metadata_document,
    "EntityDefinitions": definitions,
    "RetrieveMetadataChanges": metadata_changes,
    "WhoAmI": who_am_i,
}
_BODY: Final = 128 * 1_048_576
_METHOD: Final = re.compile(rb"^(POST|PATCH|PUT|DELETE) ", re.MULTILINE)


class DataverseApi:
    """The Dataverse Web API, and the endpoint of Microsoft's that gives tokens for it."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, call: Call) -> Reply:
        """Return what Dataverse says to *call*; raises `Dropped` where it says nothing."""
        if not call.path.startswith(_DATA):
            return sign_in(self.state.tokens, call)
        try:
            return self._let_in(call)
        except Refusal as refusal:
            return error_reply(refusal)

    def busy(self, seconds: float) -> Reply:
        """Return what a client that is too fast is answered."""
        return error_reply(_busy("window", seconds))

    def expired(self) -> Reply:
        """Return what a delta token that is too old is answered."""
        return error_reply(_errors.expired())

    def _let_in(self, call: Call) -> Reply:
        user = self._user(call)
        if len(call.body) > _BODY:
            raise Refusal(413, "0x8004418A", "The request is too large.")
        asked = ask(self.state, call, user)
        with self._call(user, _operation(asked)) as fault:
            half = fault is not None and fault.kind == "partial"
            if asked.path and asked.path[0].name == "$batch":
                return batch(asked, lambda inner: self._part(inner, user), half=half)
            return self._part(call, user)

    def _user(self, call: Call) -> RecordId:
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        try:
            user = self.state.tokens.user_of(text.strip()) if scheme.lower() == "bearer" else None
        except Expired:
            user = None
        if user is None:
            where = f'Bearer authorization_uri="{call.base}/common/oauth2/authorize"'
            message = "The access token is missing, not valid or expired."
            raise Refusal(401, "0x80072560", message, {"WWW-Authenticate": where})
        return user

    def _part(self, call: Call, user: RecordId) -> Reply:
        """Answer one request that is no batch, applied wholly or not at all."""
        try:
            asked = ask(self.state, call, user)
            with self.state.system.store.writing():
                return _dispatch(asked)
        except Refusal as refusal:
            return error_reply(refusal)
        except Malformed as error:
            return error_reply(_errors.bad(f"Error in the payload: {error}.", "0x80048d19"))
        except ConfigurationError as error:
            return error_reply(Refusal(404, "0x80060888", str(error)))

    @contextmanager
    def _call(self, user: RecordId, operation: str) -> Generator[Fault | None]:
        system = self.state.system
        try:
            # As in the connector: a lost response is of a call that was applied.
            with (
                system.limiter(user).call(),
                system.faults.guard(Side.DYNAMICS, system.clock, operation) as fault,
            ):
                yield fault
        except (Ambiguous, SimulatedCrash):
            raise Dropped from None
        except SystemFailure as failure:
            raise _told(failure) from None


def _told(failure: SystemFailure) -> Refusal:
    match failure:
        case Throttled():
            return _busy(failure.scope, failure.retry_after)
        case Refused():
            return Refusal(403, "0x80072560", "The user is not a member of the organization.")
        case CursorExpired():
            return _errors.expired()
        case _:
            return Refusal(503, "0x80044150", "The service is temporarily unavailable.")


def _busy(scope: str, seconds: float) -> Refusal:
    headers = {"Retry-After": str(max(round(seconds), 1))}
    if scope == "concurrency":
        message = "Number of concurrent requests exceeded the limit of 52."
        return Refusal(429, "0x80072326", message, headers)
    message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
    return Refusal(429, "0x80072322", message, headers)


def _operation(asked: Asked) -> str:
    """Return the name under which the sandbox counts the request and plans faults for it."""
    head = asked.path[0] if asked.path else None
    if head is None:
        return "describe"
    if head.name == "$batch":
        return _operation_of_batch(asked.call.body)
    if head.name in ACTIONS:
        return "write"
    if asked.table(head.name) is None:
        return "describe"
    if asked.call.method != "GET":
        return "write"
    if wants_tracking(asked):
        return "read"
    return "fetch" if head.args is not None else "find"


def _operation_of_batch(body: bytes) -> str:
    if _METHOD.search(body):
        return "write"
    return "describe" if b"/EntityDefinitions" in body else "fetch"


def _dispatch(asked: Asked) -> Reply:
    if not asked.path:
        return service_document(asked)
    head = asked.path[0]
    table = asked.table(head.name)
    if table is not None:
        return _on_table(asked, table)
    if head.name == "$batch":
        raise _errors.bad("A batch holds no batch.", "0x80048d19")
    if asked.call.method == "POST" and head.name in ACTIONS:
        return ACTIONS[head.name](asked)
    if asked.call.method != "GET":
        raise Refusal(404, "0x80060888", f"Resource not found for the segment '{head.name}'.")
    if head.name in _READS:
        return _READS[head.name](asked)
    if head.name in SETS:
        return small_set(asked)
    raise Refusal(404, "0x80060888", f"Resource not found for the segment '{head.name}'.")


def _on_table(asked: Asked, table: Table) -> Reply:
    head, *rest = asked.path
    names = [segment.name for segment in rest]
    if head.args is None:
        return _on_all(asked, table, names)
    return _on_row(asked, table, head.args, names)


def _on_all(asked: Asked, table: Table, names: list[str]) -> Reply:
    match (asked.call.method, names):
        case "GET", []:
            return changes(asked, table) if wants_tracking(asked) else query(asked, table)
        case "GET", ["$count"]:
            return count_changes(asked, table) if wants_tracking(asked) else count(asked, table)
        case "POST", []:
            return post(asked, table)
        case "POST", [message] if message in MESSAGES:
            return MESSAGES[message](asked, table)
        case _:
            raise _not_so(asked)


def _on_row(asked: Asked, table: Table, args: str, names: list[str]) -> Reply:
    match (asked.call.method, names):
        case "GET", []:
            return get_row(asked, table, args)
        case "PATCH", []:
            return patch(asked, table, args)
        case "DELETE", []:
            return delete(asked, table, args)
        case "GET", [name]:
            return get_property(asked, table, args, name)
        case "GET", [name, "$value"]:
            return get_value(asked, table, args, name)
        case "GET", [name, "$ref"]:
            return get_reference(asked, table, args, name)
        case "PUT", [name] | [name, "$ref"]:
            return put_column(asked, table, args, name)
        case "DELETE", [name] | [name, "$ref"]:
            return clear_column(asked, table, args, name)
        case _:
            raise _not_so(asked)


def _not_so(asked: Asked) -> Refusal:
    message = f"The method {asked.call.method} is not supported here."
    return Refusal(405, "0x80060888", message)
