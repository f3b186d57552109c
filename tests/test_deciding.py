"""What happens to one field of one record: filtered, merged, withheld, refused or held."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs
import pytest

from dynsync.backlog import Hold
from dynsync.deciding import (
    Case,
    decide,
    decide_new,
    digest,
    give_back,
    give_way,
    is_of_kind,
    refusal_digest,
)
from dynsync.decisions import RECOVERED, FieldPlan, Ruling
from dynsync.errors import ContractError
from dynsync.fields import EntityMap, Flow
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    IntegerKind,
    MultiChoiceKind,
    NumberKind,
    TextKind,
)
from dynsync.merge import Verdict
from dynsync.policies import AuthorityPolicy, Collision, Put, Resolution, manual, newest, prefer
from dynsync.records import MISSING, Choice, Missing, Pair, Side, Value, Wire
from dynsync.schemas import FULL_ACCESS, Access, Column
from dynsync.terms import Terms
from dynsync.writes import Reason
from parts import HOBBIES, LEAD, NOW, TERMS, entry, hobbies_with, terms_with

Maybe = Wire | Missing
Wires = tuple[Maybe, Maybe]

NOTHING: Final[Wires] = (MISSING, MISSING)
CITY: Final = "address1_city"


def case(
    field: str,
    base: Wires,
    seen: Wires,
    *,
    terms: Terms = TERMS,
    holds: tuple[Hold, ...] = (),
    linked: bool = True,
    claimed: bool = False,
    actual: Wires | None = None,
) -> Case:
    """Make the case of a field whose *base* and latest news are known, each Marketo's first."""
    held = actual or tuple(b if s is MISSING else s for b, s in zip(base, seen, strict=True))
    return Case(
        terms,
        terms.index(field),
        entry(holds=holds),
        NOW,
        Pair(*base),
        Pair(*seen),
        Pair(*held),
        linked,
        claimed=claimed,
    )


def both(wires: Pair[Maybe]) -> Wires:
    """Return what either side says, Marketo's first."""
    return wires.marketo, wires.dynamics


def decided(made: Case) -> FieldPlan:
    """Return what happens to the field of a case in which something does."""
    plan = decide(made)
    assert plan is not None
    return plan


def told(plan: FieldPlan) -> Wires:
    """Return what either side is told."""
    return plan.to_marketo, plan.to_dynamics


def reasons(plan: FieldPlan, side: Side) -> tuple[Reason, ...]:
    """Return why *side* is not told."""
    return plan.refused[side].reasons


def putting(value: Value) -> AuthorityPolicy:
    """Return a policy that puts *value*, whatever collides."""

    def put(_: Collision) -> Resolution:
        return Put(value, "put")

    return put


def without(side: Side, native: str, right: Access, fields: EntityMap = LEAD) -> Terms:
    """Return the terms under which a column of *side* lacks a *right*."""
    column = TERMS.columns[side][[f.names[side] for f in TERMS.fields].index(native)]
    assert column is not None
    return terms_with((side, attrs.evolve(column, access=FULL_ACCESS & ~right)), fields=fields)


def held(side: Side, field: str, wire: Wire, before: Maybe, code: str = "NO") -> Hold:
    """Return the hold of *wire*, refused while *side* held *before*, for another minute."""
    return Hold(
        side,
        field,
        (code,),
        refusal_digest(wire, before),
        TERMS.schema_digest(side, field),
        1,
        NOW + 60.0,
    )


# -- merged


@pytest.mark.parametrize("side", Side)
def test_what_one_side_changed_goes_to_the_other(side: Side) -> None:
    """The value as it was given, with its blanks; nothing is lost (A35)."""
    seen = Pair[Maybe]("Oslo", "Oslo").replace(side, " Bergen ")
    plan = decided(case("city", ("Oslo", "Oslo"), both(seen)))

    assert (side.other,) == plan.told
    assert " Bergen " == plan.wire(side.other)
    assert Ruling(Verdict.ONE_SIDE, side, f"only {side.label} changed it") == plan.decision
    assert MISSING is plan.lost
    assert not plan.advance


@pytest.mark.parametrize("seen", [("Oslo", "Oslo"), NOTHING, (" Oslo", MISSING)])
def test_where_nothing_changed_nothing_happens(seen: Wires) -> None:
    """Not reported is no difference, and neither is a blank."""
    assert decide(case("city", ("Oslo", "Oslo"), seen)) is None


def test_what_both_sides_changed_alike_is_agreed_on() -> None:
    """Nothing is written, and the base moves (A2)."""
    plan = decided(case("email", ("a@x.org", "a@x.org"), ("b@x.org", "B@x.org")))

    assert NOTHING == told(plan)
    assert plan.advance
    assert MISSING is plan.lost
    assert plan.decision is not None
    assert Verdict.AGREED is plan.decision.verdict


