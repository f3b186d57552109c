"""
Connectors that each break one promise, and the clause that they break.

Each is a sandbox's connector with one method that does one thing wrong. `BROKEN` is the
list; `run.py` prints what kills each of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeAlias, cast

import attrs

from broken.systems import dynamics, marketo
from dynsync.connectors import ActivityLine, Capabilities, Page
from dynsync.errors import Ambiguous, CursorExpired, SystemFailure, Throttled, Unavailable
from dynsync.records import Change, Cursor, Record, RecordId, Side, Tombstone, Version, Wire
from dynsync.sandbox import SandboxDynamicsConnector, SandboxMarketoConnector
from dynsync.schemas import FULL_ACCESS, Access, Schema
from dynsync.testing import Outside
from dynsync.writes import (
    Create,
    Created,
    Gone,
    Reason,
    Rejected,
    Stale,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["BROKEN", "Broken"]

Sandbox: TypeAlias = SandboxDynamicsConnector | SandboxMarketoConnector


class Wrapped:
    """Passes everything on to a sandbox's connector. Each broken one changes one thing."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        self.inner = inner
        self.outside = outside
        self.calls = 0

    @property
    def side(self) -> Side:
        """Pass on."""
        return self.inner.side

    @property
    def capabilities(self) -> Capabilities:
        """Pass on."""
        return self.inner.capabilities

    def identity(self) -> str:
        """Pass on."""
        return self.inner.identity()

    def describe(self, table: str) -> Schema:
        """Pass on."""
        return self.inner.describe(table)

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Pass on."""
        return self.inner.read(table, fields, cursor)

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Pass on."""
        return self.inner.fetch(table, ids, fields)

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Pass on."""
        return self.inner.find(table, field, values, fields)

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Pass on."""
        return self.inner.write(table, writes)

    def changed(self, page: Page, change: Callable[[Change], Change | None]) -> Page:
        """Return *page* with what *change* makes of its changes, None left out."""
        made = [change(one) for one in page.changes]
        return attrs.evolve(page, changes=[one for one in made if one is not None])


class OnDynamics(Wrapped):
    """Passes on what only a Dynamics connector has."""

    def sync_user(self) -> RecordId:
        """Pass on."""
        return cast("SandboxDynamicsConnector", self.inner).sync_user()


class OnMarketo(Wrapped):
    """Passes on what only a Marketo connector has."""

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Pass on."""
        return cast("SandboxMarketoConnector", self.inner).log(lines)

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Pass on."""
        return cast("SandboxMarketoConnector", self.inner).logged(people)


def valued(record: Change, values: Callable[[Mapping[str, Wire]], Mapping[str, Wire]]) -> Change:
    """Return *record* with what *values* makes of its values."""
    if isinstance(record, Tombstone):
        return record
    return attrs.evolve(record, values=values(record.values))


# -- C1: own names, wire values


class Converts(OnDynamics):
    """Tells flags as text."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Convert."""
        return [
            cast("Record", valued(one, lambda v: {n: _worded(w) for n, w in v.items()}))
            for one in super().fetch(table, ids, fields)
        ]


def _worded(wire: Wire) -> Wire:
    return str(wire).lower() if isinstance(wire, bool) else wire


class ParsesDates(OnDynamics):
    """Tells dates as datetime.date, which JSON cannot hold."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Parse."""
        page = super().read(table, fields, cursor)
        return self.changed(page, lambda one: valued(one, _dated))


def _dated(values: Mapping[str, Wire]) -> Mapping[str, Wire]:
    born = values.get("birthdate")
    if not isinstance(born, str):
        return values
    return {**values, "birthdate": cast("Wire", dt.date.fromisoformat(born))}


class ValuesOfOtherFields(OnDynamics):
    """Tells under each name what another field holds."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Mix up."""
        return [
            attrs.evolve(one, values=dict(zip(one.values, _turned(one), strict=True)))
            for one in super().fetch(table, ids, fields)
        ]


def _turned(record: Record) -> list[Wire]:
    wires = list(record.values.values())
    return [*wires[1:], *wires[:1]]


class DropsZeros(OnDynamics):
    """Reads text of digits as a number, as a spreadsheet does."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Read it so."""
        found = super().fetch(table, ids, fields)
        return [cast("Record", valued(one, _counted)) for one in found]


