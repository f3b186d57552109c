"""
What a store does, in the fewest words: plain dictionaries, copied whole before a block.

It is written down apart from `dynsync.MemoryStore`, so that the two can be compared, and it
is as slow as it is short.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import attrs
from attrs import Factory

from dynsync.backlog import Known, Linked, LinkState, Observation, Pending, PendingKey, Sent
from dynsync.errors import LeaseHeld, StateError
from dynsync.records import MISSING, Entity, Pair, RecordId, Row, Side, Version
from dynsync.state import Backlog, FeedState, JournalEntry
from dynsync.testing._store_steps import copied

__all__ = ["ModelStore"]


@attrs.define
class _State:
    """All that is kept; *moves* is the last change of layout of each entity."""

    settings: dict[str, str] = Factory(dict[str, str])
    feeds: dict[str, FeedState] = Factory(dict[str, FeedState])
    links: dict[int, Linked] = Factory(dict[int, Linked])
    pending: dict[PendingKey, Pending] = Factory(dict[PendingKey, Pending])
    journal: dict[int, JournalEntry] = Factory(dict[int, JournalEntry])
    seq: int = 0
    lease: tuple[str, float] | None = None
    moves: dict[Entity, tuple[Sequence[str], Sequence[str]]] = Factory(
        dict[Entity, tuple[Sequence[str], Sequence[str]]]
    )


@attrs.define
class _Shelf:
    """Where all handles on one state find it."""

    state: _State
    outermost: _State | None = None

    def kept(self) -> _State:
        """Return what is kept if the process dies now: nothing of an open block."""
        return self.state if self.outermost is None else self.outermost


class ModelStore:
    """The model of a store; every handle on one state has an *owner* of its own."""

    def __init__(self, owner: str = "store", shelf: _Shelf | None = None) -> None:
        self._owner = owner
        self._shelf = shelf or _Shelf(_State())

    def another(self, owner: str) -> ModelStore:
        """Return another owner's handle."""
        return ModelStore(owner, self._shelf)

    def committed(self) -> ModelStore:
        """Return a handle for a process that goes on from what was committed."""
        return ModelStore("next", _Shelf(copied(self._shelf.kept())))

    @property
    def _state(self) -> _State:
        return self._shelf.state

    # -- the whole

    @contextmanager
    def transaction(self) -> Generator[None]:
        with self._block() as before:
            try:
                yield
            except BaseException:
                # Any exception takes a transaction back, Ctrl-C as well (S1).
                self._shelf.state = before
                raise

    @contextmanager
    def scratch(self) -> Generator[None]:
        with self._block() as before:
            try:
                yield
            finally:
                self._shelf.state = before

    @contextmanager
    def _block(self) -> Generator[_State]:
        before = copied(self._state)
        first = self._shelf.outermost is None
        if first:
            self._shelf.outermost = before
        try:
            yield before
        finally:
            if first:
                self._shelf.outermost = None

    def get(self, name: str) -> str | None:
        return self._state.settings.get(name)

    def put(self, name: str, value: str | None) -> None:
        self._state.settings.pop(name, None)
        if value is not None:
            self._state.settings[name] = value

    def close(self) -> None:
        self.release()

    # -- the lease

    def acquire(self, now: float, ttl: float) -> None:
        lease = self._state.lease
        if lease is not None and lease[0] != self._owner and lease[1] > now:
            raise LeaseHeld("another has it")
        self._state.lease = (self._owner, now + ttl)

    def renew(self, now: float, ttl: float) -> None:
        if self._state.lease is None or self._state.lease[0] != self._owner:
            raise LeaseHeld("it was lost")
        self._state.lease = (self._owner, now + ttl)

    def release(self) -> None:
        if self._state.lease is not None and self._state.lease[0] == self._owner:
            self._state.lease = None

    # -- feeds

    def feed(self, name: str) -> FeedState:
        return self._state.feeds.get(name, FeedState(None))

    def save_feed(self, name: str, state: FeedState) -> None:
        self._state.feeds[name] = state

    # -- links and bases

    def known(
        self, side: Side, ids: Collection[RecordId], entity: Entity | None = None
    ) -> Mapping[RecordId, Known]:
        found = {record: self.link_of(side, record, entity) for record in ids}
        return {
            record: Known(
                link.key, link.entity, link.rows[side], link.versions[side], link.state, link.sent
            )
            for record, link in found.items()
            if link is not None
        }

    def links(self, keys: Collection[int]) -> Mapping[int, Linked]:
        return {key: copied(self._state.links[key]) for key in keys if key in self._keys()}

    def link_of(self, side: Side, id: RecordId, entity: Entity | None = None) -> Linked | None:
        fitting = [
            link
            for link in self._state.links.values()
            if link.ids[side] == id and entity in {None, link.entity}
        ]
        # The one whose person is there; of several, the one that was made last.
        fitting.sort(key=lambda link: (link.state is not LinkState.GONE_MARKETO, link.key))
        return copied(fitting[-1]) if fitting else None

    def each_link(self, entity: Entity) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        links = [self._state.links[key] for key in self._keys()]
        return iter([(link.key, link.ids, link.state) for link in links if link.entity == entity])

    def next_key(self) -> int:
        return max(self._keys(), default=0) + 1

    def _keys(self) -> list[int]:
        return sorted(self._state.links)

    def save_links(self, links: Iterable[Linked]) -> None:
        after = {**self._state.links, **{link.key: copied(link) for link in links}}
        _check_unique(after.values())
        self._state.links = after

    def save_versions(self, side: Side, versions: Mapping[int, Version | None]) -> None:
        for key in versions.keys() & self._state.links.keys():
            link = self._state.links[key]
            link.versions = link.versions.replace(side, versions[key])

    def save_sent(self, sent: Mapping[int, tuple[Sent, ...]]) -> None:
        for key in sent.keys() & self._state.links.keys():
            self._state.links[key].sent = tuple(sent[key])

    def drop_links(self, keys: Collection[int]) -> None:
        for key in keys:
            self._state.links.pop(key, None)

    # -- the backlog

    def pending(self, keys: Collection[PendingKey]) -> Mapping[PendingKey, Pending]:
        kept = self._state.pending
        return {key: copied(kept[key]) for key in keys if key in kept}

    def save_pending(self, entries: Iterable[Pending]) -> None:
        for entry in entries:
            self._state.pending[entry.key] = copied(entry)

    def drop_pending(self, keys: Collection[PendingKey]) -> None:
        for key in keys:
            self._state.pending.pop(key, None)

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        ready = [
            entry
            for entry in self.each_pending()
            if entry.retry_at is not None and entry.retry_at <= now
        ]
        return [entry for entry in ready if after is None or _turn(entry) > after][:limit]

    def each_pending(self) -> Iterator[Pending]:
        return iter(sorted(copied(list(self._state.pending.values())), key=_turn))

    def open_links(self) -> Iterator[int]:
        return iter([e.link for e in self._state.pending.values() if e.link is not None])

    def wake(self, entity: Entity, at: float) -> None:
        for entry in self._state.pending.values():
            if entry.entity == entity and (entry.retry_at is None or entry.retry_at > at):
                entry.retry_at = at

    def backlog(self) -> Backlog:
        entries = [*self._state.pending.values()]
        links = [*self._state.links.values()]
        live = {link.key: link for link in links if link.state is LinkState.LIVE}
        gone = [
            (entry.entity, side)
            for entry in entries
            for side in Side
            if (seen := entry.seen[side]) is not None and seen.gone and entry.link in live
        ]
        return Backlog(
            counts=Counter((entry.entity, entry.reason) for entry in entries),
            oldest={
                entity: min(entry.since for entry in entries if entry.entity == entity)
                for entity in {entry.entity for entry in entries}
            },
            links=Counter(link.entity for link in live.values()),
            gone=Counter(gone),
            clears=Counter(entry.entity for entry in entries if entry.clears),
        )

    # -- the journal

    def append(self, entries: Iterable[JournalEntry]) -> None:
        for entry in entries:
            self._state.seq += 1
            self._state.journal[self._state.seq] = attrs.evolve(entry, seq=self._state.seq)

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        return [entry for seq, entry in sorted(self._state.journal.items()) if seq > after][:limit]

    def history(self, entity: Entity, ids: Pair[RecordId | None]) -> Sequence[JournalEntry]:
        def names(entry: JournalEntry) -> bool:
            return any(ids[side] is not None and ids[side] == entry.ids[side] for side in Side)

        entries = self._state.journal.values()
        return [entry for entry in entries if entry.entity == entity and names(entry)]

    def prune(self, before: float) -> int:
        old = [seq for seq, entry in self._state.journal.items() if entry.at < before]
        for seq in old:
            del self._state.journal[seq]
        return len(old)

    # -- layouts

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        last = self._state.moves.get(entity)
        # Asked for a move from where we moved away already: a crash forgot that it was made.
        actual = tuple(last[1]) if last is not None and last[0] == tuple(old) else tuple(old)
        if actual == tuple(new):
            return
        self._state.moves[entity] = (tuple(old), tuple(new))
        went = {*old, *actual} - {*new}
        for link in self._state.links.values():
            if link.entity == entity:
                link.rows = link.rows.map(lambda row: _moved(row, actual, new))
                link.sent = tuple(sent for sent in link.sent if sent.field not in went)
        for entry in self._state.pending.values():
            if entry.entity == entity:
                entry.seen = entry.seen.map(lambda seen: _seen(seen, actual, new, went))
                entry.holds = tuple(hold for hold in entry.holds if hold.field not in went)
        for seq, line in self._state.journal.items():
            if line.entity == entity:
                self._state.journal[seq] = attrs.evolve(line, detail=_without(line.detail, went))


