"""The nouns: pairs, and what is not reported."""

from __future__ import annotations

from dynsync.records import MISSING, Pair, Side


def test_what_is_not_reported_reads_so() -> None:
    """A decision that nobody loses by shows MISSING, as one writes it."""
    assert "MISSING" == repr(MISSING)


def test_a_pair_is_made_of_both_sides() -> None:
    """Each side is asked about as what it is."""
    assert Pair(Side.MARKETO, Side.DYNAMICS) == Pair.of(lambda side: side)
