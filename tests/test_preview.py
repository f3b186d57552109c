"""
The preview says what `Sync` would do, of files as they really come, in constant memory.

Sums are compared with a loop that knows what it wrote, and decisions with a real first load.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import attrs
import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dynsync import (
    CONTACT,
    LEAD,
    AuthorityPolicy,
    Match,
    MemoryStore,
    OutcomeKind,
    Pair,
    RecordId,
    Side,
    Sync,
    Wire,
    default_backfill,
    default_first,
    default_policy,
    manual,
    prefer,
)
from dynsync.cli import ExitCode
from dynsync.cli._app import app
from dynsync.matching import Matched, Several, match
from dynsync.planning import plan_record
from dynsync.preview import (
    Bucket,
    FieldOutcome,
    FileRole,
    InputRefused,
    Preview,
    PreviewedRecord,
    command,
    preview_files,
)
from dynsync.preview import _cells as cells
from dynsync.preview import _decisions as decisions
from dynsync.preview._plan import PlanFile
from dynsync.preview._report import Json
from dynsync.preview.command import ATTENTION, INTERRUPTED, USAGE, preview
from dynsync.records import MISSING, Missing, Row
from dynsync.sandbox import (
    CONTACT_COLUMNS,
    LEAD_COLUMNS,
    PERSON_COLUMNS,
    SandboxClock,
    SandboxDynamics,
    SandboxMarketo,
)
from dynsync.schemas import Schema
from dynsync.terms import agree_terms

DATA: Final = Path(__file__).parent / "data"
PEOPLE: Final = DATA / "people.csv"
CONTACTS: Final = DATA / "contacts.csv"
LEADS: Final = DATA / "leads.csv"

CONTACT_ID: Final = "c0000000-0000-4000-8000-{:012d}"
LEAD_ID: Final = "10000000-0000-4000-8000-{:012d}"


def guid(letter: str) -> str:
    """Return the GUID that ``<letter>`` stands for in a line."""
    return f"{ord(letter):08x}-0000-4000-8000-000000000000"


class Write(Protocol):
    """
    Writes lines, or bytes, into a file of that name and returns its path.

    In lines ``<a>`` stands for a GUID.
    """

    def __call__(self, name: str, *lines: str, raw: bytes | None = None) -> Path:
        """Write *raw*, or else *lines*."""
        ...


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes lines, or bytes, into a file and returns its path."""

    def write_file(name: str, *lines: str, raw: bytes | None = None) -> Path:
        path = tmp_path / name
        text = re.sub(r"<(\w)>", lambda found: guid(found[1]), "\n".join((*lines, "")))
        path.write_bytes(text.encode() if raw is None else raw)
        return path

    return write_file


def run(*arguments: str | Path) -> Result:
    """Return what the command does."""
    return CliRunner().invoke(preview, [str(argument) for argument in arguments])


def by_id(found: Preview) -> dict[str, PreviewedRecord]:
    """Return the records by their Dynamics id, or else by the person's."""
    return {record.ids.dynamics or record.ids.marketo or "": record for record in found}


def sums(found: Preview, role: FileRole) -> dict[str, int]:
    """Return how many rows of a file end in each bucket that any ends in."""
    return {b.value: n for b in Bucket if (n := found.count(b, role))}


# -- exports as they come


def test_exports_of_both_systems_are_read() -> None:
    """BOM, CRLF, quoted line breaks, labels, semicolons and tabs are all read as meant."""
    with preview_files(PEOPLE, CONTACTS, LEADS, by_email=True) as found:
        assert {
            "updated": 1,
            "colliding": 1,
            "refused": 1,
            "linked": 1,
            "marketo_only": 1,
            "orphaned": 1,
            "ambiguous": 3,
        } == sums(found, FileRole.PEOPLE)
        assert {"created": 1, "updated": 1, "colliding": 1, "linked": 1, "ambiguous": 1} == sums(
            found, FileRole.CONTACTS
        )
        assert {"created": 1, "refused": 1} == sums(found, FileRole.LEADS)
        assert 0 == len(found.problems)


def test_collision_says_who_wins_and_when() -> None:
    """A field in which both hold a value names its winner, who is told, and in which run."""
    with preview_files(PEOPLE, CONTACTS, LEADS) as found:
        records = by_id(found)
    [title] = records[CONTACT_ID.format(1)].fields

    assert "job_title" == title.name
    assert FieldOutcome.COLLIDES is title.outcome
    assert (Side.DYNAMICS, (Side.MARKETO,), 1) == (title.winner, title.to, title.run)
    assert Pair("Chief", "Director") == title.now


def test_value_goes_to_dynamics_in_the_second_run() -> None:
    """What Marketo alone holds goes to Dynamics, but not in the first run (A29)."""
    with preview_files(PEOPLE, CONTACTS) as found:
        fields = {field.name: field for field in by_id(found)[CONTACT_ID.format(2)].fields}

    assert ((Side.DYNAMICS,), 2) == (fields["job_title"].to, fields["job_title"].run)
    assert ((Side.MARKETO,), 1) == (fields["mobile_phone"].to, fields["mobile_phone"].run)


def test_refusal_names_field_and_limit() -> None:
    """A value that Dynamics cannot hold says which field and which limit, and not the value."""
    with preview_files(PEOPLE, CONTACTS, LEADS) as found:
        record = by_id(found)[LEAD_ID.format(1)]
    [refused] = [field for field in record.fields if field.outcome is FieldOutcome.REFUSED]

    assert Bucket.REFUSED is record.bucket
    assert ("mobile_phone", ["FIELD_LENGTH"]) == (refused.name, [r.code for r in refused.refused])
    assert "'mobilephone' holds 20" in refused.reason
    assert "1234567" not in refused.reason


def test_one_column_feeds_two_fields() -> None:
    """Dynamics' one topic is compared with both of Marketo's (A16)."""
    with preview_files(PEOPLE, CONTACTS, LEADS) as found:
        names = {field.name for field in by_id(found)[LEAD_ID.format(2)].fields}

    assert {"subject", "microsoft_topic"} <= names


def test_columns_of_one_file_alone_take_no_part() -> None:
    """Columns that the other file lacks, and those that nobody knows, are named as ignored."""
    with preview_files(PEOPLE, CONTACTS, LEADS) as found:
        columns = found.columns

    assert ("Favourite Colour",) == columns[FileRole.PEOPLE].unknown
    assert ("leadsourcecode",) == columns[FileRole.LEADS].alone
    assert ("(Do Not Modify) Row Checksum",) == columns[FileRole.CONTACTS].unknown


def test_columns_say_why_they_take_no_part(write: Write) -> None:
    """What the other file lacks, and what no default map has, are two reasons."""
    people = write("p.csv", "id,crmContactId,city,title", "1,<a>,Oslo,Boss")
    contacts = write("c.csv", "contactid,address1_city,telephone1,suffix", "<a>,Oslo,1,Dr")
    with preview_files(people, contacts) as found:
        columns = found.columns[FileRole.CONTACTS]
    told = run(people, contacts).output

    assert ("telephone1",) == columns.alone
    assert ("suffix",) == columns.unmapped
    assert "not in the other file: telephone1" in told
    assert "not in the default mapping: suffix" in told
    assert '"unmapped": [\n          "suffix"' in run(people, contacts, "--json").output


def test_nothing_in_common_says_what_was_understood(write: Write) -> None:
    """Where no column is in both files, those that were understood are named."""
    people = write("p.csv", "id,crmContactId,city", "1,<a>,Oslo")
    contacts = write("c.csv", "contactid,telephone1,shoe", "<a>,1,7")
    with pytest.raises(InputRefused, match="'id', 'crmContactId', 'city'; of the contacts") as said:
        preview_files(people, contacts)

    assert "'contactid', 'telephone1'" in str(said.value)
    assert "shoe" not in str(said.value)


@pytest.mark.parametrize("role", ["people", "contacts"])
def test_file_without_rows_is_remarked(role: str, write: Write) -> None:
    """A header alone is no mistake of the format, and makes everybody else look alone."""
    people = write("p.csv", "id,crmContactId,city", *(["1,<a>,Oslo"] if role != "people" else []))
    rows = ["<a>,Oslo"] if role != "contacts" else []
    contacts = write("c.csv", "contactid,address1_city", *rows)
    with preview_files(people, contacts) as found:
        [problem] = found.problems

    assert f"no row below the header: nothing is known of any {role}" in problem.message


