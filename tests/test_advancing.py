"""How far the base moves when a plan's writes are answered (invariant 14)."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from dynsync.advancing import Advance, advance, applied, version_after
from dynsync.backlog import Linked, LinkState, Observation, Pending, Push
from dynsync.decisions import FieldPlan
from dynsync.planning import Action, RecordPlan, plan_record
from dynsync.policies import Collision, Put, Resolution, manual, prefer
from dynsync.records import MISSING, Missing, Pair, Row, Side, Version, Wire
from dynsync.schemas import Column
from dynsync.terms import Terms
from dynsync.writes import (
    AmbiguousWrite,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Updated,
    WriteResult,
)
from parts import GUID, HOBBIES, LEAD, NOW, PERSON, TERMS, entry, gone, link, row, seen, terms_with

Maybe = Wire | Missing
DONE: Final = Pair[WriteResult | None](Updated(PERSON), Updated(GUID))
FAILURES: Final = (
    AmbiguousWrite(),
    Gone(),
    NotAttempted(),
    Rejected((Reason("NO", "no"),)),
    Stale(),
    ThrottledWrite(),
)


def planned(made: Pending, known: Linked | None = None, terms: Terms = TERMS) -> RecordPlan:
    """Return the plan of an entry."""
    return plan_record(terms, made, known, NOW)


def at(rows: Pair[Row] | Pair[Row | None], name: str) -> tuple[Maybe, Maybe]:
    """Return what either of *rows* holds of a field."""
    place = TERMS.index(name)
    one, two = rows
    return MISSING if one is None else one[place], MISSING if two is None else two[place]


def put(collision: Collision) -> Resolution:
    """Put a value of its own, whatever collides."""
    return Put("put", collision.field)


# -- answers


@pytest.mark.parametrize("result", [None, *FAILURES])
def test_only_what_was_applied_is_applied(result: WriteResult | None) -> None:
    """Whatever else is answered, the record is as it was, or nobody knows."""
    assert applied(result) is None
    assert Version("known") == version_after(result, None, Version("known"))
    assert Version("seen") == version_after(result, seen({}, version="seen"), Version("known"))


@pytest.mark.parametrize("make", [Created, Updated])
def test_what_was_applied_has_its_own_version(make: type[Created | Updated]) -> None:
    """None where the system tells none: the one known is out of date."""
    result = make(GUID, Version("new"))

    assert result is applied(result)
    assert "new" == version_after(result, seen({}, version="seen"), Version("known"))
    assert version_after(make(GUID), seen({}, version="seen"), Version("known")) is None


# -- an update


def changed(known: Linked, terms: Terms = TERMS, **values: Wire) -> RecordPlan:
    """Return the plan of a person of whom *values* were changed."""
    return planned(entry(seen(values)), known, terms)


WAS: Final = link({"city": "was", "email": "a@x.org"})


@pytest.mark.parametrize("side", Side)
def test_the_base_moves_to_what_was_acknowledged(side: Side) -> None:
    """On both sides at once: the one that changed it, and the one that was told."""
    nobody = Pair[Observation | None](None, None)
    plan = planned(entry(*nobody.replace(side.other, seen({"city": "b"}))), WAS)
    rows = advance(TERMS, plan, Pair[WriteResult | None](None, None).replace(side, Updated(GUID)))

    assert ("b", "b") == at(rows.base, "city")
    assert ({"city"}, False) == (rows.settled, rows.rewritten)
    assert ("a@x.org", "a@x.org") == at(rows.base, "email")
    assert ("was", "was") == at(WAS.rows, "city"), "the link itself is as it was"
    assert rows.seen[side] is None
    assert row({"city": "b"}) == rows.seen[side.other]


@pytest.mark.parametrize("result", [None, *FAILURES])
def test_the_base_stays_where_nothing_was_acknowledged(result: WriteResult | None) -> None:
    """It never moves to what was hoped (invariant 14)."""
    rows = advance(TERMS, changed(WAS, city="b"), Pair(None, result))

    assert WAS.rows == rows.base
    assert (set(), False) == (rows.settled, rows.rewritten)


def test_what_both_hold_moves_the_base() -> None:
    """Each side's in its own words, and nothing had to be written (A2)."""
    made = entry(seen({"email": "b@x.org"}), seen({"email": "B@X.ORG"}))
    rows = advance(TERMS, planned(made, WAS), Pair(None, None))

    assert ("b@x.org", "B@X.ORG") == at(rows.base, "email")
    assert {"email"} == rows.settled


