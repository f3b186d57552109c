"""Every call to a connector goes through here: written down, and looked at for what it breaks."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs

from dynsync.calling import raised_by
from dynsync.connectors import Connector
from dynsync.errors import (
    Ambiguous,
    ContractError,
    Refused,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.testing._outside import CanFail, CanWait, Outside, Trouble

__all__ = ["Breach", "Failed", "Halted", "Unable", "Witness"]

T = TypeVar("T")

_CLAUSE: Final = re.compile(r"\((C\d)\)")
_TRIES: Final = 5
_SCOPES: Final = frozenset({"window", "concurrency", "day"})
_WRITING: Final = frozenset({"write", "log"})


class Breach(Exception):
    """A clause is broken: which, and what was promised and seen."""

    def __init__(self, clause: str, why: str) -> None:
        super().__init__(f"{clause}: {why}")
        self.clause = clause
        self.why = why


class Halted(Exception):
    """The system does not let the check go on; no clause is broken by that."""


class Unable(Halted):
    """The host's `Outside` does not let the check go on, and nothing is known of the connector."""


class Failed(Exception):
    """The call met the trouble that was planned for it, and said so as it should."""


def _believed(_: SystemFailure) -> None:
    """Take the word of a failure."""


@attrs.define
class Witness:
    """
    A connector that is watched.

    *calls* are its calls so far, as Python; *tally* says how often each clause was put to
    the test. *swallowed* is the trouble that a call met and did not tell of.
    """

    connector: Connector
    outside: Outside | None
    table: str
    calls: list[str] = attrs.field(factory=list[str])
    tally: Counter[str] = attrs.field(factory=Counter[str])
    swallowed: Trouble | None = None
    _armed: Trouble | None = None
    _kept: list[tuple[object, str, str]] = attrs.field(factory=list[tuple[object, str, str]])

    @property
    def armed(self) -> bool:
        """Whether trouble waits for the next call."""
        return self._armed is not None

    def note(self, call: str) -> None:
        """Write down what somebody else did."""
        self.calls.append(call)

    def arm(self, outside: CanFail, trouble: Trouble) -> None:
        """Let the next call meet *trouble*."""
        self.note(f"outside.fail({trouble!r})")
        outside.fail(trouble)
        self._armed = trouble

    def ask(
        self,
        method: str,
        line: str,
        call: Callable[[], T],
        *given: object,
        failed: Callable[[SystemFailure], None] = _believed,
    ) -> T:
        """
        Return what *call* returns; *line* is how it is written, *given* what it was passed.

        Waits where it is told to. Raises `Breach`, `Failed`, `Halted`, or a `SystemFailure`
        that the caller is to judge. *failed* is told of each failure that was not planned,
        before the same is asked again, and may raise `Breach`.
        """
        self.note(line)
        last: SystemFailure | None = None
        for _ in range(_TRIES):
            try:
                result = self._once(method, call, given)
            except SystemFailure as failure:
                last = failure
                # A limit may be reached before the trouble that waits behind it.
                limit = isinstance(failure, Throttled) and self._armed != "throttled"
                if self._armed is not None and not limit:
                    armed, self._armed = self._armed, None
                    self._meets(method, armed, failure)
                if self._armed is None:
                    # A look while trouble is planned would meet it in the call's place.
                    failed(failure)
                self._wait_out(failure)
            else:
                if self._armed is not None:
                    self.swallowed, self._armed = self._armed, None
                self._kept.append((result, repr(result), line))
                return result
        told = f"{type(last).__name__}: {last}"
        raise Halted(f"{method} failed {_TRIES} times in a row, at last with {told}") from last

    def _once(self, method: str, call: Callable[[], T], given: Sequence[object]) -> T:
        before = [repr(one) for one in given]
        try:
            result = call()
        except SystemFailure as failure:
            self._well_formed(method, failure)
            raise
        except Exception as error:
            # What a connector may not raise is what this looks for.
            raise self._foreign(method, error) from error
        finally:
            self.tally["C9"] += 1
            if before != [repr(one) for one in given]:
                raise Breach("C9", f"{method} changed what was passed to it.")
        return result

    def _foreign(self, method: str, error: Exception) -> Breach:
        if isinstance(error, AttributeError) and not hasattr(self.connector, method):
            return Breach("C8", f"There is no method {method}, which every connector has.")
        return Breach(
            "C8",
            f"{method} raised {raised_by(error)}, which is no SystemFailure: "
            f"whatever the system or the network did is told in those.",
        )

    def _well_formed(self, method: str, failure: SystemFailure) -> None:
        self.tally["C8"] += 1
        name = type(failure).__name__
        if failure.side is not self.connector.side:
            raise Breach("C8", f"{method} raised {name} of the other side.")
        if isinstance(failure, Throttled):
            wait = failure.retry_after
            if not math.isfinite(wait) or wait < 0 or failure.scope not in _SCOPES:
                raise Breach(
                    "C8",
                    f"{method} raised Throttled(retry_after={wait!r}, scope={failure.scope!r}); "
                    f"it says after how many seconds, and which limit: window, concurrency, day.",
                )

    def _meets(self, method: str, trouble: Trouble, failure: SystemFailure) -> None:
        lost = Ambiguous if method in _WRITING else Unavailable
        wanted = {"throttled": Throttled, "down": Unavailable, "lost": lost}[trouble]
        if type(failure) is not wanted:
            raise Breach(
                "C8",
                f"{method} met a request that was {trouble} and raised "
                f"{type(failure).__name__}; that is {wanted.__name__}.",
            )
        if isinstance(failure, Throttled) and isinstance(self.outside, CanWait):
            self.outside.advance(failure.retry_after)
        raise Failed(trouble)

    def _wait_out(self, failure: SystemFailure) -> None:
        """Return if the same may be asked again; raise what must be judged, or `Halted`."""
        match failure:
            case Throttled(retry_after=wait):
                if not isinstance(self.outside, CanWait):
                    raise Halted(f"{failure}; give an outside with advance(seconds) to wait")
                self.outside.advance(wait)
            case Unavailable():
                pass
            case Refused():
                raise Halted(str(failure))
            case _:
                raise failure

    def lawful(self, clause: str, check: Callable[[], None]) -> None:
        """Run a check of the engine's own on an answer, and count it to *clause*."""
        self.tally[clause] += 1
        try:
            check()
        except ContractError as error:
            named = _CLAUSE.findall(str(error))
            raise Breach(named[-1] if named else clause, str(error)) from error

    def compare(self) -> None:
        """Raise `Breach` if anything that was returned is no longer what it was."""
        for result, was, line in self._kept:
            if repr(result) != was:
                raise Breach("C9", f"What this call returned was changed later: {line}")
