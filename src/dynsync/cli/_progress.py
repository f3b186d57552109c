"""How far a run is: a bar where stderr is a terminal, a line now and then where it is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from dynsync.cli._console import error_console
from dynsync.reports import Phase, Progress

__all__ = ["progress"]

_EVERY: Final = 10.0
"""Seconds between two plain lines."""


def _line(progress: Progress) -> str:
    total = "" if progress.total is None else f" of {progress.total}"
    return f"{progress.phase} {progress.what}".rstrip() + f": {progress.done}{total}"


class _Lines:
    """Says something only of what takes long."""

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        self._last = now()

    def __call__(self, progress: Progress) -> None:
        if self._now() - self._last >= _EVERY:
            self._last = self._now()
            self._console.print(_line(progress))


class _Bars:
    """One bar a phase."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[Phase, TaskID] = {}

    def __call__(self, progress: Progress) -> None:
        phase = progress.phase
        if phase not in self._tasks:
            self._tasks[phase] = self._bars.add_task(phase, total=progress.total)
        self._bars.update(
            self._tasks[phase],
            description=f"{phase} {progress.what}".rstrip(),
            completed=progress.done,
            total=progress.total,
        )


@contextmanager
def progress(now: Callable[[], float] = time.monotonic) -> Generator[Callable[[Progress], None]]:
    """Return what `Sync.show` takes, for the time of the block."""
    console = error_console()
    if not console.is_terminal:
        yield _Lines(console, now)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)
