"""
What the merge of one field promises, as contracts that CrossHair can prove for every number.

``python tests/symbolic.py`` has CrossHair (the extra ``symbolic``) look at all of them and
prints what it found. It follows `merge_field` over all its paths; the keys of kinds go
through Python's own text and decimals, where it finds no counterexample and no proof, so
those are left to property tests. `test_symbolic.py` tries the contracts on a few numbers.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final, TypeAlias

from dynsync.merge import FieldMerge, Verdict, merge_field
from dynsync.policies import AuthorityPolicy, manual, prefer
from dynsync.records import MISSING, Missing, Pair, Side, Value

__all__ = ["CONTRACTS", "REFUTED"]

Number: TypeAlias = int | None
"""A value, or null."""

_SECONDS: Final = 60


def _same(one: Value, other: Value) -> bool:
    return one == other


def _said(value: Number, reported: bool) -> Value | Missing:  # noqa: FBT001 - a solver's choice
    return value if reported else MISSING


def _merged(
    base: tuple[Number, Number],
    now: tuple[Value | Missing, Value | Missing],
    policy: AuthorityPolicy,
) -> FieldMerge | None:
    known = Pair[Value | Missing](*base)
    return merge_field("f", known, Pair(*now), policy=policy, same=_same)


def mirrored(was: Number, had: Number, one: Number, other: Number, silent: bool) -> bool:  # noqa: FBT001 - a case
    """
    Read the same with the sides swapped (invariant 10).

    post: _
    """
    said = _said(other, not silent)
    here = _merged((was, had), (one, said), prefer(Side.MARKETO))
    there = _merged((had, was), (said, one), prefer(Side.DYNAMICS))
    if here is None or there is None:
        return here is there
    if (here.winner is None) is not (there.winner is None):
        return False
    return (
        here.verdict is there.verdict
        and here.value == there.value
        and here.lost == there.lost
        and (here.winner is None or here.winner is not there.winner)
    )


def no_edit_is_lost(was: Number, edited: Number, silent: bool) -> bool:  # noqa: FBT001 - a case
    """
    Let what one side changed alone go to the other (invariant 4).

    pre: was != edited
    post: _
    """
    found = _merged((was, was), (edited, _said(was, not silent)), manual)
    return (
        found is not None
        and found.verdict is Verdict.ONE_SIDE
        and found.winner is Side.MARKETO
        and found.value == edited
    )


def nothing_is_invented(was: Number, one: Number, other: Number) -> bool:
    """
    Take no value but what a side holds (invariant 5).

    post: _
    """
    found = _merged((was, was), (one, other), prefer(Side.DYNAMICS))
    return found is None or found.value in (one, other)


def equal_edits_do_not_collide(was: Number, edited: Number) -> bool:
    """
    Call what both sides changed to the same agreed (invariant 8).

    pre: was != edited
    post: _
    """
    found = _merged((was, was), (edited, edited), manual)
    return found is not None and found.verdict is Verdict.AGREED


def authority_wins(was: Number, one: Number, other: Number) -> bool:
    """
    Let the preferred side win a collision, and keep what gives way (invariants 6 and 9).

    pre: was != one and was != other and one != other
    post: _
    """
    found = _merged((was, was), (one, other), prefer(Side.MARKETO))
    return (
        found is not None
        and found.verdict is Verdict.COLLISION
        and found.value == one
        and found.lost == other
    )


def marketo_always_wins(was: Number, one: Number, other: Number) -> bool:
    """
    Claim what is not so: that CrossHair refutes it shows that it looks.

    post: _
    """
    found = _merged((was, was), (one, other), prefer(Side.MARKETO))
    return found is None or found.winner is not Side.DYNAMICS


CONTRACTS: Final = (
    mirrored,
    no_edit_is_lost,
    nothing_is_invented,
    equal_edits_do_not_collide,
    authority_wins,
)
REFUTED: Final = marketo_always_wins


def _run() -> int:
    command = [sys.executable, "-m", "crosshair", "check", "--report_all"]
    command += ["--per_condition_timeout", str(_SECONDS), str(Path(__file__))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    sys.stdout.write(done.stdout + done.stderr)
    proved = done.stdout.count("Confirmed over all paths") == len(CONTRACTS)
    refuted = f"false when calling {REFUTED.__name__}(" in done.stdout
    return 0 if proved and refuted else 1


if __name__ == "__main__":
    sys.exit(_run())
