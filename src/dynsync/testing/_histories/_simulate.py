"""Many histories, on all cores: what they reached, how fast, and what went wrong."""

from __future__ import annotations

import gc
import hashlib
import json
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final, Literal, TypeAlias

import attrs
from attrs import Factory

from dynsync.arguments import word
from dynsync.errors import ConfigurationError
from dynsync.testing._histories._draws import MODES, Mode, Over
from dynsync.testing._histories._history import Failure, History, play, shrink
from dynsync.testing._histories._paths import paths_of

__all__ = ["ENOUGH", "Modes", "Simulation", "simulate"]

Modes: TypeAlias = Literal["safety", "liveness", "both"]

ENOUGH: Final = 1000
"""After so many histories of a mode, a path of it that nobody went is a failure."""

_SHARE: Final = 20
"""How many histories a process is given at a time, at most."""


@attrs.define
class Simulation:
    """
    What a simulation came to.

    *reached* counts the paths that the histories of each mode went, *digest* is one of every
    call in every history: the same *seed* gives the same one, on any number of processes.
    """

    seed: int
    modes: tuple[Mode, ...]
    over: Over = "calls"
    histories: int = 0
    steps: int = 0
    calls: int = 0
    seconds: float = 0.0
    processes: int = 1
    digest: str = ""
    reached: dict[Mode, Counter[str]] = Factory(dict[Mode, Counter[str]])
    failed: Counter[Mode] = Factory(Counter[Mode])
    failures: list[Failure] = Factory(list[Failure])

    @property
    def missed(self) -> dict[Mode, list[str]]:
        """Return the paths that no history of a mode went, by mode."""
        missed: dict[Mode, list[str]] = {}
        for mode in self.modes:
            paths = [path for path in paths_of(mode, self.over) if not self.reached[mode][path]]
            if paths:
                missed[mode] = paths
        return missed

    @property
    def enough(self) -> bool:
        """Return whether so many were played that each path should have been gone."""
        return self.histories >= ENOUGH * len(self.modes)

    @property
    def ok(self) -> bool:
        """Return whether no history failed, and no path was missed by so many."""
        return not self.failures and not (self.missed and self.enough)

    def __str__(self) -> str:
        """Return the whole as text for people."""
        speed = self.histories / self.seconds if self.seconds else 0.0
        modes = " and ".join(self.modes)
        lines = [
            f"{self.histories} histories of {self.steps} steps in {modes} mode, over {self.over}",
            f"seed {self.seed}: {self.failed.total()} failed",
            f"{self.calls} calls in {self.seconds:.0f} s, {self.processes} processes",
            f"{speed:.1f} histories a second",
            f"digest {self.digest}",
        ]
        missed = self.missed
        for mode in self.modes:
            gone = self.reached[mode]
            lines += ["", f"paths of {mode}:"]
            lines += [f"  {gone[path]:>9}  {path}" for path in sorted(gone) if gone[path]]
            lines += self._told_of(missed.get(mode, []), mode)
        for failure in self.failures:
            lines += ["", str(failure)]
        return "\n".join(lines)

    def _told_of(self, missed: Sequence[str], mode: Mode) -> list[str]:
        """Return what to say of the paths that nobody went: a failure only of so many histories."""
        if not missed:
            return []
        if self.enough:
            return ["", f"MISSED in {mode}, by so many a failure: {', '.join(missed)}"]
        count = "1 path" if len(missed) == 1 else f"{len(missed)} paths"
        return [
            "",
            f"{count} of {mode} not gone yet, which is no failure below {ENOUGH} histories of it",
        ]

    def as_json(self) -> str:
        """Return the whole as JSON."""
        return json.dumps(
            {
                "histories": self.histories,
                "steps": self.steps,
                "seed": self.seed,
                "over": self.over,
                "calls": self.calls,
                "seconds": round(self.seconds, 3),
                "processes": self.processes,
                "digest": self.digest,
                "reached": {mode: dict(sorted(c.items())) for mode, c in self.reached.items()},
                "missed": self.missed,
                "failed": self.failed.total(),
                "failures": [
                    {"history": f.number, "mode": f.mode, "why": f.why, "test": str(f)}
                    for f in self.failures
                ],
            },
            indent=2,
        )


def simulate(
    *,
    histories: int = 1000,
    seed: int = 1,
    mode: Modes = "both",
    steps: int = 25,
    over: Over = "calls",
    processes: int | None = None,
    show: Callable[[int], None] | None = None,
    most_failures: int = 3,
) -> Simulation:
    """
    Play *histories* of two sandbox systems, of *steps* each, and say what they came to.

    In ``"safety"`` any call may fail at any time and nothing wrong may happen; in
    ``"liveness"`` the faults stop now and then, and everything must settle; of ``"both"``, half
    are played in either. Over ``"calls"`` the sync has the sandboxes' own connectors; over
    ``"http"`` those to the real systems, both APIs emulated, and faults that are HTTP's own;
    over ``"loopback"`` the same by sockets. The same *seed* gives the same histories, byte for
    byte, on any number of *processes* (by default one for each core). *show* is told how many
    are done. The first *most_failures* that fail are made as short as they get. Raises
    `ConfigurationError` where nothing would be played.
    """
    for name, number in (("histories", histories), ("steps", steps)):
        if number < 1:
            raise ConfigurationError(f"{name}={number}: nothing would be played. Say at least 1.")
    word("mode", mode, Modes)
    word("over", over, Over)
    modes: tuple[Mode, ...] = MODES if mode == "both" else (mode,)
    cores = processes or os.cpu_count() or 1
    result = Simulation(seed, modes, over, steps=steps, processes=cores)
    result.reached = {one: Counter[str]() for one in modes}
    began = time.perf_counter()
    digest = hashlib.blake2b(digest_size=16)
    for one in _played(partial(_play, seed, steps, modes, over), histories, cores):
        result.histories += 1
        result.calls += one.calls
        result.reached[one.mode].update(one.reached)
        digest.update(one.digest.encode())
        if one.failure is not None:
            result.failed[one.mode] += 1
            if len(result.failures) < most_failures:
                result.failures.append(shrink(one.failure))
        if show is not None:
            show(result.histories)
    result.seconds = time.perf_counter() - began
    result.digest = digest.hexdigest()
    return result


def _play(seed: int, steps: int, modes: tuple[Mode, ...], over: Over, number: int) -> History:
    return play(seed, number // len(modes), modes[number % len(modes)], steps, over)


def _played(one: Callable[[int], History], histories: int, processes: int) -> Iterator[History]:
    """Yield the histories in their order, whichever process has played them."""
    if processes == 1:
        yield from map(one, range(histories))
        return
    # Processes begin anew instead of as copies: a copy of one with threads may stand still.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_collect_seldom) as pool:
        # A few are dealt one by one, so that somebody who watches hears of them.
        share = max(1, min(_SHARE, histories // (processes * _SHARE)))
        yield from pool.map(one, range(histories), chunksize=share)


def _collect_seldom() -> None:
    """
    Have this process look for garbage seldom, and never among what was there from the start.

    A history leaves little of it, and a fifth of the time went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
