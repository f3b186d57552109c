"""What goes wrong between an emulator and its client: connections, proxies, gateways."""

from __future__ import annotations

import collections
import re
import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

__all__ = ["Trouble", "TroubleHook", "TroubleKind", "Troubles"]

TroubleKind: TypeAlias = Literal[
    "dropped_before",
    "dropped_after",
    "half_body",
    "gateway_before",
    "gateway_after",
    "html",
    "slow_drip",
    "gzip",
    "throttled",
    "token_lost",
    "cursor_expired",
]


@attrs.frozen
class Trouble:
    """
    One thing that goes wrong with one HTTP request.

    ==================  ===========================================================
    ``dropped_before``  the connection closes, nothing was applied
    ``dropped_after``   all is applied, then the connection closes
    ``half_body``       all is applied, and half of the answer's body arrives
    ``gateway_before``  504 from a gateway, nothing was applied
    ``gateway_after``   all is applied, then 504 from a gateway
    ``html``            200 and a page of a proxy's, nothing was applied
    ``slow_drip``       *seconds* pass by the emulator's clock as the body drips
    ``gzip``            the answer is compressed, whatever its size
    ``throttled``       606 in Marketo, 429 with *seconds* in Dataverse
    ``token_lost``      601 in Marketo, 401 in Dataverse: no token counts any more
    ``cursor_expired``  what a delta token that is too old is answered
    ==================  ===========================================================
    """

    kind: TroubleKind
    seconds: float = 20.0


TroubleHook: TypeAlias = Callable[[str, str], "Trouble | None"]
"""Decides from a method and a path, without its query, what goes wrong with a request."""


@attrs.frozen
class _Planned:
    method: str
    path: re.Pattern[str]
    trouble: Trouble


class Troubles:
    """What goes wrong with the requests to an emulator, and what requests there were."""

    def __init__(self) -> None:
        self.hook: TroubleHook | None = None
        self.seen: collections.Counter[str] = collections.Counter()
        self._planned: list[_Planned] = []
        self._lock = threading.Lock()

    def plan(self, trouble: Trouble, *, method: str = "", path: str = "", times: int = 1) -> None:
        """
        Let *trouble* meet the next *times* requests of *method* whose path has *path* in it.

        *path* is a regular expression. Without a method or a path, any will do.
        """
        planned = _Planned(method.upper(), re.compile(path), trouble)
        with self._lock:
            self._planned += [planned] * times

    def clear(self) -> None:
        """Forget what was planned, and the hook."""
        with self._lock:
            self._planned.clear()
            self.hook = None

    def waiting(self) -> list[Trouble]:
        """Return what was planned and has not happened yet."""
        with self._lock:
            return [each.trouble for each in self._planned]

    def meet(self, method: str, path: str) -> Trouble | None:
        """Count a request, and return what is to go wrong with it."""
        with self._lock:
            self.seen[f"{method} {_shape(path)}"] += 1
        found = None if self.hook is None else self.hook(method, path)
        if found is not None:
            return found
        with self._lock:
            for place, each in enumerate(self._planned):
                if each.method in {"", method} and each.path.search(path):
                    return self._planned.pop(place).trouble
        return None


def _shape(path: str) -> str:
    # Ids are left out: a count of every row that was ever read is no use to anybody.
    return re.sub(r"\([^)]*\)|(?<=/)\d+(?=[./]|$)|(?<=/)[0-9a-f-]{36}(?=[./]|$)", "{}", path)
