"""The emulator's Marketo keeps to the limits, codes and quirks of the real one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, Emulator, emulate
from dynsync.records import RecordId
from dynsync.sandbox import NO_LIMITS, Fault, Limits
from emulator_clients import marketo_client

LEADS = "/rest/v1/leads.json"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """One server for all tests here."""
    with emulate() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """The emulator, as if it were new."""
    before = running.marketo.snapshot()
    running.marketo.limits = NO_LIMITS
    yield running
    running.marketo.restore(before)
    running.marketo.faults.clear()
    running.marketo_api.tokens.lifetime = 3_600
    running.marketo_api.signed_by = "header"


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client with a token."""
    with marketo_client(emulator) as made:
        yield made


def code(answer: httpx.Response) -> str:
    """Return the code of a failure, which comes with HTTP 200."""
    said = answer.json()
    assert (200, False) == (answer.status_code, said["success"])
    return str(said["errors"][0]["code"])


def statuses(answer: httpx.Response) -> list[str]:
    """Return what became of each row: its status, or the code of the refusal."""
    return [
        row["reasons"][0]["code"] if row["status"] == "skipped" else row["status"]
        for row in answer.json()["result"]
    ]


def paging_token(client: httpx.Client, since: str = "2026-01-01") -> str:
    """Return a token of the feed."""
    answer = client.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": since})
    return str(answer.json()["nextPageToken"])


# -- tokens


def test_token_is_the_same_until_it_expires(emulator: Emulator, client: httpx.Client) -> None:
    """Asked again it is the same token with fewer seconds; by query or by form."""
    given = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    first = client.get("/identity/oauth/token", params=given).json()
    emulator.clock.advance(100)
    second = client.post("/identity/oauth/token", data=given).json()
    emulator.clock.advance(first["expires_in"])
    third = client.get("/identity/oauth/token", params=given).json()

    assert first["access_token"] == second["access_token"] != third["access_token"]
    assert 100 == first["expires_in"] - second["expires_in"]


def test_wrong_secret_is_told_with_401(client: httpx.Client) -> None:
    """Bad credentials are an HTTP error: the only kind of Marketo's that is."""
    given = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "wrong"}
    answer = client.get("/identity/oauth/token", params=given)

    assert (401, "invalid_client") == (answer.status_code, answer.json()["error"])


def test_unknown_and_expired_tokens_differ(emulator: Emulator, client: httpx.Client) -> None:
    """601 for what was never a token, 602 for one that has run out."""
    assert "601" == code(client.get(LEADS, headers={"Authorization": "Bearer nonsense"}))
    assert "601" == code(client.get(LEADS, headers={"Authorization": ""}))

    emulator.clock.advance(3_600)
    assert "602" == code(client.get(LEADS))


def test_token_in_the_address_is_taken_on_demand(emulator: Emulator, client: httpx.Client) -> None:
    """As the API did until August 2026, where a test of an old client says so."""
    token = client.headers.pop("Authorization").removeprefix("Bearer ")
    asked = {"access_token": token}

    assert "601" == code(client.get("/rest/v1/leads/describe.json", params=asked))
    emulator.marketo_api.signed_by = "parameter"
    assert client.get("/rest/v1/leads/describe.json", params=asked).json()["success"]


# -- limits


def test_window_lets_so_many_calls_through(emulator: Emulator, client: httpx.Client) -> None:
    """606, without a header, until the window has moved on."""
    emulator.marketo.limits = Limits(window=2)
    emulator.clock.advance(60)
    answers = [client.get("/rest/v1/leads/describe.json") for _ in range(3)]

    assert [True, True, False] == [answer.json()["success"] for answer in answers]
    assert "606" == code(answers[-1])
    assert "Retry-After" not in answers[-1].headers

    emulator.clock.advance(20)
    assert client.get("/rest/v1/leads/describe.json").json()["success"]


