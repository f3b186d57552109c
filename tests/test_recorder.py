"""Recorders: what the journal keeps of an outcome, and what a person's activity log is told."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from typing import Final, Literal, cast

import attrs
import pytest

from dynsync.connectors import ActivityLine, MarketoConnector
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    ContractError,
    Refused,
    StateError,
    Throttled,
    Unavailable,
)
from dynsync.outcomes import FieldChange, Outcome, OutcomeKind
from dynsync.recorder import (
    ActivityRecorder,
    Entry,
    MemoryRecorder,
    PartlyRefused,
    Refusal,
    entry_of,
    journal_entry,
)
from dynsync.records import MISSING, Entity, Pair, RecordId, Side
from dynsync.sandbox import (
    Fault,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
    SandboxMarketoConnector,
)
from dynsync.state import JournalEntry
from dynsync.validation import ValidationResult
from dynsync.writes import Gone, NotAttempted, Reason, Rejected, WriteResult

LEAD: Final = Entity("lead")
IDS: Final = Pair[RecordId | None](RecordId("1"), RecordId("guid"))
AT: Final = 1_800_000_000.0
WHEN: Final = dt.datetime.fromtimestamp(AT, dt.UTC)
BOTH: Final = (Side.MARKETO, Side.DYNAMICS)

# -- the journal


PLAIN: Final = Outcome(LEAD, IDS, OutcomeKind.AGREED, link=17)
FULL: Final = Outcome(
    LEAD,
    IDS,
    OutcomeKind.REJECTED,
    "the record waits",
    17,
    (
        FieldChange("city", "one_side", Side.MARKETO, (Side.DYNAMICS,), "changed"),
        FieldChange("phone", "collision", Side.DYNAMICS, BOTH, "newer", lost="123"),
        FieldChange("fax", "collision", None, (), "put", lost=None),
        FieldChange("title", "collision", None, BOTH, "put", lost=Pair("Dr", MISSING)),
        FieldChange("email", "collision", None, BOTH, "put", lost=Pair(MISSING, 7)),
        FieldChange("score", "collision", None, BOTH, "put", lost=Pair(None, 0.5)),
    ),
    (
        ValidationResult(LEAD, IDS, Side.DYNAMICS, "city", "LONG", "too long", WHEN, 1, "told-1"),
        ValidationResult(LEAD, IDS, Side.MARKETO, None, "NO", "not today", WHEN, 2, "told-2"),
    ),
    ("email", "fax"),
)


def read(outcome: Outcome) -> Entry:
    """Return *outcome* as it is read from the journal that it was written to."""
    kept = journal_entry(outcome, 3, AT)
    return entry_of(attrs.evolve(kept, seq=9))


def test_what_is_journalled_is_read_again() -> None:
    """Every word of an outcome, and where and when it came about."""
    assert read(FULL) == Entry(
        9,
        3,
        AT,
        "lead",
        RecordId("1"),
        RecordId("guid"),
        "rejected",
        "the record waits",
        FULL.changes,
        (
            Refusal(Side.DYNAMICS, "city", "LONG", "too long", 1, "told-1"),
            Refusal(Side.MARKETO, None, "NO", "not today", 2, "told-2"),
        ),
        ("email", "fax"),
    )


def test_what_is_not_said_takes_no_room() -> None:
    """Most outcomes are of records that were as they should be: one line is kept of each."""
    kept = journal_entry(PLAIN, 3, AT)

    assert JournalEntry(0, 3, AT, LEAD, 17, IDS, "agreed", "{}") == kept
    assert ("", (), (), ()) == (
        read(PLAIN).why,
        read(PLAIN).changes,
        read(PLAIN).refusals,
        read(PLAIN).held,
    )


def test_changes_that_cost_nobody_a_value_are_read_again() -> None:
    """Most do not; of what gave way nothing is kept then."""
    kept = attrs.evolve(FULL, changes=FULL.changes[:1])

    assert '"lost"' not in journal_entry(kept, 3, AT).detail
    assert kept.changes == read(kept).changes


def test_the_journal_of_an_earlier_release_is_read() -> None:
    """The words and their order are kept in every state file there is."""
    said = (
        '{"why":"the record waits",'
        '"changes":[["city","one_side","marketo",["dynamics"],"changed"],'
        '["phone","collision","dynamics",["marketo","dynamics"],"newer"],'
        '["fax","collision",null,[],"put"],'
        '["title","collision",null,["marketo","dynamics"],"put"],'
        '["email","collision",null,["marketo","dynamics"],"put"],'
        '["score","collision",null,["marketo","dynamics"],"put"]],'
        '"lost":{"phone":"123","fax":null,"title":{"marketo":"Dr"},"email":{"dynamics":7},'
        '"score":{"marketo":null,"dynamics":0.5}},'
        '"results":[["dynamics","city","LONG","too long",1,"told-1"],'
        '["marketo",null,"NO","not today",2,"told-2"]],'
        '"held":["email","fax"]}'
    )

    assert said == journal_entry(FULL, 3, AT).detail
    assert json.loads(said)


DAMAGED: Final = (
    "",
    "{",
    "[]",
    "null",
    '{"changes":[["city"]]}',
    '{"changes":[["city","one_side","sugar",[],""]]}',
    '{"changes":7}',
    '{"results":[["sugar","city","LONG","Oslo",1,"told"]]}',
    '{"lost":[],"changes":[["city","one_side",null,[],"Oslo"]]}',
)


@pytest.mark.parametrize("detail", DAMAGED)
def test_a_damaged_entry_is_told_without_what_it_holds(detail: str) -> None:
    """What cannot be read may be a value, in the message or in what the error hangs on."""
    kept = attrs.evolve(journal_entry(PLAIN, 3, AT), seq=9, detail=detail)
    with pytest.raises(StateError, match=r"journal's entry 9 is damaged\. Restore the") as caught:
        entry_of(kept)

    assert "finds the links again by the ids that both systems hold." in str(caught.value)
    assert caught.value.__cause__ is None is caught.value.__context__
    assert "Oslo" not in str(caught.value)


def test_memory_keeps_each_entry_once() -> None:
    """After a crash a stretch comes again; what is known is not taken twice."""
    entries = [attrs.evolve(read(PLAIN), seq=seq) for seq in range(1, 5)]
    memory = MemoryRecorder()
    memory.record(entries[:2])
    memory.record(entries[1:3])
    memory.record([])

    assert entries[:3] == memory.entries
    memory.record(entries)
    assert entries == memory.entries


# -- the activity log


class Marketo:
    """A Marketo with a person to tell things about, and one for each of *others*."""

    def __init__(self, others: int = 0) -> None:
        self.system = SandboxMarketo(clock=SandboxClock())
        self.people = [
            self.system.create_person({"email": f"{n}@example.org"}) for n in range(others + 1)
        ]
        self.person = self.people[0]
        self.recorder = ActivityRecorder(self.system.connector())

    def said(self) -> list[str]:
        """Return the texts in everybody's log."""
        return [line.text for who in self.people for line in self.system.activity_log(who)]


