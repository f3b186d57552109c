"""
The merge of one field over a small world, every case of it.

Three values, two of which mean the same, null, and *not reported*, for the base and for the
present value of either side, under every policy: what should become of each is said here in
another way than the engine says it, as sets of the values that each side may end with.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import attrs
import pytest

from dynsync.maps import default_policy
from dynsync.merge import FieldMerge, Verdict, merge, merge_field
from dynsync.permissions import permit
from dynsync.policies import (
    AuthorityPolicy,
    Collision,
    Put,
    Resolution,
    by_entity,
    by_field,
    manual,
    newest,
    nonempty,
    opt_out,
    prefer,
)
from dynsync.records import MISSING, Entity, Missing, Pair, Side, Value
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema

Maybe: TypeAlias = Value | Missing

LEAD: Final = Entity("lead")
FIELD: Final = "city"
WORLD: Final[tuple[Maybe, ...]] = ("a", "b", "A", None, MISSING)
"""``a`` and ``A`` mean the same."""

AGES: Final = tuple(Pair[float | None](*ages) for ages in ((1.0, 99.0), (99.0, 1.0), (None, None)))


def put(_: Collision, /) -> Resolution:
    """Let neither be right."""
    return Put("c")


POLICIES: Final[Mapping[str, tuple[AuthorityPolicy, AuthorityPolicy]]] = {
    "prefer marketo": (prefer(Side.MARKETO), prefer(Side.DYNAMICS)),
    "prefer dynamics": (prefer(Side.DYNAMICS), prefer(Side.MARKETO)),
    "newest": (newest(), newest()),
    "newest, else marketo": (newest(prefer(Side.MARKETO)), newest(prefer(Side.DYNAMICS))),
    "nonempty": (nonempty(manual), nonempty(manual)),
    "nonempty, else dynamics": (nonempty(prefer(Side.DYNAMICS)), nonempty(prefer(Side.MARKETO))),
    "opt out": (opt_out(manual), opt_out(manual)),
    "manual": (manual, manual),
    "put": (put, put),
    "by field": (
        by_field({FIELD: prefer(Side.MARKETO)}, default=manual),
        by_field({FIELD: prefer(Side.DYNAMICS)}, default=manual),
    ),
    "by entity": (
        by_entity({"lead": prefer(Side.DYNAMICS)}),
        by_entity({"lead": prefer(Side.MARKETO)}),
    ),
    "default": (default_policy(), by_entity({"lead": prefer(Side.DYNAMICS)})),
}
"""Each policy, and what it is with the sides swapped."""


@attrs.frozen
class Situation:
    """What was agreed, what is reported, and how old it is."""

    base: Pair[Maybe]
    now: Pair[Maybe]
    ages: Pair[float | None]

    def swapped(self) -> Situation:
        """Return it with the sides exchanged."""
        return Situation(self.base.swap(), self.now.swap(), self.ages.swap())


SITUATIONS: Final = tuple(
    Situation(Pair(*values[:2]), Pair(*values[2:]), ages)
    for values in itertools.product(WORLD, repeat=4)
    for ages in AGES
)


def meaning(value: Maybe) -> Maybe:
    """Return what a value means: in this world, case does not count."""
    return value.lower() if isinstance(value, str) else value


def same(one: Value, other: Value) -> bool:
    """Return whether two values mean the same."""
    return meaning(one) == meaning(other)


def merged(situation: Situation, policy: AuthorityPolicy) -> FieldMerge | None:
    """Ask the engine."""
    return merge_field(
        FIELD,
        situation.base,
        situation.now,
        policy=policy,
        same=same,
        entity=LEAD,
        ages=situation.ages,
    )


# -- the statement: what was said anew, and what is left to be said to whom


def news(situation: Situation) -> dict[Side, Value]:
    """Return what each side says that it was not known to hold."""
    return {
        side: value
        for side in Side
        if not isinstance(value := situation.now[side], Missing)
        and (situation.base[side] is MISSING or meaning(value) != meaning(situation.base[side]))
    }


def spoken(situation: Situation) -> dict[Side, Value]:
    """Return the values that have a say."""
    found = news(situation)
    strangers = MISSING in situation.base and MISSING not in situation.now
    if found and strangers:
        # Two that have never agreed both have a say, whatever one of them held before.
        values = situation.now.map(lambda value: None if isinstance(value, Missing) else value)
        return {side: values[side] for side in Side}
    return found


CELLS: Final = ("nothing", "one side", "agreed", "collision", "first")


def cell(situation: Situation) -> str:
    """Return the cell of the table of the architecture that *situation* is in."""
    words = spoken(situation)
    if len(words) < 2:
        return "one side" if words else "nothing"
    if len({meaning(value) for value in words.values()}) == 1:
        return "agreed"
    return "first" if MISSING in situation.base else "collision"


def decides(name: str, situation: Situation) -> object:
    """Return who wins a collision under the policy *name*: a side, "c", or nobody (None)."""
    marketo, dynamics = situation.now
    younger: Side | None = None
    if situation.ages.marketo is not None and situation.ages.dynamics is not None:
        first = situation.ages.marketo < situation.ages.dynamics
        younger = Side.MARKETO if first else Side.DYNAMICS
    filled = Side.DYNAMICS if marketo is None else Side.MARKETO if dynamics is None else None
    return {
        "prefer marketo": Side.MARKETO,
        "prefer dynamics": Side.DYNAMICS,
        "newest": younger,
        "newest, else marketo": younger or Side.MARKETO,
        "nonempty": filled,
        "nonempty, else dynamics": filled or Side.DYNAMICS,
        "opt out": None,
        "manual": None,
        "put": "c",
        "by field": Side.MARKETO,
        "by entity": Side.DYNAMICS,
        "default": Side.MARKETO,
    }[name]


def expected(name: str, situation: Situation) -> tuple[object, ...]:
    """Return verdict, value, winner and loser, as the rules have it."""
    words = spoken(situation)
    match cell(situation):
        case "nothing":
            return ()
        case "one side":
            [(side, value)] = words.items()
            return (Verdict.ONE_SIDE, value, side, MISSING)
        case "agreed":
            return (Verdict.AGREED, words[Side.MARKETO], None, MISSING)
        case where:
            verdict = Verdict.FIRST if where == "first" else Verdict.COLLISION
            who = decides(name, situation)
            if isinstance(who, Side):
                return (verdict, words[who], who, words[who.other])
            if who is None:
                return (Verdict.UNRESOLVED, None, None, MISSING)
            return (verdict, who, None, MISSING)


def told(decision: FieldMerge | None) -> tuple[object, ...]:
    """Return what the engine decided."""
    if decision is None:
        return ()
    return (decision.verdict, decision.value, decision.winner, decision.lost)


@pytest.mark.parametrize("name", POLICIES)
def test_every_case(name: str) -> None:
    """The engine decides each of the 1,875 cases as the rules have it (invariants 6 and 9)."""
    policy, _ = POLICIES[name]
    wrong = [one for one in SITUATIONS if expected(name, one) != told(merged(one, policy))]

    assert 5**4 * 3 == len(SITUATIONS)
    assert [] == wrong


@pytest.mark.parametrize("name", POLICIES)
def test_every_case_is_mirrored(name: str) -> None:
    """With the sides swapped, the policy's too, the answer is swapped (invariant 10)."""
    policy, mirror = POLICIES[name]
    for situation in SITUATIONS:
        here, there = merged(situation, policy), merged(situation.swapped(), mirror)
        assert (here is None) is (there is None), situation
        if here is None or there is None:
            continue
        assert here.verdict is there.verdict, situation
        assert here.winner is (there.winner and there.winner.other), situation
        assert meaning(here.value) == meaning(there.value), situation
        assert here.lost == there.lost, situation


