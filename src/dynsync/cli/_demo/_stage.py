"""The stage of the story: two pretend systems, a sync between them, and somebody who checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterable
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import attrs
from attrs import Factory
from rich.console import Console

from dynsync.cli._console import show_table, shown, tick
from dynsync.cli._demo._ways import InProcess, OpenWay, Way
from dynsync.fields import Match
from dynsync.maps import CONTACT, LEAD
from dynsync.recorder import ActivityRecorder
from dynsync.records import Entity, RecordId, Side, Wire
from dynsync.reports import Report
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.schedule import DELAY
from dynsync.sqlite import SqliteStore
from dynsync.sync import Sync

__all__ = ["FILES", "Cell", "Stage", "staged"]


class _Files(NamedTuple):
    marketo: str
    dynamics: str
    state: str


FILES: Final = _Files("marketo.sandbox", "dynamics.sandbox", "dynsync.state")
"""What the systems and the state are called in the folder of the story."""


@attrs.frozen
class Cell:
    """One field of one record, in both systems' names; *who* is for the reader."""

    who: str
    entity: Entity
    dynamics: RecordId
    columns: tuple[str, str]


@attrs.define
class Stage:
    """
    Where the story happens.

    *way* is how the sync gets to the systems. *leads* and *contacts* are the ids in Dynamics.
    *broken* are the claims that were false.
    """

    marketo: SandboxMarketo
    dynamics: SandboxDynamics
    way: Way
    clock: SandboxClock
    state: Path
    store: SqliteStore
    console: Console
    leads: list[RecordId] = Factory(list[RecordId])
    contacts: list[RecordId] = Factory(list[RecordId])
    broken: list[str] = Factory(list[str])
    claims: int = 0

    @property
    def sync(self) -> Sync:
        """Return the sync as a host would put it together."""
        marketo, dynamics = self.way.connectors()
        return Sync(
            marketo=marketo,
            dynamics=dynamics,
            maps=(LEAD, attrs.evolve(CONTACT, match=Match("email"))),
            store=self.store,
            clock=self.clock,
            recorders=[ActivityRecorder(marketo)],
        )

    def begin_again(self) -> None:
        """Do what a new process does: open the state anew, and know nothing else."""
        self.way.forget()
        self.store.close()
        self.store = SqliteStore(self.state, owner="dynsync demo")

    def cycle(self) -> Report:
        """Let five minutes pass and do a cycle."""
        self.clock.advance(DELAY)
        report = self.sync.run()
        writes = ", ".join(f"{report.writes[side]} to {side.label}" for side in Side)
        self.say(f"Five minutes pass. R{str(report)[1:]} ({writes}).")
        return report

    # -- looking

    def person_of(self, entity: Entity, dynamics: RecordId) -> RecordId:
        """Return the person that a Dynamics record is linked to."""
        link = self.store.link_of(Side.DYNAMICS, dynamics, entity)
        if link is None:
            raise LookupError(f"the {entity} is linked to nobody")
        return link.ids.marketo

    def values(self, cell: Cell) -> tuple[Wire, Wire]:
        """Return what Marketo and Dynamics really hold."""
        person = self.marketo.person(self.person_of(cell.entity, cell.dynamics)) or {}
        row = self.dynamics.row(cell.entity, cell.dynamics) or {}
        here, there = cell.columns
        return person[here], row[there]

    # -- telling

    def say(self, text: str) -> None:
        """Tell a sentence."""
        self.console.print(text)

    def show(self, cells: Iterable[Cell]) -> None:
        """Show what both systems hold."""
        rows: list[list[str]] = []
        for cell in cells:
            here, there = map(shown, self.values(cell))
            rows.append([cell.who, cell.columns[0], here, there])
        show_table(["who", "field", "Marketo holds", "Dynamics holds"], rows, console=self.console)

    def claim(self, text: str, *, true: bool) -> None:
        """Say that something holds, having looked whether it does."""
        self.claims += 1
        if true:
            self.console.print(f"  {tick(self.console, true=True)} {text}", style="green")
        else:
            self.broken.append(text)
            self.console.print(f"  {tick(self.console, true=False)} {text}", style="bold red")


@contextmanager
def staged(
    folder: Path, console: Console, start: dt.datetime, way: OpenWay = InProcess.opened
) -> Generator[Stage]:
    """Set up the stage in *folder*, its clock beginning at *start*."""
    clock = SandboxClock(start)
    with ExitStack() as stack:
        marketo = stack.enter_context(SandboxMarketo(folder / FILES.marketo, clock=clock))
        dynamics = stack.enter_context(SandboxDynamics(folder / FILES.dynamics, clock=clock))
        state = folder / FILES.state
        store = SqliteStore(state, owner="dynsync demo")
        opened = stack.enter_context(way(marketo, dynamics, clock))
        stage = Stage(marketo, dynamics, opened, clock, state, store, console)
        with closing(_Current(stage)):
            yield stage


@attrs.frozen
class _Current:
    """Closes the store that the stage has by then."""

    stage: Stage

    def close(self) -> None:
        self.stage.store.close()
