"""From the words of a configuration to an authority policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from dynsync.maps import CONSENT_FIELDS, CONTACT, LEAD, Consent
from dynsync.policies import (
    AuthorityPolicy,
    by_entity,
    by_field,
    manual,
    newest,
    nonempty,
    opt_out,
    prefer,
)
from dynsync.records import Entity, Side

__all__ = ["POLICY_WORDS", "PolicyWord", "compose"]

PolicyWord: TypeAlias = Literal["marketo", "dynamics", "newest", "nonempty", "manual"]

POLICY_WORDS: Final[Mapping[str, PolicyWord]] = {
    "marketo": "marketo",
    "dynamics": "dynamics",
    "newest": "newest",
    "nonempty": "nonempty",
    "manual": "manual",
}

_DEFAULTS: Final[Mapping[Entity, AuthorityPolicy]] = {
    LEAD.entity: prefer(Side.MARKETO),
    CONTACT.entity: prefer(Side.DYNAMICS),
}


def _policy(word: PolicyWord | None, otherwise: AuthorityPolicy) -> AuthorityPolicy:
    """Return what *word* means; what it cannot decide is left to *otherwise*."""
    match word:
        case None:
            return otherwise
        case "marketo":
            return prefer(Side.MARKETO)
        case "dynamics":
            return prefer(Side.DYNAMICS)
        case "newest":
            return newest(otherwise)
        case "nonempty":
            return nonempty(otherwise)
        case "manual":
            return manual


def compose(
    words: Mapping[Entity, PolicyWord | None],
    fields: Mapping[Entity, Mapping[str, PolicyWord]],
    consent: Consent,
) -> AuthorityPolicy:
    """
    Return the policy that follows *words* by entity and *fields* by entity and field.

    Without a word Marketo wins for leads and Dynamics for contacts (R20), and of any other
    entity every collision is left to a person. A field's own word also counts for a
    consent field; the others are decided by *consent*.
    """
    policies: dict[str, AuthorityPolicy] = {}
    for entity, word in words.items():
        whole = _policy(word, _DEFAULTS.get(entity, manual))
        single: dict[str, AuthorityPolicy] = {}
        if consent == "opt_out":
            single |= dict.fromkeys(CONSENT_FIELDS, opt_out(whole))
        single |= {name: _policy(own, whole) for name, own in fields[entity].items()}
        policies[entity] = by_field(single, default=whole)
    return by_entity(policies)
