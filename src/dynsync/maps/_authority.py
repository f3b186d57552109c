"""Who is right if the host says nothing: in a collision, a first meeting, a new field."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from dynsync.arguments import word
from dynsync.maps._tables import CONTACT, LEAD
from dynsync.policies import AuthorityPolicy, by_entity, by_field, nonempty, opt_out, prefer
from dynsync.records import Side

__all__ = ["CONSENT_FIELDS", "Consent", "default_backfill", "default_first", "default_policy"]

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
    ``"authority"`` those fields are like any other. Raises `ConfigurationError` for any other
    word.
    """
    marketo, dynamics = prefer(Side.MARKETO), prefer(Side.DYNAMICS)
    return _honouring(consent, by_entity({LEAD.entity: marketo, CONTACT.entity: dynamics}))


def _honouring(consent: Consent, policy: AuthorityPolicy) -> AuthorityPolicy:
    word("consent", consent, Consent)
    if consent == "authority":
        return policy
    return by_field(dict.fromkeys(CONSENT_FIELDS, opt_out(policy)), default=policy)


def default_first(policy: AuthorityPolicy, consent: Consent = "opt_out") -> AuthorityPolicy:
    """
    Return who is right where two records first meet: a value wins over none, then *policy*.

    In a consent field an opt-out stands, unless *consent* is ``"authority"``. Raises
    `ConfigurationError` for any other word, and for what is no policy.
    """
    return _honouring(consent, nonempty(policy))


def default_backfill(consent: Consent = "opt_out") -> AuthorityPolicy:
    """
    Return who is right where a field is new to a linked pair: Dynamics, if it has a value (R81).

    In a consent field an opt-out stands, unless *consent* is ``"authority"``. Raises
    `ConfigurationError` for any other word.
    """
    return _honouring(consent, nonempty(prefer(Side.DYNAMICS)))
