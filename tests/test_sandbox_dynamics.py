"""What the Dynamics sandbox does as Dataverse does it."""

from __future__ import annotations

import datetime as dt
import stat
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

import attrs
import pytest

from dynsync.connectors import DynamicsConnector
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    ContractError,
    CursorExpired,
    Refused,
    SchemaChanged,
    Throttled,
)
from dynsync.records import Change, Cursor, Record, RecordId, Tombstone, Version, Wire
from dynsync.sandbox._clock import SandboxClock
from dynsync.sandbox._dynamics import SandboxDynamics
from dynsync.sandbox._dynamics_checks import BusinessRule, Denied
from dynsync.sandbox._dynamics_columns import CONTACT_COLUMNS, LEAD_COLUMNS
from dynsync.sandbox._dynamics_connector import SandboxDynamicsConnector
from dynsync.sandbox._dynamics_tables import AUTOMATION, PERSON, SYNC_USER
from dynsync.sandbox._faults import Fault, FaultKind, SimulatedCrash
from dynsync.sandbox._limits import NO_LIMITS, Limits
from dynsync.schemas import FULL_ACCESS, Access, Column
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

KEY: Final = RecordId("0a0a0a0a-0000-4000-8000-00000000000a")
OTHER: Final = RecordId("0b0b0b0b-0000-4000-8000-00000000000b")
PRIVATE: Final = "Montgomery-Featherstonehaugh"


@pytest.fixture
def clock() -> SandboxClock:
    """Pretend time."""
    return SandboxClock()


@pytest.fixture
def org(clock: SandboxClock) -> Iterator[SandboxDynamics]:
    """An empty org in memory."""
    with SandboxDynamics(clock=clock) as system:
        yield system


@pytest.fixture
def connector(org: SandboxDynamics) -> SandboxDynamicsConnector:
    """The sync user's way in."""
    return org.connector()


def one(connector: SandboxDynamicsConnector, write: Write, table: str = "lead") -> WriteResult:
    """Return what comes of a single *write*."""
    [result] = connector.write(table, [write])
    return result


def update(connector: SandboxDynamicsConnector, id_: RecordId, **values: Wire) -> WriteResult:
    """Return what comes of setting *values* of a lead."""
    return one(connector, Update(id_, values))


def reason(result: WriteResult) -> Reason:
    """Return the one reason of a refusal."""
    assert isinstance(result, Rejected), result
    [only] = result.reasons
    return only


def refusal(result: WriteResult) -> tuple[str, str | None]:
    """Return the code and the field of a refusal."""
    only = reason(result)
    return only.code, only.field


def told(result: WriteResult) -> Mapping[str, Wire]:
    """Return the representation that came with *result*."""
    assert isinstance(result, Created | Updated), result
    assert result.values is not None
    return result.values


def drain(
    connector: SandboxDynamicsConnector,
    cursor: Cursor | None = None,
    fields: Sequence[str] = ("lastname",),
) -> tuple[list[Change], Cursor]:
    """Read pages of leads until there are no more."""
    changes: list[Change] = []
    while True:
        page = connector.read("lead", fields, cursor)
        changes += page.changes
        cursor = page.cursor
        if not page.more:
            return changes, cursor


def ids(changes: Sequence[Change]) -> list[RecordId]:
    """Return the ids of *changes*."""
    return [change.id for change in changes]


# -- the outside


def test_satisfies_the_protocol(connector: SandboxDynamicsConnector) -> None:
    """The connector is a `DynamicsConnector` with the Web API's capabilities."""
    checked: DynamicsConnector = connector

    assert isinstance(checked, DynamicsConnector)
    assert checked.capabilities.conditional_writes
    assert checked.capabilities.reports_deletes
    assert 1_000 == checked.capabilities.batch
    assert "https://sandbox-dynamics.crm.dynamics.com" == checked.identity()
    assert checked.sync_user() == SYNC_USER


def test_default_columns_cover_the_default_mapping() -> None:
    """The columns are those of the reference, with the lengths that matter most."""
    lead = {column.name: column for column in LEAD_COLUMNS}
    contact = {column.name: column for column in CONTACT_COLUMNS}

    assert (20, 50) == (lead["mobilephone"].length, contact["mobilephone"].length)
    assert (300, 100, 50) == tuple(lead[n].length for n in ("subject", "companyname", "lastname"))
    assert Decimal(10**14) == lead["revenue"].maximum
    assert {"fax", "leadsourcecode", "leadqualitycode", "subject", "companyname", "revenue"} <= (
        lead.keys() - contact.keys()
    )
    assert {"mkt_leadscore", "parentcustomerid", "birthdate"} <= contact.keys() - lead.keys()
    assert Access.READ == lead["createdon"].access == lead["versionnumber"].access
    assert [0, 0, 1, 2, 2, 2, 2] == [option.state for option in lead["statuscode"].options]


