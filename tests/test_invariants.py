"""Every invariant is guarded by a test or a check of the simulator that names it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cases.merge import CASES, Case, Maybe
from dynsync.merge import merge
from dynsync.policies import manual
from dynsync.records import Missing, Pair, Value
from invariants import INVARIANTS, guards
from support import World


@pytest.mark.parametrize(
    ("number", "named"), [(n, [*one, *other]) for n, one, other in guards()], ids=str
)
def test_every_invariant_is_guarded(number: int, named: list[str]) -> None:
    """Each of the promises is held against the engine by something."""
    assert named, f"nothing names invariant {number}, {INVARIANTS[number][0]}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.description)
def test_a_merge_mentions_every_field_that_moved(case: Case) -> None:
    """Invariant 30: a field that a side reports as another than its base has a decision."""

    def said(reported: Maybe) -> Mapping[str, Value]:
        return {} if isinstance(reported, Missing) else {"field": reported}

    base = Pair(*map(said, case.base))
    now = Pair(*map(said, case.now))
    moved = any(
        "field" in here and ("field" not in before or here["field"] != before["field"])
        for here, before in zip(now, base, strict=True)
    )
    decided = merge(base, now, policy=manual).decisions

    assert ["field"] * moved == [decision.field for decision in decided]


def calls_for_one_edit(others: int) -> tuple[int, int]:
    """Return how many calls and observed records one edit costs beside *others*."""
    world = World()
    _, row = world.linked("lead", jobtitle="A")
    for number in range(others):
        world.lead(lastname=f"Lee {number}")
    world.settled()
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    report = world.cycle()

    return report.calls.total(), report.records


def test_a_run_costs_what_changed() -> None:
    """Invariant 35: beside forty others an edit costs the calls that it costs alone."""
    assert calls_for_one_edit(0) == calls_for_one_edit(40)
