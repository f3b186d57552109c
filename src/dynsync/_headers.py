"""What the headers of an answer say of time, taken as what anybody may have written there. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

__all__ = ["seconds", "told_at", "wait_asked"]

_LONGEST: Final = 86_400.0
"""The longest wait that is believed: what asks for a year is out of order, and may be mended."""

_LAST_YEAR: Final = 9_000
"""No clock is right that shows a later one, and what is reckoned from it has no date."""


def told_at(headers: Mapping[str, str]) -> dt.datetime | None:
    """Return the time by the clock of whoever answered, None if it does not say."""
    return _moment(headers.get("date", ""))


def wait_asked(headers: Mapping[str, str], otherwise: float) -> float:
    """Return for how many seconds nobody is to call; *otherwise* if nothing is said that can be."""
    text = headers.get("retry-after", "").strip()
    at, now = _moment(text), told_at(headers)
    if at is not None and now is not None:
        # By the one clock that said both, whatever ours shows.
        return min(max((at - now).total_seconds(), 0.0), _LONGEST)
    return seconds(text, otherwise, _LONGEST)


def seconds(said: object, otherwise: float, most: float) -> float:
    """Return the number of seconds that is *said*, *most* at most; *otherwise* if it is none."""
    if not isinstance(said, str | int | float):
        return otherwise
    try:
        number = float(said)
    except ValueError:
        return otherwise
    except OverflowError:
        return most if isinstance(said, int) and said > 0 else otherwise
    return min(number, most) if math.isfinite(number) and number >= 0 else otherwise


def _moment(text: str) -> dt.datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if at.year > _LAST_YEAR:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
