"""
Which small changes to the engine no test notices, module by module.

``python tests/mutation.py merge policies`` has mutmut (the extra ``mutation``) change these
modules, one place at a time, in a copy of the project, and run the tests that call what was changed
until one fails. It prints a table and every change that all of them let pass, and ends with 1
if there is one.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, cast

import attrs

from test_layers import BELOW_4, ENGINE, LAYER_4, PACKAGE

__all__ = ["Survivor", "below_5", "place_of", "settled", "sources", "table"]

ROOT: Final = PACKAGE.parents[1]

COST: Final = """\
Two rounds: all mutants against the quick tests, then what survived against the others. In the
first a mutant takes one to two seconds, and some 20 if it survives; in the second a minute or two.
Before either its tests run twice. One core is used, and nothing in the checkout is touched: all
happens in a copy. A module takes some minutes, all of layers 0 to 4 take 10 to 20 hours. With
--tests that ask one module by itself a mutant takes an eighth of a second, and some seconds more
if it survives: then it is asked once more, in a process of its own.
"""

QUICK: Final = (
    *("advancing", "agreed", "agreeing", "arguments", "backlog", "calling", "careful", "carrying"),
    *("comparing", "deciding", "decisions", "domain", "errors", "fields", "guards", "holding"),
    "kinds",
    *("making", "maps", "matching", "merge", "observing", "outcomes", "permissions"),
    *("permissions_engine", "plan", "planning", "policies", "recorder", "records", "reports"),
    *("schedule", "schemas", "settling", "state", "state_links", "terms", "unanswered"),
    *("validation", "ways", "writes"),
)
"""The tests of the first round: of parts by themselves, and of the engine in a few seconds."""

TESTS: Final = (
    *(*QUICK, "found", "life", "machine", "merge_exhaustive", "push", "recovery"),
    *("state_backlog", "validation_engine", "windows"),
)
"""
The tests of layers 0 to 4 that run in this process, over the sandbox systems.

Left out is what looks at source text, pages or exports, where a changed copy is another text,
and what starts processes, which would not know of the change.
"""

VERDICTS: Final[Mapping[int | None, str]] = {None: "not run", 0: "survived", 1: "killed"} | {
    3: "killed",
    33: "survived",
    24: "timed out",
    -24: "timed out",
    36: "timed out",
    152: "timed out",
}
"""What mutmut's exit codes mean. 33 is a function that no test calls; else the tests crashed."""

HEADS: Final = ("killed", "survived", "timed out", "crashed", "not run")

_ENVIRONMENT: Final = {**os.environ, "HYPOTHESIS_PROFILE": "dev", "PYTHONDONTWRITEBYTECODE": "1"}

Results: TypeAlias = Mapping[str, Mapping[str, int | None]]
"""The exit code of each mutant, by the path of its module."""


@attrs.frozen
class Survivor:
    """A change that all tests let pass: where it is, and *before* and *after* it."""

    path: str
    function: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}\n  - {self.before}\n  + {self.after}"


def below_5() -> list[str]:
    """Return the names of all modules of layers 0 to 4, the parts of the engine among them."""
    parts = [path.stem for path in PACKAGE.glob("_*.py") if not path.stem.startswith("__")]
    return sorted((BELOW_4 | LAYER_4) - {ENGINE}) + sorted(parts)


def sources(module: str) -> list[str]:
    """Return the files of *module*, relative to the project."""
    single = PACKAGE / f"{module}.py"
    found = [single] if single.is_file() else sorted((PACKAGE / module).rglob("*.py"))
    if not found:
        raise SystemExit(f"dynsync has no module {module}")
    return [path.relative_to(ROOT).as_posix() for path in found]


