"""The ways to the systems of the story: a call in the process, or HTTP to both APIs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeAlias

import attrs

from dynsync.connectors import DynamicsConnector, MarketoConnector
from dynsync.sandbox import Fault, SandboxClock, SandboxDynamics, SandboxMarketo

__all__ = ["Connectors", "InProcess", "OpenWay", "Way"]

Connectors: TypeAlias = tuple[MarketoConnector, DynamicsConnector]


class Way(Protocol):
    """How a sync gets to the two systems, and how its process dies on the way."""

    def connectors(self) -> Connectors:
        """Return the connectors of the process that there is."""
        ...

    def forget(self) -> None:
        """Do what the end of a process does: nothing is left of its connectors."""
        ...

    def die_after_a_write(self) -> None:
        """Have the process killed when Marketo has applied a write, before we hear of it."""
        ...


OpenWay: TypeAlias = Callable[
    [SandboxMarketo, SandboxDynamics, SandboxClock], AbstractContextManager[Way]
]
"""Opens a way to two systems for as long as a block lasts."""


@attrs.frozen
class InProcess:
    """The sandboxes' own connectors."""

    marketo: SandboxMarketo
    dynamics: SandboxDynamics

    @classmethod
    @contextmanager
    def opened(
        cls, marketo: SandboxMarketo, dynamics: SandboxDynamics, _: SandboxClock
    ) -> Generator[Way]:
        """Open the way to *marketo* and *dynamics*."""
        yield cls(marketo, dynamics)

    def connectors(self) -> Connectors:
        """Return a connector to each."""
        return self.marketo.connector(), self.dynamics.connector()

    def forget(self) -> None:
        """Do nothing: the connectors remember nothing."""

    def die_after_a_write(self) -> None:
        """Have the sandbox raise what stands for the end of a process."""
        self.marketo.faults.plan("write", Fault("crash_after"))
