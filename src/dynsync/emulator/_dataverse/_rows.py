"""Rows of the pretend Dataverse as JSON says them, and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import LOOKUPS, Navigation, navigation
from dynsync.emulator._dataverse._errors import Refusal, bad, missing_row
from dynsync.emulator._dataverse._literals import literal, pairs, tokens
from dynsync.emulator._dataverse._metadata import expansions
from dynsync.emulator._dataverse._notes import Notes, notes_of
from dynsync.emulator._messages import Malformed, wire
from dynsync.records import RecordId, Wire
from dynsync.sandbox._dynamics_checks import guid
from dynsync.sandbox._dynamics_tables import Row, Table
from dynsync.schemas import Column

__all__ = [
    "Shape",
    "column_named",
    "entity_url",
    "key_of",
    "navigated",
    "property_of",
    "shape_of",
    "values_of",
]

_BIND: Final = "@odata.bind"
_REFERENCE: Final = re.compile(r".*?([A-Za-z_]\w*)\((.*)\)/?")


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
    """How rows of *table* are told: which *columns*, what is *hidden*, with what *notes*."""

    table: Table
    columns: Sequence[Column]
    selected: Sequence[str]
    hidden: Collection[str]
    notes: Notes | None

    def context(self, asked: Asked, suffix: str = "") -> str:
        """Return what ``@odata.context`` says of rows."""
        inner = expansions(asked.options.get("$expand", ""))
        expanded = [f"{name}({options.get('$select', '')})" for name, options in inner.items()]
        told = [*self.selected, *expanded]
        names = f"({','.join(told)})" if told else ""
        return f"{asked.root}/$metadata#{set_name(self.table.name)}{names}{suffix}"

    def row(self, row: Row) -> dict[str, object]:
        """Return *row*."""
        told: dict[str, object] = {"@odata.etag": row.etag}
        for column in self.columns:
            name = property_of(column)
            # An unreadable column is not left out: it reads as null, as if it were empty.
            value = None if column.name in self.hidden else row.values.get(column.name)
            if self.notes is not None and value is not None:
                told.update(self.notes.of(name, column, value))
            told[name] = value
        return told


def shape_of(asked: Asked, table: Table) -> Shape:
    """Return how the rows of *table* are to be told; raises `Refusal` for an unknown column."""
    text = asked.options.get("$select", "")
    names = [name.strip() for name in text.split(",") if name.strip()]
    chosen = [column_named(table, name) for name in names] or [*table.columns.values()]
    primary = table.columns.get(table.primary)
    if primary is not None and primary not in chosen:
        chosen.append(primary)
    hidden = frozenset(table.unreadable(asked.user))
    return Shape(table, chosen, names, hidden, notes_of(asked, table))


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
            there = navigated(table, name.removesuffix(_BIND))
            values[there.column.name] = _reference(asked, table, there, value)
        elif name == table.primary:
            key = guid(str(value))
            if key is None:
                raise _payload(table, "the id is not a GUID")
            id_ = RecordId(key)
        elif "@" not in name:
            known = None if name in table.columns else navigation(table, name)
            column = name if known is None else known.column.name
            values[column] = _plain(table, name, column, value)
    return values, id_


def _plain(table: Table, name: str, plain: str, value: object) -> Wire:
    column = table.columns.get(plain)
    if column is None:
        message = f"Invalid property '{name}' was found in entity"
        raise _payload(table, f"{message} 'Microsoft.Dynamics.CRM.{table.name}'")
    if column.type in LOOKUPS and isinstance(value, dict):
        raise Refusal(501, "0x80060888", "Making rows within a row is not emulated.")
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


def navigated(table: Table, name: str) -> Navigation:
    """Return what the navigation property *name* writes; raises `Refusal`."""
    found = navigation(table, name)
    if found is None:
        raise _payload(table, f"An undeclared property '{name}' was found in the payload")
    return found


def _reference(asked: Asked, table: Table, there: Navigation, value: object) -> Wire:
    if value is None:
        return None
    found = _REFERENCE.fullmatch(str(value))
    if found is None:
        raise bad("The value of a reference is not an entity's URL.", "0x80048d19")
    entity_set, args = found.groups()
    if there.column.type != "Lookup" and entity_set not in map(set_name, there.targets):
        raise _payload(table, f"'{there.name}' does not lead to '{entity_set}'")
    target, key = asked.table(entity_set), guid(args)
    if target is None and key is not None:
        return key
    row = None if target is None else key_of(asked, target, args)[0]
    if target is None or row is None:
        raise Refusal(404, "0x80060891", "A record with the specified key values does not exist.")
    if asked.store.get(target.name, row) is None:
        raise missing_row(target.name, row)
    return row