def _counted(values: Mapping[str, Wire]) -> Mapping[str, Wire]:
    return {
        name: int(wire) if isinstance(wire, str) and wire.isdecimal() else wire
        for name, wire in values.items()
    }


class OneAlphabet(OnDynamics):
    """Tells a question mark for each letter that is not of ASCII."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Replace them."""
        found = super().fetch(table, ids, fields)
        return [cast("Record", valued(one, _in_ascii)) for one in found]


def _in_ascii(values: Mapping[str, Wire]) -> Mapping[str, Wire]:
    return {
        name: wire.encode("ascii", "replace").decode() if isinstance(wire, str) else wire
        for name, wire in values.items()
    }


class NaiveModified(OnDynamics):
    """Tells modified_at without a zone."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Drop the zone."""
        page = super().read(table, fields, cursor)
        return self.changed(
            page,
            lambda one: attrs.evolve(one, modified_at=dt.datetime(2026, 1, 5)),  # noqa: DTZ001 - naive on purpose
        )


# -- C2: pages


class DropsPage(OnDynamics):
    """Skips every second page of a full read."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Skip one."""
        page = super().read(table, fields, cursor)
        self.calls += 1
        if page.more and self.calls % 2 == 0:
            return super().read(table, fields, page.cursor)
        return page


class RepeatsPageForEver(OnDynamics):
    """Gives the cursor that it was given, and says that there is more."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Stand still."""
        page = super().read(table, fields, cursor)
        return attrs.evolve(page, cursor=cursor) if cursor and page.more else page


class EndsTooEarly(OnDynamics):
    """Says after the first page that there is no more."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Say so."""
        return attrs.evolve(super().read(table, fields, cursor), more=False)


class FeedBeginsAtEnd(OnDynamics):
    """Begins the feed where the full read ended, and not where it began."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Give the newest cursor with the last page of a full read."""
        if cursor is None:
            self.calls = 1
        page = super().read(table, fields, cursor)
        if self.calls and not page.more:
            self.calls = 0
            fresh = super().read(table, fields, None)
            while fresh.more:
                fresh = super().read(table, fields, fresh.cursor)
            return attrs.evolve(page, cursor=fresh.cursor)
        return page


class NaiveTime(OnDynamics):
    """Tells the time of a page without a zone."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Drop the zone."""
        page = super().read(table, fields, cursor)
        return attrs.evolve(page, at=page.at.replace(tzinfo=None) if page.at else None)


class OnlyOnce(OnDynamics):
    """Knows a cursor once only; after that it has expired."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.used: set[Cursor] = set()

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Forget the cursor."""
        if cursor in self.used:
            raise CursorExpired(self.side, "the cursor was used")
        if cursor is not None:
            self.used.add(cursor)
        return super().read(table, fields, cursor)


# -- C3: nothing skipped


class CursorAhead(OnDynamics):
    """Gives a cursor that is one change ahead of what was told."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Leave out the last change of a page of the feed."""
        page = super().read(table, fields, cursor)
        full = cursor is None or self.calls
        self.calls = int(bool(full and page.more))
        return page if full else attrs.evolve(page, changes=page.changes[:-1])


class ForgetsOwnWrites(OnDynamics):
    """Leaves what the connector itself wrote out of the feed."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.mine: set[RecordId] = set()

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Remember whose."""
        results = super().write(table, writes)
        self.mine |= {one.id for one in results if isinstance(one, Updated)}
        return results

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Leave them out, of the feed only."""
        page = super().read(table, fields, cursor)
        if cursor is None:
            return page
        return self.changed(page, lambda one: None if one.id in self.mine else one)


class StaleFeed(OnDynamics):
    """Tells in the feed what a record held when it was first told."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.first: dict[RecordId, Mapping[str, Wire]] = {}

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Tell the first values again."""
        page = super().read(table, fields, cursor)
        return self.changed(page, self._first)

    def _first(self, change: Change) -> Change:
        if isinstance(change, Tombstone):
            return change
        held = self.first.setdefault(change.id, change.values)
        return attrs.evolve(change, values={name: held.get(name) for name in change.values})


class OmitsCleared(OnDynamics):
    """Leaves out what is null, so that a cleared field is never told."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Leave out."""
        page = super().read(table, fields, cursor)
        return self.changed(
            page,
            lambda one: valued(one, lambda v: {n: w for n, w in v.items() if w is not None}),
        )


