"""What is SQLite's alone: other processes, kill -9, values that must go, and cost."""

from __future__ import annotations

import os
import platform
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from dynsync.backlog import Hold, Observation, PendingKey, Sent
from dynsync.errors import LeaseHeld, StateError
from dynsync.records import Cursor, Pair, RecordId, Row, Side
from dynsync.sqlite import SqliteStore
from dynsync.state import FeedState
from store_cases import LEAD, linked, noted, some_ids, waiting

VALUE = "Xyzzy-value"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a state file that is not there yet."""
    return tmp_path / "sync.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """Return an open store."""
    store = SqliteStore(path)
    yield store
    store.close()


def edit(path: Path, statement: str, *parameters: object) -> None:
    """Change the file *path* behind the store's back."""
    connection = sqlite3.connect(path)
    connection.execute(statement, parameters)
    connection.commit()
    connection.close()


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run *code* in another process; its ``sys.argv[1:]`` are *arguments*."""
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


LEASE = """
import sys
from dynsync.sqlite import SqliteStore
store = SqliteStore(sys.argv[1], owner="the other")
store.acquire(100.0, 1000.0)
print("held", flush=True)
sys.stdin.read()
"""


FORK = """
import os, sys
from dynsync.errors import StateError
from dynsync.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
if child := os.fork():
    os.waitpid(child, 0)
else:
    try:
        store.acquire(100.0, 60.0)
    except StateError as error:
        print(error, flush=True)
    os._exit(0)
"""

FORK_IN_A_RUN = """
import os, sys
from dynsync._leasing import leased
from dynsync.errors import LeaseHeld
from dynsync.sqlite import SqliteStore
asked, ask = os.pipe()
ended, end = os.pipe()
with SqliteStore(sys.argv[1]) as store, leased(store, 100.0):
    child = os.fork()
    if not child:
        own = SqliteStore(sys.argv[1])
        try:
            own.acquire(101.0, 60.0)
        except LeaseHeld:
            print("held", flush=True)
        os.write(ask, b".")
        os.read(ended, 1)
        with leased(own, 102.0):
            print("free", flush=True)
        os._exit(0)
    os.read(asked, 1)
