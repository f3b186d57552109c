"""Fields and entity maps: which fields are one field, and which maps cannot be."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, cast

import attrs
import pytest

from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Field, Flow, Match, TooLong
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    EmailKind,
    InstantKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    ReferenceKind,
    TextKind,
)
from dynsync.records import MISSING, Missing, Pair, Side, Value, Wire
from dynsync.schemas import Column, Option

MARKETO: Final = Pair(Side.MARKETO, Side.MARKETO)
ACROSS: Final = Pair(Side.MARKETO, Side.DYNAMICS)

EMAIL: Final = Field("email", Pair("email", "emailaddress1"), EmailKind())
CITY: Final = Field("city", Pair("city", "address1_city"))
SUBJECT: Final = Field("subject", Pair("subject", "subject"))
TOPIC: Final = Field("topic", Pair("microsoftTopic", "subject"), yields_to="subject")


def entity(*fields: Field, match: str | None = None) -> EntityMap:
    """Make a map of *fields*."""
    return EntityMap(
        entity="lead",
        tables=Pair("person", "lead"),
        fields=fields,
        link_field="crmLeadId",
        type_field="microsoftType",
        type_label="Lead",
        deleted_field="microsoftIsDeleted",
        match=Match(match),
    )


# -- one field


class Half:
    """What is on its way to be a kind."""

    name = "half"

    def key(self, value: Value) -> Hashable:
        """Return what decides equality."""
        return value


class Passing:
    """A kind that passes on what it is asked."""

    def __init__(self, inner: Kind) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return cast("object", getattr(self.inner, name))


NOT_FIELDS: Final[dict[str, tuple[Callable[[], Field], str]]] = {
    "names that are no pair": (
        lambda: Field("phone", cast("Pair[str]", ("phone", "telephone1"))),
        "needs a native name on each side: names=Pair('marketoName', 'dynamicsname').",
    ),
    "no name in Dynamics": (
        lambda: Field("phone", Pair("phone", "")),
        "has no native name in Dynamics. Name its column there;",
    ),
    "no name in Marketo": (
        lambda: Field("phone", Pair("", "telephone1")),
        "has no native name in Marketo. Name its column there;",
    ),
    "a word that there is not": (
        lambda: Field("phone", Pair("a", "b"), too_long=cast("TooLong", "cut")),
        "has too_long='cut'; say 'refuse' or 'truncate'.",
    ),
    "a list of words": (
        lambda: Field("phone", Pair("a", "b"), too_long=cast("TooLong", [])),
        "has too_long=[]; say 'refuse' or 'truncate'.",
    ),
    "a list to yield to": (
        lambda: Field("phone", Pair("a", "b"), yields_to=cast("str", [])),
        "has yields_to=[]; say the name of another field, or leave it out.",
    ),
    "a flow that is none": (
        lambda: Field("phone", Pair("a", "b"), flow=cast("Flow", "both")),
        "has the flow 'both'; say Flow.BOTH, Flow.TO_MARKETO or Flow.TO_DYNAMICS.",
    ),
    "a name that is no text": (
        lambda: Field("phone", Pair("phone", cast("str", 7))),
        "has no native name in Dynamics. Name its column there;",
    ),
    "the class of a kind": (
        lambda: Field("phone", Pair("a", "b"), cast("Kind", TextKind)),
        "has the class TextKind for its kind; make one of it: TextKind().",
    ),
    "a word for a kind": (
        lambda: Field("phone", Pair("a", "b"), cast("Kind", "text")),
        "has a kind of type str, which lacks bind, decode, key, name; say TextKind(), EmailKind()",
    ),
    "no kind": (
        lambda: Field("phone", Pair("a", "b"), cast("Kind", None)),
        "has a kind of type NoneType, which lacks bind, decode, encode, key, name; say TextKind()",
    ),
    "half a kind": (
        lambda: Field("phone", Pair("a", "b"), cast("Kind", Half())),
        "has a kind of type Half, which lacks bind, decode, encode; say TextKind()",
    ),
}


@pytest.mark.parametrize("what", sorted(NOT_FIELDS))
def test_field_that_cannot_be(what: str) -> None:
    """A mistake in a field is told with the field's name, and with what to say instead."""
    make, message = NOT_FIELDS[what]
    with pytest.raises(ConfigurationError) as caught:
        make()

    assert str(caught.value).startswith(f"The field 'phone' {message}")


def test_name_of_a_field_is_text() -> None:
    """A field that is called by a number is told so, and how a field is made."""
    with pytest.raises(ConfigurationError, match=r"^The field 7 needs a name that is text: Field"):
        Field(cast("str", 7), Pair("phone", "telephone1"))


