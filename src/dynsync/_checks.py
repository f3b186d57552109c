"""What a host tells a sync, checked when it is told: each message names the argument."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import cast

from dynsync.arguments import described, is_number, is_whole, shown
from dynsync.calling import called
from dynsync.connectors import Clock
from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap
from dynsync.guards import Guards
from dynsync.maps import CONTACT, LEAD
from dynsync.policies import AuthorityPolicy, named, refuse_policy
from dynsync.recorder import Recorder
from dynsync.records import Side
from dynsync.reports import Plan, PlannedRecord

__all__ = [
    "as_maps",
    "as_recorders",
    "connector",
    "days",
    "guards",
    "maps",
    "names",
    "now",
    "owner",
    "plan",
    "policy",
    "recorders",
    "store",
]


def connector(side: Side, value: object) -> None:
    """Refuse what is no connector of *side*."""

    def complaint(raised: str) -> str:
        return f"{side.value}= got {described(value)} whose side raised {raised}. Let it be a Side."

    said: object = called(
        partial(getattr, value, "side", None), complaint, passing=(), becoming=ConfigurationError
    )
    if said is side:
        return
    if isinstance(said, Side):
        raise ConfigurationError(
            f"The {side.label} connector says that it is {said.label}'s. Were the two exchanged?"
        )
    if said is not None and not isinstance(value, type):
        raise ConfigurationError(
            f"{side.value}= got {described(value)} whose side is {described(said)}; a connector's "
            f"side is a Side. Let it be Side.{side.name}."
        )
    step = "Give a connector."
    if hasattr(value, "connector"):
        step = f"Give what its connector() returns: {side.value}=….connector()."
    raise ConfigurationError(f"{side.value}= got {described(value)}, which is no connector. {step}")


def as_maps(value: object) -> tuple[EntityMap, ...]:
    """Return the maps as a tuple."""
    if isinstance(value, EntityMap | str) or not isinstance(value, Iterable):
        raise ConfigurationError("maps= takes a list of entity maps: maps=[LEAD, CONTACT].")
    return tuple(cast("Iterable[EntityMap]", value))


def as_recorders(value: Iterable[Recorder]) -> Sequence[Recorder]:
    """
    Return the recorders as a tuple: what can be gone through once is gone through here.

    What is no list of them stays, for `recorders` to refuse.
    """
    return tuple(value) if _several(value) else cast("Sequence[Recorder]", value)


def _several(value: object) -> bool:
    """Return whether *value* can be gone through; a text could, letter by letter."""
    return isinstance(value, Iterable) and not isinstance(value, str)


def maps(value: Sequence[object]) -> None:
    """Refuse no maps, what is no map, and maps that would take each other's people."""
    if not value:
        raise ConfigurationError("No entity maps were given; nothing would be synced.")
    found: list[EntityMap] = []
    for one in value:
        if not isinstance(one, EntityMap):
            raise ConfigurationError(
                f"maps= holds {described(one)}. Give entity maps: maps=[LEAD, CONTACT], from "
                f"dynsync."
            )
        if not one.fields:
            raise ConfigurationError(
                f"The map of {one.entity!r} has no fields; nothing would be synced. Name some to "
                f"keep, only('email', …), or add some: plus(Field(…))."
            )
        for other in found:
            _apart(one, other)
        found.append(one)


def _apart(one: EntityMap, other: EntityMap) -> None:
    if one.entity == other.entity:
        raise ConfigurationError(f"Two maps are for the entity {one.entity!r}; keep one.")
    if one.tables.marketo != other.tables.marketo:
        raise ConfigurationError(
            f"The maps of {other.entity!r} and {one.entity!r} name two Marketo tables, "
            f"{other.tables.marketo!r} and {one.tables.marketo!r}, whose ids could be the same. "
            f"Make a Sync with a state of its own for each of them."
        )
    if one.link_field == other.link_field:
        raise ConfigurationError(
            f"The maps of {other.entity!r} and {one.entity!r} keep Dynamics ids in the same "
            f"link_field, {one.link_field!r}. Give each of them a Marketo field of its own."
        )


def store(value: object) -> None:
    """Refuse what is no store."""
    if isinstance(value, str | os.PathLike):
        raise ConfigurationError(
            f"store= got a path. Open it: store=SqliteStore({os.fspath(cast('str', value))!r}), "
            f"from dynsync.sqlite."
        )
    if isinstance(value, type) or not hasattr(value, "transaction"):
        raise ConfigurationError(
            f"store= got {described(value)}, which is no store. Give a SqliteStore (from "
            f"dynsync.sqlite) or a MemoryStore."
        )


