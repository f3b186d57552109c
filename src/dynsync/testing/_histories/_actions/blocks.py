"""Fields whose updates somebody blocks in Marketo: it answers, and does nothing (R23)."""

from __future__ import annotations

from typing import Final

from dynsync.records import Side
from dynsync.reports import Report
from dynsync.testing._histories._actions.overwrites import news
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    HUMANS,
    NAMES,
    Action,
    OneOf,
    action,
)
from dynsync.testing._histories._model import Cell, Human
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["BLOCKS", "is_held"]

_OPEN: Final = ("nothing", "edited in Marketo", "edited in Dynamics", "another in Marketo")
"""What happens while a field is blocked."""
_PAUSE: Final = 90_000
"""Seconds after which what was swallowed is tried again."""


def block_updates(
    world: SandboxWorld,
    at: int,
    name: str,
    choice: int,
    later: int,
    again: bool,
    meanwhile: str,
) -> None:
    """Somebody blocks a field in Marketo: what we write is swallowed, told, and told later."""
    # Invariants 4, 33.
    humans = [human for human, _ in news(world, at, Side.MARKETO, name, choice)]
    kept = {human.entity: (world.held(human, Side.MARKETO) or {})[name] for human in humans}
    # What is empty, or no, may be written once; and what collides is perhaps not written at all.
    humans = [one for one in humans if kept[one.entity] and _is_news(one.cells[name])]
    humans = [one for one in humans if not world.is_held(one)]
    if not humans:
        return
    native = world.maps[humans[0].entity].field(name).names.marketo
    world.box.block_updates(native)
    world.go()
    for pause in (0, _PAUSE)[: 1 + again]:
        world.clock.advance(pause)
        report = world.go()
        assert report is not None, "a crash that nobody had planned"
        for human in humans:
            held = world.held(human, Side.MARKETO)
            assert held is not None, "gone from Marketo"
            assert world.scene.same(name, held[name], kept[human.entity]), "blocked, and written"
            assert is_held(report, human, name), "swallowed, and not told"
    for human in humans:
        # Nothing of it has arrived, as both sides know: what is edited now meets it.
        human.cells[name].risky = False
        world.reached[f"swallowed {human.entity}"] += 1
        _meanwhile(world, human, name, later, meanwhile)
    world.go()
    world.box.unblock_updates(native)
    world.settle()


def _is_news(cell: Cell) -> bool:
    return cell.edited == {Side.DYNAMICS} and not (cell.muddled or cell.blurred)


def is_held(report: Report, human: Human, name: str) -> bool:
    """Return whether *report* says that a field of a human is held."""
    mine = [one for one in report.notable if one.ids.dynamics == human.guid]
    return any(name in one.held for one in mine)


def _meanwhile(world: SandboxWorld, human: Human, name: str, later: int, what: str) -> None:
    """Have something edited while the field is blocked."""
    if what == _OPEN[0]:
        return
    side = Side.DYNAMICS if what == _OPEN[2] else Side.MARKETO
    if what == _OPEN[3]:
        name = next(one for one in world.present(human.entity) if one != name)
        if name == world.scene.secured and (world.unreadable or world.withheld):
            return
    value = world.scene.other_value(name, later, *human.cells[name].now.values())
    if world.change(human, side, name, value):
        world.reached[f"{what} while blocked"] += 1


BLOCKS: Final[tuple[Action[SandboxWorld], ...]] = (
    action(
        block_updates,
        modes=CALM,
        at=HUMANS,
        name=NAMES,
        choice=CHOICES,
        later=CHOICES,
        again=OneOf((False, True)),
        meanwhile=OneOf(_OPEN),
    ),
)
"""Updates that are blocked."""
