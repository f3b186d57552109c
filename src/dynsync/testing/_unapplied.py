"""What a write that raised has promised: that nothing was applied (C5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dynsync.errors import Ambiguous, SystemFailure
from dynsync.records import RecordId, Wire, plain_id
from dynsync.testing._palette import same
from dynsync.testing._scene import Scene, fetched, found_by
from dynsync.testing._witness import Breach, Halted
from dynsync.testing._world import Held
from dynsync.writes import Create, Update, Write

__all__ = ["unapplied"]

_INSTEAD: Final = (
    "Raise only before anything is applied; after that return a result for each write, "
    "AmbiguousWrite or NotAttempted if nothing else is known of it."
)


def unapplied(scene: Scene, writes: Mapping[int, Write], failure: SystemFailure) -> None:
    """
    Raise `Breach` if some of *writes*, by the number of their record, was applied after all.

    Nothing is held against a system that is still down and tells nothing.
    """
    if isinstance(failure, Ambiguous):
        return
    try:
        seen = _created(scene, writes) or _changed(scene, writes)
    except Halted:
        return
    if seen:
        raised = f"write raised {type(failure).__name__}, which promises that nothing was applied"
        raise Breach("C5", f"{raised}, and {seen}. {_INSTEAD}")


def _created(scene: Scene, writes: Mapping[int, Write]) -> str:
    """Return which new record is there, in words, or nothing."""
    world, most = scene.world, scene.setting.capabilities.find
    keys = {
        plain_id(write.key): write.key
        for who, write in writes.items()
        if isinstance(write, Create) and who not in world.held
    }
    if not keys:
        return ""
    key_field, asked = scene.palette.key_field, [*keys.values()][:most]
    there: dict[RecordId, Wire]
    if key_field is None:
        found = fetched(scene, asked, list(scene.palette.fields))
        there = {record.id: record.id for record in found}
    else:
        found = found_by(scene, key_field, [*asked], [key_field])
        there = {record.id: record.values.get(key_field) for record in found}
    for id_, key in there.items():
        if isinstance(key, str) and plain_id(key) in keys and id_ not in world.strangers:
            way = "fetch" if key_field is None else "find"
            return f"{way} told of {keys[plain_id(key)]!r}, which it was to create"
    return ""


def _changed(scene: Scene, writes: Mapping[int, Write]) -> str:
    """Return which field holds what it was to be set to, in words, or nothing."""
    updates = {
        write.id: (held, write)
        for who, write in writes.items()
        if isinstance(write, Update) and (held := scene.world.living(who)) is not None
    }
    if not updates:
        return ""
    asked = [*updates][: scene.setting.capabilities.find]
    for record in fetched(scene, asked, list(scene.palette.fields)):
        held, update = updates.get(record.id, (None, None))
        if held is None or update is None:
            continue
        for field in _telling(held, update):
            if field in record.values and same(record.values[field], update.values[field]):
                now = f"fetch told {record.values[field]!r} in {field!r} of {held.id!r}"
                return f"{now}, as it was to be set, and no longer {held.values[field]!r}"
    return ""


def _telling(held: Held, update: Update) -> Sequence[str]:
    """Return the fields that tell, by what they hold, whether *update* was applied."""
    return [
        field
        for field, new in update.values.items()
        if field in held.values.keys() - held.moved.keys() and not same(new, held.values[field])
    ]
