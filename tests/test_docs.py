"""
The pages keep their word: their examples run, their links lead somewhere.

Each page's ``python`` blocks run in order, in one namespace and an empty folder. An
``output`` block after one, or a ``text`` block right after one, is what it prints. A block
marked ``python no-run`` only has to compile, and the comment on the line before it says why:
``<!-- not run: needs an account -->``.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

import attrs
import pytest

ROOT: Final = Path(__file__).parents[1]
RUNNABLE: Final = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
)
PAGES: Final = [*RUNNABLE, "CHANGELOG.md"]

MAX_NOT_RUN: Final = 6
"""How many examples may go unrun in all the pages; raise it only with a reason."""

FENCE: Final = re.compile(r"(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
REASON: Final = re.compile(r"\s*<!-- not run: \S.* -->\s*$")
COMMENT: Final = re.compile(r"\s*<!--.*-->\s*$")
HEADING: Final = re.compile(r"#{1,6} +(.*?)(?: +#+)?$")
CODE_SPAN: Final = re.compile(r"(`+).+?\1")
INLINE_LINK: Final = re.compile(r"\]\(<?([^()\s>]+(?:\([^()\s]*\))?)>?(?:\s+\"[^\"]*\")?\)")
REFERENCE_LINK: Final = re.compile(r"^\[[^\]]+\]:\s+<?([^\s>]+)>?")
ANCHOR: Final = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
EXTERNAL: Final = re.compile(r"[a-z][a-z+.-]*:")

UNCHECKED: Final = frozenset({"py", "python3", "pycon", "python-repl", "ipython"})
"""Other spellings of ``python``: a block marked so would silently not run."""


@attrs.frozen
class Block:
    """A fenced block on *line* to *last*; *adjacent* if no prose parts it from the one before."""

    info: tuple[str, ...]
    text: str
    line: int
    last: int
    before: str
    adjacent: bool

    @property
    def language(self) -> str:
        """Return the first word of the info string."""
        return self.info[0] if self.info else ""

    @property
    def runs(self) -> bool:
        """Return whether the block is to be executed."""
        return self.language == "python" and "no-run" not in self.info


def read(page: str) -> list[str]:
    """Return the lines of *page*, a path below the root of the project."""
    return (ROOT / page).read_text("utf-8").splitlines()


def blocks(lines: list[str]) -> list[Block]:
    """Return the fenced blocks among *lines*."""
    found: list[Block] = []
    prose = True
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence is None:
            prose = prose or not (COMMENT.match(lines[at]) or lines[at].isspace() or not lines[at])
            at += 1
            continue
        closing = re.compile(rf" *{fence['ticks']}[`~]* *$")
        end = next((n for n in range(at + 1, len(lines)) if closing.match(lines[n])), len(lines))
        indent = len(fence["indent"])
        text = "\n".join(
            line[min(indent, len(line) - len(line.lstrip())) :] for line in lines[at + 1 : end]
        )
        found.append(
            Block(
                info=tuple(fence["info"].split()),
                text=text,
                line=at + 1,
                last=end + 1,
                before=lines[at - 1] if at else "",
                adjacent=not prose,
            )
        )
        prose = False
        at = end + 1
    return found


def prose_of(lines: list[str]) -> Iterator[str]:
    """Yield the lines that are outside fenced blocks."""
    inside = {n for block in blocks(lines) for n in range(block.line, block.last + 1)}
    yield from (line for number, line in enumerate(lines, 1) if number not in inside)


def run_page(found: list[Block], page: str, module: ModuleType) -> None:
    """Execute the blocks of *page* in the namespace of *module*, comparing what they print."""
    printed: str | None = None
    for block in found:
        if block.language == "python":
            # Blank lines in front, so that a traceback points at the line in the page.
            source = "\n" * block.line + block.text
            code = compile(source, str(ROOT / page), "exec", dont_inherit=True)
            printed = execute(code, module) if block.runs else None
        elif block.language == "output" or (block.adjacent and block.language == "text"):
            if block.language == "output":
                assert printed is not None, f"{page}:{block.line}: output of no block that ran"
            if printed is not None:
                assert tidy(block.text) == tidy(printed), f"{page}:{block.line}"
            printed = None
        elif block.language != "text":
            printed = None


def execute(code: CodeType, module: ModuleType) -> str:
    """Return what *code* prints when it runs in the namespace of *module*."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, vars(module))  # noqa: S102 -- running the examples is the test
    return out.getvalue()


