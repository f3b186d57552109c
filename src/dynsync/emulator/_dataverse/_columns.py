"""How the metadata tells a column: its type, its bounds, its options. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from dynsync.emulator._dataverse._state import id_of
from dynsync.sandbox._dynamics_tables import Table
from dynsync.schemas import Access, Column, Option

__all__ = [
    "LOOKUPS",
    "Navigation",
    "column_json",
    "edm_type",
    "label",
    "navigation",
    "odata_type",
    "primary_name",
    "relationships",
    "targets_of",
]

LOOKUPS: Final = frozenset({"Lookup", "Customer", "Owner"})
"""The types of columns that point at another row."""

_NAMESPACE: Final = "Microsoft.Dynamics.CRM"
_DATES: Final = {
    "DateTime": ("DateAndTime", "UserLocal"),
    "DateOnly": ("DateOnly", "DateOnly"),
    "TimeZoneIndependent": ("DateAndTime", "TimeZoneIndependent"),
}
_TYPES: Final[Mapping[str, tuple[str, str, str]]] = {
    **dict.fromkeys(_DATES, ("DateTime", "DateTimeType", "DateTimeAttributeMetadata")),
    "MultiSelectPicklist": (
        "Virtual",
        "MultiSelectPicklistType",
        "MultiSelectPicklistAttributeMetadata",
    ),
    "Uniqueidentifier": (
        "Uniqueidentifier",
        "UniqueidentifierType",
        "UniqueIdentifierAttributeMetadata",
    ),
    **dict.fromkeys(("Customer", "Owner"), ("", "", "LookupAttributeMetadata")),
}
_EDM: Final[Mapping[str, str]] = {
    "Integer": "Edm.Int32",
    "BigInt": "Edm.Int64",
    "Decimal": "Edm.Decimal",
    "Money": "Edm.Decimal",
    "Double": "Edm.Double",
    "Boolean": "Edm.Boolean",
    "Picklist": "Edm.Int32",
    "State": "Edm.Int32",
    "Status": "Edm.Int32",
    "DateTime": "Edm.DateTimeOffset",
    "TimeZoneIndependent": "Edm.DateTimeOffset",
    "DateOnly": "Edm.Date",
    "Uniqueidentifier": "Edm.Guid",
    **dict.fromkeys(LOOKUPS, "Edm.Guid"),
}
_POINTS_AT: Final = {
    "modifiedby": "systemuser",
    "createdby": "systemuser",
    "primarycontactid": "contact",
}
_FORMATS: Final = {"email": "Email", "phone": "Phone", "url": "Url"}
_MANAGED: Final = {"CanBeChanged": True, "ManagedPropertyLogicalName": "canmodifyrequirement"}


def _kinds(column: Column) -> tuple[str, str, str]:
    kind, name, meta = _TYPES.get(column.type, ("", "", ""))
    kind = kind or column.type
    return kind, name or f"{kind}Type", meta or f"{kind}AttributeMetadata"


def edm_type(column: Column) -> str:
    """Return the type that OData knows the values of *column* by."""
    return _EDM.get(column.type, "Edm.String")


def odata_type(column: Column) -> str:
    """Return the type that the metadata casts *column* to."""
    return f"{_NAMESPACE}.{_kinds(column)[2]}"


def label(text: str) -> dict[str, object]:
    """Return *text* as the metadata tells a label."""
    one = {"Label": text, "LanguageCode": 1033, "IsManaged": False, "HasChanged": None}
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


def column_json(table: Table, column: Column, position: int) -> dict[str, object]:
    """Return all that is told of *column* of *table*."""
    kind, type_name, _ = _kinds(column)
    rights = [each.get(column.name) for each in table.secured.values()]
    secured = any(each is not None for each in rights)
    level = "SystemRequired" if column.required else "None"
    writable = bool(column.access & (Access.CREATE | Access.UPDATE))
    return {
        "@odata.type": f"#{odata_type(column)}",
        "MetadataId": id_of("attribute", table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": type_name},
        "AttributeOf": None,
        "ColumnNumber": position,
        "DisplayName": label(column.label or column.name),
        "Description": label(""),
        "RequiredLevel": {"Value": level, **_MANAGED},
        "IsValidForCreate": Access.CREATE in column.access,
        "IsValidForUpdate": Access.UPDATE in column.access,
        "IsValidForRead": Access.READ in column.access,
        "IsValidODataAttribute": True,
        "IsSecured": secured,
        "CanBeSecuredForCreate": writable,
        "CanBeSecuredForRead": writable,
        "CanBeSecuredForUpdate": writable,
        "IsCustomAttribute": column.name.startswith(("new_", "mkt_")),
        "IsLogical": False,
        "IsPrimaryId": column.name == table.primary,
        "IsPrimaryName": column.name == primary_name(table),
        **_bounds(table, column),
        **_choices(table, column),
    }


def primary_name(table: Table) -> str:
    """Return the column by which people call the rows of *table*, "" where there is none."""
    names = ("fullname", "name", "lastname")
    return next((name for name in names if name in table.columns), "")


def _bounds(table: Table, column: Column) -> dict[str, object]:
    low, high = _number(column.minimum), _number(column.maximum)
    match column.type:
        case "String":
            found = (word for key, word in _FORMATS.items() if key in column.name)
            word = next(found, "Text")
            said = {"Format": word, "FormatName": {"Value": word}}
            return {"MaxLength": column.length or 4_000, **said}
        case "Memo":
            return {"MaxLength": column.length or 1_048_576, "Format": "TextArea"}
        case "Integer":
            limits = {"MinValue": -(2**31) if low is None else low}
            return {**limits, "MaxValue": 2**31 - 1 if high is None else high, "Format": "None"}
        case "BigInt":
            return {"MinValue": -(2**63), "MaxValue": 2**63 - 1}
        case "Decimal" | "Double" | "Money":
            # Columns without bounds have those of their type.
            most = 100_000_000_000 if column.type != "Money" else 922_337_203_685_477
            bounds = {"MinValue": -most if low is None else low}
            precision = 2 if column.digits is None else column.digits
            return {**bounds, "MaxValue": most if high is None else high, "Precision": precision}
        case "DateTime" | "DateOnly" | "TimeZoneIndependent":
            format_, behavior = _DATES[column.type]
            return {"Format": format_, "DateTimeBehavior": {"Value": behavior}}
        case "Lookup" | "Customer" | "Owner":
            return {"Targets": targets_of(table, column)}
        case _:
            return {}


@attrs.frozen
class Navigation:
    """The property *name*: what the lookup *column* points at, in one of the tables *targets*."""

    name: str
    column: Column
    targets: tuple[str, ...]


def navigation(table: Table, name: str) -> Navigation | None:
    """Return what the property *name* of *table* leads to, None where it leads nowhere."""
    for column in table.columns.values():
        targets = targets_of(table, column)
        if column.type != "Customer":
            if targets and name == column.name:
                return Navigation(name, column, tuple(targets))
            continue
        # By its own name nobody could tell which of them it is to lead to.
        for target in targets:
            if name == f"{column.name}_{target}":
                return Navigation(name, column, (target,))
    return None


def relationships(table: Table) -> list[dict[str, object]]:
    """Return what the lookups of *table* point at, and by which property each is written."""
    found: list[dict[str, object]] = []
    for column in table.columns.values():
        targets = targets_of(table, column)
        for target in targets:
            name = f"{column.name}_{target}" if column.type == "Customer" else column.name
            found.append(
                {
                    "MetadataId": id_of("relationship", table.name, name),
                    "SchemaName": f"{table.name}_{name}",
                    "RelationshipType": "OneToManyRelationship",
                    "ReferencingEntity": table.name,
                    "ReferencingAttribute": column.name,
                    "ReferencedEntity": target,
                    "ReferencedAttribute": f"{target}id",
                    "ReferencingEntityNavigationPropertyName": name,
                    "ReferencedEntityNavigationPropertyName": f"{table.name}_{name}",
                }
            )
    return found


def targets_of(table: Table, column: Column) -> list[str]:
    """Return the tables that *column* may point at, none where it is no lookup."""
    match column.type:
        case "Customer":
            return ["account", "contact"]
        case "Owner":
            return ["systemuser", "team"]
        case "Lookup":
            return [_POINTS_AT.get(column.name, table.name)]
        case _:
            return []


def _number(bound: Decimal | None) -> int | float | None:
    if bound is None:
        return None
    return int(bound) if bound == bound.to_integral_value() else float(bound)


def _choices(table: Table, column: Column) -> dict[str, object]:
    name = f"{table.name}_{column.name}"
    if column.type == "Boolean":
        options = {"TrueOption": _option(Option(1, "Yes")), "FalseOption": _option(Option(0, "No"))}
        return {"OptionSet": {"Name": name, "OptionSetType": "Boolean", **options}}
    if column.type not in {"Picklist", "State", "Status", "MultiSelectPicklist"}:
        return {}
    kind = column.type if column.type in {"State", "Status"} else "Picklist"
    told: list[dict[str, object]] = []
    for option in column.options:
        extra: dict[str, object] = {}
        if column.type == "Status":
            extra = {"State": option.state}
        elif column.type == "State":
            extra = {"InvariantName": option.label}
        told.append({**_option(option), **extra})
    option_set = {
        "MetadataId": id_of("optionset", name),
        "Name": name,
        "IsGlobal": False,
        "OptionSetType": kind,
        "Options": told,
    }
    return {"OptionSet": option_set, "GlobalOptionSet": None}


def _option(option: Option) -> dict[str, object]:
    return {"Value": option.code, "Label": label(option.label), "Color": "", "IsManaged": False}
