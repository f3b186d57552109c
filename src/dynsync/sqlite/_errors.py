"""What SQLite has to say, said so that a person knows what to do next."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final

from dynsync.errors import StateError

__all__ = ["Guard", "ReadGuard", "damaged", "is_busy", "state_error"]

_PRIMARY = 0xFF
"""An extended result code holds its primary code in the lowest byte."""

_LOST = (
    "Restore it from a backup, or move it away: the next full run finds the links again by the "
    "ids that both systems hold"
)
_ACCESS = "Check that the file and its folder exist and that this user may write there"

_MEANING = {
    sqlite3.SQLITE_BUSY: ("another process is writing to it", "Wait for that one, or end it"),
    sqlite3.SQLITE_LOCKED: ("another process is writing to it", "Wait for that one, or end it"),
    sqlite3.SQLITE_FULL: (
        "the disk is full",
        "Make room and run again: what was not stored will be done again",
    ),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", _LOST),
    sqlite3.SQLITE_NOTADB: (
        "it is no SQLite file",
        f"Give the path of another one; if it was the state, it is damaged. {_LOST}",
    ),
    sqlite3.SQLITE_READONLY: ("it may only be read", _ACCESS),
    sqlite3.SQLITE_PERM: ("it may not be opened", _ACCESS),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", _ACCESS),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "Check the disk, then run again"),
    sqlite3.SQLITE_CONSTRAINT: (
        "a record would be in two links",
        "This is a mistake in the program: drop one link before saving the other",
    ),
}


_CLOSED = ("the store is closed, or was given what SQLite cannot hold", "Correct the program")


class Guard:
    """
    A block that lets no error of `sqlite3` or of decoding out.

    They become a `StateError` that names *path* and holds no value.

    It keeps nothing between blocks, so that one serves all, also one inside the other.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.Error) and _code(error):
            unknown = (f"SQLite reports {error.sqlite_errorname}", "See what that means")
            raise state_error(self._path, *_MEANING.get(_code(error), unknown)) from error
        # From here on the errors come from Python and carry the text that they stumbled
        # over, which may be a value: nothing of them may be shown.
        if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
            raise state_error(self._path, *_CLOSED) from None
        if isinstance(error, sqlite3.Error | json.JSONDecodeError | UnicodeDecodeError):
            raise damaged(self._path) from None
        if isinstance(error, UnicodeEncodeError):
            raise state_error(
                self._path,
                "an id or a name holds half of a surrogate pair, which is no text",
                "Correct it in the system that it came from",
            ) from None


_UNREADABLE: Final = (AttributeError, LookupError, StopIteration, TypeError, ValueError)
"""What decoding raises for what nobody here wrote; JSON's scanner, for what breaks off, a stop."""


class ReadGuard(Guard):
    """
    A block that only reads and decodes what the file holds.

    Nothing of the caller's runs in it, so that whatever goes wrong is the file's.
    """

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        if isinstance(error, _UNREADABLE):
            raise damaged(self._path) from None


def state_error(path: Path, seen: str, step: str) -> StateError:
    """Return an error that names *path*, what was *seen*, and the next *step*."""
    return StateError(f"{path}: {seen}. {step}.")


def damaged(path: Path) -> StateError:
    """Return the error of a file that is damaged."""
    return state_error(path, *_MEANING[sqlite3.SQLITE_CORRUPT])


def is_busy(error: StateError) -> bool:
    """Say whether *error* means that somebody else is writing."""
    cause = error.__cause__
    return isinstance(cause, sqlite3.Error) and _code(cause) == sqlite3.SQLITE_BUSY


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY
