"""
What a connector answered, looked at before it is believed.

Connectors are the host's. What is of the wrong type would go wrong far from where it came
in, or be stored and never be read again; here it is refused, with the clause that it
breaks. No message holds a value.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, TypeAlias, TypeVar, cast, get_args

from dynsync.arguments import is_number
from dynsync.calling import called, raised_by
from dynsync.connectors import Capabilities, Connector, Finding, Level, Page
from dynsync.errors import ContractError, SchemaChanged, SystemFailure, Throttled
from dynsync.records import (
    MISSING,
    Change,
    Edit,
    Missing,
    Record,
    Row,
    Side,
    Tombstone,
    plain_id,
)
from dynsync.schemas import Column, Schema
from dynsync.terms import Terms
from dynsync.writes import (
    AmbiguousWrite,
    Created,
    Gone,
    NotAttempted,
    Reason,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = [
    "asked",
    "check_changes",
    "check_connector",
    "check_edits",
    "check_findings",
    "check_identity",
    "check_instant",
    "check_limits",
    "check_page",
    "check_records",
    "check_row",
    "check_schema",
    "check_time",
    "limits_of",
    "sound",
    "usable_results",
]

T = TypeVar("T")

_Kinds: TypeAlias = type | tuple[type, ...]

_ID: Final = attrgetter("id")
_VALUES: Final = attrgetter("values")
_VERSION: Final = attrgetter("version")
_CHANGES: Final = frozenset({Record, Tombstone})
_PLAIN: Final = frozenset({str, int, bool, type(None), Missing})
_NUMBERS_TOO: Final = _PLAIN | {float}
_WIRES: Final = (str, int, float, type(None), Missing)
_RESULTS: Final = (
    Created,
    Updated,
    Rejected,
    Stale,
    Gone,
    ThrottledWrite,
    AmbiguousWrite,
    NotAttempted,
)


def asked(side: Side, what: str, function: Callable[[], T], step: str = "") -> T:
    """
    Return what a connector's *function* returns, of which *what* is the name.

    Raises `ContractError` for what it may not raise, with the *step* that is to be taken.
    """

    def complaint(raised: str) -> str:
        return (
            f"The {side.label} connector raised {raised} in {what}; it may raise SystemFailure and "
            f"its subclasses only (C8).{step}"
        )

    return sound(function, complaint, {side})


def sound(
    function: Callable[[], T],
    complaint: Callable[[str], str],
    sides: Collection[Side | None],
) -> T:
    """
    Return what *function* returns; a `SystemFailure` passes that is of one of *sides*.

    All else becomes a `ContractError`, and so does a failure that nothing could be done with,
    because what it holds is of another type. *complaint* makes the message of what was raised.
    """
    try:
        return called(function, complaint, passing=(SystemFailure, ContractError))
    except SystemFailure as failure:
        flaw = _flaw(failure, sides)
        if not flaw:
            raise
        seen, trace = f"{raised_by(failure)} {flaw}", failure.__traceback__
    # Outside of the except block: what was raised is no context of what is told of it.
    raise ContractError(complaint(seen)).with_traceback(trace)


def _flaw(failure: SystemFailure, sides: Collection[Side | None]) -> str:
    """Return what *failure* holds that it cannot: its class may be the host's, too."""
    side: object = getattr(failure, "side", MISSING)
    if not any(side is one for one in sides):
        seen = side.label if isinstance(side, Side) else _shown(side)
        takes = " or ".join("None" if one is None else f"Side.{one.name}" for one in sides)
        return f"with {seen} for its side (it takes {takes})"
    message: object = getattr(failure, "message", MISSING)
    if not isinstance(message, str):
        return f"with {_shown(message)} for its message (it takes text)"
    if isinstance(failure, Throttled):
        wait: object = getattr(failure, "retry_after", MISSING)
        if not _is_seconds(wait):
            seen = "no number" if is_number(wait) else _shown(wait)
            return f"with {seen} for its retry_after (it takes a number of seconds)"
    if isinstance(failure, SchemaChanged):
        fields: object = getattr(failure, "fields", MISSING)
        if not _is_list(fields) or not all(_is(name, str) for name in cast("list[str]", fields)):
            return f"with {_shown(fields)} for its fields (it takes a tuple of names)"
    return ""


def check_connector(side: Side, connector: Connector) -> str:
    """Return the identity of *connector*; raise `ContractError` if it, or a limit, cannot be."""
    limits_of(side, connector)
    # To look it up may raise, too.
    identity = asked(side, "identity", lambda: connector.identity())  # noqa: PLW0108
    check_identity(side, identity)
    return identity


