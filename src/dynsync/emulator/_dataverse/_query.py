"""Reading rows: one by its key, or many by a query, page by page."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._errors import Refusal, bad, missing_key, missing_row
from dynsync.emulator._dataverse._expand import expansions_of
from dynsync.emulator._dataverse._notes import applied
from dynsync.emulator._dataverse._replies import nothing, odata
from dynsync.emulator._dataverse._rows import Shape, column_named, key_of, shape_of
from dynsync.emulator._dataverse._where import rows_of
from dynsync.emulator._messages import Reply
from dynsync.records import RecordId
from dynsync.sandbox._dynamics_tables import Row, Table, privilege
from dynsync.schemas import Access

__all__ = [
    "check_readable",
    "cookie",
    "count",
    "get_row",
    "link",
    "page_size",
    "query",
    "row_at",
]

_TAKEN: Final = frozenset(
    {"$select", "$filter", "$orderby", "$top", "$count", "$skiptoken", "$expand", "$deltatoken"}
)
_ELSEWHERE: Final = frozenset({"$apply", "fetchXml", "savedQuery", "userQuery", "sql"})
_COOKIE: Final = re.compile(r'pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(\w+)"')
_COUNTED: Final = 5_000


def check_readable(asked: Asked, table: Table) -> None:
    """Raise `Refusal` where the user may not read *table*."""
    if table.denies(asked.user, Access.READ):
        missing = privilege(Access.READ, table.name)
        message = (
            f"Principal user (Id={asked.user}, type=8), is missing {missing} privilege"
            f" for entity '{table.name}'."
        )
        raise Refusal(403, "0x80040220", message)


def row_at(asked: Asked, table: Table, args: str) -> Row:
    """Return the row that *args* name; raises `Refusal` where there is none."""
    id_, values = key_of(asked, table, args)
    row = None if id_ is None else asked.store.get(table.name, id_)
    if row is None and values:
        raise missing_key(table.name)
    if row is None:
        raise missing_row(table.name, str(id_))
    return row


def get_row(asked: Asked, table: Table, args: str) -> Reply:
    """Answer ``GET leads(…)``."""
    check_readable(asked, table)
    row, shape = row_at(asked, table, args), shape_of(asked, table)
    if asked.header("if-none-match") == row.etag:
        return nothing({"ETag": row.etag}, status=304)
    told = {**shape.row(row), **expansions_of(asked, table).of(row)}
    body = {"@odata.context": shape.context(asked, "/$entity"), **told}
    return odata(body, headers={"ETag": row.etag, **applied(asked)})


def page_size(asked: Asked) -> int:
    """Return how many rows the client would like on a page, within what there may be."""
    text, most = asked.prefer.get("odata.maxpagesize", ""), asked.state.system.page_size
    return min(int(text), most) if text.isdecimal() and int(text) else most


@attrs.frozen
class _Place:
    """Where a query goes on: *number* of the page, behind *after* or past so many rows."""

    number: int = 1
    after: str = ""
    tracking: bool = False


def place_of(asked: Asked) -> _Place:
    """Return the place in ``$skiptoken``."""
    text = asked.options.get("$skiptoken", "")
    if not text:
        return _Place()
    found = _COOKIE.search(text)
    if found is None:
        raise bad("The paging cookie is not valid.", "0x80040203")
    number, after, tracking = found.groups()
    return _Place(int(number), after, tracking == "True")


def link(asked: Asked, *, name: str, value: str) -> str:
    """Return the URL of this request with the option *name* as its place in the data."""
    kept = {
        key: text for key, text in asked.options.items() if key not in {"$skiptoken", "$deltatoken"}
    }
    placed = {**kept, name: value}.items()
    options = "&".join(f"{key}={urllib.parse.quote(text, safe='$,()/')}" for key, text in placed)
    return f"{asked.root}/{asked.path[0].name}?{options}"


def cookie(number: int, after: str, *, tracking: str) -> str:
    """Return the text of a ``$skiptoken``."""
    return f'<cookie pagenumber="{number}" pagingcookie="{after}" istracking="{tracking}" />'


def query(asked: Asked, table: Table) -> Reply:
    """Answer ``GET leads`` and its options."""
    check_readable(asked, table)
    for name in asked.options:
        if name in _ELSEWHERE:
            raise Refusal(501, "0x80060888", f"The query parameter {name} is not emulated.")
        if name.startswith("$") and name not in _TAKEN:
            raise bad(f"The query parameter {name} is not supported", "0x80060888")
    shape, place, size = shape_of(asked, table), place_of(asked), page_size(asked)
    top = _whole(asked.options.get("$top", ""))
    if "odata.maxpagesize" in asked.prefer:
        top = None
    rows = rows_of(asked, table)
    if order := asked.option("$orderby"):
        if place.after and not place.after.isdecimal():
            raise bad("The paging cookie is not valid.", "0x80040203")
        ordered = _sorted(table, rows(RecordId("")), order)
        found, more, after = _slice(ordered, int(place.after or 0), size, top)
    else:
        found, more, after = _by_id(rows(RecordId(place.after)), size if top is None else top)
        more = more and top is None
    return _answer(asked, shape, found, place, after if more else None)


def _answer(
    asked: Asked, shape: Shape, found: Sequence[Row], place: _Place, after: str | None
) -> Reply:
    body: dict[str, object] = {"@odata.context": shape.context(asked)}
    if asked.options.get("$count") == "true":
        total = sum(1 for _ in rows_of(asked, shape.table)(RecordId("")))
        body["@odata.count"] = min(total, _COUNTED)
    expanded = expansions_of(asked, shape.table)
    body["value"] = [{**shape.row(row), **expanded.of(row)} for row in found]
    if after is not None:
        text = cookie(place.number + 1, after, tracking="False")
        body["@odata.nextLink"] = link(asked, name="$skiptoken", value=text)
    return odata(body, headers=applied(asked))


def _whole(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise bad("Invalid value for the query option '$top'.", "0x80060888")
    return int(text)


def _by_id(rows: Iterator[Row], size: int) -> tuple[list[Row], bool, str]:
    found: list[Row] = []
    for row in rows:
        if len(found) == size:
            return found, True, found[-1].id if found else ""
        found.append(row)
    return found, False, ""


def _sorted(table: Table, rows: Iterable[Row], by: str) -> list[Row]:
    ordered = list(rows)
    for piece in reversed(by.split(",")):
        name, _, direction = piece.strip().partition(" ")
        if "/" in name:
            raise Refusal(501, "0x80060888", f"Sorting by '{name}' is not emulated.")
        column = column_named(table, name).name
        filled = [row for row in ordered if row.values.get(column) is not None]
        empty = [row for row in ordered if row.values.get(column) is None]
        down = direction.strip().lower() == "desc"
        filled.sort(key=_sorted_by(column), reverse=down)
        ordered = [*filled, *empty] if down else [*empty, *filled]
    return ordered


def _slice(
    rows: list[Row], skipped: int, size: int, top: int | None
) -> tuple[list[Row], bool, str]:
    if top is not None:
        return rows[:top], False, ""
    onward = skipped + size
    return rows[skipped:onward], len(rows) > onward, str(onward)


def _sorted_by(column: str) -> Callable[[Row], tuple[float, str]]:
    def key(row: Row) -> tuple[float, str]:
        value = row.values[column]
        return (0.0, value.casefold()) if isinstance(value, str) else (float(value or 0), "")

    return key


def count(asked: Asked, table: Table) -> Reply:
    """Answer ``GET leads/$count``."""
    check_readable(asked, table)
    total = min(sum(1 for _ in rows_of(asked, table)(RecordId(""))), _COUNTED)
    return Reply(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, str(total).encode())
