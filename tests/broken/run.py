"""
Which clause of the contract kills which broken connector, and in how many calls.

``python tests/broken/run.py [NAME ...]`` prints the table, of all or of those named, and ends
with 1 if one of them survives.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from broken.connectors import BROKEN, Broken
from dynsync.testing import Findings, check_connector

SURVIVED: Final = "SURVIVED"


def killed(broken: Broken) -> Findings:
    """Check a broken connector with the programs written by hand, and none by chance."""
    return check_connector(broken.make, table=broken.table, rounds=0)


def row(broken: Broken) -> tuple[str, str, str, str, str]:
    """Return its name, what is wrong, what killed it in how many calls, and what it breaks too."""
    by = {one.clause.number: one for one in killed(broken).broken}
    meant = by.get(broken.clause)
    also = " ".join(number for number in by if number != broken.clause)
    if meant is None:
        return broken.name, broken.wrong, SURVIVED, "-", also
    return broken.name, broken.wrong, broken.clause, str(len(meant.calls)), also


def main(names: Sequence[str] = ()) -> int:
    """Print the table; return 1 if one survives."""
    chosen = [broken for broken in BROKEN if not names or broken.name in names]
    survived = 0
    print("| connector | what is wrong | killed by | calls | breaks too |")
    print("| --- | --- | --- | --- | --- |")
    for broken in chosen:
        cells = row(broken)
        print(f"| {' | '.join(cells)} |", flush=True)
        survived += SURVIVED in cells
    print(f"\n{len(chosen)} broken connectors, {survived} survived")
    return int(bool(survived))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
