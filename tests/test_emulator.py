"""The emulator as a whole: what goes wrong on the way, the side door, TLS, files, the command."""

from __future__ import annotations

import contextlib
import gzip
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from dynsync.emulator import Emulator, MovedClock, Scheme, Trouble, emulate
from dynsync.errors import ConfigurationError
from dynsync.sandbox import SandboxClock, SandboxDynamics, SandboxMarketo
from emulator_clients import API, marketo_client, org_client, plain_client

DESCRIBE = "/rest/v1/leads/describe.json"
LEADS = "/rest/v1/leads.json"
SCHEMES: Final[tuple[Scheme, ...]] = ("http", "https")
ROW = {"input": [{"email": "a@example.com"}]}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator of one test."""
    with emulate() as running:
        yield running


@pytest.fixture
def marketo(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client of Marketo's."""
    with marketo_client(emulator) as client:
        yield client


@pytest.fixture
def org(emulator: Emulator) -> Iterator[httpx.Client]:
    """A client of Dataverse's."""
    with org_client(emulator) as client:
        yield client


# -- troubles


@pytest.mark.parametrize(
    ("kind", "applied"), [("dropped_before", 0), ("dropped_after", 1), ("half_body", 1)]
)
def test_connection_breaks(
    emulator: Emulator, marketo: httpx.Client, kind: str, applied: int
) -> None:
    """Before or after the write is applied, or in the middle of the answer."""
    with plain_client(emulator) as door:
        door.post("/_emulator/trouble", json={"kind": kind, "method": "POST", "path": "leads"})
    with pytest.raises(httpx.TransportError):
        marketo.post(LEADS, json=ROW)

    assert applied == emulator.marketo.count()
    assert marketo.get(DESCRIBE).json()["success"]


@pytest.mark.parametrize(
    ("trouble", "applied"), [(Trouble("gateway_before"), 0), (Trouble("gateway_after"), 1)]
)
def test_gateway_gives_up(
    emulator: Emulator, marketo: httpx.Client, trouble: Trouble, applied: int
) -> None:
    """504 and a page, whether the write was applied or not."""
    emulator.troubles.hook = lambda method, _: trouble if method == "POST" else None
    answer = marketo.post(LEADS, json=ROW)

    assert (504, applied) == (answer.status_code, emulator.marketo.count())
    assert "html" in answer.headers["Content-Type"]


def test_proxy_answers_in_our_place(emulator: Emulator, marketo: httpx.Client) -> None:
    """A page with 200, and nothing was applied."""
    emulator.troubles.plan(Trouble("html"))
    answer = marketo.post(LEADS, json=ROW)

    assert (200, 0) == (answer.status_code, emulator.marketo.count())
    assert answer.text.startswith("<!DOCTYPE html>")


def test_storm_of_throttling(emulator: Emulator, marketo: httpx.Client, org: httpx.Client) -> None:
    """Each API says in its own way that a call came too fast, as often as was planned."""
    emulator.troubles.plan(Trouble("throttled", seconds=7), times=3)
    answers = [org.get(f"{API}WhoAmI") for _ in range(2)]

    assert [(429, "7")] * 2 == [(each.status_code, each.headers["Retry-After"]) for each in answers]
    assert "606" == marketo.get(DESCRIBE).json()["errors"][0]["code"]
    assert 200 == org.get(f"{API}WhoAmI").status_code


def test_what_is_read_by_a_post_is_read(emulator: Emulator, marketo: httpx.Client) -> None:
    """A long question is a POST that stands for a GET: trouble with writes passes it by."""
    emulator.troubles.plan(Trouble("token_lost"), method="POST", path="leads")
    asked = {"filterType": "email", "filterValues": "a@example.com"}
    answers = [
        marketo.post(LEADS, params={"_method": "get"}, data=asked),
        marketo.post(LEADS, data={"_method": "GET", **asked}),
        marketo.post(LEADS, json=ROW),
    ]

    assert [True, True, False] == [answer.json()["success"] for answer in answers]
    assert (2, 1) == tuple(emulator.troubles.seen[f"{word} {LEADS}"] for word in ("GET", "POST"))