def refused(person: RecordId | None, *refusals: Refusal, seq: int = 1) -> Entry:
    """Return an entry of a record of *person* of which something was refused."""
    return attrs.evolve(read(PLAIN), seq=seq, person=person, refusals=refusals)


LONG: Final = Refusal(Side.DYNAMICS, "city", "LONG", "too long", 1, "told-1")


def test_a_refusal_is_a_line_of_the_persons_log() -> None:
    """Which side refused what and why, when it did, under a key of its own (R92)."""
    marketo = Marketo()
    marketo.recorder.record([refused(marketo.person, LONG)])

    assert [
        ActivityLine(
            "told-1", marketo.person, WHEN, "refused", "Dynamics refused city: too long [LONG]"
        )
    ] == marketo.system.activity_log(marketo.person)


def test_a_refusal_of_the_whole_is_one_of_the_record() -> None:
    """Where no field is named, nothing more is known than that the record was refused."""
    marketo = Marketo()
    marketo.recorder.record([refused(marketo.person, attrs.evolve(LONG, field=None))])

    assert ["Dynamics refused the record: too long [LONG]"] == marketo.said()


def test_the_reasons_of_one_refusal_are_one_line() -> None:
    """What was refused at once is told at once, and what was refused apart is told apart."""
    marketo = Marketo()
    other = attrs.evolve(LONG, code="ODD", message="odd")
    third = attrs.evolve(LONG, field="fax", told="told-2")
    marketo.recorder.record([refused(marketo.person, LONG, third, other)])

    assert [
        "Dynamics refused city: too long [LONG]; Dynamics refused city: odd [ODD]",
        "Dynamics refused fax: too long [LONG]",
    ] == sorted(marketo.said())


