"""*Sync Person to Microsoft*: creates, once, or does nothing; never an update (R26-R32)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import pytest

from dynsync._push import PushAnswer
from dynsync._refused import is_refused
from dynsync.backlog import Observation, Pending, PendingKey, Push
from dynsync.errors import ConfigurationError, LeaseHeld
from dynsync.fields import EntityMap, Match
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.outcomes import OutcomeKind
from dynsync.recorder import Entry
from dynsync.records import Pair, RecordId, Side, Wire
from dynsync.sandbox import BusinessRule, Fault, FaultKind, SimulatedCrash
from dynsync.sqlite import SqliteStore
from dynsync.state import FeedState, StateStore
from dynsync.sync import When
from store_fixtures import another, store
from support import World, before

__all__ = ["another", "store"]

TABLES = ("lead", "contact")
WHENS: tuple[When, ...] = ("now", "queued")
OWNER = RecordId("00000000-0000-4000-8000-0000000000ee")


def person_in(world: World, **values: Wire) -> RecordId:
    """Make a person in Marketo only."""
    return world.marketo.create_person({"lastName": "New", "email": "new@example.org", **values})


def rows(world: World) -> int:
    """Return how many rows there are in Dynamics."""
    return sum(world.dynamics.count(table) for table in TABLES)


# -- creating


def test_never_by_itself() -> None:
    """R26: the cycle never promotes a person who is in Marketo alone."""
    world = World()
    person = person_in(world)
    world.settled()
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert 0 == rows(world)


@pytest.mark.parametrize("table", TABLES)
def test_creates_with_all_values(table: str) -> None:
    """R30: as a lead or a contact, with all values; the person knows what it is now."""
    world = World()
    person = person_in(world, title="Boss", annualRevenue=12.5)
    answer = world.sync.sync_person(person, as_=table)
    assert answer.dynamics is not None
    row, values = world.row(table, answer.dynamics), world.person(person)

    assert PushAnswer("created", person, answer.dynamics) == answer
    assert ("New", "new@example.org", "Boss") == (
        row["lastname"],
        row["emailaddress1"],
        row["jobtitle"],
    )
    assert table.capitalize() == values["microsoftType"]
    assert answer.dynamics == values["crmLeadId" if table == "lead" else "crmContactId"]
    assert table == "contact" or row["revenue"] == 12.5


def test_a_contact_of_no_account() -> None:
    """R31, A9: a contact is made directly and belongs to no account."""
    world = World()
    answer = world.sync.sync_person(person_in(world, company="Acme"), as_="contact")
    assert answer.dynamics is not None

    assert world.row("contact", answer.dynamics)["parentcustomerid"] is None
    assert 0 == world.dynamics.count("lead")


@pytest.mark.parametrize("when", WHENS)
def test_owner(when: When) -> None:
    """R30: the owner who was chosen gets the new row."""
    world = World()
    person = person_in(world)
    world.sync.sync_person(person, as_="lead", owner=OWNER, when=when)
    world.settled()
    (row,) = world.dynamics.rows("lead").values()

    assert OWNER == row["ownerid"]


@pytest.mark.parametrize("when", WHENS)
def test_goes_on_syncing(when: When) -> None:
    """After the push both sides sync, quietly, and Dynamics' own fields come over."""
    world = World()
    person = person_in(world)
    world.sync.sync_person(person, as_="lead", when=when)
    world.settled()
    (row,) = world.dynamics.rows("lead")
    cycles = world.settled()
    world.marketo.edit(person, {"city": "Oslo"})
    world.dynamics.edit("lead", row, {"jobtitle": "Boss"})
    world.settled()

    assert 0 == cycles
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")
    assert "Open" == world.person(person)["leadStatus"]
    assert [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]


@pytest.mark.parametrize("when", WHENS)
def test_an_id_in_another_spelling_is_nobody_s(when: When) -> None:
    """Nor does it keep anybody else waiting: what is answered for it was not asked for."""
    world = World()
    person, row = world.linked("lead")
    other = person_in(world)
    answer = world.sync.sync_person(f"0{other}", as_="lead", when=when)
    world.marketo.edit(person, {"city": "Oslo"})
    world.settled()

    assert ("no such person" if when == "now" else "queued") == answer.kind
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert 1 == world.dynamics.count("lead")
    assert not world.sync.status().waiting


@pytest.mark.parametrize("person", ["\ud800", "1\x00", " ", True])
def test_what_no_id_can_be_is_refused(person: str) -> None:
    """Before anything is stored or sent."""
    world = World()
    with pytest.raises(ConfigurationError, match="is no id"):
        world.sync.sync_person(person, as_="lead")

    assert not world.sync.status().waiting


def test_values_are_those_of_the_moment() -> None:
    """A queued push takes the person as it is when its turn comes."""
    world = World()
    person = person_in(world, title="Analyst")
    world.sync.sync_person(person, as_="lead", when="queued")
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()
    (row,) = world.dynamics.rows("lead").values()

    assert "Boss" == row["jobtitle"]


def test_edited_while_it_is_made() -> None:
    """Invariant 31: an edit right before the create is not lost."""
    world = World()
    person = person_in(world, title="Analyst")
    world.settled()
    before(world.dynamics.faults, "write", lambda: world.marketo.edit(person, {"title": "Boss"}))
    world.sync.sync_person(person, as_="contact")
    world.settled()
    (row,) = world.dynamics.rows("contact")

    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")


def test_one_who_matches_by_email_only_is_made_anew() -> None:
    """R33, U10: another row with the same e-mail address is another row."""
    world = World()
    world.contact(emailaddress1="new@example.org")
    world.settled()
    person = person_in(world)

    assert "created" == world.sync.sync_person(person, as_="contact").kind
    assert 2 == world.dynamics.count("contact")


