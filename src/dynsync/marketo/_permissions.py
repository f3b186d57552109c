"""Which permission of the API role a request takes: Adobe's own description of the API says it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from dynsync.transport import Request

__all__ = ["permission"]

_READ: Final = "GET"
_AREAS: Final = (
    (re.compile(r"/rest/v1/activities/external/type"), "Activity Metadata"),
    (re.compile(r"/rest/v1/activities"), "Activity"),
    (re.compile(r"/rest/v1/leads?[./]|/bulk/v1/leads"), "Lead"),
)
_EXPORT: Final = re.compile(r"/bulk/v1/leads/export")


def permission(request: Request) -> str:
    """Return the permission that *request* takes, nothing where it takes none that is known."""
    parts = urlsplit(request.url)
    reads = (
        request.method == _READ
        or parts.query.startswith("_method=GET")
        or _EXPORT.match(parts.path) is not None
    )
    for path, area in _AREAS:
        if path.match(parts.path):
            return f"{'Read-Only' if reads else 'Read-Write'} {area}"
    return ""
