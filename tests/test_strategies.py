"""The strategies of the kit draw what they promise, and what our kinds and merge can take."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    ReferenceKind,
    TextKind,
    Unfit,
    WallTimeKind,
)
from dynsync.maps import LEAD
from dynsync.merge import Verdict, merge, merge_field
from dynsync.policies import AuthorityPolicy, Collision, manual, newest, nonempty, prefer
from dynsync.records import MISSING, Pair, Record, Side, Tombstone, Value, Wire
from dynsync.schemas import Access, Column, Schema
from dynsync.testing.strategies import (
    CELLS,
    Situation,
    changes,
    collisions,
    columns,
    instants,
    records,
    schemas,
    situations,
    texts,
    values,
    wires,
)

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        *(TextKind(), EmailKind(), IntegerKind(), NumberKind(), BooleanKind(), DateKind()),
        *(InstantKind(), WallTimeKind(), ChoiceKind(), MultiChoiceKind(), ReferenceKind()),
    )
}

SEARCH: Final = settings(
    max_examples=3000, phases=[Phase.generate], derandomize=True, database=None, deadline=None
)


def is_text(test: Callable[[str], bool]) -> Callable[[Wire], bool]:
    """Return a question about texts, which everything else fails."""
    return lambda wire: isinstance(wire, str) and test(wire)


def is_float(test: Callable[[float], bool]) -> Callable[[Wire], bool]:
    """Return a question about floats."""
    return lambda wire: isinstance(wire, float) and test(wire)


NASTY: Final[Mapping[str, Callable[[Wire], bool]]] = {
    "null": lambda wire: wire is None,
    "empty text": lambda wire: wire == "",
    "the word null": lambda wire: wire == "null",
    "trailing blank": is_text(lambda text: bool(text.strip()) and text != text.rstrip()),
    "255 characters": is_text(lambda text: len(text) == 255),
    "256 characters": is_text(lambda text: len(text) == 256),
    "combining mark": is_text(lambda text: any(map(unicodedata.combining, text))),
    "half a surrogate pair": is_text(lambda text: any("\ud800" <= c <= "\udfff" for c in text)),
    "emoji joined": is_text(lambda text: "\u200d" in text),
    "right to left": is_text(lambda text: any(unicodedata.bidirectional(c) == "R" for c in text)),
    "NUL": is_text(lambda text: "\x00" in text),
    "year 1753": is_text(lambda text: text.startswith("1753-01-01")),
    "year 1752": is_text(lambda text: text.startswith("1752")),
    "year 9999": is_text(lambda text: text.startswith("9999-12-31T23:59:59")),
    "leap second": is_text(lambda text: ":60Z" in text),
    "gap of summer time": is_text(lambda text: text.startswith("2024-03-31T02:30")),
    "repeated hour": is_text(lambda text: text.startswith("2024-10-27T02:30")),
    "negative nought": is_float(lambda number: number == 0 and str(number) == "-0.0"),
    "no number": is_float(lambda number: number != number),  # noqa: PLR0124 - only not-a-number differs from itself
    "past a double": lambda wire: isinstance(wire, int) and abs(wire) > 2**53,
    "true": lambda wire: wire is True,
}


@pytest.mark.parametrize("what", NASTY)
def test_wires_reach(what: str) -> None:
    """What a system may say includes each of the promised nasty values."""
    assert NASTY[what](find(wires(), NASTY[what], settings=SEARCH))


@pytest.mark.parametrize("name", KINDS)
def test_values_of_every_kind(name: str) -> None:
    """Null is drawn for each kind, and its own values: each can be said, or is refused."""
    kind = KINDS[name]
    drawn: Counter[str] = Counter()

    @settings(SEARCH, max_examples=200)
    @given(value=values(kind), side=st.sampled_from(Side))
    def draw(value: Value, side: Side) -> None:
        drawn["null" if value is None else "some"] += 1
        kind.key(value)
        try:
            kind.encode(value, side)
        except Unfit:
            drawn["unfit"] += 1

    draw()
    # Hypothesis draws nothing twice if it can help it: null is there once or so.
    assert drawn["null"]
    assert drawn["some"]
    assert drawn["unfit"] == 0 or "choice" in name


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (WallTimeKind(), lambda value: value == dt.datetime(2024, 3, 31, 2, 30)),  # noqa: DTZ001 - naive on purpose
        (WallTimeKind(), lambda value: value is not None and value.fold == 1),
        (InstantKind(), lambda value: value is not None and value.year == 9999),
        (InstantKind(), lambda value: value is not None and value.utcoffset() != dt.timedelta()),
        (NumberKind(), lambda value: value == 0 and str(value).startswith("-0")),
        (NumberKind(), lambda value: value is not None and value > 10**25),
        (DateKind(), lambda value: value == dt.date(1753, 1, 1)),
        (TextKind(), lambda value: value is not None and len(value) == 256),
        (MultiChoiceKind(), lambda value: value is not None and len(value) > 1),
        (ReferenceKind(), lambda value: value is not None and value.id.startswith("{")),
    ],
)
def test_values_reach(kind: Kind, test: Callable[[Value], bool]) -> None:
    """Among the meanings are those that were got wrong somewhere."""
    assert test(find(values(kind), test, settings=SEARCH))


def test_surrogates_are_said_and_never_meant() -> None:
    """Half a character may come over the wire; no value of a field holds one."""
    with pytest.raises(NoSuchExample):
        find(
            texts(),
            lambda text: any("\ud800" <= char <= "\udfff" for char in text),
            settings=settings(SEARCH, max_examples=500),
        )


@given(texts(max_size=5))
def test_texts_keep_their_size(text: str) -> None:
    """No text is longer than was asked for."""
    assert len(text) <= 5


@given(instants())
def test_instants_are_in_the_calendar(moment: dt.datetime) -> None:
    """Every instant has a place in UTC."""
    assert moment.astimezone(dt.UTC).tzinfo is dt.UTC


def test_kind_of_the_hosts_is_refused() -> None:
    """Nobody knows what a kind of the host's may mean."""
    with pytest.raises(ValueError, match="'colour' is no kind"):
        values(TextKind("colour"))


