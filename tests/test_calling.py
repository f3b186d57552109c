"""Calling what the host brought: what it raises is told by its class and place, unquoted."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from dynsync.calling import called, hosts_own, raised_by
from dynsync.errors import ConfigurationError, ContractError, LeaseHeld, StateError, SyncError
from dynsync.sandbox import Faults

HERE: Final = Path(__file__).name
VALUE: Final = "ada@example.org"


def fail() -> str:
    """Raise something that quotes a value."""
    raise KeyError(VALUE)


def line_of(words: str) -> int:
    """Return the number of the first line of this file that begins with *words*."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    return 1 + next(at for at, line in enumerate(lines) if line.strip().startswith(words))


def caught(raising: object) -> BaseException:
    """Return what *raising* raises."""
    assert callable(raising)
    try:
        raising()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("it raised nothing")


def test_the_place_is_the_last_one_that_the_host_can_mend() -> None:
    """In its own folder, and neither in what it calls nor in what calls it."""
    inside = caught(lambda: called(fail, str, passing=(KeyError,)))
    beyond = caught(lambda: json.loads("{"))

    assert f"KeyError ({HERE}:{line_of('raise KeyError(VALUE)')})" == raised_by(inside)
    assert f"JSONDecodeError ({HERE}:{line_of('beyond = caught')})" == raised_by(beyond)


def test_a_place_of_ours_is_not_shown() -> None:
    """However deep in dynsync it is that the host's code was called."""
    faults = Faults()

    def hook(*_: object) -> None:
        fail()

    faults.hook = hook
    error = caught(lambda: called(partial(faults.take, "write"), str))

    assert f"KeyError ({HERE}:{line_of('raise KeyError(VALUE)')})" == str(error)


def test_without_a_place_the_class_has_to_do() -> None:
    """What was never raised, or raised by us alone, has none to show."""
    assert "KeyError" == raised_by(KeyError(VALUE))


def test_a_file_that_python_cannot_read_is_named() -> None:
    """The line is the one with the mistake in it, not the one that imports the file."""
    error = caught(lambda: compile("x = 1\ny = =", "/home/ann/policy.py", "exec"))

    assert "SyntaxError (policy.py:2)" == raised_by(error)
    windows = caught(lambda: compile("y = =", "C:\\ann\\policy.py", "exec"))
    assert "SyntaxError (policy.py:1)" == raised_by(windows)


def test_what_is_returned_is_returned() -> None:
    """Nothing is said where nothing was raised."""
    assert "fine" == called(lambda: "fine", str)


def test_what_is_raised_becomes_an_error_of_ours() -> None:
    """What it says may quote a value, so neither the message nor what it hangs on holds that."""
    error = caught(lambda: called(fail, lambda raised: f"The policy raised {raised}."))

    assert isinstance(error, ContractError)
    assert f"The policy raised KeyError ({HERE}:{line_of('raise KeyError')})." == str(error)
    assert error.__cause__ is None is error.__context__
    assert raised_by(error).endswith(f":{line_of('raise KeyError')})")


def test_what_passes_is_raised_as_it_is() -> None:
    """Our own errors, if nothing else is said; or what is said."""

    def state() -> str:
        raise StateError("held")

    assert isinstance(caught(lambda: called(state, str)), StateError)
    assert isinstance(caught(lambda: called(state, str, passing=())), ContractError)
    assert isinstance(caught(lambda: called(fail, str, passing=(KeyError,))), KeyError)


def test_another_error_may_be_asked_for() -> None:
    """A mistake that is found before anything began is one of configuration."""
    error = caught(lambda: called(fail, str, becoming=ConfigurationError))

    assert isinstance(error, ConfigurationError)


def test_what_the_host_gave_is_called_by_its_argument() -> None:
    """Its arguments and its answer go through; what it raises is told as its own."""

    def show(one: int, *, two: int) -> int:
        return 10 // (one - two)

    asked = hosts_own("show", show)

    assert 5 == asked(4, two=2)
    with pytest.raises(ContractError) as told:
        asked(2, two=2)
    assert str(told.value) == (
        f"What was given as show= raised ZeroDivisionError ({HERE}:{line_of('return 10 //')}). It "
        f"must not raise; what the systems acknowledged until then is stored."
    )


def test_a_reader_who_went_away_is_nobodys_mistake() -> None:
    """A broken pipe passes."""

    def show() -> None:
        raise BrokenPipeError

    assert isinstance(caught(hosts_own("show", show)), BrokenPipeError)


@pytest.mark.parametrize("kind", [ConfigurationError, LeaseHeld, StateError, SyncError])
def test_an_error_of_ours_is_none_of_the_runs_where_the_host_raises_it(
    kind: type[SyncError],
) -> None:
    """Such as that of another sync: a host may not let it out, any more than one of its own."""

    def show() -> None:
        raise kind(VALUE)

    error = caught(hosts_own("show", show))

    assert isinstance(error, ContractError)
    where = f"{kind.__name__} ({HERE}:{line_of('raise kind(VALUE)')})"
    assert str(error).startswith(f"What was given as show= raised {where}. ")
