"""
Connectors to the real systems, for a configuration to name. Needs the extra ``dynsync[http]``.

::

    [marketo]
    connector = "dynsync.cli.http:marketo"
    [marketo.options]
    url = "https://123-ABC-456.mktorest.com"
    client_id = "…"
    client_secret = { env = "MARKETO_SECRET" }

Whoever wants more than these options writes ten lines of his own: they are all there is here.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import attrs

from dynsync.dynamics import ClientSecret, DataverseConnector, Duplicates, DynamicsOptions
from dynsync.http import HttpxTransport
from dynsync.limiting import Limiter
from dynsync.marketo import (
    PACE,
    CustomService,
    FullRead,
    MarketoOptions,
    MarketoRestConnector,
)
from dynsync.records import Side
from dynsync.schedule import SystemClock

__all__ = ["dynamics", "marketo"]

_MICROSOFT: Final = "https://login.microsoftonline.com"


def marketo(
    *,
    url: str,
    client_id: str,
    client_secret: str,
    began: dt.date | None = None,
    full: FullRead = "bulk",
    day: int | None = None,
    share: float = 1.0,
) -> MarketoRestConnector:
    """
    Return a connector to the instance at *url*; closing it ends its connections.

    The sync takes no more than its *share* of the calls that the subscription has in a *day*.
    *began* and *full* are those of `MarketoOptions`.
    """
    line = HttpxTransport()
    return _Marketo(
        url,
        transport=line,
        credentials=CustomService(client_id=client_id, secret=client_secret),
        limiter=Limiter(Side.MARKETO, attrs.evolve(PACE, day=day, share=share), SystemClock()),
        options=MarketoOptions(began=began, full=full),
    ).over(line)


def dynamics(
    *,
    url: str,
    tenant: str,
    client_id: str,
    client_secret: str,
    authority: str = _MICROSOFT,
    duplicates: Duplicates = "ignore",
) -> DataverseConnector:
    """
    Return a connector to the organisation at *url*; closing it ends its connections.

    *tenant*, *client_id* and *authority* are those of `ClientSecret`, *duplicates* that of
    `DynamicsOptions`.
    """
    credentials = ClientSecret(
        tenant=tenant, client_id=client_id, secret=client_secret, authority=authority
    )
    line = HttpxTransport()
    return _Dynamics(
        url,
        transport=line,
        credentials=credentials,
        options=DynamicsOptions(duplicates=duplicates),
    ).over(line)


class _Marketo(MarketoRestConnector):
    """One that has its connections to itself."""

    def over(self, wire: HttpxTransport) -> MarketoRestConnector:
        """Return the connector, which hangs up when it is closed."""
        self._wire = wire
        return self

    def close(self) -> None:
        """End what runs in the background, and the connections."""
        super().close()
        self._limiter.close()
        self._wire.close()


class _Dynamics(DataverseConnector):
    """One that has its connections to itself."""

    def over(self, wire: HttpxTransport) -> DataverseConnector:
        """Return the connector, which hangs up when it is closed."""
        self._wire = wire
        return self

    def close(self) -> None:
        """End what runs in the background, and the connections."""
        super().close()
        self._wire.close()