@pytest.mark.parametrize(
    ("people", "contacts", "outcomes"),
    [
        # Too many cells, an id that is missing, and one that is none, beside one that is.
        (["1,<a>,,Oslo,x"], ["<a>,a@x.org,Oslo"], {"malformed", "unreadable"}),
        ([",<a>,,Oslo"], ["<a>,a@x.org,Oslo"], {"malformed", "unreadable"}),
        (["1,<a>,,Oslo", "1,<b>,,Oslo"], ["<b>,,Oslo"], {"orphaned", "malformed", "unreadable"}),
        (["1,<a>,,Oslo"], ["<a>,Oslo"], {"unreadable", "malformed"}),
        (["1,<a>,,Oslo,x"], ["<b>,b@x.org,Oslo"], {"malformed", "created"}),
        # By e-mail, addresses count, too.
        (["1,,a@x.org,Oslo,x"], ["<a>,a@x.org,Oslo"], {"malformed", "unreadable"}),
        (["1,,a@x.org,Oslo"], ["<a>,A@x.org"], {"unreadable", "malformed"}),
        (["1,,b@x.org,Oslo"], ["<a>,a@x.org"], {"marketo_only", "malformed"}),
    ],
)
def test_row_that_cannot_be_used_may_be_the_other_half(
    people: Sequence[str], contacts: Sequence[str], outcomes: set[str], write: Write
) -> None:
    """Nobody is called new or alone while a broken row holds the id, or the address."""
    ours = write("p.csv", "id,crmContactId,email,city", *people)
    theirs = write("c.csv", "contactid,emailaddress1,address1_city", *contacts)
    with preview_files(ours, theirs, by_email=True) as found:
        said = {bucket.value for (_, bucket), number in found.counts.items() if number}
        whys = [one.why for one in found if one.bucket is Bucket.UNREADABLE]

    assert outcomes == said
    assert all("cannot be used seems to be its other half" in why for why in whys)


