"""What goes on in a system beside the connector, as far as a host can make it happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from dynsync.records import RecordId, Wire

__all__ = ["CanExpire", "CanFail", "CanShowLog", "CanWait", "Outside", "Trouble"]

Trouble: TypeAlias = Literal["throttled", "down", "lost"]
"""What one request can meet: a limit, an outage before anything was done, a lost answer."""


@runtime_checkable
class Outside(Protocol):
    """
    Somebody else at work in the system that a connector leads to.

    What is done here goes past the connector: a person in the browser, or the test's own
    hand in a fake. With the protocols below it can do more; each is optional.
    """

    def create(self, values: Mapping[str, Wire]) -> RecordId:
        """Make a record that holds *values*, and return its id."""
        ...

    def edit(self, id: RecordId, values: Mapping[str, Wire]) -> None:
        """Set *values* of a record."""
        ...

    def delete(self, id: RecordId) -> None:
        """Take a record away."""
        ...


@runtime_checkable
class CanWait(Outside, Protocol):
    """An `Outside` that can let time pass, so that limits lift and late rows arrive."""

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass."""
        ...


@runtime_checkable
class CanExpire(Outside, Protocol):
    """An `Outside` that can make the system forget every cursor that it gave."""

    def expire(self) -> None:
        """Forget them."""
        ...


@runtime_checkable
class CanFail(Outside, Protocol):
    """An `Outside` that can let one request fail."""

    def fail(self, trouble: Trouble) -> None:
        """
        Let the next request meet *trouble*, and no other.

        Of a ``"lost"`` one that writes, all is applied and no answer arrives.
        """
        ...


@runtime_checkable
class CanShowLog(Outside, Protocol):
    """An `Outside` of Marketo that can look into a person's activity log."""

    def lines(self, id: RecordId) -> Sequence[str]:
        """Return the key of every line in the log of a person, as often as it is there."""
        ...
