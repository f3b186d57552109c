"""The paths that histories must go: one that was missed is a test that was not made."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

from dynsync.records import Side
from dynsync.testing._histories._draws import Mode, Over

__all__ = ["PATHS", "paths_of"]


def _each(*labels: str) -> tuple[str, ...]:
    """Return *labels*, each of a lead and of a contact."""
    return tuple(f"{label} {entity}" for label, entity in product(labels, ("contact", "lead")))


def _sides(*labels: str) -> tuple[str, ...]:
    return tuple(label.format(side.label) for label, side in product(labels, Side))


_ALWAYS: Final = (
    *_each("agreed", "created", "deferred", "flagged", "forgotten", "rejected", "unresolved"),
    *_each("updated", "unlinked", "withheld", "collision unresolved"),
    *_sides("clock of {} drifts"),
    *("collision contact dynamics", "collision lead marketo"),
    *("backfilled", "one side", "put back by a rule", "rewritten by a rule", "told", "withheld"),
    *("changes forgotten", "cursor expired", "late rows"),
    *("collision resolved by a person", "held value mended", "held with its record"),
    *("crash after a commit", "crash before a commit", "crash in a call"),
    *("deleted in Dynamics", "deleted in Marketo"),
    *("new person after a delete", "new person suppressed", "seen again after a delete"),
    *("fault crash_after", "fault crash_before", "fault down", "fault lost_request"),
    *("fault lost_response", "fault partial", "fault throttled"),
    *("push held", "push queued", "refused 0x80040265", "refused FIELD_LENGTH"),
    *("reported in every run",),
    *("right to read given", "right to read taken", "secret kept"),
    *("right to update given", "right to update taken"),
)

_INSTANTS: Final = ("before our read", "between", "in the second of our write")

_LIVENESS: Final = (
    *_sides("column lost in {}"),
    *("column regained", "column renamed", "schema refreshed"),
    *_sides("edit beside a write to {} in Marketo", "edit beside a write to {} in Dynamics"),
    *_sides("edit in Marketo after an unheard making in {}"),
    *_sides("edit in Dynamics after an unheard making in {}"),
    *_sides("{} was last", "edited in {} while blocked"),
    *(
        f"met, and {also} had the address"
        for also in ("nobody", "another person", "another record")
    ),
    *("another in Marketo while blocked", *_each("swallowed", "edit before the echo")),
    *("echo forgotten", "plan applied", "stale plan"),
    *_each(*_sides("edit in the window of {}", "automation in {}")),
    *_each(
        *(
            f"{what} {when} in {side.label}"
            for what in ("an edit", "several edits")
            for when in _INSTANTS
            for side in Side
        )
    ),
    *_sides(
        "edit of our write without an answer in {}", "edit of what we wrote without an answer in {}"
    ),
    *("overwritten by a campaign", "overwritten by a person", "overwritten with our value"),
    *("lease held", "lease lost", "lease taken over"),
    *(
        f"{kind} writing a {entity} to {side.label}"
        for kind in ("lost_request", "lost_response", "partial", "throttled")
        for entity in ("contact", "lead")
        for side in Side
    ),
    *("push again already queued", "push again exists", "push created"),
    *("pushed again after a delete", "several pushed"),
)

_SAFETY: Final = (
    *("fault cursor_expired", "fault slow"),
    *(f"noise in {operation}" for operation in ("describe", "fetch", "log", "read", "write")),
)

PATHS: Final[Mapping[Mode, tuple[str, ...]]] = {
    "safety": tuple(sorted((*_ALWAYS, *_SAFETY))),
    "liveness": tuple(sorted((*_ALWAYS, *_LIVENESS))),
}
"""The paths of each mode."""

_WIRE: Final = (
    *("http dies after", "http dies before", "http partial"),
    *("http dropped_after", "http dropped_before", "http half_body"),
    *("http gateway_after", "http gateway_before", "http html"),
    *("http throttled", "http token_lost"),
)
_HTTP: Final[Mapping[Mode, tuple[str, ...]]] = {
    "safety": (*_WIRE, "http cursor_expired", "http gzip", "http slow_drip"),
    "liveness": _WIRE,
}
"""What goes wrong over HTTP besides."""


def paths_of(mode: Mode, over: Over) -> tuple[str, ...]:
    """Return the paths of histories of *mode* that are played *over* calls or HTTP."""
    return PATHS[mode] if over == "calls" else tuple(sorted((*PATHS[mode], *_HTTP[mode])))
