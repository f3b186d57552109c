"""Edits that we overwrite, answers that get lost, cursors that expire, and what hosts get wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn, cast

import attrs
import pytest

from dynsync.connectors import Capabilities, Page
from dynsync.errors import (
    ConfigurationError,
    ContractError,
    CursorExpired,
    LeaseHeld,
    Refused,
    RunStopped,
    SchemaChanged,
    SyncError,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.fields import Field, Match
from dynsync.guards import Guards, Limit
from dynsync.kinds import TextKind
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.outcomes import OutcomeKind
from dynsync.policies import Collision, Leave, Put, Resolution, Take, manual, newest, prefer
from dynsync.recorder import Entry, entry_of
from dynsync.records import Cursor, Entity, Pair, RecordId, Side, Wire
from dynsync.reports import Progress
from dynsync.sandbox import (
    NO_LIMITS,
    BusinessRule,
    Fault,
    FaultKind,
    SandboxDynamics,
    SandboxDynamicsConnector,
    SandboxMarketo,
    SandboxMarketoConnector,
    SimulatedCrash,
)
from dynsync.schedule import cycles
from dynsync.writes import Write, WriteResult
from support import CYCLE, World, before

TABLES = ("lead", "contact")
DAY = 86_400.0


def state_of(world: World) -> tuple[list[str], dict[RecordId, dict[str, Wire]]]:
    """Return what both systems hold in the fields in play, whatever the people's ids are."""
    fields = {f.names.marketo for m in (LEAD, CONTACT) for f in (*m.fields, *m.stamps())}
    people = sorted(
        repr({name: values[name] for name in sorted(fields)})
        for _, values in world.marketo.people()
    )
    rows = {
        id_: {field.names.dynamics: row[field.names.dynamics] for field in entity_map.fields}
        for entity_map in (LEAD, CONTACT)
        for id_, row in world.dynamics.rows(str(entity_map.entity)).items()
    }
    return people, rows


# -- edits that a write of ours overwrites (invariant 31)


def retitled(world: World, table: str, title: str | None) -> tuple[RecordId, RecordId]:
    """Link an analyst, and give it another title in Dynamics: we are to write that to Marketo."""
    person, row = world.linked(table, jobtitle="Analyst")
    world.dynamics.edit(table, row, {"jobtitle": title})
    return person, row


@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", "Dynamics'")])
@pytest.mark.parametrize("seconds", [0, 7])
def test_edit_between_read_and_write(table: str, expected: str, seconds: int) -> None:
    """Invariant 31: an edit between our reading and our write is merged: collides, as any other."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")

    def edit() -> None:
        world.clock.advance(seconds)
        world.marketo.edit(person, {"title": "Theirs"})

    before(world.marketo.faults, "write", edit)
    world.cycle()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", None)])
def test_edit_between_reading_that_it_was_emptied_and_the_write(
    table: str, expected: str | None
) -> None:
    """Invariant 31: what somebody emptied in Dynamics was changed there, and collides."""
    world = World()
    person, row = retitled(world, table, None)
    world.meanwhile(person, {"title": "Theirs"})
    world.cycle()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_lost_side_of_an_overwritten_edit_is_journalled(table: str) -> None:
    """Invariant 6: whichever of the two gives way is kept in the journal."""
    world = World()
    person, _ = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "Theirs"})
    world.cycle()
    world.settled()
    lost = [change.lost for entry in world.recorder.entries for change in entry.changes]

    assert ("Dynamics'" if table == "lead" else "Theirs") in lost


@pytest.mark.parametrize("table", TABLES)
def test_edit_of_another_field_between(table: str) -> None:
    """R19: an edit of another field in that moment does not even collide."""
    world = World()
    person, row = retitled(world, table, "Boss")
    world.meanwhile(person, {"city": "Oslo"})
    world.cycle()
    world.settled()

    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(("table", "expected"), [("lead", "Third"), ("contact", "Dynamics'")])
def test_several_edits_between(table: str, expected: str) -> None:
    """Invariant 31: several in a row: the last of them is the one that counts."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "First"}, {"title": "Second"}, {"title": "Third"})
    world.cycle()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_edit_between_equal_to_ours(table: str) -> None:
    """A2: somebody typed what we were about to write: nothing is left to do."""
    world = World()
    person, row = retitled(world, table, "Boss")
    world.meanwhile(person, {"title": "Boss"})
    world.cycle()

    assert 0 == world.settled()
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_edit_between_that_ends_as_it_was(table: str) -> None:
    """An edit to and fro between reading and writing changes nothing."""
    world = World()
    person, row = retitled(world, table, "Boss")
    world.meanwhile(person, {"title": "Other"}, {"title": "Analyst"})
    world.cycle()
    world.settled()

    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_edit_after_our_write(table: str) -> None:
    """An edit on top of our write is a change like any other, on either entity."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "Before"})
    world.cycle()
    world.marketo.edit(person, {"title": "After"})
    world.settled()

    assert ("After", "After") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_automation_between(table: str) -> None:
    """Invariant 31: what a campaign sets in that moment is somebody's edit as well."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst", address1_city="Oslo")
    world.marketo.when_changed("phone", lambda _: {"title": "Campaign's"})
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    world.meanwhile(person, {"phone": "123"})
    world.cycle()
    world.settled()
    expected = "Campaign's" if table == "lead" else "Dynamics'"

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert ("123", "123") == world.both(person, table, row, "phone")


