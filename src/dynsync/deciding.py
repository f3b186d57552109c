"""
What happens to one field of one record: merged, flowing, withheld, refused or held. Pure.

Filter, merge, withhold, validate, in that order. What cannot be told to a side is not told, and
the base stays where it is: the field waits, and the rest of the record goes on.
"""

from __future__ import annotations

import hashlib
from typing import Final

import attrs

from dynsync.backlog import Pending
from dynsync.decisions import RECOVERED, FieldPlan, Refusal, Ruling
from dynsync.errors import ContractError
from dynsync.fields import Field, Flow
from dynsync.kinds import Kind, Unfit
from dynsync.merge import FieldMerge, Verdict, merge_field
from dynsync.outcomes import Lost
from dynsync.policies import AuthorityPolicy, manual
from dynsync.records import MISSING, SIDES, Missing, Pair, Side, Value, Wire, is_empty
from dynsync.terms import Terms
from dynsync.validation import check, truncate
from dynsync.writes import Reason

__all__ = [
    "Case",
    "decide",
    "decide_new",
    "digest",
    "give_back",
    "give_way",
    "is_of_kind",
    "refusal_digest",
]


def digest(*said: object) -> str:
    """Return a short digest, so that a refused value need not be kept to be recognised."""
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def refusal_digest(wire: Wire | Missing, held: Wire | Missing) -> str:
    """
    Return the digest that tells one refusal of *wire* from the next.

    What the refusing side *held* counts: a hold ends when the other side changes. Nothing
    known there and nothing there are the same, so that a refusal outlives the making
    of the record.
    """
    return digest(wire, None if held is MISSING else held)


_AGELESS: Final[Pair[float | None]] = Pair(None, None)


@attrs.define
class Case:
    """
    One field of one record, with everything that the decision needs.

    *ages* say how long ago each side's record was changed. *doubtful* becomes true when a
    value was met that cannot be of the field's kind.
    """

    terms: Terms
    at: int
    entry: Pending
    now: float
    base: Pair[Wire | Missing]
    seen: Pair[Wire | Missing]
    actual: Pair[Wire | Missing]
    linked: bool
    creates: Side | None = None
    claimed: bool = False
    ages: Pair[float | None] = _AGELESS
    doubtful: bool = False

    @property
    def field(self) -> Field:
        """Return the field."""
        return self.terms.fields[self.at]

    def unfit(self, winner: Side | None) -> tuple[Side, Unfit] | None:
        """Return *winner* and why what it reports cannot be of the field's kind, if it cannot."""
        if not self.doubtful or winner is None or (wire := self.seen[winner]) is MISSING:
            return None
        try:
            self.field.kind.decode(wire, winner)
        except Unfit as error:
            return winner, error
        return None

    def decode(self, wires: Pair[Wire | Missing]) -> Pair[Value | Missing]:
        """Return what *wires* mean; what cannot be of the kind stands for itself, as text."""
        kind = self.field.kind
        one, two = wires.marketo, wires.dynamics
        try:
            return Pair(
                one if one is MISSING else kind.decode(one, Side.MARKETO),
                two if two is MISSING else kind.decode(two, Side.DYNAMICS),
            )
        except Unfit:
            self.doubtful = True
        return Pair(_meaning(kind, one, Side.MARKETO), _meaning(kind, two, Side.DYNAMICS))


def _meaning(kind: Kind, wire: Wire | Missing, side: Side) -> Value | Missing:
    if wire is MISSING:
        return wire
    try:
        return kind.decode(wire, side)
    except Unfit:
        return str(wire)


def _unfit(case: Case, side: Side, error: Unfit) -> FieldPlan:
    """Plan a field whose value, as *side* says it, cannot be of its kind."""
    plan = FieldPlan(case.field.name, None, "held")
    _refuse(case, plan, side.other, case.actual[side], (_reason(case, side, error),))
    return plan


def _reason(case: Case, side: Side, error: Unfit) -> Reason:
    """Return what is wrong with a value as *side* says it."""
    native = case.field.names[side]
    return Reason(error.code, f"{side.label}'s {native!r}: {error}", native)


