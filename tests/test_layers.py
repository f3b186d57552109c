"""
Who may import whom: the table of the architecture, compared with the imports there are.

A module stands here by its top-level name: ``dynsync.sandbox._faults`` is ``sandbox``.
Imports inside functions and under ``TYPE_CHECKING`` count like any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = Path(__file__).parents[1] / "src" / "dynsync"

LAYER_0: Final = frozenset(
    {"records", "errors", "schemas", "kinds", "writes", "backlog", "calling", "arguments"}
)
LAYER_1: Final = frozenset({"fields", "permissions", "policies", "validation", "matching"})
LAYER_2: Final = frozenset(
    {"merge", "maps", "terms", "outcomes", "observing", "ways", "making"}
    | {"decisions", "deciding", "comparing", "carrying", "planning"}
    | {"advancing", "agreeing", "holding", "settling"}
    | {"guards", "reports"}
)
LAYER_3: Final = frozenset({"connectors", "state", "recorder", "memory"})
LAYER_4: Final = frozenset({"sync", "schedule", "checking"})
LAYER_5: Final = frozenset(
    {"sqlite", "marketo", "dynamics", "sandbox", "testing", "report", "cli", "preview"}
    | {"transport", "limiting", "http"}
    | {"emulator"}
)

PURE: Final = LAYER_0 | LAYER_1 | LAYER_2
ROOT: Final = "__init__"
"""The package itself: what ``from dynsync import Side`` imports."""

ENGINE: Final = "_*"
"""Any private top-level module: a part that the engine, layer 4, is split into."""

BELOW_2: Final = LAYER_0 | LAYER_1
BELOW_4: Final = PURE | LAYER_3
BELOW_5: Final = BELOW_4 | LAYER_4 | {ENGINE, ROOT}

MAY_IMPORT: Final[Mapping[str, frozenset[str]]] = {
    # 0: the nouns
    "records": frozenset(),
    "errors": frozenset({"records"}),
    "calling": frozenset({"errors"}),
    "arguments": frozenset({"errors"}),
    "schemas": frozenset({"arguments", "errors", "records"}),
    "kinds": frozenset({"records", "schemas"}),
    "writes": frozenset({"records"}),
    "backlog": frozenset({"records"}),
    # 1: each one decision, none knows another
    "fields": LAYER_0,
    "permissions": LAYER_0,
    "policies": LAYER_0,
    "validation": LAYER_0,
    "matching": LAYER_0,
    # 2: the decisions put together
    "merge": LAYER_0 | {"policies"},
    "maps": LAYER_0 | {"fields", "policies"},
    "terms": LAYER_0 | {"fields", "permissions", "policies"},
    "outcomes": LAYER_0 | {"validation"},
    "observing": LAYER_0 | {"fields", "terms"},
    "decisions": BELOW_2 | {"merge", "outcomes"},
    "deciding": BELOW_2 | {"decisions", "merge", "outcomes", "terms"},
    "ways": BELOW_2 | {"terms"},
    "making": BELOW_2 | {"terms", "ways"},
    "comparing": BELOW_2 | {"deciding", "terms"},
    "carrying": BELOW_2 | {"comparing", "decisions", "merge", "terms", "ways"},
    "planning": BELOW_2
    | {"carrying", "comparing", "decisions", "deciding", "making", "merge", "outcomes", "terms"},
    "advancing": BELOW_2 | {"decisions", "planning", "terms"},
    "holding": BELOW_2 | {"deciding", "planning", "terms"},
    "agreeing": BELOW_2 | {"advancing", "decisions", "planning", "outcomes", "terms"},
    "settling": BELOW_2
    | {"advancing", "agreeing", "holding", "decisions", "planning", "outcomes", "terms"},
    "guards": LAYER_0,
    "reports": LAYER_0 | {"outcomes", "validation"},
    # 3: the edges, as protocols, and what stands in for them in memory
    "connectors": PURE,
    "state": PURE,
    "recorder": PURE | {"connectors", "state"},
    "memory": PURE | {"state"},
    # 4: the only I/O
    "schedule": BELOW_4,
    ENGINE: BELOW_4 | {ENGINE},
    "sync": BELOW_4 | LAYER_4 | {ENGINE},
    "checking": BELOW_4 | LAYER_4 | {ENGINE},
    # 5: optional, one package each
    "sqlite": BELOW_5,
    "transport": frozenset(),
    "limiting": BELOW_5,
    "http": frozenset({"transport"}),
    "marketo": BELOW_5 | {"transport", "limiting"},
    "dynamics": BELOW_5 | {"transport", "limiting"},
    "sandbox": BELOW_5,
    "testing": BELOW_5
    | {"sandbox", "emulator", "marketo", "dynamics", "transport", "limiting", "http"},
    "emulator": BELOW_5 | {"sandbox", "transport"},
    "report": BELOW_5,
    "preview": BELOW_5 | {"sqlite", "sandbox"},
    "cli": BELOW_5 | LAYER_5,
    # The front doors
    ROOT: BELOW_4 | LAYER_4 | {ENGINE},
    "__main__": frozenset({"cli"}),
}

RUNTIME: Final = frozenset({"attr", "attrs", "dateutil", "typing_extensions"})
EXTRAS: Final[Mapping[str, frozenset[str]]] = {
    "cli": frozenset({"click", "rich"}),
    "http": frozenset({"httpx"}),
    "preview": frozenset({"click", "rich"}),
    "emulator": frozenset({"trustme"}),
    "testing": frozenset({"hypothesis"}),
}

IMPURE_MODULES: Final = frozenset(
    {"asyncio", "io", "logging", "os", "pathlib", "random", "secrets", "socket", "sqlite3"}
    | {"subprocess", "sys", "threading", "time"}
)
IMPURE_CALLS: Final = frozenset(
    {"input", "now", "open", "print", "today", "utcnow", "uuid1", "uuid4"}
)


def sources() -> list[Path]:
    """Return every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def node_of(name: str) -> str:
    """Return the name under which the top-level module *name* stands in the table."""
    private = name.startswith("_") and not name.startswith("__")
    return ENGINE if private else name


