"""Random histories, and a crash at every call and every commit of one long history."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from dynsync import ActivityRecorder, MemoryStore, RecordId, Side, Sync, Wire
from dynsync.sandbox import (
    NO_LIMITS,
    Fault,
    FaultKind,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
    SimulatedCrash,
)
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE, rule_of_dynamics
from machine import SyncMachine
from support_crash import CrashingStore, Moment

MAPS: Final = SANDBOX_SCENE.maps
EXAMPLES: Final = 60
"""How many histories there are at least; a profile may ask for more."""
BATCHES: Final = 6
"""How many times half of them are run at most, until every path was gone."""
CRASHES: tuple[FaultKind, ...] = ("crash_before", "crash_after")
MOMENTS: tuple[Moment, ...] = ("before", "after")

PATHS: Final = (
    "agreed contact",
    "agreed lead",
    "backfilled",
    "changes forgotten",
    "collision contact dynamics",
    "collision lead marketo",
    "collision resolved by a person",
    "collision unresolved contact",
    "collision unresolved lead",
    "crash after a commit",
    "crash before a commit",
    "crash in a call",
    "created contact",
    "created lead",
    "cursor expired",
    "deferred contact",
    "deferred lead",
    "deleted in Dynamics",
    "deleted in Marketo",
    "echo forgotten",
    "edit in the window of Dynamics contact",
    "edit in the window of Dynamics lead",
    "edit in the window of Marketo contact",
    "edit in the window of Marketo lead",
    "fault crash_after",
    "fault crash_before",
    "fault down",
    "fault lost_request",
    "fault lost_response",
    "fault partial",
    "fault throttled",
    "flagged contact",
    "flagged lead",
    "forgotten contact",
    "forgotten lead",
    "held value mended",
    "late rows",
    "lost_request writing a contact to Dynamics",
    "lost_request writing a contact to Marketo",
    "lost_request writing a lead to Dynamics",
    "lost_request writing a lead to Marketo",
    "lost_response writing a contact to Dynamics",
    "lost_response writing a contact to Marketo",
    "lost_response writing a lead to Dynamics",
    "lost_response writing a lead to Marketo",
    "new person after a delete",
    "one side",
    "plan applied",
    "push again already queued",
    "push again exists",
    "push created",
    "push queued",
    "pushed again after a delete",
    "put back by a rule",
    "refused 0x80040265",
    "refused FIELD_LENGTH",
    "rejected contact",
    "rejected lead",
    "rewritten by a rule",
    "right to read given",
    "right to read taken",
    "right to update given",
    "right to update taken",
    "secret kept",
    "seen again after a delete",
    "several pushed",
    "stale plan",
    "told",
    "unresolved contact",
    "unresolved lead",
    "updated contact",
    "updated lead",
    "withheld",
)
"""Every path that the histories must have gone; one that was missed is a test that was not made."""


def test_random_histories_keep_every_promise() -> None:
    """Whatever people, rights, faults and crashes do, the engine ends where the model says."""
    SyncMachine.reached.clear()
    # What one seed draws resembles itself; what it missed another one reaches.
    for number in range(BATCHES):
        if number >= 2 and not _missed():
            break
        _run_some(seed(number)(SyncMachine))

    assert _missed() == []


def _missed() -> list[str]:
    return [path for path in PATHS if not SyncMachine.reached[path]]


def _run_some(machine: type[RuleBasedStateMachine]) -> None:
    current = settings()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(EXAMPLES, current.max_examples) // 2,
            stateful_step_count=25,
            # A history runs for a tenth of a second and more, so that to shrink one takes
            # minutes. The one that is printed can be repeated as it is: its steps are calls.
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


# -- a crash anywhere


class _History:
    """One history that goes through first load, edits on both sides, a refusal and a push."""

    def __init__(self) -> None:
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, limits=NO_LIMITS)
        self.dynamics = SandboxDynamics(clock=self.clock, limits=NO_LIMITS)
        self.store = MemoryStore()
        for table in MAPS:
            self.dynamics.add_rule(table, rule_of_dynamics)
        self.ids: list[RecordId] = []

    def sync(self, store: MemoryStore | None = None) -> Sync:
        """Return a sync over *store*, by default the one that there is."""
        connector = self.marketo.connector()
        return Sync(
            marketo=connector,
            dynamics=self.dynamics.connector(),
            maps=tuple(MAPS.values()),
            store=store or self.store,
            recorders=(ActivityRecorder(connector),),
            clock=self.clock,
        )

    def load(self) -> None:
        """Make six records in Dynamics, and let them come over."""
        for number in range(3):
            for table in MAPS:
                values = {"firstname": f"N{number}", "jobtitle": "clerk", "lastname": "L"}
                self.ids.append(self.dynamics.create(table, values))
        self.run()

    def edit(self) -> None:
        """Leave something of every sort to be done."""
        people = {p["crmLeadId"] or p["crmContactId"]: i for i, p in self.marketo.people()}
        lead, contact = people[self.ids[0]], people[self.ids[1]]
        self.marketo.edit(lead, {"firstName": "Mara", "city": "Oslo"})
        self.dynamics.edit("lead", self.ids[0], {"firstname": "Dora", "jobtitle": "boss"})
        self.marketo.edit(contact, {"firstName": "Mina", "title": "bad"})
        self.dynamics.edit("contact", self.ids[1], {"firstname": "Dana"})
        self.dynamics.delete("lead", self.ids[2])
        self.marketo.delete(people[self.ids[3]])
        self.marketo.edit(people[self.ids[4]], {"firstName": "lena!"})
        self.dynamics.edit("contact", self.ids[5], {"address1_city": "東京"})
        pushed = self.marketo.create_person({"firstName": "Pia", "lastName": "P"})
        self.sync().sync_person(pushed, as_="contact", when="queued")

    def run(self, store: MemoryStore | None = None) -> None:
        """Do five cycles; the first of them with *store*, which may crash."""
        self.sync(store).run()
        for _ in range(4):
            self.clock.advance(301)
            self.sync().run()

    def end(self) -> list[object]:
        """Return what both systems hold in the end, without the stamps of their clocks."""
        skip = {"id", "createdAt", "updatedAt", "modifiedon", "createdon", "versionnumber"}
        skip |= {"microsoftCreatedDate", "modifiedby"}

        def plain(record: dict[str, Wire]) -> list[tuple[str, str]]:
            return sorted((k, str(v)) for k, v in record.items() if k not in skip and v)

        people = list(self.marketo.people())
        rows = [sorted((i, plain(r)) for i, r in self.dynamics.rows(t).items()) for t in MAPS]
        told = [line.text for id_, _ in people for line in self.marketo.activity_log(id_)]
        return [sorted(plain(person) for _, person in people), rows, sorted(told)]

    def calls(self, side: Side) -> int:
        """Return how many calls there were of one system."""
        return (self.marketo if side is Side.MARKETO else self.dynamics).faults.calls.total()


def _prepared() -> _History:
    """Return a history in which all is in step, and then much is edited."""
    history = _History()
    history.load()
    history.edit()
    return history


@pytest.mark.parametrize("when", CRASHES)
@pytest.mark.parametrize("side", list(Side))
def test_a_crash_at_any_call_changes_nothing_in_the_end(side: Side, when: FaultKind) -> None:
    """Invariant 13: stopping before or after any remote call ends as an uninterrupted run does."""
    whole = _prepared()
    before = whole.calls(side)
    whole.run()
    crashed = 0
    for at in range(whole.calls(side) - before):
        history = _prepared()
        system = history.marketo if side is Side.MARKETO else history.dynamics
        system.faults.plan("*", *([None] * at), Fault(when))
        crashed += _run_with_crashes(history)

        assert whole.end() == history.end(), f"crash at call {at}"
    assert crashed > 5


@pytest.mark.parametrize("when", MOMENTS)
def test_a_crash_at_any_commit_changes_nothing_in_the_end(when: Moment) -> None:
    """Invariant 13: stopping before or after any commit ends as an uninterrupted run does."""
    whole = _prepared()
    counting = CrashingStore(whole.store, -1, when)
    whole.run(counting)
    for at in range(1, counting.commits + 1):
        history = _prepared()

        assert _run_with_crashes(history, CrashingStore(history.store, at, when))
        assert whole.end() == history.end(), f"crash at commit {at}"


def _run_with_crashes(history: _History, store: MemoryStore | None = None) -> bool:
    """Run on; after a crash begin again from what was stored, and say that there was one."""
    try:
        history.run(store)
    except SimulatedCrash:
        history.store = history.store.twin()
        history.run()
        return True
    return False
