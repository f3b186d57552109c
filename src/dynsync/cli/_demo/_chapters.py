"""The first half of the story: what two systems do to each other on a good day."""

from __future__ import annotations

import json
from typing import Final

from dynsync.cli._demo._people import (
    CONTACTS,
    KNOWN,
    LEADS,
    NEWCOMERS,
    contacts,
    known_people,
    leads,
    newcomers,
)
from dynsync.cli._demo._stage import Cell, Stage
from dynsync.maps import CONTACT, LEAD
from dynsync.records import RecordId
from dynsync.schemas import Access

__all__ = [
    "collisions",
    "different_fields",
    "edits_on_either_side",
    "first_load",
    "unreadable_field",
    "unwritable_field",
]

JOB: Final = ("title", "jobtitle")
CITY: Final = ("city", "address1_city")
PHONE: Final = ("phone", "telephone1")
NOTES: Final = ("personNotes", "description")
SALUTATION: Final = ("salutation", "salutation")


def lead(who: str, id_: RecordId, columns: tuple[str, str]) -> Cell:
    """Return a field of a lead."""
    return Cell(who, LEAD.entity, id_, columns)


def contact(who: str, id_: RecordId, columns: tuple[str, str]) -> Cell:
    """Return a field of a contact."""
    return Cell(who, CONTACT.entity, id_, columns)


def first_load(stage: Stage) -> None:
    """Load everybody for the first time."""
    stage.contacts += stage.dynamics.create_all("contact", contacts())
    stage.leads += stage.dynamics.create_all("lead", leads())
    for values in (*newcomers(), *known_people()):
        stage.marketo.create_person(values)
    stage.say(
        f"Dynamics holds {CONTACTS} contacts and {LEADS} leads. Marketo holds {NEWCOMERS} people "
        f"that Dynamics does not know, and {KNOWN} that it does, by their e-mail address."
    )
    report = stage.cycle()
    everybody = CONTACTS + LEADS
    stage.claim(
        f"all {everybody} contacts and leads are people in Marketo now",
        true=stage.marketo.count() == everybody + NEWCOMERS and not report.failures,
    )
    stage.claim(
        f"the {KNOWN} that were there already were found, not made again",
        true=report.records == everybody and report.left == 0,
    )
    stage.claim(
        "nobody went to Dynamics unasked",
        true=(stage.dynamics.count("contact"), stage.dynamics.count("lead")) == (CONTACTS, LEADS),
    )
    names = [
        contact("a contact", stage.contacts[12], ("lastName", "lastname")),
        contact("another", stage.contacts[17], ("lastName", "lastname")),
        lead("a lead", stage.leads[12], ("firstName", "firstname")),
        lead("another", stage.leads[2], CITY),
    ]
    stage.show(names)
    stage.claim(
        "every name, note and address arrived letter by letter",
        true=_all_equal(stage),
    )


def _all_equal(stage: Stage) -> bool:
    """Return whether people and records hold the same in some fields, for everybody."""
    pairs = (JOB, CITY, PHONE, NOTES, ("firstName", "firstname"), ("lastName", "lastname"))
    cells = [
        *(lead("", id_, pair) for id_ in stage.leads for pair in pairs),
        *(contact("", id_, pair) for id_ in stage.contacts for pair in pairs),
    ]
    return all(here == there for here, there in map(stage.values, cells))


def edits_on_either_side(stage: Stage) -> None:
    """Edit here, and edit there."""
    one = lead("a lead, edited in Marketo", stage.leads[0], JOB)
    two = contact("a contact, edited in Dynamics", stage.contacts[1], CITY)
    stage.marketo.edit(stage.person_of(one.entity, one.dynamics), {"title": "Geschäftsführerin"})
    stage.dynamics.edit("contact", two.dynamics, {"address1_city": "Reykjavík"})
    stage.cycle()
    stage.show([one, two])
    stage.claim("the edit in Marketo is in Dynamics", true=_both(stage, one, "Geschäftsführerin"))
    stage.claim("the edit in Dynamics is in Marketo", true=_both(stage, two, "Reykjavík"))


def _both(stage: Stage, cell: Cell, value: str) -> bool:
    return stage.values(cell) == (value, value)


