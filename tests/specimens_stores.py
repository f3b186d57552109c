"""Stores that are broken on purpose, each in one way; the clause that each breaks."""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import attrs

from dynsync.backlog import Known, Linked, LinkState, Pending, PendingKey, Sent
from dynsync.errors import LeaseHeld, StateError
from dynsync.memory import MemoryStore
from dynsync.memory._copies import own_link
from dynsync.records import Entity, Pair, RecordId, Side
from dynsync.state import Backlog, FeedState, JournalEntry

__all__ = ["BROKEN_STORES"]


class _Twinned(MemoryStore):
    """A store whose second handles and copies are broken in the same way."""

    def twin(self) -> MemoryStore:
        other = type(self)()
        other._data = self._data
        return other

    def __deepcopy__(self, memo: dict[int, object]) -> MemoryStore:
        whole = super().__deepcopy__(memo)
        other = type(self)()
        other._data = whole._data
        return other


class CommitsAsItGoes(_Twinned):
    """Every call is kept at once, whatever becomes of its transaction."""

    @contextmanager
    def transaction(self) -> Generator[None]:
        yield


class UndoesOnErrorsOnly(_Twinned):
    """A block that ends by an interrupt is committed."""

    @contextmanager
    def transaction(self) -> Generator[None]:
        mark = self._data.log.begin()
        try:
            yield
        except Exception:
            self._data.log.back_to(mark)
            raise
        finally:
            self._data.log.end()


class ForgetsInnerFailures(_Twinned):
    """A transaction inside another is no transaction: what it wrote stays when it fails."""

    depth = 0

    @contextmanager
    def transaction(self) -> Generator[None]:
        if self.depth:
            yield
            return
        self.depth = 1
        try:
            with super().transaction():
                yield
        finally:
            self.depth = 0


class FeedOutsideTransaction(_Twinned):
    """A cursor moves at once, though its page may be undone."""

    def save_feed(self, name: str, state: FeedState) -> None:
        self._data.feeds.rows[name] = state


class ReadsWhatWasCommitted(_Twinned):
    """Reads a copy that was made when the transaction began."""

    before: MemoryStore | None = None

    @contextmanager
    def transaction(self) -> Generator[None]:
        outermost = self.before is None
        if outermost:
            self.before = MemoryStore.__deepcopy__(self, {})
        try:
            with super().transaction():
                yield
        finally:
            if outermost:
                self.before = None

    def links(self, keys: Collection[int]) -> Mapping[int, Linked]:
        return super().links(keys) if self.before is None else self.before.links(keys)


class LinksTwice(_Twinned):
    """Two links of one record are no matter."""

    def _check_unique(self, link: Linked) -> None:
        pass


class LinksPeopleTwice(_Twinned):
    """Only Dynamics' ids are unique."""

    def _check_unique(self, link: Linked) -> None:
        for key in self._keys(Side.DYNAMICS, link.ids.dynamics):
            if key != link.key and self._data.links.rows[key].entity == link.entity:
                raise StateError("twice")


class KeepsHalfOfRefused(_Twinned):
    """Of links that break a rule, those that came first stay."""

    def save_links(self, links: Iterable[Linked]) -> None:
        for link in links:
            super().save_links([link])


class LeaseForAll(_Twinned):
    """Whoever asks gets the lease."""

    def acquire(self, now: float, ttl: float) -> None:
        self._data.lease.put("", (self._owner, now + ttl))


class LostLeaseIsRenewed(_Twinned):
    """A lease that another took meanwhile is simply taken back."""

    def renew(self, now: float, ttl: float) -> None:
        self._data.lease.put("", (self._owner, now + ttl))


class AnybodyReleases(_Twinned):
    """Gives another's lease back."""

    def release(self) -> None:
        self._data.lease.put("", None)


class KeepsTheLists(_Twinned):
    """What is passed in is kept as it is."""

    def save_pending(self, entries: Iterable[Pending]) -> None:
        with self.transaction():
            for entry in entries:
                self._data.pending.put(entry.key, entry)


class HandsOutItsRows(_Twinned):
    """What is handed out is what is kept."""

    def known(
        self, side: Side, ids: Collection[RecordId], entity: Entity | None = None
    ) -> Mapping[RecordId, Known]:
        return {
            record: known._replace(row=self._data.links.rows[known.key].rows[side])
            for record, known in super().known(side, ids, entity).items()
        }