@pytest.mark.parametrize("winner", Side)
def test_what_gives_way_is_kept(winner: Side) -> None:
    """The loser is told the winner's value; its own goes to the journal as it was."""
    terms = terms_with(policy=prefer(winner))
    plan = decided(case("revenue", (1, 1), (2.5, "3.50"), terms=terms))
    values = Pair[Maybe](2.5, "3.50")

    assert (winner.other,) == plan.told
    assert {Side.MARKETO: 2.5, Side.DYNAMICS: 3.5}[winner] == plan.wire(winner.other)
    assert values[winner.other] == plan.lost


@pytest.mark.parametrize("side", Side)
def test_a_side_that_says_nothing_holds_what_it_held(side: Side) -> None:
    """What the other changed to is there already: nothing is written, and the base moves."""
    base = Pair[Maybe]("old", "old").replace(side, "new")
    seen = Pair[Maybe](MISSING, MISSING).replace(side.other, "new")
    plan = decided(case("city", both(base), both(seen)))

    assert (NOTHING, True) == (told(plan), plan.advance)


def test_what_a_person_has_to_decide_waits() -> None:
    """Neither side is told, the base stays, and nothing gave way."""
    plan = decided(case("city", ("Oslo", "Oslo"), ("a", "b"), terms=terms_with(policy=manual)))

    assert NOTHING == told(plan)
    assert (True, False, MISSING) == (plan.unresolved, plan.advance, plan.lost)


def test_a_put_value_is_told_to_whom_does_not_hold_it() -> None:
    """What gave way on either side is kept, and a side that holds it already kept its own."""
    both = decided(case("city", ("a", "a"), ("b", "c"), terms=terms_with(policy=putting("d"))))
    one = decided(case("city", ("a", "a"), ("b", "c"), terms=terms_with(policy=putting(" c "))))

    assert ("d", "d") == told(both)
    assert Pair("b", "c") == both.lost
    assert (" c ", MISSING) == told(one)
    assert Pair("b", MISSING) == one.lost
    assert Ruling(Verdict.COLLISION, None, "put") == both.decision


@pytest.mark.parametrize(("age", "winner"), [(1.0, Side.MARKETO), (3.0, Side.DYNAMICS)])
def test_a_policy_hears_of_ages(age: float, winner: Side) -> None:
    """Who asks for the newest gets the newest."""
    made = case("city", ("a", "a"), ("b", "c"), terms=terms_with(policy=newest()))
    plan = decided(attrs.evolve(made, ages=Pair(age * 1000, 2000.0)))

    assert plan.decision is not None
    assert winner is plan.decision.winner


def test_a_policy_hears_whose_field_it_is_asked_about() -> None:
    """The entity, and of either side what it was and is."""
    heard: list[Collision] = []

    def listen(collision: Collision) -> Resolution:
        heard.append(collision)
        return manual(collision)

    decided(case("revenue", (1, "1.00"), (2, 3), terms=terms_with(policy=listen)))

    assert [
        Collision(
            LEAD.entity,
            "revenue",
            Pair(Decimal(1), Decimal(1)),
            Pair(Decimal(2), Decimal(3)),
            Pair(None, None),
        )
    ] == heard


@pytest.mark.parametrize(
    ("base", "linked", "winner"),
    [
        (("a", "a"), True, Side.MARKETO),
        ((MISSING, "a"), True, None),
        (("a", MISSING), True, Side.DYNAMICS),
        (NOTHING, True, Side.DYNAMICS),
    ],
)
def test_each_policy_has_its_time(base: Wires, winner: Side | None, *, linked: bool) -> None:
    """
    One for what was agreed on, one for a field that is new to a linked pair (R81).

    Where only Dynamics' base is known, two records met and nothing was decided: that is for the
    policy of first meetings still.
    """
    terms = terms_with(policy=prefer(Side.MARKETO), backfill=prefer(Side.DYNAMICS), first=manual)
    plan = decided(case("city", base, ("b", "c"), terms=terms, linked=linked))

    assert plan.decision is not None
    assert winner is plan.decision.winner


# -- where two records first meet


def test_dynamics_wins_a_first_meeting() -> None:
    """Marketo is told at once: what gives way there is kept."""
    terms = terms_with(policy=manual, first=prefer(Side.DYNAMICS))
    plan = decided(case("city", NOTHING, ("a", "b"), terms=terms, linked=False))

    assert ("b", MISSING) == told(plan)
    assert ("a", False) == (plan.lost, plan.adopt)


def test_marketo_wins_a_first_meeting() -> None:
    """Nothing goes to Dynamics yet (A29): its value is the base, Marketo's the next change."""
    terms = terms_with(policy=manual, first=prefer(Side.MARKETO))
    plan = decided(case("city", NOTHING, ("a", "b"), terms=terms, linked=False))

    assert NOTHING == told(plan)
    assert (True, "b") == (plan.adopt, plan.lost)


def test_a_value_is_put_at_a_first_meeting() -> None:
    """Marketo is told, if it holds another; Dynamics with the next run (A29)."""
    for value, expected in (("c", ("c", MISSING)), (" a", NOTHING)):
        terms = terms_with(policy=manual, first=putting(value))
        plan = decided(case("city", NOTHING, ("a", "b"), terms=terms, linked=False))

        assert expected == told(plan)
        assert plan.adopt
        assert not plan.advance