BROKEN: Final = {
    "another encoding": "{id}|J\udcfcrgen|{mail}|Oslo",
    "a NUL": "{id}|J\0rgen|{mail}|Oslo",
    "a NUL behind the id": "{id}\0|Jen|{mail}|Oslo",
    "NULs in the id": "{nul}|Jen|{mail}|Oslo",
    "a stray quote": '{id}|"J"rgen|{mail}|Oslo',
    "a stray quote behind the id": '"{id}" |Jen|{mail}|Oslo',
    "a quote never closed": '{id}|"Jen|{mail}|Oslo',
    "another separator": "{id};Jen;{mail};Oslo",
    "another separator, and commas": "{id};Jen;{mail};Oslo|N|O",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("mark", [",", "\t", "|"])
@pytest.mark.parametrize("role", [FileRole.PEOPLE, FileRole.CONTACTS])
@pytest.mark.parametrize("key", ["id", "address"])
def test_broken_row_shows_whose_it_is(
    broken: str, mark: str, role: FileRole, key: str, write: Write
) -> None:
    """An id or address that the eye finds in a broken row keeps the other half from being new."""
    link, mail = (guid("a"), "") if key == "id" else ("", "Ann@x.org")
    heads = {
        FileRole.PEOPLE: "id|crmContactId|firstName|email|city",
        FileRole.CONTACTS: "contactid|firstname|emailaddress1|address1_city",
    }
    theirs = link or guid("b")
    good = {
        FileRole.PEOPLE: f"1|{link}|Ann|{mail.lower()}|Oslo",
        FileRole.CONTACTS: f"{theirs}|Ann|{mail.lower()}|Oslo",
    }
    id_ = link if role is FileRole.PEOPLE else theirs
    row = broken.replace("{id}", id_).replace("{nul}", "\0".join(id_) + "\0")
    row = row.replace("{mail}", mail)
    bad = {FileRole.PEOPLE: f"1|{row}", FileRole.CONTACTS: row}

    def file(which: FileRole) -> Path:
        text = f"{heads[which]}\n{(bad if which is role else good)[which]}\n".replace("|", mark)
        return write(f"{which.value}.csv", raw=text.encode(errors="surrogateescape"))

    with preview_files(*map(file, heads), by_email=key == "address") as found:
        assert {"malformed": 1} == sums(found, role)
        [other] = [which for which in heads if which is not role]
        assert {"unreadable": 1} == sums(found, other)


def test_rows_between_two_stray_quotes_are_read(write: Write) -> None:
    """A quote that only another row's quote closes hides no row, though the cells come out even."""
    rows = ['1,<a>,"Ann,Oslo', "2,<b>,Ben,Oslo", '3,<c>,Cid",Oslo', "4,<d>,Dan,Oslo"]
    people = write("p.csv", "id,crmContactId,firstName,city", *rows)
    contacts = write(
        "c.csv", "contactid,firstname,address1_city", *(f"<{one}>,x,Oslo" for one in "abcd")
    )
    with preview_files(people, contacts) as found:
        assert {"malformed": 1, "colliding": 3} == sums(found, FileRole.PEOPLE)
        assert {"unreadable": 1, "colliding": 3} == sums(found, FileRole.CONTACTS)
        [problem] = found.problems

    assert (2, "quote") == (problem.row, problem.code)


@pytest.mark.parametrize("cell", ["Storgata 5, A\n0155, Oslo, N", "one\ntwo,three", "1,2\n\n3,4"])
def test_lines_of_a_cell_are_no_rows(cell: str, write: Write) -> None:
    """What only looks a little like a row is read as what it is: several lines of a cell."""
    people = write("p.csv", "id,crmContactId,address,city", f'1,<a>,"{cell}",Oslo')
    contacts = write("c.csv", "contactid,address1_line1,address1_city", f'<a>,"{cell}",Oslo')
    with preview_files(people, contacts) as found:
        assert {"identical": 1} == sums(found, FileRole.PEOPLE)
        assert 0 == len(found.problems)


@pytest.mark.parametrize(
    ("row", "number"),
    [
        # The id is damaged, or its cell is not to be told.
        ("1,\udcfc{rest},Ann,a@x.org", 1),
        ("1,5,Ann,a@x.org", 1),
        ("1,Ann,a@x.org", 1),
        ('1,"Ann', 1),
        # There is none, and that can be told.
        ("1,,\udcfc,a@x.org", 0),
        (",,Ann,a@x.org", 0),
        ("1,{id},\udcfc,", 0),
    ],
)
def test_row_of_which_nobody_can_say_whose_it_is_leaves_a_doubt(
    row: str, number: int, write: Write
) -> None:
    """Where an id may be hidden, what is called new is said not to be certain."""
    text = row.replace("{rest}", guid("a")[1:]).replace("{id}", guid("b"))
    raw = f"id,crmContactId,firstName,email\n{text}\n".encode(errors="surrogateescape")
    people = write("p.csv", raw=raw)
    contacts = write("c.csv", "contactid,firstname,emailaddress1", "<a>,Ann,a@x.org")
    with preview_files(people, contacts) as found:
        [record] = found
        assert {FileRole.PEOPLE: number, FileRole.CONTACTS: 0} == found.unidentified
    told = " ".join(run(people, contacts).output.split())
    said = json.loads(run(people, contacts, "--json").output)

    assert Bucket.CREATED is record.bucket
    assert ("of 1 row of the people nobody can tell whose it is" in record.why) == bool(number)
    assert ("Not certain: of 1 row of the people" in told) == bool(number)
    assert number == said["files"]["people"]["unidentified"]


def test_record_row_without_an_id_leaves_a_doubt_who_is_orphaned(write: Write) -> None:
    """Every contact has an id; where a row shows none, it may be that of anybody."""
    people = write("p.csv", "id,crmContactId,firstName", "1,<a>,Ann")
    contacts = write("c.csv", "contactid,firstname", ",Ann", "<b>", "Ann")
    with preview_files(people, contacts) as found:
        [ann] = found
        assert 2 == found.unidentified[FileRole.CONTACTS]

    assert Bucket.ORPHANED is ann.bucket
    assert "of 2 rows of the contacts nobody can tell whose they are" in ann.why


def test_damaged_address_leaves_a_doubt_by_email(write: Write) -> None:
    """Half an address is nobody's: who it may be is not claimed, and neither is who it is not."""
    raw = "id,crmContactId,firstName,email\n1,,Ann,j\udcfcrgen@x.org\n"
    people = write("p.csv", raw=raw.encode(errors="surrogateescape"))
    contacts = write("c.csv", "contactid,firstname,emailaddress1", "<a>,Ann,rgen@x.org")
    with preview_files(people, contacts, by_email=True) as found:
        assert 1 == found.count(Bucket.CREATED)
        assert 1 == found.unidentified[FileRole.PEOPLE]


def test_address_of_a_repeated_person_is_taken(write: Write) -> None:
    """Of a person's rows the first counts; by e-mail the second is a broken one like others."""
    people = write("p.csv", "id,crmContactId,firstName,email", "1,,Ann,", "1,,Ann,a@x.org")
    contacts = write("c.csv", "contactid,firstname,emailaddress1", "<a>,Ann,a@x.org")
    with preview_files(people, contacts, by_email=True) as found:
        assert {"unreadable": 1} == sums(found, FileRole.CONTACTS)


def test_address_on_a_broken_row_counts_only_if_asked(write: Write) -> None:
    """Without matching by e-mail an address says nothing of who somebody is."""
    people = write("p.csv", "id,crmContactId,email,city", "1,,a@x.org,Oslo,x")
    contacts = write("c.csv", "contactid,emailaddress1,address1_city", "<a>,a@x.org,Oslo")
    with preview_files(people, contacts) as found:
        assert 1 == found.count(Bucket.CREATED)


def test_people_of_another_file_are_counted_apart() -> None:
    """A person whose lead file was not given is neither Marketo's alone nor lost."""
    with preview_files(PEOPLE, CONTACTS) as found:
        assert 1 == found.count(Bucket.ELSEWHERE)


@pytest.mark.parametrize(
    ("policy", "winner"), [(prefer(Side.MARKETO), Side.MARKETO), (manual, None)]
)
def test_policy_decides_collisions(
    policy: AuthorityPolicy, winner: Side | None, write: Write
) -> None:
    """Another policy gives another winner, or none."""
    people = write("p.csv", "id,crmContactId,firstName", "1,<a>,One")
    contacts = write("c.csv", "contactid,firstname", "<a>,Two")
    with preview_files(people, contacts, policy=policy) as found:
        [record] = found

    assert (Bucket.COLLIDING, winner) == (record.bucket, record.fields[0].winner)


@pytest.mark.parametrize("policy", [default_policy(), prefer(Side.DYNAMICS), manual])
def test_opt_out_stands(policy: AuthorityPolicy, write: Write) -> None:
    """An opt-out wins over an opt-in, whoever has authority over the others (A17), as in a sync."""
    people = write("p.csv", "id,crmContactId,unsubscribed", "1,<a>,yes")
    contacts = write("c.csv", "contactid,Do Not Allow Bulk Emails", "<a>,Allow")
    with preview_files(people, contacts, policy=policy) as found:
        [record] = found

    assert (Bucket.COLLIDING, Side.MARKETO) == (record.bucket, record.fields[0].winner)


def test_empty_of_bulk_extract_is_empty(write: Write) -> None:
    """Marketo's bulk extract says ``null`` for an empty field, and no such value is sent."""
    people = write("p.csv", "id,crmContactId,firstName,title", "1,<a>,Ann,null")
    contacts = write("c.csv", "contactid,firstname,jobtitle", "<a>,Ann,")
    with preview_files(people, contacts) as found:
        assert [Bucket.IDENTICAL] == [record.bucket for record in found]


def test_options_of_an_own_org_are_learned(write: Write) -> None:
    """An option that Dynamics' export shows is one, though the defaults do not have it."""
    people = write("p.csv", "id,crmLeadId,Person Source", "1,<a>,flea market", "2,<b>,Nowhere")
    leads = write("l.csv", "Lead,Lead Source", "<a>,Flea Market", "<b>,Web")
    with preview_files(people, leads=leads) as found:
        records = by_id(found)

    assert Bucket.IDENTICAL is records[guid("a")].bucket
    assert Bucket.REFUSED is records[guid("b")].bucket
    assert "PICKLIST_RANGE" in records[guid("b")].fields[0].reason


@pytest.mark.parametrize("line", ["createdon", "Created On"])
def test_date_that_reads_in_two_ways_is_a_problem(line: str, write: Write) -> None:
    """A date of which nobody knows the month is named, and nothing is decided on it."""
    people = write("p.csv", "id,crmContactId,Microsoft Created Date", "1,<a>,2024-02-01T00:00:00Z")
    contacts = write("c.csv", f"contactid,{line}", "<a>,01/02/2024", "<b>,2024-02-01 10:00")
    with preview_files(people, contacts) as found:
        buckets = [record.bucket for record in found]
        [problem] = found.problems

    assert [Bucket.UNREADABLE, Bucket.CREATED] == buckets
    assert (2, line, "value") == (problem.row, problem.column, problem.code)


@pytest.mark.parametrize(
    ("ours", "theirs", "whose"),
    [
        ("ja", "false", "Marketo"),
        ("true", "maybe", "Dynamics"),
        ("ja", "maybe", "Marketo and of Dynamics"),
    ],
)
def test_unreadable_consent_decides_nothing(
    ours: str, theirs: str, whose: str, write: Write
) -> None:
    """An opt-out in another language goes nowhere, and is not shown as an opt-in."""
    people = write("p.csv", "Id,crmContactId,firstName,Unsubscribed", f"1,<a>,Ann,{ours}")
    contacts = write("c.csv", "contactid,firstname,donotbulkemail", f"<a>,Ann,{theirs}")
    with preview_files(people, contacts) as found:
        [record] = found
        counted = found.fields

    [field] = [field for field in record.fields if field.name == "unsubscribed"]
    assert Bucket.UNREADABLE is record.bucket
    assert (FieldOutcome.UNREADABLE, ()) == (field.outcome, field.to)
    assert f"cannot say: the cell of {whose} cannot be read" == field.reason
    assert 1 == counted["contact", "unsubscribed", FieldOutcome.UNREADABLE, None]


def test_unreadable_cell_does_not_hide_the_rest_of_its_record(write: Write) -> None:
    """The other fields are decided as ever, and the record is counted by them."""
    people = write("p.csv", "Id,crmContactId,firstName,Unsubscribed", "1,<a>,Ann,ja", "2,,Ben,no")
    contacts = write("c.csv", "contactid,firstname,donotbulkemail", "<a>,Eve,no", "<b>,Cid,maybe")
    with preview_files(people, contacts) as found:
        ann, cid, _ = found

    assert Bucket.COLLIDING is ann.bucket
    assert ["first_name", "unsubscribed"] == [field.name for field in ann.fields]
    assert Bucket.CREATED is cid.bucket
    assert FieldOutcome.UNREADABLE in {field.outcome for field in cid.fields}


def test_unreadable_cell_is_said_without_a_value(write: Write, tmp_path: Path) -> None:
    """Report and plan say that nobody can say, and not from what to what."""
    people = write("p.csv", "Id,crmContactId,Unsubscribed", "1,<a>,ja")
    contacts = write("c.csv", "contactid,donotbulkemail", "<a>,false")
    result = run(people, contacts, "--values", "--plan", tmp_path / "plan.csv")
    [row] = [row for row in rows_of(tmp_path / "plan.csv") if row.get("field") == "unsubscribed"]

    assert ATTENTION == result.exit_code
    assert "unsubscribed: cannot say" in result.output
    assert "becomes" not in result.output
    assert "unreadable" == row["outcome"]
    assert not {"from", "to"} & row.keys()


@pytest.mark.parametrize(
    ("type_", "text", "forms"),
    [
        ("Boolean", "ja", ["true", "yes", "y", "1", "false", "no", "n", "0"]),
        ("DateTime", "01/02/2024", ["2024-05-31T14:30:00Z", "2024-05-31 14:30"]),
        ("DateOnly", "01/02/2024", ["2024-05-31"]),
        ("Money", "1,000.50", ["1000.50"]),
        ("Integer", "1,000", ["1000"]),
    ],
)
def test_unreadable_cell_says_what_is_read(type_: str, text: str, forms: Sequence[str]) -> None:
    """What is told of a cell helps with its column, and each form that is told can be read."""
    column = next(column for column in CONTACT_COLUMNS + LEAD_COLUMNS if column.type == type_)
    read = cells.cleaner(column, Side.DYNAMICS, None)
    said = cells.unread(column, Side.DYNAMICS)

    assert cells.UNREAD == read(text)
    assert [] == [form for form in forms if form not in said or read(form) == cells.UNREAD]


def test_unreadable_cells_of_a_row_are_each_explained(write: Write) -> None:
    """Each column has its own words, without the value."""
    people = write("p.csv", "id,crmLeadId,unsubscribed,annualRevenue", "1,<a>,ja,5")
    leads = write("l.csv", "leadid,donotbulkemail,revenue", '<a>,no,"1,000.50"')
    with preview_files(people, leads=leads) as found:
        said = {problem.column: problem.message for problem in found.problems}

    assert said["unsubscribed"].startswith("neither yes nor no; read are true")
    assert said["revenue"].startswith("not a number; write 1000.50")
    assert not any("ja" in one or "1,000" in one for one in said.values())


# -- exports that are broken

NAME: Final = "Sécret"


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        (f"9,<x>,{NAME},too,many", "cells", None),
        (f"9,{NAME}", "cells", None),
        (f'9,<x>,"{NAME}', "quote", "firstName"),
        (f'9,<x>,"{NAME}"s', "quote", None),
        (f"9,<x>,{NAME}\0", "nul", "firstName"),
        (f",<x>,{NAME}", "no_id", "id"),
        (f"1,<x>,{NAME}", "repeated_id", "id"),
        (f"9,12345,{NAME}", "id", "crmContactId"),
    ],
)
def test_broken_row_is_named_and_the_rest_is_read(
    line: str, code: str, column: str | None, write: Write
) -> None:
    """One broken row costs one row: its file, line and column are said, its values are not."""
    rows = ["id,crmContactId,firstName", '1,<a>,"two', 'lines"', line, "2,<b>,Ben", "3,<c>,Cid"]
    people = write("p.csv", *rows)
    contacts = write("c.csv", "contactid,firstname", "<a>,x", "<b>,Ben", "<c>,Cid")
    with preview_files(people, contacts) as found:
        counted = sums(found, FileRole.PEOPLE)
        [problem] = found.problems

    assert {"identical": 2, "colliding": 1, "malformed": 1} == counted
    # Row 2 is two lines long: a spreadsheet shows as row 3 what is on line 4 of the file.
    assert (str(people), 3, 4, code, column) == (
        problem.file,
        problem.row,
        problem.line,
        problem.code,
        problem.column,
    )
    assert "row 3 (line 4)" in str(problem)
    assert NAME not in str(problem)