@pytest.mark.parametrize(
    ("connector", "seen"),
    [
        (None, "a NoneType"),
        (SandboxDynamics(clock=SandboxClock()).connector(), "a SandboxDynamicsConnector"),
        (SandboxMarketo(clock=SandboxClock()), "a SandboxMarketo"),
        (SandboxMarketoConnector, "the class SandboxMarketoConnector"),
    ],
)
def test_what_writes_no_activity_logs_is_refused(connector: object, seen: str) -> None:
    """Before a run has something to tell, and nobody to tell it to."""
    with pytest.raises(ConfigurationError, match=rf"\(\) got {seen}, which .*Sync\(marketo=…\)"):
        ActivityRecorder(cast("MarketoConnector", connector))


@pytest.mark.parametrize("batch", [0, -1, True, 1.5, "300"])
def test_a_batch_of_no_lines_is_refused(batch: object) -> None:
    """Nothing would be told, or an error be raised that says nothing."""
    with pytest.raises(ConfigurationError, match=rf"\(batch={batch!r}\): .*at least 1"):
        ActivityRecorder(SandboxMarketo(clock=SandboxClock()).connector(), batch=cast("int", batch))


def test_a_line_is_told_once() -> None:
    """Marketo's log takes a repeat, so what it holds is read before anything is added."""
    marketo = Marketo()
    later = refused(marketo.person, attrs.evolve(LONG, field="fax", told="told-2"), seq=2)
    marketo.recorder.record([refused(marketo.person, LONG)])
    marketo.recorder.record([refused(marketo.person, LONG), later])
    marketo.recorder.record([refused(marketo.person, LONG), later])

    assert 2 == len(marketo.said())


def test_what_two_entries_say_is_told_once() -> None:
    """A record that was deleted comes back, and what it refused is refused again (R92)."""
    marketo = Marketo()
    again = refused(marketo.person, attrs.evolve(LONG, message="still too long"), seq=2)
    marketo.recorder.record([refused(marketo.person, LONG), again])

    assert ["Dynamics refused city: too long [LONG]"] == marketo.said()


def test_where_all_was_told_nothing_is_added() -> None:
    """A call that adds nothing is not made."""
    marketo = Marketo()
    marketo.recorder.record([refused(marketo.person, LONG)])
    marketo.system.faults.plan("log", Fault("down"))
    marketo.recorder.record([refused(marketo.person, LONG)])

    assert 1 == len(marketo.said())


def test_a_refusal_without_a_person_is_in_the_journal_alone() -> None:
    """There is no log to tell it in, and nothing is asked of Marketo."""
    marketo = Marketo()
    marketo.system.faults.plan("logged", Fault("down"))
    marketo.recorder.record([refused(None, LONG)])

    assert [] == marketo.said()


