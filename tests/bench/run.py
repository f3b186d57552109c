"""
How fast dynsync is, against what anybody would write by hand and against its peers.

``python tests/bench/run.py [--records 10000,100000,1000000] [--quick] [--no-peers]``

Prints ratios of what was measured in this very run, in turn and repeated (medians), next to
the targets of the project. Seconds say more about the machine than about us. With ``--cpu``
the processor's time is taken instead of the clock's, for machines that others use as well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias, cast

Lists: TypeAlias = dict[str, list[float]]

HERE: Final = Path(__file__).resolve().parent
PEERS: Final = ("diffsync", "dictdiffer", "vdirsyncer")
CHANGES: Final = 10_000


def measure(python: str, module: str, what: str, arguments: object, *, cpu: bool = False) -> object:
    """Return what a process of its own measured."""
    ours = [] if module == "peers" else [str(HERE.parents[1] / "src")]
    paths = [str(HERE.parent), *ours]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    environment["BENCH_CLOCK"] = "cpu" if cpu else "wall"
    done = subprocess.run(  # noqa: S603 - our own modules
        [python, "-m", f"bench.{module}", what, json.dumps(arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    value: object = json.loads(done.stdout.decode().splitlines()[-1])
    return value


class Board:
    """Collects and prints ``target / measured / holds?``."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []

    def at_least(self, what: str, target: float, measured: float, unit: str = "x") -> None:
        """Note a number that is not to be below its target."""
        self._note(what, f">= {target:g}{unit}", f"{measured:.2f}{unit}", measured >= target)

    def at_most(self, what: str, target: float, measured: float, unit: str = "x") -> None:
        """Note a number that is not to be above its target."""
        self._note(what, f"<= {target:g}{unit}", f"{measured:.2f}{unit}", measured <= target)

    def _note(self, what: str, target: str, measured: str, holds: object) -> None:
        self.rows.append((what, target, measured, "yes" if holds else "NO"))

    def show(self) -> None:
        """Print the table."""
        print(f"\n{'':60} {'target':>10} {'measured':>10}  holds?")
        for what, target, measured, holds in self.rows:
            print(f"{what:60} {target:>10} {measured:>10}  {holds}")


