"""A Marketo of a few literal replies, for tests of what is said to it and made of its answers."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

import attrs

from dynsync.limiting import Limiter, Pace
from dynsync.marketo import CustomService, MarketoOptions, MarketoRestConnector
from dynsync.records import Side
from dynsync.sandbox import SandboxClock
from dynsync.transport import Lost, NotSent, Request, Response

__all__ = [
    "DATE",
    "DESCRIBE",
    "GRANTED",
    "SERVICE",
    "URL",
    "Answer",
    "Said",
    "Wire",
    "connector",
    "failure",
    "result",
]

URL: Final = "https://123-ABC-456.mktorest.com"
DATE: Final = "Mon, 05 Jan 2026 09:00:00 GMT"
SERVICE: Final = CustomService(client_id="id", secret="s3cret")  # noqa: S106 - it opens nothing
GRANTED: Final = b'{"access_token":"cdf0:int","token_type":"bearer","expires_in":3599}'

DESCRIBE: Final[list[dict[str, object]]] = [
    {
        "id": number,
        "displayName": label,
        "dataType": type_,
        **({"length": length} if length else {}),
        "rest": {"name": name, "readOnly": name in ("createdAt", "updatedAt")},
    }
    for number, (name, label, type_, length) in enumerate(
        (
            ("id", "Id", "integer", 0),
            ("email", "Email Address", "email", 255),
            ("firstName", "First Name", "string", 255),
            ("notes", "Notes", "text", 0),
            ("leadScore", "Score", "integer", 0),
            ("annualRevenue", "Annual Revenue", "currency", 0),
            ("doNotCall", "Do Not Call", "boolean", 0),
            ("crmLeadId", "CRM Lead Id", "string", 255),
            ("sfdcOwner", "Owner", "string", 255),
            ("createdAt", "Created At", "datetime", 0),
            ("updatedAt", "Updated At", "datetime", 0),
        )
    )
]

Answer = Response | Exception


def result(*rows: Mapping[str, object], **more: object) -> Response:
    """Return a reply that succeeded with *rows*."""
    said = {"requestId": "e42b#14272d07d78", "success": True, "result": list(rows), **more}
    return Response(200, {"date": DATE}, json.dumps(said).encode())


def failure(code: str, message: str = "because") -> Response:
    """Return a reply that failed as a whole: with the status 200, as always."""
    errors = [{"code": code, "message": message}]
    said = {"requestId": "e42b#14272d07d78", "success": False, "errors": errors}
    return Response(200, {"date": DATE}, json.dumps(said).encode())


@attrs.frozen
class Said:
    """A request as it was understood: *asked* is its query and form together."""

    method: str
    path: str
    asked: Mapping[str, str]
    body: Mapping[str, object]
    request: Request


class Wire:
    """
    A transport that answers by path: the next of the answers, and then the last for ever.

    The identity service, describe and the paging token answer by themselves.
    """

    def __init__(self, answers: Mapping[str, Answer | Sequence[Answer]] | None = None) -> None:
        self.said: list[Said] = []
        self._answers: defaultdict[str, deque[Answer]] = defaultdict(deque)
        usual: dict[str, Answer | Sequence[Answer]] = {
            "/identity/oauth/token": Response(200, {"date": DATE}, GRANTED),
            "/rest/v1/leads/describe.json": result(*DESCRIBE),
            "/rest/v1/leads/describe2.json": result(
                {"name": "API Lead", "fields": [{"name": "sfdcOwner", "crmManaged": True}]}
            ),
            "/rest/v1/activities/pagingtoken.json": result(nextPageToken="T0"),
            "/rest/v1/activities.json": result(nextPageToken="T1", moreResult=False),
            "/rest/v1/activities/types.json": result({"id": 32, "name": "Merge Leads"}),
        }
        for path, said in {**usual, **(answers or {})}.items():
            self._answers[path].extend([said] if isinstance(said, Response | Exception) else said)

    def send(self, request: Request) -> Response:
        """Answer *request*, and keep it."""
        parts = urlsplit(request.url)
        body = (request.body or b"").decode()
        form = request.headers.get("Content-Type", "").startswith("application/x-www")
        asked = dict(parse_qsl(parts.query))
        if form:
            asked |= {name: values[0] for name, values in parse_qs(body).items()}
        said = json.loads(body) if body and not form else {}
        self.said.append(Said(request.method, parts.path, asked, said, request))
        queue = self._answers[parts.path]
        if not queue:
            return Response(404, {"content-type": "text/plain"}, b"not found")
        answer = queue.popleft() if len(queue) > 1 else queue[0]
        if isinstance(answer, NotSent | Lost):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def asked(self, path: str) -> list[Said]:
        """Return what was said to *path*."""
        return [said for said in self.said if said.path == path]


def connector(
    wire: Wire, clock: SandboxClock | None = None, **options: object
) -> MarketoRestConnector:
    """Return a connector to *wire*, which reads everybody by id and calls one after another."""
    clock = clock or SandboxClock()
    chosen = attrs.evolve(MarketoOptions(full="ids", gap=1), **options)  # type: ignore[arg-type]
    return MarketoRestConnector(
        URL,
        transport=wire,
        credentials=SERVICE,
        clock=clock,
        limiter=Limiter(Side.MARKETO, Pace(at_once=1), clock),
        options=chosen,
    )
