"""
The command line: every command, every exit code, and every mistake in the configuration.

The two systems are sandboxes in files; time is the wall's, so nothing here waits for it.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import IO, Final, cast

import click
import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len

import dynsync.cli
from dynsync.backlog import Pending, unlinked_key
from dynsync.cli._app import app
from dynsync.cli._commands import Leaving
from dynsync.cli._config import load_config
from dynsync.cli._console import age, plain, write_csv
from dynsync.cli._exits import ExitCode, code_of_error, table_of_codes
from dynsync.cli._progress import progress
from dynsync.cli._signals import Stop
from dynsync.errors import ConfigurationError, SyncError, Throttled
from dynsync.policies import AuthorityPolicy, Collision, Leave, Take
from dynsync.records import Entity, Pair, RecordId, Side, Value
from dynsync.reports import Progress
from dynsync.sandbox import SandboxDynamics, SandboxMarketo
from dynsync.schedule import SystemClock
from dynsync.sqlite import SqliteStore

CONFIG: Final = """\
[marketo]
connector = "dynsync.cli.sandboxes:marketo"
options = { file = { path = "marketo.sandbox" } }
[dynamics]
connector = "dynsync.cli.sandboxes:dynamics"
options = { file = { path = "dynamics.sandbox" } }
[state]
path = "dynsync.state"
[sync]
recorders = ["activity-log"]
"""

_MODULES = itertools.count()


class World:
    """A folder with two sandboxes and a configuration, and a way to run commands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "dynsync.toml"

    def run(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
        """Run a command on the configuration of this folder."""
        return CliRunner().invoke(app, [*arguments, "--config", str(self.config)], env=env)

    def marketo(self) -> SandboxMarketo:
        """Open Marketo."""
        return SandboxMarketo(self.folder / "marketo.sandbox", clock=SystemClock())

    def dynamics(self) -> SandboxDynamics:
        """Open Dynamics."""
        return SandboxDynamics(self.folder / "dynamics.sandbox", clock=SystemClock())

    def write_config(self, *changes: tuple[str, str], more: str = "") -> None:
        """Write the configuration with some *changes* to it."""
        text = CONFIG
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text + more, encoding="utf-8")

    def host(self, source: str) -> str:
        """Put a module of the host's own beside the configuration and return its name."""
        name = f"cli_host_{next(_MODULES)}"
        (self.folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        return name

    def person_of(self, dynamics: RecordId, entity: str = "lead") -> RecordId:
        """Return the person linked to a Dynamics record."""
        store = SqliteStore.read_only(self.folder / "dynsync.state")
        link = store.link_of(Side.DYNAMICS, dynamics, Entity(entity))
        store.close()
        assert link is not None
        return link.ids.marketo


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems that were synced once."""
    world = World(tmp_path_factory.mktemp("template"))
    world.write_config()
    with world.marketo() as marketo, world.dynamics() as dynamics:
        marketo.create_person({"firstName": "Only", "lastName": "Marketo", "company": "Ærø"})
        for number in range(3):
            values = {"firstname": "Zoë", "lastname": f"Żółć {number}"}
            dynamics.create("contact", values)
            dynamics.create("lead", {**values, "subject": "t", "companyname": "c"})
    result = world.run("run")
    assert result.exit_code == ExitCode.OK, result.output
    return world.folder


@pytest.fixture
def world(template: Path, tmp_path: Path) -> World:
    """A copy of the two systems for one test."""
    folder = tmp_path / "world"
    shutil.copytree(template, folder)
    return World(folder)


def lead_of(dynamics: SandboxDynamics) -> RecordId:
    """Return one lead."""
    return min(dynamics.rows("lead"))


def refuse_one(world: World) -> RecordId:
    """Have a person hold a value that Dynamics does not take; return the person."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        person = world.person_of(lead_of(dynamics))
        marketo.edit(person, {"mobilePhone": "+47 555 0123 or the office"})
    return person


def lock_out(world: World) -> None:
    """Have Dynamics refuse whatever it is asked."""
    module = world.host(
        """
        from dynsync.cli import sandboxes
        from dynsync.sandbox import Fault

        def dynamics(file):
            connector = sandboxes.dynamics(file=file)
            connector.system.faults.hook = lambda operation, number: Fault("refused")
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))


# -- the cycle


def test_run_syncs(world: World) -> None:
    """An edit made in one system is in the other after a run."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        marketo.edit(world.person_of(lead), {"title": "Køkkenchef"})
        result = world.run("run")

        assert result.exit_code == ExitCode.OK
        assert "updated" in result.stdout
        row = dynamics.row("lead", lead)
        assert row is not None
        assert row["jobtitle"] == "Køkkenchef"


def test_run_prints_json(world: World) -> None:
    """With --json, stdout is one JSON object."""
    result = world.run("run", "--json")

    report = json.loads(result.stdout)
    assert (report["records"], report["failures"], report["paused"]) == (0, [], False)


def test_refused_record_needs_attention(world: World) -> None:
    """A run in which a value was refused ends with 1, and says which without the value."""
    refuse_one(world)

    result = world.run("run")

    assert result.exit_code == ExitCode.ATTENTION
    assert "mobile_phone" in result.stderr
    assert "office" not in result.output


def test_down_system_is_code_3(world: World) -> None:
    """A system that fails ends a run with 3 and a line on stderr."""
    lock_out(world)

    result = world.run("run")

    assert result.exit_code == ExitCode.SYSTEM
    assert result.stderr.count("may not use this API") == 1
    assert "Run 2: nothing was done" in result.stdout
    assert "may not use this API" not in result.stdout


def test_a_failed_run_is_not_healthy(world: World) -> None:
    """Status says that the last run failed, until one goes through."""
    lock_out(world)
    assert world.run("run").exit_code == ExitCode.SYSTEM

    plainly, told = world.run("status"), json.loads(world.run("status", "--json").stdout)

    assert plainly.exit_code == ExitCode.ATTENTION
    assert "Health    the last run failed" in plainly.stdout
    assert told["health"] == "the last run failed"
    assert any("Dynamics: " in trouble for trouble in told["troubles"])

    world.write_config()
    assert world.run("run").exit_code == ExitCode.OK
    assert world.run("status").exit_code == ExitCode.OK


def test_guard_is_code_4(world: World) -> None:
    """A guard that stops a run ends it with 4 and says which setting would allow it."""
    world.write_config(more="[guards]\nallow_full_read = false\n")
    with world.dynamics() as dynamics:
        dynamics.expire_cursors()

    result = world.run("run")

    assert result.exit_code == ExitCode.GUARD
    assert "allow_full_read" in result.stderr


def test_held_lease_is_code_5(world: World) -> None:
    """While another process runs the sync, a run ends with 5."""
    store = SqliteStore(world.folder / "dynsync.state", owner="the other one")
    store.acquire(SystemClock().now().timestamp(), 60)

    result = world.run("run")
    store.close()

    assert result.exit_code == ExitCode.STATE
    assert "the other one" in result.stderr


def test_broken_contract_is_code_6(world: World) -> None:
    """A connector that breaks its contract ends a run with 6."""
    module = world.host(
        """
        from dynsync.cli import sandboxes

        def dynamics(file):
            connector = sandboxes.dynamics(file=file)
            connector.write = lambda table, writes: []
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))
    with world.dynamics() as dynamics, world.marketo() as marketo:
        marketo.edit(world.person_of(lead_of(dynamics)), {"title": "x"})

    result = world.run("run")

    assert result.exit_code == ExitCode.BROKEN
    assert "got 1 and returned 0" in result.stderr


def test_a_fault_of_a_connector_is_told_by_its_place(world: World) -> None:
    """What a connector may not raise is told by file and line, without what it says."""
    module = world.host(
        """
        from dynsync.cli import sandboxes

        def dynamics(file):
            connector = sandboxes.dynamics(file=file)
            connector.read = lambda table, fields, cursor: {}["Secret"]
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))

    result = world.run("run")

    assert result.exit_code == ExitCode.BROKEN
    assert f"The Dynamics connector raised KeyError ({module}.py:6) in read" in result.stderr
    assert "Secret" not in result.output


@pytest.mark.parametrize("raised", ["SystemExit", "CancelledError"])
def test_a_connector_ends_no_process(raised: str, world: World) -> None:
    """What ends a process or a task is no exception like others, and still a connector's fault."""
    module = world.host(
        f"""
        from asyncio import CancelledError
        from dynsync.cli import sandboxes

        def dynamics(file):
            connector = sandboxes.dynamics(file=file)
            def leave(*arguments):
                raise {raised}(0)
            connector.read = leave
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))

    result = world.run("run")

    assert result.exit_code == ExitCode.BROKEN
    [line] = result.stderr.splitlines()
    assert f"connector raised {raised} ({module}.py:8)" in line


CLOSING: Final = """
from dynsync.cli import sandboxes

def dynamics(file):
    connector = sandboxes.dynamics(file=file)
    def close():
        connector.system.close()
        raise KeyError("Secret")
    connector.close = close
    return connector
"""
"""Makes connectors that cannot be closed."""


def test_a_connector_that_cannot_be_closed_is_told(world: World) -> None:
    """What closing raises is told by its place; what was done is stored."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        marketo.edit(world.person_of(lead_of(dynamics)), {"title": "Køkkenchef"})
    module = world.host(CLOSING)
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))

    result = world.run("run")

    assert result.exit_code == ExitCode.BROKEN
    told = f"The Dynamics connector raised KeyError ({module}.py:8) in close. What was done is"
    assert told in result.stderr
    assert (len(result.stderr.splitlines()), "Secret" in result.output) == (1, False)
    assert "1 updated" in world.run("status").stdout


