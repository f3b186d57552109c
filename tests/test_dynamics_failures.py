"""What Dynamics' failures become: of a whole request, of one write, and of which column."""

from __future__ import annotations

import pytest

from dataverse import ANN, BOB, ME, answers, refusal, reply
from dynsync.dynamics import _metadata as metadata
from dynsync.dynamics._answers import fault_in, result
from dynsync.dynamics._odata import Json
from dynsync.dynamics._tables import Table
from dynsync.dynamics.failures import BY_STATUS, FAILURES, ONE, WHOLE, Becomes, Failure, failure_for
from dynsync.errors import (
    CursorExpired,
    Refused,
    SchemaChanged,
    SystemFailure,
    Throttled,
    Unavailable,
)
from dynsync.records import Version, Wire
from dynsync.transport import Response
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
    WriteResult,
)

CODES = """
    0x80072322 0x80072321 0x80072326 0x8004418A 0x80040217 0x80060891 0x8006089D 0x80060890
    0x80060888 0x80048d19 0x80040203 0x80044331 0x8004432F 0x80044330 0x8004431A 0x80048408
    0x80040239 0x80044354 0x80040237 0x80060892 0x80060882 0x8006088D 0x80060883 0x80040333
    0x80040220 0x80048306 0x8004F502 0x8004F504 0x8004F507 0x8004F506 0x80040265 0x80040224
    0x80040227 0x80040230 0x80040233 0x80040519 0x80040518 0x80081018 0x80045301 0x80045305
    0x80045304 0x80045300 0x80045303 0x80044151 0x80041136 0x80040216 0x80044352 0x80072560
    0x8004D24B 0x80072491
"""
"""Every code that Dynamics' documentation and recorded replies have for what a sync does."""


def table() -> Table:
    """Return contacts as Dynamics describes them."""
    return metadata.described("contact", answers())


def whole(response: Response, asked: dict[str, str] | None = None) -> SystemFailure:
    """Return the failure of a request that got *response*."""
    fault = fault_in(response)
    assert fault is not None
    return fault.whole("reading 'contact'", asked or {})


def updated(response: Response, values: dict[str, Wire] | None = None) -> WriteResult:
    """Return what becomes of an update that got *response*."""
    return result(table(), Update(ANN, values or {"firstname": "Ann"}), response)


def refused(response: Response, values: dict[str, Wire]) -> tuple[str, str | None, str]:
    """Return the code, the column and the message of the one reason for a refusal."""
    told = updated(response, values)
    assert isinstance(told, Rejected)
    [reason] = told.reasons
    return reason.code, reason.field, reason.message


def test_every_code_has_a_meaning() -> None:
    """No code that is known is left to its status, and none is in the table twice."""
    known = [one.code.lower() for one in FAILURES]

    assert sorted(CODES.lower().split()) == sorted(known)
    assert {*Becomes} == {*WHOLE} == {*ONE}
    assert [401, 403, 404, 408, 412, 413, 429, 500, 502, 503, 504] == [
        int(s.code) for s in BY_STATUS
    ]


def test_codes_are_known_in_any_case_of_letters() -> None:
    """Dynamics writes them as it likes."""
    assert failure_for(400, "0x8004f507") is failure_for(403, "0x8004F507")


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (refusal(503, ""), Unavailable),
        (refusal(408, ""), Unavailable),
        (refusal(504, ""), Unavailable),
        (refusal(520, "odd"), Unavailable),
        (refusal(500, "0x80044151"), Unavailable),
        (refusal(400, "0x80044352"), CursorExpired),
        (refusal(410, "0x80044352"), CursorExpired),
        (refusal(403, "0x80040220"), Refused),
        (refusal(400, "0x80072491"), Refused),
        (refusal(401, ""), Refused),
        (refusal(404, "0x80060888"), SchemaChanged),
        (refusal(400, "0xdeadbeef"), Refused),
        (Response(302, {"location": "https://elsewhere.example"}), Refused),
        (Response(404, {"content-type": "text/html"}, b"<html>no</html>"), Refused),
    ],
)
def test_a_whole_request_fails_in_the_words_of_the_core(
    response: Response, failure: type[SystemFailure]
) -> None:
    """Whatever the status, the code says what it is; the status where the code is not known."""
    assert failure is type(whole(response))


@pytest.mark.parametrize(
    ("code", "scope"),
    [("0x80072322", "window"), ("0x80072321", "window"), ("0x80072326", "concurrency")],
)
def test_a_limit_says_how_long_and_which(code: str, scope: str) -> None:
    """Dynamics says in seconds when to come again."""
    failure = whole(refusal(429, code, retry_after="17"))

    assert isinstance(failure, Throttled)
    assert (17.0, scope) == (failure.retry_after, failure.scope)


