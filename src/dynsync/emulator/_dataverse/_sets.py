"""The small entity sets around the tables: users, profiles, currencies, the org itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dynsync.emulator._dataverse._asked import Asked, Segment
from dynsync.emulator._dataverse._errors import Refusal, bad, missing_row
from dynsync.emulator._dataverse._filters import comparisons, condition, passes
from dynsync.emulator._dataverse._metadata import expansions, getter_of, project
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._security import (
    field_permissions,
    profiles,
    roles,
    user_function,
    users,
)
from dynsync.emulator._dataverse._state import id_of
from dynsync.emulator._messages import Reply
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_checks import guid

__all__ = ["SETS", "shown", "small_set"]

Rows = list[dict[str, object]]
_BULK: Final = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
_LINKED: Final = (
    *("lk_fieldpermission_fieldsecurityprofileid", "sdkmessageid"),
    *("systemuserroles_association", "teammembership_association"),
)


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
    "roles": roles,
    "teams": _none,
    "principalobjectattributeaccessset": _none,
}
"""What yields the rows of each set, the key first."""


def small_set(asked: Asked) -> Reply:
    """Answer a read of one of `SETS`, or of what hangs on a user."""
    head, *rest = asked.path
    rows = SETS[head.name](asked)
    if head.args is None:
        if [segment.name for segment in rest] == ["$count"]:
            text = str(len(rows)).encode()
            return Reply(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, text)
        return _many(asked, head.name, rows)
    key = guid(head.args.strip("'")) or head.args
    found = next((row for row in rows if next(iter(row.values())) == key), None)
    if found is None:
        raise missing_row(head.name, key)
    if rest and head.name == "systemusers":
        return _of_user(asked, RecordId(key), rest[0])
    if rest:
        raise Refusal(404, "0x80060888", f"Resource not found for the segment '{rest[0].name}'.")
    context = f"{asked.root}/$metadata#{head.name}{_selected(asked)}/$entity"
    return odata({"@odata.context": context, **shown(found, asked.options)})


def _of_user(asked: Asked, user: RecordId, segment: Segment) -> Reply:
    if segment.name == "systemuserprofiles_association":
        return _many(asked, "fieldsecurityprofiles", profiles(asked) if user == asked.user else [])
    if segment.name == "systemuserroles_association":
        return _many(asked, "roles", roles(asked))
    if segment.name == "teammembership_association":
        return _many(asked, "teams", [])
    return user_function(asked, user, segment.name, segment.args or "")


def shown(row: Mapping[str, object], options: Mapping[str, str]) -> dict[str, object]:
    """Return *row*, the key first, as *options* want it."""
    # What of a real row is not told here reads as if it were empty.
    names = [name.strip() for name in options.get("$select", "").split(",") if name.strip()]
    empty = dict.fromkeys((*names, *expansions(options.get("$expand", ""))))
    key = next(iter(row.items()))
    return dict([key]) | project({**empty, **row}, options, _LINKED)


def _selected(asked: Asked) -> str:
    return f"({asked.options['$select']})" if asked.options.get("$select") else ""


def _many(asked: Asked, name: str, rows: Rows) -> Reply:
    if text := asked.option("$filter"):
        wanted = condition(text)
        known = {each for row in rows for each in row}
        for one in comparisons(wanted):
            if one.other and known and one.other not in known:
                raise bad(f"Could not find a property named '{one.other}'.", "0x80060888")
        rows = [row for row in rows if passes(wanted, getter_of(row))]
    body: dict[str, object] = {"@odata.context": f"{asked.root}/$metadata#{name}{_selected(asked)}"}
    if asked.options.get("$count") == "true":
        body["@odata.count"] = len(rows)
    found = _ordered(rows, asked.option("$orderby"))[: _top(asked)]
    return odata({**body, "value": [shown(row, asked.options) for row in found]})


def _ordered(rows: Rows, by: str) -> Rows:
    for piece in reversed(by.split(",") if by else []):
        name, _, direction = piece.strip().partition(" ")
        down = direction.strip().lower() == "desc"
        rows = sorted(rows, key=lambda row: str(row.get(name) or "").casefold(), reverse=down)
    return rows


def _top(asked: Asked) -> int | None:
    text = asked.options.get("$top", "")
    if text and not text.isdecimal():
        raise bad("Invalid value for the query option '$top'.", "0x80060888")
    return int(text) if text else None
