"""The simulator: its histories are the same again, and what fails in them is made short."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import pytest

from dynsync import ConfigurationError, Side
from dynsync.testing import Simulation, replay, simulate
from dynsync.testing.__main__ import main
from dynsync.testing._histories._actions import ACTIONS, SANDBOX_ACTIONS
from dynsync.testing._histories._draws import Action, Mode, Step
from dynsync.testing._histories._history import Failure, shrink, written
from dynsync.testing._histories._paths import PATHS
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE
from dynsync.testing._histories._sandbox_world import SandboxWorld

SRC: Final = str(Path(__file__).parents[1] / "src")


def digest_of(*options: str, **environment: str) -> str:
    """Return the digest that the command prints in a process of its own."""
    command = [sys.executable, "-m", "dynsync.testing", "simulate", "--json", *options]
    run = subprocess.run(  # noqa: S603 - our own module
        command,
        env={**os.environ, "PYTHONPATH": SRC, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said: Mapping[str, object] = json.loads(run.stdout)
    return str(said["digest"])


def test_the_same_seed_gives_the_same_history_byte_for_byte() -> None:
    """Invariant 23: neither the hashes of a process nor the number of processes count."""
    options = ("--histories", "4", "--steps", "8", "--seed", "7")
    digests = {
        digest_of(*options, "--processes", "1", PYTHONHASHSEED="1"),
        digest_of(*options, "--processes", "1", PYTHONHASHSEED="2"),
        digest_of(*options, "--processes", "2"),
    }

    assert 1 == len(digests)


def test_another_seed_gives_other_histories() -> None:
    """A seed stands for its histories alone."""
    one, other = (simulate(histories=1, seed=seed, steps=5, processes=1) for seed in (1, 2))

    assert one.digest != other.digest


def test_some_histories_of_both_modes_are_clean() -> None:
    """Whatever goes wrong, nothing wrong happens; and when it ends, everything settles."""
    # Invariants 1, 2, 3, 21 and 29.
    result = simulate(histories=24, seed=1, processes=1)

    assert [] == [str(failure) for failure in result.failures]
    assert 24 == result.histories


@pytest.mark.parametrize(
    "asked", [{"histories": 0}, {"histories": -1}, {"steps": 0}, {"mode": "safely"}]
)
def test_nothing_to_play_is_a_mistake(asked: Mapping[str, int]) -> None:
    """No history fails where none is played, so that none asked for is no success."""
    [name] = asked
    with pytest.raises(ConfigurationError, match=f"{name}="):
        simulate(**asked)  # type: ignore[arg-type]


def test_command_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever waits hears at once that something happens, and how much is to come."""
    main(["simulate", "--histories", "2", "--steps", "2", "--processes", "1"])

    assert capsys.readouterr().err.startswith("1 of 2 histories\n")


def test_paths_that_few_histories_did_not_go_are_no_failure() -> None:
    """A path is listed if it was gone; that others were not means something of a thousand only."""
    mode: Mode = "safety"
    few = Simulation(1, (mode,), histories=3, reached={mode: Counter({"created lead": 2})})
    many = attrs.evolve(few, histories=1000)
    path = next(path for path in PATHS[mode] if path != "created lead")

    assert "2  created lead" in str(few)
    assert path not in str(few)
    assert "no failure" in str(few)
    assert few.ok
    assert "MISSED" in str(many)
    assert path in str(many)
    assert not many.ok