@pytest.mark.parametrize("table", TABLES)
def test_clear_between(table: str) -> None:
    """Invariant 31, R22: a clear is an edit, too."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": None})
    world.cycle()
    world.settled()
    expected = None if table == "lead" else "Dynamics'"

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_edit_in_every_one_of_many_cycles(table: str) -> None:
    """Invariant 31: somebody is quicker than us again and again; the last word is kept."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    for number in range(6):
        world.dynamics.edit(table, row, {"jobtitle": f"Dynamics' {number}"})
        world.meanwhile(person, {"title": f"Theirs {number}"})
        world.cycle()
    world.settled()
    expected = "Theirs 5" if table == "lead" else "Dynamics' 5"

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("kind", ["crash_after", "lost_response"])
@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", "Dynamics'")])
def test_edit_between_and_no_answer(table: str, expected: str, kind: FaultKind) -> None:
    """Invariant 31: a crash, or no answer, after a write that overwrote an edit."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    done: list[str] = []

    def hook(operation: str, _: int) -> Fault | None:
        if operation != "write" or done:
            return None
        done.append(operation)
        world.marketo.edit(person, {"title": "Theirs"})
        return Fault(kind)

    world.marketo.faults.hook = hook
    try:
        world.cycle()
    except SimulatedCrash:
        assert kind == "crash_after"
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_edit_between_with_a_manual_policy(table: str) -> None:
    """Invariants 6 and 31: unresolved, the edit goes back to Marketo, reported every run."""
    world = World()
    world.sync.policy = manual
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "Theirs"})
    world.cycle()
    world.settled()
    reports = [world.cycle() for _ in range(3)]

    assert ("Theirs", "Dynamics'") == world.both(person, table, row, "job_title")
    assert [1, 1, 1] == [report.count(OutcomeKind.UNRESOLVED) for report in reports]
    assert [0, 0, 0] == [report.writes.total() for report in reports]


@pytest.mark.parametrize("table", TABLES)
def test_recovered_edit_says_so(table: str) -> None:
    """Invariant 31: the history says that an edit came back, and where from."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "Theirs"})
    world.cycle()
    world.settled()
    said = [c.why for e in world.sync.explain(table, dynamics=row) for c in e.changes]

    assert 1 == sum("our own write had overwritten came back" in why for why in said)


@pytest.mark.parametrize("table", TABLES)
def test_recovered_edit_that_dynamics_refuses(table: str) -> None:
    """Invariant 31: Marketo gets its edit back all the same, and the field is held."""
    world = World()
    world.sync.policy = prefer(Side.MARKETO)
    world.dynamics.add_rule(table, _no_bad_titles)
    person, row = retitled(world, table, "Dynamics'")
    world.meanwhile(person, {"title": "bad"})
    for _ in range(4):
        world.cycle()
    held = world.both(person, table, row, "job_title")
    told = len(world.lines(person))
    world.marketo.edit(person, {"title": "good"})
    world.settled()

    assert ("bad", "Dynamics'") == held
    assert 1 == told
    assert ("good", "good") == world.both(person, table, row, "job_title")


def _no_bad_titles(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    if after.get("jobtitle") == "bad":
        raise BusinessRule("this title is not allowed", "jobtitle")


@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", "Dynamics'")])
def test_edit_between_at_a_first_meeting(table: str, expected: str) -> None:
    """Invariant 31: it comes back as well where the two records had never met before."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Dynamics'"})
    world.marketo.edit(person, {"crmLeadId" if table == "lead" else "crmContactId": row})
    before(world.marketo.faults, "write", lambda: world.marketo.edit(person, {"title": "Theirs"}))
    world.cycle()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert "Theirs" in [c.lost for e in world.recorder.entries for c in e.changes] or (
        expected == "Theirs"
    )


@pytest.mark.parametrize("table", TABLES)
def test_edit_between_with_a_late_feed(table: str) -> None:
    """Invariant 31: the feed tells of it an hour late, and other rows come first."""
    world = World()
    person, row = retitled(world, table, "Dynamics'")
    world.marketo.hold_back()
    world.meanwhile(person, {"title": "Theirs"})
    for _ in range(12):
        world.cycle()
    world.marketo.release()
    world.settled()
    expected = "Theirs" if table == "lead" else "Dynamics'"

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_dynamics_edited_right_before_our_write(table: str) -> None:
    """Invariant 22: the version moved: nothing is written, and it is decided anew."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Marketo's"})
    before(
        world.dynamics.faults,
        "write",
        lambda: world.dynamics.edit(table, row, {"jobtitle": "Dynamics'", "address1_city": "Oslo"}),
    )
    report = world.cycle()
    stale = world.row(table, row)["jobtitle"]
    world.settled()
    expected = "Marketo's" if table == "lead" else "Dynamics'"

    assert 1 == report.count(OutcomeKind.DEFERRED)
    assert "Dynamics'" == stale
    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")


@pytest.mark.parametrize("table", TABLES)
def test_deleted_right_before_our_write(table: str) -> None:
    """R45: the row, or the person, goes in that moment: flagged, or forgotten."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    other, other_row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.dynamics.edit(table, other_row, {"jobtitle": "Boss"})
    before(world.dynamics.faults, "write", lambda: world.dynamics.delete(table, row))
    before(world.marketo.faults, "write", lambda: world.marketo.delete(other))
    world.cycle()
    world.settled()

    assert world.person(person)["microsoftIsDeleted"]
    assert world.person(person)["title"] == "Boss"
    assert "Boss" == world.row(table, other_row)["jobtitle"]
    assert world.marketo.person(other) is None


# -- answers that get lost, systems that are slow


@pytest.mark.parametrize(
    "kind", ["lost_request", "lost_response", "down", "throttled", "partial", "slow"]
)
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("operation", ["read", "write", "describe"])
def test_faults_lose_and_repeat_nothing(kind: FaultKind, side: Side, operation: str) -> None:
    """Invariants 12 and 13: with any fault in any call, the end is as without."""
    worlds = [World(), World()]
    for world, faults in zip(worlds, ([], [Fault(kind), None, Fault(kind)]), strict=True):
        rows = [world.contact(firstname=f"Ada {number}") for number in range(4)]
        rows += [world.lead(firstname=f"Lee {number}") for number in range(4)]
        system = world.marketo if side is Side.MARKETO else world.dynamics
        system.faults.plan(operation, *faults)
        for _ in range(4):
            world.cycle()
        for number, row in enumerate(rows):
            table = "contact" if number < 4 else "lead"
            world.marketo.edit(world.person_of(row), {"city": f"Oslo {number}"})
            world.dynamics.edit(table, row, {"jobtitle": f"Boss {number}"})
        system.faults.plan(operation, *faults)
        world.settled()

    assert state_of(worlds[0]) == state_of(worlds[1])
    assert worlds[0].marketo.count() == worlds[1].marketo.count() == 8


def test_a_days_quota_ends_the_run() -> None:
    """A day's quota is not waited out: the report says so, and the next day goes on."""
    world = World()
    person, row = world.linked("contact")
    world.marketo.faults.plan("write", Fault("throttled", retry_after=3600, scope="day"))
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    slept = world.clock.slept
    report = world.cycle()
    untouched = world.person(person)["title"]
    world.settled()

    assert not report.ok
    assert 1 == len(report.failures) == report.left
    assert (0, None) == (world.clock.slept - slept, untouched)
    assert "Boss" == world.person(person)["title"]