def test_what_was_told_is_seen() -> None:
    """A later look at the entry finds what the side holds since then."""
    made = entry(seen({"city": "b"}), seen({"city": "c"}))
    rows = advance(TERMS, planned(made, WAS), DONE)

    assert ("b", "b") == at(rows.seen, "city")
    assert entry(seen({"city": "b"}), seen({"city": "c"})) == made, "the entry is as it was"


def test_what_was_not_done_is_not_seen() -> None:
    """The side holds what it held."""
    made = entry(seen({"city": "b"}), seen({"city": "c"}))
    rows = advance(TERMS, planned(made, WAS), Pair(None, Stale()))

    assert ("b", "c") == at(rows.seen, "city")
    assert ("was", "was") == at(rows.base, "city")


# -- what comes back


def answered(**values: Wire) -> Advance:
    """Return the rows after a city was told to Dynamics, which said that it holds *values*."""
    natives = {LEAD.field(name).names.dynamics: wire for name, wire in values.items()}
    return advance(TERMS, changed(WAS, city="b "), Pair(None, Updated(GUID, values=natives)))


def test_what_came_back_the_same_is_the_base_as_it_was_said() -> None:
    """Systems trim what they are given; that is no news."""
    rows = answered(city="b")

    assert ("b ", "b") == at(rows.base, "city")
    assert ({"city"}, False) == (rows.settled, rows.rewritten)
    assert rows.seen.dynamics is None


def test_what_a_rule_rewrote_is_told_once() -> None:
    """It is a change of theirs: the base is what was sent, and the news what came back."""
    rows = answered(city="Rewritten")

    assert ("b ", "b ") == at(rows.base, "city")
    assert ("b ", "Rewritten") == at(rows.seen, "city")
    assert ({"city"}, True) == (rows.settled, rows.rewritten)


@pytest.mark.parametrize("side", Side)
def test_what_came_back_is_read_in_the_words_of_its_side(side: Side) -> None:
    """Of what was sent, and of what was not: the same in another order is no news."""
    before = link({"hobbies": "Golf;Tennis"}, {"hobbies": "1,2"}, terms=HOBBIES)
    words = Pair("Chess;Golf", "3,1")
    nobody = Pair[Observation | None](None, None)
    sent, kept = (
        planned(entry(*nobody.replace(side.other, seen(news, terms=HOBBIES))), before, HOBBIES)
        for news in ({"hobbies": words[side.other]}, {"city": "b"})
    )
    none = Pair[WriteResult | None](None, None)
    back = Pair("Golf;Chess", "1,3"), Pair("Tennis;Golf", "2,1")

    for plan, said in zip((sent, kept), back, strict=True):
        done = Updated(GUID, values={"hobbies": said[side]})
        rows = advance(HOBBIES, plan, none.replace(side, done))
        assert not rows.rewritten
        assert said[side] == rows.base[side][HOBBIES.index("hobbies")]
        assert rows.seen[side] is None


def test_what_was_put_back_is_agreed_to_differ() -> None:
    """Both would write for ever otherwise."""
    rows = answered(city=" was")

    assert ("b ", " was") == at(rows.base, "city")
    assert ({"city"}, False) == (rows.settled, rows.rewritten)


def test_what_was_put_back_in_other_words_is_agreed_to_differ() -> None:
    """The same options in another order are what it held before."""
    before = link({"hobbies": "Golf;Tennis"}, {"hobbies": "1,2"}, terms=HOBBIES)
    plan = planned(entry(seen({"hobbies": "Chess"}, terms=HOBBIES)), before, HOBBIES)
    rows = advance(HOBBIES, plan, Pair(None, Updated(GUID, values={"hobbies": "2,1"})))

    assert not rows.rewritten
    assert "2,1" == rows.base.dynamics[HOBBIES.index("hobbies")]


