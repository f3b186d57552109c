"""Each finding of a check, word for word, over the sandboxes: somebody acts on what it says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

import attrs
import pytest

from dynsync.checking import check
from dynsync.connectors import DynamicsConnector, Finding, Level, MarketoConnector, Needs
from dynsync.errors import ConfigurationError, ContractError
from dynsync.fields import EntityMap, Flow, Match
from dynsync.guards import Guards
from dynsync.maps import CONTACT, LEAD
from dynsync.records import Pair, Side
from dynsync.sandbox import PERSON_COLUMNS, Fault, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.schemas import FULL_ACCESS, Access, Column
from test_windows import OffClock

NAMES: Final = ("last_name", "email", "job_title")
BY_EMAIL: Final = attrs.evolve(
    CONTACT,
    fields=tuple(field for field in CONTACT.fields if field.name in NAMES),
    match=Match("email"),
)
"""A small map, of three fields."""

IN: Final = "it lets the connector in, as "
WELL: Final = [
    (Side.MARKETO, "connection", "ok", IN + "sandbox-marketo", ""),
    (Side.MARKETO, "clock", "ok", "it agrees with this machine's", ""),
    (Side.MARKETO, "role", "ok", "the user may do everything", ""),
    (Side.MARKETO, "activity log", "ok", "lines can be added", ""),
    (Side.MARKETO, "reading 'person'", "ok", "rows may be read", ""),
    (Side.MARKETO, "field 'crmContactId'", "ok", "it can hold the ids of contacts", ""),
    (Side.MARKETO, "fields of 'contact'", "ok", "all 3 are there and take part", ""),
    (Side.MARKETO, "looking up contacts by 'crmContactId'", "ok", "works", ""),
    (Side.MARKETO, "looking up contacts by 'email'", "ok", "works", ""),
    (Side.DYNAMICS, "connection", "ok", IN + "https://sandbox-dynamics.crm.dynamics.com", ""),
    (Side.DYNAMICS, "clock", "ok", "it agrees with this machine's", ""),
    (Side.DYNAMICS, "rights on 'contact'", "ok", "read, create and write, as it is needed", ""),
    (Side.DYNAMICS, "reading 'contact'", "ok", "rows may be read", ""),
    (Side.DYNAMICS, "fields of 'contact'", "ok", "all 3 are there and take part", ""),
    (Side.DYNAMICS, "looking up contacts by 'emailaddress1'", "ok", "works", ""),
]

Told = tuple[Side, str, str, str, str]


class Place:
    """Two sandboxes, *ahead* of which by so many seconds a host's clock is, and what is found."""

    def __init__(
        self, *maps: EntityMap, columns: Sequence[Column] = PERSON_COLUMNS, ahead: float = 0.0
    ) -> None:
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, columns=columns)
        self.dynamics = SandboxDynamics(clock=self.clock)
        self.maps = maps or (BY_EMAIL,)
        self.ours = OffClock(self.clock, ahead)

    def found(self, **instead: object) -> list[Told]:
        """Return all that is found, with other connectors *instead* where there are."""
        connectors = {"marketo": self.marketo.connector(), "dynamics": self.dynamics.connector()}
        chosen = {**connectors, **instead}
        found = check(
            marketo=cast("MarketoConnector", chosen["marketo"]),
            dynamics=cast("DynamicsConnector", chosen["dynamics"]),
            maps=self.maps,
            guards=Guards(clock=1800),
            clock=self.ours,
        )
        return [(one.side, one.about, one.level, one.seen, one.todo) for one in found]

    def amiss(self, **instead: object) -> list[Told]:
        """Return what is found that is not as it has to be."""
        return [told for told in self.found(**instead) if told[2] != "ok"]


def test_all_is_well() -> None:
    """Line by line, Marketo first."""
    assert WELL == Place().found()


# -- the systems


def test_a_system_that_is_down() -> None:
    """What it said, and that nothing else was tried."""
    place = Place()
    place.marketo.faults.plan("describe", Fault("down"))
    (connection, rest) = place.amiss()

    assert (Side.MARKETO, "connection", "missing") == connection[:3]
    again = "Try again; if it stays so, see the URL, the network, and what is in between."
    assert again == connection[4]
    assert (Side.MARKETO, "all else", "untried", "not tried, because of that", "") == rest


@pytest.mark.parametrize(
    ("fault", "todo"),
    [
        (
            Fault("throttled"),
            "Wait a little and try again; somebody else may use up the same limit.",
        ),
        (
            Fault("throttled", scope="day"),
            "Wait until the quota begins anew, or see who else uses it.",
        ),
        (
            Fault("refused"),
            (
                "See the URL, the application's id and secret in Microsoft Entra, and in the "
                "organisation the application user and its security role."
            ),
        ),
    ],
    ids=["throttled", "day", "refused"],
)
def test_a_table_that_is_not_described(fault: Fault, todo: str) -> None:
    """What to do about it is told by what it was."""
    place = Place()
    place.dynamics.faults.plan("describe", fault)
    (told,) = place.amiss()

    assert (Side.DYNAMICS, "table 'contact'", "missing") == told[:3]
    assert todo == told[4]


