"""What Marketo's answers come to: a reply, or one of the failures that the engine knows. Pure."""

from __future__ import annotations

import datetime as dt
import re
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

import attrs

from dynsync._addresses import is_text
from dynsync._headers import told_at, wait_asked
from dynsync.errors import (
    Ambiguous,
    CursorExpired,
    Refused,
    SchemaChanged,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.marketo._json import Json, parsed, rows_of, text_of
from dynsync.marketo._permissions import permission
from dynsync.marketo.failures import HTTP_FAILURES, Becomes, Failure, failure_of
from dynsync.records import Side
from dynsync.transport import Flow, Lost, NotSent, Request, Response

__all__ = [
    "CENTRAL",
    "DENIED",
    "UNREACHED",
    "Doing",
    "Reply",
    "asked",
    "code_of",
    "failed",
    "failure_of_status",
    "reply",
    "turn_page",
]

Doing: TypeAlias = Literal["reading", "following", "waiting", "writing"]
"""What a call does: reads, reads the change feed, waits for an export, or writes."""

CENTRAL: Final = dt.timezone(dt.timedelta(hours=-6))
"""Where the day of the quota begins at midnight: in summer an hour late, never early."""

DENIED: Final = "603"
"""The code of a call that the role, or the list of allowed addresses, does not let in."""

UNREACHED: Final = "not reached: see that the URL is right and the network is up"

_FORGOTTEN: Final = frozenset({"1003", "1013"})
"""What may be said of an export that is not there; which of them is not documented."""

_MARKETO: Final = Side.MARKETO
_WINDOW: Final = 20.0
_MOMENT: Final = 1.0
_QUOTED: Final = re.compile(r"'([^']*)'")
_SMALL: Final = 10_000
"""More bytes than any complaint has."""


@attrs.define(eq=False)
class QueueFull(Unavailable):
    """No more jobs are taken just now."""


@attrs.define(eq=False)
class TooMany(Refused):
    """More people match than Marketo tells of."""


@attrs.frozen
class Reply:
    """
    An answer that succeeded.

    *result* are its rows, *token* is where to read on, and *more* whether there is more, None
    where it does not say. *at* is Marketo's own time. It is *listed* if there is a list of rows,
    and not merely none: a page of the feed without rows has no list.
    """

    result: list[Json]
    token: str = ""
    more: bool | None = None
    at: dt.datetime | None = None
    listed: bool = True


def asked(request: Request, doing: Doing = "reading") -> Flow[Reply]:
    """Ask one thing and return the reply; raise what its failure means while *doing* that."""
    try:
        response = yield request
    except NotSent as failure:
        raise Unavailable(_MARKETO, f"{UNREACHED} ({failure})") from None
    except Lost as failure:
        raise _unknown(doing, f"no answer: {failure}") from None
    return reply(response, doing, permission(request))


def reply(response: Response, doing: Doing = "reading", takes: str = "") -> Reply:
    """
    Return what *response* says; raise what its failure means while *doing* that.

    What was asked *takes* that permission of the API role.
    """
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise failed(failure_of_status(response), doing, response)
    said = parsed(response.body)
    if said is None:
        raise failed(HTTP_FAILURES["not JSON"], doing, response)
    at = told_at(response.headers)
    if said.get("success") is True:
        more = said.get("moreResult")
        rows, listed = rows_of(said, "result"), said.get("result")
        token = text_of(said, "nextPageToken")
        if listed not in (None, rows) or not is_text(token):
            # What is no row would be passed over, and what cannot be sent be kept in a cursor.
            raise failed(HTTP_FAILURES["not JSON"], doing, response)
        return Reply(
            rows,
            token,
            more if isinstance(more, bool) else None,
            at,
            listed=listed is not None,
        )
    errors = rows_of(said, "errors")
    if not errors:
        raise failed(HTTP_FAILURES["not JSON"], doing, response)
    failure = failure_of(text_of(errors[0], "code"))
    if failure.call is Becomes.NOTHING:
        return Reply([], at=at)
    if failure.code == DENIED and takes:
        failure = attrs.evolve(failure, means=f"{failure.means}; this takes {takes}")
    raise failed(failure, doing, response, text_of(errors[0], "message"))


def turn_page(asking: dict[str, str], reply: Reply) -> None:
    """Let *asking* ask for the page behind *reply*; raise where that is the same once more."""
    if asking.get("nextPageToken") == reply.token:
        raise Unavailable(_MARKETO, "the pages of an answer go in circles")
    asking["nextPageToken"] = reply.token


def code_of(response: Response) -> str:
    """Return the code of a complaint about the whole call, nothing if it is none."""
    if len(response.body) > _SMALL:
        return ""
    said = parsed(response.body)
    if said is None or said.get("success") is not False:
        return ""
    errors = rows_of(said, "errors")
    return text_of(errors[0], "code") if errors else ""


def failure_of_status(response: Response) -> Failure:
    """Return what the status of *response*, which is no success, becomes."""
    exact, family = str(response.status), f"{response.status // 100}xx"
    return HTTP_FAILURES.get(exact) or HTTP_FAILURES.get(family) or HTTP_FAILURES["5xx"]


def failed(failure: Failure, doing: Doing, response: Response, said: str = "") -> SystemFailure:
    """
    Return what *failure* means for a call.

    What Marketo *said* of it is searched for names of fields and goes no further: it may
    quote a value.
    """
    message = f"{failure.means} [{failure.code}]"
    match failure.call:
        case Becomes.WINDOW:
            return Throttled(_MARKETO, message, wait_asked(response.headers, _WINDOW), "window")
        case Becomes.CONCURRENCY:
            return Throttled(_MARKETO, message, _MOMENT, "concurrency")
        case Becomes.DAY | Becomes.QUEUED if _of_day(failure, said):
            return Throttled(_MARKETO, message, _to_midnight(response), "day")
        case Becomes.QUEUED:
            return QueueFull(_MARKETO, message)
        case Becomes.PASSING:
            return Unavailable(_MARKETO, message)
        case Becomes.UNKNOWN:
            return _unknown(doing, message)
        case Becomes.SCHEMA:
            return SchemaChanged(_MARKETO, message, tuple(_QUOTED.findall(said)))
        case Becomes.EXPIRED if doing == "following":
            return CursorExpired(_MARKETO, f"the paging token is not taken: {message}")
        case _ if doing == "waiting" and failure.code in _FORGOTTEN:
            return CursorExpired(_MARKETO, f"the export is no longer known: {message}")
        case _:
            how = TooMany if "too many" in said.lower() else Refused
            return how(_MARKETO, message)


def _of_day(failure: Failure, said: str) -> bool:
    """Return whether a day's quota is used up: that of exports has no code of its own."""
    return failure.call is Becomes.DAY or "quota" in said.lower()


def _unknown(doing: Doing, message: str) -> SystemFailure:
    return (Ambiguous if doing == "writing" else Unavailable)(_MARKETO, message)


def _to_midnight(response: Response) -> float:
    at = told_at(response.headers)
    if at is None:
        return 3600.0
    here = at.astimezone(CENTRAL)
    midnight = dt.datetime.combine(here.date(), dt.time(), CENTRAL) + dt.timedelta(days=1)
    return (midnight - here).total_seconds()
