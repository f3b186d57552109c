"""A state file with damaged cells or bytes: an error that says what to do, or none at all."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import pytest

from dynsync.backlog import Sent
from dynsync.errors import StateError, SyncError
from dynsync.records import Side
from dynsync.sandbox import Fault, SimulatedCrash
from dynsync.sqlite import SqliteStore
from dynsync.sqlite._codec import encode_rows
from support import World

NONSENSE: Final = ("garbage{", -5, b"\x00\xff", "[]", '{"a":1}', 1e300)
TABLES: Final = ("meta", "setting", "lease", "feed", "link", "tally", "pending", "journal")


class Used:
    """A state file with something in every table, and the systems that it belongs to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken = path.with_name("broken.db")
        store = SqliteStore(path)
        self.world = World(store=store)
        self.person, self.row = self.world.linked("contact", jobtitle="T")
        self.world.dynamics.edit("contact", self.row, {"jobtitle": "U"})
        self.world.marketo.edit(self.person, {"city": "X"})
        self.world.contact(lastname="N")
        faults = self.world.marketo.faults
        faults.plan("write", Fault("crash_after"))
        with pytest.raises(SimulatedCrash):
            self.world.cycle()
        faults.clear()
        store.close()

    def spoil(self, table: str, column: str, value: object) -> None:
        """Have the first row of *table* hold *value* in *column*, in a copy."""
        shutil.copy(self.path, self.broken)
        connection = sqlite3.connect(self.broken)
        first = f"SELECT min(rowid) FROM {table}"  # noqa: S608 - our own names
        statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ({first})"  # noqa: S608 - a table of ours
        try:
            with connection:
                connection.execute(statement, (value,))
        finally:
            connection.close()

    def use(self) -> None:
        """Ask everything of the broken copy."""
        store = SqliteStore(self.broken)
        try:
            world = World(
                store=store,
                clock=self.world.clock,
                marketo=self.world.marketo,
                dynamics=self.world.dynamics,
            )
            world.sync.status()
            world.sync.plan()
            world.sync.explain("contact", dynamics=self.row)
        finally:
            store.close()


@pytest.fixture
def used(tmp_path: Path) -> Used:
    """Return a state file that was used."""
    return Used(tmp_path / "state.db")


def columns_of(path: Path, table: str) -> list[str]:
    """Return the columns of *table*."""
    connection = sqlite3.connect(path)
    try:
        return [str(name) for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    finally:
        connection.close()


@pytest.mark.parametrize("table", TABLES)
def test_damaged_cells(used: Used, table: str) -> None:
    """Whatever a cell holds, it does no harm or is told as damage, and never as a riddle."""
    told = 0
    for column in columns_of(used.path, table):
        for value in NONSENSE:
            try:
                used.spoil(table, column, value)
            except sqlite3.IntegrityError:
                continue
            try:
                used.use()
            except SyncError as error:
                # A pair of systems that is another one, or a strange cursor, is told as such.
                told += isinstance(error, StateError)

    assert told or table not in {"link", "pending", "journal"}


def test_damaged_bytes(used: Used) -> None:
    """Bytes that were turned around anywhere in the file: the same."""
    chance = random.Random(1)  # noqa: S311 - the same every time
    whole = used.path.read_bytes()
    told = 0
    for _ in range(60):
        spoiled = bytearray(whole)
        for _ in range(chance.choice((1, 8, 200))):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        used.broken.write_bytes(spoiled)
        try:
            used.use()
        except SyncError:
            told += 1

    assert told


@pytest.mark.parametrize("row", ['["Oslo",', '[[],"Oslo",', "[", ""])
def test_rows_that_break_off(used: Used, row: str) -> None:
    """A row of which the end is missing is damage, whoever asks for it, and is not quoted."""
    used.spoil("link", "marketo_row", row)
    with SqliteStore(used.broken) as store:
        for ask in (
            lambda: store.known(Side.MARKETO, [used.person]),
            lambda: store.links(range(1, 9)),
            lambda: store.link_of(Side.MARKETO, used.person),
            store.check,
        ):
            with pytest.raises(StateError, match="damaged") as raised:
                ask()
            assert "Oslo" not in str(raised.value)


def test_check_reads_a_row_to_its_end(used: Used) -> None:
    """What follows a row is nothing that was written."""
    with SqliteStore(used.path) as store:
        row = list(store.known(Side.MARKETO, [used.person])[used.person].row)
    used.spoil("link", "marketo_row", f"{encode_rows([row])[0]}x")
    with SqliteStore(used.broken) as store, pytest.raises(StateError, match="damaged"):
        store.check()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        *(("link", "marketo_row", "[]"), ("link", "dynamics_row", "7"), ("link", "key", -5)),
        *(("link", "sent", '{"a":1}'), ("link", "state", 9), ("pending", "retry_at", "soon")),
        *(("pending", "detail", "[]"), ("journal", "detail", "[]"), ("feed", "cursor", b"7")),
        # Up to where the ids of the journal are entered.
        ("meta", "value", "99"),
    ],
)
def test_check_looks_into_the_cells(used: Used, table: str, column: str, value: object) -> None:
    """What SQLite thinks whole may say nothing; a file that was not touched is whole."""
    with SqliteStore(used.path) as store:
        store.check()
    used.spoil(table, column, value)
    with SqliteStore(used.broken) as store, pytest.raises(StateError, match="damaged"):
        store.check()


