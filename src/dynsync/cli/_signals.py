"""Ctrl-C and SIGTERM: the first asks the run to finish its batch, the second ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import click

from dynsync.cli._console import say
from dynsync.cli._exits import ExitCode
from dynsync.errors import SystemFailure

__all__ = ["Stop", "stoppable"]

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked us to stop. Callable, as `Sync.stopping` wants it."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __call__(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask for a stop; raises KeyboardInterrupt where it was asked for already."""
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()


@contextmanager
def stoppable() -> Generator[Stop]:
    """
    Listen to signals inside the block; elsewhere than in the main thread, do not.

    A system that fails while a stop was asked for is told, and is no reason for another code.
    """
    stop = Stop()

    def listen(number: int, _: FrameType | None) -> None:
        stop.ask()
        name = signal.Signals(number).name
        say(f"{name}: finishing this batch. Once more ends it at once.")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, listen) for number in _SIGNALS}
    try:
        yield stop
    except SystemFailure as failure:
        if not stop():
            raise
        say(f"dynsync: {failure}")
        raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
