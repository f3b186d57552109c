"""Read records again, by their ids or by a value, in full calls."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from dynsync._contract import check_instant, check_records, check_row
from dynsync._feeds import row_of
from dynsync._session import Session
from dynsync.backlog import Observation
from dynsync.records import Record, RecordId, Side, Wire, plain_id
from dynsync.terms import Terms

__all__ = ["by_our_clock", "fetch_all", "find_all", "find_holders", "seen_now"]


def fetch_all(
    session: Session, side: Side, table: str, ids: Collection[RecordId], fields: Sequence[str]
) -> dict[RecordId, Record]:
    """
    Return those of *ids* that *table* has, by the ids that were asked for.

    What a system answers under another spelling of an id is nobody that was asked for.
    """
    connector = session.systems[side]
    wanted = list(asked := dict.fromkeys(ids))
    versioned = session.limits[side].conditional_writes
    found: dict[RecordId, Record] = {}
    step = session.limits[side].find
    for start in range(0, len(wanted), step):
        session.unsure.add((side, table))
        call = partial(connector.fetch, table, wanted[start : start + step], fields)
        records = session.call(side, "fetch", call)
        check_records(side, table, "fetch", records, versioned=versioned)
        found.update((record.id, record) for record in records if record.id in asked)
    return found


def find_all(
    session: Session,
    side: Side,
    table: str,
    field: str,
    wires: Collection[Wire],
    *,
    fields: Sequence[str],
) -> dict[RecordId, Record]:
    """Return every record of *table* whose *field* holds one of *wires*."""
    connector = session.systems[side]
    values = list(dict.fromkeys(wires))
    found: dict[RecordId, Record] = {}
    step = session.limits[side].find
    for start in range(0, len(values), step):
        session.unsure.add((side, table))
        call = partial(connector.find, table, field, values[start : start + step], fields)
        records = session.call(side, "find", call)
        check_records(side, table, "find", records)
        found.update((record.id, record) for record in records)
    return found


def find_holders(
    session: Session, terms: Terms, ids: Collection[RecordId]
) -> Mapping[RecordId, Sequence[Record]]:
    """
    Return the people who hold *ids* of Dynamics records, by these ids in plain.

    People paste them in braces too. Letters are the same to Marketo in either case.
    """
    native, fields = terms.map.link_field, terms.natives(Side.MARKETO)
    table = terms.map.tables.marketo
    spelt = [wire for id_ in ids for wire in (id_, f"{{{id_}}}")]
    people = find_all(session, Side.MARKETO, table, native, spelt, fields=fields)
    holders: dict[RecordId, list[Record]] = defaultdict(list)
    for person in people.values():
        holders[plain_id(person.values.get(native))].append(person)
    return holders


def seen_now(session: Session, terms: Terms, side: Side, record: Record) -> Observation:
    """
    Return *record*, which was just read, as it was seen.

    When it was changed is told by our clock; it is not known before *side* has told its time.
    """
    table, skew = terms.map.tables[side], session.skews.get(side)
    stamp = by_our_clock(side, table, record.modified_at, skew)
    row = row_of(terms, side)(record.values)
    check_row(terms, side, row)
    return Observation(row, record.version, stamp)


def by_our_clock(
    side: Side, table: str, at: dt.datetime | None, skew: float | None
) -> float | None:
    """
    Return when *at*, a moment that *side* tells of *table*, is by our clock, *skew* ahead of its.

    None if either is not known. Raises `ContractError` for a moment without a zone.
    """
    check_instant(side, table, "modified_at", at)
    return None if at is None or skew is None else at.timestamp() + skew
