"""One history: what was done in it, step by step, and how it is repeated."""

from __future__ import annotations

import json
import random
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, NotRequired, TypedDict, cast

import attrs

from dynsync.records import Side
from dynsync.sandbox import SimulatedCrash
from dynsync.terms import HoldMode, OnMarketoDelete
from dynsync.testing._histories._actions import SANDBOX_ACTIONS
from dynsync.testing._histories._draws import Action, Mode, OneOf, Over, Step
from dynsync.testing._histories._invariants import check_always
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE
from dynsync.testing._histories._sandbox_world import SandboxWorld
from dynsync.testing._shortest import shortest

__all__ = [
    "BEGIN",
    "Failure",
    "History",
    "begin",
    "beginning",
    "play",
    "replay",
    "shrink",
    "written",
]

BEGIN: Final = "begin"
_QUIET: Final = "noise"
_SKEWS: Final = OneOf((0, 0, -7200, -3, 40, 3600))
_NOISES: Final = 1 << 30
_CHOSEN: Final[Mapping[str, Sequence[str]]] = {
    "hold": ("field", "field", "record"),
    "on_marketo_delete": ("recreate", "recreate", "suppress"),
}
"""What a sync is told, and how often: what is so by default more than the other."""
_BY_NAME: Final[Mapping[str, Action[SandboxWorld]]] = {one.name: one for one in SANDBOX_ACTIONS}
_BY_MODE: Final[Mapping[Mode, tuple[Action[SandboxWorld], ...]]] = {
    mode: tuple(one for one in SANDBOX_ACTIONS if mode in one.modes)
    for mode in ("safety", "liveness")
}


class _Beginning(TypedDict):
    marketo: float
    dynamics: float
    hold: NotRequired[HoldMode]
    on_marketo_delete: NotRequired[OnMarketoDelete]


@attrs.frozen
class Failure:
    """
    A history that went wrong, and why.

    *steps* is the whole of it, *shortest* what is left when every step that is not needed has
    been left out; it was played *over* calls or HTTP.
    """

    number: int
    mode: Mode
    why: str
    steps: tuple[Step, ...]
    shortest: tuple[Step, ...]
    over: Over = "calls"

    def __str__(self) -> str:
        """Return a test of a few lines that fails for the same reason."""
        name = f"history {self.number}, {self.mode}"
        return written(self.shortest, self.why, name, over=self.over)


@attrs.frozen
class History:
    """What one history came to: the paths it went, the digest of its calls, or its failure."""

    number: int
    mode: Mode
    reached: Counter[str]
    digest: str
    calls: int
    failure: Failure | None = None


def _world(over: Over) -> SandboxWorld:
    if over == "calls":
        return SandboxWorld()
    from dynsync.testing._histories._http_world import HttpWorld  # noqa: PLC0415 - needs an extra

    return HttpWorld(over)


def begin(
    world: SandboxWorld,
    marketo: float,
    dynamics: float,
    hold: HoldMode = "field",
    on_marketo_delete: OnMarketoDelete = "recreate",
) -> None:
    """Set the clocks wrong, and how the sync is; a lead and a contact are there from the start."""
    world.hold, world.on_marketo_delete = hold, on_marketo_delete
    world.skews[Side.MARKETO].ahead = marketo
    world.skews[Side.DYNAMICS].ahead = dynamics
    for entity in world.maps:
        world.make_in_dynamics(entity, world.scene.born[0])
    world.settle()


def beginning(chance: random.Random) -> Step:
    """Return how a history begins, drawn by *chance*."""
    skews = {side.value: chance.choice(_SKEWS.values) for side in Side}
    return BEGIN, {**skews, **{name: chance.choice(words) for name, words in _CHOSEN.items()}}


def _do(world: SandboxWorld, step: Step) -> bool:
    """Do a step, if it may be done now; say whether."""
    name, arguments = step
    if name == BEGIN:
        begin(world, **cast("_Beginning", arguments))
        return True
    given = dict(arguments)
    noise = cast("int", given.pop(_QUIET, 0))
    one = _BY_NAME[name]
    if not one.allowed(world):
        return False
    world.noise(noise)
    one.do(world, **given)
    world.noise(0)
    check_always(world)
    return True


def _end(world: SandboxWorld) -> None:
    """Whatever was left open must settle."""
    if world.humans:
        world.settle()


