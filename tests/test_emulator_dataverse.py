"""The emulator's Dataverse keeps to the limits, codes and quirks of the real one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx
import pytest

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Emulator, emulate
from dynsync.records import RecordId
from dynsync.sandbox import Fault, Limits
from dynsync.schemas import Access, Column
from emulator_clients import API, org_client, plain_client

KEY = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
LEADS = f"{API}leads"
LEAD = f"{LEADS}({KEY})"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """One server for all tests here."""
    with emulate() as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """The emulator, as if it were new."""
    before, limits = running.dynamics.snapshot(), running.dynamics.limits
    yield running
    running.dynamics.restore(before)
    running.dynamics.limits = limits
    running.dynamics.faults.clear()


@pytest.fixture
def client(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client with a token."""
    with org_client(emulator) as made:
        yield made


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of a refusal."""
    return answer.status_code, str(answer.json()["error"]["code"])


def made(emulator: Emulator, key: str = KEY, **values: str) -> None:
    """Have a lead under *key*."""
    emulator.dynamics.create("lead", {"lastname": "Lee", **values}, id=RecordId(key))


# -- tokens


@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "oauth2/token"])
@pytest.mark.parametrize("how", ["form", "basic"])
def test_token_is_given_by_either_endpoint(emulator: Emulator, path: str, how: str) -> None:
    """The secret may come in the form or as Basic authentication, to the old or new endpoint."""
    form = {"grant_type": "client_credentials", "scope": "x/.default", "resource": "x"}
    secret = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with plain_client(emulator) as client:
        auth = httpx.BasicAuth(CLIENT_ID, CLIENT_SECRET) if how == "basic" else httpx.Auth()
        data = form if how == "basic" else {**form, **secret}
        said = client.post(f"/{TENANT}/{path}", data=data, auth=auth).json()
        head = {"Authorization": f"Bearer {said['access_token']}"}

        assert 200 == client.get(f"{API}WhoAmI", headers=head).status_code


def test_request_without_a_token_is_refused(emulator: Emulator) -> None:
    """401, and where to get a token."""
    with plain_client(emulator) as client:
        answer = client.get(f"{API}WhoAmI")

    assert 401 == answer.status_code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")


# -- addresses


@pytest.mark.parametrize(
    "address",
    [
        "/api/data/v9.0/WhoAmI",
        "/api/data/v9.1/WhoAmI()",
        "/api/data/v9.2/leads?%24select=lastname",
        "/api/data/v9.2/leads?$filter=lastname+eq+'x'",
        "/api/data/v9.2/leads?$filter=lastname%20eq%20%27x%27",
    ],
)
def test_address_is_taken_in_every_spelling(client: httpx.Client, address: str) -> None:
    """Versions, brackets, and what clients encode."""
    assert 200 == client.get(address).status_code


def test_links_lead_to_where_the_client_came_from(client: httpx.Client) -> None:
    """The host in a link is the one that the request named."""
    host = {"Host": "org.example.com"}
    answer = client.post(LEADS, json={"lastname": "Lee"}, headers=host)

    assert answer.headers["OData-EntityId"].startswith(f"http://org.example.com{API}leads(")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("nonsense", (404, "0x80060888")),
        (f"leads({KEY})", (404, "0x80040217")),
        ("leads(lastname='x')", (400, "0x80060890")),
        ("leads?$select=nonsense", (400, "0x80060888")),
        ("leads?$filter=nonsense eq 1", (400, "0x80060888")),
        ("leads?$filter=lastname eq", (400, "0x80060888")),
        ("leads?$skip=1", (400, "0x80060888")),
        ("leads?$expand=nonsense", (400, "0x80060888")),
        ("EntityDefinitions(LogicalName='nonsense')", (404, "0x80060888")),
    ],
)
def test_what_is_not_there_is_told(
    client: httpx.Client, address: str, expected: tuple[int, str]
) -> None:
    """Every address that leads nowhere has its code."""
    assert expected == refusal(client.get(f"{API}{address}"))


# -- writes


def test_conditions_of_a_write(emulator: Emulator, client: httpx.Client) -> None:
    """If-Match: * updates only, If-None-Match: * creates only, and without either it upserts."""
    only_update, only_create = {"If-Match": "*"}, {"If-None-Match": "*"}

    assert (404, "0x80040217") == refusal(client.patch(LEAD, json={}, headers=only_update))
    assert 204 == client.patch(LEAD, json={"lastname": "A"}, headers=only_create).status_code
    assert (412, "0x80040237") == refusal(client.patch(LEAD, json={}, headers=only_create))
    assert 204 == client.patch(LEAD, json={"lastname": "B"}).status_code
    assert (412, "0x80040237") == refusal(client.post(LEADS, json={"lastname": "C", "leadid": KEY}))
    ((_, row),) = emulator.dynamics.rows("lead").items()
    assert "B" == row["lastname"]


def test_stale_version_is_refused(emulator: Emulator, client: httpx.Client) -> None:
    """A write under a version that has moved on changes nothing; the current one does."""
    made(emulator)
    old = client.get(LEAD).json()["@odata.etag"]
    whole = {"Prefer": "return=representation"}

    said = client.patch(LEAD, json={"fax": "1"}, headers={"If-Match": old, **whole})
    assert 200 == said.status_code
    assert (412, "0x80060882") == refusal(
        client.patch(LEAD, json={"fax": "2"}, headers={"If-Match": old})
    )
    assert (412, "0x80060882") == refusal(client.delete(LEAD, headers={"If-Match": old}))
    new = said.json()["@odata.etag"]
    assert 304 == client.get(LEAD, headers={"If-None-Match": new}).status_code
    assert 204 == client.delete(LEAD, headers={"If-Match": new}).status_code


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"lastname": "x" * 51}, (400, "0x80044331")),
        ({"leadqualitycode": 99}, (400, "0x8004431A")),
        ({"numberofemployees": -1}, (400, "0x8004432F")),
        ({"revenue": "much"}, (400, "0x80044354")),
        ({"statecode": 0, "statuscode": 3}, (400, "0x80048408")),
        ({"nonsense": 1}, (400, "0x80048d19")),
        ({"ownerid": KEY}, (400, "0x80048d19")),
        ({"nonsense@odata.bind": "/contacts(x)"}, (400, "0x80048d19")),
        ({"fax": {"a": 1}}, (400, "0x80048d19")),
    ],
)
def test_value_that_cannot_be_held_is_refused(
    emulator: Emulator, client: httpx.Client, values: dict[str, object], expected: tuple[int, str]
) -> None:
    """Every refusal has its code, and nothing is applied."""
    made(emulator)
    before = emulator.dynamics.row("lead", RecordId(KEY))

    assert expected == refusal(client.patch(LEAD, json={"subject": "new", **values}))
    assert before == emulator.dynamics.row("lead", RecordId(KEY))


def test_lookup_is_bound_and_cleared(emulator: Emulator, client: httpx.Client) -> None:
    """A reference is written by binding, read by its value, and cleared in two ways."""
    contact = f"{API}contacts({KEY})"
    bound = {"lastname": "Kay", "parentcustomerid_account@odata.bind": f"/accounts({OTHER})"}

    client.patch(contact, json=bound)
    assert OTHER == client.get(contact).json()["_parentcustomerid_value"]

    def pointed_at() -> object:
        return (emulator.dynamics.row("contact", RecordId(KEY)) or {})["parentcustomerid"]

    client.delete(f"{contact}/parentcustomerid_account/$ref")
    assert pointed_at() is None
    reference = {"@odata.id": f"{emulator.url}{API}accounts({OTHER})"}
    client.put(f"{contact}/parentcustomerid_account/$ref", json=reference)
    assert OTHER == pointed_at()
    client.patch(contact, json={"parentcustomerid_account@odata.bind": None})
    assert pointed_at() is None


def test_one_column_is_written_by_itself(emulator: Emulator, client: httpx.Client) -> None:
    """PUT sets it, GET reads it, DELETE clears it."""
    made(emulator)
    client.put(f"{LEAD}/subject", json={"value": "topic"})
    assert "topic" == client.get(f"{LEAD}/subject").json()["value"]
    client.delete(f"{LEAD}/subject")

    assert 204 == client.get(f"{LEAD}/subject").status_code


def test_duplicates_are_looked_for_on_demand(emulator: Emulator, client: httpx.Client) -> None:
    """A detection rule counts only where the client asks for it."""
    emulator.dynamics.detect_duplicates("lead", "emailaddress1")
    made(emulator, emailaddress1="a@example.com")
    row = {"lastname": "Kay", "emailaddress1": "a@example.com"}

    on = {"MSCRM.SuppressDuplicateDetection": "false"}
    assert (412, "0x80040333") == refusal(client.post(LEADS, json=row, headers=on))
    assert 204 == client.post(LEADS, json=row).status_code


def test_key_is_violated_by_nobody(emulator: Emulator, client: httpx.Client) -> None:
    """A second row with the values of an alternate key is refused; the key finds the first."""
    emulator.dynamics.add_key("lead", "topic_and_fax", "subject", "fax")
    made(emulator, subject="7", fax="1")
    row = {"lastname": "Kay", "subject": "7", "fax": "1"}

    assert (412, "0x80060892") == refusal(client.post(LEADS, json=row))
    assert KEY == client.get(f"{LEADS}(subject='7',fax='1')").json()["leadid"]
    assert (404, "0x80060891") == refusal(client.get(f"{LEADS}(subject='8',fax='1')"))


def test_merged_row_says_into_which(emulator: Emulator, client: httpx.Client) -> None:
    """The loser is deactivated and names its master; nobody is deleted."""
    made(emulator)
    made(emulator, OTHER)
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.lead"}
    body = {
        "Target": {**kind, "leadid": KEY},
        "Subordinate": {**kind, "leadid": OTHER},
        "UpdateContent": {**kind, "fax": "1"},
        "PerformParentingChecks": False,
    }

    assert 204 == client.post(f"{API}Merge", json=body).status_code
    winner, loser = (emulator.dynamics.row("lead", RecordId(key)) for key in (KEY, OTHER))
    assert winner is not None
    assert loser is not None
    assert "1" == winner["fax"]
    assert (2, True, KEY) == (loser["statecode"], loser["merged"], loser["masterid"])
    assert (400, "0x80045304") == refusal(client.post(f"{API}Merge", json=body))


# -- reads


def test_filter_takes_what_clients_write(emulator: Emulator, client: httpx.Client) -> None:
    """Comparisons, brackets, functions, lists; text without regard to case."""
    for number, name in enumerate(("Ann", "Bob", "Cyd")):
        emulator.dynamics.create(
            "lead",
            {"lastname": name, "numberofemployees": number, "estimatedclosedate": "2026-02-01"},
        )
        emulator.clock.advance(60)
    middle = (emulator.clock.now() - dt.timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {
        "lastname eq 'ann'": "Ann",
        "lastname ne 'ann' and numberofemployees lt 2": "Bob",
        "not (contains(lastname,'n') or endswith(lastname,'b'))": "Cyd",
        "startswith(lastname,'A') or startswith(lastname,'B')": "AnnBob",
        "(lastname eq 'Ann' or lastname eq 'Cyd') and numberofemployees ge 1": "Cyd",
        "Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=['Ann','Bob'])": "AnnBob",
        "lastname in ('Bob','Cyd')": "BobCyd",
        "fax eq null and estimatedclosedate gt 2026-01-31": "AnnBobCyd",
        f"createdon ge {middle}": "Cyd",
        "_ownerid_value eq 00000000-0000-4000-8000-000000000001": "AnnBobCyd",
        "lastname eq 'O''Hara'": "",
    }

    for text, expected in asked.items():
        rows = client.get(LEADS, params={"$filter": text, "$orderby": "lastname"}).json()["value"]
        assert expected == "".join(row["lastname"] for row in rows), text


def test_pages_follow_one_another(emulator: Emulator, client: httpx.Client) -> None:
    """The next link is followed as it stands; a count says how many there are in all."""
    emulator.dynamics.create_all("lead", [{"lastname": str(n)} for n in range(5)])
    prefer = {"Prefer": 'odata.maxpagesize=2,odata.include-annotations="*"'}
    params = {"$select": "lastname", "$count": "true"}
    answer = client.get(LEADS, params=params, headers=prefer).json()
    assert 5 == answer["@odata.count"]

    sizes, names = [len(answer["value"])], [row["lastname"] for row in answer["value"]]
    while "@odata.nextLink" in answer:
        answer = client.get(answer["@odata.nextLink"], headers=prefer).json()
        sizes.append(len(answer["value"]))
        names += [row["lastname"] for row in answer["value"]]
    assert [2, 2, 1] == sizes
    assert ["0", "1", "2", "3", "4"] == sorted(names)


def test_secured_column_reads_as_null(emulator: Emulator, client: httpx.Client) -> None:
    """It is told in the metadata and by a function; a filter on it is refused, as is a write."""
    made(emulator, emailaddress1="a@example.com")
    emulator.dynamics.secure("lead", "emailaddress1", Access.NONE)

    assert client.get(LEAD).json()["emailaddress1"] is None
    asked = {"$filter": "emailaddress1 eq 'a@example.com'"}
    assert (403, "0x8004f506") == refusal(client.get(LEADS, params=asked))
    assert (403, "0x8004F507") == refusal(client.patch(LEAD, json={"emailaddress1": "b@x.com"}))
    user = client.get(f"{API}WhoAmI").json()["UserId"]
    name = "Microsoft.Dynamics.CRM.RetrievePrincipalAttributePrivileges"
    (told,) = client.get(f"{API}systemusers({user})/{name}()").json()["AttributePrivileges"]
    assert (0, 0, 0) == (told["CanRead"], told["CanCreate"], told["CanUpdate"])
    (row,) = client.get(f"{API}fieldpermissions?$filter=entityname eq 'lead'").json()["value"]
    assert ("emailaddress1", 0) == (row["attributelogicalname"], row["canread"])


def test_missing_privilege_is_told(emulator: Emulator, client: httpx.Client) -> None:
    """403 with the name of the privilege, which is not among those that the user has."""
    emulator.dynamics.revoke("lead", Access.READ | Access.CREATE)

    assert (403, "0x80040220") == refusal(client.get(LEADS))
    assert "prvReadLead" in client.get(LEADS).json()["error"]["message"]
    assert (403, "0x80040220") == refusal(client.post(LEADS, json={"lastname": "Lee"}))
    user = client.get(f"{API}WhoAmI").json()["UserId"]
    name = "Microsoft.Dynamics.CRM.RetrieveUserPrivileges"
    rights = client.get(f"{API}systemusers({user})/{name}()").json()["RolePrivileges"]
    held = {each["PrivilegeName"] for each in rights}
    assert {"prvWriteLead"} == held & {"prvReadLead", "prvCreateLead", "prvWriteLead"}


def test_lookup_is_expanded(emulator: Emulator, client: httpx.Client) -> None:
    """The row that a lookup points at comes along, with the columns that are wanted of it."""
    contact = emulator.dynamics.create("contact", {"firstname": "Ann", "lastname": "Lee"})
    body = {"name": "Contoso", "primarycontactid@odata.bind": f"/contacts({contact})"}
    account = client.post(f"{API}accounts", json=body).headers["OData-EntityId"]
    expand = "primarycontactid($select=fullname),ownerid($select=fullname)"

    found = client.get(f"{account}?$select=name&$expand={expand}").json()

    assert "Ann Lee" == found["primarycontactid"]["fullname"]
    assert "Sync User" == found["ownerid"]["fullname"]
    assert "lastname" not in found["primarycontactid"]
    assert 400 == client.get(f"{account}?$expand=nonsense").status_code


def test_full_name_follows_its_parts(client: httpx.Client) -> None:
    """It is the system's own: written by nobody, and gone with the last of its parts."""
    client.patch(LEAD, json={"firstname": "Ann", "lastname": "Lee", "fullname": "other"})
    assert "Ann Lee" == client.get(LEAD).json()["fullname"]
    client.patch(LEAD, json={"firstname": None, "lastname": None})
    assert client.get(LEAD).json()["fullname"] is None


