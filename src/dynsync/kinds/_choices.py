"""One or several of the options of a column, by code or by label. Pure."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.kinds._kind import Kind, Unfit, blank, stray
from dynsync.records import Choice, Side, Value, Wire
from dynsync.schemas import Column, Option

__all__ = ["ChoiceKind", "MultiChoiceKind"]

Speech: TypeAlias = Literal["label", "code"]
"""How Marketo holds a choice: by its label (A32) or by its code. Dynamics always by code."""


def _loose(word: str) -> str:
    return word.strip().casefold()


def _code(word: str) -> int | None:
    """Return *word* as a code where it is written as one."""
    return int(word) if _CODE.fullmatch(word.strip()) else None


_CODE: Final = re.compile(r"-?\d{1,10}", re.ASCII)


def _by_label(options: tuple[Option, ...], word: str) -> Option | None:
    """Return the option called *word*, or else the one called nearly so, if it is one."""
    for same in (str.strip, _loose):
        found = [option for option in options if same(option.label) == same(word)]
        if len(found) == 1:
            return found[0]
    return None


def _by_code(options: tuple[Option, ...], code: int | None) -> Option | None:
    """Return the option of *code*; any that Dynamics could have, where they are not known."""
    if code is None:
        return None
    if not options:
        return Option(code, "") if -(2**31) <= code < 2**31 else None
    return next((option for option in options if option.code == code), None)


def _option(options: tuple[Option, ...], wire: Wire, speech: Speech) -> Choice:
    """Return the option that *wire* names: *speech* says how, where a text could mean both."""
    option: Option | None = None
    if isinstance(wire, str):
        label, code = _by_label(options, wire), _by_code(options, _code(wire))
        option = (label or code) if speech == "label" else (code or label)
    elif isinstance(wire, int) and not isinstance(wire, bool):
        # A number is always a code, even where another option is called by it.
        option = _by_code(options, wire)
    if option is None:
        raise Unfit("PICKLIST_RANGE", "not an option of this choice")
    return Choice(option.code, option.label)


def _say(options: tuple[Option, ...], choice: Choice, separator: str = "") -> str:
    """Return the text by which Marketo's people know *choice* and by which it is found again."""
    option = _by_code(options, choice.code)
    label = option.label.strip() if option is not None else ""
    # Two options may share a label, or one be called by another's code: then the code is said.
    for word in (label, str(choice.code)):
        if not word or (separator and separator in word):
            continue
        try:
            if _option(options, word, "label").code == choice.code:
                return word
        except Unfit:
            continue
    raise Unfit("PICKLIST_RANGE", "not an option of this choice, or one that no text can name")


@attrs.frozen
class ChoiceKind:
    """One of *options*; compared by code. Options come from Dynamics' schema if not given."""

    options: tuple[Option, ...] = ()
    marketo: Speech = "label"
    name: str = "choice"

    def decode(self, wire: Wire, side: Side) -> Value:
        speech = "code" if side is Side.DYNAMICS else self.marketo
        return None if blank(wire) else _option(self.options, wire, speech)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, Choice):
            raise Unfit("VALUE_TYPE", "not a choice")
        if side is Side.DYNAMICS or self.marketo == "code":
            return value.code
        return _say(self.options, value)

    def key(self, value: Value) -> Hashable:
        if isinstance(value, Choice):
            return value.code
        return None if value is None else stray(value)

    def bind(self, column: Column) -> Kind:
        return self if self.options else attrs.evolve(self, options=column.options)


@attrs.frozen
class MultiChoiceKind:
    """Any of *options*; compared as a set. Marketo holds labels joined by ``;`` (A32)."""

    options: tuple[Option, ...] = ()
    marketo: Speech = "label"
    name: str = "multi-choice"

    def decode(self, wire: Wire, side: Side) -> Value:
        if blank(wire):
            return None
        speech = "code" if side is Side.DYNAMICS else self.marketo
        separator = "," if side is Side.DYNAMICS else ";"
        words = wire.split(separator) if isinstance(wire, str) else [wire]
        return frozenset(_option(self.options, w, speech) for w in words if not blank(w)) or None

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        chosen = _choices(value)
        if chosen is None:
            raise Unfit("VALUE_TYPE", "not a set of choices")
        codes = sorted({choice.code for choice in chosen})
        if side is Side.DYNAMICS:
            return ",".join(map(str, codes)) or None
        if self.marketo == "code":
            return ";".join(map(str, codes)) or None
        return ";".join(_say(self.options, Choice(code), ";") for code in codes) or None

    def key(self, value: Value) -> Hashable:
        if value is None:
            return None
        chosen = _choices(value)
        if chosen is None:
            return stray(value)
        return frozenset(choice.code for choice in chosen) or None

    def bind(self, column: Column) -> Kind:
        return self if self.options else attrs.evolve(self, options=column.options)


def _choices(value: Value) -> frozenset[Choice] | None:
    """Return *value* if it is a set of choices; a policy may put anything."""
    if not isinstance(value, frozenset):
        return None
    return value if all(map(_is_choice, value)) else None


def _is_choice(member: object) -> bool:
    return isinstance(member, Choice)