def test_a_short_throttle_is_waited_out() -> None:
    """A window's limit is waited out within the run, and the lease is kept meanwhile."""
    world = World()
    _, row = world.linked("contact")
    world.marketo.faults.plan("write", Fault("throttled", retry_after=290))
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    report = world.cycle()

    assert report.ok
    assert "Boss" == world.person(world.person_of(row))["title"]


@pytest.mark.parametrize("side", Side)
def test_a_system_that_is_down(side: Side) -> None:
    """Down for an hour: every run says so, and afterwards all comes over."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    system = world.marketo if side is Side.MARKETO else world.dynamics
    system.faults.hook = lambda _, __: Fault("down")
    world.marketo.edit(person, {"city": "Oslo"})
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    reports = [world.cycle() for _ in range(3)]
    system.faults.clear()
    world.settled()

    assert not any(report.ok for report in reports)
    assert side.label in str(reports[0])
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


# -- cursors


def edited_world(*, change: bool) -> World:
    """Return a world with edits, deletes and news of both sides that were not seen yet."""
    world = World()
    contacts = [world.contact(firstname=f"C {n}", jobtitle="A") for n in range(6)]
    leads = [world.lead(firstname=f"L {n}", jobtitle="A") for n in range(6)]
    world.settled()
    people = {row: world.person_of(row) for row in (*contacts, *leads)}
    world.clock.advance(60)
    if change:
        for table, rows in (("contact", contacts), ("lead", leads)):
            world.marketo.edit(people[rows[0]], {"title": "B"})
            world.dynamics.edit(table, rows[1], {"jobtitle": "C"})
            world.marketo.edit(people[rows[2]], {"title": "B"})
            world.dynamics.edit(table, rows[2], {"jobtitle": "C"})
            world.dynamics.delete(table, rows[3])
            world.marketo.delete(people[rows[4]])
            world.dynamics.create(table, {"lastname": "New"})
    return world


def expire_dynamics(world: World) -> None:
    """Let eight days pass: Dynamics keeps its changes for seven."""
    world.clock.advance(8 * DAY)


def forget_marketo(world: World) -> None:
    """Let Marketo drop its activities."""
    world.marketo.forget_changes()


def forget_both(world: World) -> None:
    """Let both forget."""
    expire_dynamics(world)
    forget_marketo(world)


@pytest.mark.parametrize(
    "expire", [expire_dynamics, forget_marketo, forget_both, lambda w: w.dynamics.expire_cursors()]
)
def test_expired_is_as_incremental(expire: Callable[[World], None]) -> None:
    """Invariant 16: a full read comes to the same end state as the feed would have."""
    worlds = [edited_world(change=True), edited_world(change=True)]
    expire(worlds[1])
    for world in worlds:
        world.settled()

    assert state_of(worlds[0]) == state_of(worlds[1])
    assert dict(worlds[0].sync.status().links) == dict(worlds[1].sync.status().links)


def test_expired_without_changes_writes_nothing() -> None:
    """Invariant 16: a full comparison of what is in step writes nothing at all."""
    world = edited_world(change=False)
    forget_both(world)
    report = world.cycle()

    assert (0, 0) == (report.writes.total(), report.records)


def test_expired_in_the_middle_of_reading() -> None:
    """Invariant 16: the cursor expires between two pages."""
    worlds = [edited_world(change=True), edited_world(change=True)]
    worlds[1].dynamics.page_size = 2
    worlds[1].dynamics.faults.plan("read", None, Fault("cursor_expired"))
    for world in worlds:
        world.settled()

    assert state_of(worlds[0]) == state_of(worlds[1])


@pytest.mark.parametrize("system", ["marketo", "dynamics"])
def test_expired_where_there_is_no_cursor(system: str) -> None:
    """A system that answers a first reading so is not asked for ever: the next run tries again."""
    world = World()
    row = world.lead(jobtitle="Boss")
    getattr(world, system).faults.plan("read", Fault("cursor_expired"))
    report = world.cycle()
    people = world.people_of(row)
    world.settled()

    assert [CursorExpired] == [type(failure) for failure in report.failures]
    assert 0 == report.writes.total()
    assert [] == people
    assert "Boss" == world.person(world.person_of(row))["title"]


def test_full_read_not_allowed() -> None:
    """A cursor has expired and no full read is allowed: stopped, and the message says the way."""
    world = edited_world(change=True)
    world.sync.guards = Guards(allow_full_read=False)
    world.dynamics.expire_cursors()
    before_ = state_of(world)
    with pytest.raises(RunStopped, match=r"Guards\(allow_full_read=True\)"):
        world.cycle()
    untouched = state_of(world)
    world.sync.guards = Guards()
    world.settled()

    assert before_ == untouched
    assert 7 == world.dynamics.count("lead") + 1


@pytest.mark.parametrize("crashes", [1, 2, 3])
def test_crash_in_a_full_read(crashes: int) -> None:
    """Invariant 13: killed in the middle of a full read, it is begun again, and finds the gone."""
    worlds = [edited_world(change=True), edited_world(change=True)]
    worlds[1].dynamics.page_size = 2
    forget_both(worlds[1])
    worlds[1].dynamics.faults.plan("read", *[None] * crashes, Fault("crash_before"))
    with pytest.raises(SimulatedCrash):
        worlds[1].cycle()
    for world in worlds:
        world.settled()

    assert state_of(worlds[0]) == state_of(worlds[1])


# -- feeds with manners of their own


@pytest.mark.parametrize("table", TABLES)
def test_late_rows(table: str) -> None:
    """Invariant 15: rows of the feed that come late are late, not lost."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.hold_back()
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()
    world.marketo.release()
    world.settled()

    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_lag(table: str) -> None:
    """Invariant 15: a feed that is always ten minutes late comes to the same end."""
    world = World()
    world.marketo.lag(600)
    person, row = world.linked(table, jobtitle="Analyst")
    for number in range(5):
        world.marketo.edit(person, {"city": f"Oslo {number}"})
        world.dynamics.edit(table, row, {"jobtitle": f"Boss {number}"})
        world.cycle()
    for _ in range(8):
        world.cycle()

    assert ("Oslo 4", "Oslo 4") == world.both(person, table, row, "city")
    assert ("Boss 4", "Boss 4") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_lag_and_a_collision(table: str) -> None:
    """With a late feed both change one field: it ends, in step, and who has authority is right."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.lag(600)
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    for _ in range(10):
        world.cycle()
    expected = "Marketo's" if table == "lead" else "Dynamics'"

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_repeated_rows_and_empty_pages(table: str) -> None:
    """C2, C3: rows that are told again and pages without any change nothing."""
    world = World()
    world.marketo.repeats(50)
    world.marketo.empty_pages(2)
    person, row = world.linked(table, jobtitle="Analyst")
    for number in range(4):
        world.marketo.edit(person, {"title": f"Marketo's {number}"})
        world.settled()
        world.dynamics.edit(table, row, {"jobtitle": f"Dynamics' {number}"})
        world.settled()

    assert ("Dynamics' 3", "Dynamics' 3") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", "Boss")])
def test_repeated_rows_and_an_edit_between(table: str, expected: str) -> None:
    """Invariant 31: an old row of the same value, told again, is not taken for our echo."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.repeats(50)
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()
    world.marketo.edit(person, {"title": "Analyst"})
    world.settled()
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.meanwhile(person, {"title": "Theirs"})
    world.cycle()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


