"""
Confirm: find out which writes Marketo answered and did not do (R23, R24).

"Block Field Updates" swallows a write and says nothing. Whatever was done comes back in the
change feed; only what did not come by the next run is read back, so that nothing is asked of
what went well.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, cast

import attrs

from dynsync._contract import check_row
from dynsync._feeds import row_of
from dynsync._notes import still_awaited
from dynsync._reading import fetch_all
from dynsync._rights import Answered
from dynsync._session import Session
from dynsync.backlog import Linked, LinkState, Observation, Pending, Sent, link_key
from dynsync.holding import swallowed_fields, swallowed_hold, swallowed_reason
from dynsync.observing import unheard_upserts
from dynsync.records import MISSING, Pair, Record, RecordId, Row, Side, Wire
from dynsync.state import StateStore
from dynsync.terms import Terms
from dynsync.writes import AmbiguousWrite, Reason, Rejected, Updated, WriteResult

__all__ = ["await_echo", "confirm", "kept_by_marketo"]

_COUNT: Final = "echoes"
"""The setting that says in how many others the keys of links are whose echo is awaited."""

_BOTH: Final = Pair(Side.MARKETO, Side.MARKETO)
_THERE: Final = Pair(Side.DYNAMICS, Side.DYNAMICS)


def await_echo(store: StateStore, links: Sequence[int]) -> None:
    """Remember that the echo of a write to *links* is to come. Part of a transaction."""
    if not links:
        return
    number = int(store.get(_COUNT) or "0")
    store.put(f"{_COUNT}:{number}", json.dumps(links))
    store.put(_COUNT, str(number + 1))


def _awaited(store: StateStore) -> set[int]:
    awaited: set[int] = set()
    for number in range(int(store.get(_COUNT) or "0")):
        awaited.update(cast("list[int]", json.loads(store.get(f"{_COUNT}:{number}") or "[]")))
    return awaited


def _forget(store: StateStore) -> None:
    for number in range(int(store.get(_COUNT) or "0")):
        store.put(f"{_COUNT}:{number}", None)
    store.put(_COUNT, None)


def confirm(session: Session) -> None:
    """
    Read back the writes whose echo has not come, and hold what Marketo swallowed.

    The base goes back to where it was: Dynamics' value waits, and what Marketo kept is no
    edit of Marketo's. Comes after the feeds were read and before anything is decided.
    """
    store = session.store
    awaited = _awaited(store)
    if not awaited:
        return
    keys = sorted(awaited - session.echoed)
    step = session.limits.marketo.find
    later: list[int] = []
    for start in range(0, len(keys), step):
        links = store.links(keys[start : start + step])
        # An entity that takes no part now is looked at when it does again.
        later += [key for key, link in links.items() if link.entity not in session.terms]
        _confirm_some(session, [one for one in links.values() if one.entity in session.terms])
    with session.commit():
        _forget(store)
        await_echo(store, later)


def _confirm_some(session: Session, links: Sequence[Linked]) -> None:
    by_table: dict[str, list[tuple[Linked, tuple[Sent, ...]]]] = defaultdict(list)
    now = session.marketo_now()
    for link in links:
        sent = still_awaited(link.sent, now)
        if sent and link.state is not LinkState.GONE_MARKETO:
            by_table[session.terms[link.entity].map.tables.marketo].append((link, sent))
    for table, mine in by_table.items():
        fields = {
            session.terms[link.entity].native_names.marketo[note.field]
            for link, sent in mine
            for note in sent
        }
        ids = [link.ids.marketo for link, _ in mine]
        people = fetch_all(session, Side.MARKETO, table, ids, sorted(fields))
        pending = session.store.pending([link_key(link.key) for link, _ in mine])
        kept: list[tuple[Linked, Pending]] = []
        for link, sent in mine:
            terms, person = session.terms[link.entity], people.get(link.ids.marketo)
            if person is not None:
                row = row_of(terms, Side.MARKETO)(person.values)
                check_row(terms, Side.MARKETO, row)
                entry = pending.get(link_key(link.key)) or _entry(link, session.now())
                told = swallowed_fields(entry.holds)
                found = list(_swallowed(terms, sent, Pair(link.rows.marketo, row), told))
                if found:
                    kept.append(_reopened(terms, link, entry, found, session.now()))
        if kept:
            with session.commit():
                session.store.save_links(link for link, _ in kept)
                session.store.save_pending(entry for _, entry in kept)


def _swallowed(
    terms: Terms, sent: Sequence[Sent], rows: Pair[Row], told: Container[str]
) -> Iterator[tuple[Sent, Wire]]:
    """
    Yield what was swallowed of each field that holds what it held before, and that value.

    *rows* are what was agreed on, and what the person holds. Nothing of the fields that were
    *told* of already.
    """
    agreed, held = rows
    unknown = unheard_upserts(sent)
    sent = [note for note in sent if note.at not in unknown and not _is_past(note)]
    for name in dict.fromkeys(note.field for note in sent):
        if name in told:
            continue
        notes = [note for note in sent if note.field == name]
        at = terms.index(name)
        field, now, ours = terms.fields[at], held[at], agreed[at]
        # Where something else was agreed on since, what is held comes of that.
        if now is MISSING or ours is MISSING or not field.same(notes[-1].new, ours, _BOTH):
            continue
        # Up to the last write that made it what it is, they were done.
        done = max(
            (number for number, s in enumerate(notes, 1) if field.same(now, s.new, _BOTH)),
            default=0,
        )
        # Anything else than before is an edit, and the feed tells it.
        lost = next((sent for sent in notes[done:] if field.same(now, sent.old, _BOTH)), None)
        if lost is not None:
            yield attrs.evolve(lost, new=notes[-1].new), now


def _is_past(note: Sent) -> bool:
    """Return whether *note* says nothing of what is held now: not made, or made good since."""
    # The feed tells whole seconds.
    return note.until is not None or (note.apart or 0.0) >= math.floor(note.at)


def _entry(link: Linked, now: float) -> Pending:
    key, ids = link_key(link.key), Pair[RecordId | None](*link.ids)
    return Pending(key, link.entity, link.key, ids, Pair(None, None), now, now, now)


def _reopened(
    terms: Terms, link: Linked, entry: Pending, found: Sequence[tuple[Sent, Wire]], now: float
) -> tuple[Linked, Pending]:
    """Return *link* with the base from before the writes *found*, and what waits because of it."""
    names = {sent.field for sent, _ in found}
    holds = [h for h in entry.holds if h.side is not Side.MARKETO or h.field not in names]
    told = entry.seen.dynamics or Observation(terms.blank(), link.versions.dynamics)
    base, row = link.rows.map(list), list(told.row)
    for sent, held in found:
        at = terms.index(sent.field)
        if row[at] is MISSING:
            row[at] = link.rows.dynamics[at]
        base.marketo[at], base.dynamics[at] = held, sent.source
        there, plain = row[at], at < terms.plain
        if plain and there is not MISSING and terms.fields[at].same(there, sent.source, _THERE):
            # An edit that came back was to be undone: nothing is left on which both agreed.
            base.marketo[at] = base.dynamics[at] = MISSING
        holds.append(swallowed_hold(terms, sent.field, sent.new, held, now))
    seen = entry.seen.replace(Side.MARKETO, _kept(terms, entry.seen.marketo, found))
    if link.state is LinkState.LIVE and not told.gone:
        seen = seen.replace(Side.DYNAMICS, attrs.evolve(told, row=row))
    # What is to be read again is still to be read again.
    reason = entry.reason if entry.reason in {"stale", "gone"} else ""
    waiting = attrs.evolve(entry, seen=seen, retry_at=now, reason=reason, holds=tuple(holds))
    # The notes stay: a feed that was late may yet tell that the writes were made.
    return attrs.evolve(link, rows=base), waiting


def _kept(
    terms: Terms, seen: Observation | None, found: Iterable[tuple[Sent, Wire]]
) -> Observation | None:
    """Return what was *seen* of Marketo, with what it kept where it was thought to hold ours."""
    if seen is None or seen.gone:
        return seen
    row = list(seen.row)
    for sent, held in found:
        row[terms.index(sent.field)] = held
    return attrs.evolve(seen, row=row)


# -- another try


def kept_by_marketo(session: Session, answers: Sequence[Answered]) -> list[WriteResult]:
    """
    Return the results of *answers*, refused where Marketo swallowed the value once more.

    What was swallowed before is read back at once: it must neither be told anew nor be
    tried without a pause.
    """
    results = [each.result for each in answers]
    doubted = {at: ids for at, each in enumerate(answers) if (ids := _doubted(each)) is not None}
    by_table: dict[str, list[int]] = defaultdict(list)
    for at in doubted:
        by_table[answers[at].terms.map.tables.marketo].append(at)
    for table, places in by_table.items():
        fields = {name for at in places for name in answers[at].terms.natives(Side.MARKETO)}
        wanted = [doubted[at] for at in places]
        people = fetch_all(session, Side.MARKETO, table, wanted, sorted(fields))
        for at in places:
            results[at] = _unless_kept(answers[at], people.get(doubted[at]))
    return results


def _doubted(answered: Answered) -> RecordId | None:
    """Return whose write it was, if a value that was swallowed before is in it."""
    plan, result = answered.plan, answered.result
    if not plan.entry.holds or not isinstance(result, Updated) or result.values is not None:
        return None
    sent = plan.sent(Side.MARKETO)
    return result.id if swallowed_fields(plan.entry.holds) & sent.keys() else None


def _unless_kept(answered: Answered, person: Record | None) -> WriteResult:
    terms, plan, native = answered.terms, answered.plan, answered.terms.native_names.marketo
    if person is None:
        return AmbiguousWrite()
    row = row_of(terms, Side.MARKETO)(person.values)
    check_row(terms, Side.MARKETO, row)
    reasons: list[Reason] = []
    for name, wire in plan.sent(Side.MARKETO).items():
        at = terms.index(name)
        field, now, old = terms.fields[at], row[at], plan.actual.marketo[at]
        if field.same(now, old, _BOTH) and not field.same(now, wire, _BOTH):
            reasons.append(swallowed_reason(native[name]))
    return Rejected(tuple(reasons)) if reasons else answered.result
