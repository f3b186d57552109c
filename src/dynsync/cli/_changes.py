"""A field's part in an outcome, in words and in JSON: the same in a plan and in a history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import attrs

from dynsync.cli._console import shown
from dynsync.outcomes import FieldChange
from dynsync.preview.wording import without_rules
from dynsync.recorder import Entry, Refusal
from dynsync.records import Missing, Pair, Side, Wire
from dynsync.reports import PlannedRecord

__all__ = [
    "Refused",
    "Standing",
    "change_data",
    "last_refusals",
    "losses",
    "reason",
    "refusals",
    "refused",
    "waits",
]

_LEFT: Final = frozenset({"held", "withheld", "unresolved"})

Standing: TypeAlias = Mapping[str, Refusal]
"""Which refusal keeps a field back, by the name of the field; ``""`` is the whole record."""


def last_refusals(entries: Iterable[Entry]) -> Standing:
    """Return, by field, the refusal that *entries* tell of last: one that stands is told once."""
    return {refusal.field or "": refusal for entry in entries for refusal in entry.refusals}


def refused(refusal: Refusal) -> str:
    """Return *refusal* in words."""
    return f"{refusal.side.label} refused it: {refusal.message} [{refusal.code}]"


@attrs.frozen
class Refused:
    """What would be refused or, if it was before, is *held*."""

    side: Side
    field: str
    code: str
    message: str
    held: bool

    def __str__(self) -> str:
        verdict = "held, refused" if self.held else "refused"
        said = f"{verdict} in {self.side.label}: {self.field or 'the record'}"
        return f"{said}: {self.message} [{self.code}]" if self.code else said


def refusals(record: PlannedRecord, standing: Standing) -> Iterator[Refused]:
    """Yield what of *record* would be refused, and what is held because of *standing*."""
    for result in record.results:
        yield Refused(result.side, result.field or "", result.code, result.message, held=False)
    new = {result.field for result in record.results}
    for change in record.changes:
        if change.verdict == "held" and change.winner is not None and change.field not in new:
            told = standing.get(change.field) or standing.get("")
            side = change.winner.other if told is None else told.side
            code, message = ("", "") if told is None else (told.code, told.message)
            yield Refused(side, change.field, code, message, held=True)


def waits(change: FieldChange) -> bool:
    """Return whether the field's value waits: nothing is written, and nothing gives way."""
    return change.verdict in _LEFT


def reason(change: FieldChange) -> str:
    """Return why the field is decided as it is; what waits says that it does."""
    why = without_rules(change.why)
    if not waits(change):
        return why
    return f"{change.verdict}: {why}" if why else change.verdict


def losses(change: FieldChange, *, with_values: bool) -> list[tuple[Side | None, str]]:
    """Return what gives way, and whose it is where one knows; without a value, nothing does."""
    lost = change.lost
    found: list[tuple[Side | None, Wire]]
    if isinstance(lost, Pair):
        found = [(side, _held(lost[side])) for side in Side]
    else:
        found = [(None if change.winner is None else change.winner.other, _held(lost))]
    return [
        (side, shown(wire) if with_values else _HIDDEN) for side, wire in found if wire is not None
    ]


_HIDDEN: Final = "a value (see --values)"


def _held(wire: Wire | Missing) -> Wire:
    if isinstance(wire, Missing) or (isinstance(wire, str) and not wire.strip()):
        return None
    return wire


def change_data(change: FieldChange, *, with_values: bool) -> dict[str, object]:
    """Return *change* as JSON can hold it."""
    data: dict[str, object] = {
        "field": change.field,
        "verdict": change.verdict,
        "winner": None if change.winner is None else change.winner.value,
        "written": [side.value for side in change.written],
        "why": change.why,
    }
    if losses(change, with_values=False):
        data["lost"] = _lost_data(change) if with_values else "(not shown; use --values)"
    return data


def _lost_data(change: FieldChange) -> object:
    lost = change.lost
    if isinstance(lost, Pair):
        return {side.value: wire for side in Side if (wire := _held(lost[side])) is not None}
    return _held(lost)
