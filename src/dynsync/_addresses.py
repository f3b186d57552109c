"""Which addresses a secret may go to, and what can be said in one. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import Final, TypeGuard
from urllib.parse import SplitResult, urlsplit

__all__ = ["is_text", "is_token", "trusted"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def trusted(url: str) -> SplitResult | None:
    """
    Return the parts of *url*, None where it is no address that a secret may be sent to.

    It has a host and no password, and is read by nobody on the way: http is for this machine.
    """
    with suppress(ValueError):
        parts = urlsplit(url.strip())
        # Reading the port is what finds one that is no number.
        host, _ = parts.hostname or "", parts.port
        safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
        return parts if host and safe and "@" not in parts.netloc else None
    return None


def is_text(said: str) -> bool:
    """Return whether *said* can be sent: half of a surrogate pair is no text."""
    try:
        said.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_token(said: object) -> TypeGuard[str]:
    """Return whether *said* is text that a header can carry: no space, no end of a line."""
    return isinstance(said, str) and bool(said) and all("!" <= letter <= "~" for letter in said)
