"""Kinds: what was said is understood, and what was understood can be said (invariant 26)."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import time
import zoneinfo
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    ReferenceKind,
    TextKind,
    Unfit,
    WallTimeKind,
)
from dynsync.records import Choice, Reference, Side, Value, Wire
from dynsync.schemas import Column, Option
from dynsync.testing.strategies import values, wires

STRICT: Final = decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded])

RATINGS: Final = (Option(1, "Hot"), Option(2, "Warm"), Option(3, "Cold"))

AWKWARD: Final = (
    Option(1, "2"),  # called by another's code
    Option(2, "Lost"),
    Option(3, "Lost"),  # called as another is
    Option(4, "lost "),  # and nearly so
    Option(5, ""),
    Option(6, "Red; or blue"),
    Option(7, " Padded "),
    Option(8, "9, 10"),
    Option(100_000_000, "Größe"),
    Option(-1, "İstanbul"),
)
"""Options that Dynamics allows and that a text can hardly name."""

KINDS: Final[Mapping[str, Kind]] = {
    "text": TextKind(),
    "email": EmailKind(),
    "integer": IntegerKind(),
    "number": NumberKind(),
    "money": NumberKind(digits=2),
    "boolean": BooleanKind(),
    "date": DateKind(),
    "instant": InstantKind(),
    "wall time": WallTimeKind(),
    "choice": ChoiceKind(RATINGS),
    "awkward choice": ChoiceKind(AWKWARD),
    "choice by code": ChoiceKind(AWKWARD, "code"),
    "open choice": ChoiceKind(),
    "choices": MultiChoiceKind(RATINGS),
    "awkward choices": MultiChoiceKind(AWKWARD),
    "choices by code": MultiChoiceKind(AWKWARD, "code"),
    "reference": ReferenceKind(),
}

NASTY: Final[tuple[Wire, ...]] = (
    None,
    "",
    " ",
    "\r\n",
    "\u00a0",
    "null",
    "None",
    "nan",
    "NaN",
    "sNaN",
    "inf",
    "-Infinity",
    "-",
    "--5",
    "+",
    "e",
    "1e5",
    "1e400",
    "1e99999999999999999999",
    "0e-99999999999999999999",
    "1_000",
    "１２",  # noqa: RUF001 - digits of another width
    "\u0663",
    "0x10",
    "2",
    ";",
    ",",
    ";;1;;",
    "1,9",
    "true",
    "False",
    "yes",
    "x" * 255,
    "x" * 256,
    "blank at the end ",
    "e\u0301",
    "\u00e9",
    "a\r\nb\rc",
    "\x00",
    "\ud800",
    "😀",
    "ẞ",
    "İ",
    0,
    -0.0,
    0.1,
    0.30000000000000004,
    1e22,
    1e-7,
    5e-324,
    1.7976931348623157e308,
    float("nan"),
    float("inf"),
    float("-inf"),
    2**53 + 1,
    -(2**63),
    10**30,
    10**99,
    10**400,
    True,
    False,
    "0e999999",
    "0." + "1" * 300,
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "1752-12-31",
    "1753-01-01T00:00:00Z",
    "9999-12-31",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "2016-12-31T23:59:60Z",
    "2024-02-30",
    "2024-13-01",
    "2024-03-31T02:30:00",
    "2024-10-27T02:30:00+01:00",
    "2024-05-01T10:00:00.9999999Z",
    "2024-05-01T10:00:00+0000",
    "2013-09-19T17:29:23Z+0000",
    "2024-05-01 10:00 CET",
    "2024-W18-3",
    "01/02/2024",
    "13/02/2024",
    "1 May 24",
    "May 2024",
    "Monday",
    "10:30",
    "now",
    "2024-05-01T10:00:00+99:00",
)

PIECES: Final = st.lists(
    st.sampled_from(
        [
            *("2024", "0001", "01", "13", "31", "99", "60", "24", "-", "/", ":", ".", ",", " "),
            *("T", "Z", "+01:00", "-0000", "CET", "UTC", "May", "Mon", "10pm", "am", ".5", "W"),
            *("and", "of", "1e"),
        ]
    ),
    max_size=9,
).map("".join)
"""Texts that a reader of dates might take for one."""

WIRES: Final = (
    wires()
    | st.sampled_from(NASTY)
    | PIECES
    | st.sampled_from([option.label for option in AWKWARD])
    | st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str)
    | st.datetimes().map(str)
    | st.lists(st.integers(-2, 9).map(str), max_size=4).map(",".join)
    | st.lists(st.sampled_from([o.label for o in AWKWARD]), max_size=3).map("; ".join)
)

ODD: Final[Mapping[str, st.SearchStrategy[Value]]] = {
    "text": st.text(st.characters(codec="utf-8")),
    "email": st.text(st.characters(codec="utf-8")),
    "integer": st.integers(-(10**60), 10**60),
    "number": st.sampled_from([Decimal("0E+9999"), Decimal("1E-50"), Decimal(2**53 + 1) / 10]),
    "money": st.integers(-(10**60), 10**60),
    "open choice": st.integers(-(2**31), 2**31 - 1).map(Choice),
    "choices": st.just(frozenset[Choice]()),
    "reference": st.text(max_size=3).map(Reference),
}
"""What the strategies of the kit do not draw: it is meant by nobody, and a policy may put it."""


def sayable(kind: Kind, value: Value, side: Side) -> bool:
    """Return whether *side* has words for *value*: an option may be one that no text names."""
    try:
        kind.encode(value, side)
    except Unfit:
        return False
    return True


# -- round trips


@pytest.mark.parametrize("name", sorted(KINDS))
@given(wire=WIRES, side=st.sampled_from(Side))
def test_what_is_read_can_be_said(name: str, wire: Wire, side: Side) -> None:
    """Whatever a side says is refused as unfit, or means the same once said to either side."""
    kind = KINDS[name]
    try:
        value = kind.decode(wire, side)
    except Unfit:
        return
    for target in Side:
        if target is not side and "awkward" in name and not sayable(kind, value, target):
            continue
        said = json.loads(json.dumps(kind.encode(value, target)))
        assert kind.key(kind.decode(said, target)) == kind.key(value)


@pytest.mark.parametrize("name", sorted(KINDS))
@given(data=st.data(), side=st.sampled_from(Side))
def test_what_is_meant_survives(name: str, data: st.DataObject, side: Side) -> None:
    """A value said to a side, as JSON, is understood there as the same value."""
    kind = KINDS[name]
    value = data.draw(values(kind) | ODD.get(name, st.none()))
    # A key can be looked up, and is the same each time.
    assert {kind.key(value)} == {kind.key(value)}
    try:
        wire = kind.encode(value, side)
    except Unfit:
        unnamed = isinstance(value, Choice | frozenset) and side is Side.MARKETO
        broken = isinstance(value, Reference) and not value.id.isascii()
        tiny = isinstance(value, Decimal) and abs(value.adjusted()) > 100
        assert unnamed or broken or tiny
        return
    assert kind.key(kind.decode(json.loads(json.dumps(wire)), side)) == kind.key(value)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("name", sorted(KINDS))
def test_nasty_values(name: str, side: Side) -> None:
    """A nasty value is unfit, told without quoting it, or it survives the round trip."""
    kind = KINDS[name]
    for wire in NASTY:
        try:
            value = kind.decode(wire, side)
        except Unfit as error:
            unfit = error
        else:
            assert kind.key(kind.decode(kind.encode(value, side), side)) == kind.key(value), wire
            continue
        assert unfit.code.isupper()
        assert not quotes(unfit, str(wire)), unfit


def quotes(error: BaseException, text: str) -> bool:
    """Return whether *error*, or what it hangs on, holds *text*."""
    return len(text) > 4 and any(text in repr(each) for each in chain(error))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and all that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("wire", [None, "", " ", "\t\r\n"])
@pytest.mark.parametrize("side", Side)
def test_blank_is_null(name: str, wire: Wire, side: Side) -> None:
    """Blank text is null for every kind, and null stays null."""
    kind = KINDS[name]

    assert kind.decode(wire, side) is None
    assert kind.encode(None, side) is None


STRAYS: Final[tuple[Value, ...]] = (
    "text",
    5,
    Decimal("0.5"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1E+500"),
    True,
    dt.date(2024, 5, 1),
    dt.datetime(2024, 5, 1),  # noqa: DTZ001 - on the wall
    dt.datetime(2024, 5, 1, tzinfo=dt.UTC),
    Choice(1),
    frozenset({Choice(1)}),
    frozenset({7}),  # type: ignore[arg-type]
    Reference("x"),
)


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("side", Side)
def test_value_of_another_kind_never_passes_for_null(name: str, side: Side) -> None:
    """What a policy puts into a field of another kind is refused, not taken for null."""
    kind = KINDS[name]
    for stray in STRAYS:
        assert kind.key(stray) != kind.key(None)
        try:
            wire = kind.encode(stray, side)
        except Unfit:
            continue
        assert wire is not None
        assert kind.key(kind.decode(wire, side)) == kind.key(stray)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_value_of_another_kind_is_the_same_as_no_other(name: str) -> None:
    """Not even where Python takes two for one, as it does yes for 1 and a day for midnight."""
    kind = KINDS[name]
    strays: list[Value] = [
        *("1", 1, True, dt.date(2024, 5, 1), Choice(1), Choice(2), Reference("1")),
        *(dt.datetime(2024, 5, 1), dt.datetime(2024, 5, 2)),  # noqa: DTZ001 - on the wall
        *(dt.datetime(2024, 5, day, tzinfo=dt.UTC) for day in (1, 2)),
        *(frozenset({Choice(code)}) for code in (1, 2)),
    ]

    assert len(strays) == len({kind.key(stray) for stray in strays})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_null_is_the_key_of_nothing(name: str) -> None:
    """What is empty is known by it, and left out of a new record; an empty yes or no is no."""
    assert (False if name == "boolean" else None) is KINDS[name].key(None)


REFUSED: Final[tuple[tuple[Kind, Wire, str, str], ...]] = (
    (TextKind(), True, "VALUE_TYPE", "something else where text is expected"),
    (TextKind(), "a\ud800", "VALUE_TYPE", "text with half a surrogate pair"),
    (TextKind(), "\udfffa", "VALUE_TYPE", "text with half a surrogate pair"),
    (ReferenceKind(), True, "VALUE_TYPE", "something else where text is expected"),
    (NumberKind(), "twelve", "VALUE_TYPE", "not a number"),
    (NumberKind(), True, "VALUE_TYPE", "not a number"),
    (NumberKind(), 10**101, "VALUE_RANGE", "a number that no column can hold"),
    (NumberKind(), float("inf"), "VALUE_RANGE", "a number that no column can hold"),
    (NumberKind(), "-1e99999999999999999999", "VALUE_RANGE", "a number that no column can hold"),
    (NumberKind(), "0e99999999999999999999", "VALUE_RANGE", "a number that no column can hold"),
    (IntegerKind(), "1e-9999999999999999999", "VALUE_RANGE", "a number that no column can hold"),
    (IntegerKind(), "twelve", "VALUE_TYPE", "not a number"),
    (IntegerKind(), 14.1, "VALUE_TYPE", "not a whole number"),
    (BooleanKind(), "maybe", "VALUE_TYPE", "neither true nor false"),
    (DateKind(), "May 2024", "VALUE_TYPE", "not a date, or not a whole one"),
    (InstantKind(), "10:30", "VALUE_TYPE", "not a date, or not a whole one"),
    (WallTimeKind(), 7, "VALUE_TYPE", "not a date, or not a whole one"),
    (InstantKind(), "0001-01-01T00:00:00+14:00", "DATE_RANGE", "a time that no calendar holds"),
    (ChoiceKind(RATINGS), "Tepid", "PICKLIST_RANGE", "not an option of this choice"),
    (MultiChoiceKind(RATINGS), 7, "PICKLIST_RANGE", "not an option of this choice"),
)
"""What a side may hold in a field, and what a person is told of it."""


@pytest.mark.parametrize(("kind", "wire", "code", "message"), REFUSED)
def test_what_is_unfit_is_told(kind: Kind, wire: Wire, code: str, message: str) -> None:
    """A code for programs, and for people what is wrong with the value, which is not quoted."""
    with pytest.raises(Unfit) as caught:
        kind.decode(wire, Side.MARKETO)

    assert (code, message) == (caught.value.code, str(caught.value))


NO_TEXT: Final = "not an option of this choice, or one that no text can name"
MISPUT: Final[tuple[tuple[Kind, Value, str, str], ...]] = (
    (TextKind(), 7, "VALUE_TYPE", "not text"),
    (EmailKind(), Choice(1), "VALUE_TYPE", "not text"),
    (IntegerKind(), Decimal(1), "VALUE_TYPE", "not a whole number"),
    (IntegerKind(), True, "VALUE_TYPE", "not a whole number"),
    (NumberKind(), "7", "VALUE_TYPE", "not a number"),
    (NumberKind(), Decimal("1E101"), "VALUE_RANGE", "a number that no column can hold"),
    (BooleanKind(), 1, "VALUE_TYPE", "neither true nor false"),
    (DateKind(), "2024-05-01", "VALUE_TYPE", "not a date"),
    (DateKind(), dt.datetime(2024, 5, 1, tzinfo=dt.UTC), "VALUE_TYPE", "not a date"),
    (InstantKind(), dt.date(2024, 5, 1), "VALUE_TYPE", "not a point in time"),
    (WallTimeKind(), dt.date(2024, 5, 1), "VALUE_TYPE", "not a wall-clock time"),
    (ChoiceKind(RATINGS), "Hot", "VALUE_TYPE", "not a choice"),
    (ChoiceKind(RATINGS), Choice(9), "PICKLIST_RANGE", NO_TEXT),
    (MultiChoiceKind(RATINGS), Choice(1), "VALUE_TYPE", "not a set of choices"),
    (MultiChoiceKind(RATINGS), frozenset({Choice(9)}), "PICKLIST_RANGE", NO_TEXT),
    (ReferenceKind(), "guid", "VALUE_TYPE", "not a reference"),
)
"""What a policy may put into a field that is of another kind."""


@pytest.mark.parametrize(("kind", "value", "code", "message"), MISPUT)
def test_what_cannot_be_said_is_told(kind: Kind, value: Value, code: str, message: str) -> None:
    """That a value is of another type is a code of its own: then its policy is wrong."""
    with pytest.raises(Unfit) as caught:
        kind.encode(value, Side.MARKETO)

    assert (code, message) == (caught.value.code, str(caught.value))


# -- text


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", " a "), ("a\nb", "a\r\nb"), ("a\nb", "a\rb"), ("", None), ("a\n", "a"), (" ", "")],
)
def test_equal_texts(one: Value, other: Value) -> None:
    """Blanks at the ends, line ends and the kind of nothing do not count (A35)."""
    assert TextKind().key(one) == TextKind().key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "A"), ("a b", "a  b"), ("null", None), ("e\u0301", "é"), ("0", None)]
)
def test_different_texts(one: Value, other: Value) -> None:
    """Case, inner blanks, code points and the word "null" do count."""
    assert TextKind().key(one) != TextKind().key(other)


def test_text_is_written_as_given() -> None:
    """Only the comparison normalises: what is written is what was read."""
    assert " a\r\n b " == TextKind().encode(
        TextKind().decode(" a\r\n b ", Side.MARKETO), Side.MARKETO
    )


def test_email_is_compared_without_case() -> None:
    """Addresses are one if they differ in case, and two if one has ß and the other ss."""
    kind = EmailKind()

    assert kind.key("Ada@Example.org ") == kind.key("ada@example.ORG")
    assert kind.key("strasse@example.org") != kind.key("straße@example.org")


@pytest.mark.parametrize("kind", [TextKind(), EmailKind(), ReferenceKind()])
def test_half_a_character_is_refused(kind: Kind) -> None:
    """Text that cannot be encoded is unfit, read or put."""
    with pytest.raises(Unfit, match="surrogate"):
        kind.decode("a\udc00", Side.DYNAMICS)
    with pytest.raises(Unfit):
        kind.encode(Reference("\ud800") if kind == ReferenceKind() else "\ud800", Side.MARKETO)


# -- numbers


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (0.1, Decimal("0.1")),
        ("0.10", Decimal("0.1")),
        (-0.0, Decimal(0)),
        (2**53 + 1, Decimal(9007199254740993)),
        (" 12.5 ", Decimal("12.5")),
        ("1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
    ],
)
def test_numbers_are_exact(wire: Wire, value: Decimal) -> None:
    """A number is what is written, not the nearest double."""
    assert value == NumberKind().decode(wire, Side.MARKETO)


@pytest.mark.parametrize(
    "wire",
    ["1_000", "１２", "12c", "1,5", "nan", True, float("nan"), float("inf"), 10**101],  # noqa: RUF001 - digits of another width
)
@pytest.mark.parametrize("kind", [NumberKind(), IntegerKind()])
def test_what_is_no_number(wire: Wire, kind: Kind) -> None:
    """What only some readers take for a number is none, and neither is what no column holds."""
    with pytest.raises(Unfit):
        kind.decode(wire, Side.DYNAMICS)


def test_number_is_held_up_to_a_power_of_ten() -> None:
    """Far past what any column holds: what is larger is a slip, and would take long to say."""
    largest = 10**100

    assert largest == IntegerKind().decode(largest, Side.MARKETO)
    assert largest == NumberKind().encode(NumberKind().decode("1e100", Side.MARKETO), Side.MARKETO)
    assert Decimal("1e-100") == NumberKind().decode("1e-100", Side.MARKETO)


def test_fraction_is_no_whole_number() -> None:
    """An integer field refuses 14.1 and takes 14.0."""
    assert 14 == IntegerKind().decode(14.0, Side.MARKETO)
    with pytest.raises(Unfit, match="whole"):
        IntegerKind().decode(14.1, Side.MARKETO)


def test_number_is_said_as_json_can() -> None:
    """Whole numbers are said whole, others as a double where it holds them, else as text."""
    kind = NumberKind()
    said = [
        kind.encode(Decimal(n), Side.DYNAMICS) for n in ("3.0", "0.1", "0.12345678901234567890")
    ]

    assert [3, 0.1, "0.12345678901234567890"] == said
    assert isinstance(said[0], int)


def test_money_is_compared_at_its_decimals() -> None:
    """Amounts are equal if they are at the decimals of the column (A34)."""
    kind = NumberKind().bind(Column("revenue", digits=2))

    assert kind.key(Decimal("1.104")) == kind.key(Decimal("1.1"))
    assert kind.key(Decimal("1.106")) != kind.key(Decimal("1.1"))
    assert kind.key(Decimal("-0.001")) == kind.key(0)
    assert kind.key(Decimal(0)) != kind.key(None)


def test_digits_given_by_the_host_stay() -> None:
    """A column's precision fills in what the host left open, and no more."""
    assert NumberKind(digits=4) == NumberKind(digits=4).bind(Column("revenue", digits=2))
    assert NumberKind() == NumberKind().bind(Column("revenue"))


