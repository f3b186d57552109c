"""The feeds that there are, and how a record of one becomes a row."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import cast

import attrs

from dynsync._remembering import dynamics_feed, marketo_feed
from dynsync._session import Session
from dynsync.records import MISSING, Entity, Row, Side, Wire
from dynsync.terms import Terms

__all__ = ["Feed", "feeds", "row_of"]

RowOf = Callable[[Mapping[str, Wire]], Row]


def row_of(terms: Terms, side: Side) -> RowOf:
    """Return a fast function from a record's values to its row in layout order."""
    natives = terms.natives(side)
    tail: Row = [None] * (len(terms.layout) - len(natives))
    if len(natives) == 1:
        only = natives[0]
        return lambda values: [values.get(only, MISSING), *tail]
    take = cast("Callable[[Mapping[str, Wire]], tuple[Wire, ...]]", itemgetter(*natives))

    def take_row(values: Mapping[str, Wire]) -> Row:
        try:
            return [*take(values), *tail]
        except KeyError:
            return [*(values.get(native, MISSING) for native in natives), *tail]

    return take_row


@attrs.define
class Feed:
    """One feed: the entities that it serves, and what the reading of it needs."""

    side: Side
    name: str
    table: str
    terms: Mapping[Entity, Terms]
    rows: Mapping[Entity, RowOf]

    @property
    def only(self) -> Entity | None:
        """Return the entity, where the side keeps each in a table of its own."""
        return next(iter(self.terms)) if self.side is Side.DYNAMICS else None

    def of(self, entities: Container[Entity]) -> Feed | None:
        """Return the feed for those of *entities* that it serves; None if it serves none."""
        terms = {entity: terms for entity, terms in self.terms.items() if entity in entities}
        return attrs.evolve(self, terms=terms) if terms else None

    def link_fields(self) -> Mapping[Entity, str]:
        """Return, by entity, where people hold the id of their record; nowhere in Dynamics."""
        if self.side is Side.DYNAMICS:
            return {}
        return {entity: terms.map.link_field for entity, terms in self.terms.items()}

    def fields(self) -> Sequence[str]:
        """Return the native names to ask for, each once."""
        return list(dict.fromkeys(n for t in self.terms.values() for n in t.natives(self.side)))


def feeds(session: Session) -> list[Feed]:
    """Return every feed of the entities that take part: Marketo's first."""

    def feed(side: Side, name: str, table: str, terms: Iterable[Terms]) -> Feed:
        by_entity = {t.entity: t for t in terms}
        return Feed(
            side, name, table, by_entity, {e: row_of(t, side) for e, t in by_entity.items()}
        )

    every = list(session.terms.values())
    tables = dict.fromkeys(terms.map.tables.marketo for terms in every)
    found = [
        feed(
            Side.MARKETO,
            marketo_feed(table),
            table,
            [t for t in every if t.map.tables.marketo == table],
        )
        for table in tables
    ]
    found += [
        feed(Side.DYNAMICS, dynamics_feed(t.entity), t.map.tables.dynamics, [t]) for t in every
    ]
    return found
