"""A record is told the same values by the short ways through its making as by the long one."""

from __future__ import annotations

from typing import Final

import attrs
from hypothesis import example, given
from hypothesis import strategies as st

from dynsync.fields import EntityMap
from dynsync.kinds import BooleanKind, ChoiceKind, EmailKind, Kind, TextKind
from dynsync.making import plain_values
from dynsync.maps import CONTACT
from dynsync.policies import newest
from dynsync.records import Pair, Side, Wire
from dynsync.sandbox import CONTACT_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Schema
from dynsync.terms import Terms, agree_terms

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
    return agree_terms(entity_map, SCHEMAS, policy=newest())


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
