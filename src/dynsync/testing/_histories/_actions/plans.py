"""Edits that fall between what the engine has seen and what it does, and plans that go stale."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from dynsync._remembering import dynamics_feed, marketo_feed
from dynsync.fields import EntityMap
from dynsync.records import Side, Value
from dynsync.sandbox import Fault
from dynsync.testing._histories._actions.faults import edit_one, edited
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    Shuffled,
    Together,
    action,
)
from dynsync.testing._histories._invariants import everything, look
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._world import World

__all__ = ["PLANS"]


def edit_in_the_window(
    world: World, at: int, sides: Sequence[Side], name: str, choices: tuple[int, int, bool]
) -> None:
    """Somebody edits a record after the engine has read it and before it writes."""
    # Invariants 22, 31.
    choice, later, collide = choices
    if name == world.scene.secured and (world.unreadable or world.withheld):
        return
    for side, human in product(sides, world.one_of_each(at)):
        if name not in world.present(human.entity):
            continue
        edit_one(world, human, side.other, name, choice)
        values = world.scene.values[name]
        value = values[later % len(values)]
        if collide:
            value = world.scene.other_value(name, later, *human.cells[name].now.values())
        _run_with_edit(world, human, side, name, value)


def _run_with_edit(world: World, human: Human, side: Side, name: str, value: Value) -> None:
    done: list[int] = []
    cell = human.cells[name]

    def hook(operation: str, number: int) -> Fault | None:
        if operation == "write" and not done:
            done.append(number)
            ours = world.scene.same(name, value, cell.now[side.other])
            if ours and Side.MARKETO in cell.edited:
                # An unseen edit replaced by one that equals our own write cannot be told
                # from one that our write replaced: the engine brings it back, to be safe.
                return None
            # What was edited before was read before.
            cell.risky = cell.risky or side in cell.edited
            if world.change(human, side, name, value):
                world.reached[f"edit in the window of {side.label} {human.entity}"] += 1
        return None

    faults = world.faults[side]
    faults.hook = hook
    world.slow = world.slow or side is Side.MARKETO
    look(world, world.sync().run())
    world.unclean()
    faults.clear()


def plan_and_apply(world: World, at: int, side: Side, name: str, choice: int) -> None:
    """A plan moves nothing, and applying it does what it says and no more (invariant 25)."""
    edited(world, at, side, name, choice)
    before, known = everything(world), _remembered(world)
    plan = world.sync().plan()
    again = world.sync().plan()
    assert plan.records == again.records, "two plans of one moment differ"
    assert everything(world) == before, "a plan has moved something"
    assert _remembered(world) == known, "a plan has moved the state"
    world.unclean()
    report = world.sync().apply(plan)
    look(world, report)
    assert sum(report.writes.values()) <= len(plan.writes) + 20 * len(plan.records)
    world.reached["plan applied"] += bool(plan.writes)


def _feeds(entity_map: EntityMap) -> tuple[str, str]:
    return marketo_feed(entity_map.tables.marketo), dynamics_feed(entity_map.entity)


def _remembered(world: World) -> str:
    """Return what the state holds that a run would move."""
    store = world.store
    names = [name for m in world.maps.values() for name in _feeds(m)]
    said = [store.feed(name) for name in names]
    links = store.links(range(store.next_key()))
    return repr((said, sorted(links.items()), list(store.each_pending()), store.get("run")))


def apply_a_stale_plan(
    world: World, at: int, side: Side, name: str, choice: int, later: tuple[bool, int]
) -> None:
    """What somebody edits between a plan and its use is left alone."""
    # Invariant 22.
    if world.slow:
        world.settle()
    humans = edited(world, at, side.other, name, choice)
    plan = world.sync().plan()
    same_field, other = later
    if not same_field:
        name = world.scene.names[1 % len(world.scene.names)]
    before: dict[str, Value] = {}
    for human in humans:
        if name not in world.present(human.entity):
            continue
        now = human.cells[name].now.values()
        if world.change(human, side, name, world.scene.other_value(name, other, *now)):
            before[human.entity] = human.cells[name].now[side]
    world.unclean()
    look(world, world.sync().apply(plan))
    for human in humans:
        held = world.held(human, side)
        if human.entity in before and held is not None:
            assert before[human.entity] == held[name], "a stale plan was used"
            world.reached["stale plan"] += any(
                human.guid == record.ids.dynamics for record in plan.records
            )


PLANS: Final[tuple[Action[World], ...]] = (
    action(
        edit_in_the_window,
        modes=CALM,
        at=HUMANS,
        sides=Shuffled(tuple(Side)),
        name=NAMES,
        choices=Together((CHOICES, CHOICES, OneOf((False, True)))),
    ),
    action(plan_and_apply, modes=CALM, at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES),
    action(
        apply_a_stale_plan,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        name=NAMES,
        choice=CHOICES,
        later=Together((OneOf((False, True)), CHOICES)),
    ),
)