def test_what_a_rule_changed_besides_is_news() -> None:
    """Of a field that was not sent, against the base; one that is as it was is none."""
    rows = answered(city="b", email="c@x.org", name=None)

    assert ("a@x.org", "a@x.org") == at(rows.base, "email")
    assert (MISSING, "c@x.org") == at(rows.seen, "email")
    assert rows.rewritten
    assert MISSING is at(rows.seen, "city")[1]
    same = answered(city="b", email="A@x.org")
    assert (("a@x.org", "A@x.org"), False) == (at(same.base, "email"), same.rewritten)


def test_news_that_was_seen_already_is_none() -> None:
    """It waits in the entry, with what came back noted in its own words."""
    made = entry(seen({"city": "b"}), seen({"email": "c@x.org"}))
    plan = planned(made, WAS, terms_with(policy=manual))
    back: dict[str, Wire] = {"emailaddress1": "C@x.org", "revenue": 7}
    known = advance(TERMS, plan, Pair(None, Updated(GUID, values={"emailaddress1": "C@x.org"})))
    more = advance(TERMS, plan, Pair(None, Updated(GUID, values=back)))

    assert (False, "C@x.org") == (known.rewritten, at(known.seen, "email")[1])
    assert (True, 7) == (more.rewritten, at(more.seen, "revenue")[1])


def test_an_answer_that_says_nothing_of_values_says_no_news() -> None:
    """Most systems do: what was sent is the base."""
    rows = advance(TERMS, changed(WAS, city="b"), Pair(None, Updated(GUID, values={})))

    assert ("b", "b") == at(rows.base, "city")
    assert not rows.rewritten


def test_null_where_nothing_was_known_is_known() -> None:
    """It is what the field holds, and nothing that anybody changed."""
    known = link({"city": "was"}, {"city": "was", "email": MISSING, "revenue": MISSING})
    back = {"emailaddress1": None, "revenue": 7}
    rows = advance(TERMS, changed(known, city="b"), Pair(None, Updated(GUID, values=back)))

    assert (None, None) == at(rows.base, "email")
    assert MISSING is at(rows.base, "revenue")[1]
    assert (True, 7) == (rows.rewritten, at(rows.seen, "revenue")[1])


def test_a_refusal_says_nothing_of_values() -> None:
    """There are none to note."""
    rows = advance(TERMS, changed(WAS, city="b"), Pair(Updated(PERSON), FAILURES[3]))

    assert (rows.seen.dynamics, rows.rewritten) == (None, False)


def test_stamps_have_no_column_to_come_back_in() -> None:
    """Dynamics says nothing of them, whatever it calls a column."""
    made = entry(seen({"city": "b"}))
    rows = advance(TERMS, planned(made, WAS), Pair(None, Updated(GUID, values={"": "x", "fax": 1})))

    assert not rows.rewritten
    assert (GUID, None) == at(rows.base, "@id")


# -- both sides told


BOTH: Final = entry(seen({"city": "b"}), seen({"city": "c"}))


def test_a_put_value_is_settled_when_both_hold_it() -> None:
    """Both bases are what the policy put."""
    rows = advance(TERMS, planned(BOTH, WAS, terms_with(policy=put)), DONE)

    assert ("put", "put") == at(rows.base, "city") == at(rows.seen, "city")
    assert {"city"} == rows.settled


@pytest.mark.parametrize("side", Side)
def test_a_put_value_that_one_side_holds_is_told_to_the_other(side: Side) -> None:
    """The same value, and not what the policy would make of it again."""
    plan = planned(BOTH, WAS, terms_with(policy=put))
    rows = advance(TERMS, plan, DONE.replace(side.other, NotAttempted()))
    theirs = Pair("b", "c")

    assert (*Pair("was", "was").replace(side.other, theirs[side.other]),) == at(rows.base, "city")
    assert (*theirs.replace(side, "put"),) == at(rows.seen, "city")
    assert set() == rows.settled


