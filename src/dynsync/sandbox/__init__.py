"""
Two pretend systems that behave like the real ones as far as a sync can tell.

Both live in memory or in a file, go by a clock that is passed in, count the calls that are
made, and fail when a test plans it.
"""

from __future__ import annotations

from dynsync.sandbox._clock import SandboxClock
from dynsync.sandbox._dynamics import SandboxDynamics
from dynsync.sandbox._dynamics_checks import BusinessRule, Denied
from dynsync.sandbox._dynamics_columns import CONTACT_COLUMNS, LEAD_COLUMNS
from dynsync.sandbox._dynamics_connector import SandboxDynamicsConnector
from dynsync.sandbox._faults import Fault, FaultHook, FaultKind, Faults, SimulatedCrash, split
from dynsync.sandbox._limits import NO_LIMITS, Limits
from dynsync.sandbox._marketo import Activity, SandboxMarketo
from dynsync.sandbox._marketo_columns import PERSON_COLUMNS
from dynsync.sandbox._marketo_connector import SandboxMarketoConnector

__all__ = [
    "CONTACT_COLUMNS",
    "LEAD_COLUMNS",
    "NO_LIMITS",
    "PERSON_COLUMNS",
    "Activity",
    "BusinessRule",
    "Denied",
    "Fault",
    "FaultHook",
    "FaultKind",
    "Faults",
    "Limits",
    "SandboxClock",
    "SandboxDynamics",
    "SandboxDynamicsConnector",
    "SandboxMarketo",
    "SandboxMarketoConnector",
    "SimulatedCrash",
    "split",
]
