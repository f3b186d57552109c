"""The clauses of the store contract, and which of them each method is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dynsync.testing._findings import Clause

__all__ = ["CLAUSES", "CLAUSE_OF", "PAGE"]

PAGE: Final = "docs/reference/store-contract.md"

CLAUSES: Final = (
    Clause(
        "S1",
        "All or nothing",
        "The crash rule is nothing else: a change leaves the backlog only in the transaction that "
        "stores its outcome and its new base.",
    ),
    Clause("S2", "Own writes", "A page may hold a record twice."),
    Clause(
        "S3",
        "Unique links",
        "Links are a partial bijection; two people for one record would overwrite each other for "
        "ever.",
    ),
    Clause(
        "S4",
        "One holder of the lease",
        "Two engines on one state would each believe the other's writes to be edits.",
    ),
    Clause("S5", "Nothing by reference", "Rows are lists that are worked on."),
    Clause(
        "S6",
        "Scratch leaves no trace",
        "Looking at what a run would do runs the real observer, and must move nothing.",
    ),
    Clause(
        "S7",
        "What was saved comes back",
        "True, 1 and 1.0 are three values, and a base that comes back as another is a change that "
        "nobody made.",
    ),
    Clause(
        "S8",
        "Due in order",
        "The backlog is worked off in the order of the changes, a page at a time; what is out of "
        "its place is skipped for ever or decided twice.",
    ),
    Clause(
        "S9",
        "Known by id",
        "A person who was deleted and made anew has two links, and one of them is the past.",
    ),
    Clause(
        "S10",
        "Streams",
        "There may be a million links: what is listed at once does not fit, and what is written "
        "meanwhile must not disturb.",
    ),
    Clause(
        "S11",
        "Layouts follow",
        "A value of a field that went may be one that nobody may read any more, and a row in an "
        "old layout is another record's.",
    ),
    Clause(
        "S12",
        "The journal counts on",
        "Recorders keep their place by number: one that is given twice is an outcome that is told "
        "to nobody.",
    ),
    Clause(
        "S13",
        "The backlog in numbers",
        "Guards stop a run by these numbers, and operators look at them while it runs.",
    ),
    Clause(
        "S14",
        "Outlives the process",
        "The process may die at any moment, and the next one goes on from what was committed.",
    ),
)
"""The clauses, in order. Each is a heading of the page of the contract."""

CLAUSE_OF: Final[Mapping[str, str]] = {
    **dict.fromkeys(("acquire", "renew", "release"), "S4"),
    **dict.fromkeys(("get", "put", "feed", "save_feed", "links", "save_links"), "S7"),
    **dict.fromkeys(("save_versions", "save_sent", "drop_links", "next_key"), "S7"),
    **dict.fromkeys(("pending", "save_pending", "drop_pending"), "S7"),
    **dict.fromkeys(("due", "wake"), "S8"),
    **dict.fromkeys(("known", "link_of"), "S9"),
    **dict.fromkeys(("each_link", "each_pending", "open_links"), "S10"),
    "relayout": "S11",
    **dict.fromkeys(("append", "journal", "history", "prune"), "S12"),
    "backlog": "S13",
}
"""The clause that a method's answer is about where nothing else explains a difference."""
