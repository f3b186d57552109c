"""Batches: several requests in one, and the answers taken apart again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import attrs
from attrs import Factory

from dynsync.transport import Response

__all__ = ["CONTENT_TYPE", "Part", "pack", "unpack"]

_BOUNDARY: Final = "batch_dynsync"
CONTENT_TYPE: Final = f'multipart/mixed; boundary="{_BOUNDARY}"'

_GIVEN: Final = re.compile(
    r'boundary\s*=\s*(?:"(?P<quoted>[^"]+)"|(?P<bare>[^;\s]+))', re.IGNORECASE
)
_STATUS: Final = re.compile(rb"HTTP/\d(?:\.\d)?\s+(?P<status>\d{3})\b")
_BLANK: Final = re.compile(rb"\r?\n[ \t]*\r?\n")


@attrs.frozen(repr=False)
class Part:
    """One request within a batch; *path* begins behind the host."""

    method: str
    path: str
    headers: Mapping[str, str] = Factory(dict[str, str])
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Part {self.method} {self.path.partition('?')[0]}>"


def pack(parts: Sequence[Part]) -> bytes:
    """
    Return *parts* as the body of a batch.

    A body is JSON in one line, which cannot hold a line that looks like the boundary.
    """
    lines: list[bytes] = []
    for part in parts:
        lines += [
            f"--{_BOUNDARY}".encode(),
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            b"",
            f"{part.method} {part.path} HTTP/1.1".encode(),
            *(f"{name}: {value}".encode() for name, value in part.headers.items()),
            b"",
            part.body,
        ]
    return b"\r\n".join([*lines, f"--{_BOUNDARY}--".encode(), b""])


def unpack(response: Response) -> list[Response]:
    """
    Return the answers in *response*, as far as they came whole.

    An answer is whole if a boundary follows it: of a body that was cut off, the last one
    may say less than it said. Behind one that cannot be read there is none: whose the next
    are is told by their place alone.
    """
    boundary = _boundary(response)
    return [] if boundary is None else [*_answers(response.body, boundary)]


def _boundary(response: Response) -> bytes | None:
    given = _GIVEN.search(response.headers.get("content-type", ""))
    if given is None:
        return None
    return b"--" + (given["quoted"] or given["bare"]).encode(errors="replace")


def _answers(body: bytes, boundary: bytes) -> Iterator[Response]:
    line = re.compile(rb"(?:^|\r?\n)" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r?\n|$)")
    places = [*line.finditer(body)]
    for place, following in pairwise(places):
        answer = _answer(body[place.end() : following.start()])
        if answer is None:
            return
        yield answer


def _answer(text: bytes) -> Response | None:
    status = _STATUS.search(text)
    if status is None:
        return None
    head, _, rest = text[status.end() :].partition(b"\n")
    del head
    # Without headers the blank line comes at once.
    blank = _BLANK.search(b"\n" + rest)
    lines, body = (rest, b"") if blank is None else _split(rest, blank)
    return Response(int(status["status"]), dict(_headers(lines)), body.strip())


def _split(rest: bytes, blank: re.Match[bytes]) -> tuple[bytes, bytes]:
    return rest[: max(blank.start() - 1, 0)], rest[blank.end() - 1 :]


def _headers(lines: bytes) -> Iterator[tuple[str, str]]:
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()
