"""`check_connector`: good connectors are found good, and each broken one is found out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, cast

import attrs
import pytest

from broken import run
from broken.connectors import BROKEN, Broken, OnDynamics, OnMarketo, Wrapped
from broken.systems import COLUMNS, DynamicsOutside, MarketoOutside, dynamics, marketo
from dynsync.connectors import Connector, Page
from dynsync.errors import ConfigurationError, Refused, Throttled, Unavailable
from dynsync.records import Cursor, Record, RecordId, Side, Tombstone, Wire
from dynsync.sandbox import (
    NO_LIMITS,
    BusinessRule,
    Limits,
    SandboxClock,
    SandboxDynamics,
    SandboxDynamicsConnector,
    SandboxMarketo,
)
from dynsync.testing import ContractBroken, Findings, Made, Outside, Standing, check_connector
from dynsync.writes import Create, Write, WriteResult

TIGHT: Final = Limits(window=3, seconds=20.0)
WRITING: Final = ("C1", "C4", "C5", "C6", "C9", "fetch", "find")


class Raising(OnDynamics):
    """A connector that lets an error of Python's through, with a value in it."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Raise."""
        raise ValueError(table, *writes)


def look_at(
    kind: type[OnDynamics],
    *,
    fields: Sequence[str] | None = None,
    clauses: Collection[str] | None = None,
) -> Findings:
    """Return what is found about a connector of that kind."""

    def make() -> Made:
        connector, outside = dynamics()
        return kind(connector, outside), outside

    return check_connector(make, table="contact", fields=fields, clauses=clauses, rounds=0)


def late() -> Made:
    """Return a Marketo whose rows arrive twenty minutes late."""
    connector, outside = marketo()
    outside.system.lag(1_200)
    return connector, outside


def repeating() -> Made:
    """Return a Marketo that tells rows again."""
    connector, outside = marketo()
    outside.system.repeats(3)
    return connector, outside


def pausing() -> Made:
    """Return a Marketo with an empty page before every other one."""
    connector, outside = marketo()
    outside.system.empty_pages(2)
    return connector, outside


def throttled() -> Made:
    """Return a Marketo that lets three calls through in twenty seconds."""
    return marketo(limits=TIGHT)


def large() -> Made:
    """Return an org with the columns of the default mapping."""
    clock = SandboxClock()
    org = SandboxDynamics(clock=clock, limits=NO_LIMITS)
    return org.connector(), DynamicsOutside(org, clock, "lead")


def whole() -> Made:
    """Return a Marketo with the columns of the default mapping."""
    clock = SandboxClock()
    system = SandboxMarketo(clock=clock, limits=NO_LIMITS)
    return system.connector(), MarketoOutside(system, clock)


def inhabited() -> Made:
    """Return an org where somebody was before."""
    connector, outside = dynamics()
    outside.create({"lastname": "Ann"})
    return connector, outside


GOOD: Final[Mapping[str, tuple[Callable[[], Made], str]]] = {
    "Dynamics": (dynamics, "contact"),
    "Dynamics, a row a page": (lambda: dynamics(page_size=1), "contact"),
    "Dynamics, large pages": (lambda: dynamics(page_size=5_000), "contact"),
    "Dynamics, throttled": (lambda: dynamics(limits=TIGHT), "contact"),
    "Dynamics, with others": (inhabited, "contact"),
    "Dynamics, all columns": (large, "lead"),
    "Marketo": (marketo, "person"),
    "Marketo, throttled": (throttled, "person"),
    "Marketo, late": (late, "person"),
    "Marketo, repeating": (repeating, "person"),
    "Marketo, pausing": (pausing, "person"),
    "Marketo, all columns": (whole, "person"),
}


@pytest.mark.parametrize("name", GOOD)
def test_sandbox_keeps_the_contract(name: str) -> None:
    """A sandbox's connector holds every clause that it claims, however its system behaves."""
    make, table = GOOD[name]

    found = check_connector(make, table=table, rounds=30)

    assert found.held, found
    assert [] == [one for one in found.findings if one.standing is Standing.NOT_REACHED]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_broken_connector_is_found_out(broken: Broken) -> None:
    """A connector that breaks a promise is told so, by the clause of that promise."""
    found = check_connector(broken.make, table=broken.table, clauses=[broken.clause], rounds=0)

    [finding] = found.broken
    assert broken.clause == finding.clause.number
    assert 0 < len(finding.calls) <= 12


