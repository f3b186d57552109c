"""Links and bases in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from dynsync.records import Entity, Pair, RecordId, Side, Version
from dynsync.sqlite._codec import (
    decode_row,
    decode_sent,
    encode_rows,
    encode_sent,
    scan_row,
)
from dynsync.sqlite._database import Database, batches, marks
from dynsync.state import Known, Linked, LinkState, Sent

__all__ = ["Links"]

_STATES = (LinkState.LIVE, LinkState.GONE_DYNAMICS, LinkState.GONE_MARKETO)
_NUMBERS = {state: number for number, state in enumerate(_STATES)}

_Found: TypeAlias = tuple[RecordId, int, Entity, Version | None, int, str | None, str]
_Columns: TypeAlias = tuple[
    int, Entity, RecordId, RecordId, int, Version | None, Version | None, str | None, str, str
]

_KNOWN = {
    Side.MARKETO: """SELECT marketo_id, key, entity, marketo_version, state, sent, marketo_row
        FROM link WHERE marketo_id IN (*)""",
    Side.DYNAMICS: """SELECT dynamics_id, key, entity, dynamics_version, state, sent, dynamics_row
        FROM link WHERE dynamics_id IN (*)""",
}
_OF_ENTITY = " AND entity = ?"

# Where a record has several links the last one counts. But a person has at most one that is
# not gone, so those need no order, and gone ones are looked for only where there was none.
_WITH_PERSON = " AND state <> 2"
_WITHOUT_PERSON = " AND state = 2 ORDER BY key"
_IN_ORDER = " ORDER BY state = 2 DESC, key"
_KEYS = {
    Side.MARKETO: "SELECT key, state FROM link WHERE marketo_id = ?",
    Side.DYNAMICS: "SELECT key, state FROM link WHERE dynamics_id = ?",
}
_SET_VERSION = {
    Side.MARKETO: "UPDATE link SET marketo_version = ? WHERE key = ?",
    Side.DYNAMICS: "UPDATE link SET dynamics_version = ? WHERE key = ?",
}
_SELECT = """SELECT key, entity, marketo_id, dynamics_id, state, marketo_version,
    dynamics_version, sent, marketo_row, dynamics_row FROM link WHERE key IN (*)"""
_INSERT = """INSERT INTO link (key, entity, marketo_id, dynamics_id, state, marketo_version,
    dynamics_version, sent, marketo_row, dynamics_row) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

# Nearly every link that is saved was there with the same ids and state. An update that names
# a column of an index writes that index anew, equal or not, so this one names none and
# leaves those links alone whose ids or state are others: for them there is a second step.
_UPSERT = (
    _INSERT
    + """ ON CONFLICT (key) DO UPDATE SET
    marketo_version = excluded.marketo_version, dynamics_version = excluded.dynamics_version,
    sent = excluded.sent, marketo_row = excluded.marketo_row, dynamics_row = excluded.dynamics_row
    WHERE marketo_id = excluded.marketo_id AND dynamics_id = excluded.dynamics_id
    AND entity = excluded.entity AND state = excluded.state"""
)
_PAGE = """SELECT key, marketo_id, dynamics_id, state FROM link
    WHERE key > ? AND entity = ? ORDER BY key LIMIT 1000"""


_make_known: Callable[[type[Known], tuple[object, ...]], Known] = tuple[object, ...].__new__


