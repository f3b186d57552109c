"""
How fast a system may be called: one limiter an instance, shared by all that call it.

Both systems count calls in a sliding window and how many are under way at once, and Marketo
those of a day. The limiter waits where a limit is near, lets fewer calls run at once when the
system complains, and more again when it does not. It never goes beyond its `Pace`.
"""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import math
import threading
from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

import attrs

from dynsync.arguments import is_number, is_whole, shown
from dynsync.connectors import Clock
from dynsync.errors import ConfigurationError, SystemFailure, Throttled
from dynsync.records import Side

__all__ = ["Limiter", "Pace", "in_turns"]

T = TypeVar("T")

_PATIENCE: Final = 60.0
"""Longest wait inside a call, in seconds: whoever called holds a lease of two minutes."""

_TRIES: Final = 3


@attrs.frozen(kw_only=True)
class Pace:
    """
    What a host allows itself of a system's limits.

    At most *calls* in any *seconds*, *at_once* under way, and of *day*, the calls that the
    system allows from midnight to midnight in *zone*, that *share*: others may call it, too.
    Raises `ConfigurationError` for a pace at which nothing would ever go out, or that is none.
    """

    calls: int = 100
    seconds: float = 20.0
    at_once: int = 10
    day: int | None = None
    share: float = 1.0
    zone: dt.tzinfo = dt.UTC

    def __attrs_post_init__(self) -> None:
        numbers = {"calls": self.calls, "at_once": self.at_once, "day": self.day}
        for name, given in numbers.items():
            if (name != "day" or given is not None) and not (is_whole(given) and given > 0):
                message = f"{name}={shown(given)}: give a whole number of calls from 1 on."
                raise ConfigurationError(message)
        if not is_number(self.seconds) or not 0 < self.seconds < math.inf:
            raise ConfigurationError(f"seconds={shown(self.seconds)}: give a number above 0.")
        if not is_number(self.share) or not 0 < self.share <= 1:
            message = f"share={shown(self.share)}: give a part of the day's calls, such as 0.5."
            raise ConfigurationError(message)


