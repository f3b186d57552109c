"""
The configuration file, read and judged before anything is opened.

It names the host's own connectors; it holds no secret.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs

from dynsync._push import PushWhenPaused
from dynsync.cli._imports import load_map
from dynsync.cli._options import check_options
from dynsync.cli._policies import POLICY_WORDS, PolicyWord, compose
from dynsync.cli._toml import Section, did_you_mean, read_toml
from dynsync.errors import ConfigurationError
from dynsync.fields import EntityMap, Match
from dynsync.guards import Guards, Limit
from dynsync.maps import CONTACT, LEAD, Consent
from dynsync.policies import AuthorityPolicy
from dynsync.records import Entity, Side
from dynsync.schedule import DELAY
from dynsync.terms import HoldMode, OnMarketoDelete

__all__ = ["Config", "RecorderWord", "SystemConfig", "load_config"]

RecorderWord: TypeAlias = Literal["activity-log"]

_HOLDS: Final[dict[str, HoldMode]] = {"field": "field", "record": "record"}
_CONSENTS: Final[dict[str, Consent]] = {"opt_out": "opt_out", "authority": "authority"}
_DELETES: Final[dict[str, OnMarketoDelete]] = {"recreate": "recreate", "suppress": "suppress"}
_PUSHES: Final[dict[str, PushWhenPaused]] = {"queue": "queue", "run": "run"}
_RECORDERS: Final[dict[str, RecorderWord]] = {"activity-log": "activity-log"}
_SYNC: Final = (
    *("entities", "consent", "hold", "on_marketo_delete", "tries", "push_when_paused"),
    *("keep_journal", "delay", "recorders"),
)
_MAPS: Final = {LEAD.entity: LEAD, CONTACT.entity: CONTACT}


@attrs.frozen
class SystemConfig:
    """Where one connector comes from: *factory* is ``package.module:name``."""

    side: Side
    factory: str
    section: Section
    options: Section


@attrs.frozen(kw_only=True)
class Config:
    """All that the file says."""

    path: Path
    marketo: SystemConfig
    dynamics: SystemConfig
    state: Path
    maps: tuple[EntityMap, ...]
    policy: AuthorityPolicy
    consent: Consent
    hold: HoldMode
    on_marketo_delete: OnMarketoDelete
    tries: int
    push_when_paused: PushWhenPaused
    keep_journal: float
    guards: Guards
    delay: float
    recorders: tuple[RecorderWord, ...]

    @property
    def entities(self) -> tuple[Entity, ...]:
        """Return the names of the entities."""
        return tuple(entity_map.entity for entity_map in self.maps)

    def entity(self, name: str) -> Entity:
        """Return the entity called *name*; raises `ConfigurationError` if there is none."""
        if name not in self.entities:
            raise ConfigurationError(
                f"{name!r} is no entity of this sync. {did_you_mean(name, self.entities)}"
            )
        return Entity(name)


def load_config(path: Path) -> Config:
    """Return what the file *path* says; raises `ConfigurationError` for every mistake in it."""
    root = read_toml(path)
    root.allow("marketo", "dynamics", "state", "sync", "entity", "guards")
    sync = root.section("sync")
    sync.allow(*_SYNC)
    state = root.section("state")
    state.allow("path")
    names = _entities(sync)
    _check_names(sync, names, root.section("entity"))
    sections = _entity_sections(root, names)
    maps = tuple(_entity_map(name, sections[name]) for name in names)
    consent: Consent = sync.word("consent", _CONSENTS, "opt_out")
    return Config(
        path=path,
        marketo=_system(root, Side.MARKETO),
        dynamics=_system(root, Side.DYNAMICS),
        state=path.parent / _state_path(state),
        maps=maps,
        policy=_policy(sections, maps, consent),
        consent=consent,
        hold=sync.word("hold", _HOLDS, "field"),
        on_marketo_delete=sync.word("on_marketo_delete", _DELETES, "recreate"),
        tries=_tries(sync),
        push_when_paused=sync.word("push_when_paused", _PUSHES, "queue"),
        keep_journal=_keep_journal(sync),
        guards=_guards(root.section("guards")),
        delay=sync.number("delay", DELAY),
        recorders=_recorders(sync),
    )


def _system(root: Section, side: Side) -> SystemConfig:
    section = root.section(side.value)
    section.allow("connector", "options")
    factory = section.text("connector")
    if factory is None:
        step = 'Name your factory: connector = "package.module:factory".'
        raise section.error("connector", f"nothing says how to reach {side.label}", step)
    if factory.count(":") != 1 or not all(factory.split(":")):
        step = 'Write "package.module:factory".'
        raise section.error("connector", f"{factory!r} is not the name of a factory", step)
    options = section.section("options")
    check_options(options)
    return SystemConfig(side, factory, section, options)


def _state_path(state: Section) -> str:
    name = state.text("path") or "dynsync.state"
    if "\0" in name:
        raise state.error("path", "it has a null character in it", "Name a file.")
    return name


def _entities(sync: Section) -> tuple[Entity, ...]:
    names = sync.texts("entities")
    if names is None:
        return tuple(_MAPS)
    if not names:
        raise sync.error("entities", "it is empty", 'Name some, for example ["lead", "contact"].')
    for name in names:
        if names.count(name) > 1:
            raise sync.error("entities", f"{name!r} stands there twice", "Remove one of the two.")
    return tuple(Entity(name) for name in names)


def _check_names(sync: Section, names: tuple[Entity, ...], parent: Section) -> None:
    """Refuse a name that is neither an entity of ours nor one of the file's own."""
    known = sorted({*_MAPS, *parent.values})
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            step = f"{hint} An entity of your own needs [entity.{name}] with a map."
            raise sync.error("entities", f"dynsync brings no map of {name!r}", step)


