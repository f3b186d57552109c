"""Match: find the person of a Dynamics record by a field's value, where the host asks (A28)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeAlias

from dynsync._reading import find_all
from dynsync._session import Session
from dynsync.backlog import LinkState, Pending, PendingKey
from dynsync.fields import Field
from dynsync.kinds import Unfit
from dynsync.matching import Matched, Several, match
from dynsync.outcomes import TAKEN
from dynsync.records import MISSING, Missing, Record, RecordId, Side, Wire, plain_id
from dynsync.terms import Terms

__all__ = ["Found", "match_unlinked"]

Found: TypeAlias = Record | str
"""The person of a record, or why it is nobody's to say."""


def _key(field: Field, side: Side, wire: Wire) -> Hashable:
    try:
        return field.kind.key(field.kind.decode(wire, side))
    except Unfit:
        return None


def _link_fields(session: Session, terms: Terms) -> list[str]:
    """Return the fields in which people of the table hold ids, of whichever entity (U11)."""
    table = terms.map.tables.marketo
    return [one.link_field for one in session.maps if one.tables.marketo == table]


def _taken(session: Session, terms: Terms, people: Mapping[RecordId, Record]) -> set[RecordId]:
    """Return the people who are linked to a record, or hold the id of one."""
    known = session.store.known(Side.MARKETO, people.keys())
    return {
        id_
        for id_, person in people.items()
        if (id_ in known and known[id_].state is LinkState.LIVE)
        or any(plain_id(person.values.get(name)) for name in _link_fields(session, terms))
    }


def match_unlinked(
    session: Session, terms: Terms, entries: Sequence[Pending]
) -> Mapping[PendingKey, Found]:
    """Say of Dynamics records that nobody is known to be who they are, where the host asks."""
    name = terms.map.match.field
    if name is None or not entries:
        return {}
    if name not in terms.layout:
        # As long as nobody can say who they are, they are nobody's, and nobody new.
        return dict.fromkeys((one.key for one in entries), f"{name!r} may not be read")
    return _match_by_field(session, terms, entries, name)


def _match_by_field(
    session: Session, terms: Terms, entries: Sequence[Pending], name: str
) -> dict[PendingKey, Found]:
    """
    Say of Dynamics records who they are, by equal values of the field *name*.

    A hit counts only if it is the only one on either side: both systems are asked, so that
    the answer does not depend on what else is in the backlog. Who is found but is linked
    already makes the record ambiguous too: a second person with the same value is a
    matter for a human. A record that nobody resembles is not in the answer.
    """
    field = terms.fields[terms.index(name)]
    wires, keys = _asked_for(entries, field, terms.index(name))
    people = find_all(
        session,
        Side.MARKETO,
        terms.map.tables.marketo,
        field.names.marketo,
        list(wires.values()),
        fields=list(dict.fromkeys((*terms.natives(Side.MARKETO), *_link_fields(session, terms)))),
    )
    resembled = _keys(field, Side.MARKETO, people)
    shared = set(resembled.values())
    records = _rivals(session, terms, field, [wires[key] for key in wires if key in shared])
    records |= {e.ids.dynamics: keys[e.key] for e in entries if e.ids.dynamics and e.key in keys}
    verdicts = match(records.items(), resembled.items())
    taken = _taken(session, terms, people)
    found: dict[PendingKey, Found] = {}
    for entry in entries:
        verdict = verdicts.get(entry.ids.dynamics or RecordId(""))
        if isinstance(verdict, Matched):
            found[entry.key] = TAKEN if verdict.person in taken else people[verdict.person]
        elif isinstance(verdict, Several):
            found[entry.key] = (
                f"{len(verdict.people)} people and {verdict.records} records share the same {name}"
            )
    return found


def _asked_for(
    entries: Sequence[Pending], field: Field, at: int
) -> tuple[dict[Hashable, Wire], dict[PendingKey, Hashable]]:
    """Return the values to look for, each once, and which of them an entry holds at *at*."""
    wires: dict[Hashable, Wire] = {}
    keys: dict[PendingKey, Hashable] = {}
    for entry in entries:
        seen = entry.seen.dynamics
        wire = seen.row[at] if seen is not None else MISSING
        if isinstance(wire, Missing):
            continue
        key = _key(field, Side.DYNAMICS, wire)
        if key is not None:
            wires[key] = wire
            keys[entry.key] = key
    return wires, keys


def _rivals(
    session: Session, terms: Terms, field: Field, wires: Sequence[Wire]
) -> dict[RecordId, Hashable]:
    """Return all Dynamics records that hold one of *wires*, and what each holds."""
    native = field.names.dynamics
    table = terms.map.tables.dynamics
    found = find_all(session, Side.DYNAMICS, table, native, wires, fields=[native])
    return _keys(field, Side.DYNAMICS, found)


def _keys(field: Field, side: Side, records: Mapping[RecordId, Record]) -> dict[RecordId, Hashable]:
    native = field.names[side]
    return {id_: _key(field, side, record.values.get(native)) for id_, record in records.items()}
