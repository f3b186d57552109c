"""The default maps, the default policy, and how fields are added to a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import attrs
import pytest

from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow
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
    WallTimeKind,
)
from dynsync.maps import (
    CONSENT_FIELDS,
    CONTACT,
    LEAD,
    default_backfill,
    default_first,
    default_policy,
    describe_field,
    extend,
    kind_of,
    lint,
)
from dynsync.policies import AuthorityPolicy, Collision, Take, manual, prefer
from dynsync.records import Entity, Pair, Side, Value
from dynsync.sandbox._dynamics_columns import TABLES
from dynsync.sandbox._marketo_columns import PERSON_COLUMNS
from dynsync.schemas import Access, Column, Option, Schema

MAPS: Final = {"lead": LEAD, "contact": CONTACT}


def schemas(entity: str = "lead") -> Pair[Schema]:
    """Return what the sandboxes say of a person and of a lead or contact."""
    return Pair(Schema.of("person", PERSON_COLUMNS), Schema.of(entity, TABLES[entity]))


# -- the mapping table, as Marketo's page has it: its label, Dynamics' API name

BOTH: Final = {
    "Microsoft Created Date": "createdon",
    "Salutation": "salutation",
    "First": "firstname",
    "Middle": "middlename",
    "Last": "lastname",
    "Email": "emailaddress1",
    "Job Title": "jobtitle",
    "Phone": "telephone1",
    "Mobile": "mobilephone",
    "Address": "address1_line1",
    "City": "address1_city",
    "State": "address1_stateorprovince",
    "Country": "address1_country",
    "Postal Code": "address1_postalcode",
    "Person Status": "statecode",
    "Status Reason": "statuscode",
    "Person Notes": "description",
    "Do Not Call": "donotphone",
    "Unsubscribed": "donotbulkemail",
    "Microsoft Address 2": "address1_line2",
    "Microsoft Address 3": "address1_line3",
    "Microsoft Do Not Email": "donotemail",
    "Microsoft Do Not Fax": "donotfax",
    "Microsoft Do Not Send Marketing Material": "donotsendmm",
    "Microsoft Home Phone": "telephone2",
    "Microsoft Preferred Method Of Contact": "preferredcontactmethodcode",
    "Last interesting moment date": "mkt_lastinterestingmomentdate",
    "Last Interesting moment desc": "mkt_lastinterestingmomentdesc",
    "Last Interesting moment source": "mkt_leadinterestingmomentsource",
    "Last interesting moment type": "mkt_lastinterestingmomenttype",
    "Relative Score": "mkt_relativescore",
    "Priority": "mkt_priority",
    "Relative Urgency": "mkt_urgency",
}
ROWS: Final = {
    "lead": {
        **BOTH,
        "Fax": "fax",
        "Person Source": "leadsourcecode",
        "Person Rating": "leadqualitycode",
        "Microsoft Topic": "subject",
        "Subject": "subject",
        "Company": "companyname",
        "Annual Revenue": "revenue",
    },
    "contact": {**BOTH, "Person Score": "mkt_leadscore"},
}


@pytest.mark.parametrize("entity", sorted(MAPS))
def test_every_row_of_the_default_mapping(entity: str) -> None:
    """A default map has the rows of Marketo's page, and no other."""
    mapped = {field.labels.marketo: field.names.dynamics for field in MAPS[entity].fields}

    assert ROWS[entity] == mapped
    assert all(label for field in MAPS[entity].fields for label in field.labels)


@pytest.mark.parametrize("entity", sorted(MAPS))
def test_map_fits_the_sandboxes(entity: str) -> None:
    """Each column of a default map is there, and labelled and typed as the map says."""
    doubts = [warning for warning in lint(MAPS[entity], schemas(entity)) if "holds" not in warning]

    assert [] == doubts


@pytest.mark.parametrize("entity", sorted(MAPS))
def test_map_names_its_stamps(entity: str) -> None:
    """A person knows by its own field which lead or which contact it is (R25)."""
    entity_map = MAPS[entity]
    columns = schemas(entity).marketo.columns

    assert entity == entity_map.entity
    assert Pair("person", entity) == entity_map.tables
    assert f"crm{entity.capitalize()}Id" == entity_map.link_field
    assert entity.capitalize() == entity_map.type_label
    assert {stamp.names.marketo for stamp in entity_map.stamps()} <= set(columns)
    assert len(entity_map.stamps()) == 3
    assert "ownerid" == entity_map.owner_column


