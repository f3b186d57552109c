"""Errors: whose turn it is, in a line."""

from __future__ import annotations

from dynsync.errors import RunStopped, SchemaChanged, Throttled, Unavailable
from dynsync.records import Side


def test_a_failure_is_told_with_its_system() -> None:
    """Whichever it is, and however it failed."""
    assert "Dynamics: down" == str(Unavailable(Side.DYNAMICS, "down"))
    assert "Marketo: slow" == str(Throttled(Side.MARKETO, "slow", 7.0))
    assert "Marketo: lost" == str(SchemaChanged(Side.MARKETO, "lost", ("city",)))


def test_what_is_not_said_of_a_limit_is_the_usual() -> None:
    """Twenty seconds of a window that passes by itself."""
    limit = Throttled(Side.MARKETO, "slow")

    assert (20.0, "window") == (limit.retry_after, limit.scope)


def test_a_guard_speaks_for_itself() -> None:
    """Its message is whole; which guard it was is for programs."""
    stop = RunStopped("deletes", "refusing to go on")

    assert ("deletes", "refusing to go on") == (stop.guard, str(stop))