def _entity_sections(root: Section, names: tuple[Entity, ...]) -> dict[Entity, Section]:
    parent = root.section("entity")
    for name in parent.values:
        if name not in names:
            hint = did_you_mean(name, names)
            raise parent.error(name, "this entity is not in [sync] entities", hint)
    return {name: parent.section(name) for name in names}


def _entity_map(name: Entity, section: Section) -> EntityMap:
    section.allow("map", "fields", "without", "match", "policy", "policies")
    reference = section.text("map")
    if reference is not None:
        whole = load_map(section, reference)
        if whole.entity != name:
            step = f"Name the table [entity.{whole.entity}], or give another map."
            raise section.error("map", f"it is the map of {whole.entity!r}", step)
    elif name in _MAPS:
        whole = _MAPS[name]
    else:
        step = f'Correct the name, or give map = "package.module:NAME" in [entity.{name}].'
        raise section.error("map", f"dynsync brings no map of {name!r}", step)
    if not whole.fields:
        step = "Give it some where it is made: plus(Field(…)), or extend(…)."
        raise section.error("map", f"the map {reference!r} has no fields", step)
    if "fields" in section.values and "without" in section.values:
        raise section.error("without", "it stands beside fields", "Give one of the two.")
    chosen = _field_names(section, "fields", whole)
    entity_map = whole.only(*chosen) if chosen else whole.without(*_names_out(section, whole))
    match = section.text("match")
    if match is None:
        return entity_map
    if match not in entity_map.names():
        hint = did_you_mean(match, entity_map.names())
        raise section.error("match", f"{match!r} is no field of the entity", hint)
    return attrs.evolve(entity_map, match=Match(match))


def _field_names(section: Section, key: str, whole: EntityMap) -> tuple[str, ...]:
    names = section.texts(key)
    if names is None:
        return ()
    if not names:
        raise section.error(key, "it is empty", "Name some fields, or leave it out.")
    for name in names:
        if name not in whole.names():
            hint = did_you_mean(name, whole.names())
            raise section.error(key, f"{name!r} is no field of {whole.entity!r}", hint)
        if names.count(name) > 1:
            raise section.error(key, f"{name!r} stands there twice", "Remove one of the two.")
    return names


def _names_out(section: Section, whole: EntityMap) -> tuple[str, ...]:
    names = _field_names(section, "without", whole)
    if len(names) == len(whole.fields):
        raise section.error("without", "no field is left", "Leave some in.")
    return names


def _policy(
    sections: dict[Entity, Section], maps: tuple[EntityMap, ...], consent: Consent
) -> AuthorityPolicy:
    words: dict[Entity, PolicyWord | None] = {}
    fields: dict[Entity, dict[str, PolicyWord]] = {}
    for entity_map in maps:
        section = sections[entity_map.entity]
        has_word = "policy" in section.values
        word: PolicyWord = section.word("policy", POLICY_WORDS, "manual")
        words[entity_map.entity] = word if has_word else None
        own = section.section("policies")
        own.allow(*entity_map.names())
        fields[entity_map.entity] = {
            name: own.word(name, POLICY_WORDS, "manual") for name in own.values
        }
    return compose(words, fields, consent)


def _guards(section: Section) -> Guards:
    section.allow("deletes", "clears", "clock", "allow_empty", "allow_full_read")
    usual = Guards()
    return Guards(
        deletes=_limit(section.section("deletes"), usual.deletes),
        clears=_limit(section.section("clears"), usual.clears),
        clock=section.number("clock", usual.clock),
        allow_empty=section.flag("allow_empty", default=usual.allow_empty),
        allow_full_read=section.flag("allow_full_read", default=usual.allow_full_read),
    )


def _limit(section: Section, usual: Limit) -> Limit:
    section.allow("count", "percent", "few")
    return Limit(
        section.count("count", usual.count),
        section.number("percent", usual.percent, highest=100),
        section.count("few", usual.few),
    )


def _tries(sync: Section) -> int:
    tries = sync.count("tries", 5)
    if tries < 1:
        raise sync.error("tries", "out of range", "Give a whole number of at least 1.")
    return tries


def _keep_journal(sync: Section) -> float:
    days = sync.number("keep_journal", 90.0)
    if not days > 0:
        raise sync.error("keep_journal", "out of range", "Give a number of days above 0.")
    return days


def _recorders(sync: Section) -> tuple[RecorderWord, ...]:
    names = sync.texts("recorders")
    if names is None:
        names = ("activity-log",)
    for name in names:
        if name not in _RECORDERS:
            step = did_you_mean(name, _RECORDERS)
            raise sync.error("recorders", f"{name!r} is no recorder", step)
    return tuple(_RECORDERS[name] for name in dict.fromkeys(names))
