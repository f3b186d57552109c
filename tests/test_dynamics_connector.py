"""The Dynamics connector over a transport that replays small literal replies."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
import traceback
from collections.abc import Callable
from typing import cast

import pytest

from dataverse import (
    ANN,
    BOB,
    ME,
    ORG,
    SALARY,
    TOKEN,
    Replay,
    answers,
    connector,
    metadata,
    parts,
    refusal,
    reply,
    sent_parts,
    who,
)
from dynsync.connectors import DynamicsConnector
from dynsync.dynamics import ClientSecret, DataverseConnector, DynamicsOptions
from dynsync.dynamics._odata import Json
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    ContractError,
    CursorExpired,
    Refused,
    SchemaChanged,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.limiting import Limiter, Pace
from dynsync.records import Cursor, RecordId, Side, Tombstone, Version, Wire
from dynsync.sandbox import SandboxClock
from dynsync.schemas import Access
from dynsync.transport import Lost, NotSent, Response
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
)

KEYS = [RecordId(f"cccccccc-0000-4000-8000-00000000000{n}") for n in range(5)]
DELTA = f"{ORG}/api/data/v9.2/contacts?$select=firstname&$deltatoken=9190%2108%2f22%2f2026"
NEXT = f"{ORG}/api/data/v9.2/contacts?$select=firstname&$skiptoken=%3Ccookie%20page=%222%22/%3E"


def row(id_: RecordId, etag: int = 1, **values: Json) -> dict[str, Json]:
    """Return a contact as Dynamics tells one."""
    at = "2026-11-22T10:00:00Z"
    return {"@odata.etag": f'W/"{etag}"', "contactid": id_, "modifiedon": at, **values}


def page(*rows: Json, following: str = "", delta: str = "") -> Response:
    """Return a page of the feed."""
    links: dict[str, Json] = {"@odata.deltaLink": delta}
    if following:
        links = {"@odata.nextLink": following}
    return reply({"value": [*rows], **links}, date="Sun, 22 Nov 2026 10:00:05 GMT")


# -- who and what


def test_it_is_a_connector_to_dynamics() -> None:
    """As the engine asks for one, and it names the organisation and the user."""
    mine, transport = connector(who())

    assert isinstance(mine, DynamicsConnector)
    assert (Side.DYNAMICS, True) == (mine.side, mine.capabilities.conditional_writes)
    assert ME == mine.sync_user()
    assert "dataverse:22222222-0000-4000-8000-000000000002" == mine.identity()
    assert [] == transport.requests


def test_a_table_is_described_in_one_request() -> None:
    """All questions go out in one batch, and are asked anew each time."""
    granted = answers(secured=[{"AttributeId": SALARY, "CanRead": 4}])
    mine, transport = connector(metadata(granted), metadata())

    first, second = mine.describe("contact"), mine.describe("contact")

    assert Access.READ == first.columns["new_salary"].access
    assert Access.NONE == second.columns["new_salary"].access
    assert ["$batch", "$batch"] == [one.url.rpartition("/")[2] for one in transport.requests]
    assert all(
        line.startswith("GET /api/data/v9.2/") for line, _, _ in sent_parts(transport.requests[0])
    )


def test_a_description_that_is_not_whole_is_none() -> None:
    """Without some answer a right would be missed."""
    said = [reply(one) for one in answers().values()]
    mine, _ = connector(parts(*said[:-1]), parts(refusal(403, "0x80040220"), *said[1:]))

    with pytest.raises(Unavailable):
        mine.describe("contact")
    with pytest.raises(Refused):
        mine.describe("contact")


def test_no_description_takes_no_column_away() -> None:
    """Every one would seem to be gone, until somebody says otherwise."""
    mine, transport = connector()
    transport.replies[:] = [metadata({**answers(), "columns": {"value": []}})]

    with pytest.raises(Unavailable):
        mine.describe("contact")


def test_a_table_that_is_not_there_is_named() -> None:
    """Whoever reads it has the name wrong, or looks into the wrong organisation."""
    answers_ = {**answers(), "table": None}
    mine, _ = connector(
        parts(
            *(
                reply(one) if name != "table" else refusal(404, "0x80060888")
                for name, one in answers_.items()
            )
        )
    )

    with pytest.raises(Refused, match="there is no table 'contact'"):
        mine.describe("contact")


@pytest.mark.parametrize(
    ("question", "answer", "left"),
    [
        ("roles", refusal(403, "0x80040220"), Access.READ | Access.UPDATE),
        ("masked", refusal(403, "0x80040220"), Access.UPDATE),
        ("masked", refusal(404, "0x80060888"), Access.READ | Access.UPDATE),
    ],
)
def test_what_some_may_not_ask_is_taken_as_is_safe(
    question: str, answer: Response, left: Access
) -> None:
    """Who is no administrator for certain, and which columns are masked for all we know."""
    said = answers(secured=[{"AttributeId": SALARY, "CanRead": 4, "CanUpdate": 4}])
    mine, _ = connector(
        parts(*(answer if name == question else reply(one) for name, one in said.items()))
    )

    assert left == mine.describe("contact").columns["new_salary"].access


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "text/html"}, b"<html>Welcome</html>"),
        reply({"value": []}),
        reply({}),
        Response(404, {"content-type": "text/html"}, b"<html>Nothing here</html>"),
        Response(302, {"location": "https://login.example"}),
    ],
)
def test_a_wrong_url_is_told_at_once(answer: Response) -> None:
    """At first contact: trying again would end the same, half a minute later."""
    mine = DataverseConnector(ORG, transport=Replay([answer]), credentials=lambda: TOKEN)

    with pytest.raises(Refused, match="URL") as caught:
        mine.sync_user()
    assert "Welcome" not in str(caught.value)


# -- reading


def test_a_full_read_starts_the_feed_of_changes() -> None:
    """It asks for tracking, follows links as they are, and goes on from the delta token."""
    mine, transport = connector(
        page(row(ANN, firstname="Ann"), following=NEXT),
        page(row(BOB, firstname=None), delta=DELTA),
        page(delta=DELTA),
    )

    first = mine.read("contact", ["firstname"], None)
    second = mine.read("contact", ["firstname"], first.cursor)
    third = mine.read("contact", ["firstname"], second.cursor)

    assert [True, False, False] == [first.more, second.more, third.more]
    [ann] = first.changes
    assert (ANN, {"firstname": "Ann"}, 'W/"1"') == (ann.id, ann.values, ann.version)  # type: ignore[union-attr]
    asked = [(one.url.partition("v9.2/")[2], one.headers["Prefer"]) for one in transport.requests]
    track = "odata.track-changes,odata.maxpagesize=2"
    assert [
        ("contacts?$select=firstname,modifiedon", track),
        (NEXT.partition("v9.2/")[2], track),
        (
            "contacts?$select=firstname,modifiedon&$deltatoken=9190%2108%2f22%2f2026",
            "odata.maxpagesize=2",
        ),
    ] == asked


def test_a_page_tells_when_it_was_made_and_its_rows_when_they_were_changed() -> None:
    """By Dynamics' own clock."""
    mine, _ = connector(page(row(ANN), delta=DELTA))

    told = mine.read("contact", ["firstname"], None)

    assert dt.datetime(2026, 11, 22, 10, 0, 5, tzinfo=dt.UTC) == told.at
    assert dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC) == told.changes[0].modified_at


