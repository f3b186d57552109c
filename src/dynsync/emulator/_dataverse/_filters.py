"""Conditions of OData: ``$filter`` as a tree that can be asked about a row. Pure."""

from __future__ import annotations

import datetime as dt
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import attrs

from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._literals import Token, is_constant, literal, tokens
from dynsync.records import Wire

__all__ = [
    "Comparison",
    "Condition",
    "columns_of",
    "comparisons",
    "condition",
    "keys_of",
    "over",
    "passes",
]

Getter: TypeAlias = Callable[[str], object]
"""Looks up what a row has under a name, or a path of names."""


@attrs.frozen
class Comparison:
    """
    *column* compared with *values*, or with what the row has under the name *other*.

    Only ``in`` has several values. *kinds* says how each was written: as text, guid, date,
    number or word; or as "any", where a text stands for a value of the column's type.
    """

    column: str
    word: str
    values: tuple[Wire, ...]
    kinds: tuple[str, ...]
    other: str = ""


@attrs.frozen
class Both:
    """All of *parts*."""

    parts: tuple[Condition, ...]


@attrs.frozen
class Either:
    """One of *parts*."""

    parts: tuple[Condition, ...]


@attrs.frozen
class Not:
    """What *part* is not."""

    part: Condition


Condition: TypeAlias = "Comparison | Both | Either | Not"