def writes(situation: Situation, policy: AuthorityPolicy) -> Pair[dict[str, Value]]:
    """Return what the merge of a whole record would write of the field."""

    def known(pair: Pair[Maybe]) -> Pair[Mapping[str, Value]]:
        def of(side: Side) -> Mapping[str, Value]:
            value = pair[side]
            return {} if isinstance(value, Missing) else {FIELD: value}

        return Pair.of(of)

    found = merge(
        known(situation.base),
        known(situation.now),
        policy=policy,
        entity=LEAD,
        ages=situation.ages,
        same=lambda _, one, other: same(one, other),
    )
    return found.writes.map(dict)


def holds(situation: Situation) -> Pair[Maybe]:
    """Return what each side holds as far as is known: what is not reported, it holds still."""

    def of(side: Side) -> Maybe:
        return situation.base[side] if situation.now[side] is MISSING else situation.now[side]

    return Pair.of(of)


@pytest.mark.parametrize("name", POLICIES)
def test_writes_end_the_difference(name: str) -> None:
    """Who does not hold the result is told it; nobody else, and nobody where it is left."""
    policy, _ = POLICIES[name]
    for situation in SITUATIONS:
        answer = expected(name, situation)
        sent = writes(situation, policy)
        if not answer or answer[0] is Verdict.UNRESOLVED:
            assert Pair({}, {}) == sent, situation
            continue
        for side in Side:
            held = holds(situation)[side]
            lacks = held is MISSING or meaning(held) != meaning(answer[1])  # type: ignore[arg-type]
            assert ({FIELD: answer[1]} if lacks else {}) == sent[side], situation


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_not_reported_is_no_difference(name: str) -> None:
    """A side that says nothing neither wins nor loses, and clears nothing."""
    policy, _ = POLICIES[name]
    silent = [one for one in SITUATIONS if MISSING in one.now]
    for situation in silent:
        decision = merged(situation, policy)
        assert decision is None or decision.verdict is Verdict.ONE_SIDE
        if decision is not None:
            assert decision.winner is not None
            assert situation.now[decision.winner] is not MISSING

    assert len(silent) == 3 * (5**4 - 4**2 * 5**2)


