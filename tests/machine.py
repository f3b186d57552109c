"""
Random histories that hold the engine to the model: what is run, and what goes wrong.

Rules that hope for a rare path do all that it takes, so that it is reached in few examples.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from dynsync import Side, Wire
from dynsync.sandbox import Fault, FaultKind, SimulatedCrash
from machine_people import (
    CHOICES,
    EDITS,
    HUMANS,
    NAMES,
    SIDES,
    OneEdit,
    PeopleMachine,
    other_value,
)
from model import MAPS, REACHED, VALUES, Human, same
from support_crash import CrashingStore, Moment

__all__ = ["SyncMachine"]

_FAULTS: tuple[FaultKind, ...] = (
    "throttled",
    "down",
    "lost_request",
    "lost_response",
    "partial",
    "crash_before",
    "crash_after",
)
_UNANSWERED: tuple[FaultKind, ...] = ("lost_request", "lost_response", "partial", "throttled")
_MOMENTS: tuple[Moment, ...] = ("before", "after")
_OPERATIONS: Final = ("read", "write", "fetch", "describe", "log", "*")


class SyncMachine(PeopleMachine):
    """Random histories of two systems that the engine keeps in step."""

    @initialize()
    def first_load(self) -> None:
        """A lead and a contact are there from the start."""
        for entity in MAPS:
            self.make_in_dynamics(entity, "Ada", "boss")
        self.settle()

    def teardown(self) -> None:
        """Whatever was left open must settle."""
        if self.humans:
            self.settle()
        self.marketo.close()
        self.dynamics.close()

    @invariant()
    def no_dynamics_record_is_promoted(self) -> None:
        """Background sync never makes Dynamics records of its own accord (R26)."""
        pushed = sum(1 for h in self.humans if h.person is not None or h.waiting)
        made = sum(self.dynamics.count(table) for table in MAPS)
        assert made <= sum(1 for h in self.humans if h.guid is not None) + pushed

    # -- what the sync does

    @rule()
    def run(self) -> None:
        """A cycle."""
        self.go()

    @rule()
    def clean(self) -> None:
        """All faults end, and everything settles."""
        self.settle()

    def _run_with(self, side: Side, operation: str, kind: FaultKind, skip: int) -> None:
        faults = self.system(side).faults
        faults.plan(operation, *([None] * skip), Fault(kind))
        self.unclean()
        try:
            self.look(self.sync().run())
        except SimulatedCrash:
            REACHED["crash in a call"] += 1
            self.store = self.store.twin()
        faults.clear()

    @rule(
        side=SIDES,
        operation=st.sampled_from(_OPERATIONS),
        kind=st.sampled_from(_FAULTS),
        skip=st.integers(0, 2),
    )
    def faulty_run(self, side: Side, operation: str, kind: FaultKind, skip: int) -> None:
        """Something goes wrong with a call."""
        self._run_with(side, operation, kind, skip)
        REACHED[f"fault {kind}"] += 1

    @rule(at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES, kind=st.sampled_from(_UNANSWERED))
    def faulty_write(self, at: int, side: Side, name: str, choice: int, kind: FaultKind) -> None:
        """There is something to write, and nobody knows what became of it."""
        human = self.known(at)
        if human is None or (name == "email" and (self.unreadable or self.withheld)):
            return
        values = [held[name] for one in Side if (held := self.held(human, one)) is not None]
        self.change(human, side.other, name, other_value(name, choice, *values))
        self._run_with(side, "write", kind, 0)
        REACHED[f"{kind} writing a {human.entity} to {side.label}"] += 1

    @rule(at=st.integers(1, 12), when=st.sampled_from(_MOMENTS), who=HUMANS, edit=EDITS)
    def crashing_commit(self, at: int, when: Moment, who: int, edit: OneEdit) -> None:
        """The process dies before or after a commit."""
        self.change(self.pick(who), Side.MARKETO, *edit)
        self.unclean()
        try:
            self.look(self.sync(CrashingStore(self.store, at, when)).run())
        except SimulatedCrash:
            REACHED[f"crash {when} a commit"] += 1
            self.store = self.store.twin()

    @rule(at=HUMANS, side=SIDES, name=NAMES, choices=st.tuples(CHOICES, CHOICES))
    def edit_in_the_window(self, at: int, side: Side, name: str, choices: tuple[int, int]) -> None:
        """Somebody edits a record after the engine has read it and before it writes."""
        human = self.known(at)
        if human is None or (name == "email" and (self.unreadable or self.withheld)):
            return
        values = [held[name] for one in Side if (held := self.held(human, one)) is not None]
        self.change(human, side.other, name, other_value(name, choices[0], *values))
        self._run_with_edit(human, side, name, VALUES[name][choices[1] % len(VALUES[name])])

    def _run_with_edit(self, human: Human, side: Side, name: str, value: Wire) -> None:
        done: list[int] = []

        def hook(operation: str, number: int) -> Fault | None:
            if operation == "write" and not done:
                done.append(number)
                cell = human.cells[name]
                ours = same(name, value, cell.now[side.other])
                if ours and Side.MARKETO in cell.edited:
                    # An unseen edit replaced by one that equals our own write cannot be told
                    # from one that our write replaced: the engine brings it back, to be safe.
                    return None
                # What was edited before was read before.
                cell.risky = cell.risky or side in cell.edited
                if self.change(human, side, name, value):
                    REACHED[f"edit in the window of {side.label} {human.entity}"] += 1
            return None

        faults = self.system(side).faults
        faults.hook = hook
        self.slow = self.slow or side is Side.MARKETO
        self.look(self.sync().run())
        self.unclean()
        faults.clear()

    @rule()
    def plan_and_apply(self) -> None:
        """A plan moves nothing, and applying it does what it says and no more (invariant 25)."""
        before = self.everything()
        plan = self.sync().plan()
        again = self.sync().plan()
        assert plan.records == again.records
        assert self.everything() == before
        self.unclean()
        report = self.sync().apply(plan)
        self.look(report)
        assert sum(report.writes.values()) <= len(plan.writes) + 20 * len(plan.records)
        REACHED["plan applied"] += bool(plan.writes)

    @precondition(lambda self: not self.slow)
    @rule(at=HUMANS, side=SIDES, edit=EDITS, later=EDITS)
    def apply_a_stale_plan(self, at: int, side: Side, edit: OneEdit, later: OneEdit) -> None:
        """What somebody edits between a plan and its use is left alone."""
        human = self.known(at)
        if human is None or (self.unreadable and later[0] == "email"):
            return
        self.change(human, side.other, *edit)
        plan = self.sync().plan()
        changed = self.change(human, side, *later)
        before = self.held(human, side)
        self.unclean()
        self.look(self.sync().apply(plan))
        after = self.held(human, side)
        assert not changed or before == after, "a plan was used on what had changed"
        REACHED["stale plan"] += changed and any(human.guid == r.ids.dynamics for r in plan.records)
