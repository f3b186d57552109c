"""The side door: what goes on inside, the clock, and faults, for a test or a person's eyes."""

from __future__ import annotations

import html
import re
from typing import Final, cast, get_args

from dynsync.emulator._clock import Movable
from dynsync.emulator._messages import Call, Json, Malformed, Reply, json_reply, mapping
from dynsync.emulator._troubles import Trouble, TroubleKind, Troubles
from dynsync.errors import ConfigurationError
from dynsync.records import RecordId, Side
from dynsync.sandbox import Fault, FaultKind, SandboxDynamics, SandboxMarketo

__all__ = ["Admin"]

_PREFIX: Final = "/_emulator"
_FAULTS: Final = frozenset(get_args(FaultKind))
_MOST: Final = 1_000_000_000
"""Most seconds that are let pass at once, some thirty years."""

_TIMES: Final = 10_000
_TROUBLES: Final = frozenset(get_args(TroubleKind))


class Admin:
    """
    Answers what comes in under ``/_emulator``; no limit and no fault holds there.

    ========================  ====================================================
    ``GET /``                 a page for people
    ``GET /state``            the clock, the counts of records, calls and requests
    ``GET /marketo/ID``       the true values of a person
    ``GET /dynamics/TABLE/ID``  the true values of a row
    ``POST /clock``           ``{"advance": seconds}``
    ``POST /trouble``         ``{"kind", "method", "path", "times", "seconds"}``
    ``POST /fault``           ``{"side", "operation", "kind", "times"}``
    ``POST /clear``           forget what was planned
    ========================  ====================================================
    """

    def __init__(
        self,
        marketo: SandboxMarketo,
        dynamics: SandboxDynamics,
        clock: Movable,
        troubles: Troubles,
    ) -> None:
        self._marketo = marketo
        self._dynamics = dynamics
        self._clock = clock
        self._troubles = troubles

    def answer(self, call: Call) -> Reply:
        """Return what is asked for, or do what is told."""
        try:
            return self._answer(call, call.path.removeprefix(_PREFIX).strip("/").split("/"))
        except (Malformed, ValueError, TypeError, re.error) as error:
            return json_reply({"error": str(error)}, status=400)
        except (LookupError, ConfigurationError):
            return json_reply({"error": "there is no such record"}, status=404)

    def _answer(self, call: Call, parts: list[str]) -> Reply:
        match call.method, parts:
            case "GET", [""]:
                return self._page()
            case "GET", ["state"]:
                return json_reply(self._state())
            case "GET", ["marketo", id_]:
                return _found(self._marketo.person(RecordId(id_)))
            case "GET", ["dynamics", table, id_]:
                return _found(self._dynamics.row(table, RecordId(id_)))
            case "POST", ["clock"]:
                self._clock.advance(_number(mapping(call.json()), "advance", 0.0))
                return json_reply(self._state())
            case "POST", ["trouble"]:
                self._plan_trouble(mapping(call.json()))
                return json_reply(self._state())
            case "POST", ["fault"]:
                self._plan_fault(mapping(call.json()))
                return json_reply(self._state())
            case "POST", ["clear"]:
                self._troubles.clear()
                self._marketo.faults.clear()
                self._dynamics.faults.clear()
                return json_reply(self._state())
            case _:
                return json_reply({"error": "there is nothing here"}, status=404)

    def _plan_trouble(self, said: dict[str, object]) -> None:
        kind = said.get("kind")
        if kind not in _TROUBLES:
            raise ValueError(f"kind must be one of {', '.join(sorted(_TROUBLES))}")
        trouble = Trouble(cast("TroubleKind", kind), _number(said, "seconds", 20.0))
        method, path = str(said.get("method") or ""), str(said.get("path") or "")
        times = int(_number(said, "times", 1, _TIMES))
        self._troubles.plan(trouble, method=method, path=path, times=times)

    def _plan_fault(self, said: dict[str, object]) -> None:
        kind, side = said.get("kind"), Side(said.get("side"))
        if kind not in _FAULTS:
            raise ValueError(f"kind must be one of {', '.join(sorted(_FAULTS))}")
        faults = (self._marketo if side is Side.MARKETO else self._dynamics).faults
        fault = Fault(cast("FaultKind", kind))
        faults.plan(
            str(said.get("operation") or "*"), *[fault] * int(_number(said, "times", 1, _TIMES))
        )

    def _state(self) -> Json:
        with self._dynamics.store.reading():
            tables = self._dynamics.store.names()
        return {
            "now": self._clock.now().isoformat(),
            "marketo": {
                "name": self._marketo.name,
                "people": self._marketo.count(),
                "calls": dict(self._marketo.calls),
                "throttled": dict(self._marketo.throttled),
            },
            "dynamics": {
                "name": self._dynamics.name,
                "rows": {table: self._dynamics.count(table) for table in tables},
                "calls": dict(self._dynamics.calls),
            },
            "requests": dict(self._troubles.seen),
            "planned": [each.kind for each in self._troubles.waiting()],
        }

    def _page(self) -> Reply:
        rows: list[str] = []
        for name, value in self._state().items():
            parts = cast("Json", value) if isinstance(value, dict) else {"": value}
            for key, each in parts.items():
                cells = (html.escape(f"{cell}") for cell in (name, key, each))
                rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        text = (
            "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>dynsync emulate</title>"
            "<h1>dynsync emulate</h1><p>What goes on inside. The same as JSON:"
            f" <a href={_PREFIX}/state>state</a></p><table>{''.join(rows)}</table></html>"
        )
        return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, text.encode())


def _found(values: object) -> Reply:
    if values is None:
        return json_reply({"error": "there is no such record"}, status=404)
    return json_reply(values)


def _number(said: dict[str, object], name: str, default: float, most: int = _MOST) -> float:
    value = said.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number")
    if not abs(value) <= most:
        # A clock that far ahead shows no date, and so many faults fit into no memory.
        raise ValueError(f"{name} must be {most} at most")
    return value