def collisions(stage: Stage) -> None:
    """Edit the same field in both systems."""
    one = lead("a lead: Marketo wins", stage.leads[1], CITY)
    two = contact("a contact: Dynamics wins", stage.contacts[2], CITY)
    for cell in (one, two):
        stage.marketo.edit(stage.person_of(cell.entity, cell.dynamics), {"city": "Málaga"})
        stage.dynamics.edit(cell.entity, cell.dynamics, {"address1_city": "Tromsø"})
    stage.say('Somebody in Marketo writes "Málaga", somebody in Dynamics "Tromsø", to both.')
    stage.cycle()
    stage.show([one, two])
    stage.claim("of the lead Marketo's edit stands in both", true=_both(stage, one, "Málaga"))
    stage.claim("of the contact Dynamics' edit stands in both", true=_both(stage, two, "Tromsø"))
    lost = [
        change.lost
        for cell in (one, two)
        for entry in stage.sync.explain(cell.entity, dynamics=cell.dynamics)
        for change in entry.changes
        if change.field == "city"
    ]
    stage.claim(
        "the values that gave way are kept in the journal", true=lost == ["Tromsø", "Málaga"]
    )


def different_fields(stage: Stage) -> None:
    """Edit one record in both systems, but not the same field."""
    one = lead("a lead, edited in Marketo", stage.leads[3], SALUTATION)
    two = lead("the same, edited in Dynamics", stage.leads[3], PHONE)
    stage.marketo.edit(stage.person_of(one.entity, one.dynamics), {"salutation": "Frau Dr."})
    stage.dynamics.edit("lead", two.dynamics, {"telephone1": "+354 555 0199"})
    stage.cycle()
    stage.show([one, two])
    stage.claim("the edit in Marketo lives", true=_both(stage, one, "Frau Dr."))
    stage.claim("the edit in Dynamics lives", true=_both(stage, two, "+354 555 0199"))


def unreadable_field(stage: Stage) -> None:
    """Take the right to read a field away."""
    cell = contact("a contact", stage.contacts[0], NOTES)
    other = contact("the same contact", stage.contacts[0], JOB)
    before, _ = stage.values(cell)
    known = _in_state(stage, str(before))
    note = "Salary negotiations: do not pass on."
    stage.dynamics.secure("contact", "description", Access.NONE)
    changes = {"description": note, "jobtitle": "Häuptling"}
    stage.dynamics.edit("contact", cell.dynamics, changes)
    stage.say("An administrator secures the contacts' notes; then somebody edits a contact.")
    stage.cycle()
    stage.show([other])
    here, there = stage.values(cell)
    stage.claim("the rest of the contact goes on", true=_both(stage, other, "Häuptling"))
    stage.claim("the note is in Dynamics", true=there == note)
    stage.claim("Marketo keeps what it had: not cleared, not told", true=here == before is not None)
    stage.claim("the state file holds no letter of it", true=not _in_state(stage, note))
    purged = known and not _in_state(stage, str(before))
    stage.claim("the note that was there before is wiped from it", true=purged)


def _in_state(stage: Stage, text: str) -> bool:
    """Return whether the beginning of *text* is anywhere in the state's files."""
    files = stage.state.parent.glob(f"{stage.state.name}*")
    # JSON may have escaped what is not ASCII.
    begins = text[:30].encode(), json.dumps(text[:30]).strip('"').encode()
    contents = [path.read_bytes() for path in files]
    return any(begin in content for begin in begins for content in contents)


def unwritable_field(stage: Stage) -> None:
    """Take the right to write a field away, and give it back."""
    cell = lead("a lead, edited in Marketo", stage.leads[4], PHONE)
    other = lead("the same lead", stage.leads[4], JOB)
    _, before = stage.values(cell)
    stage.dynamics.secure("lead", "telephone1", Access.READ)
    person = stage.person_of(cell.entity, cell.dynamics)
    stage.marketo.edit(person, {"phone": "+47 555 0123", "title": "Båtbygger"})
    stage.say("The leads' phone number may only be read from now on. Marketo edits one.")
    stage.cycle()
    stage.show([cell, other])
    stage.claim("the phone number is withheld", true=stage.values(cell) == ("+47 555 0123", before))
    stage.claim("the rest of the record went on", true=_both(stage, other, "Båtbygger"))
    stage.dynamics.secure("lead", "telephone1", Access.READ | Access.CREATE | Access.UPDATE)
    stage.say("The right is given back.")
    stage.cycle()
    stage.show([cell])
    stage.claim("what waited was not forgotten", true=_both(stage, cell, "+47 555 0123"))
