"""The way in: tokens, limits, faults and the envelope around what is answered."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import attrs

from dynsync.emulator._marketo import (
    _activities,
    _custom,
    _describe,
    _exports,
    _fields,
    _imports,
    _leads,
    _sync,
    _usage,
)
from dynsync.emulator._marketo._asked import ApiError, Asked, Route, errors_reply
from dynsync.emulator._marketo._roles import allows
from dynsync.emulator._marketo._state import State
from dynsync.emulator._messages import Call, Dropped, Json, Malformed, Reply, json_reply
from dynsync.emulator._tokens import Expired
from dynsync.errors import Ambiguous, CursorExpired, Refused, SystemFailure, Throttled
from dynsync.records import Side
from dynsync.sandbox import Fault, SimulatedCrash
from dynsync.sandbox._marketo_people import Author

__all__ = ["ROUTES", "MarketoApi"]

_URI: Final = 8_192
_BODY: Final = 1_048_576
_FILE: Final = 10 * _BODY
_IDENTITY: Final = "/identity/oauth/token"
ROUTES: Final[tuple[Route, ...]] = (
    *_describe.ROUTES,
    *_fields.ROUTES,
    *_leads.ROUTES,
    *_sync.ROUTES,
    *_activities.ROUTES,
    *_custom.ROUTES,
    *_exports.ROUTES,
    *_imports.ROUTES,
    *_usage.ROUTES,
)
"""All that is served besides tokens."""

_OVER: Final[Mapping[str, tuple[str, str]]] = {
    "concurrency": ("615", "Concurrent access limit reached"),
    "window": ("606", "Max rate limit '100' exceeded with in '20' secs"),
    "day": ("607", "Daily quota reached"),
}


class MarketoApi:
    """Marketo's REST API: ``/identity``, ``/rest/v1`` and ``/bulk/v1``."""

    def __init__(self, state: State) -> None:
        self.state = state

    def answer(self, call: Call) -> Reply:
        """Return what Marketo says to *call*; raises `Dropped` where it says nothing."""
        if len(call.target) > _URI:
            return Reply(414, {"Content-Type": "text/html"}, b"<h1>414 Request-URI Too Large</h1>")
        if len(call.body) > (_FILE if call.path.startswith("/bulk/") else _BODY):
            return Reply(413, {"Content-Type": "text/html"}, b"<h1>413 Payload Too Large</h1>")
        if call.path == _IDENTITY:
            return self._token(call)
        try:
            found = self._let_in(call)
        except ApiError as error:
            self.state.count_error(error.code)
            found = errors_reply(error.code, error.message)
        except Malformed:
            self.state.count_error("609")
            found = errors_reply("609", "Invalid JSON")
        if isinstance(found, Reply):
            return found
        return json_reply({"requestId": self._request_id(), "success": True, **found})

    def _request_id(self) -> str:
        number = next(self.state.numbers)
        return f"{number * 40_503 % 65_536:x}#{number + 0x14272D07D78:x}"

    def _token(self, call: Call) -> Reply:
        params = {**call.query(), **call.form()}
        tokens = self.state.tokens
        given = tokens.give(params.get("client_id", ""), params.get("client_secret", ""))
        if given is None or params.get("grant_type") != "client_credentials":
            said = {"error": "invalid_client", "error_description": "Bad client credentials"}
            return json_reply(said, status=401)
        body = {
            "access_token": given.text,
            "token_type": "bearer",
            "expires_in": tokens.left(given),
            "scope": given.user,
        }
        return json_reply(body, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _let_in(self, call: Call) -> Json | Reply:
        params = {**call.query(), **call.form()}
        user = self._user(call, params)
        method = call.verb()
        if call.method == "POST":
            params.pop("_method", None)
        route, names = _route(method, call.path)
        asked = Asked(self.state, call, params, names, Author(user, "sync"))
        with self._call(route.operation, user) as fault:
            if not allows(self.state.role, method, call.path):
                raise ApiError("603", "Access denied")
            partial = fault is not None and fault.kind == "partial" and route.method != "GET"
            found = route.handler(attrs.evolve(asked, rows_taken="half") if partial else asked)
        if partial:
            raise Dropped
        return found

    def _user(self, call: Call, params: Mapping[str, str]) -> str:
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        if not scheme and self.state.signed_by == "parameter":
            scheme, text = "bearer", params.get("access_token", "")
        try:
            user = self.state.tokens.user_of(text.strip()) if scheme.lower() == "bearer" else None
        except Expired:
            raise ApiError("602", "Access token expired") from None
        if user is None:
            raise ApiError("601", "Access token invalid")
        return user

    @contextmanager
    def _call(self, operation: str, user: str) -> Generator[Fault | None]:
        system = self.state.system
        try:
            # As in the connector: a lost response is of a call that was applied.
            with (
                system.limiter.call(),
                system.faults.guard(Side.MARKETO, system.clock, operation) as fault,
                system.house.store.transaction(),
            ):
                self.state.count(user)
                yield fault
        except (Ambiguous, SimulatedCrash):
            raise Dropped from None
        except SystemFailure as failure:
            raise _told(failure) from None


def _told(failure: SystemFailure) -> ApiError:
    match failure:
        case Throttled():
            return ApiError(*_OVER.get(failure.scope, _OVER["window"]))
        case Refused():
            return ApiError("603", "Access denied")
        case CursorExpired():
            return ApiError("1003", "Invalid value for parameter 'nextPageToken'")
        case _:
            return ApiError("608", "API Temporarily Unavailable")


def _route(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    known = False
    for route in ROUTES:
        if found := route.path.fullmatch(path):
            known = True
            if route.method == method:
                return route, found.groupdict()
    if known:
        raise ApiError("605", f"HTTP method '{method}' is not supported")
    raise ApiError("610", "Requested resource not found")
