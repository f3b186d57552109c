"""Reading page by page, and what a page owes (C2, C3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dynsync._contract import check_changes, check_page
from dynsync.connectors import Page
from dynsync.errors import CursorExpired, SchemaChanged, SystemFailure
from dynsync.records import Edit, Record, Tombstone
from dynsync.testing._outside import CanExpire, CanWait
from dynsync.testing._palette import same
from dynsync.testing._scene import Place, Scene, missing, take
from dynsync.testing._steps import Again, Begin, Finish, Turn
from dynsync.testing._witness import Breach, Halted
from dynsync.testing._world import GONE, Event, Held

__all__ = ["again", "begin", "expire", "finish", "turn"]

_THERE: Final = "@there"
_IDLE: Final = 1_000
_LATE: Final = 3_600.0


def begin(scene: Scene, step: Begin) -> None:
    """Read the first page of a full read."""
    fields = scene.fields(step.fields)
    alive = [held for held in scene.world.held.values() if held.alive and not held.unsure]
    owed = {(held.who, name) for held in alive for name in fields if held.needs(name)}
    owed |= {(held.who, _THERE) for held in alive}
    known = frozenset(held.who for held in alive)
    scene.readers[step.reader] = [
        Place(fields, None, len(scene.world.journal), left=frozenset(owed), knew=known)
    ]
    _page(scene, step.reader)


def turn(scene: Scene, step: Turn) -> None:
    """Read one page more."""
    if scene.readers.get(step.reader):
        _page(scene, step.reader)


def again(scene: Scene, step: Again) -> None:
    """Go back to an earlier cursor; nothing is read yet."""
    places = scene.readers.get(step.reader)
    if places and len(places) > 1:
        del places[max(2, len(places) - step.back) :]


def finish(scene: Scene, step: Finish) -> None:
    """Read on to the end of the feed; raise `Breach` if something was never told."""
    if not scene.readers.get(step.reader):
        return
    _drain(scene, step.reader)
    if _owed(scene, step.reader) is not None:
        _drain(scene, step.reader)
    if _owed(scene, step.reader) is not None and isinstance(scene.outside, CanWait):
        # Late rows are allowed, rows that never come are not.
        scene.witness.note(f"outside.advance({_LATE:.0f})")
        scene.outside.advance(_LATE)
        _drain(scene, step.reader)
    owed = _owed(scene, step.reader)
    if owed is not None:
        raise owed


def _drain(scene: Scene, reader: int) -> None:
    seen = {place.cursor for place in scene.readers.get(reader, ())}
    idle = 0
    while scene.readers.get(reader):
        before = scene.readers[reader][-1].cursor
        page = _page(scene, reader)
        if page is None or not page.more:
            return
        if page.cursor == before or (page.cursor in seen and idle):
            raise Breach(
                "C2",
                "A page says that there is more and gives a cursor that was read already: "
                "reading on would never end.",
            )
        seen.add(page.cursor)
        idle = 0 if page.changes else idle + 1
        if idle > _IDLE:
            raise Breach("C2", f"{_IDLE} empty pages in a row say that there is more.")


def _page(scene: Scene, reader: int) -> Page | None:
    """Read one page and take in what it tells; None if the cursor had to be given up."""
    places, witness = scene.readers[reader], scene.witness
    place = places[-1]
    number = sum(line.startswith("page") for line in witness.calls) + 1
    fields = list(place.fields)
    line = (
        f"page{number} = connector.read({scene.setting.table!r}, {fields}, {_name(scene, place)})"
    )

    def ask() -> Page:
        return scene.connector.read(scene.setting.table, fields, place.cursor)

    try:
        page = witness.ask("read", line, ask, fields)
    except CursorExpired as failure:
        if scene.expired < len(witness.calls) and scene.expired >= 0:
            # Only a full read goes on from here: whoever reads next begins anew.
            scene.readers[reader] = []
            return None
        raise Breach("C2", "The cursor that was just given is said to have expired.") from failure
    except SchemaChanged as failure:
        raise Breach("describe", "read misses a column that describe has just told.") from failure
    except SystemFailure as failure:
        raise Halted(str(failure)) from failure
    _lawful(scene, page)
    scene.readers[reader].append(_taken(scene, place, page))
    scene.cursors[page.cursor] = f"page{number}.cursor"
    return page


def _name(scene: Scene, place: Place) -> str:
    return "None" if place.cursor is None else scene.cursors.get(place.cursor, repr(place.cursor))


def _lawful(scene: Scene, page: Page) -> None:
    setting = scene.setting
    scene.witness.lawful("C2", lambda: check_page(setting.side, setting.table, page))
    versioned = setting.capabilities.conditional_writes
    scene.witness.lawful(
        "C1",
        lambda: check_changes(
            setting.side, setting.table, "read", page.changes, versioned=versioned
        ),
    )


def _taken(scene: Scene, place: Place, page: Page) -> Place:
    """Return the place behind *page*, whose changes were all looked at."""
    told, left, knew, edits = dict(place.told), set(place.left), set(place.knew), set(place.edits)
    now = len(scene.world.journal)
    clause = "C2" if place.fulled is None else "C3"
    for change in page.changes:
        if isinstance(change, Tombstone):
            held = _buried(scene, change)
            if held is not None:
                told[held.who, GONE] = now
            continue
        try:
            held = take(scene, "read", clause, change, place.fields)
        except LookupError:
            continue
        knew.add(held.who)
        left.discard((held.who, _THERE))
        for field in change.values:
            told[held.who, field] = now
            left.discard((held.who, field))
        edits.update(_edits(scene, place, held, change))
    fulled = place.fulled
    if fulled is None and not page.more:
        _all_there(scene, left)
        fulled = now
    return Place(
        place.fields,
        page.cursor,
        place.since,
        told,
        frozenset(edits),
        frozenset(left),
        frozenset(knew),
        fulled,
    )


def _buried(scene: Scene, change: Tombstone) -> Held | None:
    scene.witness.tally["C3d"] += 1
    held = scene.world.called(change.id)
    if change.modified_at is not None and change.modified_at.utcoffset() is None:
        raise Breach("C1", "read told a naive datetime as modified_at; it is aware, or None.")
    if held is not None and held.alive and not held.unsure:
        raise missing(
            scene, "read", "C3d", held, f"read told a Tombstone of {held.id!r}, which is alive"
        )
    return held


def _all_there(scene: Scene, left: set[tuple[int, str]]) -> None:
    """Raise `Breach` for what existed throughout a full read and was not in it."""
    scene.witness.tally["C2"] += 1
    for who, field in sorted(left):
        held = scene.world.living(who)
        if held is None:
            continue
        name = f"{field!r} of {held.id!r}" if field != _THERE else f"{held.id!r}"
        seen = f"The full read is through and told nothing of {name}"
        raise missing(scene, "read", "C2", held, seen)


def _edits(scene: Scene, place: Place, held: Held, record: Record) -> Iterator[int]:
    """Yield the numbers of the events that *record* tells as edits."""
    for edit in record.edits:
        scene.tells_edits = True
        scene.witness.tally["C3e"] += 1
        _edit_is_lawful(place, edit)
        if held.unsure:
            continue
        found = [
            number
            for number, event in enumerate(scene.world.journal)
            if event.who == held.who and event.field == edit.field and _is(event, edit)
        ]
        if not found and not _maybe(scene, held, edit):
            raise Breach(
                "C3e",
                f"read told an edit of {edit.field!r} of {held.id!r}, from {edit.old!r} to "
                f"{edit.new!r}, that nobody made.",
            )
        yield from found


def _edit_is_lawful(place: Place, edit: Edit) -> None:
    if edit.field not in place.fields:
        raise Breach("C4", f"read told an edit of {edit.field!r}, which was not asked for.")
    if edit.at is not None and edit.at.utcoffset() is None:
        raise Breach("C1", "read told a naive datetime as Edit.at; it is aware, or None.")


def _is(event: Event, edit: Edit) -> bool:
    return same(event.old, edit.old) and same(event.new, edit.new)


def _maybe(scene: Scene, held: Held, edit: Edit) -> bool:
    """Return whether an edit may be of a write about which nothing certain is known."""
    attempts: Sequence[object] = [one for one in scene.world.attempts if one.who == held.who]
    return bool(attempts) or held.made > 1 or edit.field in held.odd


def _owed(scene: Scene, reader: int) -> Breach | None:
    """Return what is wrong if something that happened was not told to a reader."""
    places = scene.readers.get(reader)
    if not places:
        return None
    place = places[-1]
    for number, event in enumerate(scene.world.journal):
        if number < place.since:
            continue
        held = scene.world.held[event.who]
        breach = (
            _gone_untold(scene, place, number, held)
            if event.field == GONE
            else _change_untold(scene, place, number, event, held)
        )
        if breach is not None:
            return breach
    return None


def _gone_untold(scene: Scene, place: Place, number: int, held: Held) -> Breach | None:
    if not scene.setting.capabilities.reports_deletes or held.who not in place.knew:
        return None
    scene.witness.tally["C3d"] += 1
    if place.told.get((held.who, GONE), 0) > number:
        return None
    return Breach("C3d", f"The feed came to its end without a Tombstone of {held.id!r}.")


def _change_untold(
    scene: Scene, place: Place, number: int, event: Event, held: Held
) -> Breach | None:
    if not held.alive or held.unsure or event.field not in place.fields:
        return None
    during = place.fulled is not None and number < place.fulled
    clause = "C2" if during else "C3"
    scene.witness.tally[clause] += 1
    what = f"{event.field!r} of {held.id!r}"
    if place.told.get((held.who, event.field), 0) <= number:
        seen = f"The feed came to its end without a change of {what}"
        seen += ", which was made during the full read" if during else ""
        return missing(scene, "read", clause, held, seen)
    if scene.setting.tells_edits and not event.first and number not in place.edits:
        return Breach(
            "C3e", f"The feed told {what}, and not the edit from {event.old!r} to {event.new!r}."
        )
    return None


def expire(scene: Scene) -> None:
    """Have the system forget all cursors that it gave."""
    if isinstance(scene.outside, CanExpire):
        scene.witness.note("outside.expire()")
        scene.outside.expire()
        scene.expired = len(scene.witness.calls)
