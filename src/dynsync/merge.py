"""
Three-way merge of one record, field by field. Pure.

Nothing here knows which system is which: every rule reads the same with the sides swapped.
A field that a side does not report is not a difference. The base is a pair, because a
system reports what it made of what it was given.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias, assert_never

import attrs

from dynsync.calling import called
from dynsync.errors import ContractError
from dynsync.policies import AuthorityPolicy, Collision, Leave, Put, Resolution, Take
from dynsync.records import (
    MISSING,
    Choice,
    Entity,
    Missing,
    Pair,
    Reference,
    Side,
    Value,
)

__all__ = ["CHANGED", "Equality", "FieldMerge", "Merge", "Verdict", "merge", "merge_field"]

Equality: TypeAlias = Callable[[str, Value, Value], bool]
"""Whether two values of the named field mean the same."""

Maybe: TypeAlias = Value | Missing

_VALUES: Final = (str, int, Decimal, dt.date, Choice, frozenset, Reference, type(None))
"""What a policy may put: the types of `Value`, where bool is an int and datetime a date."""

_NOBODY: Final = Entity("")
_AGELESS: Final[Pair[float | None]] = Pair(None, None)

# Said of nearly every field that moves: written once.
CHANGED: Final = Pair("only Marketo changed it", "only Dynamics changed it")
"""Why the value of the one side that changed a field goes to the other."""

_REPORTED: Final = Pair("only Marketo reports it", "only Dynamics reports it")


class Verdict(enum.Enum):
    """What became of one field."""

    ONE_SIDE = "one_side"
    """One side changed it; its value goes to the other."""
    AGREED = "agreed"
    """Both changed it to the same; nothing to write, the base advances (A2)."""
    COLLISION = "collision"
    """Both changed it, differently, and the policy decided."""
    UNRESOLVED = "unresolved"
    """Both changed it, differently, and the policy left it."""
    FIRST = "first"
    """There was no base yet, and the two differ."""

    # Members are one object each: see `Side`.
    __hash__ = object.__hash__


@attrs.frozen
class FieldMerge:
    """
    The decision on one field.

    *value* is what both sides should hold; *winner* the side that it comes from, None if
    from neither; *lost* the value of the other side that gives way, `MISSING` if none does.
    *why* is for people.
    """

    field: str
    verdict: Verdict
    value: Value
    winner: Side | None
    lost: Maybe
    why: str


@attrs.frozen
class Merge:
    """
    What to do about one record.

    *writes* holds, per side, exactly the fields that the side should be told; *decisions*
    one entry per field that differed from the base on a side.
    """

    writes: Pair[Mapping[str, Value]]
    decisions: tuple[FieldMerge, ...] = ()

    @property
    def unresolved(self) -> tuple[FieldMerge, ...]:
        """Return the collisions that the policy left."""
        return tuple(d for d in self.decisions if d.verdict is Verdict.UNRESOLVED)


def _ask(policy: AuthorityPolicy, collision: Collision) -> Resolution:
    """Ask *policy*, and take no nonsense."""
    where = f"field {collision.field!r} of a {collision.entity or 'record'}"

    def complaint(raised: str) -> str:
        return (
            f"The policy raised {raised} on {where}. "
            f"A policy is asked about every collision and must not raise."
        )

    answer: object = called(lambda: policy(collision), complaint, passing=())
    match answer:
        case Take(side=Side(), why=str()) | Leave(why=str()):
            return answer
        case Put(value=value, why=str()) if _is_value(value):
            return answer
        case _:
            pass
    message = (
        f"The policy answered {_described(answer)} for {where}; "
        f"it must return Take(side), Put(value) or Leave(), with a reason that is text."
    )
    raise ContractError(message)


def _is_value(value: object) -> bool:
    return isinstance(value, _VALUES)


def _described(answer: object) -> str:
    """Return what *answer* is, without what it holds."""
    match answer:
        case Take(side=Side()) | Leave():
            return f"a {type(answer).__name__} whose reason is a {type(answer.why).__name__}"
        case Take(side=side):
            return f"a Take of a {type(side).__name__}"
        case Put(value=value) if _is_value(value):
            return f"a Put whose reason is a {type(answer.why).__name__}"
        case Put(value=value):
            return f"a Put of a {type(value).__name__}"
        case _:
            return f"a {type(answer).__name__}"


def _collide(collision: Collision, policy: AuthorityPolicy, verdict: Verdict) -> FieldMerge:
    field, values = collision.field, collision.values
    match answer := _ask(policy, collision):
        case Take(side, why):
            lost = values[side.other]
            return FieldMerge(field, verdict, values[side], side, lost, why)
        case Put(value, why):
            why = why or "the policy put a value of its own"
            return FieldMerge(field, verdict, value, None, MISSING, why)
        case Leave(why):
            return FieldMerge(field, Verdict.UNRESOLVED, None, None, MISSING, why)
        case _:
            assert_never(answer)


def _value(value: Maybe) -> Value:
    """Return *value*, with what is not known as None."""
    return None if isinstance(value, Missing) else value


def _moved(now: Maybe, before: Maybe, same: Callable[[Value, Value], bool]) -> bool:
    """Return whether a side says anything else than it did *before*."""
    if now is MISSING:
        return False
    return before is MISSING or not same(now, before)


def merge_field(
    field: str,
    base: Pair[Maybe],
    now: Pair[Maybe],
    *,
    policy: AuthorityPolicy,
    same: Callable[[Value, Value], bool],
    entity: Entity = _NOBODY,
    ages: Pair[float | None] = _AGELESS,
) -> FieldMerge | None:
    """
    Decide on one field; None if neither side changed it.

    Where the base of a side is `MISSING` the two have never agreed on the field: if both
    report it and differ, that is `Verdict.FIRST` and *policy* decides; if one reports it
    for the first time, that value goes.
    """
    met = base.marketo is not MISSING and base.dynamics is not MISSING
    here = _moved(now.marketo, base.marketo, same)
    there = _moved(now.dynamics, base.dynamics, same)
    if not (here or there):
        return None
    # Half a base is none: that one side still holds what it held says nothing about a value
    # that the other side was never known by.
    if here is not there and (met or now.marketo is MISSING or now.dynamics is MISSING):
        side = Side.MARKETO if here else Side.DYNAMICS
        why = (CHANGED if met else _REPORTED)[side]
        return FieldMerge(field, Verdict.ONE_SIDE, _value(now[side]), side, MISSING, why)
    values = now.map(_value)
    if same(values.marketo, values.dynamics):
        # Neither wins; Marketo's is named because a value must come from somewhere.
        return FieldMerge(field, Verdict.AGREED, values.marketo, None, MISSING, "both hold it")
    verdict = Verdict.COLLISION if met else Verdict.FIRST
    before = base.map(_value) if met else Pair[Value](None, None)
    return _collide(Collision(entity, field, before, values, ages), policy, verdict)


def _equal(_field: str, one: Value, other: Value) -> bool:
    # To Python, True is 1.
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)


def _told(
    decision: FieldMerge, held: Pair[Maybe], same: Callable[[Value, Value], bool]
) -> list[Side]:
    """Return the sides that do not hold, as far as is known, what *decision* says they should."""
    if decision.verdict is Verdict.UNRESOLVED:
        return []

    def holds(value: Maybe) -> bool:
        return not isinstance(value, Missing) and same(value, decision.value)

    return [side for side in Side if not holds(held[side])]


def merge(
    base: Pair[Mapping[str, Value]],
    sides: Pair[Mapping[str, Value]],
    *,
    policy: AuthorityPolicy,
    entity: Entity = _NOBODY,
    ages: Pair[float | None] = _AGELESS,
    same: Equality = _equal,
) -> Merge:
    """
    Merge the values that the two *sides* report now, against their *base*.

    A field absent from a side's mapping was not reported there, and None is a value: it
    clears. *policy* is asked about collisions only. Raises `ContractError` if the policy
    raises or answers nonsense.
    """
    decisions: list[FieldMerge] = []
    writes: Pair[dict[str, Value]] = Pair({}, {})
    # Sorted, so that equal inputs give equal plans, byte for byte (invariant 23).
    for field in sorted({*sides.marketo, *sides.dynamics}):
        before, now = _of(field, base), _of(field, sides)
        equal = partial(same, field)
        decision = merge_field(
            field, before, now, policy=policy, same=equal, entity=entity, ages=ages
        )
        if decision is None:
            continue
        decisions.append(decision)
        # What a side does not report it holds still.
        held = Pair(_held(before.marketo, now.marketo), _held(before.dynamics, now.dynamics))
        for side in _told(decision, held, equal):
            writes[side][field] = decision.value
    return Merge(Pair(writes.marketo, writes.dynamics), tuple(decisions))


def _of(field: str, values: Pair[Mapping[str, Value]]) -> Pair[Maybe]:
    """Return the values of *field*, `MISSING` where there is none."""
    return Pair(values.marketo.get(field, MISSING), values.dynamics.get(field, MISSING))


def _held(before: Maybe, now: Maybe) -> Maybe:
    return before if isinstance(now, Missing) else now
