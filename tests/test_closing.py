"""
Whoever opens a database closes it.

What is forgotten closes by itself; what a command opens is closed when it ends, though
somebody still holds it.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final, TypeAlias

import pytest
from click.testing import CliRunner

from dynsync.cli._app import app
from dynsync.errors import ConfigurationError
from dynsync.preview import Preview, preview_files
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sqlite import SqliteStore
from store_fixtures import Oops
from support import World

Make: TypeAlias = Callable[[Path], object]


def marketo(path: Path | None) -> SandboxMarketo:
    """Return a Marketo in a file, or in memory."""
    return SandboxMarketo(path, clock=SandboxClock())


def dynamics(path: Path | None) -> SandboxDynamics:
    """Return a Dynamics in a file, or in memory."""
    return SandboxDynamics(path, clock=SandboxClock())


def read_only(path: Path) -> SqliteStore:
    """Return a state file that is only looked at."""
    with SqliteStore(path):
        return SqliteStore.read_only(path)


def preview(path: Path) -> Preview:
    """Return what a first sync of two small exports would do."""
    people, contacts = path.with_suffix(".people.csv"), path.with_suffix(".contacts.csv")
    people.write_text("id,email\n7,ada@example.org\n", encoding="utf-8")
    contacts.write_text("contactid,emailaddress1\nno GUID,\n", encoding="utf-8")
    return preview_files(people, contacts, by_email=True)


def with_a_rule(path: Path) -> SandboxDynamics:
    """Return a Dynamics that a rule of its own looks things up in."""
    system = dynamics(path)
    system.when_changed("lead", "jobtitle", lambda _: {"subject": str(system.count("lead"))})
    return system


MAKERS: Final[dict[str, Make]] = {
    "Marketo in memory": lambda _: marketo(None),
    "Marketo in a file": marketo,
    "its connector": lambda path: marketo(path).connector(),
    "Dynamics in memory": lambda _: dynamics(None),
    "Dynamics in a file": dynamics,
    "Dynamics' connector": lambda path: dynamics(path).connector(),
    "Dynamics with a rule": with_a_rule,
    "a state file": SqliteStore,
    "a state file to read": read_only,
    "a preview": preview,
    "rows of a preview": lambda path: preview(path).malformed(),
    "a world": lambda path: World(store=SqliteStore(path)),
}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Return every connection from now on, held, so that it can be asked whether it is open."""
    connect, held = sqlite3.connect, list[sqlite3.Connection]()

    def holding(database: str, **options: object) -> sqlite3.Connection:
        held.append(connect(database, **options))  # type: ignore[call-overload]
        return held[-1]

    monkeypatch.setattr(sqlite3, "connect", holding)
    return held


def still_open(connections: list[sqlite3.Connection]) -> int:
    """Return how many of *connections* can be used."""
    return sum(map(is_open, connections))


def is_open(connection: sqlite3.Connection) -> bool:
    """Say whether *connection* can be used."""
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return False
    return True


