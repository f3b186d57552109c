"""``$batch``: requests inside a request, each on its own or all of a change set together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias

import attrs

from dynsync.emulator._dataverse._asked import Asked
from dynsync.emulator._dataverse._errors import Refusal, bad, error_reply
from dynsync.emulator._messages import Call, Reply

__all__ = ["batch", "parts_of"]

_MOST: Final = 1_000
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_REFERENCE: Final = re.compile(r"(?<![\w%])\$(\d+)(?=[/?\s\"(]|$)")
_LINE: Final = re.compile(rb"\r?\n")
_BLANK: Final = re.compile(rb"\r?\n\r?\n")

Answer: TypeAlias = Callable[[Call], Reply]


@attrs.frozen
class Part:
    """One request of a batch, under the *content_id* that later ones may call it by."""

    call: Call
    content_id: str


@attrs.frozen
class ChangeSet:
    """Requests that are applied together or not at all."""

    parts: tuple[Part, ...]


class _Undone(Exception):
    def __init__(self, reply: Reply, content_id: str) -> None:
        super().__init__()
        self.reply = reply
        self.content_id = content_id


def parts_of(call: Call) -> list[Part | ChangeSet]:
    """Return what the batch *call* holds; raises `Refusal`."""
    found = list(_parse(call, call.headers.get("content-type", ""), call.body))
    if not found:
        raise bad("The batch holds no request.", "0x80048d19")
    total = sum(len(each.parts) if isinstance(each, ChangeSet) else 1 for each in found)
    if total > _MOST:
        raise bad(f"A batch holds at most {_MOST} requests.", "0x80048d18")
    return found


def _parse(call: Call, kind: str, body: bytes) -> Iterator[Part | ChangeSet]:
    for headers, content in _pieces(kind, body):
        inner = headers.get("content-type", "")
        if inner.lower().startswith("multipart/mixed"):
            parts = [_part(call, each, text) for each, text in _pieces(inner, content)]
            yield ChangeSet(tuple(parts))
        else:
            yield _part(call, headers, content)


def _pieces(kind: str, body: bytes) -> Iterator[tuple[dict[str, str], bytes]]:
    found = _BOUNDARY.search(kind)
    if found is None:
        raise bad("The batch has no boundary.", "0x80048d19")
    mark = b"--" + found.group(1).encode()
    for piece in (b"\n" + body).split(b"\n" + mark)[1:]:
        if piece.startswith(b"--"):
            return
        text = piece.strip(b" \r\n") if b"\n\n" not in piece.replace(b"\r", b"") else piece
        head, _, rest = _split(text.lstrip(b" \r\n"))
        yield _headers(head), rest


def _split(text: bytes) -> tuple[bytes, bytes, bytes]:
    found = _BLANK.search(text)
    if found is None:
        return text, b"", b""
    return text[: found.start()], found.group(), text[found.end() :]


def _headers(text: bytes) -> dict[str, str]:
    lines = (line.decode("utf-8", "replace").partition(":") for line in _LINE.split(text))
    return {name.strip().lower(): value.strip() for name, _, value in lines if name.strip()}


def _part(outer: Call, about: Mapping[str, str], text: bytes) -> Part:
    head, _, body = _split(text.lstrip(b"\r\n"))
    first, *rest = _LINE.split(head, maxsplit=1)
    words = first.decode("utf-8", "replace").split()
    if len(words) <= 1:
        raise bad("A part of the batch is no request.", "0x80048d19")
    headers = _headers(rest[0]) if rest else {}
    inherited = {key: outer.headers[key] for key in ("authorization",) if key in outer.headers}
    target = words[1]
    if not target.startswith(("/", "http://", "https://", "$")):
        target = f"{outer.raw_path.removesuffix('$batch').removesuffix('%24batch')}{target}"
    call = Call(words[0].upper(), target, {**inherited, **headers}, body.strip(), outer.base)
    return Part(call, about.get("content-id", "") or headers.get("content-id", ""))


def batch(asked: Asked, answer: Answer, *, half: bool = False) -> Reply:
    """
    Answer a batch: every part by *answer*, in order, until one fails.

    With ``odata.continue-on-error`` they go on. Of a batch that is cut in *half* the
    second half is answered that it came too fast.
    """
    parts = parts_of(asked.call)
    going_on = "odata.continue-on-error" in asked.prefer
    known: dict[str, str] = {}
    mark = f"batchresponse_{next(asked.state.numbers):08x}"
    pieces: list[bytes] = []
    failed: Reply | None = None
    for place, part in enumerate(parts):
        if half and place >= len(parts) // 2:
            piece, reply = _one(error_reply(_too_fast()), ""), None
        else:
            piece, reply = _answered(asked, part, answer, known)
        pieces.append(piece)
        if reply is not None and not going_on:
            failed = reply
            break
    body = _joined(mark, pieces)
    headers = {"Content-Type": f"multipart/mixed; boundary={mark}", "OData-Version": "4.0"}
    return Reply(200 if failed is None else failed.status, headers, body)


def _too_fast() -> Refusal:
    message = "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
    return Refusal(429, "0x80072322", message, {"Retry-After": "1"})


def _answered(
    asked: Asked, part: Part | ChangeSet, answer: Answer, known: dict[str, str]
) -> tuple[bytes, Reply | None]:
    if isinstance(part, Part):
        reply = _do(part, answer, known)
        return _one(reply, part.content_id), _failed(reply)
    mark = f"changesetresponse_{next(asked.state.numbers):08x}"
    try:
        with asked.store.writing():
            pieces = [_change(each, answer, known) for each in part.parts]
    except _Undone as undone:
        # Nothing of it was applied, and its one answer is what was wrong.
        return _one(undone.reply, undone.content_id), undone.reply
    head = f"Content-Type: multipart/mixed; boundary={mark}\r\n\r\n".encode()
    return head + _joined(mark, pieces), None


def _change(part: Part, answer: Answer, known: dict[str, str]) -> bytes:
    if part.call.method == "GET":
        raise _Undone(error_reply(bad("A change set holds no GET.", "0x80048d19")), part.content_id)
    reply = _do(part, answer, known)
    if _failed(reply):
        raise _Undone(reply, part.content_id)
    return _one(reply, part.content_id)


def _do(part: Part, answer: Answer, known: dict[str, str]) -> Reply:
    try:
        call = _resolved(part.call, known)
    except Refusal as refusal:
        return error_reply(refusal)
    reply = answer(call)
    if part.content_id and "OData-EntityId" in reply.headers:
        known[part.content_id] = reply.headers["OData-EntityId"]
    return reply


def _resolved(call: Call, known: Mapping[str, str]) -> Call:
    def url(match: re.Match[str]) -> str:
        if match.group(1) not in known:
            message = f"Content-ID Reference: '${match.group(1)}' does not exist in the batch"
            raise bad(f"{message} context.", "0x80048d19")
        return known[match.group(1)]

    if "$" not in call.target and b"$" not in call.body:
        return call
    target = _REFERENCE.sub(url, call.target)
    # Only a reference may stand for itself in a body: {"x@odata.bind": "$1"}.
    quoted = re.compile(r'"\$(\d+)"')
    body = quoted.sub(lambda m: f'"{url(m)}"', call.body.decode("utf-8", "replace"))
    return attrs.evolve(call, target=target, body=body.encode())


def _failed(reply: Reply) -> Reply | None:
    return reply if reply.status >= HTTPStatus.BAD_REQUEST else None


def _one(reply: Reply, content_id: str) -> bytes:
    about = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        about.append(f"Content-ID: {content_id}")
    lines = [*about, "", f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{key}: {value}" for key, value in reply.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + reply.body


def _joined(mark: str, pieces: list[bytes]) -> bytes:
    framed = itertools.chain.from_iterable((f"--{mark}\r\n".encode(), x, b"\r\n") for x in pieces)
    return b"".join(framed) + f"--{mark}--\r\n".encode()
