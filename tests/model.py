"""
What people did to each field of each human, and what both systems must hold in the end.

The model knows nothing of backlogs, bases or cursors. Of every field of every human it knows
which side edited it since the two last agreed, and from that what a sync owes its users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import attrs
from attrs import Factory

from dynsync import CONTACT, LEAD, EntityMap, RecordId, Side, Wire
from dynsync.sandbox import BusinessRule

__all__ = [
    "FIELDS",
    "LONGEST_NAME",
    "MAPS",
    "REACHED",
    "VALUES",
    "Cell",
    "Human",
    "check_cell",
    "normal",
    "refused",
    "rule_of_dynamics",
    "same",
]

FIELDS: Final = ("first_name", "job_title", "email", "unsubscribed", "city")
MAPS: Final[Mapping[str, EntityMap]] = {
    "lead": LEAD.only(*FIELDS),
    "contact": CONTACT.only(*FIELDS),
}
LONGEST_NAME: Final = 50

VALUES: Final[Mapping[str, tuple[Wire, ...]]] = {
    "first_name": ("Ada", "Bo", "Zoë", None, "x" * 60, "ada!", "bo!!"),
    "job_title": ("boss", "clerk", "bad", None),
    "email": ("a@example.org", "b@example.org", "B@example.org", None),
    "unsubscribed": (True, False),
    "city": ("Oslo", "Bergen", "東京", None),
}

REACHED: Counter[str] = Counter()
"""Which paths the histories went, and how often."""

Wanted: TypeAlias = "list[Wire] | None"
"""The values that both sides may hold, or None: the field waits, and nothing may move."""


def same(name: str, one: Wire, other: Wire) -> bool:
    """Return whether two values of a field mean the same to both systems."""
    if name == "email" and isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return (one or None) == (other or None)


def refused(name: str, value: Wire) -> bool:
    """Return whether Dynamics takes no such value."""
    if name == "first_name":
        return isinstance(value, str) and len(value) > LONGEST_NAME
    return name == "job_title" and value == "bad"


def normal(name: str, value: Wire) -> Wire:
    """Return what a business rule of Dynamics makes of a value: it likes quiet names."""
    if name == "first_name" and isinstance(value, str):
        return value.rstrip("!").capitalize()
    return value


def rule_of_dynamics(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    """Refuse one job title, and write first names as Dynamics likes them."""
    if after.get("jobtitle") == "bad":
        raise BusinessRule("this title is not allowed", "jobtitle")
    name = after.get("firstname")
    if isinstance(name, str) and not refused("first_name", name):
        after["firstname"] = normal("first_name", name)


@attrs.define
class Cell:
    """
    One field of one human: what was *agreed*, and what each side was edited to since.

    *risky* after a run that lies between the edits and those to come, *muddled* where that
    leaves open which of two edits the other side saw first. *blurred*: edited several times
    while the feed was silent; an edit replaced by one that equals a write of ours cannot be told
    from one that the write replaced, and the engine brings it back, to be safe. *backfill*: the
    right to read the field was given back. *history* has every value since the two agreed.
    """

    name: str
    agreed: dict[Side, Wire] = Factory(lambda: dict[Side, Wire].fromkeys(Side))
    now: dict[Side, Wire] = Factory(lambda: dict[Side, Wire].fromkeys(Side))
    edited: set[Side] = Factory(set[Side])
    risky: bool = False
    muddled: bool = False
    blurred: bool = False
    backfill: bool = False
    history: list[Wire] = Factory(list[Wire])

    def edit(self, side: Side, value: Wire, *, unheard: bool = False) -> None:
        """Note an edit on *side*; one *unheard* of does not come with the next page."""
        if unheard and side in self.edited:
            self.blurred = True
        # A run that did not end well lies between two edits: whether the first had arrived
        # when the second was made, nobody can know. Nor whether a rule of Dynamics had
        # rewritten the first, which is an edit of Dynamics' own.
        rewritten = any(not self._same(normal(self.name, one), one) for one in self.history)
        if self.risky and (side.other in self.edited or rewritten):
            self.muddled = True
        self.now[side] = value
        self.edited.add(side)
        self.history.append(value)

    def settle(self, marketo: Wire, dynamics: Wire) -> None:
        """Note that the two sides agree on what they hold."""
        self.agreed = {Side.MARKETO: marketo, Side.DYNAMICS: dynamics}
        self.now = dict(self.agreed)
        self.edited.clear()
        self.history.clear()
        self.risky = self.muddled = self.blurred = self.backfill = False

    def leave(self, there: Wire) -> None:
        """Note what Dynamics held *there* when its record was deleted: it may come back."""
        if Side.DYNAMICS in self.edited or self._same(there, self.now[Side.DYNAMICS]):
            return
        # Only Marketo edited it, and that has gone over.
        gone_over = [one for one in self.history if self._same(normal(self.name, one), there)]
        assert self.risky, f"written outside of any run: {self}"
        assert gone_over, f"made up in Dynamics: {self}"
        self.agreed = {Side.MARKETO: gone_over[-1], Side.DYNAMICS: there}
        self.now[Side.DYNAMICS] = there

    def moved(self) -> list[Side]:
        """Return the sides that differ from what was agreed: an edit taken back is none."""
        return [side for side in Side if not self._same(self.now[side], self.agreed[side])]

    def meets(self) -> bool:
        """Return whether both sides were edited to the same."""
        return self._same(*self.now.values())

    def may_be(self, value: Wire, choices: Sequence[Wire]) -> bool:
        """Return whether *value* is one of *choices*, or what Dynamics makes of one."""
        return any(
            self._same(value, one) or self._same(value, normal(self.name, one)) for one in choices
        )

    def _same(self, one: Wire, other: Wire) -> bool:
        return same(self.name, one, other)


@attrs.define
class Human:
    """One human in one or both systems."""

    entity: str
    person: RecordId | None
    guid: RecordId | None
    cells: dict[str, Cell] = Factory(lambda: {name: Cell(name) for name in FIELDS})
    waiting: bool = False
    gone: set[Side] = Factory(set[Side])
    new_since_gone: dict[str, bool] = Factory(dict[str, bool])

    def winner(self, cell: Cell) -> Side | None:
        """Return who is right about a collision; nobody is about the city."""
        if cell.name == "city":
            return None
        if cell.name == "unsubscribed":
            return Side.MARKETO if cell.now[Side.MARKETO] is True else Side.DYNAMICS
        return Side.MARKETO if self.entity == "lead" else Side.DYNAMICS


def check_cell(human: Human, cell: Cell, here: Wire, there: Wire, *, withheld: bool) -> None:
    """Check what Marketo holds *here* and Dynamics *there*, and that nothing was made up."""
    if cell.blurred:
        _check_blurred(cell, here, there)
        return
    blocked = withheld or refused(cell.name, cell.now[Side.MARKETO])
    wanted = _wanted(human, cell, blocked=blocked)
    where = f"{human.entity}.{cell.name}: {cell}, Marketo {here!r}, Dynamics {there!r}"
    meet = same(cell.name, here, there)
    if cell.muddled and (cell.name == "city" or blocked):
        wanted = list(cell.now.values()) if meet else None
    if wanted is None and (cell.risky or human.waiting) and cell.name == "email" and meet:
        # It went through before the right was taken, or with the making of the record.
        wanted = list(cell.now.values())
    if wanted is None:
        # An earlier edit of this stretch may have arrived before the one that waits.
        earlier = cell.history if cell.risky else []
        assert cell.may_be(here, (cell.now[Side.MARKETO], *earlier)), f"waits: {where}"
        assert cell.may_be(there, (cell.now[Side.DYNAMICS], *earlier)), f"waits: {where}"
        cell.now[Side.DYNAMICS] = there
        return
    if cell.muddled:
        wanted += [normal(cell.name, one) for one in cell.history]
    assert same(cell.name, normal(cell.name, here), there), f"did not converge: {where}"
    assert cell.may_be(here, wanted), f"expected {wanted}: {where}"
    if not meet:
        # A rule that puts back what Dynamics held changes nothing: the two agree to differ.
        REACHED["put back by a rule"] += 1
        assert cell.risky or same(cell.name, there, cell.agreed[Side.DYNAMICS]), f"untold: {where}"
    elif any(not same(cell.name, one, normal(cell.name, one)) for one in wanted):
        REACHED["rewritten by a rule"] += 1
    cell.settle(here, there)


def _check_blurred(cell: Cell, here: Wire, there: Wire) -> None:
    """Check that nothing was made up, where nobody can tell which edit was the last."""
    known = [*cell.history, *cell.agreed.values(), *cell.now.values()]
    assert cell.may_be(here, known), f"{cell}, Marketo {here!r}"
    assert cell.may_be(there, known), f"{cell}, Dynamics {there!r}"
    if same(cell.name, normal(cell.name, here), there):
        cell.settle(here, there)
    else:
        stopped = cell.name in {"city", "email"} or any(refused(cell.name, v) for v in known)
        assert stopped, f"did not converge: {cell}, Marketo {here!r}, Dynamics {there!r}"
        cell.now = {Side.MARKETO: here, Side.DYNAMICS: there}


def _wanted(human: Human, cell: Cell, *, blocked: bool) -> Wanted:
    """Return the values that both sides may hold now, or None where the field waits."""
    now = cell.now
    if cell.backfill and not cell.muddled and not cell.meets():
        REACHED["backfilled"] += 1
        winner = Side.MARKETO if now[Side.DYNAMICS] is None else Side.DYNAMICS
        return None if winner is Side.MARKETO and blocked else [now[winner]]
    if not cell.edited or cell.meets():
        if cell.risky and blocked:
            # Taken back too late, perhaps: the other side may have it, and may not be told.
            return None
        return [now[Side.MARKETO] if cell.edited else cell.agreed[Side.MARKETO]]
    if cell.muddled:
        return list(now.values())
    moved = [side for side in cell.moved() if side in cell.edited]
    if len(moved) < 2:
        REACHED["one side"] += 1
        winner = moved[0] if moved else Side.MARKETO
    else:
        decided = human.winner(cell)
        if decided is None:
            REACHED[f"collision unresolved {human.entity}"] += 1
            return None
        winner = decided
        REACHED[f"collision {human.entity} {winner.value}"] += 1
    return None if winner is Side.MARKETO and blocked else [now[winner]]