def test_other_ways_of_asking_are_refused(client: httpx.Client) -> None:
    """What is not emulated is not passed over: the client would take all rows for its answer."""
    for name in ("fetchXml", "savedQuery", "sql"):
        assert 501 == client.get(f"{LEADS}?{name}=x").status_code


# -- change tracking


def test_changes_are_tracked(emulator: Emulator, client: httpx.Client) -> None:
    """A tracked read ends with a delta link, which tells what changed and what is gone since."""
    made(emulator)
    made(emulator, OTHER)
    prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=1"}
    first = client.get(f"{LEADS}?$select=lastname", headers=prefer).json()
    assert "@odata.deltaLink" not in first
    last = client.get(first["@odata.nextLink"], headers=prefer).json()
    delta = last["@odata.deltaLink"]
    assert [] == client.get(delta).json()["value"]

    emulator.dynamics.edit("lead", RecordId(KEY), {"lastname": "Kay"})
    emulator.dynamics.delete("lead", RecordId(OTHER))
    changed, gone = client.get(delta).json()["value"]
    assert (KEY, "Kay") == (changed["leadid"], changed["lastname"])
    assert (OTHER, "deleted") == (gone["id"], gone["reason"])
    assert gone["@odata.context"].endswith("leads/$deletedEntity")


