"""
A pretend Marketo: its database, its people and what goes on in it.

What the engine may do goes through `SandboxMarketo.connector`; everything else here is
what users, campaigns and administrators do, and costs no calls.
"""

from __future__ import annotations

import collections
import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Self

import attrs

from dynsync.connectors import ActivityLine, Clock
from dynsync.records import RecordId, Side, Wire
from dynsync.sandbox._faults import Faults
from dynsync.sandbox._limits import Limiter, Limits
from dynsync.sandbox._marketo_columns import PERSON_COLUMNS, Held
from dynsync.sandbox._marketo_connector import SandboxMarketoConnector
from dynsync.sandbox._marketo_people import Author, Automation, People
from dynsync.sandbox._marketo_store import Store
from dynsync.sandbox._marketo_tables import ActivityRow, Settings
from dynsync.sandbox._marketo_values import missing, moment, number_of
from dynsync.sandbox._marketo_view import number
from dynsync.schemas import Access, Column

__all__ = ["Activity", "SandboxMarketo"]

_MERGE: Final = 25
_CHUNK: Final = 1000


@attrs.frozen
class Activity:
    """
    One row of a person's activity log: *type* 12 new, 13 change, 32 merge or 37 delete.

    A change names its *field*, *old* and *new* value; a merge has the losers' ids as *new*.
    """

    guid: str
    person: RecordId
    at: dt.datetime
    type: int
    author: str
    field: str | None = None
    old: Wire = None
    new: Wire = None


