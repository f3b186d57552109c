"""``python -m dynsync.testing simulate``: random histories, as many as time allows."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, cast

from dynsync.testing._histories._draws import Over
from dynsync.testing._histories._simulate import Modes, simulate

__all__ = ["main"]

_PAUSE: Final = 5.0
"""How many seconds to be silent at most, as long as histories end."""


def _some(text: str) -> int:
    """Return *text* as a number of at least 1: none at all would fail at nothing."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dynsync.testing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("simulate", help="play random histories of two sandbox systems")
    one.add_argument("--histories", type=_some, default=1000, help="how many (default: 1000)")
    one.add_argument("--seed", type=int, default=1, help="the same seed plays the same histories")
    one.add_argument("--mode", choices=("safety", "liveness", "both"), default="both")
    one.add_argument("--steps", type=_some, default=25, help="steps of a history (default: 25)")
    one.add_argument(
        "--over",
        choices=("calls", "http", "loopback"),
        default="calls",
        help="http: over both APIs, with faults of HTTP's own; loopback: by sockets, too",
    )
    one.add_argument("--processes", type=_some, default=None, help="default: one for each core")
    one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _telling(histories: int) -> Callable[[int], None]:
    """Return what tells how many histories are done: the first at once, then now and then."""
    last = -_PAUSE

    def tell(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PAUSE:
            last = now
            print(f"{done} of {histories} histories", file=sys.stderr, flush=True)

    return tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit code: 1 when a history failed."""
    given = _parser().parse_args(arguments)
    result = simulate(
        histories=cast("int", given.histories),
        seed=cast("int", given.seed),
        mode=cast("Modes", given.mode),
        steps=cast("int", given.steps),
        over=cast("Over", given.over),
        processes=cast("int | None", given.processes),
        show=_telling(cast("int", given.histories)),
    )
    print(result.as_json() if given.json else str(result))
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
