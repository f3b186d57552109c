"""What a sandbox Marketo promises to a sync."""

from __future__ import annotations

import datetime as dt
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from dynsync.connectors import ActivityLine, Clock, MarketoConnector, Page
from dynsync.errors import (
    Ambiguous,
    ContractError,
    CursorExpired,
    Refused,
    SchemaChanged,
    Throttled,
    Unavailable,
)
from dynsync.records import Change, Cursor, Edit, Record, RecordId, Side, Tombstone, Wire
from dynsync.sandbox import (
    NO_LIMITS,
    PERSON_COLUMNS,
    Fault,
    FaultKind,
    Faults,
    Limits,
    SandboxClock,
    SandboxMarketo,
    SandboxMarketoConnector,
    SimulatedCrash,
)
from dynsync.schemas import FULL_ACCESS, Access, Column
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    Rejected,
    ThrottledWrite,
    Update,
    Updated,
    WriteResult,
)

START = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> SandboxClock:
    """A clock at its start."""
    return SandboxClock()


@pytest.fixture
def marketo(clock: SandboxClock) -> SandboxMarketo:
    """An empty system in memory."""
    return SandboxMarketo(clock=clock)


@pytest.fixture
def sync(marketo: SandboxMarketo) -> SandboxMarketoConnector:
    """A connector to it."""
    return marketo.connector()


def update(id_: RecordId, **values: Wire) -> Update:
    """Return a write that sets *values*."""
    return Update(id_, values)


def upsert(key: str, **values: Wire) -> Create:
    """Return a create with the lead id *key*."""
    return Create(RecordId(key), {"crmLeadId": key, **values}, "crmLeadId")


def one(sync: SandboxMarketoConnector, write: Update | Create) -> WriteResult:
    """Send one *write*."""
    [result] = sync.write("person", [write])
    return result


def codes(result: WriteResult) -> list[tuple[str, str | None]]:
    """Return code and field of each reason of a refusal."""
    assert isinstance(result, Rejected)
    return [(reason.code, reason.field) for reason in result.reasons]


def pages(
    sync: SandboxMarketoConnector,
    fields: Sequence[str],
    cursor: Cursor | None,
) -> list[Page]:
    """Read on until there is no more."""
    found = [sync.read("person", fields, cursor)]
    while found[-1].more:
        found.append(sync.read("person", fields, found[-1].cursor))
    return found


def changes(
    sync: SandboxMarketoConnector,
    fields: Sequence[str],
    cursor: Cursor | None,
) -> list[Change]:
    """Return the changes of all pages."""
    return [change for page in pages(sync, fields, cursor) for change in page.changes]


def tip(sync: SandboxMarketoConnector) -> Cursor:
    """Return a cursor at the end of the feed."""
    return pages(sync, ["email"], None)[-1].cursor


def edits(change: Change) -> list[tuple[str, Wire, Wire]]:
    """Return field, old and new value of each edit of a record."""
    assert isinstance(change, Record)
    return [(edit.field, edit.old, edit.new) for edit in change.edits]


