"""Bugs that random histories found, each as short as it gets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from dynsync.guards import Guards
from dynsync.outcomes import OutcomeKind
from dynsync.policies import Put, manual
from dynsync.records import Pair, RecordId, Side
from dynsync.sandbox import Fault, FaultKind, SimulatedCrash
from dynsync.schemas import FULL_ACCESS, Access
from dynsync.testing import replay
from support import World

TABLES = ("lead", "contact")


@pytest.mark.parametrize("table", TABLES)
def test_an_edit_that_equals_a_write_of_ours_whose_echo_was_forgotten(table: str) -> None:
    """
    Invariants 4 and 16: the echo of our write never came, for Marketo forgot its feed.

    Somebody edits the field, and later chooses our value again: that is no echo.
    """
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.dynamics.edit(table, row, {"jobtitle": "ours"})
    world.cycle()
    world.marketo.forget_changes()
    world.cycle()
    for title in ("theirs", "ours"):
        world.marketo.edit(person, {"title": title})
        world.settled()

    assert ("ours", "ours") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize(
    "fault",
    [Fault("throttled", scope="day"), Fault("lost_request"), Fault("down"), Fault("partial")],
    ids=lambda fault: fault.kind,
)
@pytest.mark.parametrize("table", TABLES)
def test_an_edit_that_equals_a_write_of_ours_that_was_never_made(
    table: str, fault: Fault, days: int
) -> None:
    """
    Invariant 4: what we meant to write never arrived, and was not wanted any more.

    Somebody edits the field twice, and comes to that value by themselves: that is no echo.
    """
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.dynamics.edit(table, row, {"jobtitle": "ours"})
    world.marketo.faults.plan("write", *([fault] * (6 if fault.kind == "down" else 1)))
    world.cycle()
    world.marketo.faults.clear()
    world.dynamics.edit(table, row, {"jobtitle": "old"})
    world.settled()
    world.clock.advance(days * 86_400)
    for title in ("theirs", "ours"):
        world.marketo.edit(person, {"title": title})
        world.settled()

    assert ("ours", "ours") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(("table", "side"), [("lead", Side.MARKETO), ("contact", Side.DYNAMICS)])
@pytest.mark.parametrize("field", ["job_title", "city"])
def test_a_plan_leaves_alone_what_was_edited_on_the_losing_side(
    table: str, side: Side, field: str
) -> None:
    """
    Invariant 25: a record changed after the plan was made, on the side that is not right.

    What would be written is the same as before, but nobody who saw the plan knew of a collision.
    """
    world = World()
    person, row = world.linked(table, jobtitle="old", address1_city="old")
    edits: dict[Side, Callable[[str], None]] = {
        Side.MARKETO: lambda text: world.marketo.edit(person, {_NAMES[field][0]: text}),
        Side.DYNAMICS: lambda text: world.dynamics.edit(table, row, {_NAMES[field][1]: text}),
    }
    edits[side]("right")
    plan = world.sync.plan()
    edits[side.other]("later")
    before = world.both(person, table, row, field)
    report = world.sync.apply(plan)

    assert before == world.both(person, table, row, field)
    assert 1 == report.count(OutcomeKind.DEFERRED)


_NAMES = {"job_title": ("title", "jobtitle"), "city": ("city", "address1_city")}


@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("expired", [False, True])
def test_a_person_of_whose_making_nobody_heard_and_whose_record_was_deleted(
    table: str,
    kind: str,
    expired: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    """R45: the person was made, the answer was lost, the record was deleted: it says so."""
    world = World()
    world.sync.guards = Guards(allow_empty=True)
    world.cycle()
    row = world.dynamics.create(table, {"lastname": "Lee"})
    world.marketo.faults.plan("write", _FAULTS[kind])
    try:
        world.cycle()
    except SimulatedCrash:
        assert kind == "crash_after"
    person = _only(world)
    world.dynamics.delete(table, row)
    if expired:
        world.dynamics.expire_cursors()
    world.settled()

    assert [person] == world.people_of(row)
    assert world.person(person)["microsoftIsDeleted"] is True
    assert not world.person(person)["microsoftType"]


_FAULTS = {"lost_response": Fault("lost_response"), "crash_after": Fault("crash_after")}


def _only(world: World) -> RecordId:
    ((id_, _),) = world.marketo.people()
    return id_


@pytest.mark.parametrize("table", TABLES)
def test_a_record_that_a_full_read_no_longer_shows_is_not_made(table: str) -> None:
    """Invariant 16: a row waits to become a person; it goes, and so does the cursor."""
    world = World()
    world.cycle()
    row = world.dynamics.create(table, {"lastname": "Lee"})
    world.marketo.faults.plan("write", Fault("throttled", scope="day"))
    world.cycle()
    world.dynamics.delete(table, row)
    world.dynamics.expire_cursors()
    world.settled()

    assert 0 == world.marketo.count()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(3, 7))
def test_a_right_that_is_given_back_after_a_crash_while_its_values_went(at: int, when: str) -> None:
    """
    Invariants 13 and 17: the rows of the store had lost a field, the layout had it still.

    The right came back, the layout fitted the terms again, and nobody moved the rows.
    """
    replay(
        [
            ("take_read", {}),
            ("crashing_commit", {"at": at, "when": when, "who": 0, "edit": ("first_name", "Bo")}),
            ("give_read", {}),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("first_name", "Zoë")}),
        ]
    )


@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
def test_an_edit_after_a_write_of_which_nobody_heard(kind: str) -> None:
    """
    Invariants 4 and 13: our write reached Marketo, the answer did not reach us.

    Dynamics moves on. What Marketo holds is ours, and no edit that could win over the new one.
    """
    world = World()
    person, row = world.linked("lead", jobtitle="old")
    world.dynamics.edit("lead", row, {"jobtitle": "one"})
    world.marketo.faults.plan("write", _FAULTS[kind])
    try:
        world.cycle()
    except SimulatedCrash:
        assert kind == "crash_after"
    world.dynamics.edit("lead", row, {"jobtitle": "two"})
    world.settled()

    assert ("two", "two") == world.both(person, "lead", row, "job_title")


@pytest.mark.parametrize("waiting", [False, True])
def test_an_edit_taken_back_after_a_write_of_which_nobody_heard(waiting: bool) -> None:  # noqa: FBT001 - a case
    """
    Invariants 1 and 4: our write reached Marketo unheard, and its feed is silent.

    Meanwhile Dynamics goes back to what it held before. The echo comes at last: what Marketo
    holds is ours and old, whether or not something else of the record is *waiting* for a person.
    """
    before = [("collide", {"at": 1, "choices": (0, 7), "name": "city", "settle": False})]
    replay(
        [
            *(before if waiting else []),
            ("hold_back_feed", {}),
            (
                "faulty_writes",
                {
                    "at": 3,
                    "choice": 10,
                    "kinds": ["lost_response", "throttled", "partial", "lost_request"],
                    "name": "unsubscribed",
                    "sides": [Side.MARKETO, Side.DYNAMICS],
                },
            ),
        ]
    )


def test_an_overwritten_edit_whose_record_was_deleted_before_the_feed_told_of_it() -> None:
    """Invariant 31: the record is brought back, and Marketo's edit is right about a lead."""
    replay(
        [
            ("hold_back_feed", {}),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("first_name", "Zoë")}),
            ("edit", {"at": 0, "side": Side.DYNAMICS, "edit": ("first_name", None)}),
            ("run", {}),
            ("delete_in_dynamics", {"at": 0}),
            ("run", {}),
            ("hold_back_feed", {}),
            ("run", {}),
            ("undelete", {"at": 0}),
        ]
    )


