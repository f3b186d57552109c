"""The backlog's nouns: what an entry is about, and what is known by it."""

from __future__ import annotations

import attrs
import pytest

from dynsync.backlog import (
    Claims,
    Hold,
    Observation,
    Pending,
    link_key,
    unlinked_key,
    version_of,
)
from dynsync.records import Entity, Pair, RecordId, Side, Version

LEAD = Entity("lead")


def test_keys_tell_what_an_entry_is_about() -> None:
    """The backlog, the plan and the command line name an entry alike."""
    assert "link:17" == link_key(17)
    assert "new:lead:guid" == unlinked_key(LEAD, RecordId("guid"))


@pytest.mark.parametrize("link", [1, 9, 10, 10**12])
def test_what_is_not_linked_comes_behind_all_that_is(link: int) -> None:
    """A record that is linked while the backlog is worked off takes a place that was passed."""
    assert link_key(link) < unlinked_key(Entity("account"), RecordId("0"))


def test_version_is_the_one_that_was_seen_last() -> None:
    """Where nothing was seen, or nothing of the version, it is as it was."""
    before, seen = Version("1"), Version("2")

    assert seen == version_of(Observation([], seen), before)
    assert seen == version_of(Observation([], seen), None)
    assert before == version_of(Observation([]), before)
    assert before == version_of(None, before)
    assert version_of(None, None) is None


def test_hold_without_a_time_is_permanent() -> None:
    """Only infinity is for ever: what is due was due long ago (A20)."""
    hold = Hold(Side.DYNAMICS, "city", ("X",), "digest", "schema", 1, 1000.0)

    assert not hold.permanent
    assert attrs.evolve(hold, retry_at=float("inf")).permanent


def test_claims_are_what_was_seen_of_marketo() -> None:
    """Edits that we overwrote are Marketo's; of Dynamics there are none."""
    claims: Claims = {"city": ("Oslo", Pair("Bergen", "Bergen"))}
    seen = Observation([], claims=claims)

    def entry(marketo: Observation | None, dynamics: Observation | None) -> Pending:
        return Pending(
            link_key(1), LEAD, 1, Pair(None, None), Pair(marketo, dynamics), 0.0, 0.0, None
        )

    assert claims == entry(seen, None).claims
    assert {} == entry(Observation([]), seen).claims
    assert {} == entry(None, seen).claims
