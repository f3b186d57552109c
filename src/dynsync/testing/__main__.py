"""``python -m dynsync.testing simulate``: random histories, as many as time allows."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Final, cast

from dynsync.testing._histories._draws import Over
from dynsync.testing._histories._simulate import Modes, simulate

__all__ = ["main"]

_EVERY: Final = 500


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dynsync.testing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("simulate", help="play random histories of two sandbox systems")
    one.add_argument("--histories", type=int, default=1000, help="how many (default: 1000)")
    one.add_argument("--seed", type=int, default=1, help="the same seed plays the same histories")
    one.add_argument("--mode", choices=("safety", "liveness", "both"), default="both")
    one.add_argument("--steps", type=int, default=25, help="steps of a history (default: 25)")
    one.add_argument(
        "--over",
        choices=("calls", "http", "loopback"),
        default="calls",
        help="http: over both APIs, with faults of HTTP's own; loopback: by sockets, too",
    )
    one.add_argument("--processes", type=int, default=None, help="default: one for each core")
    one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _told(done: int) -> None:
    if done % _EVERY == 0:
        print(f"{done} histories", file=sys.stderr, flush=True)


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
        show=_told,
    )
    print(result.as_json() if given.json else str(result))
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
