"""What holds for one entity during one run: its fields, rights, limits and policies. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow
from dynsync.permissions import Permitted, permit
from dynsync.policies import AuthorityPolicy
from dynsync.records import MISSING, SIDES, Entity, Pair, Row, Side, Wire
from dynsync.schemas import Access, Column, Schema

__all__ = ["HoldMode", "NothingReadable", "OnMarketoDelete", "Terms", "agree_terms"]

HoldMode: TypeAlias = Literal["field", "record"]
"""What a refusal holds back: the field (the rest goes on), or the whole record (A19)."""

OnMarketoDelete: TypeAlias = Literal["recreate", "suppress"]
"""What a change in Dynamics does for a person deleted in Marketo: a new one (R46), or nothing."""


class NothingReadable(ConfigurationError):
    """No field of an entity may be read on both sides; one that worked before stops alone."""


@attrs.frozen(kw_only=True, eq=False)
class Terms:
    """
    The terms of an entity.

    *layout* is the order of rows: the fields in play, then the stamps. *fields* are bound
    to what the schemas add, and *columns* stand beside them. *policy* decides collisions; *first*
    decides where two records meet that have never agreed, *backfill* where a field of a linked
    pair is new (R81). *tries* is how often a value is sent that is refused every time (A20).
    """

    map: EntityMap
    layout: tuple[str, ...]
    fields: tuple[Field, ...]
    columns: Pair[tuple[Column, ...]]
    permitted: Permitted
    policy: AuthorityPolicy
    first: AuthorityPolicy
    backfill: AuthorityPolicy
    hold: HoldMode
    on_marketo_delete: OnMarketoDelete
    tries: int

    @property
    def entity(self) -> Entity:
        """Return the entity."""
        return self.map.entity

    # Terms hold for a run and are asked about every record: what follows from them is kept.

    @cached_property
    def stamps(self) -> int:
        """Return how many stamps end the layout."""
        return sum(1 for name in self.layout if name.startswith("@"))

    @cached_property
    def plain(self) -> int:
        """Return how many fields come before the stamps: where the first of these stands."""
        return len(self.layout) - self.stamps

    @cached_property
    def one_way(self) -> tuple[int, ...]:
        """Return the places of the fields that flow one way, stamps not included."""
        fields = self.fields[: self.plain]
        return tuple(at for at, field in enumerate(fields) if field.flow is not Flow.BOTH)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.layout)}

    @cached_property
    def native_names(self) -> Pair[Mapping[str, str]]:
        """Return the native name of each field, per side."""

        def names(side: Side) -> Mapping[str, str]:
            return {field.name: field.names[side] for field in self.fields}

        return Pair(names(Side.MARKETO), names(Side.DYNAMICS))

    @cached_property
    def _natives(self) -> Pair[tuple[str, ...]]:
        def names(side: Side) -> tuple[str, ...]:
            return tuple(field.names[side] for field in self.fields if field.names[side])

        return Pair(names(Side.MARKETO), names(Side.DYNAMICS))

    @cached_property
    def _creatable(self) -> Pair[frozenset[str]]:
        return self._allowing(Access.CREATE)

    @cached_property
    def _updatable(self) -> Pair[frozenset[str]]:
        return self._allowing(Access.UPDATE)

    def _allowing(self, access: Access) -> Pair[frozenset[str]]:
        """Return the fields that each side may be told with *access*; stamps always may be."""

        def fields(side: Side) -> frozenset[str]:
            may = self.permitted.may
            return frozenset(n for n in self.layout if n.startswith("@") or may(side, n, access))

        return Pair(fields(Side.MARKETO), fields(Side.DYNAMICS))

    @cached_property
    def shares_columns(self) -> bool:
        """Return whether two fields stand on one column, so that one yields to the other."""
        return any(field.yields_to for field in self.fields)

    @cached_property
    def _blank(self) -> Row:
        return [MISSING] * len(self.layout)

    @cached_property
    def _digests(self) -> dict[tuple[Side, str], str]:
        return {}

    @cached_property
    def prints(self) -> Mapping[str, str]:
        """Return a digest of what each field in play stands for, by name."""
        return {field.name: self.map.fingerprint_of(field) for field in self.known_fields}

    @cached_property
    def described(self) -> str:
        """Return a digest of what the schemas say of the columns in play."""

        def said(side: Side) -> str:
            both = zip(self.fields, self.columns[side], strict=True)
            columns = {native: column for field, column in both if (native := field.names[side])}
            return Schema(self.map.tables[side], columns).fingerprint(self.natives(side))

        return "|".join(said(side) for side in Side)

    @property
    def known_fields(self) -> tuple[Field, ...]:
        """Return the fields in play as the map has them: not bound, so that options may change."""
        stamps = {stamp.name: stamp for stamp in self.map.stamps()}
        return tuple(stamps.get(name) or self.map.field(name) for name in self.layout)

    def natives(self, side: Side) -> tuple[str, ...]:
        """Return the native names to ask *side* for, in layout order; stamps are Marketo's."""
        return self._natives[side]

    def index(self, name: str) -> int:
        """Return the place of the field *name* in a row."""
        return self._places[name]

    def may_tell(self, side: Side, name: str, *, creating: bool) -> bool:
        """Return whether *side* may be told the field *name*; it always may be told stamps."""
        return name in (self._creatable if creating else self._updatable)[side]

    def unhindered(self) -> Terms:
        """Return these terms as if all that takes part might be written, each field by itself."""
        every = dict.fromkeys(self.permitted.readable, Access.READ | Access.CREATE | Access.UPDATE)
        permitted = attrs.evolve(self.permitted, access=Pair(every, every))
        return attrs.evolve(self, permitted=permitted, hold="field")

    def blank(self) -> Row:
        """Return a row of which nothing is known."""
        return self._blank.copy()

    def by_native(self, side: Side, native: str) -> tuple[str, ...]:
        """Return the fields in play that stand on the column *native*."""
        return tuple(field.name for field in self.fields if field.names[side] == native)

    def schema_digest(self, side: Side, name: str) -> str:
        """
        Return a digest of what *side* says of the column of *name*, of all if it is ``""``.

        A hold ends when it moves.
        """
        known = self._digests.get((side, name))
        if known is None:
            columns = self.columns[side]
            said = columns[self.index(name)] if name in self._places else columns
            known = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
            self._digests[side, name] = known
        return known

    def desired_stamps(self, dynamics_id: str | None, *, alive: str) -> list[Wire]:
        """Return what Marketo should hold in the stamps: of a record, or of one that is gone."""
        live = alive == "live"
        says: dict[str, Wire] = {
            "@id": dynamics_id,
            "@type": self.map.type_label if live else None,
            "@deleted": not live,
        }
        return [says[name] for name in self.layout[self.plain :]]