class Lenient(OnDynamics):
    """A connector whose system cuts what is too long, and passes over what it does not know."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Cut."""
        columns = {column.name: column for column in COLUMNS}
        return super().write(
            table,
            [
                attrs.evolve(
                    write,
                    values={
                        name: wire[: columns[name].length] if isinstance(wire, str) else wire
                        for name, wire in write.values.items()
                        if name in columns
                    },
                )
                for write in writes
            ],
        )


def test_system_may_make_something_of_what_does_not_fit() -> None:
    """What does not fit need not be refused, if something came of it and is told."""
    found = check_connector(_lenient, table="contact")

    assert found.held, found


def _lenient() -> Made:
    connector, outside = dynamics()
    return Lenient(connector, outside), outside


def named(name: str) -> Broken:
    """Return the broken connector of that name."""
    return next(one for one in BROKEN if one.name == name)


def test_table_tells_what_killed_whom(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a row for each, and 0 if all are killed."""
    assert 0 == run.main(["ForgetsDelete", "LosesUpdate"])

    table = capsys.readouterr().out
    assert "| ForgetsDelete | Tells of nothing that is gone. | C3d |" in table
    assert "2 broken connectors, 0 survived" in table


def test_text_says_which_clause_and_why() -> None:
    """What is broken is told with the clause, its reason and the calls that show it."""
    broken = named("ForgetsDelete")
    found = check_connector(broken.make, table="contact", clauses=["C3d"], rounds=0)

    with pytest.raises(ContractBroken, match="what is gone is told") as raised:
        found.raise_if_broken()
    text = str(raised.value)
    assert "without a Tombstone" in text
    assert "taken for alive" in text
    assert "page1 = connector.read('contact'" in text
    assert "outside.delete(" in text


def test_good_connector_raises_nothing() -> None:
    """There is nothing to raise if nothing is broken."""
    check_connector(dynamics, table="contact", rounds=0).raise_if_broken()


@pytest.mark.parametrize(
    ("name", "raised", "shown"),
    [
        ("RaisesHalfway", "Unavailable", ["write", "write", "fetch"]),
        ("RaisesOnce", "Unavailable", ["write", "fetch"]),
        ("ThrottledHalfway", "Throttled", ["write", "find"]),
        ("AppliesAndRaises", "Unavailable", ["write", "write", "fetch"]),
    ],
)
def test_failure_is_taken_at_its_word_only_after_a_look(
    name: str, raised: str, shown: Sequence[str]
) -> None:
    """Who raises after something was applied is told so, by the look that shows it."""
    broken = named(name)

    found = check_connector(broken.make, table=broken.table, rounds=0)

    [finding] = found.broken
    assert "C5" == finding.clause.number
    assert f"write raised {raised}, which promises that nothing was applied" in finding.why
    assert shown == [call.removeprefix("connector.").split("(")[0] for call in finding.calls]


class Flaky(OnDynamics):
    """A connector whose network fails every other write, before anything arrives."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Fail, or write."""
        self.calls += 1
        if self.calls % 2:
            raise Unavailable(self.side, "no route to host")
        return super().write(table, writes)


class Limited(OnMarketo):
    """A connector that is asked to slow down at every other write."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Be asked, or write."""
        self.calls += 1
        if self.calls % 2:
            raise Throttled(self.side, "slow down", retry_after=1.0)
        return super().write(table, writes)


@pytest.mark.parametrize("kind", [Flaky, Limited])
def test_failure_before_anything_was_applied_is_a_pause(kind: type[Wrapped]) -> None:
    """A network that fails at times keeps every clause, and the check writes again."""
    broken = Broken(kind, "C5")

    found = check_connector(broken.make, table=broken.table, rounds=20, clauses=WRITING)

    assert {Standing.HELD} == {found.of(number).standing for number in WRITING}, found


class Down(OnDynamics):
    """A connector that can write nothing."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Fail."""
        del table, writes
        raise Unavailable(self.side, "no route to host")


class Unreachable(Down):
    """A connector that can neither write nor fetch."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Fail."""
        del table, ids, fields
        raise Unavailable(self.side, "no route to host")


@pytest.mark.parametrize("kind", [Down, Unreachable])
def test_connector_that_can_write_nothing_has_shown_nothing(kind: type[OnDynamics]) -> None:
    """No clause is broken, and yet the test in one line fails, and names those not reached."""
    found = look_at(kind, clauses=["C2", "C5", "C6", "find", "log"])

    with pytest.raises(ContractBroken) as raised:
        found.raise_if_broken()
    counts = "1 held, 1 not claimed, 3 not reached (calls failed or were refused: C5, C6, find)"
    assert str(raised.value).splitlines()[0].endswith(f": 5 clauses, {counts}")
    assert found.held
    assert ("C5", "C6", "find") == tuple(one.clause.number for one in found.failed)
    why = "write failed 5 times in a row, at last with Unavailable: Dynamics: no route to host"
    assert why == found.of("C5").why


def test_what_the_host_lacks_is_no_failure_of_the_connector() -> None:
    """Where nobody deletes, or somebody cannot, the rest is judged and the one line passes."""

    class Idle(DynamicsOutside):
        def delete(self, id: RecordId) -> None:
            raise NotImplementedError(id)

    def make() -> Made:
        connector, outside = dynamics()
        return connector, Idle(outside.org, outside.clock)

    for made in (make, lambda: dynamics()[0]):
        found = check_connector(made, table="contact", rounds=0)
        found.raise_if_broken()

        assert Standing.NOT_REACHED is found.of("C3d").standing
        assert () == found.failed


def test_sequence_is_the_shortest() -> None:
    """An update that is lost takes a create, the update and a look to be seen."""
    broken = named("LosesUpdate")
    [finding] = check_connector(broken.make, table="contact", clauses=["C5"], rounds=0).broken

    assert ["connector.write", "connector.write", "connector.fetch"] == [
        call.split("(")[0] for call in finding.calls
    ]


def test_same_seed_gives_the_same_findings() -> None:
    """A check is repeated call by call."""
    first, second = (check_connector(marketo, table="person", rounds=5, seed=7) for _ in range(2))

    assert str(first) == str(second)


def test_programs_by_chance_find_what_is_broken() -> None:
    """What the written programs find is found by chance as well, in time."""
    broken = named("StaleFeed")
    seen: list[str] = []
    for seed in range(3):
        found = check_connector(broken.make, table="contact", clauses=["C3"], seed=seed)
        seen += [one.clause.number for one in found.broken]

    assert ["C3"] * 3 == seen


def test_without_an_outside_some_is_not_reached() -> None:
    """A connector alone can be checked, but nobody can delete: that is said."""
    found = check_connector(lambda: dynamics()[0], table="contact", rounds=0)

    assert found.held, found
    assert Standing.NOT_REACHED is found.of("C3d").standing
    assert "Outside" in found.of("C3d").why
    with pytest.raises(KeyError, match="no clause 'C33' here; there are C1"):
        found.of("C33")


def test_what_is_not_claimed_is_not_asked_for() -> None:
    """Marketo claims no conditional writes, Dynamics no log, and neither is blamed for it."""
    people = check_connector(marketo, table="person", rounds=0)
    rows = check_connector(dynamics, table="contact", rounds=0)

    assert Standing.NOT_CLAIMED is people.of("C7").standing
    assert Standing.NOT_CLAIMED is rows.of("log").standing
    assert Standing.HELD is people.of("C3e").standing


def test_column_with_a_rule_of_its_own_is_left_out() -> None:
    """A column that refuses the check's values is not written, and the rest is checked."""

    def make() -> Made:
        connector, outside = dynamics()
        outside.org.add_rule("contact", _no_nickname)
        return connector, outside

    found = check_connector(make, table="contact", rounds=0, clauses=["C5", "C6", "fetch"])

    assert found.held, found
    assert Standing.HELD is found.of("C6").standing


def _no_nickname(_before: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    if after.get("firstname") == "Ann":
        raise BusinessRule("a first name is longer", "firstname")


def test_system_that_takes_nothing_is_not_reached() -> None:
    """If every create is refused, the findings say what the system said."""

    def make() -> Made:
        connector, outside = dynamics()
        outside.org.add_rule("contact", _nobody)
        return connector, outside

    found = check_connector(make, table="contact", rounds=0)

    assert Standing.NOT_REACHED is found.of("fetch").standing
    assert "closed" in found.of("fetch").why
    with pytest.raises(ContractBroken, match=r"calls failed or were refused: .*fetch"):
        found.raise_if_broken()


def _nobody(_before: Mapping[str, Wire] | None, _after: dict[str, Wire]) -> None:
    raise BusinessRule("closed")


class Particular(OnDynamics):
    """A connector whose system takes text with quotes, and cannot look for it."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Refuse to look for quotes."""
        if any("'" in str(value) or '"' in str(value) for value in values):
            raise Refused(Side.DYNAMICS, "text with quotes cannot be looked for")
        return super().find(table, field, values, fields)


def test_text_that_is_hard_to_spell_may_be_refused() -> None:
    """By a rule for a column, and where it is looked for."""

    def make() -> Made:
        connector, outside = dynamics()
        outside.org.add_rule("contact", _letters_only)
        return Particular(connector, outside), outside

    found = check_connector(make, table="contact", rounds=0)

    assert found.held, found


def _letters_only(_before: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    if not str(after.get("firstname") or "a").replace("'", "").isascii():
        raise BusinessRule("a first name is of ASCII", "firstname")


def test_own_values_are_written() -> None:
    """The host says what a column takes, and which columns take part."""
    written: list[Wire] = []

    def make() -> Made:
        connector, outside = dynamics()
        outside.org.add_rule("contact", lambda _, after: written.append(after["firstname"]))
        return connector, outside

    check_connector(
        make,
        table="contact",
        fields=["lastname"],
        values={"firstname": ["Xaver", "Yvonne"]},
        rounds=0,
        clauses=["C6"],
    )

    assert {"Xaver", "Yvonne"} == {one for one in written if one and "x" * 40 != one}


def test_headline_counts_what_was_not_reached() -> None:
    """What nothing put to the test, or was never promised, does not pass for held."""

    def make() -> Made:
        return dynamics()[0]

    found = check_connector(make, table="contact", rounds=0, clauses=["C1", "C3d", "log"])

    assert Standing.NOT_REACHED is found.of("C3d").standing
    columns = "firstname, lastname, donotphone, new_score, new_rating, birthdate"
    counts = "3 clauses, 1 held, 1 not claimed, 1 not reached"
    headline = f"SandboxDynamicsConnector, 'contact' with {columns}: {counts}"
    assert headline == str(found).splitlines()[0]


def test_error_begins_with_what_is_broken() -> None:
    """A summary of tests shows one line of it: whose, in which columns, and which clauses."""
    found = look_at(Raising, fields=["lastname"], clauses=["C8"])

    with pytest.raises(ContractBroken) as raised:
        found.raise_if_broken()
    headline = "Raising, 'contact' with lastname: 1 clause, 0 held, 1 BROKEN (C8)"
    assert headline == str(raised.value).splitlines()[0]


def test_error_says_where_and_not_what() -> None:
    """A foreign exception is found by its line; what it says may quote a value."""
    why = look_at(Raising, fields=["lastname"], clauses=["C8"]).of("C8").why

    line = Raising.write.__code__.co_firstlineno + 2
    assert f"raised ValueError (test_check_connector.py:{line})" in why
    assert "Ann" not in why


class Unfinished:
    """A connector that lacks a method."""

    def __init__(self, inner: Connector, lacking: str) -> None:
        self._inner = inner
        self._lacking = lacking

    def __getattr__(self, name: str) -> object:
        """Pass on what there is."""
        if name == self._lacking:
            raise AttributeError(name)
        return getattr(self._inner, name)


@pytest.mark.parametrize("method", ["identity", "describe", "read", "fetch", "find", "write"])
def test_method_that_is_not_written_yet_is_named(method: str) -> None:
    """Half a connector is told what it lacks, whatever it is."""

    def make() -> Made:
        connector, outside = dynamics()
        return cast("Connector", Unfinished(connector, method)), outside

    why = check_connector(make, table="contact", rounds=0).of("C8").why

    assert why == f"There is no method {method}, which every connector has."


def test_field_that_is_passed_over_is_named() -> None:
    """What was asked for, what came, and what should have come."""

    class Careless(OnDynamics):
        def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
            return super().read(table, [one for one in fields if one != "no_such_field"], cursor)

    why = look_at(Careless, clauses=["C8"]).of("C8").why

    assert "asked for 'no_such_field'" in why
    assert "SchemaChanged" in why


def test_system_that_is_not_fresh_is_guessed() -> None:
    """One system for all: what one program made, the next one takes for a stranger."""
    made = dynamics()

    found = check_connector(lambda: made, table="contact", rounds=0)

    assert "Every make() returns a connector to a fresh system" in found.of("C2").why
    assert "Every make() returns a connector to a fresh system" in found.of("C6").why


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        (["C99"], "'C99', which is no clause"),
        (["C1", "c2"], "'c2'.*There are C1, C2"),
        ([], "none"),
    ],
)
def test_unknown_clause_is_a_mistake_of_the_host(clauses: Sequence[str], message: str) -> None:
    """A clause that is not there would hold for ever."""
    with pytest.raises(ConfigurationError, match=message):
        check_connector(dynamics, table="contact", clauses=clauses)


@pytest.mark.parametrize("rounds", ["x", -1, 1.5, None, True])
def test_rounds_are_counted_from_0(rounds: object) -> None:
    """What is no number of rounds is the host's mistake, told before a connector is made."""
    with pytest.raises(ConfigurationError, match=r"^rounds=.*: give a whole number from 0 on\."):
        check_connector(dynamics, table="contact", rounds=cast("int", rounds))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"fields": ["nickname"]}, "nickname"),
        ({"values": {"nickname": ["Al"]}}, "nickname"),
        ({"key_field": "nickname"}, "nickname"),
    ],
)
def test_unknown_column_is_a_mistake_of_the_host(
    asked: Mapping[str, Sequence[str]], message: str
) -> None:
    """A column that is not described cannot be written, and the error names it."""
    with pytest.raises(ConfigurationError, match=message):
        check_connector(dynamics, table="contact", **asked)  # type: ignore[arg-type]


