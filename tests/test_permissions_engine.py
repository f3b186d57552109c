"""The sync user's rights: what may not be read does not exist, what may not be written waits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import attrs
import pytest

from dynsync._session import UNASKED
from dynsync.backlog import LinkState
from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow, Match
from dynsync.maps import CONTACT, LEAD, extend
from dynsync.outcomes import OutcomeKind
from dynsync.policies import manual, prefer
from dynsync.records import MISSING, Entity, Pair, RecordId, Side, Wire
from dynsync.reports import Report
from dynsync.sandbox import Fault
from dynsync.schemas import FULL_ACCESS, Access, Column
from dynsync.sqlite import SqliteStore
from support import World, before

SECRET: Final = "Zebra-in-Pyjamas"  # noqa: S105 - a value that may not be read
READ_ONLY: Final = Access.READ
NO_UPDATE: Final = Access.READ | Access.CREATE
NO_CREATE: Final = Access.READ | Access.UPDATE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world whose state is in a file, so that every byte of it can be looked at."""
    with SqliteStore(tmp_path / "state.db") as store:
        yield World(store=store)


def everything_said(world: World, path: Path, reports: list[Report]) -> str:
    """Return all that the sync keeps and tells, as text: state, journal, reports, plans."""
    files = b"".join(each.read_bytes() for each in sorted(path.iterdir()))
    told = repr([world.recorder.entries, reports, world.sync.plan(), world.sync.status()])
    return files.decode("latin-1") + told


# -- columns that may not be read


def test_unreadable_from_the_start(world: World, tmp_path: Path) -> None:
    """R79: an unreadable column is in no write, no state, no journal and no report."""
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    row = world.contact(jobtitle=SECRET)
    reports = [world.cycle()]
    person = world.person_of(row)
    world.dynamics.edit("contact", row, {"jobtitle": f"{SECRET}!", "address1_city": "Oslo"})
    reports.append(world.cycle())

    assert world.person(person)["title"] is None
    assert "Oslo" == world.person(person)["city"]
    assert SECRET not in everything_said(world, tmp_path, reports)


@pytest.mark.parametrize("side", Side)
def test_unreadable_does_not_exist_on_either_side(side: Side, world: World, tmp_path: Path) -> None:
    """A field that one side may not show is neither read nor written on the other."""
    if side is Side.DYNAMICS:
        world.dynamics.secure("contact", "jobtitle", Access.CREATE | Access.UPDATE)
    else:
        world.marketo.set_access("title", Access.CREATE | Access.UPDATE)
    person, row = world.linked("contact", jobtitle="Dynamics'")
    world.marketo.edit(person, {"title": SECRET})
    reports = [world.cycle(), world.cycle()]

    assert (SECRET, "Dynamics'") == world.both(person, "contact", row, "job_title")
    assert SECRET not in everything_said(world, tmp_path, reports)


