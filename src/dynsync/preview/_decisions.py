"""
What would become of one record: the engine's own plan, its settlement, and the next plan.

The first run writes nothing to Dynamics where two records meet (A29): what Marketo holds is
a change that the second run sends. So both runs are planned here, as if every write of the
first were applied. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import attrs

from dynsync.backlog import Observation, Pending, unlinked_key
from dynsync.decisions import FieldPlan
from dynsync.fields import Field
from dynsync.kinds import BooleanKind
from dynsync.merge import Verdict
from dynsync.planning import Action, RecordPlan, plan_record
from dynsync.preview._words import Bucket, FieldOutcome
from dynsync.preview.wording import without_rules
from dynsync.records import MISSING, Entity, Missing, Pair, RecordId, Row, Side, Wire
from dynsync.settling import settle
from dynsync.terms import Terms
from dynsync.writes import Reason, hoped

__all__ = ["PreviewedField", "PreviewedRecord", "decide", "entry_of", "previewed_fields"]

_LATER: Final = 1.0
"""The second run, before any pause of the first has passed."""

_BOTH_HOLD: Final = frozenset({Verdict.FIRST, Verdict.COLLISION, Verdict.UNRESOLVED})


@attrs.frozen
class PreviewedField:
    """
    What becomes of one field.

    *to* are the sides that would be told *value*, in the first *run* or the second; *now*
    is what each holds. *refused* holds the reasons for which a side would not be told.
    """

    name: str
    outcome: FieldOutcome
    to: tuple[Side, ...]
    run: int
    reason: str
    now: Pair[Wire | Missing] = attrs.field(repr=False)
    value: Wire | Missing = attrs.field(repr=False)
    winner: Side | None = None
    refused: tuple[Reason, ...] = ()


@attrs.frozen
class PreviewedRecord:
    """
    What becomes of one record: a pair, or a row that has no other half.

    *rows* are the rows, as a spreadsheet counts, that it is in the people and in the Dynamics file.
    """

    entity: Entity | None
    ids: Pair[RecordId | None]
    rows: Pair[int | None]
    bucket: Bucket
    fields: tuple[PreviewedField, ...] = ()
    why: str = ""


def decide(
    terms: Terms,
    ids: Pair[RecordId | None],
    lines: Pair[int | None],
    dynamics: Row,
    marketo: Row | None,
) -> PreviewedRecord:
    """
    Return what becomes of a Dynamics record and its person, or of one without a person.

    `MISSING` stands for a cell that could not be read. Nothing is decided on its field: the
    system holds something there, and nobody here knows what.
    """
    if MISSING not in dynamics[: terms.plain] and MISSING not in (marketo or ())[: terms.plain]:
        return _decided(terms, ids, lines, dynamics, marketo)
    unread = tuple(_unread(terms, dynamics, marketo))
    places = {terms.index(field.name) for field in unread}
    known = Pair(marketo, dynamics).map(lambda row: None if row is None else _without(row, places))
    record = _decided(terms, ids, lines, known.dynamics or terms.blank(), known.marketo)
    fields = sorted((*record.fields, *unread), key=lambda field: terms.index(field.name))
    quiet = record.bucket in {Bucket.IDENTICAL, Bucket.LINKED}
    bucket = Bucket.UNREADABLE if quiet else record.bucket
    return attrs.evolve(record, bucket=bucket, fields=tuple(fields))


def _unread(terms: Terms, dynamics: Row, marketo: Row | None) -> Iterator[PreviewedField]:
    """Yield the fields of which a cell could not be read."""
    for at, field in enumerate(terms.fields[: terms.plain]):
        now = Pair(None if marketo is None else marketo[at], dynamics[at])
        sides = [side.label for side in Side if isinstance(now[side], Missing)]
        if sides:
            why = f"cannot say: the cell of {' and of '.join(sides)} cannot be read"
            yield PreviewedField(field.name, FieldOutcome.UNREADABLE, (), 1, why, now, MISSING)


def _without(row: Row, places: Collection[int]) -> Row:
    return [MISSING if at in places else cell for at, cell in enumerate(row)]


def _decided(
    terms: Terms,
    ids: Pair[RecordId | None],
    lines: Pair[int | None],
    dynamics: Row,
    marketo: Row | None,
) -> PreviewedRecord:
    """Return what becomes of a record whose cells are known, or not reported on either side."""
    unlike = Pair[Row | None](marketo, dynamics)
    if marketo is not None:
        if _alike(terms, ids, dynamics, marketo):
            return PreviewedRecord(terms.entity, ids, lines, Bucket.IDENTICAL)
        unlike = _unlike(dynamics, marketo)
    plan = plan_record(terms, entry_of(terms, ids, unlike), None, 0.0)
    now = Pair(terms.blank() if marketo is None else marketo, dynamics)
    fields = previewed_fields(terms, plan, now)
    bucket = _bucket(plan, fields)
    why = ""
    if plan.action is Action.CREATE_PERSON:
        why = "no person holds its id; it becomes one"
    return PreviewedRecord(terms.entity, ids, lines, bucket, tuple(fields), why)


def entry_of(terms: Terms, ids: Pair[RecordId | None], rows: Pair[Row | None]) -> Pending:
    """Return the backlog entry that the first run would make of *rows*."""
    key = unlinked_key(terms.entity, ids.dynamics or RecordId(""))
    seen = rows.map(lambda row: None if row is None else Observation(row))
    return Pending(key, terms.entity, None, ids, seen, 0.0, 0.0, 0.0)


def previewed_fields(terms: Terms, plan: RecordPlan, now: Pair[Row]) -> list[PreviewedField]:
    """Return what *plan*, and the one after it, do about each field; *now* is what is held."""
    then = _second_run(terms, plan)
    every = (_previewed(terms, plan, f, then.get(f.name), now) for f in plan.fields)
    found = [field for field in every if field is not None]
    if plan.plain:
        found += _plainly_told(terms, plan, now)
        found.sort(key=lambda field: terms.index(field.name))
    return found


def _plainly_told(terms: Terms, plan: RecordPlan, now: Pair[Row]) -> Iterator[PreviewedField]:
    """Yield what a new person is told without a decision."""
    for name, value in plan.plain.items():
        at = terms.index(name)
        wires = Pair(now.marketo[at], now.dynamics[at])
        made, to, why = FieldOutcome.CREATED, (Side.MARKETO,), "part of the new person"
        yield PreviewedField(name, made, to, 1, why, wires, value)


def _alike(terms: Terms, ids: Pair[RecordId | None], dynamics: Row, marketo: Row) -> bool:
    """Return whether both say the same, and Marketo knows what the person is in Dynamics."""
    plain = terms.plain
    if dynamics[:plain] != marketo[:plain]:
        return False
    return marketo[plain:] == terms.desired_stamps(ids.dynamics, alive="live")


def _unlike(dynamics: Row, marketo: Row) -> Pair[Row | None]:
    """
    Return both rows without what they say in the same words.

    The engine would find that they agree, which is most of its work and leads to nothing. No
    option can be mistaken for another: Marketo says labels, and the index holds codes.
    """
    both = list(zip(marketo, dynamics, strict=True))
    return Pair[Row | None](
        [MISSING if one == other else one for one, other in both],
        [MISSING if one == other else other for one, other in both],
    )


def _second_run(terms: Terms, plan: RecordPlan) -> dict[str, FieldPlan]:
    """Return what the second run does about the fields that the first leaves to it."""
    waiting = [field.name for field in plan.fields if field.adopt]
    if not waiting:
        return {}
    settled = settle(terms, plan, plan.writes.map(hoped), 0.0, 1)
    if settled.entry is None or settled.link is None:
        return {}
    again = plan_record(terms, settled.entry, settled.link, _LATER)
    return {field.name: field for field in again.fields if field.name in waiting}


def _previewed(
    terms: Terms, plan: RecordPlan, first: FieldPlan, then: FieldPlan | None, now: Pair[Row]
) -> PreviewedField | None:
    """Return what the two runs do about one field, None if it is nothing."""
    run = 2 if first.adopt else 1
    last = then if first.adopt else first
    if last is None:
        return None
    reasons = tuple(reason for refusal in last.refused.values() for reason in refusal.reasons)
    to = last.told
    if not (reasons or to or last.unresolved or last.withheld):
        return None
    at = terms.index(first.name)
    wires = now.map(lambda row: row[at])
    field = terms.fields[at]
    outcome = _outcome(plan, field, first, last, wires)
    winner = first.decision.winner if first.decision is not None else None
    said = _Said(outcome, field, wires, first, last, reasons)
    value = last.wire(to[0]) if to else MISSING
    return PreviewedField(
        field.name, outcome, to, run, said.why(winner, to, run), wires, value, winner, reasons
    )


def _outcome(
    plan: RecordPlan,
    field: Field,
    first: FieldPlan,
    last: FieldPlan,
    wires: Pair[Wire | Missing],
) -> FieldOutcome:
    if last.refused or last.withheld:
        return FieldOutcome.REFUSED
    if field.name.startswith("@") and plan.action is not Action.CREATE_PERSON:
        return FieldOutcome.LINKED
    if plan.action is Action.CREATE_PERSON:
        return FieldOutcome.CREATED
    if last.unresolved:
        return FieldOutcome.UNRESOLVED
    for decision in (first.decision, last.decision):
        if decision is None or decision.verdict not in _BOTH_HOLD:
            continue
        if decision.verdict is Verdict.COLLISION or all(map(_holds, wires)):
            return FieldOutcome.COLLIDES
    return FieldOutcome.UPDATED


def _holds(wire: Wire | Missing) -> bool:
    return wire is not None and not isinstance(wire, Missing)


@attrs.frozen
class _Said:
    """What is said of one field, for people."""

    outcome: FieldOutcome
    field: Field
    wires: Pair[Wire | Missing]
    first: FieldPlan
    last: FieldPlan
    reasons: tuple[Reason, ...]

    def why(self, winner: Side | None, to: Sequence[Side], run: int) -> str:
        """Return the reason; it holds no value and no number of a rule."""
        return without_rules(self._why(winner, to, run))

    def _why(self, winner: Side | None, to: Sequence[Side], run: int) -> str:
        if self.reasons:
            return "; ".join(f"{reason.code}: {reason.message}" for reason in self.reasons)
        if self.last.withheld:
            return "the sync user may not write it there"
        match self.outcome:
            case FieldOutcome.CREATED:
                return "part of the new person"
            case FieldOutcome.LINKED:
                return "what the person is in Dynamics"
            case FieldOutcome.COLLIDES | FieldOutcome.UNRESOLVED:
                return f"both hold a value; {self._decided()}{_when(to, run)}"
            case _:
                return f"{self._one_side(winner)}{_when(to, run)}"

    def _decided(self) -> str:
        for plan in (self.last, self.first):
            decision = plan.decision
            if decision is not None and decision.verdict is Verdict.COLLISION:
                return decision.why
        return self.first.decision.why if self.first.decision is not None else ""

    def _one_side(self, winner: Side | None) -> str:
        if self.first.flow:
            source = Side.MARKETO if self.first.flow == "to_dynamics" else Side.DYNAMICS
            return f"flows to {source.other.label} only"
        if winner is None:
            return "neither holds it"
        if isinstance(self.field.kind, BooleanKind) and _holds(self.wires[winner.other]):
            return f"{winner.other.label} says no"
        return f"only {winner.label} holds a value"


def _when(to: Sequence[Side], run: int) -> str:
    """Return who is told, and when."""
    if not to:
        return ""
    runs = "first" if run == 1 else "second"
    return f"; {' and '.join(side.label for side in to)} gets it in the {runs} run"


def _bucket(plan: RecordPlan, fields: Sequence[PreviewedField]) -> Bucket:
    """Return the one bucket of a record: what needs a person's eye most."""
    outcomes = {field.outcome for field in fields}
    if FieldOutcome.REFUSED in outcomes:
        return Bucket.REFUSED
    if plan.action is Action.CREATE_PERSON:
        return Bucket.CREATED
    if outcomes & {FieldOutcome.COLLIDES, FieldOutcome.UNRESOLVED}:
        return Bucket.COLLIDING
    if FieldOutcome.UPDATED in outcomes:
        return Bucket.UPDATED
    return Bucket.LINKED if outcomes else Bucket.IDENTICAL
