"""
What a wire value means, field kind by field kind, and when two mean the same. Pure.

Each kind promises a round trip: decoding what it encoded gives a value of the same
`Kind.key` (invariant 26). A wire value that cannot be of the kind raises `Unfit`, which
becomes a validation result of that one field; neither its message nor its chain holds
the value. Blank text is null for every kind (A35).
"""

from __future__ import annotations

from dynsync.kinds._choices import ChoiceKind, MultiChoiceKind
from dynsync.kinds._kind import Kind, Unfit
from dynsync.kinds._numbers import BooleanKind, IntegerKind, NumberKind
from dynsync.kinds._texts import EmailKind, ReferenceKind, TextKind
from dynsync.kinds._times import DateKind, InstantKind, WallTimeKind

__all__ = [
    "BooleanKind",
    "ChoiceKind",
    "DateKind",
    "EmailKind",
    "InstantKind",
    "IntegerKind",
    "Kind",
    "MultiChoiceKind",
    "NumberKind",
    "ReferenceKind",
    "TextKind",
    "Unfit",
    "WallTimeKind",
]
