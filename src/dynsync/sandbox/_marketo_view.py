"""What a reader sees of the people in a sandbox Marketo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dynsync.records import Edit, Record, RecordId, Wire
from dynsync.sandbox._marketo_columns import Held
from dynsync.sandbox._marketo_store import Row, Store
from dynsync.sandbox._marketo_values import moment, stamp

__all__ = ["View", "number"]


class View:
    """*fields* of people, in that order, with their values as the API says them."""

    def __init__(self, columns: Mapping[str, Held], fields: Iterable[str]) -> None:
        self._names = list(dict.fromkeys(fields))
        held = [columns[name] for name in self._names]
        self._slots = ", ".join(["id", "updated", *(each.slot for each in held)])
        self._flags = frozenset(each.column.name for each in held if each.boolean)
        self._stamps = [name for name in ("createdAt", "updatedAt") if name in self._names]

    def __contains__(self, field: object) -> bool:
        return field in self._names

    def page(self, store: Store, after: int, limit: int) -> list[Row]:
        """Return the next *limit* people after one, by id."""
        return store.after(self._slots, after, limit)

    def some(self, store: Store, people: Iterable[int]) -> list[Row]:
        """Return those of *people* that exist, by id."""
        return store.by_id(self._slots, people)

    def made_between(self, store: Store, stamp: str, start: int, end: int) -> list[Row]:
        """Return the people whose *stamp* lies within *start* and *end*, by id."""
        return store.made_between(self._slots, stamp, start, end)

    def values(self, row: Row) -> dict[str, Wire]:
        """Return what the API says of the person in *row*."""
        values = dict(zip(self._names, row[2:], strict=True))
        for name in self._flags:
            values[name] = bool(values[name])
        for name in self._stamps:
            values[name] = stamp(int(values[name] or 0))
        return values

    def record(self, row: Row, edits: tuple[Edit, ...] = ()) -> Record:
        """Return the person in *row* as a record."""
        modified_at = moment(int(row[1] or 0))
        return Record(RecordId(str(row[0])), self.values(row), modified_at=modified_at, edits=edits)

    def typed(self, field: str, value: Wire) -> Wire:
        """Return a logged value of *field* with the type that its column has now."""
        return bool(value) if field in self._flags else value


def number(row: Row) -> int:
    """Return the id of the person in *row* as the database has it."""
    return int(row[0] or 0)
