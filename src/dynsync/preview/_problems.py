"""What was wrong with an export, by file, row and column, and never with a value. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import attrs
from attrs import Factory

from dynsync.errors import SyncError

__all__ = ["InputRefused", "Problem", "Problems"]

_KEPT: Final = 1000


@attrs.frozen
class Problem:
    """
    One thing that is wrong with *file*.

    *row* counts as a spreadsheet does, the header being row 1; *line* is where the row begins
    in the file as text, which differs behind a cell of several lines. *column* is the header
    of the cell. Each is None where the problem is of no one row or cell.
    """

    file: str
    row: int | None
    column: str | None
    code: str
    message: str
    line: int | None = None

    @property
    def place(self) -> str:
        """The row, and the line where that is another number; nothing if there is none."""
        if self.row is None:
            return ""
        return f"row {self.row}" + (f" (line {self.line})" if self.line != self.row else "")

    def __str__(self) -> str:
        row = f", {self.place}" if self.place else ""
        column = "" if self.column is None else f", column {self.column!r}"
        return f"{self.file}{row}{column}: {self.message}"


class InputRefused(SyncError):
    """A file cannot be used at all; *problem* says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@attrs.define
class Problems:
    """All of them counted by code, the first thousand kept."""

    counts: Counter[str] = Factory(Counter[str])
    kept: list[Problem] = Factory(list[Problem])

    def add(self, problem: Problem) -> None:
        """Count *problem*, and keep it if it is one of the first."""
        self.counts[problem.code] += 1
        if len(self.kept) < _KEPT:
            self.kept.append(problem)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.kept)

    def __len__(self) -> int:
        return sum(self.counts.values())