def test_what_was_deleted_is_a_tombstone() -> None:
    """Whether Dynamics names it by its id or by its address."""
    context = f"{ORG}/api/data/v9.2/$metadata#contacts/$deletedEntity"
    mine, _ = connector(
        page(
            {"@odata.context": context, "id": ANN.upper(), "reason": "deleted"},
            {"@odata.context": context, "id": f"{ORG}/contacts({BOB})", "reason": "deleted"},
            delta=DELTA,
        )
    )

    assert [Tombstone(ANN), Tombstone(BOB)] == mine.read("contact", ["firstname"], None).changes


def test_a_field_that_joins_in_the_middle_of_a_pass_begins_it_anew() -> None:
    """Pages that were asked for without it would pass over its changes."""
    mine, transport = connector(
        page(delta=DELTA),
        page(row(ANN), following=NEXT),
        page(following=NEXT),
        page(row(ANN), delta=DELTA),
    )
    start = mine.read("contact", ["firstname"], None).cursor
    middle = mine.read("contact", ["firstname"], start).cursor

    mine.read("contact", ["firstname"], middle)
    mine.read("contact", ["firstname", "lastname"], middle)

    narrow, wide = (one.url for one in transport.requests[2:])
    assert narrow == NEXT
    assert "$select=firstname,lastname,modifiedon&$deltatoken=9190" in wide


def test_a_link_to_another_host_is_not_followed_there() -> None:
    """The token is for this organisation alone."""
    mine, transport = connector(
        page(following=NEXT.replace("example.crm", "evil.example")), page(delta=DELTA)
    )

    cursor = mine.read("contact", ["firstname"], None).cursor
    mine.read("contact", ["firstname"], cursor)

    assert all(one.url.startswith(f"{ORG}/api/data/v9.2/") for one in transport.requests)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nobody gave it",
        "dataverse-1 ",
        "dataverse-1 [1,2]",
        'dataverse-1 ["lead","","",[]]',
        'dataverse-1 ["contact","","",3]',
        'dataverse-1 ["contact","","",[],"x"]',
        'dataverse-1 {"table":"contact"}',
    ],
)
def test_a_cursor_that_nobody_gave_has_expired(cursor: str) -> None:
    """So has one of another table: only a full read can go on."""
    mine, transport = connector()

    with pytest.raises(CursorExpired):
        mine.read("contact", ["firstname"], Cursor(cursor))
    assert [] == transport.requests


def test_a_link_that_cannot_be_followed_is_an_outage() -> None:
    """In a cursor it would be kept, and no later run could read on from it."""
    odd = f"{ORG}/api/data/v9.2/contacts?$deltatoken=\ud83d"
    for answer in (page(delta=odd), page(following=odd)):
        mine, _ = connector(answer, parts(answer))
        with pytest.raises(Unavailable):
            mine.read("contact", ["firstname"], None)
    with pytest.raises(Unavailable):
        mine.fetch("contact", [ANN], ["firstname"])


def test_a_delta_token_that_is_too_old_has_expired() -> None:
    """Dynamics keeps changes for some days only."""
    mine, _ = connector(
        page(delta=DELTA), refusal(400, "0x80044352", "Version stamp has expired. Please sync.")
    )
    cursor = mine.read("contact", ["firstname"], None).cursor

    with pytest.raises(CursorExpired, match="0x80044352"):
        mine.read("contact", ["firstname"], cursor)