def test_unreadable_later_clears_nothing() -> None:
    """Dataverse says null of what may not be read: that clears nothing in Marketo (R79)."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    world.dynamics.edit("contact", row, {"address1_city": "Oslo"})
    world.settled()
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Analyst", "Boss") == world.both(person, "contact", row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")


def test_unreadable_later_leaves_the_state(world: World, tmp_path: Path) -> None:
    """Invariant 32: what became unreadable vanishes from state and journal, every byte of it."""
    world.sync.policy = manual
    person, row = world.linked("contact", jobtitle=SECRET)
    open_person, open_row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(open_person, {"title": f"{SECRET} 1"})
    world.dynamics.edit("contact", open_row, {"jobtitle": f"{SECRET} 2"})
    world.cycle()
    known = SECRET in everything_said(world, tmp_path, [])
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    world.recorder.entries.clear()
    reports = [world.cycle()]
    world.dynamics.edit("contact", row, {"jobtitle": f"{SECRET} 3"})
    world.marketo.edit(person, {"title": f"{SECRET} 4"})
    reports += [world.cycle(), world.cycle()]

    assert known
    assert SECRET not in everything_said(world, tmp_path, reports)


def test_unreadable_later_and_a_collision_lost(world: World, tmp_path: Path) -> None:
    """Invariant 32: the value that lost a collision is purged from the journal as well."""
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": SECRET})
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.cycle()
    (lost,) = [c.lost for e in world.recorder.entries for c in e.changes if c.winner]
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    world.recorder.entries.clear()
    reports = [world.cycle()]

    assert SECRET == lost
    assert SECRET not in everything_said(world, tmp_path, reports)


def test_readable_again_is_backfilled() -> None:
    """R81: a right gained: all values are refreshed from Dynamics."""
    world = World()
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    rows = [world.contact(jobtitle=f"Analyst {number}") for number in range(3)]
    world.settled()
    before = [world.person(world.person_of(row))["title"] for row in rows]
    world.dynamics.secure("contact", "jobtitle", FULL_ACCESS)
    world.settled()

    assert [None, None, None] == before
    assert [f"Analyst {n}" for n in range(3)] == [
        world.person(world.person_of(row))["title"] for row in rows
    ]


def test_readable_again_with_values_in_both() -> None:
    """R81: Quick Sync goes from Dynamics to Marketo; a value of Marketo's alone is kept."""
    world = World()
    world.dynamics.secure("lead", "jobtitle", Access.NONE)
    person, row = world.linked("lead", jobtitle="Dynamics'")
    alone, empty = world.linked("lead")
    world.marketo.edit(person, {"title": "Marketo's"})
    world.marketo.edit(alone, {"title": "Marketo's"})
    world.settled()
    world.dynamics.secure("lead", "jobtitle", FULL_ACCESS)
    world.settled()

    assert ("Dynamics'", "Dynamics'") == world.both(person, "lead", row, "job_title")
    assert ("Marketo's", "Marketo's") == world.both(alone, "lead", empty, "job_title")


def test_nobody_is_new_who_cannot_be_compared() -> None:
    """A28: while people may not be compared, new records wait, and it is told."""
    world = World(attrs.evolve(CONTACT, match=Match("email")))
    world.linked("contact")
    twins = [world.marketo.create_person({"email": "ada@x.org", "lastName": "A"}) for _ in range(2)]
    alone = world.marketo.create_person({"email": "bob@x.org", "lastName": "B"})
    shared = world.contact(emailaddress1="ada@x.org")
    world.cycle()
    world.dynamics.secure("contact", "emailaddress1", Access.NONE)
    row = world.contact(emailaddress1="bob@x.org")
    report = world.cycle(25 * 3600)
    people, told = world.marketo.count(), report.count(OutcomeKind.AMBIGUOUS)
    world.dynamics.secure("contact", "emailaddress1", FULL_ACCESS)
    world.settled()

    assert (4, 2) == (people, told)
    assert "'email' may not be read" in {one.why for one in report.notable}
    assert [alone] == world.people_of(row)
    assert [] == world.people_of(shared)
    assert 4 == world.marketo.count() == len({*twins, alone}) + 1


@pytest.mark.parametrize(("table", "winner"), [("lead", "Marketo's"), ("contact", "Dynamics'")])
def test_readable_again_and_edited_before_it_may_be_written(table: str, winner: str) -> None:
    """A28, R81: once both have met, an edit in Dynamics collides with the value that waits."""
    world = World()
    world.dynamics.secure(table, "jobtitle", Access.NONE)
    person, row = world.linked(table)
    world.marketo.edit(person, {"title": "Marketo's"})
    world.settled()
    world.dynamics.secure(table, "jobtitle", NO_UPDATE)
    world.settled()
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    world.settled()
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert (winner, winner) == world.both(person, table, row, "job_title")


def test_a_field_gained_is_backfilled() -> None:
    """R80, R81: a field that the host adds gets its values from Dynamics."""
    world = World(CONTACT)
    _, row = world.linked("contact", websiteurl="https://example.org")
    schemas = Pair(world.sync.marketo.describe("person"), world.sync.dynamics.describe("contact"))
    world.sync.maps = (extend(CONTACT, schemas, website=Pair("website", "websiteurl")),)
    world.settled()

    assert "https://example.org" == world.person(world.person_of(row))["website"]


