"""Validation: what a schema tells of a value before it is sent (R92)."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsync.records import Wire
from dynsync.schemas import Column, Option
from dynsync.validation import check, length_alone, truncate

STRICT: Final = decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded])
TEXT: Final = Column("lastname", type="String", length=50)
AREA: Final = Column("address", type="text", length=10, unit="bytes")
WHOLE: Final = Column("score", minimum=Decimal(0), maximum=Decimal(100), digits=0)
MONEY: Final = Column("revenue", minimum=Decimal(0), digits=2)
RATING: Final = Column("rating", options=(Option(1, "Hot"), Option(2, "Warm")))
NAME: Final = Column("lastname", required=True)
WHEN: Final = Column("createdon", type="DateTime")


def codes(wire: Wire, column: Column) -> list[str]:
    """Return the codes of the reasons for which *column* refuses *wire*."""
    return [reason.code for reason in check(wire, column)]


@pytest.mark.parametrize(
    ("wire", "column"),
    [
        ("x" * 50, TEXT),
        ("é" * 50, TEXT),
        ("", TEXT),
        (None, TEXT),
        ("é" * 5, AREA),
        (0, WHOLE),
        (-0.0, WHOLE),
        (100, WHOLE),
        (100.0, WHOLE),
        ("100", WHOLE),
        ("1E+2", WHOLE),
        (None, WHOLE),
        (True, WHOLE),
        (0.1, MONEY),
        (10**30, MONEY),
        ("123456789012345678901234567890.12", MONEY),
        ("1.10000", MONEY),
        ("1E+999999999", MONEY),
        (1, RATING),
        (None, RATING),
        ("Hot", RATING),
        ("x", NAME),
        (False, NAME),
        (0, NAME),
        ("1753-01-01", WHEN),
        ("9999-12-31T23:59:59Z", WHEN),
        (None, WHEN),
        ("", WHEN),
        (float("nan"), TEXT),
    ],
)
def test_fits(wire: Wire, column: Column) -> None:
    """What the column can hold is not refused, up to its very limits."""
    assert [] == codes(wire, column)


@pytest.mark.parametrize(
    ("wire", "column", "code"),
    [
        ("x" * 51, TEXT, "FIELD_LENGTH"),
        ("é" * 6, AREA, "FIELD_LENGTH"),
        ("\ud800" * 4, AREA, "FIELD_LENGTH"),
        (-1, WHOLE, "VALUE_RANGE"),
        (101, WHOLE, "VALUE_RANGE"),
        (10**400, WHOLE, "VALUE_RANGE"),
        (1e308, WHOLE, "VALUE_RANGE"),
        (float("nan"), WHOLE, "VALUE_RANGE"),
        (float("inf"), MONEY, "VALUE_RANGE"),
        ("NaN", MONEY, "VALUE_RANGE"),
        ("sNaN", MONEY, "VALUE_RANGE"),
        (0.5, WHOLE, "PRECISION"),
        (0.001, MONEY, "PRECISION"),
        ("123456789012345678901234567890.123", MONEY, "PRECISION"),
        ("1E-999999999", MONEY, "PRECISION"),
        (3, RATING, "PICKLIST_RANGE"),
        (None, NAME, "REQUIRED"),
        ("", NAME, "REQUIRED"),
        ("1752-12-31", WHEN, "DATE_RANGE"),
        ("0001-01-01T00:00:00Z", WHEN, "DATE_RANGE"),
    ],
)
def test_does_not_fit(wire: Wire, column: Column, code: str) -> None:
    """What the column cannot hold is refused, with the column's name and no value."""
    [reason] = check(wire, column)

    assert code == reason.code
    assert column.name == reason.field
    assert column.name in reason.message
    assert str(wire) not in reason.message or str(wire) in {"", "-1"} or wire is None


