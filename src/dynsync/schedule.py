"""
When cycles run: one to its end, five minutes' wait, the next (R2).

The delay is between the end of a cycle and the start of the next, not a clock's five minutes.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from dynsync.arguments import clock as check_clock
from dynsync.arguments import function, number
from dynsync.calling import hosts_own
from dynsync.connectors import Clock
from dynsync.reports import Report

__all__ = ["DELAY", "SystemClock", "cycles"]

DELAY: Final = 300.0
"""Seconds between the end of a cycle and the start of the next (R2)."""

_SLICE: Final = 1.0


@attrs.frozen
class SystemClock:
    """The clock on the wall: the only place where dynsync looks at it."""

    def now(self) -> dt.datetime:
        """Return the time, in UTC."""
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass."""
        time.sleep(seconds)


def _never() -> bool:
    return False


def cycles(
    run: Callable[[], Report],
    *,
    clock: Clock,
    delay: float = DELAY,
    stopping: Callable[[], bool] = _never,
) -> Iterator[Report]:
    """
    Run cycles for ever, *delay* seconds between the end of one and the start of the next.

    Yields each report as its cycle ends. Between cycles *stopping* is asked once a second
    and ends the iteration. What *run* raises is raised; what *stopping* raises is a
    `ContractError`. Raises `ConfigurationError` for what is no clock or no number of seconds.
    """
    # Not in the generator: that would say so where it is first asked, not where it is made.
    check_clock(clock)
    number("cycles", "delay", delay, "seconds")
    function("stopping", stopping)
    return _cycles(run, clock, delay, hosts_own("stopping", stopping))


def _cycles(
    run: Callable[[], Report], clock: Clock, delay: float, stopping: Callable[[], bool]
) -> Iterator[Report]:
    while not stopping():
        yield run()
        left = delay
        while left > 0 and not stopping():
            step = min(left, _SLICE)
            clock.sleep(step)
            left -= step
