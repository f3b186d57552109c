"""
Random histories that hold the engine to the model: the machine that `dynsync.testing` has.

Rules that hope for a rare path do all that it takes, so that it is reached in few examples.
"""

from __future__ import annotations

from dynsync.testing._histories._machine import sandbox_machine

__all__ = ["SyncMachine"]

SyncMachine = sandbox_machine()
