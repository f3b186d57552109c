"""What people, administrators and feeds do in a random history."""

from __future__ import annotations

from typing import Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from dynsync import Access, Side, Wire
from dynsync.sync import When
from machine_base import EVERYTHING, MOST, TwoSystems
from model import FIELDS, MAPS, REACHED, VALUES, normal, refused, same

__all__ = [
    "CHOICES",
    "EDITS",
    "HUMANS",
    "NAMES",
    "SIDES",
    "OneEdit",
    "PeopleMachine",
    "other_value",
]

OneEdit: TypeAlias = tuple[str, Wire]

_SECRET: Final = "secret"  # noqa: S105 - a mark by which a leak is found
_TOO_LATE: Final = 20
_WHENS: tuple[When, ...] = ("now", "queued")

ENTITIES = st.sampled_from(list(MAPS))
SIDES = st.sampled_from(list(Side))
HUMANS = st.integers(0, MOST - 1)
NAMES = st.sampled_from(FIELDS)
CHOICES = st.integers(0, 11)
EDITS = NAMES.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))


def other_value(name: str, choice: int, *held: Wire) -> Wire:
    """Return a value of a field that Dynamics takes, other than what is *held* anywhere."""
    free = [
        value
        for value in VALUES[name]
        if not refused(name, value)
        and not any(same(name, normal(name, value), one) or same(name, value, one) for one in held)
    ]
    return free[choice % len(free)] if free else VALUES[name][0]


