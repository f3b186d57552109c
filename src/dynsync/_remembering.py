"""What the state remembers of the terms: its layout of rows, the schema, and where feeds stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import cast

import attrs

from dynsync.backlog import Linked, Pending
from dynsync.observing import clears
from dynsync.records import Entity, Side
from dynsync.state import FeedState, StateStore
from dynsync.terms import Terms

__all__ = ["Remembering", "dynamics_feed", "marketo_feed", "served"]


def marketo_feed(table: str) -> str:
    """Return the name of the feed of a Marketo table: one, however many entities it serves."""
    return f"marketo:{table}"


def dynamics_feed(entity: Entity) -> str:
    """Return the name of the feed of an entity's Dynamics table."""
    return f"dynamics:{entity}"


def served(store: StateStore, table: str) -> set[Entity]:
    """Return the entities that ever took part and whose people are in Marketo's *table*."""
    return {entity for entity, held in _tables(store).items() if held == table}


def _tables(store: StateStore) -> dict[Entity, str]:
    return cast("dict[Entity, str]", json.loads(store.get("entities") or "{}"))


def _cleared(entry: Pending, link: Linked | None) -> int:
    """Return how many fields *entry* empties of what *link* holds."""
    sides = zip(entry.seen, link.rows, strict=True) if link is not None else ()
    return sum(clears(seen.row, base) for seen, base in sides if seen is not None)


@attrs.frozen
class Remembering:
    """Compares terms with those of the run before, and has the state follow."""

    store: StateStore
    commit: Callable[[], AbstractContextManager[None]]
    now: float

    def _layout(self, entity: Entity) -> list[str] | None:
        layout = self.store.get(f"layout:{entity}")
        return None if layout is None else cast("list[str]", json.loads(layout))

    def forget(self, entity: Entity) -> None:
        """Purge every value of *entity*: none of its fields may be read now (R79)."""
        old = self._layout(entity) or []
        self._purge(entity, {name for name in old if not name.startswith("@")})

    def _purge(self, entity: Entity, names: Collection[str]) -> None:
        """Purge the fields *names* from what is kept of *entity*; regained, they are read anew."""
        old = self._layout(entity) or []
        kept = [name for name in old if name not in names]
        if kept != old:
            # Together: had only the rows moved, the old layout coming back would move nothing.
            with self.commit():
                self._relayout(entity, old, kept)
                self.store.put(f"layout:{entity}", json.dumps(kept))

    def _relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        """Re-arrange the rows of *entity*; what takes no part any more empties nothing."""
        self.store.relayout(entity, old, new)
        emptying = [one for one in self.store.each_pending() if one.entity == entity and one.clears]
        links = self.store.links([one.link for one in emptying if one.link is not None])
        counted = [
            attrs.evolve(one, clears=min(one.clears, _cleared(one, links.get(one.link or 0))))
            for one in emptying
        ]
        self.store.save_pending(counted)

    def _purge_changed(self, terms: Terms) -> str:
        """
        Purge the fields that mean something else than before: other columns, another kind.

        What is remembered under their names is of the old columns; compared with the new ones
        it would look like an edit. Returns the fingerprints to keep.
        """
        entity = terms.entity
        prints = dict(terms.prints)
        said = self.store.get(f"map:{entity}")
        before = cast("dict[str, str]", json.loads(said)) if said else {}
        self._purge(entity, {n for n, p in prints.items() if before.get(n, p) != p})
        return json.dumps(before | prints)

    def remember(self, terms: Terms) -> None:
        """Keep the layout and what is known of the schema, and act on what changed."""
        store, entity = self.store, terms.entity
        prints = self._purge_changed(terms)
        seen = sorted(
            f"{side.value}:{name}"
            for side in Side
            for name in terms.map.names()
            if name not in terms.permitted.absent[side]
        )
        layout = json.dumps(terms.layout)
        before = store.get(f"layout:{entity}")
        if before is not None and before != layout:
            old = cast("list[str]", json.loads(before))
            gained = set(terms.layout) - set(old)
            with self.commit():
                self._relayout(entity, old, terms.layout)
                if gained:
                    store.save_feed(dynamics_feed(entity), FeedState(None))
                    store.wake(entity, self.now)
                store.put(f"map:{entity}", prints)
                store.put(f"layout:{entity}", layout)
        with self.commit():
            if before is None:
                # The people who hold its ids already are in no feed that went on without it.
                store.save_feed(marketo_feed(terms.map.tables.marketo), FeedState(None))
                store.put(f"layout:{entity}", layout)
            tables = _tables(store) | {entity: terms.map.tables.marketo}
            store.put("entities", json.dumps(tables))
            store.put(f"known:{entity}", json.dumps(seen))
            store.put(f"map:{entity}", prints)
            absent = {f"{s.value}:{name}" for s in Side for name in terms.permitted.absent[s]}
            if refreshed := store.get(f"refreshed:{entity}"):
                # What came back may go away once more, and that is news again.
                still = absent.intersection(cast("list[str]", json.loads(refreshed)))
                store.put(f"refreshed:{entity}", json.dumps(sorted(still)))
            # What waits is looked at again where other values may go out now, or elsewhere.
            ways = (f"{f.flow.value} {f.too_long}" for f in terms.fields)
            freeing = "|".join([terms.described, terms.hold, *ways])
            if store.get(f"schema:{entity}") not in (None, freeing):
                store.wake(entity, self.now)
            store.put(f"schema:{entity}", freeing)
