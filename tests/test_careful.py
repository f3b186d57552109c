"""What must not go wrong when maps, rights, recorders and answers are not as one would wish."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, Protocol, TypeAlias, cast

import attrs
import pytest

from dynsync.connectors import ActivityLine, Clock
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    ContractError,
    LeaseHeld,
    Refused,
    RunStopped,
    SyncError,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.fields import Field, Flow, Match
from dynsync.guards import Guards, Limit
from dynsync.maps import CONTACT, LEAD, default_backfill, default_first
from dynsync.memory import MemoryStore
from dynsync.outcomes import FieldChange, OutcomeKind
from dynsync.policies import Collision, Put, Take, by_field, manual, newest, prefer
from dynsync.recorder import ActivityRecorder, Entry, MemoryRecorder
from dynsync.records import MISSING, Entity, Pair, RecordId, Side
from dynsync.reports import Plan, PlannedRecord
from dynsync.sandbox import Fault, SandboxClock, SandboxDynamicsConnector, SandboxMarketoConnector
from dynsync.schemas import Access
from dynsync.sqlite import SqliteStore
from dynsync.writes import (
    AmbiguousWrite,
    NotAttempted,
    Reason,
    Rejected,
    ThrottledWrite,
    Write,
    WriteResult,
)
from support import World, before

LONG: Final = "x" * 150


class _Evolve(Protocol):
    def __call__(self, instance: object, **changes: object) -> object: ...


EVOLVE: Final = cast("_Evolve", attrs.evolve)
"""For values that no type checker would let through."""

Open: TypeAlias = Callable[[], SqliteStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens one state file, again and again, until the test ends."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(SqliteStore(tmp_path / "state"))


# -- maps that change


def test_a_field_on_other_columns_clears_nothing() -> None:
    """A name that stands for other columns now is read anew; the old values are no edit."""
    narrow = LEAD.only("last_name", "phone", "job_title")
    world = World(narrow)
    person, row = world.linked("lead", telephone1="111", mobilephone="555", jobtitle="A")
    moved = attrs.evolve(LEAD.field("mobile_phone"), name="phone")
    world.sync.maps = (narrow.plus(moved),)
    world.marketo.edit(person, {"title": "B"})
    world.settled()

    assert ("555", "555") == world.both(person, "lead", row, "phone")
    assert ("B", "B") == world.both(person, "lead", row, "job_title")
    assert "111" == world.row("lead", row)["telephone1"]


def test_nothing_readable_stops_its_entity_alone(tmp_path: Path, open_store: Open) -> None:
    """R79: an entity with nothing left to read stops, its values go, and it comes back."""
    world = World(LEAD.only("job_title"), CONTACT, store=open_store())
    lead, lead_row = world.linked("lead", jobtitle="SECRETBOSS")
    person, row = world.linked("contact", jobtitle="A")
    world.dynamics.secure("lead", "jobtitle", Access.NONE)
    world.dynamics.edit("contact", row, {"jobtitle": "B"})
    report = world.cycle()

    assert ["lead"] == list(report.stopped)
    assert ("B", "B") == world.both(person, "contact", row, "job_title")
    assert not any(b"SECRETBOSS" in file.read_bytes() for file in tmp_path.iterdir())

    world.dynamics.secure("lead", "jobtitle", Access.READ | Access.CREATE | Access.UPDATE)
    world.marketo.edit(lead, {"title": "C"})
    world.settled()
    world.dynamics.edit("lead", lead_row, {"jobtitle": "D"})
    world.settled()
    assert ("D", "D") == world.both(lead, "lead", lead_row, "job_title")


def test_a_refresh_is_about_what_is_gone_now() -> None:
    """A22: another column that goes away later stops the entity once more."""
    world = World(LEAD)
    world.linked("lead", fax="9")
    world.dynamics.drop_column("lead", "fax")
    world.cycle()
    world.sync.refresh_schema("lead")
    assert not world.cycle().stopped
    world.dynamics.drop_column("lead", "mobilephone")

    assert "mobilephone" in world.cycle().stopped[Entity("lead")]


# -- refusals and who is told


def test_a_duplicate_value_is_a_refusal_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that meets another record's key is told and held; the rest goes on."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A")
    calls: list[Write] = []
    write = SandboxDynamicsConnector.write

    def refusing(
        self: SandboxDynamicsConnector, table: str, writes: Sequence[Write]
    ) -> list[WriteResult]:
        calls.extend(writes)
        reason = Reason("duplicate_key", "a record with this key exists", "emailaddress1")
        return [
            Rejected((reason,)) if "emailaddress1" in one.values else write(self, table, [one])[0]
            for one in writes
        ]

    monkeypatch.setattr(SandboxDynamicsConnector, "write", refusing)
    world.marketo.edit(person, {"email": "taken@example.org", "title": "B"})
    for _ in range(4):
        world.cycle()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")
    assert 1 == len(world.lines(person))
    assert len(calls) < 6


def test_no_line_is_lost_when_an_answer_is_partial() -> None:
    """R92: what the log did not take, or did not answer for, is told with the next cycle."""
    world = World(LEAD)
    people = [world.linked("lead")[0] for _ in range(4)]
    world.marketo.faults.plan("log", Fault("partial"))
    for person in people:
        world.marketo.edit(person, {"firstName": LONG})
    world.cycle()
    for _ in range(3):
        world.cycle(86_400)

    assert [1, 1, 1, 1] == [len(world.lines(person)) for person in people]


def test_a_line_that_is_refused_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """R92: one line that Marketo will never take; the others are told, and the report says so."""
    world = World(LEAD)
    one, other = (world.linked("lead")[0] for _ in range(2))
    log = SandboxMarketoConnector.log

    def refusing(self: SandboxMarketoConnector, lines: Sequence[ActivityLine]) -> list[WriteResult]:
        return [
            Rejected((Reason("1049", "no"),)) if line.person == one else log(self, [line])[0]
            for line in lines
        ]

    monkeypatch.setattr(SandboxMarketoConnector, "log", refusing)
    world.marketo.edit(one, {"firstName": LONG})
    assert world.cycle().failures
    world.marketo.edit(other, {"firstName": LONG})
    assert world.cycle().failures

    assert ([], 1) == (world.lines(one), len(world.lines(other)))
    assert not world.cycle().failures


@attrs.define
class _Broken:
    name: str = "broken"

    def record(self, entries: Sequence[Entry]) -> None:
        raise KeyError(f"ada@example.org, {len(entries)}")


def test_a_broken_recorder_breaks_no_other() -> None:
    """The others are told and the run is finished; what was raised does not quote a value."""
    world = World(LEAD)
    person, _ = world.linked("lead")
    memory = MemoryRecorder()
    world.sync.recorders = (_Broken(), memory, ActivityRecorder(world.marketo.connector()))
    world.marketo.edit(person, {"firstName": LONG})
    run = world.store.get("run")
    with pytest.raises(ContractError, match="KeyError") as caught:
        world.cycle()

    assert "ada" not in str(caught.value)
    assert memory.entries
    assert world.lines(person)
    assert run != world.store.get("run")


@attrs.define
class _Slow:
    """
    A recorder that takes *seconds* for each call, and *fails* then.

    It counts how often a *rival* gets the lease meanwhile.
    """

    clock: SandboxClock
    seconds: float = 0.0
    fails: Callable[[], Exception | None] = lambda: None
    name: str = "slow"
    told: list[int] = attrs.Factory(list[int])
    rival: MemoryStore | None = None
    overtaken: int = 0

    def record(self, entries: Sequence[Entry]) -> None:
        self.told.append(len(entries))
        self.clock.advance(self.seconds)
        if self.rival is not None:
            with suppress(LeaseHeld):
                self.rival.acquire(self.clock.now().timestamp(), 120.0)
                self.rival.release()
                self.overtaken += 1
        if error := self.fails():
            raise error


@pytest.mark.parametrize(
    "error", [Unavailable(Side.MARKETO, "down"), Refused(Side.MARKETO, "no"), KeyError("broken")]
)
def test_recorders_that_fail_slowly_keep_the_lease(error: Exception) -> None:
    """Each takes less time than the lease lasts, and nobody else begins while they do."""
    store = MemoryStore()
    world = World(store=store.twin())
    world.dynamics.create_all("lead", [{"lastname": f"L{n}", "subject": "t"} for n in range(501)])
    slow = [
        _Slow(world.clock, 70.0, lambda: error, name=name, rival=store) for name in ("one", "two")
    ]
    world.sync.recorders = slow
    with suppress(ContractError):
        world.sync.run()

    assert all(recorder.told for recorder in slow)
    assert [0, 0] == [recorder.overtaken for recorder in slow]


def test_a_stop_is_heeded_between_two_batches_of_entries() -> None:
    """Each recorder is told one more batch, and the rest of it with the next run."""
    world = World()
    world.dynamics.create_all("lead", [{"lastname": f"L{n}", "subject": "t"} for n in range(1100)])
    slow = [_Slow(world.clock, name=name) for name in ("one", "two")]
    world.sync.recorders = slow
    world.sync.stopping = lambda: bool(slow[0].told)
    stopped = world.sync.run()
    first = [recorder.told.copy() for recorder in slow]
    world.sync.stopping = lambda: False
    report = world.cycle()

    assert (True, False) == (stopped.interrupted, report.interrupted)
    assert [[500], [500]] == first
    assert [[500, 500, 100], [500, 500, 100]] == [recorder.told for recorder in slow]


class _Raising:
    name: str = "queue"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def record(self, entries: Sequence[Entry]) -> None:  # noqa: ARG002 - it takes none
        raise self.error


@pytest.mark.parametrize(
    "error",
    [ConfigurationError("x"), LeaseHeld("other.db: held"), RunStopped("guard", "x"), SyncError()],
)
def test_a_recorder_may_raise_no_other_error_of_ours(error: SyncError) -> None:
    """The others are told all the same, and the run is finished and stored."""
    world = World(LEAD)
    world.sync.recorders = (_Raising(error), world.recorder)
    world.lead()
    told = f"The recorder 'queue' raised {type(error).__name__} "
    with pytest.raises(ContractError, match=told) as caught:
        world.cycle()

    assert world.recorder.entries
    assert "1" == world.store.get("run")
    assert str(caught.value) in world.sync.status().troubles


def test_a_recorder_is_on_no_side() -> None:
    """What it tells may be down, and is neither of the two systems: the entries come again."""
    world = World(LEAD)
    world.sync.recorders = (_Raising(Unavailable(None, "the queue is down")), world.recorder)
    world.lead()
    report = world.cycle()
    stored = world.sync.status()
    later = MemoryRecorder("queue")
    world.sync.recorders = (later, world.recorder)

    assert ("the queue is down",) == report.troubles == stored.troubles
    assert "run 1: 1 created; the queue is down" == stored.last_run
    assert world.cycle().ok
    assert world.recorder.entries == later.entries


class _Bare(Unavailable):
    def __init__(self) -> None:
        """Leave out all that a failure says."""


@pytest.mark.parametrize(
    ("failure", "wrong"),
    [
        (Unavailable("queue", "down"), "a str for its side"),  # type: ignore[arg-type]
        (Refused(Side.MARKETO, None), "None for its message"),  # type: ignore[arg-type]
        (_Bare(), "nothing for its side"),
    ],
)
def test_a_failure_of_a_recorder_that_says_nothing(failure: SystemFailure, wrong: str) -> None:
    """Nobody could tell of it; who raised it is told instead, and the run is stored."""
    world = World(LEAD)
    world.sync.recorders = (_Raising(failure), world.recorder)
    world.lead()
    with pytest.raises(ContractError, match=rf"'queue' raised .*\) with {wrong} \(it takes "):
        world.cycle()

    assert world.recorder.entries
    assert "1" == world.store.get("run")


class _Renamed:
    """Gives another name each time, *most* times at most."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.times = 0
        self.told: list[int] = []

    @property
    def name(self) -> str:
        self.times += 1
        if self.times > self.most:
            raise KeyError("ada@example.org")
        return f"name {self.times}"

    def record(self, entries: Sequence[Entry]) -> None:
        self.told += [entry.seq for entry in entries]


