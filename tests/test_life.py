"""A record's life: first met, paused, echoed, deleted on either side, seen again, forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import pytest

from dynsync.backlog import LinkState
from dynsync.fields import Flow, Match
from dynsync.guards import Guards, Limit
from dynsync.kinds import IntegerKind
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.outcomes import OutcomeKind
from dynsync.policies import Put, manual
from dynsync.records import MISSING, Entity, Pair, RecordId, Side, Wire
from dynsync.sandbox import Fault, FaultKind
from dynsync.state import FeedState
from dynsync.terms import OnMarketoDelete
from support import CYCLE, World, before

BY_EMAIL = Match("email")
REFUSED = Fault("refused")


def contents(world: World) -> tuple[dict[RecordId, dict[str, Wire]], ...]:
    """Return everything that both systems hold, but for what they stamp themselves."""
    stamped = {"updatedAt", "modifiedon", "modifiedby", "versionnumber"}

    def bare(values: dict[str, Wire]) -> dict[str, Wire]:
        return {name: value for name, value in values.items() if name not in stamped}

    people = {id_: bare(values) for id_, values in world.marketo.people()}
    tables = [world.dynamics.rows(table) for table in ("lead", "contact")]
    return people, *({id_: bare(row) for id_, row in rows.items()} for rows in tables)


def by_email() -> World:
    """Return a world that matches people by e-mail."""
    return World(attrs.evolve(LEAD, match=BY_EMAIL), attrs.evolve(CONTACT, match=BY_EMAIL))


# -- the first load


def test_first_load_copies_everything() -> None:
    """R4: the first sync copies the whole Dynamics database to Marketo."""
    world = World()
    rows = [world.lead(firstname=f"L{number}", subject="Topic") for number in range(5)]
    rows += [world.contact(firstname=f"C{number}") for number in range(5)]
    report = world.cycle()

    assert 10 == report.count(OutcomeKind.CREATED)
    assert 10 == world.marketo.count() == len({world.person_of(row) for row in rows})
    assert {"lead": 5, "contact": 5} == world.sync.status().links


def test_first_load_writes_nothing_to_dynamics() -> None:
    """A29: in the first sync nothing goes to Dynamics, whatever Marketo holds."""
    world = World()
    row = world.contact(firstname="Ada", jobtitle="Analyst")
    world.marketo.create_person(
        {"crmContactId": row, "firstName": "Augusta", "lastName": "Kay", "city": "London"}
    )
    world.marketo.create_person({"lastName": "Stranger"})
    before = world.dynamics.rows("contact")
    report = world.cycle()

    assert 0 == report.writes[Side.DYNAMICS]
    assert before == world.dynamics.rows("contact")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_match_by_dynamics_id(table: str) -> None:
    """A28: a person that holds the id of a Dynamics row is that row's person."""
    world = World()
    row = world.lead() if table == "lead" else world.contact()
    held = "crmLeadId" if table == "lead" else "crmContactId"
    person = world.marketo.create_person({held: str(row).upper(), "lastName": "Lee"})
    world.settled()

    assert [person] == [id_ for id_, _ in world.marketo.people()]
    assert table.capitalize() == world.person(person)["microsoftType"]


@pytest.mark.parametrize(
    ("table", "expected"), [("lead", ("Augusta", "London")), ("contact", ("Ada", "London"))]
)
def test_base_after_first_meeting(table: str, expected: tuple[str, str]) -> None:
    """A28: where two records first meet, who has authority is right, and no value is lost."""
    world = World()
    row = world.dynamics.create(table, {"firstname": "Ada", "lastname": "Lee"})
    held = "crmLeadId" if table == "lead" else "crmContactId"
    person = world.marketo.create_person(
        {held: row, "firstName": "Augusta", "lastName": "Lee", "city": "London"}
    )
    world.settled()
    first_name = world.both(person, table, row, "first_name")
    city = world.both(person, table, row, "city")

    assert (expected[0], expected[0]) == first_name
    assert (expected[1], expected[1]) == city


@pytest.mark.parametrize(("table", "kept"), [("lead", "Ada"), ("contact", "Augusta")])
def test_what_lost_a_first_meeting_is_journalled(table: str, kept: str) -> None:
    """A28, invariant 6: whoever is right, the value that gives way is kept, before it does."""
    world = World()
    row = world.dynamics.create(table, {"firstname": "Ada", "lastname": "Lee"})
    held = "crmLeadId" if table == "lead" else "crmContactId"
    world.marketo.create_person({held: row, "firstName": "Augusta", "lastName": "Lee"})
    world.cycle()
    lost = {
        change.field: change.lost
        for entry in world.recorder.entries
        for change in entry.changes
        if change.lost is not MISSING
    }

    assert {"first_name": kept} == lost


def test_no_match_by_email_unless_asked() -> None:
    """R33: without asking, a person with the same e-mail address is somebody else."""
    world = World()
    world.marketo.create_person({"email": "ada@example.org"})
    world.contact(emailaddress1="ada@example.org")
    world.settled()

    assert 2 == world.marketo.count()


def test_match_by_email() -> None:
    """A28: if asked, exactly one person with the e-mail address is the one."""
    world = by_email()
    person = world.marketo.create_person({"email": "Ada@Example.org", "city": "London"})
    row = world.contact(emailaddress1="ada@example.org", firstname="Ada")
    world.settled()

    assert [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]
    assert ("London", "London") == world.both(person, "contact", row, "city")
    assert ("Ada", "Ada") == world.both(person, "contact", row, "first_name")


def test_ambiguous_email_links_nobody() -> None:
    """Invariant 27: two people with the e-mail address: nobody is linked, and it is told."""
    world = by_email()
    people = [world.marketo.create_person({"email": "ada@example.org"}) for _ in range(2)]
    row = world.contact(emailaddress1="ada@example.org")
    reports = [world.cycle(), world.cycle()]
    alone = world.people_of(row)
    world.marketo.edit(people[1], {"email": "other@example.org"})
    world.settled()

    assert [1, 1] == [report.count(OutcomeKind.AMBIGUOUS) for report in reports]
    assert [] == alone
    assert [people[0]] == world.people_of(row)
    assert 1 == sum(entry.kind == "ambiguous" for entry in world.recorder.entries)


def test_two_rows_for_one_email() -> None:
    """Invariant 27: two rows claim one person by e-mail: neither gets it."""
    world = by_email()
    world.marketo.create_person({"email": "ada@example.org"})
    rows = [world.contact(emailaddress1="ada@example.org") for _ in range(2)]
    report = world.cycle()

    assert 2 == report.count(OutcomeKind.AMBIGUOUS)
    assert [[], []] == [world.people_of(row) for row in rows]


def test_what_cannot_be_a_value_of_the_field_matches_nobody() -> None:
    """A28: a number is matched by, and what is none is not, alike as it is on both sides."""
    number = attrs.evolve(CONTACT.field("postal_code"), kind=IntegerKind())
    world = World(attrs.evolve(CONTACT.plus(number), match=Match("postal_code")))
    people = [world.marketo.create_person({"postalCode": code}) for code in ("42", "none")]
    rows = [world.contact(address1_postalcode=code) for code in ("42", "none")]
    world.settled()

    assert people[:1] == world.people_of(rows[0])
    assert people[1] not in world.people_of(rows[1])
    assert 1 == len(world.people_of(rows[1]))


def test_rows_with_one_email_in_different_pages() -> None:
    """Invariant 27: the order in which two claims for one person come in links neither late."""
    world = by_email()
    person = world.marketo.create_person({"email": "ada@example.org"})
    first = world.contact(emailaddress1="ada@example.org")
    world.settled()
    second = world.contact(emailaddress1="ada@example.org")
    world.settled()

    assert [person] == world.people_of(first)
    assert person not in world.people_of(second)


def test_rows_with_one_email_far_apart_in_the_backlog() -> None:
    """Invariant 27: a claim is judged across both systems, not across what is at hand."""
    world = by_email()
    world.marketo.create_person({"email": "ada@example.org"})
    names = ["ada", *(f"n{number}" for number in range(1, 1499)), "Ada"]
    values = [{"lastname": "Lee", "emailaddress1": f"{name}@example.org"} for name in names]
    rows = world.dynamics.create_all("contact", values)
    report = world.cycle()

    assert 2 == report.count(OutcomeKind.AMBIGUOUS)
    assert 1498 == report.count(OutcomeKind.CREATED)
    assert [[], []] == [world.people_of(row) for row in (rows[0], rows[-1])]


