"""Which fields of a record there may be anything to decide about, before any is looked at."""

from __future__ import annotations

from typing import Final

from dynsync.backlog import Pending
from dynsync.comparing import Rows, rows_of
from dynsync.maps import CONTACT
from dynsync.policies import newest
from dynsync.records import MISSING, Missing, Pair, Row, Side, Wire
from dynsync.sandbox import CONTACT_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Schema
from dynsync.terms import agree_terms
from parts import GUID, NOW, entry, gone, link, row, seen
from parts import TERMS as LEADS

TERMS: Final = agree_terms(
    CONTACT,
    Pair(Schema.of("person", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS)),
    policy=newest(),
    first=newest(),
    backfill=newest(),
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


def test_a_one_way_field_is_decided_about_though_one_side_said_nothing() -> None:
    """What its source says again may be what the other side still has to hear."""
    seen = Pair[Wire | Missing](3, MISSING)

    assert ["priority"] == moved(seen, Pair[Wire | Missing](3, 2), "priority")
    assert ["priority"] == moved(seen.swap(), Pair[Wire | Missing](2, 3), "priority")
    assert [] == moved(Pair[Wire | Missing](MISSING, MISSING), Pair(3, 2), "priority")


def test_a_one_way_field_of_which_nothing_is_known_is_decided_about() -> None:
    """Two records that never met agreed on nothing."""
    unknown = Pair[Wire | Missing](MISSING, MISSING)

    assert ["priority"] == moved(Pair[Wire | Missing](None, None), unknown, "priority")
    assert [] == moved(unknown, unknown, "priority")


# -- the rows of an entry


STAMPS: Final[list[Wire]] = [GUID, "Lead", False]
SAID: Final[dict[str, Wire]] = {"@id": GUID, "@type": "Lead", "@deleted": False}


def rows(made: Pending, *, linked: bool = True) -> Rows:
    """Return the rows of an entry whose link agrees on a city."""
    return rows_of(LEADS, made, link({"city": "Oslo"}) if linked else None, STAMPS)


def test_rows_tell_what_was_seen_from_what_is_held() -> None:
    """What a side did not report it holds as it did."""
    found = rows(entry(seen({"email": "a@x.org"}), seen({"city": "Bergen"})))

    assert row({"email": "a@x.org"}) == found.seen.marketo
    assert row({"city": "Oslo", "email": "a@x.org", **SAID}, None) == found.actual.marketo
    assert row({"city": "Oslo", **SAID}, None) == found.base.marketo
    assert row({"city": "Bergen", **SAID}) == found.seen.dynamics
    assert row({"city": "Bergen", **SAID}, None) == found.actual.dynamics
    assert row({"city": "Oslo", **SAID}, None) == found.base.dynamics
    assert found.linked


def test_a_side_that_was_not_seen_holds_what_it_did() -> None:
    """Of it the stamps alone are known anew, which are ours to say; so of one that is gone."""
    for made in (entry(), entry(gone(), gone())):
        found = rows(made)
        assert row({}) == found.seen.marketo
        assert row(SAID) == found.seen.dynamics
        assert found.base == found.actual


def test_two_records_that_never_met_have_no_base() -> None:
    """Nothing is known of them but what was seen, and what the person should be told it is."""
    found = rows(entry(seen({"city": "a"}), seen({"city": "b"})), linked=False)

    assert Pair(row({}), row(SAID)) == found.base
    assert Pair(row({"city": "a"}), row({"city": "b", **SAID})) == found.actual
    assert not found.linked


def test_edits_that_we_overwrote_come_along() -> None:
    """They are of Marketo alone."""
    claims = {"city": ("edit", Pair[Wire]("was", "was"))}

    assert claims == rows(entry(seen({}, claims=claims))).claims
    assert {} == rows(entry(None, seen({}, claims=claims))).claims


def names(found: Rows) -> list[str]:
    """Return the fields that there is something to decide about."""
    return [LEADS.layout[at] for at in found.moved(LEADS)]


def test_what_either_side_reports_anew_is_decided_about() -> None:
    """In the order of the layout; what is as it was is not, nor what was not reported."""
    here, there = seen({"topic": "a", "city": "Oslo"}), seen({"city": "Bergen", "email": None})

    assert ["city", "topic"] == names(rows(entry(here, there)))
    assert [] == names(rows(entry(seen({"city": "Oslo"}), seen({"city": "Oslo"}))))
    assert [] == names(rows(entry()))


def test_an_edit_that_we_overwrote_is_decided_about() -> None:
    """Though Marketo holds what it held; unless its field is no longer in play."""
    against = Pair[Wire]("was", "was")
    claims = {"email": ("edit", against), "no longer chosen": ("edit", against)}

    assert ["email"] == names(rows(entry(seen({"city": "Oslo"}, claims=claims))))


def test_stamps_that_are_not_as_they_should_be_are_decided_about() -> None:
    """Whoever wrote over one, and whether or not it was seen lately."""
    known = rows_of(LEADS, entry(), link({}), [GUID, None, True])

    assert ["@type", "@deleted"] == names(known)
    assert ["@id"] == names(rows(entry(seen({**SAID, "@id": "other"}))))


def test_a_case_is_what_is_known_of_a_field() -> None:
    """Base, news and what is held, of either side, and how old the news are."""
    made = entry(seen({"city": "a"}), seen({"email": "b"}))
    at, ages = LEADS.index("city"), Pair[float | None](1.0, 2.0)
    found = rows(made).case(LEADS, made, at, NOW, ages)

    assert (LEADS, at, made) == (found.terms, found.at, found.entry)
    assert (NOW, ages) == (found.now, found.ages)
    assert Pair("Oslo", "Oslo") == found.base
    assert Pair("a", MISSING) == found.seen
    assert Pair("a", "Oslo") == found.actual
    assert (True, False, None) == (found.linked, found.claimed, found.creates)
    assert not rows(made, linked=False).case(LEADS, made, at, NOW, ages).linked


def test_the_case_of_an_edit_that_we_overwrote() -> None:
    """It stands in for what Marketo reports, against the base that it was made on."""
    made = entry(seen({"city": "ours"}, claims={"city": ("edit", Pair[Wire]("one", "two"))}))
    found = rows(made).case(LEADS, made, LEADS.index("city"), NOW, Pair(None, None))

    assert Pair("one", "two") == found.base
    assert Pair("edit", "Oslo") == found.seen
    assert Pair("ours", "Oslo") == found.actual
    assert found.claimed
