"""Calls are full before they are made, whatever is to be written."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dynsync.emulator import Direct, Emulator
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.reports import Report
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sync import Sync
from dynsync.transport import Request, Response, Transport
from marketo_emulated import connected


@attrs.define
class Counting:
    """Carries requests by *inner*, and keeps how many rows each that writes people held."""

    inner: Transport
    rows: list[int] = attrs.Factory(list[int])

    def send(self, request: Request) -> Response:
        """Return the answer."""
        if request.method == "POST" and request.url.endswith("/rest/v1/leads.json"):
            self.rows.append((request.body or b"").count(b'"microsoftType"'))
        return self.inner.send(request)


def first_load(tables: Sequence[str]) -> tuple[Report, list[int]]:
    """Sync a Dynamics with a row in each of *tables*; return by calls of how many rows."""
    clock = SandboxClock()
    with SandboxMarketo(clock=clock) as marketo, SandboxDynamics(clock=clock) as dynamics:
        line = Counting(Direct(Emulator(marketo, dynamics, clock)))
        for number, table in enumerate(tables):
            dynamics.create(table, {"lastname": f"Number {number}"})
            # The backlog is done in the order in which records were changed.
            clock.advance(1)
        sync = Sync(
            marketo=connected("http://127.0.0.1:1", line, clock),
            dynamics=dynamics.connector(),
            maps=(LEAD, CONTACT),
            store=MemoryStore(),
            clock=clock,
        )
        return sync.run(), line.rows


def test_leads_and_contacts_fill_calls_of_their_own() -> None:
    """They are looked up by other fields, and however they are mixed, no call is half full."""
    report, rows = first_load(["lead", "contact"] * 330)

    assert 660 == report.records
    assert [300, 300, 30, 30] == sorted(rows, reverse=True)
