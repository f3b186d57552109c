"""Opening a state file: whether it is one, whose it is, and how SQLite is to treat it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from dynsync.errors import StateError
from dynsync.sqlite._errors import Guard
from dynsync.sqlite._schema import APPLICATION_ID, VERSION, migrate

__all__ = ["Opened", "check_version", "open_for_reading", "open_for_writing"]

_PATIENCE = 5.0
"""For how many seconds to wait where another process is in the middle of a transaction."""

_PRIVATE = 0o600
"""The values of a state file are personal data: its owner's, and nobody else's."""

_OTHERS = 0o077
"""What may be allowed to others than the owner."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the state file *path*, or make it."""
    _refuse_name(path)
    _make(path)
    with Guard(path):
        connection = _connect(path, "rw")
        with ExitStack() as refused:
            refused.callback(connection.close)
            _check(path, connection, empty_is_fine=True)
            # Checkpoints every 40 MB: a page that changes in many transactions of a run is
            # moved into the file once. The cache bounds memory (sorting takes as much again);
            # what it does not hold the operating system does.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 10000")
            connection.execute("PRAGMA cache_size = -8192")
            migrate(connection)
            refused.pop_all()
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the state file *path*, which another process may be writing."""
    _refuse_name(path)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise StateError(f"{path}: there is no such state file. Give the path of one.") from None
    except OSError as error:
        raise _unreadable(path, f"it cannot be read ({error.strerror})") from error
    _refuse_others(path)
    with Guard(path):
        connection = _connect_to_read(path)
        with ExitStack() as refused:
            refused.callback(connection.close)
            _check(path, connection, empty_is_fine=False)
            refused.pop_all()
    return connection


class Opened:
    """The file at *path* when it was opened: which one it is, and by which process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A program may go to another folder meanwhile.
        self._place = path.absolute()
        self.file = _identity(path)
        self._pid = os.getpid()

    def check(self) -> None:
        """Raise `StateError` unless it is still the file at its path, and its process this one."""
        if _identity(self._place) != self.file:
            raise StateError(
                f"{self._path}: the file that was opened here was moved, removed or replaced "
                f"since, and what is written to it would not be found again. Open the store anew, "
                f"or start this program again."
            )
        if self._pid != os.getpid():
            raise StateError(
                f"{self._path}: it was opened by the process {self._pid}, of which this one is a "
                f"copy, and SQLite serves no two of them. Open it in this process, after the fork."
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `StateError` if a newer version has migrated the file since it was opened."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StateError(
            f"{path}: a newer dynsync has brought it to version {version} since it was opened, and "
            f"this one knows versions up to {VERSION}. Upgrade dynsync where that is not done, and "
            f"start this program again."
        )


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """
    Return a connection that can read *path*, also where this user may write nothing beside it.

    SQLite makes ``-shm`` to read. Where it may not, it can still read a file that nobody has open,
    which is one without ``-wal``, if it takes it for one that stays as it is.
    """
    try:
        return _proven(_connect(path, "ro"))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _DENIED:
            raise
    # Beside the file itself, and not beside a link to it.
    real = path.resolve()
    wal = real.with_name(f"{real.name}-wal")
    if wal.exists():
        raise StateError(
            f"{real}: what was written last is in {wal.name}, and to read that SQLite makes "
            f"{real.name}-shm beside it, where this user may not write. Copy both files to a "
            f"folder where it may, and give the path there."
        )
    try:
        return _proven(_connect(path, "ro&immutable=1"))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _DENIED:
            raise
        raise _unreadable(path, "it cannot be opened") from error


_DENIED: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY})


def _proven(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return *connection* after it has read something: until then SQLite opens nothing."""
    with ExitStack() as refused:
        refused.callback(connection.close)
        connection.execute("PRAGMA schema_version").fetchone()
        refused.pop_all()
    return connection


def _unreadable(path: Path, seen: str) -> StateError:
    return StateError(f"{path}: {seen}. Check that this user may read the file and its folder.")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # The store serves one thread at a time, but not always the one that made it.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _make(path: Path) -> None:
    """Make *path* if it is not there, and its owner's alone."""
    _refuse_others(path)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
        _keep_private(path)
    except FileNotFoundError:
        raise StateError(f"{path}: its folder does not exist. Make it first.") from None
    except OSError as error:
        raise StateError(
            f"{path}: it cannot be opened for writing ({error.strerror}). Check that this "
            "user may write to the file and its folder, or give another path."
        ) from error


def _refuse_name(path: Path) -> None:
    """Refuse a path that no file can have."""
    try:
        path.lstat()
    except ValueError:
        why = "it holds a character that no path can hold"
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            return
        why = "it is longer than a path can be"
    else:
        return
    # Outside of the except block, and without what no terminal could show.
    raise StateError(f"{str(path)!a}: no file can be called that: {why}. Give another path.")


def _keep_private(path: Path) -> None:
    """
    Let nobody but its owner read *path*: a copy that was put back may be everybody's.

    SQLite gives what it makes beside the file the mode of the file itself.
    """
    real = path.resolve()
    for file in (real, real.with_name(f"{real.name}-wal"), real.with_name(f"{real.name}-shm")):
        # Whose file it is may share it; nobody else can change that.
        with suppress(FileNotFoundError, PermissionError):
            found = file.stat()
            if found.st_mode & _OTHERS or not found.st_size:
                file.chmod(_PRIVATE)


def _refuse_others(path: Path) -> None:
    """Raise `StateError` if what is at *path* is no file; SQLite would wait for ever for a pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        raise StateError(f"{path}: this is a folder. Give the path of a file in it.")
    if not stat.S_ISREG(mode):
        raise StateError(
            f"{path}: this is a device or a pipe, and no file. Give the path of a file; it was not "
            f"touched."
        )


def _check(path: Path, connection: sqlite3.Connection, *, empty_is_fine: bool) -> None:
    """Raise `StateError` unless the file is ours and of a version that we know."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if empty_is_fine and not (owner or version or tables):
        return
    if owner != APPLICATION_ID:
        raise StateError(
            f"{path}: this SQLite file belongs to another program. Give another path; "
            "the file was not touched."
        )
    if version > VERSION:
        raise StateError(
            f"{path}: its version is {version}, and this dynsync knows versions up to "
            f"{VERSION}. Upgrade dynsync; the file was not touched."
        )
    if version < VERSION and not empty_is_fine:
        raise StateError(
            f"{path}: its version is {version}, older than {VERSION}. Let a run open it once."
        )
