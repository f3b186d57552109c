"""
The command line: ``dynsync`` and ``python -m dynsync``. Needs the extra ``dynsync[cli]``.

What it writes to stdout is data, messages go to stderr, and its exit codes are those of
`ExitCode`.
"""

from __future__ import annotations

import io
import sys

from dynsync.cli._exits import ExitCode
from dynsync.cli._stderr import forgiving

__all__ = ["ExitCode", "main"]


def main() -> None:
    """Run the command line and leave the process with an `ExitCode`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a letter shows a question mark.
            stream.reconfigure(errors="replace")
    sys.stderr = forgiving(sys.stderr)
    try:
        _main()
    except KeyboardInterrupt:
        print("dynsync: stopped at once; the next run goes on.", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)


def _main() -> None:
    try:
        from dynsync.cli._app import app  # noqa: PLC0415 - the package imports without click
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in {"click", "rich"}:
            raise
        print(
            f"dynsync: the command line needs {error.name}, which is not installed. "
            f"Install it with: pip install 'dynsync[cli]'",
            file=sys.stderr,
        )
        sys.exit(ExitCode.USAGE)
    app(prog_name="dynsync")
