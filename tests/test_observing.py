"""Observing, by itself: what is news, what is an echo, and whose edit a write of ours replaced."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Final

import attrs
import pytest

from dynsync.backlog import Claims, Hold, Linked, Observation, Pending, Push, Sent
from dynsync.maps import LEAD
from dynsync.observing import clears, differs, fold, inherit, missed, overwritten, shows, told_apart
from dynsync.policies import manual
from dynsync.records import MISSING, Edit, Missing, Pair, RecordId, Row, Side, Wire
from dynsync.schemas import Column, Schema
from dynsync.terms import agree_terms
from parts import HOBBIES, NOW, PERSON, entry, gone, seen
from parts import LEAD as FULL_MAP
from parts import TERMS as FULL
from parts import row as full_row

MAP: Final = attrs.evolve(LEAD.only("city", "job_title"), deleted_field=None)
TERMS: Final = agree_terms(
    MAP,
    Pair(
        Schema.of("person", [Column("city"), Column("title"), Column("crmLeadId")]),
        Schema.of("lead", [Column("address1_city"), Column("jobtitle")]),
    ),
    policy=manual,
    first=manual,
    backfill=manual,
)
WRITE: Final = Sent("city", "Oslo", "Bergen", "Oslo", at=1000.0)


@pytest.mark.parametrize("now", [1060.0, 1061.0, 9000.0])
def test_a_write_that_is_not_there_is_missed(now: float) -> None:
    """From a minute after it was sent, what is not there then was not made by then."""
    assert attrs.evolve(WRITE, until=now) == missed(WRITE, now)


@pytest.mark.parametrize("now", [999.0, 1000.0, 1059.9])
def test_a_write_under_way_is_not_missed(now: float) -> None:
    """Within a minute, a write that is not there may still be on its way."""
    assert WRITE == missed(WRITE, now)


def test_a_write_is_missed_once() -> None:
    """The first look after which it was not there counts: no edit since then is its echo."""
    gone = missed(WRITE, 1100.0)

    assert gone == missed(gone, 1200.0)


def test_notes_are_inherited_with_what_the_new_record_holds() -> None:
    """The notes of the link before come first, and of fields that are still in play."""
    row: Row = ["Tromsø", "boss", *[None] * (len(TERMS.layout) - 2)]
    own = attrs.evolve(WRITE, at=3000.0)
    link = Linked(1, MAP.entity, Pair(RecordId("1"), RecordId("a")), Pair([*row], row), sent=(own,))

    inherit(TERMS, [WRITE, attrs.evolve(WRITE, field="no_longer_chosen")], link)

    assert (attrs.evolve(WRITE, source="Tromsø"), own) == link.sent


def test_a_link_of_another_layout_inherits_nothing() -> None:
    """A base of other fields is not read as one of these."""
    link = Linked(1, MAP.entity, Pair(RecordId("1"), RecordId("a")), Pair([], ["Oslo"]))

    with pytest.raises(ValueError, match="zip"):
        inherit(TERMS, [WRITE], link)


# -- what is news


@pytest.mark.parametrize("side", Side)
def test_what_says_nothing_else_is_no_difference(side: Side) -> None:
    """In the eyes of each field's kind, and as that side says it; not reported is nothing."""
    base = full_row({"city": "Oslo", "email": "a@x.org", "revenue": 1, "@deleted": None}, None)
    same: tuple[dict[str, Wire], ...] = (
        {"city": " Oslo"},
        {"email": "A@x.org"},
        {"revenue": "1.00"},
        {"@deleted": False},
        {"name": ""},
        {},
    )

    for values in same:
        assert not differs(FULL, side, full_row(values), base)
    assert not differs(FULL, side, [*base], base)
    others: list[dict[str, Wire]] = [{"city": "oslo"}, {"email": None}, {"name": "Lee"}]
    for values in others:
        assert differs(FULL, side, full_row(values), base)


def test_a_difference_is_looked_for_in_every_field() -> None:
    """One that means the same does not hide one behind it that does not."""
    base = full_row({"city": "Oslo", "email": "a@x.org"}, None)

    assert differs(FULL, Side.MARKETO, full_row({"city": "Oslo ", "email": "b@x.org"}), base)


def test_a_text_is_read_as_its_side_says_it() -> None:
    """Dynamics' 2 is Marketo's "Warm": neither is the other's word."""
    assert not differs(
        FULL, Side.MARKETO, full_row({"rating": "warm"}), full_row({"rating": "Warm"})
    )
    assert not differs(FULL, Side.DYNAMICS, full_row({"rating": "2"}), full_row({"rating": 2}))


