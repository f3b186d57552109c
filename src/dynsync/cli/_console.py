"""
How things look: tables on stdout, ages and times in words. Nothing here decides anything.

Markup is off everywhere: what systems say is text, and a bracket in it is a bracket.
"""

from __future__ import annotations

import csv
import datetime as dt
import errno
import json
import os
import re
import stat
import sys
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO, cast

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dynsync.preview.wording import safe_cell
from dynsync.records import Wire

__all__ = [
    "age",
    "data_out",
    "error_console",
    "minute",
    "moment",
    "numbered",
    "out_console",
    "private_file",
    "say",
    "say_json",
    "show_table",
    "shown",
    "tell",
    "tick",
    "write_csv",
]


def say(text: str) -> None:
    """Say *text* to the person who watches: a line on stderr, of which a terminal obeys nothing."""
    click.echo(plain(text), err=True)


def tell(text: str) -> None:
    """Print *text*, of which a terminal obeys nothing, to stdout."""
    click.echo(plain(text))


def data_out() -> TextIO:
    """Return stdout for data, which are not to be lost without a word where it is closed."""
    out = cast("TextIO | None", sys.stdout)
    if out is None:
        raise OSError(errno.EBADF, "stdout is closed")
    return out


def out_console() -> Console:
    """Return a console on what is stdout now."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


def error_console() -> Console:
    """Return a console on what is stderr now."""
    return Console(file=sys.stderr, markup=False, highlight=False, emoji=False)


def show_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    whole: Collection[str] = (),
    console: Console | None = None,
) -> None:
    """
    Print a table; long cells go on in the next line, so that nothing is cut off.

    Those under the heads *whole* stay in one line. What is read by another program, or is put
    into a file, is as wide as it needs to be, unless the environment has COLUMNS.
    """
    table = Table(box=box.SIMPLE, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head in whole)
    for row in rows:
        table.add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in row))
    target = console or _table_console()
    with target.capture() as captured:
        if title:
            target.print(Text(plain(title), style="bold"), soft_wrap=True)
        target.print(table)
    lines = captured.get().splitlines()
    # On a terminal, a line may end in what ends a style.
    text = "\n".join(lines if target.is_terminal else [line.rstrip() for line in lines])
    target.file.write(f"{text}\n")


_WIDEST: Final = 100_000


def _table_console() -> Console:
    console = out_console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _WIDEST
    return console


def plain(text: str) -> str:
    """Return *text* without anything that a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def shown(value: Wire) -> str:
    """Return a wire value for people."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(str(value))


def tick(console: Console, *, true: bool) -> str:
    """Return a mark for what holds, or does not, that *console* can show."""
    if console.options.ascii_only:
        return "ok:" if true else "FALSE:"
    return "✓" if true else "✗"


@contextmanager
def private_file(path: Path, option: str) -> Generator[TextIO]:
    """
    Open *path*, which *option* named, for writing: a file that only its owner may read.

    Pipes and devices stay whose they are.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        message = f"{path}: it cannot be written ({error.strerror})"
        raise click.BadParameter(message, param_hint=option) from None
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(handle).st_mode):
            os.fchmod(handle, 0o600)
        yield file


def write_csv(file: TextIO, heads: Sequence[str], rows: Iterable[Sequence[Wire]]) -> None:
    """Write a table in which a spreadsheet finds no formula."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    told = plain if file.isatty() else str
    for row in rows:
        writer.writerow([safe_cell(told(cell)) if isinstance(cell, str) else cell for cell in row])


def say_json(value: object) -> None:
    """Print *value* to stdout."""
    data_out()
    said = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo(_UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", said))


_UNESCAPED: Final = re.compile(r"[\x7f-\x9f]")
"""What JSON leaves as it is, and a terminal may obey."""


def moment(at: float | dt.datetime | None) -> str:
    """Return a point in time for people and programs, in UTC to the second."""
    if at is None:
        return "never"
    when = dt.datetime.fromtimestamp(at, dt.UTC) if isinstance(at, float | int) else at
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minute(at: float | str) -> str:
    """Return a point in time, or what `moment` says of one, as tables show it: to the minute."""
    said = at if isinstance(at, str) else moment(at)
    return f"{said[:16]}Z".replace("T", " ")


def numbered(count: int, thing: str) -> str:
    """Return how many of *thing* there are: "1 record", "2 records"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def age(seconds: float) -> str:
    """Return a span of time in its two largest units."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
