"""
Simulated time for what runs side by side: a clock, an executor and a transport, in one thread.

Each of an executor's lanes stands at a time of its own. A job runs at once, and while it does,
the clock shows the time of its lane; whoever waits for it goes on at the time at which it ended.
So a connector that has ten calls under way spends the time of one, and nothing is slept.

The order is that in which jobs were given, so that of two that make several calls each the
second one's first comes behind the first one's last. Its time does not: `Wire` keeps when each
call was under way, and what was too much at once or in a row shows there.
"""

from __future__ import annotations

import bisect
import datetime as dt
import heapq
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import attrs
from attrs import Factory

from dynsync.sandbox import SandboxClock
from dynsync.transport import Request, Response, Transport

__all__ = ["VirtualClock", "VirtualExecutor", "Wire"]

P = ParamSpec("P")
T = TypeVar("T")


class VirtualClock(SandboxClock):
    """
    Shows the time of the job that runs, which may be earlier than that of another.

    Where a *meter* of the processor's time is given, that passes as well, but for what is
    spent in blocks that are `somebody_elses`.
    """

    def __init__(self, meter: Callable[[], float] | None = None) -> None:
        super().__init__()
        self._meter = meter
        self._seen: float | None = None
        self.work()

    def work(self) -> None:
        """Let what is done from here on count as ours, and nothing that was done before."""
        self._seen = self._meter() if self._meter is not None else None

    @contextmanager
    def somebody_elses(self) -> Generator[None]:
        """Let no processor's time pass in the block."""
        self.now()
        self._seen = None
        try:
            yield
        finally:
            self.work()

    def now(self) -> dt.datetime:
        """Return the time, aware and in UTC."""
        if self._meter is not None and self._seen is not None:
            before, self._seen = self._seen, self._meter()
            self.advance(self._seen - before)
        return super().now()

    def show(self, at: dt.datetime) -> None:
        """Show the time *at* from now on."""
        self._now = at


class _VirtualFuture(Future[T]):
    """What came of a job; whoever asks has waited until it *ended*."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.ended = clock.now()
        self._clock = clock

    def result(self, timeout: float | None = None) -> T:
        """Return what the job returned, when it has ended."""
        self._clock.show(max(self._clock.now(), self.ended))
        return super().result(timeout)


class VirtualExecutor(Executor):
    """Runs jobs on *lanes*, each on the one that is free first."""

    def __init__(self, clock: VirtualClock, lanes: int) -> None:
        self._clock = clock
        self._free = [clock.now()] * lanes

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run *fn*, and be back at the time at which it was given."""
        asked, future = self._clock.now(), _VirtualFuture[T](self._clock)
        self._clock.show(max(asked, heapq.heappop(self._free)))
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result is told
            future.set_exception(error)
        future.ended = self._clock.now()
        heapq.heappush(self._free, future.ended)
        self._clock.show(asked)
        return future


@attrs.define
class Wire:
    """
    Carries requests by *inner*, each of which takes *latency* seconds.

    *kind* says what a request counts as, and of those that count as nothing no notice is taken.
    *busy* is the processor's time that the other end took.
    """

    inner: Transport
    clock: VirtualClock
    kind: Callable[[Request], str]
    latency: float = 0.05
    busy: float = 0.0
    sent: Counter[str] = Factory(Counter[str])
    starts: list[dt.datetime] = Factory(list[dt.datetime])

    def send(self, request: Request) -> Response:
        """Return the answer, *latency* later."""
        began = time.process_time()
        kind = self.kind(request)
        if kind:
            self.sent[kind] += 1
            bisect.insort(self.starts, self.clock.now())
        with self.clock.somebody_elses():
            self.clock.advance(self.latency)
            response = self.inner.send(request)
        self.busy += time.process_time() - began
        return response

    def forget(self) -> None:
        """Count anew."""
        self.sent.clear()
        self.starts.clear()
        self.busy = 0.0

    def most_within(self, seconds: float) -> int:
        """Return how many calls began at most in any *seconds*, from the first on."""
        return _most(self.starts, dt.timedelta(seconds=seconds))

    @property
    def most_at_once(self) -> int:
        """How many calls were under way at most."""
        return _most(self.starts, dt.timedelta(seconds=self.latency))


def _most(starts: Sequence[dt.datetime], span: dt.timedelta) -> int:
    return max(
        (bisect.bisect_left(starts, first + span) - at for at, first in enumerate(starts)),
        default=0,
    )
