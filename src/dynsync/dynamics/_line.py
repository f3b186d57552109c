"""The line to one organisation: every request goes out here, with a token and at a pace."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final, TypeVar

import attrs

from dynsync._addresses import trusted
from dynsync.dynamics._answers import fault_in
from dynsync.dynamics._tokens import Tokens
from dynsync.errors import ConfigurationError, SystemFailure
from dynsync.limiting import Limiter
from dynsync.transport import Flow, Request, Response, Transport, drive

__all__ = ["API", "Line", "origin"]

T = TypeVar("T")

API: Final = "/api/data/v9.2/"
"""Where the Web API begins, behind the host."""

_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*|::1", re.IGNORECASE)
_HEADERS: Final = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
}


def origin(url: str) -> str:
    """Return the scheme and host of an organisation's *url*; raise `ConfigurationError`."""
    parts = trusted(url)
    if parts is None or not _NAME.fullmatch(parts.hostname or ""):
        raise ConfigurationError(
            "The URL of a Dynamics organisation looks like https://example.crm.dynamics.com. "
            "What was given has no host, a password in it, or a scheme by which a token would "
            "be read on its way; http is for this machine alone."
        )
    return f"{parts.scheme}://{parts.netloc}"


@attrs.frozen(repr=False)
class Line:
    """Carries the requests of flows to the host at *origin*."""

    origin: str
    transport: Transport
    tokens: Tokens
    limiter: Limiter

    def run(self, flow: Flow[T]) -> T:
        """Return what *flow* returns, request after request. Raises `SystemFailure`."""
        return drive(flow, lambda request: self.limiter.call(lambda: self._send(request)))

    def run_all(self, flows: Sequence[Flow[T]]) -> list[T | SystemFailure]:
        """Return what became of each of *flows*, which run side by side."""
        return self.limiter.side_by_side([partial(self.run, flow) for flow in flows])

    def _send(self, request: Request) -> Response:
        """Return the answer; raise `Throttled` where it asks to slow down."""
        token = self.tokens.current()
        response = self.transport.send(self._signed(request, token))
        if response.status == _UNAUTHORIZED:
            # Nothing was done: the same may be sent with a token of now.
            self.tokens.forget(token)
            response = self.transport.send(self._signed(request, self.tokens.current()))
        fault = fault_in(response) if response.status == _TOO_MANY else None
        if fault is not None:
            raise fault.whole("a request", {})
        return response

    def _signed(self, request: Request, token: str) -> Request:
        headers = {**_HEADERS, **request.headers, "Authorization": f"Bearer {token}"}
        return attrs.evolve(request, url=f"{self.origin}{API}{request.url}", headers=headers)
