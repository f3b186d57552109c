"""One server for both APIs over two sandbox systems, and the side door beside them."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import traceback
from collections.abc import Generator
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.connectors import Clock
from dynsync.emulator._admin import Admin
from dynsync.emulator._clock import Movable
from dynsync.emulator._dataverse import DataverseApi, DataverseState
from dynsync.emulator._marketo import MarketoApi, MarketoState
from dynsync.emulator._messages import Call, Dropped, Reply, json_reply
from dynsync.emulator._org import ORG_TABLES
from dynsync.emulator._server import Answered, Server
from dynsync.emulator._tls import Certificate, certificate
from dynsync.emulator._tokens import Tokens
from dynsync.emulator._troubles import Trouble, Troubles
from dynsync.errors import ConfigurationError
from dynsync.records import RecordId
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.sandbox._dynamics_tables import SYNC_USER

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "TENANT", "Emulator", "Scheme", "emulate"]

CLIENT_ID: Final = "11111111-2222-4333-8444-555555555555"
"""The client id that both APIs know."""

CLIENT_SECRET: Final = "loopback-only"  # noqa: S105 - it opens nothing but this
"""Its secret."""

TENANT: Final = "99999999-8888-4777-8666-555555555555"
"""A tenant for the URL of Microsoft's tokens; any other will do."""

Scheme: TypeAlias = Literal["http", "https"]

_HTML: Final = b"<!DOCTYPE html><html><body><h1>Please sign in to the proxy</h1></body></html>"
_ADMIN: Final = "/_emulator"


class Emulator:
    """
    Both APIs over *marketo* and *dynamics*.

    `emulate` starts one. *troubles* say what goes wrong between it and its clients; what
    goes wrong inside the systems is planned in their own ``faults``. *marketo_api* and
    *dataverse_api* hold what the APIs remember: tokens, jobs, usage.
    """

    def __init__(self, marketo: SandboxMarketo, dynamics: SandboxDynamics, clock: Movable) -> None:
        self.marketo = marketo
        self.dynamics = dynamics
        self.clock = clock
        self.troubles = Troubles()
        people: dict[str, tuple[str, str]] = {CLIENT_ID: (CLIENT_SECRET, "sync")}
        users: dict[str, tuple[str, RecordId]] = {CLIENT_ID: (CLIENT_SECRET, SYNC_USER)}
        self.marketo_api = MarketoState(marketo, Tokens(clock, people, "marketo"))
        self.dataverse_api = DataverseState(dynamics, Tokens(clock, users, "dataverse"))
        self.authority: Path | None = None
        self._marketo = MarketoApi(self.marketo_api)
        self._dataverse = DataverseApi(self.dataverse_api)
        self._admin = Admin(marketo, dynamics, clock, self.troubles)
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where both APIs are, without a slash at the end."""
        if self._server is None:
            raise RuntimeError("the emulator is not running")
        return self._server.base

    @contextlib.contextmanager
    def serving(
        self, host: str, port: int, proof: Certificate | None = None
    ) -> Generator[Emulator]:
        """Serve until the end of the block; *port* 0 picks a free one."""
        context = None if proof is None else proof.context
        try:
            server = Server((host, port), self.answer, self.clock, context)
        except OSError as error:
            raise ConfigurationError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Choose another port."
            ) from None
        self._server = server
        self.authority = None if proof is None else proof.authority
        server.start()
        try:
            yield self
        finally:
            server.stop()
            self._server = None

    def answer(self, call: Call) -> Answered:
        """
        Return the answer to *call* and what goes wrong with it; raises `Dropped`.

        Its date is by the clock of the system that answers: clients judge their own by it.
        """
        if call.path.startswith(_ADMIN):
            return self._dated(self._admin.answer(call), self.clock), None
        clock = (self.marketo if _to_marketo(call) else self.dynamics).clock
        reply, trouble = self._troubled(call)
        return self._dated(reply, clock), trouble

    @staticmethod
    def _dated(reply: Reply, clock: Clock) -> Reply:
        date = format_datetime(clock.now(), usegmt=True)
        return attrs.evolve(reply, headers={"Date": date, **reply.headers})

    def _troubled(self, call: Call) -> Answered:
        # A long question comes to Marketo as a POST: it is a reading all the same.
        method = call.verb() if _to_marketo(call) else call.method
        trouble = self.troubles.meet(method, call.path)
        early = None if trouble is None else self._before(call, trouble)
        reply = self._api(call) if early is None else early
        if trouble is not None and trouble.kind == "dropped_after":
            raise Dropped
        if trouble is not None and trouble.kind == "gateway_after":
            reply = _gateway()
        return reply, trouble

    def _api(self, call: Call) -> Reply:
        try:
            return self._marketo.answer(call) if _to_marketo(call) else self._dataverse.answer(call)
        except Dropped:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours must look like theirs
            return _mistake(call, error)

    def _before(self, call: Call, trouble: Trouble) -> Reply | None:
        marketo = _to_marketo(call)
        match trouble.kind:
            case "dropped_before":
                raise Dropped
            case "gateway_before":
                return _gateway()
            case "html":
                return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, _HTML)
            case "token_lost":
                tokens = self.marketo_api.tokens if marketo else self.dataverse_api.tokens
                tokens.revoke()
                return None
            case "throttled":
                return _throttled() if marketo else self._dataverse.busy(trouble.seconds)
            case "cursor_expired":
                return None if marketo else self._dataverse.expired()
            case _:
                return None


def _to_marketo(call: Call) -> bool:
    return call.path.startswith(("/rest/", "/bulk/", "/identity/"))


def _mistake(call: Call, error: Exception) -> Reply:
    """Return what a server says that fails: where it was, but no message, which may hold values."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    message = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
    if _to_marketo(call):
        errors = [{"code": "611", "message": f"System error: {message}"}]
        return json_reply({"requestId": "0#0", "success": False, "errors": errors})
    return json_reply({"error": {"code": "0x80040216", "message": message}}, status=500)


