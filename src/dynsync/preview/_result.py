"""`preview_files`: two exports in, what a first sync would do out, record by record."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

import attrs

from dynsync.fields import EntityMap
from dynsync.maps import default_backfill, default_first, default_policy
from dynsync.policies import AuthorityPolicy
from dynsync.preview._cells import Cell
from dynsync.preview._decisions import PreviewedRecord, decide
from dynsync.preview._encodings import UTF_8
from dynsync.preview._exports import (
    COLUMNS,
    MAPS,
    Export,
    ExportColumns,
    open_export,
    refused,
)
from dynsync.preview._index import Index, People, Records
from dynsync.preview._matching import (
    alike_by_email,
    leave_lost,
    leave_lost_by_email,
    match_by_email,
    match_by_id,
)
from dynsync.preview._problems import InputRefused, Problem, Problems
from dynsync.preview._words import Bucket, FieldOutcome, FileRole
from dynsync.preview.wording import whose
from dynsync.records import MISSING, Missing, Pair, RecordId, Side, Wire
from dynsync.schemas import Schema
from dynsync.terms import Terms, agree_terms

__all__ = ["Preview", "preview_files"]

PathLike: TypeAlias = str | os.PathLike[str]
_Columns: TypeAlias = tuple[Sequence[str], Sequence[str]]


@attrs.define
class _Tally:
    """The sums of one pass."""

    rows: Counter[tuple[FileRole, Bucket]]
    fields: Counter[tuple[str, str, FieldOutcome, Side | None]] = attrs.Factory(
        Counter[tuple[str, str, FieldOutcome, Side | None]]
    )

    def add(self, record: PreviewedRecord, role: FileRole | None) -> None:
        if record.rows.marketo is not None:
            self.rows[FileRole.PEOPLE, record.bucket] += 1
        if role is not None and record.rows.dynamics is not None:
            self.rows[role, record.bucket] += 1
        for field in record.fields:
            for side in field.to or (None,):
                self.fields[record.entity or "", field.name, field.outcome, side] += 1


class Preview:
    """
    What a first sync would do, to be gone through as often as one likes.

    Each time the records are decided anew, one at a time; none is kept. Close it, or use it
    in a ``with`` block, to be rid of the index at once. *columns* say which of each file's
    columns take part, *problems* what was wrong with the files.
    """

    def __init__(
        self,
        index: Index,
        terms: Mapping[FileRole, Terms],
        columns: Mapping[FileRole, ExportColumns],
    ) -> None:
        self.terms = terms
        self.columns = columns
        self.problems: Problems = index.problems
        self._index = index
        self._tally: _Tally | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the index. What has been counted by then can still be asked for."""
        self._index.close()

    def __iter__(self) -> Iterator[PreviewedRecord]:
        """Yield every record, and every person without one; malformed rows are problems."""
        rows = {(role, Bucket.MALFORMED): n for role, n in self._index.malformed.items() if n}
        tally = _Tally(Counter(rows))
        for role, terms in self.terms.items():
            for record in self._records(role, terms):
                tally.add(record, role)
                yield record
        for record in self._lonely():
            tally.add(record, None)
            yield record
        self._tally = tally

    def malformed(self) -> Iterator[tuple[FileRole, Problem]]:
        """Yield every row that cannot be used, with its file; `problems` keep the first only."""
        return self._index.each_malformed()

    def _counted(self) -> _Tally:
        if self._tally is None:
            for _ in self:
                pass
        if self._tally is None:
            raise AssertionError("a whole pass was made, and was not counted")
        return self._tally

    @property
    def counts(self) -> Mapping[tuple[FileRole, Bucket], int]:
        """How many rows of each file end in each bucket; asks for a pass if none was made."""
        return self._counted().rows

    @property
    def fields(self) -> Mapping[tuple[str, str, FieldOutcome, Side | None], int]:
        """How often each (entity, field, outcome, side told) comes up."""
        return self._counted().fields

    @property
    def rows(self) -> Mapping[FileRole, int]:
        """How many rows each file has, the header and empty lines left out."""
        return dict(self._index.rows)

    @property
    def unidentified(self) -> Mapping[FileRole, int]:
        """
        How many malformed rows of each file may be somebody's other half, and nobody knows whose.

        No id can be read in them, or no address where people are matched by it. So what is called
        created or orphaned may have its other half there.
        """
        return {role: self._index.unidentified[role] for role in self._index.rows}

    @property
    def same_address(self) -> Mapping[FileRole, int]:
        """
        How many of each file only their address could link: none where it was matched by.

        They are new records and people without an id, and one of the other kind has the address.
        """
        return {role: self._index.alike[role] for role in self._index.rows}

    def count(self, bucket: Bucket, role: FileRole | None = None) -> int:
        """Return how many rows end in *bucket*, of one file or of all."""
        counted = self.counts.items()
        return sum(n for (r, b), n in counted if b is bucket and role in (None, r))

    # -- going through the index

    def _records(self, role: FileRole, terms: Terms) -> Iterator[PreviewedRecord]:
        """Yield the records of a Dynamics file, with their people."""
        theirs, ours = _selected(role, terms)
        plain = len(theirs)
        columns = ", ".join(
            [f"r.{_quoted(name)}" for name in theirs] + [f"p.{_quoted(name)}" for name in ours]
        )
        tail: list[Wire | Missing] = [None] * terms.stamps
        cursor = self._index.database.execute(
            f"SELECT r.row, r.id, r.state, r.why, p.row, p.id, {columns} "  # noqa: S608 - our own names
            f"FROM {role.value} AS r LEFT JOIN people AS p ON p.n = r.person "
            f"WHERE r.state IS NOT 'repeated' ORDER BY r.n"
        )
        row: tuple[Cell, ...]
        for row in cursor:
            line, id_, state, why, person_line, person, *cells = row
            ids = Pair(_text(person), _text(id_))
            lines = Pair(_number(person_line), _number(line))
            if state is not None:
                bucket = Bucket(str(state))
                yield PreviewedRecord(terms.entity, ids, lines, bucket, (), str(why or ""))
                continue
            known = _known(cells)
            dynamics = known[:plain] + tail
            marketo = None if person is None else known[plain:]
            record = decide(terms, ids, lines, dynamics, marketo)
            doubt = "" if person is not None else self._doubt(FileRole.PEOPLE)
            yield attrs.evolve(record, why=record.why + doubt) if doubt else record

    def _lonely(self) -> Iterator[PreviewedRecord]:
        """Yield the people that no record was linked to."""
        given = [role.value for role in self.terms]
        other = [role.value for role in MAPS if role not in self.terms]
        here = " OR ".join(f"{table} IS NOT NULL" for table in given) or "0"
        there = " OR ".join(f"{table} IS NOT NULL" for table in other) or "0"
        cursor = self._index.database.execute(
            f"SELECT row, id, state, why, {here}, {there} FROM people "  # noqa: S608 - our own names
            f"WHERE pair IS NULL AND state IS NOT 'repeated' ORDER BY n"
        )
        row: tuple[Cell, ...]
        for row in cursor:
            line, id_, state, why, orphaned, elsewhere = row
            bucket, reason = Bucket.MARKETO_ONLY, "background sync makes no Dynamics record"
            if state is not None:
                bucket, reason = Bucket(str(state)), str(why or "")
            elif orphaned:
                doubt = "".join(map(self._doubt, self.terms))
                reason = f"its Dynamics record is not in the file{doubt}"
                bucket = Bucket.ORPHANED
            elif elsewhere:
                bucket, reason = Bucket.ELSEWHERE, "its Dynamics record's file was not given"
            ids = Pair[RecordId | None](_text(id_), None)
            yield PreviewedRecord(None, ids, Pair(_number(line), None), bucket, (), reason)

    def _doubt(self, other: FileRole) -> str:
        """Return what to add where nobody was found in the *other* file, if it is not whole."""
        number = self._index.unidentified[other]
        return f"; but {whose(number, other.value)}" if number else ""


