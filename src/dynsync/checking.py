"""
Whether a sync would work: every right and setting of both systems, tried. Writes nothing.

What any connector can tell is asked here, in the words of its contract; what takes somebody
who knows the system is said by the connector itself, if it is `Checkable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar, cast

from dynsync import _checks as checks
from dynsync._contract import (
    asked,
    check_connector,
    check_findings,
    check_records,
    check_schema,
    check_time,
)
from dynsync.arguments import clock as check_clock
from dynsync.arguments import word
from dynsync.connectors import (
    ActivityLog,
    Checkable,
    Clock,
    Connector,
    DynamicsConnector,
    Finding,
    Level,
    MarketoConnector,
    Needs,
)
from dynsync.errors import SystemFailure, Throttled, Unavailable
from dynsync.fields import EntityMap
from dynsync.guards import Guards, span
from dynsync.kinds import EmailKind, TextKind
from dynsync.permissions import Permitted, permit
from dynsync.records import Pair, RecordId, Side
from dynsync.schedule import SystemClock
from dynsync.schemas import FULL_ACCESS, Access, Schema

__all__ = ["check"]

T = TypeVar("T")

_NOBODY: Final = "00000000-0000-4000-8000-000000000000"
"""An id that no record has."""

_A_LITTLE: Final = 300.0
"""By how many seconds a clock may be wrong before it is worth a line of its own."""

_SHOWN: Final = 8
"""How many columns a line names."""

_GIVE_COLUMN: Final = Pair(
    "See in Admin > Field Management whether it is hidden, or leave it out.",
    "Give the sync user a column security profile, or leave it out.",
)


def check(
    *,
    marketo: MarketoConnector,
    dynamics: DynamicsConnector,
    maps: Iterable[EntityMap],
    activity_log: ActivityLog = "written",
    guards: Guards | None = None,
    clock: Clock | None = None,
) -> tuple[Finding, ...]:
    """
    Return how all is that a sync of *maps* needs of either system, and what to do about it.

    Both systems are read and neither is written to; there is no state, and nothing is tried
    again. What a system does wrong is a finding, not an exception; `ContractError` is raised
    where a connector breaks its promise, and `ConfigurationError` for maps that cannot be.
    """
    chosen = checks.as_maps(maps)
    checks.connector(Side.MARKETO, marketo)
    checks.connector(Side.DYNAMICS, dynamics)
    checks.maps(chosen)
    word("activity_log", activity_log, ActivityLog)
    guards = guards or Guards()
    checks.guards(guards)
    clock = clock or SystemClock()
    check_clock(clock)
    checks.now(clock)
    systems = Pair[Connector](marketo, dynamics)
    sides = [
        _Tried(side, systems[side], _needs(chosen, side, activity_log), clock) for side in Side
    ]
    found = [finding for tried in sides for finding in tried.findings(guards.clock)]
    schemas = Pair[Mapping[str, Schema]](*(tried.schemas for tried in sides))
    found += [f for entity_map in chosen for f in _of_map(entity_map, schemas)]
    found += [f for m in chosen for tried in sides for f in tried.lookups(m)]
    order = {side: place for place, side in enumerate(Side)}
    return tuple(sorted(found, key=lambda finding: order[finding.side]))


def _needs(maps: Sequence[EntityMap], side: Side, activity_log: ActivityLog) -> Needs:
    """Return what a sync of *maps* asks of *side*."""
    tables: dict[str, Access] = {}
    for entity_map in maps:
        # People always get the id of their record.
        writes = side is Side.MARKETO or any(f.flow.reaches(side) for f in entity_map.fields)
        access = FULL_ACCESS if writes else Access.READ
        table = entity_map.tables[side]
        tables[table] = tables.get(table, Access.NONE) | access
    return Needs(tables=tables, activity_log=activity_log)


class _Tried:
    """One side, and what it said of its tables: *schemas* are those that could be described."""

    def __init__(self, side: Side, connector: Connector, needs: Needs, clock: Clock) -> None:
        self._side = side
        self._connector = connector
        self._needs = needs
        self._clock = clock
        self.schemas: dict[str, Schema] = {}

    def findings(self, limit: float) -> Iterator[Finding]:
        """Yield what is to be said of the side as a whole; our clock may be *limit* seconds off."""
        try:
            name = check_connector(self._side, self._connector)
            own = [*self._own()]
            described = {table: self._described(table) for table in self._needs.tables}
        except SystemFailure as failure:
            yield self._missing("connection", failure)
            yield self._found("all else", "untried", "not tried, because of that")
            return
        yield self._found("connection", "ok", f"it lets the connector in, as {name}")
        yield from self._time(limit)
        yield from own
        for table, answer in described.items():
            if isinstance(answer, SystemFailure):
                yield self._missing(f"table {table!r}", answer)
            else:
                self.schemas[table] = answer
                yield from self._reading(table, answer)

    def _own(self) -> Iterable[Finding]:
        """Return what the connector itself says of its system."""
        connector = _checkable(self._connector)
        if connector is not None:
            return check_findings(self._side, self._asked("check", self._checked(connector)))
        seen = "this connector has no say in it: see dynsync.Checkable"
        return [self._found("rights and settings", "untried", seen)]

    def _checked(self, connector: Checkable) -> Callable[[], object]:
        """Return what asks *connector*, to the end: a generator raises only when it is run."""

        def checked() -> object:
            said: object = connector.check(self._needs)
            return [*cast("Iterator[object]", said)] if isinstance(said, Iterator) else said

        return checked

    def _described(self, table: str) -> Schema | SystemFailure:
        try:
            schema = self._asked("describe", lambda: self._connector.describe(table))
        except Unavailable:
            raise
        except SystemFailure as failure:
            return failure
        check_schema(self._side, table, schema)
        return schema

    def _time(self, limit: float) -> Iterator[Finding]:
        connector = _checkable(self._connector)
        if connector is None:
            return
        try:
            there = self._asked("system_time", connector.system_time)
        except SystemFailure as failure:
            yield self._missing("clock", failure)
            return
        check_time(self._side, there)
        if there is None:
            yield self._found("clock", "untried", f"{self._side.label} does not say the time")
            return
        ahead = (self._clock.now() - there).total_seconds()
        way = "ahead of" if ahead > 0 else "behind"
        seen = f"this machine's clock is {span(ahead)} {way} {self._side.label}'s"
        todo = "Set this machine's clock by a time server, and see that its time zone is right."
        if abs(ahead) > limit:
            yield self._found("clock", "missing", seen, todo)
        elif abs(ahead) > _A_LITTLE:
            yield self._found("clock", "look", seen, todo)
        else:
            yield self._found("clock", "ok", "it agrees with this machine's")

    def _reading(self, table: str, schema: Schema) -> Iterator[Finding]:
        """Yield whether rows of *table* may be read, by asking for one that is not there."""
        names = sorted(n for n, column in schema.columns.items() if Access.READ in column.access)
        trial = partial(self._connector.fetch, table, [RecordId(_NOBODY)], names[:1])
        yield self._outcome(f"reading {table!r}", "rows may be read", table, "fetch", trial)

    def lookups(self, entity_map: EntityMap) -> Iterator[Finding]:
        """Yield whether records can be looked up in the ways in which *entity_map* does it."""
        table = entity_map.tables[self._side]
        schema = self.schemas.get(table)
        for name in _lookups(entity_map, self._side) if schema is not None else ():
            column = schema.columns.get(name) if schema is not None else None
            if column is None or Access.READ not in column.access:
                continue
            trial = partial(self._connector.find, table, name, [_NOBODY], [name])
            about = f"looking up {entity_map.entity}s by {name!r}"
            yield self._outcome(about, "works", table, "find", trial)

    def _outcome(
        self, about: str, well: str, table: str, what: str, trial: Callable[[], object]
    ) -> Finding:
        try:
            records = self._asked(what, trial)
        except SystemFailure as failure:
            return self._missing(about, failure)
        check_records(self._side, table, what, records)
        return self._found(about, "ok", well)

    def _asked(self, what: str, function: Callable[[], T]) -> T:
        return asked(self._side, what, function)

    def _missing(self, about: str, failure: SystemFailure) -> Finding:
        return self._found(about, "missing", failure.message, _remedy(self._side, failure))

    def _found(self, about: str, level: Level, seen: str, todo: str = "") -> Finding:
        return Finding(self._side, about, level, seen, todo)


def _checkable(connector: Connector) -> Checkable | None:
    # Not isinstance: since Python 3.12 that does not see what a wrapper passes on.
    able = all(hasattr(connector, name) for name in ("check", "system_time"))
    return cast("Checkable", connector) if able else None


def _lookups(entity_map: EntityMap, side: Side) -> Iterator[str]:
    """Yield the columns of *side* by which records of the entity are looked up."""
    if side is Side.MARKETO:
        yield entity_map.link_field
    if entity_map.match.field is not None:
        field = entity_map.field(entity_map.match.field)
        # Of another kind, what nobody holds would be refused as what nobody can hold.
        if isinstance(field.kind, TextKind | EmailKind):
            yield field.names[side]


def _of_map(entity_map: EntityMap, every: Pair[Mapping[str, Schema]]) -> Iterator[Finding]:
    """Yield what there is to say of the columns that *entity_map* stands on."""
    marketo = every.marketo.get(entity_map.tables.marketo)
    dynamics = every.dynamics.get(entity_map.tables.dynamics)
    if marketo is not None:
        yield from _of_stamps(entity_map, marketo)
    if marketo is None or dynamics is None:
        return
    schemas = Pair(marketo, dynamics)
    permitted = permit({field.name: field.names for field in entity_map.fields}, schemas)
    for side in Side:
        yield from _of_fields(entity_map, side, permitted)


def _of_stamps(entity_map: EntityMap, schema: Schema) -> Iterator[Finding]:
    """Yield how the fields are by which Marketo knows what a person is in Dynamics."""
    link, *others = entity_map.stamps()
    about, entity = f"field {link.names.marketo!r}", entity_map.entity
    access = _access(schema, link.names.marketo)
    if FULL_ACCESS in access:
        yield Finding(Side.MARKETO, about, "ok", f"it can hold the ids of {entity}s")
    else:
        seen = "it may not be written" if access else "there is no such field"
        todo = (
            f"People keep the id of their {entity} in it: make a custom field of the type string "
            f"in Admin > Field Management, with that API name, or name another in the map."
        )
        yield Finding(Side.MARKETO, about, "missing", seen, todo)
    for stamp in others:
        name = stamp.names.marketo
        if Access.READ | Access.UPDATE not in _access(schema, name):
            todo = f"Make it a custom field, or leave it out of the map of {entity!r}."
            seen = "it is not there or may not be written, so it is not kept"
            yield Finding(Side.MARKETO, f"field {name!r}", "look", seen, todo)


def _access(schema: Schema, name: str) -> Access:
    column = schema.columns.get(name)
    return Access.NONE if column is None else column.access


def _of_fields(entity_map: EntityMap, side: Side, permitted: Permitted) -> Iterator[Finding]:
    """Yield which of the fields of the entity take part on *side*, and which do not."""
    about = f"fields of {entity_map.entity!r}"
    natives = {field.name: field.names[side] for field in entity_map.fields}
    table = entity_map.tables[side]
    absent, unreadable = permitted.absent[side], permitted.unreadable[side]
    if absent:
        seen = f"{table!r} has no {_listed(natives[name] for name in absent)}"
        todo = f"Make them, correct the map, or leave them out: without = {_words(absent)}."
        yield Finding(side, about, "missing", seen, todo)
    if unreadable:
        level: Level = "look" if permitted.readable else "missing"
        seen = f"may not be read, so take no part: {_listed(natives[n] for n in unreadable)}"
        yield Finding(side, about, level, seen, _GIVE_COLUMN[side])
    held = [
        field.name
        for field in entity_map.fields
        if field.name in permitted.readable
        and field.flow.reaches(side)
        and not permitted.may(side, field.name, Access.UPDATE)
    ]
    if held:
        seen = f"may not be changed, so are only read: {_listed(natives[name] for name in held)}"
        todo = "Give the sync user the right, or let the field flow one way."
        yield Finding(side, about, "look", seen, todo)
    if not absent and not unreadable and not held:
        yield Finding(side, about, "ok", f"all {len(natives)} are there and take part")


def _listed(names: Iterable[str]) -> str:
    every = [*dict.fromkeys(names)]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _words(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _remedy(side: Side, failure: SystemFailure) -> str:
    """Return what to do about *failure* of *side*; its message says what was seen."""
    match failure:
        case Throttled(scope="day"):
            return "Wait until the quota begins anew, or see who else uses it."
        case Throttled():
            return "Wait a little and try again; somebody else may use up the same limit."
        case Unavailable():
            return "Try again; if it stays so, see the URL, the network, and what is in between."
        case _:
            return _CORRECT[side]


_CORRECT: Final = Pair(
    "See Admin > Web Services for the URL, LaunchPoint for the id and secret, Users & Roles for "
    "the role.",
    "See the URL, the application's id and secret in Microsoft Entra, and in the organisation "
    "the application user and its security role.",
)
