"""One run's company: connectors, store, clock and terms, and the manners of calling a system."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple, TypeVar, cast

import attrs
from attrs import Factory

from dynsync._contract import asked, check_connector, check_schema, limits_of
from dynsync._remembering import Remembering
from dynsync.backlog import PendingKey
from dynsync.connectors import Capabilities, Clock, Connector
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    Refused,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.fields import EntityMap
from dynsync.guards import Guards
from dynsync.outcomes import Outcome
from dynsync.policies import AuthorityPolicy
from dynsync.recorder import Recorder
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.reports import Phase, Progress, Report
from dynsync.schemas import Schema
from dynsync.state import StateStore
from dynsync.terms import HoldMode, NothingReadable, OnMarketoDelete, Terms, agree_terms

__all__ = ["UNASKED", "SentAt", "Session", "Settings", "absent_of", "check_pair"]

T = TypeVar("T")

UNASKED: Final = "unasked"
"""The setting that says that something was found empty since the rights were asked for."""

LEASE_SECONDS: Final = 120.0
_RETRIES: Final = 5
_LONGEST_WAIT: Final = 300.0
_STEP: Final = 1.0
"""How long to sleep before looking whether the host wants to stop, in seconds."""

_STORED: Final = " What was acknowledged is stored: mend it and run again."


@attrs.frozen(kw_only=True)
class Settings:
    """What a host decides about a sync."""

    policy: AuthorityPolicy
    first: AuthorityPolicy
    backfill: AuthorityPolicy
    hold: HoldMode
    on_marketo_delete: OnMarketoDelete
    guards: Guards
    tries: int


def _nothing() -> None:
    """Do nothing before a call."""


class SentAt(NamedTuple):
    """When something was sent, by our clock and by Marketo's."""

    ours: float
    marketos: float


class Agreed(NamedTuple):
    """The terms of an entity, and what they follow from."""

    map: EntityMap
    schemas: Pair[Schema]
    settings: Settings
    terms: Terms


