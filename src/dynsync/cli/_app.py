"""The command group: every command of ``dynsync`` by its name."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version
from typing import cast

import click

from dynsync.cli._check import check_command
from dynsync.cli._commands import Leaving
from dynsync.cli._cycle import apply_command, run_command, watch_command
from dynsync.cli._demo import demo_command
from dynsync.cli._emulate import emulate_command
from dynsync.cli._exits import table_of_codes
from dynsync.cli._explain import explain_command
from dynsync.cli._log import log_command
from dynsync.cli._plan import plan_command
from dynsync.cli._status import status_command
from dynsync.cli._switch import (
    pause_command,
    push_command,
    refresh_command,
    resume_command,
    retry_command,
)

__all__ = ["app"]


class _Commands(Leaving):
    """The group; ``preview`` is a package of its own and is imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), "preview"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*."""
        if cmd_name == "preview":
            return cast("click.Command", importlib.import_module("dynsync.preview.command").preview)
        return super().get_command(ctx, cmd_name)


def _version() -> str:
    try:
        return version("dynsync")
    except PackageNotFoundError:
        return "unknown"


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="\b\nExit codes:\n" + table_of_codes(),
)
@click.version_option(_version(), prog_name="dynsync")
def app() -> None:
    """
    Keep a Marketo and a Dynamics database in step.

    Try it without any account: dynsync demo
    """


for _command in (
    demo_command,
    emulate_command,
    check_command,
    run_command,
    watch_command,
    plan_command,
    apply_command,
    status_command,
    explain_command,
    log_command,
    pause_command,
    resume_command,
    refresh_command,
    retry_command,
    push_command,
):
    app.add_command(_command)