def test_a_feed_without_a_place_to_read_on_from_is_refused() -> None:
    """Somebody must switch change tracking on; the changes until then would be lost."""
    mine, _ = connector(reply({"value": []}))

    with pytest.raises(Refused, match="change tracking"):
        mine.read("contact", ["firstname"], None)


def test_a_column_that_went_away_is_named() -> None:
    """While reading, while fetching, and while finding."""
    message = "Could not find a property named 'new_gone' on type 'Microsoft.Dynamics.CRM.contact'."
    gone = refusal(400, "0x80060888", message)
    mine, _ = connector(gone, parts(gone), parts(gone))
    calls: list[Callable[[], object]] = [
        lambda: mine.read("contact", ["firstname", "new_gone"], None),
        lambda: mine.fetch("contact", [ANN], ["new_gone"]),
        lambda: mine.find("contact", "new_gone", ["x"], ["firstname"]),
    ]

    for call in calls:
        with pytest.raises(SchemaChanged) as caught:
            call()
        assert ("new_gone",) == caught.value.fields


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {"content-type": "text/html"}, b"<html>Doe, please sign in</html>"),
        Response(200, {"content-type": "application/json"}, b'{"value":[{"firstname":"Doe'),
        reply({"value": "Doe"}),
        page({"firstname": "Doe"}, delta=DELTA),
        page(row(ANN, firstname=["Doe"]), delta=DELTA),
        page({"@odata.context": "#contacts/$deletedEntity", "id": "Doe"}, delta=DELTA),
        NotSent("no such host"),
        Lost("the connection broke"),
        refusal(502, ""),
    ],
)
def test_what_cannot_be_read_is_an_outage(answer: Response | Exception) -> None:
    """Half an answer, a proxy's page, no answer: ask again later, and nothing of it is shown."""
    mine, _ = connector(answer)

    with pytest.raises(Unavailable) as caught:
        mine.read("contact", ["firstname"], None)

    assert "Doe" not in "".join(traceback.format_exception(caught.value))


# -- fetching and finding


@pytest.mark.parametrize("odd", [None, "x", {"contactid": "x", "@odata.etag": 'W/"1"'}])
def test_what_is_no_row_is_not_passed_over(odd: Json) -> None:
    """The cursor would go on behind it; and under another id it would be somebody new."""
    mine, _ = connector(page(row(ANN), odd, delta=DELTA))

    with pytest.raises(Unavailable):
        mine.read("contact", ["firstname"], None)


def test_a_row_without_a_version_is_an_outage() -> None:
    """A write could not tell then whether somebody has edited it since."""
    bare: dict[str, Json] = {"contactid": ANN, "firstname": "x"}
    mine, _ = connector(page(bare, delta=DELTA), parts(reply({"value": [bare]})))

    with pytest.raises(Unavailable):
        mine.read("contact", ["firstname"], None)
    with pytest.raises(Unavailable):
        mine.fetch("contact", [ANN], ["firstname"])


def test_rows_that_cannot_be_read_are_an_outage_here_too() -> None:
    """Nothing is made up of half a row, and nothing but a failure of Dynamics' is raised."""
    mine, _ = connector(parts(reply({"value": [{"firstname": "Doe"}]})), parts(reply({})))

    for _ in range(2):
        with pytest.raises(Unavailable):
            mine.fetch("contact", [ANN], ["firstname"])


def test_those_that_exist_are_fetched_in_one_request() -> None:
    """Whatever is no id at all is not asked for."""
    mine, transport = connector(parts(reply({"value": [row(ANN, firstname="Ann")]})))

    [found] = mine.fetch("contact", [ANN, BOB, RecordId("no guid")], ["firstname"])

    assert (ANN, {"firstname": "Ann"}) == (found.id, found.values)
    [[line, _, _]] = sent_parts(transport.requests[0])
    assert f"PropertyName='contactid',PropertyValues=%5B'{ANN}','{BOB}'%5D" in line


def test_nothing_is_asked_where_there_is_nothing_to_ask_for() -> None:
    """No ids, no request."""
    mine, transport = connector()

    assert [] == mine.fetch("contact", [], ["firstname"])
    assert [] == mine.find("contact", "firstname", [None], [])
    assert [] == transport.requests


def test_many_values_are_looked_for_in_parts_and_pages() -> None:
    """Each hundred is one part of one request, and every page of each is read."""
    names: list[Wire] = [f"Name{n}" for n in range(150)]
    mine, transport = connector(
        parts(
            reply({"value": [row(ANN, firstname="name1")], "@odata.nextLink": NEXT}),
            reply({"value": [row(BOB, firstname="NAME149 ")]}),
        ),
        reply({"value": [row(ME, firstname="Name2")]}),
    )

    found = mine.find("contact", "firstname", names, ["firstname"])

    assert {ANN, BOB, ME} == {one.id for one in found}
    assert 2 == len(sent_parts(transport.requests[0]))
    assert NEXT == transport.requests[1].url


def test_pages_that_go_in_circles_are_an_outage() -> None:
    """They would be read for ever."""
    one, two = (f"{ORG}/api/data/v9.2/contacts?$skiptoken={n}" for n in (1, 2))
    rows: list[Json] = [row(ANN, firstname="x")]
    mine, _ = connector(
        parts(reply({"value": rows, "@odata.nextLink": one})),
        page(*rows, following=two),
        page(*rows, following=one),
    )

    with pytest.raises(Unavailable, match="circles"):
        mine.find("contact", "firstname", ["x"], [])


