"""Talking to an emulator as anybody would: an HTTP client, a base URL, a token."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Generator

import httpx

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Emulator

__all__ = ["API", "marketo_client", "org_client", "plain_client"]

API = "/api/data/v9.2/"


def plain_client(emulator: Emulator) -> httpx.Client:
    """Return a client without a token, that trusts the emulator."""
    trusted = None
    if emulator.authority is not None:
        trusted = ssl.create_default_context(cafile=emulator.authority)
    return httpx.Client(base_url=emulator.url, trust_env=False, timeout=30, verify=trusted or False)


@contextlib.contextmanager
def marketo_client(emulator: Emulator) -> Generator[httpx.Client]:
    """Yield a client with a token of Marketo's."""
    params = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    with plain_client(emulator) as client:
        said = client.get("/identity/oauth/token", params=params).json()
        client.headers["Authorization"] = f"Bearer {said['access_token']}"
        yield client


@contextlib.contextmanager
def org_client(emulator: Emulator) -> Generator[httpx.Client]:
    """Yield a client with a token of Microsoft's."""
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scope": f"{emulator.url}/.default",
    }
    with plain_client(emulator) as client:
        said = client.post(f"/{TENANT}/oauth2/v2.0/token", data=form).json()
        client.headers["Authorization"] = f"Bearer {said['access_token']}"
        yield client