def test_small_pages() -> None:
    """Pages of one row each: nothing is skipped or taken twice."""
    world = World()
    world.dynamics.page_size = 1
    rows = [world.contact(firstname=f"Ada {number}") for number in range(7)]
    world.settled()
    for row in rows:
        world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.dynamics.delete("contact", rows[0])
    world.dynamics.delete("contact", rows[1])
    world.settled()

    assert 7 == world.marketo.count()
    assert ["Boss"] * 5 == [world.person(world.person_of(row))["title"] for row in rows[2:]]
    assert [True, True] == [
        world.person(world.person_of(row))["microsoftIsDeleted"] for row in rows[:2]
    ]


# -- guards


def crowd(size: int = 30) -> tuple[World, list[RecordId]]:
    """Return a world with so many contacts, in step."""
    world = World()
    rows = [world.contact(firstname=f"Ada {number}", jobtitle="A") for number in range(size)]
    world.settled()
    return world, rows


def test_too_many_deletes() -> None:
    """Too many rows are gone at once: nothing is written, and the message says what would do."""
    world, rows = crowd()
    person = world.person_of(rows[29])
    for row in rows[:20]:
        world.dynamics.delete("contact", row)
    world.marketo.edit(person, {"title": "Boss"})
    calls = world.marketo.calls["write"] + world.dynamics.calls["write"]
    messages = []
    for _ in range(2):
        with pytest.raises(RunStopped) as stopped:
            world.cycle()
        messages.append(str(stopped.value))
    stopped_calls = world.marketo.calls["write"] + world.dynamics.calls["write"]
    world.sync.guards = Guards(deletes=Limit(count=20, percent=100))
    report = world.cycle()

    assert all("20 of 30" in each and "Guards(deletes=Limit(count=20" in each for each in messages)
    assert calls == stopped_calls
    assert 20 == report.count(OutcomeKind.FLAGGED)
    assert "Boss" == world.row("contact", rows[29])["jobtitle"]


def test_a_few_deletes_are_fine() -> None:
    """A handful of deletes stops nobody, however small the database."""
    world, rows = crowd(5)
    for row in rows[:4]:
        world.dynamics.delete("contact", row)

    assert 4 == world.cycle().count(OutcomeKind.FLAGGED)


@pytest.mark.parametrize("side", Side)
def test_an_emptied_side(side: Side) -> None:
    """A side that had records suddenly reports none: stopped, and the message says the way."""
    world, rows = crowd()
    emptied: list[SandboxMarketo | SandboxDynamics] = []
    if side is Side.DYNAMICS:
        other = SandboxDynamics(clock=world.clock, limits=NO_LIMITS)
        world.sync.dynamics = other.connector()
        emptied.append(other)
    else:
        marketo = SandboxMarketo(clock=world.clock, limits=NO_LIMITS)
        world.sync.marketo = marketo.connector()
        emptied.append(marketo)
    with pytest.raises(RunStopped, match=r"no \w+ records but 30.*Guards\(allow_empty=True\)"):
        world.cycle()

    assert 0 == emptied[0].calls["write"]
    assert 30 == world.sync.status().links[Entity("contact")]
    assert all(len(world.people_of(row)) == 1 for row in rows)


def test_mass_clear() -> None:
    """Too many records would have fields emptied: stopped before anything is written."""
    world, rows = crowd()
    for row in rows[:20]:
        world.dynamics.edit("contact", row, {"jobtitle": None})
    with pytest.raises(RunStopped, match=r"20 of 30.*Guards\(clears=Limit\(count=20"):
        world.cycle()
    kept = [world.person(world.person_of(row))["title"] for row in rows]
    world.sync.guards = Guards(clears=Limit(count=20, percent=100))
    world.settled()

    assert ["A"] * 30 == kept
    assert [None] * 20 + ["A"] * 10 == [world.person(world.person_of(row))["title"] for row in rows]


def test_a_guard_lets_go_when_all_is_well_again() -> None:
    """The rows were cleared by mistake and put back: the next run goes on by itself."""
    world, rows = crowd()
    for row in rows[:20]:
        world.dynamics.edit("contact", row, {"jobtitle": None})
    with pytest.raises(RunStopped):
        world.cycle()
    for row in rows[:20]:
        world.dynamics.edit("contact", row, {"jobtitle": "A"})
    world.settled()

    assert ["A"] * 30 == [world.person(world.person_of(row))["title"] for row in rows]
    assert {} == world.sync.status().backlog


def test_a_guard_lets_go_when_the_rows_are_back() -> None:
    """The rows were deleted by mistake and are restored: nobody is flagged."""
    world, rows = crowd()
    for row in rows[:20]:
        world.dynamics.delete("contact", row)
    with pytest.raises(RunStopped):
        world.cycle()
    for row in rows[:20]:
        world.dynamics.undelete("contact", row)
    world.settled()

    assert not any(values["microsoftIsDeleted"] for _, values in world.marketo.people())