# -- a write of which nobody heard, and an edit before the next run


_UNHEARD = pytest.mark.parametrize("kind", ["lost_response", "crash_after"])


def _unheard(world: World, side: Side, kind: str) -> None:
    """Run while the last answer of *side* to a write gets lost, one way or the other."""
    faults = world.marketo.faults if side is Side.MARKETO else world.dynamics.faults
    faults.plan("write", _FAULTS[kind])
    try:
        world.cycle()
    except SimulatedCrash:
        assert kind == "crash_after"
    faults.clear()


@pytest.mark.parametrize("later", ["newer", "old"])
@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_edited_in_marketo_after_an_unheard_write_to_dynamics(
    table: str, kind: str, later: str
) -> None:
    """Invariant 4: what Dynamics holds is Marketo's own older value, and no edit of Dynamics'."""
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.marketo.edit(person, {"title": "new"})
    _unheard(world, Side.DYNAMICS, kind)
    world.marketo.edit(person, {"title": later})
    world.settled()

    assert (later, later) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("later", ["newer", "old"])
@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_edited_in_dynamics_after_an_unheard_write_to_marketo(
    table: str, kind: str, later: str
) -> None:
    """Invariant 4: nor is what Marketo holds an edit of Marketo's, whatever its feed says."""
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.marketo.hold_back()
    world.dynamics.edit(table, row, {"jobtitle": "new"})
    _unheard(world, Side.MARKETO, kind)
    world.dynamics.edit(table, row, {"jobtitle": later})
    world.cycle()
    world.marketo.release()
    world.settled()

    assert (later, later) == world.both(person, table, row, "job_title")


@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_edited_in_dynamics_after_an_unheard_making_of_the_person(table: str, kind: str) -> None:
    """Invariants 4, 12: one person, and what was edited since is told from what was sent."""
    world = World()
    row: RecordId = {"lead": world.lead, "contact": world.contact}[table](jobtitle="old")
    _unheard(world, Side.MARKETO, kind)
    world.dynamics.edit(table, row, {"jobtitle": "new"})
    report = world.cycle()
    world.settled()
    person = world.person_of(row)

    assert ("new", "new") == world.both(person, table, row, "job_title")
    assert 1 == report.records
    assert ["created", "updated"] == [entry.kind for entry in world.recorder.entries[-2:]]


