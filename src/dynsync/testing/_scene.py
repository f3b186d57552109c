"""One program under way, and whose fault it is when what is told is not what is held."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import attrs

from dynsync.connectors import Capabilities, Connector
from dynsync.errors import SchemaChanged, SystemFailure
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.testing._outside import Outside
from dynsync.testing._palette import Palette, same
from dynsync.testing._witness import Breach, Halted, Witness
from dynsync.testing._world import Held, World

__all__ = [
    "Place",
    "Scene",
    "Setting",
    "Way",
    "answered",
    "call",
    "fetched",
    "found_by",
    "missing",
    "stranger",
    "take",
]

T = TypeVar("T")
Way: TypeAlias = Literal["read", "fetch", "find", "write"]

_PAGES: Final = 1_000
_WIRES: Final = (str, int, float, type(None))


@attrs.frozen
class Setting:
    """What is the same for all programs of a check."""

    table: str
    side: Side
    palette: Palette
    capabilities: Capabilities
    described: str = ""
    tells_edits: bool = False
    populated: bool = False


@attrs.frozen
class Place:
    """
    Where a reader is.

    *since* and the numbers in *told* are lengths of the journal: what was told of a field
    covers all that happened to it before. *left* is what a full read still owes, *knew*
    the records that it or the world before it knew of, and *fulled* the length of the
    journal when the full read was through.
    """

    fields: tuple[str, ...]
    cursor: Cursor | None
    since: int
    told: Mapping[tuple[int, str], int] = attrs.Factory(dict[tuple[int, str], int])
    edits: frozenset[int] = frozenset()
    left: frozenset[tuple[int, str]] = frozenset()
    knew: frozenset[int] = frozenset()
    fulled: int | None = None


@attrs.define
class Scene:
    """A program at work: the connector under watch beside what it must say."""

    setting: Setting
    witness: Witness
    world: World = attrs.field(factory=World)
    readers: dict[int, list[Place]] = attrs.field(factory=dict[int, list[Place]])
    expired: int = -1
    tells_edits: bool = False
    identity: str = ""
    cursors: dict[str, str] = attrs.field(factory=dict[str, str])

    @property
    def connector(self) -> Connector:
        """The connector itself."""
        return self.witness.connector

    @property
    def outside(self) -> Outside | None:
        """Somebody else at work, if the host has anybody."""
        return self.witness.outside

    @property
    def palette(self) -> Palette:
        """What may be written."""
        return self.setting.palette

    def fields(self, count: int | None) -> tuple[str, ...]:
        """Return the first *count* fields in play, or all."""
        return self.palette.fields[: max(count, 1) if count is not None else None]


@attrs.frozen
class _Told:
    """What a *way* told of one field; *clause* is the way's own."""

    way: Way
    clause: str
    field: str
    value: Wire


def take(scene: Scene, way: Way, clause: str, record: Record, fields: Collection[str]) -> Held:
    """
    Compare *record*, told by *way*, with what is held; return whose it is.

    Raises `Breach` of the clause that is to blame, *clause* if it is the way's own, and
    `LookupError` for a record that the check need not know.
    """
    held = scene.world.called(record.id) or _recognised(scene, record)
    _well_formed(scene, way, record, fields)
    if held is None:
        raise stranger(scene, way, clause, record)
    if not held.alive:
        raise Breach(
            held.promise.clause if held.promise else clause,
            f"{way} told of {record.id!r} as a living record, though "
            f"{held.promise.words if held.promise else 'it was deleted'}.",
        )
    for field, told in record.values.items():
        _compare(scene, held, _Told(way, clause, field, told))
    if held.unsure and set(record.values) >= set(scene.palette.fields):
        held.unsure = False
    if isinstance(record.version, str):
        held.told(record.version)
    return held


