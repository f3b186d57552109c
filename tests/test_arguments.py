"""What a caller gives: the small is quoted, the large only named, and the wrong refused."""

from __future__ import annotations

import math
from typing import Final, Literal

import pytest

from dynsync.arguments import described, number, shown, truth, word
from dynsync.errors import ConfigurationError
from dynsync.policies import Collision
from dynsync.records import Entity, Pair, Side

VALUE: Final = "ada@example.org"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no", "'no'"),
        (5, "5"),
        (True, "True"),
        (None, "None"),
        (Side.MARKETO, repr(Side.MARKETO)),
        ({"email": VALUE}, "a dict"),
        ([VALUE], "a list"),
        (Side, "the class Side"),
        (Collision(Entity("lead"), "email", Pair(VALUE, VALUE), Pair(VALUE, None)), "a Collision"),
    ],
    ids=str,
)
def test_only_what_is_small_is_quoted(value: object, said: str) -> None:
    """A word is told as it was written; what may hold values of fields, by its type alone."""
    assert said == shown(value)


def test_what_something_is() -> None:
    """A class is told from one of its kind: to give it is a mistake of its own."""
    assert described({}) == "a dict"
    assert described(dict) == "the class dict"


def test_a_word_is_one_of_some() -> None:
    """Every other word is refused, with all that there are."""
    word("over", "http", Literal["memory", "http"])

    with pytest.raises(ConfigurationError) as caught:
        word("over", "htpp", Literal["memory", "http"])

    assert str(caught.value) == "over='htpp' is no choice; say 'memory' or 'http'."


@pytest.mark.parametrize("value", ["no", "false", 0, 1, None])
def test_a_yes_or_no_is_one(value: object) -> None:
    """What Python takes for true or false is none: the word "no" counts as true there."""
    truth("Guards", "allow_empty", value=True)
    truth("Guards", "allow_empty", value=False)

    with pytest.raises(ConfigurationError) as caught:
        truth("Guards", "allow_empty", value)

    assert str(caught.value) == f"Guards(allow_empty={value!r}): give True or False."


@pytest.mark.parametrize("value", ["5", None, True, -0.1, math.nan])
def test_a_number_begins_at_0(value: object) -> None:
    """What is below, or none at all, is refused; nothing and no end are numbers."""
    for good in (0, 0.0, 2, 1.5, math.inf):
        number("cycles", "delay", good, "seconds")

    with pytest.raises(ConfigurationError) as caught:
        number("cycles", "delay", value, "seconds")

    said = f"cycles(delay={value!r}): give a number of seconds from 0 on."
    assert said == str(caught.value)
