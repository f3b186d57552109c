"""What a person tells the sync to do: ``pause``, ``resume``, ``refresh``, ``retry``, ``push``."""

from __future__ import annotations

from pathlib import Path

import click

from dynsync import PushAnswer
from dynsync.cli._commands import config_option, finish, json_option
from dynsync.cli._config import load_config
from dynsync.cli._console import numbered, say, say_json, tell
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import desk_sync, host_sync

__all__ = [
    "pause_command",
    "push_command",
    "refresh_command",
    "resume_command",
    "retry_command",
]


@click.command("pause")
@config_option
def pause_command(config_path: Path) -> None:
    """Switch the sync off. Changes keep collecting in the systems; nothing is lost."""
    with desk_sync(load_config(config_path)) as sync:
        sync.pause()
    say("Paused. A cycle that runs now ends first. Go on with: dynsync resume")


@click.command("resume")
@config_option
def resume_command(config_path: Path) -> None:
    """Switch the sync on again; it goes on where it stopped."""
    with desk_sync(load_config(config_path)) as sync:
        sync.resume()
    say("Switched on.")


@click.command("refresh")
@click.argument("entity")
@config_option
def refresh_command(entity: str, config_path: Path) -> None:
    """Let ENTITY go on after columns of it went away."""
    config = load_config(config_path)
    name = config.entity(entity)
    with host_sync(config) as sync:
        sync.refresh_schema(name)
    say(f"The next cycle reads the schema of {name} anew.")


@click.command("retry")
@click.argument("entity")
@config_option
def retry_command(entity: str, config_path: Path) -> None:
    """Have the next cycle try again what was refused of ENTITY, however often it was."""
    config = load_config(config_path)
    name = config.entity(entity)
    with desk_sync(config) as sync:
        held = sync.retry(name)
    say(f"The next cycle tries again: {numbered(held, 'record')} of {name}.")


@click.command("push")
@click.argument("person")
@click.option("--as", "entity", required=True, help="What to make: lead or contact.")
@click.option("--owner", help="The GUID of the owner that it gets.")
@config_option
@json_option
def push_command(
    person: str, entity: str, owner: str | None, config_path: Path, *, as_json: bool
) -> None:
    """
    Make PERSON in Dynamics: "Sync Person to Microsoft".

    A person that is there already is left alone: this never forces an update through.
    """
    config = load_config(config_path)
    name = config.entity(entity)
    with host_sync(config) as sync:
        answer = sync.sync_person(person, as_=name, owner=owner)
        paused = sync.paused
    if as_json:
        say_json(
            {
                "answer": answer.kind,
                "person": answer.person,
                "dynamics": answer.dynamics,
                "message": answer.message,
            }
        )
    else:
        said = f"Person {answer.person}: {answer.kind}"
        said += f", {answer.dynamics}" if answer.dynamics else ""
        tell(said + (f" ({answer.message})" if answer.message else ""))
    if paused and answer.kind in {"queued", "already queued"}:
        say("The sync is paused: this waits for: dynsync resume")
    finish(_code(answer))


def _code(answer: PushAnswer) -> ExitCode:
    match answer.kind:
        case "created" | "queued" | "exists" | "already queued":
            return ExitCode.OK
        case "rejected" | "no such person" | "nothing to send":
            return ExitCode.ATTENTION
        case "deferred" | "stopped":
            return ExitCode.SYSTEM
