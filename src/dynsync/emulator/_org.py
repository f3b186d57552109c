"""The tables of an org that clients of all kinds find what they look for in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from dynsync.sandbox import CONTACT_COLUMNS, LEAD_COLUMNS
from dynsync.schemas import Access, Column, Option

__all__ = ["ORG_TABLES"]


def _money(name: str, label: str) -> Column:
    return Column(
        name, label, "Money", minimum=Decimal(0), maximum=Decimal(100_000_000_000_000), digits=2
    )


_FULL_NAME: Final = Column("fullname", "Full Name", "String", 160, access=Access.READ)
_SHARED: Final = frozenset(
    {"ownerid", "createdon", "modifiedon", "modifiedby", "masterid", "merged", "versionnumber"}
    | {"emailaddress1", "telephone1", "websiteurl", "description", "address1_line1"}
    | {"address1_city", "address1_country", "address1_postalcode", "statecode", "statuscode"}
)
_ACCOUNT_COLUMNS: Final = (
    Column("accountid", "Account", "Uniqueidentifier", access=Access.READ),
    Column("name", "Account Name", "String", 160),
    Column("accountnumber", "Account Number", "String", 20),
    Column("primarycontactid", "Primary Contact", "Lookup"),
    Column(
        "numberofemployees",
        "Number of Employees",
        "Integer",
        minimum=Decimal(0),
        maximum=Decimal(1_000_000_000),
        digits=0,
    ),
    _money("revenue", "Annual Revenue"),
    Column(
        "industrycode",
        "Industry",
        "Picklist",
        options=(Option(1, "Accounting"), Option(6, "Consulting"), Option(7, "Consumer Services")),
    ),
    *(column for column in CONTACT_COLUMNS if column.name in _SHARED),
)

ORG_TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "lead": (*LEAD_COLUMNS, _FULL_NAME),
    "contact": (*CONTACT_COLUMNS, _FULL_NAME, _money("annualincome", "Annual Income")),
    "account": _ACCOUNT_COLUMNS,
}
"""Leads and contacts as a new sandbox has them and with their full names, and accounts."""
