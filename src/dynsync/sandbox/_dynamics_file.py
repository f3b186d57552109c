"""The file of the Dynamics sandbox, or the memory in its place: layout and opening."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack
from typing import Final

from dynsync.errors import ConfigurationError
from dynsync.sandbox._beginnings import put_image

__all__ = ["connect"]

_APPLICATION: Final = 0x64796E44
_LAYOUT: Final = """
CREATE TABLE org (name TEXT NOT NULL);
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE columns (tbl TEXT, name TEXT, spec TEXT, PRIMARY KEY (tbl, name));
CREATE TABLE secured (
    tbl TEXT, name TEXT, user TEXT, access INTEGER, PRIMARY KEY (tbl, name, user));
CREATE TABLE denied (tbl TEXT, user TEXT, access INTEGER, PRIMARY KEY (tbl, user));
CREATE TABLE distinct_column (tbl TEXT, name TEXT, PRIMARY KEY (tbl, name));
CREATE TABLE searched (tbl TEXT, name TEXT, PRIMARY KEY (tbl, name));
CREATE TABLE word (
    tbl TEXT, name TEXT, value, id TEXT, PRIMARY KEY (tbl, name, value, id)) WITHOUT ROWID;
CREATE TABLE row (
    tbl TEXT, id TEXT, version INTEGER, at INTEGER, body TEXT, PRIMARY KEY (tbl, id));
CREATE INDEX row_version ON row (tbl, version);
CREATE TABLE gone (
    tbl TEXT, id TEXT, version INTEGER, at INTEGER, body TEXT, PRIMARY KEY (tbl, id));
CREATE INDEX gone_version ON gone (tbl, version);
"""
_KEYS: Final = """
CREATE TABLE IF NOT EXISTS alternate_key (
    tbl TEXT, name TEXT, columns TEXT, PRIMARY KEY (tbl, name))
"""
_BACK_AGAIN: Final = """
CREATE TRIGGER back_again AFTER INSERT ON row BEGIN
    DELETE FROM gone WHERE tbl = new.tbl AND id = new.id;
END;
"""


def connect(path: str | os.PathLike[str] | None, image: bytes | None = None) -> sqlite3.Connection:
    """
    Open the file *path*, or memory if it is None, and lay it out if it is new.

    Memory holds what *image* does, if one is given.

    Raises `ConfigurationError` where the file is something else.
    """
    if path is not None:
        # Made before SQLite opens it, so that at no time it is anybody else's to read; the
        # log beside it gets the same mode.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    db = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=30,
        isolation_level=None,
        check_same_thread=False,
    )
    with ExitStack() as refused:
        refused.callback(db.close)
        if path is None and image is not None:
            put_image(db, image)
        else:
            _lay_out(db)
        refused.pop_all()
    return db


def _lay_out(db: sqlite3.Connection) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        [objects] = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        [application] = db.execute("PRAGMA application_id").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        raise ConfigurationError("the file is not a Dynamics sandbox") from None
    if objects and application != _APPLICATION:
        raise ConfigurationError("the file is not a Dynamics sandbox")
    if not objects:
        for statement in (*_LAYOUT.split(";")[:-1], _BACK_AGAIN):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(_KEYS)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
