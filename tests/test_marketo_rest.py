"""What the Marketo connector says to the REST API, and what it makes of its answers."""

from __future__ import annotations

import datetime as dt
import json
import threading
from itertools import islice

import pytest

from dynsync.connectors import Connector
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
from dynsync.marketo import FAILURES, MarketoOptions, MarketoRestConnector
from dynsync.marketo._describe import schema_of
from dynsync.marketo._places import Place
from dynsync.records import Cursor, Edit, Record, RecordId, Side, Tombstone
from dynsync.sandbox import SandboxClock
from dynsync.schemas import FULL_ACCESS, Access
from dynsync.transport import Lost, NotSent, Response
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Rejected,
    ThrottledWrite,
    Update,
    Updated,
)
from marketo_wire import DATE, DESCRIBE, GRANTED, SERVICE, URL, Wire, connector, failure, result

TABLE = "person"
LEADS = "/rest/v1/leads.json"
CHANGES = "/rest/v1/activities/leadchanges.json"
ACTIVITIES = "/rest/v1/activities.json"
DELETES = "/rest/v1/activities/deletedleads.json"
TOKENS = "/rest/v1/activities/pagingtoken.json"
TOKEN = "/identity/oauth/token"  # noqa: S105 - the address
NAME = ["firstName"]

QUIET = {
    stream: result(nextPageToken="T1", moreResult=False)
    for stream in (CHANGES, ACTIVITIES, DELETES)
}


def person(number: int, **values: object) -> dict[str, object]:
    """Return a person as the API tells one."""
    return {"id": number, "updatedAt": "2026-01-05T08:00:00Z", **values}


def changed(number: int, old: object, new: object, *, guid: str = "g1") -> dict[str, object]:
    """Return a row of the feed: somebody's first name changed."""
    return {
        "id": 1078,
        "marketoGUID": guid,
        "leadId": number,
        "activityDate": "2026-01-05T08:59:00+0000",
        "activityTypeId": 13,
        "fields": [{"id": 48, "name": "firstName", "newValue": new, "oldValue": old}],
        "attributes": [],
    }


def at_rest(wire: Wire) -> tuple[MarketoRestConnector, Cursor]:
    """Return a connector, and the cursor behind a full read that found nobody."""
    mine = connector(wire)
    page = mine.read(TABLE, NAME, None)
    assert not page.more
    wire.said.clear()
    return mine, page.cursor


# -- what it is


def test_it_is_a_connector_that_names_its_instance() -> None:
    """The Munchkin id is what a state file remembers."""
    mine = connector(Wire())

    assert isinstance(mine, Connector)
    assert "123-ABC-456" == mine.identity()


@pytest.mark.parametrize(
    "url",
    [
        *("", "123-ABC-456", "ftp://x.org", "https://me:pw@x.org", "http://x.org"),
        *("https://[x.org", "https://x.org:https", "https://x.org:99999"),
    ],
)
def test_a_url_that_is_none_is_told_at_once(url: str) -> None:
    """The message shows what one looks like."""
    clock = SandboxClock()
    with pytest.raises(ConfigurationError, match=r"mktorest\.com"):
        MarketoRestConnector(url, transport=Wire(), credentials=SERVICE, clock=clock)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("full", "bogus"), ("began", "2019-05-01"), ("began", 2019), ("gap", 0), ("gap", "9")),
        *(("overlap", -1), ("retention", "13"), ("lines", float("nan"))),
    ],
)
def test_an_option_that_is_none_is_told_at_once(name: str, given: object) -> None:
    """By its name, and not in the middle of the first run."""
    with pytest.raises(ConfigurationError, match=f"{name}="):
        MarketoOptions(**{name: given})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/rest", "/rest/", "/identity", ""])
def test_a_url_may_be_pasted_as_marketo_shows_it(path: str) -> None:
    """Admin > Web Services shows two addresses with paths."""
    wire = Wire()
    clock = SandboxClock()
    mine = MarketoRestConnector(URL + path, transport=wire, credentials=SERVICE, clock=clock)

    mine.describe(TABLE)

    assert "/rest/v1/leads/describe.json" in {said.path for said in wire.said}


def test_its_own_threads_end_with_it() -> None:
    """Those of a limiter that others share go on."""
    left: list[int] = []
    before = {*threading.enumerate()}
    people = [RecordId(str(number)) for number in range(1, 302)]
    for shared in (None, Limiter(Side.MARKETO, Pace(at_once=2), SandboxClock())):
        wire = Wire({LEADS: result()})
        with MarketoRestConnector(
            URL, transport=wire, credentials=SERVICE, clock=SandboxClock(), limiter=shared
        ) as mine:
            mine.fetch(TABLE, people, NAME)
        left.append(len({*threading.enumerate()} - before))
        if shared is not None:
            shared.close()

    assert 0 == left[0] < left[1]


def test_another_table_is_refused() -> None:
    """There are people here, and nothing else."""
    with pytest.raises(Refused, match="'company'"):
        connector(Wire()).describe("company")


# -- tokens


def test_the_secret_travels_in_the_body_alone() -> None:
    """Addresses end up in logs. The token is in a header, and neither is in a repr."""
    wire = Wire()
    connector(wire).describe(TABLE)

    token, describe, *_ = wire.said
    assert "s3cret" not in token.request.url
    assert "s3cret" == token.asked["client_secret"]
    assert "Bearer cdf0:int" == describe.request.headers["Authorization"]
    assert "s3cret" not in repr(SERVICE) + repr(connector(wire))


def test_one_token_serves_until_it_ends() -> None:
    """An hour later there is another."""
    wire, clock = Wire(), SandboxClock()
    mine = connector(wire, clock)
    for pause in (0, 3000, 600):
        clock.advance(pause)
        mine.describe(TABLE)

    assert 2 == len(wire.asked(TOKEN))


