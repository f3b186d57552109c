"""Between two looks: what happens after a reading and before what was decided on it."""

from __future__ import annotations

import datetime as dt
import json
import math

import pytest

from dynsync.backlog import Linked
from dynsync.errors import Refused, RunStopped
from dynsync.guards import Guards
from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.records import Pair, RecordId, Row, Wire
from dynsync.reports import Progress
from dynsync.sandbox import (
    NO_LIMITS,
    Fault,
    FaultKind,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
    SimulatedCrash,
)
from dynsync.schemas import FULL_ACCESS, Access
from support import World, before

TABLES = ("lead", "contact")

NOT_APPLIED = {
    "a day's quota": Fault("throttled", scope="day", retry_after=3600),
    "refused": Fault("refused"),
    "down": Fault("down"),
}


class OffClock:
    """A host's clock that is *off* seconds ahead of the systems'."""

    def __init__(self, true: SandboxClock, off: float) -> None:
        self.true = true
        self.off = off

    def now(self) -> dt.datetime:
        """Return the time as the host sees it."""
        return self.true.now() + dt.timedelta(seconds=self.off)

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.true.sleep(seconds)


# -- writes that were not applied leave nothing behind


@pytest.mark.parametrize("fault", NOT_APPLIED)
def test_a_value_set_again_after_a_write_of_it_failed(fault: str) -> None:
    """Invariant 31: what was not applied has no echo, and no later edit is taken for one."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    for _ in range(6 if fault == "down" else 1):
        world.marketo.faults.plan("write", NOT_APPLIED[fault])
    world.settled()
    for title in ("C", "B"):
        world.marketo.edit(person, {"title": title})
        world.settled()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")
    assert () == next(iter(world.store.links([1]).values())).sent


def test_notes_leave_with_what_is_settled() -> None:
    """Invariant 31: a write that Marketo refused is not waited for."""
    world = World(LEAD)
    _, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.marketo.faults.plan("write", NOT_APPLIED["a day's quota"])
    world.cycle()
    (link,) = world.store.links([1]).values()

    assert () == link.sent


@pytest.mark.parametrize("minutes", [20, 600])
def test_a_value_set_by_hand_long_after_we_sent_it(minutes: int) -> None:
    """Invariant 31: much later the same value is somebody's own choice, not our echo."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.marketo.faults.plan("write", Fault("crash_before"))
    with pytest.raises(SimulatedCrash):
        world.cycle()
    world.settled()
    world.clock.advance(minutes * 60.0)
    for title in ("C", "B"):
        world.marketo.edit(person, {"title": title})
        world.settled()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")


# -- clocks


@pytest.mark.parametrize("off", [0.0, 3.0, 60.0, 7200.0, -60.0])
@pytest.mark.parametrize("later", [0.0, -30.0])
def test_a_clock_that_is_set_right(off: float, later: float) -> None:
    """Invariant 31: the host's clock may jump between a write and its echo."""
    world = World(LEAD)
    clock = OffClock(world.clock, off)
    world.sync.clock, world.sync.guards = clock, Guards(clock=math.inf)
    person, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "D"})
    world.meanwhile(person, {"title": "M"})
    world.cycle()
    world.marketo.faults.clear()
    clock.off = later
    world.settled()

    assert ("M", "M") == world.both(person, "lead", row, "job_title")


def test_waiting_looks_whether_to_stop() -> None:
    """A host that wants to stop is heard within a second, even while a throttle is waited out."""
    world = World(LEAD)
    _, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.marketo.faults.plan("write", Fault("throttled", retry_after=200))
    slept = world.clock.slept
    world.sync.stopping = lambda: world.clock.slept >= slept + 3
    report = world.cycle()

    assert slept + 3 == world.clock.slept
    assert report.interrupted


# -- the guard of clears


@pytest.mark.parametrize("other", ["jobtitle", "telephone1"])
def test_mass_clear_with_edits_on_the_other_side(other: str) -> None:
    """Invariant 24: what one side clears counts, whatever the other side does meanwhile."""
    world = World(LEAD)
    rows = [world.lead(telephone1="1", jobtitle="A") for _ in range(30)]
    world.settled()
    for row in rows:
        world.marketo.edit(world.person_of(row), {"phone": None})
        world.dynamics.edit("lead", row, {other: "X"})
    with pytest.raises(RunStopped, match="emptied"):
        world.cycle()


