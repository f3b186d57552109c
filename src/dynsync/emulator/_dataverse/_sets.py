"""The small entity sets around the tables: users, profiles, currencies, the org itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dynsync.emulator._dataverse._asked import Asked, Segment
from dynsync.emulator._dataverse._errors import Refusal, missing_row
from dynsync.emulator._dataverse._filters import condition, passes
from dynsync.emulator._dataverse._metadata import getter_of, project
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._security import field_permissions, profiles, user_function, users
from dynsync.emulator._dataverse._state import id_of
from dynsync.emulator._messages import Reply
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_checks import guid

__all__ = ["SETS", "small_set"]

Rows = list[dict[str, object]]
_BULK: Final = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
_LINKED: Final = ("lk_fieldpermission_fieldsecurityprofileid", "sdkmessageid")


def _organizations(asked: Asked) -> Rows:
    days = asked.state.system.retention.days
    return [
        {
            "organizationid": asked.state.organization,
            "name": asked.state.system.name,
            "expirechangetrackingindays": days,
        }
    ]


def _units(asked: Asked) -> Rows:
    name = asked.state.system.name
    return [{"businessunitid": asked.state.business_unit, "name": name, "isdisabled": False}]


def _currencies(asked: Asked) -> Rows:
    key = id_of("currency", asked.state.system.name)
    said = {"isocurrencycode": "USD", "currencyname": "US Dollar", "currencysymbol": "$"}
    return [{"transactioncurrencyid": key, **said, "exchangerate": 1.0, "currencyprecision": 2}]


def _message_filters(asked: Asked) -> Rows:
    return [
        {
            "sdkmessagefilterid": id_of("messagefilter", table, message),
            "primaryobjecttypecode": table,
            "sdkmessageid": {"sdkmessageid": id_of("message", message), "name": message},
        }
        for table in asked.store.names()
        for message in ("Create", "Update", "Delete", "Retrieve", "RetrieveMultiple", *_BULK)
    ]


def _none(_: Asked) -> Rows:
    return []


SETS: Final[Mapping[str, Callable[[Asked], Rows]]] = {
    "systemusers": users,
    "organizations": _organizations,
    "businessunits": _units,
    "transactioncurrencies": _currencies,
    "fieldsecurityprofiles": profiles,
    "fieldpermissions": field_permissions,
    "sdkmessagefilters": _message_filters,
    "teams": _none,
    "principalobjectattributeaccessset": _none,
}
"""What yields the rows of each set, the key first."""


def small_set(asked: Asked) -> Reply:
    """Answer a read of one of `SETS`, or of what hangs on a user."""
    head, *rest = asked.path
    rows = SETS[head.name](asked)
    if head.args is None:
        return _many(asked, rows)
    key = guid(head.args.strip("'")) or head.args
    found = next((row for row in rows if next(iter(row.values())) == key), None)
    if found is None:
        raise missing_row(head.name, key)
    if rest and head.name == "systemusers":
        return _of_user(asked, RecordId(key), rest[0])
    return odata({"@odata.context": f"{asked.root}/$metadata#{head.name}/$entity", **found})


def _of_user(asked: Asked, user: RecordId, segment: Segment) -> Reply:
    if segment.name == "systemuserprofiles_association":
        return _many(asked, profiles(asked) if user == asked.user else [])
    if segment.name in {"teammembership_association", "systemuserroles_association"}:
        return _many(asked, [])
    return user_function(asked, user, segment.name, segment.args or "")


def _many(asked: Asked, rows: Rows) -> Reply:
    if text := asked.options.get("$filter", ""):
        wanted = condition(text)
        rows = [row for row in rows if passes(wanted, getter_of(row))]
    try:
        told = [project(row, asked.options, _LINKED) for row in rows]
    except Refusal:
        # What of a real row is not told here reads as if it were empty.
        told = rows
    return odata({"@odata.context": f"{asked.root}/$metadata#{asked.path[0].name}", "value": told})