_ORDERED: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TEXTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "contains": lambda whole, part: part in whole,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_NAMESPACE: Final = "Microsoft.Dynamics.CRM."
_LISTS: Final = frozenset({"In", "NotIn", "Between", "NotBetween"})
_QUOTED_OR_EQUALS: Final = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|=""")


_DEEPEST: Final = 100
"""How deep parentheses may stand in each other; what Dataverse allows is not documented."""


class _Parser:
    """Reads a condition word by word: ``or`` binds least, then ``and``, then ``not``."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._either()
        if self._at < len(self._words):
            raise self._lost()
        return found

    def _lost(self) -> Exception:
        return bad("Syntax error in the query option '$filter'.", "0x80060888")

    def _peek(self) -> Token:
        if self._at >= len(self._words):
            raise self._lost()
        return self._words[self._at]

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, text: str) -> bool:
        if self._at < len(self._words) and self._words[self._at].text == text:
            self._at += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._took(text):
            raise self._lost()

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._single()]
        while self._took("and"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _single(self) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise bad("The query option '$filter' is nested too deeply.", "0x80060888")
        try:
            return self._inner()
        finally:
            self._depth -= 1

    def _inner(self) -> Condition:
        if self._took("not"):
            return Not(self._single())
        if self._took("("):
            found = self._either()
            self._need(")")
            return found
        token = self._next()
        if token.kind != "word":
            raise self._lost()
        if token.text in _TEXTS:
            return self._function(token.text)
        name = token.text.removeprefix(_NAMESPACE)
        if name != token.text and name in _LISTS:
            return self._list(name)
        if self._at < len(self._words) and self._words[self._at].text == "(":
            message = f"The function or expression '{token.text}' is not emulated."
            raise Refusal(501, "0x80060888", message)
        return self._comparison(token.text)

    def _function(self, word: str) -> Condition:
        self._need("(")
        column = self._next().text
        self._need(",")
        token = self._next()
        self._need(")")
        return Comparison(column, word, (literal(token),), (token.kind,))

    def _list(self, name: str) -> Condition:
        # In(PropertyName='x',PropertyValues=['a','b']): the "=" signs are no words.
        self._need("(")
        self._need("PropertyName")
        column = str(literal(self._next()))
        self._need(",")
        self._need("PropertyValues")
        self._need("[")
        values = tuple(literal(token) for token in self._until("]"))
        self._need(")")
        if name.endswith("In"):
            found = Comparison(column, "in", values, ("any",) * len(values))
            filled = Comparison(column, "ne", (None,), ("any",))
            return found if name == "In" else Both((filled, Not(found)))
        if len(values) != len(("from", "to")):
            raise self._lost()
        words = ("ge", "le") if name == "Between" else ("lt", "gt")
        first, second = (
            Comparison(column, word, (value,), ("any",))
            for word, value in zip(words, values, strict=True)
        )
        return Both((first, second)) if name == "Between" else Either((first, second))

    def _until(self, mark: str) -> list[Token]:
        found: list[Token] = []
        while not self._took(mark):
            found.append(self._next())
            self._took(",")
        return found

    def _comparison(self, column: str) -> Condition:
        word = self._next().text
        if word == "in":
            self._need("(")
            listed = self._until(")")
            values = tuple(literal(token) for token in listed)
            return Comparison(column, "in", values, tuple(token.kind for token in listed))
        if word not in {"eq", "ne", *_ORDERED}:
            raise self._lost()
        token = self._next()
        if token.kind == "word" and token.text.startswith(_NAMESPACE):
            # Microsoft.Dynamics.CRM.AttributeTypeCode'Picklist'
            token = self._next()
        if token.kind == "word" and not is_constant(token):
            return Comparison(column, word, (), (), token.text)
        return Comparison(column, word, (literal(token),), (token.kind,))


def condition(text: str) -> Condition:
    """Return what *text* asks; raises `Refusal` where it makes no sense."""
    # The equals sign occurs in the arguments of functions only and says nothing there.
    return _Parser(tokens(_without_equals(text))).whole()


def _without_equals(text: str) -> str:
    return _QUOTED_OR_EQUALS.sub(lambda found: found[0] if found[0] != "=" else " ", text)


def over(asked: Condition, change: Callable[[Comparison], Comparison]) -> Condition:
    """Return *asked* with every comparison as *change* leaves it."""
    match asked:
        case Comparison():
            return change(asked)
        case Not(part=part):
            return Not(over(part, change))
        case Both(parts=parts):
            return Both(tuple(over(part, change) for part in parts))
        case Either(parts=parts):
            return Either(tuple(over(part, change) for part in parts))


def comparisons(asked: Condition) -> Iterator[Comparison]:
    """Yield every comparison in *asked*."""
    match asked:
        case Comparison():
            yield asked
        case Not(part=part):
            yield from comparisons(part)
        case Both(parts=parts) | Either(parts=parts):
            for part in parts:
                yield from comparisons(part)


def columns_of(asked: Condition) -> set[str]:
    """Return the names that *asked* looks at."""
    found = list(comparisons(asked))
    return {each.column for each in found} | {each.other for each in found if each.other}


def keys_of(asked: Condition) -> tuple[str, tuple[Wire, ...]] | None:
    """Return a column, and its values, that every row has one of; None where there is none."""
    match asked:
        case Comparison(column=column, word="eq" | "in", values=values, other=""):
            return None if None in values else (column, values)
        case Both(parts=parts):
            return next((found for part in parts if (found := keys_of(part))), None)
        case Either(parts=parts):
            return _common(parts)
        case _:
            return None


def _common(parts: Iterable[Condition]) -> tuple[str, tuple[Wire, ...]] | None:
    columns: set[str] = set()
    values: list[Wire] = []
    for part in parts:
        found = keys_of(part)
        if found is None:
            return None
        columns.add(found[0])
        values += found[1]
    return (columns.pop(), tuple(values)) if len(columns) == 1 else None


def passes(asked: Condition, get: Getter) -> bool:
    """Tell whether a row that *get* looks into is what was *asked* for."""
    match asked:
        case Both(parts=parts):
            return all(passes(part, get) for part in parts)
        case Either(parts=parts):
            return any(passes(part, get) for part in parts)
        case Not(part=part):
            return not passes(part, get)
        case Comparison(column=column, word=word, values=values, other=other):
            return _compare(word, get(column), (get(other),) if other else values)


def _compare(word: str, held: object, values: tuple[object, ...]) -> bool:
    if word in {"eq", "in"}:
        return any(_folded(held) == _folded(value) for value in values)
    value = values[0]
    if word == "ne":
        return _folded(held) != _folded(value)
    if held is None or value is None:
        return False
    if function := _TEXTS.get(word):
        return function(str(held).casefold(), str(value).casefold())
    sign = _sign(held, value)
    return sign is not None and _ORDERED[word](sign, 0)


def _sign(held: object, value: object) -> int | None:
    """Return whether *held* is less than *value* (-1), equal or more; None if incomparable."""
    if isinstance(held, int | float) and isinstance(value, int | float):
        return (held > value) - (held < value)
    first, second = _moment(held), _moment(value)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    if isinstance(held, str) and isinstance(value, str):
        one, other = held.casefold(), value.casefold()
        return (one > other) - (one < other)
    return None


def _moment(value: object) -> dt.datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _folded(value: object) -> object:
    # As SQL Server compares: without case and trailing blanks. Instants are compared as such.
    if isinstance(value, str):
        moment = _moment(value) if value[:1].isdigit() and "T" in value else None
        return value.rstrip(" ").casefold() if moment is None else moment
    return value