def test_kind_that_is_wrapped_will_do() -> None:
    """What passes on all that a kind is asked is a kind."""
    field = Field("email", Pair("a", "b"), cast("Kind", Passing(EmailKind())))

    assert field.equal("A@x.org", "a@x.org")


def test_what_is_too_long_is_refused_or_cut() -> None:
    """Of the two words for it, refusing is the one that is meant if none is said."""
    assert "refuse" == CITY.too_long
    assert "truncate" == attrs.evolve(CITY, too_long="truncate").too_long


# -- flow


@pytest.mark.parametrize(
    ("flow", "sides"),
    [
        (Flow.BOTH, [Side.MARKETO, Side.DYNAMICS]),
        (Flow.TO_MARKETO, [Side.MARKETO]),
        (Flow.TO_DYNAMICS, [Side.DYNAMICS]),
    ],
)
def test_flow_reaches_its_side(flow: Flow, sides: list[Side]) -> None:
    """A flow reaches the side it is named for, and both if it is named for none."""
    assert sides == [side for side in Side if flow.reaches(side)]


# -- same


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        (CITY, "Oslo", " Oslo"),
        (CITY, None, ""),
        (CITY, "", None),
        (CITY, None, None),
        (CITY, MISSING, MISSING),
        (EMAIL, "A@x.org", "a@X.org"),
        (Field("revenue", Pair("a", "b"), NumberKind(digits=2)), 12, 12.001),
        (Field("on", Pair("a", "b"), BooleanKind()), False, None),
        (
            Field("at", Pair("a", "b"), InstantKind()),
            "2024-05-01T12:00:00+02:00",
            "2024-05-01T10:00:00Z",
        ),
        (Field("rating", Pair("a", "b"), ChoiceKind((Option(1, "Hot"),))), "hot", 1),
    ],
)
def test_same_on_either_side(field: Field, one: Wire | Missing, other: Wire | Missing) -> None:
    """What means the same is the same, each as its own side says it."""
    assert field.same(one, other, ACROSS)
    assert field.same(other, one, ACROSS.swap())


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        (CITY, "Oslo", "oslo"),
        (CITY, "null", None),
        (CITY, MISSING, None),
        (CITY, "", MISSING),
        (EMAIL, "a@x.org", None),
        (Field("revenue", Pair("a", "b"), NumberKind()), "twelve", 12),
        (Field("revenue", Pair("a", "b"), NumberKind()), "twelve", "dozen"),
        (Field("on", Pair("a", "b"), BooleanKind()), True, None),
    ],
)
def test_not_the_same(field: Field, one: Wire | Missing, other: Wire | Missing) -> None:
    """What means something else, or nothing at all, is not the same."""
    assert not field.same(one, other, ACROSS)
    assert not field.same(other, one, ACROSS.swap())


def test_unfit_value_is_still_itself() -> None:
    """A value that is of no kind has not changed while it stays as it is."""
    field = Field("revenue", Pair("a", "b"), NumberKind())

    assert field.same("twelve", "twelve", MARKETO)
    assert not field.same("twelve", "twelve", ACROSS)


def test_code_is_not_the_label_it_looks_like() -> None:
    """The text "2" is a code in Dynamics and may be another option's label in Marketo."""
    options = (Option(1, "2"), Option(2, "two"))
    field = Field("interests", Pair("a", "b"), MultiChoiceKind(options))

    assert not field.same("2", "2", ACROSS)
    assert field.same("2", "1", ACROSS)


def test_equal_compares_values() -> None:
    """Values are equal in the eyes of the field's kind."""
    assert EMAIL.equal("A@x.org", "a@x.org ")
    assert not CITY.equal("Oslo", "oslo")


# -- maps


