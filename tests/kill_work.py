"""What a process does that is killed in the middle of it: see test_kill."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from dynsync.maps import CONTACT, LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.recorder import ActivityRecorder
from dynsync.sandbox import NO_LIMITS, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sqlite import SqliteStore
from dynsync.sync import Sync

__all__ = ["work"]

MAPS: Final = (
    LEAD.only("first_name", "last_name", "job_title", "city"),
    CONTACT.only("first_name", "last_name", "job_title", "city"),
)


class Counted(SqliteStore):
    """A store that says when a transaction has ended."""

    def __init__(self, path: Path, ended: Callable[[], None]) -> None:
        super().__init__(path)
        self._ended = ended

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Begin one."""
        outermost = not self._depth
        with super().transaction():
            yield
        if outermost:
            self._ended()


def work(folder: Path, attempt: int, said: Connection[bytes, bytes]) -> None:
    """Run cycles until nothing is left to do but what was refused; say a byte for each commit."""
    clock = SandboxClock()
    clock.advance(attempt * 3600.0)
    marketo = SandboxMarketo(folder / "marketo.db", clock=clock, limits=NO_LIMITS)
    dynamics = SandboxDynamics(folder / "dynamics.db", clock=clock, limits=NO_LIMITS)
    sync = Sync(
        marketo=marketo.connector(),
        dynamics=dynamics.connector(),
        maps=MAPS,
        store=Counted(folder / "state.db", lambda: said.send_bytes(b".")),
        recorders=(ActivityRecorder(marketo.connector()),),
        clock=clock,
    )
    quiet = 0
    while quiet < 2:
        report = sync.run()
        refused = report.count(OutcomeKind.REJECTED)
        quiet = quiet + 1 if report.records == refused and not report.failures else 0
        clock.advance(300.0)
