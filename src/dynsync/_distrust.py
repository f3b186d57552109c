"""
Whether the state is at fault, asked only after something went wrong that nobody foresaw.

What the state holds was written by us and is not looked at on the way in: that would cost every
record something. A cell that was damaged since goes wrong wherever it is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Final, Protocol, TypeVar, cast, runtime_checkable

from dynsync.errors import StateError
from dynsync.records import Entity
from dynsync.state import StateStore

__all__ = ["distrusted", "setting"]

T = TypeVar("T")

_ODD: Final = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


def _names(text: str) -> None:
    """Raise `TypeError` unless *text* is a list of names."""
    _all_texts(cast("object", json.loads(text)), list)


def _words(text: str) -> None:
    """Raise `TypeError` unless *text* is an object of texts."""
    said: object = json.loads(text)
    _all_texts(said, dict)
    _all_texts(list(cast("dict[str, object]", said).values()), list)


def _all_texts(said: object, kind: type) -> None:
    if not isinstance(said, kind) or not all(
        isinstance(one, str) for one in cast("Iterable[object]", said)
    ):
        raise TypeError


def _missed(text: str) -> None:
    """Raise unless *text* is the number of a run, and a cursor or None."""
    run, cursor = cast("tuple[object, object]", json.loads(text))
    if not isinstance(run, int) or not isinstance(cursor, str | None):
        raise TypeError


def _unanswered(text: str) -> None:
    """Raise unless *text* is an object of two times each."""
    for times in cast("dict[str, object]", json.loads(text)).values():
        ours, marketos = cast("tuple[float, float]", times)
        _ = ours + 0.0, marketos + 0.0


_PARSED: Final[dict[str, Callable[[str], object]]] = {
    **dict.fromkeys(("run", "echoes"), int),
    **dict.fromkeys(("pace", "pruned"), float),
    "last_run": json.loads,
    "unanswered": _unanswered,
    "entities": _words,
}
_OF_ENTITY: Final[dict[str, Callable[[str], object]]] = {
    **dict.fromkeys(("layout", "known", "refreshed", "blind"), _names),
    "map": _words,
    "missed": _missed,
}


@runtime_checkable
class _CanCheck(Protocol):
    def check(self) -> None:
        """Raise `StateError` if anything in the state is damaged."""


@contextmanager
def distrusted(
    store: StateStore, entities: Iterable[Entity], recorders: Iterable[str] = ()
) -> Generator[None]:
    """
    Begin a block in which what goes wrong for a damaged state is a `StateError`.

    Anything else that is raised there passes as it is.
    """
    try:
        yield
    except _ODD as error:
        odd = error
    else:
        return
    # Outside of the except block: what was raised may quote what the state holds.
    for name, parse in _settings(entities, recorders):
        setting(store, name, parse)
    if isinstance(store, _CanCheck):
        store.check()
    raise odd


def _settings(
    entities: Iterable[Entity], recorders: Iterable[str]
) -> Generator[tuple[str, Callable[[str], object]]]:
    yield from _PARSED.items()
    for entity in entities:
        yield from ((f"{name}:{entity}", parse) for name, parse in _OF_ENTITY.items())
    yield from ((f"recorder:{name}", int) for name in recorders)


def setting(store: StateStore, name: str, parse: Callable[[str], T]) -> T | None:
    """Return the setting *name* as *parse* reads it; raises `StateError` where it cannot."""
    text = store.get(name)
    if text is None:
        return None
    try:
        return parse(text)
    except _ODD:
        pass
    raise StateError(
        f"The state is damaged: its setting {name!r} cannot be read. Restore it from a backup, or "
        f"begin with an empty one: the next full run finds the links again by the ids that both "
        f"systems hold."
    )