def test_row_that_is_not_utf_8_is_named(write: Write) -> None:
    """A file in a Windows code page costs the rows with letters that UTF-8 says otherwise."""
    lines = ["id,crmContactId,firstName", "1,,Zo\xeb", f"2,{guid('b')},Ben"]
    people = write("p.csv", raw="\r\n".join(lines).encode("cp1252"))
    contacts = write("c.csv", "contactid,firstname", "<b>,Ben")
    with preview_files(people, contacts) as found:
        assert {"identical": 1, "malformed": 1} == sums(found, FileRole.PEOPLE)
        [problem] = found.problems

    assert (2, "firstName", "encoding") == (problem.row, problem.column, problem.code)
    assert "UTF-8" in problem.message
    assert "--encoding cp1252" in problem.message


@pytest.mark.parametrize("option", ["cp1252", "people=cp1252"])
def test_encoding_can_be_said(option: str, write: Write) -> None:
    """Files of another encoding are read as meant, all of them or one."""
    people = write(
        "p.csv", raw=f"id,crmContactId,firstName\n1,{guid('a')},Zo\xeb\n".encode("cp1252")
    )
    contacts = write("c.csv", "contactid,firstname", "<a>,Zo\xeb")
    if "=" not in option:
        contacts.write_bytes(contacts.read_text("utf-8").encode("cp1252"))
    result = run(people, contacts, "--encoding", option, "--json")

    assert 0 == result.exit_code, result.output
    assert '"problems": 0' in result.output


@pytest.mark.parametrize("option", ["utf-9", "rot13", "nobody=cp1252"])
def test_unknown_encoding_is_a_mistake(option: str) -> None:
    """A word that is no encoding, and a file that is none, are told before anything is read."""
    result = run(PEOPLE, CONTACTS, "--encoding", option)

    assert 2 == result.exit_code
    assert "--encoding" in result.output


def test_wrong_encoding_is_refused(write: Write) -> None:
    """A file that the encoding cannot be true of is refused and not read as something else."""
    with pytest.raises(InputRefused):
        preview_files(write("p.csv", raw=b"id,a\n1,b"), CONTACTS, encoding="utf-16")


ADDRESS: Final = {
    "Address 1: Street 1": "address",
    "Address 1: Street 2": "microsoftAddress2",
    "Address 1: Street 3": "microsoftAddress3",
    "Address 1: City": "city",
    "Address 1: State/Province": "state",
    "Address 1: ZIP/Postal Code": "postalCode",
    "Address 1: Country/Region": "country",
    "Business Phone": "phone",
    "Mobile Phone": "mobilePhone",
    "E-mail": "email",
}


@pytest.mark.parametrize("role", [FileRole.CONTACTS, FileRole.LEADS])
def test_default_display_names_are_known(role: FileRole, write: Write) -> None:
    """What Dataverse calls its columns by default is known, mapped or not."""
    unmapped = ("Address 2: City", "Address 1: Latitude", "Full Name")
    link = {FileRole.CONTACTS: "crmContactId", FileRole.LEADS: "crmLeadId"}[role]
    people = write("p.csv", ",".join(("id", link, *ADDRESS.values())))
    id_ = f"(Do Not Modify) {role.value[:-1].capitalize()}"
    records = write("r.csv", ",".join((id_, *ADDRESS, *unmapped, "Shoe Size")))
    files = {role: records}
    with preview_files(people, files.get(FileRole.CONTACTS), files.get(FileRole.LEADS)) as found:
        columns = found.columns[role]

    assert (id_, *ADDRESS) == columns.used
    assert unmapped == columns.unmapped
    assert ("Shoe Size",) == columns.unknown


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", [False, True])
def test_delimiter_is_found_or_told(mark: str, write: Write, *, told: bool) -> None:
    """The usual delimiters are read, and so is the line with which Excel is told."""
    first = [f"sep={mark}"] if told else []
    people = write(
        "p.csv", *first, mark.join(("id", "crmContactId", "firstName")), f"1{mark}<a>{mark}x"
    )
    contacts = write("c.csv", *first, mark.join(("contactid", "firstname")), f"<a>{mark}x", mark)
    with preview_files(people, contacts) as found:
        buckets = [record.bucket for record in found]
        problems = list(found.problems)

    assert [Bucket.IDENTICAL] == buckets
    # An empty row is none, whatever separates its cells.
    assert [] == problems


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("begin", ["", "\ufeff"], ids=["plain", "BOM"])
@pytest.mark.parametrize(
    "note", ["Note", "a;Email;City;State;Phone;b", "two\nlines", 'an ""inch""']
)
def test_header_may_be_quoted(mark: str, end: str, begin: str, note: str, write: Write) -> None:
    """Quotes round any cell of the header, the first too, hide no delimiter of any file."""
    heads = ['"Id"', "First Name", f'"{note}"', '"CRM Contact Id"']
    lines = [mark.join(heads), mark.join(("1", "Ann", "x", guid("a")))]
    people = write("p.csv", raw=(begin + end.join((*lines, ""))).encode())
    lines = [mark.join(('"contactid"', '"First Name"')), mark.join((guid("a"), "Ann"))]
    contacts = write("c.csv", raw=(begin + end.join((*lines, ""))).encode())
    with preview_files(people, contacts) as found:
        assert [Bucket.IDENTICAL] == [record.bucket for record in found]
        assert (note.replace('""', '"'),) == found.columns[FileRole.PEOPLE].unknown


@pytest.mark.parametrize(
    "header", ['"Id"x,First Name,crmContactId', 'Id,"First Name"x,crmContactId']
)
def test_header_with_text_behind_a_quote_is_refused(header: str, write: Write) -> None:
    """A header that is broken with every delimiter is not read as one wide column."""
    with pytest.raises(InputRefused, match="text behind the closing quote"):
        preview_files(write("p.csv", header), CONTACTS)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Id,id,crmContactId,firstName", "'Id' stands there twice"),
        ("id;firstName", "read as 2 columns, parted by semicolons"),
        ("id firstName crmContactId", "read as 1 column, parted by commas"),
    ],
)
def test_header_says_what_is_wrong(header: str, said: str, write: Write) -> None:
    """A header that lacks a column says why, not only that."""
    with pytest.raises(InputRefused, match=re.escape(said)):
        preview_files(write("p.csv", header), CONTACTS)


def test_header_that_stands_there_twice_is_named(write: Write) -> None:
    """Of two columns with one header nobody knows which one counts, so neither does."""
    people = write("p.csv", "id,crmContactId,title,Title,firstName", "1,<a>,x,y,Ann")
    contacts = write("c.csv", "contactid,jobtitle,firstname", "<a>,z,Ann")
    with preview_files(people, contacts) as found:
        assert [Bucket.IDENTICAL] == [record.bucket for record in found]
        problems = [(p.row, p.column, p.code) for p in found.problems]
        columns = found.columns[FileRole.PEOPLE]

    assert [(1, "title", "header")] == problems
    assert ("title", "Title") == columns.twice


@pytest.mark.parametrize("role", [FileRole.PEOPLE, FileRole.CONTACTS])
def test_column_that_the_other_file_has_twice_is_not_called_absent(
    role: FileRole, write: Write
) -> None:
    """Each half of such a column says what is true of it."""
    heads = {FileRole.PEOPLE: ["title"], FileRole.CONTACTS: ["jobtitle"]}
    heads[role] *= 3
    people = write("p.csv", ",".join(("id,crmContactId,firstName", *heads[FileRole.PEOPLE])))
    contacts = write("c.csv", ",".join(("contactid,firstname", *heads[FileRole.CONTACTS])))
    [other] = heads.keys() - {role}
    with preview_files(people, contacts) as found:
        columns = found.columns
        codes = found.problems.counts
    told = " ".join(run(people, contacts).output.split())

    assert (tuple(heads[role]), tuple(heads[other])) == (columns[role].twice, columns[other].unsure)
    assert () == columns[other].alone
    assert 1 == codes["header"]
    assert "this header stands there 3 times" in told
    said = f"{other.value} ignored, more than once in the other file: {heads[other][0]}"
    assert said in told