@pytest.mark.parametrize("why", ["age", "epoch"])
def test_delta_token_expires(emulator: Emulator, client: httpx.Client, why: str) -> None:
    """After seven days, or when the org forgets: a code that asks for a full sync."""
    tracked = {"Prefer": "odata.track-changes"}
    delta = client.get(LEADS, headers=tracked).json()["@odata.deltaLink"]
    if why == "age":
        emulator.clock.advance(7 * 86_400 + 1)
        with org_client(emulator) as later:
            assert (400, "0x80044352") == refusal(later.get(delta))
    else:
        emulator.dynamics.expire_cursors()
        assert (400, "0x80044352") == refusal(client.get(delta))


def test_tracking_goes_with_no_filter(client: httpx.Client) -> None:
    """What cannot be tracked is refused."""
    for option in ("$filter=lastname eq 'x'", "$orderby=lastname", "$top=1"):
        answer = client.get(f"{LEADS}?{option}", headers={"Prefer": "odata.track-changes"})
        assert 400 == answer.status_code
    assert 400 == client.get(f"{LEADS}?$deltatoken=nonsense").status_code


def test_token_alone_is_a_delta_link(client: httpx.Client, emulator: Emulator) -> None:
    """Some clients cut the token out of the link."""
    tracked = {"Prefer": "odata.track-changes"}
    delta = httpx.URL(client.get(LEADS, headers=tracked).json()["@odata.deltaLink"])
    made(emulator)

    rows = client.get(LEADS, params={"$deltatoken": delta.params["$deltatoken"]}).json()["value"]

    assert [KEY] == [row["leadid"] for row in rows]


