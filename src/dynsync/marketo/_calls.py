"""Calls to one instance: each with a token, and at the pace of the limiter."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

import attrs

from dynsync._addresses import is_token
from dynsync._headers import seconds, told_at
from dynsync.connectors import Clock
from dynsync.errors import Refused, SystemFailure, Unavailable
from dynsync.limiting import Limiter
from dynsync.marketo._api import Api
from dynsync.marketo._json import parsed, text_of
from dynsync.marketo._replies import UNREACHED, code_of, failed, failure_of_status
from dynsync.marketo.failures import Becomes, Failure, failure_of
from dynsync.records import Side
from dynsync.transport import Flow, Lost, NotSent, Request, Response, Transport, drive

__all__ = ["Calls", "CustomService", "all_of"]

T = TypeVar("T")

_EARLY: Final = 10.0
"""
How many seconds before its end a token is asked for anew.

Marketo gives the same one again until it has ended, so that more would only be more requests.
"""

_FOR_EVER: Final = 1e9
"""Seconds that no token lasts: a number without an end leads to no date."""

_SLOWED: Final = frozenset({Becomes.WINDOW, Becomes.CONCURRENCY, Becomes.DAY})


@attrs.frozen(kw_only=True)
class CustomService:
    """A custom service of Marketo's, from Admin > LaunchPoint. The secret is in no repr."""

    client_id: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class _Token:
    text: str = attrs.field(repr=False)
    ends: dt.datetime


class Calls:
    """
    Sends what flows yield: gets tokens, renews them, and waits its turn.

    Marketo's clock is known from its replies, and *now* is the time by it.
    """

    def __init__(
        self,
        api: Api,
        credentials: CustomService,
        transport: Transport,
        limiter: Limiter,
        clock: Clock,
    ) -> None:
        self.limiter = limiter
        self._api = api
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        """Return the time by Marketo's clock, as far as it has told it."""
        self._current(None)
        return self._clock.now() - self._ahead

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self._clock.sleep(seconds)

    def run(self, flow: Flow[T]) -> T:
        """Return what *flow* returns."""
        return drive(flow, self._send)

    def run_all(self, flows: Sequence[Flow[T]]) -> list[T | SystemFailure]:
        """Run *flows* side by side, as far as the limiter lets them, each with its outcome."""
        return self.limiter.side_by_side([partial(self.run, flow) for flow in flows])

    def _send(self, request: Request) -> Response:
        return self.limiter.call(partial(self._authorized, request))

    def _authorized(self, request: Request) -> Response:
        """Send *request* with a token, with a new one if that is what Marketo asks for."""
        token = self._current(None)
        response, complaint = self._carried(request, token)
        if complaint is not None and complaint.call is Becomes.RENEWED:
            response, complaint = self._carried(request, self._current(token))
        if complaint is not None and complaint.call in _SLOWED:
            # Raised here, and not by the flow: the limiter is to hear of it.
            raise failed(complaint, "reading", response)
        return response

    def _carried(self, request: Request, token: _Token) -> tuple[Response, Failure | None]:
        headers = {**request.headers, "Authorization": f"Bearer {token.text}"}
        response = self._transport.send(attrs.evolve(request, headers=headers))
        return response, _complaint(response)

    def _current(self, refused: _Token | None) -> _Token:
        """Return a token that has not ended and is not the one that was *refused*."""
        with self._lock:
            held = self._token
            if held is None or held is refused or held.ends <= self._clock.now():
                self._token = held = drive(self._asked_token(), self._transport.send)
            return held

    def _asked_token(self) -> Flow[_Token]:
        request = self._api.token(self._credentials.client_id, self._credentials.secret)
        try:
            response = yield request
        except (NotSent, Lost) as failure:
            # Whatever was to be done with the token, it was not done.
            raise Unavailable(Side.MARKETO, f"no token, {UNREACHED} ({failure})") from None
        return self._token_in(response)

    def _token_in(self, response: Response) -> _Token:
        said = parsed(response.body)
        if response.status in _NOT_ACCEPTED or (said is not None and "error" in said):
            raise Refused(Side.MARKETO, _NOT_KNOWN)
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise failed(failure_of_status(response), "reading", response)
        text = "" if said is None else text_of(said, "access_token")
        if said is None or not is_token(text):
            raise Refused(Side.MARKETO, _NOT_MARKETO)
        now = self._clock.now()
        at = told_at(response.headers)
        self._ahead = now - at if at is not None else dt.timedelta()
        lasts = max(0.0, seconds(said.get("expires_in"), 0.0, _FOR_EVER) - _EARLY)
        return _Token(text, now + dt.timedelta(seconds=lasts))


def all_of(outcomes: Sequence[T | SystemFailure]) -> list[T]:
    """Return what came of all; raise the first failure if there is one."""
    done: list[T] = []
    for outcome in outcomes:
        if isinstance(outcome, SystemFailure):
            raise outcome
        done.append(outcome)
    return done


_NOT_ACCEPTED: Final = (400, 401)
_NOT_KNOWN: Final = (
    "the client id and secret are not accepted; take them from Admin > LaunchPoint, "
    "View Details of the custom service"
)
_NOT_MARKETO: Final = (
    "the identity service answers with something else than a token; the URL is that of the "
    "REST API, see Admin > Web Services"
)


def _complaint(response: Response) -> Failure | None:
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        return failure_of_status(response)
    code = code_of(response)
    return failure_of(code) if code else None