def test_clears_that_are_taken_back() -> None:
    """Invariant 24: a value that is there again is no clear any more, on whichever side."""
    world = World(LEAD)
    rows = [world.lead(telephone1="1", jobtitle="A") for _ in range(30)]
    world.settled()
    for row in rows:
        world.marketo.edit(world.person_of(row), {"phone": None})
        world.dynamics.edit("lead", row, {"jobtitle": None})
    with pytest.raises(RunStopped, match="emptied"):
        world.cycle()
    for row in rows:
        world.marketo.edit(world.person_of(row), {"phone": "1"})
        world.dynamics.edit("lead", row, {"jobtitle": "A"})

    assert 30 == world.cycle().count(OutcomeKind.AGREED)


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\n"])
def test_blanks_that_clear(blank: str) -> None:
    """R22: what is trimmed to nothing empties the other side, and counts."""
    world = World(LEAD)
    rows = [world.lead(jobtitle="A") for _ in range(30)]
    world.settled()
    for row in rows:
        world.marketo.edit(world.person_of(row), {"title": blank})
    with pytest.raises(RunStopped, match="emptied"):
        world.cycle()


def test_clears_of_a_field_that_is_left_out_since() -> None:
    """Invariant 17: what takes no part any more empties nothing, and stops no run."""
    world = World(LEAD)
    rows = [world.lead(jobtitle="A", telephone1="1") for _ in range(30)]
    world.settled()
    for row in rows:
        world.dynamics.edit("lead", row, {"jobtitle": None, "telephone1": "2"})
    with pytest.raises(RunStopped, match="emptied"):
        world.cycle()
    world.sync.maps = (LEAD.without("job_title"),)
    report = world.cycle()

    assert 30 == report.count(OutcomeKind.UPDATED)
    assert {"A"} == {world.person(world.person_of(row))["title"] for row in rows}


@pytest.mark.parametrize("back", [False, True])
def test_clears_of_a_column_that_may_not_be_read_any_more(*, back: bool) -> None:
    """R79: nulls of a right that went between asking and reading are no clears, and stop no run."""
    world = World(LEAD)
    rows = [world.lead(jobtitle="A") for _ in range(30)]
    world.settled()
    for row in rows:
        world.dynamics.edit("lead", row, {"telephone1": "2"})
    before(
        world.dynamics.faults,
        "read",
        lambda: world.dynamics.secure("lead", "jobtitle", Access.NONE),
    )
    reports = [world.cycle()]
    if back:
        world.dynamics.secure("lead", "jobtitle", FULL_ACCESS)
    reports += [world.cycle(), world.cycle()]

    assert all(report.ok for report in reports)
    assert {("A", "2")} == {
        (person["title"], person["phone"])
        for person in (world.person(world.person_of(row)) for row in rows)
    }


# -- several instances of Marketo


def test_two_marketos_with_one_dynamics() -> None:
    """R26: people of two instances who have one number are two records in Dynamics."""
    clock = SandboxClock()
    dynamics = SandboxDynamics(clock=clock, limits=NO_LIMITS)
    worlds = [
        World(
            LEAD,
            clock=clock,
            dynamics=dynamics,
            marketo=SandboxMarketo(clock=clock, limits=NO_LIMITS, name=name),
        )
        for name in ("emea", "apac")
    ]
    people = [
        world.marketo.create_person({"lastName": name, "email": f"{name}@x.org"})
        for world, name in zip(worlds, ("Mary", "John"), strict=True)
    ]
    made = [
        world.sync.sync_person(person, as_="lead").dynamics
        for world, person in zip(worlds, people, strict=True)
    ]
    for world in worlds * 2:
        world.cycle()

    assert people[0] == people[1]
    assert made[0] != made[1]
    assert {"Mary", "John"} == {row["lastname"] for row in dynamics.rows("lead").values()}
    assert "Mary" == worlds[0].person(people[0])["lastName"]


def test_a_record_of_another_person_is_not_adopted() -> None:
    """Invariant 27: a lost answer is looked for, but never in what another person is linked to."""
    world = World(LEAD)
    pushed = world.marketo.create_person({"lastName": "Mary"})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.sync.sync_person(pushed, as_="lead")
    (row,) = world.dynamics.rows("lead")
    other = world.marketo.create_person({"lastName": "John"})
    unknown: Row = [None] * len(json.loads(world.store.get("layout:lead") or "[]"))
    link = Linked(world.store.next_key(), LEAD.entity, Pair(other, row), Pair(unknown, unknown))
    with world.store.transaction():
        world.store.save_links([link])
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert "Mary" == world.person(pushed)["lastName"]
    assert world.person(pushed)["crmLeadId"] is None


# -- creates that find somebody


@pytest.mark.parametrize(("table", "expected"), [("lead", "Theirs"), ("contact", "Dynamics'")])
def test_a_person_imported_right_before_we_make_it(table: str, expected: str) -> None:
    """Invariant 31: what an upsert overwrote meets Dynamics' value as two edits would."""
    world = World()
    world.linked(table)
    field = {"lead": "crmLeadId", "contact": "crmContactId"}[table]
    create = {"lead": world.lead, "contact": world.contact}[table]
    row: RecordId = create(jobtitle="Dynamics'")

    def imported() -> None:
        values: dict[str, Wire] = {"lastName": "Lee", "title": "Theirs", "city": "Oslo"}
        world.marketo.create_person({**values, field: str(row)})

    before(world.marketo.faults, "write", imported)
    world.settled()
    person = world.person_of(row)
    lost = [c.lost for entry in world.recorder.entries for c in entry.changes]

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert "Oslo" == world.person(person)["city"]
    assert ("Dynamics'" if table == "lead" else "Theirs") in lost


