"""The Dynamics connector and the emulator of Dynamics' Web API: the contract, and whole syncs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import pytest

from broken.systems import DynamicsOutside, dynamics
from dynsync import CONTACT, LEAD, Sync
from dynsync.dynamics import PACE, DataverseConnector, DynamicsOptions
from dynsync.emulator import Trouble, TroubleKind, Troubles, emulate
from dynsync.errors import Refused
from dynsync.http import HttpxTransport
from dynsync.limiting import Limiter
from dynsync.records import Record, RecordId, Side, Wire
from dynsync.sandbox import NO_LIMITS, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sandbox._dynamics_columns import TABLES
from dynsync.schemas import Access, Column
from dynsync.testing import Standing, check_connector
from dynsync.writes import Create, Created, Rejected, Update, Updated, WriteResult
from emulated import over, signing_in
from support import World

NEEDED: Final = frozenset(
    {"leadid", "contactid", "firstname", "lastname", "address1_city", "statecode", "statuscode"}
    | {"ownerid", "modifiedby", "modifiedon"}
)
SMALL: Final = tuple(one.only("first_name", "last_name", "city") for one in (LEAD, CONTACT))

FEW: Final = {
    table: [column for column in columns if column.name in NEEDED]
    for table, columns in TABLES.items()
}
"""Few columns: describing them is what takes longest in a cycle of nothing but describing."""


def made() -> tuple[DataverseConnector, DynamicsOutside]:
    """Return a connector to a fresh emulated org, and somebody at work in it."""
    _, outside = dynamics()
    connector, _ = over(outside.org, outside.clock)
    return connector, outside


def test_every_clause_of_the_contract_holds() -> None:
    """Beside a model of what the org must hold, with others at work, limits and lost answers."""
    findings = check_connector(made, table="contact", rounds=0)

    findings.raise_if_broken()
    unheld = {one.clause.number for one in findings.findings if one.standing is not Standing.HELD}
    assert {"C3e", "log"} == unheld


@pytest.fixture
def org() -> Iterator[tuple[SandboxDynamics, SandboxClock]]:
    """An org with all columns of the default mapping."""
    clock = SandboxClock()
    with SandboxDynamics(clock=clock, limits=NO_LIMITS) as dynamics_:
        yield dynamics_, clock


def test_columns_are_described_as_the_org_has_them(
    org: tuple[SandboxDynamics, SandboxClock],
) -> None:
    """Types, labels, lengths, bounds, options and rights survive the way through metadata."""
    sandbox, clock = org
    connector, _ = over(sandbox, clock)

    for table in ("lead", "contact"):
        true = sandbox.connector().describe(table).columns
        told = connector.describe(table).columns
        assert true.keys() == told.keys()
        for name, column in true.items():
            said = told[name]
            assert (column.type, column.label, column.access) == (
                said.type,
                said.label,
                said.access,
            )
            assert (column.options, column.required) == (said.options, said.required)
            assert column.length in {None, said.length}
            assert column.minimum in {None, said.minimum}
            assert column.maximum in {None, said.maximum}
            assert column.digits in {None, said.digits}


def test_rights_are_asked_for_anew(org: tuple[SandboxDynamics, SandboxClock]) -> None:
    """What is secured, revoked and given back is seen in the next description."""
    sandbox, clock = org
    connector, _ = over(sandbox, clock)

    sandbox.secure("contact", "firstname", Access.UPDATE)
    sandbox.revoke("contact", Access.CREATE)
    narrow = connector.describe("contact").columns
    sandbox.secure("contact", "firstname", Access.READ | Access.UPDATE | Access.CREATE)
    sandbox.grant("contact", Access.CREATE)
    wide = connector.describe("contact").columns

    assert (Access.UPDATE, Access.READ | Access.UPDATE) == (
        narrow["firstname"].access,
        narrow["lastname"].access,
    )
    assert wide["firstname"].access is wide["lastname"].access


def test_an_unreadable_column_is_known_and_never_taken_for_a_null(
    org: tuple[SandboxDynamics, SandboxClock],
) -> None:
    """In no page, no record, no result; and nobody is found by it."""
    sandbox, clock = org
    ann = sandbox.create("contact", {"lastname": "Lee", "firstname": "Ann"})
    connector, _ = over(sandbox, clock)
    sandbox.secure("contact", "firstname", Access.UPDATE)
    connector.describe("contact")
    fields = ["firstname", "lastname"]

    [change] = connector.read("contact", fields, None).changes
    [record] = connector.fetch("contact", [ann], fields)
    [result] = connector.write("contact", [Update(ann, {"firstname": "Anna"})])

    assert {"lastname": "Lee"} == record.values
    assert change == record
    assert isinstance(result, Updated)
    assert {} == result.values
    with pytest.raises(Refused, match="firstname"):
        connector.find("contact", "firstname", ["Anna"], fields)
    row = sandbox.row("contact", ann)
    assert row is not None
    assert "Anna" == row["firstname"]


def test_a_table_that_may_not_be_read_refuses(org: tuple[SandboxDynamics, SandboxClock]) -> None:
    """And names the privilege, instead of finding nothing."""
    sandbox, clock = org
    connector, _ = over(sandbox, clock)
    sandbox.revoke("contact", Access.READ)

    with pytest.raises(Refused, match="prvReadContact"):
        connector.read("contact", ["firstname"], None)


def test_references_owners_choices_and_money_are_written_and_read(
    org: tuple[SandboxDynamics, SandboxClock],
) -> None:
    """Each in the form in which the Web API takes it, and cleared as well."""
    sandbox, clock = org
    connector, _ = over(sandbox, clock)
    account, person = RecordId("00000000-0000-4000-8000-00000000acc0"), connector.sync_user()
    sandbox.add_column("contact", Column("revenue", "Revenue", "Money", digits=2))
    connector.describe("contact")
    key = RecordId("00000000-0000-4000-8000-0000000000aa")
    values: dict[str, Wire] = {
        "lastname": "Lee",
        "parentcustomerid": account,
        "ownerid": person,
        "preferredcontactmethodcode": 2,
        "new_interests": "1,9",
        "revenue": 12.5,
        "birthdate": "1990-02-28",
    }

    [created] = connector.write("contact", [Create(key, values)])
    [cleared] = connector.write("contact", [Update(key, {"parentcustomerid": None})])

    assert isinstance(created, Created)
    assert values == created.values
    assert isinstance(cleared, Updated)
    assert {"parentcustomerid": None} == cleared.values


def test_detection_of_duplicates_is_the_hosts_to_switch(
    org: tuple[SandboxDynamics, SandboxClock],
) -> None:
    """Off, a row is made beside another like it; on, it is refused with a reason."""
    sandbox, clock = org
    sandbox.detect_duplicates("contact", "emailaddress1")
    values = {"lastname": "Lee", "emailaddress1": "us@example.org"}
    sandbox.create("contact", values)
    keys = [RecordId(f"00000000-0000-4000-8000-0000000000a{n}") for n in range(2)]
    results: list[WriteResult] = []

    both = (DynamicsOptions(duplicates="detect"), DynamicsOptions())
    for key, options in zip(keys, both, strict=True):
        connector, _ = over(sandbox, clock, options=options)
        results += connector.write("contact", [Create(key, values)])

    refused, created = results
    assert isinstance(refused, Rejected)
    assert "0x80040333" == refused.reasons[0].code
    assert isinstance(created, Created)


# -- whole syncs


class OverTheWebApi(World):
    """Two sandbox systems, and a sync that talks to Dynamics by its Web API."""

    def __init__(self) -> None:
        clock = SandboxClock()
        org = SandboxDynamics(clock=clock, limits=NO_LIMITS, tables=FEW)
        super().__init__(*SMALL, clock=clock, dynamics=org)
        connector, self.emulator = over(self.dynamics, self.clock)
        self.sync = Sync(
            marketo=self.marketo.connector(),
            dynamics=connector,
            maps=SMALL,
            store=self.store,
            recorders=(self.recorder,),
            clock=self.clock,
        )


def test_edits_of_both_sides_meet() -> None:
    """Both live, in different fields; in the same, who wins is who wins without the network."""
    world = OverTheWebApi()
    person, row = world.linked("contact", firstname="Ann", address1_city="Rome")

    world.marketo.edit(person, {"city": "Oslo"})
    world.dynamics.edit("contact", row, {"firstname": "Anna"})
    world.settled()
    world.marketo.edit(person, {"city": "Bonn"})
    world.dynamics.edit("contact", row, {"address1_city": "Bern"})
    world.settled()

    assert ("Anna", "Anna") == world.both(person, "contact", row, "first_name")
    assert ("Bern", "Bern") == world.both(person, "contact", row, "city")


def test_a_right_that_is_taken_away_clears_nothing() -> None:
    """In Dynamics' answers the column is null from then on, with the status of success."""
    world = OverTheWebApi()
    person, row = world.linked("contact", firstname="Ann", address1_city="Rome")

    world.dynamics.secure("contact", "firstname", Access.NONE)
    world.dynamics.edit("contact", row, {"address1_city": "Oslo"})
    world.settled()

    assert ("Ann", "Ann") == world.both(person, "contact", row, "first_name")
    assert ("Oslo", "Oslo") == world.both(person, "contact", row, "city")


