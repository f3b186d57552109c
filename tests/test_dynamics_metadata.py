"""What Dynamics says of its columns, joined with what the sync user may do."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dataverse import ME, SALARY, answers
from dynsync.dynamics import _metadata as metadata
from dynsync.dynamics._odata import Garbled, Json, Literal
from dynsync.dynamics._tables import Table
from dynsync.schemas import FULL_ACCESS, Access, Option

ADMINISTRATOR = "627090ff-40a3-4053-8790-584edc5be201"


def table() -> Table:
    """Return contacts as they are described to a user who may do all."""
    return metadata.described("contact", answers())


def test_columns_have_their_types_and_limits() -> None:
    """Lengths, bounds, decimals, options with labels, and what kind of date a date is."""
    columns = table().schema.columns

    assert ("String", 50, "Firstname") == (
        columns["firstname"].type,
        columns["firstname"].length,
        columns["firstname"].label,
    )
    score, revenue = columns["new_score"], columns["revenue"]
    assert (Decimal(0), Decimal(100), 0) == (score.minimum, score.maximum, score.digits)
    assert (Decimal(100000000000000), 2) == (revenue.maximum, revenue.digits)
    assert (Option(0, "Active"), Option(1, "Inactive")) == columns["statecode"].options
    assert (Option(2, "Gone", 1),) == columns["statuscode"].options
    assert (Option(1, "Product"), Option(9, "Training")) == columns["new_interests"].options
    assert "MultiSelectPicklist" == columns["new_interests"].type
    assert ["DateOnly", "TimeZoneIndependent", "DateTime"] == [
        columns[name].type for name in ("birthdate", "new_appointment", "modifiedon")
    ]


def test_a_length_below_0_limits_nothing() -> None:
    """It is no length that a column can have, and nobody's text is refused for it."""
    said = answers()
    said["String"] = {"value": [{"LogicalName": "firstname", "MaxLength": -1}]}

    assert metadata.described("contact", said).schema.columns["firstname"].length is None


def test_only_what_the_system_needs_is_required() -> None:
    """What is required by a form alone is taken through the API without a value."""
    columns = table().schema.columns

    assert (True, False) == (columns["lastname"].required, columns["firstname"].required)


def test_what_cannot_be_read_by_itself_is_no_column() -> None:
    """The name of the row that a lookup points at, its table, and pictures."""
    none = {"owneridname", "owneridtype", "entityimage", "new_hidden"}

    assert not none & table().schema.columns.keys()


def test_what_dynamics_sets_itself_may_only_be_read() -> None:
    """The schema's own rules and the user's rights are joined."""
    columns = table().schema.columns

    assert Access.READ is columns["modifiedon"].access
    assert Access.READ | Access.CREATE == columns["contactid"].access
    assert columns["firstname"].access == FULL_ACCESS


@pytest.mark.parametrize(
    ("held", "left"),
    [
        (("prvCreateContact", "prvWriteContact"), FULL_ACCESS),
        (("prvwritecontact",), Access.READ | Access.UPDATE),
        (("prvCreateContact",), Access.READ | Access.CREATE),
        (("prvWriteLead",), Access.READ),
        (("id-write", "ID-CREATE"), FULL_ACCESS),
    ],
)
def test_a_privilege_that_is_missing_narrows_every_column(
    held: tuple[str, ...], left: Access
) -> None:
    """Known by its name, or by its id where Dynamics says no name."""
    said = answers(privileges=held)
    said["privileges"] = {"RolePrivileges": [{_called(one): one} for one in held]}

    assert left == metadata.described("contact", said).schema.columns["firstname"].access


def _called(privilege: str) -> str:
    return "PrivilegeId" if privilege.lower().startswith("id-") else "PrivilegeName"


