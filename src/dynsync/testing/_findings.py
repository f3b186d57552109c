"""What a check has found: per clause of a contract, held or broken, and how."""

from __future__ import annotations

import enum
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

__all__ = ["Clause", "ContractBroken", "Finding", "Findings", "Standing"]

_WIDTH: Final = 96
_INDENT: Final = " " * 10


class Standing(enum.Enum):
    """How it stands with one clause."""

    HELD = "held"
    BROKEN = "BROKEN"
    NOT_CLAIMED = "not claimed"
    """The capability that the clause is about is not claimed, so that nothing was promised."""
    NOT_REACHED = "not reached"
    """Nothing that the check could do put the clause to the test; *why* says what is missing."""


@attrs.frozen
class Clause:
    """One numbered promise of a contract, and the reason why it is asked for."""

    number: str
    title: str
    because: str


@attrs.frozen
class Finding:
    """
    How it stands with one clause.

    *times* says how often it was put to the test. Of a broken one, *why* says what was
    promised and what was seen, and *calls* is the shortest sequence of calls known that
    shows it, in order, each as it would be written in Python. *failed* says of one that was
    not reached that what was asked for failed or was refused, which *why* tells.
    """

    clause: Clause
    standing: Standing
    times: int = 0
    why: str = ""
    calls: tuple[str, ...] = ()
    failed: bool = False

    def __str__(self) -> str:
        """Return some lines of text: the clause, and what is wrong with it."""
        head = f"{self.clause.number:9} {self.clause.title:36} {self.standing.value}"
        if self.standing is Standing.HELD:
            return f"{head} ({'once' if self.times == 1 else f'{self.times} times'})"
        lines = [head]
        if self.why:
            lines += _indented(self.why)
        if self.standing is Standing.BROKEN:
            because = self.clause.because
            lines += _indented(f"It is asked for because {because[0].lower()}{because[1:]}")
        if self.calls:
            lines += _indented("The shortest sequence of calls that shows it:")
            lines += [f"{_INDENT}  {call}" for call in self.calls]
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


class ContractBroken(AssertionError):
    """
    A contract is not kept, or nothing shows that it is, as calls failed.

    The message says which clause, why, and by which calls.
    """


@attrs.frozen
class Findings:
    """What a check has found about *subject*, one `Finding` a clause, in their order."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def held(self) -> bool:
        """Return whether no clause is broken."""
        return not self.broken

    @property
    def broken(self) -> tuple[Finding, ...]:
        """Return the clauses that are not kept."""
        return tuple(one for one in self.findings if one.standing is Standing.BROKEN)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Return the clauses that were not reached because calls failed or were refused."""
        return tuple(one for one in self.findings if one.failed)

    def of(self, number: str) -> Finding:
        """Return the finding on the clause *number*. Raises `KeyError` if there is none."""
        for one in self.findings:
            if one.clause.number == number:
                return one
        known = ", ".join(one.clause.number for one in self.findings)
        raise KeyError(f"there is no clause {number!r} here; there are {known}")

    def raise_if_broken(self) -> None:
        """
        Raise `ContractBroken` with the whole text if a clause is not kept.

        A clause that was not reached because calls failed or were refused counts as well;
        one that nobody claims does not, nor one that only lacks an `Outside` or a field.
        """
        # pytest then shows the test's own line, and the text once.
        __tracebackhide__ = True
        if self.broken or self.failed:
            raise ContractBroken(str(self))

    def __str__(self) -> str:
        """Return the whole as text for people."""
        clauses = "1 clause" if len(self.findings) == 1 else f"{len(self.findings)} clauses"
        head = f"{self.subject}: {clauses}, {', '.join(self._counted())}"
        return "\n".join([head, "", *map(str, self.findings)])

    def _counted(self) -> Iterator[str]:
        """Yield how many stand how: what nothing put to the test must not pass for held."""
        counts = Counter(one.standing for one in self.findings)
        named = {
            Standing.BROKEN: _named("", self.broken),
            Standing.NOT_REACHED: _named("calls failed or were refused: ", self.failed),
        }
        for standing in Standing:
            if counts[standing] or standing is Standing.HELD:
                yield f"{counts[standing]} {standing.value}{named.get(standing, '')}"


def _named(why: str, findings: Sequence[Finding]) -> str:
    numbers = ", ".join(one.clause.number for one in findings)
    return f" ({why}{numbers})" if numbers else ""