def test_hosts_decimal_context_does_not_matter() -> None:
    """Comparing is exact even where the host computes with three digits and traps."""
    big = Decimal("123456789012345678901234567890.12")
    with decimal.localcontext(STRICT):
        kind = NumberKind(digits=2)

        assert big == kind.key(kind.decode(str(big), Side.MARKETO))
        assert kind.key(big) != kind.key(Decimal("123456789012345678901234567890.13"))


# -- booleans


@pytest.mark.parametrize("wire", [True, "true", "TRUE ", "1", 1, 1.0, "yes"])
def test_yes(wire: Wire) -> None:
    """The words for yes are understood."""
    assert BooleanKind().decode(wire, Side.MARKETO) is True


@pytest.mark.parametrize("wire", [False, "false", " False", "0", 0, -0.0, "no"])
def test_no(wire: Wire) -> None:
    """The words for no are understood."""
    assert BooleanKind().decode(wire, Side.MARKETO) is False


@pytest.mark.parametrize("wire", ["other", 2, 0.5, "null", float("nan")])
def test_neither_yes_nor_no(wire: Wire) -> None:
    """Anything else is unfit."""
    with pytest.raises(Unfit):
        BooleanKind().decode(wire, Side.MARKETO)


def test_null_is_no() -> None:
    """Null equals no (A33), yet is said as null, so that it is not pushed back as no."""
    assert BooleanKind().key(None) == BooleanKind().key(value=False)
    assert BooleanKind().encode(None, Side.DYNAMICS) is None