def test_a_recorder_whose_name_changes_is_told_once_a_run() -> None:
    """It has a new place in the journal in every run, and not after every stretch."""
    world = World(LEAD)
    recorder = _Renamed(99)
    world.sync.recorders = (recorder,)
    world.lead()
    world.cycle()

    assert [1] == recorder.told
    world.cycle()
    assert [1, 1] == recorder.told


@pytest.mark.parametrize(
    ("times", "raised", "said"),
    [
        (0, ConfigurationError, "recorders= holds one whose name raised KeyError"),
        (1, ContractError, "The name of a recorder raised KeyError"),
    ],
)
def test_a_recorder_whose_name_raises(times: int, raised: type[SyncError], said: str) -> None:
    """It is told before anything is written, and what it says is not quoted."""
    world = World(LEAD)
    world.sync.recorders = (_Renamed(times),)
    world.lead()
    with pytest.raises(raised, match=said) as caught:
        world.cycle()

    assert "ada" not in str(caught.value)
    assert 0 == world.marketo.count()


# -- who is right


def test_a_backfill_keeps_an_opt_out() -> None:
    """A17: a consent field that is selected later makes no opt-in of an opt-out."""
    world = World(LEAD.without("unsubscribed"))
    person, row = world.linked("lead")
    world.marketo.edit(person, {"unsubscribed": True})
    world.settled()
    world.sync.maps = (LEAD,)
    world.settled()

    assert (True, True) == world.both(person, "lead", row, "unsubscribed")