@pytest.mark.parametrize("why", ["withheld", "refused", "held"])
def test_a_value_that_cannot_be_put_at_a_first_meeting_is_nobodys(why: str) -> None:
    """Without it nothing is agreed on, and Dynamics' value is no base yet."""
    terms = without(Side.MARKETO, "city", Access.UPDATE) if why == "withheld" else TERMS
    if why == "refused":
        terms = terms_with((Side.MARKETO, Column("city", length=1)))
    holds = (held(Side.MARKETO, "city", "much", "a"),) if why == "held" else ()
    terms = attrs.evolve(terms, first=putting("much"))
    plan = decided(case("city", NOTHING, ("a", "b"), terms=terms, holds=holds, linked=False))

    assert NOTHING == told(plan)
    assert not plan.adopt
    assert getattr(plan, why)


# -- told, or not


def test_what_may_not_be_written_is_withheld() -> None:
    """The field waits for the right, and the base with it (A18)."""
    terms = without(Side.DYNAMICS, CITY, Access.UPDATE)
    plan = decided(case("city", ("a", "a"), ("b", "a"), terms=terms))

    assert NOTHING == told(plan)
    assert ((Side.DYNAMICS,), False, {}) == (plan.withheld, plan.advance, plan.refused)


def test_what_is_required_and_may_not_be_written_fails_its_record() -> None:
    """It is refused, too: nothing can be done about the record without that right."""
    terms = without(Side.DYNAMICS, "lastname", Access.UPDATE)
    plan = decided(case("name", ("a", "a"), ("b", "a"), terms=terms))

    assert (Side.DYNAMICS,) == plan.withheld
    assert reasons(plan, Side.DYNAMICS) == (
        Reason(
            "REQUIRED",
            "'lastname' is required, and the sync user may not write it",
            "lastname",
        ),
    )


def test_one_side_waits_for_the_other() -> None:
    """What a policy put for both is told to neither while one of them may not be told."""
    terms = attrs.evolve(without(Side.DYNAMICS, CITY, Access.UPDATE), policy=putting("d"))
    plan = decided(case("city", ("a", "a"), ("b", "c"), terms=terms))

    assert NOTHING == told(plan)
    assert (Side.DYNAMICS,) == plan.withheld


def test_what_does_not_fit_is_not_sent() -> None:
    """The schema's own limits are looked at first (R92)."""
    plan = decided(case("city", ("a", "a"), ("x" * 11, "a")))

    assert NOTHING == told(plan)
    (reason,) = reasons(plan, Side.DYNAMICS)
    assert ("FIELD_LENGTH", CITY) == (reason.code, reason.field)
    assert refusal_digest("x" * 11, "a") == plan.refused[Side.DYNAMICS].digest


def test_what_is_too_long_is_cut_if_that_is_asked() -> None:
    """The beginning goes, and nothing is refused."""
    cut = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate"))
    plan = decided(case("city", ("a", "a"), ("x" * 11, "a"), terms=terms_with(fields=cut)))

    assert (MISSING, "x" * 10) == told(plan)


def test_only_text_is_cut() -> None:
    """The beginning of a list of options, or of an id, would name others, or none."""
    hobbies = attrs.evolve(HOBBIES.map.field("hobbies"), too_long="truncate")
    short = (Side.MARKETO, Column("hobbies", length=8))
    options = (Side.DYNAMICS, HOBBIES.columns.dynamics[HOBBIES.index("hobbies")])
    terms = terms_with(short, options, fields=LEAD.plus(hobbies))
    plan = decided(case("hobbies", ("Golf", "1"), ("Golf", "1,2"), terms=terms))

    assert NOTHING == told(plan)
    assert ["FIELD_LENGTH"] == [reason.code for reason in reasons(plan, Side.MARKETO)]


def test_what_is_no_value_is_not_all_of_another() -> None:
    """What cannot be said in Dynamics' words is refused, and not taken for cut."""
    hobbies = attrs.evolve(HOBBIES.map.field("hobbies"), too_long="truncate")
    options = (Side.DYNAMICS, HOBBIES.columns.dynamics[HOBBIES.index("hobbies")])
    terms = terms_with((Side.MARKETO, Column("hobbies")), options, fields=LEAD.plus(hobbies))
    plan = decided(case("hobbies", ("Golf", "1"), ("Chessboxing", "1,2"), terms=terms))

    assert ["PICKLIST_RANGE"] == [reason.code for reason in reasons(plan, Side.DYNAMICS)]


@pytest.mark.parametrize("side", Side)
def test_of_a_field_that_flows_one_way_what_was_cut_is_not_told_again(side: Side) -> None:
    """A35: each side is asked for as much as its own column holds."""
    flow = Flow.TO_MARKETO if side is Side.MARKETO else Flow.TO_DYNAMICS
    fields = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate", flow=flow))
    lengths = Pair(20, 20).replace(side, 5)
    columns = [(one, Column(fields.field("city").names[one], length=lengths[one])) for one in Side]
    terms = terms_with(*columns, fields=fields)
    whole, part = "x" * 9, "x" * 5
    news = (part, whole) if side is Side.MARKETO else (whole, part)
    plan = decided(case("city", ("Oslo", "Oslo"), news, terms=terms))

    assert ("city", NOTHING, True) == (plan.name, told(plan), plan.advance)


