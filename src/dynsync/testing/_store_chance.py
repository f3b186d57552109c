"""Programs for stores, made by chance: from a seed, and the same from the same seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Final, TypeVar

from dynsync.backlog import Hold, Linked, LinkState, Observation, Pending, Push, Sent
from dynsync.records import MISSING, Cursor, Missing, Pair, RecordId, Row, Side, Version, Wire
from dynsync.state import FeedState, JournalEntry
from dynsync.testing._store_corpus import CONTACT, LEAD, PENDING, PEOPLE, ROWS
from dynsync.testing._store_steps import (
    Abandon,
    Block,
    BlockKind,
    Call,
    Reopen,
    Spoiled,
    Step,
    Walk,
    Who,
)

__all__ = ["by_chance"]

T = TypeVar("T")

# Few of everything, so that calls meet on the same record.

_KEYS: Final = (1, 2, 3, 4, 5)
_MOMENTS: Final = (0.0, 1.0, 2.5, 3.000001, 1_790_000_000.25)
_FIELDS: Final = ("name", "mail", "city")
_WIRES: Final[tuple[Wire, ...]] = (
    *("", "Ann", "Bjørn", "東京", "a\x00b", "[]", "😀", "line\nline", "null", " x "),
    *(None, True, False, 0, 1, 1.0, -0.0, 2**70, 1e300, 0.1),
)
_KINDS: Final[tuple[BlockKind, ...]] = ("transaction", "transaction", "failing", "scratch")
_WHO: Final[tuple[Who, ...]] = ("store", "other")
_VERSIONS: Final = (None, Version("1"), Version('W/"2"'))


def by_chance(random: Random, *, reopening: bool) -> tuple[Step, ...]:
    """Return a program; only if *reopening* it may go on in another process."""
    chance = _Chance(random)
    family = random.choice(["plain", "plain", "blocks", "blocks", "spoiled", "lease", "reopened"])
    if family == "lease":
        return chance.leases()
    if family == "blocks":
        return tuple(chance.step(2) for _ in range(random.randint(1, 5)))
    steps: list[Step] = [chance.call() for _ in range(random.randint(1, 8))]
    if family == "spoiled":
        return tuple(Spoiled(step) if isinstance(step, Call) else step for step in steps)
    if family == "reopened" and reopening:
        steps.insert(random.randrange(len(steps) + 1), Reopen())
        if chance.likely(0.5):
            steps.append(Abandon(tuple(chance.write() for _ in range(random.randint(1, 4)))))
    return tuple(steps)


class _Chance:
    """Chooses values, calls and blocks."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def likely(self, share: float) -> bool:
        return self.random.random() < share

    def some(self, make: Callable[[], T], most: int) -> list[T]:
        return [make() for _ in range(self.random.randint(0, most))]

    def maybe(self, value: T) -> T | None:
        return value if self.likely(0.5) else None

    # -- values

    def wire(self) -> Wire:
        return self.random.choice(_WIRES)

    def row(self) -> Row:
        def held() -> Wire | Missing:
            return MISSING if self.likely(0.2) else self.wire()

        return self.some(held, 3)

    def moment(self) -> float:
        return self.random.choice(_MOMENTS)

    def field(self) -> str:
        return self.random.choice(_FIELDS)

    def sent(self) -> tuple[Sent, ...]:
        def one() -> Sent:
            until = self.moment() if self.likely(0.5) else None
            apart = self.moment() if self.likely(0.3) else None
            values = self.wire(), self.wire(), self.wire()
            return Sent(self.field(), *values, self.moment(), until, apart)

        return tuple(self.some(one, 2))

    def link(self) -> Linked:
        return Linked(
            self.random.choice(_KEYS),
            self.random.choice((LEAD, CONTACT)),
            Pair(self.random.choice(PEOPLE), self.random.choice(ROWS)),
            Pair(self.row(), self.row()),
            Pair(self.random.choice(_VERSIONS), self.random.choice(_VERSIONS)),
            self.random.choice([*LinkState]),
            self.sent(),
        )

    def observation(self) -> Observation | None:
        if self.likely(0.3):
            return None
        claims = {
            self.field(): (self.wire(), Pair(self.wire(), self.wire()))
            for _ in range(self.random.randint(0, 2))
        }
        gone = self.likely(0.3)
        return Observation(
            self.row(), self.random.choice(_VERSIONS), self.maybe(self.moment()), gone, claims
        )

    def hold(self) -> Hold:
        side, field = self.random.choice([*Side]), self.random.choice(("", *_FIELDS))
        return Hold(side, field, ("a", "é"), "digest", "schema", 2, self.moment())

    def entry(self) -> Pending:
        entity = self.random.choice((LEAD, CONTACT))
        return Pending(
            self.random.choice(PENDING),
            entity,
            self.maybe(self.random.choice(_KEYS)),
            self.ids(),
            Pair(self.observation(), self.observation()),
            self.moment(),
            self.moment(),
            self.maybe(self.moment()),
            self.random.choice(("", "rejected", "right")),
            self.random.randint(0, 3),
            self.random.randint(0, 2),
            self.maybe(Push(entity, self.maybe("sales"))),
            tuple(self.some(self.hold, 2)),
        )

    def ids(self) -> Pair[RecordId | None]:
        return Pair(self.maybe(self.random.choice(PEOPLE)), self.maybe(self.random.choice(ROWS)))

    def line(self) -> JournalEntry:
        lost = {self.field(): self.wire() for _ in range(self.random.randint(0, 2))}
        detail = json.dumps({"lost": lost} if lost else {"why": "é"})
        entity = self.random.choice((LEAD, CONTACT))
        return JournalEntry(0, 1, self.moment(), entity, 1, self.ids(), "updated", detail)

    def layout(self) -> list[str]:
        return self.random.sample(_FIELDS, self.random.randint(1, 3))

    # -- calls

    def write(self) -> Call:
        entity, one = self.random.choice((LEAD, CONTACT)), self.random.choice
        keys = self.random.sample(_KEYS, 2)
        feed = FeedState(self.maybe(Cursor("token")), self.likely(0.5))
        layouts = (self.layout(), self.layout())
        versions = {key: one(_VERSIONS) for key in keys}
        calls = (
            *(Call("save_links", (self.some(self.link, most),)) for most in (1, 2, 5)),
            Call("save_versions", (one([*Side]), versions)),
            Call("save_sent", ({key: self.sent() for key in keys},)),
            Call("drop_links", (keys,)),
            *(Call("save_pending", (self.some(self.entry, 3),)) for _ in range(2)),
            Call("drop_pending", ([one(PENDING)],)),
            Call("wake", (entity, self.moment())),
            *(Call("append", (self.some(self.line, 3),)) for _ in range(2)),
            Call("prune", (self.moment(),)),
            Call("relayout", (entity, *layouts)),
            Call("put", (one("ab"), one([None, "", "é"]))),
            Call("save_feed", (one("mn"), feed)),
        )
        return one(calls)

    def read(self) -> Call:
        entity, one = self.random.choice((LEAD, CONTACT, None)), self.random.choice
        after = self.maybe((self.moment(), one(PENDING)))
        calls = (
            Call("known", (Side.MARKETO, [*PEOPLE], entity)),
            Call("known", (Side.DYNAMICS, [*ROWS], entity)),
            Call("link_of", (Side.MARKETO, one(PEOPLE), entity)),
            Call("links", (self.random.sample(_KEYS, 2),)),
            Call("due", (self.moment(), after, self.random.randint(1, 4))),
            Call("pending", ([*PENDING],)),
            Call("history", (entity or LEAD, self.ids())),
            Call("journal", (self.random.randint(0, 5), self.random.randint(1, 4))),
            Call("backlog"),
            Call("each_pending"),
            Call("get", ("a",)),
            Call("next_key"),
        )
        return one(calls)

    def call(self) -> Step:
        if self.likely(0.1):
            stream = self.random.choice((Call("each_pending"), Call("each_link", (LEAD,))))
            return Walk(stream, Call("put", ("a", "walked")))
        return self.write() if self.likely(0.7) else self.read()

    def step(self, depth: int) -> Step:
        if not depth or self.likely(0.5):
            return self.write() if self.likely(0.7) else self.read()
        inner = tuple(self.step(depth - 1) for _ in range(self.random.randint(1, 4)))
        return Block(self.random.choice(_KINDS), inner)

    def leases(self) -> tuple[Step, ...]:
        now = 0.0
        steps: list[Step] = []
        for _ in range(self.random.randint(2, 7)):
            now += self.random.choice((0.0, 1.0, 30.0, 61.0))
            method = self.random.choice(("acquire", "acquire", "renew", "release"))
            arguments = () if method == "release" else (now, 60.0)
            steps.append(Call(method, arguments, self.random.choice(_WHO)))
        return tuple(steps)
