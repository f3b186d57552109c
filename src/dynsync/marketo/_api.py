"""The requests that Marketo's REST API takes, built; nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import attrs

from dynsync._addresses import trusted
from dynsync.errors import ConfigurationError
from dynsync.transport import Request

__all__ = ["Api"]

_LONGEST: Final = 6_000
"""Longest address, in bytes: at 8 KB Marketo answers 414, and proxies before it earlier."""

_DOMAIN: Final = ".mktorest.com"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON: Final = {"Accept": "application/json"}


@attrs.frozen
class Api:
    """The addresses below *root*, the instance's ``https://123-ABC-456.mktorest.com``."""

    root: str

    @classmethod
    def at(cls, url: str) -> Api:
        """Return the API at *url*, as Marketo's own pages show it, with ``/rest`` or without."""
        parts = trusted(url)
        if parts is None:
            raise ConfigurationError(
                "Marketo's URL is that of the REST API, such as "
                "https://123-ABC-456.mktorest.com; see Admin > Web Services. Without https "
                "anybody on the way could read the token."
            )
        return cls(f"{parts.scheme}://{parts.netloc}")

    @property
    def instance(self) -> str:
        """The Munchkin id, or where it is no host of Marketo's the host and port."""
        place = urlsplit(self.root).netloc.lower()
        return place.removesuffix(_DOMAIN).upper() if place.endswith(_DOMAIN) else place

    def get(self, path: str, asked: Mapping[str, str] | None = None) -> Request:
        """Return the request that reads *path*, by POST where the address would grow long."""
        query = urlencode(asked or {}, quote_via=quote, safe=",:")
        url = f"{self.root}{path}?{query}" if query else f"{self.root}{path}"
        if len(url) <= _LONGEST:
            return Request("GET", url, _JSON)
        return self.ask(path, asked or {})

    def ask(self, path: str, asked: Mapping[str, str]) -> Request:
        """Return the request that reads *path* by POST: no log on the way shows what it asks."""
        body = urlencode(asked).encode()
        return Request("POST", f"{self.root}{path}?_method=GET", {**_JSON, **_FORM}, body)

    def post(self, path: str, said: object = None) -> Request:
        """Return the request that posts *said* as JSON, or nothing."""
        return self.said(path, b"" if said is None else json.dumps(said).encode())

    def said(self, path: str, body: bytes) -> Request:
        """Return the request that posts *body*, which is JSON already."""
        headers = {**_JSON, "Content-Type": "application/json;charset=UTF-8"}
        return Request("POST", f"{self.root}{path}", headers if body else _JSON, body)

    def part(self, path: str, first: int, last: int) -> Request:
        """Return the request that reads the bytes *first* to *last* of the file *path*."""
        return Request("GET", f"{self.root}{path}", {"Range": f"bytes={first}-{last}"})

    def token(self, client_id: str, secret: str) -> Request:
        """Return the request for a token. The secret is in the body: addresses end in logs."""
        said = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
        }
        headers = {**_JSON, **_FORM}
        return Request(
            "POST", f"{self.root}/identity/oauth/token", headers, urlencode(said).encode()
        )
