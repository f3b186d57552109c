"""What Dynamics' rules refuse: told once in the person's activity log, held, never forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Final

import attrs
import pytest

from dynsync.errors import Refused
from dynsync.fields import EntityMap, Field, Flow
from dynsync.kinds import IntegerKind, Kind, TextKind
from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.policies import manual
from dynsync.recorder import Entry, PartlyRefused
from dynsync.records import Pair, RecordId, Side, Wire
from dynsync.sandbox import (
    NO_LIMITS,
    BusinessRule,
    Fault,
    FaultKind,
    SandboxClock,
    SandboxDynamicsConnector,
    SandboxMarketo,
    SimulatedCrash,
)
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema
from support import World, before

CHOICE: Final = "preferredcontactmethodcode"
LONG: Final = "x" * 60
"""Too long for a first name in Dynamics, which holds 50."""


def refuse_word(word: str, field: str | None = None) -> World:
    """Return a world whose leads may not be called *word*, by a rule that may name the field."""
    return refuse_words([word], field)


def refuse_words(words: Collection[str], field: str | None = None) -> World:
    """Return a world whose leads may not be called one of *words*, which may change."""
    world = World()

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] in words:
            raise BusinessRule("this job title is not allowed", field)

    world.dynamics.add_rule("lead", rule)
    return world


def rejections(world: World) -> list[str]:
    """Return the code of every refusal that was ever told, in order."""
    return [refusal.code for entry in world.recorder.entries for refusal in entry.refusals]


def test_what_was_refused_with_a_record_is_not_called_written() -> None:
    """A write is refused as a whole: what went with the refused value is written by the next."""
    world = refuse_word("Boss", "jobtitle")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    world.settled()
    entries = [entry for entry in world.sync.explain("lead", dynamics=row) if entry.changes]
    written = [{c.field: c.written for c in entry.changes} for entry in entries]

    assert {"job_title": (), "city": ()} == written[0]
    assert {"job_title": (), "city": (Side.DYNAMICS,)} == written[1]
    assert "Oslo" == world.row("lead", row)["address1_city"]


# -- before sending: what the schema already tells


@pytest.mark.parametrize(
    ("table", "values", "code", "field"),
    [
        ("lead", {"firstName": LONG}, "FIELD_LENGTH", "first_name"),
        ("lead", {"mobilePhone": "1" * 21}, "FIELD_LENGTH", "mobile_phone"),
        ("lead", {"rating": "Tepid"}, "PICKLIST_RANGE", "rating"),
        ("lead", {"leadSource": "Carrier Pigeon"}, "PICKLIST_RANGE", "lead_source"),
        ("lead", {"annualRevenue": -1}, "VALUE_RANGE", "annual_revenue"),
        ("lead", {"annualRevenue": 0.125}, "PRECISION", "annual_revenue"),
        ("contact", {"microsoftPreferredMethodOfContact": "Pigeon"}, "PICKLIST_RANGE", None),
        ("contact", {"firstName": LONG}, "FIELD_LENGTH", "first_name"),
    ],
)
def test_not_sent(table: str, values: dict[str, Wire], code: str, field: str | None) -> None:
    """R92: what the schema refuses is not sent; the rest of the record is, and it is told."""
    world = World()
    person, row = world.linked(table)
    sent: list[list[Wire]] = []
    world.dynamics.add_rule(table, lambda _, after: sent.append([*after.values()]))
    world.marketo.edit(person, {**values, "city": "Oslo"})
    report = world.cycle()
    (outcome,) = report.notable
    (result,) = outcome.results

    assert OutcomeKind.REJECTED is outcome.kind
    assert (code, 1) == (result.code, result.attempt)
    assert field in {None, result.field}
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert all(value not in sent[0] for value in values.values())
    assert 1 == len(world.lines(person))
    assert all(str(value) not in world.lines(person)[0] for value in values.values())


def test_all_reasons_are_told() -> None:
    """R92: every reason is told, each with its field."""
    world = World()
    person, _ = world.linked("lead")
    world.marketo.edit(person, {"firstName": LONG, "rating": "Tepid", "annualRevenue": -1.234})
    (outcome,) = world.cycle().notable
    world.settled()

    assert {
        ("first_name", "FIELD_LENGTH"),
        ("rating", "PICKLIST_RANGE"),
        ("annual_revenue", "VALUE_RANGE"),
    } == {(result.field, result.code) for result in outcome.results}
    assert 3 == len(world.lines(person))


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_required_may_not_be_cleared(table: str) -> None:
    """R92: a required field that was cleared in Marketo keeps its value in Dynamics."""
    world = World()
    _require(world, table, "lastname")
    person, row = world.linked(table, lastname="Lee")
    world.marketo.edit(person, {"lastName": None, "city": "Oslo"})
    world.cycle()

    assert (None, "Lee") == world.both(person, table, row, "last_name")
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert ["REQUIRED"] == rejections(world)


def _require(world: World, table: str, name: str) -> None:
    column = world.sync.dynamics.describe(table).columns[name]
    world.dynamics.drop_column(table, name)
    world.dynamics.add_column(table, attrs.evolve(column, required=True))


def test_refused_on_the_way_to_marketo() -> None:
    """R92 both ways: what Marketo's own limits refuse is held there and told."""
    world = World(CONTACT)
    person, row = world.linked("contact", firstname="Ada")
    world.dynamics.edit("contact", row, {"emailaddress1": "no e-mail address", "jobtitle": "Boss"})
    world.cycle()

    assert (None, "no e-mail address") == world.both(person, "contact", row, "email")
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert ["1003"] == rejections(world)
    assert "Marketo refused email" in world.lines(person)[0]