os.write(end, b".")
os.waitpid(child, 0)
"""

sees_others = pytest.mark.skipif(
    sys.platform != "linux", reason="here nothing tells when another process began"
)


class TestProcesses:
    """Other processes."""

    def test_lease_is_held_across_processes_until_killed(
        self, path: Path, store: SqliteStore
    ) -> None:
        """A living process keeps its lease; a killed one does not keep the next run waiting."""
        process = python(LEASE, path)
        with process:
            assert process.stdout is not None
            assert "held\n" == process.stdout.readline()
            with pytest.raises(LeaseHeld, match=f"the other .process {process.pid} on"):
                store.acquire(200.0, 60.0)
            process.kill()
            process.wait()
            store.acquire(200.0, 60.0)

    @sees_others
    def test_a_call_that_takes_longer_than_the_lease(self, path: Path, store: SqliteStore) -> None:
        """Who is seen to live keeps an expired lease, for an hour at most; once dead, no longer."""
        rival = SqliteStore(path)
        process = python(LEASE, path)
        with process:
            assert process.stdout is not None
            assert "held\n" == process.stdout.readline()
            for seconds in (0.0, 3599.0):
                with pytest.raises(LeaseHeld, match=f"a call .* ends in {3600 - seconds:.0f} s"):
                    store.acquire(1100.0 + seconds, 60.0)
            rival.acquire(1100.0 + 3600.0, 60.0)
            rival.close()
            process.kill()
        store.acquire(200.0, 60.0)

    @sees_others
    def test_a_killed_process_is_dead_before_anybody_asked(
        self, path: Path, store: SqliteStore
    ) -> None:
        """One that its parent has not asked about yet keeps its number, and no expired lease."""
        process = python(LEASE, path)
        with process:
            assert process.stdout is not None
            assert "held\n" == process.stdout.readline()
            process.kill()
            assert not process.stdout.read()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            store.acquire(1100.0, 60.0)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="here no process is a copy of another")
    def test_a_forked_process_opens_its_own(self, path: Path) -> None:
        """Two of one SQLite connection damage the file; the copy is told so before it writes."""
        with python(FORK, path) as process:
            said, _ = process.communicate()

        assert "it was opened by the process" in said
        assert said.endswith("Open it in this process, after the fork.\n")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="here no process is a copy of another")
    def test_a_process_forked_within_a_run_may_run_later(self, path: Path) -> None:
        """The run that its parent was in is not the copy's; the lease tells who may begin."""
        with python(FORK_IN_A_RUN, path) as process:
            said, _ = process.communicate()

        assert "held\nfree\n" == said

    @sees_others
    def test_a_number_that_was_given_again(self, path: Path, store: SqliteStore) -> None:
        """Another process that has the number of the holder keeps nobody waiting for longer."""
        process = python(LEASE, path)
        with process:
            assert process.stdout is not None
            assert "held\n" == process.stdout.readline()
            edit(path, "UPDATE lease SET token = token || '0'")
            store.acquire(1100.0, 60.0)
            process.kill()

    @pytest.mark.parametrize(("host", "pid"), [("elsewhere", None), (None, 1)])
    def test_a_holder_who_cannot_be_seen_dead_lives(
        self, path: Path, store: SqliteStore, host: str | None, pid: int | None
    ) -> None:
        """The lease of another host, or of a process that is there, is waited for."""
        store.acquire(100.0, 60.0)
        edit(path, "UPDATE lease SET token = 'another'")
        if host:
            edit(path, "UPDATE lease SET host = ?", host)
        if pid:
            edit(path, "UPDATE lease SET pid = ?", pid)
        with pytest.raises(LeaseHeld):
            store.acquire(101.0, 60.0)
        with pytest.raises(LeaseHeld):
            store.renew(101.0, 60.0)
        store.acquire(160.0, 60.0)

    def test_the_place_of_a_process(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        """Where the system does not tell how processes are numbered the host's name must do."""
        monkeypatch.setattr(Path, "readlink", lambda _: (_ for _ in ()).throw(OSError))
        store = SqliteStore(path)
        store.acquire(1.0, 60.0)
        (host,) = store._connection.execute("SELECT host FROM lease").fetchone()
        store.close()

        assert platform.node() == host

    def test_writers_keep_out_of_each_others_way(
        self, path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who finds another in the middle of a transaction is told so, after a while."""
        monkeypatch.setattr("dynsync.sqlite._opening._PATIENCE", 0.0)
        other = SqliteStore(path)
        with store.transaction():
            store.put("name", "value")
            with pytest.raises(StateError, match="another process is writing"):
                other.put("name", "other")
            with pytest.raises(LeaseHeld, match="another process is writing"):
                other.acquire(1.0, 60.0)
        other.close()

        assert "value" == store.get("name")

    def test_a_reader_sees_what_is_committed(self, path: Path, store: SqliteStore) -> None:
        """While a run is under way the status, the journal and the story can be read."""
        store.save_links([linked(1)])
        store.save_pending([waiting("x")])
        store.append([noted()])
        store.put("name", "value")
        store.save_feed("marketo", FeedState(Cursor("t")))
        with store.transaction():
            store.save_pending([waiting("y")])
            reader = SqliteStore.read_only(path)
            assert {LEAD: 1} == reader.backlog().links
            assert {(LEAD, ""): 1} == reader.backlog().counts
            assert "value" == reader.get("name")
            assert FeedState(Cursor("t")) == reader.feed("marketo")
            assert 1 == len(reader.journal(0, 9))
            assert 1 == len(reader.history(LEAD, some_ids("m1", None)))
        assert {(LEAD, ""): 2} == reader.backlog().counts
        with pytest.raises(StateError, match="may only be read"):
            reader.put("name", "other")
        with pytest.raises(StateError, match="may only be read"):
            reader.acquire(1.0, 60.0)
        reader.close()

    def test_a_reader_of_a_file_that_nobody_writes(self, path: Path) -> None:
        """A file can be read when no run is under way; reading makes none."""
        with pytest.raises(StateError, match="no such state file"):
            SqliteStore.read_only(path)
        with pytest.raises(StateError, match="folder"):
            SqliteStore.read_only(path.parent)
        SqliteStore(path).close()
        reader = SqliteStore.read_only(path)

        assert reader.get("name") is None
        reader.close()

    def test_reading_of_an_empty_file(self, path: Path) -> None:
        """An empty file is not a state file yet."""
        path.touch()
        with pytest.raises(StateError, match="another program"):
            SqliteStore.read_only(path)


WORK = """
import sys
sys.path.append(sys.argv[2])
from store_cases import linked, noted, waiting
from dynsync.sqlite import SqliteStore
from dynsync.backlog import PendingKey
store = SqliteStore(sys.argv[1])
store.acquire(1.0, 1e9)
start = store.next_key()
for number in range(start, start + 100000):
    with store.transaction():
        store.renew(1.0, 1e9)
        store.save_links(linked(100 * number + part) for part in range(20))
        store.drop_pending([f"k{number - 1}"])
        store.save_pending([waiting(f"k{number}")])
        store.put("number", str(number))
        store.append([noted(float(number))])
    print(number, flush=True)
"""


def test_survives_kill_9(path: Path) -> None:
    """
    A process that is killed in the middle of its transactions loses none that had ended.

    What is found is exactly what some whole number of transactions leaves, not one fewer than
    the process said it had done, and the next run need not wait for the lease (S1).
    """
    for waited in (1, 7, 40):
        before = SqliteStore(path)
        first = before.next_key()
        before.close()
        process = python(WORK, path, Path(__file__).parent)
        with process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(waited)]
            process.send_signal(signal.SIGKILL)
            said += [int(line) for line in process.stdout.read().split()]
        store = SqliteStore(path)
        store.acquire(2.0, 60.0)
        store.check()
        done = int(store.get("number") or 0)
        total = len(store.journal(0, 10**6))

        assert first <= said[-1] <= done <= said[-1] + 1
        assert [f"k{done}"] == [entry.key for entry in store.each_pending()][-1:]
        assert 20 * total == len(list(store.each_link(LEAD))) == store.backlog().links[LEAD]
        assert 100 * done + 20 == store.next_key()
        assert float(done) == store.journal(total - 1, 1)[0].at
        store.close()


class TestPurge:
    """What may not be read any more is not in the file either."""

    @staticmethod
    def fill(store: SqliteStore) -> None:
        """Put the secret wherever a value can be, some of it in pages that are free again."""
        # Some builds of SQLite overwrite what is deleted, and others do not.
        store._connection.execute("PRAGMA secure_delete = OFF")
        row: Row = ["Ann", VALUE]
        sent = (Sent("city", VALUE, VALUE, VALUE, 1.0),)
        links = [
            attrs.evolve(linked(key, rows=Pair(row, row)), sent=sent) for key in range(1, 1500)
        ]
        store.save_links(links)
        store.drop_links(range(1000, 1500))
        seen = Observation(row, claims={"city": (VALUE, Pair(VALUE, VALUE))})
        hold = Hold(Side.MARKETO, "city", (), VALUE, "", 1, 1.0)
        entries = [
            attrs.evolve(waiting(f"k{key}"), seen=Pair(seen, seen), holds=(hold,))
            for key in range(200)
        ]
        store.save_pending(entries)
        store.drop_pending([PendingKey(f"k{key}") for key in range(100)])
        store.append(noted(lost={"city": VALUE}) for _ in range(300))
        store.prune(0.0)

    @staticmethod
    def found(path: Path) -> list[str]:
        """Return the files that hold the secret."""
        return sorted(
            file.name for file in path.parent.iterdir() if VALUE.encode() in file.read_bytes()
        )

    def test_no_byte_stays(self, path: Path, store: SqliteStore) -> None:
        """After a field went its values are in no file, while the store is open and after."""
        self.fill(store)
        assert ["sync.db-wal"] == self.found(path)
        store._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert ["sync.db", "sync.db-wal"] == self.found(path)
        store.relayout(LEAD, ["name", "city"], ["name"])

        assert [] == self.found(path)
        assert 999 == len(list(store.each_link(LEAD)))
        assert ["Ann"] == store.links([1])[1].rows.dynamics
        store.close()
        assert [] == self.found(path)

    def test_waits_for_the_end_of_a_transaction(self, path: Path, store: SqliteStore) -> None:
        """Inside a transaction the file is cleaned once that has ended."""
        self.fill(store)
        with store.transaction():
            store.relayout(LEAD, ["name", "city"], ["name"])

        assert [] == self.found(path)

    def test_goes_on_after_a_reader(self, path: Path, store: SqliteStore) -> None:
        """While another process reads old pages some must stay; the next run cleans up."""
        self.fill(store)
        reader = sqlite3.connect(path)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM link").fetchone()
        store._connection.execute("PRAGMA busy_timeout = 0")
        store.relayout(LEAD, ["name", "city"], ["name"])
        assert self.found(path)
        reader.close()
        store.close()
        again = SqliteStore(path)
        again.acquire(1.0, 60.0)

        assert [] == self.found(path)
        again.close()

    def test_that_fails_keeps_no_lease(self, path: Path, store: SqliteStore) -> None:
        """Where the file cannot be cleaned no run begins, and nobody waits for its lease."""
        self.fill(store)
        edit(path, "INSERT INTO meta VALUES ('purge', '')")
        half_read = store._connection.execute("SELECT key FROM link")
        half_read.fetchone()
        with pytest.raises(StateError):
            store.acquire(1.0, 60.0)
        half_read.close()
        other = SqliteStore(path)
        other.acquire(2.0, 60.0)
        other.close()

    def test_goes_on_after_a_crash(
        self, path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A crash between the move and the cleaning: asking again cleans."""
        self.fill(store)
        with monkeypatch.context() as patch:
            patch.setattr(SqliteStore, "purge", lambda _: None)
            store.relayout(LEAD, ["name", "city"], ["name"])
        assert self.found(path)
        store.relayout(LEAD, ["name", "city"], ["name"])

        assert [] == self.found(path)


@pytest.mark.parametrize("known", [0, 20000])
def test_cost_is_of_what_changed(store: SqliteStore, known: int) -> None:
    """What a cycle does to a few records takes as many steps of SQLite with many as with few."""
    store.save_links(linked(key) for key in range(100, 100 + known))
    store.save_pending(waiting(f"asleep{number}", 1.0, 1e9) for number in range(known // 10))
    store.save_links(linked(key) for key in range(1, 11))
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store._connection.set_progress_handler(count, 1)
    found = store.known(Side.DYNAMICS, [RecordId(f"d{key}") for key in range(1, 11)], LEAD)
    store.save_pending([waiting(f"k{key}") for key in range(10)])
    due = store.due(20.0, None, 500)
    store.save_links(store.links(range(1, 11)).values())
    store.drop_pending([entry.key for entry in due])
    store.append([noted()] * 10)
    store.next_key()

    assert (10, 10) == (len(found), len(due))
    assert steps < 6000
