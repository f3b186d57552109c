"""Observe: read what changed on either side into the backlog, page by page (architecture 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import cast

import attrs
from attrs import Factory

from dynsync._contract import check_changes, check_edits, check_instant, check_page, check_row
from dynsync._session import Session, dynamics_feed, marketo_feed
from dynsync.backlog import (
    Known,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    Sent,
    link_key,
    unlinked_key,
)
from dynsync.connectors import Page
from dynsync.errors import ContractError, CursorExpired, Refused, SchemaChanged
from dynsync.guards import check_emptied, check_expired, check_limits
from dynsync.observing import clears, differs, fold, overwritten
from dynsync.records import (
    MISSING,
    Change,
    Cursor,
    Entity,
    Pair,
    Record,
    RecordId,
    Row,
    Side,
    Tombstone,
    Version,
    Wire,
    plain_id,
)
from dynsync.state import FeedState
from dynsync.terms import Terms

__all__ = ["observe", "row_of"]

_ECHO_WAIT = 86_400.0
"""How long a write waits for its echo, in seconds; Marketo's feed may be late, not a day late."""

_MOST_EMPTY = 1000
"""Empty pages in a row after which a feed is taken as one that never ends."""

_AT_ONCE = 500
"""Changes compared at a time: more bases than that need more memory and are slower to go over."""

RowOf = Callable[[Mapping[str, Wire]], Row]


def row_of(terms: Terms, side: Side) -> RowOf:
    """Return a fast function from a record's values to its row in layout order."""
    natives = terms.natives(side)
    tail: Row = [None] * (len(terms.layout) - len(natives))
    if len(natives) == 1:
        only = natives[0]
        return lambda values: [values.get(only, MISSING), *tail]
    take = cast("Callable[[Mapping[str, Wire]], tuple[Wire, ...]]", itemgetter(*natives))

    def take_row(values: Mapping[str, Wire]) -> Row:
        try:
            return [*take(values), *tail]
        except KeyError:
            return [*(values.get(native, MISSING) for native in natives), *tail]

    return take_row


@attrs.define
class _Feed:
    """One feed: the entities that it serves, and what the reading of it needs."""

    side: Side
    name: str
    table: str
    terms: Mapping[Entity, Terms]
    rows: Mapping[Entity, RowOf]

    @property
    def only(self) -> Entity | None:
        """Return the entity, where the side keeps each in a table of its own."""
        return next(iter(self.terms)) if self.side is Side.DYNAMICS else None

    def of(self, entities: Container[Entity]) -> _Feed | None:
        """Return the feed for those of *entities* that it serves; None if it serves none."""
        terms = {entity: terms for entity, terms in self.terms.items() if entity in entities}
        return attrs.evolve(self, terms=terms) if terms else None

    def other_link_fields(self) -> Mapping[Entity, Sequence[str]]:
        """Return, by entity, where the ids of the others' records are held; none if it is alone."""
        if self.side is Side.DYNAMICS or len(self.terms) == 1:
            return {}
        fields = {entity: terms.map.link_field for entity, terms in self.terms.items()}
        return {mine: [f for e, f in fields.items() if e != mine] for mine in fields}

    def fields(self) -> Sequence[str]:
        """Return the native names to ask for, each once."""
        return list(dict.fromkeys(n for t in self.terms.values() for n in t.natives(self.side)))


def _feeds(session: Session) -> list[_Feed]:
    def feed(side: Side, name: str, table: str, terms: Iterable[Terms]) -> _Feed:
        by_entity = {t.entity: t for t in terms}
        return _Feed(
            side, name, table, by_entity, {e: row_of(t, side) for e, t in by_entity.items()}
        )

    every = list(session.terms.values())
    tables = dict.fromkeys(terms.map.tables.marketo for terms in every)
    feeds = [
        feed(
            Side.MARKETO,
            marketo_feed(table),
            table,
            [t for t in every if t.map.tables.marketo == table],
        )
        for table in tables
    ]
    feeds += [
        feed(Side.DYNAMICS, dynamics_feed(t.entity), t.map.tables.dynamics, [t]) for t in every
    ]
    return feeds


def observe(session: Session) -> None:
    """
    Read every feed to its end, then let the guards look at what came.

    Each page goes into the backlog and moves the cursor in one transaction. Raises
    `RunStopped` before anything was written to either system, and `SystemFailure` where
    Marketo cannot be read; a Dynamics table that cannot be read stops its entity alone.
    """
    for feed in _feeds(session):
        _read_feed(session, feed)
    numbers = session.store.backlog()
    check_limits(session.settings.guards, numbers.links, numbers.gone, numbers.clears)


