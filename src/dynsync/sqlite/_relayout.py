"""Layouts in SQLite: rows follow a change, and what went is gone from the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from dynsync.memory._layouts import Move
from dynsync.records import Entity
from dynsync.sqlite._codec import decode_names, encode_names, plain
from dynsync.sqlite._journal import Journal
from dynsync.sqlite._links import Links
from dynsync.sqlite._pending import PendingEntries
from dynsync.state import PendingKey

__all__ = ["Layouts"]

_LINKS = "SELECT key, key FROM link WHERE entity = ? AND key > ? ORDER BY key LIMIT 500"
_PENDING = "SELECT id, key FROM pending WHERE entity = ? AND id > ? ORDER BY id LIMIT 500"
_JOURNAL = """SELECT seq, detail FROM journal WHERE entity = ? AND seq > ?
    AND instr(detail, '"lost"') ORDER BY seq LIMIT 500"""

_Page: TypeAlias = list[tuple[int, str]]


class Layouts(Links, PendingEntries, Journal):
    """The part of the store that knows of layouts."""

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        """
        Re-arrange the rows of *entity* from layout *old* to *new*; safe to repeat.

        It is one transaction, worked through in batches: whoever reads sees the one layout or
        the other, never rows of both. Then, where fields went, the file is written anew, for
        which it takes as much room again on the disk.
        """
        name = f"layout:{entity}"
        with self._guard:
            last = self._one("SELECT value FROM meta WHERE name = ?", name)
            move = Move.of(old, new, decode_names(str(last[0])) if last else None)
        if move is None:
            self.purge()
            return
        with self.transaction(), self._guard:
            self._connection.execute(
                """INSERT INTO meta VALUES (?, ?)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                (name, encode_names(old, new)),
            )
            self._move(entity, move)
            if move.purged:
                self._request_purge()

    def _move(self, entity: Entity, move: Move) -> None:
        for page in self._pages(_LINKS, entity):
            links = self.links([key for key, _ in page]).values()
            self.save_links([move.link(link) for link in links])
        for page in self._pages(_PENDING, entity):
            entries = self.pending([PendingKey(key) for _, key in page]).values()
            self.save_pending([move.entry(entry) for entry in entries])
        if move.purged:
            for page in self._pages(_JOURNAL, entity):
                lines = [(plain(move.detail(detail)), seq) for seq, detail in page]
                self._connection.executemany("UPDATE journal SET detail = ? WHERE seq = ?", lines)

    def _pages(self, statement: str, entity: Entity) -> Iterator[_Page]:
        last = -(2**63)
        while True:
            page: _Page = self._connection.execute(statement, (entity, last)).fetchall()
            if not page:
                return
            yield page
            last = page[-1][0]
