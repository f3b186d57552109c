"""The pages agree with the code where they repeat it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from pages import MADE, PAGES, ROOT, names, remade

ROW: Final = re.compile(r"^\| ([RAU][0-9]{1,3}|invariant [0-9]+) \|", re.MULTILINE)
CITED: Final = re.compile(r"\b[RAU][0-9]{1,3}\b|\binvariant [0-9]+")
SOURCES: Final = sorted((ROOT / "src").rglob("*.py"))
WRITTEN: Final = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES)
def test_made_parts_are_up_to_date(page: str) -> None:
    """The tables that are made from the code are as ``python tests/pages.py`` makes them."""
    text = (ROOT / page).read_text("utf-8")

    assert remade(text) == text


def test_every_made_part_is_on_a_page() -> None:
    """Nothing is made that no page shows, and nothing is shown twice."""
    shown = [name for page in PAGES for name in names((ROOT / page).read_text("utf-8"))]

    assert sorted(MADE) == sorted(shown)


@pytest.mark.parametrize("path", [*SOURCES, *WRITTEN], ids=lambda path: path.stem)
def test_cited_rules_can_be_looked_up(path: Path) -> None:
    """A rule that the code or a page cites by its number has a row in the page of rules."""
    pages = ("docs/reference/rules.md", "docs/reference/invariants.md")
    rules = {cited for page in pages for cited in ROW.findall((ROOT / page).read_text("utf-8"))}
    cited = set(CITED.findall(path.read_text("utf-8")))

    assert set() == {number for number in cited - rules if number not in NOT_RULES}


NOT_RULES: Final = frozenset({"A002"})
"""What looks like a rule's number and is none."""


def own_codes(tree: ast.Module) -> set[str]:
    """Return the codes that *tree* makes reasons of, by themselves or by a constant's name."""
    names = {
        ast.unparse(node.target): ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and node.value is not None
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    making = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in MAKERS]
    codes = [ast.unparse(call.args[0]) for call in making]
    codes = [names.get(code, code) for code in codes]
    return {code.strip("'") for code in codes if OWN_CODE.fullmatch(code)}


MAKERS: Final = frozenset({"Reason", "Unfit"})
OWN_CODE: Final = re.compile(r"'[A-Z_]+'")


def test_every_validation_code_is_explained() -> None:
    """The page of outcomes has a row for each code that the engine gives, and for no other."""
    page = (ROOT / "docs/reference/outcomes.md").read_text("utf-8")
    _, table = page.split("## Validation codes")
    explained = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    given = [own_codes(ast.parse(path.read_text("utf-8"))) for path in SOURCES]

    assert set().union(*given) == explained