class Plain:
    """A connector without more than the contract asks for, in which *one* method stumbles."""

    def __init__(self, whole: object, one: str = "", **more: object) -> None:
        names = ("side", "capabilities", "identity", "describe", "read", "fetch", "find", "write")
        for name in (*names, "log", "logged"):
            setattr(self, name, getattr(whole, name, None))
        for name, value in more.items():
            setattr(self, name, value)
        if one:
            setattr(self, one, _stumble)


def _stumble(*_: object) -> object:
    raise ZeroDivisionError


def test_a_connector_without_a_say() -> None:
    """Its rights stay untried, and its clock is not spoken of."""
    place = Place()
    found = place.found(marketo=Plain(place.marketo.connector()))
    seen = "this connector has no say in it: see dynsync.Checkable"

    assert (Side.MARKETO, "rights and settings", "untried", seen, "") == found[1]
    assert [*WELL[:1], *WELL[4:]] == [found[0], *found[2:]]


@pytest.mark.parametrize("what", ["describe", "fetch", "find", "check", "system_time"])
def test_what_a_connector_may_not_raise(what: str) -> None:
    """The mistake is the connector's, and the method is named."""
    place = Place()
    whole = place.dynamics.connector()
    broken = Plain(
        whole, what, **{n: getattr(whole, n) for n in ("check", "system_time") if n != what}
    )

    with pytest.raises(ContractError) as caught:
        place.found(dynamics=broken)
    told = rf"The Dynamics connector raised ZeroDivisionError \(.*\) in {what}; it may raise Sys"
    assert re.match(told, str(caught.value))


def test_an_identity_that_is_none() -> None:
    """The contract is held from the first call on."""
    place = Place()
    broken = Plain(place.marketo.connector(), identity=lambda: "")

    with pytest.raises(ContractError, match="Marketo"):
        place.found(marketo=broken)


def test_a_schema_of_another_type() -> None:
    """A connector that describes a table by something else is told so, with the table."""
    place = Place()
    broken = Plain(place.marketo.connector(), describe=lambda _: {})

    with pytest.raises(ContractError, match=r"Marketo.*'person'"):
        place.found(marketo=broken)


def _unfinished() -> Iterator[Finding]:
    yield Finding(Side.MARKETO, "role", "ok", "fine")
    raise ZeroDivisionError


GOOD: Final = Finding(Side.MARKETO, "role", "ok", "fine")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: None, r"'s check\(\) returned None; it returns a list of Finding\.$"),
        (lambda: "role", r"'s check\(\) returned a str; it returns a list of Finding\.$"),
        (lambda: ["role"], r"'s check\(\) returned a str among its findings; each is a Finding\.$"),
        (_unfinished, r" raised ZeroDivisionError \(test_checking\.py:\d+\) in check; .*C8"),
        (
            lambda: [attrs.evolve(GOOD, side=Side.DYNAMICS)],
            r"'s check\(\) returned a Finding whose side is not Side\.MARKETO\.$",
        ),
        (
            lambda: [attrs.evolve(GOOD, level=cast("Level", "fine"))],
            r"'s check\(\) returned a Finding whose level is no choice; there are 'ok', 'look', ",
        ),
        (
            lambda: [attrs.evolve(GOOD, seen=cast("str", None))],
            r"'s check\(\) returned a Finding whose about, seen or todo is no text\.$",
        ),
    ],
)
def test_findings_that_are_none(answer: Callable[[], object], said: str) -> None:
    """What a connector says of its own system is looked at before it is shown."""
    place = Place()
    whole = place.marketo.connector()
    broken = Plain(whole, check=lambda _: answer(), system_time=whole.system_time)

    with pytest.raises(ContractError, match=f"^The Marketo connector{said}"):
        place.found(marketo=broken)


def test_findings_may_come_one_by_one() -> None:
    """A generator is as good as a list."""
    place = Place()
    whole = place.marketo.connector()
    kind = Plain(whole, check=lambda needs: iter(whole.check(needs)), system_time=whole.system_time)

    assert WELL == place.found(marketo=kind)


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        (dt.datetime(2030, 1, 1), "a datetime without a zone"),  # noqa: DTZ001 - that is what is wrong
        ("2030-01-01T00:00:00Z", "a str"),
    ],
)
def test_a_time_that_is_none(at: object, seen: str) -> None:
    """A clock cannot be compared with it."""
    place = Place()
    whole = place.dynamics.connector()
    broken = Plain(whole, check=whole.check, system_time=lambda: at)

    told = (
        rf"^The Dynamics connector's system_time\(\) returned {seen}; it is an aware datetime, or"
    )
    with pytest.raises(ContractError, match=told):
        place.found(dynamics=broken)


