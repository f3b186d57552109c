"""Creating, updating, upserting and deleting rows, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._columns import LOOKUPS
from dynsync.emulator._dataverse._errors import Refusal, bad, denied, missing_key, missing_row
from dynsync.emulator._dataverse._notes import applied
from dynsync.emulator._dataverse._query import row_at
from dynsync.emulator._dataverse._replies import nothing, odata
from dynsync.emulator._dataverse._rows import (
    column_named,
    entity_url,
    key_of,
    navigated,
    shape_of,
    values_of,
)
from dynsync.emulator._messages import Reply
from dynsync.records import RecordId, Wire
from dynsync.sandbox import Denied
from dynsync.sandbox._dynamics_pipeline import Pipeline
from dynsync.sandbox._dynamics_tables import Row, Table
from dynsync.schemas import Access, Column

__all__ = ["Written", "clear_column", "create", "delete", "patch", "post", "put_column", "upsert"]

_EXISTS = "A record with matching key values already exists."
_STALE = "The version of the existing record doesn't match the RowVersion property provided."


@attrs.frozen
class Written:
    """A row that was written, and what became of it."""

    row: Row
    how: Literal["created", "updated"]


Values: TypeAlias = Mapping[str, Wire]


def _pipeline(asked: Asked, table: Table) -> Pipeline:
    # Duplicate detection is off unless it is asked for, and only then.
    if asked.header("mscrm.suppressduplicatedetection").lower() != "false" and table.distinct:
        table = attrs.evolve(table, distinct=frozenset())
    return asked.state.system.pipeline(table, asked.user, held=True)


def create(asked: Asked, table: Table, values: Values, id_: RecordId | None) -> Row:
    """Make a row; raises `Refusal`."""
    if id_ is not None and asked.store.get(table.name, id_) is not None:
        raise Refusal(412, "0x80040237", "Cannot insert duplicate key.")
    pipeline = _pipeline(asked, table)
    try:
        row = pipeline.create(id_ or asked.store.new_id(table.name), values)
        pipeline.run_automations()
    except Denied as reason:
        raise denied(reason) from None
    return row


def update(asked: Asked, table: Table, row: Row, values: Values) -> Row:
    """Set *values* of *row*; raises `Refusal`."""
    pipeline = _pipeline(asked, table)
    try:
        new = pipeline.update(row, values)
        pipeline.run_automations()
    except Denied as reason:
        raise denied(reason) from None
    return new


def upsert(asked: Asked, table: Table, args: str, body: Mapping[str, object]) -> Written:
    """Update the row that *args* name, or make it, as the request's conditions allow."""
    id_, keys = key_of(asked, table, args)
    values, _ = values_of(asked, table, body)
    row = None if id_ is None else asked.store.get(table.name, id_)
    match_, none_match = asked.header("if-match"), asked.header("if-none-match")
    if row is None:
        if match_:
            raise missing_key(table.name) if keys else missing_row(table.name, args)
        return Written(create(asked, table, {**keys, **values}, id_), "created")
    if none_match == "*":
        raise Refusal(412, "0x80060892" if keys else "0x80040237", _EXISTS)
    _check_version(match_, row)
    given = {name: value for name, value in values.items() if name not in keys}
    return Written(update(asked, table, row, given), "updated")


def _check_version(match: str, row: Row) -> None:
    if match not in {"", "*", row.etag}:
        raise Refusal(412, "0x80060882", _STALE)


def post(asked: Asked, table: Table) -> Reply:
    """Answer ``POST leads``."""
    values, id_ = values_of(asked, table, asked.body())
    return _reply(asked, table, Written(create(asked, table, values, id_), "created"), None)


def patch(asked: Asked, table: Table, args: str) -> Reply:
    """Answer ``PATCH leads(…)``."""
    return _reply(asked, table, upsert(asked, table, args, asked.body()), args)


def _reply(asked: Asked, table: Table, written: Written, args: str | None) -> Reply:
    url = entity_url(asked, table.name, written.row.id if args is None else args)
    headers = {"OData-EntityId": url, "Location": url}
    # The acknowledged row is the one that was written; what an automation makes of it
    # afterwards is another version.
    if asked.prefer.get("return") != "representation" or table.denies(asked.user, Access.READ):
        return nothing(headers)
    shape = shape_of(asked, table)
    body = {"@odata.context": shape.context(asked, "/$entity"), **shape.row(written.row)}
    told = {**headers, **applied(asked, "return=representation"), "ETag": written.row.etag}
    return odata(body, status=201 if written.how == "created" else 200, headers=told)


def delete(asked: Asked, table: Table, args: str) -> Reply:
    """Answer ``DELETE leads(…)``."""
    row = row_at(asked, table, args)
    _check_version(asked.header("if-match"), row)
    asked.store.delete(table, row, at=int(asked.state.system.clock.now().timestamp()))
    return nothing()


def _written(table: Table, name: str) -> Column:
    return column_named(table, name) if name in table.columns else navigated(table, name).column


def put_column(asked: Asked, table: Table, args: str, name: str) -> Reply:
    """Answer ``PUT leads(…)/subject`` and, for a reference, ``PUT leads(…)/ownerid/$ref``."""
    column, body = _written(table, name), asked.body()
    if column.type in LOOKUPS and body.get("@odata.id") is None:
        raise bad("There is no reference in the payload.", "0x80048d19")
    if column.type in LOOKUPS:
        given: dict[str, object] = {f"{name}@odata.bind": body["@odata.id"]}
    elif "value" in body:
        given = {name: body["value"]}
    else:
        raise bad("There is no value in the payload.", "0x80048d19")
    values, _ = values_of(asked, table, given)
    update(asked, table, row_at(asked, table, args), values)
    return nothing()


def clear_column(asked: Asked, table: Table, args: str, name: str) -> Reply:
    """Answer ``DELETE leads(…)/subject`` and ``DELETE leads(…)/ownerid/$ref``."""
    column = _written(table, name)
    update(asked, table, row_at(asked, table, args), {column.name: None})
    return nothing()
