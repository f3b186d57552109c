"""What goes wrong on the way to an API: each fault of a call, as HTTP knows it."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from typing_extensions import override

from dynsync.connectors import Clock
from dynsync.emulator import Emulator, Trouble, TroubleKind
from dynsync.records import Side
from dynsync.sandbox import Fault, FaultKind, Faults, SimulatedCrash
from dynsync.transport import Request, Response, Transport

__all__ = ["DEATHS", "TROUBLES", "Wire", "WireFaults"]

Death: TypeAlias = Literal["dies before", "dies after"]

TROUBLES: Final[Mapping[FaultKind, tuple[TroubleKind, ...]]] = {
    "throttled": ("throttled",),
    "down": ("gateway_before", "html", "token_lost"),
    "slow": ("slow_drip", "gzip", "token_lost"),
    "lost_request": ("dropped_before", "gateway_before"),
    "lost_response": ("dropped_after", "half_body", "gateway_after"),
    "cursor_expired": ("cursor_expired",),
}
"""What each fault may be on the way."""

DEATHS: Final[Mapping[FaultKind, Death]] = {
    "crash_before": "dies before",
    "crash_after": "dies after",
}
"""Where in a call the process dies: around any of its requests."""

_STORMS: Final = (1, 2, 3, 3, 7)
"""How many requests in a row are throttled; the limiter tries three times."""

_SKIPS: Final = (0, 0, 0, 1, 2)
"""How many requests of a call go well before something happens."""


class Wire:
    """
    Carries the requests to one *side* by *transport*, to an *emulator*, one after the other.

    *ahead* is what the next requests meet; *reached* counts what happened.
    """

    def __init__(
        self, side: Side, emulator: Emulator, transport: Transport, reached: Counter[str]
    ) -> None:
        self.side = side
        self.ahead: deque[Trouble | Death | None] = deque()
        self.emulator = emulator
        self.reached = reached
        self._transport = transport

    def send(self, request: Request) -> Response:
        """Return the answer to *request*, unless something happens to it."""
        match self.ahead.popleft() if self.ahead else None:
            case Trouble() as trouble:
                return self._troubled(request, trouble)
            case "dies before":
                raise self._death("dies before")
            case "dies after":
                self._transport.send(request)
                raise self._death("dies after")
            case None:
                return self._transport.send(request)

    def _troubled(self, request: Request, trouble: Trouble) -> Response:
        self.reached[f"http {trouble.kind}"] += 1
        self.emulator.troubles.plan(trouble)
        try:
            return self._transport.send(request)
        finally:
            self.emulator.troubles.clear()

    def _death(self, when: Death) -> SimulatedCrash:
        self.ahead.clear()
        self.reached[f"http {when}"] += 1
        return SimulatedCrash(f"{when} a request to {self.side.label}")


class WireFaults(Faults):
    """The faults of one side's calls, which happen to the requests of a call on the *wire*."""

    def __init__(self, wire: Wire, inside: Faults) -> None:
        super().__init__()
        self._wire = wire
        self._inside = inside
        self._chance = random.Random(wire.side.value)  # noqa: S311 - the same again is wanted

    @override
    @contextmanager
    def guard(self, side: Side, clock: Clock, operation: str) -> Generator[Fault | None]:
        """Have a call meet its fault on the way; the call itself is told of none."""
        fault = self.take(operation)
        if fault is not None:
            self._plan(fault, operation)
        try:
            yield None
        finally:
            self._wire.ahead.clear()
            self._inside.clear()

    def _plan(self, fault: Fault, operation: str) -> None:
        if fault.kind == "partial":
            self._inside.plan(operation, fault)
            self._wire.reached["http partial"] += 1
            return
        skipped = [None] * self._chance.choice(_SKIPS)
        death = DEATHS.get(fault.kind)
        if death is not None:
            self._wire.ahead.extend([*skipped, death])
            return
        trouble = Trouble(self._chance.choice(TROUBLES[fault.kind]), fault.retry_after)
        times = self._chance.choice(_STORMS) if trouble.kind == "throttled" else 1
        self._wire.ahead.extend([*skipped, *[trouble] * times])
