"""The demo tells a true story, and notices when it is not."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from rich.cells import cell_len
from rich.console import Console

from dynsync.cli._app import app
from dynsync.cli._demo import _command, _people
from dynsync.cli._demo._command import CHAPTERS, tell
from dynsync.cli._demo._over_http import OverHttp
from dynsync.cli._demo._stage import Stage, staged
from dynsync.cli._exits import ExitCode
from dynsync.sandbox import SandboxClock

START: Final = SandboxClock().now()

DIFFERENT: Final = {
    # A real organisation says which of its refusals a business rule's is.
    "295 Dynamics refused salutation: The front office checks 'salutation'",
    "[0x80040265]",
    "295 Dynamics refused salutation: A business rule refused the row: The",
    "front office checks 'salutation' [0x80040265]",
    # It answers a create with what was sent, and tells of the rest in its feed.
    "Five minutes pass. Run 12: nothing to do (0 to Marketo, 0 to Dynamics).",
    "Five minutes pass. Run 12: 1 updated (1 to Marketo, 0 to Dynamics).",
}
"""The lines of the story that are told in one way only, in the process or over HTTP."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was kept, with what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    result = CliRunner().invoke(app, ["demo", "--keep", str(folder)], env={"COLUMNS": "80"})
    assert result.exit_code == ExitCode.OK, result.output
    (folder / "story.txt").write_text(result.stdout, encoding="utf-8")
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def run(folder: Path, *arguments: str) -> Result:
    """Run a command on the kept files."""
    return CliRunner().invoke(app, [*arguments, "--config", str(folder / "dynsync.toml")])


def test_story_is_told(kept: Path) -> None:
    """Every chapter is told, every claim holds, and it fits 80 columns."""
    story = (kept / "story.txt").read_text(encoding="utf-8")

    assert all(f"{number}. {title}" in story for number, (title, _) in enumerate(CHAPTERS, 1))
    assert story.count("✓") >= 3 * len(CHAPTERS)
    assert "✗" not in story
    assert [] == [line for line in story.splitlines() if cell_len(line) > 80]


def test_story_over_http_is_the_same(kept: Path) -> None:
    """Over both APIs every claim holds as well, and nearly every line is the same."""
    result = CliRunner().invoke(app, ["demo", "--http"], env={"COLUMNS": "80"})
    stories = (kept / "story.txt").read_text("utf-8"), result.stdout
    one, other = (text.partition("All 36 claims hold.")[0].splitlines() for text in stories)

    assert result.exit_code == ExitCode.OK, result.output
    assert {" ".join(line.split()) for line in {*one} ^ {*other}} == DIFFERENT


def test_http_keeps_no_systems(tmp_path: Path) -> None:
    """Nobody would serve them afterwards."""
    result = CliRunner().invoke(app, ["demo", "--http", "--keep", str(tmp_path)])

    assert result.exit_code == ExitCode.USAGE
    assert "leave --http out" in result.stderr


def test_http_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httpx there is no way over HTTP."""
    monkeypatch.setitem(sys.modules, "httpx", None)
    for name in ("dynsync.http", "dynsync.cli._demo._over_http"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    result = CliRunner().invoke(app, ["demo", "--http"])

    assert result.exit_code == ExitCode.USAGE
    assert "pip install 'dynsync[cli,http,emulator]'" in result.stderr


@pytest.mark.parametrize("number", [1, 9, 10])
def test_chapter_over_http_checks_its_claims(number: int, tmp_path: Path) -> None:
    """What goes wrong on the way is seen there, too."""
    console = Console(file=io.StringIO(), markup=False)
    with staged(tmp_path, console, START, OverHttp.opened) as stage:
        if number > 1:
            tell(stage, CHAPTERS[:1])
        stage.sync.pause()
        tell(stage, CHAPTERS[number - 1 : number])

    assert stage.broken


def test_each_chapter_checks_its_claims(tmp_path: Path) -> None:
    """With a sync that is switched off, each chapter finds out that it is told a lie."""
    console = Console(file=io.StringIO(), markup=False)
    blind: list[str] = []
    with staged(tmp_path, console, START) as stage:
        tell(stage, CHAPTERS[:1])
        assert stage.broken == []
        for title, chapter in CHAPTERS[1:]:
            stage.sync.pause()
            stage.broken.clear()
            tell(stage, [(title, chapter)])
            if not stage.broken:
                blind.append(title)
            stage.sync.resume()
            stage.marketo.faults.clear()
            stage.cycle()

    assert blind == []


def test_first_chapter_checks_its_claims(tmp_path: Path) -> None:
    """Without a sync, the first load is no load."""
    with staged(tmp_path, Console(file=io.StringIO(), markup=False), START) as stage:
        stage.sync.pause()
        tell(stage, CHAPTERS[:1])

    assert stage.broken


def test_false_claim_is_code_6(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that does not hold ends the demo with 6 and is named at its end."""

    def tell_a_lie(stage: Stage) -> None:
        stage.claim("the earth is flat", true=False)

    monkeypatch.setattr(_command, "tell", tell_a_lie)

    result = CliRunner().invoke(app, ["demo"])

    assert result.exit_code == ExitCode.BROKEN
    assert "1 of 1 claims are false" in result.stdout
    assert "the earth is flat" in result.stdout.splitlines()[-1]