class Links(Database):
    """The part of the store that keeps links."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        super().__init__(path, connection)
        # What was sent last, as it was written down: it is settled next, and need not be encoded
        # again.
        self._noted: Mapping[int, tuple[tuple[Sent, ...], str | None]] = {}

    def known(
        self, side: Side, ids: Collection[RecordId], entity: Entity | None = None
    ) -> Mapping[RecordId, Known]:
        """Return what is known of *ids* on *side*, of one *entity* or of all."""
        tail = () if entity is None else (entity,)
        statement = _KNOWN[side] + (_OF_ENTITY if tail else "")
        result: dict[RecordId, Known] = {}
        with self._reading:
            for batch in batches(ids):
                if side is Side.MARKETO:
                    found = self._known(statement + _WITH_PERSON, batch, tail)
                    if len(found) < len(batch):
                        rest = [record for record in batch if record not in found]
                        found |= self._known(statement + _WITHOUT_PERSON, rest, tail)
                else:
                    found = self._known(statement + ("" if tail else _IN_ORDER), batch, tail)
                result |= found
        return result

    def _known(
        self, statement: str, ids: list[RecordId], tail: tuple[Entity, ...]
    ) -> dict[RecordId, Known]:
        return _known(self._connection.execute(marks(statement, ids), (*ids, *tail)))

    def links(self, keys: Collection[int]) -> Mapping[int, Linked]:
        """Return the links *keys*, whole."""
        result: dict[int, Linked] = {}
        with self._reading:
            for batch in batches(sorted(keys)):
                found: list[_Columns] = self._connection.execute(
                    marks(_SELECT, batch), batch
                ).fetchall()
                result.update((columns[0], _link(columns)) for columns in found)
        return result

    def link_of(self, side: Side, id: RecordId, entity: Entity | None = None) -> Linked | None:
        """Return the link of one record, or None."""
        statement = _KEYS[side] + (_OF_ENTITY if entity is not None else "")
        parameters = (id,) if entity is None else (id, entity)
        with self._reading:
            found: list[tuple[int, int]] = self._connection.execute(
                statement, parameters
            ).fetchall()
        if not found:
            return None
        key, _ = max(found, key=lambda entry: _rank(*entry))
        return self.links([key]).get(key)

    def each_link(self, entity: Entity) -> Iterator[tuple[int, Pair[RecordId], LinkState]]:
        """Stream every link of *entity*, in order of key, in bounded memory."""
        last = _LOWEST
        while True:
            # A page at a time, not one cursor: the caller may write between two links.
            with self._reading:
                found: list[tuple[int, RecordId, RecordId, int]] = self._connection.execute(
                    _PAGE, (last, entity)
                ).fetchall()
                page = [(key, Pair(one, two), _STATES[state]) for key, one, two, state in found]
            if not page:
                return
            yield from page
            last = page[-1][0]

    def next_key(self) -> int:
        """Return the lowest number above every link's key."""
        with self._reading:
            row: tuple[int] = self._connection.execute(
                "SELECT coalesce(max(key), 0) + 1 FROM link"
            ).fetchone()
        return row[0]

    def save_links(self, links: Iterable[Linked]) -> None:
        """Insert or replace links, by key; raises `StateError` if a record is in two of them."""
        with self._writing() as connection:
            for batch in batches(links):
                # The last of those with one key counts, and keys in order write each page once.
                latest = {link.key: link for link in batch}
                _save(connection, self._columns([latest[key] for key in sorted(latest)]))

    def _columns(self, links: Sequence[Linked]) -> list[_Columns]:
        texts = encode_rows([row for link in links for row in link.rows])
        return [
            (
                link.key,
                link.entity,
                link.ids.marketo,
                link.ids.dynamics,
                _NUMBERS[link.state],
                link.versions.marketo,
                link.versions.dynamics,
                self._note(link),
                marketo,
                dynamics,
            )
            for link, marketo, dynamics in zip(links, texts[::2], texts[1::2], strict=True)
        ]

    def _note(self, link: Linked) -> str | None:
        if not link.sent:
            return None
        sent, text = self._noted.get(link.key, ((), None))
        return text if sent is link.sent else encode_sent(link.sent)

    def save_versions(self, side: Side, versions: Mapping[int, Version | None]) -> None:
        """Replace the version of one side of some links, by key."""
        with self._writing() as connection:
            connection.executemany(
                _SET_VERSION[side], ((versions[key], key) for key in sorted(versions))
            )

    def save_sent(self, sent: Mapping[int, tuple[Sent, ...]]) -> None:
        """Replace what was sent for some links, by key."""
        self._noted = {key: (sent[key], encode_sent(sent[key])) for key in sorted(sent)}
        with self._writing() as connection:
            connection.executemany(
                "UPDATE link SET sent = ? WHERE key = ?",
                ((text, key) for key, (_, text) in self._noted.items()),
            )

    def drop_links(self, keys: Collection[int]) -> None:
        """Remove links."""
        with self._writing() as connection:
            connection.executemany(_DELETE, ((key,) for key in sorted(keys)))


_LOWEST = -(2**63)
_DELETE = "DELETE FROM link WHERE key = ?"


def _known(found: Iterable[_Found]) -> dict[RecordId, Known]:
    # This runs once for every record of a full comparison: hence no list in between, no call
    # that can be saved, and the named tuple made without its own, slower, `__new__`.
    return {
        record: _make_known(
            Known,
            (
                key,
                entity,
                scan_row(text, 0)[0] if text.rfind("[") == 0 else decode_row(text),
                version,
                _STATES[state],
                () if sent is None else decode_sent(sent),
            ),
        )
        for record, key, entity, version, state, sent, text in found
    }


def _save(connection: sqlite3.Connection, rows: list[_Columns]) -> None:
    # What breaks the rule of one link a record may still be two links of this batch that
    # exchange records: only the second attempt is final.
    with suppress(sqlite3.IntegrityError):
        if connection.executemany(_UPSERT, rows).rowcount == len(rows):
            return
    connection.executemany(_DELETE, ((row[0],) for row in rows))
    connection.executemany(_INSERT, rows)


def _rank(key: int, state: int) -> tuple[bool, int]:
    """Of several links of one record the one that still has a person counts, then the newest."""
    return _STATES[state] is not LinkState.GONE_MARKETO, key


def _link(columns: _Columns) -> Linked:
    key, entity, marketo, dynamics, state, one, two, sent, *rows = columns
    return Linked(
        key=key,
        entity=entity,
        ids=Pair(marketo, dynamics),
        rows=Pair(decode_row(rows[0]), decode_row(rows[1])),
        versions=Pair(one, two),
        state=_STATES[state],
        sent=decode_sent(sent),
    )
