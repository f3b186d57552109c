"""
Random histories that hold the engine to the model: what people do, and what goes wrong.

Rules that hope for a rare path do all that it takes, so that it is reached in few examples.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from dynsync import Access, Side, Wire
from dynsync.sandbox import Fault, FaultKind, SimulatedCrash
from dynsync.sync import When
from machine_base import EVERYTHING, MOST, TwoSystems
from model import FIELDS, MAPS, REACHED, VALUES, Human, normal, refused, same
from support_crash import CrashingStore, Moment

__all__ = ["SyncMachine"]

_Edit: TypeAlias = tuple[str, Wire]

_SECRET: Final = "secret"  # noqa: S105 - a mark by which a leak is found
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
_WHENS: tuple[When, ...] = ("now", "queued")
_MOMENTS: tuple[Moment, ...] = ("before", "after")
_OPERATIONS: Final = ("read", "write", "fetch", "describe", "log", "*")

ENTITIES = st.sampled_from(list(MAPS))
SIDES = st.sampled_from(list(Side))
HUMANS = st.integers(0, MOST - 1)
NAMES = st.sampled_from(FIELDS)
CHOICES = st.integers(0, 11)
EDITS = NAMES.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))


def _other(name: str, choice: int, *held: Wire) -> Wire:
    """Return a value of a field that Dynamics takes, other than what is *held* anywhere."""
    free = [
        value
        for value in VALUES[name]
        if not refused(name, value)
        and not any(same(name, normal(name, value), one) or same(name, value, one) for one in held)
    ]
    return free[choice % len(free)] if free else VALUES[name][0]


class SyncMachine(TwoSystems):
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

    # -- what people do

    @precondition(lambda self: len(self.humans) < MOST)
    @rule(entity=ENTITIES)
    def new_in_dynamics(self, entity: str) -> None:
        """Somebody makes a record in Dynamics."""
        self.make_in_dynamics(entity, "Bo", "clerk")

    @precondition(lambda self: len(self.humans) < MOST)
    @rule(entity=ENTITIES, when=st.sampled_from(_WHENS), count=st.integers(1, 3))
    def push(self, entity: str, when: When, count: int) -> None:
        """Somebody pushes one person, or several at a time."""
        for _ in range(min(count, MOST - len(self.humans))):
            self.ask_for(entity, when)
        REACHED["several pushed"] += sum(human.waiting for human in self.humans) > 1

    @rule(at=HUMANS, side=SIDES, edit=EDITS)
    def edit(self, at: int, side: Side, edit: _Edit) -> None:
        """Somebody edits a field on one side."""
        self.change(self.pick(at), side, *edit)

    @rule(at=HUMANS, edit=EDITS, other=EDITS)
    def edit_both(self, at: int, edit: _Edit, other: _Edit) -> None:
        """Both sides are edited, in any two fields."""
        self.change(self.pick(at), Side.MARKETO, *edit)
        self.change(self.pick(at), Side.DYNAMICS, *other)

    @rule(at=HUMANS, name=NAMES, choices=st.tuples(CHOICES, CHOICES), settle=st.booleans())
    def collide(self, at: int, name: str, choices: tuple[int, int], settle: bool) -> None:  # noqa: FBT001
        """Both sides edit the same field."""
        human = self.pick(at)
        here, there = choices
        self.change(human, Side.MARKETO, name, VALUES[name][here % len(VALUES[name])])
        self.change(human, Side.DYNAMICS, name, VALUES[name][there % len(VALUES[name])])
        if settle:
            self.settle()

    @rule(at=HUMANS, side=SIDES, choices=st.tuples(CHOICES, CHOICES))
    def resolve_by_hand(self, at: int, side: Side, choices: tuple[int, int]) -> None:
        """What the policy left to a person waits, until a person takes one side's value over."""
        human = self.known(at)
        if human is None:
            return
        self.settle()
        agreed = human.cells["city"].agreed[Side.MARKETO]
        one = _other("city", choices[0], agreed)
        self.change(human, Side.MARKETO, "city", one)
        self.change(human, Side.DYNAMICS, "city", _other("city", choices[1], agreed, one))
        self.settle()
        before = self.held(human, side.other)
        if before is not None and human.cells["city"].edited:
            self.change(human, side, "city", before["city"])
            REACHED["collision resolved by a person"] += 1
            self.settle()

    @rule(at=HUMANS)
    def delete_in_dynamics(self, at: int) -> None:
        """Somebody deletes a record in Dynamics."""
        human = self.known(at)
        if human is not None and human.guid is not None:
            self.dynamics.delete(human.entity, human.guid)
            human.gone.add(Side.DYNAMICS)
            REACHED["deleted in Dynamics"] += 1

    @rule(at=HUMANS)
    def undelete(self, at: int) -> None:
        """Somebody brings a deleted record back (A7)."""
        human = self.pick(at)
        if human.gone == {Side.DYNAMICS} and human.guid is not None:
            self.dynamics.undelete(human.entity, human.guid)
            human.gone.clear()
            self.unclean()
            REACHED["seen again after a delete"] += 1

    @rule(at=HUMANS, edit=EDITS)
    def delete_in_marketo(self, at: int, edit: _Edit) -> None:
        """Somebody deletes a person, and perhaps the record is changed afterwards (R46)."""
        human = self.known(at)
        if human is not None and human.person is not None:
            self.marketo.delete(human.person)
            human.gone.add(Side.MARKETO)
            human.new_since_gone.clear()
            REACHED["deleted in Marketo"] += 1
            self.go()
            self.change(human, Side.DYNAMICS, *edit)

    @rule(at=HUMANS)
    def delete_and_push_again(self, at: int) -> None:
        """Delete a Dynamics record, let the engine see it, and push its person (R32)."""
        self.delete_in_dynamics(at)
        self.go()
        human = self.pick(at)
        if human.gone != {Side.DYNAMICS} or human.person is None or self.slow:
            return
        person = self.marketo.person(human.person)
        if person is None or person["microsoftIsDeleted"] is not True:
            return
        answer = self.sync().sync_person(human.person, as_=human.entity)
        if answer.kind == "created":
            REACHED["pushed again after a delete"] += 1
            human.gone.clear()
            human.guid = answer.dynamics
            here, there = self.held(human, Side.MARKETO), self.held(human, Side.DYNAMICS)
            assert here is not None
            assert there is not None
            for name, cell in human.cells.items():
                cell.settle(there[name], there[name])
                if not same(name, here[name], there[name]):
                    cell.edit(Side.MARKETO, here[name])

    # -- rights

    @precondition(lambda self: not self.unreadable)
    @rule()
    def take_read(self) -> None:
        """The sync user may not read e-mail addresses any more."""
        self.secure(Access.NONE)
        self.unreadable, self.withheld = True, False
        for human in self.humans:
            human.new_since_gone.pop("email", None)
        REACHED["right to read taken"] += 1

    @precondition(lambda self: self.unreadable)
    @rule(at=HUMANS)
    def edit_in_secret(self, at: int) -> None:
        """Somebody edits in Dynamics what may not be read."""
        self.made_up += 1
        self.secrets.append(f"{_SECRET}-{self.made_up}@example.org")
        self.change(self.pick(at), Side.DYNAMICS, "email", self.secrets[-1])
        self.go()

    @precondition(lambda self: self.unreadable)
    @rule()
    def give_read(self) -> None:
        """The sync user may read them again: what is empty on one side is filled in (R81)."""
        self.secure(EVERYTHING)
        self.unreadable = False
        self.secrets.clear()
        for human in self.humans:
            cell = human.cells["email"]
            cell.edited = set(Side)
            cell.backfill, cell.risky, cell.muddled = True, False, False
            for side in Side:
                held = self.held(human, side)
                if held is not None:
                    cell.now[side] = held["email"]
        REACHED["right to read given"] += 1

    @precondition(lambda self: not self.unreadable)
    @rule(at=HUMANS, here=st.sampled_from(VALUES["email"]))
    def take_read_for_a_while(self, at: int, here: Wire) -> None:
        """Both sides move on while the sync user may not read, and differ when it may again."""
        self.settle()
        self.take_read()
        self.go()
        self.change(self.pick(at), Side.MARKETO, "email", here)
        self.edit_in_secret(at)
        self.settle()
        self.give_read()
        self.settle()

    @precondition(lambda self: not self.unreadable)
    @rule()
    def take_update(self) -> None:
        """The sync user may read e-mail addresses, and not write them."""
        self.secure(Access.READ | Access.CREATE)
        self.withheld = True
        REACHED["right to update taken"] += 1

    @precondition(lambda self: self.withheld)
    @rule(at=HUMANS, value=st.sampled_from(VALUES["email"]))
    def edit_what_may_not_be_told(self, at: int, value: Wire) -> None:
        """Somebody edits in Marketo what Dynamics may not be told (A18)."""
        self.change(self.pick(at), Side.MARKETO, "email", value)
        self.settle()

    @precondition(lambda self: self.withheld)
    @rule()
    def give_update(self) -> None:
        """The sync user may write them again."""
        self.secure(EVERYTHING)
        self.withheld = False
        REACHED["right to update given"] += 1

    # -- feeds

    @rule()
    def hold_back_feed(self) -> None:
        """Marketo's feed falls silent, or says at last what it had kept to itself."""
        if self.held_back:
            self.marketo.release()
        else:
            self.marketo.hold_back()
        self.held_back = not self.held_back
        self.slow = True

    @precondition(lambda self: not self.held_back)
    @rule(at=HUMANS, edit=EDITS, other_at=HUMANS, other=EDITS)
    def late_rows(self, at: int, edit: _Edit, other_at: int, other: _Edit) -> None:
        """What was edited first arrives last."""
        self.slow = True
        self.marketo.lag(3600)
        late = self.change(self.pick(at), Side.MARKETO, *edit)
        self.marketo.lag(0)
        early = self.change(self.pick(other_at), Side.MARKETO, *other)
        self.go()
        self.clock.advance(3601)
        self.go()
        REACHED["late rows"] += late and early

    @rule(repeats=st.integers(0, 3), empty=st.sampled_from([0, 0, 2]))
    def feed_manners(self, repeats: int, empty: int) -> None:
        """Marketo's feed begins to repeat rows, or to put in pages with nothing on them."""
        self.marketo.repeats(repeats)
        self.marketo.empty_pages(empty)

    @rule(run=st.booleans())
    def expire(self, run: bool) -> None:  # noqa: FBT001
        """Dynamics forgets the cursors it gave."""
        self.dynamics.expire_cursors()
        REACHED["cursor expired"] += 1
        if run:
            self.go()

    @precondition(lambda self: not self.slow)
    @rule(run=st.booleans())
    def forget_changes(self, run: bool) -> None:  # noqa: FBT001
        """Marketo forgets its feed."""
        self.marketo.forget_changes()
        REACHED["changes forgotten"] += 1
        if run:
            self.go()

    @precondition(lambda self: not self.slow)
    @rule(at=HUMANS, choices=st.tuples(CHOICES, CHOICES))
    def forget_an_echo(self, at: int, choices: tuple[int, int]) -> None:
        """Our write never came back from the feed; somebody chooses the same value later."""
        human = self.known(at)
        if human is None:
            return
        self.settle()
        agreed = human.cells["job_title"].agreed[Side.MARKETO]
        ours = _other("job_title", choices[0], agreed)
        self.change(human, Side.DYNAMICS, "job_title", ours)
        self.go()
        self.marketo.forget_changes()
        self.go()
        for value in (_other("job_title", choices[1], ours), ours):
            self.change(human, Side.MARKETO, "job_title", value)
            self.go()
        REACHED["echo forgotten"] += 1

    @rule(hours=st.sampled_from([0.2, 2, 30]))
    def wait(self, hours: float) -> None:
        """Nobody does anything."""
        self.clock.advance(hours * 3600)

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

    @rule(
        at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES, kind=st.sampled_from(_UNANSWERED)
    )
    def faulty_write(self, at: int, side: Side, name: str, choice: int, kind: FaultKind) -> None:
        """There is something to write, and nobody knows what became of it."""
        human = self.known(at)
        if human is None or (name == "email" and (self.unreadable or self.withheld)):
            return
        values = [held[name] for one in Side if (held := self.held(human, one)) is not None]
        self.change(human, side.other, name, _other(name, choice, *values))
        self._run_with(side, "write", kind, 0)
        REACHED[f"{kind} writing a {human.entity} to {side.label}"] += 1

    @rule(at=st.integers(1, 12), when=st.sampled_from(_MOMENTS), who=HUMANS, edit=EDITS)
    def crashing_commit(self, at: int, when: Moment, who: int, edit: _Edit) -> None:
        """The process dies before or after a commit."""
        self.change(self.pick(who), Side.MARKETO, *edit)
        self.unclean()
        try:
            self.look(self.sync(CrashingStore(self.store, at, when)).run())
        except SimulatedCrash:
            REACHED[f"crash {when} a commit"] += 1
            self.store = self.store.twin()

    @rule(at=HUMANS, side=SIDES, name=NAMES, choices=st.tuples(CHOICES, CHOICES))
    def edit_in_the_window(
        self, at: int, side: Side, name: str, choices: tuple[int, int]
    ) -> None:
        """Somebody edits a record after the engine has read it and before it writes."""
        human = self.known(at)
        if human is None or (name == "email" and (self.unreadable or self.withheld)):
            return
        values = [held[name] for one in Side if (held := self.held(human, one)) is not None]
        self.change(human, side.other, name, _other(name, choices[0], *values))
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
    def apply_a_stale_plan(self, at: int, side: Side, edit: _Edit, later: _Edit) -> None:
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
