"""
The header of an export: its delimiter, and which of its columns are known by what name.

A column is known by its system's own name or by its label, whatever the case and the spaces.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD
from dynsync.preview._encodings import UTF_8, true_encoding
from dynsync.preview._lines import BadRow, Row, excel_delimiter, leniently, read_rows
from dynsync.preview._problems import InputRefused, Problem, Problems
from dynsync.preview._words import FileRole
from dynsync.records import Side
from dynsync.sandbox import CONTACT_COLUMNS, LEAD_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Column

__all__ = ["COLUMNS", "MAPS", "Export", "ExportColumns", "open_export", "refused"]

COLUMNS: Final[Mapping[FileRole, tuple[Column, ...]]] = {
    FileRole.PEOPLE: PERSON_COLUMNS,
    FileRole.CONTACTS: CONTACT_COLUMNS,
    FileRole.LEADS: LEAD_COLUMNS,
}
"""What a system has in each table before anybody changed it."""

MAPS: Final[Mapping[FileRole, EntityMap]] = {FileRole.CONTACTS: CONTACT, FileRole.LEADS: LEAD}
"""In the order of their rank (A13)."""

_DATAVERSE: Final[Mapping[str, str]] = {
    "Do not bulk email": "donotbulkemail",
    "Do not allow bulk e-mails": "donotbulkemail",
    "Do not allow e-mails": "donotemail",
    "Send Marketing Materials": "donotsendmm",
    "E-mail": "emailaddress1",
    "Email Address": "emailaddress1",
    "E-mail Address": "emailaddress1",
    "Primary Email": "emailaddress1",
    "Business Phone": "telephone1",
    "Main Phone": "telephone1",
    "Home Phone": "telephone2",
    "Mobile Phone": "mobilephone",
    "Address 1: Street 1": "address1_line1",
    "Address 1: Street 2": "address1_line2",
    "Address 1: Street 3": "address1_line3",
    "Address 1: City": "address1_city",
    "Address 1: State/Province": "address1_stateorprovince",
    "Address 1: ZIP/Postal Code": "address1_postalcode",
    "Address 1: Country/Region": "address1_country",
}
"""The display names that Dataverse gives its columns by default."""

_ALIASES: Final[Mapping[FileRole, Mapping[str, str]]] = {
    FileRole.PEOPLE: {
        "Lead ID": "id",
        "Person ID": "id",
        "Marketo ID": "id",
        "First Name": "firstName",
        "Middle Name": "middleName",
        "Last Name": "lastName",
        "Email Address": "email",
        "Phone Number": "phone",
        "Mobile Phone Number": "mobilePhone",
        "Fax Number": "fax",
        "Company Name": "company",
        "Lead Source": "leadSource",
        "Lead Status": "leadStatus",
        "Lead Rating": "rating",
        "Lead Score": "leadScore",
        "Lead Notes": "personNotes",
        "E-mail": "email",
        "Business Phone": "phone",
        "Mobile Phone": "mobilePhone",
        "Home Phone": "microsoftHomePhone",
        "Street": "address",
        "Zip Code": "postalCode",
        "CRM Id (Lead)": "crmLeadId",
        "CRM Id (Contact)": "crmContactId",
    },
    FileRole.CONTACTS: {"(Do Not Modify) Contact": "contactid", **_DATAVERSE},
    FileRole.LEADS: {"(Do Not Modify) Lead": "leadid", **_DATAVERSE},
}
"""What else the two systems' own exports call a column."""

_UNMAPPED: Final = re.compile(
    r"address[123](:.+|_\w+)"
    r"|fullname|suffix|nickname|department|pager|telephone3|accountname"
    r"|createdby|e-?mailaddress[23]|\(donotmodify\)modifiedon"
)
"""Folded headers of columns that Dynamics has by default and no default map has."""

_DELIMITERS: Final[Mapping[str, str]] = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
}


def _folded(name: str) -> str:
    return "".join(name.split()).casefold()