@pytest.mark.parametrize(
    ("secured", "left"),
    [
        ({}, Access.NONE),
        ({"CanRead": 0, "CanCreate": 0, "CanUpdate": 4}, Access.UPDATE),
        ({"CanRead": 4, "CanCreate": 0, "CanUpdate": 0}, Access.READ),
        ({"CanRead": 4, "CanCreate": 4, "CanUpdate": 4}, FULL_ACCESS),
    ],
)
def test_a_secured_column_is_open_as_far_as_a_profile_says(
    secured: dict[str, int], left: Access
) -> None:
    """One that no profile of the user's names cannot be read: it reads as null."""
    rights: list[dict[str, Json]] = [{"AttributeId": SALARY, **secured}] if secured else []

    described = metadata.described("contact", answers(secured=rights))

    assert left == described.schema.columns["new_salary"].access


def test_profiles_add_up() -> None:
    """What one profile of the user's allows, another does not take away."""
    rights: list[dict[str, Json]] = [
        {"AttributeId": SALARY, "CanRead": 4, "CanCreate": 0, "CanUpdate": 0},
        {"AttributeId": SALARY.upper(), "CanRead": 0, "CanCreate": 0, "CanUpdate": 4},
    ]

    described = metadata.described("contact", answers(secured=rights))

    assert Access.READ | Access.UPDATE == described.schema.columns["new_salary"].access


def test_column_security_does_not_hold_administrators_back() -> None:
    """Nor is their right listed anywhere."""
    described = metadata.described("contact", answers(roles=[ADMINISTRATOR.upper()]))

    assert described.schema.columns["new_salary"].access == FULL_ACCESS


@pytest.mark.parametrize("role", [ADMINISTRATOR, "another"])
def test_a_masked_column_cannot_be_read(role: str) -> None:
    """By nobody: what it reads as would be taken for what it holds."""
    said = answers(secured=[{"AttributeId": SALARY, "CanRead": 4, "CanUpdate": 4}], roles=[role])
    said["masked"] = {"value": [{"attributelogicalname": "new_salary"}]}

    masked = metadata.described("contact", said).schema.columns["new_salary"]
    del said["masked"]
    unknown = metadata.described("contact", said).schema.columns["new_salary"]

    assert Access.READ not in masked.access
    assert Access.UPDATE in masked.access
    assert masked == unknown


def test_an_unreadable_column_is_never_asked_for_and_never_told() -> None:
    """Its null would be taken for a value that was cleared."""
    described = table()

    assert "firstname,modifiedon" == described.select(["firstname", "new_salary"])
    readable = described.readable(["firstname", "new_salary", "lastname"])
    assert {"firstname": None} == described.values(
        {"firstname": None, "new_salary": None}, readable
    )


def test_something_is_always_asked_for() -> None:
    """An address that selects nothing means everything."""
    bare = metadata.described("contact", answers(without=["modifiedon"]))

    assert "contactid" == bare.select([])


def test_a_value_that_is_no_single_one_is_garbled() -> None:
    """Nothing that the engine could not hold comes in."""
    with pytest.raises(Garbled):
        table().values({"firstname": ["Ann"]}, {"firstname": "firstname"})


@pytest.mark.parametrize("text", ["a lot", "NaN", "Infinity", ""])
def test_what_is_no_number_is_sent_as_it_is(text: str) -> None:
    """It is Dynamics that refuses it, and says so."""
    assert text == table().number("revenue", text)
    assert Literal("0.10") == table().number("revenue", "0.10")
    assert "0.10" == table().number("firstname", "0.10")


def test_references_are_read_under_another_name() -> None:
    """The id that a lookup holds is a property of its own."""
    assert "_ownerid_value,modifiedon" == table().select(["ownerid"])
    assert {"ownerid": ME} == table().values({"_ownerid_value": ME}, {"ownerid": "_ownerid_value"})


def test_what_describes_no_table_is_garbled() -> None:
    """Nothing is made up where an answer lacks what it must have."""
    with pytest.raises(Garbled):
        metadata.described("contact", {**answers(), "table": {"LogicalName": "contact"}})
    with pytest.raises(Garbled):
        metadata.described("contact", {**answers(), "columns": {"error": "x"}})
