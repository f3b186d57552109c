"""Writing, and what a result owes (C5-C7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, assert_never

import attrs

from dynsync._contract import usable_results
from dynsync.errors import Ambiguous, SystemFailure
from dynsync.records import RecordId, Side, Wire, plain_id
from dynsync.testing._palette import misfit, same
from dynsync.testing._scene import Scene, answered
from dynsync.testing._steps import Change, Make, Misfit, WriteStep
from dynsync.testing._unapplied import unapplied
from dynsync.testing._witness import Breach, Failed, Halted
from dynsync.testing._world import Attempt, Held, Promise
from dynsync.writes import (
    AmbiguousWrite,
    Create,
    Created,
    Gone,
    NotAttempted,
    Rejected,
    Stale,
    ThrottledWrite,
    Update,
    Updated,
    Write,
    WriteResult,
)

__all__ = ["body", "update", "write"]

_UNKNOWN: Final = "no_such_field"


@attrs.frozen
class _Sent:
    """One write on its way: *expected* says what its version makes of it."""

    who: int
    write: Write
    expected: Literal["none", "current", "stale"] = "none"
    fits: Literal["fits", "misfits"] = "fits"


def write(scene: Scene, steps: Sequence[WriteStep]) -> list[WriteResult]:
    """Send some writes in one call and judge the results."""
    sent: list[_Sent] = []
    for step in steps:
        made = _sent(scene, step)
        if made is not None and made.who not in {one.who for one in sent}:
            sent.append(made)
    size = max(1, scene.setting.capabilities.batch)
    return [
        result
        for start in range(0, len(sent), size)
        for result in _send(scene, sent[start : start + size])
    ]


def update(scene: Scene, who: int, values: dict[str, Wire]) -> Sequence[WriteResult]:
    """Set *values* of a record, unconditionally; no result if it is not there."""
    sent = _update(scene, who, values, "none")
    return _send(scene, [sent]) if sent is not None else []


def _key(who: int) -> RecordId:
    return RecordId(f"00000000-0000-4000-8000-{who + 1:012x}")


def body(scene: Scene, who: int, variant: int) -> dict[str, Wire]:
    """Return what record *who* is created with."""
    palette = scene.palette
    made = {name: palette.value(name, variant) for name in palette.fields}
    if palette.key_field is not None:
        made[palette.key_field] = _key(who)
    return made


def _sent(scene: Scene, step: WriteStep) -> _Sent | None:
    """Return what *step* sends, None if it has nothing to work on."""
    match step:
        case Make(who, variant):
            return _create(scene, who, variant)
        case Change(who, number, variant, expect):
            field = scene.palette.field(number)
            value = scene.palette.value(field, variant)
            if value is None and scene.palette.columns[field].required:
                return None
            return _update(scene, who, {field: value}, expect)
        case Misfit(who, kind):
            values = _misfit(scene, kind)
            held = scene.world.held.get(who)
            if not values or (held is not None and held.odd & values.keys()):
                # What a system once made of it, it may make of it again: nothing would change.
                return None
            sent = _update(scene, who, values, "none")
            return attrs.evolve(sent, fits="misfits") if sent else None
        case _:
            assert_never(step)


def _create(scene: Scene, who: int, variant: int) -> _Sent | None:
    key_field, key = scene.palette.key_field, _key(who)
    held = scene.world.held.get(who)
    if held is None:
        return _Sent(who, Create(key, body(scene, who, variant), key_field))
    if not held.alive or held.made == 0 or (held.state and key_field is None):
        # Nobody promises what becomes of a key whose record was deleted or edited since.
        return None
    again = {name: held.values[name] for name in scene.palette.fields}
    return _Sent(who, Create(key, again, key_field))


def _update(
    scene: Scene, who: int, values: dict[str, Wire], expect: Literal["none", "latest", "first"]
) -> _Sent | None:
    held = scene.world.held.get(who)
    if held is None or held.unsure or not held.id:
        return None
    if expect == "none" or not scene.setting.capabilities.conditional_writes:
        return _Sent(who, Update(held.id, values)) if expect == "none" else None
    if not held.versions or not held.alive:
        return None
    state, version = held.versions[-1 if expect == "latest" else 0]
    expected: Literal["current", "stale"] = "current" if state == held.state else "stale"
    return _Sent(who, Update(held.id, values, version), expected)


def _misfit(scene: Scene, kind: str) -> dict[str, Wire]:
    if kind == "unknown field":
        return {_UNKNOWN: "Ann"}
    for field in scene.palette.fields:
        try:
            return {field: misfit(scene.palette.columns[field], kind)}
        except LookupError:
            continue
    return {}


def _line(scene: Scene, writes: Sequence[Write]) -> str:
    return f"connector.write({scene.setting.table!r}, [{', '.join(map(_shown, writes))}])"


def _shown(write: Write) -> str:
    match write:
        case Create(key, values, key_field):
            rest = f", {key_field!r}" if key_field is not None else ""
            return f"Create({key!r}, {values}{rest})"
        case Update(id_, values, expect):
            rest = f", {expect!r}" if expect is not None else ""
            return f"Update({id_!r}, {values}{rest})"


def _send(scene: Scene, sent: Sequence[_Sent]) -> Sequence[WriteResult]:
    writes = [one.write for one in sent]
    by_record = {one.who: one.write for one in sent}
    setting, witness = scene.setting, scene.witness
    try:
        results = witness.ask(
            "write",
            _line(scene, writes),
            lambda: scene.connector.write(setting.table, writes),
            writes,
            failed=lambda failure: unapplied(scene, by_record, failure),
        )
    except Failed as failed:
        for one in sent:
            _nothing_known(scene, one) if str(failed) == "lost" else _not_applied(
                scene, one, Promise("C8", "the request failed before anything was applied")
            )
        raise
    except Ambiguous as failure:
        for one in sent:
            _nothing_known(scene, one)
        raise Halted(str(failure)) from failure
    except SystemFailure as failure:
        raise Halted(str(failure)) from failure
    witness.lawful("C5", lambda: _check_results(setting.side, setting.table, writes, results))
    for one, result in zip(sent, results, strict=True):
        _settle(scene, one, result)
    return results


def _check_results(
    side: Side, table: str, writes: Sequence[Write], results: Sequence[WriteResult]
) -> None:
    _, broken = usable_results(side, table, writes, results)
    if broken is not None:
        raise broken


def _not_applied(scene: Scene, sent: _Sent, promise: Promise) -> None:
    scene.world.attempts.append(Attempt(sent.who, sent.write.values, promise))


def _nothing_known(scene: Scene, sent: _Sent) -> None:
    held = scene.world.held.get(sent.who)
    if held is None and isinstance(sent.write, Create):
        id_ = sent.write.key if sent.write.key_field is None else RecordId("")
        promise = Promise("C6", "it was created, and the answer was lost")
        held = Held(sent.who, id_, dict(sent.write.values), promise)
        scene.world.held[sent.who] = held
    if held is not None:
        held.unsure = True
        held.versions.clear()


def _settle(scene: Scene, sent: _Sent, result: WriteResult) -> None:
    """Take in the result of one write; raise `Breach` if it cannot be true."""
    if isinstance(result, Rejected | ThrottledWrite | NotAttempted):
        name = type(result).__name__
        words = f"the write was answered with {name}, which promises that nothing was applied"
        _not_applied(scene, sent, Promise("C5", words))
    elif isinstance(result, AmbiguousWrite):
        _nothing_known(scene, sent)
        return
    match sent.write:
        case Create():
            _settle_create(scene, sent, sent.write, result)
        case Update():
            _settle_update(scene, sent, sent.write, result)
        case _:
            assert_never(sent.write)


def _settle_create(scene: Scene, sent: _Sent, create: Create, result: WriteResult) -> None:
    world, held = scene.world, scene.world.held.get(sent.who)
    if isinstance(result, Stale | Gone):
        raise Breach("C5", f"A Create was answered with {type(result).__name__}.")
    if isinstance(result, Rejected):
        _settle_refused_create(scene, create, held, result)
        return
    if not isinstance(result, Created | Updated):
        return
    if create.key_field is None and plain_id(result.id) != plain_id(create.key):
        raise Breach(
            "C6",
            f"A Create with the key {create.key!r} was answered with the id {result.id!r}: "
            f"without a key_field the key is the id of the new record.",
        )
    other = world.called(result.id)
    if other is not None and other.who != sent.who:
        raise Breach("C5", f"Two creates with two keys were both answered with {result.id!r}.")
    if held is None:
        words = f"its Create was answered with {type(result).__name__}"
        held = world.create(sent.who, result.id, create.values, Promise("C5", words))
    else:
        scene.witness.tally["C6"] += 1
        if held.id and result.id != held.id:
            raise Breach(
                "C6",
                f"Creating the same once more was answered with {result.id!r}; the first time "
                f"it was {held.id!r}.",
            )
        held.made += 1
        held.id, held.unsure = result.id, False
        # It was asked for with the values from before.
        held.moved.clear()
        held.versions.clear()
    _believe(scene, held, result)


def _settle_refused_create(
    scene: Scene, create: Create, held: Held | None, result: Rejected
) -> None:
    codes = {reason.code for reason in result.reasons}
    if held is None:
        if "duplicate_key" in codes:
            raise Breach(
                "C6",
                "A Create with a new key was refused as a duplicate_key. Every make() returns a "
                "connector to a fresh system; if it does not, the key is there from before.",
            )
        return
    scene.world.attempts.pop()
    if create.key_field is None and "duplicate_key" in codes:
        scene.witness.tally["C6"] += 1
        held.made += 1
        # The answer was lost, and this one tells that the record is there.
        held.unsure = False
        return
    if not held.unsure:
        wanted = "Created, or Rejected with the code duplicate_key"
        raise Breach(
            "C6",
            f"Creating the same once more was rejected with {', '.join(sorted(codes))}; it is "
            f"answered with {wanted if create.key_field is None else 'the same record'}.",
        )


def _settle_update(scene: Scene, sent: _Sent, update: Update, result: WriteResult) -> None:
    held = scene.world.held[sent.who]
    name = type(result).__name__
    if not held.alive:
        scene.witness.tally["C5"] += 1
        if not isinstance(result, Gone):
            raise Breach("C5", f"An Update of a deleted record was answered with {name}, not Gone.")
        return
    match result:
        case Gone():
            raise _called_gone(held)
        case Stale():
            scene.witness.tally["C7"] += 1
            if sent.expected != "stale":
                wanted = (
                    "expected nothing"
                    if update.expect is None
                    else "expected the version that was told of it last"
                )
                raise Breach("C7", f"An Update of {held.id!r} that {wanted} was answered Stale.")
            _not_applied(scene, sent, Promise("C7", "the write was answered with Stale"))
        case Created() | Updated():
            if update.expect is not None:
                scene.witness.tally["C7"] += 1
            if sent.expected == "stale":
                raise Breach(
                    "C7",
                    f"An Update of {held.id!r} that expected an older version was answered with "
                    f"{name}, not Stale.",
                )
            if sent.fits == "misfits":
                _said_to_fit(held, update)
            else:
                words = f"an Update was answered with {name}"
                scene.world.change(held, update.values, Promise("C5", words))
            _believe(scene, held, result)
        case _:
            pass


def _called_gone(held: Held) -> Breach:
    """Return what is wrong with calling a living record gone."""
    return Breach("C5", f"An Update of {held.id!r}, which is alive, was answered with Gone.")


def _said_to_fit(held: Held, update: Update) -> None:
    """Take the word of a connector for a value that its column does not hold."""
    # Nor can anybody say what a write to a field that is not there does to the version.
    held.versions.clear()
    for field, value in update.values.items():
        if field in held.values and not same(held.values[field], value):
            held.moved[field] = held.values[field]
            held.odd.add(field)
            held.past.setdefault(field, []).append(held.values[field])
            held.state += 1


def _believe(scene: Scene, held: Held, result: Created | Updated) -> None:
    """Compare what a result says of the record with what was just written."""
    for field, told in (result.values or {}).items():
        known = field in held.values and field not in held.moved
        if known and not same(told, held.values[field]):
            raise answered(scene, held, field, told)
    if not _text(result.version):
        raise Breach("C7", f"{type(result).__name__} tells a version that is no text.")
    held.told(result.version)


def _text(version: object) -> bool:
    return version is None or isinstance(version, str)
