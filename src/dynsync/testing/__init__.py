"""
The conformance kit: prove a part of your own before a sync relies on it.

Each ``check_…`` says clause by clause whether a contract is held, and shows the shortest way
to see a broken one. Nothing here needs pytest; only `dynsync.testing.strategies` and
`sync_machine` need hypothesis (the extra ``testing``), and nothing else loads it. `simulate`
attacks a whole sync with random histories, and `replay` does one of them again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dynsync.testing._connectors import Made, check_connector
from dynsync.testing._field_map_check import check_field_map
from dynsync.testing._findings import Clause, ContractBroken, Finding, Findings, Standing
from dynsync.testing._histories._history import Failure, replay
from dynsync.testing._histories._simulate import Simulation, simulate
from dynsync.testing._histories._systems import (
    DynamicsSystem,
    MakeSystems,
    MarketoSystem,
    OneSystem,
)
from dynsync.testing._outside import (
    CanExpire,
    CanFail,
    CanShowLog,
    CanWait,
    Outside,
    Trouble,
)
from dynsync.testing._policy_check import check_policy
from dynsync.testing._recorder_check import check_recorder
from dynsync.testing._store_check import check_store

if TYPE_CHECKING:
    from dynsync.testing._histories._machine import HistoryMachine, sync_machine

__all__ = [
    "CanExpire",
    "CanFail",
    "CanShowLog",
    "CanWait",
    "Clause",
    "ContractBroken",
    "DynamicsSystem",
    "Failure",
    "Finding",
    "Findings",
    "HistoryMachine",
    "Made",
    "MakeSystems",
    "MarketoSystem",
    "OneSystem",
    "Outside",
    "Simulation",
    "Standing",
    "Trouble",
    "check_connector",
    "check_field_map",
    "check_policy",
    "check_recorder",
    "check_store",
    "replay",
    "simulate",
    "sync_machine",
]

_GENERATING = frozenset({"HistoryMachine", "sync_machine"})


def __getattr__(name: str) -> object:
    """Import what needs Hypothesis when it is asked for, and not before."""
    if name in _GENERATING:
        try:
            from dynsync.testing._histories import _machine  # noqa: PLC0415 - needs an extra
        except ModuleNotFoundError as error:
            raise ImportError(
                f"dynsync.testing.{name} needs hypothesis: pip install 'dynsync[testing]'"
            ) from error
        return getattr(_machine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
