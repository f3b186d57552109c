"""Faults on demand: throttling, outages, lost answers and crashes, where a test wants them."""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import attrs

from dynsync.connectors import Clock
from dynsync.errors import Ambiguous, CursorExpired, Refused, SystemFailure, Throttled, Unavailable
from dynsync.records import Side
from dynsync.writes import AmbiguousWrite, ThrottledWrite, WriteResult

__all__ = ["Fault", "FaultHook", "FaultKind", "Faults", "SimulatedCrash", "split"]

W = TypeVar("W")

FaultKind: TypeAlias = Literal[
    "throttled",
    "down",
    "refused",
    "slow",
    "lost_request",
    "lost_response",
    "crash_before",
    "crash_after",
    "cursor_expired",
    "partial",
]

_APPLYING: Final = frozenset({"write", "log"})


class SimulatedCrash(BaseException):
    """
    The process was killed, as far as a test can tell.

    Not an `Exception`, so that no handler on the way out mistakes it for a failure.
    """


@attrs.frozen
class Fault:
    """
    One thing that goes wrong with one call.

    ==================  ===========================================================
    ``throttled``       `Throttled` with *retry_after* and *scope*; nothing applied
    ``down``            `Unavailable`; nothing applied
    ``refused``         `Refused`; nothing applied
    ``slow``            *cost* seconds pass, then the call works
    ``lost_request``    `Ambiguous` before anything is applied
    ``lost_response``   all is applied, then `Ambiguous`
    ``crash_before``    `SimulatedCrash` before anything is applied
    ``crash_after``     all is applied, then `SimulatedCrash`
    ``cursor_expired``  `CursorExpired`
    ``partial``         the first half of the rows is applied, the *rest* is not
    ==================  ===========================================================

    A call that only reads has nothing to be ambiguous about: when its request or response
    is lost, it raises `Unavailable`. ``partial`` has no effect on it. The *rest* of a
    partial call answers `ThrottledWrite`, `AmbiguousWrite`, or the two by turns.
    """

    kind: FaultKind
    retry_after: float = 20.0
    scope: str = "window"
    cost: float = 30.0
    rest: Literal["throttled", "ambiguous", "alternating"] = "alternating"


FaultHook: TypeAlias = Callable[[str, int], "Fault | None"]
"""Decides from an operation and the number of its call, from 1, what goes wrong with it."""


class Faults:
    """
    What goes wrong with the calls of one system, and how many calls there were.

    *hook* is asked first, on every call; where it answers None, the next planned fault of
    the operation is used up, or else the next one planned for any operation.
    """

    def __init__(self, hook: FaultHook | None = None) -> None:
        self.hook = hook
        self.calls: collections.Counter[str] = collections.Counter()
        self._planned: dict[str, collections.deque[Fault | None]] = {}
        self._lock = threading.Lock()

    def plan(self, operation: str, *faults: Fault | None) -> None:
        """Queue *faults* for the next calls of *operation*, ``"*"`` for any; None is none."""
        with self._lock:
            self._planned.setdefault(operation, collections.deque()).extend(faults)

    def clear(self) -> None:
        """Forget what was planned, and the hook."""
        with self._lock:
            self._planned.clear()
            self.hook = None

    def take(self, operation: str) -> Fault | None:
        """Count a call of *operation* and return what is to go wrong with it."""
        with self._lock:
            self.calls[operation] += 1
            number = self.calls[operation]
        # The hook runs unlocked: it may make calls of its own, as another user would.
        fault = None if self.hook is None else self.hook(operation, number)
        if fault is not None:
            return fault
        with self._lock:
            for name in (operation, "*"):
                if queue := self._planned.get(name):
                    return queue.popleft()
        return None

    @contextlib.contextmanager
    def guard(self, side: Side, clock: Clock, operation: str) -> Generator[Fault | None]:
        """
        Put a call between its faults; what is inside applies and commits.

        The fault is handed in for the sake of ``partial``, which only the call itself
        can act on; `split` helps with that.
        """
        fault = self.take(operation)
        if fault is not None:
            if fault.kind == "slow":
                clock.sleep(fault.cost)
            _fail(_before(fault, side, operation))
        yield fault
        if fault is not None:
            _fail(_after(fault, side, operation))


def split(fault: Fault | None, rows: Sequence[W]) -> tuple[Sequence[W], list[WriteResult]]:
    """Return the *rows* to apply, and the results of those that *fault* keeps from it."""
    if fault is None or fault.kind != "partial":
        return rows, []
    half = len(rows) // 2
    throttled, ambiguous = ThrottledWrite(fault.retry_after), AmbiguousWrite()
    cycle: Sequence[WriteResult]
    if fault.rest == "alternating":
        cycle = (throttled, ambiguous)
    else:
        cycle = (throttled if fault.rest == "throttled" else ambiguous,)
    return rows[:half], [cycle[i % len(cycle)] for i in range(len(rows) - half)]


def _fail(error: BaseException | None) -> None:
    if error is not None:
        raise error


def _before(fault: Fault, side: Side, operation: str) -> BaseException | None:
    match fault.kind:
        case "throttled":
            return Throttled(side, "asked to slow down", fault.retry_after, fault.scope)
        case "down":
            return Unavailable(side, "the service is down")
        case "refused":
            return Refused(side, "the user may not use this API")
        case "lost_request":
            return _lost(side, operation)
        case "crash_before":
            return SimulatedCrash(f"before {operation}")
        case "cursor_expired":
            return CursorExpired(side, "the cursor is no longer known")
        case _:
            return None


def _after(fault: Fault, side: Side, operation: str) -> BaseException | None:
    match fault.kind:
        case "lost_response":
            return _lost(side, operation)
        case "crash_after":
            return SimulatedCrash(f"after {operation}")
        case _:
            return None


def _lost(side: Side, operation: str) -> SystemFailure:
    message = f"no answer to {operation}"
    return (Ambiguous if operation in _APPLYING else Unavailable)(side, message)
