"""
Attack the engine that is imported, planted bug or not, with the kit and the simulator.

`run.py` starts this in a process of its own, with the mutated engine first on its path.
``search`` looks for what kills the engine, ``replay`` repeats what once did; both read JSON
from standard input and print JSON.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, TypeAlias, cast

from dynsync import CONTACT, LEAD, Side, manual, newest, nonempty, opt_out, prefer
from dynsync.fields import EntityMap, Field
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    ReferenceKind,
    TextKind,
    WallTimeKind,
)
from dynsync.memory import MemoryStore
from dynsync.recorder import ActivityRecorder
from dynsync.records import Pair, RecordId
from dynsync.sandbox import NO_LIMITS, Fault, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.schemas import Option
from dynsync.sqlite import SqliteStore
from dynsync.state import StateStore
from dynsync.testing import (
    Findings,
    check_connector,
    check_field_map,
    check_policy,
    check_recorder,
    check_store,
    replay,
)
from dynsync.testing._histories._actions import SANDBOX_ACTIONS
from dynsync.testing._histories._draws import MODES, Step
from dynsync.testing._histories._history import beginning, play
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE
from dynsync.testing._shortest import shortest

Killer: TypeAlias = dict[str, object]

_LENGTH: Final = 25
_FEWER: Final = 8
_TRIES: Final = 25
_PATIENCE: Final = 30
"""Seconds after which a history, of which the longest takes one, is one that never ends."""

_OPTIONS: Final = (Option(1, "One"), Option(2, "Two"), Option(30, "Thirty"))
_KINDS: Final[Mapping[str, Kind]] = {
    "text": TextKind(),
    "email": EmailKind(),
    "reference": ReferenceKind(),
    "integer": IntegerKind(),
    "money": NumberKind(digits=2),
    "boolean": BooleanKind(),
    "choice": ChoiceKind(_OPTIONS),
    "choices": MultiChoiceKind(_OPTIONS),
    "date": DateKind(),
    "instant": InstantKind(),
    "wall_time": WallTimeKind(),
}


# -- the kit


def _field_maps() -> Iterator[Findings]:
    """One field of every kind."""
    fields = tuple(Field(name, Pair(name, name), kind) for name, kind in _KINDS.items())
    tables = Pair("leads", "lead")
    yield check_field_map(
        EntityMap(entity=LEAD.entity, tables=tables, fields=fields, link_field="guid")
    )


def _policies() -> Iterator[Findings]:
    for policy in (prefer(Side.MARKETO), newest(manual), nonempty(manual), opt_out(manual)):
        yield check_policy(policy)


def _twin(store: StateStore) -> StateStore:
    assert isinstance(store, MemoryStore)
    return store.twin()


def _memory() -> Iterator[Findings]:
    yield check_store(MemoryStore, another=_twin, reopen=copy.deepcopy, programs=0)


def _files() -> Iterator[Findings]:
    folder = Path(tempfile.mkdtemp())
    paths: dict[int, Path] = {}
    kept: list[StateStore] = []
    numbers = itertools.count()

    def opened(path: Path) -> StateStore:
        store = SqliteStore(path)
        paths[id(store)] = path
        kept.append(store)
        return store

    try:
        yield check_store(
            lambda: opened(folder / f"{next(numbers)}.db"),
            another=lambda store: opened(paths[id(store)]),
            programs=0,
        )
    finally:
        shutil.rmtree(folder)


def _recorders() -> Iterator[Findings]:
    """The activity log of a Marketo that loses every third answer."""
    systems: dict[int, SandboxMarketo] = {}

    def make() -> ActivityRecorder:
        marketo = SandboxMarketo(clock=SandboxClock(), limits=NO_LIMITS)
        for number in range(3):
            marketo.create_person({"email": f"{number}@example.org"})
        kinds = itertools.cycle((None, None, Fault("lost_response")))
        marketo.faults.hook = lambda operation, _: next(kinds) if operation == "log" else None
        recorder = ActivityRecorder(marketo.connector())
        systems[id(recorder.connector)] = marketo
        return recorder

    def told(recorder: ActivityRecorder) -> list[str]:
        marketo = systems[id(recorder.connector)]
        logs = [marketo.activity_log(RecordId(person)) for person in ("1", "2", "3")]
        return [line.text for line in sorted(itertools.chain(*logs), key=lambda line: line.at)]

    yield check_recorder(
        make, told=told, reopen=lambda old: ActivityRecorder(old.connector), programs=5
    )


def _connectors() -> Iterator[Findings]:
    """Our own two, as far as programs written by hand go."""
    clock = SandboxClock()
    yield check_connector(
        lambda: SandboxMarketo(clock=clock, limits=NO_LIMITS).connector(),
        table=LEAD.tables.marketo,
        rounds=0,
    )
    yield check_connector(
        lambda: SandboxDynamics(clock=clock, limits=NO_LIMITS).connector(),
        table=CONTACT.tables.dynamics,
        rounds=0,
    )


_KIT: Final[Mapping[str, Callable[[], Iterator[Findings]]]] = {
    "check_field_map": _field_maps,
    "check_policy": _policies,
    "check_store of MemoryStore": _memory,
    "check_store of SqliteStore": _files,
    "check_recorder": _recorders,
    "check_connector": _connectors,
}


def _by_kit(check: str) -> str | None:
    """Return the first clause that is broken, None if none is."""
    try:
        for findings in _KIT[check]():
            for one in findings.broken:
                return f"{one.clause.number} {one.clause.title}"
    except Exception as error:  # noqa: BLE001 - a check that dies of it has found it, too
        return f"{type(error).__name__}"
    return None


# -- the simulator


class _Endless(BaseException):
    """A history that does not come to its end."""


def _ring(_: int, frame: FrameType | None) -> None:
    raise _Endless(f"never ends: in {frame.f_code.co_name if frame else '?'}")


def _as_json(steps: Sequence[Step]) -> object:
    return json.loads(json.dumps(steps, default=lambda side: {"side": side.value}))


def _side(said: dict[str, object]) -> object:
    return Side(said["side"]) if set(said) == {"side"} and isinstance(said["side"], str) else said


def _steps(said: object) -> list[Step]:
    """Return steps as they were written down, sides and all."""
    steps = cast(
        "list[tuple[str, dict[str, object]]]", json.loads(json.dumps(said), object_hook=_side)
    )
    return [(name, arguments) for name, arguments in steps]


def _by_steps(said: object) -> str | None:
    """Return the promise that a history breaks, None if it breaks none."""
    signal.alarm(_PATIENCE)
    try:
        replay(_steps(said))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the news
        return _told(error)
    finally:
        signal.alarm(0)
    return None


def _told(error: BaseException) -> str:
    """Return what went wrong, without the values."""
    words = (
        " ".join(str(error).split()).partition(":")[0] if isinstance(error, AssertionError) else ""
    )
    said = words.partition(" [")[0][:70]
    if said and not said.startswith("assert"):
        return said
    trace, name = error.__traceback__, "?"
    while trace is not None:
        name, trace = trace.tb_frame.f_code.co_name, trace.tb_next
    return f"{type(error).__name__} in {name}"


def _chosen(actions: Sequence[str], seed: int, number: int) -> list[Step]:
    """Return a history of one to four of *actions*, drawn by chance: always the same."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - the same again is wanted
    known = [one for one in SANDBOX_ACTIONS if one.name in actions]
    some = [chance.choice(known) for _ in range(1 + number % 4)]
    return [beginning(chance), *((one.name, one.drawn(SANDBOX_SCENE, chance)) for one in some)]


