"""Texts that a quote, a pattern, a number format or an alphabet gets in the way of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dynsync.errors import Unavailable
from dynsync.testing._asking import find
from dynsync.testing._palette import TEXTS, same
from dynsync.testing._scene import Scene, fetched
from dynsync.testing._steps import Find, Spell
from dynsync.testing._witness import Breach, Halted
from dynsync.testing._world import Held
from dynsync.testing._writing import update
from dynsync.writes import Rejected, Updated, WriteResult

__all__ = ["spell"]

_OTHER: Final = 1


def spell(scene: Scene, step: Spell) -> None:
    """Set a text that is hard to spell, have it told as it is, and find the record by it."""
    field, text = scene.palette.field(step.field), TEXTS[step.text]
    held, column = scene.world.living(step.who), scene.palette.columns[field]
    long = column.length is not None and len(text.encode()) > column.length
    if held is None or long or not scene.palette.plain(field):
        return
    before = held.values.get(field)
    if not _taken(update(scene, step.who, {field: text})):
        # Which texts a column refuses is its system's to say.
        return
    for record in fetched(scene, [held.id], [field]):
        told = record.values.get(field)
        # What is as before was not written, and that is found out where it is looked at.
        if record.id == held.id and not same(told, text) and not same(told, before):
            raise Breach(
                "C1",
                f"fetch told {told!r} in {field!r} of {held.id!r}, which was set to {text!r}: "
                f"what is text comes back as the same text.",
            )
    _find(scene, step, held, text)


def _taken(results: Sequence[WriteResult]) -> bool:
    return any(isinstance(one, Updated) for one in results) and not any(
        isinstance(one, Rejected) for one in results
    )


def _find(scene: Scene, step: Spell, held: Held, text: str) -> None:
    """Find by *text*; where that fails and another text does not, the text is what it fails on."""
    try:
        find(scene, Find((step.who,), step.field))
    except Halted as failure:
        # One that cannot be looked for is `Refused`, and said so: Marketo parts values by commas.
        if not isinstance(failure.__cause__, Unavailable) or scene.world.living(_OTHER) is None:
            raise
        find(scene, Find((_OTHER,), step.field))
        raise Breach(
            "find",
            f"find by {text!r}, which {held.id!r} holds, raised Unavailable each time, and find by "
            f"another text did not. A text that cannot be looked for is Refused.",
        ) from failure
