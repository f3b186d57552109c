"""How much of the pretend Marketo's quota was used, and what errors there were."""

from __future__ import annotations

from typing import Final

from dynsync.emulator._marketo._asked import Asked, Route
from dynsync.emulator._messages import Json

__all__ = ["ROUTES"]

_WEEK: Final = 7


def _usage_on(asked: Asked, day: str) -> Json:
    users = [(user, count) for (when, user), count in asked.state.used.items() if when == day]
    told = [{"userId": user, "count": count} for user, count in users]
    return {"date": day, "total": sum(count for _, count in users), "users": told}


def _errors_on(asked: Asked, day: str) -> Json:
    codes = [(code, count) for (when, code), count in asked.state.failed.items() if when == day]
    told = [{"errorCode": code, "count": count} for code, count in codes]
    return {"date": day, "total": sum(count for _, count in codes), "errors": told}


def _usage(asked: Asked) -> Json:
    return {"result": [_usage_on(asked, asked.state.today())]}


def _usage_week(asked: Asked) -> Json:
    return {"result": [_usage_on(asked, asked.state.day(ago)) for ago in range(_WEEK)]}


def _errors(asked: Asked) -> Json:
    return {"result": [_errors_on(asked, asked.state.today())]}


def _errors_week(asked: Asked) -> Json:
    return {"result": [_errors_on(asked, asked.state.day(ago)) for ago in range(_WEEK)]}


ROUTES: Final = (
    Route("GET", r"/rest/v1/stats/usage\.json", "usage", _usage),
    Route("GET", r"/rest/v1/stats/usage/last7days\.json", "usage", _usage_week),
    Route("GET", r"/rest/v1/stats/errors\.json", "usage", _errors),
    Route("GET", r"/rest/v1/stats/errors/last7days\.json", "usage", _errors_week),
)
