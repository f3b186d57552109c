"""
One measurement, in a process of its own: ``python -m bench.worker <what> <JSON arguments>``.

Prints one JSON object. Time spent inside the pretended systems is taken out of every
number, also out of those of the loops that ours is compared with.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from bench import workload
from bench.systems import MAP, BenchClock, BenchDynamics, BenchMarketo, BenchSystem
from bench.workload import clock
from dynsync._desk import Desk
from dynsync.guards import Guards, Limit
from dynsync.records import Pair, Record, RecordId, Side, Wire
from dynsync.reports import Report
from dynsync.sqlite import SqliteStore
from dynsync.sync import Sync

Numbers: TypeAlias = dict[str, float]
_Row: TypeAlias = list[Wire]

_ANY: Final = Limit(count=10**9, percent=100.0)


@attrs.define(eq=False)
class Bench:
    """A sync of two pretended systems on one state file."""

    path: Path
    count: int
    loaded: bool = True
    clock: BenchClock = attrs.Factory(BenchClock)
    systems: Pair[BenchSystem] = attrs.field(init=False)
    store: SqliteStore = attrs.field(init=False)
    sync: Sync = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        marketo = BenchMarketo(self.count, self.clock, loaded=self.loaded)
        dynamics = BenchDynamics(self.count, self.clock)
        self.systems = Pair[BenchSystem](marketo, dynamics)
        self.store = SqliteStore(self.path)
        self.sync = Sync(
            marketo=marketo,
            dynamics=dynamics,
            maps=(MAP,),
            store=self.store,
            guards=Guards(deletes=_ANY, clears=_ANY),
            clock=self.clock,
        )

    def timed(self, function: Callable[[], object]) -> float:
        """Return how long *function* takes, without what the systems do meanwhile."""
        inside = sum(system.seconds for system in self.systems)
        began = clock()
        function()
        return clock() - began - (sum(s.seconds for s in self.systems) - inside)

    def cycle(self) -> tuple[Report, float]:
        """Do one cycle; return its report and its own time."""
        self.clock.sleep(300)
        reports: list[Report] = []
        seconds = self.timed(lambda: reports.append(self.sync.run()))
        (report,) = reports
        if not report.ok or report.left:
            raise AssertionError(str(report))
        return report, seconds

    def change(self, changes: int, revision: int) -> int:
        """Let people edit records on both sides; return how many records are concerned."""
        chosen = workload.changed_records(self.count, changes, revision)
        for system, indexes in zip(self.systems, chosen, strict=True):
            system.change(indexes, revision)
        return len(set(chosen[0]) | set(chosen[1]))

    def expire(self) -> None:
        """Make the next cycle a full comparison."""
        for system in self.systems:
            system.expire()


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- a first load


def load(path: str, count: int) -> Numbers:
    """Make everybody of Dynamics a person; leaves the state file for others."""
    bench = Bench(Path(path), count, loaded=False)
    began = _memory()
    report, seconds = bench.cycle()
    if report.records != count:
        raise AssertionError(str(report))
    bench.store.close()
    return {"seconds": seconds, "megabytes": _memory(), "before": began}


# -- a full comparison, and the loop that anybody would write


_BY_ID: Final = {
    Side.MARKETO: "SELECT marketo_id, key, marketo_row FROM link WHERE marketo_id IN ",
    Side.DYNAMICS: "SELECT dynamics_id, key, dynamics_row FROM link WHERE dynamics_id IN ",
}
_BY_KEY: Final = "SELECT key, marketo_row, dynamics_row FROM link WHERE key IN "


def lookup_loop(bench: Bench, hand: sqlite3.Connection) -> int:
    """Compare both sides of every record with its base; merge what differs and store that."""
    state = sqlite3.connect(bench.path)
    differing: dict[int, dict[Side, _Row]] = {}
    for system in bench.systems:
        side = system.side
        select = _BY_ID[side]
        take = itemgetter(*system.names)
        tail: _Row = [None] * (len(MAP.fields) + 3 - len(system.names))
        cursor = None
        more = True
        while more:
            page = system.read("", system.names, cursor)
            cursor, more = page.cursor, page.more
            found = [r for r in page.changes if isinstance(r, Record)]
            rows = {r.id: [*take(r.values), *tail] for r in found}
            ids = list(rows)
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                marks = ",".join("?" * len(part))
                for id_, key, text in state.execute(select + f"({marks})", part):
                    if json.loads(text) != rows[id_]:
                        differing.setdefault(key, {})[side] = rows[id_]
    _merge_by_hand(state, hand, differing)
    state.close()
    return len(differing)


def _merge_by_hand(
    state: sqlite3.Connection, hand: sqlite3.Connection, differing: dict[int, dict[Side, _Row]]
) -> None:
    keys = sorted(differing)
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        merged = []
        for key, *texts in state.execute(_BY_KEY + f"({marks})", part):
            bases: list[_Row] = [json.loads(text) for text in texts]
            now = [differing[key].get(side, base) for side, base in zip(Side, bases, strict=True)]
            rows = [base.copy() for base in bases]
            for at, (one, two, before, base) in enumerate(zip(*now, *bases, strict=True)):
                if two != base or one != before:
                    rows[0][at], rows[1][at] = (one, two)
            merged.append((key, "", "", *(json.dumps(row) for row in rows)))
        upsert(hand, merged)


def compare(path: str, count: int, rounds: int) -> dict[str, list[float]]:
    """Full comparisons with nothing and with one percent changed, ours and the loop in turn."""
    bench = Bench(Path(path), count)
    hand = hand_made(Path(f"{path}.hand"))
    found: dict[str, list[float]] = {"loop": [], "engine": [], "loop_1": [], "engine_1": []}
    for turn in range(rounds):
        changes = count // 100
        for suffix in ("", "_1"):
            concerned = bench.change(changes, turn + 1) if suffix else 0
            differing: list[int] = []
            loop = bench.timed(lambda seen=differing: seen.append(lookup_loop(bench, hand)))  # type: ignore[misc]
            bench.expire()
            report, engine = bench.cycle()
            if not report.records == concerned == differing[0]:
                raise AssertionError((str(report), concerned, differing))
            found["loop" + suffix].append(loop)
            found["engine" + suffix].append(engine)
        # The echoes of our own writes are settled outside of the measurement.
        bench.cycle()
    bench.store.close()
    return found


# -- cycles, and settling against a batch upsert by hand


def hand_made(path: Path) -> sqlite3.Connection:
    """Return a connection as anybody would open it who wants batches to be quick."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 10000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        """CREATE TABLE IF NOT EXISTS link (key INTEGER PRIMARY KEY, marketo_id TEXT NOT NULL,
        dynamics_id TEXT NOT NULL, marketo_row TEXT NOT NULL, dynamics_row TEXT NOT NULL)"""
    )
    return connection


def upsert(hand: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Store up to 500 rows in one transaction."""
    hand.execute("BEGIN")
    hand.executemany(
        """INSERT INTO link VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
        marketo_row = excluded.marketo_row, dynamics_row = excluded.dynamics_row""",
        rows,
    )
    hand.execute("COMMIT")


