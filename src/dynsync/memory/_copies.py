"""
Copies of what goes into the store and comes out, as deep as it can be changed.

A store that gave its own lists away would be edited from outside, without a transaction.
"""

from __future__ import annotations

import attrs

from dynsync.state import Linked, Observation, Pending

__all__ = ["own_entry", "own_link"]


def own_link(link: Linked) -> Linked:
    """Return *link* with rows of its own."""
    return attrs.evolve(link, rows=link.rows.map(list))


def own_entry(entry: Pending) -> Pending:
    """Return *entry* with observations of its own."""
    return attrs.evolve(entry, seen=entry.seen.map(_own_observation))


def _own_observation(seen: Observation | None) -> Observation | None:
    return seen and attrs.evolve(seen, row=list(seen.row), claims=dict(seen.claims))
