"""
What a sync remembers between runs, and the Protocol of whatever keeps it.

The crash rule rests on this file: *a change leaves the backlog only in the same
transaction that stores its outcome and its new base.* A store is written by one process
at a time, the holder of its lease; others may read while it works.

Moments are POSIX timestamps in seconds (UTC), as compact rows want them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import attrs

from dynsync.backlog import (
    Hold,
    Known,
    Linked,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    Push,
    Sent,
)
from dynsync.records import Cursor, Entity, Pair, RecordId, Side, Version

__all__ = [
    "Backlog",
    "FeedState",
    "Hold",
    "JournalEntry",
    "Known",
    "LinkState",
    "Linked",
    "Observation",
    "Pending",
    "PendingKey",
    "Push",
    "Sent",
    "StateStore",
]


@attrs.frozen
class FeedState:
    """Where a feed stands. While *full* is true a full read has begun and not ended."""

    cursor: Cursor | None
    full: bool = False


@attrs.frozen
class JournalEntry:
    """
    One outcome, as kept. *seq* rises by one with each; *detail* is a JSON object.

    *detail* is written and read by `dynsync.recorder`; its ``"lost"`` member maps field
    names to wire values that lost a collision, and is what `relayout` empties.
    """

    seq: int
    run: int
    at: float
    entity: Entity
    link: int | None
    ids: Pair[RecordId | None]
    kind: str
    detail: str


@attrs.frozen
class Backlog:
    """
    The backlog in numbers.

    *counts* are by (entity, reason); *oldest* is the *since* of the oldest entry, per
    entity; *links* counts live links, *gone* and *clears* the entries that would flag or clear,
    per entity. Gone is only what has a live link: of anything else nothing can be lost.
    """

    counts: Mapping[tuple[Entity, str], int]
    oldest: Mapping[Entity, float]
    links: Mapping[Entity, int]
    gone: Mapping[tuple[Entity, Side], int]
    clears: Mapping[Entity, int]


class StateStore(Protocol):
    """
    Keeps links, bases, backlog, cursors and the journal.

    The clauses, S1 to S14, are in the page of the store contract; `dynsync.testing.check_store`
    tries each. The first of them is the crash rule: what a transaction wrote is there after it
    ended, whole, and after a crash inside it nothing of it is.
    """

    # -- the whole

    def transaction(self) -> AbstractContextManager[None]:
        """Begin one; commits at the end of the block, rolls back on any exception."""
        ...

    def scratch(self) -> AbstractContextManager[None]:
        """
        Begin a block whose writes, transactions inside it included, are all thrown away.

        What others write meanwhile stays, and `renew` counts for everybody: the block may
        take longer than the lease lasts. Inside a transaction it is only undone.
        """
        ...

    def get(self, name: str) -> str | None:
        """Return the named setting of the sync."""
        ...

    def put(self, name: str, value: str | None) -> None:
        """Store or, with None, remove a named setting."""
        ...

    def close(self) -> None:
        """Let go of files and handles. A closed store is used no more."""
        ...

    # -- the lease

    def acquire(self, now: float, ttl: float) -> None:
        """Take the lease for *ttl* seconds; raises `LeaseHeld` while another has it."""
        ...

    def renew(self, now: float, ttl: float) -> None:
        """Prolong the lease; raises `LeaseHeld` if it was lost. Called in every transaction."""
        ...

    def release(self) -> None:
        """Give the lease back; without one, do nothing."""
        ...

    # -- feeds

    def feed(self, name: str) -> FeedState:
        """Return where a feed stands; a feed never read has no cursor."""
        ...

    def save_feed(self, name: str, state: FeedState) -> None:
        """Store where a feed stands."""
        ...

    # -- links and bases

    def known(
        self, side: Side, ids: Collection[RecordId], entity: Entity | None = None
    ) -> Mapping[RecordId, Known]:
        """
        Return what is known of *ids* on *side*, of one *entity* or (Marketo) of all.

        The hot path of a full comparison: one statement for all ids (up to some 500 at a
        time), rows decoded together. For a person with several links (gone in Marketo
        and linked anew, say) the link that is not `GONE_MARKETO` is returned.
        """
        ...

    def links(self, keys: Collection[int]) -> Mapping[int, Linked]:
        """Return the links *keys*, whole."""
        ...

    def link_of(self, side: Side, id: RecordId, entity: Entity | None = None) -> Linked | None:
        """Return the link of one record, or None."""
        ...

    def each_link(self, entity: Entity) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        """Stream every link of *entity*, in order of key, in bounded memory."""
        ...

    def next_key(self) -> int:
        """Return the lowest number above every link's key; the caller counts on from there."""
        ...

    def save_links(self, links: Iterable[Linked]) -> None:
        """Insert or replace links, by key."""
        ...

    def save_versions(self, side: Side, versions: Mapping[int, Version | None]) -> None:
        """Replace the version of one side of some links, by key."""
        ...

    def save_sent(self, sent: Mapping[int, tuple[Sent, ...]]) -> None:
        """Replace what was sent for some links, by key."""
        ...

    def drop_links(self, keys: Collection[int]) -> None:
        """Remove links."""
        ...

    # -- the backlog

    def pending(self, keys: Collection[PendingKey]) -> Mapping[PendingKey, Pending]:
        """Return the backlog entries *keys*."""
        ...

    def save_pending(self, entries: Iterable[Pending]) -> None:
        """Insert or replace backlog entries, by key."""
        ...

    def drop_pending(self, keys: Collection[PendingKey]) -> None:
        """Remove backlog entries."""
        ...

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        """
        Return entries whose *retry_at* has come, ordered by (modified, key), after *after*.

        Costs what is due, not what sleeps.
        """
        ...

    def each_pending(self) -> Iterator[Pending]:
        """Stream the whole backlog in order of (modified, key), in bounded memory."""
        ...

    def open_links(self) -> Iterator[int]:
        """Stream the keys of the links that have a backlog entry."""
        ...

    def wake(self, entity: Entity, at: float) -> None:
        """Make every entry of *entity* due at *at* that was due later or never."""
        ...

    def backlog(self) -> Backlog:
        """Return the backlog in numbers. Another process may ask during a run."""
        ...

    # -- the journal

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Add entries; their *seq* is given by the store and the one passed in is ignored."""
        ...

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Return at most *limit* entries with a *seq* above *after*, in order."""
        ...

    def history(self, entity: Entity, ids: Pair[RecordId | None]) -> Sequence[JournalEntry]:
        """Return all entries of one record, oldest first: those that name either id."""
        ...

    def prune(self, before: float) -> int:
        """Remove journal entries older than *before*; return how many."""
        ...

    # -- layouts

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        """
        Re-arrange the rows of *entity*, bases and backlog, from layout *old* to *new*.

        A field that is only in *new* becomes `MISSING`. A field that is only in *old* is
        purged from rows, claims, *sent*, holds and the journal's ``"lost"``, and from the file:
        nothing that may not be read stays behind. Safe to repeat after a crash.
        """
        ...
