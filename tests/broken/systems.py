"""The sandboxes as a check of their connectors needs them: fresh, and with a hand inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

import attrs

from dynsync.records import RecordId, Wire
from dynsync.sandbox import (
    NO_LIMITS,
    Fault,
    FaultKind,
    Limits,
    SandboxClock,
    SandboxDynamics,
    SandboxDynamicsConnector,
    SandboxMarketo,
    SandboxMarketoConnector,
)
from dynsync.schemas import Access, Column, Option
from dynsync.testing import Trouble

__all__ = [
    "COLUMNS",
    "DynamicsOutside",
    "MarketoOutside",
    "dynamics",
    "marketo",
]

FAULTS: Final[Mapping[Trouble, FaultKind]] = {
    "throttled": "throttled",
    "down": "down",
    "lost": "lost_response",
}

COLUMNS: Final = (
    Column("contactid", type="Uniqueidentifier", access=Access.READ),
    Column("lastname", type="String", length=50, required=True),
    Column("firstname", type="String", length=40),
    Column("emailaddress1", type="String", length=100),
    Column("donotphone", type="Boolean"),
    Column("new_score", type="Integer", minimum=Decimal(0), maximum=Decimal(100), digits=0),
    Column("new_rating", type="Picklist", options=(Option(1, "Hot"), Option(2, "Cold"))),
    Column("birthdate", type="DateOnly"),
    Column("modifiedby", type="Lookup", access=Access.READ),
)
"""Few columns, so that a fresh org is there at once."""

PEOPLE: Final = (
    Column("id", type="integer", access=Access.READ),
    Column("lastName", type="string", length=255),
    Column("firstName", type="string", length=255),
    Column("email", type="email", length=255),
    Column("unsubscribed", type="boolean"),
    Column("leadScore", type="score", minimum=Decimal(-1000), maximum=Decimal(1000)),
    Column("dateOfBirth", type="date"),
    Column("crmContactId", type="string", length=255),
)
"""The same for people."""


@attrs.frozen
class DynamicsOutside:
    """A person at work in a sandbox org, who can also let time pass and requests fail."""

    org: SandboxDynamics
    clock: SandboxClock
    table: str = "contact"

    def create(self, values: Mapping[str, Wire]) -> RecordId:
        """Make a row."""
        return self.org.create(self.table, values)

    def edit(self, id: RecordId, values: Mapping[str, Wire]) -> None:
        """Edit a row."""
        self.org.edit(self.table, id, values)

    def delete(self, id: RecordId) -> None:
        """Delete a row."""
        self.org.delete(self.table, id)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def expire(self) -> None:
        """Forget all cursors."""
        self.org.expire_cursors()

    def fail(self, trouble: Trouble) -> None:
        """Let the next request fail."""
        self.org.faults.plan("*", Fault(FAULTS[trouble]))


@attrs.frozen
class MarketoOutside:
    """A person at work in a sandbox Marketo."""

    system: SandboxMarketo
    clock: SandboxClock

    def create(self, values: Mapping[str, Wire]) -> RecordId:
        """Make a person."""
        return self.system.create_person(values)

    def edit(self, id: RecordId, values: Mapping[str, Wire]) -> None:
        """Edit a person."""
        self.system.edit(id, values)

    def delete(self, id: RecordId) -> None:
        """Delete a person."""
        self.system.delete(id)

    def advance(self, seconds: float) -> None:
        """Let time pass; what was held back arrives."""
        self.clock.advance(seconds)

    def expire(self) -> None:
        """Forget all cursors."""
        self.system.forget_changes()

    def fail(self, trouble: Trouble) -> None:
        """Let the next request fail."""
        self.system.faults.plan("*", Fault(FAULTS[trouble]))

    def lines(self, id: RecordId) -> Sequence[str]:
        """Return the keys of the lines in a person's log."""
        return [line.key for line in self.system.activity_log(id)]


def dynamics(
    *, page_size: int = 2, limits: Limits = NO_LIMITS
) -> tuple[SandboxDynamicsConnector, DynamicsOutside]:
    """Return a connector to a fresh org with small pages."""
    clock = SandboxClock()
    tables = {"contact": COLUMNS}
    org = SandboxDynamics(clock=clock, tables=tables, page_size=page_size, limits=limits)
    return org.connector(), DynamicsOutside(org, clock)


def marketo(*, limits: Limits = NO_LIMITS) -> tuple[SandboxMarketoConnector, MarketoOutside]:
    """Return a connector to a fresh Marketo."""
    clock = SandboxClock()
    system = SandboxMarketo(clock=clock, columns=PEOPLE, limits=limits)
    return system.connector(), MarketoOutside(system, clock)
