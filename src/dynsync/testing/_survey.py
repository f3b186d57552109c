"""What a check must know before it begins, learned from a connector that nobody judges yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, cast

import attrs

from dynsync.connectors import Capabilities, Connector, Page
from dynsync.errors import ConfigurationError, Throttled
from dynsync.records import Cursor, Record, RecordId, Side, Wire
from dynsync.schemas import Schema
from dynsync.testing._outside import CanWait, Outside
from dynsync.testing._palette import Palette, choose
from dynsync.testing._scene import Setting
from dynsync.writes import Create, Created, Rejected, Update, Updated

__all__ = ["Survey", "survey"]

_PAGES: Final = 200
_TRIES: Final = 8
_LATE: Final = 3_600.0
_NOTHING: Final = Palette((), {}, {})


@attrs.frozen
class Survey:
    """
    A connector of the kind, the setting of the check, and why no create was taken, if so.

    *alone* says that nobody else is at work in the system.
    """

    connector: Connector
    setting: Setting
    refused: str = ""
    alone: bool = False


def survey(
    make: Callable[[], tuple[Connector, Outside | None]],
    table: str,
    *,
    fields: Sequence[str] | None,
    values: Mapping[str, Sequence[Wire]],
    key_field: str | None,
) -> Survey:
    """
    Return what there is to know of a connector.

    What goes wrong here is passed over: the programs will come upon it and say what it is.
    """
    connector, outside = make()
    limits = Capabilities()
    with contextlib.suppress(Exception):
        # What is none is found when the connector is asked who it is.
        said = connector.capabilities
        limits = said if isinstance(cast("object", said), Capabilities) else limits
    setting = Setting(table, connector.side, _NOTHING, limits)
    schema: object = None
    with contextlib.suppress(Exception):
        schema = connector.describe(table)
    if not isinstance(schema, Schema) or not schema.columns:
        return Survey(connector, setting, "describe told no columns", outside is None)
    palette = choose(connector.side, schema, fields=fields, values=values, key_field=key_field)
    setting = attrs.evolve(setting, palette=palette, described=schema.fingerprint(schema.columns))
    needed = {name for name, column in schema.columns.items() if column.required}
    droppable = set(palette.fields) - needed - {*values, *(fields or ()), palette.key_field}
    probe = _Probe(connector, outside, setting)
    with contextlib.suppress(Exception):
        setting = attrs.evolve(setting, populated=any(True for _ in probe.changes()))
    with contextlib.suppress(Exception):
        probe.create(droppable)
    setting = attrs.evolve(setting, palette=probe.setting.palette)
    with contextlib.suppress(Exception):
        setting = attrs.evolve(setting, tells_edits=probe.tells_edits())
    return Survey(connector, setting, probe.refused, outside is None)


@attrs.define
class _Probe:
    """The first steps with a connector."""

    connector: Connector
    outside: Outside | None
    setting: Setting
    refused: str = ""
    id: RecordId | None = None
    cursor: Cursor | None = None

    def changes(self) -> Iterator[object]:
        """Yield what is told from the cursor on."""
        for _ in range(_PAGES):
            page = self._read()
            self.cursor = page.cursor
            yield from page.changes
            if not page.more:
                return

    def _read(self) -> Page:
        setting = self.setting
        for _ in range(_TRIES):
            try:
                return self.connector.read(setting.table, list(setting.palette.fields), self.cursor)
            except Throttled as failure:
                self._wait(failure.retry_after)
        raise ConfigurationError("reading is throttled again and again")

    def _wait(self, seconds: float) -> None:
        if isinstance(self.outside, CanWait):
            self.outside.advance(seconds)

    def create(self, droppable: set[str]) -> None:
        """Create a record, leaving out fields that are refused until it is taken."""
        for number in range(_TRIES):
            palette = self.setting.palette
            key = RecordId(f"00000000-0000-4000-8000-0000000000f{number}")
            body = {name: palette.value(name, 0) for name in palette.fields}
            if palette.key_field is not None:
                body[palette.key_field] = key
            create = Create(key, body, palette.key_field)
            try:
                [result] = self.connector.write(self.setting.table, [create])
            except Throttled as failure:
                self._wait(failure.retry_after)
                continue
            if isinstance(result, Created | Updated):
                self.id, self.refused = result.id, ""
                return
            if not isinstance(result, Rejected):
                return
            self._leave_out(result, droppable)

    def _leave_out(self, result: Rejected, droppable: set[str]) -> None:
        named = {reason.field for reason in result.reasons} & droppable
        self.refused = "A create was refused: " + "; ".join(
            f"{reason.field}: {reason.message} [{reason.code}]" for reason in result.reasons
        )
        dropped = {name for name in named if name is not None} or droppable
        palette = self.setting.palette.without(dropped)
        if any(name != palette.key_field for name in palette.fields):
            self.setting = attrs.evolve(self.setting, palette=palette)

    def tells_edits(self) -> bool:
        """Return whether the feed tells the values that an edit replaced."""
        if self.id is None or self.connector.side is Side.DYNAMICS:
            return False
        self.cursor = None
        list(self.changes())
        field = self.setting.palette.field(0)
        update = Update(self.id, {field: self.setting.palette.value(field, 1)})
        self.connector.write(self.setting.table, [update])
        told = [*self.changes()]
        self._wait(_LATE)
        told += self.changes()
        return any(isinstance(one, Record) and bool(one.edits) for one in told)
