"""Call what the host brought: what it may not raise becomes an error of ours, unquoted."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb
from typing import Final, ParamSpec, TypeVar

from dynsync.errors import ContractError, SyncError

__all__ = ["called", "hosts_own", "raised_by"]

T = TypeVar("T")
P = ParamSpec("P")

_OURS: Final = frozenset({"dynsync", "importlib"})
"""The packages whose code leads to the host's."""


def raised_by(error: BaseException) -> str:
    """
    Return what the host's code raised, and where: "KeyError (connector.py:12)".

    The place is the last one in the folder of the first file that is not ours, for the host can
    mend that, and not what it calls. What *error* says may quote a value and is left out.
    """
    name = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{name} ({_parted(error.filename)[1]}:{error.lineno})"
    theirs = [
        (*_parted(frame.f_code.co_filename), line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in _OURS
    ]
    if not theirs:
        return name
    last = [place for place in theirs if place[0] == theirs[0][0]][-1]
    return f"{name} ({last[1]}:{last[2]})"


def _parted(path: str) -> tuple[str, str]:
    """Return the folder and the name of a file."""
    folder, _, name = path.replace("\\", "/").rpartition("/")
    return folder, name


def called(
    function: Callable[[], T],
    complaint: Callable[[str], str],
    *,
    passing: tuple[type[Exception], ...] = (SyncError,),
    becoming: Callable[[str], SyncError] = ContractError,
) -> T:
    """
    Return what *function* returns; what it raises passes if it is one of *passing*.

    Everything else becomes what *becoming* makes of the message, by default a `ContractError`,
    and *complaint* makes that of the name of its class and the place where it was raised.
    """
    try:
        return function()
    except passing:
        raise
    except Exception as error:  # noqa: BLE001 - it is the host's: it may raise anything
        raised, trace = raised_by(error), error.__traceback__
    # Outside of the except block: the message of what was raised may quote a field's value, and
    # would hang on to ours as its context. Where it was raised is enough to find it.
    raise becoming(complaint(raised)).with_traceback(trace)


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
        return called(lambda: function(*arguments, **named), complaint, passing=(BrokenPipeError,))

    return asked