@pytest.mark.parametrize("base", [NOTHING, ("Oslo", "Oslo")])
@pytest.mark.parametrize("policy", [prefer(Side.DYNAMICS), prefer(Side.MARKETO), manual])
def test_what_a_side_holds_as_much_of_as_goes_there_is_agreed(
    base: Wires, policy: AuthorityPolicy
) -> None:
    """A35: nobody is asked, and what was not cut stays; a beginning that is shorter differs."""
    fields = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate"))
    terms = terms_with(fields=fields, policy=policy, first=policy, backfill=policy)
    short = (Side.MARKETO, Column("city", length=8))
    other = terms_with(short, fields=fields, policy=policy, first=policy, backfill=policy)
    there = decided(case("city", base, ("x" * 11, "x" * 10), terms=terms))
    here = decided(case("city", base, ("x" * 8, "x" * 10), terms=other))
    less = decided(case("city", base, ("x" * 11, "x" * 9), terms=terms))

    for plan in (there, here):
        assert ("city", NOTHING, True) == (plan.name, told(plan), plan.advance)
        assert MISSING is plan.lost
        assert plan.decision is not None
        assert (Verdict.AGREED, None) == (plan.decision.verdict, plan.decision.winner)
    assert less.decision is not None
    assert Verdict.AGREED is not less.decision.verdict


def test_what_was_cut_and_what_one_side_changed_alone_is_told() -> None:
    """Also where the other side holds as much of it; and what was overwritten is told in full."""
    cut = LEAD.plus(attrs.evolve(LEAD.field("city"), too_long="truncate"))
    terms = terms_with(fields=cut, policy=prefer(Side.DYNAMICS))
    whole, beginning = "x" * 11, "x" * 10
    alone = decided(case("city", (whole, "Oslo"), (whole, beginning), terms=terms))
    claim = case("city", ("a", "a"), (whole, beginning), terms=terms, claimed=True)
    claimed = decided(attrs.evolve(claim, actual=Pair[Maybe](beginning, beginning)))
    silent = decided(case("city", ("a", MISSING), (whole, MISSING), terms=terms))

    assert (beginning, MISSING) == told(alone)
    assert claimed.decision is not None
    assert Verdict.COLLISION is claimed.decision.verdict
    assert whole == claimed.lost
    assert (MISSING, beginning) == told(silent)


def test_a_side_without_a_schema_is_told_all_the_same() -> None:
    """Stamps have no column in Dynamics; what Marketo should hold of them goes there."""
    plan = decided(case("@deleted", (False, False), (False, True)))

    assert (True, MISSING) == told(plan)


@pytest.mark.parametrize("winner", Side)
def test_what_a_side_reports_may_be_of_no_kind(winner: Side) -> None:
    """It is told whose field holds what it cannot, and nothing is sent."""
    seen = Pair[Maybe](1, 1).replace(winner, "twelve")
    plan = decided(case("revenue", (1, 1), both(seen)))
    native = LEAD.field("revenue").names[winner]
    (reason,) = reasons(plan, winner.other)

    assert ("VALUE_TYPE", native) == (reason.code, reason.field)
    assert f"{winner.label}'s {native!r}: not a number" == reason.message
    assert NOTHING == told(plan)
    assert ("revenue", "held") == (plan.name, plan.flow)
    assert refusal_digest("twelve", 1) == plan.refused[winner.other].digest


def test_what_gives_way_may_be_of_no_kind() -> None:
    """It is kept as the text that it was, and the winner's value goes."""
    plan = decided(case("revenue", (1, 1), (2, "twelve")))

    assert (MISSING, 2) == told(plan)
    assert "twelve" == plan.lost


def test_what_is_of_no_kind_is_news_when_it_changes() -> None:
    """It stands for itself: another text is another value, and is told as such."""
    plan = decided(case("revenue", ("twelve", 1), ("dozen", MISSING)))

    assert ["VALUE_TYPE"] == [reason.code for reason in reasons(plan, Side.DYNAMICS)]


def test_each_side_is_read_in_its_own_words() -> None:
    """Also beside one that cannot be read: Dynamics' codes are not Marketo's labels."""
    theirs = attrs.evolve(HOBBIES, policy=prefer(Side.DYNAMICS))
    plan = decided(case("hobbies", (None, None), ("Tepid", "1,2"), terms=theirs))

    assert ("Golf;Tennis", MISSING) == told(plan)
    assert decide(case("hobbies", ("Tepid", "1,2"), ("Tepid", "2,1"), terms=HOBBIES)) is None


@pytest.mark.parametrize("flow", [Flow.TO_MARKETO, Flow.TO_DYNAMICS])
def test_a_one_way_field_is_read_in_each_sides_words(flow: Flow) -> None:
    """What means the same is there already; what does not is said in the target's words."""
    terms = hobbies_with(flow)
    there = decided(case("hobbies", NOTHING, ("Golf;Tennis", "1,2"), terms=terms))
    moved = decided(case("hobbies", NOTHING, ("Golf;Tennis", "2,3"), terms=terms))

    assert (NOTHING, True) == (told(there), there.advance)
    expected = {
        Flow.TO_MARKETO: ("Tennis;Chess", MISSING),
        Flow.TO_DYNAMICS: (MISSING, "1,2"),
    }
    assert expected[flow] == told(moved)