# -- doing nothing


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("when", WHENS)
def test_existing(table: str, as_: str, when: When) -> None:
    """R27, A5, U11: in Dynamics already, as whatever: nothing is done, not even the owner."""
    # Invariant 34.
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    before_ = world.row(table, row)
    calls = world.dynamics.calls["write"]
    answer = world.sync.sync_person(person, as_=as_, owner=OWNER, when=when)

    assert ("exists", row) == (answer.kind, answer.dynamics)
    assert f"as a {table}" in answer.message
    assert before_ == world.row(table, row)
    assert calls == world.dynamics.calls["write"]
    assert {} == world.sync.status().backlog
    assert 1 == rows(world)


def test_existing_by_the_id_it_holds() -> None:
    """R27: a person that holds a row's id is in Dynamics, though it is not linked yet."""
    world = World()
    world.cycle()
    row = world.lead(firstname="Ada")
    person = person_in(world, crmLeadId=row)
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()

    assert "exists" == answer.kind
    assert 1 == rows(world)
    assert [person] == world.people_of(row)


def test_existing_as_the_other_entity_by_the_id_it_holds() -> None:
    """U11: a person that holds a contact's id is not made a lead as well."""
    world = World()
    world.cycle()
    row = world.contact(firstname="Ada")
    person = person_in(world, crmContactId=row)
    world.sync.sync_person(person, as_="lead")
    world.settled()

    assert 0 == world.dynamics.count("lead")
    assert [person] == world.people_of(row)


@pytest.mark.parametrize("when", WHENS)
def test_in_dynamics_as_an_entity_that_is_stopped(when: When) -> None:
    """U11: who holds the id of a contact is one, though contacts take no part at the moment."""
    world = World()
    world.linked("contact")
    world.dynamics.drop_column("contact", "middlename")
    world.cycle()
    person = person_in(world, crmContactId=world.contact(jobtitle="Boss"))
    answer = world.sync.sync_person(person, as_="lead", when=when)
    world.cycle()

    assert ("exists" if when == "now" else "queued") == answer.kind
    assert 0 == world.dynamics.count("lead")


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("when", WHENS)
def test_who_holds_the_id_of_a_record_that_is_gone(table: str, as_: str, when: When) -> None:
    """R32: nobody told them of its end, and they are in Dynamics no more."""
    world = World()
    gone = world.dynamics.create(table, {"lastname": "Lee"})
    world.dynamics.delete(table, gone)
    native = "crmLeadId" if table == "lead" else "crmContactId"
    person = person_in(world, **{native: gone}, company="Roe")
    answer = world.sync.sync_person(person, as_=as_, when=when)
    world.settled()
    again = world.sync.sync_person(person, as_=as_)

    assert ("created" if when == "now" else "queued") == answer.kind
    assert ("exists", 1) == (again.kind, rows(world))
    assert [again.dynamics] == list(world.dynamics.rows(as_))
    assert as_.capitalize() == world.person(person)["microsoftType"]


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("gone", TABLES)
def test_who_holds_the_ids_of_a_record_that_is_gone_and_of_one_that_is_there(
    gone: str, as_: str
) -> None:
    """U11: they are what is there, whatever they are pushed as."""
    world = World()
    ids = {table: world.dynamics.create(table, {"lastname": "Lee"}) for table in TABLES}
    world.dynamics.delete(gone, ids[gone])
    person = person_in(world, crmLeadId=ids["lead"], crmContactId=ids["contact"])
    answer = world.sync.sync_person(person, as_=as_)

    assert "exists" == answer.kind
    assert 1 == rows(world)


def test_unknown_person() -> None:
    """Nobody is called that: nothing is made, now or later."""
    world = World()
    answer = world.sync.sync_person(4711, as_="lead")
    world.sync.sync_person("4712", as_="lead", when="queued")
    report = world.cycle()

    assert "no such person" == answer.kind
    assert 0 == rows(world) == report.writes.total()
    assert {} == world.sync.status().backlog


def test_deleted_before_its_turn() -> None:
    """A queued person was deleted before the cycle: nothing is made."""
    world = World()
    person = person_in(world)
    world.sync.sync_person(person, as_="lead", when="queued")
    world.marketo.delete(person)
    world.settled()

    assert 0 == rows(world)
    assert {} == world.sync.status().backlog


def test_unknown_entity() -> None:
    """An entity that is not synced: the error names those that are."""
    world = World()
    with pytest.raises(ConfigurationError, match="no map for 'account'; there are lead, contact"):
        world.sync.sync_person(person_in(world), as_="account")


def test_a_stopped_entity() -> None:
    """A22: while its entity is stopped nothing is made, and the answer says why."""
    world = World(LEAD, CONTACT)
    world.cycle()
    world.dynamics.drop_column("lead", "jobtitle")
    world.cycle()
    person = person_in(world)
    answer = world.sync.sync_person(person, as_="lead")

    assert "stopped" == answer.kind
    assert "refresh_schema" in answer.message
    assert 0 == rows(world)


# -- whose record was deleted, and comes back


def deleted(world: World, table: str) -> tuple[RecordId, RecordId]:
    """Make a person whose record in *table* was deleted and who is flagged; return both ids."""
    person, row = world.linked(table, firstname="Ada")
    world.dynamics.delete(table, row)
    world.settled()
    return person, row


