"""Say which record of Dynamics a pushed person has already, whatever the person says (U11, A7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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

    def of_people(self, entity: Entity) -> dict[RecordId, Pending]:
        """Return the entries of *entity* by their people."""
        return {
            entry.ids.marketo: entry
            for entry in self.entries.values()
            if entry.ids.marketo is not None and entry.entity == entity
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
        _heed_what_is_gone(session, one, pushed)
        over = _heed_links(session, terms, one, pushed)
        _note_other_ids(session, terms, one, pushed, over)
        _heed_what_is_there(session, terms, one, pushed)
    return pushed


def _heed_what_is_gone(session: Session, own: Terms, pushed: Pushed) -> None:
    """
    Let people hold no id of a record that is gone; what they are linked to is heeded after that.

    They may have inherited it by a merge, with no word of its end.
    """
    held = {
        entry.key: RecordId(id_)
        for entry in pushed.of_people(own.entity).values()
        if (id_ := _held(own, entry)) not in {"", entry.ids.dynamics} and not _is_marked(own, entry)
    }
    there = _there(session, own, held.values())
    for key in (key for key, id_ in held.items() if id_ not in there):
        pushed.entries[key] = _holding(own, pushed.entries[key], {"@id": None})


def _there(session: Session, own: Terms, ids: Collection[RecordId]) -> Collection[RecordId]:
    """Return which of *ids* are of records that are there."""
    table, names = own.map.tables.dynamics, own.natives(Side.DYNAMICS)
    return fetch_all(session, Side.DYNAMICS, table, ids, names[:1]).keys()


def _note_other_ids(
    session: Session,
    terms: Mapping[Entity, Terms],
    own: Terms,
    pushed: Pushed,
    over: Mapping[RecordId, RecordId],
) -> None:
    """Let people hold the id that they hold as another entity, unless that is *over*, or gone."""
    table = own.map.tables.marketo
    # Also of those that take no part now: their records are there all the same.
    fields = {
        other.link_field: other.entity
        for other in session.maps
        if other.entity != own.entity and other.tables.marketo == table
    }
    if not fields:
        return
    entries = pushed.of_people(own.entity)
    people = fetch_all(session, Side.MARKETO, table, list(entries), list(fields)).values()
    for name, entity in fields.items():
        held = {
            person.id: id_
            for person in people
            if (id_ := plain_id(person.values.get(name))) not in {"", over.get(person.id)}
            and not _held(own, pushed.entries[entries[person.id].key])
        }
        other = terms.get(entity)
        there = held.values() if other is None else _there(session, other, [*held.values()])
        for person, id_ in held.items():
            if id_ in there:
                entry = entries[person]
                pushed.entries[entry.key] = _unmade(own, _holding(own, entry, {"@id": id_}))


def _heed_what_is_there(
    session: Session, terms: Mapping[Entity, Terms], own: Terms, pushed: Pushed
) -> None:
    """Let marked people have the record whose id they hold, if it is there: the mark is older."""
    marked = {
        RecordId(held): entry.key
        for entry in pushed.of_people(own.entity).values()
        if (held := _held(own, entry)) and _is_marked(own, entry)
    }
    for other in terms.values():
        if other.map.tables.marketo == own.map.tables.marketo:
            for id_ in _there(session, other, list(marked)):
                there = _holding(own, pushed.entries[marked[id_]], {"@deleted": False})
                pushed.entries[there.key] = there if other is own else _unmade(own, there)


def _is_marked(terms: Terms, entry: Pending) -> bool:
    """Return whether the person of *entry* says that its record was deleted."""
    seen = entry.seen.marketo
    if seen is None or "@deleted" not in terms.layout:
        return False
    return seen.row[terms.index("@deleted")] is True


def _unmade(own: Terms, entry: Pending) -> Pending:
    """
    Return *entry* without the id to be made, where its person has a record of that id.

    The id does not depend on what a person is made as: this one was made as another entity.
    """
    if _is_marked(own, entry) or _held(own, entry) != entry.ids.dynamics:
        return entry
    return attrs.evolve(entry, ids=entry.ids.replace(Side.DYNAMICS, None))


def _heed_links(
    session: Session, terms: Mapping[Entity, Terms], own: Terms, pushed: Pushed
) -> Mapping[RecordId, RecordId]:
    """Let linked people have what they are linked to; return by person what was deleted."""
    over: dict[RecordId, RecordId] = {}
    entries = pushed.of_people(own.entity)
    known = session.store.known(Side.MARKETO, entries.keys()).values()
    links = session.store.links([one.key for one in known])
    back = _back(session, terms, [link for link in links.values() if link.state is _DELETED])
    for link in links.values():
        entry = entries[link.ids.marketo]
        id_ = link.ids.dynamics
        if link.state is LinkState.LIVE or link.key in back:
            held = _holding(own, entry, {"@id": id_, "@deleted": False})
            pushed.entries[entry.key] = _unmade(own, held)
            if _is_alive(entry.seen.dynamics):
                pushed.trouble[entry.key] = TAKEN
        elif link.state is _DELETED:
            over[link.ids.marketo] = id_
            if _held(own, entry) == id_:
                pushed.entries[entry.key] = _holding(own, entry, {"@id": None})
    return over


def _is_alive(seen: Observation | None) -> bool:
    return seen is not None and not seen.gone


def _held(terms: Terms, entry: Pending) -> str:
    """Return the id that the person of *entry* holds, "" if none."""
    seen = entry.seen.marketo
    return "" if seen is None else plain_id(seen.row[terms.index("@id")])


def _holding(terms: Terms, entry: Pending, values: Mapping[str, Wire]) -> Pending:
    """Return *entry* with a person who holds *values*, where it has the fields."""
    seen = entry.seen.marketo
    if seen is None:
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
            back.update(unseen[id_] for id_ in _there(session, own, list(unseen)))
    return back
