"""The schedule: one cycle to its end, a wait, the next (R2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from itertools import islice
from typing import cast

import pytest

from dynsync.connectors import Clock
from dynsync.errors import ConfigurationError, ContractError
from dynsync.reports import Report
from dynsync.sandbox import SandboxClock
from dynsync.schedule import DELAY, SystemClock, cycles


class Runs:
    """Cycles that take a minute each, by *clock*, and when each of them began."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.began: list[float] = []

    def __call__(self) -> Report:
        """Run one."""
        now = self.clock.now()
        self.began.append(now.timestamp())
        self.clock.advance(60.0)
        return Report(len(self.began), now, self.clock.now())

    def pauses(self) -> list[float]:
        """Return the seconds between the end of each cycle and the start of the next."""
        ends = [start + 60.0 for start in self.began]
        return [start - end for start, end in zip(self.began[1:], ends, strict=False)]


def test_five_minutes_are_from_the_end_to_the_start() -> None:
    """The delay is no clock's five minutes: a long cycle does not eat it up."""
    clock = SandboxClock()
    runs = Runs(clock)
    reports = list(islice(cycles(runs, clock=clock), 3))

    assert [1, 2, 3] == [report.run for report in reports]
    assert [300.0, 300.0] == runs.pauses()
    assert DELAY == 300.0


@pytest.mark.parametrize("delay", [0.0, 0.25, 1.0, 2.5])
def test_the_host_says_how_long_to_wait(delay: float) -> None:
    """To the fraction of a second, and no wait at all if that is what it says."""
    clock = SandboxClock()
    runs = Runs(clock)
    list(islice(cycles(runs, clock=clock, delay=delay), 3))

    assert [delay, delay] == runs.pauses()


@pytest.mark.parametrize("delay", ["x", -5, None, True, float("nan")])
def test_a_wait_that_is_none_is_refused_before_the_first_cycle(delay: object) -> None:
    """And where the cycles are asked for: not by the first that is wanted."""
    clock = SandboxClock()
    with pytest.raises(ConfigurationError, match=r"^cycles\(delay=.*\): give a number of seconds"):
        cycles(Runs(clock), clock=clock, delay=cast("float", delay))


def test_cycles_need_a_clock() -> None:
    """What tells no time is refused where the cycles are asked for."""
    with pytest.raises(ConfigurationError, match="clock= got None, which is no clock"):
        cycles(Runs(SandboxClock()), clock=cast("Clock", None))


def test_what_cannot_be_asked_to_stop_is_refused() -> None:
    """Where the cycles are asked for, too."""
    with pytest.raises(ConfigurationError, match=r"^stopping= got a NoneType, .*leave it out\.$"):
        cycles(
            Runs(SandboxClock()),
            clock=SandboxClock(),
            stopping=cast("Callable[[], bool]", None),
        )


def test_a_report_comes_before_the_wait() -> None:
    """Who is told of a cycle is told when it ends, not five minutes later."""
    clock = SandboxClock()
    runs = Runs(clock)
    next(cycles(runs, clock=clock))

    assert clock.now().timestamp() == runs.began[0] + 60.0


def asked(answers: Iterator[bool]) -> int:
    """Return how many cycles run while *answers* say whether to stop."""
    clock = SandboxClock()
    found = cycles(Runs(clock), clock=clock, delay=3.0, stopping=lambda: next(answers))
    return len(list(found))


def test_stopping_is_asked_once_a_second() -> None:
    """Before each cycle and before each second of the wait; a yes ends it all."""
    assert 0 == asked(iter([True]))
    assert 1 == asked(iter([False, True, True]))
    assert 1 == asked(iter([False, False, False, True, True]))
    assert 1 == asked(iter([False, False, False, False, True]))
    assert 2 == asked(iter([False, False, False, False, False, True, True]))


def test_what_stopping_raises_is_told_as_its_own() -> None:
    """It is the host's, and what it raises is no fault of a system's."""

    def stopping() -> bool:
        raise KeyError

    clock = SandboxClock()
    with pytest.raises(ContractError, match=r"given as stopping= raised KeyError"):
        list(cycles(Runs(clock), clock=clock, stopping=stopping))


def test_what_a_cycle_raises_is_raised() -> None:
    """A cycle that cannot go on ends the schedule, as it is."""

    def run() -> Report:
        raise ContractError("two results for three writes")

    with pytest.raises(ContractError, match="two results"):
        next(cycles(run, clock=SandboxClock()))


def test_the_clock_on_the_wall_tells_utc() -> None:
    """Everything that is dated is dated in UTC, wherever the machine is."""
    assert dt.UTC is SystemClock().now().tzinfo


def test_the_clock_on_the_wall_waits_for_what_can_be_waited_for() -> None:
    """Time passes as it does for Python, which knows no way back."""
    with pytest.raises(ValueError, match="non-negative"):
        SystemClock().sleep(-1.0)
