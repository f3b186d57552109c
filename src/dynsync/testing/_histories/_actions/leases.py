"""Two processes that want to run one sync at the same time."""

from __future__ import annotations

from typing import Final

from dynsync._session import LEASE_SECONDS
from dynsync.errors import LeaseHeld
from dynsync.records import Side
from dynsync.reports import Report
from dynsync.sandbox import Fault
from dynsync.testing._histories._actions.faults import edited
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
from dynsync.testing._histories._invariants import look
from dynsync.testing._histories._world import World

__all__ = ["LEASES"]


def race(world: World, at: int, side: Side, name: str, choice: int, during: str) -> None:
    """A second process begins a run while one is under way: it is told to wait."""
    edited(world, at, side, name, choice)
    assert _second_run(world, during, 0.0) is None, "two runs at the same time"


def overtake(world: World, at: int, side: Side, name: str, choice: int, during: str) -> None:
    """A process stands still for so long that another takes its lease, and then goes on."""
    edited(world, at, side, name, choice)
    _second_run(world, during, LEASE_SECONDS + 1)


def _second_run(world: World, during: str, pause: float) -> Report | None:
    """Run, and run once more from another process *during* a call, *pause* seconds later."""
    done: list[Report | None] = []

    def hook(operation: str, _: int) -> Fault | None:
        if operation == during and not done:
            done.append(None)
            world.clock.advance(pause)
            try:
                done[0] = world.sync(world.store.twin()).run()
                world.reached["lease taken over"] += 1
            except LeaseHeld:
                world.reached["lease held"] += 1
        return None

    world.unclean()
    for faults in world.faults:
        faults.hook = hook
    try:
        look(world, world.sync().run())
    except LeaseHeld:
        world.reached["lease lost"] += 1
    for faults in world.faults:
        faults.clear()
    return done[0] if done else None


_DURING: Final = OneOf(("read", "describe", "fetch"))

LEASES: Final[tuple[Action[World], ...]] = (
    action(
        race,
        modes=CALM,
        at=HUMANS,
        side=SIDES,
        name=NAMES,
        choice=CHOICES,
        during=OneOf(("read", "describe", "fetch", "write")),
    ),
    action(overtake, modes=CALM, at=HUMANS, side=SIDES, name=NAMES, choice=CHOICES, during=_DURING),
)
