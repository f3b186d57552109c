"""The programs of a check: some for each clause, written by hand, and others by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final

from dynsync.testing._outside import Trouble
from dynsync.testing._palette import TEXTS, Palette
from dynsync.testing._steps import (
    Again,
    Begin,
    Change,
    Describe,
    Expire,
    Fetch,
    Find,
    Finish,
    Identify,
    Log,
    Logged,
    Longest,
    Make,
    Misfit,
    Permitted,
    Program,
    Several,
    Somebody,
    Spell,
    Step,
    Stray,
    Troubled,
    Turn,
    Unfitness,
    Unknown,
    User,
    WriteStep,
)

__all__ = ["by_chance", "by_hand"]

_FIVE: Final = tuple(Make(who, who) for who in range(5))
_TROUBLES: Final[tuple[Trouble, ...]] = ("throttled", "down", "lost")
_MISFITS: Final[tuple[Unfitness, ...]] = (
    "too long",
    "too large",
    "no option",
    "unknown field",
    "cleared",
)
_LONG: Final = 12
_WHO: Final = 4


def by_hand(palette: Palette) -> Iterator[Program]:
    """Yield programs that put every clause to the test, the plainest first."""
    yield (Identify(), Identify())
    yield (Describe(), Describe())
    if palette.fields:
        yield from _ANSWERS
        yield from _FEEDS
        yield from _WRITES
        for trouble in _TROUBLES:
            yield from _troubled(trouble)
        yield from (_column(name) for name in palette.values if name not in palette.fields)
        yield from ((Longest(0, n), Fetch((0,))) for n in range(len(palette.fields)))
        yield from _spelt(palette)


def _spelt(palette: Palette) -> Iterator[Program]:
    """Yield a program for each text that is hard to spell, in the first field of plain words."""
    fields = range(len(palette.fields))
    field = next((n for n in fields if palette.plain(palette.field(n))), None)
    if field is not None:
        for text in range(len(TEXTS)):
            yield (Make(0), Make(1), Spell(0, text, field), Begin(), Finish())


def _column(name: str) -> Program:
    return (Make(0), Permitted(0, name))


_ANSWERS: Final[tuple[Program, ...]] = (
    # fetch: one, some fields of it, several, one that is gone, one that was not asked for
    (Make(0), Fetch((0,))),
    (Make(0), Fetch((0,), fields=1)),
    (*_FIVE, Fetch((0, 2, 4)), Fetch((1,))),
    (Make(0), Make(1), Somebody("delete", 0), Fetch((0, 1))),
    (Make(0), Change(0, 0, None), Fetch((0,))),
    (Make(0), Fetch((0,)), Change(0, 0, 1), Fetch((0,))),
    # find: as it is written and in other letters, by several values, among changed ones
    (Make(0), Make(1, 1), Find((0,))),
    (Make(0), Make(1, 1), Find((0,), letters="upper"), Find((0,), letters="lower")),
    (Make(0), Make(1, 0), Make(2, 1), Find((0,))),
    (*_FIVE, Find((0, 1, 2)), Find((3,), 1)),
    (Make(0), Change(0, 0, 1), Find((0,))),
    (Make(0), Make(1), Somebody("delete", 0), Find((1,))),
    (Unknown("read"),),
    (Unknown("fetch"),),
    (Unknown("find"),),
    (Stray(),),
    (Make(0), User()),
    (Make(0), Make(1), Log((0,)), Log((0, 1)), Logged((0,)), Logged((0, 1))),
    (Make(0), Make(1), Log((0, 1)), Logged((1,))),
    (Make(0), Log((0,)), Change(0, 0, 1), Logged((0,))),
    (Make(0), Somebody("delete", 0), Log((0,))),
)

_FEEDS: Final[tuple[Program, ...]] = (
    # a full read: empty, of some, of some fields, again and again
    (Begin(), Finish()),
    (*_FIVE, Begin(), Finish()),
    (*_FIVE, Begin(fields=1), Finish()),
    (Make(0), Make(1), Begin(), Again(), Finish(), Begin(), Finish()),
    # what changes behind the reader's back
    (*_FIVE, Begin(), Somebody("edit", 0), Finish()),
    (*_FIVE, Begin(), Turn(), Somebody("edit", 4), Somebody("edit", 0, 1), Finish()),
    (*_FIVE, Begin(), Somebody("create", 5), Finish()),
    (*_FIVE, Begin(), Somebody("delete", 0), Somebody("delete", 4), Finish()),
    # the feed: edits, clears, new ones, gone ones, our own writes, several readers
    (Make(0), Begin(), Finish(), Somebody("edit", 0), Finish()),
    (Make(0), Begin(), Finish(), Somebody("edit", 0, 0, None), Finish()),
    (Make(0), Begin(), Finish(), Change(0, 0, 1), Finish()),
    (Begin(), Finish(), Somebody("create", 0), Finish()),
    (Begin(), Finish(), *_FIVE, Finish()),
    (*_FIVE, Begin(), Finish(), *(Somebody("edit", who) for who in range(5)), Finish()),
    (Make(0), Make(1), Begin(), Finish(), Somebody("delete", 0), Finish()),
    (*_FIVE, Begin(), Finish(), Somebody("delete", 1), Somebody("edit", 2), Finish()),
    (Make(0), Begin(), Finish(), Somebody("edit", 0), Somebody("edit", 0, 1), Finish()),
    (Make(0), Begin(), Finish(), Somebody("edit", 0, 0, 1), Somebody("edit", 0, 0, 2), Finish()),
    (Make(0), Begin(), Finish(), Somebody("edit", 0), Somebody("edit", 0, 0, 0), Finish()),
    (Make(0), Begin(), Begin(1), Somebody("edit", 0), Finish(1), Finish()),
    # reading from a cursor again gives the same, or more
    (*_FIVE, Begin(), Finish(), Somebody("edit", 0), Finish(), Again(back=1), Finish()),
    (*_FIVE, Begin(), Finish(), Somebody("edit", 0), Finish(), Again(back=9), Finish()),
    (
        *_FIVE,
        Begin(),
        Finish(),
        *(Somebody("edit", who) for who in range(5)),
        Turn(),
        Somebody("edit", 0, 1),
        Again(),
        Finish(),
    ),
    (*_FIVE, Begin(), Turn(), Turn(), Again(back=1), Finish()),
    (Make(0), Begin(), Finish(), Expire(), Somebody("edit", 0), Finish(), Begin(), Finish()),
    (Make(0), Begin(), Describe(), Begin(1), Finish(1), Change(0, 0, 1), Fetch((0,)), Finish(1)),
)

_BATCH: Final = Several((Make(2), Misfit(0), Change(1, 0, 1), Misfit(1, "unknown field"), Make(3)))

_WRITES: Final[tuple[Program, ...]] = (
    (Several(_FIVE), Fetch((0, 1, 2, 3, 4))),
    (Several(tuple(reversed(_FIVE))), Fetch((0, 1, 2, 3, 4)), Begin(), Finish()),
    (Make(0), Make(1), _BATCH, Fetch((0, 1, 2, 3))),
    (
        *_FIVE,
        Several((Change(0, 0, 1), Change(3, 1, 1), Change(2, 0, 3), Misfit(1))),
        Fetch((0, 1, 2, 3, 4)),
    ),
    *((Make(0), Misfit(0, kind), Fetch((0,)), Begin(), Finish()) for kind in _MISFITS),
    (Make(0), Change(0, 0, 1), Change(0, 1, 1), Fetch((0,)), Change(0, 0, None), Fetch((0,))),
    (Make(0), *(Change(0, n, 1) for n in range(6)), Fetch((0,))),
    (Make(0), Somebody("delete", 0), Change(0), Fetch((0,)), Begin(), Finish()),
    (Make(0), Make(1), Somebody("delete", 0), Several((Change(1), Change(0))), Fetch((0, 1))),
    # the same create once more
    (Make(0), Make(0), Fetch((0,)), Begin(), Finish()),
    (Make(0), Make(1, 1), Make(0), Find((0,)), Begin(), Finish()),
    (Make(0), Several((Make(1, 1), Make(0))), Fetch((0, 1)), Begin(), Finish()),
    (Make(0), Change(0, 0, 1), Make(0), Fetch((0,)), Begin(), Finish()),
    # versions: from each place that tells one, still good and no longer so
    (Make(0), Change(0, 0, 1, "latest"), Change(0, 0, 2, "latest"), Fetch((0,))),
    (Make(0), Fetch((0,)), Change(0, 0, 1, "latest"), Fetch((0,))),
    (Make(0), Find((0,)), Change(0, 0, 1, "latest"), Fetch((0,))),
    (Make(0), Begin(), Finish(), Change(0, 0, 1, "latest"), Fetch((0,))),
    (
        *(Make(0), Begin(), Finish(), Somebody("edit", 0), Finish()),
        *(Change(0, 0, 1, "latest"), Fetch((0,))),
    ),
    (Make(0), Fetch((0,)), Somebody("edit", 0), Change(0, 0, 1, "latest"), Fetch((0,))),
    (Make(0), Begin(), Finish(), Somebody("edit", 0, 1), Change(0, 0, 1, "first"), Fetch((0,))),
    (Make(0), Fetch((0,)), Change(0, 0, 1), Change(0, 0, 2, "first"), Fetch((0,))),
)


def _troubled(trouble: Trouble) -> tuple[Program, ...]:
    return (
        (Troubled(trouble, Make(0)), Fetch((0,)), Make(0), Fetch((0,)), Begin(), Finish()),
        (Troubled(trouble, Make(0)), Make(0), Find((0,)), Begin(), Finish()),
        (Make(0), Troubled(trouble, Change(0, 0, 1)), Fetch((0,))),
        (*_FIVE, Troubled(trouble, Begin()), Finish()),
        (Make(0), Begin(), Finish(), Somebody("edit", 0), Troubled(trouble, Finish()), Finish()),
        (Make(0), Troubled(trouble, Fetch((0,))), Fetch((0,))),
    )


def by_chance(seed: int, number: int) -> Program:
    """Return the program of that *number*; the same seed and number give the same one."""
    draw = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret, but the same each time
    return tuple(_step(draw) for _ in range(_LONG))


def _step(draw: random.Random) -> Step:
    who, reader = draw.randrange(_WHO), draw.randrange(2)
    steps: tuple[tuple[int, Callable[[], Step]], ...] = (
        (4, lambda: Make(who, draw.randrange(3))),
        (2, lambda: Several(tuple(_write(draw) for _ in range(draw.randint(2, 4))))),
        (3, lambda: _change(draw)),
        (1, lambda: Misfit(who, draw.choice(("too long", "unknown field")))),
        (4, lambda: Somebody("edit", who, draw.randrange(5), draw.choice((0, 1, 2, None)))),
        (1, lambda: Somebody("create", who, 0, draw.randrange(3))),
        (1, lambda: Somebody("delete", who)),
        (3, lambda: Begin(reader, draw.choice((None, None, 2)))),
        (3, lambda: Turn(reader)),
        (4, lambda: Finish(reader)),
        (1, lambda: Again(reader, draw.randint(1, 3))),
        (2, lambda: Fetch(tuple(sorted({who, draw.randrange(_WHO)})))),
        (1, lambda: Find((who,), draw.randrange(2), draw.choice(("same", "upper")))),
    )
    return draw.choices([make for _, make in steps], [weight for weight, _ in steps])[0]()


def _write(draw: random.Random) -> WriteStep:
    who = draw.randrange(_WHO)
    return draw.choice((Make(who, draw.randrange(3)), _change(draw), Misfit(who)))


def _change(draw: random.Random) -> Change:
    return Change(
        draw.randrange(_WHO),
        draw.randrange(5),
        draw.choice((0, 1, 2, None)),
        draw.choice(("none", "none", "latest", "first")),
    )
