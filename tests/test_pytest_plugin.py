"""The pytest plugin, in processes of its own: what it gives, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest_dynsync

ROOT: Final = Path(__file__).parents[1]
SOURCE: Final = Path(pytest_dynsync.__file__).parent


def run(folder: Path, test: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on *test* in an empty *folder*, with no plugin but those that *options* name."""
    (folder / "test_it.py").write_text(test, "utf-8")
    environment = {
        **os.environ,
        # As installed or not: the plugin is asked for by its name, and comes once.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": os.pathsep.join([str(SOURCE), *filter(None, [os.getenv("PYTHONPATH")])]),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


USES: Final = """
def test_a_new_contact_becomes_a_person(dynsync_sync, dynsync_dynamics, dynsync_marketo):
    dynsync_dynamics.create("contact", {"firstname": "Ada", "lastname": "King"})
    report = dynsync_sync.run()
    [(_, person)] = dynsync_marketo.people()
    assert (person["firstName"], person["lastName"]) == ("Ada", "King")
    assert str(report) == "run 1: 1 created"


def test_time_is_pretended(dynsync_clock, dynsync_sync, dynsync_dynamics, dynsync_recorder):
    row = dynsync_dynamics.create("lead", {"lastname": "Lee"})
    dynsync_sync.run()
    dynsync_clock.advance(300)
    dynsync_dynamics.edit("lead", row, {"lastname": "Low"})
    assert str(dynsync_sync.run()) == "run 2: 1 updated"
    assert [entry.kind for entry in dynsync_recorder.entries] == ["created", "updated"]


def test_begins_empty(dynsync_marketo, dynsync_dynamics, dynsync_store):
    assert dynsync_marketo.count() == 0
    assert dynsync_store.next_key() == 1
"""


def test_fixtures_are_a_sync_that_is_ready(tmp_path: Path) -> None:
    """Two systems, pretend time and a sync between them, empty for every test."""
    done = run(tmp_path, USES, "-p", "pytest_dynsync", "-W", "error")

    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_part_can_be_replaced(tmp_path: Path) -> None:
    """A host's own fixture of the same name takes the place of ours."""
    test = """
import pytest
from dynsync import MemoryStore

class Mine(MemoryStore):
    pass

@pytest.fixture
def dynsync_store():
    return Mine()

def test_it(dynsync_sync):
    assert isinstance(dynsync_sync.store, Mine)
"""
    done = run(tmp_path, test, "-p", "pytest_dynsync")

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_loads_nothing_before_it_is_used(tmp_path: Path) -> None:
    """A test suite that has the plugin and does not use it pays nothing, nor skews coverage."""
    test = """
import sys

def test_nothing_is_loaded():
    assert "pytest_dynsync" in sys.modules
    assert not [name for name in sys.modules if name.split(".")[0] in {"dynsync", "hypothesis"}]

def test_a_fixture_loads_it(dynsync_clock):
    assert "dynsync" in sys.modules
    assert "hypothesis" not in sys.modules
"""
    done = run(tmp_path, test, "-p", "pytest_dynsync", "-p", "no:hypothesispytest")

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_can_be_switched_off(tmp_path: Path) -> None:
    """``-p no:pytest_dynsync`` is heard, and then there are no fixtures."""
    done = run(tmp_path, USES, "-p", "no:pytest_dynsync")

    assert "fixture 'dynsync_sync' not found" in done.stdout


def test_entry_point_names_the_plugin() -> None:
    """What is installed leads to it, under the name by which it can be switched off."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert {"pytest_dynsync": "pytest_dynsync"} == project["entry-points"]["pytest11"]
    assert ["hypothesis>=6.100"] == project["optional-dependencies"]["testing"]


def test_every_fixture_is_exported() -> None:
    """The fixtures are what the module says it has."""
    fixtures = {name for name in vars(pytest_dynsync) if name.startswith("dynsync_")}

    assert set(pytest_dynsync.__all__) == fixtures