def _throttled() -> Reply:
    message = "Max rate limit '100' exceeded with in '20' secs"
    said = {"code": "606", "message": message}
    return json_reply({"requestId": "0#0", "success": False, "errors": [said]})


def _loopback(host: str) -> bool:
    # Everybody knows the secret: it must open nothing to anybody else.
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _gateway() -> Reply:
    body = b"<html><head><title>504 Gateway Time-out</title></head></html>"
    return Reply(504, {"Content-Type": "text/html"}, body)


@contextlib.contextmanager
def emulate(
    marketo: SandboxMarketo | None = None,
    dynamics: SandboxDynamics | None = None,
    *,
    clock: Movable | None = None,
    scheme: Scheme = "http",
    host: str = "127.0.0.1",
    port: int = 0,
    authority: str | os.PathLike[str] | None = None,
) -> Generator[Emulator]:
    """
    Serve both APIs until the end of the block.

    Systems that are not given are made, empty and in memory, the org with `ORG_TABLES`, and
    closed in the end; the *clock* is theirs, a `SandboxClock` unless one is given. Port 0
    picks a free one. With the *scheme* ``https`` the certificate of the authority to trust
    is in the file *authority*, or, if none is given, in the file that `Emulator.authority`
    names. Raises `ConfigurationError` for a *host* that is not loopback, and for a port that
    is taken.
    """
    if not _loopback(host):
        raise ConfigurationError(f"{host} is no address of this machine alone: use 127.0.0.1")
    with contextlib.ExitStack() as stack:
        time = SandboxClock() if clock is None else clock
        if marketo is None:
            marketo = stack.enter_context(SandboxMarketo(clock=time))
        if dynamics is None:
            dynamics = stack.enter_context(SandboxDynamics(clock=time, tables=ORG_TABLES))
        proof: Certificate | None = None
        if scheme == "https":
            proof = stack.enter_context(certificate(host, authority))
        emulator = Emulator(marketo, dynamics, time)
        yield stack.enter_context(emulator.serving(host, port, proof))