def test_a_bad_value_stops_no_new_person() -> None:
    """U29: a value that Marketo refuses does not keep the rest of the row from coming over."""
    world = World()
    row = world.contact(emailaddress1="no e-mail address", firstname="Ada")
    world.settled()
    world.dynamics.edit("contact", row, {"emailaddress1": "ada@example.org"})
    world.settled()
    person = world.person_of(row)

    assert 1 == len(world.lines(person))
    assert ("Ada", "ada@example.org") == tuple(
        world.person(person)[name] for name in ("firstName", "email")
    )
    assert 1 == world.marketo.count()


# -- hold


def test_hold_the_field() -> None:
    """A19, the default: the refused field is held, the rest of the record goes."""
    world = refuse_word("Boss", "jobtitle")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    report = world.cycle()

    (outcome,) = report.notable
    (result,) = outcome.results

    assert ("Boss", "Analyst") == world.both(person, "lead", row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert 1 == report.count(OutcomeKind.REJECTED) == report.records
    assert ("job_title", "0x80040265") == (result.field, result.code)


@pytest.mark.parametrize("value", ["Boss", LONG * 2])
def test_hold_the_record(value: str) -> None:
    """A19: or else the whole record, until the refusal ends."""
    world = refuse_word("Boss", "jobtitle")
    world.sync.hold = "record"
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": value, "city": "Oslo"})
    world.cycle()
    held = world.both(person, "lead", row, "city")
    world.marketo.edit(person, {"title": "Clerk"})
    world.settled()

    assert ("Oslo", None) == held
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert ("Clerk", "Clerk") == world.both(person, "lead", row, "job_title")


def test_edited_back_in_dynamics_after_both_entered_the_same_in_a_held_record() -> None:
    """Invariant 4: what both hold is agreed on, though the record is held for another field."""
    world = World()
    world.sync.hold = "record"
    person, row = world.linked("lead", jobtitle="Analyst", address1_city="Oslo")
    world.marketo.edit(person, {"title": LONG * 2})
    world.cycle()
    world.marketo.edit(person, {"city": "Bergen"})
    world.dynamics.edit("lead", row, {"address1_city": "Bergen"})
    world.cycle()
    world.dynamics.edit("lead", row, {"address1_city": "Oslo"})
    world.marketo.edit(person, {"title": "Clerk"})
    world.settled()

    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")


def test_others_go_on() -> None:
    """Invariant 20: one record that is refused stops no other, not even in its batch."""
    world = refuse_word("Boss")
    pairs = [world.linked("lead", jobtitle="Analyst") for _ in range(5)]
    for number, (person, _) in enumerate(pairs):
        world.marketo.edit(person, {"title": "Boss" if number == 2 else "Clerk"})
    world.cycle()

    assert ["Clerk", "Clerk", "Analyst", "Clerk", "Clerk"] == [
        world.row("lead", row)["jobtitle"] for _, row in pairs
    ]


# -- told once


@pytest.mark.parametrize("field", [None, "jobtitle"])
def test_told_once(field: str | None) -> None:
    """Invariant 33: one line for a refusal that stands for a week, and never hammered."""
    world = refuse_word("Boss", field)
    world.sync.tries = 100
    person, _ = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    pauses = [300.0] * 30 + [7200.0] * 7 * 12
    writes = sum(world.cycle(seconds).writes.total() for seconds in pauses)

    assert 1 == len(world.lines(person)) == len(rejections(world))
    assert 10 <= writes <= 20


def test_told_once_although_the_record_goes_on() -> None:
    """Invariant 33: other changes of the record tell nothing again."""
    world = refuse_word("Boss", "jobtitle")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    for number in range(6):
        world.cycle()
        world.marketo.edit(person, {"city": f"Oslo {number}"})
        world.dynamics.edit("lead", row, {"address1_country": f"Norway {number}"})
    world.settled()

    assert ("Oslo 5", "Oslo 5") == world.both(person, "lead", row, "city")
    assert ("Norway 5", "Norway 5") == world.both(person, "lead", row, "country")
    assert 1 == len(world.lines(person))


def test_told_again_for_another_value() -> None:
    """Invariant 33: another value that is refused is another refusal."""
    world = World()
    person, _ = world.linked("lead")
    for length in (51, 52, 53):
        world.marketo.edit(person, {"firstName": "x" * length})
        world.cycle()
        world.cycle()

    assert 3 == len(world.lines(person))


def test_told_again_after_all_was_well() -> None:
    """Invariant 33: the same value, refused once more after another was taken, is told again."""
    world = World()
    person, _ = world.linked("lead", firstname="Ada")
    for value in (LONG, "Augusta", LONG):
        world.marketo.edit(person, {"firstName": value})
        world.settled()

    assert 2 == len(world.lines(person))


@pytest.mark.parametrize("kind", ["lost_response", "lost_request", "down", "crash_after"])
def test_told_once_although_the_log_fails(kind: str) -> None:
    """Invariant 33: a log that cannot be written, or answers nothing, loses and repeats none."""
    world = World()
    person, _ = world.linked("lead")
    faults = {
        "lost_response": Fault("lost_response"),
        "lost_request": Fault("lost_request"),
        "down": Fault("down"),
        "crash_after": Fault("crash_after"),
    }
    world.marketo.faults.plan("log", faults[kind])
    world.marketo.edit(person, {"firstName": LONG})
    with pytest.raises(SimulatedCrash) if kind == "crash_after" else nullcontext():
        world.cycle()
    for _ in range(3):
        world.cycle()

    assert 1 == len(world.lines(person))


# -- released


class Picky:
    """A recorder that takes no entry of *bad*, as the activity log takes no line it refuses."""

    name = "picky"

    def __init__(self, *bad: RecordId) -> None:
        self.bad = frozenset(bad)
        self.told: set[int] = set()
        self.calls: list[int] = []

    def record(self, entries: Sequence[Entry]) -> None:
        """Take what tells of refusals, but of the people whom it does not take."""
        telling = [entry for entry in entries if entry.refusals]
        taken = {entry.seq for entry in telling if entry.person not in self.bad}
        self.calls.append(len(entries))
        self.told |= taken
        if len(taken) < len(telling):
            raise (PartlyRefused if taken else Refused)(Side.MARKETO, "some are not taken")


def edited_beside_a_refusal(world: World, *, others: int) -> list[RecordId]:
    """Edit so many records beside one whose edit is refused; return their people, it first."""
    rows = world.dynamics.create_all("contact", [{"lastname": f"N{n}"} for n in range(others + 1)])
    world.settled()
    of = {str(values["crmContactId"]): id_ for id_, values in world.marketo.people()}
    people = [of[row] for row in rows]
    world.marketo.edit(people[0], {"lastName": LONG})
    for row in rows[1:]:
        world.dynamics.edit("contact", row, {"jobtitle": "Clerk"})
    return people


def test_a_line_that_is_refused_keeps_nobody_waiting_who_comes_much_later() -> None:
    """R92: the only line among 500 outcomes is not offered alone for ever."""
    world = World()
    person, other = edited_beside_a_refusal(world, others=520)[:2]
    world.sync.recorders = (recorder := Picky(person),)
    alone = world.cycle()
    world.marketo.edit(other, {"lastName": LONG})
    together, later = world.cycle(), world.cycle()

    assert [1, 1, 0] == [len(report.failures) for report in (alone, together, later)]
    assert 1 == len(recorder.told)


def test_a_log_that_takes_nothing_keeps_everything_waiting() -> None:
    """R92: where each line is refused the log may be at fault: all come again, and few calls."""
    world = World()
    people = edited_beside_a_refusal(world, others=620)
    world.sync.recorders = (recorder := Picky(*people),)
    world.cycle()
    for other in people[1:3]:
        world.marketo.edit(other, {"lastName": LONG})
        world.cycle()
    recorder.calls.clear()
    broken = world.cycle()
    calls, recorder.bad = len(recorder.calls), frozenset()
    well = world.cycle()

    assert ([1, 0], 2) == ([len(report.failures) for report in (broken, well)], calls)
    assert 3 == len(recorder.told)


def test_released_by_another_value() -> None:
    """A20: the value changed: it is sent at once."""
    world = refuse_word("Boss", "jobtitle")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.cycle()
    world.marketo.edit(person, {"title": "Clerk"})
    world.cycle()

    assert ("Clerk", "Clerk") == world.both(person, "lead", row, "job_title")
    assert {} == world.sync.status().backlog


def test_released_by_the_schema() -> None:
    """A20: the column was widened: it is sent with the next cycle, long pause or not."""
    world = World()
    person, row = world.linked("lead", address1_city="Oslo")
    world.marketo.edit(person, {"firstName": LONG})
    for _ in range(20):
        world.cycle()
    column = world.sync.dynamics.describe("lead").columns["firstname"]
    world.dynamics.drop_column("lead", "firstname")
    world.dynamics.add_column("lead", attrs.evolve(column, length=200))
    world.cycle()

    assert (LONG, LONG) == world.both(person, "lead", row, "first_name")


def test_released_by_the_other_side() -> None:
    """A20, R20: Dynamics changed the field meanwhile: for a contact that is the end of it."""
    world = World()
    person, row = world.linked("contact", firstname="Ada")
    world.marketo.edit(person, {"firstName": LONG})
    world.settled()
    world.dynamics.edit("contact", row, {"firstname": "Augusta"})
    world.settled()

    assert ("Augusta", "Augusta") == world.both(person, "contact", row, "first_name")
    assert {} == world.sync.status().backlog


def test_released_by_the_other_side_of_a_lead() -> None:
    """A20: for a lead Marketo's value stays the one to be told, and is refused as before."""
    world = World()
    person, row = world.linked("lead", firstname="Ada")
    world.marketo.edit(person, {"firstName": LONG})
    world.settled()
    world.dynamics.edit("lead", row, {"firstname": "Augusta"})
    world.settled()

    assert (LONG, "Augusta") == world.both(person, "lead", row, "first_name")


def test_released_by_going_back() -> None:
    """A20: the value was put back to what both held: nothing is left to do."""
    world = World()
    person, row = world.linked("lead", firstname="Ada")
    world.marketo.edit(person, {"firstName": LONG})
    world.settled()
    world.marketo.edit(person, {"firstName": "Ada"})
    world.settled()

    assert ("Ada", "Ada") == world.both(person, "lead", row, "first_name")
    assert {} == world.sync.status().backlog


@pytest.mark.parametrize("field", [None, "jobtitle"])
def test_released_by_the_pause(field: str | None) -> None:
    """A20: the rule of Dynamics' changed, which no schema tells: the pause ends, it goes."""
    world = World()
    allowed: list[bool] = []

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] == "Boss" and not allowed:
            raise BusinessRule("not now", field)

    world.dynamics.add_rule("lead", rule)
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    for _ in range(10):
        world.cycle()
    allowed.append(True)
    for _ in range(24):
        world.cycle(3600)

    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")
    assert 1 == len(world.lines(person))


