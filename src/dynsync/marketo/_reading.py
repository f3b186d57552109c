"""Reading one instance: its columns, its people, and what happens to them."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from itertools import count
from typing import Final

import attrs

from dynsync._addresses import is_text
from dynsync.connectors import Page
from dynsync.errors import CursorExpired, Refused, SchemaChanged
from dynsync.marketo import _extract, _walk
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls, all_of
from dynsync.marketo._describe import described, owned_elsewhere, schema_of
from dynsync.marketo._extract import Extract
from dynsync.marketo._feed import Event, changes_of, events_of, followed, page_of, token_at
from dynsync.marketo._json import is_id
from dynsync.marketo._leads import BATCH, by_field, by_id, chunks
from dynsync.marketo._options import MarketoOptions
from dynsync.marketo._places import STREAMS, Place, Progress, Stream
from dynsync.marketo._replies import Reply, TooMany
from dynsync.records import Change, Cursor, Record, RecordId, Side, Wire
from dynsync.schemas import Schema

__all__ = ["Reading"]

_DAY: Final = 86_400.0
_PAGES: Final = 3
"""Most pages of a stream that are read before those are whom they tell of."""


class Reading:
    """
    Everything of a connector that only reads.

    It remembers what describe told last: values that come as text are read by their column's
    type.
    """

    def __init__(self, api: Api, calls: Calls, options: MarketoOptions) -> None:
        self._api = api
        self._calls = calls
        self._options = options
        self._extract = Extract(api, calls)
        self._types: dict[str, str] = {}
        self._owned: tuple[str, frozenset[str]] = "", frozenset()

    def describe(self) -> Schema:
        """Return the columns of people; those of another CRM's sync cannot be written."""
        rows = self._calls.run(described(self._api))
        digest = _digest(rows)
        if self._owned[0] != digest:
            self._owned = digest, self._calls.run(owned_elsewhere(self._api))
        schema = schema_of(self._options.table, rows, self._owned[1])
        self._types = {name: column.type for name, column in schema.columns.items()}
        return schema

    def page(self, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return the next page of a full read or of the feed."""
        with self._there(fields):
            if cursor is None:
                place = self._begin(fields)
            else:
                place = Place.parse(cursor, self._api.instance)
            if place.full is None:
                return self._followed(place, fields)
            return self._read_on(place, place.full, fields)

    def _read_on(self, place: Place, progress: Progress, fields: Sequence[str]) -> Page:
        """Go on with a full read, in the way in which it began."""
        if progress.fields != _digest(sorted(fields)):
            message = "the full read began with other fields; it begins anew"
            raise CursorExpired(Side.MARKETO, message)
        if progress.kind == _extract.KIND:
            return self._extracted(place, progress, fields)
        gap = self._options.gap
        return _walk.page(self._calls, self._api, place, progress, fields=fields, gap=gap)

    def _extracted(self, place: Place, progress: Progress, fields: Sequence[str]) -> Page:
        """
        Return people from the file of an extract, and what has happened to any since it began.

        A file may be hours old: of whomever the feed has told since, it says nothing.
        """
        extracted = self._extract.page(progress, fields, self._types)
        changes: list[Change] = []
        at, more = self._calls.now(), True
        while extracted.found and more:
            told, place, more, _ = self._happened(place, fields)
            changes += told
            touched = dict.fromkeys((*place.touched, *(change.id for change in told)))
            place = attrs.evolve(place, touched=tuple(touched))
        late = frozenset(place.touched)
        changes[:0] = [record for record in extracted.found if record.id not in late]
        place = attrs.evolve(place, full=extracted.on)
        if extracted.on is None:
            place = attrs.evolve(place, touched=())
        return Page(changes, place.cursor(), more=extracted.on is not None, at=at)

    def close(self) -> None:
        """Let go of files."""
        self._extract.close()

    def some(self, ids: Iterable[RecordId], fields: Sequence[str]) -> list[Record]:
        """Return those of *ids* that exist."""
        # Whatever is no number is nobody's, and would spoil the call for all others.
        wanted = [each for each in dict.fromkeys(ids) if is_id(each)]
        with self._there(fields):
            flows = [by_id(self._api, part, fields) for part in chunks(wanted)]
            return [one for people in all_of(self._calls.run_all(flows)) for one in people]

    def holding(self, field: str, values: Collection[Wire], fields: Sequence[str]) -> list[Record]:
        """Return everybody whose *field* holds one of *values*."""
        wanted = list(dict.fromkeys([*fields, field]))
        texts = list(dict.fromkeys(str(value) for value in values if value not in (None, "")))
        if field == "id":
            return self.some(map(RecordId, texts), wanted)
        with self._there(wanted):
            found = self._matching(field, chunks(self._sayable(field, texts)), wanted)
        return list({one.id: one for one in found}.values())

    def _matching(
        self, field: str, parts: Sequence[Sequence[str]], fields: Sequence[str]
    ) -> list[Record]:
        """Ask for *parts* of the values, a call each; for halves where too many people match."""
        found: list[Record] = []
        halves: list[Sequence[str]] = []
        flows = [by_field(self._api, field, part, fields) for part in parts]
        for part, outcome in zip(parts, self._calls.run_all(flows), strict=True):
            if not isinstance(outcome, TooMany):
                found += all_of([outcome])[0]
                continue
            if len(part) == 1:
                message = f"more than 1,000 people hold one value of {field!r}; match by another"
                raise Refused(Side.MARKETO, message)
            middle = len(part) // 2
            halves += [part[:middle], part[middle:]]
        return found + self._matching(field, halves, fields) if halves else found

    def _sayable(self, field: str, texts: list[str]) -> list[str]:
        """Return the values that people can be looked up by: a call parts them by commas."""
        # Half of a surrogate pair cannot even be asked for: nobody holds it.
        texts = [text for text in texts if is_text(text)]
        sayable = [text for text in texts if "," not in text]
        if len(sayable) < len(texts) and self._types.get(field) != "email":
            raise Refused(
                Side.MARKETO,
                f"people cannot be looked up by a value of {field!r} with a comma in it; match "
                f"by another field",
            )
        # No address that Marketo takes has a comma.
        return sayable

    @contextlib.contextmanager
    def _there(self, fields: Sequence[str]) -> Generator[None]:
        """Raise `SchemaChanged`, with their names, where some of *fields* are not there."""
        if not self._types.keys() >= set(fields):
            self._look(fields)
        try:
            yield
        except SchemaChanged as failure:
            named = tuple(name for name in failure.fields if name in fields)
            if not named:
                self._look(fields)
            raise attrs.evolve(failure, fields=named) from None

    def _look(self, fields: Sequence[str]) -> None:
        columns = self.describe().columns
        lost = tuple(sorted(name for name in fields if name not in columns))
        if lost:
            raise SchemaChanged(Side.MARKETO, f"no longer there: {', '.join(lost)}", lost)

    # -- the feed

    def _begin(self, fields: Sequence[str]) -> Place:
        """Return where a full read begins; its feed begins before it."""
        at = self._calls.now() - dt.timedelta(seconds=self._options.overlap)
        token = self._calls.run(token_at(self._api, at))
        kinds = self._calls.run(followed(self._api))
        place = Place.start(self._api.instance, token, int(at.timestamp()), kinds)
        digest, options = _digest(sorted(fields)), self._options
        if options.full == "ids":
            full = _walk.begin(self._calls, self._api, digest)
        else:
            full = self._extract.begin(digest, options.began, options.gap)
        return attrs.evolve(place, full=full)

    def _followed(self, place: Place, fields: Sequence[str]) -> Page:
        changes, onward, more, at = self._happened(place, fields)
        return Page(changes, onward.cursor(), more, at)

    def _happened(
        self, place: Place, fields: Sequence[str]
    ) -> tuple[list[Change], Place, bool, dt.datetime | None]:
        """
        Return a page of each stream that has more, as one, and the place behind it.

        Or some pages, if they tell of few people: asking for those costs a call, however few.
        """
        self._check_age(place)
        told, onward = place.told, place
        events: dict[str, Event] = {}
        for page in count(1):
            replies = self._replies(onward, fields)
            fresh = {
                event.mark: event
                for reply in replies.values()
                for event in events_of(reply.result, frozenset(fields), self._types)
                if event.mark not in told
            }
            events |= fresh
            at = min((reply.at for reply in replies.values() if reply.at is not None), default=None)
            still: tuple[Stream, ...] = tuple(s for s, reply in replies.items() if reply.more)
            onward = self._behind(onward, replies, fresh, still, at or self._calls.now())
            people = dict.fromkeys(person for event in events.values() for person in event.people)
            if not still or page == _PAGES or not 0 < len(people) < BATCH:
                found = {record.id: record for record in self.some(people, fields)}
                return changes_of(list(events.values()), found), onward, bool(still), at
        raise AssertionError("the last page returns")

    def _replies(self, place: Place, fields: Sequence[str]) -> dict[Stream, Reply]:
        tokens = dict(zip(STREAMS, place.tokens, strict=True))
        flows = [page_of(self._api, s, tokens[s], fields, place.kinds) for s in place.open]
        return dict(zip(place.open, all_of(self._calls.run_all(flows)), strict=True))

    def _behind(
        self,
        place: Place,
        replies: Mapping[Stream, Reply],
        told: Iterable[str],
        still: Sequence[Stream],
        now: dt.datetime,
    ) -> Place:
        """Return the place behind *replies*, which *told* something new."""
        tokens = dict(zip(STREAMS, place.tokens, strict=True))
        tokens |= {stream: reply.token for stream, reply in replies.items() if reply.token}
        onward = place.further(tuple(tokens.values()), still, told)
        if not still:
            return onward.rested(int(now.timestamp()), self._options.overlap)
        if place.begins:
            return self._shortened(onward, int(now.timestamp() - self._options.overlap))
        return onward

    def _shortened(self, place: Place, since: int) -> Place:
        """
        Return *place*, from which the next reading begins at *since*, if that saves much.

        What was done before has come by now, so that this reading tells all of it. It is a
        long one, such as that of everything that a first load has made: to read it all once
        more would cost as many calls again.
        """
        if place.saves(since) <= self._options.overlap:
            return place
        at = dt.datetime.fromtimestamp(since, dt.UTC)
        return place.restarted(since, self._calls.run(token_at(self._api, at)))

    def _check_age(self, place: Place) -> None:
        age = self._calls.now().timestamp() - place.since
        if age > self._options.retention * _DAY:
            message = f"this cursor is {age / _DAY:.0f} days old; deletions since are not all kept"
            raise CursorExpired(Side.MARKETO, message)


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
