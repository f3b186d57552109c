"""Schemas: what a system says of its columns, and when it says something else."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs
import pytest

from dynsync.errors import ConfigurationError
from dynsync.schemas import FULL_ACCESS, Access, Column, Option, Schema

NAME: Final = Column("lastname", length=50, required=True)
RATING: Final = Column("rating", options=(Option(1, "Hot"),))
LEAD: Final = Schema.of("lead", [NAME, RATING])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": 5}, "The column 5 needs a name that is text: Column('lastname', length=50)"),
        ({"type": 5}, "The column 'a' has type=5; give the system's own word"),
        ({"length": "40"}, "The column 'a' has length='40'; give a whole number from 0 on"),
        ({"length": -1}, "The column 'a' has length=-1; give a whole number"),
        ({"length": True}, "The column 'a' has length=True; give a whole number"),
        ({"unit": "byte"}, "The column 'a' has unit='byte'; say 'characters' or 'bytes'"),
        ({"access": "read"}, "The column 'a' has access='read'; say Access.READ"),
    ],
)
def test_a_column_is_told_what_can_be(given: Mapping[str, object], told: str) -> None:
    """What no system can mean is refused when the column is made, with what to give."""
    with pytest.raises(ConfigurationError) as caught:
        Column(**{"name": "a", **given})  # type: ignore[arg-type]

    assert str(caught.value).startswith(told)


def test_a_column_may_have_no_length() -> None:
    """None is no limit; nothing is one, of which every text is too long."""
    assert Column("a").length is None
    assert Column("a", length=0).length == 0


def test_access_is_narrowed_and_never_widened() -> None:
    """A right that the schema does not give is not given by the user's either."""
    readable = attrs.evolve(NAME, access=Access.READ | Access.UPDATE)
    narrowed = readable.restrict(Access.CREATE | Access.UPDATE)

    assert Access.UPDATE is narrowed.access
    assert attrs.evolve(readable, access=Access.UPDATE) == narrowed
    assert readable == readable.restrict(FULL_ACCESS)
    assert Access.NONE is readable.restrict(Access.NONE).access


def test_schema_knows_its_columns_by_name() -> None:
    """The system's own name, whatever the label."""
    assert {"lastname": NAME, "rating": RATING} == LEAD.columns
    assert "lead" == LEAD.table


@pytest.mark.parametrize(
    "changed",
    [
        attrs.evolve(NAME, label="Surname"),
        attrs.evolve(NAME, type="Memo"),
        attrs.evolve(NAME, length=51),
        attrs.evolve(NAME, unit="bytes"),
        attrs.evolve(NAME, minimum=Decimal(0)),
        attrs.evolve(NAME, digits=2),
        attrs.evolve(NAME, options=(Option(1, "Hot"),)),
        attrs.evolve(NAME, required=False),
        attrs.evolve(NAME, access=Access.READ),
    ],
)
def test_fingerprint_moves_with_all_that_is_said(changed: Column) -> None:
    """Each limit, label and right counts, and only those of the columns that are asked about."""
    other = Schema.of("lead", [changed, RATING])

    assert LEAD.fingerprint(["lastname"]) != other.fingerprint(["lastname"])
    assert LEAD.fingerprint(["rating"]) == other.fingerprint(["rating"])


def test_fingerprint_is_of_the_columns_however_they_are_asked_for() -> None:
    """Neither their order nor a name said twice counts; a column that is not there does."""
    both = LEAD.fingerprint(["lastname", "rating"])

    assert both == LEAD.fingerprint(["rating", "lastname", "rating"])
    assert both == Schema.of("lead", [RATING, NAME]).fingerprint(["lastname", "rating"])
    assert both != LEAD.fingerprint(["lastname"])
    assert both != Schema.of("lead", [NAME]).fingerprint(["lastname", "rating"])


def test_fingerprint_is_the_same_in_every_release() -> None:
    """It is stored: were it to move by itself, all that waits would be tried again."""
    assert "8c82bb3097d8a5de" == LEAD.fingerprint(["lastname", "rating", "fax"])
