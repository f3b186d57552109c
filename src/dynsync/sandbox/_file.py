"""Open the file of a sandbox, or the memory in its place."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack

from dynsync.errors import ConfigurationError
from dynsync.records import Side

__all__ = ["open_file"]


def open_file(
    path: str | os.PathLike[str] | None, side: Side, application: int
) -> sqlite3.Connection:
    """
    Open the file *path*, made for nobody else to read, or memory if it is None.

    Raises `ConfigurationError` where it holds anything but a sandbox of *side*, which says so by
    its *application* id. Nothing is laid out.
    """
    if path is not None:
        _reserve(path)
    db = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=30,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    with ExitStack() as refused:
        refused.callback(db.close)
        if path is not None:
            _check(db, path, side, application)
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        refused.pop_all()
    return db


def _reserve(path: str | os.PathLike[str]) -> None:
    # Made before SQLite opens it, so that at no time it is anybody else's to read; the
    # log beside it gets the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _check(
    db: sqlite3.Connection, path: str | os.PathLike[str], side: Side, application: int
) -> None:
    try:
        [objects] = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        [owner] = db.execute("PRAGMA application_id").fetchone()
        known = owner == application or not objects
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        known = False
    if not known:
        raise ConfigurationError(
            f"{os.fspath(path)} is no sandbox file of {side.label}, and is left as it is. Name "
            f"such a file, or one that is not there: it is made."
        )
