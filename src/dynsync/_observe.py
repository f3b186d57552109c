"""Observe: read what changed on either side into the backlog, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
from attrs import Factory

from dynsync._catching_up import leave_places
from dynsync._contract import check_changes, check_page
from dynsync._feeds import Feed, feeds
from dynsync._session import UNASKED, Session
from dynsync._taking import Marks, Taking
from dynsync.backlog import LinkState, PendingKey, link_key
from dynsync.connectors import Page
from dynsync.errors import ContractError, CursorExpired, Refused, SchemaChanged
from dynsync.guards import check_clock, check_emptied, check_expired, check_limits
from dynsync.records import Change, Cursor, Pair, Record, RecordId, Side, Tombstone
from dynsync.state import FeedState

__all__ = ["guard", "observe"]

_MOST_EMPTY = 1000
"""Empty pages in a row after which a feed is taken as one that never ends."""

_AT_ONCE = 500
"""Changes compared at a time: more bases than that need more memory and are slower to go over."""

_FEW = 8
"""One of how many links may be unseen for them to be looked up, and not looked for among all."""


def observe(session: Session) -> None:
    """
    Read every feed to its end.

    Each page goes into the backlog and moves the cursor in one transaction. Raises
    `RunStopped` where a feed is not to be trusted, and `SystemFailure` where
    Marketo cannot be read; a Dynamics table that cannot be read stops its entity alone.
    """
    for feed in feeds(session):
        _read_feed(session, feed)


def guard(session: Session) -> None:
    """
    Let the guards look at what came, when it is known which fields take part.

    Raises `RunStopped`, before anything was written to either system.
    """
    numbers, terms = session.store.backlog(), session.terms
    # Of an entity that takes no part nothing is marked or emptied now.
    gone = {key: number for key, number in numbers.gone.items() if key[0] in terms}
    clears = {entity: number for entity, number in numbers.clears.items() if entity in terms}
    check_limits(session.settings.guards, numbers.links, gone, clears)


def _read_feed(session: Session, feed: Feed) -> None:
    """Read *feed*; where a column of some of its entities is gone, for the others alone."""
    while mine := feed.of(session.terms):
        try:
            _Reading(session, mine).run()
        except SchemaChanged as failure:
            _stop(session, mine, failure)
            if mine.terms.keys() <= session.terms.keys():
                # It names no column that was asked for: nobody can be told apart.
                _stop(session, mine, attrs.evolve(failure, fields=()))
        except Refused as failure:
            if mine.side is Side.MARKETO:
                raise
            session.leave_out(mine.terms, failure)
        else:
            return


def _stop(session: Session, feed: Feed, failure: SchemaChanged) -> None:
    for entity, terms in feed.terms.items():
        gone = [name for name in failure.fields if name in terms.natives(feed.side)]
        if gone or not failure.fields:
            session.stop_stale(entity, ", ".join(gone) or "unnamed")


@attrs.define
class _Reading:
    """The reading of one feed from where it stands to its end."""

    session: Session
    feed: Feed
    marks: Marks = Factory(Marks)
    records: int = 0
    empty: int = 0

    def run(self) -> None:
        store, feed = self.session.store, self.feed
        state = store.feed(feed.name)
        cursor = None if state.full else state.cursor
        top = store.next_key()
        self.marks.open_links = bytearray(top)
        for key in store.open_links():
            self.marks.open_links[key] = 1
        if feed.side is Side.MARKETO:
            leave_places(self.session, feed.table, cursor)
        if cursor is None:
            self._begin_full(top)
        while not self.session.stopping():
            try:
                page = self._read(cursor)
            except CursorExpired:
                if cursor is None:
                    raise
                check_expired(self.session.settings.guards, feed.side, feed.table)
                cursor, self.records = None, 0
                self._begin_full(top)
                continue
            self._check_end(page, cursor)
            self._take(page)
            cursor, more = page.cursor, page.more
            # Or it would still be in memory beside the next one.
            del page
            if not more:
                return
        self.session.report.interrupted = True

    def _begin_full(self, top: int) -> None:
        """Mark nothing as seen: neither what is linked nor what waits to become a person."""
        self.marks.seen = bytearray(top)
        if self.feed.side is Side.DYNAMICS:
            self.marks.unseen = {
                entry.key: entry.ids.dynamics
                for entry in self.session.store.each_pending()
                if entry.link is None
                and entry.push is None
                and entry.entity in self.feed.terms
                and entry.ids.dynamics is not None
            }

    def _read(self, cursor: Cursor | None) -> Page:
        connector, feed = self.session.systems[self.feed.side], self.feed
        fields = feed.fields()
        self.session.unsure.add((feed.side, feed.table))
        page = self.session.call(
            feed.side,
            "read",
            lambda: connector.read(feed.table, fields, cursor),
        )
        check_page(feed.side, feed.table, page)
        versioned = self.session.limits[feed.side].conditional_writes
        check_changes(feed.side, feed.table, "read", page.changes, versioned=versioned)
        return page

    def _check_end(self, page: Page, cursor: Cursor | None) -> None:
        """Raise `ContractError` if the feed goes in circles: it would be read for ever."""
        self.empty = 0 if page.changes else self.empty + 1
        stuck = page.more and page.cursor == cursor
        if stuck or (page.more and self.empty >= _MOST_EMPTY):
            seen = "the cursor it was given" if stuck else f"{self.empty} empty pages in a row"
            raise ContractError(
                f"The {self.feed.side.label} connector, read of {self.feed.table!r}: returned "
                f"{seen}, and more=True; a feed goes on with every page, and ends (C2)."
            )

    def _take(self, page: Page) -> None:
        """Put *page* into the backlog, in one transaction."""
        session = self.session
        now = session.now()
        # A record that a page holds twice is taken as it came last; edits of both are kept.
        changes = _latest(page.changes)
        skew = now - page.at.timestamp() if page.at is not None else None
        if skew is not None:
            check_clock(session.settings.guards, self.feed.side, skew)
            session.skews[self.feed.side] = skew
        with session.commit():
            taken = Taking(session, self.feed, self.marks, now, skew)
            for start in range(0, len(changes), _AT_ONCE):
                taken.take(changes[start : start + _AT_ONCE])
            if not page.more and self.marks.seen is not None:
                self._finish_full(taken, self.marks.seen)
                session.read_whole.add((self.feed.side, self.feed.table))
            taken.save()
            if any(entry.clears for entry in taken.entries.values()):
                session.store.put(UNASKED, "yes")
            full = self.marks.seen is not None and page.more
            session.store.save_feed(self.feed.name, FeedState(page.cursor, full))
        self.records += len(changes)
        session.report.observed += len(taken.entries)
        session.progress("observing", self.records, None, self.feed.name)

    def _finish_full(self, taken: Taking, seen: bytearray) -> None:
        """After a full read, take what is linked and was not *seen* as gone."""
        feed = self.feed
        gone_state = (
            LinkState.GONE_MARKETO if feed.side is Side.MARKETO else LinkState.GONE_DYNAMICS
        )
        missing: list[RecordId] = []
        gone_before: dict[PendingKey, RecordId] = {}
        for key, ids, state in self._not_in(seen):
            if state is not gone_state:
                missing.append(ids[feed.side])
            elif self.marks.open_links[key]:
                gone_before[link_key(key)] = ids[feed.side]
        missing += self._back(gone_before)
        if missing and not self.records and not any(seen):
            check_emptied(self.session.settings.guards, feed.side, feed.table, len(missing))
        for start in range(0, len(missing), _AT_ONCE):
            taken.take([Tombstone(id_) for id_ in missing[start : start + _AT_ONCE]])
        taken.take([Tombstone(id_) for id_ in self.marks.unseen.values()])

    def _back(self, gone_before: Mapping[PendingKey, RecordId]) -> Iterator[RecordId]:
        """Yield those of *gone_before* that wait in the backlog because they came back since."""
        keys, side = list(gone_before), self.feed.side
        for start in range(0, len(keys), _AT_ONCE):
            for entry in self.session.store.pending(keys[start : start + _AT_ONCE]).values():
                there = entry.seen[side]
                if there is not None and not there.gone:
                    yield gone_before[entry.key]

    def _not_in(self, seen: bytearray) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        """Yield the links that are not marked in *seen*."""
        store, terms = self.session.store, self.feed.terms
        if seen.count(0) * _FEW > len(seen):
            for entity in terms:
                for key, ids, state in store.each_link(entity):
                    if not seen[key]:
                        yield key, ids, state
            return
        # Nearly all were seen, as nearly always: going over them once more would take a tenth
        # of the whole comparison.
        keys = [key for key, mark in enumerate(seen) if not mark]
        for start in range(0, len(keys), _AT_ONCE):
            for key, link in store.links(keys[start : start + _AT_ONCE]).items():
                if link.entity in terms:
                    yield key, link.ids, link.state


def _latest(changes: Sequence[Change]) -> Sequence[Change]:
    if len({change.id for change in changes}) == len(changes):
        return changes
    latest: dict[RecordId, Change] = {}
    for change in changes:
        before = latest.get(change.id)
        if isinstance(before, Record) and isinstance(change, Record):
            latest[change.id] = attrs.evolve(change, edits=(*before.edits, *change.edits))
        else:
            latest[change.id] = change
    return list(latest.values())
