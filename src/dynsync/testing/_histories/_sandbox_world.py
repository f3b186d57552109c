"""The simulator's own world: the two sandbox systems, and all that can be amiss with them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

import attrs
from typing_extensions import override

from dynsync.records import Side, Value, Wire
from dynsync.sandbox import (
    CONTACT_COLUMNS,
    LEAD_COLUMNS,
    NO_LIMITS,
    PERSON_COLUMNS,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
)
from dynsync.schemas import Access, Column
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE, rule_of_dynamics
from dynsync.testing._histories._systems import MarketoSide
from dynsync.testing._histories._world import World

__all__ = ["EVERYTHING", "SandboxWorld", "SkewedClock"]

EVERYTHING: Final = Access.READ | Access.CREATE | Access.UPDATE

_SYSTEM: Final = frozenset(
    {"leadid", "contactid", "versionnumber", "modifiedon", "modifiedby", "createdon"}
    | {"statecode", "statuscode", "ownerid", "lastname", "id", "lastName", "updatedAt"}
)


def _needed(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that take part: to describe sixty more takes half of a run's time."""
    maps = SANDBOX_SCENE.maps.values()
    fields = [field for m in maps for field in (*m.fields, *m.stamps())]
    mapped = {name for field in fields for name in field.names} | _SYSTEM
    return [column for column in columns if column.name in mapped]


_PEOPLE: Final = _needed(PERSON_COLUMNS)
_TABLES: Final[Mapping[str, list[Column]]] = {
    "lead": _needed(LEAD_COLUMNS),
    "contact": _needed(CONTACT_COLUMNS),
}


Reaction: TypeAlias = Callable[[Wire], Wire]
"""What an automation makes of a value."""


class SkewedClock:
    """A clock that is *ahead* of another by some seconds, or behind it."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self.ahead = 0.0

    def now(self) -> dt.datetime:
        """Return the time as this clock shows it."""
        return self._clock.now() + dt.timedelta(seconds=self.ahead)

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass, by every clock."""
        self._clock.sleep(seconds)


class SandboxWorld(World):
    """
    A world of two sandbox systems, which can do more than a host's.

    *skews* are by how much the clock of each side is wrong.
    """

    def __init__(self, reached: Counter[str] | None = None) -> None:
        clock = SandboxClock()
        self.skews = {side: SkewedClock(clock) for side in Side}
        self.box = SandboxMarketo(clock=self.skews[Side.MARKETO], limits=NO_LIMITS, columns=_PEOPLE)
        self.org = SandboxDynamics(
            clock=self.skews[Side.DYNAMICS], limits=NO_LIMITS, tables=_TABLES
        )
        self._reactions: dict[tuple[tuple[str, str], str], Reaction] = {}
        self._automated: set[tuple[str, str]] = set()
        self._lost: dict[tuple[Side, str, str], Column] = {}
        for table in SANDBOX_SCENE.maps:
            self.org.add_rule(table, rule_of_dynamics)
        systems = (MarketoSide(self.box), self.org)
        super().__init__(SANDBOX_SCENE, systems, clock, Counter() if reached is None else reached)

    @override
    def calm(self) -> None:
        """Let every fault end, and the feed say all that it has kept to itself."""
        self.box.release()
        self.box.lag(0)
        super().calm()

    def secure(self, access: Access) -> None:
        """Let the sync user do no more than *access* with the secured field."""
        for entity, entity_map in self.maps.items():
            native = entity_map.field(self.scene.secured or "").names.dynamics
            self.org.secure(entity, native, access)

    def show(self, entity: str, name: str, *, as_: str | None = None) -> None:
        """Bring a column back that was deleted, in Dynamics perhaps under another name."""
        here = self._lost.pop((Side.MARKETO, "", name), None)
        there = self._lost.pop((Side.DYNAMICS, entity, name), None)
        if here is not None:
            self.box.add_column(here)
        if there is not None:
            self.org.add_column(entity, attrs.evolve(there, name=as_ or there.name))

    def hide(self, side: Side, entity: str, name: str) -> Column:
        """Delete a column, and return what it was like."""
        native = self.maps[entity].field(name).names[side]
        if side is Side.MARKETO:
            (column,) = (one for one in _PEOPLE if one.name == native)
            self.box.drop_column(native)
            self._lost[side, "", name] = column
        else:
            column = self.org.store.table(entity).columns[native]
            self.org.drop_column(entity, native)
            self._lost[side, entity, name] = column
        return column

    def edit_as(self, human: Human, side: Side, name: str, value: Value, who: str) -> None:
        """Have *who* edit a field."""
        if side is Side.DYNAMICS:
            self.change(human, side, name, value)
            return
        held = self.held(human, Side.MARKETO)
        if human.person is None or held is None:
            return
        self.box.edit(human.person, self.wires(human.entity, Side.MARKETO, {name: value}), by=who)
        if not self.scene.same(name, held[name], value):
            self.note_edit(human, Side.MARKETO, name, value)

    def automate(self, human: Human, side: Side, name: str, react: Reaction | None) -> None:
        """Have *react* set a field of a human as soon as it has changed on *side*, once."""
        id_ = human.person if side is Side.MARKETO else human.guid
        native = self.maps[human.entity].field(name).names[side]
        place = (human.entity if side is Side.DYNAMICS else "", native)
        if react is None or id_ is None:
            self._reactions.pop((place, str(id_)), None)
            return
        self._reactions[place, str(id_)] = react
        if place in self._automated:
            return
        self._automated.add(place)
        key = f"{human.entity}id" if side is Side.DYNAMICS else "id"

        def automation(values: Mapping[str, Wire]) -> Mapping[str, Wire]:
            reaction = self._reactions.pop((place, str(values[key])), None)
            return {} if reaction is None else {native: reaction(values[native])}

        if side is Side.MARKETO:
            self.box.when_changed(native, automation)
        else:
            self.org.when_changed(human.entity, native, automation)
