"""
Both exports in a temporary database, and who belongs to whom.

SQLite's nameless database lies on disk, has no name that another process could open, and is
gone when the process ends, however it ends. Memory does not grow with the exports.
"""

# ruff: noqa: S608 - only names of our own tables and columns are put together

from __future__ import annotations

import re
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.kinds import EmailKind
from dynsync.preview._cells import UNREAD, Cell, Cleaner, Options, cleaner, unread
from dynsync.preview._exports import COLUMNS, Export
from dynsync.preview._lines import BadRow, Row, leniently, read_rows
from dynsync.preview._problems import Problem, Problems
from dynsync.preview._words import FileRole
from dynsync.records import Side
from dynsync.schemas import Column

__all__ = ["Index", "People", "Records"]

_CHOICES: Final = frozenset({"Picklist", "State", "Status"})
_EMAIL: Final = EmailKind()
_CACHE: Final = "PRAGMA cache_size=-4000"

Line: TypeAlias = tuple[Cell, ...]


_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GUID_IN_TEXT: Final = re.compile(rf"(?<![0-9a-f-]){_GUID.pattern}(?![0-9a-f-])")

_BETWEEN_WORDS: Final = re.compile(r"[\s,;|\"<>]+")
"""What may stand round an address in a broken line, whatever parts its cells."""

Key: TypeAlias = Literal["id", "email"]
"""What people and records are matched by."""


def _id(text: str) -> str | None:
    """Return a GUID as Dynamics' API says it, None for nothing."""
    word = text.strip().strip("{}").lower()
    return word if word and word != "null" else None


def _address(text: str) -> str | None:
    """Return what an e-mail address is compared by, None for nothing."""
    key = _EMAIL.key(text)
    return key if isinstance(key, str) and key != "null" else None


def _ids_in(text: str) -> set[str]:
    return set(_GUID_IN_TEXT.findall(text.lower()))


def _addresses_in(text: str) -> set[str]:
    """Return the addresses in *text* that are whole: no byte of them is of another encoding."""
    words = (word for word in _BETWEEN_WORDS.split(text) if "@" in word)
    return {key for word in words if word.isprintable() and (key := _address(word)) is not None}


_Place: TypeAlias = tuple[int, int]
"""The number of a row, and the line on which it begins."""


@attrs.frozen
class People:
    """What to load of the people: *ids* are the columns that hold Dynamics ids, by role."""

    export: Export
    ids: Mapping[FileRole, str]
    natives: tuple[str, ...]


@attrs.frozen
class Records:
    """What to load of a Dynamics file: *id* is the column that holds its ids."""

    export: Export
    id: str
    natives: tuple[str, ...]


def _cells(export: Export, row: Row | BadRow) -> list[str]:
    """Return the cells of *row*, as far as they can be told."""
    return row.cells if isinstance(row, Row) else leniently(row.text, export.delimiter)


def _column(role: FileRole, native: str) -> Column:
    return next(column for column in COLUMNS[role] if column.name == native)


def _may_hide(
    export: Export, cells: Sequence[str], key: Key, links: Sequence[int | None], email: int | None
) -> bool:
    """
    Return whether a row that shows no *key* may hold one: its cell is not to be told, or damaged.

    A person need not have an id in Dynamics, nor anybody an address; a record has its id.
    """
    if key == "id" and export.role is not FileRole.PEOPLE:
        return True
    places = [at for at in (links if key == "id" else [email]) if at is not None]
    if not places or len(cells) != len(export.header):
        return bool(places)
    return any(_id(cells[at]) is not None for at in places)


def _wrong(
    export: Export, row: Row | BadRow, keys: Sequence[int | None]
) -> tuple[int | None, str, str] | None:
    """Return why *row* cannot be used, and in which cell; None if it can."""
    if isinstance(row, BadRow):
        return row.cell, row.code, row.message
    cells = row.cells
    if len(cells) != len(export.header):
        said = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        return None, "cells", f"{said}, but the header has {len(export.header)}"
    own, *links = [(at, None if at is None else _id(cells[at])) for at in keys]
    if own[1] is None:
        return own[0], "no_id", "the id is missing"
    guids = links if export.role is FileRole.PEOPLE else [own, *links]
    for at, id_ in guids:
        if id_ is not None and not _GUID.fullmatch(id_):
            return at, "id", "not a GUID, as Dynamics' ids are"
    return None


