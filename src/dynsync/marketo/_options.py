"""What a host decides about a Marketo instance."""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.limiting import Pace
from dynsync.marketo._replies import CENTRAL

__all__ = ["PACE", "FullRead", "MarketoOptions"]

PACE: Final = Pace(calls=95, seconds=20.0, at_once=10, zone=CENTRAL)
"""
A little below the limits that Marketo documents: 100 calls in 20 seconds, 10 at once.

Whoever shares the instance with others sets less, and with `Pace.day` a share of the quota.
"""

FullRead: TypeAlias = Literal["bulk", "ids"]
"""How everybody is read: by bulk extract, or by one id after another."""


@attrs.frozen(kw_only=True)
class MarketoOptions:
    """
    What a host may decide about a Marketo instance.

    *table* is what field maps call people. Every reading of the feed begins *overlap* seconds
    before the last one ended, for rows that arrive late; a cursor older than *retention* days
    has expired, because deletions are kept no longer. *full* says how everybody is read:
    by bulk extract, or by ids until nobody has the next *gap* of them. An extract takes a job
    for each month since the day *began*, before which nobody was made; without one it looks for
    the first person as far, and goes back to 2006 if there is none. New people go to the
    *partition*. How many days back the activity log is searched for *lines* that it has already
    is how long a sync may stand still and not repeat one.
    """

    table: str = "person"
    overlap: float = 300.0
    retention: float = 13.0
    full: FullRead = "bulk"
    gap: int = 30_000
    began: dt.date | None = None
    partition: str | None = None
    lines: float = 30.0
