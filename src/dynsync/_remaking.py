"""
Before a person who was deleted in Marketo is made again: see who holds the id by now.

A merge, or somebody's edit, may have given it to another person, and Marketo's upsert by that
field would find them and replace their values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from attrs import Factory

from dynsync._reading import find_holders, seen_now
from dynsync._session import Session
from dynsync._unanswered import is_unanswered
from dynsync.backlog import (
    Linked,
    LinkState,
    Pending,
    PendingKey,
    unlinked_key,
)
from dynsync.observing import fold
from dynsync.outcomes import TAKEN, shared_by
from dynsync.planning import plan_record
from dynsync.records import Record, RecordId, Side
from dynsync.terms import Terms
from dynsync.writes import Create

__all__ = ["Remaking", "held_by_others"]


@attrs.frozen
class Remaking:
    """
    What follows for entries whose person was to be made again and whose id somebody holds.

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

    Asks Marketo nothing if there are none.
    """
    again = _made_again(session, terms, entries)
    found = Remaking()
    if not again:
        return found
    holders = find_holders(session, terms, again.keys())
    people = [person.id for held in holders.values() for person in held]
    known = session.store.known(Side.MARKETO, people)
    linked = {id_ for id_, link in known.items() if link.state is LinkState.LIVE}
    for id_, entry in again.items():
        held = holders.get(id_, [])
        key = unlinked_key(terms.entity, id_)
        if any(person.id in linked for person in held):
            found.trouble[entry.key] = TAKEN
        elif len(held) > 1:
            found.trouble[entry.key] = shared_by(len(held))
        elif held and session.claimed.setdefault(held[0].id, key) != key:
            found.trouble[entry.key] = TAKEN
        elif held:
            found.meetings[entry.key] = _meeting(session, terms, entry, id_, held[0])
    return found


def _made_again(
    session: Session, terms: Terms, entries: Sequence[tuple[Pending, Linked]]
) -> Mapping[RecordId, Pending]:
    """Return, by the ids of their records, entries that make a person, now or perhaps before."""
    again: dict[RecordId, Pending] = {}
    for entry, link in entries:
        here, there = entry.seen
        gone = link.state is LinkState.GONE_MARKETO or (here is not None and here.gone)
        if not gone or there is None or there.gone:
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