class ScratchThatKeeps(_Twinned):
    """A transaction inside a scratch block is committed."""

    @contextmanager
    def scratch(self) -> Generator[None]:
        yield


class ScratchKeepsTheJournal(_Twinned):
    """A scratch block takes back all but the journal."""

    @contextmanager
    def scratch(self) -> Generator[None]:
        with super().scratch():
            yield
            journal, seq = dict(self._data.journal.rows), self._data.counters.rows.get("seq", 0)
        self._data.journal.rows.update(journal)
        self._data.counters.rows["seq"] = seq


class TrueIsOne(_Twinned):
    """Keeps yes and no as numbers."""

    def save_links(self, links: Iterable[Linked]) -> None:
        super().save_links(
            attrs.evolve(
                link,
                rows=link.rows.map(
                    lambda row: [int(value) if isinstance(value, bool) else value for value in row]
                ),
            )
            for link in links
        )


class ForgetsHolds(_Twinned):
    """A backlog entry comes back without what is held."""

    def save_pending(self, entries: Iterable[Pending]) -> None:
        super().save_pending(attrs.evolve(entry, holds=()) for entry in entries)


class WholeSeconds(_Twinned):
    """Moments are cut to whole seconds."""

    def save_pending(self, entries: Iterable[Pending]) -> None:
        super().save_pending(attrs.evolve(e, since=float(int(e.since))) for e in entries)


class VersionsUpsert(_Twinned):
    """A version for a link that is none makes an error."""

    def save_sent(self, sent: Mapping[int, tuple[Sent, ...]]) -> None:
        for key in sent:
            if key not in self._data.links.rows:
                raise KeyError(key)
        super().save_sent(sent)


class DueByKey(_Twinned):
    """What is due comes in the order of keys."""

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        return sorted(super().due(now, after, limit), key=lambda entry: entry.key)


class DueAfterMoment(_Twinned):
    """A page ends between two entries of one moment, and the second is skipped."""

    def due(
        self, now: float, after: tuple[float, PendingKey] | None, limit: int
    ) -> Sequence[Pending]:
        found = super().due(now, after, limit)
        return [entry for entry in found if after is None or entry.modified > after[0]]


class SleepersAreDue(_Twinned):
    """What waits for no time is due at once."""

    def wake(self, entity: Entity, at: float) -> None:
        with self.transaction():
            for key, entry in list(self._data.pending.rows.items()):
                if entry.entity == entity:
                    self._data.pending.put(key, attrs.evolve(entry, retry_at=at))


class KnowsTheDead(_Twinned):
    """Of a person's links the newest counts, gone or not."""

    def _find(self, side: Side, record: RecordId, entity: Entity | None) -> Linked | None:
        links = [self._data.links.rows[key] for key in self._keys(side, record)]
        fitting = [link for link in links if entity in {None, link.entity}]
        return max(fitting, key=lambda link: link.key, default=None)


class KnowsAnyEntity(_Twinned):
    """One Dynamics id in two tables is one record."""

    def link_of(self, side: Side, id: RecordId, entity: Entity | None = None) -> Linked | None:  # noqa: ARG002 - the protocol has it
        link = self._find(side, id, None)
        return None if link is None else own_link(link)


class ListsLinks(_Twinned):
    """Returns all links at once."""

    def each_link(self, entity: Entity) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        return list(super().each_link(entity))  # type: ignore[return-value]


class BreaksWhileWalked(_Twinned):
    """Loses its place in a stream when something is written."""

    def each_pending(self) -> Iterator[Pending]:
        count = len(self._data.settings.rows)
        for entry in super().each_pending():
            if len(self._data.settings.rows) == count:
                yield entry


class KeepsLostValues(_Twinned):
    """A field that went leaves its lost values in the journal."""

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        lines = dict(self._data.journal.rows)
        super().relayout(entity, old, new)
        with self.transaction():
            for seq, line in lines.items():
                self._data.journal.put(seq, line)


