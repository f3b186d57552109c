"""`check_recorder`: the contract of a recorder, against a factory of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Final, Generic, TypeVar, cast

import attrs

from dynsync.errors import SystemFailure
from dynsync.outcomes import FieldChange, OutcomeKind
from dynsync.recorder import Entry, PartlyRefused, Recorder, Refusal
from dynsync.records import Missing, Pair, RecordId, Side, Wire
from dynsync.testing._attempts import Raised, attempted
from dynsync.testing._findings import Clause, Finding, Findings, Standing
from dynsync.testing._given import made, must_be_callable
from dynsync.testing._shortest import shortest
from dynsync.testing._store_steps import written

__all__ = ["RECORDER_CLAUSES", "check_recorder"]

R = TypeVar("R", bound=Recorder)

RECORDER_CLAUSES: Final = (
    Clause(
        "J1",
        "A name that stays",
        "Under it the place in the journal is kept: a new name hears everything again.",
    ),
    Clause(
        "J2",
        "Takes every entry",
        "Whatever it raises other than a `SystemFailure` ends the run, and the entry comes again "
        "with the next.",
    ),
    Clause(
        "J3",
        "None is lost",
        "A refusal is in the journal's entries once; what the recorder drops then is told to "
        "nobody (invariant 33).",
    ),
    Clause("J4", "Told once", "What is told every five minutes is read by nobody (invariant 33)."),
    Clause(
        "J5",
        "Repeats change nothing",
        "After a crash between the telling and the moving of its place, a recorder hears a "
        "stretch again.",
    ),
    Clause("J6", "In order", "The journal is the order in which things happened."),
    Clause(
        "J7",
        "No values",
        "What gave way in a collision is personal data and stays in the journal.",
    ),
)
"""The clauses, in order."""

_LOST_VALUE: Final = "Zq7-secret"
_RETRIES: Final = 5


@attrs.frozen
class _Batch:
    """Entries that are told together."""

    entries: tuple[Entry, ...]


@attrs.frozen
class _Crash:
    """The process dies after the telling, before its place is stored: the last ones come again."""


_Step = _Batch | _Crash


def check_recorder(
    make: Callable[[], R],
    *,
    told: Callable[[R], Iterable[str]] | None = None,
    reopen: Callable[[R], R] | None = None,
    people: Sequence[str] = ("1", "2", "3"),
    programs: int = 50,
    seed: int = 0,
) -> Findings:
    """
    Return how it stands with each clause of the contract of recorders.

    *make* returns a recorder that has told nothing yet. *told* returns all that one has told
    so far, in order, one text for each telling, with the codes of the refusals in it; without
    it J3 to J7 are not claimed. *reopen* returns a recorder for what the one it is given wrote
    to, as the next process would; without it the same one hears the repeats. *people* are
    ids of persons that it may tell about.

    A `SystemFailure` is answered as the engine does: the same entries come again. So a factory
    whose systems lose answers is a good one to check. Raises `ConfigurationError` where *make*
    returns nothing that has a name, or what was given cannot be called.
    """
    if told is not None:
        must_be_callable("told", told, "Give a function from a recorder to the texts it has told.")
    if reopen is not None:
        must_be_callable("reopen", reopen, "Give a function from a recorder to the next one.")
    make = partial(made, make, "name", "a recorder that has told nothing yet")
    check = _Check(make, told, reopen)
    for program in _programs(people, programs, seed):
        check.look_at(program)
    findings = tuple(check.finding(clause) for clause in RECORDER_CLAUSES)
    return Findings(type(make()).__name__, findings)


@attrs.define
class _Check(Generic[R]):
    make: Callable[[], R]
    told: Callable[[R], Iterable[str]] | None
    reopen: Callable[[R], R] | None
    times: int = 0
    broken: dict[str, tuple[_Step, ...]] = attrs.field(factory=dict[str, "tuple[_Step, ...]"])

    def look_at(self, program: tuple[_Step, ...]) -> None:
        """Run *program* and keep what it shows."""
        self.times += 1
        for number in self._wrong(program):
            self.broken.setdefault(number, program)

    def finding(self, clause: Clause) -> Finding:
        """Return how it stands with *clause*."""
        number = clause.number
        if number not in self.broken:
            if self.told is None and number not in {"J1", "J2"}:
                why = "no `told` was given, so nobody can see what it tells"
                return Finding(clause, Standing.NOT_CLAIMED, 0, why)
            return Finding(clause, Standing.HELD, self.times)
        steps = shortest(
            self.broken[number],
            lambda steps: number in self._wrong(tuple(steps)),
            simpler=_simpler,
            tries=500,
        )
        calls = tuple(_in_python(step) for step in steps) or ("recorder.name",)
        return Finding(clause, Standing.BROKEN, self.times, self._wrong(steps)[number], calls)

    def _wrong(self, program: tuple[_Step, ...]) -> dict[str, str]:
        """Return the clauses that *program* shows to be broken, each with what is wrong."""
        recorder = self.make()
        wrong: dict[str, str] = {}
        if type(cast("object", recorder.name)) is not str or not recorder.name:
            wrong["J1"] = "its name is no text, or empty"
        if recorder.name != self.make().name:
            wrong["J1"] = "two of one make have two names"
        heard: list[Entry] = []
        before: list[str] | None = None
        last: tuple[Entry, ...] = ()
        for step in program:
            if isinstance(step, _Crash):
                before = self._told(recorder)
                recorder = recorder if self.reopen is None else self.reopen(recorder)
                entries = last
            else:
                entries = last = step.entries
                heard += entries
            why = _tell(recorder, entries)
            if why:
                return wrong | {"J2": why}
            if before is not None and isinstance(step, _Crash) and before != self._told(recorder):
                wrong["J5"] = "what came again was told again, or told otherwise"
        told = self._told(recorder)
        return wrong if told is None else wrong | _judged(told, heard)

    def _told(self, recorder: R) -> list[str] | None:
        return None if self.told is None else [*self.told(recorder)]


def _tell(recorder: Recorder, entries: Sequence[Entry]) -> str:
    """Tell *entries* as the engine does; return what is wrong with how they are taken."""
    for _ in range(_RETRIES):
        said = attempted(lambda: recorder.record(entries))
        if not isinstance(said, Raised) or isinstance(said.error, PartlyRefused):
            return ""
        if not isinstance(said.error, SystemFailure):
            return f"it {said}"
    return f"it raised a SystemFailure {_RETRIES} times for the same entries"


def _judged(told: Sequence[str], heard: Sequence[Entry]) -> dict[str, str]:
    """Return what is wrong with all that was *told* of what was *heard*."""
    wrong: dict[str, str] = {}
    codes = list(
        dict.fromkeys(refusal.code for entry in heard if entry.person for refusal in entry.refusals)
    )
    places = {code: [at for at, text in enumerate(told) if code in text] for code in codes}
    for code, at in places.items():
        if not at:
            wrong["J3"] = f"the refusal {code} was told to nobody"
        elif len(at) > 1:
            wrong["J4"] = f"the refusal {code} was told {len(at)} times"
    firsts = [at[0] for at in places.values() if at]
    if firsts != sorted(firsts):
        wrong["J6"] = "what happened first was not told first"
    if any(_LOST_VALUE in text for text in told):
        wrong["J7"] = "a value that gave way in a collision was told"
    return wrong


# -- programs


def _programs(people: Sequence[str], programs: int, seed: int) -> Iterator[tuple[_Step, ...]]:
    every = tuple(_entries(people))
    yield (_Batch(()),)
    yield (_Batch(every),)
    yield tuple(_Batch((entry,)) for entry in every)
    yield (_Batch(every), _Crash())
    yield (_Batch(every[:4]), _Crash(), _Batch(every[4:]), _Crash(), _Crash())
    yield from ((_Batch((entry,)), _Crash()) for entry in every)
    random = Random(seed)  # noqa: S311 - programs for tests, and no secrets
    for _ in range(programs):
        steps: list[_Step] = []
        left = list(every)
        while left:
            size = random.randint(1, 5)
            steps.append(_Batch(tuple(left[:size])))
            del left[:size]
            steps += [_Crash()] * random.choice((0, 0, 1, 2))
        yield tuple(steps)


def _entries(people: Sequence[str]) -> Iterator[Entry]:
    """Yield entries of every kind; the code of a refusal tells what is told."""
    numbers = itertools.count(1)
    for seq, (kind, person) in enumerate(itertools.product(OutcomeKind, (*people, None)), 1):
        refusals: tuple[Refusal, ...] = ()
        if kind in {OutcomeKind.REJECTED, OutcomeKind.DEFERRED, OutcomeKind.UPDATED}:
            # Two reasons for one value are one refusal: they are told under one key.
            refusals = tuple(
                Refusal(Side.DYNAMICS, field, f"CODE_{next(numbers):03}_", "too long", 1, told)
                for field, told in (("email", f"k{seq}"), (None, f"k{seq}"), ("città", f"l{seq}"))
            )
        lost = Pair[Wire | Missing](_LOST_VALUE, None) if seq % 2 else _LOST_VALUE
        change = FieldChange(
            "email", "collision", Side.MARKETO, (Side.DYNAMICS,), "authority", lost
        )
        dynamics = None if seq % 3 == 0 else RecordId(f"row-{seq}")
        yield Entry(
            seq=seq,
            run=seq // 5 + 1,
            at=1_790_000_000.25 + seq,
            entity="lead" if seq % 2 else "contact",
            person=None if person is None else RecordId(person),
            dynamics=dynamics,
            kind=kind.value,
            why="",
            changes=(change,),
            refusals=refusals,
            held=("phone",),
        )


def _simpler(step: _Step) -> Iterator[_Step]:
    if isinstance(step, _Batch):
        for at in range(len(step.entries)):
            yield _Batch((*step.entries[:at], *step.entries[at + 1 :]))


def _in_python(step: _Step) -> str:
    if isinstance(step, _Crash):
        return "recorder = reopen(recorder); recorder.record(…)  # the last ones, again"
    return f"recorder.record([{', '.join(map(_short, step.entries))}])"


def _short(entry: Entry) -> str:
    codes = "".join(f", {refusal.code}" for refusal in entry.refusals)
    return f"<{entry.seq}: {written(entry.kind)} of {entry.person}{codes}>"