@pytest.mark.parametrize("silent", [False, True])
@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_edited_in_marketo_after_an_unheard_making_of_the_person(
    table: str,
    kind: str,
    silent: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    """Invariant 4: Dynamics has no other opinion than the one that we wrote."""
    world = World()
    row: RecordId = {"lead": world.lead, "contact": world.contact}[table](jobtitle="old")
    _unheard(world, Side.MARKETO, kind)
    person = world.person_of(row)
    if silent:
        world.marketo.hold_back()
    world.marketo.edit(person, {"title": "new", "city": "Oslo"})
    world.cycle()
    world.marketo.release()
    world.settled()

    assert ("new", "new") == world.both(person, table, row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")


@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_edited_in_marketo_after_an_unheard_push(table: str, kind: str) -> None:
    """Invariants 4, 12, 34: one record, made once, and the newer value goes there."""
    world = World()
    person = world.marketo.create_person({"lastName": "Lee", "title": "old"})
    world.sync.sync_person(person, as_=table, when="queued")
    _unheard(world, Side.DYNAMICS, kind)
    world.marketo.edit(person, {"title": "new"})
    world.settled()
    (row,) = world.dynamics.rows(table)

    assert ("new", "new") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("table", TABLES)
def test_the_right_to_write_is_taken_after_an_unheard_write(table: str) -> None:
    """A18: what was sent was sent, though it could not be sent now."""
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.marketo.edit(person, {"title": "new"})
    _unheard(world, Side.DYNAMICS, "crash_after")
    world.dynamics.secure(table, "jobtitle", Access.READ)
    world.marketo.edit(person, {"title": "newer"})
    world.cycle()
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()

    assert ("newer", "newer") == world.both(person, table, row, "job_title")


def test_what_was_heard_is_counted_once() -> None:
    """Every record is in one bucket: made by a run that died, and found by the next."""
    world = World()
    rows = [world.lead(jobtitle="a") for _ in range(3)]
    _unheard(world, Side.MARKETO, "crash_after")
    report = world.cycle()

    assert 3 == report.records == report.count(OutcomeKind.CREATED)
    assert 3 == len({world.person_of(row) for row in rows})
    assert world.store.get("unanswered") is None


@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("later", ["old", "other"])
def test_put_back_in_marketo_after_an_unheard_write_there(
    table: str, kind: str, later: str
) -> None:
    """Invariant 4: the feed tells that ours was there when somebody entered another value."""
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.dynamics.edit(table, row, {"jobtitle": "new"})
    _unheard(world, Side.MARKETO, kind)
    world.marketo.edit(person, {"title": later})
    world.settled()

    assert (later, later) == world.both(person, table, row, "job_title")


@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_an_opt_out_after_an_unheard_opt_in(table: str, kind: str) -> None:
    """A17: a person who opts out again stays out."""
    world = World()
    person, row = world.linked(table, donotbulkemail=True)
    world.dynamics.edit(table, row, {"donotbulkemail": False})
    _unheard(world, Side.MARKETO, kind)
    world.marketo.edit(person, {"unsubscribed": True})
    world.settled()

    assert (True, True) == world.both(person, table, row, "unsubscribed")


@pytest.mark.parametrize("kind", ["lost_response", "crash_after", "crash_before"])
@pytest.mark.parametrize("table", TABLES)
def test_the_value_that_lost_is_journalled_whatever_is_heard(table: str, kind: FaultKind) -> None:
    """Invariant 6: who won and what lost is known, though the answer is not."""
    world = World()
    person, row = world.linked(table, jobtitle="old")
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    faults = world.dynamics.faults if table == "lead" else world.marketo.faults
    faults.plan("write", Fault(kind))
    with suppress(SimulatedCrash):
        world.cycle()
    faults.clear()
    world.settled()
    lost = {c.lost for entry in world.sync.explain(table, dynamics=row) for c in entry.changes}

    assert {"lead": "Dynamics'", "contact": "Marketo's"}[table] in lost


@pytest.mark.parametrize("late", Side)
@pytest.mark.parametrize("what", ["put", "yields"])
def test_what_lost_on_both_sides_is_journalled_though_one_was_not_told(
    what: str, late: Side
) -> None:
    """Invariant 6, A16: the process dies between two writes; the next run takes one for news."""
    world = World()
    person, row = world.linked("lead")
    if what == "put":
        world.sync.policy = lambda _: Put("Rome", "neither")
        world.marketo.edit(person, {"city": "Paris"})
        world.dynamics.edit("lead", row, {"address1_city": "Bonn"})
    else:
        world.marketo.edit(person, {"subject": "A", "microsoftTopic": "B"})
    faults = world.marketo.faults if late is Side.MARKETO else world.dynamics.faults
    faults.plan("write", Fault("crash_before"))
    with suppress(SimulatedCrash):
        world.cycle()
    world.settled()
    lost = {c.lost for entry in world.sync.explain("lead", dynamics=row) for c in entry.changes}
    both = world.both(person, "lead", row, "city")

    assert (Pair("Paris", "Bonn") if what == "put" else "B") in lost
    assert what == "yields" or ("Rome", "Rome") == both


@pytest.mark.parametrize("allowed", [FULL_ACCESS ^ Access.CREATE, Access.READ])
@_UNHEARD
@pytest.mark.parametrize("table", TABLES)
def test_what_an_unheard_push_did_not_send_is_not_emptied(
    table: str, kind: str, allowed: Access
) -> None:
    """Invariants 9, 19: a column that the new record may not be given is empty, and not cleared."""
    world = World()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Analyst"})
    world.dynamics.secure(table, "jobtitle", allowed)
    world.sync.sync_person(person, as_=table, when="queued")
    _unheard(world, Side.DYNAMICS, kind)
    world.settled()
    (row,) = world.dynamics.rows(table)
    told = "Analyst" if Access.UPDATE in allowed else None

    assert ("Analyst", told) == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("fault", ["throttled", "lost_request", "lost_response", "crash_after"])
@pytest.mark.parametrize("late", list(Side), ids=lambda side: side.value)
def test_what_a_policy_puts_is_put_once(late: Side, fault: FaultKind) -> None:
    """Invariants 3, 12: one side is told later, the same, and the policy is not asked again."""
    world = World()
    world.sync.policy = lambda c: Put(f"{c.values.marketo}; {c.values.dynamics}", "both")
    person, row = world.linked("contact", jobtitle="old")
    world.marketo.edit(person, {"title": "M"})
    world.dynamics.edit("contact", row, {"jobtitle": "D"})
    faults = world.marketo.faults if late is Side.MARKETO else world.dynamics.faults
    faults.plan("write", Fault(fault, scope="day") if fault == "throttled" else Fault(fault))
    with suppress(SimulatedCrash):
        world.cycle()
    faults.clear()
    world.settled()

    assert ("M; D", "M; D") == world.both(person, "contact", row, "job_title")


def test_an_unheard_write_of_long_ago_is_no_echo() -> None:
    """Invariant 4: what Marketo never held is agreed on by nobody, however late the next run is."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.edit("contact", row, {"firstname": "Zoë"})
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.cycle()
    world.marketo.edit(person, {"firstName": "Bo"})
    world.cycle(90_000)
    world.settled()

    assert ("Zoë", "Zoë") == world.both(person, "contact", row, "first_name")


def test_a_person_is_made_whole_though_one_field_alone_waits() -> None:
    """R46: the person that is made anew holds what its record holds, told lately or not."""
    world = World()
    world.sync.policy = manual
    person, row = world.linked("contact", firstname="Ada", lastname="King", jobtitle="T")
    world.dynamics.edit("contact", row, {"jobtitle": "U"})
    world.meanwhile(person, {"title": "V"})
    world.settled()
    world.marketo.delete(person)
    world.settled()
    anew = world.person(world.person_of(row))

    assert ("Ada", "King", "U") == tuple(anew[n] for n in ("firstName", "lastName", "title"))


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_right_that_came_after_an_unheard_push_sends_what_it_could_not(table: str) -> None:
    """Invariant 4: a field that the push may not have sent is not taken for emptied since."""
    world = World()
    world.settled()
    person = world.marketo.create_person({"lastName": "Pia", "title": "T", "company": "-"})
    world.dynamics.secure(table, "jobtitle", Access.READ)
    world.dynamics.faults.plan("write", Fault("crash_after"))
    with suppress(SimulatedCrash):
        world.sync.sync_person(person, as_=table)
    world.dynamics.secure(table, "jobtitle", FULL_ACCESS)
    world.settled()
    (row,) = world.dynamics.rows(table)

    assert ("T", "T") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("between", [None, "Clerk of works"])
@pytest.mark.parametrize("table", ["lead", "contact"])
def test_the_same_value_is_written_again_after_a_write_that_was_never_made(
    table: str, between: str | None
) -> None:
    """Invariant 4: the echo of a write is not taken for that of an earlier one of its value."""
    world = World()
    person, row = world.linked(table, jobtitle="Boss")
    world.dynamics.edit(table, row, {"jobtitle": "Clerk"})
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.cycle()
    world.dynamics.edit(table, row, {"jobtitle": between})
    world.cycle()
    world.dynamics.edit(table, row, {"jobtitle": "Clerk"})
    world.settled()

    assert ("Clerk", "Clerk") == world.both(person, table, row, "job_title")


def test_somebody_enters_what_a_write_was_to_bring_that_was_never_made() -> None:
    """Invariant 4: what was looked for and was not there is nobody's echo any more."""
    world = World()
    person, row = world.linked("lead", firstname="Ada")
    world.dynamics.edit("lead", row, {"firstname": "Zoë"})
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.cycle()
    world.marketo.edit(person, {"firstName": "Bo"})
    world.cycle()
    world.marketo.edit(person, {"firstName": "Zoë"})
    world.settled()

    assert ("Zoë", "Zoë") == world.both(person, "lead", row, "first_name")


def test_a_record_that_is_deleted_again_before_its_return_was_dealt_with() -> None:
    """Invariant 18: its return waits in the backlog, and only a full read tells of the delete."""
    replay(
        [
            ("new_in_dynamics", {"entity": "lead"}),
            ("delete_in_marketo", {"at": 0, "edit": ("first_name", "Ada")}),
            (
                "delete_for_a_while",
                {"at": 2, "side": Side.MARKETO, "edit": ("email", "b@example.org")},
            ),
            ("take_read", {}),
            ("new_in_dynamics", {"entity": "lead"}),
            (
                "late_rows",
                {
                    "at": 0,
                    "names": ("first_name", "first_name"),
                    "choices": (0, 0),
                    "noise": 493799014,
                },
            ),
            ("expire", {"run": False}),
            ("delete_in_dynamics", {"at": 2}),
        ]
    )


def test_a_value_that_is_first_read_after_its_person_was_deleted_makes_no_new_person() -> None:
    """R46 wants a change, and what was never read before has no base to differ from."""
    replay(
        [
            ("take_read", {}),
            (
                "delete_for_a_while",
                {"at": 0, "side": Side.MARKETO, "edit": ("first_name", "Ada")},
            ),
            ("give_read", {}),
            (
                "delete_in_marketo",
                {"at": 0, "edit": ("email", "b@example.org"), "noise": 408661510},
            ),
        ]
    )


def test_a_write_whose_echo_comes_while_an_earlier_one_is_still_looked_for() -> None:
    """Invariants 4 and 13: whoever puts the old value back after our write means it."""
    replay(
        [
            (
                "faulty_writes",
                {
                    "at": 0,
                    "choice": 7,
                    "kinds": ["lost_request", "lost_response", "partial", "throttled"],
                    "name": "email",
                    "sides": [Side.MARKETO, Side.DYNAMICS],
                },
            ),
            (
                "edit_after_no_answer",
                {
                    "again": Side.MARKETO,
                    "at": 0,
                    "choice": 0,
                    "kind": "lost_response",
                    "later": 7,
                    "name": "email",
                    "side": Side.MARKETO,
                },
            ),
        ]
    )


def test_what_was_there_before_a_write_of_long_ago_is_no_sign_of_a_block() -> None:
    """R24: a note of which no echo ever came is given up after a day, here as elsewhere."""
    replay(
        [
            ("delete_in_marketo", {"at": 0, "edit": ("first_name", None)}),
            (
                "faulty_runs",
                {
                    "kinds": [
                        *("lost_response", "throttled", "lost_request", "partial"),
                        *("crash_after", "crash_before", "down"),
                    ],
                    "operation": "write",
                    "side": Side.MARKETO,
                    "skip": 0,
                },
            ),
            ("edit_before_the_echo", {"at": 0, "choice": 0, "later": 0, "name": "job_title"}),
        ]
    )


def test_a_right_that_is_gone_and_back_before_anybody_looked_changes_nothing() -> None:
    """R81 is about what was not read, and nothing was missed here."""
    replay(
        [
            (
                "faulty_writes",
                {
                    "at": 0,
                    "choice": 0,
                    "kinds": ["throttled", "partial"],
                    "name": "email",
                    "sides": [Side.MARKETO, Side.DYNAMICS],
                },
            ),
            ("take_read", {}),
            ("give_read", {}),
        ]
    )


def test_a_right_that_is_back_after_a_run_that_died_at_once_changes_nothing() -> None:
    """It forgot nothing of what had been read, so that what one side changed is an edit as ever."""
    replay(
        [
            (
                "faulty_writes",
                {
                    "at": 0,
                    "choice": 0,
                    "kinds": ["throttled", "partial", "lost_response", "lost_request"],
                    "name": "email",
                    "sides": [Side.MARKETO, Side.DYNAMICS],
                },
            ),
            ("take_read", {}),
            (
                "crashing_commit",
                {"at": 1, "edit": ("first_name", "Ada"), "when": "before", "who": 0},
            ),
            ("give_read", {}),
        ]
    )


def test_who_enters_what_is_there_already_has_had_no_turn() -> None:
    """A refused value waits, so that the two differ, and Dynamics is told what it holds."""
    replay(
        [
            ("meet", {"also": "nobody", "entity": "lead"}),
            ("late_rows", {"at": 2, "choices": (0, 0), "names": ("email", "job_title")}),
            ("collide", {"at": 5, "choices": (6, 8), "name": "job_title", "settle": False}),
            (
                "take_turns",
                {
                    "at": 4,
                    "choices": (0, 0),
                    "first": Side.MARKETO,
                    "name": "job_title",
                    "pause": 60,
                },
            ),
        ]
    )


def test_made_again_unheard_and_a_right_taken_since() -> None:
    """
    R46, invariant 12: nobody is to be made any more, for what changed may not be read now.

    But somebody was made, and nobody heard of it.
    """
    replay(
        [
            ("delete_in_marketo", {"at": 0, "edit": ("email", "b@example.org")}),
            ("take_read_for_a_while", {"at": 0, "here": "a@example.org", "noise": 668578878}),
        ]
    )


@pytest.mark.parametrize("kind", ["lost_response", "crash_after"])
@pytest.mark.parametrize("table", TABLES)
def test_made_again_unheard_while_what_changed_may_not_be_read(table: str, kind: str) -> None:
    """R46: the person who was made is linked, though nothing would make them now."""
    world = World()
    person, row = world.linked(table, emailaddress1="a@example.org")
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit(table, row, {"emailaddress1": "b@example.org"})
    _unheard(world, Side.MARKETO, kind)
    world.dynamics.secure(table, "emailaddress1", Access(0))
    world.settled()
    made = world.person_of(row)
    world.marketo.edit(made, {"city": "Oslo"})
    world.settled()

    assert ("Oslo", "Oslo") == world.both(made, table, row, "city")
    assert 1 == world.marketo.count()


def test_an_edit_in_dynamics_after_a_note_whose_echo_was_forgotten() -> None:
    """R24, invariant 4: what the person holds came of a later write, and is not taken for kept."""
    same = {"at": 0, "name": "job_title", "choices": (0, 0)}
    told: list[dict[str, object]] = [
        {"first": Side.MARKETO, "pause": 60, "noise": 358441481},
        {"first": Side.DYNAMICS, "pause": 7200, "noise": 779721721},
        {"first": Side.MARKETO, "pause": 60, "noise": 488385674},
        {"first": Side.DYNAMICS, "pause": 60, "noise": 661951511},
    ]
    turns = [("take_turns", {**same, **more}) for more in told]
    replay(
        [
            ("delete_in_dynamics", {"at": 0}),
            turns[0],
            ("forget_changes", {"run": False}),
            *turns[1:],
            ("expire", {"run": True}),
        ]
    )


def test_a_later_write_came_back_and_an_earlier_one_never_will() -> None:
    """R24, invariant 4: what is there by a later write is no sign that an earlier one was kept."""
    world = World()
    person, row = world.linked("contact", jobtitle="agreed")
    world.marketo.edit(person, {"title": "lost"})
    world.dynamics.edit("contact", row, {"jobtitle": "won"})
    world.cycle()
    world.marketo.forget_changes()
    world.cycle()
    for title in ("lost", "agreed"):
        world.dynamics.edit("contact", row, {"jobtitle": title})
        world.cycle()
    world.settled()

    assert ("agreed", "agreed") == world.both(person, "contact", row, "job_title")


def test_put_back_after_a_write_that_was_sent_twice() -> None:
    """Invariant 4: Dynamics refused the rest of the record, and Marketo did not answer."""
    replay(
        [
            ("edit_both", {"at": 0, "edit": ("job_title", "bad"), "other": ("first_name", "Ada")}),
            (
                "edit_after_no_answer",
                {
                    "at": 0,
                    "side": Side.MARKETO,
                    "name": "first_name",
                    "choice": 0,
                    "later": 0,
                    "kind": "lost_response",
                    "again": Side.MARKETO,
                },
            ),
        ]
    )


def test_an_edit_that_goes_back_to_a_person_who_is_marketos_alone_goes_back_once() -> None:
    """A7, invariant 2: what it replaces there is what the person holds, and no edit."""
    loud: dict[str, object] = {"at": 0, "loud": ("first_name", "ada!")}
    fill: dict[str, object] = {"at": 0, "side": Side.DYNAMICS, "noise": 138431681}
    replay(
        [
            ("hold_back_feed", {}),
            ("insist", {**loud, "noise": 126776937}),
            (
                "delete_for_a_while",
                {"at": 5, "side": Side.MARKETO, "edit": ("first_name", None)},
            ),
            ("fill_a_column", fill),
            ("delete_in_dynamics", {"at": 0}),
            ("insist", {**loud, "noise": 630491197}),
            ("fill_a_column", {"at": 0, "side": Side.MARKETO}),
        ]
    )


def test_an_edit_of_what_was_put_back_counts_against_what_the_two_agreed_on() -> None:
    """Invariants 9 and 31: it came after that of Dynamics, and is no edit taken back."""
    turns: dict[str, object] = {"first": Side.DYNAMICS, "choices": (0, 0), "pause": 60}
    plan: dict[str, object] = {"side": Side.MARKETO, "name": "first_name", "choice": 0}
    replay(
        [
            ("hold_back_feed", {}),
            ("collide", {"at": 0, "name": "job_title", "choices": (6, 7), "settle": False}),
            ("plan_and_apply", {"at": 0, **plan}),
            ("take_turns", {"at": 0, "name": "job_title", **turns}),
        ]
    )


def test_two_that_differ_never_count_as_agreed() -> None:
    """Invariants 1 and 14: a value that came back was to be undone, and Marketo keeps it."""
    late = {"at": 4, "names": ("unsubscribed", "job_title"), "choices": (0, 0)}
    replay(
        [
            ("push", {"entity": "lead", "whens": ["now", "queued"], "count": 3}),
            ("forget_an_echo", {"at": 4, "choices": (0, 0)}),
            ("forget_changes", {"run": False}),
            ("late_rows", late),
        ]
    )


def test_a_column_that_is_new_since_a_delete_holds_nothing() -> None:
    """A7, R81: the record comes back without a value where the column has another name now."""
    there: dict[str, object] = {"side": Side.DYNAMICS, "when": "before our read"}
    replay(
        [
            (
                "overwrite",
                {
                    **there,
                    "at": 0,
                    "name": "city",
                    "choice": 0,
                    "later": 0,
                    "times": 2,
                    "who": "by a person",
                },
            ),
            ("delete_in_dynamics", {"at": 1}),
            (
                "rename_column",
                {"entity": "contact", "at": 0, "edit": ("first_name", "Ada"), "later": False},
            ),
            ("undelete", {"at": 1}),
        ]
    )


def test_an_edit_that_dynamics_makes_into_what_was_agreed_on_brings_nobody_back() -> None:
    """R46: the record is as it was when it was last agreed on."""
    names = {"names": ("first_name", "first_name"), "choices": (1, 8), "noise": 698679992}
    replay(
        [
            ("insist", {"at": 0, "loud": ("first_name", "bo!!"), "noise": 860511332}),
            ("late_rows", {"at": 0, **names}),
            ("hold_back_feed", {}),
            ("delete_in_marketo", {"at": 5, "edit": ("first_name", "bo!!")}),
        ]
    )


def test_what_waits_and_is_taken_back_has_had_no_turn() -> None:
    """Invariant 9: a refused value that its person takes back is no edit."""
    over = {"at": 0, "side": Side.MARKETO, "name": "job_title", "choice": 0, "during": "read"}
    crash = {"at": 1, "when": "before", "who": 0, "edit": ("job_title", "bad")}
    turns: dict[str, object] = {"first": Side.DYNAMICS, "choices": (0, 0), "pause": 60}
    replay(
        [
            ("overtake", over),
            ("crashing_commit", crash),
            ("take_turns", {"at": 0, "name": "job_title", **turns}),
        ]
    )


def test_emptied_in_a_person_whose_making_nobody_heard_of() -> None:
    """Invariant 4: it cannot be told from what was never sent there, and is sent."""
    names = {"at": 0, "names": ("first_name", "first_name"), "choices": (0, 0)}
    both = {"at": 0, "edit": ("email", "a@example.org"), "other": ("first_name", "Ada")}
    fill: dict[str, object] = {"at": 0, "side": Side.MARKETO, "noise": 508083278}
    replay(
        [
            ("push_later", {"entity": "lead"}),
            ("late_rows", names),
            ("edit_both", both),
            ("hold_back_feed", {}),
            ("new_in_dynamics", {"entity": "lead"}),
            ("fill_a_column", fill),
            ("hold_back_feed", {}),
            ("late_rows", {"at": 3, "names": ("first_name", "job_title"), "choices": (6, 9)}),
        ]
    )


def test_what_a_new_person_may_not_tell_differs() -> None:
    """R46: made again, edited since, and the right to say so was taken."""
    took = {"at": 0, "here": "a@example.org", "noise": 879341580}
    replay(
        [
            ("delete_in_marketo", {"at": 5, "edit": ("city", "Oslo")}),
            (
                "delete_for_a_while",
                {"at": 5, "side": Side.DYNAMICS, "edit": ("email", "a@example.org")},
            ),
            ("take_read_for_a_while", took),
            ("edit_both", {"at": 1, "edit": ("first_name", "Ada"), "other": ("email", None)}),
            ("take_update", {}),
        ]
    )


def test_who_writes_what_an_unheard_write_said_was_not_planned_for() -> None:
    """Invariant 22: it looks as if the write had arrived, and the plan knew that it had not."""
    kinds = ["throttled", "lost_request", "partial", "lost_response"]
    both = {"at": 0, "sides": [Side.DYNAMICS, Side.MARKETO], "name": "job_title", "choice": 3}
    stale = {"at": 0, "side": Side.MARKETO, "name": "job_title", "choice": 0, "later": (True, 11)}
    replay([("faulty_writes", {**both, "kinds": kinds}), ("apply_a_stale_plan", stale)])


def test_an_edit_that_went_with_the_person_is_not_owed() -> None:
    """R46: who is made again holds what Dynamics does, and what may not be told counts then."""
    overtaken = {"at": 0, "side": Side.MARKETO, "name": "email", "choice": 4, "during": "read"}
    replay(
        [
            ("hold_back_feed", {}),
            ("overtake", overtaken),
            ("delete_in_marketo", {"at": 0, "edit": ("job_title", None)}),
            ("take_update_for_a_while", {"at": 0, "value": "a@example.org"}),
        ]
    )


def test_what_dynamics_took_back_and_marketo_put_back_meets() -> None:
    """Invariant 1: the write was taken for swallowed, and nothing was left to agree on."""
    window = {"at": 0, "sides": [Side.DYNAMICS, Side.MARKETO], "name": "job_title"}
    stale = {"at": 0, "side": Side.MARKETO, "name": "job_title", "choice": 0, "later": (False, 0)}
    replay(
        [
            ("apply_a_stale_plan", stale),
            ("hold_back_feed", {}),
            ("edit_in_the_window", {**window, "choices": (1, 8, False)}),
        ]
    )


def test_what_nobody_answered_was_sent_though_the_record_is_held_by_now() -> None:
    """Invariant 13: one side refused in the run in which the other's answer was lost."""
    told = {"marketo": -3, "dynamics": 0, "hold": "record", "on_marketo_delete": "recreate"}
    kinds = ["lost_response", "lost_request", "partial", "throttled"]
    both = {"at": 0, "sides": [Side.MARKETO, Side.DYNAMICS], "name": "unsubscribed", "choice": 0}
    replay(
        [
            ("begin", told),
            ("collide", {"at": 0, "name": "job_title", "choices": (6, 6), "settle": False}),
            ("faulty_writes", {**both, "kinds": kinds}),
            ("plan_and_apply", {"at": 0, "side": Side.MARKETO, "name": "job_title", "choice": 0}),
        ]
    )


def test_what_we_overwrote_goes_back_when_its_record_is_free() -> None:
    """Invariant 31: the edit is heard of while another field holds the record."""
    told = {"marketo": 0, "dynamics": -3, "hold": "record", "on_marketo_delete": "suppress"}
    lost = {"side": Side.MARKETO, "entity": "lead", "name": "city", "at": 0}
    race = {"at": 0, "side": Side.DYNAMICS, "name": "email", "choice": 0, "during": "read"}
    both = {"at": 0, "edit": ("email", "b@example.org"), "other": ("first_name", "Ada")}
    replay(
        [
            ("begin", told),
            ("hold_back_feed", {}),
            ("lose_column", {**lost, "edit": ("first_name", "x" * 60)}),
            ("edit_both", both),
            ("race", race),
            ("clean", {}),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("first_name", "Ada")}),
        ]
    )


