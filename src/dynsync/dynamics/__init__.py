"""
A connector to Microsoft Dynamics 365 over the Dataverse Web API, without I/O of its own.

`DataverseConnector` talks over any `dynsync.transport.Transport`; `dynsync.http` has one.
"""

from __future__ import annotations

from dynsync.dynamics._connector import DataverseConnector
from dynsync.dynamics._options import PACE, Duplicates, DynamicsOptions
from dynsync.dynamics._tokens import ClientSecret, Credentials

__all__ = [
    "PACE",
    "ClientSecret",
    "Credentials",
    "DataverseConnector",
    "Duplicates",
    "DynamicsOptions",
]
