"""Programs for stores, as data: what is asked of one, in which blocks, and how it is written."""

from __future__ import annotations

import copy
import enum
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar, cast

import attrs

from dynsync.backlog import Linked, LinkState, Observation, Pending
from dynsync.state import JournalEntry

__all__ = [
    "Abandon",
    "Block",
    "BlockKind",
    "Call",
    "Reopen",
    "Spoiled",
    "Step",
    "Walk",
    "Who",
    "calls_of",
    "copied",
    "flattened",
    "in_python",
    "plain",
    "simpler",
    "spoil",
    "unscratched",
    "unspoiled",
    "without_reopening",
    "written",
]

T = TypeVar("T")

Who: TypeAlias = Literal["store", "other"]
"""Which of two owners' handles is asked."""

BlockKind: TypeAlias = Literal["transaction", "failing", "scratch"]


@attrs.frozen
class Call:
    """One call of *method*; whatever it streams is collected."""

    method: str
    arguments: tuple[object, ...] = ()
    who: Who = "store"


@attrs.frozen
class Spoiled:
    """A call; afterwards everything that was passed in, and returned, is changed."""

    call: Call


@attrs.frozen
class Walk:
    """A stream that is read to its end, with another call after its first item."""

    stream: Call
    meanwhile: Call


@attrs.frozen
class Block:
    """Steps in a transaction that ends well or fails, or in a scratch block."""

    kind: BlockKind
    steps: tuple[Step, ...]


@attrs.frozen
class Abandon:
    """Steps in a transaction that never ends, because the process dies; then it is reopened."""

    steps: tuple[Step, ...]


@attrs.frozen
class Reopen:
    """Another process goes on."""


Step: TypeAlias = Call | Spoiled | Walk | Block | Abandon | Reopen


# -- other programs from a program