def limits_of(side: Side, connector: Connector) -> Capabilities:
    """Return the capabilities of *connector*; raise `ContractError` if they cannot be."""
    limits = asked(side, "capabilities", lambda: connector.capabilities)
    check_limits(side, limits)
    return limits


def check_identity(side: Side, identity: object) -> None:
    """Raise `ContractError` unless *identity* is a name."""
    if not isinstance(identity, str) or not identity:
        raise ContractError(
            f"The {side.label} connector's identity() is {_shown(identity)}; it is a stable name "
            f"of the instance, such as a Munchkin id or an org URL."
        )


def check_limits(side: Side, limits: object) -> None:
    """Raise `ContractError` unless *limits* are capabilities that can be kept to."""
    if not isinstance(limits, Capabilities):
        raise ContractError(
            f"The {side.label} connector's capabilities are {_shown(limits)}; they are "
            f"Capabilities, and constant."
        )
    for name, most in (("batch", limits.batch), ("find", limits.find)):
        if not _whole(most) or most < 1:
            raise ContractError(
                f"The {side.label} connector says that a call takes {name}={most!r}; "
                f"Capabilities.{name} is a whole number of at least 1."
            )


def check_schema(side: Side, table: str, schema: object) -> None:
    """Raise `ContractError` unless *schema* describes columns."""
    if not isinstance(schema, Schema) or not _is(schema.columns, Mapping):
        raise ContractError(
            f"The {side.label} connector's describe({table!r}) returned {_shown(schema)}; it "
            f"returns a Schema (C1)."
        )
    for column in schema.columns.values():
        if not _is(column, Column):
            raise ContractError(
                f"The {side.label} connector's describe({table!r}) returned a Schema that holds "
                f"{_shown(column)}; it holds one Column a name (C1)."
            )


def check_page(side: Side, table: str, page: object) -> None:
    """Raise `ContractError` unless *page* is a page with a place to read on from."""
    if not isinstance(page, Page):
        raise _broken(side, table, "read", f"returned {_shown(page)}; it returns a Page (C2)")
    if not _is_list(page.changes):
        seen = f"returned a Page whose changes are {_shown(page.changes)}, not a list (C2)"
        raise _broken(side, table, "read", seen)
    if not _is(page.cursor, str):
        seen = f"returned a Page whose cursor is {_shown(page.cursor)}; a cursor is text (C2)"
        raise _broken(side, table, "read", seen)
    check_instant(side, table, "Page.at", page.at)


def check_changes(
    side: Side, table: str, what: str, changes: Sequence[Change], *, versioned: bool
) -> None:
    """Raise `ContractError` unless each of *changes* says whose it is, and in which version."""
    if _flawless(changes, versioned=versioned):
        return
    for change in changes:
        if isinstance(change, Record):
            if not _is(change.values, Mapping):
                seen = f"returned a Record whose values are {_shown(change.values)} (C1)"
                raise _broken(side, table, what, seen)
            if versioned and not _is(change.version, str):
                seen = (
                    "returned a Record without a version, though its capabilities promise "
                    "conditional_writes: without versions they would overwrite edits (C7)"
                )
                raise _broken(side, table, what, seen)
        elif not _is(change, Tombstone):
            seen = f"returned {_shown(change)} among its records (C1)"
            raise _broken(side, table, what, seen)
        id_ = change.id
        if not _is(id_, str) or not id_:
            seen = f"returned a record whose id is {_shown(id_)}; an id is text and not empty (C1)"
            raise _broken(side, table, what, seen)


def _flawless(changes: Sequence[Change], *, versioned: bool) -> bool:
    """Return whether all is as it nearly always is: asked of every record, so in few steps."""
    if not set(map(type, changes)) <= _CHANGES:
        return False
    records = [change for change in changes if isinstance(change, Record)]
    return (
        all(map(_ID, changes))
        and set(map(type, map(_ID, changes))) <= {str}
        and set(map(type, map(_VALUES, records))) <= {dict}
        and (not versioned or set(map(type, map(_VERSION, records))) <= {str})
    )


def check_records(
    side: Side, table: str, what: str, records: object, *, versioned: bool = False
) -> None:
    """Raise `ContractError` unless *records* are what ``fetch`` and ``find`` return."""
    if not _is_list(records):
        seen = f"returned {_shown(records)}; it returns a list of Record (C4)"
        raise _broken(side, table, what, seen)
    found = cast("Sequence[Record]", records)
    if any(_is(record, Tombstone) for record in found):
        seen = f"returned a Tombstone; {what} returns those that exist, and leaves out the others"
        raise _broken(side, table, what, f"{seen} (C1)")
    check_changes(side, table, what, found, versioned=versioned)


