"""What connectors must not answer: refused with the clause, stored nowhere, no edit lost."""

from __future__ import annotations

import copy
import datetime as dt
import json
import math
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias, TypeVar, cast

import attrs
import pytest

from dynsync.connectors import Capabilities, DynamicsConnector, MarketoConnector, Page
from dynsync.errors import ConfigurationError, ContractError, SchemaChanged, SystemFailure
from dynsync.fields import Match
from dynsync.maps import CONTACT, LEAD
from dynsync.memory import MemoryStore
from dynsync.outcomes import OutcomeKind
from dynsync.policies import Collision, Resolution
from dynsync.records import Cursor, Missing, Record, RecordId, Side, Tombstone, Wire
from dynsync.schemas import Schema
from dynsync.sqlite import SqliteStore
from dynsync.writes import (
    Created,
    Reason,
    Rejected,
    ThrottledWrite,
    Updated,
    Write,
    WriteResult,
)
from support import World, before

T = TypeVar("T")

Answer: TypeAlias = Callable[[object], object]
SYSTEMS = ("marketo", "dynamics")


class Bent:
    """A connector whose answers are bent, by the name of the method or property."""

    def __init__(self, inner: MarketoConnector | DynamicsConnector, **bends: Answer) -> None:
        self.inner = inner
        self.bends = bends

    def __getattr__(self, name: str) -> object:
        return cast("object", getattr(self.inner, name))

    def _bent(self, name: str, answer: T) -> T:
        return cast("T", self.bends[name](answer)) if name in self.bends else answer

    @property
    def side(self) -> Side:
        """Return which system this is."""
        return self.inner.side

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""
        return self._bent("capabilities", self.inner.capabilities)

    def identity(self) -> str:
        """Return its name."""
        return self._bent("identity", self.inner.identity())

    def describe(self, table: str) -> Schema:
        """Return the columns of *table*."""
        return self._bent("describe", self.inner.describe(table))

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page."""
        return self._bent("read", self.inner.read(table, fields, cursor))

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those of *ids* that exist."""
        return self._bent("fetch", self.inner.fetch(table, ids, fields))

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return the records that hold one of *values*."""
        return self._bent("find", self.inner.find(table, field, values, fields))

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*."""
        return self._bent("write", self.inner.write(table, writes))


def altered(name: str, value: object) -> Answer:
    """Bend one attribute of an answer, whatever its type may say."""

    def alter(answer: object) -> object:
        twin = copy.copy(answer)
        object.__setattr__(twin, name, value)
        return twin

    return alter


def bend(world: World, system: str, **bends: Answer) -> Callable[[], None]:
    """Bend a connector of *world*; return what bends it back."""
    good = cast("MarketoConnector", getattr(world.sync, system))
    setattr(world.sync, system, Bent(good, **bends))
    return lambda: setattr(world.sync, system, good)


def each(bent: Answer) -> Answer:
    """Bend every change of a page."""
    return lambda page: altered("changes", [bent(one) for one in cast("Page", page).changes])(page)


def all_are(result: object) -> Answer:
    """Answer every write with *result*."""
    return lambda results: [result for _ in cast("Sequence[object]", results)]