def _quoted(name: str) -> str:
    return f'"{name}"'


def _selected(role: FileRole, terms: Terms) -> _Columns:
    """Return the index's columns of both sides in the order of the layout."""
    plain = terms.plain
    theirs = [f"c_{field.names.dynamics}" for field in terms.fields[:plain]]
    ours = [f"c_{field.names.marketo}" for field in terms.fields]
    ours[plain] = role.value
    return theirs, ours


def _text(cell: Cell) -> RecordId | None:
    return None if cell is None else RecordId(str(cell))


def _number(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) else None


def _known(cells: Sequence[Cell]) -> list[Wire | Missing]:
    """Return *cells* as a row: what could not be read was not reported."""
    return [MISSING if isinstance(cell, bytes) else cell for cell in cells]


# -- making one

_WITHOUT_IDS: Final = (
    "no column holds the Dynamics ids of {0}; export {1!r}, or match by e-mail (--by-email)"
)


def preview_files(
    people: PathLike,
    contacts: PathLike | None = None,
    leads: PathLike | None = None,
    *,
    by_email: bool = False,
    policy: AuthorityPolicy | None = None,
    encoding: str | Mapping[FileRole, str] = UTF_8,
) -> Preview:
    """
    Return what a first sync of these exports would do; nothing is written to any of them.

    With *by_email*, records that no person holds the id of are matched by their address.
    *policy* decides collisions, by default as the sync does. *encoding* is that of all files,
    or of each; a byte order mark in a file is believed more. Raises `InputRefused` where a file
    cannot be used at all; what is wrong with single rows is among the problems.
    """
    problems = Problems()
    paths = {FileRole.PEOPLE: people, FileRole.CONTACTS: contacts, FileRole.LEADS: leads}
    exports = {
        role: open_export(role, Path(path), problems, _encoding_of(role, encoding))
        for role, path in paths.items()
        if path is not None
    }
    if len(exports) == 1:
        message = "there is no file to compare it with; give the contacts, the leads, or both"
        raise InputRefused(Problem(str(people), None, None, "no_records", message))
    maps = _maps(exports, by_email=by_email)
    index = Index(problems, ("id", "email") if by_email else ("id",))
    with ExitStack() as refused:
        refused.callback(index.close)
        _fill(index, exports, maps, by_email=by_email)
        terms = {role: _terms(index, role, maps[role], policy) for role in maps}
        preview = Preview(index, terms, _columns(exports, maps))
        refused.pop_all()
    return preview


