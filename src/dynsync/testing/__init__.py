"""Prove what you have written for dynsync: connectors, clause by clause."""

from __future__ import annotations

from dynsync.testing._connectors import Made, check_connector
from dynsync.testing._findings import Clause, ContractBroken, Finding, Findings, Standing
from dynsync.testing._outside import (
    CanExpire,
    CanFail,
    CanShowLog,
    CanWait,
    Outside,
    Trouble,
)

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
]
