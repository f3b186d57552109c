"""The file of the Dynamics sandbox, or the memory in its place: layout and opening."""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack
from typing import Final

from dynsync.records import Side
from dynsync.sandbox._beginnings import put_image
from dynsync.sandbox._file import open_file

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
    db = open_file(path, Side.DYNAMICS, _APPLICATION)
    with ExitStack() as refused:
        refused.callback(db.close)
        if path is None and image is not None:
            put_image(db, image)
        else:
            _lay_out(db)
        refused.pop_all()
    return db


def _lay_out(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    [objects] = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not objects:
        for statement in (*_LAYOUT.split(";")[:-1], _BACK_AGAIN):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(_KEYS)
    db.execute("COMMIT")
