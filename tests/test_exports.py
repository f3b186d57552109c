"""
The public surface: what `dynsync` exports, what the reference page lists, what is explained.

A name counts as documented in ``docs/reference/api.md`` when it stands in backticks in a
heading, or in the first cell of a table whose first column is headed "Name". Call brackets
do not matter. Below a heading that names a module, names may also be that module's.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import dynsync

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "src" / "dynsync"
REFERENCE: Final = ROOT / "docs" / "reference" / "api.md"

NOT_OURS: Final = {"annotations"}
"""What ``from __future__`` leaves in a namespace."""

CODE: Final = re.compile(r"`([A-Za-z_][\w.]*)[^`]*`")
HEADING: Final = re.compile(r"#+ ")
NAME_COLUMN: Final = re.compile(r"\|\s*name\s*\|", re.IGNORECASE)


def documented(page: str) -> Iterator[tuple[str, str]]:
    """Yield the names that *page* documents, each with the module named last above it."""
    module = "dynsync"
    rows_count = False
    for line in without_fences(page):
        if HEADING.match(line):
            for name in CODE.findall(line):
                if is_module(name):
                    module = name
                else:
                    yield module, name.removeprefix("dynsync.")
        elif not line.startswith("|"):
            rows_count = False
        elif NAME_COLUMN.match(line):
            rows_count = True
        elif rows_count:
            first_cell = line.split("|")[1]
            yield from ((module, name) for name in CODE.findall(first_cell))


def without_fences(page: str) -> list[str]:
    """Return the lines of *page* that are not part of a fenced block."""
    return re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL).splitlines()


def is_module(name: str) -> bool:
    """Return whether *name* is the package, or a module or package in it."""
    package, *rest = name.split(".")
    path = PACKAGE.joinpath(*rest)
    return package == "dynsync" and (path.is_dir() or path.with_suffix(".py").is_file())


def exported(module: str) -> set[str]:
    """Return what ``from module import *`` would bring."""
    return set(importlib.import_module(module).__all__)


def public_modules() -> list[str]:
    """Return the path in the package of every module that a user may import."""
    paths = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))
    return [
        path.as_posix()
        for path in paths
        if not any(re.match(r"_[^_]", part) for part in path.parts)
    ]


def test_all_lists_the_public_names() -> None:
    """`dynsync.__all__` holds each public name of the package, and nothing else."""
    public = {
        name
        for name, value in vars(dynsync).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert public - NOT_OURS == set(dynsync.__all__) - {"__version__"}


def test_all_lists_a_name_once() -> None:
    """`dynsync.__all__` repeats no name."""
    assert len(set(dynsync.__all__)) == len(dynsync.__all__)


def test_every_export_is_documented() -> None:
    """Each exported name has a place in the reference page."""
    names = {name.split(".")[0] for _, name in documented(REFERENCE.read_text("utf-8"))}

    assert [] == sorted(set(dynsync.__all__) - names)


def test_every_documented_name_is_exported() -> None:
    """The reference page names nothing that a user cannot import."""
    unknown = [
        f"{module}: {name}"
        for module, name in documented(REFERENCE.read_text("utf-8"))
        if name.split(".")[0] not in exported("dynsync") | exported(module)
    ]

    assert [] == unknown


def test_what_a_store_takes_and_returns_is_documented() -> None:
    """Who writes a store of their own finds every type of its methods in the reference page."""
    names = {name for _, name in documented(REFERENCE.read_text("utf-8"))}

    assert [] == sorted(exported("dynsync.state") - names)


def test_names_are_read_from_headings_and_name_tables() -> None:
    """Headings and tables of names document; prose, other tables and code do not."""
    page = """
# Reference, for `dynsync` users
## `Sync(marketo, dynamics)` and `dynsync.Report`
Not `here`.
| Name | is |
| --- | --- |
| `prefer(side)` | a policy, see `Policy` |

| field | is |
| --- | --- |
| `side` | where |
```text
## `code`
```
"""
    assert ["Sync", "Report", "prefer"] == [name for _, name in documented(page)]


@pytest.mark.parametrize("path", public_modules())
def test_public_module_says_what_it_is_for(path: str) -> None:
    """A module that users may import has a docstring."""
    assert ast.get_docstring(ast.parse((PACKAGE / path).read_text("utf-8")))


@pytest.mark.parametrize("name", sorted(dynsync.__all__))
def test_export_has_a_docstring(name: str) -> None:
    """An exported class or function says what it promises."""
    value: object = getattr(dynsync, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert (value.__doc__ or "").strip()