def is_one_again(world: World, person: RecordId, table: str, row: RecordId) -> bool:
    """Return whether *person* is *row* and nothing else, and whether days write nothing."""
    world.settled()
    quiet = [world.cycle(86_400) for _ in range(8)]
    world.marketo.edit(person, {"city": "Oslo"})
    world.settled()
    values = world.person(person)
    return (
        all(report.writes.total() == 0 == report.records for report in quiet)
        and 1 == rows(world)
        and [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]
        and not values["crmContactId" if table == "lead" else "crmLeadId"]
        and (False, table.capitalize()) == (values["microsoftIsDeleted"], values["microsoftType"])
        and ("Oslo", "Oslo") == world.both(person, table, row, "city")
        and {} == world.sync.status().backlog
    )


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
def test_back_while_queued(table: str, as_: str, store: StateStore) -> None:
    """A7, R27, U11: who is in Dynamics again when its turn comes is not made once more."""
    # Invariants 2, 3, 12 and 27.
    world = World(store=store)
    person, row = deleted(world, table)
    world.sync.sync_person(person, as_=as_, when="queued")
    world.dynamics.undelete(table, row)
    report = world.cycle()

    assert (1, 1) == (report.count(OutcomeKind.SKIPPED), report.count(OutcomeKind.UPDATED))
    assert 0 == report.writes[Side.DYNAMICS]
    assert is_one_again(world, person, table, row)


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("when", WHENS)
def test_back_before_we_were_told(table: str, as_: str, when: When) -> None:
    """A7, U11: pushed after its record came back, which no feed has told us yet."""
    world = World()
    person, row = deleted(world, table)
    world.dynamics.undelete(table, row)
    answer = world.sync.sync_person(person, as_=as_, when=when)

    assert ("exists" if when == "now" else "queued") == answer.kind
    assert is_one_again(world, person, table, row)


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("back", [False, True])
def test_without_its_id_in_marketo(when: When, as_: str, *, back: bool) -> None:
    """R27, A7, U11: the link says whose record it is, whatever somebody made of the person's id."""
    world = World()
    person, row = world.linked("contact")
    if back:
        world.dynamics.delete("contact", row)
        world.settled()
        world.dynamics.undelete("contact", row)
    world.marketo.edit(person, {"crmContactId": None})
    answer = world.sync.sync_person(person, as_=as_, when=when)

    assert ("queued" if back and when == "queued" else "exists") == answer.kind
    assert is_one_again(world, person, "contact", row)


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("kind", ["refused", "lost_request", "lost_response", "partial"])
def test_back_and_not_told_to_the_person(as_: str, when: When, kind: FaultKind) -> None:
    """A7, U11: its return is known, but the person could not be told, or nobody knows."""
    world = World()
    person, row = deleted(world, "lead")
    world.dynamics.undelete("lead", row)
    world.marketo.faults.plan("write", Fault(kind))
    world.cycle()
    answer = world.sync.sync_person(person, as_=as_, when=when)

    assert answer.kind in {"exists", "queued"}
    assert is_one_again(world, person, "lead", row)


@pytest.mark.parametrize("kind", ["refused", "lost_request", "lost_response"])
def test_back_in_another_run(kind: FaultKind) -> None:
    """A7, U11: queued for an entity that stands still, while the other one's record returns."""
    world = World()
    person, row = deleted(world, "lead")
    world.sync.sync_person(person, as_="contact", when="queued")
    world.dynamics.undelete("lead", row)
    world.marketo.faults.plan("write", Fault(kind))
    world.dynamics.drop_column("contact", "jobtitle")
    stopped = [world.cycle() for _ in range(4)]
    world.sync.refresh_schema("contact")

    assert all("contact" in report.stopped for report in stopped)
    assert is_one_again(world, person, "lead", row)


@pytest.mark.parametrize("when", WHENS)
def test_back_as_an_entity_that_is_stopped_since(when: When) -> None:
    """A7, U11: its return waits, and cannot be settled now."""
    world = World()
    person, row = deleted(world, "contact")
    world.dynamics.undelete("contact", row)
    world.marketo.faults.plan("fetch", *[Fault("down")] * 20)
    world.cycle()
    world.marketo.faults.clear()
    world.dynamics.drop_column("contact", "middlename")
    world.cycle()
    answer = world.sync.sync_person(person, as_="lead", when=when)
    world.cycle()

    assert ("exists" if when == "now" else "queued") == answer.kind
    assert 0 == world.dynamics.count("lead")
    world.sync.refresh_schema("contact")
    assert is_one_again(world, person, "contact", row)


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
def test_what_became_of_the_deleted_record_is_over(table: str, as_: str) -> None:
    """R32: pushed again as either, nothing waits of the record that is gone."""
    world = World()
    person, _ = deleted(world, table)
    first = world.sync.sync_person(person, as_=as_).dynamics
    quiet = [world.cycle(86_400) for _ in range(6)][1:]
    assert first is not None
    waiting = dict(world.sync.status().backlog)
    world.dynamics.delete(as_, first)
    world.settled()
    for _ in range(4):
        world.cycle(86_400)
    second = world.sync.sync_person(person, as_=as_).dynamics

    assert {} == waiting
    assert [0] * 5 == [report.records for report in quiet]
    assert second not in {None, first}


@pytest.mark.parametrize("as_", TABLES)
def test_back_without_its_person(as_: str) -> None:
    """A7: the record came back, but its person was deleted while it waited: nothing is made."""
    world = World()
    person, row = deleted(world, "lead")
    world.sync.sync_person(person, as_=as_, when="queued")
    world.dynamics.undelete("lead", row)
    world.marketo.delete(person)
    world.settled()

    assert (1, [row]) == (rows(world), list(world.dynamics.rows("lead")))
    assert {} == world.sync.status().backlog