def test_a_field_that_flows_both_ways_from_now_on() -> None:
    """What differs stays until somebody edits it; after a run without the field it is filled in."""
    both = LEAD.only("last_name", "phone")
    phone = attrs.evolve(both.field("phone"), flow=Flow.TO_DYNAMICS)
    world = World(both.plus(phone))
    person, row = world.linked("lead", telephone1="1")
    world.sync.maps = (both,)
    world.settled()
    assert (None, "1") == world.both(person, "lead", row, "phone")

    for entity_map in (LEAD.only("last_name"), both):
        world.sync.maps = (entity_map,)
        world.settled()
    assert ("1", "1") == world.both(person, "lead", row, "phone")


def test_a_backfill_by_authority() -> None:
    """A17: a host that says so lets Dynamics be right about consent, too."""
    world = World(LEAD.without("unsubscribed"))
    person, row = world.linked("lead")
    world.marketo.edit(person, {"unsubscribed": True})
    world.settled()
    world.sync.backfill = default_backfill("authority")
    world.sync.maps = (LEAD,)
    world.settled()

    assert (False, False) == world.both(person, "lead", row, "unsubscribed")


def _put(_: object) -> Put:
    return Put("P")


def _changes(world: World, person: RecordId) -> list[FieldChange]:
    entries = world.sync.explain(world.sync.maps[0].entity, person=person)
    return [c for e in entries for c in e.changes if c.field == "job_title"]


def test_a_value_is_put_at_a_first_meeting() -> None:
    """A28: what the policy puts arrives on both sides, and both losers are in the journal."""
    world = World(CONTACT)
    world.sync.first = _put
    row = world.contact(jobtitle="D")
    person = world.marketo.create_person(
        {"lastName": "Kay", "title": "M", "crmContactId": str(row)}
    )
    world.settled()

    assert ("P", "P") == world.both(person, "contact", row, "job_title")
    assert Pair("M", "D") in [change.lost for change in _changes(world, person)]


def test_a_value_is_put_in_a_backfill() -> None:
    """R81: the same for a field that is new to a linked pair, also when an answer is lost."""
    world = World(LEAD.without("job_title"))
    person, row = world.linked("lead", jobtitle="D")
    world.marketo.edit(person, {"title": "M"})
    world.settled()
    world.sync.maps, world.sync.backfill = (LEAD,), _put
    world.marketo.faults.plan("write", Fault("lost_request"))
    world.settled()

    assert ("P", "P") == world.both(person, "lead", row, "job_title")


def test_a_value_that_is_put_says_why() -> None:
    """A collision that ends with a third value keeps both, and has a reason."""
    world = World(LEAD)
    world.sync.policy = _put
    person, row = world.linked("lead", jobtitle="A")
    world.marketo.edit(person, {"title": "M"})
    world.dynamics.edit("lead", row, {"jobtitle": "P"})
    world.settled()
    (change,) = _changes(world, person)

    assert Pair("M", MISSING) == change.lost
    assert change.why


@attrs.define
class _Off:
    """A host's clock that is *off* by some seconds."""

    clock: Clock
    off: float

    def now(self) -> dt.datetime:
        """Return the wrong time."""
        return self.clock.now() + dt.timedelta(seconds=self.off)

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.clock.sleep(seconds)


@pytest.mark.parametrize("off", [-3600, 0, 3600])
def test_newest_by_a_wrong_clock(off: int) -> None:
    """The host's own clock does not decide which side was changed later."""
    world = World(CONTACT)
    world.sync.clock, world.sync.guards = _Off(world.clock, off), Guards(clock=math.inf)
    world.sync.policy = newest(prefer(Side.DYNAMICS))
    person, row = world.linked("contact", jobtitle="A")
    world.dynamics.edit("contact", row, {"jobtitle": "older"})
    world.clock.advance(600)
    world.marketo.edit(person, {"title": "newer"})
    world.settled()

    assert ("newer", "newer") == world.both(person, "contact", row, "job_title")


