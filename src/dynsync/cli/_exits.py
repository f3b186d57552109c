"""What the exit codes of the command line mean: this is the one place that says so."""

from __future__ import annotations

import enum
from typing import Final

from dynsync.errors import (
    ConfigurationError,
    ContractError,
    RunStopped,
    StateError,
    SyncError,
    SystemFailure,
)
from dynsync.reports import Report

__all__ = ["ExitCode", "code_of_error", "code_of_report", "table_of_codes"]


class ExitCode(enum.IntEnum):
    """What the process says when it ends."""

    OK = 0
    """All is well."""
    ATTENTION = 1
    """Something needs a person: a refused value, a collision left open, a sync that is paused."""
    USAGE = 2
    """The command line or the configuration file is wrong; nothing was opened."""
    SYSTEM = 3
    """Marketo or Dynamics failed; what was not done waits for the next cycle."""
    GUARD = 4
    """A guard stopped the run before it wrote anything."""
    STATE = 5
    """The state file is missing, damaged, or in the hands of another process."""
    BROKEN = 6
    """A promise was broken: a connector's contract, or a claim of ``dynsync demo``."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM; all that was acknowledged is stored."""


# Docstrings of members are for readers of the code; Python does not keep them.
_MEANINGS: Final = (
    (ExitCode.OK, "all is well"),
    (ExitCode.ATTENTION, "something needs a person: a refused value, an open collision, a pause"),
    (ExitCode.USAGE, "the command line or the configuration is wrong; nothing was opened"),
    (ExitCode.SYSTEM, "Marketo or Dynamics failed; what was not done waits for the next cycle"),
    (ExitCode.GUARD, "a guard stopped the run before it wrote anything"),
    (ExitCode.STATE, "the state file is missing, damaged, or held by another process"),
    (ExitCode.BROKEN, "a promise was broken: a connector's contract, or a claim of the demo"),
    (ExitCode.INTERRUPTED, "stopped by Ctrl-C or SIGTERM; all that was acknowledged is stored"),
)

_ERRORS: Final[tuple[tuple[type[SyncError], ExitCode], ...]] = (
    (ConfigurationError, ExitCode.USAGE),
    (RunStopped, ExitCode.GUARD),
    (StateError, ExitCode.STATE),
    (SystemFailure, ExitCode.SYSTEM),
    (ContractError, ExitCode.BROKEN),
)


def table_of_codes() -> str:
    """Return the codes and their meanings, one a line, for the help page."""
    return "\n".join(f"{code.value:>5}  {meaning}" for code, meaning in _MEANINGS)


def code_of_error(error: SyncError) -> ExitCode:
    """Return the code with which *error* ends the process."""
    for kind, code in _ERRORS:
        if isinstance(error, kind):
            return code
    return ExitCode.BROKEN


def code_of_report(report: Report) -> ExitCode:
    """Return the code with which a run that came to *report* ends the process."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.failures or report.stopped:
        return ExitCode.SYSTEM
    return ExitCode.OK if report.ok and not report.paused else ExitCode.ATTENTION
