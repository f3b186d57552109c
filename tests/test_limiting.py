"""The limiter keeps to its pace, whoever calls, and waits by the clock that it was given."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsync.errors import ConfigurationError, Throttled, Unavailable
from dynsync.limiting import Limiter, Pace, in_turns
from dynsync.records import Side
from dynsync.sandbox import SandboxClock

CENTRAL = dt.timezone(dt.timedelta(hours=-6))


def limiter(pace: Pace, clock: SandboxClock | None = None) -> Limiter:
    """Return a limiter of Marketo calls on pretend time."""
    return Limiter(Side.MARKETO, pace, clock or SandboxClock())


def test_calls_within_the_window_wait_for_nothing() -> None:
    """As many calls as the window holds go out at once."""
    clock = SandboxClock()
    mine, numbers = limiter(Pace(calls=3, seconds=20), clock), iter(range(3))

    assert [0, 1, 2] == [mine.call(numbers.__next__) for _ in range(3)]
    assert 0 == clock.slept


def test_the_call_after_a_full_window_waits_for_its_first_to_leave() -> None:
    """The window slides: it is not emptied at its end."""
    clock = SandboxClock()
    mine = limiter(Pace(calls=2, seconds=20), clock)
    mine.call(lambda: None)
    clock.advance(15)
    mine.call(lambda: None)

    mine.call(lambda: None)

    assert 5 == clock.slept


class Unsteady(SandboxClock):
    """A clock that somebody sets back."""

    back = dt.timedelta()

    def now(self) -> dt.datetime:
        """Return what it shows."""
        return super().now() - self.back


def test_a_clock_that_is_set_back_is_not_waited_for() -> None:
    """Nobody sleeps for an hour because a machine's clock was an hour fast."""
    clock = Unsteady()
    mine = limiter(Pace(calls=2, seconds=20), clock)
    answers = [None, Throttled(Side.MARKETO, "slower", 30.0, "window"), None]

    def answer() -> None:
        told = answers.pop(0)
        if told is not None:
            clock.back = dt.timedelta(hours=1)
            raise told

    mine.call(answer)
    mine.call(answer)

    assert 30 == clock.slept


@given(st.lists(st.sampled_from([0, 1, 7, 19, 20, 21]), max_size=30), st.integers(1, 5))
def test_no_window_ever_holds_more(pauses: list[int], calls: int) -> None:
    """However calls come, no twenty seconds hold more than the pace allows."""
    clock = SandboxClock()
    mine = limiter(Pace(calls=calls, seconds=20), clock)
    out: list[dt.datetime] = []
    for pause in pauses:
        clock.advance(pause)
        mine.call(lambda: out.append(clock.now()))

    for first, after in zip(out, out[calls:], strict=False):
        assert (after - first).total_seconds() >= 20


def test_no_more_calls_run_at_once_than_the_pace_allows() -> None:
    """Eight threads want in, three are let in."""
    mine = limiter(Pace(calls=1000, at_once=3))
    together = threading.Barrier(3)
    inside, most = [0], [0]
    lock = threading.Lock()

    def send() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait()
        with lock:
            inside[0] -= 1

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(lambda _: mine.call(send), range(9)))

    assert 3 == most[0]


def test_what_the_system_refuses_is_called_again_when_it_says() -> None:
    """A complaint is waited out, by everybody."""
    clock = SandboxClock()
    mine = limiter(Pace(), clock)
    answers = iter([Throttled(Side.MARKETO, "slow down", 7.0), None])

    def send() -> str:
        if (failure := next(answers)) is not None:
            raise failure
        return "done"

    assert "done" == mine.call(send)
    assert 7 == clock.slept


def test_patience_has_an_end() -> None:
    """A system that complains on and on is left to the caller, who can wait better."""
    calls: list[int] = []

    def send() -> None:
        calls.append(1)
        raise Throttled(Side.MARKETO, "slow down", 1.0)

    with pytest.raises(Throttled):
        limiter(Pace()).call(send)
    assert 3 == len(calls)


def test_a_long_pause_is_told_and_not_slept() -> None:
    """What takes an hour is no wait for a call that holds a lease."""
    clock = SandboxClock()
    mine = limiter(Pace(), clock)
    with pytest.raises(Throttled):
        mine.call(lambda: raising(Throttled(Side.MARKETO, "slow down", 3600.0)))

    with pytest.raises(Throttled) as told:
        mine.call(lambda: None)
    assert 3600 == told.value.retry_after
    assert 0 == clock.slept


def test_a_long_pause_is_not_slept_for_a_long_window_either() -> None:
    """However long the window of a limit is, a minute is the most that a call waits for others."""
    clock = SandboxClock()
    mine = limiter(Pace(calls=6_000, seconds=300.0), clock)
    with pytest.raises(Throttled) as told:
        mine.call(lambda: raising(Throttled(Side.DYNAMICS, "slow down", 299.0)))

    assert 299 == told.value.retry_after
    assert 0 == clock.slept


def raising(failure: Exception) -> None:
    """Raise what was given."""
    raise failure


