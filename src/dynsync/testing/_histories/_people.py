"""Two systems and the people who edit in them, as those see it who know nothing of the sync."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, cast

from dynsync.memory import MemoryStore
from dynsync.records import RecordId, Side, Value, Wire
from dynsync.sandbox import SandboxClock
from dynsync.terms import HoldMode, OnMarketoDelete
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._scene import Scene
from dynsync.testing._histories._systems import DynamicsSystem, MarketoSystem

__all__ = ["MOST", "People"]

MOST: Final = 6
"""How many humans there are at most: few, so that steps meet on the same record."""


class People:
    """
    The systems, what the engine remembers, and the humans as the model has them.

    *unreadable* and *withheld* are what the sync user may not do with the secured field.
    *held_back*: Marketo's feed says nothing at the moment; *slow*: some of it is still to come,
    or an edit that we may have overwritten is still to be found in it. *silent* counts the hours
    since then: the engine gives up on what comes a day late. *deaf* after a run that did not end
    well: what it wrote it may not have heard of. *absent* are the fields, by entity,
    whose columns are gone. *hold* and *on_marketo_delete* are what the sync is told, for the
    whole of a history. *wrong* says what was written that must not be. *reached* counts
    the paths that histories went.
    """

    def __init__(
        self,
        scene: Scene,
        systems: tuple[MarketoSystem, DynamicsSystem],
        clock: SandboxClock,
        reached: Counter[str],
    ) -> None:
        self.scene = scene
        self.maps = dict(scene.maps)
        self.marketo, self.dynamics = systems
        self.clock = clock
        self.reached = reached
        self.store = MemoryStore()
        self.humans: list[Human] = []
        self.withheld = False
        self.unreadable = False
        self.held_back = False
        self.slow = False
        self.silent = 0.0
        self.deaf = False
        self.absent: dict[str, set[str]] = {entity: set() for entity in scene.maps}
        self.secrets: list[str] = []
        self.made_up = 0
        self.wrong: list[str] = []
        self.hold: HoldMode = "field"
        self.on_marketo_delete: OnMarketoDelete = "recreate"

    def system(self, side: Side) -> MarketoSystem | DynamicsSystem:
        """Return one of the two."""
        return self.marketo if side is Side.MARKETO else self.dynamics

    def wires(self, entity: str, side: Side, values: Mapping[str, Value]) -> dict[str, Wire]:
        """Return *values* as *side* takes them, under its own names."""
        names = {name: self.maps[entity].field(name).names[side] for name in values}
        write = self.scene.write
        return {names[n]: write(entity, n, side, value) for n, value in values.items()}

    def make_in_dynamics(self, entity: str, values: Mapping[str, Value]) -> None:
        """Make a record in Dynamics, which is to become a person."""
        values = {n: v for n, v in values.items() if n in self.present(entity)}
        blank = self.scene.blank[entity].dynamics
        table = self.maps[entity].tables.dynamics
        held = {**blank, **self.wires(entity, Side.DYNAMICS, values)}
        human = Human(self.scene, entity, None, self.dynamics.create(table, held))
        for name, value in values.items():
            human.cells[name].settle(value, value)
        self.humans.append(human)

    def present(self, entity: str) -> tuple[str, ...]:
        """Return the fields of *entity* that have their columns on both sides."""
        return tuple(n for n in self.scene.fields(entity) if n not in self.absent[entity])

    def pick(self, at: int) -> Human:
        """Return one of the humans; where nobody is left, somebody new."""
        if not self.humans:
            self.make_in_dynamics(next(iter(self.maps)), self.scene.born[-1])
        return self.humans[at % len(self.humans)]

    def known(self, at: int) -> Human | None:
        """Return one of the humans if it is in both systems."""
        human = self.pick(at)
        if human.waiting or human.gone:
            return None
        if human.person is None:
            self.learn_ids(human)
        return human if human.person is not None and human.guid is not None else None

    def one_of_each(self, at: int) -> list[Human]:
        """Return a human that is in both systems, and one of each other entity if there is one."""
        found: dict[str, Human] = {}
        for step in range(len(self.humans)):
            human = self.known(at + step)
            if human is not None:
                found.setdefault(human.entity, human)
        return list(found.values())

    def holders(self, human: Human) -> list[RecordId]:
        """Return the people who hold the id of a human's Dynamics record."""
        entity_map = self.maps[human.entity]
        people = self.marketo.rows(entity_map.tables.marketo)
        return [id_ for id_, p in people.items() if p.get(entity_map.link_field) == human.guid]

    def learn_ids(self, human: Human) -> None:
        """Learn the other half of a human from what the systems hold, not from the engine."""
        whole = human.guid is not None and human.person is not None
        if human.guid is None and human.person is not None:
            person = self.row(human, Side.MARKETO) or {}
            held = person.get(self.maps[human.entity].link_field)
            human.guid = RecordId(str(held)) if held else None
        elif human.person is None and len(holders := self.holders(human)) == 1:
            human.person = holders[0]
        if not whole and human.guid is not None and human.person is not None:
            human.unheard = self.deaf

    def row(self, human: Human, side: Side) -> Mapping[str, Wire] | None:
        """Return all that *side* holds of a human; None if it is not there."""
        id_ = human.person if side is Side.MARKETO else human.guid
        table = self.maps[human.entity].tables[side]
        return None if id_ is None else self.system(side).row(table, id_)

    def held(
        self, human: Human, side: Side, of: Collection[str] | None = None
    ) -> Mapping[str, Value] | None:
        """
        Return what *side* truly holds of a human, by field; None if it is not there.

        *of* what has its column there, by default of all that has one on both sides.
        """
        values = self.row(human, side)
        if values is None:
            return None
        entity, read = human.entity, self.scene.read
        fields = self.present(entity) if of is None else of
        names = {name: self.maps[entity].field(name).names[side] for name in fields}
        if of is not None:
            names = {name: at for name, at in names.items() if at in values}
        return {name: read(entity, name, side, values[at]) for name, at in names.items()}

    def change(self, human: Human, side: Side, name: str, value: Value) -> bool:
        """Have somebody edit one field; return whether that changed anything."""
        before = self.held(human, side)
        scene = self.scene
        if before is None or name not in before:
            return False
        if side is Side.DYNAMICS and scene.refused(name, value):
            return False
        id_ = human.person if side is Side.MARKETO else human.guid
        if id_ is not None:
            table = self.maps[human.entity].tables[side]
            self.system(side).edit(table, id_, self.wires(human.entity, side, {name: value}))
        if side is Side.DYNAMICS:
            value = scene.normal(name, value)
        if scene.same(name, before[name], value):
            if value != before[name] and human.cells[name].risky:
                # In other letters it is an edit all the same, later than one that we overwrote.
                human.cells[name].muddled = True
            return False
        self.note_edit(human, side, name, value)
        return True

    def note_edit(self, human: Human, side: Side, name: str, value: Value) -> None:
        """Note that somebody has edited one field."""
        cell = human.cells[name]
        readable = name != self.scene.secured or not self.unreadable
        if readable and side is Side.DYNAMICS and Side.MARKETO in human.gone:
            # An edit that is taken back again is none, and what was never read has no base. Of
            # what was entered in Marketo, Dynamics may have made something else before.
            old = (cell.agreed[Side.DYNAMICS], *cell.history)
            old += tuple(self.scene.normal(name, one) for one in old)
            new = not any(self.scene.same(name, value, one) for one in old)
            # Before the delete is heard of, it may give way to an edit that was to be told.
            new = new and not (self.slow and Side.MARKETO in cell.edited)
            human.new_since_gone[name] = new and name not in human.unread
        cell.edit(side, value, unheard=self.slow and side is Side.MARKETO)
        if human.unheard and not value:
            # Emptied in what was made, it cannot be told from what was never sent there.
            cell.blurred = True

    def is_held(self, human: Human) -> bool:
        """Return whether a value that Dynamics refuses holds the whole record of a human."""
        here, there = self.held(human, Side.MARKETO), self.held(human, Side.DYNAMICS)
        if self.hold == "field" or here is None:
            return False
        return any(
            self.scene.refused(name, value)
            and (there is None or not self.scene.same(name, value, there[name]))
            for name, value in here.items()
        )

    def hidden(self, human: Human, name: str) -> bool:
        """Return whether a field takes no part at the moment, so that nothing is owed for it."""
        return name in self.absent[human.entity] or (name == self.scene.secured and self.unreadable)

    def leave_out(self, entity: str, name: str) -> None:
        """Note that a field of *entity* takes no part any more, whatever was edited in it."""
        self.absent[entity].add(name)
        for human in self.humans:
            if human.entity == entity:
                human.new_since_gone.pop(name, None)

    def forgotten(self, human: Human, name: str) -> bool:
        """
        Return whether a run forgot what it had read of a field that it might not read any more.

        One that died before it did knows the field as ever, should it take part again.
        """
        layout = self.store.get(f"layout:{human.entity}")
        return layout is not None and name not in cast("list[str]", json.loads(layout))

    def backfill(self, human: Human, name: str) -> None:
        """Note that a field takes part again: what the two hold now meets anew (R81)."""
        cell = human.cells[name]
        self.learn_ids(human)
        cell.edited = set(Side)
        cell.backfill = True
        human.unread.add(name)
        if not human.gone:
            # Of what is gone the model knows what was edited, not what it held in the end.
            cell.risky = cell.muddled = False
        for side in Side:
            held = self.held(human, side)
            if held is not None:
                cell.now[side] = held[name]
                cell.history.append(held[name])
        if human.person is None or human.guid is None:
            # What is yet to be made will be made of what the other side holds.
            there = Side.MARKETO if human.guid is None else Side.DYNAMICS
            value = cell.now[there]
            taken = there is Side.DYNAMICS or not self.scene.refused(name, value)
            cell.now[there.other] = value if taken else None
            if self.deaf:
                # Or it was made without it, and nobody has heard of that yet.
                cell.risky = True
                cell.history.append(cell.agreed[there.other])