def test_growing_pause() -> None:
    """A20: retried after 5, 10, 20 minutes and so on, never more than a day apart."""
    world = refuse_word("Boss", "jobtitle")
    world.sync.tries = 100
    person, _ = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    tried = [number for number in range(120) if world.cycle().writes.total()]

    assert [0, 1, 3, 7, 15, 31, 63] == tried


def refused_for_good(words: Collection[str] = ("Boss",)) -> tuple[World, RecordId, RecordId]:
    """Return a world in which a value was refused as often as it is tried."""
    world = refuse_words(words, "jobtitle")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    for _ in range(20):
        world.cycle()
    return world, person, row


@pytest.mark.parametrize("field", ["jobtitle", None])
def test_permanent_after_five_tries(field: str | None) -> None:
    """A20: refused five times for the same, it needs a person, and no time tries it again."""
    world = refuse_word("Boss", field)
    person, _ = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    tried = [number for number in range(120) if world.cycle().writes.total()]

    assert [0, 1, 3, 7, 15] == tried
    assert {("lead", "permanent"): 1} == dict(world.sync.status().backlog)
    assert 0 == world.sync.status().due
    assert 1 == len(world.lines(person))


@pytest.mark.parametrize("tries", [1, 2])
def test_permanent_after_as_many_as_the_host_says(tries: int) -> None:
    """A20: the number is the host's."""
    world = refuse_word("Boss", "jobtitle")
    world.sync.tries = tries
    person, _ = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})

    assert tries == sum(world.cycle().writes.total() for _ in range(20))


