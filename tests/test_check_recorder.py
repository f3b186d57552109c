"""`check_recorder`: the recorders of dynsync hold every clause, broken ones are caught."""

# What the methods promise is said by the classes that they are broken copies of.
# ruff: noqa: D102 - the protocol says it

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

import pytest

from dynsync.errors import ConfigurationError
from dynsync.recorder import ActivityRecorder, Entry, MemoryRecorder, Recorder
from dynsync.records import Pair, RecordId
from dynsync.sandbox import NO_LIMITS, Fault, SandboxClock, SandboxMarketo
from dynsync.testing import Standing, check_recorder
from dynsync.testing._recorder_check import RECORDER_CLAUSES

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "recorder-contract.md"


def codes(recorder: MemoryRecorder) -> list[str]:
    """Return what a recorder in memory holds of refusals."""
    entries = [entry for entry in recorder.entries if entry.person]
    return [refusal.code for entry in entries for refusal in entry.refusals]


def test_memory_recorder_holds_every_clause() -> None:
    """The recorder in memory tells each refusal once."""
    found = check_recorder(MemoryRecorder, told=codes, reopen=lambda recorder: recorder)

    found.raise_if_broken()
    assert {Standing.HELD} == {finding.standing for finding in found.findings}


class Logs:
    """Activity logs of sandboxes that lose every third answer or request."""

    def __init__(self) -> None:
        self.systems: dict[int, SandboxMarketo] = {}

    def make(self) -> ActivityRecorder:
        """Return a recorder for a sandbox of three people."""
        marketo = SandboxMarketo(clock=SandboxClock(), limits=NO_LIMITS)
        for number in range(3):
            marketo.create_person({"email": f"ann{number}@example.com"})

        def lose(operation: str, number: int) -> Fault | None:
            kind = (None, "lost_response", "lost_request")[number % 3]
            return Fault(kind) if operation == "log" and kind else None  # type: ignore[arg-type]

        marketo.faults.hook = lose
        recorder = ActivityRecorder(marketo.connector())
        self.systems[id(recorder.connector)] = marketo
        return recorder

    def told(self, recorder: ActivityRecorder) -> list[str]:
        """Return the lines of all three, oldest first."""
        marketo = self.systems[id(recorder.connector)]
        logs = [marketo.activity_log(RecordId(person)) for person in ("1", "2", "3")]
        return [line.text for line in sorted(itertools.chain(*logs), key=lambda line: line.at)]


def test_activity_recorder_holds_every_clause() -> None:
    """Lost answers, crashes and repeats: each refusal is one line, and none is missing."""
    logs = Logs()
    found = check_recorder(
        logs.make,
        told=logs.told,
        reopen=lambda recorder: ActivityRecorder(recorder.connector),
        programs=10,
    )

    found.raise_if_broken()
    assert {Standing.HELD} == {finding.standing for finding in found.findings}


class Told:
    """A recorder of refusals as texts, in the plainest way; others do it wrong."""

    name = "told"

    def __init__(self, texts: list[str] | None = None) -> None:
        self.texts = [] if texts is None else texts

    def record(self, entries: Sequence[Entry]) -> None:
        """Tell what is new."""
        for entry in entries:
            if entry.person:
                self.texts += [text for text in self.of(entry) if text not in self.texts]

    def of(self, entry: Entry) -> list[str]:
        """Return what is told of an entry."""
        return [f"{refusal.field} {refusal.code}" for refusal in entry.refusals]


class Nameless(Told):
    """Has no name."""

    name = ""


class NewNameEachTime(Told):
    """Is called otherwise each time."""

    numbers = itertools.count()

    def __init__(self, texts: list[str] | None = None) -> None:
        super().__init__(texts)
        self.name = f"told-{next(self.numbers)}"


class NameIsNumber(Told):
    """Is called by a number."""

    name = 7  # type: ignore[assignment]


class NeedsPerson(Told):
    """Cannot tell of a record without a person."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record(entries)
        for entry in entries:
            _ = entry.person.upper()  # type: ignore[union-attr]


class NeedsEntries(Told):
    """Cannot do with none."""

    def record(self, entries: Sequence[Entry]) -> None:
        _ = entries[0]
        super().record(entries)


class NeedsAscii(Told):
    """Writes one alphabet."""

    def of(self, entry: Entry) -> list[str]:
        return [text.encode("ascii").decode() for text in super().of(entry)]


class FirstRefusalOnly(Told):
    """Tells one refusal of an entry."""

    def of(self, entry: Entry) -> list[str]:
        return super().of(entry)[:1]


class LastEntryOnly(Told):
    """Tells the last of the entries that come together."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record(entries[-1:])


class RejectedOnly(Told):
    """Tells only of records that were rejected; a refusal may be beside a written field."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record([entry for entry in entries if entry.kind == "rejected"])


class TellsTwice(Told):
    """Tells all that it hears."""

    def record(self, entries: Sequence[Entry]) -> None:
        self.texts += [text for entry in entries if entry.person for text in self.of(entry)]


class RemembersInMemory(Told):
    """Knows what it told only as long as the process lives."""

    def __init__(self, texts: list[str] | None = None) -> None:
        super().__init__(texts)
        self.last = 0

    def record(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.seq > self.last and entry.person:
                self.texts += self.of(entry)
        self.last = max([self.last, *(entry.seq for entry in entries)])


class CountsRepeats(Told):
    """Notes that something came again."""

    def record(self, entries: Sequence[Entry]) -> None:
        again = [e for e in entries if e.person and {*self.of(e)} & {*self.texts}]
        super().record(entries)
        self.texts += ["again"] * len(again)


class BothSidesSaid(Told):
    """Tells a refusal as what was refused and as what is held."""

    def of(self, entry: Entry) -> list[str]:
        texts = super().of(entry)
        return [f"{word} {text}" for word in ("refused", "held") for text in texts]


class NewestFirst(Told):
    """Puts what is new at the top."""

    def record(self, entries: Sequence[Entry]) -> None:
        before = len(self.texts)
        super().record(entries)
        self.texts[:] = self.texts[before:] + self.texts[:before]


class SortsByPerson(Told):
    """Tells person by person what comes together."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record(sorted(entries, key=lambda entry: entry.person or ""))