def test_records_and_changes_reach() -> None:
    """Records hold some of the fields, with and without edits, and some are gone."""
    seen: Counter[str] = Counter()

    @settings(SEARCH, max_examples=300)
    @given(changes(["a", "b"]))
    def draw(change: Record | Tombstone) -> None:
        seen[type(change).__name__] += 1
        seen[f"id {change.id}"] += 1
        if isinstance(change, Record):
            assert set(change.values) <= {"a", "b"}
            assert {edit.field for edit in change.edits} <= set(change.values)
            seen[f"{len(change.values)} fields"] += 1
            seen["edits"] += bool(change.edits)
            seen["versions"] += change.version is not None
            seen["times"] += change.modified_at is not None

    draw()
    names = ("Record", "Tombstone", "0 fields", "1 fields", "2 fields", "edits", "versions")
    assert all(seen[name] > 10 for name in (*names, "times", "id 1", "id 4")), seen


@given(records(["a"], st.just("x")))
def test_records_hold_what_was_asked(record: Record) -> None:
    """A record holds the values of the strategy that was given."""
    assert set(record.values.values()) <= {"x"}


def test_columns_and_schemas_reach() -> None:
    """Columns have every limit and every right; schemas lack a column now and then."""
    seen: Counter[str] = Counter()
    small = LEAD.only("email", "city")

    @settings(SEARCH, max_examples=300)
    @given(columns(), schemas(small))
    def draw(column: Column, pair: Pair[Schema]) -> None:
        for name in ("length", "minimum", "digits", "options", "required"):
            seen[name] += bool(getattr(column, name))
        seen["unreadable"] += Access.READ not in column.access
        seen["read only"] += column.access == Access.READ
        whole = [len(schema.columns) == 2 + (side is Side.MARKETO) for side, schema in of(pair)]
        seen["whole"] += all(whole)
        seen["lacking"] += not all(whole)
        assert small.link_field in pair.marketo.columns

    draw()
    assert all(count > 10 for count in seen.values()), seen
    assert len(seen) == 9


