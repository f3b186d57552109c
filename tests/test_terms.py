"""Terms: what of a map holds for a run, under the rights and limits that the systems tell."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow
from dynsync.kinds import ChoiceKind, IntegerKind
from dynsync.policies import manual, prefer
from dynsync.records import MISSING, Entity, Pair, Side
from dynsync.schemas import FULL_ACCESS, Access, Column, Option, Schema
from dynsync.terms import HoldMode, NothingReadable, OnMarketoDelete, Terms, agree_terms

RATINGS: Final = (Option(1, "Hot"), Option(2, "Warm"))
CITY: Final = Field("city", Pair("city", "address1_city"))
SCORE: Final = Field("score", Pair("score", "mkt_score"), IntegerKind(), Flow.TO_DYNAMICS)
RATING: Final = Field("rating", Pair("rating", "leadqualitycode"), ChoiceKind())
SUBJECT: Final = Field("subject", Pair("subject", "subject"))
TOPIC: Final = Field("topic", Pair("microsoftTopic", "subject"), yields_to="subject")
MAP: Final = EntityMap(
    entity="lead",
    tables=Pair("person", "lead"),
    fields=(CITY, SCORE, RATING, SUBJECT, TOPIC),
    link_field="crmLeadId",
    type_field="microsoftType",
    type_label="Lead",
    deleted_field="microsoftIsDeleted",
)
SCHEMAS: Final = Pair(
    Schema.of(
        "person",
        [
            *(Column(name) for name in ("city", "score", "rating", "subject", "microsoftTopic")),
            *(Column(name) for name in ("crmLeadId", "microsoftType", "microsoftIsDeleted")),
        ],
    ),
    Schema.of(
        "lead",
        [
            *(Column(name) for name in ("address1_city", "mkt_score", "subject")),
            Column("leadqualitycode", options=RATINGS),
        ],
    ),
)
CREATE: Final = Access.READ | Access.CREATE
UPDATE: Final = Access.READ | Access.UPDATE
OTHER: Final = Field("other", Pair("other", "other"))
"""A field of which no system has a column."""


def changed(side: Side, *columns: Column, without: str = "") -> Pair[Schema]:
    """Return the schemas with *columns* of *side* described anew, and one of them left out."""
    new = {**SCHEMAS[side].columns, **{column.name: column for column in columns}}
    new.pop(without, None)
    return SCHEMAS.replace(side, Schema(SCHEMAS[side].table, new))


def agree(schemas: Pair[Schema] = SCHEMAS, entity_map: EntityMap = MAP) -> Terms:
    """Agree on the terms of the map."""
    return agree_terms(entity_map, schemas, policy=manual, first=manual, backfill=manual)


TERMS: Final = agree()


# -- the layout


def test_layout_is_the_fields_in_play_and_then_the_stamps() -> None:
    """Fields come in the order of the map; behind them is what the engine says itself."""
    stamps = ["@id", "@type", "@deleted"]

    assert ["city", "score", "rating", "subject", "topic", *stamps] == list(TERMS.layout)
    assert list(TERMS.layout) == [field.name for field in TERMS.fields]
    assert (5, 3) == (TERMS.plain, TERMS.stamps)
    assert Entity("lead") == TERMS.entity
    assert [*range(8)] == [TERMS.index(name) for name in TERMS.layout]


@pytest.mark.parametrize("access", [Access.READ, Access.UPDATE, CREATE])
def test_stamp_that_marketo_does_not_let_us_keep_is_left_out(access: Access) -> None:
    """A type that may not be both read and updated cannot be kept up to date (R25)."""
    terms = agree(changed(Side.MARKETO, Column("microsoftType", access=access)))

    assert ("@id", "@deleted") == terms.layout[terms.plain :]
    assert ["guid", False] == terms.desired_stamps("guid", alive="live")


def test_stamp_needs_no_right_to_create() -> None:
    """Marketo makes the field's value with the person; we only update it."""
    terms = agree(changed(Side.MARKETO, Column("microsoftType", access=UPDATE)))

    assert "@type" in terms.layout


def test_stamp_without_a_column_is_left_out() -> None:
    """A Marketo without such a field is none that a sync could not run with."""
    terms = agree(changed(Side.MARKETO, without="microsoftIsDeleted"))

    assert ("@id", "@type") == terms.layout[terms.plain :]


def test_only_plain_fields_are_one_way() -> None:
    """Stamps flow one way too, but have ways of their own."""
    assert (TERMS.index("score"),) == TERMS.one_way


def test_nothing_is_known_of_a_blank_row() -> None:
    """A row is made anew each time, for the caller to write into."""
    row = TERMS.blank()
    row[0] = "Oslo"

    assert [MISSING] * 8 == TERMS.blank()


def test_stamps_say_what_the_record_is() -> None:
    """Of a live record its id and type, of a gone one its id and that it is deleted (R25, R45)."""
    assert ["guid", "Lead", False] == TERMS.desired_stamps("guid", alive="live")
    assert ["guid", None, True] == TERMS.desired_stamps("guid", alive="gone")
    assert [None, "Lead", False] == TERMS.desired_stamps(None, alive="live")


