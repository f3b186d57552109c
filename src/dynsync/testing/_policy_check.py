"""`check_policy`: the contract of a policy, over a table of collisions of every kind of value."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Final, TypeAlias, cast

import attrs

from dynsync.deciding import is_of_kind
from dynsync.errors import ConfigurationError, ContractError
from dynsync.fields import EntityMap
from dynsync.kinds import Kind
from dynsync.maps import CONTACT, LEAD
from dynsync.merge import merge_field
from dynsync.policies import AuthorityPolicy, Collision, Leave, Put, Resolution, Take, named
from dynsync.records import Choice, Entity, Pair, Reference, Side, Value
from dynsync.testing._attempts import Raised, attempted
from dynsync.testing._collisions import MARKERS, collisions
from dynsync.testing._findings import Clause, Finding, Findings, Standing
from dynsync.testing._given import must_be_callable
from dynsync.testing._store_steps import plain, written

__all__ = ["POLICY_CLAUSES", "check_policy"]

POLICY_CLAUSES: Final = (
    Clause(
        "P1",
        "One of three answers",
        "The merge knows a side, a value and no decision; anything else ends the run.",
    ),
    Clause(
        "P2",
        "Never raises",
        "A policy is asked about every collision there is, and what it raises ends the run for "
        "everybody.",
    ),
    Clause(
        "P3",
        "Equal collisions, equal answers",
        "A plan that is looked at and then applied, or a run that is repeated after a crash, must "
        "decide the same.",
    ),
    Clause("P4", "Changes nothing", "The collision is what the engine goes on with."),
    Clause(
        "P5",
        "Later is no reason",
        "A collision is asked about again in the next run, when both records are older by the "
        "same time; a policy that then changes its mind makes a value flip by itself.",
    ),
    Clause(
        "P6",
        "No value in the reason",
        "Reasons stand in journals and on screens, and field values are personal data.",
    ),
    Clause(
        "P7",
        "Mirrored",
        "Whether it treats the two systems alike is the host's to choose, and worth knowing: with "
        "the sides swapped, a policy that does takes the other side.",
    ),
)
"""The clauses, in order; P7 is told and not judged."""

_LATER: Final = 3600.0
_TELLING: Final = 5
_DAY: Final = len("2024-02-29")
_POLICIES: Final = (
    "Give a policy: newest(), prefer(Side.MARKETO), manual, or any function from a Collision to a "
    "Resolution."
)

_Judge: TypeAlias = Callable[[AuthorityPolicy, Collision], str]
"""Says what is wrong with how a policy answers a collision; nothing if all is well."""

_Kinds: TypeAlias = Mapping[tuple[Entity, str], Kind]


def check_policy(
    policy: AuthorityPolicy,
    *,
    fields: Sequence[str] = (),
    maps: Sequence[EntityMap] = (LEAD, CONTACT),
) -> Findings:
    """
    Return how it stands with each clause of the contract of policies.

    *policy* is asked about every field of *maps*, in values of its kind, and about every kind
    of value in a third entity; it is asked most about *fields*, and those that it has policies
    of its own for. P7 is told, and never broken: a policy that is not symmetric says so as not
    claimed. Raises `ConfigurationError` for one of *fields* that no map has, and where *policy*
    cannot be called.
    """
    must_be_callable("policy", policy, _POLICIES)
    names = [name for what, name in named(policy) if what == "field"]
    _must_be_known(fields, {*names, *(name for one in maps for name in one.names())})
    entities = [name for what, name in named(policy) if what == "entity"]
    asked = tuple(collisions(maps, (*names, *fields), entities))
    # Before anything else: a policy that remembers is itself only once.
    first = [_answer(policy, collision) for collision in asked]
    kinds = {(one.entity, field.name): field.kind for one in maps for field in one.fields}
    judges: dict[str, _Judge] = {**_JUDGES, "P1": partial(_is_an_answer, kinds)}
    found = [_found(one, judges[one.number], policy, asked) for one in POLICY_CLAUSES[:-1]]
    if found[2].standing is Standing.HELD:
        found[2] = _remembers(policy, asked, first) or found[2]
    return Findings(_name_of(policy), (*found, _mirrored(policy, asked)))


def _must_be_known(fields: Sequence[str], known: Collection[str]) -> None:
    for name in fields:
        if name not in known:
            raise ConfigurationError(
                f"fields= holds {name!r}, which is a field of no map. Correct it, or give the map "
                f"that has it: maps=[…]."
            )


def _name_of(policy: AuthorityPolicy) -> str:
    return str(getattr(policy, "__name__", type(policy).__name__)).lstrip("_")


def _found(
    clause: Clause, judge: _Judge, policy: AuthorityPolicy, asked: Sequence[Collision]
) -> Finding:
    for collision in asked:
        why = judge(policy, collision)
        if why:
            small = _smallest(partial(judge, policy), collision, asked)
            calls = _calls(clause.number, small)
            return Finding(clause, Standing.BROKEN, len(asked), judge(policy, small) or why, calls)
    return Finding(clause, Standing.HELD, len(asked))


def _remembers(
    policy: AuthorityPolicy, asked: Sequence[Collision], first: Sequence[Resolution | None]
) -> Finding | None:
    """Return what is found if *policy* answers otherwise than when it was *first* asked."""
    for collision, before in zip(asked, first, strict=True):
        now = _answer(policy, collision)
        if plain(now) != plain(before):
            why = f"it answers {written(now)}; when it was first asked it was {written(before)}"
            calls = (f"policy({written(collision)})  # before and after others",)
            return Finding(POLICY_CLAUSES[2], Standing.BROKEN, len(asked), why, calls)
    return None


def _smallest(
    wrong: Callable[[Collision], str], collision: Collision, asked: Sequence[Collision]
) -> Collision:
    """Return the collision that says it in the fewest words."""
    words = [len(written(one)) for one in asked]
    most = len(written(collision))
    shorter = sorted((length, at) for at, length in enumerate(words) if length < most)
    return next((asked[at] for _, at in shorter if wrong(asked[at])), collision)


def _calls(number: str, collision: Collision) -> tuple[str, ...]:
    call = f"policy({written(collision)})"
    match number:
        case "P3":
            return (call, f"{call}  # once more")
        case "P5":
            return (call, f"policy({written(_later(collision))})  # an hour later")
        case _:
            return (call,)


def _answer(policy: AuthorityPolicy, collision: Collision) -> Resolution | None:
    """Return what *policy* answers; None where it raises, which is another clause's."""
    answer = _asked(policy, collision)
    return None if isinstance(answer, Raised) else answer