@pytest.mark.parametrize(
    ("lasts", "tokens"),
    [
        ("3599", 2),
        ("3599.5", 2),
        ('"3599"', 2),
        ("9" * 20, 1),
        ("9" * 400, 1),
        ("null", 4),
        ("-1", 4),
    ],
)
def test_a_token_lasts_for_whatever_is_said(lasts: str, tokens: int) -> None:
    """Text and parts of a second, too; for nothing where nothing is."""
    said = GRANTED.replace(b"3599", lasts.encode())
    wire, clock = Wire({TOKEN: Response(200, {}, said)}), SandboxClock()
    mine = connector(wire, clock)
    for pause in (0, 3000, 600):
        clock.advance(pause)
        mine.describe(TABLE)

    assert tokens == len(wire.asked(TOKEN))


@pytest.mark.parametrize("code", ["601", "602"])
def test_a_token_that_is_refused_is_renewed_once(code: str) -> None:
    """The call is made again with the new one, and nobody hears of it."""
    wire = Wire({"/rest/v1/leads/describe.json": [failure(code), result(*DESCRIBE)]})

    assert "email" in connector(wire).describe(TABLE).columns
    assert 2 == len(wire.asked(TOKEN))


def test_a_token_that_is_refused_again_is_told() -> None:
    """Asking for ever would help nobody."""
    wire = Wire({"/rest/v1/leads/describe.json": failure("601")})

    with pytest.raises(Refused, match="601"):
        connector(wire).describe(TABLE)
    assert 2 == len(wire.asked(TOKEN))


@pytest.mark.parametrize(
    ("answer", "wanted", "words"),
    [
        (Response(401, {}, b'{"error":"invalid_client"}'), Refused, "LaunchPoint"),
        (Response(200, {}, b"<html>Welcome</html>"), Refused, "Web Services"),
        (Response(404, {}, b"<html>"), Refused, "URL"),
        (Response(200, {}, GRANTED.replace(b":int", rb"\n")), Refused, "Web Services"),
        (Response(200, {}, GRANTED.replace(b":int", rb"\u00e9")), Refused, "Web Services"),
        (Response(502, {}, b""), Unavailable, "5xx"),
        (Response(408, {}, b""), Unavailable, "408"),
        (Response(999, {}, b""), Unavailable, "5xx"),
        (NotSent("no such host"), Unavailable, "no such host"),
        (Lost("timed out"), Unavailable, "timed out"),
    ],
)
def test_no_token_says_what_to_do(
    answer: Response | Exception, wanted: type[SystemFailure], words: str
) -> None:
    """A wrong secret, a wrong URL and a network that is down are told apart; nothing was done."""
    mine = connector(Wire({TOKEN: answer}))

    with pytest.raises(wanted, match=words):
        mine.write(TABLE, [Update(RecordId("1"), {"firstName": "Ann"})])


# -- describe


@pytest.mark.parametrize("said", [{}, {"result": []}, {"result": None}])
def test_no_description_takes_no_column_away(said: dict[str, object]) -> None:
    """Every one would seem to be gone, until somebody says otherwise."""
    empty = Response(200, {}, json.dumps({"success": True, **said}).encode())
    mine = connector(Wire({"/rest/v1/leads/describe.json": empty}))

    with pytest.raises(Unavailable):
        mine.describe(TABLE)


def test_columns_come_with_their_limits() -> None:
    """Lengths that describe is silent about are known all the same."""
    columns = connector(Wire()).describe(TABLE).columns

    assert ("email", 255) == (columns["email"].type, columns["email"].length)
    assert (30_000, "bytes") == (columns["notes"].length, columns["notes"].unit)
    assert -(2**31) == columns["leadScore"].minimum
    assert FULL_ACCESS == columns["firstName"].access


@pytest.mark.parametrize(("type_", "length"), [("text", 30_000), ("integer", None)])
def test_a_length_below_0_is_none(type_: str, length: int | None) -> None:
    """It is no length that a column can have: as if describe had been silent."""
    row: dict[str, object] = {"dataType": type_, "length": -1, "rest": {"name": "odd"}}

    assert schema_of(TABLE, [row], frozenset()).columns["odd"].length == length


@pytest.mark.parametrize("name", ["id", "createdAt", "updatedAt", "sfdcOwner"])
def test_what_nobody_may_write_is_only_read(name: str) -> None:
    """Marketo's own columns, and those that another CRM's sync owns."""
    assert Access.READ == connector(Wire()).describe(TABLE).columns[name].access


def test_describe2_is_asked_again_only_when_the_columns_change() -> None:
    """It knows one thing more, and costs a call."""
    wire = Wire()
    mine = connector(wire)
    mine.describe(TABLE)
    mine.describe(TABLE)

    assert 1 == len(wire.asked("/rest/v1/leads/describe2.json"))


# -- fetch and find


def test_people_are_fetched_by_id_in_hundreds() -> None:
    """Three hundred a call; an empty field that was left out is empty."""
    wire = Wire({LEADS: [result(person(1, firstName="Ann")), result(person(301))]})

    ids = [RecordId(str(number)) for number in range(1, 302)]
    told = connector(wire).fetch(TABLE, ids, NAME)

    assert [("1", "Ann"), ("301", None)] == [(r.id, r.values["firstName"]) for r in told]
    first, second = wire.asked(LEADS)
    assert [300, 1] == [len(s.asked["filterValues"].split(",")) for s in (first, second)]
    assert "id,firstName,updatedAt" == first.asked["fields"]
    assert dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC) == told[0].modified_at


def test_only_what_was_asked_for_is_told() -> None:
    """The id and the stamp are read for ourselves."""
    wire = Wire({LEADS: result(person(1, firstName="Ann"))})

    [told] = connector(wire).fetch(TABLE, [RecordId("1")], NAME)

    assert {"firstName"} == set(told.values)


def test_what_no_field_can_hold_reads_as_empty() -> None:
    """A list or an object says nothing of its field, and all of the others."""
    odd = person(1, firstName=["Ann"], email="ann@x.org", leadScore=7)
    wire = Wire({LEADS: result(odd, person(2, firstName="Bea", email={}, leadScore=0.5))})
    names = ["firstName", "email", "leadScore"]

    told = connector(wire).fetch(TABLE, [RecordId("1"), RecordId("2")], names)

    assert [[None, "ann@x.org", 7], ["Bea", None, 0.5]] == [[*one.values.values()] for one in told]