def _encoding_of(role: FileRole, encoding: str | Mapping[FileRole, str]) -> str:
    return encoding if isinstance(encoding, str) else encoding.get(role, UTF_8)


def _maps(exports: Mapping[FileRole, Export], *, by_email: bool) -> dict[FileRole, EntityMap]:
    """Return each entity's map, cut to what both files have; raises `InputRefused`."""
    people = exports[FileRole.PEOPLE]
    if "id" not in people.places:
        raise refused(people, "no_id", "no column holds the people's ids ('Id')", "id")
    maps: dict[FileRole, EntityMap] = {}
    for role, whole in MAPS.items():
        if role not in exports:
            continue
        records = exports[role]
        if f"{whole.entity}id" not in records.places:
            what = f"no column holds the ids of {role.value} ('{whole.entity}id')"
            raise refused(records, "no_id", what, f"{whole.entity}id")
        if whole.link_field not in people.places and not by_email:
            message = _WITHOUT_IDS.format(role.value, whole.link_field)
            raise refused(people, "no_id", message, whole.link_field)
        both = _in_both(whole, people, records)
        if by_email and "email" not in both:
            here = "email" not in people.places
            message = "no column holds e-mail addresses to match by"
            column = "email" if here else "emailaddress1"
            raise refused(people if here else records, "no_email", message, column)
        if not both:
            raise _without_fields(whole, people, records)
        maps[role] = attrs.evolve(
            whole.only(*both),
            type_field=whole.type_field if whole.type_field in people.places else None,
            deleted_field=whole.deleted_field if whole.deleted_field in people.places else None,
        )
    return maps


