"""The mutation run: what it changes, what it asks, and how it tells what it found."""

from __future__ import annotations

import pytest

from mutation import ROOT, TESTS, below_5, place_of, settled, sources, table

SOURCE = '''\
def other() -> int:
    return 1


class Pair:
    def swap(self) -> int:
        return 1


def swap() -> int:
    """Return two."""
    return (
        1 + 1
    )
'''


def test_only_what_differs_of_a_function_is_shown() -> None:
    """A change of a function is told with its line in the module."""
    diff = (
        "--- src/a.py\n+++ src/a.py\n@@ -1,5 +1,5 @@\n def swap() -> int:\n"
        '     """Return two."""\n     return (\n-        1 + 1\n+        1 - 1\n     )\n'
    )

    assert place_of(SOURCE, "swap", diff) == (13, "1 + 1", "1 - 1")


def test_a_method_is_found_in_its_class() -> None:
    """Two functions of one name are told apart by their class."""
    diff = "@@ -1,2 +1,2 @@\n def swap(self) -> int:\n-    return 1\n+    return 2\n"

    assert place_of(SOURCE, "Pair.swap", diff) == (7, "return 1", "return 2")


def test_a_change_of_other_lines_is_refused() -> None:
    """A report about a module that has moved on since would name a wrong line."""
    with pytest.raises(ValueError, match="no lines like those"):
        place_of(SOURCE, "swap", "-    return 5\n+    return 6\n")


def test_each_module_has_a_row_with_what_became_of_its_mutants() -> None:
    """No test at all is survival, like tests that all pass; a crash is not a kill."""
    codes = {"a": 1, "b": 0, "c": 33, "d": 36, "e": -11, "f": None}

    found = table({"src/dynsync/kinds/_kind.py": codes})

    assert found.splitlines()[0] == (
        "| module | mutants | killed | survived | timed out | crashed | not run |"
    )
    assert found.splitlines()[2] == "| `kinds/_kind` | 6 | 1 | 2 | 1 | 1 | 1 |"


def test_the_second_round_is_about_survivors() -> None:
    """What was killed stays so, and a survivor that was not tried again is one still."""
    first = {
        "killed": 1,
        "killed later": 0,
        "untested": 33,
        "alive": 0,
        "no time": 0,
        "never": None,
    }
    second = {"killed": 0, "killed later": 1, "untested": 1, "alive": 0, "no time": None}

    assert [1, 1, 1, 0, 0, None] == list(settled(first, second).values())


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_that_are_run_exist(name: str) -> None:
    """A test module that was renamed is not left out in silence."""
    assert (ROOT / "tests" / f"test_{name}.py").is_file()


@pytest.mark.parametrize("module", below_5())
def test_every_module_below_the_optional_ones_can_be_asked_about(module: str) -> None:
    """Layers 0 to 4 have their files, and layer 5 is not among them."""
    assert sources(module)
    assert module not in {"sqlite", "sandbox", "testing", "cli"}


def test_an_unknown_module_is_refused() -> None:
    """A slip of the pen does not end in a table with nothing in it."""
    with pytest.raises(SystemExit, match="no module merging"):
        sources("merging")