@attrs.define
class Index:
    """
    The rows that can be used, by line; *rows* and *malformed* count them all by file.

    *alike* counts those that only an address could link; by e-mail there are none.
    *unidentified* counts the malformed rows that may hold one of the *keys*, and show none.
    *options* are those of the choices, as far as they are known after loading. An index that
    is let go of closes by itself.
    """

    problems: Problems
    keys: tuple[Key, ...] = ("id",)
    rows: Counter[FileRole] = attrs.Factory(Counter[FileRole])
    malformed: Counter[FileRole] = attrs.Factory(Counter[FileRole])
    unidentified: Counter[FileRole] = attrs.Factory(Counter[FileRole])
    alike: Counter[FileRole] = attrs.Factory(Counter[FileRole])
    options: dict[tuple[FileRole, str], Options] = attrs.Factory(
        dict[tuple[FileRole, str], Options]
    )
    # Not always let go of in the thread that made it.
    database: sqlite3.Connection = attrs.field(
        init=False,
        factory=lambda: sqlite3.connect("", isolation_level=None, check_same_thread=False),
    )
    _finalizer: weakref.finalize[[], Index] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._finalizer = weakref.finalize(self, self.database.close)
        for statement in (_CACHE, "PRAGMA journal_mode=OFF", "PRAGMA synchronous=OFF"):
            self.database.execute(statement)
        self.database.execute(
            "CREATE TABLE malformed(role TEXT, file TEXT, row INTEGER, heading TEXT, code TEXT, "
            "message TEXT, line INTEGER)"
        )
        self.database.execute(
            "CREATE TABLE lost(role TEXT, word TEXT, PRIMARY KEY (role, word)) WITHOUT ROWID"
        )

    # -- loading

    def load_people(self, people: People) -> None:
        """Load the people."""
        keys = {"id": "id", **{role.value: native for role, native in people.ids.items()}}
        self._load(people.export, keys, "email", people.natives)
        for role in people.ids:
            self.database.execute(f"CREATE INDEX people_{role.value} ON people({role.value})")

    def load_records(self, records: Records) -> None:
        """Load a Dynamics file."""
        self._load(records.export, {"id": records.id}, "emailaddress1", records.natives)

    def _load(
        self, export: Export, keys: Mapping[str, str], email: str, natives: Sequence[str]
    ) -> None:
        """Load *export*: its *keys*, the key of its *email*, and the cells of *natives*."""
        table = export.role.value
        extra = {"people": ["contacts", "leads"]}.get(table, [])
        names = ["row", "line", "id", *extra, "email", *(f"c_{native}" for native in natives)]
        state = "state TEXT, why TEXT, "
        state += "pair TEXT" if table == "people" else "person INTEGER"
        columns = ", ".join(names)
        self.database.execute(f"CREATE TABLE {table}(n INTEGER PRIMARY KEY, {columns}, {state})")
        order = ["id", *extra]
        self.database.execute("BEGIN")
        self.database.executemany(
            f"INSERT INTO {table}({columns}) VALUES ({', '.join('?' * len(names))})",
            self._lines(export, [keys.get(key) for key in order], email, natives),
        )
        self.database.execute("COMMIT")
        if not self.rows[export.role]:
            message = f"there is no row below the header: nothing is known of any {table}"
            self.problems.add(export.problem(export.header_place, None, "no_rows", message))
        self.database.execute(f"CREATE INDEX {table}_id ON {table}(id)")
        self._refuse_repeated(export)

    def _lines(
        self,
        export: Export,
        keys: Sequence[str | None],
        email: str,
        natives: Sequence[str],
    ) -> Iterator[Line]:
        """Yield what to insert, and count and note what cannot be used."""
        key_places = [None if key is None else export.places[key] for key in keys]
        email_place = export.places.get(email)
        cleaners = [(export.places[n], self._cleaner(export.role, n)) for n in natives]
        rows = read_rows(export.path, export.delimiter, export.encoding)
        next(rows)
        for row in rows:
            self.rows[export.role] += 1
            place = row.number, row.line
            wrong = _wrong(export, row, key_places)
            if wrong is not None:
                self._lose(export, row, key_places[1:], email_place)
                self._malformed(export, place, *wrong)
                continue
            cells = _cells(export, row)
            ids = [None if at is None else _id(cells[at]) for at in key_places]
            values = [clean(cells[at]) for at, clean in cleaners]
            if UNREAD in values:
                self._unread(export, place, values, natives)
            address = None if email_place is None else _address(cells[email_place])
            yield (*place, *ids, address, *values)

    def _cleaner(self, role: FileRole, native: str) -> Cleaner:
        column = _column(role, native)
        if role is FileRole.PEOPLE:
            return cleaner(column, Side.MARKETO, None)
        if column.type not in _CHOICES:
            return cleaner(column, Side.DYNAMICS, None)
        options = self.options.setdefault((role, native), Options(column))
        return cleaner(column, Side.DYNAMICS, options)

    def _malformed(
        self, export: Export, place: _Place, cell: int | None, code: str, message: str
    ) -> None:
        """Count and note a row that cannot be used."""
        self.malformed[export.role] += 1
        problem = export.problem(place, cell, code, message)
        self.problems.add(problem)
        self.database.execute(
            "INSERT INTO malformed VALUES (?, ?, ?, ?, ?, ?, ?)",
            (export.role.value, *attrs.astuple(problem)),
        )

    def _lose(
        self, export: Export, row: Row | BadRow, links: Sequence[int | None], email: int | None
    ) -> None:
        """
        Note what a row that cannot be used seems to be known by: its ids and addresses.

        They are looked for in its text, since what is wrong with the row may be what parts
        its cells. A NUL between two letters is no letter.
        """
        text = ("\n".join(row.cells) if isinstance(row, Row) else row.text).replace("\0", "")
        found: dict[Key, set[str]] = {"id": _ids_in(text), "email": _addresses_in(text)}
        self.database.executemany(
            "INSERT OR IGNORE INTO lost VALUES (?, ?)",
            [(export.role.value, word) for words in found.values() for word in words],
        )
        cells = _cells(export, row)
        if any(not found[key] and _may_hide(export, cells, key, links, email) for key in self.keys):
            self.unidentified[export.role] += 1

    def each_malformed(self) -> Iterator[tuple[FileRole, Problem]]:
        """Yield every row that cannot be used, however many there are."""
        row: tuple[str, str, int, str | None, str, str, int]
        for row in self.database.execute("SELECT * FROM malformed ORDER BY rowid"):
            role, file, number, heading, code, message, line = row
            yield FileRole(role), Problem(file, number, heading, code, message, line)

    def _unread(
        self, export: Export, place: _Place, values: Sequence[Cell], natives: Sequence[str]
    ) -> None:
        side = Side.MARKETO if export.role is FileRole.PEOPLE else Side.DYNAMICS
        for value, native in zip(values, natives, strict=True):
            if value == UNREAD:
                message = unread(_column(export.role, native), side)
                at = export.places[native]
                self.problems.add(export.problem(place, at, "value", message))

    def _refuse_repeated(self, export: Export) -> None:
        """Let the first row of an id stand, and name the others."""
        table = export.role.value
        first = f"(SELECT MIN(n) FROM {table} AS first WHERE first.id = {table}.id)"
        self.database.execute(f"UPDATE {table} SET state = 'repeated' WHERE n > {first}")
        cell = export.places["id" if table == "people" else f"{table[:-1]}id"]
        repeated: Iterator[tuple[int, int, int]] = self.database.execute(
            f"SELECT row, line, (SELECT row FROM {table} AS first WHERE first.id = {table}.id "
            f"ORDER BY n LIMIT 1) FROM {table} WHERE state = 'repeated' ORDER BY n"
        )
        for row, line, before in repeated:
            message = f"the id stands in row {before} already; that row counts"
            self._malformed(export, (row, line), cell, "repeated_id", message)

    def close(self) -> None:
        """Drop everything."""
        self._finalizer()