# -- native names


def test_each_side_is_asked_for_its_own_names() -> None:
    """Dynamics is not asked for the stamps: no column of it stands behind them."""
    plain = ("city", "score", "rating", "subject", "microsoftTopic")
    stamps = ("crmLeadId", "microsoftType", "microsoftIsDeleted")

    assert (*plain, *stamps) == TERMS.natives(Side.MARKETO)
    assert ("address1_city", "mkt_score", "leadqualitycode", "subject", "subject") == (
        TERMS.natives(Side.DYNAMICS)
    )
    assert "microsoftTopic" == TERMS.native_names.marketo["topic"]
    assert "address1_city" == TERMS.native_names.dynamics["city"]
    assert "" == TERMS.native_names.dynamics["@id"]


def test_two_fields_may_stand_on_one_column() -> None:
    """What a system says of a column is about every field on it (A16)."""
    assert ("subject", "topic") == TERMS.by_native(Side.DYNAMICS, "subject")
    assert ("subject",) == TERMS.by_native(Side.MARKETO, "subject")
    assert () == TERMS.by_native(Side.MARKETO, "address1_city")
    assert TERMS.shares_columns
    assert not agree(entity_map=MAP.without("topic")).shares_columns


# -- rights


@pytest.mark.parametrize("side", Side)
def test_a_field_is_told_where_its_column_allows_it(side: Side) -> None:
    """To create and to update are two rights, each of one side (A18)."""
    native = CITY.names[side]
    made = agree(changed(side, Column(native, access=CREATE)))
    updated = agree(changed(side, Column(native, access=UPDATE)))

    assert made.may_tell(side, "city", creating=True)
    assert not made.may_tell(side, "city", creating=False)
    assert not updated.may_tell(side, "city", creating=True)
    assert updated.may_tell(side, "city", creating=False)
    for creating in (True, False):
        assert made.may_tell(side.other, "city", creating=creating)
        assert made.may_tell(side, "subject", creating=creating)


def test_stamps_may_always_be_told() -> None:
    """Which of them are kept is decided by the layout; no right is asked about again."""
    for creating in (True, False):
        assert TERMS.may_tell(Side.MARKETO, "@type", creating=creating)
        assert not TERMS.may_tell(Side.MARKETO, "@other", creating=creating)


def test_unhindered_terms_let_everything_be_told() -> None:
    """What takes part stays; the rights to write it are given, and no field holds another."""
    bound = agree(
        Pair(
            changed(Side.MARKETO, Column("city", access=Access.READ)).marketo,
            changed(Side.DYNAMICS, Column("subject", access=Access.READ)).dynamics,
        )
    )
    free = attrs.evolve(bound, hold="record").unhindered()

    for side in Side:
        for creating in (True, False):
            assert all(free.may_tell(side, name, creating=creating) for name in free.layout)
    assert "field" == free.hold
    assert bound.layout == free.layout
    assert bound.permitted.readable == free.permitted.readable
    assert not bound.may_tell(Side.MARKETO, "city", creating=False)


# -- what the schemas say


def test_kinds_are_bound_to_what_dynamics_says() -> None:
    """The options of a choice come with the schema; the field as the map has it keeps none."""
    rating = TERMS.index("rating")

    assert ChoiceKind(RATINGS) == TERMS.fields[rating].kind
    assert ChoiceKind() == TERMS.known_fields[rating].kind
    assert list(TERMS.layout) == [field.name for field in TERMS.known_fields]


def test_columns_stand_beside_their_fields() -> None:
    """Each side's own column, and one that nobody may use where the side has none."""
    assert SCHEMAS.marketo.columns["city"] == TERMS.columns.marketo[0]
    assert SCHEMAS.dynamics.columns["address1_city"] == TERMS.columns.dynamics[0]
    assert [Column("", access=Access.NONE)] * 3 == list(TERMS.columns.dynamics[TERMS.plain :])
    assert "crmLeadId" == [c.name for c in TERMS.columns.marketo][TERMS.index("@id")]


def test_prints_tell_the_fields_and_not_their_options() -> None:
    """A new option is no reason to forget what is known of a field; another column is."""
    more = agree(
        changed(Side.DYNAMICS, Column("leadqualitycode", options=(*RATINGS, Option(3, "Cold"))))
    )
    moved = attrs.evolve(CITY, names=Pair("city", "mkt_score"))
    other = agree(entity_map=attrs.evolve(MAP.without("score"), fields=[moved, RATING]))

    assert list(TERMS.layout) == list(TERMS.prints)
    assert TERMS.prints == more.prints
    assert TERMS.prints["city"] == MAP.fingerprint_of(CITY) != other.prints["city"]
    assert TERMS.prints["rating"] == other.prints["rating"]


