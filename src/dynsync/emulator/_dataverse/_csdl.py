"""The service document, and ``$metadata``: the tables as an OData client wants them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import edm_type, targets_of
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._rows import property_of
from dynsync.emulator._messages import Reply
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["metadata_document", "service_document"]

_HEAD: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
    '<edmx:DataServices><Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm"'
    ' xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
_TAIL: Final = "</Schema></edmx:DataServices></edmx:Edmx>"


def service_document(asked: Asked) -> Reply:
    """Answer a read of the API's root."""
    sets = [
        {"name": set_name(name), "kind": "EntitySet", "url": set_name(name)}
        for name in asked.store.names()
    ]
    return odata({"@odata.context": f"{asked.root}/$metadata", "value": sets})


def metadata_document(asked: Asked) -> Reply:
    """Answer ``$metadata``."""
    tables = [asked.store.table(name) for name in asked.store.names()]
    known = {table.name for table in tables}
    types = "".join(_type(table, known) for table in tables)
    sets = "".join(
        f"<EntitySet Name={quoteattr(set_name(name))} EntityType={quoteattr(f'mscrm.{name}')}/>"
        for name in sorted(known)
    )
    text = f'{_HEAD}{types}<EntityContainer Name="System">{sets}</EntityContainer>{_TAIL}'
    return Reply(200, {"Content-Type": "application/xml", "OData-Version": "4.0"}, text.encode())


def _type(table: Table, known: set[str]) -> str:
    key = f"<Key><PropertyRef Name={quoteattr(table.primary)}/></Key>"
    inside = "".join([*_properties(table), *_navigations(table, known)])
    return f"<EntityType Name={quoteattr(table.name)}>{key}{inside}</EntityType>"


def _properties(table: Table) -> Iterator[str]:
    for column in table.columns.values():
        kind = edm_type(column)
        empty = ' Nullable="false"' if column.name == table.primary else ""
        yield f"<Property Name={quoteattr(property_of(column))} Type={quoteattr(kind)}{empty}/>"


def _navigations(table: Table, known: set[str]) -> Iterator[str]:
    for column in table.columns.values():
        for target in targets_of(table, column):
            if target in known:
                name = f"{column.name}_{target}" if column.type == "Customer" else column.name
                kind = f"mscrm.{target}"
                yield f"<NavigationProperty Name={quoteattr(name)} Type={quoteattr(kind)}/>"