def test_token_is_lost_in_the_middle(
    emulator: Emulator, marketo: httpx.Client, org: httpx.Client
) -> None:
    """601 and 401, until there is another token."""
    emulator.troubles.plan(Trouble("token_lost"), path="/rest/")
    emulator.troubles.plan(Trouble("token_lost"), path="/api/data/")

    assert "601" == marketo.get(DESCRIBE).json()["errors"][0]["code"]
    assert 401 == org.get(f"{API}WhoAmI").status_code
    with marketo_client(emulator) as fresh:
        assert fresh.get(DESCRIBE).json()["success"]


def test_cursor_is_too_old(emulator: Emulator, org: httpx.Client) -> None:
    """The next request with a delta token is told to start anew."""
    emulator.troubles.plan(Trouble("cursor_expired"), path="leads")
    answer = org.get(f"{API}leads?$deltatoken=1")

    assert "0x80044352" == answer.json()["error"]["code"]


def test_answer_drips_in(emulator: Emulator, marketo: httpx.Client) -> None:
    """The whole answer comes, and the emulator's clock has moved on."""
    before = emulator.clock.now()
    emulator.troubles.plan(Trouble("slow_drip", seconds=120))

    assert marketo.get(DESCRIBE).json()["success"]
    assert 119 < (emulator.clock.now() - before).total_seconds() < 121


def test_answer_is_compressed_where_it_is_asked_for(
    emulator: Emulator, marketo: httpx.Client
) -> None:
    """A large one where the client takes it, and a small one where a test wants it."""
    plain = {"Accept-Encoding": "identity"}
    usage = "/rest/v1/stats/usage.json"
    assert "gzip" == marketo.get(DESCRIBE).headers["Content-Encoding"]
    assert "Content-Encoding" not in marketo.get(usage).headers
    assert "Content-Encoding" not in marketo.get(DESCRIBE, headers=plain).headers

    emulator.troubles.plan(Trouble("gzip"))
    with marketo.stream("GET", usage, headers=plain) as answer:
        data = b"".join(answer.iter_raw())
    assert b'"success":true' in gzip.decompress(data)


def test_mistake_of_ours_is_an_answer(
    emulator: Emulator, marketo: httpx.Client, org: httpx.Client
) -> None:
    """A failure that nobody foresaw looks like a server's, says where, and quotes nothing."""
    emulator.marketo.close()
    emulator.dynamics.close()

    first, second = marketo.get(DESCRIBE).json(), org.get(f"{API}leads")
    assert "611" == first["errors"][0]["code"]
    assert (500, "0x80040216") == (second.status_code, second.json()["error"]["code"])
    assert second.json()["error"]["message"].startswith("ProgrammingError at _dynamics_store.py:")


# -- the side door


def test_side_door_moves_the_clock(emulator: Emulator) -> None:
    """A client in any language can let time pass."""
    with plain_client(emulator) as door:
        before = door.get("/_emulator/state").json()["now"]
        after = door.post("/_emulator/clock", json={"advance": 300}).json()["now"]
        page = door.get("/_emulator/")

    assert ("2026-01-05T09:00:00+00:00", "2026-01-05T09:05:00+00:00") == (before, after)
    assert "dynsync emulate" in page.text
    assert "Mon, 05 Jan 2026 09:05:00 GMT" == page.headers["Date"]


