"""Runs a program on a store and on the model, and says where the two part."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from operator import methodcaller
from typing import Final, TypeAlias, cast

import attrs

from dynsync.errors import LeaseHeld, StateError
from dynsync.state import StateStore
from dynsync.testing._attempts import Raised, attempted
from dynsync.testing._store_clauses import CLAUSE_OF
from dynsync.testing._store_corpus import LOOK
from dynsync.testing._store_model import ModelStore
from dynsync.testing._store_steps import (
    Abandon,
    Block,
    Call,
    Reopen,
    Spoiled,
    Step,
    Walk,
    calls_of,
    copied,
    plain,
    spoil,
    written,
)

__all__ = ["READS", "Another", "Difference", "Handles", "Make", "part"]

Make: TypeAlias = Callable[[], StateStore]
Another: TypeAlias = Callable[[StateStore], StateStore]
"""Makes a handle from a handle: another owner's, or that of the process that goes on."""

READS: Final = frozenset(call.method for call in LOOK) | {"link_of", "history", "next_key"}
_STREAMS: Final = frozenset({"each_link", "each_pending", "open_links"})
_BLAMED: Final = frozenset({"relayout", "wake"})
"""Writes that are to blame themselves for what is read wrong right after them."""


@attrs.frozen
class Handles:
    """How handles on one state are made: the first, another owner's, the next process's."""

    make: Make
    another: Another | None
    reopen: Another | None


@attrs.frozen
class Difference:
    """Where a store and the model part: the clause, the question, and what was answered."""

    clause: str
    question: Call | None
    answered: str
    promised: str
    inside: bool


@attrs.frozen
class _Seen:
    """One answer: to which call of which step, inside a block or not."""

    step: Step
    call: Call | None
    inside: bool
    answer: object
    raw: object


class _Killed(BaseException):
    """Ends a block on purpose."""


def _kill() -> None:
    raise _Killed


class _Run:
    """One run of a program on one store."""

    def __init__(self, handles: Handles) -> None:
        self._handles = handles
        self._store = handles.make()
        self._other: StateStore | None = None
        self._opened = [self._store]
        self._abandoned: list[AbstractContextManager[None]] = []

    def seen(self, steps: Sequence[Step]) -> Iterator[_Seen]:
        """Yield what is answered, step by step; after blocks and at the end, all that is held."""
        if any(call.who == "other" for call in calls_of(steps)):
            self._open_other()
        for at, step in enumerate(steps, 1):
            yield from self._perform(step, step, inside=False)
            if at == len(steps) or not isinstance(step, Call):
                for call in LOOK:
                    yield self._ask(step, call, inside=False)

    def close(self) -> None:
        """Let go of every handle."""
        for context in self._abandoned:
            with suppress(_Killed, Exception):
                context.__exit__(_Killed, _Killed(), None)
        for store in self._opened:
            with suppress(Exception):
                store.close()

    def _perform(self, top: Step, step: Step, *, inside: bool) -> Iterator[_Seen]:
        match step:
            case Call():
                yield self._ask(top, step, inside=inside)
            case Spoiled(call):
                yield self._ask(top, call, inside=inside, after=spoil)
            case Walk():
                yield self._walk(top, step, inside=inside)
            case Block():
                yield from self._block(top, step)
            case Abandon(steps):
                yield from self._abandon(top, steps)
            case Reopen():
                self._go_on()

    def _block(self, top: Step, block: Block) -> Iterator[_Seen]:
        around = self._store.scratch if block.kind == "scratch" else self._store.transaction
        try:
            with around():
                for step in block.steps:
                    for seen in self._perform(top, step, inside=True):
                        yield seen
                        # Outside of a block a refusal is an answer; inside, it undoes the block.
                        if isinstance(seen.answer, _Refused) and step is seen.call:
                            _kill()
                if block.kind == "failing":
                    _kill()
        except _Killed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever a store raises is an answer
            raised = _Refused(str(Raised(error)))
            yield _Seen(top, None, inside=False, answer=raised, raw=raised)

    def _abandon(self, top: Step, steps: Sequence[Step]) -> Iterator[_Seen]:
        context = self._store.transaction()
        context.__enter__()
        self._abandoned.append(context)
        for step in steps:
            yield from self._perform(top, step, inside=True)
        self._go_on()

    def _go_on(self) -> None:
        if self._handles.reopen is not None:
            self._store, self._other = self._handles.reopen(self._store), None
            self._opened.append(self._store)

    def _of(self, call: Call) -> StateStore:
        if call.who == "store":
            return self._store
        return self._other or self._open_other()

    def _open_other(self) -> StateStore:
        another = self._handles.another
        self._other = self._store if another is None else another(self._store)
        self._opened.append(self._other)
        return self._other

    def _ask(
        self, top: Step, call: Call, *, inside: bool, after: Callable[[object], None] | None = None
    ) -> _Seen:
        arguments = copied(call.arguments)
        answer = _answered(self._of(call), call, arguments)
        if inside and call.who == "other" and not isinstance(answer, _Refused):
            # Whether another sees what is not committed yet is not promised, either way.
            answer = "an answer"
        raw = answer if after is None else copy.deepcopy(answer)
        seen = _Seen(top, call, inside, _comparable(answer, call.method), raw)
        if after is not None:
            after(arguments)
            after(answer)
        return seen

    def _walk(self, top: Step, walk: Walk, *, inside: bool) -> _Seen:
        def items() -> list[object]:
            found: list[object] = []
            for item in cast("Iterator[object]", _bare(self._store, walk.stream)):
                found.append(item)
                if len(found) == 1:
                    _bare(self._store, walk.meanwhile)
            return found

        said = attempted(items)
        answer = _Refused(str(said)) if isinstance(said, Raised) else said
        method = walk.stream.method
        return _Seen(top, walk.stream, inside, _comparable(answer, method), answer)