def check_findings(side: Side, findings: object) -> Sequence[Finding]:
    """Return *findings* as a list; raise `ContractError` unless they are what ``check`` returns."""
    if not _is_list(findings):
        raise ContractError(
            f"The {side.label} connector's check() returned {_shown(findings)}; it returns a list "
            f"of Finding."
        )
    found = cast("Sequence[Finding]", findings)
    for one in found:
        if not _is(one, Finding):
            seen = f"returned {_shown(one)} among its findings; each is a Finding"
        elif one.side is not side:
            seen = f"returned a Finding whose side is not Side.{side.name}"
        elif one.level not in get_args(Level):
            known = ", ".join(map(repr, get_args(Level)))
            seen = f"returned a Finding whose level is no choice; there are {known}"
        elif not all(_is(text, str) for text in (one.about, one.seen, one.todo)):
            seen = "returned a Finding whose about, seen or todo is no text"
        else:
            continue
        raise ContractError(f"The {side.label} connector's check() {seen}.")
    return found


def check_time(side: Side, at: object) -> None:
    """Raise `ContractError` unless *at* is what ``system_time`` returns."""
    if at is not None and not _is_aware(at):
        raise ContractError(
            f"The {side.label} connector's system_time() returned {_timeless(at)}; it is an aware "
            f"datetime, or None."
        )


def check_row(terms: Terms, side: Side, row: Row) -> None:
    """Raise `ContractError` unless JSON can hold the values of *row*."""
    kinds = set(map(type, row))
    if kinds <= _PLAIN or (kinds <= _NUMBERS_TOO and _all_finite(row)):
        return
    for field, wire in zip(terms.fields, row, strict=True):
        if not _holdable(wire):
            raise _unholdable(side, terms.map.tables[side], field.names[side], wire)


def _all_finite(row: Row) -> bool:
    return all(map(math.isfinite, [wire for wire in row if type(wire) is float]))


def check_edits(table: str, edits: Iterable[Edit]) -> None:
    """Raise `ContractError` unless what Marketo's feed tells of *edits* can be compared."""
    for edit in edits:
        check_instant(Side.MARKETO, table, "Edit.at", edit.at)
        for wire in (edit.old, edit.new):
            if not _holdable(wire):
                raise _unholdable(Side.MARKETO, table, edit.field, wire)


def check_instant(side: Side, table: str, name: str, at: object) -> None:
    """Raise `ContractError` unless *at* is None or a moment that knows its zone."""
    if at is None or _is_aware(at):
        return
    clause = "C2" if name == "Page.at" else "C1"
    raise ContractError(
        f"The {side.label} connector's read({table!r}) returned {_timeless(at)} as {name}; it is "
        f"an aware datetime, or None ({clause}). A naive one would be taken as the time of this "
        f"machine."
    )


def _is_aware(at: object) -> bool:
    return isinstance(at, dt.datetime) and at.utcoffset() is not None


def _timeless(at: object) -> str:
    return "a datetime without a zone" if isinstance(at, dt.datetime) else _shown(at)


def usable_results(
    side: Side, table: str, writes: Sequence[Write], results: object
) -> tuple[Sequence[WriteResult], ContractError | None]:
    """
    Return an answer to each of *writes*, and what is wrong with *results*, if anything is.

    What can be told to belong to a write is believed, even if the rest is nonsense: it was
    applied, and must not be forgotten. All else is `AmbiguousWrite`, to be read back.
    """
    if not _is_list(results):
        said = f"returned {_shown(results)}; {_ONE_EACH}"
        return [AmbiguousWrite()] * len(writes), _broken(side, table, "write", said)
    answers = cast("Sequence[object]", results)
    if len(answers) != len(writes):
        return _by_id(side, table, writes, answers), ContractError(
            f"The {side.label} connector's write({table!r}) got {len(writes)} and returned "
            f"{len(answers)}; it returns {_ONE_EACH}."
        )
    usable: list[WriteResult] = []
    broken: list[ContractError] = []
    for write, answer in zip(writes, answers, strict=True):
        try:
            usable.append(_usable(side, table, write, answer))
        except ContractError as error:
            usable.append(AmbiguousWrite())
            broken.append(error)
    if any(_of_another(*both) for both in zip(writes, answers, strict=True)):
        usable = _by_id(side, table, writes, answers)
    return usable, broken[0] if broken else None


