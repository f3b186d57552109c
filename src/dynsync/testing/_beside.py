"""What somebody else does, and what only that shows of a connector: the limits and rights told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dynsync.records import Wire
from dynsync.testing._outside import Outside
from dynsync.testing._scene import Scene
from dynsync.testing._steps import Change, Longest, Make, Permitted, Somebody
from dynsync.testing._witness import Breach, Unable
from dynsync.testing._writing import body, update, write
from dynsync.writes import Rejected

__all__ = ["longest", "permitted", "somebody"]

T = TypeVar("T")


def somebody(scene: Scene, step: Somebody) -> None:
    """Let somebody else do something; without an outside, the connector's own writes do."""
    if scene.outside is not None:
        _outside(scene, scene.outside, step)
    elif step.does == "create":
        write(scene, [Make(step.who, step.variant or 0)])
    elif step.does == "edit" and scene.world.living(step.who) is not None:
        write(scene, [Change(step.who, step.field, step.variant)])


def _outside(scene: Scene, outside: Outside, step: Somebody) -> None:
    world, held = scene.world, scene.world.living(step.who)
    if step.does == "create":
        if step.who not in world.held:
            values = body(scene, step.who, step.variant or 0)
            id_ = _done(scene, f"create({values})", lambda: outside.create(values))
            world.create(step.who, id_, values, None).made = 0
    elif held is None:
        return
    elif step.does == "delete":
        _done(scene, f"delete({held.id!r})", lambda: outside.delete(held.id))
        world.delete(held)
    else:
        field = scene.palette.field(step.field)
        change = {field: scene.palette.value(field, step.variant)}
        if change[field] is not None or not scene.palette.columns[field].required:
            _done(scene, f"edit({held.id!r}, {change})", lambda: outside.edit(held.id, change))
            world.change(held, change, None)


def _done(scene: Scene, call: str, act: Callable[[], T]) -> T:
    """Have somebody else do something, and give up where they cannot."""
    scene.witness.note(f"outside.{call}")
    try:
        return act()
    except Exception as error:
        # The host's code: it may raise anything, and the check cannot go on without it.
        does = call.partition("(")[0]
        raise Unable(f"outside.{does} raised {type(error).__name__}: {error}") from error


def longest(scene: Scene, step: Longest) -> None:
    """Create a record with a text that just fits, and have it taken."""
    field = scene.palette.field(step.field)
    column, plain = scene.palette.columns[field], scene.palette.value(field, 0)
    if step.who in scene.world.held or column.length is None or not _wordy(plain):
        return
    write(scene, [Make(step.who)])
    held = scene.world.living(step.who)
    if held is None:
        return
    scene.witness.tally["describe"] += 1
    results = update(scene, step.who, {field: "x" * column.length})
    if any(isinstance(one, Rejected) for one in results):
        raise Breach(
            "describe",
            f"{field!r} is described to hold {column.length} {column.unit}, and a text of that "
            f"length was refused.",
        )


def _wordy(value: Wire) -> bool:
    """Return whether a column's values are plain words, and not addresses or numbers."""
    return isinstance(value, str) and value.isalpha()


def permitted(scene: Scene, step: Permitted) -> None:
    """Set a column that is described as writable, where somebody else can set it."""
    held, outside = scene.world.living(step.who), scene.outside
    choices = scene.palette.values.get(step.column)
    if held is None or choices is None or outside is None or held.values.get(step.column):
        return
    results = update(scene, step.who, {step.column: choices[0]})
    if not results or not all(isinstance(one, Rejected) for one in results):
        return
    # If nobody can set it, the value does not fit, which says nothing of rights.
    change = {step.column: choices[0]}
    _done(scene, f"edit({held.id!r}, {change})", lambda: outside.edit(held.id, change))
    raise Breach(
        "describe",
        f"{step.column!r} is described as writable, and a value that somebody else could set "
        f"was refused to the connector.",
    )
