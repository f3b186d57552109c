"""
An edit that one side alone made: what of it needs no thought. Pure.

Nearly every field that moves is one. Says what `dynsync.deciding` says of it, without asking what
could keep the value from being told: where anything might, it says nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from dynsync.comparing import Rows
from dynsync.decisions import FieldPlan, Ruling
from dynsync.fields import Flow
from dynsync.kinds import Unfit
from dynsync.merge import CHANGED, Verdict
from dynsync.records import MISSING, SIDES, Missing, Pair, Side, Wire
from dynsync.terms import Terms
from dynsync.ways import Way, way_of

__all__ = ["Ways", "carried", "ways_of"]

Ways: TypeAlias = Pair[tuple[Way | None, ...]]
"""For either side, the way there of each field; None where more than its value may be in it."""

_CHANGED: Final = Pair(
    Ruling(Verdict.ONE_SIDE, Side.MARKETO, CHANGED.marketo),
    Ruling(Verdict.ONE_SIDE, Side.DYNAMICS, CHANGED.dynamics),
)


@lru_cache(maxsize=64)
def ways_of(terms: Terms) -> Ways:
    """Return the ways of the fields of *terms* that both sides may be told, in their order."""
    marketo, dynamics = (
        tuple(_way(terms, side, at) for at in range(len(terms.fields))) for side in SIDES
    )
    return Pair(marketo, dynamics)


def _way(terms: Terms, side: Side, at: int) -> Way | None:
    field = terms.fields[at]
    told = field.flow is Flow.BOTH and terms.may_tell(side, field.name, creating=False)
    return way_of(terms, side, at) if told and field.too_long != "truncate" else None


def carried(ways: Ways, rows: Rows, at: int) -> FieldPlan | Missing | None:
    """
    Return what becomes of an edit, None if it says what was said before.

    `MISSING` where that takes a decision: both sides moved, the value is empty, or it does not
    get through. The record has no holds, and no edits that we overwrote.
    """
    one, two = rows.base.marketo[at], rows.base.dynamics[at]
    if one is MISSING or two is MISSING:
        return MISSING
    here, there = rows.seen.marketo[at], rows.seen.dynamics[at]
    if there is MISSING or (type(there) is type(two) and there == two):
        return _carry(Side.DYNAMICS, ways.dynamics[at], here, one, two)
    if here is MISSING or (type(here) is type(one) and here == one):
        return _carry(Side.MARKETO, ways.marketo[at], there, two, one)
    return MISSING


def _carry(
    side: Side, way: Way | None, wire: Wire | Missing, before: Wire, held: Wire
) -> FieldPlan | Missing | None:
    """Carry *wire*, which replaced *before*, to the *side* that still has *held* what it did."""
    if way is None or wire is MISSING or wire is None:
        return MISSING
    try:
        was, holds = way.key(before), way.held(held)
    except Unfit:
        return MISSING
    found = way.told(wire)
    if found is None or found[1] is None:
        return MISSING
    key, said = found
    if key == was:
        return None
    plan = FieldPlan(way.name, _CHANGED[side.other])
    if key == holds:
        plan.advance = True
    else:
        plan.tell(side, said)
    return plan
