"""
What to do about one backlog entry: a plan, which is a value and has no side effect. Pure.

Filter, merge, withhold, validate, in that order. The plan says which fields each side is
told; the base moves only when `dynsync.settling` learns what became of it.
"""

from __future__ import annotations

import enum
import hashlib
import uuid
from collections.abc import Iterable, Mapping

import attrs
from attrs import Factory

from dynsync.backlog import Linked, LinkState, Observation, Pending
from dynsync.fields import Field, Flow
from dynsync.kinds import Kind, Unfit
from dynsync.merge import FieldMerge, Verdict, merge_field
from dynsync.outcomes import Change
from dynsync.policies import AuthorityPolicy
from dynsync.records import MISSING, Missing, Pair, RecordId, Row, Side, Value, Version, Wire
from dynsync.terms import Terms
from dynsync.validation import check, truncate
from dynsync.writes import Create, Reason, Update, Write

__all__ = [
    "Action",
    "FieldPlan",
    "RecordPlan",
    "Refusal",
    "digest",
    "new_dynamics_id",
    "plan_record",
    "refusal_digest",
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


@attrs.frozen
class Refusal:
    """Why a value is not sent, and the digest that tells this refusal from the next."""

    reasons: tuple[Reason, ...]
    digest: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes, sorted."""
        return tuple(sorted({reason.code for reason in self.reasons}))


@attrs.define
class FieldPlan:
    """
    What happens to one field.

    *send* holds the wire value for each side that is told; *refused* the reasons for
    which a side is not; *withheld* the sides that may not be told, *held* those for which an
    earlier refusal stands. *advance* means that the base moves though nothing is sent;
    *adopt* that the base becomes Dynamics' value while Marketo's remains to be told (A28).
    *restore* means that Marketo gets back an edit that we overwrote, while the field waits.
    """

    name: str
    decision: FieldMerge | None
    flow: str = ""
    send: dict[Side, Wire] = Factory(dict[Side, Wire])
    refused: dict[Side, Refusal] = Factory(dict[Side, "Refusal"])
    withheld: tuple[Side, ...] = ()
    held: tuple[Side, ...] = ()
    advance: bool = False
    adopt: bool = False
    restore: bool = False
    lost: Wire | Missing = MISSING

    @property
    def waits(self) -> bool:
        """Return whether something keeps the field from being settled now."""
        return bool(self.refused or self.withheld or self.held or self.adopt) or self.unresolved

    @property
    def unresolved(self) -> bool:
        """Return whether the policy left it."""
        return self.decision is not None and self.decision.verdict is Verdict.UNRESOLVED

    def block(self) -> None:
        """Tell nobody, and keep the base where it is."""
        if not self.restore:
            self.send.clear()
        self.advance = False

    def change(self) -> Change:
        """Return the field's part in the outcome."""
        verdict = self.decision.verdict.value if self.decision else self.flow
        if self.withheld:
            verdict = "withheld"
        elif self.held or self.refused:
            verdict = "held"
        winner = self.decision.winner if self.decision else None
        why = self.decision.why if self.decision else _FLOWS.get(self.flow, "")
        if self.withheld:
            sides = " and ".join(side.label for side in self.withheld)
            why += f"; the sync user may not write it in {sides}"
        return Change(self.name, verdict, winner, tuple(self.send), why, self.lost)


_RECOVERED = "an edit in Marketo that our own write had overwritten came back"

_FLOWS = {
    Flow.TO_MARKETO.value: "flows to Marketo only",
    Flow.TO_DYNAMICS.value: "flows to Dynamics only",
    "first": "new record",
}


@attrs.define
class RecordPlan:
    """
    The plan for one backlog entry.

    *writes* are what to send. *actual* is, per side, what it holds now as far as is known.
    *link* is the link that the plan works on, None where one is still to be made.
    """

    entry: Pending
    action: Action
    link: Linked | None
    actual: Pair[Row]
    fields: tuple[FieldPlan, ...] = ()
    writes: Pair[Write | None] = Pair(None, None)

    def sent(self, side: Side) -> Mapping[str, Wire]:
        """Return what *side* is sent, by field name."""
        return {f.name: f.send[side] for f in self.fields if side in f.send}


def digest(*said: object) -> str:
    """Return a short digest, so that a refused value need not be kept to be recognised."""
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def refusal_digest(wire: Wire | Missing, held: Wire | Missing) -> str:
    """
    Return the digest that tells one refusal of *wire* from the next.

    What the refusing side *held* counts: a hold ends when the other side changes. Nothing
    known there and nothing there are the same, so that a refusal outlives the making
    of the record.
    """
    return digest(wire, None if held is MISSING else held)


_NAMESPACE = uuid.UUID("6f1d3f60-5d3c-5f0a-9f4c-3b7a0c2f8e11")


def new_dynamics_id(entity: str, person: RecordId, before: RecordId | None = None) -> RecordId:
    """
    Return the id under which *person* is made in Dynamics.

    Always the same for the same person, so that a lost answer makes no second record; another
    one after the record *before* was deleted (R32).
    """
    return RecordId(str(uuid.uuid5(_NAMESPACE, f"{entity}:{person}:{before or ''}")))


# -- one field


@attrs.frozen
class _Case:
    """One field of one record, with everything that the decision needs."""

    terms: Terms
    at: int
    entry: Pending
    now: float
    base: Pair[Wire | Missing]
    seen: Pair[Wire | Missing]
    actual: Pair[Wire | Missing]
    linked: bool
    creates: Side | None = None
    claimed: bool = False

    @property
    def field(self) -> Field:
        return self.terms.fields[self.at]

    def unfit(self, side: Side) -> Unfit | None:
        """Return why what *side* reports cannot be of the field's kind, None if it can."""
        wire = self.seen[side]
        try:
            if wire is not MISSING:
                self.field.kind.decode(wire, side)
        except Unfit as error:
            return error
        return None

    def decode(self, wires: Pair[Wire | Missing]) -> Pair[Value | Missing]:
        """Return what *wires* mean; what cannot be of the kind stands for itself, as text."""
        kind = self.field.kind
        return Pair(
            _meaning(kind, wires.marketo, Side.MARKETO),
            _meaning(kind, wires.dynamics, Side.DYNAMICS),
        )


def _meaning(kind: Kind, wire: Wire | Missing, side: Side) -> Value | Missing:
    if wire is MISSING:
        return wire
    try:
        return kind.decode(wire, side)
    except Unfit:
        return str(wire)


def _unfit(case: _Case, side: Side, error: Unfit) -> FieldPlan:
    """Plan a field whose value, as *side* says it, cannot be of its kind."""
    native = case.field.names[side]
    reason = Reason(error.code, f"{side.label}'s {native!r}: {error}", native)
    plan = FieldPlan(case.field.name, None, "held")
    _refuse(case, plan, side.other, case.actual[side], (reason,))
    return plan


def _refuse(
    case: _Case, plan: FieldPlan, side: Side, wire: Wire | Missing, reasons: tuple[Reason, ...]
) -> None:
    """Note that *wire* is not sent to *side*, as new or as known already."""
    refusal = Refusal(reasons, refusal_digest(wire, case.actual[side]))
    for hold in case.entry.holds:
        known = (hold.side, hold.field, hold.codes, hold.digest)
        if known == (side, plan.name, refusal.codes, refusal.digest) and hold.retry_at > case.now:
            plan.held = (*plan.held, side)
            return
    plan.refused[side] = refusal


def _standing_hold(case: _Case, side: Side, wire: Wire) -> bool:
    """Return whether the system refused just this before and it is too early to try again."""
    if not case.entry.holds:
        return False
    name = case.field.name
    schema = case.terms.schema_digest(side, name)
    value = refusal_digest(wire, case.actual[side])
    return any(
        hold.side is side
        and hold.field == name
        and hold.digest == value
        and hold.schema == schema
        and hold.retry_at > case.now
        for hold in case.entry.holds
    )


def _may(case: _Case, side: Side) -> bool:
    return case.terms.may_tell(side, case.field.name, creating=case.creates is side)


def _tell(case: _Case, plan: FieldPlan, side: Side, value: Value) -> None:
    """Add *value* to what *side* is told, or say why it is not."""
    column = case.terms.columns[side][case.at]
    if not _may(case, side):
        plan.withheld = (*plan.withheld, side)
        if column is not None and column.required:
            message = f"{column.name!r} is required, and the sync user may not write it"
            _refuse(case, plan, side, MISSING, (Reason("REQUIRED", message, column.name),))
        return
    try:
        wire = case.field.kind.encode(value, side)
    except Unfit as error:
        native = case.field.names[side]
        message = f"{side.label}'s {native!r}: {error}"
        _refuse(case, plan, side, repr(type(value)), (Reason(error.code, message, native),))
        return
    if column is not None:
        if case.field.too_long == "truncate":
            wire = truncate(wire, column)
        reasons = check(wire, column)
        if reasons:
            _refuse(case, plan, side, wire, reasons)
            return
    if _standing_hold(case, side, wire):
        plan.held = (*plan.held, side)
        return
    plan.send[side] = wire


def _plan_flow(case: _Case) -> FieldPlan | None:
    """Plan a one-way field: what its source reports overrides, collision or not."""
    field = case.field
    source = Side.DYNAMICS if field.flow is Flow.TO_MARKETO else Side.MARKETO
    plan = FieldPlan(field.name, None, field.flow.value)
    wire = case.seen[source]
    moved = any(
        now is not MISSING and now != before
        for now, before in zip(case.seen, case.base, strict=True)
    )
    if wire is MISSING:
        # Only the target moved, and nothing flows back: it is as it is until the next change.
        plan.advance = moved
        return plan if moved else None
    try:
        value = field.kind.decode(wire, source)
    except Unfit as error:
        return _unfit(case, source, error)
    held = case.actual[source.other]
    if held is not MISSING and field.same(wire, held, Pair(source, source.other)):
        plan.advance = moved
        return plan if moved else None
    if source is Side.MARKETO and not case.linked:
        plan.adopt = True
        return plan
    _tell(case, plan, source.other, value)
    return plan


def _policy(case: _Case) -> AuthorityPolicy:
    if not any(base is MISSING for base in case.base):
        return case.terms.policy
    return case.terms.backfill if case.linked else case.terms.first


def _ages(entry: Pending, now: float) -> Pair[float | None]:
    def age(seen: Observation | None) -> float | None:
        return None if seen is None or seen.modified_at is None else now - seen.modified_at

    return entry.seen.map(age)


def _lost(case: _Case, decision: FieldMerge) -> Wire | Missing:
    """Return the wire value that gives way."""
    if decision.winner is not None and decision.lost is not MISSING:
        loser = decision.winner.other
        claimed = case.seen[loser]
        return case.actual[loser] if claimed is MISSING else claimed
    return MISSING


def _plan_field(case: _Case) -> FieldPlan | None:
    """Decide on a two-way field and prepare what each side is told."""
    field = case.field
    base, seen = case.decode(case.base), case.decode(case.seen)
    decision = merge_field(
        field.name,
        base,
        seen,
        policy=_policy(case),
        same=field.equal,
        entity=case.terms.entity,
        ages=_ages(case.entry, case.now),
    )
    if decision is None:
        return None
    if decision.winner is not None and (error := case.unfit(decision.winner)) is not None:
        return _unfit(case, decision.winner, error)
    if case.claimed:
        decision = attrs.evolve(decision, why=f"{_RECOVERED}; {decision.why}")
    plan = FieldPlan(field.name, decision, lost=_lost(case, decision))
    if decision.verdict is Verdict.UNRESOLVED:
        return _wait(case, plan)
    if decision.verdict is Verdict.FIRST and decision.winner is not Side.DYNAMICS:
        # Nothing goes to Dynamics when two records first meet (A29). Its value becomes the
        # base (A28), against which Marketo's is a change that the next run sends.
        plan.adopt = True
        plan.lost = MISSING
        return plan
    actual = case.decode(case.actual) if case.claimed else _held(base, seen)
    for side, held in zip(Side, actual, strict=True):
        if held is MISSING or not field.equal(held, decision.value):
            _tell(case, plan, side, decision.value)
    plan.advance = not plan.send and not plan.waits
    return _wait(case, plan) if plan.waits else plan


def _held(base: Pair[Value | Missing], seen: Pair[Value | Missing]) -> Pair[Value | Missing]:
    """Return what each side holds now as far as is known: what it did not report is as it was."""
    one, two = seen.marketo, seen.dynamics
    return Pair(base.marketo if one is MISSING else one, base.dynamics if two is MISSING else two)


def _wait(case: _Case, plan: FieldPlan) -> FieldPlan:
    """Let the field wait; an edit that we overwrote goes back to where it was made (invariant 31)."""
    plan.send.clear()
    claimed = case.seen.marketo
    if case.claimed and claimed is not MISSING and claimed != case.actual.marketo:
        plan.send[Side.MARKETO] = claimed
        plan.restore = True
    return plan


# -- one record


def _rows(terms: Terms, entry: Pending, link: Linked | None, stamps: list[Wire]) -> _Rows:
    blank = terms.blank()
    base = link.rows if link is not None else Pair(blank, blank)
    seen = entry.seen.map(lambda o: blank if o is None or o.gone else o.row)
    # No column of Dynamics stands behind a stamp: what Marketo should hold is put in Dynamics'
    # place, in base and observation alike, so that only Marketo can differ from it.
    plain = len(terms.layout) - len(stamps)
    seen = Pair(seen.marketo, [*seen.dynamics[:plain], *stamps])
    base = Pair(base.marketo, [*base.dynamics[:plain], *stamps])

    def actual(side: Side) -> Row:
        both = zip(seen[side], base[side], strict=True)
        return [before if now is MISSING else now for now, before in both]

    held = Pair.of(actual)
    claims = entry.seen.marketo.claims if entry.seen.marketo is not None else {}
    return _Rows(base, seen, held, claims)


@attrs.frozen
class _Rows:
    base: Pair[Row]
    seen: Pair[Row]
    actual: Pair[Row]
    claims: Mapping[str, tuple[Wire, Pair[Wire]]]

    def moved(self, terms: Terms) -> list[int]:
        """Return the places of the fields about which there may be anything to decide."""
        found = {terms.index(name) for name in self.claims if name in terms.layout}
        for seen, base in zip(self.seen, self.base, strict=True):
            if seen != base:
                places = enumerate(zip(seen, base, strict=True))
                found |= {at for at, (now, was) in places if now is not MISSING and now != was}
        for at in terms.one_way:
            if not all(row[at] is MISSING for row in self.seen):
                found.add(at)
        for at in range(terms.plain, len(terms.layout)):
            if self.actual.marketo[at] != self.seen.dynamics[at]:
                found.add(at)
        return sorted(found)


def _case(
    terms: Terms, entry: Pending, link: Linked | None, rows: _Rows, at: int, now: float
) -> _Case:
    """Return the case of one field; an overwritten edit stands in for what Marketo reports."""
    name = terms.layout[at]
    base = Pair(rows.base.marketo[at], rows.base.dynamics[at])
    seen = Pair(rows.seen.marketo[at], rows.seen.dynamics[at])
    actual = Pair(rows.actual.marketo[at], rows.actual.dynamics[at])
    if name in rows.claims:
        value, against = rows.claims[name]
        base = Pair[Wire | Missing](against.marketo, against.dynamics)
        seen = Pair[Wire | Missing](value, actual.dynamics)
    claimed = name in rows.claims
    return _Case(terms, at, entry, now, base, seen, actual, link is not None, claimed=claimed)


def _plan_fields(
    terms: Terms, entry: Pending, link: Linked | None, rows: _Rows, now: float
) -> list[FieldPlan]:
    plans = []
    for at in rows.moved(terms):
        field = terms.fields[at]
        case = _case(terms, entry, link, rows, at, now)
        one = _plan_field(case) if field.flow is Flow.BOTH else _plan_flow(case)
        if one is not None:
            plans.append(one)
    _share_columns(terms, plans)
    _hold_record(terms, plans)
    _keep_record_holds(terms, entry, plans, now)
    return plans


def _share_columns(terms: Terms, plans: list[FieldPlan]) -> None:
    """Where two fields push different values into one column, let one yield (A16)."""
    by_name = {plan.name: plan for plan in plans}
    for plan in plans:
        field = terms.fields[terms.index(plan.name)]
        other = by_name.get(field.yields_to or "")
        if other is None or Side.DYNAMICS not in plan.send or Side.DYNAMICS not in other.send:
            continue
        pushed = other.send[Side.DYNAMICS]
        if plan.send[Side.DYNAMICS] == pushed:
            continue
        kind = field.kind
        plan.lost = plan.send[Side.DYNAMICS]
        plan.send = {
            Side.DYNAMICS: pushed,
            Side.MARKETO: kind.encode(kind.decode(pushed, Side.DYNAMICS), Side.MARKETO),
        }
        plan.decision = FieldMerge(
            plan.name,
            Verdict.COLLISION,
            kind.decode(pushed, Side.DYNAMICS),
            None,
            MISSING,
            f"{other.name!r} goes into the same column and has precedence (A16)",
        )


def _hold_record(terms: Terms, plans: list[FieldPlan]) -> None:
    """Hold the whole record where one field of it is refused and that is what is asked."""
    required = any(
        "REQUIRED" in refusal.codes and plan.withheld
        for plan in plans
        for refusal in plan.refused.values()
    )
    if required or (terms.hold == "record" and any(p.refused or p.held for p in plans)):
        for plan in plans:
            plan.block()


def _keep_record_holds(terms: Terms, entry: Pending, plans: list[FieldPlan], now: float) -> None:
    """Send nothing to a side that refused just this as a whole, naming no field."""
    for hold in entry.holds:
        if hold.field or hold.retry_at <= now or hold.schema != terms.schema_digest(hold.side, ""):
            continue
        if hold.digest != write_digest(terms, plans, hold.side):
            continue
        for plan in plans:
            if hold.side in plan.send:
                plan.held = (*plan.held, hold.side)
                plan.block()


def write_digest(terms: Terms, plans: Iterable[FieldPlan], side: Side) -> str:
    """Return the digest of all that *side* would be sent, for a refusal that names no field."""
    return digest(sorted(_native(terms, plans, side).items()))


def _native(terms: Terms, plans: Iterable[FieldPlan], side: Side) -> dict[str, Wire]:
    return {
        terms.fields[terms.index(plan.name)].names[side]: plan.send[side]
        for plan in plans
        if side in plan.send
    }


def _version(entry: Pending, link: Linked, side: Side) -> Version | None:
    seen = entry.seen[side]
    return seen.version if seen is not None and seen.version is not None else link.versions[side]


def _plan_merge(
    terms: Terms, entry: Pending, link: Linked | None, now: float, *, action: Action
) -> RecordPlan:
    ids = link.ids if link is not None else entry.ids
    alive = "live" if action is Action.MERGE else "gone"
    rows = _rows(terms, entry, link, terms.desired_stamps(ids.dynamics, alive=alive))
    plans = _plan_fields(terms, entry, link, rows, now)

    def write(side: Side) -> Write | None:
        values = _native(terms, plans, side)
        id_ = ids[side]
        if not values or id_ is None:
            return None
        version = _version(entry, link, side) if link is not None else None
        if link is None and (seen := entry.seen[side]) is not None:
            version = seen.version
        return Update(id_, values, version)

    return RecordPlan(entry, action, link, rows.actual, tuple(plans), Pair.of(write))


def _create_cases(
    terms: Terms, entry: Pending, side: Side, row: Row, now: float
) -> list[FieldPlan]:
    """Plan every field of a record that is made on *side* from the other side's *row*."""
    plans = []
    none: Pair[Wire | Missing] = Pair(None, None)
    for at, field in enumerate(terms.fields):
        wire = row[at]
        if wire is MISSING or not field.flow.reaches(side):
            continue
        to_marketo = side is Side.MARKETO
        seen = Pair(MISSING, wire) if to_marketo else Pair(wire, MISSING)
        actual: Pair[Wire | Missing] = Pair(None, wire) if to_marketo else Pair(wire, None)
        case = _Case(terms, at, entry, now, none, seen, actual, linked=False, creates=side)
        plan = FieldPlan(field.name, None, "first")
        try:
            value = field.kind.decode(wire, side.other)
        except Unfit as error:
            plans.append(_unfit(case, side.other, error))
            continue
        column = terms.columns[side][at]
        if field.kind.key(value) is None and not (column is not None and column.required):
            plan.advance = True
        else:
            _tell(case, plan, side, value)
        plans.append(plan)
    _share_columns(terms, plans)
    _hold_record(terms, plans)
    _keep_record_holds(terms, entry, plans, now)
    return plans


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
    plain = len(terms.layout) - terms.stamps
    row: Row = [*seen.row[:plain], *terms.desired_stamps(id_, alive="live")]
    plans = _create_cases(terms, entry, Side.MARKETO, row, now)
    write: Write | None = None
    values = _native(terms, plans, Side.MARKETO)
    if terms.map.link_field in values and not _blocked(terms, plans):
        write = Create(id_, values, terms.map.link_field)
    actual = Pair(terms.blank(), row)
    return RecordPlan(entry, Action.CREATE_PERSON, None, actual, tuple(plans), Pair(write, None))


def _plan_push(terms: Terms, entry: Pending, now: float) -> RecordPlan:
    seen = entry.seen.marketo
    id_ = entry.ids.dynamics
    if seen is None or seen.gone or id_ is None or entry.push is None:
        return RecordPlan(entry, Action.DROP, None, Pair(terms.blank(), terms.blank()))
    if _in_dynamics(terms, seen.row, id_):
        known = attrs.evolve(entry, reason="the person holds the id of a Dynamics record already")
        return RecordPlan(known, Action.DROP, None, Pair(terms.blank(), terms.blank()))
    plans = _create_cases(terms, entry, Side.DYNAMICS, seen.row, now)
    write: Write | None = None
    values = _native(terms, plans, Side.DYNAMICS)
    if values and not _blocked(terms, plans):
        if entry.push.owner is not None and terms.map.owner_column is not None:
            values[terms.map.owner_column] = entry.push.owner
        write = Create(id_, values)
    actual = Pair(seen.row, terms.blank())
    return RecordPlan(
        entry, Action.CREATE_IN_DYNAMICS, None, actual, tuple(plans), Pair(None, write)
    )


def _in_dynamics(terms: Terms, row: Row, id_: RecordId) -> bool:
    """Return whether the person says that it has a record in Dynamics that is not deleted."""
    held = row[terms.index("@id")]
    deleted = row[terms.index("@deleted")] if "@deleted" in terms.layout else False
    return held not in {None, "", MISSING} and str(held).lower() != id_ and deleted is not True


def _bare(terms: Terms, entry: Pending, link: Linked | None, action: Action) -> RecordPlan:
    rows = link.rows if link is not None else Pair(terms.blank(), terms.blank())
    return RecordPlan(entry, action, link, rows)


def _gone(entry: Pending, side: Side) -> bool:
    seen = entry.seen[side]
    return seen is not None and seen.gone


def _plan_linked(terms: Terms, entry: Pending, link: Linked, now: float) -> RecordPlan:
    gone = Pair(
        _gone(entry, Side.MARKETO) or link.state is LinkState.GONE_MARKETO,
        _gone(entry, Side.DYNAMICS)
        or (link.state is LinkState.GONE_DYNAMICS and entry.seen.dynamics is None),
    )
    if all(gone):
        return _bare(terms, entry, link, Action.UNLINK)
    if gone.dynamics:
        return _plan_merge(terms, _only_stamps(terms, entry), link, now, action=Action.FLAG)
    if gone.marketo:
        if not _edited(terms, entry.seen.dynamics, link.rows.dynamics):
            return _bare(terms, entry, link, Action.FORGET)
        if terms.on_marketo_delete == "suppress":
            return _bare(terms, entry, link, Action.SUPPRESS)
        ids = Pair[RecordId | None](*link.ids)
        plan = _plan_create_person(terms, attrs.evolve(entry, ids=ids), now)
        plan.link = link
        return plan
    return _plan_merge(terms, entry, link, now, action=Action.MERGE)


def _edited(terms: Terms, seen: Observation | None, base: Row) -> bool:
    """
    Return whether Dynamics holds anything else than *base* in a field that was known.

    Only that brings back a person who was deleted in Marketo (R46): no full read does, and no
    field that is new.
    """
    if seen is None or seen.gone:
        return False
    sides = Pair(Side.DYNAMICS, Side.DYNAMICS)
    return any(
        MISSING not in {now, before} and not field.same(now, before, sides)
        for field, now, before in zip(terms.fields, seen.row, base, strict=True)
    )


def _only_stamps(terms: Terms, entry: Pending) -> Pending:
    """Return *entry* with just the stamps of what was seen in Marketo."""
    seen = entry.seen.marketo
    if seen is None:
        return entry
    plain = len(terms.layout) - terms.stamps
    row: Row = [*terms.blank()[:plain], *seen.row[plain:]]
    return attrs.evolve(
        entry, seen=Pair(attrs.evolve(seen, row=row, claims={}), entry.seen.dynamics)
    )


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
        return _bare(terms, entry, None, Action.DROP)
    if entry.seen.marketo is not None and entry.seen.dynamics is not None:
        return _plan_merge(terms, entry, None, now, action=Action.MERGE)
    if entry.push is not None:
        return _plan_push(terms, entry, now)
    return _plan_create_person(terms, entry, now)
