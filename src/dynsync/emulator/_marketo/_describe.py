"""What people are made of, as the pretend Marketo's REST API tells it."""

from __future__ import annotations

from typing import Final

from dynsync.emulator._marketo._asked import Asked, Route
from dynsync.emulator._messages import Json
from dynsync.sandbox._marketo_columns import Held
from dynsync.sandbox._marketo_values import searchable
from dynsync.schemas import Access, Column

__all__ = ["ROUTES", "field_json", "is_key", "number_of_column", "readable", "sized"]

_WRITE: Final = Access.CREATE | Access.UPDATE
_SIZED: Final = frozenset({"string", "email", "phone", "url"})
_NO_KEYS: Final = frozenset({"firstName", "lastName"})
"""Columns that nobody can be looked up by, though their type would do."""

_SOAP: Final = {"id": "Id", "email": "Email", "firstName": "FirstName", "lastName": "LastName"}


def readable(asked: Asked) -> dict[str, Held]:
    """Return the columns that there are for the API's user."""
    shown = asked.store.columns.shown
    return {name: held for name, held in shown.items() if Access.READ in held.access}


def is_key(column: Column) -> bool:
    """Tell whether people can be looked up by *column*: by most, but not by their names."""
    return searchable(column) and column.name not in _NO_KEYS


def sized(kind: str) -> bool:
    """Tell whether fields of the type *kind* have a length."""
    return kind in _SIZED


def number_of_column(asked: Asked, name: str) -> int:
    """Return the number that the API gives the column *name*."""
    return list(asked.store.columns.all).index(name) + 1


def _describe(asked: Asked) -> Json:
    numbers = {name: number for number, name in enumerate(asked.store.columns.all, 1)}
    return {"result": [_field(held, numbers[name]) for name, held in readable(asked).items()]}


def _field(held: Held, number: int) -> Json:
    column = held.column
    # `id` says that it may be written, and may not: so does the real one.
    fixed = not held.access & _WRITE and column.name != "id"
    length = {"length": column.length or 255} if column.type in _SIZED else {}
    soap = _SOAP.get(column.name, column.name)
    return {
        "id": number,
        "displayName": column.label or column.name,
        "dataType": column.type,
        **length,
        "rest": {"name": column.name, "readOnly": fixed},
        "soap": {"name": soap, "readOnly": fixed},
    }


def _describe2(asked: Asked) -> Json:
    columns = readable(asked)
    keys = [name for name, held in columns.items() if is_key(held.column)]
    fields = [field_json(held) for held in columns.values()]
    found = {"name": "API Lead", "searchableFields": [[key] for key in keys], "fields": fields}
    return {"result": [found]}


def field_json(held: Held) -> dict[str, object]:
    """Return a field as "describe2" tells it."""
    column = held.column
    length = {"length": column.length or 255} if column.type in _SIZED else {}
    return {
        "name": column.name,
        "displayName": column.label or column.name,
        "dataType": column.type,
        **length,
        "updateable": bool(held.access & _WRITE),
        "crmManaged": False,
    }


ROUTES: Final = (
    Route("GET", r"/rest/v1/leads/describe\.json", "describe", _describe),
    Route("GET", r"/rest/v1/leads/describe2\.json", "describe", _describe2),
)
