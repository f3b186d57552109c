"""A lead of a few fields, and what the parts of the engine are given about it, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypedDict

import attrs
from typing_extensions import Unpack

from dynsync.backlog import (
    Claims,
    Hold,
    Linked,
    LinkState,
    Observation,
    Pending,
    Push,
    Sent,
    link_key,
)
from dynsync.fields import EntityMap, Field, Flow
from dynsync.kinds import ChoiceKind, EmailKind, IntegerKind, MultiChoiceKind, NumberKind
from dynsync.policies import AuthorityPolicy, nonempty, prefer
from dynsync.records import MISSING, Missing, Pair, RecordId, Row, Side, Version, Wire
from dynsync.schemas import Column, Option, Schema
from dynsync.terms import HoldMode, OnMarketoDelete, Terms, agree_terms

__all__ = [
    "GUID",
    "HOBBIES",
    "IDS",
    "LEAD",
    "NOW",
    "PERSON",
    "TERMS",
    "entry",
    "gone",
    "hobbies_with",
    "link",
    "row",
    "seen",
    "terms_with",
]

PERSON: Final = RecordId("17")
GUID: Final = RecordId("6f1d-ab")
IDS: Final[Pair[RecordId]] = Pair(PERSON, GUID)
NOW: Final = 1_800_000_000.0

LEAD: Final = EntityMap(
    entity="lead",
    tables=Pair("person", "lead"),
    fields=(
        Field("name", Pair("lastName", "lastname")),
        Field("city", Pair("city", "address1_city")),
        Field("email", Pair("email", "emailaddress1"), EmailKind()),
        Field("revenue", Pair("annualRevenue", "revenue"), NumberKind()),
        Field("rating", Pair("rating", "leadqualitycode"), ChoiceKind()),
        Field("created", Pair("createdDate", "createdon"), flow=Flow.TO_MARKETO),
        Field("score", Pair("leadScore", "mkt_score"), IntegerKind(), Flow.TO_DYNAMICS),
        Field("subject", Pair("subject", "subject")),
        Field("topic", Pair("microsoftTopic", "subject"), yields_to="subject"),
    ),
    link_field="crmLeadId",
    type_field="microsoftType",
    type_label="Lead",
    deleted_field="microsoftIsDeleted",
    owner_column="ownerid",
)

_MARKETO: Final = (
    *(Column(name) for name in ("lastName", "city", "email", "annualRevenue", "rating")),
    *(Column(name) for name in ("createdDate", "leadScore", "subject", "microsoftTopic")),
    *(Column(name) for name in ("crmLeadId", "microsoftType", "microsoftIsDeleted")),
)
_DYNAMICS: Final = (
    Column("lastname", required=True),
    Column("address1_city", length=10),
    Column("emailaddress1"),
    Column("revenue", minimum=Decimal(0), digits=2),
    Column("leadqualitycode", options=(Option(1, "Hot"), Option(2, "Warm"))),
    *(Column(name) for name in ("createdon", "mkt_score", "subject")),
)


class _Settings(TypedDict, total=False):
    policy: AuthorityPolicy
    first: AuthorityPolicy
    backfill: AuthorityPolicy
    hold: HoldMode
    on_marketo_delete: OnMarketoDelete
    tries: int


def terms_with(
    *changed: tuple[Side, Column], fields: EntityMap = LEAD, **settings: Unpack[_Settings]
) -> Terms:
    """Return the terms of *fields*, with some columns *changed*; Marketo wins collisions."""
    columns = Pair({c.name: c for c in _MARKETO}, {c.name: c for c in _DYNAMICS})
    for side, column in changed:
        columns[side][column.name] = column
    schemas = Pair(Schema("person", columns.marketo), Schema("lead", columns.dynamics))
    agreed: _Settings = {"policy": prefer(Side.MARKETO), **settings}
    agreed = {
        "first": nonempty(agreed["policy"]),
        "backfill": nonempty(prefer(Side.DYNAMICS)),
        **agreed,
    }
    return agree_terms(fields, schemas, **agreed)


TERMS: Final = terms_with()

_HOBBIES: Final = Option(1, "Golf"), Option(2, "Tennis"), Option(3, "Chess")


def hobbies_with(flow: Flow = Flow.BOTH) -> Terms:
    """Return terms of a field that the two sides say in quite different words."""
    field = Field("hobbies", Pair("hobbies", "hobbies"), MultiChoiceKind(), flow)
    return terms_with(
        (Side.MARKETO, Column("hobbies")),
        (Side.DYNAMICS, Column("hobbies", options=_HOBBIES)),
        fields=LEAD.plus(field),
    )


HOBBIES: Final = hobbies_with()

Values = Mapping[str, Wire | Missing]


def row(values: Values, rest: Wire | Missing = MISSING, terms: Terms = TERMS) -> Row:
    """Return a row with *values* by field name, and *rest* in all other places."""
    found: Row = [rest] * len(terms.layout)
    for name, value in values.items():
        found[terms.index(name)] = value
    return found


_KNOWN: Final[Pair[RecordId | None]] = Pair(PERSON, GUID)
_UNVERSIONED: Final[Pair[Version | None]] = Pair(None, None)
_STAMPS: Final[Values] = {"@id": GUID, "@type": "Lead", "@deleted": False}


def seen(
    values: Values,
    *,
    version: str | None = None,
    modified_at: float | None = None,
    claims: Claims | None = None,
    terms: Terms = TERMS,
) -> Observation:
    """Return that a side was seen to hold *values*."""
    known = None if version is None else Version(version)
    return Observation(row(values, terms=terms), known, modified_at, claims=claims or {})


def gone(version: str | None = None) -> Observation:
    """Return that a side was seen to hold the record no more."""
    return attrs.evolve(seen({}, version=version), gone=True)


def entry(
    marketo: Observation | None = None,
    dynamics: Observation | None = None,
    *,
    ids: Pair[RecordId | None] = _KNOWN,
    push: Push | None = None,
    holds: tuple[Hold, ...] = (),
) -> Pending:
    """Return a backlog entry of what was observed on either side."""
    return Pending(
        link_key(1),
        LEAD.entity,
        1,
        ids,
        Pair(marketo, dynamics),
        since=NOW - 60.0,
        modified=NOW - 90.0,
        retry_at=None,
        push=push,
        holds=holds,
    )


def link(
    marketo: Values,
    dynamics: Values | None = None,
    *,
    versions: Pair[Version | None] = _UNVERSIONED,
    state: LinkState = LinkState.LIVE,
    sent: tuple[Sent, ...] = (),
    terms: Terms = TERMS,
) -> Linked:
    """Return a link whose base is empty but for *marketo* and *dynamics*: the same if not said."""
    there = marketo if dynamics is None else dynamics
    rows = Pair(row({**_STAMPS, **marketo}, None, terms), row(there, None, terms))
    return Linked(1, LEAD.entity, IDS, rows, versions, state, sent)
