"""
What an export is encoded in: what its first bytes say, or else what its user said.

A byte order mark is of one encoding only, and what is said of all files need not be true of
each. So the mark wins.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dynsync.preview._problems import InputRefused, Problem

__all__ = ["UTF_8", "not_of", "reading", "true_encoding"]

UTF_8: Final = "utf-8"

_MARKED_UTF_8: Final = "utf-8-sig"
_UTF_16: Final = "utf-16"

# Of those of UTF-32 one begins like one of UTF-16, and comes before it.
_MARKS: Final[Mapping[bytes, str]] = {
    codecs.BOM_UTF8: _MARKED_UTF_8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: _UTF_16,
    codecs.BOM_UTF16_BE: _UTF_16,
}

_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files begin that Excel writes as its own, new and old."""

_HEAD: Final = 1_000
"""How many bytes are looked at."""

_NOT: Final[Mapping[str, str]] = {
    UTF_8: "not UTF-8; save the file as 'CSV UTF-8', or, if Excel on Windows wrote it, give "
    "--encoding cp1252",
    _MARKED_UTF_8: "not UTF-8, though the file begins with the mark of it: export it again",
}


def true_encoding(path: Path, said: str) -> str:
    """
    Return the encoding of *path*: that of its byte order mark, or else the one that was *said*.

    Raises `InputRefused` where the first bytes are those of a workbook, or of another encoding.
    """
    with reading(path, said):
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
        name = codecs.lookup(said).name
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if head.startswith(_WORKBOOKS):
        raise _refused(path, "it is a workbook; open it in Excel and save it as 'CSV UTF-8'")
    wide = _unmarked_utf_16(head)
    if wide is not None and not name.startswith(_UTF_16):
        raise _refused(path, "it looks like UTF-16; give --encoding utf-16")
    if name == _UTF_16:
        return wide or name
    return UTF_8 if name == _MARKED_UTF_8 else name


def _unmarked_utf_16(head: bytes) -> str | None:
    """Return which UTF-16 *head* looks like: of letters of Europe, every other byte is a NUL."""
    first, second = (head[at::2].count(0) for at in (0, 1))
    if max(first, second) * 2 <= len(head) * 0.7 or min(first, second) * 2 > len(head) * 0.1:
        return None
    return f"{_UTF_16}-{'be' if first > second else 'le'}"


def not_of(encoding: str) -> str:
    """Return what to say of a cell that is not of *encoding*."""
    return _NOT.get(encoding, f"not {encoding.upper()}, which --encoding says")


@contextmanager
def reading(path: Path, encoding: str) -> Generator[None]:
    """Say what the file system, or the codec, says against *path*."""
    try:
        yield
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise InputRefused(Problem(str(path), None, None, "unreadable", why)) from None
    except LookupError:
        why = f"there is no encoding {encoding!r}; utf-8 and cp1252 are the usual ones"
        raise _refused(path, why) from None
    except UnicodeError:
        why = f"it is not {encoding.upper()}; --encoding says what it is, as in people=cp1252"
        raise _refused(path, why) from None


def _refused(path: Path, why: str) -> InputRefused:
    return InputRefused(Problem(str(path), None, None, "encoding", why))
