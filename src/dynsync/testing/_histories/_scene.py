"""What a history plays in: the entities, what people enter in their fields, who is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from dynsync.fields import EntityMap
from dynsync.policies import AuthorityPolicy
from dynsync.records import Pair, Side, Value, Wire

__all__ = ["Judge", "Judged", "Quarrel", "Scene"]


@attrs.frozen
class Quarrel:
    """Both sides changed a field of one human of *entity*, to what they hold *now*."""

    entity: str
    name: str
    agreed: Pair[Value]
    now: Pair[Value]


@attrs.frozen
class Judged:
    """
    Who may be right about a quarrel: *sides*, or a value *put*; or it *waits* for a person.

    More than one answer says that any of them is right: which one hangs on what the model
    does not know, such as how old an edit was when it was read.
    """

    sides: tuple[Side, ...] = ()
    put: tuple[Value, ...] = ()
    waits: bool = False


Judge: TypeAlias = Callable[[Quarrel], Judged]


@attrs.frozen(kw_only=True)
class Scene:
    """
    The entities that are synced, by name, and what the model knows about their fields.

    *values* are what people enter, field by field: few, so that they meet. *blank* is what a
    new record of a side needs besides, *born* what one holds that is made in Dynamics, and
    *pushed* what a person holds that is pushed. *same*, *refused* and *normal* say whether two
    values mean the same, whether Dynamics takes no such value, and what it makes of one.
    *read* and *write* turn a system's value of a field into the model's, and back. *policy* is
    what the sync is given, *judge* what the model expects of it. The rights to *secured* come
    and go; *shaky* fields lose their column now and then; *left_to_people* are those whose
    collisions a person decides, *left_to_time* those in which what was edited last is right.
    """

    maps: Mapping[str, EntityMap]
    values: Mapping[str, tuple[Value, ...]]
    blank: Mapping[str, Pair[Mapping[str, Wire]]]
    born: tuple[Mapping[str, Value], ...]
    pushed: Mapping[str, Value]
    policy: AuthorityPolicy
    judge: Judge
    same: Callable[[str, Value, Value], bool]
    refused: Callable[[str, Value], bool]
    normal: Callable[[str, Value], Value]
    read: Callable[[str, str, Side, Wire], Value]
    write: Callable[[str, str, Side, Value], Wire]
    secured: str | None = None
    shaky: tuple[str, ...] = ()
    left_to_people: tuple[str, ...] = ()
    left_to_time: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the fields that people edit."""
        return tuple(self.values)

    def fields(self, entity: str) -> tuple[str, ...]:
        """Return those of them that *entity* has."""
        known = self.maps[entity].names()
        return tuple(name for name in self.values if name in known)

    def refusable(self) -> list[tuple[str, Value]]:
        """Return the fields and values that people enter and Dynamics refuses."""
        return [(n, v) for n, values in self.values.items() for v in values if self.refused(n, v)]

    def rewritten(self) -> list[tuple[str, Value]]:
        """Return the fields and values that people enter and Dynamics writes as it likes them."""
        return [
            (n, v)
            for n, values in self.values.items()
            for v in values
            if not self.refused(n, v) and not self.same(n, v, self.normal(n, v))
        ]

    def other_value(self, name: str, choice: int, *held: Value) -> Value:
        """Return a value of a field that Dynamics takes, other than what is *held* anywhere."""
        free = [
            value
            for value in self.values[name]
            if not self.refused(name, value)
            and not any(
                self.same(name, self.normal(name, value), one) or self.same(name, value, one)
                for one in held
            )
        ]
        return free[choice % len(free)] if free else self.values[name][0]
