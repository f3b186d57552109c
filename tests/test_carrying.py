"""An edit of one side alone goes over the short way as a decision would have it go."""

from __future__ import annotations

from typing import Final

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynsync.carrying import carried, ways_of
from dynsync.comparing import Rows, rows_of
from dynsync.deciding import decide
from dynsync.decisions import FieldPlan, Ruling
from dynsync.fields import EntityMap
from dynsync.kinds import BooleanKind
from dynsync.maps import CONTACT
from dynsync.merge import Verdict
from dynsync.policies import newest
from dynsync.records import MISSING, Missing, Pair, Side, Wire
from dynsync.sandbox import CONTACT_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema
from dynsync.terms import Terms, agree_terms
from parts import HOBBIES, LEAD, NOW, TERMS, entry, link, seen, terms_with

SCHEMAS: Final = Pair(Schema.of("person", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS))
CONTACTS: Final = agree_terms(CONTACT, SCHEMAS, policy=newest(), first=newest(), backfill=newest())

Maybe = Wire | Missing
Wires = tuple[Maybe, Maybe]


def rows_with(terms: Terms, at: int, base: Wires, news: Wires) -> Rows:
    """Return the rows of a record that has one value on either side, Marketo's first."""

    def row(wire: Maybe) -> list[Maybe]:
        return [wire if place == at else None for place in range(len(terms.layout))]

    both = [row(wire) for wire in (*base, *news)]
    held = [row(b if s is MISSING else s) for b, s in zip(base, news, strict=True)]
    return Rows(Pair(*both[:2]), Pair(*both[2:]), Pair(*held), {}, linked=True)


# -- as a decision would have it

ALIKE: Final[tuple[Wire, ...]] = (
    *(None, "", " ", "Oslo", " oslo ", "OSLO", "Bergen", "Tromsø", "Any\r\n", "Any\n", "\ud800"),
    *(True, False, 1, 0, 1.0, 2, "2", 3, "3", "Phone", "phone", "Email", "true", "no"),
    *(-0.0, 12.25, "12.250", 12.251, 1e300, 10**60, "x" * 100, "x" * 101, "x" * 5000),
    *("2026-11-23", "11/23/2026", "2026-11-23T09:30:00Z", "2026-11-23T10:30:00.4+01:00"),
    *("1752-01-01", "0001-01-01T00:00:00+14:00", "6F1D-AB", "{6f1d-ab}"),
)
WIRES: Final = st.sampled_from([*ALIKE, MISSING])


@given(
    st.sampled_from([CONTACTS, TERMS, HOBBIES]),
    st.integers(0, 200),
    st.tuples(WIRES, WIRES),
    st.tuples(WIRES, WIRES),
    st.sampled_from(["both", "one", "other"]),
)
@example(TERMS, 0, ("a", "a"), ("b", MISSING), "both")
@example(TERMS, 1, ("1", 1), ("2", True), "both")
def test_what_is_carried_is_what_would_be_decided(
    terms: Terms, place: int, base: Wires, news: Wires, moved: str
) -> None:
    """To the type of what is told, for any field and whatever either side says."""
    at = place % len(terms.layout)
    if moved != "both":
        # As nearly always: the other side says what it said before.
        news = (news[0], base[1]) if moved == "one" else (base[0], news[1])
    rows = rows_with(terms, at, base, news)
    short = carried(ways_of(terms), rows, at)
    if short is MISSING:
        return
    long = decide(rows.case(terms, entry(), at, NOW, Pair(None, None)))

    assert short == long
    if short is not None and long is not None:
        assert [type(short.wire(side)) for side in Side] == [type(long.wire(side)) for side in Side]
        assert short.change() == long.change()


# -- by itself


def carry(
    name: str,
    base: Wires,
    news: Wires,
    *changed: tuple[Side, Column],
    terms: Terms = TERMS,
    fields: EntityMap = LEAD,
) -> FieldPlan | Missing | None:
    """Carry an edit of the field *name* of a lead, with some columns *changed*."""
    mine = terms_with(*changed, fields=fields) if changed or fields is not LEAD else terms
    at = mine.index(name)
    return carried(ways_of(mine), rows_with(mine, at, base, news), at)


TO_DYNAMICS: Final = Ruling(Verdict.ONE_SIDE, Side.MARKETO, "only Marketo changed it")
TO_MARKETO: Final = Ruling(Verdict.ONE_SIDE, Side.DYNAMICS, "only Dynamics changed it")


@pytest.mark.parametrize("silent", [MISSING, "Oslo"])
def test_an_edit_goes_to_the_other_side(silent: Maybe) -> None:
    """Whether that side says nothing, or what it said before."""
    to_dynamics = FieldPlan("city", TO_DYNAMICS, to_dynamics="Bergen")
    to_marketo = FieldPlan("city", TO_MARKETO, to_marketo="Bergen")

    assert to_dynamics == carry("city", ("Oslo", "Oslo"), ("Bergen", silent))
    assert to_marketo == carry("city", ("Oslo", "Oslo"), (silent, "Bergen"))


