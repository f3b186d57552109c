"""Find the shortest sequence of steps that still shows what a longer one has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

__all__ = ["shortest"]

Step = TypeVar("Step")


def _nothing(_: object) -> tuple[()]:
    return ()


def shortest(
    steps: Sequence[Step],
    shows: Callable[[Sequence[Step]], bool],
    *,
    simpler: Callable[[Step], Iterable[Step]] = _nothing,
    tries: int = 1000,
) -> tuple[Step, ...]:
    """
    Return *steps* with as many left out as possible, so that *shows* is still true of them.

    No single step of the result can be left out, nor replaced by one that *simpler* offers,
    unless the *tries* were used up. *shows* is asked about shorter and shorter sequences,
    always in the old order, and must answer the same whenever it is asked the same.
    """
    best = tuple(steps)
    left = tries
    improved = True
    while improved:
        improved = False
        for candidate in _candidates(best, simpler):
            if not left:
                return best
            left -= 1
            if shows(candidate):
                best, improved = candidate, True
                break
    return best


def _candidates(
    steps: tuple[Step, ...], simpler: Callable[[Step], Iterable[Step]]
) -> Iterator[tuple[Step, ...]]:
    """Yield shorter ones, those with most left out first; then those with a simpler step."""
    size = len(steps)
    while size:
        for start in range(0, len(steps), size):
            yield steps[:start] + steps[start + size :]
        size //= 2
    for at, step in enumerate(steps):
        for other in simpler(step):
            yield (*steps[:at], other, *steps[at + 1 :])