def _refuse(
    case: Case, plan: FieldPlan, side: Side, wire: Wire | Missing, reasons: tuple[Reason, ...]
) -> None:
    """Note that *wire* is not sent to *side*, as new or as known already."""
    refusal = Refusal(reasons, refusal_digest(wire, case.actual[side]))
    for hold in case.entry.holds:
        known = (hold.side, hold.field, hold.codes, hold.digest)
        if known == (side, plan.name, refusal.codes, refusal.digest) and hold.retry_at > case.now:
            plan.held = (*plan.held, side)
            return
    plan.refused = {**plan.refused, side: refusal}


def _standing_hold(case: Case, side: Side, wire: Wire) -> bool:
    """Return whether the system refused just this before and it is too early to try again."""
    name = case.field.name
    schema = case.terms.schema_digest(side, name)
    value = refusal_digest(wire, case.actual[side])
    return any(
        hold.side is side
        and hold.field == name
        and hold.digest == value
        and hold.schema == schema
        and hold.retry_at > case.now
        for hold in case.entry.holds
    )


def _encode(case: Case, side: Side, value: Value) -> Wire:
    """Return *value* in *side*'s words, of text as much as goes there. Raises `Unfit`."""
    wire = case.field.kind.encode(value, side)
    # The beginning of a text is less of it; that of a number, an id or options is another value.
    if case.field.too_long == "truncate" and isinstance(value, str):
        return truncate(wire, case.terms.columns[side][case.at])
    return wire


def _holds(case: Case, side: Side, value: Value) -> bool:
    """Return whether *side* holds all of *value* that it would be sent."""
    held = case.actual[side]
    return held is not MISSING and _is_all(case, side, value, held)


def _is_all(case: Case, side: Side, value: Value, held: Wire) -> bool:
    """Return whether *held* is all of *value* that *side* would be sent."""
    try:
        return case.field.same(_encode(case, side, value), held, Pair(side, side))
    except Unfit:
        return False


def _tell(case: Case, plan: FieldPlan, side: Side, value: Value) -> None:
    """Add *value* to what *side* is told, or say why it is not."""
    field, column = case.field, case.terms.columns[side][case.at]
    if not case.terms.may_tell(side, field.name, creating=case.creates is side):
        plan.withheld = (*plan.withheld, side)
        if column.required:
            message = f"{column.name!r} is required, and the sync user may not write it"
            _refuse(case, plan, side, MISSING, (Reason("REQUIRED", message, column.name),))
        return
    try:
        wire = _encode(case, side, value)
    except Unfit as error:
        _refuse(case, plan, side, repr(type(value)), (_reason(case, side, error),))
        return
    reasons = check(wire, column)
    if reasons:
        _refuse(case, plan, side, wire, reasons)
        return
    if case.entry.holds and _standing_hold(case, side, wire):
        plan.held = (*plan.held, side)
        return
    plan.tell(side, wire)


def give_way(case: Case, plan: FieldPlan, other: str, told: Wire) -> None:
    """
    Let *plan* yield to the field *other*, of which Dynamics is *told*: one column has both (A16).

    Marketo is told what the column will hold, as far as it may be told and can hold it.
    """
    plan.lost, plan.to_dynamics, plan.to_marketo = plan.to_dynamics, told, MISSING
    why = f"{other!r} goes into the same column and has precedence (A16)"
    plan.decision = Ruling(Verdict.COLLISION, None, why)
    try:
        value = case.field.kind.decode(told, Side.DYNAMICS)
    except Unfit as error:
        _refuse(case, plan, Side.MARKETO, told, (_reason(case, Side.DYNAMICS, error),))
        return
    _tell(case, plan, Side.MARKETO, value)