def test_file_with_ids_only_is_the_one_at_fault(write: Write) -> None:
    """Who exported the people without fields is not sent to look at the contacts."""
    people = write("p.csv", "id,crmContactId", "1,<a>")
    contacts = write("c.csv", "contactid,firstname", "<a>,Ann")
    with pytest.raises(InputRefused, match="no column but ids is in it; export") as caught:
        preview_files(people, contacts)

    assert str(people) == caught.value.problem.file


@pytest.mark.parametrize("by_email", [False, True])
def test_swapped_files_are_told_so(*, by_email: bool) -> None:
    """A header of the other kind of file is seen, and the message says the order."""
    for files, kind in (((CONTACTS, PEOPLE), "contacts"), ((PEOPLE, LEADS), "leads")):
        with pytest.raises(InputRefused) as caught:
            preview_files(*files, by_email=by_email)
        assert f"looks like an export of {kind}: were the files swapped?" in str(caught.value)

    with pytest.raises(InputRefused, match="looks like an export of people"):
        preview_files(PEOPLE, PEOPLE, by_email=by_email)


@pytest.mark.parametrize(
    ("people", "contacts", "code"),
    [
        ("crmContactId,firstName\na,x\n", "contactid,firstname\na,x\n", "no_id"),
        ("id,firstName\n1,x\n", "contactid,firstname\na,x\n", "no_id"),
        ("id,crmContactId,firstName\n1,a,x\n", "firstname\nx\n", "no_id"),
        ("id,crmContactId,firstName\n1,a,x\n", "contactid,lastname\na,x\n", "no_fields"),
        ("", "contactid\na\n", "empty"),
        ('id,"crmContactId\n', "contactid\na\n", "quote"),
    ],
)
def test_file_without_what_it_takes_is_refused(
    people: str, contacts: str, code: str, write: Write
) -> None:
    """A file without ids, fields or a header ends the preview and says what is missing."""
    paths = [write(name, raw=text.encode()) for name, text in (("p", people), ("c", contacts))]
    with pytest.raises(InputRefused) as caught:
        preview_files(*paths)

    assert code == caught.value.problem.code


SMALL: Final = f"id,crmContactId,firstName\r\n1,{guid('a')},Zo\xeb\r\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("said", ["utf-8", "cp1252", "utf-16"])
def test_byte_order_mark_is_believed(encoding: str, said: str, write: Write) -> None:
    """A file that says what it is encoded in is read so, whatever is said of all files."""
    people = write("p.csv", raw=SMALL.encode(encoding))
    contacts = write("c.csv", raw=f"contactid,firstname\r\n{guid('a')},Zo\xeb".encode("utf-16"))
    with preview_files(people, contacts, encoding=said) as found:
        assert [Bucket.IDENTICAL] == [record.bucket for record in found]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_has_to_be_said(codec: str, write: Write) -> None:
    """What Excel calls Unicode text is not UTF-8, and the message says what to do, truly."""
    people = write("p.csv", raw=SMALL.encode(codec))
    contacts = write("c.csv", "contactid,firstname", "<a>,Zo\xeb")
    for said in ("utf-8", "cp1252"):
        refused = run(people, contacts, "--encoding", f"people={said}")
        assert USAGE == refused.exit_code
        assert "it looks like UTF-16; give --encoding utf-16" in " ".join(refused.output.split())

    assert 0 == run(people, contacts, "--encoding", "people=utf-16").exit_code


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1"])
def test_workbook_is_to_be_saved_as_csv(head: bytes, write: Write) -> None:
    """Excel's own files are named as such."""
    with pytest.raises(InputRefused, match="workbook; open it in Excel and save it as 'CSV UTF-8'"):
        preview_files(write("p.csv", raw=head + b"\0\x14" * 40), CONTACTS)


def test_damage_in_a_marked_file_is_no_other_encoding(write: Write) -> None:
    """Who has a file with the mark of UTF-8 is not told to read it as something else."""
    people = write("p.csv", raw=SMALL.encode("utf-8-sig").replace(b"\xc3\xab", b"\xeb"))
    with preview_files(people, CONTACTS, encoding="cp1252") as found:
        [problem] = found.problems

    assert "begins with the mark of it" in problem.message
    assert "cp1252" not in problem.message


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is an error of its own, not a traceback."""
    with pytest.raises(InputRefused, match="No such file"):
        preview_files(tmp_path / "none.csv", CONTACTS)


def test_quote_that_swallows_the_file_costs_one_row(write: Write) -> None:
    """However much follows a quote that is never closed, all of it is read."""
    rest = [f"{i},,n{i}" for i in range(2, 3_000)]
    people = write("p.csv", "id,crmContactId,firstName", '1,,"open', *rest)
    contacts = write("c.csv", "contactid,firstname", "<a>,x")
    with preview_files(people, contacts) as found:
        assert {"malformed": 1, "marketo_only": 2_998} == sums(found, FileRole.PEOPLE)


def test_line_without_end_costs_one_row(write: Write) -> None:
    """A line longer than any row can be is passed over without being held in memory."""
    people = write("p.csv", "id,crmContactId,firstName", "1,,x", "2,," + "y," * 900_000, "3,,z")
    contacts = write("c.csv", "contactid,firstname", "<a>,x")
    with preview_files(people, contacts) as found:
        assert {"malformed": 1, "marketo_only": 2} == sums(found, FileRole.PEOPLE)
        assert ["too_long"] == [problem.code for problem in found.problems]


TEXT: Final = st.text(alphabet='aé1,;"\r\n \0', max_size=60)


@given(people=TEXT, contacts=TEXT, wild=st.binary(max_size=20))
def test_every_row_is_in_one_bucket(
    people: str, contacts: str, wild: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in the files, the buckets sum to the rows, and nothing is raised."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "p.csv").write_bytes(b"id,crmContactId,firstName,email\n" + people.encode() + wild)
    (folder / "c.csv").write_bytes(b"contactid,firstname,emailaddress1\n" + contacts.encode())
    with preview_files(folder / "p.csv", folder / "c.csv", by_email=True) as found:
        for role in (FileRole.PEOPLE, FileRole.CONTACTS):
            assert found.rows.get(role, 0) == sum(sums(found, role).values())


@given(raw=st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No file makes the preview raise anything but `InputRefused`."""
    path = tmp_path_factory.mktemp("any") / "p.csv"
    path.write_bytes(raw)
    with contextlib.suppress(InputRefused):
        preview_files(path, CONTACTS).close()


# -- who belongs to whom

ADDRESSES: Final = st.lists(st.sampled_from(["", "a@x", "A@x ", "b@x", "c@x"]), max_size=5)


