"""What the commands have in common: the configuration, and how errors end the process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import click

from dynsync.cli._console import say
from dynsync.cli._exits import ExitCode, code_of_error
from dynsync.errors import SyncError

__all__ = ["Leaving", "config_option", "finish", "json_option", "values_option"]

P = ParamSpec("P")
R = TypeVar("R")

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("dynsync.toml"),
    show_default=True,
    help="The configuration file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
values_option = click.option(
    "--values", "with_values", is_flag=True, help="Show field values: they are personal data."
)


def finish(code: ExitCode) -> None:
    """End the process with *code*."""
    click.get_current_context().exit(code)


class Leaving(click.Group):
    """A group whose expected errors end as one line on stderr and an `ExitCode`."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """Read the command line."""
        return _leaving(super().make_context)(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        return _leaving(super().invoke)(ctx)


def _leaving(invoke: Callable[P, R]) -> Callable[P, R]:
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return invoke(*args, **kwargs)
        except SyncError as error:
            say(f"dynsync: {error}")
            raise click.exceptions.Exit(code_of_error(error)) from None
        except KeyboardInterrupt:
            say("dynsync: stopped at once; the next run goes on.")
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
        except sqlite3.Error as error:
            # The state has errors of its own: this is a pretend system's file.
            say(f"dynsync: a sandbox file cannot be used: {error}.")
            raise click.exceptions.Exit(ExitCode.SYSTEM) from None
        except (ConnectionError, TimeoutError):
            # A broken pipe ends in silence, which click sees to; the others are a host's.
            raise
        except OSError as error:
            _say_unwritable(error)
            raise click.exceptions.Exit(ExitCode.OUTPUT) from None

    return run


def _say_unwritable(error: OSError) -> None:
    name = f" {error.filename}" if error.filename else ""
    with suppress(OSError):
        say(f"dynsync: cannot read or write{name}: {error.strerror or error}.")