class SandboxMarketo:
    """
    A Marketo in memory, or in the file *path*, which nobody else may read.

    *columns* and *name* count when it is new; a file that is there already keeps its own.
    *faults* and *limits* say what goes wrong with the connectors' calls; they, the call
    counts and the automations live as long as this object, all else in the file. Close it,
    or use it in a ``with`` block, to let go of a file at once; it and its connectors
    forgotten, it closes by itself.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        clock: Clock,
        columns: Iterable[Column] = PERSON_COLUMNS,
        name: str = "sandbox-marketo",
        limits: Limits | None = None,
    ) -> None:
        self.clock = clock
        self.faults = Faults()
        self._store = Store(path, name=name, columns=columns)
        self._people = People(self._store, clock)
        self._limiter = Limiter(Side.MARKETO, clock, Limits() if limits is None else limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def connector(self, user: str = "sync") -> SandboxMarketoConnector:
        """Return what the engine uses; *user* is the author of its changes."""
        return SandboxMarketoConnector(self._people, self.faults, self._limiter, user)

    @property
    def name(self) -> str:
        """The instance, as `identity` gives it."""
        return self._store.name

    @property
    def house(self) -> People:
        """What happens to people, for those who speak for Marketo over a wire."""
        return self._people

    @property
    def limiter(self) -> Limiter:
        """What counts the calls against the limits."""
        return self._limiter

    @property
    def calls(self) -> collections.Counter[str]:
        """How many calls there were of each operation."""
        return self.faults.calls

    @property
    def throttled(self) -> collections.Counter[str]:
        """How many calls came over each limit; they are not among *calls*."""
        return self._limiter.throttled

    @property
    def limits(self) -> Limits:
        """How many calls are let through; may be set."""
        return self._limiter.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limiter.limits = limits

    def create_person(self, values: Mapping[str, Wire], by: str = "user") -> RecordId:
        """Make a person; raises ValueError where Marketo would not take *values*."""
        with self._store.transaction():
            body = self._people.accept(values)
            if reasons := missing(self._store.columns.required, body):
                raise ValueError("; ".join(reason.message for reason in reasons))
            return RecordId(str(self._people.create(body, Author(by, by))))

    def edit(self, id: RecordId | int, values: Mapping[str, Wire], by: str = "user") -> None:
        """Change a person; raises KeyError for nobody, ValueError for bad *values*."""
        with self._store.transaction():
            self._people.change(self._get(id), self._people.accept(values), Author(by, by))

    def delete(self, id: RecordId | int, by: str = "user") -> None:
        """Delete a person; its activity log goes, too."""
        with self._store.transaction():
            self._people.delete(self._get(id), Author(by, by))

    def merge(self, winner: RecordId | int, *losers: RecordId | int, by: str = "user") -> None:
        """Merge at most 25 *losers* into *winner*, whose values win unless empty (R50, R52)."""
        names = {str(each) for each in losers}
        if not 0 < len(names) == len(losers) <= _MERGE or str(winner) in names:
            raise ValueError("a merge takes 1 to 25 losers, each once, and another winner")
        with self._store.transaction():
            people = [self._get(each) for each in losers]
            self._people.merge(self._get(winner), people, Author(by, by))

    def person(self, id: RecordId | int) -> dict[str, Wire] | None:
        """Return all values of a person, or None."""
        found = number_of(id)
        with self._store.transaction():
            view = self._people.view()
            rows = [] if found is None else view.some(self._store, [found])
            return view.values(rows[0]) if rows else None

    def people(self) -> Iterator[tuple[RecordId, dict[str, Wire]]]:
        """Yield everybody by id; those who come while it goes on, too."""
        after = 0
        while True:
            with self._store.transaction():
                view = self._people.view()
                rows = view.page(self._store, after, _CHUNK)
            if not rows:
                return
            for row in rows:
                yield RecordId(str(row[0])), view.values(row)
            after = number(rows[-1])

    def count(self) -> int:
        """Return how many people there are."""
        with self._store.transaction():
            return self._store.count()

    def activities(self, id: RecordId | int) -> list[Activity]:
        """Return what the feed has of a person so far, in the order in which it was done."""
        found = number_of(id)
        with self._store.transaction():
            self._store.arrive(self.clock.now().timestamp())
            rows = [] if found is None else self._store.history(found)
            return [self._activity(row) for row in rows]

    def activity_log(self, id: RecordId | int) -> list[ActivityLine]:
        """Return the lines that `log` added for a person."""
        found = number_of(id)
        with self._store.transaction():
            lines = [] if found is None else self._store.lines([found])
        return [
            ActivityLine(key, RecordId(str(who)), dt.datetime.fromisoformat(at), kind, text)
            for key, who, at, kind, text in lines
        ]

    def when_changed(self, field: str, automation: Automation) -> None:
        """Run *automation* whenever *field* of a person has changed; it may change more."""
        self._held(field)
        self._people.automations.append((field, automation))

    def block_updates(self, field: str, source: str = "sync") -> None:
        """Make *field* write-once for *source*: the API, or somebody's ``by`` (R23)."""
        with self._store.transaction():
            self._held(field)
            self._store.keep_blocks(self._store.blocks | {(field, source)})

    def unblock_updates(self, field: str, source: str = "sync") -> None:
        """Lift what `block_updates` did."""
        with self._store.transaction():
            self._store.keep_blocks(self._store.blocks - {(field, source)})

    def add_column(self, column: Column) -> None:
        """Add a column, or show a hidden one of that name again with the values it had."""
        with self._store.transaction():
            old = self._store.columns.all.get(column.name)
            if old is None:
                self._store.add_column(column)
            elif not old.hidden or old.column.type != column.type:
                raise ValueError(f"there is a column {column.name!r}, and types never change")
            else:
                self._store.keep_column(attrs.evolve(old, column=column, hidden=False))

    def drop_column(self, name: str) -> None:
        """Hide a column: nobody can read or write it any more (A22)."""
        with self._store.transaction():
            self._store.keep_column(attrs.evolve(self._held(name), hidden=True))

    def set_access(self, name: str, access: Access) -> None:
        """Set what the sync user may do with a column, within what the column allows."""
        with self._store.transaction():
            self._store.keep_column(attrs.evolve(self._held(name), granted=access))

    def lag(self, seconds: float) -> None:
        """Let activities show up in the feed only *seconds* after they were made."""
        self._configure(lambda now: attrs.evolve(now, lag=seconds))

    def hold_back(self) -> None:
        """Keep activities made from now on out of the feed until `release`."""
        self._configure(lambda now: attrs.evolve(now, holding=True))

    def release(self) -> None:
        """Let in what `hold_back` kept out, behind what has come in since."""
        with self._store.transaction():
            self._store.release()
            self._configure(lambda now: attrs.evolve(now, holding=False))

    def empty_pages(self, every: int) -> None:
        """Put an empty page before every page of that many; 0 puts none."""
        self._configure(lambda now: attrs.evolve(now, empty_pages=every))

    def repeats(self, rows: int) -> None:
        """Begin every page of the feed with the last *rows* activities before it."""
        self._configure(lambda now: attrs.evolve(now, repeats=rows))

    def forget_changes(self) -> None:
        """Drop all activities, as retention does: cursors given earlier expire."""
        with self._store.transaction():
            self._store.arrive(self.clock.now().timestamp())
            self._store.forget()

    def snapshot(self) -> bytes:
        """Return all of it, for `restore`."""
        return self._store.dump()

    def restore(self, snapshot: bytes) -> None:
        """Become what it was at *snapshot*; calls and clock go on."""
        self._store.load(snapshot)

    def _configure(self, change: Callable[[Settings], Settings]) -> None:
        with self._store.transaction():
            self._store.configure(change(self._store.settings))

    def _get(self, id: RecordId | int) -> int:
        found = number_of(id)
        if found is None or self._store.values(found, ()) is None:
            raise KeyError(id)
        return found

    def _held(self, name: str) -> Held:
        return self._store.columns.shown[name]

    def _activity(self, row: ActivityRow) -> Activity:
        old, new = row.old, row.new
        held = None if row.field is None else self._store.columns.all[row.field]
        if held is not None and held.boolean:
            old, new = bool(old), bool(new)
        id_ = RecordId(str(row.person))
        guid, at = str(row.seq), moment(row.at)
        return Activity(guid, id_, at, row.type, row.author, row.field, old, new)
