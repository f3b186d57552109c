"""A connector to Dynamics over the emulator of its Web API: by HTTP, or without sockets."""

from __future__ import annotations

from typing import Final

from dynsync.connectors import Clock
from dynsync.dynamics import ClientSecret, DataverseConnector, DynamicsOptions
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Direct, Emulator
from dynsync.limiting import Limiter, Pace
from dynsync.records import Side
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo

__all__ = ["SMALL_PAGES", "over", "signing_in"]

SMALL_PAGES: Final = DynamicsOptions(page=2)


def signing_in(authority: str) -> ClientSecret:
    """Return the service principal that every emulator knows."""
    return ClientSecret(
        tenant=TENANT, client_id=CLIENT_ID, secret=CLIENT_SECRET, authority=authority
    )


def limiter(clock: Clock) -> Limiter:
    """Return a limiter that limits nothing: the sandbox does that, where it is to."""
    return Limiter(Side.DYNAMICS, Pace(calls=1_000_000, seconds=1, at_once=1), clock)


def over(
    org: SandboxDynamics, clock: SandboxClock, *, options: DynamicsOptions = SMALL_PAGES
) -> tuple[DataverseConnector, Emulator]:
    """Return a connector to *org* that has signed in, and the emulator between them."""
    emulator = Emulator(SandboxMarketo(clock=clock), org, clock)
    emulator.dataverse_api.tokens.lifetime = 1e9
    url = "http://127.0.0.1:1"
    made = DataverseConnector(
        url,
        transport=Direct(emulator),
        credentials=signing_in(url),
        limiter=limiter(clock),
        clock=clock,
        options=options,
    )
    # What fails next is then what is asked for next, and no token or table's description.
    made.describe("contact")
    return made, emulator
