"""Writing to one instance: people, every record's writes in their order, and lines of logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

import attrs

from dynsync.connectors import ActivityLine
from dynsync.errors import Ambiguous, SystemFailure
from dynsync.limiting import in_turns
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, all_of
from dynsync.marketo._feed import token_at
from dynsync.marketo._json import is_id
from dynsync.marketo._log import PEOPLE, added, keys_of, kind_of_lines, kind_to_write
from dynsync.marketo._writes import MOST_ROWS, batches, prepared, unanswered, written
from dynsync.records import RecordId
from dynsync.writes import Gone, NotAttempted, Write, WriteResult

__all__ = ["Writing"]


@attrs.define
class Writing:
    """Writes people; new ones go to the *partition*, if one is given."""

    api: Api
    calls: Calls
    partition: str | None

    _kind: int | None = None

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        """
        Apply *writes*, each on its own.

        Raises what befell all of them; what befell some is told as their results.
        """
        rows, results = prepared(writes)
        failures: list[SystemFailure] = []
        sent = 0
        for turn in in_turns(rows, lambda row: row.key):
            if failures:
                # A later write of a record must not overtake an earlier one.
                results.update(dict.fromkeys((row.at for row in turn), NotAttempted()))
                continue
            mine = batches(turn)
            sent += len(mine)
            flows = [written(self.api, batch, self.partition) for batch in mine]
            for batch, outcome in zip(mine, self.calls.run_all(flows), strict=True):
                if isinstance(outcome, SystemFailure):
                    failures.append(outcome)
                results.update(_told([row.at for row in batch.rows], outcome))
        if failures and len(failures) == sent:
            _raise_common(failures)
        return [results[at] for at in range(len(writes))]

    def log(self, lines: Sequence[ActivityLine]) -> list[WriteResult]:
        """Add *lines*; what befell all of them is raised."""
        if self._kind is None:
            self._kind = self.calls.run(kind_to_write(self.api))
        places = [at for at, line in enumerate(lines) if is_id(line.person)]
        parts = [places[at : at + MOST_ROWS] for at in range(0, len(places), MOST_ROWS)]
        flows = [added(self.api, self._kind, [lines[at] for at in part]) for part in parts]
        outcomes = self.calls.run_all(flows)
        failures = [outcome for outcome in outcomes if isinstance(outcome, SystemFailure)]
        if failures and len(failures) == len(parts):
            # The type may have been taken away since.
            self._kind = None
            _raise_common(failures)
        results: dict[int, WriteResult] = dict.fromkeys(range(len(lines)), Gone())
        for part, outcome in zip(parts, outcomes, strict=True):
            results.update(_told(part, outcome))
        return [results[at] for at in range(len(lines))]

    def logged(self, people: Collection[RecordId], since: dt.datetime) -> set[str]:
        """Return the keys of the lines that *people* were given from *since* on."""
        kind = self._kind or self.calls.run(kind_of_lines(self.api))
        if kind is None:
            return set()
        self._kind = kind
        token = self.calls.run(token_at(self.api, since))
        ids = [each for each in dict.fromkeys(people) if is_id(each)]
        parts = [ids[at : at + PEOPLE] for at in range(0, len(ids), PEOPLE)]
        flows = [keys_of(self.api, kind, token, part) for part in parts]
        return set[str]().union(*all_of(self.calls.run_all(flows)))


def _told(
    places: Sequence[int], outcome: list[WriteResult] | SystemFailure
) -> dict[int, WriteResult]:
    if isinstance(outcome, SystemFailure):
        return dict.fromkeys(places, unanswered(outcome))
    return dict(zip(places, outcome, strict=True))


def _raise_common(failures: Sequence[SystemFailure]) -> None:
    """Raise the first of *failures* if it says the same of every row."""
    doubtful = {isinstance(failure, Ambiguous) for failure in failures}
    if len(doubtful) == 1:
        raise failures[0]