def _histories(
    actions: Sequence[str], seed: int, most: int
) -> Iterator[tuple[str, Sequence[Step]]]:
    """Yield what went wrong in each history, ``""`` where nothing did, and its steps."""
    for number in range(most):
        steps: Sequence[Step] = _chosen(actions, seed, number)
        yield _by_steps(_as_json(steps)) or "", steps
    for number in range(most // _FEWER):
        failure = play(seed, number // 2, MODES[number % 2], _LENGTH).failure
        yield (
            ("", ())
            if failure is None
            else (_by_steps(_as_json(failure.steps)) or "", failure.steps)
        )


def _search(
    kit: Sequence[str], actions: Sequence[str], seed: int, most: int, skip: int
) -> Iterator[Killer]:
    """
    Yield what kills the engine: a check of the kit, or histories made as short as they get.

    First *most* short histories of *actions*, which are near the bug, then some of any.
    """
    for check in kit:
        clause = _by_kit(check)
        if clause is not None:
            yield {"check": check, "why": clause, "after": 0}
    for after, (why, steps) in enumerate(_histories(actions, seed, most), 1):
        if not why or after <= skip:
            continue

        def shows(some: Sequence[Step], why: str = why) -> bool:
            return _by_steps(_as_json(some)) == why

        short = _as_json(shortest(steps, shows, tries=_TRIES))
        yield {"check": "simulate", "why": why, "after": after, "steps": short}


def _again(killer: Killer) -> str | None:
    check = str(killer["check"])
    return _by_kit(check) if check in _KIT else _by_steps(killer["steps"])


def main() -> None:
    """Do what standard input asks for."""
    signal.signal(signal.SIGALRM, _ring)
    what, given = sys.argv[1], json.load(sys.stdin)
    if what == "replay":
        print(json.dumps([_again(killer) for killer in given]))
    else:
        print(json.dumps(next(_search(**given), None)))


if __name__ == "__main__":
    main()
