"""The sockets: HTTP/1.1 on loopback, plain or with TLS, and what goes wrong on the way."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from dynsync.connectors import Clock
from dynsync.emulator._messages import Call, Dropped, Reply
from dynsync.emulator._troubles import Trouble

__all__ = ["Answered", "Server"]

_GZIP_FROM: Final = 1_024
_MOST: Final = 64 * 1_048_576
_CHUNK: Final = 1_024
_LINE: Final = 65_536
"""Longest request line that is read; both systems take shorter ones only."""

Answered: TypeAlias = "tuple[Reply, Trouble | None]"
"""An answer, and what is to become of it on its way back."""


class Server(http.server.ThreadingHTTPServer):
    """
    Lets *answer* answer every request, each connection in a thread of its own.

    With *context* it speaks TLS.
    """

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Call], Answered],
        clock: Clock,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(address, _Handler)
        self.answer = answer
        self.clock = clock
        self.context = context
        self._open: set[socket.socket] = set()
        self._listening = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._serving: list[threading.Thread] = []
        self._stopped = False
        self._lock = threading.Lock()

    @property
    def base(self) -> str:
        """The URL of it."""
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://{self.server_name_of()}:{self.server_port}"

    def server_name_of(self) -> str:
        """Return the host as a URL has it."""
        host = str(self.server_address[0])
        return f"[{host}]" if ":" in host else host

    def process_request(self, request: object, client_address: object) -> None:
        """Serve one connection beside the others."""
        # A process that ends in an error does not stop us, and must not wait for clients
        # that keep their connections: so these threads are daemons, and `stop` waits for them.
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._serving = [one for one in self._serving if one.is_alive()]
        self._serving.append(thread)
        thread.start()

    def finish_request(self, request: object, client_address: object) -> None:
        """Serve one connection; the handshake is its own thread's affair."""
        connection = cast("socket.socket", request)
        with contextlib.suppress(OSError):
            if self.context is not None:
                connection = self.context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            # Before the handshake: who never shakes hands must not keep us from stopping.
            with self._lock:
                self._open.add(connection)
            try:
                self._serve(connection, client_address)
            finally:
                with self._lock:
                    self._open.discard(connection)
                connection.close()

    def _serve(self, connection: socket.socket, client_address: object) -> None:
        if self._stopped:
            return
        if isinstance(connection, ssl.SSLSocket):
            connection.do_handshake()
        _Handler(connection, client_address, self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: what broke a connection may quote what came by it."""

    def start(self) -> None:
        """Listen in a thread of its own, until `stop`."""
        self._listening.start()

    def stop(self) -> None:
        """Stop listening, end every connection, and return when all is quiet."""
        if sys.is_finalizing():
            # Nobody has left the block, and our threads are gone: they would never answer.
            return
        self.shutdown()
        with self._lock:
            self._stopped = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in (*self._serving, self._listening):
            thread.join()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "dynsync-emulator"
    sys_version = ""
    # Head and body go out in two pieces: together they would wait for each other.
    disable_nagle_algorithm = True
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride] - never another

    def handle_one_request(self) -> None:
        """Read a request, whatever its method, and answer it."""
        with contextlib.suppress(TimeoutError, ConnectionError, ValueError, ssl.SSLError):
            self.raw_requestline = self.rfile.readline(_LINE + 1)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > _LINE:
                self._refuse_line()
                return
            if not self.parse_request():
                return
            self._serve()
            return
        self.close_connection = True

    def _refuse_line(self) -> None:
        # What is left of it would be read as another request; and who still writes hears nothing.
        while self.rfile.readline(_LINE).strip():
            pass
        self.request_version = self.protocol_version
        self.command, self.close_connection = "", True
        self._send(Reply(414, {"Connection": "close"}, b""), None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing: a URL may hold a person's address."""

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            self.close_connection = True
            self._send(Reply(413, {}, b""), None)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        host = headers.get("host", "")
        scheme = "http" if self.server.context is None else "https"
        base = f"{scheme}://{host}" if host else self.server.base
        call = Call(self.command.upper(), self.path, headers, body, base)
        try:
            reply, trouble = self.server.answer(call)
        except Dropped:
            self._drop()
            return
        self._send(self._squeezed(reply, headers, trouble), trouble)

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST:
            return None
        return self.rfile.read(length) if length else b""

    def _chunks(self) -> bytes | None:
        pieces: list[bytes] = []
        total = 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            total += size
            if total > _MOST:
                return None
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _squeezed(self, reply: Reply, headers: dict[str, str], trouble: Trouble | None) -> Reply:
        asked = "gzip" in headers.get("accept-encoding", "")
        forced = trouble is not None and trouble.kind == "gzip"
        # Neither files nor what carries an encoding already are compressed.
        is_text = reply.headers.get("Content-Type", "").startswith("application/json")
        if not (forced or (asked and is_text and len(reply.body) >= _GZIP_FROM)):
            return reply
        encoded = {**reply.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Reply(reply.status, encoded, gzip.compress(reply.body, 1, mtime=0))

    def _send(self, reply: Reply, trouble: Trouble | None) -> None:
        self.send_response_only(reply.status)
        self.send_header("Server", self.version_string())
        for name, value in reply.headers.items():
            self.send_header(name, value)
        bodiless = reply.status in {204, 304}
        if not bodiless:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if bodiless or self.command == "HEAD":
            return
        kind = None if trouble is None else trouble.kind
        if kind == "half_body":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self._drop()
        elif kind == "slow_drip" and trouble is not None:
            self._drip(reply.body, trouble.seconds)
        else:
            self.wfile.write(reply.body)

    def _drip(self, body: bytes, seconds: float) -> None:
        pieces = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
        for piece in pieces:
            self.server.clock.sleep(seconds / len(pieces))
            self.wfile.write(piece)
            self.wfile.flush()

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