TROUBLES: Final[tuple[tuple[TroubleKind, int], ...]] = (
    ("html", 0),
    ("gateway_before", 1),
    ("dropped_before", 2),
    ("token_lost", 3),
    ("dropped_before", 4),
    ("dropped_after", 4),
    ("gateway_after", 5),
    ("html", 4),
    ("throttled", 5),
)
"""What happens to which request of a cycle: two describe, two read, two write."""


def test_whatever_happens_to_a_request_nobody_is_made_twice() -> None:
    """Nor is an edit lost, and it does not matter what had been applied."""
    world = OverTheWebApi()
    person, row = world.linked("lead", firstname="Ann")
    for number, (kind, which) in enumerate(TROUBLES):
        new = world.marketo.create_person({"lastName": f"New{number}", "firstName": "x"})
        world.sync.sync_person(new, as_="contact", when="queued")
        world.marketo.edit(person, {"firstName": f"Ann{number}"})
        met = meet(world.emulator.troubles, kind, which)
        world.cycle()
        world.emulator.troubles.clear()
        world.settled()

        assert [kind] == met
        assert (f"Ann{number}",) * 2 == world.both(person, "lead", row, "first_name")
        made_there = [str(one["lastname"]) for one in world.dynamics.rows("contact").values()]
        assert [f"New{n}" for n in range(number + 1)] == sorted(made_there)
    linked = [values["crmContactId"] for _, values in world.marketo.people()]
    assert len(TROUBLES) == len({*linked} - {None})


