"""What is stored and told of a plan when the answers to its writes are there."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from dynsync.backlog import (
    Hold,
    Linked,
    LinkState,
    Observation,
    Pending,
    Push,
    Sent,
    link_key,
    unlinked_key,
)
from dynsync.holding import SWALLOWED, pause
from dynsync.outcomes import FieldChange, Outcome, OutcomeKind
from dynsync.planning import plan_record
from dynsync.policies import manual, prefer
from dynsync.records import MISSING, Missing, Pair, RecordId, Row, Side, Version, Wire
from dynsync.schemas import Access, Column
from dynsync.settling import Settlement, settle, taken
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
from parts import GUID, IDS, LEAD, NOW, PERSON, TERMS, entry, gone, link, row, seen, terms_with

Answers = Pair[WriteResult | None]

NOTHING: Final = Answers(None, None)
KNOWN: Final = attrs.evolve(
    link({"city": "was", "name": "Lee"}, versions=Pair(Version("m"), Version("d"))),
    sent=(Sent("city", "a", "b", "c", at=NOW),),
)
# An entry knows the ids of the sides that have reported.
NEWS: Final = entry(seen({"city": "b"}, version="m2"), ids=Pair(PERSON, None))
NEW_KEY: Final = 7
UNLINKED: Final = unlinked_key(LEAD.entity, GUID)


def settled(
    made: Pending,
    known: Linked | None,
    answers: Answers = NOTHING,
    terms: Terms = TERMS,
) -> Settlement:
    """Return what becomes of an entry whose plan is answered so."""
    plan = plan_record(terms, made, known, NOW)
    return settle(terms, plan, answers, NOW, NEW_KEY)


def unlinked(
    marketo: Observation | None = None,
    dynamics: Observation | None = None,
    *,
    person: RecordId | None = None,
    push: Push | None = None,
    holds: tuple[Hold, ...] = (),
) -> Pending:
    """Return the entry of a record that nobody is linked to."""
    made = entry(marketo, dynamics, ids=Pair(person, GUID), push=push, holds=holds)
    return attrs.evolve(made, key=UNLINKED, link=None)


def to_dynamics(answer: WriteResult | None) -> Answers:
    """Return that Dynamics answered alone."""
    return Pair(None, answer)


def to_marketo(answer: WriteResult | None) -> Answers:
    """Return that Marketo answered alone."""
    return Pair(answer, None)


def left_of(settlement: Settlement) -> Pending:
    """Return the entry that remains."""
    assert settlement.entry is not None
    return settlement.entry


def link_of(settlement: Settlement) -> Linked:
    """Return the link that is stored."""
    assert settlement.link is not None
    return settlement.link


def city(rows: Pair[Row]) -> tuple[object, object]:
    """Return the city in both rows."""
    at = TERMS.index("city")
    return rows.marketo[at], rows.dynamics[at]


# -- nothing written, nothing compared


def test_gone_on_both_sides_ends_the_link() -> None:
    """It is dropped, and nothing is left to do."""
    made = attrs.evolve(entry(gone(), gone()), reason="noted")

    assert settled(made, KNOWN) == Settlement(
        link_key(1),
        None,
        1,
        None,
        Outcome(LEAD.entity, Pair(PERSON, GUID), OutcomeKind.UNLINKED, "noted", 1),
    )


def test_deleted_in_marketo_is_remembered() -> None:
    """With what Dynamics holds by now, so that only a later change brings the person back."""
    made = entry(gone(), seen({"city": "was "}), ids=Pair(PERSON, None))
    settlement = settled(made, KNOWN)
    rows = Pair(KNOWN.rows.marketo, KNOWN.rows.dynamics.copy())
    rows.dynamics[TERMS.index("city")] = "was "

    assert attrs.evolve(KNOWN, rows=rows, state=LinkState.GONE_MARKETO) == settlement.link
    assert settlement.entry is None
    assert settlement.dropped_link is None
    assert (OutcomeKind.FORGOTTEN, IDS) == (settlement.outcome.kind, settlement.outcome.ids)


def test_deleted_in_marketo_alone() -> None:
    """Nothing is known of Dynamics but the base, and it stays."""
    settlement = settled(entry(gone()), KNOWN)

    assert attrs.evolve(KNOWN, state=LinkState.GONE_MARKETO) == settlement.link


def test_a_person_whom_nobody_wants_back() -> None:
    """Its change is taken note of."""
    terms = terms_with(on_marketo_delete="suppress")
    known = attrs.evolve(KNOWN, state=LinkState.GONE_MARKETO)
    settlement = settled(entry(dynamics=seen({"city": "c"})), known, terms=terms)

    assert ("was", "c") == city(link_of(settlement).rows)
    assert OutcomeKind.SUPPRESSED is settlement.outcome.kind
    assert 1 == settlement.outcome.link


def test_nothing_behind_an_entry() -> None:
    """It goes, with the ids that it has."""
    made = unlinked(dynamics=gone())

    assert settled(made, None) == Settlement(
        UNLINKED,
        None,
        None,
        None,
        Outcome(LEAD.entity, Pair(None, GUID), OutcomeKind.SKIPPED, ""),
    )


def test_a_person_who_turns_out_to_be_linked() -> None:
    """Nobody is linked; it is tried again after a pause (invariant 27)."""
    made = attrs.evolve(unlinked(dynamics=seen({"name": "Lee"})), attempts=2)
    plan = plan_record(TERMS, made, None, NOW)

    assert taken(plan, NOW) == Settlement(
        UNLINKED,
        None,
        None,
        attrs.evolve(made, attempts=3, retry_at=NOW + pause(3), reason="ambiguous match"),
        Outcome(
            LEAD.entity,
            Pair(None, GUID),
            OutcomeKind.AMBIGUOUS,
            "its person is linked to another record",
        ),
    )


# -- all done


def test_what_was_done_is_done() -> None:
    """The base has moved, nothing is left, and the outcome names the field."""
    settlement = settled(NEWS, KNOWN, to_dynamics(Updated(GUID, Version("d2"))))
    change = FieldChange(
        "city", "one_side", Side.MARKETO, (Side.DYNAMICS,), "only Marketo changed it"
    )

    assert Outcome(LEAD.entity, Pair(PERSON, GUID), OutcomeKind.UPDATED, "", 1, (change,)) == (
        settlement.outcome
    )
    assert (link_key(1), None, None, False) == (
        settlement.key,
        settlement.dropped_link,
        settlement.entry,
        settlement.again,
    )
    assert ("b", "b") == city(link_of(settlement).rows)
    assert Pair(Version("m2"), Version("d2")) == link_of(settlement).versions


def test_nothing_to_write() -> None:
    """Both hold it: the two agree."""
    settlement = settled(entry(seen({"city": "b"}), seen({"city": "b"})), KNOWN)

    assert OutcomeKind.AGREED is settlement.outcome.kind
    assert ("b", "b") == city(link_of(settlement).rows)


def test_written_to_marketo_alone() -> None:
    """An update is one on either side."""
    made = entry(dynamics=seen({"city": "b"}))

    assert OutcomeKind.UPDATED is settled(made, KNOWN, to_marketo(Updated(PERSON))).outcome.kind
    answered = Updated(PERSON, values={"city": "b"})
    assert OutcomeKind.UPDATED is settled(made, KNOWN, to_marketo(answered)).outcome.kind
    there = Updated(GUID, values={"address1_city": "b"})
    assert OutcomeKind.UPDATED is settled(NEWS, KNOWN, to_dynamics(there)).outcome.kind


@pytest.mark.parametrize("refuses", Side)
def test_what_a_side_refused_is_not_called_written_there(refuses: Side) -> None:
    """What both were told was written where it was taken."""
    made = entry(seen({"subject": "a", "topic": "b", "city": "c"}), seen({"name": "d"}))
    known = link({"subject": "was", "topic": "was", "city": "was", "name": "was"})
    no = Rejected((Reason("NO", "no"),))
    answers = Answers(Updated(PERSON), Updated(GUID)).replace(refuses, no)
    changes = settled(made, known, answers).outcome.changes
    expected: dict[str, tuple[Side, ...]] = {
        "city": (Side.DYNAMICS,),
        "name": (Side.MARKETO,),
        "subject": (Side.DYNAMICS,),
        "topic": (Side.MARKETO, Side.DYNAMICS),
    }
    taken_by = {
        name: tuple(s for s in sides if s is not refuses) for name, sides in expected.items()
    }

    assert taken_by == {change.field: change.written for change in changes}


@pytest.mark.parametrize(
    ("answer", "lost"),
    [
        (Updated(GUID), "d"),
        (Updated(GUID, values={"address1_city": "m"}), "d"),
        (AmbiguousWrite(), "d"),
        (Rejected((Reason("NO", "no"),)), MISSING),
        (ThrottledWrite(9.0), MISSING),
        (NotAttempted(), MISSING),
        (Stale(), MISSING),
    ],
)
def test_nothing_has_lost_before_it_may_be_gone(answer: WriteResult, lost: Wire | Missing) -> None:
    """Invariant 6: what gives way is journalled when it does, and not at every attempt."""
    terms = terms_with(policy=prefer(Side.MARKETO))
    made = entry(seen({"city": "m"}), seen({"city": "d"}))
    (change,) = settled(made, KNOWN, to_dynamics(answer), terms).outcome.changes

    assert lost == change.lost


@pytest.mark.parametrize("why", ["too long", "may not be written"])
def test_nothing_has_lost_where_nothing_is_sent(why: str) -> None:
    """Invariant 6: the other side holds it still."""
    access = Access.READ if why == "may not be written" else Access.READ | Access.UPDATE
    column = Column("address1_city", length=5, access=access)
    terms = terms_with((Side.DYNAMICS, column), policy=prefer(Side.MARKETO))
    made = entry(seen({"city": "too long"}), seen({"city": "d"}))
    (change,) = settled(made, KNOWN, terms=terms).outcome.changes

    assert ((), MISSING) == (change.written, change.lost)


# -- records that are made

FRESH: Final = unlinked(dynamics=seen({"name": "Lee", "city": "c"}, version="d"))


def test_a_new_person() -> None:
    """Linked under the new key, and nothing of all its values is named."""
    settlement = settled(FRESH, None, to_marketo(Created(PERSON, Version("m"))))
    outcome = Outcome(
        LEAD.entity,
        Pair(PERSON, GUID),
        OutcomeKind.CREATED,
        "made from what Dynamics holds",
        NEW_KEY,
    )
    made = link_of(settlement)

    assert outcome == settlement.outcome
    assert (UNLINKED, None, None, False) == (
        settlement.key,
        settlement.dropped_link,
        settlement.entry,
        settlement.again,
    )
    assert (NEW_KEY, LEAD.entity, IDS, LinkState.LIVE, ()) == (
        made.key,
        made.entity,
        made.ids,
        made.state,
        made.sent,
    )
    assert Pair(Version("m"), Version("d")) == made.versions
    assert ("c", "c") == city(made.rows)
    assert [None] * TERMS.stamps == made.rows.dynamics[TERMS.plain :]


def test_a_person_who_is_made_anew() -> None:
    """Under the key of the old link, and without its notes (R46)."""
    known = attrs.evolve(KNOWN, state=LinkState.GONE_MARKETO)
    made = entry(dynamics=seen({"city": "c"}), ids=Pair(None, None))
    again = link_of(settled(made, known, to_marketo(Created(RecordId("18")))))

    assert (1, Pair(RecordId("18"), GUID), ()) == (again.key, again.ids, again.sent)


@pytest.mark.parametrize(
    ("answer", "reason"), [(AmbiguousWrite(), "ambiguous"), (NotAttempted(), "not attempted")]
)
def test_a_person_of_whom_nobody_heard(answer: WriteResult, reason: str) -> None:
    """Nobody is linked, and the entry waits where it is."""
    settlement = settled(FRESH, None, to_marketo(answer))

    assert settlement.link is None
    assert attrs.evolve(FRESH, retry_at=NOW, reason=reason, attempts=1) == settlement.entry
    outcome = Outcome(LEAD.entity, Pair(None, GUID), OutcomeKind.DEFERRED, reason)
    assert outcome == settlement.outcome
    assert not settlement.again


PUSH: Final = unlinked(seen({"name": "Lee"}), person=PERSON, push=Push(LEAD.entity))


def test_a_pushed_person() -> None:
    """It is linked, and is to learn the id of its record in this very run (R25)."""
    settlement = settled(PUSH, None, to_dynamics(Created(GUID, Version("d"))))
    left = left_of(settlement)

    assert settlement.again
    assert () == settlement.outcome.changes
    assert (OutcomeKind.CREATED, "made from what Marketo holds") == (
        settlement.outcome.kind,
        settlement.outcome.why,
    )
    assert (NEW_KEY, Pair(PERSON, GUID)) == (link_of(settlement).key, link_of(settlement).ids)
    assert (link_key(NEW_KEY), NEW_KEY, Pair(PERSON, GUID)) == (left.key, left.link, left.ids)
    assert (NOW, "stamps", 1, None) == (left.retry_at, left.reason, left.attempts, left.push)
    assert UNLINKED == settlement.key


def test_a_push_that_was_not_done_waits() -> None:
    """As what it is, and nothing is to be sent at once."""
    settlement = settled(PUSH, None, to_dynamics(ThrottledWrite(9.0)))

    assert (PUSH.push, "throttled", NOW + 9.0) == (
        left_of(settlement).push,
        left_of(settlement).reason,
        left_of(settlement).retry_at,
    )
    assert not settlement.again
    assert settlement.outcome.link is None


def test_a_record_that_is_there_already_was_made_before() -> None:
    """Most likely by us, who never heard: it is looked for."""
    there = Rejected((Reason("duplicate_key", "there is one"),))
    settlement = settled(PUSH, None, to_dynamics(there))

    assert ("ambiguous", NOW, (), ()) == (
        left_of(settlement).reason,
        left_of(settlement).retry_at,
        left_of(settlement).holds,
        settlement.outcome.results,
    )
    assert OutcomeKind.DEFERRED is settlement.outcome.kind


def test_a_key_of_another_record_is_a_refusal() -> None:
    """Where it names a field, and of an update."""
    named = Rejected((Reason("duplicate_key", "taken", "address1_city"),))
    made = attrs.evolve(PUSH, seen=Pair(seen({"name": "Lee", "city": "c"}), None))
    of_all = Rejected((Reason("duplicate_key", "taken"),))

    for settlement in (
        settled(made, None, to_dynamics(named)),
        settled(NEWS, KNOWN, to_dynamics(of_all)),
        settled(PUSH, None, to_dynamics(Rejected((Reason("other", "no"),)))),
    ):
        assert OutcomeKind.REJECTED is settlement.outcome.kind
        assert "held" == left_of(settlement).reason
        assert 1 == len(settlement.outcome.results) == len(left_of(settlement).holds)


# -- what went wrong


@pytest.mark.parametrize(
    ("answer", "reason", "due"),
    [
        (Stale(), "stale", NOW),
        (ThrottledWrite(20.0), "throttled", NOW + 20.0),
        (NotAttempted(), "not attempted", NOW),
        (AmbiguousWrite(), "ambiguous", NOW),
    ],
)
def test_a_write_that_was_not_done_is_tried_again(
    answer: WriteResult, reason: str, due: float
) -> None:
    """Soon; all stays as it was, but that it was tried once more."""
    made = attrs.evolve(NEWS, attempts=3, clears=2)
    settlement = settled(made, KNOWN, to_dynamics(answer))
    expected = attrs.evolve(
        made, ids=Pair(PERSON, GUID), retry_at=due, reason=reason, attempts=4, clears=0
    )

    assert expected == settlement.entry
    assert Pair(Version("m2"), Version("d")) == link_of(settlement).versions
    assert KNOWN.rows == link_of(settlement).rows
    assert KNOWN.sent == link_of(settlement).sent
    assert (OutcomeKind.DEFERRED, reason) == (settlement.outcome.kind, settlement.outcome.why)
    assert not settlement.again


def test_a_record_that_is_gone_was_seen_to_be_gone() -> None:
    """Whatever was seen of it before."""
    made = entry(seen({"city": "b"}), seen({"score": 1}, version="d"))
    settlement = settled(made, KNOWN, to_dynamics(Gone()))
    there = left_of(settlement).seen.dynamics

    assert Observation(TERMS.blank(), gone=True) == there
    assert ("gone", NOW) == (left_of(settlement).reason, left_of(settlement).retry_at)
    assert OutcomeKind.DEFERRED is settlement.outcome.kind


def test_half_of_it_was_done() -> None:
    """What one side did not take is left; the worst of both tells, and the first is due."""
    made = entry(seen({"city": "b"}), seen({"email": "e@x.org"}))
    settlement = settled(made, KNOWN, Pair(ThrottledWrite(5.0), Stale()))

    assert (NOW, "throttled") == (left_of(settlement).retry_at, left_of(settlement).reason)
    done = settled(made, KNOWN, Pair(Updated(PERSON, Version("m3")), Stale()))
    at = TERMS.index("email")
    assert ("e@x.org", "e@x.org") == tuple(rows[at] for rows in link_of(done).rows)
    assert OutcomeKind.DEFERRED is done.outcome.kind
    here = left_of(done).seen.marketo
    assert here is not None
    assert ("e@x.org", "m3") == (here.row[at], here.version)


def test_a_side_that_was_told_and_never_seen_is_known_afterwards() -> None:
    """What was told is no news; what was not told is not known."""
    made = entry(seen({"city": "b", "email": "x" * 9}))
    refusing = terms_with((Side.DYNAMICS, Column("emailaddress1", length=3)))
    settlement = settled(made, KNOWN, to_dynamics(Updated(GUID, Version("d2"))), refusing)
    there = left_of(settlement).seen.dynamics

    assert there is None
    rewritten = Updated(GUID, Version("d2"), {"address1_city": "B"})
    told = settled(made, KNOWN, to_dynamics(rewritten), refusing)
    there = left_of(told).seen.dynamics
    assert there is not None
    assert Observation(row({"city": "B"}), Version("d2")) == there


def test_a_value_that_was_rewritten_is_news() -> None:
    """It goes to the other side with the next run."""
    settlement = settled(NEWS, KNOWN, to_dynamics(Updated(GUID, None, {"address1_city": "B"})))

    assert ("rewritten", NOW) == (left_of(settlement).reason, left_of(settlement).retry_at)
    assert (OutcomeKind.UPDATED, "") == (settlement.outcome.kind, settlement.outcome.why)
    assert not settlement.again


# -- refusals

NO: Final = Rejected((Reason("no", "not so", "address1_city"),))


def test_a_refused_field_is_held_and_told() -> None:
    """Once; the rest of the record may go at once."""
    made = entry(seen({"city": "b", "email": "e@x.org"}))
    settlement = settled(made, KNOWN, to_dynamics(NO))
    (hold,) = left_of(settlement).holds
    (result,) = settlement.outcome.results

    assert ("city", Side.DYNAMICS, ("no",), NOW + pause(1)) == (
        hold.field,
        hold.side,
        hold.codes,
        hold.retry_at,
    )
    assert ("city", "no", "not so", Pair(PERSON, GUID)) == (
        result.field,
        result.code,
        result.message,
        result.ids,
    )
    assert (OutcomeKind.REJECTED, ("city",)) == (settlement.outcome.kind, settlement.outcome.held)
    assert settlement.again
    assert "held" == settlement.outcome.why


@pytest.mark.parametrize(
    "answer", [Rejected((Reason("no", "not so"),)), Rejected(()), Stale(), AmbiguousWrite()]
)
def test_only_a_refusal_of_a_field_lets_the_rest_go(answer: WriteResult) -> None:
    """Of the whole, nobody knows what of it could go."""
    assert not settled(NEWS, KNOWN, to_dynamics(answer)).again


def test_what_got_no_answer_is_not_sent_twice() -> None:
    """Its echo would be awaited twice, and come once."""
    made = entry(seen({"city": "b"}), seen({"name": "d"}))
    known = link({"city": "was", "name": "was"})

    assert settled(made, known, Answers(Updated(PERSON), NO)).again
    assert not settled(made, known, Answers(AmbiguousWrite(), NO)).again


def test_a_record_that_is_held_as_a_whole_waits() -> None:
    """If that is what the host wants."""
    settlement = settled(NEWS, KNOWN, to_dynamics(NO), terms_with(hold="record"))

    assert not settlement.again
    assert OutcomeKind.REJECTED is settlement.outcome.kind


def test_what_was_refused_before_it_was_sent_does_not_hurry() -> None:
    """The rest went already."""
    made = entry(seen({"city": "x" * 11, "email": "e@x.org"}))
    settlement = settled(made, KNOWN, to_dynamics(Updated(GUID)))

    assert not settlement.again
    assert (("city",), "held") == (settlement.outcome.held, left_of(settlement).reason)
    assert {"city", "email"} == {change.field for change in settlement.outcome.changes}
    at = TERMS.index("email")
    assert "e@x.org" == link_of(settlement).rows.dynamics[at]


def test_the_second_refusal_is_not_told() -> None:
    """It rests longer."""
    first = left_of(settled(NEWS, KNOWN, to_dynamics(NO)))
    due = attrs.evolve(first, holds=tuple(attrs.evolve(h, retry_at=NOW) for h in first.holds))
    settlement = settled(due, KNOWN, to_dynamics(NO))

    assert () == settlement.outcome.results
    assert [(2, NOW + pause(2))] == [(h.attempts, h.retry_at) for h in left_of(settlement).holds]
    assert 2 == left_of(settlement).attempts


def test_a_hold_that_stands_is_kept() -> None:
    """The value was not tried; it stays as it is, and so does the time of the next try."""
    first = left_of(settled(NEWS, KNOWN, to_dynamics(NO)))
    settlement = settled(first, KNOWN)

    assert first.holds == left_of(settlement).holds
    assert (NOW + pause(1), "held") == (left_of(settlement).retry_at, left_of(settlement).reason)
    assert (OutcomeKind.REJECTED, ("city",), ()) == (
        settlement.outcome.kind,
        settlement.outcome.held,
        settlement.outcome.results,
    )


def test_a_hold_that_was_tried_without_an_answer_is_kept() -> None:
    """Nobody knows whether it still stands; that it was not answered is what is told."""
    first = left_of(settled(NEWS, KNOWN, to_dynamics(NO)))
    due = attrs.evolve(first, holds=tuple(attrs.evolve(h, retry_at=NOW) for h in first.holds))
    settlement = settled(due, KNOWN, to_dynamics(Stale()))

    assert due.holds == left_of(settlement).holds
    assert (OutcomeKind.DEFERRED, "stale") == (settlement.outcome.kind, settlement.outcome.why)
    assert ("city",) == settlement.outcome.held


def test_the_last_try_is_the_last() -> None:
    """Then only a change lets it go (A20)."""
    settlement = settled(NEWS, KNOWN, to_dynamics(NO), terms_with(tries=1))

    assert (None, "permanent") == (left_of(settlement).retry_at, left_of(settlement).reason)
    assert (OutcomeKind.REJECTED, "permanent") == (settlement.outcome.kind, settlement.outcome.why)


def test_the_earliest_is_due() -> None:
    """What is never due keeps nothing waiting."""
    made = entry(seen({"city": "b"}), seen({"email": "e@x.org"}))
    settlement = settled(made, KNOWN, Pair(ThrottledWrite(5.0), NO), terms_with(tries=1))

    assert (NOW + 5.0, "permanent") == (left_of(settlement).retry_at, left_of(settlement).reason)


def swallowed() -> Pending:
    """Return the entry of two values that Marketo took and did not keep."""
    made = entry(dynamics=seen({"city": "b", "subject": "s"}))
    plan = plan_record(TERMS, made, KNOWN, NOW)
    reasons = tuple(Reason(SWALLOWED, "not kept", native) for native in ("city", "subject"))
    return left_of(settle(TERMS, plan, to_marketo(Rejected(reasons)), NOW, NEW_KEY))


def test_what_marketo_swallowed_has_a_bucket_of_its_own() -> None:
    """It is held like any refusal (R24)."""
    settlement = settled(swallowed(), KNOWN)

    assert (OutcomeKind.SWALLOWED, "held") == (settlement.outcome.kind, settlement.outcome.why)


def test_what_was_found_by_reading_back_is_told_once() -> None:
    """Its hold counts the first attempt then."""
    untold = swallowed()
    untold = attrs.evolve(untold, holds=tuple(attrs.evolve(h, attempts=0) for h in untold.holds))
    settlement = settled(untold, KNOWN)

    assert [SWALLOWED] * 2 == [result.code for result in settlement.outcome.results]
    assert [1, 1] == [hold.attempts for hold in left_of(settlement).holds]
    assert () == settled(left_of(settlement), KNOWN).outcome.results


# -- fields that wait


def test_what_the_policy_left_waits() -> None:
    """For a person."""
    made = entry(seen({"city": "b"}), seen({"city": "c"}))
    settlement = settled(made, KNOWN, terms=terms_with(policy=manual))

    assert (OutcomeKind.UNRESOLVED, "unresolved") == (
        settlement.outcome.kind,
        settlement.outcome.why,
    )
    assert (NOW, "unresolved") == (left_of(settlement).retry_at, left_of(settlement).reason)
    assert KNOWN.rows == link_of(settlement).rows


def test_what_may_not_be_told_waits() -> None:
    """Until the right is there, which no time tells (A18)."""
    barred = terms_with((Side.DYNAMICS, Column("address1_city", access=Access.READ)))
    settlement = settled(NEWS, KNOWN, terms=barred)

    assert (OutcomeKind.WITHHELD, "withheld") == (settlement.outcome.kind, settlement.outcome.why)
    assert (None, "withheld") == (left_of(settlement).retry_at, left_of(settlement).reason)


@pytest.mark.parametrize(
    ("access", "due"), [(Access.READ | Access.UPDATE, NOW), (Access.READ, None)]
)
def test_what_a_new_record_may_not_be_told_is_told_to_the_old_one(
    access: Access, due: float | None
) -> None:
    """At once, if that may be."""
    barred = terms_with((Side.MARKETO, Column("city", access=access)))
    settlement = settled(FRESH, None, to_marketo(Created(PERSON)), barred)

    assert (due, "withheld") == (left_of(settlement).retry_at, left_of(settlement).reason)
    assert ["city"] == [change.field for change in settlement.outcome.changes]
    assert OutcomeKind.WITHHELD is settlement.outcome.kind


def test_what_is_withheld_from_both_sides_waits() -> None:
    """One right is not enough to go on."""
    one_way = terms_with((Side.DYNAMICS, Column("address1_city", access=Access.READ)))
    settlement = settled(NEWS, KNOWN, terms=one_way)

    assert left_of(settlement).retry_at is None


def test_two_that_meet() -> None:
    """Dynamics' value is the base, and Marketo's is to be told next (A28, A29)."""
    made = unlinked(seen({"city": "m"}), seen({"city": "d"}), person=PERSON)
    settlement = settled(made, None, terms=terms_with(first=prefer(Side.MARKETO)))

    assert ("d", "d") == city(link_of(settlement).rows)
    assert ("first", NOW) == (left_of(settlement).reason, left_of(settlement).retry_at)
    assert (OutcomeKind.AGREED, "") == (settlement.outcome.kind, settlement.outcome.why)
    assert NEW_KEY == link_of(settlement).key
    assert link_key(NEW_KEY) == left_of(settlement).key


@pytest.mark.parametrize("answer", [AmbiguousWrite(), NotAttempted(), Stale(), ThrottledWrite(1.0)])
def test_two_that_meet_have_not_met_until_it_was_answered(answer: WriteResult) -> None:
    """The same policy is to decide next time."""
    made = unlinked(seen({"city": "m"}), seen({"city": "d", "@id": None}), person=PERSON)
    settlement = settled(made, None, to_marketo(answer))

    assert settlement.link is None
    assert UNLINKED == left_of(settlement).key
    assert Pair(PERSON, GUID) == settlement.outcome.ids


# -- deletes, and edits that we overwrote


def test_deleted_in_dynamics_flags_the_person() -> None:
    """The first time; later it is an update like others (R45)."""
    made = entry(dynamics=gone())
    first = settled(made, KNOWN, to_marketo(Updated(PERSON)))
    again = attrs.evolve(KNOWN, state=LinkState.GONE_DYNAMICS)
    later = settled(made, again, to_marketo(Updated(PERSON)))

    assert (OutcomeKind.FLAGGED, "deleted in Dynamics") == (first.outcome.kind, first.outcome.why)
    assert LinkState.GONE_DYNAMICS is link_of(first).state
    assert (OutcomeKind.UPDATED, "") == (later.outcome.kind, later.outcome.why)
    assert KNOWN.sent == link_of(first).sent
    assert first.entry is None


def test_a_flag_that_was_not_set_is_worse_than_one_that_was() -> None:
    """It is tried again."""
    settlement = settled(entry(dynamics=gone()), KNOWN, to_marketo(ThrottledWrite(2.0)))

    assert (OutcomeKind.DEFERRED, "throttled") == (settlement.outcome.kind, settlement.outcome.why)


def test_a_person_is_flagged_who_was_never_linked() -> None:
    """Nobody heard that it was made, and its record is gone."""
    made = unlinked(seen({"@id": GUID}), gone(), person=PERSON)
    settlement = settled(made, None, to_marketo(Updated(PERSON)))

    assert OutcomeKind.FLAGGED is settlement.outcome.kind


def test_an_edit_that_came_back_is_claimed_no_more() -> None:
    """What was settled of them; another one is still to be told."""
    claims: dict[str, tuple[Wire, Pair[Wire]]] = {
        "city": ("mine", Pair("was", "was")),
        "email": ("m@x.org", Pair(None, None)),
    }
    here = seen({"city": "ours", "email": "ours@x.org"}, claims=claims)
    refusing = terms_with((Side.DYNAMICS, Column("emailaddress1", length=3)))
    settlement = settled(entry(here), KNOWN, Pair(Updated(PERSON), Stale()), refusing)
    left = left_of(settlement).seen.marketo

    assert left is not None
    assert {"city": claims["city"]} == left.claims


def test_what_was_decided_or_told_is_named() -> None:
    """Where something else waits, too; a one-way field that moved on its target alone is not."""
    here = seen({"city": "b", "name": "L", "score": 5, "email": "e@x.org"})
    made = entry(here, seen({"name": "L", "created": None}))
    refusing = terms_with((Side.DYNAMICS, Column("emailaddress1", length=3)))
    settlement = settled(made, KNOWN, to_dynamics(Updated(GUID)), refusing)
    stale = settled(entry(seen({"city": "b"}), seen({"score": 5})), KNOWN, to_dynamics(Stale()))

    assert ["name", "city", "email", "score"] == [c.field for c in settlement.outcome.changes]
    assert ["city"] == [change.field for change in stale.outcome.changes]


def test_every_refusal_is_told() -> None:
    """What was refused before it was sent, what the system refused, and what was read back."""
    untold = swallowed()
    waiting = tuple(attrs.evolve(hold, attempts=0) for hold in untold.holds)
    here = seen({"email": "x" * 9, "name": "L", "revenue": -1})
    made = attrs.evolve(untold, seen=Pair(here, untold.seen.dynamics), holds=waiting)
    refusing = terms_with((Side.DYNAMICS, Column("emailaddress1", length=3)))
    refused = Rejected((Reason("no", "not so", "lastname"),))
    settlement = settled(made, KNOWN, to_dynamics(refused), refusing)

    assert ["city", "subject", "email", "revenue", "name"] == [
        r.field for r in settlement.outcome.results
    ]


def test_nobody_is_linked_without_both_ids() -> None:
    """One alone is no link."""
    made = unlinked(seen({"@id": GUID}), gone(), person=PERSON)
    half = attrs.evolve(made, ids=Pair(PERSON, None))

    assert settled(made, None, to_marketo(Updated(PERSON))).link is not None
    assert settled(half, None, to_marketo(Updated(PERSON))).link is None


def test_several_holds_are_named_in_order() -> None:
    """Each field once."""
    both = Rejected((Reason("no", "", "emailaddress1"), Reason("no", "", "address1_city")))
    made = entry(seen({"city": "b", "email": "e@x.org"}))
    settlement = settled(made, KNOWN, to_dynamics(both))

    assert ("city", "email") == settlement.outcome.held