def flattened(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield what *steps* come to if blocks do what they promise, without any block."""
    for step in steps:
        if isinstance(step, Block):
            if step.kind == "transaction":
                yield from flattened(step.steps)
        else:
            yield step


def unscratched(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield *steps* without scratch blocks, which leave nothing."""
    for step in steps:
        if not isinstance(step, Block):
            yield step
        elif step.kind != "scratch":
            yield Block(step.kind, tuple(unscratched(step.steps)))


def unspoiled(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield *steps* with nothing spoiled."""
    for step in steps:
        match step:
            case Spoiled(call):
                yield call
            case Block(kind, inner):
                yield Block(kind, tuple(unspoiled(inner)))
            case Abandon(inner):
                yield Abandon(tuple(unspoiled(inner)))
            case _:
                yield step


def without_reopening(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield *steps* without those that another process goes on after."""
    return (step for step in steps if not isinstance(step, Reopen | Abandon))


def calls_of(steps: Iterable[Step]) -> Iterator[Call]:
    """Yield every call in *steps*."""
    for step in steps:
        match step:
            case Call():
                yield step
            case Spoiled(call):
                yield call
            case Walk(stream, meanwhile):
                yield from (stream, meanwhile)
            case Block(_, inner) | Abandon(inner):
                yield from calls_of(inner)
            case Reopen():
                pass


def simpler(step: Step) -> Iterator[Step]:
    """Yield steps that do a little less than *step*."""
    match step:
        case Block(kind, inner):
            yield from (Block(kind, less) for less in _less(inner))
        case Abandon(inner):
            yield from (Abandon(less) for less in _less(inner))
        case Call(method, arguments, who):
            for at, argument in enumerate(arguments):
                for smaller in _smaller(argument):
                    yield Call(method, (*arguments[:at], smaller, *arguments[at + 1 :]), who)
        case Spoiled(call):
            yield from (Spoiled(one) for one in simpler(call) if isinstance(one, Call))
        case Walk() | Reopen():
            pass


def _less(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    for at, step in enumerate(steps):
        yield steps[:at] + steps[at + 1 :]
        for other in simpler(step):
            yield (*steps[:at], other, *steps[at + 1 :])


def _smaller(argument: object) -> Iterator[object]:
    """Yield what is less than a list or a dictionary by one item, or simpler in one."""
    if isinstance(argument, list):
        items = cast("list[object]", argument)
        for at, item in enumerate(items):
            yield [*items[:at], *items[at + 1 :]]
            yield from ([*items[:at], less, *items[at + 1 :]] for less in _barer(item))
    elif isinstance(argument, dict):
        held = cast("dict[object, object]", argument)
        for name in held:
            yield {key: value for key, value in held.items() if key != name}


def _barer(item: object) -> Iterator[object]:
    """Yield *item* with one attribute as it is by default."""
    if isinstance(item, Linked | Pending):
        for field in attrs.fields(type(item)):
            default: object = field.default
            if default is not attrs.NOTHING and getattr(item, field.name) != default:
                yield attrs.evolve(item, **{field.name: default})  # type: ignore[arg-type]


# -- in words


def in_python(step: Step, indent: str = "") -> Iterator[str]:
    """Yield *step* as lines of Python."""
    match step:
        case Call():
            yield f"{indent}{_call(step)}"
        case Spoiled(call):
            yield f"{indent}answer = {_call(call)}"
            yield f"{indent}# and then all that was passed in, and the answer, is changed in place"
        case Walk(stream, meanwhile):
            yield f"{indent}for item in {_call(stream)}:"
            yield f"{indent}    {_call(meanwhile)}  # once, after the first"
        case Block(kind, inner):
            yield f"{indent}with store.{'scratch' if kind == 'scratch' else 'transaction'}():"
            yield from _inside(inner, indent)
            if kind == "failing":
                yield f"{indent}    raise RuntimeError  # and so it is undone"
        case Abandon(inner):
            yield f"{indent}with store.transaction():"
            yield from _inside(inner, indent)
            yield f"{indent}    store = reopen(store)  # the process died, another goes on"
        case Reopen():
            yield f"{indent}store = reopen(store)"


def _inside(steps: Sequence[Step], indent: str) -> Iterator[str]:
    if not steps:
        yield f"{indent}    pass"
    for step in steps:
        yield from in_python(step, f"{indent}    ")


def _call(call: Call) -> str:
    return f"{call.who}.{call.method}({', '.join(map(written, call.arguments))})"


def written(value: object) -> str:
    """Return *value* as it is written in Python, what is so by default left out."""
    if isinstance(value, enum.Enum):
        return str(value) if type(value).__name__ != "Missing" else "MISSING"
    kind: type = type(value)
    if _sort(kind) in {"attrs", "entry"}:
        said = [
            f"{name}={written(held)}"
            for name, default in _defaults(kind)
            if (held := cast("object", getattr(value, name))) != default
        ]
        return f"{kind.__name__}({', '.join(said)})"
    if isinstance(value, dict):
        held = cast("dict[object, object]", value)
        return f"{{{', '.join(f'{written(k)}: {written(v)}' for k, v in held.items())}}}"
    if isinstance(value, tuple):
        items = [written(item) for item in cast("tuple[object, ...]", value)]
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if isinstance(value, list):
        return f"[{', '.join(map(written, cast('list[object]', value)))}]"
    return repr(value)


# -- comparing and spoiling

Plain: TypeAlias = object
"""What two answers are compared by: tuples of texts, in which true, 1 and 1.0 are three."""

_SCALARS: Final = frozenset({str, int, float, bool})
_UNORDERED: Final = frozenset({"open_links"})
"""Streams in no order."""


def plain(answer: object, method: str = "") -> Plain:
    """Return *answer* so that equal ones are equal, whatever containers a store is fond of."""
    kind: type = type(answer)
    if answer is None or kind in _SCALARS:
        return repr(answer)
    match _sort(kind):
        case "entry" if isinstance(answer, JournalEntry):
            # Its detail is JSON: its members count, not how they are spaced.
            detail = cast("object", json.loads(answer.detail))
            return ("JournalEntry", _members(answer)[:-1], plain(detail))
        case "enum":
            return str(answer)
        case "attrs":
            return (kind.__name__, _members(answer))
        case "mapping":
            held = cast("Mapping[object, object]", answer)
            return sorted(((plain(key), plain(value)) for key, value in held.items()), key=repr)
        case "set" | "sequence" as sort:
            items = [plain(item) for item in cast("Iterable[object]", answer)]
            unordered = method in _UNORDERED or sort == "set"
            return tuple(sorted(items, key=repr) if unordered else items)
        case _:
            return repr(answer)


def _members(answer: object) -> tuple[Plain, ...]:
    kind: type = type(answer)
    return tuple([plain(getattr(answer, name)) for name, _ in _defaults(kind)])


def copied(value: T) -> T:
    """Return *value*, which came from here, as `copy.deepcopy` does, and quicker."""
    said: object = value
    kind: type = type(value)
    if value is None or kind in _SCALARS:
        return value
    if kind is list:
        said = [copied(item) for item in cast("list[object]", value)]
    elif kind is tuple:
        said = tuple([copied(item) for item in cast("tuple[object, ...]", value)])
    elif kind is dict:
        held = cast("dict[object, object]", value)
        said = {copied(name): copied(one) for name, one in held.items()}
    elif _sort(kind) in {"attrs", "entry"}:
        said = new = cast("object", object.__new__(kind))
        for name, _ in _defaults(kind):
            object.__setattr__(new, name, copied(cast("object", getattr(value, name))))
    elif _sort(kind) != "enum":
        return copy.deepcopy(value)
    return cast("T", said)


# What a type is does not change, and is looked up for every value in every answer.


@functools.cache
def _defaults(kind: type) -> tuple[tuple[str, object], ...]:
    """Return the attributes of a class of attrs, with what each is by default."""
    return tuple((field.name, field.default) for field in attrs.fields(kind))


@functools.cache
def _sort(kind: type[object]) -> str:
    """Return as what a value of *kind* is compared."""
    if issubclass(kind, JournalEntry):
        return "entry"
    if issubclass(kind, enum.Enum):
        return "enum"
    if attrs.has(kind):
        return "attrs"
    if issubclass(kind, Mapping):
        return "mapping"
    if issubclass(kind, str) or not issubclass(kind, Iterable):
        return "scalar"
    return "set" if issubclass(kind, frozenset | set) else "sequence"


def spoil(value: object) -> None:
    """Change in place all of *value* that can be."""
    if isinstance(value, Linked):
        spoil([*value.rows])
        value.state = LinkState.GONE_DYNAMICS
        value.key += 1
    elif isinstance(value, Pending):
        spoil([*value.seen])
        value.attempts += 7
        value.retry_at = -1.0
    elif isinstance(value, Observation):
        spoil(value.row)
        spoil(value.claims)
    elif isinstance(value, dict):
        held = cast("dict[object, object]", value)
        spoil([*held.values()])
        held.clear()
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[object]", value):
            spoil(item)
        if isinstance(value, list):
            cast("list[object]", value).append("spoiled")
