"""What is refused, how long it is held, and when it is told."""

from __future__ import annotations

import datetime as dt
import math
from typing import Final

import attrs
import pytest

from dynsync.backlog import Hold, Linked, Pending
from dynsync.deciding import refusal_digest
from dynsync.decisions import FieldPlan, Refusal
from dynsync.holding import (
    SWALLOWED,
    Refused,
    due_again,
    hold_refused,
    kept_holds,
    pause,
    refusals,
    swallowed_fields,
    swallowed_hold,
    swallowed_reason,
    tell_untold,
    untried_holds,
    without_undone,
)
from dynsync.planning import Action, RecordPlan, plan_record, write_digest
from dynsync.records import MISSING, Pair, RecordId, Side, Wire
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
from parts import GUID, HOBBIES, LEAD, NOW, PERSON, TERMS, entry, link, seen, terms_with

KNOWN: Final = Pair[RecordId | None](PERSON, GUID)
LONG: Final = Reason("LONG", "too long")
ODD: Final = Reason("ODD", "odd")
REFUSED: Final = Refused(Side.DYNAMICS, "city", (ODD, LONG), "of-value")
UNDECIDED: Final = (AmbiguousWrite(), NotAttempted(), Stale(), ThrottledWrite(3.0))


def hold(
    field: str = "city",
    *,
    side: Side = Side.DYNAMICS,
    codes: tuple[str, ...] = ("LONG", "ODD"),
    attempts: int = 1,
) -> Hold:
    """Return a hold, of what `REFUSED` was refused for if nothing else is said."""
    return Hold(side, field, codes, "of-value", "of-column", attempts, NOW + 60.0)


def plan_of(*fields: FieldPlan, holds: tuple[Hold, ...] = ()) -> RecordPlan:
    """Make the plan of a linked record."""
    known = link({})
    return RecordPlan(entry(holds=holds), Action.MERGE, known, known.rows, fields)


def changed(**values: Wire) -> RecordPlan:
    """Return the plan of a person of whom *values* were changed."""
    return plan_record(TERMS, entry(seen(values)), link({}), NOW)


def answers(
    dynamics: WriteResult | None, marketo: WriteResult | None = None
) -> Pair[WriteResult | None]:
    """Return what the two sides answered."""
    return Pair(marketo, dynamics)


# -- pauses


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 300), (2, 600), (3, 1200), (9, 76_800), (10, 86_400), (22, 86_400), (10**9, 86_400)],
)
def test_pauses_double_up_to_a_day(attempts: int, seconds: float) -> None:
    """From five minutes on; however often it was tried, the number can be reckoned."""
    assert seconds == pause(attempts)


# -- what was refused


def test_what_was_refused_before_it_was_sent() -> None:
    """Side by side and field by field, with the digest that the decision gave it."""
    refusal = Refusal((LONG,), "digest")
    both = {Side.MARKETO: refusal, Side.DYNAMICS: attrs.evolve(refusal, digest="other")}
    plan = plan_of(FieldPlan("email", None), FieldPlan("city", None, refused=both))

    assert [
        Refused(Side.MARKETO, "city", (LONG,), "digest"),
        Refused(Side.DYNAMICS, "city", (LONG,), "other"),
    ] == refusals(TERMS, plan, answers(None))


@pytest.mark.parametrize("result", [None, Updated(GUID), Created(GUID), Gone(), *UNDECIDED])
def test_an_answer_that_refuses_nothing(result: WriteResult | None) -> None:
    """Only a rejection is one."""
    assert [] == refusals(TERMS, changed(city="b"), answers(result))


def test_a_system_names_the_field() -> None:
    """By its own name; the hold is of the value that was sent, against what it held."""
    made = entry(seen({"city": "b", "email": "b@x.org"}))
    plan = plan_record(TERMS, made, link({"city": "was"}), NOW)
    reasons = Reason("NO", "no", "address1_city"), Reason("NEVER", "never", "address1_city")

    assert [
        Refused(Side.DYNAMICS, "city", reasons, refusal_digest("b", "was")),
    ] == refusals(TERMS, plan, answers(Rejected(reasons)))


def test_marketo_names_the_field_too() -> None:
    """By another name than Dynamics has for it."""
    plan = plan_record(TERMS, entry(None, seen({"city": "b"})), link({"city": "was"}), NOW)
    ours, theirs = Reason("NO", "no", "city"), Reason("NO", "no", "address1_city")

    assert [
        Refused(Side.MARKETO, "city", (ours,), refusal_digest("b", "was")),
    ] == refusals(TERMS, plan, answers(None, Rejected((ours,))))
    assert [""] == [r.field for r in refusals(TERMS, plan, answers(None, Rejected((theirs,))))]