def of(pair: Pair[Schema]) -> list[tuple[Side, Schema]]:
    """Return the schemas with their sides."""
    return list(zip(Side, pair, strict=True))


# -- two sides


def verdict(situation: Situation, name: str, kind: Kind, policy: AuthorityPolicy) -> Verdict | None:
    """Return what the engine makes of one field."""
    decision = merge_field(
        name,
        situation.base.map(lambda held: held.get(name, MISSING)),
        situation.now.map(lambda held: held.get(name, MISSING)),
        policy=policy,
        same=lambda one, other: kind.key(one) == kind.key(other),
        ages=situation.ages,
    )
    return None if decision is None else decision.verdict


EXPECTED: Final[Mapping[str, set[Verdict | None]]] = {
    "nothing": {None},
    "one side": {Verdict.ONE_SIDE},
    "same on both": {Verdict.AGREED},
    "collision": {Verdict.COLLISION},
    "first": {Verdict.FIRST},
    "not reported": {None, Verdict.ONE_SIDE},
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", KINDS)
def test_each_cell_is_what_it_says(name: str, cell: str) -> None:
    """A situation of a cell is in that cell of the merge table, whatever kind of value it has."""
    kind = KINDS[name]
    reached: Counter[Verdict | None] = Counter()

    @settings(SEARCH, max_examples=30)
    @given(situations({"f": kind}, [cell]))
    def draw(situation: Situation) -> None:
        reached[verdict(situation, "f", kind, prefer(Side.MARKETO))] += 1

    draw()
    assert EXPECTED[cell] >= set(reached), reached


def test_every_cell_is_reached() -> None:
    """Among situations of three fields each verdict is met often."""
    reached: Counter[Verdict | None] = Counter()

    @settings(SEARCH, max_examples=200)
    @given(situations())
    def draw(situation: Situation) -> None:
        for name in ("name", "mail", "city"):
            reached[verdict(situation, name, TextKind(), manual)] += 1
            reached[verdict(situation, name, TextKind(), prefer(Side.MARKETO))] += 1

    draw()
    assert {None, *Verdict} == set(reached)
    assert all(count > 20 for count in reached.values()), reached


POLICIES: Final = (
    (prefer(Side.MARKETO), prefer(Side.DYNAMICS)),
    (newest(), newest()),
    (nonempty(manual), nonempty(manual)),
)


@given(situations(KINDS), st.sampled_from(POLICIES))
def test_merge_is_mirrored(
    situation: Situation, policies: tuple[AuthorityPolicy, AuthorityPolicy]
) -> None:
    """Whatever kinds of values there are, the merge reads the same from the other side."""

    def same(name: str, one: Value, other: Value) -> bool:
        return KINDS[name].key(one) == KINDS[name].key(other)

    here = merge(situation.base, situation.now, policy=policies[0], ages=situation.ages, same=same)
    there = merge(
        situation.base.swap(),
        situation.now.swap(),
        policy=policies[1],
        ages=situation.ages.swap(),
        same=same,
    )

    assert [d.verdict for d in here.decisions] == [d.verdict for d in there.decisions]
    assert here.writes.map(set) == there.writes.swap().map(set)


@given(collisions(NumberKind(digits=2), entity="contact", field="revenue"))
def test_collisions_collide(collision: Collision) -> None:
    """A collision is one: the two values differ, and the policy is given its place."""
    kind = NumberKind(digits=2)

    assert kind.key(collision.values.marketo) != kind.key(collision.values.dynamics)
    assert ("contact", "revenue") == (collision.entity, collision.field)


def test_only_the_strategies_load_hypothesis() -> None:
    """Who checks without generating needs no hypothesis, and none is loaded."""
    program = (
        "import sys, dynsync, dynsync.testing; assert 'hypothesis' not in sys.modules;"
        "from dynsync.testing import check_policy; from dynsync import manual;"
        "assert check_policy(manual).held; assert 'hypothesis' not in sys.modules;"
        "assert 'pytest' not in sys.modules;"
        "import dynsync.testing.strategies; assert 'hypothesis' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own program
