"""Tell recorders what became of records: each reads on in the journal from its own place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs

from dynsync._contract import sound
from dynsync._session import Session
from dynsync.calling import called
from dynsync.errors import ContractError, Refused, SystemFailure
from dynsync.recorder import Entry, PartlyRefused, Recorder, entry_of
from dynsync.records import Side

__all__ = ["by_name", "tell", "told_up_to"]

_AT_ONCE: Final = 500
"""Entries that a recorder is told at a time."""

_MOST: Final = 20_000
"""Entries that it is told at a time where it refused fewer."""


@attrs.frozen
class _Named:
    """A recorder by the name that it had: one that changes would be told all again, for ever."""

    name: str
    recorder: Recorder

    def record(self, entries: Sequence[Entry]) -> None:
        """Have the recorder take *entries*."""
        self.recorder.record(entries)


def by_name(recorders: Sequence[Recorder]) -> tuple[Recorder, ...]:
    """Return *recorders*, whose names are asked for here and no more."""

    def complaint(raised: str) -> str:
        return f"The name of a recorder raised {raised}. It is a text that stays (J1)."

    names = [called(partial(getattr, one, "name"), complaint, passing=()) for one in recorders]
    return tuple(map(_Named, names, recorders))


def told_up_to(session: Session, recorder: Recorder) -> int:
    """Return the place in the journal up to which *recorder* was told."""
    return int(session.store.get(_place(recorder)) or "0")


def _place(recorder: Recorder) -> str:
    return f"recorder:{recorder.name}"


def tell(session: Session, recorders: Sequence[Recorder]) -> ContractError | None:
    """Let every recorder read on in the journal; return what the first broken one raised."""
    broken: ContractError | None = None
    for recorder in recorders:
        try:
            _tell(session, recorder)
        except SystemFailure as failure:
            session.report.failures.append(failure)
        except ContractError as error:
            broken = broken or error
        else:
            continue
        # Whoever failed took its time all the same: the next one begins with a whole lease.
        _prolong(session)
    return broken


def _tell(session: Session, recorder: Recorder) -> None:
    """Let *recorder* read on in the journal, until the host wants to stop."""
    entries = _entries(session, told_up_to(session, recorder))
    while entries:
        told = _told(session, recorder, entries)
        with session.commit():
            session.store.put(_place(recorder), str(told))
        entries = _entries(session, told)
        if entries and session.stopping():
            session.report.interrupted = True
            return


def _prolong(session: Session) -> None:
    with session.commit():
        pass


def _entries(session: Session, after: int) -> list[Entry]:
    return [entry_of(kept) for kept in session.store.journal(after, _AT_ONCE)]


def _told(session: Session, recorder: Recorder, entries: Sequence[Entry]) -> int:
    """Tell *recorder* of *entries*; return the place up to which it was told."""
    try:
        return _say(session, recorder, entries)
    except Refused:
        # Perhaps for the one line among them: together with others it shows whose fault it is.
        longer = _to_next_refusals(session, entries)
        if len(longer) == len(entries):
            raise
        _prolong(session)
        return _say(session, recorder, longer)


def _say(session: Session, recorder: Recorder, entries: Sequence[Entry]) -> int:
    try:
        _record(recorder, entries)
    except PartlyRefused as failure:
        session.report.failures.append(failure)
    return entries[-1].seq


def _to_next_refusals(session: Session, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return *entries* and what follows in the journal, as far as some tell of refusals."""
    longer = [*entries]
    while len(longer) < _MOST and (more := _entries(session, longer[-1].seq)):
        longer += more
        if any(entry.refusals for entry in more):
            break
    return longer


def _record(recorder: Recorder, entries: Sequence[Entry]) -> None:
    """Tell *recorder*."""

    def complaint(raised: str) -> str:
        return (
            f"The recorder {recorder.name!r} raised {raised}. It may raise SystemFailure and its "
            f"subclasses only; the run is finished and stored, and the same entries come again."
        )

    # What it tells may be neither of the two systems.
    sound(lambda: recorder.record(entries), complaint, (*Side, None))
