"""A plan writes nothing, moves no state, and is exactly what a run then does (invariant 25)."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable

import pytest

from dynsync.errors import ConfigurationError, LeaseHeld, RunStopped, Throttled
from dynsync.guards import Guards, Limit
from dynsync.maps import CONTACT
from dynsync.memory import MemoryStore
from dynsync.outcomes import OutcomeKind
from dynsync.policies import manual
from dynsync.records import RecordId, Side
from dynsync.sandbox import Fault
from dynsync.state import StateStore
from store_fixtures import Open, another, store
from support import World

__all__ = ["another", "store"]

TABLES = ("lead", "contact")


def busy_world(store: StateStore | None = None) -> tuple[World, dict[str, list[RecordId]]]:
    """Return a world in which every sort of thing waits to be done, and its rows by table."""
    world = World(store=store or MemoryStore())
    rows = {
        table: [
            world.dynamics.create(table, {"lastname": f"Lee {number}", "jobtitle": "A"})
            for number in range(7)
        ]
        for table in TABLES
    }
    world.settled()
    for table in TABLES:
        people = [world.person_of(row) for row in rows[table]]
        world.marketo.edit(people[0], {"title": "M"})
        world.dynamics.edit(table, rows[table][1], {"jobtitle": "D"})
        world.marketo.edit(people[2], {"title": "M", "city": "Oslo"})
        world.dynamics.edit(table, rows[table][2], {"jobtitle": "D"})
        world.dynamics.delete(table, rows[table][3])
        world.marketo.delete(people[4])
        world.marketo.edit(people[5], {"title": "x" * 120})
        world.dynamics.create(table, {"lastname": "New"})
        pushed = world.marketo.create_person({"lastName": f"Pushed {table}"})
        world.sync.sync_person(pushed, as_=table, when="queued")
    world.clock.advance(300)
    return world, rows


def frozen(store: StateStore) -> object:
    """Return all that a store says of itself."""
    feeds = [
        store.feed(f"{side}:{what}")
        for side, what in (("marketo", "person"), ("dynamics", "lead"), ("dynamics", "contact"))
    ]
    keys = range(1, store.next_key())
    settings = [store.get(name) for name in ("run", "pair", "layout:lead", "schema:contact")]
    pending = [repr(entry) for entry in store.each_pending()]
    return feeds, repr(store.links(keys)), settings, pending, store.journal(0, 1000)


def test_plan_moves_nothing(store: StateStore) -> None:
    """A plan writes to neither system and moves neither cursor, backlog nor journal."""
    world, _ = busy_world(store)
    before = frozen(store), world.marketo.snapshot(), world.dynamics.snapshot()
    calls = world.marketo.calls["write"] + world.dynamics.calls["write"]
    plans = [world.sync.plan() for _ in range(2)]

    assert frozen(store) == before[0]
    assert (world.marketo.snapshot(), world.dynamics.snapshot()) == before[1:]
    assert calls == world.marketo.calls["write"] + world.dynamics.calls["write"]
    assert plans[0] == plans[1]
    assert plans[0].writes


def test_a_long_plan_keeps_the_lease(another: Open) -> None:
    """S4: a plan takes as long as it takes; nobody else runs, and what others ask for stays."""
    store, other = another(), another()
    world, _ = busy_world(store)
    pushed = world.marketo.create_person({"lastName": "Late"})
    rival = World(store=other, clock=world.clock, marketo=world.marketo, dynamics=world.dynamics)
    refused: list[str] = []

    def long_read(operation: str, _: int) -> None:
        if operation == "read":
            world.clock.advance(100)
            with pytest.raises(LeaseHeld):
                other.acquire(world.clock.now().timestamp(), 120.0)
            refused.append(rival.sync.sync_person(pushed, as_="lead", when="queued").kind)

    world.dynamics.faults.hook = long_read
    world.sync.plan()
    world.dynamics.faults.clear()

    assert ["queued", "already queued"] == refused
    assert pushed in [entry.ids.marketo for entry in store.each_pending()]


@pytest.mark.parametrize("change", ["pause", "resume", "refresh_schema", "sync_person", "retry"])
def test_what_a_plan_would_throw_away_is_refused(store: StateStore, change: str) -> None:
    """S6: who changes the state from inside of a plan is told so; afterwards they may."""
    world, _ = busy_world(store)
    person = world.marketo.create_person({"lastName": "Late"})
    changes: dict[str, Callable[[], object]] = {
        "pause": world.sync.pause,
        "resume": world.sync.resume,
        "refresh_schema": lambda: world.sync.refresh_schema("lead"),
        "sync_person": lambda: world.sync.sync_person(person, as_="lead"),
        "retry": lambda: world.sync.retry("lead"),
    }
    refused: list[str] = []

    def changing(operation: str, _: int) -> None:
        if operation == "read" and not refused:
            with pytest.raises(LeaseHeld) as caught:
                changes[change]()
            refused.append(str(caught.value))

    world.dynamics.faults.hook = changing
    world.sync.plan()
    world.dynamics.faults.clear()
    changes[change]()

    assert refused
    assert (change == "pause") == world.sync.paused


def test_plan_of_a_first_run_moves_nothing() -> None:
    """Even the very first plan leaves the state as new as it was."""
    world = World()
    world.contact(firstname="Ada")
    plan = world.sync.plan()

    assert ["create"] == [write.kind for write in plan.writes]
    assert 0 == world.marketo.count()
    assert world.store.feed("dynamics:contact").cursor is None
    assert world.store.get("pair") is None


def test_plan_is_what_a_run_does() -> None:
    """Invariant 25: every write of the plan is sent, no other one, with the planned outcome."""
    world, _ = busy_world()
    planned = world.sync.plan()
    report = world.sync.run()
    kinds = Counter((record.entity, record.outcome) for record in planned.records)
    sides = Counter(write.side for write in planned.writes)
    # A pushed person is told what it is in Dynamics in the same run: that its plan leaves open.
    pushed = sum(write.kind == "create" and write.side is Side.DYNAMICS for write in planned.writes)

    assert kinds == report.counts
    assert sides + Counter({Side.MARKETO: pushed}) == report.writes


def test_plan_and_apply_are_a_run() -> None:
    """Invariant 25: applying a plan at once comes to the same as a run."""
    (one, rows), (other, _) = busy_world(), busy_world()
    one.sync.run()
    report = other.sync.apply(other.sync.plan())

    assert [*one.marketo.people()] == [*other.marketo.people()]
    assert all(one.dynamics.rows(table) == other.dynamics.rows(table) for table in rows)
    assert frozen(one.store) == frozen(other.store)
    assert 0 == report.count(OutcomeKind.DEFERRED)


def test_apply_leaves_out_what_changed() -> None:
    """A record that changed since is not touched; the others are done, and it is next time."""
    world, rows = busy_world()
    plan = world.sync.plan()
    changed = rows["contact"][1]
    world.dynamics.edit("contact", changed, {"jobtitle": "D again"})
    report = world.sync.apply(plan)
    title = world.person(world.person_of(changed))["title"]
    other = world.person(world.person_of(rows["lead"][1]))["title"]
    world.settled()

    assert 1 == report.count(OutcomeKind.DEFERRED)
    assert ("A", "D") == (title, other)
    assert "D again" == world.person(world.person_of(changed))["title"]


def test_apply_leaves_out_what_somebody_put_back() -> None:
    """Invariant 22: it looks as it did before a write that nobody heard of, and was edited."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="A")
    world.marketo.edit(person, {"title": "B"})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.cycle()
    world.marketo.edit(person, {"title": "C"})
    plan = world.sync.plan()
    world.dynamics.edit("contact", row, {"jobtitle": "A"})
    report = world.sync.apply(plan)

    assert (1, 0) == (report.count(OutcomeKind.DEFERRED), report.writes.total())
    assert "A" == world.row("contact", row)["jobtitle"]


