"""Limits beyond which a run stops before it has written anything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import attrs

from dynsync.arguments import is_number, is_whole, number, shown, truth
from dynsync.errors import ConfigurationError, RunStopped
from dynsync.records import Entity, Side

__all__ = [
    "Guards",
    "Limit",
    "check_clock",
    "check_emptied",
    "check_expired",
    "check_limits",
    "span",
]


_NO_PERCENT: Final = 100.0


@attrs.frozen
class Limit:
    """
    How much is too much: more than *count* records, or more than *percent* of the links.

    A handful (*few* or less) never is, so that small databases are not stopped all the time;
    with a *percent* of 100, *count* alone limits. Raises `ConfigurationError` for what is no
    number of records or no percentage.
    """

    count: int = 1000
    percent: float = 10.0
    few: int = 10

    def __attrs_post_init__(self) -> None:
        for name in ("count", "few"):
            value = cast("object", getattr(self, name))
            if not is_whole(value) or value < 0:
                raise ConfigurationError(
                    f"Limit({name}={shown(value)}): give a whole number from 0 on."
                )
        percent = cast("object", self.percent)
        if not is_number(percent) or not 0 <= percent <= _NO_PERCENT:
            raise ConfigurationError(
                f"Limit(percent={shown(percent)}): give a number from 0 on and at most 100."
            )

    def exceeded(self, count: int, of: int) -> bool:
        """Return whether *count* of *of* records is too much."""
        too_many = self.percent < _NO_PERCENT and count * 100.0 > self.percent * of
        return count > self.few and (count > self.count or too_many)


@attrs.frozen(kw_only=True)
class Guards:
    """
    The guards of a sync.

    *deletes* limits how many records may be found deleted in one run, *clears* how many may
    have fields emptied; what passed once is not counted again when it is tried again. *clock* is
    by how many seconds our clock and a system's may differ: the sync reckons with it, but what is
    dated by a wrong clock is dated wrongly. *allow_empty* lets a side that had records report none;
    *allow_full_read* lets a full read replace an expired cursor. Raises `ConfigurationError` for
    what is no limit, no number of seconds, and neither True nor False.
    """

    deletes: Limit = Limit()
    clears: Limit = Limit()
    clock: float = 1_800.0
    allow_empty: bool = False
    allow_full_read: bool = True

    def __attrs_post_init__(self) -> None:
        for name in ("deletes", "clears"):
            value = cast("object", getattr(self, name))
            if not isinstance(value, Limit):
                raise ConfigurationError(
                    f"Guards({name}={shown(value)}): give a limit: "
                    f"{name}=Limit(count=1000, percent=10)."
                )
        number("Guards", "clock", self.clock, "seconds")
        truth("Guards", "allow_empty", self.allow_empty)
        truth("Guards", "allow_full_read", self.allow_full_read)


def check_limits(
    guards: Guards,
    links: Mapping[Entity, int],
    gone: Mapping[tuple[Entity, Side], int],
    clears: Mapping[Entity, int],
) -> None:
    """Raise `RunStopped` if the backlog would flag or clear more than the guards allow."""
    for (entity, side), count in sorted(gone.items(), key=lambda item: item[0][0]):
        if guards.deletes.exceeded(count, links.get(entity, 0)):
            raise RunStopped(
                "deletes",
                f"{side.label} no longer has {count} of {links.get(entity, 0)} linked {entity} "
                f"records; refusing to go on. If this is right, run with "
                f"Guards(deletes=Limit(count={count}, percent=100)).",
            )
    for entity, count in sorted(clears.items()):
        if guards.clears.exceeded(count, links.get(entity, 0)):
            raise RunStopped(
                "clears",
                f"{count} of {links.get(entity, 0)} linked {entity} records would have fields "
                f"emptied; refusing to go on. If this is right, run with "
                f"Guards(clears=Limit(count={count}, percent=100)).",
            )


def check_emptied(guards: Guards, side: Side, what: str, links: int) -> None:
    """Raise `RunStopped` because *side* reports no records at all though *links* are known."""
    if not guards.allow_empty:
        raise RunStopped(
            "emptied",
            f"{side.label} returned no {what} records but {links} are linked; refusing to treat "
            f"them as deleted. If this is right, run with Guards(allow_empty=True).",
        )


def check_expired(guards: Guards, side: Side, what: str) -> None:
    """Raise `RunStopped` because a cursor has expired and no full read is allowed."""
    if not guards.allow_full_read:
        raise RunStopped(
            "expired",
            f"{side.label} no longer knows where we were in its {what} changes, and only a full "
            f"read can go on. Allow it with Guards(allow_full_read=True).",
        )


def check_clock(guards: Guards, side: Side, ahead: float) -> None:
    """Raise `RunStopped` because our clock is *ahead* of that of *side* by too many seconds."""
    if abs(ahead) > guards.clock:
        way = "ahead of" if ahead > 0 else "behind"
        raise RunStopped(
            "clock",
            f"This machine's clock is {span(ahead)} {way} {side.label}'s; refusing to go on, for "
            f"logs would be dated wrongly. Set it by a time server and see that its time zone is "
            f"right; if it is, run with Guards(clock={abs(ahead) + 60:.0f}).",
        )


def span(seconds: float) -> str:
    """Return how long that is, whichever way, in the largest unit of which there are two."""
    left = abs(seconds)
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if left >= 2 * size:
            return f"{left / size:.0f} {unit}"
    return f"{left:.0f} seconds"
