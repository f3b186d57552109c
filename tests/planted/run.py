"""
Which check kills which planted bug, and after how many histories.

``python tests/planted/run.py`` plants each bug of ``bugs.toml`` in a copy of the engine, repeats
what killed it (``killers.json``), and prints the table; it ends with 1 if one survives, or if the
engine as it is fails. ``--search`` looks for killers anew, of all or of the bugs named.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias, cast

HERE: Final = Path(__file__).parent
SRC: Final = HERE.parents[1] / "src"
KILLERS: Final = HERE / "killers.json"

SURVIVED: Final = "SURVIVED"
_KIT: Final[Mapping[str, Sequence[str]]] = {
    "kinds/": ["check_field_map"],
    "policies.py": ["check_policy"],
    "sqlite/": ["check_store of SqliteStore"],
    "memory/": ["check_store of MemoryStore"],
    "recorder.py": ["check_recorder"],
}

_NEAR: Final[Mapping[str, str]] = {
    "observing": "delete_for_a_while edit_both resolve_by_hand delete_in_dynamics expire undelete",
    "folding the backlog": "edit edit_both take_update edit_what_may_not_be_told meet",
    "matching": "meet push push_later faulty_runs new_in_dynamics edit_after_an_unheard_making",
    "permission": "take_update_for_a_while take_read_for_a_while take_update take_read give_read",
    "canonical comparison": "collide edit_both insist edit push",
    "merge": "collide edit edit_both take_read_for_a_while",
    "policy": "collide edit_both take_read_for_a_while take_turns",
    "validation": "fill_a_column take_back_what_was_refused edit run clean",
    "planning": "plan_and_apply apply_a_stale_plan edit_in_the_window delete_in_marketo expire",
    "batching": "faulty_writes crashing_commit push block_updates edit_beside_the_write",
    "settling": "edit_in_the_window faulty_writes resolve_by_hand block_updates overwrite",
    "base": "insist faulty_writes edit_after_no_answer edit_after_an_unheard_making block_updates",
    "cursor": "crashing_commit expire forget_changes delete_in_dynamics lose_column edit",
    "retry": "faulty_writes block_updates edit_after_no_answer push crashing_commit",
    "lease": "race overtake",
    "lost-update recovery": "overwrite edit_in_the_window edit_after_no_answer "
    "edit_before_the_echo edit_after_an_unheard_making",
    "sync_person": "push push_later edit_after_an_unheard_making delete_and_push_again edit",
}
"""The actions that lead to each part of the engine."""

Bug: TypeAlias = dict[str, str]
Killer: TypeAlias = dict[str, object]


def bugs() -> list[Bug]:
    """Return the planted bugs, in their order."""
    return cast("list[Bug]", tomllib.loads((HERE / "bugs.toml").read_text("utf-8"))["bug"])


def killers() -> dict[str, Killer]:
    """Return what killed each bug when it was last searched for, by the name of the bug."""
    if not KILLERS.exists():
        return {}
    return cast("dict[str, Killer]", json.loads(KILLERS.read_text("utf-8")))


def planted(bug: Bug, text: str) -> str:
    """Return *text* with *bug* in it. Raises `ValueError` unless there is one place for it."""
    if text.count(bug["before"]) != 1:
        places = text.count(bug["before"])
        raise ValueError(
            f"{bug['name']}: its text stands {places} times in {bug['file']}, not once"
        )
    return text.replace(bug["before"], bug["after"])


class Engines:
    """Copies of the engine, one for each process at work, in which bugs are planted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine = threading.local()

    def _copy(self) -> Path:
        if not hasattr(self._mine, "copy"):
            copy = Path(tempfile.mkdtemp(dir=self._folder))
            shutil.copytree(SRC, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pyc"))
            # By their hash: a bug may be planted within the second in which another was mended.
            mode = py_compile.PycInvalidationMode.CHECKED_HASH
            compileall.compile_dir(copy, quiet=2, invalidation_mode=mode)
            self._mine.copy = copy
        return cast("Path", self._mine.copy)

    @contextmanager
    def _with(self, bug: Bug | None) -> Iterator[Path]:
        copy = self._copy()
        if bug is None:
            yield copy
            return
        path = copy / "dynsync" / bug["file"]
        whole = path.read_text("utf-8")
        path.write_text(planted(bug, whole), "utf-8")
        try:
            yield copy
        finally:
            path.write_text(whole, "utf-8")

    def ask(self, bug: Bug | None, what: str, given: object) -> object:
        """Return what ``attack.py`` says of the engine with *bug* in it."""
        with self._with(bug) as copy:
            run = subprocess.run(  # noqa: S603 - our own program
                [sys.executable, str(HERE / "attack.py"), what],
                input=json.dumps(given),
                env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
        return json.loads(run.stdout)


def _on_all_cores(
    one: Callable[[Engines, Bug], Killer | None], chosen: Sequence[Bug], cores: int
) -> Iterator[tuple[Bug, Killer | None]]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(cores) as pool:
        engines = Engines(Path(folder))
        yield from zip(chosen, pool.map(lambda bug: one(engines, bug), chosen), strict=True)


def _search(engines: Engines, bug: Bug, seed: int, histories: int) -> Killer | None:
    """Return what kills *bug* and leaves the engine as it is alone."""
    kit = next((checks for place, checks in _KIT.items() if bug["file"].startswith(place)), [])
    skip = 0
    while True:
        asked = {
            "kit": kit,
            "actions": _NEAR[bug["part"]].split(),
            "seed": seed,
            "most": histories,
            "skip": skip,
        }
        found = cast("Killer | None", engines.ask(bug, "search", asked))
        if found is None or engines.ask(None, "replay", [found]) == [None]:
            return found
        print(f"# the engine as it is fails, too: {json.dumps(found)}", file=sys.stderr)
        skip, kit = cast("int", found["after"]), []


def _replay(engines: Engines, bug: Bug, killer: Killer | None) -> Killer | None:
    if killer is None:
        return None
    (why,) = cast("list[str | None]", engines.ask(bug, "replay", [killer]))
    return None if why is None else {**killer, "why": why}


def _clean(known: Sequence[Killer]) -> list[str]:
    """Return what the killers find in the engine as it is: nothing, or they prove nothing."""
    checks = {str(one["check"]): one for one in known if "steps" not in one}
    every = [*checks.values(), *(one for one in known if "steps" in one)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        engines = Engines(Path(folder))
        shares = [every[start :: os.cpu_count() or 1] for start in range(os.cpu_count() or 1)]
        said = pool.map(lambda share: engines.ask(None, "replay", share), shares)
        return [why for found in said for why in cast("list[str | None]", found) if why is not None]


def cells(bug: Bug, killer: Killer | None) -> list[str]:
    """Return the row of *bug* in the table."""
    row = [bug["part"], bug["wrong"], bug["breaks"]]
    if killer is None:
        return [*row, SURVIVED, "-", "-"]
    steps = cast("list[object] | None", killer.get("steps"))
    by = f"`{killer['check']}`: {killer['why']}"
    return [*row, by, str(killer["after"] or "-"), "-" if steps is None else str(len(steps))]


HEADS: Final = ("part", "what goes wrong", "against", "killed by", "histories", "steps")


def _show(found: Iterator[tuple[Bug, Killer | None]]) -> dict[str, Killer | None]:
    print(f"| {' | '.join(HEADS)} |\n|{' --- |' * len(HEADS)}")
    results: dict[str, Killer | None] = {}
    for bug, killer in found:
        results[bug["name"]] = killer
        print(f"| {' | '.join(cells(bug, killer))} |", flush=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 if a bug survives, or if the engine without one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="the bugs, by name or part (default: all)")
    parser.add_argument("--search", action="store_true", help="look for killers, and keep them")
    parser.add_argument("--missing", action="store_true", help="only bugs without a killer")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--histories", type=int, default=60, help="at most, of either sort")
    given = parser.parse_args(arguments)
    names = cast("list[str]", given.names)
    chosen = [b for b in bugs() if not names or b["name"] in names or b["part"] in names]
    if given.missing:
        chosen = [bug for bug in chosen if bug["name"] not in killers()]
    known, began, cores = killers(), time.monotonic(), cast("int", given.processes)
    if given.search:
        seed, histories = cast("int", given.seed), cast("int", given.histories)
        found = _on_all_cores(lambda e, b: _keep(b, _search(e, b, seed, histories)), chosen, cores)
        results = _show(found)
        failing: list[str] = []
    else:
        found = _on_all_cores(lambda e, b: _replay(e, b, known.get(b["name"])), chosen, cores)
        results = _show(found)
        failing = _clean([known[b["name"]] for b in chosen if b["name"] in known])
    survived = sum(one is None for one in results.values())
    seconds = time.monotonic() - began
    print(f"\n{len(chosen)} planted bugs, {survived} survived; {seconds:.0f} s")
    for why in failing:
        print(f"the engine as it is: {why}")
    return int(bool(survived or failing))


_KEEPING: Final = threading.Lock()


def _keep(bug: Bug, killer: Killer | None) -> Killer | None:
    """Write down what was found, as it comes: a search takes its time."""
    with _KEEPING:
        known = killers()
        known.pop(bug["name"], None)
        if killer is not None:
            known[bug["name"]] = killer
        kept = {b["name"]: known[b["name"]] for b in bugs() if b["name"] in known}
        KILLERS.write_text(_written(kept), "utf-8")
    return killer


def _written(kept: Mapping[str, Killer]) -> str:
    """Return *kept* as JSON with a line for each."""
    lines = (f"{json.dumps(n)}: {json.dumps(one, ensure_ascii=False)}" for n, one in kept.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
