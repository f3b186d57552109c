"""How a write is said to Dynamics: one part of a batch. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dynsync.dynamics import _odata as odata
from dynsync.dynamics._multipart import Part
from dynsync.dynamics._options import DynamicsOptions
from dynsync.dynamics._tables import GUID, Table, guid
from dynsync.records import Wire
from dynsync.writes import Create, Gone, Reason, Rejected, Update, Write, WriteResult

__all__ = ["COLLECTIONS", "part", "targets", "unsayable"]

COLLECTIONS: Final[Mapping[str, str]] = {
    "account": "accounts",
    "contact": "contacts",
    "lead": "leads",
    "systemuser": "systemusers",
    "team": "teams",
    "transactioncurrency": "transactioncurrencies",
}
"""The names in addresses of the tables that people point at; others are asked for."""

_PATH: Final = re.compile(rf"/?(?P<collection>\w+)\((?P<id>{GUID.pattern})\)", re.IGNORECASE)
_FIRST: Final = ("systemuser", "account")
"""What a plain id means in a column that may point at several tables, unless the host says."""

_CURRENCY: Final = "transactioncurrencyid"


def unsayable(table: Table, write: Write) -> WriteResult | None:
    """Return what becomes of a write that need not be sent; None if it is to be sent."""
    for column, value in write.values.items():
        if isinstance(value, float) and not math.isfinite(value):
            # The whole batch would be no JSON.
            return Rejected((Reason("0x80044354", "The number is none.", column),))
    if isinstance(write, Update):
        return None if guid(write.id) else Gone()
    if write.key_field is not None:
        message = "Rows are made by their id; the table has no such alternate key."
        return Rejected((Reason("0x80060890", message, write.key_field),))
    if not guid(write.key):
        return Rejected((Reason("0x80048D19", "The id is no GUID.", table.primary),))
    return None


def targets(table: Table, write: Write, options: DynamicsOptions) -> Iterator[str]:
    """Yield the tables that the plain ids in the references of *write* are of."""
    for column, value in write.values.items():
        if table.refers(column) and isinstance(value, str) and guid(value):
            yield _target(table, column, options)


def part(
    table: Table, write: Write, options: DynamicsOptions, root: str, collections: Mapping[str, str]
) -> Part:
    """
    Return *write* as part of a batch below *root*.

    *collections* has the name in addresses of each of its `targets`.
    """
    created = isinstance(write, Create)
    key = guid(write.key if isinstance(write, Create) else write.id)
    row = f"{root}{table.collection}({key})"
    headers = {"Content-Type": "application/json", "Prefer": "return=representation"}
    if isinstance(write, Create):
        headers["If-None-Match"] = "*"
    else:
        headers["If-Match"] = write.expect or "*"
    if options.duplicates == "detect":
        headers["MSCRM.SuppressDuplicateDetection"] = "false"
    said = dict(_said(table, write.values, options, collections))
    if created and options.currency is not None and _counts_money(table, write.values):
        said.update(_said(table, {_CURRENCY: options.currency}, options, collections))
    return Part(
        "PATCH",
        odata.address(row, select=table.select(list(write.values))),
        headers,
        odata.document(said),
    )


def _counts_money(table: Table, values: Iterable[str]) -> bool:
    columns = table.schema.columns
    named = {*values}
    money = any(name in columns and columns[name].type == "Money" for name in named)
    return money and _CURRENCY in columns and _CURRENCY not in named


def _said(
    table: Table,
    values: Mapping[str, Wire],
    options: DynamicsOptions,
    collections: Mapping[str, str],
) -> Iterator[tuple[str, Wire | odata.Literal]]:
    for column, value in values.items():
        if table.refers(column) and (value is None or isinstance(value, str)):
            yield _bound(table, column, value, options, collections)
        else:
            yield column, table.number(column, value)


def _bound(
    table: Table,
    column: str,
    value: str | None,
    options: DynamicsOptions,
    collections: Mapping[str, str],
) -> tuple[str, str | None]:
    """Return the property that points *column* at another row, or at none, and its address."""
    target = _target(table, column, options)
    address: str | None = None
    if value:
        path = _PATH.fullmatch(value)
        collection = path["collection"] if path else collections.get(target, target)
        target = next((one for one, name in collections.items() if name == collection), target)
        address = f"/{collection}({(path['id'] if path else value).lower()})"
    navigation = table.lookups.get(column, {})
    # An owner is a user or a team, and bound by one property that leads to either.
    property_ = navigation.get(target) or next(iter(navigation.values()), column)
    return f"{property_}@odata.bind", address


def _target(table: Table, column: str, options: DynamicsOptions) -> str:
    """Return the table that a plain id in *column* is of."""
    known = [*table.lookups.get(column, {})]
    if column in options.pointing_at:
        return options.pointing_at[column]
    if table.schema.columns[column].type == "Owner":
        return _FIRST[0]
    return next((one for one in _FIRST if one in known), next(iter(known), column))