class Run:
    """One run of the benchmark in a folder of its own."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.cpu = bool(options.cpu)
        self.rounds = 3 if options.quick else 5
        self.changes = CHANGES // 10 if options.quick else CHANGES
        self.sizes: list[int] = sorted(options.records)
        self.board = Board()

    def work(self, what: str, **arguments: object) -> object:
        """Measure something of ours."""
        return measure(sys.executable, "worker", what, arguments, cpu=self.cpu)

    def path(self, size: int, *, fresh: str = "") -> str:
        """Return the state file of *size*, or a copy of it that may be changed."""
        path = self.folder / f"{size}.db"
        if not fresh:
            return str(path)
        return str(shutil.copyfile(path, self.folder / f"{size}.{fresh}"))

    def load(self) -> None:
        """Do the first loads, each in a process of its own, and compare what they took."""
        memory: dict[int, float] = {}
        for size in self.sizes:
            found = cast("dict[str, float]", self.work("load", path=self.path(size), count=size))
            memory[size] = found["megabytes"]
            pace = size / found["seconds"]
            print(f"first load of {size:>9,}: {pace:,.0f} records/s, {memory[size]:.0f} MB at most")
        small, big = self.sizes[0], self.sizes[-1]
        label = f"4. memory of a first load, {big:,} against {small:,}"
        self.board.at_most(label, 1.3, memory[big] / memory[small])
        self.board.at_most(f"4. memory of a first load of {big:,}", 150, memory[big], " MB")

    def compare(self) -> None:
        """Compare everything with everything, by ours and by hand."""
        for size in self.sizes:
            # One round of few records varies by a tenth: the fewer they are, the more rounds.
            rounds = self.rounds * (8 if size <= 20_000 else 3 if size <= 200_000 else 1)
            path = self.path(size, fresh="compare")
            found = cast("Lists", self.work("compare", path=path, count=size, rounds=rounds))
            for suffix, changed in (("", "nothing"), ("_1", "1 %")):
                ours, loop = found["engine" + suffix], found["loop" + suffix]
                print(
                    f"full comparison of {size:>9,}, {changed} changed: ours "
                    f"{size / statistics.median(ours):,.0f} records/s, by hand "
                    f"{size / statistics.median(loop):,.0f}"
                )
                label = f"1. full comparison of {size:,}, {changed} changed: by hand"
                self.board.at_least(label, 0.7, ratio(loop, ours))
            self.drop(path)

    def peers(self, python: str) -> None:
        """Let the peers do the same on few records."""
        size = min(self.sizes[0], 10_000)
        targets = {"diffsync": 4.0, "dictdiffer": 4.0, "vdirsyncer": 1.0}
        ours: list[float] = []
        theirs: Lists = {peer: [] for peer in PEERS}
        for turn in range(3):
            path = self.path(self.sizes[0], fresh=f"peers{turn}")
            found = cast("Lists", self.work("compare", path=path, count=self.sizes[0], rounds=1))
            ours.append(self.sizes[0] / found["engine_1"][0])
            self.drop(path)
            for peer in PEERS:
                pace = measure(python, "peers", peer, {"count": size}, cpu=self.cpu)
                theirs[peer].append(cast("dict[str, float]", pace)["pace"])
        for peer, target in targets.items():
            print(f"{peer} on {size:,} records: {statistics.median(theirs[peer]):,.0f} records/s")
            label = f"1. full comparison of {self.sizes[0]:,}, 1 % changed: {peer}"
            self.board.at_least(label, target, ratio(ours, theirs[peer]))

    def cycles(self) -> None:
        """Do cycles with the same number of changes in small and large databases."""
        paths = {str(size): self.path(size, fresh="cycles") for size in self.sizes}
        # The smallest has so few records that all of them change.
        changes = self.changes * 10 // 19
        arguments = {"paths": paths, "changes": changes, "rounds": self.rounds}
        found = cast("dict[str, Lists]", self.work("cycles", **arguments))
        for size, lists in found.items():
            cycle, settle, hand = (
                statistics.median(
                    n / seconds for n, seconds in zip(lists["records"], lists[kind], strict=True)
                )
                for kind in ("cycle", "settle", "hand")
            )
            print(
                f"cycle with {lists['records'][0]:,.0f} changed of {int(size):>9,}: {cycle:,.0f} "
                f"changes/s in all, {settle:,.0f} in settling; batch upsert by hand {hand:,.0f}"
            )
            label = f"2. settling, of {int(size):,}: batch upsert by hand"
            self.board.at_least(label, 0.3, ratio(lists["hand"], lists["settle"]))
        first, last = found[str(self.sizes[0])], found[str(self.sizes[-1])]
        label = f"3. cycle, {self.sizes[-1]:,} linked records against {self.sizes[0]:,}"
        self.board.at_most(label, 1.15, ratio(last["cycle"], first["cycle"]))
        for path in paths.values():
            self.drop(path)

    def calls(self) -> None:
        """Count calls; this number is the same on every machine."""
        size = self.sizes[-1]
        changes = min(self.changes, size // 2)
        path = self.path(size, fresh="calls")
        arguments = {"path": path, "count": size, "changes": changes}
        found = cast("dict[str, int]", self.work("calls", **arguments))
        for side, batch in (("marketo", 300), ("dynamics", 1000)):
            written = found[f"{side} written"]
            least = {"write": -(-written // batch), "read": -(-changes // 5000)}
            for what, number in least.items():
                made = found[f"{side} {what}"]
                label = f"5. {what} calls to {side.capitalize()}: {made}, at least {number}"
                self.board.at_most(label, 1.05, made / number)
        self.drop(path)

    def drop(self, path: str) -> None:
        """Remove a copy."""
        for file in self.folder.glob(Path(path).name + "*"):
            file.unlink()


def ratio(above: Iterable[float], below: Iterable[float]) -> float:
    """Return the median ratio of what was measured in turn."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def peers_python(folder: Path) -> str:
    """Return a Python with the peers, in an environment made for them if need be."""
    given = os.environ.get("BENCH_PEERS_PYTHON")
    if given:
        return given
    print("installing the peers ...", flush=True)
    venv.create(folder / "peers", with_pip=True)
    python = str(folder / "peers" / ("Scripts" if os.name == "nt" else "bin") / "python")
    command = [python, "-m", "pip", "install", "--quiet", "-r", str(HERE / "requirements.txt")]
    subprocess.run(command, check=True)  # noqa: S603 - our own list
    return python


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "\n").split("\n")[1])
    parser.add_argument(
        "--records",
        type=lambda text: [int(number) for number in text.split(",")],
        help="how many linked records, smallest first (default 10000,100000,1000000)",
    )
    parser.add_argument("--quick", action="store_true", help="few records, fewer rounds")
    parser.add_argument("--no-peers", action="store_true", help="install and measure no peers")
    parser.add_argument("--cpu", action="store_true", help="measure the processor's time")
    options = parser.parse_args(arguments)
    if not options.records:
        options.records = [2000, 20_000] if options.quick else [10_000, 100_000, 1_000_000]
    return options


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    options = options_of(arguments)
    with tempfile.TemporaryDirectory(prefix="dynsync-bench-") as name:
        run = Run(Path(name), options)
        run.load()
        run.compare()
        run.cycles()
        run.calls()
        if not options.no_peers:
            run.peers(peers_python(run.folder))
        run.board.show()


if __name__ == "__main__":
    main(sys.argv[1:])
