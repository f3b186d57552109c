"""
Where outcomes and validation results go: the journal first, then whoever reads it.

The journal is written in the same transaction as the base, so nothing is told that did not
happen and nothing that happened is forgotten. Recorders read it from where they left off,
and a crash makes them read a stretch again: an entry's ``seq`` tells repeats apart.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, Protocol, cast

import attrs
from attrs import Factory

from dynsync.arguments import described, is_whole, shown
from dynsync.connectors import ActivityLine, MarketoConnector
from dynsync.errors import (
    Ambiguous,
    ConfigurationError,
    ContractError,
    Refused,
    StateError,
    Throttled,
    Unavailable,
)
from dynsync.outcomes import FieldChange, Lost, Outcome
from dynsync.records import MISSING, Missing, Pair, RecordId, Side, Wire
from dynsync.state import JournalEntry
from dynsync.writes import AmbiguousWrite, NotAttempted, Rejected, ThrottledWrite

__all__ = [
    "ActivityRecorder",
    "Entry",
    "MemoryRecorder",
    "PartlyRefused",
    "Recorder",
    "Refusal",
    "entry_of",
    "journal_entry",
]


@attrs.frozen
class Refusal:
    """One reason for which a value was refused, as the journal keeps it."""

    side: Side
    field: str | None
    code: str
    message: str
    attempt: int
    told: str


@attrs.frozen
class Entry:
    """One journal entry, read: an outcome with its place and time."""

    seq: int
    run: int
    at: float
    entity: str
    person: RecordId | None
    dynamics: RecordId | None
    kind: str
    why: str
    changes: tuple[FieldChange, ...]
    refusals: tuple[Refusal, ...]
    held: tuple[str, ...]


class PartlyRefused(Refused):
    """Some of the entries will never be taken, all others were: nothing waits for them."""


class Recorder(Protocol):
    """
    Anything that wants to know outcomes.

    Entries come in order of ``seq``, each at least once: after a crash some come again.
    `SystemFailure` keeps the place, and the same entries come with the next run; after `Refused`
    also at once, with some that follow, if there are any. `PartlyRefused` moves on. Any other
    exception is a broken promise: the place stays and the other recorders are told, then the run
    raises `ContractError`.
    """

    @property
    def name(self) -> str:
        """Return a name under which its place in the journal is kept."""
        ...

    def record(self, entries: Sequence[Entry]) -> None:
        """Take some entries."""
        ...


_SIDES: Final[Mapping[str, Side]] = {side.value: side for side in Side}
"""What the journal calls them. Every field of every outcome is read again: a call is dearer."""

_WORDS: Final[Mapping[Side | None, str | None]] = {None: None} | {s: s.value for s in Side}

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def _lost(change: FieldChange) -> object:
    """Return what gave way as JSON: a value, or an object with that of each side."""
    lost = change.lost
    if isinstance(lost, Pair):
        return {side.value: lost[side] for side in Side if not isinstance(lost[side], Missing)}
    return lost


def _lost_of(said: Wire | Missing | dict[str, Wire]) -> Lost:
    if isinstance(said, dict):
        return Pair(said.get("marketo", MISSING), said.get("dynamics", MISSING))
    return said


@lru_cache(4096)
def _change(
    field: str, verdict: str, winner: Side | None, written: tuple[Side, ...], why: str
) -> str:
    """Return as JSON what is said of a field; of most fields the same is said again and again."""
    return _encode([field, verdict, _WORDS[winner], [_WORDS[side] for side in written], why])


def journal_entry(outcome: Outcome, run: int, at: float) -> JournalEntry:
    """Return *outcome* as the journal keeps it."""
    detail: list[str] = []
    if outcome.why:
        detail.append(f'"why":{_encode(outcome.why)}')
    if outcome.changes:
        said = [_change(c.field, c.verdict, c.winner, c.written, c.why) for c in outcome.changes]
        detail.append(f'"changes":[{",".join(said)}]')
        lost = {c.field: _lost(c) for c in outcome.changes if c.lost is not MISSING}
        if lost:
            detail.append(f'"lost":{_encode(lost)}')
    if outcome.results:
        results = [
            [r.side.value, r.field, r.code, r.message, r.attempt, r.told] for r in outcome.results
        ]
        detail.append(f'"results":{_encode(results)}')
    if outcome.held:
        detail.append(f'"held":{_encode(outcome.held)}')
    text, kind = f"{{{','.join(detail)}}}", outcome.kind.value
    return JournalEntry(0, run, at, outcome.entity, outcome.link, outcome.ids, kind, text)


def entry_of(kept: JournalEntry) -> Entry:
    """Return what the journal keeps as an `Entry`; raises `StateError` for what is damaged."""
    # Not inside an except block: what went wrong may quote a value.
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        return _entry_of(kept)
    raise StateError(
        f"The journal's entry {kept.seq} is damaged. Restore the state from a backup, or begin "
        f"with an empty one: the next full run finds the links again by the ids that both systems "
        f"hold."
    )


def _entry_of(kept: JournalEntry) -> Entry:
    detail = cast("dict[str, object]", json.loads(kept.detail))
    lost = cast("dict[str, Wire | dict[str, Wire]]", detail.get("lost", {}))
    changes = tuple(
        FieldChange(
            field,
            verdict,
            _SIDES[winner] if winner is not None else None,
            tuple([_SIDES[side] for side in written]),
            why,
            _lost_of(lost.get(field, MISSING)),
        )
        for field, verdict, winner, written, why in cast(
            "list[tuple[str, str, str | None, list[str], str]]", detail.get("changes", [])
        )
    )
    refusals = tuple(
        Refusal(_SIDES[side], field, code, message, attempt, told)
        for side, field, code, message, attempt, told in cast(
            "list[tuple[str, str | None, str, str, int, str]]", detail.get("results", [])
        )
    )
    return Entry(
        kept.seq,
        kept.run,
        kept.at,
        kept.entity,
        kept.ids.marketo,
        kept.ids.dynamics,
        kept.kind,
        cast("str", detail.get("why", "")),
        changes,
        refusals,
        tuple(cast("list[str]", detail.get("held", []))),
    )


@attrs.define
class MemoryRecorder:
    """Keeps entries in a list, each once."""

    name: str = "memory"
    entries: list[Entry] = Factory(list[Entry])

    def record(self, entries: Sequence[Entry]) -> None:
        """Take entries that are not there yet."""
        last = self.entries[-1].seq if self.entries else 0
        self.entries += [entry for entry in entries if entry.seq > last]


@attrs.define
class ActivityRecorder:
    """
    Writes refusals to the activity log of the person concerned (R92), each exactly once.

    Marketo's log cannot be asked to refuse a repeat, so what it holds already is read before
    anything is added. A refusal without a person, because that one could not even be made,
    is in the journal alone. A line that Marketo refuses does not keep the others waiting.
    """

    connector: MarketoConnector
    name: str = "activity-log"
    batch: int = 300

    def __attrs_post_init__(self) -> None:
        able = (getattr(self.connector, name, None) for name in ("log", "logged"))
        if isinstance(self.connector, type) or not all(map(callable, able)):
            raise ConfigurationError(
                f"ActivityRecorder() got {described(self.connector)}, which writes no activity "
                f"logs. Give the connector to Marketo: the one of Sync(marketo=…)."
            )
        if not is_whole(self.batch) or self.batch < 1:
            raise ConfigurationError(
                f"ActivityRecorder(batch={shown(self.batch)}): give a whole number of at least 1."
            )

    def record(self, entries: Sequence[Entry]) -> None:
        """
        Tell what was refused. Raises `SystemFailure` if Marketo cannot be told now.

        `PartlyRefused` says that Marketo took the others; where it took none at all, it may be
        the log that is wrong and not the lines, and they come again (`Refused`).
        """
        # The journal may tell of a refusal again: where the record was deleted and came back.
        by_key: dict[str, ActivityLine] = {}
        for line in (line for entry in entries for line in _activity_lines(entry)):
            by_key.setdefault(line.key, line)
        lines = list(by_key.values())
        refused: list[Rejected] = []
        for start in range(0, len(lines), self.batch):
            refused += self._tell(lines[start : start + self.batch])
        if refused:
            codes = ", ".join(sorted({r.code for result in refused for r in result.reasons}))
            how = PartlyRefused if len(refused) < len(lines) else Refused
            said = f"the activity log does not take {len(refused)} of our lines ({codes})"
            raise how(Side.MARKETO, said)

    def _tell(self, lines: Sequence[ActivityLine]) -> list[Rejected]:
        """Add *lines* that are not there; return what was refused for good."""
        known = set(self.connector.logged({line.person for line in lines}))
        new = [line for line in lines if line.key not in known]
        if not new:
            return []
        results = self.connector.log(new)
        if len(results) != len(new):
            message = (
                f"The Marketo connector got {len(new)} lines for activity logs and returned "
                f"{len(results)} results. It returns one a line, in their order."
            )
            raise ContractError(message)
        for result in results:
            # The place in the journal stays: what was logged is not logged again.
            match result:
                case ThrottledWrite(retry_after):
                    message = "not all lines were taken by the activity logs yet"
                    raise Throttled(Side.MARKETO, message, retry_after)
                case AmbiguousWrite():
                    raise Ambiguous(Side.MARKETO, "no answer for a line of an activity log")
                case NotAttempted():
                    raise Unavailable(Side.MARKETO, "not all lines of activity logs were tried")
                case _:
                    pass
        return [result for result in results if isinstance(result, Rejected)]


def _activity_lines(entry: Entry) -> list[ActivityLine]:
    if entry.person is None:
        return []
    grouped: dict[str, list[Refusal]] = {}
    for refusal in entry.refusals:
        grouped.setdefault(refusal.told, []).append(refusal)
    at = dt.datetime.fromtimestamp(entry.at, dt.UTC)
    return [
        ActivityLine(
            told,
            entry.person,
            at,
            "refused",
            "; ".join(
                f"{r.side.label} refused {r.field or 'the record'}: {r.message} [{r.code}]"
                for r in refusals
            ),
        )
        for told, refusals in grouped.items()
    ]
