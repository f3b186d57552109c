"""``dynsync plan``: what a run would do now, with the reasons, and nothing done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import attrs
import click

from dynsync._asking import history_of
from dynsync.backlog import PendingKey
from dynsync.cli._changes import (
    Standing,
    change_data,
    last_refusals,
    losses,
    reason,
    refusals,
    waits,
)
from dynsync.cli._commands import config_option, finish, json_option, values_option
from dynsync.cli._config import load_config
from dynsync.cli._console import moment, numbered, say, say_json, show_table, tell
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import host_sync
from dynsync.cli._plan_csv import check_csv, write_plan_csv
from dynsync.cli._plan_file import check_free, holds_plan, write_plan
from dynsync.cli._progress import progress
from dynsync.cli._signals import stoppable
from dynsync.reports import NEEDY, Plan, PlannedRecord
from dynsync.sync import Sync

__all__ = ["plan_command"]


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
        paused, known = sync.paused, _known(sync, plan)
    if plan_path is not None:
        write_plan(plan_path, plan)
        tell(f"{_sizes(plan)} in {plan_path}. Do it with: dynsync apply {plan_path}")
    elif csv_path is not None:
        write_plan_csv(csv_path, plan, sync.maps, known, with_values=with_values)
        tell(f"{_sizes(plan)} in {csv_path}")
    elif as_json:
        say_json({**_plan_data(plan, known, with_values=with_values), "paused": paused})
    else:
        _say_plan(plan, known, with_values=with_values)
    if paused:
        say("The sync is paused: this waits for: dynsync resume")
    if stop():
        say("Stopped on request; the plan is not whole.")
        finish(ExitCode.INTERRUPTED)
    needy = any(record.outcome in NEEDY for record in plan.records)
    finish(ExitCode.ATTENTION if needy or paused else ExitCode.OK)


def _sizes(plan: Plan) -> str:
    needy = sum(record.outcome in NEEDY for record in plan.records)
    said = f"{numbered(len(plan.writes), 'write')} for {numbered(len(plan.records), 'record')}"
    return f"{said}, {needy} of which for a person to look at" if needy else said


_Known: TypeAlias = Mapping[PendingKey, Standing]
"""What is known from the journal of refusals that stand, by the record's key."""


def _known(sync: Sync, plan: Plan) -> _Known:
    """Return why the fields are held that this plan does not try; a plan has only what is new."""
    found: dict[PendingKey, Standing] = {}
    for record in plan.records:
        if any(change.verdict == "held" for change in record.changes):
            found[record.key] = last_refusals(history_of(sync.store, record.entity, record.ids))
    return found


def _plan_data(plan: Plan, known: _Known, *, with_values: bool) -> dict[str, object]:
    records = [_record_data(record, known, with_values=with_values) for record in plan.records]
    return {"made": moment(plan.made), "records": records}


def _record_data(record: PlannedRecord, known: _Known, *, with_values: bool) -> dict[str, object]:
    return {
        "entity": record.entity,
        "person": record.ids.marketo,
        "dynamics": record.ids.dynamics,
        "outcome": record.outcome.value,
        "why": record.why,
        "refusals": [
            {**attrs.asdict(refused), "side": refused.side.value}
            for refused in refusals(record, known.get(record.key, {}))
        ],
        "writes": [
            {
                "side": write.side.value,
                "kind": write.kind,
                "fields": dict(write.values) if with_values else sorted(write.values),
            }
            for write in record.writes
        ],
        "changes": [change_data(change, with_values=with_values) for change in record.changes],
    }


def _check_free(plan_path: Path | None, csv_path: Path | None) -> None:
    """Refuse a file that may not be replaced, before a plan is made for it."""
    if plan_path is not None:
        check_free(plan_path, "--out", holds_plan)
    if csv_path is not None:
        check_csv(csv_path)


def _say_plan(plan: Plan, known: _Known, *, with_values: bool) -> None:
    if not plan.records:
        tell("Nothing so far." if plan.interrupted else "Nothing to do.")
        return
    show_table(
        ["record", "outcome", "would write, and why"],
        (
            [
                f"{record.entity} {record.ids.marketo or record.ids.dynamics or ''}",
                record.outcome.value,
                "\n".join(_lines(record, known, with_values=with_values)) or record.why or "—",
            ]
            for record in plan.records
        ),
        title=_sizes(plan),
        whole=("record", "outcome"),
    )


def _lines(record: PlannedRecord, known: _Known, *, with_values: bool) -> Iterator[str]:
    for write in record.writes:
        values = write.values.items()
        said = (f"{column}={value!r}" if with_values else column for column, value in values)
        yield f"{write.kind} in {write.side.label}: {', '.join(said)}"
    for change in record.changes:
        if change.verdict == "held":
            continue
        lost = [] if waits(change) else losses(change, with_values=with_values)
        gone = [f"{side.label if side else 'a side'} loses {value}" for side, value in lost]
        if gone or waits(change):
            yield f"{change.field}: {'; '.join(filter(None, [reason(change), *gone]))}"
    yield from map(str, refusals(record, known.get(record.key, {})))
