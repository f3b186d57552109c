"""Fetching, finding and the other questions, and what their answers owe."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

from dynsync._contract import check_identity, check_limits, check_records, check_schema
from dynsync.connectors import DynamicsConnector
from dynsync.errors import ContractError, SchemaChanged, SyncError, SystemFailure
from dynsync.records import Cursor, Record, RecordId, Wire, plain_id
from dynsync.testing._palette import same
from dynsync.testing._scene import Scene, Way, call, fetched, found_by, missing, take
from dynsync.testing._steps import Fetch, Find, Unknown
from dynsync.testing._witness import Breach, Halted
from dynsync.testing._world import Held

__all__ = [
    "describe",
    "fetch",
    "find",
    "identify",
    "stray",
    "unknown",
    "user",
]

_AT: Final = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)
_NOBODY: Final = "no_such_field"
_AUTHOR: Final = "modifiedby"


def _judged(
    scene: Scene, method: Way, records: Sequence[Record], asked: Collection[str]
) -> dict[int, Record]:
    """Return the records of the check's own among *records*, by number."""
    setting = scene.setting
    versioned = setting.capabilities.conditional_writes
    scene.witness.lawful(
        "C1",
        lambda: check_records(setting.side, setting.table, method, records, versioned=versioned),
    )
    found: dict[int, Record] = {}
    for record in records:
        try:
            found[take(scene, method, method, record, asked).who] = record
        except LookupError:
            continue
    return found


def _all_fields(method: Way, held: Held, record: Record, asked: Sequence[str]) -> None:
    for field in asked:
        if field not in record.values and held.needs(field) and not held.unsure:
            raise Breach(
                method, f"{method} left {field!r} of {held.id!r} out, which was asked for."
            )


def fetch(scene: Scene, step: Fetch) -> None:
    """Fetch records, those that are gone too, and see that the living ones are told."""
    wanted = [held for who in step.who if (held := scene.world.held.get(who)) and held.id]
    wanted = wanted[: scene.setting.capabilities.find]
    if not wanted:
        return
    fields = list(scene.fields(step.fields))
    ids = [held.id for held in wanted]
    records = fetched(scene, ids, fields)
    scene.witness.tally["fetch"] += any(held.alive and not held.unsure for held in wanted)
    found = _judged(scene, "fetch", records, fields)
    for held in scene.world.held.values():
        if held.who in found:
            if held not in wanted:
                raise Breach("fetch", f"fetch was asked for {ids} and told {held.id!r} too.")
            _all_fields("fetch", held, found[held.who], fields)
        elif held in wanted and held.alive and not held.unsure:
            seen = f"fetch was asked for {held.id!r} and told nothing"
            raise missing(scene, "fetch", "fetch", held, seen)
        elif held in wanted and held.unsure:
            # It was asked for and is not there: the write was not applied.
            del scene.world.held[held.who]
            return


def find(scene: Scene, step: Find) -> None:
    """Find records by a value, and see that every one that holds it is told, and no other."""
    field = scene.palette.field(step.field)
    if scene.palette.family(field) != "text" or not scene.palette.fields:
        return
    sources = [held for who in step.who if (held := scene.world.living(who)) is not None]
    sources = [one for one in sources if field not in one.moved]
    held_values = [value for one in sources if isinstance(value := one.values.get(field), str)]
    values: list[Wire] = [*dict.fromkeys(_lettered(value, step.letters) for value in held_values)]
    values = values[: scene.setting.capabilities.find]
    if not values:
        return
    asked = [name for name in scene.palette.fields if name != field][:2]
    records = found_by(scene, field, values, asked)
    scene.witness.tally["find"] += 1
    _found(scene, field, values, asked, records)


def _lettered(value: str, letters: str) -> str:
    return {"same": value, "upper": value.upper(), "lower": value.lower()}[letters]


def _found(
    scene: Scene,
    field: str,
    values: Sequence[Wire],
    asked: Sequence[str],
    records: Sequence[Record],
) -> None:
    found = _judged(scene, "find", records, [*asked, field])
    for who, record in found.items():
        held = scene.world.held[who]
        if field not in record.values:
            raise Breach("find", f"find by {field!r} told {held.id!r} without {field!r}.")
        if not any(same(record.values[field], value) for value in values):
            raise Breach("find", f"find told {held.id!r}, which holds none of {list(values)}.")
        _all_fields("find", held, record, asked)
    for held in scene.world.held.values():
        known = held.alive and not held.unsure and field not in held.moved
        holds = any(same(held.values.get(field), value) for value in values)
        if known and holds and held.who not in found:
            shown = f"{field!r} of {held.id!r} holds {held.values[field]!r}"
            seen = f"{shown}, and find by {list(values)} did not tell it"
            raise missing(scene, "find", "find", held, seen)