def test_who_holds_nearly_the_value_is_not_told() -> None:
    """Dynamics takes an accent for none, and a rival that is none makes a match doubtful."""
    mine, _ = connector(
        parts(reply({"value": [row(ANN, firstname="José"), row(BOB, firstname="JOSE")]}))
    )

    assert [BOB] == [one.id for one in mine.find("contact", "firstname", ["jose"], [])]


def test_numbers_are_found_however_they_are_written() -> None:
    """Dynamics takes text in their place, and answers with numbers."""
    found: Json = {"value": [row(ANN, new_score=7), row(BOB, new_score=None)]}
    mine, _ = connector(parts(reply(found)), parts(reply(found)))

    assert [ANN] == [one.id for one in mine.find("contact", "new_score", [7], [])]
    assert [ANN] == [one.id for one in mine.find("contact", "new_score", ["7", "None"], [])]


@pytest.mark.parametrize("value", [None, "", "half \ud83d", float("nan")])
def test_nobody_holds_what_is_no_value(value: Wire) -> None:
    """It is not asked for, and keeps nobody else from being found."""
    mine, transport = connector(parts(reply({"value": [row(ANN, firstname="x")]})))

    assert [] == mine.find("contact", "firstname", [value], [])
    assert [] == transport.requests
    assert [ANN] == [one.id for one in mine.find("contact", "firstname", [value, "x"], [])]


def test_nobody_is_found_by_a_column_that_may_not_be_read() -> None:
    """Everybody would seem to hold nothing in it."""
    mine, transport = connector()

    with pytest.raises(Refused, match="new_salary"):
        mine.find("contact", "new_salary", [1], ["firstname"])
    assert [] == transport.requests


# -- writing


def test_writes_go_out_in_one_batch_with_one_result_each() -> None:
    """Creates by their id if there is no such row, updates if the row is as it was."""
    mine, transport = connector(
        parts(
            reply(row(ANN, 5, firstname="Ann"), 201),
            reply(row(BOB, 6, firstname=None)),
            refusal(412, "0x80060882"),
            refusal(404, "0x80040217"),
            refusal(400, "0x80044331", "The length of the 'firstname' attribute exceeded '50'."),
        )
    )

    told = mine.write(
        "contact",
        [
            Create(ANN, {"firstname": "Ann"}),
            Update(BOB, {"firstname": None}, Version('W/"5"')),
            Update(RecordId(ANN.replace("1", "3")), {"firstname": "x"}, Version('W/"1"')),
            Update(RecordId(ANN.replace("1", "4")), {"firstname": "x"}),
            Update(RecordId(ANN.replace("1", "5")), {"firstname": "x" * 51}),
        ],
    )

    assert [Created(ANN, Version('W/"5"'), {"firstname": "Ann"})] == told[:1]
    assert [Updated(BOB, Version('W/"6"'), {"firstname": None}), Stale(), Gone()] == told[1:4]
    assert isinstance(told[4], Rejected)
    assert "firstname" == told[4].reasons[0].field
    [request] = transport.requests
    assert "odata.continue-on-error" == request.headers["Prefer"]
    create, update, _, unconditional, _ = sent_parts(request)
    assert (
        f"PATCH /api/data/v9.2/contacts({ANN})?$select=firstname,modifiedon HTTP/1.1" == create[0]
    )
    assert ("*", "return=representation") == (create[1]["If-None-Match"], create[1]["Prefer"])
    assert ('W/"5"', "*") == (update[1]["If-Match"], unconditional[1]["If-Match"])
    assert [{"firstname": "Ann"}, {"firstname": None}] == [create[2], update[2]]


def test_duplicate_detection_is_off_unless_it_is_asked_for() -> None:
    """A rule of people's would otherwise hold back edits of other fields."""
    header = "MSCRM.SuppressDuplicateDetection"
    found = []
    for options in (DynamicsOptions(), DynamicsOptions(duplicates="detect")):
        mine, transport = connector(parts(refusal(412, "0x80040333")), options=options)
        [told] = mine.write("contact", [Update(ANN, {"firstname": "Ann"})])
        assert isinstance(told, Rejected)
        [[_, headers, _]] = sent_parts(transport.requests[0])
        found.append(headers.get(header))

    assert [None, "false"] == found


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ownerid": BOB}, {"ownerid@odata.bind": f"/systemusers({BOB})"}),
        ({"ownerid": f"teams({BOB})"}, {"ownerid@odata.bind": f"/teams({BOB})"}),
        (
            {"parentcustomerid": BOB.upper()},
            {"parentcustomerid_account@odata.bind": f"/accounts({BOB})"},
        ),
        (
            {"parentcustomerid": f"/contacts({BOB})"},
            {"parentcustomerid_contact@odata.bind": f"/contacts({BOB})"},
        ),
        ({"parentcustomerid": None}, {"parentcustomerid_account@odata.bind": None}),
        ({"statecode": 1, "new_interests": "1,9"}, {"statecode": 1, "new_interests": "1,9"}),
    ],
)
def test_references_are_bound_and_cleared(values: dict[str, Wire], said: dict[str, Json]) -> None:
    """By the property that leads to the table that they point at; choices go by their codes."""
    mine, transport = connector(parts(reply(row(ANN))))

    mine.write("contact", [Update(ANN, values)])

    assert said == sent_parts(transport.requests[0])[0][2]