# -- dates and times


@pytest.mark.parametrize("wire", ["2024-05-01", "2024-05-01T23:30:00-05:00", "May 1, 2024"])
def test_day_is_the_day_that_is_written(wire: Wire) -> None:
    """A date does not move with the zone it is written in (U24)."""
    assert dt.date(2024, 5, 1) == DateKind().decode(wire, Side.DYNAMICS)


@pytest.mark.parametrize(
    "wire",
    [
        "2024-02-30",
        "2024-13-01",
        "2016-12-31T23:59:60Z",  # a leap second
        "01/02/2024",  # January or February
        "1 May 24",  # of which century
        "May 2024",
        "Monday",
        "10:30",
        "2024-05-01 10:00 CET",  # what that is depends on the machine
        "2024-05-01T10:00:00+99:00",
        "yesterday",
        20240501,
        True,
    ],
)
@pytest.mark.parametrize("kind", [DateKind(), InstantKind(), WallTimeKind()], ids=lambda k: k.name)
def test_date_that_could_be_another_is_refused(wire: Wire, kind: Kind) -> None:
    """What has to be guessed is unfit: a guess would be an edit that nobody made."""
    with pytest.raises(Unfit):
        kind.decode(wire, Side.MARKETO)


@pytest.mark.parametrize(
    "wire",
    [
        "2024-05-01T10:00:00Z",
        "2024-05-01T10:00:00",
        "2024-05-01T12:00:00+0200",
        "2024-05-01T10:00:00.9999999Z",
        "2024-05-01T10:00:00Z+0000",
        "2024-05-01 10:00 UTC",
    ],
)
def test_instants_are_one_in_utc(wire: Wire) -> None:
    """Offsets are applied, fractions dropped, and without an offset it is UTC."""
    kind = InstantKind()
    value = kind.decode(wire, Side.MARKETO)

    assert dt.datetime(2024, 5, 1, 10, tzinfo=dt.UTC) == kind.key(value)
    assert "2024-05-01T10:00:00Z" == kind.encode(value, Side.DYNAMICS)


