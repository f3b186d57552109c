"""The test vectors of Marketo's own sync, each named after its rule (domain.md, section 4)."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Final

import attrs
import pytest

from dynsync.fields import EntityMap, Flow
from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.records import Entity, RecordId, Wire
from dynsync.reports import Report
from dynsync.schedule import cycles
from dynsync.schemas import Access
from support import World

A, B, C = "Analyst", "Boss", "Clerk"

Vector = tuple[str, str, str, Wire, Wire, Wire, Wire]
"""A rule, what is linked, the field, its base, what each side holds now, what both shall."""

VECTORS: Final[tuple[Vector, ...]] = (
    ("R20: Marketo wins for leads", "lead", "job_title", A, B, C, B),
    ("R20: Dynamics wins for contacts", "contact", "job_title", A, B, C, C),
    ("R21: Dynamics always wins one way, lead", "one-way lead", "job_title", A, B, C, C),
    ("R21: Dynamics always wins one way, contact", "one-way contact", "job_title", A, B, C, C),
    ("R19: only Marketo changed a lead", "lead", "job_title", A, B, A, B),
    ("R19: only Dynamics changed a lead", "lead", "job_title", A, A, C, C),
    ("R19: only Marketo changed a contact", "contact", "job_title", A, B, A, B),
    ("R19: only Dynamics changed a contact", "contact", "job_title", A, A, C, C),
    ("A2: both changed to the same, lead", "lead", "job_title", A, B, B, B),
    ("A2: both changed to the same, contact", "contact", "job_title", A, B, B, B),
    ("R22: null is a value, contact", "contact", "job_title", A, None, C, C),
    ("R22: null is a value, lead", "lead", "job_title", A, None, C, None),
    ("R22: null is a value, from Dynamics", "lead", "job_title", A, A, None, None),
    ("R22: null is a value, both clear", "contact", "job_title", A, None, None, None),
    ("R22: from null, lead", "lead", "job_title", None, B, C, B),
    ("R22: from null, contact", "contact", "job_title", None, B, C, C),
    ("A35: spaces are no difference", "lead", "job_title", A, f" {A} ", C, C),
    ("A35: nor is the case of an e-mail", "lead", "email", "a@x.org", "A@X.org", "c@x.org", None),
    ("A17: an opt-out stands, contact", "contact", "unsubscribed", False, True, False, True),
    ("A33: null is no, lead", "lead", "unsubscribed", None, False, True, True),
)


def one_way(entity_map: EntityMap) -> EntityMap:
    """Return the map with a job title that flows to Marketo only."""
    return entity_map.plus(attrs.evolve(entity_map.field("job_title"), flow=Flow.TO_MARKETO))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_collision(vector: Vector) -> None:
    """What each side holds now, and what both hold after one cycle and ever after."""
    _, what, field, base, marketo, dynamics, expected = vector
    table = what.split()[-1]
    maps = (one_way(LEAD), one_way(CONTACT)) if what.startswith("one-way") else (LEAD, CONTACT)
    world = World(*maps)
    names = LEAD.field(field).names
    person, row = world.linked(table, **{names.dynamics: base})
    if marketo != base:
        world.marketo.edit(person, {names.marketo: marketo})
    if dynamics != base:
        world.dynamics.edit(table, row, {names.dynamics: dynamics})
    world.cycle()
    after = world.both(person, table, row, field)
    world.settled()

    if field == "email":
        expected = dynamics
    assert (expected, expected) == after
    assert after == world.both(person, table, row, field)


def test_a17_opt_out_beats_the_opt_in() -> None:
    """A17: both changed a consent; the opt-out stands even where the other has authority."""
    world = World()
    person, row = world.linked("contact", donotbulkemail=None)
    world.dynamics.edit("contact", row, {"donotbulkemail": True})
    world.marketo.edit(person, {"unsubscribed": True})
    world.settled()
    world.marketo.edit(person, {"unsubscribed": False})
    world.settled()

    assert (False, False) == world.both(person, "contact", row, "unsubscribed")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_r19_both_changes_live(table: str) -> None:
    """R19: X changed in Marketo and Y in Dynamics: both are kept."""
    world = World()
    person, row = world.linked(table, jobtitle=A, address1_city="Oslo")
    world.marketo.edit(person, {"title": B})
    world.dynamics.edit(table, row, {"address1_city": "Bergen"})
    report = world.cycle()

    assert (B, B) == world.both(person, table, row, "job_title")
    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")
    assert 1 == report.count(OutcomeKind.UPDATED)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a2_equal_edits_write_nothing(table: str) -> None:
    """A2: both sides changed a field to the same value: no write, and the base advances."""
    world = World()
    person, row = world.linked(table, jobtitle=A)
    world.marketo.edit(person, {"title": B})
    world.dynamics.edit(table, row, {"jobtitle": B})
    report = world.cycle()
    world.marketo.edit(person, {"title": A})
    world.cycle()

    assert 0 == report.writes.total()
    assert 1 == report.count(OutcomeKind.AGREED)
    assert (A, A) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_r57_one_way_until_the_next_change(table: str) -> None:
    """R57: Marketo keeps its edit of a one-way field until the row's next change in Dynamics."""
    world = World(one_way(LEAD), one_way(CONTACT))
    person, row = world.linked(table, jobtitle=A)
    world.marketo.edit(person, {"title": B})
    world.settled()
    kept = world.both(person, table, row, "job_title")
    world.dynamics.edit(table, row, {"address1_city": "Bergen"})
    world.settled()

    assert (B, A) == kept
    assert (A, A) == world.both(person, table, row, "job_title")


# -- delete


