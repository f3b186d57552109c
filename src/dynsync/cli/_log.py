"""``dynsync log``: what was refused or held back, and whether it still waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import attrs
import click

from dynsync.cli._commands import config_option, finish, json_option
from dynsync.cli._config import load_config
from dynsync.cli._console import data_out, minute, moment, say, say_json, show_table, write_csv
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import reading, unstarted
from dynsync.outcomes import OutcomeKind
from dynsync.recorder import Entry, entry_of
from dynsync.records import RecordId
from dynsync.state import StateStore

__all__ = ["log_command"]

_PAGE = 500


class _Key(NamedTuple):
    """What was refused: the same again is the same line."""

    entity: str
    record: str
    side: str
    field: str
    code: str


@attrs.frozen
class _Line:
    """One reason for which one record does not, or did not, go on. It holds no field value."""

    at: str
    entity: str
    person: str | None
    dynamics: str | None
    side: str
    field: str
    code: str
    message: str
    attempts: int
    waiting: bool


_HEADS = tuple(field.name for field in attrs.fields(_Line))


@click.command("log")
@click.argument("entity", required=False)
@click.option("--waiting", "only_waiting", is_flag=True, help="Only what still waits.")
@config_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def log_command(
    entity: str | None,
    config_path: Path,
    *,
    only_waiting: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List what was refused or held back, of ENTITY or of all."""
    if as_json and as_csv:
        raise click.UsageError("Give either --json or --csv.")
    config = load_config(config_path)
    name = None if entity is None else config.entity(entity)
    with reading(config) as store:
        lines = [
            line
            for line in _lines(store)
            if name in (None, line.entity) and (line.waiting or not only_waiting)
        ]
        start = unstarted(store, config)
    if as_json:
        say_json([attrs.asdict(line) for line in lines])
    elif as_csv:
        _say_csv(lines)
    elif lines:
        _say(lines)
    if not lines and (start or not (as_json or as_csv)):
        say(start or "Nothing was refused or held back.")
    finish(ExitCode.ATTENTION if start else ExitCode.OK)


def _record(dynamics: RecordId | None, person: RecordId | None) -> str:
    return dynamics or f"person {person}"


def _lines(store: StateStore) -> list[_Line]:
    """Return a line for each thing that was refused, in order of the last time it was."""
    found: dict[_Key, _Line] = {}
    for entry in _journal(store):
        for key, message in _reasons(entry):
            known = found.pop(key, None)
            found[key] = _Line(
                at=moment(entry.at),
                entity=key.entity,
                person=entry.person,
                dynamics=entry.dynamics,
                side=key.side,
                field=key.field,
                code=key.code,
                message=message,
                attempts=1 if known is None else known.attempts + 1,
                waiting=False,
            )
    for key, attempts in _waiting(store, found):
        found[key] = attrs.evolve(found[key], attempts=attempts, waiting=True)
    return list(found.values())


def _journal(store: StateStore) -> Iterator[Entry]:
    after = 0
    while kept := store.journal(after, _PAGE):
        yield from map(entry_of, kept)
        after = kept[-1].seq


def _reasons(entry: Entry) -> Iterator[tuple[_Key, str]]:
    """Yield what *entry* says was refused or held back, and why."""
    about = entry.entity, _record(entry.dynamics, entry.person)
    for refusal in entry.refusals:
        key = _Key(*about, refusal.side.value, refusal.field or "", refusal.code)
        yield key, refusal.message
    for change in entry.changes:
        if change.verdict == OutcomeKind.WITHHELD.value and change.winner is not None:
            side = change.winner.other.value
            yield _Key(*about, side, change.field, change.verdict), change.why
        elif change.verdict == OutcomeKind.UNRESOLVED.value:
            yield _Key(*about, "", change.field, change.verdict), change.why
    if entry.kind == OutcomeKind.AMBIGUOUS.value:
        yield _Key(*about, "", "", entry.kind), entry.why


def _waiting(store: StateStore, found: dict[_Key, _Line]) -> Iterator[tuple[_Key, int]]:
    """Yield which of *found* the backlog still holds, and how often each was tried."""
    by_record: dict[tuple[str, str], list[_Key]] = {}
    for key in found:
        by_record.setdefault((key.entity, key.record), []).append(key)
    for pending in store.each_pending():
        attempts = {
            (hold.side.value, hold.field, code): hold.attempts
            for hold in pending.holds
            for code in hold.codes
        }
        record = _record(pending.ids.dynamics, pending.ids.marketo)
        for key in by_record.get((pending.entity, record), ()):
            if (tried := attempts.get((key.side, key.field, key.code))) is not None:
                yield key, tried
            elif key.code in {kind.value for kind in OutcomeKind}:
                yield key, max(found[key].attempts, pending.attempts)


def _say(lines: Iterable[_Line]) -> None:
    show_table(
        ["last told", "record", "field", "why", "waits"],
        (
            [
                minute(line.at),
                f"{line.entity} {line.person or line.dynamics or '?'}",
                line.field or "—",
                _why(line),
                "yes" if line.waiting else "no",
            ]
            for line in lines
        ),
        whole=("last told", "waits"),
    )


def _why(line: _Line) -> str:
    who = f"{line.side.capitalize()}: " if line.side else ""
    times = "" if line.attempts == 1 else f", tried {line.attempts} times"
    return f"{who}{line.message} [{line.code}]{times}"


def _say_csv(lines: Iterable[_Line]) -> None:
    write_csv(data_out(), _HEADS, (attrs.astuple(line) for line in lines))