@pytest.mark.parametrize("option", ["--histories", "--steps", "--processes"])
def test_command_refuses_to_play_nothing(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On the command line, too."""
    with pytest.raises(SystemExit, match="2"):
        main(["simulate", option, "0"])

    assert f"{option}: 0 is less than 1" in capsys.readouterr().err


@pytest.mark.parametrize("one", SANDBOX_ACTIONS, ids=lambda one: one.name)
def test_every_action_can_be_done_by_itself(one: Action[SandboxWorld]) -> None:
    """An action expects nothing of those before it but what it declares."""
    for seed in range(2):
        chance = random.Random(seed)  # noqa: S311 - the same every time
        reached = replay([(one.name, one.drawn(SANDBOX_SCENE, chance))])

        assert reached["created lead"]


def test_what_a_sync_is_told_is_part_of_a_history() -> None:
    """A refused value may hold its record, and who is deleted in Marketo may stay so."""
    told = {"hold": "record", "on_marketo_delete": "suppress"}
    reached = replay(
        [
            ("begin", {"marketo": 0, "dynamics": 0, **told}),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("first_name", "x" * 64)}),
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("city", "Oslo")}),
            ("clean", {}),
            ("delete_in_marketo", {"at": 1, "edit": ("first_name", "Lee")}),
        ]
    )

    assert reached["held with its record"]
    assert reached["new person suppressed"]
    assert not reached["new person after a delete"]


def test_actions_have_names_of_their_own() -> None:
    """A step names one action."""
    names = [one.name for one in SANDBOX_ACTIONS]

    assert len(set(names)) == len(names)
    assert {one.name for one in ACTIONS} < set(names)


def broken() -> Failure:
    """Return a failure that takes one step of several to show."""
    steps: tuple[Step, ...] = (
        ("begin", {"marketo": 0, "dynamics": 40}),
        ("tick", {"seconds": 61}),
        ("edit", {"at": 2, "side": Side.DYNAMICS, "edit": ("city", "Bergen")}),
        ("expire", {"run": False, "noise": 77}),
        ("tick", {"seconds": -1}),
    )
    why = "ValueError in advance: a clock does not go back"
    return Failure(0, "liveness", why, steps, steps)


def test_a_failing_history_is_made_as_short_as_it_gets() -> None:
    """What is not needed to show the failure is left out."""
    short = shrink(broken())

    assert (("tick", {"seconds": -1}),) == short.shortest


def test_a_failing_history_is_printed_as_a_test_that_runs() -> None:
    """The text is Python that fails as the history did."""
    namespace: dict[str, object] = {}
    exec(written(broken().steps, "why"), namespace)  # noqa: S102 - what we have just written
    test = namespace["test_history"]

    assert callable(test)
    with pytest.raises(ValueError, match="does not go back"):
        test()


def test_a_history_can_be_replayed() -> None:
    """Steps that may not be done where they stand are passed over."""
    reached = replay(
        [
            ("edit", {"at": 0, "side": Side.MARKETO, "edit": ("city", "Oslo")}),
            ("give_read", {}),
            ("run", {}),
        ]
    )

    assert 1 == reached["one side"]
    assert 0 == reached["right to read given"]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("edit_bot", r"no step 'edit_bot'; is 'edit_both' meant\?"),
        ("@", "'@'; there are .*, wait\\."),
    ],
)
def test_a_step_that_there_is_not_is_named(step: str, said: str) -> None:
    """Before anything is done, with the step that may be meant, or with all that there are."""
    with pytest.raises(ValueError, match=said):
        replay([("run", {}), (step, {})])


def test_paths_that_nobody_went_fail_when_enough_was_played() -> None:
    """A few histories need not go everywhere; a thousand of a mode must."""
    few = Simulation(1, ("safety",), histories=10, reached={"safety": Counter()})
    many = Simulation(1, ("safety",), histories=5000, reached={"safety": Counter()})

    assert few.ok
    assert not many.ok
    assert [*PATHS["safety"]] == many.missed["safety"]


def test_a_history_that_failed_is_a_simulation_that_failed() -> None:
    """What is printed has the test in it."""
    result = Simulation(1, ("liveness",), histories=1, reached={"liveness": Counter()})
    result.failures.append(shrink(broken()))

    assert not result.ok
    assert '("tick", {"seconds": -1}),' in str(result)
    assert "def test_history() -> None:" in result.as_json()


def test_the_command_says_which_paths_were_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """Paths with their counts, the digest, and the speed."""
    options = ["--histories", "1", "--steps", "3", "--mode", "liveness", "--processes", "1"]
    code = main(["simulate", *options])
    said = capsys.readouterr().out

    assert 0 == code
    assert "1 histories of 3 steps in liveness mode" in said
    assert "created lead" in said
    assert "histories a second" in said