# -- what connectors and hosts get wrong


class Wrong(SandboxMarketoConnector):
    """A connector to Marketo that keeps not all it promises."""

    def __init__(self, world: World) -> None:
        good = world.marketo.connector()
        super().__init__(good._people, good._faults, good._limiter, "sync")
        world.sync.marketo = self


class OneTooMany(Wrong):
    """Returns three results for two writes."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Break C5."""
        results = super().write(table, writes)
        return [*results, results[-1]]


class Raising(Wrong):
    """Raises something of its own, in the middle of a batch, the first few times."""

    times = 1

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Break C8."""
        if self.times:
            self.times -= 1
            super().write(table, writes[: len(writes) // 2])
            raise KeyError("somebody's e-mail address")
        return super().write(table, writes)


class Twice(Wrong):
    """Tells every record of a page twice, the older state first."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Repeat yourself."""
        page = super().read(table, fields, cursor)
        return attrs.evolve(page, changes=[c for change in page.changes for c in (change, change)])


def pair_of_edits(world: World) -> list[tuple[RecordId, RecordId]]:
    """Link two contacts, and have both changed in Dynamics."""
    pairs = [world.linked("contact", jobtitle="Analyst") for _ in range(2)]
    for _, row in pairs:
        world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    return pairs


def test_three_results_for_two_writes() -> None:
    """C5 broken: an error that names the clause; with a good connector nothing is lost."""
    world = World()
    pairs = pair_of_edits(world)
    good = world.sync.marketo
    OneTooMany(world)
    with pytest.raises(ContractError, match=r"got 2 and returned 3;.*C5"):
        world.cycle()
    world.sync.marketo = good
    world.settled()

    assert all(("Boss", "Boss") == world.both(*_at(pair), "job_title") for pair in pairs)


def _at(pair: tuple[RecordId, RecordId]) -> tuple[RecordId, str, RecordId]:
    return pair[0], "contact", pair[1]


def test_a_connector_that_raises() -> None:
    """C8 broken in the middle of a batch: an error that says whose fault, and nothing is lost."""
    world = World()
    pairs = pair_of_edits(world)
    Raising(world)
    with pytest.raises(ContractError, match=r"Marketo connector.*KeyError.*C8") as raised:
        world.cycle()
    world.settled()

    assert "e-mail" not in str(raised.value)
    assert all(("Boss", "Boss") == world.both(*_at(pair), "job_title") for pair in pairs)


class Instead(Wrong):
    """Raises *error* instead of writing, or reading."""

    def __init__(self, world: World, method: str, error: Exception) -> None:
        super().__init__(world)
        setattr(self, method, self._raise)
        self._error = error

    def _raise(self, *_: object) -> NoReturn:
        raise self._error


@pytest.mark.parametrize(
    "error", [ConfigurationError("x"), LeaseHeld("other.db"), RunStopped("guard", "x"), SyncError()]
)
def test_a_connector_may_raise_no_other_error_of_ours(
    error: SyncError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C8: what the other system acknowledged is recorded, and what became of the rest found out."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst", address1_city="Oslo")
    world.marketo.edit(person, {"city": "Rome"})
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    told = len(world.recorder.entries)

    def write(*_: object) -> NoReturn:
        raise error

    name = type(error).__name__
    with monkeypatch.context() as patch:
        patch.setattr(SandboxDynamicsConnector, "write", write)
        with pytest.raises(ContractError, match=rf"Dynamics connector raised {name} .*write.*C8"):
            world.cycle()

    (kept,) = world.store.journal(told, 10)
    written = {change.field: change.written for change in entry_of(kept).changes}
    assert {"city": (), "job_title": (Side.MARKETO,)} == written
    assert not world.sync.status().healthy
    world.settled()
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert ("Rome", "Rome") == world.both(person, "contact", row, "city")


@pytest.mark.parametrize("method", ["describe", "read", "write"])
@pytest.mark.parametrize(
    ("failure", "wrong"),
    [
        (Unavailable("marketo", "down"), "a str for its side"),  # type: ignore[arg-type]
        (Unavailable(None, "down"), "None for its side"),
        (Unavailable(Side.DYNAMICS, "down"), "Dynamics for its side"),
        (Refused(Side.MARKETO, None), "None for its message"),  # type: ignore[arg-type]
        (Throttled(Side.MARKETO, "slow", "5"), "a str for its retry_after"),  # type: ignore[arg-type]
        (Throttled(Side.MARKETO, "slow", float("nan")), "no number for its retry_after"),
        (SchemaChanged(Side.MARKETO, "gone", None), "None for its fields"),  # type: ignore[arg-type]
        (SchemaChanged(Side.MARKETO, "gone", (5,)), "a tuple for its fields"),  # type: ignore[arg-type]
    ],
)
def test_a_failure_that_nothing_can_be_done_with(
    method: str, failure: SystemFailure, wrong: str
) -> None:
    """C8: a connector says of its own system what happened, in types that can be counted with."""
    world = World()
    world.contact()
    good = world.sync.marketo
    Instead(world, method, failure)
    told = rf"Marketo connector raised .*\) with {wrong} \(it takes .*\) in {method}; .*C8"
    with pytest.raises(ContractError, match=told):
        world.cycle()
    world.sync.marketo = good
    world.settled()

    assert 1 == world.marketo.count()


def test_a_page_with_the_same_record_twice() -> None:
    """C3: told twice in one page: taken once."""
    world = World()
    Twice(world)
    pairs = pair_of_edits(world)
    for person, _ in pairs:
        world.marketo.edit(person, {"city": "Oslo"})
    report = world.cycle()
    world.settled()

    assert 2 == report.count(OutcomeKind.UPDATED)
    assert all(("Oslo", "Oslo") == world.both(*_at(pair), "city") for pair in pairs)
    assert 2 == world.marketo.count()


def test_a_cursor_from_another_system() -> None:
    """A cursor that the system did not give: an error, and nothing is written."""
    world = World()
    world.linked("contact")
    state = world.store.feed("marketo:person")
    world.store.save_feed("marketo:person", attrs.evolve(state, cursor=Cursor("nonsense")))
    with pytest.raises(ContractError, match="cursor"):
        world.cycle()


