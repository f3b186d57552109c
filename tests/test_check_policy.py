"""`check_policy`: the policies of dynsync hold every clause, broken ones are caught."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, cast

import pytest

from dynsync.errors import ConfigurationError
from dynsync.fields import Field
from dynsync.kinds import TextKind
from dynsync.maps import CONTACT, LEAD, default_backfill, default_first, default_policy
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
    newest,
    nonempty,
    opt_out,
    prefer,
)
from dynsync.records import Choice, Entity, Pair, Side
from dynsync.testing import Standing, check_policy
from dynsync.testing._collisions import collisions
from dynsync.testing._nasty import VALUES
from dynsync.testing._policy_check import POLICY_CLAUSES
from dynsync.testing._store_steps import plain

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "policy-contract.md"

OURS: Final = (
    *(prefer(side) for side in Side),
    *(newest(), newest(prefer(Side.DYNAMICS), tolerance=60.0), nonempty(newest()), manual),
    *(opt_out(manual), by_entity({"lead": newest()}), by_field({"phone": manual}, default=manual)),
    *(default_policy(), default_first(manual), default_backfill()),
)


@pytest.mark.parametrize("policy", OURS, ids=repr)
def test_our_policies_hold_every_clause(policy: AuthorityPolicy) -> None:
    """Each policy that is there does what is asked of policies."""
    found = check_policy(policy)

    found.raise_if_broken()
    assert all(finding.times > 1000 for finding in found.findings[:-1])


def says_yes(_: Collision) -> Resolution:
    """Answer something that is no answer."""
    return cast("Resolution", True)  # noqa: FBT003 - wrong on purpose


def puts_a_list(_: Collision) -> Resolution:
    """Put what no field can mean."""
    return Put(["a"])  # type: ignore[arg-type]


def takes_a_word(_: Collision) -> Resolution:
    """Take a side by its name."""
    return Take("marketo")  # type: ignore[arg-type]


def puts_a_number(_: Collision) -> Resolution:
    """Put a number, whatever the field is about."""
    return Put(5)


def says_no_reason(_: Collision) -> Resolution:
    """Give a reason that is no text."""
    return Leave(5)  # type: ignore[arg-type]


def measures(collision: Collision) -> Resolution:
    """Count the characters of whatever there is."""
    lengths = collision.values.map(lambda value: len(cast("str", value)))
    return Take(max(Side, key=lambda side: lengths[side]))


def compares(collision: Collision) -> Resolution:
    """Take for granted that a system says how old a record is."""
    marketo, dynamics = collision.ages
    return Take(Side.MARKETO if cast("float", marketo) < cast("float", dynamics) else Side.DYNAMICS)


def knows_three(collision: Collision) -> Resolution:
    """Know leads and contacts, and nothing else."""
    return {"lead": Take(Side.MARKETO), "contact": Take(Side.DYNAMICS)}[collision.entity]


def taking_turns() -> AuthorityPolicy:
    """Return a policy that lets the sides win by turns."""
    turns = [Side.MARKETO]

    def by_turns(_: Collision) -> Resolution:
        turns.append(turns[-1].other)
        return Take(turns[-1])

    return by_turns


def remembering() -> AuthorityPolicy:
    """Return a policy that gives whoever won a field's first collision all later ones."""
    won: dict[str, int] = {}

    def loyal(collision: Collision) -> Resolution:
        won[collision.entity] = won.get(collision.entity, 0) + 1
        return Take(Side.MARKETO if won[collision.entity] < 10 else Side.DYNAMICS)

    return loyal


def by_identity(collision: Collision) -> Resolution:
    """Decide by where a value is in memory."""
    return Take(Side.MARKETO, f"at {id(collision)}")


def settles(collision: Collision) -> Resolution:
    """Make the collision end, in place."""
    object.__setattr__(collision, "values", Pair(None, None))
    return Leave()


def forgets_base(collision: Collision) -> Resolution:
    """Empty the base."""
    object.__setattr__(collision, "base", Pair("", ""))
    return Leave()