def test_daily_quota_ends_the_day(emulator: Emulator) -> None:
    """607 until midnight, US Central."""
    emulator.marketo.limits = Limits(window=None, day=1)
    emulator.clock.advance(86_400)
    with marketo_client(emulator) as fresh:
        fresh.get("/rest/v1/leads/describe.json")
        assert "607" == code(fresh.get("/rest/v1/leads/describe.json"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [(300, "created"), (301, "1003"), (0, "701")],
)
def test_call_takes_300_rows(client: httpx.Client, rows: int, expected: str) -> None:
    """No more than 300, and not none."""
    answer = client.post(
        LEADS,
        json={"input": [{"email": f"{n}@example.com"} for n in range(rows)]},
    )

    if expected == "created":
        assert {"created"} == set(statuses(answer))
    else:
        assert expected == code(answer)


def test_long_address_is_sent_as_a_form(emulator: Emulator, client: httpx.Client) -> None:
    """An address over 8 KB is refused with 414; the same as a form is answered."""
    emulator.marketo.create_person({"email": "a@example.com"})
    values = ",".join(["a@example.com", *(f"{'x' * 30}{n}@example.com" for n in range(250))])
    asked = {"filterType": "email", "filterValues": values}

    assert 414 == client.get(LEADS, params=asked).status_code
    assert 1 == len(client.post(LEADS, params={"_method": "GET"}, data=asked).json()["result"])
    assert 1 == len(client.post(LEADS, data={"_method": "GET", **asked}).json()["result"])


def test_large_body_is_refused(client: httpx.Client) -> None:
    """A body over 1 MB is too large."""
    rows = [{"email": "a@example.com", "lastName": "x" * 255} for _ in range(300)]
    answer = client.post(LEADS, json={"input": rows, "padding": "x" * 1_048_576})

    assert 413 == answer.status_code


def test_more_matches_than_can_be_told(emulator: Emulator, client: httpx.Client) -> None:
    """A filter that over 1,000 people pass is refused; what is fewer comes in pages."""
    for number in range(3):
        emulator.marketo.create_person({"email": f"{number}@example.com", "city": "Ulm"})
    asked = {"filterType": "city", "filterValues": "ulm", "batchSize": "2"}

    first = client.get(LEADS, params=asked).json()
    second = client.get(LEADS, params={**asked, "nextPageToken": first["nextPageToken"]}).json()
    assert [2, 1] == [len(first["result"]), len(second["result"])]
    assert "nextPageToken" not in second

    for number in range(3, 1_001):
        emulator.marketo.create_person({"email": f"{number}@example.com", "city": "Ulm"})
    assert "1003" == code(client.get(LEADS, params=asked))


# -- writes


@pytest.mark.parametrize(
    ("action", "known", "unknown"),
    [
        ("createOrUpdate", "updated", "created"),
        ("createOnly", "1005", "created"),
        ("updateOnly", "updated", "1004"),
        ("createDuplicate", "created", "created"),
    ],
)
def test_action_says_who_is_written(
    emulator: Emulator, client: httpx.Client, action: str, known: str, unknown: str
) -> None:
    """Each action makes of those who are known and those who are not what it says."""
    emulator.marketo.create_person({"email": "a@example.com"})
    rows = [{"email": "A@example.com", "fax": "1"}, {"email": "b@example.com", "fax": "1"}]

    answer = client.post(LEADS, json={"action": action, "lookupField": "email", "input": rows})

    assert [known, unknown] == statuses(answer)


def test_one_bad_field_skips_its_row_only(emulator: Emulator, client: httpx.Client) -> None:
    """The other rows of the call are applied, and the bad one names no id."""
    rows = [
        {"email": "a@example.com", "fax": "x" * 256, "lastName": "Lee"},
        {"email": "b@example.com", "numberOfEmployees": 14.1},
        {"email": "c@example.com", "nonsense": 1},
        {"email": "d@example.com"},
        {"lastName": "nobody"},
    ]

    answer = client.post(LEADS, json={"input": rows})

    assert ["1003", "1003", "1006", "created", "1003"] == statuses(answer)
    assert "id" not in answer.json()["result"][0]
    assert 1 == emulator.marketo.count()


def test_two_people_of_one_key_are_not_written(emulator: Emulator, client: httpx.Client) -> None:
    """1007, where more than one is meant."""
    for _ in range(2):
        emulator.marketo.create_person({"email": "a@example.com"})

    for action in ("createOrUpdate", "updateOnly"):
        body = {"action": action, "input": [{"email": "a@example.com", "fax": "1"}]}
        assert ["1007"] == statuses(client.post(LEADS, json=body))


def test_null_clears_and_a_boolean_reads_false(emulator: Emulator, client: httpx.Client) -> None:
    """JSON null empties a field; an empty boolean is false."""
    id_ = emulator.marketo.create_person(
        {"email": "a@example.com", "fax": "1", "leadScore": 3, "unsubscribed": True}
    )
    row = {"id": int(id_), "fax": None, "leadScore": None, "unsubscribed": None}

    client.post(LEADS, json={"action": "updateOnly", "lookupField": "id", "input": [row]})

    found = client.get(f"/rest/v1/lead/{id_}.json", params={"fields": "fax,leadScore,unsubscribed"})
    assert [{"id": int(id_), "fax": None, "leadScore": None, "unsubscribed": False}] == (
        found.json()["result"]
    )


@pytest.mark.parametrize("way", ["DELETE", "POST ?_method=DELETE", "POST delete.json"])
def test_people_are_deleted_in_every_way_in_use(
    emulator: Emulator, client: httpx.Client, way: str
) -> None:
    """Clients delete in three ways."""
    id_ = emulator.marketo.create_person({"email": "a@example.com"})
    body = {"input": [{"id": int(id_)}, {"id": 999}]}
    match way:
        case "DELETE":
            answer = client.request("DELETE", LEADS, json=body)
        case "POST ?_method=DELETE":
            answer = client.post(LEADS, params={"_method": "DELETE"}, json=body)
        case _:
            answer = client.post("/rest/v1/leads/delete.json", json=body)

    assert ["deleted", "1004"] == statuses(answer)
    assert 0 == emulator.marketo.count()


def test_merge_takes_25_losers(emulator: Emulator, client: httpx.Client) -> None:
    """More than 25 are refused with 1080, and nobody is merged."""
    ids = [emulator.marketo.create_person({"email": f"{n}@example.com"}) for n in range(27)]
    merge = f"/rest/v1/leads/{ids[0]}/merge.json"

    assert "1080" == code(client.post(merge, params={"leadIds": ",".join(ids[1:])}))
    assert client.post(merge, params={"leadIds": ",".join(ids[1:26])}).json()["success"]
    assert 2 == emulator.marketo.count()


# -- feeds


def test_page_may_be_empty_and_say_more(emulator: Emulator, client: httpx.Client) -> None:
    """Changes of fields that were not asked for leave a page empty that more pages follow."""
    id_ = emulator.marketo.create_person({"email": "a@example.com"})
    for number in range(4):
        emulator.marketo.edit(id_, {"fax": str(number)})
    emulator.marketo.edit(id_, {"city": "Ulm"})

    token, pages = paging_token(client), list[tuple[int, bool]]()
    more = True
    while more:
        said = client.get(
            "/rest/v1/activities/leadchanges.json",
            params={"nextPageToken": token, "fields": "city", "batchSize": 2},
        ).json()
        token, more = said["nextPageToken"], said["moreResult"]
        pages.append((len(said.get("result", [])), more))

    assert [(1, True), (0, True), (1, False)] == pages


def test_feed_begins_at_the_moment_of_the_token(emulator: Emulator, client: httpx.Client) -> None:
    """What was done before is not told; offsets count."""
    emulator.marketo.create_person({"email": "a@example.com"})
    emulator.clock.advance(60)
    since = emulator.clock.now().isoformat()
    emulator.marketo.create_person({"email": "b@example.com"})

    said = client.get(
        "/rest/v1/activities/leadchanges.json",
        params={"nextPageToken": paging_token(client, since), "fields": "email"},
    ).json()

    assert [12] == [row["activityTypeId"] for row in said["result"]]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "1002"),
        ({"nextPageToken": "nonsense"}, "1003"),
        ({"nextPageToken": "nonsense", "fields": "nonsense"}, "1006"),
    ],
)
def test_feed_that_makes_no_sense_is_refused(
    client: httpx.Client, params: dict[str, str], expected: str
) -> None:
    """A missing parameter, a token that is none, a field that is not there."""
    asked = {"fields": "email", **params}

    assert expected == code(client.get("/rest/v1/activities/leadchanges.json", params=asked))


