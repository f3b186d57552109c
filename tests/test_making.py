"""A record is told the same values by the short ways through its making as by the long one."""

from __future__ import annotations

from typing import Final

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynsync.fields import EntityMap
from dynsync.kinds import BooleanKind, ChoiceKind, EmailKind, Kind, TextKind
from dynsync.making import plain_values
from dynsync.maps import CONTACT
from dynsync.policies import newest
from dynsync.records import MISSING, Missing, Pair, Side, Wire
from dynsync.sandbox import CONTACT_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Access, Column, Schema
from dynsync.terms import Terms, agree_terms
from parts import HOBBIES, LEAD, terms_with
from parts import row as lead_row

SCHEMAS: Final = Pair(Schema.of("person", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS))


class LongText(TextKind):
    """A kind of a host's own, of which nothing is known but that it is a kind."""


class LongEmail(EmailKind):
    """The same for e-mail."""


class LongYesNo(BooleanKind):
    """The same for yes and no."""


class LongChoice(ChoiceKind):
    """The same for choices."""


def _long(kind: Kind) -> Kind:
    match kind:
        case EmailKind():
            return LongEmail()
        case TextKind():
            return LongText(kind.name)
        case BooleanKind():
            return LongYesNo()
        case ChoiceKind():
            return LongChoice()
        case _:
            return kind


def _terms(entity_map: EntityMap) -> Terms:
    return agree_terms(entity_map, SCHEMAS, policy=newest(), first=newest(), backfill=newest())


SHORT: Final = _terms(CONTACT)
LONG: Final = _terms(
    attrs.evolve(
        CONTACT, fields=[attrs.evolve(field, kind=_long(field.kind)) for field in CONTACT.fields]
    )
)
WIRES: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.floats(),
    st.text(),
    st.sampled_from([" ", "\r\n", "\x1c", " Ann\r", "Any", "2", "true", "é", "\ud800", "x" * 300]),
)


@given(
    st.lists(WIRES, min_size=len(SHORT.fields), max_size=len(SHORT.fields)), st.sampled_from(Side)
)
@example([True] * len(SHORT.fields), Side.MARKETO)
@example([1] * len(SHORT.fields), Side.MARKETO)
@example([1.0] * len(SHORT.fields), Side.MARKETO)
@example(["x" * 50] * len(SHORT.fields), Side.DYNAMICS)
@example(["x" * 51] * len(SHORT.fields), Side.DYNAMICS)
def test_the_short_ways_lead_where_the_long_one_leads(row: list[Wire], side: Side) -> None:
    """Plain text, and codes that were met before; to the type of each value."""
    told, places = plain_values(SHORT, side, [*row])
    expected, expected_places = plain_values(LONG, side, [*row])

    assert [(name, type(wire), wire) for name, wire in expected.items()] == [
        (name, type(wire), wire) for name, wire in told.items()
    ]
    assert expected_places == places


def told_alone(name: str, wire: Wire, side: Side) -> tuple[dict[str, Wire], list[str]]:
    """Return what a record is told that has one value, and the names of what is undecided."""
    row: list[Wire] = [None] * len(SHORT.fields)
    row[SHORT.index(name)] = wire
    told, places = plain_values(SHORT, side, [*row])
    return told, [SHORT.fields[at].name for at in places if row[at] is not None]


def test_what_does_not_fit_needs_a_decision() -> None:
    """Text to the last character that the column holds, and codes that it does not know."""
    assert ({"first_name": "x" * 50}, []) == told_alone("first_name", "x" * 50, Side.DYNAMICS)
    assert ({}, ["first_name"]) == told_alone("first_name", "x" * 51, Side.DYNAMICS)
    assert ({}, ["first_name"]) == told_alone("first_name", "é" * 51, Side.DYNAMICS)
    for _ in range(2):
        expected = {"preferred_contact_method": "Phone"}, list[str]()
        assert expected == told_alone("preferred_contact_method", 3, Side.MARKETO)
        undecided = dict[str, Wire](), ["preferred_contact_method"]
        assert undecided == told_alone("preferred_contact_method", 7, Side.MARKETO)


def test_a_text_is_not_a_code() -> None:
    """What looks like text is said by its field's kind."""
    expected = {"preferred_contact_method": 3}
    assert (expected, []) == told_alone("preferred_contact_method", "Phone", Side.DYNAMICS)


# -- by itself


def plain(
    values: dict[str, Wire | Missing],
    *changed: tuple[Side, Column],
    side: Side = Side.DYNAMICS,
    fields: EntityMap = LEAD,
) -> tuple[dict[str, Wire], list[str]]:
    """Return what a lead is told that is made of *values*, and the fields that need a decision."""
    terms = terms_with(*changed, fields=fields)
    told, places = plain_values(terms, side, lead_row(values, terms=terms))
    return told, [terms.layout[at] for at in places]


