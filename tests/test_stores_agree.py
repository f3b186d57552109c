"""
`SqliteStore` does what `MemoryStore` does, whatever is asked in whatever order.

A step is asked of both, and what they answer is compared: results and refusals, and after
every step all that they hold. Blocks that fail, scratch blocks and blocks inside blocks are
steps made of steps.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dynsync.errors import StateError
from dynsync.memory import MemoryStore
from dynsync.records import Cursor, RecordId, Side
from dynsync.sqlite import SqliteStore
from dynsync.state import Backlog, FeedState, StateStore
from store_cases import (
    CONTACT,
    DYNAMICS_IDS,
    ENTITIES,
    ENTRIES,
    JOURNAL_ENTRIES,
    KEYS,
    LEAD,
    LINKS,
    MARKETO_IDS,
    MOMENTS,
    PENDING_KEYS,
    SENTS,
    SOME_RECORDS,
    VERSIONS,
)
from store_fixtures import failing

Ask: TypeAlias = Callable[[StateStore], object]

REACHED: Final[Counter[str]] = Counter()
"""How often the machine was where it should be: a search that never gets there proves nothing."""


@attrs.frozen
class Call:
    """One question or write. *name* tells what, when a test fails."""

    name: str
    ask: Ask = attrs.field(repr=False)


@attrs.frozen
class Block:
    """Steps inside a transaction, a transaction that fails, or a scratch block."""

    kind: str
    steps: tuple[Step, ...]


Step: TypeAlias = Call | Block


def perform(store: StateStore, step: Step) -> list[object]:
    """Ask *store* and return all that was answered; a refusal is an answer too."""
    if isinstance(step, Call):
        return [step.ask(store)]
    answers: list[object] = []
    around = {"commit": store.transaction, "fail": lambda: failing(store), "scratch": store.scratch}
    with around[step.kind]():
        for inner in step.steps:
            # Inside a block only a whole block may fail and the rest go on.
            ask = attempt if isinstance(inner, Block) else perform
            answers += ask(store, inner)
    return answers


def attempt(store: StateStore, step: Step) -> list[object]:
    """Perform *step* and return what was answered, or that it was refused."""
    try:
        return perform(store, step)
    except StateError as error:
        return [type(error).__name__]


def call(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    """Return calls of the method *name*; whatever it streams is collected."""

    def make(*values: object) -> Step:
        return Call(f"{name}{values}", lambda store: collected(getattr(store, name)(*values)))

    return st.builds(make, *arguments)


def collected(answer: object) -> object:
    """Return *answer* as something that can be compared and is not changed later."""
    if isinstance(answer, Backlog):
        return [collected(numbers) for numbers in attrs.astuple(answer, recurse=False)]
    if isinstance(answer, dict):
        return sorted(answer.items(), key=repr)
    if isinstance(answer, Iterable) and not isinstance(answer, str):
        return list(answer)
    return answer


AFTER = st.none() | st.tuples(MOMENTS, PENDING_KEYS)
LAYOUT = st.permutations(["name", "mail", "city"]).flatmap(
    lambda names: st.integers(1, 3).map(lambda size: names[:size])
)
SOME_KEYS = st.sets(KEYS, max_size=4)
FEEDS = st.builds(FeedState, st.none() | st.just(Cursor("token")), st.booleans())

WRITES = st.one_of(
    # Those that meet the others most often come more than once.
    call("save_links", st.lists(LINKS, min_size=1, max_size=2)),
    call("put", st.sampled_from("ab"), st.none() | st.sampled_from(["", "é"])),
    call("save_feed", st.sampled_from("mn"), FEEDS),
    call("save_links", st.lists(LINKS, max_size=3)),
    call("save_links", st.lists(LINKS, min_size=2, max_size=5)),
    call("save_versions", st.sampled_from(Side), st.dictionaries(KEYS, VERSIONS)),
    call("save_sent", st.dictionaries(KEYS, SENTS, max_size=2)),
    call("drop_links", SOME_KEYS),
    call("save_pending", st.lists(ENTRIES, max_size=3)),
    call("drop_pending", st.sets(PENDING_KEYS, max_size=2)),
    call("wake", ENTITIES, MOMENTS),
    call("append", st.lists(JOURNAL_ENTRIES, max_size=3)),
    call("prune", MOMENTS),
    call("relayout", ENTITIES, LAYOUT, LAYOUT),
    call("acquire", MOMENTS, st.just(1.0)),
    call("renew", MOMENTS, st.just(1.0)),
    call("release"),
)
READS = st.one_of(
    call("known", st.just(Side.MARKETO), st.sets(MARKETO_IDS), st.none() | ENTITIES),
    call("known", st.just(Side.DYNAMICS), st.sets(DYNAMICS_IDS), st.none() | ENTITIES),
    call("link_of", st.just(Side.MARKETO), MARKETO_IDS, st.none() | ENTITIES),
    call("due", MOMENTS, AFTER, st.integers(1, 4)),
    call("pending", st.sets(PENDING_KEYS)),
    call("history", ENTITIES, SOME_RECORDS),
    call("journal", st.integers(0, 5), st.integers(1, 4)),
    call("backlog"),
    call("next_key"),
)
CALLS = WRITES | READS
KINDS = ("commit", "fail", "scratch")
BLOCKS: st.SearchStrategy[Block] = st.deferred(
    lambda: st.builds(
        Block,
        st.sampled_from(KINDS),
        st.lists(CALLS | BLOCKS, min_size=1, max_size=5).map(tuple),
    )
)


def nested(kind: str) -> st.SearchStrategy[Block]:
    """Return blocks of *kind* with a block in them, which `BLOCKS` leave to chance."""
    some = st.lists(CALLS, max_size=2)
    return st.builds(
        lambda before, inner, after: Block(kind, (*before, inner, *after)), some, BLOCKS, some
    )


@pytest.fixture(autouse=True, scope="module")
def _early() -> Iterator[None]:
    """Ids of the journal are entered two entries at a time, so that some are and some are not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dynsync.sqlite._journal._AT_ONCE", 2)
        yield


