"""The merge: the decision table, the laws that every merge keeps, and a small world in full."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.merge import ALL, CASES, POLICIES, PUT, Case, Expected, Maybe
from dynsync.errors import ConfigurationError, ContractError
from dynsync.kinds import TextKind
from dynsync.merge import FieldMerge, Merge, Verdict, merge, merge_field
from dynsync.policies import (
    AuthorityPolicy,
    Collision,
    Leave,
    Put,
    Resolution,
    Take,
    manual,
    prefer,
)
from dynsync.records import MISSING, Entity, Missing, Pair, Side, Value

Values: TypeAlias = Mapping[str, Value]

LEAD: Final = Entity("lead")
ADDRESS: Final = "ada@example.org"
NASTY: Final = st.sampled_from(["a", "b", "c", "a ", "", " \r\n", "e\u0301", "null", None])
FIELDS: Final = ("city", "email", "unsubscribed")


def text_equal(_field: str, one: Value, other: Value) -> bool:
    """Compare as text fields do."""
    kind = TextKind()
    return kind.key(one) == kind.key(other)


# -- the table


def run_case(case: Case, policy: str) -> Merge:
    """Merge the one field of *case*."""

    def mapped(pair: Pair[Maybe]) -> Pair[Mapping[str, Value]]:
        return pair.map(lambda v: {} if isinstance(v, Missing) else {case.field: v})

    authority, entity = POLICIES[policy]
    return merge(
        mapped(case.base),
        mapped(case.now),
        policy=authority,
        entity=entity,
        ages=case.ages,
        same=lambda _, one, other: case.kind.key(one) == case.kind.key(other),
    )


def outcome(field: str, merged: Merge) -> Expected:
    """Say what *merged* does as the table says it."""
    verdict = merged.decisions[0].verdict if merged.decisions else None
    told = merged.writes.map(lambda writes: writes.get(field, MISSING))
    return Expected(told.marketo, told.dynamics, verdict)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.description)
def test_table(case: Case) -> None:
    """Every case of the table comes out as it says, under every policy."""
    merged = {policy: outcome(case.field, run_case(case, policy)) for policy in ALL}

    assert case.expected == merged


def test_table_is_complete() -> None:
    """No case of the table leaves out a policy, and no description stands for two."""
    assert {case.description: ALL for case in CASES} == {
        case.description: frozenset(case.expected) for case in CASES
    }
    assert len(CASES) == len({case.description for case in CASES})


# -- a small world in full, against tables written another way

WORLD: Final[tuple[Maybe, ...]] = ("a", "b", "c", None, MISSING)
LEFT, TO_M, TO_D, PUT_BOTH = "left", "to marketo", "to dynamics", "put"

ANSWERS: Final[Mapping[str, Callable[[Pair[Maybe]], str]]] = {
    "prefer marketo": lambda _: TO_D,
    "prefer dynamics": lambda _: TO_M,
    "newest": lambda _: TO_D,
    "nonempty": lambda now: TO_D if now.dynamics is None else TO_M,
    "manual": lambda _: LEFT,
    "opt_out": lambda _: TO_M,
    "put": lambda _: PUT_BOTH,
    "by_field": lambda _: TO_D,
    "by_entity": lambda _: LEFT,
    "default, lead": lambda _: TO_D,
    "default, contact": lambda _: TO_M,
}
"""What each policy makes of a contest, in the table's own setting."""

BOTH_KNOWN: Final = {
    # Is Marketo as it was, is Dynamics as it was: what happens.
    ("as it was", "as it was"): "nothing",
    ("as it was", "other"): TO_M,
    ("as it was", "silent"): "nothing",
    ("other", "as it was"): TO_D,
    ("other", "other"): "contest",
    ("other", "silent"): TO_D,
    ("silent", "as it was"): "nothing",
    ("silent", "other"): TO_M,
    ("silent", "silent"): "nothing",
}