def _recognised(scene: Scene, record: Record) -> Held | None:
    """Return the record whose making got no answer, if this is it, and call it by its id."""
    key_field = scene.palette.key_field
    for held in scene.world.held.values():
        if held.unsure and not held.id and key_field is not None:
            if key_field not in record.values:
                raise LookupError(record.id)
            if same(record.values[key_field], held.values[key_field]):
                held.id = record.id
                return held
    return None


def _well_formed(scene: Scene, way: Way, record: Record, fields: Collection[str]) -> None:
    scene.witness.tally["C1"] += 1
    scene.witness.tally["C4"] += 1
    at = record.modified_at
    if at is not None and at.utcoffset() is None:
        raise Breach("C1", f"{way} told a naive datetime as modified_at; it is aware, or None.")
    for field in record.values:
        if field not in fields:
            raise Breach(
                "C4",
                f"{way} was asked for {', '.join(fields)} and told {field!r} too.",
            )
        _scalar(way, field, record.values[field])


def _scalar(way: Way, field: str, told: object) -> None:
    if not isinstance(told, _WIRES) or (isinstance(told, float) and not math.isfinite(told)):
        raise Breach(
            "C1",
            f"{way} told a {type(told).__name__} in {field!r}; a wire value is what one JSON "
            f"scalar can hold.",
        )


def _compare(scene: Scene, held: Held, told: _Told) -> None:
    field = told.field
    if held.unsure:
        held.values[field] = told.value
        return
    if field in held.moved:
        if same(told.value, held.moved.pop(field)):
            raise Breach(
                "C5",
                f"A write of {field!r} was answered with Updated, and {told.way} told no change.",
            )
        held.values[field] = told.value
    if field in held.values and not same(told.value, held.values[field]):
        raise _wrong(scene, held, told)


def _wrong(scene: Scene, held: Held, told: _Told) -> Breach:
    """Return who is to blame for a value that is not the one that is held."""
    field, value = told.field, told.value
    wanted = held.values[field]
    seen = f"{told.way} told {value!r} in {field!r} of {held.id!r}, which holds {wanted!r}"
    for attempt in scene.world.attempts:
        if attempt.who == held.who and same(attempt.values.get(field, wanted), value):
            return Breach(attempt.promise.clause, f"{seen}: {attempt.promise.words}.")
    confirmed = _confirmed(scene, held, told)
    if value is None and not held.held_before(field, None):
        if confirmed:
            return _hidden(seen)
        return Breach("C4", f"{seen}. What the system left out is absent, and not None.")
    if value is not None and not held.held_before(field, value):
        return Breach("C1", f"{seen}, and never held that: it is converted, or another's.")
    if confirmed and held.promise is not None:
        return Breach(held.promise.clause, f"{seen}, since {held.promise.words}.")
    return Breach(told.clause, f"{seen}.")


def _hidden(seen: str) -> Breach:
    return Breach(
        "describe",
        f"{seen}. It reads as null everywhere, though describe says that it may be read.",
    )


def answered(scene: Scene, held: Held, field: str, value: Wire) -> Breach:
    """Return who is to blame for a *value* in a result that is not what was just written."""
    wanted = held.values[field]
    seen = f"A result tells {value!r} in {field!r} of {held.id!r}, which was just set to {wanted!r}"
    told = _Told("write", "C5", field, value)
    if value is None and not held.held_before(field, None) and _confirmed(scene, held, told):
        return _hidden(seen)
    return Breach("C5", f"{seen}.")


def _confirmed(scene: Scene, held: Held, told: _Told) -> bool:
    """Return whether another way tells the same."""
    try:
        other = _look(scene, told.way, held)
    except LookupError:
        return False
    return other is not None and told.field in other and same(other[told.field], told.value)


def missing(scene: Scene, way: Way, clause: str, held: Held, seen: str) -> Breach:
    """Return who is to blame for a record that was not told of."""
    try:
        other = _look(scene, way, held)
    except LookupError:
        other = {}
    if other is None and held.promise is not None:
        return Breach(held.promise.clause, f"{seen}, though {held.promise.words}.")
    return Breach(clause, f"{seen}.")


