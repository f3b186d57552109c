"""A real process, killed many times over in the middle of its work, comes to the same end."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from dynsync.records import RecordId, Wire
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sqlite import SqliteStore
from kill_work import work

SIZE: Final = 10_000
LOAD_KILLS: Final = (4, 9, 13, 12, 15, 11, 14, 10)
"""After how many commits of its own each process is killed, in the first load and later."""

EDIT_KILLS: Final = (3, 10, 17, 8, 24, 13, 31, 19)


# -- around it


class Launched:
    """A process that works on the sync in *folder*."""

    def __init__(self, folder: Path, attempt: int) -> None:
        # Each is forked from one that has imported the package and done nothing: to start an
        # interpreter twenty times would take longer than what the processes do.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["pytest", "dynsync.sandbox", "dynsync.sqlite"])
        self.heard, said = context.Pipe(duplex=False)
        self.process = context.Process(target=work, args=(folder, attempt, said))
        self.process.start()
        said.close()

    def ended(self, kill_after: int | None = None) -> bool:
        """Wait for its end, or kill it after so many commits; return whether it had ended."""
        with self.heard, suppress(EOFError):
            seen = 0
            while kill_after is None or seen < kill_after:
                self.heard.recv_bytes()
                seen += 1
            self.process.kill()
        self.process.join()
        code = self.process.exitcode
        self.process.close()
        assert code in ({0} if kill_after is None else {0, -signal.SIGKILL})
        return code == 0


def progress(folder: Path) -> tuple[int, int]:
    """Return how many links and how many waiting records the state knows of."""
    store = SqliteStore.read_only(folder / "state.db")
    numbers = store.backlog()
    store.close()
    return sum(numbers.links.values()), sum(numbers.counts.values())


def killed(folder: Path, attempt: int, kills: Iterable[int]) -> tuple[int, list[tuple[int, int]]]:
    """Kill process after process, then let one end; return the attempts, and what each left."""
    left: list[tuple[int, int]] = []
    for kill_after in kills:
        attempt += 1
        if Launched(folder, attempt).ended(kill_after):
            return attempt, left
        left.append(progress(folder))
    attempt += 1
    assert Launched(folder, attempt).ended()
    return attempt, left


def edit(folder: Path) -> None:
    """Have people change everything: in Marketo, in Dynamics, in both, and to what is refused."""
    clock = SandboxClock()
    clock.advance(1_000_000.0)
    marketo = SandboxMarketo(folder / "marketo.db", clock=clock)
    dynamics = SandboxDynamics(folder / "dynamics.db", clock=clock)
    people = {row: person for person, row in _linked(marketo)}
    for table in ("lead", "contact"):
        with dynamics.store.writing():
            for number, row in enumerate(dynamics.rows(table)):
                if number % 4 in (1, 2):
                    dynamics.edit(table, row, {"jobtitle": f"D{number}"})
        with marketo._store.transaction():
            for number, row in enumerate(dynamics.rows(table)):
                if number % 4 in (0, 2):
                    marketo.edit(people[row], {"title": f"M{number}"})
                if number % 4 == 3:
                    value = "x" * 60 if number % 100 == 3 else f"M{number}"
                    marketo.edit(people[row], {"firstName": value, "city": f"M{number}"})
    marketo.close()
    dynamics.close()


def _linked(marketo: SandboxMarketo) -> Generator[tuple[RecordId, RecordId]]:
    for person, values in marketo.people():
        row = values["crmLeadId"] or values["crmContactId"]
        assert isinstance(row, str)
        yield person, RecordId(row)


def ends(folder: Path) -> tuple[list[tuple[Wire, ...]], list[tuple[Wire, ...]], Counter[int]]:
    """Return what both systems hold, sorted, and how many people have how many log lines."""
    clock = SandboxClock()
    marketo = SandboxMarketo(folder / "marketo.db", clock=clock)
    dynamics = SandboxDynamics(folder / "dynamics.db", clock=clock)
    names = ("crmLeadId", "crmContactId", "microsoftType", "firstName", "lastName", "title", "city")
    everybody = [*marketo.people()]
    people = sorted((tuple(v[n] for n in names) for _, v in everybody), key=repr)
    columns = ("firstname", "lastname", "jobtitle", "address1_city")
    rows = sorted(
        (
            (table, id_, *(row[name] for name in columns))
            for table in ("lead", "contact")
            for id_, row in dynamics.rows(table).items()
        ),
        key=repr,
    )
    refused = [id_ for id_, values in everybody if len(str(values["firstName"])) == 60]
    lines = Counter(len(marketo.activity_log(id_)) for id_ in refused)
    marketo.close()
    dynamics.close()
    return people, rows, lines


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL elsewhere")
def test_killed_many_times(tmp_path: Path) -> None:
    """Invariant 13: a first load and many edits, killed all the time, end as if nothing was."""
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    calm.mkdir()
    dynamics = SandboxDynamics(calm / "dynamics.db", clock=SandboxClock())
    for table in ("lead", "contact"):
        dynamics.create_all(
            table,
            [
                {"firstname": f"F{number}", "lastname": "L", "jobtitle": "A"}
                for number in range(SIZE // 2)
            ],
        )
    dynamics.close()
    shutil.copytree(calm, stormy)

    # What nobody disturbs works beside what is killed: they have nothing in common.
    undisturbed = Launched(calm, 1)
    attempt, loading = killed(stormy, 0, LOAD_KILLS)
    assert undisturbed.ended()
    for folder in (calm, stormy):
        edit(folder)
    undisturbed = Launched(calm, 1000)
    _, editing = killed(stormy, 1000 + attempt, EDIT_KILLS)
    assert undisturbed.ended()

    edited = ends(calm), ends(stormy)
    people, rows, lines = edited[1]

    assert edited[0] == edited[1]
    assert (SIZE, SIZE) == (len(people), len(rows))
    assert {1: SIZE // 100} == lines
    # The kills did hit in the middle of it, and every process got further than the last.
    assert 5 <= sum(0 < links < SIZE for links, _ in loading)
    assert 5 <= sum(0 < waiting < SIZE for _, waiting in editing)
    assert loading == sorted(loading, key=lambda left: left[0])
    assert 12 <= len(loading) + len(editing)
