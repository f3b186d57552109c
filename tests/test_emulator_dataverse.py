"""The emulator's Dataverse keeps to the limits, codes and quirks of the real one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import httpx
import pytest

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Emulator, emulate
from dynsync.records import RecordId, Wire
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


def account(emulator: Emulator, name: str = "Contoso") -> None:
    """Have an account of that *name*."""
    emulator.dynamics.create("account", {"name": name}, id=RecordId(OTHER))


def employee(client: httpx.Client, **values: object) -> str:
    """Have a contact of that account, and return its URL."""
    bound = {"parentcustomerid_account@odata.bind": f"/accounts({OTHER})"}
    body = {"firstname": "Ann", "lastname": "Kay", **bound, **values}
    return str(client.post(f"{API}contacts", json=body).headers["OData-EntityId"])


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
    account(emulator)

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
    client.put(f"{contact}/parentcustomerid_account/$ref", json=reference)
    client.patch(contact, json={"parentcustomerid_account": None})
    assert pointed_at() is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"parentcustomerid_account@odata.bind": f"/accounts({KEY})"}, (404, "0x80040217")),
        ({"parentcustomerid_account@odata.bind": f"/contacts({KEY})"}, (400, "0x80048d19")),
        ({"parentcustomerid_account": {"name": "Contoso"}}, (501, "0x80060888")),
        ({"parentcustomerid@odata.bind": f"/contacts({KEY})"}, (400, "0x80048d19")),
        ({"ownerid_systemuser@odata.bind": f"/systemusers({KEY})"}, (400, "0x80048d19")),
    ],
)
def test_reference_leads_to_a_row_that_is_there(
    client: httpx.Client, body: dict[str, object], expected: tuple[int, str]
) -> None:
    """Of the table that the property is for; no row is made on the way."""
    answer = client.post(f"{API}contacts", json={"lastname": "Kay", **body})

    assert expected == refusal(answer)


def test_reference_without_an_address_clears_nothing(
    emulator: Emulator, client: httpx.Client
) -> None:
    """That takes a DELETE."""
    account(emulator)
    contact = f"{API}contacts({KEY})"
    bound = {"lastname": "Kay", "parentcustomerid_account@odata.bind": f"/accounts({OTHER})"}
    client.patch(contact, json=bound)

    for said in ({}, {"@odata.id": None}, {"id": OTHER}):
        answer = client.put(f"{contact}/parentcustomerid_account/$ref", json=said)
        assert (400, "0x80048d19") == refusal(answer)
    assert OTHER == client.get(contact).json()["_parentcustomerid_value"]


def test_update_by_a_key_that_nobody_has_is_told(emulator: Emulator, client: httpx.Client) -> None:
    """By the code of keys, and without the key's value."""
    emulator.dynamics.add_key("lead", "mail", "emailaddress1")
    where = f"{API}leads(emailaddress1='ada@example.com')"
    answer = client.patch(where, json={"lastname": "Kay"}, headers={"If-Match": "*"})

    assert (404, "0x80060891") == refusal(answer)
    assert "ada" not in answer.text


def test_sorting_says_what_it_does_not_take(client: httpx.Client) -> None:
    """What lies behind a lookup is not emulated, and a place in another order is none."""
    behind = {"$orderby": "parentcustomerid_account/name"}
    place = '<cookie pagenumber="2" pagingcookie="x" istracking="False" />'
    odd = {"$orderby": "lastname", "$skiptoken": place}

    assert (501, "0x80060888") == refusal(client.get(f"{API}contacts", params=behind))
    assert (400, "0x80040203") == refusal(client.get(f"{API}contacts", params=odd))


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