def _asked(policy: AuthorityPolicy, collision: Collision) -> Resolution | Raised:
    # Its own copy, so that one that meddles does not spoil what others are asked.
    return attempted(lambda: policy(_copied(collision)))


def _copied(collision: Collision, ages: Pair[float | None] | None = None) -> Collision:
    # Not `attrs.evolve`, which takes several times as long; a check makes a hundred thousand.
    return Collision(
        collision.entity,
        collision.field,
        collision.base,
        collision.values,
        collision.ages if ages is None else ages,
    )


def _is_an_answer(kinds: _Kinds, policy: AuthorityPolicy, collision: Collision) -> str:
    answer = _answer(policy, collision)
    if answer is None and _raises(policy, collision):
        return ""
    try:
        # What the engine takes for an answer is the merge's to say.
        merge_field(
            collision.field,
            Pair("was", "was"),
            Pair("is", "is too"),
            policy=lambda _: answer,  # type: ignore[arg-type, return-value]
            same=lambda one, other: one == other,
        )
    except ContractError as error:
        return str(error).split(";")[0].replace("The policy", "it")
    kind = kinds.get((collision.entity, collision.field))
    if isinstance(answer, Put) and kind is not None and not is_of_kind(kind, answer.value):
        put = type(answer.value).__name__
        return f"it answered a Put of a {put} for a field whose kind is {kind.name}"
    return ""


