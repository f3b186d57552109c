"""
The measurements over both APIs, in a process of their own: ``python -m bench.http_worker``.

The two real connectors, the emulators of both APIs in the same process, simulated time between
them. Prints one JSON object. Processor time is ours alone: the emulators' is taken out.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs

from bench.virtual import VirtualClock, VirtualExecutor, Wire
from dynsync.dynamics import PACE as DYNAMICS_PACE
from dynsync.dynamics import ClientSecret, DataverseConnector
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Direct, Emulator
from dynsync.limiting import Limiter
from dynsync.maps import CONTACT, LEAD
from dynsync.marketo import PACE as MARKETO_PACE
from dynsync.marketo import CustomService, MarketoOptions, MarketoRestConnector
from dynsync.marketo._options import FullRead
from dynsync.records import Pair, RecordId, Side
from dynsync.records import Wire as Value
from dynsync.reports import Report
from dynsync.sandbox import SandboxDynamics, SandboxMarketo
from dynsync.sqlite import SqliteStore
from dynsync.sync import Sync
from dynsync.transport import Request

Numbers: TypeAlias = dict[str, float]

_CYCLE: Final = 300.0
URL: Final = "http://127.0.0.1:1"
_CHUNK: Final = 1_000


def _to_marketo(request: Request) -> str:
    """Return what *request* counts as: asking for a token counts as nothing."""
    if "/identity/" in request.url:
        return ""
    posted = request.method == "POST" and "_method=GET" not in request.url
    return "write" if posted and request.url.endswith("/leads.json") else "read"


def _to_dynamics(request: Request) -> str:
    """Return what *request* counts as: reading comes in batches, too."""
    if "/oauth2/" in request.url:
        return ""
    return "write" if b"\r\nPATCH " in (request.body or b"") else "read"


@attrs.define
class World:
    """Both systems in files of *folder*, their APIs, and a sync between them."""

    folder: Path
    full: FullRead
    clock: VirtualClock
    marketo: SandboxMarketo = attrs.field(init=False)
    dynamics: SandboxDynamics = attrs.field(init=False)
    wires: Pair[Wire] = attrs.field(init=False)
    sync: Sync = attrs.field(init=False)
    rows: list[tuple[str, RecordId]] = attrs.Factory(list[tuple[str, RecordId]])

    def __attrs_post_init__(self) -> None:
        clock = self.clock
        self.marketo = SandboxMarketo(self.folder / "marketo.db", clock=clock)
        self.dynamics = SandboxDynamics(self.folder / "dynamics.db", clock=clock)
        near = Direct(Emulator(self.marketo, self.dynamics, clock))
        self.wires = Pair(Wire(near, clock, _to_marketo), Wire(near, clock, _to_dynamics))
        marketo = MarketoRestConnector(
            URL,
            transport=self.wires.marketo,
            credentials=CustomService(client_id=CLIENT_ID, secret=CLIENT_SECRET),
            clock=clock,
            limiter=self._limiter(Side.MARKETO),
            options=MarketoOptions(full=self.full, began=clock.now().date()),
        )
        dynamics = DataverseConnector(
            URL,
            transport=self.wires.dynamics,
            credentials=ClientSecret(
                tenant=TENANT, client_id=CLIENT_ID, secret=CLIENT_SECRET, authority=URL
            ),
            clock=clock,
            limiter=self._limiter(Side.DYNAMICS),
        )
        self.sync = Sync(
            marketo=marketo,
            dynamics=dynamics,
            maps=(LEAD, CONTACT),
            store=SqliteStore(self.folder / "state.db"),
            clock=clock,
        )

    def _limiter(self, side: Side) -> Limiter:
        pace = MARKETO_PACE if side is Side.MARKETO else DYNAMICS_PACE
        return Limiter(side, pace, self.clock, VirtualExecutor(self.clock, pace.at_once))

    def cycle(self) -> Numbers:
        """Do one cycle; return what it took, in simulated seconds, calls and our own time."""
        for wire in self.wires:
            wire.forget()
        self.clock.work()
        began, cpu = self.clock.now(), time.process_time()
        report = self.sync.run()
        cpu = time.process_time() - cpu - sum(wire.busy for wire in self.wires)
        if not report.ok or report.left:
            raise AssertionError(str(report))
        return self._told(report, (self.clock.now() - began).total_seconds(), cpu)

    def _told(self, report: Report, seconds: float, cpu: float) -> Numbers:
        marketo, dynamics = self.wires
        told: Numbers = {"seconds": seconds, "cpu": cpu, "records": report.records}
        for side, wire in zip(Side, self.wires, strict=True):
            told[f"{side.value} written"] = report.writes[side]
            for kind in ("read", "write"):
                told[f"{side.value} {kind}"] = wire.sent[kind]
            told[f"{side.value} at once"] = wire.most_at_once
        told["marketo in 20 s"] = marketo.most_within(20)
        told["dynamics in 300 s"] = dynamics.most_within(300)
        return told

    def wait(self) -> None:
        """Let the time between two cycles pass."""
        self.clock.advance(_CYCLE)

    def rest(self) -> None:
        """Do cycles until the echoes of what was written have been read, and read once more."""
        for _ in range(3):
            self.wait()
            self.cycle()

    # -- what people do

    def fill(self, count: int, remembered: int) -> None:
        """Make *count* records in Dynamics, every fourth a lead; some are *remembered*."""
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(start + _CHUNK, count))
            for table in ("lead", "contact"):
                mine = [n for n in numbers if (n % 4 == 0) == (table == "lead")]
                made = self.dynamics.create_all(table, map(_person, mine))
                self.rows += [(table, id_) for id_ in made] if start < remembered else []
            self.clock.advance(1)

    def edit(self, changes: int) -> None:
        """Change two values of *changes* records of Dynamics, and of as many others of Marketo."""
        chosen = self.rows[:changes]
        with self.dynamics.store.writing():
            for table, id_ in chosen:
                new = {"jobtitle": "Someone else", "telephone1": "+1 555 0000000"}
                self.dynamics.edit(table, id_, new)
        known = {id_ for _, id_ in chosen}
        others = [
            person
            for person, values in islice(self.marketo.people(), 3 * changes)
            if known.isdisjoint((values["crmLeadId"], values["crmContactId"]))
        ]
        with self.marketo.house.store.transaction():
            for person in others[:changes]:
                self.marketo.edit(person, {"title": "Somebody", "city": "Elsewhere"})


def _person(number: int) -> dict[str, Value]:
    return {
        "salutation": "Ms.",
        "firstname": f"Given {number % 997}",
        "lastname": f"Family {number}",
        "emailaddress1": f"person.{number}@example.com",
        "jobtitle": f"Title {number % 53}",
        "telephone1": f"+1 555 {number:07d}",
        "address1_line1": f"{number % 311} Main Street",
        "address1_city": f"City {number % 211}",
        "address1_stateorprovince": f"State {number % 47}",
        "address1_country": f"Country {number % 97}",
        "address1_postalcode": f"{number % 99_991:05d}",
        "description": f"Note {number} of a few words, as sales people write them.",
        "donotphone": number % 5 == 0,
        "donotbulkemail": number % 7 == 0,
        "preferredcontactmethodcode": 1 + number % 5,
    }


def story(
    folder: Path, records: int, changes: int, full: FullRead, passes: Literal["calls", "all"]
) -> dict[str, Numbers]:
    """Do a first load, a cycle with many changes and one with none, echoes read in between."""
    changes = min(changes, records // 2)
    world = World(folder, full, VirtualClock(time.process_time if passes == "all" else None))
    with world.clock.somebody_elses():
        world.fill(records, changes)
    found = {"load": world.cycle()}
    world.rest()
    with world.clock.somebody_elses():
        world.edit(changes)
    world.wait()
    found["changes"] = world.cycle()
    world.rest()
    world.wait()
    found["idle"] = world.cycle()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**found, "process": {"megabytes": most}}


def main() -> None:
    """Do what the command line says."""
    with tempfile.TemporaryDirectory(prefix="dynsync-bench-") as folder:
        print(json.dumps(story(Path(folder), **json.loads(sys.argv[2]))))


if __name__ == "__main__":
    main()