def test_an_email_takes_nobody_of_another_entity() -> None:
    """U11: a person who holds a contact's id is no lead's, whatever the e-mail."""
    world = World(*[attrs.evolve(one, match=Match("email")) for one in (LEAD, CONTACT)])
    world.lead(lastname="Ada", emailaddress1="ada@example.org")
    world.clock.advance(60)
    contact = world.contact(lastname="Ada", emailaddress1="ada@example.org")
    person = world.marketo.create_person(
        {"lastName": "Ada", "email": "ada@example.org", "crmContactId": str(contact)}
    )
    world.cycle()
    world.cycle()

    assert "Contact" == world.person(person)["microsoftType"]
    assert not world.person(person)["crmLeadId"]


# -- guards


def test_what_was_never_linked_is_no_delete() -> None:
    """The guard counts live links; a hundred percent leaves the count as the only limit."""
    world = World(LEAD)
    world.marketo.faults.plan("write", *[Fault("down")] * 10)
    rows = [world.lead() for _ in range(12)]
    world.cycle()
    world.marketo.faults.clear()
    for row in rows:
        world.dynamics.delete("lead", row)

    assert 12 == world.cycle().count(OutcomeKind.SKIPPED)
    assert not Limit(count=30, percent=100).exceeded(30, 20)
    assert Limit(count=30, percent=100).exceeded(31, 1000)


# -- plans and pushes


def test_a_push_with_nothing_to_send() -> None:
    """R28: a person without a value that Dynamics may be told is answered, and not queued."""
    world = World(LEAD.only("phone"))
    person = world.marketo.create_person({"lastName": "X"})
    world.cycle()

    assert "nothing to send" == world.sync.sync_person(person, as_="lead").kind
    assert {} == world.sync.status().backlog


@pytest.mark.parametrize(("side", "call"), [("dynamics", "describe"), ("marketo", "fetch")])
def test_a_push_while_a_system_is_down(side: str, call: str) -> None:
    """R28: it is deferred, and made with the next cycle."""
    world = World(LEAD)
    world.cycle()
    person = world.marketo.create_person({"lastName": "X"})
    faults = world.dynamics.faults if side == "dynamics" else world.marketo.faults
    faults.plan(call, *[Fault("down")] * 20)

    assert "deferred" == world.sync.sync_person(person, as_="lead").kind
    faults.clear()
    world.settled()
    assert 1 == world.dynamics.count("lead")


def test_a_plan_keeps_nobody_from_the_file(tmp_path: Path, open_store: Open) -> None:
    """While a plan is made, another process may pause the sync and queue a person."""
    world = World(LEAD, store=open_store())
    world.linked("lead")
    person = world.marketo.create_person({"lastName": "X"})
    other = attrs.evolve(world.sync, store=open_store())
    said: list[str] = []

    def during() -> None:
        said.append(other.sync_person(person, as_="lead", when="queued").kind)
        other.pause()

    before(world.dynamics.faults, "read", during)
    world.sync.plan()

    assert ["queued"] == said
    assert world.sync.paused
    assert ["state", "state-shm", "state-wal"] == sorted(f.name for f in tmp_path.iterdir())


def test_a_plan_in_words() -> None:
    """A plan says how much it is, and what would be refused."""
    world = World(LEAD)
    person, _ = world.linked("lead")
    world.marketo.edit(person, {"firstName": LONG, "title": "B"})
    world.clock.advance(60)
    plan = world.sync.plan()

    assert "1 write for 1 record" == str(plan)
    assert ["FIELD_LENGTH"] == [result.code for result in plan.records[0].results]


def test_a_paused_report_says_what_is_left() -> None:
    """R6: what waits is counted though nothing is done."""
    world = World(LEAD)
    world.sync.sync_person(
        world.marketo.create_person({"lastName": "X"}), as_="lead", when="queued"
    )
    world.sync.pause()

    assert 1 == world.cycle().left


# -- what a host says


@pytest.mark.parametrize(
    ("argument", "value", "step"),
    [
        ("hold", "fields", "'field' or 'record'"),
        ("on_marketo_delete", "recreat", "'recreate' or 'suppress'"),
        ("guards", {"deletes": 1}, "Guards"),
        ("keep_journal", 0, "above 0"),
        ("keep_journal", 10**400, r"too large to count with.*keep_journal=math\.inf"),
        ("show", None, "show= got a NoneType, which cannot be called"),
        ("stopping", True, "stopping= got a bool, which cannot be called"),
        ("maps", LEAD, r"maps=\[LEAD"),
        ("maps", ["lead"], r"maps=\[LEAD"),
        ("maps", [], "nothing would be synced"),
        ("maps", [LEAD, CONTACT.only()], "The map of 'contact' has no fields; nothing would"),
        ("maps", [LEAD, attrs.evolve(CONTACT, link_field="crmLeadId")], "link_field"),
        ("maps", [LEAD, attrs.evolve(CONTACT, tables=Pair("partner", "contact"))], "partner"),
        ("marketo", object(), "Give a connector"),
        ("store", "my.db", r"SqliteStore\('my.db'\)"),
        ("store", {}, "a dict, which is no store"),
        ("store", MemoryStore, "the class MemoryStore, which is no store"),
        ("clock", "x", "clock= got 'x', which is no clock"),
        ("clock", None, "clock= got None, which is no clock"),
        ("clock", SandboxClock, "clock= got the class SandboxClock"),
        ("tries", 0, "at least 1"),
        ("tries", True, "at least 1"),
        ("recorders", [print], "record"),
        ("recorders", 5, r"recorders=\[MemoryRecorder\(\)\]"),
        ("recorders", "activity-log", r"recorders=\[MemoryRecorder\(\)\]"),
        ("recorders", [MemoryRecorder(), MemoryRecorder()], "another name"),
        ("policy", "newest", "policy="),
        ("policy", None, "policy= got None"),
        ("policy", newest, r"policy= got newest itself, .* Call it: newest\("),
        ("first", default_first, r"first= got default_first itself"),
        ("backfill", Side, "backfill= got the class Side"),
        ("policy", by_field({"emial": prefer(Side.DYNAMICS)}, default=newest()), "emial"),
    ],
)
def test_what_a_host_says_is_checked(argument: str, value: object, step: str) -> None:
    """A mistake is told when the sync is made, with the argument and what to say instead."""
    sync = World().sync
    with pytest.raises(ConfigurationError, match=step):
        EVOLVE(sync, **{argument: value})


