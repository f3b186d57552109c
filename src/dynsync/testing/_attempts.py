"""Call what a host brought: whatever it raises is an answer, and ends no check."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

__all__ = ["Raised", "attempted"]

T = TypeVar("T")


@attrs.frozen
class Raised:
    """What a call raised instead of returning something."""

    error: Exception

    def __str__(self) -> str:
        """Return it as a check says it, without what the message may quote."""
        return f"raises {type(self.error).__name__}"


def attempted(call: Callable[[], T]) -> T | Raised:
    """Return what *call* returns, or what it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - it is the host's: it may raise anything
        return Raised(error)