@pytest.mark.parametrize("as_", TABLES)
def test_back_one_by_one(as_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A7: nor is it made again where each write is a call and a transaction of its own."""
    monkeypatch.setattr("dynsync.sandbox._dynamics_connector._BATCH", 1)
    monkeypatch.setattr("dynsync.sandbox._marketo_connector._BATCH", 1)
    world = World()
    person, row = deleted(world, "contact")
    world.sync.sync_person(person, as_=as_, when="queued")
    world.dynamics.undelete("contact", row)

    assert is_one_again(world, person, "contact", row)


def test_back_when_another_was_made_unheard() -> None:
    """Invariant 27: made again without an answer, and back: nobody is linked, nothing flips."""
    world = World()
    person, row = deleted(world, "contact")
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.sync.sync_person(person, as_="lead")
    world.dynamics.undelete("contact", row)
    world.dynamics.drop_column("lead", "jobtitle")
    world.cycle()
    world.sync.refresh_schema("lead")
    reports = [world.cycle(86_400) for _ in range(6)]
    values = world.person(person)

    assert [1] * 6 == [report.count(OutcomeKind.AMBIGUOUS) for report in reports]
    assert [1] * 6 == [report.records for report in reports]
    assert 0 == sum(report.writes.total() for report in reports)
    assert (row, None) == (values["crmContactId"], values["crmLeadId"])


# -- deleted, and the flag unanswered


@pytest.fixture(params=[(1000, 300), (1, 300), (1000, 1), (1, 1)])
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a call to Dynamics, and one to Marketo, write as many rows as the parameter says."""
    for name, limit in zip(("dynamics", "marketo"), request.param, strict=True):
        monkeypatch.setattr(f"dynsync.sandbox._{name}_connector._BATCH", limit)


@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("kind", ["lost_response", "lost_request"])
@pytest.mark.parametrize("side", Side)
@pytest.mark.usefixtures("limits")
def test_pushed_while_the_flag_is_unanswered(
    as_: str, kind: FaultKind, side: Side, store: StateStore
) -> None:
    """R32: the old link ends once, whichever is settled first, and others are settled too."""
    world = World(store=store)
    others = [world.linked("lead", jobtitle="Clerk") for _ in range(3)]
    person, row = world.linked("lead")
    world.dynamics.delete("lead", row)
    world.marketo.faults.plan("write", Fault(kind))
    world.cycle()
    world.sync.sync_person(person, as_=as_, when="queued")
    for one, other in others:
        if side is Side.MARKETO:
            world.marketo.edit(one, {"title": "Boss"})
        else:
            world.dynamics.edit("lead", other, {"jobtitle": "Boss"})
    report = world.cycle()
    world.settled()
    made = next(id_ for id_ in world.dynamics.rows(as_) if id_ not in {o for _, o in others})
    values = world.person(person)

    assert (1, ()) == (report.count(OutcomeKind.CREATED), report.troubles)
    assert {("Boss", "Boss")} == {world.both(p, "lead", r, "job_title") for p, r in others}
    assert (4, 4) == (rows(world), sum(world.sync.status().links.values()))
    assert [person] == world.people_of(made)
    assert (False, as_.capitalize()) == (values["microsoftIsDeleted"], values["microsoftType"])
    assert [] == [entry.key for entry in store.each_pending() if entry.push or entry.link]


# -- in Dynamics by an id that somebody gave, or that is to be made


UNMARKED = tuple(attrs.evolve(one, deleted_field=None) for one in (LEAD, CONTACT))


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("maps", [(LEAD, CONTACT), UNMARKED], ids=["marked", "unmarked"])
def test_made_as_the_other_entity_by_a_state_that_is_lost(
    maps: tuple[EntityMap, ...], when: When
) -> None:
    """U11, R27: the id of what was made depends on the person alone: this one is made already."""
    world = World(*maps)
    person = person_in(world)
    world.sync.sync_person(person, as_="contact")
    world.settled()
    world.sync.store = world.store = MemoryStore()
    answer = world.sync.sync_person(person, as_="lead", when=when)
    world.settled()

    assert ("exists" if when == "now" else "queued") == answer.kind
    assert (0, 1) == tuple(world.dynamics.count(table) for table in TABLES)
    assert {} == dict(world.sync.status().backlog)


@pytest.mark.parametrize("when", WHENS)
def test_queued_by_two_hosts_before_the_first_cycle(when: When) -> None:
    """Invariant 12: nothing tells them of each other yet; one record is made, and nobody waits."""
    world = World()
    person = person_in(world)
    world.sync.maps = (LEAD,)
    world.sync.sync_person(person, as_="lead", when="queued")
    world.sync.maps = (CONTACT,)
    world.sync.sync_person(person, as_="contact", when=when)
    world.sync.maps = (LEAD, CONTACT)
    world.settled()

    assert 1 == rows(world)
    assert {} == dict(world.sync.status().backlog)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("as_", TABLES)
@pytest.mark.parametrize("table", TABLES)
def test_given_the_id_of_another_record_after_its_own_was_deleted(
    table: str, as_: str, when: When
) -> None:
    """U11, R27: the mark of a delete speaks of the record before."""
    world = World()
    person, _ = deleted(world, table)
    other = world.contact()
    world.marketo.edit(person, {"crmContactId": other})
    world.sync.sync_person(person, as_=as_, when=when)
    world.settled()

    assert (0, 1) == tuple(world.dynamics.count(table) for table in TABLES)
    assert [person] == world.people_of(other) == [id_ for id_, _ in world.marketo.people()]
    assert {} == dict(world.sync.status().backlog)


def test_marked_as_deleted_though_it_is_back_and_the_state_is_lost() -> None:
    """R27: what is there is theirs, whatever the person says of it."""
    world = World()
    person, row = deleted(world, "lead")
    world.dynamics.undelete("lead", row)
    world.sync.store = world.store = MemoryStore()
    world.sync.sync_person(person, as_="lead")
    world.settled()

    assert (1, 1) == (rows(world), world.marketo.count())
    assert [person] == world.people_of(row)


def test_marked_and_back_and_given_the_id_of_what_is_gone() -> None:
    """R27: which of two ids a person holds says whose record is there, not which came last."""
    world = World()
    person, row = deleted(world, "lead")
    world.dynamics.undelete("lead", row)
    gone = world.contact()
    world.dynamics.delete("contact", gone)
    world.marketo.edit(person, {"crmContactId": gone})
    world.sync.store = world.store = MemoryStore()
    world.sync.sync_person(person, as_="lead")
    world.settled()

    assert 1 == rows(world)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("as_", TABLES)
def test_made_and_deleted_and_asked_for_again_by_a_state_that_is_lost(as_: str, when: When) -> None:
    """R32: what is deleted is made again, under the same id or as the other entity."""
    world = World()
    person = person_in(world)
    row = world.sync.sync_person(person, as_="lead").dynamics
    assert row is not None
    world.settled()
    world.dynamics.delete("lead", row)
    world.settled()
    world.sync.store = world.store = MemoryStore()
    world.sync.sync_person(person, as_=as_, when=when)
    world.settled()

    assert {as_: 1} == {table: n for table in TABLES if (n := world.dynamics.count(table))}
    assert [person] == world.people_of(next(iter(world.dynamics.rows(as_))))


def test_queued_and_given_the_id_of_a_new_record() -> None:
    """R27: they meet it, and the push is over; nothing about it is ambiguous."""
    world = World()
    world.cycle()
    row = world.lead()
    person = person_in(world, crmLeadId=row)
    world.sync.sync_person(person, as_="lead", when="queued")
    report = world.cycle()
    (skipped,) = [one for one in world.recorder.entries if one.kind == "skipped"]

    assert 0 == report.count(OutcomeKind.AMBIGUOUS)
    assert (person, None) == (skipped.person, skipped.dynamics)
    assert [person] == world.people_of(row)


@pytest.mark.parametrize("kind", ["lost_request", "down"])
def test_pushed_while_its_match_waits(kind: FaultKind) -> None:
    """A7, A28: a record was found to be theirs, and Marketo could not be told: it is theirs."""
    world = World(LEAD, attrs.evolve(CONTACT, match=Match("email")))
    world.cycle()
    person = person_in(world)
    row = world.contact(emailaddress1="new@example.org")
    world.marketo.faults.plan("write", *[Fault(kind)] * (6 if kind == "down" else 1))
    world.cycle()
    world.marketo.faults.clear()
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()

    assert "deferred" == answer.kind
    assert (1, [person]) == (rows(world), world.people_of(row))
    assert {} == dict(world.sync.status().backlog)


# -- gone again before it was heard of


@pytest.mark.parametrize("kind", ["lost_request", "lost_response", "refused", "down"])
@pytest.mark.parametrize("table", TABLES)
def test_deleted_in_marketo_before_it_was_told_the_id(table: str, kind: FaultKind) -> None:
    """R46: what Dynamics put into the new record by itself brings nobody back."""
    world = World()
    world.cycle()
    person = person_in(world)
    world.marketo.faults.plan("write", *[Fault(kind)] * (6 if kind == "down" else 1))
    world.sync.sync_person(person, as_=table)
    world.marketo.faults.clear()
    world.marketo.delete(person)
    world.settled()

    assert 0 == world.marketo.count()


def test_made_unheard_and_deleted_and_restored() -> None:
    """Invariant 12: nobody else's push makes that id: the record is theirs when it comes back."""
    world = World()
    world.cycle()
    person = person_in(world)
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.sync.sync_person(person, as_="lead")
    (row,) = world.dynamics.rows("lead")
    world.dynamics.delete("lead", row)
    world.cycle()
    world.dynamics.undelete("lead", row)
    world.settled()

    assert [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]


# -- in the queue


@pytest.mark.parametrize("second", TABLES)
@pytest.mark.parametrize("when", WHENS)
def test_already_queued(second: str, when: When) -> None:
    """R29: on its way already: as what it was asked for first, once, whatever is asked now."""
    world = World()
    person = person_in(world)
    first = world.sync.sync_person(person, as_="lead", when="queued")
    again = world.sync.sync_person(person, as_=second, when=when)
    world.settled()

    assert ("queued", "already queued") == (first.kind, again.kind)
    assert (1, 0) == tuple(world.dynamics.count(table) for table in TABLES)


@pytest.mark.parametrize("when", WHENS)
def test_already_queued_by_another_host(when: When) -> None:
    """R29: two hosts with a map each push one person over one state: it is made once."""
    world = World()
    world.cycle()
    person = person_in(world)
    world.sync.maps = (LEAD,)
    first = world.sync.sync_person(person, as_="lead", when="queued")
    world.sync.maps = (CONTACT,)
    again = world.sync.sync_person(person, as_="contact", when=when)
    world.sync.maps = (LEAD, CONTACT)
    world.settled()

    assert ("queued", "already queued") == (first.kind, again.kind)
    assert (1, 0) == tuple(world.dynamics.count(table) for table in TABLES)


@pytest.mark.parametrize("as_", TABLES)
def test_matched_in_the_same_run(as_: str) -> None:
    """A7, A28: a record that comes up meanwhile, and is the person's by their e-mail, is theirs."""
    world = World(LEAD, attrs.evolve(CONTACT, match=Match("email")))
    world.cycle()
    person = person_in(world)
    row = world.contact(emailaddress1="new@example.org")
    world.sync.sync_person(person, as_=as_, when="queued")
    world.settled()

    assert (1, 1) == (rows(world), len(list(world.marketo.people())))
    assert [person] == world.people_of(row)
    assert {} == dict(world.sync.status().backlog)


def test_paused() -> None:
    """A8: while the sync is off a push is queued, and made when it is on again."""
    world = World()
    person = person_in(world)
    world.cycle()
    world.sync.pause()
    answer = world.sync.sync_person(person, as_="lead")
    world.cycle()
    paused = rows(world)
    world.sync.resume()
    world.settled()

    assert ("queued", 0) == (answer.kind, paused)
    assert 1 == rows(world)


def test_run_although_paused() -> None:
    """A8: where the host says so, a trigger campaign makes the record while the sync is off."""
    world = World()
    world.sync.push_when_paused = "run"
    person = person_in(world)
    world.cycle()
    world.sync.pause()
    answers = [world.sync.sync_person(person, as_="lead", when=when) for when in ("now", "queued")]
    report = world.cycle()

    assert ["created", "exists"] == [answer.kind for answer in answers]
    assert report.paused
    assert 1 == rows(world)


def test_while_a_cycle_runs() -> None:
    """A cycle holds the lease: the push is queued, and made once."""
    store = MemoryStore()
    world, other = World(store=store), store.twin()
    person = person_in(world)
    world.cycle()
    other.acquire(world.clock.now().timestamp(), 120.0)
    answer = world.sync.sync_person(person, as_="lead")
    other.release()
    world.settled()

    assert "queued" == answer.kind
    assert 1 == rows(world)


class Within:
    """A recorder that does something of its own with the sync that tells it."""

    name = "within"

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.answers: list[object] = []

    def record(self, entries: Sequence[Entry]) -> None:  # noqa: ARG002 - whatever they are
        """Do it, and note what came of it."""
        try:
            self.answers.append(self.act())
        except LeaseHeld as error:
            self.answers.append(str(error))


def within(world: World, where: str, act: Callable[[], object]) -> Within:
    """Have *act* done inside of a run: where recorders are told, or while it is shown."""
    inside = Within(act)
    if where == "recorder":
        world.sync.recorders = (inside,)
    else:
        world.sync.show = lambda progress: (
            inside.record(()) if progress.phase == "writing" else None
        )
    return inside


@pytest.mark.parametrize("where", ["recorder", "show"])
def test_from_inside_of_a_cycle(store: StateStore, where: str) -> None:
    """The cycle that is under way keeps its lease to the end; the push is queued, and made once."""
    world = World(store=store)
    person = person_in(world)
    world.lead(lastname="Ada")
    inside = within(world, where, lambda: world.sync.sync_person(person, as_="lead").kind)
    report = world.sync.run()
    world.settled()

    assert 1 == report.count(OutcomeKind.CREATED)
    assert "queued" == inside.answers[0]
    assert 2 == rows(world)


@pytest.mark.parametrize("where", ["recorder", "show"])
@pytest.mark.parametrize("call", ["run", "plan", "retry"])
def test_no_run_begins_inside_of_a_cycle(store: StateStore, where: str, call: str) -> None:
    """The lease is not taken once more by who has it, and not given back before the end."""
    world = World(store=store)
    world.lead(lastname="Ada")
    calls = {"run": world.sync.run, "plan": world.sync.plan}
    inside = within(world, where, calls.get(call, lambda: world.sync.retry("lead")))
    report = world.sync.run()

    assert 1 == report.count(OutcomeKind.CREATED)
    assert all("runs this sync already" in str(answer) for answer in inside.answers)
    assert inside.answers
    assert world.sync.plan()


@pytest.mark.parametrize("seconds", [0.0, 130.0])
def test_by_another_thread_of_the_process(tmp_path: Path, seconds: float) -> None:
    """Who opened the file once more knows of the run, though its call outlasts its lease."""
    with SqliteStore(tmp_path / "state") as store, SqliteStore(tmp_path / "state") as other:
        world = World(store=store)
        rival = World(store=other, clock=world.clock, marketo=world.marketo)
        rival.sync.dynamics = world.sync.dynamics
        person = person_in(world)
        world.lead(lastname="Ada")
        answers: list[str] = []

        def push() -> None:
            world.clock.advance(seconds)
            answers.append(rival.sync.sync_person(person, as_="lead").kind)

        before(world.marketo.faults, "write", push)
        report = world.sync.run()
        world.settled()

    assert ["queued"] == answers
    assert 1 == report.count(OutcomeKind.CREATED)
    assert 2 == rows(world)


# -- rejected


def refusing(world: World) -> None:
    """Have Dynamics refuse a title."""

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] == "Boss":
            raise BusinessRule("this job title is not allowed")

    world.dynamics.add_rule("lead", rule)


