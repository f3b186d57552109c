"""
The default maps of a lead and of a contact, and how a host adds fields of its own. Pure.

The rows are those of Marketo's *Default Dynamics Field Mapping*, under the names that
Marketo's REST API uses where one stands for the label. Names differ between subscriptions:
`lint` says where a map and the two systems disagree.
"""

from __future__ import annotations

from dynsync.maps._authority import (
    CONSENT_FIELDS,
    Consent,
    default_backfill,
    default_first,
    default_policy,
)
from dynsync.maps._columns import describe_field, extend, kind_of
from dynsync.maps._lint import lint
from dynsync.maps._tables import CONTACT, LEAD

__all__ = [
    "CONSENT_FIELDS",
    "CONTACT",
    "LEAD",
    "Consent",
    "default_backfill",
    "default_first",
    "default_policy",
    "describe_field",
    "extend",
    "kind_of",
    "lint",
]