@pytest.mark.parametrize("entity", sorted(MAPS))
def test_directions(entity: str) -> None:
    """What Dynamics computes comes in, what Sales Insight computes goes out (A15)."""
    flows = {field.names.dynamics: field.flow for field in MAPS[entity].fields}
    outward = {name for name, flow in flows.items() if flow is Flow.TO_DYNAMICS}
    inward = {name for name, flow in flows.items() if flow is Flow.TO_MARKETO}

    assert {name for name in flows if name.startswith("mkt_")} == outward
    assert {"createdon", "statecode", "statuscode"} == inward


@pytest.mark.parametrize("entity", sorted(MAPS))
def test_nothing_goes_where_nobody_may_write(entity: str) -> None:
    """No field flows to a column that its system keeps to itself."""
    both = schemas(entity)
    for field in MAPS[entity].fields:
        for side in Side:
            access = both[side].columns[field.names[side]].access
            assert Access.UPDATE in access or not field.flow.reaches(side), field.name


def test_one_topic_yields_to_the_other() -> None:
    """Two fields stand on the lead's topic; Subject has precedence (A16)."""
    assert "subject" == LEAD.field("microsoft_topic").yields_to
    assert ("microsoft_topic",) == tuple(f.name for f in LEAD.fields if f.yields_to is not None)
    assert "microsoft_topic" in LEAD.without("subject").names()


def test_names_are_alike() -> None:
    """A field that leads and contacts have is one field, under one name."""
    for field in CONTACT.fields:
        if field.name in LEAD.names():
            assert field == LEAD.field(field.name)
        assert field.name.replace("_", "").isalnum()
        assert field.name == field.name.lower()


# -- the default policy


def decide(
    entity: str, field: str, values: tuple[Value, Value], policy: str = "opt_out"
) -> Side | None:
    """Return the side that the default policy takes."""
    asked = Collision(Entity(entity), field, Pair(None, None), Pair(*values))
    authority = default_policy("authority") if policy == "authority" else default_policy()
    answer = authority(asked)
    return answer.side if isinstance(answer, Take) else None


def taken(policy: AuthorityPolicy, field: str, *values: Value) -> Side | None:
    """Return the side that *policy* takes for a lead's *field*."""
    answer = policy(Collision(Entity("lead"), field, Pair(None, None), Pair(*values)))
    return answer.side if isinstance(answer, Take) else None


def test_marketo_for_leads_dynamics_for_contacts() -> None:
    """Marketo wins for leads, Dynamics for contacts (R20), nobody for what is neither."""
    assert Side.MARKETO is decide("lead", "city", ("b", "c"))
    assert Side.DYNAMICS is decide("contact", "city", ("b", "c"))
    assert Side.MARKETO is decide("lead", "city", (None, "c"))
    assert decide("account", "city", ("b", "c")) is None


@pytest.mark.parametrize("field", CONSENT_FIELDS)
def test_opt_out_stands(field: str) -> None:
    """In a consent field the opt-out wins for leads and contacts alike, unless switched (A17)."""
    assert Side.DYNAMICS is decide("lead", field, (False, True))
    assert Side.MARKETO is decide("contact", field, (True, False))
    assert Side.MARKETO is decide("lead", field, (False, True), "authority")
    assert Side.DYNAMICS is decide("contact", field, (True, False), "authority")


@pytest.mark.parametrize("authority", Side)
def test_first_meeting(authority: Side) -> None:
    """Where records first meet a value wins over none, and then who has authority."""
    first = default_first(prefer(authority))

    assert Side.DYNAMICS is taken(first, "city", None, "c")
    assert Side.MARKETO is taken(first, "city", "b", None)
    assert authority is taken(first, "city", "b", "c")


@pytest.mark.parametrize("authority", Side)
def test_consent_at_a_first_meeting(authority: Side) -> None:
    """An opt-out stands there too, unless switched (A17)."""
    policy = prefer(authority)

    for side, values in ((Side.MARKETO, (True, False)), (Side.DYNAMICS, (False, True))):
        assert side is taken(default_first(policy), "unsubscribed", *values)
        assert authority is taken(default_first(policy, "authority"), "unsubscribed", *values)
    assert Side.MARKETO is taken(default_first(policy), "unsubscribed", *(False, None))