class MovesTwice(_Twinned):
    """A change of layout that is repeated after a crash is made a second time."""

    def relayout(self, entity: Entity, old: Sequence[str], new: Sequence[str]) -> None:
        self._data.moves.put(entity, None)
        super().relayout(entity, old, new)


class CountsFromTheTop(_Twinned):
    """The number of an entry is that of the last one that is left, and one more."""

    def append(self, entries: Iterable[JournalEntry]) -> None:
        with self.transaction():
            self._data.counters.put("seq", max(self._data.journal.rows, default=0))
            super().append(entries)


class TellsOfOthers(_Twinned):
    """The history of a record holds that of records without an id."""

    def history(self, entity: Entity, ids: Pair[RecordId | None]) -> Sequence[JournalEntry]:
        return [
            entry
            for _, entry in sorted(self._data.journal.rows.items())
            if entry.entity == entity and any(ids[side] == entry.ids[side] for side in Side)
        ]


class CountsTheDead(_Twinned):
    """Links that are gone count as live."""

    def backlog(self) -> Backlog:
        links: dict[Entity, int] = {}
        for link in self._data.links.rows.values():
            links[link.entity] = links.get(link.entity, 0) + 1
        return attrs.evolve(super().backlog(), links=links)


class NumbersMustWait(_Twinned):
    """The backlog can be asked for by nobody while a transaction is open."""

    def backlog(self) -> Backlog:
        holder = self._data.lease.rows.get("lock")
        if holder is not None and holder[0] is not self._owner:
            raise StateError("the store is locked")
        return super().backlog()

    @contextmanager
    def transaction(self) -> Generator[None]:
        with super().transaction():
            self._data.lease.rows.setdefault("lock", (self._owner, 0.0))
            try:
                yield
            finally:
                if self._data.log._depth == 1:
                    self._data.lease.rows.pop("lock", None)


class KeepsTheOpenPart(_Twinned):
    """What a transaction wrote before the process died is there afterwards."""

    def __deepcopy__(self, memo: dict[int, object]) -> MemoryStore:
        other = type(self)()
        other._data = copy.deepcopy(self._data, memo)
        other._data.log._steps.clear()
        other._data.log._depth = 0
        return other


class ForgetsTheNumber(_Twinned):
    """The next process counts the journal from what is left of it."""

    def __deepcopy__(self, memo: dict[int, object]) -> MemoryStore:
        other = super().__deepcopy__(memo)
        last = max(other._data.journal.rows, default=0)
        other._data.counters.rows["seq"] = last
        return other


class SwallowsRefusals(_Twinned):
    """A lease that is held is refused in silence."""

    def acquire(self, now: float, ttl: float) -> None:
        with suppress(LeaseHeld):
            super().acquire(now, ttl)


BROKEN_STORES: Final[Mapping[type[MemoryStore], str]] = {
    CommitsAsItGoes: "S1",
    UndoesOnErrorsOnly: "S1",
    ForgetsInnerFailures: "S1",
    FeedOutsideTransaction: "S1",
    ReadsWhatWasCommitted: "S2",
    LinksTwice: "S3",
    LinksPeopleTwice: "S3",
    KeepsHalfOfRefused: "S3",
    LeaseForAll: "S4",
    LostLeaseIsRenewed: "S4",
    AnybodyReleases: "S4",
    SwallowsRefusals: "S4",
    KeepsTheLists: "S5",
    HandsOutItsRows: "S5",
    ScratchThatKeeps: "S6",
    ScratchKeepsTheJournal: "S6",
    TrueIsOne: "S7",
    ForgetsHolds: "S7",
    WholeSeconds: "S7",
    VersionsUpsert: "S7",
    DueByKey: "S8",
    DueAfterMoment: "S8",
    SleepersAreDue: "S8",
    KnowsTheDead: "S9",
    KnowsAnyEntity: "S9",
    ListsLinks: "S10",
    BreaksWhileWalked: "S10",
    KeepsLostValues: "S11",
    MovesTwice: "S11",
    CountsFromTheTop: "S12",
    TellsOfOthers: "S12",
    CountsTheDead: "S13",
    NumbersMustWait: "S13",
    KeepsTheOpenPart: "S14",
    ForgetsTheNumber: "S14",
}
"""The stores, each with a clause that it breaks."""
