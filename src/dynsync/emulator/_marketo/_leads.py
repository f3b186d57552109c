"""Reading, deleting and merging people by the pretend Marketo's REST API."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, needed, rows_of, whole
from dynsync.emulator._marketo._describe import is_key, readable
from dynsync.emulator._messages import Json
from dynsync.records import RecordId
from dynsync.sandbox._marketo_values import number_of
from dynsync.sandbox._marketo_view import View
from dynsync.sandbox._marketo_writes import look_up

__all__ = ["ROUTES", "fields_asked", "view_of"]

_PAGE: Final = 300
_TOO_MANY: Final = 1_000
_MERGE: Final = 25
_USUAL: Final = ("id", "email", "updatedAt", "createdAt", "lastName", "firstName")


def fields_asked(asked: Asked, usual: Sequence[str] = _USUAL) -> list[str]:
    """Return the names in the parameter ``fields``, or the *usual* ones."""
    text = asked.params.get("fields", "")
    return [name.strip() for name in text.split(",") if name.strip()] or list(usual)


def view_of(asked: Asked, names: Sequence[str]) -> View:
    """Return a view of *names*, the id first; raises `ApiError` where one is not there."""
    columns = readable(asked)
    names = [name for name in names if name in columns or name not in _USUAL]
    for name in names:
        if name not in columns:
            raise ApiError("1006", f"Field '{name}' not found")
    return View(columns, ["id", *names])


def _answer(asked: Asked, people: Collection[int], view: View) -> Sequence[Json]:
    return [view.values(row) for row in view.some(asked.store, people)]


def _one(asked: Asked) -> Json:
    view = view_of(asked, fields_asked(asked))
    found = _answer(asked, [int(asked.names["id"])], view)
    if not found:
        raise ApiError("1004", f"Lead '{asked.names['id']}' not found")
    return {"result": found}


def _filtered(asked: Asked) -> Json:
    kind, text = needed(asked, "filterType"), needed(asked, "filterValues")
    values = [value.strip() for value in text.split(",")]
    if len(values) > _PAGE:
        raise ApiError("1003", f"The number of filterValues exceeds the limit of {_PAGE}")
    held = readable(asked).get(kind)
    if held is None or not is_key(held.column):
        raise ApiError("1011", f"Field '{kind}' not supported as lookup or filterType")
    view = view_of(asked, fields_asked(asked))
    people = _numbers(values) if kind == "id" else look_up(asked.store, kind, values)
    if len(people) > _TOO_MANY:
        raise ApiError("1003", "Too many results match the filter")
    # The token is the last id of the page: people who are deleted meanwhile shift nothing.
    after = _place(asked)
    people = sorted(person for person in set(people) if person > after)
    size = whole(asked, "batchSize", _PAGE)
    page, more = people[:size], len(people) > size
    onward = {"nextPageToken": f"L{page[-1]}"} if more else {}
    return {"result": _answer(asked, page, view), **onward, "moreResult": more}


def _place(asked: Asked) -> int:
    token = asked.params.get("nextPageToken", "")
    if not token:
        return 0
    if not (token.startswith("L") and token[1:].isdecimal()):
        raise ApiError("1003", "Invalid value for parameter 'nextPageToken'")
    return int(token[1:])


def _numbers(values: Collection[str]) -> list[int]:
    numbers = (number_of(RecordId(value)) for value in values)
    return [number for number in numbers if number is not None]


def _delete(asked: Asked) -> Json:
    if asked.params.get("id"):
        ids: list[object] = [*asked.params["id"].split(",")]
        if len(ids) > _PAGE:
            raise ApiError("1003", f"The number of ids exceeds the limit of {_PAGE}")
    else:
        ids = [row.get("id") for row in rows_of(asked)]
    return {"result": [_delete_one(asked, id_) for id_ in ids]}


def _delete_one(asked: Asked, given: object) -> Json:
    person = number_of(RecordId(str(given)))
    if person is None or asked.store.values(person, ()) is None:
        reason = {"code": "1004", "message": "Lead not found"}
        return {"status": "skipped", "reasons": [reason]}
    asked.house.delete(person, asked.author)
    return {"id": person, "status": "deleted"}


def _merge(asked: Asked) -> Json:
    text = asked.params.get("leadIds") or needed(asked, "leadId")
    winner = int(asked.names["id"])
    losers = [person for person in dict.fromkeys(_numbers(text.split(","))) if person != winner]
    if len(losers) > _MERGE:
        raise ApiError("1080", f"The number of leadIds exceeds the limit of {_MERGE}")
    for person in (winner, *losers):
        if asked.store.values(person, ()) is None:
            raise ApiError("1004", f"Lead '{person}' not found")
    if not losers:
        raise ApiError("1003", "Invalid value for parameter 'leadIds'")
    asked.house.merge(winner, losers, asked.author)
    return {}


def _partitions(_: Asked) -> Json:
    return {"result": [{"id": 1, "name": "Default", "description": "Initial system partition"}]}


ROUTES: Final = (
    Route("GET", r"/rest/v1/lead/(?P<id>\d{1,18})\.json", "fetch", _one),
    Route("GET", r"/rest/v1/leads\.json", "find", _filtered),
    Route("DELETE", r"/rest/v1/leads\.json", "write", _delete),
    Route("POST", r"/rest/v1/leads/delete\.json", "write", _delete),
    Route("POST", r"/rest/v1/leads/(?P<id>\d{1,18})/merge\.json", "write", _merge),
    Route("GET", r"/rest/v1/leads/partitions\.json", "describe", _partitions),
)