def _plan_flow(case: Case) -> FieldPlan | None:
    """Plan a one-way field: what its source reports overrides, collision or not."""
    field = case.field
    source = Side.DYNAMICS if field.flow is Flow.TO_MARKETO else Side.MARKETO
    plan = FieldPlan(field.name, None, field.flow.value)
    wire = case.seen[source]
    moved = any(
        now is not MISSING and now != before
        for now, before in zip(case.seen, case.base, strict=True)
    )
    if wire is MISSING:
        # Only the target moved, and nothing flows back: it is as it is until the next change.
        plan.advance = moved
        return plan if moved else None
    try:
        value = field.kind.decode(wire, source)
    except Unfit as error:
        return _unfit(case, source, error)
    held = case.actual[source.other]
    if field.same(wire, held, Pair(source, source.other)) or _holds(case, source.other, value):
        plan.advance = moved
        return plan if moved else None
    unheard_of = case.base[source] is MISSING and held is not MISSING
    if value is None and unheard_of and case.at < case.terms.plain:
        # Nobody emptied anything, and what was never filled erases nothing.
        plan.advance = True
        return plan
    if source is Side.MARKETO and not case.linked:
        plan.adopt = True
        return plan
    _tell(case, plan, source.other, value)
    if case.base[source.other] is MISSING and not is_empty(held):
        # What stood in a field that is synced for the first time is nowhere else.
        plan.lost = held
    return plan


def _policy(case: Case) -> AuthorityPolicy:
    if case.base.marketo is not MISSING and case.base.dynamics is not MISSING:
        return case.terms.policy
    # Half a base is left by a first meeting that decided nothing: the same policy is to decide.
    met_before = case.linked and case.base.dynamics is MISSING
    return case.terms.backfill if met_before else case.terms.first


def _lost(case: Case, decision: FieldMerge) -> Lost:
    """Return the wire value that gives way, or both where the policy put one of its own."""
    if decision.verdict is Verdict.ONE_SIDE or decision.verdict is Verdict.AGREED:
        return MISSING
    if decision.winner is None and decision.verdict is not Verdict.UNRESOLVED:
        seen, equal = case.decode(case.seen), case.field.equal

        def gave_way(side: Side) -> Wire | Missing:
            value = seen[side]
            kept = value is MISSING or equal(value, decision.value)
            return MISSING if kept else case.seen[side]

        return Pair[Wire | Missing](gave_way(Side.MARKETO), gave_way(Side.DYNAMICS))
    # Both sides reported a value, or there would be nothing to decide between.
    return MISSING if decision.winner is None else case.seen[decision.winner.other]


def _plan_field(case: Case) -> FieldPlan | None:
    """Decide on a two-way field and prepare what each side is told."""
    field = case.field
    base, seen = case.decode(case.base), case.decode(case.seen)
    cut = field.too_long == "truncate" and _is_cut(case, seen)
    decision = merge_field(
        field.name,
        base,
        seen,
        policy=manual if cut else _policy(case),
        same=field.equal,
        entity=case.terms.entity,
        ages=case.ages,
    )
    if decision is None:
        return None
    if cut and decision.verdict is Verdict.UNRESOLVED:
        return FieldPlan(field.name, _CUT, advance=True)
    return _carry_out(case, decision, base, seen)


def _carry_out(
    case: Case, decision: FieldMerge, base: Pair[Value | Missing], seen: Pair[Value | Missing]
) -> FieldPlan:
    """Prepare what each side is told of a *decision* on a two-way field."""
    field = case.field
    _check_put(case, decision)
    if (error := case.unfit(decision.winner)) is not None:
        return _unfit(case, *error)
    if case.claimed:
        decision = attrs.evolve(decision, why=f"{RECOVERED}; {decision.why}")
    plan = FieldPlan(field.name, Ruling.of(decision), lost=_lost(case, decision))
    if decision.verdict is Verdict.UNRESOLVED:
        return _wait(case, plan)
    if decision.verdict is Verdict.FIRST and decision.winner is not Side.DYNAMICS:
        # Nothing goes to Dynamics when two records first meet (A29). Its value becomes the
        # base (A28), against which Marketo's is a change that the next run sends.
        if decision.winner is None:
            return _put_first(case, plan, decision.value)
        plan.adopt = True
        return plan
    actual = case.decode(case.actual) if case.claimed else _held(base, seen)
    for side, held in zip(SIDES, actual, strict=True):
        if held is MISSING or not field.equal(held, decision.value):
            _tell(case, plan, side, decision.value)
    if plan.waits:
        return _wait(case, plan)
    plan.advance = not plan.told
    return plan


