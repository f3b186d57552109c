"""Writes to people who are linked to nobody yet, and whose answer is never heard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from dynsync.maps import CONTACT, LEAD
from dynsync.records import RecordId
from dynsync.sandbox import Fault, FaultKind, SimulatedCrash
from support import World, before

LINKS: Final = {"lead": LEAD.link_field, "contact": CONTACT.link_field}
EXPECTED: Final = [("lead", "Theirs"), ("contact", "Dynamics'")]
KINDS: Final = ["lost_request", "lost_response", "crash_before", "crash_after"]


def unanswered(world: World, kind: FaultKind, *actions: Callable[[], None]) -> None:
    """Run while somebody does *actions* right before our writes, and *kind* happens to the last."""
    before(world.marketo.faults, "write", *actions)
    world.marketo.faults.plan("write", Fault(kind))
    with suppress(SimulatedCrash):
        world.cycle()
    world.marketo.faults.clear()


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
@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
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


def test_an_upsert_that_is_answered_leaves_no_note() -> None:
    """What is known is not kept."""
    world = World()
    world.lead(jobtitle="Analyst")
    world.cycle()

    assert world.store.get("unanswered") is None
