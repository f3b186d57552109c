"""The world of a history: two systems, a sync between them, and what goes wrong with it."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from dynsync.connectors import DynamicsConnector, MarketoConnector
from dynsync.guards import Guards, Limit
from dynsync.memory import MemoryStore
from dynsync.recorder import ActivityRecorder
from dynsync.records import Pair, Side
from dynsync.reports import Report
from dynsync.sandbox import Fault, FaultKind, Faults, SandboxClock, SimulatedCrash
from dynsync.sync import Sync, When
from dynsync.testing._histories._faulty import CallLog, FaultyDynamics, FaultyMarketo
from dynsync.testing._histories._invariants import (
    check_reported,
    check_settled,
    everything,
    look,
    unwritable,
)
from dynsync.testing._histories._model import Human
from dynsync.testing._histories._people import People
from dynsync.testing._histories._scene import Scene
from dynsync.testing._histories._systems import DynamicsSystem, MarketoSystem
from dynsync.writes import Write

__all__ = ["World"]

_LIMIT: Final = Limit(1000, 100)
_ROUNDS: Final = 8
_QUIET: Final = 2
_NOISE: Final = 0.06
"""How many of the calls fail while there is noise."""

_KINDS: Final[tuple[FaultKind, ...]] = (
    "throttled",
    "down",
    "slow",
    "lost_request",
    "lost_response",
    "partial",
    "crash_before",
    "crash_after",
    "cursor_expired",
)


class World(People):
    """
    The systems with a sync between them.

    *faults* go wrong with the calls of each side; *heard*, if it is set, is told each call
    once it was answered; *log* digests them all.
    """

    def __init__(
        self,
        scene: Scene,
        systems: tuple[MarketoSystem, DynamicsSystem],
        clock: SandboxClock,
        reached: Counter[str],
    ) -> None:
        super().__init__(scene, systems, clock, reached)
        self.faults = Pair(Faults(), Faults())
        self.log = CallLog()
        self.heard: Callable[[Side, str], None] | None = None
        self.restless = False
        self._sync: Sync | None = None

    # -- the sync

    def sync(self, store: MemoryStore | None = None) -> Sync:
        """Return the sync of the world, or one of another process over *store*."""
        if store is not None:
            return self._process(store)
        if self._sync is None:
            self._sync = self._process(self.store)
        self._sync.store, self._sync.maps = self.store, tuple(self.maps.values())
        return self._sync

    def _process(self, store: MemoryStore) -> Sync:
        one, two = self.connectors()
        faults, clock, log, look_at = self.faults, self.clock, self.log, self._look_at
        marketo = FaultyMarketo(
            one, faults.marketo, clock, log, after=self._hear(0), before=look_at
        )
        dynamics = FaultyDynamics(
            two, faults.dynamics, clock, log, after=self._hear(1), before=look_at
        )
        return Sync(
            marketo=marketo,
            dynamics=dynamics,
            maps=tuple(self.maps.values()),
            store=store,
            policy=self.scene.policy,
            recorders=(ActivityRecorder(marketo),),
            hold=self.hold,
            on_marketo_delete=self.on_marketo_delete,
            guards=Guards(deletes=_LIMIT, clears=_LIMIT, clock=math.inf, allow_empty=True),
            clock=self.clock,
        )

    def connectors(self) -> tuple[MarketoConnector, DynamicsConnector]:
        """Return the connectors of a new process."""
        return self.marketo.connector(), self.dynamics.connector()

    def _look_at(self, side: Side, table: str, writes: Sequence[Write]) -> None:
        """Note what must not be written, for what is raised here the engine would catch."""
        self.wrong += [why for write in writes for why in unwritable(self, side, table, write)]

    def _hear(self, at: int) -> Callable[[str], None]:
        side = tuple(Side)[at]

        def after(operation: str) -> None:
            if self.heard is not None:
                self.heard(side, operation)

        return after

    def go(self, store: MemoryStore | None = None) -> Report | None:
        """Run once and look at the report; None if the process died of a planned fault."""
        self.unclean()
        try:
            report = self.sync(store).run()
        except SimulatedCrash:
            self.reached["crash in a call"] += store is None
            self.deaf = True
            self.store = self.store.twin()
            # What the connectors of that process knew is gone with it.
            self._sync = None
            return None
        look(self, report)
        return report

    def unclean(self) -> None:
        """Note that a run lies between the edits made so far and those to come."""
        for human in self.humans:
            for cell in human.cells.values():
                cell.risky = cell.risky or bool(cell.edited)

    def ask_later(self, entity: str) -> Human:
        """Make a person who is to be pushed with the next cycle."""
        human = self._asked(entity)
        assert human.person is not None, "made by nobody"
        answer = self.sync().sync_person(human.person, as_=entity, when="queued")
        assert answer.kind == "queued", f"to be queued, and {answer.kind}"
        self.reached[f"push {answer.kind}"] += 1
        return human

    def _asked(self, entity: str) -> Human:
        """Make a person."""
        pushed = {n: v for n, v in self.scene.pushed.items() if n in self.present(entity)}
        blank = self.scene.blank[entity].marketo
        table = self.maps[entity].tables.marketo
        held = {**blank, **self.wires(entity, Side.MARKETO, pushed)}
        person = self.marketo.create(table, held)
        human = Human(self.scene, entity, person, None, waiting=True)
        for name, value in pushed.items():
            human.cells[name].edit(Side.MARKETO, value)
        self.humans.append(human)
        return human

    def ask_for(self, entity: str, when: When) -> None:
        """Make a person, and push it (R26); a second push does nothing (invariant 34)."""
        human = self._asked(entity)
        person = human.person
        assert person is not None, "made by nobody"
        answer = self.sync().sync_person(person, as_=entity, when=when)
        self.reached[f"push {answer.kind}"] += 1
        if answer.kind == "created":
            human.guid, human.waiting = answer.dynamics, False
            for name, value in self.scene.pushed.items():
                if name in self.present(entity):
                    human.cells[name].settle(value, value)
        again = self.sync().sync_person(person, as_=entity)
        assert again.kind in {"exists", "already queued"}, (
            f"pushed twice: {again.kind}: {again.message}"
        )
        self.reached[f"push again {again.kind}"] += 1

    def calm(self) -> None:
        """Let every fault end. A world with more that may be amiss ends that too."""
        self.calm_hooks()
        self.held_back = self.slow = False
        self.silent = 0.0

    def noise(self, seed: int) -> None:
        """
        Have any call fail now and then, by a *seed*; 0 ends that.

        Marketo's feed is not forgotten while some of it is still to come: nobody would ever hear
        of an edit that we overwrote before.
        """
        self.restless = bool(seed)
        chance = random.Random(seed)  # noqa: S311 - the same again is what is asked for

        def hook(side: Side, operation: str, _: int) -> Fault | None:
            if chance.random() < _NOISE:
                kind = chance.choice(_KINDS)
                if kind == "cursor_expired" and side is Side.MARKETO and self.slow:
                    return None
                self.reached[f"fault {kind}"] += 1
                self.reached[f"noise in {operation}"] += 1
                return Fault(kind)
            return None

        for side in Side:
            self.faults[side].hook = partial(hook, side) if seed else None

    def calm_hooks(self) -> None:
        """Let the planned faults end, and what waits for a call."""
        self.heard = None
        for faults in self.faults:
            faults.clear()

    def settle(self) -> None:
        """
        Let all faults end: then everything must settle, and stay so (invariants 1, 2, 3 and 29).

        While there is noise they never end: then this is no more than a run.
        """
        if self.restless:
            self.go()
            return
        self.calm()
        quiet = 0
        for step in range(_ROUNDS):
            self.clock.advance(90_000)
            report = self.sync().run()
            look(self, report)
            if step and not report.records:
                # Invariant 35.
                asked = {what for _, what in report.calls} & {"fetch", "find"}
                assert not asked, "asked for records though nothing had changed"
            quiet = 0 if report.writes.total() or report.failures else quiet + 1
            if quiet == _QUIET:
                break
        check_settled(self)
        before = everything(self)
        self.clock.advance(1)
        report = self.sync().run()
        assert not report.failures
        assert sum(report.writes.values()) == 0, f"a second run wrote: {report}"
        assert everything(self) == before
        check_reported(self, report)

    def close(self) -> None:
        """Let go of both systems."""
        self.marketo.close()
        self.dynamics.close()
