"""
Before a person who was deleted in Marketo is made again, or forgotten: see who holds the id by now.

A merge, or somebody's edit, may have given it to another person. Marketo's upsert by that field
would find them and replace their values; and that the record is gone is theirs to say (R45).
Where nobody holds it, whom the record resembles is asked as for a new one (A28).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import attrs
from attrs import Factory

from dynsync._match import match_unlinked
from dynsync._reading import find_holders, seen_now
from dynsync._session import Session
from dynsync._unanswered import is_unanswered
from dynsync.backlog import (
    Linked,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    unlinked_key,
)
from dynsync.observing import fold
from dynsync.outcomes import TAKEN, shared_by
from dynsync.planning import gone, plan_record
from dynsync.records import Pair, Record, RecordId, Side
from dynsync.terms import Terms
from dynsync.writes import Create

__all__ = ["Remaking", "held_by_others"]


@attrs.frozen
class Remaking:
    """
    What follows for entries whose person is gone and whose id somebody holds.

    *trouble* says why nobody may be linked, and *meetings* holds, by the key of a linked entry,
    the one without a link that takes its place: its record and the holder meet for the first time.
    """

    trouble: dict[PendingKey, str] = Factory(dict[PendingKey, str])
    meetings: dict[PendingKey, Pending] = Factory(dict[PendingKey, Pending])


def held_by_others(
    session: Session, terms: Terms, entries: Sequence[tuple[Pending, Linked]]
) -> Remaking:
    """
    Look for who holds the ids of those of *entries* whose person is about to be made again.

    Also of those whose person is perhaps back, or that are gone on both sides. Asks Marketo
    nothing if there are none.
    """
    again, over = _made_again(session, terms, entries), _over(terms, entries)
    found = Remaking()
    if not again and not over:
        return found
    holders = find_holders(session, terms, [*again, *over])
    people = [person.id for held in holders.values() for person in held]
    known = session.store.known(Side.MARKETO, people)
    linked = {id_ for id_, link in known.items() if link.state is LinkState.LIVE}
    for id_, entry in {**again, **over}.items():
        holder = _holder(session, unlinked_key(terms.entity, id_), holders.get(id_, ()), linked)
        if isinstance(holder, Record):
            found.meetings[entry.key] = _meeting(session, terms, entry, id_, holder)
        elif holder and id_ in again:
            # Where the record is gone too, nothing is left that could be anybody's.
            found.trouble[entry.key] = holder
    unheld = [one for id_, one in again.items() if id_ not in holders and one.seen.dynamics]
    _match_again(session, terms, unheld, found)
    return found


def _match_again(
    session: Session, terms: Terms, entries: Sequence[Pending], found: Remaking
) -> None:
    """Let records whose person is to be made again meet who resembles them, as new ones do."""
    by_person = match_unlinked(session, terms, entries)
    for entry in (one for one in entries if one.key in by_person):
        id_, person = entry.ids.dynamics or RecordId(""), by_person[entry.key]
        key = unlinked_key(terms.entity, id_)
        if isinstance(person, Record):
            person = _holder(session, key, [person], ())
        if isinstance(person, Record):
            found.meetings[entry.key] = _meeting(session, terms, entry, id_, person)
        else:
            found.trouble[entry.key] = person


def _holder(
    session: Session, key: PendingKey, held: Sequence[Record], linked: Container[RecordId]
) -> Record | str:
    """Return who of those who hold an id it is, or why it is nobody's to say; "" for nobody."""
    if any(person.id in linked for person in held):
        return TAKEN
    if len(held) > 1:
        return shared_by(len(held))
    if held and session.claimed.setdefault(held[0].id, key) != key:
        return TAKEN
    return held[0] if held else ""


def _over(terms: Terms, entries: Sequence[tuple[Pending, Linked]]) -> Mapping[RecordId, Pending]:
    """Return, by the ids of their records, entries that are gone on both sides."""
    here: Observation | None = None
    seen = Pair(here, Observation(terms.blank(), gone=True))
    return {
        link.ids.dynamics: attrs.evolve(entry, ids=Pair(*link.ids), seen=seen)
        for entry, link in entries
        if all(gone(entry, link))
    }


def _made_again(
    session: Session, terms: Terms, entries: Sequence[tuple[Pending, Linked]]
) -> Mapping[RecordId, Pending]:
    """
    Return, by the ids of their records, entries that make a person, now or perhaps before.

    Also those whose deleted person is there all the same, as far as anybody told.
    """
    again: dict[RecordId, Pending] = {}
    for entry, link in entries:
        there = entry.seen.dynamics
        if not gone(entry, link).marketo or (there is not None and there.gone):
            continue
        if there is None:
            if link.state is LinkState.GONE_MARKETO:
                # They are back, or somebody who was heard of holds the id.
                again[link.ids.dynamics] = attrs.evolve(entry, ids=Pair(*link.ids))
            continue
        plan = plan_record(terms, entry, link, session.now())
        # Nobody may be to be made any more: a right was taken since. But somebody was, perhaps.
        made = entry.reason == "ambiguous" or is_unanswered(session, entry.key)
        if made or isinstance(plan.writes.marketo, Create):
            again[link.ids.dynamics] = plan.entry
    return again


def _meeting(
    session: Session, terms: Terms, entry: Pending, id_: RecordId, person: Record
) -> Pending:
    """Return *entry* as that of the record *id_*, without a link, whose id *person* holds."""
    seen = seen_now(session, terms, Side.MARKETO, person)
    met = attrs.evolve(
        entry,
        key=unlinked_key(terms.entity, id_),
        link=None,
        ids=entry.ids.replace(Side.MARKETO, person.id),
        seen=entry.seen.replace(Side.MARKETO, None),
    )
    folded = fold(terms, met, Side.MARKETO, seen, session.now())
    # The place in the queue stays, or this run would have gone past it.
    return attrs.evolve(folded, modified=entry.modified)
