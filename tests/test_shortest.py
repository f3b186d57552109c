"""Shortening a sequence until nothing can be left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dynsync.testing._shortest import shortest


def test_only_what_is_needed_is_left() -> None:
    """What is left shows the same, in the old order, and no step can be spared."""
    assert (3, 7) == shortest(range(10), lambda steps: {3, 7} <= set(steps))


def test_nothing_is_left_of_what_needs_nothing() -> None:
    """What is always shown needs no step at all."""
    assert () == shortest("abc", lambda _: True)


def test_steps_are_made_simpler() -> None:
    """A step gives way to a simpler one that does as well."""

    def smaller(step: int) -> Iterable[int]:
        return [step - 1] if step else []

    def shows(steps: Sequence[int]) -> bool:
        return sum(steps) >= 5

    assert (5,) == shortest([9, 2], shows, simpler=smaller)


def test_tries_are_bounded() -> None:
    """With its tries used up it returns the best that it has."""
    asked: list[Sequence[int]] = []

    def shows(steps: Sequence[int]) -> bool:
        asked.append(steps)
        return len(steps) > 4

    found = shortest(range(100), shows, tries=3)

    assert 3 == len(asked)
    assert shows(found)