def test_filter_takes_lists_columns_and_parameters(
    emulator: Emulator, client: httpx.Client
) -> None:
    """The lists of Dataverse's own functions are all in quotes, whatever they are of."""
    for number, name in enumerate(("Ann", "Bob", "O'Hara")):
        values: dict[str, Wire] = {"lastname": name, "numberofemployees": number}
        emulator.dynamics.create("lead", {**values, "firstname": "Bob"})
    made(emulator)
    crm = "Microsoft.Dynamics.CRM"
    asked = {
        f"{crm}.In(PropertyName='numberofemployees',PropertyValues=['1','2'])": "BobO'Hara",
        f'{crm}.In(PropertyName=@p1,PropertyValues=["O\'Hara","Ann"])': "AnnO'Hara",
        f"{crm}.NotIn(PropertyName='numberofemployees',PropertyValues=['1','2'])": "Ann",
        f'{crm}.Between(PropertyName=\'numberofemployees\',PropertyValues=["0","1"])': "AnnBob",
        f"{crm}.NotBetween(PropertyName='numberofemployees',PropertyValues=['0','1'])": "O'Hara",
        "firstname eq lastname": "Bob",
        "contains(lastname,@p2) and @p1 ne @p3": "Ann",
        "lastname eq 'a=b'": "",
        f"{crm}.In(PropertyName='donotemail',PropertyValues=['false'])": "AnnBobLeeO'Hara",
        "firstname eq 'Bob' and modifiedby/fullname eq 'Sales Person'": "AnnBobO'Hara",
    }
    given = {"@p1": "lastname", "@p2": "'NN'", "$orderby": "@p1 asc", "$select": "lastname"}

    for text, expected in asked.items():
        quoted = {"@p1": "'lastname'"} if "@p1," in text else {}
        answer = client.get(LEADS, params={**given, **quoted, "$filter": text})
        if quoted:
            answer = client.get(LEADS, params={**quoted, "$orderby": "lastname", "$filter": text})
        rows = answer.json()["value"]
        assert expected == "".join(row["lastname"] for row in rows), text


def test_filter_looks_behind_a_lookup(emulator: Emulator, client: httpx.Client) -> None:
    """By what the row that it points at holds; of one that is not there it holds nothing."""
    account(emulator)
    employee(client)
    client.post(f"{API}contacts", json={"lastname": "Alone"})

    def found(text: str) -> list[str]:
        answer = client.get(f"{API}contacts", params={"$filter": text}).json()
        return [row["lastname"] for row in answer["value"]]

    assert ["Kay"] == found("parentcustomerid_account/name eq 'contoso'")
    assert ["Alone"] == found("parentcustomerid_account/name eq null")
    for text in ("lastname/name eq 'x'", "parentcustomerid_account/nonsense eq 'x'"):
        assert 400 == client.get(f"{API}contacts", params={"$filter": text}).status_code


@pytest.mark.parametrize(
    "text",
    [
        "createdon ge '2026-01-01'",
        "createdon ge 5",
        "numberofemployees eq '5'",
        "statecode eq '0'",
        "donotemail eq 1",
        "lastname eq 5",
        "lastname in ('x',5)",
        "numberofemployees eq lastname",
        "leadid eq 'nonsense'",
        "contains(numberofemployees,'5')",
        "Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=['x'])",
        "nonsense eq 1",
        "lastname eq nonsense",
        "createdon between 5",
        "Microsoft.Dynamics.CRM.Between(PropertyName='lastname',PropertyValues=['x'])",
    ],
)
def test_filter_compares_like_with_like(client: httpx.Client, text: str) -> None:
    """A date in quotes is no date: told, and not taken for one that nobody has."""
    assert (400, "0x80060888") == refusal(client.get(LEADS, params={"$filter": text}))


def test_ids_may_be_quoted(emulator: Emulator, client: httpx.Client) -> None:
    """As Microsoft's own examples do."""
    made(emulator)
    owner = client.get(LEAD).json()["_ownerid_value"]
    asked = {"$filter": f"leadid eq '{KEY}' and _ownerid_value eq '{owner}'"}

    assert 1 == len(client.get(LEADS, params=asked).json()["value"])


@pytest.mark.parametrize(
    "text",
    [
        "Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=2)",
        "contact_customer_accounts/any(c:c/firstname eq 'Ada')",
        "tolower(lastname) eq 'x'",
        "ownerid/fullname eq 'x'",
    ],
)
def test_filter_that_is_not_emulated_says_so(client: httpx.Client, text: str) -> None:
    """501, so that nobody looks for a mistake of their own."""
    assert (501, "0x80060888") == refusal(client.get(LEADS, params={"$filter": text}))


def test_what_is_nested_without_an_end_is_refused(client: httpx.Client) -> None:
    """A filter, and a body."""
    deep = "(" * 500 + "lastname eq 'x'" + ")" * 500
    negated = "not " * 500 + "lastname eq 'x'"

    for text in (deep, negated):
        assert 400 == client.get(LEADS, params={"$filter": text}).status_code
    for body in (b"[" * 100_000, b'{"revenue":NaN}'):
        answer = client.post(LEADS, content=body, headers={"Content-Type": "application/json"})
        assert (400, "0x80048d19") == refusal(answer)


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


