"""Writes to people who are linked to nobody yet, and whose answer is never heard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import attrs
import pytest

from dynsync.errors import Refused
from dynsync.fields import Match
from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.policies import manual
from dynsync.records import Pair, RecordId
from dynsync.sandbox import Fault, FaultKind, SimulatedCrash
from dynsync.schemas import FULL_ACCESS, Access
from support import World, before

LINKS: Final = {"lead": LEAD.link_field, "contact": CONTACT.link_field}
EXPECTED: Final = [("lead", "Theirs"), ("contact", "Dynamics'")]
OURS: Final = {"lastname": "Lee", "jobtitle": "Ours", "telephone1": "111"}
REFUSED: Final = Fault("refused")
KINDS: Final = ["lost_request", "lost_response", "crash_before", "crash_after"]


def unanswered(world: World, kind: FaultKind, *actions: Callable[[], None]) -> None:
    """Run while somebody does *actions* right before our writes, and *kind* happens to the last."""
    before(world.marketo.faults, "write", *actions)
    world.marketo.faults.plan("write", Fault(kind))
    with suppress(SimulatedCrash):
        world.cycle()
    world.marketo.faults.clear()


def untyped() -> World:
    """Return a world that keeps no Microsoft Type: by it, who was made tells that they were."""
    world = World(*(attrs.evolve(one, type_field=None) for one in (LEAD, CONTACT)))
    world.settled()
    return world


def lost(world: World) -> list[object]:
    """Return every value that ever gave way."""
    return [change.lost for entry in world.recorder.entries for change in entry.changes]


def edits(world: World, person: RecordId, title: str) -> Callable[[], None]:
    """Return what edits a person's title."""
    return lambda: world.marketo.edit(person, {"title": title})


@pytest.mark.parametrize(("table", "expected"), EXPECTED)
@pytest.mark.parametrize("kind", KINDS)
def test_given_the_id_right_before_our_upsert(table: str, expected: str, kind: FaultKind) -> None:
    """Invariants 12, 31: no second person is made, and what our upsert covered is merged."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Theirs", "city": "Oslo"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Dynamics'"})
    unanswered(world, kind, lambda: world.marketo.edit(person, {LINKS[table]: row}))
    world.settled()

    assert [person] == world.people_of(row)
    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert (table == "contact") is ("Theirs" in lost(world))
    assert world.store.get("unanswered") is None


@pytest.mark.parametrize(("table", "expected"), EXPECTED)
@pytest.mark.parametrize("kind", ["lost_request", "lost_response", "crash_after"])
def test_given_the_id_while_the_feed_is_silent(table: str, expected: str, kind: FaultKind) -> None:
    """Invariant 31: the two are linked before the feed tells, which is not too late."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Theirs"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Dynamics'"})
    world.marketo.hold_back()
    unanswered(world, kind, lambda: world.marketo.edit(person, {LINKS[table]: row}))
    world.cycle()
    linked = world.sync.link(table, person=person)
    world.marketo.release()
    world.settled()

    assert linked is not None
    assert (expected, expected) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_given_the_id_after_an_upsert_that_never_arrived(table: str) -> None:
    """Invariant 6: who holds the id is met, though no feed tells of them, and not written over."""
    world = World()
    world.sync.first = manual
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Theirs"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Dynamics'"})
    unanswered(world, "lost_request")
    world.marketo.hold_back()
    world.marketo.edit(person, {LINKS[table]: row})
    report = world.cycle()
    link = world.sync.link(table, dynamics=row)
    authors = [each.author for each in world.marketo.activities(person) if each.field == "title"]

    assert link == Pair(person, row)
    assert 1 == report.count(OutcomeKind.UNRESOLVED)
    assert ("Theirs", "Dynamics'") == world.both(person, table, row, "job_title")
    assert [] == authors


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_two_people_given_the_id_after_an_upsert_that_never_arrived(table: str) -> None:
    """
    Invariant 27: which of them it is nobody says, nor is it another one with the same address.

    Who alone holds the id in the end, it is.
    """
    world = World(*(attrs.evolve(each, match=Match("email")) for each in (LEAD, CONTACT)))
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "emailaddress1": "lee@example.org"})
    unanswered(world, "lost_request")
    world.marketo.hold_back()
    one, two = (world.marketo.create_person({"lastName": name, LINKS[table]: row}) for name in "AB")
    world.marketo.create_person({"lastName": "C", "email": "lee@example.org"})
    report = world.cycle()
    linked = world.sync.link(table, dynamics=row)
    names = [world.person(person)["lastName"] for person in (one, two)]
    world.marketo.edit(one, {LINKS[table]: None})
    world.marketo.release()
    world.settled()
    found = world.sync.link(table, dynamics=row)

    assert ["2 people hold its id"] == [each.why for each in report.notable]
    assert 0 == report.writes.total()
    assert linked is None
    assert ["A", "B"] == names
    assert found is not None
    assert two == found.marketo
    assert "A" == world.person(one)["lastName"]


