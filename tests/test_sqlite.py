"""What is SQLite's alone: the file, who may open it, and damage."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from dynsync.errors import StateError
from dynsync.records import RecordId, Side
from dynsync.sqlite import SqliteStore
from dynsync.sqlite._schema import VERSION
from store_cases import LEAD, linked, noted, some_ids

VALUE = "Xyzzy-value"
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a state file that is not there yet."""
    return tmp_path / "sync.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """Return an open store."""
    store = SqliteStore(path)
    yield store
    store.close()


@pytest.fixture
def shelf() -> Iterator[Path]:
    """Return a folder with a state file that everybody may read."""
    # Not in tmp_path: whoever is not this user may not even pass through that.
    folder = Path(tempfile.mkdtemp())
    with SqliteStore(folder / "sync.db") as store:
        store.put("name", "value")
    (folder / "sync.db").chmod(0o444)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def by_a_reader(folder: Path, mode: int = 0o555) -> Iterator[None]:
    """Be one who may do in *folder* what *mode* says; to root a mode says nothing."""
    if not hasattr(os, "geteuid"):
        pytest.skip("here a folder's mode keeps nobody from writing")
    user = os.geteuid()
    folder.chmod(mode)
    try:
        if not user:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def refusal(path: Path) -> str:
    """Return why *path* cannot be opened; the message names it."""
    with pytest.raises(StateError) as caught:
        SqliteStore(path).close()
    assert str(path) in str(caught.value)
    return str(caught.value)


def edit(path: Path, statement: str, *parameters: object) -> None:
    """Change the file *path* behind the store's back."""
    connection = sqlite3.connect(path)
    connection.execute(statement, parameters)
    connection.commit()
    connection.close()


class TestFile:
    """The file and its neighbours."""

    def test_is_private(self, path: Path) -> None:
        """Nobody but its owner can read the file, or what SQLite keeps beside it."""
        before = os.umask(0)
        try:
            store = SqliteStore(path)
            store.save_links([linked(1)])
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            store.close()
        finally:
            os.umask(before)

        assert {"sync.db": 0o600, "sync.db-wal": 0o600, "sync.db-shm": 0o600} == modes

    def test_becomes_private_again(self, path: Path) -> None:
        """A copy that was put back, and is everybody's, is its owner's alone from then on."""
        SqliteStore(path).close()
        path.chmod(0o644)
        wal = path.with_name("sync.db-wal")
        wal.touch(0o644)
        with SqliteStore(path):
            modes = [stat.S_IMODE(file.stat().st_mode) for file in (path, wal)]

        assert [0o600, 0o600] == modes

    def test_is_kept(self, path: Path) -> None:
        """What was stored is there when the file is opened again, by any spelling of its path."""
        first = SqliteStore(str(path), owner="nightly")
        first.save_links([linked(1)])
        first.close()
        first.close()
        second = SqliteStore(path.parent / "." / path.name)

        assert {1: linked(1)} == second.links([1])
        second.close()

    def test_odd_names(self, tmp_path: Path) -> None:
        """A path is a path, whatever is in it."""
        path = tmp_path / "a?mode=ro#b %20.db"
        SqliteStore(path).close()

        assert [path] == list(tmp_path.iterdir())

    def test_is_let_go_of(self, path: Path) -> None:
        """A store that is forgotten lets go of its file and of its lease."""
        store = SqliteStore(path)
        store.acquire(1.0, 60.0)
        del store
        gc.collect()
        other = SqliteStore(path)
        other.acquire(2.0, 60.0)
        other.close()

        assert [path] == list(path.parent.iterdir())

    def test_closing_ends_a_transaction(self, path: Path) -> None:
        """What was not committed is not kept by closing."""
        store = SqliteStore(path)
        with suppress(StateError), store.transaction():
            store.put("name", "value")
            store.close()
        again = SqliteStore(path)

        assert again.get("name") is None
        again.close()

    def test_is_used_no_more_after_closing(self, store: SqliteStore) -> None:
        """A closed store says so."""
        store.close()
        with pytest.raises(StateError, match="closed"):
            store.get("name")