def test_a_long_question_is_posted() -> None:
    """Beyond some kilobytes Marketo answers 414."""
    wire = Wire({LEADS: result()})
    ids = [RecordId(str(10**30 + number)) for number in range(300)]

    connector(wire).fetch(TABLE, ids, NAME)

    [said] = wire.asked(LEADS)
    assert ("POST", "GET") == (said.method, said.asked["_method"])
    assert len(said.request.url) < 100
    assert 300 == len(said.asked["filterValues"].split(","))


def test_what_is_no_number_is_nobody() -> None:
    """It would spoil the call for all others."""
    wire = Wire({LEADS: result()})

    assert [] == connector(wire).fetch(TABLE, [RecordId("a,b")], NAME)
    assert [] == wire.asked(LEADS)


@pytest.mark.parametrize(
    "body",
    [
        b'{"success":true}',
        b'{"success":true,"result":null}',
        b'{"success":true,"result":{"id":5}}',
        b'{"success":true,"result":[null]}',
        b'{"success":true,"result":[{"firstName":"Ann"}]}',
        b'{"success":true,"result":[{"id":null}]}',
        b'{"success":true,"result":[{"id":5,"leadScore":NaN}]}',
        b"[" * 100_000,
        b"",
    ],
)
def test_of_no_list_of_people_nobody_is_gone(body: bytes) -> None:
    """Whoever is not in it would be taken as deleted."""
    mine = connector(Wire({LEADS: Response(200, {}, body)}))

    with pytest.raises(Unavailable):
        mine.fetch(TABLE, [RecordId("5")], NAME)
    with pytest.raises(Unavailable):
        mine.find(TABLE, "firstName", ["Ann"], NAME)


@pytest.mark.parametrize("ids", [(6,), (5, 5), (True,)])
def test_who_was_not_asked_for_is_not_believed(ids: tuple[object, ...]) -> None:
    """An id in the wrong place would give somebody the values of another."""
    mine = connector(Wire({LEADS: result(*({"id": id_, "firstName": "Ann"} for id_ in ids))}))

    with pytest.raises(Unavailable):
        mine.fetch(TABLE, [RecordId("5")], NAME)


def test_people_are_found_page_by_page_and_the_values_stay_out_of_the_address() -> None:
    """An e-mail address is personal data, and addresses are logged on the way."""
    wire = Wire(
        {
            LEADS: [
                result(person(1, email="a@b.co"), nextPageToken="P2", moreResult=True),
                result(person(2, email="A@b.co")),
            ]
        }
    )

    told = connector(wire).find(TABLE, "email", ["a@b.co"], NAME)

    assert ["1", "2"] == [record.id for record in told]
    assert {"firstName", "email"} == set(told[0].values)
    assert ["", "P2"] == [said.asked.get("nextPageToken", "") for said in wire.asked(LEADS)]
    assert not [said for said in wire.said if "b.co" in said.request.url]


def test_no_address_has_a_comma() -> None:
    """One that has is nobody's; in another field it cannot be asked for, which is told."""
    mine = connector(Wire({LEADS: result()}))

    assert [] == mine.find(TABLE, "email", ["a,b@c.de"], NAME)
    with pytest.raises(Refused, match="comma"):
        mine.find(TABLE, "firstName", ["Ann, Bea"], NAME)


def test_nobody_holds_half_of_a_character() -> None:
    """It cannot be asked for, and keeps nobody else from being found."""
    wire = Wire({LEADS: result(person(1))})

    assert [] == connector(wire).find(TABLE, "firstName", ["half \ud83d"], NAME)
    assert [] == wire.asked(LEADS)
    told = connector(wire).find(TABLE, "firstName", ["half \ud83d", "Ann"], NAME)
    assert ["1"] == [one.id for one in told]


def test_no_data_is_nobody() -> None:
    """It is an answer, though Marketo calls it a failure."""
    assert [] == connector(Wire({LEADS: failure("702")})).fetch(TABLE, [RecordId("5")], NAME)


def test_pages_that_go_in_circles_are_an_outage() -> None:
    """They would be read for ever."""
    again = result(person(1), nextPageToken="P2")
    mine = connector(Wire({LEADS: [result(person(1), nextPageToken="P1"), again]}))

    with pytest.raises(Unavailable, match="circles"):
        mine.find(TABLE, "firstName", ["Ann"], NAME)


def test_the_last_page_is_the_last_whatever_token_it_gives() -> None:
    """Reading on would tell of nobody more."""
    wire = Wire({LEADS: result(person(1), nextPageToken="P2", moreResult=False)})

    assert ["1"] == [one.id for one in connector(wire).find(TABLE, "firstName", ["Ann"], NAME)]
    assert 1 == len(wire.asked(LEADS))


def test_values_that_too_many_hold_are_asked_for_in_halves() -> None:
    """Marketo tells of a thousand at most; of one value that more hold, it tells nothing."""
    many = failure("1003", "Too many results match the filter")
    wire = Wire({LEADS: [many, result(person(1)), result(person(2), person(3))]})
    told = connector(wire).find(TABLE, "firstName", ["Ann", "Bea", "Cleo"], ["email"])
    assert ["1", "2", "3"] == [record.id for record in told]
    assert ["Ann,Bea,Cleo", "Ann", "Bea,Cleo"] == [
        said.asked["filterValues"] for said in wire.asked(LEADS)
    ]

    with pytest.raises(Refused, match="more than 1,000 people"):
        connector(Wire({LEADS: many})).find(TABLE, "firstName", ["Ann", "Bea"], ["email"])


def test_a_field_that_is_not_there_is_named() -> None:
    """Whether describe does not know it, or Marketo says so later."""
    with pytest.raises(SchemaChanged) as unknown:
        connector(Wire()).fetch(TABLE, [RecordId("1")], ["shoeSize"])
    assert ("shoeSize",) == unknown.value.fields

    wire = Wire({LEADS: failure("1006", "Field 'firstName' not found")})
    with pytest.raises(SchemaChanged) as gone:
        connector(wire).fetch(TABLE, [RecordId("1")], NAME)
    assert ("firstName",) == gone.value.fields