def test_who_is_made_again_may_be_left_to_a_person() -> None:
    """R46, R81: the column of a field was emptied by another name, and edited before both met."""
    lead = {"entity": "lead", "at": 0, "edit": ("first_name", "Ada"), "later": False}
    contact = {"entity": "contact", "at": 0, "edit": ("city", "Bergen"), "later": True}
    replay(
        [
            ("delete_in_marketo", {"at": 0, "edit": ("first_name", "Ada")}),
            ("rename_column", contact),
            ("rename_column", lead),
            ("edit", {"at": 0, "side": Side.DYNAMICS, "edit": ("city", "Oslo")}),
            ("clean", {}),
            ("edit", {"at": 0, "side": Side.DYNAMICS, "edit": ("city", "Bergen")}),
        ]
    )


def test_who_was_made_gets_the_id_though_the_record_is_held() -> None:
    """R33: the process died before it was told, and what came then is refused."""
    told = {"marketo": 3600, "dynamics": -3, "hold": "record", "on_marketo_delete": "recreate"}
    crash = {"at": 1, "when": "before", "who": 3, "edit": ("first_name", "x" * 60)}
    replay(
        [
            ("begin", told),
            ("new_in_dynamics", {"entity": "lead"}),
            ("push_later", {"entity": "lead"}),
            ("fill_a_column", {"at": 0, "side": Side.MARKETO, "noise": 1018950600}),
            ("crashing_commit", crash),
        ]
    )