class Stores(RuleBasedStateMachine):
    """Both stores, asked the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "sync.db"
        self.model = MemoryStore()
        self.store = SqliteStore(self.path)

    def teardown(self) -> None:
        """Let go of the file."""
        self.store.close()
        self.folder.cleanup()

    # Which rules are chosen how often is the search's affair, and not the same with every
    # Python, nor with every set of tests: so every history begins with one of each.
    @initialize(first=st.tuples(*map(nested, KINDS)))
    def begin(self, first: tuple[Block, ...]) -> None:
        """Blocks of every kind, each with another one in it."""
        for step in first:
            self.ask_both(step)

    @rule(step=WRITES)
    def write(self, step: Step) -> None:
        """One write that is its own transaction."""
        self.ask_both(step)

    @rule(step=READS)
    def read(self, step: Step) -> None:
        """One question outside a transaction."""
        self.ask_both(step)

    @rule(step=BLOCKS)
    def block(self, step: Block) -> None:
        """Several steps, kept or thrown away together."""
        self.ask_both(step)

    @rule(step=st.sampled_from(KINDS).flatmap(nested))
    def nest(self, step: Block) -> None:
        """A block that has another one in it, kept or thrown away by itself."""
        self.ask_both(step)

    @rule()
    def reopen(self) -> None:
        """Another process goes on."""
        REACHED["reopened"] += 1
        self.store.close()
        self.model.close()
        self.store, self.model = SqliteStore(self.path), self.model.twin()

    @invariant()
    def hold_the_same(self) -> None:
        """All that they hold is equal."""
        held, expected = dump(self.store), dump(self.model)
        assert expected == held
        REACHED["links"] += bool(held["links"])
        REACHED["backlog"] += bool(held["pending"])
        REACHED["entered"] += bool(entered(self.path))

    def ask_both(self, step: Step) -> None:
        """Compare what the two say to *step*, types of values included."""
        if isinstance(step, Block):
            REACHED[step.kind] += 1
            REACHED["nested"] += any(isinstance(inner, Block) for inner in step.steps)
        expected = attempt(self.model, step)
        REACHED["refused"] += "StateError" in expected
        assert repr(expected) == repr(attempt(self.store, step))


def entered(path: Path) -> int:
    """Return how many ids of the journal are entered where they are found."""
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM journal_id").fetchone()
    return int(count)


def dump(store: StateStore) -> dict[str, object]:
    """Return all that *store* holds."""
    keys = [key for entity in (LEAD, CONTACT) for key, *_ in store.each_link(entity)]
    return {
        "links": repr(store.links(keys)),
        "people": store.known(Side.MARKETO, [RecordId(text) for text in "123"]),
        "pending": repr(list(store.each_pending())),
        "open": sorted(store.open_links()),
        "due": store.due(1.0, None, 9),
        "journal": store.journal(0, 1000),
        "numbers": store.backlog(),
        "settings": [store.get(name) for name in "ab"],
        "feeds": [store.feed(name) for name in "mn"],
    }


Stores.TestCase.settings = settings(stateful_step_count=30)
TestStores = Stores.TestCase


@pytest.mark.parametrize(
    "path",
    ["commit", "fail", "scratch", "nested", "reopened", "links", "backlog", "refused", "entered"],
)
def test_the_search_went_there(path: str) -> None:
    """The machine has met what it is for."""
    if not REACHED:
        pytest.skip("the machine did not run")

    assert REACHED[path] > 9