def test_clock_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time means the same wherever the sync runs."""
    for zone in ("America/New_York", "Asia/Kathmandu", "CET-1CEST"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            assert "2024-05-01T10:00:00Z" == InstantKind().encode(
                InstantKind().decode("2024-05-01 10:00", Side.MARKETO), Side.DYNAMICS
            )
            with pytest.raises(Unfit):
                InstantKind().decode("2024-05-01 10:00 CET", Side.MARKETO)
        finally:
            monkeypatch.undo()
            time.tzset()


def test_time_in_a_repeated_hour_equals_itself() -> None:
    """A time that a policy puts in a zone is compared as the instant that it is."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    put = dt.datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1)
    kind = InstantKind()

    assert kind.key(put) == kind.key(kind.decode(kind.encode(put, Side.MARKETO), Side.MARKETO))


def test_time_that_no_calendar_holds() -> None:
    """A time beyond the calendar in UTC is unfit, read or put."""
    beyond = dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=1)))
    with pytest.raises(Unfit):
        InstantKind().decode("0001-01-01T00:00:00+14:00", Side.DYNAMICS)
    with pytest.raises(Unfit):
        InstantKind().encode(beyond, Side.DYNAMICS)

    assert InstantKind().key(beyond) == InstantKind().key(beyond)
    assert InstantKind().key(beyond) != InstantKind().key(beyond + dt.timedelta(seconds=1))


