"""The token that every request carries, and where it comes from."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import urlencode

import attrs

from dynsync._addresses import is_token, trusted
from dynsync._headers import seconds
from dynsync.calling import called
from dynsync.connectors import Clock
from dynsync.dynamics._answers import fault_in
from dynsync.dynamics._odata import Garbled, parse, text_of
from dynsync.errors import ConfigurationError, Refused, SystemFailure, Throttled, Unavailable
from dynsync.records import Side
from dynsync.transport import Flow, Lost, NotSent, Request, Response, drive

__all__ = ["ClientSecret", "Credentials", "Tokens"]

_SIDE: Final = Side.DYNAMICS
_EARLY: Final = 300.0
_WAIT: Final = 20.0
_FOR_EVER: Final = 1e9
"""Seconds that no token lasts: a number without an end leads to no date."""

_SERVER: Final = 500
_BUSY: Final = 429
_TENANT: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_CODE: Final = re.compile(r"AADSTS\d+")


@attrs.frozen(kw_only=True)
class ClientSecret:
    """
    A service principal of Microsoft Entra ID, with a secret.

    *tenant* is the directory's id or domain, *client_id* the application's. *authority* is
    another one than Microsoft's public cloud in a national cloud, or where an emulator stands.
    Raises `ConfigurationError` for one by which the secret could be read on its way, and for
    what is no tenant.
    """

    tenant: str
    client_id: str
    secret: str = attrs.field(repr=False)
    authority: str = "https://login.microsoftonline.com"

    def __attrs_post_init__(self) -> None:
        if not _TENANT.fullmatch(str(self.tenant)):
            raise ConfigurationError(
                "The tenant of a service principal is the id or the domain of its directory, such "
                "as 99999999-8888-4777-8666-555555555555 or example.onmicrosoft.com."
            )
        if trusted(self.authority) is None:
            raise ConfigurationError(
                "The authority of a service principal is a URL with https, such as "
                "https://login.microsoftonline.com: the secret goes there. http is for this "
                "machine alone."
            )


Credentials: TypeAlias = ClientSecret | Callable[[], str]
"""Or any callable that returns a token: MSAL and azure-identity keep and renew their own."""


@attrs.frozen
class _Token:
    text: str = attrs.field(repr=False)
    until: dt.datetime


class Tokens:
    """Keeps a token for *resource* while it lasts. Safe to share between threads."""

    def __init__(
        self,
        credentials: Credentials,
        resource: str,
        send: Callable[[Request], Response],
        clock: Clock,
    ) -> None:
        self._credentials = credentials
        self._resource = resource
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None

    def current(self) -> str:
        """Return a token that lasts a while longer. Raises `SystemFailure`."""
        if not isinstance(self._credentials, ClientSecret):
            return _given(self._credentials)
        with self._lock:
            now = self._clock.now()
            if self._token is None or self._token.until <= now:
                flow = _issued(self._credentials, self._resource)
                text, lasts = drive(flow, self._send)
                early = min(_EARLY, lasts / 10)
                self._token = _Token(text, now + dt.timedelta(seconds=lasts - early))
            return self._token.text

    def forget(self, refused: str) -> None:
        """Take *refused* as a token no more, however long it was to last."""
        with self._lock:
            if self._token is not None and self._token.text == refused:
                self._token = None


def _given(credentials: Callable[[], object]) -> str:
    """Return the token that a host's own callable returns; what it raises may quote a secret."""
    token = called(
        credentials,
        lambda raised: f"no token: what was given as credentials raised {raised}",
        passing=(SystemFailure,),
        becoming=lambda message: Refused(_SIDE, message),
    )
    if not is_token(token):
        # Nothing of it is told: it may be a token in a wrapping.
        kind = type(token).__name__
        what = "text that is no token" if isinstance(token, str) else f"a {kind} and no text"
        raise Refused(_SIDE, f"no token: what was given as credentials returned {what}")
    return token


def _issued(secret: ClientSecret, resource: str) -> Flow[tuple[str, float]]:
    """Ask for a token, and return it and for how many seconds it lasts."""
    form = {
        "grant_type": "client_credentials",
        "client_id": secret.client_id,
        "client_secret": secret.secret,
        "scope": f"{resource}/.default",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    url = f"{secret.authority.rstrip('/')}/{secret.tenant}/oauth2/v2.0/token"
    try:
        response = yield Request("POST", url, headers, urlencode(form).encode())
    except (NotSent, Lost) as failure:
        raise Unavailable(
            _SIDE,
            f"no token, the authority is not reached: see that its URL is right and the network "
            f"is up ({failure})",
        ) from None
    return _token_in(response)


def _token_in(response: Response) -> tuple[str, float]:
    fault = fault_in(response)
    if fault is not None and response.status == _BUSY:
        raise Throttled(_SIDE, "no token: the authority is busy", fault.retry_after)
    try:
        said = parse(response.body)
    except Garbled:
        said = {}
    token, lasts = text_of(said, "access_token"), seconds(said.get("expires_in"), _WAIT, _FOR_EVER)
    if is_token(token) and fault is None:
        return token, lasts
    if response.status >= _SERVER or not said:
        message = (
            f"no token: the authority answered {response.status} and nothing readable. See that "
            f"its URL is right, and what is between here and it."
        )
        raise Unavailable(_SIDE, message)
    # Its description may name the client and quote the request: its code is enough.
    code = _CODE.search(text_of(said, "error_description"))
    seen = ", ".join(filter(None, [text_of(said, "error"), code[0] if code else ""]))
    raise Refused(
        _SIDE,
        f"no token: the authority refused the service principal ({seen or response.status}). "
        f"Look at the tenant, the client id and whether the secret has run out.",
    )