def test_a_system_names_several_fields() -> None:
    """Each is held by itself, in the order of their names."""
    plan = changed(city="b", email="b@x.org")
    city, email = Reason("NO", "no", "address1_city"), Reason("NO", "no", "emailaddress1")
    found = refusals(TERMS, plan, answers(Rejected((email, city))))

    assert [("city", (city,)), ("email", (email,))] == [(r.field, r.reasons) for r in found]


def test_both_sides_may_refuse() -> None:
    """Each of its own write."""
    made = entry(seen({"city": "b"}), seen({"email": "b@x.org"}))
    plan = plan_record(TERMS, made, link({}), NOW)
    no = Rejected((Reason("NO", "no"),))
    found = refusals(TERMS, plan, answers(no, no))

    assert [(Side.MARKETO, ""), (Side.DYNAMICS, "")] == [(r.side, r.field) for r in found]


@pytest.mark.parametrize("named", [None, "mobilephone", "revenue", "?"])
def test_a_system_names_nothing_that_was_sent(named: str | None) -> None:
    """Then the whole write is held, whatever it says of columns that were not in it."""
    plan = changed(city="b", email="b@x.org")
    (found,) = refusals(TERMS, plan, answers(Rejected((attrs.evolve(LONG, field=named),))))

    assert ("", write_digest(TERMS, plan.fields, Side.DYNAMICS)) == (found.field, found.digest)


def test_a_system_gives_no_reason() -> None:
    """A refusal is told all the same."""
    (found,) = refusals(TERMS, changed(city="b"), answers(Rejected(())))

    assert ("", (Reason("UNKNOWN", "no reason was given"),)) == (found.field, found.reasons)


def test_a_refused_column_of_two_fields() -> None:
    """Both that were sent in it are held."""
    plan = changed(subject="b", topic="b")
    no = Rejected((Reason("NO", "no", "subject"),))

    assert ["subject", "topic"] == [r.field for r in refusals(TERMS, plan, answers(no))]


def test_a_new_record_is_refused_as_a_whole() -> None:
    """What it was told without a decision counts for its digest."""
    made = entry(None, seen({"name": "Lee", "city": "Oslo"}), ids=Pair(None, GUID))
    plan = plan_record(TERMS, made, None, NOW)
    (found,) = refusals(TERMS, plan, answers(None, Rejected((LONG,))))

    assert write_digest(TERMS, plan.fields, Side.MARKETO, plan.plain) == found.digest
    assert write_digest(TERMS, plan.fields, Side.MARKETO) != found.digest


def test_a_hold_is_of_its_own_refusal() -> None:
    """Side, field, codes in any order, and the value."""
    assert ("LONG", "ODD") == REFUSED.codes
    assert REFUSED.holds(hold(attempts=7))
    for other in (
        hold("email"),
        hold(side=Side.MARKETO),
        hold(codes=("LONG",)),
        attrs.evolve(hold(), digest="other"),
    ):
        assert not REFUSED.holds(other)


# -- how long it is held


def held(attempts: int, tries: int = 5, was: Hold | None = None) -> tuple[Hold, list[object]]:
    """Return the hold of what was refused *attempts* times before, and what is told."""
    before = (attrs.evolve(was or hold(), attempts=attempts),) if attempts else ()
    found, told = hold_refused(terms_with(tries=tries), entry(holds=before), KNOWN, REFUSED, NOW)
    return found, [*told]


def test_a_first_refusal_is_held_for_five_minutes() -> None:
    """With what it takes to know it again: the value, and what the schema says of the column."""
    schema = TERMS.schema_digest(Side.DYNAMICS, "city")

    assert (
        Hold(Side.DYNAMICS, "city", ("LONG", "ODD"), "of-value", schema, 1, NOW + 300.0)
        == (held(0)[0])
    )


def test_a_refusal_that_recurs_is_held_for_longer() -> None:
    """So many times, and then for ever: no time lets it go (A20)."""
    assert [(2, NOW + 600.0), (4, NOW + 2400.0), (5, math.inf), (6, math.inf)] == [
        (h.attempts, h.retry_at) for h in (held(n)[0] for n in (1, 3, 4, 5))
    ]
    assert math.inf == held(0, tries=1)[0].retry_at