# -- the full read, and the feed behind it


def test_the_feed_begins_before_the_full_read() -> None:
    """The paging token is asked for first, for a moment by Marketo's clock with some overlap."""
    wire = Wire({LEADS: result()})
    connector(wire, SandboxClock(dt.datetime(2031, 1, 1, tzinfo=dt.UTC))).read(TABLE, NAME, None)

    paths = [said.path for said in wire.said]
    assert paths.index("/rest/v1/activities/pagingtoken.json") < paths.index(LEADS)
    token, _ = wire.asked("/rest/v1/activities/pagingtoken.json")
    assert "2026-01-05T08:55:00Z" == token.asked["sinceDatetime"]


def test_everybody_is_read_by_id_until_nobody_comes() -> None:
    """Ids run on beyond those whose people are gone."""
    wire = Wire({LEADS: [result(person(7)), result(), result(person(700)), result()]})
    mine = connector(wire, gap=301)

    ids: list[str] = []
    cursor, more = None, True
    while more:
        page = mine.read(TABLE, NAME, cursor)
        cursor, more = page.cursor, page.more
        ids += [change.id for change in page.changes]

    assert ["7", "700"] == ids
    firsts = [said.asked["filterValues"].split(",")[0] for said in wire.asked(LEADS)]
    assert ["1", "301", "601", "901", "1201"] == firsts


def test_a_long_stretch_of_nobody_is_no_end_while_somebody_is_known_behind_it() -> None:
    """The people of a large import may all have been deleted, and others made since."""
    lately = result({"leadId": 700, "activityTypeId": 12})
    wire = Wire({LEADS: [result(), result(), result(person(700)), result()], ACTIVITIES: lately})
    mine = connector(wire, gap=1)

    pages = [mine.read(TABLE, NAME, None)]
    while pages[-1].more:
        pages.append(mine.read(TABLE, NAME, pages[-1].cursor))

    assert ["700"] == [change.id for page in pages for change in page.changes]
    assert "12" == wire.asked(ACTIVITIES)[0].asked["activityTypeIds"]


def test_an_idle_reading_costs_three_calls() -> None:
    """One a stream; nobody is fetched."""
    wire = Wire({LEADS: result(), **QUIET})
    mine, cursor = at_rest(wire)

    page = mine.read(TABLE, NAME, cursor)

    assert ([], False) == (page.changes, page.more)
    assert {CHANGES, ACTIVITIES, DELETES} == {said.path for said in wire.said}
    assert 3 == len(wire.said)
    assert {"T0"} == {said.asked["nextPageToken"] for said in wire.said}


def test_a_change_comes_with_what_it_replaced_and_what_is_there_now() -> None:
    """The feed tells old and new, and the person is read."""
    row = changed(5, "Ann", "Bea")
    wire = Wire(
        {LEADS: [result(), result(person(5, firstName="Cleo"))], **QUIET, CHANGES: result(row)}
    )
    mine, cursor = at_rest(wire)

    [told] = mine.read(TABLE, NAME, cursor).changes

    assert isinstance(told, Record)
    assert {"firstName": "Cleo"} == told.values
    [edit] = told.edits
    at = dt.datetime(2026, 1, 5, 8, 59, tzinfo=dt.UTC)
    assert ("firstName", "Ann", "Bea", at) == (edit.field, edit.old, edit.new, edit.at)
    assert at == told.modified_at
    assert "firstName" == wire.asked(CHANGES)[0].asked["fields"]


@pytest.mark.parametrize(
    ("field", "old", "new", "wanted"),
    [
        ("leadScore", "7", "14", (7, 14)),
        ("annualRevenue", "", "34.66", (None, 34.66)),
        ("doNotCall", None, "true", (False, True)),
        ("notes", "12", "", ("12", None)),
    ],
)
def test_what_the_feed_writes_as_text_has_the_type_of_its_column(
    field: str, old: object, new: object, wanted: tuple[object, object]
) -> None:
    """Numbers and booleans are compared as such, and empty is empty."""
    row = changed(5, "", "") | {"fields": [{"name": field, "oldValue": old, "newValue": new}]}
    wire = Wire({LEADS: [result(), result(person(5))], **QUIET, CHANGES: result(row)})
    mine = connector(wire)
    cursor = mine.read(TABLE, [field], None).cursor

    [told] = mine.read(TABLE, [field], cursor).changes

    assert isinstance(told, Record)
    [edit] = told.edits
    assert wanted == (edit.old, edit.new)
    assert [type(one) for one in wanted] == [type(edit.old), type(edit.new)]


def test_who_is_named_and_not_there_is_gone() -> None:
    """A deletion, and the loser of a merge; the winner is told with what it holds."""
    deleted = {"leadId": 8, "marketoGUID": "d", "activityDate": "2026-01-05T08:00:00Z"}
    merged = {
        "leadId": 5,
        "marketoGUID": "m",
        "activityTypeId": 32,
        "activityDate": "2026-01-05T08:00:00Z",
        "attributes": [{"name": "Merge IDs", "value": "[6, 7]"}],
    }
    wire = Wire(
        {
            LEADS: [result(), result(person(5, firstName="Ann"))],
            CHANGES: result(nextPageToken="T1"),
            ACTIVITIES: result(merged),
            DELETES: result({**deleted, "activityTypeId": 37, "primaryAttributeValueId": 8}),
        }
    )
    mine, cursor = at_rest(wire)

    told = mine.read(TABLE, NAME, cursor).changes

    gone = {change.id for change in told if isinstance(change, Tombstone)}
    assert {"6", "7", "8"} == gone
    assert ["5"] == [change.id for change in told if isinstance(change, Record)]
    assert "5,6,7,8" == wire.asked(LEADS)[0].asked["filterValues"]


