"""What the system must hold, as far as its own answers and the people beside it say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from dynsync.records import RecordId, Version, Wire
from dynsync.testing._palette import same

__all__ = ["GONE", "Attempt", "Event", "Held", "Promise", "World"]

GONE: Final = "@gone"
"""Stands in the place of a field in the event of a deletion."""


@attrs.frozen
class Promise:
    """Why something must be so: the clause, and in words."""

    clause: str
    words: str


@attrs.frozen
class Event:
    """One change of one field of a record, or its deletion."""

    who: int
    field: str
    old: Wire = None
    new: Wire = None
    first: bool = False


@attrs.frozen
class Attempt:
    """Values that were not to be applied, and the promise that they were not."""

    who: int
    values: Mapping[str, Wire]
    promise: Promise


@attrs.define
class Held:
    """
    One record as it must be.

    *unsure* while nobody can know whether a write was applied; *moved* holds fields that
    were said to have changed to something unknown, with the values that they had before, and
    *odd* those of which that was ever said.
    *promise* is why it holds what it holds, None if somebody else did that.
    """

    who: int
    id: RecordId
    values: dict[str, Wire]
    promise: Promise | None = None
    alive: bool = True
    unsure: bool = False
    made: int = 1
    state: int = 0
    past: dict[str, list[Wire]] = attrs.field(factory=dict[str, list[Wire]])
    moved: dict[str, Wire] = attrs.field(factory=dict[str, Wire])
    odd: set[str] = attrs.field(factory=set[str])
    versions: list[tuple[int, Version]] = attrs.field(factory=list[tuple[int, Version]])

    def held_before(self, field: str, value: object) -> bool:
        """Return whether *field* had *value* once."""
        return any(same(value, old) for old in self.past.get(field, ()))

    def needs(self, field: str) -> bool:
        """Return whether *field* must be told: it holds something, or did so once."""
        return self.values.get(field) is not None or field in self.past

    def told(self, version: Version | None) -> None:
        """Remember a *version* that was told of the record as it is now."""
        if version is not None:
            self.versions.append((self.state, version))


@attrs.define
class World:
    """All records that the check knows of, and everything that happened, in order."""

    held: dict[int, Held] = attrs.field(factory=dict[int, Held])
    journal: list[Event] = attrs.field(factory=list[Event])
    attempts: list[Attempt] = attrs.field(factory=list[Attempt])
    strangers: set[RecordId] = attrs.field(factory=set[RecordId])
    lines: dict[int, list[str]] = attrs.field(factory=dict[int, list[str]])

    def called(self, id_: RecordId) -> Held | None:
        """Return the record of that id."""
        return next((one for one in self.held.values() if one.id == id_), None)

    def living(self, who: int) -> Held | None:
        """Return record *who* if it is certainly there."""
        found = self.held.get(who)
        return found if found is not None and found.alive and not found.unsure else None

    def create(
        self, who: int, id_: RecordId, values: Mapping[str, Wire], promise: Promise | None
    ) -> Held:
        """Have a new record."""
        found = self.held[who] = Held(who, id_, dict(values), promise)
        self.journal += [
            Event(who, field, None, new, first=True)
            for field, new in values.items()
            if new is not None
        ]
        return found

    def change(self, held: Held, values: Mapping[str, Wire], promise: Promise | None) -> None:
        """Set *values* of a record."""
        held.promise = promise
        for field, new in values.items():
            old = held.values.get(field)
            held.moved.pop(field, None)
            if same(old, new):
                # Whether a write of the same moves the version is nobody's promise.
                held.versions.clear()
                continue
            held.past.setdefault(field, []).append(old)
            held.values[field] = new
            held.state += 1
            self.journal.append(Event(held.who, field, old, new))

    def delete(self, held: Held) -> None:
        """Let a record be gone."""
        held.alive = False
        held.promise = None
        self.journal.append(Event(held.who, GONE))
