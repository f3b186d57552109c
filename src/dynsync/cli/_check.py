"""``dynsync check``: whether a sync would work, right by right and setting by setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from dynsync.checking import check
from dynsync.cli._commands import config_option, finish, json_option
from dynsync.cli._config import load_config
from dynsync.cli._console import numbered, say_json, show_table, tell
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import host_systems
from dynsync.connectors import Finding

__all__ = ["check_command"]


@click.command("check")
@config_option
@json_option
def check_command(config_path: Path, *, as_json: bool) -> None:
    """
    Try every right and setting of both systems, and say what is missing.

    Each line says which side, what was seen, and what to do. Nothing is written to either system,
    and the state is not touched. Ends with 8 if a sync would fail or stop.
    """
    config = load_config(config_path)
    with host_systems(config) as systems:
        found = check(
            marketo=systems.marketo,
            dynamics=systems.dynamics,
            maps=config.maps,
            guards=config.guards,
            activity_log="written" if "activity-log" in config.recorders else "unused",
        )
    if as_json:
        say_json(_data(found))
    else:
        _say(found)
    missing = any(finding.level == "missing" for finding in found)
    finish(ExitCode.MISSING if missing else ExitCode.OK)


def _data(found: Sequence[Finding]) -> dict[str, object]:
    return {
        "ok": all(finding.level != "missing" for finding in found),
        "findings": [
            {
                "side": finding.side.value,
                "about": finding.about,
                "level": finding.level,
                "seen": finding.seen,
                "todo": finding.todo,
            }
            for finding in found
        ],
    }


def _say(found: Sequence[Finding]) -> None:
    show_table(
        ["level", "side", "about", "seen, and what to do"],
        ([f.level, f.side.label, f.about, _told(f)] for f in found),
    )
    counts = Counter(finding.level for finding in found)
    if counts["missing"]:
        verb = "is" if counts["missing"] == 1 else "are"
        tell(f"{numbered(counts['missing'], 'thing')} {verb} missing for a sync to work.")
    elif counts["look"] or counts["untried"]:
        number = numbered(counts["look"] + counts["untried"], "line")
        tell(f"Nothing is missing; {number} to look at.")
    else:
        tell("Nothing is missing.")


def _told(finding: Finding) -> str:
    return finding.seen + (f"\n{finding.todo}" if finding.todo else "")
