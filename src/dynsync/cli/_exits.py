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
from dynsync.reports import Report, Status

__all__ = ["ExitCode", "code_of_error", "code_of_report", "table_of_codes"]


class ExitCode(enum.IntEnum):
    """What the process says when it ends."""

    OK = 0
    """All is well."""
    ATTENTION = 1
    """Something needs a person: what is refused, withheld or left open and waits, or a pause."""
    USAGE = 2
    """The command line or the configuration is wrong; nothing was written."""
    SYSTEM = 3
    """Marketo or Dynamics failed; what was not done waits for the next cycle."""
    GUARD = 4
    """A guard stopped the run before it wrote anything."""
    STATE = 5
    """The state file cannot be used: damaged, without a folder, or in another process's hands."""
    BROKEN = 6
    """A promise was broken: a connector's contract, or a claim of ``dynsync demo``."""
    OUTPUT = 7
    """What there is to say cannot be written; what the run did is stored."""
    MISSING = 8
    """``dynsync check`` found something without which a sync would fail or stop."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C or SIGTERM; all that was acknowledged is stored."""


# Docstrings of members are for readers of the code; Python does not keep them.
_MEANINGS: Final = (
    (ExitCode.OK, "all is well"),
    (ExitCode.ATTENTION, "something needs a person: what was refused or left open, or a pause"),
    (ExitCode.USAGE, "the command line or the configuration is wrong; nothing was written"),
    (ExitCode.SYSTEM, "Marketo or Dynamics failed; what was not done waits for the next cycle"),
    (ExitCode.GUARD, "a guard stopped the run before it wrote anything"),
    (ExitCode.STATE, "the state file cannot be used: damaged, not ours, or held by somebody else"),
    (ExitCode.BROKEN, "a promise was broken: a connector's contract, or a claim of the demo"),
    (ExitCode.OUTPUT, "the output cannot be written; what a run did is stored"),
    (ExitCode.MISSING, '"check" found something without which a sync would fail or stop'),
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


def code_of_report(report: Report, found: Status) -> ExitCode:
    """
    Return the code with which a run that came to *report* ends the process.

    *found* is where the sync stands after it: what waits for a person does so whichever run
    left it, so that nobody sees one alarm and then all green.
    """
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.failures or report.stopped:
        return ExitCode.SYSTEM
    well = report.ok and not report.paused and found.waiting == found.due
    return ExitCode.OK if well else ExitCode.ATTENTION