_NO_COLUMN: Final = Column("", access=Access.NONE)
"""What stands behind a stamp in Dynamics, which is never told one."""


def _check_link_field(entity_map: EntityMap, schema: Schema) -> None:
    column = schema.columns.get(entity_map.link_field)
    needed = Access.READ | Access.CREATE | Access.UPDATE
    if column is None or needed not in column.access:
        seen = "has no such field" if column is None else f"allows only {column.access}"
        message = (
            f"The map of {entity_map.entity!r} keeps Dynamics ids in Marketo's "
            f"{entity_map.link_field!r}, but Marketo {seen}. Without it every lost answer would "
            f"make a duplicate: create the field, let the sync user read and write it."
        )
        raise ConfigurationError(message)


def _stamps(entity_map: EntityMap, schema: Schema) -> list[Field]:
    """Return the stamps that Marketo lets the sync user keep."""

    def writable(stamp: Field) -> bool:
        column = schema.columns.get(stamp.names.marketo)
        return column is not None and Access.READ | Access.UPDATE in column.access

    return [stamp for stamp in entity_map.stamps() if writable(stamp)]


def _why_nothing(entity_map: EntityMap, permitted: Permitted) -> str:
    """Return why no field of *entity_map* takes part: its columns are not there, or not ours."""
    if not entity_map.fields:
        return f"The map of {entity_map.entity!r} has no fields. Add some: plus(Field(…))."
    head = f"No field of {entity_map.entity!r} may be read on both sides."
    missing = [
        f"{side.label}'s {entity_map.tables[side]!r} has no column "
        + ", ".join(repr(entity_map.field(name).names[side]) for name in absent[:_NAMED])
        + (f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else "")
        for side in SIDES
        if (absent := permitted.absent[side])
    ]
    if not missing:
        return f"{head} Select other fields or let the sync user read them."
    rights = " What is there, let the sync user read." if any(permitted.unreadable) else ""
    return f"{head} {'; '.join(missing)}. Correct the map, or select other fields.{rights}"


_NAMED: Final = 5


def agree_terms(
    entity_map: EntityMap,
    schemas: Pair[Schema],
    *,
    policy: AuthorityPolicy,
    first: AuthorityPolicy,
    backfill: AuthorityPolicy,
    hold: HoldMode = "field",
    on_marketo_delete: OnMarketoDelete = "recreate",
    tries: int = 5,
) -> Terms:
    """
    Return the terms under which the entity syncs now.

    Raises `ConfigurationError` if Marketo cannot hold the Dynamics id, or if nothing is left
    to sync. Absent columns are told by ``terms.permitted.absent``.
    """
    _check_link_field(entity_map, schemas.marketo)
    permitted = permit({f.name: f.names for f in entity_map.fields}, schemas)
    if not permitted.readable:
        raise NothingReadable(_why_nothing(entity_map, permitted))
    chosen = [entity_map.field(name) for name in permitted.readable]
    chosen += _stamps(entity_map, schemas.marketo)

    def described(side: Side) -> tuple[Column, ...]:
        return tuple(schemas[side].columns.get(field.names[side], _NO_COLUMN) for field in chosen)

    columns = Pair(described(Side.MARKETO), described(Side.DYNAMICS))
    bound = tuple(
        attrs.evolve(field, kind=field.kind.bind(column))
        for field, column in zip(chosen, columns.dynamics, strict=True)
    )
    return Terms(
        map=entity_map,
        layout=tuple(field.name for field in bound),
        fields=bound,
        columns=columns,
        permitted=permitted,
        policy=policy,
        first=first,
        backfill=backfill,
        hold=hold,
        on_marketo_delete=on_marketo_delete,
        tries=tries,
    )