def test_what_cannot_be_closed_hides_no_other_trouble(world: World) -> None:
    """Where a run has failed already, its own code stays, and both are told."""
    module = world.host(CLOSING)
    world.write_config(
        ("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"),
        ('"dynsync.state"', '"nowhere/dynsync.state"'),
    )

    result = world.run("run")

    assert (result.exit_code, len(result.stderr.splitlines())) == (ExitCode.STATE, 2)
    assert "raised KeyError" in result.stderr


def test_interrupt_is_code_130(world: World) -> None:
    """A second Ctrl-C ends the process at once, with 130 and no traceback."""
    module = world.host("def marketo(file):\n    raise KeyboardInterrupt\n")
    world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:marketo"))

    result = world.run("run")

    assert result.exit_code == ExitCode.INTERRUPTED
    assert "Traceback" not in result.output


def test_stop_is_asked_for_once() -> None:
    """The first signal asks, the second interrupts."""
    stop = Stop()
    assert not stop()

    stop.ask()

    assert stop()
    with pytest.raises(KeyboardInterrupt):
        stop.ask()


def test_stopped_run_is_interrupted(world: World) -> None:
    """A signal during a run lets the batch finish; what is left waits, and the code is 130."""
    module = world.host(
        """
        import os, signal
        from dynsync.cli import sandboxes

        def marketo(file):
            connector = sandboxes.marketo(file=file)
            describe = connector.describe
            def asked(table):
                os.kill(os.getpid(), signal.SIGTERM)
                return describe(table)
            connector.describe = asked
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:marketo"))

    result = world.run("run")

    assert result.exit_code == ExitCode.INTERRUPTED
    assert "SIGTERM: finishing" in result.stderr
    assert "Run 2: asked to stop before it was done" in result.stdout

    planned = world.run("plan")
    assert planned.exit_code == ExitCode.INTERRUPTED
    assert planned.stdout == "Nothing so far.\n"


def test_stop_while_a_throttle_is_waited_out_is_code_130(world: World) -> None:
    """A stop that is heard while a system wants us to wait is a stop, not its failure."""
    module = world.host(
        """
        import os, signal
        from dynsync import Side, Throttled
        from dynsync.cli import sandboxes

        def marketo(file):
            connector = sandboxes.marketo(file=file)
            def busy(table):
                os.kill(os.getpid(), signal.SIGTERM)
                raise Throttled(Side.MARKETO, "too many calls", 200)
            connector.describe = busy
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:marketo"))

    ran, planned = world.run("run"), world.run("plan")

    assert [ran.exit_code, planned.exit_code] == [ExitCode.INTERRUPTED] * 2
    assert "Run 2: asked to stop before it was done" in ran.stdout
    assert "dynsync: Marketo: too many calls" in planned.stderr
    assert "too many calls" in ran.stderr


def test_watch_runs_cycles(world: World) -> None:
    """Watch prints a line a cycle and ends after --cycles."""
    result = world.run("watch", "--delay", "0", "--cycles", "3")

    assert result.exit_code == ExitCode.OK
    assert ["run 2", "run 3", "run 4"] == [
        line.split(" ", 1)[1].split(":")[0] for line in result.stdout.splitlines()
    ]


def test_plan_changes_nothing(world: World) -> None:
    """A plan lists the writes of the next run and makes none; values only on request."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        marketo.edit(world.person_of(lead), {"title": "Geheim"})
        table, as_json = world.run("plan"), world.run("plan", "--json")
        with_values = world.run("plan", "--json", "--values")

        row = dynamics.row("lead", lead)
        assert row is not None
        assert row["jobtitle"] is None
    assert "jobtitle" in table.stdout
    [record] = json.loads(as_json.stdout)["records"]
    assert record["writes"] == [{"side": "dynamics", "kind": "update", "fields": ["jobtitle"]}]
    assert "Geheim" not in table.output + as_json.output
    assert "Geheim" in with_values.stdout


def test_plan_goes_into_a_csv_file(world: World) -> None:
    """With --csv, a plan is a file with a row for each value that would be written."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        person = world.person_of(lead_of(dynamics))
        marketo.edit(person, {"title": "a", "city": "b"})
    path = world.folder / "plan.csv"

    result = world.run("plan", "--csv", str(path))

    assert result.exit_code == ExitCode.OK
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert {"jobtitle", "address1_city"} == {row["column"] for row in rows}
    assert {person} == {row["person"] for row in rows}
    assert {"job_title", "city"} == {row["field"] for row in rows}
    assert {"only Marketo changed it"} == {row["reason"] for row in rows}
    assert world.run("plan", "--csv", str(path / "no")).exit_code == ExitCode.USAGE
    assert path.stat().st_mode & 0o777 == 0o600


def csv_plan(world: World) -> list[dict[str, str]]:
    """Return the rows of a plan in a CSV file."""
    path = world.folder / "plan.csv"
    assert world.run("plan", "--csv", str(path)).exit_code == ExitCode.ATTENTION
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_plan_as_csv_tells_what_would_be_refused(world: World) -> None:
    """What is refused is in the file, by its column and with the reason, and is counted."""
    person = refuse_one(world)
    told = world.run("plan", "--csv", str(world.folder / "plan.csv"))
    [row] = csv_plan(world)

    assert "0 writes for 1 record, 1 of which for a person to look at in " in told.stdout
    assert (row["person"], row["outcome"]) == (person, "rejected")
    assert (row["side"], row["kind"]) == ("dynamics", "refused")
    assert (row["column"], row["field"]) == ("mobilephone", "mobile_phone")
    assert row["reason"] == "26 characters, but 'mobilephone' holds 20 [FIELD_LENGTH]"

    world.run("run")
    with world.marketo() as marketo:
        marketo.edit(person, {"title": "Chef"})
    rows = csv_plan(world)

    assert [("update", "jobtitle"), ("held", "mobilephone")] == [
        (row["kind"], row["column"]) for row in rows
    ]
    assert rows[1]["reason"] == "26 characters, but 'mobilephone' holds 20 [FIELD_LENGTH]"
    assert "office" not in str(rows)


def test_a_plan_as_csv_tells_what_is_left_open(world: World) -> None:
    """A collision that is left to a person has a row, with its reason and on neither side."""
    world.write_config(more='[entity.lead]\npolicy = "manual"\n')
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        marketo.edit(world.person_of(lead), {"title": "one"})
        dynamics.edit("lead", lead, {"jobtitle": "other"})

    [row] = csv_plan(world)

    assert (row["kind"], row["side"], row["column"]) == ("unresolved", "", "")
    assert (row["field"], row["reason"]) == ("job_title", "a person must decide")


def test_a_plan_as_csv_tells_of_each_record(world: World) -> None:
    """A record of which nothing is written, nor kept back, has a row for itself."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        person = world.person_of(lead)
        marketo.delete(person)
    path = world.folder / "plan.csv"
    world.run("plan", "--csv", str(path))
    [record] = json.loads(world.run("plan", "--json").stdout)["records"]
    [row] = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))

    assert record["writes"] == []
    assert row["dynamics"] == lead
    assert [row["outcome"], row["reason"]] == [record["outcome"], record["why"]]
    assert {row[head] for head in ("side", "kind", "column", "field")} == {""}


def test_a_plan_as_csv_names_what_a_new_person_is_told(world: World) -> None:
    """Of a record that is made every value has a reason, what it is in Dynamics too."""
    with world.dynamics() as dynamics:
        dynamics.create("contact", {"lastname": "New"})
    path = world.folder / "plan.csv"
    world.run("plan", "--csv", str(path))
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))

    stamps = [row for row in rows if row["reason"] == "what the person is in Dynamics"]
    assert {row["kind"] for row in rows} == {"create"}
    assert {row["field"] for row in stamps} == {""}
    assert all(row["reason"] for row in rows)
    assert all(row["field"] for row in rows if row not in stamps)


def test_a_plan_as_csv_of_an_earlier_version_is_replaced(world: World) -> None:
    """It holds the first columns, with or without values, and no reasons."""
    path = world.folder / "plan.csv"
    heads = "entity,person,dynamics,outcome,side,kind,column"
    for earlier in (heads, f"{heads},value"):
        path.write_text(f"{earlier}\n", encoding="utf-8")
        assert world.run("plan", "--csv", str(path)).exit_code == ExitCode.OK
    path.write_text(f"{heads}s\n", encoding="utf-8")

    assert world.run("plan", "--csv", str(path)).exit_code == ExitCode.USAGE


def test_plan_shows_what_would_be_refused(world: World) -> None:
    """A value that would be refused is in the plan, by its field and without the value."""
    person = refuse_one(world)

    table = world.run("plan", env={"COLUMNS": "200"})
    [record] = json.loads(world.run("plan", "--json").stdout)["records"]

    assert (record["person"], record["outcome"]) == (person, "rejected")
    assert [("dynamics", "mobile_phone")] == [(r["side"], r["field"]) for r in record["refusals"]]
    assert "refused in Dynamics: mobile_phone" in table.stdout
    assert "office" not in table.output
    assert table.exit_code == ExitCode.ATTENTION


def test_plan_says_who_gives_way(world: World) -> None:
    """Where both sides have a value, a plan says which one would be lost, and why."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        marketo.edit(world.person_of(lead), {"city": "Málaga"})
        dynamics.edit("lead", lead, {"address1_city": "Tromsø"})
    told = [world.run("plan", *more, env={"COLUMNS": "200"}) for more in ([], ["--values"])]
    datas = [world.run("plan", "--json", *more) for more in ([], ["--values"])]

    plainly, in_full = (result.stdout for result in told)
    hidden, shown = (json.loads(result.stdout)["records"][0]["changes"][0] for result in datas)
    why = "city: Marketo has authority over lead records; Dynamics loses"
    assert f"{why} a value (see --values)" in plainly
    assert f"{why} Tromsø" in in_full
    assert (hidden["winner"], hidden["written"]) == ("marketo", ["dynamics"])
    assert (hidden["lost"], shown["lost"]) == ("(not shown; use --values)", "Tromsø")
    assert "Tromsø" not in plainly + datas[0].stdout


def test_plan_says_why_a_value_is_held(world: World) -> None:
    """Of a value that was refused before, a plan tells the refusal that stands."""
    person = refuse_one(world)
    world.run("run")
    with world.marketo() as marketo:
        marketo.edit(person, {"title": "Chef"})

    told = world.run("plan", env={"COLUMNS": "200"})
    [record] = json.loads(world.run("plan", "--json").stdout)["records"]

    [refused] = record["refusals"]
    assert (refused["field"], refused["held"]) == ("mobile_phone", True)
    assert "held, refused in Dynamics: mobile_phone: " in told.stdout
    assert "'mobilephone' holds 20 [FIELD_LENGTH]" in told.stdout


def test_plan_of_a_paused_sync_says_so(world: World) -> None:
    """While the sync is off a run would do nothing, and a plan says so."""
    world.run("pause")
    told = world.run("plan")

    assert told.exit_code == ExitCode.ATTENTION
    assert "paused: this waits for: dynsync resume" in told.stderr
    assert json.loads(world.run("plan", "--json").stdout)["paused"]


def test_csv_holds_no_formula(world: World) -> None:
    """A value that a spreadsheet would run is shown as text, wherever CSV is made."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        marketo.edit(world.person_of(lead_of(dynamics)), {"title": "=1+1", "city": "+47 22"})
    path = world.folder / "plan.csv"
    world.run("plan", "--csv", str(path), "--values")
    with path.open(encoding="utf-8", newline="") as file:
        values = {row["column"]: row["value"] for row in csv.DictReader(file)}
    out = io.StringIO()
    write_csv(out, ["a", "b"], [["@x", -1], [None, "\tcmd"]])

    assert values == {"jobtitle": "'=1+1", "address1_city": "+47 22"}
    assert out.getvalue() == "a,b\n'@x,-1\n,'\tcmd\n"


def test_plan_is_applied_as_it_was_looked_at(world: World) -> None:
    """A plan in a file is done as it says; what has changed since is left to the next run."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        first, second, third = sorted(dynamics.rows("lead"))
        marketo.edit(world.person_of(first), {"title": "Køkkenchef"})
        marketo.edit(world.person_of(second), {"title": "before"})
        path = world.folder / "plan.json"
        planned = world.run("plan", "--out", str(path))
        marketo.edit(world.person_of(second), {"title": "after"})
        marketo.edit(world.person_of(third), {"title": "not planned"})

        applied = world.run("apply", str(path))

        titles = [(dynamics.row("lead", id_) or {})["jobtitle"] for id_ in (first, second, third)]
        assert titles == ["Køkkenchef", None, None], applied.output
        assert world.run("run").exit_code == ExitCode.OK
        titles = [(dynamics.row("lead", id_) or {})["jobtitle"] for id_ in (first, second, third)]
        assert titles == ["Køkkenchef", "after", "not planned"]
    assert "2 writes for 2 records" in planned.stdout
    assert path.stat().st_mode & 0o777 == 0o600


def plan_of(**changed: object) -> str:
    """Return a plan of one record in which something was *changed*."""
    record: dict[str, object] = {
        "key": "link:1",
        "entity": "lead",
        "person": "1",
        "dynamics": None,
        "writes": [],
    }
    record |= {"outcome": "updated", "why": "", "basis": "", **changed}
    return json.dumps({"version": 1, "made": "2026-11-24T04:19:00+00:00", "records": [record]})


NO_PLANS: Final = {
    "nothing": "",
    "a list": "[]",
    "a table": "{}",
    "numbers": '{"version": 1, "made": 1, "records": 2}',
    "another encoding": "\xff",
    "a pit": "[" * 100_000,
    "a number for a key": plan_of(key=1),
    "a list for a key": plan_of(key=["link:1"]),
    "half a letter for a key": plan_of(key="\ud800"),
    "a table for an entity": plan_of(entity={}),
    "a number for an id": plan_of(person=1),
    "a number for a reason": plan_of(why=1),
    "no basis": plan_of(basis=None),
}


@pytest.mark.parametrize("name", NO_PLANS)
def test_what_is_no_plan_is_not_applied(name: str, world: World) -> None:
    """Another file is a usage error, and nothing is written."""
    path = world.folder / "plan.json"
    path.write_text(NO_PLANS[name], encoding="latin-1")

    result = world.run("apply", str(path))

    assert result.exit_code == ExitCode.USAGE
    assert "is no plan. Make one with: dynsync plan --out FILE" in " ".join(result.stderr.split())
    assert world.run("apply", str(path.with_name("none"))).exit_code == ExitCode.USAGE


def test_a_plan_that_was_typed_by_hand_is_applied(world: World) -> None:
    """What differs from a plan in one thing is one without that."""
    path = world.folder / "plan.json"
    path.write_text(plan_of(), encoding="utf-8")

    assert world.run("apply", str(path)).exit_code == ExitCode.OK


@pytest.mark.parametrize("option", ["--out", "--csv"])
def test_a_plan_replaces_nothing_but_a_plan(option: str, world: World) -> None:
    """The state, the configuration and the other kind of plan stay; a plan gives way to a plan."""
    other = "--csv" if option == "--out" else "--out"
    path = world.folder / "plan"
    world.run("plan", other, str(path))
    files = ("dynsync.state", "dynsync.toml", "marketo.sandbox", "plan")
    held = {name: (world.folder / name).read_bytes() for name in files}

    results = [world.run("plan", option, str(world.folder / name)) for name in files]

    assert [result.exit_code for result in results] == [ExitCode.USAGE] * len(files)
    assert all("is no plan, and is not replaced" in result.stderr for result in results)
    assert held == {name: (world.folder / name).read_bytes() for name in files}

    path.write_bytes(b"")
    again = [world.run("plan", option, str(path)).exit_code for _ in range(2)]
    assert again == [ExitCode.OK] * 2
    assert path.stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="pipes with a name")