def test_the_longest_of_several_holds_counts() -> None:
    """Whichever order they stand in; those of other refusals do not."""
    tried = ("city", 1), ("city", 3), ("city", 2), ("email", 4)
    before = tuple(hold(field, attempts=attempts) for field, attempts in tried)
    found, _ = hold_refused(TERMS, entry(holds=before), KNOWN, REFUSED, NOW)

    assert 4 == found.attempts


def test_another_refusal_begins_anew() -> None:
    """Another value was never refused."""
    assert 1 == held(3, was=attrs.evolve(hold(), digest="other"))[0].attempts
    assert 1 == held(3, was=hold("email"))[0].attempts


# -- when it is told


def test_a_refusal_is_told_once() -> None:
    """A line for each of its reasons, the first time; later it is only held (invariant 33)."""
    _, told = hold_refused(TERMS, entry(), KNOWN, REFUSED, NOW)
    one, other = told

    assert (LEAD.entity, KNOWN, Side.DYNAMICS, "city", "ODD", "odd", 1) == (
        *(one.entity, one.ids, one.side, one.field, one.code, one.message, one.attempt),
    )
    assert dt.datetime.fromtimestamp(NOW, dt.UTC) == one.at
    assert dt.UTC is one.at.tzinfo
    assert ("LONG", "too long", one.told) == (other.code, other.message, other.told)
    assert [[], []] == [held(1)[1], held(5)[1]]


def test_a_refusal_of_the_whole_names_no_field() -> None:
    """What stands for it within is not shown to people."""
    whole = attrs.evolve(REFUSED, field="")
    _, told = hold_refused(TERMS, entry(), KNOWN, whole, NOW)

    assert [None, None] == [one.field for one in told]


def key(
    refused: Refused = REFUSED, made: Pending | None = None, ids: Pair[RecordId | None] = KNOWN
) -> str:
    """Return the key under which a refusal is told."""
    _, told = hold_refused(TERMS, made or entry(), ids, refused, NOW)
    return told[0].told


def test_a_refusal_is_told_under_the_same_key() -> None:
    """Also after a crash, whatever the time; any other refusal is another one."""
    made = entry()
    _, later = hold_refused(TERMS, made, KNOWN, REFUSED, NOW + 9.0)
    apart = [
        key(),
        key(attrs.evolve(REFUSED, field="email")),
        key(attrs.evolve(REFUSED, digest="other")),
        key(attrs.evolve(REFUSED, side=Side.MARKETO)),
        key(attrs.evolve(REFUSED, reasons=(LONG,))),
        key(made=attrs.evolve(made, since=made.since + 1.0)),
        key(ids=Pair(None, GUID)),
        key(ids=Pair(PERSON, None)),
    ]

    assert apart[0] == later[0].told
    assert len(apart) == len(set(apart))


def test_keys_are_the_same_in_every_release() -> None:
    """They are in people's activity logs: were they to move, all that is held is told again."""
    assert "683eea0a82c6be80" == key()


# -- which holds stand


def test_what_was_not_tried_stands() -> None:
    """The hold of a field stands while the plan says that it is held, on that side."""
    city, email = hold("city"), hold("email")
    marketo, whole = hold("city", side=Side.MARKETO), hold("")
    plan = plan_of(
        FieldPlan("city", None, held=(Side.DYNAMICS,)),
        FieldPlan("email", None),
        holds=(city, email, marketo, whole, hold("", side=Side.MARKETO)),
    )

    assert [city, whole] == kept_holds(plan)
    assert [] == kept_holds(attrs.evolve(plan, fields=(FieldPlan("city", None),)))
    assert [] == kept_holds(plan_of(FieldPlan("city", None, held=(Side.DYNAMICS,))))


@pytest.mark.parametrize("result", UNDECIDED)
def test_a_hold_that_was_due_and_not_answered_stands(result: WriteResult) -> None:
    """Nobody said anything about the value; another field's answer says nothing either."""
    sent = FieldPlan("city", None, to_dynamics="b")
    city = hold("city")
    plan = plan_of(sent, holds=(city, hold("email"), hold("city", side=Side.MARKETO)))

    assert [city] == untried_holds(plan, answers(result))
    assert [] == untried_holds(plan, answers(None, result))


@pytest.mark.parametrize("result", [None, Updated(GUID), Rejected((LONG,)), Gone()])
def test_a_hold_that_was_answered_does_not_stand(result: WriteResult | None) -> None:
    """What became of the value is known: it was taken, or is held anew."""
    plan = plan_of(FieldPlan("city", None, to_dynamics="b"), holds=(hold("city"),))

    assert [] == untried_holds(plan, answers(result))


