"""The file of an export on its way: fetched in parts, checked whole, read row by row."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from typing import Final

from dynsync.marketo._values import typed
from dynsync.records import Wire

__all__ = ["PART", "Spool", "Unreadable", "row_ends"]

PART: Final = 8 * 1024 * 1024
"""How many bytes of a file are asked for at a time."""

_BLOCK: Final = 1024 * 1024
"""How many bytes of rows are read at a time, some thousand people."""

_EMPTY: Final = "null"
"""How a file writes that there is nothing."""


class Unreadable(Exception):
    """A file is not the rows that it should be; the message tells none of it."""


class Spool:
    """
    A file on disk that nobody else can open and that is gone with this object.

    It is to have *size* bytes with the *checksum*, as Marketo tells them.
    """

    def __init__(self, size: int, checksum: str) -> None:
        self.size = size
        self.got = 0
        self._checksum = checksum.removeprefix("sha256:").lower()
        self._digest = hashlib.sha256()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the object
        weakref.finalize(self, self._file.close)
        self._names: list[str] = []
        self._first = 0

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @property
    def complete(self) -> bool:
        """Whether all parts are there."""
        return self.got >= self.size

    @property
    def intact(self) -> bool:
        """Whether what is there is what Marketo wrote; true where it told no checksum."""
        return not self._checksum or self._digest.hexdigest() == self._checksum

    def add(self, part: bytes) -> None:
        """Add the next *part*."""
        self._file.seek(self.got)
        self._file.write(part)
        self._digest.update(part)
        self.got += len(part)

    def rows(self, start: int, types: Mapping[str, str]) -> tuple[list[dict[str, Wire]], int]:
        """
        Return some rows from byte *start* on, 0 for the first, and where the next begins.

        Raises `Unreadable` for a row with more cells or fewer than there are columns: what it
        lacks would seem to be empty.
        """
        if not self._names:
            self._read_header()
        start = max(start, self._first)
        size, end, block = _BLOCK, 0, b""
        while not end and len(block) < self.got - start:
            block = self._part(start, size)
            at_end = start + len(block) >= self.got
            end = len(block) if at_end else max(row_ends(block), default=0)
            size *= 2
        rows = _cells(block[:end])
        if any(len(cells) != len(self._names) for cells in rows):
            raise Unreadable("a row of another width")
        return [self._row(cells, types) for cells in rows], start + end

    def _read_header(self) -> None:
        block = self._part(0, _BLOCK)
        self._first = next(row_ends(block), len(block))
        [self._names] = _cells(block[: self._first]) or [[]]
        if "id" not in self._names:
            self._names = []
            raise Unreadable("no column of ids")

    def _part(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def _row(self, cells: list[str], types: Mapping[str, str]) -> dict[str, Wire]:
        return {
            name: typed(types.get(name, ""), None if cell == _EMPTY else cell)
            for name, cell in zip(self._names, cells, strict=True)
        }


def row_ends(block: bytes) -> Iterator[int]:
    """Yield where each row in *block* ends: at a line's end that is not within quotes."""
    end = quotes = 0
    for line in block.split(b"\n")[:-1]:
        end += len(line) + 1
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            yield end


def _cells(block: bytes) -> list[list[str]]:
    text = io.StringIO(block.decode("utf-8-sig", "replace"), newline="")
    try:
        return [row for row in csv.reader(text) if row]
    except csv.Error:
        # Its complaint may quote the row.
        raise Unreadable("no rows") from None