def tidy(text: str) -> list[str]:
    """Return the lines of *text* without what a reader cannot see."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def slugs(lines: list[str]) -> set[str]:
    """Return the fragments that links to a page of *lines* may end in, as GitHub makes them."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for line in prose_of(lines):
        found.update(ANCHOR.findall(line))
        if heading := HEADING.match(line):
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return found


def links(lines: list[str]) -> Iterator[str]:
    """Yield the targets of the links among *lines* that stay within the project."""
    for line in prose_of(lines):
        text = CODE_SPAN.sub("", line)
        for target in (*INLINE_LINK.findall(text), *REFERENCE_LINK.findall(text)):
            if not EXTERNAL.match(target):
                yield target


def broken(page: str, target: str) -> bool:
    """Return whether the link *target* on *page* leads to no file, or to no heading in it."""
    path, _, fragment = target.partition("#")
    file = (ROOT / page).parent / path if path else ROOT / page
    if not file.exists() or not file.resolve().is_relative_to(ROOT):
        return True
    return bool(fragment) and fragment not in slugs(file.read_text("utf-8").splitlines())


@pytest.mark.parametrize("page", RUNNABLE)
def test_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page run from top to bottom and print what the page says."""
    module = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    monkeypatch.chdir(tmp_path)

    run_page(blocks(read(page)), page, module)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """A link to another page, or to a heading, leads to one that exists."""
    assert [] == [target for target in links(read(page)) if broken(page, target)]


@pytest.mark.parametrize("page", RUNNABLE)
def test_unrun_example_says_why(page: str) -> None:
    """An example is left unrun only with a reason on the line before it."""
    found = blocks(read(page))

    assert [] == [block.line for block in found if block.language in UNCHECKED]
    assert [] == [
        block.line
        for block in found
        if ("no-run" in block.info) != bool(REASON.match(block.before))
    ]


def test_few_examples_are_unrun() -> None:
    """Nearly every example runs."""
    unrun = [
        f"{page}:{block.line}"
        for page in RUNNABLE
        for block in blocks(read(page))
        if "no-run" in block.info
    ]

    assert len(unrun) <= MAX_NOT_RUN, unrun


def test_changelog_is_of_this_version() -> None:
    """The newest entry of the changelog is about the version of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    entries = re.findall(
        r"^## \[?(\d[^\s\]]*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )

    assert project["version"] == entries[0]


@pytest.mark.parametrize(
    "page",
    [
        "```python\nprint(1)\n```\n\n```text\n2\n```",
        "```python\nprint(1)\n```\nprints\n```output\n2\n```",
        "```python\nassert not 1\n```",
        "```output\nof nothing\n```",
    ],
)
def test_wrong_example_is_caught(page: str) -> None:
    """An example that fails, or prints something else than its page says, is an error."""
    with pytest.raises(AssertionError):
        run_page(blocks(page.splitlines()), "page.md", ModuleType("page"))


@pytest.mark.parametrize(
    "page",
    [
        "```python\nx = 1\n```\n```python\nprint(x)\n```\n```text\n1\n```",
        "1. item\n\n   ```python\n   print(1)\n   ```\n\n   prints\n\n   ```output\n   1\n   ```",
        "```python\nprint(1)\n```\na drawing:\n```text\n--\n```",
        "```python\nprint(1)\n```\nthen\n```bash\nls\n```\n```text\nREADME.md\n```",
        "```python no-run\n1 / 0\n```",
    ],
)
def test_right_example_passes(page: str) -> None:
    """Blocks share a namespace, and text that is not a block's output is left alone."""
    run_page(blocks(page.splitlines()), "page.md", ModuleType("page"))


def test_links_are_read_from_prose() -> None:
    """Links count in prose, not in code; headings become fragments as on GitHub."""
    page = ["# `Sync`, again", "[a](x.md#b), `[no](y.md)`", "```", "# no", "[no](z.md)", "```"]

    assert ["x.md#b"] == list(links([*page, "[site](https://example.org)"]))
    assert {"sync-again"} == slugs(page)