@pytest.mark.parametrize("flow", [Flow.TO_MARKETO, Flow.TO_DYNAMICS])
def test_a_one_way_field_that_was_cut_is_there_already(flow: Flow) -> None:
    """What its target holds is all that it would be sent (A35); anything else is put right."""
    city = attrs.evolve(LEAD.field("city"), flow=flow, too_long="truncate")
    short = (Side.MARKETO, Column("city", length=10))
    terms = terms_with(short, fields=LEAD.plus(city))
    target = Side.MARKETO if flow is Flow.TO_MARKETO else Side.DYNAMICS
    whole, cut = Pair[Maybe]("x" * 11, "x" * 11), "x" * 10
    base = both(whole.replace(target, cut))
    moved = decided(case("city", base, both(whole.replace(target, "other")), terms=terms))
    longer = Pair[Maybe]("x" * 12, "x" * 12).replace(target, MISSING)
    there = decided(case("city", base, both(longer), terms=terms))

    assert decide(case("city", base, base, terms=terms)) is None
    assert cut == moved.wire(target)
    assert (NOTHING, True) == (told(there), there.advance)


def test_a_one_way_field_that_its_target_cannot_be_told_is_not_there() -> None:
    """What cannot be said in the target's words is refused, whatever the target holds."""
    rating = attrs.evolve(LEAD.field("rating"), flow=Flow.TO_MARKETO)
    plan = decided(
        case("rating", ("Hot", 1), (MISSING, 9), terms=terms_with(fields=LEAD.plus(rating)))
    )

    assert [Side.MARKETO] == [*plan.refused]


def test_what_is_of_no_kind_is_unchanged_while_it_stays() -> None:
    """It was told once; the other side's news go on."""
    assert decide(case("revenue", ("twelve", 1), ("twelve", 1))) is None
    assert decide(case("revenue", ("twelve", 1), ("twelve", MISSING))) is None
    assert (2, MISSING) == told(decided(case("revenue", ("twelve", 1), ("twelve", 2))))
    assert (MISSING, 2) == told(decided(case("revenue", (1, "twelve"), (2, "twelve"))))


def test_a_value_that_a_side_has_no_words_for_is_refused() -> None:
    """An option that Marketo cannot name is said by neither label nor code."""
    terms = terms_with(policy=putting(Choice(9)))
    plan = decided(case("rating", (None, None), ("Hot", 2), terms=terms))
    (reason,) = reasons(plan, Side.MARKETO)

    assert ("PICKLIST_RANGE", "rating") == (reason.code, reason.field)
    assert reason.message.startswith("Marketo's 'rating': not an option of this choice")
    assert refusal_digest(repr(Choice), "Hot") == plan.refused[Side.MARKETO].digest


# -- two fields of one column


def given_way(field: str, told: Wire, terms: Terms = TERMS) -> FieldPlan:
    """Return what happens to *field*, of which Dynamics was to be told, where it yields."""
    made = case(field, (MISSING, MISSING), ("b", "was"), terms=terms)
    plan = FieldPlan(field, None, to_marketo="b", to_dynamics="b")
    give_way(made, plan, "subject", told)
    return plan


def test_what_yields_is_told_what_the_column_will_hold() -> None:
    """A16: both sides are told the other field's value, and what gave way is kept."""
    plan = given_way("topic", "a")

    assert (("a", "a"), "b") == (told(plan), plan.lost)
    assert (
        Ruling(
            Verdict.COLLISION, None, "'subject' goes into the same column and has precedence (A16)"
        )
        == plan.decision
    )


def test_what_yields_is_told_only_what_it_may_be() -> None:
    """A16: Dynamics is told all the same, for the column is the other field's, too."""
    plan = given_way("topic", "a", without(Side.MARKETO, "microsoftTopic", Access.UPDATE))

    assert (MISSING, "a") == told(plan)
    assert (Side.MARKETO,) == plan.withheld


def test_what_yields_may_have_no_words_for_it() -> None:
    """A16: a field of another kind cannot say what the other one puts into its column."""
    plan = given_way("revenue", "twelve")
    (reason,) = reasons(plan, Side.MARKETO)

    assert (MISSING, "twelve") == told(plan)
    assert [Side.MARKETO] == [*plan.refused]
    assert ("VALUE_TYPE", "revenue") == (reason.code, reason.field)
    assert reason.message.endswith("'revenue': not a number")
    assert reason.message.startswith(Side.DYNAMICS.label)
    assert refusal_digest("twelve", "b") == plan.refused[Side.MARKETO].digest


# -- what a policy may put


