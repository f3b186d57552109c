"""The bulk messages: all rows of one request, or none of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._query import row_at
from dynsync.emulator._dataverse._replies import nothing, odata
from dynsync.emulator._dataverse._rows import values_of
from dynsync.emulator._dataverse._writes import create, update, upsert
from dynsync.emulator._messages import Malformed, Reply, listing, mapping
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["MESSAGES"]

_MOST: Final = 1_000
_ADDRESS: Final = re.compile(r"\((.*)\)")


def _targets(asked: Asked, table: Table) -> list[dict[str, object]]:
    try:
        rows = [mapping(each) for each in listing(asked.body().get("Targets"))]
    except Malformed:
        raise bad("There is no list of Targets in the payload.", "0x80048d19") from None
    if len(rows) > _MOST:
        raise bad(f"At most {_MOST} rows are taken at once.", "0x80040203")
    for row in rows:
        if str(row.get("@odata.type", "")).lstrip("#") != f"Microsoft.Dynamics.CRM.{table.name}":
            raise bad("Every row needs its '@odata.type'.", "0x80048d19")
    return rows


def _create(asked: Asked, table: Table) -> Reply:
    ids: list[str] = []
    for row in _targets(asked, table):
        values, id_ = values_of(asked, table, row)
        ids.append(create(asked, table, values, id_).id)
    context = f"{asked.root}/$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse"
    return odata({"@odata.context": context, "Ids": ids})


def _update(asked: Asked, table: Table) -> Reply:
    for row in _targets(asked, table):
        update(
            asked, table, row_at(asked, table, _key(table, row)), values_of(asked, table, row)[0]
        )
    return nothing()


def _upsert(asked: Asked, table: Table) -> Reply:
    for row in _targets(asked, table):
        upsert(asked, table, _key(table, row), row)
    return nothing()


def _key(table: Table, row: Mapping[str, object]) -> str:
    if found := _ADDRESS.search(str(row.get("@odata.id", ""))):
        return found[1]
    if row.get(table.primary):
        return str(row[table.primary])
    raise Refusal(400, "0x80040203", "A row has neither '@odata.id' nor its primary key.")


MESSAGES: Final[Mapping[str, Callable[[Asked, Table], Reply]]] = {
    "Microsoft.Dynamics.CRM.CreateMultiple": _create,
    "Microsoft.Dynamics.CRM.UpdateMultiple": _update,
    "Microsoft.Dynamics.CRM.UpsertMultiple": _upsert,
}
"""What answers each bulk message."""
