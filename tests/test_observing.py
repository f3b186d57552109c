"""Observing, by itself: what is remembered of writes whose echo has not come."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from dynsync.backlog import Linked, Sent
from dynsync.maps import LEAD
from dynsync.observing import inherit, missed
from dynsync.policies import manual
from dynsync.records import Pair, RecordId, Row
from dynsync.schemas import Column, Schema
from dynsync.terms import agree_terms

MAP: Final = attrs.evolve(LEAD.only("city", "job_title"), deleted_field=None)
TERMS: Final = agree_terms(
    MAP,
    Pair(
        Schema.of("person", [Column("city"), Column("title"), Column("crmLeadId")]),
        Schema.of("lead", [Column("address1_city"), Column("jobtitle")]),
    ),
    policy=manual,
)
WRITE: Final = Sent("city", "Oslo", "Bergen", "Oslo", at=1000.0)


@pytest.mark.parametrize("now", [1060.0, 1061.0, 9000.0])
def test_a_write_that_is_not_there_is_missed(now: float) -> None:
    """From a minute after it was sent, what is not there then was not made by then."""
    assert attrs.evolve(WRITE, until=now) == missed(WRITE, now)


@pytest.mark.parametrize("now", [999.0, 1000.0, 1059.9])
def test_a_write_under_way_is_not_missed(now: float) -> None:
    """Within a minute, a write that is not there may still be on its way."""
    assert WRITE == missed(WRITE, now)


def test_a_write_is_missed_once() -> None:
    """The first look after which it was not there counts: no edit since then is its echo."""
    gone = missed(WRITE, 1100.0)

    assert gone == missed(gone, 1200.0)


def test_notes_are_inherited_with_what_the_new_record_holds() -> None:
    """The notes of the link before come first, and of fields that are still in play."""
    row: Row = ["Tromsø", "boss", *[None] * (len(TERMS.layout) - 2)]
    own = attrs.evolve(WRITE, at=3000.0)
    link = Linked(1, MAP.entity, Pair(RecordId("1"), RecordId("a")), Pair([*row], row), sent=(own,))

    inherit(TERMS, [WRITE, attrs.evolve(WRITE, field="no_longer_chosen")], link)

    assert (attrs.evolve(WRITE, source="Tromsø"), own) == link.sent


def test_a_link_of_another_layout_inherits_nothing() -> None:
    """A base of other fields is not read as one of these."""
    link = Linked(1, MAP.entity, Pair(RecordId("1"), RecordId("a")), Pair([], ["Oslo"]))

    with pytest.raises(ValueError, match="zip"):
        inherit(TERMS, [WRITE], link)