@pytest.mark.parametrize("side", Side)
def test_description_moves_with_a_column_in_play(side: Side) -> None:
    """What waits is looked at again when a limit moves, on either side (A20)."""
    limited = agree(changed(side, Column(CITY.names[side], length=50)))
    unheard = agree(changed(side, Column("fax", length=50)))

    assert TERMS.described != limited.described
    assert TERMS.described == unheard.described
    assert TERMS.described == agree().described
    assert limited.described != agree(changed(side.other, Column("city", length=50))).described


@pytest.mark.parametrize("side", Side)
def test_schema_digest_moves_with_its_column_alone(side: Side) -> None:
    """A hold of one field ends when its column changes, and one of the record when any does."""
    limited = agree(changed(side, Column(CITY.names[side], length=50)))

    def moved(of: Side) -> list[str]:
        names = ("city", "subject", "")
        return [n for n in names if TERMS.schema_digest(of, n) != limited.schema_digest(of, n)]

    assert ["city", ""] == moved(side)
    assert [] == moved(side.other)
    assert ["city", ""] == moved(side), "asked a second time"


def test_digest_of_a_column_is_the_same_in_every_release() -> None:
    """It is stored with each hold: were it to move by itself, what was refused is sent again."""
    assert ["4e5853aaa91e", "26829a27aacf"] == [TERMS.schema_digest(side, "city") for side in Side]


# -- how they are agreed


def test_what_is_not_said_is_agreed_as_documented() -> None:
    """The field is held, a person made again, a value sent five times."""
    assert ("field", "recreate", 5) == (TERMS.hold, TERMS.on_marketo_delete, TERMS.tries)


def test_what_is_said_is_agreed() -> None:
    """Every setting of the host's gets where it is asked for."""
    hold: HoldMode = "record"
    deleted: OnMarketoDelete = "suppress"
    policy, first, backfill = prefer(Side.MARKETO), prefer(Side.DYNAMICS), manual
    terms = agree_terms(
        MAP,
        SCHEMAS,
        policy=policy,
        first=first,
        backfill=backfill,
        hold=hold,
        on_marketo_delete=deleted,
        tries=2,
    )

    assert (policy, first, backfill) == (terms.policy, terms.first, terms.backfill)
    assert (hold, deleted, 2) == (terms.hold, terms.on_marketo_delete, terms.tries)
    assert MAP is terms.map


def test_marketo_must_have_a_place_for_the_id() -> None:
    """Without it every lost answer would make a duplicate."""
    with pytest.raises(ConfigurationError) as caught:
        agree(changed(Side.MARKETO, without="crmLeadId"))

    assert str(caught.value) == (
        "The map of 'lead' keeps Dynamics ids in Marketo's 'crmLeadId', but Marketo has no such "
        "field. Without it every lost answer would make a duplicate: create the field, let the "
        "sync user read and write it."
    )


@pytest.mark.parametrize("right", [Access.READ, Access.CREATE, Access.UPDATE])
def test_marketo_must_let_the_id_be_kept(right: Access) -> None:
    """To read, to make and to update it takes all three rights."""
    schemas = changed(Side.MARKETO, Column("crmLeadId", access=FULL_ACCESS & ~right))
    with pytest.raises(ConfigurationError, match=r"but Marketo allows only .*\|"):
        agree(schemas)


def test_columns_that_are_not_there_are_named() -> None:
    """Where nothing is left to sync, the columns that nobody has are told, side by side."""
    nothing = attrs.evolve(MAP, fields=[OTHER, attrs.evolve(CITY, names=Pair("town", "subject"))])
    with pytest.raises(NothingReadable) as caught:
        agree(entity_map=nothing)

    assert str(caught.value) == (
        "No field of 'lead' may be read on both sides. Marketo's 'person' has no column 'other', "
        "'town'; Dynamics's 'lead' has no column 'other'. Correct the map, or select other fields."
    )


def test_of_many_columns_that_are_not_there_five_are_named() -> None:
    """A map of forty wrong names is not told in one line."""
    fields = [Field(f"f{n}", Pair(f"m{n}", f"d{n}")) for n in range(7)]
    with pytest.raises(NothingReadable, match=r"'m4' and 2 more; .*'d4' and 2 more\."):
        agree(entity_map=attrs.evolve(MAP, fields=fields))
    with pytest.raises(NothingReadable, match=r"'m3', 'm4'; .*'d3', 'd4'\."):
        agree(entity_map=attrs.evolve(MAP, fields=fields[:5]))


def test_a_map_without_fields_is_told_so() -> None:
    """No right helps where nothing was selected."""
    with pytest.raises(NothingReadable, match=r"^The map of 'lead' has no fields\. Add some"):
        agree(entity_map=MAP.only())


def test_rights_that_are_not_given_are_told() -> None:
    """Columns that are there want a right and no other map."""
    hidden = changed(Side.DYNAMICS, Column("address1_city", access=Access.NONE))
    with pytest.raises(NothingReadable, match=r"Select other fields or let the sync user read"):
        agree(hidden, MAP.only("city"))
    with pytest.raises(NothingReadable, match=r"What is there, let the sync user read\.$"):
        agree(hidden, attrs.evolve(MAP, fields=[CITY, OTHER]))
