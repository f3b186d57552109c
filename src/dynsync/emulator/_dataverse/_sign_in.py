"""Microsoft's endpoint for tokens, as far as a service principal needs it."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from typing import Final

from dynsync.emulator._messages import Call, Reply, json_reply
from dynsync.emulator._tokens import Tokens
from dynsync.records import RecordId

__all__ = ["sign_in"]

_TOKEN: Final = re.compile(r"/(?P<tenant>[^/]+)/oauth2/(?:v2\.0/)?token")
_OPENID: Final = re.compile(r"/(?P<tenant>[^/]+)/(?:v2\.0/)?\.well-known/openid-configuration")
_DISCOVERY: Final = "/common/discovery/instance"
_JSON: Final = "application/json; charset=utf-8"


def sign_in(tokens: Tokens[RecordId], call: Call) -> Reply:
    """Return a token, or what is known of the endpoint; 404 for any other URL."""
    if found := _OPENID.fullmatch(call.path):
        return json_reply(_configuration(call.base, found["tenant"]), type=_JSON)
    if call.path == _DISCOVERY:
        return json_reply(_instance(call), type=_JSON)
    if _TOKEN.fullmatch(call.path) and call.method == "POST":
        return _token(tokens, call)
    return Reply(404, {"Content-Type": "text/plain"}, b"404 Not Found")


def _configuration(base: str, tenant: str) -> dict[str, object]:
    return {
        "issuer": f"{base}/{tenant}/v2.0",
        "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
        "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _instance(call: Call) -> dict[str, object]:
    host = urllib.parse.urlsplit(call.base).netloc
    known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    endpoint = f"{call.base}/common/v2.0/.well-known/openid-configuration"
    return {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [known]}


def _token(tokens: Tokens[RecordId], call: Call) -> Reply:
    form = call.form()
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if not secret:
        client, secret = _basic(call) or (client, secret)
    if form.get("grant_type") != "client_credentials":
        message = "AADSTS70003: The app requested an unsupported grant type."
        return _refused("unsupported_grant_type", message, 400)
    if not form.get("scope") and not form.get("resource"):
        message = "AADSTS90014: The required field 'scope' is missing from the credential."
        return _refused("invalid_request", message, 400)
    if client not in tokens.users:
        message = "AADSTS700016: The application was not found in the directory."
        return _refused("unauthorized_client", message, 400)
    given = tokens.give(client, secret)
    if given is None:
        message = "AADSTS7000215: Invalid client secret provided."
        return _refused("invalid_client", message, 401)
    left = tokens.left(given)
    body: dict[str, object] = {
        "token_type": "Bearer",
        "expires_in": left,
        "ext_expires_in": left,
        "access_token": given.text,
    }
    if form.get("resource"):
        # The older endpoint says its numbers as text.
        ends = {"expires_on": str(int(given.ends)), "resource": form["resource"]}
        body |= {"expires_in": str(left), "ext_expires_in": str(left), **ends}
    return json_reply(body, type=_JSON, headers={"Cache-Control": "no-store, no-cache"})


def _basic(call: Call) -> tuple[str, str] | None:
    scheme, _, text = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client, _, secret = base64.b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return urllib.parse.unquote_plus(client), urllib.parse.unquote_plus(secret)


def _refused(error: str, message: str, status: int) -> Reply:
    return json_reply({"error": error, "error_description": message}, status=status, type=_JSON)