def test_where_a_plain_id_points_can_be_said() -> None:
    """In a column that may point at several tables."""
    options = DynamicsOptions(pointing_at={"parentcustomerid": "contact"})
    mine, transport = connector(parts(reply(row(ANN))), options=options)

    mine.write("contact", [Update(ANN, {"parentcustomerid": BOB})])

    said = sent_parts(transport.requests[0])[0][2]
    assert {"parentcustomerid_contact@odata.bind": f"/contacts({BOB})"} == said


def test_the_name_of_a_table_of_the_hosts_is_asked_for_once() -> None:
    """A reference is bound by the name that the table has in addresses."""
    mine, transport = connector(
        reply({"EntitySetName": "new_regions"}), parts(reply(row(ANN))), parts(reply(row(ANN)))
    )

    for _ in range(2):
        mine.write("contact", [Update(ANN, {"new_region": BOB})])

    assert "EntityDefinitions(LogicalName='new_region')" in transport.requests[0].url
    assert 3 == len(transport.requests)
    said = sent_parts(transport.requests[1])[0][2]
    assert {"new_Region@odata.bind": f"/new_regions({BOB})"} == said


def test_money_that_is_made_here_is_of_the_hosts_currency() -> None:
    """Where the host says one; rows that are there keep theirs."""
    lookup = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({ME})"}
    mine, transport = connector(parts(*[reply(row(ANN))] * 3), options=DynamicsOptions(currency=ME))

    mine.write(
        "contact",
        [
            Create(ANN, {"revenue": 5}),
            Create(BOB, {"firstname": "Bob"}),
            Update(ME, {"revenue": 6}),
        ],
    )

    said = [values for _, _, values in sent_parts(transport.requests[0])]
    assert [{"revenue": 5, **lookup}, {"firstname": "Bob"}, {"revenue": 6}] == said


def test_an_amount_that_no_double_holds_is_sent_with_all_its_digits() -> None:
    """As a number, for Dynamics takes no text in its place."""
    mine, transport = connector(parts(reply(row(ANN))))

    mine.write("contact", [Update(ANN, {"revenue": "12345678901234567.89"})])

    assert b'{"revenue":12345678901234567.89}' in (transport.requests[0].body or b"")


def test_what_cannot_be_said_is_answered_and_not_sent() -> None:
    """An id that is none, a key that is no id, and a number that is none."""
    mine, transport = connector()

    gone, no_id, no_key, no_number = mine.write(
        "contact",
        [
            Update(RecordId("7"), {"firstname": "x"}),
            Create(RecordId("7"), {"firstname": "x"}),
            Create(ANN, {"firstname": "x"}, "emailaddress1"),
            Update(ANN, {"revenue": float("inf")}),
        ],
    )

    assert Gone() == gone
    assert isinstance(no_id, Rejected)
    assert isinstance(no_key, Rejected)
    assert ("contactid", "emailaddress1") == (no_id.reasons[0].field, no_key.reasons[0].field)
    assert isinstance(no_number, Rejected)
    assert "revenue" == no_number.reasons[0].field
    assert [] == transport.requests


def test_many_writes_go_out_in_requests_of_nearly_the_same_size() -> None:
    """As few as the batch allows."""
    ids = [RecordId(f"aaaaaaaa-0000-4000-8000-00000000000{n}") for n in range(5)]
    mine, transport = connector(
        parts(*(reply(row(id_)) for id_ in ids[:3])),
        parts(*(reply(row(id_)) for id_ in ids[3:])),
        options=DynamicsOptions(batch=4),
    )

    told = mine.write("contact", [Update(id_, {"firstname": "x"}) for id_ in ids])

    assert ids == [one.id for one in told if isinstance(one, Updated)]
    assert [3, 2] == [len(sent_parts(one)) for one in transport.requests]


def test_two_writes_of_one_row_go_out_one_after_the_other() -> None:
    """In their order, for the second is meant to come last."""
    mine, transport = connector(parts(reply(row(ANN)), reply(row(BOB))), parts(reply(row(ANN))))

    mine.write(
        "contact",
        [
            Update(ANN, {"firstname": "a"}),
            Update(BOB, {"firstname": "b"}),
            Update(RecordId(ANN.upper()), {"firstname": "c"}),
        ],
    )

    said = [[values["firstname"] for *_, values in sent_parts(r)] for r in transport.requests]
    assert [["a", "b"], ["c"]] == said


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (NotSent("refused"), Unavailable),
        (Lost("broken"), Ambiguous),
        (refusal(408, ""), Ambiguous),
        (refusal(504, ""), Ambiguous),
        (refusal(500, "0x80040216"), Ambiguous),
        (refusal(500, "0x80044151"), Ambiguous),
        (refusal(503, ""), Unavailable),
        (refusal(403, "0x80072560"), Refused),
        (Response(200, {"content-type": "text/html"}, b"<html/>"), Ambiguous),
        (Response(200, {"content-type": "multipart/mixed; boundary=x"}, b"--x\r\nHTT"), Ambiguous),
    ],
)
def test_a_batch_that_failed_whole_is_raised(
    answer: Response | Exception, failure: type[SystemFailure]
) -> None:
    """With nothing applied, or with nothing known of any write."""
    mine, _ = connector(answer)

    with pytest.raises(failure):
        mine.write("contact", [Update(ANN, {"firstname": "x"})])