def test_what_somebody_asks_for_is_due() -> None:
    """All holds of the entry let go, and how often each was tried is remembered."""
    made = entry(holds=(hold("city", attempts=5), hold("", attempts=2)))
    due = due_again(made, NOW)

    assert NOW == due.retry_at
    assert [("city", 5, NOW), ("", 2, NOW)] == [
        (h.field, h.attempts, h.retry_at) for h in due.holds
    ]
    assert made.holds[0].retry_at == NOW + 60.0


# -- swallowed


def test_a_swallowed_value_is_held_and_then_told() -> None:
    """Found by reading back: it is held untold, and told with the next look, once (R24)."""
    found = swallowed_hold(TERMS, "city", "b", "a", NOW)
    schema = TERMS.schema_digest(Side.MARKETO, "city")
    told, results = tell_untold(TERMS, entry(), KNOWN, found, NOW + 1.0)
    again = tell_untold(TERMS, entry(), KNOWN, told, NOW + 2.0)

    assert found == Hold(
        Side.MARKETO, "city", (SWALLOWED,), refusal_digest("b", "a"), schema, 0, NOW + 300.0
    )
    assert (1, NOW + 301.0) == (told.attempts, told.retry_at)
    assert (found.digest, found.schema) == (told.digest, told.schema)
    assert [(SWALLOWED, "city", Side.MARKETO)] == [(r.code, r.field, r.side) for r in results]
    assert (told, []) == again


def test_a_swallowed_value_is_told_with_what_to_look_for() -> None:
    """Marketo says nothing itself: its list of blocked fields is the place to look."""
    assert swallowed_reason("city") == Reason(
        "SWALLOWED",
        "it took the value and did not keep it; are updates of the field blocked?",
        "city",
    )
    assert swallowed_reason().field is None


def test_fields_are_known_by_what_was_swallowed() -> None:
    """Whatever else they are held for."""
    holds = [
        hold("city", codes=(SWALLOWED,)),
        hold("email", codes=("LONG", SWALLOWED)),
        hold("name"),
    ]

    assert {"city", "email"} == swallowed_fields(holds)
    assert set() == swallowed_fields([])


KEPT: Final = hold("city", side=Side.MARKETO, codes=(SWALLOWED,))
APART: Final = link({"city": "mine"}, {"city": "old"})
"""Marketo kept what a person had entered there, and Dynamics held something else before."""


def test_what_dynamics_took_back_has_no_base_any_more() -> None:
    """Nothing is left of the field on which both sides agreed; of the others nothing changes."""
    undone = without_undone(TERMS, entry(None, seen({"city": "old"}), holds=(KEPT,)), APART)

    assert (MISSING, MISSING) == tuple(rows[TERMS.index("city")] for rows in undone.rows)
    assert (None, None) == tuple(rows[TERMS.index("email")] for rows in undone.rows)
    assert ("mine", "old") == tuple(rows[TERMS.index("city")] for rows in APART.rows)


@pytest.mark.parametrize("hobbies", ["Tennis;Golf", "Golf;Tennis", "Golf"])
def test_each_side_is_understood_in_its_own_words(hobbies: str) -> None:
    """What was agreed on is so whatever it is called there, and in whatever order."""
    kept = attrs.evolve(KEPT, field="hobbies")
    made = entry(None, seen({"hobbies": "2,1"}, terms=HOBBIES), holds=(kept,))
    known = link({"hobbies": hobbies}, {"hobbies": "1,2"}, terms=HOBBIES)

    assert (known is without_undone(HOBBIES, made, known)) is (hobbies != "Golf")


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (entry(None, seen({"city": "new"}), holds=(KEPT,)), APART),
        (entry(None, seen({"email": "b@x.org"}), holds=(KEPT,)), APART),
        (entry(seen({"city": "old"}), holds=(KEPT,)), APART),
        (entry(None, seen({"city": "old"}), holds=(hold("city"),)), APART),
        (entry(None, seen({"city": "old", "email": None}), holds=()), APART),
        (entry(None, seen({"city": "old"}), holds=(KEPT,)), link({"city": "old"})),
    ],
    ids=["goes on", "not told", "of marketo", "refused", "not held", "agreed"],
)
def test_what_dynamics_did_not_take_back_keeps_its_base(made: Pending, known: Linked) -> None:
    """It waits for Marketo, or the two agree as they did."""
    assert known is without_undone(TERMS, made, known)