def test_an_empty_page_may_have_more_behind_it() -> None:
    """Streams are read on until each has said that there is no more."""
    more = result(nextPageToken="T1", moreResult=True)
    end = result(changed(5, "Ann", "Bea"), nextPageToken="T2", moreResult=False)
    wire = Wire({LEADS: [result(), result(person(5))], **QUIET, CHANGES: [more, end]})
    mine, cursor = at_rest(wire)

    first = mine.read(TABLE, NAME, cursor)
    wire.said.clear()
    second = mine.read(TABLE, NAME, first.cursor)

    assert ([], True) == (first.changes, first.more)
    assert (1, False) == (len(second.changes), second.more)
    assert ["T1"] == [said.asked["nextPageToken"] for said in wire.asked(CHANGES)]
    assert [] == wire.asked(DELETES)


def test_a_late_row_is_told_and_an_early_one_not_again() -> None:
    """Every reading begins a while before the last one ended; what was told is known again."""
    early, late = changed(5, "Ann", "Bea"), changed(6, "Cleo", "Dora", guid="g2")
    wire = Wire(
        {
            LEADS: [result(), result(person(5)), result(person(6))],
            **QUIET,
            CHANGES: [result(early, nextPageToken="T1"), result(late, early, nextPageToken="T1")],
        }
    )
    mine, cursor = at_rest(wire)

    first = mine.read(TABLE, NAME, cursor)
    second = mine.read(TABLE, NAME, first.cursor)

    assert ["5"] == [change.id for change in first.changes]
    assert ["6"] == [change.id for change in second.changes]
    assert ["T0", "T0"] == [said.asked["nextPageToken"] for said in wire.asked(CHANGES)]


def test_a_token_that_cannot_be_said_is_an_outage() -> None:
    """In a cursor it would be kept, and no later run could read on from it."""
    half = result(nextPageToken="T\ud83d", moreResult=False)
    mine, cursor = at_rest(Wire({LEADS: result(), **QUIET, CHANGES: half}))

    with pytest.raises(Unavailable):
        mine.read(TABLE, NAME, cursor)


@pytest.mark.parametrize(
    "rows", [[None], "x", {"leadId": 5}, [{"leadId": None}], [{"leadId": "x"}]]
)
def test_a_row_of_the_feed_that_says_of_nobody_is_not_passed_over(rows: object) -> None:
    """The cursor would go on behind it, and what it tells be lost."""
    said = {"success": True, "result": rows, "nextPageToken": "T2", "moreResult": False}
    odd = Response(200, {}, json.dumps(said).encode())
    mine, cursor = at_rest(Wire({LEADS: result(), **QUIET, CHANGES: odd}))

    with pytest.raises(Unavailable):
        mine.read(TABLE, NAME, cursor)


def test_rows_of_the_feed_without_an_id_are_not_one() -> None:
    """Two people were edited, and both are told."""
    bare: list[dict[str, object]] = [
        {"leadId": number, "activityTypeId": 13, "fields": []} for number in (5, 6)
    ]
    wire = Wire({LEADS: [result(), result(person(5), person(6))], **QUIET, CHANGES: result(*bare)})
    mine, cursor = at_rest(wire)

    assert ["5", "6"] == [change.id for change in mine.read(TABLE, NAME, cursor).changes]


def test_a_cursor_read_again_tells_the_same() -> None:
    """What is left out depends on the cursor, not on what was read since."""
    wire = Wire(
        {
            LEADS: [result(), result(person(5))],
            **QUIET,
            CHANGES: result(changed(5, "Ann", "Bea"), nextPageToken="T1"),
        }
    )
    mine, cursor = at_rest(wire)

    assert mine.read(TABLE, NAME, cursor) == mine.read(TABLE, NAME, cursor)


def test_a_cursor_does_not_grow_without_an_end() -> None:
    """Of very many rows the oldest are told once more, which does no harm."""
    place = Place.start("x", "T0", 0, (32,))
    told = [str(number) for number in range(5000)]

    place = place.further(place.tokens, (), told)

    assert frozenset(told[-3000:]) == place.told
    assert place == Place.parse(place.cursor(), "x")


def test_the_overlap_moves_on() -> None:
    """Readings that ended longer ago than the overlap are not read again."""
    ends = [result(nextPageToken=f"T{n}", moreResult=False) for n in (1, 2, 3)]
    wire = Wire({LEADS: result(), **QUIET, CHANGES: ends})
    mine = connector(wire, overlap=0.0)
    cursor = mine.read(TABLE, NAME, None).cursor
    for _ in range(3):
        cursor = mine.read(TABLE, NAME, cursor).cursor

    assert ["T0", "T1", "T2"] == [s.asked["nextPageToken"] for s in wire.asked(CHANGES)]


def at(time: str, answer: Response) -> Response:
    """Return *answer* as it is given at that time of the day."""
    return Response(200, {"date": f"Mon, 05 Jan 2026 {time} GMT"}, answer.body)


def pages(*sizes: int) -> list[Response]:
    """Return pages of a stream with changes of so many people, nobody on two of them."""
    ids = iter(range(1, 10_000))
    return [
        result(
            *(changed(number, "A", "B", guid=f"g{number}") for number in islice(ids, size)),
            nextPageToken=f"T{place}",
            moreResult=place < len(sizes),
        )
        for place, size in enumerate(sizes, 1)
    ]


@pytest.mark.parametrize(
    ("sizes", "asked"),
    [
        ((150, 150, 150), [300, 150]),
        ((150, 160, 5), [300, 10, 5]),
        ((300, 1), [300, 1]),
        ((1, 1, 1, 1, 1), [3, 2]),
    ],
)
def test_people_are_asked_for_when_they_fill_a_call(
    sizes: tuple[int, ...], asked: list[int]
) -> None:
    """Pages that tell of few people are read together, but no more than three of them."""
    wire = Wire({LEADS: result(), **QUIET, CHANGES: pages(*sizes)})
    mine, cursor = at_rest(wire)

    more = True
    while more:
        page = mine.read(TABLE, NAME, cursor)
        cursor, more = page.cursor, page.more

    calls = [len(one.asked["filterValues"].split(",")) for one in wire.asked(LEADS)]
    assert asked == calls
    tokens = [f"T{place}" for place in range(len(sizes))]
    assert tokens == [one.asked["nextPageToken"] for one in wire.asked(CHANGES)]