class _Telling:
    """A clock that tells what *function* returns."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.now = function

    def sleep(self, seconds: float) -> None:
        """Let no time pass."""


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        (lambda: 1_900_000_000.0, r"a _Telling whose now\(\) returned a float\."),
        (lambda: dt.datetime(2030, 1, 1), "returned a datetime without a zone"),  # noqa: DTZ001 - so it is
        (lambda: 1 / 0, r"whose now\(\) raised ZeroDivisionError \(test_careful\.py:"),
    ],
)
def test_a_clock_tells_the_time(now: Callable[[], object], seen: str) -> None:
    """One that does not is refused by whatever asks it first, before anything is written."""
    world = World(LEAD)
    world.lead()
    world.sync.clock = cast("Clock", _Telling(now))
    person = "1"
    for ask in (
        world.sync.run,
        world.sync.plan,
        world.sync.status,
        lambda: world.sync.retry("lead"),
        lambda: world.sync.sync_person(person, as_="lead", when="queued"),
    ):
        with pytest.raises(ConfigurationError, match=rf"^clock= got .*{seen}.*aware datetime"):
            ask()

    assert 0 == world.marketo.count()


@pytest.mark.parametrize("records", [None, 5, "xy", (None,), ["x"]])
def test_a_plan_of_no_records_is_not_applied(records: object) -> None:
    """What no `plan` returned."""
    world = World(LEAD)
    plan = Plan(world.clock.now(), cast("tuple[PlannedRecord, ...]", records))
    with pytest.raises(
        ConfigurationError, match=r"^apply\(\) got a Plan whose records are no tuple"
    ):
        world.sync.apply(plan)


def test_recorders_may_come_one_by_one() -> None:
    """What can be gone through once is kept: the first run tells them, and the second."""
    world = World(LEAD)
    world.sync.recorders = (recorder for recorder in [world.recorder])  # type: ignore[assignment]
    rows = [world.lead()]
    world.cycle()
    rows.append(world.lead())
    world.cycle()

    assert rows == [entry.dynamics for entry in world.recorder.entries]


def test_a_system_is_no_connector() -> None:
    """The sandbox itself is not what a sync talks to."""
    world = World()
    with pytest.raises(ConfigurationError, match=r"connector\(\)"):
        EVOLVE(world.sync, marketo=world.marketo)


def test_fields_and_sides_are_checked() -> None:
    """A field needs a column on each side, and a word that there is; so does a side."""
    with pytest.raises(ConfigurationError, match="native name in Dynamics"):
        Field("phone", Pair("phone", ""))
    with pytest.raises(ConfigurationError, match="truncate"):
        EVOLVE(LEAD.field("phone"), too_long="cut")
    with pytest.raises(ConfigurationError, match="each side"):
        EVOLVE(LEAD.field("phone"), names=("phone", "telephone1"))
    with pytest.raises(ConfigurationError, match=r"Flow\.BOTH"):
        EVOLVE(LEAD.field("phone"), flow="both")
    with pytest.raises(ConfigurationError, match=r"Side\.MARKETO"):
        prefer(cast("Side", "marketo"))


class _Ask(Protocol):
    def __call__(
        self, entity: str, *, person: str | None = None, dynamics: str | None = None
    ) -> object: ...


def test_a_question_wants_a_record() -> None:
    """An entity without a map, or no id, is no question."""
    sync = World(LEAD).sync
    questions: tuple[_Ask, ...] = sync.explain, sync.link
    for ask in questions:
        with pytest.raises(ConfigurationError, match="leed"):
            ask("leed", person="1")
        with pytest.raises(ConfigurationError, match="person="):
            ask("lead")
        with pytest.raises(ConfigurationError, match=r"person=' ' is no id\. .* in Marketo\."):
            ask("lead", person=" ")
        with pytest.raises(ConfigurationError, match=r"dynamics='' is no id\. .* in Dynamics\."):
            ask("lead", dynamics="")


def test_a_question_is_about_one_record() -> None:
    """Two ids may be two records: neither is passed over, and no two histories are mixed."""
    world = World(CONTACT)
    rows = [world.dynamics.create("contact", {"lastname": name}) for name in ("Byron", "King")]
    world.sync.run()
    link = world.sync.link("contact", dynamics=rows[1])
    assert link is not None

    for ask in (world.sync.explain, world.sync.link):
        with pytest.raises(ConfigurationError, match="Give one of them"):
            ask("contact", person=link.marketo, dynamics=rows[0])

    told = world.sync.explain("contact", person=int(link.marketo))
    assert {rows[1]} == {entry.dynamics for entry in told}


def test_a_store_in_memory_is_another_one() -> None:
    """SQLite's word for memory would make a file of that name."""
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SqliteStore(":memory:")


def test_a_state_is_kept_in_a_file() -> None:
    """What is no path is refused, whether it is to be written or only looked at."""
    for wrong in (None, 5, b"my.db", Path):
        for opened in (SqliteStore, SqliteStore.read_only):
            with pytest.raises(ConfigurationError, match=r"^SqliteStore got .* Give its path"):
                opened(cast("str", wrong))


def test_short_representations() -> None:
    """A sync and a map say what they are in a line."""
    sync = World().sync

    assert repr(sync).endswith(": lead, contact>")
    assert repr(LEAD).startswith("<EntityMap 'lead': ")


# -- what cannot be done now


