"""A Marketo connector over the emulator of its API: by HTTP, or without sockets."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import attrs

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, Direct, Emulator
from dynsync.limiting import Limiter, Pace
from dynsync.marketo import CustomService, MarketoOptions, MarketoRestConnector
from dynsync.marketo._options import FullRead
from dynsync.records import RecordId, Side, Wire
from dynsync.sandbox import Fault, FaultKind, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.testing import Trouble
from dynsync.transport import Transport

__all__ = ["SERVICE", "Somebody", "connected", "over"]

SERVICE = CustomService(client_id=CLIENT_ID, secret=CLIENT_SECRET)


@attrs.frozen
class Somebody:
    """Who else is at work in a sandbox Marketo."""

    marketo: SandboxMarketo
    clock: SandboxClock

    def create(self, values: Mapping[str, Wire]) -> RecordId:
        """Make a person."""
        return self.marketo.create_person(values)

    def edit(self, id: RecordId, values: Mapping[str, Wire]) -> None:
        """Change a person."""
        self.marketo.edit(id, values)

    def delete(self, id: RecordId) -> None:
        """Delete a person."""
        self.marketo.delete(id)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def expire(self) -> None:
        """Have the activities dropped, and every paging token with them."""
        self.marketo.forget_changes()

    def fail(self, trouble: Trouble) -> None:
        """Let the next call meet *trouble*."""
        kinds: Mapping[Trouble, FaultKind] = {
            "throttled": "throttled",
            "down": "down",
            "lost": "lost_response",
        }
        self.marketo.faults.plan("*", Fault(kinds[trouble]))

    def lines(self, id: RecordId) -> Sequence[str]:
        """Return the keys of the lines in somebody's log."""
        return [line.key for line in self.marketo.activity_log(id)]


def connected(
    url: str, transport: Transport, clock: SandboxClock, *, full: FullRead = "ids", at_once: int = 1
) -> MarketoRestConnector:
    """Return a connector to the emulator at *url*, for systems of a few people."""
    return MarketoRestConnector(
        url,
        transport=transport,
        credentials=SERVICE,
        clock=clock,
        limiter=Limiter(Side.MARKETO, Pace(calls=95, at_once=at_once), clock),
        options=MarketoOptions(full=full, gap=300, began=dt.date(2026, 1, 1)),
    )


def over(full: FullRead = "ids") -> tuple[MarketoRestConnector, Somebody]:
    """Return a connector to a fresh Marketo, and who else is at work there."""
    clock = SandboxClock()
    marketo = SandboxMarketo(clock=clock)
    emulator = Emulator(marketo, SandboxDynamics(clock=clock), clock)
    made = connected("http://127.0.0.1:1", Direct(emulator), clock, full=full)
    return made, Somebody(marketo, clock)