@pytest.mark.parametrize("what", ["fetch", "find"])
def test_records_that_are_none(what: str) -> None:
    """Where nobody was to be found, nobody is an empty list, as in a run."""
    place = Place()
    broken = Plain(place.dynamics.connector())
    setattr(broken, what, lambda *_: None)

    with pytest.raises(
        ContractError, match=rf"Dynamics connector, {what} of 'contact': .*None.*C4"
    ):
        place.found(dynamics=broken)


def test_a_word_that_is_none() -> None:
    """The argument is named."""
    place = Place()
    with pytest.raises(ConfigurationError, match=r"^activity_log='sometimes'"):
        check(
            marketo=place.marketo.connector(),
            dynamics=place.dynamics.connector(),
            maps=place.maps,
            activity_log=cast("None", "sometimes"),  # type: ignore[arg-type]
        )


# -- the clock


@pytest.mark.parametrize(
    ("ahead", "level", "seen"),
    [
        (0.0, "ok", ""),
        (300.0, "ok", ""),
        (-300.0, "ok", ""),
        (301.0, "look", "5 minutes ahead of"),
        (-301.0, "look", "5 minutes behind"),
        (1800.0, "look", "30 minutes ahead of"),
        (1801.0, "missing", "30 minutes ahead of"),
        (-1801.0, "missing", "30 minutes behind"),
    ],
)
def test_a_clock_that_is_off(ahead: float, level: str, seen: str) -> None:
    """By more than five minutes it is worth a line; by more than the guard allows it is amiss."""
    todo = "Set this machine's clock by a time server, and see that its time zone is right."
    told = [one for one in Place(ahead=ahead).found() if one[1] == "clock"]

    if level == "ok":
        assert [WELL[1], WELL[10]] == told
    else:
        assert [
            (side, "clock", level, f"this machine's clock is {seen} {side.label}'s", todo)
            for side in Side
        ] == told


def test_a_system_without_a_clock() -> None:
    """Who cannot tell the time has said so."""
    place = Place()
    whole = place.marketo.connector()
    timeless = Plain(whole, check=whole.check, system_time=lambda: None)

    assert [(Side.MARKETO, "clock", "untried", "Marketo does not say the time", "")] == place.amiss(
        marketo=timeless
    )


# -- what is asked of a connector


def needs(place: Place, side: Side) -> Needs:
    """Return what a check asks the connector of *side* about."""
    asked: list[Needs] = []

    def listen(one: Needs) -> Sequence[Finding]:
        asked.append(one)
        return ()

    whole = place.marketo.connector() if side is Side.MARKETO else place.dynamics.connector()
    heard = Plain(whole, check=listen, system_time=whole.system_time)
    place.found(**{side.value: heard})
    (one,) = asked
    return one


def to_marketo(entity_map: EntityMap) -> EntityMap:
    """Return the map with all fields flowing to Marketo only."""
    fields = [attrs.evolve(field, flow=Flow.TO_MARKETO) for field in entity_map.fields]
    return attrs.evolve(entity_map, fields=tuple(fields))


@pytest.mark.parametrize(
    ("maps", "marketo", "dynamics"),
    [
        ((BY_EMAIL,), {"person": FULL_ACCESS}, {"contact": FULL_ACCESS}),
        ((to_marketo(BY_EMAIL),), {"person": FULL_ACCESS}, {"contact": Access.READ}),
        (
            (to_marketo(BY_EMAIL), LEAD),
            {"person": FULL_ACCESS},
            {"contact": Access.READ, "lead": FULL_ACCESS},
        ),
    ],
    ids=["both ways", "one way", "either"],
)
def test_what_a_sync_needs(
    maps: tuple[EntityMap, ...], marketo: Mapping[str, Access], dynamics: Mapping[str, Access]
) -> None:
    """People get the id of their record always; a table that nothing flows to is only read."""
    assert Pair(marketo, dynamics) == Pair(*(needs(Place(*maps), side).tables for side in Side))


def test_one_table_for_two_entities() -> None:
    """Of a table that one entity only reads and another writes all rights are needed."""
    reading = to_marketo(BY_EMAIL)
    tables = attrs.evolve(LEAD.tables, dynamics="contact")
    writing = attrs.evolve(LEAD, tables=tables, fields=BY_EMAIL.fields)

    assert {"contact": FULL_ACCESS} == needs(Place(writing, reading), Side.DYNAMICS).tables


# -- columns


def only(*names: str) -> list[Column]:
    """Return Marketo's columns of these *names*."""
    return [column for column in PERSON_COLUMNS if column.name in names]


