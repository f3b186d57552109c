"""`check_field_map`: the contract of a map's fields and of their kinds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from dynsync.fields import EntityMap, Field
from dynsync.kinds import ChoiceKind, Kind, MultiChoiceKind, NumberKind, Unfit
from dynsync.records import Pair, Side, Value, Wire
from dynsync.schemas import Column, Schema
from dynsync.testing._attempts import Raised, attempted
from dynsync.testing._findings import Clause, Finding, Findings, Standing
from dynsync.testing._nasty import ALIKE, OPTIONS, UNLIKE, VALUES, WIRES
from dynsync.testing._store_steps import written

__all__ = ["FIELD_MAP_CLAUSES", "check_field_map"]

_TELLING: Final = 5
"""The length from which a value is told by its text; shorter ones are in any text."""

_SHOWN: Final = 80
"""How much of a value is shown."""

FIELD_MAP_CLAUSES: Final = (
    Clause(
        "F1",
        "Read or unfit",
        "A system says anything one day; what cannot be read becomes a validation result of one "
        "field, and anything else than `Unfit` ends the run.",
    ),
    Clause(
        "F2",
        "What is read can be said",
        "A value goes to the other side and comes back: if it means something else then, that is a "
        "change that nobody made (invariant 26).",
    ),
    Clause(
        "F3",
        "What is meant survives",
        "A policy may put any value of the field's kind, and it must be found again as what it "
        "was (invariant 26).",
    ),
    Clause(
        "F4",
        "Nothing is lost in silence",
        "Two values that are read as one are an edit that never reaches the other side; what does "
        "not fit is unfit, and the person is told.",
    ),
    Clause(
        "F5",
        "Comparison is settled",
        "Keys are looked up, and what is written a second time must be what was written first, or "
        "the two sides would write to each other for ever.",
    ),
    Clause(
        "F6",
        "Blank is null",
        "One system says an empty text where the other says null (A35).",
    ),
    Clause(
        "F7",
        "No value in a complaint",
        "Complaints are logged and shown, and field values are personal data.",
    ),
    Clause(
        "F8",
        "One name, one field",
        "Two fields on one column undo each other in turns.",
    ),
    Clause(
        "F9",
        "The columns are there",
        "A column that is not there is synced by nobody, and nobody notices.",
    ),
    Clause(
        "F10",
        "Another spelling is no edit",
        "The two systems write one thing in two ways (A33-A36), and would correct each other for "
        "ever.",
    ),
)
"""The clauses, in order."""


@attrs.frozen
class _Broken:
    """One case that breaks a clause."""

    number: str
    why: str
    calls: tuple[str, ...] = ()


def check_field_map(entity_map: EntityMap, schemas: Pair[Schema] | None = None) -> Findings:
    """
    Return how it stands with each clause of the contract of field maps.

    Every field's kind is asked to read, say and compare nasty values of each kind, on both
    sides. With *schemas*, the kinds are bound to the columns, and the columns must be there
    (F9); without, that is not claimed.
    """
    times: Counter[str] = Counter()
    broken: dict[str, _Broken] = {}
    for field in entity_map.fields:
        column = None if schemas is None else schemas.dynamics.columns.get(field.names.dynamics)
        for found in _of_kind(_bound(field.kind, column), field.name, times):
            _keep_shortest(broken, found)
    for found in (*_of_names(entity_map, times), *_of_columns(entity_map, schemas, times)):
        broken.setdefault(found.number, found)
    return Findings(
        f"the map of {entity_map.entity}",
        tuple(_finding(clause, times[clause.number], broken) for clause in FIELD_MAP_CLAUSES),
    )


def _keep_shortest(broken: dict[str, _Broken], found: _Broken) -> None:
    known = broken.get(found.number)
    if known is None or sum(map(len, found.calls)) < sum(map(len, known.calls)):
        broken[found.number] = found


def _finding(clause: Clause, times: int, broken: Mapping[str, _Broken]) -> Finding:
    if clause.number in broken:
        found = broken[clause.number]
        return Finding(clause, Standing.BROKEN, times, found.why, found.calls)
    if not times and clause.number == "F9":
        return Finding(clause, Standing.NOT_CLAIMED, 0, "no schemas were given to compare with")
    return Finding(clause, Standing.HELD if times else Standing.NOT_REACHED, times)


def _bound(kind: Kind, column: Column | None) -> Kind:
    """Return *kind* with the options of its column, or with some of ours if it has none."""
    if column is not None:
        kind = kind.bind(column)
    if isinstance(kind, ChoiceKind | MultiChoiceKind) and not kind.options:
        return attrs.evolve(kind, options=OPTIONS)
    return kind


# -- kinds


def _of_kind(kind: Kind, name: str, times: Counter[str]) -> Iterator[_Broken]:
    for side in Side:
        for wire in WIRES:
            yield from _of_wire(kind, name, wire, side, times)
        for value in _values(kind):
            yield from _of_value(kind, name, value, side, times)
        for one, other in UNLIKE.get(kind.name, ()):
            yield from _of_pair(kind, name, (one, other), side, times)
        for one, other in _alike(kind):
            yield from _of_spellings(kind, name, (one, other), side, times)
        for blank in (None, "", " ", "\t\r\n"):
            times["F6"] += 1
            value = _read(kind, blank, side)
            # No is what a system without null holds in its place (A33).
            if value is not None and value is not False:
                call = _decode(name, blank, side)
                yield _Broken("F6", f"the kind of {name!r} does not read it as null", (call,))


def _values(kind: Kind) -> Iterable[Value]:
    if isinstance(kind, ChoiceKind | MultiChoiceKind):
        return ()  # which options there are is the column's to say, and labels may not be unique
    return VALUES.get(kind.name, ())


def _of_wire(
    kind: Kind, name: str, wire: Wire, side: Side, times: Counter[str]
) -> Iterator[_Broken]:
    call = _decode(name, wire, side)
    times["F1"] += 1
    value = attempted(lambda: kind.decode(wire, side))
    if isinstance(value, Raised):
        if not isinstance(value.error, Unfit):
            yield _Broken("F1", f"the kind of {name!r} {value}", (call,))
            return
        times["F7"] += 1
        if _quotes(value.error, wire):
            yield _Broken("F7", "the complaint quotes the value", (call,))
        return
    times["F2"] += 1
    for target in Side:
        yield from _and_back(kind, name, value, target, ("F2", call))
    times["F5"] += 1
    yield from _settled(kind, name, value, call)


def _of_value(
    kind: Kind, name: str, value: Value, side: Side, times: Counter[str]
) -> Iterator[_Broken]:
    times["F3"] += 1
    yield from _and_back(kind, name, value, side, ("F3", ""))


def _and_back(
    kind: Kind, name: str, value: Value, side: Side, where: tuple[str, str]
) -> Iterator[_Broken]:
    """Say *value* to *side*, as JSON, and read it there."""
    number, first = where
    calls = (*filter(None, [first]), f"field({name!r}).kind.encode({written(value)}, {side})")

    def there_and_back() -> tuple[Wire, Value]:
        wire: Wire = json.loads(json.dumps(kind.encode(value, side)))
        return wire, kind.decode(wire, side)

    said = attempted(there_and_back)
    if isinstance(said, Raised):
        # Unfit is not in silence: the field is refused and the person told.
        if not isinstance(said.error, Unfit):
            yield _Broken(number, f"the kind of {name!r} {said}", calls)
        return
    wire, back = said
    if not _same(kind, value, back):
        yield _Broken(number, f"the kind of {name!r} {_unlike(value, wire, back)}", calls)
        return
    again = kind.encode(back, side)
    if kind.encode(kind.decode(again, side), side) != again:
        yield _Broken("F5", f"the kind of {name!r} says it in another way each time", calls)


def _unlike(value: Value, wire: Wire, back: Value) -> str:
    """Return how *value*, said as *wire*, comes *back* as something else."""
    match value, back:
        # Their beginnings are alike.
        case str(), str() if len(value) != len(back) >= _SHOWN:
            return f"says a text of {len(value)} characters as one that means {len(back)}"
        case _:
            pass
    return f"says it as {wire!r:.{_SHOWN}}, which means {written(back):.{_SHOWN}}"


def _settled(kind: Kind, name: str, value: Value, call: str) -> Iterator[_Broken]:
    settled = attempted(lambda: {kind.key(value)} == {kind.key(value)})
    if isinstance(settled, Raised):
        why = f"the key of {name!r} cannot be looked up: {type(settled.error).__name__}"
        yield _Broken("F5", why, (call, f"hash(field({name!r}).kind.key(…))"))
    elif not settled:
        yield _Broken("F5", f"the key of {name!r} is another each time", (call,))


def _of_pair(
    kind: Kind, name: str, pair: tuple[Wire, Wire], side: Side, times: Counter[str]
) -> Iterator[_Broken]:
    times["F4"] += 1
    both = attempted(lambda: [kind.decode(wire, side) for wire in pair])
    if isinstance(both, Raised):
        # Unfit is not silent, and what else it may be is another clause's.
        return
    one, other = both
    if _same(kind, one, other):
        calls = tuple(_decode(name, wire, side) for wire in pair)
        yield _Broken("F4", f"the kind of {name!r} takes two values for one", calls)


def _alike(kind: Kind) -> Iterator[tuple[Wire, Wire]]:
    yield from ALIKE.get(kind.name, ())
    if isinstance(kind, NumberKind) and kind.digits is not None:
        yield 1, f"1.{'0' * kind.digits}1"


def _of_spellings(
    kind: Kind, name: str, pair: tuple[Wire, Wire], side: Side, times: Counter[str]
) -> Iterator[_Broken]:
    both = attempted(lambda: [kind.decode(wire, side) for wire in pair])
    if isinstance(both, Raised):
        return
    times["F10"] += 1
    one, other = both
    if not _same(kind, one, other):
        calls = tuple(_decode(name, wire, side) for wire in pair)
        yield _Broken("F10", f"the kind of {name!r} tells two spellings of a value apart", calls)


def _same(kind: Kind, one: Value, other: Value) -> bool:
    same = attempted(lambda: bool(kind.key(one) == kind.key(other)))
    # A key that raises is another clause's.
    return True if isinstance(same, Raised) else same


def _read(kind: Kind, wire: Wire, side: Side) -> Value:
    value = attempted(lambda: kind.decode(wire, side))
    # Unfit is not null, whatever it is.
    return "unfit" if isinstance(value, Raised) else value


def _quotes(unfit: Unfit, wire: Wire) -> bool:
    error: BaseException | None = unfit
    text = str(wire)
    while error is not None:
        if len(text) >= _TELLING and text in repr(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _decode(name: str, wire: Wire, side: Side) -> str:
    return f"field({name!r}).kind.decode({wire!r}, {side})"


# -- names and columns


def _of_names(entity_map: EntityMap, times: Counter[str]) -> Iterator[_Broken]:
    every = (*entity_map.fields, *entity_map.stamps())
    first = [field for field in entity_map.fields if field.yields_to is None]
    for what, names in (
        ("name", [field.name for field in every]),
        ("Marketo field", [field.names.marketo for field in every]),
        ("Dynamics column", [field.names.dynamics for field in first]),
    ):
        times["F8"] += len(names)
        # Neither system tells two names apart by their case.
        for name, count in Counter(map(str.casefold, names)).items():
            if count > 1:
                yield _Broken("F8", f"the {what} {name!r} stands in {count} fields")


def _of_columns(
    entity_map: EntityMap, schemas: Pair[Schema] | None, times: Counter[str]
) -> Iterator[_Broken]:
    if schemas is None:
        return
    for side in Side:
        for column in _columns_of(entity_map.fields, entity_map, side):
            times["F9"] += 1
            if column not in schemas[side].columns:
                table = entity_map.tables[side]
                yield _Broken("F9", f"{side.label}'s {table!r} has no column {column!r}")


def _columns_of(fields: Iterable[Field], entity_map: EntityMap, side: Side) -> Iterator[str]:
    yield from (field.names[side] for field in fields)
    if side is Side.MARKETO:
        yield entity_map.link_field
