"""The command ``dynsync emulate``: both APIs on loopback, until it is stopped."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

import click

from dynsync.cli._demo._stage import FILES
from dynsync.emulator import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORG_TABLES,
    TENANT,
    Emulator,
    MovedClock,
    emulate,
)
from dynsync.sandbox import SandboxDynamics, SandboxMarketo

__all__ = ["emulate_command"]

_PORT: Final = 8600


@click.command("emulate")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=_PORT,
    show_default=True,
    help="The port on 127.0.0.1; 0 picks a free one.",
)
@click.option(
    "--files",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the two systems in this folder; otherwise they are in memory.",
)
@click.option("--tls", is_flag=True, help="Speak HTTPS, with a certificate made for this run.")
@click.option(
    "--authority",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dynsync-emulator.pem"),
    show_default=True,
    help="With --tls: where the certificate goes that clients have to trust.",
)
def emulate_command(port: int, folder: Path | None, authority: Path, *, tls: bool) -> None:
    """
    Serve Marketo's REST API and the Dataverse Web API on loopback.

    Both are pretend systems: any client of the real ones may talk to them. Ctrl-C
    stops it.
    """
    clock = MovedClock()
    with contextlib.ExitStack() as stack:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        first, second = (
            None if folder is None else folder / name for name in (FILES.marketo, FILES.dynamics)
        )
        marketo = stack.enter_context(SandboxMarketo(first, clock=clock))
        dynamics = stack.enter_context(SandboxDynamics(second, clock=clock, tables=ORG_TABLES))
        serving = emulate(
            marketo,
            dynamics,
            clock=clock,
            scheme="https" if tls else "http",
            port=port,
            authority=authority if tls else None,
        )
        emulator = stack.enter_context(serving)
        _say(emulator)
        with _interrupted():
            threading.Event().wait()


def _say(emulator: Emulator) -> None:
    url = emulator.url
    lines = [
        ("Marketo", f"{url}/rest, {url}/bulk"),
        ("its tokens", f"{url}/identity/oauth/token"),
        ("Dataverse", f"{url}/api/data/v9.2"),
        ("its tokens", f"{url}/{TENANT}/oauth2/v2.0/token"),
        ("client id", CLIENT_ID),
        ("secret", CLIENT_SECRET),
        ("look inside", f"{url}/_emulator/"),
    ]
    if emulator.authority is not None:
        lines.append(("to trust", str(emulator.authority)))
    for name, value in lines:
        click.echo(f"{name:<12} {value}")
    click.echo("Ctrl-C stops it.", err=True)


@contextlib.contextmanager
def _interrupted() -> Generator[None]:
    """Leave the block on Ctrl-C or SIGTERM: that is how this command ends well."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
