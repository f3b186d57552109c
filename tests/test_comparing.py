"""Which fields of a record there may be anything to decide about, before any is looked at."""

from __future__ import annotations

from typing import Final

from dynsync.comparing import Rows
from dynsync.maps import CONTACT
from dynsync.policies import newest
from dynsync.records import MISSING, Missing, Pair, Row, Side, Wire
from dynsync.sandbox import CONTACT_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Schema
from dynsync.terms import agree_terms

TERMS: Final = agree_terms(
    CONTACT,
    Pair(Schema.of("person", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS)),
    policy=newest(),
)


def moved(seen: Pair[Wire | Missing], base: Pair[Wire | Missing], field: str) -> list[str]:
    """Return the fields to be decided about, where all but *field* was empty and is."""

    def row(value: Wire | Missing) -> Row:
        values: Row = [None] * len(TERMS.fields)
        values[TERMS.index(field)] = value
        return values

    def actual(side: Side) -> Row:
        return row(base[side] if seen[side] is MISSING else seen[side])

    both = Pair(actual(Side.MARKETO), actual(Side.DYNAMICS))
    rows = Rows(base.map(row), seen.map(row), both, {}, linked=True)
    return [TERMS.fields[at].name for at in rows.moved(TERMS)]


def test_of_what_is_empty_and_was_nothing_is_decided() -> None:
    """Not even where a field flows one way: there is nothing that could override."""
    nothing = Pair[Wire | Missing](None, None)

    assert [] == moved(nothing, nothing, "priority")


def test_a_one_way_field_is_decided_about_wherever_anything_was_or_is() -> None:
    """Its source overrides also what has not moved: it may be sent at last."""
    for place in range(4):
        values: list[Wire | Missing] = [None] * 4
        values[place] = 3
        seen, base = Pair(values[0], values[1]), Pair(values[2], values[3])

        assert ["priority"] == moved(seen, base, "priority")


def test_a_one_way_field_of_which_nothing_is_known_is_decided_about() -> None:
    """Two records that never met agreed on nothing."""
    unknown = Pair[Wire | Missing](MISSING, MISSING)

    assert ["priority"] == moved(Pair[Wire | Missing](None, None), unknown, "priority")
    assert [] == moved(unknown, unknown, "priority")
