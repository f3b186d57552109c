"""
Settle an update that was done whole, as nearly all of them are. Pure.

Says what `dynsync.advancing` and `dynsync.settling` say, without asking what went wrong: where
anything did, or is still to be judged, it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from dynsync.advancing import version_after
from dynsync.backlog import Linked, LinkState
from dynsync.decisions import FieldPlan
from dynsync.outcomes import FieldChange
from dynsync.planning import Action, RecordPlan
from dynsync.records import MISSING, Pair
from dynsync.terms import Terms
from dynsync.writes import Updated, WriteResult

__all__ = ["agreed"]


def agreed(
    terms: Terms, plan: RecordPlan, results: Pair[WriteResult | None]
) -> tuple[Linked, tuple[FieldChange, ...]] | None:
    """Return the link after *plan*, and what changed; None where more is to be judged."""
    link = plan.link
    if link is None or plan.action is not Action.MERGE or plan.entry.holds:
        return None
    if not (_silent(results.marketo) and _silent(results.dynamics)):
        return None
    marketo, dynamics = link.rows.marketo.copy(), link.rows.dynamics.copy()
    held_here, held_there = plan.actual.marketo, plan.actual.dynamics
    for field in plan.fields:
        here, there = field.to_marketo, field.to_dynamics
        told = here is not MISSING or there is not MISSING
        if field.waits or field.restore or not (told or field.advance):
            return None
        at = terms.index(field.name)
        # Where nothing is known of what a side holds, nothing is in its base either.
        marketo[at] = held_here[at] if here is MISSING else here
        dynamics[at] = held_there[at] if there is MISSING else there
    dynamics[terms.plain :] = [None] * terms.stamps
    seen = plan.entry.seen
    versions = Pair(
        version_after(results.marketo, seen.marketo, link.versions.marketo),
        version_after(results.dynamics, seen.dynamics, link.versions.dynamics),
    )
    after = Linked(
        link.key,
        link.entity,
        link.ids,
        Pair(marketo, dynamics),
        versions,
        LinkState.LIVE,
        link.sent,
    )
    return after, _changes(plan.fields)


def _silent(result: WriteResult | None) -> bool:
    """Return whether there was no write, or one that was done and says nothing of what is held."""
    return result is None or (isinstance(result, Updated) and not result.values)


def _changes(fields: Iterable[FieldPlan]) -> tuple[FieldChange, ...]:
    return tuple([f.change() for f in fields if f.decision is not None or f.told])
