"""``dynsync run``, ``watch`` and ``apply``: one cycle, cycle after cycle, and one as planned."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from dynsync.cli._commands import config_option, finish, json_option
from dynsync.cli._config import load_config
from dynsync.cli._console import moment, say, say_json, tell
from dynsync.cli._exits import ExitCode, code_of_report
from dynsync.cli._hosts import host_sync
from dynsync.cli._plan_file import read_plan
from dynsync.cli._progress import progress
from dynsync.cli._reporting import report_data, say_report, say_resting
from dynsync.cli._signals import stoppable
from dynsync.reports import Plan
from dynsync.schedule import cycles

__all__ = ["apply_command", "run_command", "watch_command"]


@click.command("run")
@config_option
@json_option
def run_command(config_path: Path, *, as_json: bool) -> None:
    """
    Do one cycle.

    Ends with 1 as long as something waits for a person, of this run or of one before.
    """
    _cycle(config_path, None, as_json=as_json)


def _cycle(config_path: Path, plan: Plan | None, *, as_json: bool) -> None:
    """Do one cycle, or just what *plan* says, and leave."""
    config = load_config(config_path)
    with stoppable() as stop:
        with progress() as show, host_sync(config, show=show, stopping=stop) as sync:
            report = sync.run() if plan is None else sync.apply(plan)
            found = sync.status()
        if as_json:
            say_json({**report_data(report), "resting": found.waiting - found.due})
        else:
            say_report(report)
            if rests := say_resting(found):
                say(f"{rests}; see: dynsync log --waiting")
    finish(code_of_report(report, found))


@click.command("watch")
@config_option
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    help="Seconds between two cycles.  [default: [sync] delay, or 300]",
)
@click.option("--cycles", "most", type=click.IntRange(min=1), help="End after so many cycles.")
def watch_command(config_path: Path, delay: float | None, most: int | None) -> None:
    """
    Do cycle after cycle, with a pause between.

    The pause is between the end of a cycle and the start of the next. What a system does wrong is
    told and tried again with the next cycle. Ctrl-C or SIGTERM finish the batch. A guard ends it
    (4), and so do a configuration that does not fit (2), a state file that cannot be used or is
    in use (5), and a broken contract (6).
    """
    config = load_config(config_path)
    pause = config.delay if delay is None else delay
    code = ExitCode.OK
    with (
        stoppable() as stop,
        host_sync(config, stopping=stop) as sync,
    ):
        endless = cycles(sync.run, clock=sync.clock, delay=pause, stopping=stop)
        for report in islice(endless, most):
            tell(f"{moment(report.ended)} {report}")
            found = sync.status()
            code = code_of_report(report, found)
            if rests := say_resting(found):
                say(f"{moment(report.ended)} {rests}")
        if stop():
            code = ExitCode.INTERRUPTED
    finish(code)


@click.command("apply")
@click.argument("plan", type=click.Path(path_type=Path, dir_okay=False))
@config_option
@json_option
def apply_command(plan: Path, config_path: Path, *, as_json: bool) -> None:
    """
    Do exactly what the file PLAN of "dynsync plan --out" says.

    A record that has changed since is left to the next run, and so is what PLAN does not have.
    """
    _cycle(config_path, read_plan(plan), as_json=as_json)
