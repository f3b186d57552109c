"""What Marketo's "sync leads" call does with one row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from dynsync.records import RecordId, Wire
from dynsync.sandbox._marketo_people import Author, People
from dynsync.sandbox._marketo_store import Store
from dynsync.sandbox._marketo_values import Invalid, check, missing, number_of, searchable, stored
from dynsync.writes import (
    Create,
    Created,
    Gone,
    Reason,
    Rejected,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["apply", "look_up"]


def apply(people: People, write: Write, author: Author) -> WriteResult:
    """Do one *write*; one bad field skips the whole row, and every reason is told."""
    match write:
        case Update():
            return _update(people, write, author)
        case Create():
            return _upsert(people, write, author)


def _update(people: People, write: Update, author: Author) -> WriteResult:
    # Whatever `write.expect` says: there is no conditional write here.
    number = number_of(write.id)
    if number is None:
        return _rejected(Reason("1003", "Invalid value for field 'id': not a number", "id"))
    columns = people.store.columns
    body, reasons = check(columns.shown, columns.updatable, write.values)
    if reasons:
        known = people.store.values(number, ()) is not None
        return Rejected(tuple(reasons)) if known else Gone()
    return Updated(RecordId(str(number))) if people.change(number, body, author) else Gone()


def _upsert(people: People, write: Create, author: Author) -> WriteResult:
    field = write.key_field
    if field is None:
        message = "Missing value for the required parameter 'lookupField'"
        return _rejected(Reason("1002", message))
    if reason := _not_a_key(people, field):
        return _rejected(reason)
    key = write.values.get(field)
    known: list[int] = []
    reasons: list[Reason] = []
    if key is None or key == "":
        reasons.append(Reason("1003", f"Value for lookup field '{field}' not found", field))
    else:
        known = look_up(people.store, field, [key])
    if len(known) > 1:
        reasons.append(Reason("1007", "Multiple leads match the lookup criteria", field))
    return _make(people, write, author, known, reasons)


def _make(
    people: People,
    write: Create,
    author: Author,
    known: list[int],
    reasons: list[Reason],
) -> WriteResult:
    columns = people.store.columns
    allowed = columns.updatable if known else columns.creatable
    if known and write.key_field not in allowed:
        # It says who is meant; that it cannot be written does not matter.
        held = columns.writable[str(write.key_field)]
        allowed = {**allowed, held.column.name: held}
    body, refused = check(columns.shown, allowed, write.values)
    reasons += refused
    if not known:
        named = {reason.field for reason in refused}
        reasons += missing([name for name in columns.required if name not in named], body)
    if reasons:
        return Rejected(tuple(reasons))
    if not known:
        return Created(RecordId(str(people.create(body, author))))
    people.change(known[0], body, author)
    return Updated(RecordId(str(known[0])))


def look_up(store: Store, field: str, values: Iterable[Wire]) -> list[int]:
    """Return the people whose *field* holds one of *values*, by id."""
    store.index(field)
    column = store.columns.all[field].column
    found: set[int] = set()
    for value in values:
        # What the column could not hold, nobody has.
        with contextlib.suppress(Invalid):
            key = stored(column, value)
            found.update(store.look_up(field, key) if key is not None else ())
    return sorted(found)


def _not_a_key(people: People, field: str) -> Reason | None:
    held = people.store.columns.shown.get(field)
    if held is None:
        return Reason("1006", f"Field '{field}' not found", field)
    if held.computed or not searchable(held.column):
        return Reason("1011", f"Field '{field}' not supported as lookup", field)
    return None


def _rejected(reason: Reason) -> Rejected:
    return Rejected((reason,))
