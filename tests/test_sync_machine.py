"""A state machine over a host's own systems: what it is given, and what it finds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from dynsync import (
    CONTACT,
    LEAD,
    Column,
    ConfigurationError,
    Field,
    Pair,
    RecordId,
    Side,
    Value,
    Wire,
    newest,
    prefer,
)
from dynsync.connectors import Capabilities, Connector, DynamicsConnector, Page
from dynsync.records import Cursor, Record
from dynsync.sandbox import NO_LIMITS, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.schemas import Schema
from dynsync.testing import HistoryMachine, sync_machine
from dynsync.writes import Update, Write, WriteResult

ENTITIES: Final = tuple(one.only("first_name", "city", "unsubscribed") for one in (LEAD, CONTACT))


def sandboxes() -> tuple[SandboxMarketo, SandboxDynamics]:
    """Make two empty sandbox systems."""
    clock = SandboxClock()
    return (
        SandboxMarketo(clock=clock, limits=NO_LIMITS),
        SandboxDynamics(clock=clock, limits=NO_LIMITS),
    )


def run(machine: type[HistoryMachine], examples: int) -> None:
    """Play some histories, the same every time."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_two_systems_that_keep_their_word_are_clean() -> None:
    """A pair of connectors and the usual policy keep every promise."""
    machine = sync_machine(sandboxes, entities=ENTITIES)
    run(machine, 6)

    assert machine.reached["agreed lead"] or machine.reached["updated lead"]


def test_a_policy_of_the_hosts_is_what_the_machine_goes_by() -> None:
    """The model asks the host's policy who is right, however old the edits are."""
    policy = newest(prefer(Side.DYNAMICS))
    run(sync_machine(sandboxes, entities=ENTITIES, policy=policy), 6)


def test_a_field_that_is_none_of_the_entities_is_refused() -> None:
    """What people enter is said of fields that there are."""
    with pytest.raises(ConfigurationError, match="'shoe_size', which is no field"):
        sync_machine(sandboxes, entities=ENTITIES, values={"shoe_size": ("44",)})


@pytest.mark.parametrize("values", [None, {"city": ("Oslo", "Bergen", None)}])
def test_people_have_what_dynamics_must_have(values: Mapping[str, Sequence[Value]] | None) -> None:
    """A person who is pushed is not refused for a text that nobody was told to enter."""

    def make() -> tuple[SandboxMarketo, SandboxDynamics]:
        marketo, dynamics = sandboxes()
        marketo.add_column(Column("badge", type="string", length=20))
        dynamics.add_column("contact", Column("new_badge", type="String", length=20, required=True))
        return marketo, dynamics

    badged = CONTACT.only("first_name", "city").plus(Field("badge", Pair("badge", "new_badge")))
    machine = sync_machine(make, entities=[badged], values=values)
    run(machine, 6)

    assert machine.reached["push created"]


class Forgetful:
    """A connector to Dynamics that says yes to an update, and forgets what it sets."""

    def __init__(self, connector: DynamicsConnector) -> None:
        self._connector = connector

    @property
    def side(self) -> Side:
        """Dynamics."""
        return self._connector.side

    @property
    def capabilities(self) -> Capabilities:
        """What the other one can do."""
        return self._connector.capabilities

    def identity(self) -> str:
        """Return the name of the instance."""
        return self._connector.identity()

    def sync_user(self) -> RecordId:
        """Return the user."""
        return self._connector.sync_user()

    def describe(self, table: str) -> Schema:
        """Return the columns."""
        return self._connector.describe(table)

    def read(self, table: str, fields: Sequence[str], cursor: Cursor | None) -> Page:
        """Return a page."""
        return self._connector.read(table, fields, cursor)

    def fetch(
        self, table: str, ids: Collection[RecordId], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those that there are."""
        return self._connector.fetch(table, ids, fields)

    def find(
        self, table: str, field: str, values: Collection[Wire], fields: Sequence[str]
    ) -> Sequence[Record]:
        """Return those that hold one of *values*."""
        return self._connector.find(table, field, values, fields)

    def write(self, table: str, writes: Sequence[Write]) -> Sequence[WriteResult]:
        """Apply *writes*, but what an update sets."""
        kept = [Update(w.id, {}, w.expect) if isinstance(w, Update) else w for w in writes]
        return self._connector.write(table, kept)


class ForgetfulDynamics:
    """A Dynamics whose connector forgets what it is told."""

    def __init__(self, sandbox: SandboxDynamics) -> None:
        self._sandbox = sandbox
        self.clock = sandbox.clock

    def connector(self) -> DynamicsConnector:
        """Return the broken connector."""
        return Forgetful(self._sandbox.connector())

    def rows(self, table: str, /) -> Mapping[RecordId, Mapping[str, Wire]]:
        """Return all rows."""
        return self._sandbox.rows(table)

    def row(self, table: str, id: RecordId, /) -> Mapping[str, Wire] | None:
        """Return a row."""
        return self._sandbox.row(table, id)

    def create(self, table: str, values: Mapping[str, Wire], /) -> RecordId:
        """Make a row."""
        return self._sandbox.create(table, values)

    def edit(self, table: str, id: RecordId, values: Mapping[str, Wire], /) -> None:
        """Change a row."""
        self._sandbox.edit(table, id, values)

    def delete(self, table: str, id: RecordId, /) -> None:
        """Delete a row."""
        self._sandbox.delete(table, id)

    def close(self) -> None:
        """Let go of it."""
        self._sandbox.close()


def test_a_connector_that_forgets_is_found_out() -> None:
    """The invariants are asserted already: there is nothing to write but the systems."""

    def make() -> tuple[SandboxMarketo, ForgetfulDynamics]:
        marketo, dynamics = sandboxes()
        return marketo, ForgetfulDynamics(dynamics)

    with pytest.raises(AssertionError, match=r"did not converge|expected|waits|second run wrote"):
        run(sync_machine(make, entities=ENTITIES), 20)


def test_no_connector_is_asked_for_more_than_the_protocol() -> None:
    """Faults are put in between, so that a host's connectors know nothing of them."""
    assert isinstance(Forgetful(sandboxes()[1].connector()), Connector)


def test_without_hypothesis_it_says_what_to_install() -> None:
    """The rest of `dynsync.testing` goes without it."""
    script = "import sys; sys.modules['hypothesis'] = None; from dynsync.testing import *"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command

    assert done.stderr.splitlines()[-1].startswith("ImportError: dynsync.testing.")
    assert "needs hypothesis: pip install 'dynsync[testing]'" in done.stderr
