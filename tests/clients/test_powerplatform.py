"""Microsoft's own client for Dataverse talks to the emulator: unmodified, over TLS."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Emulator, emulate
from dynsync.records import RecordId

with warnings.catch_warnings():
    # Theirs are not ours to mend.
    warnings.simplefilter("ignore")
    from azure.identity import ClientSecretCredential
    from PowerPlatform.Dataverse.client import DataverseClient
    from PowerPlatform.Dataverse.core.errors import HttpError
    from PowerPlatform.Dataverse.models.upsert import UpsertItem

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """One emulator for all tests here: a certificate takes longer than a request."""
    with emulate(scheme="https") as emulator:
        emulator.dynamics.add_key("lead", "mkto_key", "subject")
        yield emulator


@pytest.fixture
def org(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, empty, and trusted by what speaks TLS in this test."""
    for table in ("lead", "contact"):
        for id_ in running.dynamics.rows(table):
            running.dynamics.delete(table, id_)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(running.authority))
    return running


@pytest.fixture
def client(org: Emulator) -> Iterator[DataverseClient]:
    """Microsoft's client with a token of azure-identity's."""
    credential = ClientSecretCredential(
        TENANT,
        CLIENT_ID,
        CLIENT_SECRET,
        authority=org.url,
        disable_instance_discovery=True,
    )
    with DataverseClient(org.url, credential) as made:
        yield made


def names(org: Emulator) -> list[str]:
    """Return the last names of all leads."""
    return sorted(str(row["lastname"]) for row in org.dynamics.rows("lead").values())


def test_row_is_created_read_changed_and_deleted(org: Emulator, client: DataverseClient) -> None:
    """What the client does to one row is what the org holds afterwards."""
    key = client.records.create("lead", {"lastname": "Lee", "revenue": 12.5, "leadqualitycode": 1})
    row = org.dynamics.row("lead", RecordId(key))
    assert row is not None
    assert ("Lee", 12.5, 1) == (row["lastname"], row["revenue"], row["leadqualitycode"])

    client.records.update("lead", key, {"lastname": "Kay", "donotphone": True})
    found = client.records.retrieve("lead", key, select=["lastname", "donotphone", "fax"])
    assert found is not None
    assert ("Kay", True, None) == (found["lastname"], found["donotphone"], found["fax"])

    client.records.delete("lead", key)
    assert client.records.retrieve("lead", key) is None
    assert 0 == org.dynamics.count("lead")


def test_choice_is_written_by_its_label(org: Emulator, client: DataverseClient) -> None:
    """The client looks up what a label means before it writes, and finds it."""
    key = client.records.create("lead", {"lastname": "Lee", "leadqualitycode": "Warm"})

    row = org.dynamics.row("lead", RecordId(key))
    assert row is not None
    assert 2 == row["leadqualitycode"]


def test_rows_are_upserted_by_an_alternate_key(org: Emulator, client: DataverseClient) -> None:
    """One by the URL, several by the bulk message: the key says which row is meant."""
    client.records.upsert("lead", [UpsertItem({"subject": "7"}, {"lastname": "Lee"})])
    client.records.upsert(
        "lead",
        [
            UpsertItem({"subject": "7"}, {"lastname": "Kay"}),
            UpsertItem({"subject": "8"}, {"lastname": "Ray"}),
        ],
    )

    assert ["Kay", "Ray"] == names(org)


def test_rows_are_read_page_by_page(org: Emulator, client: DataverseClient) -> None:
    """A filter, an order, a page size: every row once."""
    org.dynamics.create_all("lead", [{"lastname": f"L{n}", "fax": "x"} for n in range(5)])
    org.dynamics.create("lead", {"lastname": "other"})

    pages = client.records.list_pages(
        "lead", select=["lastname"], filter="fax eq 'X'", orderby=["lastname desc"], page_size=2
    )

    found = [[row["lastname"] for row in page] for page in pages]
    assert [["L4", "L3"], ["L2", "L1"], ["L0"]] == found


def test_bulk_messages_apply_all_or_nothing(org: Emulator, client: DataverseClient) -> None:
    """Of many rows that are created together, one that is refused keeps out all."""
    keys = client.records.create("lead", [{"lastname": "A"}, {"lastname": "B"}])
    client.records.update("lead", keys, [{"lastname": "C"}, {"lastname": "D"}])
    assert ["C", "D"] == names(org)

    with pytest.raises(HttpError) as refused:
        client.records.create("lead", [{"lastname": "E"}, {"lastname": "F" * 51}])

    assert "0x80044331" == refused.value.details["service_error_code"]
    assert ["C", "D"] == names(org)
    assert client.records.delete("lead", keys) is not None
    assert [] == names(org)


def test_batch_tells_of_each_part(org: Emulator, client: DataverseClient) -> None:
    """With continue-on-error a refused part stops no other."""
    batch = client.batch.new()
    batch.records.create("lead", {"lastname": "A"})
    batch.records.create("lead", {"lastname": "B" * 51})
    batch.records.create("contact", {"lastname": "C"})

    result = batch.execute(continue_on_error=True)

    assert [204, 400, 204] == [each.status_code for each in result.responses]
    assert ["A"] == names(org)
    assert 1 == org.dynamics.count("contact")


def test_change_set_is_applied_together(org: Emulator, client: DataverseClient) -> None:
    """A part of a change set may name what an earlier one made; a failure undoes all of it."""
    batch = client.batch.new()
    with batch.changeset() as changes:
        made = changes.records.create("lead", {"lastname": "A"})
        changes.records.update("lead", made, {"lastname": "B"})
    batch.execute()
    assert ["B"] == names(org)

    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("lead", {"lastname": "C"})
        changes.records.create("lead", {"lastname": "D" * 51})
    result = batch.execute(continue_on_error=True)

    assert result.has_errors
    assert ["B"] == names(org)


def test_metadata_tells_tables_columns_and_keys(client: DataverseClient) -> None:
    """The client finds the tables, the columns with their bounds, and the alternate keys."""
    table = client.tables.get("lead")
    assert table is not None
    assert "leads" == table["entity_set_name"]
    assert {"lead", "contact"} <= {each["LogicalName"] for each in client.tables.list()}

    columns = {each["LogicalName"]: each for each in client.tables.list_columns("lead")}
    assert "String" == columns["lastname"]["AttributeType"]
    assert 50 == columns["lastname"]["MaxLength"]
    (key,) = client.tables.get_alternate_keys("lead")
    assert ["subject"] == key.key_attributes


def test_wrong_secret_is_told(org: Emulator) -> None:
    """azure-identity says whose fault it is."""
    credential = ClientSecretCredential(
        TENANT, CLIENT_ID, "wrong", authority=org.url, disable_instance_discovery=True
    )

    with (
        DataverseClient(org.url, credential) as client,
        pytest.raises(Exception, match="AADSTS7000215"),
    ):
        client.records.list("lead")
