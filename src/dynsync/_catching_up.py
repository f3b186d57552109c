"""
Catch up: read again what went unread while an entity, or a field of one, took no part.

Marketo keeps all people in one table, so that its feed goes on without them; and of a field
whose right was away no feed tells afterwards what was changed in it.
"""

from __future__ import annotations

import json
from typing import cast

import attrs

from dynsync._remembering import dynamics_feed, marketo_feed, served
from dynsync._session import UNASKED, Session
from dynsync.records import Cursor, Entity
from dynsync.state import FeedState

__all__ = ["catch_up", "leave_aside", "leave_places"]


def leave_places(session: Session, table: str, cursor: Cursor | None) -> None:
    """
    Remember where the changes begin that nobody takes for entities that take no part now.

    The feed of Marketo's *table* asks for none of their fields: a change of those alone, or of
    who holds their ids, is not told.
    """
    store = session.store
    away = served(store, table) - session.terms.keys()
    left = {name for entity in away if store.get(name := f"missed:{entity}") is None}
    if left:
        with session.commit():
            for name in left:
                store.put(name, json.dumps([session.report.run, cursor]))


def leave_aside(session: Session, entity: Entity, names: set[str]) -> None:
    """Let the fields *names* take no part in the rest of the run, and remember that."""
    blind = session.blind.setdefault(entity, set())
    if not names <= blind:
        blind |= names
        with session.commit():
            session.store.put(f"blind:{entity}", json.dumps(sorted(blind)))


def catch_up(session: Session) -> None:
    """Have the feeds of entities and fields that take part again read from where they were left."""
    _go_back(session)
    _read_anew(session)
    _doubt_clears(session)


def _doubt_clears(session: Session) -> None:
    """
    Have what a run found empty, and did not ask the rights of any more, read again (R79).

    It broke off, and a right that was away in the meantime may be back by now.
    """
    store = session.store
    if store.get(UNASKED) is None:
        return
    now = session.now()
    emptied = [one for one in store.each_pending() if one.clears and one.entity in session.terms]
    with session.commit():
        store.save_pending(attrs.evolve(one, retry_at=now, reason="stale") for one in emptied)


def _go_back(session: Session) -> None:
    """Read Marketo's feed again from where an entity that takes part again was left."""
    store = session.store
    back = [terms for e, terms in session.terms.items() if store.get(f"missed:{e}")]
    if not back:
        return
    places: dict[str, tuple[int, Cursor | None]] = {}
    for terms in back:
        said = store.get(f"missed:{terms.entity}") or ""
        run, cursor = cast("tuple[int, Cursor | None]", json.loads(said))
        feed = marketo_feed(terms.map.tables.marketo)
        places[feed] = min(places.get(feed, (run, cursor)), (run, cursor), key=lambda p: p[0])
    with session.commit():
        for feed, (_, cursor) in places.items():
            store.save_feed(feed, FeedState(cursor))
        for terms in back:
            store.put(f"missed:{terms.entity}", None)


def _read_anew(session: Session) -> None:
    """
    Read all again of entities of which fields were left aside that take part by now.

    The right is back before anybody missed it: what was seen of these fields meanwhile is in
    no feed any more. Of one that is still away nothing is remembered, and all is read later.
    """
    store = session.store
    left = {e: names for e in session.terms if (names := session.names(f"blind:{e}"))}
    if not left:
        return
    with session.commit():
        for entity, names in left.items():
            terms = session.terms[entity]
            if not set(names).isdisjoint(terms.layout):
                store.save_feed(marketo_feed(terms.map.tables.marketo), FeedState(None))
                store.save_feed(dynamics_feed(entity), FeedState(None))
            store.put(f"blind:{entity}", None)
