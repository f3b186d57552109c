"""What a run came to: every changed record in exactly one bucket. Pure data."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import attrs
from attrs import Factory

from dynsync.backlog import AMBIGUOUS_MATCH, PendingKey
from dynsync.errors import SystemFailure
from dynsync.outcomes import FieldChange, Outcome, OutcomeKind
from dynsync.records import Entity, Pair, RecordId, Side, Wire
from dynsync.validation import ValidationResult

__all__ = ["Phase", "Plan", "PlannedRecord", "PlannedWrite", "Progress", "Report", "Status"]

Phase: TypeAlias = Literal["observing", "writing", "telling"]

RESTING: Final = frozenset({"held", "permanent", "withheld", "unresolved", AMBIGUOUS_MATCH})
"""Reasons to wait that no run takes away by itself."""

NEEDY: Final = frozenset(
    {
        OutcomeKind.REJECTED,
        OutcomeKind.SWALLOWED,
        OutcomeKind.AMBIGUOUS,
        OutcomeKind.UNRESOLVED,
    }
)
"""Outcomes that need somebody."""

_NOTABLE_KEPT = 1000
_NOTABLE = NEEDY | {OutcomeKind.WITHHELD, OutcomeKind.FLAGGED}


@attrs.frozen
class Progress:
    """How far a run is: *done* of *total* in a *phase*; *total* is None where unknown."""

    phase: Phase
    done: int
    total: int | None = None
    what: str = ""


@attrs.define
class Report:
    """
    What one run came to.

    *counts* has each record that the run looked at in exactly one (entity, outcome) bucket,
    so its sum is the number of records. *notable* holds the first thousand outcomes that
    a person may want to look at; the journal has them all. *stopped* says, by entity, why
    it took no part. *failures* are what the systems did; the rest of the work went on.
    *left* is the number of backlog entries afterwards.
    """

    run: int
    started: dt.datetime
    ended: dt.datetime | None = None
    counts: Counter[tuple[Entity, OutcomeKind]] = Factory(Counter[tuple[Entity, OutcomeKind]])
    notable: list[Outcome] = Factory(list[Outcome])
    stopped: dict[Entity, str] = Factory(dict[Entity, str])
    failures: list[SystemFailure] = Factory(list[SystemFailure])
    calls: Counter[tuple[Side, str]] = Factory(Counter[tuple[Side, str]])
    writes: Counter[Side] = Factory(Counter[Side])
    observed: int = 0
    left: int = 0
    paused: bool = False
    interrupted: bool = False

    def add(self, outcome: Outcome) -> None:
        """Count one record's outcome."""
        self.counts[outcome.entity, outcome.kind] += 1
        if outcome.kind in _NOTABLE and len(self.notable) < _NOTABLE_KEPT:
            self.notable.append(outcome)

    def count(self, kind: OutcomeKind, entity: str | None = None) -> int:
        """Return how many records ended as *kind*, of *entity* or of all."""
        return sum(n for (e, k), n in self.counts.items() if k is kind and entity in (None, e))

    @property
    def records(self) -> int:
        """Return how many records the run looked at."""
        return sum(self.counts.values())

    @property
    def ok(self) -> bool:
        """
        Return whether the run met no failure, no refusal and no collision that was left.

        Nor did anything stop, or stay ambiguous. What is withheld, or was left by an earlier run,
        does not count: it is in `Status`.
        """
        return not (self.failures or self.stopped or self.interrupted) and not any(
            self.count(kind) for kind in NEEDY
        )

    @property
    def troubles(self) -> tuple[str, ...]:
        """
        Return what went wrong, in words: which entities stopped, and what the systems did.

        Each trouble is told once: one that stopped several entities names them all.
        """
        by_reason: dict[str, list[Entity]] = {}
        for entity, why in sorted(self.stopped.items()):
            by_reason.setdefault(why, []).append(entity)
        stops = [f"{' and '.join(names)} stopped: {why}" for why, names in by_reason.items()]
        others = dict.fromkeys(map(str, self.failures))
        return (*stops, *(said for said in others if said not in by_reason))

    def __str__(self) -> str:
        if self.paused:
            return f"run {self.run}: paused"
        totals: Counter[str] = Counter()
        for (_, kind), number in self.counts.items():
            totals[kind.value] += number
        done = ", ".join(f"{n} {kind}" for kind, n in sorted(totals.items()))
        stop = "asked to stop before it was done" if self.interrupted else ""
        # Without an answer from everybody, it is not known whether there was something to do.
        said = "; ".join(filter(None, [done, stop, *self.troubles])) or "nothing to do"
        return f"run {self.run}: {said}"


@attrs.frozen
class PlannedWrite:
    """One write that a plan holds. Values are personal data, so they are not in the repr."""

    side: Side
    kind: Literal["create", "update"]
    id: RecordId
    values: Mapping[str, Wire] = attrs.field(repr=False)


@attrs.frozen
class PlannedRecord:
    """
    What a plan would do about one record, and why, field by field.

    *results* are what would be refused before it is sent. *basis* tells the decisions behind
    the writes, and what they replace, from others that come to the same writes.
    """

    key: PendingKey
    entity: Entity
    ids: Pair[RecordId | None]
    writes: tuple[PlannedWrite, ...]
    changes: tuple[FieldChange, ...]
    outcome: OutcomeKind
    why: str = ""
    results: tuple[ValidationResult, ...] = ()
    basis: str = ""


@attrs.frozen
class Plan:
    """
    What a run would do now. Nothing was written and no state was moved to make it.

    `Sync.apply` does exactly this: what has changed in the meantime is left for later. A plan
    that was *interrupted* by a request to stop does not hold everything.
    """

    made: dt.datetime
    records: tuple[PlannedRecord, ...]
    interrupted: bool = False

    @property
    def writes(self) -> tuple[PlannedWrite, ...]:
        """Return every write of the plan."""
        return tuple(write for record in self.records for write in record.writes)

    def __str__(self) -> str:
        def said(number: int, noun: str) -> str:
            return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

        text = f"{said(len(self.writes), 'write')} for {said(len(self.records), 'record')}"
        return text + ("; asked to stop before it was done" if self.interrupted else "")

    @property
    def unresolved(self) -> tuple[PlannedRecord, ...]:
        """Return the records with a collision that the policy leaves to a person."""
        return tuple(r for r in self.records if r.outcome is OutcomeKind.UNRESOLVED)


@attrs.frozen
class Status:
    """
    Where the sync stands, as another process may ask at any time.

    *backlog* counts waiting records by (entity, reason); *oldest* is the age of the oldest
    in seconds; *eta* estimates, from the pace of the last run that had work, how many seconds
    of running `due` takes (None: unknown). *stale* are entities stopped until their schema is
    refreshed. *troubles* are those of the last run: which entities stopped, and what the
    systems did.
    """

    links: Mapping[Entity, int]
    backlog: Mapping[tuple[Entity, str], int]
    oldest: Mapping[Entity, float]
    eta: float | None
    last_run: str | None
    last_run_at: dt.datetime | None
    paused: bool
    stale: Mapping[Entity, str]
    troubles: tuple[str, ...] = ()

    @property
    def waiting(self) -> int:
        """Return how many records wait, for whatever reason."""
        return sum(self.backlog.values())

    @property
    def due(self) -> int:
        """Return how many records wait for nothing but their turn."""
        return sum(n for (_, reason), n in self.backlog.items() if reason not in RESTING)

    @property
    def healthy(self) -> bool:
        """Return whether the sync runs: it is not off, it ran, and its last run had no trouble."""
        return not (self.paused or self.stale or self.troubles or self.last_run is None)