@pytest.mark.parametrize("table", ["lead", "contact"])
def test_a_table_that_may_not_be_described_stops_its_entity_alone(table: str) -> None:
    """U30: without its columns nothing of an entity is agreed on; the other one goes on."""
    world = World()
    (lead, one), (contact, two) = world.linked("lead"), world.linked("contact")
    world.dynamics.edit("lead", one, {"jobtitle": "B"})
    world.dynamics.edit("contact", two, {"jobtitle": "B"})
    refused = [Fault("refused")] if table == "lead" else [None, Fault("refused")]
    world.dynamics.faults.plan("describe", *refused)
    report = world.cycle()
    titles = {"lead": world.person(lead)["title"], "contact": world.person(contact)["title"]}
    world.settled()

    assert [table] == list(report.stopped)
    assert 1 == len(report.failures)
    assert {"lead": "B", "contact": "B", table: None} == titles
    assert "B" == world.person(lead)["title"] == world.person(contact)["title"]


@pytest.mark.parametrize(("at", "stops"), [(0, "lead"), (1, "contact")])
def test_a_table_that_takes_nothing_stops_its_entity_alone(at: int, stops: str) -> None:
    """Invariant 20: as long as it is refused, run after run, the other entity goes on."""
    world = World()
    people = {table: world.linked(table) for table in ("lead", "contact")}
    # What was left goes first.
    for turn, calls_before in enumerate((at, 0)):
        for person, _ in people.values():
            world.marketo.edit(person, {"title": f"Turn {turn}"})
        world.dynamics.faults.clear()
        world.dynamics.faults.plan("write", *[None] * calls_before, Fault("refused"))
        report = world.cycle()
        held = {table: world.row(table, row)["jobtitle"] for table, (_, row) in people.items()}

        assert {stops: str(report.failures[0])} == report.stopped
        assert 1 == len(report.failures)
        assert {"lead": f"Turn {turn}", "contact": f"Turn {turn}", stops: None} == held
    world.dynamics.faults.clear()
    world.settled()

    assert {"Turn 1"} == {world.row(table, row)["jobtitle"] for table, (_, row) in people.items()}


def test_people_who_may_not_be_described_stop_the_run() -> None:
    """One table holds the people of all entities: there is nothing to go on with."""
    world = World()
    world.lead()
    world.marketo.faults.plan("describe", Fault("refused"))
    report = world.cycle()

    assert not report.stopped
    assert 1 == len(report.failures)
    assert 0 == world.marketo.count()


def test_people_who_may_not_be_read_stop_the_run() -> None:
    """Nor when they may not be read."""
    world = World()
    world.lead()
    world.marketo.faults.plan("read", Fault("refused"))
    report = world.cycle()

    assert not report.stopped
    assert 1 == len(report.failures)
    assert 0 == world.marketo.count()


def test_a_state_of_other_tables_is_refused() -> None:
    """Ids of one table mean nothing in another: the state stays with the map that it was for."""
    world = World(LEAD)
    person, row = world.linked("lead")
    world.sync.maps = (attrs.evolve(LEAD, link_field="crmContactId"),)
    with pytest.raises(ConfigurationError, match=r"crmContactId.*begin with a new state file"):
        world.cycle()
    world.sync.maps = (LEAD,)
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.settled()

    assert "B" == world.person(person)["title"]


@pytest.mark.parametrize(
    ("access", "seen"), [(None, "has no such field"), (Access.READ, "allows only")]
)
def test_no_field_for_the_id_of_a_record(access: Access | None, seen: str) -> None:
    """Invariant 12: without the id a lost answer would make a duplicate, so nothing is begun."""
    world = World(LEAD)
    world.lead()
    if access is None:
        world.marketo.drop_column("crmLeadId")
    else:
        world.marketo.set_access("crmLeadId", access)
    with pytest.raises(ConfigurationError, match=f"'crmLeadId', but Marketo {seen}"):
        world.cycle()

    assert 0 == world.marketo.count()