def test_access_to_a_row_is_told(emulator: Emulator, client: httpx.Client) -> None:
    """Under whatever name the row is given, as far as the user's rights go."""
    made(emulator)
    emulator.dynamics.revoke("lead", Access.CREATE)
    user = client.get(f"{API}WhoAmI").json()["UserId"]
    name = f"{API}systemusers({user})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess"

    def rights(key: str) -> httpx.Response:
        asked = {"@tid": f"{{'@odata.id':'leads({key})'}}"}
        return client.get(f"{name}(Target=@tid)", params=asked)

    told = rights(KEY).json()
    held = set(told["AccessRights"].split(", "))
    assert {"ReadAccess", "WriteAccess"} <= held
    assert "CreateAccess" not in held
    assert told["@odata.context"].endswith("RetrievePrincipalAccessResponse")
    assert (404, "0x80040217") == refusal(rights(OTHER))
    assert 400 == client.get(f"{name}(Target=@tid)").status_code


def test_users_are_asked_for_as_rows_are(client: httpx.Client) -> None:
    """How many, in which order, with which columns, and with the roles that they have."""
    asked = {"$select": "fullname,nickname", "$orderby": "fullname desc", "$top": "2"}
    answer = client.get(f"{API}systemusers", params={**asked, "$count": "true"}).json()
    number = client.get(f"{API}systemusers/$count").text
    user = client.get(f"{API}WhoAmI").json()["UserId"]
    expand = {"$select": "fullname", "$expand": "systemuserroles_association($select=name)"}
    one = client.get(f"{API}systemusers({user})", params=expand).json()
    roles = client.get(f"{API}systemusers({user})/systemuserroles_association").json()["value"]

    assert ["Workflow", "Sync User"] == [row["fullname"] for row in answer["value"]]
    assert {"systemuserid", "fullname", "nickname"} == set(answer["value"][0])
    assert int(number) == answer["@odata.count"] > 2
    assert [role["name"] for role in roles] == [
        role["name"] for role in one["systemuserroles_association"]
    ]
    assert "domainname" not in one


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (f"systemusers({KEY})", 404),
        (f"systemusers({KEY})?$select=fullname", 404),
        ("systemusers?$top=x", 400),
        ("systemusers?$filter=fullname eq nonsense", 400),
        ("organizations(ORG)/nonsense", 404),
    ],
)
def test_users_that_make_no_sense_are_refused(
    client: httpx.Client, address: str, expected: int
) -> None:
    """As rows are."""
    organization = client.get(f"{API}WhoAmI").json()["OrganizationId"]

    assert expected == client.get(f"{API}{address.replace('ORG', organization)}").status_code


def test_values_are_told_with_their_labels(emulator: Emulator, client: httpx.Client) -> None:
    """Labels, dates, the names of what lookups point at; all of them, or those asked for."""
    account(emulator)
    contact = employee(client, preferredcontactmethodcode=2, birthdate="1980-05-02", donotfax=True)
    moment = "mkt_lastinterestingmomentdate"
    columns = f"{moment},preferredcontactmethodcode,birthdate,_parentcustomerid_value,annualincome"
    columns = f"{columns},donotfax,versionnumber"
    all_of_it = {"Prefer": 'odata.include-annotations="*"'}
    client.patch(contact, json={"annualincome": 1234.5, moment: "2026-01-05T21:07:00Z"})
    answer = client.get(contact, params={"$select": columns}, headers=all_of_it)
    told = answer.json()
    formatted = "OData.Community.Display.V1.FormattedValue"
    crm = "Microsoft.Dynamics.CRM"
    lookup = "_parentcustomerid_value"

    assert all_of_it["Prefer"] == answer.headers["Preference-Applied"]
    assert "Email" == told[f"preferredcontactmethodcode@{formatted}"]
    assert "5/2/1980" == told[f"birthdate@{formatted}"]
    assert "1/5/2026 9:07 PM" == told[f"{moment}@{formatted}"]
    assert "$1,234.50" == told[f"annualincome@{formatted}"]
    assert "Yes" == told[f"donotfax@{formatted}"]
    assert f"{told['versionnumber']:,}" == told[f"versionnumber@{formatted}"]
    assert ("Contoso", "parentcustomerid_account", "account") == (
        told[f"{lookup}@{formatted}"],
        told[f"{lookup}@{crm}.associatednavigationproperty"],
        told[f"{lookup}@{crm}.lookuplogicalname"],
    )
    some = {"Prefer": f'odata.include-annotations="{crm}.*"'}
    names = set(client.get(contact, params={"$select": columns}, headers=some).json())
    assert f"{lookup}@{crm}.lookuplogicalname" in names
    assert not {name for name in names if name.endswith(formatted)}


