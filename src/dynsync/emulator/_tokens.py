"""Access tokens of both APIs: who got one, and until when it counts."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from dynsync.connectors import Clock

__all__ = ["Expired", "Token", "Tokens"]

U = TypeVar("U")


class Expired(Exception):
    """A token that was given once and does not count any more."""


@attrs.frozen
class Token(Generic[U]):
    """A *text* that stands for a *user* until *ends*, in seconds from 1970."""

    text: str = attrs.field(repr=False)
    user: U
    ends: float


class Tokens(Generic[U]):
    """
    The tokens of one API.

    *users* holds by client id the secret and whom it stands for. *lifetime* is in seconds
    and may be set.
    """

    def __init__(self, clock: Clock, users: Mapping[str, tuple[str, U]], salt: str) -> None:
        self.users = dict(users)
        self.lifetime = 3_600.0
        self._clock = clock
        self._salt = salt
        self._given: dict[str, Token[U]] = {}
        self._by_client: dict[str, str] = {}
        self._count = 0
        self._lock = threading.Lock()

    def give(self, client: str, secret: str) -> Token[U] | None:
        """Return the token of *client*, the same until it expires; None to a wrong secret."""
        known = self.users.get(client)
        if known is None or known[0] != secret:
            return None
        now = self._clock.now().timestamp()
        with self._lock:
            old = self._given.get(self._by_client.get(client, ""))
            if old is not None and old.ends > now:
                return old
            self._count += 1
            seed = f"{self._salt}/{client}/{self._count}/{now}"
            text = hashlib.sha256(seed.encode()).hexdigest()[:40]
            token = Token(text, known[1], now + self.lifetime)
            self._given[text] = token
            self._by_client[client] = text
            return token

    def user_of(self, text: str) -> U | None:
        """Return whom *text* stands for, None where it is no token; raises `Expired`."""
        token = self._given.get(text)
        if token is None:
            return None
        if token.ends <= self._clock.now().timestamp():
            raise Expired
        return token.user

    def left(self, token: Token[U]) -> int:
        """Return how many whole seconds *token* still counts."""
        return max(int(token.ends - self._clock.now().timestamp()) - 1, 0)

    def revoke(self) -> None:
        """Let no token count that was given so far."""
        with self._lock:
            self._given.clear()
            self._by_client.clear()