def test_the_same_in_other_letters_is_an_edit_after_one_that_we_overwrote() -> None:
    """Invariant 31: whoever enters again what we wrote has decided."""
    took = {"at": 0, "value": "B@example.org", "noise": 904237760}
    replay(
        [
            ("hold_back_feed", {}),
            ("collide", {"at": 0, "name": "email", "choices": (0, 9), "settle": False}),
            ("take_update_for_a_while", took),
        ]
    )


def test_what_gave_way_before_a_delete_was_heard_of_makes_nobody() -> None:
    """R46: it was edited after the delete, and lost against an edit from before it."""
    replay(
        [
            ("take_update", {}),
            (
                "crashing_commit",
                {"at": 1, "when": "before", "who": 0, "edit": ("email", "a@example.org")},
            ),
            ("hold_back_feed", {}),
            ("delete_everywhere", {"at": 3, "noise": 62951963}),
            ("delete_in_marketo", {"at": 0, "edit": ("email", "B@example.org")}),
            ("take_update_for_a_while", {"at": 0, "value": "a@example.org", "noise": 998271484}),
        ]
    )


def test_a_push_that_nobody_heard_of_lacks_what_could_not_be_read_then() -> None:
    """R81: the record was made before the field could be read again, and may not be written."""
    replay(
        [
            ("push_later", {"entity": "contact"}),
            ("push_later", {"entity": "contact"}),
            ("new_in_dynamics", {"entity": "contact"}),
            ("take_read_for_a_while", {"at": 3, "here": "a@example.org", "noise": 113}),
            ("take_update", {}),
        ]
    )


