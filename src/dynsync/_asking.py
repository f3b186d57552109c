"""Ask the state: where the sync stands, who belongs to whom, what became of a record."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import cast

from dynsync.errors import ConfigurationError
from dynsync.recorder import Entry, entry_of
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.reports import RESTING, Status
from dynsync.state import StateStore

__all__ = ["history_of", "link_of", "record_of", "status_of"]


def record_of(person: str | int | None, dynamics: str | None) -> Pair[RecordId | None]:
    """Return what a record is named by; raises `ConfigurationError` if it is by nothing."""
    if person is None and dynamics is None:
        raise ConfigurationError("Name the record: person=… or dynamics=….")
    return Pair(
        None if person is None else RecordId(str(person)),
        None if dynamics is None else RecordId(dynamics.lower()),
    )


def link_of(
    store: StateStore, entity: Entity, named: Pair[RecordId | None]
) -> Pair[RecordId] | None:
    """Return the ids of the link of a record, found by the first id that it is *named* by."""
    side, id_ = next((side, id_) for side in Side if (id_ := named[side]) is not None)
    link = store.link_of(side, id_, entity)
    return None if link is None else link.ids


def history_of(
    store: StateStore, entity: Entity, named: Pair[RecordId | None]
) -> tuple[Entry, ...]:
    """Return what the journal says of a record, oldest first."""
    return tuple(entry_of(kept) for kept in store.history(entity, named))


def status_of(store: StateStore, now: dt.datetime, entities: Sequence[Entity]) -> Status:
    """Return where the sync that *store* belongs to stands."""
    numbers = store.backlog()
    last = store.get("last_run")
    # A run of an earlier version kept no troubles.
    said, at, *rest = cast("list[object]", json.loads(last)) if last else (None, None)
    pace = float(store.get("pace") or "0")
    due = sum(n for (_, reason), n in numbers.counts.items() if reason not in RESTING)
    return Status(
        links=numbers.links,
        backlog=numbers.counts,
        oldest={entity: now.timestamp() - since for entity, since in numbers.oldest.items()},
        eta=due / pace if pace > 0 else (None if due else 0.0),
        last_run=cast("str | None", said),
        last_run_at=None if at is None else dt.datetime.fromtimestamp(cast("float", at), dt.UTC),
        paused=store.get("paused") is not None,
        stale={e: why for e in entities if (why := store.get(f"stale:{e}")) is not None},
        troubles=tuple(cast("list[str]", rest[0])) if rest else (),
    )
