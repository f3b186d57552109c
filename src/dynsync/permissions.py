"""
The field-permission filter: selected by the host and accessible to the sync user (R79). Pure.

Reads are filtered first, on both sides at once: a field that may not be read on either does
not exist for this run. Writes are withheld afterwards, per operation (A18).
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dynsync.records import Pair, Side
from dynsync.schemas import Access, Schema

__all__ = ["Permitted", "permit"]


@attrs.frozen
class Permitted:
    """
    What of the selected fields takes part in a run.

    *readable* are the fields in play, in the order of selection. *unreadable* and *absent*
    say why the others are not: no right to read them there, or no such column there.
    *access* holds what may be done with each field in play.
    """

    readable: tuple[str, ...]
    unreadable: Pair[tuple[str, ...]]
    absent: Pair[tuple[str, ...]]
    access: Pair[Mapping[str, Access]]

    def may(self, side: Side, field: str, access: Access) -> bool:
        """Return whether *field*, in play, allows *access* on *side*."""
        return access in self.access[side].get(field, Access.NONE)


def permit(selected: Mapping[str, Pair[str]], schemas: Pair[Schema]) -> Permitted:
    """
    Return which of the *selected* fields (name to native names) take part.

    A native name that is ``""`` stands for no column and is always readable.
    """

    def accesses(side: Side) -> dict[str, Access | None]:
        columns = schemas[side].columns
        found: dict[str, Access | None] = {}
        for name, natives in selected.items():
            native = natives[side]
            column = columns.get(native)
            found[name] = Access.READ if not native else column.access if column else None
        return found

    every = Pair(accesses(Side.MARKETO), accesses(Side.DYNAMICS))
    readable = tuple(
        name for name in selected if all(Access.READ in (a[name] or Access.NONE) for a in every)
    )
    return Permitted(
        readable=readable,
        unreadable=every.map(
            lambda side: tuple(n for n, a in side.items() if a is not None and Access.READ not in a)
        ),
        absent=every.map(lambda side: tuple(n for n, a in side.items() if a is None)),
        access=every.map(lambda side: {n: side[n] or Access.NONE for n in readable}),
    )