@pytest.mark.parametrize("option", ["--out", "--csv"])
def test_a_plan_makes_no_pipe_private(option: str, world: World) -> None:
    """What is no file is written to and left to whom it was: a device would be everybody's."""
    pipe = world.folder / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    result = world.run("plan", option, str(pipe))

    assert (result.exit_code, len(os.read(reader, 10))) == (ExitCode.OK, 10), result.output
    os.close(reader)
    assert pipe.stat().st_mode & 0o777 == 0o666


def test_a_plan_replaces_no_state_that_its_own_run_makes(world: World) -> None:
    """Where the state is made by this very command, the plan does not take its place."""
    state = world.folder / "new.state"
    world.write_config(("dynsync.state", state.name))

    assert world.run("plan", "--out", str(state)).exit_code == ExitCode.USAGE
    assert world.run("run").exit_code == ExitCode.OK


def test_open_collision_in_a_plan_needs_attention(world: World) -> None:
    """A collision that is left to a person makes a plan, and a run, end with 1."""
    world.write_config(more='[entity.lead]\npolicy = "manual"\n')
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        marketo.edit(world.person_of(lead), {"title": "one"})
        dynamics.edit("lead", lead, {"jobtitle": "other"})

    assert world.run("plan").exit_code == ExitCode.ATTENTION
    assert world.run("run").exit_code == ExitCode.ATTENTION
    assert "unresolved" in world.run("log", "--csv").stdout


# -- asking


def test_status_says_what_waits(world: World) -> None:
    """Status counts what waits, by reason, with the age of the oldest."""
    refuse_one(world)
    world.run("run")

    told = json.loads(world.run("status", "--json").stdout)

    assert told["health"] == "1 record waits for a person: 1 held"
    assert "Backlog   1 waiting, all for a person" in world.run("status").stdout
    assert told["links"] == {"contact": 3, "lead": 3}
    assert told["backlog"] == [{"entity": "lead", "reason": "held", "records": 1}]
    assert told["oldest_seconds"]["lead"] < 60
    plainly = world.run("status")
    assert "held: 1" in plainly.stdout
    assert plainly.exit_code == ExitCode.ATTENTION


def test_what_waits_is_no_blip(world: World) -> None:
    """What was refused once keeps run, watch and status at 1 until it is put right."""
    person = refuse_one(world)
    watch = ("watch", "--cycles", "1", "--delay", "0")
    codes = [world.run(*command).exit_code for command in (["run"], ["run"], watch, ["status"])]
    told = json.loads(world.run("run", "--json").stdout)

    assert codes == [ExitCode.ATTENTION] * 4
    assert told["resting"] == 1
    assert "dynsync log --waiting" in world.run("run").stderr

    with world.marketo() as marketo:
        marketo.edit(person, {"mobilePhone": "+47 555 0123"})
    codes = [world.run(*command).exit_code for command in (["run"], watch, ["status"])]
    assert codes == [ExitCode.OK] * 3


def test_explain_shows_what_is_held(world: World) -> None:
    """A value that is held back says so, with the refusal that stands, in later runs too."""
    person = refuse_one(world)
    world.run("run")
    with world.marketo() as marketo:
        marketo.edit(person, {"title": "Chef"})
    world.run("run")

    last = json.loads(world.run("explain", "lead", "--person", person, "--json").stdout)[-1]
    [held] = last["held"]
    told = world.run("explain", "lead", "--person", person, env={"COLUMNS": "200"}).stdout

    assert (held["field"], held["verdict"]) == ("mobile_phone", "held")
    assert held["refusal"]["code"] == "FIELD_LENGTH"
    assert "held: Dynamics refused it: " in told


