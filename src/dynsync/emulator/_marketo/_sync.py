"""Writing people by the pretend Marketo's REST API: "sync leads" and its four actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, rows_of
from dynsync.emulator._marketo._describe import is_key
from dynsync.emulator._messages import Json, Malformed, wires
from dynsync.records import RecordId, Wire
from dynsync.sandbox._marketo_values import check, missing
from dynsync.sandbox._marketo_writes import apply, look_up
from dynsync.writes import Create, Created, Gone, Reason, Rejected, Update, Updated, WriteResult

__all__ = ["ROUTES", "sync_row"]

_ACTIONS: Final = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")
_NOT_FOUND: Final = Rejected((Reason("1004", "Lead not found"),))


@attrs.frozen
class _Row:
    asked: Asked
    key: str
    values: Mapping[str, Wire]

    def known(self) -> list[int]:
        """Return the people whom the key of the row means."""
        return look_up(self.asked.store, self.key, [self.values.get(self.key)])

    def rejected(self, code: str, message: str) -> Rejected:
        """Return a refusal that names the key."""
        return Rejected((Reason(code, message, self.key),))


def _sync(asked: Asked) -> Json:
    body = asked.body()
    action, key = body.get("action") or "createOrUpdate", body.get("lookupField") or "email"
    if action not in _ACTIONS:
        raise ApiError("1003", "Invalid value for parameter 'action'")
    if body.get("partitionName") not in (None, "Default"):
        raise ApiError("1009", "Partition name is not known")
    rows = rows_of(asked)
    name = str(key)
    known = asked.store.columns.shown
    if name not in known:
        raise ApiError("1006", f"Field '{name}' not found")
    if not is_key(known[name].column):
        raise ApiError("1011", f"Field '{name}' not supported as lookup or filterType")
    return {"result": [_answer(sync_row(asked, str(action), name, row)) for row in rows]}


def sync_row(asked: Asked, action: str, key: str, row: Mapping[str, object]) -> WriteResult:
    """Do *action*, looking up *key*, with one *row*."""
    try:
        values = wires(row)
    except Malformed:
        return Rejected((Reason("1003", "Invalid value: not a single one", None),))
    return _DO[action](_Row(asked, key, values))


def _create_or_update(row: _Row) -> WriteResult:
    if "id" in row.values:
        return Rejected((Reason("1003", "Invalid value for field 'id': not allowed here", "id"),))
    write = Create(RecordId(""), row.values, row.key)
    return apply(row.asked.house, write, row.asked.author)


def _create_only(row: _Row) -> WriteResult:
    if "id" not in row.values and row.values.get(row.key) is not None and row.known():
        return row.rejected("1005", "Lead already exists")
    return _create_or_update(row)


def _update_only(row: _Row) -> WriteResult:
    values = dict(row.values)
    if row.key == "id":
        person = str(values.pop("id", ""))
        if not person:
            return row.rejected("1003", "Value for lookup field 'id' not found")
    elif values.get(row.key) in {None, ""}:
        return row.rejected("1003", f"Value for lookup field '{row.key}' not found")
    else:
        known = row.known()
        if not known:
            return _NOT_FOUND
        if len(known) > 1:
            return row.rejected("1007", "Multiple leads match the lookup criteria")
        person = str(known[0])
    return apply(row.asked.house, Update(RecordId(person), values), row.asked.author)


def _create_duplicate(row: _Row) -> WriteResult:
    columns = row.asked.store.columns
    body, reasons = check(columns.shown, columns.creatable, row.values)
    reasons += missing(columns.required, body)
    if reasons:
        return Rejected(tuple(reasons))
    return Created(RecordId(str(row.asked.house.create(body, row.asked.author))))


_DO: Final[Mapping[str, Callable[[_Row], WriteResult]]] = dict(
    zip(_ACTIONS, (_create_or_update, _create_only, _update_only, _create_duplicate), strict=True)
)


def _answer(result: WriteResult) -> Json:
    match result:
        case Created(id=id_):
            return {"id": int(id_), "status": "created"}
        case Updated(id=id_):
            return {"id": int(id_), "status": "updated"}
        case Rejected(reasons=reasons):
            told = [{"code": each.code, "message": each.message} for each in reasons]
            return {"status": "skipped", "reasons": told}
        case Gone():
            return {"status": "skipped", "reasons": [{"code": "1004", "message": "Lead not found"}]}
        case _:
            raise AssertionError(result)


ROUTES: Final = (Route("POST", r"/rest/v1/leads\.json", "write", _sync),)
