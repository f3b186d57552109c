"""
What a check can do to a system, as data: a program is a tuple of steps.

Records and readers are small numbers, so that steps meet; fields count among those in play
and variants among a field's values. A step that has nothing to work on does nothing, so
that any step may be left out of a program.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from dynsync.testing._outside import Trouble

__all__ = [
    "Again",
    "Begin",
    "Change",
    "Describe",
    "Expire",
    "Fetch",
    "Find",
    "Finish",
    "Identify",
    "Log",
    "Logged",
    "Longest",
    "Make",
    "Misfit",
    "Permitted",
    "Program",
    "Several",
    "Somebody",
    "Spell",
    "Step",
    "Stray",
    "Troubled",
    "Turn",
    "Unfitness",
    "Unknown",
    "User",
    "WriteStep",
]


Unfitness: TypeAlias = Literal["too long", "too large", "no option", "unknown field", "cleared"]
"""Why a column cannot hold a value."""


@attrs.frozen
class Make:
    """Create record *who*; if it is there already, ask for the same once more."""

    who: int
    variant: int = 0


@attrs.frozen
class Change:
    """Set a field of *who*, or clear it; *expect* the version told last, told first, or none."""

    who: int
    field: int = 0
    variant: int | None = 1
    expect: Literal["none", "latest", "first"] = "none"


@attrs.frozen
class Misfit:
    """Set a field of *who* to what its column does not hold."""

    who: int
    kind: Unfitness = "too long"


WriteStep: TypeAlias = Make | Change | Misfit


@attrs.frozen
class Several:
    """Some writes in one call."""

    writes: tuple[WriteStep, ...]


@attrs.frozen
class Somebody:
    """Somebody else makes, edits or deletes *who*, past the connector."""

    does: Literal["create", "edit", "delete"]
    who: int
    field: int = 0
    variant: int | None = 2


@attrs.frozen
class Begin:
    """Read the first page of a full read, of all fields in play or of the first *fields*."""

    reader: int = 0
    fields: int | None = None


@attrs.frozen
class Turn:
    """Read one page more."""

    reader: int = 0


@attrs.frozen
class Finish:
    """Read on until there is no more, and see that nothing is missing."""

    reader: int = 0


@attrs.frozen
class Again:
    """Go back to the cursor that was given *back* pages ago."""

    reader: int = 0
    back: int = 1


@attrs.frozen
class Fetch:
    """Fetch records by id, all fields in play or the first *fields*."""

    who: tuple[int, ...]
    fields: int | None = None


@attrs.frozen
class Find:
    """Find records by what *who* hold in a field, written as it is or in other letters."""

    who: tuple[int, ...]
    field: int = 0
    letters: Literal["same", "upper", "lower"] = "same"


@attrs.frozen
class Describe:
    """Ask for the columns."""


@attrs.frozen
class Identify:
    """Ask for the name of the instance, and what the connector can do."""


@attrs.frozen
class User:
    """Ask who the connector writes as."""


@attrs.frozen
class Longest:
    """Create *who* with a text as long as its column is described to hold."""

    who: int
    field: int = 0


@attrs.frozen
class Spell:
    """Set a field of *who* to the text of that number that is hard to spell, and find it by it."""

    who: int
    text: int
    field: int = 0


@attrs.frozen
class Permitted:
    """Set a column of *who* that is described as writable, by its name."""

    who: int
    column: str


@attrs.frozen
class Unknown:
    """Ask for a field that is not there."""

    by: Literal["read", "fetch", "find"] = "read"


@attrs.frozen
class Stray:
    """Read from a cursor that nobody gave."""


@attrs.frozen
class Expire:
    """Have the system forget all cursors."""


@attrs.frozen
class Log:
    """Add a line to the activity log of each of *who*."""

    who: tuple[int, ...]


@attrs.frozen
class Logged:
    """Ask which lines the logs of *who* hold."""

    who: tuple[int, ...]


@attrs.frozen
class Troubled:
    """Let the first request of a step meet trouble."""

    trouble: Trouble
    step: Make | Change | Several | Finish | Fetch | Begin


Step: TypeAlias = (
    WriteStep
    | Several
    | Somebody
    | Begin
    | Turn
    | Finish
    | Again
    | Fetch
    | Find
    | Describe
    | Identify
    | User
    | Longest
    | Spell
    | Permitted
    | Unknown
    | Stray
    | Expire
    | Log
    | Logged
    | Troubled
)

Program: TypeAlias = tuple[Step, ...]