def both_edited() -> tuple[World, RecordId, RecordId]:
    """Return a world in which there is something to write to either system."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A", telephone1="1")
    world.marketo.edit(person, {"title": "B"})
    world.dynamics.edit("lead", row, {"telephone1": "2"})
    return world, person, row


ODD_RESULTS: dict[str, object] = {
    "None": None,
    "True": True,
    "text": "ok",
    "no id": Updated(cast("RecordId", None)),
    "a number as id": Updated(cast("RecordId", 7)),
    "an empty id": Updated(RecordId("")),
    "another id": Updated(RecordId("zzz")),
    "created as another": Created(RecordId("zzz")),
    "seconds as text": ThrottledWrite(cast("float", "5")),
    "seconds that are no number": ThrottledWrite(math.nan),
    "reasons that are none": Rejected(cast("tuple[Reason, ...]", ("no",))),
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("odd", ODD_RESULTS)
def test_odd_results(system: str, odd: str) -> None:
    """C5: what is no answer to its write is believed by nobody, and the edit goes out later."""
    world, person, row = both_edited()
    mend = bend(world, system, write=all_are(ODD_RESULTS[odd]))
    with pytest.raises(ContractError, match="C5"):
        world.cycle()
    mend()
    world.settled()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")
    assert ("2", "2") == world.both(person, "lead", row, "phone")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("values", "clause"), [(["x"], "C5"), ({"x": b"Secret"}, "C1")])
def test_odd_values_in_a_result(system: str, values: object, clause: str) -> None:
    """C5, C1: what a system says that it holds now is values by name, such as JSON can hold."""
    world, person, row = both_edited()
    odd = altered("values", values)
    mend = bend(world, system, write=lambda said: [odd(one) for one in cast("list[object]", said)])
    with pytest.raises(ContractError, match=clause) as caught:
        world.cycle()
    mend()
    world.settled()

    assert "Secret" not in str(caught.value)
    assert ("B", "B") == world.both(person, "lead", row, "job_title")
    assert ("2", "2") == world.both(person, "lead", row, "phone")


@pytest.mark.parametrize("odd", [None, "no", 3])
def test_results_that_are_no_list(odd: object) -> None:
    """C5: an answer that is no list of results is refused."""
    world, person, row = both_edited()
    mend = bend(world, "dynamics", write=lambda _: odd)
    with pytest.raises(ContractError, match=r"^The Dynamics connector, write of 'lead': .*C5"):
        world.cycle()
    mend()
    world.settled()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")


def test_rejected_for_no_reason() -> None:
    """A19: a refusal without a reason is one of the record, told and tried again."""
    world, person, row = both_edited()
    mend = bend(world, "dynamics", write=all_are(Rejected(())))
    report = world.cycle()
    mend()
    said = [refusal for entry in world.recorder.entries for refusal in entry.refusals]
    world.settled()

    assert 1 == report.count(OutcomeKind.REJECTED)
    assert [("UNKNOWN", None)] == [(result.code, result.field) for result in said]
    assert ("B", "B") == world.both(person, "lead", row, "job_title")


class Endless(Bent):
    """A connector whose feed never ends; *still* says that its cursor never moves either."""

    def __init__(self, inner: MarketoConnector, *, still: bool) -> None:
        super().__init__(inner)
        self.still = still
        self.pages = 0

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return an empty page, for ever."""
        assert table
        assert fields
        self.pages += 1
        here = cursor if self.still and cursor is not None else Cursor(str(self.pages))
        return Page([], here, more=True)


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_same_cursor_for_ever(system: str) -> None:
    """C2: a feed that hands back the cursor that it was given would be read for ever."""
    world = World(LEAD)
    world.linked("lead")
    setattr(world.sync, system, Endless(getattr(world.sync, system), still=True))
    with pytest.raises(ContractError, match=r"returned the cursor it was given.*\(C2\)"):
        world.cycle()


@pytest.mark.parametrize("system", SYSTEMS)
def test_empty_pages_for_ever(system: str) -> None:
    """C2: a thousand empty pages in a row are a feed without an end."""
    world = World(LEAD)
    setattr(world.sync, system, Endless(getattr(world.sync, system), still=False))
    with pytest.raises(ContractError, match="1000 empty pages"):
        world.cycle()


