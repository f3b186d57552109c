"""Call what the host brought: what it may not raise becomes a `ContractError`, unquoted."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from dynsync.errors import ContractError, SyncError

__all__ = ["called", "hosts_own"]

T = TypeVar("T")
P = ParamSpec("P")


def called(
    function: Callable[[], T],
    complaint: Callable[[str], str],
    *,
    passing: tuple[type[Exception], ...] = (SyncError,),
) -> T:
    """
    Return what *function* returns; what it raises passes if it is one of *passing*.

    Everything else becomes a `ContractError` with the message that *complaint* makes of the
    name of its class.
    """
    try:
        return function()
    except passing:
        raise
    except Exception as error:  # noqa: BLE001 - it is the host's: it may raise anything
        raised, trace = type(error).__name__, error.__traceback__
    # Outside of the except block: the message of what was raised may quote a field's value, and
    # would hang on to ours as its context. Where it was raised is enough to find it.
    raise ContractError(complaint(raised)).with_traceback(trace)


def hosts_own(argument: str, function: Callable[P, T]) -> Callable[P, T]:
    """
    Return *function*, which the host gave as *argument*, so that what it raises says so.

    A broken pipe passes: it is the reader's who went away, and nobody's mistake.
    """

    def complaint(raised: str) -> str:
        return (
            f"What was given as {argument}= raised {raised}. It must not raise; what the systems "
            f"acknowledged until then is stored."
        )

    def asked(*arguments: P.args, **named: P.kwargs) -> T:
        return called(
            lambda: function(*arguments, **named), complaint, passing=(SyncError, BrokenPipeError)
        )

    return asked
