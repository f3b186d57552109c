"""The simulator's world behind both APIs: real connectors, HTTP, and what goes wrong with it."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from typing import Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import attrs
from typing_extensions import override

from dynsync.connectors import DynamicsConnector, MarketoConnector
from dynsync.dynamics import ClientSecret, DataverseConnector, DynamicsOptions
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Direct, Emulator
from dynsync.http import HttpxTransport
from dynsync.limiting import Limiter, Pace
from dynsync.marketo import CustomService, FullRead, MarketoOptions, MarketoRestConnector
from dynsync.records import Pair, Side
from dynsync.testing._histories._draws import Over
from dynsync.testing._histories._sandbox_world import SandboxWorld
from dynsync.testing._histories._way import Wire, WireFaults
from dynsync.transport import Request, Response, Transport

__all__ = ["HttpWorld"]

T = TypeVar("T")
P = ParamSpec("P")

_URL: Final = "http://127.0.0.1:1"
_UNLIMITED: Final = Pace(calls=1_000_000, seconds=1, at_once=1)
"""The sandboxes of histories have no limits either: what is throttled is told so by a fault."""

_FULL: Final[tuple[FullRead, ...]] = ("ids", "ids", "ids", "bulk")
_PAGES: Final = (1, 2, 5_000)


class HttpWorld(SandboxWorld):
    """
    A world of two sandbox systems whose sync goes over both APIs.

    Faults happen to requests instead of calls. Each process reads in a way of its own: by bulk
    extract or by ids, in small pages or in large ones. *over* ``"http"`` there is no socket,
    *over* ``"loopback"`` there are, and threads that serve them.
    """

    def __init__(self, over: Over, reached: Counter[str] | None = None) -> None:
        super().__init__(reached)
        self.emulator = Emulator(self.box, self.org, self.clock)
        self._chance = random.Random(0)  # noqa: S311 - the same again is what is asked for
        self._open = ExitStack()
        transport: Transport = Direct(self.emulator)
        if over == "loopback":
            self._open.enter_context(self.emulator.serving("127.0.0.1", 0))
            sockets = self._open.enter_context(HttpxTransport(proxies="none"))
            transport = _Elsewhere(sockets, self.emulator.url)
        self._wires = Pair(*(Wire(side, self.emulator, transport, self.reached) for side in Side))
        inside = Pair(self.box.faults, self.org.faults)
        self.faults = Pair(*(WireFaults(self._wires[side], inside[side]) for side in Side))

    @override
    def close(self) -> None:
        """Let go of both systems, and of what serves them."""
        self._open.close()
        super().close()

    @override
    def connectors(self) -> tuple[MarketoConnector, DynamicsConnector]:
        """Return the connectors of a new process."""
        return self._marketo(), self._dynamics()

    def _marketo(self) -> MarketoRestConnector:
        full = self._chance.choice(_FULL)
        return MarketoRestConnector(
            _URL,
            transport=self._wires.marketo,
            credentials=CustomService(client_id=CLIENT_ID, secret=CLIENT_SECRET),
            clock=self.clock,
            limiter=Limiter(Side.MARKETO, _UNLIMITED, self.clock, _Inline()),
            options=MarketoOptions(full=full, gap=300, began=dt.date(2026, 1, 1)),
        )

    def _dynamics(self) -> DataverseConnector:
        return DataverseConnector(
            _URL,
            transport=self._wires.dynamics,
            credentials=ClientSecret(
                tenant=TENANT, client_id=CLIENT_ID, secret=CLIENT_SECRET, authority=_URL
            ),
            clock=self.clock,
            limiter=Limiter(Side.DYNAMICS, _UNLIMITED, self.clock, _Inline()),
            options=DynamicsOptions(page=self._chance.choice(_PAGES)),
        )


@attrs.frozen
class _Elsewhere:
    """Carries requests to *url*, which is another in every history, as if it were always one."""

    transport: Transport
    url: str

    def send(self, request: Request) -> Response:
        """Return the answer to *request*, with links as they are where there is no socket."""
        headers = {**request.headers, "Host": urlsplit(_URL).netloc}
        url = request.url.replace(_URL, self.url, 1)
        return self.transport.send(attrs.evolve(request, url=url, headers=headers))


class _Inline(Executor):
    """Does each job as it comes: threads would make no two histories the same."""

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return what became of the job, which is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the end of the process among them
            future.set_exception(error)
        return future