def test_backfill() -> None:
    """A field that is new to a linked pair is Dynamics', if it has a value there (R81)."""
    yes_no = True, False

    assert Side.DYNAMICS is taken(default_backfill(), "city", "b", "c")
    assert Side.DYNAMICS is taken(default_backfill(), "city", None, "c")
    assert Side.MARKETO is taken(default_backfill(), "city", "b", None)
    assert Side.MARKETO is taken(default_backfill(), "unsubscribed", *yes_no)
    assert Side.DYNAMICS is taken(default_backfill("authority"), "unsubscribed", *yes_no)


@pytest.mark.parametrize(
    "make",
    [
        lambda: default_policy("authorty"),  # type: ignore[arg-type]
        lambda: default_first(manual, "authorty"),  # type: ignore[arg-type]
        lambda: default_backfill("authorty"),  # type: ignore[arg-type]
    ],
)
def test_consent_is_a_word_that_there_is(make: Callable[[], object]) -> None:
    """A slip of the pen is told: it would be the opposite rule for an opt-out."""
    with pytest.raises(ConfigurationError) as caught:
        make()

    said = "consent='authorty' is no choice; say 'opt_out' or 'authority'."
    assert said == str(caught.value)


def test_consent_that_nobody_refuses() -> None:
    """Where neither side says no, who has authority decides."""
    assert Side.MARKETO is decide("lead", "unsubscribed", (False, None))
    assert Side.DYNAMICS is decide("contact", "unsubscribed", (False, None))


def test_consent_fields_are_yes_or_no() -> None:
    """The consent fields are fields of both maps, and in all of them yes is the opt-out."""
    for entity_map in MAPS.values():
        for name in CONSENT_FIELDS:
            assert BooleanKind() == entity_map.field(name).kind
        consents = {f.name for f in entity_map.fields if f.kind == BooleanKind()}
        assert set(CONSENT_FIELDS) == consents


# -- kinds by type


@pytest.mark.parametrize("side", Side)
def test_each_type_of_the_sandboxes_has_a_kind(side: Side) -> None:
    """Every column that the sandboxes describe is of some kind."""
    columns = (*PERSON_COLUMNS,) if side is Side.MARKETO else (*TABLES["lead"], *TABLES["contact"])
    for column in columns:
        assert kind_of(column, side).name


def test_type_that_is_not_known() -> None:
    """A type that is not synced is refused, with what to do instead."""
    for side, type_ in ((Side.MARKETO, "formula"), (Side.DYNAMICS, "Image")):
        with pytest.raises(ConfigurationError, match="Leave it out"):
            kind_of(Column("picture", type=type_), side)


BRIDGES: Final[dict[tuple[str, str], Kind]] = {
    ("string", "String"): TextKind(),
    ("text", "Memo"): TextKind(),
    ("url", "String"): TextKind(),
    ("email", "String"): EmailKind(),
    ("string", "Picklist"): ChoiceKind(),
    ("string", "Status"): ChoiceKind(),
    ("integer", "Picklist"): ChoiceKind(marketo="code"),
    ("string", "MultiSelectPicklist"): MultiChoiceKind(),
    ("integer", "Integer"): IntegerKind(),
    ("score", "BigInt"): IntegerKind(),
    ("float", "Integer"): NumberKind(),
    ("percent", "Decimal"): NumberKind(),
    ("currency", "Money"): NumberKind(),
    ("boolean", "Boolean"): BooleanKind(),
    ("date", "DateOnly"): DateKind(),
    ("datetime", "DateTime"): InstantKind(),
    ("datetime", "TimeZoneIndependent"): WallTimeKind(),
    ("string", "Lookup"): ReferenceKind(),
    ("reference", "Owner"): ReferenceKind(),
}


def typed(marketo: str, dynamics: str) -> Pair[Schema]:
    """Describe one column on either side."""
    return Pair(
        Schema.of("person", [Column("here", "Here", marketo)]),
        Schema.of("lead", [Column("there", "There", dynamics, options=(Option(1, "One"),))]),
    )


@pytest.mark.parametrize(("marketo", "dynamics"), sorted(BRIDGES))
def test_two_types_make_a_field(marketo: str, dynamics: str) -> None:
    """Columns whose types agree make a field, under the labels that they have."""
    kind = BRIDGES[marketo, dynamics]
    field = describe_field("both", typed(marketo, dynamics), "here", "there")
    flow = Flow.TO_MARKETO if kind == ReferenceKind() else Flow.BOTH

    assert Field("both", Pair("here", "there"), kind, flow, Pair("Here", "There")) == field


