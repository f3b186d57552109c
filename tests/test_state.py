"""What every `StateStore` promises as a whole, asked of both: transactions, settings, lease."""

from __future__ import annotations

import copy
from contextlib import suppress

import attrs
import pytest

from dynsync.backlog import PendingKey
from dynsync.errors import LeaseHeld
from dynsync.memory import MemoryStore
from dynsync.records import Cursor, Pair, RecordId, Side, Version
from dynsync.state import FeedState, StateStore
from store_cases import LEAD, linked, noted, waiting
from store_fixtures import Oops, Open, another, failing, keys, records, store

__all__ = ["another", "store"]


class TestTransactions:
    """S1 and S2."""

    def test_is_kept_whole(self, store: StateStore, another: Open) -> None:
        """What a transaction wrote is there for others after it ended."""
        with store.transaction():
            store.save_links([linked(1)])
            store.put("name", "value")

        assert [linked(1)] == list(another().links([1]).values())
        assert another().get("name") == "value"

    @pytest.mark.parametrize("error", [Oops, KeyboardInterrupt, GeneratorExit])
    def test_is_undone_whole(self, store: StateStore, error: type[BaseException]) -> None:
        """Whatever ends a transaction early takes all of it back."""
        before = linked(1)
        store.save_links([before])
        store.save_pending([waiting("x")])
        with failing(store, error):
            fill(store)

        assert {1: before} == store.links([1, 2])
        assert ["x"] == keys(store.each_pending())
        assert ([], None) == (list(store.journal(0, 9)), store.get("name"))
        assert FeedState(None) == store.feed("marketo")
        assert {RecordId("d1")} == set(store.known(Side.DYNAMICS, records("d1", "d2"), LEAD))
        assert {LEAD: 1} == store.backlog().links

    def test_sees_its_own_writes(self, store: StateStore) -> None:
        """What is read in a transaction includes what it wrote (S2)."""
        with store.transaction():
            fill(store)

            assert linked(2) == store.link_of(Side.MARKETO, RecordId("m2"))
            assert ["y"] == keys(store.due(50.0, None, 9))
            assert store.next_key() == 3
            assert 1 == len(store.journal(0, 9))

    def test_nests(self, store: StateStore) -> None:
        """A transaction inside another can fail alone, and fails with it."""
        with failing(store):
            store.put("outer", "1")
            with failing(store):
                store.put("inner", "1")
            assert (store.get("outer"), store.get("inner")) == ("1", None)
            with store.transaction():
                store.put("inner", "2")

        assert (store.get("outer"), store.get("inner")) == (None, None)

    def test_can_be_used_after_a_failure(self, store: StateStore) -> None:
        """A transaction that failed leaves nothing behind that spoils the next."""
        with failing(store):
            pass
        with store.transaction():
            store.put("name", "value")

        assert store.get("name") == "value"


class TestScratch:
    """Blocks that leave no trace."""

    def test_throws_everything_away(self, store: StateStore) -> None:
        """Nothing of a scratch block stays, transactions inside it included."""
        with store.scratch():
            with store.transaction():
                fill(store)
            store.relayout(LEAD, ["a", "b"], ["b"])
            store.put("name", "value")
            assert linked(2).ids == store.links([2])[2].ids

        assert {} == store.links([1, 2])
        assert (None, []) == (store.get("name"), list(store.each_pending()))

    def test_throws_away_when_it_fails(self, store: StateStore) -> None:
        """A scratch block that fails says so, and leaves nothing either."""
        with suppress(Oops), store.scratch():
            with failing(store):
                store.put("name", "1")
            store.put("name", "2")
            raise Oops

        assert store.get("name") is None

    def test_does_not_undo_what_came_before(self, store: StateStore) -> None:
        """Only what the block wrote goes."""
        with store.transaction():
            store.put("name", "before")
            with store.scratch():
                store.put("name", "inside")

        assert store.get("name") == "before"

    def test_others_write_meanwhile(self, store: StateStore, another: Open) -> None:
        """What others wrote during the block stays, and the block does not see it."""
        other = another()
        with store.scratch():
            store.put("name", "scratch")
            other.put("name", "theirs")
            seen = store.get("name")

        assert "scratch" == seen
        assert "theirs" == store.get("name") == other.get("name")

    def test_the_lease_is_kept_for_real(self, store: StateStore, another: Open) -> None:
        """S4: a lease renewed in the block is renewed for everybody, and after it."""
        other = another()
        store.acquire(100.0, 60.0)
        with store.scratch():
            store.renew(150.0, 60.0)
            with store.transaction():
                store.renew(155.0, 60.0)
            with pytest.raises(LeaseHeld):
                other.acquire(200.0, 60.0)
        with pytest.raises(LeaseHeld):
            other.acquire(201.0, 60.0)

    def test_the_lease_is_lost_for_real(self, store: StateStore, another: Open) -> None:
        """S4: who lost the lease meanwhile is told so inside the block."""
        store.acquire(100.0, 60.0)
        with store.scratch():
            another().acquire(170.0, 60.0)
            with pytest.raises(LeaseHeld):
                store.renew(180.0, 60.0)


def fill(store: StateStore) -> None:
    """Write a little of everything."""
    store.save_links([attrs.evolve(linked(1), versions=Pair(None, Version("9"))), linked(2)])
    store.save_pending([waiting("y")])
    store.drop_pending([PendingKey("x")])
    store.append([noted()])
    store.put("name", "value")
    store.save_feed("marketo", FeedState(Cursor("token"), full=True))


