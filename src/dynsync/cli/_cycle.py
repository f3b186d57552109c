"""``dynsync run``, ``watch`` and ``plan``: one cycle, cycle after cycle, and none at all."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path

import click

from dynsync.cli._commands import config_option, finish, json_option, values_option
from dynsync.cli._config import load_config
from dynsync.cli._console import moment, say_json, show_table
from dynsync.cli._exits import ExitCode, code_of_report
from dynsync.cli._hosts import host_sync
from dynsync.cli._progress import progress
from dynsync.cli._reporting import report_data, say_report
from dynsync.cli._signals import stoppable
from dynsync.reports import Plan, PlannedRecord
from dynsync.schedule import cycles

__all__ = ["plan_command", "run_command", "watch_command"]


@click.command("run")
@config_option
@json_option
def run_command(config_path: Path, *, as_json: bool) -> None:
    """Do one cycle."""
    config = load_config(config_path)
    with stoppable() as stop:
        with progress() as show, host_sync(config, show=show, stopping=stop) as sync:
            report = sync.run()
        if as_json:
            say_json(report_data(report))
        else:
            say_report(report)
    finish(code_of_report(report))


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
    told and tried again with the next cycle. Ctrl-C or SIGTERM finish the batch.
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
            click.echo(f"{moment(report.ended)} {report}")
            code = code_of_report(report)
        if stop():
            code = ExitCode.INTERRUPTED
    finish(code)


@click.command("plan")
@config_option
@json_option
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to this file.",
)
@values_option
def plan_command(
    config_path: Path, *, as_json: bool, csv_path: Path | None, with_values: bool
) -> None:
    """Show what a run would do now, and do nothing."""
    config = load_config(config_path)
    with (
        stoppable() as stop,
        progress() as show,
        host_sync(config, show=show, stopping=stop) as sync,
    ):
        plan = sync.plan()
    if csv_path is not None:
        _write_csv(csv_path, plan, with_values=with_values)
        click.echo(f"{len(plan.writes)} writes of {len(plan.records)} records in {csv_path}")
    elif as_json:
        say_json(_plan_data(plan, with_values=with_values))
    else:
        _say_plan(plan, with_values=with_values)
    if stop():
        click.echo("Stopped on request; the plan is not whole.", err=True)
        finish(ExitCode.INTERRUPTED)
    finish(ExitCode.ATTENTION if plan.unresolved else ExitCode.OK)


def _plan_data(plan: Plan, *, with_values: bool) -> dict[str, object]:
    return {
        "made": moment(plan.made),
        "records": [
            {
                "entity": record.entity,
                "person": record.ids.marketo,
                "dynamics": record.ids.dynamics,
                "outcome": record.outcome.value,
                "why": record.why,
                "writes": [
                    {
                        "side": write.side.value,
                        "kind": write.kind,
                        "fields": dict(write.values) if with_values else sorted(write.values),
                    }
                    for write in record.writes
                ],
                "changes": [
                    {"field": change.field, "verdict": change.verdict, "why": change.why}
                    for change in record.changes
                ],
            }
            for record in plan.records
        ],
    }


def _write_csv(path: Path, plan: Plan, *, with_values: bool) -> None:
    heads = ["entity", "person", "dynamics", "outcome", "side", "kind", "column"]
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        message = f"{path}: it cannot be written ({error.strerror})"
        raise click.BadParameter(message, param_hint="--csv") from None
    with file:
        writer = csv.writer(file)
        writer.writerow([*heads, "value"] if with_values else heads)
        for record in plan.records:
            about = [record.entity, record.ids.marketo, record.ids.dynamics, record.outcome.value]
            for write in record.writes:
                for column, value in write.values.items():
                    row = [*about, write.side.value, write.kind, column]
                    writer.writerow([*row, value] if with_values else row)


def _say_plan(plan: Plan, *, with_values: bool) -> None:
    if not plan.records:
        click.echo("Nothing to do.")
        return
    show_table(
        ["record", "outcome", "would write"],
        (
            [
                f"{record.entity} {record.ids.marketo or record.ids.dynamics or ''}",
                record.outcome.value,
                _writes_of(record, with_values=with_values),
            ]
            for record in plan.records
        ),
        title=f"{len(plan.writes)} writes for {len(plan.records)} records",
    )


def _writes_of(record: PlannedRecord, *, with_values: bool) -> str:
    lines = [
        f"{write.kind} in {write.side.label}: "
        + ", ".join(
            f"{column}={value!r}" if with_values else column
            for column, value in write.values.items()
        )
        for write in record.writes
    ]
    return "\n".join(lines) or record.why or "—"