# -- batches


def batched(
    client: httpx.Client, body: str, *, prefer: str = "", quote: str = ""
) -> httpx.Response:
    """Send a batch."""
    head = {"Content-Type": f"multipart/mixed; boundary={quote}b{quote}"}
    if prefer:
        head["Prefer"] = prefer
    return client.post(f"{API}$batch", content=body.encode(), headers=head)


def part(method: str, target: str, body: str = "", *, end: str = "\r\n", headers: str = "") -> str:
    """Return one part of a batch."""
    about = f"Content-Type: application/http{end}Content-Transfer-Encoding: binary{end}{end}"
    extra = f"{headers}{end}" if headers else ""
    return f"--b{end}{about}{method} {target} HTTP/1.1{end}{extra}{end}{body}{end}"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("start", ["", "/api/data/v9.2/", "whole"])
def test_batch_is_taken_in_every_spelling(
    emulator: Emulator, client: httpx.Client, end: str, quote: str, start: str
) -> None:
    """Line ends, quotes, relative paths and whole URLs: clients send all of them."""
    base = f"{emulator.url}{API}" if start == "whole" else start
    body = part("POST", f"{base}leads", '{"lastname":"Lee"}', end=end) + f"--b--{end}"

    answer = batched(client, body, quote=quote)

    assert 200 == answer.status_code
    assert "HTTP/1.1 204" in answer.text
    assert 1 == emulator.dynamics.count("lead")