def test_a_set_of_words_is_read_as_its_side_says_it() -> None:
    """The same options in another order are no difference, and no news."""
    for side, now, before in (
        (Side.MARKETO, "Tennis;Golf", "Golf;Tennis"),
        (Side.DYNAMICS, "2,1", "1,2"),
    ):
        old, new = (seen({"hobbies": wire}, terms=HOBBIES) for wire in (before, now))
        waits = attrs.evolve(
            entry(*Pair[Observation | None](None, None).replace(side, old)), reason="held"
        )

        assert not differs(HOBBIES, side, new.row, old.row)
        assert "held" == fold(HOBBIES, waits, side, new, NOW).reason


@pytest.mark.parametrize(
    ("now", "before", "count"),
    [
        (None, "Oslo", 1),
        ("", "Oslo", 1),
        (None, 0, 1),
        ("", 0.0, 1),
        (None, True, 1),
        ("Bergen", "Oslo", 0),
        (None, None, 0),
        ("", None, 0),
        (None, "", 0),
        (None, False, 0),
        (None, MISSING, 0),
        (MISSING, "Oslo", 0),
        (False, True, 0),
    ],
)
def test_what_is_emptied_is_counted(
    now: Wire | Missing, before: Wire | Missing, count: int
) -> None:
    """A value that is there no more; no was as good as nothing, and what nobody knew is none."""
    assert count == clears(full_row({"city": now}), full_row({"city": before}))


def test_all_that_is_emptied_is_counted() -> None:
    """A guard adds it up."""
    before = full_row({"city": "Oslo", "email": "a@x.org", "name": "Lee"})

    assert 2 == clears(full_row({"city": None, "email": "", "name": "Lee"}), before)


# -- folded into the backlog


def waiting(*holds: Hold) -> Pending:
    """Return an entry that waits for a while, with what was seen of a person."""
    made = entry(seen({"city": "Oslo", "email": "a@x.org"}, modified_at=NOW - 90.0), holds=holds)
    return attrs.evolve(
        made, retry_at=NOW + 500.0, reason="held", attempts=3, clears=2, push=Push(FULL_MAP.entity)
    )


def folded(new: Observation, made: Pending | None = None, side: Side = Side.MARKETO) -> Pending:
    """Return the entry that waits, with what is *new*."""
    return fold(FULL, made or waiting(), side, new, NOW)


def test_news_make_an_entry_due() -> None:
    """What it waited for does not matter any more; all else of it stays."""
    new = seen({"city": "Bergen"}, modified_at=NOW - 5.0, version="2")
    found = folded(new)
    row = full_row({"city": "Bergen", "email": "a@x.org"})

    assert found == attrs.evolve(
        waiting(),
        seen=Pair(attrs.evolve(new, row=row), None),
        retry_at=NOW,
        reason="",
    )


def test_a_repeated_observation_changes_no_schedule() -> None:
    """A held value is not hammered; the newer version is remembered."""
    found = folded(seen({"city": "Oslo "}, version="2"))

    assert (NOW + 500.0, "held") == (found.retry_at, found.reason)
    assert found.seen.marketo is not None
    assert "2" == found.seen.marketo.version


def test_what_is_seen_of_the_other_side_is_news() -> None:
    """Nothing of it was known before; what was seen of the first stays."""
    new = seen({"city": "Oslo"})
    found = folded(new, side=Side.DYNAMICS)

    assert waiting().seen.replace(Side.DYNAMICS, new) == found.seen
    assert (NOW, "") == (found.retry_at, found.reason)


def test_what_is_gone_and_what_is_back_are_news() -> None:
    """Neither is laid over the other: the record that is back is another one."""
    lost = folded(gone())
    back = folded(seen({"city": "Oslo"}), attrs.evolve(lost, retry_at=None, reason="held"))
    still = folded(gone(), attrs.evolve(lost, retry_at=None, reason="held"))

    assert (NOW, "") == (lost.retry_at, lost.reason) == (back.retry_at, back.reason)
    assert Pair(gone(), None) == lost.seen
    assert Pair(seen({"city": "Oslo"}), None) == back.seen
    assert (None, "held") == (still.retry_at, still.reason)


@pytest.mark.parametrize(
    ("at", "modified"),
    [(NOW - 200.0, NOW - 200.0), (NOW - 5.0, NOW - 90.0), (None, NOW - 90.0)],
)
def test_the_oldest_change_gives_the_place_in_the_queue(at: float | None, modified: float) -> None:
    """A record that is edited all the time is not put off for ever (R8)."""
    assert modified == folded(seen({"city": "Bergen"}, modified_at=at)).modified