class Backwards(Told):
    """Takes entries from the end."""

    def record(self, entries: Sequence[Entry]) -> None:
        super().record(entries[::-1])


class TellsWhatWasLost(Told):
    """Shows the value that gave way."""

    def of(self, entry: Entry) -> list[str]:
        return [f"{text} {entry.changes[0].lost}" for text in super().of(entry)]


class TellsChanges(Told):
    """Shows the changes as they are."""

    def of(self, entry: Entry) -> list[str]:
        lost = [change.lost for change in entry.changes]
        return super().of(entry) + [str(value) for value in lost]


class TellsPairs(Told):
    """Shows what gave way on both sides."""

    def of(self, entry: Entry) -> list[str]:
        pairs = [change.lost for change in entry.changes if isinstance(change.lost, Pair)]
        return [f"{text} {pairs}" for text in super().of(entry)]


BROKEN: Final[Mapping[type[Told], str]] = {
    **dict.fromkeys((Nameless, NewNameEachTime, NameIsNumber), "J1"),
    **dict.fromkeys((NeedsPerson, NeedsEntries, NeedsAscii), "J2"),
    **dict.fromkeys((FirstRefusalOnly, LastEntryOnly, RejectedOnly), "J3"),
    **dict.fromkeys((TellsTwice, RemembersInMemory, BothSidesSaid), "J4"),
    **dict.fromkeys((CountsRepeats,), "J5"),
    **dict.fromkeys((NewestFirst, SortsByPerson, Backwards), "J6"),
    **dict.fromkeys((TellsWhatWasLost, TellsChanges, TellsPairs), "J7"),
}


def test_plain_recorder_holds_every_clause() -> None:
    """The recorder that the broken ones are made from is whole."""
    found = check_recorder(
        Told, told=lambda recorder: recorder.texts, reopen=lambda old: Told(old.texts)
    )

    found.raise_if_broken()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_broken_recorder_is_caught(broken: type[Told]) -> None:
    """A recorder that is broken on purpose breaks its clause, and a call or two show it."""
    found = check_recorder(
        broken,
        told=lambda recorder: recorder.texts,
        reopen=lambda old: type(old)(old.texts),
        programs=5,
    )
    finding = found.of(BROKEN[broken])

    assert Standing.BROKEN is finding.standing, str(found)
    assert 1 <= len(finding.calls) <= 2
    assert finding.why


@pytest.mark.parametrize("broken", [TellsTwice, RemembersInMemory, CountsRepeats])
def test_repeats_are_a_clause_of_their_own(broken: type[Told]) -> None:
    """What is told again after a crash breaks J5 too."""
    found = check_recorder(
        broken,
        told=lambda recorder: recorder.texts,
        reopen=lambda old: type(old)(old.texts),
        programs=0,
    )

    assert Standing.BROKEN is found.of("J5").standing
    assert "again" in " ".join(found.of("J5").calls)


def test_says_what_could_not_be_seen() -> None:
    """Where nobody can see what is told, nothing is said of it."""
    found = check_recorder(Told, programs=0)

    assert ["J1", "J2"] == [f.clause.number for f in found.findings if f.standing is Standing.HELD]
    assert Standing.NOT_CLAIMED is found.of("J3").standing


class Mute:
    """Hears everything, and says nothing of itself."""

    def record(self, entries: Sequence[Entry]) -> None: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Mute, "make() returned a Mute, which has no name; "),
        (lambda: None, "make() returned a NoneType, which has no name; "),
        (lambda: MemoryRecorder, "make() returned the class MemoryRecorder; "),
        (MemoryRecorder(), "make() raised TypeError; "),
    ],
)
def test_make_must_return_a_recorder(make: object, message: str) -> None:
    """What makes no recorder is a mistake of the host, and no clause that is broken."""
    with pytest.raises(ConfigurationError) as caught:
        check_recorder(cast("Callable[[], Recorder]", make))

    told = "it is called without arguments and returns a recorder that has told nothing yet"
    assert f"{message}{told}" == str(caught.value)


def test_what_asks_a_recorder_must_be_callable() -> None:
    """A value in the place of a function is a mistake of the host, told by its argument."""
    with pytest.raises(ConfigurationError, match=r"^told= got a value of type int.*to the texts"):
        check_recorder(MemoryRecorder, told=cast("Callable[[Recorder], Iterable[str]]", 5))
    with pytest.raises(ConfigurationError, match=r"^reopen= got a value of type str.*next one"):
        check_recorder(MemoryRecorder, reopen=cast("Callable[[Recorder], MemoryRecorder]", "x"))


def test_every_clause_is_a_heading_of_the_page() -> None:
    """The page of the contract has each clause as a heading, in order, and no other."""
    headings = re.findall(r"^### (J\d+) (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert [(clause.number, clause.title) for clause in RECORDER_CLAUSES] == headings
