"""The plan of one backlog entry: what is written, to whom, and what is left alone."""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from dynsync.backlog import Hold, Linked, LinkState, Observation, Pending, Push
from dynsync.deciding import refusal_digest
from dynsync.decisions import FieldPlan, Ruling
from dynsync.fields import Field
from dynsync.kinds import MultiChoiceKind
from dynsync.merge import Verdict
from dynsync.planning import (
    Action,
    RecordPlan,
    new_dynamics_id,
    plan_record,
    write_digest,
)
from dynsync.policies import manual, newest, prefer
from dynsync.records import MISSING, Pair, RecordId, Side, Version, Wire
from dynsync.schemas import Access, Column, Option
from dynsync.terms import Terms
from dynsync.writes import Create, Update
from parts import (
    GUID,
    HOBBIES,
    IDS,
    LEAD,
    NOW,
    PERSON,
    TERMS,
    entry,
    gone,
    link,
    row,
    seen,
    terms_with,
)

NATIVES: Final = {stamp.name: stamp.names.marketo for stamp in LEAD.stamps()}
STAMPS: Final[dict[str, Wire]] = {"@id": GUID, "@type": "Lead", "@deleted": False}
NATIVE: Final[dict[str, Wire]] = {NATIVES[name]: wire for name, wire in STAMPS.items()}
NOBODY: Final = Pair[RecordId | None](None, GUID)
PUSH: Final = Push(LEAD.entity)
NO_WRITES: Final = Pair(None, None)


def planned(made: Pending, linked: Linked | None = None, terms: Terms = TERMS) -> RecordPlan:
    """Return the plan of an entry, which may be that of a link."""
    return plan_record(terms, made, linked, NOW)


def readonly(side: Side, native: str, *rights: Access) -> tuple[Side, Column]:
    """Describe a column of *side* that may be read, and no more than *rights* besides."""
    access = Access.READ
    for right in rights:
        access |= right
    required = native == "lastname" and side is Side.DYNAMICS
    return side, Column(native, required=required, access=access)


# -- two records that are linked


@pytest.mark.parametrize("side", Side)
def test_what_one_side_changed_is_written_to_the_other(side: Side) -> None:
    """Only what changed is sent, under the other side's names, and against the version known."""
    news = Pair[Observation | None](None, None).replace(side, seen({"city": "Bergen"}))
    known = link({"city": "Oslo"}, versions=Pair(Version("m"), Version("d")))
    plan = planned(entry(*news), known)
    other = side.other

    assert (Action.MERGE, known) == (plan.action, plan.link)
    expected = Update(
        IDS[other], {LEAD.field("city").names[other]: "Bergen"}, known.versions[other]
    )
    assert expected == plan.writes[other]
    assert plan.writes[side] is None
    assert {"city": "Bergen"} == plan.sent(other)
    assert {} == plan.sent(side)
    assert "Bergen" == plan.actual[side][TERMS.index("city")]
    assert "Oslo" == plan.actual[other][TERMS.index("city")]


def test_the_version_that_was_seen_is_expected() -> None:
    """It is newer than the one that is remembered."""
    known = link({"city": "Oslo"}, versions=Pair(None, Version("old")))
    made = entry(seen({"city": "Bergen"}), seen({"email": None}, version="new"))
    write = planned(made, known).writes.dynamics

    assert isinstance(write, Update)
    assert "new" == write.expect


def test_the_link_knows_its_records() -> None:
    """An entry may be older than its link."""
    made = entry(seen({"city": "b"}), ids=Pair(None, None))

    assert Pair(None, Update(GUID, {"address1_city": "b"})) == planned(made, link({})).writes


def test_where_nothing_changed_nothing_is_written() -> None:
    """An echo is no change; the plan is to do nothing."""
    plan = planned(entry(seen({"city": "Oslo"}), seen({"city": "Oslo"})), link({"city": "Oslo"}))

    assert (Action.MERGE, (), NO_WRITES) == (plan.action, plan.fields, plan.writes)


def test_a_side_without_an_id_is_written_nothing() -> None:
    """There is no record of it yet."""
    made = entry(seen({"city": "a"}), seen({"city": "b"}), ids=Pair(PERSON, None))

    assert planned(made).writes.dynamics is None


def test_fields_are_planned_in_the_order_of_the_layout() -> None:
    """Equal arguments give equal plans, byte for byte (invariant 23)."""
    made = entry(seen({"topic": "c", "city": "a", "email": "b"}))

    assert ["city", "email", "topic"] == [field.name for field in planned(made, link({})).fields]


@pytest.mark.parametrize(("marketo", "winner"), [(NOW - 9, "b"), (NOW - 3, "a")])
def test_the_age_of_a_record_is_from_when_it_was_changed(marketo: float, winner: str) -> None:
    """Who asks for the newest gets it, whichever side's feed is late."""
    made = entry(seen({"city": "a"}, modified_at=marketo), seen({"city": "b"}, modified_at=NOW - 6))
    plan = planned(made, link({"city": "was"}), terms_with(policy=newest(tolerance=0.0)))

    assert {winner} == {wire for side in Side for wire in plan.sent(side).values()}


