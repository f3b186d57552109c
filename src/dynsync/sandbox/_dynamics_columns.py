"""The columns that a new Dynamics sandbox has: those of both default field mappings, and more."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from dynsync.schemas import Access, Column, Option

__all__ = ["CONTACT_COLUMNS", "LEAD_COLUMNS", "TABLES"]


def _string(name: str, label: str, length: int) -> Column:
    return Column(name, label, "String", length)


def _memo(name: str, label: str, length: int) -> Column:
    return Column(name, label, "Memo", length)


def _integer(name: str, label: str, minimum: int, maximum: int) -> Column:
    return Column(
        name, label, "Integer", minimum=Decimal(minimum), maximum=Decimal(maximum), digits=0
    )


def _number(name: str, label: str, kind: str, maximum: str, digits: int) -> Column:
    return Column(name, label, kind, minimum=Decimal(0), maximum=Decimal(maximum), digits=digits)


def _choice(name: str, label: str, kind: str, *options: tuple[int, str]) -> Column:
    return Column(name, label, kind, options=tuple(Option(*option) for option in options))


def _status(*options: tuple[int, str, int]) -> Column:
    bound = tuple(Option(*option) for option in options)
    return Column("statuscode", "Status Reason", "Status", options=bound)


def _plain(kind: str, *columns: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, label, kind) for name, label in columns)


def _read_only(kind: str, *columns: tuple[str, str]) -> tuple[Column, ...]:
    return tuple(column.restrict(Access.READ) for column in _plain(kind, *columns))


_INTERESTS: Final = ((1, "Product"), (2, "Pricing"), (3, "Support"), (9, "Training"))

_NAMES: Final = (
    _string("salutation", "Salutation", 100),
    _string("firstname", "First Name", 50),
    _string("middlename", "Middle Name", 50),
    _string("lastname", "Last Name", 50),
    _string("emailaddress1", "Email", 100),
    _string("jobtitle", "Job Title", 100),
    _string("telephone1", "Business Phone", 50),
    _string("telephone2", "Home Phone", 50),
    _string("websiteurl", "Website", 200),
    _memo("description", "Description", 2000),
)

_ADDRESS: Final = (
    _string("address1_line1", "Street 1", 250),
    _string("address1_line2", "Street 2", 250),
    _string("address1_line3", "Street 3", 250),
    _string("address1_city", "City", 80),
    _string("address1_stateorprovince", "State/Province", 50),
    _string("address1_country", "Country/Region", 80),
    _string("address1_postalcode", "ZIP/Postal Code", 20),
)

_CONSENT: Final = (
    *_plain(
        "Boolean",
        ("donotphone", "Do Not Allow Phone Calls"),
        ("donotbulkemail", "Do Not Allow Bulk Emails"),
        ("donotemail", "Do Not Allow Emails"),
        ("donotfax", "Do Not Allow Faxes"),
        ("donotsendmm", "Marketing Material"),
    ),
    _choice(
        "preferredcontactmethodcode",
        "Preferred Method of Contact",
        "Picklist",
        *((1, "Any"), (2, "Email"), (3, "Phone"), (4, "Fax"), (5, "Mail")),
    ),
)

# The lengths and bounds of the mkt_ columns are ours: no page of the vendors gives them.
_MARKETO: Final = (
    Column("mkt_lastinterestingmomentdate", "Last Interesting Moment Date", "DateTime"),
    _string("mkt_lastinterestingmomentdesc", "Last Interesting Moment Desc", 255),
    _string("mkt_leadinterestingmomentsource", "Last Interesting Moment Source", 100),
    _string("mkt_lastinterestingmomenttype", "Last Interesting Moment Type", 100),
    _integer("mkt_relativescore", "Relative Score", 0, 2_147_483_647),
    _integer("mkt_priority", "Priority", 0, 2_147_483_647),
    _integer("mkt_urgency", "Urgency", 0, 2_147_483_647),
)

_CUSTOM: Final = (
    _choice("new_interests", "Interests", "MultiSelectPicklist", *_INTERESTS),
    _number("new_discount", "Discount", "Decimal", "100", 2),
    Column("new_appointment", "Appointment", "TimeZoneIndependent"),
)

_SYSTEM: Final = (
    Column("ownerid", "Owner", "Owner"),
    *_read_only("DateTime", ("createdon", "Created On"), ("modifiedon", "Modified On")),
    *_read_only("Lookup", ("modifiedby", "Modified By"), ("masterid", "Master ID")),
    *_read_only("Boolean", ("merged", "Merged")),
    *_read_only("BigInt", ("versionnumber", "Version Number")),
)

LEAD_COLUMNS: Final[tuple[Column, ...]] = (
    *_read_only("Uniqueidentifier", ("leadid", "Lead")),
    *_NAMES,
    _string("subject", "Topic", 300),
    _string("companyname", "Company Name", 100),
    _string("mobilephone", "Mobile Phone", 20),
    _string("fax", "Fax", 50),
    *_ADDRESS,
    *_CONSENT,
    _choice(
        "leadsourcecode",
        "Lead Source",
        "Picklist",
        *((1, "Advertisement"), (2, "Employee Referral"), (3, "External Referral")),
        *((4, "Partner"), (5, "Public Relations"), (6, "Seminar"), (7, "Trade Show")),
        *((8, "Web"), (9, "Word of Mouth"), (10, "Other")),
    ),
    _choice("leadqualitycode", "Rating", "Picklist", (1, "Hot"), (2, "Warm"), (3, "Cold")),
    _number("revenue", "Annual Revenue", "Money", "100000000000000", 2),
    _integer("numberofemployees", "No. of Employees", 0, 1_000_000),
    Column("estimatedclosedate", "Est. Close Date", "DateOnly"),
    _choice("statecode", "Status", "State", (0, "Open"), (1, "Qualified"), (2, "Disqualified")),
    _status(
        *((1, "New", 0), (2, "Contacted", 0), (3, "Qualified", 1), (4, "Lost", 2)),
        *((5, "Cannot Contact", 2), (6, "No Longer Interested", 2), (7, "Canceled", 2)),
    ),
    *_MARKETO,
    *_CUSTOM,
    *_SYSTEM,
)
"""What a lead is made of."""

CONTACT_COLUMNS: Final[tuple[Column, ...]] = (
    *_read_only("Uniqueidentifier", ("contactid", "Contact")),
    *_NAMES,
    _string("mobilephone", "Mobile Phone", 50),
    *_ADDRESS,
    *_CONSENT,
    Column("birthdate", "Birthday", "DateOnly"),
    Column("parentcustomerid", "Company Name", "Customer"),
    _choice("statecode", "Status", "State", (0, "Active"), (1, "Inactive")),
    _status((1, "Active", 0), (2, "Inactive", 1)),
    *_MARKETO,
    _integer("mkt_leadscore", "Lead Score", -2_147_483_648, 2_147_483_647),
    *_CUSTOM,
    *_SYSTEM,
)
"""What a contact is made of."""

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "lead": LEAD_COLUMNS,
    "contact": CONTACT_COLUMNS,
}
"""The tables that a new sandbox has."""
