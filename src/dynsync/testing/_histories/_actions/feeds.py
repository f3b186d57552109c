"""What the feeds of the sandbox systems do in a history, and what time does."""

from __future__ import annotations

from typing import Final

from dynsync.records import RecordId, Side, Value
from dynsync.testing._histories._actions.people import delete_in_dynamics
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    EDITS,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    Span,
    Together,
    action,
)
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["FEEDS"]

_TOO_LATE: Final = 20
_HOUR: Final = 3600


def hold_back_feed(world: SandboxWorld) -> None:
    """Marketo's feed falls silent, or says at last what it had kept to itself."""
    if world.held_back:
        world.box.release()
    else:
        world.box.hold_back()
    world.held_back = not world.held_back
    world.slow = True


def late_rows(
    world: SandboxWorld, at: int, names: tuple[str, str], choices: tuple[int, int]
) -> None:
    """What was edited first arrives last."""
    # Invariants 11, 15.
    world.slow = True
    for human in world.one_of_each(at):
        for lag, name, choice in zip((_HOUR, 0), names, choices, strict=True):
            world.box.lag(lag)
            held = world.held(human, Side.MARKETO) or {}
            value = world.scene.other_value(name, choice, held.get(name))
            world.change(human, Side.MARKETO, name, value)
        world.reached["late rows"] += 1
    world.go()
    world.clock.advance(_HOUR + 1)
    world.go()


def feed_manners(world: SandboxWorld, repeats: int, empty: int) -> None:
    """Marketo's feed begins to repeat rows, or to put in pages with nothing on them."""
    # Invariants 11, 15.
    world.box.repeats(repeats)
    world.box.empty_pages(empty)


def expire(world: SandboxWorld, run: bool) -> None:
    """Dynamics forgets the cursors it gave."""
    # Invariant 16.
    world.org.expire_cursors()
    world.reached["cursor expired"] += 1
    if run:
        world.go()


def forget_changes(world: SandboxWorld, run: bool) -> None:
    """Marketo forgets its feed."""
    # Invariant 16.
    world.box.forget_changes()
    world.reached["changes forgotten"] += 1
    if run:
        world.go()


def forget_an_echo(world: SandboxWorld, at: int, choices: tuple[int, int]) -> None:
    """Our write never came back from the feed; somebody chooses the same value later."""
    human = world.known(at)
    name = "job_title"
    if human is None or name in world.absent[human.entity]:
        return
    world.settle()
    other_value = world.scene.other_value
    ours = other_value(name, choices[0], human.cells[name].agreed[Side.MARKETO])
    world.change(human, Side.DYNAMICS, name, ours)
    world.go()
    world.box.forget_changes()
    world.go()
    for value in (other_value(name, choices[1], ours), ours):
        world.change(human, Side.MARKETO, name, value)
        world.go()
    world.reached["echo forgotten"] += 1


def wait(world: SandboxWorld, hours: float) -> None:
    """Nobody does anything."""
    world.silent += hours
    if not world.slow or world.silent < _TOO_LATE:
        world.clock.advance(hours * _HOUR)


def tick(world: SandboxWorld, seconds: float) -> None:
    """A little time passes, or none: what is done next has the same stamp, or the next one."""
    # Invariant 15.
    world.clock.advance(seconds)


def drift(world: SandboxWorld, side: Side, seconds: float) -> None:
    """The clock of one system runs ahead of all others."""
    # Invariant 28.
    world.skews[side].ahead += seconds
    world.reached[f"clock of {side.label} drifts"] += 1


def undelete(world: SandboxWorld, at: int) -> None:
    """Somebody brings a deleted record back (A7)."""
    human = world.pick(at)
    if human.gone == {Side.DYNAMICS} and human.guid is not None:
        world.org.undelete(human.entity, RecordId(human.guid))
        human.gone.clear()
        there = world.held(human, Side.DYNAMICS) or {}
        for name, cell in human.cells.items():
            if cell.backfill and name in there:
                # A column that is new since the delete holds nothing of it.
                cell.now[Side.DYNAMICS] = there[name]
                cell.history.append(there[name])
        world.unclean()
        world.reached["seen again after a delete"] += 1


def delete_for_a_while(world: SandboxWorld, at: int, side: Side, edit: tuple[str, Value]) -> None:
    """A record is deleted, and comes back after the engine has seen that."""
    delete_in_dynamics(world, at)
    world.go()
    if side is Side.MARKETO:
        world.change(world.pick(at), side, *edit)
    undelete(world, at)
    if side is Side.DYNAMICS:
        world.change(world.pick(at), side, *edit)


def _fast(world: SandboxWorld) -> bool:
    return not world.slow


_YES_OR_NO: Final = OneOf((False, True))

FEEDS: Final[tuple[Action[SandboxWorld], ...]] = (
    action(hold_back_feed),
    action(
        late_rows,
        allowed=lambda world: not world.held_back,
        at=HUMANS,
        names=Together((NAMES, NAMES)),
        choices=Together((CHOICES, CHOICES)),
    ),
    action(feed_manners, repeats=Span(0, 3), empty=OneOf((0, 0, 2))),
    action(expire, run=_YES_OR_NO),
    action(forget_changes, allowed=_fast, run=_YES_OR_NO),
    action(
        forget_an_echo, allowed=_fast, modes=CALM, at=HUMANS, choices=Together((CHOICES, CHOICES))
    ),
    action(wait, hours=OneOf((0.2, 2, 30))),
    action(tick, seconds=OneOf((0.3, 1, 61))),
    action(drift, side=SIDES, seconds=OneOf((1.5, 90, 4000))),
    action(undelete, at=HUMANS),
    action(delete_for_a_while, at=HUMANS, side=SIDES, edit=EDITS),
)
