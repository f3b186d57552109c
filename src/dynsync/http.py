"""A transport over httpx (extra ``http``): pooled connections, TLS verified, no redirects."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal, Self, TypeAlias

import httpx

from dynsync.transport import Lost, NotSent, Request, Response

__all__ = ["HttpxTransport"]

Compression: TypeAlias = Literal["gzip", "none"]
Proxies: TypeAlias = Literal["environment", "none"]

_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
"""What fails before a byte of the request is on its way, as does what cannot be encoded."""


class HttpxTransport:
    """
    Carries requests by httpx. Safe to share between threads; close it, or use ``with``.

    *connect* and *read* are how many seconds a connection and the next bytes may take,
    *whole* how many an answer may take altogether: one that drips in for ever is `Lost`.
    *connections* are kept open at most. *verify* takes what signs the servers' certificates
    if the public authorities do not; it is never off. *compression* is what answers may come
    in. Proxies are those that the environment names (``HTTPS_PROXY`` and so on), unless
    *proxies* is ``"none"``. A host's own *client* is used as it is, and stays the host's to close.
    """

    def __init__(
        self,
        *,
        client: httpx.Client | None = None,
        connect: float = 10.0,
        read: float = 200.0,
        whole: float = 600.0,
        connections: int = 20,
        verify: ssl.SSLContext | None = None,
        compression: Compression = "gzip",
        proxies: Proxies = "environment",
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = client is None
        self._whole = whole
        self._elapsed = elapsed
        self._encoding = "gzip" if compression == "gzip" else "identity"
        self._client = client or httpx.Client(
            timeout=httpx.Timeout(read, connect=connect),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=True if verify is None else verify,
            # Not ``trust_env``: that would also leave out what SSL_CERT_FILE names.
            mounts=None if proxies == "environment" else {"http://": None, "https://": None},
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they are a client's that the host brought."""
        if self._own:
            self._client.close()

    def send(self, request: Request) -> Response:
        """Return the answer to *request*; raises `NotSent` or `Lost`."""
        failure: NotSent | Lost
        try:
            return self._sent(request)
        except (*_NOT_SENT, UnicodeError) as error:
            failure = NotSent(_told(request, error))
        except (httpx.HTTPError, httpx.StreamError) as error:
            failure = Lost(_told(request, error))
        # Outside of the except block: what httpx raises holds the request, and with it the
        # credentials, and would hang on to ours as its context.
        raise failure

    def _sent(self, request: Request) -> Response:
        headers = {"accept-encoding": self._encoding, "user-agent": "dynsync", **request.headers}
        start = self._elapsed()
        with self._client.stream(
            request.method,
            request.url,
            headers=headers,
            content=request.body,
            follow_redirects=False,
        ) as response:
            body = b"".join(self._in_time(start, response.iter_bytes()))
            told = {name.lower(): value for name, value in response.headers.items()}
            return Response(response.status_code, told, body)

    def _in_time(self, start: float, parts: Iterator[bytes]) -> Iterator[bytes]:
        for part in parts:
            if self._elapsed() - start > self._whole:
                raise httpx.ReadTimeout("the whole answer took too long")
            yield part


def _told(request: Request, error: Exception) -> str:
    """Return what failed, without what httpx says of it: that may quote the request."""
    return f"{type(error).__name__} at {request!r}"
