"""Take a page of a feed into the backlog: compare it with the bases, fold what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs
from attrs import Factory

from dynsync._contract import check_edits, check_row
from dynsync._feeds import Feed
from dynsync._notes import still_awaited
from dynsync._reading import by_our_clock
from dynsync._refused import any_refused, is_refused, push_keys
from dynsync._session import Session
from dynsync._unanswered import covered, is_unanswered
from dynsync.backlog import (
    Claims,
    Known,
    Linked,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    Sent,
    link_key,
    unlinked_key,
)
from dynsync.holding import swallowed_fields
from dynsync.observing import clears, differs, fold, overwritten, shows, told_apart
from dynsync.records import (
    MISSING,
    Change,
    Entity,
    Pair,
    Record,
    RecordId,
    Row,
    Side,
    Tombstone,
    Version,
    plain_id,
)
from dynsync.terms import Terms

__all__ = ["Marks", "Taking"]

_CROSSING = Pair(Side.MARKETO, Side.DYNAMICS)


@attrs.define
class Marks:
    """
    What the reading of a feed has come across.

    *seen* has a byte for each link, in a full read; *unseen* holds the unlinked entries that a
    full read has not met yet; *open_links* has one for each link, which says whether it is in the
    backlog. While feeds are read no link is made: whoever is known has a byte in both.
    """

    seen: bytearray | None = None
    unseen: dict[PendingKey, RecordId] = Factory(dict[PendingKey, RecordId])
    open_links: bytearray = Factory(bytearray)


@attrs.define
class Taking:
    """One page on its way into the backlog."""

    session: Session
    feed: Feed
    marks: Marks
    now: float
    skew: float | None
    entries: dict[PendingKey, Pending] = Factory(dict[PendingKey, Pending])
    versions: dict[int, Version | None] = Factory(dict[int, "Version | None"])
    sent: dict[int, tuple[Sent, ...]] = Factory(dict[int, "tuple[Sent, ...]"])
    heard: dict[int, Linked] = Factory(dict[int, Linked])

    def take(self, changes: Sequence[Change]) -> None:
        """Compare each change with the base and fold what differs."""
        by_id = {change.id: change for change in changes}
        feed, marks = self.feed, self.marks
        known = self.session.store.known(feed.side, by_id.keys(), feed.only)
        news: list[tuple[Change, Known, Row | None]] = []
        strangers: list[Change] = []
        rows, seen, open_links = feed.rows, marks.seen, marks.open_links
        for id_, change in by_id.items():
            link = known.get(id_)
            if link is None:
                strangers.append(change)
                continue
            key = link.key
            if seen is not None:
                seen[key] = 1
            if isinstance(change, Record):
                row_of = rows.get(link.entity)
                if row_of is None:
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
        self._take_known(news)
        self._take_strangers(strangers)
        if link_fields := feed.link_fields():
            self._take_people(_doubles(by_id.values(), known, link_fields))

    def save(self) -> None:
        """Write down what was folded."""
        store, side = self.session.store, self.feed.side
        if self.heard:
            store.save_links(self.heard.values())
        if self.versions:
            store.save_versions(side, self.versions)
        if self.sent:
            store.save_sent(self.sent)
        if self.entries:
            store.save_pending(self.entries.values())

    # -- linked records

    def _take_known(self, news: Sequence[tuple[Change, Known, Row | None]]) -> None:
        open_links = self.marks.open_links
        self._load(link_key(link.key) for _, link, _ in news if open_links[link.key])
        side = self.feed.side
        for change, link, row in news:
            terms = self.feed.terms[link.entity]
            if isinstance(change, Tombstone) or row is None:
                self._take_tombstone(terms, change, link)
            elif side is Side.MARKETO and link.state is LinkState.GONE_DYNAMICS:
                self._take_alone(terms, change, link, row)
            else:
                self._take_record(terms, change, link, row)
        if side is Side.MARKETO:
            self._pass_over(news)
            self._take_pushed_again(news)

    def _pass_over(self, news: Sequence[tuple[Change, Known, Row | None]]) -> None:
        """
        Remember whose ids linked people hold in the place of their own.

        They are nobody's to meet; an upsert by such an id would find them all the same.
        """
        for _, link, row in news:
            at = self.feed.terms[link.entity].index("@id")
            if row is None or row[at] == link.row[at]:
                continue
            held = plain_id(row[at])
            if held and held != plain_id(link.row[at]):
                self.session.passed_over.add(unlinked_key(link.entity, held))

    def _take_alone(self, terms: Terms, change: Record, link: Known, row: Row) -> None:
        """
        Take a person who is Marketo's alone now (R45).

        What it holds is asked for again should its Dynamics record come back (A7). Only an edit
        that a write of ours overwrote before is news: it goes back where it was.
        """
        if shows(terms, link.sent, row):
            self.session.echoed.add(link.key)
        claims, unechoed = self._overwritten(terms, change, link, row)
        waiting = self._remembered(terms, change, link, unechoed)
        if waiting != link.sent:
            self.sent[link.key] = waiting
        key = link_key(link.key)
        entry = self.entries.get(key)
        before = entry.seen.marketo if entry is not None else None
        names = {*claims, *(before.claims if before is not None else ())}
        if names:
            check_row(terms, Side.MARKETO, row)
            alone = terms.blank()
            for at in (terms.index(name) for name in names):
                alone[at] = row[at]
            seen = Observation(alone, change.version, self._stamp(change), claims=claims)
            self._fold(terms, key, link, change.id, seen)

    def _take_tombstone(self, terms: Terms, change: Change, link: Known) -> None:
        side = self.feed.side
        gone = LinkState.GONE_MARKETO if side is Side.MARKETO else LinkState.GONE_DYNAMICS
        entry = self.entries.get(link_key(link.key))
        back = entry.seen[side] if entry is not None else None
        if link.state is gone and (back is None or back.gone):
            return
        self._fold(terms, link_key(link.key), link, change.id, self._seen(terms, change))

    def _take_record(self, terms: Terms, change: Record, link: Known, row: Row) -> None:
        side = self.feed.side
        claims: Claims = {}
        if link.sent:
            claims, unechoed = self._overwritten(terms, change, link, row)
            waiting = self._remembered(terms, change, link, unechoed)
            if waiting != link.sent:
                self.sent[link.key] = waiting
            if unechoed != link.sent:
                link = self._take_echo(terms, link, unechoed)
            if side is Side.MARKETO and shows(terms, waiting, row):
                self.session.echoed.add(link.key)
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

    def _take_echo(self, terms: Terms, link: Known, waiting: Sequence[Sent]) -> Known:
        """
        Move the base of *link* to writes that nobody knew were made, and whose echo has come.

        Nobody answered them, or they were taken for swallowed because the feed was late (R24).
        What Dynamics is known to hold is what was sent, if it means the same: its feed is read
        later. Whatever the person holds by now was entered with ours in view (invariant 4).
        """
        entry = self.entries.get(link_key(link.key))
        there = entry.seen.dynamics if entry is not None else None
        if entry is None or there is None or there.gone:
            return link
        doubted = swallowed_fields(entry.holds)
        unheard = is_unanswered(self.session, entry.key)
        come = [
            write
            for number, write in enumerate(link.sent, 1)
            if write not in waiting and write.field in terms.layout
            if unheard or write.field in doubted
            # Of what was written afterwards nothing may be under way.
            if not any(one.field == write.field for one in link.sent[number:] if one in waiting)
        ]
        if not come:
            return link
        before = self.session.store.links([link.key])[link.key]
        base = before.rows.map(list)
        for write in come:
            at = terms.index(write.field)
            source = there.row[at]
            if source is not MISSING and terms.fields[at].same(write.new, source, _CROSSING):
                base.marketo[at], base.dynamics[at] = write.new, source
        made = {write.field for write in come} & doubted
        holds = tuple(h for h in entry.holds if h.side is not Side.MARKETO or h.field not in made)
        self.entries[entry.key] = attrs.evolve(entry, holds=holds)
        self.heard[link.key] = attrs.evolve(before, rows=base)
        return link._replace(row=base.marketo)

    def _overwritten(
        self, terms: Terms, change: Record, link: Known, row: Row
    ) -> tuple[Claims, tuple[Sent, ...]]:
        """Return the edits that our writes covered, and the writes whose echo waits."""
        side = self.feed.side
        if side is Side.DYNAMICS:
            return {}, link.sent
        check_edits(terms.map.tables[side], change.edits)
        return overwritten(terms, link.sent, change.edits, row, timed=self.skew is not None)

    def _remembered(
        self, terms: Terms, change: Record, link: Known, unechoed: Sequence[Sent]
    ) -> tuple[Sent, ...]:
        """Return the writes whose echo may still come."""
        if self.feed.side is Side.DYNAMICS:
            return tuple(unechoed)
        waiting = told_apart(terms, link.sent, unechoed, change.edits)
        return still_awaited(waiting, self.session.marketo_now())

    def _fold(
        self, terms: Terms, key: PendingKey, link: Known, id_: RecordId, seen: Observation
    ) -> None:
        side = self.feed.side
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
        self.marks.open_links[link.key] = 1

    def _new(
        self, key: PendingKey, entity: Entity, link: int | None, ids: Pair[RecordId | None]
    ) -> Pending:
        return Pending(key, entity, link, ids, Pair(None, None), self.now, self.now, self.now)

    def _stamp(self, change: Change) -> float | None:
        """Return when *change* was made, by our clock; None if theirs is not known against it."""
        return by_our_clock(self.feed.side, self.feed.table, change.modified_at, self.skew)

    def _load(self, keys: Iterable[PendingKey]) -> None:
        wanted = [key for key in keys if key not in self.entries]
        if wanted:
            self.entries.update(self.session.store.pending(wanted))

    # -- records without a link

    def _take_strangers(self, strangers: Sequence[Change]) -> None:
        """
        Take records that nobody is linked to.

        A new record in Dynamics is to become a person. A person matters only if it holds a
        Dynamics id: background sync never promotes one that exists in Marketo alone (R26).
        """
        if self.feed.side is Side.DYNAMICS:
            self._take_new_dynamics(strangers)
        else:
            self._take_people([(change, None) for change in strangers])
            if strangers and any_refused(self.session):
                self._take_pushed([(change, None) for change in strangers])

    def _take_new_dynamics(self, strangers: Sequence[Change]) -> None:
        (terms,) = self.feed.terms.values()
        self._load(unlinked_key(terms.entity, change.id) for change in strangers)
        for change in strangers:
            key = unlinked_key(terms.entity, change.id)
            entry = self.entries.get(key)
            if isinstance(change, Tombstone):
                if entry is None:
                    continue
            else:
                self.marks.unseen.pop(key, None)
            if entry is None:
                entry = self._new(key, terms.entity, None, Pair(None, change.id))
            seen = self._seen(terms, change)
            self.entries[key] = fold(terms, entry, Side.DYNAMICS, seen, self.now)

    def _take_pushed_again(self, news: Sequence[tuple[Change, Known, Row | None]]) -> None:
        alone = {
            link.key: change for change, link, _ in news if link.state is LinkState.GONE_DYNAMICS
        }
        if alone and any_refused(self.session):
            ended = self.session.store.links(alone)
            self._take_pushed([(alone[key], link.ids.dynamics) for key, link in ended.items()])

    def _take_pushed(self, people: Sequence[tuple[Change, RecordId | None]]) -> None:
        """
        Let pushes that were refused hear what became of their people (A20).

        What they hold may be right by now, or they are gone. Each of *people* comes with the
        deleted record that was theirs before (R32).
        """
        changes = {change.id: change for change, _ in people}
        keys = push_keys(self.session, [(change.id, before) for change, before in people])
        self._load(keys)
        for key, person in keys.items():
            entry = self.entries.get(key)
            if entry is not None and entry.entity in self.feed.terms and is_refused(entry):
                terms, change = self.feed.terms[entry.entity], changes[person]
                seen = self._seen(terms, change)
                self.entries[key] = fold(terms, entry, Side.MARKETO, seen, self.now)

    def _seen(self, terms: Terms, change: Change) -> Observation:
        """Return what *change* tells, as it was seen."""
        if isinstance(change, Tombstone):
            return Observation(terms.blank(), None, self._stamp(change), gone=True)
        row = self.feed.rows[terms.entity](change.values)
        check_row(terms, self.feed.side, row)
        return Observation(row, change.version, self._stamp(change))

    def _take_people(self, people: Sequence[tuple[Change, Entity | None]]) -> None:
        """Take people who hold the id of a record, of another entity than they are linked as."""
        holders: list[tuple[Terms, RecordId, Record]] = []
        alone = {change.id for change, linked_as in people if linked_as is None}
        for change, linked_as in people:
            if isinstance(change, Record):
                for terms in self.feed.terms.values():
                    held = plain_id(change.values.get(terms.map.link_field))
                    if held and terms.entity != linked_as:
                        holders.append((terms, held, change))
        store = self.session.store
        for terms in self.feed.terms.values():
            mine = [(held, record) for t, held, record in holders if t is terms]
            linked = store.known(Side.DYNAMICS, [held for held, _ in mine], terms.entity)
            # A second person with the id of a record that has one already is nobody's.
            self._take_holders(terms, [(h, record) for h, record in mine if h not in linked])
            self._wake(terms, {h: linked[h] for h, one in mine if h in linked and one.id in alone})

    def _wake(self, terms: Terms, links: Mapping[RecordId, Known]) -> None:
        """Have it looked who holds the ids of *links* whose own person was deleted (A28)."""
        gone = {id_: k.key for id_, k in links.items() if k.state is LinkState.GONE_MARKETO}
        self._load(map(link_key, gone.values()))
        for id_, link in gone.items():
            key = link_key(link)
            entry = self.entries.get(key) or self._new(key, terms.entity, link, Pair(None, id_))
            self.entries[key] = attrs.evolve(entry, retry_at=self.now)
            self.marks.open_links[link] = 1

    def _take_holders(self, terms: Terms, holders: Sequence[tuple[RecordId, Record]]) -> None:
        self._load(unlinked_key(terms.entity, held) for held, _ in holders)
        for held, record in holders:
            key = unlinked_key(terms.entity, held)
            entry = self.entries.get(key)
            if entry is None:
                entry = self._new(key, terms.entity, None, Pair(record.id, held))
            elif entry.ids.marketo not in (None, record.id):
                # Two people hold one id: the first seen keeps it, the other is told apart by
                # nobody here (invariant 27: ambiguity never links).
                self.session.passed_over.add(key)
                continue
            entry = attrs.evolve(entry, ids=entry.ids.replace(Side.MARKETO, record.id))
            seen, timed = self._seen(terms, record), self.skew is not None
            claims = covered(self.session, terms, entry, record, seen.row, timed=timed)
            seen = attrs.evolve(seen, claims=claims)
            self.entries[key] = fold(terms, entry, Side.MARKETO, seen, self.now)


def _doubles(
    changes: Iterable[Change],
    known: Mapping[RecordId, Known],
    link_fields: Mapping[Entity, str],
) -> list[tuple[Change, Entity]]:
    """
    Return linked people who hold an id where another entity's is held, and whose they are.

    Theirs may take no part now: an upsert for the other one would write over them all the same.
    """
    linked = [(change, known[change.id].entity) for change in changes if change.id in known]
    return [
        (change, entity)
        for change, entity in linked
        if isinstance(change, Record)
        and any(
            change.values.get(name) not in (None, "")
            for other, name in link_fields.items()
            if other != entity
        )
    ]
