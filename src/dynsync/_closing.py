"""Close a run: keep what it says of itself, and forget what is older than the journal is kept."""

from __future__ import annotations

import json
from typing import Final

from dynsync._session import Session
from dynsync.reports import Report

__all__ = ["close"]

_DAY: Final = 86_400.0


def close(session: Session, *, keep_journal: float) -> Report:
    """Return the report of a run that ended; the journal is kept for *keep_journal* days."""
    report, store = session.report, session.store
    for outcome in session.heard.values():
        report.add(outcome)
    report.ended = session.clock.now()
    report.left = sum(store.backlog().counts.values())
    seconds = (report.ended - report.started).total_seconds()
    with session.commit():
        store.put("run", str(report.run))
        said = [str(report), report.ended.timestamp(), report.troubles]
        store.put("last_run", json.dumps(said))
        if report.records and seconds > 0:
            store.put("pace", json.dumps(report.records / seconds))
    _prune(session, keep_journal)
    return report


def _prune(session: Session, keep_journal: float) -> None:
    """Forget what is older than the journal is kept, once a day."""
    now, store = session.now(), session.store
    if now - float(store.get("pruned") or "0") < _DAY:
        return
    with session.commit():
        store.prune(now - keep_journal * _DAY)
        store.put("pruned", str(now))
