"""Writes that Marketo answers and does not do: "Block Field Updates" (R23, R24)."""

from __future__ import annotations

from contextlib import suppress

import attrs
import pytest

from dynsync.fields import Flow
from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.recorder import Refusal
from dynsync.records import RecordId, Wire
from dynsync.reports import Report
from dynsync.sandbox import Fault, SimulatedCrash
from dynsync.schemas import Access
from support import World, before

TABLES = ("lead", "contact")
HOUR = 3600.0


def blocked(table: str, **values: Wire) -> tuple[World, RecordId, RecordId]:
    """Return a world in which Marketo keeps a person's title, and Dynamics' one was changed."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst", address1_city="Oslo")
    world.marketo.block_updates("title")
    world.dynamics.edit(table, row, {"jobtitle": "Boss", **values})
    return world, person, row


def told(world: World) -> list[Refusal]:
    """Return every refusal that was ever told."""
    return [refusal for entry in world.recorder.entries for refusal in entry.refusals]


def swallowed(report: Report) -> int:
    """Return how many records a run found to have been swallowed."""
    return report.count(OutcomeKind.SWALLOWED)


@pytest.mark.parametrize("table", TABLES)
def test_it_has_an_outcome_of_its_own(table: str) -> None:
    """R24: the run after the write finds that it was not done, names the field, and is not ok."""
    world, person, _ = blocked(table)
    reports = [world.cycle(), world.cycle()]
    (outcome,) = reports[1].notable
    (refusal,) = told(world)

    assert [0, 1] == [swallowed(report) for report in reports]
    assert 0 == reports[1].writes.total()
    assert not reports[1].ok
    assert ("job_title",) == outcome.held
    assert ("job_title", "SWALLOWED") == (refusal.field, refusal.code)
    assert 1 == len(world.lines(person))


@pytest.mark.parametrize("table", TABLES)
def test_the_rest_of_the_record_goes_on(table: str) -> None:
    """Invariant 7: what is not blocked arrives, then and later."""
    world, person, row = blocked(table, address1_city="Bergen")
    world.cycle()
    world.cycle()
    world.dynamics.edit(table, row, {"telephone1": "1"})
    world.marketo.edit(person, {"lastName": "Li"})
    world.cycle()

    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")
    assert ("1", "1") == world.both(person, table, row, "phone")
    assert ("Li", "Li") == world.both(person, table, row, "last_name")
    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("cycles", [1, 2])
def test_it_never_looks_like_an_edit(table: str, cycles: int) -> None:
    """Invariant 4: the person comes in the feed for another field, before it is known or after."""
    world, person, row = blocked(table)
    for _ in range(cycles):
        world.cycle()
    world.marketo.edit(person, {"city": "Bergen"})
    world.cycle()
    world.cycle()

    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")
    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("cycles", [1, 2])
def test_nor_does_it_in_a_full_comparison(table: str, cycles: int) -> None:
    """Invariant 16: a full read finds the old value, before it is known or after."""
    world, person, row = blocked(table)
    for _ in range(cycles):
        world.cycle()
    world.marketo.forget_changes()
    world.cycle()
    world.cycle()

    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")
    assert 1 == len(world.lines(person))


@pytest.mark.parametrize("table", TABLES)
def test_it_is_told_once_and_tried_after_growing_pauses(table: str) -> None:
    """Invariant 33: no line more and no endless re-sending, however often it is tried."""
    world, person, _ = blocked(table)
    writes = [world.cycle().writes.total() for _ in range(40)]

    assert 1 == len(told(world)) == len(world.lines(person))
    assert writes[1] == 0
    assert 2 <= sum(writes) <= 6
    assert {0, 1} == set(writes)


@pytest.mark.parametrize("table", TABLES)
def test_it_arrives_when_the_block_is_lifted(table: str) -> None:
    """No edit is lost: the value waits, and goes out with the next try."""
    world, person, row = blocked(table)
    world.cycle()
    world.cycle()
    world.marketo.unblock_updates("title")
    world.cycle(HOUR)
    report = world.cycle()

    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")
    assert not list(world.store.each_pending())
    assert report.ok


@pytest.mark.parametrize("table", TABLES)
def test_another_value_is_another_refusal(table: str) -> None:
    """Invariant 33: an edit of the same field in Dynamics is sent, swallowed and told by itself."""
    world, person, row = blocked(table)
    world.cycle()
    world.cycle()
    world.dynamics.edit(table, row, {"jobtitle": "Chief"})
    reports = [world.cycle(), world.cycle(60)]

    assert [1, 0] == [report.writes.total() for report in reports]
    assert 2 == len(told(world)) == len(world.lines(person))
    assert ("Analyst", "Chief") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(
    ("table", "expected"), [("lead", ("Mine", "Mine")), ("contact", ("Mine", "Boss"))]
)
def test_edited_in_marketo_meanwhile(table: str, expected: tuple[str, str]) -> None:
    """R24: an edit of Marketo's collides with the value that waits; the policy decides."""
    world, person, row = blocked(table)
    world.cycle()
    world.cycle()
    world.marketo.edit(person, {"title": "Mine"})
    for _ in range(4):
        world.cycle()

    assert expected == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(
    ("table", "expected"), [("lead", ("Mine", "Mine")), ("contact", ("Mine", "Boss"))]
)
def test_both_edited_at_once(table: str, expected: tuple[str, str]) -> None:
    """R24: for a contact neither side moves until the block is lifted, and that is told."""
    world, person, row = blocked(table)
    world.marketo.edit(person, {"title": "Mine"})
    reports = [world.cycle(), world.cycle()]
    held = world.both(person, table, row, "job_title")
    world.marketo.unblock_updates("title")
    world.cycle(HOUR)
    world.settled()

    assert expected == held
    assert [0, int(table == "contact")] == [swallowed(report) for report in reports]
    assert expected[1:] * 2 == world.both(person, table, row, "job_title")


