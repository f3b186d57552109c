"""What a person reads, and what a machine does. No value is in it unless that is asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import attrs
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dynsync.preview._decisions import PreviewedRecord
from dynsync.preview._plan import held_values, said_values
from dynsync.preview._result import Preview
from dynsync.preview._words import Bucket, FieldOutcome, FileRole
from dynsync.preview.wording import whose
from dynsync.records import Entity, Side
from dynsync.terms import Terms

__all__ = ["Examples", "as_json", "show"]

Json: TypeAlias = "Mapping[str, Json] | list[Json] | str | int | None"

_QUIET: Final = frozenset({Bucket.IDENTICAL, Bucket.MARKETO_ONLY, Bucket.ELSEWHERE})
"""Buckets of which no example is worth showing."""

_SAID: Final[Mapping[Bucket, str]] = {
    Bucket.CREATED: "becomes a person",
    Bucket.UPDATED: "a value goes to the other side",
    Bucket.COLLIDING: "both hold different values",
    Bucket.REFUSED: "a value that the other side cannot hold",
    Bucket.UNREADABLE: "a cell or row that cannot be read: nobody can say",
    Bucket.LINKED: "same values; Marketo notes the id or the type",
    Bucket.IDENTICAL: "nothing to do",
    Bucket.MARKETO_ONLY: "only in Marketo; background sync leaves it there",
    Bucket.ORPHANED: "its Dynamics record is not there: a sync marks it deleted",
    Bucket.ELSEWHERE: "belongs to a file that was not given",
    Bucket.AMBIGUOUS: "more than one could be the other half",
    Bucket.MALFORMED: "a row that cannot be used",
}


@attrs.define
class Examples:
    """The first few records of each bucket, for a person to look up."""

    limit: int
    kept: dict[Bucket, list[PreviewedRecord]] = attrs.Factory(
        lambda: defaultdict[Bucket, list[PreviewedRecord]](list)
    )

    def add(self, record: PreviewedRecord) -> None:
        """Keep *record* if its bucket still has room."""
        if record.bucket not in _QUIET and len(self.kept[record.bucket]) < self.limit:
            self.kept[record.bucket].append(record)

    def rows(self, terms: Mapping[Entity, Terms], *, values: bool) -> Iterator[dict[str, str]]:
        """Yield a row for each field of each example."""
        for bucket in Bucket:
            for record in self.kept.get(bucket, []):
                yield from _example(record, terms, values=values)


def _example(
    record: PreviewedRecord, terms: Mapping[Entity, Terms], *, values: bool
) -> Iterator[dict[str, str]]:
    start = {
        "outcome": record.bucket.value,
        "entity": record.entity or "",
        "person": record.ids.marketo or "",
        "dynamics": record.ids.dynamics or "",
    }
    # A new person gets all that there is; only what is refused says anything.
    made = record.bucket is Bucket.CREATED or record.entity is None
    fields = [] if made else [f for f in record.fields if f.outcome is not FieldOutcome.CREATED]
    if not fields:
        yield {**start, "field": "", "reason": record.why}
    for field in fields:
        row = {**start, "field": field.name, "reason": field.reason}
        known = field.outcome is not FieldOutcome.UNREADABLE
        if values and known and record.entity is not None:
            if field.to:
                row["from"], row["to"] = said_values(terms[record.entity], field, values=True)
            held = held_values(terms[record.entity], field, values=True)
            row["marketo_holds"], row["dynamics_holds"] = held
        yield row


_COUNTED: Final = (
    FieldOutcome.COLLIDES,
    FieldOutcome.UNRESOLVED,
    FieldOutcome.REFUSED,
    FieldOutcome.UNREADABLE,
)
"""What is counted of a field whoever is told."""


def _field_rows(preview: Preview) -> list[tuple[str, str, Counter[str]]]:
    """Return what becomes of each field: its entity, its name, and how often what."""
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter[str])
    for (entity, name, outcome, side), number in preview.fields.items():
        row = rows[entity, name]
        if outcome in _COUNTED:
            row[outcome.value] += number
        if side is not None and outcome is not FieldOutcome.CREATED:
            row[f"to_{side.value}"] += number
        if outcome is FieldOutcome.CREATED:
            row["in_new_people"] += number
    return [(entity, name, row) for (entity, name), row in sorted(rows.items())]


_WORDS: Final = (
    "in_new_people",
    *(f"to_{side.value}" for side in Side),
    *(outcome.value for outcome in _COUNTED),
)


_HEADS: Final[Mapping[str, str]] = {
    "in_new_people": "in new people",
    **{f"to_{side.value}": f"to {side.label}" for side in Side},
}


def as_json(preview: Preview, examples: Examples, *, values: bool) -> Json:
    """Return the whole report as what JSON can hold."""
    by_entity = {terms.entity: terms for terms in preview.terms.values()}
    return {
        "version": 1,
        "files": {role.value: _file_json(preview, role) for role in preview.rows},
        "fields": [
            {"entity": entity, "field": name, **{word: row[word] for word in _WORDS}}
            for entity, name, row in _field_rows(preview)
        ],
        "problems": len(preview.problems),
        "problems_by_code": dict(sorted(preview.problems.counts.items())),
        "first_problems": [
            {
                "file": problem.file,
                "row": problem.row,
                "line": problem.line,
                "column": problem.column,
                "code": problem.code,
                "message": problem.message,
            }
            for problem in preview.problems
        ],
        "examples": [dict[str, Json](row) for row in examples.rows(by_entity, values=values)],
    }


def _file_json(preview: Preview, role: FileRole) -> Json:
    columns = preview.columns[role]
    told = {
        "used": columns.used,
        "ignored": columns.alone,
        "unmapped": columns.unmapped,
        "unknown": columns.unknown,
        "twice": columns.twice,
        "unsure": columns.unsure,
    }
    return {
        "rows": preview.rows[role],
        "unidentified": preview.unidentified[role],
        "same_address": preview.same_address[role],
        "outcomes": {bucket.value: preview.count(bucket, role) for bucket in Bucket},
        "columns": {word: list[Json](names) for word, names in told.items()},
    }


def _plain(text: str) -> Text:
    """Return *text* without anything that a terminal would take as an order."""
    return Text("".join(char if char.isprintable() else "\N{MIDDLE DOT}" for char in text))


def show(console: Console, preview: Preview, examples: Examples, *, values: bool) -> None:
    """Print the report for a person."""
    console.print(_outcomes(preview))
    if rows := _field_rows(preview):
        console.print(_fields(rows))
    by_entity = {terms.entity: terms for terms in preview.terms.values()}
    found = list(examples.rows(by_entity, values=values))
    if found:
        _examples(console, found, examples.limit)
    for role, columns in preview.columns.items():
        for what, names in (
            ("not in the other file", columns.alone),
            ("more than once in the other file", columns.unsure),
            ("not in the default mapping", columns.unmapped),
            ("unknown", columns.unknown),
            ("there more than once", columns.twice),
        ):
            if names:
                said = ", ".join(name or "(no header)" for name in names)
                console.print(_plain(f"Columns of the {role.value} ignored, {what}: {said}"))
    _alike(console, preview)
    _doubts(console, preview)
    _problems(console, preview, examples.limit)
    console.print("Nothing was changed anywhere.")


def _table(title: str) -> Table:
    """Return a table that looks like those of the other commands."""
    return Table(
        box=box.SIMPLE, title=title, title_justify="left", title_style="bold", pad_edge=False
    )


def _outcomes(preview: Preview) -> Table:
    roles = [role for role in FileRole if role in preview.columns]
    table = _table("What a first sync would do, in rows")
    table.add_column("outcome")
    for role in roles:
        table.add_column(role.value, justify="right")
    table.add_column("meaning")
    for bucket in Bucket:
        numbers = [preview.count(bucket, role) for role in roles]
        if any(numbers):
            name = bucket.value.replace("_", " ")
            table.add_row(name, *(f"{number:,}" for number in numbers), _SAID[bucket])
    table.add_section()
    table.add_row("rows", *(f"{preview.rows.get(role, 0):,}" for role in roles), "")
    return table


def _fields(rows: list[tuple[str, str, Counter[str]]]) -> Table:
    words = [word for word in _WORDS if any(row[word] for *_, row in rows)]
    table = _table("Field by field")
    for head in ("entity", "field"):
        table.add_column(head, overflow="fold")
    for word in words:
        table.add_column(_HEADS.get(word, word), justify="right")
    names = {"@id": "(Dynamics id)", "@type": "(Microsoft Type)", "@deleted": "(is deleted)"}
    for entity, name, row in rows:
        numbers = (f"{row[word]:,}" if row[word] else "" for word in words)
        table.add_row(entity, names.get(name, name), *numbers)
    return table


def _examples(console: Console, rows: list[dict[str, str]], limit: int) -> None:
    console.print(f"Examples, at most {limit} of each:")
    before: tuple[str, ...] = ()
    for row in rows:
        record = (row["outcome"], row["entity"], row["person"], row["dynamics"])
        if record != before:
            outcome, entity, person, dynamics = record
            named = [f"person {person}"] if person else []
            named += [f"{entity or 'record'} {dynamics}"] if dynamics else []
            _say(console, 2, f"{outcome}: {', '.join(named)}")
            before = record
        said = f"{row['field']}: {row['reason']}" if row["field"] else row["reason"]
        if "to" in row:
            said += f" ({_quoted(row['from'])} becomes {_quoted(row['to'])})"
        elif "marketo_holds" in row:
            ours, theirs = _quoted(row["marketo_holds"]), _quoted(row["dynamics_holds"])
            said += f" (Marketo keeps {ours}, Dynamics keeps {theirs})"
        _say(console, 4, said)


def _quoted(text: str) -> str:
    return repr(text) if text else "empty"


def _say(console: Console, indent: int, text: str) -> None:
    console.print(Padding(_plain(text), (0, 0, 0, indent)))


def _alike(console: Console, preview: Preview) -> None:
    """Say how many new people there may be already, by another word than their id."""
    for role, number in preview.same_address.items():
        if number and role is not FileRole.PEOPLE:
            console.print(
                f"Of the new {role.value}, {number:,} {'holds' if number == 1 else 'hold'} an "
                f"address that a person without an id holds too: try --by-email."
            )


def _doubts(console: Console, preview: Preview) -> None:
    """Say of which numbers above nobody can be sure."""
    for role, number in preview.unidentified.items():
        if not number:
            continue
        what = "created" if role is FileRole.PEOPLE else "orphaned"
        console.print(
            f"Not certain: {whose(number, role.value)}; "
            f"what is called {what} may have its other half there."
        )


def _problems(console: Console, preview: Preview, limit: int) -> None:
    problems = preview.problems
    if not len(problems):
        return
    times = "once" if len(problems) == 1 else f"{len(problems):,} times"
    console.print(f"Something was wrong with the files, {times}:")
    shown = max(limit, 1)
    for problem in problems.kept[:shown]:
        _say(console, 2, str(problem))
    if len(problems) > shown:
        console.print(f"  and {len(problems) - shown:,} more (--limit shows more of them)")