class TestRefusals:
    """Files that cannot be used: what was seen, and what to do."""

    def test_folder(self, tmp_path: Path) -> None:
        """A folder is no file."""
        assert "folder" in refusal(tmp_path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="here a path leads to files only")
    @pytest.mark.parametrize("read", [SqliteStore, SqliteStore.read_only])
    def test_no_file(self, path: Path, read: Callable[[Path], SqliteStore]) -> None:
        """A pipe or a device is not opened, and others may use it as before."""
        os.mkfifo(path)
        path.chmod(0o666)
        with pytest.raises(StateError, match=r"pipe, and no file\. Give the path of a file"):
            read(path)

        assert 0o666 == stat.S_IMODE(path.stat().st_mode)

    def test_no_folder(self, tmp_path: Path) -> None:
        """Folders are not made on the way."""
        assert "does not exist" in refusal(tmp_path / "no" / "sync.db")
        (tmp_path / "file").write_text("x")
        assert "cannot be opened" in refusal(tmp_path / "file" / "sync.db")

    def test_unwritable_folder(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that this user may not write to; root may write to any, so it is pretended."""

        def denied(*_: object) -> int:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(os, "open", denied)
        assert "may write" in refusal(path)

    def test_a_folder_that_may_only_be_read(self, shelf: Path) -> None:
        """To look at a file takes no more than to read it."""
        path = shelf / "sync.db"
        with by_a_reader(shelf), SqliteStore.read_only(path) as store:
            assert store.get("name") == "value"

        assert [path] == list(shelf.iterdir())

    def test_the_last_writes_in_a_folder_that_may_only_be_read(self, shelf: Path) -> None:
        """What the file alone would pass over is told, with what to do, and not left out."""
        (shelf / "sync.db-wal").touch()
        with by_a_reader(shelf), pytest.raises(StateError) as caught:
            SqliteStore.read_only(shelf / "sync.db")

        assert "what was written last is in sync.db-wal" in str(caught.value)
        assert "Copy both files to a folder" in str(caught.value)

    def test_the_last_writes_behind_a_link(self, shelf: Path) -> None:
        """What was written last lies beside the file itself, and not beside a link to it."""
        (shelf / "sync.db-wal").touch()
        (shelf / "link").mkdir()
        (shelf / "link" / "sync.db").symlink_to(shelf / "sync.db")
        (shelf / "link").chmod(0o555)
        with by_a_reader(shelf), pytest.raises(StateError) as caught:
            SqliteStore.read_only(shelf / "link" / "sync.db")
        (shelf / "link").chmod(0o755)

        assert str(caught.value).startswith(f"{(shelf / 'sync.db').resolve()}: ")

    def test_a_file_that_may_not_be_read(self, shelf: Path) -> None:
        """Nobody is asked for a right to write in order to look."""
        (shelf / "sync.db").chmod(0o000)
        with by_a_reader(shelf), pytest.raises(StateError) as caught:
            SqliteStore.read_only(shelf / "sync.db")
        assert str(caught.value).endswith("Check that this user may read the file and its folder.")

        with by_a_reader(shelf, 0o000), pytest.raises(StateError) as caught:
            SqliteStore.read_only(shelf / "sync.db")
        assert "it cannot be read" in str(caught.value)
        assert str(caught.value).endswith("Check that this user may read the file and its folder.")

    def test_another_kind_of_file(self, path: Path) -> None:
        """A file that is no database stays as it is."""
        path.write_text("dear diary" * 100)

        said = refusal(path)
        assert "no SQLite file" in said
        assert "Restore it from a backup" in said
        assert "dear diary" * 100 == path.read_text()

    def test_another_program(self, path: Path) -> None:
        """Another program's database is not touched."""
        edit(path, "CREATE TABLE song (name)")
        before = path.read_bytes()

        assert "another program" in refusal(path)
        assert before == path.read_bytes()

    def test_newer_version(self, path: Path) -> None:
        """A newer version's file is not touched."""
        SqliteStore(path).close()
        edit(path, f"PRAGMA user_version = {VERSION + 1}")
        before = path.read_bytes()

        assert "Upgrade dynsync" in refusal(path)
        assert before == path.read_bytes()

    def test_truncated(self, path: Path) -> None:
        """A file that was cut short is found out when it is opened."""
        SqliteStore(path).close()
        os.truncate(path, path.stat().st_size // 2)

        assert "damaged" in refusal(path)

    @pytest.mark.parametrize("then", ["moved", "removed", "replaced"])
    @pytest.mark.skipif(os.name != "posix", reason="here an open file can be neither")
    def test_is_not_at_its_path_any_more(self, path: Path, store: SqliteStore, then: str) -> None:
        """No run begins on a file that nobody finds again; on one that came back it does."""
        store.acquire(1.0, 60.0)
        store.release()
        away = path.with_name("away.db")
        path.rename(away)
        if then == "removed":
            away.unlink()
        elif then == "replaced":
            path.write_bytes(away.read_bytes())
        with pytest.raises(StateError, match=r"moved, removed or replaced .* Open the store anew"):
            store.acquire(2.0, 60.0)
        if then != "removed":
            away.rename(path)
            store.acquire(3.0, 60.0)

    def test_is_the_same_from_another_folder(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that opens its file and goes elsewhere, as a service does, goes on with it."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "elsewhere").mkdir()
        with SqliteStore(path.name) as store:
            monkeypatch.chdir(tmp_path / "elsewhere")
            store.acquire(1.0, 60.0)

    def test_is_migrated_by_a_newer_version(self, path: Path, store: SqliteStore) -> None:
        """A program that goes on after an upgrade writes nothing to what it does not know."""
        edit(path, f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(StateError, match=r"Upgrade dynsync where .* start this program again"):
            store.acquire(1.0, 60.0)
        edit(path, f"PRAGMA user_version = {VERSION}")
        store.acquire(1.0, 60.0)

    def test_damaged(self, path: Path) -> None:
        """Damage is found at the latest when the file is checked, or what it hit is read."""
        store = SqliteStore(path)
        store.check()
        store.save_links(linked(key) for key in range(500))
        store.close()
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 3)
            file.write(b"\xff" * (path.stat().st_size // 2))
        store = SqliteStore(path)
        with pytest.raises(StateError, match="damaged"):
            store.check()
        with pytest.raises(StateError, match="damaged"):
            store.known(Side.DYNAMICS, [RecordId(f"d{key}") for key in range(500)])
        store.close()

    @pytest.mark.parametrize("text", [f'["{VALUE}', b'["\xff' + VALUE.encode() + b'"]'])
    def test_damaged_row(self, path: Path, text: str | bytes) -> None:
        """A row that cannot be read is damage, and no message quotes from it."""
        store = SqliteStore(path)
        store.save_links([linked(1)])
        store.close()
        edit(path, "UPDATE link SET marketo_row = CAST(? AS TEXT)", text)
        store = SqliteStore(path)
        with pytest.raises(StateError, match="damaged") as caught:
            store.known(Side.MARKETO, [RecordId("m1")])
        store.close()

        assert VALUE not in str(caught.value)
        assert caught.value.__suppress_context__

    def test_full_disk(self, store: SqliteStore) -> None:
        """When the disk is full the transaction is undone, and the next one can go on."""
        store.save_links([linked(1)])
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError, match="disk is full"), store.transaction():
            store.save_links(linked(key) for key in range(2, 2000))
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.save_links([linked(2)])

        assert [1, 2] == [key for key, *_ in store.each_link(LEAD)]

    def test_half_a_surrogate_pair_in_an_id(self, store: SqliteStore) -> None:
        """An id that is no text is refused, without quoting it."""
        with pytest.raises(StateError, match="surrogate") as caught:
            store.save_links([linked(1, "\ud800" + VALUE)])

        assert VALUE not in str(caught.value)


class TestJournalIds:
    """The ids of the journal's entries are entered many at a time, and found at any time."""

    @pytest.fixture(params=[1, 2, 3, 50_000], ids="{} at once".format, autouse=True)
    def _at_once(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("dynsync.sqlite._journal._AT_ONCE", request.param)

    @pytest.mark.parametrize("ids", [("1", "a"), ("1", None), (None, "a"), ("1", "1")])
    def test_find_every_entry(self, store: SqliteStore, ids: tuple[str | None, str | None]) -> None:
        """By either id, in order, and nobody else's."""
        for at in range(5):
            mine = noted(at=at, marketo=ids[0], dynamics=ids[1])
            store.append([mine, noted(marketo="2", dynamics="b")])

        assert [0, 1, 2, 3, 4] == [entry.at for entry in store.history(LEAD, some_ids(*ids))]

    def test_go_with_their_entries(self, store: SqliteStore, path: Path) -> None:
        """What is pruned is found by nobody, and leaves no id behind."""
        store.append([noted(at=at, marketo=str(at), dynamics="a") for at in range(4)])
        store.prune(4)
        with closing(sqlite3.connect(path)) as connection:
            left = connection.execute("SELECT count(*) FROM journal_id").fetchone()

        assert [] == store.history(LEAD, some_ids(None, "a"))
        assert (0,) == left


class TestVersions:
    """Numbered migrations."""

    def test_a_file_of_the_first_version_keeps_its_journal(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its entries are found by either id, and what comes later is as well."""
        schema = "dynsync.sqlite._schema"
        first: tuple[tuple[str, ...], ...] = sys.modules[schema].MIGRATIONS[:1]
        with monkeypatch.context() as old:
            old.setattr(f"{schema}.MIGRATIONS", first)
            old.setattr(f"{schema}.VERSION", 1)
            old.setattr("dynsync.sqlite._opening.VERSION", 1)
            SqliteStore(path).close()
        for ids in (("1", "a"), ("2", None), ("3", "3")):
            columns = "NULL, 1, 1.0, ?, NULL, ?, ?, 'updated', '{}'"
            edit(path, f"INSERT INTO journal VALUES ({columns})", LEAD, *ids)  # noqa: S608 - ours
        with closing(SqliteStore(path)) as store:
            store.append([noted(marketo="1", dynamics="a")])
            found = [
                [entry.seq for entry in store.history(LEAD, some_ids(*ids))]
                for ids in (("1", None), (None, "a"), ("2", None), ("3", "3"))
            ]

        assert [[1, 4], [1, 4], [2], [3]] == found

    def test_are_recorded(self, path: Path) -> None:
        """A file says whose it is, of which version, and how it got there."""
        SqliteStore(path).close()
        connection = sqlite3.connect(path)
        numbers = [number for (number,) in connection.execute("SELECT number FROM migration")]
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.close()

        assert b"dyns" == path.read_bytes()[68:72]
        assert list(range(1, VERSION + 1)) == numbers
        assert VERSION == version

    def test_a_failing_one_leaves_nothing(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A migration is stored whole, or the file is as before."""
        broken = (("CREATE TABLE a (b)", "no SQL"),)
        with monkeypatch.context() as patch:
            patch.setattr("dynsync.sqlite._schema.MIGRATIONS", broken)
            assert "SQLITE_ERROR" in refusal(path)
        SqliteStore(path).close()

    def test_an_older_file_is_brought_up(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Opening a file of an older version applies what is missing; reading does not."""
        SqliteStore(path).close()
        later = (("CREATE TABLE later (x)",),)
        schema = "dynsync.sqlite._schema"
        first: tuple[tuple[str, ...], ...] = sys.modules[schema].MIGRATIONS
        for place in (schema, "dynsync.sqlite._opening"):
            monkeypatch.setattr(f"{place}.VERSION", VERSION + 1)
        monkeypatch.setattr(f"{schema}.MIGRATIONS", first + later)
        with pytest.raises(StateError, match="Let a run open it once"):
            SqliteStore.read_only(path)
        store = SqliteStore(path)
        store.close()

        SqliteStore.read_only(path).close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("state\0.db", "holds a character"),
        ("state\ud800.db", "holds a character"),
        ("s" * 300, "is longer than"),
    ],
)
def test_a_path_that_no_file_can_have(name: str, why: str, tmp_path: Path) -> None:
    """Refused in words that a terminal can show, to be read and to be written."""
    for opening in (SqliteStore, SqliteStore.read_only):
        with pytest.raises(
            StateError, match=rf"no file can be called that: it {why}.*another"
        ) as told:
            opening(tmp_path / name)

        assert str(told.value).isascii()