def test_side_door_shows_records_and_calls(
    emulator: Emulator, marketo: httpx.Client, org: httpx.Client
) -> None:
    """What the systems hold, and what was asked, without the ids in the addresses."""
    marketo.post(LEADS, json=ROW)
    key = org.post(f"{API}leads", json={"lastname": "Lee"}).headers["OData-EntityId"][-37:-1]
    org.get(f"{API}leads({key})")
    with plain_client(emulator) as door:
        state = door.get("/_emulator/state").json()
        person = door.get("/_emulator/marketo/1").json()
        row = door.get(f"/_emulator/dynamics/lead/{key}").json()
        paths = ("marketo/2", "marketo/x", f"dynamics/no/{key}", "dynamics/lead/x", "nonsense")
        nowhere = [door.get(f"/_emulator/{path}") for path in paths]

    assert (1, 1) == (state["marketo"]["people"], state["dynamics"]["rows"]["lead"])
    assert 1 == state["requests"][f"GET {API}leads{{}}"]
    assert ("a@example.com", "Lee") == (person["email"], row["lastname"])
    assert {404} == {answer.status_code for answer in nowhere}


def test_side_door_plans_faults_and_forgets_them(emulator: Emulator, marketo: httpx.Client) -> None:
    """A fault of a system, by its operation; what is planned can be taken back."""
    fault = {"side": "marketo", "operation": "describe", "kind": "down", "times": 2}
    with plain_client(emulator) as door:
        door.post("/_emulator/fault", json=fault)
        first = marketo.get(DESCRIBE).json()
        door.post("/_emulator/clear")
        second = marketo.get(DESCRIBE).json()

    assert ("608", True) == (first["errors"][0]["code"], second["success"])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("trouble", {"kind": "nonsense"}),
        ("trouble", {"kind": "html", "path": "("}),
        ("fault", {"kind": "nonsense", "side": "marketo"}),
        ("fault", {"kind": "down", "side": "nonsense"}),
        ("clock", {"advance": "long"}),
        ("clock", {"advance": -1}),
        ("clock", {"advance": 1e300}),
        ("clock", {"advance": 10**12}),
        ("fault", {"kind": "down", "side": "marketo", "times": 10**9}),
    ],
)
def test_side_door_says_what_it_does_not_take(
    emulator: Emulator, path: str, said: dict[str, object]
) -> None:
    """A wrong word is an error that names the right ones."""
    with plain_client(emulator) as door:
        answer = door.post(f"/_emulator/{path}", json=said)

    assert 400 == answer.status_code
    assert answer.json()["error"]


# -- the server


def test_address_without_an_end_is_told(marketo: httpx.Client) -> None:
    """An answer comes, however long the address is, and others are answered after it."""
    for length in (10_000, 65_520):
        assert 414 == marketo.get(LEADS, params={"filterValues": "a" * length}).status_code
    assert marketo.get(DESCRIBE).json()["success"]


def test_chunked_body_is_taken(emulator: Emulator, marketo: httpx.Client) -> None:
    """A body without a length comes in chunks."""
    pieces = iter([b'{"input":[{"email":', b'"a@example.com"}]}'])
    marketo.post(LEADS, content=pieces, headers={"Content-Type": "application/json"})

    assert 1 == emulator.marketo.count()


def test_clients_of_both_kinds_are_trusted_over_tls() -> None:
    """With the authority's certificate; without it there is no connection."""
    with emulate(scheme="https") as emulator:
        with marketo_client(emulator) as client:
            assert client.get(DESCRIBE).json()["success"]
        with (
            httpx.Client(base_url=emulator.url, trust_env=False) as stranger,
            pytest.raises(httpx.ConnectError),
        ):
            stranger.get("/_emulator/state")
        url, authority = emulator.url, emulator.authority
    assert authority is not None
    assert url.startswith("https://127.0.0.1:")
    assert not authority.exists()


def test_emulator_is_gone_after_its_block() -> None:
    """It stops by itself, connections that are still open and all; its URL is no more."""
    with emulate() as emulator, plain_client(emulator) as client:
        client.get("/_emulator/state")
    with pytest.raises(RuntimeError, match="not running"):
        _ = emulator.url


