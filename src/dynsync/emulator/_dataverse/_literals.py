"""The words of OData: what a filter and a key are made of. Pure."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import attrs

from dynsync.emulator._dataverse._errors import bad
from dynsync.records import Wire

__all__ = ["Token", "is_constant", "literal", "pairs", "split_outside", "tokens"]

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*'|"[^"]*")
    | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
    | (?P<date>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<mark>[(),:\[\]])
    | (?P<word>[A-Za-z_@$][\w.@/]*)
    )""",
    re.VERBOSE,
)
_CONSTANTS: Final = {"null": None, "true": True, "false": False}


@attrs.frozen
class Token:
    """A word of *kind*: text, guid, date, number, mark or word."""

    kind: str
    text: str


Tokens: TypeAlias = list[Token]


def tokens(text: str) -> Tokens:
    """Return the words of *text*; raises `Refusal`."""
    found: Tokens = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise bad(f"Syntax error at position {at} in the query option.", "0x80060888")
        found.append(Token(match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    return found


def is_constant(token: Token) -> bool:
    """Tell whether *token*, a word, is ``null``, ``true`` or ``false``."""
    return token.text in _CONSTANTS


def literal(token: Token) -> Wire:
    """Return the value that *token* stands for; raises `Refusal` where it is none."""
    match token.kind:
        case "text":
            # Only in double quotes, those of a list of values, does a single one stand as it is.
            inside = token.text[1:-1]
            return inside.replace("''", "'") if token.text.startswith("'") else inside
        case "guid":
            return token.text.lower()
        case "date":
            return token.text
        case "number":
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        case "word" if token.text in _CONSTANTS:
            return _CONSTANTS[token.text]
        case _:
            raise bad(f"Syntax error near '{token.text}' in the query option.", "0x80060888")


def split_outside(text: str, mark: str) -> list[str]:
    """Return the pieces of *text* between *mark*s that stand in no quotes and no brackets."""
    if mark not in text:
        return [text]
    pieces, depth, quoted, start = list[str](), 0, False, 0
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "([{":
            depth += 1
        elif not quoted and letter in ")]}":
            depth -= 1
        elif letter == mark and not quoted and depth == 0:
            pieces.append(text[start:at])
            start = at + 1
    return [*pieces, text[start:]]


def pairs(text: str) -> dict[str, str]:
    """Return the names and values of ``a=1,b='x'``, as they are written."""
    found: dict[str, str] = {}
    for piece in split_outside(text, ","):
        name, _, value = piece.partition("=")
        found[name.strip()] = value.strip()
    return found
