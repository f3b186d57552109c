"""Two systems with a sync between them, people who edit, and what is checked of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from hypothesis.stateful import RuleBasedStateMachine

from dynsync import (
    Access,
    ActivityRecorder,
    Column,
    Entity,
    Guards,
    Limit,
    MemoryStore,
    RecordId,
    Report,
    Side,
    Sync,
    Wire,
    by_field,
    default_policy,
    manual,
)
from dynsync.sandbox import (
    CONTACT_COLUMNS,
    LEAD_COLUMNS,
    NO_LIMITS,
    PERSON_COLUMNS,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
)
from dynsync.sync import When
from model import (
    FIELDS,
    MAPS,
    REACHED,
    Human,
    check_cell,
    normal,
    refused,
    rule_of_dynamics,
    same,
)

__all__ = ["EVERYTHING", "MOST", "TwoSystems"]

EVERYTHING = Access.READ | Access.CREATE | Access.UPDATE
MOST = 6
"""How many humans there are at most: few, so that steps meet on the same record."""

_LIMIT = Limit(1000, 100)

_SYSTEM = {"leadid", "contactid", "versionnumber", "modifiedon", "modifiedby", "createdon"}
_SYSTEM |= {"statecode", "statuscode", "ownerid", "lastname", "id", "lastName", "updatedAt"}


def _needed(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that take part: to describe sixty more takes half of a run's time."""
    stamps = {stamp.names.marketo for m in MAPS.values() for stamp in m.stamps()}
    mapped = {m.field(name).names[side] for m in MAPS.values() for name in FIELDS for side in Side}
    return [column for column in columns if column.name in mapped | stamps | _SYSTEM]


_PEOPLE = _needed(PERSON_COLUMNS)
_TABLES = {"lead": _needed(LEAD_COLUMNS), "contact": _needed(CONTACT_COLUMNS)}


