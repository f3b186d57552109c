"""The permission filter: selected by the host and accessible to the sync user (R79)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsync.permissions import Permitted, permit
from dynsync.records import Pair, Side
from dynsync.schemas import FULL_ACCESS, Access, Column, Schema

SELECTED: Final = {name: Pair(name, name.upper()) for name in ("a", "b", "c")}
ACCESSES: Final = (
    st.sampled_from([Access(value) for value in range(FULL_ACCESS.value + 1)]) | st.none()
)
TABLES: Final = st.fixed_dictionaries(dict.fromkeys("abc", ACCESSES))
"""What the sync user may do with each column; None where there is no such column."""


def schemas(marketo: dict[str, Access | None], dynamics: dict[str, Access | None]) -> Pair[Schema]:
    """Describe the columns of both sides."""

    def columns(access: dict[str, Access | None]) -> list[Column]:
        return [Column(name, access=a) for name, a in access.items() if a is not None]

    return Pair(
        Schema.of("person", columns(marketo)),
        Schema.of("lead", columns({name.upper(): a for name, a in dynamics.items()})),
    )


def test_selected_and_readable() -> None:
    """Of {a, b, c} selected and {b, c, d} readable, {b, c} take part, in the order selected."""
    readable = dict.fromkeys("bcd", FULL_ACCESS)
    permitted = permit(SELECTED, schemas({**readable, "a": FULL_ACCESS}, {**readable}))

    assert ("b", "c") == permitted.readable
    assert Pair((), ("a",)) == permitted.absent
    assert Pair((), ()) == permitted.unreadable


@pytest.mark.parametrize("side", Side)
def test_unreadable_on_one_side_exists_on_neither(side: Side) -> None:
    """A field that one side hides is not in play on the other, whatever is allowed there."""
    full: dict[str, Access | None] = dict.fromkeys("abc", FULL_ACCESS)
    hidden = {**full, "b": Access.CREATE | Access.UPDATE}
    permitted = permit(SELECTED, schemas(*Pair(full, full).replace(side, hidden)))

    assert ("a", "c") == permitted.readable
    assert Pair[tuple[str, ...]]((), ()).replace(side, ("b",)) == permitted.unreadable
    assert not any(permitted.may(s, "b", Access.UPDATE) for s in Side)


@pytest.mark.parametrize("access", [Access.CREATE, Access.UPDATE])
def test_writes_are_withheld_by_operation(access: Access) -> None:
    """A field may be read and yet not be written, by create and update apart (A18)."""
    full: dict[str, Access | None] = dict.fromkeys("abc", FULL_ACCESS)
    permitted = permit(SELECTED, schemas(full, {**full, "c": Access.READ | access}))

    assert "c" in permitted.readable
    assert permitted.may(Side.DYNAMICS, "c", access)
    assert not permitted.may(Side.DYNAMICS, "c", Access.CREATE | Access.UPDATE)
    assert permitted.may(Side.MARKETO, "c", Access.CREATE | Access.UPDATE)


def test_nothing_may_be_done_with_an_unknown_field() -> None:
    """What was not selected may not be touched."""
    full: dict[str, Access | None] = dict.fromkeys("abcd", FULL_ACCESS)
    permitted = permit(SELECTED, schemas(full, full))

    assert "d" not in permitted.readable
    assert not permitted.may(Side.MARKETO, "d", Access.READ)


def test_name_that_stands_for_no_column_is_readable() -> None:
    """A stamp has no column in Dynamics: it takes part, and nothing is written there."""
    one = schemas({"a": FULL_ACCESS}, {})
    permitted = permit({"@id": Pair("a", "")}, one)

    assert ("@id",) == permitted.readable
    assert permitted.may(Side.MARKETO, "@id", Access.UPDATE)
    assert not permitted.may(Side.DYNAMICS, "@id", Access.UPDATE)


def test_nothing_selected() -> None:
    """Without a selection nothing takes part."""
    assert Permitted((), Pair((), ()), Pair((), ()), Pair({}, {})) == permit({}, schemas({}, {}))


@given(TABLES, TABLES)
def test_each_field_has_one_fate(
    marketo: dict[str, Access | None], dynamics: dict[str, Access | None]
) -> None:
    """A field takes part, or a side says why not; access is never more than was granted."""
    permitted = permit(SELECTED, schemas(marketo, dynamics))
    for name in SELECTED:
        why = [name in (*permitted.unreadable[side], *permitted.absent[side]) for side in Side]
        assert (name in permitted.readable) is not any(why)
        for side, given_ in zip(Side, (marketo, dynamics), strict=True):
            assert name not in permitted.absent[side] or given_[name] is None
            for access in (Access.READ, Access.CREATE, Access.UPDATE):
                allowed = name in permitted.readable and access in (given_[name] or Access.NONE)
                assert allowed is permitted.may(side, name, access)


@given(TABLES, TABLES, TABLES)
def test_rights_taken_away_only_narrow(
    marketo: dict[str, Access | None],
    dynamics: dict[str, Access | None],
    left: dict[str, Access | None],
) -> None:
    """With fewer rights no field comes into play that was not (invariant 17)."""
    fewer = {
        name: None if access is None or left[name] is None else access & (left[name] or access)
        for name, access in dynamics.items()
    }
    before = permit(SELECTED, schemas(marketo, dynamics))
    after = permit(SELECTED, schemas(marketo, fewer))

    assert set(after.readable) <= set(before.readable)
