"""
Stderr for a run: what is only said to a person never ends it.

Where its reader is gone, or its disk full, a message is lost, and nothing else.
"""

from __future__ import annotations

import io
from typing import TextIO, cast

from typing_extensions import Buffer, override

__all__ = ["forgiving"]


class _Forgiving(io.FileIO):
    """Takes what cannot be written for written."""

    @override
    def write(self, data: Buffer, /) -> int:
        whole = left = memoryview(data)
        try:
            while left and (done := super().write(left)):
                left = left[done:]
        except OSError:
            pass
        return len(whole)


def forgiving(stream: TextIO) -> TextIO:
    """
    Return a stream to the file of *stream* that passes over what cannot be written there.

    One that is no file's, such as a console of Windows, is returned as it is.
    """
    buffer = cast("object", getattr(stream, "buffer", None))
    raw = cast("object", getattr(buffer, "raw", buffer))
    if not isinstance(raw, io.FileIO):
        return stream
    # Nothing is buffered: what could not be written would be tried again when the process
    # leaves, and would then decide its exit code.
    file = _Forgiving(raw.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        file, encoding=stream.encoding, errors=stream.errors, write_through=True
    )