def gained(world: World, flow: Flow) -> EntityMap:
    """Return the map of contacts with a website that flows one way."""
    schemas = Pair(world.sync.marketo.describe("person"), world.sync.dynamics.describe("contact"))
    field = extend(CONTACT, schemas, website=Pair("website", "websiteurl")).field("website")
    return CONTACT.plus(attrs.evolve(field, flow=flow))


def test_what_gave_way_to_a_one_way_field_that_was_gained_is_in_the_journal() -> None:
    """Invariant 6: what stood in a field before it was synced is not lost."""
    world = World(CONTACT)
    person, row = world.linked("contact", websiteurl="https://example.org")
    world.marketo.edit(person, {"website": "theirs"})
    world.settled()
    world.sync.maps = (gained(world, Flow.TO_MARKETO),)
    world.settled()
    lost = [
        change.lost
        for told in world.sync.explain("contact", dynamics=row)
        for change in told.changes
        if change.field == "website" and change.lost is not MISSING
    ]

    assert "https://example.org" == world.person(person)["website"]
    assert ["theirs"] == lost


@pytest.mark.parametrize("flow", [Flow.TO_MARKETO, Flow.TO_DYNAMICS])
def test_a_one_way_field_that_was_gained_empties_nothing(flow: Flow) -> None:
    """An empty value never erases where there is no base; an edit that empties does, from then."""
    world = World(CONTACT)
    person, row = world.linked("contact")

    def enter(side: Side, value: str | None) -> None:
        if side is Side.MARKETO:
            world.marketo.edit(person, {"website": value})
        else:
            world.dynamics.edit("contact", row, {"websiteurl": value})
        world.settled()

    def both() -> tuple[Wire, Wire]:
        return world.person(person)["website"], world.row("contact", row)["websiteurl"]

    giving, receiving = (Side.DYNAMICS, Side.MARKETO)[:: 1 if flow is Flow.TO_MARKETO else -1]
    enter(receiving, "theirs")
    world.sync.maps = (gained(world, flow),)
    world.settled()
    world.dynamics.expire_cursors()
    world.settled()
    kept = both()
    enter(giving, "ours")
    told = both()
    enter(giving, None)

    assert {None, "theirs"} == set(kept)
    assert ("ours", "ours") == told
    assert (None, None) == both()


def test_narrowing_the_selection_clears_nothing() -> None:
    """Invariant 17: a field that the host takes out is cleared nowhere, and may come back."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="Analyst", address1_city="Oslo")
    world.sync.maps = (CONTACT.without("job_title"),)
    world.marketo.edit(person, {"city": "Bergen"})
    world.settled()
    narrowed = world.both(person, "contact", row, "city")
    values = world.person(person)["title"], world.row("contact", row)["jobtitle"]
    world.sync.maps = (CONTACT,)
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Bergen", "Bergen") == narrowed
    assert ("Analyst", "Analyst") == values
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


# -- columns that may be read and not written


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_withheld_until_the_right_is_given(table: str) -> None:
    """A18: readable and not writable: the change waits, base unmoved, and flows in the end."""
    # Invariant 19.
    world = World()
    world.dynamics.secure(table, "jobtitle", NO_UPDATE)
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    report = world.cycle()
    quiet = [world.cycle() for _ in range(3)]
    waiting = world.both(person, table, row, "job_title")
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert 1 == report.count(OutcomeKind.WITHHELD)
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert [0, 0, 0] == [each.writes.total() for each in quiet]
    assert ("Boss", "Analyst") == waiting
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


def test_withheld_is_told_once() -> None:
    """A18: what is withheld is not told again for the echo of our write of another field."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.secure("contact", "emailaddress1", Access.READ)
    world.marketo.edit(person, {"email": "ada@example.org"})
    first = [world.cycle().count(OutcomeKind.WITHHELD) for _ in range(3)]
    world.dynamics.edit("contact", row, {"jobtitle": "Countess"})
    report = world.cycle()
    later = [world.cycle() for _ in range(3)]

    assert [1, 0, 0] == first
    assert {Side.MARKETO: 1} == report.writes
    assert [0, 0, 0] == [report.records for report in later]