@pytest.mark.parametrize("said", ["", "soon", "-5", "inf", "nan"])
def test_a_limit_that_says_no_time_is_waited_for_a_while(said: str) -> None:
    """Twenty seconds, and not for ever."""
    failure = whole(refusal(429, "", retry_after=said))

    assert isinstance(failure, Throttled)
    assert 20.0 == failure.retry_after


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("Mon, 05 Jan 2026 09:00:30 GMT", 30.0),
        ("Mon, 05 Jan 2026 08:59:00 GMT", 0.0),
        ("Mon, 05 Jan 2036 09:00:00 GMT", 86_400.0),
        ("1e300", 86_400.0),
        ("9" * 20, 86_400.0),
    ],
)
def test_a_limit_may_say_a_date_and_no_absurd_one(said: str, wait: float) -> None:
    """It is one of the clock that answered; and nobody waits for more than a day."""
    failure = whole(refusal(429, "", retry_after=said, date="Mon, 05 Jan 2026 09:00:00 GMT"))

    assert isinstance(failure, Throttled)
    assert wait == failure.retry_after


def test_a_column_that_is_gone_is_named_as_it_was_asked_for() -> None:
    """A reference is read under another name than its column's."""
    message = "Could not find a property named '_ownerid_value' on type 'Contact'."

    failure = whole(refusal(400, "0x0", message), {"_ownerid_value": "ownerid"})

    assert isinstance(failure, SchemaChanged)
    assert ("ownerid",) == failure.fields


def test_a_column_that_is_only_mentioned_is_not_taken_for_gone() -> None:
    """What is wrong with a request is not always that a column is missing."""
    message = "The value of 'firstname' cannot be compared."

    assert Refused is type(whole(refusal(400, "0x80040203", message), {"firstname": "firstname"}))


def test_an_answer_that_leads_elsewhere_is_a_wrong_url() -> None:
    """Nothing is followed: the token would go to whoever it names."""
    told = str(whole(Response(302, {"location": "https://elsewhere.example"})))

    assert "is the URL right?" in told
    assert "elsewhere" not in told


def test_a_long_complaint_is_cut() -> None:
    """It goes into people's activity logs."""
    _, _, told = refused(refusal(400, "0x80040265", "too much " * 1_000), {"firstname": "x"})

    assert len(told) < 400


def test_a_missing_privilege_is_named() -> None:
    """Whoever must act is told which right to give, and nothing of who is in the directory."""
    message = (
        f"Principal user (Id={ME}, type=8, AADObjectId='0815'), is missing prvReadContact "
        "privilege (Id=0) on OTC=2 for entity 'contact' (LocalizedName='Contact')."
    )

    told = str(whole(refusal(403, "0x80040220", message)))

    assert "prvReadContact" in told
    assert "0815" not in told


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (refusal(412, "0x80060882"), Stale()),
        (refusal(412, ""), Stale()),
        (refusal(404, "0x80040217"), Gone()),
        (refusal(404, ""), Gone()),
        (refusal(429, "0x80072326", retry_after="3"), ThrottledWrite(3.0)),
        (refusal(503, ""), NotAttempted()),
        (refusal(401, ""), NotAttempted()),
        (refusal(500, "0x80044151"), NotAttempted()),
        (refusal(408, ""), AmbiguousWrite()),
        (refusal(502, ""), AmbiguousWrite()),
        (refusal(500, ""), AmbiguousWrite()),
        (reply(None, 204), Updated(ANN)),
        (reply(None, 204, etag='W/"7"'), Updated(ANN, Version('W/"7"'))),
        (Response(200, {}, b"<html>applied all the same</html>"), Updated(ANN)),
    ],
)
def test_one_update_is_answered_in_the_words_of_the_core(
    response: Response, answer: WriteResult
) -> None:
    """What nothing was done for, what may have been done, and what was."""
    assert answer == updated(response)


def test_an_update_tells_what_dynamics_now_holds() -> None:
    """With its version, and with what the user may read of it."""
    row: dict[str, Json] = {
        "@odata.etag": 'W/"8"',
        "contactid": ANN,
        "firstname": "ANN",
        "new_salary": None,
    }

    told = updated(reply(row), {"firstname": "Ann", "new_salary": 1})

    assert Updated(ANN, Version('W/"8"'), {"firstname": "ANN"}) == told


@pytest.mark.parametrize(
    "response",
    [
        refusal(412, "0x80040237", "A record with matching key values already exists."),
        refusal(412, "", "A record with matching key values already exists."),
        refusal(412, "0x80060882"),
    ],
)
def test_a_create_whose_row_is_there_is_a_duplicate_key(response: Response) -> None:
    """So that a create whose answer was lost is taken as done, and not done twice."""
    told = result(table(), Create(ANN, {"lastname": "Doe"}), response)

    assert isinstance(told, Rejected)
    assert [("duplicate_key", None)] == [(one.code, one.field) for one in told.reasons]


