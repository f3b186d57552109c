"""What Dynamics says of its columns, joined with what the sync user may do with each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

import attrs

from dynsync.dynamics._odata import Garbled, Json, address, encode, list_of, rows, text_of
from dynsync.dynamics._tables import REFERENCES, Table
from dynsync.records import RecordId
from dynsync.schemas import FULL_ACCESS, Access, Column, Option, Schema

__all__ = ["OPTIONAL", "described", "questions"]

_ADMINISTRATOR: Final = "627090ff-40a3-4053-8790-584edc5be201"
"""The template of the role System Administrator, whom column security does not hold back."""

OPTIONAL: Final = frozenset({"roles", "masked"})
"""
The questions that some may not ask, and what no answer means is the safe thing: the user is
no administrator, and any secured column may be masked.
"""

_COLUMNS: Final = (
    "LogicalName,MetadataId,AttributeType,AttributeTypeName,AttributeOf,DisplayName,"
    "IsValidForCreate,IsValidForUpdate,IsValidForRead,IsValidODataAttribute,IsSecured,RequiredLevel"
)
_OWN: Final = "OptionSet($select=Options)"
_OPTIONS: Final = f"{_OWN},GlobalOptionSet($select=Options)"
_BOUNDS: Final = "MinValue,MaxValue"
_DETAILS: Final[Mapping[str, tuple[str, str]]] = {
    "String": ("MaxLength", ""),
    "Memo": ("MaxLength", ""),
    "Integer": (_BOUNDS, ""),
    "Decimal": (f"{_BOUNDS},Precision", ""),
    "Double": (f"{_BOUNDS},Precision", ""),
    "Money": (f"{_BOUNDS},Precision", ""),
    "DateTime": ("DateTimeBehavior", ""),
    "Picklist": ("", _OPTIONS),
    "State": ("", _OWN),
    "Status": ("", _OWN),
    "MultiSelectPicklist": ("", _OPTIONS),
}
"""What each type of column has beyond what all have, and what of it is a document of its own."""

_TYPES: Final = frozenset({*_DETAILS, *REFERENCES, "BigInt", "Boolean", "Uniqueidentifier"})


def questions(table: str, user: RecordId) -> dict[str, str]:
    """Return the addresses of all that `described` takes, by the names that it knows them by."""
    entity = f"EntityDefinitions(LogicalName='{encode(table)}')"
    me = f"systemusers({user})"
    asked = {
        "privileges": f"{me}/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()",
        "secured": f"{me}/Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges()",
        "roles": address(f"{me}/systemuserroles_association", select="_roletemplateid_value"),
        "masked": address(
            "attributemaskingrules",
            select="attributelogicalname",
            filter=f"entityname eq '{table}'",
        ),
        "table": address(
            entity, select="LogicalName,EntitySetName,PrimaryIdAttribute,SchemaName,Privileges"
        ),
        "columns": address(f"{entity}/Attributes", select=_COLUMNS),
        "lookups": address(
            f"{entity}/ManyToOneRelationships",
            select="ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName",
        ),
    }
    for kind, (detail, expand) in _DETAILS.items():
        cast = f"{entity}/Attributes/Microsoft.Dynamics.CRM.{kind}AttributeMetadata"
        select = ",".join(filter(None, ["LogicalName", detail]))
        asked[kind] = address(cast, select=select, expand=expand)
    return asked


@attrs.frozen
class _Rights:
    """
    What the user may do with the table, and with each secured column by its metadata id.

    *masked* columns read as asterisks, whoever reads them; None where it is not known which.
    """

    table: Access
    secured: Mapping[str, Access]
    administrator: bool
    masked: frozenset[str] | None

    def of(self, column: Mapping[str, Json]) -> Access:
        """Return what is left of *column*."""
        access = Access.NONE
        for flag, said in _VALID.items():
            if column.get(said) is True:
                access |= flag
        access &= self.table
        if column.get("IsSecured") is not True:
            return access
        if not self.administrator:
            access &= self.secured.get(text_of(column, "MetadataId").lower(), Access.NONE)
        if self.masked is None or text_of(column, "LogicalName") in self.masked:
            access &= ~Access.READ
        return access


_VALID: Final[Mapping[Access, str]] = {
    Access.READ: "IsValidForRead",
    Access.CREATE: "IsValidForCreate",
    Access.UPDATE: "IsValidForUpdate",
}
_SECURED: Final[Mapping[Access, str]] = {
    Access.READ: "CanRead",
    Access.CREATE: "CanCreate",
    Access.UPDATE: "CanUpdate",
}
_PRIVILEGES: Final[Mapping[Access, str]] = {Access.CREATE: "Create", Access.UPDATE: "Write"}


def described(table: str, answers: Mapping[str, Mapping[str, Json]]) -> Table:
    """
    Return *table* from the *answers* to its `questions`; raise `Garbled` where they are none.

    A missing right to create or change rows narrows every column. A missing right to read
    them does not: reading is refused, instead of finding nothing.
    """
    entity = answers["table"]
    collection, primary = text_of(entity, "EntitySetName"), text_of(entity, "PrimaryIdAttribute")
    if not collection or not primary:
        raise Garbled("a table without a name in addresses, or without a primary column")
    rights = _Rights(
        _table_rights(entity, answers["privileges"]),
        _column_rights(answers["secured"]),
        _is_administrator(answers.get("roles", {})),
        _masked(answers.get("masked")),
    )
    details: dict[str, Mapping[str, Json]] = {
        text_of(row, "LogicalName"): row for kind in _DETAILS for row in rows(answers[kind])
    }
    columns = [
        _column(row, kind, details.get(text_of(row, "LogicalName"), {}), rights.of(row))
        for row in rows(answers["columns"])
        if (kind := _type(row)) is not None
    ]
    if all(column.name != primary for column in columns):
        # As a description every column would seem to be gone, until somebody says otherwise.
        raise Garbled("columns without the primary one")
    return Table(
        table,
        collection,
        primary,
        Schema.of(table, sorted(columns, key=lambda column: column.name)),
        _lookups(rows(answers["lookups"])),
    )


def _type(row: Mapping[str, Json]) -> str | None:
    """Return the type of a column that can be read by itself, None for any other."""
    if row.get("AttributeOf") or row.get("IsValidODataAttribute") is False:
        # Made of another column, such as the name of the row that a lookup points at.
        return None
    said = text_of(row, "AttributeType")
    named = row.get("AttributeTypeName")
    if isinstance(named, dict) and text_of(named, "Value") == "MultiSelectPicklistType":
        said = "MultiSelectPicklist"
    return said if said in _TYPES else None


def _column(
    row: Mapping[str, Json], kind: str, detail: Mapping[str, Json], access: Access
) -> Column:
    whole = kind in {"Integer", "BigInt"}
    return Column(
        text_of(row, "LogicalName"),
        _label(row.get("DisplayName")),
        _behaviour(detail) if kind == "DateTime" else kind,
        _length(detail.get("MaxLength")),
        minimum=_bound(detail.get("MinValue")),
        maximum=_bound(detail.get("MaxValue")),
        digits=0 if whole and detail else _whole(detail.get("Precision")),
        options=tuple(_options(detail)),
        required=_level(row) == "SystemRequired",
        access=access,
    )


def _behaviour(detail: Mapping[str, Json]) -> str:
    """Return the type of a date: a day, a time on the wall, or an instant."""
    behaviour = detail.get("DateTimeBehavior")
    said = text_of(behaviour, "Value") if isinstance(behaviour, dict) else ""
    return said if said in {"DateOnly", "TimeZoneIndependent"} else "DateTime"


def _level(row: Mapping[str, Json]) -> str:
    # ApplicationRequired is for forms: rows without such a value are taken through the API.
    level = row.get("RequiredLevel")
    return text_of(level, "Value") if isinstance(level, dict) else ""


def _label(said: Json) -> str:
    label = said.get("UserLocalizedLabel") if isinstance(said, dict) else None
    return text_of(label, "Label") if isinstance(label, dict) else ""


def _whole(said: Json) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) else None


def _length(said: Json) -> int | None:
    """Return a length; what is below 0 is none, and limits nothing."""
    length = _whole(said)
    return None if length is None or length < 0 else length


def _bound(said: Json) -> Decimal | None:
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    try:
        return Decimal(str(said))
    except InvalidOperation:
        raise Garbled("a bound that is no number") from None


def _options(detail: Mapping[str, Json]) -> Iterator[Option]:
    """Yield the options of a choice, which are its own or those of many."""
    found = detail.get("OptionSet") or detail.get("GlobalOptionSet")
    for option in list_of(found, "Options") if isinstance(found, dict) else ():
        code = _whole(option.get("Value"))
        if code is not None:
            yield Option(code, _label(option.get("Label")), _whole(option.get("State")))


def _table_rights(entity: Mapping[str, Json], privileges: Mapping[str, Json]) -> Access:
    held = {
        text_of(one, key).lower()
        for one in list_of(privileges, "RolePrivileges")
        for key in ("PrivilegeName", "PrivilegeId")
    }
    access = FULL_ACCESS
    for flag, kind in _PRIVILEGES.items():
        if not held & {*_named(entity, kind)}:
            access &= ~flag
    return access


def _named(entity: Mapping[str, Json], kind: str) -> Iterator[str]:
    """Yield the names and the id of the privilege that *kind* of work with the table needs."""
    told = [one for one in list_of(entity, "Privileges") if text_of(one, "PrivilegeType") == kind]
    for one in told:
        yield from filter(None, [text_of(one, "Name").lower(), text_of(one, "PrivilegeId").lower()])
    if not told:
        for name in (text_of(entity, "SchemaName"), text_of(entity, "LogicalName")):
            yield f"prv{kind}{name}".lower()


def _column_rights(said: Mapping[str, Json]) -> dict[str, Access]:
    """Return what column security leaves the user, by the metadata ids of columns."""
    rights: dict[str, Access] = {}
    for one in list_of(said, "AttributePrivileges"):
        access = rights.get(text_of(one, "AttributeId").lower(), Access.NONE)
        for flag, name in _SECURED.items():
            if one.get(name):
                access |= flag
        rights[text_of(one, "AttributeId").lower()] = access
    return rights


def _is_administrator(roles: Mapping[str, Json]) -> bool:
    found = list_of(roles, "value")
    return any(text_of(one, "_roletemplateid_value").lower() == _ADMINISTRATOR for one in found)


def _masked(rules: Mapping[str, Json] | None) -> frozenset[str] | None:
    if rules is None:
        return None
    return frozenset(text_of(rule, "attributelogicalname") for rule in list_of(rules, "value"))


def _lookups(relationships: Iterable[Mapping[str, Json]]) -> dict[str, dict[str, str]]:
    lookups: dict[str, dict[str, str]] = {}
    for one in relationships:
        targets = lookups.setdefault(text_of(one, "ReferencingAttribute"), {})
        property_ = text_of(one, "ReferencingEntityNavigationPropertyName")
        targets[text_of(one, "ReferencedEntity")] = property_
    return lookups