@pytest.mark.parametrize(
    "wire", ["2024-03-31T02:30:00Z", "2024-03-31T02:30:00", "2024-03-31T02:30:00+05:00"]
)
def test_wall_time_is_what_the_clock_shows(wire: Wire) -> None:
    """A time on the wall has no zone, not even where that hour was skipped."""
    value = WallTimeKind().decode(wire, Side.DYNAMICS)

    assert dt.datetime(2024, 3, 31, 2, 30) == value  # noqa: DTZ001 - on the wall
    assert "2024-03-31T02:30:00Z" == WallTimeKind().encode(value, Side.MARKETO)


# -- choices


@pytest.mark.parametrize("wire", [2, "2", "Warm", " warm ", "WARM"])
@pytest.mark.parametrize("side", Side)
def test_choice_by_code_or_label(wire: Wire, side: Side) -> None:
    """An option is found by its code or its label, whatever the case."""
    assert Choice(2) == ChoiceKind(RATINGS).decode(wire, side)


def test_choice_is_read_with_its_label() -> None:
    """The code decides what is equal; a person is shown the label."""
    warm = ChoiceKind(RATINGS).decode(2, Side.DYNAMICS)
    open_ = ChoiceKind().decode(2, Side.DYNAMICS)

    assert isinstance(warm, Choice)
    assert isinstance(open_, Choice)
    assert ("Warm", "") == (warm.label, open_.label)


