"""Texts, e-mail addresses, and references to other records. Pure."""
# ruff: noqa: ARG002 - a kind is given what some kind needs: the side, or the column

from __future__ import annotations

from collections.abc import Hashable

import attrs

from dynsync.kinds._kind import Kind, Unfit, blank, stray
from dynsync.records import Reference, Side, Value, Wire, plain_id
from dynsync.schemas import Column

__all__ = ["EmailKind", "ReferenceKind", "TextKind"]


def _whole_characters(text: str) -> str:
    """Return *text* if it can be encoded."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Unfit("VALUE_TYPE", "text with half a surrogate pair")
    return text


def _text(wire: Wire) -> str | None:
    """Return *wire* as text, blank text as None."""
    if blank(wire):
        return None
    if isinstance(wire, bool) or not isinstance(wire, str | int | float):
        raise Unfit("VALUE_TYPE", "something else where text is expected")
    return _whole_characters(wire if isinstance(wire, str) else repr(wire))


@attrs.frozen
class TextKind:
    """Text, phone numbers and URLs: compared stripped and with one kind of line end (A35)."""

    name: str = "text"

    def decode(self, wire: Wire, side: Side) -> Value:
        return _text(wire)

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None or isinstance(value, str):
            return _text(value)
        raise Unfit("VALUE_TYPE", "not text")

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, str):
            return None if value is None else stray(value)
        if "\r" in value:
            value = value.replace("\r\n", "\n").replace("\r", "\n")
        return value.strip() or None

    def bind(self, column: Column) -> Kind:
        return self


@attrs.frozen
class EmailKind(TextKind):
    """An e-mail address: compared without case, written as given (A35)."""

    name: str = "email"

    def key(self, value: Value) -> Hashable:
        key = TextKind.key(self, value)
        # Not casefold: to it, "ß" and "ss" are one, and they are two addresses.
        return key.lower() if isinstance(key, str) else key


@attrs.frozen
class ReferenceKind:
    """Another record, by its id; GUIDs are compared without case (R102)."""

    name: str = "reference"

    def decode(self, wire: Wire, side: Side) -> Value:
        text = _text(wire)
        return None if text is None else Reference(text.strip())

    def encode(self, value: Value, side: Side) -> Wire:
        if value is None:
            return None
        if not isinstance(value, Reference):
            raise Unfit("VALUE_TYPE", "not a reference")
        return _text(value.id)

    def key(self, value: Value) -> Hashable:
        if not isinstance(value, Reference):
            return None if value is None else stray(value)
        return plain_id(value.id) or None

    def bind(self, column: Column) -> Kind:
        return self