def _usable(side: Side, table: str, write: Write, answer: object) -> WriteResult:
    """Return *answer*; raise `ContractError` if it is none to *write*."""
    if not isinstance(answer, _RESULTS):
        seen = f"answered a write with {_shown(answer)}; {_ONE_EACH}"
        raise _broken(side, table, "write", seen)
    if isinstance(answer, Created | Updated):
        _check_applied(side, table, write, answer)
    elif isinstance(answer, Rejected):
        _check_reasons(side, table, answer)
    elif isinstance(answer, ThrottledWrite) and not _is_seconds(answer.retry_after):
        seen = (
            f"answered a write with ThrottledWrite({_shown(answer.retry_after)}); it takes seconds"
        )
        raise _broken(side, table, "write", f"{seen} (C5)")
    return answer


def _of_another(write: Write, answer: object) -> bool:
    """Return whether *answer* is about another record: then no place in the list is trusted."""
    if not isinstance(write, Update) or not isinstance(answer, Created | Updated):
        return False
    return _is(answer.id, str) and plain_id(answer.id) != plain_id(write.id)


def _by_id(
    side: Side, table: str, writes: Sequence[Write], answers: Sequence[object]
) -> list[WriteResult]:
    """Return an answer to each of *writes* by the ids that they name, places being no help."""
    named: dict[str, list[object]] = {}
    for answer in answers:
        if isinstance(answer, Created | Updated) and _is(answer.id, str):
            named.setdefault(plain_id(answer.id), []).append(answer)
    ids = [plain_id(write.id if isinstance(write, Update) else write.key) for write in writes]
    usable: list[WriteResult] = []
    for write, id_ in zip(writes, ids, strict=True):
        mine = named.get(id_, [])
        known = len(mine) == 1 and ids.count(id_) == 1
        try:
            # An upsert says whom it found, and its key is an id of the other system.
            trusted = known and (isinstance(write, Update) or write.key_field is None)
            usable.append(_usable(side, table, write, mine[0]) if trusted else AmbiguousWrite())
        except ContractError:
            usable.append(AmbiguousWrite())
    return usable


_ONE_EACH: Final = "one result a write, in the order of the writes (C5)"


def _check_applied(side: Side, table: str, write: Write, result: Created | Updated) -> None:
    name, id_ = type(result).__name__, result.id
    if not _is(id_, str) or not id_:
        seen = f"answered a write with {name} and {_shown(id_)} as the id; an id is text (C5)"
        raise _broken(side, table, "write", seen)
    if isinstance(write, Update) and plain_id(id_) != plain_id(write.id):
        seen = (
            f"answered the update of {write.id!r} with {name}({id_!r}): a result is about the "
            f"record of its write, and comes in the order of the writes (C5)"
        )
        raise _broken(side, table, "write", seen)
    if result.values is None:
        return
    if not _is(result.values, Mapping):
        seen = f"answered a write with {name} and {_shown(result.values)} as values (C5)"
        raise _broken(side, table, "write", seen)
    for native, wire in result.values.items():
        if not _holdable(wire):
            raise _unholdable(side, table, native, wire)


def _check_reasons(side: Side, table: str, result: Rejected) -> None:
    reasons = result.reasons
    if not _is(reasons, (tuple, list)) or not all(_is(reason, Reason) for reason in reasons):
        seen = f"rejected a write for {_shown(reasons)}; reasons are a tuple of Reason (C5)"
        raise _broken(side, table, "write", seen)


def _holdable(wire: object) -> bool:
    if not isinstance(wire, _WIRES):
        return False
    return not isinstance(wire, float) or math.isfinite(wire)


def _unholdable(side: Side, table: str, native: str, wire: object) -> ContractError:
    shown = "a number that is not finite" if isinstance(wire, float) else _shown(wire)
    return _broken(
        side,
        table,
        "values",
        f"said {shown} in {native!r}; a wire value is text, a number, a boolean or None (C1)",
    )


def _broken(side: Side, table: str, what: str, seen: str) -> ContractError:
    return ContractError(f"The {side.label} connector, {what} of {table!r}: {seen}.")


def _is(value: object, kinds: _Kinds) -> bool:
    """Return whether *value* is what its annotation promises already."""
    return isinstance(value, kinds)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_seconds(number: object) -> bool:
    """Return whether *number* can be waited for; for ever is no less than nobody would wait."""
    return is_number(number) and not math.isnan(number)


def _whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool)


def _shown(value: object) -> str:
    """Return the type of *value* for a message: a value is personal data."""
    if value is None or value is MISSING:
        return "None" if value is None else "nothing"
    return f"a {type(value).__name__}"
