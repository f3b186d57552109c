"""Reports: what a run came to, in numbers and in words."""

from __future__ import annotations

import datetime as dt
from typing import Final

import attrs
import pytest

from dynsync.backlog import link_key
from dynsync.errors import Refused, Throttled, Unavailable
from dynsync.outcomes import Outcome, OutcomeKind
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.reports import Plan, PlannedRecord, PlannedWrite, Report, Status

NOW: Final = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
LEAD, CONTACT = Entity("lead"), Entity("contact")
NEEDY: Final = (
    OutcomeKind.REJECTED,
    OutcomeKind.SWALLOWED,
    OutcomeKind.AMBIGUOUS,
    OutcomeKind.UNRESOLVED,
)


def outcome(kind: OutcomeKind, entity: Entity = LEAD) -> Outcome:
    """Make an outcome of some record."""
    return Outcome(entity, Pair(RecordId("1"), RecordId("a")), kind)


def report(*outcomes: Outcome) -> Report:
    """Make a report of a run that came to *outcomes*."""
    made = Report(7, NOW)
    for one in outcomes:
        made.add(one)
    return made


# -- counting


def test_each_record_is_in_one_bucket() -> None:
    """The sum of the counts is the number of records (invariant 21)."""
    found = report(
        outcome(OutcomeKind.UPDATED),
        outcome(OutcomeKind.UPDATED),
        outcome(OutcomeKind.UPDATED, CONTACT),
        outcome(OutcomeKind.AGREED, CONTACT),
    )

    assert 4 == found.records
    assert 3 == found.count(OutcomeKind.UPDATED)
    assert 2 == found.count(OutcomeKind.UPDATED, "lead")
    assert 1 == found.count(OutcomeKind.UPDATED, CONTACT)
    assert 0 == found.count(OutcomeKind.REJECTED)
    assert 0 == found.count(OutcomeKind.UPDATED, "account")


@pytest.mark.parametrize("kind", OutcomeKind)
def test_what_a_person_may_want_to_look_at_is_kept(kind: OutcomeKind) -> None:
    """What needs somebody, what waits for a right and what was flagged; the rest is counted."""
    one = outcome(kind)
    kept = kind in {*NEEDY, OutcomeKind.WITHHELD, OutcomeKind.FLAGGED}

    assert ([one] if kept else []) == report(one).notable


def test_the_first_thousand_are_kept() -> None:
    """A report does not grow with the database; the journal has them all."""
    found = report(*[outcome(OutcomeKind.REJECTED)] * 1001)

    assert 1000 == len(found.notable)
    assert 1001 == found.records


@pytest.mark.parametrize("kind", OutcomeKind)
def test_a_run_is_ok_if_nobody_is_needed(kind: OutcomeKind) -> None:
    """A record that waits for a right is no trouble; one that was refused is."""
    assert report(outcome(kind)).ok is (kind not in NEEDY)


def test_a_run_that_was_not_done_is_not_ok() -> None:
    """A failure, an entity that stopped and a request to stop each say so by themselves."""
    assert report().ok
    assert not attrs.evolve(report(), failures=[Unavailable(Side.MARKETO, "down")]).ok
    assert not attrs.evolve(report(), stopped={LEAD: "no table"}).ok
    assert not attrs.evolve(report(), interrupted=True).ok


# -- in words


def test_each_trouble_is_told_once() -> None:
    """What stopped several entities names them all, and is not told again as a failure."""
    down, slow = Unavailable(Side.DYNAMICS, "down"), Throttled(Side.MARKETO, "slow")
    found = attrs.evolve(
        report(),
        stopped={LEAD: str(down), Entity("account"): "no table", CONTACT: str(down)},
        failures=[slow, down, slow],
    )

    assert (
        "account stopped: no table",
        "contact and lead stopped: Dynamics: down",
        "Marketo: slow",
    ) == found.troubles
    assert () == report().troubles


def test_a_report_is_a_line() -> None:
    """Counts by outcome, whatever the entity, then what went wrong."""
    found = report(
        outcome(OutcomeKind.UPDATED), outcome(OutcomeKind.UPDATED, CONTACT), outcome(NEEDY[0])
    )
    cut = attrs.evolve(found, interrupted=True, failures=[Refused(Side.MARKETO, "no licence")])

    assert "run 7: 1 rejected, 2 updated" == str(found)
    assert (
        "run 7: 1 rejected, 2 updated; asked to stop before it was done; Marketo: no licence"
    ) == str(cut)
    assert "run 7: nothing to do" == str(report())
    assert "run 7: paused" == str(attrs.evolve(found, paused=True))


# -- plans


def planned(kind: OutcomeKind, *ids: str) -> PlannedRecord:
    """Plan a record with a write for each of *ids*."""
    writes = tuple(
        PlannedWrite(Side.MARKETO, "update", RecordId(id_), {"city": "Oslo"}) for id_ in ids
    )
    return PlannedRecord(link_key(1), LEAD, Pair(None, None), writes, (), kind)


def test_a_plan_tells_its_writes_in_order() -> None:
    """A record may have a write for each side, or none at all."""
    plan = Plan(NOW, (planned(OutcomeKind.UPDATED, "1", "2"), planned(OutcomeKind.AGREED)))

    assert ["1", "2"] == [write.id for write in plan.writes]
    assert "2 writes for 2 records" == str(plan)
    assert "1 write for 1 record" == str(Plan(NOW, (planned(OutcomeKind.UPDATED, "1"),)))
    assert "0 writes for 0 records; asked to stop before it was done" == str(
        Plan(NOW, (), interrupted=True)
    )


def test_a_plan_tells_what_a_person_has_to_decide() -> None:
    """Collisions that the policy leaves are found without looking at the rest."""
    left, done = planned(OutcomeKind.UNRESOLVED), planned(OutcomeKind.UPDATED, "1")

    assert (left,) == Plan(NOW, (done, left)).unresolved


def test_no_value_is_shown_with_a_write() -> None:
    """A plan is printed and logged; values are personal data."""
    assert "Oslo" not in repr(planned(OutcomeKind.UPDATED, "1"))


# -- status


STATUS: Final = Status(
    links={LEAD: 10},
    backlog={
        (LEAD, ""): 5,
        (LEAD, "throttled"): 4,
        (LEAD, "held"): 3,
        (CONTACT, "withheld"): 2,
        (CONTACT, "permanent"): 1,
        (CONTACT, "unresolved"): 1,
        (CONTACT, "ambiguous match"): 1,
    },
    oldest={},
    eta=None,
    last_run="run 7: nothing to do",
    last_run_at=NOW,
    paused=False,
    stale={},
)


def test_what_waits_for_its_turn_is_due() -> None:
    """What waits for a right, a person or another value is not: no run takes it away."""
    assert 17 == STATUS.waiting
    assert 9 == STATUS.due


def test_a_sync_is_healthy_if_it_runs() -> None:
    """On, run at least once, with nothing stopped and no trouble in the last run."""
    assert STATUS.healthy
    assert not attrs.evolve(STATUS, paused=True).healthy
    assert not attrs.evolve(STATUS, last_run=None).healthy
    assert not attrs.evolve(STATUS, stale={LEAD: "a column is gone"}).healthy
    assert not attrs.evolve(STATUS, troubles=("Marketo: down",)).healthy