class PeopleMachine(TwoSystems):
    """The rules for all but the engine itself."""

    # -- what people do

    @precondition(lambda self: len(self.humans) < MOST)
    @rule(entity=ENTITIES)
    def new_in_dynamics(self, entity: str) -> None:
        """Somebody makes a record in Dynamics."""
        self.make_in_dynamics(entity, "Bo", "clerk")

    @precondition(lambda self: len(self.humans) < MOST)
    @rule(entity=ENTITIES, whens=st.permutations(_WHENS), count=st.integers(1, 3))
    def push(self, entity: str, whens: list[When], count: int) -> None:
        """Somebody pushes one person, or several at a time."""
        count = min(count, MOST - len(self.humans))
        for number in range(count):
            self.ask_for(entity, whens[number % len(whens)])
        REACHED["several pushed"] += count > 1

    @rule(at=HUMANS, side=SIDES, edit=EDITS)
    def edit(self, at: int, side: Side, edit: OneEdit) -> None:
        """Somebody edits a field on one side."""
        self.change(self.pick(at), side, *edit)

    @rule(at=HUMANS, edit=EDITS, other=EDITS)
    def edit_both(self, at: int, edit: OneEdit, other: OneEdit) -> None:
        """Both sides are edited, in any two fields."""
        self.change(self.pick(at), Side.MARKETO, *edit)
        self.change(self.pick(at), Side.DYNAMICS, *other)

    @rule(at=HUMANS, name=NAMES, choices=st.tuples(CHOICES, CHOICES), settle=st.booleans())
    def collide(self, at: int, name: str, choices: tuple[int, int], settle: bool) -> None:  # noqa: FBT001
        """Both sides edit the same field."""
        values = VALUES[name]
        here, there = (values[choice % len(values)] for choice in choices)
        if settle:
            self.settle()
        for human in self.one_of_each(at):
            if settle:
                agreed = human.cells[name].agreed.values()
                here = other_value(name, choices[0], *agreed)
                there = other_value(name, choices[1], *agreed, here)
            self.change(human, Side.MARKETO, name, here)
            self.change(human, Side.DYNAMICS, name, there)
        if settle:
            self.settle()

    @rule(at=HUMANS, bad=st.sampled_from([("first_name", "x" * 60), ("job_title", "bad")]))
    def take_back_what_was_refused(self, at: int, bad: OneEdit) -> None:
        """A value that Dynamics does not take is told and held, until a person mends it."""
        name, value = bad
        humans = self.one_of_each(at)
        for human in humans:
            self.change(human, Side.MARKETO, name, value)
        self.go()
        for human in humans:
            held = self.held(human, Side.DYNAMICS) or {}
            self.change(human, Side.MARKETO, name, other_value(name, at, held.get(name)))
        self.go()
        REACHED["held value mended"] += len(humans)

    @rule(at=HUMANS, value=st.sampled_from(["ada!", "bo!!"]))
    def insist(self, at: int, value: Wire) -> None:
        """Dynamics writes a name as it likes it; the same is entered in Marketo again."""
        for _ in range(2):
            for human in self.one_of_each(at):
                self.change(human, Side.MARKETO, "first_name", value)
            self.settle()

    @rule(at=HUMANS, side=SIDES, choices=st.tuples(CHOICES, CHOICES))
    def resolve_by_hand(self, at: int, side: Side, choices: tuple[int, int]) -> None:
        """What the policy left to a person waits, until a person takes one side's value over."""
        self.settle()
        humans = self.one_of_each(at)
        for human in humans:
            agreed = human.cells["city"].agreed[Side.MARKETO]
            one = other_value("city", choices[0], agreed)
            self.change(human, Side.MARKETO, "city", one)
            self.change(human, Side.DYNAMICS, "city", other_value("city", choices[1], agreed, one))
        self.settle()
        for human in humans:
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
            there = self.held(human, Side.DYNAMICS)
            assert there is not None
            for name, cell in human.cells.items():
                cell.leave(there[name])
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

    @rule(at=HUMANS, side=SIDES, edit=EDITS)
    def delete_for_a_while(self, at: int, side: Side, edit: OneEdit) -> None:
        """A record is deleted, and comes back after the engine has seen that."""
        self.delete_in_dynamics(at)
        self.go()
        if side is Side.MARKETO:
            self.change(self.pick(at), side, *edit)
        self.undelete(at)
        if side is Side.DYNAMICS:
            self.change(self.pick(at), side, *edit)

    @rule(at=HUMANS, edit=EDITS)
    def delete_in_marketo(self, at: int, edit: OneEdit) -> None:
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

    @precondition(lambda self: not self.unreadable)
    @rule(at=HUMANS, value=st.sampled_from(VALUES["email"]))
    def take_update_for_a_while(self, at: int, value: Wire) -> None:
        """What could not be told is told when the right is there again."""
        self.take_update()
        self.go()
        self.edit_what_may_not_be_told(at, value)
        self.give_update()
        self.go()

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
    @rule(at=HUMANS, names=st.tuples(NAMES, NAMES), choices=st.tuples(CHOICES, CHOICES))
    def late_rows(self, at: int, names: tuple[str, str], choices: tuple[int, int]) -> None:
        """What was edited first arrives last."""
        self.slow = True
        for human in self.one_of_each(at):
            for lag, name, choice in zip((3600, 0), names, choices, strict=True):
                self.marketo.lag(lag)
                held = self.held(human, Side.MARKETO) or {}
                self.change(human, Side.MARKETO, name, other_value(name, choice, held.get(name)))
            REACHED["late rows"] += 1
        self.go()
        self.clock.advance(3601)
        self.go()

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
        ours = other_value("job_title", choices[0], agreed)
        self.change(human, Side.DYNAMICS, "job_title", ours)
        self.go()
        self.marketo.forget_changes()
        self.go()
        for value in (other_value("job_title", choices[1], ours), ours):
            self.change(human, Side.MARKETO, "job_title", value)
            self.go()
        REACHED["echo forgotten"] += 1

    @rule(hours=st.sampled_from([0.2, 2, 30]))
    def wait(self, hours: float) -> None:
        """Nobody does anything."""
        self.silent += hours
        if not self.slow or self.silent < _TOO_LATE:
            self.clock.advance(hours * 3600)