@pytest.mark.parametrize("scheme", SCHEMES)
def test_silent_client_does_not_keep_it_from_stopping(scheme: Scheme) -> None:
    """Who connects and says nothing, not even hello, is let go of in the end."""
    with socket.socket() as silent:
        with emulate(scheme=scheme) as emulator:
            silent.connect(("127.0.0.1", httpx.URL(emulator.url).port))
            with plain_client(emulator) as other:
                assert 200 == other.get("/_emulator/state").status_code
        silent.settimeout(30)
        with contextlib.suppress(ConnectionError):
            assert b"" == silent.recv(1)


_ABANDONED: Final = """
import socket
from urllib.parse import urlsplit
from dynsync.emulator import emulate
running = emulate()
parts = urlsplit(running.__enter__().url)
client = socket.create_connection((parts.hostname, parts.port))
client.sendall(b"GET /_emulator/state HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
client.recv(1)
raise SystemExit(3)
"""


def test_process_ends_though_the_emulator_was_not_stopped() -> None:
    """One that fails in the middle of its block waits for no client that stays."""
    command = [sys.executable, "-c", _ABANDONED]

    assert 3 == subprocess.run(command, check=False, timeout=60).returncode  # noqa: S603 - our own command


def test_custom_activity_types_and_keys_are_kept_in_the_files(tmp_path: Path) -> None:
    """What a client made is there when the emulator starts again on the same files."""
    clock = SandboxClock()
    made = {
        "apiName": "log",
        "name": "Log",
        "triggerName": "t",
        "filterName": "f",
        "primaryAttribute": {"apiName": "key", "name": "Key"},
    }
    for start in range(2):
        with (
            SandboxMarketo(tmp_path / "m", clock=clock) as marketo,
            SandboxDynamics(tmp_path / "d", clock=clock) as dynamics,
            emulate(marketo, dynamics, clock=clock) as emulator,
            marketo_client(emulator) as client,
        ):
            if start == 0:
                client.post("/rest/v1/activities/external/type.json", json=made)
                dynamics.add_key("lead", "topic", "subject")
            types = client.get("/rest/v1/activities/external/types.json").json()["result"]
            assert ["log"] == [each["apiName"] for each in types]
            with dynamics.store.reading():
                assert {"topic": ("subject",)} == dynamics.store.table("lead").keys


def test_moved_clock_goes_on_and_never_back() -> None:
    """The clock of the command runs with the wall, ahead of it by what was asked for."""
    clock = MovedClock()
    before = clock.now()
    clock.advance(3_600)

    assert (clock.now() - before).total_seconds() >= 3_600
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_port_that_is_taken_is_told(emulator: Emulator) -> None:
    """The message names the port and the next step."""
    port = httpx.URL(emulator.url).port
    assert port is not None
    with pytest.raises(ConfigurationError, match=f":{port} .*another port"), emulate(port=port):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])  # noqa: S104 - refused
def test_other_machines_are_kept_out(host: str) -> None:
    """Only this machine may talk to an emulator."""
    with pytest.raises(ConfigurationError, match="alone"), emulate(host=host):
        pass


def test_tls_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain HTTP needs nothing; TLS says what it needs."""
    monkeypatch.setitem(sys.modules, "trustme", None)

    with pytest.raises(ConfigurationError, match="emulator"), emulate(scheme="https"):
        pass


def test_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """It says where it is and how to sign in, and ends well when it is told to."""
    command = [sys.executable, "-m", "dynsync", "emulate", "--port", "0", "--files", "systems"]
    with subprocess.Popen(  # noqa: S603 - ourselves
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(7)]
        found = re.search(r"http://127\.0\.0\.1:\d+", lines[0])
        assert found is not None
        state = httpx.get(f"{found.group()}/_emulator/state", trust_env=False).json()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)

    assert 0 == state["marketo"]["people"]
    assert 0 == process.returncode
    assert (tmp_path / "systems" / "marketo.sandbox").is_file()
