"""People and records that were made apart, and are one by what both hold (A28)."""

from __future__ import annotations

from typing import Final

import attrs

from dynsync.fields import Match
from dynsync.outcomes import OutcomeKind
from dynsync.records import RecordId, Side, Value
from dynsync.testing._histories._draws import CALM, ENTITIES, Action, OneOf, action
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._people import MOST
from dynsync.testing._histories._sandbox_world import SandboxWorld

__all__ = ["MEETINGS"]

_FIELD: Final = "email"
_ALSO: Final = ("nobody", "another person", "another record")
"""Who holds the same address at first."""


def meet(world: SandboxWorld, entity: str, also: str) -> None:
    """A person and a record hold one address, and are linked by it; others with it are not."""
    # Invariant 27.
    if world.unreadable or world.withheld:
        return
    world.settle()
    plain = world.maps[entity]
    world.maps[entity] = attrs.evolve(plain, match=Match(_FIELD))
    world.made_up += 1
    address = f"meets-{world.made_up}@example.org"
    human = _apart(world, entity, address)
    if also != _ALSO[0]:
        _ambiguous(world, human, Side.MARKETO if also == _ALSO[1] else Side.DYNAMICS, address)
    world.settle()
    world.maps[entity] = plain
    world.reached[f"met, and {also} had the address"] += 1


def _apart(world: SandboxWorld, entity: str, address: str) -> Human:
    """Make a person and a record of one human, who agree on the address alone."""
    here: dict[str, Value] = {_FIELD: address, "first_name": "Bo"}
    there: dict[str, Value] = {_FIELD: address.upper(), "first_name": "Ada", "job_title": "clerk"}
    there = {name: value for name, value in there.items() if name in world.present(entity)}
    person = _make(world, entity, Side.MARKETO, here)
    guid = _make(world, entity, Side.DYNAMICS, there)
    human = Human(world.scene, entity, person, guid)
    human.cells[_FIELD].settle(address, address.upper())
    for side, held in zip(Side, (here, there), strict=True):
        for name, value in held.items():
            if name != _FIELD:
                human.cells[name].edit(side, value)
    world.humans.append(human)
    return human


def _make(world: SandboxWorld, entity: str, side: Side, values: dict[str, Value]) -> RecordId:
    held = {**world.scene.blank[entity][side], **world.wires(entity, side, values)}
    return world.system(side).create(world.maps[entity].tables[side], held)


def _ambiguous(world: SandboxWorld, human: Human, side: Side, address: str) -> None:
    """Have somebody else on *side* hold the address for a while: then nobody can say who is who."""
    other = _make(world, human.entity, side, {_FIELD: address})
    report = world.go()
    assert report is not None, "a crash that nobody had planned"
    assert report.count(OutcomeKind.AMBIGUOUS, human.entity), "ambiguous, and nobody was told"
    assert not world.holders(human), "linked though it is ambiguous"
    world.system(side).delete(world.maps[human.entity].tables[side], other)


def _room(world: SandboxWorld) -> bool:
    return len(world.humans) < MOST


MEETINGS: Final[tuple[Action[SandboxWorld], ...]] = (
    action(meet, allowed=_room, modes=CALM, entity=ENTITIES, also=OneOf(_ALSO)),
)
"""How they find each other."""