def test_complaints_narrow_and_success_widens_again() -> None:
    """Half as many at once after a complaint, and one more for each round that goes well."""
    mine = limiter(Pace(at_once=8))
    with pytest.raises(Throttled):
        mine.call(lambda: raising(Throttled(Side.MARKETO, "the day is over", 1.0, "day")))
    assert 4 == mine.width

    for _ in range(5):
        mine.call(lambda: None)

    assert 5 == mine.width


def test_a_days_end_keeps_nobody_from_asking() -> None:
    """Each is told by the system itself, which may count otherwise by then."""
    clock = SandboxClock()
    mine = limiter(Pace(), clock)
    with pytest.raises(Throttled):
        mine.call(lambda: raising(Throttled(Side.MARKETO, "the day is over", 9e4, "day")))

    assert 1 == mine.call(lambda: 1)
    assert 0 == clock.slept


def test_our_share_of_a_day_ends_before_the_day() -> None:
    """With half of ten calls, the sixth is told to wait until midnight in the system's zone."""
    clock = SandboxClock(dt.datetime(2026, 1, 5, 18, 0, tzinfo=CENTRAL))
    mine = limiter(Pace(day=10, share=0.5, zone=CENTRAL), clock)
    for _ in range(5):
        mine.call(lambda: None)

    with pytest.raises(Throttled) as told:
        mine.call(lambda: None)
    assert ("day", 6 * 3600) == (told.value.scope, told.value.retry_after)

    clock.advance(6 * 3600)
    mine.call(lambda: None)
    assert 1 == mine.used


def test_each_call_has_its_outcome_in_its_place() -> None:
    """One that fails stands where it was called, and takes no other along."""
    failure = Unavailable(Side.MARKETO, "down")
    mine = limiter(Pace())

    told = mine.side_by_side([lambda: 1, lambda: raising(failure), lambda: 3])
    mine.close()

    assert [1, failure, 3] == told


def test_calls_run_in_the_executor_that_was_given() -> None:
    """A host's own executor does the work."""
    names: list[str] = []
    with ThreadPoolExecutor(2, thread_name_prefix="hosts") as pool:
        mine = Limiter(Side.MARKETO, Pace(), SandboxClock(), pool)
        mine.side_by_side([lambda: names.append(threading.current_thread().name)] * 2)

    assert ["hosts", "hosts"] == [name.split("_")[0] for name in names]


@given(st.lists(st.integers(0, 3)))
def test_turns_keep_the_order_of_each_key(keys: list[int]) -> None:
    """No list holds a key twice, nothing is left out, and a key's things stay in order."""
    things = list(enumerate(keys))

    turns = in_turns(things, lambda thing: thing[1])

    assert all(len({key for _, key in turn}) == len(turn) for turn in turns)
    told = [thing for turn in turns for thing in turn]
    assert sorted(told) == things
    for key in range(4):
        assert [t for t in told if t[1] == key] == [t for t in things if t[1] == key]


class Interrupted(ThreadPoolExecutor):
    """Begins one job and takes a second; then somebody wants to stop."""

    def __init__(self) -> None:
        super().__init__(1)
        self.taken: list[Future[object]] = []
        self.begun, self.cancelled = threading.Event(), threading.Event()

    def submit(self, *job: object, **more: object) -> Future[object]:  # type: ignore[override]
        """Take a job."""
        if len(self.taken) == 2:
            self.begun.wait(5)
            self.taken[1].add_done_callback(lambda _: self.cancelled.set())
            raise KeyboardInterrupt
        self.taken.append(super().submit(*job, **more))  # type: ignore[arg-type]
        return self.taken[-1]


def test_what_has_not_begun_does_not_begin_after_an_interruption() -> None:
    """And what has begun is done when it is told."""
    done: list[int] = []
    with Interrupted() as executor:
        mine = Limiter(Side.MARKETO, Pace(), SandboxClock(), executor)

        def first() -> None:
            executor.begun.set()
            executor.cancelled.wait(5)
            done.append(1)

        with pytest.raises(KeyboardInterrupt):
            mine.side_by_side([first, lambda: done.append(2), lambda: done.append(3)])
        assert [1] == done
    assert [1] == done


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("calls", lambda: Pace(calls=0)),
        ("seconds", lambda: Pace(seconds=0)),
        ("at_once", lambda: Pace(at_once=0)),
        ("share", lambda: Pace(share=0)),
        ("share", lambda: Pace(share=1.5)),
        ("share", lambda: Pace(share=cast("float", "0.5"))),
        ("day", lambda: Pace(day=0)),
        ("day", lambda: Pace(day=cast("int", "50_000"))),
        ("day", lambda: Pace(day=True)),
        ("calls", lambda: Pace(calls=cast("int", 1.5))),
        ("seconds", lambda: Pace(seconds=float("nan"))),
    ],
)
def test_a_pace_of_nothing_is_refused(name: str, make: Callable[[], Pace]) -> None:
    """Nothing would ever go out, or more than there is."""
    with pytest.raises(ConfigurationError, match=f"^{name}="):
        make()
