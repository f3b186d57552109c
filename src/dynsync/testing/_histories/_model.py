"""
What people did to each field of each human, and what both systems must hold in the end.

The model knows nothing of backlogs, bases or cursors. Of every field of every human it knows
which side edited it since the two last agreed, and from that what a sync owes its users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import attrs
from attrs import Factory

from dynsync.records import Pair, RecordId, Side, Value
from dynsync.testing._histories._scene import Judged, Quarrel, Scene

__all__ = ["Cell", "Checker", "Human"]

Wanted: TypeAlias = "list[Value] | None"
"""The values that both sides may hold, or None: the field waits, and nothing may move."""


def _sorted(sides: set[Side]) -> str:
    return str(sorted(side.value for side in sides))


@attrs.define
class Cell:
    """
    One field of one human: what was *agreed*, and what each side was edited to since.

    *risky* after a run that lies between the edits and those to come, *muddled* where that
    leaves open which of two edits the other side saw first. *blurred*: edited several times
    while the feed was silent; an edit replaced by one that equals a write of ours cannot be told
    from one that the write replaced, and the engine brings it back, to be safe. *backfill*: the
    right to read the field was given back. *history* has every value since the two agreed,
    *ever* all that there were.
    """

    scene: Scene = attrs.field(repr=False)
    name: str
    agreed: dict[Side, Value] = Factory(lambda: dict[Side, Value].fromkeys(Side))
    now: dict[Side, Value] = Factory(lambda: dict[Side, Value].fromkeys(Side))
    edited: set[Side] = attrs.field(factory=set[Side], repr=_sorted)
    risky: bool = False
    muddled: bool = False
    blurred: bool = False
    backfill: bool = False
    history: list[Value] = Factory(list[Value])
    ever: list[Value] = attrs.field(factory=lambda: list[Value]([None]), repr=False)

    def edit(self, side: Side, value: Value, *, unheard: bool = False) -> None:
        """Note an edit on *side*; one *unheard* of does not come with the next page."""
        if unheard and side in self.edited:
            self.blurred = True
        # A run that did not end well lies between two edits: whether the first had arrived
        # when the second was made, nobody can know. Nor whether a rule of Dynamics had
        # rewritten the first, which is an edit of Dynamics' own.
        rewritten = any(not self._same(self._normal(one), one) for one in self.history)
        if self.risky and (side.other in self.edited or rewritten):
            self.muddled = True
        self.now[side] = value
        self.edited.add(side)
        self.history.append(value)
        self.ever.append(value)

    def settle(self, marketo: Value, dynamics: Value) -> None:
        """Note that the two sides agree on what they hold."""
        self.agreed = {Side.MARKETO: marketo, Side.DYNAMICS: dynamics}
        self.now = dict(self.agreed)
        self.ever += (marketo, dynamics)
        self.edited.clear()
        self.history.clear()
        self.risky = self.muddled = self.blurred = self.backfill = False

    def leave(self, there: Value, *, unheard: bool) -> None:
        """
        Note what Dynamics held *there* when its record was deleted: it may come back.

        What a write *unheard* of had brought nobody can tell from an edit in Dynamics any more,
        for there is no record to read it back from.
        """
        if Side.DYNAMICS in self.edited or self._same(there, self.now[Side.DYNAMICS]):
            return
        # Only Marketo edited it, and that has gone over.
        gone_over = [one for one in self.history if self._same(self._normal(one), there)]
        assert self.risky, f"written outside of any run: {self}"
        assert gone_over, f"made up in Dynamics: {self}"
        self.muddled = self.muddled or unheard
        self.agreed = {Side.MARKETO: gone_over[-1], Side.DYNAMICS: there}
        self.now[Side.DYNAMICS] = there

    def moved(self) -> list[Side]:
        """Return the sides that differ from what was agreed: an edit taken back is none."""
        return [side for side in Side if not self._same(self.now[side], self.agreed[side])]

    def meets(self) -> bool:
        """Return whether both sides were edited to the same."""
        return self._same(*self.now.values())

    def may_be(self, value: Value, choices: Sequence[Value]) -> bool:
        """Return whether *value* is one of *choices*, or what Dynamics makes of one."""
        return any(
            self._same(value, one) or self._same(value, self._normal(one)) for one in choices
        )

    def _same(self, one: Value, other: Value) -> bool:
        return self.scene.same(self.name, one, other)

    def _normal(self, value: Value) -> Value:
        return self.scene.normal(self.name, value)


@attrs.define
class Human:
    """
    One human in one or both systems.

    *unread* has the fields that take part again, and that no run has read since. *unheard* after
    its other half was made by a run that did not end well, until one does.
    """

    scene: Scene = attrs.field(repr=False)
    entity: str
    person: RecordId | None
    guid: RecordId | None
    cells: dict[str, Cell] = Factory(
        lambda self: {n: Cell(self.scene, n) for n in self.scene.fields(self.entity)},
        takes_self=True,
    )
    waiting: bool = False
    unheard: bool = False
    gone: set[Side] = Factory(set[Side])
    new_since_gone: dict[str, bool] = Factory(dict[str, bool])
    unread: set[str] = attrs.field(factory=set[str], repr=_sorted)

    def judge(self, cell: Cell) -> Judged:
        """Return who is right about a field that both sides changed."""
        agreed = Pair(*(cell.agreed[side] for side in Side))
        now = Pair(*(cell.now[side] for side in Side))
        return self.scene.judge(Quarrel(self.entity, cell.name, agreed, now))


@attrs.define
class Checker:
    """
    Compares what both systems hold with what the model owes, field by field.

    *reached* counts the paths that were seen.
    """

    scene: Scene
    reached: Counter[str]

    def check(
        self, human: Human, cell: Cell, here: Value, there: Value, *, withheld: bool, held: bool
    ) -> None:
        """
        Check what Marketo holds *here* and Dynamics *there*, and that nothing was made up.

        *withheld* where the field may not be told, *held* where another holds the whole record.
        """
        # Invariant 4.
        if cell.blurred:
            self._check_blurred(human, cell, here, there, held=held)
            return
        scene = self.scene
        blocked = withheld or scene.refused(cell.name, cell.now[Side.MARKETO])
        wanted = self._wanted(human, cell, blocked=blocked)
        where = f"{human.entity}.{cell.name}: {cell}, Marketo {here!r}, Dynamics {there!r}"
        meet = scene.same(cell.name, here, there)
        # What came back may be what Dynamics refuses, though something else was edited last.
        stays = blocked or scene.refused(cell.name, here) or human.judge(cell).waits
        if cell.muddled and stays:
            wanted = list(cell.now.values()) if meet else None
        elif (
            wanted is not None
            and held
            and (cell.muddled or not (meet and cell.may_be(here, wanted)))
        ):
            # Nothing goes out, and what we overwrote does not go back: where nobody can know
            # which edit was the last, it may yet, though the two meet for now.
            self.reached["held with its record"] += 1
            self._check_waits(cell, here, there, where)
            return
        elif wanted is not None and not meet and self._may_wait(human, cell, blocked=blocked):
            wanted = None
        if wanted is None and (cell.risky or human.waiting) and cell.name == scene.secured and meet:
            # It went through before the right was taken, or with the making of the record.
            wanted = list(cell.now.values())
        if wanted is None:
            self._check_waits(cell, here, there, where)
            return
        if cell.muddled:
            wanted += [scene.normal(cell.name, one) for one in cell.history]
        self._check_met(cell, here, there, wanted, where)

    def _check_waits(self, cell: Cell, here: Value, there: Value, where: str) -> None:
        """Check that both sides hold what was entered there: nothing goes out."""
        # An earlier edit of this stretch may have arrived before the one that waits.
        earlier = cell.history if cell.risky else []
        assert cell.may_be(here, (cell.now[Side.MARKETO], *earlier)), f"waits: {where}"
        assert cell.may_be(there, (cell.now[Side.DYNAMICS], *earlier)), f"waits: {where}"
        cell.now[Side.DYNAMICS] = there
        if cell.backfill and there is None and not cell.muddled:
            # The two have met. That Dynamics held nothing is the base now, against which
            # Marketo's is a change that waits: a later edit in Dynamics collides with it (A28).
            cell.agreed = dict.fromkeys(Side, there)
            cell.edited = {Side.MARKETO}
            cell.backfill = False

    def _check_met(
        self, cell: Cell, here: Value, there: Value, wanted: Sequence[Value], where: str
    ) -> None:
        """Check that both sides hold what is *wanted*, as far as a rule of Dynamics allows."""
        scene, name = self.scene, cell.name
        assert scene.same(name, scene.normal(name, here), there), f"did not converge: {where}"
        assert cell.may_be(here, wanted), f"expected {wanted}: {where}"
        if not scene.same(name, here, there):
            # A rule that puts back what Dynamics held changes nothing: the two agree to differ.
            self.reached["put back by a rule"] += 1
            told = cell.risky or scene.same(name, there, cell.agreed[Side.DYNAMICS])
            assert told, f"untold: {where}"
        elif any(not scene.same(name, one, scene.normal(name, one)) for one in wanted):
            self.reached["rewritten by a rule"] += 1
        cell.settle(here, there)

    def _check_blurred(
        self, human: Human, cell: Cell, here: Value, there: Value, *, held: bool
    ) -> None:
        """Check that nothing was made up, where nobody can tell which edit was the last."""
        scene, name = self.scene, cell.name
        known = [*cell.history, *cell.agreed.values(), *cell.now.values()]
        assert cell.may_be(here, known), f"{cell}, Marketo {here!r}"
        assert cell.may_be(there, known), f"{cell}, Dynamics {there!r}"
        if held:
            # Also where they meet for now: an edit that we overwrote may yet come back.
            cell.now = {Side.MARKETO: here, Side.DYNAMICS: there}
        elif scene.same(name, scene.normal(name, here), there):
            cell.settle(here, there)
        else:
            stopped = name == scene.secured or human.judge(cell).waits
            stopped = stopped or any(scene.refused(name, v) for v in known)
            assert stopped, f"did not converge: {cell}, Marketo {here!r}, Dynamics {there!r}"
            cell.now = {Side.MARKETO: here, Side.DYNAMICS: there}

    def _may_wait(self, human: Human, cell: Cell, *, blocked: bool) -> bool:
        """Return whether the field may wait, and the model cannot know if it does."""
        if len(cell.moved()) < len(Side) or cell.backfill or cell.meets():
            return False
        judged = human.judge(cell)
        # Either may be right, and one of them may not be told.
        untold = blocked and len(judged.sides) == len(Side)
        return untold or (judged.waits and bool(judged.sides or judged.put))

    def _wanted(self, human: Human, cell: Cell, *, blocked: bool) -> Wanted:
        """Return the values that both sides may hold now, or None where the field waits."""
        # Invariants 4 and 8.
        now = cell.now
        if cell.backfill and not cell.muddled and not cell.meets():
            self.reached["backfilled"] += 1
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
        if len(moved) == len(Side):
            return self._decided(human, cell, blocked=blocked)
        self.reached["one side"] += 1
        winner = moved[0] if moved else Side.MARKETO
        return None if winner is Side.MARKETO and blocked else [now[winner]]

    def _decided(self, human: Human, cell: Cell, *, blocked: bool) -> Wanted:
        """Return what both sides may hold after a collision (invariants 6 and 9)."""
        judged = human.judge(cell)
        if not judged.sides and not judged.put:
            self.reached[f"collision unresolved {human.entity}"] += 1
            return None
        for side in judged.sides:
            self.reached[f"collision {human.entity} {side.value}"] += 1
        sides = [side for side in judged.sides if side is not Side.MARKETO or not blocked]
        values = [*judged.put, *(cell.now[side] for side in sides)]
        return values or None
