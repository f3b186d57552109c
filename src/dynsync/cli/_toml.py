"""
Reading a TOML file so that every mistake in it is told by file, key and next step.

A section knows its keys: another one is a typo and is refused, never passed over.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, cast

from dynsync.errors import ConfigurationError

__all__ = ["Section", "did_you_mean", "read_toml"]

W = TypeVar("W", bound=str)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return a sentence that leads from *word* to one that is known."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Use one of: {', '.join(sorted(known))}." if known else "Remove it."


def read_toml(path: Path) -> Section:
    """Return the whole file *path*; raises `ConfigurationError` where it is no TOML."""
    try:
        # Editors of Windows begin UTF-8 with a mark that TOML does not know.
        text = path.read_bytes().decode("utf-8-sig")
        values = cast("dict[str, object]", tomllib.loads(text))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file. Give its path with --config, or make a pretend "
            f"pair of systems to try with: dynsync demo --keep DIR"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path}: it cannot be read ({error.strerror}). Check the path and its rights."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: it is not UTF-8. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # Python's message quotes the offending character at most, never a value.
        raise ConfigurationError(f"{path}: it is not TOML. {error}. Correct it.") from None
    except ValueError:
        # Python's own of a number: it does not say where that is.
        raise ConfigurationError(
            f"{path}: it holds a number of thousands of digits. Give a smaller one."
        ) from None
    except RecursionError:
        raise ConfigurationError(f"{path}: it is nested too deep. Correct it.") from None
    return Section(path, "", values)


class Section:
    """A table of the file *path* under its dotted *name*; the whole file has the name ``""``."""

    def __init__(self, path: Path, name: str, values: Mapping[str, object]) -> None:
        self.path = path
        self.name = name
        self.values = values

    def error(self, key: str, problem: str, step: str) -> ConfigurationError:
        """Return what is wrong with *key*, and the next step."""
        where = f"[{self.name}] {key}" if self.name and key else self.name or key
        shown = where if self.name and key else f"[{where}]"
        return ConfigurationError(f"{self.path}: {shown}: {problem}. {step}")

    def allow(self, *known: str) -> None:
        """Refuse every key that is not among *known*."""
        for key in self.values:
            if key not in known:
                raise self.error(key, "no such key", did_you_mean(key, known))

    def word(self, key: str, words: Mapping[str, W], default: W) -> W:
        """Return what the word under *key* stands for."""
        value = self.text(key)
        if value is None:
            return default
        if value not in words:
            raise self.error(key, f"{value!r} is no word for this", did_you_mean(value, words))
        return words[value]

    def text(self, key: str) -> str | None:
        """Return the text under *key*, None where there is none."""
        value = self.values.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        raise self._mistyped(key, value, "text", 'Write it in quotes: "…".')

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return the list of texts under *key*, None where there is none."""
        value = self.values.get(key)
        if value is None:
            return None
        items = cast("list[object]", value) if isinstance(value, list) else None
        if items is not None:
            texts = tuple(item for item in items if isinstance(item, str))
            if len(texts) == len(items):
                return texts
        raise self._mistyped(key, self.values[key], "a list of texts", 'Write ["…", "…"].')

    def number(self, key: str, default: float, *, highest: float | None = None) -> float:
        """Return the number under *key*, which is not below zero."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._mistyped(key, value, "a number", "Write it without quotes.")
        if not 0 <= value < float("inf") or (highest is not None and value > highest):
            upper = "" if highest is None else f" and at most {highest:g}"
            raise self.error(key, "out of range", f"Give a number from 0 on{upper}.")
        try:
            return float(value)
        except OverflowError:
            raise self.error(key, "out of range", "Give a smaller number.") from None

    def count(self, key: str, default: int) -> int:
        """Return the whole number under *key*, which is not below zero."""
        value = self.number(key, default)
        if not value.is_integer():
            raise self.error(key, "not a whole number", "Leave out the fraction.")
        return int(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return the true or false under *key*."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self._mistyped(key, value, "true or false", "Write it without quotes.")
        return value

    def section(self, key: str) -> Section:
        """Return the table under *key*, an empty one where there is none."""
        value = self.values.get(key, {})
        name = f"{self.name}.{key}" if self.name else key
        if not isinstance(value, dict):
            raise self._mistyped(key, value, "a table", f"Write [{name}] and its keys below it.")
        return Section(self.path, name, cast("dict[str, object]", value))

    def _mistyped(self, key: str, value: object, wanted: str, step: str) -> ConfigurationError:
        """Return an error that says the type of *value*; the value may be a secret."""
        if value == "":
            return self.error(key, "it is empty", step)
        return self.error(key, f"{_kind(value)}, where {wanted} is needed", step)


def _kind(value: object) -> str:
    match value:
        case str():
            return "text"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
