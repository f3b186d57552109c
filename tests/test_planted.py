"""The planted bugs: each has one place in the engine, and something that kills it."""

from __future__ import annotations

from typing import Final

import pytest

from planted.run import SRC, bugs, killers, planted

PARTS: Final = frozenset(
    {"observing", "folding the backlog", "matching", "permission", "canonical comparison"}
    | {"merge", "policy", "validation", "planning", "batching", "settling", "base", "cursor"}
    | {"retry", "lease", "lost-update recovery", "sync_person"}
)


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: str(bug["name"]))
def test_every_bug_has_one_place(bug: dict[str, str]) -> None:
    """A bug can be planted, and the engine is another one then."""
    text = (SRC / "dynsync" / bug["file"]).read_text("utf-8")
    changed = planted(bug, text)

    assert changed != text
    compile(changed, bug["file"], "exec")


def test_every_bug_has_a_killer() -> None:
    """Nothing is planted of which nobody knows what finds it."""
    assert [bug["name"] for bug in bugs()] == list(killers())


def test_bugs_are_many_and_everywhere() -> None:
    """Sixty at least, of every part of the engine."""
    assert len({bug["name"] for bug in bugs()}) == len(bugs()) >= 60
    assert PARTS == {bug["part"] for bug in bugs()}


def test_a_bug_without_a_place_is_refused() -> None:
    """An engine that has moved on is not attacked in its old place."""
    with pytest.raises(ValueError, match="stands 0 times"):
        planted({"name": "x", "file": "merge.py", "before": "nowhere", "after": ""}, "text")
