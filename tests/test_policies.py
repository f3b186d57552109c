"""Policies: who is right in a collision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, cast

import attrs
import pytest

from dynsync.errors import ConfigurationError
from dynsync.policies import (
    AuthorityPolicy,
    Collision,
    Leave,
    Put,
    Resolution,
    Take,
    by_entity,
    by_field,
    manual,
    named,
    newest,
    nonempty,
    opt_out,
    prefer,
)
from dynsync.records import Entity, Pair, Side, Value


def collision(
    marketo: Value = "b",
    dynamics: Value = "c",
    *,
    ages: tuple[float | None, float | None] = (None, None),
    entity: str = "lead",
    field: str = "city",
) -> Collision:
    """Make a collision of two changes since "a"."""
    return Collision(Entity(entity), field, Pair("a", "a"), Pair(marketo, dynamics), Pair(*ages))


def put(_: Collision, /) -> Resolution:
    """Put something else."""
    return Put("other")


def winner(answer: Resolution) -> Side | None:
    """Return the side that *answer* takes, None if it takes none."""
    return answer.side if isinstance(answer, Take) else None


@pytest.mark.parametrize("side", Side)
def test_prefer(side: Side) -> None:
    """The preferred side wins, even with nothing."""
    assert side is winner(prefer(side)(collision()))
    assert side is winner(prefer(side)(collision(None, "c")))
    assert side is winner(prefer(side)(collision("b", None)))


def test_prefer_takes_a_side() -> None:
    """A side that is none is refused when the policy is made, and said."""
    with pytest.raises(ConfigurationError, match=r"prefer\(\) takes .*, not 'marketo'"):
        prefer("marketo")  # type: ignore[arg-type]


STEP: Final = (
    "Give a policy: newest(), prefer(Side.MARKETO), manual, or any function from a Collision to a "
    "Resolution."
)


@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (newest, "newest() got"),
        (nonempty, "nonempty() got"),
        (opt_out, "opt_out() got"),
        (lambda wrong: by_field({"city": wrong}, default=manual), "by_field(), for 'city', got"),
        (lambda wrong: by_field({}, default=wrong), "by_field(), as default, got"),
        (lambda wrong: by_entity({"lead": wrong}), "by_entity(), for 'lead', got"),
        (lambda wrong: by_entity({}, default=wrong), "by_entity(), as default, got"),
    ],
)
@pytest.mark.parametrize(
    ("wrong", "said"),
    [("marketo", "'marketo'"), (Side.MARKETO, repr(Side.MARKETO)), (Take, "the class Take")],
)
def test_a_policy_is_made_of_policies(
    make: Callable[[AuthorityPolicy], object], seen: str, wrong: object, said: str
) -> None:
    """What is none is refused when the policy is made, not at the first collision."""
    with pytest.raises(ConfigurationError) as caught:
        make(cast("AuthorityPolicy", wrong))

    assert f"{seen} {said}. {STEP}" == str(caught.value)


def test_what_makes_a_policy_is_none() -> None:
    """A call that was forgotten is told, for what is meant can be called all the same."""
    with pytest.raises(ConfigurationError) as caught:
        nonempty(cast("AuthorityPolicy", newest))

    assert "nonempty() got newest itself, which makes a policy. Call it: newest(…)." == str(
        caught.value
    )


def test_a_policy_that_is_asked_wrongly_quotes_no_value() -> None:
    """A collision in the place of a policy is told by its type: it holds values."""
    with pytest.raises(ConfigurationError, match=r"newest\(\) got a Collision\."):
        newest(cast("AuthorityPolicy", collision()))
    with pytest.raises(ConfigurationError, match=r"prefer\(\) takes .*, not a Collision\."):
        prefer(cast("Side", collision()))


@pytest.mark.parametrize("tolerance", ["x", -1, None, True, math.nan])
def test_a_tolerance_is_a_number_of_seconds(tolerance: object) -> None:
    """What is none would be found out at the first collision."""
    with pytest.raises(ConfigurationError) as caught:
        newest(tolerance=cast("float", tolerance))

    told = f"newest(tolerance={tolerance!r}): give a number of seconds from 0 on."
    assert told == str(caught.value)


@pytest.mark.parametrize(
    ("given", "got"), [("email", "'email'"), (["email"], "a list"), (7, "7"), (None, "None")]
)
def test_policies_stand_by_name(given: object, got: str) -> None:
    """A list of fields says nothing of who is right in them."""
    table = cast("dict[str, AuthorityPolicy]", given)
    with pytest.raises(ConfigurationError, match=rf"\(\) got {got}\. .* by_field\(\{{'city': manu"):
        by_field(table, default=manual)
    with pytest.raises(ConfigurationError, match=rf"\(\) got {got}\. .* by_entity\(\{{'lead': "):
        by_entity(table)


def test_manual() -> None:
    """A person decides, and the report says so."""
    assert Leave("a person must decide") == manual(collision())


@pytest.mark.parametrize(
    ("ages", "side"),
    [
        ((10.0, 60.0), Side.MARKETO),
        ((60.0, 10.0), Side.DYNAMICS),
        ((10.0, 11.5), Side.MARKETO),
        ((-5.0, 10.0), Side.MARKETO),  # a skewed clock: changed in the future
        ((10.0, 11.0), None),
        ((10.0, 10.0), None),
        ((None, 10.0), None),
        ((10.0, None), None),
        ((None, None), None),
        ((math.nan, 10.0), None),
        ((math.inf, math.inf), None),
    ],
)
def test_newest(ages: tuple[float | None, float | None], side: Side | None) -> None:
    """The later change wins; within the tolerance, or where one is not known, somebody else."""
    assert side is winner(newest()(collision(ages=ages)))
    assert (side or Side.DYNAMICS) is winner(newest(prefer(Side.DYNAMICS))(collision(ages=ages)))


def test_newest_tolerance() -> None:
    """How much later is later is for the host to say (invariant 28)."""
    assert winner(newest(tolerance=60.0)(collision(ages=(10.0, 60.0)))) is None
    assert Side.MARKETO is winner(newest(tolerance=0.0)(collision(ages=(10.0, 10.1))))


def test_nonempty() -> None:
    """A value wins over none; of two values neither, so somebody else decides."""
    policy = nonempty(prefer(Side.MARKETO))

    assert Side.DYNAMICS is winner(policy(collision(None, "c")))
    assert Side.MARKETO is winner(policy(collision("b", None)))
    assert Side.MARKETO is winner(policy(collision("b", "c")))
    assert Side.DYNAMICS is winner(nonempty(prefer(Side.DYNAMICS))(collision(marketo=False)))


@pytest.mark.parametrize("then", [prefer(Side.MARKETO), prefer(Side.DYNAMICS), manual, put])
def test_opt_out_stands(then: AuthorityPolicy) -> None:
    """An opt-out wins over an opt-in and over nothing, whoever has authority (A17)."""
    policy = opt_out(then)

    assert Side.MARKETO is winner(policy(collision(marketo=True, dynamics=False)))
    assert Side.MARKETO is winner(policy(collision(marketo=True, dynamics=None)))
    assert Side.DYNAMICS is winner(policy(collision(marketo=False, dynamics=True)))
    assert Side.DYNAMICS is winner(policy(collision(marketo=None, dynamics=True)))


def test_opt_out_minds_its_own() -> None:
    """Where nobody opted out, somebody else decides; the number 1 is no opt-out."""
    policy = opt_out(prefer(Side.DYNAMICS))

    assert Side.DYNAMICS is winner(policy(collision("b", "c")))
    assert Side.DYNAMICS is winner(policy(collision(1, 0)))
    assert Side.DYNAMICS is winner(policy(collision(marketo=None, dynamics=False)))


def test_by_field_and_by_entity() -> None:
    """Each field and each entity may have its own policy; the rest has the default."""
    fields = by_field({"email": prefer(Side.DYNAMICS)}, default=prefer(Side.MARKETO))
    entities = by_entity({"lead": fields, "contact": manual}, default=put)

    assert Side.DYNAMICS is winner(entities(collision(field="email")))
    assert Side.MARKETO is winner(entities(collision(field="city")))
    assert isinstance(entities(collision(entity="contact")), Leave)
    assert Put("other") == entities(collision(entity="account"))
    assert isinstance(by_entity({})(collision()), Leave)


def test_what_has_a_policy_of_its_own_is_named() -> None:
    """However deep it stands, so that a name that fits nothing is found."""
    fields = by_field({"email": opt_out(by_field({"fax": manual}, default=put))}, default=put)
    entities = by_entity({"lead": newest(fields)}, default=by_field({"city": put}, default=put))

    assert [] == list(named(put))
    assert [
        ("entity", "lead"),
        ("field", "email"),
        ("field", "fax"),
        ("field", "city"),
    ] == list(named(nonempty(entities)))


def test_later_changes_of_the_mapping_do_not_count() -> None:
    """A policy is what it was when it was made."""
    rules = {"city": prefer(Side.MARKETO)}
    policies = (by_field(rules, default=manual), by_entity({**rules}, default=manual))
    rules["city"] = prefer(Side.DYNAMICS)

    assert Side.MARKETO is winner(policies[0](collision()))
    assert isinstance(policies[1](collision()), Leave)


@pytest.mark.parametrize("make", [nonempty, opt_out, newest])
def test_policies_are_values(make: type) -> None:
    """Policies made alike are equal, and say what they are."""
    assert make(prefer(Side.MARKETO)) == make(prefer(Side.MARKETO))
    assert make(prefer(Side.MARKETO)) != make(prefer(Side.DYNAMICS))
    assert "MARKETO" in repr(make(prefer(Side.MARKETO)))


@pytest.mark.parametrize(
    "policy",
    [
        prefer(Side.MARKETO),
        prefer(Side.DYNAMICS),
        newest(),
        nonempty(manual),
        opt_out(manual),
        by_entity({"lead": newest()}),
    ],
    ids=repr,
)
def test_built_in_policies_say_why(policy: AuthorityPolicy) -> None:
    """The reason of a built-in policy is for people, and holds no value."""
    for values in (("Oslo", None), ("Oslo", "Bergen"), (True, False)):
        answer = policy(collision(*values, ages=(1.0, 99.0)))

        assert answer.why
        assert not any(str(value) in answer.why for value in values if value != "")


@pytest.mark.parametrize("make", [newest, nonempty, opt_out])
@pytest.mark.parametrize("side", Side)
def test_mirrored(make: type, side: Side) -> None:
    """With the sides swapped, and what decides a tie too, the other side wins (invariant 10)."""
    policy, mirror = make(prefer(side)), make(prefer(side.other))
    cases: list[tuple[Value, Value]] = [("b", "c"), (None, "c"), ("b", None), (True, False)]
    for one, other in cases:
        for ages in ((1.0, 9.0), (9.0, 1.0), (1.0, 1.0), (None, 1.0), (math.nan, 1.0)):
            here = collision(one, other, ages=ages)
            there = attrs.evolve(here, values=here.values.swap(), ages=here.ages.swap())
            taken = winner(mirror(there))

            assert taken is not None
            assert winner(policy(here)) is taken.other