def test_an_age_that_nobody_knows_is_none() -> None:
    """A feed that does not tell the time is not thought to be of today."""
    made = entry(seen({"city": "a"}), seen({"city": "b"}, modified_at=NOW))
    plan = planned(made, link({"city": "was"}), terms_with(policy=newest()))

    assert [True] == [field.unresolved for field in plan.fields]


def test_an_edit_that_we_overwrote_is_merged() -> None:
    """It stands in for what Marketo reports, and Marketo is told what it lost to (inv. 31)."""
    claims = {"city": ("edit", Pair[Wire]("was", "was"))}
    made = entry(seen({"city": "ours"}, claims=claims))
    known = link({"city": "ours"})
    kept, lost = (
        planned(made, known),
        planned(
            entry(seen({"city": "ours"}, claims=claims)),
            known,
            terms_with(policy=prefer(Side.DYNAMICS)),
        ),
    )

    assert {"city": "edit"} == kept.sent(Side.MARKETO) == kept.sent(Side.DYNAMICS)
    assert NO_WRITES == lost.writes
    assert ["edit"] == [field.lost for field in lost.fields]


# -- stamps


def test_a_person_is_told_what_it_is() -> None:
    """Whoever writes over a stamp finds it put right (R25); Dynamics is told nothing of it."""
    plan = planned(entry(seen({"@id": "other", "@type": None})), link({}))

    assert Pair(Update(PERSON, {"crmLeadId": GUID, "microsoftType": "Lead"}), None) == plan.writes


def test_stamps_that_are_right_are_left_alone() -> None:
    """They are compared every time, and written only where they differ."""
    assert () == planned(entry(seen(STAMPS)), link({})).fields


# -- two fields on one column


SUBJECTS: Final = link({"subject": "was", "topic": "was"})


def test_one_of_two_fields_yields() -> None:
    """Both pushed: Subject has precedence, and the person's Topic becomes the same (A16)."""
    plan = planned(entry(seen({"subject": "a", "topic": "b"})), SUBJECTS)
    topic = plan.fields[1]

    assert (
        Pair(Update(PERSON, {"microsoftTopic": "a"}), Update(GUID, {"subject": "a"})) == plan.writes
    )
    assert ("b", ("a", "a")) == (topic.lost, (topic.to_marketo, topic.to_dynamics))
    assert (
        Ruling(
            Verdict.COLLISION, None, "'subject' goes into the same column and has precedence (A16)"
        )
        == topic.decision
    )


def test_two_fields_that_say_the_same_do_not_collide() -> None:
    """Nothing gives way where there is no difference."""
    plan = planned(entry(seen({"subject": "a", "topic": "a"})), SUBJECTS)

    assert [MISSING, MISSING] == [field.lost for field in plan.fields]
    assert Pair(None, Update(GUID, {"subject": "a"})) == plan.writes


def test_each_of_several_fields_yields() -> None:
    """One that says the same does not keep another from giving way."""
    line = Field("line", Pair("line", "subject"), yields_to="subject")
    terms = terms_with((Side.MARKETO, Column("line")), fields=LEAD.plus(line))
    news = seen({"subject": "a", "topic": "a", "line": "b"}, terms=terms)
    plan = planned(entry(news), link({}, terms=terms), terms)

    assert {"subject": "a", "topic": "a", "line": "a"} == plan.sent(Side.DYNAMICS)
    assert {"line": "a"} == plan.sent(Side.MARKETO)


def test_a_field_yields_in_the_words_of_each_side() -> None:
    """What is pushed is in Dynamics' words, and the person is told it in Marketo's."""
    kind = MultiChoiceKind()
    fields = LEAD.plus(
        Field("hobbies", Pair("hobbies", "hobbies"), kind),
        Field("sports", Pair("sports", "hobbies"), kind, yields_to="hobbies"),
    )
    options = Option(1, "Golf"), Option(2, "Tennis")
    terms = terms_with(
        (Side.MARKETO, Column("hobbies")),
        (Side.MARKETO, Column("sports")),
        (Side.DYNAMICS, Column("hobbies", options=options)),
        fields=fields,
    )
    news = seen({"hobbies": "Tennis;Golf", "sports": "Golf"}, terms=terms)
    plan = planned(entry(news), link({}, terms=terms), terms)

    assert Pair(Update(PERSON, {"sports": "Golf;Tennis"}), Update(GUID, {"hobbies": "1,2"})) == (
        plan.writes
    )


