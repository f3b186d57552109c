"""The backlog in SQLite."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.sqlite._codec import Detail, decode_details, encode_detail
from dynsync.sqlite._database import Database, batches, marks
from dynsync.state import Backlog, Observation, Pending, PendingKey

__all__ = ["PendingEntries"]

_Columns: TypeAlias = tuple[
    PendingKey,
    Entity,
    int | None,
    RecordId | None,
    RecordId | None,
    float,
    float,
    float | None,
    str,
    int,
    int,
    str,
]

_Number: TypeAlias = tuple[Entity, str, int, float, float, float, int]

_SELECT = """SELECT key, entity, link, marketo_id, dynamics_id, since, modified, retry_at,
    reason, attempts, clears, detail FROM pending """
_UPSERT = """INSERT INTO pending (key, entity, link, marketo_id, dynamics_id, since, modified,
    retry_at, reason, attempts, clears, detail, awake, marketo_gone, dynamics_gone)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
    entity = excluded.entity, link = excluded.link, marketo_id = excluded.marketo_id,
    dynamics_id = excluded.dynamics_id, since = excluded.since, modified = excluded.modified,
    retry_at = excluded.retry_at, reason = excluded.reason, attempts = excluded.attempts,
    clears = excluded.clears, detail = excluded.detail, awake = excluded.awake,
    marketo_gone = excluded.marketo_gone, dynamics_gone = excluded.dynamics_gone"""
_DUE = (
    _SELECT
    + """WHERE awake = 1 AND (modified, key) > (?, ?) AND retry_at <= ?
    ORDER BY modified, key LIMIT ?"""
)

# Both halves come out of the index in order, so that SQLite merges them and sorts nothing.
_PAGE = f"""
    {_SELECT} WHERE awake = 0 AND (modified, key) > (?, ?)
    UNION ALL {_SELECT} WHERE awake = 1 AND (modified, key) > (?, ?)
    ORDER BY modified, key LIMIT 500"""

# Named, because SQLite would take the other index, which has all that sleeps.
_SLEEPERS = """SELECT 1 FROM pending INDEXED BY pending_asleep
    WHERE awake = 0 AND retry_at IS NOT NULL AND retry_at <= ? LIMIT 1"""
_WAKE = """UPDATE pending INDEXED BY pending_asleep SET awake = 1
    WHERE awake = 0 AND retry_at IS NOT NULL AND retry_at <= ?"""

_OPEN = """SELECT id, link FROM pending WHERE id > ? AND link IS NOT NULL
    ORDER BY id LIMIT 1000"""
_FIRST = (-math.inf, PendingKey(""))

# A link is looked up for what is gone only.
_NUMBERS = """SELECT entity, reason, count(*), min(since),
    total(CASE WHEN marketo_gone THEN
        (SELECT link.state = 0 FROM link WHERE link.key = pending.link) END),
    total(CASE WHEN dynamics_gone THEN
        (SELECT link.state = 0 FROM link WHERE link.key = pending.link) END),
    sum(clears > 0) FROM pending GROUP BY entity, reason"""


class PendingEntries(Database):
    """The part of the store that keeps the backlog."""

    def pending(self, keys: Collection[PendingKey]) -> Mapping[PendingKey, Pending]:
        """Return the backlog entries *keys*."""
        result: dict[PendingKey, Pending] = {}
        for batch in batches(sorted(keys)):
            statement = marks(_SELECT + "WHERE key IN (*)", batch)
            result.update((entry.key, entry) for entry in self._entries(statement, *batch))
        return result

    def save_pending(self, entries: Iterable[Pending]) -> None:
        """Insert or replace backlog entries, by key."""
        with self._writing() as connection:
            for batch in batches(entries):
                latest = {entry.key: entry for entry in batch}
                rows = (_columns(latest[key], self._now) for key in sorted(latest))
                connection.executemany(_UPSERT, rows)

    def drop_pending(self, keys: Collection[PendingKey]) -> None:
        """Remove backlog entries."""
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM pending WHERE key = ?", ((key,) for key in sorted(keys))
            )

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        """
        Return entries whose *retry_at* has come, ordered by (modified, key), after *after*.

        Costs what is due, not what sleeps: sleepers whose time has come are woken for good.
        """
        self._now = max(self._now, now)
        with self._guard:
            sleepers = self._one(_SLEEPERS, now)
        if sleepers:
            with self._writing() as connection:
                connection.execute(_WAKE, (now,))
        return self._entries(_DUE, *(after or _FIRST), now, limit)

    def each_pending(self) -> Iterator[Pending]:
        """Stream the whole backlog in order of (modified, key), in bounded memory."""
        last = _FIRST
        while page := self._entries(_PAGE, *last, *last):
            yield from page
            last = page[-1].modified, page[-1].key

    def open_links(self) -> Iterator[int]:
        """Stream the keys of the links that have a backlog entry."""
        last = 0
        while True:
            with self._guard:
                page: list[tuple[int, int]] = self._connection.execute(_OPEN, (last,)).fetchall()
            if not page:
                return
            for _, link in page:
                yield link
            last, _ = page[-1]

    def wake(self, entity: Entity, at: float) -> None:
        """Make every entry of *entity* due at *at* that was due later or never."""
        with self._writing() as connection:
            connection.execute(
                """UPDATE pending SET retry_at = ?, awake = ?
                WHERE entity = ? AND (retry_at IS NULL OR retry_at > ?)""",
                (at, at <= self._now, entity, at),
            )

    def backlog(self) -> Backlog:
        """Return the backlog in numbers. Another process may ask during a run."""
        with self._reading:
            live: list[tuple[Entity, int]] = self._connection.execute(
                "SELECT entity, live FROM tally WHERE live > 0"
            ).fetchall()
            rows: list[_Number] = self._connection.execute(_NUMBERS).fetchall()
            return _in_numbers(dict(live), rows)

    def _entries(self, statement: str, *parameters: object) -> list[Pending]:
        with self._reading:
            found: list[_Columns] = self._connection.execute(statement, parameters).fetchall()
            details = decode_details([columns[-1] for columns in found])
            return [_entry(*pair) for pair in zip(found, details, strict=True)]


def _in_numbers(links: Mapping[Entity, int], rows: Iterable[_Number]) -> Backlog:
    oldest: dict[Entity, float] = {}
    gone: dict[tuple[Entity, Side], int] = {}
    clears: dict[Entity, int] = {}
    for entity, _, _, since, marketo, dynamics, clearing in rows:
        oldest[entity] = min(since, oldest.get(entity, since))
        for side, count in ((Side.MARKETO, marketo), (Side.DYNAMICS, dynamics)):
            if count:
                gone[entity, side] = gone.get((entity, side), 0) + int(count)
        if clearing:
            clears[entity] = clears.get(entity, 0) + clearing
    counts = {(entity, reason): count for entity, reason, count, *_ in rows}
    return Backlog(counts=counts, oldest=oldest, links=links, gone=gone, clears=clears)


def _entry(columns: _Columns, detail: Detail) -> Pending:
    key, entity, link, marketo, dynamics, since, modified, retry_at = columns[:8]
    reason, attempts, clears, _ = columns[8:]
    seen, push, holds = detail
    return Pending(
        key,
        entity,
        link,
        Pair(marketo, dynamics),
        seen,
        since,
        modified,
        retry_at,
        reason,
        attempts,
        clears,
        push,
        holds,
    )


def _columns(entry: Pending, now: float) -> tuple[object, ...]:
    return (
        entry.key,
        entry.entity,
        entry.link,
        entry.ids.marketo,
        entry.ids.dynamics,
        entry.since,
        entry.modified,
        entry.retry_at,
        entry.reason,
        entry.attempts,
        entry.clears,
        encode_detail(entry),
        entry.retry_at is not None and entry.retry_at <= now,
        _gone(entry.seen.marketo),
        _gone(entry.seen.dynamics),
    )


def _gone(seen: Observation | None) -> bool:
    return seen is not None and seen.gone