@pytest.mark.parametrize(
    ("marketo", "dynamics"),
    [
        ("date", "DateTime"),
        ("datetime", "DateOnly"),
        ("date", "TimeZoneIndependent"),
        ("string", "Boolean"),
        ("boolean", "Picklist"),
        ("string", "Integer"),
        ("integer", "String"),
        ("integer", "Lookup"),
        ("float", "Picklist"),
        ("integer", "MultiSelectPicklist"),
        ("reference", "String"),
    ],
)
def test_two_types_that_make_no_field(marketo: str, dynamics: str) -> None:
    """Columns that cannot say each other's values are refused, with both types named."""
    with pytest.raises(ConfigurationError, match="Choose columns") as caught:
        describe_field("both", typed(marketo, dynamics), "here", "there")

    assert f"{marketo!r}" in str(caught.value)
    assert f"{dynamics!r}" in str(caught.value)


def test_a_type_that_is_not_known_makes_no_field() -> None:
    """It is said whose column is of that type, whichever side it is."""
    for side, types in (
        (Side.MARKETO, ("formula", "String")),
        (Side.DYNAMICS, ("string", "Image")),
    ):
        with pytest.raises(ConfigurationError, match=f"^{side.label}'s .* is of the type"):
            describe_field("both", typed(*types), "here", "there")


# -- adding fields


def test_any_field_is_added_by_name() -> None:
    """A field that both systems describe is added to a map by its two names."""
    extended = extend(
        LEAD,
        schemas(),
        website=Pair("website", "websiteurl"),
        employees=Pair("numberOfEmployees", "numberofemployees"),
    )

    assert (*LEAD.names(), "website", "employees") == extended.names()
    assert IntegerKind() == extended.field("employees").kind
    assert Pair("Website", "Website") == extended.field("website").labels
    assert LEAD == extend(LEAD, schemas())


def test_field_is_replaced_by_name() -> None:
    """A field that is there already is replaced, in its place."""
    names = Pair("website", "telephone2")
    extended = extend(CONTACT, schemas("contact"), home_phone=names)

    assert CONTACT.names() == extended.names()
    assert names == extended.field("home_phone").names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (Pair("web", "websiteurl"), "no column 'web'"),
        (Pair("websit", "websiteurl"), r"Did you mean 'website'\?$"),
        (Pair("microsoftAdres2", "websiteurl"), r"Did you mean '\w+' or '\w+' or '\w+'\?$"),
        (Pair("website", "xyzzy"), r"Dynamics's 'lead' has no column 'xyzzy'.* Check the spell"),
        (Pair("dateOfBirth", "createdon"), "cannot be one field"),
        (Pair("email", "websiteurl"), "'email' twice"),
    ],
)
def test_field_that_cannot_be_added(names: Pair[str], message: str) -> None:
    """A column that is not there, or that is taken, is refused with the next step."""
    with pytest.raises(ConfigurationError, match=message):
        extend(LEAD, schemas(), website=names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("website", "websiteurl"), "a tuple"),
        ("website", "'website'"),
        (Pair("website", 5), "a Pair"),
        (None, "None"),
    ],
)
def test_field_of_what_are_no_two_names(names: object, said: str) -> None:
    """It is told with how the two columns of a field are named."""
    with pytest.raises(ConfigurationError) as caught:
        extend(LEAD, schemas(), website=cast("Pair[str]", names))

    assert str(caught.value) == (
        f"extend() got website={said}. Name the column of either side: "
        f"website=Pair('marketoName', 'dynamicsname')."
    )


@pytest.mark.parametrize("given", [None, (1, 2), Pair(None, None), Pair({}, {})])
def test_fields_of_what_are_no_schemas(given: object) -> None:
    """It is told which call of either connector returns them."""
    wrong = cast("Pair[Schema]", given)
    for ask in (
        lambda: extend(LEAD, wrong),
        lambda: describe_field("website", wrong, "website", "websiteurl"),
    ):
        with pytest.raises(
            ConfigurationError, match=r"schemas= got .*marketo\.describe\('person'\)"
        ):
            ask()


def test_a_slip_in_a_type_is_told() -> None:
    """A type is the system's own word; the one that may be meant is named."""
    with pytest.raises(ConfigurationError, match=r"not know \(did you mean 'String'\?\)\. Leave"):
        kind_of(Column("a", type="Strng"), Side.DYNAMICS)


