"""
A plan in a file, for somebody to look at before `dynsync apply` does exactly that.

It holds what would be written, so only its owner may read it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypedDict, cast

import click

from dynsync.backlog import PendingKey
from dynsync.cli._console import private_file
from dynsync.outcomes import OutcomeKind
from dynsync.records import Entity, Pair, RecordId, Side, Wire
from dynsync.reports import Plan, PlannedRecord, PlannedWrite

__all__ = ["check_free", "holds_plan", "read_plan", "write_plan"]

_VERSION: Final = 1


class _WriteData(TypedDict):
    side: Literal["marketo", "dynamics"]
    kind: Literal["create", "update"]
    id: str
    values: dict[str, Wire]


class _RecordData(TypedDict):
    key: str
    entity: str
    person: str | None
    dynamics: str | None
    outcome: str
    why: str
    basis: str
    writes: list[_WriteData]


class _PlanData(TypedDict):
    version: int
    made: str
    records: list[_RecordData]


def check_free(path: Path, option: str, mine: Callable[[Path], bool]) -> None:
    """
    Refuse to write to *path*, which *option* named, where that would destroy something.

    A file may be replaced if it is empty, or *mine* knows it for one of its kind: a plan is
    made again in a minute, a state file or a configuration is not. Pipes and devices are free.
    """
    if not path.is_file() or not path.stat().st_size or mine(path):
        return
    message = f"{path}: it is there, is no plan, and is not replaced. Name another file"
    raise click.BadParameter(message, param_hint=option)


def holds_plan(path: Path) -> bool:
    """Return whether the file *path* holds a plan."""
    try:
        read_plan(path)
    except click.BadParameter:
        return False
    return True


def write_plan(path: Path, plan: Plan) -> None:
    """Write *plan* into the file *path*, which is free, or holds another one."""
    check_free(path, "--out", holds_plan)
    data: _PlanData = {
        "version": _VERSION,
        "made": plan.made.isoformat(),
        "records": [_record_data(record) for record in plan.records],
    }
    with private_file(path, "--out") as file:
        json.dump(data, file, ensure_ascii=False, indent=1)
        file.write("\n")


def _record_data(record: PlannedRecord) -> _RecordData:
    return {
        "key": record.key,
        "entity": record.entity,
        "person": record.ids.marketo,
        "dynamics": record.ids.dynamics,
        "outcome": record.outcome.value,
        "why": record.why,
        "basis": record.basis,
        "writes": [
            {
                "side": write.side.value,
                "kind": write.kind,
                "id": write.id,
                "values": dict(write.values),
            }
            for write in record.writes
        ],
    }


def read_plan(path: Path) -> Plan:
    """Return the plan in the file *path*; a file that holds none is a usage error."""
    try:
        data = cast("_PlanData", json.loads(path.read_text(encoding="utf-8")))
        return _plan(data)
    except OSError as error:
        message = f"{path}: it cannot be read ({error.strerror})"
        raise click.BadParameter(message, param_hint="PLAN") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = f"{path}: it is no plan. Make one with: dynsync plan --out FILE"
        raise click.BadParameter(message, param_hint="PLAN") from None


def _plan(data: _PlanData) -> Plan:
    if data["version"] != _VERSION:
        raise ValueError(data["version"])
    made = dt.datetime.fromisoformat(data["made"])
    return Plan(made, tuple(map(_record, data["records"])))


def _record(data: _RecordData) -> PlannedRecord:
    ids = Pair(_id(data["person"]), _id(data["dynamics"]))
    writes = tuple(
        PlannedWrite(
            Side(write["side"]), write["kind"], RecordId(_text(write["id"])), dict(write["values"])
        )
        for write in data["writes"]
    )
    outcome = OutcomeKind(data["outcome"])
    key, entity = PendingKey(_text(data["key"])), Entity(_text(data["entity"]))
    why, basis = _text(data["why"]), _text(data["basis"])
    return PlannedRecord(key, entity, ids, writes, (), outcome, why, basis=basis)


def _id(value: object) -> RecordId | None:
    return None if value is None else RecordId(_text(value))


def _text(value: object) -> str:
    """Return *value* if it is text: what is typed in by hand may be anything."""
    if not isinstance(value, str):
        raise TypeError
    # Half of a surrogate pair is no text, and raises what says so.
    value.encode()
    return value
