"""Flows that ask: one request, or a batch of them, and what their answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from dynsync._addresses import is_text
from dynsync.dynamics import _multipart as multipart
from dynsync.dynamics._answers import fault_in, object_in, raise_garbled
from dynsync.dynamics._line import API
from dynsync.dynamics._multipart import Part
from dynsync.dynamics._odata import Garbled, Json, relative, rows, text_of
from dynsync.dynamics.failures import Becomes
from dynsync.errors import Ambiguous, Refused, Unavailable
from dynsync.records import Side
from dynsync.transport import Flow, Lost, NotSent, Request, Response

__all__ = ["TooLarge", "ask", "ask_all", "every_row", "send_parts", "sent"]

_SIDE: Final = Side.DYNAMICS
_UNREACHED: Final = "not reached: see that the URL is right and the network is up"
_TOO_LARGE: Final = frozenset({"413", "0x8004418A"})


def sent(path: str, doing: str, headers: Mapping[str, str] | None = None) -> Flow[Response]:
    """Ask for what is at *path*, whatever the answer."""
    try:
        return (yield Request("GET", path, headers or {}))
    except NotSent as failure:
        raise Unavailable(_SIDE, f"{doing}: {_UNREACHED} ({failure})") from None
    except Lost as failure:
        raise Unavailable(_SIDE, f"{doing}: {failure}") from None


def ask(path: str, doing: str) -> Flow[dict[str, Json]]:
    """Ask for the object at *path*."""
    return object_in((yield from sent(path, doing)), doing)


def ask_all(paths: Sequence[str], doing: str) -> Flow[list[Response]]:
    """Ask for what is at each of *paths* in one request, and return the answers in order."""
    parts = [Part("GET", f"{API}{path}", {"Accept": "application/json"}) for path in paths]
    try:
        response = yield _batch(parts)
    except (NotSent, Lost) as failure:
        raise Unavailable(_SIDE, f"{doing}: {failure}") from None
    fault = fault_in(response)
    if fault is not None:
        raise fault.whole(doing, {})
    answers = multipart.unpack(response)
    if len(answers) != len(parts):
        raise_garbled(response, doing)
    return answers


def every_row(first: Response, doing: str, asked: Mapping[str, str]) -> Flow[list[dict[str, Json]]]:
    """Return the rows of *first*, an answer, and of all the pages behind it."""
    response, found, met = first, list[dict[str, Json]](), set[str]()
    while True:
        said = object_in(response, doing, asked)
        try:
            found += rows(said)
        except Garbled:
            raise_garbled(response, doing)
        following = text_of(said, "@odata.nextLink")
        if not following:
            return found
        if following in met:
            raise Unavailable(_SIDE, f"{doing}: its pages go in circles")
        if not is_text(following):
            raise_garbled(response, doing)
        met.add(following)
        response = yield from sent(relative(following), doing)


class TooLarge(Refused):
    """A request has more in it than Dynamics takes; nothing of it was applied."""


def send_parts(parts: Sequence[Part]) -> Flow[list[Response]]:
    """
    Send *parts*, each on its own, and return the answers that came whole, in order.

    Raises `Ambiguous` where nothing is known of any, `TooLarge` where there are too many.
    """
    doing = "a batch of writes"
    try:
        response = yield _batch(parts)
    except NotSent as failure:
        raise Unavailable(_SIDE, f"{doing}: {failure}") from None
    except Lost as failure:
        raise Ambiguous(_SIDE, f"{doing}: {failure}") from None
    fault = fault_in(response)
    if fault is not None:
        broke = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        if fault.failure.becomes is Becomes.UNCERTAIN or (
            broke and response.status != HTTPStatus.SERVICE_UNAVAILABLE
        ):
            # Whatever code it gives: it may have broken down behind some of the writes.
            raise Ambiguous(_SIDE, f"{doing}: {fault.failure.says} [{fault.failure.code}]")
        if fault.failure.code in _TOO_LARGE:
            raise TooLarge(_SIDE, f"{doing}: {fault.failure.says} [{fault.failure.code}]")
        raise fault.whole(doing, {})
    answers = multipart.unpack(response)
    if not answers:
        raise Ambiguous(_SIDE, f"{doing}: the answer cannot be read")
    return answers


def _batch(parts: Sequence[Part]) -> Request:
    headers = {"Content-Type": multipart.CONTENT_TYPE, "Prefer": "odata.continue-on-error"}
    return Request("POST", "$batch", headers, multipart.pack(parts))
