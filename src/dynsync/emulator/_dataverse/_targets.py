"""What lookups point at: a row of a table, or one of a small set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import primary_name
from dynsync.emulator._dataverse._sets import SETS
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_tables import Row, Table

__all__ = ["Target", "target_of"]


@attrs.frozen
class Target:
    """The row *key* of *name*, with its *values*; *table* and *row* where it is of no small set."""

    name: str
    key: str
    values: Mapping[str, object]
    table: Table | None = None
    row: Row | None = None

    def called(self) -> object:
        """Return what people call the row, None where it has no name."""
        names = [primary_name(self.table)] if self.table is not None else ["fullname", "name"]
        return next((self.values[name] for name in names if name in self.values), None)


def target_of(asked: Asked, targets: Iterable[str], key: object) -> Target | None:
    """Return the row under *key* in the first of *targets* that has one."""
    if key is None:
        return None
    for name in targets:
        table = asked.named(name)
        row = None if table is None else asked.store.get(name, RecordId(str(key)))
        if row is not None:
            return Target(name, row.id, row.values, table, row)
        for each in SETS[set_name(name)](asked) if set_name(name) in SETS else ():
            if next(iter(each.values())) == key:
                return Target(name, str(key), each)
    return None
