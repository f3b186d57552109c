"""Writing to one instance: calls side by side, and every record's writes in their order."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dynsync.errors import Ambiguous, SystemFailure
from dynsync.limiting import in_turns
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls
from dynsync.marketo._writes import Row, batches, prepared, unanswered, written
from dynsync.writes import NotAttempted, Write, WriteResult

__all__ = ["Writing"]


@attrs.frozen
class Writing:
    """Writes people; new ones go to the *partition*, if one is given."""

    api: Api
    calls: Calls
    partition: str | None

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
                results.update(_told(batch.rows, outcome))
        if failures and len(failures) == sent:
            _raise_common(failures)
        return [results[at] for at in range(len(writes))]


def _told(
    rows: Sequence[Row], outcome: list[WriteResult] | SystemFailure
) -> dict[int, WriteResult]:
    if isinstance(outcome, SystemFailure):
        return {row.at: unanswered(outcome) for row in rows}
    return {row.at: result for row, result in zip(rows, outcome, strict=True)}


def _raise_common(failures: Sequence[SystemFailure]) -> None:
    """Raise the first of *failures* if it says the same of every row."""
    doubtful = {isinstance(failure, Ambiguous) for failure in failures}
    if len(doubtful) == 1:
        raise failures[0]
