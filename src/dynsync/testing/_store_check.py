"""`check_store`: the store contract, clause by clause, against a factory of stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Final

import attrs

from dynsync.state import StateStore
from dynsync.testing._findings import Clause, Finding, Findings, Standing
from dynsync.testing._given import made, must_be_callable
from dynsync.testing._shortest import shortest
from dynsync.testing._store_chance import by_chance
from dynsync.testing._store_clauses import CLAUSE_OF, CLAUSES
from dynsync.testing._store_corpus import CORPUS
from dynsync.testing._store_run import READS, Difference, Handles, part
from dynsync.testing._store_steps import (
    Abandon,
    Block,
    Call,
    Reopen,
    Spoiled,
    Step,
    calls_of,
    flattened,
    in_python,
    simpler,
    unscratched,
    unspoiled,
    without_reopening,
    written,
)

__all__ = ["check_store"]

Program = tuple[Step, ...]

_PLAINER: Final[tuple[tuple[str, Callable[[Iterable[Step]], Iterator[Step]]], ...]] = (
    ("S5", unspoiled),
    ("S14", without_reopening),
    ("S6", unscratched),
    ("S1", flattened),
)
"""What a program is relieved of, one after another, and the clause if it then shows nothing."""

_TRIES: Final = 400


def check_store(
    make: Callable[[], StateStore],
    *,
    another: Callable[[StateStore], StateStore] | None = None,
    reopen: Callable[[StateStore], StateStore] | None = None,
    programs: int = 100,
    seed: int = 0,
) -> Findings:
    """
    Return how it stands with each clause of the store contract.

    *make* returns an empty store whenever it is called. *another* returns another owner's
    handle on the state of the one it is given; without it nothing can be said of the lease (S4).
    *reopen* returns the state of the one it is given as the next process finds it after this one
    was killed, perhaps inside a transaction; without it S14 is not claimed. Every handle is
    closed by the check.

    Programs written by hand, and *programs* others made by chance from *seed*, are run beside a
    model; the same seed makes the same programs. Nothing is read from a clock. Raises
    `ConfigurationError` where *make* returns no store, or what was given cannot be called.
    """
    if another is not None:
        must_be_callable("another", another, "Give a function from a store to another's handle.")
    if reopen is not None:
        must_be_callable("reopen", reopen, "Give a function from a store to the next process's.")
    make = partial(made, make, "transaction", "an empty store")
    handles = Handles(make, another, reopen)
    search = _Search(handles)
    random = Random(seed)  # noqa: S311 - programs for tests, and no secrets
    chance = (by_chance(random, reopening=reopen is not None) for _ in range(programs))
    for program in (*CORPUS, *chance):
        search.look_at(program)
    findings = tuple(search.finding(clause) for clause in CLAUSES)
    store = make()
    store.close()
    return Findings(type(store).__name__, findings)


@attrs.define
class _Search:
    """What was found so far: the first program that breaks each clause."""

    handles: Handles
    reached: Counter[str] = attrs.field(factory=Counter[str])
    broken: dict[str, Program] = attrs.field(factory=dict[str, Program])

    def look_at(self, program: Program) -> None:
        """Run *program*, if there are the handles that it needs."""
        if self.handles.reopen is None:
            program = tuple(without_reopening(program))
        if self.handles.another is None:
            program = tuple(step for step in program if not _asks_other(step))
        self.reached.update(_reached(program))
        found = self._blamed(program)
        if found is not None:
            bare, difference = found
            self.broken.setdefault(difference.clause, bare)

    def finding(self, clause: Clause) -> Finding:
        """Return how it stands with *clause*."""
        times = self.reached[clause.number]
        if clause.number in self.broken:
            return self._shown(clause, times)
        if times:
            return Finding(clause, Standing.HELD, times)
        if clause.number == "S14":
            why = "no `reopen` was given, so it was not asked to outlive anything"
            return Finding(clause, Standing.NOT_CLAIMED, 0, why)
        return Finding(clause, Standing.NOT_REACHED, 0, "give `another`: a second owner's handle")

    def _shown(self, clause: Clause, times: int) -> Finding:
        def shows(steps: Sequence[Step]) -> bool:
            found = self._blamed(tuple(steps))
            return found is not None and found[1].clause == clause.number

        program = shortest(self.broken[clause.number], shows, simpler=simpler, tries=_TRIES)
        found = self._blamed(program)
        # A store that answers differently every time may have stopped showing it.
        assert found is not None, "the store answered differently when it was asked the same again"
        difference = found[1]
        question = "the block" if difference.question is None else _asked(difference.question)
        why = f"{question} answers {difference.answered}; promised is {difference.promised}"
        calls = [line for step in program for line in in_python(step)]
        if difference.question is not None and difference.question not in calls_of(program):
            calls.append(question)
        return Finding(clause, Standing.BROKEN, times, why, tuple(calls))

    def _blamed(self, program: Program) -> tuple[Program, Difference] | None:
        """Return the plainest program made of *program* in which the store is wrong, and how."""
        difference = part(self.handles, program)
        if difference is None:
            return None
        for clause, relieved in _PLAINER:
            plainer = tuple(relieved(program))
            if plainer != program:
                found = self._blamed(plainer)
                if found is not None:
                    return found
                return program, attrs.evolve(difference, clause=_inside(clause, difference))
        return program, difference


def _inside(clause: str, difference: Difference) -> str:
    """Return the clause about blocks that is broken."""
    question = difference.question
    if question is not None and question.who == "other":
        return CLAUSE_OF[question.method]
    read = question is not None and question.method in READS
    return "S2" if clause == "S1" and difference.inside and read else clause


def _asked(call: Call) -> str:
    return f"{call.who}.{call.method}({', '.join(map(written, call.arguments))})"


def _asks_other(step: Step) -> bool:
    return any(call.who == "other" for call in calls_of([step]))


def _reached(program: Program) -> Iterator[str]:
    """Yield the clauses that *program* puts to the test, as often as it does."""
    for step in program:
        match step:
            case Block(kind, inner):
                yield "S6" if kind == "scratch" else "S1"
                yield from ("S2" for call in calls_of(inner) if call.method in READS)
            case Abandon() | Reopen():
                yield "S14"
            case Spoiled():
                yield "S5"
            case _:
                pass
    for call in calls_of(program):
        clause = CLAUSE_OF[call.method]
        if clause != "S4" or call.who == "other":
            yield clause
        if call.method == "save_links":
            yield "S3"