def test_a_push_that_was_refused_for_good_goes_on_after_an_edit() -> None:
    """A20, liveness: who was given a name that Dynamics takes arrives there."""
    told = {"marketo": -7200, "dynamics": 0, "hold": "record", "on_marketo_delete": "recreate"}
    lost = {"side": Side.MARKETO, "entity": "lead", "name": "city", "at": 5}
    replay(
        [
            ("begin", told),
            ("push", {"entity": "lead", "whens": ["queued", "now"], "count": 1}),
            ("lose_column", {**lost, "edit": ("first_name", "x" * 60)}),
            (
                "automation",
                {"at": 0, "side": Side.MARKETO, "name": "first_name", "choice": 0, "later": 0},
            ),
            ("edit_both", {"at": 5, "edit": ("first_name", "Ada"), "other": ("first_name", "Ada")}),
        ]
    )


def test_an_echo_that_is_told_twice_is_no_echo_of_a_write_that_was_never_made() -> None:
    """Invariant 31: what our write replaced both had agreed on: it is no edit that comes back."""
    bad = {"at": 0, "bad": ("first_name", "x" * 60), "noise": 318304160}
    resolve = {"at": 0, "name": "city", "side": Side.MARKETO}
    replay(
        [
            ("delete_for_a_while", {"at": 0, "side": Side.DYNAMICS, "edit": ("city", "Oslo")}),
            ("delete_in_marketo", {"at": 5, "edit": ("first_name", "Ada")}),
            ("feed_manners", {"repeats": 2, "empty": 0}),
            ("take_back_what_was_refused", bad),
            ("resolve_by_hand", {**resolve, "choices": (6, 3), "noise": 723516625}),
            ("resolve_by_hand", {**resolve, "choices": (2, 10), "noise": 585861970}),
        ]
    )