def test_a_reading_ends_when_its_last_page_was_given() -> None:
    """Or what arrived late behind it, while the pages before it were read, would be left out."""
    first = at("09:10:00", result(changed(5, "A", "B"), nextPageToken="T1", moreResult=True))
    last = at("09:10:40", result(changed(6, "A", "B", guid="g2"), nextPageToken="T2"))
    wire = Wire({LEADS: result(), **QUIET, CHANGES: [first, last]})
    mine, cursor = at_rest(wire)

    page = mine.read(TABLE, NAME, cursor)

    ended = dt.datetime(2026, 1, 5, 9, 10, 40, tzinfo=dt.UTC)
    assert ended == page.at
    place = Place.parse(page.cursor, "123-ABC-456")
    assert int(ended.timestamp()) == place.intervals[-1].at


def test_a_long_reading_is_not_read_once_more() -> None:
    """What was done before it began, and a while before that, it tells whole, late or not."""
    quiet = at("09:20:00", result(nextPageToken="T2", moreResult=False))
    wire = Wire(
        {
            LEADS: [result(), result(person(5), person(6))],
            TOKENS: [result(nextPageToken="T0"), result(nextPageToken="P")],
            ACTIVITIES: quiet,
            DELETES: quiet,
            CHANGES: [
                at("09:20:00", result(changed(5, "A", "B"), nextPageToken="T1", moreResult=True)),
                at("09:21:00", result(changed(6, "C", "D", guid="g2"), nextPageToken="T2")),
            ],
        }
    )
    mine, cursor = at_rest(wire)

    first = mine.read(TABLE, NAME, cursor)
    second = mine.read(TABLE, NAME, first.cursor)

    assert [["5", "6"], []] == [[one.id for one in page.changes] for page in (first, second)]
    assert ["2026-01-05T09:15:00Z"] == [one.asked["sinceDatetime"] for one in wire.asked(TOKENS)]
    for stream, tokens in ((CHANGES, ["T0", "T1", "P"]), (DELETES, ["T0", "P"])):
        assert tokens == [one.asked["nextPageToken"] for one in wire.asked(stream)]


def test_a_reading_that_began_lately_costs_no_call_more() -> None:
    """However many pages it has: what it read would be read once more all the same."""
    more = at("09:04:59", result(nextPageToken="T1", moreResult=True))
    wire = Wire({LEADS: result(), **QUIET, CHANGES: [more, more, result(nextPageToken="T2")]})
    mine, cursor = at_rest(wire)

    for _ in range(3):
        cursor = mine.read(TABLE, NAME, cursor).cursor

    assert [] == wire.asked(TOKENS)


def test_a_later_beginning_keeps_the_order_of_readings() -> None:
    """It stands between those that ended before and after it, and knows what they have told."""
    place = Place.start("x", "T0", 1_000, (32,))
    place = place.further(("T1",) * 3, (), ["a"]).rested(1_300, 300).further(("T2",) * 3, (), ["b"])
    place = place.rested(1_500, 300)

    begun = place.restarted(1_400, "P")

    assert [1_000, 1_300, 1_400, 1_500] == [interval.at for interval in begun.intervals]
    assert ("a", "b") == begun.intervals[2].told
    assert begun == Place.parse(begun.cursor(), "x")
    assert ("P", "P", "P") == begun.rested(1_700, 300).tokens


def test_a_cursor_that_deletions_have_outlived_has_expired() -> None:
    """Marketo prunes deletions after two weeks."""
    timeless = Response(200, {}, GRANTED)
    wire, clock = Wire({LEADS: result(), **QUIET, TOKEN: timeless}), SandboxClock()
    mine = connector(wire, clock)
    cursor = mine.read(TABLE, NAME, None).cursor
    clock.advance(14 * 86_400)
    wire.said.clear()

    with pytest.raises(CursorExpired, match="14 days"):
        mine.read(TABLE, NAME, cursor)


@pytest.mark.parametrize("code", ["1003", "701"])
def test_a_paging_token_that_is_refused_has_expired(code: str) -> None:
    """Only a full read goes on from there."""
    wire = Wire({LEADS: result(), **QUIET, CHANGES: failure(code)})
    mine, cursor = at_rest(wire)

    with pytest.raises(CursorExpired):
        mine.read(TABLE, NAME, cursor)


def test_a_cursor_of_another_is_refused() -> None:
    """Of another connector, and of another instance."""
    wire = Wire({LEADS: result()})
    _, cursor = at_rest(wire)
    other = MarketoRestConnector(
        "https://9-X-9.mktorest.com", transport=wire, credentials=SERVICE, clock=SandboxClock()
    )

    with pytest.raises(ContractError, match="9-X-9"):
        other.read(TABLE, NAME, cursor)
    with pytest.raises(ContractError, match="not given"):
        other.read(TABLE, NAME, Cursor("marketo.abc"))


def test_a_full_read_of_other_fields_begins_anew() -> None:
    """Half of one and half of another would be neither."""
    wire = Wire({LEADS: result(person(1))})
    mine = connector(wire)
    cursor = mine.read(TABLE, NAME, None).cursor

    with pytest.raises(CursorExpired, match="other fields"):
        mine.read(TABLE, ["email"], cursor)


# -- writes


def test_updates_go_by_id_and_creates_by_their_key_in_calls_of_their_own() -> None:
    """Results come in the order of the writes; a null clears."""
    wire = Wire(
        {
            LEADS: [
                result({"id": 5, "status": "updated"}, {"id": 6, "status": "updated"}),
                result({"id": 9, "status": "created"}),
            ]
        }
    )

    told = connector(wire).write(
        TABLE,
        [
            Update(RecordId("5"), {"firstName": None}),
            Create(RecordId("g-1"), {"crmLeadId": "g-1"}, "crmLeadId"),
            Update(RecordId("6"), {"firstName": "Ann"}),
        ],
    )

    assert [Updated(RecordId("5")), Created(RecordId("9")), Updated(RecordId("6"))] == told
    updates, creates = (said.body for said in wire.asked(LEADS))
    assert ("updateOnly", "id") == (updates["action"], updates["lookupField"])
    assert [{"id": 5, "firstName": None}, {"id": 6, "firstName": "Ann"}] == updates["input"]
    assert ("createOrUpdate", "crmLeadId") == (creates["action"], creates["lookupField"])