def _known(role: FileRole) -> dict[str, str]:
    """Return the column that each folded name stands for; the systems' own names come first."""
    side = Side.MARKETO if role is FileRole.PEOPLE else Side.DYNAMICS
    maps = MAPS.values() if role is FileRole.PEOPLE else (MAPS[role],)
    fields = [field for entity_map in maps for field in entity_map.fields]
    said = [
        *((column.name, column.name) for column in COLUMNS[role]),
        *((column.label, column.name) for column in COLUMNS[role]),
        *((field.labels[side], field.names[side]) for field in fields),
        *_ALIASES[role].items(),
    ]
    known: dict[str, str] = {}
    for name, native in said:
        known.setdefault(_folded(name), native)
    return known


def _mapped(role: FileRole) -> set[str]:
    """Return the columns of which a default map makes something."""
    side = Side.MARKETO if role is FileRole.PEOPLE else Side.DYNAMICS
    maps = MAPS.values() if role is FileRole.PEOPLE else (MAPS[role],)
    named = {field.names[side] for one in maps for field in one.fields}
    if role is FileRole.PEOPLE:
        stamps = {(one.link_field, one.type_field, one.deleted_field) for one in maps}
        named |= {name for names in stamps for name in names if name}
    return named


@attrs.frozen
class ExportColumns:
    """
    What the columns of one export come to, by their headers.

    *used* take part; *alone* would, but the other file has no such column; *unsure* would, but
    the other file has it more than once; *unmapped* are known, but no default map has them;
    *unknown* are not known; *twice* stand there more than once, so that none counts.
    """

    used: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@attrs.frozen
class Export:
    """An export with its header read; *places* says in which cell a known column is."""

    role: FileRole
    path: Path
    delimiter: str
    encoding: str
    header: tuple[str, ...]
    header_place: tuple[int, int]
    places: Mapping[str, int]
    twice: tuple[int, ...]

    def problem(self, place: tuple[int, int], cell: int | None, code: str, message: str) -> Problem:
        """Return a problem with this file; *place* is a row's number, and its line."""
        row, line = place
        inside = cell is not None and cell < len(self.header)
        column = self.header[cell] if inside and cell is not None else None
        return Problem(str(self.path), row, column, code, message, line)

    def repeated(self) -> set[str]:
        """Return the columns that stand there more than once."""
        known = _known(self.role)
        names = (known.get(_folded(self.header[at])) for at in self.twice)
        return {name for name in names if name is not None}

    def columns(self, used: frozenset[str], unsure: frozenset[str]) -> ExportColumns:
        """Return what the columns come to, if of their names *used* take part."""
        natives = {at: native for native, at in self.places.items()}
        mapped = _mapped(self.role)
        sorted_: dict[str, list[str]] = defaultdict(list[str])
        for at, name in enumerate(self.header):
            native = natives.get(at)
            if at in self.twice:
                word = "twice"
            elif native is None:
                word = "unmapped" if self._unmapped(name) else "unknown"
            elif native in used:
                word = "used"
            elif native in unsure:
                word = "unsure"
            else:
                word = "alone" if native in mapped else "unmapped"
            sorted_[word].append(name)
        return ExportColumns(**{word: tuple(names) for word, names in sorted_.items()})

    def understood(self) -> str:
        """Return the headers of the columns that are known, for people."""
        names = [self.header[at] for at in sorted(self.places.values())]
        return f"of the {self.role.value}, {', '.join(map(repr, names)) or 'none'}"

    def _unmapped(self, name: str) -> bool:
        return self.role is not FileRole.PEOPLE and bool(_UNMAPPED.fullmatch(_folded(name)))

    def lacks(self, native: str) -> str:
        """Return why the column *native* is not there: it is twice, or under no known name."""
        known = _known(self.role)
        twice = [
            self.header[at] for at in self.twice if known.get(_folded(self.header[at])) == native
        ]
        if twice:
            return f"{twice[0]!r} stands there {_times(len(twice))}, so that none of them counts"
        columns = "1 column" if len(self.header) == 1 else f"{len(self.header)} columns"
        return f"the header was read as {columns}, parted by {_DELIMITERS[self.delimiter]}"


def _times(number: int) -> str:
    return {2: "twice"}.get(number, f"{number} times")