def test_batch_stops_at_the_first_failure(emulator: Emulator, client: httpx.Client) -> None:
    """Unless it is told to go on: then every part is answered."""
    parts = [
        part("POST", f"{API}leads", '{"lastname":"A"}'),
        part("POST", f"{API}leads", f'{{"lastname":"{"B" * 51}"}}'),
        part("POST", f"{API}leads", '{"lastname":"C"}'),
    ]
    body = "".join(parts) + "--b--\r\n"

    stopped = batched(client, body)
    assert 400 == stopped.status_code
    assert 1 == emulator.dynamics.count("lead")
    on = batched(client, body, prefer="odata.continue-on-error")
    assert (200, 2, 1) == (on.status_code, on.text.count(" 204 "), on.text.count(" 400 "))
    assert 3 == emulator.dynamics.count("lead")


def test_reference_that_is_not_there_is_told(client: httpx.Client) -> None:
    """An undeclared Content-ID is an error of its part."""
    body = part("PATCH", "$7", '{"fax":"1"}') + "--b--\r\n"

    answer = batched(client, body, prefer="odata.continue-on-error")

    assert "Content-ID Reference: '$7' does not exist" in answer.text


def test_batch_holds_a_thousand_parts(client: httpx.Client) -> None:
    """One more is refused."""
    body = part("GET", f"{API}WhoAmI") * 1_001 + "--b--\r\n"

    assert 400 == batched(client, body).status_code


