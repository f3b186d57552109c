"""Sending writes: in batches, several at once, with one result for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import attrs

from dynsync.dynamics._answers import result
from dynsync.dynamics._asking import send_parts
from dynsync.dynamics._line import Line
from dynsync.dynamics._multipart import Part
from dynsync.dynamics._tables import Table
from dynsync.errors import Ambiguous, SystemFailure, Throttled
from dynsync.limiting import in_turns
from dynsync.records import plain_id
from dynsync.transport import Response
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    NotAttempted,
    ThrottledWrite,
    Write,
    WriteResult,
)

__all__ = ["Job", "send"]


@attrs.frozen
class Job:
    """A write, the place of its result, and how it is said."""

    at: int
    write: Write
    part: Part

    @property
    def row(self) -> str:
        """The id of the row that it is about."""
        return plain_id(self.write.key if isinstance(self.write, Create) else self.write.id)


def send(line: Line, table: Table, jobs: Sequence[Job], batch: int) -> dict[int, WriteResult]:
    """
    Return the result of each of *jobs* by its place, *batch* in a request.

    What concerns one row goes out in its order. Raises the failure of requests that all
    failed alike: with nothing applied, or with nothing known of any write.
    """
    results: dict[int, WriteResult] = {}
    failures: list[SystemFailure] = []
    requests = 0
    for turn in in_turns(jobs, lambda job: job.row):
        batches = [*_even(turn, batch)]
        flows = [send_parts([job.part for job in some]) for some in batches]
        for some, told in zip(batches, line.run_all(flows), strict=True):
            requests += 1
            if isinstance(told, SystemFailure):
                failures.append(told)
                results |= {job.at: _failed(told) for job in some}
            else:
                results |= _answered(table, some, told)
    lost = [isinstance(failure, Ambiguous) for failure in failures]
    if failures and len(failures) == requests and len(set(lost)) == 1:
        raise failures[0]
    return results


def _even(jobs: Sequence[Job], most: int) -> Iterator[Sequence[Job]]:
    """Yield *jobs* in as few lists as *most* allows, of nearly the same length."""
    lists = math.ceil(len(jobs) / most)
    size = math.ceil(len(jobs) / lists) if lists else 1
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _failed(failure: SystemFailure) -> WriteResult:
    match failure:
        case Ambiguous():
            return AmbiguousWrite()
        case Throttled(retry_after=wait):
            return ThrottledWrite(wait)
        case _:
            return NotAttempted()


def _answered(
    table: Table, jobs: Sequence[Job], answers: Sequence[Response]
) -> dict[int, WriteResult]:
    """Return the results of *jobs*; what the answers do not come to may have been applied."""
    told = zip_longest(jobs, answers[: len(jobs)])
    return {
        job.at: AmbiguousWrite() if answer is None else result(table, job.write, answer)
        for job, answer in told
        if job is not None
    }