def schemas(access: Pair[Access]) -> Pair[Schema]:
    """Return two schemas in which the field is allowed as *access* says."""
    return Pair.of(lambda side: Schema.of("t", [Column(FIELD, access=access[side])]))


def unreadable() -> Iterator[Pair[Access]]:
    """Yield the rights under which a side, or both, cannot be read."""
    for rights in itertools.product((FULL_ACCESS, Access.UPDATE, Access.NONE), repeat=2):
        if any(Access.READ not in right for right in rights):
            yield Pair(*rights)


@pytest.mark.parametrize("access", list(unreadable()), ids=str)
def test_unreadable_does_not_exist(access: Pair[Access]) -> None:
    """A field that one side may not read takes no part, whatever the other says (section 5)."""
    permitted = permit({FIELD: Pair(FIELD, FIELD)}, schemas(access))

    assert () == tuple(permitted.readable)


def test_unreadable_counts_as_said_by_nobody() -> None:
    """With the field filtered out of both sides no case of the world decides anything."""
    for situation in SITUATIONS:
        filtered = attrs.evolve(situation, now=Pair[Maybe](MISSING, MISSING))
        assert merged(filtered, prefer(Side.MARKETO)) is None
        assert Pair({}, {}) == writes(filtered, prefer(Side.MARKETO))


def test_every_cell_is_reached() -> None:
    """The small world has each cell of the table, many times, and on either side."""
    cells = Counter(cell(situation) for situation in SITUATIONS)
    sides = Counter(next(iter(news(one))) for one in SITUATIONS if cell(one) == "one side")
    verdicts = {told(merged(one, POLICIES["newest"][0]))[:1] for one in SITUATIONS}

    assert set(CELLS) == set(cells)
    assert len(SITUATIONS) == cells.total()
    assert all(count > 100 for count in cells.values()), cells
    assert sides[Side.MARKETO] == sides[Side.DYNAMICS] > 100
    assert {()} | {(verdict,) for verdict in Verdict} == verdicts
