"""The way of a value to the other side, where nothing but itself can keep it back."""

from __future__ import annotations

import math

import pytest

from dynsync.kinds import Unfit
from dynsync.records import Choice, Side, Wire
from dynsync.schemas import Column
from dynsync.terms import Terms
from dynsync.ways import Way, way_of
from parts import HOBBIES, TERMS, terms_with

CITY = "address1_city"


def way(name: str, side: Side = Side.DYNAMICS, terms: Terms = TERMS) -> Way:
    """Return the way of the field *name* to *side*."""
    return way_of(terms, side, terms.index(name))


def test_it_is_a_field_s() -> None:
    """It says which, and where it stands in a row."""
    assert ("city", TERMS.index("city")) == (way("city").name, way("city").at)


@pytest.mark.parametrize(
    ("column", "length"),
    [
        (Column(CITY, length=10), 10.0),
        (Column(CITY, length=10, unit="bytes"), 10.0),
        (Column(CITY), math.inf),
    ],
)
def test_plain_text_is_said_as_it_is(column: Column, length: float) -> None:
    """Up to what the column holds; a plain character is a byte."""
    assert length == way("city", terms=terms_with((Side.DYNAMICS, column))).as_it_is


def test_whatever_else_is_asked_takes_a_closer_look() -> None:
    """Of a column that has rules besides a length, and of any kind but text."""
    days = terms_with((Side.DYNAMICS, Column(CITY, type="DateOnly", length=10)))

    assert way("city", terms=days).as_it_is < 0
    assert way("revenue").as_it_is < 0
    assert way("rating", Side.MARKETO).as_it_is < 0
    assert math.inf == way("email").as_it_is


def test_what_is_said_and_what_decides_equality() -> None:
    """In the words of the side that is told."""
    hot = Choice(1).code

    assert ("Oslo", " Oslo ") == way("city").told(" Oslo ")
    assert ("a@x.org", "A@x.org") == way("email").told("A@x.org")
    assert (hot, 1) == way("rating").told("Hot")
    assert (hot, "Hot") == way("rating", Side.MARKETO).told(1)
    assert way("city").told(" ") == (None, None)
    for wire in ("x" * 11, True, "\ud800"):
        assert way("city").told(wire) is None
    assert way("rating").told("Tepid") is None
    assert way("revenue").told(-1) is None


@pytest.mark.parametrize("stray", [True, 1.0])
def test_what_was_said_of_a_code_is_not_said_of_what_equals_it(stray: Wire) -> None:
    """To Python yes, 1 and 1.0 are equal; a choice has a code, and the others are none."""
    rating = way("rating", Side.MARKETO)

    assert (1, "Hot") == rating.told(1)
    assert 1 == rating.key(1)
    assert rating.told(stray) is None
    with pytest.raises(Unfit):
        rating.key(stray)


def test_a_stamp_has_no_column_in_dynamics_that_would_ask_anything() -> None:
    """Nor is it ever told one."""
    stamp = way("@id", Side.MARKETO)
    assert stamp.told("6F1D-AB") is not None
    assert way_of(TERMS, Side.DYNAMICS, TERMS.index("@id")).told("x" * 9999) is not None


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [("hobbies", "Tennis;Golf", "1,2"), ("rating", "Hot", 1), ("city", "Oslo ", " Oslo")],
)
def test_each_side_is_understood_in_its_own_words(name: str, here: Wire, there: Wire) -> None:
    """The source's by *key*, the side's that is told by *held*, and what is told as what it was."""
    to_dynamics = way(name, terms=HOBBIES)
    to_marketo = way(name, Side.MARKETO, HOBBIES)

    assert to_dynamics.key(here) == to_dynamics.held(there)
    assert to_marketo.key(there) == to_marketo.held(here)
    for told, wire in ((to_dynamics.told(here), here), (to_marketo.told(there), there)):
        assert told is not None
        assert (to_dynamics if wire is here else to_marketo).key(wire) == told[0]


def test_texts_that_differ_mean_something_else() -> None:
    """Plain ones, and others."""
    keys = [way("city").key(wire) for wire in ("Oslo", "Bergen", "Ås", "Tromsø", None)]

    assert len(keys) == len(set(keys))


def test_text_may_be_as_long_as_its_column() -> None:
    """Not a character longer, whatever the characters are."""
    assert way("city").told("ø" * 10) == ("ø" * 10, "ø" * 10)
    assert way("city").told("ø" * 11) is None


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [("hobbies", "1,2", "Golf;Tennis"), ("city", True, "\ud800"), ("revenue", "many", "few")],
)
def test_what_one_side_cannot_mean_is_no_value(name: str, here: Wire, there: Wire) -> None:
    """Neither what it says nor what is held there."""
    to_dynamics = way(name, terms=HOBBIES)

    with pytest.raises(Unfit):
        to_dynamics.key(here)
    with pytest.raises(Unfit):
        to_dynamics.held(there)
    assert to_dynamics.told(here) is None
