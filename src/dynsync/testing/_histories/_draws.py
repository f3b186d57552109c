"""How the arguments of an action are drawn: as data, so that anything can do the drawing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import (
    Concatenate,
    Final,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
)

import attrs

from dynsync.records import Side
from dynsync.testing._histories._people import MOST
from dynsync.testing._histories._scene import Scene

__all__ = [
    "CALM",
    "CHOICES",
    "EDITS",
    "ENTITIES",
    "HUMANS",
    "MODES",
    "NAMES",
    "SIDES",
    "Action",
    "Doing",
    "Draw",
    "Mode",
    "OneOf",
    "OneOfScene",
    "Over",
    "Shuffled",
    "Span",
    "Step",
    "Together",
    "action",
    "draw",
]

W = TypeVar("W")
W_contra = TypeVar("W_contra", contravariant=True)
P = ParamSpec("P")

Mode: TypeAlias = Literal["safety", "liveness"]
MODES: Final[tuple[Mode, ...]] = ("safety", "liveness")
"""Faults all the time, and nothing wrong may happen; or they stop, and everything must settle."""
CALM: Final[tuple[Mode, ...]] = ("liveness",)

Over: TypeAlias = Literal["calls", "http", "loopback"]
"""
How the sync gets to the systems: by calls, or over both APIs, with faults of HTTP's own.

Over ``"http"`` requests are handed over in the process, over ``"loopback"`` by sockets.
"""

Step: TypeAlias = tuple[str, dict[str, object]]
"""The name of an action, and its arguments."""


@attrs.frozen
class OneOf:
    """One of *values*; the first is the simplest."""

    values: tuple[object, ...]


@attrs.frozen
class Span:
    """A whole number from *low* to *high*, both included."""

    low: int
    high: int


@attrs.frozen
class Shuffled:
    """All of *values* in any order."""

    values: tuple[object, ...]


@attrs.frozen
class Together:
    """A tuple of what each of *draws* gives."""

    draws: tuple[Draw, ...]


@attrs.frozen
class OneOfScene:
    """One of what the scene has."""

    values: Callable[[Scene], list[object]]


Draw: TypeAlias = OneOf | Span | Shuffled | Together | OneOfScene

SIDES: Final = OneOf(tuple(Side))
HUMANS: Final = Span(0, MOST - 1)
CHOICES: Final = Span(0, 11)
ENTITIES: Final = OneOfScene(lambda scene: list(scene.maps))
NAMES: Final = OneOfScene(lambda scene: list(scene.names))
EDITS: Final = OneOfScene(
    lambda scene: [(name, value) for name, values in scene.values.items() for value in values]
)


def draw(one: Draw, scene: Scene, chance: random.Random) -> object:
    """Return what *one* gives by *chance*."""
    match one:
        case OneOf(values):
            return chance.choice(values)
        case Span(low, high):
            return chance.randint(low, high)
        case Shuffled(values):
            return chance.sample(values, len(values))
        case Together(draws):
            return tuple(draw(each, scene, chance) for each in draws)
        case OneOfScene(values):
            return chance.choice(values(scene))


def _simplest(one: Draw, scene: Scene) -> object:
    match one:
        case OneOf(values):
            return values[0]
        case Span(low, _):
            return low
        case Shuffled(values):
            return list(values)
        case Together(draws):
            return tuple(_simplest(each, scene) for each in draws)
        case OneOfScene(values):
            return values(scene)[0]


class Doing(Protocol[W_contra]):
    """A function that does something in a world, with arguments that were drawn."""

    def __call__(self, world: W_contra, /, **arguments: object) -> None:
        """Do it."""
        ...


@attrs.frozen
class Action(Generic[W_contra]):
    """
    Something that is done in a history.

    *draws* say how its arguments are drawn, *allowed* when it may be done, *modes* in which
    mode: a step that expects what only holds while nothing fails is none of safety's.
    """

    name: str
    says: str
    do: Doing[W_contra]
    draws: Mapping[str, Draw]
    allowed: Callable[[W_contra], bool]
    modes: tuple[Mode, ...]

    def drawn(self, scene: Scene, chance: random.Random) -> dict[str, object]:
        """Return arguments for it, by *chance*."""
        return {name: draw(one, scene, chance) for name, one in self.draws.items()}

    def simpler(self, arguments: Mapping[str, object], scene: Scene) -> Iterator[dict[str, object]]:
        """Yield simpler *arguments*: each of them at its simplest."""
        for name, how in self.draws.items():
            plain = _simplest(how, scene)
            if arguments[name] != plain:
                yield {**arguments, name: plain}


def _always(_: object) -> bool:
    return True


def action(
    function: Callable[Concatenate[W, P], None],
    *,
    allowed: Callable[[W], bool] = _always,
    modes: tuple[Mode, ...] = MODES,
    **draws: Draw,
) -> Action[W]:
    """Return the `Action` that calls *function* with a world and what *draws* give."""
    says = (function.__doc__ or "").strip()
    return Action(function.__name__, says, cast("Doing[W]", function), draws, allowed, modes)
