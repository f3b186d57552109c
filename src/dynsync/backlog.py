"""
What is remembered of a record: link, base, and what was observed and not settled. Pure data.

Moments are POSIX timestamps in seconds (UTC), as compact rows want them.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from typing import Final, NamedTuple, NewType, TypeAlias

import attrs
from attrs import Factory

from dynsync.records import Entity, Pair, RecordId, Row, Side, Version, Wire

__all__ = [
    "AMBIGUOUS_MATCH",
    "Claims",
    "Hold",
    "Known",
    "LinkState",
    "Linked",
    "Observation",
    "Pending",
    "PendingKey",
    "Push",
    "Sent",
    "link_key",
    "unlinked_key",
    "version_of",
]

AMBIGUOUS_MATCH: Final = "ambiguous match"
"""Why an entry waits that may be several records, or nobody's."""

PendingKey = NewType("PendingKey", str)
"""
What a backlog entry is about, and unique in the backlog.

``link:17`` a linked record; ``new:contact:<guid>`` a record that has no link yet: it has
no person, or its person is known only by the id that it holds, or it is still to be made
for a person by *Sync Person to Microsoft* under an id that was chosen beforehand.
"""


class LinkState(enum.Enum):
    """Whether both records of a link are still there."""

    LIVE = "live"
    GONE_DYNAMICS = "gone_dynamics"
    """Deleted in Dynamics; the person stays and is flagged (R45)."""
    GONE_MARKETO = "gone_marketo"
    """Deleted in Marketo; a later change in Dynamics makes a new person (R46)."""

    # Members are one object each: see `Side`.
    __hash__ = object.__hash__


@attrs.frozen
class Sent:
    """
    One field of one write to a system without conditional writes, kept until its echo.

    *old* is the value that the write meant to replace, *new* what it sent, both wire values
    under the canonical *field* name; *source* is the other side's base at that time, which
    a recovered edit is merged against (invariant 31). *at* is when it was sent, by Marketo's
    clock where its feed tells the time, and *until* when it was looked for and was not there,
    if it was: no later edit is its echo. Nor is one of the moment *apart*, by Marketo's clock: it
    was the echo of another write of the same value, and feeds repeat themselves.
    """

    field: str
    old: Wire
    new: Wire
    source: Wire
    at: float
    until: float | None = None
    apart: float | None = None


@attrs.define
class Linked:
    """
    A link with its base.

    *key* is the store's own number. *rows* hold, per side, the wire values that the side
    last reported or acknowledged while both agreed, in the order of the entity's layout;
    None before anything is known. *versions* are the row versions that go with the latest
    observation. *sent* are writes whose echo has not been seen.
    """

    key: int
    entity: Entity
    ids: Pair[RecordId]
    rows: Pair[Row]
    versions: Pair[Version | None] = Pair(None, None)
    state: LinkState = LinkState.LIVE
    sent: tuple[Sent, ...] = ()


class Known(NamedTuple):
    """What the observer needs of a link, from one side; it is read for every record."""

    key: int
    entity: Entity
    row: Row
    version: Version | None
    state: LinkState
    sent: tuple[Sent, ...]


Claims: TypeAlias = Mapping[str, tuple[Wire, Pair[Wire]]]
"""
Edits that a write of ours overwrote, by canonical field name.

Each is the overwritten wire value, and the base pair to merge it against.
"""


@attrs.frozen
class Observation:
    """
    What a side was last seen to hold, or that it is gone.

    *row* is in layout order.
    """

    row: Row
    version: Version | None = None
    modified_at: float | None = None
    gone: bool = False
    claims: Claims = Factory(dict[str, tuple[Wire, Pair[Wire]]])


@attrs.frozen
class Push:
    """A request of *Sync Person to Microsoft*: as which entity, and for which owner."""

    entity: Entity
    owner: str | None = None


@attrs.frozen
class Hold:
    """
    A value that was refused on *side*, and is not sent again for now.

    *digest* is of the refused value and *schema* of the column's description; a hold ends
    when either differs, when the other side changes, or at *retry_at*, which is infinite
    once it was tried too often, until the record on *side* changes. *codes* are what it was
    refused for. The field name ``""`` stands for the whole record.
    """

    side: Side
    field: str
    codes: tuple[str, ...]
    digest: str
    schema: str
    attempts: int
    retry_at: float

    @property
    def permanent(self) -> bool:
        """Return whether no time lets it go (A20)."""
        return math.isinf(self.retry_at)


@attrs.define
class Pending:
    """
    A backlog entry: what was observed of one record and is not settled.

    *since* is when it entered, *modified* when the oldest unsettled change was made: the
    backlog is worked off in that order. *retry_at* is when it is next due; None means it
    waits for something other than time (a right, a new observation). *reason* says what it
    waits for (``""``: it is new). *clears* counts fields that the change empties.
    """

    key: PendingKey
    entity: Entity
    link: int | None
    ids: Pair[RecordId | None]
    seen: Pair[Observation | None]
    since: float
    modified: float
    retry_at: float | None
    reason: str = ""
    attempts: int = 0
    clears: int = 0
    push: Push | None = None
    holds: tuple[Hold, ...] = ()

    @property
    def claims(self) -> Claims:
        """Return the edits in Marketo that writes of ours overwrote."""
        return {} if self.seen.marketo is None else self.seen.marketo.claims


def version_of(seen: Observation | None, before: Version | None) -> Version | None:
    """Return the row version that was *seen*, or the one known *before* where none was."""
    return before if seen is None or seen.version is None else seen.version


def link_key(link: int) -> PendingKey:
    """Return the backlog key of a linked record."""
    return PendingKey(f"link:{link}")


def unlinked_key(entity: Entity, record: RecordId) -> PendingKey:
    """
    Return the backlog key of a Dynamics record that has no link yet.

    It sorts after every `link_key`: a record that is linked while the backlog is worked off
    takes a place that has been passed, and waits for the next run.
    """
    return PendingKey(f"new:{entity}:{record}")