ODD_ANSWERS: dict[str, tuple[str, Answer, str]] = {
    "no page": ("read", lambda _: None, "C2"),
    "a list for a page": ("read", lambda page: list(cast("Page", page).changes), "C2"),
    "no changes": ("read", altered("changes", None), "C2"),
    "no cursor": ("read", altered("cursor", None), "C2"),
    "naive time": ("read", altered("at", dt.datetime(2026, 1, 1)), r"\(C2\)"),  # noqa: DTZ001 - what is to be refused
    "text for a time": ("read", altered("at", "2026-01-01"), r"\(C2\)"),
    "no record": ("read", altered("changes", [None]), "C1"),
    "no values": ("read", each(altered("values", None)), "C1"),
    "no id": ("read", each(altered("id", None)), "C1"),
    "an empty id": ("read", each(altered("id", "")), "C1"),
    "a number as id": ("read", each(altered("id", 7)), "C1"),
    "naive change": (
        "read",
        each(altered("modified_at", dt.datetime(2026, 1, 1))),  # noqa: DTZ001 - what is to be refused
        "C1",
    ),
    "no schema": ("describe", lambda _: None, "C1"),
    "a dict for a schema": ("describe", lambda schema: dict(cast("Schema", schema).columns), "C1"),
    "no columns": ("describe", altered("columns", {"a": None}), "C1"),
    "no identity": ("identity", lambda _: None, "identity"),
}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("odd", ODD_ANSWERS)
def test_odd_answers(system: str, odd: str) -> None:
    """C1, C2: an answer of a wrong type names the system and the clause, and nothing is lost."""
    world, person, row = both_edited()
    method, answer, clause = ODD_ANSWERS[odd]
    mend = bend(world, system, **{method: answer})
    with pytest.raises(ContractError, match=clause) as caught:
        world.cycle()
    mend()
    world.settled()

    assert Side(system).label in str(caught.value)
    assert ("B", "B") == world.both(person, "lead", row, "job_title")


@pytest.mark.parametrize("named", [("nobodys",), ()])
def test_a_column_that_is_gone_and_that_nobody_asked_for(named: tuple[str, ...]) -> None:
    """A22: whose it is cannot be told: whoever the table serves stops, and goes on when told."""
    world = World()
    person, row = world.linked("lead", jobtitle="A")
    gone = SchemaChanged(Side.MARKETO, "a column is gone", named)
    mend = bend(world, "marketo", read=_raising(gone))
    report = world.cycle()
    mend()
    for entity in ("lead", "contact"):
        world.sync.refresh_schema(entity)
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.settled()

    assert ["lead", "contact"] == list(report.stopped)
    assert all("unnamed" in why for why in report.stopped.values())
    assert ("B", "B") == world.both(person, "lead", row, "job_title")


def _raising(failure: SystemFailure) -> Answer:
    def answer(_: object) -> object:
        raise failure

    return answer


def test_a_record_that_leaves_out_what_it_is_matched_by() -> None:
    """A28: what is not reported is no value: the record is somebody of its own."""
    world = World(attrs.evolve(LEAD, match=Match("email")))
    people = [world.marketo.create_person({"email": email}) for email in (None, "ada@x.org")]
    bend(world, "dynamics", read=each(_without("emailaddress1")))
    row = world.lead(emailaddress1="ada@x.org")
    world.settled()

    (person,) = world.people_of(row)
    assert person not in people


def _without(column: str) -> Answer:
    def leave_out(change: object) -> object:
        if not isinstance(change, Record):
            return change
        values = {name: wire for name, wire in change.values.items() if name != column}
        return attrs.evolve(change, values=values)

    return leave_out


@pytest.mark.parametrize("method", ["fetch", "find"])
@pytest.mark.parametrize("odd", [None, "no", [None], [Tombstone(RecordId("1"))]])
def test_odd_lists_of_records(method: str, odd: object) -> None:
    """C4: what fetch and find return is a list of records."""
    world = World(attrs.evolve(LEAD, match=Match("email")))
    bend(world, "marketo", **{method: lambda _: odd})
    world.lead(emailaddress1="a@x.org")
    said = rf"^The Marketo connector, {method} of '{LEAD.tables.marketo}': "
    if method == "fetch":
        person = world.marketo.create_person({"lastName": "Lee"})
        with pytest.raises(ContractError, match=said):
            world.sync.sync_person(person, as_="lead")
    else:
        with pytest.raises(ContractError, match=said):
            world.cycle()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize(
    "odd", [Decimal("1.5"), dt.date(2026, 1, 1), b"Secret", float("nan"), float("inf"), ["x"]]
)
def test_values_that_json_cannot_hold(
    odd: object,
    file: bool,  # noqa: FBT001 - a case, not a switch
    system: str,
    tmp_path: Path,
) -> None:
    """C1: the same with every store, and the message names the column and no value."""
    store = SqliteStore(tmp_path / "state.db") if file else MemoryStore()
    world = World(LEAD, store=store)
    world.linked("lead", jobtitle="A")
    native = {"marketo": "title", "dynamics": "jobtitle"}[system]

    def odd_value(change: object) -> object:
        values = cast("Record", change).values
        return altered("values", {**values, native: odd})(change)

    bend(world, system, read=each(odd_value))
    (row,) = world.dynamics.rows("lead")
    world.dynamics.edit("lead", row, {"telephone1": "2"})
    world.marketo.edit(world.person_of(row), {"phone": "3"})
    with pytest.raises(ContractError, match=f"{native!r}.*C1") as caught:
        world.cycle()
    store.close()

    assert "Secret" not in str(caught.value)
    assert "1.5" not in str(caught.value)