@given(people=ADDRESSES, records=ADDRESSES)
def test_email_matching_is_the_engines(
    people: list[str], records: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By e-mail the preview links whom `dynsync.matching.match` links, and nobody else."""
    folder = tmp_path_factory.mktemp("mail")
    ours = [f"{i},,{address}" for i, address in enumerate(people)]
    theirs = [f"{CONTACT_ID.format(i)},{address}" for i, address in enumerate(records)]
    (folder / "p.csv").write_text("\n".join(("id,crmContactId,email", *ours)) + "\n")
    (folder / "c.csv").write_text("\n".join(("contactid,emailaddress1", *theirs)) + "\n")

    def keys(form: str, addresses: list[str]) -> list[tuple[RecordId, str | None]]:
        said = [address.strip().lower() or None for address in addresses]
        return [(RecordId(form.format(i)), key) for i, key in enumerate(said)]

    expected = match(keys(CONTACT_ID, records), keys("{}", people))
    with preview_files(folder / "p.csv", folder / "c.csv", by_email=True) as found:
        made = {r.ids.dynamics: r for r in found if r.ids.dynamics is not None}
    for id_, verdict in expected.items():
        record = made[id_]
        assert (record.bucket is Bucket.AMBIGUOUS) == isinstance(verdict, Several)
        assert record.ids.marketo == (verdict.person if isinstance(verdict, Matched) else None)


def test_those_that_only_an_address_could_link_are_counted(write: Write) -> None:
    """Who forgets to match by e-mail is told what it would find, and not what an id settles."""
    people = write(
        "p.csv",
        "id,crmContactId,crmLeadId,email",
        *(
            "1,,,A@x.org",
            "2,,,a@x.org",
            "3,<c>,,c@x.org",
            "4,<z>,,d@x.org",
            "5,,<y>,e@x.org",
            "6,,,",
        ),
    )
    held = ("<a>,a@x.org", "<b>,b@x.org", "<c>,c@x.org", "<d>,d@x.org", "<e>,e@x.org", "<f>,")
    contacts = write("c.csv", "contactid,emailaddress1", *held)
    with preview_files(people, contacts) as found:
        assert {FileRole.PEOPLE: 2, FileRole.CONTACTS: 1} == found.same_address
    with preview_files(people, contacts, by_email=True) as found:
        assert {FileRole.PEOPLE: 0, FileRole.CONTACTS: 0} == found.same_address
    told = " ".join(run(people, contacts).output.split())
    said = json.loads(run(people, contacts, "--json").output)

    assert "Of the new contacts, 1 holds an address that a person without an id holds too" in told
    assert 2 == said["files"]["people"]["same_address"]
    assert "try --by-email" not in run(people, contacts, "--by-email").output


def test_person_with_two_ids_is_the_contact(write: Write) -> None:
    """Who holds the ids of a contact and of a lead is the contact (A13); the lead is nobody's."""
    people = write("p.csv", "id,crmContactId,crmLeadId,firstName", "1,<c>,<l>,Ann")
    contacts = write("c.csv", "contactid,firstname", "<c>,Ann")
    leads = write("l.csv", "leadid,firstname", "<l>,Ann")
    with preview_files(people, contacts, leads) as found:
        records = by_id(found)

    assert (Bucket.IDENTICAL, "1") == (records[guid("c")].bucket, records[guid("c")].ids.marketo)
    assert (Bucket.AMBIGUOUS, None) == (records[guid("l")].bucket, records[guid("l")].ids.marketo)


@pytest.mark.parametrize("held", ["", "<c>"], ids=["by e-mail", "by id"])
def test_contact_and_lead_with_one_address_are_one_person_once(held: str, write: Write) -> None:
    """Where a contact and a lead would both be one person, it is the contact; so in the engine."""
    people = write("p.csv", "id,crmContactId,firstName,email", f"1,{held},Ann,a@x.org")
    contacts = write("c.csv", "contactid,emailaddress1", "<c>,a@x.org")
    leads = write("l.csv", "leadid,emailaddress1", "<l>,A@x.org")
    with preview_files(people, contacts, leads, by_email=True) as found:
        records = by_id(found)

    assert "1" == records[guid("c")].ids.marketo
    assert (Bucket.AMBIGUOUS, None) == (records[guid("l")].bucket, records[guid("l")].ids.marketo)


# -- the same as the engine


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of an export, without their empty cells."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            yield {name: text for name, text in row.items() if text}


def as_wire(name: str, text: str) -> Wire:
    """Return what the API says for a cell of these exports."""
    if name in {"unsubscribed", "donotbulkemail"}:
        return text == "true"
    if name in {"leadScore", "mkt_leadscore", "leadsourcecode"}:
        return int(text)
    if name in {"annualRevenue", "revenue"}:
        return float(text)
    return text


def loaded(*, by_email: bool) -> tuple[SandboxClock, SandboxMarketo, SandboxDynamics, Sync]:
    """Return two sandboxes that hold the exports, and the sync of what both files have."""
    clock = SandboxClock()
    marketo, dynamics = SandboxMarketo(clock=clock), SandboxDynamics(clock=clock)
    for row in rows_of(DATA / "sync_people.csv"):
        values = {name: as_wire(name, text) for name, text in row.items() if name != "id"}
        assert row["id"] == marketo.create_person(values)
    for table in ("contact", "lead"):
        for row in rows_of(DATA / f"sync_{table}s.csv"):
            id_ = RecordId(row.pop(f"{table}id"))
            dynamics.create(table, {n: as_wire(n, text) for n, text in row.items()}, id=id_)
    with preview_files(*SYNCED) as found:
        chosen = {terms.entity: terms.map.names() for terms in found.terms.values()}
    maps = [
        attrs.evolve(
            whole.only(*chosen[whole.entity]),
            deleted_field=None,
            match=Match("email") if by_email else Match(),
        )
        for whole in (CONTACT, LEAD)
    ]
    sync = Sync(
        marketo=marketo.connector(),
        dynamics=dynamics.connector(),
        maps=maps,
        store=MemoryStore(),
        clock=clock,
    )
    return clock, marketo, dynamics, sync


SYNCED: Final = (
    DATA / "sync_people.csv",
    DATA / "sync_contacts.csv",
    DATA / "sync_leads.csv",
)

Told: TypeAlias = set[tuple[str, str, Side]]


def told_by_preview(found: Preview, run_: int) -> dict[str, Told]:
    """Return per Dynamics id which field of a pair is told to which side in a run."""
    told: dict[str, Told] = {}
    for record in found:
        if record.ids.marketo is None or record.ids.dynamics is None:
            continue
        fields = [field for field in record.fields if field.run == run_]
        told[record.ids.dynamics] = {
            (record.entity or "", field.name, side) for field in fields for side in field.to
        }
    return told


def told_by_sync(sync: Sync, ids: Mapping[str, str], run_: int) -> dict[str, Told]:
    """Return the same of what the journal says that was written."""
    told: dict[str, Told] = {}
    for id_, entity in ids.items():
        entries = [e for e in sync.explain(entity, dynamics=id_) if e.run == run_]
        told[id_] = {
            (entity, change.field, side)
            for entry in entries
            for change in entry.changes
            for side in change.written
        }
    return told


def refused_by_preview(found: Preview) -> set[tuple[str | None, str, str]]:
    """Return which field of which record is refused with which code."""
    return {
        (record.ids.dynamics, field.name, reason.code)
        for record in found
        for field in record.fields
        for reason in field.refused
    }


@pytest.mark.parametrize("by_email", [False, True], ids=["by id", "by e-mail"])
def test_preview_agrees_with_a_real_first_load(*, by_email: bool) -> None:
    """A sync of the same records ends as the preview said: buckets, writes, refusals, values."""
    clock, marketo, dynamics, sync = loaded(by_email=by_email)
    with preview_files(*SYNCED, by_email=by_email) as found:
        first = sync.run()
        clock.advance(60)
        sync.run()

        records = {r.ids.dynamics: r for r in found if r.ids.dynamics is not None}
        pairs = {str(id_): str(r.entity) for id_, r in records.items() if r.ids.marketo is not None}
        expected = Counter(OUTCOMES[bucket_of_first_run(r)] for r in records.values())
        # A person whose record is not there: the engine looks for it, and lets the person say so.
        expected[OutcomeKind.FLAGGED] += found.count(Bucket.ORPHANED)
        assert expected == Counter(
            {kind: first.count(kind) for kind in {k for _, k in first.counts}}
        )
        for run_ in (1, 2):
            assert told_by_preview(found, run_) == told_by_sync(sync, pairs, run_)
        assert refused_by_preview(found) == {
            (id_, refusal.field, refusal.code)
            for id_, entity in pairs.items()
            for entry in sync.explain(entity, dynamics=id_)
            for refusal in entry.refusals
        }
        assert_values(found, marketo, dynamics)


OUTCOMES: Final = {
    Bucket.CREATED: OutcomeKind.CREATED,
    Bucket.UPDATED: OutcomeKind.UPDATED,
    Bucket.IDENTICAL: OutcomeKind.AGREED,
    Bucket.AMBIGUOUS: OutcomeKind.AMBIGUOUS,
    Bucket.REFUSED: OutcomeKind.REJECTED,
}


def bucket_of_first_run(record: PreviewedRecord) -> Bucket:
    """Return the bucket of *record*, were there no second run."""
    if record.bucket in {Bucket.CREATED, Bucket.AMBIGUOUS}:
        return record.bucket
    fields = [field for field in record.fields if field.run == 1]
    if any(field.refused for field in fields):
        return Bucket.REFUSED
    return Bucket.UPDATED if any(field.to for field in fields) else Bucket.IDENTICAL


def assert_values(found: Preview, marketo: SandboxMarketo, dynamics: SandboxDynamics) -> None:
    """Each side holds what the preview said that it would be told."""
    holders = dict(marketo.people())
    terms = {terms.entity: terms for terms in found.terms.values()}
    for record in found:
        if record.entity is None or record.ids.dynamics is None:
            continue
        entity_map = terms[record.entity].map
        id_ = record.ids.dynamics
        made = (p for p, v in holders.items() if v[entity_map.link_field] == id_)
        person = record.ids.marketo or next(made, "")
        for field in record.fields:
            described = terms[record.entity].fields[terms[record.entity].index(field.name)]
            for side in field.to:
                held = (
                    holders[RecordId(person)]
                    if side is Side.MARKETO
                    else dynamics.row(record.entity, id_) or {}
                )
                native = described.names[side]
                if not isinstance(field.value, Missing) and len(field.to) == 1:
                    assert described.same(field.value, held[native], Pair(side, side)), native


VALUES: Final = st.sampled_from([None, "Ann", "Ann ", "Bob", "x" * 60, MISSING])
CONTACT_TERMS: Final = agree_terms(
    attrs.evolve(CONTACT.only("first_name", "job_title", "email"), deleted_field=None),
    Pair(Schema.of("person", PERSON_COLUMNS), Schema.of("contact", CONTACT_COLUMNS)),
    policy=default_policy(),
    first=default_first(default_policy()),
    backfill=default_backfill(),
)


@given(values=st.lists(st.tuples(VALUES, VALUES), min_size=3, max_size=3), typed=st.booleans())
def test_what_agrees_need_not_be_planned(
    *, values: list[tuple[str | Missing | None, str | Missing | None]], typed: bool
) -> None:
    """
    Leaving out what both say in the same words changes nothing that is decided.

    A field of which a cell cannot be read is decided on as if neither had reported it.
    """
    ids = Pair[RecordId | None](RecordId("1"), RecordId("a"))
    marketo: Row = [*(one for one, _ in values), "a", "Contact" if typed else None]
    dynamics: Row = [*(other for _, other in values), None, None]
    quick = decisions.decide(CONTACT_TERMS, ids, Pair(2, 2), dynamics, marketo)
    unread = [at for at, both in enumerate(values) if MISSING in both]
    for at in unread:
        marketo[at] = dynamics[at] = MISSING
    entry = decisions.entry_of(CONTACT_TERMS, ids, Pair[Row | None](marketo, dynamics))
    plan = plan_record(CONTACT_TERMS, entry, None, 0.0)
    now = Pair(marketo, dynamics)
    slow = decisions.previewed_fields(CONTACT_TERMS, plan, now)
    readable = [field for field in quick.fields if field.outcome is not FieldOutcome.UNREADABLE]

    assert slow == readable
    assert len(unread) == len(quick.fields) - len(readable)


# -- the command


def test_command_prints_a_report() -> None:
    """Without options a person reads what would happen; no value is shown."""
    result = run(PEOPLE, CONTACTS, "--leads", LEADS, "--by-email")

    # Somebody is ambiguous, and a value is refused: that needs a person.
    assert ATTENTION == result.exit_code
    assert "colliding" in result.output
    assert "FIELD_LENGTH" in result.output
    assert "Director" not in result.output
    assert "Müller" not in result.output


def test_command_shows_values_when_asked() -> None:
    """With ``--values`` the examples say from what to what."""
    result = run(PEOPLE, CONTACTS, "--values")

    assert "'Chief' becomes 'Director'" in result.output


def test_command_speaks_json() -> None:
    """With ``--json`` a machine reads the same sums."""
    said: Json = json.loads(run(PEOPLE, CONTACTS, "--leads", LEADS, "--json").output)

    assert isinstance(said, dict)
    files = said["files"]
    assert isinstance(files, dict)
    leads = files["leads"]
    assert isinstance(leads, dict)
    outcomes = leads["outcomes"]
    assert isinstance(outcomes, dict)
    assert (1, 1, 0) == (outcomes["created"], outcomes["refused"], outcomes["malformed"])


@pytest.mark.parametrize("values", [False, True])
def test_plan_has_a_row_for_each_field(tmp_path: Path, *, values: bool) -> None:
    """The plan says of each record and field what goes where, with values only if asked."""
    path = tmp_path / "plan.csv"
    run(PEOPLE, CONTACTS, "--plan", path, *(["--values"] if values else []))
    rows = list(rows_of(path))
    [title] = [r for r in rows if r.get("person id") == "101" and r.get("field") == "job_title"]

    assert ("contact", CONTACT_ID.format(1), "collides") == (
        title["entity"],
        title["dynamics id"],
        title["outcome"],
    )
    assert ("Chief", "Director") == (title["from"], title["to"]) or not values
    assert values == ("Director" in path.read_text("utf-8"))
    # Nobody but the owner reads it.
    assert 0o600 == path.stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("ours", "policy", "outcome"), [("t" * 51, "default", "refused"), ("2", "manual", "unresolved")]
)
def test_value_that_goes_nowhere_is_said_to_stay(
    ours: str, policy: str, outcome: str, write: Write, tmp_path: Path
) -> None:
    """Where nobody is told anything, no value becomes another: it is said who holds which."""
    theirs = "" if outcome == "refused" else "1"
    people = write("p.csv", "id,crmContactId,mobilePhone", f"1,<a>,{ours}")
    contacts = write("c.csv", "contactid,mobilephone", f"<a>,{theirs}")
    options = ("--values", "--policy", policy, "--plan", tmp_path / "plan.csv")
    told = " ".join(run(people, contacts, *options).output.split())
    [example] = json.loads(run(people, contacts, *options, "--json").output)["examples"]
    [row] = rows_of(tmp_path / "plan.csv")

    assert outcome == row["outcome"]
    assert "becomes" not in told.split("Examples")[1]
    quoted = repr(theirs) if theirs else "empty"
    assert f"(Marketo keeps {ours!r}, Dynamics keeps {quoted})" in told
    assert (ours, theirs) == (example["marketo_holds"], example["dynamics_holds"])
    assert (ours, theirs) == (row["marketo holds"], row.get("dynamics holds", ""))
    assert not {"from", "to"} & (row.keys() | example.keys())


