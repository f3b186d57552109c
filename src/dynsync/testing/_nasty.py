"""Values that go wrong: what systems have been seen to say, and what fields may have to mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from dynsync.records import Choice, Reference, Value, Wire
from dynsync.schemas import Option

__all__ = ["ALIKE", "OPTIONS", "UNLIKE", "VALUES", "WIRES"]

OPTIONS: Final = (Option(1, "Hot"), Option(2, "Warm"), Option(3, "Größe"), Option(-1, "İstanbul"))
"""Options for choices that bring none of their own."""

WIRES: Final[tuple[Wire, ...]] = (
    # Nothing, and what looks like nothing.
    *(None, "", " ", "\r\n", "\u00a0", "null", "None", "NULL", "nan", "undefined"),
    # Numbers, and what looks like one.
    *(0, -0.0, 1, 0.1, 0.30000000000000004, 1e22, 1e-7, 5e-324, 1.7976931348623157e308),
    *(float("nan"), float("inf"), float("-inf"), 2**53 + 1, -(2**63), 10**30, 10**99, 10**400),
    *("2", "-5", "1e5", "1e400", "1_000", "0x10", "\u0663", "0." + "1" * 300, "0e999999"),
    # Yes and no.
    *(True, False, "true", "False", "yes", "0"),
    # Text: blanks, line ends, lengths, characters that are one or two, or no character.
    *("blank at the end ", "a\r\nb\rc", "x" * 255, "x" * 256, "😀" * 128, "é" * 256),
    *("e\u0301", "\u00e9", "ẞ", "ß", "İ", "ﬁ", "\x00", "a\x00b", "\ud800", "a\udc00b"),
    *("😀", "👩‍👩‍👧", "🇳🇴", "שלום", "\u202eabc", "\u200b", "\ufeffx", "Ω\u0345"),
    *("a@b.co", "Ann@Example.COM", "ann@пример.рф", "=1+1", "'; DROP", "<b>"),
    # Days and times: the ends of calendars, leap seconds, gaps and repeated hours, many readings.
    *("0001-01-01", "0001-01-01T00:00:00+14:00", "1752-12-31", "1753-01-01T00:00:00Z"),
    *("9999-12-31", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00"),
    *("2016-12-31T23:59:60Z", "2024-02-29", "2023-02-29", "2024-02-30", "2024-13-01"),
    *("2024-03-31T02:30:00", "2024-10-27T02:30:00+01:00", "2024-10-27T02:30:00+02:00"),
    *("2024-05-01T10:00:00.9999999Z", "2013-09-19T17:29:23Z+0000", "01/02/2024", "13/02/2024"),
    *("1 May 24", "Monday", "10:30", "2024-05-01T10:00:00+99:00"),
    # Choices.
    *("Hot", " warm ", "Hot;Warm", "1,2", ";;1;;", ",", "1,9", "GRÖSSE"),
    # References.
    *("{8A2E0C1D-0000-4000-8000-00000000000F}", "8a2e0c1d-0000-4000-8000-00000000000f"),
)
"""What a system may say."""

_GAP: Final = dt.datetime(2024, 3, 31, 2, 30)  # noqa: DTZ001 - on no clock in Berlin
_TWICE: Final = dt.datetime(2024, 10, 27, 2, 30, fold=1)  # noqa: DTZ001 - twice on them
_LAST: Final = dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001 - wall-clock time has no zone
_FIRST: Final = dt.datetime(1753, 1, 1)  # noqa: DTZ001 - wall-clock time has no zone
_CLOCKS: Final = (_GAP, _TWICE, _FIRST, _LAST, dt.datetime(2024, 2, 29, 12))  # noqa: DTZ001 - wall-clock time has no zone

VALUES: Final[Mapping[str, tuple[Value, ...]]] = {
    "text": tuple(w for w in WIRES if isinstance(w, str) and w.strip() and w.isprintable()),
    "email": ("a@b.co", "Ann@Example.COM", "ann@пример.рф", "x" * 255 + "@y.zz", "a b@c"),
    "integer": (0, 1, -1, 255, 2**31 - 1, -(2**31), 2**53 + 1, 10**30),
    "decimal": tuple(
        map(Decimal, ("0", "-0", "0.1", "1E-7", "9007199254740993.5", "1E+30", "-2.50"))
    ),
    "boolean": (True, False),
    "date": (dt.date(1753, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29), dt.date(1, 1, 1)),
    "instant": tuple(clock.replace(tzinfo=dt.UTC, fold=0) for clock in _CLOCKS),
    "wall-clock time": tuple(_CLOCKS),
    "choice": tuple(Choice(option.code, option.label) for option in OPTIONS),
    "multi-choice": tuple(
        frozenset(Choice(option.code, option.label) for option in OPTIONS[:size])
        for size in (1, 2, 4)
    ),
    "reference": (
        Reference("8a2e0c1d-0000-4000-8000-00000000000f"),
        Reference("{8A2E0C1D-0000-4000-8000-00000000000E}"),
        Reference("17"),
    ),
}
"""What a field may mean, by the word for its kind."""

UNLIKE: Final[Mapping[str, tuple[tuple[Wire, Wire], ...]]] = {
    "text": (
        *(("x" * 255, "x" * 256), ("x" * 4000, "x" * 4001), ("a b", "a  b"), ("0", "00")),
        *(("e\u0301", "e"), ("é" * 256, "é" * 255), ("😀", "?"), ("a\nb", "a b"), ("Ann", "ann")),
        *(("null", None), ("None", None), ("0", None), ("שלום", "?"), ("a\x00b", "a")),
    ),
    "email": (("a@b.co", "a@b.com"), ("a.b@c.de", "ab@c.de"), ("x" * 255, "x" * 256)),
    "integer": ((2**53 + 1, 2**53), (2**31, 2**31 - 1), (0, None), (1, 1.5), (-1, 1)),
    "decimal": ((2**53 + 1, 2**53), (0, None), (-1, 1), (10**30 + 1, 10**30)),
    "boolean": ((True, False), (True, None), (True, 2)),
    "date": (("2024-02-29", "2024-02-28"), ("1753-01-01", "1752-12-31"), ("9999-12-31", None)),
    "instant": (
        ("2024-10-27T02:30:00+01:00", "2024-10-27T02:30:00+02:00"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z"),
        ("9999-12-31T23:59:59Z", None),
    ),
    "wall-clock time": (
        ("2024-05-01T10:00:00", "2024-05-01T10:00:01"),
        ("2024-05-01T00:00:00", "2024-05-02T00:00:00"),
    ),
    "choice": ((1, 2), (1, None)),
    "multi-choice": (("1,2", "1"), ("1", None)),
    "reference": (
        ("8a2e0c1d-0000-4000-8000-00000000000f", "8a2e0c1d-0000-4000-8000-00000000000e"),
        ("17", None),
    ),
}
"""Pairs that mean two things, by the word for the kind: a kind that reads them as one loses one."""

ALIKE: Final[Mapping[str, tuple[tuple[Wire, Wire], ...]]] = {
    "text": (("Ann", " Ann\t"), ("a\nb", "a\r\nb"), ("a\nb", "a\rb")),
    "email": (("Ann@Example.org", "ann@example.ORG "),),
    "decimal": ((1, "1.00"), (1.5, "1.50")),
    "boolean": ((False, None), (True, 1)),
    "instant": (("2024-05-01T10:00:00Z", "2024-05-01T12:00:00.4+02:00"),),
    "multi-choice": (("1,2", "2,1"), ("1;2", "2;1")),
    "reference": (
        ("8a2e0c1d-0000-4000-8000-00000000000f", "8A2E0C1D-0000-4000-8000-00000000000F"),
    ),
}
"""Pairs that mean one thing, by the word for the kind: to tell them apart is to find an edit."""
