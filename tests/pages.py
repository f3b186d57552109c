"""
The parts of the pages that are made from the code.

``python tests/pages.py`` writes them anew; `test_pages.py` fails while they differ. A made
part stands between ``<!-- made: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from cases.merge import CASES, POLICIES, Case, Expected, Maybe
from dynsync.cli._app import app
from dynsync.dynamics import failures as dynamics
from dynsync.fields import EntityMap, Field, Flow
from dynsync.maps import CONTACT, LEAD
from dynsync.marketo import failures as marketo
from dynsync.merge import Verdict
from dynsync.records import Choice, Missing
from dynsync.testing._histories._actions import ACTIONS, SANDBOX_ACTIONS
from dynsync.testing._histories._paths import PATHS
from dynsync.testing._histories._way import DEATHS, TROUBLES
from invariants import INVARIANTS, guards
from planted.run import HEADS, bugs, cells, killers

__all__ = ["MADE", "PAGES", "remade"]

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    "docs/reference/cli.md",
    "docs/reference/default-maps.md",
    "docs/reference/marketo-failures.md",
    "docs/reference/dynamics-failures.md",
    "docs/reference/invariants.md",
    "docs/reference/merge-table.md",
    "docs/reference/planted-bugs.md",
    "docs/reference/simulator.md",
)

_PART: Final = re.compile(r"(<!-- made: (?P<name>[\w-]+) -->\n\n).*?\n\n<!-- end -->", re.DOTALL)

_FLOWS: Final[Mapping[Flow, str]] = {
    Flow.BOTH: "both ways",
    Flow.TO_MARKETO: "to Marketo",
    Flow.TO_DYNAMICS: "to Dynamics",
}


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


# -- the default maps


def _field_row(field: Field) -> list[str]:
    marketo, dynamics = field.names
    return [
        f"`{field.name}`",
        f"`{marketo}` ({field.labels.marketo})",
        f"`{dynamics}` ({field.labels.dynamics})",
        field.kind.name,
        _FLOWS[field.flow],
    ]


def _fields(fields: Iterable[Field]) -> str:
    heads = ("field", "Marketo", "Dynamics", "kind", "flow")
    return _table(heads, map(_field_row, fields))


def _entity(entity_map: EntityMap) -> list[str]:
    marketo, dynamics = entity_map.tables
    return [
        f"`{entity_map.entity}`",
        f"`{marketo}`",
        f"`{dynamics}`",
        f"`{entity_map.link_field}`",
        f"`{entity_map.type_field}`: {entity_map.type_label}",
        f"`{entity_map.deleted_field}`",
        f"`{entity_map.owner_column}`",
    ]


def _entities() -> str:
    heads = (
        *("entity", "Marketo's table", "Dynamics' table", "id of the Dynamics record"),
        *("Microsoft Type", "Microsoft is Deleted", "owner"),
    )
    return _table(heads, map(_entity, (LEAD, CONTACT)))


def _both() -> str:
    return _fields(field for field in LEAD.fields if field in CONTACT.fields)


def _only(one: EntityMap, other: EntityMap) -> str:
    return _fields(field for field in one.fields if field not in other.fields)


# -- the decision table


def _said(value: Maybe) -> str:
    match value:
        case Missing():
            return "-"
        case None:
            return "null"
        case Choice(code, label):
            return f"{code} {label}".strip()
        case frozenset():
            return "{" + ", ".join(sorted(map(_said, value))) + "}"
        case dt.datetime() | dt.date():
            return f"`{value.isoformat()}`"
        case str():
            plain = value and value == value.strip() and value.isprintable()
            return f"`{value}`" if plain else f"`{value!r}`"
        case _:
            return f"`{value}`"


def _told(expected: Expected) -> str:
    sides = (("Marketo", expected.marketo), ("Dynamics", expected.dynamics))
    told = [f"{_said(value)} to {side}" for side, value in sides if not isinstance(value, Missing)]
    return " and ".join(told) or "nothing to write"


def _result(case: Case) -> str:
    results: dict[Expected, list[str]] = {}
    for name in POLICIES:
        results.setdefault(case.expected[name], []).append(name)
    if len(results) == 1:
        (expected,) = results
        match expected.verdict:
            case None:
                return "nothing"
            case Verdict.AGREED:
                return "nothing to write, the base advances"
            case _:
                return _told(expected)
    parts = []
    for expected, names in results.items():
        left = expected.verdict is Verdict.UNRESOLVED
        who = ", ".join(name.replace(", ", " for a ") for name in names)
        parts.append(f"{'left' if left else _told(expected)}: {who}")
    verdict = next(e.verdict for e in results if e.verdict is not Verdict.UNRESOLVED)
    return f"**{verdict.value if verdict else ''}**; " + "; ".join(parts)


def _case_row(case: Case) -> list[str]:
    values = (*case.base, *case.now)
    return [case.description, *(_said(value) for value in values), _result(case)]


def _decisions() -> str:
    heads = (
        *("situation", "base, Marketo", "base, Dynamics", "Marketo", "Dynamics"),
        "what happens",
    )
    return _table(heads, map(_case_row, CASES))


# -- the command line

_WIDTH: Final = 90


def _help(context: click.Context) -> str:
    return f"```text\n{context.get_help()}\n```"


def _context(command: click.Command, parent: click.Context | None = None) -> click.Context:
    return click.Context(
        command,
        parent,
        info_name="dynsync" if parent is None else command.name,
        terminal_width=_WIDTH,
        max_content_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )


def _commands() -> str:
    whole = _context(app)
    parts = [_help(whole)]
    for name in app.list_commands(whole):
        command = app.get_command(whole, name)
        if command is not None:
            parts += [f"### `dynsync {name}`", _help(_context(command, whole))]
    return "\n\n".join(parts)


# -- the simulator


def _actions() -> str:
    whole = {one.name for one in ACTIONS}
    rows = (
        [
            f"`{one.name}`",
            one.says,
            ", ".join(one.modes),
            "any two" if one.name in whole else "the sandboxes",
        ]
        for one in SANDBOX_ACTIONS
    )
    return _table(("action", "what happens", "modes", "systems"), rows)


def _paths() -> str:
    every = sorted({path for paths in PATHS.values() for path in paths})
    rows = ([f"`{path}`", *("yes" if path in PATHS[m] else "" for m in PATHS)] for path in every)
    return _table(("path", *PATHS), rows)


def _ways() -> str:
    rows = [[f"`{kind}`", ", ".join(f"`{one}`" for one in ones)] for kind, ones in TROUBLES.items()]
    rows += [[f"`{kind}`", f"the process {death} a request"] for kind, death in DEATHS.items()]
    rows.append(
        ["`partial`", "the first half of the rows is applied, and Marketo breaks the connection"]
    )
    return _table(("fault", "on the way"), sorted(rows))


# -- the failures of Marketo


def _marketo_codes() -> str:
    rows = (
        [f"`{one.code}`", one.means, *(each.value if each else "" for each in (one.call, one.row))]
        for one in marketo.FAILURES.values()
    )
    return _table(("code", "means", "a whole call", "one row"), rows)


def _marketo_statuses() -> str:
    rows = (
        [one.code, one.means, one.call.value if one.call else ""]
        for one in marketo.HTTP_FAILURES.values()
    )
    return _table(("status", "means", "becomes"), rows)


# -- the failures of Dynamics


def _dynamics(failures: Iterable[dynamics.Failure]) -> str:
    rows = (
        [
            f"`{one.code}`",
            one.name,
            one.says,
            dynamics.WHOLE[one.becomes] + (f", scope `{one.scope}`" if one.scope else ""),
            dynamics.ONE[one.becomes],
        ]
        for one in failures
    )
    return _table(("code", "at Microsoft", "means", "a whole request", "one write"), rows)


# -- the invariants


def _names(found: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(set(found)))


def _invariants() -> str:
    rows = (
        [f"invariant {number}", *INVARIANTS[number], _names(by_test), _names(by_simulator)]
        for number, by_test, by_simulator in guards()
    )
    heads = ("number", "name", "promise", "tests", "checks of the simulator and the kit")
    return _table(heads, rows)


# -- the planted bugs


def _planted() -> str:
    known = killers()
    return _table(HEADS, (cells(bug, known.get(bug["name"])) for bug in bugs()))


MADE: Final[Mapping[str, Callable[[], str]]] = {
    "commands": _commands,
    "entities": _entities,
    "both": _both,
    "lead": lambda: _only(LEAD, CONTACT),
    "contact": lambda: _only(CONTACT, LEAD),
    "decisions": _decisions,
    "marketo-codes": _marketo_codes,
    "marketo-statuses": _marketo_statuses,
    "dynamics-codes": lambda: _dynamics(dynamics.FAILURES),
    "dynamics-statuses": lambda: _dynamics(dynamics.BY_STATUS),
    "actions": _actions,
    "paths": _paths,
    "ways": _ways,
    "invariants": _invariants,
    "planted": _planted,
}
"""The made parts by name."""


def remade(text: str) -> str:
    """Return *text* with its made parts made anew."""

    def make(part: re.Match[str]) -> str:
        return f"{part[1]}{MADE[part['name']]()}\n\n<!-- end -->"

    return _PART.sub(make, text)


def names(text: str) -> Iterator[str]:
    """Yield the names of the made parts of *text*."""
    return (part["name"] for part in _PART.finditer(text))


if __name__ == "__main__":
    for page in PAGES:
        path = ROOT / page
        path.write_text(remade(path.read_text("utf-8")), "utf-8")
