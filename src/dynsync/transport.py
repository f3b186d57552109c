"""
The seam to the network: requests, responses, and flows that yield the one and take the other.

What a connector says to its system is a *flow*: a generator that yields a `Request`, is
resumed with its `Response`, and returns what it made of the answers. It does no I/O and
can be driven by anything. A `Transport` carries one request at a time; the host brings it,
or takes `dynsync.http.HttpxTransport`.

Requests hold credentials and responses hold personal data: neither shows them in its repr.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

import attrs
from attrs import Factory

__all__ = ["Flow", "Lost", "NotSent", "Request", "Response", "Transport", "drive"]

T = TypeVar("T")


@attrs.frozen(repr=False)
class Request:
    """One HTTP request. Its repr shows the method, the host and the path, and nothing else."""

    method: str
    url: str
    headers: Mapping[str, str] = Factory(dict[str, str])
    body: bytes | None = None

    def __repr__(self) -> str:
        # Queries hold secrets and values, and so may the part before the host.
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return f"<Request {self.method}>"
        host = parts.netloc.rpartition("@")[2]
        return f"<Request {self.method} {parts.scheme}://{host}{parts.path}>"


@attrs.frozen(repr=False)
class Response:
    """One HTTP response, whole; *headers* have lower-case names. Its repr shows no content."""

    status: int
    headers: Mapping[str, str] = Factory(dict[str, str])
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Response {self.status}, {len(self.body)} bytes>"


class NotSent(Exception):
    """
    The request surely did not arrive: no such host, refused, no TLS, no connection in time.

    Not a `SyncError`: a connector says which of those it is. The message names the host and
    the kind of failure, and no other part of the request; the same holds for `Lost`.
    """


class Lost(Exception):
    """The request may have arrived, but no whole answer came back."""


class Transport(Protocol):
    """
    What carries requests: thread-safe, without retries, and following no redirect.

    A redirect followed would hand the credentials to whoever it names, and a retry could
    apply a write twice: both are the connector's to decide.
    """

    def send(self, request: Request) -> Response:
        """
        Return the answer, whatever its status, its body decoded from any gzip.

        Raises `NotSent` where the request surely did not arrive, `Lost` where it may have.
        """
        ...


Flow: TypeAlias = Generator[Request, Response, T]
"""A conversation: yields requests, takes responses, returns a *T*."""


def drive(flow: Flow[T], send: Callable[[Request], Response]) -> T:
    """
    Return what *flow* returns, carrying its requests by *send*.

    `NotSent` and `Lost` are thrown into the flow, which knows what they mean there;
    anything else that *send* raises closes the flow and passes.
    """
    try:
        request = next(flow)
        while True:
            try:
                response = send(request)
            except (NotSent, Lost) as failure:
                request = flow.throw(failure)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()
