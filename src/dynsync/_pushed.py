"""Say which record of Dynamics a pushed person has already, whatever the person says (U11, A7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
from attrs import Factory

from dynsync._reading import fetch_all
from dynsync._session import Session
from dynsync.backlog import Linked, LinkState, Observation, Pending, PendingKey, link_key
from dynsync.outcomes import TAKEN
from dynsync.records import Entity, RecordId, Side, Wire, plain_id
from dynsync.terms import Terms

__all__ = ["Pushed", "pushed_people"]

_DELETED: Final = LinkState.GONE_DYNAMICS


@attrs.define
class Pushed:
    """*entries* of pushed people, who hold the records they have, and why some link nobody."""

    entries: dict[PendingKey, Pending]
    trouble: dict[PendingKey, str] = Factory(dict[PendingKey, str])

    def of_people(self, entity: Entity | None = None) -> dict[RecordId, Pending]:
        """Return the entries by their people, all of them or those of *entity*."""
        return {
            entry.ids.marketo: entry
            for entry in self.entries.values()
            if entry.ids.marketo is not None and entity in (None, entry.entity)
        }


def pushed_people(
    session: Session, terms: Mapping[Entity, Terms], entries: Mapping[PendingKey, Pending]
) -> Pushed:
    """
    Return *entries* of pushed people who were read, with the ids of the records they have.

    A person has the record of another entity whose id they hold (U11). What was deleted they
    have not, flagged or not (R32), unless it is back: what is linked, or alive again, they have,
    though its return be neither told nor settled yet (A7). Should the push have made another
    record meanwhile, nobody is linked (invariant 27).
    """
    pushed = Pushed(dict(entries))
    for one in terms.values():
        _note_other_ids(session, one, pushed)
    _heed_links(session, terms, pushed)
    return pushed


def _note_other_ids(session: Session, own: Terms, pushed: Pushed) -> None:
    table = own.map.tables.marketo
    # Also of those that take no part now: their records are there all the same.
    fields = [
        other.link_field
        for other in session.maps
        if other.entity != own.entity and other.tables.marketo == table
    ]
    entries = pushed.of_people(own.entity)
    if not fields or not entries:
        return
    for person in fetch_all(session, Side.MARKETO, table, list(entries), fields).values():
        entry = entries[person.id]
        id_ = next((wire for wire in person.values.values() if wire not in (None, "")), None)
        if id_ is not None and not _held(own, entry):
            pushed.entries[entry.key] = _holding(own, entry, {"@id": id_})


def _heed_links(session: Session, terms: Mapping[Entity, Terms], pushed: Pushed) -> None:
    entries = pushed.of_people()
    known = session.store.known(Side.MARKETO, entries.keys()).values()
    links = session.store.links([one.key for one in known])
    back = _back(session, terms, [link for link in links.values() if link.state is _DELETED])
    for link in links.values():
        entry = entries[link.ids.marketo]
        own, id_ = terms[entry.entity], link.ids.dynamics
        if link.state is LinkState.LIVE or link.key in back:
            pushed.entries[entry.key] = _holding(own, entry, {"@id": id_, "@deleted": False})
            if _is_alive(entry.seen.dynamics):
                pushed.trouble[entry.key] = TAKEN
        elif link.state is _DELETED and _held(own, entry) == id_:
            pushed.entries[entry.key] = _holding(own, entry, {"@id": None})


def _is_alive(seen: Observation | None) -> bool:
    return seen is not None and not seen.gone


def _held(terms: Terms, entry: Pending) -> str:
    """Return the id that the person of *entry* holds, "" if none."""
    seen = entry.seen.marketo
    return "" if seen is None else plain_id(seen.row[terms.index("@id")])


def _holding(terms: Terms, entry: Pending, values: Mapping[str, Wire]) -> Pending:
    """Return *entry* with a person, if there is one, who holds *values* where it has the fields."""
    seen = entry.seen.marketo
    if seen is None or seen.gone:
        return entry
    row = [*seen.row]
    for name in values.keys() & set(terms.layout):
        row[terms.index(name)] = values[name]
    return attrs.evolve(entry, seen=entry.seen.replace(Side.MARKETO, attrs.evolve(seen, row=row)))


def _back(session: Session, terms: Mapping[Entity, Terms], deleted: Sequence[Linked]) -> set[int]:
    """Return which of the *deleted* records are alive: told so already, or looked for."""
    waiting = session.store.pending([link_key(link.key) for link in deleted]).values()
    back = {e.link for e in waiting if e.link is not None and _is_alive(e.seen.dynamics)}
    for entity, own in terms.items():
        unseen = {
            link.ids.dynamics: link.key
            for link in deleted
            if link.entity == entity and link.key not in back
        }
        if unseen:
            table, names = own.map.tables.dynamics, own.natives(Side.DYNAMICS)
            found = fetch_all(session, Side.DYNAMICS, table, list(unseen), names[:1])
            back.update(unseen[id_] for id_ in found)
    return back
