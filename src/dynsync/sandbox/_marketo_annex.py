"""What a sandbox Marketo keeps for those who speak for it over a wire."""

from __future__ import annotations

import sqlite3

from dynsync.sandbox._marketo_tables import LineRow

__all__ = ["Annex"]


class Annex:
    """Custom activities with their attributes, places in the feed by time, and notes."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def detail(self, line: int, type: int, attributes: str) -> None:
        """Say that *line* is a custom activity of *type*, with *attributes*."""
        self._db.execute("INSERT INTO detail VALUES (?, ?, ?)", (line, type, attributes))

    def lines_after(self, line: int, limit: int) -> list[LineRow]:
        """Return at most *limit* lines that were added after *line*."""
        sql = (
            "SELECT id, person, key, at, kind, text, type, attributes"
            " FROM line LEFT JOIN detail ON line = id WHERE id > ? ORDER BY id LIMIT ?"
        )
        return [LineRow(*row) for row in self._db.execute(sql, (line, limit))]

    def before(self, at: float, last: int) -> tuple[int, int]:
        """Return the last activity, at most *last*, and line that were made before *at*."""
        activity = "SELECT min(seq) - 1 FROM activity WHERE at >= ?"
        line = "SELECT min(id) - 1 FROM line WHERE CAST(strftime('%s', at) AS INTEGER) >= ?"
        newest = "SELECT coalesce(max(id), 0) FROM line"
        places: list[tuple[int | None]] = [
            self._db.execute(sql, (int(at),)).fetchone() for sql in (activity, line)
        ]
        end: int = self._db.execute(newest).fetchone()[0]
        (first,), (second,) = places
        return last if first is None else first, end if second is None else second

    def remember(self, key: str, text: str) -> None:
        """Keep *text* under *key*."""
        self._db.execute("REPLACE INTO meta VALUES (?, ?)", (f"said {key}", text))

    def remembered(self, key: str) -> str | None:
        """Return what `remember` kept."""
        sql = "SELECT value FROM meta WHERE key = ?"
        row: tuple[str] | None = self._db.execute(sql, (f"said {key}",)).fetchone()
        return None if row is None else row[0]