class Limiter:
    """
    Lets calls of one instance through at its *pace*. Safe to share between threads.

    Jobs that are done side by side run in *executor*, in threads of the limiter's own if there
    is none; `close` ends those.
    """

    def __init__(
        self, side: Side, pace: Pace, clock: Clock, executor: Executor | None = None
    ) -> None:
        self.pace = pace
        self._side = side
        self._clock = clock
        self._executor = executor
        self._pool: ThreadPoolExecutor | None = None
        self._gate = threading.Lock()
        self._room = threading.Condition()
        self._width = float(pace.at_once)
        self._under_way = 0
        self._recent: collections.deque[dt.datetime] = collections.deque(maxlen=pace.calls)
        self._closed_until: dt.datetime | None = None
        self._seen = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._today: dt.date | None = None
        self._used = 0

    @property
    def width(self) -> int:
        """How many calls are let out at once just now."""
        return int(self._width)

    @property
    def used(self) -> int:
        """How many calls were let out on the last day on which there were any."""
        return self._used

    def close(self) -> None:
        """End the limiter's own threads; calls one after another still work."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def call(self, send: Callable[[], T]) -> T:
        """
        Return what *send* returns, called when it may be.

        Where it raises `Throttled`, everybody waits as long as it says and it is called again,
        a few times. Raises `Throttled` where that would take more than a minute.
        """
        for left in reversed(range(_TRIES)):
            with self._turn():
                try:
                    result = send()
                except Throttled as failure:
                    self._complained(failure)
                    if not left or failure.scope == "day":
                        raise
                else:
                    self._went_well()
                    return result
        raise AssertionError("the last try returns or raises")

    def side_by_side(self, jobs: Sequence[Callable[[], T]]) -> list[T | SystemFailure]:
        """
        Do *jobs*, which make their calls by `call`, and return what became of each, in order.

        Nothing is under way any more when it returns or raises. A job does not begin other jobs.
        """
        if len(jobs) <= 1:
            return [_outcome(job) for job in jobs]
        futures: list[Future[T | SystemFailure]] = []
        try:
            for job in jobs:
                futures.append(self._workers().submit(_outcome, job))  # noqa: PERF401 - if it breaks off, some are under way
            wait(futures)
        except BaseException:
            # Somebody wants to stop, or the executor takes no more: what has not begun does not
            # begin, or it would write after the run has ended.
            wait([future for future in futures if not future.cancel()])
            raise
        return [future.result() for future in futures]

    def _workers(self) -> Executor:
        if self._executor is not None:
            return self._executor
        if self._pool is None:
            name = f"dynsync-{self._side.value}"
            self._pool = ThreadPoolExecutor(self.pace.at_once, thread_name_prefix=name)
        return self._pool

    @contextlib.contextmanager
    def _turn(self) -> Generator[None]:
        """Let one call out, and wait until it may go."""
        with self._room:
            self._room.wait_for(lambda: self._under_way < self.width)
            self._under_way += 1
        try:
            # One waits for all who come behind: time passes for everybody at once.
            with self._gate:
                while pause := self._pause(self._clock.now()):
                    self._clock.sleep(pause)
                self._count(self._clock.now())
            yield
        finally:
            with self._room:
                self._under_way -= 1
                self._room.notify_all()

    def _pause(self, now: dt.datetime) -> float:
        """Return for how many seconds no call may go out; raise `Throttled` if that is long."""
        self._turn_back(now)
        self._turn_day(now)
        pace = self.pace
        if pace.day is not None and self._used >= int(pace.day * pace.share):
            self._refuse("our share of the day's calls is used up", self._to_midnight(now), "day")
        pause = 0.0
        if len(self._recent) == pace.calls:
            pause = pace.seconds - (now - self._recent[0]).total_seconds()
        if self._closed_until is not None:
            asked = (self._closed_until - now).total_seconds()
            if asked > _PATIENCE:
                self._refuse("no call is to be made for a while, as was asked", asked, "window")
            pause = max(pause, asked)
        # In whole microseconds: a clock keeps no less, and would never get there.
        return max(round(pause, 6), 0.0)

    def _refuse(self, message: str, pause: float, scope: str) -> None:
        raise Throttled(self._side, message, pause, scope)

    def _count(self, now: dt.datetime) -> None:
        with self._room:
            self._recent.append(now)
            self._used += 1

    def _turn_back(self, now: dt.datetime) -> None:
        """Move what a clock said that has since been set back: it would be waited for."""
        with self._room:
            back = self._seen - now
            # Who calls side by side reads the clock in any order, and a little is soon over.
            if back <= dt.timedelta(seconds=_PATIENCE):
                self._seen = max(self._seen, now)
                return
            self._seen = now
            self._recent = collections.deque((at - back for at in self._recent), self.pace.calls)
            if self._closed_until is not None:
                self._closed_until -= back

    def _turn_day(self, now: dt.datetime) -> None:
        today = now.astimezone(self.pace.zone).date()
        if today != self._today:
            self._today, self._used = today, 0

    def _to_midnight(self, now: dt.datetime) -> float:
        here = now.astimezone(self.pace.zone)
        midnight = dt.datetime.combine(here.date(), dt.time(), here.tzinfo) + dt.timedelta(days=1)
        return (midnight - here).total_seconds()

    def _complained(self, failure: Throttled) -> None:
        now = self._clock.now()
        self._turn_back(now)
        until = now + dt.timedelta(seconds=failure.retry_after)
        with self._room:
            self._width = max(1.0, self._width / 2)
            # A day's end is told to each who asks: what costs nothing of it may still be called.
            if failure.scope != "day":
                self._closed_until = max(until, self._closed_until or until)

    def _went_well(self) -> None:
        with self._room:
            self._width = min(float(self.pace.at_once), self._width + 1 / self._width)
            self._room.notify_all()


def _outcome(job: Callable[[], T]) -> T | SystemFailure:
    try:
        return job()
    except SystemFailure as failure:
        return failure


def in_turns(things: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """
    Return *things* in as few lists as no *key* is in twice, and those of a key in their order.

    Each list may go out at once; what is in the next waits for it.
    """
    turns: list[list[T]] = []
    met: collections.Counter[Hashable] = collections.Counter()
    for thing in things:
        turn = met[key(thing)]
        met[key(thing)] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(thing)
    return turns
