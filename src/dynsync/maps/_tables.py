"""The rows of Marketo's *Default Dynamics Field Mapping*, as data."""

from __future__ import annotations

from typing import Final

import attrs

from dynsync.fields import EntityMap, Field, Flow
from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    EmailKind,
    InstantKind,
    IntegerKind,
    Kind,
    NumberKind,
    TextKind,
)
from dynsync.records import Entity, Pair

__all__ = ["CONTACT", "LEAD"]

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


def _map(entity: str, label: str, link_field: str, own: tuple[Field, ...]) -> EntityMap:
    return EntityMap(
        entity=Entity(entity),
        tables=Pair("person", entity),
        fields=(*_PERSON, *own),
        link_field=link_field,
        type_field="microsoftType",
        type_label=label,
        deleted_field="microsoftIsDeleted",
        owner_column="ownerid",
    )


LEAD: Final = _map("lead", "Lead", "crmLeadId", _LEAD)
"""A lead, with every field of the default mapping."""

CONTACT: Final = _map("contact", "Contact", "crmContactId", _CONTACT)
"""A contact, with every field of the default mapping."""
