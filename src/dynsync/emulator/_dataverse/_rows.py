"""Rows of the pretend Dataverse as JSON says them, and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._literals import literal, pairs, tokens
from dynsync.emulator._messages import Malformed, wire
from dynsync.records import RecordId, Wire
from dynsync.sandbox._dynamics_checks import guid
from dynsync.sandbox._dynamics_tables import Row, Table
from dynsync.schemas import Column

__all__ = [
    "LOOKUPS",
    "Shape",
    "column_named",
    "entity_url",
    "key_of",
    "navigated",
    "property_of",
    "shape_of",
    "values_of",
]

LOOKUPS: Final = frozenset({"Lookup", "Customer", "Owner"})
"""The types of columns that point at another row."""

_CHOICES: Final = frozenset({"Picklist", "State", "Status"})
_BIND: Final = "@odata.bind"
_REFERENCE: Final = re.compile(r".*?([A-Za-z_]\w*)\((.*)\)/?")
_FORMATTED: Final = "@OData.Community.Display.V1.FormattedValue"
_LOGICAL: Final = "@Microsoft.Dynamics.CRM.lookuplogicalname"


def property_of(column: Column) -> str:
    """Return the name under which the value of *column* is read."""
    return f"_{column.name}_value" if column.type in LOOKUPS else column.name


def column_named(table: Table, name: str) -> Column:
    """Return the column that *name* means in a query; raises `Refusal`."""
    plain = name[1:-6] if name.startswith("_") and name.endswith("_value") else name
    column = table.columns.get(plain)
    if column is None or (plain != name and column.type not in LOOKUPS):
        message = (
            f"Could not find a property named '{name}' on type"
            f" 'Microsoft.Dynamics.CRM.{table.name}'."
        )
        raise bad(message, "0x80060888")
    return column


@attrs.frozen
class Shape:
    """How rows of *table* are told: which *columns*, what is *hidden*, with what notes."""

    table: Table
    columns: Sequence[Column]
    selected: Sequence[str]
    hidden: Collection[str]
    annotations: bool

    def context(self, asked: Asked, suffix: str = "") -> str:
        """Return what ``@odata.context`` says of rows."""
        names = f"({','.join(self.selected)})" if self.selected else ""
        return f"{asked.root}/$metadata#{set_name(self.table.name)}{names}{suffix}"

    def row(self, row: Row) -> dict[str, object]:
        """Return *row*."""
        told: dict[str, object] = {"@odata.etag": row.etag}
        for column in self.columns:
            name = property_of(column)
            # An unreadable column is not left out: it reads as null, as if it were empty.
            value = None if column.name in self.hidden else row.values.get(column.name)
            if self.annotations and value is not None:
                told.update(_notes(name, column, value))
            told[name] = value
        return told


def _notes(name: str, column: Column, value: Wire) -> Iterable[tuple[str, object]]:
    if column.type in _CHOICES:
        label = next((each.label for each in column.options if each.code == value), str(value))
        yield f"{name}{_FORMATTED}", label
    elif column.type == "Boolean":
        yield f"{name}{_FORMATTED}", "Yes" if value else "No"
    elif column.type in LOOKUPS:
        yield f"{name}{_LOGICAL}", _target(column)
    elif column.type not in {"String", "Memo", "Uniqueidentifier"}:
        yield f"{name}{_FORMATTED}", str(value)


def _target(column: Column) -> str:
    if column.type == "Customer":
        return "account"
    return "systemuser" if column.name in {"ownerid", "modifiedby", "createdby"} else "contact"


def shape_of(asked: Asked, table: Table) -> Shape:
    """Return how the rows of *table* are to be told; raises `Refusal` for an unknown column."""
    text = asked.options.get("$select", "")
    names = [name.strip() for name in text.split(",") if name.strip()]
    chosen = [column_named(table, name) for name in names] or [*table.columns.values()]
    primary = table.columns.get(table.primary)
    if primary is not None and primary not in chosen:
        chosen.append(primary)
    wanted = "odata.include-annotations" in asked.prefer
    return Shape(table, chosen, names, frozenset(table.unreadable(asked.user)), wanted)


def entity_url(asked: Asked, table: str, key: str) -> str:
    """Return the URL of a row."""
    return f"{asked.root}/{set_name(table)}({key})"


def key_of(asked: Asked, table: Table, args: str) -> tuple[RecordId | None, Mapping[str, Wire]]:
    """
    Return the id that *args* names, None where no row has that key, and the key's values.

    Raises `Refusal` where it is no key of the table.
    """
    found = guid(args.strip().strip("'"))
    if found is not None:
        return RecordId(found), {}
    written = pairs(args)
    if list(written) == [table.primary]:
        return key_of(asked, table, written[table.primary])
    values: dict[str, Wire] = {}
    for name, text in written.items():
        words = tokens(text)
        if len(words) != 1 or name.strip("_").removesuffix("_value") not in table.columns:
            raise _no_key(table)
        values[column_named(table, name).name] = literal(words[0])
    if not any(set(values) == set(columns) for columns in table.keys.values()):
        raise _no_key(table)
    return asked.store.by_key(table, values), values


def _no_key(table: Table) -> Refusal:
    resource = f"'Microsoft.Dynamics.CRM.{table.name}'"
    message = f"The key in the request URI is not valid for resource {resource}."
    return bad(message, "0x80060890")


def values_of(
    asked: Asked, table: Table, body: Mapping[str, object]
) -> tuple[dict[str, Wire], RecordId | None]:
    """Return the values in *body* by column, and the id it names; raises `Refusal`."""
    values: dict[str, Wire] = {}
    id_: RecordId | None = None
    for name, value in body.items():
        if name.endswith(_BIND):
            column = navigated(table, name.removesuffix(_BIND))
            values[column.name] = _reference(asked, value)
        elif name == table.primary:
            key = guid(str(value))
            if key is None:
                raise _payload(table, "the id is not a GUID")
            id_ = RecordId(key)
        elif "@" not in name:
            values[name] = _plain(table, name, value)
    return values, id_


def _plain(table: Table, name: str, value: object) -> Wire:
    column = table.columns.get(name)
    if column is None:
        message = f"Invalid property '{name}' was found in entity"
        raise _payload(table, f"{message} 'Microsoft.Dynamics.CRM.{table.name}'")
    if column.type in LOOKUPS and value is not None:
        raise _payload(table, "CRM do not support direct update of Entity Reference properties")
    try:
        return wire(value)
    except Malformed:
        raise _payload(table, f"An unexpected value was found for '{name}'") from None


def _payload(table: Table, what: str) -> Refusal:
    message = (
        f"Error identified in Payload provided by the user for Entity :'{set_name(table.name)}',"
        f" InnerException : Microsoft.Crm.CrmException: {what}"
    )
    return bad(message, "0x80048d19")


def navigated(table: Table, name: str) -> Column:
    """Return the lookup that the navigation property *name* writes; raises `Refusal`."""
    for column in table.columns.values():
        if column.type in LOOKUPS and (name == column.name or name.startswith(f"{column.name}_")):
            return column
    raise _payload(table, f"An undeclared property '{name}' was found in the payload")


def _reference(asked: Asked, value: object) -> Wire:
    if value is None:
        return None
    found = _REFERENCE.fullmatch(str(value))
    if found is None:
        raise bad("The value of a reference is not an entity's URL.", "0x80048d19")
    entity_set, args = found.groups()
    key = guid(args)
    if key is not None:
        return key
    table = asked.table(entity_set)
    row = None if table is None else key_of(asked, table, args)[0]
    if row is None:
        raise Refusal(404, "0x80060891", "A record with the specified key values does not exist.")
    return row