@pytest.mark.parametrize("name", ["subject", "topic"])
def test_a_field_yields_to_none_that_is_refused(name: str) -> None:
    """What is not sent is in nobody's way."""
    terms = terms_with((Side.DYNAMICS, Column("subject", length=5)))
    news = {"subject": "b", "topic": "b", name: "too long"}
    plan = planned(entry(seen({**news})), SUBJECTS, terms)

    assert Pair(None, Update(GUID, {"subject": "b"})) == plan.writes
    assert [name] == [field.name for field in plan.fields if field.refused]


@pytest.mark.parametrize("name", ["subject", "topic"])
def test_a_field_yields_to_none_that_is_not_pushed(name: str) -> None:
    """Alone, either of the two goes."""
    plan = planned(entry(seen({name: "a"})), SUBJECTS)

    assert Pair(None, Update(GUID, {"subject": "a"})) == plan.writes
    assert [name] == [field.name for field in plan.fields]


def test_what_comes_of_two_fields_is_decided_in_dynamics() -> None:
    """What changed there goes to both fields of the person."""
    plan = planned(entry(None, seen({"subject": "a", "topic": "a"})), SUBJECTS)

    assert Pair(Update(PERSON, {"subject": "a", "microsoftTopic": "a"}), None) == plan.writes


# -- held


def held(
    side: Side, field: str, digest: str, terms: Terms = TERMS, retry_at: float = NOW + 60.0
) -> Hold:
    """Return a hold of what has *digest*."""
    return Hold(side, field, ("NO",), digest, terms.schema_digest(side, field), 1, retry_at)


def test_a_refused_field_holds_itself_alone() -> None:
    """The rest of the record goes on, unless the host wants it whole (A19)."""
    made = entry(seen({"city": "x" * 11, "email": "b@x.org"}))
    apart = planned(made, link({}))
    whole = planned(made, link({}), terms_with(hold="record"))

    assert {"email": "b@x.org"} == apart.sent(Side.DYNAMICS)
    assert NO_WRITES == whole.writes
    assert ["city"] == [field.name for field in whole.fields if field.refused]


def test_what_a_field_yields_to_is_not_told_while_it_is_refused() -> None:
    """A16: that Marketo refused for the other field just now, it is not offered once more."""
    made = entry(seen({"subject": "a", "topic": "b"}))
    hold = held(Side.MARKETO, "topic", refusal_digest("a", "b"))
    late = attrs.evolve(hold, retry_at=NOW)
    early = planned(attrs.evolve(made, holds=(hold,)), SUBJECTS)
    again = planned(attrs.evolve(made, holds=(late,)), SUBJECTS)

    assert (None, (Side.MARKETO,)) == (early.writes.marketo, early.fields[1].held)
    assert Update(PERSON, {"microsoftTopic": "a"}) == again.writes.marketo


def test_a_record_is_held_with_a_field_that_was_refused_before() -> None:
    """A hold is a refusal that was told already."""
    terms = terms_with(hold="record")
    hold = held(Side.DYNAMICS, "city", refusal_digest("b", None), terms)
    made = entry(seen({"city": "b", "email": "b@x.org"}), holds=(hold,))

    assert NO_WRITES == planned(made, link({}), terms).writes


def test_who_was_just_made_is_told_so_though_the_record_is_held() -> None:
    """R33: by the id alone the two are matched, whatever else of them waits."""
    made = entry(seen({"city": "x" * 11, "email": "b@x.org", "@id": None}))
    plan = planned(made, link({}), terms_with(hold="record"))

    assert plan.writes.dynamics is None
    assert {"@id": GUID} == plan.sent(Side.MARKETO)


def test_a_record_that_is_held_advances_what_both_sides_hold() -> None:
    """Nothing is to be told of that, and what is edited later is to be told from it."""
    made = entry(seen({"city": "x" * 11, "email": "b@x.org"}), seen({"email": "b@x.org"}))
    plan = planned(made, link({}), terms_with(hold="record"))

    assert {"city": False, "email": True} == {field.name: field.advance for field in plan.fields}


def test_a_required_field_that_may_not_be_written_holds_its_record() -> None:
    """The system would refuse all of it."""
    terms = terms_with(readonly(Side.DYNAMICS, "lastname"))
    plan = planned(entry(seen({"name": "b", "city": "b"})), link({}), terms)

    assert NO_WRITES == plan.writes
    assert [("name",), ()] == [tuple(f.name for _ in f.withheld) for f in plan.fields]


def test_what_is_only_withheld_holds_nothing_else() -> None:
    """A right that is missing is no refusal."""
    terms = terms_with(readonly(Side.DYNAMICS, "emailaddress1"), hold="record")
    plan = planned(entry(seen({"email": "b@x.org", "city": "b"})), link({}), terms)

    assert {"city": "b"} == plan.sent(Side.DYNAMICS)