@pytest.mark.parametrize(("table", "expected"), EXPECTED)
@pytest.mark.parametrize("kind", KINDS)
def test_edited_right_before_a_first_meeting(table: str, expected: str, kind: FaultKind) -> None:
    """Invariant 31: so is what our update covered when the two records first met."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee"})
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Dynamics'"})
    world.marketo.edit(person, {LINKS[table]: row})
    unanswered(world, kind, edits(world, person, "Theirs"))
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert (table == "contact") is ("Theirs" in lost(world))


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
def test_edited_there_and_back_after_our_upsert(table: str, kind: FaultKind) -> None:
    """A person that we made held nothing before: no edit of theirs is taken for a covered one."""
    world = World()
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Ours"})
    unanswered(world, kind)
    person = world.person_of(row)
    edits(world, person, "Other")()
    edits(world, person, "Ours")()
    world.settled()

    assert ("Ours", "Ours") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
def test_edited_there_and_back_where_no_type_is_kept(table: str, kind: FaultKind) -> None:
    """The feed tells that we made the person: what was entered since and taken back stays so."""
    world = untyped()
    row = world.dynamics.create(table, OURS)
    unanswered(world, kind)
    person = world.person_of(row)
    world.marketo.edit(person, {"title": "Other", "phone": "222"})
    world.marketo.edit(person, {"title": "Ours"})
    world.settled()

    assert ("Ours", "Ours") == world.both(person, table, row, "job_title")
    assert "Other" not in lost(world)
    assert "222" == world.person(person)["phone"] or "222" in lost(world)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_edited_there_and_back_after_the_feed_told_that_we_made_the_person(table: str) -> None:
    """Also of what is entered and taken back after that, while Dynamics lets nobody in."""
    world = untyped()
    row = world.dynamics.create(table, OURS)
    unanswered(world, "lost_response")
    person = world.person_of(row)
    world.marketo.edit(person, {"phone": "222"})
    world.dynamics.faults.plan("read", REFUSED, REFUSED)
    world.cycle()
    edits(world, person, "Other")()
    edits(world, person, "Ours")()
    world.settled()

    assert ("Ours", "Ours") == world.both(person, table, row, "job_title")
    assert "Other" not in lost(world)


@pytest.mark.parametrize(("table", "expected"), EXPECTED)
def test_edited_there_and_back_after_the_feed_told_what_we_covered(
    table: str, expected: str
) -> None:
    """Invariant 31: what our upsert covered is merged, and not what was entered on top of it."""
    world = untyped()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Theirs"})
    row = world.dynamics.create(table, {**OURS, "jobtitle": "Dynamics'"})
    unanswered(world, "lost_response", lambda: world.marketo.edit(person, {LINKS[table]: row}))
    world.marketo.edit(person, {"phone": "222"})
    world.dynamics.faults.plan("read", REFUSED, REFUSED)
    world.cycle()
    edits(world, person, "Other")()
    edits(world, person, "Dynamics'")()
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert "Other" not in lost(world)


@pytest.mark.parametrize(("table", "expected"), EXPECTED)
def test_given_the_id_and_seen_by_a_full_read_first(table: str, expected: str) -> None:
    """Invariant 31: a full read tells of no edits, and what our upsert covered is merged."""
    world = untyped()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Theirs"})
    row = world.dynamics.create(table, {**OURS, "jobtitle": "Dynamics'"})
    world.marketo.hold_back()
    unanswered(world, "lost_response", lambda: world.marketo.edit(person, {LINKS[table]: row}))
    world.marketo.edit(person, {"phone": "222"})
    world.marketo.faults.plan("read", Fault("cursor_expired"))
    world.dynamics.faults.plan("read", REFUSED, REFUSED)
    world.cycle()
    world.marketo.release()
    world.settled()

    assert [person] == world.people_of(row)
    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert (table == "contact") is ("Theirs" in lost(world))


def test_an_upsert_that_is_answered_leaves_no_note() -> None:
    """What is known is not kept."""
    world = World()
    world.lead(jobtitle="Analyst")
    world.cycle()

    assert world.store.get("unanswered") is None


@pytest.mark.parametrize("other", ["lead", "contact"])
def test_a_table_that_may_not_be_read_back_stops_its_entity_alone(other: str) -> None:
    """U30: what became of a write cannot be asked now: its entity waits, the other goes on."""
    world = World()
    table = "contact" if other == "lead" else "lead"
    (person, row), (someone, theirs) = world.linked(table), world.linked(other)
    world.marketo.edit(person, {"title": "Boss"})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.cycle()
    world.dynamics.faults.plan("fetch", Fault("refused"))
    world.marketo.edit(someone, {"title": "Clerk"})
    report = world.cycle()
    goes_on = world.both(someone, other, theirs, "job_title")
    world.settled()

    assert [table] == list(report.stopped)
    assert 1 == len(report.failures)
    assert ("Clerk", "Clerk") == goes_on
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")


def test_a_marketo_that_refuses_to_be_read_back_stops_the_run() -> None:
    """It is one table for all: without it nobody's changes can be told from ours."""
    world = World()
    world.settled()
    row = world.lead(jobtitle="Boss")
    unanswered(world, "lost_response")
    world.contact()
    world.marketo.faults.plan("find", Fault("refused"))
    report = world.cycle()
    people = len(list(world.marketo.people()))
    world.settled()

    assert [Refused] == [type(failure) for failure in report.failures]
    assert not report.stopped
    assert 1 == people
    assert "Boss" == world.person(world.person_of(row))["title"]


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
def test_what_might_not_be_written_then_follows_when_it_may(table: str, kind: FaultKind) -> None:
    """Invariants 13, 20: what was not sent for want of a right is no clear when nobody answered."""
    world = World()
    world.settled()
    world.marketo.set_access("title", Access.READ)
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Ours"})
    unanswered(world, kind)
    world.marketo.set_access("title", FULL_ACCESS)
    world.settled()

    person = world.person_of(row)

    assert ("Ours", "Ours") == world.both(person, table, row, "job_title")
    assert [] == world.lines(person)


