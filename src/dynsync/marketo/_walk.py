"""
A full read by id: everybody from number 1 on, 300 ids a call.

It needs nothing but the right to read people, and costs a call for every 300 ids that were
ever given, whoever still has them. Marketo gives ids in order and does not tell the last one,
so the read ends where nobody is found for a long stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from dynsync.connectors import Page
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, all_of
from dynsync.marketo._leads import BATCH, by_id
from dynsync.marketo._places import Place, Progress
from dynsync.records import Record

__all__ = ["KIND", "begin", "page"]

KIND: Final = "ids"


def begin(fields: str) -> Progress:
    """Return where a read of the fields with that digest begins."""
    return Progress(KIND, fields, (1, 0))


def page(
    calls: Calls, api: Api, place: Place, progress: Progress, *, fields: Sequence[str], gap: int
) -> Page:
    """Return the people of the next ids; it ends after *gap* ids that nobody has."""
    first, nobody = progress.numbers
    wide = calls.limiter.pace.at_once
    starts = [first + number * BATCH for number in range(wide)]
    flows = [by_id(api, [*map(str, range(at, at + BATCH))], fields) for at in starts]
    found: list[Record] = []
    for people in all_of(calls.run_all(flows)):
        nobody = 0 if people else nobody + BATCH
        found += people
    if nobody >= gap:
        return Page(found, attrs.evolve(place, full=None).cursor(), at=calls.now())
    onward = attrs.evolve(progress, numbers=(first + wide * BATCH, nobody))
    cursor = attrs.evolve(place, full=onward).cursor()
    return Page(found, cursor, more=True, at=calls.now())
