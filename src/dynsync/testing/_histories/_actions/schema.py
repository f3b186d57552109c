"""Columns that go away, come back and get another name in a history (A22, R83)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from dynsync.records import Pair, Side, Value
from dynsync.testing._histories._draws import (
    CALM,
    EDITS,
    ENTITIES,
    HUMANS,
    SIDES,
    Action,
    OneOfScene,
    action,
)
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["SCHEMA"]

_LONGEST: Final = 50
"""How many characters of a first name Dynamics holds."""


def lose_column(
    world: SandboxWorld, side: Side, entity: str, name: str, at: int, edit: tuple[str, Value]
) -> None:
    """A column is deleted: its entity stands still until somebody has looked at the map."""
    # Invariant 17.
    world.hide(side, entity, name)
    if side is Side.MARKETO:
        # All people are in one table: what one entity loses the others lose, too.
        entities = [e for e in world.maps if name in world.scene.fields(e)]
    else:
        entities = [entity]
    for one in entities:
        world.leave_out(one, name)
    _stand_still(world, entities, at, edit)
    world.reached[f"column lost in {side.label}"] += 1


def _stand_still(
    world: SandboxWorld, entities: Sequence[str], at: int, edit: tuple[str, Value]
) -> None:
    """Let a run find that columns are gone, have somebody edit, and the schema refreshed."""
    report = world.go()
    assert report is not None, "a crash that nobody had planned"
    for entity in entities:
        assert entity in report.stopped, f"{entity}: a column went away, and nobody was told"
        assert not any(key[0] == entity for key in report.counts), f"{entity}: went on"
    for side in Side:
        world.change(world.pick(at), side, *edit)
    world.go()
    for entity in entities:
        world.sync().refresh_schema(entity)
    world.reached["schema refreshed"] += 1


def regain_column(world: SandboxWorld) -> None:
    """A column is there again: its values are read anew (R81)."""
    world.go()
    for entity, names in world.absent.items():
        for name in sorted(names):
            world.show(entity, name)
        humans = [human for human in world.humans if human.entity == entity]
        gained, world.absent[entity] = names, set()
        for human in humans:
            for name in sorted(gained):
                world.backfill(human, name)
    # Lost again before anybody has looked, it would never have been there.
    world.go()
    world.reached["column regained"] += 1


def rename_column(
    world: SandboxWorld,
    entity: str,
    at: int,
    edit: tuple[str, Value],
    later: bool,
) -> None:
    """A column gets another name, which to everybody else is a new column without values."""
    name = world.scene.shaky[0]
    column = world.hide(Side.DYNAMICS, entity, name)
    native = column.name
    other = native.removesuffix("_2") if native.endswith("_2") else f"{native}_2"
    world.leave_out(entity, name)
    if later:
        _stand_still(world, [entity], at, edit)
    world.show(entity, name, as_=other)
    fields = tuple(
        attrs.evolve(one, names=Pair(one.names.marketo, other)) if one.name == name else one
        for one in world.maps[entity].fields
    )
    world.maps[entity] = attrs.evolve(world.maps[entity], fields=fields)
    world.absent[entity].discard(name)
    for human in world.humans:
        if human.entity == entity:
            world.backfill(human, name)
    # Renamed back before anybody has looked, it would be the old column, emptied.
    world.go()
    world.reached["column renamed"] += 1


def fill_a_column(world: SandboxWorld, at: int, side: Side) -> None:
    """Somebody enters a name that just fits."""
    world.change(world.pick(at), side, "first_name", "X" + "x" * (_LONGEST - 1))
    world.settle()


def _whole(world: SandboxWorld) -> bool:
    return not any(world.absent.values())


def _broken(world: SandboxWorld) -> bool:
    return any(world.absent.values())


_SHAKY: Final = OneOfScene(lambda scene: list(scene.shaky))

SCHEMA: Final[tuple[Action[SandboxWorld], ...]] = (
    action(
        lose_column,
        allowed=_whole,
        modes=CALM,
        side=SIDES,
        entity=ENTITIES,
        name=_SHAKY,
        at=HUMANS,
        edit=EDITS,
    ),
    action(regain_column, allowed=_broken),
    action(
        rename_column,
        allowed=_whole,
        modes=CALM,
        entity=ENTITIES,
        at=HUMANS,
        edit=EDITS,
        later=OneOfScene(lambda _: [False, True]),
    ),
    action(fill_a_column, at=HUMANS, side=SIDES),
)
