"""
Who holds the lease, and whether that one is still there.

That can only be known of processes of this machine that are numbered as ours are: those of
another container may bear our host's name.
"""

from __future__ import annotations

import math
import os
import platform
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

__all__ = ["Holder", "Owner", "host", "until"]

Holder: TypeAlias = tuple[str, str, int, str, float]
"""Token, name, process number, host, and when the lease ends."""

LONGEST_CALL: Final = 3600.0
"""
For how many seconds after its end a lease is its holder's who is seen to be alive.

A lease is renewed between calls, and one call to a system or a recorder may take longer than it
lasts: while its writes are under way nobody else may begin. An hour is longer than any call
takes that does anything; who hangs keeps nobody waiting for ever.
"""


class Owner:
    """Who a store object is to others: *token* is its alone, *name* is for people."""

    def __init__(self, name: str | None) -> None:
        # A number is given again to another process; a number and a birth are not.
        self.token = f"{uuid.uuid4().hex} {_birth('self')}"
        self.name = name or "dynsync"
        _LIVING[self.token] = self

    def end(self) -> None:
        """Be nobody any more."""
        _LIVING.pop(self.token, None)


_LIVING: WeakValueDictionary[str, Owner] = WeakValueDictionary()
"""The owners of this process whose stores are neither closed nor forgotten."""


def until(holder: Holder) -> float:
    """Return until when the lease is *holder*'s if it is not renewed; long ago if it is dead."""
    if not _may_live(holder):
        return -math.inf
    return holder[4] + (LONGEST_CALL if _is_seen_alive(holder) else 0.0)


def _may_live(holder: Holder) -> bool:
    """Say whether the holder may still be there; if that cannot be known, it may."""
    token, _, pid, where, _ = holder
    if where != host():
        return True
    if pid == os.getpid():
        return token in _LIVING
    if os.name != "posix":  # pragma: no cover - the tests run where it is
        # Elsewhere signal 0 does not ask, it ends the process.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_seen_alive(holder: Holder) -> bool:
    """Say whether another process of this host is for certain the one that took the lease."""
    token, _, pid, where, _ = holder
    born = token.partition(" ")[2]
    return bool(born) and where == host() and pid != os.getpid() and born == _birth(str(pid))


def _birth(pid: str) -> str:
    """Return when the process *pid* began, and of which start of the machine; "" if unknown."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    # After the name, which may hold anything: the state, and 19 fields later the beginning.
    state, *others = said.rpartition(")")[2].split()
    # Who is dead and was not asked about by its parent keeps its number.
    return "" if state in {"Z", "X"} else f"{boot}:{others[18]}"


def host() -> str:
    """Return a name of the place where process numbers mean the same as here."""
    name = platform.node()
    with suppress(OSError):
        return f"{name} {Path('/proc/self/ns/pid').readlink()}"
    return name