_CUT: Final = Ruling(Verdict.AGREED, None, "both hold it, one of them as much as goes there")


def _is_cut(case: Case, seen: Pair[Value | Missing]) -> bool:
    """
    Return whether a side says all that goes there of what the other one says (A35).

    Then they do not differ, and the rest of the text gives way to nothing. An edit that we
    overwrote is not there any more, whatever it began with.
    """
    if case.claimed:
        return False
    sides = ((side, case.seen[side], seen[side.other]) for side in SIDES)
    return any(
        held is not MISSING and whole is not MISSING and _is_all(case, side, whole, held)
        for side, held, whole in sides
    )


def is_of_kind(kind: Kind, value: Value) -> bool:
    """Return whether *value* is of the type that *kind* is about, whether or not it fits."""
    for side in SIDES:
        try:
            kind.encode(value, side)
        except Unfit as error:
            if error.code == "VALUE_TYPE":
                return False
    return True


def _check_put(case: Case, decision: FieldMerge) -> None:
    """
    Raise `ContractError` if the policy put a value of another kind than the field's.

    Neither system refuses anything there, and the person is not to be told that one did. Where
    a value was met that cannot be of the kind, the policy may have put that.
    """
    put = decision.winner is None and decision.verdict in _DECIDED
    if not put or case.doubtful or is_of_kind(case.field.kind, decision.value):
        return
    raise ContractError(
        f"The policy answered a Put of a {type(decision.value).__name__} for field "
        f"{case.field.name!r} of a {case.terms.entity}, whose kind is {case.field.kind.name}. "
        f"A policy puts a value of the field's kind, or takes a side."
    )


_DECIDED: Final = frozenset({Verdict.COLLISION, Verdict.FIRST})


def _put_first(case: Case, plan: FieldPlan, value: Value) -> FieldPlan:
    """Tell Marketo what the policy put; it is the change that the next run sends (A29)."""
    seen = case.decode(case.seen).marketo
    if seen is MISSING or not case.field.equal(seen, value):
        _tell(case, plan, Side.MARKETO, value)
    plan.adopt = not (plan.withheld or plan.refused or plan.held)
    return plan


def _held(base: Pair[Value | Missing], seen: Pair[Value | Missing]) -> Pair[Value | Missing]:
    """Return what each side holds now as far as is known: what it did not report is as it was."""
    one, two = seen.marketo, seen.dynamics
    return Pair(base.marketo if one is MISSING else one, base.dynamics if two is MISSING else two)


def _wait(case: Case, plan: FieldPlan) -> FieldPlan:
    """Let the field wait; an edit that we overwrote goes back where it was (invariant 31)."""
    plan.tell_nobody()
    claimed, side = case.seen.marketo, Side.MARKETO
    if not case.claimed or claimed is MISSING or claimed == case.actual.marketo:
        return plan
    if not case.terms.may_tell(side, plan.name, creating=False):
        plan.withheld = (*plan.withheld, side)
    elif case.entry.holds and _standing_hold(case, side, claimed):
        plan.held = (*plan.held, side)
    else:
        plan.to_marketo = claimed
        plan.restore = True
    return plan


def decide(case: Case) -> FieldPlan | None:
    """Return what happens to a field of two linked or paired records; None if nothing does."""
    return _plan_field(case) if case.field.flow is Flow.BOTH else _plan_flow(case)


def give_back(case: Case) -> FieldPlan:
    """Return a field of a person who is Marketo's alone now, with an edit that we overwrote."""
    return _wait(case, FieldPlan(case.field.name, None, "restored"))


def decide_new(case: Case, wire: Wire) -> FieldPlan:
    """Return what happens to a field of a record that is made from the other side's *wire*."""
    field, side = case.field, case.creates or Side.MARKETO
    plan = FieldPlan(field.name, None, "first")
    try:
        value = field.kind.decode(wire, side.other)
    except Unfit as error:
        return _unfit(case, side.other, error)
    if field.kind.key(value) is None and not case.terms.columns[side][case.at].required:
        plan.advance = True
    else:
        _tell(case, plan, side, value)
    return plan