# -- lint


def only(field: Field) -> EntityMap:
    """Make a map of one field."""
    return attrs.evolve(LEAD, fields=[field])


def columns(marketo: Column, dynamics: Column) -> Pair[Schema]:
    """Describe a column called "here" and one called "there"."""
    return Pair(
        Schema.of("person", [attrs.evolve(marketo, name="here")]),
        Schema.of("lead", [attrs.evolve(dynamics, name="there")]),
    )


FIELD: Final = Field("f", Pair("here", "there"), labels=Pair("Here", "There"))
SHORT: Final = Column("", "THERE", "String", length=50)
LONG: Final = Column("", "here", "string", length=255)


@pytest.mark.parametrize(
    ("field", "marketo", "dynamics", "warnings"),
    [
        (FIELD, LONG, attrs.evolve(SHORT, length=255), []),
        (FIELD, LONG, SHORT, ["holds 50 characters, Marketo 255"]),
        (FIELD, attrs.evolve(LONG, length=None), SHORT, ["holds 50 characters, Marketo any"]),
        (attrs.evolve(FIELD, too_long="truncate"), LONG, SHORT, []),
        (attrs.evolve(FIELD, flow=Flow.TO_MARKETO), LONG, SHORT, []),
        (
            attrs.evolve(FIELD, flow=Flow.TO_MARKETO),
            attrs.evolve(LONG, length=199, unit="bytes"),
            SHORT,
            ["Marketo holds 199 bytes"],
        ),
        (
            attrs.evolve(FIELD, flow=Flow.TO_MARKETO),
            attrs.evolve(LONG, length=200, unit="bytes"),
            SHORT,
            [],
        ),
        (FIELD, attrs.evolve(LONG, label="Elsewhere", length=50), SHORT, ["labels 'here'"]),
        (FIELD, attrs.evolve(LONG, label="", length=50), SHORT, []),
        (
            FIELD,
            LONG,
            Column("", "There", "Picklist"),
            ["are 'string' in Marketo and 'Picklist' in Dynamics: choice, but the map says text"],
        ),
        (FIELD, LONG, Column("", "There", "Boolean"), ["no kind of dynsync's bridges"]),
        (FIELD, LONG, Column("", "There", "Image"), ["no kind of dynsync's bridges"]),
        (
            attrs.evolve(FIELD, kind=NumberKind()),
            Column("", "Here", "integer"),
            Column("", "There", "Integer"),
            ["integer, but the map says decimal"],
        ),
        (
            attrs.evolve(FIELD, kind=ChoiceKind()),
            Column("", "Here", "integer"),
            Column("", "There", "Picklist"),
            ["Marketo holds codes, but the map says labels"],
        ),
        (
            attrs.evolve(FIELD, kind=ChoiceKind(marketo="code")),
            Column("", "Here", "integer"),
            Column("", "There", "Picklist"),
            [],
        ),
        (
            attrs.evolve(FIELD, kind=ChoiceKind(marketo="code")),
            Column("", "Here", "string"),
            Column("", "There", "Picklist"),
            [],
        ),
    ],
)
def test_lint(field: Field, marketo: Column, dynamics: Column, warnings: list[str]) -> None:
    """Labels, types and lengths that disagree are told, field by field (U7)."""
    found = lint(only(field), columns(marketo, dynamics))

    assert len(warnings) == len(found)
    for expected, warning in zip(warnings, found, strict=True):
        assert warning.startswith("f: ")
        assert expected in warning


def test_lint_tells_what_is_not_there() -> None:
    """A column that a side does not have is told, and keeps nobody from linting the rest."""
    found = lint(only(FIELD), Pair(Schema.of("person", []), Schema.of("lead", [])))

    assert ["Marketo has no column 'here'", "Dynamics has no column 'there'"] == [
        warning.removeprefix("f: ").removesuffix(" that the sync user sees") for warning in found
    ]


def test_lint_does_not_compare_with_what_is_not_there() -> None:
    """Of a column that one side alone has there is nothing more to say."""
    both = columns(LONG, SHORT)
    for side in Side:
        found = lint(only(FIELD), both.replace(side, Schema.of("table", [])))

        assert [f"f: {side.label} has no column {FIELD.names[side]!r} that the sync user sees"] == [
            *found
        ]
