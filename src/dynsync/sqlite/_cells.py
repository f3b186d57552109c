"""Whether each cell of a state file still holds what was put there: read one by one, and slowly."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Final, cast

from dynsync.sqlite._codec import decode_details, decode_names, decode_sent

__all__ = ["all_readable"]

_TABLES: Final = (
    "meta",
    "setting",
    "lease",
    "feed",
    "link",
    "tally",
    "pending",
    "journal",
    "journal_id",
)

_IMPOSSIBLE: Final = (
    "SELECT 1 FROM link WHERE key < 1 OR state NOT IN (0, 1, 2)",
    """SELECT 1 FROM pending WHERE clears < 0 OR attempts < 0
        OR link NOT BETWEEN 1 AND (SELECT coalesce(max(key), 0) FROM link)""",
    # Ids that are said to be entered, of entries that are not there yet: those would be lost.
    """SELECT 1 FROM meta WHERE name = 'entered' AND CAST(value AS INTEGER) > max(
        (SELECT coalesce(max(seq), 0) FROM journal),
        (SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = 'seq'))""",
)


def all_readable(connection: sqlite3.Connection) -> bool:
    """Return whether every cell is of its column's type, and says something."""
    for table in _TABLES:
        if connection.execute(_strangers(connection, table)).fetchone():
            return False
    if any(connection.execute(statement).fetchone() for statement in _IMPOSSIBLE):
        return False
    try:
        return _rows_alike(connection) and all(_details(connection))
    except (AttributeError, LookupError, TypeError, ValueError):
        return False


def _strangers(connection: sqlite3.Connection, table: str) -> str:
    """Return a statement that finds a cell of *table* which is not of its column's type."""
    wrong: list[str] = []
    for _, name, kind, required, _, _ in connection.execute(f"PRAGMA table_info({table})"):
        allowed = [str(kind).lower(), *([] if required else ["null"])]
        listed = ", ".join(f"'{one}'" for one in allowed)
        # Of an integer key the type is the file's own affair, and no NOT NULL is declared.
        wrong.append(f'typeof("{name}") NOT IN ({listed})')
    return f"SELECT 1 FROM {table} WHERE {' OR '.join(wrong)}"  # noqa: S608 - our own names


def _rows_alike(connection: sqlite3.Connection) -> bool:
    """Return whether all rows of an entity are lists of one length: that of its layout."""
    lengths: dict[str, int] = {}
    found = connection.execute("SELECT entity, marketo_row, dynamics_row, sent FROM link")
    for entity, marketo, dynamics, sent in found:
        decode_sent(sent)
        for text in (marketo, dynamics):
            # To its end, which `decode_row` has no time to look at.
            row: object = json.loads(text)
            if not isinstance(row, list):
                return False
            row = cast("list[object]", row)
            if lengths.setdefault(entity, len(row)) != len(row):
                return False
    return True


def _details(connection: sqlite3.Connection) -> Iterator[bool]:
    for (text,) in connection.execute("SELECT value FROM meta WHERE name LIKE 'layout:%'"):
        yield all(isinstance(names, list) for names in cast("list[object]", decode_names(text)))
    for (text,) in connection.execute("SELECT detail FROM pending"):
        yield bool(decode_details([text]))
    for (text,) in connection.execute("SELECT detail FROM journal"):
        yield isinstance(json.loads(text), dict)
