"""
The lease: one process writes at a time.

A lease is good until it expires, or until its holder is known to be dead, so that a killed
process does not keep the next run waiting. A holder of this host that is seen to be alive keeps it
for longer: it is in the middle of a call.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from dynsync.errors import LeaseHeld, StateError
from dynsync.sqlite._database import Database
from dynsync.sqlite._errors import is_busy
from dynsync.sqlite._opening import Opened, check_version
from dynsync.sqlite._owners import Holder, Owner, host, until

__all__ = ["Leases"]

_SELECT = "SELECT token, owner, pid, host, expires FROM lease"
_TAKE = """INSERT INTO lease (slot, token, owner, pid, host, expires) VALUES (1, ?, ?, ?, ?, ?)
    ON CONFLICT (slot) DO UPDATE SET token = excluded.token, owner = excluded.owner,
    pid = excluded.pid, host = excluded.host, expires = excluded.expires"""


class Leases(Database):
    """The part of the store that guards it."""

    _owner: Owner
    _opened: Opened

    def acquire(self, now: float, ttl: float) -> None:
        """
        Take the lease for *ttl* seconds; raises `LeaseHeld` while another has it.

        One that has expired, or whose process was killed, is taken over; while another process of
        this host that has it is seen to be alive, only after an hour more.
        Raises `StateError` where the file is not at its path any more, is of a newer version, or
        was opened by the process that this one was forked from.
        """
        self._now = max(self._now, now)
        owner = self._owner
        self._opened.check()
        try:
            with self._writing() as connection:
                check_version(self._path, connection)
                row: Holder | None = connection.execute(_SELECT).fetchone()
                if row is not None and row[0] != owner.token and until(row) > now:
                    raise self._held(row, now)
                connection.execute(_TAKE, (owner.token, owner.name, os.getpid(), host(), now + ttl))
        except StateError as error:
            if is_busy(error):
                raise LeaseHeld(str(error)) from error
            raise
        try:
            self.purge()
        except BaseException:
            # Whoever has not begun has no use for it, and others need not wait.
            with suppress(StateError):
                self.release()
            raise

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
        row: Holder | None = connection.execute(_SELECT).fetchone()
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

    def _held(self, row: Holder, now: float) -> LeaseHeld:
        _, owner, pid, where, expires = row
        seen = f"its lease ends in {expires - now:.0f} s if it is not renewed"
        if expires <= now:
            seen = (
                f"it is in a call that takes longer than its lease, which ends in "
                f"{max(until(row) - now, 0.0):.0f} s"
            )
        return LeaseHeld(
            f"{self._path}: {owner} (process {pid} on {where}) runs this sync, and {seen}. "
            f"Wait for it, or end it."
        )