def test_a_refused_row_says_which_field_and_not_which_value() -> None:
    """Marketo's words quote the value; ours do not."""
    reason = {"code": "1003", "message": "Invalid value for field 'leadScore' and value '14.1'"}
    wire = Wire({LEADS: result({"status": "skipped", "reasons": [reason]})})

    [told] = connector(wire).write(TABLE, [Update(RecordId("5"), {"leadScore": 14.1})])

    assert isinstance(told, Rejected)
    assert [("1003", "leadScore")] == [(one.code, one.field) for one in told.reasons]
    assert "14.1" not in repr(told)


def test_an_update_of_nobody_is_gone_and_a_row_that_passed_by_is_not_attempted() -> None:
    """What is for the row alone is told as its result."""
    rows = [
        {"status": "skipped", "reasons": [{"code": code, "message": "x"}]}
        for code in ("1004", "719", "1007")
    ]
    wire = Wire({LEADS: result(*rows)})

    told = connector(wire).write(TABLE, [Update(RecordId(n), {"firstName": "A"}) for n in "567"])

    assert [Gone(), NotAttempted()] == told[:2]
    assert isinstance(told[2], Rejected)


def test_as_many_results_as_rows_or_none_is_believed() -> None:
    """Nobody can tell whose the one is."""
    wire = Wire({LEADS: result({"id": 5, "status": "updated"})})

    told = connector(wire).write(TABLE, [Update(RecordId(n), {"firstName": "A"}) for n in "56"])

    assert [AmbiguousWrite(), AmbiguousWrite()] == told


@pytest.mark.parametrize("id_", [6, "x"])
def test_results_of_others_are_believed_of_nobody(id_: object) -> None:
    """They come in the order of the rows; where one does not, none is surely where it belongs."""
    other: dict[str, object] = {"id": id_, "status": "updated"}
    skipped: dict[str, object] = {"status": "skipped", "reasons": [{"code": "1003"}]}
    writes = [Update(RecordId(number), {"firstName": "Ann"}) for number in ("5", "6")]

    assert [AmbiguousWrite()] * 2 == connector(Wire({LEADS: result(other, skipped)})).write(
        TABLE, writes
    )


def test_what_cannot_be_sent_is_refused_alone() -> None:
    """The others go out."""
    wire = Wire({LEADS: result({"id": 5, "status": "updated"})})

    told = connector(wire).write(
        TABLE,
        [
            Update(RecordId("x"), {"firstName": "A"}),
            Update(RecordId("5"), {"firstName": "A"}),
            Update(RecordId("6"), {"firstName": "\ud800"}),
            Update(RecordId("7"), {"notes": "x" * 1_000_000}),
            Create(RecordId("g"), {}),
        ],
    )

    assert Updated(RecordId("5")) == told[1]
    assert ["1004", "1003", "413", "1002"] == [
        one.reasons[0].code for one in told if isinstance(one, Rejected)
    ]


def test_calls_hold_no_more_than_three_hundred_rows_nor_a_megabyte() -> None:
    """Marketo takes no larger ones."""
    rows = [{"id": n, "status": "updated"} for n in range(300)]
    wire = Wire({LEADS: [result(*rows), result(rows[0])]})
    updates = [Update(RecordId(str(n)), {"firstName": "A"}) for n in range(301)]
    connector(wire).write(TABLE, updates)
    assert [300, 1] == [len(s.body["input"]) for s in wire.asked(LEADS)]  # type: ignore[arg-type]

    wire = Wire({LEADS: result(rows[0])})
    updates = [Update(RecordId(str(n)), {"notes": "x" * 400_000}) for n in range(3)]
    connector(wire).write(TABLE, updates)
    assert all(len(said.request.body or b"") < 1_000_000 for said in wire.asked(LEADS))


def test_two_writes_of_one_person_are_two_calls_in_order() -> None:
    """Marketo takes a key once a call; and a later one must not overtake."""
    wire = Wire({LEADS: [result({"id": 5, "status": "updated"})]})

    connector(wire).write(
        TABLE, [Update(RecordId("5"), {"firstName": name}) for name in ("Ann", "Bea")]
    )

    assert ["Ann", "Bea"] == [
        json.loads(said.request.body or b"")["input"][0]["firstName"] for said in wire.asked(LEADS)
    ]


def test_a_later_write_does_not_overtake_one_that_failed() -> None:
    """It is not sent at all."""
    wire = Wire({LEADS: failure("608")})

    with pytest.raises(Unavailable):
        connector(wire).write(
            TABLE, [Update(RecordId("5"), {"firstName": name}) for name in ("Ann", "Bea")]
        )
    assert 1 == len(wire.asked(LEADS))


def test_a_partition_is_named_if_the_host_names_one() -> None:
    """New people go there."""
    wire = Wire({LEADS: result({"id": 5, "status": "created"})})
    mine = connector(wire, partition="EMEA")

    mine.write(TABLE, [Create(RecordId("g"), {"crmLeadId": "g"}, "crmLeadId")])

    assert "EMEA" == wire.asked(LEADS)[0].body["partitionName"]


# -- failures


@pytest.mark.parametrize(
    ("answer", "reading", "writing"),
    [
        (failure("603"), Refused, Refused),
        (failure("604"), Unavailable, Ambiguous),
        (failure("607"), Throttled, Throttled),
        (failure("608"), Unavailable, Unavailable),
        (failure("611"), Unavailable, Ambiguous),
        (failure("9999"), Refused, Refused),
        (Response(502, {}, b"<html>Bad Gateway</html>"), Unavailable, Ambiguous),
        (Response(408, {}, b""), Unavailable, Ambiguous),
        (Response(503, {}, b""), Unavailable, Unavailable),
        (Response(404, {}, b"not here"), Refused, Refused),
        (Response(302, {"location": "https://login"}, b""), Refused, Refused),
        (Response(200, {}, b"<html>Please log in</html>"), Unavailable, Ambiguous),
        (Response(200, {}, b"[]"), Unavailable, Ambiguous),
        (Response(200, {}, b"{}"), Unavailable, Ambiguous),
        (NotSent("refused"), Unavailable, Unavailable),
        (Lost("dropped"), Unavailable, Ambiguous),
    ],
)
def test_a_failure_of_the_whole_call_is_raised(
    answer: Response | Exception, reading: type[SystemFailure], writing: type[SystemFailure]
) -> None:
    """What may have been applied is told from what was not."""
    with pytest.raises(SystemFailure) as read:
        connector(Wire({LEADS: answer})).fetch(TABLE, [RecordId("5")], NAME)
    with pytest.raises(SystemFailure) as written:
        connector(Wire({LEADS: answer})).write(TABLE, [Update(RecordId("5"), {})])

    assert (reading, writing) == (type(read.value), type(written.value))


