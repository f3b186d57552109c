"""
The lease: one process writes at a time.

A lease is good until it expires, or until its holder is known to be dead, so that a killed
process does not keep the next run waiting. That can only be known of processes of this
machine that are numbered as ours are: those of another container may bear our host's name.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from weakref import WeakValueDictionary

from dynsync.errors import LeaseHeld, StateError
from dynsync.sqlite._database import Database
from dynsync.sqlite._errors import is_busy

__all__ = ["Leases", "Owner"]

_Columns: TypeAlias = tuple[str, str, int, str, float]

_SELECT = "SELECT token, owner, pid, host, expires FROM lease"
_TAKE = """INSERT INTO lease (slot, token, owner, pid, host, expires) VALUES (1, ?, ?, ?, ?, ?)
    ON CONFLICT (slot) DO UPDATE SET token = excluded.token, owner = excluded.owner,
    pid = excluded.pid, host = excluded.host, expires = excluded.expires"""


class Owner:
    """Who a store object is to others: *token* is its alone, *name* is for people."""

    def __init__(self, name: str | None) -> None:
        self.token = uuid.uuid4().hex
        self.name = name or "dynsync"
        _LIVING[self.token] = self

    def end(self) -> None:
        """Be nobody any more."""
        _LIVING.pop(self.token, None)


_LIVING: WeakValueDictionary[str, Owner] = WeakValueDictionary()
"""The owners of this process whose stores are neither closed nor forgotten."""


class Leases(Database):
    """The part of the store that guards it."""

    _owner: Owner

    def acquire(self, now: float, ttl: float) -> None:
        """
        Take the lease for *ttl* seconds; raises `LeaseHeld` while another has it.

        One that has expired, or whose process was killed, is taken over.
        """
        self._now = max(self._now, now)
        owner = self._owner
        try:
            with self._writing() as connection:
                row: _Columns | None = connection.execute(_SELECT).fetchone()
                if row is not None and row[0] != owner.token and row[4] > now and _lives(row):
                    raise self._held(row, now)
                connection.execute(
                    _TAKE, (owner.token, owner.name, os.getpid(), _host(), now + ttl)
                )
        except StateError as error:
            if is_busy(error):
                raise LeaseHeld(str(error)) from error
            raise
        self.purge()

    def renew(self, now: float, ttl: float) -> None:
        """
        Prolong the lease; raises `LeaseHeld` if it was lost. Called in every transaction.

        A scratch block has it renewed in the file: it may take longer than the lease lasts.
        """
        self._now = max(self._now, now)
        if self._kept is None:
            with self._writing() as connection:
                self._prolong(connection, now, ttl)
        else:
            with self._guard:
                self._prolong(self._kept, now, ttl)

    def _prolong(self, connection: sqlite3.Connection, now: float, ttl: float) -> None:
        changed = connection.execute(
            "UPDATE lease SET expires = ? WHERE token = ?", (now + ttl, self._owner.token)
        ).rowcount
        if changed:
            return
        row: _Columns | None = connection.execute(_SELECT).fetchone()
        if row is not None:
            raise self._held(row, now)
        raise LeaseHeld(f"{self._path}: this run does not hold the lease. Start it again.")

    def release(self) -> None:
        """Give the lease back; without one, do nothing."""
        with self._guard:
            mine = self._one("SELECT 1 FROM lease WHERE token = ?", self._owner.token)
        if mine:
            with self._writing() as connection:
                connection.execute("DELETE FROM lease WHERE token = ?", (self._owner.token,))

    def _held(self, row: _Columns, now: float) -> LeaseHeld:
        _, owner, pid, host, expires = row
        return LeaseHeld(
            f"{self._path}: {owner} (process {pid} on {host}) runs this sync, and its lease "
            f"ends in {expires - now:.0f} s if it is not renewed. Wait for it, or end it."
        )


def _lives(row: _Columns) -> bool:
    """Say whether the holder may still be there; if that cannot be known, it may."""
    token, _, pid, host, _ = row
    if host != _host():
        return True
    if pid == os.getpid():
        return token in _LIVING
    if os.name != "posix":  # pragma: no cover - the tests run where it is
        # Elsewhere signal 0 does not ask, it ends the process.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    """Return a name of the place where process numbers mean the same as here."""
    name = platform.node()
    with suppress(OSError):
        return f"{name} {Path('/proc/self/ns/pid').readlink()}"
    return name
