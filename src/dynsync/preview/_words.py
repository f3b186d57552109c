"""The closed sets: which file, which bucket, what becomes of a field. Pure."""

from __future__ import annotations

import enum

from dynsync.maps import CONTACT, LEAD
from dynsync.records import Entity

__all__ = ["Bucket", "FieldOutcome", "FileRole"]


class FileRole(enum.Enum):
    """Which of the exports a file is."""

    PEOPLE = "people"
    CONTACTS = "contacts"
    LEADS = "leads"

    @property
    def entity(self) -> Entity | None:
        """The entity that the file holds, None for people."""
        entities = {FileRole.CONTACTS: CONTACT.entity, FileRole.LEADS: LEAD.entity}
        return entities.get(self)


class Bucket(enum.Enum):
    """Where a row of an export ends: each in exactly one, so that sums match."""

    CREATED = "created"
    """A Dynamics record without a person: it becomes one."""
    UPDATED = "updated"
    """A value that one side alone holds, or that flows one way, goes to the other."""
    COLLIDING = "colliding"
    """Both hold a value of a field, and not the same: the policy decides."""
    REFUSED = "refused"
    """A value that the other side cannot hold; the rest of the record goes on."""
    UNREADABLE = "unreadable"
    """
    A cell that cannot be read and nothing else to say, or a row that may be the other half and
    cannot be used: what becomes of it is not known.
    """
    LINKED = "linked"
    """Nothing differs; Marketo notes what the person is in Dynamics."""
    IDENTICAL = "identical"
    """Nothing to do."""
    MARKETO_ONLY = "marketo_only"
    """A person without a Dynamics record: background sync never makes one (R26)."""
    ORPHANED = "orphaned"
    """
    A person whose Dynamics record is not in the file: a sync that does not find it in Dynamics
    either marks the person as deleted there (R45).
    """
    ELSEWHERE = "elsewhere"
    """A person who belongs to a Dynamics file that was not given."""
    AMBIGUOUS = "ambiguous"
    """More than one record could be the other half; nobody is linked (invariant 27)."""
    MALFORMED = "malformed"
    """A row that cannot be used; the problems say why."""


class FieldOutcome(enum.Enum):
    """What becomes of one field of one record."""

    CREATED = "created"
    """Part of a person that is made."""
    UPDATED = "updated"
    COLLIDES = "collides"
    """Both hold a value; the winner's goes to the other side."""
    UNRESOLVED = "unresolved"
    """Both hold a value, and the policy leaves it to a person."""
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    """A cell of it cannot be read: nothing is decided, and nobody can say what would be."""
    LINKED = "linked"
    """What a person is in Dynamics, noted in Marketo."""