def oracle(base: Pair[Maybe], now: Pair[Maybe], policy: str) -> Expected:
    """Say what should happen, from tables and not by rules."""

    def word(held: Maybe, before: Maybe) -> str:
        if held is MISSING:
            return "silent"
        return "as it was" if held == before else "other"

    words = (word(now.marketo, base.marketo), word(now.dynamics, base.dynamics))
    known = MISSING not in (base.marketo, base.dynamics)
    step = BOTH_KNOWN[words]
    if not known and "silent" not in words:
        step = "contest"
    if step == "nothing":
        return Expected()
    held = [b if n is MISSING else n for n, b in zip(now, base, strict=True)]
    if step != "contest":
        value = now.marketo if step == TO_D else now.dynamics
        if held[0] == held[1]:
            return Expected(verdict=Verdict.ONE_SIDE)
        told = Pair[Maybe](MISSING, MISSING)
        told = told.replace(Side.MARKETO if step == TO_M else Side.DYNAMICS, value)
        return Expected(told.marketo, told.dynamics, Verdict.ONE_SIDE)
    if now.marketo == now.dynamics:
        return Expected(verdict=Verdict.AGREED)
    verdict = Verdict.COLLISION if known else Verdict.FIRST
    return {
        LEFT: Expected(verdict=Verdict.UNRESOLVED),
        TO_D: Expected(MISSING, now.marketo, verdict),
        TO_M: Expected(now.dynamics, MISSING, verdict),
        PUT_BOTH: Expected(PUT, PUT, verdict),
    }[ANSWERS[policy](now)]


@pytest.mark.parametrize("policy", sorted(ALL))
def test_small_world(policy: str) -> None:
    """All 625 situations of a field that knows three values come out as the tables say."""
    for base_m, base_d, now_m, now_d in itertools.product(WORLD, repeat=4):
        base, now = Pair[Maybe](base_m, base_d), Pair[Maybe](now_m, now_d)
        case = Case(description="", base=base, now=now, expected={})

        assert oracle(base, now, policy) == outcome("city", run_case(case, policy)), (base, now)


# -- the laws


