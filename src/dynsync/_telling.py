"""Tell recorders what became of records: each reads on in the journal from its own place."""

from __future__ import annotations

from collections.abc import Sequence

from dynsync._session import Session
from dynsync.calling import called
from dynsync.errors import ContractError, SystemFailure
from dynsync.recorder import Entry, PartlyRefused, Recorder, entry_of

__all__ = ["tell"]


def tell(session: Session, recorders: Sequence[Recorder]) -> ContractError | None:
    """Let every recorder read on in the journal; return what the first broken one raised."""
    broken: ContractError | None = None
    for recorder in recorders:
        place = f"recorder:{recorder.name}"
        after = int(session.store.get(place) or "0")
        try:
            while kept := session.store.journal(after, 500):
                try:
                    _record(recorder, [entry_of(entry) for entry in kept])
                except PartlyRefused as failure:
                    session.report.failures.append(failure)
                after = kept[-1].seq
                with session.commit():
                    session.store.put(place, str(after))
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