def test_edited_back_in_dynamics() -> None:
    """Nothing waits when Dynamics holds again what Marketo kept."""
    world, person, row = blocked("contact")
    world.cycle()
    world.cycle()
    world.dynamics.edit("contact", row, {"jobtitle": "Analyst"})
    world.settled()

    assert ("Analyst", "Analyst") == world.both(person, "contact", row, "job_title")
    assert not list(world.store.each_pending())


def test_a_field_that_flows_to_marketo_only() -> None:
    """A one-way field is held like any other."""
    world = World(CONTACT.plus(attrs.evolve(CONTACT.field("job_title"), flow=Flow.TO_MARKETO)))
    person, row = world.linked("contact", jobtitle="One")
    world.marketo.block_updates("title")
    world.dynamics.edit("contact", row, {"jobtitle": "Two"})
    reports = [world.cycle(), world.cycle()]
    world.marketo.edit(person, {"city": "Oslo"})
    reports.append(world.cycle(60))
    world.marketo.unblock_updates("title")
    held = world.person(person)["title"]
    world.cycle(HOUR)

    assert [0, 1, 1] == [swallowed(report) for report in reports]
    assert "One" == held
    assert ("Two", "Two") == world.both(person, "contact", row, "job_title")


def test_at_a_first_meeting() -> None:
    """R24: what is swallowed when two records first meet is no edit of Marketo's either."""
    world = World(CONTACT)
    world.settled()
    person = world.marketo.create_person({"lastName": "Kay", "title": "Analyst"})
    world.marketo.block_updates("title")
    row = world.contact(jobtitle="Boss")
    world.marketo.edit(person, {"crmContactId": row})
    reports = [world.cycle(), world.cycle()]
    world.marketo.edit(person, {"city": "Oslo"})
    world.cycle()

    assert [0, 1] == [swallowed(report) for report in reports]
    assert ("Analyst", "Boss") == world.both(person, "contact", row, "job_title")


def test_a_stamp() -> None:
    """What marks a person as deleted in Dynamics may be blocked as well."""
    world = World(LEAD)
    stamp = LEAD.stamps()[1].names.marketo
    person, row = world.linked("lead")
    world.marketo.block_updates(stamp)
    world.dynamics.delete("lead", row)
    reports = [world.cycle() for _ in range(2)]
    world.marketo.unblock_updates(stamp)
    world.cycle(HOUR)

    assert [0, 1] == [swallowed(report) for report in reports]
    assert world.person(person)[stamp] is None