def test_a_put_value_that_nobody_holds_is_asked_again() -> None:
    """Nothing is as it should be, and nothing moved."""
    plan = planned(BOTH, WAS, terms_with(policy=put))
    rows = advance(TERMS, plan, Pair(Stale(), NotAttempted()))

    assert ("was", "was") == at(rows.base, "city")
    assert ("b", "c") == at(rows.seen, "city")


# -- where two records first meet


def test_marketos_value_waits_for_the_next_run() -> None:
    """Dynamics' is the base of both, each in its own words, and nothing is settled (A28)."""
    made = entry(seen({"rating": "Hot", "@id": GUID}), seen({"rating": 2}))
    terms = terms_with(first=prefer(Side.MARKETO))
    rows = advance(terms, planned(made, terms=terms), Pair(None, None))

    assert ("Warm", 2) == at(rows.base, "rating")
    assert "rating" not in rows.settled
    assert ("Hot", 2) == at(rows.seen, "rating")


def test_a_value_that_marketo_cannot_say_is_no_base() -> None:
    """Nothing is agreed on then."""
    plan = RecordPlan(
        entry(seen({"rating": "Hot"}), seen({"rating": 9})),
        Action.MERGE,
        None,
        Pair(row({"rating": "Hot"}), row({"rating": 9})),
        (FieldPlan("rating", None, adopt=True), FieldPlan("city", None, adopt=True)),
    )
    rows = advance(TERMS, plan, Pair(None, None))

    assert (MISSING, MISSING) == at(rows.base, "rating") == at(rows.base, "city")


def first_put(*results: WriteResult | None) -> Advance:
    """Return the rows after a value was put where two records first met."""
    made = entry(seen({"city": "b", "@id": GUID}), seen({"city": "c"}))
    terms = terms_with(first=put)
    return advance(terms, planned(made, terms=terms), Pair(*results))


def test_a_value_that_was_put_at_a_first_meeting() -> None:
    """Marketo holds it: Dynamics' own is the base, and the put value the next change (A29)."""
    rows = first_put(Updated(PERSON), None)

    assert ("c", "c") == at(rows.base, "city")
    assert ("put", "c") == at(rows.seen, "city")
    assert "city" not in rows.settled


def test_a_value_that_did_not_arrive_is_asked_again() -> None:
    """Nothing is the base yet."""
    rows = first_put(Stale(), None)

    assert (MISSING, MISSING) == at(rows.base, "city")
    assert ("b", "c") == at(rows.seen, "city")
    assert "city" not in rows.settled


def test_dynamics_value_is_the_base_in_marketos_words() -> None:
    """Whatever Marketo holds until the next run."""
    terms = attrs.evolve(HOBBIES, first=prefer(Side.MARKETO))
    made = entry(seen({"hobbies": "Chess"}, terms=terms), seen({"hobbies": "1,2"}, terms=terms))
    rows = advance(terms, planned(made, terms=terms), Pair(None, None))

    assert ["Golf;Tennis", "1,2"] == [base[terms.index("hobbies")] for base in rows.base]


# -- an edit that goes back


def restored(result: WriteResult | None) -> Advance:
    """Return the rows after an edit of Marketo's went back, or did not."""
    claims = {"city": ("edit", Pair[Wire]("before", "base"))}
    made = entry(seen({"city": "ours"}, claims=claims), seen({"city": "theirs"}))
    plan = planned(made, link({"city": "ours"}), terms_with(policy=manual))
    return advance(TERMS, plan, Pair(result, None))


def test_an_edit_that_is_back_is_judged_as_if_nothing_had_been_written() -> None:
    """The base is the one that it was made on, and Dynamics' value is a change (inv. 31)."""
    rows = restored(Updated(PERSON))

    assert ("before", "base") == at(rows.base, "city")
    assert ("edit", "theirs") == at(rows.seen, "city")
    assert "city" in rows.settled


def test_an_edit_that_is_not_back_is_still_claimed() -> None:
    """The base stays, and it is tried again."""
    rows = restored(Stale())

    assert ("ours", "ours") == at(rows.base, "city")
    assert ("ours", "theirs") == at(rows.seen, "city")
    assert "city" not in rows.settled


