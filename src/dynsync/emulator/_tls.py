"""A certificate for loopback, made anew every time, and the authority that vouches for it."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Generator
from pathlib import Path

import attrs

from dynsync.errors import ConfigurationError

__all__ = ["Certificate", "certificate"]


@attrs.frozen
class Certificate:
    """What the server proves itself with, and the *authority* file that clients trust."""

    context: ssl.SSLContext
    authority: Path


@contextlib.contextmanager
def certificate(host: str, authority: str | os.PathLike[str] | None) -> Generator[Certificate]:
    """
    Yield a certificate for *host* and localhost.

    The authority's own is written to the file *authority*, or to a temporary one that is
    gone in the end. Nobody keeps the authority's key: it can vouch for nothing else.
    """
    try:
        import trustme  # noqa: PLC0415 - only TLS needs it
    except ImportError:
        raise ConfigurationError(
            "TLS needs a package more. Install it: pip install 'dynsync[emulator]'"
        ) from None
    ours = trustme.CA(organization_name="dynsync emulator")
    leaf = ours.issue_cert(*dict.fromkeys((host, "localhost", "127.0.0.1")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's is untyped
    if authority is not None:
        path = Path(authority)
        ours.cert_pem.write_to_path(path)
        yield Certificate(context, path)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ca.pem"
        ours.cert_pem.write_to_path(path)
        yield Certificate(context, path)