def test_plan_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    """A plan without the columns of who holds what is a plan, too."""
    path = tmp_path / "plan.csv"
    run(PEOPLE, CONTACTS, "--plan", path)
    old = path.read_bytes().replace(b",marketo holds,dynamics holds", b"")
    path.write_bytes(old)

    assert 1 == run(PEOPLE, CONTACTS, "--plan", path).exit_code
    assert old != path.read_bytes()


def test_plan_holds_no_formula(write: Write, tmp_path: Path) -> None:
    """A name that a spreadsheet would run is shown as text."""
    people = write("p.csv", "id,crmContactId,firstName", "1,<a>,=HYPERLINK(1)", "2,<b>,+47 22")
    contacts = write("c.csv", "contactid,firstname", "<a>,", "<b>,")
    run(people, contacts, "--plan", tmp_path / "plan.csv", "--values")

    assert ["'=HYPERLINK(1)", "+47 22"] == [row["to"] for row in rows_of(tmp_path / "plan.csv")]


def test_report_fits_80_columns(write: Write) -> None:
    """Nothing that is printed is wider than the terminal, and no rule is cited by its number."""
    people = write("p.csv", "id,crmContactId,firstName,unsubscribed", "1,<a>,A,true", "2,b")
    contacts = write("c.csv", "contactid,firstname,donotbulkemail," + "wide" * 30, "<a>,B,0,")
    for arguments in ((PEOPLE, CONTACTS, "--leads", LEADS, "--by-email"), (people, contacts)):
        result = run(*arguments, "--values")
        assert [] == [line for line in result.output.splitlines() if cell_len(line) > 80]
        assert not re.search(r"\([RA]\d+\)|invariant", result.output)
        assert not re.search(r"\b1 (people|records|times)", result.output)
        assert "'' becomes" not in result.output


def test_plan_names_each_malformed_row(write: Write, tmp_path: Path) -> None:
    """However many rows cannot be used, the plan has a line for each."""
    people = write("p.csv", "id,crmContactId,firstName", *(["1,2"] * 1_500), "2,nobody,x")
    contacts = write("c.csv", "contactid,firstname", "<a>,x")
    run(people, contacts, "--plan", tmp_path / "plan.csv")
    rows = [r for r in rows_of(tmp_path / "plan.csv") if r["outcome"] == "malformed"]

    assert 1_501 == len(rows)
    assert "people, row 2: 2 cells, but the header has 3" == rows[0]["reason"]
    assert ("crmContactId", "people, row 1502: not a GUID, as Dynamics' ids are") == (
        rows[-1]["field"],
        rows[-1]["reason"],
    )


def test_plan_has_no_empty_fields_of_new_people(write: Write, tmp_path: Path) -> None:
    """What a new person would not be given is no line of the plan."""
    people = write("p.csv", "id,crmContactId,firstName,lastName,microsoftType,unsubscribed")
    contacts = write("c.csv", "contactid,firstname,lastname,donotbulkemail", "<a>,,Lee,")
    run(people, contacts, "--plan", tmp_path / "plan.csv", "--values")

    rows = list(rows_of(tmp_path / "plan.csv"))
    assert {"last_name", "@id", "@type"} == {row.get("field") for row in rows}


def test_json_keys_have_no_blanks() -> None:
    """A program need not quote any key."""
    said: Json = json.loads(run(PEOPLE, CONTACTS, "--leads", LEADS, "--json").output)

    def keys(value: Json) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, below in value.items():
                yield key
                yield from keys(below)
        elif isinstance(value, list):
            for item in value:
                yield from keys(item)

    assert [] == [key for key in keys(said) if not re.fullmatch("[a-z_]+", key)]


def test_exit_codes_are_those_of_the_command_line() -> None:
    """The preview is a command like the others, though it does not import them."""
    codes = (ExitCode.ATTENTION, ExitCode.USAGE, ExitCode.INTERRUPTED)

    assert codes == (ATTENTION, USAGE, INTERRUPTED)


@pytest.mark.parametrize(("policy", "code"), [("default", 0), ("manual", 1)])
def test_open_collision_needs_a_person(policy: str, code: int, write: Write) -> None:
    """A collision that the policy decides is no alarm; one that it leaves is."""
    people = write("p.csv", "id,crmContactId,firstName", "1,<a>,x")
    contacts = write("c.csv", "contactid,firstname", "<a>,y")

    assert code == run(people, contacts, "--policy", policy).exit_code


