"""
The plan as CSV: one row per record and field, one for a record of which no field moves.

Ids and texts come from somebody's export and are opened in a spreadsheet, so that nothing
in them may pass for a formula.
"""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TextIO

import attrs

from dynsync.fields import Field
from dynsync.preview._cells import shown
from dynsync.preview._decisions import PreviewedField, PreviewedRecord
from dynsync.preview._problems import Problem
from dynsync.preview._words import Bucket, FieldOutcome, FileRole
from dynsync.preview.wording import safe_cell
from dynsync.records import Entity, Missing, Pair, Side, Wire
from dynsync.terms import Terms

__all__ = ["PlanFile", "held_values", "may_be_replaced", "plan_file", "said_values"]

_FIRST: Final = ("entity", "person id", "dynamics id", "field", "outcome", "from", "to", "reason")
"""What every plan begins with, those of older versions too."""

_HEADER: Final = (*_FIRST, "marketo holds", "dynamics holds")


def _said(field: Field, wire: Wire | Missing, side: Side, *, values: bool) -> str:
    text = shown(field, wire, side)
    if values or not text:
        return text
    return "(a value)"


def said_values(terms: Terms, one: PreviewedField, *, values: bool) -> tuple[str, str]:
    """
    Return what the told side holds, and what it would: the values only if asked for.

    Where nobody is told anything, such as of a refused value, there is neither.
    """
    if not one.to or isinstance(one.value, Missing):
        return "", ""
    field = terms.fields[terms.index(one.name)]
    target = one.to[0]
    before = _said(field, one.now[target], target, values=values)
    return before, _said(field, one.value, target, values=values)


def held_values(terms: Terms, one: PreviewedField, *, values: bool) -> Pair[str]:
    """Return what each side holds now; of an unreadable field that cannot be said."""
    if one.outcome is FieldOutcome.UNREADABLE:
        return Pair("", "")
    field = terms.fields[terms.index(one.name)]
    return Pair(
        _said(field, one.now.marketo, Side.MARKETO, values=values),
        _said(field, one.now.dynamics, Side.DYNAMICS, values=values),
    )


def may_be_replaced(path: Path) -> bool:
    """Return whether writing a plan to *path* destroys nothing: it is empty, or a plan already."""
    if not path.is_file() or not path.stat().st_size:
        return True
    head = ",".join(_FIRST).encode("utf-8-sig")
    with path.open("rb") as file:
        return file.read(len(head)) == head


@contextmanager
def plan_file(path: Path, terms: dict[Entity, Terms], *, values: bool) -> Generator[PlanFile]:
    """
    Write a plan that takes its name *path* when it is whole; raises OSError.

    Half a plan looks like a whole one of a smaller export, so that none is left: of a preview
    that does not come to its end, *path* holds what it held before.
    """
    if path.exists() and not path.is_file():
        # A pipe or a terminal has no other name; who reads there sees where it ends.
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            yield PlanFile.begun(stream, terms, values=values)
        return
    whole = path.resolve()
    partial = whole.with_name(f".{whole.name}.{secrets.token_hex(4)}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as stream:
            yield PlanFile.begun(stream, terms, values=values)
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


@attrs.define
class PlanFile:
    """A plan on its way into a file that only its owner may read."""

    stream: TextIO
    terms: dict[Entity, Terms]
    values: bool

    @classmethod
    def begun(cls, stream: TextIO, terms: dict[Entity, Terms], *, values: bool) -> Self:
        """Begin a plan in *stream*."""
        csv.writer(stream).writerow(_HEADER)
        return cls(stream, terms, values)

    def add(self, record: PreviewedRecord) -> None:
        """Write what becomes of *record*."""
        ids = (safe_cell(record.ids.marketo or ""), safe_cell(record.ids.dynamics or ""))
        start = (record.entity or "", *ids)
        writer = csv.writer(self.stream)
        if record.entity is None or not record.fields:
            writer.writerow((*start, "", record.bucket.value, "", "", record.why, "", ""))
            return
        terms = self.terms[record.entity]
        for field in record.fields:
            if field.outcome is FieldOutcome.CREATED and field.value is None:
                continue
            said = map(safe_cell, said_values(terms, field, values=self.values))
            held = map(safe_cell, held_values(terms, field, values=self.values))
            writer.writerow((*start, field.name, field.outcome.value, *said, field.reason, *held))

    def add_malformed(self, role: FileRole, problem: Problem) -> None:
        """Write why a row cannot be used; its ids may be what is wrong with it."""
        why = f"{role.value}, {problem.place}: {problem.message}"
        column = safe_cell(problem.column or "")
        bucket = Bucket.MALFORMED.value
        csv.writer(self.stream).writerow(
            (role.entity or "", "", "", column, bucket, "", "", why, "", "")
        )
