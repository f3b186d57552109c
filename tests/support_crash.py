"""A state store that crashes at the commit of one's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dynsync import MemoryStore
from dynsync.sandbox import SimulatedCrash


class CrashingStore:
    """
    Passes everything on to *store*, and crashes *when* its *at*-th commit is due.

    ``"before"``: nothing of the transaction is stored. ``"after"``: all of it is, but nobody
    hears of it.
    """

    def __init__(self, store: MemoryStore, at: int, when: str) -> None:
        self.store = store
        self.at = at
        self.when = when
        self.commits = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin one, and crash at its end if it is the one."""
        self.commits += 1
        last = self.commits == self.at
        with self.store.transaction():
            yield
            if last and self.when == "before":
                raise SimulatedCrash("before a commit")
        if last:
            raise SimulatedCrash("after a commit")
