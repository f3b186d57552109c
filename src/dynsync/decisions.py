"""
What was decided on one field: what each side is told, and why a side is not. Pure.

`dynsync.deciding` makes it, and it waits with the record's plan until the answers are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import attrs

from dynsync.fields import Flow
from dynsync.merge import FieldMerge, Verdict
from dynsync.outcomes import FieldChange, Lost
from dynsync.records import MISSING, SIDES, Missing, Side, Wire
from dynsync.writes import Reason

__all__ = ["RECOVERED", "FieldPlan", "Refusal", "Ruling"]


@attrs.frozen
class Refusal:
    """Why a value is not sent, and the digest that tells this refusal from the next."""

    reasons: tuple[Reason, ...]
    digest: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes, sorted."""
        return tuple(sorted({reason.code for reason in self.reasons}))


@attrs.frozen
class Ruling:
    """What was decided on a field, without the values: there are few, and many fields share one."""

    verdict: Verdict
    winner: Side | None
    why: str

    @classmethod
    def of(cls, decision: FieldMerge) -> Ruling:
        """Return what *decision* says but for its values."""
        return _ruling(decision.verdict, decision.winner, decision.why)


# A thousand plans wait for their batch to be full, and the garbage collector walks over all that
# they hold. What says the same of many fields is one object for all of them.
_KEPT: Final = 4096
_ruling = lru_cache(_KEPT)(Ruling)
_change = lru_cache(_KEPT)(FieldChange)

_NOT_REFUSED: Final[Mapping[Side, Refusal]] = {}

_TOLD: Final = {
    (here, there): tuple(side for side, told in zip(SIDES, (here, there), strict=True) if told)
    for here in (False, True)
    for there in (False, True)
}


@attrs.define
class FieldPlan:
    """
    What happens to one field.

    *to_marketo* and *to_dynamics* are the wire values that the sides are told, `MISSING` where
    one is not; *refused* holds the reasons for which a side is not; *withheld* the sides that
    may not be told, *held* those for which an earlier refusal stands. *advance* means that the
    base moves though nothing is sent; *adopt* that the base becomes Dynamics' value while
    Marketo's remains to be told (A28). *restore* means that Marketo gets back an edit that we
    overwrote, undecided.
    """

    name: str
    decision: Ruling | None
    flow: str = ""
    to_marketo: Wire | Missing = MISSING
    to_dynamics: Wire | Missing = MISSING
    refused: Mapping[Side, Refusal] = _NOT_REFUSED
    withheld: tuple[Side, ...] = ()
    held: tuple[Side, ...] = ()
    advance: bool = False
    adopt: bool = False
    restore: bool = False
    lost: Lost = MISSING

    @property
    def told(self) -> tuple[Side, ...]:
        """Return the sides that are told."""
        return _TOLD[self.to_marketo is not MISSING, self.to_dynamics is not MISSING]

    def wire(self, side: Side) -> Wire | Missing:
        """Return what *side* is told, `MISSING` if it is not."""
        return self.to_marketo if side is Side.MARKETO else self.to_dynamics

    def tell(self, side: Side, wire: Wire) -> None:
        """Let *side* be told *wire*."""
        if side is Side.MARKETO:
            self.to_marketo = wire
        else:
            self.to_dynamics = wire

    def tell_nobody(self) -> None:
        """Let no side be told."""
        self.to_marketo = self.to_dynamics = MISSING

    @property
    def half_told(self) -> bool:
        """Return whether a side is told what the other one may not be told, or cannot hold."""
        return bool(self.told and (self.refused or self.withheld or self.held))

    @property
    def waits(self) -> bool:
        """Return whether something keeps the field from being settled now."""
        return bool(self.refused or self.withheld or self.held or self.adopt) or self.unresolved

    @property
    def unresolved(self) -> bool:
        """Return whether the policy left it."""
        return self.decision is not None and self.decision.verdict is Verdict.UNRESOLVED

    def block(self) -> None:
        """Tell nobody, and keep the base where it is if somebody was to be told."""
        if self.told:
            self.advance = False
        if not self.restore:
            # Without the value that was put, nothing is agreed on.
            self.adopt = self.adopt and not self.told
            self.tell_nobody()

    def change(self) -> FieldChange:
        """Return the field's part in the outcome."""
        verdict = _SAID[self.decision.verdict] if self.decision else self.flow
        if self.withheld:
            verdict = "withheld"
        elif self.held or self.refused:
            verdict = "held"
        winner = self.decision.winner if self.decision else None
        why = self.decision.why if self.decision else _FLOWS.get(self.flow, "")
        if self.withheld:
            sides = " and ".join(side.label for side in self.withheld)
            why += f"; the sync user may not write it in {sides}"
        if self.lost is MISSING:
            return _change(self.name, verdict, winner, self.told, why)
        return FieldChange(self.name, verdict, winner, self.told, why, self.lost)


_SAID: Final = {verdict: verdict.value for verdict in Verdict}

RECOVERED: Final = "an edit in Marketo that our own write had overwritten came back"


_FLOWS = {
    Flow.TO_MARKETO.value: "flows to Marketo only",
    Flow.TO_DYNAMICS.value: "flows to Dynamics only",
    "first": "new record",
    "restored": RECOVERED,
}