@pytest.mark.parametrize("batch", [1, 2, 3, 300])
def test_lines_come_in_batches(batch: int) -> None:
    """As many as Marketo takes in a call; none is left out between two of them."""
    marketo = Marketo(others=4)
    marketo.recorder = attrs.evolve(marketo.recorder, batch=batch)
    sizes: list[str] = []
    marketo.system.faults.hook = lambda operation, _: sizes.append(operation)
    marketo.recorder.record(
        [
            refused(person, attrs.evolve(LONG, told=f"told-{person}"), seq=seq)
            for seq, person in enumerate(marketo.people, 1)
        ]
    )

    assert 5 == len(marketo.said())
    assert -(-5 // batch) == sizes.count("log") == sizes.count("logged")


def huge(told: str) -> Refusal:
    """Return a refusal that no log takes."""
    return attrs.evolve(LONG, message="x" * 100_000, told=told)


def test_a_line_that_is_refused_keeps_no_other_waiting() -> None:
    """The others are taken, and the place in the journal moves on."""
    marketo = Marketo()
    entries = [refused(marketo.person, huge("told-0")), refused(marketo.person, LONG, seq=2)]
    message = r"^Marketo: the activity log does not take 1 of our lines \(1049\)$"
    with pytest.raises(PartlyRefused, match=message):
        marketo.recorder.record(entries)

    assert ["Dynamics refused city: too long [LONG]"] == marketo.said()


def test_a_line_that_is_refused_keeps_no_later_batch_waiting() -> None:
    """Refusals are counted over all batches of a call."""
    marketo = Marketo()
    marketo.recorder = attrs.evolve(marketo.recorder, batch=1)
    lines = [huge("told-0"), huge("told-1"), attrs.evolve(LONG, told="told-2")]
    with pytest.raises(PartlyRefused, match="does not take 2 of our lines"):
        marketo.recorder.record([refused(marketo.person, *lines)])

    assert 1 == len(marketo.said())


def test_all_that_the_log_says_is_told() -> None:
    """The codes of all refusals, each once, for whoever looks after the activity type."""
    odd, long = Reason("1003", "odd"), Reason("1049", "long")
    answers = [Rejected((long,)), Rejected((odd, long))]
    two = refused(RecordId("1"), LONG, attrs.evolve(LONG, told="told-2"))
    with pytest.raises(Refused, match=r"does not take 2 of our lines \(1003, 1049\)$"):
        Answering(answers).recorder().record([two])


def test_where_no_line_is_taken_the_log_may_be_wrong() -> None:
    """All come again: it may be the activity type that is missing, and not the lines."""
    marketo = Marketo()
    with pytest.raises(Refused, match="does not take 1 of our lines") as caught:
        marketo.recorder.record([refused(marketo.person, huge("told-0"))])

    assert not isinstance(caught.value, PartlyRefused)


@pytest.mark.parametrize("rest", ["throttled", "ambiguous"])
def test_a_line_that_may_come_again_keeps_the_place(
    rest: Literal["throttled", "ambiguous"],
) -> None:
    """What was logged is not logged again, and what was not is told by the next run."""
    marketo = Marketo()
    entry = refused(marketo.person, LONG, attrs.evolve(LONG, field="fax", told="told-2"))
    marketo.system.faults.plan("log", Fault("partial", 7.0, rest=rest))
    with pytest.raises(Throttled if rest == "throttled" else Ambiguous) as caught:
        marketo.recorder.record([entry])
    half = marketo.said()
    marketo.recorder.record([entry])

    assert 1 == len(half)
    assert 2 == len(marketo.said())
    assert Side.MARKETO is caught.value.side
    assert (
        caught.value.message
        == {
            "throttled": "not all lines were taken by the activity logs yet",
            "ambiguous": "no answer for a line of an activity log",
        }[rest]
    )
    assert not isinstance(caught.value, Throttled) or 7.0 == caught.value.retry_after


@attrs.define
class Answering:
    """All that a recorder asks of a Marketo: it takes lines, and answers *results*."""

    results: Sequence[WriteResult]

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Take *lines*."""
        assert lines
        return self.results

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Say that nothing is known of *people*."""
        assert people
        return ()

    def recorder(self) -> ActivityRecorder:
        """Return a recorder that tells this Marketo."""
        return ActivityRecorder(cast("MarketoConnector", self))


def test_a_line_that_was_not_tried_keeps_the_place() -> None:
    """An earlier failure kept it from being tried: it comes again."""
    marketo = Answering([NotAttempted()])
    with pytest.raises(
        Unavailable, match=r": not all lines of activity logs were tried$"
    ) as caught:
        marketo.recorder().record([refused(RecordId("1"), LONG)])

    assert Side.MARKETO is caught.value.side


def test_a_person_who_is_gone_is_told_nothing_more() -> None:
    """A log that went with its person keeps nobody waiting."""
    Answering([Gone()]).recorder().record([refused(RecordId("1"), LONG)])


def test_an_answer_for_each_line_is_expected() -> None:
    """Without one it is not known what was logged; the connector's author is told the figures."""
    two = refused(RecordId("1"), LONG, attrs.evolve(LONG, told="told-2"))
    with pytest.raises(ContractError) as caught:
        Answering([Gone()]).recorder().record([two])

    assert str(caught.value) == (
        "The Marketo connector got 2 lines for activity logs and returned 1 results. It returns "
        "one a line, in their order."
    )
