"""Custom activities and their types, by the pretend Marketo's REST API."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias, cast

import attrs
import dateutil.parser

from dynsync.emulator._marketo._asked import ApiError, Asked, Route, rows_of
from dynsync.emulator._messages import Json, Malformed, listing, mapping
from dynsync.sandbox._marketo_tables import LineRow
from dynsync.sandbox._marketo_values import stamp

__all__ = ["ROUTES", "ActivityType", "Types", "number_of_line", "types_of"]

_FIRST: Final = 100_001
_MOST_TYPES: Final = 10
_MOST_ATTRIBUTES: Final = 20
_BYTES: Final = 65_536
_LINES: Final = 2_000_000_000
_KEY: Final = "custom activity types"


@attrs.frozen
class ActivityType:
    """
    A custom activity type; *attributes* are api name, name and data type of each.

    *trigger* and *filter* are what people choose it by. *made* and *changed* are times.
    """

    id: int
    api_name: str
    name: str
    description: str
    primary: tuple[str, str, str]
    attributes: tuple[tuple[str, str, str], ...]
    status: str = "draft"
    trigger: str = ""
    filter: str = ""
    made: str = ""
    changed: str = ""

    def plain(self) -> Json:
        """Return it as "get activity types" tells it."""
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "primaryAttribute": _plain(self.primary),
            "attributes": [_plain(each) for each in self.attributes],
            "apiName": self.api_name,
        }

    def full(self) -> Json:
        """Return it as "describe custom activity type" tells it."""
        return {
            "id": self.id,
            "apiName": self.api_name,
            "name": self.name,
            "description": self.description,
            "triggerName": self.trigger or self.name,
            "filterName": self.filter or self.name,
            **({"createdAt": self.made, "updatedAt": self.changed} if self.made else {}),
            "status": self.status,
            "primaryAttribute": _full(self.primary),
            "attributes": [_full(each) for each in self.attributes],
        }

    def attributes_of(self, row: LineRow) -> Sequence[Json]:
        """Return the attributes of the activity *row*."""
        if row.attributes is None:
            found: dict[str, object] = {"kind": row.kind, "text": row.text}
        else:
            found = cast("dict[str, object]", json.loads(row.attributes))
        names = {api_name: name for api_name, name, _ in self.attributes}
        return [
            {"name": names.get(each, each), "apiName": each, "value": value}
            for each, value in found.items()
        ]


def _plain(attribute: tuple[str, str, str]) -> Json:
    api_name, name, kind = attribute
    return {"name": name, "apiName": api_name, "dataType": kind}


def _full(attribute: tuple[str, str, str]) -> Json:
    api_name, name, kind = attribute
    return {"apiName": api_name, "name": name, "dataType": kind}


_KINDS: Final = frozenset(
    {"string", "boolean", "integer", "float", "link", "email"}
    | {"currency", "date", "datetime", "phone", "text"}
)
"""What attributes may be of."""

_LOG: Final = ActivityType(
    100_000,
    "sandboxLog",
    "Sandbox Log",
    "What was added without this API",
    ("key", "Key", "string"),
    (("kind", "Kind", "string"), ("text", "Text", "text")),
    "approved",
)


class Types:
    """The custom activity types there are, in the order in which they were made."""

    def __init__(self, types: Sequence[ActivityType]) -> None:
        self._types = {each.id: each for each in types}

    def __iter__(self) -> Iterator[ActivityType]:
        return iter(self._types.values())

    def approved(self) -> Iterator[ActivityType]:
        """Yield those that activities may be of."""
        return (each for each in self if each.status.startswith("approved"))

    def get(self, number: int) -> ActivityType | None:
        """Return the type *number*."""
        return self._types.get(number)

    def named(self, api_name: str) -> ActivityType | None:
        """Return the type of that name."""
        return next((each for each in self if each.api_name == api_name), None)

    def of_line(self, row: LineRow) -> ActivityType:
        """Return the type of the activity *row*."""
        return self._types.get(row.type or 0, _LOG)

    def next_id(self) -> int:
        """Return the number that the next type gets."""
        return max(self._types, default=_FIRST - 1) + 1

    def keep(self, asked: Asked, kind: ActivityType) -> None:
        """Add *kind*, or put it in the place of the one with its number."""
        self._types[kind.id] = kind
        self._save(asked)

    def drop(self, asked: Asked, kind: ActivityType) -> None:
        """Take *kind* away; its activities stay."""
        del self._types[kind.id]
        self._save(asked)

    def _save(self, asked: Asked) -> None:
        asked.store.annex.remember(_KEY, json.dumps([attrs.astuple(each) for each in self]))


def types_of(asked: Asked) -> Types:
    """Return the types of the system."""
    text = asked.store.annex.remembered(_KEY)
    return Types([_load(each) for each in json.loads(text)] if text else [])


_Said: TypeAlias = tuple[int, str, str, str, list[str], list[list[str]], str, *tuple[str, ...]]


def _load(said: _Said) -> ActivityType:
    # A file may be older than the names of triggers and filters, and the times.
    number, api_name, name, description, primary, attributes, status, *rest = said
    triples = tuple((a, b, c) for a, b, c in attributes)
    first, second, third = primary
    head = (number, api_name, name, description)
    return ActivityType(*head, (first, second, third), triples, status, *rest)


def _list(asked: Asked) -> Json:
    return {"result": [kind.full() for kind in types_of(asked)]}


def _describe(asked: Asked) -> Json:
    return {"result": [_named(asked).full()]}


def _named(asked: Asked) -> ActivityType:
    kind = types_of(asked).named(asked.names["api"])
    if kind is None:
        raise ApiError("1013", "Custom activity type not found")
    return kind


def _make(asked: Asked) -> Json:
    body, types = asked.body(), types_of(asked)
    for name in ("apiName", "name", "triggerName", "filterName", "primaryAttribute"):
        if not body.get(name):
            raise ApiError("1002", f"Missing value for the required parameter '{name}'")
    if types.named(str(body["apiName"])) is not None:
        raise ApiError("1017", "An activity type of that name exists already")
    if len(list(types)) == _MOST_TYPES:
        raise ApiError("1027", f"The limit of {_MOST_TYPES} activity types is reached")
    now = stamp(int(asked.house.clock.now().timestamp()))
    kind = ActivityType(
        types.next_id(),
        str(body["apiName"]),
        str(body["name"]),
        str(body.get("description") or ""),
        _attribute(body["primaryAttribute"]),
        (),
        trigger=str(body["triggerName"]),
        filter=str(body["filterName"]),
        made=now,
        changed=now,
    )
    types.keep(asked, kind)
    return {"result": [kind.full()]}


def _attribute(given: object) -> tuple[str, str, str]:
    try:
        said = mapping(given)
    except Malformed:
        raise ApiError("1003", "Invalid value for an attribute") from None
    if not said.get("apiName") or not said.get("name"):
        raise ApiError("1002", "Missing value for the required parameter 'apiName'")
    kind = str(said.get("dataType") or "string")
    if kind not in _KINDS:
        raise ApiError("1003", "Invalid value for parameter 'dataType'")
    return str(said["apiName"]), str(said["name"]), kind


def _add_attributes(asked: Asked) -> Json:
    kind, body = _named(asked), asked.body()
    given = tuple(_attribute(each) for each in listing(body.get("attributes", [])))
    attributes = (*kind.attributes, *given)
    if len(attributes) > _MOST_ATTRIBUTES:
        raise ApiError("1028", f"The limit of {_MOST_ATTRIBUTES} attributes is reached")
    return _drafted(asked, attrs.evolve(kind, attributes=attributes))


def _change_attributes(asked: Asked) -> Json:
    kind, body = _named(asked), asked.body()
    given = {each[0]: each for each in map(_attribute, listing(body.get("attributes", [])))}
    _check_known(kind, given)
    changed = tuple(given.get(each[0], each) for each in kind.attributes)
    return _drafted(asked, attrs.evolve(kind, attributes=changed))


def _drop_attributes(asked: Asked) -> Json:
    kind, body = _named(asked), asked.body()
    given = [str(mapping(each).get("apiName")) for each in listing(body.get("attributes", []))]
    _check_known(kind, given)
    left = tuple(each for each in kind.attributes if each[0] not in given)
    return _drafted(asked, attrs.evolve(kind, attributes=left))


def _check_known(kind: ActivityType, names: Iterable[str]) -> None:
    known = {api_name for api_name, _, _ in kind.attributes}
    for name in names:
        if name not in known:
            raise ApiError("1013", f"Attribute '{name}' not found")


def _change(asked: Asked) -> Json:
    kind, body = _named(asked), asked.body()
    primary = body.get("primaryAttribute")
    changed = attrs.evolve(
        kind,
        name=str(body.get("name") or kind.name),
        description=str(body.get("description") or kind.description),
        trigger=str(body.get("triggerName") or kind.trigger),
        filter=str(body.get("filterName") or kind.filter),
        primary=_attribute(primary) if primary else kind.primary,
    )
    return _drafted(asked, changed)


def _drafted(asked: Asked, kind: ActivityType) -> Json:
    """Keep *kind* with its changes: they hold at once, and it says that it has a draft."""
    status = "draft" if kind.status == "draft" else "approved with draft"
    now = stamp(int(asked.house.clock.now().timestamp()))
    kind = attrs.evolve(kind, status=status, changed=now)
    types_of(asked).keep(asked, kind)
    return {"result": [kind.full()]}


def _drop(asked: Asked) -> Json:
    kind = _named(asked)
    types_of(asked).drop(asked, kind)
    return {"result": [kind.full()]}


def _approve(asked: Asked) -> Json:
    kind = attrs.evolve(_named(asked), status="approved")
    types_of(asked).keep(asked, kind)
    return {"result": [kind.full()]}


def _add(asked: Asked) -> Json:
    return {"result": [_add_one(asked, row) for row in rows_of(asked)]}


def _add_one(asked: Asked, row: dict[str, object]) -> Json:
    store = asked.store
    kind = types_of(asked).get(_number(row.get("activityTypeId")))
    person = _number(row.get("leadId"))
    if kind is None or not kind.status.startswith("approved"):
        return _skipped("1013", "Custom activity type not found")
    if store.values(person, ()) is None:
        return _skipped("1004", "Lead not found")
    given = row.get("primaryAttributeValue")
    if given is None:
        return _skipped("1002", "Missing value for the required parameter 'primaryAttributeValue'")
    try:
        at = dateutil.parser.isoparse(str(row.get("activityDate")))
        attributes = _attributes(kind, row.get("attributes") or [])
    except (ValueError, LookupError):
        return _skipped("1003", "Invalid value for field 'activityDate' or 'attributes'")
    text = json.dumps(attributes)
    if len(text.encode()) > _BYTES:
        return _skipped("1049", f"The attributes are longer than {_BYTES} bytes")
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    said, words = (str(attributes.get(name, "")) for name in ("kind", "text"))
    line = store.add_line(person, str(given), at.isoformat(), said or kind.api_name, words)
    store.annex.detail(line, kind.id, text)
    number = number_of_line(line)
    return {"id": number, "marketoGUID": str(number), "status": "added"}


def number_of_line(line: int) -> int:
    """Return the number of the custom activity *line*, which no other activity shares."""
    return _LINES + line


def _attributes(kind: ActivityType, given: object) -> dict[str, object]:
    known = {name: api_name for api_name, name, _ in kind.attributes}
    known |= {api_name: api_name for api_name in known.values()}
    rows = [mapping(each) for each in listing(given)]
    return {known[str(row.get("apiName") or row.get("name"))]: row.get("value") for row in rows}


def _number(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("9" * 18) else -1


def _skipped(code: str, message: str) -> Json:
    return {"status": "skipped", "errors": [{"code": code, "message": message}]}


_TYPE: Final = r"/rest/v1/activities/external/type/(?P<api>\w+)"

ROUTES: Final = (
    Route("POST", r"/rest/v1/activities/external\.json", "log", _add),
    Route("GET", r"/rest/v1/activities/external/types\.json", "describe", _list),
    Route("POST", r"/rest/v1/activities/external/type\.json", "make", _make),
    Route("GET", rf"{_TYPE}/describe\.json", "describe", _describe),
    Route("POST", rf"{_TYPE}\.json", "make", _change),
    Route("POST", rf"{_TYPE}/approve\.json", "make", _approve),
    Route("POST", rf"{_TYPE}/discardDraft\.json", "make", _approve),
    Route("POST", rf"{_TYPE}/delete\.json", "make", _drop),
    Route("POST", rf"{_TYPE}/attributes/create\.json", "make", _add_attributes),
    Route("POST", rf"{_TYPE}/attributes/update\.json", "make", _change_attributes),
    Route("POST", rf"{_TYPE}/attributes/delete\.json", "make", _drop_attributes),
)
