"""
A model of what a sync owes its users, and random histories that hold the engine to it.

The model knows nothing of backlogs, bases or cursors. Of every field of every human it knows
which side edited it since the two last agreed, and from that what both must hold in the end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import attrs
from attrs import Factory
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from dynsync import (
    CONTACT,
    LEAD,
    Access,
    ActivityRecorder,
    Entity,
    Guards,
    Limit,
    MemoryStore,
    Report,
    Side,
    Sync,
    by_field,
    default_policy,
    manual,
)
from dynsync.sandbox import (
    NO_LIMITS,
    BusinessRule,
    Fault,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
    SimulatedCrash,
)
from support_crash import CrashingStore

FIELDS = ("first_name", "job_title", "email", "unsubscribed", "city")
MAPS = {"lead": LEAD.only(*FIELDS), "contact": CONTACT.only(*FIELDS)}
REACHED: Counter[str] = Counter()
"""Which paths the histories went, and how often."""

SECRET = "secret-"
"""Values of a field that may not be read begin with this, so that a leak can be found."""

Value = str | bool | None


@attrs.define
class Cell:
    """One field of one human, as the model sees it."""

    agreed: Value = None
    marketo: Value = None
    dynamics: Value = None
    edited: set[Side] = Factory(set[Side])
    risky: bool = False
    muddled: bool = False
    backfill: bool = False
    history: list[Value] = Factory(list[Value])

    def edit(self, side: Side, value: Value) -> None:
        if self.risky and side.other in self.edited:
            # A run that did not end well lies between the two edits: whether the first had
            # arrived when the second was made, nobody can know.
            self.muddled = True
        if side is Side.MARKETO:
            self.marketo = value
        else:
            self.dynamics = value
        self.edited.add(side)
        self.history.append(value)

    def settle(self, value: Value) -> None:
        self.agreed = self.marketo = self.dynamics = value
        self.edited.clear()
        self.history.clear()
        self.risky = self.muddled = self.backfill = False


@attrs.define
class Human:
    """One human in one or both systems."""

    entity: str
    person: str | None
    guid: str | None
    cells: dict[str, Cell]
    waiting: bool = False
    gone: set[Side] = Factory(set[Side])
    new_since_gone: dict[str, bool] = Factory(dict[str, bool])


def same(one: Value, other: Value) -> bool:
    """Return whether two values mean the same to both systems."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return (one or None) == (other or None)


def refused(name: str, value: Value) -> bool:
    """Return whether Dynamics takes no such value."""
    if name == "first_name":
        return isinstance(value, str) and len(value) > 50
    return name == "job_title" and value == "bad"


VALUES: Mapping[str, tuple[Value, ...]] = {
    "first_name": ("Ada", "Bo", "Zoë", None, "x" * 60),
    "job_title": ("boss", "clerk", "bad", None),
    "email": ("a@example.org", "b@example.org", "B@example.org", None),
    "unsubscribed": (True, False),
    "city": ("Oslo", "Bergen", "東京", None),
}

EDITS = st.sampled_from(FIELDS).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]))
)
SIDES = st.sampled_from(list(Side))
FAULTS = st.sampled_from(
    ["throttled", "down", "lost_request", "lost_response", "partial", "crash_before", "crash_after"]
)
OPERATIONS = st.sampled_from(["read", "write", "fetch", "describe", "log", "*"])


