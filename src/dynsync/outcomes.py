"""What became of a record in one run: a closed set, so that sums match (invariant 21). Pure."""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import attrs

from dynsync.records import MISSING, Entity, Missing, Pair, RecordId, Side, Wire
from dynsync.validation import ValidationResult

__all__ = ["TAKEN", "FieldChange", "Lost", "Outcome", "OutcomeKind", "severity", "shared_by"]

TAKEN: Final = "its person is linked to another record"
"""Why a record is ambiguous whose person somebody else is linked to (invariant 27)."""


def shared_by(people: int) -> str:
    """Return why a record is ambiguous whose id that many people hold (invariant 27)."""
    return f"{people} people hold its id"


class OutcomeKind(enum.Enum):
    """The bucket that a changed record ends in. Each is in exactly one per run."""

    AGREED = "agreed"
    """Nothing had to be written; the base advanced."""
    UPDATED = "updated"
    """Written on at least one side; nothing is left to do."""
    CREATED = "created"
    """Made on the other side, and linked."""
    FLAGGED = "flagged"
    """Deleted in Dynamics: the person stays and says so (R45)."""
    FORGOTTEN = "forgotten"
    """Deleted in Marketo: nothing is done in Dynamics (R45)."""
    UNLINKED = "unlinked"
    """Gone on both sides."""
    SUPPRESSED = "suppressed"
    """Deleted in Marketo and changed in Dynamics, and the host wants no new person."""
    SKIPPED = "skipped"
    """Nothing to be done, for the reason given: a push of a record that exists, say."""
    WITHHELD = "withheld"
    """A change waits because the sync user may not write its field (A18)."""
    UNRESOLVED = "unresolved"
    """A collision that the policy left to a person."""
    AMBIGUOUS = "ambiguous"
    """More than one record could be the other half; nobody is linked (invariant 27)."""
    DEFERRED = "deferred"
    """Tried or due again soon: throttled, stale, no answer, or written half."""
    SWALLOWED = "swallowed"
    """Marketo answered that it was done, and keeps what it held: told and held (R24)."""
    REJECTED = "rejected"
    """A value, or the record, was refused; it is told and held."""

    # Members are one object each, and every record is counted by its own.
    __hash__ = object.__hash__


_SEVERITIES = {kind: place for place, kind in enumerate(OutcomeKind)}


def severity(kind: OutcomeKind) -> int:
    """Return how much a bucket needs a person's eye; the highest of a record's is its own."""
    return _SEVERITIES[kind]


Lost: TypeAlias = Wire | Missing | Pair[Wire | Missing]
"""What gave way: the value of one side, or of both."""


@attrs.frozen
class FieldChange:
    """
    One field's part in an outcome.

    *verdict* is what was decided (a `dynsync.merge.Verdict` value, or ``"withheld"``,
    ``"held"``, ``"to_marketo"``, ``"to_dynamics"``, ``"restored"``), *winner* where the value
    came from, *written* the sides that were told, *why* the reason for people. *lost* is the
    wire value that gave way, on the side other than *winner*: it is kept so that nothing is
    lost in silence. Where neither side was right (`dynsync.policies.Put`) it is the pair of
    both, `MISSING` where a side keeps its value.
    """

    field: str
    verdict: str
    winner: Side | None
    written: tuple[Side, ...]
    why: str
    lost: Lost = attrs.field(default=MISSING, repr=False)


@attrs.frozen
class Outcome:
    """
    What became of one record.

    *results* are the validation results that were not told before; *held* the fields that
    wait because of earlier ones.
    """

    entity: Entity
    ids: Pair[RecordId | None]
    kind: OutcomeKind
    why: str = ""
    link: int | None = None
    changes: tuple[FieldChange, ...] = ()
    results: tuple[ValidationResult, ...] = ()
    held: tuple[str, ...] = ()