@attrs.define
class Session:
    """
    What the steps of one run share.

    *terms* holds the entities that take part; ``report.stopped`` says of the others why not.
    *agreed* are the terms of the runs before.
    *skews* say by how many seconds our clock is ahead of a system's, where it told its time.
    *claimed* are people who are about to be linked, with the entry that it is to be to. *unsure*
    are the tables that were read since their rights were asked for, *read_whole* those of
    which everything was read, and *blind* the fields that turned out not to be readable any more.
    *passed_over* are unlinked entries of which this run's reading left a holder of the id aside.
    *echoed* are the links whose last write to Marketo was seen to be done. *unanswered* says when
    people without a link were last written to, by entry; `dynsync._unanswered` fills it. *heard*
    are the outcomes of writes that an earlier run had no answer to, until the report counts their
    records. *refused* says whether anything waits that was refused; `dynsync._refused` fills it.
    *limits* and *instances* are what the connectors say of themselves, from `check_pair` on.
    """

    systems: Pair[Connector]
    store: StateStore
    clock: Clock
    maps: Sequence[EntityMap]
    settings: Settings
    report: Report
    stopping: Callable[[], bool]
    show: Callable[[Progress], None]
    recorders: Sequence[Recorder]
    agreed: dict[Entity, Agreed]
    terms: dict[Entity, Terms] = Factory(dict[Entity, Terms])
    skews: dict[Side, float] = Factory(dict[Side, float])
    claimed: dict[RecordId, PendingKey] = Factory(dict[RecordId, PendingKey])
    unsure: set[tuple[Side, str]] = Factory(set[tuple[Side, str]])
    read_whole: set[tuple[Side, str]] = Factory(set[tuple[Side, str]])
    passed_over: set[PendingKey] = Factory(set[PendingKey])
    echoed: set[int] = Factory(set[int])
    unanswered: dict[PendingKey, SentAt] | None = None
    blind: dict[Entity, set[str]] = Factory(dict[Entity, set[str]])
    heard: dict[PendingKey, Outcome] = Factory(dict[PendingKey, "Outcome"])
    refused: bool | None = None
    limits: Pair[Capabilities] = attrs.field(init=False)
    instances: Pair[str] = attrs.field(init=False)

    def now(self) -> float:
        """Return the time as a POSIX timestamp."""
        return self.clock.now().timestamp()

    def marketo_now(self) -> float:
        """Return the time by Marketo's clock: ours may be set right between two runs."""
        return self.now() - self.skews.get(Side.MARKETO, 0.0)

    def progress(self, phase: Phase, done: int, total: int | None = None, what: str = "") -> None:
        """Tell the host how far the run is."""
        self.show(Progress(phase, done, total, what))

    @contextmanager
    def commit(self) -> Generator[None]:
        """Begin a transaction that fails if the lease was lost meanwhile."""
        with self.store.transaction():
            self.store.renew(self.now(), LEASE_SECONDS)
            yield

    def call(
        self,
        side: Side,
        what: str,
        function: Callable[[], T],
        *,
        before: Callable[[], None] = _nothing,
    ) -> T:
        """
        Call a system, waiting out throttles and passing faults; *before* each attempt, do that.

        Raises `SystemFailure` when patience ends, at once where waiting cannot help: a
        day's quota, a refusal, and for a write that got no answer.
        """
        last: SystemFailure
        attempt = 0
        while True:
            self.report.calls[side, what] += 1
            before()
            try:
                return asked(side, what, function, _STORED)
            except Throttled as failure:
                pause = max(failure.retry_after, 0.001)
                if failure.scope == "day" or pause > _LONGEST_WAIT or attempt == _RETRIES:
                    raise
                last = failure
            except (Unavailable, Ambiguous) as failure:
                # Not repeated here: a write without an answer is read back first.
                if attempt == _RETRIES or (what == "write" and isinstance(failure, Ambiguous)):
                    raise
                pause = 2.0**attempt
                last = failure
            self._wait(pause)
            if self.stopping():
                self.report.interrupted = True
                raise last
            attempt += 1

    def _wait(self, seconds: float) -> None:
        """Let time pass without losing the lease, and without missing that we are to stop."""
        unrenewed = 0.0
        while seconds > 0 and not self.stopping():
            step = min(seconds, _STEP)
            self.clock.sleep(step)
            seconds -= step
            unrenewed += step
            if unrenewed >= LEASE_SECONDS / 3 or seconds <= 0:
                unrenewed = 0.0
                with self.commit():
                    pass

    # -- agreeing on terms

    def agree_on_clears(self) -> None:
        """
        Agree once more before anything is emptied, now that all was read.

        A column that may not be read any more is reported as empty: a right that was taken
        away between asking for it and reading would wipe the other side (R79).
        """
        if any(self.store.backlog().clears.values()):
            maps = [entity_map for entity_map in self.maps if entity_map.entity in self.terms]
            self.terms.clear()
            self._agree(maps)
        if self.store.get(UNASKED) is not None:
            with self.commit():
                self.store.put(UNASKED, None)

    def agree(self) -> None:
        """
        Agree on the terms of every entity, anew in every run.

        A right taken away narrows the sync, a field or right gained is read from Dynamics
        again (R81), and a column that is gone stops its entity until the host refreshes the
        schema (A22). Raises `ConfigurationError` for a field that never was there.
        """
        self._agree(self.maps)

    def describe(self, side: Side, table: str) -> Schema:
        """Return what *side* says of *table* now, rights and all."""
        connector = self.systems[side]
        schema = self.call(side, "describe", lambda: connector.describe(table))
        check_schema(side, table, schema)
        self.unsure.discard((side, table))
        return schema

    def _agree(self, maps: Iterable[EntityMap]) -> None:
        described: dict[tuple[Side, str], Schema] = {}

        def describe(side: Side, table: str) -> Schema:
            if (side, table) not in described:
                described[side, table] = self.describe(side, table)
            return described[side, table]

        for entity_map in maps:
            stale = self.store.get(f"stale:{entity_map.entity}")
            if stale is not None:
                self.report.stopped[entity_map.entity] = _stale_message(stale)
                continue
            try:
                marketo, dynamics = entity_map.tables
                schemas = Pair(describe(Side.MARKETO, marketo), describe(Side.DYNAMICS, dynamics))
            except Refused as failure:
                if failure.side is Side.MARKETO:
                    raise
                self.report.stopped[entity_map.entity] = str(failure)
                self.report.failures.append(failure)
                continue
            self._agree_on(entity_map, schemas)

    def _agree_on(self, entity_map: EntityMap, schemas: Pair[Schema]) -> None:
        entity = entity_map.entity
        try:
            terms = self.terms_of(entity_map, schemas)
        except NothingReadable as error:
            if self.store.get(f"layout:{entity}") is None:
                raise
            Remembering(self.store, self.commit, self.now()).forget(entity)
            self.report.stopped[entity] = str(error)
            return
        before = self.names(f"known:{entity}")
        refreshed = self.names(f"refreshed:{entity}")
        absent = [
            (side, name)
            for side in Side
            for name in terms.permitted.absent[side]
            if f"{side.value}:{name}" not in refreshed
        ]
        for side, name in absent:
            native = entity_map.field(name).names[side]
            if f"{side.value}:{name}" not in before:
                message = (
                    f"{side.label}'s {entity_map.tables[side]!r} has no field {native!r}, which "
                    f"the map of {entity!r} selects as {name!r}. Correct the name, or take the "
                    f"field out with .without({name!r})."
                )
                raise ConfigurationError(message)
        if absent:
            names = ", ".join(entity_map.field(name).names[side] for side, name in absent)
            self.stop_stale(entity, names)
            return
        Remembering(self.store, self.commit, self.now()).remember(terms)
        self.terms[entity] = terms

    def terms_of(self, entity_map: EntityMap, schemas: Pair[Schema]) -> Terms:
        """Return the terms that *schemas* allow; those of the last run if nothing has changed."""
        before = self.agreed.get(entity_map.entity)
        if before is not None and before[:-1] == (entity_map, schemas, self.settings):
            return before.terms
        terms = agree_terms(
            entity_map,
            schemas,
            policy=self.settings.policy,
            first=self.settings.first,
            backfill=self.settings.backfill,
            hold=self.settings.hold,
            on_marketo_delete=self.settings.on_marketo_delete,
            tries=self.settings.tries,
        )
        self.agreed[entity_map.entity] = Agreed(entity_map, schemas, self.settings, terms)
        return terms

    def leave_out(self, entities: Iterable[Entity], failure: Refused) -> None:
        """Go on without *entities*, of which Dynamics tells nothing now."""
        self.report.failures.append(failure)
        for entity in entities:
            self.terms.pop(entity, None)
            self.report.stopped[entity] = str(failure)

    def stop_stale(self, entity: Entity, names: str) -> None:
        """Stop *entity* until its schema is refreshed (A22, R83)."""
        with self.commit():
            self.store.put(f"stale:{entity}", names)
        self.terms.pop(entity, None)
        self.report.stopped[entity] = _stale_message(names)

    def names(self, key: str) -> list[str]:
        """Return the names that the state holds under *key*."""
        return cast("list[str]", json.loads(self.store.get(key) or "[]"))

    def check_pair(self) -> None:
        """Refuse a state file that belongs to another pair of systems, or to other tables."""
        self.limits = Pair(*(limits_of(side, self.systems[side]) for side in Side))
        self.instances = check_pair(self.store, self.systems, self.maps)