def test_a_required_field_that_is_emptied_holds_itself_alone() -> None:
    """It is refused as a value, not for want of a right: the others go on."""
    plan = planned(entry(seen({"name": None, "city": "b"})), link({"name": "a"}))

    assert {"city": "b"} == plan.sent(Side.DYNAMICS)


def whole_digest(made: Pending, side: Side, terms: Terms = TERMS) -> str:
    """Return the digest of all that *side* would be sent of *made*."""
    return write_digest(terms, planned(made, link({}), terms).fields, side)


def test_what_was_refused_as_a_whole_is_not_sent_again() -> None:
    """Where no field was named, the same write is known again; the other side is told."""
    made = entry(seen({"city": "b", "email": "b@x.org"}), seen({"revenue": 7}))
    hold = held(Side.DYNAMICS, "", whole_digest(made, Side.DYNAMICS))
    plan = planned(attrs.evolve(made, holds=(hold,)), link({}))

    assert plan.writes.dynamics is None
    assert {"revenue": 7} == plan.sent(Side.MARKETO)
    assert [("city", (Side.DYNAMICS,)), ("email", (Side.DYNAMICS,)), ("revenue", ())] == [
        (field.name, field.held) for field in plan.fields
    ]


@pytest.mark.parametrize("side", Side)
def test_each_side_may_refuse_a_whole_write(side: Side) -> None:
    """What it held of it ends with its own columns, and is of its own write."""
    news = seen({"city": "b", "email": "b@x.org"})
    made = entry(*Pair[Observation | None](None, None).replace(side.other, news))
    hold = held(side, "", whole_digest(made, side))
    others = attrs.evolve(hold, digest="another")

    assert NO_WRITES == planned(attrs.evolve(made, holds=(others, hold)), link({})).writes
    assert planned(attrs.evolve(made, holds=(others,)), link({})).writes[side] is not None


def test_another_write_is_tried() -> None:
    """A hold of the whole ends with its time, with any column, and with any value in it."""
    made = entry(seen({"city": "b", "email": "b@x.org"}))
    hold = held(Side.DYNAMICS, "", whole_digest(made, Side.DYNAMICS))
    for other in (
        attrs.evolve(hold, retry_at=NOW),
        attrs.evolve(hold, schema="another"),
        attrs.evolve(hold, digest="another"),
        attrs.evolve(hold, side=Side.MARKETO, schema=TERMS.schema_digest(Side.MARKETO, "")),
        attrs.evolve(hold, field="revenue", schema=TERMS.schema_digest(Side.DYNAMICS, "revenue")),
    ):
        plan = planned(attrs.evolve(made, holds=(other,)), link({}))
        assert {"city", "email"} == set(plan.sent(Side.DYNAMICS))
    both = attrs.evolve(hold, retry_at=NOW), hold
    assert planned(attrs.evolve(made, holds=both), link({})).writes.dynamics is None


def test_the_digest_of_a_write_is_of_all_that_is_told() -> None:
    """By native name, in any order; what a new record is told without a decision counts."""
    city, email = FieldPlan("city", None), FieldPlan("email", None)
    city.to_dynamics, email.to_dynamics = "Oslo", "a@x.org"
    both = write_digest(TERMS, [city, email], Side.DYNAMICS)

    assert both == write_digest(TERMS, [email, city], Side.DYNAMICS)
    assert both == write_digest(TERMS, [city], Side.DYNAMICS, {"email": "a@x.org"})
    assert both != write_digest(TERMS, [city], Side.DYNAMICS)
    assert both != write_digest(TERMS, [city, email], Side.MARKETO)


# -- gone


def test_gone_in_dynamics() -> None:
    """The person stays and says so; nothing else is written, and the entry keeps what was seen."""
    made = entry(seen({"city": "b"}, modified_at=NOW), gone())
    plan = planned(made, link({}))

    assert (Action.FLAG, made) == (plan.action, plan.entry)
    assert Pair(Update(PERSON, {"microsoftType": None, "microsoftIsDeleted": True}), None) == (
        plan.writes
    )


def test_gone_in_dynamics_of_who_holds_another_id() -> None:
    """A7: whose record they are to be by now they say; that the old one is gone is told beside."""
    made = entry(seen({"city": "b", "@id": "another"}), gone())
    plan = planned(made, link({}))

    assert Pair(Update(PERSON, {"microsoftType": None, "microsoftIsDeleted": True}), None) == (
        plan.writes
    )
    assert GUID == plan.actual.marketo[TERMS.index("@id")]


@pytest.mark.parametrize("held", [None, "", "{}"])
def test_gone_in_dynamics_of_who_holds_no_id(held: Wire) -> None:
    """R45: which record it was a person says all the same."""
    made = entry(seen({"@id": held}), gone())

    assert GUID == planned(made, link({})).sent(Side.MARKETO)["@id"]


