"""
Why a run could not go on, and whose turn it is.

::

    SyncError
    ├── ConfigurationError    you: an unknown field, duplicate names, another pair of systems
    ├── ContractError         a connector, policy, store or recorder broke its promise, or
    │                         ``show=`` or ``stopping=`` raised
    ├── StateError            the state file: damaged, of another version, held by somebody else
    │   └── LeaseHeld         another process runs this sync
    ├── SystemFailure         one of the two systems (``side``)
    │   ├── Throttled         asked to slow down; nothing was applied
    │   ├── Unavailable       down, or failing before anything was applied
    │   ├── Ambiguous         no answer: the request may have been applied
    │   ├── CursorExpired     the place in the feed is no longer known there
    │   ├── SchemaChanged     a column that was asked for is no longer there
    │   └── Refused           credentials, licence, a missing privilege on a whole table
    └── RunStopped            us, on purpose: a guard saw something suspicious

Refusals, collisions and withheld fields are outcomes, never exceptions.
No message holds a field value: those are personal data.
"""

from __future__ import annotations

import attrs

from dynsync.records import Side

__all__ = [
    "Ambiguous",
    "ConfigurationError",
    "ContractError",
    "CursorExpired",
    "LeaseHeld",
    "Refused",
    "RunStopped",
    "SchemaChanged",
    "StateError",
    "SyncError",
    "SystemFailure",
    "Throttled",
    "Unavailable",
]


class SyncError(Exception):
    """Base of everything that dynsync raises on purpose."""


class ConfigurationError(SyncError):
    """The host asked for something that cannot be; nothing was written."""


class ContractError(SyncError):
    """
    A connector, policy, store or recorder broke a clause of its contract.

    Or ``show=`` or ``stopping=``, which may not raise, did.
    """


class StateError(SyncError):
    """The state file cannot be used as it is."""


class LeaseHeld(StateError):
    """Another process, or another run of this one, holds the lease of this state file."""


@attrs.define(eq=False)
class SystemFailure(SyncError):
    """
    One of the two systems did not do what it was asked.

    *side* says which, *message* what was seen, without field values. A recorder that tells
    something else than the two, such as a queue, gives None as the side.
    """

    side: Side | None
    message: str

    def __str__(self) -> str:
        return self.message if self.side is None else f"{self.side.label}: {self.message}"


@attrs.define(eq=False)
class Throttled(SystemFailure):
    """
    The system asked us to slow down; nothing of the request was applied.

    *retry_after* is in seconds; *scope* says which limit was hit: ``"window"``,
    ``"concurrency"`` or ``"day"``. A day's quota ends the run; the others are waited out.
    """

    retry_after: float = 20.0
    scope: str = "window"


class Unavailable(SystemFailure):
    """The system is down or failed before anything was applied; safe to try again."""


class Ambiguous(SystemFailure):
    """The request got no answer and may have been applied; read back before retrying."""


class CursorExpired(SystemFailure):
    """The system no longer knows the cursor; only a full read can go on."""


@attrs.define(eq=False)
class SchemaChanged(SystemFailure):
    """*fields* that were asked for are no longer there (A22)."""

    fields: tuple[str, ...] = ()


class Refused(SystemFailure):
    """Credentials, licence or a privilege on the whole table: a person must act."""


@attrs.define(eq=False)
class RunStopped(SyncError):
    """
    A guard stopped the run before it wrote anything.

    *guard* names it, *message* says what was seen, what was refused and which
    setting would allow it.
    """

    guard: str
    message: str

    def __str__(self) -> str:
        return self.message
