"""
Both systems' APIs on loopback, over the sandbox systems, for any client to talk to.

`emulate` serves them for as long as a block lasts; ``dynsync emulate`` until it is stopped.
"""

from __future__ import annotations

from dynsync.emulator._clock import Movable, MovedClock
from dynsync.emulator._direct import Direct
from dynsync.emulator._emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Emulator, Scheme, emulate
from dynsync.emulator._org import ORG_TABLES
from dynsync.emulator._troubles import Trouble, TroubleHook, TroubleKind, Troubles

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "ORG_TABLES",
    "TENANT",
    "Direct",
    "Emulator",
    "Movable",
    "MovedClock",
    "Scheme",
    "Trouble",
    "TroubleHook",
    "TroubleKind",
    "Troubles",
    "emulate",
]
