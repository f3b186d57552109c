"""
How fast a sync is over both APIs: ``python tests/bench/over_http.py [--records 1000000]``.

The real connectors talk to the emulators in one process, on simulated time: every call takes
50 ms, and both systems limit calls as theirs do. Prints what was measured next to the targets
of the project. Seconds and calls are the same on every machine; our own processor time is not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.run import CHANGES, Board, measure

Numbers: TypeAlias = dict[str, float]

BY_HAND: Final = 50_000
"""People that the loop by hand loads: each takes as long as every other."""

ALLOWED: Final = 300 * 100 / 20
"""People a second that Marketo takes at the very most."""

_BATCHES: Final = {"marketo": 300, "dynamics": 100}
_LIMITS: Final = (
    ("marketo", "in 20 s", "in any 20 s", 100),
    ("marketo", "at once", "at once", 10),
    ("dynamics", "in 300 s", "in any 300 s", 6_000),
    ("dynamics", "at once", "at once", 52),
)


def first_load(board: Board, found: Numbers) -> None:
    """Note at what pace the first load went."""
    count, seconds, cpu = found["records"], found["seconds"], found["cpu"]
    print(
        f"first load of {count:,.0f}: {seconds:,.0f} simulated seconds, {count / seconds:,.0f} "
        f"people/s; ours {cpu:,.0f} s of the processor, {count / cpu:,.0f} people/s"
    )
    board.at_least(
        f"a. first load of {count:,.0f}: of the pace that Marketo allows",
        90,
        100 * count / seconds / ALLOWED,
        " %",
    )


def changes(board: Board, found: Numbers) -> None:
    """Note how many calls a cycle with many changes took."""
    print(
        f"cycle with {found['records']:,.0f} changed: {found['seconds']:,.0f} simulated seconds; "
        f"ours {found['cpu']:,.1f} s of the processor"
    )
    for side, batch in _BATCHES.items():
        written, made = found[f"{side} written"], found[f"{side} write"]
        least = -(-written // batch)
        print(f"  {side.capitalize()}: {made:,.0f} calls write, {found[f'{side} read']:,.0f} read")
        label = f"b. {written:,.0f} written to {side.capitalize()}: {made:,.0f}, at least {least:g}"
        board.at_most(label, 1.05, made / least)


def processor(board: Board, found: Numbers, hand: Numbers) -> None:
    """Note what the first load took of the processor, and what the least of it takes *by hand*."""
    share = 100 * found["cpu"] / found["seconds"]
    board.at_most("d. our own processor time in the first load, of its time", 15, share, " %")
    ours, least = found["cpu"] / found["records"], hand["cpu"] / hand["records"]
    print(
        f"a record takes {ours * 1e6:,.0f} us of the processor, {least * 1e6:,.0f} us in a loop by "
        f"hand that only reads, renames, writes and keeps: {ours / least:.1f} times as long"
    )


def limits(board: Board, cycles: Sequence[Numbers]) -> None:
    """Note how near the limits calls came, at any time."""
    for side, key, words, most in _LIMITS:
        made = max(found[f"{side} {key}"] for found in cycles)
        board.at_most(f"documented limits: calls to {side.capitalize()} {words}", most, made, "")


def idle(board: Board, found: Numbers) -> None:
    """Note how many calls a cycle takes in which nothing happens."""
    for side in _BATCHES:
        calls = found[f"{side} read"] + found[f"{side} write"]
        board.at_most(f"c. calls to {side.capitalize()} in an idle cycle", 4, calls, "")


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How fast a sync is over both APIs.")
    parser.add_argument(
        "--records", type=int, default=1_000_000, help="how many people (%(default)s)"
    )
    parser.add_argument("--changes", type=int, default=CHANGES, help="on each side (%(default)s)")
    parser.add_argument(
        "--full", choices=("ids", "bulk"), default="ids", help="how Marketo is read (%(default)s)"
    )
    parser.add_argument(
        "--passes",
        choices=("calls", "all"),
        default="calls",
        help="what time passes: that of calls, or our own processor's as well (%(default)s)",
    )
    asked = vars(parser.parse_args(arguments))
    found = cast("dict[str, Numbers]", measure(sys.executable, "http_worker", "story", asked))
    board = Board()
    first_load(board, found["load"])
    changes(board, found["changes"])
    idle(board, found["idle"])
    fewer = {"records": min(asked["records"], BY_HAND)}
    hand = cast("Numbers", measure(sys.executable, "by_hand", "load", fewer))
    processor(board, found["load"], hand)
    limits(board, [found["load"], found["changes"]])
    print(f"memory of it all, both systems in files: {found['process']['megabytes']:,.0f} MB")
    board.show()


if __name__ == "__main__":
    main(sys.argv[1:])