def test_explain_shows_the_value_that_waits(world: World) -> None:
    """On request it shows what each side holds of what is held back, as it is now."""
    person = refuse_one(world)
    world.run("run")
    asked = ("explain", "lead", "--person", person)
    hidden = world.run(*asked).stdout + world.run(*asked, "--json").stdout
    told = world.run(*asked, "--values").stdout
    *_, last = json.loads(world.run(*asked, "--values", "--json").stdout)

    held = {"marketo": "+47 555 0123 or the office", "dynamics": None}
    assert last["waiting"] == {"mobile_phone": held}
    assert "or the office" not in hidden
    assert "or the office" in told

    with world.marketo() as marketo:
        marketo.edit(person, {"mobilePhone": "+47 555 0123"})
    world.run("run")
    assert "Marketo holds" not in world.run(*asked, "--values").stdout


@pytest.mark.parametrize(("due", "turn"), [(1, "1 for its turn"), (2, "2 for their turn")])
def test_status_says_how_many_wait_for_their_turn(world: World, due: int, turn: str) -> None:
    """What waits for nothing but its turn is counted apart from what waits for a person."""
    assert world.run("run").exit_code == ExitCode.OK
    with SqliteStore(world.folder / "dynsync.state") as store, store.transaction():
        store.save_pending(waiting(number) for number in range(due))

    told = world.run("status").stdout

    assert f"Backlog   {due} waiting, {turn}" in told


def waiting(number: int) -> Pending:
    """Return a backlog entry that is due."""
    ids = Pair[RecordId | None](None, RecordId(f"{number}"))
    key = unlinked_key(Entity("lead"), RecordId(f"{number}"))
    return Pending(key, Entity("lead"), None, ids, Pair(None, None), 0.0, 0.0, 0.0)


def test_status_works_during_a_run(world: World) -> None:
    """Status needs no lease."""
    store = SqliteStore(world.folder / "dynsync.state")
    store.acquire(SystemClock().now().timestamp(), 60)

    with store.transaction():
        result = world.run("status")
    store.close()

    assert result.exit_code == ExitCode.OK


def test_before_the_first_run_there_is_a_next_step(world: World) -> None:
    """A sync that never ran says so, and how to start it; looking makes no state file."""
    world.write_config(("dynsync.state", "other.state"))
    explain = ["explain", "lead", "--person", "1"]
    asked = [world.run(*command) for command in (["status"], ["log"], explain)]
    told = json.loads(world.run("status", "--json").stdout)
    listed = world.run("log", "--json")

    assert [result.exit_code for result in asked] == [ExitCode.ATTENTION] * 3
    assert all("has never run. Start it with: dynsync run" in result.stderr for result in asked)
    assert (told["health"], told["last_run"]) == ("never run", None)
    assert (json.loads(listed.stdout), listed.exit_code) == ([], ExitCode.ATTENTION)
    assert not (world.folder / "other.state").exists()


def test_state_in_no_folder_is_code_5(world: World) -> None:
    """Where no state file could be, looking for one is a mistake and not a beginning."""
    world.write_config(("dynsync.state", "nowhere/dynsync.state"))

    assert world.run("status").exit_code == ExitCode.STATE


def test_late_sync_needs_attention(world: World) -> None:
    """A sync that has not run for long is not healthy."""
    store = SqliteStore(world.folder / "dynsync.state")
    store.put("last_run", json.dumps(["run 1: nothing to do", 1.0]))
    store.close()

    result = world.run("status")

    assert result.exit_code == ExitCode.ATTENTION
    assert "late: no cycle for" in result.stdout


def test_pause_and_resume(world: World) -> None:
    """A paused sync does nothing and says so, until it is resumed."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        marketo.edit(world.person_of(lead_of(dynamics)), {"title": "x"})
    assert world.run("pause").exit_code == ExitCode.OK

    paused = world.run("run")
    assert paused.exit_code == ExitCode.ATTENTION
    assert "dynsync resume" in paused.stderr
    assert world.run("status").exit_code == ExitCode.ATTENTION

    assert world.run("resume").exit_code == ExitCode.OK
    assert "updated" in world.run("run").stdout


def test_pausing_needs_no_secret(world: World) -> None:
    """Whoever pauses a sync need not be able to reach the systems."""
    options = 'options = { file = { path = "marketo.sandbox" } }'
    world.write_config((options, 'options = { file = { env = "NOWHERE_SET" } }'))

    assert world.run("pause").exit_code == ExitCode.OK
    failed = world.run("run")
    assert failed.exit_code == ExitCode.USAGE
    assert "NOWHERE_SET" in failed.stderr


def test_explain_says_why(world: World) -> None:
    """Explain tells a record's history; a lost value is shown only on request."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        person = world.person_of(lead)
        marketo.edit(person, {"city": "Málaga"})
        dynamics.edit("lead", lead, {"address1_city": "Tromsø"})
    world.run("run")

    plainly = world.run("explain", "lead", "--person", person)
    as_json = world.run("explain", "lead", "--dynamics", lead.upper(), "--json")
    in_full = world.run("explain", "lead", "--person", person, "--values")
    json_in_full = world.run("explain", "lead", "--person", person, "--values", "--json")

    assert "authority" in plainly.stdout
    assert json.loads(as_json.stdout)[-1]["changes"][0]["winner"] == "marketo"
    assert "Tromsø" not in plainly.stdout + as_json.stdout
    assert "Tromsø" in in_full.stdout
    assert json.loads(json_in_full.stdout)[-1]["changes"][0]["lost"] == "Tromsø"