def test_story_is_the_same_every_time(kept: Path, tmp_path: Path) -> None:
    """Told again, and from another day on, the story is the same, letter by letter."""
    out = io.StringIO()
    with staged(tmp_path, Console(file=out, markup=False, width=80), START) as stage:
        tell(stage, CHAPTERS[:2])

    assert (kept / "story.txt").read_text(encoding="utf-8").startswith(out.getvalue())


def test_people_are_awkward() -> None:
    """There are hundreds, with other scripts, long values and shared addresses."""
    people = [*_people.contacts(), *_people.leads()]
    names = "".join(str(person["lastname"]) for person in people)
    addresses = [person["emailaddress1"] for person in people]
    notes = [str(person["description"] or "") for person in people]

    assert len(people) >= 300
    assert {"ü", "Ż", "王", "ф" if "ф" in names else "Щ", "כ"} <= set(names)
    assert len(set(addresses)) < len(addresses)
    assert max(map(len, notes)) > 1500


def test_kept_files_work(folder: Path) -> None:
    """Status, plan, run, log and explain work on what a demo leaves behind."""
    status = json.loads(run(folder, "status", "--json").stdout)
    assert status["links"]["lead"] == _people.LEADS + 1
    assert status["health"] == "1 record waits for a person: 1 held"

    [held] = [line for line in json.loads(run(folder, "log", "--json").stdout) if line["waiting"]]
    assert held["field"] == "mobile_phone"

    told = run(folder, "explain", "lead", "--person", held["person"])
    assert (told.exit_code, "FIELD_LENGTH" in told.stdout) == (ExitCode.OK, True)

    assert run(folder, "plan").exit_code == ExitCode.OK
    done = run(folder, "run", "--json")
    assert json.loads(done.stdout)["writes"] == {"marketo": 0, "dynamics": 0}


def test_example_of_a_kept_demo_works(kept: Path, folder: Path) -> None:
    """The command that the file and the closing words give leads to a long history."""
    commands = {
        line.partition("dynsync ")[2]
        for text in ("dynsync.toml", "story.txt")
        for line in (kept / text).read_text("utf-8").splitlines()
        if "dynsync explain" in line
    }
    assert 1 == len(commands)
    [command] = commands

    told = run(folder, *command.split(), "--json")

    assert told.exit_code == ExitCode.OK
    assert 3 <= len(json.loads(told.stdout))


PAGE: Final = Path(__file__).parents[1] / "docs" / "how-to" / "operate.md"
PRINTED: Final = re.compile(r"<!-- printed by: dynsync ([^\n]*) -->\n```text\n(.*?)```", re.DOTALL)


def without_times(text: str) -> list[str]:
    """Return the words of *text*, without the times and ages that differ every time."""
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z", "TIME", text)
    text = re.sub(r"\d+ (d|h|min|s)\b( \d+ (h|min|s)\b)?", "AGE", text)
    return text.replace("─", "").split()


def test_page_shows_what_commands_print(folder: Path) -> None:
    """What "Operate a sync" shows of commands is what they print on a kept demo."""
    shown = PRINTED.findall(PAGE.read_text("utf-8"))

    assert PAGE.read_text("utf-8").count("```text") == len(shown) > 1
    for command, text in shown:
        result = CliRunner().invoke(
            app,
            [*command.split(), "--config", str(folder / "dynsync.toml")],
            env={"COLUMNS": "80"},
        )
        assert without_times(result.stdout) == without_times(text), command


def test_page_edits_a_kept_demo(folder: Path) -> None:
    """The recipe of the page makes a person in a kept demo, and prints how to push it."""
    [recipe] = re.findall(
        r"```python\n(.*?)```", PAGE.read_text("utf-8").split("## ")[0], re.DOTALL
    )
    made = subprocess.run(  # noqa: S603 - it is our own page
        [sys.executable, "-c", recipe], cwd=folder, capture_output=True, text=True, check=True
    )
    _, *command = made.stdout.split()

    assert "created" in run(folder, *command).stdout
    assert run(folder, "plan").stdout == "Nothing to do.\n"


def test_kept_folder_is_not_overwritten(folder: Path) -> None:
    """A folder that holds a demo already is left alone."""
    result = CliRunner().invoke(app, ["demo", "--keep", str(folder)])

    assert result.exit_code == ExitCode.USAGE
    assert "Give a new folder" in result.stderr


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A place where no folder can be is a usage error."""
    (tmp_path / "file").touch()

    result = CliRunner().invoke(app, ["demo", "--keep", str(tmp_path / "file" / "below")])

    assert result.exit_code == ExitCode.USAGE
