"""
The records of the benchmark, computed from their number. Standard library only.

Thirty mixed fields a record, about 450 bytes as a JSON array. What has to be said of a
record is a pure function of its number, so that a million of them take no memory.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import time
from collections.abc import Iterator
from typing import Final, TypeAlias

__all__ = [
    "DYNAMICS",
    "FIELDS",
    "LABELS",
    "MARKETO",
    "changed_fields",
    "changed_records",
    "clock",
    "dynamics_id",
    "fresh",
    "index_of_dynamics",
    "index_of_person",
    "person_id",
    "row",
    "shuffled",
]

Wire: TypeAlias = str | int | float | bool | None

MARKETO: Final = 0
DYNAMICS: Final = 1

clock: Final = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter
"""What everything is measured by: the time on the wall, or the processor's alone."""

_COUNTS: Final = {
    "text": 8,
    "email": 1,
    "phone": 2,
    "integer": 4,
    "decimal": 4,
    "boolean": 4,
    "date": 3,
    "instant": 2,
    "choice": 2,
}

FIELDS: Final = tuple(
    (f"{kind}{number}", kind) for kind, count in _COUNTS.items() for number in range(count)
)
"""Name and kind of each field."""

LABELS: Final = ("Cold", "Warm", "Hot", "Customer", "Partner", "Former customer", "Competitor")
"""The options of the choices: their codes are 100, 101 and so on."""

_SEEDS: Final = 251
_DAY: Final = dt.date(2020, 1, 1)
_EMAIL: Final = 8
_NUMBER: Final = 11
_SPREAD: Final = 2_654_435_761


def _wires(kind: str, at: int, seed: int) -> tuple[Wire, Wire]:
    """Return one value as Marketo says it and as Dynamics does."""
    mixed = seed * 7 + at * 13
    day = (_DAY + dt.timedelta(days=mixed % 2000)).isoformat()
    same: Wire
    match kind:
        case "text":
            same = f"text of field {at} no {mixed}"
        case "email":
            same = f"someone.{mixed}@example.com"
        case "phone":
            same = f"+1 555 {mixed:07d}"
        case "integer":
            same = mixed
        case "decimal":
            same = mixed + 0.25
        case "boolean":
            same = seed % 2 == 0
        case "date":
            same = day
        case "instant":
            same = f"{day}T{mixed % 24:02d}:{mixed % 60:02d}:07Z"
        case _:
            code = seed % len(LABELS)
            return LABELS[code], 100 + code
    return same, same


_POOLS: Final = tuple(
    [_wires(kind, at, seed) for seed in range(_SEEDS)] for at, (_, kind) in enumerate(FIELDS)
)
_TEMPLATES: Final = tuple(
    [[pool[seed][side] for pool in _POOLS] for seed in range(_SEEDS)]
    for side in (MARKETO, DYNAMICS)
)


def row(side: int, index: int) -> list[Wire]:
    """Return what record *index* holds before anybody changes it, in order of `FIELDS`."""
    values = _TEMPLATES[side][index % _SEEDS].copy()
    values[0] = f"Person {index}"
    values[_EMAIL] = f"person.{index}@example.com"
    values[_NUMBER] = index
    return values


def fresh(side: int, index: int, at: int, revision: int) -> tuple[Wire, Wire]:
    """Return another value for field *at*, as Marketo and as Dynamics say it."""
    # Neighbours in a pool differ for every kind; one that is far away may not.
    seed = index % _SEEDS + 1 + (2 * revision + side * 4) % 120
    if FIELDS[at][1] == "boolean":
        seed = index + revision + side
    return _POOLS[at][seed % _SEEDS]


def changed_fields(side: int, index: int, revision: int) -> list[int]:
    """Return the three fields that an edit touches; both sides touch one in common."""
    start = (index * 7 + revision * 3) % (len(FIELDS) - 6)
    return [start, start + 1 + side, start + 4 + side]


def changed_records(count: int, changes: int, revision: int) -> tuple[list[int], list[int]]:
    """Return which records are changed on either side: *changes* each, a tenth of them on both."""
    both = changes // 10
    total = min(count, 2 * changes - both)
    step, start = max(1, count // total), revision * 17
    chosen = [(start + place * step) % count for place in range(total)]
    half = (total + both) // 2
    return chosen[:half], chosen[total - half :]


def shuffled(count: int, side: int, start: int, stop: int) -> Iterator[int]:
    """Yield records' numbers in an order that no key has; another one on each side."""
    step = _SPREAD + 2 * side
    while math.gcd(step, count) > 1:
        step += 2
    return ((place * step) % count for place in range(start, min(stop, count)))


def person_id(index: int) -> str:
    """Return the Marketo id of a record."""
    return str(index + 1001)


def index_of_person(person: str) -> int:
    """Return the number of a record by its Marketo id."""
    return int(person) - 1001


def dynamics_id(index: int) -> str:
    """Return the Dynamics id of a record; ids come in no order, as GUIDs do."""
    return f"{index * _SPREAD % 2**32:08x}-0000-4000-8000-{index:012x}"


def index_of_dynamics(guid: str) -> int:
    """Return the number of a record by its Dynamics id."""
    return int(guid[-12:], 16)
