"""
The rows of one record beside its base, and the fields in which they differ. Pure.

Whole rows come first and fields only where the rows differ: most fields of most records are
as they were.
"""

from __future__ import annotations

import attrs

from dynsync.backlog import Claims, Linked, Pending
from dynsync.deciding import Case
from dynsync.records import MISSING, Missing, Pair, Row, Wire, differing, laid_over
from dynsync.terms import Terms

__all__ = ["Rows", "rows_of"]


@attrs.define
class Rows:
    """
    What was *seen* of a record, its *base*, and what it holds *actually*, as far as is known.

    They are looked at and never changed: where nothing was seen, one row stands for two.
    """

    base: Pair[Row]
    seen: Pair[Row]
    actual: Pair[Row]
    claims: Claims
    linked: bool

    def moved(self, terms: Terms) -> list[int]:
        """Return the places of the fields about which there may be anything to decide."""
        found = {terms.index(name) for name in self.claims if name in terms.layout}
        for seen, base, actual in zip(self.seen, self.base, self.actual, strict=True):
            if actual is not base:
                found.update([at for at in differing(seen, base) if seen[at] is not MISSING])
        found.update([at for at in terms.one_way if not self._at_rest(at)])
        for at in range(terms.plain, len(terms.layout)):
            if self.actual.marketo[at] != self.seen.dynamics[at]:
                found.add(at)
        return sorted(found)

    def _at_rest(self, at: int) -> bool:
        """
        Return whether nothing is to be decided about a one-way field.

        What flows one way is looked at however little has moved, because its source overrides.
        Where nothing was, and nothing is, there is nothing that could.
        """
        if self.seen.marketo[at] is MISSING and self.seen.dynamics[at] is MISSING:
            return True
        (here, there), (one, two) = self.actual, self.base
        return here[at] is there[at] is one[at] is two[at] is None

    def case(
        self, terms: Terms, entry: Pending, at: int, now: float, ages: Pair[float | None]
    ) -> Case:
        """Return the case of one field; an overwritten edit stands in for what Marketo reports."""
        name = terms.layout[at]
        base: Pair[Wire | Missing] = Pair(self.base.marketo[at], self.base.dynamics[at])
        seen: Pair[Wire | Missing] = Pair(self.seen.marketo[at], self.seen.dynamics[at])
        actual: Pair[Wire | Missing] = Pair(self.actual.marketo[at], self.actual.dynamics[at])
        claimed = name in self.claims
        if claimed:
            value, against = self.claims[name]
            base = Pair(against.marketo, against.dynamics)
            seen = Pair(value, actual.dynamics)
        return Case(
            terms,
            at,
            entry,
            now,
            base,
            seen,
            actual,
            self.linked,
            claimed=claimed,
            ages=ages,
        )


def rows_of(terms: Terms, entry: Pending, link: Linked | None, stamps: list[Wire]) -> Rows:
    """Return the rows of *entry*, where Marketo should hold *stamps*."""
    blank = terms.blank()
    here, there = entry.seen.marketo, entry.seen.dynamics
    one = blank if here is None or here.gone else here.row
    two = blank if there is None or there.gone else there.row
    base_one, base_two = (blank, blank) if link is None else link.rows
    # No column of Dynamics stands behind a stamp: what Marketo should hold is put in Dynamics'
    # place, in base and observation alike, so that only Marketo can differ from it.
    plain = terms.plain
    base_two = [*base_two[:plain], *stamps]
    seen_two = [*two[:plain], *stamps]
    return Rows(
        Pair(base_one, base_two),
        Pair(one, seen_two),
        Pair(
            base_one if one is blank else laid_over(one, base_one),
            base_two if two is blank else laid_over(seen_two, base_two),
        ),
        {} if here is None else here.claims,
        link is not None,
    )