def swaps(collision: Collision) -> Resolution:
    """Turn the ages around."""
    object.__setattr__(collision, "ages", Pair(1.0, 2.0))
    return Leave()


def gives_up(collision: Collision) -> Resolution:
    """Let Dynamics win what nobody has touched for ten minutes."""
    age = collision.ages.marketo
    return Take(Side.DYNAMICS) if age is not None and age > 600 else Leave()


def by_share(collision: Collision) -> Resolution:
    """Compare ages as if they began at nought."""
    marketo, dynamics = collision.ages
    if not marketo or not dynamics:
        return Leave()
    return Take(Side.MARKETO) if marketo / dynamics < 0.2 else Leave()


def by_parity(collision: Collision) -> Resolution:
    """Let the hour of the day decide."""
    age = collision.ages.dynamics
    hour = 0 if age is None or not abs(age) < 1e9 else int(age // 3600)
    return Take(Side.MARKETO if hour % 2 else Side.DYNAMICS)


def quotes_the_winner(collision: Collision) -> Resolution:
    """Say what wins."""
    return Take(Side.MARKETO, f"{collision.values.marketo} is the newer one")


def quotes_the_loser(collision: Collision) -> Resolution:
    """Say what gives way."""
    return Take(Side.MARKETO, f"instead of {collision.values.dynamics!r}")


def quotes_both(collision: Collision) -> Resolution:
    """Leave it, and say everything."""
    return Leave(f"{collision}")


def quotes_a_number(collision: Collision) -> Resolution:
    """Let the larger number win, and say which."""
    match collision.values:
        case Pair(marketo=int() as one, dynamics=int() as other):
            return Put(max(one, other), f"{max(one, other)} is more")
        case _:
            return Leave()


def quotes_a_day(collision: Collision) -> Resolution:
    """Say which day wins."""
    day = collision.values.marketo
    return Take(Side.MARKETO, f"since {day}") if isinstance(day, dt.date) else Leave()


def quotes_an_option(collision: Collision) -> Resolution:
    """Say which option gives way."""
    option = collision.values.dynamics
    return Take(Side.MARKETO, f"not {option.label}") if isinstance(option, Choice) else Leave()


def quotes_all_options(collision: Collision) -> Resolution:
    """Say which options win."""
    match collision.values.marketo:
        case frozenset() as options:
            return Take(Side.MARKETO, ", ".join(sorted(option.label for option in options)))
        case _:
            return Leave()


def quotes_an_address(collision: Collision) -> Resolution:
    """Say in small letters which address wins."""
    if collision.field == "email":
        return Take(Side.MARKETO, f"{collision.values.marketo} is better".lower())
    return Leave()


def always(policy: AuthorityPolicy) -> Callable[[], AuthorityPolicy]:
    """Return a maker of a policy that needs no making."""
    return lambda: policy


BROKEN: Final[Mapping[Callable[[], AuthorityPolicy], str]] = {
    **{always(policy): "P1" for policy in (says_yes, puts_a_list, takes_a_word)},
    **{always(policy): "P1" for policy in (puts_a_number, says_no_reason)},
    **{always(policy): "P2" for policy in (measures, compares, knows_three)},
    **dict.fromkeys((taking_turns, remembering, always(by_identity)), "P3"),
    **{always(policy): "P4" for policy in (settles, forgets_base, swaps)},
    **{always(policy): "P5" for policy in (gives_up, by_share, by_parity)},
    **{always(policy): "P6" for policy in (quotes_the_winner, quotes_the_loser, quotes_both)},
    **{always(policy): "P6" for policy in (quotes_a_number, quotes_a_day)},
    **{always(policy): "P6" for policy in (quotes_an_option, quotes_all_options)},
    **{always(policy): "P6" for policy in (quotes_an_address,)},
}


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: str(make().__name__))
def test_broken_policy_is_caught(make: Callable[[], AuthorityPolicy]) -> None:
    """A policy that is broken on purpose breaks its clause, and one call shows it."""
    finding = check_policy(make()).of(BROKEN[make])

    assert Standing.BROKEN is finding.standing
    assert finding.why
    assert finding.calls[0].startswith("policy(Collision(entity=")


