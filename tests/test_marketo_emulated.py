"""The Marketo connector over the emulator: its contract, a sync, and what HTTP does to both."""

from __future__ import annotations

import collections
from collections.abc import Iterator

import attrs
import pytest

from dynsync import CONTACT, LEAD, MemoryStore, RecordId, Sync, Update
from dynsync.emulator import Emulator, Trouble, TroubleKind, emulate
from dynsync.errors import Ambiguous, SystemFailure, Unavailable
from dynsync.http import HttpxTransport
from dynsync.marketo._options import FullRead
from dynsync.sandbox import SandboxClock
from dynsync.testing import Findings, Standing, check_connector
from dynsync.writes import Create, Created
from marketo_emulated import connected, over

TABLE = "person"
NAME = ["firstName"]


def broken(found: Findings) -> list[str]:
    """Return the clauses that are not held, those that nobody claims left out."""
    held = {Standing.HELD, Standing.NOT_CLAIMED}
    return [f"{one.clause.number}: {one.why}" for one in found.findings if one.standing not in held]


def test_the_contract_is_held() -> None:
    """Every clause, whatever happens between two calls."""
    assert [] == broken(check_connector(over, table=TABLE, rounds=5))


def test_reading_by_bulk_extract_holds_the_contract_of_reading() -> None:
    """Though its file is older than the page on which it is told."""
    reading = {"C2", "C3", "C3d", "C3e", "C4"}
    found = check_connector(lambda: over("bulk"), table=TABLE, clauses=reading, rounds=0)

    assert [] == broken(found)


@attrs.frozen
class Story:
    """A sync between two systems, Marketo by HTTP."""

    emulator: Emulator
    clock: SandboxClock
    transport: HttpxTransport
    store: MemoryStore

    def sync(self, full: FullRead = "ids") -> Sync:
        """Return the sync, as a process that has just begun has it."""
        return Sync(
            marketo=connected(self.emulator.url, self.transport, self.clock, full=full),
            dynamics=self.emulator.dynamics.connector(),
            maps=[LEAD, CONTACT],
            store=self.store,
            clock=self.clock,
        )

    def names(self) -> list[str]:
        """Return the first names of all people."""
        return sorted(str(values["firstName"]) for _, values in self.emulator.marketo.people())


@pytest.fixture
def story() -> Iterator[Story]:
    """Two emulated systems, with two contacts in Dynamics."""
    clock = SandboxClock()
    with emulate(clock=clock) as emulator, HttpxTransport() as transport:
        for name in ("Ann", "Bea"):
            emulator.dynamics.create("contact", {"firstname": name, "lastname": "Lee"})
        yield Story(emulator, clock, transport, MemoryStore())


@pytest.mark.parametrize("full", ["ids", "bulk"])
def test_a_sync_runs_over_http(story: Story, full: FullRead) -> None:
    """First load, an edit on each side, a deletion, and a cycle with nothing to do."""
    sync = story.sync(full)
    assert sync.run().ok
    assert ["Ann", "Bea"] == story.names()

    story.clock.advance(300)
    first, second = (id_ for id_, _ in story.emulator.marketo.people())
    story.emulator.marketo.edit(first, {"firstName": "Zoe"})
    story.emulator.marketo.delete(second)
    assert sync.run().ok

    story.clock.advance(300)
    report = sync.run()
    assert (True, {}) == (report.ok, dict(report.writes))
    rows = story.emulator.dynamics.rows("contact").values()
    assert (2, 1) == (len(rows), [row["firstname"] for row in rows].count("Zoe"))


def test_an_idle_cycle_costs_four_calls(story: Story) -> None:
    """Describe, and one for each stream of the feed."""
    sync = story.sync()
    for _ in range(3):
        assert sync.run().ok
        story.clock.advance(600)
    story.emulator.troubles.seen.clear()

    assert sync.run().ok

    asked = collections.Counter(story.emulator.troubles.seen)
    asked.pop("POST /identity/oauth/token", None)
    assert 4 == asked.total()


@pytest.mark.parametrize(
    "kind",
    ["dropped_before", "dropped_after", "half_body", "gateway_before", "gateway_after"],
)
def test_a_lost_answer_makes_nobody_twice(story: Story, kind: TroubleKind) -> None:
    """Whatever became of the request, two people there are in the end."""
    story.emulator.troubles.plan(Trouble(kind), method="POST", path=r"^/rest/v1/leads\.json$")
    sync = story.sync()
    for _ in range(3):
        sync.run()
        story.clock.advance(300)

    assert [] == story.emulator.troubles.waiting()
    assert ["Ann", "Bea"] == story.names()
    assert sync.run().ok


@pytest.mark.parametrize("kind", ["throttled", "token_lost", "gzip", "html"])
def test_what_passes_is_passed_over(story: Story, kind: TroubleKind) -> None:
    """Each kind of call meets it once, and the run goes on."""
    seen: set[str] = set()

    def once(_method: str, path: str) -> Trouble | None:
        if not path.startswith("/rest/") or path in seen or "leads.json" in path:
            return None
        seen.add(path)
        return Trouble(kind)

    story.emulator.troubles.hook = once
    sync = story.sync()
    for _ in range(3):
        assert sync.run().ok
        story.clock.advance(300)

    assert len(seen) >= 6
    assert ["Ann", "Bea"] == story.names()


@pytest.mark.parametrize(
    ("kind", "reading", "writing"),
    [
        ("dropped_before", Unavailable, Ambiguous),
        ("half_body", Unavailable, Ambiguous),
        ("gateway_after", Unavailable, Ambiguous),
        ("html", Unavailable, Ambiguous),
    ],
)
def test_a_write_that_may_have_been_applied_says_so(
    story: Story,
    kind: TroubleKind,
    reading: type[SystemFailure],
    writing: type[SystemFailure],
) -> None:
    """A read can be asked again; a write is to be read back."""
    mine = connected(story.emulator.url, story.transport, story.clock)
    mine.fetch(TABLE, [RecordId("1")], NAME)

    story.emulator.troubles.plan(Trouble(kind), path=r"/leads\.json$")
    with pytest.raises(reading):
        mine.fetch(TABLE, [RecordId("1")], NAME)
    story.emulator.troubles.plan(Trouble(kind), path=r"/leads\.json$")
    with pytest.raises(writing):
        mine.write(TABLE, [Update(RecordId("1"), {"firstName": "Zoe"})])


def test_calls_go_out_side_by_side(story: Story) -> None:
    """Several hundred rows are several calls, each in a thread of its own, in their order."""
    mine = connected(story.emulator.url, story.transport, story.clock, at_once=4)
    creates = [
        Create(RecordId(f"g-{n}"), {"crmLeadId": f"g-{n}", "lastName": str(n)}, "crmLeadId")
        for n in range(1000)
    ]

    results = mine.write(TABLE, creates)
    found = mine.find(TABLE, "crmLeadId", [create.key for create in creates], ["lastName"])
    mine.close()

    ids = {str(record.values["crmLeadId"]): record.id for record in found}
    assert [Created(ids[create.key]) for create in creates] == results
