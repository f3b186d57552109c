"""*Sync Person to Microsoft*: make a person in Dynamics, now or with the next cycle (R26-R32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import attrs

from dynsync._desk import Desk
from dynsync._gather import gather
from dynsync._refused import is_refused
from dynsync._remembering import served
from dynsync._session import Session
from dynsync._unanswered import is_unanswered
from dynsync.backlog import LinkState, Pending, Push, unlinked_key
from dynsync.fields import EntityMap
from dynsync.holding import due_again
from dynsync.outcomes import OutcomeKind
from dynsync.planning import Action, new_dynamics_id, plan_record
from dynsync.records import Pair, RecordId, Side
from dynsync.state import StateStore

__all__ = ["PushAnswer", "PushKind", "PushWhenPaused", "push_now", "queue_push"]

PushKind: TypeAlias = Literal[
    "created",
    "queued",
    "exists",
    "already queued",
    "no such person",
    "rejected",
    "nothing to send",
    "deferred",
    "stopped",
]


PushWhenPaused: TypeAlias = Literal["queue", "run"]
"""What *Sync Person to Microsoft* does while the sync is off: wait, or go on as ever (A8)."""


@attrs.frozen
class PushAnswer:
    """
    What became of one *Sync Person to Microsoft*.

    *kind* is ``"created"``; ``"queued"`` for the next cycle; ``"exists"``, it is in Dynamics and
    nothing was done (R27); ``"already queued"`` and on its way (R29); ``"no such person"``;
    ``"rejected"``, recorded and not queued (A31); ``"nothing to send"``, the person holds no value
    that Dynamics may be told, and nothing was queued; ``"deferred"``, a system failed or did not
    answer, or a record that was matched is about to be theirs, and the next cycle goes on; or
    ``"stopped"``, the entity takes no part at the moment.
    """

    kind: PushKind
    person: RecordId
    dynamics: RecordId | None = None
    message: str = ""


def _ask(
    store: StateStore,
    instance: str,
    maps: Sequence[EntityMap],
    entity_map: EntityMap,
    person: RecordId,
    *,
    owner: str | None,
    now: float,
) -> PushAnswer | Pending:
    """Put *person* into the backlog and return the entry, or why it is not put there."""
    entity = entity_map.entity
    link = store.link_of(Side.MARKETO, person)
    if link is not None and link.state is LinkState.LIVE:
        message = f"already in Dynamics as a {link.entity}; updates move with the cycle"
        return PushAnswer("exists", person, link.ids.dynamics, message)
    before = link.ids.dynamics if link is not None else None
    id_ = new_dynamics_id(instance, person, before)
    taken = store.link_of(Side.DYNAMICS, id_, entity)
    if taken is not None:
        # Made in an earlier life of this state, it came over as a record of Dynamics' own.
        message = f"its record in Dynamics is linked to the person {taken.ids.marketo}"
        return PushAnswer("exists", person, id_, message)
    # The id that a person gets does not depend on what it is made as, so that one that is
    # on its way as a lead is not made a contact as well. Another host over the same state may
    # push as what is in none of our maps.
    entities = {one.entity for one in maps} | served(store, entity_map.tables.marketo)
    there = store.pending([unlinked_key(each, id_) for each in entities]).values()
    # What nothing tries again is not on its way: who asks once more means what is asked now.
    over = [one for one in there if is_refused(one) and one.retry_at is None]
    if len(over) < len(there):
        return PushAnswer("already queued", person, None, "already in the sync process")
    asked = Pending(
        unlinked_key(entity, id_),
        entity,
        None,
        Pair(person, id_),
        Pair(None, None),
        since=now,
        modified=now,
        retry_at=now,
        reason="push",
        push=Push(entity, owner),
        holds=tuple(hold for one in over if one.entity == entity for hold in one.holds),
    )
    entry = due_again(asked, now)
    store.drop_pending([one.key for one in over])
    store.save_pending([entry])
    return entry


def queue_push(
    store: StateStore,
    instance: str,
    maps: Sequence[EntityMap],
    entity_map: EntityMap,
    person: RecordId,
    *,
    owner: str | None,
    now: float,
) -> PushAnswer:
    """Leave the person of the Marketo *instance* to the next cycle. Needs no lease."""
    # In one transaction, or a cycle of another process might link the person in between.
    with store.transaction():
        answer = _ask(store, instance, maps, entity_map, person, owner=owner, now=now)
    return answer if isinstance(answer, PushAnswer) else PushAnswer("queued", person, None, _LATER)


_LATER: Final = "with the next cycle"


def push_now(
    session: Session,
    desk: Desk,
    entity_map: EntityMap,
    person: RecordId,
    *,
    owner: str | None,
) -> PushAnswer:
    """Make the person in Dynamics now, on the same path as the cycle."""
    store, instance, now = session.store, session.instances.marketo, session.now()
    with store.transaction():
        entry = _ask(store, instance, session.maps, entity_map, person, owner=owner, now=now)
    if isinstance(entry, PushAnswer):
        return entry
    if _is_to_be_matched(session, person):
        return PushAnswer("deferred", person, None, "a record is about to be theirs")
    (ready,) = gather(session, session.terms, [entry])
    seen = ready.entry.seen.marketo
    terms = session.terms[entity_map.entity]
    if seen is None or seen.gone:
        _unqueue(session, entry)
        return PushAnswer("no such person", person, None, "Marketo has no such person")
    plan = plan_record(terms, ready.entry, None, session.now())
    if plan.action is Action.DROP:
        _unqueue(session, entry)
        return PushAnswer("exists", person, None, plan.entry.reason)
    if not any(plan.writes) and not any(field.refused for field in plan.fields):
        _unqueue(session, entry)
        message = "the person holds no value that Dynamics may be told"
        return PushAnswer("nothing to send", person, None, message)
    desk.submit(terms, plan)
    desk.flush()
    return _answer(session, desk, entry, person)


def _is_to_be_matched(session: Session, person: RecordId) -> bool:
    """Return whether a record waits to become *person*'s, found by a field of theirs (A28)."""
    return any(one.match.field is not None for one in session.maps) and any(
        entry.ids.marketo == person and entry.link is None and entry.push is None
        for entry in session.store.each_pending()
    )


def _unqueue(session: Session, entry: Pending) -> None:
    with session.commit():
        session.store.drop_pending([entry.key])


def _answer(session: Session, desk: Desk, entry: Pending, person: RecordId) -> PushAnswer:
    link = session.store.link_of(Side.MARKETO, person)
    if link is not None and link.state is LinkState.LIVE:
        return PushAnswer("created", person, link.ids.dynamics)
    # What is left of it after a refusal may have met a system that is down.
    untried = desk.closed or bool(desk.shut) or is_unanswered(session, entry.key)
    if session.report.count(OutcomeKind.REJECTED) and not untried:
        # Recorded once, and not queued: the trigger campaign has its answer (A31).
        _unqueue(session, entry)
        notable = session.report.notable
        said = "; ".join(r.message for outcome in notable for r in outcome.results)
        return PushAnswer("rejected", person, None, said)
    return PushAnswer("deferred", person, None, "the next cycle goes on")
