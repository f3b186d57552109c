"""What the pretend Dataverse's Web API answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dynsync.emulator._dataverse._errors import ODATA
from dynsync.emulator._messages import Reply, json_reply

__all__ = ["nothing", "odata"]

_VERSION = {"OData-Version": "4.0"}


def odata(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return *body* as JSON."""
    return json_reply(body, status=status, type=ODATA, headers={**_VERSION, **(headers or {})})


def nothing(headers: Mapping[str, str] | None = None, *, status: int = 204) -> Reply:
    """Return an answer without a body."""
    return Reply(status, {**_VERSION, **(headers or {})})
