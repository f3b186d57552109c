"""A small world for tests of the engine: two sandbox systems, a clock, a store and a sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.recorder import ActivityRecorder, MemoryRecorder
from dynsync.records import RecordId, Wire
from dynsync.reports import Report
from dynsync.sandbox import NO_LIMITS, Faults, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.state import StateStore
from dynsync.sync import Sync

__all__ = ["CYCLE", "World", "before"]

CYCLE: Final = 300.0
"""Seconds from one cycle of the tests to the next."""

_LINK_FIELDS: Final = {"lead": "crmLeadId", "contact": "crmContactId"}


class World:
    """
    The two systems, and a sync between them whose settings may be changed at any time.

    `cycle` lets five minutes pass and runs. *recorder* holds all that was ever told.
    """

    def __init__(
        self,
        *maps: EntityMap,
        store: StateStore | None = None,
        clock: SandboxClock | None = None,
        marketo: SandboxMarketo | None = None,
        dynamics: SandboxDynamics | None = None,
    ) -> None:
        self.clock = clock or SandboxClock()
        self.marketo = marketo or SandboxMarketo(clock=self.clock, limits=NO_LIMITS)
        self.dynamics = dynamics or SandboxDynamics(clock=self.clock, limits=NO_LIMITS)
        self.store = store or MemoryStore()
        self.recorder = MemoryRecorder()
        self.sync = Sync(
            marketo=self.marketo.connector(),
            dynamics=self.dynamics.connector(),
            maps=maps or (LEAD, CONTACT),
            store=self.store,
            recorders=(self.recorder, ActivityRecorder(self.marketo.connector())),
            clock=self.clock,
        )

    # -- what people do

    def lead(self, **values: Wire) -> RecordId:
        """Make a lead in Dynamics."""
        return self.dynamics.create("lead", {"lastname": "Lee", **values})

    def contact(self, **values: Wire) -> RecordId:
        """Make a contact in Dynamics."""
        return self.dynamics.create("contact", {"lastname": "Kay", **values})

    def linked(self, table: str, **values: Wire) -> tuple[RecordId, RecordId]:
        """Make a Dynamics row, let it come over, and return its person's id and its own."""
        row = self.dynamics.create(table, {"lastname": "Lee", **values})
        self.settled()
        return self.person_of(row), row

    def meanwhile(self, person: RecordId, *edits: Mapping[str, Wire]) -> None:
        """Have somebody edit a person in Marketo right before our next write there."""

        def act() -> None:
            for values in edits:
                self.marketo.edit(person, values)

        before(self.marketo.faults, "write", act)

    # -- cycles

    def cycle(self, seconds: float = CYCLE) -> Report:
        """Let five minutes pass, and run."""
        self.clock.advance(seconds)
        return self.sync.run()

    def settled(self, most: int = 8) -> int:
        """
        Run until nothing is written any more, and return how many cycles that took.

        Two quiet cycles in a row: what is learned in one may be sent in the next.
        """
        quiet = 0
        for cycles in range(1, most + 3):
            report = self.cycle()
            quiet = 0 if report.writes.total() or report.failures else quiet + 1
            if quiet == 2:
                return cycles - 2
        raise AssertionError(f"still writing after {most} cycles")

    # -- what there is

    def people_of(self, row: RecordId) -> list[RecordId]:
        """Return the ids of the people who hold the id of a Dynamics row."""
        names = _LINK_FIELDS.values()
        return [
            id_
            for id_, values in self.marketo.people()
            if row in [str(values[name]).lower() for name in names]
        ]

    def person_of(self, row: RecordId) -> RecordId:
        """Return the id of the one person of a Dynamics row."""
        (person,) = self.people_of(row)
        return person

    def person(self, id_: RecordId) -> dict[str, Wire]:
        """Return a person's values."""
        values = self.marketo.person(id_)
        assert values is not None
        return values

    def row(self, table: str, id_: RecordId) -> dict[str, Wire]:
        """Return a row's true values."""
        values = self.dynamics.row(table, id_)
        assert values is not None
        return values

    def both(self, person: RecordId, table: str, row: RecordId, field: str) -> tuple[Wire, Wire]:
        """Return what the two systems hold in one field, by its name in the maps."""
        for entity_map in self.sync.maps:
            if entity_map.entity == table:
                names = entity_map.field(field).names
                here, there = self.person(person), self.row(table, row)
                return here[names.marketo], there[names.dynamics]
        raise KeyError(table)

    def lines(self, person: RecordId) -> list[str]:
        """Return the texts in a person's activity log."""
        return [line.text for line in self.marketo.activity_log(person)]


def before(faults: Faults, operation: str, *actions: Callable[[], None]) -> None:
    """Have somebody do one of *actions* right before each of the next calls of *operation*."""
    waiting = list(actions)

    def hook(called: str, _: int) -> None:
        if called == operation and waiting:
            waiting.pop(0)()

    faults.hook = hook