def test_apply_leaves_out_what_looks_like_a_write_that_nobody_heard_of() -> None:
    """Invariant 22: a write that never arrived, and somebody who writes the same since."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="A")
    world.dynamics.edit("contact", row, {"jobtitle": "B"})
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.cycle()
    world.dynamics.edit("contact", row, {"jobtitle": "C"})
    plan = world.sync.plan()
    world.marketo.edit(person, {"title": "B"})
    report = world.sync.apply(plan)

    assert (1, 0) == (report.count(OutcomeKind.DEFERRED), report.writes.total())
    assert "B" == world.person(person)["title"]


def test_apply_leaves_out_what_is_not_in_the_plan() -> None:
    """What came up since the plan was made is left to the next run."""
    world, rows = busy_world()
    plan = world.sync.plan()
    row = rows["lead"][6]
    world.dynamics.edit("lead", row, {"jobtitle": "D"})
    world.sync.apply(plan)
    title = world.person(world.person_of(row))["title"]
    world.settled()

    assert "A" == title
    assert "D" == world.person(world.person_of(row))["title"]


def test_a_plan_twice() -> None:
    """Invariant 12: a plan that was applied does nothing the second time."""
    world, _ = busy_world()
    plan = world.sync.plan()
    world.sync.apply(plan)
    before = [*world.marketo.people()], world.dynamics.rows("lead"), world.dynamics.rows("contact")
    report = world.sync.apply(plan)

    assert (0, 0) == (report.writes.total(), report.count(OutcomeKind.DEFERRED))
    assert before == (
        [*world.marketo.people()],
        world.dynamics.rows("lead"),
        world.dynamics.rows("contact"),
    )


def test_a_plan_of_another_state() -> None:
    """What is not known as it was planned is counted; what is new here, too, is made."""
    world, _ = busy_world()
    plan = world.sync.plan()
    writing = [record for record in plan.records if record.writes]
    fresh = World(marketo=world.marketo, dynamics=world.dynamics, clock=world.clock)
    report = fresh.sync.apply(plan)
    made = len(TABLES)

    assert (made, made) == (report.writes.total(), report.count(OutcomeKind.CREATED))
    assert len(writing) - made == report.count(OutcomeKind.DEFERRED) == report.records - made


def test_a_plan_shows_no_values() -> None:
    """Values are personal data: the plan holds them, and its text does not."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Zebra"})
    world.dynamics.edit("contact", row, {"jobtitle": "Yak"})
    plan = world.sync.plan()

    assert {"title": "Yak"} == plan.writes[0].values
    assert "Yak" not in repr(plan)
    assert "Zebra" not in repr(plan)


