"""
The store in memory: dictionaries, and a log of what each write replaced.

It is also the model for other stores, so it does everything in the plainest way.
"""

from __future__ import annotations

import copy
import heapq
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import attrs

from dynsync.errors import LeaseHeld, StateError
from dynsync.memory._copies import own_entry, own_link
from dynsync.memory._layouts import Move
from dynsync.memory._tables import Owner, Tables
from dynsync.records import Entity, Pair, RecordId, Side, Version
from dynsync.state import (
    Backlog,
    FeedState,
    JournalEntry,
    Known,
    Linked,
    LinkState,
    Pending,
    PendingKey,
    Sent,
)

__all__ = ["MemoryStore"]

T = TypeVar("T")


class MemoryStore:
    """
    Keeps the state of a sync in this process.

    `copy.deepcopy` returns the store as a crash at that moment would leave it: what a
    transaction had not yet ended is not in the copy. The copy may take its original's lease.
    """

    def __init__(self) -> None:
        self._data = Tables()
        self._kept: Tables | None = None
        self._owner = Owner()

    def twin(self) -> MemoryStore:
        """Return another owner's handle on the same data, as a second process would have."""
        other = MemoryStore()
        other._data = self._data
        return other

    def __deepcopy__(self, memo: dict[int, object]) -> MemoryStore:
        other = MemoryStore()
        other._data = copy.deepcopy(self._kept or self._data, memo)
        other._owner = copy.deepcopy(self._owner, memo)
        other._data.log.crash()
        return other

    # -- the whole

    def transaction(self) -> AbstractContextManager[None]:
        """Begin one; commits at the end of the block, rolls back on any exception."""
        return self._data.log.kept()

    @contextmanager
    def scratch(self) -> Generator[None]:
        """
        Begin a block whose writes, transactions inside it included, are all thrown away.

        They go into a copy, so that what others write meanwhile stays.
        """
        if self._kept is not None or self._data.log.open:
            with self._data.log.undone():
                yield
            return
        self._kept, self._data = self._data, self._data.copy()
        try:
            yield
        finally:
            self._data, self._kept = self._kept, None

    def get(self, name: str) -> str | None:
        """Return the named setting of the sync."""
        return self._data.settings.rows.get(name)

    def put(self, name: str, value: str | None) -> None:
        """Store or, with None, remove a named setting."""
        with self.transaction():
            self._data.settings.put(name, value)

    def close(self) -> None:
        """Give the lease back. The data stays with the other handles, if there are any."""
        self.release()
        self._owner.closed = True

    # -- the lease

    def acquire(self, now: float, ttl: float) -> None:
        """Take the lease for *ttl* seconds; raises `LeaseHeld` while another has it."""
        owner, expires = self._data.lease.rows.get("", (self._owner, now))
        if owner is not self._owner and expires > now and not owner.closed:
            raise LeaseHeld(
                f"Another run holds this store; its lease ends in {expires - now:.0f} s. "
                "Wait for it, or end it."
            )
        with self.transaction():
            self._data.lease.put("", (self._owner, now + ttl))

    def renew(self, now: float, ttl: float) -> None:
        """Prolong the lease, for everybody; raises `LeaseHeld` if it was lost."""
        if not self._holds_lease():
            raise LeaseHeld("This run no longer holds the lease of the store. Start it again.")
        real = self._data if self._kept is None else self._kept
        with real.log.kept():
            real.lease.put("", (self._owner, now + ttl))

    def release(self) -> None:
        """Give the lease back; without one, do nothing."""
        if self._holds_lease():
            with self.transaction():
                self._data.lease.put("", None)

    # -- feeds

    def feed(self, name: str) -> FeedState:
        """Return where a feed stands; a feed never read has no cursor."""
        return self._data.feeds.rows.get(name, FeedState(cursor=None))

    def save_feed(self, name: str, state: FeedState) -> None:
        """Store where a feed stands."""
        with self.transaction():
            self._data.feeds.put(name, state)

    # -- links and bases

    def known(
        self, side: Side, ids: Collection[RecordId], entity: Entity | None = None
    ) -> Mapping[RecordId, Known]:
        """Return what is known of *ids* on *side*, of one *entity* or of all."""
        found: dict[RecordId, Known] = {}
        for record in ids:
            if link := self._find(side, record, entity):
                row, version = list(link.rows[side]), link.versions[side]
                found[record] = Known(link.key, link.entity, row, version, link.state, link.sent)
        return found

    def links(self, keys: Collection[int]) -> Mapping[int, Linked]:
        """Return the links *keys*, whole."""
        rows = self._data.links.rows
        return {key: own_link(rows[key]) for key in sorted(keys) if key in rows}

    def link_of(self, side: Side, id: RecordId, entity: Entity | None = None) -> Linked | None:
        """Return the link of one record, or None."""
        link = self._find(side, id, entity)
        return None if link is None else own_link(link)

    def each_link(self, entity: Entity) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        """Stream every link of *entity*, in order of key."""
        for _, link in sorted(self._data.links.rows.items()):
            if link.entity == entity:
                yield link.key, link.ids, link.state

    def next_key(self) -> int:
        """Return the lowest number above every link's key."""
        return max(self._data.links.rows, default=0) + 1

    def save_links(self, links: Iterable[Linked]) -> None:
        """Insert or replace links, by key; raises `StateError` if a record is in two of them."""
        with self.transaction():
            saved = {link.key: own_link(link) for link in links}
            for link in saved.values():
                self._unlink(link.key)
                self._data.links.put(link.key, link)
                for side in Side:
                    self._index(side, link.ids[side], (*self._keys(side, link.ids[side]), link.key))
            for link in saved.values():
                self._check_unique(link)

    def save_versions(self, side: Side, versions: Mapping[int, Version | None]) -> None:
        """Replace the version of one side of some links, by key."""
        with self.transaction():
            for key, version in versions.items():
                link = self._data.links.rows.get(key)
                if link is not None:
                    new = link.versions.replace(side, version)
                    self._data.links.put(key, attrs.evolve(link, versions=new))

    def save_sent(self, sent: Mapping[int, tuple[Sent, ...]]) -> None:
        """Replace what was sent for some links, by key."""
        with self.transaction():
            for key, items in sent.items():
                link = self._data.links.rows.get(key)
                if link is not None:
                    self._data.links.put(key, attrs.evolve(link, sent=tuple(items)))

    def drop_links(self, keys: Collection[int]) -> None:
        """Remove links."""
        with self.transaction():
            for key in keys:
                self._unlink(key)

    # -- the backlog

    def pending(self, keys: Collection[PendingKey]) -> Mapping[PendingKey, Pending]:
        """Return the backlog entries *keys*."""
        found = ((key, self._data.pending.rows.get(key)) for key in keys)
        return {key: own_entry(entry) for key, entry in found if entry}

    def save_pending(self, entries: Iterable[Pending]) -> None:
        """Insert or replace backlog entries, by key."""
        with self.transaction():
            for entry in entries:
                self._data.pending.put(entry.key, own_entry(entry))

    def drop_pending(self, keys: Collection[PendingKey]) -> None:
        """Remove backlog entries."""
        with self.transaction():
            for key in keys:
                self._data.pending.put(key, None)

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        """Return entries whose *retry_at* has come, ordered by (modified, key), after *after*."""
        ready = (
            entry
            for entry in self._data.pending.rows.values()
            if entry.retry_at is not None
            and entry.retry_at <= now
            and (after is None or _turn(entry) > after)
        )
        return [own_entry(entry) for entry in heapq.nsmallest(limit, ready, key=_turn)]

    def each_pending(self) -> Iterator[Pending]:
        """Stream the whole backlog in order of (modified, key)."""
        for entry in sorted(self._data.pending.rows.values(), key=_turn):
            yield own_entry(entry)

    def open_links(self) -> Iterator[int]:
        """Stream the keys of the links that have a backlog entry."""
        links = [entry.link for entry in self._data.pending.rows.values()]
        return (link for link in links if link is not None)

    def wake(self, entity: Entity, at: float) -> None:
        """Make every entry of *entity* due at *at* that was due later or never."""
        with self.transaction():
            for key, entry in list(self._data.pending.rows.items()):
                if entry.entity == entity and (entry.retry_at is None or entry.retry_at > at):
                    self._data.pending.put(key, attrs.evolve(entry, retry_at=at))

    def backlog(self) -> Backlog:
        """Return the backlog in numbers."""
        entries = self._data.pending.rows.values()
        oldest: dict[Entity, float] = {}
        for entry in entries:
            oldest[entry.entity] = min(entry.since, oldest.get(entry.entity, entry.since))
        links = self._data.links.rows.values()
        live = {link.key for link in links if link.state is LinkState.LIVE}
        return Backlog(
            counts=_tally((entry.entity, entry.reason) for entry in entries),
            oldest=oldest,
            links=_tally(link.entity for link in links if link.state is LinkState.LIVE),
            gone=_tally(
                (entry.entity, side)
                for entry in entries
                for side in Side
                if entry.link in live and (seen := entry.seen[side]) and seen.gone
            ),
            clears=_tally(entry.entity for entry in entries if entry.clears),
        )

    # -- the journal

    def append(self, entries: Iterable[JournalEntry]) -> None:
        """Add entries; their *seq* is given by the store and the one passed in is ignored."""
        with self.transaction():
            seq = self._data.counters.rows.get("seq", 0)
            for entry in entries:
                seq += 1
                self._data.journal.put(seq, attrs.evolve(entry, seq=seq))
            self._data.counters.put("seq", seq)

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Return at most *limit* entries with a *seq* above *after*, in order."""
        later = (seq for seq in self._data.journal.rows if seq > after)
        return [self._data.journal.rows[seq] for seq in heapq.nsmallest(limit, later)]

    def history(self, entity: Entity, ids: Pair[RecordId | None]) -> Sequence[JournalEntry]:
        """Return all entries of one record, oldest first: those that name either id."""
        return [
            entry
            for _, entry in sorted(self._data.journal.rows.items())
            if entry.entity == entity
            and any(ids[side] is not None and ids[side] == entry.ids[side] for side in Side)
        ]

    def prune(self, before: float) -> int:
        """Remove journal entries older than *before*; return how many."""
        with self.transaction():
            old = [seq for seq, entry in self._data.journal.rows.items() if entry.at < before]
            for seq in old:
                self._data.journal.put(seq, None)
        return len(old)

    # -- layouts

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        """Re-arrange the rows of *entity* from layout *old* to *new*; safe to repeat."""
        move = Move.of(old, new, self._data.moves.rows.get(entity))
        if move is None:
            return
        with self.transaction():
            self._data.moves.put(entity, (tuple(old), tuple(new)))
            for link in list(self._data.links.rows.values()):
                if link.entity == entity:
                    self._data.links.put(link.key, move.link(link))
            for entry in list(self._data.pending.rows.values()):
                if entry.entity == entity:
                    self._data.pending.put(entry.key, move.entry(entry))
            for line in list(self._data.journal.rows.values()):
                if line.entity == entity:
                    detail = move.detail(line.detail)
                    self._data.journal.put(line.seq, attrs.evolve(line, detail=detail))

    # -- below the Protocol

    def _holds_lease(self) -> bool:
        real = self._data if self._kept is None else self._kept
        lease = real.lease.rows.get("")
        return lease is not None and lease[0] is self._owner

    def _keys(self, side: Side, record: RecordId) -> tuple[int, ...]:
        return self._data.keys.rows.get((side, record), ())

    def _index(self, side: Side, record: RecordId, keys: tuple[int, ...]) -> None:
        self._data.keys.put((side, record), keys or None)

    def _find(self, side: Side, record: RecordId, entity: Entity | None) -> Linked | None:
        links = [self._data.links.rows[key] for key in self._keys(side, record)]
        fitting = [link for link in links if entity is None or link.entity == entity]
        return max(fitting, key=_rank, default=None)

    def _unlink(self, key: int) -> None:
        link = self._data.links.rows.get(key)
        if link is None:
            return
        for side in Side:
            keys = self._keys(side, link.ids[side])
            self._index(side, link.ids[side], tuple(other for other in keys if other != key))
        self._data.links.put(key, None)

    def _check_unique(self, link: Linked) -> None:
        for side in Side:
            for key in self._keys(side, link.ids[side]):
                other = self._data.links.rows[key]
                if key != link.key and _exclude(side, link, other):
                    raise StateError(
                        f"Links {min(key, link.key)} and {max(key, link.key)} hold the same "
                        f"{side.label} record. Drop one of them first."
                    )


def _tally(items: Iterable[T]) -> Mapping[T, int]:
    return dict(Counter(items))


def _turn(entry: Pending) -> tuple[float, PendingKey]:
    return entry.modified, entry.key


def _rank(link: Linked) -> tuple[bool, int]:
    return link.state is not LinkState.GONE_MARKETO, link.key


def _exclude(side: Side, one: Linked, two: Linked) -> bool:
    """Say whether two links of one record of *side* may not both be (S3)."""
    if side is Side.DYNAMICS:
        return one.entity == two.entity
    return LinkState.GONE_MARKETO not in {one.state, two.state}
