"""The limits on calls that Marketo has: a sliding window, calls at once, and a day's quota."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import threading
from collections.abc import Generator
from typing import Final

import attrs

from dynsync.connectors import Clock
from dynsync.errors import Throttled
from dynsync.records import Side

__all__ = ["NO_LIMITS", "Limiter", "Limits"]

# The quota's day begins at midnight in US Central standard time, all the year round: the
# sandbox must be the same on machines that have no time zone database.
_CENTRAL: Final = dt.timezone(dt.timedelta(hours=-6))


@attrs.frozen(kw_only=True)
class Limits:
    """
    How many calls are let through; None switches a limit off.

    *window* calls in *seconds*, *concurrency* at once, *day* from midnight to midnight.
    """

    window: int | None = 100
    seconds: float = 20.0
    concurrency: int | None = 10
    day: int | None = 50_000


NO_LIMITS: Final = Limits(window=None, concurrency=None, day=None)
"""Let every call through."""


class Limiter:
    """Counts calls against *limits* and raises `Throttled` for those that are over."""

    def __init__(self, side: Side, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self.throttled: collections.Counter[str] = collections.Counter()
        self._side = side
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: collections.deque[dt.datetime] = collections.deque()
        self._at_once = 0
        self._today: dt.date | None = None
        self._used = 0

    @contextlib.contextmanager
    def call(self) -> Generator[None]:
        """Let one call in, for as long as it takes."""
        with self._lock:
            self._admit(self._clock.now())
            self._at_once += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def _admit(self, now: dt.datetime) -> None:
        limits = self.limits
        today = now.astimezone(_CENTRAL).date()
        if today != self._today:
            self._today, self._used = today, 0
        if limits.concurrency is not None and self._at_once >= limits.concurrency:
            raise self._over("concurrency", 1.0)
        if limits.day is not None and self._used >= limits.day:
            midnight = dt.datetime.combine(today, dt.time(), _CENTRAL) + dt.timedelta(days=1)
            raise self._over("day", (midnight - now).total_seconds())
        while self._recent and (now - self._recent[0]).total_seconds() >= limits.seconds:
            self._recent.popleft()
        if limits.window is not None and len(self._recent) >= limits.window:
            waited = (now - self._recent[-limits.window]).total_seconds()
            raise self._over("window", limits.seconds - waited)
        self._recent.append(now)
        self._used += 1

    def _over(self, scope: str, retry_after: float) -> Throttled:
        self.throttled[scope] += 1
        return Throttled(self._side, f"the limit of calls ({scope}) is reached", retry_after, scope)