def test_withheld_is_told() -> None:
    """A18: what is withheld is counted and the reason is given, without the value."""
    world = World()
    world.dynamics.secure("contact", "jobtitle", NO_UPDATE)
    person, _ = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": SECRET})
    (outcome,) = world.cycle().notable
    (change,) = [change for change in outcome.changes if change.field == "job_title"]

    assert "withheld" == change.verdict
    assert "may not write it in Dynamics" in change.why
    assert SECRET not in repr(outcome)


def test_read_only_still_flows_to_marketo() -> None:
    """A18: readable means inbound; a withheld change of Marketo's meets Dynamics' next one."""
    world = World()
    world.dynamics.secure("lead", "jobtitle", NO_UPDATE)
    person, row = world.linked("lead", jobtitle="Analyst")
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")


def test_withheld_and_then_changed_in_dynamics() -> None:
    """A1: while a change of Marketo's is withheld, Dynamics' change of the field collides."""
    world = World()
    world.dynamics.secure("contact", "jobtitle", NO_UPDATE)
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()
    world.dynamics.edit("contact", row, {"jobtitle": "Clerk"})
    world.settled()

    assert ("Clerk", "Clerk") == world.both(person, "contact", row, "job_title")


def test_create_and_update_are_two_rights() -> None:
    """A18: what may be written at creation only is sent then, and withheld afterwards."""
    world = World()
    world.dynamics.secure("lead", "jobtitle", NO_UPDATE)
    person = world.marketo.create_person({"lastName": "New", "title": "Analyst"})
    answer = world.sync.sync_person(person, as_="lead")
    assert answer.dynamics is not None
    made = world.row("lead", answer.dynamics)["jobtitle"]
    world.settled()
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert "Analyst" == made == world.row("lead", answer.dynamics)["jobtitle"]


