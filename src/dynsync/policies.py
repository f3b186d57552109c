"""
Who is right when both sides changed a field to different values. Pure functions.

A policy is any callable from a `Collision` to a `Resolution`. It is asked about collisions
only: what one side changed alone goes to the other whatever the policy says (R19, R20).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Final, TypeAlias, cast

import attrs

from dynsync.arguments import number, shown
from dynsync.errors import ConfigurationError
from dynsync.records import Entity, Pair, Side, Value

__all__ = [
    "AuthorityPolicy",
    "Collision",
    "Leave",
    "Put",
    "Resolution",
    "Take",
    "by_entity",
    "by_field",
    "manual",
    "named",
    "newest",
    "nonempty",
    "opt_out",
    "prefer",
    "refuse_policy",
]


@attrs.frozen
class Collision:
    """
    Both sides changed *field* since the *base*, to different *values*.

    *ages* say how long ago each side's record was changed, in seconds by that system's own
    clock: two clocks are never compared. None where a system does not say. *base* holds
    None on both sides where the two records have never agreed yet.
    """

    entity: Entity
    field: str
    base: Pair[Value]
    values: Pair[Value]
    ages: Pair[float | None] = Pair(None, None)


@attrs.frozen
class Take:
    """*side* is right; the other value is kept in the journal. *why* is for people."""

    side: Side
    why: str = ""


@attrs.frozen
class Put:
    """Neither is right: both get *value*."""

    value: Value
    why: str = ""


@attrs.frozen
class Leave:
    """Undecided: nothing is written, no base moves, and every run reports it."""

    why: str = ""


Resolution: TypeAlias = Take | Put | Leave
AuthorityPolicy: TypeAlias = Callable[[Collision], Resolution]


_MAKERS: Final = frozenset({__name__, "dynsync.maps._authority"})
"""The modules whose functions make policies; as one it would fail at the first collision."""


def refuse_policy(argument: str, value: object) -> None:
    """
    Raise `ConfigurationError` if *value*, given as *argument*, is no policy.

    A function of this module is none: it makes one, and was not called.
    """
    if isinstance(value, FunctionType) and value.__module__ in _MAKERS:
        raise ConfigurationError(
            f"{argument} got {value.__name__} itself, which makes a policy. Call it: "
            f"{value.__name__}(…)."
        )
    if not callable(value) or isinstance(value, type):
        raise ConfigurationError(
            f"{argument} got {shown(value)}. Give a policy: newest(), prefer(Side.MARKETO), "
            f"manual, or any function from a Collision to a Resolution."
        )


@attrs.frozen
class _Prefer:
    side: Side

    def __call__(self, collision: Collision, /) -> Resolution:
        return Take(self.side, f"{self.side.label} has authority over {collision.entity} records")


def prefer(side: Side) -> AuthorityPolicy:
    """Let *side* win every collision; raises `ConfigurationError` for what is no side."""
    given = cast("object", side)
    if not isinstance(given, Side):
        message = f"prefer() takes Side.MARKETO or Side.DYNAMICS, not {shown(given)}."
        raise ConfigurationError(message)
    return _Prefer(side)


@attrs.frozen
class _Manual:
    def __call__(self, _: Collision, /) -> Resolution:
        return Leave("a person must decide")


manual: Final[AuthorityPolicy] = _Manual()
"""Leave every collision to a person."""


@attrs.frozen
class _Newest:
    then: AuthorityPolicy
    tolerance: float

    def __call__(self, collision: Collision, /) -> Resolution:
        marketo, dynamics = collision.ages
        if marketo is None or dynamics is None or not abs(marketo - dynamics) > self.tolerance:
            return self.then(collision)
        side = Side.MARKETO if marketo < dynamics else Side.DYNAMICS
        return Take(side, f"{side.label} was changed later")


def newest(then: AuthorityPolicy = manual, *, tolerance: float = 1.0) -> AuthorityPolicy:
    """
    Let the side that was changed last win.

    Ages are compared, each by its own system's clock. Within *tolerance* seconds, or where
    a system does not say, *then* decides. Raises `ConfigurationError` for what is no policy,
    or no number of seconds.
    """
    refuse_policy("newest()", then)
    number("newest", "tolerance", tolerance, "seconds")
    return _Newest(then, tolerance)


@attrs.frozen
class _Nonempty:
    then: AuthorityPolicy

    def __call__(self, collision: Collision, /) -> Resolution:
        for side in Side:
            if collision.values[side] is None:
                return Take(side.other, f"{side.label} has no value")
        return self.then(collision)


def nonempty(then: AuthorityPolicy) -> AuthorityPolicy:
    """
    Let a value win over none; between two values *then* decides.

    Raises `ConfigurationError` if *then* is no policy.
    """
    refuse_policy("nonempty()", then)
    return _Nonempty(then)


@attrs.frozen
class _OptOut:
    then: AuthorityPolicy

    def __call__(self, collision: Collision, /) -> Resolution:
        for side in Side:
            if collision.values[side] is True and collision.values[side.other] is not True:
                return Take(side, f"the opt-out in {side.label} stands (A17)")
        return self.then(collision)


def opt_out(then: AuthorityPolicy) -> AuthorityPolicy:
    """
    Let an opt-out win over an opt-in, whoever has authority (A17); else *then* decides.

    Raises `ConfigurationError` if *then* is no policy.
    """
    refuse_policy("opt_out()", then)
    return _OptOut(then)


@attrs.frozen
class _ByField:
    policies: Mapping[str, AuthorityPolicy]
    default: AuthorityPolicy

    def __call__(self, collision: Collision, /) -> Resolution:
        return self.policies.get(collision.field, self.default)(collision)


def by_field(
    policies: Mapping[str, AuthorityPolicy], *, default: AuthorityPolicy
) -> AuthorityPolicy:
    """
    Let each field's own policy decide, *default* for the rest.

    Raises `ConfigurationError` for what is no mapping, and for what is no policy in it.
    """
    return _ByField(_table("field", policies, default), default)


@attrs.frozen
class _ByEntity:
    policies: Mapping[str, AuthorityPolicy]
    default: AuthorityPolicy

    def __call__(self, collision: Collision, /) -> Resolution:
        return self.policies.get(collision.entity, self.default)(collision)


def by_entity(
    policies: Mapping[str, AuthorityPolicy], *, default: AuthorityPolicy = manual
) -> AuthorityPolicy:
    """
    Let each entity's own policy decide, *default* for the rest.

    Raises `ConfigurationError` for what is no mapping, and for what is no policy in it.
    """
    return _ByEntity(_table("entity", policies, default), default)


_EXAMPLES: Final = {"field": "city", "entity": "lead"}


def _table(
    what: str, policies: Mapping[str, AuthorityPolicy], default: AuthorityPolicy
) -> Mapping[str, AuthorityPolicy]:
    """Return a copy of *policies*, one for each *what*, after a look at all of them."""
    given = cast("object", policies)
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"by_{what}() got {shown(given)}. Give the policy of each {what} by its name: "
            f"by_{what}({{'{_EXAMPLES[what]}': manual}}, default=newest())."
        )
    for name, policy in policies.items():
        refuse_policy(f"by_{what}(), for {shown(name)},", policy)
    refuse_policy(f"by_{what}(), as default,", default)
    return dict(policies)


def named(policy: object) -> Iterator[tuple[str, str]]:
    """Yield the names that *policy* has its own policies for: ("field" or "entity", name)."""
    if isinstance(policy, _ByField | _ByEntity):
        what = "field" if isinstance(policy, _ByField) else "entity"
        for name, one in policy.policies.items():
            yield what, name
            yield from named(one)
        yield from named(policy.default)
    elif isinstance(policy, _Newest | _Nonempty | _OptOut):
        yield from named(policy.then)
