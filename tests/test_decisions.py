"""The plan of one field: whom it tells what, what keeps it waiting, and how that is said."""

from __future__ import annotations

import attrs
import pytest

from dynsync.decisions import RECOVERED, FieldPlan, Refusal, Ruling
from dynsync.fields import Flow
from dynsync.merge import FieldMerge, Verdict
from dynsync.outcomes import FieldChange, Lost
from dynsync.records import MISSING, Pair, Side
from dynsync.writes import Reason

RULING = Ruling(Verdict.COLLISION, Side.MARKETO, "newer")
REFUSAL = Refusal((Reason("LONG", "too long"), Reason("ODD", "odd"), Reason("LONG", "?")), "digest")


def plan() -> FieldPlan:
    """Make the plan of a field of which nothing is told."""
    return FieldPlan("city", RULING)


def test_a_ruling_is_a_decision_without_its_values() -> None:
    """Values are personal data, and a ruling outlives the run."""
    decision = FieldMerge("city", Verdict.COLLISION, "Oslo", Side.MARKETO, "Bergen", "newer")

    assert RULING == Ruling.of(decision)


def test_a_refusal_is_known_by_its_codes() -> None:
    """Each once, whatever the order in which they were said."""
    assert ("LONG", "ODD") == REFUSAL.codes


@pytest.mark.parametrize("side", Side)
def test_a_side_is_told(side: Side) -> None:
    """Null is told like any other value; the other side is told nothing."""
    one = plan()
    one.tell(side, None)

    assert (side,) == one.told
    assert one.wire(side) is None
    assert MISSING is one.wire(side.other)


def test_nobody_is_told() -> None:
    """What was to be told is taken back, on both sides."""
    one = attrs.evolve(plan(), to_marketo="here", to_dynamics="there")
    one.tell_nobody()

    assert ((), MISSING, MISSING) == (one.told, one.to_marketo, one.to_dynamics)


def test_both_sides_may_be_told() -> None:
    """A policy may put a value that neither holds."""
    one = plan()
    one.tell(Side.DYNAMICS, "there")
    one.tell(Side.MARKETO, "here")

    assert (Side.MARKETO, Side.DYNAMICS) == one.told
    assert ("here", "there") == (one.wire(Side.MARKETO), one.wire(Side.DYNAMICS))


def test_one_side_is_told_what_the_other_cannot_be() -> None:
    """Of two fields on one column one yields, though Marketo may not be told of it (A16)."""
    waiting = (
        attrs.evolve(plan(), refused={Side.MARKETO: REFUSAL}),
        attrs.evolve(plan(), withheld=(Side.MARKETO,)),
        attrs.evolve(plan(), held=(Side.MARKETO,)),
    )

    assert [False] * 3 == [one.half_told for one in waiting]
    assert all(attrs.evolve(one, to_dynamics="b").half_told for one in waiting)
    assert not attrs.evolve(plan(), to_dynamics="b").half_told


def test_what_keeps_a_field_waiting() -> None:
    """A right, a refusal, a hold, a person's decision, or that Marketo has still to be told."""
    waiting = (
        attrs.evolve(plan(), refused={Side.MARKETO: REFUSAL}),
        attrs.evolve(plan(), withheld=(Side.MARKETO,)),
        attrs.evolve(plan(), held=(Side.MARKETO,)),
        attrs.evolve(plan(), adopt=True),
        attrs.evolve(plan(), decision=Ruling(Verdict.UNRESOLVED, None, "left")),
    )

    assert all(one.waits for one in waiting)
    assert [False] * 4 + [True] == [one.unresolved for one in waiting]
    for moving in (plan(), FieldPlan("city", None, "held"), attrs.evolve(plan(), advance=True)):
        assert not moving.waits
        assert not moving.unresolved


# -- blocked with its record


def test_a_blocked_field_tells_nobody() -> None:
    """Its record is held as a whole: neither is anything told, nor does the base move."""
    one = attrs.evolve(plan(), to_marketo="a", to_dynamics="b", advance=True)
    one.block()

    assert ((), False) == (one.told, one.advance)


def test_a_blocked_field_adopts_what_needs_no_telling() -> None:
    """Dynamics' value is the base all the same, unless the base is what a policy put."""
    one, put = (attrs.evolve(plan(), adopt=True, to_marketo=wire) for wire in (MISSING, "put"))
    one.block()
    put.block()

    assert one.adopt
    assert not put.adopt
    assert not _blocked(plan()).adopt


def _blocked(one: FieldPlan) -> FieldPlan:
    one.block()
    return one


def test_an_edit_that_goes_back_is_not_blocked() -> None:
    """Marketo gets back what we overwrote, whatever else is held (invariant 31)."""
    one = _blocked(attrs.evolve(plan(), to_marketo="theirs", restore=True, advance=True))

    assert ((Side.MARKETO,), "theirs") == (one.told, one.to_marketo)
    assert not one.advance


# -- as it is said


@pytest.mark.parametrize("verdict", Verdict)
def test_a_decision_is_said(verdict: Verdict) -> None:
    """The verdict, who won, who is told and why; what gave way is kept with it."""
    one = FieldPlan("city", Ruling(verdict, Side.DYNAMICS, "newer"), to_marketo="Oslo")

    assert FieldChange("city", verdict.value, Side.DYNAMICS, (Side.MARKETO,), "newer") == (
        one.change()
    )
    losses: tuple[Lost, ...] = (None, "Bergen", Pair("Bergen", MISSING))
    for lost in losses:
        said = attrs.evolve(one, lost=lost).change()
        assert attrs.evolve(one.change(), lost=lost) == said


@pytest.mark.parametrize(
    ("flow", "why"),
    [
        (Flow.TO_MARKETO.value, "flows to Marketo only"),
        (Flow.TO_DYNAMICS.value, "flows to Dynamics only"),
        ("first", "new record"),
        ("restored", RECOVERED),
        ("held", ""),
    ],
)
def test_what_took_no_decision_is_said(flow: str, why: str) -> None:
    """One-way fields and new records win nothing over anybody."""
    assert FieldChange("city", flow, None, (), why) == FieldPlan("city", None, flow).change()


def test_what_is_not_told_is_said() -> None:
    """A right that is wanted is more than a refusal, and is said with the side that wants it."""
    withheld = attrs.evolve(plan(), withheld=(Side.MARKETO,), held=(Side.DYNAMICS,)).change()
    both = attrs.evolve(plan(), withheld=(Side.MARKETO, Side.DYNAMICS)).change()

    assert ("withheld", "newer; the sync user may not write it in Marketo") == (
        withheld.verdict,
        withheld.why,
    )
    assert "newer; the sync user may not write it in Marketo and Dynamics" == both.why
    for waiting in (
        attrs.evolve(plan(), held=(Side.DYNAMICS,)),
        attrs.evolve(plan(), refused={Side.DYNAMICS: REFUSAL}),
    ):
        assert ("held", Side.MARKETO, "newer") == (
            waiting.change().verdict,
            waiting.change().winner,
            waiting.change().why,
        )