class ForgetsDelete(OnDynamics):
    """Tells of nothing that is gone."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Leave out tombstones."""
        page = super().read(table, fields, cursor)
        return self.changed(page, lambda one: None if isinstance(one, Tombstone) else one)


class BuriesTheLiving(OnDynamics):
    """Tells a record that changed as gone."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Bury them, in the feed."""
        page = super().read(table, fields, cursor)
        if cursor is None or page.more:
            return page
        return self.changed(page, lambda one: Tombstone(one.id))


class ForgetsEdits(OnMarketo):
    """Tells only the newest of several edits."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Keep the last edit."""
        page = super().read(table, fields, cursor)
        return self.changed(
            page,
            lambda one: attrs.evolve(one, edits=one.edits[-1:]) if isinstance(one, Record) else one,
        )


class EditsWithoutOld(OnMarketo):
    """Tells edits with null as the value that they replaced."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Forget the old value."""
        page = super().read(table, fields, cursor)
        return self.changed(page, self._bare)

    def _bare(self, change: Change) -> Change:
        if isinstance(change, Tombstone):
            return change
        return attrs.evolve(
            change, edits=tuple(attrs.evolve(edit, old=None) for edit in change.edits)
        )


# -- C4: only what was asked


class TellsAll(OnDynamics):
    """Tells all columns, whatever was asked for."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Ask for all."""
        known = [name for name in self.inner.describe(table).columns if name not in fields]
        return super().read(table, [*fields, *known], cursor)


class MissingAsNull(OnDynamics):
    """Tells in the feed null for what did not change."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.seen: dict[RecordId, Mapping[str, Wire]] = {}

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Blank what is as before."""
        return self.changed(super().read(table, fields, cursor), self._blanked)

    def _blanked(self, change: Change) -> Change:
        if isinstance(change, Tombstone):
            return change
        old = self.seen.get(change.id, {})
        self.seen[change.id] = change.values
        same = {name for name, wire in change.values.items() if name in old and old[name] == wire}
        return attrs.evolve(
            change, values={n: None if n in same else w for n, w in change.values.items()}
        )


# -- C5: one result a write, in their order, and true


class TooFewResults(OnDynamics):
    """Tells no result of what was refused."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Leave refusals out."""
        return [one for one in super().write(table, writes) if not isinstance(one, Rejected)]


class ResultsOutOfOrder(OnDynamics):
    """Tells successes first and refusals last."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Sort."""
        return sorted(super().write(table, writes), key=lambda one: isinstance(one, Rejected))


class CreatesOutOfOrder(OnMarketo):
    """Tells the results of a batch from the last to the first."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Turn around."""
        return [*reversed(super().write(table, writes))]


class SuccessForRefusal(OnDynamics):
    """Says that what was refused is done."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Say so of updates."""
        return [
            Updated(write.id) if isinstance(one, Rejected) and isinstance(write, Update) else one
            for write, one in zip(writes, super().write(table, writes), strict=True)
        ]


class RefusalForSuccess(OnDynamics):
    """Says of every second update that it was refused, though it was applied."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Say so."""
        return [self._said(one) for one in super().write(table, writes)]

    def _said(self, result: WriteResult) -> WriteResult:
        self.calls += isinstance(result, Updated)
        if isinstance(result, Updated) and self.calls % 2:
            return Rejected((Reason("500", "it did not work"),))
        return result


class LosesUpdate(OnDynamics):
    """Says that an update is done, and does nothing."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Do nothing about updates."""
        kept = [write for write in writes if isinstance(write, Create)]
        results = iter(super().write(table, kept) if kept else ())
        return [
            next(results) if isinstance(write, Create) else Updated(write.id) for write in writes
        ]


class NeverClears(OnMarketo):
    """Leaves nulls out of an update, as if there were nothing to set."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Leave out."""
        return super().write(table, [_without_nulls(write) for write in writes])


def _without_nulls(write: Write) -> Write:
    values = {name: wire for name, wire in write.values.items() if wire is not None}
    return attrs.evolve(write, values=values)


class UpdatesTheGone(OnDynamics):
    """Makes a row again that an update did not find."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Make it."""
        return [
            self._made(table, write) if isinstance(one, Gone) else one
            for write, one in zip(writes, super().write(table, writes), strict=True)
        ]

    def _made(self, table: str, write: Write) -> WriteResult:
        id_ = write.id if isinstance(write, Update) else write.key
        [result] = super().write(table, [Create(id_, {"lastname": "?", **write.values})])
        return Updated(id_) if isinstance(result, Created) else result


