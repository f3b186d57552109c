"""
The invariants of a two-way sync, in a few words each, and what guards them.

A test or a check of the simulator guards what it names: "invariant 13" in its text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["INVARIANTS", "guards", "simulator_checks", "tests"]

ROOT: Final = Path(__file__).parents[1]

INVARIANTS: Final[Mapping[int, tuple[str, str]]] = {
    1: ("Convergence", "When edits and faults end, both sides agree after a few runs."),
    2: ("Quiescence", "One run more writes nothing and moves no base."),
    3: ("Termination", "After the last edit there is an end to rounds and writes."),
    4: ("No lost update", "What one side alone changed arrives, or it is said why not."),
    5: ("No invention", "Every value comes from a side, a mapping or a policy."),
    6: ("Collisions kept", "What is left to a person moves nothing; a losing value is journalled."),
    7: ("Maximality", "Trouble with one field or record stops no other."),
    8: ("No false collision", "Equal edits write nothing; touched but equal is no edit."),
    9: ("Authority", "A collision goes as the policy says, and nothing else is asked of it."),
    10: ("Mirror symmetry", "Swap the sides and the policy, and the result is swapped."),
    11: ("Order independence", "Records, pages and writes may come in any order."),
    12: ("Idempotent apply", "What is applied twice is there once; a lost answer doubles nobody."),
    13: ("Crash anywhere", "A process may die at any call or commit: the end is the same."),
    14: ("Truthful base", "The base holds what both sides acknowledged, never what was hoped."),
    15: ("Cursor safety", "No cursor is ahead of a change that is not in the backlog."),
    16: ("Expiry", "A lost cursor leads to a full read with the same end, and no mass delete."),
    17: ("Narrowing", "Fewer fields or rights never clear or delete anything."),
    18: ("Deletes", "A delete follows the rules, and a stale base brings nobody back."),
    19: ("Permission", "Nothing is sent that may not be, nor taken for settled because of it."),
    20: ("Isolation", "A record that fails leaves the others as if it were not there."),
    21: ("Accounting", "Every record is in one bucket, and the sums match."),
    22: ("Stale writes refused", "What changed after it was read is decided on anew."),
    23: ("Determinism", "Equal inputs give equal plans, reports and histories, byte for byte."),
    24: ("Echo precision", "Our own write is ignored once; what others make of it is an edit."),
    25: ("Plan is apply", "A plan moves nothing and lists just what a run would do."),
    26: ("Round trip", "What a mapping encodes, it decodes to the same."),
    27: ("Identity", "Links are a partial bijection, and ambiguity links nobody."),
    28: ("Clocks", "Two systems' clocks are never compared raw; ties go to the policy."),
    29: ("Liveness", "When faults end, every record gets on."),
    30: ("Self-check", "Every field that differs is mentioned in the result of a merge."),
    31: ("Covered edits", "An edit that our write covered comes back into the next merge."),
    32: ("No leak", "What may not be read is nowhere but where it was."),
    33: ("Told once", "Every refusal has one line in the activity log."),
    34: ("No force", "No call sends an update past the cycle."),
    35: ("Bounded cost", "A run costs what changed, not what there is."),
}
"""Name and promise of each, by number."""

_NAMED: Final = re.compile(r"\b[Ii]nvariants? (\d+(?:(?:, and |, | and )\d+)*)")


def _numbers(text: str) -> set[int]:
    said = _NAMED.findall(" ".join(text.replace("#", " ").split()))
    return {int(number) for numbers in said for number in re.findall(r"\d+", numbers)}


def _functions(path: Path) -> Iterator[tuple[str, set[int]]]:
    """Yield every function of *path* with the invariants that its text names."""
    text = path.read_text("utf-8")
    # Not `ast.get_source_segment`, which goes over the whole text for each function.
    lines = text.encode().split(b"\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            *whole, last = lines[node.lineno - 1 : node.end_lineno]
            yield node.name, _numbers(b"\n".join([*whole, last[: node.end_col_offset]]).decode())


def _found(paths: Iterator[Path], start: str) -> dict[int, list[str]]:
    guarding: dict[int, list[str]] = {number: [] for number in INVARIANTS}
    for path in sorted(paths):
        for name, numbers in _functions(path):
            for number in numbers if name.startswith(start) else ():
                guarding[number].append(f"{path.stem}.{name}")
    return guarding


def tests() -> dict[int, list[str]]:
    """Return the test functions that name each invariant."""
    return _found((ROOT / "tests").glob("test_*.py"), "test_")


def simulator_checks() -> dict[int, list[str]]:
    """Return the functions of the kit and the simulator that name each invariant."""
    return _found((ROOT / "src/dynsync/testing").rglob("*.py"), "")


def guards() -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield each invariant with the tests and the checks that guard it."""
    by_test, by_simulator = tests(), simulator_checks()
    for number in INVARIANTS:
        yield number, by_test[number], by_simulator[number]