def test_a_change_that_nobody_dated_was_made_now() -> None:
    """As far as is known."""
    made = attrs.evolve(waiting(), modified=math.inf)

    assert NOW == folded(seen({"city": "Bergen"}), made).modified
    assert NOW - 5.0 == folded(seen({"city": "Bergen"}, modified_at=NOW - 5.0), made).modified


def test_a_permanent_hold_is_tried_once_more() -> None:
    """The record that refused it is another one now (A20); what rests for a while rests on."""
    for_ever = Hold(Side.MARKETO, "city", ("NO",), "d", "s", 5, math.inf)
    holds = (
        for_ever,
        attrs.evolve(for_ever, side=Side.DYNAMICS),
        attrs.evolve(for_ever, retry_at=7.0),
    )
    news = folded(seen({"city": "Bergen"}), waiting(*holds))
    echo = folded(seen({"city": "Oslo"}), waiting(*holds))

    assert [NOW, math.inf, 7.0] == [hold.retry_at for hold in news.holds]
    assert [5, 5, 5] == [hold.attempts for hold in news.holds]
    assert holds == echo.holds


def claiming(**values: Wire) -> Claims:
    """Return claims of *values*, each against a base that was nothing."""
    return {name: (value, Pair[Wire](None, None)) for name, value in values.items()}


def test_a_claim_is_news_and_stands() -> None:
    """Until a later edit of the same field replaces it (invariant 31)."""
    made = folded(seen({"city": "Oslo"}, claims=claiming(city="edit")))
    rested = attrs.evolve(made, retry_at=None)

    def claims(new: Observation) -> tuple[object, float | None]:
        found = folded(new, rested)
        return found.claims, found.retry_at

    assert NOW == made.retry_at
    assert (claiming(city="edit"), None) == claims(seen({}))
    assert (claiming(city="edit"), None) == claims(seen({"city": "Oslo "}))
    assert ({}, NOW) == claims(seen({"city": "Bergen"}))
    assert (claiming(city="edit"), NOW) == claims(seen({"email": "b@x.org"}))
    back = folded(seen({"city": "edit "}, claims=claiming(city="edit")))
    assert claiming(city="Bergen") == folded(seen({"city": "Bergen"}), back).claims
    again = seen({}, claims=claiming(city="later"))
    assert (claiming(city="later"), None) == claims(again)
    more = seen({}, claims=claiming(email="a"))
    assert (claiming(city="edit", email="a"), NOW) == claims(more)


# -- edits that a write of ours replaced


AT: Final = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
SENT: Final = Sent("city", "Oslo", "Bergen", "source", at=AT.timestamp())
CITY: Final[Mapping[str, Wire]] = {"city": "Bergen"}


def edited(old: Wire, new: Wire, seconds: float | None = None, field: str = "city") -> Edit:
    """Return an edit, so many *seconds* after the write if its time is told."""
    at = None if seconds is None else AT + dt.timedelta(seconds=seconds)
    return Edit(field, old, new, at)


def claimed(
    *edits: Edit,
    sent: tuple[Sent, ...] = (SENT,),
    holds: Mapping[str, Wire] = CITY,
    timed: bool = False,
) -> tuple[Claims, tuple[Sent, ...]]:
    """Return what *edits* tell of what was *sent* to a person who *holds* something now."""
    return overwritten(FULL, sent, edits, full_row({**holds}), timed=timed)


FOUND: Final[tuple[Claims, tuple[Sent, ...]]] = (
    {"city": ("Tromsø", Pair[Wire]("Oslo", "source"))},
    (),
)


def test_a_write_that_replaced_what_it_meant_to_took_nothing() -> None:
    """Its echo has come, and that is all."""
    assert ({}, ()) == claimed(edited("Oslo", "Bergen"))
    assert ({}, ()) == claimed(edited(" Oslo", "Bergen "))


def test_a_write_that_replaced_another_value_took_an_edit() -> None:
    """It is claimed, with the base that it was made on: what the write meant to replace."""
    assert FOUND == claimed(edited("Tromsø", "Bergen"))
    assert FOUND == claimed(edited("Oslo", "Tromsø"), edited("Tromsø", "Bergen"))


def test_a_write_that_nobody_told_of_is_awaited() -> None:
    """Edits of other fields, and to other values, are not its echo."""
    waits: tuple[Claims, tuple[Sent, ...]] = {}, (SENT,)

    assert waits == claimed()
    assert waits == claimed(edited("Tromsø", "Hamar"))
    assert waits == claimed(edited("Tromsø", "Bergen", field="lastName"))
    assert waits == claimed(edited("Tromsø", "Bergen", field="address1_city"))


