"""The journal in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from dynsync.records import Entity, Pair, RecordId
from dynsync.sqlite._codec import plain
from dynsync.sqlite._database import Database, batches
from dynsync.state import JournalEntry

__all__ = ["Journal"]

_Columns: TypeAlias = tuple[
    int, int, float, Entity, int | None, RecordId | None, RecordId | None, str, str
]

_SELECT = "SELECT seq, run, at, entity, link, marketo_id, dynamics_id, kind, detail FROM journal "
_INSERT = """INSERT INTO journal (seq, run, at, entity, link, marketo_id, dynamics_id, kind,
    detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_OF_RECORD = """WHERE entity = ? AND (marketo_id = ? OR dynamics_id = ?) AND seq IN (
        SELECT seq FROM journal_id WHERE id IN (?, ?) UNION ALL
        SELECT seq FROM journal WHERE seq > ? AND (marketo_id = ? OR dynamics_id = ?)
    ) ORDER BY seq"""

_AT_ONCE = 50_000
"""Entries whose ids are entered together. More are quicker to enter, and slower to read through."""

_ENTERED = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'entered'), 0)"
_SET_ENTERED = """INSERT INTO meta VALUES ('entered', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""
# An entry may have the same id on both sides.
_ENTER = """INSERT OR IGNORE INTO journal_id SELECT id, seq FROM (
        SELECT marketo_id AS id, seq FROM journal WHERE seq > ? AND marketo_id IS NOT NULL
        UNION ALL SELECT dynamics_id, seq FROM journal WHERE seq > ? AND dynamics_id IS NOT NULL
    ) ORDER BY id, seq"""
_LEAVE = "DELETE FROM journal_id WHERE seq IN (SELECT seq FROM journal WHERE at < ?)"

# What was pruned was numbered too: the highest number ever given stays behind.
_LAST = """SELECT max(coalesce((SELECT max(seq) FROM journal), 0),
    coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'seq'), 0))"""
_KEEP_LAST = """INSERT INTO meta VALUES ('seq', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""


class Journal(Database):
    """The part of the store that keeps outcomes."""

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Add entries; their *seq* is given by the store and the one passed in is ignored."""
        with self._writing() as connection:
            seq = self._last()
            for batch in batches(entries):
                connection.executemany(_INSERT, _numbered(batch, seq))
                seq += len(batch)
            entered = self._entered()
            if seq - entered >= _AT_ONCE:
                connection.execute(_ENTER, (entered, entered))
                connection.execute(_SET_ENTERED, (str(seq),))

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Return at most *limit* entries with a *seq* above *after*, in order."""
        return self._lines(_SELECT + "WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)

    def history(self, entity: Entity, ids: Pair[RecordId | None]) -> Sequence[JournalEntry]:
        """Return all entries of one record, oldest first: those that name either id."""
        with self._reading:
            entered = self._entered()
        return self._lines(_SELECT + _OF_RECORD, entity, *ids, *ids, entered, *ids)

    def prune(self, before: float) -> int:
        """Remove journal entries older than *before*; return how many."""
        with self._writing() as connection:
            connection.execute(_KEEP_LAST, (str(self._last()),))
            connection.execute(_LEAVE, (before,))
            return connection.execute("DELETE FROM journal WHERE at < ?", (before,)).rowcount

    def _last(self) -> int:
        row: tuple[int] = self._connection.execute(_LAST).fetchone()
        return row[0]

    def _entered(self) -> int:
        """Return up to which number the ids of entries are entered."""
        row: tuple[int] = self._connection.execute(_ENTERED).fetchone()
        return row[0]

    def _lines(self, statement: str, *parameters: object) -> list[JournalEntry]:
        with self._reading:
            found: list[_Columns] = self._connection.execute(statement, parameters).fetchall()
        return [
            JournalEntry(seq, run, at, entity, link, Pair(marketo, dynamics), kind, detail)
            for seq, run, at, entity, link, marketo, dynamics, kind, detail in found
        ]


def _numbered(entries: list[JournalEntry], last: int) -> Iterator[_Columns]:
    for seq, entry in enumerate(entries, last + 1):
        yield (
            seq,
            entry.run,
            entry.at,
            entry.entity,
            entry.link,
            entry.ids.marketo,
            entry.ids.dynamics,
            entry.kind,
            plain(entry.detail),
        )
