"""`check_store`: our own stores hold every clause, and broken ones are caught by the right one."""

from __future__ import annotations

import copy
import itertools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import pytest

from dynsync.errors import ConfigurationError
from dynsync.memory import MemoryStore
from dynsync.sqlite import SqliteStore
from dynsync.state import StateStore
from dynsync.testing import ContractBroken, Standing, check_store
from dynsync.testing._store_clauses import CLAUSES
from specimens_stores import BROKEN_STORES, CommitsAsItGoes

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "store-contract.md"

Another = Callable[[StateStore], StateStore]


def twin(store: StateStore) -> StateStore:
    """Return another owner's handle on a store in memory."""
    assert isinstance(store, MemoryStore)
    return store.twin()


class Files:
    """SQLite stores in files of their own; `reopen` goes on from a copy, as after a power cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[int, Path] = {}
        self.stores: list[StateStore] = []
        self.numbers = itertools.count()

    def make(self) -> StateStore:
        """Return a store in a new file."""
        return self.opened(self.folder / f"{next(self.numbers)}.db")

    def another(self, store: StateStore) -> StateStore:
        """Return a second handle on the same file."""
        return self.opened(self.paths[id(store)])

    def reopen(self, store: StateStore) -> StateStore:
        """Return a store on what a crash would have left of the file."""
        old, new = self.paths[id(store)], self.folder / f"{next(self.numbers)}.db"
        for ending in ("", "-wal"):
            if Path(f"{old}{ending}").exists():
                shutil.copy(f"{old}{ending}", f"{new}{ending}")
        return self.opened(new)

    def opened(self, path: Path) -> StateStore:
        """Return a store on *path*, and remember which one."""
        store = SqliteStore(path)
        self.paths[id(store)] = path
        # Kept, so that no other store gets its id.
        self.stores.append(store)
        return store


def test_memory_store_holds_every_clause() -> None:
    """The store in memory does what the model does."""
    found = check_store(MemoryStore, another=twin, reopen=copy.deepcopy)

    found.raise_if_broken()
    assert {Standing.HELD} == {finding.standing for finding in found.findings}
    assert all(finding.times > 9 for finding in found.findings), str(found)


def test_sqlite_store_holds_every_clause(tmp_path: Path) -> None:
    """So does the file, also when the process is killed and another goes on."""
    files = Files(tmp_path)
    found = check_store(files.make, another=files.another, reopen=files.reopen, programs=20)

    found.raise_if_broken()
    assert {Standing.HELD} == {finding.standing for finding in found.findings}


@pytest.mark.parametrize("broken", BROKEN_STORES, ids=lambda broken: broken.__name__)
def test_broken_store_is_caught(broken: type[MemoryStore]) -> None:
    """Each store that is broken on purpose breaks its clause, and a few calls show it."""
    found = check_store(broken, another=twin, reopen=copy.deepcopy, programs=0)

    finding = found.of(BROKEN_STORES[broken])
    assert Standing.BROKEN is finding.standing, str(found)
    assert 1 <= len(finding.calls) <= 8
    assert finding.why


def test_broken_stores_break_every_clause() -> None:
    """No clause is without a store that breaks it."""
    assert {clause.number for clause in CLAUSES} == set(BROKEN_STORES.values())


def test_message_shows_the_calls() -> None:
    """The error has the clause, the reason and the calls, ready to be tried."""
    with pytest.raises(ContractBroken) as caught:
        check_store(CommitsAsItGoes, programs=0).raise_if_broken()

    message = str(caught.value)
    assert "S1        All or nothing                       BROKEN" in message
    assert "with store.transaction():" in message
    assert "raise RuntimeError  # and so it is undone" in message


def test_says_what_could_not_be_checked() -> None:
    """Without other handles nothing is said of the lease, nor of the next process."""
    found = check_store(MemoryStore, programs=0)

    assert Standing.NOT_REACHED is found.of("S4").standing
    assert "another" in found.of("S4").why
    assert Standing.NOT_CLAIMED is found.of("S14").standing
    assert found.held


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: None, "make() returned a NoneType, which has no transaction; "),
        (lambda: MemoryStore, "make() returned the class MemoryStore; "),
        (MemoryStore(), "make() raised TypeError; "),
    ],
)
def test_make_must_return_a_store(make: object, message: str) -> None:
    """What makes no store is a mistake of the host, and no clause that is broken."""
    with pytest.raises(ConfigurationError) as caught:
        check_store(cast("Callable[[], StateStore]", make))

    told = "it is called without arguments and returns an empty store"
    assert f"{message}{told}" == str(caught.value)


def test_what_makes_a_handle_must_be_callable() -> None:
    """A store in the place of a function is a mistake of the host, told by its argument."""
    store = cast("Another", MemoryStore())
    with pytest.raises(ConfigurationError, match=r"^another= got a value of type MemoryStore"):
        check_store(MemoryStore, another=store)
    with pytest.raises(ConfigurationError, match=r"^reopen= got a value of type MemoryStore"):
        check_store(MemoryStore, reopen=store)


def test_same_seed_same_findings() -> None:
    """What is found depends on the seed and on nothing else."""
    one, two = (str(check_store(MemoryStore, programs=20, seed=7)) for _ in range(2))

    assert one == two
    assert one != str(check_store(MemoryStore, programs=20, seed=8))


def test_every_clause_is_a_heading_of_the_page() -> None:
    """The page of the contract has each clause as a heading, in order, and no other."""
    headings = re.findall(r"^### (S\d+) (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert [(clause.number, clause.title) for clause in CLAUSES] == headings