@pytest.mark.parametrize("verdict", ["collision", "first"])
def test_a_value_of_another_kind_is_the_policys_mistake(verdict: str) -> None:
    """Neither system refused anything; the policy's author is told what is wanted instead."""
    terms = terms_with(policy=putting(7), first=putting(7))
    base = NOTHING if verdict == "first" else ("a", "a")
    made = case("city", base, ("b", "c"), terms=terms, linked=verdict != "first")
    with pytest.raises(ContractError) as caught:
        decide(made)

    assert str(caught.value) == (
        "The policy answered a Put of a int for field 'city' of a lead, whose kind is text. A "
        "policy puts a value of the field's kind, or takes a side."
    )


def test_a_value_of_another_kind_is_found_in_any_words() -> None:
    """Whatever the sides hold, as long as it can be read."""
    terms = attrs.evolve(HOBBIES, policy=putting(7))
    with pytest.raises(ContractError, match="Put of a int for field 'hobbies'"):
        decide(case("hobbies", (None, None), ("Golf", "1,2"), terms=terms))


@pytest.mark.parametrize("side", Side)
def test_a_policy_may_put_something_better(side: Side) -> None:
    """What cannot be read gives way to it, and is kept as it was."""
    seen = Pair[Maybe](2, 2).replace(side, "twelve")
    plan = decided(case("revenue", (1, 1), both(seen), terms=terms_with(policy=putting(5))))

    assert (5, 5) == told(plan)
    assert seen == plan.lost


def test_a_policy_may_put_what_it_was_shown() -> None:
    """Where a side holds what is of no kind, the policy was shown a text."""
    terms = terms_with(policy=putting("twelve"))
    plan = decided(case("revenue", (1, 1), ("twelve", 3), terms=terms))

    assert ["VALUE_TYPE"] == [r.code for r in reasons(plan, Side.DYNAMICS)]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (TextKind(), "a", 1),
        (TextKind(), None, Choice(1)),
        (IntegerKind(), 1, "1"),
        (NumberKind(), Decimal("1E500"), "1"),
        (BooleanKind(), False, 0),
        (ChoiceKind(), Choice(2**40), 1),
        (MultiChoiceKind(), frozenset({Choice(1)}), Choice(1)),
    ],
)
def test_a_value_is_of_its_kind_whether_or_not_it_fits(
    kind: TextKind, good: Value, bad: Value
) -> None:
    """A number that is too large is a number; what no side has words for is another matter."""
    assert is_of_kind(kind, good)
    assert not is_of_kind(kind, bad)


# -- held


def test_what_was_refused_just_now_is_not_sent_again() -> None:
    """As long as value, column and the other side are what they were, and it is not time."""
    changed = ("Bergen", "Oslo")
    hold = held(Side.DYNAMICS, "city", "Bergen", "Oslo")
    moving = [
        attrs.evolve(hold, side=Side.MARKETO),
        attrs.evolve(hold, field="email"),
        attrs.evolve(hold, digest="another value"),
        attrs.evolve(hold, schema="another column"),
        attrs.evolve(hold, retry_at=NOW),
    ]

    def planned(*holds: Hold) -> FieldPlan:
        return decided(case("city", ("Oslo", "Oslo"), changed, holds=holds))

    assert ((Side.DYNAMICS,), NOTHING) == (planned(*moving, hold).held, told(planned(hold)))
    assert all((MISSING, "Bergen") == told(planned(one)) for one in moving)


def test_a_refusal_of_ours_is_told_once() -> None:
    """The same reasons for the same value are held; others are told."""
    long = "x" * 11
    hold = held(Side.DYNAMICS, "city", long, "a", "FIELD_LENGTH")

    def planned(*holds: Hold) -> FieldPlan:
        return decided(case("city", ("a", "a"), (long, "a"), holds=holds))

    assert ((Side.DYNAMICS,), {}) == (planned(hold).held, planned(hold).refused)
    for other in (
        attrs.evolve(hold, codes=("OTHER",)),
        attrs.evolve(hold, digest="another value"),
        attrs.evolve(hold, side=Side.MARKETO),
        attrs.evolve(hold, field="email"),
        attrs.evolve(hold, retry_at=NOW),
    ):
        assert [Side.DYNAMICS] == list(planned(other).refused)
        assert () == planned(other).held
    assert (Side.DYNAMICS,) == planned(attrs.evolve(hold, side=Side.MARKETO), hold).held


def test_digests_tell_refusals_apart() -> None:
    """By the value and by what the side held, where nothing known is as good as nothing there."""
    assert refusal_digest("a", None) == refusal_digest("a", MISSING)
    apart = {refusal_digest(*two) for two in (("a", None), ("a", "b"), ("b", "a"), (None, "a"))}

    assert 4 == len(apart)
    assert digest("\ud800") != digest("\ud801")


def test_digests_are_the_same_in_every_release() -> None:
    """They are stored with each hold: were they to move, all that is held would be sent again."""
    assert ["639bb38905a0ae0b", "c6fd636f923c6bdc"] == [
        refusal_digest("Oslo", "Bergen"),
        digest("a", 1, None),
    ]


# -- one way