class TestSettings:
    """Settings and feeds."""

    def test_setting(self, store: StateStore) -> None:
        """A setting is what was put last, and None removes it."""
        assert store.get("name") is None
        store.put("name", "1")
        store.put("name", "2")
        assert store.get("name") == "2"
        store.put("name", None)
        assert store.get("name") is None

    def test_feed(self, store: StateStore) -> None:
        """A feed that was never read has no cursor; others stand where they were left."""
        assert FeedState(None) == store.feed("marketo")
        store.save_feed("marketo", FeedState(None, full=True))
        store.save_feed("dynamics", FeedState(Cursor("t2")))
        assert FeedState(None, full=True) == store.feed("marketo")
        assert FeedState(Cursor("t2")) == store.feed("dynamics")


class TestLease:
    """S4, with another handle on the same state."""

    def test_has_one_holder(self, store: StateStore, another: Open) -> None:
        """While one holds the lease another does not get it, and the message says why."""
        other = another()
        store.acquire(100.0, 60.0)
        with pytest.raises(LeaseHeld, match=r"ends in 50 s.*\. Wait for it, or end it\.$"):
            other.acquire(110.0, 60.0)

        store.release()
        other.acquire(110.0, 60.0)

    def test_is_taken_again_by_its_holder(self, store: StateStore) -> None:
        """The same store may take its own lease again."""
        store.acquire(100.0, 60.0)
        store.acquire(101.0, 60.0)
        store.renew(102.0, 60.0)

    def test_expires(self, store: StateStore, another: Open) -> None:
        """A lease that was not renewed in time is taken over, and its holder learns of it."""
        other = another()
        store.acquire(100.0, 60.0)
        other.acquire(160.0, 60.0)

        with pytest.raises(LeaseHeld):
            store.renew(161.0, 60.0)
        other.renew(161.0, 60.0)

    def test_is_prolonged(self, store: StateStore, another: Open) -> None:
        """Renewing counts from the moment of renewing."""
        store.acquire(100.0, 60.0)
        store.renew(150.0, 60.0)

        with pytest.raises(LeaseHeld):
            another().acquire(209.0, 60.0)

    def test_expired_but_not_taken_is_renewed(self, store: StateStore) -> None:
        """A late heartbeat does no harm as long as nobody came between."""
        store.acquire(100.0, 60.0)
        store.renew(200.0, 60.0)

    def test_must_be_held_to_be_renewed(self, store: StateStore) -> None:
        """Who never had the lease, or gave it back, cannot prolong it."""
        with pytest.raises(LeaseHeld, match=r"hold.* the lease.*\. Start it again\.$"):
            store.renew(100.0, 60.0)
        store.acquire(100.0, 60.0)
        store.release()
        store.release()
        with pytest.raises(LeaseHeld):
            store.renew(100.0, 60.0)

    def test_ends_with_its_store(self, store: StateStore, another: Open) -> None:
        """A store that was closed holds nothing."""
        first = another()
        first.acquire(100.0, 60.0)
        first.close()

        store.acquire(101.0, 60.0)

    def test_release_is_for_the_holder(self, store: StateStore, another: Open) -> None:
        """Nobody gives back another's lease."""
        store.acquire(100.0, 60.0)
        another().release()

        store.renew(101.0, 60.0)


class TestMemoryStore:
    """What is the memory store's alone."""

    def test_copy_is_what_a_crash_would_leave(self) -> None:
        """A deep copy lacks what no transaction had ended, and goes its own way."""
        store = MemoryStore()
        store.save_links([linked(1)])
        store.acquire(1.0, 60.0)
        with store.scratch(), store.transaction():
            store.save_links([linked(2)])
            crashed = copy.deepcopy(store)
            store.save_links([linked(3)])
        crashed.acquire(2.0, 60.0)
        with failing(crashed):
            crashed.put("name", "value")
        crashed.save_links([linked(4)])

        assert [1, 4] == [key for key, *_ in crashed.each_link(LEAD)]
        assert crashed.get("name") is None
        assert [1] == [key for key, *_ in store.each_link(LEAD)]

    def test_copy_of_what_has_not_ended(self) -> None:
        """Of a transaction that is open a copy has nothing, however much was written in it."""
        store = MemoryStore()
        with store.transaction():
            store.put("one", "1")
            store.put("two", "2")
            crashed = copy.deepcopy(store)
        other = crashed.twin()
        with crashed.scratch():
            other.put("three", "3")

        assert [None, None, "3"] == [crashed.get(name) for name in ("one", "two", "three")]
        assert "2" == store.get("two")

    def test_copy_has_nothing_of_what_is_thrown_away(self) -> None:
        """A copy that is made in a scratch block is of what was there before, and is one."""
        store = MemoryStore()
        with store.scratch():
            store.put("name", "value")
            one, two = copy.deepcopy([store, store])

        assert one is two
        assert one.get("name") is None

    def test_closed_is_closed(self) -> None:
        """The lease is given back also where what closes the store is undone."""
        store = MemoryStore()
        store.acquire(1.0, 60.0)
        with failing(store):
            store.close()

        store.twin().acquire(2.0, 60.0)
