"""
Rows, observations and the like as JSON texts, and back.

`MISSING` is written as ``[]``, which no wire value is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, cast

from dynsync.records import MISSING, Entity, Missing, Pair, Row, Side, Version, Wire
from dynsync.state import Hold, Observation, Pending, Push, Sent

__all__ = [
    "Detail",
    "decode_details",
    "decode_names",
    "decode_row",
    "decode_sent",
    "encode_detail",
    "encode_names",
    "encode_rows",
    "encode_sent",
    "plain",
    "scan_row",
]

_Sent: TypeAlias = tuple[str, Wire, Wire, Wire, float, float | None]
_Claims: TypeAlias = dict[str, tuple[Wire, Wire, Wire]]
_Row: TypeAlias = list[Wire | list[object]]
_Seen: TypeAlias = tuple[_Row, Version | None, float | None, bool, _Claims]
_Hold: TypeAlias = tuple[str, str, list[str], str, str, int, float]
_Detail: TypeAlias = tuple[
    _Seen | None, _Seen | None, tuple[Entity, str | None] | None, list[_Hold] | None
]

Detail: TypeAlias = tuple[Pair[Observation | None], Push | None, tuple[Hold, ...]]
"""What has no column of its own in a backlog entry: *seen*, *push* and *holds*."""


_BETWEEN: Final = {"": 0}
_SEAM: Final = ',{"":0},'

scan_row: Callable[[str, int], tuple[Row, int]] = vars(json.JSONDecoder())["scan_once"]
"""Return the row that begins in some place of a text without ``[]`` in it, and where it ends.

What `json.loads` does besides takes half as long again. Raises `StopIteration` for what breaks off.
"""


def plain(text: str) -> str:
    """
    Return the JSON *text* as one that UTF-8 can hold.

    Half of a surrogate pair, which some API will send one day, becomes a JSON escape: it can
    only be inside a string there, and means the same.
    """
    if text.isascii():
        return text
    return text.encode(errors="backslashreplace").decode()


def encode_rows(rows: Sequence[Row]) -> list[str]:
    """
    Return each of *rows* as a JSON text.

    They are encoded in one call, because a call costs as much as half a row. None of them holds
    an object, and inside a string its quotes would be escaped: the seam is nowhere else.
    """
    if not rows:
        return []
    apart: list[object] = [_BETWEEN] * (2 * len(rows) - 1)
    apart[::2] = rows
    return plain(_encode(apart))[1:-1].split(_SEAM)


def decode_row(text: str) -> Row:
    """Return what `encode_rows` made *text* of."""
    try:
        row, _ = scan_row(text, 0)
    except StopIteration:
        # As JSON says of all else that it cannot read; a generator must not end by it.
        raise ValueError("a row that breaks off") from None
    return _row(row) if "[]" in text else row


def encode_sent(sent: Sequence[Sent]) -> str | None:
    """Return *sent* as JSON, or None if there is nothing."""
    return plain(_encode([_from_sent(item) for item in sent])) if sent else None


def decode_sent(text: str | None) -> tuple[Sent, ...]:
    """Return what `encode_sent` made *text* of."""
    if text is None:
        return ()
    return tuple(Sent(*item) for item in cast("list[_Sent]", _decode(text)))


def encode_detail(entry: Pending) -> str:
    """Return what has no column of its own in *entry*."""
    seen = entry.seen
    push = entry.push and (entry.push.entity, entry.push.owner)
    holds = [_from_hold(hold) for hold in entry.holds] or None
    return plain(_encode((_from_seen(seen.marketo), _from_seen(seen.dynamics), push, holds)))


def decode_details(texts: Sequence[str]) -> list[Detail]:
    """Return what `encode_detail` made *texts* of."""
    return [_to_detail(text) for text in texts]


def encode_names(old: Sequence[str], new: Sequence[str]) -> str:
    """Return two lists of names as one text."""
    return plain(_encode((list(old), list(new))))


def decode_names(text: str) -> tuple[list[str], list[str]]:
    """Return what `encode_names` made *text* of."""
    old, new = cast("tuple[list[str], list[str]]", _decode(text))
    return old, new


def _from_sent(item: Sent) -> tuple[object, ...]:
    # The last are left out where they are None, and reading it back makes them that.
    said = item.field, item.old, item.new, item.source, item.at
    if item.apart is not None:
        return *said, item.until, item.apart
    return said if item.until is None else (*said, item.until)


def _missing(value: object) -> list[object]:
    if value is MISSING:
        return []
    # Without a word about the value itself.
    raise TypeError(f"a wire value cannot be a {type(value).__name__}")


_encode = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_missing
).encode


def _decode(text: str) -> object:
    value: object = json.loads(text)
    return value


def _as_it_is(row: _Row) -> Row:
    return cast("Row", row)


def _row(row: Sequence[Wire | Missing | list[object]]) -> Row:
    return [MISSING if isinstance(value, list) else value for value in row]


def _from_seen(seen: Observation | None) -> tuple[object, ...] | None:
    if seen is None:
        return None
    claims = {
        name: (value, base.marketo, base.dynamics) for name, (value, base) in seen.claims.items()
    }
    return seen.row, seen.version, seen.modified_at, seen.gone, claims


def _to_detail(text: str) -> Detail:
    marketo, dynamics, push, holds = cast("_Detail", _decode(text))
    row = _row if "[]" in text else _as_it_is
    return (
        Pair(_to_seen(marketo, row), _to_seen(dynamics, row)),
        None if push is None else Push(*push),
        () if holds is None else tuple(_to_hold(hold) for hold in holds),
    )


def _to_seen(seen: _Seen | None, make_row: Callable[[_Row], Row]) -> Observation | None:
    if seen is None:
        return None
    row, version, modified_at, gone, claims = seen
    merges = {name: (value, Pair(one, two)) for name, (value, one, two) in claims.items()}
    return Observation(make_row(row), version, modified_at, gone, merges)


def _from_hold(hold: Hold) -> tuple[object, ...]:
    return (
        hold.side.value,
        hold.field,
        hold.codes,
        hold.digest,
        hold.schema,
        hold.attempts,
        hold.retry_at,
    )


def _to_hold(hold: _Hold) -> Hold:
    side, field, codes, digest, schema, attempts, retry_at = hold
    return Hold(Side(side), field, tuple(codes), digest, schema, attempts, retry_at)