def test_calls_are_counted(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """Each call of the connector counts one; what people do counts nothing."""
    org.create("lead", {"lastname": "Ek"})
    connector.describe("lead")
    connector.write("lead", [Create(KEY, {}), Create(OTHER, {})])
    connector.read("lead", [], None)

    assert {"describe": 1, "write": 1, "read": 1} == dict(org.calls)


# -- writing


def test_create_takes_the_key_as_id(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A client-made GUID becomes the id, in lower case, and the whole row is told."""
    result = one(connector, Create(RecordId(KEY.upper()), {"lastname": "Ek"}))

    assert isinstance(result, Created)
    assert result.id == KEY
    assert set(told(result)) == {column.name for column in LEAD_COLUMNS}
    assert ("Ek", None, KEY) == tuple(told(result)[n] for n in ("lastname", "fax", "leadid"))
    assert told(result) == org.row("lead", KEY)


def test_create_fills_in_what_the_system_knows(connector: SandboxDynamicsConnector) -> None:
    """A new row is open, owned by its maker, and its two-option columns are false."""
    values = told(one(connector, Create(KEY, {})))

    assert (0, 1) == (values["statecode"], values["statuscode"])
    assert SYNC_USER == values["ownerid"] == values["modifiedby"]
    assert values["donotphone"] is False
    assert "2026-01-05T09:00:00Z" == values["createdon"] == values["modifiedon"]


@pytest.mark.parametrize("key", [KEY, KEY.upper()])
def test_create_twice_is_a_duplicate_key(connector: SandboxDynamicsConnector, key: str) -> None:
    """The second create with a key makes nothing, whoever made the first."""
    one(connector, Create(KEY, {"lastname": "Ek"}))

    assert ("duplicate_key", None) == refusal(one(connector, Create(RecordId(key), {})))


def test_key_that_is_no_guid_is_rejected(connector: SandboxDynamicsConnector) -> None:
    """An id must be a GUID, and there are no alternate keys."""
    assert ("0x80048d19", "leadid") == refusal(one(connector, Create(RecordId("7"), {})))
    upsert = Create(KEY, {"subject": "7"}, key_field="subject")
    assert ("0x80060890", "subject") == refusal(one(connector, upsert))


def test_deleted_id_can_be_made_again(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A key is free again once its row is deleted."""
    one(connector, Create(KEY, {}))
    org.delete("lead", KEY)

    assert isinstance(one(connector, Create(KEY, {})), Created)


def test_update_sets_only_what_it_names(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Columns that are not written stay; None clears."""
    lead = org.create("lead", {"lastname": "Ek", "fax": "1", "jobtitle": "Smith"})
    values = told(update(connector, lead, fax=None, jobtitle="Cook"))

    assert ("Ek", None, "Cook") == tuple(values[n] for n in ("lastname", "fax", "jobtitle"))


def test_every_update_raises_the_version(
    org: SandboxDynamics, connector: SandboxDynamicsConnector, clock: SandboxClock
) -> None:
    """An update that changes nothing moves version, time and author all the same."""
    lead = org.create("lead", {"lastname": "Ek"})
    [before] = connector.fetch("lead", [lead], ["versionnumber"])
    clock.advance(60)
    result = update(connector, lead, lastname="Ek")

    assert isinstance(result, Updated)
    assert result.version != before.version
    assert ("2026-01-05T09:01:00Z", SYNC_USER) == (
        told(result)["modifiedon"],
        told(result)["modifiedby"],
    )
    assert Version(f'W/"{told(result)["versionnumber"]}"') == result.version


def test_versions_rise_over_all_tables(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """There is one version counter for the whole org."""
    lead = org.create("lead", {})
    contact = org.create("contact", {})
    [first] = connector.fetch("lead", [lead], [])
    [second] = connector.fetch("contact", [contact], [])

    assert ('W/"1"', 'W/"2"') == (first.version, second.version)


def test_stale_update_is_refused(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """An update that expects another version applies nothing."""
    lead = org.create("lead", {"lastname": "Ek"})
    [seen] = connector.fetch("lead", [lead], [])
    org.edit("lead", lead, {"lastname": "Alm"})
    stale = one(connector, Update(lead, {"lastname": "Berg"}, expect=seen.version))
    [seen] = connector.fetch("lead", [lead], ["lastname"])
    fresh = one(connector, Update(lead, {"lastname": "Berg"}, expect=seen.version))

    assert Stale() == stale
    assert "Alm" == seen.values["lastname"]
    assert isinstance(fresh, Updated)


def test_update_of_a_missing_row_is_gone(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """There is no upsert: what was deleted or never existed is gone."""
    lead = org.create("lead", {})
    org.delete("lead", lead)

    assert [Gone()] * 3 == [update(connector, i) for i in (lead, KEY, RecordId("7"))]


def test_each_write_stands_alone(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A refused write keeps none of its neighbours from being applied, in order."""
    writes: list[Write] = [
        Create(KEY, {"lastname": "Ek"}),
        Create(OTHER, {"lastname": "x" * 51}),
        Update(KEY, {"lastname": "Alm"}),
    ]
    kinds = [type(result) for result in connector.write("lead", writes)]

    assert [Created, Rejected, Updated] == kinds
    assert 1 == org.count("lead")
    row = org.row("lead", KEY)
    assert row is not None
    assert "Alm" == row["lastname"]


def test_batch_has_a_limit(connector: SandboxDynamicsConnector) -> None:
    """More than 1,000 writes, or 500 ids or values, are a caller's mistake."""
    with pytest.raises(ContractError):
        connector.write("lead", [Update(KEY, {})] * 1_001)
    with pytest.raises(ContractError):
        connector.fetch("lead", [KEY] * 501, [])
    with pytest.raises(ContractError):
        connector.find("lead", "lastname", [str(n) for n in range(501)], [])


def test_read_only_columns_are_passed_over(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """What nobody may write is ignored without a word, as Dataverse does, but counted."""
    lead = org.create("lead", {})
    values = told(update(connector, lead, createdon="2001-01-01T00:00:00Z", fax="1"))

    assert ("2026-01-05T09:00:00Z", "1") == (values["createdon"], values["fax"])
    assert {"createdon": 1} == dict(org.ignored)


def test_values_are_not_shared(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """What was passed in or handed out can be changed without changing the org."""
    given: dict[str, Wire] = {"lastname": "Ek"}
    lead = org.create("lead", given)
    taken = org.row("lead", lead)
    assert taken is not None
    taken["lastname"] = given["lastname"] = "Alm"
    [seen] = connector.fetch("lead", [lead], ["lastname"])

    assert "Ek" == seen.values["lastname"]


# -- checks


@pytest.mark.parametrize(
    "case",
    [
        ("0x80044331", "lastname", {"lastname": PRIVATE * 2}),
        ("0x8004432F", "numberofemployees", {"numberofemployees": 1_000_001}),
        ("0x8004432F", "mkt_priority", {"mkt_priority": -1}),
        ("0x80044330", "revenue", {"revenue": -0.01}),
        ("0x80044330", "new_discount", {"new_discount": 100.5}),
        ("0x8004431A", "leadsourcecode", {"leadsourcecode": 11}),
        ("0x8004431A", "new_interests", {"new_interests": "1,4"}),
        ("0x80048408", "statuscode", {"statuscode": 3}),
        ("0x80048408", "statuscode", {"statecode": 2, "statuscode": 1}),
        ("0x80040239", None, {"estimatedclosedate": "1752-12-31"}),
        ("0x80040239", None, {"mkt_lastinterestingmomentdate": "1752-12-31T23:59:59Z"}),
        ("0x80040239", None, {"mkt_lastinterestingmomentdate": "9999-12-31T23:59:59-01:00"}),
        ("0x80048d19", "nosuch", {"nosuch": PRIVATE}),
        ("0x80048d19", "lastname", {"lastname": "\ud800"}),
        ("0x80044354", "lastname", {"lastname": 1}),
        ("0x80044354", "numberofemployees", {"numberofemployees": True}),
        ("0x80044354", "numberofemployees", {"numberofemployees": 1.5}),
        ("0x80044354", "revenue", {"revenue": PRIVATE}),
        ("0x80044354", "revenue", {"revenue": float("nan")}),
        ("0x80044354", "donotphone", {"donotphone": 1}),
        ("0x80044354", "leadsourcecode", {"leadsourcecode": PRIVATE}),
        ("0x80044354", "new_interests", {"new_interests": PRIVATE}),
        ("0x80044354", "new_interests", {"new_interests": 1}),
        ("0x80044354", "estimatedclosedate", {"estimatedclosedate": "2026-01-05T00:00:00Z"}),
        ("0x80044354", "estimatedclosedate", {"estimatedclosedate": "2026-02-30"}),
        ("0x80044354", "new_appointment", {"new_appointment": "2026-01-05"}),
        ("0x80044354", "new_appointment", {"new_appointment": "2026-01-05T25:00:00Z"}),
        ("0x80044354", "ownerid", {"ownerid": PRIVATE}),
        ("0x80040203", "statecode", {"statecode": None}),
        ("0x80040203", "ownerid", {"ownerid": None}),
    ],
)
@pytest.mark.parametrize("verb", ["create", "update"])
def test_value_that_does_not_fit_is_rejected(
    org: SandboxDynamics,
    connector: SandboxDynamicsConnector,
    verb: str,
    case: tuple[str, str | None, dict[str, Wire]],
) -> None:
    """Each check has Dataverse's code, names the field where Dataverse does, and no value."""
    code, field, values = case
    lead = org.create("lead", {"lastname": "Ek"})
    write = Create(KEY, values) if verb == "create" else Update(lead, values)
    before = org.rows("lead")
    result = one(connector, write)

    assert (code, field) == refusal(result)
    assert PRIVATE not in repr(result)
    assert before == org.rows("lead")


def test_first_failing_check_is_the_only_reason(connector: SandboxDynamicsConnector) -> None:
    """A row that fails two checks is refused for the first, in the order of its values."""
    result = one(connector, Create(KEY, {"fax": "x" * 51, "lastname": "x" * 51}))

    assert ("0x80044331", "fax") == refusal(result)


def test_length_counts_characters(connector: SandboxDynamicsConnector) -> None:
    """Fifty characters fit into fifty, however many bytes they have."""
    assert "å" * 50 == told(one(connector, Create(KEY, {"lastname": "å" * 50})))["lastname"]


@pytest.mark.parametrize(
    ("column", "given", "held"),
    [
        ("lastname", "", None),
        ("lastname", " Ek ", " Ek "),
        ("new_interests", "9,1", "1,9"),
        ("new_interests", "", None),
        ("new_discount", 12.345, 12.35),
        ("revenue", 5, 5),
        ("mkt_lastinterestingmomentdate", "2016-09-28T23:14:00.75Z", "2016-09-28T23:14:00Z"),
        ("mkt_lastinterestingmomentdate", "2016-09-28T23:14:00+02:00", "2016-09-28T21:14:00Z"),
        ("mkt_lastinterestingmomentdate", "2016-09-28T23:14:00", "2016-09-28T23:14:00Z"),
        ("new_appointment", "2016-09-28T23:14:00+02:00", "2016-09-28T23:14:00Z"),
        ("estimatedclosedate", "2016-09-28", "2016-09-28"),
        ("ownerid", KEY.upper(), KEY),
        ("donotphone", None, None),
        ("leadsourcecode", 8, 8),
    ],
)
def test_values_are_held_as_dataverse_holds_them(
    connector: SandboxDynamicsConnector, column: str, given: Wire, held: Wire
) -> None:
    """Empty text is null; fractions of a second, offsets and excess decimals are lost."""
    assert held == told(one(connector, Create(KEY, {column: given})))[column]


def test_lookup_is_cleared_with_none(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A lookup holds a GUID as text, or null."""
    contact = org.create("contact", {"parentcustomerid": KEY})
    result = one(connector, Update(contact, {"parentcustomerid": None}), "contact")

    assert told(result)["parentcustomerid"] is None


def test_required_column_is_never_null(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A SystemRequired column must be given when a row is made and cannot be cleared."""
    org.add_column("lead", Column("new_region", "Region", "String", 20, required=True))
    missing = one(connector, Create(KEY, {}))
    made = one(connector, Create(KEY, {"new_region": "North"}))

    assert ("0x80040203", "new_region") == refusal(missing)
    assert isinstance(made, Created)
    assert ("0x80040203", "new_region") == refusal(update(connector, KEY, new_region=None))
    assert ("0x80040203", "new_region") == refusal(update(connector, KEY, new_region=""))
    assert isinstance(update(connector, KEY, fax="1"), Updated)


def test_state_brings_its_status(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A state that is written alone gets its first status; a fitting pair is taken."""
    lead = org.create("lead", {"statuscode": 2})
    alone = told(update(connector, lead, statecode=2))
    pair = told(update(connector, lead, statecode=2, statuscode=5))
    same = told(update(connector, lead, statecode=2))
    back = told(update(connector, lead, statecode=0, statuscode=2))

    assert [4, 5, 5, 2] == [values["statuscode"] for values in (alone, pair, same, back)]


@pytest.mark.parametrize(("table", "state"), [("lead", 1), ("lead", 2), ("contact", 1)])
def test_inactive_row_is_read_only(
    org: SandboxDynamics, connector: SandboxDynamicsConnector, table: str, state: int
) -> None:
    """A row that is not in its first state takes no write until it is reactivated."""
    key = org.create(table, {})
    org.edit(table, key, {"statecode": state})
    refused = one(connector, Update(key, {"lastname": "Ek"}), table)
    reactivated = one(connector, Update(key, {"statecode": 0, "lastname": "Ek"}), table)

    assert ("0x80040230", None) == refusal(refused)
    assert ("Ek", 1) == (told(reactivated)["lastname"], told(reactivated)["statuscode"])


def test_inactive_rows_can_be_made_writable(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """An org may let inactive rows be written."""
    lead = org.create("lead", {})
    org.deactivate("lead", lead)
    org.inactive = "writable"

    assert 2 == told(update(connector, lead, lastname="Ek"))["statecode"]


def test_duplicates_are_allowed_by_default(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Without a rule nobody looks for duplicates (R107)."""
    org.create("lead", {"emailaddress1": "ek@example.com"})

    assert isinstance(one(connector, Create(KEY, {"emailaddress1": "ek@example.com"})), Created)


def test_duplicate_detection_refuses_a_second_row(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """With a rule, even an unrelated update fails where the row has a duplicate already."""
    first = org.create("lead", {"emailaddress1": "ek@example.com"})
    second = org.create("lead", {"emailaddress1": "EK@example.com"})
    org.detect_duplicates("lead", "emailaddress1")
    created = one(connector, Create(KEY, {"emailaddress1": "Ek@Example.com"}))
    updated = update(connector, second, fax="1")
    org.delete("lead", first)

    assert ("0x80040333", None) == refusal(created) == refusal(updated)
    assert isinstance(update(connector, second, fax="1"), Updated)


# -- rules and automations


def test_business_rule_can_refuse(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A rule sees the row before and after, and its message is the reason."""

    def only_forward(before: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if before is not None and before["jobtitle"] and not after["jobtitle"]:
            raise BusinessRule("A job title is never cleared.", "jobtitle")

    org.add_rule("lead", only_forward)
    lead = org.create("lead", {"jobtitle": "Cook"})
    reasons = reason(update(connector, lead, jobtitle=None))

    assert Reason("0x80040265", "A job title is never cleared.", "jobtitle") == reasons
    assert "Smith" == told(update(connector, lead, jobtitle="Smith"))["jobtitle"]


def test_business_rule_can_change_the_row(connector: SandboxDynamicsConnector) -> None:
    """What a rule normalises or sets is in the answer, and is checked like any value."""

    def tidy(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        after["address1_country"] = str(after["address1_country"] or "").upper()
        after["description"] = "tidied"

    connector.system.add_rule("lead", tidy)
    result = one(connector, Create(KEY, {"address1_country": "no"}))
    too_long = update(connector, KEY, address1_country="ß" * 50)

    assert ("NO", "tidied") == (told(result)["address1_country"], told(result)["description"])
    assert ("0x80044331", "address1_country") == refusal(too_long)


def test_automation_runs_after_the_answer(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A workflow's change is made by its own user and told by the feed, not by the answer."""
    org.when_changed("lead", "jobtitle", lambda row: {"description": f"was {row['lastname']}"})
    lead = org.create("lead", {"lastname": "Ek"})
    _, cursor = drain(connector)
    answer = update(connector, lead, jobtitle="Cook")
    [change], _ = drain(connector, cursor, ["description", "modifiedby"])

    assert isinstance(answer, Updated)
    assert isinstance(change, Record)
    assert answer.version != change.version
    assert told(answer)["description"] is None
    assert {"description": "was Ek", "modifiedby": AUTOMATION} == change.values


def test_automation_waits_for_its_column(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A workflow is not set off by other columns, by an equal value, or by another workflow."""
    ran: list[Mapping[str, Wire]] = []

    def count(row: Mapping[str, Wire]) -> Mapping[str, Wire]:
        ran.append(row)
        return {"fax": str(len(ran)), "jobtitle": "Cook"}

    lead = org.create("lead", {"jobtitle": "Cook"})
    org.when_changed("lead", "jobtitle", count, by=SYNC_USER)
    update(connector, lead, lastname="Ek", jobtitle="Cook")
    quiet = len(ran)
    values = told(update(connector, lead, jobtitle="Smith"))
    [seen] = connector.fetch("lead", [lead], ["jobtitle", "fax", "modifiedby"])

    assert (0, 1) == (quiet, len(ran))
    assert "Smith" == values["jobtitle"]
    assert {"jobtitle": "Cook", "fax": "1", "modifiedby": SYNC_USER} == seen.values


# -- reading


def test_only_what_was_asked_is_told(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A record holds the requested columns, with null where there is nothing."""
    lead = org.create("lead", {"lastname": "Ek", "jobtitle": "Cook"})
    [[change], _] = drain(connector, fields=["lastname", "fax"])

    assert isinstance(change, Record)
    assert {"lastname": "Ek", "fax": None} == change.values
    assert (lead, SandboxClock().now(), 'W/"1"') == (change.id, change.modified_at, change.version)
    assert () == change.edits


def test_full_read_then_changes(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A full read tells every row once; from its last cursor on only changes are told."""
    leads = org.create_all("lead", [{"lastname": str(n)} for n in range(7)])
    org.create("contact", {})
    org.page_size = 3
    everything, cursor = drain(connector)
    nothing, cursor = drain(connector, cursor)
    org.edit("lead", leads[2], {"lastname": "Ek"})
    org.edit("lead", leads[1], {"lastname": "Alm"})
    org.edit("lead", leads[2], {"lastname": "Berg"})
    changes, _ = drain(connector, cursor)

    assert sorted(leads) == ids(everything)
    assert [] == nothing
    assert [leads[1], leads[2]] == ids(changes)
    assert ["Alm", "Berg"] == [c.values["lastname"] for c in changes if isinstance(c, Record)]


def test_pages_have_their_size(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A page holds no more than the page size, whatever it tells of."""
    org.page_size = 4
    _, cursor = drain(connector)
    leads = org.create_all("lead", [{}] * 10)
    for lead in leads[:6]:
        org.delete("lead", lead)
    sizes = []
    more = True
    while more:
        page = connector.read("lead", [], cursor)
        sizes.append(len(page.changes))
        cursor, more = page.cursor, page.more

    assert 10 == sum(sizes)
    assert max(sizes) <= 4


def test_changes_during_a_full_read_are_told(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Whatever happens between the pages of a full read is told by the changes after it."""
    leads = sorted(org.create_all("lead", [{"lastname": "x"}] * 6))
    org.page_size = 2
    page = connector.read("lead", ["lastname"], None)
    org.edit("lead", leads[0], {"lastname": "behind"})
    org.edit("lead", leads[5], {"lastname": "ahead"})
    org.delete("lead", leads[1])
    made = org.create("lead", {"lastname": "made"}, id=RecordId("0" * 8 + leads[0][8:]))
    _, cursor = drain(connector, page.cursor)
    changes, _ = drain(connector, cursor)

    assert {leads[0], leads[5], made, leads[1]} == set(ids(changes))
    assert Tombstone(leads[1], SandboxClock().now()) == changes[-1]


def test_changes_during_a_read_of_changes_are_told(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Whatever happens between the pages of the feed is told by it or by its next read."""
    leads = org.create_all("lead", [{"lastname": "x"}] * 6)
    _, start = drain(connector)
    org.page_size = 1
    for lead in leads[:3]:
        org.edit("lead", lead, {"lastname": "y"})
    for lead in leads[3:5]:
        org.delete("lead", lead)
    seen: dict[RecordId, Change] = {}
    script: list[Callable[[], None]] = [
        lambda: org.edit("lead", leads[0], {"lastname": "z"}),
        lambda: org.edit("lead", leads[5], {"lastname": "z"}),
        lambda: org.delete("lead", leads[1]),
        lambda: org.undelete("lead", leads[3]),
        lambda: org.edit("lead", leads[2], {"lastname": "z"}),
    ]
    cursor, more = start, True
    while more or script:
        page = connector.read("lead", ["lastname"], cursor)
        seen.update((change.id, change) for change in page.changes)
        cursor, more = page.cursor, page.more
        if script:
            script.pop(0)()
    rest, _ = drain(connector, cursor)
    seen.update((change.id, change) for change in rest)
    now = {
        lead: change.values["lastname"] if isinstance(change, Record) else None
        for lead, change in seen.items()
    }
    truth = {lead: row["lastname"] if (row := org.row("lead", lead)) else None for lead in leads}

    assert truth == now


def test_every_page_can_be_read_again(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A cursor gives the same page again, whatever was read since."""
    org.create_all("lead", [{}] * 5)
    org.page_size = 2
    first = connector.read("lead", [], None)
    second = connector.read("lead", [], first.cursor)
    drain(connector, second.cursor)

    assert second == connector.read("lead", [], first.cursor)


def test_deletes_are_told_last(
    org: SandboxDynamics, connector: SandboxDynamicsConnector, clock: SandboxClock
) -> None:
    """What was deleted follows what was changed, even if it was made in between."""
    leads = org.create_all("lead", [{}] * 3)
    _, cursor = drain(connector)
    org.delete("lead", leads[0])
    clock.advance(5)
    brief = org.create("lead", {})
    org.delete("lead", brief)
    org.edit("lead", leads[1], {})
    changes, cursor = drain(connector, cursor)
    again, _ = drain(connector, cursor)

    assert [leads[1], leads[0], brief] == ids(changes)
    assert [Record, Tombstone, Tombstone] == [type(change) for change in changes]
    assert clock.now() == changes[-1].modified_at
    assert [] == again


def test_undelete_brings_a_row_back(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """An undeleted row has its id and values and a new version, and is a change."""
    lead = org.create("lead", {"lastname": "Ek"})
    created = org.rows("lead")[lead]["createdon"]
    org.delete("lead", lead)
    _, cursor = drain(connector)
    org.undelete("lead", lead)
    [change], _ = drain(connector, cursor, ["lastname", "createdon"])

    assert isinstance(change, Record)
    assert {"lastname": "Ek", "createdon": created} == change.values
    with pytest.raises(LookupError):
        org.undelete("lead", lead)


def test_cursor_expires(
    org: SandboxDynamics, connector: SandboxDynamicsConnector, clock: SandboxClock
) -> None:
    """A cursor lasts seven days; reading from it gives a fresh one."""
    org.create("lead", {})
    _, cursor = drain(connector)
    clock.advance(6 * 86_400)
    _, fresh = drain(connector, cursor)
    clock.advance(2 * 86_400)

    with pytest.raises(CursorExpired):
        connector.read("lead", [], cursor)
    connector.read("lead", [], fresh)
    org.retention = dt.timedelta(days=1)
    with pytest.raises(CursorExpired):
        connector.read("lead", [], fresh)


def test_cursors_can_be_made_to_expire(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """An administrator's change can void every cursor at once; later ones are good."""
    _, cursor = drain(connector)
    org.expire_cursors()
    with pytest.raises(CursorExpired):
        connector.read("lead", [], cursor)
    _, cursor = drain(connector)

    assert [] == drain(connector, cursor)[0]


def test_cursor_belongs_to_its_org_and_table(
    clock: SandboxClock, connector: SandboxDynamicsConnector
) -> None:
    """A cursor of another org or table, or nonsense, is a caller's mistake."""
    with SandboxDynamics(clock=clock, name="elsewhere") as elsewhere:
        _, foreign = drain(elsewhere.connector())
    _, own = drain(connector)

    with pytest.raises(ContractError, match="elsewhere"):
        connector.read("lead", [], foreign)
    with pytest.raises(ContractError, match="contact"):
        connector.read("contact", [], own)
    for nonsense in ("?", "", "WzFd", own[:-8]):
        with pytest.raises(ContractError, match="cursor"):
            connector.read("lead", [], Cursor(nonsense))


def test_fetch_tells_what_exists(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A fetch leaves out what is not there and tells a row asked for twice once."""
    lead = org.create("lead", {"lastname": "Ek"})
    asked = [lead, RecordId(lead.upper()), KEY, RecordId("7")]
    [record] = connector.fetch("lead", asked, ["lastname"])

    assert (lead, {"lastname": "Ek"}) == (record.id, record.values)


def test_find_compares_without_case(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A search finds every row that holds one of the values, also after it has changed."""
    first = org.create("lead", {"emailaddress1": "Åsa@example.com"})
    second = org.create("lead", {"emailaddress1": "åsa@EXAMPLE.com"})
    third = org.create("lead", {"emailaddress1": "ek@example.com"})

    def found(*values: Wire) -> set[RecordId]:
        records = connector.find("lead", "emailaddress1", values, ["fax"])
        assert all({"emailaddress1", "fax"} == record.values.keys() for record in records)
        return {record.id for record in records}

    assert {first, second} == found("ÅSA@example.com")
    org.edit("lead", third, {"emailaddress1": "åsa@example.com"})
    org.edit("lead", second, {"emailaddress1": None})
    org.delete("lead", first)
    assert {third} == found("ÅSA@example.com", "ek@example.com", None)
    org.undelete("lead", first)
    assert {first, third} == found("åsa@example.com")


def test_find_compares_numbers(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A search takes whatever a column holds."""
    lead = org.create("lead", {"mkt_priority": 3, "donotphone": True})

    assert [lead] == ids(connector.find("lead", "mkt_priority", [3], []))
    assert [lead] == ids(connector.find("lead", "donotphone", [True], []))


# -- rights and columns


def test_describe_tells_the_columns(connector: SandboxDynamicsConnector) -> None:
    """Without column security the schema is the table's own."""
    assert {column.name: column for column in LEAD_COLUMNS} == connector.describe("lead").columns


def test_unreadable_column_reads_as_null(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A secured column reads as null with no error, everywhere; only the schema tells."""
    lead = org.create("lead", {"lastname": PRIVATE})
    org.secure("lead", "lastname", Access.UPDATE)
    [fetched] = connector.fetch("lead", [lead], ["lastname"])
    [read], _ = drain(connector)
    answer = update(connector, lead, lastname=f"{PRIVATE}!")

    assert isinstance(read, Record)
    assert [None] * 3 == [v["lastname"] for v in (fetched.values, read.values, told(answer))]
    assert Access.UPDATE == connector.describe("lead").columns["lastname"].access
    assert f"{PRIVATE}!" == org.rows("lead")[lead]["lastname"]
    with pytest.raises(Refused):
        connector.find("lead", "lastname", [PRIVATE], [])


def test_secured_column_may_not_be_written(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Without the right to create or update it, a write of the column is refused by name."""
    lead = org.create("lead", {})
    org.secure("lead", "jobtitle", Access.READ)
    created = one(connector, Create(KEY, {"jobtitle": PRIVATE}))
    updated = update(connector, lead, jobtitle=PRIVATE)
    org.secure("lead", "jobtitle", FULL_ACCESS)

    assert ("0x8004F502", "jobtitle") == refusal(created)
    assert ("0x8004F507", "jobtitle") == refusal(updated)
    assert PRIVATE not in repr((created, updated))
    assert isinstance(update(connector, lead, jobtitle="Cook"), Updated)


def test_security_is_a_users(org: SandboxDynamics) -> None:
    """What is taken from the sync user is still another user's."""
    lead = org.create("lead", {"lastname": "Ek"})
    org.secure("lead", "lastname", Access.NONE)
    org.revoke("lead", FULL_ACCESS)
    [record] = org.connector(user=PERSON).fetch("lead", [lead], ["lastname"])

    assert "Ek" == record.values["lastname"]


def test_missing_write_privilege_rejects(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Without a right on the table each write is rejected, and the schema says so."""
    lead = org.create("lead", {})
    org.revoke("lead", Access.CREATE | Access.UPDATE)
    created, updated = one(connector, Create(KEY, {})), update(connector, lead, fax="1")
    access = connector.describe("lead").columns["fax"].access
    org.grant("lead", Access.UPDATE)

    assert ("0x80040220", None) == refusal(created) == refusal(updated)
    assert Access.READ == access
    assert isinstance(update(connector, lead, fax="1"), Updated)
    assert isinstance(one(connector, Create(KEY, {})), Rejected)


def test_missing_read_privilege_refuses(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Without the right to read the table, reading raises and answers tell no values."""
    org.revoke("lead", Access.READ)
    calls: list[Callable[[], object]] = [
        lambda: connector.read("lead", [], None),
        lambda: connector.fetch("lead", [KEY], []),
        lambda: connector.find("lead", "fax", ["1"], []),
    ]
    for call in calls:
        with pytest.raises(Refused, match="prvReadLead"):
            call()

    result = one(connector, Create(KEY, {}))
    assert isinstance(result, Created)
    assert result.values is None
    assert FULL_ACCESS == connector.describe("lead").columns["fax"].access


def test_unknown_table_is_refused(connector: SandboxDynamicsConnector) -> None:
    """A table that is not there needs a person."""
    with pytest.raises(Refused, match="account"):
        connector.describe("account")


def test_dropped_column_is_missed(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Asking for a dropped column raises, writing it is refused, and its values are lost."""
    lead = org.create("lead", {"fax": "1"})
    _, cursor = drain(connector, fields=["fax"])
    org.drop_column("lead", "fax")
    with pytest.raises(SchemaChanged) as caught:
        connector.read("lead", ["lastname", "fax"], cursor)
    refused = update(connector, lead, fax="2")
    gone = "fax" in connector.describe("lead").columns
    org.add_column("lead", Column("fax", "Fax", "String", 50))
    [record] = connector.fetch("lead", [lead], ["fax"])

    assert ("fax",) == caught.value.fields
    assert ("0x80048d19", "fax") == refusal(refused)
    assert not gone
    assert record.values["fax"] is None


def test_columns_are_checked(org: SandboxDynamics, clock: SandboxClock) -> None:
    """A column needs a logical name of its own and a known type."""
    wrong = [
        Column("fax", "Again", "String"),
        Column("Fax Number", "Fax", "String"),
        Column("new_fax", "Fax", "text"),
    ]
    for column in wrong:
        with pytest.raises(ConfigurationError):
            org.add_column("lead", column)
    with pytest.raises(ConfigurationError):
        SandboxDynamics(clock=clock, tables={"lead": wrong[2:]})


# -- people


def test_ids_are_the_same_in_like_histories(clock: SandboxClock) -> None:
    """Two orgs with the same name and history have the same ids, and no two rows one."""
    with SandboxDynamics(clock=clock) as first, SandboxDynamics(clock=clock) as second:
        histories = [
            [o.create(t, {}) for t in ("lead", "contact", "lead")] for o in (first, second)
        ]

    assert histories[0] == histories[1]
    assert 3 == len(set(histories[0]))
    assert all(id_ == id_.lower() for id_ in histories[0])


def test_people_are_told_apart(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """The last writer of a row is recognisable."""
    lead = org.create("lead", {})
    authors = [org.rows("lead")[lead]["modifiedby"]]
    update(connector, lead, fax="1")
    authors.append(org.rows("lead")[lead]["modifiedby"])
    org.edit("lead", lead, {"fax": "2"}, by=OTHER)
    authors.append(org.rows("lead")[lead]["modifiedby"])

    assert [PERSON, SYNC_USER, OTHER] == authors


def test_people_may_do_what_a_sync_may_not(org: SandboxDynamics) -> None:
    """Rights and the read-only state hold the sync; the checks of values hold everybody."""
    org.secure("lead", "fax", Access.NONE)
    org.revoke("lead", FULL_ACCESS)
    lead = org.create("lead", {"fax": "1"})
    org.deactivate("lead", lead)
    org.edit("lead", lead, {"fax": "2", "merged": True, "masterid": OTHER}, by=SYNC_USER)

    row = org.rows("lead")[lead]
    assert ("2", True, OTHER, 2) == tuple(
        row[n] for n in ("fax", "merged", "masterid", "statecode")
    )
    with pytest.raises(Denied) as caught:
        org.edit("lead", lead, {"fax": PRIVATE * 2})
    assert PRIVATE not in str(caught.value)


def test_people_are_told_of_their_mistakes(org: SandboxDynamics) -> None:
    """A row, table or column that is not there is an error of the test's."""
    assert org.row("lead", KEY) is None
    for act in (org.delete, org.deactivate, org.undelete):
        with pytest.raises(LookupError):
            act("lead", KEY)
    with pytest.raises(ConfigurationError):
        org.create("account", {})
    with pytest.raises(ConfigurationError):
        org.secure("lead", "nosuch", Access.NONE)
    org.create("lead", {}, id=KEY)
    with pytest.raises(ConfigurationError):
        org.create("lead", {}, id=KEY)


# -- limits and faults


def test_too_many_requests_are_throttled(
    org: SandboxDynamics, connector: SandboxDynamicsConnector, clock: SandboxClock
) -> None:
    """A user has so many requests in any 300 seconds, and is told when there is room."""
    org.limits = attrs.evolve(org.limits, window=3)
    for _ in range(3):
        connector.describe("lead")
        clock.advance(10)
    with pytest.raises(Throttled) as caught:
        connector.describe("lead")

    assert ("window", 270.0) == (caught.value.scope, caught.value.retry_after)
    org.connector(user=OTHER).describe("lead")
    clock.advance(270)
    connector.describe("lead")


def test_default_limits_are_those_of_dataverse(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """Out of the box 6,000 requests go through, and without limits any number does."""
    for _ in range(6_000):
        connector.fetch("lead", [], [])
    with pytest.raises(Throttled):
        connector.fetch("lead", [], [])
    org.limits = NO_LIMITS
    connector.fetch("lead", [], [])

    assert Limits(window=6_000, seconds=300, concurrency=52, day=None) == (
        SandboxDynamics(clock=org.clock).limits
    )


def test_too_many_at_once_are_throttled(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A request that comes while too many run is turned away."""
    scopes: list[str] = []

    def meanwhile(*_: object) -> None:
        org.faults.hook = None
        org.limits = attrs.evolve(org.limits, concurrency=1)
        with pytest.raises(Throttled) as caught:
            connector.describe("lead")
        scopes.append(caught.value.scope)

    org.faults.hook = meanwhile
    connector.describe("lead")

    assert ["concurrency"] == scopes


@pytest.mark.parametrize(
    ("kind", "error", "applied"),
    [
        ("throttled", Throttled, 0),
        ("lost_request", Ambiguous, 0),
        ("lost_response", Ambiguous, 1),
        ("crash_before", SimulatedCrash, 0),
        ("crash_after", SimulatedCrash, 1),
    ],
)
def test_faults_fall_before_or_after_a_write(
    org: SandboxDynamics,
    connector: SandboxDynamicsConnector,
    kind: FaultKind,
    error: type[BaseException],
    applied: int,
) -> None:
    """A planned fault happens once, and the write is wholly applied or not at all."""
    org.faults.plan("write", Fault(kind))
    with pytest.raises(error):
        one(connector, Create(KEY, {}))

    assert applied == org.count("lead")
    connector.write("lead", [])


def test_partial_fault_applies_the_first_half(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """When a batch breaks off, what came after has its own results."""
    org.faults.plan("write", Fault("partial", retry_after=7.0))
    writes = [Update(lead, {"fax": "1"}) for lead in org.create_all("lead", [{}] * 4)]
    results = connector.write("lead", writes)

    assert [Updated, Updated] == [type(result) for result in results[:2]]
    assert [ThrottledWrite(7.0), AmbiguousWrite()] == results[2:]
    assert 2 == sum(row["fax"] == "1" for row in org.rows("lead").values())


def test_call_is_one_transaction(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """A call that is broken off in its middle leaves nothing, not even a used version."""

    def die(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        if after["lastname"] == "die":
            raise SimulatedCrash

    org.add_rule("lead", die)
    with pytest.raises(SimulatedCrash):
        connector.write("lead", [Create(KEY, {}), Create(OTHER, {"lastname": "die"})])

    assert 0 == org.count("lead")
    result = one(connector, Create(KEY, {}))
    assert isinstance(result, Created)
    assert 'W/"1"' == result.version


def test_many_threads_may_call(org: SandboxDynamics, connector: SandboxDynamicsConnector) -> None:
    """Calls from several threads follow one another, and none is lost."""
    lead = org.create("lead", {"mkt_priority": 0})

    def bump(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
        after["mkt_priority"] = int(after["mkt_priority"] or 0) + 1

    org.add_rule("lead", bump)
    threads = [
        threading.Thread(target=lambda: [update(connector, lead, fax="1") for _ in range(20)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 160 == org.rows("lead")[lead]["mkt_priority"]


# -- keeping


def test_snapshot_brings_everything_back(
    org: SandboxDynamics, connector: SandboxDynamicsConnector
) -> None:
    """A restored org has the rows, columns, rights and versions of the snapshot."""
    lead = org.create("lead", {"lastname": "Ek"})
    org.secure("lead", "fax", Access.NONE)
    _, cursor = drain(connector)
    rows, schema, image = org.rows("lead"), connector.describe("lead"), org.snapshot()
    org.edit("lead", lead, {"lastname": "Alm"})
    org.drop_column("lead", "jobtitle")
    _, later = drain(connector)
    org.restore(image)

    assert (rows, schema) == (org.rows("lead"), connector.describe("lead"))
    assert [] == drain(connector, cursor)[0]
    with pytest.raises(CursorExpired):
        connector.read("lead", [], later)
    org.edit("lead", lead, {"lastname": "Berg"})
    assert [lead] == ids(drain(connector, cursor)[0])


def test_snapshot_moves_between_orgs(tmp_path: Path, clock: SandboxClock) -> None:
    """A snapshot of a file can be restored in memory and the other way round."""
    with (
        SandboxDynamics(tmp_path / "org.db", clock=clock) as filed,
        SandboxDynamics(clock=clock) as held,
    ):
        filed.create("lead", {"lastname": "Ek"})
        held.restore(filed.snapshot())
        held.create("lead", {"lastname": "Alm"})
        filed.restore(held.snapshot())

        assert 2 == filed.count("lead") == held.count("lead")
        assert filed.rows("lead") == held.rows("lead")
    with SandboxDynamics(tmp_path / "org.db", clock=clock) as again:
        assert 2 == again.count("lead")


def test_file_keeps_everything(tmp_path: Path, clock: SandboxClock) -> None:
    """An org that is opened again has its name, rows, columns, rights and cursors."""
    path = tmp_path / "org.db"
    with SandboxDynamics(path, clock=clock, name="kept") as org:
        lead = org.create("lead", {"lastname": "Ek"})
        org.secure("lead", "fax", Access.NONE)
        org.revoke("contact", Access.READ)
        org.detect_duplicates("lead", "lastname")
        org.add_column("lead", Column("new_rank", "Rank", "Integer", minimum=Decimal("0.5")))
        org.drop_column("lead", "jobtitle")
        rows, schema = org.rows("lead"), org.connector().describe("lead")
        _, cursor = drain(org.connector())
    with SandboxDynamics(path, clock=clock, tables={}) as org:
        connector = org.connector()

        assert "kept" == org.name
        assert (rows, schema) == (org.rows("lead"), connector.describe("lead"))
        assert ("0x80040333", None) == refusal(one(connector, Create(KEY, {"lastname": "ek"})))
        assert lead != org.create("lead", {})
        assert 1 == len(drain(connector, cursor)[0])
        with pytest.raises(Refused):
            connector.read("contact", [], None)


def test_file_is_its_owners(tmp_path: Path, clock: SandboxClock) -> None:
    """The file and the log beside it are nobody else's to read."""
    with SandboxDynamics(tmp_path / "org.db", clock=clock) as org:
        org.create("lead", {})
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert {0o600} == modes


def test_two_openers_see_each_other(tmp_path: Path, clock: SandboxClock) -> None:
    """What one opener of a file commits, rows and columns, the other sees at once."""
    path = tmp_path / "org.db"
    with SandboxDynamics(path, clock=clock) as one_, SandboxDynamics(path, clock=clock) as two:
        one_.create("lead", {"lastname": "Ek"})
        two.drop_column("lead", "fax")
        two.create("lead", {"lastname": "Alm"})

        assert "fax" not in one_.connector().describe("lead").columns
        assert ["Alm", "Ek"] == sorted(str(row["lastname"]) for row in one_.rows("lead").values())


def test_other_files_are_left_alone(tmp_path: Path, clock: SandboxClock) -> None:
    """A file that is no Dynamics sandbox is not touched."""
    path = tmp_path / "notes.txt"
    path.write_text("something else entirely, and long enough" * 50)
    with pytest.raises(ConfigurationError):
        SandboxDynamics(path, clock=clock)

    assert path.read_text().startswith("something else")
