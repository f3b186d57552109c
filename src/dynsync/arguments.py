"""What a caller gives, refused where it is given: each message names the argument. Pure."""

from __future__ import annotations

import enum
from typing import TypeGuard, get_args

from dynsync.errors import ConfigurationError

__all__ = [
    "clock",
    "described",
    "function",
    "is_number",
    "is_whole",
    "number",
    "shown",
    "truth",
    "word",
]


def described(value: object) -> str:
    """Return what *value* is, without what it holds: "a dict", "the class Sync"."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def shown(value: object) -> str:
    """
    Return *value* as it was written, if it is no more than a word or a number, else its kind.

    What is larger may be a record, a collision or a connector, with values or secrets in it.
    """
    small = value is None or isinstance(value, str | int | float | enum.Enum)
    return repr(value) if small else described(value)


def word(argument: str, value: object, literal: object) -> None:
    """Refuse a word that is none of *literal*'s."""
    words: tuple[str, ...] = get_args(literal)
    if value not in words:
        known = " or ".join(map(repr, words))
        raise ConfigurationError(f"{argument}={shown(value)} is no choice; say {known}.")


def truth(call: str, argument: str, value: object) -> None:
    """Refuse what is neither True nor False: to Python, every word is true."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{call}({argument}={shown(value)}): give True or False.")


def is_number(value: object) -> TypeGuard[int | float]:
    """Return whether *value* is a number; True and False are none, whatever Python says."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether *value* is a whole number, by its type."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(call: str, argument: str, value: object, what: str) -> None:
    """Refuse what is no number from 0 on; *what* says of what."""
    if not is_number(value) or not value >= 0:
        raise ConfigurationError(
            f"{call}({argument}={shown(value)}): give a number of {what} from 0 on."
        )


def function(argument: str, value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise ConfigurationError(
            f"{argument}= got {described(value)}, which cannot be called. Give a function, or "
            f"leave it out."
        )


def clock(value: object) -> None:
    """Refuse what tells no time, and a class that would."""
    asked = (getattr(value, name, None) for name in ("now", "sleep"))
    if isinstance(value, type) or not all(map(callable, asked)):
        raise ConfigurationError(
            f"clock= got {shown(value)}, which is no clock. Give SystemClock(), or what has now() "
            f"and sleep(seconds)."
        )
