"""`check_field_map`: the default maps hold every clause, broken kinds and maps are caught."""

# What the methods promise is said by the classes that they are broken copies of.
# ruff: noqa: D102 - the protocol says it

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, cast

import attrs
import pytest

from dynsync.fields import EntityMap, Field
from dynsync.kinds import (
    BooleanKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    NumberKind,
    TextKind,
    Unfit,
)
from dynsync.maps import CONTACT, LEAD
from dynsync.records import Entity, Pair, Side, Value, Wire
from dynsync.sandbox import CONTACT_COLUMNS, LEAD_COLUMNS, PERSON_COLUMNS
from dynsync.schemas import Column, Schema
from dynsync.testing import Standing, check_field_map
from dynsync.testing._field_map_check import FIELD_MAP_CLAUSES

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "field-map-contract.md"

SCHEMAS: Final[Mapping[str, Pair[Schema]]] = {
    "lead": Pair(Schema.of("leads", PERSON_COLUMNS), Schema.of("lead", LEAD_COLUMNS)),
    "contact": Pair(Schema.of("leads", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS)),
}


@pytest.mark.parametrize("entity_map", [LEAD, CONTACT], ids=lambda each: each.entity)
def test_default_maps_hold_every_clause(entity_map: EntityMap) -> None:
    """Each field of the default maps reads, says and compares nasty values (invariant 26)."""
    found = check_field_map(entity_map, SCHEMAS[entity_map.entity])

    found.raise_if_broken()
    assert {Standing.HELD} == {finding.standing for finding in found.findings}
    assert all(finding.times > 20 for finding in found.findings)


def mapped(*kinds: Kind, names: tuple[str, ...] = ("one", "two", "three")) -> EntityMap:
    """Return a map of fields of *kinds*."""
    fields = [Field(n, Pair(n.title(), n.lower()), k) for n, k in zip(names, kinds, strict=False)]
    return EntityMap(
        entity=Entity("lead"), tables=Pair("leads", "lead"), fields=fields, link_field="crmId"
    )


@attrs.frozen
class Crashes(TextKind):
    """Takes everything for text."""

    def decode(self, wire: Wire, side: Side) -> Value:  # noqa: ARG002 - the protocol has it
        return cast("str", wire).strip() or None


@attrs.frozen
class LooksUp(TextKind):
    """Knows some words."""

    def decode(self, wire: Wire, side: Side) -> Value:  # noqa: ARG002 - the protocol has it
        return {None: None, "": None, "Hot": "1"}[wire]  # type: ignore[index]


@attrs.frozen
class Ascii(TextKind):
    """Knows one alphabet."""

    def decode(self, wire: Wire, side: Side) -> Value:
        value = TextKind.decode(self, wire, side)
        return value.encode("ascii").decode() if isinstance(value, str) else value


@attrs.frozen
class Escapes(TextKind):
    """Says text in another way than it reads it."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return value.replace("&", "&amp;").replace("<", "&lt;") if isinstance(value, str) else None


@attrs.frozen
class Rounds(NumberKind):
    """Says a number as a double."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return None if value is None else float(cast("Decimal", value))


@attrs.frozen
class Upper(TextKind):
    """Says everything in capitals, and compares it with its case."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return value.upper() if isinstance(value, str) else None


@attrs.frozen
class Midnight(DateKind):
    """Says a day as midnight in the west, which is the day before."""

    def encode(self, value: Value, side: Side) -> Wire:
        if not isinstance(value, dt.date) or value.year in {1, 9999}:
            return DateKind.encode(self, value, side)
        return (value - dt.timedelta(days=1)).isoformat()


@attrs.frozen
class YesOnly(BooleanKind):
    """Has no word for no, and says nothing, which is fine; for yes it says no."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return False if value else None


