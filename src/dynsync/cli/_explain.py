"""``dynsync explain``: one record's history, with the reason for every value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from dynsync.cli._commands import config_option, finish, json_option, values_option
from dynsync.cli._config import load_config
from dynsync.cli._console import moment, say_json, show_table, shown
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import reading
from dynsync.outcomes import FieldChange
from dynsync.recorder import Entry, entry_of
from dynsync.records import Missing, Pair, RecordId

__all__ = ["explain_command"]


@click.command("explain")
@click.argument("entity")
@click.option("--person", help="The Marketo id.")
@click.option("--dynamics", help="The Dynamics GUID.")
@config_option
@json_option
@values_option
def explain_command(
    entity: str,
    person: str | None,
    dynamics: str | None,
    config_path: Path,
    *,
    as_json: bool,
    with_values: bool,
) -> None:
    """Show why the values of one record of ENTITY are what they are."""
    if (person is None) == (dynamics is None):
        raise click.UsageError("Give either --person ID or --dynamics GUID.")
    config = load_config(config_path)
    name = config.entity(entity)
    ids = Pair(
        None if person is None else RecordId(person),
        None if dynamics is None else RecordId(dynamics.strip("{}").lower()),
    )
    with reading(config) as store:
        entries = [entry_of(kept) for kept in store.history(name, ids)]
    if as_json:
        say_json([_data(entry, with_values=with_values) for entry in entries])
    elif entries:
        _say(entries, with_values=with_values)
    if not entries:
        click.echo(f"Nothing is known of this {entity}. Is the id right?", err=True)
    finish(ExitCode.OK if entries else ExitCode.ATTENTION)


def _data(entry: Entry, *, with_values: bool) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "run": entry.run,
        "at": moment(entry.at),
        "entity": entry.entity,
        "person": entry.person,
        "dynamics": entry.dynamics,
        "outcome": entry.kind,
        "why": entry.why,
        "changes": [_change_data(change, with_values=with_values) for change in entry.changes],
        "refusals": [
            {
                "side": r.side.value,
                "field": r.field,
                "code": r.code,
                "message": r.message,
                "attempt": r.attempt,
            }
            for r in entry.refusals
        ],
        "held": list(entry.held),
    }


def _change_data(change: FieldChange, *, with_values: bool) -> dict[str, object]:
    data: dict[str, object] = {
        "field": change.field,
        "verdict": change.verdict,
        "winner": None if change.winner is None else change.winner.value,
        "written": [side.value for side in change.written],
        "why": change.why,
    }
    if not isinstance(change.lost, Missing):
        data["lost"] = change.lost if with_values else "(not shown; use --values)"
    return data


def _say(entries: list[Entry], *, with_values: bool) -> None:
    last = entries[-1]
    show_table(
        ["when", "run", "outcome", "field", "why"],
        (row for entry in entries for row in _rows(entry, with_values=with_values)),
        title=f"{last.entity}: person {last.person or '—'}, Dynamics {last.dynamics or '—'}",
    )


def _rows(entry: Entry, *, with_values: bool) -> Iterator[list[str]]:
    about = [moment(entry.at), str(entry.run), entry.kind]
    said = False
    for change in entry.changes:
        yield [*about, change.field, _why(change, with_values=with_values)]
        about, said = ["", "", ""], True
    for refusal in entry.refusals:
        side, field = refusal.side.label, refusal.field or "the record"
        why = f"{side} refused it: {refusal.message} [{refusal.code}], attempt {refusal.attempt}"
        yield [*about, field, why]
        about, said = ["", "", ""], True
    if not said:
        yield [*about, "", entry.why]


def _why(change: FieldChange, *, with_values: bool) -> str:
    written = " and ".join(side.label for side in change.written)
    why = f"{change.why}; written to {written}" if written else change.why
    if isinstance(change.lost, Missing):
        return why
    lost = shown(change.lost) if with_values else "a value (see --values)"
    return f"{why}; lost: {lost}"