def test_of_half_an_answer_the_rest_is_not_known() -> None:
    """What came whole is believed."""
    whole = parts(reply(row(ANN)), reply(row(BOB)))
    cut = Response(200, whole.headers, whole.body[:-45])
    mine, _ = connector(cut)

    told = mine.write("contact", [Update(ANN, {"firstname": "x"}), Update(BOB, {"firstname": "x"})])

    assert [Updated, AmbiguousWrite] == [type(one) for one in told]


def test_what_follows_an_answer_that_cannot_be_read_is_not_known() -> None:
    """It is told by its place alone, and would be taken for what became of another row."""
    whole = parts(reply(row(ANN)), refusal(400, "0x80044331"), reply(row(BOB)))
    body = whole.body.replace(b"HTTP/1.1 400", b"HTTP/1.1 bad")
    mine, _ = connector(Response(200, whole.headers, body))

    told = mine.write("contact", [Update(one, {"firstname": "x"}) for one in (ANN, ME, BOB)])

    assert [Updated, AmbiguousWrite, AmbiguousWrite] == [type(one) for one in told]


@pytest.mark.parametrize(
    "answers",
    [
        (reply(row(BOB)), reply(row(ANN))),
        (reply(row(BOB)),),
        (refusal(400, "0x80044331"), reply(row(ANN))),
    ],
)
def test_answers_in_another_order_are_believed_of_nobody(answers: tuple[Response, ...]) -> None:
    """A row that stands in the place of another one's says that the others do, too."""
    mine, _ = connector(parts(*answers))

    told = mine.write("contact", [Update(ANN, {"firstname": "x"}), Update(BOB, {"firstname": "x"})])

    assert [AmbiguousWrite()] * 2 == told


def test_an_error_that_says_it_succeeded_is_no_success() -> None:
    """Nobody knows then whether the row was written."""
    error = reply({"error": {"code": "0x80040216", "message": "x"}})
    mine, _ = connector(parts(error, reply(row(BOB))))

    told = mine.write("contact", [Update(ANN, {"firstname": "x"}), Update(BOB, {"firstname": "x"})])

    assert [AmbiguousWrite, Updated] == [type(one) for one in told]


def test_where_one_request_of_several_fails_each_write_has_its_result() -> None:
    """What was applied is not forgotten for the sake of what was not."""
    ids = [RecordId(f"aaaaaaaa-0000-4000-8000-00000000000{n}") for n in range(4)]
    mine, _ = connector(
        parts(reply(row(ids[0]))),
        Lost("x"),
        refusal(503, ""),
        refusal(403, "0x8004D24B"),
        options=DynamicsOptions(batch=1),
    )

    told = mine.write("contact", [Update(id_, {"firstname": "x"}) for id_ in ids])

    assert [Updated, AmbiguousWrite, NotAttempted, NotAttempted] == [type(one) for one in told]


@pytest.mark.parametrize(
    ("answers_", "kinds"),
    [
        ((parts(reply(row(ANN))), Lost("x")), [Updated, AmbiguousWrite]),
        ((parts(reply(row(ANN))), refusal(503, "")), [Updated, NotAttempted]),
        ((Lost("x"), refusal(503, "")), [AmbiguousWrite, NotAttempted]),
    ],
)
def test_only_what_failed_alike_is_raised(
    answers_: tuple[Response | Exception, ...], kinds: list[type[object]]
) -> None:
    """One word for all of them would say of some what is not so."""
    mine, _ = connector(*answers_, options=DynamicsOptions(batch=1))

    told = mine.write("contact", [Update(ANN, {"firstname": "x"}), Update(BOB, {"firstname": "x"})])

    assert kinds == [type(one) for one in told]


def test_a_batch_that_is_too_large_goes_out_in_halves() -> None:
    """A row that is too large by itself is refused by itself."""
    large = refusal(413, "0x8004418A")
    ids = [RecordId(f"aaaaaaaa-0000-4000-8000-00000000000{n}") for n in range(3)]
    mine, transport = connector(large, parts(*(reply(row(id_)) for id_ in ids[:2])), large)

    told = mine.write("contact", [Update(id_, {"firstname": "x"}) for id_ in ids])
    transport.replies[:] = [large]
    [alone] = mine.write("contact", [Update(ANN, {"firstname": "x"})])

    assert [Updated, Updated, Rejected] == [type(one) for one in told]
    assert [3, 2, 1, 1] == [len(sent_parts(one)) for one in transport.requests]
    assert told[2] == alone


def test_a_create_that_meets_a_key_is_looked_for() -> None:
    """Its answer may have been lost, and then the row is its own; or the key is another row's."""
    one, other = refusal(412, "0x80060892"), refusal(412, "0x80040237")
    mine, transport = connector(
        parts(one, one, other, other, reply(row(KEYS[4]))),
        parts(reply({"value": [row(KEYS[0]), row(KEYS[2])]})),
    )

    told = mine.write("contact", [Create(key, {"lastname": "x"}) for key in KEYS])

    codes = [each.reasons[0].code for each in told if isinstance(each, Rejected)]
    assert ["duplicate_key", "0x80060892", "duplicate_key", "0x80040237"] == codes
    assert 2 == len(transport.requests)


def test_where_that_cannot_be_looked_up_nothing_is_said_to_be_known() -> None:
    """And what was applied beside it is not forgotten."""
    mine, _ = connector(parts(reply(row(KEYS[0])), refusal(412, "0x80040237")), Lost("x"))

    told = mine.write("contact", [Create(KEYS[0], {}), Create(KEYS[1], {})])

    assert [Created, AmbiguousWrite] == [type(one) for one in told]


