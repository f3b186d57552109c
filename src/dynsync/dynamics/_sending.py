"""Sending writes: in batches, several at once, with one result for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeAlias

import attrs

from dynsync.dynamics._answers import misplaced, result
from dynsync.dynamics._asking import TooLarge, send_parts
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
    Reason,
    Rejected,
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
    sent = [
        one
        for turn in in_turns(jobs, lambda job: job.row)
        for one in _turn(line, [*_even(turn, batch)])
    ]
    failures = [told for _, told in sent if isinstance(told, SystemFailure)]
    # One row that is too large by itself is that row's affair, and stops no other.
    failures = [one for one in failures if not isinstance(one, TooLarge)]
    if failures and len(failures) == len(sent) and len({*map(_unknown, failures)}) == 1:
        raise failures[0]
    results: dict[int, WriteResult] = {}
    for some, told in sent:
        results |= _answered(table, some, told)
    return results


_Told: TypeAlias = Sequence[Response] | SystemFailure


def _turn(line: Line, batches: Sequence[Sequence[Job]]) -> Iterator[tuple[Sequence[Job], _Told]]:
    """Send *batches* side by side, and yield what was told of each; too large a one in halves."""
    flows = [send_parts([job.part for job in some]) for some in batches]
    for some, told in zip(batches, line.run_all(flows), strict=True):
        if isinstance(told, TooLarge) and len(some) > 1:
            yield from _turn(line, [*_even(some, math.ceil(len(some) / 2))])
        else:
            yield some, told


def _unknown(failure: SystemFailure) -> bool:
    return isinstance(failure, Ambiguous)


def _even(jobs: Sequence[Job], most: int) -> Iterator[Sequence[Job]]:
    """Yield *jobs* in as few lists as *most* allows, of nearly the same length."""
    lists = math.ceil(len(jobs) / most)
    size = math.ceil(len(jobs) / lists) if lists else 1
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _answered(table: Table, jobs: Sequence[Job], told: _Told) -> dict[int, WriteResult]:
    """Return the results of *jobs*; what the answers do not come to may have been applied."""
    if isinstance(told, SystemFailure):
        return {job.at: _failed(told) for job in jobs}
    if any(misplaced(table, job.write, answer) for job, answer in zip(jobs, told, strict=False)):
        # Out of order, or one is left out: then no other answer is surely where it belongs.
        return {job.at: AmbiguousWrite() for job in jobs}
    return {
        job.at: AmbiguousWrite() if answer is None else result(table, job.write, answer)
        for job, answer in zip_longest(jobs, told[: len(jobs)])
        if job is not None
    }


def _failed(failure: SystemFailure) -> WriteResult:
    match failure:
        case Ambiguous():
            return AmbiguousWrite()
        case Throttled(retry_after=wait):
            return ThrottledWrite(wait)
        case TooLarge():
            return Rejected((Reason("0x8004418A", "The row is larger than a request may be."),))
        case _:
            return NotAttempted()