def check_pair(store: StateStore, systems: Pair[Connector], maps: Iterable[EntityMap]) -> Pair[str]:
    """
    Refuse a *store* of another pair of *systems*, or of other tables than *maps* name.

    What it did not know of before, it belongs to from now on. Returns what the systems call
    themselves. Raises `ConfigurationError`.
    """
    instances = Pair(*(check_connector(side, systems[side]) for side in Side))
    pair = json.dumps([*instances])
    known = store.get("pair")
    if known not in (None, pair):
        raise ConfigurationError(
            f"This state belongs to the systems {known}, but {pair} were given. Use the "
            f"right connectors, or another state file for this pair."
        )
    said = {"pair": pair}
    for entity_map in maps:
        where = json.dumps([*entity_map.tables, entity_map.link_field])
        name = f"place:{entity_map.entity}"
        before = store.get(name)
        if before not in (None, where):
            raise ConfigurationError(
                f"The state holds {entity_map.entity!r} of {before} (tables, link field), but "
                f"the map says {where}. Use the same map, or begin with a new state file."
            )
        said[name] = where
    new = {name: value for name, value in said.items() if store.get(name) is None}
    if new:
        with store.transaction():
            for name, value in new.items():
                store.put(name, value)
    return instances


def _stale_message(names: str) -> str:
    return f"columns are gone: {names}. Correct the map, then call refresh_schema()."


def absent_of(entity_map: EntityMap, systems: Pair[Connector]) -> list[str]:
    """Return the fields of *entity_map* whose columns are not there now, each ``side:field``."""
    absent: list[str] = []
    for side, table in zip(Side, entity_map.tables, strict=True):
        schema = asked(side, "describe", partial(systems[side].describe, table), _STORED)
        check_schema(side, table, schema)
        absent += [
            f"{side.value}:{field.name}"
            for field in entity_map.fields
            if field.names[side] and field.names[side] not in schema.columns
        ]
    return absent