def test_a_one_way_field_overrides() -> None:
    """Its source is told from, collision or not; nothing was decided and nothing kept (A15)."""
    for seen in (("theirs", "ours"), (MISSING, "ours"), ("was", "ours")):
        plan = decided(case("created", ("was", "was"), seen))
        assert ("ours", MISSING) == told(plan)
        assert (None, "to_marketo", MISSING) == (plan.decision, plan.flow, plan.lost)
    for held_there in (8, MISSING):
        plan = decided(case("score", (1, 1), (7, held_there)))
        assert (MISSING, 7) == told(plan)
        assert "to_dynamics" == plan.flow


def test_a_one_way_field_is_told_even_where_only_its_target_moved() -> None:
    """The source reports what it held all along: what somebody wrote over it is put right."""
    plan = decided(case("created", ("was", "was"), ("theirs", "was")))

    assert ("was", MISSING) == told(plan)


def test_a_one_way_field_whose_source_says_nothing_stays() -> None:
    """What moved at the target is as it is until the next change, and the base moves (R57)."""
    plan = decided(case("created", ("was", "was"), ("theirs", MISSING)))

    assert NOTHING == told(plan)
    assert plan.advance
    assert decide(case("created", ("was", "was"), ("was", MISSING))) is None


def test_a_one_way_field_that_is_there_already() -> None:
    """Nothing is written; the base moves if either side did."""
    plan = decided(case("created", ("was", "was"), ("new", " new")))

    assert NOTHING == told(plan)
    assert plan.advance
    assert decide(case("created", ("was", "was"), ("was", "was"))) is None
    assert decide(case("created", ("was", "was"), (MISSING, "was"))) is None


def test_a_one_way_field_goes_where_nothing_is_known() -> None:
    """What a side holds that never said so may be anything."""
    plan = decided(case("created", NOTHING, (MISSING, None)))

    assert (None, MISSING) == told(plan)


@pytest.mark.parametrize(("held", "lost"), [("b", "b"), ("", MISSING), (None, MISSING)])
def test_a_one_way_field_keeps_what_stood_where_it_is_new(held: Wire, lost: object) -> None:
    """Nobody knew what its target held: the journal does from now on."""
    plan = decided(case("created", NOTHING, (held, "a")))
    known = decided(case("created", ("b", MISSING), ("b", "a")))

    assert ("a", MISSING) == told(plan)
    assert lost == plan.lost
    assert MISSING is known.lost


@pytest.mark.parametrize("linked", [True, False])
def test_a_one_way_field_that_was_never_filled_erases_nothing(*, linked: bool) -> None:
    """An empty value without a base is no edit, and the base moves past it."""
    for name, seen in (("created", ("theirs", None)), ("score", (None, 8))):
        plan = decided(case(name, NOTHING, seen, linked=linked))
        assert NOTHING == told(plan)
        assert plan.advance
        assert not plan.adopt
    emptied = decided(case("created", ("was", "was"), ("was", None)))
    assert (None, MISSING) == told(emptied)


def test_a_one_way_field_to_dynamics_waits_for_the_link() -> None:
    """Nothing goes to Dynamics when two records first meet (A29)."""
    plan = decided(case("score", NOTHING, (7, 8), linked=False))

    assert NOTHING == told(plan)
    assert plan.adopt
    linked = decided(case("score", NOTHING, (7, 8)))
    assert (MISSING, 7) == told(linked)
    first = decided(case("created", NOTHING, ("a", "b"), linked=False))
    assert ("b", MISSING) == told(first)


def test_a_one_way_field_may_be_of_no_kind() -> None:
    """It is told like any other that cannot be read."""
    plan = decided(case("score", (1, 1), ("twelve", 1)))
    (reason,) = reasons(plan, Side.DYNAMICS)

    assert "Marketo's 'leadScore': not a number" == reason.message


def test_a_one_way_field_is_withheld() -> None:
    """Rights count for it as for any other."""
    terms = without(Side.DYNAMICS, "mkt_score", Access.UPDATE)
    plan = decided(case("score", (1, 1), (2, 1), terms=terms))

    assert ((Side.DYNAMICS,), NOTHING) == (plan.withheld, told(plan))


# -- an edit that we overwrote


def test_an_edit_that_came_back_is_merged() -> None:
    """It is judged against the base that it was made on, and Marketo is told what it lost to."""
    plan = decided(case("city", ("a", "a"), ("edit", "a"), actual=("ours", "a"), claimed=True))

    assert ("edit", "edit") == told(plan)
    assert plan.decision is not None
    assert f"{RECOVERED}; only Marketo changed it" == plan.decision.why


def test_an_edit_that_lost_is_overwritten_for_good() -> None:
    """Marketo holds what won already: there is nothing to tell, and the edit is kept."""
    terms = terms_with(policy=prefer(Side.DYNAMICS))
    plan = decided(
        case(
            "city", ("a", "a"), ("edit", "ours"), actual=("ours", "ours"), claimed=True, terms=terms
        )
    )

    assert NOTHING == told(plan)
    assert ("edit", True) == (plan.lost, plan.advance)


