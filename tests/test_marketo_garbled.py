"""Whatever Marketo, or something in its place, answers: nothing but its failures come of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from dynsync.connectors import ActivityLine, Needs
from dynsync.dynamics._odata import Json
from dynsync.errors import SystemFailure
from dynsync.marketo import MarketoRestConnector
from dynsync.records import Cursor, RecordId
from dynsync.schemas import FULL_ACCESS
from dynsync.transport import Response
from dynsync.writes import Create, Update
from marketo_wire import DATE, Wire, connector, result
from test_dynamics_garbled import ODD, RAW, places, put

TABLE: Final = "person"
ANN, BOB = RecordId("5"), RecordId("6")
NAME: Final = ["firstName"]
LINE: Final = ActivityLine("key", ANN, dt.datetime(2026, 1, 5, tzinfo=dt.UTC), "kind", "text")
NEEDS: Final = Needs(tables={TABLE: FULL_ACCESS})

PERSON: Final[Json] = {"id": 5, "firstName": "Ann", "updatedAt": "2026-01-05T08:00:00Z"}
CHANGE: Final[Json] = {
    "marketoGUID": "g1",
    "leadId": 5,
    "activityDate": "2026-01-05T08:00:00Z",
    "activityTypeId": 13,
    "fields": [{"name": "firstName", "oldValue": "A", "newValue": "Ann"}],
    "attributes": [{"name": "Merge IDs", "value": "6,7"}],
}
COLUMN: Final[Json] = {
    "dataType": "string",
    "displayName": "First Name",
    "length": 255,
    "rest": {"name": "firstName", "readOnly": False},
}
TYPE: Final[Json] = {
    "id": 100_001,
    "apiName": "dynsyncLine",
    "status": "approved",
    "attributes": [{"apiName": "kind"}, {"apiName": "text"}],
}
USAGE: Final[Json] = {"date": "2026-01-05", "total": 5, "users": [{"userId": "a", "count": 5}]}

ROWS: Final[Mapping[str, Json]] = {
    "/identity/oauth/token": None,
    "/rest/v1/leads.json": PERSON,
    "/rest/v1/leads/describe.json": COLUMN,
    "/rest/v1/leads/describe2.json": {"fields": [{"name": "firstName", "crmManaged": True}]},
    "/rest/v1/activities.json": CHANGE,
    "/rest/v1/activities/leadchanges.json": CHANGE,
    "/rest/v1/activities/deletedleads.json": CHANGE,
    "/rest/v1/activities/pagingtoken.json": None,
    "/rest/v1/activities/types.json": {"id": 32, "name": "Merge Leads"},
    "/rest/v1/activities/external/types.json": TYPE,
    "/rest/v1/activities/external.json": {"id": 50, "marketoGUID": "50", "status": "added"},
    "/rest/v1/stats/usage.json": USAGE,
}
"""What each address tells a row of."""


def envelope(path: str) -> Json:
    """Return what *path* answers where nothing is wrong."""
    if path.startswith("/identity"):
        return {"access_token": "cdf0:int", "token_type": "bearer", "expires_in": 3599}
    row = ROWS[path]
    rows: list[Json] = [] if row is None else [row]
    return {"success": True, "result": rows, "nextPageToken": "T1", "moreResult": False}


def answer(document: Json, status: int = 200) -> Response:
    """Return *document* as an answer."""
    return Response(status, {"date": DATE}, json.dumps(document).encode())


ASK: Final[tuple[Callable[[MarketoRestConnector, Cursor | None], object], ...]] = (
    lambda mine, _: mine.describe(TABLE),
    lambda mine, cursor: mine.read(TABLE, NAME, cursor),
    lambda mine, _: mine.read(TABLE, NAME, None),
    lambda mine, _: mine.fetch(TABLE, [ANN], NAME),
    lambda mine, _: mine.find(TABLE, "firstName", ["Ann"], NAME),
    lambda mine, _: mine.write(TABLE, [Update(ANN, {"firstName": "Ann"})]),
    lambda mine, _: mine.write(TABLE, [Create(BOB, {"firstName": "Ann"}, "crmLeadId")]),
    lambda mine, _: mine.log([LINE]),
    lambda mine, _: mine.logged([ANN]),
    lambda mine, _: mine.usage(),
    lambda mine, _: mine.check(NEEDS),
)

MORE: Final[list[Json]] = [*ODD, 10**15, "9" * 5_000, 1e300, "T\ud83d", "a\rb"]
REFUSAL: Final[Json] = {"success": False, "errors": [{"code": "1003", "message": "'x'"}]}


@st.composite
def spoiled(draw: st.DrawFn, path: str) -> Response:
    """Draw what *path* answers, with something else in one place."""
    document = draw(st.sampled_from([envelope(path), REFUSAL]))
    way = draw(st.sampled_from([*places(document)]))
    status = draw(st.sampled_from([200, 200, 200, 204, 401, 404, 429, 500, 777]))
    return answer(put(document, way, draw(st.sampled_from(MORE))), status)


def told(
    said: Mapping[str, Response], ask: Callable[[MarketoRestConnector, Cursor | None], object]
) -> None:
    """Ask where *said* is answered, and let no more go wrong than may."""
    whole = {path: answer(envelope(path)) for path in ROWS}
    empty = Wire({**whole, "/rest/v1/leads.json": result()})
    cursor = connector(empty).read(TABLE, NAME, None).cursor
    with contextlib.suppress(SystemFailure):
        ask(connector(Wire({**whole, **said})), cursor)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ASK), st.data())
def test_documents_with_something_else_in_one_place(
    ask: Callable[[MarketoRestConnector, Cursor | None], object], data: st.DataObject
) -> None:
    """Whatever is asked, and whichever of its answers it is."""
    path = data.draw(st.sampled_from([*ROWS]))

    told({path: data.draw(spoiled(path))}, ask)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ASK), st.sampled_from([*ROWS]), RAW)
def test_answers_that_are_nothing_like_it(
    ask: Callable[[MarketoRestConnector, Cursor | None], object], path: str, said: Response
) -> None:
    """From whoever stands in between."""
    told({path: said}, ask)