def test_nothing_may_be_read_from_the_start() -> None:
    """A map of which nothing may be read is a mistake to be told, not an entity that stopped."""
    world = World(LEAD.only("job_title"))
    world.dynamics.secure("lead", "jobtitle", Access.NONE)
    with pytest.raises(ConfigurationError, match="let the sync user read"):
        world.cycle()


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (AmbiguousWrite(), Ambiguous),
        (NotAttempted(), Unavailable),
        (ThrottledWrite(1.0), Throttled),
    ],
)
def test_a_line_without_an_answer_comes_again(
    answer: WriteResult, failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R92: a line of which the log says that it may not be there is told with the next cycle."""
    world = World(LEAD)
    person, _ = world.linked("lead")
    world.marketo.edit(person, {"firstName": LONG})
    with monkeypatch.context() as patch:
        patch.setattr(SandboxMarketoConnector, "log", lambda _, lines: [answer for _ in lines])
        report = world.cycle()
    world.cycle()

    assert [failure] == [type(one) for one in report.failures]
    assert 1 == len(world.lines(person))


def test_lines_without_their_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """R92: nobody knows which lines fewer answers are about: told, and all are told again."""
    world = World(LEAD)
    person, _ = world.linked("lead")
    world.marketo.edit(person, {"firstName": LONG})
    with monkeypatch.context() as patch:
        patch.setattr(SandboxMarketoConnector, "log", lambda *_: [])
        with pytest.raises(ContractError, match=r"got 1 lines .* returned 0 results"):
            world.cycle()
    world.cycle()

    assert 1 == len(world.lines(person))


def test_a_push_with_a_broken_recorder() -> None:
    """A recorder that raises is told of, and the person is made all the same."""
    world = World(LEAD)
    world.sync.recorders = (_Broken(),)
    person = world.marketo.create_person({"lastName": "Lee", "title": LONG})
    with pytest.raises(ContractError, match="KeyError"):
        world.sync.sync_person(person, as_="lead")

    assert 1 == len(world.dynamics.rows("lead"))


def test_a_push_of_one_who_is_there_while_a_system_is_down() -> None:
    """R27: whom the state knows to be in Dynamics needs no system that answers."""
    world = World(LEAD)
    person, row = world.linked("lead")
    world.dynamics.faults.hook = lambda *_: Fault("down")
    answer = world.sync.sync_person(person, as_="lead")

    assert ("exists", row) == (answer.kind, answer.dynamics)


def test_a_plan_says_who_is_ambiguous() -> None:
    """Invariants 25, 27: a plan says who may be linked to nobody, and why, and writes nothing."""
    world = World(attrs.evolve(LEAD, match=Match("email")))
    for _ in range(2):
        world.marketo.create_person({"lastName": "Lee", "email": "ada@example.org"})
    world.lead(emailaddress1="ada@example.org")
    (planned,) = world.sync.plan().records

    assert (OutcomeKind.AMBIGUOUS, (), ()) == (planned.outcome, planned.writes, planned.changes)
    assert "2 people" in planned.why
    assert 1 == world.cycle().count(OutcomeKind.AMBIGUOUS)


# -- what takes no part now


@pytest.mark.parametrize("why", ["taken out", "a column is gone"])
def test_who_belongs_to_an_entity_that_takes_no_part_is_left_alone(why: str) -> None:
    """Invariants 5, 27: an upsert by the id that somebody gave them would write over them."""
    world = World()
    person, lead = world.linked("lead", companyname="Kay & Co", jobtitle="Theirs")
    if why == "taken out":
        world.sync.maps = (CONTACT,)
    else:
        world.dynamics.drop_column("lead", "fax")
        world.cycle()
    world.marketo.edit(person, {"city": "Oslo"})
    contact = world.contact(lastname="Kay", jobtitle="Another's")
    world.marketo.edit(person, {"crmContactId": contact})
    kinds = [[o.kind for o in world.cycle().notable] for _ in range(2)]
    world.sync.maps = (LEAD, CONTACT)
    world.sync.refresh_schema("lead")
    world.cycle()

    assert [[OutcomeKind.AMBIGUOUS]] * 2 == kinds
    assert ("Theirs", "Theirs") == world.both(person, "lead", lead, "job_title")
    assert ("Oslo", "Oslo") == world.both(person, "lead", lead, "city")


def test_a_guard_counts_nobody_whose_entity_takes_no_part() -> None:
    """Invariant 7: nothing of it is marked in this run, so that the others go on."""
    world = World()
    rows = [world.lead(lastname=f"Lee {number}", companyname="x") for number in range(30)]
    person, contact = world.linked("contact")
    for row in rows[:20]:
        world.dynamics.delete("lead", row)
    world.dynamics.edit("contact", contact, {"jobtitle": "Boss"})
    with pytest.raises(RunStopped):
        world.cycle()
    world.sync.maps = (CONTACT,)
    world.cycle()

    assert ("Boss", "Boss") == world.both(person, "contact", contact, "job_title")


# -- what gives way beside what waits


def test_what_loses_beside_a_standing_collision_is_journalled() -> None:
    """Invariant 6: the collision is told already, and what was done since is news."""
    world = World()
    world.sync.policy = manual
    person, row = world.linked("contact")
    world.marketo.edit(person, {"title": "Ours", "city": "Bergen"})
    world.dynamics.edit("contact", row, {"jobtitle": "Theirs", "address1_city": "Oslo"})
    world.cycle()
    world.sync.policy = by_field({"city": prefer(Side.DYNAMICS)}, default=manual)
    world.cycle()
    told = len(world.recorder.entries)
    lost = {c.field: c.lost for e in world.recorder.entries for c in e.changes if c.written}
    world.cycle()

    assert {"city": "Bergen"} == lost
    assert told == len(world.recorder.entries)
    assert ("Ours", "Theirs") == world.both(person, "contact", row, "job_title")


def test_what_was_heard_of_a_record_that_is_not_as_planned_counts_once() -> None:
    """Invariant 21: what became of the write is known, and the plan is not carried out."""
    world = World()
    person, row = world.linked("contact")
    world.marketo.edit(person, {"title": "New"})
    world.dynamics.edit("contact", row, {"address1_city": "Oslo"})
    world.dynamics.faults.plan("write", Fault("lost_response"))
    world.cycle()
    world.clock.advance(300)
    plan = world.sync.plan()
    world.marketo.edit(person, {"phone": "555"})
    world.clock.advance(10)

    assert 1 == world.sync.apply(plan).counts.total()


@pytest.mark.parametrize("by", ["id", "address"])
def test_a_policy_is_told_how_old_a_value_is_however_the_person_was_found(by: str) -> None:
    """`newest` decides at a first meeting, too."""
    world = World(LEAD, attrs.evolve(CONTACT, match=Match("email")))
    contact = world.contact(emailaddress1="a@example.org", jobtitle="Older")
    world.clock.advance(3600)
    known = {"crmContactId": contact} if by == "id" else {}
    person = world.marketo.create_person(
        {"lastName": "Kay", "email": "a@example.org", "title": "Newer", **known}
    )
    world.sync.policy = newest()
    world.settled()

    assert ("Newer", "Newer") == world.both(person, "contact", contact, "job_title")


# -- a first meeting that decides nothing


@pytest.mark.parametrize("match", [Match(), Match("email")])
def test_what_a_first_meeting_leaves_to_a_person_stays_left(match: Match) -> None:
    """Invariant 6: nothing is written and every run reports it, though the two are linked now."""
    world = World(LEAD, attrs.evolve(CONTACT, match=match))
    world.sync.policy = manual
    contact = world.contact(emailaddress1="a@example.org", jobtitle="Theirs")
    known = {} if match == Match("email") else {"crmContactId": contact}
    person = world.marketo.create_person(
        {"lastName": "Kay", "email": "a@example.org", "title": "Ours", **known}
    )
    kinds = [[one.kind for one in world.cycle().notable] for _ in range(3)]
    apart = world.both(person, "contact", contact, "job_title")
    world.dynamics.edit("contact", contact, {"jobtitle": "Ours"})
    world.settled()

    assert [[OutcomeKind.UNRESOLVED]] * 3 == kinds
    assert ("Ours", "Theirs") == apart
    assert {} == world.sync.status().backlog


def test_what_a_first_meeting_could_not_tell_is_decided_by_the_same_policy() -> None:
    """`backfill` is for a field that is new to a pair, and not for one that was refused."""
    world = World()
    asked: list[str] = []

    def first(collision: Collision) -> Put | Take:
        asked.append(collision.field)
        return Put("x" * 300) if collision.field == "job_title" else Take(Side.DYNAMICS)

    world.sync.first = first
    contact = world.contact(jobtitle="Theirs")
    person = world.marketo.create_person(
        {"lastName": "Kay", "title": "Ours", "crmContactId": contact}
    )
    world.settled()
    world.dynamics.edit("contact", contact, {"jobtitle": "Others'"})
    world.settled()

    assert 2 <= asked.count("job_title")
    assert ("Ours", "Others'") == world.both(person, "contact", contact, "job_title")


# -- what is permanent, and what is told late


def _by_field(world: World) -> None:
    world.sync.hold = "field"


def _cut(world: World) -> None:
    name = attrs.evolve(CONTACT.field("last_name"), too_long="truncate")
    world.sync.maps = (LEAD, CONTACT.plus(name))


@pytest.mark.parametrize(("change", "name"), [(_by_field, "Lee"), (_cut, "x" * 50)])
def test_what_is_permanent_goes_out_where_a_setting_lets_it(
    change: Callable[[World], None], name: str
) -> None:
    """A20: a refusal holds until something is different, and this is."""
    world = World()
    world.sync.hold, world.sync.tries = "record", 1
    person, row = world.linked("contact")
    world.marketo.edit(person, {"lastName": "x" * 80, "title": "Boss"})
    world.settled()
    before_it = world.both(person, "contact", row, "job_title")
    change(world)
    world.settled()

    assert ("Boss", None) == before_it
    assert ("Boss", "Boss") == world.both(person, "contact", row, "job_title")
    assert name == world.row("contact", row)["lastname"]


@pytest.mark.parametrize("why", ["withheld", "permanent"])
@pytest.mark.parametrize(
    ("flow", "expected"), [(Flow.TO_MARKETO, "Theirs"), (Flow.TO_DYNAMICS, None)]
)
def test_what_waits_for_ever_is_decided_anew_where_it_flows_one_way(
    why: str, flow: Flow, expected: str | None
) -> None:
    """A18: so the operator is told to do where a right will not be given."""
    world = World()
    world.sync.tries = 1
    person, row = world.linked("lead", jobtitle="Analyst")
    ours = "Ours" if why == "withheld" else "x" * 150
    if why == "withheld":
        world.dynamics.secure("lead", "jobtitle", Access.READ)
    world.marketo.edit(person, {"title": ours})
    world.dynamics.edit("lead", row, {"jobtitle": "Theirs"})
    world.settled()
    waiting = world.sync.status().backlog
    field = attrs.evolve(LEAD.field("job_title"), flow=flow)
    world.sync.maps = (LEAD.plus(field), CONTACT)
    report = world.cycle()
    world.settled()

    assert {("lead", why): 1} == waiting
    assert 1 == report.records
    assert (expected or ours, "Theirs") == world.both(person, "lead", row, "job_title")
    assert ({} if expected else waiting) == world.sync.status().backlog


def test_the_journal_is_kept_until_all_recorders_were_told() -> None:
    """Invariant 33: the log was down for longer than the journal is kept."""
    world = World()
    world.sync.keep_journal = 1
    person, _ = world.linked("contact")
    world.marketo.edit(person, {"lastName": "x" * 80})
    for _ in range(8):
        world.marketo.faults.plan("logged", *[Fault("refused")] * 9)
        world.cycle(43_200)
    world.marketo.faults.clear()
    for _ in range(4):
        world.cycle(43_200)
    kept = world.store.journal(0, 10)

    assert 1 == len(world.lines(person))
    assert all(world.clock.now().timestamp() - entry.at < 3 * 86_400 for entry in kept)


class _Ahead:
    """A clock that is *ahead* of the one of the systems, by seconds."""

    def __init__(self, right: Clock) -> None:
        self.right = right
        self.ahead = 0.0

    def now(self) -> dt.datetime:
        return self.right.now() + dt.timedelta(seconds=self.ahead)

    def sleep(self, seconds: float) -> None:
        self.right.sleep(seconds)


def test_nothing_is_pruned_that_was_not_told_when_the_clock_is_set_back() -> None:
    """Invariant 33: what is dated before the first entry that waits may wait as well."""
    world = World()
    world.sync.keep_journal = 2
    world.sync.clock = clock = _Ahead(world.clock)
    down: list[Exception | None] = [Unavailable(Side.MARKETO, "down")]
    slow = _Slow(world.clock, fails=lambda: down[0])
    world.sync.recorders = (slow,)
    clock.ahead = 1200.0
    world.lead(lastname="first")
    world.cycle()
    clock.ahead = 0.0
    world.lead(lastname="second")
    world.cycle()
    # Between the moments at which the two are as old as the journal is kept.
    world.cycle(2 * 86_400 + 120)
    down[0] = None
    slow.told.clear()
    world.cycle()

    assert [2] == slow.told


def test_pruning_goes_on_after_a_clock_that_was_ahead() -> None:
    """R96: that the journal was pruned at a moment still to come keeps nothing for longer."""
    world = World()
    world.sync.keep_journal = 1
    world.lead(lastname="Ada")
    world.cycle()
    world.store.put("pruned", str(world.clock.now().timestamp() + 400 * 86_400))
    for _ in range(3):
        world.cycle(86_400)

    assert [] == world.store.journal(0, 10)
