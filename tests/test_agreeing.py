"""What is settled the short way is settled as the long way would have it."""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Final

import attrs
import pytest

from dynsync import _desk
from dynsync.agreeing import agreed
from dynsync.maps import CONTACT, LEAD
from dynsync.planning import RecordPlan
from dynsync.records import Pair, RecordId, Side, Wire
from dynsync.sandbox import Fault
from dynsync.settling import Settlement, _settle_judged, settle
from dynsync.terms import Terms
from dynsync.writes import Updated, WriteResult
from support import World

FIELDS: Final = ("first_name", "job_title", "email", "unsubscribed", "city")
VALUES: Final[dict[str, tuple[Wire, ...]]] = {
    "first_name": ("Ada", "Bo", "x" * 60, None),
    "job_title": ("boss", "clerk", None),
    "email": ("a@example.org", "A@example.org", "b@example.org", None),
    "unsubscribed": (True, False),
    "city": ("Oslo", "Bergen", None),
}
FAULTS: Final = (Fault("lost_response"), Fault("partial"), Fault("throttled"), None, None)


class Both:
    """Settles either way, and remembers how often the two were compared."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def settle(
        self,
        terms: Terms,
        plan: RecordPlan,
        results: Pair[WriteResult | None],
        now: float,
        new_key: int,
    ) -> Settlement:
        """Settle as `settle` does, after a look at what the long way says."""
        for answers in (results, results.map(silent)):
            if agreed(terms, copy.deepcopy(plan), answers) is None:
                self.seen["judged"] += 1
                continue
            long = _settle_judged(terms, copy.deepcopy(plan), answers, now, new_key)
            short = settle(terms, copy.deepcopy(plan), answers, now, new_key)
            assert long == short
            self.seen["agreed"] += 1
            self.seen["written to both"] += None not in answers
            self.seen["nothing written"] += answers == Pair(None, None)
        return settle(terms, plan, results, now, new_key)


def silent(result: WriteResult | None) -> WriteResult | None:
    """Return *result* as a system answers that does not say what it holds now."""
    return attrs.evolve(result, values=None) if isinstance(result, Updated) else result


def edit(world: World, rows: list[tuple[str, RecordId]], draw: random.Random) -> None:
    """Have people edit some fields of some records, on either side."""
    for table, row in draw.sample(rows, 8):
        people = world.people_of(row)
        entity_map = LEAD if table == "lead" else CONTACT
        for name in draw.sample(FIELDS, 3):
            names, value = entity_map.field(name).names, draw.choice(VALUES[name])
            if draw.random() < 0.6 and people:
                world.marketo.edit(people[0], {names[Side.MARKETO]: value})
            if draw.random() < 0.6 and value != "x" * 60:
                world.dynamics.edit(table, row, {names[Side.DYNAMICS]: value})


@pytest.mark.parametrize("seed", range(4))
def test_the_short_way_says_what_the_long_way_says(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links, versions, bases and outcomes are equal, whichever way a plan is settled."""
    both, draw = Both(), random.Random(seed)  # noqa: S311 - the same each time
    monkeypatch.setattr(_desk, "settle", both.settle)
    world = World(LEAD.only(*FIELDS), CONTACT.only(*FIELDS))
    rows = [("lead", world.lead(firstname="Ada")) for _ in range(8)]
    rows += [("contact", world.contact(firstname="Bo")) for _ in range(8)]
    world.cycle()
    for _ in range(30):
        edit(world, rows, draw)
        for system in (world.marketo, world.dynamics):
            system.faults.plan("write", draw.choice(FAULTS))
        world.cycle()
    world.settled()

    assert both.seen["agreed"] > 60
    assert both.seen["judged"] > 20
    assert both.seen["written to both"] > 5
    assert both.seen["nothing written"] > 3
