"""What the pretend Marketo's REST API remembers besides the people: jobs, types, usage."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import threading
from typing import Final, Literal

from dynsync.emulator._marketo._roles import EVERYTHING
from dynsync.emulator._tokens import Tokens
from dynsync.sandbox import SandboxMarketo

__all__ = ["State"]

# As in `dynsync.sandbox._limits`: the same on machines without a time zone database.
_CENTRAL: Final = dt.timezone(dt.timedelta(hours=-6))


class State:
    """
    The *system* behind the API and what belongs to its clients.

    *job_seconds* is how long a bulk job takes. *signed_by* says whether a token may come as
    the parameter ``access_token`` too, as it could before August 2026. *role* holds the
    permissions of the API user. All three may be set.
    """

    def __init__(self, system: SandboxMarketo, tokens: Tokens[str]) -> None:
        self.system = system
        self.tokens = tokens
        self.job_seconds = 60.0
        self.signed_by: Literal["header", "parameter"] = "header"
        self.role = EVERYTHING
        self.used: collections.Counter[tuple[str, str]] = collections.Counter()
        self.failed: collections.Counter[tuple[str, str]] = collections.Counter()
        self.jobs: dict[str, object] = {}
        self.numbers = itertools.count(1)
        self.lock = threading.RLock()

    def today(self) -> str:
        """Return the day whose quota the calls count against."""
        return self.day(0)

    def day(self, ago: int) -> str:
        """Return the day so many days *ago*."""
        now = self.system.clock.now().astimezone(_CENTRAL)
        return (now.date() - dt.timedelta(days=ago)).isoformat()

    def count(self, user: str) -> None:
        """Count a call of *user*."""
        with self.lock:
            self.used[self.today(), user] += 1

    def count_error(self, code: str) -> None:
        """Count an answer that was an error."""
        with self.lock:
            self.failed[self.today(), code] += 1