def play(seed: int, number: int, mode: Mode, length: int, over: Over = "calls") -> History:
    """Play the history *number* of a *seed*: always the same (invariant 23)."""
    chance = random.Random(f"{seed} {mode} {number}")  # noqa: S311 - the same again is wanted
    world = _world(over)
    steps: list[Step] = []
    try:
        for step in _steps(world, chance, mode, length):
            steps.append(step)
            _do(world, step)
        _end(world)
    except (Exception, SimulatedCrash) as error:  # noqa: BLE001 - what goes wrong is the news
        why = _why(error)
        failure = Failure(number, mode, why, tuple(steps), tuple(steps), over)
        return History(number, mode, world.reached, world.log.digest(), world.log.calls, failure)
    finally:
        world.close()
    return History(number, mode, world.reached, world.log.digest(), world.log.calls)


def _steps(world: SandboxWorld, chance: random.Random, mode: Mode, length: int) -> Iterable[Step]:
    yield beginning(chance)
    for _ in range(length):
        one = chance.choice([one for one in _BY_MODE[mode] if one.allowed(world)])
        arguments = one.drawn(world.scene, chance)
        if mode == "safety":
            arguments[_QUIET] = chance.randrange(1, _NOISES)
        yield (one.name, arguments)


def replay(steps: Sequence[Step], *, over: Over = "calls") -> Counter[str]:
    """
    Do *steps* in a new world of two sandbox systems, let everything settle, and check it all.

    With *over* ``"http"`` the sync goes over both APIs; see `simulate`.

    Raises what the history raised: `AssertionError` where a promise was broken; and `ValueError`
    for a step that there is not, before any is done. Returns how often each path was gone. A step
    that may not be done where it stands is passed over.
    """
    for name, _ in steps:
        if name != BEGIN and name not in _BY_NAME:
            raise _no_step(name)
    world = _world(over)
    try:
        if not steps or steps[0][0] != BEGIN:
            begin(world, 0, 0)
        for step in steps:
            _do(world, step)
        _end(world)
    finally:
        world.close()
    return world.reached


def _no_step(name: str) -> ValueError:
    near = get_close_matches(name, _BY_NAME, 1)
    perhaps = f"is {near[0]!r} meant?" if near else f"there are {', '.join(sorted(_BY_NAME))}."
    return ValueError(f"There is no step {name!r}; {perhaps}")


def shrink(failure: Failure, tries: int = 400) -> Failure:
    """Return *failure* with the shortest history that fails in the same place."""

    def shows(steps: Sequence[Step]) -> bool:
        try:
            replay(steps, over=failure.over)
        except (Exception, SimulatedCrash) as error:  # noqa: BLE001 - see `play`
            return _place(_why(error)) == _place(failure.why)
        return False

    steps = shortest(failure.steps, shows, simpler=_simpler, tries=tries)
    return attrs.evolve(failure, shortest=steps)


def _simpler(step: Step) -> Iterable[Step]:
    name, arguments = step
    if arguments.get(_QUIET):
        yield name, {key: value for key, value in arguments.items() if key != _QUIET}
    if name == BEGIN:
        return
    scene = SANDBOX_SCENE
    given = {key: value for key, value in arguments.items() if key != _QUIET}
    rest = {key: value for key, value in arguments.items() if key == _QUIET}
    for plain in _BY_NAME[name].simpler(given, scene):
        yield name, {**plain, **rest}


def _why(error: BaseException) -> str:
    """Return what went wrong, and where, in one line."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    said = " ".join(str(error).split())
    return f"{type(error).__name__} in {frame.name}: {said}"


def _place(why: str) -> str:
    """Return which promise it was that was broken, without the values."""
    head, _, said = why.partition(": ")
    return f"{head}: {said.partition(':')[0]}"


def written(steps: Sequence[Step], why: str = "", name: str = "", *, over: Over = "calls") -> str:
    """Return *steps* as a test that can be run."""
    lines = [
        "from dynsync import Side",
        "from dynsync.testing import replay",
        "",
        "",
        "def test_history() -> None:",
    ]
    if why:
        lines += [f'    """{name}."""', f"    # {why}"]
    lines.append("    replay([")
    for step, arguments in steps:
        said = ", ".join(f'"{key}": {_said(value)}' for key, value in arguments.items())
        lines.append(f'        ("{step}", {{{said}}}),')
    lines.append("    ])" if over == "calls" else f'    ], over="{over}")')
    return "\n".join(lines)


def _said(value: object) -> str:
    """Return *value* as it is written in Python."""
    match value:
        case Side():
            return f"Side.{value.name}"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple() | list():
            inner = ", ".join(_said(one) for one in cast("Sequence[object]", value))
            if isinstance(value, list):
                return f"[{inner}]"
            return f"({inner},)" if len(cast("Sequence[object]", value)) == 1 else f"({inner})"
        case _:
            return repr(value)