@pytest.mark.parametrize("code", [-(2**31), 2**31 - 1])
def test_choice_without_options_takes_any_code_that_dynamics_could_have(code: int) -> None:
    """Codes are whole numbers of 32 bits; one more in either direction is none."""
    kind = ChoiceKind()

    assert Choice(code) == kind.decode(code, Side.DYNAMICS)
    for beyond in (code - 1, code + 1):
        if not -(2**31) <= beyond < 2**31:
            with pytest.raises(Unfit):
                kind.decode(beyond, Side.DYNAMICS)


def test_choice_is_said_as_each_side_says_it() -> None:
    """Marketo holds the label, unless it holds codes; Dynamics always the code (A32)."""
    assert "Warm" == ChoiceKind(RATINGS).encode(Choice(2), Side.MARKETO)
    assert 2 == ChoiceKind(RATINGS, "code").encode(Choice(2), Side.MARKETO)
    assert 2 == ChoiceKind(RATINGS).encode(Choice(2, "anything"), Side.DYNAMICS)


@pytest.mark.parametrize("wire", ["Tepid", 4, "4", 1.0, True, "-1"])
@pytest.mark.parametrize("kind", [ChoiceKind(RATINGS), MultiChoiceKind(RATINGS)])
def test_unknown_option(wire: Wire, kind: Kind) -> None:
    """What is no option is refused with Dynamics' own word for it."""
    with pytest.raises(Unfit) as caught:
        kind.decode(wire, Side.DYNAMICS)

    assert "PICKLIST_RANGE" == caught.value.code