def place_of(source: str, function: str, diff: str) -> tuple[int, str, str]:
    """
    Return the line of *source* that *diff*, of *function* alone, changes, before and after.

    *function* may be a method, named with its class: ``Pair.swap``.
    """
    hunk = [line for line in diff.splitlines() if line[:1] in {" ", "-", "+"}]
    hunk = [line for line in hunk if not line.startswith(("---", "+++"))]
    old = [line[1:].strip() for line in hunk if not line.startswith("+")]
    first = next(at for at, line in enumerate(hunk) if not line.startswith(" "))
    lines = [line.strip() for line in source.splitlines()]
    start = _line_of(ast.parse(source), function)
    # The function comes with the blank lines before it.
    for at in range(max(0, start - 4), len(lines)):
        if lines[at : at + len(old)] == old:
            break
    else:
        raise ValueError(f"{function} has no lines like those that were changed")
    before = " ".join(line[1:].strip() for line in hunk if line.startswith("-"))
    after = " ".join(line[1:].strip() for line in hunk if line.startswith("+"))
    return at + first + 1, before, after


def _line_of(tree: ast.Module, function: str) -> int:
    *owner, name = function.split(".")
    inside: Sequence[ast.stmt] = tree.body
    for one in owner:
        inside = next(
            node.body for node in inside if isinstance(node, ast.ClassDef) and node.name == one
        )
    return next(
        node.lineno for node in inside if isinstance(node, ast.FunctionDef) and node.name == name
    )