def test_outside_must_be_one() -> None:
    """What is returned beside the connector must be able to do something."""

    def make() -> tuple[Connector, Outside]:
        return dynamics()[0], object()  # type: ignore[return-value]

    with pytest.raises(ConfigurationError, match="create, edit and delete"):
        check_connector(make, table="contact")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (SandboxDynamicsConnector, "SandboxDynamicsConnector, which has no side"),
        (None, "a NoneType, which has no side"),
        ((dynamics()[0],), "a tuple of 1"),
        ((*dynamics(), None), "a tuple of 3"),
    ],
)
def test_make_must_return_a_connector(made: object, message: str) -> None:
    """What is no connector, alone or beside an outside, is a mistake of the host."""
    with pytest.raises(ConfigurationError, match=rf"make\(\) returned {message}.*a pair of one"):
        check_connector(lambda: made, table="contact")  # type: ignore[arg-type, return-value]


def test_make_must_not_raise() -> None:
    """A class that takes arguments makes nothing by itself, and the message says what would."""
    with pytest.raises(ConfigurationError, match=r"make\(\) raised TypeError.*without arguments"):
        check_connector(SandboxDynamicsConnector, table="contact")  # type: ignore[arg-type]


class OnWords(OnDynamics):
    """A connector that says its side in a word."""

    side = "dynamics"  # type: ignore[assignment]


