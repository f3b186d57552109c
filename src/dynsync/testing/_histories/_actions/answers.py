"""Edits of a field that was just written, and nobody knows what became of the write."""

from __future__ import annotations

from typing import Final

from dynsync.records import Side
from dynsync.sandbox import Fault, FaultKind
from dynsync.testing._histories._actions.overwrites import agree, news
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    action,
)
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["ANSWERS"]

_KINDS: Final[tuple[FaultKind, ...]] = (
    "lost_response",
    "lost_request",
    "crash_after",
    "crash_before",
)


def edit_after_no_answer(
    world: SandboxWorld,
    at: int,
    side: Side,
    name: str,
    choice: int,
    later: int,
    kind: FaultKind,
    again: Side,
) -> None:
    """A write of ours gets no answer, and somebody edits the same field before anybody looks."""
    # Invariants 4, 13.
    for human, ours in news(world, at, side, name, choice):
        world.faults[side].plan("write", Fault(kind))
        world.go()
        world.faults[side].clear()
        if again is side:
            _know(world, human, side, name)
        value = world.scene.other_value(name, later, ours)
        if world.change(human, again, name, value):
            label = "our write" if again is side else "what we wrote"
            world.reached[f"edit of {label} without an answer in {side.label}"] += 1
        world.go()
        world.settle()


def _know(world: SandboxWorld, human: Human, side: Side, name: str) -> None:
    """Note whether our write arrived: Marketo's feed tells, and what follows was its answer."""
    cell, held = human.cells[name], world.held(human, side)
    if side is Side.MARKETO and held is not None:
        # If it did not, what was to be written has been read, and meets what is edited now.
        cell.risky = False
        agree(world, cell, side, held[name])


ANSWERS: Final[tuple[Action[SandboxWorld], ...]] = (
    action(
        edit_after_no_answer,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        name=NAMES,
        choice=CHOICES,
        later=CHOICES,
        kind=OneOf(_KINDS),
        again=SIDES,
    ),
)
"""Edits after a write that nobody answered."""