def stranger(scene: Scene, way: Way, clause: str, record: Record) -> Exception:
    """Return who is to blame for a record that nobody made, or `LookupError` for nobody."""
    if record.id in scene.world.strangers:
        return LookupError(record.id)
    told = record.values
    for attempt in scene.world.attempts:
        if told and all(same(attempt.values.get(name), told[name]) for name in told):
            words = attempt.promise.words
            return Breach(attempt.promise.clause, f"{way} told of {record.id!r}, though {words}.")
    key_field = scene.palette.key_field
    for held in scene.world.held.values():
        keyed = key_field is not None and same(told.get(key_field), held.values.get(key_field))
        if keyed or (told and all(same(held.values.get(name), told[name]) for name in told)):
            return Breach(
                "C6" if held.made > 1 or held.unsure else clause,
                f"{way} told of {record.id!r}, a second record like {held.id!r}, which was "
                f"created {'more than once' if held.made > 1 else 'once'}.",
            )
    return Breach(
        clause,
        f"{way} told of {record.id!r}, a record that nobody made. Every make() returns a "
        f"connector to a fresh system; if it does not, this is what came before.",
    )


def _look(scene: Scene, way: Way, held: Held) -> Mapping[str, Wire] | None:
    """
    Return what another way than *way* tells of a record, None if nothing.

    Raises `LookupError` where it does not say. These calls are not written down: they show
    nothing wrong, they only tell which of two is.
    """
    fields = scene.palette.fields
    try:
        found = _fetched(scene, held, fields) if way == "read" else _read(scene, held, fields)
    except Exception as error:
        # What is wrong with this way is found where it is looked at for itself.
        raise LookupError from error
    return found.values if found is not None else None


def _fetched(scene: Scene, held: Held, fields: Sequence[str]) -> Record | None:
    records = scene.connector.fetch(scene.setting.table, [held.id], list(fields))
    return _one(records, held.id)


def _read(scene: Scene, held: Held, fields: Sequence[str]) -> Record | None:
    cursor: Cursor | None = None
    found: Record | None = None
    for _ in range(_PAGES):
        page = scene.connector.read(scene.setting.table, list(fields), cursor)
        found = _one([one for one in page.changes if isinstance(one, Record)], held.id) or found
        cursor = page.cursor
        if not page.more:
            return found
    raise LookupError(held.id)


def _one(records: Iterable[Record], id_: RecordId) -> Record | None:
    return next((record for record in records if record.id == id_), None)


def call(scene: Scene, method: str, line: str, request: Callable[[], T], *given: object) -> T:
    """Return what a question is answered with; raise `Breach`, `Failed` or `Halted`."""
    try:
        return scene.witness.ask(method, f"connector.{method}({line})", request, *given)
    except SchemaChanged as failure:
        raise Breach(
            "describe", f"{method} misses a column that describe has just told."
        ) from failure
    except SystemFailure as failure:
        raise Halted(str(failure)) from failure


def fetched(scene: Scene, ids: list[RecordId], fields: list[str]) -> Sequence[Record]:
    """Return what fetch tells of *ids*, as `call` does."""
    table = scene.setting.table
    return call(
        scene,
        "fetch",
        f"{table!r}, {ids}, {fields}",
        lambda: scene.connector.fetch(table, ids, fields),
        ids,
        fields,
    )


def found_by(scene: Scene, field: str, values: list[Wire], fields: list[str]) -> Sequence[Record]:
    """Return what find tells of those whose *field* holds one of *values*, as `call` does."""
    table = scene.setting.table
    return call(
        scene,
        "find",
        f"{table!r}, {field!r}, {values}, {fields}",
        lambda: scene.connector.find(table, field, values, fields),
        values,
        fields,
    )
