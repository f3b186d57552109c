"""Random histories, and a crash at every call and every commit of one long history."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from machine import MAPS, REACHED, SyncMachine
from support_crash import CrashingStore

from dynsync import ActivityRecorder, MemoryStore, Side, Sync
from dynsync.sandbox import (
    NO_LIMITS,
    BusinessRule,
    Fault,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
    SimulatedCrash,
)

PATHS = (
    "agreed contact",
    "agreed lead",
    "backfilled",
    "collision contact dynamics",
    "collision lead marketo",
    "collision unresolved",
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
    "edit in the window of Dynamics",
    "edit in the window of Marketo",
    "fault crash_after",
    "fault crash_before",
    "fault down",
    "fault lost_request",
    "fault lost_response",
    "fault partial",
    "fault throttled",
    "flagged contact",
    "forgotten contact",
    "new person after a delete",
    "one side",
    "plan applied",
    "push again already queued",
    "push again exists",
    "push created",
    "push queued",
    "pushed again after a delete",
    "refused 0x80040265",
    "refused FIELD_LENGTH",
    "rejected contact",
    "rejected lead",
    "right to read given",
    "right to read taken",
    "right to update given",
    "right to update taken",
    "secret kept",
    "seen again after a delete",
    "told",
    "unresolved lead",
    "updated contact",
    "updated lead",
    "withheld",
)
"""Every path that the histories must have gone; one that was missed is a test that was not made."""


def test_random_histories_keep_every_promise() -> None:
    """
    Whatever people, rights, faults and crashes do, the engine ends where the model says.
    """
    REACHED.clear()
    run_state_machine_as_test(
        SyncMachine,
        settings=settings(
            max_examples=120,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
    missed = [path for path in PATHS if not REACHED[path]]

    assert missed == []


# -- a crash anywhere


class _History:
    """One history that goes through first load, edits on both sides, a refusal and a push."""

    def __init__(self) -> None:
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, limits=NO_LIMITS)
        self.dynamics = SandboxDynamics(clock=self.clock, limits=NO_LIMITS)
        self.store = MemoryStore()
        self.dynamics.add_rule("contact", _no_bad_titles)
        self.ids: list[str] = []

    def sync(self, store: object = None) -> Sync:
        connector = self.marketo.connector()
        return Sync(
            marketo=connector,
            dynamics=self.dynamics.connector(),
            maps=tuple(MAPS.values()),
            store=store or self.store,  # type: ignore[arg-type]
            recorders=(ActivityRecorder(connector),),
            clock=self.clock,
        )

    def load(self) -> None:
        for n in range(3):
            for table in MAPS:
                values = {"firstname": f"N{n}", "jobtitle": "clerk", "lastname": "L"}
                self.ids.append(str(self.dynamics.create(table, values)))

    def edit(self) -> None:
        people = {p["crmLeadId"] or p["crmContactId"]: i for i, p in self.marketo.people()}
        lead, contact = people[self.ids[0]], people[self.ids[1]]
        self.marketo.edit(lead, {"firstName": "Mara", "city": "Oslo"})
        self.dynamics.edit("lead", self.ids[0], {"firstname": "Dora", "jobtitle": "boss"})  # type: ignore[arg-type]
        self.marketo.edit(contact, {"firstName": "Mina", "title": "bad"})
        self.dynamics.edit("contact", self.ids[1], {"firstname": "Dana"})  # type: ignore[arg-type]
        self.dynamics.delete("lead", self.ids[2])  # type: ignore[arg-type]
        self.marketo.delete(people[self.ids[3]])
        self.dynamics.edit("contact", self.ids[5], {"address1_city": "東京"})  # type: ignore[arg-type]
        pushed = self.marketo.create_person({"firstName": "Pia", "lastName": "P"})
        self.sync().sync_person(str(pushed), as_="contact", when="queued")

    def run(self, store: object = None) -> None:
        """Do four cycles; the first of them with *store*, which may crash."""
        self.sync(store).run()
        for _ in range(4):
            self.clock.advance(301)
            self.sync().run()

    def end(self) -> list[object]:
        """Return what both systems hold in the end, without the stamps of their clocks."""
        skip = {"id", "createdAt", "updatedAt", "modifiedon", "createdon", "versionnumber"}
        skip |= {"microsoftCreatedDate", "modifiedby"}

        def plain(record: dict[str, object]) -> list[tuple[str, str]]:
            return sorted((k, str(v)) for k, v in record.items() if k not in skip and v)

        people = sorted(plain(dict(p)) for _, p in self.marketo.people())
        rows = [sorted((str(i), plain(dict(r))) for i, r in self.dynamics.rows(t).items()) for t in MAPS]
        told = sorted(line.text for i, _ in self.marketo.people() for line in self.marketo.activity_log(i))
        return [people, rows, told]


def _no_bad_titles(before: object, after: dict[str, object]) -> None:
    if after.get("jobtitle") == "bad":
        raise BusinessRule("this title is not allowed", "jobtitle")


def _uninterrupted() -> tuple[list[object], int, int, int]:
    """Return the end of the history, and how many calls and commits there are to crash at."""
    history = _History()
    history.load()
    history.run()
    history.edit()
    before = [sum(s.faults.calls.values()) for s in (history.marketo, history.dynamics)]
    counting = CrashingStore(history.store, -1, "before")
    history.run(counting)
    after = [sum(s.faults.calls.values()) for s in (history.marketo, history.dynamics)]
    return history.end(), after[0] - before[0], after[1] - before[1], counting.commits


@pytest.mark.parametrize("when", ["crash_before", "crash_after"])
@pytest.mark.parametrize("side", list(Side))
def test_a_crash_at_any_call_changes_nothing_in_the_end(side: Side, when: str) -> None:
    """
    Stopping before or after any remote call ends as an uninterrupted run does.
    """
    expected, marketo_calls, dynamics_calls, _ = _uninterrupted()
    crashed = 0
    for at in range(marketo_calls if side is Side.MARKETO else dynamics_calls):
        history = _History()
        history.load()
        history.run()
        history.edit()
        system = history.marketo if side is Side.MARKETO else history.dynamics
        system.faults.plan("*", *([None] * at), Fault(when))  # type: ignore[arg-type]
        crashed += _run_with_crashes(history, None)

        assert expected == history.end(), f"crash at call {at}"
    assert crashed > 5


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_commit_changes_nothing_in_the_end(when: str) -> None:
    """
    Stopping before or after any commit ends as an uninterrupted run does.
    """
    expected, _, _, commits = _uninterrupted()
    crashed = 0
    for at in range(1, commits + 1):
        history = _History()
        history.load()
        history.run()
        history.edit()
        crashed += _run_with_crashes(history, CrashingStore(history.store, at, when))

        assert expected == history.end(), f"crash at commit {at}"
    assert crashed == commits


def _run_with_crashes(history: _History, store: object) -> int:
    """Run on; after a crash begin again from what was stored."""
    try:
        history.run(store)
    except SimulatedCrash:
        history.store = history.store.twin()
        history.run()
        return 1
    return 0