def test_a_later_edit_was_made_with_ours_in_view() -> None:
    """Who changed it again did not mean the value that we replaced."""
    assert ({}, ()) == claimed(edited("Tromsø", "Bergen"), edited("Bergen", "Hamar"))
    assert ({}, ()) == claimed(edited("Tromsø", "Bergen"), holds={"city": "Hamar"})
    assert ({}, ()) == claimed(edited("Tromsø", "Bergen"), holds={})
    assert FOUND == claimed(edited("Tromsø", "Bergen"), holds={"city": "Bergen "})


def test_an_edit_to_what_we_wrote_took_nothing() -> None:
    """Both wanted the same: there is nothing to win back."""
    assert ({}, ()) == claimed(edited("Bergen ", "Bergen"))


def test_of_two_equal_writes_the_one_that_did_what_it_meant_to_came() -> None:
    """The other, of which nobody heard, was perhaps never made."""
    other = attrs.evolve(SENT, old="Hamar", at=SENT.at + 30.0)

    assert ({}, (SENT,)) == claimed(edited("Hamar", "Bergen"), sent=(SENT, other))
    assert ({}, (other,)) == claimed(edited("Oslo", "Bergen"), sent=(SENT, other))
    claims, left = claimed(edited("Tromsø", "Bergen"), sent=(SENT, other))
    assert (FOUND[0], (other,)) == (claims, left)


@pytest.mark.parametrize("timed", [False, True])
def test_an_echo_that_is_told_twice_is_no_other_write_s(*, timed: bool) -> None:
    """Invariant 31: of two writes of one value the first was never made; a feed repeats itself."""
    never, made = SENT, attrs.evolve(SENT, old="Hamar", at=SENT.at + 1.0)
    echo = edited("Hamar", "Bergen", 2.0)
    claims, left = claimed(echo, sent=(never, made), timed=timed)
    waiting = told_apart(FULL, (never, made), left, [edited("Oslo", "Hamar", 1.0), echo])

    assert ({}, (never,)) == (claims, left)
    assert (attrs.evolve(never, apart=SENT.at + 2.0),) == waiting
    assert ({}, waiting) == claimed(echo, sent=waiting, timed=timed)
    assert FOUND[0] == claimed(edited("Tromsø", "Bergen", 3.0), sent=waiting, timed=timed)[0]
    assert FOUND[0] == claimed(edited("Tromsø", "Bergen"), sent=waiting, timed=timed)[0]


def test_what_is_told_apart() -> None:
    """Only writes of the same value to the same field, by the last row that has a moment."""
    same = attrs.evolve(SENT, at=SENT.at + 1.0)
    other = attrs.evolve(SENT, new="Hamar"), attrs.evolve(SENT, field="email")
    rows = [
        edited("Oslo", "Bergen", 2.0),
        edited("Oslo", "Bergen", 3.0),
        edited("Oslo", "Hamar", 4.0),
        edited("Oslo", "Bergen", 5.0, field="email"),
        edited("Oslo", "Bergen"),
    ]

    assert (same,) == told_apart(FULL, (same,), (same,), rows), "nothing came"
    assert other == told_apart(FULL, (SENT, *other), other, rows)
    assert (same,) == told_apart(FULL, (SENT, same), (same,), rows[4:])
    assert (attrs.evolve(same, apart=SENT.at + 3.0),) == told_apart(
        FULL, (SENT, same), (same,), rows
    )


def test_each_echo_is_of_one_write() -> None:
    """Two writes are told of by two edits."""
    later = Sent("city", "Bergen", "Hamar", "source", at=SENT.at + 60.0)
    both = SENT, later

    assert ({}, ()) == claimed(
        edited("Oslo", "Bergen"), edited("Bergen", "Hamar"), sent=both, holds={"city": "Hamar"}
    )
    assert ({"city": ("Tromsø", Pair("Bergen", "source"))}, ()) == claimed(
        edited("Oslo", "Bergen"), edited("Tromsø", "Hamar"), sent=both, holds={"city": "Hamar"}
    )
    assert ({}, ()) == claimed(
        edited("Tromsø", "Bergen"), edited("Bergen", "Hamar"), sent=both, holds={"city": "Hamar"}
    )