class AllOrNothing(OnDynamics):
    """Gives up a batch at its first refusal, and says that the rest is done."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Stop, and go on talking."""
        results: list[WriteResult] = []
        stopped = False
        for write in writes:
            if stopped:
                done = Updated(write.id) if isinstance(write, Update) else Created(write.key)
                results.append(done)
                continue
            results += super().write(table, [write])
            stopped = isinstance(results[-1], Rejected)
        return results


class RaisesHalfway(OnDynamics):
    """Applies a batch until the first refusal, and raises then that the system is down."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Raise over what is refused."""
        results: list[WriteResult] = []
        for write in writes:
            results += super().write(table, [write])
            if isinstance(results[-1], Rejected):
                raise Unavailable(self.side, "the system is down")
        return results


class RaisesOnce(OnDynamics):
    """Applies half of its first batch, and raises then that the system is down."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Raise over the first batch of several."""
        self.calls += len(writes) > 1
        if self.calls == 1 and len(writes) > 1:
            super().write(table, writes[: len(writes) // 2])
            raise Unavailable(self.side, "the system is down")
        return super().write(table, writes)


class ThrottledHalfway(OnMarketo):
    """Applies the first write of a batch, and says that the whole came over a limit."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Raise over the second."""
        results = super().write(table, writes[:1])
        if len(writes) > 1:
            raise Throttled(self.side, "over the limit", retry_after=1.0)
        return results


class AppliesAndRaises(OnMarketo):
    """Applies every second batch of updates, and raises then that the system is down."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Raise after the first."""
        results = super().write(table, writes)
        updates = any(isinstance(write, Update) for write in writes)
        self.calls += updates
        if updates and self.calls % 2:
            raise Unavailable(self.side, "the system is down")
        return results


# -- C6: creates are idempotent


class NewIdEachTime(OnDynamics):
    """Lets the system choose the id of a new row, and passes the key over."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Choose."""
        return super().write(table, [self._other(write) for write in writes])

    def _other(self, write: Write) -> Write:
        self.calls += 1
        if isinstance(write, Update):
            return write
        return attrs.evolve(write, key=RecordId(f"ffffffff-0000-4000-8000-{self.calls:012x}"))


class TwoAtOnce(OnMarketo):
    """Makes a second person where one holds the key already."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Make another, and then write the key into it."""
        return [self._second(table, write) for write in writes]

    def _second(self, table: str, write: Write) -> WriteResult:
        if isinstance(write, Update) or write.key_field is None:
            return super().write(table, [write])[0]
        if not super().find(table, write.key_field, [write.key], []):
            return super().write(table, [write])[0]
        return Created(self.outside.create(write.values))


class QuietSecond(OnMarketo):
    """Makes a second person too, and gives the id of the first."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Make another, and tell of the first."""
        for write in writes:
            if isinstance(write, Create) and write.key_field is not None:
                found = super().find(table, write.key_field, [write.key], [])
                if found:
                    self.outside.create(write.values)
                    return [Updated(found[0].id) for _ in writes]
        return super().write(table, writes)


class OwnWordForDuplicate(OnDynamics):
    """Tells of a duplicate in the system's own code."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Keep the code."""
        return [
            Rejected((Reason("0x80040237", "there is one"),))
            if isinstance(one, Rejected) and one.reasons[0].code == "duplicate_key"
            else one
            for one in super().write(table, writes)
        ]


# -- C7: stale writes are refused


class AcceptsStale(OnDynamics):
    """Passes the expected version over."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Expect nothing."""
        return super().write(
            table,
            [attrs.evolve(one, expect=None) if isinstance(one, Update) else one for one in writes],
        )


class AppliesStale(OnDynamics):
    """Says Stale, and applies the write nevertheless."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply."""
        results = super().write(table, writes)
        for write, result in zip(writes, results, strict=True):
            if isinstance(result, Stale) and isinstance(write, Update):
                super().write(table, [attrs.evolve(write, expect=None)])
        return results


class WrongVersion(OnDynamics):
    """Tells a version with fetch that no write is taken with."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Tell another."""
        found = super().fetch(table, ids, fields)
        return [attrs.evolve(one, version=Version('W/"0"')) for one in found]


class NoVersion(OnDynamics):
    """Promises conditional writes and tells no version."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Leave it out."""
        page = super().read(table, fields, cursor)
        return self.changed(
            page, lambda one: attrs.evolve(one, version=None) if isinstance(one, Record) else one
        )


class VersionIsTheSecond(OnDynamics):
    """Takes the second of the last change for the version: two edits in one are one."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.versions: dict[tuple[RecordId, Version | None], Version] = {}

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Tell the second."""
        found = super().fetch(table, ids, fields)
        return [attrs.evolve(one, version=Version(str(one.modified_at))) for one in found]

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Compare the second."""
        return [self._compared(table, write) for write in writes]

    def _compared(self, table: str, write: Write) -> WriteResult:
        if isinstance(write, Update) and write.expect is not None:
            now = [one.version for one in self.fetch(table, [write.id], [])]
            if now and write.expect[:2] == "20" and now != [write.expect]:
                return Stale()
            if write.expect[:2] == "20":
                write = attrs.evolve(write, expect=None)
        return super().write(table, [write])[0]


# -- C8: the failure language


class SwallowsThrottle(OnDynamics):
    """Tells an empty page where it was asked to slow down."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Swallow it."""
        try:
            return super().read(table, fields, cursor)
        except Throttled:
            return Page([], cursor or Cursor("none"))


class EmptyForOutage(OnMarketo):
    """Fetches nothing where the system is down."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Swallow it."""
        try:
            return super().fetch(table, ids, fields)
        except SystemFailure:
            return []


class LostIsDown(OnDynamics):
    """Says that nothing was applied where the answer was lost."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Say so."""
        try:
            return super().write(table, writes)
        except Ambiguous as failure:
            raise Unavailable(failure.side, failure.message) from None


class ForeignException(OnDynamics):
    """Lets an exception of its HTTP client through."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Let it through."""
        try:
            return super().write(table, writes)
        except Throttled as failure:
            raise ConnectionError(429) from failure


class KeyErrorForGone(OnMarketo):
    """Fails over a record that is not there any more."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Look them up."""
        found = {one.id: one for one in super().fetch(table, ids, fields)}
        return [found[id_] for id_ in ids]


class OtherSide(OnDynamics):
    """Says that the other side asked to slow down."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Name the other."""
        try:
            return super().read(table, fields, cursor)
        except Throttled as failure:
            raise attrs.evolve(failure, side=Side.MARKETO) from None


class NullForUnknownField(OnDynamics):
    """Tells null of a field that is not there."""

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Pass it over."""
        known = self.inner.describe(table).columns
        return super().read(table, [name for name in fields if name in known], cursor)


# -- C9: values are not shared


class ChangesWhatItReturned(OnDynamics):
    """Uses one dict for all values of a record, and changes it later."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.cache: dict[RecordId, dict[str, Wire]] = {}

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Keep the dict."""
        return [self._kept(one) for one in super().fetch(table, ids, fields)]

    def _kept(self, record: Record) -> Record:
        cached = self.cache.setdefault(record.id, {})
        cached.clear()
        cached.update(record.values)
        return attrs.evolve(record, values=cached)


class ChangesWhatItWasGiven(OnDynamics):
    """Writes the id into the values that it was given."""

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Write it."""
        for write in writes:
            if isinstance(write, Create):
                cast("dict[str, Wire]", write.values)["contactid"] = write.key
        return super().write(table, writes)


# -- what is asked, and when


class NewNameEachTime(OnDynamics):
    """Has another name each time that it is asked."""

    def identity(self) -> str:
        """Count."""
        self.calls += 1
        return f"connection {self.calls}"


class HidesNothing(OnDynamics):
    """Passes over that a column may not be read, which then reads as null."""

    def describe(self, table: str) -> Schema:
        """Say that all may be done with it."""
        return _granting(super().describe(table), "firstname")


class HidesRight(HidesNothing):
    """Passes over that a column may not be written."""


def _granting(schema: Schema, name: str) -> Schema:
    column = attrs.evolve(schema.columns[name], access=FULL_ACCESS)
    return Schema.of(schema.table, {**schema.columns, name: column}.values())


class HidesLength(OnDynamics):
    """Tells another length than the column has."""

    def describe(self, table: str) -> Schema:
        """Tell 4,000."""
        schema = super().describe(table)
        longer = [
            attrs.evolve(one, length=4_000 if one.length else None)
            for one in schema.columns.values()
        ]
        return Schema.of(table, longer)


class FetchesTheDead(OnMarketo):
    """Fetches what it saw once, though it is gone."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.seen: dict[RecordId, Record] = {}

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Remember what was made."""
        results = super().write(table, writes)
        made = [one.id for one in results if isinstance(one, Created)]
        names = [write.values for write in writes][:1]
        for record in super().fetch(table, made, [*(names[0] if names else ())]):
            self.seen[record.id] = record
        return results

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Tell what was remembered of those who are gone."""
        found = super().fetch(table, ids, fields)
        lost = {*ids} - {one.id for one in found}
        return [*found, *(_some(self.seen[id_], fields) for id_ in lost if id_ in self.seen)]


def _some(record: Record, fields: Iterable[str]) -> Record:
    return attrs.evolve(record, values={name: record.values.get(name) for name in fields})


class FetchesTheNeighbour(OnDynamics):
    """Fetches all rows, whichever were asked for."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Fetch all."""
        page = self.inner.read(table, fields, None)
        others = [one.id for one in page.changes if isinstance(one, Record)]
        return super().fetch(table, [*dict.fromkeys([*ids, *others])], fields)


class FetchesOne(OnDynamics):
    """Fetches the first of several only."""

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Fetch one."""
        return super().fetch(table, [*ids][:1], fields)


class FindsExactly(OnDynamics):
    """Finds only what is written in the same letters."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Compare letter by letter."""
        found = super().find(table, field, values, fields)
        return [one for one in found if one.values[field] in values]


class FindsWithoutField(OnDynamics):
    """Tells what it found without the field that it was found by."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Leave the field out."""
        return [_some(one, fields) for one in super().find(table, field, values, fields)]


class FindsFirst(OnMarketo):
    """Finds one person where several hold the value."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Find one."""
        return super().find(table, field, values, fields)[:1]


class FindsNoQuote(OnDynamics):
    """Puts a value into its query as it is, so that a quote in it ends the query."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Fail over a quote."""
        if any("'" in str(value) for value in values):
            raise Unavailable(Side.DYNAMICS, "400 Bad Request")
        return super().find(table, field, values, fields)


class FindsByPattern(OnDynamics):
    """Finds what is like the value, which holds signs of a pattern."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Find what is like it."""
        every = [*dict.fromkeys([field, *fields])]
        page = self.inner.read(table, every, None)
        records = [*page.changes]
        while page.more:
            page = self.inner.read(table, every, page.cursor)
            records += page.changes
        like = [str(value).casefold().replace("%", "*").replace("_", "?") for value in values]
        return [
            one
            for one in records
            if isinstance(one, Record)
            and any(fnmatchcase(str(one.values[field]).casefold(), pattern) for pattern in like)
        ]


class FindsTooMuch(OnDynamics):
    """Finds what begins with the same letter, on the first page."""

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Find all that do."""
        letters = {str(value)[:1].lower() for value in values}
        page = self.inner.read(table, [*dict.fromkeys([field, *fields])], None)
        records = [one for one in page.changes if isinstance(one, Record)]
        return [one for one in records if str(one.values[field])[:1].lower() in letters]


class LogsTwice(OnMarketo):
    """Writes every line twice."""

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Write, and write again."""
        super().log(lines)
        return super().log(lines)


class ForgetsLines(OnMarketo):
    """Knows only the lines that it wrote last."""

    def __init__(self, inner: Sandbox, outside: Outside) -> None:
        super().__init__(inner, outside)
        self.last: set[str] = set()

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Remember the last only."""
        self.last = {line.key for line in lines}
        return super().log(lines)

    def logged(self, people: Collection[RecordId]) -> Collection[str]:
        """Tell the last."""
        return [key for key in super().logged(people) if key in self.last]


class LogsForTheGone(OnMarketo):
    """Says that a line was added for somebody who is gone."""

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Say so."""
        return [
            Created(RecordId(line.key)) if isinstance(one, Gone) else one
            for line, one in zip(lines, super().log(lines), strict=True)
        ]


class SomebodyElse(OnDynamics):
    """Names another user than the one who writes."""

    def sync_user(self) -> RecordId:
        """Name another."""
        return RecordId("99999999-0000-4000-8000-000000000000")


@attrs.frozen
class Broken:
    """A broken connector, the clause that it breaks, and what its system is like."""

    connector: type[Wrapped]
    clause: str
    prepare: Callable[[Sandbox], None] = attrs.field(default=lambda _: None)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.connector.__name__

    @property
    def wrong(self) -> str:
        """What it does, in a line."""
        return (self.connector.__doc__ or "").strip()

    @property
    def table(self) -> str:
        """The table that it is checked with."""
        return "person" if issubclass(self.connector, OnMarketo) else "contact"

    def make(self) -> tuple[Wrapped, Outside]:
        """Return one to a fresh system."""
        inner, outside = marketo() if issubclass(self.connector, OnMarketo) else dynamics()
        self.prepare(inner)
        return self.connector(inner, outside), outside


def _secured(access: Access) -> Callable[[Sandbox], None]:
    def secure(inner: Sandbox) -> None:
        system = cast("SandboxDynamicsConnector", inner).system
        system.secure("contact", "firstname", access)

    return secure


BROKEN: Final[tuple[Broken, ...]] = (
    Broken(Converts, "C1"),
    Broken(ParsesDates, "C1"),
    Broken(ValuesOfOtherFields, "C1"),
    Broken(DropsZeros, "C1"),
    Broken(OneAlphabet, "C1"),
    Broken(NaiveModified, "C1"),
    Broken(DropsPage, "C2"),
    Broken(RepeatsPageForEver, "C2"),
    Broken(EndsTooEarly, "C2"),
    Broken(FeedBeginsAtEnd, "C2"),
    Broken(NaiveTime, "C2"),
    Broken(OnlyOnce, "C2"),
    Broken(CursorAhead, "C3"),
    Broken(ForgetsOwnWrites, "C3"),
    Broken(StaleFeed, "C3"),
    Broken(OmitsCleared, "C3"),
    Broken(ForgetsDelete, "C3d"),
    Broken(BuriesTheLiving, "C3d"),
    Broken(ForgetsEdits, "C3e"),
    Broken(EditsWithoutOld, "C3e"),
    Broken(TellsAll, "C4"),
    Broken(MissingAsNull, "C4"),
    Broken(TooFewResults, "C5"),
    Broken(ResultsOutOfOrder, "C5"),
    Broken(CreatesOutOfOrder, "C5"),
    Broken(SuccessForRefusal, "C5"),
    Broken(RefusalForSuccess, "C5"),
    Broken(LosesUpdate, "C5"),
    Broken(NeverClears, "C5"),
    Broken(UpdatesTheGone, "C5"),
    Broken(AllOrNothing, "C5"),
    Broken(RaisesHalfway, "C5"),
    Broken(RaisesOnce, "C5"),
    Broken(ThrottledHalfway, "C5"),
    Broken(AppliesAndRaises, "C5"),
    Broken(NewIdEachTime, "C6"),
    Broken(TwoAtOnce, "C6"),
    Broken(QuietSecond, "C6"),
    Broken(OwnWordForDuplicate, "C6"),
    Broken(AcceptsStale, "C7"),
    Broken(AppliesStale, "C7"),
    Broken(WrongVersion, "C7"),
    Broken(NoVersion, "C7"),
    Broken(VersionIsTheSecond, "C7"),
    Broken(SwallowsThrottle, "C8"),
    Broken(EmptyForOutage, "C8"),
    Broken(LostIsDown, "C8"),
    Broken(ForeignException, "C8"),
    Broken(KeyErrorForGone, "C8"),
    Broken(OtherSide, "C8"),
    Broken(NullForUnknownField, "C8"),
    Broken(ChangesWhatItReturned, "C9"),
    Broken(ChangesWhatItWasGiven, "C9"),
    Broken(NewNameEachTime, "identity"),
    Broken(HidesNothing, "describe", _secured(Access.CREATE | Access.UPDATE)),
    Broken(HidesRight, "describe", _secured(Access.READ)),
    Broken(HidesLength, "describe"),
    Broken(FetchesTheDead, "fetch"),
    Broken(FetchesTheNeighbour, "fetch"),
    Broken(FetchesOne, "fetch"),
    Broken(FindsExactly, "find"),
    Broken(FindsWithoutField, "find"),
    Broken(FindsFirst, "find"),
    Broken(FindsTooMuch, "find"),
    Broken(FindsNoQuote, "find"),
    Broken(FindsByPattern, "find"),
    Broken(LogsTwice, "log"),
    Broken(ForgetsLines, "log"),
    Broken(LogsForTheGone, "log"),
    Broken(SomebodyElse, "sync_user"),
)