def test_nothing_that_gave_way_is_not_lost(world: World) -> None:
    """A side that held no value loses none, and explain does not say that it did."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        person = world.person_of(lead)
        marketo.edit(person, {"city": "Málaga"})
        assert world.run("run").exit_code == ExitCode.OK
        marketo.edit(person, {"city": "Sevilla"})
        dynamics.edit("lead", lead, {"address1_city": None})
    assert world.run("run").exit_code == ExitCode.OK

    asked = ("explain", "lead", "--person", person)
    [change] = json.loads(world.run(*asked, "--json", "--values").stdout)[-1]["changes"]
    told = [world.run(*asked).stdout, world.run(*asked, "--values").stdout]

    assert (change["verdict"], change["winner"]) == ("collision", "marketo")
    assert "lost" not in change
    assert not any("lost:" in said for said in told)


def test_explain_of_nobody(world: World) -> None:
    """An unknown record ends with 1, an unknown entity or too many ids with 2."""
    unknown = world.run("explain", "lead", "--person", "999", "--json")

    assert (unknown.exit_code, json.loads(unknown.stdout)) == (ExitCode.ATTENTION, [])
    with world.dynamics() as dynamics:
        person = world.person_of(lead_of(dynamics))
    mistaken = world.run("explain", "contact", "--person", person)
    assert mistaken.stderr == "Nothing is known of this contact: it is a lead.\n"
    typo = world.run("explain", "laed", "--person", "1")
    assert (typo.exit_code, "Did you mean 'lead'?" in typo.stderr) == (ExitCode.USAGE, True)
    # It is no mistake in the file.
    assert "dynsync.toml" not in typo.stderr
    assert world.run("explain", "lead").exit_code == ExitCode.USAGE


def test_log_lists_what_was_refused(world: World) -> None:
    """The log has a line a refusal, with code, field, message, attempts and whether it waits."""
    person = refuse_one(world)
    assert "Nothing was refused" in world.run("log").stderr
    world.run("run")

    [line] = json.loads(world.run("log", "--json").stdout)

    assert (line["person"], line["field"], line["code"]) == (person, "mobile_phone", "FIELD_LENGTH")
    assert (line["attempts"], line["waiting"]) == (1, True)
    assert "holds 20" in line["message"]
    [row] = csv.DictReader(io.StringIO(world.run("log", "--csv").stdout))
    assert row["code"] == "FIELD_LENGTH"
    assert "mobile_phone" in world.run("log", "lead").stdout
    assert json.loads(world.run("log", "contact", "--json").stdout) == []
    assert world.run("log", "--csv", "--json").exit_code == ExitCode.USAGE


def test_settled_refusal_waits_no_more(world: World) -> None:
    """A refusal that was put right stays in the log, and does not wait."""
    person = refuse_one(world)
    world.run("run")
    with world.marketo() as marketo:
        marketo.edit(person, {"mobilePhone": "+47 555 0123"})
    world.run("run")

    [line] = json.loads(world.run("log", "--json").stdout)

    assert not line["waiting"]
    assert json.loads(world.run("log", "--json", "--waiting").stdout) == []


# -- doing


def test_push_makes_a_person_once(world: World) -> None:
    """A push makes the person in Dynamics; another one does nothing and says so."""
    first = world.run("push", "1", "--as", "lead", "--json")
    again = world.run("push", "1", "--as", "contact")

    assert json.loads(first.stdout)["answer"] == "created"
    assert (again.exit_code, "exists" in again.stdout) == (ExitCode.OK, True)
    with world.dynamics() as dynamics:
        assert dynamics.count("lead") == 4


def test_push_while_paused_says_what_it_waits_for(world: World) -> None:
    """A push that is queued while the sync is off waits for more than the next cycle."""
    world.run("pause")
    told = world.run("push", "1", "--as", "lead")

    assert "queued" in told.stdout
    assert "paused: this waits for: dynsync resume" in told.stderr


def test_push_of_nobody_needs_attention(world: World) -> None:
    """A push of a person that is not there ends with 1."""
    result = world.run("push", "999", "--as", "lead")

    assert result.exit_code == ExitCode.ATTENTION
    assert "no such person" in result.stdout


def test_refresh_lets_an_entity_go_on(world: World) -> None:
    """A column that went away stops its entity with 3, until it is refreshed."""
    with world.dynamics() as dynamics:
        dynamics.drop_column("lead", "jobtitle")
    stopped = world.run("run")
    assert stopped.exit_code == ExitCode.SYSTEM
    assert "jobtitle" in stopped.stderr
    assert "dynsync refresh lead" in world.run("status").stderr

    assert world.run("refresh", "lead").exit_code == ExitCode.OK

    assert world.run("run").exit_code == ExitCode.OK
    assert world.run("refresh", "leed").exit_code == ExitCode.USAGE


def test_retry_lets_a_refused_value_go(world: World) -> None:
    """A20: the command asks for what was refused, and says of how many records."""
    nothing = world.run("retry", "lead")

    assert nothing.exit_code == ExitCode.OK
    assert "0 records of lead" in nothing.stderr
    assert world.run("retry", "leed").exit_code == ExitCode.USAGE


# -- the configuration

SECRET: Final = "hunter2-do-not-print"  # noqa: S105 - it must not be printed

TYPOS: Final[Mapping[str, tuple[str, str, str]]] = {
    "a key": ('[sync]\nentites = ["lead"]', "[sync] entites", "Did you mean 'entities'?"),
    "a table": ("[snyc]", "[snyc]", "Did you mean 'sync'?"),
    "a word of A8": ('[sync]\npush_when_paused = "never"', "[sync] push_when_paused", "queue, run"),
    "tries": ("[sync]\ntries = 0.5", "[sync] tries", "whole"),
    "no tries": ("[sync]\ntries = 0", "[sync] tries", "whole number of at least 1"),
    "more tries than a float": (f"[sync]\ntries = {'9' * 400}", "[sync] tries", "smaller number"),
    "an endless delay": (f"[sync]\ndelay = {'9' * 400}", "[sync] delay", "smaller number"),
    "a number without end": (f"[sync]\ntries = {'9' * 5000}", "it holds a number", "smaller one"),
    "a pit": (f"[sync]\ntries = {'[' * 3000}", "it is nested too deep", "Correct it"),
    "a path of no file": ('[state]\npath = "a\\u0000b"', "[state] path", "Name a file"),
    "no days": ("[sync]\nkeep_journal = 0", "[sync] keep_journal", "number of days above 0"),
    "a word": ('[sync]\nhold = "feld"', "[sync] hold", "Did you mean 'field'?"),
    "a policy": ('[entity.lead]\npolicy = "marketto"', "[entity.lead] policy", "'marketo'"),
    "a field's policy": (
        '[entity.lead.policies]\nemial = "newest"',
        "[entity.lead.policies] emial",
        "Did you mean 'email'?",
    ),
    "a field": ('[entity.lead]\nfields = ["emial"]', "[entity.lead] fields", "'email'"),
    "without": ('[entity.lead]\nwithout = ["fxa"]', "[entity.lead] without", "'fax'"),
    "fields twice": (
        '[entity.lead]\nfields = ["email", "email"]',
        "[entity.lead] fields",
        "Remove one",
    ),
    "no fields": ("[entity.lead]\nfields = []", "[entity.lead] fields", "Name some"),
    "fields and without": (
        '[entity.lead]\nfields = ["email"]\nwithout = ["fax"]',
        "[entity.lead] without",
        "Give one",
    ),
    "match": ('[entity.lead]\nmatch = "e-mail"', "[entity.lead] match", "'email'"),
    "an entity": ('[sync]\nentities = ["lead", "kontact"]', "[sync] entities", "'contact'"),
    "an entity beside its table": (
        '[sync]\nentities = ["lead", "contct"]\n[entity.contact]\nmatch = "email"',
        "[sync] entities",
        "Did you mean 'contact'?",
    ),
    "an entity without a map": (
        '[sync]\nentities = ["kontact"]\n[entity.kontact]',
        "[entity.kontact] map",
        "Correct",
    ),
    "an entity twice": ('[sync]\nentities = ["lead", "lead"]', "[sync] entities", "Remove"),
    "no entity": ("[sync]\nentities = []", "[sync] entities", "Name some"),
    "an entity's table": ("[entity.leed]", "[entity] leed", "Did you mean 'lead'?"),
    "a number": ('[sync]\ndelay = "300"', "[sync] delay", "without quotes"),
    "a negative number": ("[sync]\ndelay = -1", "[sync] delay", "from 0 on"),
    "no number": ("[sync]\ndelay = nan", "[sync] delay", "from 0 on"),
    "percent": ("[guards.deletes]\npercent = 101", "[guards.deletes] percent", "at most 100"),
    "a fraction": ("[guards.deletes]\ncount = 1.5", "[guards.deletes] count", "fraction"),
    "a flag": ('[guards]\nallow_empty = "yes"', "[guards] allow_empty", "without quotes"),
    "text": ("[state]\npath = 7", "[state] path", "in quotes"),
    "empty text": ('[state]\npath = ""', "[state] path", "in quotes"),
    "a list": ('[sync]\nrecorders = "activity-log"', "[sync] recorders", "Write ["),
    "a recorder": ('[sync]\nrecorders = ["activity"]', "[sync] recorders", "'activity-log'"),
    "no table": ("sync = 3", "[sync]", "Write [sync]"),
    "a factory": ('[marketo]\nconnector = "nothing"', "[marketo] connector", "module:factory"),
    "no factory": ("[marketo]", "[marketo] connector", "Name your factory"),
    "a map": ('[entity.lead]\nmap = "nowhere"', "[entity.lead] map", "package.module:name"),
    "no map": ('[entity.lead]\nmap = "dynsync:prefer"', "[entity.lead] map", "Name one"),
    "another's map": ('[entity.lead]\nmap = "dynsync:CONTACT"', "[entity.lead] map", "contact"),
    "a secret": (
        f'[marketo.options]\nclient_secret = "{SECRET}"',
        "[marketo.options] client_secret",
        'client_secret = { env = "NAME" }',
    ),
    "a camel's secret": (
        f'[marketo.options]\napiKey = "{SECRET}"',
        "[marketo.options] apiKey",
        "environment",
    ),
    "a secret below": (
        f'[marketo.options]\ntls = {{ password = "{SECRET}" }}',
        "[marketo.options] tls.password",
        "environment",
    ),
    "a secret by a number": (
        "[marketo.options]\nclient_secret = { env = 5 }",
        "[marketo.options.client_secret] env: a number, where text is needed.",
        "in quotes",
    ),
    "a secret by no name": (
        '[marketo.options]\nlogins = [{ secret = { env = "" } }]',
        "[marketo.options.logins.secret] env: it is empty.",
        "in quotes",
    ),
    "a path that is none": (
        "[marketo.options]\nfile = { path = [] }",
        "[marketo.options.file] path: a list, where text is needed.",
        "in quotes",
    ),
    "a slip in a secret": (
        f'[marketo.options]\nclient_secret = {{ evn = "{SECRET}" }}',
        "[marketo.options] client_secret: 'evn' leads to no secret.",
        "Did you mean 'env'?",
    ),
    "a secret in a table": (
        f'[marketo.options]\nclient_secret = {{ value = "{SECRET}" }}',
        "[marketo.options] client_secret.value",
        "environment",
    ),
    "a secret in a list": (
        f'[marketo.options]\ntokens = ["{SECRET}"]',
        "[marketo.options] tokens",
        "environment",
    ),
    "a login in a URL": (
        f'[marketo.options]\nbase = "https://me:{SECRET}@example.org"',
        "[marketo.options] base",
        "environment",
    ),
}


@pytest.mark.parametrize("name", TYPOS)
def test_mistake_is_told(name: str, tmp_path: Path) -> None:
    """A mistake names file, key and next step; nothing is opened, no secret is repeated."""
    text, where, step = TYPOS[name]
    parts = {
        "[marketo]": '[marketo]\nconnector = "a:b"\n',
        "[dynamics]": '[dynamics]\nconnector = "a:b"\n',
    }
    before = "".join(part for head, part in parts.items() if head not in text)
    path = tmp_path / "dynsync.toml"
    path.write_text(f"{text}\n{before}", encoding="utf-8")

    result = CliRunner().invoke(app, ["run", "--config", str(path)])

    assert result.exit_code == ExitCode.USAGE
    assert result.stderr.startswith(f"dynsync: {path}: {where}")
    assert step in result.stderr
    assert SECRET not in result.output
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("connector", "options", "expected"),
    [
        ("nowhere_at_all:f", "", "cannot be imported"),
        ("dynsync.cli.sandboxes:markto", "", "Did you mean 'marketo'?"),
        ("dynsync.maps:CONSENT_FIELDS", "", "cannot be called"),
        ("dynsync.cli.sandboxes:marketo", "", "file: dynsync.cli.sandboxes:marketo needs"),
        ("dynsync.cli.sandboxes:marketo", "flie = 'x'", "Did you mean 'file'?"),
        ("dynsync.cli.sandboxes:marketo", "file = {env = 'NOWHERE_SET'}", "export NOWHERE_SET"),
        (
            "dynsync.cli.sandboxes:marketo",
            "file = {env = 'SET_TO_BLANKS'}",
            "file: the environment's variable 'SET_TO_BLANKS' is empty. Give it a value",
        ),
        ("dynsync.cli.sandboxes:marketo", "file = 'gone'", "there is no such sandbox"),
        ("builtins:dict", "", "makes no MarketoConnector"),
    ],
)
def test_wrong_factory_is_told(
    connector: str, options: str, expected: str, tmp_path: Path, template: Path
) -> None:
    """A factory that cannot be used as it is said is an error before the state is made."""
    path = tmp_path / "dynsync.toml"
    path.write_text(
        f'[marketo]\nconnector = "{connector}"\n[marketo.options]\n{options}\n[dynamics]\n'
        'connector = "dynsync.cli.sandboxes:dynamics"\n[dynamics.options]\n'
        f'file = "{template / "dynamics.sandbox"}"\n',
        encoding="utf-8",
    )

    blank = {"SET_TO_BLANKS": " \n"}
    result = CliRunner().invoke(app, ["run", "--config", str(path)], env=blank)

    assert (result.exit_code, expected in result.stderr) == (ExitCode.USAGE, True), result.output
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "code", "expected"),
    [
        (
            "def make():\n    return {'Zoë': 1}['Secret']",
            ExitCode.USAGE,
            "'{0}:make' raised KeyError ({0}.py:2). Mend it",
        ),
        (
            "import json\ndef make():\n    return json.loads('Secret')",
            ExitCode.USAGE,
            "'{0}:make' raised JSONDecodeError ({0}.py:3). Mend it",
        ),
        (
            "def make():\n    open('/nowhere/Secret')",
            ExitCode.USAGE,
            "'{0}:make' raised FileNotFoundError ({0}.py:2). Mend it",
        ),
        (
            "from urllib.error import URLError\ndef make():\n    raise URLError('Secret')",
            ExitCode.SYSTEM,
            "Marketo: '{0}:make' raised URLError ({0}.py:3). Is it up",
        ),
        (
            "def make():\n    return None",
            ExitCode.USAGE,
            "makes no MarketoConnector: it returned None. Return the connector",
        ),
        (
            "from dynsync.sandbox import *\ndef make():\n    return SandboxMarketo(clock=None)",
            ExitCode.USAGE,
            "it returned a SandboxMarketo. Return what its connector() returns",
        ),
        (
            (
                "from dynsync import *\nfrom dynsync.sandbox import *\ndef make():\n"
                "    return SandboxDynamics(clock=SystemClock()).connector()"
            ),
            ExitCode.USAGE,
            "it returned a connector of Dynamics. Were the two exchanged?",
        ),
        (
            "class Mine:\n    side = read = fetch = identity = write = None\nmake = Mine",
            ExitCode.USAGE,
            "it returned a Mine without capabilities, describe, find, log, logged. See",
        ),
        (
            (
                "class Mine:\n    side = 'marketo'\n    read = fetch = identity = write = None\n"
                "    capabilities = describe = find = log = logged = None\nmake = Mine"
            ),
            ExitCode.USAGE,
            "it returned a Mine whose side is no Side. Let it be Side.MARKETO.",
        ),
        (
            "from dynsync import MarketoConnector\ndef make():\n    return MarketoConnector",
            ExitCode.USAGE,
            "it returned the type MarketoConnector. Call it.",
        ),
        ("1 / 0", ExitCode.USAGE, "'{0}' cannot be imported: ZeroDivisionError ({0}.py:1)"),
        ("def make(:", ExitCode.USAGE, "'{0}' cannot be imported: SyntaxError ({0}.py:1)"),
        (
            "import sys\ndef make():\n    sys.exit(9)",
            ExitCode.USAGE,
            "'{0}:make' raised SystemExit ({0}.py:3). Mend it",
        ),
        ("exit(9)", ExitCode.USAGE, "'{0}' cannot be imported: SystemExit ({0}.py:1)"),
        (
            "raise ModuleNotFoundError('no', name='httpx._api')",
            ExitCode.USAGE,
            "which is not there. Install it: pip install 'dynsync[http]'",
        ),
        ("import nowhere_at", ExitCode.USAGE, "'{0}' imports 'nowhere_at', which is not there"),
        ("from os import nil", ExitCode.USAGE, "'{0}' cannot be imported: ImportError ({0}.py:1)"),
    ],
)
def test_a_fault_of_the_factory_is_told(
    source: str, code: ExitCode, expected: str, world: World
) -> None:
    """What the host's own code does wrong is one line with the place, and not what it says."""
    module = world.host(source)
    options = 'options = { file = { path = "marketo.sandbox" } }\n'
    world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:make"), (options, ""))

    result = world.run("run")

    told = expected.format(module) in result.stderr
    assert (result.exit_code, told) == (code, True), result.output
    assert 1 == len(result.stderr.splitlines())
    assert "Secret" not in result.output


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("LEAD.plus(Field('motto', Pair('motto', 'new_motto'), TextKind))", "make one of it"),
        ("LEAD.plus('motto')", "got 'motto' for a field"),
        ("attrs.evolve(LEAD, match='email')", "Say match=Match('email')"),
        ("attrs.evolve(LEAD, tables='person')", "needs a table on each side"),
    ],
)
def test_a_fault_of_the_map_is_told(wrong: str, said: str, world: World) -> None:
    """A map of the host's own that cannot be ends the command before a system is asked."""
    module = world.host(f"import attrs\nfrom dynsync import *\nMINE = {wrong}")
    world.write_config(more=f'[entity.lead]\nmap = "{module}:MINE"\n')

    result = world.run("run")

    told = f"[entity.lead] map: '{module}' cannot be imported: ConfigurationError ({module}.py:3)"
    assert (result.exit_code, told in result.stderr) == (ExitCode.USAGE, True), result.output
    assert said in result.stderr