def test_what_arrived_costs_no_call() -> None:
    """The feed tells what arrived: nothing is read back."""
    world = World(LEAD)
    rows = [world.lead(jobtitle=f"Analyst {number}") for number in range(20)]
    world.settled()
    for row in rows[:10]:
        world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    for row in rows[10:]:
        world.dynamics.delete("lead", row)
    calls = world.marketo.calls.copy()
    report = world.cycle()
    world.settled()
    made = world.marketo.calls - calls

    assert 20 == report.records
    assert 1 == made["write"]
    assert 0 == made["fetch"]


@pytest.mark.parametrize("table", TABLES)
def test_a_late_feed_is_no_alarm(table: str) -> None:
    """C3: what arrived is read back where the feed is late, and nothing is held."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.lag(1000)
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    reports = [world.cycle() for _ in range(6)]

    assert not any(swallowed(report) for report in reports)
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")
    assert 1 == sum(report.calls[world.sync.marketo.side, "fetch"] for report in reports)


@pytest.mark.parametrize("table", TABLES)
def test_the_second_of_two_writes_whose_echoes_are_late(table: str) -> None:
    """Dynamics goes back to its old value: the first write arrived, and the second waits."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.lag(1000)
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.cycle()
    world.marketo.block_updates("title")
    world.dynamics.edit(table, row, {"jobtitle": "Analyst"})
    reports = [world.cycle(), world.cycle()]
    held = world.both(person, table, row, "job_title")
    world.marketo.unblock_updates("title")
    world.cycle(HOUR)
    world.settled()

    assert [0, 1] == [swallowed(report) for report in reports]
    assert ("Boss", "Analyst") == held
    assert ("Analyst", "Analyst") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("kind", ["crash_before", "crash_after"])
@pytest.mark.parametrize("operation", ["read", "write", "fetch", "log"])
@pytest.mark.parametrize("skip", [0, 1])
def test_crashes_lose_no_edit(kind: str, operation: str, skip: int) -> None:
    """Invariant 13: whenever the process dies, the value waits and is told once."""
    world, person, row = blocked("contact")
    nothing: list[Fault | None] = [None] * skip
    fault = Fault("crash_before") if kind == "crash_before" else Fault("crash_after")
    world.marketo.faults.plan(operation, *nothing, fault)
    for _ in range(4):
        try:
            world.cycle()
        except SimulatedCrash:
            world.marketo.faults.clear()
    world.marketo.faults.clear()
    world.cycle()
    lines = len(world.lines(person))
    world.marketo.unblock_updates("title")
    world.cycle(HOUR)
    world.settled()

    assert 1 == lines
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


def test_no_answer_when_it_is_tried_again() -> None:
    """Invariant 33: a fault in a later try makes no new refusal of it."""
    world, person, _ = blocked("contact")
    world.cycle()
    world.cycle()
    world.marketo.faults.plan("write", Fault("lost_response"))
    for _ in range(6):
        world.cycle()

    assert 1 == len(told(world)) == len(world.lines(person))


def test_a_plan_says_so() -> None:
    """Invariant 25: a plan tells it as the run would, and moves nothing."""
    world, _, _ = blocked("contact")
    world.cycle()
    world.clock.advance(300)
    plans = [world.sync.plan() for _ in range(2)]
    report = world.sync.run()

    assert plans[0].records == plans[1].records
    assert [OutcomeKind.SWALLOWED] == [record.outcome for record in plans[0].records]
    assert 1 == swallowed(report)


@pytest.mark.parametrize("table", TABLES)
def test_beside_a_field_that_waits(table: str) -> None:
    """R24: what else keeps the record in the backlog does not make the old value an edit."""
    world, person, row = blocked(table)
    world.dynamics.secure(table, "address1_city", Access.READ)
    world.marketo.edit(person, {"city": "Bergen"})
    reports = [world.cycle(), world.cycle()]
    held = world.both(person, table, row, "job_title")
    world.marketo.unblock_updates("title")
    world.cycle(HOUR)
    world.settled()

    assert [0, 1] == [swallowed(report) for report in reports]
    assert ("Analyst", "Boss") == held
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_beside_a_stale_write(table: str) -> None:
    """Invariant 22: nor does a write that Dynamics refuses as stale in the same run."""
    world, person, row = blocked(table)
    world.marketo.edit(person, {"city": "Bergen"})
    edit = {"address1_line1": "Kaien 1"}
    before(world.dynamics.faults, "write", lambda: world.dynamics.edit(table, row, edit))
    for _ in range(4):
        world.cycle()

    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")
    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")