class SyncMachine(RuleBasedStateMachine):
    """Random histories of two systems that the engine keeps in step."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, limits=NO_LIMITS)
        self.dynamics = SandboxDynamics(clock=self.clock)
        self.dynamics.limits = NO_LIMITS
        self.store = MemoryStore()
        self.humans: list[Human] = []
        self.withheld = False
        self.unreadable = False
        self.held_back = False
        self.secrets: list[str] = []
        self.told = 0
        for table in ("lead", "contact"):
            self.dynamics.add_rule(table, _no_bad_titles)

    @initialize()
    def first_load(self) -> None:
        for entity in ("lead", "contact"):
            self._make_in_dynamics(entity, "Ada", "boss")
        self.clean()

    # -- making the sync

    def sync(self, store: object = None) -> Sync:
        connector = self.marketo.connector()
        return Sync(
            marketo=connector,
            dynamics=self.dynamics.connector(),
            maps=tuple(MAPS.values()),
            store=store or self.store,  # type: ignore[arg-type]
            policy=by_field({"city": manual}, default=default_policy()),
            recorders=(ActivityRecorder(connector),),
            guards=Guards(deletes=Limit(1000, 100), clears=Limit(1000, 100), allow_empty=True),
            clock=self.clock,
        )

    def _make_in_dynamics(self, entity: str, first: str, title: str) -> None:
        values = {"firstname": first, "jobtitle": title, "lastname": "L"}
        guid = str(self.dynamics.create(entity, values))
        cells = {name: Cell() for name in FIELDS}
        cells["first_name"].settle(first)
        cells["job_title"].settle(title)
        cells["unsubscribed"].settle(False)
        self.humans.append(Human(entity, None, guid, cells))

    # -- what people do

    @precondition(lambda self: len(self.humans) < 5)
    @rule(entity=st.sampled_from(["lead", "contact"]))
    def new_in_dynamics(self, entity: str) -> None:
        self._make_in_dynamics(entity, "Bo", "clerk")

    @precondition(lambda self: len(self.humans) < 5)
    @rule(entity=st.sampled_from(["lead", "contact"]), when=st.sampled_from(["now", "queued"]))
    def push(self, entity: str, when: str) -> None:
        person = str(self.marketo.create_person({"firstName": "Eve", "lastName": "P"}))
        cells = {name: Cell() for name in FIELDS}
        cells["first_name"].settle("Eve")
        cells["unsubscribed"].settle(False)
        human = Human(entity, person, None, cells, waiting=True)
        self.humans.append(human)
        answer = self.sync().sync_person(person, as_=entity, when=when)  # type: ignore[arg-type]
        REACHED[f"push {answer.kind}"] += 1
        again = self.sync().sync_person(person, as_=entity)
        assert again.kind in {"exists", "already queued"}
        REACHED[f"push again {again.kind}"] += 1

    def _pick(self, at: int) -> Human:
        return self.humans[at % len(self.humans)]

    @rule(at=st.integers(0, 4), side=SIDES, edit=EDITS)
    def edit(self, at: int, side: Side, edit: tuple[str, Value]) -> None:
        name, value = edit
        self._edit(self._pick(at), side, name, value)

    @rule(at=st.integers(0, 4), edit=EDITS, other=EDITS)
    def edit_both(self, at: int, edit: tuple[str, Value], other: tuple[str, Value]) -> None:
        human = self._pick(at)
        self._edit(human, Side.MARKETO, *edit)
        self._edit(human, Side.DYNAMICS, *other)

    @rule(at=st.integers(0, 4), name=st.sampled_from(FIELDS), values=st.data())
    def collide(self, at: int, name: str, values: st.DataObject) -> None:
        human = self._pick(at)
        for side in Side:
            self._edit(human, side, name, values.draw(st.sampled_from(VALUES[name])))

    def _edit(self, human: Human, side: Side, name: str, value: Value) -> None:
        if side is Side.DYNAMICS and refused(name, value):
            return
        field = MAPS[human.entity].field(name)
        native = field.names[side]
        before: Value
        if side is Side.MARKETO and human.person is not None:
            person = self.marketo.person(human.person)  # type: ignore[arg-type]
            if person is None:
                return
            before = person[native]  # type: ignore[assignment]
            self.marketo.edit(human.person, {native: value})  # type: ignore[arg-type]
        elif side is Side.DYNAMICS and human.guid is not None:
            row = self.dynamics.row(human.entity, human.guid)  # type: ignore[arg-type]
            if row is None:
                return
            before = row[native]  # type: ignore[assignment]
            self.dynamics.edit(human.entity, human.guid, {native: value})  # type: ignore[arg-type]
        else:
            return
        if not same(before, value):
            cell = human.cells[name]
            known = name != "email" or not self.unreadable
            if known and side is Side.DYNAMICS and Side.MARKETO in human.gone:
                # An edit that is taken back again is none.
                old = (cell.agreed, *cell.history)
                human.new_since_gone[name] = not any(same(value, one) for one in old)
            cell.edit(side, value)

    def _known(self, at: int) -> Human | None:
        human = self._pick(at)
        if human.waiting or human.gone:
            return None
        if human.person is None:
            link_field = MAPS[human.entity].link_field
            found = [str(i) for i, p in self.marketo.people() if p[link_field] == human.guid]
            human.person = found[0] if len(found) == 1 else None
        return human if human.person is not None and human.guid is not None else None

    @rule(at=st.integers(0, 4))
    def delete_in_dynamics(self, at: int) -> None:
        human = self._known(at)
        if human is not None and human.guid is not None:
            self.dynamics.delete(human.entity, human.guid)  # type: ignore[arg-type]
            human.gone.add(Side.DYNAMICS)
            REACHED["deleted in Dynamics"] += 1

    @rule(at=st.integers(0, 4))
    def undelete(self, at: int) -> None:
        human = self._pick(at)
        if human.gone == {Side.DYNAMICS} and human.guid is not None:
            self.dynamics.undelete(human.entity, human.guid)  # type: ignore[arg-type]
            human.gone.clear()
            for cell in human.cells.values():
                cell.risky = cell.risky or bool(cell.edited)
            REACHED["seen again after a delete"] += 1

    @rule(at=st.integers(0, 4))
    def delete_in_marketo(self, at: int) -> None:
        human = self._known(at)
        if human is not None and human.person is not None:
            self.marketo.delete(human.person)  # type: ignore[arg-type]
            human.gone.add(Side.MARKETO)
            human.new_since_gone.clear()
            REACHED["deleted in Marketo"] += 1

    @rule(at=st.integers(0, 4))
    def delete_and_push_again(self, at: int) -> None:
        """Delete a Dynamics record, let the engine see it, and push its person (R32)."""
        self.delete_in_dynamics(at)
        self.run()
        human = self._pick(at)
        if human.gone != {Side.DYNAMICS} or human.person is None:
            return
        person = self.marketo.person(human.person)  # type: ignore[arg-type]
        if person is None or person["microsoftIsDeleted"] is not True or self.held_back:
            return
        answer = self.sync().sync_person(human.person, as_=human.entity)
        if answer.kind == "created":
            REACHED["pushed again after a delete"] += 1
            human.gone.clear()
            human.guid = str(answer.dynamics)
            row = self.dynamics.row(human.entity, human.guid)  # type: ignore[arg-type]
            assert row is not None
            for name, cell in human.cells.items():
                natives = MAPS[human.entity].field(name).names
                cell.settle(row[natives.dynamics])  # type: ignore[arg-type]
                if not same(person[natives.marketo], cell.agreed):  # type: ignore[arg-type]
                    cell.edit(Side.MARKETO, person[natives.marketo])  # type: ignore[arg-type]

    @precondition(lambda self: not self.unreadable)
    @rule()
    def take_read(self) -> None:
        self._secure(Access.NONE)
        self.unreadable, self.withheld = True, False
        REACHED["right to read taken"] += 1

    @precondition(lambda self: self.unreadable)
    @rule(at=st.integers(0, 4))
    def edit_in_secret(self, at: int) -> None:
        human = self._pick(at)
        secret = f"{SECRET}{len(self.secrets)}@example.org"
        self.secrets.append(secret)
        self._edit(human, Side.DYNAMICS, "email", secret)

    @precondition(lambda self: self.unreadable)
    @rule()
    def give_read(self) -> None:
        self._secure(Access.READ | Access.CREATE | Access.UPDATE)
        self.unreadable = False
        self.secrets.clear()
        for human in self.humans:
            cell = human.cells["email"]
            cell.edited = {Side.MARKETO, Side.DYNAMICS}
            cell.backfill, cell.risky, cell.muddled = True, False, False
            if human.person and (person := self.marketo.person(human.person)):  # type: ignore[arg-type]
                cell.marketo = person["email"]  # type: ignore[assignment]
            if human.guid and (row := self.dynamics.row(human.entity, human.guid)):  # type: ignore[arg-type]
                cell.dynamics = row["emailaddress1"]  # type: ignore[assignment]
        REACHED["right to read given"] += 1

    def _check_secrets(self) -> None:
        """A value that may not be read is nowhere but where it was (invariant 32)."""
        if not self.unreadable or not self.secrets:
            return
        links = [self.store.links([k]) for e in MAPS for k, _, _ in self.store.each_link(Entity(e))]
        held = repr((links, list(self.store.each_pending()), self.store.journal(0, 10_000)))
        held += repr([person for _, person in self.marketo.people()])
        assert not any(secret in held for secret in self.secrets)
        REACHED["secret kept"] += 1

    @precondition(lambda self: not self.unreadable)
    @rule()
    def take_update(self) -> None:
        self._secure(Access.READ | Access.CREATE)
        self.withheld = True
        REACHED["right to update taken"] += 1

    @precondition(lambda self: self.withheld)
    @rule(at=st.integers(0, 4), value=st.sampled_from(VALUES["email"]))
    def edit_what_may_not_be_told(self, at: int, value: Value) -> None:
        self._edit(self._pick(at), Side.MARKETO, "email", value)
        self.clean()

    @precondition(lambda self: self.withheld)
    @rule()
    def give_update(self) -> None:
        self._secure(Access.READ | Access.CREATE | Access.UPDATE)
        self.withheld = False
        REACHED["right to update given"] += 1

    def _secure(self, access: Access) -> None:
        for table in ("lead", "contact"):
            self.dynamics.secure(table, "emailaddress1", access)

    @rule()
    def hold_back_feed(self) -> None:
        if self.held_back:
            self.marketo.release()
        else:
            self.marketo.hold_back()
        self.held_back = not self.held_back

    @rule()
    def expire(self) -> None:
        self.dynamics.expire_cursors()
        REACHED["cursor expired"] += 1

    @rule(hours=st.sampled_from([0.2, 2, 30]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours * 3600)

    # -- what the sync does

    @rule(side=SIDES, operation=OPERATIONS, kind=FAULTS, skip=st.integers(0, 2))
    def faulty_run(self, side: Side, operation: str, kind: str, skip: int) -> None:
        system = self.marketo if side is Side.MARKETO else self.dynamics
        system.faults.plan(operation, *([None] * skip), Fault(kind))  # type: ignore[arg-type]
        self._unclean()
        try:
            report = self.sync().run()
            self._look(report)
        except SimulatedCrash:
            REACHED["crash in a call"] += 1
            self.store = self.store.twin()
        system.faults.clear()
        REACHED[f"fault {kind}"] += 1

    @rule(at=st.integers(1, 12), when=st.sampled_from(["before", "after"]))
    def crashing_commit(self, at: int, when: str) -> None:
        self._unclean()
        store = CrashingStore(self.store, at, when)
        try:
            self._look(self.sync(store).run())
        except SimulatedCrash:
            REACHED[f"crash {when} a commit"] += 1
            self.store = self.store.twin()

    @rule(at=st.integers(0, 4), side=SIDES, edit=EDITS, later=EDITS)
    def edit_in_the_window(
        self, at: int, side: Side, edit: tuple[str, Value], later: tuple[str, Value]
    ) -> None:
        """Edit a record after the engine has read it and before it writes."""
        human = self._pick(at)
        self._edit(human, side.other, *edit)
        system = self.marketo if side is Side.MARKETO else self.dynamics
        done: list[int] = []

        def hook(operation: str, number: int) -> Fault | None:
            if operation == "write" and not done:
                done.append(number)
                value = later[1] if later[0] == edit[0] else edit[1]
                if same(value, edit[1]) and Side.MARKETO in human.cells[edit[0]].edited:
                    # An unseen edit replaced by one that equals our own write cannot be told
                    # from one that our write replaced: the engine brings it back, to be safe.
                    return None
                self._edit(human, side, edit[0], value)
                REACHED[f"edit in the window of {side.label}"] += 1
            return None

        system.faults.hook = hook
        self._look(self.sync().run())
        self._unclean()
        system.faults.clear()

    @rule()
    def run(self) -> None:
        self._unclean()
        self._look(self.sync().run())

    @rule()
    def plan_and_apply(self) -> None:
        """A plan moves nothing, and applying it does what it says and no more."""
        before = self._everything()
        plan = self.sync().plan()
        again = self.sync().plan()
        assert plan.records == again.records
        assert self._everything() == before
        self._unclean()
        report = self.sync().apply(plan)
        self._look(report)
        assert sum(report.writes.values()) <= len(plan.writes) + 20 * len(plan.records)
        REACHED["plan applied"] += bool(plan.writes)

    @rule()
    def clean(self) -> None:
        """Let all faults end: then everything must settle, and stay settled."""
        if self.held_back:
            self.marketo.release()
            self.held_back = False
        for _ in range(6):
            self.clock.advance(90_000)
            self._look(self.sync().run())
        self._check_settled()
        before = self._everything()
        self.clock.advance(1)
        report = self.sync().run()
        assert not report.failures
        assert sum(report.writes.values()) == 0, f"a second run wrote: {report}"
        assert self._everything() == before

    def teardown(self) -> None:
        if self.humans:
            self.clean()
        self.marketo.close()
        self.dynamics.close()

    # -- looking

    def _unclean(self) -> None:
        """Note that a run lies between the edits made so far and those to come."""
        for human in self.humans:
            for cell in human.cells.values():
                cell.risky = cell.risky or bool(cell.edited)

    def _look(self, report: Report) -> None:
        """Check the sums of a report and note where the run has been."""
        for (entity, kind), count in report.counts.items():
            REACHED[f"{kind.value} {entity}"] += count
        for outcome in report.notable:
            for result in outcome.results:
                REACHED[f"refused {result.code}"] += 1
        assert report.records == sum(report.counts.values())
        self._check_secrets()

    def _everything(self) -> str:
        people = [(str(id_), values) for id_, values in self.marketo.people()]
        rows = [(t, str(i), r) for t in MAPS for i, r in self.dynamics.rows(t).items()]
        return json.dumps([people, rows], sort_keys=True, default=str)

    def _find(self, human: Human) -> None:
        """Learn the other half of a human from what the systems hold, not from the engine."""
        link_field = MAPS[human.entity].link_field
        if human.guid is None and human.person is not None:
            held = self.marketo.person(human.person)[link_field]  # type: ignore[arg-type,index]
            human.guid = str(held) if held else None
        elif human.person is None:
            held_by = [
                str(id_) for id_, p in self.marketo.people() if p[link_field] == human.guid
            ]
            assert len(held_by) == 1, f"{len(held_by)} people for one {human.entity}"
            human.person = held_by[0]

    def _check_settled(self) -> None:
        for human in list(self.humans):
            if human.gone:
                self._check_gone(human)
                continue
            self._find(human)
            assert human.person is not None
            assert human.guid is not None, "a pushed person never arrived"
            human.waiting = False
            for name in FIELDS:
                self._check_cell(human, name)
        self._check_identity()
        self._check_told_once()

    def _check_gone(self, human: Human) -> None:
        """Check what a delete leaves behind (R45, R46)."""
        link_field = MAPS[human.entity].link_field
        holders = [str(i) for i, p in self.marketo.people() if p[link_field] == human.guid]
        if human.gone == {Side.DYNAMICS, Side.MARKETO}:
            assert not holders
            self.humans.remove(human)
        elif Side.DYNAMICS in human.gone:
            person = self.marketo.person(human.person)  # type: ignore[arg-type]
            assert person is not None, "a delete in Dynamics must leave the person alone"
            assert person["microsoftIsDeleted"] is True
            assert not person["microsoftType"]
        else:
            self._check_gone_person(human, holders)

    def _check_gone_person(self, human: Human, holders: list[str]) -> None:
        row = self.dynamics.row(human.entity, human.guid)  # type: ignore[arg-type]
        assert row is not None, "a delete in Marketo must leave Dynamics alone"
        assert len(holders) <= 1
        assert holders or not any(human.new_since_gone.values()), "a later change makes a new person"
        if not holders:
            return
        REACHED["new person after a delete"] += 1
        human.gone.clear()
        human.person = holders[0]
        person = self.marketo.person(human.person)  # type: ignore[arg-type]
        assert person is not None
        for name, cell in human.cells.items():
            natives = MAPS[human.entity].field(name).names
            if name == "email" and self.unreadable:
                continue
            assert same(person[natives.marketo], row[natives.dynamics])  # type: ignore[arg-type]
            cell.settle(person[natives.marketo])  # type: ignore[arg-type]

    def _check_cell(self, human: Human, name: str) -> None:
        if name == "email" and self.unreadable:
            return
        field = MAPS[human.entity].field(name)
        person = self.marketo.person(human.person)  # type: ignore[arg-type]
        row = self.dynamics.row(human.entity, human.guid)  # type: ignore[arg-type]
        assert person is not None
        assert row is not None
        here, there = person[field.names.marketo], row[field.names.dynamics]
        cell = human.cells[name]
        expected = self._expected(human, name, cell)
        where = f"{human.entity}.{name}: {cell}, Marketo {here!r}, Dynamics {there!r}"
        if expected == "pending" and cell.risky and name == "email" and same(here, there):
            # It went through before the right was taken.
            expected = [cell.marketo, cell.dynamics]
        if expected == "pending":
            # An earlier edit of this stretch may have arrived before the one that waits.
            earlier = cell.history if cell.risky else []
            assert any(same(here, value) for value in (cell.marketo, *earlier)), where
            assert any(same(there, value) for value in (cell.dynamics, *earlier)), where
            cell.dynamics = there  # type: ignore[assignment]
            return
        assert same(here, there), f"did not converge: {where}"
        assert any(same(here, value) for value in expected), f"expected {expected}: {where}"
        cell.settle(here if not isinstance(here, int) or isinstance(here, bool) else bool(here))

    def _expected(self, human: Human, name: str, cell: Cell) -> str | list[Value]:
        """Return the values that both sides may hold now, or that the field waits."""
        edited = cell.edited
        if cell.backfill and not cell.muddled and not same(cell.marketo, cell.dynamics):
            REACHED["backfilled"] += 1
            winner = Side.MARKETO if cell.dynamics is None else Side.DYNAMICS
            if winner is Side.MARKETO and self._blocked(name, cell.marketo):
                return "pending"
            return [self._of(cell, winner)]
        if not edited or same(cell.marketo, cell.dynamics):
            return [cell.marketo] if edited else [cell.agreed]
        if cell.muddled:
            if name == "city" or self._blocked(name, cell.marketo):
                return self._muddled(human, name, cell)
            return [cell.marketo, cell.dynamics]
        both = {Side.MARKETO, Side.DYNAMICS} == edited and not any(
            same(value, cell.agreed) for value in (cell.marketo, cell.dynamics)
        )
        if not both:
            # An edit that was taken back again is no edit.
            moved = [s for s in Side if not same(self._of(cell, s), cell.agreed)]
            winner = moved[0] if moved else Side.MARKETO
            REACHED["one side"] += 1
        else:
            decided = self._winner(human, name, cell)
            if decided is None:
                REACHED["collision unresolved"] += 1
                return "pending"
            winner = decided
            REACHED[f"collision {human.entity} {winner.value}"] += 1
        if winner is Side.MARKETO and self._blocked(name, cell.marketo):
            return "pending"
        return [self._of(cell, winner)]

    def _of(self, cell: Cell, side: Side) -> Value:
        return cell.marketo if side is Side.MARKETO else cell.dynamics

    def _muddled(self, human: Human, name: str, cell: Cell) -> str | list[Value]:
        field = MAPS[human.entity].field(name)
        person = self.marketo.person(human.person)  # type: ignore[arg-type]
        row = self.dynamics.row(human.entity, human.guid)  # type: ignore[arg-type]
        assert person is not None
        assert row is not None
        if same(person[field.names.marketo], row[field.names.dynamics]):
            return [cell.marketo, cell.dynamics]
        return "pending"

    def _winner(self, human: Human, name: str, cell: Cell) -> Side | None:
        if name == "city":
            return None
        if name == "unsubscribed":
            return Side.MARKETO if cell.marketo is True else Side.DYNAMICS
        return Side.MARKETO if human.entity == "lead" else Side.DYNAMICS

    def _blocked(self, name: str, value: Value) -> bool:
        if name == "email" and self.withheld:
            REACHED["withheld"] += 1
            return True
        return refused(name, value)

    def _check_identity(self) -> None:
        """Links are a partial bijection, and nobody is there twice (invariant 27)."""
        assert self.marketo.count() == sum(Side.MARKETO not in h.gone for h in self.humans)
        for table in MAPS:
            mine = [h for h in self.humans if h.entity == table and Side.DYNAMICS not in h.gone]
            assert self.dynamics.count(table) == len(mine)
        seen: Counter[tuple[Side, str]] = Counter()
        for entity in MAPS:
            for _, ids, _ in self.store.each_link(Entity(entity)):
                seen[Side.MARKETO, str(ids.marketo)] += 1
                seen[Side.DYNAMICS, str(ids.dynamics)] += 1
        assert all(count == 1 for count in seen.values())

    def _check_told_once(self) -> None:
        """Every refusal has one line in the activity log (invariant 33)."""
        for human in self.humans:
            if Side.MARKETO in human.gone:
                continue
            lines = self.marketo.activity_log(human.person)  # type: ignore[arg-type]
            keys = Counter(line.key for line in lines)
            assert all(count == 1 for count in keys.values())
            waits = any(
                refused(name, cell.marketo) and Side.MARKETO in cell.edited
                for name, cell in human.cells.items()
            )
            REACHED["told"] += bool(lines)
            assert lines or not waits or human.gone

    @invariant()
    def no_dynamics_record_is_promoted(self) -> None:
        """Background sync never makes Dynamics records of its own accord (R26)."""
        pushed = sum(1 for h in self.humans if h.person is not None or h.waiting)
        made = sum(self.dynamics.count(table) for table in MAPS)
        assert made <= sum(1 for h in self.humans if h.guid is not None) + pushed


def _no_bad_titles(before: Mapping[str, object] | None, after: dict[str, object]) -> None:
    if after.get("jobtitle") == "bad":
        raise BusinessRule("this title is not allowed", "jobtitle")


