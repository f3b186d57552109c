"""A table as the connector works with it: its columns, and how each is said on the wire. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, cast

import attrs
from attrs import Factory

from dynsync.dynamics._odata import Garbled, Json, Literal, text_of
from dynsync.records import RecordId, Wire
from dynsync.schemas import Access, Schema

__all__ = ["GUID", "NUMBERS", "REFERENCES", "Table", "guid"]

GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
REFERENCES: Final = frozenset({"Lookup", "Customer", "Owner"})
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
NUMBERS: Final = frozenset({"Decimal", "Double", "Money"})


def guid(text: str) -> str | None:
    """Return *text* as Dataverse writes a GUID, or None where it is none."""
    return text.lower() if GUID.fullmatch(text) else None


@attrs.frozen
class Table:
    """
    A table as Dynamics described it last, to one user.

    *collection* is its name in addresses and *primary* the column of its id. *lookups* say
    for each reference column by which property each table that it may point at is bound.
    """

    name: str
    collection: str
    primary: str
    schema: Schema
    lookups: Mapping[str, Mapping[str, str]] = Factory(dict[str, Mapping[str, str]])

    def refers(self, column: str) -> bool:
        """Return whether *column* holds a reference to another row."""
        described = self.schema.columns.get(column)
        return described is not None and described.type in REFERENCES

    def said(self, column: str) -> str:
        """Return the property under which *column* is read."""
        return f"_{column}_value" if self.refers(column) else column

    def hides(self, column: str) -> bool:
        """Return whether *column* would read as null, whatever it holds."""
        described = self.schema.columns.get(column)
        return described is not None and Access.READ not in described.access

    def readable(self, columns: Iterable[str]) -> dict[str, str]:
        """Return the properties under which those of *columns* are read that may be."""
        return {column: self.said(column) for column in columns if not self.hides(column)}

    def select(self, columns: Iterable[str]) -> str:
        """Return the properties to ask for, so that *columns* and the time of change come."""
        asked = [*self.readable(columns).values()]
        if "modifiedon" in self.schema.columns:
            asked.append("modifiedon")
        # Nothing asked for would mean everything.
        return ",".join(dict.fromkeys(asked)) or self.primary

    def id_of(self, row: Mapping[str, Json]) -> RecordId:
        """Return the id of *row*; raise `Garbled` where it tells none."""
        id_ = guid(text_of(row, self.primary))
        if id_ is None:
            # Under any other it would be made in Marketo a second time.
            raise Garbled("a row without an id")
        return RecordId(id_)

    @staticmethod
    def values(row: Mapping[str, Json], readable: Mapping[str, str]) -> dict[str, Wire]:
        """
        Return what *row* tells of the *readable* columns.

        A column that may not be read is none of them: its null would look like one that was
        cleared. One that the row leaves out is left out.
        """
        found = {column: row[said] for column, said in readable.items() if said in row}
        if not set(map(type, found.values())) <= _SCALARS:
            raise Garbled("a list or an object where one value should be")
        return cast("dict[str, Wire]", found)

    def number(self, column: str, value: Wire) -> Wire | Literal:
        """Return *value* as a number where *column* holds one and text was given for precision."""
        described = self.schema.columns.get(column)
        if described is None or described.type not in NUMBERS or not isinstance(value, str):
            return value
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        return Literal(format(number, "f")) if number.is_finite() else value
