"""Whatever Dynamics, or something in its place, answers: nothing but its failures come of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from dataverse import ANN, BOB, answers, connector, parts, reply
from dynsync.dynamics import DataverseConnector
from dynsync.dynamics._odata import Json
from dynsync.errors import SystemFailure
from dynsync.transport import Lost, NotSent, Response
from dynsync.writes import Create, Update

ASK: Final[tuple[Callable[[DataverseConnector], object], ...]] = (
    lambda mine: mine.describe("contact"),
    lambda mine: mine.read("contact", ["firstname", "ownerid"], None),
    lambda mine: mine.fetch("contact", [ANN], ["firstname"]),
    lambda mine: mine.find("contact", "firstname", ["Ann"], ["lastname"]),
    lambda mine: mine.write(
        "contact", [Create(ANN, {"lastname": "Lee"}), Update(BOB, {"ownerid": ANN, "revenue": "1"})]
    ),
)

ODD: Final[list[Json]] = ["Lee", "", -1, 1.5, 10**30, True, None, [], {}, ["Lee"], {"Lee": 1}]
"""What stands where something else should."""

ROW: Final[Json] = {
    "@odata.etag": 'W/"1"',
    "contactid": ANN,
    "modifiedon": "2026-11-22T10:00:00Z",
    "firstname": "Ann",
    "_ownerid_value": BOB,
}
PAGE: Final[Json] = {
    "value": [ROW, {"@odata.context": "#contacts/$deletedEntity", "id": BOB, "reason": "deleted"}],
    "@odata.deltaLink": "contacts?$deltatoken=1",
}
REFUSAL: Final[Json] = {"error": {"code": "0x80048d19", "message": "Invalid property 'x'"}}


def places(document: Json) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each place in *document*."""
    yield ()
    pairs: list[tuple[str | int, Json]] = []
    if isinstance(document, dict):
        pairs = [*document.items()]
    elif isinstance(document, list):
        pairs = [*enumerate(document)]
    for key, inner in pairs:
        yield from ((key, *rest) for rest in places(inner))


def put(document: Json, way: tuple[str | int, ...], value: Json) -> Json:
    """Return *document* with *value* in the place that *way* leads to."""
    if not way:
        return value
    first, *rest = way
    if isinstance(document, dict):
        return {
            key: put(inner, tuple(rest), value) if key == first else inner
            for key, inner in document.items()
        }
    if isinstance(document, list):
        return [
            put(inner, tuple(rest), value) if at == first else inner
            for at, inner in enumerate(document)
        ]
    return document


@st.composite
def spoiled(draw: st.DrawFn, document: Json) -> Response:
    """Draw an answer that holds *document* with something else in one place."""
    way = draw(st.sampled_from([*places(document)]))
    body = json.dumps(put(document, way, draw(st.sampled_from(ODD)))).encode()
    status = draw(st.sampled_from([200, 200, 201, 204, 400, 403, 404, 412, 429, 500]))
    headers = {"content-type": "application/json"}
    return Response(status, headers, body)


def told(mine: DataverseConnector, ask: Callable[[DataverseConnector], object]) -> None:
    """Ask, and let no more go wrong than may."""
    with contextlib.suppress(SystemFailure):
        ask(mine)


DOCUMENTS: Final[list[Json]] = [ROW, PAGE, REFUSAL, {"value": []}]
ANY = st.sampled_from(DOCUMENTS).flatmap(spoiled)
RAW = st.builds(
    Response,
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["content-type", "retry-after", "date", "etag"]),
        st.sampled_from(["multipart/mixed; boundary=x", "application/json", "5", "-", ""]),
    ),
    st.binary(max_size=20) | st.just(b"--x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--x--"),
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ASK), st.lists(ANY, min_size=1, max_size=2), st.integers(0, 1))
def test_documents_with_something_else_in_one_place(
    ask: Callable[[DataverseConnector], object], said: list[Response], skipped: int
) -> None:
    """By themselves, or as parts of a batch."""
    mine, _ = connector(*[parts(*said), *said, reply({})][skipped:] * 3)

    told(mine, ask)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(ASK), RAW)
def test_answers_that_are_nothing_like_it(
    ask: Callable[[DataverseConnector], object], answer: Response
) -> None:
    """From whoever stands in between."""
    mine, _ = connector(*[answer] * 6)

    told(mine, ask)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_descriptions_with_something_else_in_one_place(data: st.DataObject) -> None:
    """A column that is described strangely is a column, or none; it stops nobody."""
    said = answers()
    name = data.draw(st.sampled_from([*said]))
    answer = data.draw(spoiled(said[name]))
    mine, _ = connector(
        parts(*(answer if one == name else reply(document) for one, document in said.items()))
    )

    told(mine, lambda one: one.describe("contact"))


def test_connections_that_break() -> None:
    """Whether or not the request arrived."""
    for failure in (NotSent("x"), Lost("x")):
        for ask in ASK:
            mine, _ = connector(failure)
            told(mine, ask)