def test_batch_counts_as_one_request(emulator: Emulator) -> None:
    """The limit counts requests, and tells with 429 how long to wait."""
    emulator.clock.advance(300)
    emulator.dynamics.limits = Limits(window=2, seconds=300, concurrency=None, day=None)
    with org_client(emulator) as fresh:
        body = part("GET", f"{API}WhoAmI") * 3 + "--b--\r\n"
        assert [200, 200] == [batched(fresh, body).status_code for _ in range(2)]
        answer = fresh.get(f"{API}WhoAmI")

    assert (429, "0x80072322") == refusal(answer)
    assert "300" == answer.headers["Retry-After"]


def test_half_a_batch_is_throttled(emulator: Emulator, client: httpx.Client) -> None:
    """The parts behind the middle are answered 429 and not applied."""
    emulator.dynamics.faults.plan("write", Fault("partial"))
    body = part("POST", f"{API}leads", '{"lastname":"A"}') * 4 + "--b--\r\n"

    answer = batched(client, body, prefer="odata.continue-on-error")

    assert (2, 2) == (answer.text.count(" 204 "), answer.text.count(" 429 "))
    assert 2 == emulator.dynamics.count("lead")


# -- metadata


def test_column_is_described_with_its_options(client: httpx.Client) -> None:
    """Types, bounds and labels come with a cast; options of a status say their state."""
    base = f"{API}EntityDefinitions(LogicalName='lead')/Attributes"
    cast = "Microsoft.Dynamics.CRM."
    expand = "$select=LogicalName&$expand=OptionSet($select=Options)"

    (status,) = client.get(f"{base}/{cast}StatusAttributeMetadata?{expand}").json()["value"]
    options = {each["Value"]: each["State"] for each in status["OptionSet"]["Options"]}
    assert {1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 6: 2, 7: 2} == options
    date = f"{base}(LogicalName='estimatedclosedate')/{cast}DateTimeAttributeMetadata"
    assert "DateOnly" == client.get(date).json()["DateTimeBehavior"]["Value"]
    multi = client.get(f"{base}?$filter=AttributeType eq {cast}AttributeTypeCode'Virtual'").json()
    assert {"MultiSelectPicklistType"} == {
        each["AttributeTypeName"]["Value"] for each in multi["value"]
    }
    required = f"RequiredLevel/Value eq {cast}AttributeRequiredLevel'SystemRequired'"
    assert [] == client.get(f"{base}?$filter={required}").json()["value"]


