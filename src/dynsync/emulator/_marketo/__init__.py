"""Marketo's REST API over a `dynsync.sandbox.SandboxMarketo`."""

from __future__ import annotations

from dynsync.emulator._marketo._api import MarketoApi
from dynsync.emulator._marketo._state import State as MarketoState

__all__ = ["MarketoApi", "MarketoState"]
