"""The rights and settings of one organisation, asked for in one request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Final

from dynsync._headers import told_at
from dynsync.connectors import Finding, Level, Needs
from dynsync.dynamics._answers import fault_in, object_in
from dynsync.dynamics._asking import ask_all, sent
from dynsync.dynamics._odata import Json, address, encode, list_of, text_of
from dynsync.records import RecordId, Side
from dynsync.schemas import Access
from dynsync.transport import Flow, Response

__all__ = ["checked", "depths_of", "time_there"]

_TABLE: Final = (
    "LogicalName,SchemaName,ChangeTrackingEnabled,IsOptimisticConcurrencyEnabled,Privileges"
)
_USER: Final = "isdisabled,applicationid"
_NEEDED: Final[Mapping[Access, tuple[str, ...]]] = {
    Access.READ: ("Read",),
    Access.CREATE: ("Create", "Append"),
    Access.UPDATE: ("Write", "Append"),
}
"""The privileges on a table that work with its rows takes."""

_WHOLE: Final = "Global"


def time_there() -> Flow[dt.datetime | None]:
    """Return what time it is by the clock of Dynamics, where it says so."""
    response = yield from sent("WhoAmI", "WhoAmI")
    object_in(response, "WhoAmI")
    return told_at(response.headers)


def checked(user: RecordId, needs: Needs) -> Flow[list[Finding]]:
    """Return how the rights of *user* are, and the settings of the tables that *needs* name."""
    me = f"systemusers({user})"
    paths = [
        address(me, select=_USER),
        f"{me}/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()",
        *(
            address(f"EntityDefinitions(LogicalName='{encode(table)}')", select=_TABLE)
            for table in needs.tables
        ),
    ]
    whom, privileges, *tables = yield from ask_all(paths, "checking")
    found = [*_of_user(whom)]
    held = depths_of(privileges)
    if held is None:
        seen = "the user may not ask for its own privileges"
        todo = "Give its role Read on User and on Security Role."
        found.append(_found("privileges", "untried", seen, todo))
    for (table, access), answer in zip(needs.tables.items(), tables, strict=True):
        fault = fault_in(answer)
        if fault is not None:
            seen = f"{fault.failure.says} [{fault.failure.code}]"
            todo = "Correct the table's name in the map, or install what brings it."
            found.append(_found(f"table {table!r}", "missing", seen, todo))
            continue
        said = object_in(answer, "checking")
        if held is not None:
            found += _of_rights(table, access, said, held)
        found += _of_settings(table, access, said)
    return found


def _of_user(answer: Response) -> Iterator[Finding]:
    """Yield who it is that the connector works as (R85, R97)."""
    if fault_in(answer) is not None:
        seen = "the user may not read its own row"
        yield _found("user", "untried", seen, "Give its role Read on User.")
        return
    said = object_in(answer, "checking")
    if said.get("isdisabled") is True:
        todo = "Enable it in the Power Platform admin center."
        yield _found("user", "missing", "the user is disabled", todo)
    elif not said.get("applicationid"):
        todo = "Make an application user for the sync: what a person changes is not the sync's."
        yield _found("user", "look", "the user is a person's", todo)
    else:
        yield _found("user", "ok", "an application user, enabled")


def depths_of(answer: Response) -> dict[str, str] | None:
    """Return how far each privilege of the user reaches, by its name in lower case."""
    if fault_in(answer) is not None:
        return None
    held: dict[str, str] = {}
    for one in list_of(object_in(answer, "checking"), "RolePrivileges"):
        depth = text_of(one, "Depth")
        for name in (text_of(one, "PrivilegeName"), text_of(one, "PrivilegeId")):
            # Of several roles, that counts which reaches furthest.
            if name and held.get(name.lower()) != _WHOLE:
                held[name.lower()] = depth
    return held


def _of_rights(
    table: str, access: Access, said: Mapping[str, Json], held: Mapping[str, str]
) -> Iterator[Finding]:
    about = f"rights on {table!r}"
    kinds = [*dict.fromkeys(kind for flag in access for kind in _NEEDED[flag])]
    names = {kind: _names(said, kind) for kind in kinds}
    lacking = [name[0] for name in names.values() if not {n.lower() for n in name} & {*held}]
    if lacking:
        todo = "Give them to the security role of the application user, for the organisation."
        yield _found(about, "missing", f"the user lacks {', '.join(lacking)}", todo)
        return
    narrow = [
        name[0]
        for name in names.values()
        if not any(held.get(each.lower()) in {_WHOLE, ""} for each in name)
    ]
    if narrow:
        seen = f"{', '.join(narrow)}: for some rows only"
        todo = "Give them for the whole organisation: the sync cannot tell unseen rows from none."
        yield _found(about, "look", seen, todo)
    else:
        yield _found(about, "ok", f"{', '.join(kinds)}, for the whole organisation")


def _names(said: Mapping[str, Json], kind: str) -> list[str]:
    """Return the name and the id of the privilege that *kind* of work with the table takes."""
    for one in list_of(said, "Privileges"):
        if text_of(one, "PrivilegeType") == kind:
            return [name for key in ("Name", "PrivilegeId") if (name := text_of(one, key))]
    return [f"prv{kind}{text_of(said, 'SchemaName')}"]


def _of_settings(table: str, access: Access, said: Mapping[str, Json]) -> Iterator[Finding]:
    about = f"change tracking of {table!r}"
    if said.get("ChangeTrackingEnabled") is True:
        yield _found(about, "ok", "it is on")
    else:
        todo = "Switch on Track changes in the properties of the table, under Advanced options."
        yield _found(about, "missing", "it is off, so nobody keeps changes", todo)
    if Access.UPDATE in access and said.get("IsOptimisticConcurrencyEnabled") is False:
        todo = "Use a table that has them: without, an edit in between would be written over."
        seen = "the table has no conditional writes"
        yield _found(f"row versions of {table!r}", "missing", seen, todo)


def _found(about: str, level: Level, seen: str, todo: str = "") -> Finding:
    return Finding(Side.DYNAMICS, about, level, seen, todo)
