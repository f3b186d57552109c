"""``$expand``: the row that a lookup points at, inside the row that points."""

from __future__ import annotations

from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._columns import Navigation, navigation
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._metadata import expansions
from dynsync.emulator._dataverse._rows import shape_of
from dynsync.emulator._dataverse._sets import shown
from dynsync.emulator._dataverse._targets import Target, target_of
from dynsync.sandbox._dynamics_tables import Row, Table

__all__ = ["Expansions", "expansions_of", "told"]

_TAKEN: Final = frozenset({"$select"})


@attrs.frozen
class _Expansion:
    """What *there* leads to, with what is wanted of it."""

    there: Navigation
    asked: Asked

    def of(self, row: Row) -> object:
        """Return the row that *row* points at, None where there is none."""
        key = row.values.get(self.there.column.name)
        return told(self.asked, target_of(self.asked, self.there.targets, key))


def told(asked: Asked, found: Target | None) -> dict[str, object] | None:
    """Return the row that a lookup points at, with what *asked* wants of it."""
    if found is None:
        return None
    if found.table is None or found.row is None:
        return shown(found.values, asked.options)
    return shape_of(asked, found.table).row(found.row)


@attrs.frozen
class Expansions:
    """What a request wants of the rows that lookups of *hidden* or readable columns point at."""

    expansions: tuple[_Expansion, ...]
    hidden: frozenset[str]

    def of(self, row: Row) -> dict[str, object]:
        """Return what is added to *row*."""
        return {
            each.there.name: None if each.there.column.name in self.hidden else each.of(row)
            for each in self.expansions
        }


def expansions_of(asked: Asked, table: Table) -> Expansions:
    """Return what ``$expand`` asks for; raises `Refusal` where it is no lookup."""
    found = [
        _expansion(asked, table, name, inner)
        for name, inner in expansions(asked.options.get("$expand", "")).items()
    ]
    return Expansions(tuple(found), frozenset(table.unreadable(asked.user)))


def _expansion(asked: Asked, table: Table, name: str, inner: dict[str, str]) -> _Expansion:
    if not _TAKEN.issuperset(inner):
        raise Refusal(501, "0x80060888", "Only $select is supported inside of $expand.")
    there = navigation(table, name)
    if there is None:
        message = f"Could not find a property named '{name}' on type"
        raise bad(f"{message} 'Microsoft.Dynamics.CRM.{table.name}'.", "0x80060888")
    return _Expansion(there, attrs.evolve(asked, options=inner, prefer=_noted(asked)))


def _noted(asked: Asked) -> dict[str, str]:
    wanted = asked.prefer.get("odata.include-annotations", "")
    return {"odata.include-annotations": wanted} if wanted else {}