@pytest.mark.parametrize("side", Side)
def test_the_state_of_another_pair(side: Side) -> None:
    """The state belongs to another pair of systems: refused, with both named, nothing written."""
    world = World()
    world.linked("contact")
    if side is Side.MARKETO:
        other = SandboxMarketo(clock=world.clock, name="another")
        world.sync.marketo = other.connector()
    else:
        world.sync.dynamics = SandboxDynamics(clock=world.clock, name="another").connector()
    with pytest.raises(ConfigurationError, match=r"belongs to the systems.*another state file"):
        world.cycle()
    with pytest.raises(ConfigurationError, match="belongs to"):
        world.sync.plan()


ASKED: Final[Mapping[str, Callable[[World], object]]] = {
    "push": lambda world: world.sync.sync_person(7, as_="lead"),
    "queue": lambda world: world.sync.sync_person(7, as_="lead", when="queued"),
    "refresh": lambda world: world.sync.refresh_schema("contact"),
}


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("asked", ASKED)
def test_the_state_of_another_pair_is_told_nothing(asked: str, *, paused: bool) -> None:
    """A host with the wrong connectors leaves nothing there for the right one's next cycle."""
    world = World()
    world.linked("contact")
    if paused:
        world.sync.pause()
    world.sync.marketo = SandboxMarketo(clock=world.clock, name="another").connector()
    with pytest.raises(ConfigurationError, match="belongs to"):
        ASKED[asked](world)

    assert {} == dict(world.sync.status().backlog)
    assert None is world.store.get("refreshed:contact")


def test_what_is_queued_first_says_whose_the_state_is() -> None:
    """A person's id means somebody else in another instance."""
    world = World()
    world.sync.sync_person(7, as_="lead", when="queued")
    world.sync.marketo = SandboxMarketo(clock=world.clock, name="another").connector()

    with pytest.raises(ConfigurationError, match="belongs to"):
        world.cycle()


def nonsense(_: Collision) -> Resolution:
    """Answer nothing that a policy may answer."""
    return "marketo"  # type: ignore[return-value]


def raising(_: Collision) -> Resolution:
    """Raise, with a value in the message."""
    raise ValueError("somebody's e-mail address")


def misputting(_: Collision) -> Resolution:
    """Put a number into a field of text."""
    return Put(5, "to be sure")


