"""The clauses of the connector contract, in the order in which findings list them."""

from __future__ import annotations

from typing import Final

from dynsync.testing._findings import Clause

__all__ = ["CONNECTOR_CLAUSES"]

CONNECTOR_CLAUSES: Final = (
    Clause(
        "C1",
        "own names, wire values",
        "Two places that know what a value means would disagree one day.",
    ),
    Clause(
        "C2",
        "pages",
        "What changes behind the reader's back during a full read would otherwise be lost.",
    ),
    Clause(
        "C3",
        "nothing skipped",
        "The engine compares by value, so a repeat costs nothing and a gap costs an edit.",
    ),
    Clause(
        "C3d",
        "what is gone is told",
        "A record that is taken for alive is written to, and one taken for gone is flagged.",
    ),
    Clause(
        "C3e",
        "replaced values are told",
        "An edit that our own write covered is found by the value that our write replaced.",
    ),
    Clause(
        "C4",
        "only what was asked",
        "Null clears and absent does not, and what was not asked for may be what may not be known.",
    ),
    Clause(
        "C5",
        "one result a write, and a true one",
        "The base moves by results: a false one would be a lie about what a system holds.",
    ),
    Clause(
        "C6",
        "creates are idempotent",
        "A lost answer must make no second record.",
    ),
    Clause(
        "C7",
        "stale writes are refused",
        "The decision was based on that version.",
    ),
    Clause(
        "C8",
        "the failure language is closed",
        "The engine must know whether anything was applied, and whether to wait.",
    ),
    Clause(
        "C9",
        "values are not shared",
        "Observations are kept and compared.",
    ),
    Clause(
        "identity",
        "a stable name",
        "A state file that met another instance would link its records to the wrong ones.",
    ),
    Clause(
        "describe",
        "columns, limits and rights",
        "A column that may not be read reads as null, and would be taken for cleared.",
    ),
    Clause(
        "fetch",
        "those that exist",
        "It is asked after a write whose outcome is not known, and then believed.",
    ),
    Clause(
        "find",
        "every record that holds a value",
        "A rival that is missed makes a doubtful match look certain.",
    ),
    Clause(
        "log",
        "lines are kept and known again",
        "A refusal is told once: a line that is forgotten is written again every run.",
    ),
    Clause(
        "sync_user",
        "who writes",
        "Whoever looks at a row finds out by it whether the sync wrote it last.",
    ),
)
"""C3d, C3e and those with a method's name are promised where the contract asks for it."""
