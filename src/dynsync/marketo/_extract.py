"""
A full read by bulk extract: a job for each month in which people were made.

The files are fetched in parts to a place of our own and checked before a row is believed.
Some jobs wait in Marketo's queue while another one's file is read.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from dynsync.errors import Refused, Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, all_of
from dynsync.marketo._jobs import Job, created, enqueued, fetched, looked_at
from dynsync.marketo._json import moment_of
from dynsync.marketo._leads import BATCH, by_id, chunks
from dynsync.marketo._places import Progress
from dynsync.marketo._replies import QueueFull
from dynsync.marketo._spool import PART, Spool, Unreadable
from dynsync.records import Record, RecordId, Side, Wire

__all__ = ["KIND", "Extract", "Extracted"]

KIND: Final = "bulk"

_DAY: Final = 86_400
_SPAN: Final = 30 * 86_400
"""Marketo takes no longer a span than 31 days."""

_AHEAD: Final = 4
"""How many jobs are ours at a time: two run, and ten are all that an instance queues."""

_POLL: Final = 60.0
"""How often Marketo looks at a job itself, in seconds."""


def _midnight(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())


_FIRST: Final = _midnight(dt.date(2006, 1, 1))
"""Before that, nobody was made: there was no Marketo."""


_TRIES: Final = 3
"""How often in a row a job may fail."""


@attrs.frozen
class _Span:
    """
    How far an extract is: people made before *next* are in a job or read, those to *end* count.

    *byte* is the next of the first of *jobs*, *step* counts on, and *failed* says how many
    jobs failed in a row.
    """

    next: int
    end: int
    byte: int = 0
    step: int = 0
    failed: int = 0

    @classmethod
    def of(cls, progress: Progress) -> _Span:
        return cls(*progress.numbers)


@attrs.frozen
class Extracted:
    """Who was *found*, as they were when the file was written, and how to go *on*, if there is."""

    found: Sequence[Record]
    on: Progress | None = None


@attrs.frozen
class _Step:
    """What one step came to: how far it is now, who was *found*, and if it let time *pass*."""

    progress: Progress
    found: Sequence[Record] = ()
    passed: float = 0.0

    @property
    def done(self) -> bool:
        """Whether everybody was read."""
        span = _Span.of(self.progress)
        return not self.progress.jobs and span.next >= span.end


class Extract:
    """
    Bulk extracts of one instance.

    A place says which jobs there are and which byte is next; the files can be had from
    Marketo again, for some days.
    """

    def __init__(self, api: Api, calls: Calls) -> None:
        self._api = api
        self._calls = calls
        self._spools: dict[str, Spool] = {}

    def close(self) -> None:
        """Let go of the files."""
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def begin(self, fields: str, began: dt.date | None, gap: int) -> Progress:
        """
        Return where a read of the fields with that digest begins.

        That is the day *began*, or else the first person, looked for among *gap* ids. Raises
        `Refused` for a day that nobody has seen yet.
        """
        end = int(self._calls.now().timestamp()) + 1
        start = self._oldest(gap) if began is None else max(_midnight(began), _FIRST)
        if start > end + _DAY:
            # As nobody it would seem that everybody is gone.
            seen = f"began={began} is in the future: nobody would be read. Give an earlier day"
            raise Refused(Side.MARKETO, seen)
        return _at(Progress(KIND, fields), _Span(min(start, end), end))

    def _oldest(self, gap: int) -> int:
        """Return when the first person was made."""
        wide = BATCH * self._calls.limiter.pace.at_once
        for first in range(1, gap + 1, wide):
            ids = [str(number) for number in range(first, first + wide)]
            flows = [by_id(self._api, part, ["createdAt"]) for part in chunks(ids)]
            people = [one for some in all_of(self._calls.run_all(flows)) for one in some]
            moments = [moment_of(str(person.values["createdAt"])) for person in people]
            known = [int(moment.timestamp()) for moment in moments if moment is not None]
            if known:
                # People have their numbers in the order in which they were made.
                return min(known)
        return _FIRST

    def page(
        self, progress: Progress, fields: Sequence[str], types: Mapping[str, str]
    ) -> Extracted:
        """Return the next people, or nobody where there was something to wait for."""
        step = _Step(progress)
        while not (step.found or step.passed or step.done):
            step = self._step(step.progress, fields, types)
        if step.done:
            return Extracted(step.found)
        # Or a page that only waited would be at the place where it began.
        span = _Span.of(step.progress)
        return Extracted(step.found, _at(step.progress, attrs.evolve(span, step=span.step + 1)))

    def _step(self, progress: Progress, fields: Sequence[str], types: Mapping[str, str]) -> _Step:
        progress = self._topped_up(progress, fields)
        if not progress.jobs:
            return self._rest(progress)
        id_ = progress.jobs[0][0]
        spool = self._spools.get(id_)
        if spool is None:
            return self._looked(progress, self._calls.run(looked_at(self._api, id_)), fields)
        if not spool.complete:
            return self._fetched(progress, id_, spool)
        span = _Span.of(progress)
        try:
            rows, byte = spool.rows(span.byte, types)
        except Unreadable:
            self._let_go(id_)
            message = "the file of an export cannot be read; full='ids' does without it"
            raise Unavailable(Side.MARKETO, message) from None
        found = [_record(row, fields) for row in rows]
        if byte < spool.size:
            return _Step(_at(progress, attrs.evolve(span, byte=byte)), found)
        self._let_go(id_)
        return _Step(_next_job(progress), found)

    def _topped_up(self, progress: Progress, fields: Sequence[str]) -> Progress:
        """Make the jobs of the next months, as many as are ours at a time."""
        span = _Span.of(progress)
        while len(progress.jobs) < _AHEAD and span.next < span.end:
            end = min(span.next + _SPAN, span.end)
            try:
                id_ = self._made(fields, span.next, end)
            except QueueFull:
                break
            progress = attrs.evolve(progress, jobs=(*progress.jobs, (id_, span.next, end)))
            span = attrs.evolve(span, next=end)
            progress = _at(progress, span)
        return progress

    def _made(self, fields: Sequence[str], start: int, end: int) -> str:
        """Make a job and return its id; it waits to be queued if the queue is full."""
        wanted = list(dict.fromkeys(("id", *fields, "updatedAt")))
        job = self._calls.run(created(self._api, wanted, start, end))
        with contextlib.suppress(QueueFull):
            self._calls.run(enqueued(self._api, job.id))
        return job.id

    def _looked(self, progress: Progress, job: Job, fields: Sequence[str]) -> _Step:
        """Go on by what Marketo says of the first job."""
        match job.status.lower():
            case "completed" if job.size:
                self._spools[job.id] = Spool(job.size, job.checksum)
                return _Step(progress)
            case "completed" if job.size == 0:
                return _Step(_next_job(progress))
            case "completed":
                # As an empty one it would make everybody in it seem to be gone.
                raise Unavailable(Side.MARKETO, "the size of an export's file is not told")
            case "created":
                with contextlib.suppress(QueueFull):
                    self._calls.run(enqueued(self._api, job.id))
                return self._rest(progress)
            case "failed" | "cancelled" | "canceled":
                return self._again(progress, fields)
            case _:
                return self._rest(progress)

    def _again(self, progress: Progress, fields: Sequence[str]) -> _Step:
        """Make a job in the place of the first one, which failed."""
        span = _Span.of(progress)
        if span.failed + 1 >= _TRIES:
            message = f"bulk extract failed {_TRIES} times in a row; full='ids' does without it"
            raise Refused(Side.MARKETO, message)
        (_, start, end), *rest = progress.jobs
        try:
            id_ = self._made(fields, start, end)
        except QueueFull:
            return self._rest(progress)
        progress = attrs.evolve(progress, jobs=((id_, start, end), *rest))
        return _Step(_at(progress, attrs.evolve(span, byte=0, failed=span.failed + 1)))

    def _fetched(self, progress: Progress, id_: str, spool: Spool) -> _Step:
        """Fetch the next part of a file; raise `Unavailable` if it is not what Marketo wrote."""
        last = min(spool.got + PART, spool.size) - 1
        part = self._calls.run(fetched(self._api, id_, spool.got, last))
        spool.add(part)
        if not part or (spool.complete and not spool.intact):
            self._let_go(id_)
            raise Unavailable(Side.MARKETO, "the file of an export came damaged")
        return _Step(progress, passed=0.0 if spool.complete else _MOMENT)

    def _rest(self, progress: Progress) -> _Step:
        self._calls.sleep(_POLL)
        return _Step(progress, passed=_POLL)

    def _let_go(self, id_: str) -> None:
        self._spools.pop(id_).close()


_MOMENT: Final = 1.0
"""What a part of a large file takes, more or less: the engine is to hear from us meanwhile."""


def _at(progress: Progress, span: _Span) -> Progress:
    return attrs.evolve(progress, numbers=attrs.astuple(span))


def _next_job(progress: Progress) -> Progress:
    span = attrs.evolve(_Span.of(progress), byte=0, failed=0)
    return _at(attrs.evolve(progress, jobs=progress.jobs[1:]), span)


def _record(row: Mapping[str, Wire], fields: Sequence[str]) -> Record:
    """Return the person in *row* with the values of *fields*."""
    values = {name: row.get(name) for name in fields}
    return Record(
        RecordId(str(row["id"])), values, modified_at=moment_of(str(row.get("updatedAt")))
    )