class TestColumns:
    """What `describe` says, and who changes it."""

    def test_satisfies_the_protocols(self, sync: SandboxMarketoConnector) -> None:
        """The connector is a Marketo connector that has no conditional writes."""
        assert isinstance(sync, MarketoConnector)
        assert Side.MARKETO is sync.side
        assert "sandbox-marketo" == sync.identity()
        assert not sync.capabilities.conditional_writes
        assert sync.capabilities.reports_deletes
        assert (300, 300) == (sync.capabilities.batch, sync.capabilities.find)

    def test_the_clock_satisfies_the_protocol(self, clock: SandboxClock) -> None:
        """A sandbox clock moves when told, and counts what was slept."""
        used: Clock = clock
        used.sleep(2.5)
        clock.advance(1)

        assert START + dt.timedelta(seconds=3.5) == used.now()
        assert 2.5 == clock.slept
        with pytest.raises(ValueError, match="go back"):
            clock.advance(-1)
        with pytest.raises(ValueError, match="aware"):
            SandboxClock(START.replace(tzinfo=None))

    def test_describes_every_column(self, sync: SandboxMarketoConnector) -> None:
        """The default columns are described as they are."""
        assert {column.name: column for column in PERSON_COLUMNS} == dict(
            sync.describe("person").columns,
        )

    def test_keeps_all_that_a_column_says(self, clock: SandboxClock, tmp_path: Path) -> None:
        """A column comes out of the file as it went in."""
        columns = sync_columns(clock, None)
        SandboxMarketo(tmp_path / "m", clock=clock, columns=columns.values()).close()

        assert columns == sync_columns(clock, tmp_path / "m")

    def test_knows_one_table(self, sync: SandboxMarketoConnector) -> None:
        """Another table is refused."""
        with pytest.raises(Refused, match="company"):
            sync.describe("company")

    def test_a_dropped_column_is_a_schema_change(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Asking for a column that was dropped, or never was, names it."""
        marketo.drop_column("city")
        with pytest.raises(SchemaChanged) as error:
            sync.read("person", ["email", "city", "nonsense"], None)

        assert ("city", "nonsense") == error.value.fields
        assert "city" not in sync.describe("person").columns
        assert [("1006", "city")] == codes(one(sync, upsert("a", city="Oslo")))
        with pytest.raises(KeyError):
            marketo.drop_column("city")

    def test_a_column_comes_back_with_its_values(self, marketo: SandboxMarketo) -> None:
        """A field is hidden, never deleted, and its type never changes."""
        person = marketo.create_person({"city": "Oslo"})
        marketo.drop_column("city")
        assert "city" not in (marketo.person(person) or {})
        with pytest.raises(ValueError, match="types never change"):
            marketo.add_column(Column("city", type="integer"))
        marketo.add_column(Column("city", "Town"))

        assert "Oslo" == (marketo.person(person) or {})["city"]
        with pytest.raises(ValueError, match="there is a column"):
            marketo.add_column(Column("city"))

    def test_a_column_may_be_added(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A new column is there for everybody, and empty."""
        person = marketo.create_person({"email": "a@example.org"})
        marketo.add_column(Column("shoeSize", "Shoe Size", "integer"))
        [before] = sync.fetch("person", [person], ["shoeSize"])
        one(sync, update(person, shoeSize=44))
        [after] = sync.fetch("person", [person], ["shoeSize"])

        assert ({"shoeSize": None}, {"shoeSize": 44}) == (before.values, after.values)

    def test_an_unreadable_column_is_left_out(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """What the sync user may not read is not there: neither value nor edit."""
        cursor = tip(sync)
        person = marketo.create_person({"email": "a@example.org"})
        marketo.edit(person, {"city": "Oslo", "title": "Boss"})
        marketo.set_access("city", FULL_ACCESS & ~Access.READ)
        [change] = changes(sync, ["city", "title"], cursor)

        assert isinstance(change, Record)
        assert {"title": "Boss"} == change.values
        assert [("title", None, "Boss")] == edits(change)
        assert Access.READ not in sync.describe("person").columns["city"].access
        with pytest.raises(SchemaChanged):
            sync.find("person", "city", ["Oslo"], [])

    def test_create_and_update_are_granted_apart(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A right that is missing refuses the row, and names the field."""
        marketo.set_access("city", Access.READ | Access.CREATE)
        made = one(sync, upsert("a", city="Oslo"))
        assert isinstance(made, Created)
        marketo.set_access("title", Access.READ | Access.UPDATE)
        marketo.set_access("crmLeadId", Access.READ | Access.CREATE)

        assert [("1006", "city")] == codes(one(sync, update(made.id, city="Bergen")))
        assert [("1006", "title")] == codes(one(sync, upsert("b", title="Boss")))
        assert Updated(made.id) == one(sync, upsert("a", title="Boss"))

    @pytest.mark.parametrize("field", ["id", "createdAt", "updatedAt", "priority"])
    def test_read_only_columns_are_refused(
        self,
        sync: SandboxMarketoConnector,
        field: str,
    ) -> None:
        """A read-only column cannot be written."""
        assert [("1006", field)] == codes(one(sync, upsert("a", **{field: None})))

    def test_the_systems_own_columns(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """A person's number and times can be read."""
        person = marketo.create_person({"email": "a@example.org"})
        clock.advance(90.7)
        marketo.edit(person, {"email": "b@example.org"})
        [record] = sync.fetch("person", [person], ["id", "createdAt", "updatedAt"])

        assert {
            "id": 1,
            "createdAt": "2026-01-05T09:00:00Z",
            "updatedAt": "2026-01-05T09:01:30Z",
        } == record.values
        assert START + dt.timedelta(seconds=90) == record.modified_at


def sync_columns(clock: SandboxClock, path: Path | None) -> Mapping[str, Column]:
    """Return what a system with odd columns, or the one in *path*, describes."""
    odd = Column("odd", "Odd", "string", length=7, required=True, access=Access.READ)
    with SandboxMarketo(path, clock=clock, columns=[*PERSON_COLUMNS, odd]) as marketo:
        return marketo.connector().describe("person").columns


class TestValues:
    """What a field takes, and what it makes of it."""

    @pytest.mark.parametrize(
        ("field", "written", "read"),
        [
            ("email", "Ann@Example.org", "Ann@Example.org"),
            ("city", "null", "null"),
            ("city", " Tromsø ", " Tromsø "),
            ("city", "", None),
            ("city", "ø" * 255, "ø" * 255),
            ("address", "ø" * 15_000, "ø" * 15_000),
            ("numberOfEmployees", 14, 14),
            ("numberOfEmployees", 14.0, 14),
            ("numberOfEmployees", "14", 14),
            ("numberOfEmployees", -(2**31), -(2**31)),
            ("leadScore", 0, 0),
            ("closeProbability", 70, 70),
            ("annualRevenue", 34.66, 34.66),
            ("annualRevenue", 100, 100.0),
            ("predictedValue", "1.5", 1.5),
            ("doNotCall", True, True),
            ("doNotCall", "1", True),
            ("doNotCall", False, False),
            ("doNotCall", None, False),
            ("dateOfBirth", "2020-02-29", "2020-02-29"),
            ("microsoftCreatedDate", "2020-08-30T05:49:48.987Z", "2020-08-30T05:49:48Z"),
            ("microsoftCreatedDate", "2020-08-30T05:49:48+02:00", "2020-08-30T03:49:48Z"),
            ("microsoftCreatedDate", "2020-08-30T05:49:48+0000", "2020-08-30T05:49:48Z"),
        ],
    )
    def test_takes_and_returns(
        self,
        sync: SandboxMarketoConnector,
        field: str,
        written: Wire,
        read: Wire,
    ) -> None:
        """A value is read as Marketo returns it, with its type."""
        made = one(sync, upsert("a", **{field: written}))
        assert isinstance(made, Created)
        [record] = sync.fetch("person", [made.id], [field])

        assert (type(read), read) == (type(record.values[field]), record.values[field])

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("email", "not an address"),
            ("email", "ann@example"),
            ("email", "ånn@example.org"),
            ("email", "a" * 250 + "@example.org"),
            ("city", "ø" * 256),
            ("city", 14),
            ("city", "\ud800"),
            ("address", "ø" * 15_001),
            ("numberOfEmployees", 14.1),
            ("numberOfEmployees", "14c"),
            ("numberOfEmployees", True),
            ("numberOfEmployees", 2**31),
            ("numberOfEmployees", 10**400),
            ("closeProbability", "100%"),
            ("annualRevenue", "14c"),
            ("annualRevenue", float("nan")),
            ("annualRevenue", 10**400),
            ("doNotCall", "other"),
            ("dateOfBirth", "yesterday"),
            ("dateOfBirth", "2021-02-29"),
            ("dateOfBirth", "2021-02-28T00:00:00Z"),
            ("microsoftCreatedDate", "2020-08-30"),
            ("microsoftCreatedDate", "2020-08-30T05:49:48"),
            ("microsoftCreatedDate", "2020-08-32T05:49:48Z"),
        ],
    )
    def test_refuses(self, sync: SandboxMarketoConnector, field: str, value: Wire) -> None:
        """A value that does not fit is refused as 1003, and not repeated in the message."""
        result = one(sync, upsert("a", **{field: value}))

        assert [("1003", field)] == codes(result)
        assert isinstance(result, Rejected)
        assert repr(value).strip("'") not in result.reasons[0].message

    def test_one_bad_field_skips_the_row(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Every reason is told, nothing of the row is applied, and the other rows are."""
        person = marketo.create_person({"city": "Oslo"})
        bad = update(person, city="Bergen", leadScore=1.5, nonsense=1, dateOfBirth="soon")
        results = sync.write("person", [upsert("a"), bad, upsert("b")])

        assert [Created(RecordId("2")), Created(RecordId("3"))] == [results[0], results[2]]
        expected = [("1003", "leadScore"), ("1006", "nonsense"), ("1003", "dateOfBirth")]
        assert expected == codes(results[1])
        assert "Oslo" == (marketo.person(person) or {})["city"]

    def test_null_clears(self, marketo: SandboxMarketo, sync: SandboxMarketoConnector) -> None:
        """Null empties a field of any type."""
        names = [each.name for each in PERSON_COLUMNS if Access.UPDATE in each.access]
        person = marketo.create_person({"city": "Oslo", "leadScore": 3, "unsubscribed": True})
        result = one(sync, Update(person, dict.fromkeys(names)))
        values = marketo.person(person) or {}

        assert Updated(person) == result
        assert (None, None, False) == (
            values["city"],
            values["leadScore"],
            values["unsubscribed"],
        )

    def test_required_columns(self, clock: SandboxClock) -> None:
        """A required field must come with a new person and cannot be cleared."""
        columns = [Column("key"), Column("name", required=True)]
        marketo = SandboxMarketo(clock=clock, columns=columns)
        sync = marketo.connector()
        key = RecordId("k")

        assert [("1002", "name")] == codes(one(sync, Create(key, {"key": "k"}, "key")))
        bad = Create(key, {"key": "k", "name": None}, "key")
        assert [("1003", "name")] == codes(one(sync, bad))
        person = marketo.create_person({"name": "Ann"})
        assert [("1003", "name")] == codes(one(sync, update(person, name="")))
        with pytest.raises(ValueError, match="Missing value"):
            marketo.create_person({})


class TestWrites:
    """Update only, and create or update."""

    def test_updates_by_id(self, marketo: SandboxMarketo, sync: SandboxMarketoConnector) -> None:
        """An update sets the given fields only, and answers with the id alone."""
        person = marketo.create_person({"city": "Oslo", "title": "Boss"})

        assert Updated(person) == one(sync, update(person, city="Bergen"))
        values = marketo.person(person) or {}
        assert ("Bergen", "Boss") == (values["city"], values["title"])

    def test_says_updated_even_if_nothing_changed(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """An update to the same values is acknowledged, and leaves no activity."""
        person = marketo.create_person({"city": "Oslo", "doNotCall": False})
        cursor = tip(sync)

        assert Updated(person) == one(sync, update(person, city="Oslo", doNotCall=None))
        assert [] == changes(sync, ["city", "doNotCall"], cursor)

    def test_a_missing_person_is_gone(self, sync: SandboxMarketoConnector) -> None:
        """An update of nobody is Marketo's 1004, whatever it holds."""
        assert Gone() == one(sync, update(RecordId("77"), city="Oslo"))
        assert Gone() == one(sync, update(RecordId("77"), city=1))

    def test_a_persons_id_is_a_number(self, sync: SandboxMarketoConnector) -> None:
        """An id of another system is refused."""
        assert [("1003", "id")] == codes(one(sync, update(RecordId("8e2c-a"), city="Oslo")))

    def test_creates_once(self, marketo: SandboxMarketo, sync: SandboxMarketoConnector) -> None:
        """A create with a known key updates who has it, even within one call."""
        results = sync.write("person", [upsert("a", city="Oslo"), upsert("A", city="Bergen")])

        assert [Created(RecordId("1")), Updated(RecordId("1"))] == results
        assert 1 == marketo.count()

    def test_several_matches_are_refused(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """When several people have the key, nobody is changed."""
        for _ in range(2):
            marketo.create_person({"email": "ann@example.org"})
        create = Create(RecordId("x"), {"email": "ANN@example.org", "city": "Oslo"}, "email")

        assert [("1007", "email")] == codes(one(sync, create))

    def test_a_key_must_be_given(self, sync: SandboxMarketoConnector) -> None:
        """Without a key, or with a field that is none, nothing is made."""
        key = RecordId("a")

        assert [("1002", None)] == codes(one(sync, Create(key, {"city": "Oslo"})))
        assert [("1003", "email"), ("1003", "leadScore")] == codes(
            one(sync, Create(key, {"leadScore": "x"}, "email")),
        )
        assert [("1003", "email")] == codes(one(sync, Create(key, {"email": "x"}, "email")))
        assert [("1006", "nonsense")] == codes(one(sync, Create(key, {}, "nonsense")))
        assert [("1011", "id")] == codes(one(sync, Create(key, {"id": 4}, "id")))
        assert [("1011", "address")] == codes(one(sync, Create(key, {}, "address")))

    def test_takes_300(self, marketo: SandboxMarketo, sync: SandboxMarketoConnector) -> None:
        """A call takes 300 things, and one more is the caller's mistake."""
        sync.write("person", [upsert(str(i)) for i in range(300)])
        ids = [RecordId(str(i)) for i in range(301)]
        assert 300 == len(sync.fetch("person", ids[:300], ["email"])) + 1
        for call in (
            lambda: sync.write("person", [upsert(str(i)) for i in range(301)]),
            lambda: sync.fetch("person", ids, ["email"]),
            lambda: sync.find("person", "email", ids, ["email"]),
            lambda: sync.logged(ids),
        ):
            with pytest.raises(ContractError, match="300"):
                call()

        assert 300 == marketo.count()

    def test_what_was_passed_in_and_returned_is_apart(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Values are not shared with the caller."""
        values: dict[str, Wire] = {"city": "Oslo"}
        person = marketo.create_person(values)
        [before] = sync.fetch("person", [person], ["city"])
        values["city"] = "Bergen"
        one(sync, update(person, city="Hamar"))

        assert {"city": "Oslo"} == before.values
        assert {"city": "Bergen"} == values


class TestFind:
    """Fetch and find."""

    def test_fetches_those_that_exist(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Only the requested fields of existing people are returned."""
        person = marketo.create_person({"city": "Oslo"})
        records = sync.fetch("person", [person, RecordId("9"), RecordId("guid")], ["city"])

        assert [Record(person, {"city": "Oslo"}, modified_at=START)] == records

    def test_finds_by_any_searchable_field(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Everybody with one of the values is found, and the field comes along."""
        ann = marketo.create_person({"email": "Ann@example.org", "numberOfEmployees": 7})
        bob = marketo.create_person({"email": "ann@example.org"})
        marketo.create_person({})
        emails: list[Wire] = ["ANN@example.org", "nobody@example.org", "bad", None, ""]

        assert [ann, bob] == [r.id for r in sync.find("person", "email", emails, [])]
        [record] = sync.find("person", "numberOfEmployees", [7], ["city"])
        assert (ann, {"city": None, "numberOfEmployees": 7}) == (record.id, record.values)
        assert [bob] == [r.id for r in sync.find("person", "id", [bob, "x"], [])]
        marketo.edit(bob, {"email": "bob@example.org"})
        marketo.delete(ann)
        assert [] == sync.find("person", "email", emails, [])
        with pytest.raises(ContractError, match="1011"):
            sync.find("person", "doNotCall", [True], [])


class TestFullRead:
    """The full read, and where it leads."""

    def test_reads_everybody_in_pages(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A full read gives everybody once, 300 to a page, in the order of their ids."""
        ids = [marketo.create_person({}) for _ in range(601)]
        found = pages(sync, ["email"], None)

        assert [300, 300, 1] == [len(page.changes) for page in found]
        assert ids == [change.id for page in found for change in page.changes]
        assert [] == changes(sync, ["email"], found[-1].cursor)
        assert found[0].at == START

    def test_an_empty_system_has_an_empty_page(self, sync: SandboxMarketoConnector) -> None:
        """Without people there is one page, with a cursor."""
        [page] = pages(sync, ["email"], None)

        assert ([], False) == (page.changes, page.more)

    def test_changes_during_a_full_read_are_in_the_feed(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """The feed begins where the full read began, not where it ended."""
        ids = [marketo.create_person({"city": "Oslo"}) for _ in range(400)]
        first = sync.read("person", ["city"], None)
        marketo.edit(ids[0], {"city": "Bergen"})
        marketo.delete(ids[350])
        last = sync.read("person", ["city"], first.cursor)

        assert 99 == len(last.changes)
        assert [ids[0], ids[350]] == [c.id for c in changes(sync, ["city"], last.cursor)]


class TestFeed:
    """The feed of changes."""

    def test_tells_current_values_and_each_edit(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """A person comes once, with its values now and its edits in order."""
        person = marketo.create_person({"city": "Oslo", "unsubscribed": True})
        cursor = tip(sync)
        clock.advance(1.9)
        marketo.edit(person, {"city": "Bergen", "unsubscribed": False, "title": "Boss"})
        clock.advance(1.2)
        one(sync, update(person, city=None, unsubscribed=True))
        [change] = changes(sync, ["unsubscribed", "city"], cursor)

        second = dt.timedelta(seconds=1)
        assert isinstance(change, Record)
        assert {"unsubscribed": True, "city": None} == change.values
        assert START + 3 * second == change.modified_at
        assert (
            Edit("city", "Oslo", "Bergen", START + second, "2"),
            Edit("unsubscribed", True, False, START + second, "3"),  # noqa: FBT003 - values of a field
            Edit("city", "Bergen", None, START + 3 * second, "5"),
            Edit("unsubscribed", False, True, START + 3 * second, "6"),  # noqa: FBT003 - values of a field
        ) == change.edits

    def test_shows_an_edit_that_our_write_replaced(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """An edit between our reading and our write is the old value of our write."""
        person = marketo.create_person({"city": "Oslo"})
        cursor = tip(sync)
        sync.fetch("person", [person], ["city"])
        marketo.edit(person, {"city": "Bergen"})
        one(sync, update(person, city="Hamar"))
        [change] = changes(sync, ["city"], cursor)

        assert ("city", "Bergen", "Hamar") == edits(change)[-1]

    def test_mentions_requested_fields_only(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A change of another field is no news; a new person is."""
        person = marketo.create_person({})
        cursor = tip(sync)
        marketo.edit(person, {"title": "Boss"})
        new = marketo.create_person({"title": "Boss"})

        assert [Record(new, {"city": None}, modified_at=START)] == changes(sync, ["city"], cursor)

    def test_pages_hold_300_activities(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A page is as long as its activities, however few people they are about."""
        person = marketo.create_person({})
        cursor = tip(sync)
        for number in range(300):
            marketo.edit(person, {"city": str(number), "title": str(number)})
        found = pages(sync, ["city"], cursor)

        assert [1, 1] == [len(page.changes) for page in found]
        assert [150, 150] == [len(edits(page.changes[0])) for page in found]
        assert [True, False] == [page.more for page in found]

    def test_a_cursor_may_be_read_again(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Reading from the same cursor gives the same, and a quiet feed stands still."""
        cursor = tip(sync)
        marketo.create_person({"city": "Oslo"})
        page = sync.read("person", ["city"], cursor)

        assert page == sync.read("person", ["city"], cursor)
        assert page.cursor == sync.read("person", ["city"], page.cursor).cursor

    def test_deletes_are_tombstones(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """Who was deleted is a tombstone, whatever happened before on the page."""
        person = marketo.create_person({"city": "Oslo"})
        cursor = tip(sync)
        marketo.edit(person, {"city": "Bergen"})
        clock.advance(5)
        marketo.delete(person)

        expected = [Tombstone(person, START + dt.timedelta(seconds=5))]
        assert expected == changes(sync, ["city"], cursor)
        assert marketo.person(person) is None
        assert marketo.create_person({}) != person

    def test_a_merge_is_a_change_and_tombstones(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """The winner's values win unless empty; the losers are gone (R50, R52)."""
        winner = marketo.create_person({"city": "Oslo", "leadScore": 5})
        other = marketo.create_person({"city": "Bergen", "title": "Boss", "leadScore": 7})
        third = marketo.create_person({"title": "Clerk", "fax": "1", "doNotCall": True})
        cursor = tip(sync)
        marketo.merge(winner, other, third)
        [change, *gone] = changes(sync, ["city", "title", "fax", "leadScore"], cursor)

        assert isinstance(change, Record)
        assert {"city": "Oslo", "title": "Boss", "fax": "1", "leadScore": 5} == change.values
        assert [("title", None, "Boss"), ("fax", None, "1")] == sorted(edits(change))[::-1]
        assert [Tombstone(other, START), Tombstone(third, START)] == gone
        assert (marketo.person(winner) or {})["doNotCall"] is False
        assert ["2,3"] == [a.new for a in marketo.activities(winner) if a.type == 32]
        with pytest.raises(ValueError, match="another winner"):
            marketo.merge(winner, winner)
        with pytest.raises(KeyError):
            marketo.merge(winner, other)

    def test_late_rows_come_late(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """What arrives late is behind every earlier cursor, with its own stamp."""
        person = marketo.create_person({"city": "Oslo"})
        cursor = tip(sync)
        marketo.hold_back()
        marketo.edit(person, {"city": "Bergen"})
        assert [] == changes(sync, ["city"], cursor)
        marketo.release()
        clock.advance(60)
        marketo.edit(person, {"city": "Hamar"})
        later = changes(sync, ["city"], cursor)
        late = [edit.at for change in later if isinstance(change, Record) for edit in change.edits]

        assert [("city", "Oslo", "Bergen"), ("city", "Bergen", "Hamar")] == edits(later[0])
        assert [START, START + dt.timedelta(seconds=60)] == late

    def test_late_rows_are_behind_a_cursor_given_since(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A cursor that passed newer rows still leads to the late ones."""
        person = marketo.create_person({"city": "Oslo", "title": "Boss"})
        marketo.hold_back()
        marketo.edit(person, {"city": "Bergen"})
        marketo.delete(marketo.create_person({}))
        cursor = tip(sync)
        marketo.release()

        assert [person, RecordId("2")] == [c.id for c in changes(sync, ["city"], cursor)]

    def test_the_feed_may_lag(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """With a lag, an activity shows up that much later; the person changes at once."""
        cursor = tip(sync)
        marketo.lag(30)
        person = marketo.create_person({"city": "Oslo"})
        clock.advance(29)
        assert [] == changes(sync, ["city"], cursor)
        assert [] == marketo.activities(person)
        assert [person] == [change.id for change in changes(sync, ["city"], None)]
        clock.advance(1)

        assert [person] == [change.id for change in changes(sync, ["city"], cursor)]

    @pytest.mark.parametrize(("every", "expected"), [(1, "0+0+0+"), (2, "+0++0+")])
    def test_pages_may_be_empty(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        every: int,
        expected: str,
    ) -> None:
        """An empty page may come first, and says that there is more."""
        cursor = tip(sync)
        for _ in range(900):
            marketo.create_person({})
        marketo.empty_pages(every)
        found = pages(sync, ["city"], cursor)
        shape = "".join("+" if page.changes else "0" for page in found)

        assert expected[: len(shape)] == shape
        assert 900 == sum(len(page.changes) for page in found)
        assert 900 == len(changes(sync, ["city"], None))

    def test_pages_may_repeat_rows(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A page may begin with rows of the page before, under the same edit ids."""
        person = marketo.create_person({})
        cursor = tip(sync)
        marketo.repeats(2)
        for number in range(301):
            marketo.edit(person, {"city": str(number)})
        first, last = pages(sync, ["city"], cursor)

        ids = [
            [edit.id for edit in change.edits]
            for change in (*first.changes, *last.changes)
            if isinstance(change, Record)
        ]
        assert ids[0][-2:] == ids[1][:2]
        assert (300, 3) == (len(ids[0]), len(ids[1]))
        assert 1 == len(sync.read("person", ["city"], last.cursor).changes)

    def test_foreign_cursors_are_refused(
        self,
        clock: SandboxClock,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A cursor of another instance, or of anything else, is the caller's mistake."""
        other = SandboxMarketo(clock=clock, name="other").connector()
        with pytest.raises(ContractError, match="'other'"):
            sync.read("person", ["city"], tip(other))
        for text in ("", "deltatoken=1", "marketo.", "marketo.W10=", "marketo.MQ==", "marketo.ø"):
            with pytest.raises(ContractError, match="not given by"):
                sync.read("person", ["city"], Cursor(text))

    def test_old_cursors_expire(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """When activities are no longer kept, cursors given earlier say so."""
        old = tip(sync)
        marketo.create_person({})
        new = tip(sync)
        marketo.forget_changes()

        assert [] == changes(sync, ["city"], new)
        with pytest.raises(CursorExpired, match="no longer kept"):
            sync.read("person", ["city"], old)


class TestPeople:
    """What users do."""

    def test_people_make_and_change_people(self, marketo: SandboxMarketo) -> None:
        """Users may set what the API may not, except what is the system's own."""
        person = marketo.create_person({"priority": 3}, by="ann")
        marketo.edit(person, {"priority": 4}, by="bob")

        assert [(person, 4)] == [(who, values["priority"]) for who, values in marketo.people()]
        assert [(12, "ann", None, None), (13, "bob", 3, 4)] == [
            (each.type, each.author, each.old, each.new) for each in marketo.activities(person)
        ]
        with pytest.raises(ValueError, match="'createdAt' is not writable") as error:
            marketo.edit(person, {"createdAt": "x", "city": 4711})
        assert "4711" not in str(error.value)

    def test_nobody_is_a_key_error(self, marketo: SandboxMarketo) -> None:
        """Changing somebody who is not there is the test's mistake."""
        calls: list[Callable[[], None]] = [
            lambda: marketo.edit(RecordId("1"), {}),
            lambda: marketo.delete(RecordId("guid")),
            lambda: marketo.block_updates("nonsense"),
            lambda: marketo.when_changed("nonsense", lambda _: {}),
        ]
        for call in calls:
            with pytest.raises(KeyError):
                call()
        assert marketo.person(RecordId("guid")) is None
        assert [] == marketo.activities(RecordId("guid"))
        assert [] == marketo.activity_log(RecordId("guid"))

    def test_a_person_is_named_by_a_number_too(self, marketo: SandboxMarketo) -> None:
        """As a sync takes it; but neither True nor None is anybody."""
        person, other = (marketo.create_person({"lastName": name, "company": "c"}) for name in "ab")
        marketo.edit(int(person), {"city": "Oslo"})

        assert marketo.person(int(person)) == marketo.person(person)
        assert marketo.activities(int(person)) == marketo.activities(person)
        assert marketo.activity_log(int(person)) == []
        with pytest.raises(KeyError):
            marketo.edit(True, {})  # noqa: FBT003 - it is no id
        with pytest.raises(ValueError, match="another winner"):
            marketo.merge(int(person), person)
        marketo.merge(int(person), int(other))
        marketo.delete(int(person))
        assert marketo.count() == 0

    def test_a_blocked_field_is_written_once(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A block stops the API's write, not its attempt (R23)."""
        person = marketo.create_person({"city": "Oslo"})
        marketo.block_updates("city")
        marketo.block_updates("title")
        cursor = tip(sync)
        results = [
            one(sync, update(person, city="Bergen", title="Boss")),
            one(sync, update(person, title="Clerk")),
        ]
        [change] = changes(sync, ["city", "title"], cursor)

        assert [Updated(person)] * 2 == results
        assert [("title", None, "Boss")] == edits(change)
        marketo.edit(person, {"city": "Hamar"})
        assert "Hamar" == (marketo.person(person) or {})["city"]
        marketo.unblock_updates("city")
        one(sync, update(person, city="Bergen"))
        assert "Bergen" == (marketo.person(person) or {})["city"]

    def test_automations_run_after_any_write(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A campaign's change is another author's, and shows up in the feed."""
        marketo.when_changed("country", lambda person: {"state": f"in {person['country']}"})
        marketo.when_changed("state", lambda _: {"title": "Mover"})
        made = one(sync, upsert("a", country="Norway"))
        assert isinstance(made, Created)
        cursor = tip(sync)
        one(sync, update(made.id, country="Sweden"))
        [change] = changes(sync, ["country", "state", "title"], cursor)

        expected = [("country", "Norway", "Sweden"), ("state", "in Norway", "in Sweden")]
        assert expected == edits(change)
        authors = [each.author for each in marketo.activities(made.id)]
        assert ["sync", "automation", "automation", "sync", "automation"] == authors

    def test_automations_in_a_circle_come_to_an_end(self, marketo: SandboxMarketo) -> None:
        """Campaigns that trigger one another stop."""
        marketo.when_changed("leadScore", lambda p: {"leadScore": int(p["leadScore"] or 0) + 1})
        person = marketo.create_person({"leadScore": 0})

        assert 10 == (marketo.person(person) or {})["leadScore"]

    def test_an_automation_may_delete(self, marketo: SandboxMarketo) -> None:
        """A campaign may do anything that users do, in the same transaction."""

        def purge(person: Mapping[str, Wire]) -> Mapping[str, Wire]:
            marketo.delete(RecordId(str(person["id"])))
            return {"city": "Oslo"}

        marketo.when_changed("unsubscribed", purge)
        marketo.create_person({"unsubscribed": True})

        assert 0 == marketo.count()

    def test_a_failing_call_leaves_nothing(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """What breaks in the middle of a call takes the whole call back."""
        marketo.when_changed("city", lambda _: {"nonsense": 1})
        cursor = tip(sync)
        with pytest.raises(ValueError, match="1006"):
            sync.write("person", [upsert("a"), upsert("b", city="Oslo")])

        assert 0 == marketo.count()
        assert [] == changes(sync, ["city"], cursor)
        assert Created(RecordId("1")) == one(sync, upsert("a"))


class TestLog:
    """Lines in people's activity logs."""

    def test_adds_lines(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """Each line has a result, nobody's is gone, and the same line twice is two lines."""
        person = marketo.create_person({})
        line = ActivityLine("k1", person, START, "refused", "city: too long")
        nobody = ActivityLine("k2", RecordId("9"), START, "refused", "city: too long")
        long = ActivityLine("k3", person, START, "refused", "x" * 65_537)
        results = sync.log([line, nobody, line, long])

        assert [Created(RecordId("1")), Gone(), Created(RecordId("2"))] == results[:3]
        assert [("1049", "text")] == codes(results[3])
        assert [line, line] == marketo.activity_log(person)
        assert {"k1"} == sync.logged([person, RecordId("9")])
        with pytest.raises(ContractError):
            sync.log([line] * 301)

    def test_lines_move_with_a_merge(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """The winner of a merge has the losers' log; a delete takes it away."""
        winner, loser = marketo.create_person({}), marketo.create_person({})
        sync.log([ActivityLine("k", loser, START, "refused", "")])
        marketo.merge(winner, loser)
        assert {"k"} == sync.logged([winner])
        marketo.delete(winner)

        assert set() == sync.logged([winner, loser])


class TestLimits:
    """How many calls are let through."""

    def test_a_hundred_calls_in_twenty_seconds(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """The call too many is told when a slot is free, and then works."""
        sync.describe("person")
        clock.advance(5)
        for _ in range(99):
            sync.describe("person")
        with pytest.raises(Throttled) as error:
            sync.describe("person")

        assert ("window", 15.0) == (error.value.scope, error.value.retry_after)
        assert {"window": 1} == marketo.throttled
        clock.sleep(error.value.retry_after)
        sync.describe("person")
        with pytest.raises(Throttled):
            sync.describe("person")
        assert {"describe": 101} == marketo.calls

    def test_the_days_quota(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """The day's quota starts again at midnight, US Central."""
        marketo.limits = Limits(day=2)
        for _ in range(2):
            sync.describe("person")
        with pytest.raises(Throttled) as error:
            sync.describe("person")

        assert ("day", 21 * 3600.0) == (error.value.scope, error.value.retry_after)
        clock.sleep(error.value.retry_after)
        sync.describe("person")

    def test_ten_at_once(self, marketo: SandboxMarketo, sync: SandboxMarketoConnector) -> None:
        """The eleventh call at the same time is turned away."""
        scopes: list[str] = []

        def dive(_operation: str, _number: int) -> None:
            try:
                sync.describe("person")
            except Throttled as error:
                scopes.append(error.scope)

        marketo.faults.hook = dive
        sync.describe("person")

        assert ["concurrency"] == scopes
        assert {"describe": 10} == marketo.calls

    def test_limits_may_be_off(
        self, marketo: SandboxMarketo, sync: SandboxMarketoConnector
    ) -> None:
        """Without limits, calls are only counted."""
        marketo.limits = NO_LIMITS
        for _ in range(150):
            sync.logged([])

        assert {"logged": 150} == marketo.calls
        assert NO_LIMITS == marketo.limits


class TestFaults:
    """What goes wrong on demand."""

    @pytest.mark.parametrize(
        ("kind", "expected", "applied"),
        [
            ("throttled", Throttled, False),
            ("down", Unavailable, False),
            ("refused", Refused, False),
            ("lost_request", Ambiguous, False),
            ("lost_response", Ambiguous, True),
            ("crash_before", SimulatedCrash, False),
            ("crash_after", SimulatedCrash, True),
        ],
    )
    def test_a_write_fails(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        kind: FaultKind,
        expected: type[BaseException],
        applied: bool,  # noqa: FBT001 - a case, not a switch
    ) -> None:
        """A planned fault strikes one call, before or after it was applied."""
        marketo.faults.plan("write", Fault(kind))
        with pytest.raises(expected):
            one(sync, upsert("a"))

        assert applied == (marketo.count() == 1)
        assert (Updated if applied else Created) is type(one(sync, upsert("a")))

    @pytest.mark.parametrize("kind", ["lost_request", "lost_response"])
    def test_a_lost_read_is_safe(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        kind: FaultKind,
    ) -> None:
        """A call that only reads has nothing to be ambiguous about."""
        marketo.faults.plan("*", Fault(kind))
        with pytest.raises(Unavailable):
            sync.read("person", ["city"], None)

    def test_a_throttled_call_says_how_long(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """The fault's own numbers reach the caller."""
        marketo.faults.plan("find", Fault("throttled", retry_after=7.0, scope="day"))
        with pytest.raises(Throttled) as error:
            sync.find("person", "email", [], [])

        assert (7.0, "day") == (error.value.retry_after, error.value.scope)

    def test_a_slow_call_works(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
        clock: SandboxClock,
    ) -> None:
        """A slow call takes its time, and then works."""
        marketo.faults.plan("write", Fault("slow", cost=45))

        assert Created(RecordId("1")) == one(sync, upsert("a"))
        assert 45 == clock.slept

    def test_a_cursor_expires_on_demand(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A fault may say that the cursor is no longer known."""
        marketo.faults.plan("read", Fault("cursor_expired"))
        with pytest.raises(CursorExpired):
            sync.read("person", ["city"], None)

    def test_a_write_is_partly_applied(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """The first half is applied; the others say throttled and ambiguous by turns."""
        throttled, lost = Fault("partial", rest="throttled"), Fault("partial", rest="ambiguous")
        marketo.faults.plan("write", Fault("partial", retry_after=3.0), throttled, lost)
        results = sync.write("person", [upsert(str(i)) for i in range(5)])

        assert [Created(RecordId("1")), Created(RecordId("2"))] == results[:2]
        assert [ThrottledWrite(3.0), AmbiguousWrite(), ThrottledWrite(3.0)] == results[2:]
        assert [ThrottledWrite()] == sync.write("person", [upsert("9")])
        assert [AmbiguousWrite()] == sync.write("person", [upsert("9")])
        assert 2 == marketo.count()

    def test_a_hook_decides_per_call(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A hook sees the operation and its number; where it does not care, plans count."""
        seen: list[tuple[str, int]] = []

        def hook(operation: str, number: int) -> Fault | None:
            seen.append((operation, number))
            return Fault("down") if number == 2 else None

        marketo.faults.hook = hook
        marketo.faults.plan("describe", None, Fault("refused"))
        sync.describe("person")
        with pytest.raises(Unavailable):
            sync.describe("person")
        with pytest.raises(Refused):
            sync.describe("person")
        marketo.faults.plan("*", Fault("down"))
        marketo.faults.clear()
        sync.logged([])

        assert [("describe", 1), ("describe", 2), ("describe", 3)] == seen

    def test_a_hook_may_act_as_somebody_else(
        self,
        marketo: SandboxMarketo,
        sync: SandboxMarketoConnector,
    ) -> None:
        """A test can put an edit between our reading and our write."""
        person = marketo.create_person({"city": "Oslo"})
        marketo.faults.hook = lambda _operation, _number: marketo.edit(person, {"city": "Hamar"})
        cursor = tip(sync)
        one(sync, update(person, city="Bergen"))
        [change] = changes(sync, ["city"], cursor)

        assert ("city", "Hamar", "Bergen") in edits(change)

    def test_faults_stand_alone(self, clock: SandboxClock) -> None:
        """Faults know no system: they can be put around any call."""
        faults = Faults(lambda _operation, _number: Fault("down"))
        with pytest.raises(Unavailable), faults.guard(Side.DYNAMICS, clock, "read"):
            pass

        assert {"read": 1} == faults.calls


class TestFile:
    """A system in a file."""

    def test_is_there_again(self, tmp_path: Path, clock: SandboxClock) -> None:
        """People, columns, rights, blocks and the feed's manners outlive the process."""
        path = tmp_path / "marketo.sqlite"
        with SandboxMarketo(path, clock=clock, name="acme") as first:
            first.add_column(Column("shoeSize", type="integer"))
            first.set_access("city", Access.READ)
            first.block_updates("title")
            first.drop_column("fax")
            first.lag(10)
            person = first.create_person({"shoeSize": 44, "title": "Boss"})
            cursor = tip(first.connector())
        with SandboxMarketo(path, clock=clock, name="other", columns=()) as again:
            sync = again.connector()
            one(sync, update(person, title="Clerk"))
            clock.advance(10)

            assert "acme" == again.name
            assert {"shoeSize": 44, "title": "Boss"} == {
                name: (again.person(person) or {})[name] for name in ("shoeSize", "title")
            }
            assert Access.READ == sync.describe("person").columns["city"].access
            assert "fax" not in sync.describe("person").columns
            assert [person] == [change.id for change in changes(sync, ["title"], cursor)]

    def test_is_nobody_elses_to_read(self, tmp_path: Path, clock: SandboxClock) -> None:
        """Every file of it has mode 0600."""
        with SandboxMarketo(tmp_path / "m", clock=clock) as marketo:
            marketo.create_person({})

            modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
            assert {0o600} == modes

    def test_two_may_have_it_open(self, tmp_path: Path, clock: SandboxClock) -> None:
        """What one of two does to the columns, the other sees."""
        with (
            SandboxMarketo(tmp_path / "m", clock=clock) as one_,
            SandboxMarketo(tmp_path / "m", clock=clock) as other,
        ):
            one_.add_column(Column("shoeSize", type="integer"))
            person = other.create_person({"shoeSize": 44})

            assert 44 == (one_.person(person) or {})["shoeSize"]

    def test_looks_again_after_an_interruption(
        self, tmp_path: Path, clock: SandboxClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who is interrupted looking at what the other did hears so, and sees it next time."""
        with (
            SandboxMarketo(tmp_path / "m", clock=clock) as one_,
            SandboxMarketo(tmp_path / "m", clock=clock) as other,
        ):
            person = other.create_person({})
            one_.add_column(Column("shoeSize", type="integer"))

            def interrupted() -> None:
                # As SQLite does by itself where the disk fails.
                other._store._db.execute("ROLLBACK")
                raise KeyboardInterrupt

            with monkeypatch.context() as patch:
                patch.setattr(other._store, "_read_columns", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    other.person(person)

            assert "shoeSize" in (other.person(person) or {})

    @pytest.mark.parametrize("path", [None, "m"])
    def test_goes_back_to_a_snapshot(
        self,
        tmp_path: Path,
        clock: SandboxClock,
        path: str | None,
    ) -> None:
        """Restoring brings everything back, in memory and in a file, and in another one."""
        with SandboxMarketo(path and tmp_path / path, clock=clock) as marketo:
            person = marketo.create_person({"city": "Oslo"})
            cursor = tip(marketo.connector())
            marketo.edit(person, {"city": "Bergen"})
            snapshot = marketo.snapshot()
            marketo.drop_column("city")
            marketo.delete(person)
            marketo.restore(snapshot)
            again = changes(marketo.connector(), ["city"], cursor)
            with SandboxMarketo(clock=clock, name="copy") as copy:
                copy.restore(snapshot)

                assert "sandbox-marketo" == copy.name
                assert again == changes(copy.connector(), ["city"], cursor)
            assert [("city", "Oslo", "Bergen")] == edits(again[0])
            assert person != marketo.create_person({})

    @pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
    def test_a_killed_process_leaves_whole_calls(self, tmp_path: Path, clock: SandboxClock) -> None:
        """A call that returned is there; one that was under way is not at all."""
        path = tmp_path / "m"
        script = f"""
import os, signal
from dynsync.records import RecordId
from dynsync.sandbox import SandboxClock, SandboxMarketo
from dynsync.writes import Create
marketo = SandboxMarketo({os.fspath(path)!r}, clock=SandboxClock())
marketo.when_changed("city", lambda _: os.kill(os.getpid(), signal.SIGKILL) or {{}})
rows = [Create(RecordId(str(i)), {{"crmLeadId": str(i)}}, "crmLeadId") for i in range(300)]
marketo.connector().write("person", rows)
last = Create(RecordId("x"), {{"crmLeadId": "x", "city": "Oslo"}}, "crmLeadId")
others = [Create(RecordId(f"y{{i}}"), {{"crmLeadId": f"y{{i}}"}}, "crmLeadId") for i in range(99)]
marketo.connector().write("person", [*others, last])
"""
        done = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - our own program

        assert -signal.SIGKILL == done.returncode
        with SandboxMarketo(path, clock=clock) as marketo:
            assert 300 == marketo.count()


def test_calls_from_several_threads_take_turns(
    marketo: SandboxMarketo,
    sync: SandboxMarketoConnector,
) -> None:
    """Many threads may write at once; every call is whole."""

    def work(name: str) -> None:
        for number in range(5):
            sync.write("person", [upsert(f"{name}{number}{i}") for i in range(20)])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 800 == marketo.count()
    assert 40 == marketo.calls["write"]
