"""The way over HTTP: the connectors to the real APIs, and both APIs emulated on loopback."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

from dynsync.cli._demo._ways import Connectors, Way
from dynsync.dynamics import PACE as DYNAMICS_PACE
from dynsync.dynamics import ClientSecret, DataverseConnector
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, emulate
from dynsync.http import HttpxTransport
from dynsync.limiting import Limiter, Pace
from dynsync.marketo import PACE as MARKETO_PACE
from dynsync.marketo import CustomService, MarketoOptions, MarketoRestConnector
from dynsync.records import Side
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo, SimulatedCrash
from dynsync.transport import Request, Response, Transport

__all__ = ["OverHttp"]

_SERVICE: Final = CustomService(client_id=CLIENT_ID, secret=CLIENT_SECRET)


class _Mortal:
    """Carries requests by *transport* until the process is killed."""

    def __init__(self, transport: Transport, marketo: SandboxMarketo) -> None:
        self.doomed = False
        self._transport = transport
        self._marketo = marketo

    def send(self, request: Request) -> Response:
        """Return the answer to *request*, or die when it has been applied."""
        before = self._marketo.calls["write"]
        response = self._transport.send(request)
        if self.doomed and self._marketo.calls["write"] > before:
            self.doomed = False
            raise SimulatedCrash("after a write")
        return response


class OverHttp:
    """The connectors to both APIs at *url*, as a host would put them together."""

    def __init__(
        self, url: str, transport: Transport, marketo: SandboxMarketo, clock: SandboxClock
    ) -> None:
        self._url = url
        self._transport = _Mortal(transport, marketo)
        self._clock = clock
        self._made: tuple[MarketoRestConnector, DataverseConnector] | None = None

    @classmethod
    @contextmanager
    def opened(
        cls, marketo: SandboxMarketo, dynamics: SandboxDynamics, clock: SandboxClock
    ) -> Generator[Way]:
        """Serve both systems on a free port of loopback, and open the way to them."""
        # A proxy that the environment names knows nothing of this machine's loopback.
        with (
            emulate(marketo, dynamics, clock=clock) as emulator,
            HttpxTransport(proxies="none") as transport,
        ):
            way = cls(emulator.url, transport, marketo, clock)
            try:
                yield way
            finally:
                way.forget()

    def connectors(self) -> Connectors:
        """Return the connectors of the process that there is."""
        if self._made is None:
            self._made = self._marketo(), self._dynamics()
        return self._made

    def forget(self) -> None:
        """Let go of the connectors, with their tokens and all that they know."""
        if self._made is not None:
            for connector in self._made:
                connector.close()
            self._made = None

    def die_after_a_write(self) -> None:
        """Kill the process when Marketo's answer to a write is on the wire."""
        self._transport.doomed = True

    def _marketo(self) -> MarketoRestConnector:
        return MarketoRestConnector(
            self._url,
            transport=self._transport,
            credentials=_SERVICE,
            clock=self._clock,
            limiter=Limiter(Side.MARKETO, _one_at_a_time(MARKETO_PACE), self._clock),
            # The story's Marketo is as old as the story.
            options=MarketoOptions(began=self._clock.now().date()),
        )

    def _dynamics(self) -> DataverseConnector:
        return DataverseConnector(
            self._url,
            transport=self._transport,
            credentials=ClientSecret(
                tenant=TENANT, client_id=CLIENT_ID, secret=CLIENT_SECRET, authority=self._url
            ),
            clock=self._clock,
            limiter=Limiter(Side.DYNAMICS, _one_at_a_time(DYNAMICS_PACE), self._clock),
        )


def _one_at_a_time(pace: Pace) -> Pace:
    # Calls side by side would number the people in another order each time.
    return attrs.evolve(pace, at_once=1)
