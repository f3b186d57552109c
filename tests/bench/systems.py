"""
Two systems that hold nothing: what they report is computed, and only edits are kept.

They keep the connectors' contract as far as a benchmark goes: pages, feeds with the old
values of edits on Marketo's side, conditional writes on Dynamics' side, batches of 300 and
1,000. *seconds* is the time spent in here, which is nobody's but the benchmark's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeAlias

import attrs
from attrs import Factory

from bench import workload
from bench.workload import DYNAMICS, FIELDS, LABELS, MARKETO, clock
from dynsync.connectors import ActivityLine, Capabilities, Page
from dynsync.errors import CursorExpired
from dynsync.fields import EntityMap, Field
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    NumberKind,
    TextKind,
)
from dynsync.records import Cursor, Edit, Entity, Pair, Record, RecordId, Side, Version, Wire
from dynsync.schemas import Column, Option, Schema
from dynsync.writes import Create, Created, Stale, Updated, Write, WriteResult

__all__ = ["MAP", "PAGE", "BenchClock", "BenchDynamics", "BenchMarketo", "BenchSystem"]

PAGE = 5000

_KINDS: dict[str, Kind] = {
    "text": TextKind(),
    "email": EmailKind(),
    "phone": TextKind("phone"),
    "integer": IntegerKind(),
    "decimal": NumberKind(digits=2),
    "boolean": BooleanKind(),
    "date": DateKind(),
    "instant": InstantKind(),
    "choice": ChoiceKind(),
}
_OPTIONS = tuple(Option(100 + place, label) for place, label in enumerate(LABELS))
_STAMPS = ("dynamicsId", "microsoftType", "microsoftDeleted")

MAP = EntityMap(
    entity=Entity("contact"),
    tables=Pair("person", "contact"),
    fields=tuple(Field(name, Pair(name, f"new_{name}"), _KINDS[kind]) for name, kind in FIELDS),
    link_field="dynamicsId",
    type_field="microsoftType",
    type_label="Contact",
    deleted_field="microsoftDeleted",
)


@attrs.define
class BenchClock:
    """Time that moves only when it is told to."""

    at: dt.datetime = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        """Return the time."""
        return self.at

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.at += dt.timedelta(seconds=seconds)


_Edited: TypeAlias = tuple[tuple[str, Wire, Wire], ...]
"""
The fields that were edited: name, old value and new value.

