"""Microsoft's Dataverse Web API over a `dynsync.sandbox.SandboxDynamics`."""

from __future__ import annotations

from dynsync.emulator._dataverse._api import DataverseApi
from dynsync.emulator._dataverse._state import State as DataverseState

__all__ = ["DataverseApi", "DataverseState"]