def test_a_column_that_goes_away_while_people_are_read() -> None:
    """R83: a column of one entity's goes away; the others are read in that very run."""
    world = World(LEAD, CONTACT)
    rows = [world.lead(jobtitle="Dynamics'") for _ in range(3)]
    people = [
        world.marketo.create_person({"lastName": "P", "title": "Theirs", "crmLeadId": str(row)})
        for row in rows
    ]
    before(world.marketo.faults, "read", lambda: world.marketo.drop_column("leadScore"))
    world.settled()

    assert {"Theirs"} == {world.person(person)["title"] for person in people}


# -- an edit that we overwrote, and a record that is deleted before the feed tells of it


def covered_and_deleted(table: str) -> tuple[World, RecordId, RecordId]:
    """Return a world in which Marketo's feed is silent about an edit of a title we overwrote."""
    world = World()
    person, row = world.linked(table, jobtitle="Old")
    world.marketo.hold_back()
    world.marketo.edit(person, {"title": "Mine"})
    world.dynamics.edit(table, row, {"jobtitle": "Theirs"})
    world.cycle()
    world.dynamics.delete(table, row)
    return world, person, row


@pytest.mark.parametrize("cycles", [0, 1])
@pytest.mark.parametrize("table", TABLES)
def test_it_goes_back_to_the_person(table: str, cycles: int) -> None:
    """Invariant 31: the person is Marketo's alone now (R45), and has what was entered there."""
    world, person, _ = covered_and_deleted(table)
    for _ in range(cycles):
        world.cycle()
    covered = world.person(person)["title"]
    world.marketo.release()
    reports = [world.cycle(), world.cycle(), world.cycle()]
    entry = world.recorder.entries[-1]

    assert ("Theirs", "Mine") == (covered, world.person(person)["title"])
    assert [1, 0, 0] == [report.writes.total() for report in reports]
    assert 1 == sum(e.kind == "flagged" for e in world.recorder.entries)
    assert "overwritten came back" in entry.changes[0].why
    assert not list(world.store.each_pending())


@pytest.mark.parametrize(("table", "expected"), [("lead", "Mine"), ("contact", "Theirs")])
@pytest.mark.parametrize("released", ["before", "after"])
def test_both_are_judged_when_it_is_brought_back(table: str, expected: str, released: str) -> None:
    """A7: they collide as if nothing had been written, whenever the feed tells."""
    world, person, row = covered_and_deleted(table)
    world.cycle()
    if released == "before":
        world.marketo.release()
        world.cycle()
    world.dynamics.undelete(table, row)
    world.cycle()
    world.marketo.release()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_what_is_entered_afterwards_stands(table: str) -> None:
    """Somebody chose it with our value in view: nothing goes back over it."""
    world, person, _ = covered_and_deleted(table)
    world.cycle()
    world.marketo.edit(person, {"title": "Newest"})
    world.marketo.release()
    world.settled()

    assert "Newest" == world.person(person)["title"]


@pytest.mark.parametrize("table", TABLES)
def test_what_is_entered_while_it_cannot_go_back_stands(table: str) -> None:
    """The write that gives it back does not arrive; the person is edited; it is not wanted."""
    world, person, _ = covered_and_deleted(table)
    world.cycle()
    world.marketo.release()
    world.marketo.faults.plan("write", Fault("throttled", scope="day", retry_after=3600))
    world.cycle()
    world.marketo.faults.clear()
    world.marketo.edit(person, {"title": "Newest"})
    world.settled()

    assert "Newest" == world.person(person)["title"]


@pytest.mark.parametrize(("table", "expected"), [("lead", "Mine"), ("contact", "Theirs")])
@pytest.mark.parametrize("fault", ["lost_request", "lost_response", "down"])
def test_brought_back_before_it_could_go_back(table: str, expected: str, fault: FaultKind) -> None:
    """Invariant 31: it waits in the backlog, and is judged when the record is there again."""
    world, person, row = covered_and_deleted(table)
    world.cycle()
    world.marketo.release()
    world.marketo.faults.plan("write", *[Fault(fault)] * (6 if fault == "down" else 1))
    world.cycle()
    world.marketo.faults.clear()
    world.dynamics.undelete(table, row)
    world.settled()
    lost = [c.lost for entry in world.recorder.entries for c in entry.changes]

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert ("Theirs" if table == "lead" else "Mine") in lost


