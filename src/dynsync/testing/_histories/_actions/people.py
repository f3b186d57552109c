"""What people do in a history: they make, edit, push and delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dynsync.records import Side, Value
from dynsync.sync import When
from dynsync.testing._histories._draws import (
    CALM,
    CHOICES,
    EDITS,
    ENTITIES,
    HUMANS,
    NAMES,
    SIDES,
    Action,
    OneOf,
    OneOfScene,
    Shuffled,
    Span,
    Together,
    action,
)
from dynsync.testing._histories._people import MOST
from dynsync.testing._histories._world import World

__all__ = ["PEOPLE", "delete_in_dynamics"]

OneEdit = tuple[str, Value]


def new_in_dynamics(world: World, entity: str) -> None:
    """Somebody makes a record in Dynamics."""
    world.make_in_dynamics(entity, world.scene.born[-1])


def push(world: World, entity: str, whens: Sequence[When], count: int) -> None:
    """Somebody pushes one person, or several at a time."""
    count = min(count, MOST - len(world.humans))
    for number in range(count):
        world.ask_for(entity, whens[number % len(whens)])
    world.reached["several pushed"] += count > 1


def push_later(world: World, entity: str) -> None:
    """Somebody has a person pushed with the next cycle."""
    world.ask_later(entity)


def edit(world: World, at: int, side: Side, edit: OneEdit) -> None:
    """Somebody edits a field on one side."""
    world.change(world.pick(at), side, *edit)


def edit_both(world: World, at: int, edit: OneEdit, other: OneEdit) -> None:
    """Both sides are edited, in any two fields."""
    world.change(world.pick(at), Side.MARKETO, *edit)
    world.change(world.pick(at), Side.DYNAMICS, *other)


def collide(world: World, at: int, name: str, choices: tuple[int, int], settle: bool) -> None:
    """Both sides edit the same field."""
    scene = world.scene
    values = scene.values[name]
    here, there = (values[choice % len(values)] for choice in choices)
    if settle:
        world.settle()
    for human in world.one_of_each(at):
        if name not in human.cells:
            continue
        if settle:
            agreed = human.cells[name].agreed.values()
            here = scene.other_value(name, choices[0], *agreed)
            there = scene.other_value(name, choices[1], *agreed, here)
        world.change(human, Side.MARKETO, name, here)
        world.change(human, Side.DYNAMICS, name, there)
    if settle:
        world.settle()


def take_turns(
    world: World, at: int, name: str, first: Side, choices: tuple[int, int], pause: float
) -> None:
    """One side edits a field, and a while later the other: who was last is right."""
    # Invariants 9, 28.
    world.settle()
    for human in world.one_of_each(at):
        if name not in world.present(human.entity):
            continue
        cell = human.cells[name]
        if cell.edited:
            # What waits may be taken back by a turn, to what nobody here knows was agreed on.
            continue
        edited: list[bool] = []
        for side, choice in zip((first, first.other), choices, strict=True):
            held = (*cell.now.values(), *cell.agreed.values())
            value = world.scene.other_value(name, choice, *held)
            edited.append(world.change(human, side, name, value))
            world.clock.advance(pause)
        # Who enters what is there already has not had a turn.
        if not all(edited) or len(cell.moved()) < len(Side) or cell.meets():
            continue
        last = cell.now[first.other]
        world.settle()
        held_now = world.held(human, first) or {}
        if not world.restless and not world.is_held(human) and name in held_now:
            assert world.scene.same(name, held_now[name], last), "the last edit was not right"
            world.reached[f"{first.other.label} was last"] += 1


def take_back_what_was_refused(world: World, at: int, bad: OneEdit) -> None:
    """A value that Dynamics does not take is told and held, until a person mends it."""
    # Invariants 7, 33.
    name, value = bad
    humans = world.one_of_each(at)
    for human in humans:
        world.change(human, Side.MARKETO, name, value)
    world.go()
    for human in humans:
        held = world.held(human, Side.DYNAMICS) or {}
        mended = world.scene.other_value(name, at, held.get(name))
        world.change(human, Side.MARKETO, name, mended)
    world.go()
    world.reached["held value mended"] += len(humans)


def insist(world: World, at: int, loud: OneEdit) -> None:
    """Dynamics writes a value as it likes it; the same is entered in Marketo again."""
    for _ in range(2):
        for human in world.one_of_each(at):
            world.change(human, Side.MARKETO, *loud)
        world.settle()


def resolve_by_hand(world: World, at: int, name: str, side: Side, choices: tuple[int, int]) -> None:
    """What the policy left to a person waits, until a person takes one side's value over."""
    world.settle()
    other_value = world.scene.other_value
    humans = [human for human in world.one_of_each(at) if name in human.cells]
    for human in humans:
        agreed = human.cells[name].agreed[Side.MARKETO]
        one = other_value(name, choices[0], agreed)
        world.change(human, Side.MARKETO, name, one)
        world.change(human, Side.DYNAMICS, name, other_value(name, choices[1], agreed, one))
    world.settle()
    for human in humans:
        before = world.held(human, side.other)
        if before is not None and name in before and human.cells[name].edited:
            world.change(human, side, name, before[name])
            world.reached["collision resolved by a person"] += 1
    world.settle()


