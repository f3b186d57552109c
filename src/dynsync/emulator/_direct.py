"""The way to an emulator in the same process: what a client sees of one, without a socket."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from dynsync.emulator._emulator import Emulator
from dynsync.emulator._messages import Call, Dropped
from dynsync.transport import Lost, Request, Response

__all__ = ["Direct"]


@attrs.frozen
class Direct:
    """
    A `dynsync.transport.Transport` to *emulator*, for any URL: no socket, no thread.

    Troubles are what a client makes of them: a connection that breaks is `Lost`, and an answer
    that drips in takes its time by the emulator's clock.
    """

    emulator: Emulator

    def send(self, request: Request) -> Response:
        """Return the emulator's answer; raises `Lost` where it does not arrive whole."""
        parts = urlsplit(request.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {name.lower(): value for name, value in request.headers.items()}
        base = f"{parts.scheme}://{parts.netloc}"
        try:
            call = Call(request.method, target, headers, request.body or b"", base)
            reply, trouble = self.emulator.answer(call)
        except Dropped:
            raise Lost("the connection broke") from None
        if trouble is not None and trouble.kind == "half_body":
            raise Lost("the connection broke in the middle of the answer")
        if trouble is not None and trouble.kind == "slow_drip":
            self.emulator.clock.sleep(trouble.seconds)
        named = {name.lower(): value for name, value in reply.headers.items()}
        return Response(reply.status, named, reply.body)