THEIRS: Final = (
    "crmContactId",
    "microsoftType",
    "microsoftIsDeleted",
    "lastName",
    "email",
    "title",
)


def test_no_field_for_the_id() -> None:
    """There is no sync without one; how to make it is told."""
    assert [
        (
            Side.MARKETO,
            "field 'crmContactId'",
            "missing",
            "there is no such field",
            (
                "People keep the id of their contact in it: make a custom field of the type string "
                "in Admin > Field Management, with that API name, or name another in the map."
            ),
        )
    ] == Place(columns=only(*THEIRS[1:])).amiss()


def test_no_fields_for_the_other_stamps() -> None:
    """A sync works without them."""
    seen = "it is not there or may not be written, so it is not kept"
    todo = "Make it a custom field, or leave it out of the map of 'contact'."

    assert [(Side.MARKETO, f"field {name!r}", "look", seen, todo) for name in THEIRS[1:3]] == Place(
        columns=only(*THEIRS[:1], *THEIRS[3:])
    ).amiss()


def test_columns_that_are_not_there() -> None:
    """They are named as the system names them, and as the map does to leave them out."""
    assert [
        (
            Side.MARKETO,
            "fields of 'contact'",
            "missing",
            "'person' has no email, title",
            'Make them, correct the map, or leave them out: without = ["email", "job_title"].',
        )
    ] == Place(columns=only(*THEIRS[:4])).amiss()


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " and 1 more"), (11, " and 3 more")])
def test_many_columns_that_are_not_there(count: int, more: str) -> None:
    """Eight are named."""
    wide = attrs.evolve(CONTACT, fields=CONTACT.fields[:count])
    names = [field.names.marketo for field in wide.fields]
    (told,) = Place(wide, columns=only(*THEIRS[:3])).amiss()

    assert f"'person' has no {', '.join(names[:8])}{more}" == told[3]


UNREAD: Final = "Give the sync user a column security profile, or leave it out."


def test_a_column_that_may_not_be_read() -> None:
    """The others take part."""
    place = Place()
    place.dynamics.secure("contact", "jobtitle", Access.UPDATE)
    seen = "may not be read, so take no part: jobtitle"

    assert [(Side.DYNAMICS, "fields of 'contact'", "look", seen, UNREAD)] == place.amiss()


def test_no_column_may_be_read() -> None:
    """Where none is left there is no sync; what cannot be read is not looked up."""
    place = Place()
    for name in ("lastname", "emailaddress1", "jobtitle"):
        place.dynamics.secure("contact", name, Access.NONE)
    seen = "may not be read, so take no part: lastname, emailaddress1, jobtitle"

    assert [(Side.DYNAMICS, "fields of 'contact'", "missing", seen, UNREAD)] == place.amiss()
    assert [WELL[7]] == [told for told in place.found() if told[1].startswith("looking")][:1]


def test_a_column_that_may_not_be_changed() -> None:
    """It is only read; the others go both ways, and that all take part is not said."""
    place = Place()
    place.dynamics.secure("contact", "jobtitle", Access.READ)
    seen = "may not be changed, so are only read: jobtitle"
    todo = "Give the sync user the right, or let the field flow one way."

    assert [(Side.DYNAMICS, "fields of 'contact'", "look", seen, todo)] == place.amiss()
    assert WELL[13] not in place.found()


def test_a_link_field_that_is_not_there_and_a_match() -> None:
    """What people are looked up by else is tried all the same."""
    found = Place(columns=only(*THEIRS[1:])).found()

    assert WELL[8] in found
    assert WELL[7] not in found


def test_a_match_that_cannot_be_looked_up() -> None:
    """What the system said is told, and the contract's own advice."""
    place = Place()
    place.marketo.faults.plan("find", Fault("refused"))
    (told,) = place.amiss()

    assert (Side.MARKETO, "looking up contacts by 'crmContactId'", "missing") == told[:3]
    assert told[4] == (
        "See Admin > Web Services for the URL, LaunchPoint for the id and secret, Users & Roles "
        "for the role."
    )


def test_rows_are_asked_for_by_a_column_that_may_be_read() -> None:
    """One is enough, and one that is refused would say nothing of the others."""
    place = Place()
    place.dynamics.secure("contact", "address1_city", Access.UPDATE)
    asked: list[Sequence[str]] = []
    whole = place.dynamics.connector()

    def listen(table: str, ids: Sequence[str], columns: Sequence[str]) -> object:
        asked.append(columns)
        return whole.fetch(table, cast("list", ids), columns)  # type: ignore[type-arg]

    place.found(dynamics=Plain(whole, fetch=listen))
    readable = {n for n, c in whole.describe("contact").columns.items() if Access.READ in c.access}

    assert [1] == [len(columns) for columns in asked]
    assert readable.issuperset(asked[0])
