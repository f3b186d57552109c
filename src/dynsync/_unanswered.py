"""
Which records were written to, until it is known what became of it.

What was sent follows from the backlog entry, so all that is kept is when it was sent. If the
answer is lost, or the process dies, `dynsync._hearing` finds out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Final, cast

import attrs

from dynsync._session import SentAt, Session
from dynsync.backlog import Claims, Pending, PendingKey, Sent
from dynsync.observing import overwritten
from dynsync.planning import plan_record
from dynsync.records import MISSING, Pair, Record, Row, Side, Wire, plain_id
from dynsync.terms import Terms

__all__ = ["answered", "covered", "is_unanswered", "sending", "unanswered"]

_NAME: Final = "unanswered"


def _sent_at(session: Session) -> dict[PendingKey, SentAt]:
    if session.unanswered is None:
        kept = cast("dict[PendingKey, list[float]]", json.loads(session.store.get(_NAME) or "{}"))
        session.unanswered = {key: SentAt(*at) for key, at in kept.items()}
    return session.unanswered


def _keep(session: Session) -> None:
    waiting = _sent_at(session)
    session.store.put(_NAME, json.dumps(waiting) if waiting else None)


def unanswered(session: Session) -> Mapping[PendingKey, SentAt]:
    """Return the entries whose writes nobody answered, and when they were sent."""
    return _sent_at(session).copy()


def is_unanswered(session: Session, key: PendingKey) -> bool:
    """Return whether nobody knows what became of the last writes of the entry *key*."""
    return key in _sent_at(session)


def sending(session: Session, keys: Collection[PendingKey]) -> None:
    """Remember that what the entries *keys* ask for is about to be sent. Part of a transaction."""
    at = SentAt(session.now(), session.marketo_now())
    _sent_at(session).update(dict.fromkeys(keys, at))
    _keep(session)


def answered(session: Session, keys: Iterable[PendingKey]) -> None:
    """Forget the entries *keys*: what became of them is known. Part of a transaction."""
    waiting = _sent_at(session)
    known = [key for key in keys if key in waiting]
    for key in known:
        del waiting[key]
    if known:
        _keep(session)


def covered(
    session: Session, terms: Terms, entry: Pending, record: Record, row: Row, *, timed: bool
) -> Claims:
    """
    Return the edits of a person that a write of ours covered, whose answer nobody heard.

    Only where the person was there before: one that our upsert made held nothing.
    """
    sent_at = _sent_at(session).get(entry.key)
    if sent_at is None:
        return {}
    given = any(
        edit.field == terms.map.link_field and plain_id(edit.new) == entry.ids.dynamics
        for edit in record.edits
    )
    if entry.seen.marketo is None and not given:
        if record.edits:
            answered(session, [entry.key])
        return {}
    notes = _notes(terms, entry, sent_at.marketos)
    claims, waiting = overwritten(terms, notes, record.edits, row, timed=timed)
    if len(waiting) < len(notes):
        answered(session, [entry.key])
    return dict(claims)


def _notes(terms: Terms, entry: Pending, at: float) -> list[Sent]:
    """Return the notes of what was sent for *entry*: what Dynamics holds, as Marketo writes it."""
    seen = entry.seen.marketo
    before: Mapping[str, Wire] = {}
    if seen is not None:
        both = zip(terms.layout, seen.row, strict=True)
        before = {name: wire for name, wire in both if wire is not MISSING}
    alone = attrs.evolve(
        entry, ids=entry.ids.replace(Side.MARKETO, None), seen=Pair(None, entry.seen.dynamics)
    )
    told = plan_record(terms, alone, None, at).sent(Side.MARKETO)
    return [
        Sent(name, before.get(name), wire, None, at)
        for name, wire in told.items()
        if not name.startswith("@")
    ]
