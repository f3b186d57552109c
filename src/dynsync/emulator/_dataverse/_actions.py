"""What is done to several rows by a message of its own: merging two, deleting many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._errors import Refusal, bad, denied, missing_row
from dynsync.emulator._dataverse._replies import nothing, odata
from dynsync.emulator._dataverse._rows import values_of
from dynsync.emulator._dataverse._state import id_of
from dynsync.emulator._dataverse._writes import update
from dynsync.emulator._messages import Malformed, Reply, listing, mapping
from dynsync.records import RecordId
from dynsync.sandbox import Denied
from dynsync.sandbox._dynamics_checks import guid
from dynsync.sandbox._dynamics_tables import Row, Table

__all__ = ["ACTIONS"]


def _merge(asked: Asked) -> Reply:
    body = asked.body()
    try:
        target, loser = mapping(body.get("Target")), mapping(body.get("Subordinate"))
        content = mapping(body.get("UpdateContent") or {})
    except Malformed:
        raise bad("Target and Subordinate must be rows.", "0x80048d19") from None
    table = _table(asked, target)
    if _table(asked, loser) is not table:
        raise bad("The two rows are of different tables.", "0x80040203")
    kept, gone = _row(asked, table, target), _row(asked, table, loser)
    if kept.id == gone.id:
        raise bad("The two rows are the same.", "0x80045305")
    if kept.values.get("statecode") or gone.values.get("statecode"):
        raise bad("Only active rows can be merged.", "0x80045304")
    values, _ = values_of(asked, table, content)
    if values:
        update(asked, table, kept, values)
    _retire(asked, table, gone, kept.id)
    return nothing()


def _retire(asked: Asked, table: Table, row: Row, master: RecordId) -> None:
    """Deactivate *row*: from now on it says which row it was merged into."""
    states = table.columns["statecode"].options
    # The system does this, not the user: the columns are closed to everybody else.
    pipeline = asked.state.system.pipeline(table, asked.user, held=False)
    try:
        pipeline.update(row, {"statecode": states[-1].code, "merged": True, "masterid": master})
        pipeline.run_automations()
    except Denied as reason:
        raise denied(reason) from None


def _table(asked: Asked, entity: Mapping[str, object]) -> Table:
    kind = str(entity.get("@odata.type", "")).lstrip("#").removeprefix("Microsoft.Dynamics.CRM.")
    table = asked.named(kind)
    if table is None or "masterid" not in table.columns:
        raise bad(f"Rows of '{kind}' cannot be merged.", "0x80040203")
    return table


def _row(asked: Asked, table: Table, entity: Mapping[str, object]) -> Row:
    key = guid(str(entity.get(table.primary, "")))
    row = None if key is None else asked.store.get(table.name, RecordId(key))
    if row is None:
        raise missing_row(table.name, str(key))
    return row


def _bulk_delete(asked: Asked) -> Reply:
    # The real one is a job that runs when there is time; here there always is.
    body = asked.body()
    now = int(asked.state.system.clock.now().timestamp())
    try:
        found = [each for query in listing(body.get("QuerySet")) for each in _asked_for(query)]
    except Malformed:
        raise bad("The QuerySet is not valid.", "0x80048d19") from None
    for name, key in found:
        table = asked.named(name)
        if table is None:
            raise Refusal(404, "0x80060888", f"There is no table '{name}'.")
        row = asked.store.get(name, key)
        if row is not None:
            asked.store.delete(table, row, at=now)
    job = id_of("bulkdelete", str(next(asked.state.numbers)))
    context = f"{asked.root}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return odata({"@odata.context": context, "JobId": job})


def _asked_for(query: object) -> Iterator[tuple[str, RecordId]]:
    """Yield the table and id of every row that *query* names; other queries are not taken."""
    said = mapping(query)
    name = str(said.get("EntityName"))
    for each in listing(mapping(said.get("Criteria")).get("Conditions")):
        one = mapping(each)
        if one.get("AttributeName") != f"{name}id" or one.get("Operator") not in {"In", "Equal"}:
            raise Malformed("only rows by their ids are deleted in bulk")
        for value in listing(one.get("Values")):
            yield name, RecordId(str(mapping(value).get("Value")).lower())


ACTIONS: Final[Mapping[str, Callable[[Asked], Reply]]] = {
    "Merge": _merge,
    "BulkDelete": _bulk_delete,
}
"""What answers each message that is bound to no table."""
