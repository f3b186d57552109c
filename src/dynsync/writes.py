"""What is asked of a system, and the closed set of its answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from dynsync.records import RecordId, Version, Wire

__all__ = [
    "AmbiguousWrite",
    "Create",
    "Created",
    "Gone",
    "NotAttempted",
    "Reason",
    "Rejected",
    "Stale",
    "ThrottledWrite",
    "Update",
    "Updated",
    "Write",
    "WriteResult",
    "hoped",
]


@attrs.frozen
class Create:
    """
    Make a record, at most once.

    Idempotent by *key*: with *key_field* given, the system upserts on that field, which
    is also in *values* (Marketo: the field that holds the Dynamics id); without it, *key*
    is the id that the new record gets (Dynamics: a client-made GUID), and creating it a
    second time answers `Created` again or `Rejected` with the code ``"duplicate_key"``.
    """

    key: RecordId
    values: Mapping[str, Wire]
    key_field: str | None = None


@attrs.frozen
class Update:
    """
    Set *values* of the record *id*, and nothing else; `None` clears.

    With *expect* the write applies only if the record still has that version.
    """

    id: RecordId
    values: Mapping[str, Wire]
    expect: Version | None = None


Write: TypeAlias = Create | Update


@attrs.frozen
class Reason:
    """
    Why a value or a record was refused.

    *field* is the system's own field name, or None where the refusal names none.
    *code* is the system's, or one of `dynsync.validation`'s. *message* holds no value.
    """

    code: str
    message: str
    field: str | None = None


@attrs.frozen
class Created:
    """Made, as *id*. *values* are what the system now holds, where it says so."""

    id: RecordId
    version: Version | None = None
    values: Mapping[str, Wire] | None = None


@attrs.frozen
class Updated:
    """Applied (to *id*). *values* are what the system now holds, where it says so."""

    id: RecordId
    version: Version | None = None
    values: Mapping[str, Wire] | None = None


@attrs.frozen
class Rejected:
    """Refused for good, as far as this value and this schema go. Nothing was applied."""

    reasons: tuple[Reason, ...]


@attrs.frozen
class Stale:
    """Not applied: the record is no longer of the version that was expected."""


@attrs.frozen
class Gone:
    """Not applied: there is no such record any more."""


@attrs.frozen
class ThrottledWrite:
    """Not applied: this one came over a limit. Try again in *retry_after* seconds."""

    retry_after: float = 20.0


@attrs.frozen
class AmbiguousWrite:
    """No answer for this one: it may have been applied. Read back before retrying."""


@attrs.frozen
class NotAttempted:
    """Not applied: an earlier failure or a passing fault kept it from being tried."""


WriteResult: TypeAlias = (
    Created | Updated | Rejected | Stale | Gone | ThrottledWrite | AmbiguousWrite | NotAttempted
)


def hoped(write: Write | None) -> WriteResult | None:
    """Return the answer to *write* if all goes well; None to none."""
    if write is None:
        return None
    return Created(write.key) if isinstance(write, Create) else Updated(write.id)