def test_fields_are_followed_apart() -> None:
    """What one of them tells says nothing of the other."""
    email = Sent("email", "a@x.org", "b@x.org", "c@x.org", at=SENT.at)
    edits = edited("Oslo", "Bergen"), edited("z@x.org", "b@x.org", field="email")
    claims, left = claimed(*edits, sent=(SENT, email), holds={**CITY, "email": "B@x.org"})

    assert {"email": ("z@x.org", Pair("a@x.org", "c@x.org"))} == claims
    assert () == left
    assert (SENT, email) == claimed(sent=(SENT, email))[1]


@pytest.mark.parametrize("seconds", [-2.0, 0.0, 900.0])
def test_an_echo_comes_in_its_time(seconds: float) -> None:
    """A feed tells whole seconds, and a write may be applied long after it was sent."""
    assert FOUND == claimed(edited("Tromsø", "Bergen", seconds), timed=True)


@pytest.mark.parametrize("seconds", [-2.1, 900.1])
def test_an_edit_at_another_time_is_no_echo(seconds: float) -> None:
    """A feed repeats itself, and much later somebody may set the same value by hand."""
    assert ({}, (SENT,)) == claimed(edited("Tromsø", "Bergen", seconds), timed=True)
    edits = [edited("Tromsø", "Bergen", seconds)]
    assert FOUND == overwritten(FULL, (SENT,), edits, full_row(CITY)), "where no clock is known"


def test_an_edit_that_nobody_dated_may_be_an_echo() -> None:
    """Its time tells nothing."""
    late = attrs.evolve(SENT, until=SENT.at)

    assert FOUND == claimed(edited("Tromsø", "Bergen"), timed=True)
    assert FOUND == claimed(edited("Tromsø", "Bergen"), sent=(late,), timed=True)


def test_an_edit_since_a_write_was_missed_is_no_echo() -> None:
    """What was not there then was not made by then; a feed tells whole seconds."""
    late = attrs.evolve(SENT, until=SENT.at + 60.5)
    before, after = (edited("Tromsø", "Bergen", seconds) for seconds in (59.0, 60.0))

    assert FOUND == claimed(before, sent=(late,), timed=True)
    assert ({}, (late,)) == claimed(after, sent=(late,), timed=True)


def test_an_upsert_that_made_the_person_overwrote_nothing() -> None:
    """It is known by this that nobody was given an id in its edits: it was there from the start."""
    note = Sent("@id", "guid", "guid", None, at=SENT.at)
    other = attrs.evolve(SENT, at=SENT.at + 600.0)
    took = edited("Tromsø", "Bergen")
    given = edited(None, "guid", field="crmLeadId")

    assert ({}, ()) == claimed(took, sent=(note, SENT))
    assert FOUND[0] == claimed(took, given, sent=(note, SENT))[0]
    assert (note, SENT) == claimed(sent=(note, SENT))[1]
    assert FOUND == claimed(took, sent=(note, other))
    assert FOUND[0] == claimed(took, sent=(attrs.evolve(note, old=None), SENT))[0]
    assert FOUND[0] == claimed(took, sent=(attrs.evolve(note, field="@type"), SENT))[0]


# -- whether a write is there


def test_a_write_shows_in_what_is_held() -> None:
    """Of every field what was sent last, in the eyes of its kind."""
    email = Sent("email", None, "a@x.org", None, at=0.0)
    later = attrs.evolve(SENT, new="Hamar")

    assert shows(FULL, [SENT, email], full_row({"city": " Bergen", "email": "A@x.org"}))
    assert not shows(FULL, [SENT, email], full_row({"city": "Bergen"}))
    assert not shows(FULL, [email, SENT], full_row({"email": "a@x.org", "city": "Oslo"}))
    assert shows(FULL, [SENT, later], full_row({"city": "Hamar"}))
    assert not shows(FULL, [SENT, later], full_row({"city": "Bergen"}))
    assert not shows(FULL, [attrs.evolve(SENT, field="no longer chosen")], full_row(CITY))
    assert shows(FULL, [], full_row({}))


def test_nobody_inherits_from_nobody() -> None:
    """A record that was not made anew has no notes to take over."""
    inherit(TERMS, [WRITE], None)

    assert WRITE == Sent("city", "Oslo", "Bergen", "Oslo", at=1000.0)


def test_what_nobody_knows_of_the_new_record_is_not_inherited() -> None:
    """Of a field that was not reported there is no base to go against."""
    row: Row = [MISSING, "boss", *[None] * (len(TERMS.layout) - 2)]
    link = Linked(1, MAP.entity, Pair(PERSON, RecordId("a")), Pair([*row], row))

    inherit(TERMS, [WRITE], link)

    assert () == link.sent
