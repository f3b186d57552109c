"""
From the text of a cell to the wire value that the system's API would say.

An export says some values otherwise than the API: labels for options, words for yes and
no, and a date in any form. What cannot be read is `UNREAD`: a problem of the export, since
no system holds such a value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

from dynsync.fields import Field
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    InstantKind,
    IntegerKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    TextKind,
    Unfit,
    WallTimeKind,
)
from dynsync.maps import kind_of
from dynsync.records import Missing, Side, Wire
from dynsync.schemas import Column, Option

__all__ = ["UNREAD", "Cell", "Cleaner", "Options", "cleaner", "shown", "unread"]

UNREAD: Final = b""
"""What stands in the index for a cell that cannot be read; no text, so that none is it."""

Cell: TypeAlias = Wire | bytes
Cleaner: TypeAlias = Callable[[str], Cell]

_NULL: Final = "null"
"""How Marketo's bulk extract says that a field is empty."""

_YES: Final = frozenset({"true", "1", "yes", "y"})
_NO: Final = frozenset({"false", "0", "no", "n"})
# Dynamics says the options of its columns about consent: "Do Not Allow", "Send".
_DENIED: Final = frozenset({"do not allow", "donotallow", "do not send", "donotsend"})
_ALLOWED: Final = frozenset({"allow", "send"})

_DIGITS: Final = 10
"""Of how many digits a code is, at the most."""

_OPTIONS: Final = 1_000
"""How many options of one column are learned from an export."""


@attrs.define
class Options:
    """
    The options of a choice in Dynamics: those that it has by default, and those in the file.

    Every organisation has options of its own. An export holds their labels and not their
    codes, so codes are made up: negative ones, which no system gives out.
    """

    column: Column
    learned: dict[str, Option] = attrs.Factory(dict[str, Option])

    def read(self, text: str) -> Cell:
        """Return the code of the option that *text* names, learning it if it is new."""
        word = text.strip().casefold()
        option = self.learned.get(word) or self._known(word)
        if option is None and len(self.learned) < _OPTIONS:
            short = len(word) <= _DIGITS
            code = int(word) if short and word.isdecimal() and word.isascii() else None
            made_up = -1 - len(self.learned)
            option = Option(made_up, text.strip()) if code is None else Option(code, "")
        if option is None:
            return UNREAD
        self.learned[word] = option
        return option.code

    def _known(self, word: str) -> Option | None:
        for option in self.column.options:
            if word in (option.label.casefold(), str(option.code)):
                return option
        return None

    def bound(self) -> Column:
        """Return the column with all the options that are known by now."""
        own = {option.code: option for option in self.column.options}
        own.update((option.code, option) for option in self.learned.values())
        return attrs.evolve(self.column, options=tuple(own.values()))


def cleaner(column: Column, side: Side, options: Options | None) -> Cleaner:
    """Return what reads the cells of *column*; *options* where it is a choice of Dynamics'."""
    kind = kind_of(column, side)
    blank = _blanks(side)
    if options is not None and isinstance(kind, ChoiceKind | MultiChoiceKind):
        return lambda text: None if blank(text) else options.read(text)
    if isinstance(kind, BooleanKind):
        # Marketo has no empty boolean: it reads false.
        empty = False if side is Side.MARKETO else None
        return lambda text: empty if blank(text) else _boolean(text)
    if isinstance(kind, TextKind | ChoiceKind | MultiChoiceKind):
        # Most cells are these; each call less counts.
        null = _NULL if side is Side.MARKETO else ""
        return lambda text: None if not text or text == null or text.isspace() else text
    read = _reader(kind, side)
    return lambda text: None if blank(text) else read(text)


def unread(column: Column, side: Side) -> str:
    """Return why a cell of *column* could not be read: which forms would have been."""
    match kind_of(column, side):
        case BooleanKind():
            return "neither yes nor no; read are true, yes, y, 1 and false, no, n, 0"
        case DateKind():
            return "not a date, or one that can be read in two ways; write 2024-05-31"
        case InstantKind() | WallTimeKind():
            return (
                "not a point in time, or one that can be read in two ways; "
                "write 2024-05-31T14:30:00Z or 2024-05-31 14:30"
            )
        case IntegerKind():
            return "not a whole number; write 1000, and nothing between the digits"
        case NumberKind():
            return "not a number; write 1000.50, with a point, and without a currency"
        case ChoiceKind() | MultiChoiceKind():
            return f"an option more than the {_OPTIONS:,} that are learned of a column"
        case _:
            return "not a value of this column"


def _blanks(side: Side) -> Callable[[str], bool]:
    if side is Side.DYNAMICS:
        return lambda text: not text or text.isspace()
    return lambda text: not text or text == _NULL or text.isspace()


def _boolean(text: str) -> Cell:
    word = " ".join(text.split()).casefold()
    if word in _YES or word in _DENIED:
        return True
    if word in _NO or word in _ALLOWED:
        return False
    return UNREAD


def _reader(kind: Kind, side: Side) -> Cleaner:
    @lru_cache(maxsize=10_000)
    def read(text: str) -> Cell:
        try:
            wire = kind.encode(kind.decode(text, side), side)
        except Unfit:
            return UNREAD
        # A number stays as it is written: SQLite's integers end where Python's do not.
        return wire if isinstance(wire, str) else text.strip()

    return read


def shown(field: Field, wire: Wire | Missing, side: Side) -> str:
    """Return *wire*, a value of *field* on *side*, as text for people."""
    if wire is None or isinstance(wire, Missing):
        return ""
    if isinstance(field.kind, BooleanKind):
        return "true" if wire else "false"
    if isinstance(field.kind, ChoiceKind) and side is Side.DYNAMICS:
        labels = {option.code: option.label for option in field.kind.options}
        return labels.get(wire, "") or str(wire) if isinstance(wire, int) else str(wire)
    return str(wire)