@pytest.mark.parametrize("table", TABLES)
def test_it_waits_for_the_right_to_write_it(table: str) -> None:
    """Invariant 19: Marketo is not asked again and again for what it would refuse."""
    world, person, _ = covered_and_deleted(table)
    world.cycle()
    world.marketo.release()
    world.marketo.set_access("title", Access.READ)
    withheld = world.cycle()
    world.marketo.set_access("title", FULL_ACCESS)
    world.settled()

    assert 0 == withheld.writes.total()
    assert "Mine" == world.person(person)["title"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("released", ["before", "after"])
def test_it_goes_to_the_record_that_is_pushed_again(table: str, released: str) -> None:
    """R32: the record that takes the place of the deleted one has it too."""
    world, person, _ = covered_and_deleted(table)
    world.cycle()
    if released == "before":
        world.marketo.release()
        world.cycle()
    answer = world.sync.sync_person(person, as_=table)
    world.marketo.release()
    world.settled()

    assert answer.dynamics is not None
    assert ("Mine", "Mine") == world.both(person, table, answer.dynamics, "job_title")


# -- rights


@pytest.mark.parametrize("table", TABLES)
def test_a_right_taken_away_between_describe_and_read(table: str) -> None:
    """Invariant 9: a column that may not be read any more looks empty, and clears nothing."""
    world = World()
    person, row = world.linked(table, mobilephone="555", jobtitle="A")
    world.dynamics.edit(table, row, {"jobtitle": "B"})
    before(
        world.dynamics.faults,
        "read",
        lambda: world.dynamics.secure(table, "mobilephone", Access.NONE),
    )
    world.settled()

    assert "555" == world.person(person)["mobilePhone"]
    assert ("B", "B") == world.both(person, table, row, "job_title")


def test_clears_of_columns_that_may_be_read_go_over() -> None:
    """Asked once more, a column that may still be read is cleared as ever."""
    world = World(LEAD)
    person, row = world.linked("lead", mobilephone="555")
    world.dynamics.edit("lead", row, {"mobilephone": None})
    report = world.cycle()

    assert world.person(person)["mobilePhone"] is None
    assert {1, 2} >= {n for (_, what), n in report.calls.items() if what == "describe"}


# -- one person for two records


def test_a_person_who_is_given_two_ids_right_before_we_make_it_becomes_one_record() -> None:
    """Invariant 27: two upserts find one person: it is linked once, and the other one waits."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee"})
    lead, contact = world.lead(), world.contact()
    world.meanwhile(person, {"crmLeadId": lead, "crmContactId": contact})
    report = world.cycle()
    linked = [world.sync.link(table, person=person) for table in TABLES]

    assert 1 == sum(link is not None for link in linked)
    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert 1 == len(list(world.marketo.people()))


def test_a_linked_person_who_is_given_another_id_right_before_we_make_it_stays_linked() -> None:
    """Invariant 27: an upsert that finds a person of another record links nobody."""
    world = World()
    person, lead = world.linked("lead", jobtitle="A")
    contact = world.contact()
    world.meanwhile(person, {"crmContactId": contact})
    report = world.cycle()
    world.dynamics.edit("lead", lead, {"jobtitle": "B"})
    world.settled()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert world.sync.link("contact", person=person) is None
    assert "B" == world.person(person)["title"]


def test_rights_that_cannot_be_asked_for_after_a_write() -> None:
    """R79: what was written is known to be, what Dynamics says that it holds now is not."""
    world = World()
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    asked: list[str] = []

    def hook(operation: str, _: int) -> Fault | None:
        asked.append(operation)
        if operation == "write":
            world.dynamics.secure("lead", "jobtitle", Access.CREATE | Access.UPDATE)
        return Fault("refused") if operation == "describe" and "write" in asked else None

    world.dynamics.faults.hook = hook
    report = world.cycle()
    world.dynamics.faults.clear()

    assert "describe" == asked[-1]
    assert [Refused] == [type(failure) for failure in report.failures]
    assert 1 == report.count(OutcomeKind.UPDATED)
    assert 0 == report.left
    world.dynamics.secure("lead", "jobtitle", FULL_ACCESS)
    world.settled()
    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")


def test_what_needs_no_write_is_settled_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The crash rule: many records of which nothing is written do not wait for the last one."""
    monkeypatch.setattr("dynsync._desk._SETTLE_AT", 2)
    world = World(LEAD)
    people = [world.linked("lead")[0] for _ in range(3)]
    for person in people:
        world.marketo.delete(person)

    def killed(progress: Progress) -> None:
        if progress.phase == "writing" and progress.done == 3:
            raise SimulatedCrash

    world.sync.show = killed
    with pytest.raises(SimulatedCrash):
        world.cycle()

    assert 1 == sum(world.sync.status().backlog.values())
