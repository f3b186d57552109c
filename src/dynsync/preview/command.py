"""
``dynsync preview``: what a first sync would do to two exports, without any account.

Its exit codes are those of the other commands (`dynsync.cli.ExitCode`, which this package
does not import): 0 if all is well, 1 if something needs a person, and 2 if a file cannot be
used at all or the command was called wrongly.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import click
from rich.console import Console

from dynsync.maps import default_policy
from dynsync.policies import AuthorityPolicy, manual, prefer
from dynsync.preview._plan import may_be_replaced, plan_file
from dynsync.preview._problems import InputRefused
from dynsync.preview._report import Examples, as_json, show
from dynsync.preview._result import Preview, preview_files
from dynsync.preview._words import Bucket, FieldOutcome, FileRole
from dynsync.records import Side

__all__ = ["ATTENTION", "INTERRUPTED", "USAGE", "preview"]

ATTENTION: Final = 1
"""The exit code where rows or cells cannot be used, or what was found needs a person."""

USAGE: Final = 2
"""The exit code where a file cannot be used at all, or the command was called wrongly."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C or SIGTERM."""

_NEEDY: Final = (Bucket.REFUSED, Bucket.AMBIGUOUS, Bucket.MALFORMED)

_NO_ROOM: Final = "the temporary index cannot be written or read; SQLITE_TMPDIR says where it lies"


_POLICIES: Final[Mapping[str, AuthorityPolicy]] = {
    "default": default_policy(),
    "marketo": prefer(Side.MARKETO),
    "dynamics": prefer(Side.DYNAMICS),
    "manual": manual,
}

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("people", type=_FILE)
@click.argument("contacts", type=_FILE, required=False)
@click.option("--leads", type=_FILE, help="Dynamics' leads, as a CSV file.")
@click.option("--by-email", is_flag=True, help="Match by e-mail, too, where no id is known.")
@click.option(
    "--policy",
    type=click.Choice(list(_POLICIES)),
    default="default",
    show_default=True,
    help="Who wins where both hold different values. By default Marketo for leads and "
    "Dynamics for contacts; an opt-out always stands.",
)
@click.option(
    "--encoding",
    "encodings",
    multiple=True,
    metavar="[FILE=]NAME",
    help="What the files are encoded in, or one of them, as in contacts=cp1252. Excel on "
    "Windows writes cp1252. A byte order mark in a file is believed more.  [default: utf-8]",
)
@click.option(
    "--plan",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what becomes of every row, field by field, to this CSV file.",
)
@click.option("--values", is_flag=True, help="Show field values. They are personal data.")
@click.option("--json", "as_json_", is_flag=True, help="Say it as JSON, for machines.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many examples of each outcome to show.",
)
def preview(
    people: Path,
    contacts: Path | None,
    *,
    leads: Path | None,
    by_email: bool,
    policy: str,
    encodings: tuple[str, ...],
    plan: Path | None,
    values: bool,
    as_json_: bool,
    limit: int,
) -> None:
    """
    Say what a first sync would do with PEOPLE and CONTACTS, and why.

    PEOPLE is an export of Marketo's people, CONTACTS one of Dynamics' contacts; give --leads
    beside it or instead of it. Columns may be headed by their labels or by their API names,
    and only those that both files have take part. Nothing is changed anywhere.

    Ends with 0 if all is well, 1 if some rows or cells could not be used (they are named) or
    something needs a person (refused, ambiguous, left unresolved), 2 if a file cannot be used
    at all or the command was called wrongly.
    """
    files = {FileRole.PEOPLE: people, FileRole.CONTACTS: contacts, FileRole.LEADS: leads}
    given = {role: path for role, path in files.items() if path is not None}
    if plan is not None:
        _check_free(plan, given.values())
    unwritten = plan
    try:
        with (
            _interruptible(),
            _opened(given, encodings, by_email=by_email, policy=_POLICIES[policy]) as found,
        ):
            examples = Examples(limit)
            _go_through(found, examples, plan, values=values)
            unwritten = None
            if as_json_:
                click.echo(json.dumps(as_json(found, examples, values=values), indent=2))
            else:
                console = Console(markup=False, highlight=False, emoji=False)
                show(console, found, examples, values=values)
            if len(found.problems) or _needs_a_person(found):
                raise click.exceptions.Exit(ATTENTION)
    except sqlite3.Error as error:
        raise _Unusable(f"{_NO_ROOM}: {error}") from None
    except KeyboardInterrupt:
        raise _Interrupted(unwritten) from None


