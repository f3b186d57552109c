"""
A CSV file read row by row: one broken row is named and skipped, and the rest is read.

A quote that is opened and never closed would swallow the rest of the file. So the physical
lines of a row are kept until it is whole; if it never is, reading begins again behind the
first of them.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TextIO

import attrs

from dynsync.preview._problems import InputRefused, Problem

__all__ = ["BadRow", "Row", "read_rows"]

_LINES: Final = 1_000
_CHARACTERS: Final = 1_000_000
"""What one row may come to; far above what the columns of either system hold."""


@attrs.frozen
class Row:
    """A row that was read; *line* is the physical line on which it begins."""

    line: int
    cells: list[str]


@attrs.frozen
class BadRow:
    """A row that was not; *cell* counts from 0."""

    line: int
    cell: int | None
    code: str
    message: str


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


def read_rows(path: Path, delimiter: str) -> Iterator[Row | BadRow]:
    """
    Yield the rows of the CSV file *path*, the header first; empty lines are passed over.

    Raises `InputRefused` where the file cannot be read.
    """
    try:
        # What is not UTF-8 comes as half surrogate pairs, which the row is then refused for.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            yield from _rows(_Lines(stream), delimiter)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise InputRefused(Problem(str(path), None, None, "unreadable", why)) from None


def _rows(lines: _Lines, delimiter: str) -> Iterator[Row | BadRow]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begun = lines.begin()
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
        if lines.cut:
            yield _too_long(lines, begun)
        elif lines.suspect and (bad := _bad_text(begun, cells)) is not None:
            yield bad
        elif any(cells):
            yield Row(begun, cells)


def _too_long(lines: _Lines, begun: int) -> BadRow:
    if not lines.row[-1].endswith(("\n", "\r")):
        lines.skip_line()
    return BadRow(begun, None, "too_long", f"a line of more than {_CHARACTERS} characters")


def _broken(begun: int, first: str, delimiter: str, error: str) -> BadRow:
    """Return what `csv` complained about in our words; its own never hold a value either."""
    if "unexpected end of data" in error:
        # Without `strict`, what follows the quote is one cell: the one that it opened.
        cell = len(next(csv.reader([first], delimiter=delimiter))) - 1
        return BadRow(begun, cell, "quote", "a quote is opened and never closed")
    if "field limit" in error:
        limit = csv.field_size_limit()
        return BadRow(begun, None, "too_long", f"a cell of more than {limit} characters")
    return BadRow(begun, None, "quote", "text behind the closing quote of a cell")


def _bad_text(begun: int, cells: list[str]) -> BadRow | None:
    for at, cell in enumerate(cells):
        if "\0" in cell:
            return BadRow(begun, at, "nul", "a NUL byte: the file is damaged, or not text")
        try:
            cell.encode()
        except UnicodeEncodeError:
            message = "not UTF-8; save the file as 'CSV UTF-8'"
            return BadRow(begun, at, "encoding", message)
    return None
