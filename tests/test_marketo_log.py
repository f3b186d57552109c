"""Lines of activity logs are custom activities, and how much of the quota is used can be asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pytest

from dynsync.connectors import ActivityLine, MarketoConnector
from dynsync.errors import Ambiguous, Refused
from dynsync.marketo import Usage
from dynsync.records import RecordId
from dynsync.transport import Lost
from dynsync.writes import AmbiguousWrite, Created, Gone, NotAttempted, Rejected
from marketo_wire import Answer, Wire, connector, failure, result

EXTERNAL = "/rest/v1/activities/external"
TYPES = f"{EXTERNAL}/types.json"
MAKE = f"{EXTERNAL}/type.json"
ATTRIBUTES = f"{EXTERNAL}/type/dynsyncLine/attributes/create.json"
APPROVE = f"{EXTERNAL}/type/dynsyncLine/approve.json"
ADD = f"{EXTERNAL}.json"
ACTIVITIES = "/rest/v1/activities.json"

WHOLE = [{"apiName": "kind"}, {"apiName": "text"}]
MADE: dict[str, object] = {
    "id": 100_001,
    "apiName": "dynsyncLine",
    "status": "approved",
    "attributes": WHOLE,
}
AT = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.UTC)


def line(person: str, key: str = "k1") -> ActivityLine:
    """Return a line for somebody's log."""
    return ActivityLine(key, RecordId(person), AT, "refused", "Dynamics refused email: too long")


def logging(*answers: Answer, made: Mapping[str, object] = MADE) -> Wire:
    """Return a Marketo that answers lines by *answers* and whose type was *made* so far."""
    done = result({"id": 1})
    return Wire({TYPES: result(made), ADD: list(answers), ATTRIBUTES: done, APPROVE: done})


def test_it_keeps_logs() -> None:
    """The connector is all that `dynsync.ActivityRecorder` asks for."""
    assert isinstance(connector(Wire()), MarketoConnector)


def test_a_line_is_a_custom_activity_with_its_key_first() -> None:
    """By the primary attribute it is known again."""
    wire = logging(result({"id": 50, "marketoGUID": "50", "status": "added"}))

    assert [Created(RecordId("50"))] == connector(wire).log([line("5")])

    [said] = wire.asked(ADD)
    assert {
        "input": [
            {
                "leadId": 5,
                "activityDate": "2026-01-05T08:00:00Z",
                "activityTypeId": 100_001,
                "primaryAttributeValue": "k1",
                "attributes": [
                    {"apiName": "kind", "name": "Kind", "value": "refused"},
                    {
                        "apiName": "text",
                        "name": "Text",
                        "value": "Dynamics refused email: too long",
                    },
                ],
            }
        ]
    } == said.body


def test_the_type_is_made_once_where_it_is_missing() -> None:
    """With its attributes, and approved; afterwards its id is known."""
    draft = result({**MADE, "status": "draft", "attributes": []})
    wire = Wire(
        {
            TYPES: result(),
            MAKE: draft,
            ATTRIBUTES: draft,
            APPROVE: result(MADE),
            ADD: result({"id": 50, "status": "added"}),
        }
    )
    mine = connector(wire)

    mine.log([line("5")])
    mine.log([line("5", "k2")])

    paths = [said.path for said in wire.said if said.path.startswith(EXTERNAL)]
    assert [TYPES, MAKE, ATTRIBUTES, APPROVE, ADD, ADD] == paths
    assert "key" == wire.asked(MAKE)[0].body["primaryAttribute"]["apiName"]  # type: ignore[index]


def test_a_type_that_was_left_half_made_is_completed() -> None:
    """Somebody was stopped between making and approving it."""
    half = {**MADE, "status": "draft", "attributes": WHOLE[:1]}
    wire = logging(result({"id": 50, "status": "added"}), made=half)

    connector(wire).log([line("5")])

    [said] = wire.asked(ATTRIBUTES)
    assert {"attributes": [{"apiName": "text", "name": "Text", "dataType": "text"}]} == said.body
    assert 1 == len(wire.asked(APPROVE))


def test_a_type_that_may_not_be_made_says_which_rights_it_takes() -> None:
    """A person must act, and is told how."""
    wire = Wire({TYPES: result(), MAKE: failure("603")})

    with pytest.raises(Refused, match="Read-Write Activity Metadata"):
        connector(wire).log([line("5")])


def test_each_line_has_its_result() -> None:
    """Errors of lines are called errors, and not reasons."""
    codes = ("1004", "1049", "719")
    rows = [{"status": "skipped", "errors": [{"code": code, "message": "x"}]} for code in codes]
    wire = logging(result({"id": 50, "status": "added"}, *rows))

    told = connector(wire).log([line("1"), line("x"), line("2"), line("3"), line("4")])

    assert [Created(RecordId("50")), Gone(), Gone()] == told[:3]
    assert isinstance(told[3], Rejected)
    assert "1049" == told[3].reasons[0].code
    assert NotAttempted() == told[4]


def test_no_answer_is_told_as_such() -> None:
    """A line may be there or not; the recorder looks before it adds it again."""
    with pytest.raises(Ambiguous):
        connector(logging(Lost("dropped"))).log([line("5")])
    assert [AmbiguousWrite()] * 2 == connector(logging(result())).log([line("5"), line("6")])


def test_what_the_logs_hold_is_read_for_thirty_people_a_call_page_by_page() -> None:
    """Only the lines of the last weeks are looked at: Marketo reads through all that happened."""
    pages = [
        result({"primaryAttributeValue": "k1"}, nextPageToken="T2", moreResult=True),
        result({"primaryAttributeValue": "k2"}, nextPageToken="T3", moreResult=False),
    ]
    wire = Wire({TYPES: result(MADE), ACTIVITIES: pages})

    keys = connector(wire).logged([RecordId(str(number)) for number in range(31)])

    assert {"k1", "k2"} == set(keys)
    [token] = wire.asked("/rest/v1/activities/pagingtoken.json")
    assert "2025-12-06T09:00:00Z" == token.asked["sinceDatetime"]
    said = wire.asked(ACTIVITIES)
    assert ["T0", "T2", "T0"] == [each.asked["nextPageToken"] for each in said]
    assert [30, 30, 1] == [len(each.asked["leadIds"].split(",")) for each in said]
    assert {"100001"} == {each.asked["activityTypeIds"] for each in said}


def test_without_the_type_no_log_holds_anything() -> None:
    """Looking makes nothing."""
    wire = Wire({TYPES: result()})

    assert not connector(wire).logged([RecordId("5")])
    assert [] == wire.asked(MAKE)


def test_usage_is_everybodys() -> None:
    """As Marketo counts it, by user."""
    day = {"date": "2026-01-05", "total": 9, "users": [{"userId": "sync@example.org", "count": 4}]}
    wire = Wire(
        {
            "/rest/v1/stats/usage.json": result(day),
            "/rest/v1/stats/usage/last7days.json": result(day, {**day, "date": "2026-01-04"}),
        }
    )
    mine = connector(wire)

    assert Usage("2026-01-05", 9, {"sync@example.org": 4}) == mine.usage()
    assert ["2026-01-05", "2026-01-04"] == [each.day for each in mine.usage_of_week()]