def test_a_plan_shows_what_is_unresolved() -> None:
    """What the policy leaves is in the plan, and nothing is written about it."""
    world = World(CONTACT)
    world.sync.policy = manual
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "M"})
    world.dynamics.edit("contact", row, {"jobtitle": "D"})
    (record,) = world.sync.plan().unresolved

    assert (person, row) == (record.ids.marketo, record.ids.dynamics)
    assert () == record.writes


def test_a_plan_raises_what_a_run_raises() -> None:
    """Guards, mistakes and systems that are down stop a plan as they stop a run."""
    world, rows = busy_world()
    world.sync.guards = Guards(deletes=Limit(count=0, percent=0.0, few=0))
    with pytest.raises(RunStopped):
        world.sync.plan()
    world.sync.guards = Guards()
    world.sync.maps = (CONTACT.plus(),)
    world.marketo.faults.plan("read", Fault("throttled", scope="day"))
    with pytest.raises(Throttled):
        world.sync.plan()
    world.dynamics.drop_column("contact", "jobtitle")
    fresh = World(CONTACT, marketo=world.marketo, dynamics=world.dynamics, clock=world.clock)
    with pytest.raises(ConfigurationError):
        fresh.sync.plan()
    assert rows


def test_determinism() -> None:
    """Invariant 23: the same systems, state and time give equal plans, reports and ends."""
    (one, _), (other, _) = busy_world(), busy_world()
    plans = one.sync.plan(), other.sync.plan()
    reports = one.sync.run(), other.sync.run()
    again = one.cycle(), other.cycle()

    assert plans[0] == plans[1]
    assert repr(reports[0]) == repr(reports[1])
    assert repr(again[0]) == repr(again[1])
    assert one.marketo.snapshot() == other.marketo.snapshot()
    assert frozen(one.store) == frozen(other.store)
    assert repr(one.recorder.entries) == repr(other.recorder.entries)


def test_a_copy_of_the_state_does_the_same() -> None:
    """Invariant 23: a run from a copy of the state, against copies of the systems."""
    world, _ = busy_world()
    state, people, tables = (
        copy.deepcopy(world.store),
        world.marketo.snapshot(),
        world.dynamics.snapshot(),
    )
    first = world.sync.run()
    ends = [*world.marketo.people()], world.dynamics.rows("lead")
    world.marketo.restore(people)
    world.dynamics.restore(tables)
    world.sync.store = state
    second = world.sync.run()

    assert repr(first) == repr(second)
    assert ends == ([*world.marketo.people()], world.dynamics.rows("lead"))


@pytest.mark.parametrize("reads", range(3))
def test_a_plan_that_was_stopped_says_so(reads: int) -> None:
    """A plan that a host stopped, wherever that was, does not pass for a whole one."""
    world, _ = busy_world()
    whole = world.sync.plan()
    left = iter(range(reads))
    world.sync.stopping = lambda: next(left, None) is None
    plan, report = world.sync.plan(), world.sync.run()

    assert not whole.interrupted
    assert plan.interrupted
    assert len(plan.records) < len(whole.records)
    assert report.interrupted
    assert "asked to stop" in str(report)
