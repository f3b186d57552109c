"""Everything that is done in histories, each thing said once."""

from __future__ import annotations

from typing import Final

from dynsync.testing._histories._actions.answers import ANSWERS
from dynsync.testing._histories._actions.blocks import BLOCKS
from dynsync.testing._histories._actions.faults import RUNS
from dynsync.testing._histories._actions.feeds import FEEDS
from dynsync.testing._histories._actions.leases import LEASES
from dynsync.testing._histories._actions.meetings import MEETINGS
from dynsync.testing._histories._actions.overwrites import OVERWRITES
from dynsync.testing._histories._actions.people import PEOPLE
from dynsync.testing._histories._actions.plans import PLANS
from dynsync.testing._histories._actions.rights import RIGHTS
from dynsync.testing._histories._actions.schema import SCHEMA
from dynsync.testing._histories._draws import Action
from dynsync.testing._histories._sandbox_world import SandboxWorld
from dynsync.testing._histories._world import World

__all__ = ["ACTIONS", "SANDBOX_ACTIONS"]

ACTIONS: Final[tuple[Action[World], ...]] = (*PEOPLE, *RUNS, *PLANS, *LEASES)
"""What can be done with any two systems."""

SANDBOX_ACTIONS: Final[tuple[Action[SandboxWorld], ...]] = (
    *ACTIONS,
    *RIGHTS,
    *FEEDS,
    *SCHEMA,
    *OVERWRITES,
    *ANSWERS,
    *BLOCKS,
    *MEETINGS,
)
"""What can be done with two sandbox systems."""