class TwoSystems(RuleBasedStateMachine):
    """
    The systems, the engine, and the humans as the model has them.

    *unreadable* and *withheld* are what the sync user may not do with the e-mail address.
    *held_back*: Marketo's feed says nothing at the moment; *slow*: some of it is still to come,
    or an edit that we may have overwritten is still to be found in it. *silent* counts the hours
    since then: the engine gives up on what comes a day late.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, limits=NO_LIMITS, columns=_PEOPLE)
        self.dynamics = SandboxDynamics(clock=self.clock, limits=NO_LIMITS, tables=_TABLES)
        self.store = MemoryStore()
        self.humans: list[Human] = []
        self.withheld = False
        self.unreadable = False
        self.held_back = False
        self.slow = False
        self.silent = 0.0
        self.secrets: list[str] = []
        self.made_up = 0
        for table in MAPS:
            self.dynamics.add_rule(table, rule_of_dynamics)

    def sync(self, store: MemoryStore | None = None) -> Sync:
        """Return a sync over *store*, by default the one that there is."""
        connector = self.marketo.connector()
        return Sync(
            marketo=connector,
            dynamics=self.dynamics.connector(),
            maps=tuple(MAPS.values()),
            store=store or self.store,
            policy=by_field({"city": manual}, default=default_policy()),
            recorders=(ActivityRecorder(connector),),
            guards=Guards(deletes=_LIMIT, clears=_LIMIT, allow_empty=True),
            clock=self.clock,
        )

    def system(self, side: Side) -> SandboxMarketo | SandboxDynamics:
        """Return one of the two."""
        return self.marketo if side is Side.MARKETO else self.dynamics

    # -- people

    def make_in_dynamics(self, entity: str, first: str, title: str) -> None:
        """Make a record in Dynamics, which is to become a person."""
        values = {"firstname": first, "jobtitle": title, "lastname": "L"}
        human = Human(entity, None, self.dynamics.create(entity, values))
        for name, value in (("first_name", first), ("job_title", title), ("unsubscribed", False)):
            human.cells[name].settle(value, value)
        self.humans.append(human)

    def ask_for(self, entity: str, when: When) -> None:
        """Make a person, and push it (R26)."""
        person = self.marketo.create_person({"firstName": "Eve", "lastName": "P"})
        human = Human(entity, person, None, waiting=True)
        human.cells["first_name"].edit(Side.MARKETO, "Eve")
        self.humans.append(human)
        answer = self.sync().sync_person(person, as_=entity, when=when)
        REACHED[f"push {answer.kind}"] += 1
        if answer.kind == "created":
            human.guid, human.waiting = answer.dynamics, False
            human.cells["first_name"].settle("Eve", "Eve")
        again = self.sync().sync_person(person, as_=entity)
        assert again.kind in {"exists", "already queued"}
        REACHED[f"push again {again.kind}"] += 1

    def pick(self, at: int) -> Human:
        """Return one of the humans."""
        return self.humans[at % len(self.humans)]

    def known(self, at: int) -> Human | None:
        """Return one of the humans if it is in both systems."""
        human = self.pick(at)
        if human.waiting or human.gone:
            return None
        if human.person is None:
            holders = self.holders(human)
            human.person = holders[0] if len(holders) == 1 else None
        return human if human.person is not None and human.guid is not None else None

    def one_of_each(self, at: int) -> list[Human]:
        """Return a human that is in both systems, and one of the other entity if there is one."""
        found: dict[str, Human] = {}
        for step in range(len(self.humans)):
            human = self.known(at + step)
            if human is not None:
                found.setdefault(human.entity, human)
        return list(found.values())

    def holders(self, human: Human) -> list[RecordId]:
        """Return the people who hold the id of a human's Dynamics record."""
        link_field = MAPS[human.entity].link_field
        return [id_ for id_, p in self.marketo.people() if p[link_field] == human.guid]

    def held(self, human: Human, side: Side) -> Mapping[str, Wire] | None:
        """Return what *side* truly holds of a human, by field; None if it is not there."""
        natives = {name: MAPS[human.entity].field(name).names[side] for name in FIELDS}
        values: Mapping[str, Wire] | None = None
        if side is Side.MARKETO and human.person is not None:
            values = self.marketo.person(human.person)
        elif side is Side.DYNAMICS and human.guid is not None:
            values = self.dynamics.row(human.entity, human.guid)
        return None if values is None else {name: values[at] for name, at in natives.items()}

    def change(self, human: Human, side: Side, name: str, value: Wire) -> bool:
        """Have somebody edit one field; return whether that changed anything."""
        before = self.held(human, side)
        if before is None or (side is Side.DYNAMICS and refused(name, value)):
            return False
        native = MAPS[human.entity].field(name).names[side]
        if side is Side.MARKETO and human.person is not None:
            self.marketo.edit(human.person, {native: value})
        elif human.guid is not None:
            self.dynamics.edit(human.entity, human.guid, {native: value})
            value = normal(name, value)
        if same(name, before[name], value):
            return False
        cell = human.cells[name]
        known = name != "email" or not self.unreadable
        if known and side is Side.DYNAMICS and Side.MARKETO in human.gone:
            # An edit that is taken back again is none.
            old = (cell.agreed[Side.DYNAMICS], *cell.history)
            human.new_since_gone[name] = not any(same(name, value, one) for one in old)
        cell.edit(side, value, unheard=self.slow and side is Side.MARKETO)
        return True

    def secure(self, access: Access) -> None:
        """Let the sync user do no more than *access* with e-mail addresses."""
        for table in MAPS:
            self.dynamics.secure(table, "emailaddress1", access)

    # -- runs

    def go(self, store: MemoryStore | None = None) -> Report:
        """Run once and look at the report."""
        self.unclean()
        report = self.sync(store).run()
        self.look(report)
        return report

    def unclean(self) -> None:
        """Note that a run lies between the edits made so far and those to come."""
        for human in self.humans:
            for cell in human.cells.values():
                cell.risky = cell.risky or bool(cell.edited)

    def settle(self) -> None:
        """Let all faults end: then everything must settle, and stay settled (invariants 1, 2)."""
        self.marketo.release()
        self.marketo.lag(0)
        self.held_back = self.slow = False
        self.silent = 0.0
        quiet = 0
        for _ in range(8):
            self.clock.advance(90_000)
            report = self.sync().run()
            self.look(report)
            quiet = 0 if report.writes.total() or report.failures else quiet + 1
            if quiet == 2:
                break
        self._check_settled()
        before = self.everything()
        self.clock.advance(1)
        report = self.sync().run()
        assert not report.failures
        assert sum(report.writes.values()) == 0, f"a second run wrote: {report}"
        assert self.everything() == before

    # -- looking

    def look(self, report: Report) -> None:
        """Check the sums of a report and note where the run has been."""
        for (entity, kind), count in report.counts.items():
            REACHED[f"{kind.value} {entity}"] += count
        for outcome in report.notable:
            for result in outcome.results:
                REACHED[f"refused {result.code}"] += 1
        assert report.records == sum(report.counts.values())
        self._check_secrets()

    def everything(self) -> str:
        """Return all that both systems hold."""
        people = [(id_, values) for id_, values in self.marketo.people()]
        rows = [(t, i, r) for t in MAPS for i, r in self.dynamics.rows(t).items()]
        return json.dumps([people, rows], sort_keys=True, default=str)

    def _check_secrets(self) -> None:
        """A value that may not be read is nowhere but where it was (invariant 32)."""
        if not self.unreadable or not self.secrets:
            return
        links = [self.store.links([k]) for e in MAPS for k, _, _ in self.store.each_link(Entity(e))]
        held = repr((links, list(self.store.each_pending()), self.store.journal(0, 10_000)))
        held += repr([person for _, person in self.marketo.people()])
        assert not any(secret in held for secret in self.secrets)
        REACHED["secret kept"] += 1

    def _find(self, human: Human) -> None:
        """Learn the other half of a human from what the systems hold, not from the engine."""
        if human.guid is None and human.person is not None:
            person = self.marketo.person(human.person) or {}
            held = person.get(MAPS[human.entity].link_field)
            human.guid = RecordId(str(held)) if held else None
        elif human.person is None:
            (human.person,) = self.holders(human)

    def _check_settled(self) -> None:
        for human in list(self.humans):
            if human.gone:
                self._check_gone(human)
                continue
            self._find(human)
            assert human.guid is not None, "a pushed person never arrived"
            here, there = self.held(human, Side.MARKETO), self.held(human, Side.DYNAMICS)
            assert here is not None
            assert there is not None
            for name, cell in human.cells.items():
                blocked = name == "email" and self.withheld
                REACHED["withheld"] += blocked
                if name != "email" or not self.unreadable:
                    check_cell(human, cell, here[name], there[name], withheld=blocked)
            human.waiting = False
        self._check_identity()
        self._check_told_once()

    def _check_gone(self, human: Human) -> None:
        """Check what a delete leaves behind (R45, R46)."""
        holders = self.holders(human)
        if human.gone == {Side.DYNAMICS, Side.MARKETO}:
            assert not holders
            self.humans.remove(human)
        elif Side.DYNAMICS in human.gone:
            assert human.person is not None
            person = self.marketo.person(human.person)
            assert person is not None, "a delete in Dynamics must leave the person alone"
            assert person["microsoftIsDeleted"] is True
            assert not person["microsoftType"]
        else:
            self._check_gone_person(human, holders)

    def _check_gone_person(self, human: Human, holders: list[RecordId]) -> None:
        there = self.held(human, Side.DYNAMICS)
        assert there is not None, "a delete in Marketo must leave Dynamics alone"
        assert len(holders) <= 1
        changed = any(human.new_since_gone.values())
        assert holders or not changed, "a later change makes a new person"
        if not holders:
            return
        REACHED["new person after a delete"] += 1
        human.gone.clear()
        human.person = holders[0]
        here = self.held(human, Side.MARKETO)
        assert here is not None
        for name, cell in human.cells.items():
            if name != "email" or not self.unreadable:
                assert same(name, here[name], there[name])
                cell.settle(here[name], there[name])

    def _check_identity(self) -> None:
        """Links are a partial bijection, and nobody is there twice (invariant 27)."""
        assert self.marketo.count() == sum(Side.MARKETO not in h.gone for h in self.humans)
        for table in MAPS:
            mine = [h for h in self.humans if h.entity == table and Side.DYNAMICS not in h.gone]
            assert self.dynamics.count(table) == len(mine)
        seen: Counter[tuple[Side, RecordId]] = Counter()
        for entity in MAPS:
            for _, ids, _ in self.store.each_link(Entity(entity)):
                seen.update(zip(Side, ids, strict=True))
        assert all(count == 1 for count in seen.values())

    def _check_told_once(self) -> None:
        """Every refusal has one line in the activity log (invariant 33)."""
        for human in self.humans:
            if human.person is None or Side.MARKETO in human.gone:
                continue
            lines = self.marketo.activity_log(human.person)
            keys = Counter(line.key for line in lines)
            assert all(count == 1 for count in keys.values())
            waits = any(
                refused(name, cell.now[Side.MARKETO]) and Side.MARKETO in cell.edited
                for name, cell in human.cells.items()
            )
            REACHED["told"] += bool(lines)
            assert lines or not waits or human.gone