def _read_feed(session: Session, feed: _Feed) -> None:
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
            session.report.failures.append(failure)
            for entity in mine.terms:
                session.terms.pop(entity, None)
                session.report.stopped[entity] = str(failure)
        else:
            return


def _stop(session: Session, feed: _Feed, failure: SchemaChanged) -> None:
    for entity, terms in feed.terms.items():
        gone = [name for name in failure.fields if name in terms.natives(feed.side)]
        if gone or not failure.fields:
            session.stop_stale(entity, ", ".join(gone) or "unnamed")


@attrs.define
class _Reading:
    """The reading of one feed from where it stands to its end."""

    session: Session
    feed: _Feed
    seen: bytearray | None = None
    unseen: dict[PendingKey, RecordId] = Factory(dict[PendingKey, RecordId])
    open_links: bytearray = Factory(bytearray)
    records: int = 0
    empty: int = 0

    def run(self) -> None:
        store, feed = self.session.store, self.feed
        state = store.feed(feed.name)
        cursor = None if state.full else state.cursor
        top = store.next_key()
        self.open_links = bytearray(top)
        for key in store.open_links():
            self.open_links[key] = 1
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
            self._take(page, cursor)
            cursor, more = page.cursor, page.more
            # Or it would still be in memory beside the next one.
            del page
            if not more:
                return
        self.session.report.interrupted = True

    def _begin_full(self, top: int) -> None:
        """Mark nothing as seen: neither what is linked nor what waits to become a person."""
        self.seen = bytearray(top)
        if self.feed.side is Side.DYNAMICS:
            self.unseen = {
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
        page = self.session.call(
            feed.side,
            "read",
            lambda: connector.read(feed.table, fields, cursor),
        )
        check_page(feed.side, feed.table, page)
        versioned = connector.capabilities.conditional_writes
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

    def _take(self, page: Page, cursor: Cursor | None) -> None:
        """Put the page that was read from *cursor* into the backlog, in one transaction."""
        session = self.session
        now = session.now()
        # A record that a page holds twice is taken as it came last; edits of both are kept.
        changes = list(_latest(page.changes).values())
        skew = now - page.at.timestamp() if page.at is not None else None
        if skew is not None and self.feed.side is Side.MARKETO:
            session.skew = skew
        if skew is not None:
            session.skews[self.feed.side] = skew
        with session.commit():
            taken = _Taking(self, now, skew)
            for start in range(0, len(changes), _AT_ONCE):
                taken.take(changes[start : start + _AT_ONCE])
            if not page.more and self.seen is not None:
                self._finish_full(taken)
            taken.save()
            full = self.seen is not None and page.more
            session.store.save_feed(self.feed.name, FeedState(page.cursor, full))
            for entity in taken.missed:
                session.leave_place(entity, cursor if self.seen is None else None)
        self.records += len(changes)
        session.report.observed += len(taken.entries)
        session.progress("observing", self.records, None, self.feed.name)

    def _finish_full(self, taken: _Taking) -> None:
        """After a full read, take what is linked and was not seen as gone."""
        store, feed, seen = self.session.store, self.feed, self.seen
        if seen is None:
            return
        gone_state = (
            LinkState.GONE_MARKETO if feed.side is Side.MARKETO else LinkState.GONE_DYNAMICS
        )
        missing: list[RecordId] = []
        live = 0
        for entity in feed.terms:
            for key, ids, state in store.each_link(entity):
                if state is gone_state or key >= len(seen):
                    continue
                live += 1
                if not seen[key]:
                    missing.append(ids[feed.side])
        if live and not self.records and not any(seen):
            check_emptied(self.session.settings.guards, feed.side, feed.table, live)
        for start in range(0, len(missing), _AT_ONCE):
            taken.take([Tombstone(id_) for id_ in missing[start : start + _AT_ONCE]])
        taken.take([Tombstone(id_) for id_ in self.unseen.values()])


def _latest(changes: Sequence[Change]) -> dict[RecordId, Change]:
    latest: dict[RecordId, Change] = {}
    for change in changes:
        before = latest.get(change.id)
        if before is not None and isinstance(before, Record) and isinstance(change, Record):
            change = attrs.evolve(change, edits=(*before.edits, *change.edits))  # noqa: PLW2901
        latest[change.id] = change
    return latest


def _doubles(
    changes: Iterable[Change],
    known: Mapping[RecordId, Known],
    others: Mapping[Entity, Sequence[str]],
) -> list[tuple[Change, Entity]]:
    """Return linked people who hold an id where another entity's is held."""
    linked = [(change, known[change.id].entity) for change in changes if change.id in known]
    return [
        (change, entity)
        for change, entity in linked
        if isinstance(change, Record)
        and any(change.values.get(name) not in (None, "") for name in others.get(entity, ()))
    ]


@attrs.define
class _Taking:
    """One page on its way into the backlog."""

    reading: _Reading
    now: float
    skew: float | None
    entries: dict[PendingKey, Pending] = Factory(dict[PendingKey, Pending])
    versions: dict[int, Version | None] = Factory(dict[int, "Version | None"])
    sent: dict[int, tuple[Sent, ...]] = Factory(dict[int, "tuple[Sent, ...]"])
    missed: set[Entity] = Factory(set[Entity])

    def take(self, changes: Sequence[Change]) -> None:
        """Compare each change with the base and fold what differs."""
        by_id = {change.id: change for change in changes}
        feed, reading = self.reading.feed, self.reading
        known = reading.session.store.known(feed.side, by_id.keys(), feed.only)
        news: list[tuple[Change, Known, Row | None]] = []
        strangers: list[Change] = []
        rows, seen, open_links = feed.rows, reading.seen, reading.open_links
        for id_, change in by_id.items():
            link = known.get(id_)
            if link is None:
                strangers.append(change)
                continue
            key = link.key
            if seen is not None and key < len(seen):
                seen[key] = 1
            if isinstance(change, Record):
                row_of = rows.get(link.entity)
                if row_of is None:
                    self.missed.add(link.entity)
                    continue
                row = row_of(change.values)
                if (
                    row == link.row
                    and not link.sent
                    and link.state is LinkState.LIVE
                    and not open_links[key]
                ):
                    if change.version != link.version:
                        self.versions[key] = change.version
                    continue
                news.append((change, link, row))
            elif link.entity in rows:
                news.append((change, link, None))
            else:
                self.missed.add(link.entity)
        self._take_known(news)
        self._take_strangers(strangers)
        if others := feed.other_link_fields():
            self._take_people(_doubles(by_id.values(), known, others))

    def save(self) -> None:
        """Write down what was folded."""
        store, side = self.reading.session.store, self.reading.feed.side
        if self.versions:
            store.save_versions(side, self.versions)
        if self.sent:
            store.save_sent(self.sent)
        if self.entries:
            store.save_pending(self.entries.values())

    # -- linked records

    def _take_known(self, news: Sequence[tuple[Change, Known, Row | None]]) -> None:
        self._load(link_key(link.key) for _, link, _ in news)
        side = self.reading.feed.side
        for change, link, row in news:
            terms = self.reading.feed.terms[link.entity]
            if isinstance(change, Tombstone) or row is None:
                self._take_tombstone(terms, change, link)
            elif side is Side.MARKETO and link.state is LinkState.GONE_DYNAMICS:
                # The person is Marketo's alone now (R45); what it holds is asked for again
                # should its Dynamics record come back (A7).
                continue
            else:
                self._take_record(terms, change, link, row)

    def _take_tombstone(self, terms: Terms, change: Change, link: Known) -> None:
        side = self.reading.feed.side
        gone = LinkState.GONE_MARKETO if side is Side.MARKETO else LinkState.GONE_DYNAMICS
        if link.state is gone:
            return
        seen = Observation(terms.blank(), None, self._stamp(change), gone=True)
        self._fold(terms, link_key(link.key), link, change.id, seen)

    def _take_record(self, terms: Terms, change: Record, link: Known, row: Row) -> None:
        side = self.reading.feed.side
        claims: dict[str, tuple[Wire, Pair[Wire]]] = {}
        if link.sent:
            claims, waiting = self._overwritten(terms, change, link, row)
            if waiting != link.sent:
                self.sent[link.key] = waiting
        check_row(terms, side, row)
        if change.version != link.version:
            self.versions[link.key] = change.version
        key = link_key(link.key)
        alive_again = side is Side.DYNAMICS and link.state is LinkState.GONE_DYNAMICS
        entry = self.entries.get(key)
        # What is waiting was judged without a word from this side, and there is none now:
        # our own echo must not wake it.
        folded = entry is not None and entry.seen[side] is not None
        if not (claims or alive_again or folded or differs(terms, side, row, link.row)):
            return
        seen = Observation(row, change.version, self._stamp(change), claims=claims)
        self._fold(terms, key, link, change.id, seen)

    def _overwritten(
        self, terms: Terms, change: Record, link: Known, row: Row
    ) -> tuple[dict[str, tuple[Wire, Pair[Wire]]], tuple[Sent, ...]]:
        side = self.reading.feed.side
        if side is Side.DYNAMICS:
            return {}, link.sent
        check_edits(terms.map.tables[side], change.edits)
        claims, waiting = overwritten(
            terms, link.sent, change.edits, row, timed=self.skew is not None
        )
        now = self.reading.session.marketo_now()
        return claims, tuple(s for s in waiting if now - s.at < _ECHO_WAIT)

    def _fold(
        self, terms: Terms, key: PendingKey, link: Known, id_: RecordId, seen: Observation
    ) -> None:
        side = self.reading.feed.side
        entry = self.entries.get(key)
        if entry is None:
            nobody: Pair[RecordId | None] = Pair(None, None)
            ids = nobody.replace(side, id_)
            entry = self._new(key, terms.entity, link.key, ids)
        before = entry.seen[side]
        counted = clears(before.row, link.row) if before is not None else 0
        # What the other side clears counts as well, whoever is seen first.
        others = max(entry.clears - counted, 0)
        entry = fold(terms, entry, side, seen, self.now)
        after = entry.seen[side]
        entry.clears = others + (clears(after.row, link.row) if after is not None else 0)
        self.entries[key] = entry
        open_links = self.reading.open_links
        if link.key < len(open_links):
            open_links[link.key] = 1

    def _new(
        self, key: PendingKey, entity: Entity, link: int | None, ids: Pair[RecordId | None]
    ) -> Pending:
        return Pending(key, entity, link, ids, Pair(None, None), self.now, self.now, self.now)

    def _stamp(self, change: Change) -> float | None:
        """Return when *change* was made, by our clock; None if theirs is not known against it."""
        at = change.modified_at
        feed = self.reading.feed
        check_instant(feed.side, feed.table, "modified_at", at)
        return None if at is None or self.skew is None else at.timestamp() + self.skew

    def _load(self, keys: Iterable[PendingKey]) -> None:
        wanted = [key for key in keys if key not in self.entries]
        if wanted:
            self.entries.update(self.reading.session.store.pending(wanted))

    # -- records without a link

    def _take_strangers(self, strangers: Sequence[Change]) -> None:
        """
        Take records that nobody is linked to.

        A new record in Dynamics is to become a person. A person matters only if it holds a
        Dynamics id: background sync never promotes one that exists in Marketo alone (R26).
        """
        if self.reading.feed.side is Side.DYNAMICS:
            self._take_new_dynamics(strangers)
        else:
            self._take_people([(change, None) for change in strangers])

    def _take_new_dynamics(self, strangers: Sequence[Change]) -> None:
        (terms,) = self.reading.feed.terms.values()
        row_of = self.reading.feed.rows[terms.entity]
        self._load(unlinked_key(terms.entity, change.id) for change in strangers)
        for change in strangers:
            key = unlinked_key(terms.entity, change.id)
            entry = self.entries.get(key)
            if isinstance(change, Tombstone):
                if entry is None:
                    continue
                seen = Observation(terms.blank(), None, self._stamp(change), gone=True)
            else:
                row = row_of(change.values)
                check_row(terms, Side.DYNAMICS, row)
                seen = Observation(row, change.version, self._stamp(change))
                self.reading.unseen.pop(key, None)
            if entry is None:
                entry = self._new(key, terms.entity, None, Pair(None, change.id))
            self.entries[key] = fold(terms, entry, Side.DYNAMICS, seen, self.now)

    def _take_people(self, people: Sequence[tuple[Change, Entity | None]]) -> None:
        """Take people who hold the id of a record, of another entity than they are linked as."""
        holders: list[tuple[Terms, RecordId, Record]] = []
        for change, linked_as in people:
            if isinstance(change, Record):
                for terms in self.reading.feed.terms.values():
                    held = plain_id(change.values.get(terms.map.link_field))
                    if held and terms.entity != linked_as:
                        holders.append((terms, held, change))
        store = self.reading.session.store
        for terms in self.reading.feed.terms.values():
            mine = [(held, record) for t, held, record in holders if t is terms]
            linked = store.known(Side.DYNAMICS, [held for held, _ in mine], terms.entity)
            # A second person with the id of a record that has one already is nobody's.
            self._take_holders(terms, [(h, record) for h, record in mine if h not in linked])

    def _take_holders(self, terms: Terms, holders: Sequence[tuple[RecordId, Record]]) -> None:
        self._load(unlinked_key(terms.entity, held) for held, _ in holders)
        row_of = self.reading.feed.rows[terms.entity]
        for held, record in holders:
            key = unlinked_key(terms.entity, held)
            entry = self.entries.get(key)
            if entry is None:
                entry = self._new(key, terms.entity, None, Pair(record.id, held))
            elif entry.ids.marketo not in (None, record.id):
                # Two people hold one id: the first seen keeps it, the other is told apart by
                # nobody here (invariant 27: ambiguity never links).
                continue
            entry = attrs.evolve(entry, ids=entry.ids.replace(Side.MARKETO, record.id))
            row = row_of(record.values)
            check_row(terms, Side.MARKETO, row)
            seen = Observation(row, record.version, self._stamp(record))
            self.entries[key] = fold(terms, entry, Side.MARKETO, seen, self.now)
