"""``dynsync explain``: one record's history, with the reason for every value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import click

from dynsync._asking import waiting_of
from dynsync.cli._changes import change_data, last_refusals, losses, reason, refused, waits
from dynsync.cli._commands import config_option, finish, json_option, values_option
from dynsync.cli._config import load_config
from dynsync.cli._console import minute, moment, say, say_json, show_table, shown
from dynsync.cli._exits import ExitCode
from dynsync.cli._hosts import reading, unstarted
from dynsync.outcomes import FieldChange
from dynsync.recorder import Entry, Refusal, entry_of
from dynsync.records import Entity, Missing, Pair, RecordId, Side, Wire
from dynsync.state import StateStore

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
        start = unstarted(store, config)
        unknown = start or _unknown(store, name, ids, config.entities)
        waiting: _Waiting = _waiting(store, entries) if with_values else {}
    standing = _standing(entries)
    if as_json:
        data = [_data(entry, standing, with_values=with_values) for entry in entries]
        if waiting:
            data[-1]["waiting"] = {
                field: {side.value: wire for side, wire in zip(Side, held, strict=True)}
                for field, held in waiting.items()
            }
        say_json(data)
    elif entries:
        _say(entries, standing, with_values=with_values)
        if waiting:
            rows = ([field, *map(shown, held)] for field, held in waiting.items())
            show_table(["waits", "Marketo holds", "Dynamics holds"], rows)
    if not entries:
        say(unknown)
    finish(ExitCode.OK if entries else ExitCode.ATTENTION)


def _unknown(
    store: StateStore, entity: Entity, ids: Pair[RecordId | None], entities: Sequence[Entity]
) -> str:
    """Return what to say of a record of which there is no history."""
    for other in entities:
        if other != entity and store.history(other, ids):
            return f"Nothing is known of this {entity}: it is a {other}."
    return f"Nothing is known of this {entity}. Is the id right?"


_Waiting: TypeAlias = Mapping[str, Pair[Wire]]
"""What both sides hold now, by field."""


def _waiting(store: StateStore, entries: Sequence[Entry]) -> _Waiting:
    """Return what both sides hold now in the fields that wait: one of the two cannot be told."""
    if not entries:
        return {}
    last = entries[-1]
    fields = sorted({*last.held, *(change.field for change in last.changes if waits(change))})
    held = waiting_of(store, Entity(last.entity), Pair(last.person, last.dynamics))
    return {
        field: held[field].map(lambda wire: None if isinstance(wire, Missing) else wire)
        for field in fields
        if field in held
    }


_Standing: TypeAlias = Mapping[tuple[int, str], Refusal]
"""Which refusal keeps a field back: by the entry's number, and the field."""


def _standing(entries: Sequence[Entry]) -> _Standing:
    """Return, for each field that an entry says is held, the refusal that was told of it last."""
    last: dict[str, Refusal] = {}
    found: dict[tuple[int, str], Refusal] = {}
    for entry in entries:
        last.update(last_refusals([entry]))
        for field in entry.held:
            refusal = last.get(field) or last.get("")
            if refusal is not None:
                found[entry.seq, field] = refusal
    return found


def _data(entry: Entry, standing: _Standing, *, with_values: bool) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "run": entry.run,
        "at": moment(entry.at),
        "entity": entry.entity,
        "person": entry.person,
        "dynamics": entry.dynamics,
        "outcome": entry.kind,
        "why": entry.why,
        "changes": [change_data(change, with_values=with_values) for change in entry.changes],
        "refusals": [_refusal_data(refusal) for refusal in entry.refusals],
        "held": [
            {
                "field": field,
                "verdict": "held",
                "refusal": _refusal_data(refusal) if refusal is not None else None,
            }
            for field in entry.held
            for refusal in [standing.get((entry.seq, field))]
        ],
    }


def _refusal_data(refusal: Refusal) -> dict[str, object]:
    return {
        "side": refusal.side.value,
        "field": refusal.field,
        "code": refusal.code,
        "message": refusal.message,
        "attempt": refusal.attempt,
    }


def _say(entries: list[Entry], standing: _Standing, *, with_values: bool) -> None:
    last = entries[-1]
    show_table(
        ["when", "run", "outcome", "field", "why"],
        (row for entry in entries for row in _rows(entry, standing, with_values=with_values)),
        whole=("when", "run", "outcome"),
        title=f"{last.entity}: person {last.person or '—'}, Dynamics {last.dynamics or '—'}",
    )


def _rows(entry: Entry, standing: _Standing, *, with_values: bool) -> Iterator[list[str]]:
    """Yield a line for each thing to tell of *entry*; what nobody will ask about comes last."""
    about = [minute(entry.at), str(entry.run), entry.kind]
    changes = [change for change in entry.changes if change.field not in entry.held]
    telling = [c for c in changes if waits(c) or losses(c, with_values=False)]
    told = [(change.field, _why(change, with_values=with_values)) for change in telling]
    told += _kept_back(entry, standing)
    told += _alike([change for change in changes if change not in telling])
    for field, why in told or [("", entry.why)]:
        yield [*about, field, why]
        about = ["", "", ""]


def _kept_back(entry: Entry, standing: _Standing) -> Iterator[tuple[str, str]]:
    """Yield what *entry* says was refused, and what was held because it had been."""
    for refusal in entry.refusals:
        yield refusal.field or "the record", f"{refused(refusal)}, attempt {refusal.attempt}"
    new = {refusal.field or "" for refusal in entry.refusals}
    for held in entry.held:
        if held not in new:
            known = standing.get((entry.seq, held))
            why = "held" if known is None else f"held: {refused(known)}"
            yield held or "the record", why


def _alike(changes: Sequence[FieldChange]) -> list[tuple[str, str]]:
    """Return a line for each reason, with all fields that it is the reason for."""
    by_reason: dict[str, list[FieldChange]] = {}
    for change in sorted(changes, key=lambda change: not change.written):
        by_reason.setdefault(_why(change, with_values=False), []).append(change)
    return [
        (alike[0].field, why)
        if len(alike) == 1
        else (f"{len(alike)} fields", f"{why}: {', '.join(change.field for change in alike)}")
        for why, alike in by_reason.items()
    ]


def _why(change: FieldChange, *, with_values: bool) -> str:
    written = " and ".join(side.label for side in change.written)
    said = [reason(change), f"written to {written}" if written else ""]
    both = isinstance(change.lost, Pair)
    lost = [
        f"{side.label}'s {value}" if both and side is not None else value
        for side, value in losses(change, with_values=with_values)
    ]
    said.append(f"lost: {' and '.join(lost)}" if lost else "")
    return "; ".join(filter(None, said))
