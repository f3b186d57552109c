"""
A connector to Marketo Engage over its REST API, without I/O of its own.

`MarketoRestConnector` talks over any `dynsync.transport.Transport`; `dynsync.http` has one.
"""

from __future__ import annotations

from dynsync.marketo._calls import CustomService
from dynsync.marketo._connector import MarketoRestConnector
from dynsync.marketo._options import PACE, FullRead, MarketoOptions
from dynsync.marketo._usage import Usage
from dynsync.marketo.failures import FAILURES, HTTP_FAILURES, Becomes, Failure

__all__ = [
    "FAILURES",
    "HTTP_FAILURES",
    "PACE",
    "Becomes",
    "CustomService",
    "Failure",
    "FullRead",
    "MarketoOptions",
    "MarketoRestConnector",
    "Usage",
]
