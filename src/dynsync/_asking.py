"""Ask the state: where the sync stands, who belongs to whom, what became of a record."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import cast

from dynsync._distrust import setting
from dynsync.arguments import shown
from dynsync.backlog import link_key, unlinked_key
from dynsync.errors import ConfigurationError
from dynsync.recorder import Entry, entry_of
from dynsync.records import MISSING, Entity, Missing, Pair, RecordId, Row, Side, Wire, laid_over
from dynsync.reports import RESTING, Status
from dynsync.state import StateStore

__all__ = ["history_of", "link_of", "person_of", "record_of", "status_of", "waiting_of"]


def record_of(person: str | int | None, dynamics: str | None) -> Pair[RecordId | None]:
    """
    Return what a record is named by; raises `ConfigurationError` if not by one of its two ids.

    Two would be one record's only as long as their link stands: told apart from two records, they
    would be refused one day for what was right the day before.
    """
    if person is None and dynamics is None:
        raise ConfigurationError("Name the record: person=… or dynamics=….")
    if person is not None and dynamics is not None:
        raise ConfigurationError(
            "person= and dynamics= were both given, which may be two records. Give one of them; "
            "link() returns the other."
        )
    return Pair(
        None if person is None else person_of(person),
        None if dynamics is None else RecordId(_name("dynamics", dynamics).lower()),
    )


def person_of(value: str | int) -> RecordId:
    """Return the id of a person; raises `ConfigurationError` for what can be none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return RecordId(str(value) if whole else _name("person", value))


def _name(argument: str, value: object) -> str:
    """Return *value* if it may be an id: anything else would be looked for, and not found."""
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise ConfigurationError(
        f"{argument}={shown(value)} is no id. Give the id that the record has in "
        f"{'Marketo' if argument == 'person' else 'Dynamics'}."
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


def _last_run(text: str) -> tuple[str, dt.datetime, tuple[str, ...]]:
    # A run of an earlier version kept no troubles.
    said, at, *rest = cast("tuple[str, float, list[str]]", json.loads(text))
    return said, dt.datetime.fromtimestamp(at, dt.UTC), tuple(*rest)


def _names(text: str) -> list[str]:
    return cast("list[str]", json.loads(text))


def waiting_of(
    store: StateStore, entity: Entity, named: Pair[RecordId | None]
) -> Mapping[str, Pair[Wire | Missing]]:
    """Return what each side holds of a record in the backlog, by field, as far as it was told."""
    link = next(
        (
            found
            for side in Side
            if (id_ := named[side]) and (found := store.link_of(side, id_, entity))
        ),
        None,
    )
    key = link_key(link.key) if link else unlinked_key(entity, named.dynamics or RecordId(""))
    entry = store.pending([key]).get(key)
    names = setting(store, f"layout:{entity}", _names) or []
    if entry is None:
        return {}
    rows: list[Row] = []
    for side in Side:
        seen = entry.seen[side]
        base: Row = link.rows[side] if link else [MISSING] * len(names)
        rows.append(base if seen is None else laid_over(seen.row, base))
    return {name: Pair(*held) for name, *held in zip(names, *rows, strict=True)}


def status_of(store: StateStore, now: dt.datetime, entities: Sequence[Entity]) -> Status:
    """Return where the sync that *store* belongs to stands."""
    numbers = store.backlog()
    said, at, troubles = setting(store, "last_run", _last_run) or (None, None, ())
    pace = setting(store, "pace", float) or 0.0
    due = sum(n for (_, reason), n in numbers.counts.items() if reason not in RESTING)
    return Status(
        links=numbers.links,
        backlog=numbers.counts,
        oldest={entity: now.timestamp() - since for entity, since in numbers.oldest.items()},
        eta=due / pace if pace > 0 else (None if due else 0.0),
        last_run=said,
        last_run_at=at,
        paused=store.get("paused") is not None,
        stale={e: why for e in entities if (why := store.get(f"stale:{e}")) is not None},
        troubles=troubles,
    )
