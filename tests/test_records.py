"""The nouns: pairs, and what is not reported."""

from __future__ import annotations

import pytest

from dynsync.records import (
    MISSING,
    Missing,
    Pair,
    Side,
    Wire,
    differing,
    is_empty,
    laid_over,
    plain_id,
)


def test_what_is_not_reported_reads_so() -> None:
    """A decision that nobody loses by shows MISSING, as one writes it."""
    assert "MISSING" == repr(MISSING)


def test_a_pair_is_made_of_both_sides() -> None:
    """Each side is asked about as what it is."""
    assert Pair(Side.MARKETO, Side.DYNAMICS) == Pair.of(lambda side: side)


@pytest.mark.parametrize(
    ("held", "plain"),
    [
        (None, ""),
        (MISSING, ""),
        ("", ""),
        (17, "17"),
        ("0A1b", "0a1b"),
        (" {0A1B}\n", "0a1b"),
        ("{ 0a1b }", "0a1b"),
    ],
)
def test_ids_are_compared_plain(held: object, plain: str) -> None:
    """However somebody entered an id, it is that of the same record."""
    assert plain == plain_id(held)


def test_differing_places_are_those_of_other_values() -> None:
    """A row differs from its base where it holds something else, or reports nothing."""
    assert [1, 3] == list(differing(["a", "b", None, MISSING], ["a", "c", None, "d"]))


@pytest.mark.parametrize(
    ("wire", "empty"),
    [
        (None, True),
        ("", True),
        (False, True),
        (MISSING, True),
        (0, False),
        (0.0, False),
        (True, False),
        (" ", False),
    ],
)
def test_zero_is_a_value(wire: Wire | Missing, empty: bool) -> None:  # noqa: FBT001 - a case
    """To Python it is False, and a null in its place would clear it all the same."""
    assert empty is is_empty(wire)


def test_what_is_not_reported_is_held_still() -> None:
    """A row is laid over its base: null is reported, and clears."""
    assert ["a", None, "c"] == laid_over(["a", None, MISSING], ["x", "y", "c"])
    assert ["a", None] == laid_over(["a", None], ["x", "y"])


def test_rows_of_two_layouts_are_not_mixed() -> None:
    """A row of other fields is not taken for one of these."""
    with pytest.raises(ValueError, match="zip"):
        laid_over([MISSING], ["x", "y"])
