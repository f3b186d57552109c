"""What a role of the pretend Marketo's allows, as Adobe's description of the API has it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = ["EVERYTHING", "allows"]

EVERYTHING: Final = frozenset(
    {"Read-Write Lead", "Read-Write Activity", "Read-Write Activity Metadata"}
    | {"Read-Write Schema Standard Field", "Read-Write Schema Custom Field"}
)
"""The role that the API user has unless another is given."""

_NONE: Final = re.compile(r"/rest/v1/stats/")
_SCHEMA: Final = re.compile(r"/rest/v1/leads/schema/")
_AREAS: Final = (
    (re.compile(r"/rest/v1/activities/external/type"), "Activity Metadata"),
    (re.compile(r"/rest/v1/activities|/bulk/v1/activities"), "Activity"),
    (re.compile(r""), "Lead"),
)
_EXPORT: Final = re.compile(r"/bulk/v1/[a-z]+/export")
"""Jobs of exports are made by POST, and take no more than reading does."""


def allows(role: Collection[str], method: str, path: str) -> bool:
    """Return whether *role*, a set of permissions, allows a call."""
    if _NONE.match(path):
        return True
    if _SCHEMA.match(path):
        either = {"Read-Write Schema Standard Field", "Read-Write Schema Custom Field"}
        makes = method == "POST" and path.endswith("/fields.json")
        return "Read-Write Schema Custom Field" in role if makes else not either.isdisjoint(role)
    area = next(name for pattern, name in _AREAS if pattern.match(path))
    reads = method == "GET" or _EXPORT.match(path) is not None
    return f"Read-Write {area}" in role or (reads and f"Read-Only {area}" in role)
