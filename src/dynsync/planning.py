"""
What to do about one backlog entry: a plan, which is a value and has no side effect. Pure.

The plan says which fields each side is told; the base moves only when `dynsync.settling`
learns what became of it.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from dynsync.backlog import Linked, LinkState, Observation, Pending, version_of
from dynsync.carrying import carried, ways_of
from dynsync.comparing import Rows, rows_of
from dynsync.deciding import Case, decide, decide_new, digest, give_back, give_way
from dynsync.decisions import FieldPlan
from dynsync.making import plain_values
from dynsync.records import MISSING, Missing, Pair, RecordId, Row, Side, Wire, laid_over, plain_id
from dynsync.terms import Terms
from dynsync.writes import Create, Update, Write

__all__ = [
    "Action",
    "RecordPlan",
    "gone",
    "in_dynamics",
    "new_dynamics_id",
    "plan_record",
    "write_digest",
]


class Action(enum.Enum):
    """Everything that can be done about a record."""

    MERGE = "merge"
    """Update either side, or neither."""
    CREATE_PERSON = "create_person"
    CREATE_IN_DYNAMICS = "create_in_dynamics"
    FLAG = "flag"
    """Deleted in Dynamics: mark the person."""
    FORGET = "forget"
    """Deleted in Marketo: nothing is written."""
    SUPPRESS = "suppress"
    UNLINK = "unlink"
    """Gone on both sides."""
    DROP = "drop"
    """Nothing behind the entry any more."""

    # Members are one object each: see `Side`.
    __hash__ = object.__hash__


_NO_WRITES: Final[Pair[Write | None]] = Pair(None, None)
_NOTHING: Final[Mapping[str, Wire]] = {}


@attrs.define
class RecordPlan:
    """
    The plan for one backlog entry.

    *writes* are what to send. *actual* is, per side, what it holds now as far as is known.
    *link* is the link that the plan works on, None where one is still to be made. *plain* is
    what a new record is told that took no decision, by field name.
    """

    entry: Pending
    action: Action
    link: Linked | None
    actual: Pair[Row]
    fields: tuple[FieldPlan, ...] = ()
    writes: Pair[Write | None] = _NO_WRITES
    plain: Mapping[str, Wire] = _NOTHING

    def sent(self, side: Side) -> Mapping[str, Wire]:
        """Return what *side* is sent, by field name."""
        decided = {f.name: wire for f in self.fields if (wire := f.wire(side)) is not MISSING}
        return {**self.plain, **decided} if self.plain else decided


_NAMESPACE = uuid.UUID("6f1d3f60-5d3c-5f0a-9f4c-3b7a0c2f8e11")


def new_dynamics_id(instance: str, person: RecordId, before: RecordId | None = None) -> RecordId:
    """
    Return the id under which *person* of the Marketo *instance* is made in Dynamics.

    Always the same for the same person, so that a lost answer makes no second record; another
    one after the record *before* was deleted (R32). Several instances may share one Dynamics,
    and each counts its people from one: no two of them make one id.
    """
    return RecordId(str(uuid.uuid5(_NAMESPACE, f"{instance}:{person}:{before or ''}")))


def _plan_fields(
    terms: Terms, entry: Pending, rows: Rows, now: float, *, action: Action
) -> list[FieldPlan]:
    plans: list[FieldPlan] = []
    ages = _ages(entry, now)
    # What was refused before, or overwritten, is to be thought about.
    ways = None if entry.holds or rows.claims else ways_of(terms)
    for at in rows.moved(terms):
        if ways is not None and (plan := carried(ways, rows, at)) is not MISSING:
            if plan is not None:
                plans.append(plan)
            continue
        case = rows.case(terms, entry, at, now, ages)
        one = give_back(case) if case.claimed and action is Action.FLAG else decide(case)
        if one is not None:
            plans.append(one)
    _agree(terms, entry, plans, lambda at: rows.case(terms, entry, at, now, ages), now)
    return plans


def _ages(entry: Pending, now: float) -> Pair[float | None]:
    def age(seen: Observation | None) -> float | None:
        return None if seen is None or seen.modified_at is None else now - seen.modified_at

    return Pair(age(entry.seen.marketo), age(entry.seen.dynamics))


def _agree(
    terms: Terms,
    entry: Pending,
    plans: list[FieldPlan],
    case_at: Callable[[int], Case],
    now: float,
) -> None:
    """Let the fields of one record take each other into account."""
    if terms.shares_columns:
        _share_columns(terms, plans, case_at)
    _hold_record(terms, plans)
    if entry.holds:
        _keep_record_holds(terms, entry, plans, now)


def _share_columns(terms: Terms, plans: list[FieldPlan], case_at: Callable[[int], Case]) -> None:
    """Where two fields push different values into one column, let one yield (A16)."""
    by_name = {plan.name: plan for plan in plans}
    for plan in plans:
        at = terms.index(plan.name)
        other = by_name.get(terms.fields[at].yields_to or "")
        if other is None or plan.to_dynamics is MISSING:
            continue
        told = other.to_dynamics
        if told is not MISSING and told != plan.to_dynamics:
            give_way(case_at(at), plan, other.name, told)


def _hold_record(terms: Terms, plans: list[FieldPlan]) -> None:
    """Hold the whole record where one field of it is refused and that is what is asked."""
    refused = [plan for plan in plans if plan.refused or plan.held]
    if not refused:
        return
    required = any(
        "REQUIRED" in refusal.codes and plan.withheld
        for plan in refused
        for refusal in plan.refused.values()
    )
    if required or terms.hold == "record":
        for plan in plans:
            # That it is in Dynamics, and under which id, a person is told all the same.
            if not plan.name.startswith("@"):
                plan.block()


def _keep_record_holds(terms: Terms, entry: Pending, plans: list[FieldPlan], now: float) -> None:
    """Send nothing to a side that refused just this as a whole, naming no field."""
    for hold in entry.holds:
        if hold.field or hold.retry_at <= now or hold.schema != terms.schema_digest(hold.side, ""):
            continue
        if hold.digest != write_digest(terms, plans, hold.side):
            continue
        for plan in plans:
            if hold.side in plan.told:
                plan.held = (*plan.held, hold.side)
                plan.block()


def write_digest(
    terms: Terms, plans: Iterable[FieldPlan], side: Side, told: Mapping[str, Wire] | None = None
) -> str:
    """
    Return the digest of all that *side* would be sent, for a refusal that names no field.

    *told* is what a new record is told besides.
    """
    return digest(sorted(_told(terms, told or {}, plans, side).items()))


def _native(terms: Terms, plans: Iterable[FieldPlan], side: Side) -> dict[str, Wire]:
    natives = terms.native_names[side]
    return {natives[p.name]: wire for p in plans if (wire := p.wire(side)) is not MISSING}


def _plan_merge(
    terms: Terms, entry: Pending, link: Linked | None, now: float, *, action: Action
) -> RecordPlan:
    ids = link.ids if link is not None else entry.ids
    alive = "live" if action is Action.MERGE else "gone"
    rows = rows_of(terms, entry, link, terms.desired_stamps(ids.dynamics, alive=alive))
    plans = _plan_fields(terms, entry, rows, now, action=action)

    def write(side: Side) -> Write | None:
        values = _native(terms, plans, side)
        id_ = ids[side]
        if not values or id_ is None:
            return None
        known = None if link is None else link.versions[side]
        return Update(id_, values, version_of(entry.seen[side], known))

    writes = Pair(write(Side.MARKETO), write(Side.DYNAMICS))
    return RecordPlan(entry, action, link, rows.actual, tuple(plans), writes)


def _create_cases(
    terms: Terms, entry: Pending, side: Side, row: Row, now: float
) -> tuple[dict[str, Wire], list[FieldPlan]]:
    """
    Plan a record that is made on *side* from the other side's *row*.

    Returns what it is told without a decision, and the plans of the other fields. Where
    something was refused before, every field is decided on.
    """
    if entry.holds:
        told, places = dict[str, Wire](), list(range(len(terms.fields)))
    else:
        told, places = plain_values(terms, side, row)
    plans: list[FieldPlan] = []
    none: Pair[Wire | Missing] = Pair(None, None)

    def case_at(at: int) -> Case:
        wire, to_marketo = row[at], side is Side.MARKETO
        seen = Pair(MISSING, wire) if to_marketo else Pair(wire, MISSING)
        actual: Pair[Wire | Missing] = Pair(None, wire) if to_marketo else Pair(wire, None)
        return Case(terms, at, entry, now, none, seen, actual, linked=False, creates=side)

    for at in places:
        wire = row[at]
        if wire is not MISSING and terms.fields[at].flow.reaches(side):
            plans.append(decide_new(case_at(at), wire))
    _agree(terms, entry, plans, case_at, now)
    return told, plans


def _told(
    terms: Terms, told: Mapping[str, Wire], plans: Iterable[FieldPlan], side: Side
) -> dict[str, Wire]:
    """Return what a new record on *side* is told, by native name."""
    natives = terms.native_names[side]
    return {natives[name]: wire for name, wire in told.items()} | _native(terms, plans, side)


def _blocked(terms: Terms, plans: Iterable[FieldPlan]) -> bool:
    """Return whether a record must not be made: a required field would be without a value."""
    if any("REQUIRED" in refusal.codes for plan in plans for refusal in plan.refused.values()):
        return True
    return terms.hold == "record" and any(plan.refused or plan.held for plan in plans)


def _plan_create_person(terms: Terms, entry: Pending, now: float) -> RecordPlan:
    seen = entry.seen.dynamics
    id_ = entry.ids.dynamics
    if seen is None or id_ is None:
        return RecordPlan(entry, Action.DROP, None, Pair(terms.blank(), terms.blank()))
    plain = terms.plain
    row: Row = [*seen.row[:plain], *terms.desired_stamps(id_, alive="live")]
    told, plans = _create_cases(terms, entry, Side.MARKETO, row, now)
    write: Write | None = None
    values = _told(terms, told, plans, Side.MARKETO)
    if terms.map.link_field in values and not _blocked(terms, plans):
        write = Create(id_, values, terms.map.link_field)
    actual = Pair(terms.blank(), row)
    writes: Pair[Write | None] = Pair(write, None)
    return RecordPlan(entry, Action.CREATE_PERSON, None, actual, tuple(plans), writes, told)


def _plan_push(terms: Terms, entry: Pending, now: float) -> RecordPlan:
    seen = entry.seen.marketo
    id_ = entry.ids.dynamics
    if seen is None or seen.gone or entry.push is None:
        return RecordPlan(entry, Action.DROP, None, Pair(terms.blank(), terms.blank()))
    if id_ is None or in_dynamics(terms, seen.row, id_):
        # The id that would have been made is no record's, or that of another entity's.
        ids = entry.ids.replace(Side.DYNAMICS, None)
        reason = "the person holds the id of a Dynamics record already"
        known = attrs.evolve(entry, ids=ids, reason=reason)
        return RecordPlan(known, Action.DROP, None, Pair(terms.blank(), terms.blank()))
    told, plans = _create_cases(terms, entry, Side.DYNAMICS, seen.row, now)
    write: Write | None = None
    values = _told(terms, told, plans, Side.DYNAMICS)
    if values and not _blocked(terms, plans):
        if entry.push.owner is not None and terms.map.owner_column is not None:
            values[terms.map.owner_column] = entry.push.owner
        write = Create(id_, values)
    actual = Pair(seen.row, terms.blank())
    writes: Pair[Write | None] = Pair(None, write)
    return RecordPlan(entry, Action.CREATE_IN_DYNAMICS, None, actual, tuple(plans), writes, told)


def in_dynamics(terms: Terms, row: Row, id_: RecordId) -> bool:
    """Return whether the person says that it has a record in Dynamics that is not deleted."""
    held = row[terms.index("@id")]
    deleted = row[terms.index("@deleted")] if "@deleted" in terms.layout else False
    return plain_id(held) not in {"", id_} and deleted is not True


def _bare(terms: Terms, entry: Pending, link: Linked | None, action: Action) -> RecordPlan:
    rows = link.rows if link is not None else Pair(terms.blank(), terms.blank())
    return RecordPlan(entry, action, link, rows)


def _gone(entry: Pending, side: Side) -> bool:
    seen = entry.seen[side]
    return seen is not None and seen.gone


def _known_alive(entry: Pending, side: Side) -> bool:
    seen = entry.seen[side]
    return seen is not None and not seen.gone


def gone(entry: Pending, link: Linked) -> Pair[bool]:
    """Return on which sides the record of *link* is gone, as far as *entry* knows."""
    return Pair(
        _gone(entry, Side.MARKETO) or link.state is LinkState.GONE_MARKETO,
        _gone(entry, Side.DYNAMICS)
        or (link.state is LinkState.GONE_DYNAMICS and entry.seen.dynamics is None),
    )


def _plan_linked(terms: Terms, entry: Pending, link: Linked, now: float) -> RecordPlan:
    over = gone(entry, link)
    if all(over):
        return _bare(terms, entry, link, Action.UNLINK)
    if over.dynamics:
        plan = _plan_merge(terms, _only_stamps(terms, entry, link), link, now, action=Action.FLAG)
        # What else was seen is to be judged should the record come back (A7).
        plan.entry = entry
        return plan
    if over.marketo:
        there = entry.seen.dynamics
        if there is None or not _edited(terms, there.row, link):
            return _bare(terms, entry, link, Action.FORGET)
        if terms.on_marketo_delete == "suppress":
            return _bare(terms, entry, link, Action.SUPPRESS)
        plan = _plan_create_person(terms, _whole(entry, there, link), now)
        plan.link = link
        return plan
    return _plan_merge(terms, entry, link, now, action=Action.MERGE)


def _whole(entry: Pending, there: Observation, link: Linked) -> Pending:
    """Return *entry* with all that is known of its Dynamics record: *there*, or told long ago."""
    ids: Pair[RecordId | None] = Pair(*link.ids)
    whole = attrs.evolve(there, row=laid_over(there.row, link.rows.dynamics))
    return attrs.evolve(entry, ids=ids, seen=entry.seen.replace(Side.DYNAMICS, whole))


def _edited(terms: Terms, row: Row, link: Linked) -> bool:
    """
    Return whether *row* of Dynamics holds anything else than the base in a field that was known.

    Only that brings back a person who was deleted in Marketo (R46): no full read does, no field
    that is new, and nothing that Dynamics put by itself into what was made of a person who was
    never told of it.
    """
    sides = Pair(Side.DYNAMICS, Side.DYNAMICS)
    told = link.rows.marketo[terms.index("@id")] not in (None, "", MISSING)
    unknown = {MISSING} if told else {MISSING, None}
    return any(
        now is not MISSING and before not in unknown and not field.same(now, before, sides)
        for field, now, before in zip(terms.fields, row, link.rows.dynamics, strict=True)
    )


def _only_stamps(terms: Terms, entry: Pending, link: Linked | None) -> Pending:
    """
    Return *entry* with just the stamps of what was seen in Marketo, and what we overwrote.

    Another id than that of *link* somebody gave them since: it stays, for its record to meet them.
    """
    seen = entry.seen.marketo
    if seen is None:
        return entry
    plain = terms.plain
    row: Row = [*terms.blank()[:plain], *seen.row[plain:]]
    for at in (terms.index(name) for name in seen.claims if name in terms.layout):
        # What goes back replaces what the person holds, and not what was agreed on long ago.
        row[at] = seen.row[at]
    own = terms.index("@id")
    if link is not None and plain_id(row[own]) not in {"", link.ids.dynamics}:
        row[own] = MISSING
    return attrs.evolve(entry, seen=Pair(attrs.evolve(seen, row=row), entry.seen.dynamics))


def plan_record(terms: Terms, entry: Pending, link: Linked | None, now: float) -> RecordPlan:
    """
    Return what to do about *entry*.

    *link* is its link with the base, None if it has none. Where both records of an
    unlinked entry were seen they are paired; where only Dynamics' was, a person is made;
    where a push asks for it, a Dynamics record is made (R26). Deterministic: equal
    arguments give equal plans. Raises `ContractError` if the policy talks nonsense.
    """
    if link is not None:
        return _plan_linked(terms, entry, link, now)
    if _gone(entry, Side.DYNAMICS) or _gone(entry, Side.MARKETO):
        if entry.seen.dynamics is not None and not entry.seen.dynamics.gone and entry.push is None:
            return _plan_create_person(terms, entry, now)
        if _known_alive(entry, Side.MARKETO):
            # The person was made, nobody heard of it, and its record is gone: it says so too.
            marked = _only_stamps(terms, entry, None)
            return _plan_merge(terms, marked, None, now, action=Action.FLAG)
        return _bare(terms, entry, None, Action.DROP)
    if entry.seen.marketo is not None and entry.seen.dynamics is not None:
        return _plan_merge(terms, entry, None, now, action=Action.MERGE)
    if entry.push is not None:
        return _plan_push(terms, entry, now)
    return _plan_create_person(terms, entry, now)