def test_gone_in_dynamics_before() -> None:
    """It is gone until something of it is seen again."""
    known = link({}, state=LinkState.GONE_DYNAMICS)

    assert Action.FLAG is planned(entry(seen({"city": "b"})), known).action
    assert Action.MERGE is planned(entry(None, seen({"city": "b"})), known).action


def test_gone_in_dynamics_gives_back_an_edit() -> None:
    """What we overwrote is the person's own again, whoever would have won (inv. 31)."""
    claims = {"city": ("edit", Pair[Wire]("was", "was"))}
    made = entry(seen({"city": "ours"}, claims=claims), gone())
    plan = planned(made, link({"city": "ours"}), terms_with(policy=prefer(Side.DYNAMICS)))

    assert "edit" == plan.sent(Side.MARKETO)["city"]
    assert [True, False, False] == [field.restore for field in plan.fields]
    assert "ours" == plan.actual.marketo[TERMS.index("city")]


def test_gone_in_dynamics_gives_back_an_edit_over_another() -> None:
    """What it replaces is what the person holds, which the feed will tell (invariant 2)."""
    claims = {"city": ("edit", Pair[Wire]("was", "was"))}
    made = entry(seen({"city": "theirs", "name": "Lee"}, claims=claims), gone())
    plan = planned(made, link({"city": "was", "name": "was"}))

    assert ("theirs", "was") == tuple(plan.actual.marketo[TERMS.index(n)] for n in ("city", "name"))
    assert {"city", "@type", "@deleted"} == plan.sent(Side.MARKETO).keys()


CHANGED: Final = entry(gone(), seen({"city": "b"}))


def test_gone_in_marketo() -> None:
    """Nothing is done in Dynamics (R45), as long as nothing is changed there."""
    for there in (None, seen({}), seen({"city": "Oslo"}), seen({"city": " Oslo"})):
        made, known = entry(gone(), there), link({"city": "Oslo"})
        plan = planned(made, known)
        assert (Action.FORGET, NO_WRITES, made) == (plan.action, plan.writes, plan.entry)
        assert (known, known.rows) == (plan.link, plan.actual)


def test_gone_in_marketo_before() -> None:
    """A person stays deleted, whatever its link is told of."""
    known = link({"city": "Oslo"}, state=LinkState.GONE_MARKETO)

    assert Action.FORGET is planned(entry(None, seen({"city": "Oslo"})), known).action
    assert Action.CREATE_PERSON is planned(entry(None, seen({"city": "b"})), known).action


def test_gone_in_marketo_and_changed_in_dynamics() -> None:
    """A new person is made of all that is known (R46), unless the host wants none."""
    known = link({"city": "Oslo", "email": "a@x.org", "name": "Lee"})
    plan = planned(CHANGED, known)
    suppressed = planned(CHANGED, known, terms_with(on_marketo_delete="suppress"))
    told = {"city": "b", "email": "a@x.org", "lastName": "Lee"}

    assert (Action.CREATE_PERSON, known) == (plan.action, plan.link)
    assert Pair(Create(GUID, {**told, **NATIVE}, "crmLeadId"), None) == plan.writes
    assert (Action.SUPPRESS, NO_WRITES, CHANGED) == (
        suppressed.action,
        suppressed.writes,
        suppressed.entry,
    )
    assert (known, known.rows) == (suppressed.link, suppressed.actual)


def test_gone_in_marketo_and_held() -> None:
    """What Marketo refused of the new person is not sent again; its ids are the link's."""
    hold = held(Side.MARKETO, "city", refusal_digest("b", None))
    made = attrs.evolve(CHANGED, holds=(hold,), ids=Pair(None, None))
    write = planned(made, link({"city": "Oslo", "email": "a@x.org"})).writes.marketo

    assert isinstance(write, Create)
    assert (GUID, {"email": "a@x.org", **NATIVE}) == (write.key, write.values)


def test_gone_in_marketo_and_said_in_other_words() -> None:
    """What means the same in Dynamics is no change there."""
    terms = HOBBIES
    known = link({"hobbies": "Golf;Tennis"}, {"hobbies": "1,2"}, terms=terms)
    same = planned(entry(gone(), seen({"hobbies": "2,1"}, terms=terms)), known, terms)
    other = planned(entry(gone(), seen({"hobbies": "2"}, terms=terms)), known, terms)

    assert (Action.FORGET, Action.CREATE_PERSON) == (same.action, other.action)


def test_a_field_that_is_new_brings_nobody_back() -> None:
    """What was not known before is no change (R46)."""
    known = link({"city": "Oslo"}, {"city": MISSING})

    assert Action.FORGET is planned(CHANGED, known).action


@pytest.mark.parametrize("told", [None, "", MISSING])
def test_what_dynamics_puts_into_what_was_just_made_brings_nobody_back(told: Wire) -> None:
    """R46: of a person who was never told of it, what was empty was never known."""
    known = link({"@id": told, "city": None})
    linked = link({"city": None})

    assert Action.FORGET is planned(CHANGED, known).action
    assert Action.CREATE_PERSON is planned(CHANGED, linked).action
    assert Action.CREATE_PERSON is planned(CHANGED, link({"@id": told, "city": "Oslo"})).action


