"""Gather: complete a batch of backlog entries with what the decision needs to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs
from attrs import Factory

from dynsync._match import match_unlinked
from dynsync._pushed import pushed_people
from dynsync._reading import fetch_all, find_holders, seen_now
from dynsync._remaking import held_by_others
from dynsync._rights import without_blind
from dynsync._session import Session
from dynsync.backlog import AMBIGUOUS_MATCH, Linked, LinkState, Observation, Pending, PendingKey
from dynsync.holding import without_undone
from dynsync.observing import fold
from dynsync.outcomes import TAKEN, shared_by
from dynsync.planning import in_dynamics
from dynsync.records import MISSING, Entity, Record, RecordId, Side, plain_id
from dynsync.terms import Terms

__all__ = ["Ready", "gather"]

_REREAD = frozenset({"stale", "ambiguous", "gone"})
"""Reasons after which what was observed is not trusted any more."""


@attrs.frozen
class Ready:
    """An entry with its link, ready to be planned; or *trouble*, why nobody may be linked."""

    entry: Pending
    link: Linked | None
    trouble: str = ""


@attrs.define
class _Batch:
    session: Session
    terms: Mapping[Entity, Terms]
    entries: dict[PendingKey, Pending]
    links: Mapping[int, Linked]
    trouble: dict[PendingKey, str] = Factory(dict[PendingKey, str])
    meetings: dict[PendingKey, Pending] = Factory(dict[PendingKey, Pending])

    def link(self, entry: Pending) -> Linked | None:
        return self.links.get(entry.link) if entry.link is not None else None

    def id(self, entry: Pending, side: Side) -> RecordId | None:
        link = self.link(entry)
        return link.ids[side] if link is not None else entry.ids[side]

    # -- reading again

    def read(self, side: Side, wanted: Iterable[Pending]) -> None:
        """Fetch the records of *wanted* on *side* and fold them; what is not there is gone."""
        by_table: dict[tuple[str, Entity], list[Pending]] = defaultdict(list)
        for entry in wanted:
            if self.id(entry, side) is not None:
                by_table[self.terms[entry.entity].map.tables[side], entry.entity].append(entry)
        for (table, entity), entries in by_table.items():
            terms = self.terms[entity]
            ids = [id_ for entry in entries if (id_ := self.id(entry, side)) is not None]
            found = fetch_all(self.session, side, table, ids, terms.natives(side))
            for entry in entries:
                self._fold_read(terms, side, entry, found.get(self.id(entry, side) or RecordId("")))

    def _fold_read(self, terms: Terms, side: Side, entry: Pending, record: Record | None) -> None:
        now = self.session.now()
        if record is None and entry.push is not None and side is Side.DYNAMICS:
            # The record that the push is to make is not there: the lost request never arrived.
            unmade = self.entries[entry.key]
            self.entries[entry.key] = attrs.evolve(unmade, seen=unmade.seen.replace(side, None))
            return
        if record is None:
            seen = Observation(terms.blank(), gone=True)
        else:
            seen = seen_now(self.session, terms, side, record)
        current = self.entries[entry.key]
        modified = current.modified
        # The place in the queue stays: the record was in it before it was read again.
        folded = fold(terms, current, side, seen, now)
        self.entries[entry.key] = attrs.evolve(folded, modified=modified)

    def save(self, before: Iterable[Pending]) -> None:
        """Store what was read: should an answer be lost, what was sent follows from it."""
        read = [now for one in before if (now := self.entries[one.key]) is not one]
        if read:
            with self.session.commit():
                self.session.store.save_pending(read)

    def save_meetings(self) -> None:
        """
        Let records that meet somebody new be without a link.

        Their entries are worked off under their own keys, later in this run or in the next one.
        """
        if self.meetings:
            store = self.session.store
            over = [self.entries.pop(key) for key in self.meetings]
            with self.session.commit():
                store.drop_pending([entry.key for entry in over])
                store.drop_links([entry.link for entry in over if entry.link is not None])
                store.save_pending(self.meetings.values())

    # -- which entries need what

    def incomplete(self, side: Side) -> list[Pending]:
        """Return linked entries of which a field is not known on *side*."""
        found: list[Pending] = []
        for entry in self.entries.values():
            link = self.link(entry)
            if link is None:
                continue
            seen = entry.seen[side]
            if seen is not None and seen.gone:
                continue
            back = (
                side is Side.MARKETO
                and link.state is LinkState.GONE_DYNAMICS
                and entry.seen.dynamics is not None
                and not entry.seen.dynamics.gone
            )
            if back or self._unknown(entry, link, side) or self._unversioned(entry, link, side):
                found.append(entry)
        return found

    def _unversioned(self, entry: Pending, link: Linked, side: Side) -> bool:
        """Return whether the version is unknown that a conditional write needs."""
        if not self.session.limits[side].conditional_writes:
            return False
        seen = entry.seen[side]
        known = link.versions[side] is not None or (seen is not None and seen.version is not None)
        return not known and link.state is LinkState.LIVE

    def _unknown(self, entry: Pending, link: Linked, side: Side) -> bool:
        """Return whether a field that the other side reports is unknown on this one."""
        terms = self.terms[entry.entity]
        if link.state is LinkState.GONE_MARKETO or link.state is LinkState.GONE_DYNAMICS:
            return False
        seen, base = entry.seen[side], link.rows[side]
        if MISSING not in base:
            return False
        plain = terms.plain
        return any(
            base[at] is MISSING
            and (seen is None or seen.row[at] is MISSING)
            and terms.fields[at].names[side] != ""
            for at in range(plain)
        )

    # -- matching

    def find_lost(self) -> None:
        """
        Find who holds the ids of records that nobody is known to be.

        Marketo's feed may be late, and an upsert would write over what such a person holds. Which
        of several it is nobody can say (invariant 27). Where all people were read in this run,
        only a write without an answer may have made somebody since, or the read passed over
        whoever holds the id.
        """
        lost: dict[Entity, dict[RecordId, Pending]] = defaultdict(dict)
        for entry in self.unmet():
            table = self.terms[entry.entity].map.tables.marketo
            whole = (Side.MARKETO, table) in self.session.read_whole
            unread = (
                not whole or entry.reason == "ambiguous" or entry.key in self.session.passed_over
            )
            seen = entry.seen.dynamics
            if unread and entry.ids.dynamics is not None and not (seen is not None and seen.gone):
                lost[entry.entity][plain_id(entry.ids.dynamics)] = entry
        for entity, entries in lost.items():
            terms = self.terms[entity]
            holders = find_holders(self.session, terms, entries.keys())
            for id_, entry in entries.items():
                held = holders.get(id_, ())
                if len(held) == 1:
                    self._pair(terms, entry, held[0])
                elif held:
                    self.trouble[entry.key] = shared_by(len(held))

    def unmet(self) -> list[Pending]:
        """Return the entries of records that nobody is linked to, and nobody is known to be."""
        return [
            entry
            for entry in self.entries.values()
            if entry.link is None and entry.push is None and entry.seen.marketo is None
        ]

    def match(self) -> None:
        """Find the person of records that nobody is linked to, where the host asks for it."""
        by_entity: dict[Entity, list[Pending]] = defaultdict(list)
        for entry in self.unmet():
            seen = entry.seen.dynamics
            if seen is not None and not seen.gone and entry.key not in self.trouble:
                by_entity[entry.entity].append(entry)
        for entity, entries in by_entity.items():
            terms = self.terms[entity]
            found = match_unlinked(self.session, terms, entries)
            for entry in (one for one in entries if one.key in found):
                person = found[entry.key]
                if isinstance(person, str):
                    self.trouble[entry.key] = person
                else:
                    self._pair(terms, entry, person)

    def _pair(self, terms: Terms, entry: Pending, person: Record) -> None:
        seen = seen_now(self.session, terms, Side.MARKETO, person)
        paired = attrs.evolve(
            self.entries[entry.key], ids=entry.ids.replace(Side.MARKETO, person.id)
        )
        folded = fold(terms, paired, Side.MARKETO, seen, self.session.now())
        self.entries[entry.key] = attrs.evolve(folded, modified=entry.modified)

    def look_for_holders(self) -> None:
        """Make nobody again whose id another person holds: they meet, or it is nobody's to say."""
        by_entity: dict[Entity, list[tuple[Pending, Linked]]] = defaultdict(list)
        for entry in self.entries.values():
            link = self.link(entry)
            if link is not None:
                by_entity[entry.entity].append((entry, link))
        for entity, entries in by_entity.items():
            found = held_by_others(self.session, self.terms[entity], entries)
            self.trouble.update(found.trouble)
            self.meetings.update(found.meetings)

    def refuse_taken(self) -> None:
        """
        Refuse to pair a person that is linked to another record, or about to be.

        Of several records it is the one that the person says to be, and one that is there.
        Who is pushed while another record is about to be theirs is not made a second one (A7).
        """
        pairs = [
            (entry.ids.marketo, entry.key)
            for entry in self.entries.values()
            if entry.link is None and entry.ids.marketo is not None and entry.push is None
        ]
        known = self.session.store.known(Side.MARKETO, [person for person, _ in pairs])
        for person, key in sorted(pairs, key=lambda pair: self._claim(self.entries[pair[1]])):
            entry = self.entries[key]
            over = entry.seen.dynamics is not None and entry.seen.dynamics.gone
            if over and (person in known or self.session.claimed.get(person, key) != key):
                # Another record is the person's by now, and nothing is left of this one.
                unmet = entry.seen.replace(Side.MARKETO, None)
                self.entries[key] = attrs.evolve(entry, seen=unmet)
                continue
            linked = person in known and known[person].state is LinkState.LIVE
            if linked or self.session.claimed.setdefault(person, key) != key:
                self.trouble[key] = TAKEN
        for key, entry in self.entries.items():
            pushed = entry.ids.marketo if self._wants_a_record(entry) else None
            if pushed is not None and self.session.claimed.setdefault(pushed, key) != key:
                self.trouble[key] = TAKEN

    def _claim(self, entry: Pending) -> int:
        """Return how late *entry* may claim its person, before whom others of the batch may."""
        here, there = entry.seen
        if there is not None and there.gone:
            return 2
        terms = self.terms[entry.entity]
        if here is None or "@type" not in terms.layout:
            return 1
        return 0 if here.row[terms.index("@type")] == terms.map.type_label else 1

    def _wants_a_record(self, entry: Pending) -> bool:
        """Return whether *entry* asks for a record of a person who has none."""
        seen = entry.seen.marketo
        if entry.push is None or entry.ids.dynamics is None or seen is None or seen.gone:
            return False
        return not in_dynamics(self.terms[entry.entity], seen.row, entry.ids.dynamics)

    def refuse_adopting(self) -> None:
        """Refuse to take for a pushed person's own the record that another person is linked to."""
        for entity, terms in self.terms.items():
            made = {
                entry.ids.dynamics: entry.key
                for entry in self.entries.values()
                if entry.entity == entity and entry.push is not None and entry.link is None
                if entry.ids.dynamics is not None and entry.seen.dynamics is not None
            }
            if made:
                for id_ in self.session.store.known(Side.DYNAMICS, made.keys(), terms.entity):
                    self.trouble[made[id_]] = "its record is linked to another person"

    def see_whose_pushes(self) -> None:
        """Let pushed people hold the records that they have (U11, A7, R32)."""
        pushed = {key: entry for key, entry in self.entries.items() if entry.push is not None}
        found = pushed_people(self.session, self.terms, pushed)
        self.entries.update(found.entries)
        self.trouble.update(found.trouble)

    def let_go(self) -> None:
        """
        Let go of people who are gone, or no longer hold the id for which they are to be linked.

        Marketo's feed tells of who holds an id, and not of who has let go of one: who was seen
        in an earlier run is read again. Somebody else may hold the id by now, as after a merge.
        """
        began = self.session.report.started.timestamp()
        waiting = [
            entry
            for entry in self.entries.values()
            if entry.link is None
            and entry.push is None
            and entry.ids.marketo is not None
            and entry.since < began
        ]
        self.read(Side.MARKETO, waiting)
        for entry in (self.entries[one.key] for one in waiting):
            seen, at = entry.seen.marketo, self.terms[entry.entity].index("@id")
            if seen is not None and (seen.gone or plain_id(seen.row[at]) != entry.ids.dynamics):
                self.entries[entry.key] = attrs.evolve(
                    entry,
                    ids=entry.ids.replace(Side.MARKETO, None),
                    seen=entry.seen.replace(Side.MARKETO, None),
                )


