"""The pages agree with the code where they repeat it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pages import MADE, PAGES, ROOT, names, remade

CITED: Final = re.compile(r"\b[RAU][0-9]{1,3}\b|\binvariant [0-9]+")
SOURCES: Final = sorted((ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_made_parts_are_up_to_date(page: str) -> None:
    """The tables that are made from the code are as ``python tests/pages.py`` makes them."""
    text = (ROOT / page).read_text("utf-8")

    assert remade(text) == text


def test_every_made_part_is_on_a_page() -> None:
    """Nothing is made that no page shows, and nothing is shown twice."""
    shown = [name for page in PAGES for name in names((ROOT / page).read_text("utf-8"))]

    assert sorted(MADE) == sorted(shown)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_cited_rules_can_be_looked_up(path: Path) -> None:
    """A rule that the code cites by its number has a row in the page of rules."""
    rules = set(CITED.findall((ROOT / "docs/reference/rules.md").read_text("utf-8")))
    cited = set(CITED.findall(path.read_text("utf-8")))

    assert set() == {number for number in cited - rules if number not in NOT_RULES}


NOT_RULES: Final = frozenset({"A002"})
"""What looks like a rule's number and is none."""