def test_side_must_be_a_side() -> None:
    """Which values a system takes hangs on its side, so that nothing can be checked without."""
    with pytest.raises(ConfigurationError, match=r"side of OnWords is a str.*Side\.DYNAMICS"):
        check_connector(lambda: OnWords(*dynamics()), table="contact")  # type: ignore[arg-type, return-value]


class Burying(OnDynamics):
    """A connector that tells what is gone to whoever asks for it by its id."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return the others, too."""
        found = super().fetch(table, ids, fields)
        gone = {*ids} - {record.id for record in found}
        return [*found, *map(Tombstone, sorted(gone))]  # type: ignore[list-item]


class Incapable(OnDynamics):
    """A connector that does not say what it can do."""

    capabilities = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "number", "seen"),
    [(Burying, "C1", "a Tombstone"), (Incapable, "identity", "capabilities are None")],
)
def test_nonsense_is_a_finding(kind: type[OnDynamics], number: str, seen: str) -> None:
    """What is of no use to the check itself is told as what it breaks, and crashes nothing."""

    def make() -> Made:
        connector, outside = dynamics()
        return kind(connector, outside), outside

    found = check_connector(make, table="contact", rounds=0)

    assert number in [finding.clause.number for finding in found.broken]
    assert seen in found.of(number).why