@contextmanager
def without_collecting() -> Iterator[None]:
    """Let the garbage lie: what is closed inside was closed by somebody."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("name", MAKERS)
def test_closes_when_forgotten(name: str, tmp_path: Path, opened: list[sqlite3.Connection]) -> None:
    """An owner that nobody holds any more leaves nothing open."""
    owner = MAKERS[name](tmp_path / "file")
    before = still_open(opened)
    del owner
    gc.collect()

    assert before
    assert 0 == still_open(opened)


@pytest.mark.parametrize("name", MAKERS)
def test_closes_when_another_thread_forgets_it(
    name: str, tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    """Whoever lets go last need not be who opened it."""
    owners = [MAKERS[name](tmp_path / "file")]

    def forget() -> None:
        owners.clear()
        gc.collect()

    thread = Thread(target=forget)
    thread.start()
    thread.join()

    assert opened
    assert 0 == still_open(opened)


@pytest.mark.parametrize("make", [marketo, dynamics, SqliteStore, preview])
def test_closes_at_the_end_of_its_block(
    make: Callable[[Path], SandboxMarketo | SandboxDynamics | SqliteStore | Preview],
    tmp_path: Path,
    opened: list[sqlite3.Connection],
) -> None:
    """A `with` block closes it at once, also where an error ends it, and once is enough."""
    with without_collecting(), suppress(Oops), make(tmp_path / "file") as owner:
        raise Oops

    assert 0 == still_open(opened)
    owner.close()


@pytest.mark.parametrize("make", [marketo, dynamics])
def test_a_connector_keeps_its_system(
    make: Callable[[Path], SandboxMarketo | SandboxDynamics],
    tmp_path: Path,
    opened: list[sqlite3.Connection],
) -> None:
    """Who holds a connector needs hold no more, and can close what is behind it."""
    connector = make(tmp_path / "file").connector()
    gc.collect()

    assert connector.identity()
    with without_collecting():
        connector.close()
        assert 0 == still_open(opened)


def test_rows_keep_their_preview(tmp_path: Path, opened: list[sqlite3.Connection]) -> None:
    """Who goes through the malformed rows needs hold nothing else."""
    rows = preview(tmp_path / "file").malformed()
    gc.collect()

    assert ["id"] == [problem.code for _, problem in rows]
    assert 0 == still_open(opened)


@pytest.mark.parametrize("make", [marketo, dynamics])
def test_a_refused_file_is_closed(
    make: Make, tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    """What is no sandbox is let go of before anybody hears of it."""
    path = tmp_path / "file"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigurationError, match=f"{path} is no sandbox file"):
        make(path)

    assert opened
    assert 0 == still_open(opened)


@pytest.mark.parametrize("make", [marketo, dynamics])
def test_a_file_of_another_is_closed(
    make: Make, tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    """A database that is somebody else's is let go of, too."""
    path = tmp_path / "file"
    with SqliteStore(path) as store:
        store.put("a", "b")
    with pytest.raises(ConfigurationError, match=f"{path} is no sandbox file"):
        make(path)

    assert 0 == still_open(opened)


@pytest.mark.parametrize(("make", "other"), [(marketo, dynamics), (dynamics, marketo)])
def test_a_file_of_the_other_system_is_left_alone(make: Make, other: Make, tmp_path: Path) -> None:
    """A pretend Dynamics is not laid out as a Marketo, nor the other way round."""
    path = tmp_path / "file"
    other(path)
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="is no sandbox file of"):
        make(path)

    assert before == path.read_bytes()


def test_a_failed_plan_leaves_no_copy_open(
    tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    """The private copy that a plan is made in is closed, also where the plan fails."""
    with SqliteStore(tmp_path / "file") as store:
        world = World(store=store)
        world.lead()
        before, made = still_open(opened), len(opened)
        with without_collecting():
            world.sync.plan()
            with suppress(Oops), store.scratch():
                raise Oops

        assert before == still_open(opened)
        assert made + 2 == len(opened)


def test_closes_when_forgotten_amid_a_plan(
    tmp_path: Path, opened: list[sqlite3.Connection]
) -> None:
    """A store that is let go of with its private copy leaves neither open."""
    store = SqliteStore(tmp_path / "file")
    block = store.scratch()
    block.__enter__()
    del store, block
    gc.collect()

    assert 2 == len(opened)
    assert 0 == still_open(opened)


HOST: Final = """\
from dynsync.cli import sandboxes

held = []

def {0}(file):
    held.append(sandboxes.{0}(file=file))
    return held[-1]
"""

CONFIG: Final = """\
[marketo]
connector = "closing_marketo:marketo"
options = { file = { path = "marketo.sandbox" } }
[dynamics]
connector = "closing_dynamics:dynamics"
options = { file = { path = "dynamics.sandbox" } }
[state]
path = "dynsync.state"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration of two sandboxes whose host holds on to its connectors."""
    for side, make in (("marketo", marketo), ("dynamics", dynamics)):
        make(tmp_path / f"{side}.sandbox").close()
        (tmp_path / f"closing_{side}.py").write_text(HOST.format(side), encoding="utf-8")
    SqliteStore(tmp_path / "dynsync.state").close()
    path = tmp_path / "dynsync.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["run", "plan", "pause", "log", "status"])
def test_a_command_closes_what_it_opened(
    command: str, config: Path, opened: list[sqlite3.Connection]
) -> None:
    """At the end of a command its files are closed, though the host still holds connectors."""
    with without_collecting():
        result = CliRunner().invoke(app, [command, "--config", str(config)])

        assert isinstance(result.exception, SystemExit | None), result.output
        assert opened
        assert 0 == still_open(opened)
