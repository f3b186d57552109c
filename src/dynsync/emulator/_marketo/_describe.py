"""What people are made of, as the pretend Marketo's REST API tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dynsync.emulator._marketo._asked import ApiError, Asked, Route
from dynsync.emulator._messages import Json
from dynsync.sandbox._marketo_columns import Held
from dynsync.sandbox._marketo_values import searchable
from dynsync.schemas import Access

__all__ = ["ROUTES", "number_of_column", "readable"]

_WRITE: Final = Access.CREATE | Access.UPDATE
_SIZED: Final = frozenset({"string", "email", "phone", "url"})
_ELSEWHERE: Final = frozenset({"updateable", "crmManaged"})
"""What `describe2` tells of a field and its schema does not."""

_SOAP: Final = {"id": "Id", "email": "Email", "firstName": "FirstName", "lastName": "LastName"}


def readable(asked: Asked) -> dict[str, Held]:
    """Return the columns that there are for the API's user."""
    shown = asked.store.columns.shown
    return {name: held for name, held in shown.items() if Access.READ in held.access}


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
    keys = [name for name, held in columns.items() if searchable(held.column)]
    fields = [_field2(held) for held in columns.values()]
    found = {"name": "API Lead", "searchableFields": [[key] for key in keys], "fields": fields}
    return {"result": [found]}


def _field2(held: Held) -> dict[str, object]:
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


def _schema_field(held: Held) -> dict[str, object]:
    own = held.column.name.startswith("crm")
    told = {key: value for key, value in _field2(held).items() if key not in _ELSEWHERE}
    return {
        **told,
        "description": "",
        "isHidden": False,
        "isHtmlEncodingInEmail": True,
        "isSensitive": False,
        "isCustom": own,
        "isApiCreated": own,
    }


def _schema_fields(asked: Asked) -> Json:
    fields: Sequence[object] = [_schema_field(held) for held in readable(asked).values()]
    return {"result": fields}


def _schema_one(asked: Asked) -> Json:
    held = readable(asked).get(asked.names["name"])
    if held is None:
        raise ApiError("702", "No data found for the field")
    return {"result": [_schema_field(held)]}


ROUTES: Final = (
    Route("GET", r"/rest/v1/leads/describe\.json", "describe", _describe),
    Route("GET", r"/rest/v1/leads/describe2\.json", "describe", _describe2),
    Route("GET", r"/rest/v1/leads/schema/fields\.json", "describe", _schema_fields),
    Route("GET", r"/rest/v1/leads/schema/fields/(?P<name>\w+)\.json", "describe", _schema_one),
)