def test_a_create_of_another_row_with_the_same_key_is_no_duplicate_of_itself() -> None:
    """An alternate key that is taken says nothing of the row that was to be made."""
    told = result(table(), Create(ANN, {"lastname": "Doe"}), refusal(412, "0x80060892"))

    assert isinstance(told, Rejected)
    assert "0x80060892" == told.reasons[0].code


def test_a_create_is_answered_with_its_id() -> None:
    """The id is the one that it was given."""
    assert Created(ANN) == result(table(), Create(ANN, {}), reply(None, 204))


TOO_LONG = (
    "A validation error occurred.  The length of the 'firstname' attribute of the 'contact' "
    "entity exceeded the maximum allowed length of '50'."
)
NO_PROPERTY = (
    "Error identified in Payload provided by the user for Entity :'contacts', InnerException : "
    "Microsoft.Crm.CrmException: Invalid property 'new_gone' was found in entity "
    "'Microsoft.Dynamics.CRM.contact'."
)
SECURED = (
    f"Caller user with Id {ME} does not have update permissions to a Yearly Pay secured field "
    "on entity Contact table. The requested operation could not be completed."
)


@pytest.mark.parametrize(
    ("code", "message", "column"),
    [
        ("0x80044331", TOO_LONG, "firstname"),
        (
            "0x8004432F",
            "The value of 'new_score' on record of type 'contact' is outside.",
            "new_score",
        ),
        ("0x8004f507", SECURED, "new_salary"),
        ("0x80048d19", "Invalid property 'parentcustomerid_account' was found", "parentcustomerid"),
        ("0x80048d19", "An undeclared property 'ownerid@odata.bind' was found", "ownerid"),
        ("0x80048408", "1 is not valid for 'statuscode' on contact.", "statuscode"),
        ("0x80040203", "Attribute: new_score must be positive", "new_score"),
        ("0x80040265", "Firstname is a nice word.", None),
        ("0x80048d19", NO_PROPERTY, None),
        ("0x80040333", "A duplicate exists.", None),
    ],
)
def test_the_column_is_taken_out_of_the_message(
    code: str, message: str, column: str | None
) -> None:
    """By its name, by the property that binds it, or by its label, where Dynamics says so."""
    sent: dict[str, Wire] = {"firstname": "x", "new_score": 1, "new_salary": 2, "lastname": "y"}

    assert (column, failure_for(400, code).code) == refused(refusal(400, code, message), sent)[
        1::-1
    ]


def test_a_reference_that_leads_nowhere_is_no_record_that_is_gone() -> None:
    """Dynamics says of both that there is no such row; only its id tells whose."""
    message = f"systemuser With Id = {BOB} Does Not Exist"
    sent: dict[str, Wire] = {"ownerid": BOB}

    code, column, _ = refused(refusal(404, "0x80040217", message), sent)

    assert ("0x80040217", "ownerid") == (code, column)
    mine = refusal(404, "0x80040217", f"Entity 'contact' With Id = {ANN} Does Not Exist")
    assert Gone() == updated(mine, sent)


def test_the_words_of_a_business_rule_are_passed_on_without_values() -> None:
    """They alone say what to do; what people typed is not in them any more."""
    message = (
        f"Phone 555-0100 of 'Jane Doe' ({ANN}, jane@doe.example) needs a 'Firstname' for 'contact'."
    )

    code, _, told = refused(refusal(400, "0x80040265", message), {"telephone1": "555-0100"})

    assert "0x80040265" == code
    assert "Phone … of '…' (…, …) needs a 'Firstname' for 'contact'." in told


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("It doesn't fit 'Jane O'Brien' in 'Firstname'.", "It doesn't fit '…' in 'Firstname'."),
        ('The "Jane" of the accounts\' list isn\'t "contact".', "The '…' of the accounts' list"),
        ("“Jane” is 'Jane'", "'…' is '…'"),
        ("Jane.Doe+x@example.co.uk, please", "…, please"),
    ],
)
def test_a_value_in_quotes_that_was_not_sent_is_not_shown(message: str, shown: str) -> None:
    """It is another row's, or this row's from before."""
    _, _, told = refused(refusal(400, "0x80040265", message), {"lastname": "Lee"})

    assert shown in told
    assert "Jane" not in told


@pytest.mark.parametrize("failure", FAILURES, ids=[one.code for one in FAILURES])
def test_no_reason_holds_a_value(failure: Failure) -> None:
    """Whatever the code: what was sent is in no message."""
    sent: dict[str, Wire] = {"firstname": "Wilhelmina", "new_score": 4711, "ownerid": BOB}
    words = f"'firstname' of Wilhelmina, 4711, '{BOB}', \"Wilhelmina\""

    told = repr(updated(refusal(400, failure.code, words), sent))

    assert not [one for one in ("Wilhelmina", "4711", BOB) if one in told]
