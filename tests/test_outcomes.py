"""Outcomes: which of several a record is counted under."""

from __future__ import annotations

from dynsync.outcomes import OutcomeKind, severity


def test_what_needs_a_person_most_is_the_records_own() -> None:
    """A record that was written half and refused half is refused; each kind has its own place."""
    worst = sorted(OutcomeKind, key=severity)

    assert OutcomeKind.AGREED is worst[0]
    assert OutcomeKind.REJECTED is worst[-1]
    assert severity(OutcomeKind.UPDATED) < severity(OutcomeKind.WITHHELD)
    assert severity(OutcomeKind.WITHHELD) < severity(OutcomeKind.UNRESOLVED)
    assert severity(OutcomeKind.DEFERRED) < severity(OutcomeKind.SWALLOWED)
    assert len(OutcomeKind) == len({severity(kind) for kind in OutcomeKind})
