"""What a host gives a check, judged before anything is found: a wrong one is no broken clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dynsync.calling import called
from dynsync.errors import ConfigurationError

__all__ = ["made", "must_be_callable"]

T = TypeVar("T")


def made(make: Callable[[], T], has: str, what: str) -> T:
    """
    Return what *make* returns, *what* by its contract, which is known by what it *has*.

    Raises `ConfigurationError` where *make* raises, or returns something else.
    """
    promised = f"it is called without arguments and returns {what}"
    one = called(
        make, lambda raised: f"make() raised {raised}; {promised}", becoming=ConfigurationError
    )
    if isinstance(one, type):
        raise ConfigurationError(f"make() returned the class {one.__name__}; {promised}")
    if not hasattr(one, has):
        kind = type(one).__name__
        raise ConfigurationError(f"make() returned a {kind}, which has no {has}; {promised}")
    return one


def must_be_callable(argument: str, value: object, step: str) -> None:
    """Refuse a *value* of *argument* that cannot be called; *step* says what to give."""
    if not callable(value):
        kind = type(value).__name__
        raise ConfigurationError(
            f"{argument}= got a value of type {kind}, which cannot be called. {step}"
        )