def waiting(terms: Terms, *holds: Hold, actual: Wires = ("ours", "ours")) -> FieldPlan:
    """Return the plan of a recovered edit that a policy leaves to a person."""
    return decided(
        case(
            "city",
            ("a", "a"),
            ("edit", "ours"),
            actual=actual,
            claimed=True,
            terms=terms,
            holds=holds,
        )
    )


def test_an_edit_that_waits_goes_back_where_it_was() -> None:
    """Marketo holds it again until somebody decides (invariant 31)."""
    plan = waiting(terms_with(policy=manual))

    assert ("edit", MISSING) == told(plan)
    assert plan.restore


def test_an_edit_that_is_back_already_only_waits() -> None:
    """Nothing is written that is there."""
    plan = waiting(terms_with(policy=manual), actual=("edit", "ours"))

    assert NOTHING == told(plan)
    assert not plan.restore


def test_an_edit_may_be_kept_from_going_back() -> None:
    """By a right that was taken away, or by a refusal that stands."""
    barred = attrs.evolve(without(Side.MARKETO, "city", Access.UPDATE), policy=manual)
    withheld = waiting(barred)
    refused = waiting(terms_with(policy=manual), held(Side.MARKETO, "city", "edit", "ours"))

    assert ((Side.MARKETO,), NOTHING) == (withheld.withheld, told(withheld))
    assert ((Side.MARKETO,), NOTHING) == (refused.held, told(refused))
    assert waiting(terms_with(policy=manual), held(Side.MARKETO, "city", "other", "ours")).restore
    assert not withheld.restore
    assert not refused.restore


def test_only_an_edit_that_we_overwrote_goes_back() -> None:
    """What waits otherwise is where it was made."""
    plan = decided(case("city", ("a", "a"), ("b", "c"), terms=terms_with(policy=manual)))

    assert not plan.restore


def test_an_edit_goes_back_to_a_person_who_is_marketos_alone() -> None:
    """Its record in Dynamics is gone, and nothing is left to merge it with."""
    plan = give_back(case("city", ("a", "a"), ("edit", "a"), actual=("ours", "a"), claimed=True))

    assert ("edit", MISSING) == told(plan)
    assert (None, "restored", True) == (plan.decision, plan.flow, plan.restore)


# -- a record that is made


def new(field: str, wire: Wire, side: Side = Side.DYNAMICS, terms: Terms = TERMS) -> FieldPlan:
    """Return the plan of a field of a record that is made on *side* from the other's *wire*."""
    seen = Pair[Maybe](wire, wire).replace(side, MISSING)
    made = case(field, (None, None), both(seen), terms=terms, linked=False)
    return decide_new(attrs.evolve(made, creates=side), wire)


@pytest.mark.parametrize("side", Side)
def test_a_new_record_is_told(side: Side) -> None:
    """In its own words, the other side's value; no decision was needed."""
    wires = Pair[Wire]("Warm", 2)
    plan = new("rating", wires[side.other], side)

    assert wires[side] == plan.wire(side)
    assert (side,) == plan.told
    assert ("rating", None, "first") == (plan.name, plan.decision, plan.flow)
    assert not plan.advance


def test_a_new_record_is_told_in_the_words_of_its_side() -> None:
    """What Dynamics says is no word of Marketo's, nor the other way round."""
    assert "Golf;Tennis" == new("hobbies", "1,2", Side.MARKETO, HOBBIES).to_marketo
    assert "1,2" == new("hobbies", "Golf;Tennis", Side.DYNAMICS, HOBBIES).to_dynamics


@pytest.mark.parametrize("wire", [None, "", " "])
def test_what_is_empty_is_not_told_to_a_new_record(wire: Wire) -> None:
    """Nothing is said of it, and it is agreed on."""
    plan = new("city", wire)

    assert (NOTHING, True) == (told(plan), plan.advance)


def test_what_is_required_is_told_even_if_it_is_empty() -> None:
    """A record must not be made without it: that is a refusal, told like any other."""
    plan = new("name", None)

    assert ["REQUIRED"] == [reason.code for reason in reasons(plan, Side.DYNAMICS)]
    assert not plan.advance
    assert new("name", None, Side.MARKETO).advance


def test_a_right_to_create_is_one_of_its_own() -> None:
    """To update is not to create, nor the other way round (A18)."""
    may_not = new("city", "Oslo", terms=without(Side.DYNAMICS, CITY, Access.CREATE))
    may = new("city", "Oslo", terms=without(Side.DYNAMICS, CITY, Access.UPDATE))

    assert ((Side.DYNAMICS,), NOTHING) == (may_not.withheld, told(may_not))
    assert (MISSING, "Oslo") == told(may)


def test_what_is_of_no_kind_is_not_told_to_a_new_record() -> None:
    """The side that says it is named, and its own name of the field."""
    plan = new("rating", "Tepid")
    (reason,) = reasons(plan, Side.DYNAMICS)

    assert ("PICKLIST_RANGE", "rating") == (reason.code, reason.field)
    assert "Marketo's 'rating': not an option of this choice" == reason.message


def test_a_stamp_has_no_column_to_require_it() -> None:
    """A person who is to be made gets what the engine says."""
    assert (True, MISSING) == told(new("@deleted", wire=True, side=Side.MARKETO))
