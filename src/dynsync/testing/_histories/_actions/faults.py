"""What goes wrong with the runs of a history: calls that fail, processes that die."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from dynsync.records import Side, Value
from dynsync.sandbox import Fault, FaultKind
from dynsync.testing._histories._crashing import CrashingStore, Moment
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    EDITS,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    Shuffled,
    Span,
    action,
)
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._world import World

__all__ = ["RUNS", "edit_one", "edited"]

_FAULTS: Final[tuple[FaultKind, ...]] = (
    "throttled",
    "down",
    "lost_request",
    "lost_response",
    "partial",
    "crash_before",
    "crash_after",
)
_UNANSWERED: Final[tuple[FaultKind, ...]] = (
    "lost_request",
    "lost_response",
    "partial",
    "throttled",
)
_UNDER_WAY: Final = 60
"""How long a request without an answer may be under way, in seconds."""

_OPERATIONS: Final = ("*", "*", "read", "write", "fetch", "describe", "log")


def run(world: World) -> None:
    """A cycle."""
    world.go()


def clean(world: World) -> None:
    """All faults end, and everything settles."""
    world.settle()


def _run_with(world: World, side: Side, operation: str, *faults: Fault | None) -> None:
    world.faults[side].plan(operation, *faults)
    world.go()
    world.faults[side].clear()
    # Until then a write that nobody answered may be under way, and the engine cannot tell it
    # from a person's edit to the same.
    world.clock.advance(_UNDER_WAY)


def faulty_runs(
    world: World, side: Side, operation: str, kinds: Sequence[FaultKind], skip: int
) -> None:
    """Something goes wrong with a call of each of some runs."""
    # Invariants 13, 20.
    for kind in kinds[:4]:
        _run_with(world, side, operation, *([None] * skip), Fault(kind))
        world.reached[f"fault {kind}"] += 1


def faulty_writes(
    world: World,
    at: int,
    sides: Sequence[Side],
    name: str,
    choice: int,
    kinds: Sequence[FaultKind],
) -> None:
    """There is something to write, and nobody knows what became of it."""
    # Invariants 12, 14.
    for side, kind in product(sides, kinds[:2]):
        humans = edited(world, at, side.other, name, choice)
        _run_with(world, side, "write", *([Fault(kind)] * len(humans)))
        for human in humans:
            world.reached[f"{kind} writing a {human.entity} to {side.label}"] += 1


def edited(world: World, at: int, side: Side, name: str, choice: int) -> list[Human]:
    """Have a field of a human of each entity edited on *side*, so that there is a write."""
    if name == world.scene.secured and (world.unreadable or world.withheld):
        return []
    humans = [h for h in world.one_of_each(at) if name in world.present(h.entity)]
    for human in humans:
        edit_one(world, human, side, name, choice)
    return humans


def edit_one(world: World, human: Human, side: Side, name: str, choice: int) -> None:
    """Have a field edited on *side*, to what neither side holds."""
    held = [values[name] for one in Side if (values := world.held(human, one)) is not None]
    world.change(human, side, name, world.scene.other_value(name, choice, *held))


def crashing_commit(world: World, at: int, when: Moment, who: int, edit: tuple[str, Value]) -> None:
    """The process dies before or after a commit."""
    # Invariants 13, 15.
    world.change(world.pick(who), Side.MARKETO, *edit)
    if world.go(CrashingStore(world.store, at, when)) is None:
        world.reached[f"crash {when} a commit"] += 1


RUNS: Final[tuple[Action[World], ...]] = (
    action(run),
    action(clean, modes=CALM),
    action(
        faulty_runs,
        modes=CALM,
        side=SIDES,
        operation=OneOf(_OPERATIONS),
        kinds=Shuffled(_FAULTS),
        skip=Span(0, 2),
    ),
    action(
        faulty_writes,
        modes=CALM,
        at=HUMANS,
        sides=Shuffled(tuple(Side)),
        name=NAMES,
        choice=CHOICES,
        kinds=Shuffled(_UNANSWERED),
    ),
    action(
        crashing_commit, at=Span(1, 12), when=OneOf(("before", "after")), who=HUMANS, edit=EDITS
    ),
)