def test_gone_on_both_sides() -> None:
    """Nothing is left to link."""
    for made, state in (
        (entry(gone(), gone()), LinkState.LIVE),
        (entry(gone()), LinkState.GONE_DYNAMICS),
        (entry(None, gone()), LinkState.GONE_MARKETO),
    ):
        known = link({"city": "Oslo"}, state=state)
        plan = planned(made, known)
        assert (Action.UNLINK, NO_WRITES, known.rows) == (plan.action, plan.writes, plan.actual)
        assert plan.link is known
        assert plan.entry is made


# -- records that are not linked


def test_two_records_that_meet_are_paired() -> None:
    """Whoever holds the other's id is its other half; a value goes where there is none."""
    here = seen({"city": "a", **STAMPS}, modified_at=NOW)
    plan = planned(entry(here, seen({"city": None, "email": "b@x.org"})))

    assert (Action.MERGE, None) == (plan.action, plan.link)
    assert Pair(Update(PERSON, {"email": "b@x.org"}), None) == plan.writes
    assert ["city"] == [field.name for field in plan.fields if field.adopt]


def test_a_person_is_made() -> None:
    """With all that Dynamics holds of it, under the id by which it is found again."""
    there = seen({"name": "Lee", "city": "Oslo", "rating": 2, "created": "today", "score": 7})
    made = entry(None, there, ids=NOBODY)
    plan = planned(made)
    told = {"lastName": "Lee", "city": "Oslo", "rating": "Warm", "createdDate": "today"}

    assert (Action.CREATE_PERSON, None) == (plan.action, plan.link)
    assert plan.entry is made
    assert Pair(Create(GUID, {**told, **NATIVE}, "crmLeadId"), None) == plan.writes
    assert {"name", "city", "rating", "created", *STAMPS} == set(plan.sent(Side.MARKETO))
    assert row({}) == plan.actual.marketo
    assert row(
        {"name": "Lee", "city": "Oslo", "rating": 2, "created": "today", "score": 7, **STAMPS}
    ) == (plan.actual.dynamics)


def test_a_person_is_made_the_same_way_after_a_refusal() -> None:
    """Every field is decided on then, and what was not refused goes."""
    there = seen({"name": "Lee", "city": "Oslo", "rating": 2, "score": 7})
    hold = held(Side.MARKETO, "city", refusal_digest("Oslo", None))
    first = planned(entry(None, there, ids=NOBODY)).writes.marketo
    again = planned(entry(None, there, ids=NOBODY, holds=(hold,)))

    assert isinstance(first, Create)
    assert isinstance(again.writes.marketo, Create)
    assert {k: v for k, v in first.values.items() if k != "city"} == dict(
        again.writes.marketo.values
    )
    assert {} == again.plain
    assert [("city", (Side.MARKETO,))] == [(f.name, f.held) for f in again.fields if f.held]


def test_a_person_of_whom_nothing_is_known_is_not_made() -> None:
    """There is nothing behind the entry any more."""
    for made in (entry(), entry(None, seen({}), ids=Pair(None, None))):
        plan = planned(made)
        assert (Action.DROP, NO_WRITES, made) == (plan.action, plan.writes, plan.entry)
        assert Pair(row({}), row({})) == plan.actual


def test_a_person_that_was_refused_as_a_whole_is_not_made_again() -> None:
    """Whether a value took a decision or not, the write is the same."""
    made = entry(None, seen({"name": "Lee", "city": "Oslo"}), ids=NOBODY)
    first = planned(made)
    digest = write_digest(TERMS, first.fields, Side.MARKETO, first.plain)
    again = attrs.evolve(made, holds=(held(Side.MARKETO, "", digest),))

    assert NO_WRITES == planned(again).writes
    late = attrs.evolve(made, holds=(held(Side.MARKETO, "", digest, retry_at=NOW),))
    assert first.writes == planned(late).writes


@pytest.mark.parametrize("side", Side)
def test_a_refusal_of_a_new_record_is_known_again(side: Side) -> None:
    """By the value that cannot be read, against nothing: no record holds anything yet."""
    wire: Wire = 9 if side is Side.MARKETO else "Tepid"
    here, there = seen({"name": "Lee", "rating": wire}), seen({"name": "Lee", "rating": wire})
    made = entry(None, there, ids=NOBODY) if side is Side.MARKETO else entry(here, push=PUSH)
    refused = {f.name: f.refused[side].digest for f in planned(made).fields if f.refused}

    assert {"rating": refusal_digest(wire, None)} == refused