def test_a_map_without_fields_is_told(world: World) -> None:
    """It is said of the map, and not of a key that is not in the file."""
    module = world.host("from dynsync import LEAD\nEMPTY = LEAD.only()")
    world.write_config(more=f'[entity.lead]\nmap = "{module}:EMPTY"\n')

    result = world.run("run")

    assert result.exit_code == ExitCode.USAGE
    assert f"[entity.lead] map: the map '{module}:EMPTY' has no fields. Give" in result.stderr


def test_a_wrapped_connector_will_do(world: World) -> None:
    """A connector may be one that passes on to another whatever it does not do itself."""
    module = world.host(
        """
        from dynsync.cli import sandboxes

        class Timed:
            def __init__(self, inner):
                self.inner = inner
            def __getattr__(self, name):
                return getattr(self.inner, name)

        def dynamics(file):
            return Timed(sandboxes.dynamics(file=file))
        """
    )
    world.write_config(("dynsync.cli.sandboxes:dynamics", f"{module}:dynamics"))

    assert world.run("run").exit_code == ExitCode.OK


@pytest.mark.parametrize(
    ("content", "expected"),
    [(None, "no such file"), (b"a = [", "not TOML"), (b'a = "\xff"', "UTF-8")],
)
def test_unreadable_config_is_told(content: bytes | None, expected: str, tmp_path: Path) -> None:
    """A file that is not there, or no TOML, is an error that says so."""
    path = tmp_path / "dynsync.toml"
    if content is not None:
        path.write_bytes(content)

    result = CliRunner().invoke(app, ["status", "--config", str(path)])

    assert (result.exit_code, expected in result.stderr) == (ExitCode.USAGE, True)


def test_least_settings_are_taken(world: World) -> None:
    """One try, and a moment of the journal, are as little as there can be."""
    world.write_config(more="tries = 1\nkeep_journal = 0.001\n")
    config = load_config(world.config)

    assert (config.tries, config.keep_journal) == (1, 0.001)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_config_of_a_windows_editor_is_read(ends: str, world: World) -> None:
    """A mark that the file is UTF-8 is no part of its first line, whatever ends the lines."""
    world.config.write_text(CONFIG, encoding="utf-8-sig", newline=ends)

    assert world.config.read_bytes().startswith(b"\xef\xbb\xbf")
    assert world.run("status").exit_code == ExitCode.OK


def test_folder_is_no_config(tmp_path: Path) -> None:
    """A folder in the place of the file is an error that says so."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(tmp_path)


def test_config_means_what_it_says(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entities, fields, match, guards and words become what the engine takes."""
    monkeypatch.setenv("WHERE", str(world.folder / "marketo.sandbox"))
    module = world.host("from dynsync import LEAD\nMINE = LEAD.only('email', 'fax')\n")
    world.write_config(
        ('{ path = "marketo.sandbox" }', '{ env = "WHERE" }'),
        ("[sync]", '[sync]\nhold = "record"\ndelay = 5\non_marketo_delete = "suppress"'),
        ("[sync]", '[sync]\ntries = 3\npush_when_paused = "run"\nkeep_journal = 7.5'),
        more=f"""
        [entity.lead]
        map = "{module}:MINE"
        [entity.contact]
        without = ["person_notes"]
        match = "email"
        [guards]
        allow_empty = true
        deletes = {{ count = 7 }}
        """,
    )

    config = load_config(world.config)

    lead, contact = config.maps
    assert lead.names() == ("email", "fax")
    assert "person_notes" not in contact.names()
    assert contact.match.field == "email"
    assert (config.hold, config.delay, config.on_marketo_delete) == ("record", 5, "suppress")
    assert (config.tries, config.push_when_paused, config.keep_journal) == (3, "run", 7.5)
    assert (config.guards.allow_empty, config.guards.deletes.count) == (True, 7)
    assert config.state == world.folder / "dynsync.state"
    assert world.run("status").exit_code == ExitCode.OK


def decide(policy: AuthorityPolicy, entity: str, field: str, **values: bool | str) -> object:
    """Return the side that *policy* takes, or None if it leaves it."""
    pair = Pair[Value](values.get("marketo", "m"), values.get("dynamics", "d"))
    resolution = policy(Collision(Entity(entity), field, Pair(None, None), pair, Pair(1.0, 100.0)))
    match resolution:
        case Take(side):
            return side
        case Leave():
            return None
        case _:
            raise AssertionError


