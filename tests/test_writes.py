"""Writes: what a plan looks ahead to."""

from __future__ import annotations

from dynsync.records import RecordId, Version
from dynsync.writes import Create, Created, Update, Updated, hoped


def test_what_is_hoped_of_a_write() -> None:
    """A create is answered under its key, an update under its id, and nothing by nothing."""
    key, id_ = RecordId("guid"), RecordId("17")

    assert Created(key) == hoped(Create(key, {"city": "Oslo"}, "crmLeadId"))
    assert Updated(id_) == hoped(Update(id_, {"city": "Oslo"}, Version("3")))
    assert hoped(None) is None
