"""Flows that read: a table's description, a page of its feed, rows by id or by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from dynsync._headers import told_at
from dynsync.connectors import Page
from dynsync.dynamics import _feed as feed
from dynsync.dynamics import _metadata as metadata
from dynsync.dynamics._answers import fault_in, object_in, raise_garbled, record
from dynsync.dynamics._asking import ask, ask_all, every_row, sent
from dynsync.dynamics._odata import Garbled, Json, address, encode, one_of, parse, text_of
from dynsync.dynamics._tables import Table
from dynsync.dynamics.failures import Becomes
from dynsync.errors import Refused
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.transport import Flow

__all__ = ["collections_of", "describe", "holding", "page", "who_am_i"]

_IN: Final = 100
"""Values in one filter: with more, the address is longer than some gateways take."""

_ELSEWHERE: Final = (
    "what answers is not the Web API of an organisation. Its URL looks like "
    "https://example.crm.dynamics.com; a proxy in between may answer, too."
)
_NOT_THERE: Final = frozenset({Becomes.SCHEMA, Becomes.GONE})


def who_am_i() -> Flow[tuple[RecordId, str]]:
    """Return the ids of the user and of the organisation."""
    doing, said = "WhoAmI", dict[str, Json]()
    response = yield from sent("WhoAmI", doing)
    fault = fault_in(response)
    if fault is not None:
        raise fault.whole(doing, {})
    with suppress(Garbled):
        said = parse(response.body)
    user, organisation = text_of(said, "UserId"), text_of(said, "OrganizationId")
    if not user or not organisation:
        # At first contact a page for people is no passing trouble: asked again, it comes again.
        raise Refused(Side.DYNAMICS, f"{doing}: {_ELSEWHERE}")
    return RecordId(user.lower()), organisation.lower()


def describe(table: str, user: RecordId) -> Flow[Table]:
    """Return *table* with what *user* may do, for one request."""
    doing = f"describing {table!r}"
    questions = metadata.questions(table, user)
    answers = yield from ask_all([*questions.values()], doing)
    said: dict[str, Mapping[str, Json]] = {}
    for name, answer in zip(questions, answers, strict=True):
        fault = fault_in(answer)
        if name == "table" and fault is not None and fault.failure.becomes in _NOT_THERE:
            raise Refused(Side.DYNAMICS, f"there is no table {table!r}")
        if fault is None or name not in metadata.OPTIONAL:
            said[name] = object_in(answer, doing)
        elif fault.failure.becomes in _NOT_THERE:
            # An organisation without the tables of a feature does not use it.
            said[name] = {"value": []}
    try:
        return metadata.described(table, said)
    except Garbled:
        raise_garbled(answers[-1], doing)


def collections_of(targets: Iterable[str]) -> Flow[dict[str, str]]:
    """Return the names in addresses of *targets*."""
    found: dict[str, str] = {}
    for target in targets:
        path = f"EntityDefinitions(LogicalName='{encode(target)}')"
        said = yield from ask(address(path, select="EntitySetName"), f"looking up {target!r}")
        found[target] = text_of(said, "EntitySetName")
    return found


def page(table: Table, columns: Sequence[str], cursor: Cursor | None, size: int) -> Flow[Page]:
    """Return the page of *table*'s feed that *cursor* leads to."""
    doing = f"reading {table.name!r}"
    place = feed.unpack(cursor, table.name)
    prefer = ",".join([*place.preferences, f"odata.maxpagesize={size}"])
    response = yield from sent(place.path(table, columns), doing, {"Prefer": prefer})
    said = object_in(response, doing, _asked(table, columns))
    try:
        changes = feed.changes(table, said, columns)
        place, more = feed.onwards(place, columns, said)
    except Garbled:
        raise_garbled(response, doing)
    return Page(changes, feed.pack(place), more, told_at(response.headers))


def holding(
    table: Table, column: str, values: Sequence[Wire], columns: Sequence[str]
) -> Flow[list[Record]]:
    """Return the rows of *table* whose *column* is one of *values*, each once."""
    doing = f"looking for rows of {table.name!r}"
    select, asked = table.select(columns), _asked(table, [column, *columns])
    paths = [
        address(table.collection, select=select, filter=one_of(table.said(column), some))
        for some in _chunks(values, _IN)
    ]
    found: dict[RecordId, Record] = {}
    for answer in (yield from ask_all(paths, doing)) if paths else ():
        told = yield from every_row(answer, doing, asked)
        try:
            records = [record(table, row, table.readable(columns)) for row in told]
        except Garbled:
            raise_garbled(answer, doing)
        found.update((one.id, one) for one in records)
    return [*found.values()]


def _asked(table: Table, columns: Iterable[str]) -> dict[str, str]:
    return {said: name for name in columns for said in (table.said(name), name)}


def _chunks(values: Iterable[Wire], size: int) -> Iterable[list[Wire]]:
    left = iter(values)
    while some := [*islice(left, size)]:
        yield some
