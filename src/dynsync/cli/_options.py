"""
A connector's options: literals, values from the environment, and paths beside the file.

Secrets come from the environment, never from the file.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, cast

from dynsync.cli._imports import Factory
from dynsync.cli._toml import Section, did_you_mean

__all__ = ["check_options", "check_signature", "resolve_options"]

_SECRET_WORDS: Final = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "key", "apikey"}
    | {"credential", "credentials", "tokens", "keys"}
)
_HARMLESS_ENDS: Final = frozenset({"url", "uri", "endpoint", "path", "file", "env", "seconds"})
"""``token_url`` is no token."""

_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_LOGIN_IN_URL: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:[^/@\s]+@", re.IGNORECASE)

_REFERENCES: Final = frozenset({"env", "path"})


def _looks_secret(key: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(key)]
    return bool(words) and words[-1] not in _HARMLESS_ENDS and bool(_SECRET_WORDS & {*words})


def check_options(section: Section) -> None:
    """Refuse secrets that stand in the file, and references that are none."""
    for key, value in section.values.items():
        _check_value(section, key, value)


def _check_value(section: Section, key: str, value: object) -> None:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        _check_reference(section, key, table)
        if _reference(table) is None:
            for name, below in table.items():
                _check_value(section, f"{key}.{name}", below)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _check_value(section, key, item)
    elif _looks_secret(key) or (isinstance(value, str) and _LOGIN_IN_URL.match(value)):
        step = f'Take it from the environment: {key} = {{ env = "NAME" }}.'
        raise section.error(key, "a secret does not belong in the file", step)


def _check_reference(section: Section, key: str, table: dict[str, object]) -> None:
    """Refuse a reference to no name, and a secret's whose only key is a slip of the pen."""
    if len(table) != 1:
        return
    [(kind, name)] = table.items()
    if kind in _REFERENCES:
        Section(section.path, f"{section.name}.{key}", table).text(kind)
    elif _looks_secret(key) and isinstance(name, str):
        near = get_close_matches(kind.lower(), _REFERENCES, n=1)
        if near:
            raise section.error(key, f"{kind!r} leads to no secret", f"Did you mean {near[0]!r}?")


def _reference(value: Mapping[str, object]) -> tuple[str, str] | None:
    """Return ``("env", NAME)`` or ``("path", PATH)`` if *value* is such a reference."""
    if len(value) != 1:
        return None
    [(kind, name)] = value.items()
    return (kind, name) if kind in _REFERENCES and isinstance(name, str) and name else None


def resolve_options(section: Section) -> dict[str, object]:
    """Return the options as a factory takes them."""
    return {key: _resolved(section, key, value) for key, value in section.values.items()}


def _resolved(section: Section, key: str, value: object) -> object:
    if isinstance(value, list):
        return [_resolved(section, key, item) for item in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    table = cast("dict[str, object]", value)
    match _reference(table):
        case "env", name:
            found = os.environ.get(name)
            if found is None:
                step = f"Set it, for example with: export {name}=…"
                raise section.error(key, f"the environment has no variable {name!r}", step)
            if not found.strip():
                # As where a secret of a pipeline is not set: it would be refused far from here.
                step = f"Give it a value, for example with: export {name}=…"
                raise section.error(key, f"the environment's variable {name!r} is empty", step)
            return found
        case _, name:
            return section.path.parent / name
        case None:
            return {name: _resolved(section, key, below) for name, below in table.items()}


def check_signature(section: Section, factory: Factory, name: str) -> None:
    """Refuse options that *factory* does not take, and miss those that it needs."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return
    kinds = {parameter.kind for parameter in parameters.values()}
    by_name = {
        parameter.name
        for parameter in parameters.values()
        if parameter.kind in {parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD}
    }
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        for key in section.values:
            if key not in by_name:
                raise section.error(key, f"{name} takes no such option", did_you_mean(key, by_name))
    for parameter in parameters.values():
        needed = parameter.name in by_name and parameter.default is parameter.empty
        if needed and parameter.name not in section.values:
            step = f"Add it under [{section.name}]."
            raise section.error(parameter.name, f"{name} needs this option", step)