@pytest.mark.parametrize("type_", ["DateTime", "DateOnly", "TimeZoneIndependent"])
def test_first_day_is_dynamics_alone(type_: str) -> None:
    """Only Dynamics knows an earliest day; Marketo holds older ones."""
    assert ["DATE_RANGE"] == codes("1752-12-31", attrs.evolve(WHEN, type=type_))
    assert [] == codes("1752-12-31", attrs.evolve(WHEN, type="datetime"))
    assert [] == codes("1752-12-31", attrs.evolve(WHEN, type="String"))


@pytest.mark.parametrize(
    ("wire", "column", "message"),
    [
        ("x" * 51, TEXT, "51 characters, but 'lastname' holds 50"),
        ("é" * 6, AREA, "12 bytes, but 'address' holds 10"),
        (101, WHOLE, "outside 'score''s range, 0 to 100"),
        (-1, MONEY, "outside 'revenue''s range, 0 to any"),
        (8, Column("rank", maximum=Decimal(7)), "outside 'rank''s range, any to 7"),
        (0.125, MONEY, "3 decimals, but 'revenue' keeps 2"),
        (3, RATING, "not an option of 'rating'"),
        ("1752-12-31", WHEN, "'createdon' holds no day before 1753-01-01"),
        (None, NAME, "'lastname' must have a value"),
    ],
)
def test_message_says_what_is_held(wire: Wire, column: Column, message: str) -> None:
    """A refusal tells what would be taken, so that a person knows how much to cut."""
    assert [message] == [reason.message for reason in check(wire, column)]


@pytest.mark.parametrize("column", [TEXT, NAME, Column("description")])
def test_of_plain_text_the_length_is_all(column: Column) -> None:
    """What needs no look at what the text says."""
    assert length_alone(column)


@pytest.mark.parametrize(
    "column",
    [
        AREA,
        RATING,
        WHEN,
        Column("score", minimum=Decimal(0)),
        Column("score", maximum=Decimal(0)),
        Column("score", digits=0),
    ],
)
def test_of_other_columns_it_is_not(column: Column) -> None:
    """Bytes, numbers, options and days are asked about one by one."""
    assert not length_alone(column)


def test_every_reason_is_told() -> None:
    """A value that is wrong twice is refused for two reasons."""
    column = attrs.evolve(WHEN, length=4)

    assert ["FIELD_LENGTH", "DATE_RANGE"] == codes("1700-01-01", column)


def test_hosts_decimal_context_does_not_matter() -> None:
    """Decimals are counted exactly even where the host computes with three digits and traps."""
    with decimal.localcontext(STRICT):
        assert [] == codes("1234567890.12", MONEY)
        assert ["PRECISION"] == codes("1234567890.123", MONEY)


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_check_never_fails(wire: Wire) -> None:
    """Whatever is asked about gets an answer."""
    for column in (TEXT, AREA, WHOLE, MONEY, RATING, NAME, WHEN):
        assert all(code.isupper() for code in codes(wire, column))


@given(st.text(), st.integers(0, 12))
def test_truncated_text_fits(text: str, length: int) -> None:
    """Cut text is a beginning of the text, fits, and is whole where there was nothing to cut."""
    for column in (attrs.evolve(TEXT, length=length), attrs.evolve(AREA, length=length)):
        cut = truncate(text, column)
        assert isinstance(cut, str)
        assert text.startswith(cut)
        assert [] == codes(cut, column)
        if [] == codes(text, column):
            assert text == cut


def test_truncation_keeps_characters_whole() -> None:
    """Where bytes are counted, a character that does not fit is left out as a whole."""
    assert "ééééé" == truncate("éééééé", AREA)
    assert "xéééé" == truncate("xééééé", AREA)
    assert "😀😀" == truncate("😀😀😀", AREA)
    assert "ab" == truncate("a\ud800b", AREA)


@pytest.mark.parametrize("wire", [None, 5, 0.5, True])
def test_only_text_is_truncated(wire: Wire) -> None:
    """Other values, and text without a limit, stay as they are."""
    assert wire is truncate(wire, attrs.evolve(TEXT, length=1))
    assert "x" * 999 == truncate("x" * 999, Column("description"))
