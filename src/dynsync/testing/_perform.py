"""Run a program against a fresh connector, and say at which clause it broke."""

from __future__ import annotations

from collections import Counter
from typing import assert_never

import attrs

from dynsync.connectors import Connector
from dynsync.testing import _asking, _beside, _logs, _reading, _spelling, _writing
from dynsync.testing._outside import CanFail, Outside
from dynsync.testing._scene import Scene, Setting
from dynsync.testing._steps import (
    Again,
    Begin,
    Change,
    Describe,
    Expire,
    Fetch,
    Find,
    Finish,
    Identify,
    Log,
    Logged,
    Longest,
    Make,
    Misfit,
    Permitted,
    Program,
    Several,
    Somebody,
    Spell,
    Step,
    Stray,
    Troubled,
    Turn,
    Unknown,
    User,
)
from dynsync.testing._witness import Breach, Failed, Halted, Unable, Witness

__all__ = ["Run", "perform"]


@attrs.frozen
class Run:
    """
    What became of a program: *breach* if it broke a clause, *halted* if it could not go on.

    *failed* says that it was the connector's calls that did not let it.
    """

    calls: tuple[str, ...]
    tally: Counter[str]
    breach: Breach | None = None
    halted: str = ""
    failed: bool = False
    tells_edits: bool = False


def perform(
    setting: Setting, connector: Connector, outside: Outside | None, program: Program
) -> Run:
    """Run *program* to its end, or to the first clause that it breaks."""
    witness = Witness(connector, outside, setting.table)
    scene = Scene(setting, witness)
    breach, halted, failed = None, "", False
    try:
        if setting.populated:
            _meet(scene)
        for step in program:
            _do(scene, step)
        witness.compare()
    except Breach as found:
        breach = _unswallowed(witness, found)
    except Halted as reason:
        halted, failed = str(reason), not isinstance(reason, Unable)
    return Run(tuple(witness.calls), witness.tally, breach, halted, failed, scene.tells_edits)


def _unswallowed(witness: Witness, found: Breach) -> Breach:
    """Return *found*, or that trouble was not told of, if that is what it comes from."""
    if witness.swallowed is None:
        return found
    return Breach(
        "C8",
        f"A request was {witness.swallowed}, and the call answered as if nothing had been. "
        f"Then: {found.why}",
    )


def _meet(scene: Scene) -> None:
    """Learn which records were there before the check began."""
    cursor = None
    while True:
        fields = list(scene.palette.fields)
        page = scene.connector.read(scene.setting.table, fields, cursor)
        scene.world.strangers.update(change.id for change in page.changes)
        if not page.more or page.cursor == cursor:
            return
        cursor = page.cursor


def _do(scene: Scene, step: Step) -> None:
    match step:
        case Make() | Change() | Misfit():
            _writing.write(scene, [step])
        case Several(writes):
            _writing.write(scene, writes)
        case Somebody():
            _beside.somebody(scene, step)
        case Longest():
            _beside.longest(scene, step)
        case Spell():
            _spelling.spell(scene, step)
        case Permitted():
            _beside.permitted(scene, step)
        case Troubled():
            _trouble(scene, step)
        case Begin() | Turn() | Finish() | Again() | Expire():
            _read(scene, step)
        case _:
            _ask(scene, step)


def _read(scene: Scene, step: Begin | Turn | Finish | Again | Expire) -> None:
    match step:
        case Begin():
            _reading.begin(scene, step)
        case Turn():
            _reading.turn(scene, step)
        case Finish():
            _reading.finish(scene, step)
        case Again():
            _reading.again(scene, step)
        case Expire():
            _reading.expire(scene)
        case _:
            assert_never(step)


def _ask(
    scene: Scene,
    step: Fetch | Find | Describe | Identify | User | Unknown | Stray | Log | Logged,
) -> None:
    match step:
        case Fetch():
            _asking.fetch(scene, step)
        case Find():
            _asking.find(scene, step)
        case Describe():
            _asking.describe(scene)
        case Identify():
            _asking.identify(scene)
        case User():
            _asking.user(scene)
        case Unknown():
            _asking.unknown(scene, step)
        case Stray():
            _asking.stray(scene)
        case Log() | Logged():
            _logs.enter(scene, step)
        case _:
            assert_never(step)


def _trouble(scene: Scene, step: Troubled) -> None:
    """Let a request fail, and its call say so. What is asked for is not done again here."""
    if not isinstance(scene.outside, CanFail):
        return
    scene.witness.arm(scene.outside, step.trouble)
    try:
        _do(scene, step.step)
    except Failed:
        scene.witness.tally["C8"] += 1
    else:
        if scene.witness.armed:
            raise Unable("the step made no request that could fail")
