"""What administrators do to the rights of the sync user in a history."""

from __future__ import annotations

from typing import Final

from dynsync.records import Side, Value
from dynsync.schemas import Access
from dynsync.testing._histories._draws import HUMANS, Action, OneOfScene, action
from dynsync.testing._histories._sandbox_world import EVERYTHING, SandboxWorld

__all__ = ["RIGHTS"]

_SECRET: Final = "secret"  # noqa: S105 - a mark by which a leak is found
_FIELD: Final = "email"


def take_read(world: SandboxWorld) -> None:
    """The sync user may not read e-mail addresses any more."""
    # Invariants 17, 32.
    world.secure(Access.NONE)
    world.unreadable, world.withheld = True, False
    for human in world.humans:
        human.new_since_gone.pop(_FIELD, None)
    world.reached["right to read taken"] += 1


def edit_in_secret(world: SandboxWorld, at: int) -> None:
    """Somebody edits in Dynamics what may not be read."""
    world.made_up += 1
    world.secrets.append(f"{_SECRET}-{world.made_up}@example.org")
    world.change(world.pick(at), Side.DYNAMICS, _FIELD, world.secrets[-1])
    world.go()


def give_read(world: SandboxWorld) -> None:
    """The sync user may read them again: what is empty on one side is filled in (R81)."""
    world.secure(EVERYTHING)
    world.unreadable = False
    world.secrets.clear()
    for human in world.humans:
        if world.forgotten(human, _FIELD):
            world.backfill(human, _FIELD)
    world.reached["right to read given"] += 1


def take_read_for_a_while(world: SandboxWorld, at: int, here: Value) -> None:
    """Both sides move on while the sync user may not read, and differ when it may again."""
    world.settle()
    take_read(world)
    world.go()
    world.change(world.pick(at), Side.MARKETO, _FIELD, here)
    edit_in_secret(world, at)
    world.settle()
    give_read(world)
    world.settle()


def take_update(world: SandboxWorld) -> None:
    """The sync user may read e-mail addresses, and not write them."""
    world.secure(Access.READ | Access.CREATE)
    world.withheld = True
    world.reached["right to update taken"] += 1


def edit_what_may_not_be_told(world: SandboxWorld, at: int, value: Value) -> None:
    """Somebody edits in Marketo what Dynamics may not be told (A18)."""
    # Invariant 19.
    world.change(world.pick(at), Side.MARKETO, _FIELD, value)
    world.settle()


def give_update(world: SandboxWorld) -> None:
    """The sync user may write them again."""
    world.secure(EVERYTHING)
    world.withheld = False
    world.reached["right to update given"] += 1


def take_update_for_a_while(world: SandboxWorld, at: int, value: Value) -> None:
    """What could not be told is told when the right is there again."""
    take_update(world)
    world.go()
    edit_what_may_not_be_told(world, at, value)
    give_update(world)
    world.go()


def _readable(world: SandboxWorld) -> bool:
    return not world.unreadable


def _unreadable(world: SandboxWorld) -> bool:
    return world.unreadable


def _withheld(world: SandboxWorld) -> bool:
    return world.withheld


_VALUES: Final = OneOfScene(lambda scene: list(scene.values[_FIELD]))

RIGHTS: Final[tuple[Action[SandboxWorld], ...]] = (
    action(take_read, allowed=_readable),
    action(edit_in_secret, allowed=_unreadable, at=HUMANS),
    action(give_read, allowed=_unreadable),
    action(take_read_for_a_while, allowed=_readable, at=HUMANS, here=_VALUES),
    action(take_update, allowed=_readable),
    action(edit_what_may_not_be_told, allowed=_withheld, at=HUMANS, value=_VALUES),
    action(give_update, allowed=_withheld),
    action(take_update_for_a_while, allowed=_readable, at=HUMANS, value=_VALUES),
)
