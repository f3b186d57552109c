"""
The lease of a run, and who else in this process uses the store meanwhile.

A store tells processes apart, and not two users of one store object: what is called from inside a
run (by a recorder, *show* or *stopping*) or by another thread would take the run's own lease once
more, and then give it back.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

from dynsync._session import LEASE_SECONDS
from dynsync.errors import LeaseHeld
from dynsync.state import StateStore

__all__ = ["leased", "not_planned_with"]


@attrs.define(eq=False)
class _Use:
    """What a store is used for: a run or, *planning*, a plan."""

    planning: bool


_USES: Final[dict[int, _Use]] = {}
"""By the identity of a store, which is not asked to be hashable, while a run has it."""


@contextmanager
def leased(store: StateStore, now: float, *, planning: bool = False) -> Generator[None]:
    """Begin a block that holds the lease; raises `LeaseHeld` while another has it."""
    mine = _Use(planning)
    # One step, so that of two threads one gets it.
    if _USES.setdefault(id(store), mine) is not mine:
        raise LeaseHeld(
            "This process runs this sync already, with the same store: it was called from inside "
            "of a run (by a recorder, show= or stopping=), or from another thread. Call it when "
            "that run has ended."
        )
    try:
        store.acquire(now, LEASE_SECONDS)
        try:
            yield
        finally:
            store.release()
    finally:
        del _USES[id(store)]


def not_planned_with(store: StateStore) -> StateStore:
    """Return *store* to be written to; raises `LeaseHeld` where that would be thrown away."""
    use = _USES.get(id(store))
    if use is not None and use.planning:
        raise LeaseHeld(
            "A plan is being made with this store, and what is changed meanwhile is thrown away "
            "with what the plan learned. Call it when the plan is made, or with another store "
            "object."
        )
    return store
