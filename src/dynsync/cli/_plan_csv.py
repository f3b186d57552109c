"""
A plan as CSV: a row for each value that would be written, and for each that would not, and why.

A record with neither has a row for itself, so that every record of the plan is in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from dynsync.backlog import PendingKey
from dynsync.cli._changes import Standing, refusals, waits
from dynsync.cli._console import private_file, write_csv
from dynsync.cli._plan_file import check_free
from dynsync.fields import EntityMap
from dynsync.preview.wording import without_rules
from dynsync.records import Side, Wire
from dynsync.reports import Plan, PlannedRecord

__all__ = ["check_csv", "write_plan_csv"]

_RECORD: Final = ("entity", "person", "dynamics", "outcome")
_FIELD: Final = ("side", "kind", "column", "field", "reason")

_Row: TypeAlias = tuple[str, str, str, str, str, Wire]
"""What stands under the heads of a field, and the value."""


def check_csv(path: Path) -> None:
    """Refuse to write to *path* where it holds anything else than a plan as CSV."""
    check_free(path, "--csv", _holds_csv)


def _holds_csv(path: Path) -> bool:
    # The columns that every version has written.
    heads = ",".join([*_RECORD, *_FIELD[:3]]).encode()
    with path.open("rb") as file:
        return (file.readline().rstrip() + b",").startswith(heads + b",")


def write_plan_csv(
    path: Path,
    plan: Plan,
    maps: Iterable[EntityMap],
    known: Mapping[PendingKey, Standing],
    *,
    with_values: bool,
) -> None:
    """Write *plan* to *path*, with the refusals *known* that stand; values only if asked for."""
    check_csv(path)
    heads = [*_RECORD, *_FIELD, "value"]
    by_entity = {entity_map.entity: entity_map for entity_map in maps}
    rows = (
        row
        for record in plan.records
        for row in _rows(record, by_entity[record.entity], known.get(record.key, {}))
    )
    end = len(heads) if with_values else -1
    with private_file(path, "--csv") as file:
        write_csv(file, heads[:end], (row[:end] for row in rows))


def _rows(record: PlannedRecord, entity_map: EntityMap, standing: Standing) -> Iterator[list[Wire]]:
    about = [record.entity, record.ids.marketo, record.ids.dynamics, record.outcome.value]
    found = [*_written(record, entity_map), *_kept_back(record, entity_map, standing)]
    for side, kind, column, field, why, value in found or [("", "", "", "", record.why, None)]:
        yield [*about, side, kind, column, field, without_rules(why), value]


def _written(record: PlannedRecord, entity_map: EntityMap) -> Iterator[_Row]:
    """Yield each value that would be written, with why it is the one."""
    reasons = {
        (side, change.field): change.why for change in record.changes for side in change.written
    }
    stamps = {stamp.names.marketo for stamp in entity_map.stamps()}
    for write in record.writes:
        names = _names(
            entity_map, write.side, {field for side, field in reasons if side is write.side}
        )
        for column, value in write.values.items():
            name = names.get(column, "")
            why = reasons.get((write.side, name), record.why)
            if write.side is Side.MARKETO and column in stamps:
                why = "what the person is in Dynamics"
            yield write.side.value, write.kind, column, name, why, value


def _names(entity_map: EntityMap, side: Side, decided: Collection[str]) -> Mapping[str, str]:
    """Return the field of each column of *side*; of two on one, that of which was *decided*."""
    least_first = sorted(
        entity_map.fields, key=lambda field: (field.name in decided, field.yields_to is None)
    )
    return {field.names[side]: field.name for field in least_first}


def _kept_back(record: PlannedRecord, entity_map: EntityMap, standing: Standing) -> Iterator[_Row]:
    """Yield each value that would not: it is refused, or waits for a person."""
    natives = {field.name: field.names for field in entity_map.fields}

    def row(side: Side | None, kind: str, name: str, why: str) -> _Row:
        column = natives[name][side] if side and name in natives else ""
        return "" if side is None else side.value, kind, column, name, why, None

    for refusal in refusals(record, standing):
        said = f"{refusal.message} [{refusal.code}]" if refusal.code else refusal.message
        yield row(refusal.side, "held" if refusal.held else "refused", refusal.field, said)
    for change in record.changes:
        if waits(change) and change.verdict != "held":
            side = None if change.winner is None else change.winner.other
            yield row(side, change.verdict, change.field, change.why)