def meet(troubles: Troubles, kind: TroubleKind, which: int) -> list[TroubleKind]:
    """Let one of the next requests meet trouble; what is returned tells when it has."""
    passed, met = itertools.count(), list[TroubleKind]()

    def hook(_method: str, _path: str) -> Trouble | None:
        if next(passed) != which:
            return None
        met.append(kind)
        return Trouble(kind, seconds=1.0)

    troubles.hook = hook
    return met


def test_a_feed_that_is_forgotten_is_read_anew() -> None:
    """The end is as if it had not been, deletions included."""
    world = OverTheWebApi()
    person, row = world.linked("contact", firstname="Ann")
    gone = world.contact(firstname="Bob")
    world.settled()

    world.dynamics.delete("contact", gone)
    world.dynamics.edit("contact", row, {"firstname": "Anna"})
    world.dynamics.expire_cursors()
    world.settled()

    assert ("Anna", "Anna") == world.both(person, "contact", row, "first_name")
    assert True is world.person(world.person_of(gone))["microsoftIsDeleted"]


def test_an_idle_cycle_costs_two_requests_for_a_table() -> None:
    """One for what there is and may be done, one for what changed."""
    world = OverTheWebApi()
    world.linked("contact", firstname="Ann")
    before = world.emulator.troubles.seen.total()

    world.cycle()

    assert 2 * len(SMALL) == world.emulator.troubles.seen.total() - before


def test_it_goes_over_http_with_a_token_of_a_service_principal() -> None:
    """With sockets and threads, as hosts have it."""
    clock = SandboxClock()
    with SandboxDynamics(clock=clock) as dynamics_, SandboxMarketo(clock=clock) as marketo:
        row = dynamics_.create("contact", {"lastname": "Lee", "firstname": "Ann"})
        with (
            emulate(marketo, dynamics_, clock=clock) as emulator,
            HttpxTransport() as transport,
        ):
            connector = DataverseConnector(
                emulator.url,
                transport=transport,
                credentials=signing_in(emulator.url),
                limiter=Limiter(Side.DYNAMICS, PACE, clock),
                clock=clock,
                options=DynamicsOptions(batch=2),
            )
            page = connector.read("contact", ["firstname"], None)
            keys = [RecordId(f"00000000-0000-4000-8000-0000000000a{n}") for n in range(5)]
            results = connector.write("contact", [Create(key, {"lastname": "x"}) for key in keys])
            told = connector.read("contact", ["firstname"], page.cursor)

    assert [(row, {"firstname": "Ann"})] == [
        (one.id, one.values) for one in page.changes if isinstance(one, Record)
    ]
    assert clock.now() == page.at
    assert keys == [one.id for one in results if isinstance(one, Created)]
    assert {*keys} == {one.id for one in told.changes}