def imported(tree: ast.Module, module: tuple[str, ...]) -> Iterator[str]:
    """
    Yield the absolute dotted name of everything that *tree*, the module *module*, imports.

    *module* is given as the package sees it: ``("dynsync", "sandbox", "__init__")``.
    """
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            anchor = module[: -statement.level] if statement.level else ()
            origin = ".".join((*anchor, *filter(None, [statement.module])))
            yield from (f"{origin}.{alias.name}" for alias in statement.names)


def own_imports(tree: ast.Module, module: tuple[str, ...]) -> set[str]:
    """Return the nodes of the table that the module *module* imports, itself left out."""
    nodes: set[str] = set()
    for name in imported(tree, module):
        package, *rest = name.split(".")
        if package == "dynsync":
            node = node_of(rest[0]) if rest else ROOT
            nodes.add(node if node in MAY_IMPORT or is_module(node) else ROOT)
    own = node_of(module[1])
    # A package may import itself; so may the engine, part by part.
    return nodes if own == ENGINE else nodes - {own}


def is_module(name: str) -> bool:
    """Return whether the package has a top-level module *name*, in the table or not."""
    return (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name).is_dir()


def complaints(source: str, path: str) -> list[str]:
    """Return what is wrong with the imports and calls of a module of the package at *path*."""
    module = ("dynsync", *Path(path).with_suffix("").parts)
    tree = ast.parse(source)
    node = node_of(module[1])
    if node not in MAY_IMPORT:
        return [f"{path}: {node} has no layer; give it a row in MAY_IMPORT"]
    found = [
        f"{path}: {node} may not import {name}"
        for name in sorted(own_imports(tree, module) - MAY_IMPORT[node])
    ]
    outside = {name.split(".")[0] for name in imported(tree, module)} - {"dynsync"}
    found += [
        f"{path}: {name} is neither the standard library nor a dependency of {node}"
        for name in sorted(
            outside - sys.stdlib_module_names - RUNTIME - EXTRAS.get(node, frozenset())
        )
    ]
    if node in PURE:
        found += [f"{path}: pure, yet imports {name}" for name in sorted(outside & IMPURE_MODULES)]
        found += [f"{path}: pure, yet calls {name}()" for name in impure_calls(tree)]
    return found