@pytest.mark.parametrize("number", [f"P{number}" for number in range(1, 7)])
def test_no_clause_goes_unbroken(number: str) -> None:
    """Each clause that is judged has three policies that break it."""
    assert 3 <= list(BROKEN.values()).count(number)


def test_mirror_is_told_and_not_judged() -> None:
    """Whether a policy treats the systems alike is said, and is no fault."""
    assert Standing.HELD is check_policy(newest()).of("P7").standing
    one_sided = check_policy(prefer(Side.MARKETO))

    assert Standing.NOT_CLAIMED is one_sided.of("P7").standing
    assert "alike" in one_sided.of("P7").why
    assert one_sided.held


def test_table_holds_every_kind_of_value() -> None:
    """Collisions are between values of every kind, and with null, on either side."""
    asked = list(collisions())
    types = {type(value) for collision in asked for value in collision.values}

    assert {type(values[0]) for values in VALUES.values()} | {type(None)} == types
    assert {Entity("lead"), Entity("contact"), Entity("account")} == {c.entity for c in asked}
    assert not any(c.values.marketo is None and c.values.dynamics is None for c in asked)
    assert any(isinstance(c.values.marketo, Choice) for c in asked)


def test_sets_are_compared_as_sets() -> None:
    """In which order a set happens to hold its members changes nothing."""
    one, other = frozenset([0, 8]), frozenset([8, 0])

    assert repr(one) != repr(other)
    assert plain(one) == plain(other)


def test_policy_is_asked_about_the_fields_that_it_names() -> None:
    """A policy of a field alone is asked about that field."""
    found = check_policy(by_field({"phone": says_yes}, default=manual))

    assert "field='phone'" in found.of("P1").calls[0]


@pytest.mark.parametrize("name", ["job_title", "relative_score", "annual_revenue"])
def test_policy_is_asked_about_every_field(name: str) -> None:
    """A policy that goes wrong in one field of the maps is found without naming the field."""

    def touchy(collision: Collision) -> Resolution:
        return says_yes(collision) if collision.field == name else Leave()

    assert f"field={name!r}" in check_policy(touchy).of("P1").calls[0]


def test_field_of_no_map_is_a_mistake_of_the_host() -> None:
    """A field that is not there has no collisions, and every policy would hold."""
    own = CONTACT.plus(Field("motto", Pair("motto", "new_motto"), TextKind("motto")))
    with pytest.raises(ConfigurationError, match="'motto', which is a field of no map"):
        check_policy(manual, fields=["motto"])

    found = check_policy(lambda c: says_yes(c) if c.field == "motto" else Leave(), maps=[own])

    assert "field='motto'" in found.of("P1").calls[0]
    assert check_policy(manual, fields=["motto"], maps=[own]).held


@pytest.mark.parametrize("policy", ["newest", None])
def test_policy_must_be_callable(policy: object) -> None:
    """A word is no policy that raises: it is a mistake of the host, who is told what there is."""
    with pytest.raises(ConfigurationError) as caught:
        check_policy(cast("AuthorityPolicy", policy))

    assert str(caught.value) == (
        f"policy= got a value of type {type(policy).__name__}, which cannot be called. Give a "
        f"policy: newest(), prefer(Side.MARKETO), manual, or any function from a Collision to a "
        f"Resolution."
    )


def test_fields_hold_values_of_their_kind() -> None:
    """A policy is not asked about a city that is a number."""
    kinds = {
        (one.entity, field.name): field.kind.name for one in (LEAD, CONTACT) for field in one.fields
    }
    types = {kind: {type(value) for value in values} for kind, values in VALUES.items()}

    for collision in collisions():
        kind = kinds.get((collision.entity, collision.field))
        if kind is not None:
            assert {*map(type, collision.values)} <= types[kind] | {type(None)}, collision.field


def test_every_clause_is_a_heading_of_the_page() -> None:
    """The page of the contract has each clause as a heading, in order, and no other."""
    headings = re.findall(r"^### (P\d+) (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert [(clause.number, clause.title) for clause in POLICY_CLAUSES] == headings
