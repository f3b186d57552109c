"""How much of the daily quota is used, as Marketo counts it: by everybody, not by us alone."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dynsync.marketo._api import Api
from dynsync.marketo._json import Json, number_of, rows_of, text_of
from dynsync.marketo._replies import asked
from dynsync.transport import Flow

__all__ = ["Usage", "used"]


@attrs.frozen
class Usage:
    """The calls of one *day*: their *total*, and how many each of the API users made."""

    day: str
    total: int
    users: Mapping[str, int]


def used(api: Api, path: str) -> Flow[list[Usage]]:
    """Ask for the usage that *path* tells, the latest day first."""
    reply = yield from asked(api.get(f"/rest/v1/stats/{path}.json"))
    return [_usage(row) for row in reply.result]


def _usage(row: Json) -> Usage:
    users = {
        text_of(each, "userId"): number_of(each, "count") or 0 for each in rows_of(row, "users")
    }
    return Usage(text_of(row, "date"), number_of(row, "total") or 0, users)
