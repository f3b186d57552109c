"""The simulator over both APIs: the engine's promises hold whatever HTTP does to its requests."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Final, get_args

import pytest

from dynsync import Side
from dynsync.emulator import Trouble, TroubleKind
from dynsync.testing import Simulation, simulate
from dynsync.testing._histories._actions.faults import edited
from dynsync.testing._histories._history import Failure, begin
from dynsync.testing._histories._http_world import HttpWorld
from dynsync.testing._histories._invariants import check_always
from dynsync.testing._histories._paths import paths_of

HISTORIES: Final = 4
STEPS: Final = 8
KINDS: Final[tuple[TroubleKind, ...]] = get_args(TroubleKind)
_MANY: Final = 60


@pytest.fixture(scope="module")
def played() -> Simulation:
    """A few histories of both modes."""
    return simulate(histories=HISTORIES, seed=1, steps=STEPS, over="http", processes=1)


def test_some_histories_over_both_apis_are_clean(played: Simulation) -> None:
    """Invariants 1, 2, 3, 21 and 29, over the connectors to the real systems."""
    assert [] == [str(failure) for failure in played.failures]
    assert HISTORIES == played.histories


def test_sockets_change_nothing() -> None:
    """Byte for byte, a history over loopback is the one that is handed over in the process."""
    one, other = (
        simulate(histories=2, seed=2, steps=5, over=over, processes=1)
        for over in ("http", "loopback")
    )

    assert one.ok
    assert one.digest == other.digest


def test_a_failure_says_what_it_was_played_over() -> None:
    """What is printed plays it again in the same way."""
    failure = Failure(1, "safety", "why", (("tick", {"seconds": 1}),), (), "http")

    assert '], over="http")' in str(failure)


def test_enough_histories_meet_all_that_http_does() -> None:
    """A thousand of a mode must have met every trouble."""
    many = Simulation(1, ("safety",), "http", histories=5000, reached={"safety": Counter()})

    assert [*paths_of("safety", "http")] == many.missed["safety"]
    assert "http half_body" in many.missed["safety"]
    assert not many.ok


def in_step() -> HttpWorld:
    """Return a world with a lead and a contact that are in step."""
    world = HttpWorld("http")
    begin(world, 0, 0)
    return world


def edit_both(world: HttpWorld, choice: int) -> None:
    """Have both sides edit everybody, each another field, and Dynamics make a record."""
    for side, name in zip(Side, ("first_name", "job_title"), strict=True):
        edited(world, 0, side, name, choice)
    if choice % 4 < 2:
        world.make_in_dynamics("contact", world.scene.born[0])


@pytest.mark.parametrize("kind", KINDS)
def test_trouble_with_any_request_of_a_cycle_changes_nothing_in_the_end(kind: TroubleKind) -> None:
    """Every other cycle it meets a later request; then all is as people left it."""
    world = in_step()
    met = True
    # Half of the requests; what one kind leaves out the next one meets.
    for at in range(KINDS.index(kind) % 2, _MANY, 2):
        edit_both(world, at)
        met = meet(world, Trouble(kind), at)
        check_always(world)
        if not met:
            break
        world.clock.advance(301)
        world.go()
    assert not met, "a cycle of more requests than there are"
    world.settle()
    world.close()


def meet(world: HttpWorld, trouble: Trouble, at: int) -> bool:
    """Run with *trouble* at a request; return whether there was such a request."""
    number = itertools.count()
    met: list[str] = []

    def hook(_: str, path: str) -> Trouble | None:
        if next(number) != at:
            return None
        met.append(path)
        return trouble

    world.emulator.troubles.hook = hook
    world.clock.advance(301)
    world.go()
    world.emulator.troubles.clear()
    return bool(met)