@pytest.mark.parametrize("policy", [nonsense, raising, misputting])
def test_policy_nonsense(policy: Callable[[Collision], Resolution]) -> None:
    """A policy that answers nonsense: an error that says of what; afterwards nothing is lost."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    good = world.sync.policy
    world.sync.policy = policy
    world.marketo.edit(person, {"title": "Marketo's", "city": "Oslo"})
    world.dynamics.edit("contact", row, {"jobtitle": "Dynamics'"})
    with pytest.raises(ContractError, match="job_title") as raised:
        world.cycle()
    told = world.marketo.activity_log(person)
    world.sync.policy = good
    world.settled()

    assert "policy" in str(raised.value)
    assert () == tuple(told)
    assert "e-mail" not in repr(raised.value) + repr(raised.value.__cause__)
    assert ("Dynamics'", "Dynamics'") == world.both(person, "contact", row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")


@pytest.mark.parametrize("act", [World.cycle, lambda world: world.sync.plan()])
def test_put_of_another_kind_where_records_meet(act: Callable[[World], object]) -> None:
    """What no field of the kind can mean is blamed on the policy that decides there, too."""
    world = World(attrs.evolve(CONTACT, match=Match("email")))
    world.sync.first = misputting
    world.marketo.create_person({"email": "a@x.org", "lastName": "K", "phone": "1"})
    world.contact(emailaddress1="a@x.org", telephone1="2")
    with pytest.raises(ContractError, match=r"policy answered a Put of a int for field .* is text"):
        act(world)


@pytest.mark.parametrize("table", TABLES)
def test_policies_of_all_sorts(table: str) -> None:
    """Put, Leave and newest do what they say, and end."""
    world = World()
    answers: dict[str, Resolution] = {
        "job_title": Put("Both"),
        "city": Leave("ask Eva"),
        "country": Take(Side.MARKETO),
        "email": Put("x" * 300 + "@x.org"),
    }

    def policy(collision: Collision) -> Resolution:
        return answers.get(collision.field) or newest()(collision)

    world.sync.policy = policy
    person, row = world.linked(table, jobtitle="A", address1_city="A", address1_country="A")
    native = {"title": "M", "city": "M", "country": "M", "email": "m@x.org", "phone": "1"}
    world.marketo.edit(person, native)
    world.clock.advance(60)
    world.dynamics.edit(
        table,
        row,
        {
            "jobtitle": "D",
            "address1_city": "D",
            "address1_country": "D",
            "emailaddress1": "d@x.org",
            "telephone1": "2",
        },
    )
    for _ in range(4):
        world.cycle()

    assert ("Both", "Both") == world.both(person, table, row, "job_title")
    assert ("M", "D") == world.both(person, table, row, "city")
    assert ("M", "M") == world.both(person, table, row, "country")
    assert ("m@x.org", "d@x.org") == world.both(person, table, row, "email")
    assert ("2", "2") == world.both(person, table, row, "phone")


@pytest.mark.parametrize("table", TABLES)
def test_unresolved_until_somebody_decides(table: str) -> None:
    """Invariant 6: neither side moves and every run says so, until an edit makes them equal."""
    world = World()
    world.sync.policy = manual
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    counts = [world.cycle().count(OutcomeKind.UNRESOLVED) for _ in range(4)]
    left = world.both(person, table, row, "job_title")
    world.dynamics.edit(table, row, {"jobtitle": "Marketo's"})
    world.settled()
    world.marketo.edit(person, {"title": "Later"})
    world.settled()

    assert [1, 1, 1, 1] == counts
    assert ("Marketo's", "Dynamics'") == left
    assert ("Later", "Later") == world.both(person, table, row, "job_title")


def test_unresolved_is_journalled_once() -> None:
    """Invariant 6: every run says that a collision is unresolved, the journal when it began."""
    world = World()
    world.sync.policy = manual
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.edit("contact", row, {"jobtitle": "Dynamics'"})
    counts = [world.cycle().count(OutcomeKind.UNRESOLVED) for _ in range(3)]

    assert [1, 1, 1] == counts
    assert 1 == sum(entry.kind == "unresolved" for entry in world.recorder.entries)


class Pruned(MemoryStore):
    """A store that notes up to when its journal was pruned."""

    def __init__(self) -> None:
        super().__init__()
        self.pruned: list[float] = []

    def prune(self, before: float) -> int:
        """Prune, and note it."""
        self.pruned.append(before)
        return super().prune(before)


@pytest.mark.parametrize("days", [0.5, 3.0])
def test_the_journal_is_pruned(days: float) -> None:
    """R96: the journal forgets what is older than it is kept for, and looks once a day."""
    store = Pruned()
    world = World(CONTACT, store=store)
    world.sync.keep_journal = days
    _, row = world.linked("contact", jobtitle="Analyst")
    began = world.clock.now().timestamp()
    kept = [len(world.sync.explain("contact", dynamics=row))]
    store.pruned.clear()
    for _ in range(16):
        world.cycle(DAY / 4)
        kept.append(len(world.sync.explain("contact", dynamics=row)))
    when = [(moment - began) / DAY + days for moment in store.pruned]

    assert kept[0] == kept[int(days)] > 0 == kept[-1]
    assert [1.0, 2.0, 3.0, 4.0] == when


@pytest.mark.parametrize(("table", "expected"), [("lead", "Marketo's"), ("contact", "Dynamics'")])
def test_unresolved_until_the_policy_decides(table: str, expected: str) -> None:
    """Invariant 6: or until the host changes the policy."""
    world = World()
    policy, world.sync.policy = world.sync.policy, manual
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    world.cycle()
    world.sync.policy = policy
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("after", range(0, 14, 2))
def test_stopped_by_the_host(after: int) -> None:
    """A host that stops the run anywhere loses nothing: the next one goes on."""
    world = World()
    pairs = [world.linked("contact", jobtitle="Analyst") for _ in range(3)]
    for person, row in pairs:
        world.marketo.edit(person, {"city": "Oslo"})
        world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    left = iter(range(after))
    world.sync.stopping = lambda: next(left, None) is None
    report = world.cycle()
    world.sync.stopping = lambda: False
    world.settled()

    assert after > 4 or report.interrupted
    assert all(("Oslo", "Oslo") == world.both(*_at(pair), "city") for pair in pairs)
    assert all(("Boss", "Boss") == world.both(*_at(pair), "job_title") for pair in pairs)


class QuotingError(Exception):
    """An error whose message is a value."""


@pytest.mark.parametrize("argument", ["show", "stopping"])
@pytest.mark.parametrize("after", range(5))
def test_what_the_host_asks_for_raises(argument: str, after: int) -> None:
    """What `show` or `stopping` raises is said to be theirs, and loses nothing that was done."""
    world = World()
    pairs = [world.linked("contact", jobtitle="Analyst") for _ in range(3)]
    for person, _ in pairs:
        world.marketo.edit(person, {"city": "Oslo"})
    left = iter(range(after))

    def raising_later(*_: object) -> bool:
        if next(left, None) is None:
            raise QuotingError("Oslo")
        return False

    good = getattr(world.sync, argument)
    setattr(world.sync, argument, raising_later)
    with pytest.raises(ContractError, match=f"given as {argument}= raised QuotingError") as raised:
        world.cycle()
    setattr(world.sync, argument, good)
    world.settled()

    error = raised.value
    assert (None, None) == (error.__cause__, error.__context__)
    assert "Oslo" not in str(error)
    assert all(("Oslo", "Oslo") == world.both(*_at(pair), "city") for pair in pairs)
    assert 1 == world.dynamics.calls["write"]


def test_cycles_say_whose_stopping_raised() -> None:
    """Between cycles, too, what `stopping` raises is said to be its own."""
    world = World()

    def stopping() -> bool:
        raise QuotingError("Oslo")

    with pytest.raises(ContractError, match="given as stopping= raised QuotingError"):
        next(cycles(world.sync.run, clock=world.clock, stopping=stopping))


def test_reader_who_goes_away_is_no_mistake() -> None:
    """A progress bar whose pipe is closed ends the run as it ends any program."""
    world = World()

    def show(_: Progress) -> None:
        raise BrokenPipeError

    world.sync.show = show
    with pytest.raises(BrokenPipeError):
        world.cycle()


class OneByOne(Wrong):
    """Takes one write a call, while the other system waits for more to fill one."""

    @property
    def capabilities(self) -> Capabilities:
        """Return that."""
        return attrs.evolve(super().capabilities, batch=1)


class TwoByTwo(Wrong):
    """Takes two writes a call, and counts those that come."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.took: list[int] = []

    @property
    def capabilities(self) -> Capabilities:
        """Return that."""
        return attrs.evolve(super().capabilities, batch=2)

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Count them."""
        self.took.append(len(writes))
        return super().write(table, writes)


def test_what_is_left_of_several_kinds_goes_out_in_calls_that_its_system_takes() -> None:
    """C5: an update and people made by two fields fill no call of their own, and none too far."""
    world = World()
    _, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    lead, contact = world.lead(), world.contact()
    two = TwoByTwo(world)
    world.cycle()

    assert [2, 1] == two.took
    assert [1, 1] == [len(world.people_of(made)) for made in (lead, contact)]


def test_what_was_acknowledged_when_the_reader_went_away() -> None:
    """Marketo's answers are recorded, though Dynamics was not asked yet."""
    world = World()
    pairs = [world.linked("contact", jobtitle="Analyst", address1_city="Oslo") for _ in range(2)]
    for person, row in pairs:
        world.marketo.edit(person, {"city": "Rome"})
        world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    OneByOne(world)
    told = len(world.recorder.entries)

    def show(progress: Progress) -> None:
        if progress.phase == "writing" and progress.done == len(pairs):
            raise BrokenPipeError

    world.sync.show = show
    with pytest.raises(BrokenPipeError):
        world.cycle()

    kept = world.store.journal(told, 10)
    assert {row for _, row in pairs} == {entry.ids.dynamics for entry in kept}
    assert ["Boss", "Boss"] == [world.person(person)["title"] for person, _ in pairs]


def test_two_runs_at_once() -> None:
    """Another process runs the sync: an error that says so, and nothing is touched."""
    store = MemoryStore()
    world = World(store=store.twin())
    store.acquire(world.clock.now().timestamp(), 120.0)
    with pytest.raises(LeaseHeld, match="Wait for it"):
        world.sync.run()

    assert 0 == world.marketo.calls.total()