def _turn(entry: Pending) -> tuple[float, PendingKey]:
    return entry.modified, entry.key


def _check_unique(links: Iterable[Linked]) -> None:
    """Refuse two links of one record."""
    links = list(links)
    rows = Counter((link.entity, link.ids.dynamics) for link in links)
    people = Counter(link.ids.marketo for link in links if link.state is not LinkState.GONE_MARKETO)
    if max([*rows.values(), *people.values()], default=0) > 1:
        raise StateError("two links hold one record")


def _moved(row: Row, old: Sequence[str], new: Sequence[str]) -> Row:
    if not row:
        return row
    held = dict(zip(old, row, strict=False))
    return [held.get(name, MISSING) for name in new]


def _seen(
    seen: Observation | None, old: Sequence[str], new: Sequence[str], went: Collection[str]
) -> Observation | None:
    if seen is None:
        return None
    claims = {name: claim for name, claim in seen.claims.items() if name not in went}
    return attrs.evolve(seen, row=_moved(seen.row, old, new), claims=claims)


def _without(detail: str, went: Collection[str]) -> str:
    said = cast("dict[str, object]", json.loads(detail))
    lost = said.get("lost")
    if isinstance(lost, dict):
        kept = cast("dict[str, object]", lost)
        said["lost"] = {name: value for name, value in kept.items() if name not in went}
    return json.dumps(said)
