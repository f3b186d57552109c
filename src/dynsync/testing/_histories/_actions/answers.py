"""Edits of a field that was just written, before anybody knows what became of the write."""

from __future__ import annotations

from typing import Final

from dynsync.records import Side
from dynsync.sandbox import Fault, FaultKind
from dynsync.testing._histories._actions.blocks import is_held
from dynsync.testing._histories._actions.overwrites import agree, news
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    ENTITIES,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    action,
)
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._people import MOST
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


def edit_before_the_echo(world: SandboxWorld, at: int, name: str, choice: int, later: int) -> None:
    """We write to Marketo, and before its feed tells of it somebody edits the field there."""
    # Invariants 4, 24.
    for human, ours in news(world, at, Side.MARKETO, name, choice):
        before = (world.held(human, Side.MARKETO) or {})[name]
        if world.scene.refused(name, before):
            # It waits for Dynamics, and may go on to do so.
            continue
        world.box.hold_back()
        world.slow = True
        world.go()
        _know(world, human, Side.MARKETO, name)
        value = world.scene.other_value(name, later, ours, before)
        # Put back before the feed tells, it looks like a write that was swallowed.
        back = world.scene.same(name, value, before)
        edited = not back and world.change(human, Side.MARKETO, name, value)
        report = world.go()
        if edited and report is not None:
            world.reached[f"edit before the echo {human.entity}"] += 1
            assert not is_held(report, human, name), "an edit, and taken for a block"
        world.box.release()
        world.go()
        world.settle()


def edit_after_an_unheard_making(
    world: SandboxWorld,
    entity: str,
    side: Side,
    name: str,
    later: int,
    kind: FaultKind,
    again: Side,
) -> None:
    """A record is made on one side, nobody hears of it, and somebody edits it before that."""
    # Invariants 4, 12, 13.
    if name == world.scene.secured and (world.unreadable or world.withheld):
        return
    world.settle()
    if side is Side.MARKETO:
        world.make_in_dynamics(entity, world.scene.born[-1])
        human = world.humans[-1]
    else:
        human = world.ask_later(entity)
    world.faults[side].plan("write", Fault(kind))
    world.go()
    world.faults[side].clear()
    _find(world, human)
    held = world.held(human, again)
    if held is not None and name in held:
        value = world.scene.other_value(name, later, *human.cells[name].now.values())
        # Emptied in what was made, it cannot be told from what was never sent there.
        told = again is not side or bool(value)
        if told and world.change(human, again, name, value):
            world.reached[f"edit in {again.label} after an unheard making in {side.label}"] += 1
    world.go()
    world.settle()


def _find(world: SandboxWorld, human: Human) -> None:
    """Learn whether both halves of a human are there: then they have agreed."""
    known = {one.guid for one in world.humans if one.entity == human.entity}
    rows = world.dynamics.rows(world.maps[human.entity].tables.dynamics)
    if human.guid is None:
        human.guid = next((id_ for id_ in rows if id_ not in known), None)
    world.learn_ids(human)
    if human.guid is None or human.person is None:
        return
    human.waiting = False
    here, there = world.held(human, Side.MARKETO), world.held(human, Side.DYNAMICS)
    assert here is not None, "made of nothing"
    assert there is not None, "made as nothing"
    for name, value in here.items():
        if world.scene.same(name, world.scene.normal(name, value), there[name]):
            human.cells[name].settle(value, there[name])


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
    action(
        edit_after_an_unheard_making,
        allowed=lambda world: len(world.humans) < MOST,
        modes=CALM,
        entity=ENTITIES,
        side=SIDES,
        name=NAMES,
        later=CHOICES,
        kind=OneOf(_KINDS),
        again=SIDES,
    ),
    action(edit_before_the_echo, modes=CALM, at=HUMANS, name=NAMES, choice=CHOICES, later=CHOICES),
)
"""Edits after a write of which nobody has heard."""
