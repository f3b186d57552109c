"""The benchmark over both APIs can be believed: its time is that of calls side by side."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.virtual import VirtualClock, VirtualExecutor, Wire
from dynsync.errors import Unavailable
from dynsync.limiting import Limiter, Pace
from dynsync.records import Side
from dynsync.transport import Request, Response

ASKING = Request("GET", "https://example.com/leads")


class Echo:
    """Answers everything at once."""

    def send(self, request: Request) -> Response:
        """Return an answer that says where it came from."""
        return Response(200, body=request.url.encode())


class Line:
    """Ten lanes to a system that takes *pace*, 50 ms a call."""

    def __init__(self, pace: Pace) -> None:
        self.clock = VirtualClock()
        lanes = VirtualExecutor(self.clock, pace.at_once)
        self.wire = Wire(Echo(), self.clock, lambda _: "call")
        self.limiter = Limiter(Side.MARKETO, pace, self.clock, lanes)
        self.began = self.clock.now()

    def job(self, calls: int = 1) -> Callable[[], Response]:
        """Return a job that makes some calls, one after another."""

        def run() -> Response:
            for _ in range(calls - 1):
                self.limiter.call(lambda: self.wire.send(ASKING))
            return self.limiter.call(lambda: self.wire.send(ASKING))

        return run

    @property
    def passed(self) -> float:
        """How many seconds have passed."""
        return (self.clock.now() - self.began).total_seconds()


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [(1, 0.05), (10, 0.05), (11, 0.1), (100, 0.5), (101, 20.05), (111, 20.1), (201, 40.05)],
)
def test_calls_take_the_time_of_the_last_one(calls: int, seconds: float) -> None:
    """Ten go at once; the 101st waits for the window, and takes others with it."""
    line = Line(Pace(calls=100, seconds=20, at_once=10))

    line.limiter.side_by_side([line.job()] * calls)

    assert seconds == line.passed


def test_calls_one_after_another_take_their_times_in_all() -> None:
    """Nothing is side by side that was not given side by side."""
    line = Line(Pace(calls=100, seconds=20, at_once=10))

    for _ in range(10):
        line.job()()

    assert 0.5 == line.passed
    assert 1 == line.wire.most_at_once


def test_a_long_job_takes_a_lane_and_leaves_the_others() -> None:
    """Three calls in one lane are as long as two and one in the other."""
    line = Line(Pace(calls=100, seconds=20, at_once=2))

    line.limiter.side_by_side([line.job(3), line.job(2), line.job(1)])

    assert 0.15 == line.passed
    assert 2 == line.wire.most_at_once


def test_the_wire_tells_how_near_the_limits_calls_came() -> None:
    """Both limits are looked at by when calls began, whoever let them out."""
    line = Line(Pace(calls=30, seconds=20, at_once=10))

    line.limiter.side_by_side([line.job()] * 70)

    assert 10 == line.wire.most_at_once
    assert 30 == line.wire.most_within(20)
    assert 70 == line.wire.most_within(41)


def test_what_counts_as_nothing_is_not_counted() -> None:
    """It takes its time all the same: a token is asked for before a call."""
    clock = VirtualClock()
    wire = Wire(Echo(), clock, lambda request: "" if "token" in request.url else "call")
    began = clock.now()

    wire.send(Request("POST", "https://example.com/token"))
    wire.send(ASKING)

    assert {"call": 1} == wire.sent
    assert 1 == wire.most_within(20)
    assert 0.1 == (clock.now() - began).total_seconds()


def test_who_asks_for_a_job_that_failed_is_told() -> None:
    """A lane is free again when its job has failed."""
    clock = VirtualClock()
    lanes = VirtualExecutor(clock, 1)

    def fail() -> None:
        clock.sleep(3)
        raise Unavailable(Side.MARKETO, "down")

    failed, began = lanes.submit(fail), clock.now()
    after = lanes.submit(lambda: clock.now() - began)

    with pytest.raises(Unavailable):
        failed.result()
    assert 3 == after.result().total_seconds()


def test_our_own_time_passes_where_it_is_metered() -> None:
    """And that of the other end does not."""
    spent = [0.0]
    clock = VirtualClock(lambda: spent[0])
    began = clock.now()

    with clock.somebody_elses():
        spent[0] += 5
    assert began == clock.now()

    spent[0] += 7
    assert 7 == (clock.now() - began).total_seconds()
