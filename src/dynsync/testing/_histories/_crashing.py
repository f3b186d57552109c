"""A state store that crashes at the commit of one's choice."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal, TypeAlias

from typing_extensions import override

from dynsync.memory import MemoryStore
from dynsync.sandbox import SimulatedCrash

__all__ = ["CrashingStore", "Moment"]

Moment: TypeAlias = Literal["before", "after"]


class CrashingStore(MemoryStore):
    """
    Another handle on the data of *store* that crashes *when* its *at*-th commit is due.

    ``"before"``: nothing of the transaction is stored. ``"after"``: all of it is, but nobody
    hears of it.
    """

    def __init__(self, store: MemoryStore, at: int, when: Moment) -> None:
        super().__init__()
        self._data = store._data  # noqa: SLF001 - another handle is what it is
        self.at = at
        self.when = when
        self.commits = 0
        self._depth = 0

    @override
    @contextmanager
    def transaction(self) -> Generator[None]:
        """Begin one, and crash at its end if it is the one."""
        outermost = not self._depth
        self.commits += outermost
        last = outermost and self.commits == self.at
        self._depth += 1
        try:
            with super().transaction():
                yield
                if last and self.when == "before":
                    self._crash()
        finally:
            self._depth -= 1
        if last:
            self._crash()

    def _crash(self) -> None:
        # The lease of a process that is no more is free in the end; here it is at once.
        self._owner.closed = True
        raise SimulatedCrash(f"{self.when} a commit")
