"""The two systems of a history, as those see them who are not the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from dynsync.connectors import ActivityLine, Clock, DynamicsConnector, MarketoConnector
from dynsync.records import RecordId, Wire
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo

__all__ = [
    "DynamicsSystem",
    "KeepsLog",
    "MakeSystems",
    "MarketoSide",
    "MarketoSystem",
    "OneSystem",
    "clock_of",
    "two_systems",
]


class OneSystem(Protocol):
    """
    One of the two systems: what people see of it, and what they do in it.

    Ids and values are the system's own. What is done here is done by somebody else than the
    sync user. `create`, `edit` and `delete` take values that the system takes.
    """

    def rows(self, table: str, /) -> Mapping[RecordId, Mapping[str, Wire]]:
        """Return all records of *table*, with all the values that they truly hold."""
        ...

    def row(self, table: str, id: RecordId, /) -> Mapping[str, Wire] | None:
        """Return one of them, None where there is none."""
        ...

    def create(self, table: str, values: Mapping[str, Wire], /) -> RecordId:
        """Have somebody make a record."""
        ...

    def edit(self, table: str, id: RecordId, values: Mapping[str, Wire], /) -> None:
        """Have somebody set *values* of one."""
        ...

    def delete(self, table: str, id: RecordId, /) -> None:
        """Have somebody delete one."""
        ...

    def close(self) -> None:
        """Let go of it: the history is over."""
        ...


class MarketoSystem(OneSystem, Protocol):
    """A Marketo."""

    def connector(self) -> MarketoConnector:
        """Return the connector to be tested; called for every run."""
        ...


class DynamicsSystem(OneSystem, Protocol):
    """A Dynamics."""

    def connector(self) -> DynamicsConnector:
        """Return the connector to be tested; called for every run."""
        ...


@runtime_checkable
class KeepsLog(Protocol):
    """A Marketo that shows the activity logs: then it is checked what people are told there."""

    def activity_log(self, id: RecordId, /) -> Sequence[ActivityLine]:
        """Return the lines in the log of a person."""
        ...


class MarketoSide:
    """A `SandboxMarketo` in the form that histories ask for."""

    def __init__(self, sandbox: SandboxMarketo) -> None:
        self.sandbox = sandbox

    @property
    def clock(self) -> Clock:
        """The clock that it goes by."""
        return self.sandbox.clock

    def connector(self) -> MarketoConnector:
        """Return a way in for the sync."""
        return self.sandbox.connector()

    def rows(self, _table: str, /) -> dict[RecordId, dict[str, Wire]]:
        """Return everybody."""
        return dict(self.sandbox.people())

    def row(self, _table: str, id: RecordId, /) -> dict[str, Wire] | None:
        """Return a person."""
        return self.sandbox.person(id)

    def create(self, _table: str, values: Mapping[str, Wire], /) -> RecordId:
        """Make a person."""
        return self.sandbox.create_person(values)

    def edit(self, _table: str, id: RecordId, values: Mapping[str, Wire], /) -> None:
        """Change a person."""
        self.sandbox.edit(id, values)

    def delete(self, _table: str, id: RecordId, /) -> None:
        """Delete a person."""
        self.sandbox.delete(id)

    def activity_log(self, id: RecordId, /) -> list[ActivityLine]:
        """Return the lines in the log of a person."""
        return self.sandbox.activity_log(id)

    def close(self) -> None:
        """Let go of it."""
        self.sandbox.close()


MakeSystems: TypeAlias = Callable[
    [], "tuple[SandboxMarketo | MarketoSystem, SandboxDynamics | DynamicsSystem]"
]
"""Makes a new, empty Marketo and a new, empty Dynamics."""


def two_systems(make: MakeSystems) -> tuple[MarketoSystem, DynamicsSystem]:
    """Return what *make* makes, a sandbox in the form that histories ask for."""
    marketo, dynamics = make()
    if isinstance(marketo, SandboxMarketo):
        marketo = MarketoSide(marketo)
    return marketo, dynamics


@runtime_checkable
class _Timed(Protocol):
    @property
    def clock(self) -> object: ...


def clock_of(systems: tuple[MarketoSystem, DynamicsSystem]) -> SandboxClock | None:
    """Return the pretend clock that one of the *systems* goes by, if there is one."""
    clocks = [one.clock for one in systems if isinstance(one, _Timed)]
    return next((clock for clock in clocks if isinstance(clock, SandboxClock)), None)
