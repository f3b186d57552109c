"""
Connectors to the pretend systems of ``dynsync demo --keep``, for a configuration to name.

::

    [marketo]
    connector = "dynsync.cli.sandboxes:marketo"
    options = { file = { path = "marketo.sandbox" } }
"""

from __future__ import annotations

from pathlib import Path

from dynsync.errors import ConfigurationError
from dynsync.sandbox import (
    SandboxDynamics,
    SandboxDynamicsConnector,
    SandboxMarketo,
    SandboxMarketoConnector,
)
from dynsync.schedule import SystemClock

__all__ = ["dynamics", "marketo"]


def marketo(*, file: str | Path) -> SandboxMarketoConnector:
    """Return a connector to the pretend Marketo in *file*, by the clock on the wall."""
    return SandboxMarketo(_existing(file), clock=SystemClock()).connector()


def dynamics(*, file: str | Path) -> SandboxDynamicsConnector:
    """Return a connector to the pretend Dynamics in *file*, by the clock on the wall."""
    return SandboxDynamics(_existing(file), clock=SystemClock()).connector()


def _existing(file: str | Path) -> Path:
    path = Path(file)
    if not path.is_file():
        raise ConfigurationError(
            f"{path}: there is no such sandbox. Make one with: dynsync demo --keep DIR"
        )
    return path
