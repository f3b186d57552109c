"""A client of Marketo's that others wrote, marketorestpython, talks to the emulator."""

# The client has no types, and what is inferred of it says that every answer may be None.
# pyright: reportGeneralTypeIssues=false, reportOptionalIterable=false
# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false
# pyright: reportArgumentType=false

from __future__ import annotations

import csv
import io
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, Emulator, emulate
from dynsync.records import RecordId

with warnings.catch_warnings():
    # Theirs are not ours to mend.
    warnings.simplefilter("ignore")
    from marketorestpython.client import MarketoClient
    from marketorestpython.helper import http_lib

pytestmark = pytest.mark.filterwarnings("ignore")

SINCE = "2026-01-01T00:00:00Z"


class Unhurried:
    """Stands for the module `time` in the client, which rests between its calls."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def time(self) -> float:
        """Return a later time at every call."""
        return float(next(self._ticks))

    def sleep(self, seconds: float) -> None:
        """Do not."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator of one test."""
    with emulate() as running:
        yield running


@pytest.fixture
def client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> MarketoClient:
    """The client, pointed at the emulator."""
    monkeypatch.setattr(http_lib, "time", Unhurried())
    made = MarketoClient("123-ABC-456", CLIENT_ID, CLIENT_SECRET, max_retry_time=5)
    made.host = emulator.url
    return made


def person(emulator: Emulator, id_: int) -> dict[str, object]:
    """Return what the system holds of a person."""
    values = emulator.marketo.person(RecordId(str(id_)))
    assert values is not None
    return dict(values)


def test_describe_tells_every_column(client: MarketoClient) -> None:
    """Both descriptions name the same columns, with their lengths and rights."""
    first = {each["rest"]["name"]: each for each in client.execute(method="describe")}
    (second,) = client.execute(method="describe2")
    fields = {each["name"]: each for each in second["fields"]}

    assert first.keys() == fields.keys()
    assert 255 == first["email"]["length"]
    assert first["createdAt"]["rest"]["readOnly"]
    assert not fields["createdAt"]["updateable"]
    assert ["email"] in second["searchableFields"]


def test_people_are_made_changed_and_read(emulator: Emulator, client: MarketoClient) -> None:
    """What the client writes is what the system holds, and what the client reads."""
    rows = client.execute(
        method="create_update_leads",
        leads=[{"email": "a@example.com", "firstName": "A"}, {"email": "nonsense"}],
        lookupField="email",
        action="createOnly",
    )
    assert ["created", "skipped"] == [row["status"] for row in rows]
    assert "1003" == rows[1]["reasons"][0]["code"]
    id_ = rows[0]["id"]

    client.execute(
        method="create_update_leads",
        leads=[{"id": id_, "firstName": None, "unsubscribed": True}],
        lookupField="id",
        action="updateOnly",
    )
    held = person(emulator, id_)
    assert (None, True) == (held["firstName"], held["unsubscribed"])

    found = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=["A@EXAMPLE.COM", "b@example.com"],
        fields=["email", "firstName", "unsubscribed"],
    )
    assert [{"id": id_, "email": "a@example.com", "firstName": None, "unsubscribed": True}] == found
    assert found == client.execute(
        method="get_lead_by_id", id=id_, fields=["email", "firstName", "unsubscribed"]
    )


def test_changes_are_followed(emulator: Emulator, client: MarketoClient) -> None:
    """The feed tells who is new, and what each edit replaced."""
    id_ = emulator.marketo.create_person({"email": "a@example.com", "lastName": "Lee"})
    emulator.marketo.edit(id_, {"lastName": "Kay"})

    rows = client.execute(
        method="get_lead_changes", fields=["lastName"], sinceDatetime=SINCE, batchSize=1
    )

    assert [12, 13] == [row["activityTypeId"] for row in rows]
    field = rows[1]["fields"][0]
    assert ("lastName", "Lee", "Kay") == (field["name"], field["oldValue"], field["newValue"])


def test_merged_and_deleted_people_are_told(emulator: Emulator, client: MarketoClient) -> None:
    """A merge and a delete by the client happen, and both are in the feed."""
    ids = [
        int(emulator.marketo.create_person({"email": f"{n}@example.com", "fax": n})) for n in "abc"
    ]

    assert client.execute(method="merge_lead", id=ids[0], leadIds=[ids[1]])
    assert "deleted" == client.execute(method="delete_lead", id=[ids[2]])[0]["status"]

    assert [str(ids[0])] == [id_ for id_, _ in emulator.marketo.people()]
    gone = client.execute(method="get_deleted_leads", sinceDatetime=SINCE)
    assert ids[1:] == [row["primaryAttributeValueId"] for row in gone]
    (merge,) = client.execute(
        method="get_lead_activities", activityTypeIds=["32"], sinceDatetime=SINCE
    )
    told = {each["name"]: each["value"] for each in merge["attributes"]}
    assert (ids[0], str(ids[1])) == (merge["leadId"], told["Merge IDs"])