def test_rejected_now() -> None:
    """A31: a synchronous answer; told once, and not queued."""
    world = World()
    refusing(world)
    person = person_in(world, title="Boss")
    answer = world.sync.sync_person(person, as_="lead")
    backlog = dict(world.sync.status().backlog)
    world.marketo.edit(person, {"title": "Clerk"})
    world.settled()

    assert "rejected" == answer.kind
    assert "not allowed" in answer.message
    assert {} == backlog
    assert 0 == rows(world)
    assert 1 == len(world.lines(person))


def test_rejected_and_tried_again() -> None:
    """A31: after a correction it may be asked for again."""
    world = World()
    refusing(world)
    person = person_in(world, title="Boss")
    world.sync.sync_person(person, as_="lead")
    world.marketo.edit(person, {"title": "Clerk"})

    assert "created" == world.sync.sync_person(person, as_="lead").kind
    assert 1 == rows(world)


def test_rejected_in_the_cycle() -> None:
    """R92: a queued one that is refused is told once, and made when it can be."""
    world = World()
    refusing(world)
    person = person_in(world, title="Boss")
    world.sync.sync_person(person, as_="lead", when="queued")
    report = world.cycle()
    for _ in range(10):
        world.cycle()
    told = len(world.lines(person))
    world.marketo.edit(person, {"title": "Clerk"})
    for _ in range(24):
        world.cycle(3600)

    assert 1 == report.count(OutcomeKind.REJECTED)
    assert 1 == told == len(world.lines(person))
    assert 1 == rows(world)