def test_broken_rows_need_a_person(write: Write) -> None:
    """The rest is reported, and whoever runs it in a script learns that something was wrong."""
    people = write("p.csv", "id,crmContactId,firstName", "1,<a>", "2,<b>,Ben")
    contacts = write("c.csv", "contactid,firstname", "<b>,Ben")
    result = run(people, contacts)

    assert ATTENTION == result.exit_code
    assert "row 2: 2 cells, but the header has 3" in " ".join(result.output.split())
    assert "identical" in result.output


def test_file_that_cannot_be_used_ends_with_2(write: Write) -> None:
    """Without ids there is nothing to preview, and the message says so."""
    result = run(write("p.csv", "firstName", "x"), CONTACTS)

    assert USAGE == result.exit_code
    assert "no column holds the people's ids" in result.output


def test_plan_replaces_nothing_but_a_plan(tmp_path: Path) -> None:
    """A file that holds something else is left alone; another plan, and an empty file, are not."""
    path = tmp_path / "plan.csv"
    path.write_text("entity, something precious", "utf-8")
    refused = run(PEOPLE, CONTACTS, "--plan", path)

    assert 2 == refused.exit_code
    assert "is no plan, and is not replaced" in refused.output
    assert "entity, something precious" == path.read_text("utf-8")
    path.write_text("", "utf-8")
    for _ in range(2):
        assert 1 == run(PEOPLE, CONTACTS, "--plan", path).exit_code
    assert path.read_text("utf-8-sig").startswith("entity,person id,")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("before", [None, ""], ids=["new", "replaced"])
def test_interrupted_preview_leaves_no_half_plan(
    number: signal.Signals, before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the middle of the plan, it leaves what was there, and says what is true."""
    plan = tmp_path / "plan.csv"
    if before is not None:
        plan.write_text(before, "utf-8")

    def interrupted(*_: object) -> None:
        assert list(tmp_path.glob(".plan.csv.*.part"))
        signal.raise_signal(number)

    monkeypatch.setattr(PlanFile, "add_malformed", interrupted)
    people = tmp_path / "people.csv"
    people.write_bytes(PEOPLE.read_bytes() + b"broken\r\n")
    result = CliRunner().invoke(app, ["preview", str(people), str(CONTACTS), "--plan", str(plan)])

    assert INTERRUPTED == result.exit_code
    assert "" == result.stdout
    said = " ".join(result.stderr.split())
    assert f"dynsync: stopped; nothing was changed anywhere, and {plan} was not written." == said
    assert before == (plan.read_text("utf-8") if plan.exists() else None)
    assert {"people.csv", *(["plan.csv"] if plan.exists() else [])} == {
        path.name for path in tmp_path.iterdir()
    }


def test_interrupt_behind_the_plan_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that is whole stays, and is not said not to be there."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "show", interrupted)
    result = run(PEOPLE, CONTACTS, "--plan", tmp_path / "plan.csv")

    assert INTERRUPTED == result.exit_code
    assert "dynsync: stopped; nothing was changed anywhere.\n" == result.stderr
    assert 10 < len(list(rows_of(tmp_path / "plan.csv")))


@pytest.mark.parametrize("statement", ["CREATE INDEX people_id", "SELECT r.row", "SELECT row"])
@pytest.mark.parametrize("over", [preview, app])
def test_disk_that_is_full_under_the_index_is_told_as_that(
    statement: str, over: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the files are read and while they are compared; and no half plan is left."""

    class Full(sqlite3.Connection):
        def execute(self, sql: str, parameters: Sequence[str] = (), /) -> sqlite3.Cursor:  # type: ignore[override]
            if sql.startswith(statement):
                raise sqlite3.OperationalError("database or disk is full")
            return super().execute(sql, parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Full))
    plan = tmp_path / "plan.csv"
    words = ["preview"] if over is app else []
    given = [*words, str(PEOPLE), str(CONTACTS), "--plan", str(plan)]
    result = CliRunner().invoke(over, given)

    assert USAGE == result.exit_code
    assert "the temporary index cannot be written or read; SQLITE_TMPDIR says" in result.stderr
    assert "database or disk is full" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_plan_whose_name_can_be_no_file_is_told(tmp_path: Path) -> None:
    """What the system says of the name is said before anything is read."""
    result = run(PEOPLE, CONTACTS, "--plan", tmp_path / ("p" * 300))

    assert USAGE == result.exit_code
    assert "File name too long" in result.stderr


def test_plan_goes_through_a_link_and_a_pipe(tmp_path: Path) -> None:
    """What the name of the plan leads to is written, and stays what it is."""
    (tmp_path / "linked.csv").symlink_to(tmp_path / "plan.csv")
    run(PEOPLE, CONTACTS, "--plan", tmp_path / "linked.csv")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:  # noqa: S603, S607 - reads our own pipe
        run(PEOPLE, CONTACTS, "--plan", tmp_path / "pipe")
        assert reader.stdout is not None
        piped = reader.stdout.read()

    assert (tmp_path / "linked.csv").is_symlink()
    assert (tmp_path / "plan.csv").read_bytes() == piped


def test_plan_does_not_overwrite_an_export() -> None:
    """A plan under the name of an export is refused before anything is read."""
    before = PEOPLE.read_bytes()

    assert 2 == run(PEOPLE, CONTACTS, "--plan", PEOPLE).exit_code
    assert before == PEOPLE.read_bytes()


def test_terminal_takes_no_orders_from_an_export(write: Write) -> None:
    """Escape sequences in an id are not printed."""
    people = write("p.csv", "id,crmContactId,firstName", "\x1b[31m1,a,x")
    result = run(people, write("c.csv", "contactid,firstname", "<a>,y"))

    assert "\x1b[31m1" not in result.output


# -- many rows

MANY: Final = 100_000

MEASURED: Final = """
import resource, sys
from dynsync.preview.command import preview
try:
    preview(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def write_many(folder: Path, number: int) -> tuple[Path, Path, Counter[tuple[str, str]]]:
    """Write exports of *number* rows each and return how many were written of each case."""
    people, contacts = folder / f"people_{number}.csv", folder / f"contacts_{number}.csv"
    written: Counter[tuple[str, str]] = Counter()
    with people.open("w", newline="") as ours, contacts.open("w", newline="") as theirs:
        ours.write("Id,crmContactId,First,Last,Email,Mobile,Unsubscribed\r\n")
        theirs.write("contactid;firstname;lastname;emailaddress1;mobilephone;donotbulkemail\n")
        for i in range(number):
            case = CASES[i % len(CASES)]
            guid, mine, other = CONTACT_ID.format(i), f"Ann,Lee{i},a{i}@x.org,", f"Ann;Lee{i};"
            mail, mobile, held = f"a{i}@x.org", "1", "1"
            if case == "marketo_only":
                guid = ""
            elif case == "created":
                mail = ""
            elif case == "updated":
                held = ""
            elif case == "colliding":
                held = "2"
            elif case == "refused":
                mobile, held = "1" * 51, ""
            if case != "created":
                ours.write(f"{i + 1},{guid},{mine}{mobile},false\r\n")
                written["people", case] += 1
            if case == "malformed":
                theirs.write(f"{guid};broken\n")
                written["contacts", case] += 1
            elif case not in {"marketo_only", "orphaned"}:
                theirs.write(f"{guid};{other}{mail};{held};0\n")
                written["contacts", case] += 1
    # A person whose record is on a broken line has one, which nobody can read.
    written["people", "unreadable"] += written.pop(("people", "malformed"), 0)
    return people, contacts, written


CASES: Final[Sequence[str]] = (
    *["identical"] * 33,
    *["updated", "updated", "colliding", "created", "refused", "marketo_only", "orphaned"],
    *["malformed"],
)


def measured(*arguments: str | Path) -> tuple[Json, int]:
    """Return what the command says in a process of its own, and its peak in KB."""
    command = [sys.executable, "-c", MEASURED, "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert ATTENTION == done.returncode, done.stderr
    said: Json = json.loads(done.stdout)
    return said, int(done.stderr)


def test_hundred_thousand_rows_are_counted_in_constant_memory(tmp_path: Path) -> None:
    """The sums are those of the loop that wrote the files, and memory is that of a few rows."""
    people, contacts, expected = write_many(tmp_path, MANY)
    said, peak = measured(people, contacts)
    small_people, small_contacts, _ = write_many(tmp_path, 1_000)
    _, small_peak = measured(small_people, small_contacts)

    assert isinstance(said, dict)
    files = said["files"]
    assert isinstance(files, dict)
    found: Counter[tuple[str, str]] = Counter()
    for role, file in files.items():
        assert isinstance(file, dict)
        outcomes = file["outcomes"]
        assert isinstance(outcomes, dict)
        for outcome, number in outcomes.items():
            assert isinstance(number, int)
            found[role, outcome] += number
    assert expected == +found
    assert peak - small_peak < 15 * 1024
