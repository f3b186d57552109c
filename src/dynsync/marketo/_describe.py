"""What people's columns are: "describe", joined with what "describe2" knows besides."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from dynsync.errors import Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, inner_of, number_of, rows_of, text_of
from dynsync.marketo._replies import asked
from dynsync.records import Side
from dynsync.schemas import FULL_ACCESS, Access, Column, LengthUnit, Schema
from dynsync.transport import Flow

__all__ = ["described", "owned_by_crm", "owned_elsewhere", "schema_of"]

_COMPUTED: Final = frozenset({"id", "createdAt", "updatedAt"})
"""What nobody writes, whatever describe says: of ``id`` it says otherwise."""

_TEXT_BYTES: Final = 30_000
_TEXT_LENGTH: Final = 255
_LEAST, _MOST = Decimal(-(2**31)), Decimal(2**31 - 1)
_LONG: Final = frozenset({"string", "email", "phone", "url"})
_WHOLE: Final = frozenset({"integer", "score"})


def described(api: Api) -> Flow[list[Json]]:
    """Ask for every column; raises `Unavailable` where none is told: people have an id at least."""
    reply = yield from asked(api.get("/rest/v1/leads/describe.json"))
    if not reply.result:
        # As a description every column would seem to be gone, until somebody says otherwise.
        raise Unavailable(Side.MARKETO, "the answer describes no column of people")
    return reply.result


def owned_elsewhere(api: Api) -> Flow[frozenset[str]]:
    """Ask which columns nobody may write by the API: another sync's, or not updateable."""
    reply = yield from asked(api.get("/rest/v1/leads/describe2.json"))
    return frozenset(
        text_of(field, "name")
        for one in reply.result
        for field in rows_of(one, "fields")
        if field.get("crmManaged") is True or field.get("updateable") is False
    )


def owned_by_crm(api: Api) -> Flow[frozenset[str]]:
    """Ask which columns a CRM sync of Marketo's own manages."""
    reply = yield from asked(api.get("/rest/v1/leads/describe2.json"))
    return frozenset(
        text_of(field, "name")
        for one in reply.result
        for field in rows_of(one, "fields")
        if field.get("crmManaged") is True
    )


def schema_of(table: str, rows: list[Json], owned: frozenset[str]) -> Schema:
    """Return the columns that describe's *rows* tell of; those in *owned* are not written."""
    columns = [_column(row, owned) for row in rows]
    return Schema.of(table, [column for column in columns if column is not None])


def _column(row: Json, owned: frozenset[str]) -> Column | None:
    rest = inner_of(row, "rest")
    name, type_ = text_of(rest, "name"), text_of(row, "dataType")
    if not name:
        return None
    fixed = rest.get("readOnly") is True or name in owned or name in _COMPUTED
    length, unit = _length(type_, number_of(row, "length"))
    column = Column(
        name,
        text_of(row, "displayName"),
        type_,
        length=length,
        unit=unit,
        access=Access.READ if fixed or type_ == "formula" else FULL_ACCESS,
    )
    if type_ in _WHOLE:
        return attrs.evolve(column, minimum=_LEAST, maximum=_MOST)
    return column


def _length(type_: str, told: int | None) -> tuple[int | None, LengthUnit]:
    # What describe is silent about, or tells nonsense of, still has an end.
    said = told if told is not None and told > 0 else None
    if type_ == "text":
        return said or _TEXT_BYTES, "bytes"
    return said or (_TEXT_LENGTH if type_ in _LONG else None), "characters"