@pytest.mark.parametrize(
    ("name", "base", "marketo", "dynamics"),
    [
        ("city", (None, None), "Tromsø", "Tromsø"),
        ("email", ("a@x.org", "a@x.org"), " b@x.org", " b@x.org"),
        ("revenue", (7, 7), 12.5, 12.5),
        ("revenue", (None, None), 12.0, 12),
        ("rating", ("Hot", 1), "warm", 2),
        ("hobbies", (None, None), "Tennis;Golf", "1,2"),
    ],
)
def test_each_side_is_told_in_its_own_words(
    name: str, base: Wires, marketo: Wire, dynamics: Wire
) -> None:
    """As the field's kind says it."""
    plan = carry(name, base, (marketo, MISSING), terms=HOBBIES)

    assert isinstance(plan, FieldPlan)
    assert (dynamics, type(dynamics)) == (plan.to_dynamics, type(plan.to_dynamics))
    assert plan.to_marketo is MISSING


def test_a_code_that_was_met_before_is_carried_alike() -> None:
    """Codes are remembered; each side's by themselves."""
    for _ in range(2):
        there = carry("rating", ("Hot", 1), ("Warm", MISSING))
        here = carry("rating", ("Hot", 1), (MISSING, 2))
        assert FieldPlan("rating", TO_DYNAMICS, to_dynamics=2) == there
        assert FieldPlan("rating", TO_MARKETO, to_marketo="Warm") == here


def test_what_means_the_same_as_before_is_no_edit() -> None:
    """Though it is written otherwise."""
    assert carry("city", ("Oslo", "Oslo"), (" Oslo", MISSING)) is None
    assert carry("email", ("a@x.org", "a@x.org"), (MISSING, "A@x.org")) is None
    assert carry("rating", ("Hot", 1), ("hot", MISSING)) is None


def test_what_the_other_side_holds_already_is_agreed_on() -> None:
    """Two that never agreed may come to: there is nothing to tell, and the base moves."""
    here = carry("city", ("Oslo", "Bergen"), (" Bergen", MISSING))
    there = carry("rating", ("Warm", 1), (MISSING, 2))

    assert FieldPlan("city", TO_DYNAMICS, advance=True) == here
    assert FieldPlan("rating", TO_MARKETO, advance=True) == there


@pytest.mark.parametrize(
    ("name", "base", "news"),
    [
        ("city", ("Oslo", "Oslo"), ("Bergen", "Bodø")),
        ("city", ("Oslo", "Oslo"), ("Bergen", "Bergen")),
        ("city", ("1", "1"), ("2", 1)),
        ("city", (1, "1"), (True, "2")),
        ("city", (MISSING, "Oslo"), ("Bergen", MISSING)),
        ("city", ("Oslo", MISSING), ("Bergen", MISSING)),
        ("city", ("Oslo", "Oslo"), (MISSING, MISSING)),
        ("city", ("Oslo", "Oslo"), (None, MISSING)),
        ("city", ("Oslo", "Oslo"), (" ", MISSING)),
        ("city", ("Oslo", "Oslo"), ("x" * 11, MISSING)),
        ("city", ("Oslo", "Oslo"), ("\ud800", MISSING)),
        ("city", (True, "Oslo"), ("Bergen", MISSING)),
        ("city", ("Oslo", True), ("Bergen", MISSING)),
        ("revenue", (7, 7), (-1, MISSING)),
        ("revenue", (7, 7), (1.125, MISSING)),
        ("rating", ("Hot", 1), ("Tepid", MISSING)),
        ("created", (None, None), (MISSING, "today")),
        ("score", (None, None), (7, MISSING)),
        ("@id", ("6f1d-ab", "6f1d-ab"), ("other", MISSING)),
    ],
)
def test_the_rest_takes_a_decision(name: str, base: Wires, news: Wires) -> None:
    """Two edits, half a base, an empty value, one that does not get through, a one-way field."""
    assert carry(name, base, news) is MISSING


def test_an_emptied_yes_or_no_takes_a_decision() -> None:
    """Although to Marketo nothing is no."""
    field = attrs.evolve(LEAD.field("city"), kind=BooleanKind())
    for news in ((None, MISSING), ("", MISSING)):
        assert carry("city", (True, True), news, fields=LEAD.plus(field)) is MISSING
    told = carry("city", (True, True), (False, MISSING), fields=LEAD.plus(field))
    assert FieldPlan("city", TO_DYNAMICS, to_dynamics=False) == told


def test_a_right_is_asked_for_on_the_side_that_is_told() -> None:
    """To change, and not to make."""
    barred = Side.DYNAMICS, Column("address1_city", access=FULL_ACCESS & ~Access.UPDATE)
    unmade = Side.DYNAMICS, Column("address1_city", access=FULL_ACCESS & ~Access.CREATE)
    base = ("Oslo", "Oslo")

    assert carry("city", base, ("Bergen", MISSING), barred) is MISSING
    assert isinstance(carry("city", base, (MISSING, "Bergen"), barred), FieldPlan)
    assert isinstance(carry("city", base, ("Bergen", MISSING), unmade), FieldPlan)


def test_what_may_be_cut_takes_a_decision() -> None:
    """On both sides."""
    cut = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate"))

    assert carry("city", ("Oslo", "Oslo"), ("Bergen", MISSING), fields=cut) is MISSING


def test_the_rows_of_a_record_that_was_seen_on_one_side() -> None:
    """The other one says nothing, and holds what it did."""
    linked = link({"city": "Oslo"})
    waiting = entry(dynamics=seen({"city": "Bergen"}))
    rows = rows_of(TERMS, waiting, linked, TERMS.desired_stamps(linked.ids.dynamics, alive="live"))
    plan = carried(ways_of(TERMS), rows, TERMS.index("city"))

    assert FieldPlan("city", TO_MARKETO, to_marketo="Bergen") == plan
