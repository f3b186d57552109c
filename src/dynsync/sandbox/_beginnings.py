"""What a new sandbox in memory begins with: laid out once, and copied for all that are like it."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import closing
from typing import Final, TypeAlias

from dynsync.schemas import Column

__all__ = ["Beginnings", "image_of", "put_image"]

_MOST: Final = 32

_Key: TypeAlias = tuple[tuple[str, ...], tuple[int, ...]]


class Beginnings:
    """
    Images of new databases, by the names and columns that they were made with.

    To lay out a hundred columns takes as long as a sync of a few records, and every test of
    everybody's begins with a new sandbox. The last few dozen are kept.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[list[Column], bytes]] = OrderedDict()

    def find(self, names: Iterable[str], columns: Iterable[Column]) -> bytes | None:
        """Return the image that was kept for *names* and *columns*, if there is one."""
        found = self._kept.get(_key(names, columns))
        return None if found is None else found[1]

    def keep(self, names: Iterable[str], columns: Iterable[Column], db: sqlite3.Connection) -> None:
        """Keep what *db*, which is new, holds for others with *names* and *columns*."""
        held = [*columns]
        # The columns are kept too, or an id might be that of another column one day.
        self._kept[_key(names, held)] = (held, image_of(db))
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def _key(names: Iterable[str], columns: Iterable[Column]) -> _Key:
    # By identity: columns that are equal may yet be written differently, such as 1 and 1.00.
    return tuple(names), tuple(map(id, columns))


def image_of(db: sqlite3.Connection) -> bytes:
    """Return all that *db* holds."""
    image = bytearray(db.serialize())
    # Bytes 18 and 19 say whether the file has a write-ahead log. A database in memory has
    # none, and SQLite does not open one that says so.
    image[18:20] = b"\x01\x01"
    return bytes(image)


def put_image(db: sqlite3.Connection, image: bytes) -> None:
    """Have *db* hold what *image* does, and nothing else."""
    with closing(sqlite3.connect(":memory:")) as source:
        source.deserialize(image)
        source.backup(db)
