"""What the pretend Dataverse's Web API remembers besides the rows."""

from __future__ import annotations

import functools
import itertools
import uuid
from typing import Final

from dynsync.emulator._tokens import Tokens
from dynsync.records import RecordId
from dynsync.sandbox import SandboxDynamics
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["State", "id_of"]

_NAMESPACE: Final = uuid.UUID("0c1d5c56-6f3b-4a0e-8f6a-6d6574616461")


class State:
    """
    The *system* behind the API, what belongs to its clients, and columns *described*.

    *untracked* are the tables whose changes nobody keeps; it may be changed.
    """

    def __init__(self, system: SandboxDynamics, tokens: Tokens[RecordId]) -> None:
        self.system = system
        self.tokens = tokens
        self.untracked: set[str] = set()
        self.numbers = itertools.count(1)
        self.described: dict[str, tuple[Table, list[dict[str, object]]]] = {}

    @property
    def organization(self) -> str:
        """The id of the org."""
        return id_of("organization", self.system.name)

    @property
    def business_unit(self) -> str:
        """The id of its only business unit."""
        return id_of("businessunit", self.system.name)


@functools.lru_cache(maxsize=4_096)
def id_of(*names: str) -> str:
    """Return the GUID of what has *names*: the same one every time."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(names)))