def test_a_value_that_met_nothing_while_its_record_was_held_collides_from_then_on() -> None:
    """A28, R81: that Dynamics held nothing is the base, and a later edit there a collision."""
    told = {"marketo": -7200, "dynamics": 0, "hold": "record", "on_marketo_delete": "suppress"}
    crash = {"at": 1, "when": "before", "who": 0, "edit": ("email", "B@example.org")}
    kinds = ["lost_request", "lost_response", "partial", "throttled"]
    faults = {"at": 0, "sides": [Side.MARKETO, Side.DYNAMICS], "name": "job_title", "choice": 0}
    race = {"at": 0, "side": Side.DYNAMICS, "name": "email", "choice": 0, "during": "read"}
    replay(
        [
            ("begin", told),
            ("crashing_commit", crash),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("job_title", "bad")}),
            ("take_read_for_a_while", {"at": 3, "here": "a@example.org"}),
            ("race", race),
            ("faulty_writes", {**faults, "kinds": kinds}),
        ]
    )


def test_an_edit_that_goes_back_past_a_write_that_was_never_made() -> None:
    """Invariant 4: a note of a write that was lost makes no edit a write that was swallowed."""
    kinds = ["lost_request", "lost_response", "partial", "throttled"]
    field = {"at": 0, "name": "unsubscribed", "choice": 0}
    replay(
        [
            ("faulty_writes", {**field, "sides": [Side.MARKETO, Side.DYNAMICS], "kinds": kinds}),
            ("delete_and_push_again", {"at": 0}),
            ("race", {**field, "side": Side.MARKETO, "during": "read"}),
        ]
    )


