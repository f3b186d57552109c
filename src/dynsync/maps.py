"""
The default maps of a lead and of a contact, and how a host adds fields of its own. Pure data.

The rows are those of Marketo's *Default Dynamics Field Mapping*, under the names that
Marketo's REST API uses where one stands for the label. Names differ between subscriptions:
`lint` says where a map and the two systems disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

import attrs

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
from dynsync.policies import AuthorityPolicy, by_entity, by_field, nonempty, opt_out, prefer
from dynsync.records import Entity, Pair, Side
from dynsync.schemas import Column, Schema

__all__ = [
    "CONSENT_FIELDS",
    "CONTACT",
    "LEAD",
    "Consent",
    "default_backfill",
    "default_first",
    "default_policy",
    "describe_field",
    "extend",
    "kind_of",
    "lint",
]

_TEXT: Final = TextKind()
_CHOICE: Final = ChoiceKind()
_YES_NO: Final = BooleanKind()
_NUMBER: Final = IntegerKind()
_INSTANT: Final = InstantKind()

# Dynamics computes these (A15), and Marketo those: its Sales Insight shows them to sales.
_IN: Final = Flow.TO_MARKETO
_OUT: Final = Flow.TO_DYNAMICS


def _row(
    name: str,
    marketo: tuple[str, str],
    dynamics: tuple[str, str],
    kind: Kind = _TEXT,
    flow: Flow = Flow.BOTH,
) -> Field:
    """Make a field of a default map; each side is a native name and its label."""
    (one, here), (other, there) = marketo, dynamics
    return Field(name, Pair(one, other), kind, flow, Pair(here, there))


_PERSON: Final = (
    _row(
        "microsoft_created_date",
        ("microsoftCreatedDate", "Microsoft Created Date"),
        ("createdon", "Created On"),
        _INSTANT,
        _IN,
    ),
    _row("salutation", ("salutation", "Salutation"), ("salutation", "Salutation")),
    _row("first_name", ("firstName", "First"), ("firstname", "First Name")),
    _row("middle_name", ("middleName", "Middle"), ("middlename", "Middle Name")),
    _row("last_name", ("lastName", "Last"), ("lastname", "Last Name")),
    _row("email", ("email", "Email"), ("emailaddress1", "Email"), EmailKind()),
    _row("job_title", ("title", "Job Title"), ("jobtitle", "Job Title")),
    _row("phone", ("phone", "Phone"), ("telephone1", "Business Phone")),
    _row("mobile_phone", ("mobilePhone", "Mobile"), ("mobilephone", "Mobile Phone")),
    _row(
        "home_phone",
        ("microsoftHomePhone", "Microsoft Home Phone"),
        ("telephone2", "Home Phone"),
    ),
    _row("address", ("address", "Address"), ("address1_line1", "Street 1")),
    _row(
        "address_2",
        ("microsoftAddress2", "Microsoft Address 2"),
        ("address1_line2", "Street 2"),
    ),
    _row(
        "address_3",
        ("microsoftAddress3", "Microsoft Address 3"),
        ("address1_line3", "Street 3"),
    ),
    _row("city", ("city", "City"), ("address1_city", "City")),
    _row("state", ("state", "State"), ("address1_stateorprovince", "State/Province")),
    _row("country", ("country", "Country"), ("address1_country", "Country/Region")),
    _row(
        "postal_code",
        ("postalCode", "Postal Code"),
        ("address1_postalcode", "ZIP/Postal Code"),
    ),
    _row("lead_status", ("leadStatus", "Person Status"), ("statecode", "Status"), _CHOICE, _IN),
    _row(
        "status_reason",
        ("statusReason", "Status Reason"),
        ("statuscode", "Status Reason"),
        _CHOICE,
        _IN,
    ),
    _row("person_notes", ("personNotes", "Person Notes"), ("description", "Description")),
    _row(
        "do_not_call",
        ("doNotCall", "Do Not Call"),
        ("donotphone", "Do Not Allow Phone Calls"),
        _YES_NO,
    ),
    _row(
        "unsubscribed",
        ("unsubscribed", "Unsubscribed"),
        ("donotbulkemail", "Do Not Allow Bulk Emails"),
        _YES_NO,
    ),
    _row(
        "do_not_email",
        ("microsoftDoNotEmail", "Microsoft Do Not Email"),
        ("donotemail", "Do Not Allow Emails"),
        _YES_NO,
    ),
    _row(
        "do_not_fax",
        ("microsoftDoNotFax", "Microsoft Do Not Fax"),
        ("donotfax", "Do Not Allow Faxes"),
        _YES_NO,
    ),
    _row(
        "do_not_send_marketing_material",
        ("microsoftDoNotSendMarketingMaterial", "Microsoft Do Not Send Marketing Material"),
        ("donotsendmm", "Marketing Material"),
        _YES_NO,
    ),
    _row(
        "preferred_contact_method",
        ("microsoftPreferredMethodOfContact", "Microsoft Preferred Method Of Contact"),
        ("preferredcontactmethodcode", "Preferred Method of Contact"),
        _CHOICE,
    ),
    _row(
        "last_interesting_moment_date",
        ("lastInterestingMomentDate", "Last interesting moment date"),
        ("mkt_lastinterestingmomentdate", "Last Interesting Moment Date"),
        _INSTANT,
        _OUT,
    ),
    _row(
        "last_interesting_moment_desc",
        ("lastInterestingMomentDesc", "Last Interesting moment desc"),
        ("mkt_lastinterestingmomentdesc", "Last Interesting Moment Desc"),
        flow=_OUT,
    ),
    _row(
        "last_interesting_moment_source",
        ("lastInterestingMomentSource", "Last Interesting moment source"),
        # Sic: this one says "lead", not "last".
        ("mkt_leadinterestingmomentsource", "Last Interesting Moment Source"),
        flow=_OUT,
    ),
    _row(
        "last_interesting_moment_type",
        ("lastInterestingMomentType", "Last interesting moment type"),
        ("mkt_lastinterestingmomenttype", "Last Interesting Moment Type"),
        flow=_OUT,
    ),
    _row(
        "relative_score",
        ("relativeScore", "Relative Score"),
        ("mkt_relativescore", "Relative Score"),
        _NUMBER,
        _OUT,
    ),
    _row("priority", ("priority", "Priority"), ("mkt_priority", "Priority"), _NUMBER, _OUT),
    _row(
        "relative_urgency",
        ("relativeUrgency", "Relative Urgency"),
        ("mkt_urgency", "Urgency"),
        _NUMBER,
        _OUT,
    ),
)
"""The rows that leads and contacts have in common."""

_LEAD: Final = (
    _row("fax", ("fax", "Fax"), ("fax", "Fax")),
    _row(
        "lead_source", ("leadSource", "Person Source"), ("leadsourcecode", "Lead Source"), _CHOICE
    ),
    _row("rating", ("rating", "Person Rating"), ("leadqualitycode", "Rating"), _CHOICE),
    _row("company", ("company", "Company"), ("companyname", "Company Name")),
    _row(
        "annual_revenue",
        ("annualRevenue", "Annual Revenue"),
        ("revenue", "Annual Revenue"),
        NumberKind(),
    ),
    _row("subject", ("subject", "Subject"), ("subject", "Topic")),
    attrs.evolve(
        _row("microsoft_topic", ("microsoftTopic", "Microsoft Topic"), ("subject", "Topic")),
        yields_to="subject",
    ),
)

_CONTACT: Final = (
    _row(
        "lead_score",
        ("leadScore", "Person Score"),
        ("mkt_leadscore", "Lead Score"),
        _NUMBER,
        _OUT,
    ),
)

LEAD: Final = EntityMap(
    entity=Entity("lead"),
    tables=Pair("person", "lead"),
    fields=(*_PERSON, *_LEAD),
    link_field="crmLeadId",
    type_field="microsoftType",
    type_label="Lead",
    deleted_field="microsoftIsDeleted",
    owner_column="ownerid",
)
"""A lead, with every field of the default mapping."""

CONTACT: Final = EntityMap(
    entity=Entity("contact"),
    tables=Pair("person", "contact"),
    fields=(*_PERSON, *_CONTACT),
    link_field="crmContactId",
    type_field="microsoftType",
    type_label="Contact",
    deleted_field="microsoftIsDeleted",
    owner_column="ownerid",
)
"""A contact, with every field of the default mapping."""

CONSENT_FIELDS: Final = (
    "unsubscribed",
    "do_not_call",
    "do_not_email",
    "do_not_fax",
    "do_not_send_marketing_material",
)
"""The fields by which a person says no. In all of them, true is the opt-out."""

Consent: TypeAlias = Literal["opt_out", "authority"]
"""Who wins where both sides changed a consent field: the opt-out, or who wins everywhere."""


def default_policy(consent: Consent = "opt_out") -> AuthorityPolicy:
    """
    Return the policy of Marketo's own sync: it wins for leads, Dynamics for contacts (R20).

    In a consent field an opt-out stands, whoever has authority (A17); with *consent*
    ``"authority"`` those fields are like any other.
    """
    entities = by_entity({LEAD.entity: prefer(Side.MARKETO), CONTACT.entity: prefer(Side.DYNAMICS)})
    match consent:
        case "authority":
            return entities
        case "opt_out":
            return by_field(dict.fromkeys(CONSENT_FIELDS, opt_out(entities)), default=entities)


def _honouring(consent: Consent, policy: AuthorityPolicy) -> AuthorityPolicy:
    match consent:
        case "authority":
            return policy
        case "opt_out":
            return by_field(dict.fromkeys(CONSENT_FIELDS, opt_out(policy)), default=policy)


def default_first(policy: AuthorityPolicy, consent: Consent = "opt_out") -> AuthorityPolicy:
    """
    Return who is right where two records first meet: a value wins over none, then *policy*.

    In a consent field an opt-out stands, unless *consent* is ``"authority"``.
    """
    return _honouring(consent, nonempty(policy))


def default_backfill(consent: Consent = "opt_out") -> AuthorityPolicy:
    """
    Return who is right where a field is new to a linked pair: Dynamics, if it has a value (R81).

    In a consent field an opt-out stands, unless *consent* is ``"authority"``.
    """
    return _honouring(consent, nonempty(prefer(Side.DYNAMICS)))


_KINDS: Final[Pair[Mapping[str, Kind]]] = Pair(
    {
        "string": _TEXT,
        "text": _TEXT,
        "phone": _TEXT,
        "url": _TEXT,
        "email": EmailKind(),
        "integer": _NUMBER,
        "score": _NUMBER,
        "percent": _NUMBER,
        "float": NumberKind(),
        "currency": NumberKind(),
        "boolean": _YES_NO,
        "date": DateKind(),
        "datetime": _INSTANT,
        "reference": ReferenceKind(),
    },
    {
        "String": _TEXT,
        "Memo": _TEXT,
        "Integer": _NUMBER,
        "BigInt": _NUMBER,
        "Decimal": NumberKind(),
        "Double": NumberKind(),
        "Money": NumberKind(),
        "Boolean": _YES_NO,
        "Picklist": _CHOICE,
        "State": _CHOICE,
        "Status": _CHOICE,
        "MultiSelectPicklist": MultiChoiceKind(),
        "DateTime": _INSTANT,
        "DateOnly": DateKind(),
        "TimeZoneIndependent": WallTimeKind(),
        "Lookup": ReferenceKind(),
        "Customer": ReferenceKind(),
        "Owner": ReferenceKind(),
        "Uniqueidentifier": ReferenceKind(),
    },
)
"""What each system's words for a column's type mean."""


def kind_of(column: Column, side: Side) -> Kind:
    """
    Return the kind that *column* is on *side*, by that system's own word for its type.

    The kind knows no options yet: they come with each run's schema (`Kind.bind`). Raises
    `ConfigurationError` for a type that is not synced.
    """
    kind = _KINDS[side].get(column.type)
    if kind is None:
        message = (
            f"{side.label}'s {column.name!r} is of the type {column.type!r}, which dynsync does "
            f"not know. Leave it out, or make its Field yourself, with a Kind of your own."
        )
        raise ConfigurationError(message)
    return kind


def _bridge(marketo: Kind, dynamics: Kind) -> Kind | None:
    """Return the kind in which both sides can say their values, None if there is none."""
    match marketo, dynamics:
        case EmailKind(), TextKind():
            return marketo
        case TextKind(), TextKind() | ChoiceKind() | MultiChoiceKind():
            return dynamics
        case TextKind() | ReferenceKind(), ReferenceKind():
            return dynamics
        case IntegerKind(), ChoiceKind():
            return ChoiceKind(marketo="code")
        case IntegerKind(), IntegerKind():
            return dynamics
        case ((IntegerKind() | NumberKind()), (IntegerKind() | NumberKind())):
            return NumberKind()
        case InstantKind(), InstantKind() | WallTimeKind():
            return dynamics
        case (DateKind(), DateKind()) | (BooleanKind(), BooleanKind()):
            return dynamics
        case _:
            # A day and a point in time are not bridged: the day would move with the zone (U24).
            return None


def _column(schema: Schema, side: Side, name: str) -> Column:
    """Return the column *name* of *schema*; raises `ConfigurationError` if there is none."""
    column = schema.columns.get(name)
    if column is None:
        near = get_close_matches(name, schema.columns, n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the spelling."
        message = (
            f"{side.label}'s {schema.table!r} has no column {name!r} that the sync user sees. "
            f"{hint}"
        )
        raise ConfigurationError(message)
    return column


def describe_field(name: str, schemas: Pair[Schema], marketo: str, dynamics: str) -> Field:
    """
    Return the field *name* of two columns that both systems describe.

    Its labels and its kind are what they say. A reference flows to Marketo only: an id in
    Dynamics is nothing that a person in Marketo could choose. Raises `ConfigurationError` if a
    column is not there, or if no kind fits both.
    """
    columns = Pair(
        _column(schemas.marketo, Side.MARKETO, marketo),
        _column(schemas.dynamics, Side.DYNAMICS, dynamics),
    )
    kind = _bridge(kind_of(columns.marketo, Side.MARKETO), kind_of(columns.dynamics, Side.DYNAMICS))
    if kind is None:
        message = (
            f"{name!r} cannot be one field: {marketo!r} is {columns.marketo.type!r} in Marketo and "
            f"{dynamics!r} is {columns.dynamics.type!r} in Dynamics. Choose columns whose types "
            f"agree, or make the Field yourself, with a Kind of your own."
        )
        raise ConfigurationError(message)
    flow = Flow.TO_MARKETO if isinstance(kind, ReferenceKind) else Flow.BOTH
    return Field(name, Pair(marketo, dynamics), kind, flow, columns.map(lambda c: c.label))


def extend(entity_map: EntityMap, schemas: Pair[Schema], /, **names: Pair[str]) -> EntityMap:
    """
    Return the map with a field for each of *names*, replaced where the name is there already.

    ``extend(LEAD, schemas, website=Pair("website", "websiteurl"))`` adds one that is made
    by `describe_field`. Raises `ConfigurationError` as that does.
    """
    fields = [
        describe_field(name, schemas, native.marketo, native.dynamics)
        for name, native in names.items()
    ]
    return entity_map.plus(*fields)


def lint(entity_map: EntityMap, schemas: Pair[Schema]) -> tuple[str, ...]:
    """
    Return where *entity_map* and what the systems say of their columns disagree (U7).

    Nothing in it keeps a sync from running. Each warning begins with the field's name.
    """
    return tuple(
        f"{field.name}: {warning}"
        for field in entity_map.fields
        for warning in _warnings(field, schemas)
    )


def _warnings(field: Field, schemas: Pair[Schema]) -> Iterator[str]:
    columns = Pair(
        schemas.marketo.columns.get(field.names.marketo),
        schemas.dynamics.columns.get(field.names.dynamics),
    )
    for side in Side:
        column, label = columns[side], field.labels[side]
        if column is None:
            yield f"{side.label} has no column {field.names[side]!r} that the sync user sees"
        elif label and column.label and label.casefold() != column.label.casefold():
            yield (
                f"{side.label} labels {column.name!r} {column.label!r}; the map expects {label!r}, "
                f"so the name may stand for another field here"
            )
    if columns.marketo is not None and columns.dynamics is not None:
        yield from _misfits(field, Pair(columns.marketo, columns.dynamics))


def _misfits(field: Field, columns: Pair[Column]) -> Iterator[str]:
    marketo = _KINDS.marketo.get(columns.marketo.type)
    dynamics = _KINDS.dynamics.get(columns.dynamics.type)
    types = f"{columns.marketo.type!r} in Marketo and {columns.dynamics.type!r} in Dynamics"
    both = _bridge(marketo, dynamics) if marketo is not None and dynamics is not None else None
    if both is None:
        yield f"the columns are {types}, which no kind of dynsync's bridges"
    elif not isinstance(field.kind, type(both)):
        yield f"the columns are {types}: {both.name}, but the map says {field.kind.name}"
    elif isinstance(both, TextKind) and field.too_long == "refuse":
        yield from _too_short(field, columns)


def _too_short(field: Field, columns: Pair[Column]) -> Iterator[str]:
    for side in Side:
        source, target = columns[side.other], columns[side]
        if not field.flow.reaches(side) or target.length is None:
            continue
        if source.length is None:
            yield f"{side.label} holds {target.length} {target.unit}, {side.other.label} any number"
        elif source.length * _GROWTH[source.unit, target.unit] > target.length:
            yield (
                f"{side.label} holds {target.length} {target.unit}, {side.other.label} "
                f"{source.length} {source.unit}: what is longer is refused"
            )


_GROWTH: Final = {
    ("characters", "characters"): 1,
    ("bytes", "bytes"): 1,
    ("bytes", "characters"): 1,
    ("characters", "bytes"): 4,
}
"""How many of the second unit one of the first may come to."""
