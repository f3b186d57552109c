"""
How far the base moves when a plan's writes are answered. Pure.

The base moves to what each side acknowledged, never to what was hoped (invariant 14), and a
field's base moves on both sides at once or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
from attrs import Factory

from dynsync.backlog import Observation, version_of
from dynsync.decisions import FieldPlan
from dynsync.fields import Field
from dynsync.kinds import Unfit
from dynsync.planning import Action, RecordPlan
from dynsync.records import MISSING, Missing, Pair, Row, Side, Version, Wire
from dynsync.terms import Terms
from dynsync.writes import Created, Updated, WriteResult

__all__ = ["MADE", "Advance", "advance", "applied", "version_after"]

MADE: Final[Mapping[Action, Side]] = {
    Action.CREATE_PERSON: Side.MARKETO,
    Action.CREATE_IN_DYNAMICS: Side.DYNAMICS,
}
"""Where a plan that makes a record makes it."""

_APPLIED: Final = (Created, Updated)


def applied(result: WriteResult | None) -> Created | Updated | None:
    """Return *result* if it says that the write was applied."""
    return result if isinstance(result, _APPLIED) else None


def version_after(
    result: WriteResult | None, seen: Observation | None, before: Version | None
) -> Version | None:
    """Return the row version after *result*: the last one told, *seen*, or known *before*."""
    return result.version if isinstance(result, _APPLIED) else version_of(seen, before)


@attrs.define
class Advance:
    """
    The rows after the answers: the *base* of both sides, and what was *seen* on both.

    *settled* are the fields whose base moved, or whose overwritten edit is back; *rewritten*
    says that a system holds something else than it was told, which is news for the next run.
    """

    base: Pair[Row]
    seen: Pair[Row | None]
    settled: set[str] = Factory(set[str])
    rewritten: bool = False


@attrs.define
class _Answer:
    """
    What one side answered: whether it was *done*, and what is held now.

    Most systems say nothing of what they hold after a write: then *ack* is None. *base* is the
    side's base as it moves, *actual* what it held when the plan was made.
    """

    side: Side
    done: bool
    ack: Row | None
    base: Row
    actual: Row


@attrs.define
class _Answers:
    """A plan with what was answered."""

    terms: Terms
    plan: RecordPlan
    marketo: _Answer
    dynamics: _Answer


def _answer(
    terms: Terms, side: Side, result: WriteResult | None, base: Row, actual: Row
) -> _Answer:
    answer = applied(result)
    said = None if answer is None else answer.values
    ack = _acknowledged(terms, side, said) if said else None
    return _Answer(side, answer is not None, ack, base, actual)


def _acknowledged(terms: Terms, side: Side, values: Mapping[str, Wire]) -> Row:
    """Return what *side* says that it holds after the write, `MISSING` where it says nothing."""
    return [values.get(f.names[side], MISSING) if f.names[side] else MISSING for f in terms.fields]


def _begin(terms: Terms, plan: RecordPlan) -> Advance:
    if plan.link is None or plan.action in MADE:
        base = Pair(terms.blank(), terms.blank())
    else:
        base = Pair(plan.link.rows.marketo.copy(), plan.link.rows.dynamics.copy())
    here, there = plan.entry.seen.marketo, plan.entry.seen.dynamics
    one = None if here is None else here.row.copy()
    two = None if there is None else there.row.copy()
    return Advance(base, Pair(one, two))


def advance(terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None]) -> Advance:
    """Return the rows that *results* leave us with."""
    rows = _begin(terms, plan)
    base, actual = rows.base, plan.actual
    here = _answer(terms, Side.MARKETO, results.marketo, base.marketo, actual.marketo)
    there = _answer(terms, Side.DYNAMICS, results.dynamics, base.dynamics, actual.dynamics)
    answers = _Answers(terms, plan, here, there)
    made = MADE.get(plan.action)
    if made is not None and applied(results[made]) is not None:
        _settle_created(answers, made, rows)
    else:
        rows.settled = {f.name for f in plan.fields if _settle_field(answers, f, rows)}
    for answer in (here, there):
        if answer.ack is not None and _news(terms, answer.side, answer.ack, rows):
            rows.rewritten = True
    return rows


# -- one field


def _adopted(field: Field, wire: Wire | Missing) -> Pair[Wire | Missing]:
    """Return Dynamics' value as the base of both sides (A28)."""
    nothing: Pair[Wire | Missing] = Pair(MISSING, MISSING)
    if wire is MISSING:
        return nothing
    try:
        return Pair(field.kind.encode(field.kind.decode(wire, Side.DYNAMICS), Side.MARKETO), wire)
    except Unfit:
        return nothing


def _adopt(answers: _Answers, field: FieldPlan, rows: Advance) -> None:
    """Make Dynamics' value the base; if what the policy put did not arrive, it is asked again."""
    terms, here, there = answers.terms, answers.marketo, answers.dynamics
    if field.told and not here.done:
        return
    at, row = terms.index(field.name), rows.seen.marketo
    if field.told and row is not None:
        row[at] = field.to_marketo
    here.base[at], there.base[at] = _adopted(terms.fields[at], there.actual[at])


def _reopen(answers: _Answers, field: FieldPlan, rows: Advance) -> None:
    """
    Put the base back to where it was before a write of ours overwrote an edit.

    That edit is in Marketo again, and Dynamics' value is the change that it was: they wait
    for the next decision as if nothing had been written.
    """
    at = answers.terms.index(field.name)
    _, against = answers.plan.entry.claims[field.name]
    rows.base.marketo[at], rows.base.dynamics[at] = against.marketo, against.dynamics
    row = rows.seen.dynamics or answers.terms.blank()
    row[at] = answers.plan.actual.dynamics[at]
    rows.seen = rows.seen.replace(Side.DYNAMICS, row)


