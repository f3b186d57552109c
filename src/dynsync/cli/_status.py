"""``dynsync status``: where the sync stands, also while another process runs it."""

from __future__ import annotations

from pathlib import Path

import click

from dynsync._asking import status_of
from dynsync.cli._commands import config_option, finish, json_option
from dynsync.cli._config import load_config
from dynsync.cli._console import age, moment, say, say_json, show_table, tell
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import reading, unstarted
from dynsync.cli._reporting import say_resting
from dynsync.records import Entity
from dynsync.reports import Status
from dynsync.schedule import SystemClock

__all__ = ["status_command"]

_LATE = 3.0
"""After so many delays without a cycle somebody should look."""


def _health(found: Status, since_run: float | None, delay: float) -> str:
    """Return one word, or a few, on whether somebody should look."""
    if found.paused:
        return "paused"
    if found.stale:
        return "stopped: the schema changed"
    if since_run is None:
        return "never run"
    if since_run > _LATE * delay + 60:
        return f"late: no cycle for {age(since_run)}"
    if found.troubles:
        return "the last run failed"
    return say_resting(found) or "ok"


@click.command("status")
@config_option
@json_option
def status_command(config_path: Path, *, as_json: bool) -> None:
    """Show backlog, last run and health; exit code 1 if somebody should look."""
    config = load_config(config_path)
    now = SystemClock().now()
    with reading(config) as store:
        found = status_of(store, now, config.entities)
        start = unstarted(store, config)
    since = None if found.last_run_at is None else (now - found.last_run_at).total_seconds()
    health = _health(found, since, config.delay)
    if as_json:
        say_json(_data(found, health))
    else:
        _say(found, health, since)
    if start:
        say(start)
    finish(ExitCode.OK if health == "ok" else ExitCode.ATTENTION)


def _data(found: Status, health: str) -> dict[str, object]:
    return {
        "health": health,
        "last_run": found.last_run,
        "last_run_at": None if found.last_run_at is None else moment(found.last_run_at),
        "links": dict(found.links),
        "backlog": [
            {"entity": entity, "reason": reason or "new", "records": count}
            for (entity, reason), count in sorted(found.backlog.items())
        ],
        "oldest_seconds": {entity: round(seconds) for entity, seconds in found.oldest.items()},
        "eta_seconds": None if found.eta is None else round(found.eta),
        "paused": found.paused,
        "stale": dict(found.stale),
        "troubles": list(found.troubles),
    }


def _say(found: Status, health: str, since: float | None) -> None:
    tell(f"Health    {health}")
    ago = "" if since is None else f" ({age(since)} ago)"
    tell(f"Last run  {found.last_run or 'none'}{ago}")
    tell(f"Backlog   {_backlog(found)}")
    entities = sorted({*found.links, *(entity for entity, _ in found.backlog)})
    if entities:
        show_table(
            ["entity", "linked", "waiting", "oldest", "waiting for"],
            [_row(found, entity) for entity in entities],
        )
    for entity, why in found.stale.items():
        say(
            f"{entity}: columns are gone ({why}). Correct its map in the "
            f"configuration, then: dynsync refresh {entity}"
        )


def _backlog(found: Status) -> str:
    """Return how much waits, and when what only waits for its turn will be done."""
    if not found.waiting:
        return "empty"
    due = found.due
    said = f"{found.waiting} waiting"
    if not due:
        return f"{said}, all for a person"
    said += f", {due} for {'its' if due == 1 else 'their'} turn"
    if found.eta is None:
        return f"{said}; how long that takes is unknown"
    return f"{said}: done in about {age(found.eta)}"


def _row(found: Status, entity: Entity) -> list[str]:
    reasons = {r or "new": n for (e, r), n in sorted(found.backlog.items()) if e == entity}
    oldest = found.oldest.get(entity)
    return [
        entity,
        str(found.links.get(entity, 0)),
        str(sum(reasons.values())),
        "—" if oldest is None else age(oldest),
        ", ".join(f"{reason}: {number}" for reason, number in reasons.items()) or "—",
    ]