@contextmanager
def _interruptible() -> Generator[None]:
    """Take SIGTERM as Ctrl-C inside the block, so that half a plan is cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _opened(
    files: Mapping[FileRole, Path],
    encodings: Sequence[str],
    *,
    by_email: bool,
    policy: AuthorityPolicy,
) -> Preview:
    try:
        return preview_files(
            files[FileRole.PEOPLE],
            files.get(FileRole.CONTACTS),
            files.get(FileRole.LEADS),
            by_email=by_email,
            policy=policy,
            encoding=_encodings(encodings),
        )
    except InputRefused as error:
        raise _Unusable(str(error)) from None


def _check_free(plan: Path, inputs: Iterable[Path]) -> None:
    """Raise a usage error where writing *plan* would destroy something."""
    try:
        input_of_ours = plan.exists() and any(plan.samefile(path) for path in inputs)
        free = may_be_replaced(plan)
    except OSError as error:
        raise _Unusable(f"{plan}: {error.strerror or error}") from None
    if input_of_ours:
        raise click.UsageError("The plan would overwrite one of the exports; name another file.")
    if not free:
        message = f"{plan}: it is there, is no plan, and is not replaced. Name another file"
        raise click.BadParameter(message, param_hint="--plan")


def _needs_a_person(found: Preview) -> bool:
    """Return whether a value is refused, somebody is ambiguous, or a collision is left."""
    left = any(outcome is FieldOutcome.UNRESOLVED for _, _, outcome, _ in found.fields)
    return left or any(map(found.count, _NEEDY))


class _Interrupted(click.ClickException):
    """The end by Ctrl-C or SIGTERM; unlike a run, a preview has nothing that a next one goes on."""

    exit_code = INTERRUPTED

    def __init__(self, unwritten: Path | None) -> None:
        plan = "" if unwritten is None else f", and {unwritten} was not written"
        super().__init__(f"dynsync: stopped; nothing was changed anywhere{plan}.")

    def show(self, file: IO[str] | None = None) -> None:
        """Print the message: it is no error."""
        click.echo(self.message, file=file, err=True)


class _Unusable(click.ClickException):
    """A file that cannot be read, or written, at all."""

    exit_code = USAGE


def _encodings(said: Sequence[str]) -> dict[FileRole, str]:
    """Return the encoding of each file, as *said*: of all, or of the one that is named."""
    found: dict[FileRole, str] = {}
    own: dict[FileRole, str] = {}
    for word in said:
        file, equals, name = word.rpartition("=")
        try:
            "".encode(name)
            roles = [FileRole(file)] if equals else list(FileRole)
        except (LookupError, UnicodeError):
            message = f"{name!r} is no encoding; utf-8 and cp1252 are the usual ones"
            raise click.BadParameter(message, param_hint="--encoding") from None
        except ValueError:
            message = f"{file!r} is none of people, contacts and leads"
            raise click.BadParameter(message, param_hint="--encoding") from None
        (own if equals else found).update(dict.fromkeys(roles, name))
    return found | own


def _go_through(found: Preview, examples: Examples, plan: Path | None, *, values: bool) -> None:
    """Make the one pass that sums, examples and the plan are made from."""
    if plan is None:
        for record in found:
            examples.add(record)
        return
    terms = {held.entity: held for held in found.terms.values()}
    try:
        with plan_file(plan, terms, values=values) as file:
            for record in found:
                examples.add(record)
                file.add(record)
            for role, problem in found.malformed():
                file.add_malformed(role, problem)
    except OSError as error:
        raise _Unusable(f"{plan}: {error.strerror or error}") from None