def test_activities_are_asked_for_by_ten_types(client: httpx.Client) -> None:
    """Eleven are too many."""
    asked = {
        "nextPageToken": paging_token(client),
        "activityTypeIds": ",".join(map(str, range(1, 12))),
    }

    assert "1003" == code(client.get("/rest/v1/activities.json", params=asked))


def test_unknown_address_and_method_are_told(client: httpx.Client) -> None:
    """610 for what is not there, 605 for what cannot be done with it, 609 for no JSON."""
    assert "610" == code(client.get("/rest/v1/nonsense.json"))
    assert "605" == code(client.put("/rest/v1/leads/describe.json"))
    assert "609" == code(client.post(LEADS, content=b"nonsense"))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"input":[{"leadScore":NaN}]}', b"\xff"])
def test_what_is_no_json_is_told(client: httpx.Client, body: bytes) -> None:
    """However it fails to be."""
    assert "609" == code(client.post(LEADS, content=body))


def test_partition_is_a_name(client: httpx.Client) -> None:
    """Another than there is, or none at all, is told."""
    names: list[object] = ["Europe", 5, ["Default"], {}]
    for odd in names:
        said = {"input": [{"email": "a@b.co"}], "partitionName": odd}
        assert "1009" == code(client.post(LEADS, json=said))


