"""An update that was done whole: where the short way settles it, and what it says."""

from __future__ import annotations

from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsync.advancing import advance
from dynsync.agreeing import agreed
from dynsync.backlog import Hold, Linked, LinkState, Pending, Sent
from dynsync.outcomes import FieldChange
from dynsync.planning import RecordPlan, plan_record
from dynsync.policies import AuthorityPolicy, Collision, Put, Resolution, manual, newest, prefer
from dynsync.records import MISSING, Pair, Row, Side, Version, Wire
from dynsync.schemas import Access, Column
from dynsync.terms import Terms
from dynsync.writes import Created, NotAttempted, Stale, Updated, Write, WriteResult
from parts import GUID, IDS, LEAD, NOW, PERSON, TERMS, entry, gone, link, seen, terms_with

SENT: Final = Sent("city", "a", "b", "c", at=NOW)
WAS: Final = attrs.evolve(
    link({"city": "was", "email": "a@x.org"}, versions=Pair(Version("m"), Version("d"))),
    sent=(SENT,),
)
NEWS: Final = entry(seen({"city": "b"}, version="m2"))
DONE: Final = Pair[WriteResult | None](None, Updated(GUID, Version("d2")))


def planned(made: Pending, known: Linked | None = WAS, terms: Terms = TERMS) -> RecordPlan:
    """Return the plan of an entry."""
    return plan_record(terms, made, known, NOW)


def put(_: Collision) -> Resolution:
    """Put a value of its own, whatever collides."""
    return Put("put", "put")


def test_an_update_that_was_done_is_settled() -> None:
    """Both bases move to what was told, and each side's version to the last one heard of."""
    found = agreed(TERMS, planned(NEWS), DONE)
    assert found is not None
    after, changes = found
    base = [WAS.rows[side].copy() for side in Side]
    for row in base:
        row[TERMS.index("city")] = "b"
    base[1][TERMS.plain :] = [None] * TERMS.stamps

    assert after == Linked(
        1, LEAD.entity, IDS, Pair(*base), Pair(Version("m2"), Version("d2")), sent=(SENT,)
    )
    assert (
        FieldChange("city", "one_side", Side.MARKETO, (Side.DYNAMICS,), "only Marketo changed it"),
    ) == changes
    assert "was" == WAS.rows.marketo[TERMS.index("city")], "the link itself is as it was"


@pytest.mark.parametrize("side", Side)
def test_each_side_has_its_version(side: Side) -> None:
    """The one that it answered, or else the one that was seen, or else the one known."""
    told = planned(entry(*Pair(NEWS.seen.marketo, NEWS.seen.marketo)), link({"city": "was"}))
    assert told.writes == Pair(None, None)
    answered = Pair[WriteResult | None](None, None).replace(side, Updated(GUID, Version("new")))
    agreeing = attrs.evolve(told, link=WAS)
    known = Pair(Version("m2"), Version("m2"))

    def versions(plan: RecordPlan, results: Pair[WriteResult | None]) -> object:
        found = agreed(TERMS, plan, results)
        assert found is not None
        return found[0].versions

    assert known.replace(side, Version("new")) == versions(agreeing, answered)
    assert known == versions(agreeing, Pair(None, None))
    unseen = attrs.evolve(agreeing, entry=entry())
    assert WAS.versions == versions(unseen, Pair(None, None))


def test_a_link_whose_record_is_back_is_alive() -> None:
    """It was seen again in Dynamics, and merged."""
    known = attrs.evolve(WAS, state=LinkState.GONE_DYNAMICS)
    found = agreed(
        TERMS, planned(entry(None, seen({"city": "b"})), known), Pair(Updated(PERSON), None)
    )

    assert found is not None
    assert LinkState.LIVE is found[0].state


def test_what_took_no_decision_and_was_told_to_nobody_is_no_change() -> None:
    """A one-way field that is there already moves its base, and is not worth a word."""
    made = entry(seen({"created": "new"}), seen({"created": " new", "city": "c"}))
    found = agreed(TERMS, planned(made), Pair(Updated(PERSON), None))

    assert found is not None
    after, changes = found
    assert ["city"] == [change.field for change in changes]
    at = TERMS.index("created")
    assert ("new", " new") == (after.rows.marketo[at], after.rows.dynamics[at])