@pytest.mark.parametrize("system", ["marketo", "dynamics"])
def test_permanent_until_either_side_changes(system: str) -> None:
    """A20: another value is another matter, from whichever side it comes."""
    world, person, row = refused_for_good()
    if system == "marketo":
        world.marketo.edit(person, {"title": "Chief"})
    else:
        world.dynamics.edit("lead", row, {"jobtitle": "Chief"})
        world.marketo.edit(person, {"title": "Chief"})
    world.settled()

    assert ("Chief", "Chief") == world.both(person, "lead", row, "job_title")
    assert not world.sync.status().backlog


def test_permanent_lets_the_rest_go_on() -> None:
    """Invariant 7: what is permanent is that value, not the record."""
    world, person, row = refused_for_good()
    world.marketo.edit(person, {"city": "Oslo"})
    world.cycle()

    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert {("lead", "permanent"): 1} == dict(world.sync.status().backlog)


def test_permanent_until_somebody_asks() -> None:
    """A20: asked for, it is tried once more, and told once still."""
    words = ["Boss"]
    world, person, row = refused_for_good(words=words)
    asked = world.sync.retry("lead")
    refused = [world.cycle().writes.total() for _ in range(3)]
    told = len(world.lines(person))
    words.clear()
    world.sync.retry("lead")
    world.settled()

    assert 1 == asked
    assert [1, 0, 0] == refused
    assert 1 == told
    assert ("Boss", "Boss") == world.both(person, "lead", row, "job_title")
    assert 0 == world.sync.retry("lead")


# -- business rules