@pytest.mark.parametrize("number", [7, 0])
def test_a_number_is_edited_after_a_push_that_nobody_answered(number: int) -> None:
    """Invariant 4: a 0 was entered by somebody; what was not sent is empty."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "annualRevenue": 5})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.sync.sync_person(person, as_="lead")
    (row,) = world.dynamics.rows("lead")
    world.dynamics.edit("lead", row, {"revenue": number})
    world.settled()

    assert (number, number) == world.both(person, "lead", row, "annual_revenue")
    assert number not in lost(world)


NOT_MADE: Final = Access.READ | Access.UPDATE
"""What remains of the rights to a column when a new record may not be given it any more."""


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
def test_a_right_goes_after_an_upsert_that_nobody_answered(table: str, kind: FaultKind) -> None:
    """Invariant 4: what was sent was sent, and an edit of it since is no collision with ours."""
    world = World()
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Ours"})
    unanswered(world, kind)
    world.marketo.set_access("title", NOT_MADE)
    world.dynamics.edit(table, row, {"jobtitle": "Edited"})
    world.settled()

    assert ("Edited", "Edited") == world.both(world.person_of(row), table, row, "job_title")
    assert "Edited" not in lost(world)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_right_goes_after_a_person_was_made_again(table: str) -> None:
    """Invariant 4: also of one who is made in the place of somebody who was deleted."""
    world = World()
    person, row = world.linked(table, jobtitle="First")
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit(table, row, {"jobtitle": "Ours"})
    unanswered(world, "lost_response")
    world.marketo.set_access("title", NOT_MADE)
    world.dynamics.edit(table, row, {"jobtitle": "Edited"})
    world.settled()

    assert ("Edited", "Edited") == world.both(world.person_of(row), table, row, "job_title")
    assert "Edited" not in lost(world)


@pytest.mark.parametrize("table", ["lead", "contact"])
@pytest.mark.parametrize("change", ["right", "hold"])
def test_other_terms_after_a_push_that_nobody_answered(table: str, change: str) -> None:
    """Invariant 4: neither a right that goes nor another `hold` makes our own value an edit."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Ours", "city": "c" * 100})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.sync.sync_person(person, as_=table)
    if change == "right":
        world.dynamics.secure(table, "jobtitle", NOT_MADE)
    else:
        world.sync.hold = "record"
    world.marketo.edit(person, {"title": "Edited"})
    world.cycle()
    world.sync.hold = "field"
    world.settled()
    (row,) = world.dynamics.rows(table)

    assert ("Edited", "Edited") == world.both(person, table, row, "job_title")
    assert "Edited" not in lost(world)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_what_might_never_be_written_is_no_edit_when_somebody_fills_it(table: str) -> None:
    """Invariant 4: Marketo's value and ours meet there, and never agreed on anything."""
    world = World()
    world.settled()
    world.marketo.set_access("title", Access.READ)
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Ours"})
    unanswered(world, "lost_response")
    person = world.person_of(row)
    world.marketo.edit(person, {"title": "Theirs"})
    world.settled()

    expected = ("Theirs", "Theirs") if table == "lead" else ("Theirs", "Ours")
    assert expected == world.both(person, table, row, "job_title")
    assert (table == "lead") is ("Ours" in lost(world))


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_person_is_heard_of_who_might_not_be_given_everything(table: str) -> None:
    """Invariant 4: that a field is missing which may not be written says nothing of the rest."""
    world = untyped()
    world.marketo.set_access("title", NOT_MADE)
    row = world.dynamics.create(table, OURS)
    unanswered(world, "lost_response")
    world.dynamics.edit(table, row, {"telephone1": "222"})
    world.settled()

    assert ("222", "222") == world.both(world.person_of(row), table, row, "phone")
    assert "222" not in lost(world)