def test_a_one_way_field_that_was_told_is_a_change() -> None:
    """It overrode, and whoever looks for it finds it."""
    made = entry(None, seen({"created": "new"}))
    found = agreed(TERMS, planned(made), Pair(Updated(PERSON), None))

    assert found is not None
    assert [("created", "to_marketo")] == [(c.field, c.verdict) for c in found[1]]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "result",
    [
        Stale(),
        NotAttempted(),
        Created(GUID),
        Updated(GUID, values={"city": "b"}),
    ],
)
def test_what_went_otherwise_is_judged(side: Side, result: WriteResult) -> None:
    """Where anything failed, or is said to be held, the long way is taken."""
    assert (
        agreed(TERMS, planned(NEWS), Pair[WriteResult | None](None, None).replace(side, result))
        is None
    )


@pytest.mark.parametrize("side", Side)
def test_an_answer_that_tells_no_values_is_silent(side: Side) -> None:
    """So is no write at all."""
    made = NEWS if side is Side.DYNAMICS else entry(None, seen({"city": "b"}))
    for result in (Updated(GUID), Updated(GUID, values={})):
        answers = Pair[WriteResult | None](None, None).replace(side, result)
        assert agreed(TERMS, planned(made), answers) is not None


HOLD: Final = Hold(Side.MARKETO, "email", ("NO",), "d", "s", 1, NOW + 60.0)
CLAIM: Final = {"city": ("edit", Pair[Wire]("was", "was"))}
LEFT: Final = terms_with(policy=manual)
BARRED: Final = terms_with((Side.DYNAMICS, Column("address1_city", access=Access.READ)))

JUDGED: Final = {
    "no link": planned(NEWS, None),
    "made": planned(entry(None, seen({"name": "Lee"})), None),
    "gone": planned(entry(seen({"city": "b"}), gone())),
    "held before": planned(attrs.evolve(NEWS, holds=(HOLD,))),
    "refused": planned(entry(seen({"city": "x" * 11}))),
    "withheld": planned(NEWS, terms=BARRED),
    "unresolved": planned(entry(seen({"city": "b"}), seen({"city": "c"})), terms=LEFT),
    "put anew": planned(
        entry(seen({"city": "b"}), seen({"city": "c"})),
        link({"city": MISSING}),
        terms_with(backfill=put),
    ),
    "restored": planned(entry(seen({"city": "o"}, claims=CLAIM), seen({"city": "c"})), terms=LEFT),
    "one of two refused": planned(entry(seen({"city": "x" * 11, "email": "b@x.org"}))),
}


@pytest.mark.parametrize("why", sorted(JUDGED))
def test_what_is_still_to_be_judged_is_not_settled(why: str) -> None:
    """What waits, what is made and what is gone have ways of their own."""
    assert agreed(TERMS, JUDGED[why], Pair(None, None)) is None


def done(write: Write | None) -> WriteResult | None:
    """Return that *write* was done, if there was one."""
    return None if write is None else Updated(GUID)


VALUES: Final = st.sampled_from(["a", "b", " b", "B", None, "x" * 11, MISSING])
ROWS: Final = st.dictionaries(
    st.sampled_from(["city", "email", "created", "subject", "topic"]), VALUES
)
POLICIES: Final[st.SearchStrategy[AuthorityPolicy]] = st.sampled_from(
    [prefer(Side.MARKETO), prefer(Side.DYNAMICS), newest(), manual, put]
)


@given(ROWS, ROWS, ROWS, ROWS, POLICIES)
def test_the_short_way_moves_the_base_as_the_long_one_does(
    here: dict[str, Wire],
    there: dict[str, Wire],
    one: dict[str, Wire],
    other: dict[str, Wire],
    policy: AuthorityPolicy,
) -> None:
    """Whatever was held and seen, if all that was written was done."""
    terms = terms_with(policy=policy)
    plan = planned(entry(seen(one), seen(other)), link(here, there), terms)
    results = plan.writes.map(done)
    short, long = agreed(terms, plan, results), advance(terms, plan, results)

    def plain(rows: Pair[Row]) -> Pair[Row]:
        return rows.map(lambda row: row[: terms.plain])

    if short is not None:
        assert plain(long.base) == plain(short[0].rows)
        assert {field.name for field in plan.fields} == long.settled
        assert not long.rewritten
    else:
        assert any(field.waits or field.restore for field in plan.fields)
