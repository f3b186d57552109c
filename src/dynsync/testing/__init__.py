"""
The conformance kit: prove a part of your own before a sync relies on it.

Each ``check_…`` says clause by clause whether a contract is held, and shows the shortest way
to see a broken one. Nothing here needs pytest; only `dynsync.testing.strategies` needs
hypothesis (the extra ``testing``), and nothing else loads it.
"""

from __future__ import annotations

from dynsync.testing._connectors import Made, check_connector
from dynsync.testing._field_map_check import check_field_map
from dynsync.testing._findings import Clause, ContractBroken, Finding, Findings, Standing
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

__all__ = [
    "CanExpire",
    "CanFail",
    "CanShowLog",
    "CanWait",
    "Clause",
    "ContractBroken",
    "Finding",
    "Findings",
    "Made",
    "Outside",
    "Standing",
    "Trouble",
    "check_connector",
    "check_field_map",
    "check_policy",
    "check_recorder",
    "check_store",
]