def test_more_than_was_promised_is_refused() -> None:
    """By this connector, before Dynamics does."""
    mine, transport = connector()

    with pytest.raises(ContractError):
        mine.write("contact", [Update(ANN, {})] * 1_001)
    with pytest.raises(ContractError):
        mine.fetch("contact", [ANN] * 501, [])
    assert [] == transport.requests


def test_its_own_threads_end_with_it() -> None:
    """Those of a limiter that others share go on."""
    left: list[int] = []
    before = {*threading.enumerate()}
    for shared in (None, Limiter(Side.DYNAMICS, Pace(at_once=2), SandboxClock())):
        replies = [who(), metadata(), *[parts(reply({"lastname": "x"}))] * 2]
        with DataverseConnector(
            ORG,
            transport=Replay([*replies]),
            credentials=lambda: TOKEN,
            limiter=shared,
            options=DynamicsOptions(batch=1),
        ) as mine:
            mine.write("contact", [Update(key, {"firstname": "x"}) for key in KEYS[:2]])
        left.append(len({*threading.enumerate()} - before))
        if shared is not None:
            shared.close()

    assert 0 == left[0] < left[1]


# -- tokens, limits, secrets

SECRET = ClientSecret(tenant="acme.example", client_id="the-client", secret="the-secret")  # noqa: S106 - no real secret


def issued(token: str, lasts: int = 3_600) -> Response:
    """Return a token as Entra issues one."""
    return reply({"token_type": "Bearer", "expires_in": lasts, "access_token": token})


def signed(
    *replies: Response | Exception, clock: SandboxClock | None = None
) -> tuple[DataverseConnector, Replay]:
    """Return a connector that signs in with a secret, and its transport."""
    transport = Replay([*replies])
    clock = clock or SandboxClock()
    limiter = Limiter(Side.DYNAMICS, Pace(at_once=1), clock)
    made = DataverseConnector(
        ORG, transport=transport, credentials=SECRET, limiter=limiter, clock=clock
    )
    return made, transport


def test_a_service_principal_signs_in_once_and_again_before_its_token_ends() -> None:
    """A token lasts an hour, and five minutes of it are left for what is under way."""
    clock = SandboxClock()
    mine, transport = signed(
        issued("one"), who(), metadata(), issued("two"), metadata(), clock=clock
    )

    mine.sync_user()
    mine.describe("contact")
    clock.advance(3_301)
    mine.describe("contact")

    tokens = [one.headers.get("Authorization") for one in transport.requests]
    assert [None, "Bearer one", "Bearer one", None, "Bearer two"] == tokens
    assert (
        "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"
        == transport.requests[0].url
    )
    form = (transport.requests[0].body or b"").decode()
    assert "grant_type=client_credentials" in form
    assert "scope=https%3A%2F%2Fexample.crm.dynamics.com%2F.default" in form


@pytest.mark.parametrize("lasts", [10**20, 10**400])
def test_a_token_that_lasts_for_ever_is_one(lasts: int) -> None:
    """No date is that far away."""
    mine, transport = signed(issued("one", lasts), who(), metadata())

    assert ME == mine.sync_user()
    mine.describe("contact")

    assert 3 == len(transport.requests)


def test_a_token_that_is_not_taken_any_more_is_renewed_once() -> None:
    """Nothing was done without one, so the same request may be sent again."""
    mine, transport = signed(issued("one"), refusal(401, ""), issued("two"), who())

    assert ME == mine.sync_user()
    assert "Bearer two" == transport.requests[-1].headers["Authorization"]
    mine, _ = signed(issued("one"), refusal(401, ""), issued("two"), refusal(401, ""))
    with pytest.raises(Refused, match="401"):
        mine.sync_user()


@pytest.mark.parametrize(
    ("answer", "failure", "says"),
    [
        (
            reply(
                {
                    "error": "invalid_client",
                    "error_description": "AADSTS7000215: Invalid client secret the-secret.",
                },
                401,
            ),
            Refused,
            "invalid_client, AADSTS7000215",
        ),
        (refusal(503, ""), Unavailable, "503"),
        (Response(200, {}, b"<html>"), Unavailable, "nothing readable"),
        (NotSent("no such host"), Unavailable, "no such host"),
        (Lost("broken"), Unavailable, "broken"),
        (refusal(429, "", retry_after="3"), Throttled, "busy"),
    ],
)
def test_no_token_is_told_without_the_secret(
    answer: Response | Exception, failure: type[SystemFailure], says: str
) -> None:
    """What was seen and what to look at; what Entra writes may quote the request."""
    clock = SandboxClock()
    mine, _ = signed(*[answer] * 3, clock=clock)

    with pytest.raises(failure, match=re.escape(says)) as caught:
        mine.sync_user()

    assert "the-secret" not in "".join(traceback.format_exception(caught.value))


def test_any_callable_that_returns_a_token_will_do() -> None:
    """MSAL and azure-identity keep and renew tokens themselves."""
    tokens = iter(["one", "two"])
    transport = Replay([refusal(401, ""), who()])
    mine = DataverseConnector(ORG, transport=transport, credentials=lambda: next(tokens))

    assert ME == mine.sync_user()
    assert "Bearer two" == transport.requests[1].headers["Authorization"]


