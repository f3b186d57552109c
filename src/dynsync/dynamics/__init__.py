"""
A connector to Microsoft Dynamics 365 over the Dataverse Web API.

`DataverseConnector` talks through any `dynsync.transport.Transport`; `dynsync.http` has one.
`ClientSecret` is a service principal; a callable that returns tokens does as well. `Manner`
says how rows are written.
"""

from __future__ import annotations

from dynsync.dynamics._connector import PACE, DataverseConnector
from dynsync.dynamics._tokens import ClientSecret, Credentials
from dynsync.dynamics._writes import Duplicates, Manner

__all__ = [
    "PACE",
    "ClientSecret",
    "Credentials",
    "DataverseConnector",
    "Duplicates",
    "Manner",
]