def test_one_property_is_read_by_itself(emulator: Emulator, client: httpx.Client) -> None:
    """A value, a raw value, the row that a lookup points at, or only where that is."""
    account(emulator)
    contact = employee(client, donotemail=True)
    value = client.get(f"{contact}/lastname").json()
    company = client.get(f"{contact}/parentcustomerid_account", params={"$select": "name"}).json()
    place = client.get(f"{contact}/parentcustomerid_account/$ref").json()

    assert ("Kay", True) == (value["value"], value["@odata.context"].endswith(")/lastname"))
    assert "true" == client.get(f"{contact}/donotemail/$value").text
    assert ("Contoso", OTHER) == (company["name"], company["accountid"])
    assert place["@odata.id"].endswith(f"accounts({OTHER})")
    assert "Sync User" == client.get(f"{contact}/ownerid").json()["fullname"]
    assert 204 == client.get(f"{contact}/parentcustomerid_contact").status_code
    assert 204 == client.get(f"{contact}/parentcustomerid_contact/$ref").status_code
    assert 204 == client.get(f"{contact}/jobtitle/$value").status_code
    assert 400 == client.get(f"{contact}/lastname/$ref").status_code
    assert 400 == client.get(f"{contact}/nonsense").status_code


def test_nobody_acts_for_another_user(client: httpx.Client) -> None:
    """501, and not the caller's own view of things; naming oneself is nothing."""
    user = client.get(f"{API}WhoAmI").json()["UserId"]

    assert 200 == client.get(LEADS, headers={"MSCRMCallerID": user}).status_code
    for name in ("MSCRMCallerID", "CallerObjectId"):
        assert 501 == client.get(LEADS, headers={name: KEY}).status_code


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
    for name in ("fetchXml", "savedQuery", "sql", "$apply"):
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


def test_delta_token_of_no_day_is_refused(client: httpx.Client) -> None:
    """400, as for any other that nobody gave."""
    asked = {"$deltatoken": "1!99/99/2026 00:00:00"}

    assert (400, "0x80040203") == refusal(client.get(LEADS, params=asked))


def test_changes_are_counted(emulator: Emulator, client: httpx.Client) -> None:
    """With `/$count`, a delta link says how many there were since."""
    made(emulator)
    tracked = client.get(LEADS, headers={"Prefer": "odata.track-changes"}).json()
    link = tracked["@odata.deltaLink"].replace("/leads?", "/leads/$count?")
    assert "0" == client.get(link).text
    client.patch(LEAD, json={"lastname": "Low"})
    client.post(LEADS, json={"lastname": "Kay"})

    assert "2" == client.get(link).text


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


def test_batch_without_a_request_is_refused(client: httpx.Client) -> None:
    """It is no batch that holds nothing."""
    head = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = client.post(f"{API}$batch", content=b"nonsense", headers=head)

    assert (400, "0x80048d19") == refusal(answer)


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


def test_options_are_read_by_themselves(client: httpx.Client) -> None:
    """The option set of one column, behind its cast or without it."""
    column = "EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='statuscode')"
    cast = "Microsoft.Dynamics.CRM.StatusAttributeMetadata"
    asked = {"$select": "Options"}
    behind = client.get(f"{API}{column}/{cast}/OptionSet", params=asked).json()

    assert [1, 2] == [option["Value"] for option in behind["Options"]]
    assert "Name" not in behind
    assert 404 == client.get(f"{API}{column}/nonsense").status_code


def test_rows_are_called_by_their_full_names(client: httpx.Client) -> None:
    """The primary name of a person is the full one, where the table has it."""
    definition = client.get(f"{API}EntityDefinitions(LogicalName='contact')").json()

    assert "fullname" == definition["PrimaryNameAttribute"]


def test_many_are_updated_by_their_addresses(emulator: Emulator, client: httpx.Client) -> None:
    """`UpdateMultiple` takes `@odata.id` in the place of the id."""
    made(emulator)
    kind = "Microsoft.Dynamics.CRM.lead"
    row = {"@odata.type": kind, "@odata.id": f"leads({KEY})", "fax": "1"}
    message = f"{LEADS}/Microsoft.Dynamics.CRM.UpdateMultiple"

    assert 204 == client.post(message, json={"Targets": [row]}).status_code
    assert "1" == client.get(LEAD).json()["fax"]
    gone, torn = ({**row, "@odata.id": f"leads({key}"} for key in (f"{OTHER})", ""))
    assert (404, "0x80040217") == refusal(client.post(message, json={"Targets": [gone]}))
    assert (400, "0x80040203") == refusal(client.post(message, json={"Targets": [torn]}))