def test_a_person_who_went_before_it_was_linked_is_made_without_what_is_held() -> None:
    """It is like any other that is made."""
    hold = held(Side.MARKETO, "city", refusal_digest("Oslo", None))
    made = entry(gone(), seen({"name": "Lee", "city": "Oslo"}), holds=(hold,))
    write = planned(made).writes.marketo

    assert isinstance(write, Create)
    assert {"lastName": "Lee", **NATIVE} == write.values


def test_a_person_without_its_id_is_not_made() -> None:
    """It could not be found again, and a lost answer would make another."""
    terms = terms_with((Side.MARKETO, Column("crmLeadId", length=2)))
    plan = planned(entry(None, seen({"city": "a"}), ids=NOBODY), terms=terms)

    assert (Action.CREATE_PERSON, NO_WRITES) == (plan.action, plan.writes)


def test_a_person_is_not_made_without_what_is_required() -> None:
    """Marketo would refuse it: the record waits, with the reason."""
    terms = terms_with((Side.MARKETO, Column("city", required=True)))
    plan = planned(entry(None, seen({"name": "Lee", "city": None}), ids=NOBODY), terms=terms)

    assert NO_WRITES == plan.writes
    assert ["city"] == [field.name for field in plan.fields if field.refused]


@pytest.mark.parametrize(("hold", "made"), [("field", True), ("record", False)])
def test_a_person_is_made_without_what_is_refused(hold: str, *, made: bool) -> None:
    """Unless the host wants the record whole (A19)."""
    short = Side.MARKETO, Column("city", length=2)
    terms = terms_with(short, hold="record") if hold == "record" else terms_with(short)
    plan = planned(entry(None, seen({"name": "Lee", "city": "Oslo"}), ids=NOBODY), terms=terms)

    assert made is (plan.writes.marketo is not None)


def test_a_record_that_is_gone_is_dropped() -> None:
    """Whatever was known of it, there is nothing to link."""
    for made in (
        entry(None, gone(), ids=NOBODY),
        entry(gone(), None),
        entry(gone(), gone()),
        entry(gone(), seen({"city": "a"}), push=PUSH),
    ):
        plan = planned(made)
        assert (Action.DROP, NO_WRITES) == (plan.action, plan.writes)
        assert Pair(row({}), row({})) == plan.actual


def test_a_person_who_went_before_it_was_linked_is_made_anew() -> None:
    """Its record is there, and nobody is its other half."""
    plan = planned(entry(gone(), seen({"name": "Lee"})))

    assert Action.CREATE_PERSON is plan.action


@pytest.mark.parametrize("push", [None, PUSH])
def test_a_person_whose_record_went_before_it_was_linked_says_so(push: Push | None) -> None:
    """It was made, nobody heard of it, and its record is gone: only its stamps are touched."""
    made = entry(seen({"city": "a", **STAMPS}, modified_at=NOW), gone(), push=push)
    plan = planned(made)

    assert Action.FLAG is plan.action
    assert made.seen.dynamics == plan.entry.seen.dynamics
    assert Pair(Update(PERSON, {"microsoftType": None, "microsoftIsDeleted": True}), None) == (
        plan.writes
    )


# -- Sync Person to Microsoft


def test_a_record_is_made_in_dynamics() -> None:
    """With all that Marketo holds of it, under an id that was chosen beforehand (R28)."""
    here = seen({"name": "Lee", "rating": "Warm", "score": 7, "created": "today", "@id": None})
    made = entry(here, push=PUSH)
    plan = planned(made)

    assert (Action.CREATE_IN_DYNAMICS, None) == (plan.action, plan.link)
    assert plan.entry is made
    assert {"name", "rating", "score"} == set(plan.sent(Side.DYNAMICS))
    told: dict[str, Wire] = {"lastname": "Lee", "leadqualitycode": 2, "mkt_score": 7}
    assert Pair(None, Create(GUID, told)) == plan.writes
    assert Pair(here.row, row({})) == plan.actual


def test_a_record_is_made_without_what_is_held() -> None:
    """What was refused before, of a record that held nothing; the rest goes."""
    hold = held(Side.DYNAMICS, "city", refusal_digest("Oslo", None))
    whole = held(Side.DYNAMICS, "", "another write")
    made = entry(seen({"name": "Lee", "city": "Oslo"}), push=PUSH, holds=(hold, whole))
    write = planned(made).writes.dynamics

    assert isinstance(write, Create)
    assert {"lastname": "Lee"} == write.values


def test_a_record_is_made_for_its_owner() -> None:
    """Where the map knows the owner's column, and an owner was given (R30)."""
    here = seen({"name": "Lee", "@id": None})
    owned = attrs.evolve(PUSH, owner="Ann")
    without = terms_with(fields=attrs.evolve(LEAD, owner_column=None))

    def values(push: Push, terms: Terms = TERMS) -> object:
        write = planned(entry(here, push=push), terms=terms).writes.dynamics
        return write.values if isinstance(write, Create) else None

    assert {"lastname": "Lee", "ownerid": "Ann"} == values(owned)
    assert {"lastname": "Lee"} == values(PUSH)
    assert {"lastname": "Lee"} == values(owned, without)


