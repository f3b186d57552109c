"""Reading people: by id, and by what a field of theirs holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final

from dynsync.errors import Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, moment_of, text_of, wires_of
from dynsync.marketo._replies import Reply, asked, turn_page
from dynsync.records import Edit, Record, RecordId, Side
from dynsync.transport import Flow

__all__ = ["BATCH", "by_field", "by_id", "chunks", "record_of"]

BATCH: Final = 300
"""Most ids or values that a call takes, and most people on a page."""

_LEADS: Final = "/rest/v1/leads.json"
_OTHERS: Final = "the answer is not the list of people that it should be"
_CHANGED: Final = "updatedAt"


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """Return *ids*, a call's worth at a time."""
    return [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]


def by_id(api: Api, ids: Sequence[str], fields: Sequence[str]) -> Flow[list[Record]]:
    """Read those of at most 300 *ids* that exist."""
    asking = _asking("id", ids, fields)
    reply = yield from asked(api.get(_LEADS, asking))
    found = _people(reply, fields)
    told = {one.id for one in found}
    if len(told) < len(found) or not told <= {*ids}:
        raise Unavailable(Side.MARKETO, _OTHERS)
    return found


def by_field(
    api: Api, field: str, values: Sequence[str], fields: Sequence[str]
) -> Flow[list[Record]]:
    """Read everybody whose *field* holds one of at most 300 *values*, page by page."""
    # Always by POST: the values are personal data, and addresses are logged everywhere.
    asking = _asking(field, values, fields)
    people: list[Record] = []
    while True:
        reply = yield from asked(api.ask(_LEADS, asking))
        people += _people(reply, fields)
        if not reply.token or reply.more is False or not reply.result:
            return people
        turn_page(asking, reply)


def _people(reply: Reply, fields: Sequence[str]) -> list[Record]:
    """Return whom *reply* tells of. Of half an answer all others would seem to be deleted."""
    found = [record_of(row, fields) for row in reply.result]
    if not reply.listed or not all(one.id for one in found):
        raise Unavailable(Side.MARKETO, _OTHERS)
    return found


def _asking(filter_: str, values: Iterable[str], fields: Sequence[str]) -> dict[str, str]:
    wanted = dict.fromkeys(("id", *fields, _CHANGED))
    return {
        "filterType": filter_,
        "filterValues": ",".join(values),
        "fields": ",".join(wanted),
        "batchSize": str(BATCH),
    }


def record_of(row: Json, fields: Iterable[str], edits: tuple[Edit, ...] = ()) -> Record:
    """
    Return the person that *row* is, with the values of *fields*.

    A field that was asked for and is left out is empty: Marketo may leave empty ones out.
    """
    values = wires_of(row, fields)
    changed: dt.datetime | None = moment_of(text_of(row, _CHANGED))
    return Record(RecordId(text_of(row, "id")), values, modified_at=changed, edits=edits)
