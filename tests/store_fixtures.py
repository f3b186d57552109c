"""The stores that the tests of `StateStore` run over, and blocks that fail on purpose."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import pytest

from dynsync.backlog import Pending
from dynsync.memory import MemoryStore
from dynsync.records import RecordId
from dynsync.sqlite import SqliteStore
from dynsync.state import StateStore

Open: TypeAlias = Callable[[], StateStore]


@pytest.fixture(params=["memory", "sqlite"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens the same state once more, as another owner."""
    opened: list[StateStore] = []
    first = MemoryStore()

    def another() -> StateStore:
        store: StateStore = (
            first.twin() if request.param == "memory" else SqliteStore(tmp_path / "sync.db")
        )
        opened.append(store)
        return store

    yield another
    for store in opened:
        store.close()


@pytest.fixture
def store(another: Open) -> StateStore:
    """Return an empty store."""
    return another()


def records(*names: str) -> list[RecordId]:
    """Return ids."""
    return [RecordId(name) for name in names]


def keys(entries: Iterable[Pending]) -> list[str]:
    """Return the keys of *entries*."""
    return [entry.key for entry in entries]


class Oops(Exception):
    """What the tests let go wrong."""


@contextmanager
def failing(store: StateStore, error: type[BaseException] = Oops) -> Generator[None]:
    """Begin a transaction that fails at its end."""
    with suppress(error), store.transaction():
        yield
        raise error
