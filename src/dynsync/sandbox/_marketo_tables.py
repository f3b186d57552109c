"""The tables of a sandbox Marketo's database, and its rows."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import attrs

from dynsync.records import Wire

__all__ = [
    "APPLICATION",
    "DETAIL",
    "FIELDS",
    "HELD",
    "PERSON",
    "TABLES",
    "ActivityRow",
    "LineRow",
    "Made",
    "Settings",
]

APPLICATION: Final = 0x64796E4D
"""By what a file says that it is one of these."""

_ACTIVITY: Final = (
    "made INTEGER NOT NULL, person INTEGER NOT NULL, at INTEGER NOT NULL,"
    " type INTEGER NOT NULL, field TEXT, old, new, author TEXT NOT NULL"
)
FIELDS: Final = "made, person, at, type, field, old, new, author"

TABLES: Final = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE held (
    position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition TEXT NOT NULL,
    granted INTEGER NOT NULL, hidden INTEGER NOT NULL, indexed INTEGER NOT NULL);
CREATE TABLE block (field TEXT, source TEXT, PRIMARY KEY (field, source)) WITHOUT ROWID;
CREATE TABLE activity (seq INTEGER PRIMARY KEY AUTOINCREMENT, {_ACTIVITY});
CREATE TABLE pending (id INTEGER PRIMARY KEY, due REAL NOT NULL, {_ACTIVITY});
CREATE TABLE line (
    id INTEGER PRIMARY KEY AUTOINCREMENT, person INTEGER NOT NULL, key TEXT NOT NULL,
    at TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX line_person ON line (person);
"""

DETAIL: Final = (
    "CREATE TABLE IF NOT EXISTS"
    " detail (line INTEGER PRIMARY KEY, type INTEGER NOT NULL, attributes TEXT NOT NULL)"
)
"""The type and attributes of a line that is a custom activity; made in older files, too."""

PERSON: Final = (
    "id INTEGER PRIMARY KEY AUTOINCREMENT, created INTEGER NOT NULL, updated INTEGER NOT NULL"
)
"""What the table of people has besides one column for each of theirs."""

HELD: Final = 1e15
"""When a row is due that is held back until somebody releases it."""


class ActivityRow(NamedTuple):
    """An activity in the feed, *seq* its place there."""

    seq: int
    made: int
    person: int
    at: int
    type: int
    field: str | None
    old: Wire
    new: Wire
    author: str


class LineRow(NamedTuple):
    """A line of a person's log; *type* and *attributes* are those of a custom activity."""

    id: int
    person: int
    key: str
    at: str
    kind: str
    text: str
    type: int | None
    attributes: str | None


Made: TypeAlias = tuple[int, int, int, str | None, Wire, Wire, str]
"""Person, stamp, type, field, old, new and author of an activity that was just made."""


@attrs.frozen
class Settings:
    """How the feed misbehaves, and since when it has forgotten; kept in the file."""

    lag: float = 0.0
    holding: bool = False
    empty_pages: int = 0
    repeats: int = 0
    floor: int = 0