@attrs.frozen
class Situation:
    """A record: what was agreed, and what each side reports now."""

    base: Pair[Values]
    sides: Pair[Values]
    policy: str = "manual"

    def only(self, field: str) -> Situation:
        """Return the situation of one field."""

        def cut(values: Values) -> Values:
            return {name: value for name, value in values.items() if name == field}

        return Situation(self.base.map(cut), self.sides.map(cut), self.policy)

    def merge(self, policy: AuthorityPolicy | None = None) -> Merge:
        """Merge it, compared as text."""
        authority, entity = POLICIES[self.policy]
        return merge(
            self.base,
            self.sides,
            policy=policy or authority,
            entity=entity,
            ages=Pair(60.0, 600.0),
            same=text_equal,
        )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Draw a record whose sides are perturbed from one base, so that every cell is met."""
    base: Pair[dict[str, Value]] = Pair({}, {})
    sides: Pair[dict[str, Value]] = Pair({}, {})
    for field in FIELDS:
        agreed = draw(NASTY)
        for side in Side:
            before = draw(st.sampled_from(["agreed", "agreed", "own", "unknown"]))
            if before != "unknown":
                base[side][field] = agreed if before == "agreed" else draw(NASTY)
            after = draw(st.sampled_from(["kept", "changed", "changed", "silent"]))
            if after != "silent":
                kept = after == "kept" and field in base[side]
                sides[side][field] = base[side][field] if kept else draw(NASTY)
    policy = draw(st.sampled_from(sorted(POLICIES)))
    return Situation(Pair(*base), Pair(*sides), policy)


def mirrored(policy: AuthorityPolicy) -> AuthorityPolicy:
    """Return *policy* as it is to one who takes each side for the other."""

    def ask(collision: Collision, /) -> Resolution:
        swapped = attrs.evolve(
            collision,
            base=collision.base.swap(),
            values=collision.values.swap(),
            ages=collision.ages.swap(),
        )
        answer = policy(swapped)
        return Take(answer.side.other) if isinstance(answer, Take) else answer

    return ask


@given(situations())
def test_sides_are_alike(situation: Situation) -> None:
    """Swapping the sides, and the policy with them, swaps the writes (invariant 10)."""
    policy, entity = POLICIES[situation.policy]
    swapped = merge(
        situation.base.swap(),
        situation.sides.swap(),
        policy=mirrored(policy),
        entity=entity,
        ages=Pair(600.0, 60.0),
        same=text_equal,
    )

    assert situation.merge().writes == swapped.writes.swap()


@given(situations())
def test_nothing_is_invented(situation: Situation) -> None:
    """A side is told only what the other reports, or what a policy puts (invariant 5)."""
    merged = situation.merge()
    for side in Side:
        for field, value in merged.writes[side].items():
            reported = situation.sides[side.other]
            assert value == PUT or (field in reported and reported[field] == value)


@given(situations())
def test_no_edit_is_lost(situation: Situation) -> None:
    """What one side alone changed reaches the other, and stays where it was made (invariant 4)."""
    merged = situation.merge()
    for decision in merged.decisions:
        if decision.verdict is not Verdict.ONE_SIDE:
            continue
        assert decision.winner is not None
        told, kept = merged.writes[decision.winner.other], merged.writes[decision.winner]
        before = situation.base[decision.winner.other].get(decision.field, MISSING)
        held = situation.sides[decision.winner.other].get(decision.field, before)

        assert decision.field not in kept
        assert told.get(decision.field, held) is not MISSING
        assert text_equal("", _known(told.get(decision.field, held)), decision.value)


def _known(value: Maybe) -> Value:
    assert not isinstance(value, Missing)
    return value


@given(situations())
def test_no_false_collision(situation: Situation) -> None:
    """Where both sides hold the same, nobody is told anything (invariant 8)."""
    merged = situation.merge()
    for field in FIELDS:
        values = [side.get(field, MISSING) for side in situation.sides]
        if MISSING in values or not text_equal("", *map(_known, values)):
            continue
        assert not any(field in writes for writes in merged.writes)
        verdicts = {d.verdict for d in merged.decisions if d.field == field}
        # A side that comes to what the other was left with changes alone, and tells nobody.
        assert verdicts <= {Verdict.AGREED, Verdict.ONE_SIDE}


def settled(situation: Situation, merged: Merge) -> Situation:
    """Return the situation after *merged* was carried out and acknowledged."""

    def holds(side: Side) -> Values:
        return {**situation.base[side], **situation.sides[side], **merged.writes[side]}

    held = Pair.of(holds)
    open_fields = {decision.field for decision in merged.unresolved}

    def base(side: Side) -> Values:
        old = situation.base[side]
        kept = {field: old[field] for field in open_fields if field in old}
        return kept | {f: v for f, v in held[side].items() if f not in open_fields}

    return Situation(Pair.of(base), held, situation.policy)


@given(situations())
def test_merging_again_writes_nothing(situation: Situation) -> None:
    """What was carried out is settled, and only what was left is told again (invariant 2)."""
    merged = situation.merge()
    again = settled(situation, merged).merge()

    assert Pair({}, {}) == again.writes
    assert [d.field for d in merged.unresolved] == [d.field for d in again.decisions]


@given(situations())
def test_order_does_not_matter(situation: Situation) -> None:
    """Equal inputs give equal merges to the letter, in whatever order they come (invariant 23)."""

    def turn(values: Values) -> Values:
        return dict(reversed([*values.items()]))

    turned = Situation(
        situation.base.map(turn),
        situation.sides.map(turn),
        situation.policy,
    )

    assert repr(situation.merge()) == repr(turned.merge())


@given(situations())
def test_policy_is_asked_about_collisions_only(situation: Situation) -> None:
    """A policy hears of each field that both changed, differently, once, and of no other."""
    heard: list[Collision] = []

    def listen(collision: Collision, /) -> Resolution:
        heard.append(collision)
        return Leave()

    merged = situation.merge(listen)

    assert [c.field for c in heard] == [d.field for d in merged.unresolved]
    for collision in heard:
        values = Pair(*(side[collision.field] for side in situation.sides))
        assert values == collision.values
        assert not text_equal("", *values)


@given(situations())
def test_fields_do_not_touch_each_other(situation: Situation) -> None:
    """What becomes of a field is the same whatever the rest of the record (invariant 7)."""
    merged = situation.merge()
    alone: list[FieldMerge] = []
    for field in FIELDS:
        only = situation.only(field).merge()
        alone += only.decisions
        for side in Side:
            assert only.writes[side].get(field, MISSING) == merged.writes[side].get(field, MISSING)

    assert list(merged.decisions) == alone


@given(situations())
def test_inputs_stay_as_they_are(situation: Situation) -> None:
    """A merge changes nothing that it is given."""
    before = repr(situation)
    situation.merge()

    assert before == repr(situation)


@given(situations())
def test_loser_is_kept_for_the_journal(situation: Situation) -> None:
    """Where a side wins, the other side's value is in the decision (invariant 6)."""
    for decision in situation.merge(prefer(Side.MARKETO)).decisions:
        contested = decision.verdict in {Verdict.COLLISION, Verdict.FIRST}
        expected = situation.sides.dynamics[decision.field] if contested else MISSING

        assert expected == decision.lost


