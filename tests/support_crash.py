"""A state store that crashes at the commit of one's choice."""

from __future__ import annotations

from dynsync.testing._histories._crashing import CrashingStore, Moment

__all__ = ["CrashingStore", "Moment"]
