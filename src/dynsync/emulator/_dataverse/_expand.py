"""``$expand``: the row that a lookup points at, inside the row that points."""

from __future__ import annotations

from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import targets_of
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._metadata import expansions
from dynsync.emulator._dataverse._rows import LOOKUPS, shape_of
from dynsync.emulator._dataverse._sets import SETS
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_tables import Row, Table
from dynsync.schemas import Column

__all__ = ["Expansions", "expansions_of"]

_TAKEN: Final = frozenset({"$select"})


@attrs.frozen
class _Expansion:
    """The lookup *column* under the property *name*, with what is wanted of its target."""

    name: str
    column: Column
    targets: tuple[str, ...]
    asked: Asked

    def of(self, row: Row) -> object:
        """Return the row that *row* points at, None where there is none."""
        key = row.values.get(self.column.name)
        if key is None:
            return None
        for name in self.targets:
            found = self._in_table(name, RecordId(str(key))) or self._in_set(name, str(key))
            if found is not None:
                return found
        return None

    def _in_table(self, name: str, key: RecordId) -> dict[str, object] | None:
        table = self.asked.named(name)
        row = None if table is None else self.asked.store.get(name, key)
        if table is None or row is None:
            return None
        return shape_of(self.asked, table).row(row)

    def _in_set(self, name: str, key: str) -> dict[str, object] | None:
        rows = SETS[set_name(name)](self.asked) if set_name(name) in SETS else []
        names = [each.strip() for each in self.asked.options.get("$select", "").split(",")]
        for row in rows:
            if next(iter(row.values())) == key:
                first = next(iter(row))
                return {k: v for k, v in row.items() if names == [""] or k in {first, *names}}
        return None


@attrs.frozen
class Expansions:
    """What a request wants of the rows that lookups of *hidden* or readable columns point at."""

    expansions: tuple[_Expansion, ...]
    hidden: frozenset[str]

    def of(self, row: Row) -> dict[str, object]:
        """Return what is added to *row*."""
        return {
            each.name: None if each.column.name in self.hidden else each.of(row)
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
    inside = attrs.evolve(asked, options=inner, prefer={})
    for column in table.columns.values():
        targets = targets_of(table, column)
        if column.type in LOOKUPS and name == column.name:
            return _Expansion(name, column, tuple(targets), inside)
        for target in targets:
            if name == f"{column.name}_{target}":
                return _Expansion(name, column, (target,), inside)
    message = f"Could not find a property named '{name}' on type"
    raise bad(f"{message} 'Microsoft.Dynamics.CRM.{table.name}'.", "0x80060888")
