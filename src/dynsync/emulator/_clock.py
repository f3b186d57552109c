"""The clock of an emulator that runs by itself: the one on the wall, moved on by hand."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Protocol

from dynsync.connectors import Clock
from dynsync.schedule import SystemClock

__all__ = ["Movable", "MovedClock"]


class Movable(Clock, Protocol):
    """A clock that can be moved on."""

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        ...


class MovedClock:
    """Runs as the clock on the wall does, ahead of it by what `advance` added up to."""

    def __init__(self) -> None:
        self._wall = SystemClock()
        self._ahead = dt.timedelta()
        self._lock = threading.Lock()

    def now(self) -> dt.datetime:
        """Return the time, aware and in UTC."""
        return self._wall.now() + self._ahead

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass on the wall."""
        self._wall.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass at once."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        with self._lock:
            self._ahead += dt.timedelta(seconds=seconds)
