"""The state of a sync in this process: `MemoryStore`. For tests, and for trying things out."""

from dynsync.memory._store import MemoryStore

__all__ = ["MemoryStore"]