@pytest.mark.parametrize(
    ("stamps", "there"),
    [
        ({"@id": "another"}, True),
        ({"@id": "{ANOTHER}", "@deleted": False}, True),
        ({"@id": "another", "@deleted": True}, False),
        ({"@id": None}, False),
        ({"@id": " "}, False),
        ({"@id": GUID.upper()}, False),
        ({}, False),
    ],
)
def test_a_person_who_is_in_dynamics_is_not_made_again(
    stamps: dict[str, Wire], *, there: bool
) -> None:
    """It says so, and so does the answer (R27); a deleted record is made anew (R32)."""
    plan = planned(entry(seen({"name": "Lee", **stamps}), push=PUSH))

    assert (Action.DROP if there else Action.CREATE_IN_DYNAMICS) is plan.action
    why = "the person holds the id of a Dynamics record already" if there else ""
    assert why == plan.entry.reason
    if there:
        assert Pair(row({}), row({})) == plan.actual
        assert Pair(PERSON, None) == plan.entry.ids


def test_a_person_who_is_in_dynamics_where_no_deletion_is_kept() -> None:
    """Without that stamp, who holds an id has a record."""
    terms = terms_with(fields=attrs.evolve(LEAD, deleted_field=None))
    made = entry(seen({"name": "Lee", "@id": "another"}, terms=terms), push=PUSH)

    assert Action.DROP is planned(made, terms=terms).action


def test_nobody_is_made_of_nothing() -> None:
    """A push of whom nothing is known has nothing behind it."""
    for made in (entry(push=PUSH), entry(gone(), push=PUSH)):
        plan = planned(made)
        assert (Action.DROP, NO_WRITES, "") == (plan.action, plan.writes, plan.entry.reason)
        assert Pair(row({}), row({})) == plan.actual


def test_nobody_is_made_under_the_id_of_a_record_that_they_have() -> None:
    """R27: what has no id to be made under is made already."""
    plan = planned(entry(seen({"name": "Lee"}), ids=Pair(PERSON, None), push=PUSH))

    assert (Action.DROP, NO_WRITES) == (plan.action, plan.writes)
    assert "the person holds the id of a Dynamics record already" == plan.entry.reason
    assert Pair(PERSON, None) == plan.entry.ids


def test_a_record_is_not_made_without_what_is_required() -> None:
    """Dynamics would refuse it; the reason is told."""
    plan = planned(entry(seen({"city": "Oslo", "name": None}), push=PUSH))

    assert (Action.CREATE_IN_DYNAMICS, NO_WRITES) == (plan.action, plan.writes)
    assert ["name"] == [field.name for field in plan.fields if field.refused]


def test_a_record_is_not_made_of_what_may_not_be_told() -> None:
    """With no value at all there is nothing to make."""
    terms = terms_with(readonly(Side.DYNAMICS, "address1_city", Access.UPDATE))
    plan = planned(entry(seen({"city": "Oslo"}), push=PUSH), terms=terms)

    assert NO_WRITES == plan.writes
    assert [("city", (Side.DYNAMICS,))] == [(f.name, f.withheld) for f in plan.fields]


def test_of_two_fields_on_a_column_a_new_record_is_told_one() -> None:
    """Subject has precedence there too (A16)."""
    plan = planned(entry(seen({"name": "Lee", "subject": "a", "topic": "b"}), push=PUSH))
    write = plan.writes.dynamics

    assert isinstance(write, Create)
    assert {"lastname": "Lee", "subject": "a"} == write.values


# -- ids


def test_an_id_is_the_same_for_the_same_person() -> None:
    """A lost answer makes no second record; nor does another release of ours."""
    made = new_dynamics_id("here", PERSON)

    assert "e94802ba-4fff-5a7a-b0d7-5c94e2253f2a" == made
    assert made == new_dynamics_id("here", RecordId("17"))
    apart = {
        made,
        new_dynamics_id("there", PERSON),
        new_dynamics_id("here", RecordId("18")),
        new_dynamics_id("here", PERSON, made),
        new_dynamics_id("here", PERSON, GUID),
    }
    assert 5 == len(apart)


def test_a_plan_is_made_of_equal_things_alike() -> None:
    """It has no side effect: nothing that it was made of is changed (invariant 23)."""
    made = entry(seen({"city": "a", "topic": "b"}), seen({"city": "b"}))
    known = link({"city": "was"}, versions=Pair(None, Version("1")))
    terms = terms_with(policy=manual)

    assert planned(made, known, terms) == planned(made, known, terms)
    assert entry(seen({"city": "a", "topic": "b"}), seen({"city": "b"})) == made
    assert link({"city": "was"}, versions=Pair(None, Version("1"))) == known
