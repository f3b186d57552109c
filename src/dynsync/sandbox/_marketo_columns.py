"""The columns that a sandbox Marketo's people have, and how the file keeps a column."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import attrs

from dynsync.schemas import FULL_ACCESS, Access, Column, LengthUnit, Option

__all__ = [
    "COMPUTED",
    "PERSON_COLUMNS",
    "SLOTS",
    "Columns",
    "Held",
    "columns_of",
    "dump_column",
    "load_column",
    "slot_of",
]

COMPUTED: Final = frozenset({"id", "createdAt", "updatedAt"})
"""Columns whose value is the system's own and that nobody writes."""

SLOTS: Final = {"id": "id", "createdAt": "created", "updatedAt": "updated"}
"""What SQLite calls the columns that every person has; the others go by their position."""

_MAX_INTEGER: Final = 2**31 - 1


def _text(name: str, label: str, type: str = "string", access: Access = FULL_ACCESS) -> Column:
    return Column(name, label, type, length=255, access=access)


def _area(name: str, label: str) -> Column:
    return Column(name, label, "text", length=30_000, unit="bytes")


def _flag(name: str, label: str) -> Column:
    return Column(name, label, "boolean")


def _whole(
    name: str,
    label: str,
    type: str = "integer",
    access: Access = FULL_ACCESS,
) -> Column:
    low, high = Decimal(-_MAX_INTEGER - 1), Decimal(_MAX_INTEGER)
    return Column(name, label, type, minimum=low, maximum=high, access=access)


PERSON_COLUMNS: Final[tuple[Column, ...]] = (
    _whole("id", "Id", access=Access.READ),
    _text("email", "Email", "email"),
    _text("salutation", "Salutation"),
    _text("firstName", "First"),
    _text("middleName", "Middle"),
    _text("lastName", "Last"),
    _text("title", "Job Title"),
    _text("phone", "Phone", "phone"),
    _text("mobilePhone", "Mobile", "phone"),
    _text("fax", "Fax", "phone"),
    _area("address", "Address"),
    _text("city", "City"),
    _text("state", "State"),
    _text("country", "Country"),
    _text("postalCode", "Postal Code"),
    _text("leadSource", "Person Source"),
    _text("leadStatus", "Person Status"),
    _text("statusReason", "Status Reason"),
    _area("personNotes", "Person Notes"),
    _flag("doNotCall", "Do Not Call"),
    _flag("unsubscribed", "Unsubscribed"),
    _text("rating", "Person Rating"),
    _text("company", "Company"),
    Column("annualRevenue", "Annual Revenue", "currency"),
    _text("microsoftAddress2", "Microsoft Address 2"),
    _text("microsoftAddress3", "Microsoft Address 3"),
    _flag("microsoftDoNotEmail", "Microsoft Do Not Email"),
    _flag("microsoftDoNotFax", "Microsoft Do Not Fax"),
    _flag("microsoftDoNotSendMarketingMaterial", "Microsoft Do Not Send Marketing Material"),
    _text("microsoftHomePhone", "Microsoft Home Phone", "phone"),
    _text("microsoftPreferredMethodOfContact", "Microsoft Preferred Method Of Contact"),
    _text("microsoftTopic", "Microsoft Topic"),
    _text("subject", "Subject"),
    # What Sales Insight computes flows one way, to the CRM, and the API may not write it.
    Column(
        "lastInterestingMomentDate",
        "Last interesting moment date",
        "datetime",
        access=Access.READ,
    ),
    _text("lastInterestingMomentDesc", "Last Interesting moment desc", access=Access.READ),
    _text("lastInterestingMomentSource", "Last Interesting moment source", access=Access.READ),
    _text("lastInterestingMomentType", "Last interesting moment type", access=Access.READ),
    _whole("relativeScore", "Relative Score", access=Access.READ),
    _whole("priority", "Priority", access=Access.READ),
    _whole("relativeUrgency", "Relative Urgency", access=Access.READ),
    _whole("leadScore", "Person Score", "score"),
    Column("microsoftCreatedDate", "Microsoft Created Date", "datetime"),
    _text("microsoftType", "Microsoft Type"),
    _flag("microsoftIsDeleted", "Microsoft is Deleted"),
    _text("crmLeadId", "CRM Lead Id"),
    _text("crmContactId", "CRM Contact Id"),
    Column("createdAt", "Created At", "datetime", access=Access.READ),
    Column("updatedAt", "Updated At", "datetime", access=Access.READ),
    Column("dateOfBirth", "Date of Birth", "date"),
    _whole("numberOfEmployees", "Num Employees"),
    _text("website", "Website", "url"),
    _whole("closeProbability", "Close Probability", "percent"),
    Column("predictedValue", "Predicted Value", "float"),
)
"""The columns of a new sandbox, under the names that Marketo's REST API uses."""