def plan(value: object) -> None:
    """Refuse what is no plan."""
    if not isinstance(value, Plan):
        raise ConfigurationError(f"apply() got {described(value)}. Give what plan() returned.")
    records = cast("object", value.records)
    if not isinstance(records, tuple | list) or not all(
        isinstance(record, PlannedRecord) for record in cast("Sequence[object]", records)
    ):
        raise ConfigurationError(
            "apply() got a Plan whose records are no tuple of PlannedRecord. Give what plan() "
            "returned."
        )


def policy(argument: str, value: object) -> None:
    """Refuse what is no policy; that of collisions has a default, but None is not it."""
    if value is not None or argument == "policy":
        refuse_policy(f"{argument}=", value)


def guards(value: object) -> None:
    """Refuse guards of another type."""
    if not isinstance(value, Guards):
        raise ConfigurationError(
            f"guards= got {described(value)}. Give Guards(deletes=Limit(…), clears=Limit(…))."
        )


def days(argument: str, value: object) -> None:
    """Refuse what is no number of days."""
    if not is_number(value) or not value > 0:
        raise ConfigurationError(f"{argument}={shown(value)}: give a number of days above 0.")
    if is_whole(value) and value > sys.float_info.max:
        raise ConfigurationError(
            f"{argument}= got a whole number that is too large to count with. To keep it for "
            f"ever, say {argument}=math.inf."
        )


def count(argument: str, value: object) -> None:
    """Refuse what is no number of times."""
    if not is_whole(value) or value < 1:
        raise ConfigurationError(f"{argument}={shown(value)}: give a whole number of at least 1.")


def owner(value: object) -> None:
    """Refuse what can be no owner's id."""
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise ConfigurationError(
            f"owner={shown(value)}: give the id of a user or team in Dynamics, or leave it out."
        )


def recorders(value: Sequence[object]) -> None:
    """Refuse what is no recorder, and two of one name: they would share a place in the journal."""
    if not _several(value):
        raise ConfigurationError(
            "recorders= takes a list of recorders: recorders=[MemoryRecorder()]."
        )
    known: set[str] = set()
    for one in value:
        name: object = called(
            partial(getattr, one, "name", None), _nameless, passing=(), becoming=ConfigurationError
        )
        if not isinstance(name, str) or not callable(getattr(one, "record", None)):
            raise ConfigurationError(
                f"recorders= holds {described(one)}, which is no recorder. Give objects with a "
                f"name and a method record(entries), such as MemoryRecorder()."
            )
        if name in known:
            raise ConfigurationError(
                f"Two recorders are called {name!r}, and each keeps its place in the journal under "
                f"its name. Give one of them another name."
            )
        known.add(name)


def _nameless(raised: str) -> str:
    return (
        f"recorders= holds one whose name raised {raised}. Let it be a text that stays: its place "
        f"in the journal is kept under it."
    )


def now(clock: Clock) -> dt.datetime:
    """Return the time by *clock*; refuse one that does not tell it."""
    asked = called(clock.now, _timeless, passing=(), becoming=ConfigurationError)
    said = cast("object", asked)
    if isinstance(said, dt.datetime) and said.utcoffset() is not None:
        return said
    seen = "a datetime without a zone" if isinstance(said, dt.datetime) else described(said)
    raise ConfigurationError(
        f"clock= got {described(clock)} whose now() returned {seen}. Let it return an aware "
        f"datetime, such as datetime.now(UTC)."
    )


def _timeless(raised: str) -> str:
    return f"clock= got one whose now() raised {raised}. Let it return an aware datetime."


def names(maps: Sequence[EntityMap], policies: Iterable[AuthorityPolicy | None]) -> None:
    """Refuse a policy by field or entity for a name that no map has."""
    every = (LEAD, CONTACT, *maps)
    known = {
        "field": {name for one in every for name in one.names()},
        "entity": {str(one.entity) for one in every},
    }
    for chosen in policies:
        for what, name in _named(chosen):
            if name not in known[what]:
                mine = {"field": [n for m in maps for n in m.names()], "entity": [*map(_of, maps)]}
                there = ", ".join(dict.fromkeys(mine[what]))
                raise ConfigurationError(
                    f"A policy is for the {what} {name!r}, which no map has. There are {there}."
                )


def _of(entity_map: EntityMap) -> str:
    return entity_map.entity


def _named(chosen: AuthorityPolicy | None) -> Iterator[tuple[str, str]]:
    return iter(()) if chosen is None else named(chosen)
