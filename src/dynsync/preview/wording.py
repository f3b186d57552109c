"""Text for people: cells that a spreadsheet does not run, and no numbers of rules. Pure."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["safe_cell", "whose", "without_rules"]

_FORMULA: Final = re.compile(r"\s*[=@]|[\t\r]|\s*[+-](?![\d\s().-]*$)")
_RULES: Final = re.compile(r" *\((?:[RAU]\d+|invariant \d+)\)")


def safe_cell(text: str) -> str:
    """Return *text* so that a spreadsheet shows it and does nothing else."""
    return f"'{text}" if _FORMULA.match(text) else text


def without_rules(text: str) -> str:
    """Return *text* without the numbers of the rules that it cites."""
    return _RULES.sub("", text)


def whose(number: int, file: str) -> str:
    """Return that of *number* rows of *file* nobody can tell whose they are."""
    if number == 1:
        return f"of 1 row of the {file} nobody can tell whose it is"
    return f"of {number:,} rows of the {file} nobody can tell whose they are"