def refused(export: Export, code: str, message: str, *lacking: str) -> InputRefused:
    """Return the refusal of a whole export, for what its header lacks: columns *lacking*."""
    why = next((export.lacks(native) for native in lacking), "")
    said = f"{message}: {why}" if why else message
    if lacking and (other := _looks_like(export)) is not None:
        said += f". It looks like an export of {other.value}: were the files swapped?"
        said += " The people come first, then the contacts; leads are given by --leads"
    return InputRefused(export.problem(export.header_place, None, code, said))


def _looks_like(export: Export) -> FileRole | None:
    """Return which other file's columns the header has more of, None if it has of none."""

    def fit(role: FileRole) -> int:
        known = _known(role)
        return sum(_folded(name) in known for name in export.header)

    best = max(FileRole, key=fit)
    return best if fit(best) > fit(export.role) else None


def open_export(role: FileRole, path: Path, problems: Problems, encoding: str = UTF_8) -> Export:
    """
    Return the export *path* with its header read; the delimiter is the one that fits best.

    Raises `InputRefused` where there is no header that can be read. A header that stands
    there twice is a problem, and neither of the two columns counts.
    """
    known = _known(role)
    encoding = true_encoding(path, encoding)
    delimiter, row = _header(path, encoding, known)
    # Of two names of one column, the system's own counts, or else the first.
    natives = [known.get(_folded(cell)) for cell in row.cells]
    repeated = _repeated(row.cells)
    export = Export(
        role,
        path,
        delimiter,
        encoding,
        tuple(row.cells),
        (row.number, row.line),
        _places(row.cells, natives, repeated),
        repeated,
    )
    for at, number in _firsts(row.cells, repeated).items():
        message = f"this header stands there {_times(number)}; none of these columns takes part"
        problems.add(export.problem(export.header_place, at, "header", message))
    return export


def _header(path: Path, encoding: str, known: Collection[str]) -> tuple[str, Row]:
    """
    Return the header of *path*, and the delimiter by which most of its cells are *known*.

    With another delimiter than the file's, a quoted cell looks broken, or leaves its quotes
    in the cells: neither says anything against the file, only against that delimiter.
    """
    said = excel_delimiter(path, encoding)
    best: tuple[str, Row | BadRow] | None = None
    best_fit = (-1, 0, 0, 0)
    for delimiter in _DELIMITERS if said is None else (said,):
        row = next(read_rows(path, delimiter, encoding), None)
        if row is None:
            raise InputRefused(Problem(str(path), None, None, "empty", "the file is empty"))
        whole = isinstance(row, Row)
        cells = row.cells if isinstance(row, Row) else leniently(row.text, delimiter)
        unquoted = not any('"' in cell for cell in cells)
        fit = int(unquoted), sum(_folded(cell) in known for cell in cells), len(cells), int(whole)
        if best is None or fit > best_fit:
            best, best_fit = (delimiter, row), fit
    match best:
        case (delimiter, Row() as header):
            return delimiter, header
        case (_, BadRow() as bad):
            raise _bad_header(path, bad)
        case _:
            raise AssertionError("there is no delimiter to read by")


def _bad_header(path: Path, bad: BadRow) -> InputRefused:
    message = f"in the header: {bad.message}"
    return InputRefused(Problem(str(path), bad.number, None, bad.code, message, bad.line))


def _repeated(cells: Sequence[str]) -> tuple[int, ...]:
    times = Counter(_folded(cell) for cell in cells)
    return tuple(at for at, cell in enumerate(cells) if cell.strip() and times[_folded(cell)] > 1)


def _firsts(cells: Sequence[str], repeated: Sequence[int]) -> dict[int, int]:
    """Return where each header that is *repeated* stands first, and how often it does."""
    times = Counter(_folded(cells[at]) for at in repeated)
    first = {_folded(cells[at]): at for at in reversed(repeated)}
    return {at: times[name] for name, at in sorted(first.items(), key=lambda item: item[1])}


def _places(
    cells: Sequence[str], natives: Sequence[str | None], repeated: Sequence[int]
) -> dict[str, int]:
    places: dict[str, int] = {}
    for at, native in enumerate(natives):
        if native is None or at in repeated:
            continue
        if native not in places or _folded(cells[at]) == _folded(native):
            places[native] = at
    return places