def _raises(policy: AuthorityPolicy, collision: Collision) -> str:
    answer = _asked(policy, collision)
    return f"it {answer}" if isinstance(answer, Raised) else ""


def _is_fickle(policy: AuthorityPolicy, collision: Collision) -> str:
    one, other = _answer(policy, collision), _answer(policy, collision)
    if plain(one) != plain(other):
        return f"it answers {written(one)}, and asked the same again {written(other)}"
    return ""


def _meddles(policy: AuthorityPolicy, collision: Collision) -> str:
    # All that could be changed in place is its own: pairs are made anew, values copied.
    given = Collision(
        collision.entity,
        collision.field,
        collision.base.map(copy.deepcopy),
        collision.values.map(copy.deepcopy),
        collision.ages.map(copy.deepcopy),
    )
    with suppress(Exception):
        policy(given)
    if plain(given) != plain(collision):
        return f"afterwards the collision is {written(given)}"
    return ""


def _later(collision: Collision) -> Collision:
    ages = collision.ages.map(lambda age: None if age is None else age + _LATER)
    return _copied(collision, ages)


def _changes_its_mind(policy: AuthorityPolicy, collision: Collision) -> str:
    now, later = _answer(policy, collision), _answer(policy, _later(collision))
    if _decision(now) != _decision(later):
        return f"it answers {written(now)}, and an hour later {written(later)}"
    return ""


def _decision(answer: Resolution | None) -> object:
    """Return what *answer* decides, without the reason."""
    match answer:
        case Take(side=what) | Put(value=what):
            return type(answer), plain(what)
        case Leave():
            return type(answer)
        case _:
            return plain(answer)


def _quotes(policy: AuthorityPolicy, collision: Collision) -> str:
    answer = _answer(policy, collision)
    if not isinstance(answer, Take | Put | Leave):
        return ""
    told = str(answer.why).casefold()
    texts = {text.casefold() for value in collision.values for text in _tellings(value)}
    if any(text in told for text in texts):
        return "its reason quotes a value"
    return ""


def _tellings(value: Value) -> Iterator[str]:
    """Yield the texts by which *value* is known in a reason; of short ones nothing is known."""
    texts: Sequence[str]
    match value:
        case str():
            # Other texts look like words of a reason: "undefined", "Monday".
            texts = [value] if value in MARKERS or "@" in value else []
        case Choice():
            texts = [value.label]
        case frozenset():
            texts = [option.label for option in value]
        case Reference():
            texts = [value.id]
        case dt.date():
            texts = [str(value), value.isoformat(), str(value)[:_DAY]]
        case int() | Decimal() if not isinstance(value, bool):
            texts = [str(value)]
        case _:
            texts = []
    yield from (text for text in texts if len(text) >= _TELLING)


def _mirrored(policy: AuthorityPolicy, asked: Sequence[Collision]) -> Finding:
    clause = POLICY_CLAUSES[-1]
    alike = 0
    for collision in asked:
        mirror = attrs.evolve(
            collision,
            base=collision.base.swap(),
            values=collision.values.swap(),
            ages=collision.ages.swap(),
        )
        here, there = _answer(policy, collision), _answer(policy, mirror)
        if isinstance(there, Take) and isinstance(cast("object", there.side), Side):
            there = attrs.evolve(there, side=there.side.other)
        alike += _decision(here) == _decision(there)
    if alike == len(asked):
        return Finding(clause, Standing.HELD, alike)
    unlike = len(asked) - alike
    why = f"it does not treat the systems alike in {unlike} of {len(asked)} collisions"
    return Finding(clause, Standing.NOT_CLAIMED, alike, why)


_JUDGES: Final[Mapping[str, _Judge]] = {
    "P2": _raises,
    "P3": _is_fickle,
    "P4": _meddles,
    "P5": _changes_its_mind,
    "P6": _quotes,
}