WRONG: Final[dict[str, tuple[Callable[[], EntityMap], str]]] = {
    "a name twice": (lambda: entity(CITY, CITY), "uses the name 'city' twice"),
    "a Marketo field twice": (
        lambda: entity(CITY, Field("town", Pair("city", "town"))),
        "Marketo field 'city' twice",
    ),
    "a Dynamics column twice": (
        lambda: entity(SUBJECT, Field("topic", Pair("microsoftTopic", "subject"))),
        "Dynamics column 'subject' twice",
    ),
    "the link field as a field": (
        lambda: entity(CITY, Field("id", Pair("crmLeadId", "leadid"))),
        "'crmLeadId' twice",
    ),
    "a stamp as a field": (
        lambda: entity(Field("type", Pair("microsoftType", "kind"))),
        "'microsoftType' twice",
    ),
    "the name of a stamp": (lambda: entity(Field("@id", Pair("a", "b"))), "begin with '@'"),
    "yields to nobody": (lambda: entity(CITY, TOPIC), "no field of it"),
    "yields to itself": (
        lambda: entity(attrs.evolve(CITY, yields_to="city")),
        "which yields itself",
    ),
    "yields in a circle": (
        lambda: entity(attrs.evolve(SUBJECT, yields_to="topic"), TOPIC),
        "which yields itself",
    ),
    "yields to another column": (
        lambda: entity(CITY, SUBJECT, attrs.evolve(TOPIC, yields_to="city")),
        "another column",
    ),
    "matches by no field": (lambda: entity(CITY, match="email"), "matches by 'email'"),
    "no such field to keep": (lambda: entity(CITY).only("email"), "'email' is no field"),
    "no such field to leave out": (lambda: entity(CITY).without("email"), "'email' is no field"),
    "left out, yet matched by": (
        lambda: entity(CITY, EMAIL, match="email").without("email"),
        "matches by 'email'",
    ),
    "a match that is a word": (
        lambda: attrs.evolve(entity(EMAIL), match=cast("Match", "email")),
        r"has match='email'\. Say match=Match\('email'\)",
    ),
    "no match": (
        lambda: attrs.evolve(entity(EMAIL), match=cast("Match", None)),
        r"has match=None\. Say match=Match\('email'\)",
    ),
    "one table": (
        lambda: attrs.evolve(entity(EMAIL), tables=cast("Pair[str]", "person")),
        r" needs a table on each side: tables=Pair\('person', 'contact'\)(\W|$)",
    ),
    "a table without a name": (
        lambda: attrs.evolve(entity(EMAIL), tables=Pair("person", "")),
        "needs a table on each side",
    ),
    "the name of a field": (
        lambda: entity(EMAIL, cast("Field", "firstName")),
        r"got 'firstName' for a field\. Make it one: Field\(",
    ),
    "the name of a field to add": (
        lambda: entity(EMAIL).plus(cast("Field", "firstName")),
        r"got 'firstName' for a field\. Make it one: Field\(",
    ),
    "a type field that is a number": (
        lambda: attrs.evolve(entity(EMAIL), type_field=cast("str", 5)),
        r" has type_field=5\. Name a column, or leave it out\.",
    ),
    "a deleted field that is a list": (
        lambda: attrs.evolve(entity(EMAIL), deleted_field=cast("str", [])),
        r" has deleted_field=\[\]\. Name a column, or leave it out\.",
    ),
    "an owner column without a name": (
        lambda: attrs.evolve(entity(EMAIL), owner_column=""),
        r" has owner_column=''\. Name a column, or leave it out\.",
    ),
    "a label that is a number": (
        lambda: attrs.evolve(entity(EMAIL), type_label=cast("str", 5)),
        r" has type_label=5\. Say it in text: type_label='Contact'\.",
    ),
    "a match by a list": (
        lambda: attrs.evolve(entity(EMAIL), match=Match(cast("str", []))),
        r" has match=Match\(field=\[\]\)\. Say match=Match\('email'\)",
    ),
    "no link field": (
        lambda: attrs.evolve(entity(EMAIL), link_field=cast("str", None)),
        r" needs a Marketo field that holds the Dynamics id: link_field='crmContactId'(\W|$)",
    ),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_map_that_cannot_be(what: str) -> None:
    """A map in which a name means two things, or nothing, is refused."""
    make, message = WRONG[what]
    with pytest.raises(ConfigurationError, match=message) as caught:
        make()

    assert "'lead'" in str(caught.value)


@pytest.mark.parametrize("name", [None, "", 5, []])
def test_map_without_a_name(name: object) -> None:
    """A map needs a name that is text."""
    with pytest.raises(ConfigurationError, match=r" needs a name: entity='contact'\."):
        attrs.evolve(entity(EMAIL), entity=cast("str", name))


@pytest.mark.parametrize(
    ("fields", "seen"),
    [("email", "'email'"), (None, "None"), (EMAIL, "Field")],
    ids=["a name", "none", "one"],
)
def test_fields_are_a_list(fields: object, seen: str) -> None:
    """One field or its name alone is no list of fields, and a name is not taken for its letters."""
    message = rf"has fields=[a-z ]*{seen}.*\. Give a list of fields: fields=\["
    with pytest.raises(ConfigurationError, match=message):
        attrs.evolve(entity(CITY), fields=cast("tuple[Field, ...]", fields))


def test_who_asks_for_a_field_that_is_not_there_is_told_those_that_are() -> None:
    """The names to choose from are in the message, in the order of the map."""
    with pytest.raises(ConfigurationError, match=r"Its fields are email, city\.$"):
        entity(EMAIL, CITY).field("e_mail")
    with pytest.raises(ConfigurationError, match=r"Its fields are email, city\.$"):
        entity(EMAIL, CITY, match="e_mail")


def test_map_is_shown_by_its_entity_and_tables() -> None:
    """In a log or a debugger a map is a line, not its forty fields."""
    assert "<EntityMap 'lead': 2 fields of 'person' and 'lead'>" == repr(entity(EMAIL, CITY))


def test_map_is_cut_and_extended() -> None:
    """A map is data: it is cut, reordered and extended by name."""
    whole = entity(EMAIL, CITY, SUBJECT, TOPIC)
    phone = Field("phone", Pair("phone", "telephone1"))
    town = Field("city", Pair("town", "address1_city"))

    assert ("email", "city", "subject", "topic") == whole.names()
    assert ("city", "email") == whole.only("city", "email").names()
    assert ("email", "subject", "topic") == whole.without("city").names()
    assert ("email", "city", "subject", "topic", "phone") == whole.plus(phone).names()
    assert town == whole.plus(town).field("city")
    assert whole.names() == whole.plus(town).names()


def test_field_yields_no_more_to_one_that_is_left_out() -> None:
    """Of two fields on one column either may be dropped (A16)."""
    whole = entity(SUBJECT, TOPIC)

    assert None is whole.without("subject").field("topic").yields_to
    assert None is whole.only("topic").field("topic").yields_to
    assert "subject" == whole.only("topic", "subject").field("topic").yields_to


def test_stamps_flow_to_marketo_only() -> None:
    """Id, type and deleted flag are Marketo's to hold and the engine's to say (R25)."""
    stamps = entity(CITY).stamps()

    assert ["@id", "@type", "@deleted"] == [stamp.name for stamp in stamps]
    assert {Flow.TO_MARKETO} == {stamp.flow for stamp in stamps}
    names = ["crmLeadId", "microsoftType", "microsoftIsDeleted"]
    assert [Pair(name, "") for name in names] == [stamp.names for stamp in stamps]


def test_stamps_are_compared_as_what_they_are() -> None:
    """An id that is held in capitals, and a flag that is held as nothing, are no differences."""
    id_, type_, deleted = entity(CITY).stamps()
    no: Value = False

    assert id_.same("6F1D-AB", "6f1d-ab", MARKETO)
    assert not type_.same("Lead", "lead", MARKETO)
    assert deleted.equal(None, no)
    assert [ReferenceKind(), TextKind(), BooleanKind()] == [s.kind for s in (id_, type_, deleted)]


def test_stamps_that_are_not_kept() -> None:
    """Only the id is always kept."""
    bare = attrs.evolve(entity(CITY), type_field=None, deleted_field=None)

    assert ["@id"] == [stamp.name for stamp in bare.stamps()]


# -- fingerprints


class Plain:
    """A kind of a host's own, made without attrs: Python shows it by where it is in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, wire: Wire, side: Side) -> Value:
        """Return what text means."""
        return TextKind().decode(wire, side)

    def encode(self, value: Value, side: Side) -> Wire:
        """Return text."""
        return TextKind().encode(value, side)

    def key(self, value: Value) -> Hashable:
        """Compare as text is."""
        return TextKind().key(value)

    def bind(self, column: Column) -> Kind:
        """Stay as it is, whatever *column* is."""
        assert column
        return self


def test_fingerprint_tells_what_a_field_stands_for() -> None:
    """It moves with either column and with the kind, and not with what is only for people."""
    said = [
        entity(field).fingerprint_of(field)
        for field in (
            CITY,
            attrs.evolve(CITY, names=Pair("town", "address1_city")),
            attrs.evolve(CITY, names=Pair("city", "address2_city")),
            attrs.evolve(CITY, kind=EmailKind()),
            attrs.evolve(CITY, kind=NumberKind()),
            attrs.evolve(CITY, kind=NumberKind(digits=2)),
        )
    ]
    relabelled = attrs.evolve(CITY, labels=Pair("City", "Town"), too_long="truncate")

    assert len(said) == len(set(said))
    assert said[0] == entity(relabelled).fingerprint_of(relabelled)


def test_fingerprint_is_the_same_in_every_release() -> None:
    """It is stored: were it to move by itself, all that is known of the field would be purged."""
    assert ["dc4d05f0ee9c0581", "d94483d868a73774"] == [
        entity(CITY).fingerprint_of(f) for f in (CITY, EMAIL)
    ]


def test_fingerprint_of_a_kind_of_the_hosts_own() -> None:
    """Where a kind is in memory does not count, or it would be another one in every run."""
    one, same, other = (attrs.evolve(CITY, kind=Plain(name)) for name in ("a", "a", "b"))

    assert entity(CITY).fingerprint_of(one) == entity(CITY).fingerprint_of(same)
    assert entity(CITY).fingerprint_of(one) != entity(CITY).fingerprint_of(other)