@pytest.mark.parametrize(
    ("more", "entity", "field", "expected"),
    [
        ("", "lead", "city", Side.MARKETO),
        ("", "contact", "city", Side.DYNAMICS),
        ('[entity.lead]\npolicy = "dynamics"', "lead", "city", Side.DYNAMICS),
        ('[entity.contact]\npolicy = "newest"', "contact", "city", Side.MARKETO),
        ('[entity.contact]\npolicy = "manual"', "contact", "city", None),
        ('[entity.contact.policies]\ncity = "marketo"', "contact", "city", Side.MARKETO),
        ('[entity.contact.policies]\ncity = "marketo"', "contact", "email", Side.DYNAMICS),
        ('[entity.contact]\npolicy = "nonempty"', "contact", "city", Side.DYNAMICS),
    ],
)
def test_policy_words(
    more: str, entity: str, field: str, expected: Side | None, world: World
) -> None:
    """A word decides for its entity or field; without one the defaults of R20 hold."""
    world.write_config(more=more)

    assert decide(load_config(world.config).policy, entity, field) is expected


@pytest.mark.parametrize(
    ("consent", "expected"), [("opt_out", Side.DYNAMICS), ("authority", Side.MARKETO)]
)
def test_consent_words(consent: str, expected: Side, world: World) -> None:
    """An opt-out stands, unless the host says that authority decides it, too."""
    world.write_config(("[sync]", f'[sync]\nconsent = "{consent}"'))
    policy = load_config(world.config).policy

    assert decide(policy, "lead", "unsubscribed", marketo=False, dynamics=True) is expected


# -- manners


def test_exit_codes_are_documented() -> None:
    """Every exit code has a line on the help page."""
    told = CliRunner().invoke(app, ["--help"]).stdout

    assert {code.value for code in ExitCode} == {
        int(line.split()[0]) for line in table_of_codes().splitlines()
    }
    assert all(line.strip() in told for line in table_of_codes().splitlines())


PERSON: Final = "11111111-1111-4111-8111-111111111111"

OPEN: Final = frozenset(
    {"links", "stale", "stopped", "oldest_seconds", "fields", "lost", "waiting"}
)
"""What has keys that are data."""


def keys_of(value: object, path: str = "", data: Collection[str] = OPEN) -> Iterator[str]:
    """Yield the keys of a JSON document as the page names them, and not those that are *data*."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from keys_of(item, path, data)
    elif isinstance(value, dict):
        for key, below in cast("dict[str, object]", value).items():
            # Nothing more is said of what is written to than that it is.
            listed = "[]" if isinstance(below, list) and key not in {*data, "written"} else ""
            name = f"{path}.{key}{listed}".lstrip(".")
            yield name
            if key not in data:
                yield from keys_of(below, name, data)


def documented_keys(command: str) -> Iterator[str]:
    """Yield the keys that the page gives for *command*."""
    page = (Path(__file__).parents[1] / "docs/reference/cli.md").read_text("utf-8")
    [section] = re.findall(rf"### Of [^\n]*`{command}`(.*?)\n##", page, re.DOTALL)
    for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        left, _, right = cell.replace("`", "").partition(": ")
        for name in left.split(", "):
            yield name
            yield from (f"{name}.{key}" for key in right.split(", ") if key)


def test_the_keys_of_json_are_documented(world: World) -> None:
    """The page names every key of every command's JSON, and no other."""
    person = refuse_one(world)
    world.run("run")
    with world.dynamics() as dynamics, world.marketo() as marketo:
        row = lead_of(dynamics)
        marketo.edit(person, {"title": "one", "city": "Málaga"})
        dynamics.edit("lead", row, {"address1_city": "Tromsø"})
    explain = ("explain", "lead", "--person", person, "--values")
    commands = (
        ("check",),
        ("plan",),
        ("run",),
        ("status",),
        ("log",),
        explain,
        ("push", "1", "--as", "lead"),
    )

    for name, *more in commands:
        told = json.loads(world.run(name, *more, "--json").stdout)

        assert {*documented_keys(name)} == {*keys_of(told)}, name


def documented_columns(option: str) -> list[str]:
    """Return the columns that the page gives for the file of *option*."""
    page = (Path(__file__).parents[1] / "docs/reference/cli.md").read_text("utf-8")
    [section] = re.findall(rf"### Columns of `{option}`(.*?)\n##", page, re.DOTALL)
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return [name for cell in cells for name in cell.replace("`", "").split(", ")]


def test_the_columns_of_csv_are_documented(world: World) -> None:
    """The page names every column of a plan and of a preview, in their order."""
    person = refuse_one(world)
    plan, people = world.folder / "plan.csv", world.folder / "people.csv"
    contacts, preview = world.folder / "contacts.csv", world.folder / "preview.csv"
    people.write_text(f"id,lastName,city,crmContactId\n{person},One,Oslo,{PERSON}\n", "utf-8")
    contacts.write_text(f"contactid,lastname,address1_city\n{PERSON},One,Bergen\n", "utf-8")
    world.run("plan", "--csv", str(plan), "--values")
    CliRunner().invoke(app, ["preview", str(people), str(contacts), "--plan", str(preview)])

    for option, path in (("plan --csv", plan), ("preview --plan", preview)):
        [heads, *rows] = csv.reader(io.StringIO(path.read_text("utf-8-sig")))
        assert rows
        assert documented_columns(option) == heads


def test_the_keys_of_the_preview_are_documented(tmp_path: Path) -> None:
    """Its document is named as those of the others are; of each file the same is said."""
    people, contacts = tmp_path / "people.csv", tmp_path / "contacts.csv"
    people.write_text(f"id,lastName,city,crmContactId\n1,One,Oslo,{PERSON}\n2,Two,,none\n", "utf-8")
    contacts.write_text(f"contactid,lastname,address1_city\n{PERSON},One,Bergen\n", "utf-8")
    arguments = ["preview", str(people), str(contacts), "--values", "--json"]
    told = json.loads(CliRunner().invoke(app, arguments).stdout)
    data = {"outcomes", "problems_by_code"}

    assert list(told["files"]) == ["people", "contacts"]
    for file in told["files"].values():
        alike = told | {"files": {"*": file}}

        assert {*documented_keys("preview")} == {*keys_of(alike, data=data)}


@pytest.mark.parametrize("name", sorted(app.commands))
def test_command_has_help(name: str) -> None:
    """Every command has a help page that fits 80 columns."""
    result = CliRunner().invoke(app, [name, "--help"])

    assert result.exit_code == ExitCode.OK
    assert all(cell_len(line) <= 80 for line in result.stdout.splitlines())


def test_every_error_has_a_code() -> None:
    """Also errors that are yet to be thought of."""
    assert code_of_error(Throttled(Side.MARKETO, "slower")) is ExitCode.SYSTEM
    assert code_of_error(SyncError("new")) is ExitCode.BROKEN


def test_preview_is_a_command_where_it_is_there() -> None:
    """The preview is a package of its own; without it there is no such command."""
    listed = "  preview " in CliRunner().invoke(app, ["--help"]).stdout
    result = CliRunner().invoke(app, ["preview", "--help"])

    assert listed
    assert ExitCode.OK == result.exit_code


def test_unknown_command_is_code_2() -> None:
    """A typo in a command is a usage error."""
    assert CliRunner().invoke(app, ["rnu"]).exit_code == ExitCode.USAGE


def test_output_fits_80_columns(world: World) -> None:
    """Tables fold long cells instead of cutting them off."""
    refuse_one(world)
    for command in (["plan"], ["run"], ["status"], ["log"]):
        result = world.run(*command, env={"COLUMNS": "80"})

        assert all(cell_len(line) <= 80 for line in result.stdout.splitlines()), result.stdout


def test_output_for_programs_is_not_folded(world: World) -> None:
    """Where nobody says how wide it is, a row is a line, an id is whole, and no blank trails."""
    with world.dynamics() as dynamics:
        made = dynamics.create("contact", {"firstname": "Ada", "lastname": "King"})
    refuse_one(world)
    planned = world.run("plan", env={"COLUMNS": None}).stdout
    told = [planned, *(world.run(name, env={"COLUMNS": None}).stdout for name in ("run", "log"))]

    assert any(f"contact {made}" in line and "firstName" in line for line in planned.splitlines())
    assert all(line == line.rstrip() for text in told for line in text.splitlines())
    # A title, a line and what is under the heads: one line for each row.
    assert 1 == len(
        [line for line in told[2].splitlines() if "mobile_phone" in line and "Z " in line]
    )
    assert 80 < max(map(len, told[2].splitlines()))


def test_explain_tells_alike_fields_together(world: World) -> None:
    """Fields that have one reason are one line, after the one that somebody will ask about."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        lead = lead_of(dynamics)
        person = world.person_of(lead)
        marketo.edit(person, {"city": "Málaga", "title": "Chef", "phone": "1"})
        dynamics.edit("lead", lead, {"address1_city": "Tromsø"})
    world.run("run")

    told = world.run("explain", "lead", "--person", person, env={"COLUMNS": None}).stdout
    *_, first, second = filter(None, told.splitlines())

    assert "city" in first.split()
    assert "lost: a value" in first
    assert second.split("  ")[-1].strip() == (
        "only Marketo changed it; written to Dynamics: job_title, phone"
    )


def test_no_color_is_respected(world: World) -> None:
    """With NO_COLOR there is no colour, even on a terminal."""
    refuse_one(world)

    result = world.run("run", env={"FORCE_COLOR": "1", "NO_COLOR": "1"})

    assert "\x1b[3" not in result.output
    assert result.exit_code == ExitCode.ATTENTION


def test_bars_are_for_terminals(world: World) -> None:
    """Where stderr is a terminal, a run shows bars there; stdout stays data."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        marketo.edit(world.person_of(lead_of(dynamics)), {"title": "x"})

    result = world.run("run", "--json", env={"FORCE_COLOR": "1", "TERM": "xterm"})

    assert "writing" in result.stderr
    assert json.loads(result.stdout)["records"] == 1


