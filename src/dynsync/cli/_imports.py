"""Importing what a configuration names as ``package.module:name``; its folder is importable."""

from __future__ import annotations

import importlib
import sys
from typing import Protocol, cast

from dynsync.cli._toml import Section, did_you_mean
from dynsync.fields import EntityMap

__all__ = ["Factory", "load_factory", "load_map"]


class Factory(Protocol):
    """What makes a connector from its options."""

    def __call__(self, **options: object) -> object:
        """Return a connector."""
        ...


def load_factory(section: Section, reference: str) -> Factory:
    """Return the factory that the key ``connector`` of *section* names."""
    found = _load(section, "connector", reference)
    if not callable(found):
        raise section.error("connector", f"{reference!r} cannot be called", "Name a function.")
    return cast("Factory", found)


def load_map(section: Section, reference: str) -> EntityMap:
    """Return the map that the key ``map`` of *section* names."""
    found = _load(section, "map", reference)
    if not isinstance(found, EntityMap):
        raise section.error("map", f"{reference!r} is no EntityMap", "Name one of yours.")
    return found


def _load(section: Section, key: str, reference: str) -> object:
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        raise section.error(key, f"{reference!r} names nothing", 'Write "package.module:name".')
    folder = str(section.path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        step = f"Install it, or put it beside {section.path.name}."
        raise section.error(
            key, f"{module_name!r} cannot be imported ({error.msg})", step
        ) from error
    found = cast("object", getattr(module, name, None))
    if found is None:
        names = [each for each in vars(module) if not each.startswith("_")]
        hint = did_you_mean(name, names)
        raise section.error(key, f"{module_name!r} has no {name!r}", hint)
    return found
