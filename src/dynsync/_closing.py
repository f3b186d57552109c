"""Close a run: keep what it says of itself, and forget what is older than the journal is kept."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from dynsync._session import Session
from dynsync._telling import told_up_to
from dynsync.errors import (
    ConfigurationError,
    ContractError,
    RunStopped,
    StateError,
    SyncError,
)
from dynsync.recorder import Recorder
from dynsync.reports import Report
from dynsync.state import StateStore

__all__ = ["close", "told"]

_DAY: Final = 86_400.0
_AT_ONCE: Final = 1000
"""Entries of the journal that are looked at together."""


def close(session: Session, *, keep_journal: float, recorders: Sequence[Recorder]) -> Report:
    """
    Return the report of a run that ended.

    The journal is kept for *keep_journal* days, and what a recorder was not told yet for longer.
    """
    report, store = session.report, session.store
    for outcome in session.heard.values():
        report.add(outcome)
    report.ended = session.clock.now()
    report.left = sum(store.backlog().counts.values())
    seconds = (report.ended - report.started).total_seconds()
    with session.commit():
        _keep(session, str(report), report.troubles)
        if report.records and seconds > 0:
            store.put("pace", json.dumps(report.records / seconds))
    _prune(session, keep_journal, recorders)
    return report


@contextmanager
def told(session: Session) -> Generator[None]:
    """Begin a block of which the status tells why it broke off, where it ends the run."""
    try:
        yield
    except (ConfigurationError, ContractError, RunStopped) as error:
        # Should the state be at fault as well: what broke off the run is what is raised.
        with suppress(StateError), session.commit():
            _keep_broken(session, error)
        raise


def _keep_broken(session: Session, error: SyncError) -> None:
    report = session.report
    quiet = not (report.records or report.troubles or report.interrupted)
    before = f"run {report.run}: " if quiet else f"{report}; "
    _keep(session, f"{before}{error}", (*report.troubles, str(error)))


def _keep(session: Session, said: str, troubles: Sequence[str]) -> None:
    """Keep what the status tells of the last run."""
    report, store = session.report, session.store
    ended = report.ended or session.clock.now()
    store.put("run", str(report.run))
    store.put("last_run", json.dumps([said, ended.timestamp(), troubles]))


def _prune(session: Session, keep_journal: float, recorders: Sequence[Recorder]) -> None:
    """Forget what is older than the journal is kept and was told to all, once a day."""
    now, store = session.now(), session.store
    # A moment that is still to come is from a clock that was wrong.
    if 0 <= now - float(store.get("pruned") or "0") < _DAY:
        return
    told = min((told_up_to(session, recorder) for recorder in recorders), default=None)
    before = now - keep_journal * _DAY
    with session.commit():
        store.prune(before if told is None else min(before, _first_after(store, told)))
        store.put("pruned", str(now))


def _first_after(store: StateStore, seq: int) -> float:
    """
    Return when the oldest of the entries after *seq* was made; never, if there are none.

    Not the first of them: a clock that was set back dates what comes later before it.
    """
    oldest = math.inf
    while entries := store.journal(seq, _AT_ONCE):
        oldest = min(oldest, *(entry.at for entry in entries))
        seq = entries[-1].seq
    return oldest