def test_an_edit_is_back_where_dynamics_was_not_seen() -> None:
    """What it holds as far as is known is what it changed."""
    claims = {"city": ("edit", Pair[Wire]("before", "base"))}
    known = link({"city": "ours"}, state=LinkState.GONE_DYNAMICS)
    plan = planned(entry(seen({"city": "ours"}, claims=claims)), known)
    rows = advance(TERMS, plan, Pair(Updated(PERSON), None))

    assert ("before", "base") == at(rows.base, "city")
    assert ("edit", "ours") == at(rows.seen, "city")
    assert rows.seen.dynamics == row({"city": "ours"})


# -- a record that was made


THERE: Final[dict[str, Wire]] = {
    "name": "Lee",
    "city": "Oslo ",
    "rating": 2,
    "score": 7,
    "email": None,
}


def test_a_person_that_was_made() -> None:
    """Its base is what it was told, and Dynamics' what it held; what did not flow is empty."""
    there = seen({**THERE, "created": "today"})
    plan = planned(entry(None, there, ids=Pair(None, GUID)))
    rows = advance(TERMS, plan, Pair(Created(PERSON), None))

    for name, both in {
        "name": ("Lee", "Lee"),
        "city": ("Oslo ", "Oslo "),
        "rating": ("Warm", 2),
        "score": (None, 7),
        "email": (None, None),
        "created": ("today", "today"),
        "revenue": (None, MISSING),
        "@id": (GUID, GUID),
    }.items():
        assert both == at(rows.base, name), name
    assert set(TERMS.layout) == rows.settled
    assert rows.seen == Pair(None, there.row)
    assert not rows.rewritten


def test_a_record_that_was_made_in_dynamics() -> None:
    """The same, the other way round."""
    here = seen({"name": "Lee", "rating": "Warm", "created": "today", "@id": None})
    plan = planned(entry(here, push=Push(LEAD.entity)))
    rows = advance(TERMS, plan, Pair(None, Created(GUID)))

    for name, both in {
        "name": ("Lee", "Lee"),
        "rating": ("Warm", 2),
        "created": ("today", None),
        "@id": (None, None),
    }.items():
        assert both == at(rows.base, name), name
    assert set(TERMS.layout) == rows.settled


def test_what_a_new_record_was_not_told_is_nobodys() -> None:
    """A refused value is no base on either side: it is judged again when it may be told."""
    there = seen({"name": "Lee", "rating": 9})
    plan = planned(entry(None, there, ids=Pair(None, GUID)))
    rows = advance(TERMS, plan, Pair(Created(PERSON), None))

    assert (None, None) == at(rows.base, "rating")
    assert set(TERMS.layout) - {"rating"} == rows.settled
    assert ("Lee", "Lee") == at(rows.base, "name")


def test_what_a_new_record_was_decided_to_be_told_is_its_base() -> None:
    """A field that took a decision is like any other, once it was told."""
    there = seen({"name": "Lee", "subject": "a", "topic": "a"})
    plan = planned(entry(None, there, ids=Pair(None, GUID)))
    here = seen({"name": "Lee", "city": "Oslo", "subject": "a"})
    made = planned(entry(here, push=Push(LEAD.entity)))
    rows = advance(TERMS, plan, Pair(Created(PERSON), None))
    pushed = advance(TERMS, made, Pair(None, Created(GUID)))

    assert ("a", "a") == at(rows.base, "subject") == at(rows.base, "topic")
    assert ("a", "a") == at(pushed.base, "subject")
    assert ("Lee", "Lee") == at(pushed.base, "name")
    assert {"subject", "name"} <= pushed.settled


def test_a_put_value_of_a_new_record_is_still_told_to_the_other() -> None:
    """Of two fields on one column one yields, and the person has still to hear of it (A16)."""
    here = seen({"name": "Lee", "subject": "a", "topic": "b"})
    plan = planned(entry(here, push=Push(LEAD.entity)))
    rows = advance(TERMS, plan, Pair(None, Created(GUID)))

    assert (MISSING, MISSING) == at(rows.base, "topic")
    assert set(TERMS.layout) - {"topic"} == rows.settled
    assert ("a", "a") == at(rows.base, "subject")