_PROMISED: Final = (LeaseHeld, StateError)


@attrs.frozen
class _Refused:
    """A call that raised: *how*."""

    how: str


def _bare(store: StateStore, call: Call) -> object:
    return cast("object", methodcaller(call.method, *copied(call.arguments))(store))


def _answered(store: StateStore, call: Call, arguments: tuple[object, ...]) -> object:
    def answer() -> object:
        said = cast("object", methodcaller(call.method, *arguments)(store))
        if call.method not in _STREAMS:
            return said
        if not isinstance(said, Iterator):
            return _Refused("returns no iterator")
        return list(cast("Iterator[object]", said))

    said = attempted(answer)
    if not isinstance(said, Raised):
        return said
    # A kind of its own is as good as what the contract names.
    promised = next((one for one in _PROMISED if isinstance(said.error, one)), type(said.error))
    return _Refused(f"raises {promised.__name__}")


def _comparable(answer: object, method: str) -> object:
    if isinstance(answer, _Refused):
        return answer
    said = attempted(lambda: plain(answer, method))
    if isinstance(said, Raised):
        return _Refused(f"answers something that cannot be read: {type(said.error).__name__}")
    return said


def _said(answer: object) -> str:
    return answer.how if isinstance(answer, _Refused) else written(answer)


def part(handles: Handles, steps: Sequence[Step]) -> Difference | None:
    """Return the first place where the store and the model part on *steps*, if they do."""
    model = Handles(ModelStore, _model_twin, _model_reopened)
    theirs, ours = _Run(handles), _Run(model)
    try:
        for seen, expected in zip(theirs.seen(steps), ours.seen(steps), strict=False):
            if seen.answer != expected.answer or seen.call != expected.call:
                return _difference(seen, expected)
    finally:
        theirs.close()
        ours.close()
    return None


def _model_twin(store: StateStore) -> StateStore:
    assert isinstance(store, ModelStore)
    return store.another("other")


def _model_reopened(store: StateStore) -> StateStore:
    assert isinstance(store, ModelStore)
    return store.committed()


def _difference(seen: _Seen, expected: _Seen) -> Difference:
    question = seen.call or expected.call
    method = question.method if question is not None else ""
    step = seen.step
    last = step.method if isinstance(step, Call) else method
    clause = CLAUSE_OF.get(last if last in _BLAMED else method, "S1")
    refused = any("StateError" in str(one.answer) for one in (seen, expected))
    if method == "save_links" and refused:
        clause = "S3"
    return Difference(clause, question, *_apart(_said(seen.raw), _said(expected.raw)), seen.inside)


_SHOWN: Final = 160


def _apart(one: str, other: str) -> tuple[str, str]:
    """Return two texts from shortly before they part, and no more than can be read."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, at - 60)

    def shown(text: str) -> str:
        part = text[start : start + _SHOWN]
        return f"{'…' if start else ''}{part}{'…' if len(text) > start + _SHOWN else ''}"

    return shown(one), shown(other)
