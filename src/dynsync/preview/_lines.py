"""
A CSV file read row by row: one broken row is named and skipped, and the rest is read.

A quote that is opened and never closed would swallow the rest of the file. So the physical
lines of a row are kept until it is whole; if it never is, or if the lines look like rows of
their own, reading begins again behind the first of them.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO, TypeAlias

import attrs

from dynsync.preview._encodings import UTF_8, not_of, reading

__all__ = ["BadRow", "Row", "excel_delimiter", "leniently", "read_rows"]

_Place: TypeAlias = tuple[int, int]
"""The number of a row, and the line on which it begins."""

_LINES: Final = 1_000
_CHARACTERS: Final = 1_000_000
"""What one row may come to; far above what the columns of either system hold."""


@attrs.frozen
class Row:
    """A row that was read: which one a spreadsheet shows it as, and on which line it begins."""

    number: int
    line: int
    cells: list[str]


@attrs.frozen
class BadRow:
    """A row that was not; *cell* counts from 0, *text* is what of it was read."""

    number: int
    line: int
    cell: int | None
    code: str
    message: str
    text: str = attrs.field(repr=False)


@attrs.define
class _Lines:
    """The physical lines of a file, for `csv.reader`; those of the row in hand are kept."""

    stream: TextIO
    number: int = 0
    row: list[str] = attrs.Factory(list[str])
    back: deque[str] = attrs.Factory(deque[str])
    size: int = 0
    suspect: bool = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.row) >= _LINES or self.size >= _CHARACTERS:
            raise StopIteration
        line = self.back.popleft() if self.back else self.stream.readline(_CHARACTERS)
        if not line:
            raise StopIteration
        self.row.append(line)
        self.number += 1
        self.size += len(line)
        if not line.isascii() or "\0" in line:
            self.suspect = True
        return line

    def begin(self) -> int:
        """Begin a row and return the line on which it begins."""
        self.row = []
        self.size = 0
        self.suspect = False
        return self.number + 1

    def again(self) -> str:
        """Go back behind the first line of the row, and return that line."""
        first, *rest = self.row
        self.back.extendleft(reversed(rest))
        self.number -= len(rest)
        return first

    def skip_line(self) -> None:
        """Pass over what is left of a line that is too long to be read at once."""
        while (line := self.stream.readline(_CHARACTERS)) and not line.endswith(("\n", "\r")):
            pass

    @property
    def cut(self) -> bool:
        """Whether the row holds a line that is too long."""
        return self.size >= _CHARACTERS and len(self.row[-1]) >= _CHARACTERS


def read_rows(path: Path, delimiter: str, encoding: str = UTF_8) -> Iterator[Row | BadRow]:
    """
    Yield the rows of the CSV file *path*, the header first; empty lines are passed over.

    So is the line with which Excel is told the delimiter. Raises `InputRefused` where the
    file cannot be read.
    """
    # What is not of the encoding comes as half surrogate pairs, which the row is then refused for.
    with (
        reading(path, encoding),
        path.open(encoding=encoding, errors="surrogateescape", newline="") as stream,
    ):
        lines = _Lines(stream)
        if excel_delimiter(path, encoding) is not None:
            next(lines)
        yield from _rows(lines, delimiter, encoding)


def excel_delimiter(path: Path, encoding: str) -> str | None:
    """Return the delimiter that the first line of *path* names for Excel: ``sep=;``."""
    with reading(path, encoding), path.open(encoding=encoding, errors="replace") as stream:
        found = _EXCEL.fullmatch(stream.readline(20))
        return None if found is None else found[1]


_EXCEL: Final = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)


def _rows(lines: _Lines, delimiter: str, encoding: str) -> Iterator[Row | BadRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = width = 0
    while True:
        number += 1
        begun = number, lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if lines.cut:
                yield _too_long(lines, begun)
                continue
            first = lines.again()
            yield _broken(begun, first, delimiter, str(error))
            continue
        width = width or len(cells)
        if lines.cut:
            yield _too_long(lines, begun)
        elif len(lines.row) > 1 and _are_rows(lines.row, delimiter, width):
            message = "a quote is opened, and not closed before another row begins"
            yield BadRow(*begun, None, "quote", message, lines.again())
        elif lines.suspect and (bad := _bad_text(lines, begun, cells, encoding)) is not None:
            yield bad
        elif any(cells):
            yield Row(*begun, cells)


_KEYED: Final = re.compile(
    r"""["'{(]*(\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})["'})]*[,;\t|](?! )""", re.IGNORECASE
)
"""How a row begins whose first column holds the ids; prose has a space behind its comma."""


def _are_rows(lines: list[str], delimiter: str, width: int) -> bool:
    """Return whether each of the lines that one row seems to have looks like a row itself."""
    return all(_KEYED.match(line) and line.count(delimiter) >= width - 1 for line in lines)


def _too_long(lines: _Lines, begun: _Place) -> BadRow:
    text = "".join(lines.row)
    if not text.endswith(("\n", "\r")):
        lines.skip_line()
    message = f"a line of more than {_CHARACTERS} characters"
    return BadRow(*begun, None, "too_long", message, text)


def _broken(begun: _Place, first: str, delimiter: str, error: str) -> BadRow:
    """Return what `csv` complained about in our words; its own never hold a value either."""
    if "unexpected end of data" in error:
        # Without `strict`, what follows the quote is one cell: the one that it opened.
        cell = len(leniently(first, delimiter)) - 1
        return BadRow(*begun, cell, "quote", "a quote is opened and never closed", first)
    if "field limit" in error:
        message = f"a cell of more than {csv.field_size_limit()} characters"
        return BadRow(*begun, None, "too_long", message, first)
    return BadRow(*begun, None, "quote", "text behind the closing quote of a cell", first)


def leniently(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line whose quotes may be in disorder; none if it is hopeless."""
    try:
        return next(csv.reader([text], delimiter=delimiter), list[str]())
    except csv.Error:
        return []


def _bad_text(lines: _Lines, begun: _Place, cells: list[str], encoding: str) -> BadRow | None:
    text = "".join(lines.row)
    for at, cell in enumerate(cells):
        if "\0" in cell:
            return BadRow(*begun, at, "nul", "a NUL byte: the file is damaged, or not text", text)
        try:
            cell.encode()
        except UnicodeEncodeError:
            return BadRow(*begun, at, "encoding", not_of(encoding), text)
    return None