def test_new_column_is_described_at_once(emulator: Emulator, client: httpx.Client) -> None:
    """The metadata is of this moment, however often it was asked for."""
    address = f"{API}EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='new_size')"
    assert 404 == client.get(address).status_code
    emulator.dynamics.add_column("lead", Column("new_size", "Size", "Integer"))
    assert (4_294_967_295, False) == (
        client.get(address).json()["MaxValue"] - client.get(address).json()["MinValue"],
        client.get(address).json()["IsSecured"],
    )
    emulator.dynamics.secure("lead", "new_size", Access.READ)
    assert client.get(address).json()["IsSecured"]


def test_messages_of_a_table_are_told(client: httpx.Client) -> None:
    """Clients look whether a table takes bulk messages before they send one."""
    params = {
        "$select": "sdkmessagefilterid",
        "$expand": "sdkmessageid($select=name)",
        "$filter": "(sdkmessageid/name eq 'CreateMultiple' or sdkmessageid/name eq 'x')"
        " and primaryobjecttypecode eq 'lead'",
    }
    (row,) = client.get(f"{API}sdkmessagefilters", params=params).json()["value"]

    assert "CreateMultiple" == row["sdkmessageid"]["name"]


def test_lookups_say_where_they_lead(client: httpx.Client) -> None:
    """A polymorphic lookup is written by another property for each table."""
    base = f"{API}EntityDefinitions(LogicalName='contact')/ManyToOneRelationships"
    said = client.get(f"{base}?$filter=ReferencingAttribute eq 'parentcustomerid'").json()["value"]

    assert {"account": "parentcustomerid_account", "contact": "parentcustomerid_contact"} == {
        each["ReferencedEntity"]: each["ReferencingEntityNavigationPropertyName"] for each in said
    }
    other = f"{API}EntityDefinitions(LogicalName='account')/OneToManyRelationships"
    here = {each["ReferencingEntity"] for each in client.get(other).json()["value"]}
    assert {"contact", "account"} == here


def test_document_of_the_service_names_every_table(client: httpx.Client) -> None:
    """As JSON for the root, as XML with every property for ``$metadata``."""
    sets = {each["name"] for each in client.get(API).json()["value"]}
    xml = client.get(f"{API}$metadata")

    assert {"leads", "contacts", "accounts"} == sets
    assert "application/xml" == xml.headers["Content-Type"]
    root = ET.fromstring(xml.text)  # noqa: S314 - our own
    name = "{http://docs.oasis-open.org/odata/ns/edm}"
    lead = next(each for each in root.iter(f"{name}EntityType") if each.get("Name") == "lead")
    kinds = {each.get("Name"): each.get("Type") for each in lead.iter(f"{name}Property")}
    assert ("Edm.Decimal", "Edm.Guid") == (kinds["revenue"], kinds["_ownerid_value"])
