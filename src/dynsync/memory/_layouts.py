"""
What a change of layout does to what a store keeps. Pure; for the makers of stores.

Rows are lists in the order of a layout. When fields come and go the rows must follow, and
the values of fields that went must vanish from everything that is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import attrs

from dynsync.errors import StateError
from dynsync.records import MISSING, Row
from dynsync.state import Linked, Observation, Pending, Sent

__all__ = ["Move"]


@attrs.frozen
class Move:
    """
    From one layout to another.

    *sources* say for each field of the new layout where the old one had it; *purged* are
    the fields that went.
    """

    sources: tuple[int | None, ...]
    purged: frozenset[str]

    @classmethod
    def of(
        cls,
        old: Sequence[str],
        new: Sequence[str],
        last: tuple[Sequence[str], Sequence[str]] | None,
    ) -> Move | None:
        """
        Return the way from *old* to *new*, or None where nothing is to be moved.

        *last* is the latest move that was made, as (old, new). Who asks for a move from the
        same *old* again did not live to write down that it was made: the rows are already
        in that move's new layout, and go on from there.
        """
        actual = tuple(old)
        if last is not None and actual == tuple(last[0]):
            actual = tuple(last[1])
        if actual == tuple(new):
            return None
        places = {name: place for place, name in enumerate(actual)}
        return cls(
            sources=tuple(places.get(name) for name in new),
            purged=frozenset((*old, *actual)).difference(new),
        )

    def row(self, row: Row) -> Row:
        """Return *row* in the new layout; what is not known of at all stays so."""
        if not row:
            return []
        return [
            MISSING if place is None or place >= len(row) else row[place] for place in self.sources
        ]

    def link(self, link: Linked) -> Linked:
        """Return *link* in the new layout, without the values that went."""
        return attrs.evolve(link, rows=link.rows.map(self.row), sent=self._sent(link.sent))

    def entry(self, entry: Pending) -> Pending:
        """Return *entry* in the new layout, without the values that went."""
        return attrs.evolve(
            entry,
            seen=entry.seen.map(self._observation),
            holds=tuple(hold for hold in entry.holds if hold.field not in self.purged),
        )

    def detail(self, detail: str) -> str:
        """Return a journal entry's *detail* without lost values of the fields that went."""
        if '"lost"' not in detail:
            return detail
        members = _members(detail)
        lost = members.get("lost")
        if not isinstance(lost, dict):
            return detail
        lost = cast("dict[str, object]", lost)
        if self.purged.isdisjoint(lost):
            return detail
        kept = {name: value for name, value in lost.items() if name not in self.purged}
        return json.dumps(members | {"lost": kept}, ensure_ascii=False, separators=(",", ":"))

    def _sent(self, sent: tuple[Sent, ...]) -> tuple[Sent, ...]:
        return tuple(item for item in sent if item.field not in self.purged)

    def _observation(self, seen: Observation | None) -> Observation | None:
        if seen is None:
            return None
        claims = {name: claim for name, claim in seen.claims.items() if name not in self.purged}
        return attrs.evolve(seen, row=self.row(seen.row), claims=claims)


def _members(detail: str) -> dict[str, object]:
    try:
        members: object = json.loads(detail)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        # The parser's error would carry the text, and the text may hold values.
        raise StateError("A journal entry's detail is no JSON object; prune the journal.")
    return cast("dict[str, object]", members)
