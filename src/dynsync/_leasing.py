"""
The lease of a run, and who else in this process uses the store meanwhile.

A store tells processes apart, and not two users of one store object: what is called from inside a
run (by a recorder, *show* or *stopping*) or by another thread would take the run's own lease once
more, and then give it back. And a run that is in a long call may have let its lease expire: of
another process the store sees that it is alive, of this one we know that it runs.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from typing import Final, Protocol, runtime_checkable

import attrs

from dynsync._session import LEASE_SECONDS
from dynsync.errors import LeaseHeld
from dynsync.state import StateStore

__all__ = ["leased", "not_planned_with"]


@attrs.define(eq=False)
class _Use:
    """What a *store* is used for: a run or, *planning*, a plan."""

    store: StateStore
    planning: bool


@runtime_checkable
class _OfAState(Protocol):
    """A store that says which state it is of, where several may be of one."""

    def state_id(self) -> Hashable: ...


_USES: Final[dict[Hashable, _Use]] = {}
"""What this process is at, by the state that it is about."""


def _state(store: StateStore) -> Hashable:
    # Where a process was forked in the middle of a run, that run is not the copy's.
    return os.getpid(), store.state_id() if isinstance(store, _OfAState) else id(store)


@contextmanager
def leased(store: StateStore, now: float, *, planning: bool = False) -> Generator[None]:
    """Begin a block that holds the lease; raises `LeaseHeld` while another has it."""
    mine, state = _Use(store, planning), _state(store)
    # One step, so that of two threads one gets it.
    if _USES.setdefault(state, mine) is not mine:
        raise LeaseHeld(
            "This process runs this sync already, over the same state: it was called from inside "
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
        del _USES[state]


def not_planned_with(store: StateStore) -> StateStore:
    """Return *store* to be written to; raises `LeaseHeld` where that would be thrown away."""
    use = _USES.get(_state(store))
    if use is not None and use.planning and use.store is store:
        raise LeaseHeld(
            "A plan is being made with this store, and what is changed meanwhile is thrown away "
            "with what the plan learned. Call it when the plan is made, or with another store "
            "object."
        )
    return store
