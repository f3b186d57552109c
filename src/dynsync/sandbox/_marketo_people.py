"""What happens to people in a sandbox Marketo, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

import attrs

from dynsync.connectors import Clock
from dynsync.records import Wire
from dynsync.sandbox._marketo_store import Store
from dynsync.sandbox._marketo_values import Body, check
from dynsync.sandbox._marketo_view import View

__all__ = ["CHANGE", "DELETE", "MERGE", "NEW", "Author", "Automation", "People"]

NEW: Final = 12
CHANGE: Final = 13
MERGE: Final = 32
DELETE: Final = 37

_ROUNDS: Final = 10

Automation: TypeAlias = Callable[[Mapping[str, Wire]], Mapping[str, Wire]]
"""Turns a person's values into the changes that a campaign makes to them."""


@attrs.frozen
class Author:
    """Who makes a change: *source* is what `block_updates` goes by."""

    name: str
    source: str


_AUTOMATION: Final = Author("automation", "automation")


class People:
    """
    The rules of the house.

    Each change becomes an activity if it changes anything, and then the automations run.
    Everything here is called inside a transaction of *store*.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.automations: list[tuple[str, Automation]] = []
        self._running = 0
        self._columns = store.columns
        self._view = View(store.columns.shown, store.columns.shown)

    def accept(self, values: Mapping[str, Wire]) -> Body:
        """Return *values* as stored; raises ValueError with the reasons, without values."""
        columns = self.store.columns
        body, reasons = check(columns.shown, columns.writable, values)
        if reasons:
            raise ValueError("; ".join(f"{reason.code} {reason.message}" for reason in reasons))
        return body

    def create(self, body: Body, author: Author) -> int:
        """Make a person and return its id."""
        now = self.clock.now().timestamp()
        person = self.store.insert(body, int(now))
        self.store.happened((person, int(now), NEW, None, None, None, author.name), now)
        if self.automations:
            self._automate(person, {name for name, value in body.items() if value is not None})
        return person

    def change(self, person: int, changes: Body, author: Author) -> bool:
        """
        Make *changes* to a person, except where *author* may write only once.

        Returns whether there is such a person.
        """
        store = self.store
        old = store.values(person, changes)
        if old is None:
            return False
        now = self.clock.now().timestamp()
        new: Body = {}
        for name, value in changes.items():
            before = old[name]
            # A blocked field stops the write, not the attempt: nobody is told (R23).
            blocked = before is not None and (name, author.source) in store.blocks
            if before != value and not blocked:
                new[name] = value
                store.happened(
                    (person, int(now), CHANGE, name, before, value, author.name),
                    now,
                )
        if new:
            store.update(person, new, int(now))
            if self.automations:
                self._automate(person, new)
        return True

    def delete(self, person: int, author: Author, heir: int | None = None) -> None:
        """Delete a person; its activity log goes to the *heir*."""
        now = self.clock.now().timestamp()
        self.store.remove(person)
        self.store.move_lines(person, heir)
        self.store.happened((person, int(now), DELETE, None, None, None, author.name), now)

    def merge(self, winner: int, losers: Sequence[int], author: Author) -> None:
        """Merge *losers* into *winner*, whose values win unless they are empty (R50, R52)."""
        # A boolean is never empty, so the winner's stands.
        columns = self.store.columns.all.values()
        names = [each.column.name for each in columns if not (each.boolean or each.computed)]
        theirs = [self.store.values(person, names) or {} for person in (winner, *losers)]
        fill: Body = {}
        for name in names:
            found = [body.get(name) for body in theirs]
            if found[0] is None:
                fill[name] = next((value for value in found if value is not None), None)
        now = self.clock.now().timestamp()
        merged = ",".join(str(loser) for loser in losers)
        self.store.happened((winner, int(now), MERGE, None, None, merged, author.name), now)
        for loser in losers:
            self.delete(loser, author, winner)
        self.change(winner, fill, author)

    def view(self) -> View:
        """Return what somebody who may see everything sees."""
        columns = self.store.columns
        if columns is not self._columns:
            self._columns = columns
            self._view = View(columns.shown, columns.shown)
        return self._view

    def _automate(self, person: int, changed: Collection[str]) -> None:
        for function in [run for field, run in self.automations if field in changed]:
            view = self.view()
            for row in view.some(self.store, [person]):
                self._run(function, person, view.values(row))

    def _run(self, function: Automation, person: int, values: Mapping[str, Wire]) -> None:
        # Campaigns that trigger one another in a circle would never end.
        if self._running == _ROUNDS:
            return
        self._running += 1
        try:
            self.change(person, self.accept(function(values)), _AUTOMATION)
        finally:
            self._running -= 1
