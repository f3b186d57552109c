"""The httpx transport says whether a request may have arrived, and gives nothing away."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import pytest

from dynsync.http import HttpxTransport
from dynsync.transport import Lost, NotSent, Request

Talk = Callable[[socket.socket], None]

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: Yes\r\n\r\nhi"


@contextlib.contextmanager
def serving(*talks: Talk) -> Iterator[str]:
    """Serve one connection after another, each by its talk; yield where."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for talk in talks:
                connection, _ = listener.accept()
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def heard(connection: socket.socket) -> bytes:
    """Return a request as it came, headers and body."""
    text = b""
    while b"\r\n\r\n" not in text:
        text += connection.recv(65_536)
    head, _, body = text.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    size = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < size:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def answering(answer: bytes, into: list[bytes] | None = None) -> Talk:
    """Hear one request and say *answer*."""

    def talk(connection: socket.socket) -> None:
        into_ = [] if into is None else into
        into_.append(heard(connection))
        connection.sendall(answer)

    return talk


def test_an_answer_comes_back_whole() -> None:
    """Status, headers in lower case and body are the answer's, and the request is as it was."""
    requests: list[bytes] = []
    with serving(answering(OK, requests)) as url, HttpxTransport() as transport:
        response = transport.send(Request("POST", f"{url}/a?b=c", {"X-Mine": "1"}, b"body"))

    assert (200, "Yes", b"hi") == (response.status, response.headers["x-seen"], response.body)
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /a?b=c HTTP/1.1\r\n")
    assert b"x-mine: 1" in head.lower()
    assert b"body" == body


def test_a_gzipped_answer_is_unpacked() -> None:
    """The body is what was packed."""
    packed = gzip.compress(b"hello " * 500)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with serving(answering(head + packed)) as url, HttpxTransport() as transport:
        assert b"hello " * 500 == transport.send(Request("GET", url)).body


def test_compression_can_be_declined() -> None:
    """Then the server is asked for plain answers."""
    requests: list[bytes] = []
    with (
        serving(answering(OK, requests)) as url,
        HttpxTransport(compression="none") as transport,
    ):
        transport.send(Request("GET", url))

    assert b"accept-encoding: identity" in requests[0].lower()


@pytest.mark.parametrize("status", [301, 307, 404, 500])
def test_every_status_is_an_answer(status: int) -> None:
    """No redirect is followed and no status is an exception: they are the connector's."""
    answer = b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n" % status
    with serving(answering(answer)) as url, HttpxTransport() as transport:
        assert status == transport.send(Request("GET", url)).status


@pytest.mark.parametrize(
    ("path", "headers"), [("/\ud83d", {}), ("/", {"Authorization": "Bearer s3cr\u00e9t"})]
)
def test_what_cannot_be_written_is_not_sent(path: str, headers: dict[str, str]) -> None:
    """And what could not be is not told, as Python's own error would."""
    with HttpxTransport() as transport, pytest.raises(NotSent) as caught:
        transport.send(Request("GET", f"http://127.0.0.1:9{path}", headers))

    assert "s3cr" not in "".join(traceback.format_exception(caught.value))


def test_nobody_there_is_not_sent() -> None:
    """A refused connection surely carried nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with HttpxTransport() as transport, pytest.raises(NotSent):
        transport.send(Request("POST", f"http://127.0.0.1:{port}/"))


def test_no_tls_is_not_sent() -> None:
    """A certificate that nobody signed, or none at all, stops before the request."""

    def talk(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"no TLS here, sorry\r\n")

    with serving(talk) as url, HttpxTransport() as transport, pytest.raises(NotSent):
        transport.send(Request("POST", url.replace("http:", "https:")))


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"no HTTP\r\n\r\n"],
    ids=["dropped", "half a body", "not HTTP"],
)
def test_a_broken_answer_is_lost(answer: bytes) -> None:
    """The request arrived, and what became of it is not known."""
    with (
        serving(answering(answer)) as url,
        HttpxTransport() as transport,
        pytest.raises(Lost),
    ):
        transport.send(Request("POST", url))


def test_an_answer_that_drips_for_ever_is_lost() -> None:
    """However steadily it comes, an answer has to come to an end."""
    minutes = itertools.count(step=60.0)

    with (
        serving(answering(OK)) as url,
        HttpxTransport(elapsed=lambda: next(minutes), whole=59.0) as transport,
        pytest.raises(Lost),
    ):
        transport.send(Request("GET", url))


def test_a_failure_says_where_and_quotes_nothing() -> None:
    """Neither the message, nor what hangs on to it, knows a header, a query or the body."""
    with (
        serving(answering(b"")) as url,
        HttpxTransport() as transport,
        pytest.raises(Lost) as failed,
    ):
        transport.send(Request("POST", f"{url}/path?q=s3cret", {"Authorization": "t0ken"}, b"b0dy"))

    assert "/path" in str(failed.value)
    assert failed.value.__context__ is None
    assert not [secret for secret in ("s3cret", "t0ken", "b0dy") if secret in str(failed.value)]


def test_proxies_of_the_environment_can_be_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default one that the environment names carries the request; here nobody is there."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answering(OK)) as url:
        with HttpxTransport() as by_proxy, pytest.raises(NotSent):
            by_proxy.send(Request("GET", url))
        with HttpxTransport(proxies="none") as directly:
            assert 200 == directly.send(Request("GET", url)).status


def test_a_clients_own_settings_hold() -> None:
    """A host that brings a client decides about proxies, pools and certificates."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204)))
    transport = HttpxTransport(client=client)

    assert 204 == transport.send(Request("GET", "http://example.org/")).status
    transport.close()
    assert not client.is_closed
