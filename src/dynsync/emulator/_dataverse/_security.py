"""Who the caller is and what they may do: users, privileges, column permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._errors import Refusal, bad, missing_row
from dynsync.emulator._dataverse._literals import pairs
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._state import id_of
from dynsync.emulator._messages import Reply
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_tables import AUTOMATION, PERSON, SYNC_USER, Table
from dynsync.schemas import FULL_ACCESS, Access

__all__ = [
    "attribute_privileges",
    "field_permissions",
    "privileges_of",
    "profiles",
    "roles",
    "user_function",
    "users",
    "who_am_i",
]

_VERBS: Final = ("Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share")
_RIGHTS: Final = {"Create": Access.CREATE, "Read": Access.READ, "Write": Access.UPDATE}
_ALLOWED: Final = 4
_TARGET: Final = re.compile(r"(\w+)\(([0-9A-Fa-f-]{36})\)")
_NAMES: Final = {SYNC_USER: "Sync User", PERSON: "Sales Person", AUTOMATION: "Workflow"}


def who_am_i(asked: Asked) -> Reply:
    """Answer ``WhoAmI``."""
    body = {
        "@odata.context": f"{asked.root}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
        "BusinessUnitId": asked.state.business_unit,
        "UserId": asked.user,
        "OrganizationId": asked.state.organization,
    }
    return odata(body)


def privileges_of(table: Table) -> list[dict[str, object]]:
    """Return the privileges that there are for *table*."""
    return [
        {
            "Name": _privilege(verb, table),
            "PrivilegeId": id_of("privilege", _privilege(verb, table)),
            "PrivilegeType": verb,
            "CanBeBasic": True,
            "CanBeLocal": True,
            "CanBeDeep": True,
            "CanBeGlobal": True,
        }
        for verb in _VERBS
    ]


def _privilege(verb: str, table: Table) -> str:
    return f"prv{verb}{table.name.capitalize()}"


def _held(asked: Asked, user: RecordId) -> Iterable[str]:
    for name in asked.store.names():
        table = asked.store.table(name)
        for verb in _VERBS:
            right = _RIGHTS.get(verb)
            if right is None or not table.denies(user, right):
                yield _privilege(verb, table)


def _role_privileges(asked: Asked, names: Iterable[str]) -> Reply:
    told = [
        {
            "Depth": "Global",
            "PrivilegeId": id_of("privilege", name),
            "BusinessUnitId": asked.state.business_unit,
            "PrivilegeName": name,
        }
        for name in names
    ]
    kind = "Microsoft.Dynamics.CRM.RetrieveUserPrivilegesResponse"
    return odata({"@odata.context": f"{asked.root}/$metadata#{kind}", "RolePrivileges": told})


def user_function(asked: Asked, user: RecordId, name: str, args: str) -> Reply:
    """Answer a function that is bound to a user."""
    match name.removeprefix("Microsoft.Dynamics.CRM."):
        case "RetrieveUserPrivileges":
            return _role_privileges(asked, _held(asked, user))
        case "RetrieveUserPrivilegeByPrivilegeName":
            wanted = args.partition("=")[2].strip("'").lower()
            found = [each for each in _held(asked, user) if each.lower() == wanted]
            return _role_privileges(asked, found)
        case "RetrievePrincipalAttributePrivileges":
            kind = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivilegesResponse"
            context = f"{asked.root}/$metadata#{kind}"
            told = attribute_privileges(asked, user)
            return odata({"@odata.context": context, "AttributePrivileges": told})
        case "RetrievePrincipalAccess":
            context = (
                f"{asked.root}/$metadata#Microsoft.Dynamics.CRM.RetrievePrincipalAccessResponse"
            )
            rights = ", ".join(_access(asked, user, args))
            return odata({"@odata.context": context, "AccessRights": rights})
        case _:
            raise Refusal(404, "0x80060888", f"Resource not found for the segment '{name}'.")


def _access(asked: Asked, user: RecordId, args: str) -> Iterable[str]:
    """Yield what *user* may do with the row that ``Target`` names, in the URL or by a parameter."""
    given = pairs(args).get("Target", "")
    found = _TARGET.search(asked.options.get(given, "") if given.startswith("@") else given)
    table = None if found is None else asked.table(found[1])
    if found is None or table is None:
        raise bad("The Target is not a row's URL.", "0x80048d19")
    if asked.store.get(table.name, RecordId(found[2].lower())) is None:
        raise missing_row(table.name, found[2])
    for verb in _VERBS:
        right = _RIGHTS.get(verb)
        if right is None or not table.denies(user, right):
            yield f"{verb}Access"


def roles(asked: Asked) -> list[dict[str, object]]:
    """Return the rows of ``roles``: everybody has the one there is."""
    key = id_of("role", asked.state.organization)
    return [
        {"roleid": key, "name": "Sandbox", "_businessunitid_value": asked.state.business_unit},
    ]


def users(asked: Asked) -> list[dict[str, object]]:
    """Return the rows of ``systemusers``."""
    known = dict.fromkeys((asked.user, *_NAMES))
    return [
        {
            "systemuserid": user,
            "fullname": _NAMES.get(user, "Application User"),
            "domainname": f"{user}@example.com",
            "internalemailaddress": None,
            "applicationid": id_of("application", user) if user == asked.user else None,
            "isdisabled": False,
            "accessmode": 4 if user == asked.user else 0,
            "_businessunitid_value": asked.state.business_unit,
            "systemuserroles_association": roles(asked),
            "teammembership_association": [],
        }
        for user in known
    ]


def profiles(asked: Asked) -> list[dict[str, object]]:
    """Return the column security profiles of the caller: one for each user of the sandbox."""
    return [
        {
            "fieldsecurityprofileid": id_of("profile", asked.user),
            "name": "Sandbox",
            "lk_fieldpermission_fieldsecurityprofileid": field_permissions(asked),
        }
    ]


def _secured(asked: Asked, user: RecordId) -> Iterable[tuple[str, str, Access]]:
    """Yield the table and name of every secured column, with what is left of it to *user*."""
    for name in asked.store.names():
        table = asked.store.table(name)
        mine = table.secured.get(user, {})
        for column in sorted({column for each in table.secured.values() for column in each}):
            yield name, column, mine.get(column, FULL_ACCESS)


def attribute_privileges(asked: Asked, user: RecordId) -> list[dict[str, object]]:
    """Return what column security leaves *user*, as one function tells it."""
    return [
        {
            "AttributeId": id_of("attribute", table, column),
            "CanRead": _allowed(access, Access.READ),
            "CanCreate": _allowed(access, Access.CREATE),
            "CanUpdate": _allowed(access, Access.UPDATE),
        }
        for table, column, access in _secured(asked, user)
    ]


def field_permissions(asked: Asked) -> list[dict[str, object]]:
    """Return the rows of ``fieldpermissions`` that the caller has by their profile."""
    return [
        {
            "fieldpermissionid": id_of("permission", asked.user, table, column),
            "entityname": table,
            "attributelogicalname": column,
            "canread": _allowed(access, Access.READ),
            "cancreate": _allowed(access, Access.CREATE),
            "canupdate": _allowed(access, Access.UPDATE),
            "canreadunmasked": 0,
            "_fieldsecurityprofileid_value": id_of("profile", asked.user),
        }
        for table, column, access in _secured(asked, asked.user)
    ]


def _allowed(access: Access, right: Access) -> int:
    return _ALLOWED if right in access else 0