def test_a_rule_that_names_no_field() -> None:
    """A refusal that names no field holds the record's write, and is told as that."""
    world = refuse_word("Boss")
    person, row = world.linked("lead", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    world.cycle()
    world.dynamics.edit("lead", row, {"address1_country": "Norway"})
    world.cycle()
    inbound = world.both(person, "lead", row, "country")
    world.marketo.edit(person, {"title": "Clerk"})
    world.settled()

    assert "refused the record: this job title is not allowed" in world.lines(person)[0]
    assert ("Norway", "Norway") == inbound
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert ("Clerk", "Clerk") == world.both(person, "lead", row, "job_title")


def test_a_duplicate_rule() -> None:
    """U13: duplicate detection refuses the row; it is told, and nobody else is stopped."""
    world = World(CONTACT)
    world.dynamics.detect_duplicates("contact", "emailaddress1")
    world.linked("contact", emailaddress1="ada@example.org")
    person, row = world.linked("contact", emailaddress1="grace@example.org")
    world.marketo.edit(person, {"email": "ada@example.org"})
    world.cycle()

    assert "grace@example.org" == world.row("contact", row)["emailaddress1"]
    assert ["0x80040333"] == rejections(world)
    assert "duplicate" in world.lines(person)[0]


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_rule_that_normalises(table: str) -> None:
    """A rule that rewrites the value: both hold it in the end, and nobody plays ping-pong."""
    world = World()

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        phone = str(after["telephone1"] or "")
        after["telephone1"] = "".join(digit for digit in phone if digit.isdigit()) or None

    world.dynamics.add_rule(table, rule)
    person, row = world.linked(table, telephone1="123")
    world.marketo.edit(person, {"phone": "+47 22 33"})
    world.settled()

    assert ("472233", "472233") == world.both(person, table, row, "phone")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_rule_that_sets_another_field(table: str) -> None:
    """A rule that sets another field of the row: that is a change of Dynamics'."""
    world = World()

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["address1_city"] == "Oslo":
            after["address1_country"] = "Norway"

    world.dynamics.add_rule(table, rule)
    person, row = world.linked(table)
    world.marketo.edit(person, {"city": "Oslo"})
    world.settled()

    assert ("Norway", "Norway") == world.both(person, table, row, "country")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_two_stubborn_systems(table: str) -> None:
    """Invariant 3: each side rewrites what the other says; the sync ends all the same."""
    world = World()

    def lower(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] is not None:
            after["jobtitle"] = str(after["jobtitle"]).lower()

    world.dynamics.add_rule(table, lower)
    world.marketo.when_changed("title", lambda values: {"title": str(values["title"]).upper()})
    person, row = world.linked(table, jobtitle="analyst")
    world.marketo.edit(person, {"title": "Boss"})
    cycles = world.settled(most=12)

    assert ("BOSS", "boss") == world.both(person, table, row, "job_title")
    assert cycles <= 6


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_rule_that_puts_back(table: str) -> None:
    """Invariant 3: a rule that puts the old value back ends, too, and the rest is in step."""
    world = World()

    def rule(old: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if old is not None:
            after["jobtitle"] = old["jobtitle"]

    world.dynamics.add_rule(table, rule)
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss", "city": "Oslo"})
    cycles = world.settled()

    assert cycles <= 3
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert "Analyst" == world.row(table, row)["jobtitle"]


def test_an_automation_of_each_side() -> None:
    """Invariant 3: a workflow and a campaign that feed each other end."""
    world = World()
    world.dynamics.when_changed(
        "contact", "jobtitle", lambda row: {"address1_city": f"{row['jobtitle']} Town"}
    )
    world.marketo.when_changed("city", lambda values: {"state": f"State of {values['city']}"})
    person, row = world.linked("contact", jobtitle="Analyst")
    world.marketo.edit(person, {"title": "Boss"})
    world.settled()

    assert ("Boss Town", "Boss Town") == world.both(person, "contact", row, "city")
    assert ("State of Boss Town",) * 2 == world.both(person, "contact", row, "state")


# -- inactive rows


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_inactive_rows_flow_in_only(table: str) -> None:
    """A14: an inactive row is read-only: inbound goes on, outbound is refused and told once."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.dynamics.deactivate(table, row)
    world.cycle()
    status = world.person(person)["leadStatus"]
    world.marketo.edit(person, {"title": "Boss"})
    report = world.cycle()
    world.dynamics.edit(table, row, {"address1_city": "Oslo"})
    for _ in range(12):
        world.cycle()

    assert status in {"Disqualified", "Inactive"}
    assert 1 == report.count(OutcomeKind.REJECTED)
    assert ("Boss", "Analyst") == world.both(person, table, row, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, table, row, "city")
    assert 1 == len(world.lines(person))


def test_reactivated() -> None:
    """A14: what was refused goes as soon as the row is active again."""
    world = World()
    person, row = world.linked("contact", jobtitle="Analyst")
    world.dynamics.deactivate("contact", row)
    world.marketo.edit(person, {"title": "Boss"})
    for _ in range(30):
        world.cycle()
    world.dynamics.edit("contact", row, {"statecode": 0})
    world.settled()

    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert ("Active", 0) == world.both(person, "contact", row, "lead_status")


# -- values that cannot be


class Forgetful(SandboxDynamicsConnector):
    """A connector to an org that has dropped an option which its rows still hold."""

    def describe(self, table: str) -> Schema:
        """Return the columns of *table*, without the option "Mail"."""
        schema = super().describe(table)
        column = schema.columns[CHOICE]
        cut = attrs.evolve(column, options=column.options[:-1])
        return attrs.evolve(schema, columns={**schema.columns, CHOICE: cut})


def forget_mail(world: World) -> None:
    """Drop the option "Mail", whose code is 5."""
    world.sync.dynamics = Forgetful(world.dynamics, world.sync.dynamics.sync_user())


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_impossible_values_stop_nobody(table: str) -> None:
    """A value that cannot be read is held and told; fields and records beside it go on."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    other, other_row = world.linked(table, jobtitle="Analyst")
    forget_mail(world)
    world.dynamics.edit(table, row, {CHOICE: 5, "jobtitle": "Boss"})
    world.dynamics.edit(table, other_row, {"jobtitle": "Boss"})
    report = world.cycle()
    world.settled()

    assert 1 == report.count(OutcomeKind.REJECTED)
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")
    assert ("Boss", "Boss") == world.both(other, table, other_row, "job_title")
    assert ["PICKLIST_RANGE"] == rejections(world)


@pytest.mark.parametrize("also", [False, True])
@pytest.mark.parametrize("table", ["lead", "contact"])
def test_from_an_impossible_value(table: str, also: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """An option was dropped that both held: a later choice in Marketo goes through."""
    world = World()
    person, row = world.linked(table, **{CHOICE: 5})
    forget_mail(world)
    world.marketo.edit(person, {"microsoftPreferredMethodOfContact": "Phone"})
    if also:
        world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Phone", 3) == world.both(person, table, row, "preferred_contact_method")


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_impossible_value_of_a_new_row(table: str) -> None:
    """A new row with a value that cannot be read comes over without it, and it is told once."""
    world = World()
    forget_mail(world)
    row = world.dynamics.create(table, {"lastname": "Lee", CHOICE: 5, "jobtitle": "Boss"})
    world.settled()
    person = world.person_of(row)

    assert "Boss" == world.person(person)["title"]
    assert 1 == len(world.lines(person)) == len(rejections(world))


def test_impossible_value_in_marketo() -> None:
    """A32: a label that is no option is refused, told, and clears nothing."""
    world = World()
    person, row = world.linked("lead", leadqualitycode=1)
    world.marketo.edit(person, {"rating": "Scalding", "city": "Oslo"})
    world.cycle()

    assert ("Scalding", 1) == world.both(person, "lead", row, "rating")
    assert ("Oslo", "Oslo") == world.both(person, "lead", row, "city")
    assert ["PICKLIST_RANGE"] == rejections(world)


def test_impossible_value_that_dynamics_replaces() -> None:
    """A contact's choice that Marketo cannot mean is overruled by Dynamics' next change."""
    world = World()
    person, row = world.linked("contact", **{CHOICE: 1})
    world.marketo.edit(person, {"microsoftPreferredMethodOfContact": "Pigeon"})
    world.settled()
    world.dynamics.edit("contact", row, {CHOICE: 2})
    world.settled()

    assert ("Email", 2) == world.both(person, "contact", row, "preferred_contact_method")


# -- options


@pytest.mark.parametrize("entity_map", [LEAD, CONTACT], ids=["lead", "contact"])
def test_truncate(entity_map: EntityMap) -> None:
    """A35: if the host wants so, text is cut; Marketo keeps the whole, and nothing loops."""
    cut = attrs.evolve(entity_map.field("first_name"), too_long="truncate")
    world = World(entity_map.plus(cut))
    table = str(entity_map.entity)
    person, row = world.linked(table, firstname="Ada")
    world.marketo.edit(person, {"firstName": LONG})
    world.settled()
    written = world.both(person, table, row, "first_name")
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()

    assert LONG[:50] == written[1]
    assert LONG == written[0]
    assert written == world.both(person, table, row, "first_name")
    assert [] == rejections(world)


@pytest.mark.parametrize("flow", [Flow.TO_MARKETO, Flow.TO_DYNAMICS])
def test_what_was_cut_is_written_once(flow: Flow) -> None:
    """A35, R57: while its record waits for something else, a one-way field is looked at again."""
    notes = attrs.evolve(CONTACT.field("job_title"), flow=flow, too_long="truncate")
    clock = SandboxClock()
    marketo = SandboxMarketo(clock=clock, limits=NO_LIMITS)
    marketo.add_column(Column("short", type="string", length=5))
    names = Pair("short", "jobtitle") if flow is Flow.TO_MARKETO else notes.names
    fields = CONTACT.plus(attrs.evolve(notes, names=names))
    world = World(fields, clock=clock, marketo=marketo)
    world.sync.policy = manual
    person, row = world.linked("contact", jobtitle="Old", address1_city="Oslo")
    if flow is Flow.TO_MARKETO:
        world.dynamics.edit("contact", row, {"jobtitle": "x" * 100})
    else:
        world.marketo.edit(person, {"title": "x" * 150})
    world.settled()
    world.marketo.edit(person, {"city": "Rome"})
    world.dynamics.edit("contact", row, {"address1_city": "Bonn"})
    writes = [world.cycle().writes.total() for _ in range(3)]
    here, there = world.both(person, "contact", row, "job_title")

    assert [0, 0, 0] == writes
    assert {("contact", "unresolved"): 1} == world.sync.status().backlog
    assert here != there
    assert "x" * 5 in str(here)
    assert "x" * 100 in str(there)


@pytest.mark.parametrize("entity_map", [LEAD, CONTACT], ids=["lead", "contact"])
def test_what_was_cut_outlives_the_state(entity_map: EntityMap) -> None:
    """A35: without a base, what Dynamics could hold of a text takes nothing from the rest of it."""
    cut = entity_map.plus(attrs.evolve(entity_map.field("first_name"), too_long="truncate"))
    world = World(cut)
    table = str(entity_map.entity)
    person, row = world.linked(table, firstname="Ada")
    world.marketo.edit(person, {"firstName": LONG})
    world.settled()
    anew = World(cut, clock=world.clock, marketo=world.marketo, dynamics=world.dynamics)
    anew.settled()
    written = anew.both(person, table, row, "first_name")
    anew.marketo.edit(person, {"firstName": "Augusta"})
    anew.settled()

    assert (LONG, LONG[:50]) == written
    assert ("Augusta", "Augusta") == anew.both(person, table, row, "first_name")


# -- Marketo's blocked fields


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_blocked_in_marketo(table: str) -> None:
    """R23: a field that is write-once for us stays, silently; nothing loops or is pushed back."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.block_updates("title")
    world.dynamics.edit(table, row, {"jobtitle": "Boss"})
    world.settled()

    assert ("Analyst", "Boss") == world.both(person, table, row, "job_title")


@pytest.mark.parametrize(
    ("table", "expected"), [("lead", ("Mine", "Mine")), ("contact", ("Mine", "Theirs"))]
)
def test_blocked_and_changed_on_both_sides(table: str, expected: tuple[str, str]) -> None:
    """R24: blocked, and changed on both sides: no deadlock, and later edits go on."""
    world = World()
    person, row = world.linked(table, jobtitle="Analyst")
    world.marketo.block_updates("title")
    world.marketo.edit(person, {"title": "Mine"})
    world.dynamics.edit(table, row, {"jobtitle": "Theirs"})
    world.settled()
    held = world.both(person, table, row, "job_title")
    world.marketo.unblock_updates("title")
    world.dynamics.edit(table, row, {"jobtitle": "Later"})
    world.settled()

    assert expected == held
    assert ("Later", "Later") == world.both(person, table, row, "job_title")


# -- the shared column


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"subject": "New"}, "New"),
        ({"microsoftTopic": "New"}, "New"),
        ({"subject": "New", "microsoftTopic": "New"}, "New"),
        ({"subject": "Mine", "microsoftTopic": "Other"}, "Mine"),
    ],
)
def test_two_fields_of_one_column(values: dict[str, Wire], expected: str) -> None:
    """A16: Subject goes if it changed, else Microsoft Topic; then all three hold the same."""
    world = World(LEAD)
    person, row = world.linked("lead", subject="Old")
    world.marketo.edit(person, values)
    world.settled()
    after = world.person(person)

    assert (expected, expected) == (after["subject"], after["microsoftTopic"])
    assert expected == world.row("lead", row)["subject"]


def test_a_field_that_yields_and_may_not_be_written() -> None:
    """A16, A18: Topic yields to Subject; that Marketo may not be told it is no refusal of its."""
    world = World(LEAD)
    person, row = world.linked("lead", subject="Old")
    world.marketo.set_access("microsoftTopic", Access.READ)
    world.settled()
    world.marketo.edit(person, {"subject": "Mine", "microsoftTopic": "Other"})
    report = world.cycle()
    world.settled()

    assert 1 == report.count(OutcomeKind.WITHHELD)
    assert "Mine" == world.row("lead", row)["subject"] == world.person(person)["subject"]
    assert "Other" == world.person(person)["microsoftTopic"]
    assert not world.lines(person)


@pytest.mark.parametrize("how", ["edit", "push"])
def test_a_field_that_yielded_is_told_when_it_may_be(how: str) -> None:
    """A16, invariant 29: what Topic could not be told of its column follows with the right."""
    world = World(LEAD)
    world.settled()
    world.marketo.set_access("microsoftTopic", Access.READ)
    values = {"subject": "Mine", "microsoftTopic": "Other"}
    if how == "edit":
        person, row = world.linked("lead", subject="Old")
        world.marketo.edit(person, values)
    else:
        person = world.marketo.create_person({"lastName": "Lee", **values})
        world.sync.sync_person(person, as_="lead")
        (row,) = world.dynamics.rows("lead")
    world.settled()
    waiting = dict(world.sync.status().backlog)
    world.marketo.set_access("microsoftTopic", FULL_ACCESS)
    world.settled()

    assert {("lead", "withheld"): 1} == waiting
    assert ("Mine", "Mine") == world.both(person, "lead", row, "microsoft_topic")
    assert ("Mine", "Mine") == world.both(person, "lead", row, "subject")
    assert {} == world.sync.status().backlog


@pytest.mark.parametrize("kind", [None, "lost_response", "crash_after"])
def test_a_field_that_yielded_and_does_not_fit_is_told_when_it_does(kind: FaultKind | None) -> None:
    """A16, A20: it is held like any other, also where nobody heard that the column was written."""
    clock = SandboxClock()
    marketo = SandboxMarketo(clock=clock, limits=NO_LIMITS)
    marketo.add_column(Column("short", type="string", length=5))
    short = Field("short", Pair("short", "subject"), yields_to="subject")
    world = World(LEAD.only("last_name", "subject").plus(short), clock=clock, marketo=marketo)
    person, row = world.linked("lead", subject="Old")
    world.marketo.edit(person, {"short": "abc", "subject": "Too long"})
    if kind is not None:
        world.dynamics.faults.plan("write", Fault(kind))
    with suppress(SimulatedCrash):
        world.cycle()
    world.settled()
    waiting = {reason for _, reason in world.sync.status().backlog}
    world.sync.maps = [
        LEAD.only("last_name", "subject").plus(attrs.evolve(short, too_long="truncate"))
    ]
    world.settled()

    assert {"held"} == waiting
    assert 1 == len(world.lines(person))
    assert "Too long" == world.row("lead", row)["subject"] == world.person(person)["subject"]
    assert "Too l" == world.person(person)["short"]


@pytest.mark.parametrize(
    ("column", "kind", "value", "said"),
    [
        (Column("short", type="string", length=5), TextKind(), "abc", "FIELD_LENGTH"),
        (Column("short", type="integer"), IntegerKind(), 7, "VALUE_TYPE"),
    ],
)
def test_a_field_that_yields_to_what_it_cannot_hold(
    column: Column, kind: Kind, value: Wire, said: str
) -> None:
    """A16, R92: the other one goes on; what it cannot be told is told in one line, and kept."""
    clock = SandboxClock()
    marketo = SandboxMarketo(clock=clock, limits=NO_LIMITS)
    marketo.add_column(column)
    short = Field("short", Pair("short", "subject"), kind, yields_to="subject")
    world = World(LEAD.only("last_name", "subject").plus(short), clock=clock, marketo=marketo)
    person, row = world.linked("lead", subject="1")
    world.marketo.edit(person, {"short": value, "subject": "Long topic"})
    world.settled()

    assert "Long topic" == world.row("lead", row)["subject"] == world.person(person)["subject"]
    assert value == world.person(person)["short"]
    [line] = world.lines(person)
    assert said in line


def test_a_new_column_kind() -> None:
    """A column of a kind that is not synced is nobody's business."""
    world = World(CONTACT.only("last_name"))
    world.dynamics.add_column("contact", Column("new_other", "Other", "Lookup"))
    person, _ = world.linked("contact")
    world.marketo.edit(person, {"lastName": "Kay"})

    assert 1 == world.cycle().count(OutcomeKind.UPDATED)


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_refused_while_somebody_edits(table: str) -> None:
    """A stale write is planned anew, and what is refused then is told once."""
    world = World()
    person, row = world.linked(table, firstname="Ada")
    before(
        world.dynamics.faults,
        "write",
        lambda: world.dynamics.edit(table, row, {"address1_city": "Oslo"}),
    )
    world.marketo.edit(person, {"firstName": LONG, "title": "Boss"})
    world.settled()

    assert Pair("Oslo", "Oslo") == Pair(*world.both(person, table, row, "city"))
    assert ("Boss", "Boss") == world.both(person, table, row, "job_title")
    assert 1 == len(world.lines(person))


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_what_was_refused_as_a_whole_waits_as_a_whole(table: str) -> None:
    """A19: a refusal that names no field is not tried early because of what goes the other way."""
    world = World()
    person, row = world.linked(table, jobtitle="A", address1_city="Oslo")

    def rule(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["jobtitle"] == "B":
            raise BusinessRule("not on a Sunday")

    world.dynamics.add_rule(table, rule)
    world.marketo.edit(person, {"title": "B"})
    world.cycle()
    tries = world.dynamics.calls["write"]
    world.dynamics.edit(table, row, {"telephone1": "1"})
    report = world.cycle(60)

    assert 1 == report.count(OutcomeKind.REJECTED)
    assert tries == world.dynamics.calls["write"]
    assert ("1", "1") == world.both(person, table, row, "phone")
    assert 1 == len(world.lines(person))
