"""
The tables of a state file, as numbered migrations.

A migration that was ever released is never edited: another one is added.
"""

from __future__ import annotations

import sqlite3

__all__ = ["APPLICATION_ID", "VERSION", "migrate"]

APPLICATION_ID = int.from_bytes(b"dyns", "big")
"""What marks a SQLite file as ours."""

# One ordinary table a noun, an integer key, the ids under unique indexes: faster than
# WITHOUT ROWID or one column a field, both of which were measured. A value that is read
# for every record comes before the rows, so that SQLite need not step over them.
#
# link.state: 0 live, 1 gone in Dynamics, 2 gone in Marketo. Any number of links of one
# person may be gone in Marketo, and one more may not: hence the expression in the index.
#
# pending.awake: 1 where retry_at had come when somebody last looked, so that `due` walks one
# index in order and never meets a sleeper. tally: live links, counted as they come and go,
# because every run asks for their number and may not read them all for it.
_TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE lease (
        slot INTEGER PRIMARY KEY CHECK (slot = 1),
        token TEXT NOT NULL, owner TEXT NOT NULL,
        pid INTEGER NOT NULL, host TEXT NOT NULL, expires REAL NOT NULL
    )""",
    "CREATE TABLE feed (name TEXT PRIMARY KEY, cursor TEXT, full INTEGER NOT NULL)",
    """CREATE TABLE link (
        key INTEGER PRIMARY KEY,
        entity TEXT NOT NULL, marketo_id TEXT NOT NULL, dynamics_id TEXT NOT NULL,
        state INTEGER NOT NULL, marketo_version TEXT, dynamics_version TEXT, sent TEXT,
        marketo_row TEXT NOT NULL, dynamics_row TEXT NOT NULL
    )""",
    "CREATE UNIQUE INDEX link_dynamics ON link (dynamics_id, entity)",
    """CREATE UNIQUE INDEX link_marketo
        ON link (marketo_id, CASE state WHEN 2 THEN key ELSE 0 END)""",
    "CREATE TABLE tally (entity TEXT PRIMARY KEY, live INTEGER NOT NULL)",
    """CREATE TRIGGER link_inserted AFTER INSERT ON link WHEN NEW.state = 0 BEGIN
        INSERT INTO tally VALUES (NEW.entity, 1)
        ON CONFLICT (entity) DO UPDATE SET live = live + 1;
    END""",
    """CREATE TRIGGER link_deleted AFTER DELETE ON link WHEN OLD.state = 0 BEGIN
        UPDATE tally SET live = live - 1 WHERE entity = OLD.entity;
    END""",
    """CREATE TABLE pending (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, entity TEXT NOT NULL, link INTEGER,
        marketo_id TEXT, dynamics_id TEXT, since REAL NOT NULL, modified REAL NOT NULL,
        retry_at REAL, awake INTEGER NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
        clears INTEGER NOT NULL, marketo_gone INTEGER NOT NULL, dynamics_gone INTEGER NOT NULL,
        detail TEXT NOT NULL
    )""",
    "CREATE INDEX pending_turn ON pending (awake, modified, key)",
    """CREATE INDEX pending_asleep ON pending (retry_at)
        WHERE awake = 0 AND retry_at IS NOT NULL""",
    """CREATE TABLE journal (
        seq INTEGER PRIMARY KEY, run INTEGER NOT NULL, at REAL NOT NULL, entity TEXT NOT NULL,
        link INTEGER, marketo_id TEXT, dynamics_id TEXT, kind TEXT NOT NULL,
        detail TEXT NOT NULL
    )""",
    "CREATE INDEX journal_marketo ON journal (marketo_id) WHERE marketo_id IS NOT NULL",
    "CREATE INDEX journal_dynamics ON journal (dynamics_id) WHERE dynamics_id IS NOT NULL",
)

# Both ids of an entry under indexes of the table dirty a page each for every entry, in a large
# journal. In a table of its own they are entered thousands at a time and in order, so that few
# pages are touched; until then the end of the journal is read through, up to `meta.entered`.
_JOURNAL_IDS = (
    "DROP INDEX journal_marketo",
    "DROP INDEX journal_dynamics",
    """CREATE TABLE journal_id (
        id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (id, seq)
    ) WITHOUT ROWID""",
    """INSERT OR IGNORE INTO journal_id SELECT id, seq FROM (
        SELECT marketo_id AS id, seq FROM journal WHERE marketo_id IS NOT NULL UNION ALL
        SELECT dynamics_id, seq FROM journal WHERE dynamics_id IS NOT NULL
    ) ORDER BY id, seq""",
    "INSERT INTO meta SELECT 'entered', coalesce(max(seq), 0) FROM journal",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_TABLES, _JOURNAL_IDS)

VERSION = len(MIGRATIONS)
"""The version of a file with all migrations."""


def migrate(connection: sqlite3.Connection) -> None:
    """
    Bring a file of an older version, or an empty one, up to `VERSION`.

    Each migration and the record of it are one transaction. Two processes may try at once.
    """
    while True:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < VERSION:
                _apply(connection, version)
        if version >= VERSION - 1:
            return


def _apply(connection: sqlite3.Connection, version: int) -> None:
    if not version:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("CREATE TABLE migration (number INTEGER PRIMARY KEY)")
    for statement in MIGRATIONS[version]:
        connection.execute(statement)
    connection.execute("INSERT INTO migration VALUES (?)", (version + 1,))
    connection.execute(f"PRAGMA user_version = {version + 1}")