def test_every_code_that_marketo_documents_has_a_meaning() -> None:
    """For a whole call, for a row, or for both; listed by hand from Marketo's own pages."""
    calls = {500, 502, *range(601, 617), 701, 702, 703, 704, 709, 712, 713, 714, 718, 719}
    rows = {*range(1001, 1020), 1021, 1022, *range(1025, 1030), 1035, 1036, 1037, 1042}
    rows |= {1048, 1049, 1076, 1077, 1078, 1079, 1080}

    assert {str(code) for code in calls | rows} == set(FAILURES)
    assert [] == [one.code for one in FAILURES.values() if not one.means or one.call is None]


def test_a_limit_is_waited_out() -> None:
    """Too fast, or too many at once: nothing was done, and it is asked again."""
    clock = SandboxClock()
    wire = Wire({LEADS: [failure("606"), failure("615"), result(person(5))]})

    told = connector(wire, clock).fetch(TABLE, [RecordId("5")], NAME)

    assert ["5"] == [record.id for record in told]
    assert 21 == clock.slept


@pytest.mark.parametrize("said", ["7", "Mon, 05 Jan 2026 09:00:07 GMT"])
def test_a_gateway_may_say_how_long_to_wait(said: str) -> None:
    """Marketo itself never does."""
    clock = SandboxClock()
    wire = Wire({LEADS: [Response(429, {"retry-after": said, "date": DATE}, b""), result()]})

    connector(wire, clock).fetch(TABLE, [RecordId("5")], NAME)

    assert 7 == clock.slept


@pytest.mark.parametrize("said", ["9" * 20, "Fri, 31 Dec 2055 00:00:00 GMT"])
def test_nobody_waits_for_years(said: str) -> None:
    """Whoever asks for that is out of order, and no date is that far away."""
    mine = connector(Wire({LEADS: Response(429, {"retry-after": said, "date": DATE}, b"")}))

    with pytest.raises(Throttled) as caught:
        mine.fetch(TABLE, [RecordId("5")], NAME)
    assert 86_400.0 == caught.value.retry_after


@pytest.mark.parametrize("year", [1, 9_999])
def test_a_date_that_no_clock_shows_does_no_harm(year: int) -> None:
    """Before its midnight there is none, or behind it."""
    date = {"date": f"Fri, 31 Dec {year:04} 23:59:59 GMT"}
    mine = connector(Wire({LEADS: Response(200, date, failure("607").body)}))

    with pytest.raises(Throttled) as caught:
        mine.fetch(TABLE, [RecordId("5")], NAME)
    assert 0 < caught.value.retry_after <= 86_400


def test_the_end_of_the_quota_is_told_with_its_midnight() -> None:
    """In US Central, where it is three in the morning now."""
    wire = Wire({LEADS: failure("607")})

    with pytest.raises(Throttled) as told:
        connector(wire).fetch(TABLE, [RecordId("5")], NAME)
    assert ("day", 21 * 3600) == (told.value.scope, told.value.retry_after)


def test_what_befell_some_calls_is_told_as_the_results_of_their_rows() -> None:
    """The others were applied, and must not be forgotten."""
    done = [{"id": n, "status": "updated"} for n in range(300)]
    clock = SandboxClock()
    wire = Wire({LEADS: [result(*done), Lost("dropped"), failure("608")]})
    mine = MarketoRestConnector(
        URL,
        transport=wire,
        credentials=SERVICE,
        clock=clock,
        limiter=Limiter(Side.MARKETO, Pace(at_once=1), clock),
        options=MarketoOptions(),
    )

    told = mine.write(TABLE, [Update(RecordId(str(n)), {"firstName": "A"}) for n in range(900)])

    kinds = [type(told[at]) for at in (0, 299, 300, 599, 600, 899)]
    assert [Updated, Updated, AmbiguousWrite, AmbiguousWrite, NotAttempted, NotAttempted] == kinds


def test_a_limit_that_lasts_is_told_as_the_results_of_its_rows() -> None:
    """The engine comes back to them."""
    done = [{"id": n, "status": "updated"} for n in range(300)]
    wire = Wire({LEADS: [result(*done), *[failure("606")] * 9]})

    told = connector(wire).write(
        TABLE, [Update(RecordId(str(n)), {"firstName": "A"}) for n in range(301)]
    )

    assert ThrottledWrite(20.0) == told[300]


def test_no_failure_quotes_what_marketo_said() -> None:
    """Its words may hold a value."""
    wire = Wire({LEADS: failure("9999", "Value 'jane@example.org' is odd")})

    with pytest.raises(Refused) as told:
        connector(wire).fetch(TABLE, [RecordId("5")], NAME)
    assert "jane" not in str(told.value)


def test_edits_of_a_person_come_in_the_order_in_which_they_were_made() -> None:
    """A row that arrives late was still made earlier."""
    late = changed(5, "Zoe", "Ann", guid="g0") | {"activityDate": "2026-01-05T08:00:00Z"}
    rows = result(changed(5, "Ann", "Bea"), late)
    wire = Wire({LEADS: [result(), result(person(5))], **QUIET, CHANGES: rows})
    mine, cursor = at_rest(wire)

    [told] = mine.read(TABLE, NAME, cursor).changes

    assert isinstance(told, Record)
    assert ["Zoe", "Ann"] == [edit.old for edit in told.edits if isinstance(edit, Edit)]