def test_no_more_than_300_people_are_deleted_at_once(client: httpx.Client) -> None:
    """Whether they are named in the body or in the address."""
    ids = ",".join(map(str, range(1, 302)))

    assert "1003" == code(client.post("/rest/v1/leads/delete.json", params={"id": ids}))


# -- bulk


def extract(client: httpx.Client, filters: dict[str, object]) -> httpx.Response:
    """Ask for an extract of people."""
    body = {"fields": ["id", "email"], "format": "CSV", "filter": filters}
    return client.post("/bulk/v1/leads/export/create.json", json=body)


SPAN = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"createdAt": {**SPAN, "endAt": "2026-02-02T00:00:00Z"}}, "1003"),
        ({"smartListId": 7}, "1035"),
        ({}, "1003"),
    ],
)
def test_extract_that_cannot_be_made_is_refused(
    client: httpx.Client, filters: dict[str, object], expected: str
) -> None:
    """More than 31 days, a filter that is not there, none at all."""
    assert expected == code(extract(client, filters))


def test_queue_holds_ten_jobs(client: httpx.Client, emulator: Emulator) -> None:
    """The eleventh is refused with 1029 until one is through."""
    ids = [extract(client, {"createdAt": SPAN}).json()["result"][0]["exportId"] for _ in range(11)]
    queued = [client.post(f"/bulk/v1/leads/export/{id_}/enqueue.json") for id_ in ids]

    assert [True] * 10 == [answer.json()["success"] for answer in queued[:10]]
    assert "1029" == code(queued[10])
    emulator.clock.advance(60)
    assert client.post(f"/bulk/v1/leads/export/{ids[10]}/enqueue.json").json()["success"]


def test_file_comes_in_parts(emulator: Emulator, client: httpx.Client) -> None:
    """A range of bytes is answered with 206; a file that is not ready with 404 and no JSON."""
    emulator.marketo.create_person({"email": "a@example.com"})
    id_ = extract(client, {"createdAt": SPAN}).json()["result"][0]["exportId"]
    file = f"/bulk/v1/leads/export/{id_}/file.json"
    client.post(f"/bulk/v1/leads/export/{id_}/enqueue.json")

    assert 404 == client.get(file).status_code
    emulator.clock.advance(60)
    whole = client.get(file).content
    part = client.get(file, headers={"Range": "bytes=3-7"})
    assert (206, whole[3:8]) == (part.status_code, part.content)
    assert f"bytes 3-7/{len(whole)}" == part.headers["Content-Range"]


# -- faults of the system


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("throttled"), "606"),
        (Fault("throttled", scope="concurrency"), "615"),
        (Fault("throttled", scope="day"), "607"),
        (Fault("down"), "608"),
        (Fault("refused"), "603"),
    ],
)
def test_fault_of_the_sandbox_is_told_in_codes(
    emulator: Emulator, client: httpx.Client, fault: Fault, expected: str
) -> None:
    """What is planned in the sandbox comes out as Marketo would say it."""
    emulator.marketo.faults.plan("write", fault)

    answer = client.post(LEADS, json={"input": [{"email": "a@example.com"}]})

    assert expected == code(answer)
    assert 0 == emulator.marketo.count()