def impure_calls(tree: ast.Module) -> list[str]:
    """Return the names of the calls in *tree* that ask a clock, chance or a file."""
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    names |= {call.id for call in calls if isinstance(call, ast.Name)}
    return sorted(names & IMPURE_CALLS)


def test_package_is_found() -> None:
    """The checks below look at the package, not at an empty folder."""
    assert (PACKAGE / "__init__.py") in sources()


@pytest.mark.parametrize("path", [path.relative_to(PACKAGE).as_posix() for path in sources()])
def test_module_keeps_its_layer(path: str) -> None:
    """A module imports only what its row of the table allows, and the core stays pure."""
    source = (PACKAGE / path).read_text("utf-8")

    assert [] == complaints(source, path)


GENERATES: Final = frozenset(
    {"testing/_histories/_machine.py", "testing/_meanings.py", "testing/strategies.py"}
)
"""The modules of `dynsync.testing` that draw with Hypothesis; all else goes without it."""


def test_hypothesis_is_asked_for_only_where_something_is_drawn() -> None:
    """What is usable without the extra ``testing`` does not import it, not even by the way."""
    importing = {
        path.relative_to(PACKAGE).as_posix()
        for path in sources()
        for name in imported(ast.parse(path.read_text("utf-8")), ("dynsync", "testing", "x"))
        if name.split(".")[0] == "hypothesis"
    }

    assert importing == GENERATES


def test_imports_have_no_cycle() -> None:
    """No two modules import each other, however many stand between them."""
    graph: dict[str, set[str]] = {}
    for path in sources():
        module = ("dynsync", *path.relative_to(PACKAGE).with_suffix("").parts)
        names = (name.split(".") for name in imported(ast.parse(path.read_text("utf-8")), module))
        own = {name[1] for name in names if name[0] == "dynsync" and is_module(name[1])}
        graph.setdefault(module[1], set()).update(own - {module[1]})

    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("path", "source", "complaint"),
    [
        ("fields.py", "from dynsync.policies import newest", "fields may not import policies"),
        ("fields.py", "import dynsync.sync", "fields may not import sync"),
        ("merge.py", "from dynsync import planning", "merge may not import planning"),
        ("merge.py", "from . import guards", "merge may not import guards"),
        ("merge.py", "from dynsync import Side", f"merge may not import {ROOT}"),
        ("state.py", "from dynsync._settle import settle", f"state may not import {ENGINE}"),
        ("_settle.py", "from dynsync.sqlite import Store", f"{ENGINE} may not import sqlite"),
        ("sandbox/_faults.py", "from ..testing import check", "sandbox may not import testing"),
        ("report/__init__.py", "def f():\n    import dynsync.cli", "report may not import cli"),
        ("sync.py", "import httpx", "httpx is neither the standard library nor a dependency"),
        ("report/_html.py", "from rich import text", "rich is neither the standard library"),
        ("planning.py", "import os.path", "pure, yet imports os"),
        ("fields.py", "import datetime as dt\ndt.datetime.now(dt.UTC)", "pure, yet calls now()"),
        ("records.py", "from uuid import uuid4\nuuid4()", "pure, yet calls uuid4()"),
        ("helpers.py", "", "helpers has no layer"),
    ],
)
def test_wrong_import_is_caught(path: str, source: str, complaint: str) -> None:
    """An import or call that the table does not allow is named, with its module."""
    [found] = complaints(source, path)

    assert complaint in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("merge.py", "from dynsync.policies import newest"),
        ("sandbox/_faults.py", "from . import _system\nfrom ._system import System"),
        ("sandbox/__init__.py", "from ..connectors import Connector"),
        ("_settle.py", "from dynsync._observe import observe"),
        ("cli/__init__.py", "import click\nfrom dynsync.sqlite import Store"),
        ("records.py", "import datetime as dt\ndef f(now: dt.datetime) -> None: now.date()"),
    ],
)
def test_allowed_import_passes(path: str, source: str) -> None:
    """An import that the table allows, relative or not, raises no complaint."""
    assert [] == complaints(source, path)
