"""Find the pushes that were refused and wait, by their people, so that no reason outlives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from dynsync._session import Session
from dynsync.backlog import Linked, Pending, PendingKey, unlinked_key
from dynsync.planning import new_dynamics_id
from dynsync.records import RecordId

__all__ = ["any_refused", "is_refused", "overtaken", "push_keys"]

_REFUSED: Final = frozenset({"held", "permanent", "withheld"})
"""Reasons for which a push waits that an edit of its person, or a link, may take away."""


def any_refused(session: Session) -> bool:
    """Return whether anything waits that was refused; the store is asked once in a run."""
    if session.refused is None:
        reasons = {reason for _, reason in session.store.backlog().counts}
        session.refused = not reasons.isdisjoint(_REFUSED)
    return session.refused


def is_refused(entry: Pending) -> bool:
    """Return whether *entry* is a push that was refused, and waits."""
    return entry.push is not None and entry.reason in _REFUSED


def push_keys(
    session: Session, people: Iterable[tuple[RecordId, RecordId | None]]
) -> dict[PendingKey, RecordId]:
    """
    Return the keys under which pushes of *people* would wait, and whose they are.

    Each person comes with the deleted record that was theirs before (R32).
    """
    instance = session.instances.marketo
    made = {new_dynamics_id(instance, person, before): person for person, before in people}
    return {unlinked_key(e, id_): person for id_, person in made.items() for e in session.terms}


def overtaken(session: Session, links: Iterable[Linked], now: float) -> list[Pending]:
    """
    Return, due *now*, refused pushes of people who have a record by these new *links*.

    They would wait until their people are edited, and make another record should this one be
    deleted by then.
    """
    if not any_refused(session):
        return []
    new = [link.ids for link in links]
    people = [(ids.marketo, before) for ids in new for before in (None, ids.dynamics)]
    waiting = session.store.pending(push_keys(session, people)).values()
    return [attrs.evolve(one, retry_at=now, reason="push") for one in waiting if is_refused(one)]