# -- nonsense


class Quoting:
    """Something whose every description quotes a value."""

    def __repr__(self) -> str:
        return ADDRESS


class QuotingError(Exception):
    """An error whose message is a value."""


def raising(collision: Collision, /) -> Resolution:
    """Raise an error that quotes a value, from one that does too."""
    cause = QuotingError(collision.values.marketo)
    raise QuotingError(f"no rule for {collision.values.marketo}") from cause


def complaining(collision: Collision, /) -> Resolution:
    """Raise one of our own errors, as if the engine had found something."""
    raise ConfigurationError(f"no rule for {collision.values.marketo}")


def answering(answer: object) -> AuthorityPolicy:
    """Return a policy that answers whatever *answer* is."""
    return lambda _: answer  # type: ignore[return-value]


NONSENSE: Final[Mapping[str, AuthorityPolicy]] = {
    "raises": raising,
    "raises an error of ours": complaining,
    "nothing": answering(None),
    "a word": answering(ADDRESS),
    "a side": answering(Side.MARKETO),
    "the class of an answer": answering(Take),
    "a strange object": answering(Quoting()),
    "Take of a word": answering(Take(ADDRESS)),  # type: ignore[arg-type]
    "Take of nothing": answering(Take(None)),  # type: ignore[arg-type]
    "Take for no reason": answering(Take(Side.MARKETO, None)),  # type: ignore[arg-type]
    "Put for a list of reasons": answering(Put("c", [ADDRESS])),  # type: ignore[arg-type]
    "Leave for a strange object": answering(Leave(Quoting())),  # type: ignore[arg-type]
    "Leave for a number": answering(Leave(5)),  # type: ignore[arg-type]
    "Put of MISSING": answering(Put(MISSING)),  # type: ignore[arg-type]
    "Put of a float": answering(Put(0.5)),  # type: ignore[arg-type]
    "Put of a list": answering(Put([ADDRESS])),  # type: ignore[arg-type]
    "Put of a strange object": answering(Put(Quoting())),  # type: ignore[arg-type]
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and all that hangs on it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("name", sorted(NONSENSE))
def test_nonsense_is_refused(name: str) -> None:
    """A policy that raises, or answers nonsense, is a broken contract, told without a value."""
    with pytest.raises(ContractError, match="'city' of a lead") as caught:
        merge(
            Pair({"city": "a"}, {"city": "a"}),
            Pair({"city": ADDRESS}, {"city": "c"}),
            policy=NONSENSE[name],
            entity=LEAD,
        )

    assert [caught.value] == list(chain(caught.value))
    assert ADDRESS not in repr(caught.value) + str(caught.value)
    assert "polic" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a word", "a str"),
        ("Take of a word", "a Take of a str"),
        ("Take for no reason", "a Take whose reason is a NoneType"),
        ("Leave for a number", "a Leave whose reason is a int"),
        ("Put for a list of reasons", "a Put whose reason is a list"),
        ("Put of a list", "a Put of a list"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(name: str, words: str) -> None:
    """Who wrote the policy is told which part of its answer is of which wrong type."""
    base: Pair[Values] = Pair({"city": "a"}, {"city": "a"})

    with pytest.raises(ContractError, match=f"answered {words} for field 'city' of a record;"):
        merge(base, Pair({"city": "b"}, {"city": "c"}), policy=NONSENSE[name])


def test_broken_policy_is_not_asked_without_need() -> None:
    """A policy that would raise does no harm where nothing collides."""
    merged = merge(Pair({"city": "a"}, {"city": "a"}), Pair({"city": "b"}, {}), policy=raising)

    assert Pair({}, {"city": "b"}) == merged.writes


def test_interrupts_pass_through() -> None:
    """Stopping the process inside a policy stops it."""

    def interrupted(_: Collision, /) -> Resolution:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(
            Pair({"city": "a"}, {"city": "a"}),
            Pair({"city": "b"}, {"city": "c"}),
            policy=interrupted,
        )


# -- the defaults and the small parts


@pytest.mark.parametrize(("one", "other"), [(True, 1), (False, 0), (1, True)])
def test_yes_is_not_one(one: Value, other: Value) -> None:
    """Without an equality of its own, a merge tells a boolean from a number."""
    merged = merge(Pair({"f": one}, {"f": one}), Pair({"f": other}, {"f": one}), policy=manual)

    assert Pair({}, {"f": other}) == merged.writes
    assert type(other) is type(merged.writes.dynamics["f"])


def test_each_field_is_compared_as_itself() -> None:
    """An equality is told which field it compares."""
    base: Pair[Values] = Pair({"city": "a", "name": "a"}, {"city": "a", "name": "a"})
    now: Pair[Values] = Pair({"city": "A", "name": "A"}, base.dynamics)

    def same(field: str, one: Value, other: Value) -> bool:
        return one == other or field == "city"

    assert Pair({}, {"name": "A"}) == merge(base, now, policy=manual, same=same).writes


def test_collision_tells_the_policy_everything() -> None:
    """A policy sees entity, field, base, values and ages."""
    heard: list[Collision] = []

    def listen(collision: Collision, /) -> Resolution:
        heard.append(collision)
        return Leave("later")

    decision = merge_field(
        "city",
        Pair("a", "A"),
        Pair("b", "c"),
        policy=listen,
        same=lambda one, other: one == other,
        entity=LEAD,
        ages=Pair(1.0, None),
    )

    assert [Collision(LEAD, "city", Pair("a", "A"), Pair("b", "c"), Pair(1.0, None))] == heard
    assert FieldMerge("city", Verdict.UNRESOLVED, None, None, MISSING, "later") == decision


@pytest.mark.parametrize("side", Side)
def test_what_a_policy_takes_wins(side: Side) -> None:
    """A collision is decided for one side, the other's value is kept, and the reason told."""
    base: Pair[Values] = Pair({"city": "a"}, {"city": "a"})
    values = Pair("b", "c")
    now: Pair[Values] = values.map(lambda value: {"city": value})
    [decision] = merge(base, now, policy=lambda _: Take(side, "because")).decisions

    lost = values[side.other]
    assert FieldMerge("city", Verdict.COLLISION, values[side], side, lost, "because") == decision


@pytest.mark.parametrize(
    ("why", "told"), [("", "the policy put a value of its own"), ("merged", "merged")]
)
def test_what_a_policy_puts_has_a_reason(why: str, told: str) -> None:
    """A value that neither side held is explained, even where the policy does not."""
    base: Pair[Values] = Pair({"city": "a"}, {"city": "a"})
    now: Pair[Values] = Pair({"city": "b"}, {"city": "c"})
    [decision] = merge(base, now, policy=lambda _: Put("d", why)).decisions

    assert FieldMerge("city", Verdict.COLLISION, "d", None, MISSING, told) == decision


def test_first_meeting_has_no_base() -> None:
    """Where one side was never known, a policy is told of no base on either."""
    heard: list[Collision] = []

    def listen(collision: Collision, /) -> Resolution:
        heard.append(collision)
        return Leave()

    merge(Pair({"city": "a"}, {}), Pair({"city": "a"}, {"city": "c"}), policy=listen)

    assert [Pair(None, None)] == [collision.base for collision in heard]


@pytest.mark.parametrize("side", Side)
def test_reason_names_the_side(side: Side) -> None:
    """A decision says who made the change."""
    base: Pair[Values] = Pair({"city": "a"}, {"city": "a"})
    [decision] = merge(base, base.replace(side, {"city": "b"}), policy=manual).decisions

    assert f"only {side.label} changed it" == decision.why
    assert side is decision.winner


@pytest.mark.parametrize("side", Side)
def test_reason_names_who_alone_reports(side: Side) -> None:
    """What was never known before is nobody's change."""
    empty: Pair[Values] = Pair({}, {})
    [decision] = merge(empty, empty.replace(side, {"city": "b"}), policy=manual).decisions

    why = f"only {side.label} reports it"
    assert FieldMerge("city", Verdict.ONE_SIDE, "b", side, MISSING, why) == decision


def test_who_agrees_is_told_so() -> None:
    """Where both changed a field to the same, neither wins."""
    now: Pair[Values] = Pair({"city": "b"}, {"city": "b"})
    [decision] = merge(Pair({"city": "a"}, {"city": "a"}), now, policy=manual).decisions

    assert FieldMerge("city", Verdict.AGREED, "b", None, MISSING, "both hold it") == decision