def test_settings_are_named(used: Used) -> None:
    """A setting that cannot be read is named; its value, which may be anything, is not."""
    for name in ("run", "map:contact", "last_run", "recorder:activity-log"):
        shutil.copy(used.path, used.broken)
        with SqliteStore(used.broken) as store:
            store.put(name, "Oslo{")
        with pytest.raises(StateError, match=f"setting '{name}'.*backup") as raised:
            used.use() if name != "recorder:activity-log" else run(used)

        assert "Oslo" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("missed:contact", "5"), ("missed:contact", "[1]")),
        *(("blind:contact", "5"), ("refreshed:contact", "5")),
        *(("layout:contact", "5"), ("map:contact", "[5]"), ("entities", "[]")),
        *(("unanswered", "[]"), ("unanswered", '{"link:1": [1]}')),
        *(("unanswered", '{"link:1": ["a", "b"]}'), ("last_run", '["Oslo", 1e300, []]')),
    ],
)
def test_settings_of_another_type_are_named(used: Used, name: str, text: str) -> None:
    """What is JSON may still be nothing that was written."""
    shutil.copy(used.path, used.broken)
    with SqliteStore(used.broken) as store:
        store.put(name, text)
    with pytest.raises(StateError, match=f"setting '{name}'.*backup"):
        used.use()


def run(used: Used) -> None:
    """Run once on the broken copy."""
    with SqliteStore(used.broken) as store:
        clock, marketo, dynamics = used.world.clock, used.world.marketo, used.world.dynamics
        World(store=store, clock=clock, marketo=marketo, dynamics=dynamics).sync.run()


def test_mistakes_of_others_stay_theirs(used: Used) -> None:
    """What goes wrong with a state that is whole is not blamed on the state."""
    with SqliteStore(used.path) as store:
        clock, marketo, dynamics = used.world.clock, used.world.marketo, used.world.dynamics
        world = World(store=store, clock=clock, marketo=marketo, dynamics=dynamics)
        world.sync.clock = Stopped(clock.now())
        with pytest.raises(LookupError, match="no battery"):
            world.sync.run()


class Stopped:
    """A clock that tells the time once."""

    def __init__(self, time: dt.datetime) -> None:
        self.times = [time]

    def now(self) -> dt.datetime:
        """Return the time, or raise."""
        if not self.times:
            raise LookupError("no battery")
        return self.times.pop()

    def sleep(self, seconds: float) -> None:
        """Let no time pass."""


def test_a_store_that_cannot_look_at_itself() -> None:
    """What a store of the host's brings about is raised as it is: nobody can say whose fault."""
    world = World()
    person, row = world.linked("contact", jobtitle="A")
    link = world.store.link_of(Side.DYNAMICS, row)
    assert link is not None
    with world.store.transaction():
        world.store.save_sent({link.key: (Sent("nobody's", None, "B", None, 0.0),)})
    world.marketo.edit(person, {"title": "B"})

    with pytest.raises(KeyError, match="nobody's"):
        world.cycle()