def test_an_edit_that_json_cannot_hold() -> None:
    """C1: nor what Marketo's feed says that an edit replaced, where that is looked at."""
    world = World(LEAD)
    person, row = world.linked("lead", jobtitle="A")
    world.dynamics.edit("lead", row, {"jobtitle": "B"})
    world.cycle()

    def odd(change: object) -> object:
        edits = [altered("old", b"Secret")(edit) for edit in cast("Record", change).edits]
        return altered("edits", edits)(change)

    mend = bend(world, "marketo", read=each(odd))
    with pytest.raises(ContractError, match=r"'title'.*C1") as caught:
        world.cycle()
    mend()
    world.settled()

    assert "Secret" not in str(caught.value)
    assert ("B", "B") == world.both(person, "lead", row, "job_title")


class Text(str):
    """Text of a connector's own."""

    __slots__ = ()


@pytest.mark.parametrize("system", SYSTEMS)
def test_answers_of_types_of_their_own(system: str) -> None:
    """C1: any mapping holds values, and any text is text, of whatever class."""
    world, person, row = both_edited()
    gone = world.lead()
    world.cycle()
    someone = world.person_of(gone)
    world.marketo.edit(person, {"title": "C"})
    world.dynamics.edit("lead", row, {"telephone1": "3"})
    world.marketo.delete(someone)
    world.dynamics.delete("lead", gone)

    def own(change: object) -> object:
        if isinstance(change, Tombstone):
            return change
        values = cast("Record", change).values
        said = {n: Text(wire) if isinstance(wire, str) else wire for n, wire in values.items()}
        return altered("values", MappingProxyType(said))(change)

    bend(world, system, read=each(own))
    report = world.cycle()

    assert 1 == report.count(OutcomeKind.UNLINKED)
    assert ("C", "C") == world.both(person, "lead", row, "job_title")
    assert ("3", "3") == world.both(person, "lead", row, "phone")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("limit", ["batch", "find"])
@pytest.mark.parametrize("most", [0, -1, None, True, 2.5])
def test_limits_of_no_use(system: str, limit: str, most: object) -> None:
    """A connector that takes nothing in a call is refused at the start of a run."""
    world, *_ = both_edited()
    bend(world, system, capabilities=altered(limit, most))
    with pytest.raises(ContractError, match=limit):
        world.cycle()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("odd", [None, {"batch": 300}])
def test_capabilities_that_are_none(system: str, odd: object) -> None:
    """What a connector can do is said in `Capabilities`; nothing is guessed."""
    world, *_ = both_edited()
    bend(world, system, capabilities=lambda _: odd)
    with pytest.raises(ContractError, match=f"{Side(system).label} connector's capabilities"):
        world.cycle()


class Stumbling:
    """A connector of whose attributes *name* raises after having been asked for some *times*."""

    def __init__(self, good: object, name: str, times: int) -> None:
        self._good, self._name, self._times = good, name, times

    def __getattr__(self, name: str) -> object:
        """Return what *good* has."""
        if name != self._name:
            return getattr(self._good, name)
        self._times -= 1
        if self._times < 0:
            raise KeyError("ada@example.org")
        return getattr(self._good, name)