@attrs.frozen
class Negates(IntegerKind):
    """Forgets the sign."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return abs(value) if isinstance(value, int) else None


@attrs.frozen
class Cuts(TextKind):
    """Cuts text to what most columns hold."""

    def decode(self, wire: Wire, side: Side) -> Value:
        value = TextKind.decode(self, wire, side)
        return value[:255] if isinstance(value, str) else value


@attrs.frozen
class SaysLess(TextKind):
    """Says the beginning of a text."""

    def encode(self, value: Value, side: Side) -> Wire:
        wire = TextKind.encode(self, value, side)
        return wire[:100] if isinstance(wire, str) else wire


@attrs.frozen
class Folds(TextKind):
    """Compares text without case, accents not minded."""

    def key(self, value: Value) -> Hashable:
        key = TextKind.key(self, value)
        return key.casefold() if isinstance(key, str) else key


@attrs.frozen
class Doubles(IntegerKind):
    """Reads whole numbers as doubles."""

    def decode(self, wire: Wire, side: Side) -> Value:
        value = IntegerKind.decode(self, wire, side)
        return None if value is None else int(float(cast("int", value)))


@attrs.frozen
class Naive(InstantKind):
    """Takes no notice of offsets."""

    def decode(self, wire: Wire, side: Side) -> Value:
        return InstantKind.decode(self, wire[:19] if isinstance(wire, str) else wire, side)


@attrs.frozen
class Unhashable(TextKind):
    """Compares lists."""

    def key(self, value: Value) -> Hashable:
        return [TextKind.key(self, value)]  # type: ignore[return-value]


@attrs.frozen
class NotANumber(NumberKind):
    """Compares by something that equals nothing."""

    def key(self, value: Value) -> Hashable:
        return float("nan") if value is not None else None


@attrs.frozen
class Grows(TextKind):
    """Pads what it says, a little more every time."""

    def encode(self, value: Value, side: Side) -> Wire:  # noqa: ARG002 - the protocol has it
        return f"{value} " if isinstance(value, str) else None


@attrs.frozen
class BlankIsText(TextKind):
    """Takes blanks for a value."""

    def decode(self, wire: Wire, side: Side) -> Value:
        return wire if isinstance(wire, str) and wire else TextKind.decode(self, wire, side)


@attrs.frozen
class EmptyIsZero(IntegerKind):
    """Takes nothing for nought."""

    def decode(self, wire: Wire, side: Side) -> Value:
        return IntegerKind.decode(self, wire, side) or 0


@attrs.frozen
class NoDay(DateKind):
    """Has a day that stands for none."""

    def decode(self, wire: Wire, side: Side) -> Value:
        return DateKind.decode(self, wire, side) or dt.date(1900, 1, 1)


@attrs.frozen
class Quotes(IntegerKind):
    """Says what it could not read."""

    def decode(self, wire: Wire, side: Side) -> Value:
        try:
            return IntegerKind.decode(self, wire, side)
        except Unfit:
            raise Unfit("VALUE_TYPE", f"{wire!r} is no number") from None


@attrs.frozen
class Hangs(NumberKind):
    """Hangs the parser's complaint on its own."""

    def decode(self, wire: Wire, side: Side) -> Value:  # noqa: ARG002 - the protocol has it
        if wire is None or (isinstance(wire, str) and not wire.strip()):
            return None
        try:
            return Decimal(int(str(wire)))
        except ValueError as error:
            raise Unfit("VALUE_TYPE", "not a number") from error


@attrs.frozen
class Shows(DateKind):
    """Shows the beginning of the text, and the whole in the code."""

    def decode(self, wire: Wire, side: Side) -> Value:
        try:
            return DateKind.decode(self, wire, side)
        except Unfit as unfit:
            raise Unfit(str(wire), f"not a date: {str(wire)[:30]}") from unfit


@attrs.frozen
class Unstripped(TextKind):
    """Takes a blank at the end for an edit."""

    def key(self, value: Value) -> Hashable:
        return value or None