def describe(scene: Scene) -> None:
    """Ask for the columns, and see that they are columns and the same as before."""
    setting = scene.setting
    schema = call(
        scene, "describe", f"{setting.table!r}", lambda: scene.connector.describe(setting.table)
    )
    scene.witness.lawful("describe", lambda: check_schema(setting.side, setting.table, schema))
    for name, column in schema.columns.items():
        if name != column.name:
            raise Breach("describe", f"describe lists {column.name!r} under {name!r}.")
    said = schema.fingerprint(schema.columns)
    if setting.described and said != setting.described:
        raise Breach("describe", "describe told other columns than before, and nobody changed any.")


def identify(scene: Scene) -> None:
    """Ask for the name, and see that it and the capabilities stay."""
    connector, setting = scene.connector, scene.setting
    scene.witness.tally["identity"] += 1

    def told() -> str:
        check_limits(setting.side, connector.capabilities)
        name = connector.identity()
        check_identity(setting.side, name)
        return name

    try:
        name = scene.witness.ask("identity", "connector.identity()", told)
    except SystemFailure as failure:
        raise Halted(str(failure)) from failure
    except Breach as breach:
        if isinstance(breach.__cause__, ContractError):
            raise Breach("identity", str(breach.__cause__)) from breach
        raise
    scene.identity = scene.identity or name
    if name != scene.identity:
        raise Breach("identity", "identity() gave two names for one system.")
    if connector.capabilities != setting.capabilities:
        raise Breach("identity", "The capabilities have changed; they are constant.")


def user(scene: Scene) -> None:
    """Ask who the connector writes as, and compare with who wrote."""
    connector = scene.connector
    if not isinstance(connector, DynamicsConnector):
        return
    scene.witness.tally["sync_user"] += 1
    names: list[object] = [call(scene, "sync_user", "", connector.sync_user) for _ in range(2)]
    if names[0] != names[1] or not isinstance(names[0], str) or not names[0]:
        raise Breach("sync_user", "sync_user() returns one id, text and not empty.")
    mine = [
        held.id
        for held in scene.world.held.values()
        if held.alive and not held.unsure and held.promise is not None
    ]
    if not mine or _AUTHOR not in scene.palette.columns:
        return
    table = scene.setting.table
    records = call(
        scene,
        "fetch",
        f"{table!r}, {mine[:1]}, [{_AUTHOR!r}]",
        lambda: connector.fetch(table, mine[:1], [_AUTHOR]),
    )
    for record in records:
        author = record.values.get(_AUTHOR)
        if author is not None and plain_id(author) != plain_id(names[0]):
            raise Breach(
                "sync_user", f"sync_user() is not who {_AUTHOR!r} says wrote {record.id!r}."
            )


def unknown(scene: Scene, step: Unknown) -> None:
    """Ask for a field that is not there, and have it named."""
    connector, table = scene.connector, scene.setting.table
    fields = [*scene.palette.fields[:1], _NOBODY]
    ids = [RecordId("00000000-0000-4000-8000-000000000001")]
    lines = {
        "read": (f"{table!r}, {fields}, None", lambda: connector.read(table, fields, None)),
        "fetch": (f"{table!r}, {ids}, {fields}", lambda: connector.fetch(table, ids, fields)),
        "find": (
            f"{table!r}, {fields[0]!r}, ['Ann'], {fields}",
            lambda: connector.find(table, fields[0], ["Ann"], fields),
        ),
    }
    line, call = lines[step.by]
    scene.witness.tally["C8"] += 1
    try:
        scene.witness.ask(step.by, f"connector.{step.by}({line})", call, fields)
    except SchemaChanged as failure:
        if _NOBODY not in failure.fields:
            raise Breach("C8", f"SchemaChanged does not name {_NOBODY!r} in its fields.") from None
    except SystemFailure as failure:
        raise Breach(
            "C8", f"A field that is not there is SchemaChanged, not {type(failure).__name__}."
        ) from failure
    else:
        raise Breach(
            "C8",
            f"{step.by} was asked for {_NOBODY!r}, a field that is not there, and answered as if "
            f"nothing were wrong; that is SchemaChanged, with the field in its fields.",
        )


def stray(scene: Scene) -> None:
    """Read from a cursor that the connector never gave."""
    connector, table = scene.connector, scene.setting.table
    fields, cursor = list(scene.palette.fields), Cursor("a cursor that nobody gave")
    line = f"connector.read({table!r}, {fields}, {str(cursor)!r})"
    scene.witness.tally["C8"] += 1
    try:
        scene.witness.ask("read", line, lambda: connector.read(table, fields, cursor))
    except SystemFailure:
        return
    except Breach as breach:
        # Not of the system's making: an error of dynsync's own will do.
        if breach.clause == "C8" and isinstance(breach.__cause__, SyncError):
            return
        raise
    raise Breach("C8", "read took a cursor that nobody gave; such a place is CursorExpired.")