@pytest.mark.parametrize("system", ["marketo", "dynamics"])
@pytest.mark.parametrize("name", ["identity", "capabilities"])
def test_what_a_connector_says_of_itself_raises(system: str, name: str) -> None:
    """C8: it is told whose fault it is, before anything is written and without a value."""
    world = World()
    world.contact()
    setattr(world.sync, system, Stumbling(getattr(world.sync, system), name, 0))
    told = rf"The {Side(system).label} connector raised KeyError .* in {name}; .*C8"
    with pytest.raises(ContractError, match=told) as caught:
        world.cycle()

    assert "ada" not in str(caught.value)
    assert 0 == world.marketo.count()


@pytest.mark.parametrize("system", ["marketo", "dynamics"])
def test_capabilities_are_asked_for_when_a_run_begins(system: str) -> None:
    """They are constant: what they would say in the middle of it does not count."""
    world = World()
    setattr(world.sync, system, Stumbling(getattr(world.sync, system), "capabilities", 2))
    world.contact()

    assert world.cycle().ok
    assert 1 == world.marketo.count()


@pytest.mark.parametrize("system", ["marketo", "dynamics"])
def test_a_side_that_raises(system: str) -> None:
    """Whose connector it is is not known: it is refused where it is given."""
    world = World()
    connector = Stumbling(getattr(world.sync, system), "side", 0)
    with pytest.raises(ConfigurationError, match=rf"^{system}= .*Stumbling whose side raised Key"):
        attrs.evolve(world.sync, **{system: connector})  # type: ignore[arg-type]


