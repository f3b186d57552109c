"""What somebody else does, and what only that shows of a connector: the limits and rights told."""

from __future__ import annotations

from dynsync.records import Wire
from dynsync.testing._scene import Scene
from dynsync.testing._steps import Change, Longest, Make, Permitted, Somebody
from dynsync.testing._witness import Breach, Halted
from dynsync.testing._writing import body, update, write
from dynsync.writes import Rejected

__all__ = ["longest", "permitted", "somebody"]


def somebody(scene: Scene, step: Somebody) -> None:
    """Let somebody else do something; without an outside, the connector's own writes do."""
    outside, world = scene.outside, scene.world
    if outside is None:
        if step.does == "create":
            write(scene, [Make(step.who, step.variant or 0)])
        elif step.does == "edit" and scene.world.living(step.who) is not None:
            write(scene, [Change(step.who, step.field, step.variant)])
        return
    held = world.living(step.who)
    if step.does == "create":
        if step.who not in world.held:
            values = body(scene, step.who, step.variant or 0)
            scene.witness.note(f"outside.create({values})")
            world.create(step.who, outside.create(values), values, None).made = 0
    elif held is not None and step.does == "delete":
        scene.witness.note(f"outside.delete({held.id!r})")
        outside.delete(held.id)
        world.delete(held)
    elif held is not None:
        field = scene.palette.field(step.field)
        value = scene.palette.value(field, step.variant)
        if value is None and scene.palette.columns[field].required:
            return
        scene.witness.note(f"outside.edit({held.id!r}, {{{field!r}: {value!r}}})")
        outside.edit(held.id, {field: value})
        world.change(held, {field: value}, None)


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
    scene.witness.note(f"outside.edit({held.id!r}, {{{step.column!r}: {choices[0]!r}}})")
    try:
        outside.edit(held.id, {step.column: choices[0]})
    except Exception as error:
        # Nobody can set it: the value does not fit, which says nothing of rights.
        raise Halted("the value suits nobody") from error
    raise Breach(
        "describe",
        f"{step.column!r} is described as writable, and a value that somebody else could set "
        f"was refused to the connector.",
    )