@pytest.mark.parametrize(
    ("fault", "applied"),
    [(Fault("lost_request"), 0), (Fault("lost_response"), 2), (Fault("partial"), 1)],
)
def test_lost_answer_is_a_closed_connection(
    emulator: Emulator, client: httpx.Client, fault: Fault, applied: int
) -> None:
    """Applied, half applied or not: the client sees no difference."""
    emulator.marketo.faults.plan("write", fault)
    rows = [{"email": "a@example.com"}, {"email": "b@example.com"}]

    with pytest.raises(httpx.TransportError):
        client.post(LEADS, json={"input": rows})

    assert applied == emulator.marketo.count()


def test_activities_of_a_log_without_a_type_are_told(
    emulator: Emulator, client: httpx.Client
) -> None:
    """A type that is gone leaves its activities behind, and what is new is refused."""
    id_ = emulator.marketo.create_person({"email": "a@example.com"})
    row = {
        "leadId": int(id_),
        "activityDate": "2026-01-05T09:00:00Z",
        "activityTypeId": 100_001,
        "primaryAttributeValue": "k",
    }

    answer = client.post("/rest/v1/activities/external.json", json={"input": [row]})

    assert "1013" == answer.json()["result"][0]["errors"][0]["code"]
    assert [] == emulator.marketo.activity_log(RecordId(id_))


# -- fields


FIELDS = "/rest/v1/leads/schema/fields.json"


def test_field_made_by_the_api_is_there_at_once(client: httpx.Client) -> None:
    """It is described, written, looked up by, and told as made by the API."""
    field = {"displayName": "Acme Code", "name": "acmeCode", "dataType": "string"}
    answer = client.post(FIELDS, json={"input": [field]})
    row = {"email": "ada@example.com", "acmeCode": "Z9"}
    client.post(LEADS, json={"input": [row]})
    asked = {"filterType": "acmeCode", "filterValues": "z9", "fields": "email"}
    [found] = client.get(LEADS, params=asked).json()["result"]
    [told] = client.get(FIELDS.replace(".json", "/acmeCode.json")).json()["result"]

    assert [{"name": "acmeCode", "status": "created"}] == answer.json()["result"]
    assert "ada@example.com" == found["email"]
    assert ("string", 255, True, True) == (
        told["dataType"],
        told["length"],
        told["isCustom"],
        told["isApiCreated"],
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"displayName": "Other", "name": "email", "dataType": "string"}, "1017"),
        ({"displayName": "Email", "name": "other", "dataType": "string"}, "1017"),
        ({"displayName": "Other", "name": "1st", "dataType": "string"}, "1003"),
        ({"displayName": "Other!", "name": "other", "dataType": "string"}, "1003"),
        ({"displayName": "Other", "name": "other", "dataType": "lookup"}, "1003"),
        ({"name": "other", "dataType": "string"}, "1002"),
    ],
)
def test_field_that_cannot_be_made_is_skipped(
    client: httpx.Client, field: dict[str, str], expected: str
) -> None:
    """Names are unique, begin with a letter, and the types are Adobe's."""
    answer = client.post(FIELDS, json={"input": [field]})

    assert [expected] == statuses(answer)


def test_field_is_changed_but_for_what_it_is(client: httpx.Client) -> None:
    """A label of one's own field and a description of any; a type of none; hidden, not deleted."""
    field = {"displayName": "Acme Code", "name": "acmeCode", "dataType": "string"}
    client.post(FIELDS, json={"input": [field]})
    own, standard = (FIELDS.replace(".json", f"/{name}.json") for name in ("acmeCode", "email"))

    def change(address: str, **values: object) -> list[str]:
        return statuses(client.post(address, json={"input": [values]}))

    assert ["updated"] == change(own, displayName="Code", isHidden=True)
    assert ["updated"] == change(standard, description="how to reach them")
    assert ["1003"] == change(standard, displayName="Mail")
    assert ["1003"] == change(own, dataType="integer")
    assert ["1003"] == change(own, displayName="!")
    assert "702" == code(client.get(f"{own[:-5]}x.json"))
    assert "1006" == code(client.post(f"{own[:-5]}x.json", json={"input": [{}]}))

    [told] = client.get(own).json()["result"]
    assert ("Code", True) == (told["displayName"], told["isHidden"])
    described = client.get("/rest/v1/leads/describe.json").json()["result"]
    assert "acmeCode" not in {each["rest"]["name"] for each in described}