def _yield(answers: _Answers, field: FieldPlan, rows: Advance) -> None:
    """
    Move Marketo's base alone, of a field that yielded and that Marketo could not be told.

    What its column holds now is a change of Dynamics', which waits until Marketo takes it.
    """
    at = answers.terms.index(field.name)
    answers.marketo.base[at] = answers.marketo.actual[at]
    row = rows.seen.dynamics or answers.terms.blank()
    row[at] = field.to_dynamics
    rows.seen = rows.seen.replace(Side.DYNAMICS, row)


def _answered(
    field: Field, side: Side, sent: Wire | Missing, ack: Wire, before: Wire | Missing
) -> Wire | Missing:
    """
    Return the base of what was *sent* and came back as *ack*.

    What came back the same in meaning is the base as the side says it. Where a rule of the
    system rewrote it, that is a change of theirs and is told to the other side once; where it
    put back what it held *before*, the two agree to differ, or both would write for ever.
    """
    both = Pair(side, side)
    return ack if field.same(ack, sent, both) or field.same(ack, before, both) else sent


def _note(answer: _Answer, field: FieldPlan, at: int, row: Row | None) -> bool:
    """Note what *answer*'s side was told as observed in its *row*; return whether it was done."""
    sent = field.wire(answer.side)
    if sent is MISSING:
        return True
    if answer.done and row is not None:
        row[at] = sent
    return answer.done


def _advance(answer: _Answer, field: FieldPlan, kind: Field, at: int) -> None:
    """Move the base of one field of one side."""
    wire, ack = answer.actual[at], answer.ack
    sent = field.wire(answer.side)
    if sent is not MISSING:
        wire = sent
        if ack is not None and (said := ack[at]) is not MISSING:
            wire = _answered(kind, answer.side, wire, said, answer.base[at])
    answer.base[at] = wire


def _settle_field(answers: _Answers, field: FieldPlan, rows: Advance) -> bool:
    """Move the base of one field if all it takes was done; return whether it is settled."""
    terms, here, there = answers.terms, answers.marketo, answers.dynamics
    at = terms.index(field.name)
    if field.adopt:
        _adopt(answers, field, rows)
        return False
    done_here = _note(here, field, at, rows.seen.marketo)
    done_there = _note(there, field, at, rows.seen.dynamics)
    done = done_here and done_there
    if field.restore:
        if here.done:
            _reopen(answers, field, rows)
        return here.done
    if field.half_told:
        if done_there:
            _yield(answers, field, rows)
        return False
    if len(field.told) > 1 and done_here is not done_there:
        # What the policy put was made of both values. It is one side's now, and the other side
        # has still to be told: the same, and not what the policy would make of it again.
        late = there if done_here else here
        late.base[at] = late.actual[at]
        return False
    if not (field.advance or (done and field.told)):
        half = here.base[at] is MISSING and there.base[at] is not MISSING
        if answers.plan.link is None or half:
            # They meet, and not on this field yet: half a base keeps that in mind.
            there.base[at] = there.actual[at]
        return False
    _advance(here, field, terms.fields[at], at)
    _advance(there, field, terms.fields[at], at)
    return True


# -- a record that was just made


def _settle_created(answers: _Answers, side: Side, rows: Advance) -> None:
    """Make the base of a record that was just made on *side*."""
    made, source = rows.base[side], rows.base[side.other]
    seen, held = rows.seen[side], answers.plan.actual[side.other]
    planned = {field.name: field for field in answers.plan.fields}
    told = answers.plan.plain
    for at, name in enumerate(answers.terms.layout):
        field = planned.get(name)
        if name in told:
            made[at], source[at] = told[name], held[at]
            if seen is not None:
                seen[at] = told[name]
        elif field is None or field.advance:
            # It does not flow there, or is empty: the new record holds nothing in it, or what
            # its system puts there, and that will come as news.
            made[at], source[at] = None, held[at]
        elif side not in field.told:
            made[at], source[at] = None, None
            continue
        else:
            sent = field.wire(side)
            if seen is not None:
                seen[at] = sent
            if len(field.told) > 1:
                # Where it came from has still to be told of it too.
                continue
            made[at], source[at] = sent, held[at]
            if field.half_told:
                # And it cannot be: until it can, that is a change of the new record's.
                made[at] = None
                continue
        rows.settled.add(name)


# -- what came back


def _news(terms: Terms, side: Side, ack: Row, rows: Advance) -> bool:
    """Note what *side* says beyond its base as an observation; return whether there is any."""
    fresh = terms.blank()
    row, both = rows.seen[side], Pair(side, side)
    news = False
    for at, wire in enumerate(ack):
        base, field = rows.base[side][at], terms.fields[at]
        if wire is MISSING:
            continue
        if base is MISSING and wire is None:
            rows.base[side][at] = None
        elif field.same(wire, base, both):
            rows.base[side][at] = wire
        else:
            fresh[at] = wire
            news = news or row is None or not field.same(wire, row[at], both)
    _observe(rows, side, fresh, news=news)
    return news


def _observe(rows: Advance, side: Side, fresh: Row, *, news: bool) -> None:
    row = rows.seen[side]
    if row is None:
        rows.seen = rows.seen.replace(side, fresh) if news else rows.seen
        return
    for at, wire in enumerate(fresh):
        if wire is not MISSING:
            row[at] = wire
