"""What must hold of a world, after every run and when all has settled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from dynsync.merge import Verdict
from dynsync.records import Entity, RecordId, Side
from dynsync.reports import Report
from dynsync.testing._histories._model import Checker, Human
from dynsync.testing._histories._people import People
from dynsync.testing._histories._systems import KeepsLog
from dynsync.writes import Update, Write

__all__ = [
    "check_always",
    "check_reported",
    "check_settled",
    "everything",
    "look",
    "unwritable",
]


def look(world: People, report: Report) -> None:
    """Check the sums of a report and note where the run has been (invariant 21)."""
    for (entity, kind), count in report.counts.items():
        world.reached[f"{kind.value} {entity}"] += count
    for outcome in report.notable:
        for result in outcome.results:
            world.reached[f"refused {result.code}"] += 1
    assert report.records == sum(report.counts.values()), "a record in no bucket, or in two"
    assert not world.wrong, world.wrong[0]
    _check_secrets(world)
    world.deaf = bool(report.failures or report.stopped or report.interrupted)
    if not world.deaf:
        for human in world.humans:
            human.unheard = False
            human.unread.clear()


def everything(world: People) -> str:
    """Return all that both systems hold."""
    tables = {m.tables[side]: side for m in world.maps.values() for side in Side}
    held = [(t, sorted(world.system(side).rows(t).items())) for t, side in sorted(tables.items())]
    return json.dumps(held, sort_keys=True, default=str)


def check_always(world: People) -> None:
    """
    Check what must hold at any moment, whatever has gone wrong.

    Nobody is there twice (invariant 27), no value was made up (5), nothing unreadable has
    leaked (32), nobody was told anything twice (33), and no record of Dynamics was made that
    nobody had asked for (R26).
    """
    assert not world.wrong, world.wrong[0]
    _check_secrets(world)
    _check_promoted(world)
    for entity, entity_map in world.maps.items():
        people = world.marketo.rows(entity_map.tables.marketo).values()
        links = Counter(p[entity_map.link_field] for p in people if p.get(entity_map.link_field))
        assert all(n == 1 for n in links.values()), f"{entity}: there twice in Marketo"
    for human in world.humans:
        _check_lines(world, human)
        for side in Side:
            _check_made_up(world, human, side)


def unwritable(world: People, side: Side, table: str, write: Write) -> Iterator[str]:
    """Yield what *write* holds that the sync user may not write, or nobody selected."""
    # Invariant 19.
    maps = [one for one in world.maps.values() if one.tables[side] == table]
    mapped = {field.names[side] for one in maps for field in (*one.fields, *one.stamps())}
    mapped |= {one.owner_column for one in maps if one.owner_column is not None}
    for name in write.values:
        if name not in mapped:
            yield f"written though nobody selected it: {side.label}'s {name}"
    if side is Side.MARKETO or world.scene.secured is None:
        return
    forbidden = world.unreadable or (world.withheld and isinstance(write, Update))
    secured = {one.field(world.scene.secured).names.dynamics for one in maps}
    if forbidden and secured & write.values.keys():
        yield "written though the sync user may not: a secured field"


def check_reported(world: People, report: Report) -> None:
    """Check that *report* names what is left to a person: every run does (invariant 6)."""
    named = {
        (outcome.ids.dynamics, change.field)
        for outcome in report.notable
        for change in outcome.changes
        if change.verdict == Verdict.UNRESOLVED.value
    }
    for human in world.humans:
        here, there = world.held(human, Side.MARKETO), world.held(human, Side.DYNAMICS)
        if human.gone or human.entity in report.stopped or here is None or there is None:
            continue
        if world.is_held(human):
            # It waits for longer than a run.
            continue
        for name in world.scene.left_to_people:
            if name in here and not world.scene.same(name, here[name], there[name]):
                assert (human.guid, name) in named, f"unresolved, and not reported: {name}"
                world.reached["reported in every run"] += 1


def _check_promoted(world: People) -> None:
    """Background sync never makes Dynamics records of its own accord (R26)."""
    pushed = sum(1 for human in world.humans if human.person is not None or human.waiting)
    asked = pushed + sum(1 for human in world.humans if human.guid is not None)
    made = sum(_counted(world, entity) for entity in world.maps)
    assert made <= asked, "a record in Dynamics that nobody asked for"


def _counted(world: People, entity: str) -> int:
    return len(world.dynamics.rows(world.maps[entity].tables.dynamics))


def _check_made_up(world: People, human: Human, side: Side) -> None:
    """Check that each value was entered by somebody at some time (invariant 5)."""
    if side in human.gone:
        return
    for name, value in (world.held(human, side) or {}).items():
        cell = human.cells[name]
        assert cell.may_be(value, cell.ever), f"made up: {human.entity}.{name} {value!r}, {side}"


def _check_secrets(world: People) -> None:
    """Check that a value that may not be read is nowhere but where it was (invariant 32)."""
    if not world.unreadable or not world.secrets:
        return
    store = world.store
    links = [store.links([k]) for e in world.maps for k, _, _ in store.each_link(Entity(e))]
    held = repr((links, list(store.each_pending()), store.journal(0, 10_000)))
    for table in {m.tables.marketo for m in world.maps.values()}:
        held += repr(world.marketo.rows(table))
    assert not any(secret in held for secret in world.secrets), "a secret has leaked"
    world.reached["secret kept"] += 1


def check_settled(world: People) -> None:
    """Check that every human is where it must be, once, and holds what the model owes it."""
    checker = Checker(world.scene, world.reached)
    for human in list(world.humans):
        if human.gone:
            _check_gone(world, human)
            continue
        world.learn_ids(human)
        assert human.person is not None, f"{len(world.holders(human))} people for one record"
        if human.guid is None and world.is_held(human):
            world.reached["push held"] += 1
            continue
        assert human.guid is not None, "a pushed person never arrived"
        here, there = world.held(human, Side.MARKETO), world.held(human, Side.DYNAMICS)
        assert here is not None, "gone from Marketo"
        assert there is not None, "gone from Dynamics"
        held = world.is_held(human)
        for name, cell in human.cells.items():
            blocked = name == world.scene.secured and world.withheld
            world.reached["withheld"] += blocked
            if not world.hidden(human, name):
                checker.check(human, cell, here[name], there[name], withheld=blocked, held=held)
        human.waiting = False
    _check_promoted(world)
    _check_identity(world)
    _check_told_once(world)


def _check_gone(world: People, human: Human) -> None:
    """Check what a delete leaves behind (R45, R46)."""
    holders = world.holders(human)
    entity_map = world.maps[human.entity]
    if human.gone == set(Side):
        assert not holders, "a person for a record that is deleted on both sides"
        world.humans.remove(human)
    elif Side.DYNAMICS in human.gone:
        person = world.row(human, Side.MARKETO)
        assert person is not None, "a delete in Dynamics must leave the person alone"
        if entity_map.deleted_field is not None:
            assert person[entity_map.deleted_field] is True, "a delete that nobody is told of"
        if entity_map.type_field is not None:
            assert not person[entity_map.type_field], "still said to be in Dynamics"
    else:
        _check_gone_person(world, human, holders)


def _check_gone_person(world: People, human: Human, holders: list[RecordId]) -> None:
    there = world.held(human, Side.DYNAMICS)
    assert there is not None, "a delete in Marketo must leave Dynamics alone"
    assert len(holders) <= 1, "a deleted person came back twice"
    changed = any(human.new_since_gone.values())
    if world.on_marketo_delete == "suppress":
        assert not holders, "a deleted person came back"
        world.reached["new person suppressed"] += changed
        return
    assert holders or not changed, "a later change makes a new person"
    if not holders:
        return
    world.reached["new person after a delete"] += 1
    human.gone.clear()
    human.person = holders[0]
    here = world.held(human, Side.MARKETO)
    assert here is not None
    for name, cell in human.cells.items():
        if world.hidden(human, name):
            continue
        same = world.scene.same(name, here[name], there[name])
        if not same and world.withheld and name == world.scene.secured:
            # It was edited since the person was made, and may not be told now.
            cell.settle(there[name], there[name])
            cell.edit(Side.MARKETO, here[name])
            continue
        if not same and cell.backfill and name in world.scene.left_to_people:
            # Its column was emptied since, by another name, and then it was edited there.
            cell.settle(None, None)
            cell.edit(Side.MARKETO, here[name])
            cell.edit(Side.DYNAMICS, there[name])
            continue
        assert same, f"a new person's {name}"
        cell.settle(here[name], there[name])


def _check_identity(world: People) -> None:
    """Links are a partial bijection, and nobody is there twice (invariant 27)."""
    people = sum(
        len(world.marketo.rows(table)) for table in {m.tables.marketo for m in world.maps.values()}
    )
    assert people == sum(Side.MARKETO not in h.gone for h in world.humans), "people too many or few"
    for entity in world.maps:
        there = [h for h in world.humans if h.guid is not None and Side.DYNAMICS not in h.gone]
        mine = [human for human in there if human.entity == entity]
        assert _counted(world, entity) == len(mine), f"{entity} records too many or few"
    seen: Counter[tuple[Side, RecordId]] = Counter()
    for entity in world.maps:
        for _, ids, _ in world.store.each_link(Entity(entity)):
            seen.update(zip(Side, ids, strict=True))
    assert all(count == 1 for count in seen.values()), "two links of one record"


def _check_lines(world: People, human: Human) -> int:
    """Check that no line of a person's activity log is there twice; return how many are."""
    if not isinstance(world.marketo, KeepsLog) or human.person is None:
        return 0
    keys = Counter(line.key for line in world.marketo.activity_log(human.person))
    assert all(count == 1 for count in keys.values()), "told twice"
    return len(keys)


def _check_told_once(world: People) -> None:
    """Every refusal has one line in the activity log (invariant 33)."""
    for human in world.humans:
        if human.person is None or Side.MARKETO in human.gone:
            continue
        lines = _check_lines(world, human)
        waits = any(
            world.scene.refused(name, cell.now[Side.MARKETO]) and Side.MARKETO in cell.edited
            for name, cell in human.cells.items()
            if name not in world.absent[human.entity]
        )
        world.reached["told"] += bool(lines)
        told = lines or not waits or human.gone or not isinstance(world.marketo, KeepsLog)
        assert told, "a refusal that nobody was told of"