@attrs.frozen
class CaseCounts(EmailKind):
    """Takes an address in capitals for another one."""

    def key(self, value: Value) -> Hashable:
        return TextKind.key(self, value)


KINDS: Final[Mapping[type[Kind], str]] = {
    **dict.fromkeys((Crashes, LooksUp, Ascii), "F1"),
    **dict.fromkeys((Escapes, Rounds, Upper), "F2"),
    **dict.fromkeys((Midnight, YesOnly, Negates, SaysLess), "F3"),
    **dict.fromkeys((Cuts, Folds, Doubles, Naive), "F4"),
    **dict.fromkeys((Unhashable, NotANumber, Grows), "F5"),
    **dict.fromkeys((BlankIsText, EmptyIsZero, NoDay), "F6"),
    **dict.fromkeys((Quotes, Hangs, Shows), "F7"),
    **dict.fromkeys((Unstripped, CaseCounts), "F10"),
}


@pytest.mark.parametrize("broken", KINDS, ids=lambda broken: broken.__name__)
def test_broken_kind_is_caught(broken: type[Kind]) -> None:
    """A kind that is broken on purpose breaks its clause, and a call or two show it."""
    found = check_field_map(mapped(TextKind(), broken()))
    finding = found.of(KINDS[broken])

    assert Standing.BROKEN is finding.standing, str(found)
    assert 1 <= len(finding.calls) <= 2
    assert "field('two').kind" in finding.calls[0]


def test_how_much_was_cut_is_told() -> None:
    """Two texts that begin alike are not shown twice."""
    finding = check_field_map(mapped(SaysLess())).of("F3")

    assert re.search(r"says a text of \d+ characters as one that means 100$", finding.why)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ([Field("a", Pair("City", "x")), Field("b", Pair("city", "y"))], "Marketo field"),
        ([Field("a", Pair("X", "City")), Field("b", Pair("Y", "city"))], "Dynamics column"),
        ([Field("a", Pair("X", "x")), Field("A", Pair("Y", "y"))], "name"),
    ],
)
def test_names_that_differ_by_case_are_one(fields: list[Field], what: str) -> None:
    """Two fields on one column are caught, also where they are spelt in two ways."""
    entity_map = EntityMap(
        entity=Entity("lead"), tables=Pair("leads", "lead"), fields=fields, link_field="crmId"
    )
    finding = check_field_map(entity_map).of("F8")

    assert Standing.BROKEN is finding.standing
    assert f"the {what} " in finding.why


@pytest.mark.parametrize("side", Side)
def test_column_that_is_not_there_is_caught(side: Side) -> None:
    """A column that the system does not have is named."""
    schemas = Pair(
        Schema.of("leads", [Column("One"), Column("crmId")]), Schema.of("lead", [Column("one")])
    )
    lacking = schemas.replace(side, Schema.of("none", [Column("crmId")]))

    assert check_field_map(mapped(TextKind()), schemas).held
    finding = check_field_map(mapped(TextKind()), lacking).of("F9")
    assert Standing.BROKEN is finding.standing
    assert side.label in finding.why


def test_link_field_that_is_not_there_is_caught() -> None:
    """So is the field that would hold Dynamics' id."""
    schemas = Pair(Schema.of("leads", [Column("One")]), Schema.of("lead", [Column("one")]))

    assert "crmId" in check_field_map(mapped(TextKind()), schemas).of("F9").why


def test_columns_are_not_claimed_without_schemas() -> None:
    """Without schemas nothing is said of columns."""
    assert Standing.NOT_CLAIMED is check_field_map(LEAD).of("F9").standing


def test_every_clause_is_a_heading_of_the_page() -> None:
    """The page of the contract has each clause as a heading, in order, and no other."""
    headings = re.findall(r"^### (F\d+) (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert [(clause.number, clause.title) for clause in FIELD_MAP_CLAUSES] == headings