def test_custom_activities_are_logged(emulator: Emulator, client: MarketoClient) -> None:
    """A type is made and approved once; its activities are in the person's log and the feed."""
    id_ = emulator.marketo.create_person({"email": "a@example.com"})
    (made,) = client.execute(
        method="create_custom_activity_type",
        apiName="sync_log",
        name="Sync Log",
        triggerName="logs a sync",
        filterName="logged a sync",
        primaryAttributeApiName="key",
        primaryAttributeName="Key",
    )
    client.execute(
        method="create_custom_activity_type_attribute",
        apiName="sync_log",
        attributes=[{"apiName": "text", "name": "Text", "dataType": "text"}],
    )
    client.execute(method="approve_custom_activity_type", apiName="sync_log")
    row = {
        "leadId": int(id_),
        "activityDate": "2026-01-05T09:00:00Z",
        "activityTypeId": made["id"],
        "primaryAttributeValue": "k1",
        "attributes": [{"name": "Text", "value": "refused"}],
    }
    added = client.execute(method="add_custom_activities", input=[row, {**row, "leadId": 99}])

    assert ["added", "skipped"] == [each["status"] for each in added]
    (line,) = emulator.marketo.activity_log(id_)
    assert ("k1", "refused") == (line.key, line.text)
    (seen,) = client.execute(
        method="get_lead_activities", activityTypeIds=[str(made["id"])], sinceDatetime=SINCE
    )
    assert ("k1", "refused") == (seen["primaryAttributeValue"], seen["attributes"][0]["value"])
    types = client.execute(method="get_activity_types")
    assert {12, 13, 32, 37, made["id"]} <= {each["id"] for each in types}


def test_everybody_is_extracted(emulator: Emulator, client: MarketoClient) -> None:
    """A bulk extract is created, queued, polled and read; what is empty reads null."""
    for n in "ab":
        emulator.marketo.create_person({"email": f"{n}@example.com", "lastName": f"{n}, the one"})
    span = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}
    (job,) = client.execute(
        method="create_leads_export_job",
        fields=["id", "email", "lastName", "fax"],
        filters={"createdAt": span},
    )
    client.execute(method="enqueue_leads_export_job", job_id=job["exportId"])
    emulator.clock.advance(60)

    (status,) = client.execute(method="get_leads_export_job_status", job_id=job["exportId"])
    assert ("Completed", 2) == (status["status"], status["numberOfRecords"])
    data = client.execute(method="get_leads_export_job_file", job_id=job["exportId"])
    assert [
        ["id", "email", "lastName", "fax"],
        ["1", "a@example.com", "a, the one", "null"],
        ["2", "b@example.com", "b, the one", "null"],
    ] == list(csv.reader(io.StringIO(data.decode())))


def test_people_are_imported(emulator: Emulator, client: MarketoClient, tmp_path: Path) -> None:
    """A file is taken in; the rows that fail come back with the reason."""
    file = tmp_path / "people.csv"
    file.write_text("email,firstName,leadScore\na@example.com,Ä,7\nnonsense,B,8\n", "utf-8")

    (batch,) = client.execute(method="import_lead", file=str(file), format="csv")
    emulator.clock.advance(60)
    (status,) = client.execute(method="get_import_lead_status", id=batch["batchId"])

    assert ("Complete", 1, 1) == (
        status["status"],
        status["numOfLeadsProcessed"],
        status["numOfRowsFailed"],
    )
    ((_, values),) = emulator.marketo.people()
    assert ("Ä", 7) == (values["firstName"], values["leadScore"])
    failures = client.execute(method="get_import_failure_file", id=batch["batchId"])
    assert failures.startswith("email,firstName,leadScore,Import Failure Reason\nnonsense,B,8,")


def test_usage_and_errors_are_counted(client: MarketoClient) -> None:
    """Every call counts against the day's quota, and every error is told."""
    client.execute(method="describe")
    with pytest.raises(Exception, match="not found"):
        client.execute(
            method="get_multiple_leads_by_filter_type",
            filterType="email",
            filterValues=["a@example.com"],
            fields=["nonsense"],
        )

    (errors,) = client.execute(method="get_daily_errors")
    (usage,) = client.execute(method="get_daily_usage")
    assert [{"errorCode": "1006", "count": 1}] == errors["errors"]
    assert 4 == usage["total"]
    assert 7 == len(client.execute(method="get_last_7_days_usage"))


def test_expired_token_is_renewed(emulator: Emulator, client: MarketoClient) -> None:
    """A token that has run out is told as 602, and the client gets itself another."""
    emulator.marketo_api.tokens.lifetime = 30
    client.execute(method="describe")
    emulator.clock.advance(31)

    assert client.execute(method="describe")
    assert 2 == emulator.troubles.seen["GET /identity/oauth/token"]
