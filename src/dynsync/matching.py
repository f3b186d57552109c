"""
Which person an unlinked Dynamics record is, if any. Pure.

Ambiguity never links anybody (invariant 27): two records with one e-mail address are two
people until somebody says otherwise (R33).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeAlias

import attrs

from dynsync.records import RecordId

__all__ = ["Matched", "Matching", "Several", "Unmatched", "match"]


@attrs.frozen
class Matched:
    """Exactly one person, and no other record claims it."""

    person: RecordId


@attrs.frozen
class Several:
    """More than one person, or more than one record for it: left to a human."""

    people: tuple[RecordId, ...]
    records: int


@attrs.frozen
class Unmatched:
    """Nobody."""


Matching: TypeAlias = Matched | Several | Unmatched


def match(
    records: Iterable[tuple[RecordId, Hashable]], people: Iterable[tuple[RecordId, Hashable]]
) -> Mapping[RecordId, Matching]:
    """
    Say of each Dynamics record which person it is, by equal keys.

    A key of None matches nothing. *people* are those that are linked to nobody. What is
    told twice, as feeds may do, is one record all the same; the last that is told counts.
    """
    wanted = dict(records)
    by_key: dict[Hashable, list[RecordId]] = defaultdict(list)
    for person, key in dict(people).items():
        by_key[key].append(person)
    claims = Counter(wanted.values())

    def verdict(key: Hashable) -> Matching:
        found = by_key.get(key, []) if key is not None else []
        if not found:
            return Unmatched()
        if len(found) == 1 and claims[key] == 1:
            return Matched(found[0])
        return Several(tuple(sorted(found)), claims[key])

    return {record: verdict(key) for record, key in wanted.items()}
