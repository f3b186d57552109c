"""What is told beside a value: labels, formatted texts, and where a lookup leads."""

from __future__ import annotations

import datetime as dt
import fnmatch
from collections.abc import Iterator
from typing import Final

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._columns import LOOKUPS, targets_of
from dynsync.emulator._dataverse._targets import target_of
from dynsync.records import Wire
from dynsync.sandbox._dynamics_tables import Table
from dynsync.schemas import Column

__all__ = ["Notes", "applied", "notes_of"]

_PREFERENCE: Final = "odata.include-annotations"
_FORMATTED: Final = "OData.Community.Display.V1.FormattedValue"
_LOGICAL: Final = "Microsoft.Dynamics.CRM.lookuplogicalname"
_PROPERTY: Final = "Microsoft.Dynamics.CRM.associatednavigationproperty"
_CHOICES: Final = frozenset({"Picklist", "State", "Status"})
_MOMENTS: Final = frozenset({"DateTime", "TimeZoneIndependent"})
_PLAIN: Final = frozenset({"String", "Memo", "Uniqueidentifier"})


@attrs.frozen
class Notes:
    """The annotations of values of *table* that the client would like, by *patterns*."""

    asked: Asked
    table: Table
    patterns: tuple[str, ...]

    def of(self, name: str, column: Column, value: Wire) -> Iterator[tuple[str, object]]:
        """Yield what is told beside *value* of *column*, which is read under *name*."""
        for term, note in self._all(column, value):
            if any(fnmatch.fnmatchcase(term, pattern) for pattern in self.patterns):
                yield f"{name}@{term}", note

    def _all(self, column: Column, value: Wire) -> Iterator[tuple[str, object]]:
        if column.type not in LOOKUPS:
            text = _formatted(column, value)
            if text is not None:
                yield _FORMATTED, text
            return
        targets = targets_of(self.table, column)
        found = target_of(self.asked, targets, value)
        kind = targets[0] if found is None else found.name
        if found is not None and (called := found.called()) is not None:
            yield _FORMATTED, called
        suffix = f"_{kind}" if column.type == "Customer" else ""
        yield _PROPERTY, f"{column.name}{suffix}"
        yield _LOGICAL, kind


def notes_of(asked: Asked, table: Table) -> Notes | None:
    """Return the annotations that *asked* wants of *table*, None where it wants none."""
    text = asked.prefer.get(_PREFERENCE, "")
    patterns = tuple(each.strip() for each in text.split(",") if each.strip())
    return Notes(asked, table, patterns) if patterns else None


def applied(asked: Asked, *more: str) -> dict[str, str]:
    """Return the header that says which preferences were followed, *more* among them."""
    found = list(more)
    if "odata.maxpagesize" in asked.prefer and asked.call.method == "GET":
        found.append(f"odata.maxpagesize={asked.prefer['odata.maxpagesize']}")
    if _PREFERENCE in asked.prefer:
        found.append(f'{_PREFERENCE}="{asked.prefer[_PREFERENCE]}"')
    return {"Preference-Applied": ", ".join(found)} if found else {}


def _formatted(column: Column, value: Wire) -> str | None:
    if column.type in _CHOICES:
        return next((each.label for each in column.options if each.code == value), str(value))
    if column.type == "Boolean":
        return "Yes" if value else "No"
    if column.type == "MultiSelectPicklist":
        codes = str(value).split(",")
        return "; ".join(each.label for each in column.options if str(each.code) in codes)
    if column.type in _MOMENTS or column.type == "DateOnly":
        return _day(str(value), column.type)
    if column.type in _PLAIN:
        return None
    return _number(column, value)


def _day(text: str, kind: str) -> str:
    # As in the United States, and in UTC: nobody here has settings of their own.
    moment = dt.datetime.fromisoformat(text)
    day = f"{moment.month}/{moment.day}/{moment.year}"
    return f"{day} {moment.hour % 12 or 12}:{moment:%M %p}" if kind in _MOMENTS else day


def _number(column: Column, value: Wire) -> str:
    if isinstance(value, str) or value is None:
        return str(value)
    digits = 2 if column.digits is None else column.digits
    if column.type in {"Integer", "BigInt"}:
        digits = 0
    return f"{'$' if column.type == 'Money' else ''}{value:,.{digits}f}"