def refused_for_good(world: World, person: RecordId) -> None:
    """Have a queued person refused until nothing is tried any more."""
    refusing(world)
    world.sync.sync_person(person, as_="lead", when="queued")
    for _ in range(12):
        world.cycle(86_400)
    assert {("lead", "permanent"): 1} == dict(world.sync.status().backlog)


def test_refused_for_good_and_corrected(store: StateStore) -> None:
    """A20: what was refused until nothing more was tried is tried again when the person changes."""
    world = World(store=store)
    person = person_in(world, title="Boss")
    refused_for_good(world, person)
    world.marketo.edit(person, {"title": "Clerk"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.CREATED) == rows(world)
    assert {} == dict(world.sync.status().backlog)


def refused_after_a_delete(world: World) -> tuple[RecordId, RecordId]:
    """Have a person refused for good whose record was deleted before; return both ids."""
    person, row = world.linked("lead", jobtitle="Clerk")
    world.dynamics.delete("lead", row)
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()
    refused_for_good(world, person)
    return person, row


def test_refused_for_good_after_its_record_was_deleted(store: StateStore) -> None:
    """A20, R32: so is who had a record before, which was deleted."""
    world = World(store=store)
    person, _ = refused_after_a_delete(world)
    world.marketo.edit(person, {"title": "Clerk"})
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.CREATED) == rows(world)
    assert [person] == world.people_of(next(iter(world.dynamics.rows("lead"))))