def gather(
    session: Session, terms: Mapping[Entity, Terms], entries: Sequence[Pending]
) -> Iterator[Ready]:
    """
    Return *entries* with their links, re-read where what is known is not enough to decide.

    Asks the systems only for what changed and is not known: after a stale or ambiguous
    write, for a field that is new, for the other half of a pair, for a push.
    """
    links = dict(session.store.links([e.link for e in entries if e.link is not None]))
    batch = _Batch(session, terms, {entry.key: entry for entry in entries}, links)
    for entry in entries:
        if entry.holds and (link := batch.link(entry)) is not None:
            links[link.key] = without_undone(terms[entry.entity], entry, link)
    # What became of a write to records that are linked was heard already.
    again = [e for e in entries if e.reason in _REREAD and not (e.link and e.reason == "ambiguous")]
    # What a push has made, though nobody could be linked, the feed may not have told yet.
    again += [e for e in entries if e.push is not None and e.reason == AMBIGUOUS_MATCH]
    for side in Side:
        batch.read(side, [e for e in again if e.push is None or side is Side.DYNAMICS])
        batch.read(side, batch.incomplete(side))
    batch.read(Side.MARKETO, [e for e in batch.entries.values() if e.push is not None])
    batch.see_whose_pushes()
    batch.let_go()
    halves = [
        entry
        for entry in batch.entries.values()
        if entry.link is None and entry.push is None and entry.seen.dynamics is None
    ]
    batch.read(Side.DYNAMICS, halves)
    batch.find_lost()
    batch.match()
    batch.refuse_taken()
    batch.refuse_adopting()
    batch.look_for_holders()
    batch.save(entries)
    batch.save_meetings()
    told = without_blind(session, terms, batch.entries, links)
    # One at a time: what is alive at once is what the garbage collector walks over.
    return (
        Ready(entry, batch.link(entry), batch.trouble.get(entry.key, "")) for entry in told.values()
    )