Nothing but tuples of plain values, which the garbage collector leaves alone: what a real system
holds is elsewhere, and would not be walked over in the middle of a run.
"""


@attrs.define(eq=False)
class BenchSystem:
    """What both systems have in common: edits by record, and a feed of them."""

    count: int
    clock: BenchClock
    loaded: bool = True
    edits: dict[int, dict[str, Wire]] = Factory(dict[int, dict[str, Wire]])
    versions: dict[int, int] = Factory(dict[int, int])
    feed: list[tuple[int, _Edited]] = Factory(list[tuple[int, "_Edited"]])
    epoch: int = 0
    seconds: float = 0.0
    born: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    side = Side.MARKETO
    place = MARKETO
    names = (*(field.names.marketo for field in MAP.fields), *_STAMPS)

    def identity(self) -> str:
        """Return the name of the system."""
        return f"bench {self.side.value}"

    def describe(self, table: str) -> Schema:
        """Return columns that take everything."""
        kinds = dict(zip(self.names, (kind for _, kind in FIELDS), strict=False))
        return Schema.of(
            table, [self.column(name, kinds.get(name, "stamp")) for name in self.names]
        )

    def column(self, name: str, kind: str) -> Column:
        """Return a column with the usual limits."""
        match kind:
            case "text" | "email" | "phone":
                return Column(name, length=255)
            case "integer" | "decimal":
                return Column(name, minimum=Decimal(-(2**31)), maximum=Decimal(2**31), digits=2)
            case _:
                return Column(name)

    def expire(self) -> None:
        """Forget every cursor: the next read is a full one."""
        self.epoch += 1

    @contextmanager
    def timed(self) -> Generator[None]:
        """Count the time of the block as ours."""
        began = clock()
        yield
        self.seconds += clock() - began

    # -- reading

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:  # noqa: ARG002 - the Protocol has it
        """Return a page of all records, or of the feed."""
        with self.timed():
            if len(fields) != len(self.names):
                raise AssertionError(fields)
            if cursor is None:
                cursor = Cursor(f"full {self.epoch} 0 {len(self.feed)}")
            kind, epoch, at, end = cursor.split()
            if int(epoch) != self.epoch:
                raise CursorExpired(self.side, "the cursor is too old")
            if kind == "full":
                return self._full_page(int(at), int(end))
            return self._feed_page(int(at))

    def _full_page(self, at: int, end: int) -> Page:
        count = self.count if self.loaded else 0
        order = workload.shuffled(count, self.place, at, at + PAGE) if count else ()
        records = [self.record(index) for index in order]
        if at + PAGE < count:
            return Page(records, Cursor(f"full {self.epoch} {at + PAGE} {end}"), more=True)
        return Page(records, Cursor(f"feed {self.epoch} {end} 0"))

    def _feed_page(self, at: int) -> Page:
        part = self.feed[at : at + PAGE]
        records = [self.record(index, edited) for index, edited in part]
        more = at + len(part) < len(self.feed)
        return Page(records, Cursor(f"feed {self.epoch} {at + len(part)} 0"), more=more)

    def record(self, index: int, edited: _Edited = ()) -> Record:
        """Return the record *index* as it is now."""
        values = dict(zip(self.names, self.row(index), strict=True))
        later = self.edits.get(index)
        if later is not None:
            values.update(later)
        stamp = self.clock.at if later is not None else self.born
        edits = tuple([Edit(*edit) for edit in edited])
        return Record(self.id_of(index), values, self.version(index), stamp, edits)

    def row(self, index: int) -> list[Wire]:
        """Return what the record held at first."""
        return workload.row(self.place, index)

    def version(self, index: int) -> Version | None:  # noqa: ARG002 - the Protocol has it
        """Return the version of the record, None where there are none."""
        return None

    def id_of(self, index: int) -> RecordId:
        """Return the id of the record."""
        return RecordId(workload.person_id(index))

    def index_of(self, id_: RecordId) -> int:
        """Return the number of the record."""
        return workload.index_of_person(id_)

    def fetch(
        self,
        table: str,  # noqa: ARG002 - the Protocol has it
        ids: Collection[RecordId],
        fields: Sequence[str],  # noqa: ARG002 - the Protocol has it
    ) -> Sequence[Record]:
        """Return some records."""
        with self.timed():
            return [self.record(self.index_of(id_)) for id_ in ids]

    def find(
        self,
        table: str,  # noqa: ARG002 - the Protocol has it
        field: str,  # noqa: ARG002 - the Protocol has it
        values: Collection[Wire],  # noqa: ARG002 - the Protocol has it
        fields: Sequence[str],  # noqa: ARG002 - the Protocol has it
    ) -> Sequence[Record]:
        """Return nobody."""
        return []

    # -- writing

    def change(self, indexes: Iterable[int], revision: int) -> None:
        """Let somebody edit three fields of each of *indexes*."""
        for index in indexes:
            new = {
                self.names[at]: workload.fresh(self.place, index, at, revision)[self.place]
                for at in workload.changed_fields(self.place, index, revision)
            }
            self._put(index, new)

    def _put(self, index: int, new: dict[str, Wire]) -> None:
        self.edits.setdefault(index, {}).update(new)
        self.versions[index] = self.versions.get(index, 0) + 1
        self.feed.append((index, ()))

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:  # noqa: ARG002 - the Protocol has it
        """Apply *writes*; all of them are fine, but for versions."""
        with self.timed():
            return [self._apply(write) for write in writes]

    def _apply(self, write: Write) -> WriteResult:
        if isinstance(write, Create):
            index = workload.index_of_dynamics(write.key)
            return Created(self.id_of(index), self.version(index))
        index = self.index_of(write.id)
        if write.expect is not None and write.expect != self.version(index):
            return Stale()
        self._put(index, dict(write.values))
        return Updated(write.id, self.version(index))


@attrs.define(eq=False)
class BenchMarketo(BenchSystem):
    """A Marketo: its feed tells old values, and it knows no versions."""

    capabilities = Capabilities(batch=300, find=300)

    def row(self, index: int) -> list[Wire]:
        """Return what the person held at first, stamps included."""
        return [*workload.row(MARKETO, index), workload.dynamics_id(index), "Contact", False]

    def _put(self, index: int, new: dict[str, Wire]) -> None:
        old = self.record(index).values
        super()._put(index, new)
        self.feed[-1] = (index, tuple([(name, old[name], new[name]) for name in new]))

    def log(self, lines: Sequence[ActivityLine]) -> Sequence[WriteResult]:
        """Take no lines: nothing is refused here."""
        raise AssertionError(len(lines))

    def logged(self, people: Collection[RecordId]) -> Collection[str]:  # noqa: ARG002 - the Protocol has it
        """Return nothing."""
        return ()


@attrs.define(eq=False)
class BenchDynamics(BenchSystem):
    """A Dynamics: every row has a version, and a stale write is refused."""

    capabilities = Capabilities(batch=1000, find=1000, conditional_writes=True)

    side = Side.DYNAMICS
    place = DYNAMICS
    names = tuple(field.names.dynamics for field in MAP.fields)

    def column(self, name: str, kind: str) -> Column:
        """Return a column with the usual limits; choices have their options."""
        return Column(name, options=_OPTIONS) if kind == "choice" else super().column(name, kind)

    def version(self, index: int) -> Version | None:
        """Return how often the row was written."""
        return Version(f"W/{self.versions.get(index, 0) + 4_000_000_000}")

    def id_of(self, index: int) -> RecordId:
        """Return the GUID of the row."""
        return RecordId(workload.dynamics_id(index))

    def index_of(self, id_: RecordId) -> int:
        """Return the number of the row."""
        return workload.index_of_dynamics(id_)

    def sync_user(self) -> RecordId:
        """Return the user that we write as."""
        return RecordId("00000000-0000-4000-8000-000000000001")