def table(results: Results) -> str:
    """Return a row for each module with its mutants, and what became of them."""
    heads = ["module", "mutants", *HEADS]
    rows = [heads, ["---"] * len(heads)]
    for path, codes in results.items():
        counts = Counter(VERDICTS.get(code, "crashed") for code in codes.values())
        name = path.removeprefix("src/dynsync/").removesuffix(".py")
        rows.append([f"`{name}`", str(len(codes)), *(str(counts[head]) for head in HEADS)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _copy(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)


def _configure(folder: Path, modules: Sequence[str], tests: Sequence[str]) -> None:
    settings = {
        "source_paths": ["src"],
        "also_copy": ["docs"],
        "only_mutate": [path for module in modules for path in sources(module)],
        "pytest_add_cli_args_test_selection": [f"tests/test_{name}.py" for name in tests],
        "pytest_add_cli_args": ["-p", "no:cacheprovider"],
        # How often the time that the tests should take, and these seconds: 15 times, as mutmut
        # has it, would be a long wait for an endless loop.
        "timeout_multiplier": 3.0,
        "timeout_constant": 10.0,
    }
    # Lists of plain texts, and numbers, are the same in JSON and in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    text = "\n".join([project, "[tool.mutmut]", *lines, ""])
    (folder / "pyproject.toml").write_text(text, "utf-8")


def _run(folder: Path, mutants: Sequence[str], ends: float) -> None:
    """Try *mutants*, all if none are named, until the clock says *ends*."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *mutants]
    log = folder / "mutmut.log"
    with log.open("w", encoding="utf-8") as out:
        run = subprocess.Popen(  # noqa: S603 - the tool, and the names it gave
            command, cwd=folder, env=_ENVIRONMENT, stdout=out, stderr=out, start_new_session=True
        )
        try:
            status = run.wait(max(ends - time.monotonic(), 0.0))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return
    if status:
        raise SystemExit(log.read_text("utf-8")[-4000:])


def _try_all(
    folder: Path,
    modules: Sequence[str],
    rounds: Sequence[Sequence[str]],
    ends: float,
    only: Sequence[str],
) -> Results:
    """
    Return what became of the mutants of *modules* in *rounds* of tests, as far as known.

    *only* are patterns of the names of those to try, none for all.
    """
    _copy(folder)
    found: Results = {}
    left = list(only)
    for tests in rounds:
        _configure(folder, modules, tests)
        _run(folder, left, ends)
        latest = dict(_results(folder, modules))
        found = {path: settled(found.get(path, codes), codes) for path, codes in latest.items()}
        left = [name for codes in found.values() for name in codes if _survived(codes[name])]
        if not left or time.monotonic() > ends:
            break
    return found


def _alone(
    folder: Path, mutants: Sequence[str], tests: Sequence[str], ends: float
) -> dict[str, int]:
    """
    Return what becomes of *mutants* each in a process of its own, in which it is imported.

    mutmut imports modules and tests once, and what they make then is made without the change.
    """
    inside = folder / "mutants"
    paths = [f"tests/test_{name}.py" for name in tests]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *paths]
    found: dict[str, int] = {}
    for mutant in mutants:
        if time.monotonic() > ends:
            break
        env = {**_ENVIRONMENT, "PYTHONPATH": str(inside / "src"), "MUTANT_UNDER_TEST": mutant}
        try:
            run = subprocess.run(  # noqa: S603 - the tests, and the name that the tool gave
                command, cwd=inside, env=env, capture_output=True, check=False, timeout=_LONG
            )
        except subprocess.TimeoutExpired:
            found[mutant] = _TIMED_OUT
            continue
        found[mutant] = _KILLED if run.returncode == _NO_IMPORT else run.returncode
    return found


_LONG: Final = 300.0
"""Seconds that no tests of parts by themselves take."""

_KILLED: Final = 1
_NO_IMPORT: Final = 2
"""What pytest says where a module or its tests cannot even be imported."""
_TIMED_OUT: Final = 36


def _survived(code: int | None) -> bool:
    return VERDICTS.get(code) == "survived"


def settled(
    first: Mapping[str, int | None], second: Mapping[str, int | None]
) -> dict[str, int | None]:
    """Return what became of mutants: those that survived the *first* round in the *second*."""

    def last(name: str) -> int | None:
        again = second.get(name) if _survived(first[name]) else None
        return first[name] if again is None else again

    return {name: last(name) for name in first}


def _results(folder: Path, modules: Sequence[str]) -> Iterator[tuple[str, dict[str, int | None]]]:
    for path in (path for module in modules for path in sources(module)):
        meta = folder / "mutants" / f"{path}.meta"
        if meta.exists():
            told = cast("dict[str, object]", json.loads(meta.read_text("utf-8")))
            yield path, cast("dict[str, int | None]", told["exit_code_by_key"])


def _survivors(folder: Path, results: Results) -> Iterator[Survivor]:
    for path, codes in results.items():
        source = (ROOT / path).read_text("utf-8")
        for mutant in (name for name, code in codes.items() if _survived(code)):
            shown = subprocess.run(  # noqa: S603 - the tool, and the name it gave
                [sys.executable, "-m", "mutmut", "show", mutant],
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
            function = _function(mutant)
            yield Survivor(path, function, *place_of(source, function, shown.stdout))


def _function(mutant: str) -> str:
    """Return the function that *mutant* is one of: ``…x_merge__mutmut_3``, ``…xǁPairǁmap__…``."""
    name = re.sub(r"__mutmut_\d+$", "", mutant.rpartition(".")[2])
    return name.removeprefix("x_") if name.startswith("x_") else name[2:].replace("ǁ", ".")


def main() -> int:
    """Run the tester, print what it found, and return 1 if a change survived."""
    parser = argparse.ArgumentParser(description=__doc__, epilog=COST)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="else all of layers 0 to 4")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="stop then, and print what is known"
    )
    parser.add_argument(
        "--tests", metavar="NAME,NAME", help="ask these only: test_NAME.py, in one round"
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        action="append",
        default=[],
        help="try those whose names are like this: '*_[37]' is a fifth of them or so",
    )
    asked = parser.parse_args()
    modules = asked.modules or below_5()
    later = [name for name in TESTS if name not in QUICK]
    rounds = [asked.tests.split(",")] if asked.tests else [QUICK, later]
    ends = time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = _try_all(folder, modules, rounds, ends, asked.only)
        if asked.tests:
            left = [name for codes in results.values() for name in codes if _survived(codes[name])]
            alone = _alone(folder, left, rounds[0], ends)
            results = {path: settled(codes, alone) for path, codes in results.items()}
        print(table(results))
        survivors = list(_survivors(folder, results))
    for survivor in survivors:
        print(survivor)
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
