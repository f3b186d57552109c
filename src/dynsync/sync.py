"""
The sync: `Sync.run` does one cycle, `Sync.plan` says what it would do.

Everything that decides is pure and lives below; this module and the private ones that it
calls are the only ones that talk to systems and to the store.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias, cast

import attrs
from attrs import Factory

from dynsync import _checks as checks
from dynsync._contract import check_connector
from dynsync._desk import Desk
from dynsync._gather import Ready, gather
from dynsync._observe import observe
from dynsync._push import PushAnswer, push_now, queue_push
from dynsync._session import LEASE_SECONDS, Session, Settings, absent_of
from dynsync.backlog import PendingKey
from dynsync.connectors import Clock, Connector, DynamicsConnector, MarketoConnector
from dynsync.deciding import digest
from dynsync.errors import (
    ConfigurationError,
    ContractError,
    LeaseHeld,
    SyncError,
    SystemFailure,
)
from dynsync.fields import EntityMap
from dynsync.guards import Guards
from dynsync.holding import pause as growing_pause
from dynsync.maps import default_backfill, default_first, default_policy
from dynsync.outcomes import Outcome, OutcomeKind
from dynsync.planning import RecordPlan, plan_record
from dynsync.policies import AuthorityPolicy
from dynsync.recorder import (
    ActivityRecorder,
    Entry,
    PartlyRefused,
    Recorder,
    entry_of,
    journal_entry,
)
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.reports import RESTING, Plan, PlannedRecord, PlannedWrite, Progress, Report, Status
from dynsync.schedule import SystemClock
from dynsync.settling import settle
from dynsync.state import StateStore
from dynsync.terms import HoldMode, OnMarketoDelete
from dynsync.writes import Create, Created, Update, Updated, Write, WriteResult

__all__ = ["Sync"]

_DAY: Final = 86_400.0

_CHUNK: Final = 1000
"""Backlog entries taken at a time."""

When: TypeAlias = Literal["now", "queued"]


def _silent(progress: Progress) -> None:
    """Show nothing."""


def _never() -> bool:
    return False


def _activity_log(sync: Sync) -> tuple[Recorder, ...]:
    return (ActivityRecorder(sync.marketo),)


@attrs.define(kw_only=True, repr=False)
class Sync:
    """
    A two-way sync of one Marketo and one Dynamics.

    *maps* say what is synced, *store* remembers it, *policy* decides collisions (by default
    Marketo is right about leads and Dynamics about contacts, R20, and an opt-out stands,
    A17). *first* decides where two records meet that have never agreed; *backfill* where a
    field is new to a linked pair; by default a value wins over none, then *policy* decides, or
    Dynamics, and an opt-out stands in both. *hold* says whether a refusal holds its field or its
    record, *on_marketo_delete* what a later change in Dynamics does (R46). *recorders* are
    told every outcome, by default the activity log of the people concerned (R92); the journal
    is kept for *keep_journal* days (R96). *show* is called with the progress, *stopping* asked
    between batches.
    """

    marketo: MarketoConnector
    dynamics: DynamicsConnector
    maps: Sequence[EntityMap] = attrs.field(converter=checks.as_maps)
    store: StateStore
    policy: AuthorityPolicy = Factory(default_policy)
    first: AuthorityPolicy | None = None
    backfill: AuthorityPolicy | None = None
    hold: HoldMode = "field"
    on_marketo_delete: OnMarketoDelete = "recreate"
    guards: Guards = Factory(Guards)
    keep_journal: float = 90.0
    recorders: Sequence[Recorder] = Factory(_activity_log, takes_self=True)
    clock: Clock = Factory(SystemClock)
    show: Callable[[Progress], None] = _silent
    stopping: Callable[[], bool] = _never

    def __attrs_post_init__(self) -> None:
        checks.connector("marketo", self.marketo)
        checks.connector("dynamics", self.dynamics)
        checks.maps(self.maps)
        checks.store(self.store)
        for name in ("policy", "first", "backfill"):
            checks.policy(name, getattr(self, name))
        checks.word("hold", self.hold, HoldMode)
        checks.word("on_marketo_delete", self.on_marketo_delete, OnMarketoDelete)
        checks.guards(self.guards)
        checks.days("keep_journal", self.keep_journal)
        checks.recorders(self.recorders)
        checks.names(self.maps, (self.policy, self.first, self.backfill))
        for side, connector in ((Side.MARKETO, self.marketo), (Side.DYNAMICS, self.dynamics)):
            if connector.side is not side:
                raise ConfigurationError(
                    f"The {side.label} connector says that it is {connector.side.label}'s. Were "
                    f"the two exchanged?"
                )

    def __repr__(self) -> str:
        entities = ", ".join(entity_map.entity for entity_map in self.maps)
        pair = f"{self.marketo.identity()} and {self.dynamics.identity()}"
        return f"<Sync of {pair}: {entities}>"

    # -- the cycle

    def run(self) -> Report:
        """
        Do one cycle: observe, reconcile, write, settle.

        Returns a report with every record that it looked at in exactly one bucket. What a
        system did wrong is in ``report.failures``, and what was not done stays in the
        backlog. Raises `ConfigurationError` and `RunStopped` before anything was written,
        `ContractError` when a connector, policy or recorder broke its promise, and
        `StateError`; then, too, all that was acknowledged is stored.
        """
        return self._cycle(None)

    def apply(self, plan: Plan) -> Report:
        """
        Do exactly what *plan* says.

        A record about which anything changed since is not touched: it is counted as deferred
        and left to the next run, and so is what the plan does not mention. What is settled
        already is not touched either: a plan that is applied a second time counts nothing.
        """
        return self._cycle({record.key: record for record in plan.records})

    def plan(self) -> Plan:
        """
        Return what `run` would do now.

        Reads both systems and writes to neither; what it learns is thrown away, so that
        neither cursor nor backlog moves. Raises what `run` raises before it writes.
        """
        with self._session() as session, self.store.scratch():
            session.check_pair()
            session.agree()
            observe(session)
            session.agree_on_clears()
            records = [
                _planned(session, ready, plan) for ready, plan in _plans(session, session.now())
            ]
            return Plan(self.clock.now(), tuple(records), session.report.interrupted)

    def _cycle(self, only: Mapping[PendingKey, PlannedRecord] | None) -> Report:
        with self._session() as session:
            report = session.report
            if self.paused:
                report.paused = True
                report.left = sum(self.store.backlog().counts.values())
                report.ended = self.clock.now()
                return report
            session.check_pair()
            try:
                session.agree()
                observe(session)
                session.agree_on_clears()
                self._work(session, only)
            except SystemFailure as failure:
                report.failures.append(failure)
            broken = self._tell(session)
            report = self._closed(session)
            if broken is not None:
                raise broken
            return report

    def _work(self, session: Session, only: Mapping[PendingKey, PlannedRecord] | None) -> None:
        desk = Desk(session, self.store.next_key())
        done = 0
        total = sum(session.store.backlog().counts.values())
        for ready, plan in _plans(session, session.now()):
            done += 1
            if only is not None and not _as_planned(session, ready, plan, only):
                continue
            if plan is None:
                _leave_ambiguous(session, ready)
            else:
                desk.submit(session.terms[ready.entry.entity], plan)
            session.progress("writing", done, total)
            if desk.failed is not None:
                break
            if self.stopping():
                session.report.interrupted = True
                break
        desk.flush()

    @contextmanager
    def _session(self) -> Generator[Session]:
        now = self.clock.now()
        self.store.acquire(now.timestamp(), LEASE_SECONDS)
        try:
            run = int(self.store.get("run") or "0") + 1
            yield Session(
                Pair[Connector](self.marketo, self.dynamics),
                self.store,
                self.clock,
                self.maps,
                Settings(
                    policy=self.policy,
                    first=self.first or default_first(self.policy),
                    backfill=self.backfill or default_backfill(),
                    hold=self.hold,
                    on_marketo_delete=self.on_marketo_delete,
                    guards=self.guards,
                ),
                Report(run, now),
                stopping=self.stopping,
                show=self.show,
            )
        finally:
            self.store.release()

    def _closed(self, session: Session) -> Report:
        report = session.report
        report.ended = self.clock.now()
        report.left = sum(self.store.backlog().counts.values())
        seconds = (report.ended - report.started).total_seconds()
        with session.commit():
            self.store.put("run", str(report.run))
            said = [str(report), report.ended.timestamp()]
            self.store.put("last_run", json.dumps(said))
            if report.records and seconds > 0:
                self.store.put("pace", json.dumps(report.records / seconds))
        self._prune(session)
        return report

    def _prune(self, session: Session) -> None:
        """Forget what is older than the journal is kept, once a day."""
        now = session.now()
        if now - float(self.store.get("pruned") or "0") < _DAY:
            return
        with session.commit():
            self.store.prune(now - self.keep_journal * _DAY)
            self.store.put("pruned", str(now))

    def _tell(self, session: Session) -> ContractError | None:
        """Let every recorder read on in the journal; return what the first broken one raised."""
        broken: ContractError | None = None
        for recorder in self.recorders:
            place = f"recorder:{recorder.name}"
            after = int(self.store.get(place) or "0")
            try:
                while kept := self.store.journal(after, 500):
                    try:
                        _record(recorder, [entry_of(entry) for entry in kept])
                    except PartlyRefused as failure:
                        session.report.failures.append(failure)
                    after = kept[-1].seq
                    with session.commit():
                        self.store.put(place, str(after))
            except SystemFailure as failure:
                session.report.failures.append(failure)
            except ContractError as error:
                broken = broken or error
        return broken

    # -- Sync Person to Microsoft

    def sync_person(
        self,
        person: str | int,
        *,
        as_: str,
        owner: str | None = None,
        when: When = "now",
    ) -> PushAnswer:
        """
        Make *person* in Dynamics, as a lead or a contact (R26-R32).

        ``when="now"`` is for trigger campaigns, ``"queued"`` leaves it to the next cycle, and
        so does a running cycle or a paused sync. A person that is in Dynamics already, or
        on its way, is left alone, and the answer says so: this never forces an update (R27).
        """
        entity = Entity(as_)
        entity_map = self._map(as_)
        id_ = RecordId(str(person))
        if when == "queued" or self.paused:
            return self._queue(entity_map, id_, owner)
        try:
            with self._session() as session:
                session.check_pair()
                session.agree()
                if entity not in session.terms:
                    why = session.report.stopped[entity]
                    return PushAnswer("stopped", id_, None, why)
                answer = push_now(
                    session, Desk(session, self.store.next_key()), entity_map, id_, owner=owner
                )
                broken = self._tell(session)
                if broken is not None:
                    raise broken
                return answer
        except LeaseHeld:
            return self._queue(entity_map, id_, owner)
        except SystemFailure as failure:
            answer = self._queue(entity_map, id_, owner)
            if answer.kind == "exists":
                return answer
            return attrs.evolve(answer, kind="deferred", message=f"{failure}; with the next cycle")

    def _queue(self, entity_map: EntityMap, person: RecordId, owner: str | None) -> PushAnswer:
        now = self.clock.now().timestamp()
        instance = check_connector(Side.MARKETO, self.marketo)
        return queue_push(self.store, instance, self.maps, entity_map, person, owner=owner, now=now)

    def _map(self, entity: str) -> EntityMap:
        for entity_map in self.maps:
            if entity_map.entity == entity:
                return entity_map
        known = ", ".join(entity_map.entity for entity_map in self.maps)
        raise ConfigurationError(f"There is no map for {entity!r}; there are {known}.")

    # -- the switch and the schema

    @property
    def paused(self) -> bool:
        """Return whether the sync is switched off (R6)."""
        return self.store.get("paused") is not None

    def pause(self) -> None:
        """Switch the sync off. Changes keep collecting in the systems; nothing is lost (R6)."""
        with self.store.transaction():
            self.store.put("paused", "yes")

    def resume(self) -> None:
        """Switch the sync on again; it goes on where it stopped."""
        with self.store.transaction():
            self.store.put("paused", None)

    def refresh_schema(self, entity: str) -> None:
        """
        Let *entity* go on after columns of it went away (A22, R83).

        Asks both systems, and may raise what they raise. The map as it is now counts: a column
        that is selected and absent at this moment takes no part from here on; one that goes
        away later stops the entity again.
        """
        entity_map = self._map(entity)
        names = [
            f"{side.value}:{field.name}"
            for side, connector in zip(Side, (self.marketo, self.dynamics), strict=True)
            for field in absent_of(entity_map, side, connector)
        ]
        with self.store.transaction():
            self.store.put(f"stale:{entity}", None)
            self.store.put(f"refreshed:{entity}", json.dumps(names))

    # -- asking

    def status(self) -> Status:
        """Return where the sync stands. Needs no lease and talks to no system."""
        return status(self.store, self.clock.now(), [m.entity for m in self.maps])

    def link(
        self, entity: str, *, person: str | int | None = None, dynamics: str | None = None
    ) -> Pair[RecordId] | None:
        """
        Return the two ids that are one record, found by either of them; None if it is unlinked.

        A person who was deleted in Marketo, or a record deleted in Dynamics, keeps its link.
        """
        wanted = Pair(None if person is None else str(person), dynamics and dynamics.lower())
        for side in Side:
            id_ = wanted[side]
            if id_ is not None:
                link = self.store.link_of(side, RecordId(id_), Entity(entity))
                return None if link is None else link.ids
        raise ConfigurationError("Name the record: person=… or dynamics=….")

    def explain(
        self, entity: str, *, person: str | None = None, dynamics: str | None = None
    ) -> tuple[Entry, ...]:
        """
        Return the history of one record, oldest first, with the reason for every value.

        Raises `ConfigurationError` if there is no map for *entity*, or no record is named.
        """
        self._map(entity)
        if person is None and dynamics is None:
            raise ConfigurationError("Name the record: person=… or dynamics=….")
        ids = Pair(
            RecordId(str(person)) if person is not None else None,
            RecordId(dynamics.lower()) if dynamics is not None else None,
        )
        return tuple(entry_of(kept) for kept in self.store.history(Entity(entity), ids))


def _record(recorder: Recorder, entries: Sequence[Entry]) -> None:
    """Tell *recorder*; what it may not raise becomes a `ContractError` without its message."""
    try:
        recorder.record(entries)
    except SyncError:
        raise
    except Exception as error:  # noqa: BLE001 - a recorder is the host's: it may raise anything
        raised, trace = type(error).__name__, error.__traceback__
    else:
        return
    # Outside of the except block: what was raised may quote a value, and would hang on to ours.
    message = (
        f"The recorder {recorder.name!r} raised {raised}. It may raise SystemFailure and its "
        f"subclasses only; the run is finished and stored, and the same entries come again."
    )
    raise ContractError(message).with_traceback(trace)


def status(store: StateStore, now: dt.datetime, entities: Sequence[Entity]) -> Status:
    """Return where the sync that *store* belongs to stands."""
    numbers = store.backlog()
    last = store.get("last_run")
    said, at = cast("tuple[str, float]", json.loads(last)) if last else (None, None)
    pace = float(store.get("pace") or "0")
    due = sum(n for (_, reason), n in numbers.counts.items() if reason not in RESTING)
    return Status(
        links=numbers.links,
        backlog=numbers.counts,
        oldest={entity: now.timestamp() - since for entity, since in numbers.oldest.items()},
        eta=due / pace if pace > 0 else (None if due else 0.0),
        last_run=said,
        last_run_at=None if at is None else dt.datetime.fromtimestamp(at, dt.UTC),
        paused=store.get("paused") is not None,
        stale={e: why for e in entities if (why := store.get(f"stale:{e}")) is not None},
    )


# -- reconcile


def _plans(session: Session, now: float) -> Iterator[tuple[Ready, RecordPlan | None]]:
    """
    Plan what is due, in order of modification; None for what nobody may be linked to.

    Goes through the backlog once: what is put back into it waits for the next run.
    """
    after: tuple[float, PendingKey] | None = None
    while True:
        entries = session.store.due(now, after, _CHUNK)
        if not entries:
            return
        after = (entries[-1].modified, entries[-1].key)
        mine = [entry for entry in entries if entry.entity in session.terms]
        for ready in gather(session, session.terms, mine):
            if ready.trouble:
                yield ready, None
                continue
            terms = session.terms[ready.entry.entity]
            yield ready, plan_record(terms, ready.entry, ready.link, now)


def _leave_ambiguous(session: Session, ready: Ready) -> None:
    """Leave a record that nobody may be linked to for later, and say so."""
    entry = ready.entry
    now = session.now()
    outcome = Outcome(entry.entity, entry.ids, OutcomeKind.AMBIGUOUS, ready.trouble)
    attempts = entry.attempts + 1
    waiting = attrs.evolve(
        entry, attempts=attempts, retry_at=now + growing_pause(attempts), reason="ambiguous match"
    )
    with session.commit():
        session.store.save_pending([waiting])
        if entry.reason != "ambiguous match":
            session.store.append([journal_entry(outcome, session.report.run, now)])
    session.report.add(outcome)


# -- plans as values


def _planned_write(side: Side, write: Write) -> PlannedWrite:
    if isinstance(write, Create):
        return PlannedWrite(side, "create", write.key, dict(write.values))
    return PlannedWrite(side, "update", write.id, dict(write.values))


def _hoped(write: Write | None) -> WriteResult | None:
    """Return the answer to *write* if all goes well."""
    match write:
        case None:
            return None
        case Create(key):
            return Created(key)
        case Update(id_):
            return Updated(id_)


def _planned(session: Session, ready: Ready, plan: RecordPlan | None) -> PlannedRecord:
    """Return *plan* as a value, with the outcome it would have if every write were applied."""
    entry = ready.entry
    if plan is None:
        return PlannedRecord(
            entry.key, entry.entity, entry.ids, (), (), OutcomeKind.AMBIGUOUS, ready.trouble
        )
    terms = session.terms[entry.entity]
    hoped = settle(terms, plan, plan.writes.map(_hoped), session.now(), 0)
    writes = tuple(
        _planned_write(side, write) for side in Side if (write := plan.writes[side]) is not None
    )
    outcome = hoped.outcome
    ids = ready.link.ids if ready.link is not None else entry.ids
    return PlannedRecord(
        entry.key,
        entry.entity,
        Pair[RecordId | None](*ids),
        writes,
        outcome.changes,
        outcome.kind,
        outcome.why,
        outcome.results,
        digest(journal_entry(attrs.evolve(outcome, results=()), 0, 0.0).detail),
    )


def _as_planned(
    session: Session,
    ready: Ready,
    plan: RecordPlan | None,
    only: Mapping[PendingKey, PlannedRecord],
) -> bool:
    """Return whether the record is in the plan and still to be written as it says there."""
    planned = only.get(ready.entry.key)
    if planned is None:
        return False
    fresh = _planned(session, ready, plan)
    # The reasons count too: the same write that now overrides somebody was not agreed to.
    if (fresh.writes, fresh.basis) == (planned.writes, planned.basis):
        return True
    entry = ready.entry
    session.report.add(
        Outcome(entry.entity, entry.ids, OutcomeKind.DEFERRED, "changed since it was planned")
    )
    return False