def test_fields_that_the_api_makes_are_a_hundred_at_most(
    emulator: Emulator, client: httpx.Client
) -> None:
    """Of numbers too, hidden ones among them; the next is refused."""
    rows: list[dict[str, object]] = [
        {"displayName": f"Own {n}", "name": f"own{n}", "dataType": "integer", "isHidden": n == 1}
        for n in range(101)
    ]
    answer = client.post(FIELDS, json={"input": rows})
    wrong = {"email": "ada@example.com", "own0": "many"}

    assert ["created"] * 100 + ["1028"] == statuses(answer)
    assert ["1003"] == statuses(client.post(LEADS, json={"input": [wrong]}))
    hidden = {"email": "ada@example.com", "own1": 1}
    assert ["1006"] == statuses(client.post(LEADS, json={"input": [hidden]}))
    assert 0 == emulator.marketo.count()


def test_fields_are_told_page_by_page(client: httpx.Client) -> None:
    """Until `moreResult`, which is always there, says that it was the last page."""
    names: list[str] = []
    asked = {"batchSize": "20"}
    more = True
    while more:
        said = client.get(FIELDS, params=asked).json()
        names += [each["name"] for each in said["result"]]
        more = said["moreResult"]
        asked["nextPageToken"] = said.get("nextPageToken", "")
    whole = client.get(FIELDS).json()

    assert names == [each["name"] for each in whole["result"]]
    assert not whole["moreResult"]
    assert "1003" == code(client.get(FIELDS, params={"nextPageToken": "nonsense"}))


def test_fields_take_a_right_of_their_own(emulator: Emulator, client: httpx.Client) -> None:
    """Who reads and writes people may not look at their schema, nor change it."""
    before = emulator.marketo_api.role
    field = {"displayName": "Acme Code", "name": "acmeCode", "dataType": "string"}
    try:
        emulator.marketo_api.role = frozenset({"Read-Write Lead"})
        assert "603" == code(client.get(FIELDS))
        emulator.marketo_api.role = frozenset({"Read-Write Schema Standard Field"})
        assert client.get(FIELDS).json()["success"]
        assert "603" == code(client.post(FIELDS, json={"input": [field]}))
    finally:
        emulator.marketo_api.role = before


def test_nobody_is_looked_up_by_their_name(client: httpx.Client) -> None:
    """1011 for the names of people, whether they are read or written."""
    asked = {"filterType": "lastName", "filterValues": "Lee"}
    rows = [{"firstName": "Ada"}]
    described = client.get("/rest/v1/leads/describe2.json").json()["result"]

    assert "1011" == code(client.get(LEADS, params=asked))
    assert "1011" == code(client.post(LEADS, json={"lookupField": "firstName", "input": rows}))
    assert ["lastName"] not in described[0]["searchableFields"]


def test_json_is_said_to_be_json(client: httpx.Client) -> None:
    """612 for rows that come as plain text."""
    content, plain = b'{"input": [{"email": "ada@example.com"}]}', {"Content-Type": "text/plain"}

    assert "612" == code(client.post(LEADS, content=content, headers=plain))
    assert "612" == code(client.post(LEADS, content=content))


def test_file_that_is_no_rows_is_told(client: httpx.Client) -> None:
    """A cell without an end is none."""
    files = {"file": ("leads.csv", b'email\n"' + b"a" * 200_000, "text/csv")}

    asked = {"format": "csv"}
    assert "1003" == code(client.post("/bulk/v1/leads.json", params=asked, files=files))


