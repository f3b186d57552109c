"""
Random histories that hold the engine to the model: what is run, and what goes wrong.

Rules that hope for a rare path do all that it takes, so that it is reached in few examples.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

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
_OPERATIONS: Final = ("*", "*", "read", "write", "fetch", "describe", "log")


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

    def _run_with(self, side: Side, operation: str, *faults: Fault | None) -> None:
        system = self.system(side)
        system.faults.plan(operation, *faults)
        self.unclean()
        try:
            self.look(self.sync().run())
        except SimulatedCrash:
            REACHED["crash in a call"] += 1
            self.store = self.store.twin()
        system.faults.clear()

    @rule(
        side=SIDES,
        operation=st.sampled_from(_OPERATIONS),
        kinds=st.permutations(_FAULTS),
        skip=st.integers(0, 2),
    )
    def faulty_runs(self, side: Side, operation: str, kinds: list[FaultKind], skip: int) -> None:
        """Something goes wrong with a call of each of some runs."""
        for kind in kinds[:4]:
            self._run_with(side, operation, *([None] * skip), Fault(kind))
            REACHED[f"fault {kind}"] += 1

    @rule(
        at=HUMANS,
        sides=st.permutations(list(Side)),
        name=NAMES,
        choice=CHOICES,
        kinds=st.permutations(_UNANSWERED),
    )
    def faulty_writes(
        self, at: int, sides: list[Side], name: str, choice: int, kinds: list[FaultKind]
    ) -> None:
        """There is something to write, and nobody knows what became of it."""
        for side, kind in product(sides, kinds[:2]):
            humans = self._edited(at, side.other, name, choice)
            self._run_with(side, "write", *([Fault(kind)] * len(humans)))
            for human in humans:
                REACHED[f"{kind} writing a {human.entity} to {side.label}"] += 1

    def _edited(self, at: int, side: Side, name: str, choice: int) -> list[Human]:
        """Have a field of a lead and of a contact edited on *side*, so that there is a write."""
        if name == "email" and (self.unreadable or self.withheld):
            return []
        humans = self.one_of_each(at)
        for human in humans:
            self._edit_one(human, side, name, choice)
        return humans

    def _edit_one(self, human: Human, side: Side, name: str, choice: int) -> None:
        held = [values[name] for one in Side if (values := self.held(human, one)) is not None]
        self.change(human, side, name, other_value(name, choice, *held))

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

    @rule(
        at=HUMANS,
        sides=st.permutations(list(Side)),
        name=NAMES,
        choices=st.tuples(CHOICES, CHOICES, st.booleans()),
    )
    def edit_in_the_window(
        self, at: int, sides: list[Side], name: str, choices: tuple[int, int, bool]
    ) -> None:
        """Somebody edits a record after the engine has read it and before it writes."""
        choice, later, collide = choices
        if name == "email" and (self.unreadable or self.withheld):
            return
        for side, human in product(sides, self.one_of_each(at)):
            self._edit_one(human, side.other, name, choice)
            value = VALUES[name][later % len(VALUES[name])]
            if collide:
                value = other_value(name, later, *human.cells[name].now.values())
            self._run_with_edit(human, side, name, value)

    def _run_with_edit(self, human: Human, side: Side, name: str, value: Wire) -> None:
        done: list[int] = []
        cell = human.cells[name]

        def hook(operation: str, number: int) -> Fault | None:
            if operation == "write" and not done:
                done.append(number)
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

    @rule(at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES)
    def plan_and_apply(self, at: int, side: Side, name: str, choice: int) -> None:
        """A plan moves nothing, and applying it does what it says and no more (invariant 25)."""
        self._edited(at, side, name, choice)
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

    @rule(
        at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES, later=st.tuples(st.booleans(), CHOICES)
    )
    def apply_a_stale_plan(
        self, at: int, side: Side, name: str, choice: int, later: tuple[bool, int]
    ) -> None:
        """What somebody edits between a plan and its use is left alone."""
        if self.slow:
            self.settle()
        humans = self._edited(at, side.other, name, choice)
        plan = self.sync().plan()
        same_field, other = later
        if not same_field:
            name = "job_title"
        before: dict[str, Wire] = {}
        for human in humans:
            now = human.cells[name].now.values()
            if self.change(human, side, name, other_value(name, other, *now)):
                before[human.entity] = human.cells[name].now[side]
        self.unclean()
        self.look(self.sync().apply(plan))
        for human in humans:
            held = self.held(human, side)
            if human.entity in before and held is not None:
                assert before[human.entity] == held[name], "a stale plan was used"
                REACHED["stale plan"] += any(human.guid == r.ids.dynamics for r in plan.records)