TOO_LONG: Final = terms_with((Side.MARKETO, Column("microsoftTopic", length=3)))


@pytest.mark.parametrize("there", [None, seen({"city": "c"})])
def test_what_yields_and_cannot_be_told_is_a_change_of_dynamics(there: Observation | None) -> None:
    """Marketo's base moves to what stands there, and the column's value waits (A16)."""
    known = link({"subject": "was", "topic": "was", "city": "c"}, terms=TOO_LONG)
    plan = planned(entry(seen({"subject": "long", "topic": "b"}), there), known, TOO_LONG)
    rows = advance(TOO_LONG, plan, Pair(None, Updated(GUID)))

    assert ("b", "was") == at(rows.base, "topic")
    assert ("b", "long") == at(rows.seen, "topic")
    assert (("long", "long"), {"subject"}) == (at(rows.base, "subject"), rows.settled)


@pytest.mark.parametrize("result", FAILURES)
def test_what_yields_stays_where_it_was_if_the_column_does(result: WriteResult) -> None:
    """Nothing is in the column, so nothing waits for Marketo (invariant 14)."""
    known = link({"subject": "was", "topic": "was"}, terms=TOO_LONG)
    plan = planned(entry(seen({"subject": "long", "topic": "b"})), known, TOO_LONG)
    rows = advance(TOO_LONG, plan, Pair(None, result))

    assert known.rows == rows.base
    assert rows.seen.dynamics is None


def test_what_yields_in_a_new_record_and_cannot_be_told() -> None:
    """It is a change of the record that was made, which its person has still to hear of (A16)."""
    here = seen({"name": "Lee", "subject": "long", "topic": "b"})
    plan = planned(entry(here, push=Push(LEAD.entity)), terms=TOO_LONG)
    rows = advance(TOO_LONG, plan, Pair(None, Created(GUID)))

    assert ("b", None) == at(rows.base, "topic")
    assert ("long", "long") == at(rows.base, "subject")
    assert "topic" not in rows.settled


def test_a_record_that_was_made_again_is_seen_as_it_was_told() -> None:
    """What was seen of a person who is gone is not what the new one holds."""
    terms = terms_with((Side.MARKETO, Column("city", required=True)))
    plan = planned(entry(gone(), seen({"city": "b", "subject": "c"})), WAS, terms)
    rows = advance(terms, plan, Pair(Created(PERSON), None))

    assert Action.CREATE_PERSON is plan.action
    assert ["city"] == [field.name for field in plan.fields], "the others took no decision"
    assert ("b", "b") == at(rows.base, "city") == at(rows.seen, "city")
    assert ("c", "c") == at(rows.base, "subject") == at(rows.seen, "subject")
    assert {"city", "subject"} <= rows.settled


def test_a_record_that_was_not_made_has_no_base() -> None:
    """Whatever its link held before: that was another record's."""
    plan = planned(entry(gone(), seen({"city": "b"})), WAS)
    rows = advance(TERMS, plan, Pair(AmbiguousWrite(), None))

    assert Pair(TERMS.blank(), TERMS.blank()) == rows.base
    assert set() == rows.settled


def test_what_a_new_record_holds_besides_is_news() -> None:
    """What its system put where nothing was told is a change like any other."""
    there = seen({"name": "Lee", "city": "Oslo"})
    plan = planned(entry(None, there, ids=Pair(None, GUID)))
    back = {"lastName": "Lee", "city": "OSLO", "email": "a@x.org", "annualRevenue": None}
    rows = advance(TERMS, plan, Pair(Created(PERSON, values=back), None))

    assert rows.rewritten
    assert ("OSLO", "a@x.org") == (at(rows.seen, "city")[0], at(rows.seen, "email")[0])
    assert ("Oslo", "Oslo") == at(rows.base, "city")
    assert MISSING is at(rows.seen, "name")[0]