def test_list_that_is_not_there_is_told(client: httpx.Client) -> None:
    """1013, and not everybody: no list is served, so nobody is in one."""
    feed = {"nextPageToken": paging_token(client), "listId": "7"}
    changes = "/rest/v1/activities/leadchanges.json"
    files = {"file": ("leads.csv", b"email\nada@example.com\n", "text/csv")}
    asked = {"format": "csv", "listId": "7"}

    assert "1013" == code(client.get(changes, params={**feed, "fields": "email"}))
    types = {**feed, "activityTypeIds": "12"}
    assert "1013" == code(client.get("/rest/v1/activities.json", params=types))
    assert "1013" == code(client.post("/bulk/v1/leads.json", params=asked, files=files))


def test_activities_are_asked_for_by_what_they_are_about(
    emulator: Emulator, client: httpx.Client
) -> None:
    """`assetIds` of a changed value are the numbers of its fields."""
    ada = emulator.marketo.create_person({"email": "ada@example.com"})
    emulator.marketo.edit(ada, {"city": "Ulm"})
    emulator.marketo.edit(ada, {"title": "Dr"})
    described = client.get("/rest/v1/leads/describe.json").json()["result"]
    numbers = {each["rest"]["name"]: each["id"] for each in described}
    asked = {"nextPageToken": paging_token(client), "activityTypeIds": "13"}
    asked["assetIds"] = str(numbers["title"])
    found = client.get("/rest/v1/activities.json", params=asked).json()["result"]

    assert ["Job Title"] == [each["primaryAttributeValue"] for each in found]


# -- custom activities


def approved(client: httpx.Client) -> int:
    """Have a type of custom activities, and return its number."""
    base = "/rest/v1/activities/external/type"
    body = {
        "apiName": "visit",
        "name": "Visit",
        "triggerName": "Visits",
        "filterName": "Visited",
        "primaryAttribute": {"apiName": "place", "name": "Place"},
    }
    client.post(f"{base}.json", json=body)
    [kind] = client.post(f"{base}/visit/approve.json").json()["result"]
    return int(kind["id"])


def test_attribute_is_of_a_kind_that_there_is(client: httpx.Client) -> None:
    """Of no other is one made."""
    approved(client)
    said = {"attributes": [{"apiName": "odd", "name": "Odd", "dataType": "odd"}]}
    where = "/rest/v1/activities/external/type/visit/attributes/create.json"

    assert "1003" == code(client.post(where, json=said))


def test_type_keeps_the_names_it_was_given(emulator: Emulator, client: httpx.Client) -> None:
    """Those of its trigger and its filter, and when it was made and changed."""
    approved(client)
    emulator.clock.advance(60)
    one = "/rest/v1/activities/external/type/visit"
    client.post(f"{one}.json", json={"filterName": "Has visited"})
    [told] = client.get(f"{one}/describe.json").json()["result"]

    assert ("Visits", "Has visited") == (told["triggerName"], told["filterName"])
    assert told["createdAt"] < told["updatedAt"]


def test_type_of_an_older_file_goes_by_its_own_name(
    emulator: Emulator, client: httpx.Client
) -> None:
    """Earlier ones kept neither what a trigger is called nor when a type was made."""
    said = [100_001, "visit", "Visit", "", ["place", "Place", "string"], [], "approved"]
    house = emulator.marketo.house.store
    with house.transaction():
        house.annex.remember("custom activity types", json.dumps([said]))
    [told] = client.get("/rest/v1/activities/external/types.json").json()["result"]

    assert ("Visit", "Visit") == (told["triggerName"], told["filterName"])
    assert "createdAt" not in told


def test_activity_is_told_under_the_id_it_was_given(
    emulator: Emulator, client: httpx.Client
) -> None:
    """What adding answers is what the feed says."""
    number, ada = approved(client), emulator.marketo.create_person({"email": "ada@example.com"})
    row = {
        "leadId": int(ada),
        "activityDate": "2026-01-05T09:00:00Z",
        "activityTypeId": number,
        "primaryAttributeValue": "Ulm",
    }
    [added] = client.post("/rest/v1/activities/external.json", json={"input": [row]}).json()[
        "result"
    ]
    asked = {"nextPageToken": paging_token(client), "activityTypeIds": str(number)}
    [told] = client.get("/rest/v1/activities.json", params=asked).json()["result"]

    assert (added["id"], added["marketoGUID"]) == (told["id"], told["marketoGUID"])
