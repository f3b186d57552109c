"""A clock that only moves when it is told to."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Final

__all__ = ["START", "SandboxClock"]

START: Final = dt.datetime(2026, 1, 5, 9, 0, tzinfo=dt.UTC)
"""When a sandbox clock begins, unless told otherwise: a Monday morning."""


class SandboxClock:
    """
    Pretend time, the same in every run.

    `sleep` returns at once and moves the clock; *slept* adds up what was slept.
    """

    def __init__(self, start: dt.datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be aware")
        self._now = start.astimezone(dt.UTC)
        self._lock = threading.Lock()
        self.slept = 0.0

    def now(self) -> dt.datetime:
        """Return the pretend time, aware and in UTC."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass, and count them as slept."""
        self.advance(seconds)
        with self._lock:
            self.slept += seconds

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass while nobody sleeps."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        with self._lock:
            self._now += dt.timedelta(seconds=seconds)