class Doubling(OnDynamics):
    """A connector that gives every record an id of its own choice."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Choose other keys than those that are given."""
        return super().write(table, [self._moved(one) for one in writes])

    def _moved(self, write: Write) -> Write:
        if not isinstance(write, Create):
            return write
        return attrs.evolve(write, key=RecordId(f"0000000f{write.key[8:]}"))


@pytest.mark.parametrize("number", ["C3d", "C7", "fetch", "sync_user"])
@pytest.mark.parametrize("alone", [True, False])
def test_unreached_says_what_is_in_the_way(number: str, alone: bool) -> None:  # noqa: FBT001 - a case
    """Where every program breaks another clause first, that is said, and not what is there."""

    def make() -> Made:
        connector, outside = dynamics()
        doubling = Doubling(connector, outside)
        return doubling if alone else (doubling, outside)

    found = check_connector(make, table="contact", rounds=0).of(number)
    judged_alone = check_connector(make, table="contact", rounds=0, clauses=[number]).of(number)

    assert Standing.NOT_REACHED is found.standing is judged_alone.standing
    for why in (found.why, judged_alone.why):
        assert ("Outside" in why) is (alone and number == "C3d")
        assert "Outside" in why or "broke C6 first" in why


def test_no_text_in_play_is_said() -> None:
    """Without a field of text nothing can be found by one."""

    def make() -> Made:
        clock = SandboxClock()
        columns = [one for one in COLUMNS if one.name == "donotphone"]
        org = SandboxDynamics(clock=clock, limits=NO_LIMITS, tables={"contact": columns})
        return org.connector(), DynamicsOutside(org, clock, "contact")

    found = check_connector(make, table="contact", rounds=0)

    assert "No field of text is in play" in found.of("find").why


def test_people_need_a_field_that_creates_go_by() -> None:
    """Marketo upserts by a field; which one is asked for where it cannot be known."""

    def make() -> Made:
        connector, outside = marketo()
        outside.system.drop_column("crmContactId")
        return connector, outside

    with pytest.raises(ConfigurationError, match="key_field"):
        check_connector(make, table="person")


class Refusing(SandboxDynamicsConnector):
    """A connector whose system lets nobody in."""

    def describe(self, table: str) -> object:  # type: ignore[override]
        """Fail."""
        raise KeyError(table)


def test_connector_that_describes_nothing_is_broken() -> None:
    """Without columns nothing can be written, and what went wrong is told."""

    def make() -> Made:
        connector, outside = dynamics()
        return Refusing(connector.system, RecordId("x")), outside  # type: ignore[return-value]

    found = check_connector(make, table="contact")

    assert Standing.BROKEN is found.of("C8").standing
    assert "KeyError" in found.of("C8").why
    assert Standing.NOT_REACHED is found.of("C5").standing