def test_a_callable_that_fails_is_a_refusal_that_keeps_its_secret() -> None:
    """In the language of the core; what it raised may quote a password, and is not kept."""

    def broken() -> str:
        raise LookupError("no account for s3cret")

    mine = DataverseConnector(ORG, transport=Replay([]), credentials=broken)

    with pytest.raises(Refused, match="LookupError") as caught:
        mine.sync_user()
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (("s3cret", 1), "a tuple and no text"),
        (None, "a NoneType and no text"),
        ("s3cret\n", "text that is no token"),
        ("s3cr\u00e9t", "text that is no token"),
        ("", "text that is no token"),
    ],
)
def test_what_is_no_token_is_not_sent(token: object, words: str) -> None:
    """One in the wrapping of a library, or with the end of the line of its file."""
    transport = Replay([])
    given = cast("Callable[[], str]", lambda: token)
    mine = DataverseConnector(ORG, transport=transport, credentials=given)

    with pytest.raises(Refused, match=words) as caught:
        mine.sync_user()
    assert "s3cr" not in str(caught.value)
    assert [] == transport.requests


@pytest.mark.parametrize(
    "authority", ["http://login.example", "login.example", "https://me:pw@login.example", ""]
)
def test_no_secret_goes_where_it_can_be_read_on_its_way(authority: str) -> None:
    """It is refused before it is sent."""
    with pytest.raises(ConfigurationError, match="https") as caught:
        ClientSecret(tenant="t", client_id="c", secret="s3cret", authority=authority)  # noqa: S106 - no real secret
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("tenant", ["", "acme example", "a/b", "..", "acme.example?x"])
def test_what_is_no_tenant_is_told(tenant: str) -> None:
    """In an address it would lead elsewhere, and the answer say nothing of it."""
    with pytest.raises(ConfigurationError, match="tenant"):
        ClientSecret(tenant=tenant, client_id="c", secret="s3cret")  # noqa: S106 - no real secret


def test_a_limit_is_waited_out_and_then_raised() -> None:
    """By the limiter, which all connectors of one user share."""
    busy = refusal(429, "0x80072322", retry_after="7")
    clock = SandboxClock()
    mine, _ = connector(busy, page(delta=DELTA), clock=clock)

    mine.read("contact", ["firstname"], None)

    assert 7 == clock.slept
    mine, _ = connector(*[busy] * 3)
    with pytest.raises(Throttled) as caught:
        mine.write("contact", [Update(ANN, {"firstname": "x"})])
    assert (7.0, "window") == (caught.value.retry_after, caught.value.scope)


def test_a_limit_within_a_batch_is_told_of_its_write_alone() -> None:
    """The others were applied."""
    mine, _ = connector(parts(reply(row(ANN)), refusal(429, "0x80072321", retry_after="9")))

    told = mine.write("contact", [Update(ANN, {"firstname": "x"}), Update(BOB, {"firstname": "x"})])

    assert isinstance(told[0], Updated)
    assert ThrottledWrite(9.0) == told[1]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.crm.dynamics.com",
        "https://",
        "example.crm.dynamics.com",
        "https://user:word@example.crm.dynamics.com",
        "ftp://example.crm.dynamics.com",
        "https://exa mple",
        "https://[example.crm.dynamics.com",
        "https://example.crm.dynamics.com:https",
        "",
    ],
)
def test_a_url_that_would_give_tokens_away_is_refused(url: str) -> None:
    """Before anything is sent, and without saying it again: a password may be in it."""
    with pytest.raises(ConfigurationError) as caught:
        DataverseConnector(url, transport=Replay([]), credentials=lambda: TOKEN)

    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "url", [f"{ORG}/", f"{ORG}/main.aspx?appid=1", "http://127.0.0.1:8080", "http://localhost:1/x"]
)
def test_a_url_as_people_copy_it_will_do(url: str) -> None:
    """From the address bar of a browser, or that of an emulator on this machine."""
    DataverseConnector(url, transport=Replay([]), credentials=lambda: TOKEN)


def test_what_dynamics_does_not_take_is_refused_when_it_is_said() -> None:
    """Not when it is used."""
    for batch, page_ in ((0, 1), (1_001, 1), (1, 0), (1, 5_001)):
        with pytest.raises(ConfigurationError, match="whole number of rows from 1 to"):
            DynamicsOptions(batch=batch, page=page_)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"batch": "50"}, {"page": 2.5}, {"batch": True}),
        *({"duplicates": "maybe"}, {"duplicates": ["ignore"]}, {"currency": 5}),
        {"pointing_at": 3},
    ],
)
def test_options_of_another_kind_are_refused_by_their_name(wrong: dict[str, object]) -> None:
    """Each says which argument it was and what to give."""
    [name] = wrong
    with pytest.raises(ConfigurationError, match=f"{name}=.*(?:[Gg]ive|say) "):
        DynamicsOptions(**wrong)  # type: ignore[arg-type]


def test_nothing_that_is_secret_is_shown() -> None:
    """Neither in what is printed of a connector, nor of what signs it in."""
    mine, _ = signed(issued("a-token"), who())
    mine.sync_user()

    shown = f"{mine!r} {mine} {SECRET!r} {SECRET} {vars(mine)!r}"

    assert not re.search("the-secret|a-token", shown)
    assert "<DataverseConnector https://example.crm.dynamics.com>" == repr(mine)


def test_a_cursor_holds_nothing_secret_and_fits_a_state_file() -> None:
    """It is text, and says where to read on."""
    mine, _ = connector(page(following=NEXT))

    cursor = mine.read("contact", ["firstname"], None).cursor

    assert TOKEN not in cursor
    assert "example.crm" not in json.dumps(cursor)
