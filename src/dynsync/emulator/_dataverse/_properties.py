"""Reading one property of a row: a value, or the row that a lookup points at."""

from __future__ import annotations

import attrs

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import Navigation, navigation
from dynsync.emulator._dataverse._errors import bad
from dynsync.emulator._dataverse._expand import told
from dynsync.emulator._dataverse._notes import applied
from dynsync.emulator._dataverse._query import check_readable, row_at
from dynsync.emulator._dataverse._replies import nothing, odata
from dynsync.emulator._dataverse._rows import column_named, entity_url
from dynsync.emulator._dataverse._targets import Target, target_of
from dynsync.emulator._messages import Reply
from dynsync.records import Wire
from dynsync.sandbox._dynamics_tables import Row, Table

__all__ = ["get_property", "get_reference", "get_value"]


@attrs.frozen
class _Value:
    """A value as it is told to the caller, null where they may not read it, and its *row*."""

    row: Row
    value: Wire


def _at(asked: Asked, table: Table, args: str, name: str) -> _Value:
    check_readable(asked, table)
    column = column_named(table, name)
    row = row_at(asked, table, args)
    hidden = column.name in table.unreadable(asked.user)
    return _Value(row, None if hidden else row.values.get(column.name))


def get_property(asked: Asked, table: Table, args: str, name: str) -> Reply:
    """Answer ``GET leads(…)/subject`` and, of a lookup, ``GET accounts(…)/primarycontactid``."""
    there = navigation(table, name)
    if there is not None:
        return _follow(asked, _pointed_at(asked, table, args, there))
    found = _at(asked, table, args, name)
    if found.value is None:
        return nothing()
    context = f"{asked.root}/$metadata#{set_name(table.name)}({found.row.id})/{name}"
    return odata({"@odata.context": context, "value": found.value})


def get_value(asked: Asked, table: Table, args: str, name: str) -> Reply:
    """Answer ``GET leads(…)/subject/$value``."""
    value = _at(asked, table, args, name).value
    if value is None:
        return nothing()
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Reply(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, text.encode())


def get_reference(asked: Asked, table: Table, args: str, name: str) -> Reply:
    """Answer ``GET accounts(…)/primarycontactid/$ref``."""
    there = navigation(table, name)
    if there is None:
        column_named(table, name)
        raise bad(f"'{name}' is not a navigation property.", "0x80060888")
    found = _pointed_at(asked, table, args, there)
    if found is None:
        return nothing()
    url = entity_url(asked, found.name, found.key)
    return odata({"@odata.context": f"{asked.root}/$metadata#$ref", "@odata.id": url})


def _pointed_at(asked: Asked, table: Table, args: str, there: Navigation) -> Target | None:
    key = _at(asked, table, args, there.column.name).value
    return target_of(asked, there.targets, key)


def _follow(asked: Asked, found: Target | None) -> Reply:
    if found is None:
        return nothing()
    if found.table is not None:
        check_readable(asked, found.table)
    selected = asked.options.get("$select", "")
    names = f"({selected})" if selected else ""
    context = f"{asked.root}/$metadata#{set_name(found.name)}{names}/$entity"
    return odata({"@odata.context": context, **(told(asked, found) or {})}, headers=applied(asked))
