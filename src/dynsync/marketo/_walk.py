"""
A full read by id: everybody from number 1 on, 300 ids a call.

It needs nothing but the right to read people, and costs a call for every 300 ids that were
ever given, whoever still has them. Marketo gives ids in order and does not tell the last one,
so the read ends where nobody is found for a long stretch, and not before somebody who was made
lately: the people of a large import may all have been deleted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import attrs

from dynsync.connectors import Page
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, all_of
from dynsync.marketo._feed import page_of, token_at
from dynsync.marketo._json import number_of
from dynsync.marketo._leads import BATCH, by_id
from dynsync.marketo._places import Place, Progress
from dynsync.records import Record

__all__ = ["KIND", "begin", "page"]

KIND: Final = "ids"

_NEW: Final = 12
_LATELY: Final = dt.timedelta(days=30)


def begin(calls: Calls, api: Api, fields: str) -> Progress:
    """Return where a read of the fields with that digest begins."""
    token = calls.run(token_at(api, calls.now() - _LATELY))
    made = calls.run(page_of(api, "activities", token, (), (_NEW,)))
    ids = [number_of(row, "leadId") or 0 for row in made.result]
    return Progress(KIND, fields, (1, 0, max(ids, default=0)))


def page(
    calls: Calls, api: Api, place: Place, progress: Progress, *, fields: Sequence[str], gap: int
) -> Page:
    """Return the people of the next ids; it ends after *gap* ids that nobody has."""
    first, nobody, least = progress.numbers
    wide = calls.limiter.pace.at_once
    starts = [first + number * BATCH for number in range(wide)]
    flows = [by_id(api, [*map(str, range(at, at + BATCH))], fields) for at in starts]
    found: list[Record] = []
    for people in all_of(calls.run_all(flows)):
        nobody = 0 if people else nobody + BATCH
        found += people
    onward = first + wide * BATCH
    if nobody >= gap and onward > least:
        return Page(found, attrs.evolve(place, full=None).cursor(), at=calls.now())
    progress = attrs.evolve(progress, numbers=(onward, nobody, least))
    cursor = attrs.evolve(place, full=progress).cursor()
    return Page(found, cursor, more=True, at=calls.now())
