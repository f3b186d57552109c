"""The schema of people by the pretend Marketo's REST API: reading it, and making new fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, cast

import attrs

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, rows_of, whole
from dynsync.emulator._marketo._describe import field_json, sized
from dynsync.emulator._messages import Json
from dynsync.sandbox import PERSON_COLUMNS
from dynsync.sandbox._marketo_columns import Held
from dynsync.schemas import Access, Column

__all__ = ["ROUTES"]

_PAGE: Final = 300
_MOST: Final = 100
_KEY: Final = "fields by the API"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LABEL: Final = re.compile(r"[\w -]*\w[\w -]*")
_WHOLE: Final = frozenset({"integer", "percent", "score"})
_KINDS: Final = frozenset(
    {"boolean", "currency", "date", "datetime", "email", "float", "phone", "string", "url", *_WHOLE}
)
_ELSEWHERE: Final = frozenset({"updateable", "crmManaged"})
"""What `describe2` tells of a field and its schema does not."""

_STANDARD: Final = frozenset(
    column.name for column in PERSON_COLUMNS if not column.name.startswith("crm")
)
_HIGHEST: Final = Decimal(2**31 - 1)


@attrs.frozen
class _Note:
    """What the schema tells of a field and the sandbox has no use for."""

    description: str = ""
    isHtmlEncodingInEmail: bool = True  # noqa: N815 - the name is Adobe's
    isSensitive: bool = False  # noqa: N815 - so is this one
    isApiCreated: bool = False  # noqa: N815 - and this one


def _notes(asked: Asked) -> dict[str, _Note]:
    text = asked.store.annex.remembered(_KEY)
    said = cast("dict[str, tuple[str, bool, bool, bool]]", json.loads(text) if text else {})
    return {name: _Note(*each) for name, each in said.items()}


def _keep(asked: Asked, name: str, note: _Note) -> None:
    notes = {**_notes(asked), name: note}
    said = {each: attrs.astuple(one) for each, one in notes.items()}
    asked.store.annex.remember(_KEY, json.dumps(said))


def _told(held: Held, note: _Note) -> Json:
    kept = {key: value for key, value in field_json(held).items() if key not in _ELSEWHERE}
    name = held.column.name
    more = attrs.asdict(note) | {"isApiCreated": note.isApiCreated or name.startswith("crm")}
    return {**kept, "isHidden": held.hidden, "isCustom": name not in _STANDARD, **more}


def _fields(asked: Asked) -> dict[str, Json]:
    """Return all fields by their names, hidden ones too: none is ever deleted."""
    notes = _notes(asked)
    return {
        name: _told(held, notes.get(name, _Note()))
        for name, held in asked.store.columns.all.items()
        if Access.READ in held.column.access & held.granted
    }


def _browse(asked: Asked) -> Json:
    token = asked.params.get("nextPageToken", "") or "F0"
    if not (token.startswith("F") and token[1:].isdecimal()):
        raise ApiError("1003", "Invalid value for parameter 'nextPageToken'")
    fields = [*_fields(asked).values()]
    start, size = int(token[1:]), whole(asked, "batchSize", _PAGE)
    end = start + size
    more = len(fields) > end
    onward = {"nextPageToken": f"F{end}"} if more else {}
    return {"result": fields[start:end], **onward, "moreResult": more}


def _one(asked: Asked) -> Json:
    found = _fields(asked).get(asked.names["name"])
    if found is None:
        raise ApiError("702", "No data found for the field")
    return {"result": [found]}


def _create(asked: Asked) -> Json:
    return {"result": [_make(asked, row) for row in rows_of(asked)]}


def _make(asked: Asked, row: Mapping[str, object]) -> Json:
    for key in ("displayName", "name", "dataType"):
        if not row.get(key):
            message = f"Missing value for the required parameter '{key}'"
            return _skipped(row.get("name"), "1002", message)
    name, label, kind = (str(row[key]) for key in ("name", "displayName", "dataType"))
    columns, notes = asked.store.columns.all, _notes(asked)
    if not _NAME.fullmatch(name) or not _LABEL.fullmatch(label) or kind not in _KINDS:
        return _skipped(name, "1003", "Invalid value for field 'name', 'displayName' or 'dataType'")
    labels = {(held.column.label or each).casefold() for each, held in columns.items()}
    if name.casefold() in {each.casefold() for each in columns} or label.casefold() in labels:
        return _skipped(name, "1017", "A field of that name exists already")
    if sum(note.isApiCreated for note in notes.values()) >= _MOST:
        return _skipped(name, "1028", f"The limit of {_MOST} fields made by the API is reached")
    asked.store.add_column(_column(name, label, kind))
    _keep(asked, name, _noted(row, _Note(isApiCreated=True)))
    if row.get("isHidden"):
        asked.store.keep_column(attrs.evolve(asked.store.columns.all[name], hidden=True))
    return {"name": name, "status": "created"}


def _column(name: str, label: str, kind: str) -> Column:
    if kind in _WHOLE:
        return Column(name, label, kind, minimum=-_HIGHEST - 1, maximum=_HIGHEST)
    return Column(name, label, kind, length=255 if sized(kind) else None)


def _noted(row: Mapping[str, object], note: _Note) -> _Note:
    flags = ("isHtmlEncodingInEmail", "isSensitive")
    given = {name: bool(row[name]) for name in flags if name in row}
    description = str(row.get("description") or "") if "description" in row else note.description
    return attrs.evolve(note, description=description, **given)


def _change(asked: Asked) -> Json:
    name, row = asked.names["name"], rows_of(asked, 1)[0]
    held = asked.store.columns.all.get(name)
    if held is None:
        raise ApiError("1006", f"Field '{name}' not found")
    note = _notes(asked).get(name, _Note())
    fixed = {"name", "dataType", "length", "isCustom", "isApiCreated"}
    fixed |= set() if note.isApiCreated else {"isHidden"}
    fixed |= {"displayName"} if name in _STANDARD else set()
    for key in row:
        if key in fixed:
            return {"result": [_skipped(name, "1003", f"'{key}' of the field cannot be changed")]}
    label = str(row.get("displayName") or held.column.label)
    if not _LABEL.fullmatch(label):
        return {"result": [_skipped(name, "1003", "Invalid value for field 'displayName'")]}
    column = attrs.evolve(held.column, label=label)
    hidden = bool(row.get("isHidden", held.hidden))
    asked.store.keep_column(attrs.evolve(held, column=column, hidden=hidden))
    _keep(asked, name, _noted(row, note))
    return {"result": [{"name": name, "status": "updated"}]}


def _skipped(name: object, code: str, message: str) -> Json:
    return {"name": name, "status": "skipped", "reasons": [{"code": code, "message": message}]}


_ALL: Final = r"/rest/v1/leads/schema/fields\.json"
_EACH: Final = r"/rest/v1/leads/schema/fields/(?P<name>\w+)\.json"

ROUTES: Final = (
    Route("GET", _ALL, "describe", _browse),
    Route("POST", _ALL, "make", _create),
    Route("GET", _EACH, "describe", _one),
    Route("POST", _EACH, "make", _change),
)
