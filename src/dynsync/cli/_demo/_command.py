"""The command ``dynsync demo``: sets up the stage, tells the story, says whether it was true."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import click

from dynsync.cli._commands import finish
from dynsync.cli._console import out_console, tick
from dynsync.cli._demo import _chapters, _troubles
from dynsync.cli._demo._stage import FILES, Stage, staged
from dynsync.cli._demo._ways import InProcess, OpenWay
from dynsync.cli._exits import ExitCode
from dynsync.errors import SyncError
from dynsync.maps import LEAD
from dynsync.recorder import entry_of
from dynsync.records import Pair, RecordId, Side
from dynsync.schedule import SystemClock

__all__ = ["CHAPTERS", "demo_command", "tell"]

Chapter: TypeAlias = Callable[[Stage], None]

CHAPTERS: Final[Sequence[tuple[str, Chapter]]] = (
    ("First load", _chapters.first_load),
    ("Edits on either side", _chapters.edits_on_either_side),
    ("The same field edited in both systems", _chapters.collisions),
    ("Different fields of one record", _chapters.different_fields),
    ("A field that the sync user may not read", _chapters.unreadable_field),
    ("A field that the sync user may not write", _chapters.unwritable_field),
    ("Values that Dynamics refuses", _troubles.refused_values),
    ("Sync Person to Microsoft", _troubles.sync_person),
    ("An edit between our reading and our writing", _troubles.overwritten_edit),
    ("A crash in the middle", _troubles.crash),
    ("A last cycle that writes nothing", _troubles.quiet),
)

_START: Final = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)
_LENGTH: Final = dt.timedelta(minutes=90)
"""A little longer than the story, so that what is kept has no dates in the future."""

_CONFIG: Final = f"""\
# Two pretend systems, made by "dynsync demo --keep". In this folder, try:
#
#     dynsync status
#     dynsync plan
#     dynsync run
#     dynsync log
#     dynsync explain lead --person {{person}}

[marketo]
connector = "dynsync.cli.sandboxes:marketo"
options = {{ file = {{ path = "{FILES.marketo}" }} }}

[dynamics]
connector = "dynsync.cli.sandboxes:dynamics"
options = {{ file = {{ path = "{FILES.dynamics}" }} }}

[state]
path = "{FILES.state}"

[sync]
entities = ["lead", "contact"]
recorders = ["activity-log"]

[entity.contact]
match = "email"
"""


def tell(stage: Stage, chapters: Sequence[tuple[str, Chapter]] = CHAPTERS) -> None:
    """Tell the *chapters*; what turns out false is in ``stage.broken``."""
    for number, (title, chapter) in enumerate(chapters, 1):
        stage.console.print()
        stage.console.rule(f"{number}. {title}", align="left", characters="─")
        try:
            chapter(stage)
        except (SyncError, LookupError, ValueError) as error:
            stage.claim(f"the chapter ends as told, but: {error!r}", true=False)


@click.command("demo")
@click.option(
    "--keep",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Leave the systems, the state and a dynsync.toml in DIR, to go on with.",
)
@click.option(
    "--http",
    "over",
    flag_value="http",
    default="calls",
    help="Go over HTTP: both APIs on loopback, and the connectors to the real systems.",
)
def demo_command(folder: Path | None, over: str) -> None:
    """
    Tell the whole story over two pretend systems, and check every word of it.

    Takes some seconds and needs no account: time is pretended, too.
    """
    if over == "http" and folder is not None:
        # A state file knows its systems by their names, and these end with the command.
        raise click.UsageError("--keep keeps no systems behind HTTP: leave --http out.")
    console = out_console()
    way = _over_http() if over == "http" else InProcess.opened
    with _place(folder) as place:
        start = _START if folder is None else _now() - _LENGTH
        with staged(place, console, start, way) as stage:
            tell(stage)
            person = "" if folder is None else _talked_of(stage)
        if folder is not None:
            text = _CONFIG.replace("{person}", person)
            (place / "dynsync.toml").write_text(text, encoding="utf-8")
    console.print()
    if stage.broken:
        console.print(f"{len(stage.broken)} of {stage.claims} claims are false:", style="bold red")
        for text in stage.broken:
            console.print(f"  {tick(console, true=False)} {text}")
        finish(ExitCode.BROKEN)
        return
    console.print(f"All {stage.claims} claims hold.", style="bold green")
    if folder is not None:
        console.print(f"Go on with: cd {folder} && dynsync status")
        console.print(f"Then, for a long history: dynsync explain lead --person {person}")


def _over_http() -> OpenWay:
    try:
        from dynsync.cli._demo._over_http import OverHttp  # noqa: PLC0415 - httpx is an extra
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "httpx":
            raise
        message = "--http needs httpx. Install it with: pip install 'dynsync[cli,http,emulator]'"
        raise click.UsageError(message) from None
    return OverHttp.opened


def _talked_of(stage: Stage) -> RecordId:
    """Return the person who is a lead and of whom there is most to tell."""

    def told(dynamics: RecordId) -> int:
        entries = stage.store.history(LEAD.entity, Pair(None, dynamics))
        return sum(len(entry_of(kept).changes) for kept in entries if kept.run > 1)

    linked = (id_ for id_ in stage.leads if stage.store.link_of(Side.DYNAMICS, id_, LEAD.entity))
    return stage.person_of(LEAD.entity, max(linked, key=told))


def _now() -> dt.datetime:
    return SystemClock().now().replace(microsecond=0)


@contextmanager
def _place(folder: Path | None) -> Generator[Path]:
    """Return the folder of the story: *folder*, which must hold nothing of it yet, or a new one."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="dynsync-demo-") as made:
            yield Path(made)
        return
    taken = [name for name in (*FILES, "dynsync.toml") if (folder / name).exists()]
    if taken:
        message = f"{folder} holds a {taken[0]} already. Give a new folder."
        raise click.BadParameter(message, param_hint="--keep")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: it cannot be made ({error.strerror})"
        raise click.BadParameter(message, param_hint="--keep") from None
    yield folder
