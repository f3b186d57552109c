"""
Who belongs to whom: by the Dynamics id that a person holds, then, if asked, by e-mail.

The same rules as `dynsync.matching` and the engine have, said in SQL because neither side
fits into memory: a person is linked once, by e-mail only if exactly one person and one
record hold the address, and ambiguity never links anybody (invariant 27).
"""
# ruff: noqa: S608 - only names of our own tables and columns are put together

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from dynsync.outcomes import TAKEN
from dynsync.preview._words import FileRole

__all__ = [
    "alike_by_email",
    "leave_lost",
    "leave_lost_by_email",
    "match_by_email",
    "match_by_id",
]

_SECOND = "another person holds the same Dynamics id, and the first keeps it"


def match_by_id(database: sqlite3.Connection, roles: Sequence[FileRole]) -> None:
    """
    Link people to the records whose ids they hold; *roles* are in the order of their rank.

    Of two people with one id the first keeps it. Who holds the ids of a contact and a lead
    is the contact (A13).
    """
    for role in roles:
        table = role.value
        database.execute(
            f"UPDATE {table} SET person = (SELECT n FROM people "
            f"WHERE people.{table} = {table}.id AND people.state IS NULL "
            f"ORDER BY CAST(people.id AS INTEGER), n LIMIT 1) WHERE state IS NULL"
        )
        database.execute(
            f"UPDATE {table} SET person = NULL, state = 'ambiguous', why = ? "
            f"WHERE person IN (SELECT n FROM people WHERE pair IS NOT NULL)",
            (TAKEN,),
        )
        _note_pairs(database, table)
    for role in roles:
        table = role.value
        database.execute(
            f"UPDATE people SET state = 'ambiguous', why = ? "
            f"WHERE pair IS NULL AND state IS NULL AND {table} IN (SELECT id FROM {table})",
            (_SECOND,),
        )


_LOST = "a row of the {} that cannot be used seems to be its other half"


def leave_lost(database: sqlite3.Connection, roles: Sequence[FileRole]) -> None:
    """
    Leave undecided whom nobody is linked to while a row that cannot be used holds its id.

    Of a person's rows only the first counts, and the id that a later one holds is as lost.
    """
    for role in roles:
        table = role.value
        _leave(
            database,
            table,
            f"id IN (SELECT word FROM lost WHERE role = 'people') "
            f"OR id IN (SELECT {table} FROM people WHERE state = 'repeated')",
            "people",
        )
        _leave(
            database,
            "people",
            f"pair IS NULL AND {table} IN (SELECT word FROM lost WHERE role = '{table}')",
            table,
        )


def leave_lost_by_email(database: sqlite3.Connection, roles: Sequence[FileRole]) -> None:
    """Leave undecided those, too, whose address a row that cannot be used holds."""
    held = (
        "(email IN (SELECT word FROM lost WHERE role = '{0}') "
        "OR email IN (SELECT email FROM {0} WHERE state = 'repeated'))"
    )
    for role in roles:
        _leave(database, role.value, held.format("people"), "people")
        _leave(database, "people", f"pair IS NULL AND {held.format(role.value)}", role.value)


def _leave(database: sqlite3.Connection, table: str, condition: str, other: str) -> None:
    unlinked = "state IS NULL" if table == "people" else "state IS NULL AND person IS NULL"
    database.execute(
        f"UPDATE {table} SET state = 'unreadable', why = ? WHERE {unlinked} AND ({condition})",
        (_LOST.format(other),),
    )


def _note_pairs(database: sqlite3.Connection, table: str) -> None:
    database.execute(
        f"UPDATE people SET pair = ?, state = NULL, why = NULL "
        f"WHERE n IN (SELECT person FROM {table} WHERE person IS NOT NULL)",
        (table,),
    )


def match_by_email(database: sqlite3.Connection, roles: Sequence[FileRole]) -> None:
    """
    Link records and people that nobody is linked to where one of each has an address.

    A person that is another entity's record already, or becomes one here, is linked to no
    second: that record is left to a human, as in the engine.
    """
    database.execute(
        "CREATE TABLE shared(role TEXT, email TEXT, records INTEGER, people INTEGER, "
        "record INTEGER, person INTEGER, PRIMARY KEY (role, email)) WITHOUT ROWID"
    )
    for role in roles:
        _share(database, role.value)
    for role in roles:
        _settle_shared(database, role.value)


def alike_by_email(
    database: sqlite3.Connection, roles: Sequence[FileRole]
) -> Iterator[tuple[FileRole, int]]:
    """
    Yield how many that nobody is linked to share an address with such a one of the other side.

    Of the people those count who hold no id at all: an id says already who somebody is.
    """
    people = (
        "people WHERE pair IS NULL AND state IS NULL AND contacts IS NULL AND leads IS NULL "
        "AND email IS NOT NULL"
    )
    records = {role: f"{role.value} WHERE person IS NULL AND state IS NULL" for role in roles}
    theirs = " UNION ALL ".join(f"SELECT email FROM {one}" for one in records.values())
    asked = {
        FileRole.PEOPLE: f"{people} AND email IN ({theirs})",
        **{
            role: f"{one} AND email IN (SELECT email FROM {people})"
            for role, one in records.items()
        },
    }
    for role, where in asked.items():
        number: int
        [(number,)] = database.execute(f"SELECT COUNT(*) FROM {where}")
        yield role, number


def _free(table: str) -> str:
    """Return which people a record of *table* may be: those that hold no id of one."""
    return f"state IS NOT 'repeated' AND {table} IS NULL AND email IS NOT NULL"


def _share(database: sqlite3.Connection, table: str) -> None:
    """Note each address that free people and records of *table* have, and how many have it."""
    database.execute(
        "INSERT INTO shared SELECT ?, email, r.records, p.people, r.record, p.person FROM "
        f"(SELECT email, COUNT(*) AS records, MIN(n) AS record FROM {table} "
        "WHERE person IS NULL AND state IS NULL AND email IS NOT NULL GROUP BY email) AS r "
        "JOIN (SELECT email, COUNT(*) AS people, MIN(n) AS person FROM people "
        f"WHERE {_free(table)} GROUP BY email) AS p USING (email)",
        (table,),
    )


def _settle_shared(database: sqlite3.Connection, table: str) -> None:
    persons = "people || CASE people WHEN 1 THEN ' person' ELSE ' people' END"
    held = "records || CASE records WHEN 1 THEN ' record' ELSE ' records' END"
    why = f"{persons} || ' and ' || {held} || ' share the same email'"
    several = "role = ? AND (records > 1 OR people > 1)"
    mine = "person IS NULL AND state IS NULL"
    alone = f"pair IS NULL AND {_free(table)}"
    for target, condition in ((table, mine), ("people", alone)):
        database.execute(
            f"UPDATE {target} SET state = 'ambiguous', why = (SELECT {why} FROM shared "
            f"WHERE role = ? AND shared.email = {target}.email) WHERE {condition} "
            f"AND email IN (SELECT email FROM shared WHERE {several})",
            (table, table),
        )
    database.execute(
        f"UPDATE {table} SET person = (SELECT person FROM shared "
        f"WHERE role = ? AND shared.email = {table}.email) WHERE {mine} "
        f"AND email IN (SELECT email FROM shared WHERE role = ? AND records = 1 AND people = 1)",
        (table, table),
    )
    database.execute(
        f"UPDATE {table} SET person = NULL, state = 'ambiguous', why = ? "
        f"WHERE person IN (SELECT n FROM people WHERE pair IS NOT NULL AND pair != ?)",
        (TAKEN, table),
    )
    _note_pairs(database, table)