def test_lines_are_occasional(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal, long work says a line now and then."""
    times = iter([0.0, 1.0, 11.0, 11.0, 12.0])

    with progress(lambda: next(times)) as show:
        for done in (1, 2, 3):
            show(Progress("writing", done, 9))

    assert capsys.readouterr().err == "writing: 2 of 9\n"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (61, "1 min 1 s"), (90_061, "1 d 1 h"), (-5, "0 s")]
)
def test_ages_are_short(seconds: float, expected: str) -> None:
    """An age is told in its two largest units."""
    assert age(seconds) == expected


def test_terminal_does_not_obey_data() -> None:
    """What a system says cannot move the cursor or set a colour."""
    assert plain("a\x1b[31mb\x07ł") == "a\\x1b[31mb\\x07ł"


@pytest.mark.parametrize(
    "command",
    [
        *(("run",), ("run", "--json"), ("watch", "--cycles", "1"), ("plan",), ("check",)),
        *(("refresh", "lead"), ("push", "1", "--as", "lead"), ("status",), ("status", "--json")),
    ],
    ids=" ".join,
)
def test_terminal_does_not_obey_what_a_system_says(command: tuple[str, ...], world: World) -> None:
    """Whatever tells of a trouble tells it in letters that can be seen."""
    module = world.host(
        r"""
        from dynsync import Refused, Side
        from dynsync.cli import sandboxes

        def marketo(file):
            connector = sandboxes.marketo(file=file)
            def describe(table):
                raise Refused(Side.MARKETO, "a proxy said \x1b[2J and \x9b2J")
            connector.describe = describe
            return connector
        """
    )
    world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:marketo"))
    if command[0] == "status":
        world.run("run")

    result = world.run(*command)

    assert "a proxy said" in result.output
    assert not {"\x1b", "\x9b"} & {*result.output}


def test_terminal_does_not_obey_csv(tmp_path: Path) -> None:
    """A file holds what a system said as it was; a terminal is told it in letters."""
    written = tmp_path / "table"
    with written.open("w", encoding="utf-8") as file:
        write_csv(file, ["a"], [["\x1b[2J"]])
    terminal = Terminal()
    write_csv(terminal, ["a"], [["\x1b[2J"]])

    assert written.read_text("utf-8") == "a\n\x1b[2J\n"
    assert terminal.getvalue() == "a\n\\x1b[2J\n"


class Terminal(io.StringIO):
    """Says that it is one."""

    def isatty(self) -> bool:
        """Return that a person looks on."""
        return True


def test_other_errors_are_not_hidden() -> None:
    """What nobody expected keeps its traceback."""

    @click.group(cls=Leaving)
    def group() -> None:
        pass

    @group.command()
    def fail() -> None:
        raise ZeroDivisionError

    assert isinstance(CliRunner().invoke(group, ["fail"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device"), ExitCode.OUTPUT),
        (sqlite3.DatabaseError("file is not a database"), ExitCode.SYSTEM),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
    ],
)
def test_trouble_outside_ends_without_a_traceback(error: BaseException, code: ExitCode) -> None:
    """A full disk, a damaged sandbox and Ctrl-C are one line on stderr, and a code."""

    @click.group(cls=Leaving)
    def group() -> None:
        pass

    @group.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(group, ["fail"])

    assert result.exit_code == code
    assert 1 == len(result.stderr.splitlines())


def test_interrupt_while_starting_is_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C before there is a command leaves no traceback either."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dynsync.cli, "_main", interrupted)
    with pytest.raises(SystemExit) as left:
        dynsync.cli.main()

    assert left.value.code == ExitCode.INTERRUPTED
    assert "stopped at once" in capsys.readouterr().err


def test_damaged_sandbox_is_told(world: World) -> None:
    """A pretend system whose file is none ends with 2 and names it, and leaves it as it is."""
    file = world.folder / "marketo.sandbox"
    file.write_bytes(b"this is no sandbox " * 200)

    result = world.run("run")

    assert (result.exit_code, "Traceback" in result.output) == (ExitCode.USAGE, False)
    assert "marketo.sandbox is no sandbox file of Marketo" in " ".join(result.stderr.split())
    assert b"this is no sandbox " * 200 == file.read_bytes()


# -- processes


def process(
    *arguments: str,
    folder: Path | None = None,
    out: IO[str] | int = subprocess.PIPE,
    err: IO[str] | int = subprocess.PIPE,
    **more: str,
) -> subprocess.Popen[str]:
    """Start ``python`` with *arguments*, and *more* in its environment."""
    package = {"PYTHONPATH": str(Path(dynsync.cli.__file__).parents[2])}
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *arguments],
        stdout=out,
        stderr=err,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, **package, **more},
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_full_disk_is_told(world: World) -> None:
    """Output that cannot be written is code 7, and the run is stored."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        started = process("-m", "dynsync", "run", "--config", str(world.config), out=full)
        _, err = started.communicate()

    assert (started.returncode, "Traceback" in err) == (ExitCode.OUTPUT, False), err


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
@pytest.mark.parametrize("data", [("log", "--csv"), ("log", "--json"), ("run", "--json")])
def test_data_for_nobody_is_told(data: tuple[str, str], world: World) -> None:
    """Where stdout is closed, data that was asked for is code 7, and not lost without a word."""
    go = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    started = process("-c", go, "-m", "dynsync", *data, folder=world.folder)
    _, err = started.communicate()

    assert (started.returncode, err) == (
        ExitCode.OUTPUT,
        "dynsync: cannot read or write: stdout is closed.\n",
    )


LOUD: Final = """
import os, signal
from dynsync.cli import _progress, main, sandboxes

_progress._EVERY = -1.0

def marketo(file):
    connector = sandboxes.marketo(file=file)
    describe = connector.describe
    def asked(table):
        os.kill(os.getpid(), signal.SIGTERM)
        connector.describe = describe
        return describe(table)
    connector.describe = asked
    return connector
"""
"""Tells of all progress, and of a first signal."""


def deaf_ears() -> Iterator[IO[str]]:
    """Yield files that take no line: one on a full disk, and a pipe whose reader is gone."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        yield full
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as pipe:
        yield pipe


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_what_nobody_hears_ends_no_run(world: World) -> None:
    """Where stderr takes no line, a run goes on to its end, and a code means what it says."""
    with world.dynamics() as dynamics, world.marketo() as marketo:
        leads = sorted(dynamics.rows("lead"))
        module = world.host(LOUD)
        go = f"import sys; sys.path.insert(0, ''); import {module}; {module}.main()"

        for lead, err in zip(leads, deaf_ears(), strict=False):
            world.write_config()
            marketo.edit(world.person_of(lead), {"title": "Køkkenchef"})
            spoken = process("-c", go, "run", folder=world.folder, err=err)
            spoken.communicate()
            assert spoken.returncode == ExitCode.OK
            assert (dynamics.row("lead", lead) or {})["jobtitle"] == "Køkkenchef"

            world.write_config(("dynsync.cli.sandboxes:marketo", f"{module}:marketo"))
            stopped = process("-c", go, "run", folder=world.folder, err=err)
            mistaken = process("-m", "dynsync", "run", folder=world.folder.parent, err=err)
            stopped.communicate()
            mistaken.communicate()
            assert stopped.returncode == ExitCode.INTERRUPTED
            assert mistaken.returncode == ExitCode.USAGE


def test_terminal_without_unicode(tmp_path: Path) -> None:
    """Where a letter cannot be shown there is another, and no error."""
    kept = str(tmp_path / "kept")
    started = process("-m", "dynsync", "demo", "--keep", kept, PYTHONIOENCODING="ascii")
    out, err = started.communicate()

    assert started.returncode == ExitCode.OK, err
    assert "  ok: " in out


def test_module_runs() -> None:
    """``python -m dynsync`` is the command line."""
    started = process("-m", "dynsync", "--help")
    out, _ = started.communicate(timeout=30)

    assert (started.returncode, "watch" in out) == (0, True)


def test_missing_click_is_told() -> None:
    """Without click there is a line that says how to get it, and no traceback."""
    program = "import sys; sys.modules['click'] = None; import dynsync.cli; dynsync.cli.main()"
    started = process("-c", program)
    _, err = started.communicate(timeout=30)

    assert started.returncode == ExitCode.USAGE
    [line] = err.splitlines()
    assert "needs click, which is not installed" in line
    assert "pip install 'dynsync[cli]'" in line


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_watch_cleanly(world: World, number: signal.Signals) -> None:
    """A signal ends a watch between cycles: code 130, no lease held, and a run goes on."""
    started = process("-m", "dynsync", "watch", "--delay", "600", folder=world.folder)
    try:
        assert started.stdout is not None
        assert "run 2" in started.stdout.readline()
        started.send_signal(number)
        _, err = started.communicate(timeout=20)
    finally:
        started.kill()

    assert started.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in err
    connection = sqlite3.connect(world.folder / "dynsync.state")
    [held] = cast("tuple[int]", connection.execute("SELECT count(*) FROM lease").fetchone())
    connection.close()
    assert held == 0
    assert world.run("run").exit_code == ExitCode.OK