def delete_in_dynamics(world: World, at: int) -> None:
    """Somebody deletes a record in Dynamics."""
    # Invariant 18.
    human = world.known(at)
    if human is not None and human.guid is not None:
        there = world.held(human, Side.DYNAMICS)
        assert there is not None, "deleted by nobody"
        for name, value in there.items():
            human.cells[name].leave(value, unheard=world.deaf)
        # What takes no part at the moment goes with it, whatever it is.
        hidden = world.held(human, Side.DYNAMICS, world.absent[human.entity]) or {}
        for name, value in hidden.items():
            human.cells[name].now[Side.DYNAMICS] = value
        world.dynamics.delete(world.maps[human.entity].tables.dynamics, human.guid)
        human.gone.add(Side.DYNAMICS)
        world.reached["deleted in Dynamics"] += 1


def delete_in_marketo(world: World, at: int, edit: OneEdit) -> None:
    """Somebody deletes a person, and perhaps the record is changed afterwards (R46)."""
    # Invariant 18.
    human = world.known(at)
    if human is not None and human.person is not None:
        if human.unheard and world.on_marketo_delete == "suppress":
            # Who is gone before anybody heard of their making was not made, for all that is known.
            return
        world.marketo.delete(world.maps[human.entity].tables.marketo, human.person)
        human.gone.add(Side.MARKETO)
        human.new_since_gone.clear()
        world.reached["deleted in Marketo"] += 1
        world.go()
        world.change(human, Side.DYNAMICS, *edit)


def delete_everywhere(world: World, at: int) -> None:
    """Somebody deletes a person, and somebody else its record: nothing is left of them."""
    human = world.known(at)
    if human is not None and human.person is not None:
        delete_in_dynamics(world, at)
        world.marketo.delete(world.maps[human.entity].tables.marketo, human.person)
        human.gone.add(Side.MARKETO)
        human.new_since_gone.clear()
        world.settle()


def delete_and_push_again(world: World, at: int) -> None:
    """Delete a Dynamics record, let the engine see it, and push its person (R32)."""
    delete_in_dynamics(world, at)
    world.go()
    human = world.pick(at)
    if human.gone != {Side.DYNAMICS} or human.person is None or world.slow:
        return
    person = world.row(human, Side.MARKETO)
    deleted = world.maps[human.entity].deleted_field
    if person is None or deleted is None or person[deleted] is not True:
        return
    answer = world.sync().sync_person(human.person, as_=human.entity)
    assert answer.kind != "exists", "said to be in Dynamics after a delete (R32)"
    if answer.kind == "created":
        world.reached["pushed again after a delete"] += 1
        human.gone.clear()
        human.guid = answer.dynamics
        here, there = world.held(human, Side.MARKETO), world.held(human, Side.DYNAMICS)
        assert here is not None, "pushed from nowhere"
        assert there is not None, "pushed to nowhere"
        for name in here:
            cell = human.cells[name]
            cell.settle(there[name], there[name])
            if not world.scene.same(name, here[name], there[name]):
                cell.edit(Side.MARKETO, here[name])


def _room(world: World) -> bool:
    return len(world.humans) < MOST


_REFUSED: Final = OneOfScene(lambda scene: [*scene.refusable()])
_LOUD: Final = OneOfScene(lambda scene: [*scene.rewritten()])
_MANUAL: Final = OneOfScene(lambda scene: [*scene.left_to_people])
_TIMELY: Final = OneOfScene(lambda scene: [*scene.left_to_time])
_TWO: Final = Together((CHOICES, CHOICES))
_YES_OR_NO: Final = OneOf((False, True))

PEOPLE: Final[tuple[Action[World], ...]] = (
    action(new_in_dynamics, allowed=_room, entity=ENTITIES),
    action(
        push,
        allowed=_room,
        modes=CALM,
        entity=ENTITIES,
        whens=Shuffled(("now", "queued")),
        count=Span(1, 3),
    ),
    action(push_later, allowed=_room, entity=ENTITIES),
    action(edit, at=HUMANS, side=SIDES, edit=EDITS),
    action(edit_both, at=HUMANS, edit=EDITS, other=EDITS),
    action(collide, at=HUMANS, name=NAMES, choices=_TWO, settle=_YES_OR_NO),
    action(
        take_turns,
        allowed=lambda world: bool(world.scene.left_to_time),
        at=HUMANS,
        name=_TIMELY,
        first=SIDES,
        choices=_TWO,
        pause=OneOf((60, 7200)),
    ),
    action(
        take_back_what_was_refused,
        allowed=lambda world: bool(world.scene.refusable()),
        at=HUMANS,
        bad=_REFUSED,
    ),
    action(insist, allowed=lambda world: bool(world.scene.rewritten()), at=HUMANS, loud=_LOUD),
    action(
        resolve_by_hand,
        allowed=lambda world: bool(world.scene.left_to_people),
        at=HUMANS,
        name=_MANUAL,
        side=SIDES,
        choices=_TWO,
    ),
    action(delete_in_dynamics, at=HUMANS),
    action(delete_in_marketo, at=HUMANS, edit=EDITS),
    action(delete_everywhere, at=HUMANS),
    action(delete_and_push_again, modes=CALM, at=HUMANS),
)