@pytest.mark.parametrize("table", TABLES)
def test_put_back_while_the_feed_was_late(table: str) -> None:
    """Invariant 4: what looked swallowed was an edit, if the feed tells so after all."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.marketo.hold_back()
    world.cycle()
    world.marketo.edit(person, {"title": "Analyst"})
    world.cycle()
    world.marketo.release()
    for _ in range(4):
        world.cycle(25 * HOUR)

    assert ("Analyst", "Analyst") == world.both(person, table, row, "job_title")
    assert {} == world.sync.status().backlog


def test_put_back_while_the_feed_was_late_and_taken_back_in_dynamics() -> None:
    """Invariant 1: two edits that go back to what was are a collision, and no agreement."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Mine"})
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.marketo.faults.plan("write", Fault("crash_before"))
    with suppress(SimulatedCrash):
        world.cycle()
    world.marketo.hold_back()
    world.cycle()
    world.marketo.edit(person, {"title": "Mine"})
    world.cycle()
    world.dynamics.edit("contact", row, {"jobtitle": "Analyst"})
    world.cycle()
    world.marketo.release()
    world.settled()

    assert ("Analyst", "Analyst") == world.both(person, "contact", row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_a_field_that_is_left_out_before_it_is_known(table: str) -> None:
    """R24: what is selected no more is asked of nobody, and the rest is looked at all the same."""
    world, _, _ = blocked(table, address1_city="Bergen")
    world.marketo.block_updates("city")
    world.cycle()
    world.sync.maps = (LEAD.without("job_title"), CONTACT.without("job_title"))
    report = world.cycle()

    assert ["city"] == [refusal.field for refusal in told(world)]
    assert 1 == swallowed(report)


@pytest.mark.parametrize("table", TABLES)
def test_deleted_before_another_try_is_read_back(table: str) -> None:
    """R46: whoever was tried again and is gone was not told: what waits in Dynamics brings them."""
    world, person, row = blocked(table)
    world.cycle()
    world.cycle()
    before(world.marketo.faults, "fetch", lambda: world.marketo.delete(person))
    for _ in range(4):
        world.cycle()
    reports = [world.cycle(HOUR) for _ in range(2)]

    assert 1 == len(told(world))
    assert all(report.ok for report in reports)
    assert "Boss" == world.person(world.person_of(row))["title"]


@pytest.mark.parametrize("table", TABLES)
def test_what_an_unheard_upsert_may_have_replaced_is_no_sign(table: str) -> None:
    """Invariant 4: nobody knows that the person held nothing; who empties the field means it."""
    world = World()
    create = world.contact if table == "contact" else world.lead
    row = create(lastname="King", jobtitle="Boss")
    world.marketo.faults.plan("write", Fault("lost_response"))
    world.cycle()
    world.cycle()
    person = world.person_of(row)
    world.dynamics.edit(table, row, {"jobtitle": "Clerk"})
    world.marketo.hold_back()
    world.cycle()
    world.marketo.edit(person, {"title": None})
    report = world.cycle()
    world.marketo.release()
    world.settled()

    assert 0 == swallowed(report)
    assert (None, None) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("pause", [20.0, 300.0])
@pytest.mark.parametrize("table", TABLES)
def test_put_back_after_a_write_that_was_lost_was_made_again(table: str, pause: float) -> None:
    """Invariant 4: the write that never came is no sign for what was edited since."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.cycle()
    world.cycle(pause)
    world.cycle(pause)
    world.dynamics.edit(table, row, {"address1_city": "Oslo"})
    world.cycle()
    world.marketo.edit(person, {"title": "Analyst"})
    report = world.cycle()
    world.settled()

    assert 0 == swallowed(report)
    assert ("Analyst", "Analyst") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_after_a_write_that_was_lost(table: str) -> None:
    """R24: what is swallowed when it is tried once more is found all the same."""
    world, person, row = blocked(table)
    world.marketo.faults.plan("write", Fault("lost_request"))
    reports = [world.cycle() for _ in range(3)]

    assert [0, 0, 1] == [swallowed(report) for report in reports]
    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")