def test_number_is_a_code_even_where_an_option_is_called_so() -> None:
    """Dynamics' 2 is the option of code 2, not the one labelled "2"; Marketo's text is."""
    kind = ChoiceKind(AWKWARD)

    assert Choice(2) == kind.decode(2, Side.DYNAMICS)
    assert Choice(2) == kind.decode("2", Side.DYNAMICS)
    assert Choice(1) == kind.decode("2", Side.MARKETO)
    assert Choice(2) == attrs.evolve(kind, marketo="code").decode("2", Side.MARKETO)


def test_shared_label_is_not_said() -> None:
    """Where a label would be taken for another option, the code is said; where both would, none."""
    kind = ChoiceKind(AWKWARD)

    assert "3" == kind.encode(Choice(3), Side.MARKETO)
    assert "5" == kind.encode(Choice(5), Side.MARKETO)
    with pytest.raises(Unfit):
        kind.encode(Choice(2), Side.MARKETO)


def test_choices_are_joined() -> None:
    """Marketo holds labels joined by semicolons, Dynamics codes joined by commas."""
    kind = MultiChoiceKind(AWKWARD)
    value = frozenset({Choice(8), Choice(7), Choice(6)})

    assert "6;Padded;9, 10" == kind.encode(value, Side.MARKETO)
    assert "6,7,8" == kind.encode(value, Side.DYNAMICS)
    assert value == kind.decode(" padded;; 6 ;9, 10", Side.MARKETO)
    assert frozenset({Choice(7)}) == kind.decode(7, Side.DYNAMICS)


def test_no_choices_are_null() -> None:
    """An empty set, and separators with nothing between them, are null."""
    kind = MultiChoiceKind(RATINGS)

    assert kind.key(None) == kind.key(frozenset())
    assert kind.encode(frozenset(), Side.MARKETO) is None
    assert kind.decode(" ; ", Side.MARKETO) is None


@pytest.mark.parametrize("make", [ChoiceKind, MultiChoiceKind])
def test_options_come_from_the_column(make: type[ChoiceKind | MultiChoiceKind]) -> None:
    """A kind without options takes the column's; one that has them keeps its own."""
    bound = make().bind(Column("rating", options=RATINGS))

    assert make(RATINGS) == bound
    assert bound == bound.bind(Column("rating", options=AWKWARD))


# -- references


def test_reference_is_compared_without_case() -> None:
    """GUIDs are one whatever the case (R102)."""
    kind = ReferenceKind()

    assert kind.key(kind.decode(" ABC-1 ", Side.MARKETO)) == kind.key(Reference("abc-1"))
    assert kind.key(None) == kind.key(Reference(" "))
    assert "42" == kind.encode(kind.decode(42, Side.MARKETO), Side.MARKETO)


# -- equality


@given(st.text(), st.text())
@example("a", "A")
def test_equal_emails_are_equal_texts_but_for_case(one: str, other: str) -> None:
    """E-mail equality is text equality in lower case, and nothing more."""
    text, email = TextKind(), EmailKind()

    assert (email.key(one) == email.key(other)) == (
        text.key(one.lower()) == text.key(other.lower())
    )


@pytest.mark.parametrize("name", sorted(KINDS))
def test_kind_has_a_name(name: str) -> None:
    """A kind can be named to people, and binding a plain column changes nothing."""
    kind = KINDS[name]

    assert kind.name
    assert kind == kind.bind(Column("plain"))
