"""``dynsync run``, ``watch`` and ``plan``: one cycle, cycle after cycle, and none at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, cast

import click

from dynsync.cli._commands import config_option, finish, json_option, values_option
from dynsync.cli._config import load_config
from dynsync.cli._console import moment, numbered, private_file, say_json, show_table, write_csv
from dynsync.cli._exits import ExitCode, code_of_report
from dynsync.cli._hosts import host_sync
from dynsync.cli._plan_file import check_free, holds_plan, read_plan, write_plan
from dynsync.cli._progress import progress
from dynsync.cli._reporting import report_data, say_report, say_resting
from dynsync.cli._signals import stoppable
from dynsync.records import Side, Wire
from dynsync.reports import NEEDY, Plan, PlannedRecord
from dynsync.schedule import cycles
from dynsync.validation import ValidationResult

__all__ = ["apply_command", "plan_command", "run_command", "watch_command"]


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
                click.echo(f"{rests}; see: dynsync log --waiting", err=True)
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
            found = sync.status()
            code = code_of_report(report, found)
            if rests := say_resting(found):
                click.echo(f"{moment(report.ended)} {rests}", err=True)
        if stop():
            code = ExitCode.INTERRUPTED
    finish(code)


@click.command("plan")
@config_option
@json_option
@click.option(
    "--out",
    "plan_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file, with values, for: dynsync apply FILE. Replaces only a plan.",
)
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the plan to this file. Replaces only a plan.",
)
@values_option
def plan_command(
    config_path: Path,
    *,
    as_json: bool,
    plan_path: Path | None,
    csv_path: Path | None,
    with_values: bool,
) -> None:
    """Show what a run would do now, and do nothing."""
    if (plan_path is not None) + (csv_path is not None) + as_json > 1:
        raise click.UsageError("Give one of --out, --csv and --json.")
    _check_free(plan_path, csv_path)
    config = load_config(config_path)
    with (
        stoppable() as stop,
        progress() as show,
        host_sync(config, show=show, stopping=stop) as sync,
    ):
        plan = sync.plan()
    if plan_path is not None:
        write_plan(plan_path, plan)
        click.echo(f"{_sizes(plan)} in {plan_path}. Do it with: dynsync apply {plan_path}")
    elif csv_path is not None:
        _write_csv(csv_path, plan, with_values=with_values)
        click.echo(f"{_sizes(plan)} in {csv_path}")
    elif as_json:
        say_json(_plan_data(plan, with_values=with_values))
    else:
        _say_plan(plan, with_values=with_values)
    if stop():
        click.echo("Stopped on request; the plan is not whole.", err=True)
        finish(ExitCode.INTERRUPTED)
    needy = any(record.outcome in NEEDY for record in plan.records)
    finish(ExitCode.ATTENTION if needy else ExitCode.OK)


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


def _sizes(plan: Plan) -> str:
    return f"{numbered(len(plan.writes), 'write')} for {numbered(len(plan.records), 'record')}"


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
                "refusals": [
                    {"side": side, "field": field, "code": code, "message": message}
                    for side, field, code, message in _refusals(record)
                ],
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


_CSV_HEADS: Final = ("entity", "person", "dynamics", "outcome", "side", "kind", "column")


def _write_csv(path: Path, plan: Plan, *, with_values: bool) -> None:
    check_free(path, "--csv", _holds_csv)
    rows = (row if with_values else row[:-1] for row in _csv_rows(plan))
    with private_file(path, "--csv") as file:
        write_csv(file, [*_CSV_HEADS, "value"] if with_values else _CSV_HEADS, rows)


def _holds_csv(path: Path) -> bool:
    """Return whether *path* begins as the CSV file of a plan does."""
    heads = ",".join(_CSV_HEADS).encode()
    with path.open("rb") as file:
        return file.readline().rstrip() in (heads, heads + b",value")


def _check_free(plan_path: Path | None, csv_path: Path | None) -> None:
    """Refuse a file that may not be replaced, before a plan is made for it."""
    if plan_path is not None:
        check_free(plan_path, "--out", holds_plan)
    if csv_path is not None:
        check_free(csv_path, "--csv", _holds_csv)


def _csv_rows(plan: Plan) -> Iterator[list[Wire]]:
    for record in plan.records:
        about = [record.entity, record.ids.marketo, record.ids.dynamics, record.outcome.value]
        for write in record.writes:
            for column, value in write.values.items():
                yield [*about, write.side.value, write.kind, column, value]


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
        title=_sizes(plan),
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
    lines += [
        f"refused in {Side(side).label}: {field or 'the record'}" + (f": {said}" if said else "")
        for side, field, code, message in _refusals(record)
        for said in [f"{message} [{code}]" if code else message]
    ]
    return "\n".join(lines) or record.why or "—"


def _refusals(record: PlannedRecord) -> list[tuple[str, str, str, str]]:
    """Return what would be refused or is held: side, field, code and message."""
    # A plan knows the reasons only if the engine keeps its validation results.
    results = cast("tuple[ValidationResult, ...]", getattr(record, "results", ()))
    told = [(r.side.value, r.field or "", r.code, r.message) for r in results]
    fields = {field for _, field, _, _ in told}
    told += [
        (change.winner.other.value, change.field, "", "held")
        for change in record.changes
        if change.verdict == "held" and change.winner is not None and change.field not in fields
    ]
    return told
