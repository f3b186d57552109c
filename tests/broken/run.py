"""
Which clause of the contract kills which broken connector, and in how many calls.

``python tests/broken/run.py`` prints the table, and ends with 1 if one of them survives.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from broken.connectors import BROKEN, Broken
from dynsync.testing import Findings, check_connector


def killed(broken: Broken) -> Findings:
    """Check a broken connector with the programs written by hand, and none by chance."""
    return check_connector(broken.make, table=broken.table, rounds=0)


def table() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield for each its name, what is wrong, the clauses broken, the one meant, and calls."""
    for broken in BROKEN:
        found = killed(broken).broken
        by = {one.clause.number: one for one in found}
        meant = broken.clause if broken.clause in by else "SURVIVED"
        calls = str(len(by[broken.clause].calls)) if broken.clause in by else "-"
        also = " ".join(number for number in by if number != broken.clause)
        yield broken.name, broken.wrong, meant, calls, also


def main() -> int:
    """Print the table."""
    survived = 0
    print("| connector | what is wrong | killed by | calls | breaks too |")
    print("| --- | --- | --- | --- | --- |")
    for row in table():
        print(f"| {' | '.join(row)} |", flush=True)
        survived += row[2] == "SURVIVED"
    print(f"\n{len(BROKEN)} broken connectors, {survived} survived")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main())
