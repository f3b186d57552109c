"""
A pytest plugin: two sandbox systems with pretend time, and a sync between them, as fixtures.

It stands beside the package and not in it, so that pytest can load it without importing
dynsync: that happens when a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dynsync import MemoryRecorder, MemoryStore, Sync
    from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo

__all__ = [
    "dynsync_clock",
    "dynsync_dynamics",
    "dynsync_marketo",
    "dynsync_recorder",
    "dynsync_store",
    "dynsync_sync",
]


@pytest.fixture
def dynsync_clock() -> SandboxClock:
    """Return the pretend time that everything here goes by; `advance` lets it pass."""
    from dynsync.sandbox import SandboxClock  # noqa: PLC0415 - nothing is loaded before

    return SandboxClock()


@pytest.fixture
def dynsync_marketo(dynsync_clock: SandboxClock) -> Iterator[SandboxMarketo]:
    """Yield an empty Marketo in memory, without limits on calls."""
    from dynsync.sandbox import NO_LIMITS, SandboxMarketo  # noqa: PLC0415 - nothing before it is used

    with SandboxMarketo(clock=dynsync_clock, limits=NO_LIMITS) as marketo:
        yield marketo


@pytest.fixture
def dynsync_dynamics(dynsync_clock: SandboxClock) -> Iterator[SandboxDynamics]:
    """Yield an empty Dynamics in memory, without limits on calls."""
    from dynsync.sandbox import NO_LIMITS, SandboxDynamics  # noqa: PLC0415 - nothing before it is used

    with SandboxDynamics(clock=dynsync_clock, limits=NO_LIMITS) as dynamics:
        yield dynamics


@pytest.fixture
def dynsync_store() -> MemoryStore:
    """Return the store of `dynsync_sync`, empty and in memory."""
    from dynsync import MemoryStore  # noqa: PLC0415 - nothing before it is used

    return MemoryStore()


@pytest.fixture
def dynsync_recorder() -> MemoryRecorder:
    """Return what `dynsync_sync` is told: every outcome, in a list."""
    from dynsync import MemoryRecorder  # noqa: PLC0415 - nothing before it is used

    return MemoryRecorder()


@pytest.fixture
def dynsync_sync(
    dynsync_marketo: SandboxMarketo,
    dynsync_dynamics: SandboxDynamics,
    dynsync_store: MemoryStore,
    dynsync_recorder: MemoryRecorder,
    dynsync_clock: SandboxClock,
) -> Sync:
    """
    Return a sync of leads and contacts between the two, ready to `run`.

    It tells the activity log and `dynsync_recorder`. Its attributes may be changed:
    ``dynsync_sync.policy = my_policy``. Override a fixture to put a part of your own in
    its place.
    """
    from dynsync import CONTACT, LEAD, ActivityRecorder, Sync  # noqa: PLC0415 - nothing before it is used

    return Sync(
        marketo=dynsync_marketo.connector(),
        dynamics=dynsync_dynamics.connector(),
        maps=[LEAD, CONTACT],
        store=dynsync_store,
        recorders=[dynsync_recorder, ActivityRecorder(dynsync_marketo.connector())],
        clock=dynsync_clock,
    )