@attrs.frozen
class Held:
    """
    A column as the system holds it, with what the sync user was granted.

    *slot* is what SQLite calls it.
    """

    column: Column
    slot: str
    granted: Access = FULL_ACCESS
    hidden: bool = False
    indexed: bool = False

    @property
    def access(self) -> Access:
        """What the sync user may do."""
        return Access.NONE if self.hidden else self.column.access & self.granted

    @property
    def computed(self) -> bool:
        """Whether the value is the system's own."""
        return self.column.name in COMPUTED

    @property
    def boolean(self) -> bool:
        """Whether empty reads as false."""
        return self.column.type == "boolean"


class Columns:
    """
    The columns by name, sorted by who may do what with them.

    Worked out once: flag arithmetic for every field of every row is what would be slow.
    """

    def __init__(self, held: Iterable[Held]) -> None:
        self.all = {each.column.name: each for each in held}
        self.shown = {name: each for name, each in self.all.items() if not each.hidden}
        self.told = {name: each.column.restrict(each.access) for name, each in self.shown.items()}
        self.readable = {name for name, each in self.told.items() if Access.READ in each.access}
        self.writable = {name: each for name, each in self.shown.items() if not each.computed}
        self.creatable = self._with(Access.CREATE)
        self.updatable = self._with(Access.UPDATE)
        self.required = [name for name, each in self.shown.items() if each.column.required]

    def _with(self, access: Access) -> dict[str, Held]:
        return {name: each for name, each in self.writable.items() if access in each.access}


def dump_column(column: Column) -> str:
    """Return *column* as text that `load_column` takes."""
    bounds = (column.minimum, column.maximum)
    said: dict[str, object] = {
        "name": column.name,
        "label": column.label,
        "type": column.type,
        "length": column.length,
        "unit": column.unit,
        "bounds": [None if bound is None else str(bound) for bound in bounds],
        "digits": column.digits,
        "options": [[option.code, option.label, option.state] for option in column.options],
        "required": column.required,
        "access": column.access.value,
    }
    return json.dumps(said)


@functools.lru_cache(maxsize=1024)
def load_column(text: str) -> Column:
    """Return the column that `dump_column` wrote."""
    said = json.loads(text)
    unit: LengthUnit = "bytes" if said["unit"] == "bytes" else "characters"
    bounds: list[str | None] = said["bounds"]
    low, high = (None if bound is None else Decimal(bound) for bound in bounds)
    options: list[tuple[int, str, int | None]] = said["options"]
    return Column(
        name=said["name"],
        label=said["label"],
        type=said["type"],
        length=said["length"],
        unit=unit,
        minimum=low,
        maximum=high,
        digits=said["digits"],
        options=tuple(Option(*option) for option in options),
        required=said["required"],
        access=Access(said["access"]),
    )


def slot_of(position: int, name: str) -> str:
    """Return what SQLite calls the column *name*, the one at *position*."""
    return SLOTS.get(name, f"c{position}")


@functools.lru_cache(maxsize=64)
def columns_of(rows: tuple[tuple[int, str, int, int, int], ...]) -> Columns:
    """Return the columns that *rows* hold: position, definition, granted, hidden, indexed."""
    return Columns(
        _held(load_column(definition), position, granted, hidden, indexed)
        for position, definition, granted, hidden, indexed in rows
    )


def _held(column: Column, position: int, granted: int, hidden: int, indexed: int) -> Held:
    slot = slot_of(position, column.name)
    return Held(column, slot, Access(granted), bool(hidden), bool(indexed))