def test_r45_deleted_in_dynamics() -> None:
    """R45, R32: the person stays and is flagged; Sync Person then makes a new lead."""
    world = World()
    person, row = world.linked("lead", firstname="Ada", subject="Topic")
    world.dynamics.delete("lead", row)
    report = world.cycle()
    flagged = world.person(person)
    answer = world.sync.sync_person(person, as_="lead")

    assert 1 == report.count(OutcomeKind.FLAGGED)
    assert (True, None, "Ada") == tuple(
        flagged[name] for name in ("microsoftIsDeleted", "microsoftType", "firstName")
    )
    assert "created" == answer.kind
    assert answer.dynamics not in {None, row}
    assert [answer.dynamics] == list(world.dynamics.rows("lead"))
    assert [person] == [id_ for id_, _ in world.marketo.people()]


def test_r46_deleted_in_marketo_and_changed_in_dynamics() -> None:
    """R46: a later update in Dynamics makes a new person, same e-mail and a new id."""
    world = World()
    person, row = world.linked("contact", emailaddress1="ada@example.org")
    world.marketo.delete(person)
    report = world.cycle()
    left = world.marketo.count(), world.dynamics.count("contact")
    world.dynamics.edit("contact", row, {"jobtitle": B})
    world.cycle()
    anew = world.person_of(row)

    assert (1, 0) == (report.count(OutcomeKind.FORGOTTEN), report.writes.total())
    assert (0, 1) == left
    assert person != anew
    assert "ada@example.org" == world.person(anew)["email"]


# -- flow


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_r28_trigger_campaign(table: str) -> None:
    """R28: a trigger campaign creates in real time."""
    world = World()
    person = world.marketo.create_person({"lastName": "New"})
    answer = world.sync.sync_person(person, as_=table)

    assert "created" == answer.kind
    assert [answer.dynamics] == list(world.dynamics.rows(table))
    assert table.capitalize() == world.person(person)["microsoftType"]


def test_r28_batch_campaign() -> None:
    """R28: a batch campaign queues for the cycle."""
    world = World()
    person = world.marketo.create_person({"lastName": "New"})
    answer = world.sync.sync_person(person, as_="lead", when="queued")
    before = world.dynamics.count("lead")
    world.cycle()

    assert ("queued", 0) == (answer.kind, before)
    assert 1 == world.dynamics.count("lead")


def test_r27_existing_does_nothing() -> None:
    """R27: for a person that is in Dynamics the step does nothing (invariant 34)."""
    world = World()
    person, row = world.linked("lead", jobtitle=A)
    world.marketo.edit(person, {"title": B})
    answer = world.sync.sync_person(person, as_="lead")

    assert ("exists", row) == (answer.kind, answer.dynamics)
    assert (B, A) == world.both(person, "lead", row, "job_title")


def test_r29_second_enqueue() -> None:
    """R29: a second enqueue finds the person already in the sync process."""
    world = World()
    person = world.marketo.create_person({"lastName": "New"})
    world.sync.sync_person(person, as_="lead", when="queued")
    answer = world.sync.sync_person(person, as_="lead", when="queued")
    world.settled()

    assert ("already queued", "already in the sync process") == (answer.kind, answer.message)
    assert 1 == world.dynamics.count("lead")


# -- schedule


def test_r2_fixed_delay() -> None:
    """R2: after a cycle of 12 minutes the next starts 5 minutes after its end."""
    world = World()
    start = world.clock.now()
    begun: list[dt.timedelta] = []

    def run() -> Report:
        begun.append(world.clock.now() - start)
        world.clock.advance(12 * 60)
        return world.sync.run()

    reports = list(islice(cycles(run, clock=world.clock), 3))

    assert [1, 2, 3] == [report.run for report in reports]
    assert [dt.timedelta(minutes=minutes) for minutes in (0, 17, 34)] == begun


# -- fields


def test_r79_selected_and_readable() -> None:
    """R79: of selected {a, b, c} and readable {b, c, d}, {b, c} takes part."""
    selected = ("job_title", "last_name", "city")
    world = World(CONTACT.only(*selected))
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    row = world.contact(jobtitle=A, lastname="Kay", address1_city="Oslo", address1_country="Norway")
    world.settled()
    person = world.person(world.person_of(row))

    assert {"title": None, "lastName": "Kay", "city": "Oslo", "country": None} == {
        name: person[name] for name in ("title", "lastName", "city", "country")
    }


def test_r83_field_deleted_while_on() -> None:
    """R83: stopped; resumes only after the schema was refreshed, even without a change."""
    world = World(LEAD.only("last_name", "job_title"), CONTACT.only("last_name", "job_title"))
    person, row = world.linked("contact", jobtitle=A)
    lead_person, lead = world.linked("lead", jobtitle=A)
    world.dynamics.drop_column("contact", "jobtitle")
    world.marketo.edit(person, {"lastName": "Changed"})
    world.marketo.edit(lead_person, {"title": B})
    reports = [world.cycle() for _ in range(3)]
    stopped = world.row("contact", row)["lastname"]
    world.sync.refresh_schema("contact")
    resumed = world.cycle()

    assert all(list(report.stopped) == [Entity("contact")] for report in reports)
    assert "refresh_schema" in reports[0].stopped[Entity("contact")]
    assert "Lee" == stopped
    assert B == world.row("lead", lead)["jobtitle"]
    assert {} == resumed.stopped
    assert "Changed" == world.row("contact", row)["lastname"]


def test_r33_no_dedupe_by_email() -> None:
    """R33: two Dynamics rows with one e-mail address become two people."""
    world = World()
    rows: list[RecordId] = [world.lead(emailaddress1="one@example.org") for _ in range(2)]
    world.settled()

    assert 2 == world.marketo.count()
    assert 2 == len({world.person_of(row) for row in rows})