def hand_copy(bench: Bench, path: Path) -> sqlite3.Connection:
    """Return a table by hand with every base row of the state file."""
    hand = hand_made(path)
    hand.execute("ATTACH ? AS state", (str(bench.path),))
    hand.execute(
        """INSERT INTO link SELECT key, marketo_id, dynamics_id, marketo_row, dynamics_row
        FROM state.link WHERE true ON CONFLICT DO NOTHING"""
    )
    hand.execute("DETACH state")
    return hand


def batch_upsert(bench: Bench, hand: sqlite3.Connection, keys: Sequence[int]) -> float:
    """Return how long it takes to store the base rows of *keys* by hand, 500 a commit."""
    links = bench.store.links(keys)
    batches = [
        [links[key] for key in sorted(keys[start : start + 500])]
        for start in range(0, len(keys), 500)
    ]
    began = clock()
    for batch in batches:
        upsert(
            hand,
            [
                (link.key, *link.ids, json.dumps(link.rows.marketo), json.dumps(link.rows.dynamics))
                for link in batch
            ],
        )
    return clock() - began


class _Settling:
    """Adds up the time spent settling."""

    seconds = 0.0

    def watch(self) -> None:
        """Measure `Desk._settle` from now on."""
        original = Desk._settle

        def settle(desk: Desk) -> None:
            began = clock()
            original(desk)
            self.seconds += clock() - began

        Desk._settle = settle  # type: ignore[assignment,method-assign]


def cycles(paths: dict[str, str], changes: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """
    Cycles with the same number of changed records on state files of several sizes, in turn.

    The first one of each warms up and is not counted.
    """
    settling = _Settling()
    settling.watch()
    benches = {size: Bench(Path(path), int(size)) for size, path in paths.items()}
    hands = {size: hand_copy(b, Path(f"{b.path}.copy")) for size, b in benches.items()}
    kinds = ("cycle", "settle", "hand", "records")
    found = {size: {kind: list[float]() for kind in kinds} for size in benches}
    for turn in range(rounds + 1):
        for size, bench in benches.items():
            records = bench.change(changes, turn + 1)
            settling.seconds = 0.0
            report, seconds = bench.cycle()
            if report.records != records:
                raise AssertionError((str(report), records))
            chosen = workload.changed_records(bench.count, changes, turn + 1)
            indexes = sorted({*chosen[0], *chosen[1]})
            ids = [RecordId(workload.person_id(index)) for index in indexes]
            keys = [known.key for known in bench.store.known(Side.MARKETO, ids).values()]
            hand = batch_upsert(bench, hands[size], keys)
            if turn:
                numbers = (seconds, settling.seconds, hand, records)
                for kind, number in zip(kinds, numbers, strict=True):
                    found[size][kind].append(number)
    for bench in benches.values():
        bench.store.close()
    return found


# -- calls


def calls(path: str, count: int, changes: int) -> dict[str, int]:
    """Count the calls of a cycle with *changes* records changed on each side."""
    bench = Bench(Path(path), count)
    bench.cycle()
    bench.change(changes, 99)
    report, _ = bench.cycle()
    counted: Counter[str] = Counter()
    for (side, what), number in report.calls.items():
        counted[f"{side.value} {what}"] += number
    counted["marketo written"] = report.writes[Side.MARKETO]
    counted["dynamics written"] = report.writes[Side.DYNAMICS]
    bench.store.close()
    return dict(counted)


def main() -> None:
    """Do what the command line says."""
    arguments = json.loads(sys.argv[2])
    found: object
    match sys.argv[1]:
        case "load":
            found = load(**arguments)
        case "compare":
            found = compare(**arguments)
        case "cycles":
            found = cycles(**arguments)
        case _:
            found = calls(**arguments)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