def _in_both(whole: EntityMap, people: Export, records: Export) -> list[str]:
    return [
        field.name
        for field in whole.fields
        if field.names.marketo in people.places and field.names.dynamics in records.places
    ]


def _without_fields(whole: EntityMap, people: Export, records: Export) -> InputRefused:
    """Return the refusal of the file that has nothing to compare, or of the second if both do."""
    bare = not any(field.names.marketo in people.places for field in whole.fields)
    understood = f"Understood were: {people.understood()}; {records.understood()}"
    if bare:
        what = f"no column but ids is in it; export the fields that you would sync. {understood}"
        return refused(people, "no_fields", what)
    what = f"no column but ids is in both files. {understood}"
    return refused(records, "no_fields", what)


def _fill(
    index: Index,
    exports: Mapping[FileRole, Export],
    maps: Mapping[FileRole, EntityMap],
    *,
    by_email: bool,
) -> None:
    people = exports[FileRole.PEOPLE]
    ids = {role: m.link_field for role, m in MAPS.items() if m.link_field in people.places}
    stamps = {name for m in maps.values() for name in (m.type_field, m.deleted_field) if name}
    fields = {field.names.marketo for m in maps.values() for field in m.fields}
    index.load_people(People(people, ids, tuple(sorted(fields | stamps))))
    for role, entity_map in maps.items():
        natives = sorted({field.names.dynamics for field in entity_map.fields})
        index.load_records(Records(exports[role], f"{entity_map.entity}id", tuple(natives)))
    match_by_id(index.database, list(maps))
    leave_lost(index.database, list(maps))
    if by_email:
        match_by_email(index.database, list(maps))
        leave_lost_by_email(index.database, list(maps))
    else:
        index.alike.update(dict(alike_by_email(index.database, list(maps))))


def _terms(
    index: Index, role: FileRole, entity_map: EntityMap, policy: AuthorityPolicy | None
) -> Terms:
    options = {native: held for (r, native), held in index.options.items() if r is role}
    columns = [
        options[column.name].bound() if column.name in options else column
        for column in COLUMNS[role]
    ]
    schemas = Pair(
        Schema.of(entity_map.tables.marketo, COLUMNS[FileRole.PEOPLE]),
        Schema.of(entity_map.tables.dynamics, columns),
    )
    chosen = policy or default_policy()
    first, backfill = default_first(chosen), default_backfill()
    return agree_terms(entity_map, schemas, policy=chosen, first=first, backfill=backfill)


def _columns(
    exports: Mapping[FileRole, Export], maps: Mapping[FileRole, EntityMap]
) -> dict[FileRole, ExportColumns]:
    used: dict[FileRole, set[str]] = {role: set() for role in exports}
    # What would be compared, were it not in the other file more than once.
    unsure: dict[FileRole, set[str]] = {role: set() for role in exports}
    used[FileRole.PEOPLE].add("id")
    for role, entity_map in maps.items():
        used[role].add(f"{entity_map.entity}id")
        used[role].update(field.names.dynamics for field in entity_map.fields)
        stamps = (entity_map.link_field, entity_map.type_field, entity_map.deleted_field)
        used[FileRole.PEOPLE].update(name for name in stamps if name)
        used[FileRole.PEOPLE].update(field.names.marketo for field in entity_map.fields)
        for field in MAPS[role].fields:
            if field.names.dynamics in exports[role].repeated():
                unsure[FileRole.PEOPLE].add(field.names.marketo)
            if field.names.marketo in exports[FileRole.PEOPLE].repeated():
                unsure[role].add(field.names.dynamics)
    return {
        role: export.columns(frozenset(used[role]), frozenset(unsure[role]))
        for role, export in exports.items()
    }
