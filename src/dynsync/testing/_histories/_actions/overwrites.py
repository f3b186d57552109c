"""
Edits that a write of ours would cover, and edits that follow it at once (invariant 31).

Marketo takes every write, so an edit that falls between our reading and our writing is gone
from the record, and is found in the feed alone. Dynamics refuses the write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

from dynsync.records import Side, Value, Wire
from dynsync.sandbox import Fault
from dynsync.testing._histories._actions.faults import edit_one
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    Span,
    Together,
    action,
)
from dynsync.testing._histories._invariants import look
from dynsync.testing._histories._model import Cell, Human
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["OVERWRITES", "agree", "news"]

Instant: TypeAlias = Literal["before our read", "between", "in the second of our write"]
_INSTANTS: Final[tuple[Instant, ...]] = (
    "before our read",
    "between",
    "in the second of our write",
)


def news(
    world: SandboxWorld, at: int, side: Side, name: str, choice: int
) -> Iterator[tuple[Human, Value]]:
    """Settle, and yield humans of whom the other side has news for *side*, with the news."""
    if name == world.scene.secured and (world.unreadable or world.withheld):
        return
    world.settle()
    for human in world.one_of_each(at):
        if name in world.present(human.entity) and not world.is_held(human):
            edit_one(world, human, side.other, name, choice)
            yield human, human.cells[name].now[side.other]


def overwrite(
    world: SandboxWorld,
    at: int,
    side: Side,
    name: str,
    choice: int,
    later: int,
    when: Instant,
    times: int,
    who: str,
) -> None:
    """One side has news for the other, where somebody edits the same field at that moment."""
    # Invariant 31.
    for human, ours in news(world, at, side, name, choice):
        cell = human.cells[name]
        wanted = [ours] if who == "with our value" else _others(world, cell, later, times)
        if _edit_at(world, human, (side, name), wanted, when, who):
            label = "several edits" if len(wanted) > 1 else "an edit"
            world.reached[f"{label} {when} in {side.label} {human.entity}"] += 1
            world.reached[f"overwritten {who}"] += 1
        world.settle()


def _others(world: SandboxWorld, cell: Cell, later: int, times: int) -> list[Value]:
    """Return some values to enter one after the other, each other than ours and the one before."""
    wanted: list[Value] = []
    for number in range(times):
        avoided = (*cell.now.values(), *wanted[-1:])
        value = world.scene.other_value(cell.name, later + number, *avoided)
        if not any(world.scene.same(cell.name, value, one) for one in avoided):
            wanted.append(value)
    return wanted


def _edit_at(
    world: SandboxWorld,
    human: Human,
    place: tuple[Side, str],
    values: list[Value],
    when: Instant,
    who: str,
    writes_to: Side | None = None,
) -> bool:
    """
    Run, and have a field of a side edited *when* the run is there; say whether it was.

    The run writes to that side, unless it is said to which it does.
    """
    side, name = place
    done: list[str] = []
    cell = human.cells[name]

    def edit() -> None:
        done.append(when)
        held = world.held(human, side)
        if when == _INSTANTS[2] and held is not None:
            agree(world, cell, side, held[name])
        for value in values:
            world.edit_as(human, side, name, value, who)

    def hook(operation: str, _: int) -> Fault | None:
        moment = "read" if when == _INSTANTS[0] else "write"
        if when != _INSTANTS[2] and operation == moment and not done:
            edit()
        return None

    def heard(of: Side, operation: str) -> None:
        if when == _INSTANTS[2] and (of, operation) == (side, "write") and not done:
            edit()

    world.faults[writes_to or side].hook, world.heard = hook, heard
    look(world, world.sync().run())
    world.unclean()
    world.slow = world.slow or side is Side.MARKETO
    world.calm_hooks()
    return bool(done)


def agree(world: SandboxWorld, cell: Cell, side: Side, held: Value) -> None:
    """Note that our write is there, if it is: then it is what the two have agreed on."""
    ours = cell.now[side.other]
    there = world.scene.normal(cell.name, ours) if side is Side.DYNAMICS else ours
    if world.scene.same(cell.name, held, there):
        cell.settle(*(held if one is side else ours for one in Side))


def edit_beside_the_write(
    world: SandboxWorld,
    at: int,
    side: Side,
    names: tuple[str, str],
    choices: tuple[int, int],
    where: Side,
) -> None:
    """While we write a field of one side somebody edits another, or the one that we write from."""
    # Invariants 7, 22.
    name, other = names
    if other == world.scene.secured and (world.unreadable or world.withheld):
        return
    for human, _ in news(world, at, side, name, choices[0]):
        edited = other if where is side else name
        if edited not in world.present(human.entity) or (where is side and other == name):
            continue
        cell = human.cells[edited]
        value = world.scene.other_value(edited, choices[1], *cell.now.values())
        # What was edited before was read before.
        cell.risky = cell.risky or where is not side
        if _edit_at(world, human, (where, edited), [value], _INSTANTS[1], "by a person", side):
            world.reached[f"edit beside a write to {side.label} in {where.label}"] += 1
        world.settle()


def automation(
    world: SandboxWorld, at: int, side: Side, name: str, choice: int, later: int
) -> None:
    """A campaign or workflow changes what we have just written (invariant 24)."""
    for human, ours in news(world, at, side, name, choice):
        value = world.scene.other_value(name, later, *human.cells[name].now.values())
        world.automate(human, side, name, _reaction(world, human, side, name, (ours, value)))
        world.go()
        world.automate(human, side, name, None)
        world.settle()


def _reaction(
    world: SandboxWorld, human: Human, side: Side, name: str, values: tuple[Value, Value]
) -> Callable[[Wire], Wire]:
    """Return what notes that our write has arrived on *side*, and makes another value of it."""
    ours, value = values

    def react(_: Wire) -> Wire:
        scene = world.scene
        there = scene.normal(name, ours) if side is Side.DYNAMICS else ours
        human.cells[name].settle(*((there if one is side else ours) for one in Side))
        world.note_edit(human, side, name, value)
        world.reached[f"automation in {side.label} {human.entity}"] += 1
        return scene.write(human.entity, name, side, value)

    return react


OVERWRITES: Final[tuple[Action[SandboxWorld], ...]] = (
    action(
        overwrite,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        name=NAMES,
        choice=CHOICES,
        later=CHOICES,
        when=OneOf(_INSTANTS),
        times=Span(1, 3),
        who=OneOf(("by a person", "by a campaign", "with our value")),
    ),
    action(
        edit_beside_the_write,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        names=Together((NAMES, NAMES)),
        choices=Together((CHOICES, CHOICES)),
        where=SIDES,
    ),
    action(
        automation,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        name=NAMES,
        choice=CHOICES,
        later=CHOICES,
    ),
)