def test_refused_for_good_and_its_record_is_back(store: StateStore) -> None:
    """R26, R27: nobody asked for the record that a later delete would have it make."""
    world = World(store=store)
    person, row = refused_after_a_delete(world)
    world.dynamics.undelete("lead", row)
    world.settled()
    waiting = [entry for entry in store.each_pending() if entry.push is not None]
    world.dynamics.delete("lead", row)
    world.settled()
    world.marketo.edit(person, {"title": "Clerk"})
    world.settled()

    assert [] == waiting
    assert 0 == rows(world)


def test_refused_for_good_and_matched() -> None:
    """A28, R27: who turns out to be in Dynamics is not made there."""
    world = World(LEAD, attrs.evolve(CONTACT, match=Match("email")))
    world.cycle()
    person = person_in(world, title="Boss")
    refused_for_good(world, person)
    row = world.contact(emailaddress1="new@example.org")
    world.cycle()
    waiting = dict(world.sync.status().backlog)
    world.settled()

    assert {("lead", "push"): 1, ("contact", "first"): 1} == waiting
    assert [person] == world.people_of(row)
    assert {} == dict(world.sync.status().backlog)


def test_which_push_was_refused() -> None:
    """A20: a record of Dynamics' own that is refused is no push, and what waits for an answer."""
    push = Push(LEAD.entity, None)
    ids = Pair[RecordId | None](None, RecordId("2"))
    seen = Pair[Observation | None](None, None)
    entry = Pending(PendingKey("new:lead:2"), LEAD.entity, None, ids, seen, 0.0, 0.0, None)
    entry = attrs.evolve(entry, reason="permanent")

    assert not is_refused(entry)
    assert is_refused(attrs.evolve(entry, push=push))
    assert not is_refused(attrs.evolve(entry, push=push, reason="ambiguous"))


@pytest.mark.parametrize("when", WHENS)
def test_refused_for_good_and_asked_for_again(when: When) -> None:
    """A31, R29: it is on no way any more; it is told once all the same."""
    world = World()
    person = person_in(world, title="Boss")
    refused_for_good(world, person)
    again = world.sync.sync_person(person, as_="lead", when=when)
    world.settled()

    assert ("rejected" if when == "now" else "queued") == again.kind
    assert (0, 1) == (rows(world), len(world.lines(person)))


@pytest.mark.parametrize("when", WHENS)
def test_refused_for_good_and_asked_for_with_another_owner(when: When) -> None:
    """R30: who asks again means what is asked now."""
    world = World()
    wrong = "00000000-0000-4000-8000-0000000000ff"

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["ownerid"] == wrong:
            raise BusinessRule("this owner has left")

    world.dynamics.add_rule("lead", rule)
    person = person_in(world)
    world.sync.sync_person(person, as_="lead", owner=wrong, when="queued")
    for _ in range(12):
        world.cycle(86_400)
    world.sync.sync_person(person, as_="lead", owner=OWNER, when=when)
    world.settled()
    (row,) = world.dynamics.rows("lead").values()

    assert OWNER == row["ownerid"]


def test_refused_for_good_and_deleted(store: StateStore) -> None:
    """R45: whose person is gone waits for nothing any more."""
    world = World(store=store)
    person = person_in(world, title="Boss")
    refused_for_good(world, person)
    world.marketo.delete(person)
    report = world.cycle()

    assert 0 == report.left == rows(world)


@pytest.mark.parametrize("edit", [{}, {"title": "Boss"}])
def test_refused_for_good_and_not_corrected(edit: Mapping[str, Wire]) -> None:
    """A20: what is read again as it was is not tried again, however often it is read."""
    world = World()
    person = person_in(world, title="Boss")
    refused_for_good(world, person)
    world.marketo.edit(person, edit)
    with world.store.transaction():
        world.store.save_feed("marketo:person", FeedState(None))
    report = world.cycle()

    assert 1 == report.observed
    assert 0 == report.records == rows(world)
    assert {("lead", "permanent"): 1} == dict(world.sync.status().backlog)


def test_a_field_is_refused_and_then_dynamics_is_down() -> None:
    """A19: the rest of the record was not refused: the next cycle makes it."""
    world = World()

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] == "Boss":
            world.dynamics.faults.plan("write", *[Fault("down")] * 6)
            raise BusinessRule("this job title is not allowed", "jobtitle")

    world.dynamics.add_rule("lead", rule)
    person = person_in(world, title="Boss")
    answer = world.sync.sync_person(person, as_="lead")
    world.dynamics.faults.clear()
    world.settled()

    assert "deferred" == answer.kind
    assert (1, 1) == (rows(world), len(world.lines(person)))


def test_a_bad_field_is_left_out() -> None:
    """A19: a field that Dynamics cannot hold is held and told; the row is made without it."""
    world = World()
    person = person_in(world, title="x" * 120)
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()
    (row,) = world.dynamics.rows("lead").values()

    assert "created" == answer.kind
    assert row["jobtitle"] is None
    assert 1 == len(world.lines(person))


def test_an_impossible_value_is_left_out() -> None:
    """A32: a label that is no option is told once, and the row is made without it."""
    world = World()
    person = person_in(world, rating="Tepid")
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()

    assert "created" == answer.kind
    assert 1 == len(world.lines(person))


def test_queued_while_stopped() -> None:
    """A22: queued while its entity is stopped, it is made after the schema was refreshed."""
    world = World()
    world.cycle()
    world.dynamics.drop_column("lead", "jobtitle")
    world.cycle()
    person = person_in(world)
    world.sync.sync_person(person, as_="lead", when="queued")
    world.settled()
    before_ = rows(world)
    world.sync.refresh_schema("lead")
    world.settled()

    assert (0, 1) == (before_, rows(world))


def test_a_bad_field_holds_the_record() -> None:
    """A19: or, where the host wants that, nothing is made."""
    world = World()
    world.sync.hold = "record"
    person = person_in(world, title="x" * 120)
    answer = world.sync.sync_person(person, as_="lead")

    assert "rejected" == answer.kind
    assert 0 == rows(world)


