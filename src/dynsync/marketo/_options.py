"""What a host decides about a Marketo instance."""

from __future__ import annotations

import datetime as dt
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.arguments import is_whole, number, shown, word
from dynsync.errors import ConfigurationError
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
    is how long a sync may stand still and not repeat one. Raises `ConfigurationError` for what
    is none of these.
    """

    table: str = "person"
    overlap: float = 300.0
    retention: float = 13.0
    full: FullRead = "bulk"
    gap: int = 30_000
    began: dt.date | None = None
    partition: str | None = None
    lines: float = 30.0

    def __attrs_post_init__(self) -> None:
        word("full", self.full, FullRead)
        _check_day("began", self.began)
        seconds = {"overlap": self.overlap, "retention": self.retention, "lines": self.lines}
        for name, given in seconds.items():
            number("MarketoOptions", name, given, "seconds" if name == "overlap" else "days")
        if not is_whole(self.gap) or self.gap < 1:
            raise ConfigurationError(f"gap={shown(self.gap)}: give a number of ids from 1 on.")


def _check_day(name: str, given: object) -> None:
    if given is not None and not isinstance(given, dt.date):
        raise ConfigurationError(
            f"{name}={shown(given)} is no date; give one without quotes, such as 2019-05-01 in "
            f"dynsync.toml or dt.date(2019, 5, 1)."
        )
