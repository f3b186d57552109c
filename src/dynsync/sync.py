"""
The sync: `Sync.run` does one cycle, `Sync.plan` says what it would do.

Everything that decides is pure and lives below; this module and the private ones that it
calls are the only ones that talk to systems and to the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

import attrs
from attrs import Factory

from dynsync import _checks as checks
from dynsync._asking import history_of, link_of, person_of, record_of, status_of
from dynsync._catching_up import catch_up
from dynsync._closing import close, told
from dynsync._confirm import confirm
from dynsync._desk import Desk
from dynsync._distrust import distrusted
from dynsync._hearing import hear
from dynsync._leasing import leased, not_planned_with
from dynsync._observe import guard, observe
from dynsync._plans import as_planned, leave_ambiguous, leave_unknown, planned, plans
from dynsync._push import PushAnswer, PushWhenPaused, push_now, queue_push
from dynsync._session import Agreed, Session, Settings, absent_of, check_pair
from dynsync._telling import by_name, tell
from dynsync.arguments import clock as check_clock
from dynsync.arguments import function, word
from dynsync.backlog import PendingKey
from dynsync.calling import hosts_own
from dynsync.connectors import Clock, Connector, DynamicsConnector, MarketoConnector
from dynsync.errors import ConfigurationError, LeaseHeld, SystemFailure
from dynsync.fields import EntityMap
from dynsync.guards import Guards
from dynsync.holding import due_again
from dynsync.maps import default_backfill, default_first, default_policy
from dynsync.policies import AuthorityPolicy
from dynsync.recorder import ActivityRecorder, Entry, Recorder
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.reports import Plan, PlannedRecord, Progress, Report, Status
from dynsync.schedule import SystemClock
from dynsync.state import StateStore
from dynsync.terms import HoldMode, OnMarketoDelete

__all__ = ["Sync"]

When: TypeAlias = Literal["now", "queued"]


def _silent(progress: Progress) -> None:
    """Show nothing."""


def _never() -> bool:
    return False


def _activity_log(sync: Sync) -> tuple[Recorder, ...]:
    # Here, too: it is made before the sync can check what it was given.
    checks.connector(Side.MARKETO, sync.marketo)
    return (ActivityRecorder(sync.marketo),)


def _learn(session: Session) -> None:
    """Find out what may be synced, and bring all that both systems report into the backlog."""
    session.agree()
    catch_up(session)
    hear(session)
    observe(session)
    session.agree_on_clears()
    guard(session)
    confirm(session)


@attrs.define(kw_only=True, repr=False)
class Sync:
    """
    A two-way sync of one Marketo and one Dynamics.

    *maps* say what is synced, *store* remembers it, *policy* decides collisions (by default
    Marketo is right about leads and Dynamics about contacts, R20, and an opt-out stands,
    A17). *first* decides where two records meet that have never agreed; *backfill* where a
    field is new to a linked pair; by default a value wins over none, then *policy* decides, or
    Dynamics, and an opt-out stands in both. *hold* says whether a refusal holds its field or its
    record, *on_marketo_delete* what a later change in Dynamics does (R46). A value that is refused
    *tries* times is left until it changes, or `retry` asks (A20); *push_when_paused* says what
    `sync_person` does while the sync is off (A8). *recorders* are
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
    tries: int = 5
    push_when_paused: PushWhenPaused = "queue"
    guards: Guards = Factory(Guards)
    keep_journal: float = 90.0
    recorders: Sequence[Recorder] = attrs.field(
        default=Factory(_activity_log, takes_self=True), converter=checks.as_recorders
    )
    clock: Clock = Factory(SystemClock)
    show: Callable[[Progress], None] = _silent
    stopping: Callable[[], bool] = _never
    _agreed: dict[Entity, Agreed] = attrs.field(
        init=False, eq=False, factory=dict[Entity, "Agreed"]
    )

    def __attrs_post_init__(self) -> None:
        self._check()

    def _check(self) -> None:
        """Refuse what cannot be: when it is given, and in every run, for it may be set anew."""
        checks.connector(Side.MARKETO, self.marketo)
        checks.connector(Side.DYNAMICS, self.dynamics)
        checks.maps(self.maps)
        checks.store(self.store)
        for name in ("policy", "first", "backfill"):
            checks.policy(name, getattr(self, name))
        word("hold", self.hold, HoldMode)
        word("on_marketo_delete", self.on_marketo_delete, OnMarketoDelete)
        word("push_when_paused", self.push_when_paused, PushWhenPaused)
        checks.count("tries", self.tries)
        checks.guards(self.guards)
        checks.days("keep_journal", self.keep_journal)
        check_clock(self.clock)
        function("show", self.show)
        function("stopping", self.stopping)
        checks.recorders(self.recorders)
        checks.names(self.maps, (self.policy, self.first, self.backfill))

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
        `ContractError` when a connector, policy or recorder broke its promise, or *show* or
        *stopping* raised, and `StateError`; then, too, all that was acknowledged is stored.
        """
        return self._cycle(None)

    def apply(self, plan: Plan) -> Report:
        """
        Do exactly what *plan* says.

        A record about which anything changed since is not touched: it is counted as deferred
        and left to the next run, and so is what the plan does not mention. What is settled
        already is not touched either: a plan that is applied a second time counts nothing. A
        record that the state file does not know as the plan names it is counted as deferred.
        """
        checks.plan(plan)
        return self._cycle({record.key: record for record in plan.records})

    def plan(self) -> Plan:
        """
        Return what `run` would do now.

        Reads both systems and writes to neither; what it learns is thrown away, so that
        neither cursor nor backlog moves. What an earlier run wrote and got no answer for is not
        planned again; the next report counts it. Raises what `run` raises before it writes.
        """
        with self._session(planning=True) as session, self.store.scratch():
            session.check_pair()
            _learn(session)
            records = [
                planned(session, ready, plan) for ready, plan in plans(session, session.now())
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
            try:
                session.check_pair()
                with told(session):
                    _learn(session)
                    self._work(session, only)
            except SystemFailure as failure:
                report.failures.append(failure)
            broken = tell(session, session.recorders)
            report = close(session, keep_journal=self.keep_journal, recorders=session.recorders)
            if broken is not None:
                with told(session):
                    raise broken
            return report

    def _work(self, session: Session, only: Mapping[PendingKey, PlannedRecord] | None) -> None:
        desk = Desk(session, self.store.next_key())
        try:
            self._submit(session, desk, only)
            desk.flush()
            if only is not None and not (desk.closed or session.report.interrupted):
                leave_unknown(session, only)
        except Exception:
            # What was acknowledged is recorded first, whoever broke what.
            desk.close()
            raise

    def _submit(
        self, session: Session, desk: Desk, only: Mapping[PendingKey, PlannedRecord] | None
    ) -> None:
        """Bring the plans of all that is due to the desk."""
        done = 0
        total = sum(session.store.backlog().counts.values())
        for ready, plan in plans(session, session.now()):
            done += 1
            if only is not None and not as_planned(session, ready, plan, only):
                continue
            if plan is None:
                leave_ambiguous(session, ready)
            else:
                desk.submit(session.terms[ready.entry.entity], plan)
            session.progress("writing", done, total)
            if desk.closed:
                return
            if session.stopping():
                session.report.interrupted = True
                return

    @property
    def _systems(self) -> Pair[Connector]:
        return Pair(self.marketo, self.dynamics)

    @contextmanager
    def _session(self, *, planning: bool = False) -> Generator[Session]:
        self._check()
        now = checks.now(self.clock)
        recorders = by_name(self.recorders)
        names = [recorder.name for recorder in recorders]
        entities = [entity_map.entity for entity_map in self.maps]
        with (
            distrusted(self.store, entities, names),
            leased(self.store, now.timestamp(), planning=planning),
        ):
            run = int(self.store.get("run") or "0") + 1
            yield Session(
                self._systems,
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
                    tries=self.tries,
                ),
                Report(run, now),
                stopping=hosts_own("stopping", self.stopping),
                show=hosts_own("show", self.show),
                recorders=recorders,
                agreed=self._agreed,
            )

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
        so does a running cycle, or a paused sync unless ``push_when_paused="run"``. A person that
        is in Dynamics already, or on its way, is left alone, and the answer says so: this never
        forces an update (R27). Raises `ConfigurationError` for what is no id, and no such choice,
        and `LeaseHeld` where it would be queued while `plan` works with the same store.
        """
        entity = Entity(as_)
        entity_map = self._map(as_)
        id_ = person_of(person)
        word("when", when, When)
        checks.owner(owner)
        off = self.paused and self.push_when_paused == "queue"
        if when == "queued" or off:
            return self._queue(entity_map, id_, owner)
        try:
            with self._session() as session:
                session.check_pair()
                session.agree()
                catch_up(session)
                if entity not in session.terms:
                    why = session.report.stopped[entity]
                    return PushAnswer("stopped", id_, None, why)
                answer = push_now(
                    session, Desk(session, self.store.next_key()), entity_map, id_, owner=owner
                )
                broken = tell(session, session.recorders)
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
        now = checks.now(self.clock).timestamp()
        store = not_planned_with(self.store)
        instance = check_pair(store, self._systems, self.maps).marketo
        return queue_push(store, instance, self.maps, entity_map, person, owner=owner, now=now)

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
        """
        Switch the sync off. Changes keep collecting in the systems; nothing is lost (R6).

        Raises `LeaseHeld` while `plan` works with the same store; so does `resume`.
        """
        with not_planned_with(self.store).transaction():
            self.store.put("paused", "yes")

    def resume(self) -> None:
        """Switch the sync on again; it goes on where it stopped."""
        with not_planned_with(self.store).transaction():
            self.store.put("paused", None)

    def refresh_schema(self, entity: str) -> None:
        """
        Let *entity* go on after columns of it went away (A22, R83).

        Asks both systems, and may raise what they raise. The map as it is now counts: a column
        that is selected and absent at this moment takes no part from here on; one that goes
        away later stops the entity again.
        """
        entity_map, store = self._map(entity), not_planned_with(self.store)
        check_pair(store, self._systems, self.maps)
        names = absent_of(entity_map, self._systems)
        with store.transaction():
            self.store.put(f"stale:{entity}", None)
            self.store.put(f"refreshed:{entity}", json.dumps(names))

    def retry(self, entity: str) -> int:
        """
        Have every value of *entity* that was refused tried again by the next cycle.

        Also those that were refused too often (A20): after something changed that no schema
        tells, such as a business rule. Returns in how many records. Raises `LeaseHeld` while
        a cycle runs.
        """
        self._map(entity)
        now = checks.now(self.clock).timestamp()
        with leased(self.store, now), self.store.transaction():
            held = [e for e in self.store.each_pending() if e.entity == entity and e.holds]
            self.store.save_pending(due_again(entry, now) for entry in held)
        return len(held)

    # -- asking

    def status(self) -> Status:
        """Return where the sync stands. Needs no lease and talks to no system."""
        return status_of(self.store, checks.now(self.clock), [m.entity for m in self.maps])

    def link(
        self, entity: str, *, person: str | int | None = None, dynamics: str | None = None
    ) -> Pair[RecordId] | None:
        """
        Return the two ids that are one record, found by either of them; None if it is unlinked.

        A person who was deleted in Marketo, or a record deleted in Dynamics, keeps its link.
        Raises `ConfigurationError` if there is no map for *entity*, or not one id is given.
        """
        self._map(entity)
        return link_of(self.store, Entity(entity), record_of(person, dynamics))

    def explain(
        self, entity: str, *, person: str | int | None = None, dynamics: str | None = None
    ) -> tuple[Entry, ...]:
        """
        Return the history of one record, oldest first, with the reason for every value.

        It is named by either of its ids, and told under both. Raises `ConfigurationError` if there
        is no map for *entity*, or not one id is given.
        """
        self._map(entity)
        return history_of(self.store, Entity(entity), record_of(person, dynamics))