def test_most_values_are_said_as_they_are() -> None:
    """Text with its blanks, and letters of any script; what is empty is not said at all."""
    told, undecided = plain({"city": " Oslo ", "email": "a@x.org", "revenue": 7, "rating": "Warm"})

    assert {"city": " Oslo ", "email": "a@x.org", "revenue": 7, "rating": 2} == told
    assert [] == undecided
    assert ({"city": "Tromsø"}, []) == plain({"city": "Tromsø"})
    for empty in (None, "", " ", "\u00a0", MISSING):
        assert ({}, []) == plain({"city": empty, "revenue": empty, "rating": empty})


@pytest.mark.parametrize("char", ["x", "ø"])
def test_text_is_said_up_to_the_length_of_its_column(char: str) -> None:
    """In the unit in which that is counted."""
    letters = Side.DYNAMICS, Column("address1_city", length=4)
    bytes_ = Side.DYNAMICS, Column("address1_city", length=4, unit="bytes")
    most = {"x": 4, "ø": 2}[char]

    assert ({"city": char * 4}, []) == plain({"city": char * 4}, letters)
    assert ({}, ["city"]) == plain({"city": char * 5}, letters)
    assert ({"city": char * most}, []) == plain({"city": char * most}, bytes_)
    assert ({}, ["city"]) == plain({"city": char * (most + 1)}, bytes_)
    assert ({"email": char * 900}, []) == plain({"email": char * 900})


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("revenue", -1),
        ("revenue", "twelve"),
        ("rating", "Tepid"),
        ("city", "\ud800"),
        ("city", True),
    ],
)
def test_what_does_not_fit_is_decided(name: str, wire: Wire) -> None:
    """A limit of the column's, an option that there is not, or a value of no kind."""
    assert ({}, [name]) == plain({name: wire})


def test_a_limit_of_text_other_than_its_length_is_looked_at() -> None:
    """A column of days may be mapped as text: it knows no day before 1753."""
    days = Side.DYNAMICS, Column("address1_city", type="DateOnly")

    assert ({"city": "1753-01-01"}, []) == plain({"city": "1753-01-01"}, days)
    assert ({}, ["city"]) == plain({"city": "1752-12-31"}, days)


def test_what_only_a_decision_can_tell_is_decided() -> None:
    """A right that is missing, a value that is required, text to be cut, a shared column."""
    created = Access.READ | Access.UPDATE
    barred = Side.DYNAMICS, Column("emailaddress1", access=created)
    cut = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate"))

    assert ({}, ["name"]) == plain({"name": "Lee"})
    assert ({}, ["name"]) == plain({"name": None})
    assert ({}, ["email"]) == plain({"email": "a@x.org"}, barred)
    assert ({}, ["city"]) == plain({"city": "Oslo"}, fields=cut)
    assert ({}, ["subject", "topic"]) == plain({"subject": "a", "topic": "b"})
    there = plain({"name": "Lee", "subject": "a", "topic": "b"}, side=Side.MARKETO)
    assert ({"name": "Lee", "subject": "a", "topic": "b"}, []) == there


def test_each_side_has_its_own_rights() -> None:
    """What may not be told to a new lead may be told to a new person."""
    barred = Side.DYNAMICS, Column("emailaddress1", access=Access.READ)
    told = plain({"email": "a@x.org", "@id": "guid"}, barred, side=Side.MARKETO)

    assert ({"email": "a@x.org", "@id": "guid"}, []) == told


@pytest.mark.parametrize("side", Side)
def test_only_what_flows_there_is_said(side: Side) -> None:
    """A one-way field is no part of a new record on the side that it comes from."""
    told, undecided = plain({"created": "today", "score": 7}, side=side)

    assert {Side.MARKETO: {"created": "today"}, Side.DYNAMICS: {"score": 7}}[side] == told
    assert [] == undecided


def test_a_code_that_was_met_before_is_said_again_alike() -> None:
    """To the type of the value: yes is no 1, though Python takes one for the other."""
    terms = terms_with()

    def said(name: str, wire: Wire) -> Wire | None:
        told, _ = plain_values(terms, Side.MARKETO, lead_row({name: wire}, terms=terms))
        return told.get(name)

    for _ in range(2):
        assert ["Hot", "Warm", None] == [said("rating", code) for code in (1, 2, 3)]
        assert said("rating", wire=True) is None
        assert True is said("@deleted", 1)
        assert True is said("@deleted", wire=True)
        assert False is said("@deleted", wire=False)
    assert [said("rating", code) for code in range(100, 200)] == [None] * 100


def test_each_side_is_understood_in_its_own_words() -> None:
    """Dynamics' codes become Marketo's labels."""
    told, _ = plain_values(HOBBIES, Side.MARKETO, lead_row({"hobbies": "2,1"}, terms=HOBBIES))

    assert {"hobbies": "Golf;Tennis"} == told