def test_conditional_writes_without_versions() -> None:
    """C7: a connector that promises to refuse stale writes and tells no versions cannot."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="A")
    unversioned = each(altered("version", None))
    bend(world, "dynamics", read=unversioned)
    world.dynamics.edit("contact", row, {"telephone1": "2"})
    with pytest.raises(ContractError, match="C7"):
        world.cycle()

    assert ("A", "A") == world.both(person, "contact", row, "job_title")


def test_results_without_versions() -> None:
    """C7: where an answer tells no version, it is read before the next write."""
    world = World(CONTACT)
    person, row = world.linked("contact", jobtitle="A")

    def unversioned(results: object) -> object:
        given = cast("Sequence[object]", results)
        return [altered("version", None)(r) if isinstance(r, Updated) else r for r in given]

    bend(world, "dynamics", write=unversioned)
    for title in ("B", "C"):
        world.marketo.edit(person, {"title": title})
        world.cycle()
    world.marketo.edit(person, {"title": "M"})
    before(
        world.dynamics.faults,
        "write",
        lambda: world.dynamics.edit("contact", row, {"jobtitle": "D"}),
    )
    world.settled()

    assert ("D", "D") == world.both(person, "contact", row, "job_title")


@pytest.mark.parametrize("shape", ["{%s}", " %s ", "%s\n", "%s", " { %s } "])
@pytest.mark.parametrize("upper", [False, True])
def test_ids_as_people_import_them(shape: str, upper: bool) -> None:  # noqa: FBT001 - a case, not a switch
    """R102: a Dynamics id in a person is the same with braces, blanks and in capitals."""
    world = World(LEAD)
    row = world.lead(jobtitle="D")
    held = shape % (row.upper() if upper else row)
    person = world.marketo.create_person({"lastName": "Lee", "crmLeadId": held})
    world.settled()

    assert 1 == world.marketo.count()
    assert ("D", "D") == world.both(person, "lead", row, "job_title")


def test_an_answer_may_write_an_id_otherwise() -> None:
    """R102: an answer may name the record of its write in capitals."""
    world, person, row = both_edited()

    def upper(results: object) -> object:
        given = cast("Sequence[Updated]", results)
        return [altered("id", one.id.upper())(one) for one in given]

    bend(world, "dynamics", write=upper)
    world.settled()

    assert ("B", "B") == world.both(person, "lead", row, "job_title")


# -- one bad answer among good ones


def three_edits() -> tuple[World, list[tuple[RecordId, RecordId]]]:
    """Return a world in which three people are to be told of an edit in Dynamics."""
    world = World(LEAD)
    pairs = [world.linked("lead", jobtitle="A") for _ in range(3)]
    for _, row in pairs:
        world.dynamics.edit("lead", row, {"jobtitle": "B"})
    return world, pairs


def base_of(world: World, person: RecordId, field: str) -> Wire | Missing:
    """Return what the state says that a person held when the two sides last agreed."""
    link = world.store.link_of(Side.MARKETO, person)
    assert link is not None
    layout = cast("list[str]", json.loads(world.store.get("layout:lead") or ""))
    return link.rows.marketo[layout.index(field)]


SPOILT: dict[str, tuple[Answer, list[str]]] = {
    "one is none": (lambda said: [*cast("list[object]", said)[:2], None], ["B", "B", "A"]),
    "the last is missing": (lambda said: cast("list[object]", said)[:2], ["B", "B", "A"]),
    "the first is missing": (lambda said: cast("list[object]", said)[1:], ["A", "B", "B"]),
    "one too many": (
        lambda said: [*cast("list[object]", said), Updated(RecordId("zzz"))],
        ["B", "B", "B"],
    ),
    "one twice": (
        lambda said: [*cast("list[object]", said), cast("list[object]", said)[0]],
        ["A", "B", "B"],
    ),
    "one of two has odd values": (
        lambda said: [
            altered("values", ["x"])(cast("list[object]", said)[0]),
            cast("list[object]", said)[1],
        ],
        ["A", "B", "A"],
    ),
    "in another order": (lambda said: cast("list[object]", said)[::-1], ["B", "B", "B"]),
    "refused, of whom": (
        lambda said: [Rejected((Reason("1", "no"),)), *cast("list[object]", said)],
        ["B", "B", "B"],
    ),
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_good_answers_of_a_bad_batch_are_settled(spoilt: str) -> None:
    """C5: what can be told to belong to a write is recorded before the error is raised."""
    # Invariant 14.
    world, pairs = three_edits()
    answer, expected = SPOILT[spoilt]
    mend = bend(world, "marketo", write=answer)
    with pytest.raises(ContractError, match="C5"):
        world.cycle()
    known = [base_of(world, person, "job_title") for person, _ in pairs]
    left = [entry.reason for entry in world.store.each_pending()]
    mend()
    sent = world.marketo.calls["write"]
    world.settled()

    assert expected == known
    assert ["ambiguous"] * expected.count("A") == left
    assert all(("B", "B") == world.both(person, "lead", row, "job_title") for person, row in pairs)
    assert sent == world.marketo.calls["write"], "what was applied was sent again"


def test_halves_of_other_records_are_settled() -> None:
    """C5: what one system acknowledged is recorded, though the other one broke its promise."""
    world, person, row = both_edited()
    mend = bend(world, "dynamics", write=lambda _: None)
    with pytest.raises(ContractError, match="C5"):
        world.cycle()
    known = base_of(world, person, "phone")
    mend()
    world.settled()

    assert "2" == known
    assert ("B", "B") == world.both(person, "lead", row, "job_title")


def test_what_was_acknowledged_before_a_policy_raised() -> None:
    """What a system acknowledged is recorded, though a policy broke its promise meanwhile."""
    world, person, row = both_edited()
    other, other_row = world.linked("lead", jobtitle="A")
    world.marketo.edit(person, {"title": "C"})
    world.dynamics.edit("lead", row, {"telephone1": "3"})
    world.clock.advance(1)
    world.marketo.edit(other, {"title": "X"})
    world.dynamics.edit("lead", other_row, {"jobtitle": "Y"})

    def raises(collision: Collision) -> Resolution:
        raise KeyError(collision.field)

    policy, world.sync.policy = world.sync.policy, raises
    mend = bend(world, "dynamics", capabilities=altered("batch", 1))
    with pytest.raises(ContractError, match="KeyError"):
        world.cycle()
    known = (base_of(world, person, "job_title"), base_of(world, person, "phone"))
    left = [entry.reason for entry in world.store.each_pending() if entry.ids.marketo == person]
    mend()
    world.sync.policy = policy
    world.settled()

    assert ("C", "2") == known
    assert ["not attempted"] == left
    assert ("3", "3") == world.both(person, "lead", row, "phone")
    assert ("X", "X") == world.both(other, "lead", other_row, "job_title")
