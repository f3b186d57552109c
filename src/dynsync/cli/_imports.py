"""Importing what a configuration names as ``package.module:name``; its folder is importable."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Final, Protocol, cast

from dynsync.calling import raised_by
from dynsync.cli._toml import Section, did_you_mean
from dynsync.errors import ConfigurationError
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
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the host's
        problem, step = _unimported(module_name, error)
        step = step or f"Install it, or put it beside {section.path.name}."
    else:
        return _named(section, key, module, name)
    # Outside of the except block: what was raised may quote a secret.
    raise section.error(key, problem, step)


_EXTRAS: Final = {"httpx": "http", "trustme": "emulator", "hypothesis": "testing"}
"""The extra of dynsync that brings a package; the name of neither leads to the other."""


def _unimported(module_name: str, error: BaseException) -> tuple[str, str]:
    """Return why a module cannot be imported and, where it is there, the next step."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        if f"{module_name}.".startswith(f"{error.name}."):
            return f"{module_name!r} cannot be imported ({error.msg})", ""
        extra = _EXTRAS.get(error.name.partition(".")[0])
        step = "Install that." if extra is None else f"Install it: pip install 'dynsync[{extra}]'"
        return f"{module_name!r} imports {error.name!r}, which is not there", step
    said = raised_by(error)
    if isinstance(error, ConfigurationError):
        # Ours, of a map or field made there: no secret is in it, and it says what to do.
        return f"{module_name!r} cannot be imported: {said}: {str(error).rstrip('.')}", "Mend it."
    return f"{module_name!r} cannot be imported: {said}", "Mend it."


def _named(section: Section, key: str, module: ModuleType, name: str) -> object:
    found = cast("object", getattr(module, name, None))
    if found is None:
        names = [each for each in vars(module) if not each.startswith("_")]
        hint = did_you_mean(name, names)
        raise section.error(key, f"{module.__name__!r} has no {name!r}", hint)
    return found
