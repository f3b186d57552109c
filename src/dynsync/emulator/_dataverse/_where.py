"""Which rows a filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._columns import Navigation, navigation
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._filters import Condition, columns_of, condition, keys_of, passes
from dynsync.emulator._dataverse._rows import column_named
from dynsync.emulator._dataverse._targets import target_of
from dynsync.emulator._dataverse._typed import typed
from dynsync.records import RecordId, Wire
from dynsync.sandbox._dynamics_tables import Row, Table
from dynsync.schemas import Column

__all__ = ["rows_of"]

_FEW: Final = frozenset({"Boolean", "Picklist", "State", "Status"})
"""Types of columns with so few values that an index is no help."""


@attrs.frozen
class _Named:
    """What a name in a filter means: *column*, of the row itself or of what *there* leads to."""

    asked: Asked
    name: str
    column: Column | None
    there: Navigation | None = None

    def of(self, row: Row) -> object:
        """Return what *row* has under the name."""
        if self.there is None:
            return row.values.get(self.name)
        key = row.values.get(self.there.column.name)
        found = target_of(self.asked, self.there.targets, key)
        return None if found is None else found.values.get(self.name)


def rows_of(asked: Asked, table: Table) -> Callable[[RecordId], Iterator[Row]]:
    """Return what yields the rows that pass the filter, by id, behind an id."""
    text = asked.option("$filter")
    if not text:
        return lambda after: _all(asked, table, after)
    read = condition(text)
    names = {name: _named(asked, table, name) for name in columns_of(read)}
    wanted = typed(read, lambda name: names[name].column)

    def passing(after: RecordId) -> Iterator[Row]:
        for row in _candidates(asked, table, wanted, names, after):
            if passes(wanted, _getter(row, names)):
                yield row

    return passing


def _named(asked: Asked, table: Table, name: str) -> _Named:
    head, _, rest = name.partition("/")
    if not rest:
        column = column_named(table, name)
        _check_open(asked, table, column)
        return _Named(asked, column.name, column)
    there = navigation(table, head)
    if there is None:
        column_named(table, head)
        raise bad(f"'{head}' leads to no other row.", "0x80060888")
    first, *others = there.targets
    if "/" in rest or others:
        # Of two kinds of owners, there is nothing that a filter could ask of both.
        raise Refusal(501, "0x80060888", f"A filter by '{name}' is not emulated.")
    target = asked.named(first)
    if target is None:
        return _Named(asked, rest, None, there)
    column = column_named(target, rest)
    _check_open(asked, target, column)
    _check_open(asked, table, there.column)
    return _Named(asked, column.name, column, there)


def _check_open(asked: Asked, table: Table, column: Column) -> None:
    if column.name in table.unreadable(asked.user):
        message = f"The query filters on the secured column '{column.name}'."
        raise Refusal(403, "0x8004f506", message)


def _getter(row: Row, names: Mapping[str, _Named]) -> Callable[[str], object]:
    return lambda name: names[name].of(row)


def _all(asked: Asked, table: Table, after: str) -> Iterator[Row]:
    while rows := asked.store.rows(table.name, after=after, limit=1_000):
        yield from rows
        after = rows[-1].id


def _candidates(
    asked: Asked, table: Table, wanted: Condition, names: Mapping[str, _Named], after: RecordId
) -> Iterable[Row]:
    keys = keys_of(wanted)
    if keys is None:
        return _all(asked, table, after)
    key, values = names[keys[0]], keys[1]
    if key.there is not None or key.column is None or key.column.type in _FEW:
        return _all(asked, table, after)
    column = key.name
    if column == table.primary:
        ids = {RecordId(str(value).lower()) for value in values}
    else:
        ids = set(_find(asked, table, column, values))
    found = (asked.store.get(table.name, id_) for id_ in sorted(ids) if id_ > after)
    return (row for row in found if row is not None)


def _find(asked: Asked, table: Table, column: str, values: Iterable[Wire]) -> Iterator[RecordId]:
    asked.store.search(table, column)
    for value in values:
        yield from asked.store.find(table.name, column, value)
