"""
``dynsync preview``: what a first sync would do to two exports, without any account.

It ends with 0 if every row and cell of the files could be used, with 3 if some could not
(they are named, and the rest is reported), with 1 if a file cannot be used at all, and with
2 if it was called wrongly.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from dynsync.maps import CONSENT_FIELDS, default_policy
from dynsync.policies import AuthorityPolicy, by_field, manual, opt_out, prefer
from dynsync.preview._plan import PlanFile
from dynsync.preview._problems import InputRefused
from dynsync.preview._report import Examples, as_json, show
from dynsync.preview._result import Preview, preview_files
from dynsync.records import Side

__all__ = ["INPUT_PROBLEMS", "preview"]

INPUT_PROBLEMS: Final = 3
"""The exit code where something was wrong with rows or cells of the files."""


_NO_ROOM: Final = "the temporary index cannot be written; SQLITE_TMPDIR says where it lies"


def _consenting(policy: AuthorityPolicy) -> AuthorityPolicy:
    """Return *policy*, but that an opt-out stands whoever has authority (A17)."""
    return by_field(dict.fromkeys(CONSENT_FIELDS, opt_out(policy)), default=policy)


_POLICIES: Final[Mapping[str, AuthorityPolicy]] = {
    "default": default_policy(),
    "marketo": _consenting(prefer(Side.MARKETO)),
    "dynamics": _consenting(prefer(Side.DYNAMICS)),
    "manual": manual,
}

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
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
    "Dynamics for contacts; an opt-out always stands, except with 'manual'.",
)
@click.option("--plan", type=click.Path(dir_okay=False, path_type=Path), help="Write all of it.")
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

    Ends with 0 if all of the files could be used, 3 if some rows or cells could not (they
    are named), 1 if a file cannot be used at all, 2 if it was called wrongly.
    """
    inputs = [path for path in (people, contacts, leads) if path is not None]
    if plan is not None and plan.exists() and any(plan.samefile(path) for path in inputs):
        raise click.UsageError("The plan would overwrite one of the exports; name another file.")
    try:
        found = preview_files(people, contacts, leads, by_email=by_email, policy=_POLICIES[policy])
    except InputRefused as error:
        raise click.ClickException(str(error)) from None
    except sqlite3.Error as error:
        raise click.ClickException(f"{_NO_ROOM}: {error}") from None
    with found:
        examples = Examples(limit)
        _go_through(found, examples, plan, values=values)
        if as_json_:
            click.echo(json.dumps(as_json(found, examples, values=values), indent=2))
        else:
            show(Console(), found, examples, values=values)
        if len(found.problems):
            raise click.exceptions.Exit(INPUT_PROBLEMS)


def _go_through(found: Preview, examples: Examples, plan: Path | None, *, values: bool) -> None:
    """Make the one pass that sums, examples and the plan are made from."""
    if plan is None:
        for record in found:
            examples.add(record)
        return
    terms = {held.entity: held for held in found.terms.values()}
    try:
        file = PlanFile.create(plan, terms, values=values)
        with file.stream:
            for record in found:
                examples.add(record)
                file.add(record)
    except OSError as error:
        raise click.ClickException(f"{plan}: {error.strerror}") from None
