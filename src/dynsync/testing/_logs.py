"""People's activity logs: lines are kept, each once, and known again."""

from __future__ import annotations

import datetime as dt
from typing import Final

from dynsync.connectors import ActivityLine, MarketoConnector
from dynsync.testing._outside import CanShowLog
from dynsync.testing._scene import Scene, call
from dynsync.testing._steps import Log, Logged
from dynsync.testing._witness import Breach
from dynsync.writes import Created, Gone, Updated

__all__ = ["enter"]

_AT: Final = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)


def enter(scene: Scene, step: Log | Logged) -> None:
    """Add lines, or ask for their keys; nothing if the connector has no log."""
    connector = scene.connector
    if not isinstance(connector, MarketoConnector):
        return
    if isinstance(step, Log):
        _log(scene, connector, step)
    else:
        _logged(scene, connector, step)


def _log(scene: Scene, connector: MarketoConnector, step: Log) -> None:
    """Add a line for each of some people, those that are gone too."""
    people = [held for who in step.who if (held := scene.world.held.get(who)) and held.id]
    if not people:
        return
    already = sum(len(keys) for keys in scene.world.lines.values())
    lines = [
        ActivityLine(f"line-{already + n}", held.id, _AT, "refused", "last_name: FIELD_LENGTH")
        for n, held in enumerate(people)
    ]
    shown = ", ".join(f"ActivityLine({line.key!r}, {line.person!r}, ...)" for line in lines)
    results = call(scene, "log", f"[{shown}]", lambda: connector.log(lines), lines)
    scene.witness.tally["log"] += 1
    if len(results) != len(lines):
        raise Breach("log", f"log got {len(lines)} lines and returned {len(results)} results.")
    for held, line, result in zip(people, lines, results, strict=True):
        if held.alive and isinstance(result, Created | Updated):
            scene.world.lines.setdefault(held.who, []).append(line.key)
        elif held.alive == isinstance(result, Gone) and not held.unsure:
            alive = "alive" if held.alive else "gone"
            name = type(result).__name__
            raise Breach(
                "log", f"A line for {held.id!r}, who is {alive}, was answered with {name}."
            )


def _logged(scene: Scene, connector: MarketoConnector, step: Logged) -> None:
    """Ask for the keys of the lines of some people."""
    people = [held for who in step.who if (held := scene.world.living(who)) is not None]
    if not people:
        return
    ids = [held.id for held in people]
    keys = call(scene, "logged", f"{ids}", lambda: connector.logged(ids), ids)
    scene.witness.tally["log"] += 1
    wanted = {key for held in people for key in scene.world.lines.get(held.who, ())}
    if lost := sorted(wanted - set(keys)):
        raise Breach("log", f"logged() does not know the line {lost[0]!r}, which was added.")
    ours = {key for keys in scene.world.lines.values() for key in keys}
    if other := sorted(set(keys) & (ours - wanted)):
        raise Breach("log", f"logged() told {other[0]!r}, a line of a person not asked for.")
    if isinstance(scene.outside, CanShowLog):
        for held in people:
            there = scene.outside.lines(held.id)
            if twice := [key for key in dict.fromkeys(there) if there.count(key) > 1]:
                raise Breach("log", f"The log of {held.id!r} holds the line {twice[0]!r} twice.")
