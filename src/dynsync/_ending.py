"""End links: gone on both sides, or giving way to the link of another record (R32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs
from attrs import Factory

from dynsync._session import Session
from dynsync.backlog import LinkState
from dynsync.observing import inherit
from dynsync.planning import Action, RecordPlan
from dynsync.records import RecordId, Side
from dynsync.settling import Settlement, taken
from dynsync.terms import Terms

__all__ = ["Ending"]

_Planned: TypeAlias = tuple[Terms, RecordPlan]


@attrs.define
class Ending:
    """Knows which links *ended* in this run: no plan that was made before saves one again."""

    session: Session
    ended: set[int] = Factory(set[int])

    def is_over(self, plan: RecordPlan) -> bool:
        """Return whether *plan* works on a link that has ended since it was made."""
        return plan.link is not None and plan.link.key in self.ended

    def dropped(self, plan: RecordPlan) -> RecordPlan:
        """Return what is left of a *plan* that is over and was not sent: nothing."""
        entry = attrs.evolve(plan.entry, reason="its person is another record by now")
        return RecordPlan(entry, Action.DROP, None, plan.actual)

    def make_way(self, plans: Sequence[_Planned], settlements: list[Settlement]) -> list[int]:
        """
        Return the links that end with *settlements*, and take out what would save them.

        Where a person turns out to be linked to another record that is alive, as an upsert may
        find, the new link is not made (invariant 27).
        """
        now = self.session.now()
        ended = [one.dropped_link for one in settlements if one.dropped_link is not None]
        new = self._new(plans, settlements)
        for person, one in self.session.store.known(Side.MARKETO, new.keys()).items():
            terms, plan = plans[new[person]]
            if one.state is LinkState.GONE_DYNAMICS:
                ended.append(one.key)
                inherit(terms, one.sent, settlements[new[person]].link)
            elif one.state is LinkState.LIVE:
                settlements[new[person]] = taken(plan, now)
        self.ended.update(ended)
        for place, (_, plan) in enumerate(plans):
            if self.is_over(plan):
                # What was written was written, and is told; there is nothing to keep it with.
                over = attrs.evolve(settlements[place], link=None, entry=None, again=False)
                settlements[place] = over
        return ended

    def _new(self, plans: Sequence[_Planned], settlements: list[Settlement]) -> dict[RecordId, int]:
        """Return the place of each person's new link; of several for one, only the first."""
        new: dict[RecordId, int] = {}
        for place, (_, plan) in enumerate(plans):
            link, old = settlements[place].link, plan.link
            if link is None or (old is not None and old.ids == link.ids):
                continue
            if new.setdefault(link.ids.marketo, place) != place:
                settlements[place] = taken(plan, self.session.now())
        return new