def test_the_lease_is_lost_in_the_middle() -> None:
    """Another process took the lease over: this one stops before it stores anything more."""
    store = MemoryStore()
    world, thief = World(store=store.twin()), store
    for number in range(3):
        world.contact(firstname=f"Ada {number}")
    before(
        world.marketo.faults,
        "write",
        lambda: thief.acquire(world.clock.now().timestamp() + 1000, 120.0),
    )
    with pytest.raises(LeaseHeld):
        world.sync.run()
    thief.release()
    world.settled()

    assert 3 == world.marketo.count()


def test_exchanged_connectors() -> None:
    """The two connectors were exchanged: told at once."""
    world = World()
    with pytest.raises(ConfigurationError, match="exchanged"):
        attrs.evolve(
            world.sync,
            marketo=world.sync.dynamics,  # type: ignore[arg-type]
            dynamics=world.sync.marketo,  # type: ignore[arg-type]
        )


def test_side_that_is_a_word() -> None:
    """A connector that says its side as text is told what to say instead."""
    world = World()
    worded = type("Worded", (), {"side": "dynamics"})()
    with pytest.raises(ConfigurationError, match=r"whose side is a str.*Side\.DYNAMICS"):
        attrs.evolve(world.sync, dynamics=worded)


@pytest.mark.parametrize("maps", [(), (LEAD, LEAD)])
def test_no_maps_or_one_twice(maps: tuple[()]) -> None:
    """No maps, or one twice: told at once."""
    with pytest.raises(ConfigurationError, match="maps"):
        attrs.evolve(World().sync, maps=maps)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(("policy", "newest"), ("hold", "nothing"), ("on_marketo_delete", "ignore")),
        *(("push_when_paused", "wait"), ("tries", 0), ("keep_journal", "long")),
        *(("recorders", print), ("recorders", "log"), ("guards", None), ("store", "sync.db")),
    ],
)
def test_what_is_set_later_is_looked_at_too(argument: str, value: object) -> None:
    """What cannot be is refused before a run reads or writes anything, however it got there."""
    world = World()
    calls = world.marketo.calls.total()
    with pytest.raises(ConfigurationError, match=f"{argument}="):
        attrs.evolve(world.sync, **{argument: value})  # type: ignore[arg-type]
    setattr(world.sync, argument, value)
    with pytest.raises(ConfigurationError, match=f"{argument}="):
        world.cycle()

    assert calls == world.marketo.calls.total()


def test_apply_takes_a_plan() -> None:
    """What is no plan is refused before anything is read."""
    world = World()
    with pytest.raises(ConfigurationError, match=r"apply\(\) got a str"):
        world.sync.apply("plan")  # type: ignore[arg-type]


def test_a_recorder_that_raises() -> None:
    """A recorder fails: that is raised, what was written is settled, and it reads on later."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")

    class Broken:
        """A recorder that is out of order."""

        name = "broken"
        seen = 0

        def record(self, entries: Sequence[object]) -> None:  # noqa: ARG002 - it records nothing
            """Fail once, and count from then on."""
            self.seen += 1
            if self.seen == 1:
                raise OSError("disk full")

    broken = Broken()
    world.sync.recorders = (*world.sync.recorders, broken)
    world.marketo.edit(person, {"title": "Boss"})
    with pytest.raises(ContractError, match="raised OSError"):
        world.cycle()
    report = world.cycle()

    assert 0 == report.writes.total()
    assert broken.seen >= 2
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


# -- what the status says of a run that broke off


UNKNOWN: Final = attrs.evolve(
    LEAD, fields=(*LEAD.fields, Field("more", Pair("nowhere", "nowhere"), TextKind()))
)
"""A map with a field that neither system has."""


def _no_policy(collision: Collision) -> Resolution:  # noqa: ARG001 - the signature is the policy's
    return cast("Resolution", None)


class _Broken:
    """A recorder that breaks its promise."""

    name = "broken"

    def record(self, entries: Sequence[Entry]) -> None:
        """Raise what no recorder may."""
        raise KeyError(len(entries))


@pytest.mark.parametrize(
    ("setting", "value", "raised", "said"),
    [
        ("policy", _no_policy, ContractError, "policy"),
        ("guards", Guards(clears=Limit(count=0, percent=0.0, few=0)), RunStopped, "clears"),
        ("recorders", (_Broken(),), ContractError, "recorder 'broken'"),
        ("maps", (UNKNOWN,), ConfigurationError, "nowhere"),
    ],
)
def test_a_run_that_broke_off_is_no_healthy_one(
    setting: str, value: object, raised: type[Exception], said: str
) -> None:
    """Whatever ended it is what the status tells, until a run goes well again."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A", address1_city="Oslo")
    world.marketo.edit(person, {"title": "B", "city": "Rome"})
    world.dynamics.edit("lead", row, {"jobtitle": "C", "address1_city": None})
    before, good = world.sync.status(), getattr(world.sync, setting)
    setattr(world.sync, setting, value)
    with pytest.raises(raised, match=said) as caught:
        world.cycle()
    broken = world.sync.status()
    setattr(world.sync, setting, good)
    world.cycle()

    assert before.healthy
    assert not broken.healthy
    assert str(caught.value) in broken.troubles
    assert broken.last_run is not None
    assert str(caught.value) in broken.last_run
    assert world.clock.now() - dt.timedelta(seconds=CYCLE) == broken.last_run_at
    assert world.sync.status().healthy


def test_after_a_system_gives_up_nothing_more_is_planned() -> None:
    """What waited for a full batch is put off, and what was not looked at stays as it is."""
    world = World()
    world.settled()
    world.dynamics.create_all("lead", [{"lastname": f"N{number}"} for number in range(1000)])
    world.marketo.faults.plan("write", None, Fault("throttled", scope="day"))
    report = world.cycle()
    calls = world.marketo.calls["write"]
    made = world.marketo.count()
    untried = sum(entry.attempts == 0 for entry in world.store.each_pending())
    world.settled()

    assert 2 == calls
    assert (300, 300) == (made, report.count(OutcomeKind.CREATED))
    assert (300, 700) == (report.count(OutcomeKind.DEFERRED), report.left)
    assert 400 == untried
    assert 1000 == world.marketo.count()