@pytest.mark.parametrize("distance", [0, 1500])
@pytest.mark.parametrize("before", [False, True])
def test_the_email_of_a_person_who_is_linked(distance: int, before: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Invariant 27: the only person with the address is a contact already, and no lead as well."""
    world = by_email()
    contact = world.contact(emailaddress1="ada@example.org")
    person = world.marketo.create_person({"crmContactId": contact, "email": "ada@example.org"})
    if before:
        world.settled()
    for table in ("contact", "lead"):
        names = [f"{table}{number}" for number in range(distance)]
        values = [{"lastname": "Lee", "emailaddress1": f"{name}@example.org"} for name in names]
        world.dynamics.create_all(table, values)
    lead = world.lead(emailaddress1="ada@example.org")
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS, "lead")
    assert [person] == world.people_of(contact)
    assert [] == world.people_of(lead)


@pytest.mark.parametrize("lost", [False, True])
def test_a_person_of_two_rows(lost: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """Invariant 27: a person holds the ids of a lead and a contact: linked once, and no crash."""
    world = World()
    lead, contact = world.lead(firstname="Ada"), world.contact(firstname="Ada")
    other = world.contact(firstname="Grace")
    person = world.marketo.create_person(
        {"crmLeadId": lead, "crmContactId": contact, "lastName": "Lee"}
    )
    report = world.cycle()
    if lost:
        world.sync.store = MemoryStore()
    world.settled()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert 2 == world.marketo.count()
    assert 1 == len(world.people_of(other))
    assert [person] == world.people_of(lead) == world.people_of(contact)


@pytest.mark.parametrize("first", ["lead", "contact"])
@pytest.mark.parametrize(("table", "label"), [("lead", "Lead"), ("contact", "Contact")])
def test_a_person_of_two_rows_says_which(table: str, label: str, first: str) -> None:
    """Invariant 27: what they were before the state was lost they are again, and not the other."""
    world = World()
    rows: dict[str, RecordId] = {}
    for name in sorted(IDS, key=lambda name: name != first):
        rows[name] = world.dynamics.create(name, {"lastname": name, "jobtitle": name})
        world.clock.advance(60)
    ids = {IDS[name]: row for name, row in rows.items()}
    person = world.marketo.create_person({"lastName": "Lee", "microsoftType": label, **ids})
    other = "contact" if table == "lead" else "lead"
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS, other)
    assert Pair(person, rows[table]) == world.sync.link(table, person=person)
    assert (other, other) == tuple(
        world.row(other, rows[other])[name] for name in ("lastname", "jobtitle")
    )


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_a_person_of_two_rows_of_which_one_is_gone(gone: str) -> None:
    """R45: they are the one that is there, and are never told that they are deleted."""
    world = World()
    person, row = world.linked(gone, firstname="Ada")
    world.dynamics.delete(gone, row)
    world.settled()
    world.marketo.edit(person, {"company": "Roe"})
    kept = "contact" if gone == "lead" else "lead"
    made = world.sync.sync_person(person, as_=kept).dynamics
    world.settled()
    flags: list[Wire] = []

    def note(values: Mapping[str, Wire]) -> dict[str, Wire]:
        flags.append(values["microsoftIsDeleted"])
        return {}

    world.marketo.when_changed("microsoftIsDeleted", note)
    world.store = world.sync.store = MemoryStore()
    report = world.cycle()
    world.settled()

    assert 0 == report.count(OutcomeKind.AMBIGUOUS)
    assert [] == flags
    assert Pair(person, made) == world.sync.link(kept, person=person)


def test_a_person_who_gets_a_second_id() -> None:
    """Invariant 27: a linked person is given another row's id: that row is not linked to it."""
    world = World()
    person, lead = world.linked("lead", firstname="Ada")
    contact = world.contact(firstname="Grace")
    world.marketo.edit(person, {"crmContactId": contact})
    report = world.cycle()
    name = world.both(person, "lead", lead, "first_name")
    world.marketo.edit(person, {"crmContactId": None})
    for _ in range(4):
        world.cycle(3600)

    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert ("Ada", "Ada") == name == world.both(person, "lead", lead, "first_name")
    assert [person] == world.people_of(lead)
    assert person != world.person_of(contact)


@pytest.mark.parametrize("told", [True, False])
def test_a_person_who_gets_a_new_id_after_a_delete(told: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """A7: its row is gone, and somebody gives it another one's id: it is linked to that."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.delete("contact", row)
    if told:
        world.settled()
    anew = world.contact(firstname="Ada")
    world.marketo.edit(person, {"crmContactId": anew})
    world.settled()
    world.dynamics.edit("contact", anew, {"jobtitle": "Countess"})
    world.settled()

    assert [person] == world.people_of(anew) == [id_ for id_, _ in world.marketo.people()]
    assert ("Countess", "Countess") == world.both(person, "contact", anew, "job_title")
    assert ("Contact", False) == tuple(
        world.person(person)[name] for name in ("microsoftType", "microsoftIsDeleted")
    )


# -- pause and resume


def test_pause_and_resume_lose_nothing() -> None:
    """R6: what changes while the sync is off is synced after it is on again."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.sync.pause()
    paused = world.cycle()
    world.marketo.edit(person, {"city": "London"})
    world.dynamics.edit("contact", row, {"jobtitle": "Countess"})
    new = world.lead(firstname="Grace")
    world.cycle()
    untouched = world.row("contact", row)["address1_city"]
    world.sync.resume()
    world.settled()

    assert paused.paused
    assert 0 == paused.calls.total()
    assert untouched is None
    assert ("London", "London") == world.both(person, "contact", row, "city")
    assert ("Countess", "Countess") == world.both(person, "contact", row, "job_title")
    assert "Grace" == world.person(world.person_of(new))["firstName"]


def test_a_paused_cycle_is_not_the_last_run() -> None:
    """R6: what the last run came to is still to be seen while the sync is off."""
    world = World()
    world.linked("contact", jobtitle="Analyst")
    before = world.sync.status()
    world.sync.pause()
    world.cycle()
    paused = world.sync.status()

    assert before.last_run is not None
    assert (before.last_run, before.last_run_at) == (paused.last_run, paused.last_run_at)
    assert (False, True) == (before.paused, paused.paused)


# -- where the sync stands


def test_status_of_nothing_to_do() -> None:
    """Where nothing waits, nothing takes any time, and where the pace is not known nobody knows."""
    world = World()
    never = world.sync.status()
    world.linked("contact")
    idle = world.sync.status()

    assert (None, None) == (never.last_run, never.last_run_at)
    assert (0, 0.0) == (idle.due, idle.eta)
    assert (0, 0.0) == (never.due, never.eta)


def test_only_a_sync_that_runs_is_healthy() -> None:
    """A sync that never ran is not healthy, nor one whose last run could not reach a system."""
    world = World()
    never = world.sync.status()
    world.cycle()
    ran = world.sync.status()
    world.dynamics.faults.hook = lambda *_: Fault("refused")
    report = world.cycle()
    failed = world.sync.status()
    world.dynamics.faults.hook = None
    world.cycle()

    assert (False, True, False) == (never.healthy, ran.healthy, failed.healthy)
    assert report.troubles == failed.troubles
    assert () == ran.troubles
    assert world.sync.status().healthy


def test_a_trouble_is_told_once() -> None:
    """One refusal that stops both entities is one trouble, and no beginning is made of it."""
    world = World()
    world.cycle()
    world.dynamics.faults.hook = lambda *_: Fault("refused")
    report = world.cycle()
    world.dynamics.faults.hook = None

    assert {"lead", "contact"} == set(report.stopped)
    [trouble] = report.troubles
    assert trouble.startswith("contact and lead stopped: Dynamics: ")
    assert f"run {report.run}: {trouble}" == str(report)
    assert f"run {report.run + 1}: nothing to do" == str(world.cycle())


def test_status_of_what_is_due() -> None:
    """What waits for its turn is estimated from the pace; what waits for a person is not due."""
    world = World(CONTACT)
    world.sync.policy = manual
    pairs = [world.linked("contact", jobtitle="Analyst") for _ in range(4)]
    person, row = pairs[0]
    world.marketo.edit(person, {"city": "Paris"})
    world.dynamics.edit("contact", row, {"address1_city": "London"})
    for _, other in pairs[1:]:
        world.dynamics.edit("contact", other, {"jobtitle": "Countess"})
    slow = Fault("slow", cost=6.0)
    world.marketo.faults.plan("write", slow)
    world.cycle()
    for _, other in pairs[1:]:
        world.dynamics.edit("contact", other, {"jobtitle": "Analyst"})
    world.marketo.faults.plan("write", Fault("throttled", scope="day"))
    world.cycle()
    status = world.sync.status()

    assert 3 == status.due
    assert 4 == status.waiting
    assert status.eta is not None
    assert 0 < status.eta


# -- echo


def test_own_writes_do_not_come_back() -> None:
    """R12: what was written to either side is not written back by the next cycles."""
    world = World()
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.dynamics.edit("lead", row, {"address1_city": "Oslo"})
    world.cycle()
    later = [world.cycle() for _ in range(3)]

    assert [0, 0, 0] == [report.writes.total() for report in later]
    assert [0, 0, 0] == [report.records for report in later]


def test_automation_in_dynamics_is_no_echo() -> None:
    """A27: a workflow that rewrites the value which the sync wrote has made a change."""
    world = World()
    world.dynamics.when_changed("lead", "jobtitle", lambda row: {"jobtitle": f"{row['jobtitle']}!"})
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert ("Boss!", "Boss!") == world.both(person, "lead", row, "job_title")


def test_automation_as_the_sync_user_is_no_echo() -> None:
    """R13, A27: echo is told by value, so a workflow that runs as the sync user is seen, too."""
    world = World()
    user = world.sync.dynamics.sync_user()
    world.dynamics.when_changed(
        "contact", "jobtitle", lambda row: {"address1_city": f"City of {row['jobtitle']}"}, by=user
    )
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert ("City of Boss",) * 2 == world.both(person, "contact", row, "city")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_automation_in_marketo_is_no_echo(table: str) -> None:
    """A27: a campaign in Marketo that rewrites our value is a change, on either entity."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.when_changed("title", lambda values: {"title": str(values["title"]).upper()})
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()

    assert ("BOSS", "BOSS") == world.both(person, table, row, "job_title")


# -- deleted in Dynamics


def test_deleted_in_dynamics_keeps_the_person() -> None:
    """R45: deleted in Dynamics, the person stays with its values, flagged once."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.delete("contact", row)
    report = world.cycle()
    cycles = world.settled()
    values = world.person(person)

    assert 1 == report.count(OutcomeKind.FLAGGED)
    assert 0 == cycles
    assert ("Ada", True, None) == (
        values["firstName"],
        values["microsoftIsDeleted"],
        values["microsoftType"],
    )


def test_edits_after_the_delete_go_nowhere() -> None:
    """R45: the person is Marketo's alone now; what is edited there makes no row."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.delete("contact", row)
    world.settled()
    world.marketo.edit(person, {"firstName": "Augusta"})
    world.settled()

    assert {} == world.dynamics.rows("contact")
    assert "Augusta" == world.person(person)["firstName"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_seen_again(table: str) -> None:
    """A7: the same id seen alive again: unflagged, and the sync resumes."""
    world = World()
    person, row = world.linked(table, firstname="Ada")
    world.dynamics.delete(table, row)
    world.settled()
    world.dynamics.undelete(table, row)
    world.settled()
    values = world.person(person)
    world.dynamics.edit(table, row, {"jobtitle": "Countess"})
    world.marketo.edit(person, {"city": "London"})
    world.settled()

    assert (False, table.capitalize()) == (values["microsoftIsDeleted"], values["microsoftType"])
    assert [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]
    assert ("Countess", "Countess") == world.both(person, table, row, "job_title")
    assert ("London", "London") == world.both(person, table, row, "city")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_seen_again_after_edits_in_marketo(table: str) -> None:
    """A7: edits made in Marketo while the row was gone are merged when it is back."""
    world = World()
    person, row = world.linked(table, firstname="Ada", jobtitle="Analyst")
    world.dynamics.delete(table, row)
    world.settled()
    world.marketo.edit(person, {"city": "London", "title": "Countess"})
    world.settled()
    world.dynamics.undelete(table, row)
    world.settled()

    assert [person] == world.people_of(row)
    assert ("London", "London") == world.both(person, table, row, "city")
    assert ("Countess", "Countess") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(("table", "expected"), [("lead", "Marketo's"), ("contact", "Dynamics'")])
def test_seen_again_with_a_collision(table: str, expected: str) -> None:
    """A7, R20: changed on both sides meanwhile, who has authority is right."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.dynamics.delete(table, row)
    world.settled()
    world.marketo.edit(person, {"title": "Marketo's"})
    world.dynamics.undelete(table, row)
    world.dynamics.edit(table, row, {"jobtitle": "Dynamics'"})
    world.settled()

    assert (expected, expected) == world.both(person, table, row, "job_title")


def linked_and_gone() -> tuple[World, RecordId, RecordId]:
    """Return a world in which a contact was deleted, and its person edited since."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.delete("contact", row)
    world.settled()
    world.marketo.edit(person, {"title": "Countess"})
    world.settled()
    return world, person, row


def test_back_while_its_person_meets_another_record() -> None:
    """
    Invariant 27: one person is one record; what was not sent yet for the other is not sent.

    As soon as that one is edited, it is told that its person is somebody else.
    """
    world, person, contact = linked_and_gone()
    lead = world.lead(jobtitle="Boss")
    world.marketo.edit(person, {"crmLeadId": lead})
    world.dynamics.undelete("contact", contact)
    report = world.cycle()
    world.settled()
    untold = world.row("contact", contact)["jobtitle"]
    world.dynamics.edit("contact", contact, {"jobtitle": "Clerk"})
    later = world.cycle()

    assert 2 == report.count(OutcomeKind.UPDATED) == report.records
    assert 1 == later.count(OutcomeKind.AMBIGUOUS, "contact")
    assert "Analyst" == untold
    assert Pair(person, lead) == world.sync.link("lead", person=person)
    assert world.sync.link("contact", dynamics=contact) is None
    assert "Lead" == world.person(person)["microsoftType"]
    assert ("Countess", "Countess") == world.both(person, "lead", lead, "job_title")


def test_back_after_its_person_was_found_for_another_record() -> None:
    """Invariant 27: nor is anything sent if an upsert finds the person; and it is told."""
    world, person, contact = linked_and_gone()
    leads = world.dynamics.create_all("lead", [{"lastname": f"N{n}"} for n in range(300)])
    given = {"crmLeadId": leads[0]}
    before(world.marketo.faults, "write", lambda: world.marketo.edit(person, given))
    world.dynamics.undelete("contact", contact)
    report = world.cycle()
    (skipped,) = (entry for entry in world.recorder.entries if entry.kind == "skipped")

    assert 300 == report.count(OutcomeKind.CREATED)
    assert 1 == report.count(OutcomeKind.SKIPPED)
    assert "its person is another record by now" == skipped.why
    assert Pair(person, leads[0]) == world.sync.link("lead", person=person)
    assert world.sync.link("contact", dynamics=contact) is None
    assert "Lead" == world.person(person)["microsoftType"]
    assert "Analyst" == world.row("contact", contact)["jobtitle"]


@pytest.mark.parametrize(("table", "native"), [("lead", "crmLeadId"), ("contact", "crmContactId")])
def test_given_the_id_of_another_new_record_while_the_feed_is_silent(
    table: str, native: str
) -> None:
    """Invariant 27: who is linked is written over by no record whose id somebody gives them."""
    world = World()
    person, lead = world.linked("lead", jobtitle="Analyst", emailaddress1="ada@example.org")
    world.marketo.hold_back()
    new: dict[str, Wire] = {"jobtitle": "Boss", "emailaddress1": "bea@example.org"}
    row = world.lead(**new) if table == "lead" else world.contact(**new)
    world.marketo.edit(person, {native: row})
    outcome = next(iter(world.cycle().notable))
    held = world.person(person)
    world.cycle()

    assert (OutcomeKind.AMBIGUOUS, TAKEN) == (outcome.kind, outcome.why)
    assert row == outcome.ids.dynamics
    assert ("Analyst", "ada@example.org") == (held["title"], held["email"])
    assert ("Analyst", "Analyst") == world.both(person, "lead", lead, "job_title")


@pytest.mark.parametrize("spelt", ["{}", "{{{}}}"])
@pytest.mark.parametrize(
    ("table", "native", "expected", "lost"),
    [("lead", "crmLeadId", "Clerk", "Boss"), ("contact", "crmContactId", "Boss", "Clerk")],
)
def test_given_the_id_of_a_new_record_while_the_feed_is_silent(
    table: str, native: str, expected: str, lost: str, spelt: str
) -> None:
    """A1: who was Marketo's alone meets the record by the policy; no upsert writes over them."""
    world = World()
    person = world.marketo.create_person({"lastName": "Roe", "company": "Roe", "title": "Clerk"})
    world.settled()
    world.marketo.hold_back()
    row = world.lead(jobtitle="Boss") if table == "lead" else world.contact(jobtitle="Boss")
    world.marketo.edit(person, {native: spelt.format(row).upper()})
    world.cycle()
    (met,) = (c for c in world.recorder.entries[-1].changes if c.field == "job_title")
    world.settled()

    assert lost == met.lost
    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert 1 == world.marketo.count()


@pytest.mark.parametrize("spelt", ["{}", "{{{}}}"])
@pytest.mark.parametrize(("table", "native"), [("lead", "crmLeadId"), ("contact", "crmContactId")])
def test_given_the_id_of_another_new_record_before_all_people_are_read(
    table: str, native: str, spelt: str
) -> None:
    """Invariant 27: a read of everybody passes over who is linked, and no upsert finds them."""
    world = World()
    person, mine = world.linked(table, jobtitle="Analyst")
    row = world.dynamics.create(table, {"lastname": "Roe", "jobtitle": "Boss"})
    world.marketo.edit(person, {native: spelt.format(row).upper(), "city": "London"})
    world.marketo.forget_changes()
    outcome = next(iter(world.cycle().notable))
    world.settled()

    assert (OutcomeKind.AMBIGUOUS, TAKEN) == (outcome.kind, outcome.why)
    assert ("Analyst", "Analyst") == world.both(person, table, mine, "job_title")
    assert ("London", "London") == world.both(person, table, mine, "city")
    assert ("Roe", "Boss") == tuple(world.row(table, row)[n] for n in ("lastname", "jobtitle"))
    assert person == world.person_of(mine) != world.person_of(row)


@pytest.mark.parametrize(
    ("table", "native", "expected", "lost"),
    [("lead", "crmLeadId", "Clerk", "Boss"), ("contact", "crmContactId", "Boss", "Clerk")],
)
def test_whose_row_was_deleted_is_given_the_id_of_a_new_one_before_all_people_are_read(
    table: str, native: str, expected: str, lost: str
) -> None:
    """A1, invariant 6: they meet it by the policy, and no upsert writes over them."""
    world = World()
    person, gone = world.linked(table, jobtitle="Clerk")
    world.dynamics.delete(table, gone)
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Boss"})
    world.marketo.edit(person, {native: row})
    world.marketo.forget_changes()
    world.cycle()
    (met,) = (c for c in world.recorder.entries[-1].changes if c.field == "job_title")
    world.settled()

    assert lost == met.lost
    assert (expected, expected) == world.both(person, table, row, "job_title")
    assert 1 == world.marketo.count()


def test_given_the_id_of_a_new_record_and_not_read_to_the_end() -> None:
    """Invariant 6: where reading all people broke off, Marketo is asked who holds the id."""
    world = World()
    world.cycle()
    for number in range(350):
        world.marketo.create_person({"lastName": f"N{number}"})
    world.cycle()
    row = world.lead(jobtitle="Boss")
    world.marketo.faults.plan("write", *[Fault("down")] * 20)
    world.cycle()
    world.marketo.faults.clear()
    person = world.marketo.create_person({"lastName": "Lee", "title": "Clerk", "crmLeadId": row})
    with world.store.transaction():
        world.store.save_feed("marketo:person", FeedState(None))
    pages = iter([False])
    world.sync.stopping = lambda: next(pages, True)
    stopped = world.cycle()
    world.sync.stopping = lambda: False
    world.settled()

    assert stopped.interrupted
    assert ("Clerk", "Clerk") == world.both(person, "lead", row, "job_title")


@pytest.mark.parametrize("most", [1, 300])
def test_nobody_is_asked_for_where_all_people_were_read(most: int) -> None:
    """A first load, of however many, asks nothing for each: its read tells who holds an id."""
    world = World()
    world.dynamics.create_all("lead", [{"lastname": f"N{n}"} for n in range(most)])
    first = world.cycle()
    world.dynamics.create("lead", {"lastname": "Later"})
    later = world.cycle()

    assert (0, 1) == (first.calls[Side.MARKETO, "find"], later.calls[Side.MARKETO, "find"])


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_made_and_deleted_between_two_cycles(table: str) -> None:
    """A row that came and went unseen is nobody, and there is nothing to tell."""
    world = World()
    world.settled()
    world.dynamics.delete(table, world.dynamics.create(table, {"lastname": "Lee"}))
    report = world.cycle()

    assert (0, 0, 0) == (report.observed, report.records, report.left)
    assert 0 == world.marketo.count()


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_person_who_is_there_again_and_pushed(table: str) -> None:
    """R32: Marketo was put back to an earlier day; the record of before becomes somebody else."""
    world = World()
    person, before = world.linked(table, jobtitle="Analyst")
    earlier = world.marketo.snapshot()
    world.marketo.delete(person)
    world.settled()
    world.marketo.restore(earlier)
    world.marketo.edit(person, {"crmLeadId": None, "crmContactId": None})
    world.settled()
    answer = world.sync.sync_person(person, as_=table)
    world.settled()
    world.marketo.edit(person, {"title": "Countess"})
    world.dynamics.edit(table, before, {"jobtitle": "Boss"})
    world.settled()

    assert answer.dynamics not in {None, before}
    assert Pair(person, answer.dynamics) == world.sync.link(table, person=person)
    assert "Countess" == world.row(table, RecordId(str(answer.dynamics)))["jobtitle"]
    assert "Boss" == world.person(world.person_of(before))["title"]
    assert 2 == world.marketo.count()


def test_deleted_and_back_between_two_cycles() -> None:
    """A7: a row that went and came back unseen is as it was."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.delete("contact", row)
    world.dynamics.undelete("contact", row)
    world.settled()

    assert [person] == world.people_of(row)
    assert "Contact" == world.person(person)["microsoftType"]


def test_deleted_while_marketo_changed() -> None:
    """R45: an edit in Marketo of a row that was just deleted is kept by the person."""
    world = World()
    person, row = world.linked("lead", jobtitle="Analyst")
    world.dynamics.delete("lead", row)
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert {} == world.dynamics.rows("lead")
    assert ("Boss", True) == (
        world.person(person)["title"],
        world.person(person)["microsoftIsDeleted"],
    )


# -- deleted in Marketo


def test_deleted_in_marketo_does_nothing_in_dynamics() -> None:
    """R45: Marketo's delete is Marketo's only."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    before = world.row("contact", row)
    world.marketo.delete(person)
    report = world.cycle()
    world.settled()

    assert 1 == report.count(OutcomeKind.FORGOTTEN)
    assert before == world.row("contact", row)
    assert 0 == world.marketo.count()


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_changed_after_the_delete_makes_a_new_person(table: str) -> None:
    """R46: a new person with the row's values, and it syncs both ways."""
    world = World()
    person, row = world.linked(table, firstname="Ada", emailaddress1="ada@example.org")
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit(table, row, {"jobtitle": "Countess"})
    world.settled()
    anew = world.person_of(row)
    world.marketo.edit(anew, {"city": "London"})
    world.settled()

    assert person != anew
    assert ("Ada", "Countess") == (world.person(anew)["firstName"], world.person(anew)["title"])
    assert ("London", "London") == world.both(anew, table, row, "city")
    assert 1 == world.marketo.count()


def test_deleted_in_marketo_and_changed_in_one_cycle() -> None:
    """R46: both in one cycle come to the same."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.delete(person)
    world.dynamics.edit("contact", row, {"jobtitle": "Countess"})
    world.settled()

    assert person != world.person_of(row)
    assert "Countess" == world.person(world.person_of(row))["title"]


def test_suppressed() -> None:
    """U17: if the host wants so, a person that was deleted does not come back."""
    world = World()
    world.sync.on_marketo_delete = "suppress"
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit("contact", row, {"jobtitle": "Countess"})
    report = world.cycle()
    world.settled()

    assert 1 == report.count(OutcomeKind.SUPPRESSED)
    assert 0 == world.marketo.count()


def test_unlinked_when_both_are_gone() -> None:
    """Invariant 18: gone on both sides: unlinked, nothing is written, nothing comes back."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.delete(person)
    world.dynamics.delete("contact", row)
    report = world.cycle()

    assert (1, 0) == (report.count(OutcomeKind.UNLINKED), report.writes.total())
    assert {} == dict(world.sync.status().links)
    assert 0 == world.settled()


@pytest.mark.parametrize("first", Side)
def test_unlinked_one_after_the_other(first: Side) -> None:
    """Invariant 18: gone on one side and later on the other: unlinked as well."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    deletes: list[Callable[[], None]] = [
        lambda: world.marketo.delete(person),
        lambda: world.dynamics.delete("contact", row),
    ]
    for delete in deletes if first is Side.MARKETO else reversed(deletes):
        delete()
        world.settled()

    assert 1 == sum(entry.kind == "unlinked" for entry in world.recorder.entries)
    assert world.store.link_of(Side.DYNAMICS, row, Entity("contact")) is None
    assert (0, 0) == (world.marketo.count(), world.dynamics.count("contact"))


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("table", ["lead", "contact"])
def test_whoever_inherited_the_id_of_a_record_that_is_gone_says_so(
    table: str,
    told: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    """R45: its person was merged into another, who has its id now, and says what became of it."""
    world = World()
    person, row = world.linked(table, firstname="Ada")
    winner = world.marketo.create_person({"lastName": "Roe", "city": "London"})
    world.dynamics.delete(table, row)
    if told:
        world.settled()
    world.marketo.merge(winner, person)
    report = world.cycle()
    world.settled()
    flagged = world.person(winner)
    world.dynamics.undelete(table, row)
    world.settled()

    assert (1, 1) == (report.count(OutcomeKind.FLAGGED), report.records)
    assert (True, None, "London") == tuple(
        flagged[name] for name in ("microsoftIsDeleted", "microsoftType", "city")
    )
    assert Pair(winner, row) == world.sync.link(table, person=winner)
    assert False is world.person(winner)["microsoftIsDeleted"]


@pytest.mark.parametrize("holders", [0, 1, 2])
def test_unlinked_where_nobody_in_particular_inherited_the_id(holders: int) -> None:
    """Invariant 27: nobody holds it, two do, or who is linked: the link ends, and no more."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    other, lead = world.linked("lead", firstname="Lea")
    world.marketo.edit(other, {"crmContactId": row if holders == 1 else None})
    for name in ("One", "Two")[: holders // 2 * 2]:
        world.marketo.create_person({"lastName": name, "crmContactId": row})
    world.settled()
    world.dynamics.delete("contact", row)
    world.marketo.delete(person)
    before = contents(world)
    reports = [world.cycle(), world.cycle()]

    assert [1, 0] == [report.count(OutcomeKind.UNLINKED) for report in reports]
    assert [1, 0] == [report.records for report in reports]
    assert before == contents(world)
    assert Pair(other, lead) == world.sync.link("lead", person=other)


def test_restored_after_both_were_gone() -> None:
    """A7: a row that is restored after both were gone is a new row: a new person is made."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.delete(person)
    world.dynamics.delete("contact", row)
    world.settled()
    world.dynamics.undelete("contact", row)
    world.settled()

    assert "Ada" == world.person(world.person_of(row))["firstName"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_pushed_again_after_a_delete(table: str) -> None:
    """R32: pushed again after its row was deleted, a person gets a new one and syncs."""
    world = World()
    person, row = world.linked(table, firstname="Ada")
    world.dynamics.delete(table, row)
    world.settled()
    world.sync.sync_person(person, as_=table)
    world.settled()
    (anew,) = world.dynamics.rows(table)
    world.marketo.edit(person, {"city": "London"})
    world.settled()
    values = world.person(person)

    assert row != anew
    assert ("London", "London") == world.both(person, table, anew, "city")
    assert (False, table.capitalize()) == (values["microsoftIsDeleted"], values["microsoftType"])


@pytest.mark.parametrize("kind", ["lost_request", "lost_response"])
def test_pushed_again_before_the_delete_was_flagged(kind: FaultKind) -> None:
    """R32: whoever holds the id of a row that is known to be deleted is pushed all the same."""
    world = World()
    person, row = world.linked("lead", firstname="Ada")
    world.dynamics.delete("lead", row)
    world.marketo.faults.plan("write", Fault(kind))
    world.cycle()
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()
    (anew,) = world.dynamics.rows("lead")

    assert ("created", anew) == (answer.kind, answer.dynamics)
    assert (anew, False) == tuple(
        world.person(person)[n] for n in ("crmLeadId", "microsoftIsDeleted")
    )


def test_a_merge_in_marketo() -> None:
    """A13: two people of two rows are merged in Marketo: nothing is deleted in Dynamics."""
    world = World()
    winner, row = world.linked("contact", firstname="Ada")
    loser, other = world.linked("contact", firstname="Grace")
    world.marketo.merge(winner, loser)
    world.settled()

    assert {row, other} == set(world.dynamics.rows("contact"))
    assert [winner] == world.people_of(row)
    assert [] == world.people_of(other)


# -- a person was deleted, and somebody else holds the id

IDS = {"lead": "crmLeadId", "contact": "crmContactId"}
DAY = 86_400.0
TAKEN = "its person is linked to another record"


def told(world: World, row: RecordId) -> list[str]:
    """Return the kinds of what the journal tells of a row, oldest first."""
    kept = [entry for table in IDS for entry in world.sync.explain(table, dynamics=row)]
    return [entry.kind for entry in kept]


def inherited(world: World, gone: str, way: str) -> tuple[RecordId, RecordId, RecordId]:
    """
    Return a row whose person was deleted, who holds its id now, and the row of that person.

    *gone* is the table of the first row, and *way* how the other person came to its id.
    """
    kept = "contact" if gone == "lead" else "lead"
    person, row = world.linked(gone, lastname="Lee", firstname="Leo", telephone1="1")
    other, theirs = world.linked(kept, lastname="Kay", firstname="Kim", telephone1="2")
    if way == "merged":
        world.marketo.merge(other, person)
    else:
        world.marketo.edit(other, {IDS[gone]: row})
        world.settled()
        world.marketo.delete(person)
    world.settled()
    return row, other, theirs


@pytest.mark.parametrize("way", ["merged", "edited"])
@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_whoever_inherited_the_id_of_a_deleted_person_is_left_alone(gone: str, way: str) -> None:
    """Invariant 27: the row is ambiguous, told so once, and nothing is written for days."""
    world = World()
    row, _, theirs = inherited(world, gone, way)
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    before = contents(world)
    reports = [world.cycle(seconds) for seconds in (*[CYCLE] * 6, *[DAY] * 6)]

    assert before == contents(world)
    assert 0 == sum(report.writes.total() for report in reports)
    assert [TAKEN] * 6 == [one.why for report in reports[6:] for one in report.notable]
    assert ["forgotten", "ambiguous"] == told(world, row)[1:]
    assert "ambiguous" not in told(world, theirs)


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_an_inherited_id_among_other_changes(gone: str) -> None:
    """Invariant 27: each record of a run is looked at, whatever else the run does."""
    world = World()
    pairs = [world.linked(gone, lastname=f"Lee {number}") for number in range(5)]
    row, _, _ = inherited(world, gone, "merged")
    for _, other in pairs:
        world.dynamics.edit(gone, other, {"jobtitle": "Boss"})
    person, alone = pairs[3]
    world.marketo.delete(person)
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    report = world.cycle()
    made = world.person_of(alone)

    assert (4, 1, 1) == tuple(
        report.count(kind)
        for kind in (OutcomeKind.UPDATED, OutcomeKind.CREATED, OutcomeKind.AMBIGUOUS)
    )
    assert ("Boss", "Boss") == world.both(made, gone, alone, "job_title")


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_the_plan_tells_of_an_inherited_id(gone: str, before: int) -> None:
    """Invariant 25: the plan says ambiguous as the run does, and so does the one of a retry."""
    world = World()
    row, other, _ = inherited(world, gone, "merged")
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    for _ in range(before):
        world.cycle()
    world.clock.advance(CYCLE)
    (planned,) = world.sync.plan().records
    report = world.sync.run()

    assert (OutcomeKind.AMBIGUOUS, TAKEN, ()) == (planned.outcome, planned.why, planned.writes)
    assert [(planned.ids, planned.why)] == [(one.ids, one.why) for one in report.notable]
    assert planned.ids.dynamics == row
    assert planned.ids.marketo != other


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_merged_and_edited_between_two_runs(gone: str) -> None:
    """Invariant 27: the delete and the edit may be heard of together."""
    world = World()
    kept = "contact" if gone == "lead" else "lead"
    person, row = world.linked(gone, firstname="Leo")
    other, theirs = world.linked(kept, firstname="Kim")
    world.marketo.merge(other, person)
    world.dynamics.edit(gone, row, {"jobtitle": "Boss", "firstname": "Lea"})
    for seconds in (*[CYCLE] * 4, *[DAY] * 4):
        world.cycle(seconds)

    assert ("Kim", "Kim") == world.both(other, kept, theirs, "first_name")
    assert ("Lea", "Boss") == tuple(world.row(gone, row)[n] for n in ("firstname", "jobtitle"))
    assert kept.capitalize() == world.person(other)["microsoftType"]
    assert ["ambiguous"] == told(world, row)[1:]


@pytest.mark.parametrize("over", ["taken off", "ended"])
@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_a_new_person_once_nobody_else_holds_the_id(gone: str, over: str) -> None:
    """R46: after the id was taken off the other person, or they went, a new one is made."""
    world = World()
    row, other, theirs = inherited(world, gone, "merged")
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.cycle()
    if over == "taken off":
        world.marketo.edit(other, {IDS[gone]: None})
    else:
        world.marketo.delete(other)
        world.dynamics.delete("contact" if gone == "lead" else "lead", theirs)
    for _ in range(3):
        world.cycle(DAY)
    person = world.person(world.person_of(row))
    world.marketo.edit(world.person_of(row), {"city": "London"})
    world.settled()

    assert ("Leo", "Boss", "1") == (person["firstName"], person["title"], person["phone"])
    assert "created" == told(world, row)[3]
    assert ("London", "London") == world.both(world.person_of(row), gone, row, "city")
    assert [] == list(world.store.each_pending())


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_the_edit_is_taken_back_while_somebody_else_holds_the_id(gone: str) -> None:
    """R46: nothing is left to bring anybody back for, and nothing waits."""
    world = World()
    row, _, _ = inherited(world, gone, "merged")
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.cycle()
    world.dynamics.edit(gone, row, {"jobtitle": None})
    report = world.cycle()

    assert 0 == report.writes.total()
    assert [] == list(world.store.each_pending())


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_the_record_of_whoever_holds_the_id_is_deleted(gone: str) -> None:
    """R32, A29: a person whose own row is gone meets the row whose id they hold, by the policy."""
    world = World()
    row, other, theirs = inherited(world, gone, "merged")
    world.marketo.edit(other, {"city": "London"})
    world.settled()
    world.dynamics.delete("contact" if gone == "lead" else "lead", theirs)
    world.settled()
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.settled()
    link = world.sync.link(gone, dynamics=row)

    assert link is not None
    assert other == link.marketo
    assert ("London", "London") == world.both(other, gone, row, "city")
    assert ("Boss", "Boss") == world.both(other, gone, row, "job_title")


def test_two_people_merged_into_one_who_is_in_marketo_alone() -> None:
    """Invariant 27: one of the two rows meets the winner, the other one is nobody's."""
    world = World()
    pairs = {table: world.linked(table, firstname=table) for table in ("lead", "contact")}
    third = world.marketo.create_person({"lastName": "Third", "city": "London"})
    world.marketo.merge(third, *(person for person, _ in pairs.values()))
    world.settled()
    for table, (_, row) in pairs.items():
        world.dynamics.edit(table, row, {"jobtitle": f"Boss of {table}s"})
    for _ in range(3):
        world.cycle()
    before = contents(world)
    reports = [world.cycle(DAY) for _ in range(6)]
    met = [table for table, (_, row) in pairs.items() if "ambiguous" not in told(world, row)]
    (table,) = met
    row = pairs[table][1]
    other = "contact" if table == "lead" else "lead"

    assert before == contents(world)
    assert [0] * 6 == [report.writes.total() for report in reports]
    assert Pair(third, row) == world.sync.link(table, dynamics=row)
    assert ("London", "London") == world.both(third, table, row, "city")
    assert f"Boss of {table}s" == world.person(third)["title"]
    assert other == world.row(other, pairs[other][1])["firstname"]
    assert "ambiguous" == told(world, pairs[other][1])[-1]


def test_merged_into_somebody_who_is_in_marketo_alone() -> None:
    """A29: who inherited the id and is linked to nobody meets the row, by the policy."""
    world = World(LEAD)
    person, row = world.linked("lead", firstname="Leo")
    third = world.marketo.create_person({"lastName": "Third", "city": "London"})
    world.marketo.merge(third, person)
    world.settled()
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    world.clock.advance(CYCLE)
    plan = world.sync.plan()
    report = world.sync.run()
    world.settled()
    met = [c.field for e in world.recorder.entries for c in e.changes if c.verdict == "first"]

    assert [one.outcome for one in plan.records] == [OutcomeKind.UPDATED]
    assert 1 == report.count(OutcomeKind.UPDATED)
    assert ("London", "London") == world.both(third, "lead", row, "city")
    assert ("Boss", "Boss") == world.both(third, "lead", row, "job_title")
    assert ("Third", "Third") == world.both(third, "lead", row, "last_name")
    assert ["last_name", "job_title", "city"] == met
    assert {"lead": 1} == world.sync.status().links


def test_two_people_hold_the_id_of_one_who_was_deleted() -> None:
    """Invariant 27: which of them it is nobody says, and nothing is written."""
    world = World()
    person, row = world.linked("lead", firstname="Leo")
    for name in ("One", "Two"):
        world.marketo.create_person({"lastName": name, "crmLeadId": row})
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    report = world.cycle()

    assert ["2 people hold its id"] == [one.why for one in report.notable]
    assert 0 == report.writes.total()


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_an_id_in_braces_of_a_person_who_was_deleted(gone: str) -> None:
    """A28: it is one id however it is spelt: whoever holds it meets the row, and nobody is made."""
    world = World()
    person, row = world.linked(gone, firstname="Leo")
    other = world.marketo.create_person({"lastName": "Lee", IDS[gone]: f"{{{row}}}".upper()})
    world.marketo.delete(person)
    world.settled()
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.settled()

    assert [other] == [id_ for id_, _ in world.marketo.people()]
    assert Pair(other, row) == world.sync.link(gone, dynamics=row)
    assert ("Boss", "Boss") == world.both(other, gone, row, "job_title")


@pytest.mark.parametrize("mode", ["recreate", "suppress"])
@pytest.mark.parametrize("spelt", ["{}", "{{{}}}"])
@pytest.mark.parametrize(("table", "expected"), [("lead", "Boss"), ("contact", "Clerk")])
def test_who_is_imported_again_with_the_id_of_one_who_was_deleted(
    table: str, expected: str, spelt: str, mode: OnMarketoDelete
) -> None:
    """A28: they meet the record by the policy, and their edits go there from then on."""
    world = World()
    world.sync.on_marketo_delete = mode
    person, row = world.linked(table, jobtitle="Clerk")
    world.marketo.delete(person)
    world.settled()
    given: dict[str, Wire] = {IDS[table]: spelt.format(row).upper(), "title": "Boss"}
    again = world.marketo.create_person({"lastName": "Lee", **given})
    world.settled()
    met = world.both(again, table, row, "job_title")
    world.marketo.edit(again, {"city": "London"})
    world.settled()

    assert (expected, expected) == met
    assert ("London", "London") == world.both(again, table, row, "city")
    assert Pair(again, row) == world.sync.link(table, dynamics=row)
    assert table.capitalize() == world.person(again)["microsoftType"]
    assert [again] == [id_ for id_, _ in world.marketo.people()]
    assert [] == list(world.store.each_pending())


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_who_is_there_again_after_they_were_deleted(table: str) -> None:
    """R12: Marketo was put back to an earlier day: whoever is there and holds the id syncs."""
    world = World()
    person, row = world.linked(table, firstname="Ada")
    day = world.marketo.snapshot()
    world.marketo.delete(person)
    world.settled()
    world.marketo.restore(day)
    world.settled()
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()
    world.marketo.edit(person, {"city": "London"})
    world.settled()

    assert Pair(person, row) == world.sync.link(table, dynamics=row)
    assert ("London", "London") == world.both(person, table, row, "city")


def test_two_are_imported_with_the_id_of_one_who_was_deleted() -> None:
    """Invariant 27: nobody says which of them it is; once one lets go, the other meets the row."""
    world = World()
    person, row = world.linked("lead", firstname="Leo")
    world.marketo.delete(person)
    world.settled()
    one, two = (
        world.marketo.create_person({"lastName": "Lee", "title": name, "crmLeadId": row})
        for name in ("One", "Two")
    )
    report = world.cycle()
    before = world.row("lead", row)
    world.marketo.edit(one, {"crmLeadId": None})
    for _ in range(3):
        world.cycle(DAY)

    assert ["2 people hold its id"] == [outcome.why for outcome in report.notable]
    assert 0 == report.writes.total()
    assert (None, "Leo") == (before["jobtitle"], before["firstname"])
    assert Pair(two, row) == world.sync.link("lead", dynamics=row)
    assert ("Two", "Two") == world.both(two, "lead", row, "job_title")


def test_who_held_the_id_of_one_who_was_deleted_lets_go_of_it() -> None:
    """R46: a record that nobody meets after all is forgotten once more, and nothing waits."""
    world = World()
    person, row = world.linked("lead", firstname="Leo")
    world.marketo.delete(person)
    world.settled()
    other = world.marketo.create_person({"lastName": "Lee", "crmLeadId": row})
    before(world.marketo.faults, "find", lambda: world.marketo.edit(other, {"crmLeadId": None}))
    report = world.cycle()

    assert (1, 0) == (report.count(OutcomeKind.FORGOTTEN), report.writes.total())
    assert [] == list(world.store.each_pending())
    assert world.sync.link("lead", person=other) is None


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_each_record_meets_who_holds_its_id_by_now(table: str) -> None:
    """A28, R46: of several people who were entered anew in one stretch each is its record's."""
    world = World()
    pairs = [world.linked(table, firstname=name) for name in ("Ada", "Leo")]
    for person, _ in pairs:
        world.marketo.delete(person)
    world.settled()
    field = "crmLeadId" if table == "lead" else "crmContactId"
    anew = [world.marketo.create_person({"lastName": "Lee", field: row}) for _, row in pairs]
    for _, row in pairs:
        world.dynamics.edit(table, row, {"jobtitle": "Clerk"})
    report = world.cycle()

    assert (2, 0) == (report.records, report.count(OutcomeKind.AMBIGUOUS))
    assert anew == [world.person_of(row) for _, row in pairs]
    assert ["Clerk", "Clerk"] == [world.person(person)["title"] for person in anew]


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_a_person_is_made_again_where_nobody_holds_the_id(gone: str) -> None:
    """R46: who holds the id is asked once, for the row that was edited; then it is as ever."""
    world = World()
    person, row = world.linked(gone, firstname="Leo")
    _, other = world.linked(gone, firstname="Kim")
    world.marketo.delete(person)
    world.settled()
    asked = world.marketo.calls["find"]
    world.dynamics.edit(gone, other, {"jobtitle": "Clerk"})
    world.settled()
    quiet = world.marketo.calls["find"]
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.CREATED)
    assert (asked, asked + 1) == (quiet, world.marketo.calls["find"])
    assert "Boss" == world.person(world.person_of(row))["title"]


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_whose_person_was_deleted_meets_who_resembles_it(gone: str) -> None:
    """A28, R46: entered anew in Marketo meanwhile, they are not made a second time."""
    world = by_email()
    person, row = world.linked(gone, emailaddress1="leo@example.org", firstname="Leo")
    world.marketo.delete(person)
    world.settled()
    anew = world.marketo.create_person({"email": "Leo@example.org", "lastName": "Lee"})
    world.settled()
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.settled()

    assert 1 == world.marketo.count()
    assert anew == world.person_of(row)
    assert "Boss" == world.person(anew)["title"]
    assert "Leo" == world.person(anew)["firstName"]


@pytest.mark.parametrize("strangers", [1, 2])
def test_whose_person_was_deleted_and_nobody_can_tell_who_it_is(strangers: int) -> None:
    """Invariant 27: several people, or somebody of another record's, are nobody's to choose."""
    world = by_email()
    person, row = world.linked("lead", emailaddress1="leo@example.org")
    world.marketo.delete(person)
    world.settled()
    if strangers == 1:
        _, other = world.linked("contact", emailaddress1="kim@example.org")
        world.marketo.edit(world.person_of(other), {"email": "leo@example.org"})
        world.settled()
    else:
        for _ in range(strangers):
            world.marketo.create_person({"email": "leo@example.org", "lastName": "Lee"})
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.AMBIGUOUS)
    assert strangers == world.marketo.count()
    assert [] == world.people_of(row)


def test_nobody_is_asked_for_where_deleted_people_stay_away() -> None:
    """R46: with ``suppress`` no person is made again, whoever holds the id."""
    world = World()
    world.sync.on_marketo_delete = "suppress"
    row, _, _ = inherited(world, "lead", "merged")
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    report = world.cycle()

    assert (1, 0) == (report.count(OutcomeKind.SUPPRESSED), report.writes.total())


@pytest.mark.parametrize("gone", ["lead", "contact"])
def test_whoever_inherited_an_id_is_not_pushed_again(gone: str) -> None:
    """R26: a push of the other person finds the row that they have, and makes none."""
    world = World()
    row, other, _ = inherited(world, gone, "merged")
    world.dynamics.edit(gone, row, {"jobtitle": "Boss"})
    world.cycle()
    before = contents(world)
    answers = [world.sync.sync_person(other, as_=table).kind for table in IDS]

    assert ["exists", "exists"] == answers
    assert before == contents(world)


# -- the state is lost


def test_state_lost() -> None:
    """A new state finds the links again: no duplicates, no lost values, nothing written."""
    world = World()
    pairs = [world.linked(table, firstname="Ada") for table in ("lead", "contact")]
    pushed = world.marketo.create_person({"lastName": "Pushed"})
    world.sync.sync_person(pushed, as_="lead")
    world.settled()
    before = contents(world)
    world.sync.store = MemoryStore()
    cycles = world.settled()

    assert before == contents(world)
    assert 0 == cycles
    assert {"lead": 2, "contact": 1} == world.sync.status().links
    assert [person for person, _ in pairs] == [world.person_of(row) for _, row in pairs]


def test_state_lost_with_edits() -> None:
    """After the loss, edits of different fields both live and none goes to waste."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.edit(person, {"city": "London"})
    world.dynamics.edit("contact", row, {"jobtitle": "Countess"})
    world.sync.store = MemoryStore()
    world.settled()

    assert 1 == world.marketo.count()
    assert ("London", "London") == world.both(person, "contact", row, "city")
    assert ("Countess", "Countess") == world.both(person, "contact", row, "job_title")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_who_let_go_of_the_id_while_they_were_to_meet(table: str) -> None:
    """A28: a page of another run may be old: who holds the id no longer is nobody's person."""
    world = World()
    person, row = world.linked(table, address1_city="Oslo")
    world.store = world.sync.store = MemoryStore()
    world.dynamics.faults.plan("read", *[Fault("down")] * 40)
    world.cycle()
    world.dynamics.faults.clear()
    held = "crmLeadId" if table == "lead" else "crmContactId"
    world.marketo.edit(person, {held: None, "city": "Paris"})
    world.settled()
    made = world.person_of(row)

    assert made != person
    assert ("Paris", "Oslo") == (world.person(person)["city"], world.person(made)["city"])
    assert "Oslo" == world.row(table, row)["address1_city"]


def test_state_lost_after_a_delete_in_dynamics() -> None:
    """A person whose row is gone stays as it is, and makes no new row."""
    world = World()
    person, row = world.linked("lead", firstname="Ada")
    world.dynamics.delete("lead", row)
    world.settled()
    world.sync.store = MemoryStore()
    world.settled()

    assert {} == world.dynamics.rows("lead")
    assert world.person(person)["microsoftIsDeleted"]


@pytest.mark.parametrize(("table", "expected"), [("lead", "Augusta"), ("contact", "Ada")])
def test_an_entity_added_later(table: str, expected: str) -> None:
    """A map that is added finds the people who hold ids already; nobody's values are lost."""
    added, other = (LEAD, CONTACT) if table == "lead" else (CONTACT, LEAD)
    world = World(other)
    world.linked(str(other.entity), firstname="Grace")
    row = world.dynamics.create(table, {"firstname": "Ada", "lastname": "Lee"})
    person = world.marketo.create_person(
        {added.link_field: row, "firstName": "Augusta", "lastName": "Lee", "city": "London"}
    )
    world.settled()
    world.sync.maps = (LEAD, CONTACT)
    world.settled()

    assert [person] == world.people_of(row)
    assert (expected, expected) == world.both(person, table, row, "first_name")
    assert ("London", "London") == world.both(person, table, row, "city")


def test_an_entity_taken_out_for_a_while() -> None:
    """What changed while a map was taken out is synced when it is back."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.sync.maps = (LEAD,)
    world.marketo.edit(person, {"city": "London"})
    world.cycle()
    world.sync.maps = (LEAD, CONTACT)
    world.settled()

    assert ("London", "London") == world.both(person, "contact", row, "city")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_deleted_in_marketo_and_a_field_gained(table: str) -> None:
    """R46: a field that is new brings back nobody who was deleted in Marketo."""
    maps = {"lead": LEAD, "contact": CONTACT}
    world = World(maps[table].without("job_title"))
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.delete(person)
    world.settled()
    world.sync.maps = (maps[table],)
    world.settled()
    deleted = world.people_of(row)
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()

    assert [] == deleted
    assert "Boss" == world.person(world.person_of(row))["title"]


@pytest.mark.parametrize("gone", [0, 1, 2, 3, 10, 29])
def test_whoever_a_full_read_does_not_show_is_flagged(gone: int) -> None:
    """R45: few who are missing are looked up, many are found by going over all; it is the same."""
    world = World()
    world.sync.guards = Guards(deletes=Limit(count=100, percent=100.0))
    rows = [world.lead() for _ in range(30)]
    other = world.contact()
    world.settled()
    for row in rows[:gone]:
        world.dynamics.delete("lead", row)
    world.dynamics.expire_cursors()
    report = world.cycle()
    flagged = [row for row in rows if world.person(world.person_of(row))["microsoftIsDeleted"]]

    assert gone == report.count(OutcomeKind.FLAGGED) == report.records
    assert rows[:gone] == flagged
    assert not world.person(world.person_of(other))["microsoftIsDeleted"]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_brought_back_and_deleted_again_before_it_settled(table: str) -> None:
    """R45: the second delete is news, though the first one is all that was settled."""
    world = World()
    person, row = world.linked(table)
    world.dynamics.delete(table, row)
    world.cycle()
    world.dynamics.undelete(table, row)
    world.marketo.faults.plan("fetch", Fault("refused"))
    world.cycle()
    world.marketo.faults.clear()
    world.dynamics.delete(table, row)
    world.settled()

    assert world.person(person)["microsoftIsDeleted"] is True
    assert not list(world.store.each_pending())


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_deleted_in_marketo_while_its_entity_is_stopped(table: str) -> None:
    """R46: the feed goes on without it, and is read again from there when it is back."""
    world = World()
    person, row = world.linked(table)
    world.linked("contact" if table == "lead" else "lead")
    world.marketo.delete(person)
    world.dynamics.faults.plan("describe", *([None] if table == "contact" else []), REFUSED)
    report = world.cycle()
    world.settled()
    link = world.store.link_of(Side.DYNAMICS, row, Entity(table))

    assert [table] == list(report.stopped)
    assert link is not None
    assert link.state is LinkState.GONE_MARKETO


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_two_new_people_with_the_id_of_one_new_record(table: str) -> None:
    """Invariant 27: the first who is seen to hold an id keeps it; the other is nobody's."""
    world = World()
    world.settled()
    one, two = (world.marketo.create_person({"lastName": name}) for name in ("One", "Two"))
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Boss"})
    for person in (one, two):
        world.marketo.edit(person, {"crmLeadId" if table == "lead" else "crmContactId": row})
    world.settled()
    links = [world.sync.link(table, person=person) for person in (one, two)]

    assert [True, False] == [link is not None for link in links]
    assert ["Boss", None] == [world.person(person)["title"] for person in (one, two)]


@pytest.mark.parametrize("way", ["merged", "edited"])
@pytest.mark.parametrize("table", ["lead", "contact"])
def test_who_was_to_meet_a_new_record_is_gone_and_a_linked_person_holds_its_id(
    table: str, way: str
) -> None:
    """Invariant 27: who takes over the id of a record that waits keeps what they hold."""
    world = World()
    first, _ = world.linked("lead", firstname="Li")
    other, theirs = world.linked("contact", firstname="Ed", jobtitle="Pilot")
    row = world.dynamics.create(table, {"lastname": "Roe", "jobtitle": "Clerk"})
    world.marketo.edit(first, {IDS[table]: row})
    world.marketo.faults.plan("write", *[Fault("down")] * 20)
    world.cycle()
    world.marketo.faults.clear()
    if way == "merged":
        world.marketo.edit(other, {IDS[table]: None})
        world.marketo.merge(other, first)
    else:
        world.marketo.edit(other, {IDS[table]: row})
        world.marketo.delete(first)
    for seconds in (*[CYCLE] * 4, *[DAY] * 4):
        world.cycle(seconds)

    assert ("Ed", "Ed") == world.both(other, "contact", theirs, "first_name")
    assert ("Pilot", "Pilot") == world.both(other, "contact", theirs, "job_title")
    assert "Contact" == world.person(other)["microsoftType"]
    assert ("Roe", "Clerk") == tuple(world.row(table, row)[n] for n in ("lastname", "jobtitle"))


@pytest.mark.parametrize("everybody", [False, True])
@pytest.mark.parametrize(("table", "expected"), [("lead", "Two"), ("contact", "Boss")])
def test_the_first_of_two_people_with_the_id_of_a_new_record_is_gone(
    table: str,
    expected: str,
    everybody: bool,  # noqa: FBT001 - a case, not a switch
) -> None:
    """A28, invariant 6: the other one meets the record by the policy; no upsert finds them."""
    world = World()
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Boss"})
    one, two = (
        world.marketo.create_person({"lastName": "Lee", "title": name, IDS[table]: row})
        for name in ("One", "Two")
    )
    world.marketo.faults.plan("write", *[Fault("down")] * 20)
    world.cycle()
    world.marketo.faults.clear()
    world.marketo.delete(one)
    if everybody:
        world.marketo.forget_changes()
    report = world.cycle()
    world.settled()

    assert (1, 0) == (report.count(OutcomeKind.UPDATED), report.count(OutcomeKind.CREATED))
    assert Pair(two, row) == world.sync.link(table, person=two)
    assert (expected, expected) == world.both(two, table, row, "job_title")


def test_a_match_who_is_gone_before_they_are_linked() -> None:
    """A28: whoever has the address by now is found, and no third person is made."""
    world = by_email()
    world.settled()
    person = world.marketo.create_person({"lastName": "Lee", "email": "ada@example.org"})
    row = world.contact(emailaddress1="ada@example.org")
    world.marketo.faults.plan("write", *[Fault("down")] * 20)
    world.cycle()
    world.marketo.faults.clear()
    other = world.marketo.create_person({"lastName": "Lee", "email": "ada@example.org"})
    world.marketo.delete(person)
    world.settled()

    assert [other] == [id_ for id_, _ in world.marketo.people()]
    assert Pair(other, row) == world.sync.link("contact", person=other)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_one_way_to_dynamics_at_a_first_meeting(table: str) -> None:
    """A28, A29, R57: nothing goes to Dynamics when two records meet, and what differs does next."""
    maps = [
        one.without("job_title").plus(attrs.evolve(one.field("job_title"), flow=Flow.TO_DYNAMICS))
        for one in (LEAD, CONTACT)
    ]
    world = World(*maps)
    world.settled()
    row = world.dynamics.create(table, {"lastname": "Lee", "jobtitle": "Theirs"})
    link_field = "crmLeadId" if table == "lead" else "crmContactId"
    person = world.marketo.create_person({"lastName": "Lee", "title": "Ours", link_field: row})
    writes = world.dynamics.calls["write"]
    world.cycle()
    met = world.dynamics.calls["write"]
    world.settled()

    assert writes == met
    assert ("Ours", "Ours") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize("put", ["Ours", "Theirs", "Nobody's"])
def test_what_is_put_at_a_first_meeting_is_told_to_who_does_not_hold_it(put: str) -> None:
    """A29: whoever holds it already is told nothing, and both hold it in the end."""
    world = World(LEAD.only("job_title"))
    world.sync.first = lambda _: Put(put, "so")
    world.settled()
    row = world.lead(lastname="Lee", jobtitle="Theirs")
    person = world.marketo.create_person({"lastName": "Lee", "title": "Ours", "crmLeadId": row})
    world.settled()
    changes = [change for entry in world.recorder.entries for change in entry.changes]
    met = [change.written for change in changes if change.verdict == "first"]

    assert (put, put) == world.both(person, "lead", row, "job_title")
    assert [() if put == "Ours" else (Side.MARKETO,)] == met