def test_two_writes_at_one_moment_are_told_apart() -> None:
    """Invariant 31: an edit that was overwritten right after an upsert that nobody answered."""
    turns = {"at": 0, "name": "job_title", "first": Side.MARKETO, "choices": (0, 0), "pause": 60}
    collide = {"at": 0, "name": "email", "choices": (8, 4), "settle": True, "noise": 8647684}
    replay(
        [
            ("take_turns", {**turns, "noise": 789245169}),
            ("delete_in_marketo", {"at": 0, "edit": ("first_name", "Ada")}),
            ("hold_back_feed", {}),
            ("push_later", {"entity": "lead"}),
            ("new_in_dynamics", {"entity": "lead"}),
            ("collide", collide),
        ]
    )


def test_a_feed_is_not_forgotten_before_it_has_told_of_an_edit() -> None:
    """Invariant 31: what we overwrote, and a cursor that ends then, nobody could ever hear of."""
    edits = {"at": 0, "edit": ("first_name", "Bo"), "other": ("first_name", None)}
    resolve = {"at": 0, "name": "city", "side": Side.MARKETO, "choices": (0, 0)}
    replay(
        [
            ("hold_back_feed", {}),
            ("edit_both", edits),
            ("resolve_by_hand", {**resolve, "noise": 468664481}),
            ("hold_back_feed", {}),
            ("expire", {"run": True, "noise": 432889087}),
        ]
    )


def test_what_comes_back_waits_with_its_record_though_both_sides_agree() -> None:
    """Invariant 31: an edit that we overwrote goes back when nothing holds the record any more."""
    turns = {"at": 0, "name": "job_title", "first": Side.MARKETO, "choices": (0, 0), "pause": 60}
    window = {"at": 5, "sides": [Side.DYNAMICS, Side.MARKETO], "name": "job_title"}
    unheard = {"at": 0, "side": Side.MARKETO, "name": "first_name", "choice": 0, "later": 0}
    told = {"marketo": 3600, "dynamics": 0, "hold": "record", "on_marketo_delete": "recreate"}
    long = ("first_name", "x" * 60)
    replay(
        [
            ("begin", told),
            ("take_turns", turns),
            ("edit_in_the_window", {**window, "choices": (4, 9, True)}),
            ("crashing_commit", {"at": 1, "when": "before", "who": 0, "edit": long}),
            (
                "edit_after_no_answer",
                {**unheard, "kind": "lost_response", "again": Side.MARKETO},
            ),
            ("late_rows", {"at": 0, "names": ("first_name", "first_name"), "choices": (0, 0)}),
        ]
    )
