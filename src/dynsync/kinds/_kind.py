"""What every kind promises, and what it says of a value that it cannot take. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from dynsync.records import Side, Value, Wire
from dynsync.schemas import Column

__all__ = ["Kind", "Unfit", "blank", "stray"]


class Unfit(ValueError):
    """A wire value cannot be of its field's kind, or a value cannot be said to a side."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Kind(Protocol):
    """How values of one type are read, compared and said."""

    @property
    def name(self) -> str:
        """Return the word for it."""
        ...

    def decode(self, wire: Wire, side: Side) -> Value:
        """Return what *wire* means on *side*; raises `Unfit`."""
        ...

    def encode(self, value: Value, side: Side) -> Wire:
        """Return *value* as *side* takes it; raises `Unfit`."""
        ...

    def key(self, value: Value) -> Hashable:
        """Return what decides equality (A33-A36). Two values with one key are the same."""
        ...

    def bind(self, column: Column) -> Kind:
        """Return the kind with what Dynamics' *column* adds: its options, its precision."""
        ...


def blank(wire: Wire) -> bool:
    """Return whether *wire* says that there is no value."""
    return wire is None or (isinstance(wire, str) and not wire.strip())


def stray(value: Value) -> Hashable:
    """
    Return a key for a value of another kind, as a policy may put it: that of no other value.

    It must not pass for null, or a field that holds null would seem to hold it already.
    """
    return (type(value).__name__, value)
