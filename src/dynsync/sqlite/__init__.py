"""
The state of a sync in one SQLite file: `SqliteStore`. Standard library only.

The file is one process's to write, by its lease, and anybody's to read
(`SqliteStore.read_only`).
"""

from dynsync.sqlite._store import SqliteStore

__all__ = ["SqliteStore"]
