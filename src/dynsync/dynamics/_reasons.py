"""What Dynamics' messages say of columns, and how they are told without any value. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dynsync.dynamics._tables import GUID, Table
from dynsync.dynamics.failures import Becomes, Failure
from dynsync.records import Wire
from dynsync.writes import Create, Reason, Update, Write

__all__ = ["concerns", "missing", "privilege", "reason"]

_QUOTED: Final = re.compile(r"(?<!\w)'(.*?)'(?!\w)|\"([^\"]*)\"|\u201c([^\u201d]*)\u201d")
"""What stands in quotes. The apostrophe of "doesn't" or of "O'Brien" is no quote."""

_SECURED: Final = re.compile(r"permissions to an? (.+?) secured field", re.IGNORECASE)
_PRIVILEGE: Final = re.compile(r"\bprv[A-Z]\w+")
_MAIL: Final = re.compile(r"[^\s@'\"<>()]+@[\w.-]*\w")
_TELLING: Final = re.compile(r"[_\d]")
_SPOKEN: Final = frozenset({"0x80040265", "0x80040224"})
"""The codes of refusals that an organisation words itself: only its own words say what to do."""

_LONGEST: Final = 300
_BLANK: Final = "…"


def missing(message: str, asked: Mapping[str, str]) -> tuple[str, ...]:
    """
    Return the columns that *message* says are not there.

    *asked* are those that were asked for, by the property under which they are read.
    """
    if "property" not in message.lower():
        return ()
    return tuple(dict.fromkeys(asked[word] for word in _quoted(message) if word in asked))


def privilege(message: str) -> str:
    """Return which privilege *message* says is missing, as the end of a sentence."""
    found = _PRIVILEGE.search(message)
    return f" It needs {found[0]}." if found else ""


def concerns(message: str, update: Update) -> bool:
    """
    Return whether "there is no such row" is about the row of *update*.

    It may be about another one, that a reference in *update* points at.
    """
    named = {found.lower() for found in GUID.findall(message)}
    return not named or update.id.lower() in named


def reason(table: Table, write: Write, failure: Failure, message: str) -> Reason:
    """Return why *write* was refused: with the column, if *message* names one, and no value."""
    says = f"{failure.says}.{privilege(message)}"
    if not failure.name or failure.code in _SPOKEN:
        words = _told(table, write, message)
        says = f"{failure.says}: {words}" if words else f"{failure.says}."
    return Reason(failure.code, says[:1].upper() + says[1:], _field(table, write, failure, message))


def _field(table: Table, write: Write, failure: Failure, message: str) -> str | None:
    if failure.becomes is Becomes.COLUMN:
        labelled = _SECURED.search(message)
        if labelled is not None:
            return _labelled(table, write, labelled[1].strip())
    if failure.becomes is Becomes.GONE:
        return _pointing(write, message)
    said = {_bare(table, word) for word in _quoted(message)}
    told = [name for name in write.values if name in said]
    told += [name for name in table.schema.columns if name in said]
    told += [name for name in write.values if _TELLING.search(name) and _mentions(message, name)]
    return told[0] if told else None


def _quoted(message: str) -> Iterator[str]:
    for found in _QUOTED.finditer(message):
        yield next(filter(None, found.groups()), "")


def _bare(table: Table, word: str) -> str:
    """Return the column that *word* stands for, which may be a property that binds it."""
    property_ = word.removesuffix("@odata.bind")
    for column, targets in table.lookups.items():
        if property_ in targets.values():
            return column
    found = re.fullmatch(r"_(\w+)_value", property_)
    return found[1] if found else property_.lower()


def _labelled(table: Table, write: Write, label: str) -> str | None:
    """Return the one column that people call *label*; one that was written comes first."""
    if label.lower() in table.schema.columns:
        return label.lower()
    columns = table.schema.columns.values()
    found = [column.name for column in columns if column.label.lower() == label.lower()]
    sent = [name for name in found if name in write.values]
    return sent[0] if len(sent) == 1 else found[0] if len(found) == 1 else None


def _pointing(write: Write, message: str) -> str | None:
    """Return the column whose reference leads to the row that is not there."""
    named = {found.lower() for found in GUID.findall(message)}
    for name, value in write.values.items():
        if isinstance(value, str) and any(id_ in value.lower() for id_ in named):
            return name
    return None


def _mentions(message: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", message, re.IGNORECASE) is not None


def _told(table: Table, write: Write, message: str) -> str:
    """
    Return *message* without values: those that were sent, and whatever looks like one.

    In quotes only names stay; e-mail addresses and ids go wherever they stand.
    """
    names = {table.name, *table.schema.columns, *_labels(table)}
    text = _QUOTED.sub(lambda found: found[0] if _inner(found) in names else f"'{_BLANK}'", message)
    for pattern in (_MAIL, GUID):
        text = pattern.sub(_BLANK, text)
    for shown in sorted(_shown(write), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(shown)}(?!\w)", _BLANK, text, flags=re.IGNORECASE)
    return " ".join(text.split())[:_LONGEST]


def _inner(found: re.Match[str]) -> str:
    return next(filter(None, found.groups()), "")


def _labels(table: Table) -> Iterable[str]:
    return (column.label for column in table.schema.columns.values())


def _shown(write: Write) -> Iterator[str]:
    """Yield each value of *write* as a message might show it."""
    for value in (*write.values.values(), write.key if isinstance(write, Create) else write.id):
        yield from _spellings(value)


def _spellings(value: Wire) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value.strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
