"""Tell recorders what became of records: each reads on in the journal from its own place."""

from __future__ import annotations

from collections.abc import Sequence

from dynsync._session import Session
from dynsync.calling import called
from dynsync.errors import ContractError, SystemFailure
from dynsync.recorder import Entry, PartlyRefused, Recorder, entry_of

__all__ = ["tell", "told_up_to"]


def told_up_to(session: Session, recorder: Recorder) -> int:
    """Return the place in the journal up to which *recorder* was told."""
    return int(session.store.get(_place(recorder)) or "0")


def _place(recorder: Recorder) -> str:
    return f"recorder:{recorder.name}"


def tell(session: Session, recorders: Sequence[Recorder]) -> ContractError | None:
    """Let every recorder read on in the journal; return what the first broken one raised."""
    broken: ContractError | None = None
    for recorder in recorders:
        after = told_up_to(session, recorder)
        try:
            while kept := session.store.journal(after, 500):
                try:
                    _record(recorder, [entry_of(entry) for entry in kept])
                except PartlyRefused as failure:
                    session.report.failures.append(failure)
                after = kept[-1].seq
                with session.commit():
                    session.store.put(_place(recorder), str(after))
        except SystemFailure as failure:
            session.report.failures.append(failure)
        except ContractError as error:
            broken = broken or error
    return broken


def _record(recorder: Recorder, entries: Sequence[Entry]) -> None:
    """Tell *recorder*."""

    def complaint(raised: str) -> str:
        return (
            f"The recorder {recorder.name!r} raised {raised}. It may raise SystemFailure and its "
            f"subclasses only; the run is finished and stored, and the same entries come again."
        )

    called(lambda: recorder.record(entries), complaint)