def test_update_without_create() -> None:
    """A18: what may not be given at creation is withheld then, and sent by the next cycle."""
    world = World()
    world.dynamics.secure("lead", "jobtitle", NO_CREATE)
    person = world.marketo.create_person({"lastName": "New", "title": "Analyst"})
    answer = world.sync.sync_person(person, as_="lead")
    assert answer.dynamics is not None
    world.settled()

    assert ("Analyst", "Analyst") == world.both(person, "lead", answer.dynamics, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_marketo_without_create(table: str) -> None:
    """A18, the other way: what a new person may not be given follows with the next cycle."""
    world = World()
    world.marketo.set_access("title", NO_CREATE)
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Analyst"})
    world.settled()

    assert ("Analyst",) * 2 == world.both(world.person_of(row), table, row, "job_title")


def test_marketo_without_update() -> None:
    """A18, the other way: withheld in Marketo until the right is given."""
    world = World()
    world.marketo.set_access("title", NO_UPDATE)
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.edit("contact", row, {"jobtitle": "Boss", "address1_city": "Oslo"})
    world.settled()
    held = world.both(person, "contact", row, "job_title")
    world.marketo.set_access("title", FULL_ACCESS)
    world.settled()

    assert ("Analyst", "Boss") == held
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")


def test_the_type_may_not_be_written() -> None:
    """R25: Microsoft Type may not be written: all else syncs, and it follows when it may."""
    world = World()
    world.marketo.set_access("microsoftType", Access.READ)
    person, row = world.linked("contact")
    world.marketo.edit(person, {"city": "Oslo"})
    world.settled()
    before = world.person(person)["microsoftType"]
    world.marketo.set_access("microsoftType", FULL_ACCESS)
    world.settled()

    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")
    assert (None, "Contact") == (before, world.person(person)["microsoftType"])


@pytest.mark.parametrize(("table", "expected"), [("lead", "Marketo's"), ("contact", "Dynamics'")])
def test_both_changed_while_withheld(table: str, expected: str) -> None:
    """A1, R20: changed on both sides while one may not be told: who has authority is right."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.dynamics.secure(table, "jobtitle", READ_ONLY)
    world.marketo.edit(person, {"title": "Marketo's"})
    world.settled()
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    world.settled()
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("access", [Access.READ, Access.READ | Access.UPDATE])
def test_required_and_withheld_fails_the_record(access: Access) -> None:
    """A18: a required field is withheld: the record fails, and not only the field."""
    world = World()
    _require(world, "lead", "lastname")
    world.dynamics.secure("lead", "lastname", access)
    person = world.marketo.create_person({"lastName": "New", "title": "Analyst"})
    answer = world.sync.sync_person(person, as_="lead")

    assert "rejected" == answer.kind
    assert "may not write it" in answer.message
    assert {} == world.dynamics.rows("lead")
    assert "required" in world.lines(person)[0]


def test_required_and_withheld_in_an_update() -> None:
    """A18: in an update, too, nothing of the record goes."""
    world = World()
    _require(world, "contact", "lastname")
    world.dynamics.secure("contact", "lastname", NO_UPDATE)
    person, row = world.linked("contact", lastname="Lee")
    world.marketo.edit(person, {"lastName": "Kay", "city": "Oslo"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.REJECTED)
    assert ("Lee", None) == (
        world.row("contact", row)["lastname"],
        world.row("contact", row)["address1_city"],
    )


def _require(world: World, table: str, name: str) -> None:
    """Make a column required."""
    column = world.sync.dynamics.describe(table).columns[name]
    world.dynamics.drop_column(table, name)
    world.dynamics.add_column(table, Column(name, column.label, "String", 50, required=True))


# -- rights on the whole table


def test_no_right_to_read_a_table_stops_that_entity() -> None:
    """U30: the table may not be read: its entity stops, says why, and the other goes on."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.revoke("contact", Access.READ)
    world.marketo.edit(person, {"title": "Boss"})
    lead = world.lead(firstname="Ada")
    report = world.cycle()
    made = world.people_of(lead)
    world.dynamics.grant("contact", Access.READ)
    world.settled()

    assert [Entity("contact")] == list(report.stopped)
    assert "prvReadContact" in report.stopped[Entity("contact")]
    assert 1 == len(made)
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


def test_no_right_to_update_a_table_withholds() -> None:
    """A18: no right to update rows: every change waits, and comes over when it is given."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.revoke("contact", Access.UPDATE)
    world.marketo.edit(person, {"title": "Boss"})
    report = world.cycle()
    world.dynamics.grant("contact", Access.UPDATE)
    world.settled()

    assert 1 == report.count(OutcomeKind.WITHHELD)
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


# -- columns that go away


def test_a_column_deleted_stops_its_entity_alone() -> None:
    """A22, R83: the column is gone: that entity stops until the schema is refreshed."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    lead_person, lead = world.linked("lead", jobtitle="Analyst")
    world.dynamics.drop_column("contact", "jobtitle")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    world.dynamics.edit("lead", lead, {"jobtitle": "Boss"})
    reports = [world.cycle() for _ in range(2)]
    stopped = world.row("contact", row)["address1_city"], dict(world.sync.status().stale)
    world.sync.refresh_schema("contact")
    world.settled()

    assert all("jobtitle" in report.stopped[Entity("contact")] for report in reports)
    assert (None, {"contact": "jobtitle"}) == stopped
    assert ("Boss", "Boss") == world.both(lead_person, "lead", lead, "job_title")
    assert "Oslo" == world.row("contact", row)["address1_city"]
    assert "Boss" == world.person(person)["title"]


@pytest.mark.parametrize("away", ["stopped", "taken out"])
@pytest.mark.parametrize("native", ["company", "crmLeadId", "city"])
def test_an_edit_while_its_entity_takes_no_part(away: str, native: str) -> None:
    """Invariants 4, 15: the feed goes on for the others, who ask for none of its fields."""
    world = World()
    person, row = world.linked("lead")
    maps = world.sync.maps
    if away == "stopped":
        world.dynamics.drop_column("lead", "mobilephone")
    else:
        world.sync.maps = (CONTACT,)
    world.cycle()
    world.marketo.edit(person, {native: None if native == "crmLeadId" else "Acme"})
    for _ in range(2):
        world.cycle()
    world.sync.maps = maps
    world.sync.refresh_schema("lead")
    world.settled()
    held = world.person(person)[native]
    columns = {"company": "companyname", "city": "address1_city"}

    assert (row if native == "crmLeadId" else "Acme") == held
    assert native == "crmLeadId" or held == world.row("lead", row)[columns[native]]


def test_a_person_is_given_an_id_while_its_entity_is_stopped() -> None:
    """A28: the person is found when it goes on, and no second one is made."""
    world = World()
    for table in ("lead", "contact"):
        world.linked(table)
    world.dynamics.drop_column("contact", "middlename")
    world.cycle()
    row = world.contact(jobtitle="Boss")
    person = world.marketo.create_person({"lastName": "Lee", "crmContactId": f"{{{row.upper()}}}"})
    for _ in range(2):
        world.cycle()
    world.sync.refresh_schema("contact")
    world.settled()

    assert 3 == world.marketo.count()
    assert "Boss" == world.person(person)["title"]


def test_deleted_among_forgotten_changes_while_its_entity_is_stopped() -> None:
    """R46: a full read without the entity is no full read of it."""
    world = World()
    person, row = world.linked("contact")
    world.linked("lead")
    world.marketo.delete(person)
    world.marketo.forget_changes()
    world.dynamics.drop_column("contact", "middlename")
    world.cycle()
    world.sync.refresh_schema("contact")
    world.settled()
    link = world.store.link_of(Side.DYNAMICS, row, Entity("contact"))

    assert link is not None
    assert link.state is LinkState.GONE_MARKETO


def test_a_column_deleted_in_marketo() -> None:
    """A22: a field that Marketo no longer has stops what uses it, and clears nothing."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.drop_column("title")
    world.dynamics.edit("contact", row, {"address1_city": "Oslo"})
    report = world.cycle()
    world.sync.refresh_schema("contact")
    world.settled()

    assert [Entity("contact")] == list(report.stopped)
    assert "Analyst" == world.row("contact", row)["jobtitle"]
    assert "Oslo" == world.person(person)["city"]


def test_deleted_and_made_again() -> None:
    """A22: a column that comes back after the refresh is filled from Dynamics."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="Analyst")
    column = world.sync.dynamics.describe("contact").columns["jobtitle"]
    world.dynamics.drop_column("contact", "jobtitle")
    world.cycle()
    world.sync.refresh_schema("contact")
    world.cycle()
    world.dynamics.add_column("contact", column)
    world.dynamics.edit("contact", row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_deleted_in_the_middle_of_a_run(table: str) -> None:
    """A22: the column goes between our look at the schema and the reading."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"city": "Oslo"})
    dropped: list[str] = []

    def hook(operation: str, _: int) -> None:
        if operation == "read" and not dropped:
            dropped.append(table)
            world.dynamics.drop_column(table, "jobtitle")

    world.dynamics.faults.hook = hook
    report = world.cycle()
    again = world.cycle()
    world.sync.refresh_schema(table)
    world.settled()

    assert [Entity(table)] == list(report.stopped) == list(again.stopped)
    assert "Oslo" == world.row(table, row)["address1_city"]


def test_deleted_right_before_a_write() -> None:
    """A22: the column goes between our reading and our writing: nothing else is lost."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    dropped: list[RecordId] = []

    def hook(operation: str, _: int) -> None:
        if operation == "write" and not dropped:
            dropped.append(row)
            world.dynamics.drop_column("contact", "jobtitle")

    world.dynamics.faults.hook = hook
    world.cycle()
    stopped = world.cycle()
    world.sync.refresh_schema("contact")
    world.settled()

    assert [Entity("contact")] == list(stopped.stopped)
    assert "Oslo" == world.row("contact", row)["address1_city"]


def test_a_field_that_never_was() -> None:
    """A field that was never there is a mistake in the map: it says which, and what to do."""
    world = World(CONTACT)
    world.dynamics.drop_column("contact", "jobtitle")
    with pytest.raises(ConfigurationError, match=r"'jobtitle'.*without\('job_title'\)"):
        world.sync.run()

    assert 0 == world.marketo.count()


def test_no_column_of_a_map_is_there() -> None:
    """Columns that do not exist are named, and no right is asked for; a few stand for many."""
    fields = [
        Field(f"field_{number}", Pair(f"wrong{number}", f"new_wrong{number}"))
        for number in range(7)
    ]
    world = World(attrs.evolve(CONTACT, fields=fields))
    with pytest.raises(ConfigurationError) as raised:
        world.cycle()

    said = str(raised.value)
    assert "Marketo's 'person' has no column 'wrong0', 'wrong1'" in said
    assert "'new_wrong4' and 2 more. Correct the map" in said
    assert "sync user" not in said


def test_columns_that_are_not_there_and_rights_that_are_not_given() -> None:
    """Where both are the reason, both are said."""
    world = World(attrs.evolve(CONTACT, fields=[CONTACT.field("job_title"), WRONG]))
    world.dynamics.secure("contact", "jobtitle", Access.NONE)
    with pytest.raises(ConfigurationError, match=r"no column 'new_wrong'.*let the sync user read"):
        world.cycle()


WRONG: Final = Field("wrong", Pair("city", "new_wrong"))


def test_every_row_of_the_state_is_relaid(world: World, tmp_path: Path) -> None:
    """Narrowed and widened many times over, the state stays readable and nothing is lost."""
    person, row = world.linked("contact", jobtitle="Analyst", address1_city="Oslo")
    for number in range(4):
        world.dynamics.secure(
            "contact", "jobtitle", Access.NONE if number % 2 == 0 else FULL_ACCESS
        )
        world.marketo.edit(person, {"city": f"Oslo {number}"})
        world.settled()
    with closing(sqlite3.connect(tmp_path / "state.db")) as raw:
        (checked,) = raw.execute("PRAGMA integrity_check").fetchone()

    assert "ok" == checked
    assert ("Analyst", "Analyst") == world.both(person, "contact", row, "job_title")
    assert ("Oslo 3", "Oslo 3") == world.both(person, "contact", row, "city")


def test_rights_are_asked_every_run() -> None:
    """R79: a right taken away counts from the next run on, whatever was known before."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="Analyst")
    world.dynamics.secure("lead", "jobtitle", NO_UPDATE)
    world.marketo.edit(person, {"title": "Boss"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.WITHHELD)
    assert "Analyst" == world.row("lead", row)["jobtitle"]


# -- a right that is taken between two calls of one run


def blinding(world: World, table: str, column: str, *operations: str) -> list[str]:
    """Take the right to read *column* right before the first call of one of *operations*."""
    taken: list[str] = []

    def hook(operation: str, _: int) -> None:
        if operation in operations and not taken:
            taken.append(operation)
            world.dynamics.secure(table, column, Access.CREATE | Access.UPDATE)

    world.dynamics.faults.hook = hook
    return taken


def unanswered_world(table: str) -> tuple[World, RecordId, RecordId]:
    """Return a world in which a record has to be read again: a write to it got no answer."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst", address1_city="Oslo")
    world.marketo.edit(person, {"city": "Bergen"})
    world.dynamics.faults.plan("write", Fault("lost_request"))
    world.cycle()
    return world, person, row


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_blinded_right_before_a_record_is_read_again(table: str) -> None:
    """R79: what reads as null because the right went in the middle of a run clears nothing."""
    world, person, row = unanswered_world(table)
    taken = blinding(world, table, "jobtitle", "fetch")
    world.cycle()
    world.dynamics.faults.clear()
    world.settled()

    assert ["fetch"] == taken
    assert ("Analyst", "Analyst") == world.both(person, table, row, "job_title")
    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")


@pytest.mark.parametrize("cleared", [False, True])
def test_blinded_in_a_run_that_breaks_off(*, cleared: bool) -> None:
    """R79: a null of a right that is back by the next run clears nothing; one that is true does."""
    world = World()
    person, row = world.linked("lead", jobtitle="Analyst")
    world.dynamics.edit("lead", row, {"address1_city": "Oslo"})
    if cleared:
        world.dynamics.edit("lead", row, {"jobtitle": None})
    reads: list[str] = []

    def away(operation: str, _: object) -> Fault | None:
        if operation == "read":
            world.dynamics.secure("lead", "jobtitle", Access.NONE)
            reads.append(operation)
        return Fault("down") if len(reads) > 1 else None

    world.dynamics.faults.hook = away
    world.cycle()
    world.dynamics.faults.clear()
    world.dynamics.secure("lead", "jobtitle", FULL_ACCESS)
    world.settled()

    assert ((None, None) if cleared else ("Analyst", "Analyst")) == world.both(
        person, "lead", row, "job_title"
    )
    # It was asked, once: no later run doubts it again.
    assert world.sync.store.get(UNASKED) is None


def test_blinded_right_before_a_zero_is_read_again() -> None:
    """R79: a number that is 0 is a value, which such a null would clear like any other."""
    world = World(LEAD.without("phone"))
    person, row = world.linked("lead", revenue=0, address1_city="Oslo")
    world.marketo.edit(person, {"city": "Bergen"})
    stale = {"telephone1": "1"}
    before(world.dynamics.faults, "write", lambda: world.dynamics.edit("lead", row, stale))
    world.cycle()
    taken = blinding(world, "lead", "revenue", "fetch")
    world.cycle()
    world.dynamics.faults.clear()
    world.settled()

    assert ["fetch"] == taken
    assert (0, 0) == world.both(person, "lead", row, "annual_revenue")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_cleared_right_before_a_record_is_read_again(table: str) -> None:
    """R22: a null that the sync user may read clears, as ever."""
    world, person, row = unanswered_world(table)
    before(
        world.dynamics.faults,
        "fetch",
        lambda: world.dynamics.edit(table, row, {"jobtitle": None}),
    )
    world.cycle()
    world.settled()

    assert (None, None) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("edited", [*Side])
@pytest.mark.parametrize("back", [False, True])
def test_blinded_while_another_record_waits_of_which_one_side_told(
    table: str,
    edited: Side,
    back: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    """R79, invariant 4: its field is left aside as well, and goes over when the right is back."""
    world = World(LEAD.without("phone"), CONTACT.without("phone"))
    other, theirs = world.linked(table, jobtitle="Clerk", address1_city="Oslo")
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"city": "Bergen"})
    stale = {"telephone1": "1"}
    before(world.dynamics.faults, "write", lambda: world.dynamics.edit(table, row, stale))
    world.cycle()
    if edited is Side.MARKETO:
        world.marketo.edit(other, {"title": "Boss", "city": "Rome"})
    else:
        world.dynamics.edit(table, theirs, {"jobtitle": "Boss", "address1_city": "Rome"})
    taken = blinding(world, table, "jobtitle", "fetch")
    world.cycle()
    world.dynamics.faults.clear()
    blind = world.both(other, table, theirs, "job_title")
    if back:
        world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert ["fetch"] == taken
    assert {"Boss", "Clerk"} == set(blind)
    assert (("Boss", "Boss") if back else blind) == world.both(other, table, theirs, "job_title")
    assert ("Rome", "Rome") == world.both(other, table, theirs, "city")
    assert ("Analyst", "Analyst") == world.both(person, table, row, "job_title")
    assert ("Bergen", "Bergen") == world.both(person, table, row, "city")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_blinded_right_before_a_first_meeting(table: str) -> None:
    """R79: nor does it at a first meeting, whoever is right about those."""
    world = World()
    world.sync.first = prefer(Side.DYNAMICS)
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Analyst"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Boss"})
    field = "crmLeadId" if table == "lead" else "crmContactId"
    world.marketo.edit(person, {field: row})
    taken = blinding(world, table, "jobtitle", "read")
    world.cycle()
    world.dynamics.faults.clear()
    world.settled()

    assert ["read"] == taken
    assert "Analyst" == world.person(person)["title"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_blinded_right_before_a_write(table: str) -> None:
    """R79: nor does a null with which Dynamics answers a write."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    taken = blinding(world, table, "jobtitle", "write")
    world.cycle()
    world.dynamics.faults.clear()
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert ["write"] == taken
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_blinded_right_before_a_push(table: str) -> None:
    """R79: nor does the null of a record that was just made for a person."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Analyst"})
    taken = blinding(world, table, "jobtitle", "write")
    world.sync.sync_person(person, as_=table)
    world.dynamics.faults.clear()
    world.settled()

    assert ["write"] == taken
    assert "Analyst" == world.person(person)["title"]


def test_rights_are_asked_again_only_for_what_might_clear() -> None:
    """No call too many: reading again what holds its values asks for no rights."""
    world, person, row = unanswered_world("lead")
    calls = world.dynamics.calls.copy()
    world.cycle()
    made = world.dynamics.calls - calls

    assert (1, 2) == (made["fetch"], made["describe"])
    assert ("Bergen", "Bergen") == world.both(person, "lead", row, "city")