# -- faults


@pytest.mark.parametrize("kind", ["lost_response", "lost_request", "down", "throttled"])
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("when", WHENS)
def test_faults_make_no_duplicate(kind: FaultKind, side: Side, when: When) -> None:
    """Invariant 12: whatever happens to the call, there is one row in the end."""
    world = World()
    person = person_in(world, title="Boss")
    world.cycle()
    system = world.marketo if side is Side.MARKETO else world.dynamics
    system.faults.plan("write", Fault(kind))
    world.sync.sync_person(person, as_="lead", when=when)
    world.settled()

    assert 1 == rows(world)
    (row,) = world.dynamics.rows("lead")
    assert [person] == world.people_of(row) == [id_ for id_, _ in world.marketo.people()]
    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")


@pytest.mark.parametrize("kind", ["crash_before", "crash_after"])
@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("table", TABLES)
def test_crashes_make_no_duplicate(kind: FaultKind, side: Side, table: str) -> None:
    """Invariant 13: a crash around either write makes no duplicate and forgets nobody."""
    world = World()
    person = person_in(world, title="Boss")
    world.cycle()
    system = world.marketo if side is Side.MARKETO else world.dynamics
    system.faults.plan("write", Fault(kind))
    with pytest.raises(SimulatedCrash):
        world.sync.sync_person(person, as_=table)
    world.settled()
    again = world.sync.sync_person(person, as_=table)

    assert "exists" == again.kind
    assert 1 == rows(world)
    assert [person] == world.people_of(next(iter(world.dynamics.rows(table))))


def test_lost_and_edited_in_dynamics() -> None:
    """Invariant 12: made, unanswered, and edited in Dynamics before we look again."""
    world = World()
    person = person_in(world, title="Boss")
    world.cycle()
    world.dynamics.faults.plan("write", Fault("lost_response"))
    answer = world.sync.sync_person(person, as_="contact")
    (row,) = world.dynamics.rows("contact")
    world.dynamics.edit("contact", row, {"address1_city": "Oslo"})
    world.settled()

    assert "deferred" == answer.kind
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert 1 == rows(world)


def test_lost_and_the_state_too() -> None:
    """A row that was made without anybody knowing comes over as a row of Dynamics' own."""
    world = World()
    person = person_in(world, title="Boss")
    world.cycle()
    world.dynamics.faults.plan("write", Fault("crash_after"))
    with pytest.raises(SimulatedCrash):
        world.sync.sync_person(person, as_="lead")
    world.sync.store = MemoryStore()
    world.settled()
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()

    assert 1 == rows(world)
    assert answer.kind in {"exists", "created"}


def test_a_row_under_its_key_that_nobody_told_us_of() -> None:
    """Invariant 12: made before, it says: that is our own row, to be read back and no refusal."""
    world = World()
    person = person_in(world, title="Boss")
    world.dynamics.faults.plan("write", Fault("crash_after"))
    with pytest.raises(SimulatedCrash):
        world.sync.sync_person(person, as_="lead")
    world.sync.store = MemoryStore()
    answer = world.sync.sync_person(person, as_="lead")
    world.settled()
    (row,) = world.dynamics.rows("lead")

    assert "deferred" == answer.kind
    assert [person] == world.people_of(row)
    assert [] == world.lines(person)


# -- what cannot be


@pytest.mark.parametrize("when", ["later", "", None, True])
def test_unknown_when(when: object) -> None:
    """Only now or with the next cycle: another word is a mistake, and pushes nobody."""
    world = World()
    person = person_in(world)
    with pytest.raises(ConfigurationError, match=r"when=.* say 'now' or 'queued'"):
        world.sync.sync_person(person, as_="lead", when=when)  # type: ignore[arg-type]
    world.cycle()

    assert 0 == rows(world)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("person", ["", " ", None, True, 1.5, b"1", ["1"]])
def test_what_is_no_id(when: When, person: object) -> None:
    """What can be nobody's id is refused, and does not wait in the backlog for ever."""
    world = World()
    with pytest.raises(ConfigurationError, match=r"person=.* is no id"):
        world.sync.sync_person(person, as_="lead", when=when)  # type: ignore[arg-type]

    assert {} == world.sync.status().backlog


@pytest.mark.parametrize("owner", ["", " ", 7, True])
def test_what_is_no_owner(owner: object) -> None:
    """R30: what can be no owner's id is refused, and is not written."""
    world = World()
    person = person_in(world)
    with pytest.raises(ConfigurationError, match="owner="):
        world.sync.sync_person(person, as_="lead", owner=owner)  # type: ignore[arg-type]

    assert 0 == rows(world)


def test_a_record_in_the_place_of_an_id_is_not_quoted() -> None:
    """It may hold values, and what is told of a mistake may be logged."""
    world, ann = World(), {"email": "ann@example.org"}
    asked: list[Callable[[], object]] = [
        lambda: world.sync.sync_person(ann, as_="lead"),  # type: ignore[arg-type]
        lambda: world.sync.sync_person("1", as_="lead", owner=ann),  # type: ignore[arg-type]
        lambda: world.sync.link("lead", person=ann),  # type: ignore[arg-type]
        lambda: world.sync.explain("lead", dynamics=[ann]),  # type: ignore[arg-type]
    ]
    for ask in asked:
        with pytest.raises(ConfigurationError, match=r"a dict|a list") as told:
            ask()

        assert "ann" not in str(told.value)


@pytest.mark.parametrize("named", [{"person": ""}, {"person": True}, {"dynamics": 7}])
def test_asking_by_what_is_no_id(named: Mapping[str, object]) -> None:
    """Who asks for nobody is told so, instead of that nothing is known."""
    world = World()
    with pytest.raises(ConfigurationError, match="is no id"):
        world.sync.explain("contact", **named)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="is no id"):
        world.sync.link("contact", **named)  # type: ignore[arg-type]
