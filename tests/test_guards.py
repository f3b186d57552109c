"""Guards: how much is too much, and what the person who stops a run is told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import attrs
import pytest

from dynsync.errors import ConfigurationError, RunStopped
from dynsync.guards import (
    Guards,
    Limit,
    check_clock,
    check_emptied,
    check_expired,
    check_limits,
    span,
)
from dynsync.records import Entity, Side

LEAD, CONTACT = Entity("lead"), Entity("contact")
TIGHT = Guards(deletes=Limit(20, 10.0, few=2), clears=Limit(20, 10.0, few=2))


def stopped(check: Callable[[], None]) -> tuple[str, str]:
    """Return the guard that *check* stops at, and what is told."""
    with pytest.raises(RunStopped) as caught:
        check()
    return caught.value.guard, str(caught.value)


@pytest.mark.parametrize(
    ("count", "of", "exceeded"),
    [
        (10, 10, False),
        (11, 10, True),
        (11, 109, True),
        (11, 110, False),
        (12, 110, True),
        (1000, 100_000, False),
        (1001, 100_000, True),
        (11, 0, True),
        (0, 0, False),
    ],
)
def test_too_much_is_more_than_a_handful_and_a_tenth(
    count: int, of: int, *, exceeded: bool
) -> None:
    """Ten never are, a thousand always, and between them a tenth of what there is decides."""
    assert exceeded is Limit().exceeded(count, of)


def test_whole_percents_limit_nothing() -> None:
    """With a hundred percent the count alone decides, as the message of a guard advises."""
    allowed = Limit(count=50, percent=100)

    assert not allowed.exceeded(50, 50)
    assert not allowed.exceeded(50, 20)
    assert allowed.exceeded(51, 1000)
    assert attrs.evolve(allowed, percent=99.9).exceeded(50, 50)


@pytest.mark.parametrize("percent", [-0.1, 100.1, 200, float("nan"), True, "10", None])
def test_percentage_that_is_none(percent: object) -> None:
    """What is below none or above all is no share of the links, as in a file of settings."""
    with pytest.raises(ConfigurationError) as caught:
        Limit(percent=cast("float", percent))

    told = f"Limit(percent={percent!r}): give a number from 0 on and at most 100."
    assert told == str(caught.value)


@pytest.mark.parametrize("number", [-1, 1.5, 20.0, True, "10", None])
@pytest.mark.parametrize("name", ["count", "few"])
def test_number_of_records_that_is_none(name: str, number: object) -> None:
    """Records are counted in whole numbers from 0 on, as in a file of settings."""
    with pytest.raises(ConfigurationError) as caught:
        Limit(**{name: cast("int", number)})

    assert f"Limit({name}={number!r}): give a whole number from 0 on." == str(caught.value)


def test_limits_may_be_at_their_ends() -> None:
    """Nothing at all may be allowed, and everything."""
    assert Limit(count=0, percent=0, few=0).exceeded(1, 100)
    assert not Limit(count=0, percent=100.0, few=1).exceeded(1, 1)


@pytest.mark.parametrize("name", ["deletes", "clears"])
def test_guard_that_is_no_limit(name: str) -> None:
    """A number in the place of a limit is refused at once, with how a limit is made."""
    with pytest.raises(ConfigurationError) as caught:
        Guards(**{name: cast("Limit", 5)})  # type: ignore[arg-type]

    told = f"Guards({name}=5): give a limit: {name}=Limit(count=1000, percent=10)."
    assert told == str(caught.value)


@pytest.mark.parametrize("name", ["allow_empty", "allow_full_read"])
def test_word_that_switches_nothing(name: str) -> None:
    """To Python "no" is true: it would allow what it forbids."""
    with pytest.raises(ConfigurationError) as caught:
        Guards(**{name: cast("bool", "no")})  # type: ignore[arg-type]

    assert f"Guards({name}='no'): give True or False." == str(caught.value)


@pytest.mark.parametrize("clock", ["x", None, True, -1, float("nan")])
def test_clock_that_is_no_number_of_seconds(clock: object) -> None:
    """It is refused when the guards are made, not in the first run."""
    with pytest.raises(ConfigurationError) as caught:
        Guards(clock=cast("float", clock))

    assert f"Guards(clock={clock!r}): give a number of seconds from 0 on." == str(caught.value)


def test_few_is_enough_for_small_counts() -> None:
    """A limit that is smaller than a handful still leaves a handful alone."""
    assert not Limit(count=1, percent=1, few=3).exceeded(3, 3)
    assert Limit(count=1, percent=1, few=3).exceeded(4, 4)


def test_what_is_within_the_limits_goes_on() -> None:
    """Nothing is raised for a tenth, nor for what nobody counted."""
    check_limits(TIGHT, {LEAD: 100}, {(LEAD, Side.MARKETO): 10}, {LEAD: 10})
    check_limits(TIGHT, {}, {(LEAD, Side.MARKETO): 2}, {LEAD: 2})
    check_limits(TIGHT, {}, {}, {})


def test_too_many_deleted() -> None:
    """It is said who no longer has how many of what, and how to allow just that."""
    gone = {(LEAD, Side.DYNAMICS): 11, (CONTACT, Side.MARKETO): 1}

    assert (
        "deletes",
        (
            "Dynamics no longer has 11 of 100 linked lead records; refusing to go on. If this is "
            "right, run with Guards(deletes=Limit(count=11, percent=100))."
        ),
    ) == stopped(lambda: check_limits(TIGHT, {LEAD: 100, CONTACT: 100}, gone, {}))


def test_too_many_cleared() -> None:
    """It is said of how many records fields would be emptied, and how to allow just that."""
    assert (
        "clears",
        (
            "12 of 100 linked contact records would have fields emptied; refusing to go on. If "
            "this is right, run with Guards(clears=Limit(count=12, percent=100))."
        ),
    ) == stopped(lambda: check_limits(TIGHT, {CONTACT: 100}, {}, {LEAD: 1, CONTACT: 12}))


def test_each_guard_has_its_own_limit() -> None:
    """Who allows deletes has not allowed clears, and the other way round."""
    links, gone, clears = {LEAD: 100}, {(LEAD, Side.MARKETO): 50}, {LEAD: 50}
    deletes = Guards(deletes=Limit(50, 100), clears=TIGHT.clears)
    emptied = Guards(deletes=TIGHT.deletes, clears=Limit(50, 100))

    assert "clears" == stopped(lambda: check_limits(deletes, links, gone, clears))[0]
    assert "deletes" == stopped(lambda: check_limits(emptied, links, gone, clears))[0]


def test_what_is_linked_to_nothing_known_is_counted_against_none() -> None:
    """An entity without links has none to lose: whatever is more than a handful is too much."""
    gone = {(LEAD, Side.MARKETO): 3}

    assert "has 3 of 0 linked lead" in stopped(lambda: check_limits(TIGHT, {}, gone, {}))[1]
    assert "3 of 0 linked lead" in stopped(lambda: check_limits(TIGHT, {}, {}, {LEAD: 3}))[1]


def test_the_first_entity_by_name_is_told() -> None:
    """The same entity is told in every run, whatever was read first."""
    gone = {(LEAD, Side.MARKETO): 50, (CONTACT, Side.DYNAMICS): 50}
    clears = {LEAD: 50, CONTACT: 50}

    assert "linked contact" in stopped(lambda: check_limits(TIGHT, {}, gone, {}))[1]
    assert "linked contact" in stopped(lambda: check_limits(TIGHT, {}, {}, clears))[1]


def test_both_sides_of_an_entity_are_counted_apart() -> None:
    """Ten deleted on either side are two times a handful, and not twenty."""
    gone = {(LEAD, Side.MARKETO): 10, (LEAD, Side.DYNAMICS): 10}
    check_limits(TIGHT, {LEAD: 100}, gone, {})
    more = {**gone, (LEAD, Side.DYNAMICS): 11}

    assert (
        "Dynamics no longer has 11"
        in (stopped(lambda: check_limits(TIGHT, {LEAD: 100}, more, {}))[1])
    )


def test_a_side_that_was_emptied() -> None:
    """No records at all are an outage until somebody says otherwise."""
    assert (
        "emptied",
        (
            "Marketo returned no person records but 1204 are linked; refusing to treat them as "
            "deleted. If this is right, run with Guards(allow_empty=True)."
        ),
    ) == stopped(lambda: check_emptied(Guards(), Side.MARKETO, "person", 1204))
    check_emptied(Guards(allow_empty=True), Side.MARKETO, "person", 1204)


def test_a_cursor_that_expired() -> None:
    """A full read goes on in its place, unless the host forbids it."""
    check_expired(Guards(), Side.DYNAMICS, "lead")

    assert (
        "expired",
        (
            "Dynamics no longer knows where we were in its lead changes, and only a full read can "
            "go on. Allow it with Guards(allow_full_read=True)."
        ),
    ) == stopped(lambda: check_expired(Guards(allow_full_read=False), Side.DYNAMICS, "lead"))


@pytest.mark.parametrize("ahead", [0.0, 1800.0, -1800.0])
def test_a_clock_that_is_near_enough(ahead: float) -> None:
    """Half an hour is reckoned with, either way."""
    check_clock(Guards(), Side.MARKETO, ahead)


@pytest.mark.parametrize(("ahead", "way"), [(7200.0, "ahead of"), (-7200.0, "behind")])
def test_a_clock_that_is_wrong(ahead: float, way: str) -> None:
    """It is said by how much it is wrong and which way, and how to allow just that."""
    assert (
        "clock",
        (
            f"This machine's clock is 2 hours {way} Marketo's; refusing to go on, for logs would "
            f"be dated wrongly. Set it by a time server and see that its time zone is right; if it "
            f"is, run with Guards(clock=7260)."
        ),
    ) == stopped(lambda: check_clock(Guards(), Side.MARKETO, ahead))
    check_clock(Guards(clock=7260), Side.MARKETO, ahead)


def test_a_clock_is_wrong_from_the_limit_on() -> None:
    """The limit is the host's own, to the second."""
    check_clock(Guards(clock=5.0), Side.DYNAMICS, 5.0)

    for guards, ahead, said in ((Guards(clock=5.0), 5.1, "5"), (Guards(clock=0.5), 0.8, "1")):
        check = partial(check_clock, guards, Side.DYNAMICS, ahead)
        assert f"{said} seconds ahead of Dynamics" in stopped(check)[1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 seconds"),
        (119.0, "119 seconds"),
        (-119.0, "119 seconds"),
        (120.0, "2 minutes"),
        (7199.0, "120 minutes"),
        (7200.0, "2 hours"),
        (172_799.0, "48 hours"),
        (172_800.0, "2 days"),
        (-1_000_000.0, "12 days"),
    ],
)
def test_span_is_said_in_the_largest_unit_of_which_there_are_two(seconds: float, said: str) -> None:
    """A person reads "2 hours" and not "7200 seconds"; which way is another matter."""
    assert said == span(seconds)
