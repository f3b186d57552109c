"""What every `StateStore` promises of backlog, journal and layouts, asked of both."""

from __future__ import annotations

import copy
import math

import attrs
import pytest

from dynsync.backlog import Hold, LinkState, Observation, Pending, PendingKey, Push, Sent
from dynsync.errors import StateError
from dynsync.records import MISSING, Pair, Side, Version, Wire
from dynsync.state import StateStore
from store_cases import CONTACT, LEAD, linked, noted, some_ids, waiting
from store_fixtures import another, failing, keys, store

__all__ = ["another", "store"]


class TestBacklog:
    """Entries that are not settled."""

    def test_round_trip(self, store: StateStore) -> None:
        """An entry comes back as it was saved, and is replaced by its key."""
        entry = Pending(
            key=PendingKey("link:1"),
            entity=CONTACT,
            link=1,
            ids=some_ids("m1", "d1"),
            seen=Pair(
                Observation([None, MISSING, True], claims={"name": ("x", Pair(1, None))}),
                Observation([], version=Version("2"), modified_at=3.5, gone=True),
            ),
            since=1.0,
            modified=0.5,
            retry_at=None,
            reason="rejected",
            attempts=3,
            clears=2,
            push=Push(LEAD, owner="sales"),
            holds=(
                Hold(Side.DYNAMICS, "name", ("a", "b"), "digest", "schema", 2, 99.5),
                Hold(Side.MARKETO, "name", ("a",), "digest", "schema", 5, math.inf),
            ),
        )
        store.save_pending([waiting("link:1"), waiting("other"), entry])

        assert {entry.key: entry} == store.pending([entry.key, PendingKey("absent")])
        assert ["link:1", "other"] == keys(store.each_pending())

    def test_keeps_no_reference(self, store: StateStore) -> None:
        """What was passed in or handed out may be changed without harm (S5)."""
        claims: dict[str, tuple[Wire, Pair[Wire]]] = {"a": (1, Pair(1, 1))}
        entry = attrs.evolve(waiting("x"), seen=Pair(Observation(["a"], claims=claims), None))
        store.save_pending([entry])
        before = copy.deepcopy(entry)
        entry.attempts = 9
        claims.clear()
        [seen] = filter(None, store.pending([entry.key])[entry.key].seen)
        seen.row.append("y")

        assert [before] == list(store.each_pending())

    def test_due(self, store: StateStore) -> None:
        """What is due comes in order of (modified, key), a page at a time."""
        store.save_pending(
            [
                waiting("c", 2.0, 5.0),
                waiting("b", 2.0, 6.0),
                waiting("a", 9.0, 7.0),
                waiting("late", 1.0, 8.0),
                waiting("never", 0.0, None),
            ]
        )
        first = store.due(7.0, None, 2)
        last = first[-1]

        assert ["b", "c"] == keys(first)
        assert ["a"] == keys(store.due(7.0, (last.modified, last.key), 2))
        assert ["late", "b", "c", "a"] == keys(store.due(8.0, None, 9))
        assert ["c"] == keys(store.due(5.0, None, 9))
        assert [] == store.due(4.0, None, 9)

    def test_due_again_later(self, store: StateStore) -> None:
        """An entry that was due and is put off is not due until then."""
        store.save_pending([waiting("x", retry_at=5.0)])
        assert 1 == len(store.due(9.0, None, 9))
        store.save_pending([waiting("x", retry_at=20.0)])

        assert [] == store.due(9.0, None, 9)
        assert 1 == len(store.due(20.0, None, 9))

    def test_each_pending(self, store: StateStore) -> None:
        """The whole backlog comes in order, due or not."""
        store.acquire(500.0, 60.0)
        store.save_pending(
            waiting(f"k{number:04}", number % 7, [None, number, 1000.0][number % 3])
            for number in range(1600)
        )
        turns = [(entry.modified, entry.key) for entry in store.each_pending()]

        assert 1600 == len(turns)
        assert sorted(turns) == turns

    def test_open_links(self, store: StateStore) -> None:
        """The links that have an entry are told, each entry's."""
        store.save_pending(
            attrs.evolve(waiting(f"k{number:04}"), link=number or None) for number in range(1500)
        )

        assert list(range(1, 1500)) == sorted(store.open_links())

    def test_wake(self, store: StateStore) -> None:
        """Entries of an entity are made due that were due later or never."""
        store.acquire(20.0, 60.0)
        store.save_pending(
            [
                waiting("early", 1.0, 5.0),
                waiting("late", 2.0, 99.0),
                waiting("never", 3.0, None),
                waiting("contact", 4.0, None, entity=CONTACT),
            ]
        )
        store.wake(LEAD, 10.0)

        assert ["early", "late", "never"] == keys(store.due(10.0, None, 9))
        assert ["early"] == keys(store.due(9.0, None, 9))
        assert [5.0, 10.0, 10.0, None] == [entry.retry_at for entry in store.each_pending()]

    def test_drop(self, store: StateStore) -> None:
        """What was dropped is gone; what never was is ignored."""
        store.save_pending([waiting("x"), waiting("y")])
        store.drop_pending([PendingKey("x"), PendingKey("absent")])

        assert ["y"] == keys(store.each_pending())

    def test_numbers(self, store: StateStore) -> None:
        """The backlog in numbers: entries, oldest, live links, and what would flag or clear."""
        gone = Observation([], gone=True)
        store.save_links([linked(1), linked(2, entity=CONTACT, state=LinkState.GONE_DYNAMICS)])
        store.save_links([linked(3), linked(4, state=LinkState.GONE_MARKETO)])
        store.save_links([linked(3, state=LinkState.GONE_DYNAMICS)])
        store.save_pending(
            [
                waiting("a", 3.0),
                waiting("b", 2.0),
                waiting("c", 9.0, entity=CONTACT, reason="r"),
                attrs.evolve(waiting("d", 5.0), link=1, seen=Pair(gone, gone)),
                attrs.evolve(waiting("e", 5.0), link=1, seen=Pair(gone, None), clears=3),
                attrs.evolve(waiting("f", 5.0), link=3, seen=Pair(gone, gone)),
                attrs.evolve(waiting("g", 5.0), seen=Pair(gone, gone)),
            ]
        )
        store.drop_links([4])
        numbers = store.backlog()

        assert {(LEAD, ""): 6, (CONTACT, "r"): 1} == numbers.counts
        assert {LEAD: 2.0, CONTACT: 9.0} == numbers.oldest
        assert {LEAD: 1} == numbers.links
        assert {(LEAD, Side.MARKETO): 2, (LEAD, Side.DYNAMICS): 1} == numbers.gone
        assert {LEAD: 1} == numbers.clears


class TestJournal:
    """Outcomes."""

    def test_numbers_rise_by_one(self, store: StateStore) -> None:
        """Entries are numbered by the store, from 1, also after all were pruned."""
        store.append(noted(float(at)) for at in range(3))
        assert [1, 2, 3] == [entry.seq for entry in store.journal(0, 9)]
        assert 3 == store.prune(99.0)
        store.append([noted()])

        assert [attrs.evolve(noted(), seq=4)] == list(store.journal(0, 9))

    def test_comes_in_pages(self, store: StateStore) -> None:
        """At most so many entries after a number, in order."""
        store.append(noted(float(at)) for at in range(1200))

        assert [3, 4] == [entry.seq for entry in store.journal(2, 2)]
        assert [] == store.journal(1200, 9)

    def test_prune(self, store: StateStore) -> None:
        """Only what is older goes."""
        store.append([noted(1.0), noted(3.0), noted(2.0)])

        assert 1 == store.prune(2.0)
        assert [3.0, 2.0] == [entry.at for entry in store.journal(0, 9)]

    def test_history(self, store: StateStore) -> None:
        """The story of a record is what names either of its ids, oldest first."""
        store.append(
            [
                noted(1.0, marketo=None, dynamics="d1"),
                noted(2.0, marketo="m1", dynamics="d1"),
                noted(3.0, marketo="m1", dynamics=None),
                noted(4.0, marketo="m2", dynamics="d2"),
                noted(5.0, entity=CONTACT),
                noted(6.0, marketo=None, dynamics=None),
            ]
        )

        def times(marketo: str | None, other: str | None) -> list[float]:
            return [entry.at for entry in store.history(LEAD, some_ids(marketo, other))]

        assert [1.0, 2.0, 3.0] == times("m1", "d1")
        assert [2.0, 3.0] == times("m1", None)
        assert [1.0, 2.0] == times(None, "d1")
        assert [] == times(None, None)


class TestRelayout:
    """Fields that come and go."""

    def test_rows_follow(self, store: StateStore) -> None:
        """Fields keep their values, new ones are not reported, unknown rows stay unknown."""
        store.save_links([linked(1, rows=Pair(["A", "B", MISSING], []))])
        store.save_links([linked(2, entity=CONTACT, rows=Pair(["A"], ["B"]))])
        store.save_links([linked(3, rows=Pair(["A", "B"], ["C"]))])
        seen = Observation(["a", "b", "c"])
        store.save_pending([attrs.evolve(waiting("x"), seen=Pair(seen, None))])
        store.relayout(LEAD, ["one", "two", "three"], ["three", "new", "one"])

        assert Pair([MISSING, MISSING, "A"], []) == store.links([1])[1].rows
        assert Pair(["A"], ["B"]) == store.links([2])[2].rows
        assert Pair([MISSING, MISSING, "A"], [MISSING, MISSING, "C"]) == store.links([3])[3].rows
        [entry] = store.each_pending()
        assert Pair(Observation(["c", MISSING, "a"]), None) == entry.seen

    def test_purges_what_went(self, store: StateStore) -> None:
        """Values of fields that went are nowhere: not sent, claimed, held, nor lost."""
        sent = (Sent("keep", 1, 2, 3, 4.0), Sent("gone", 1, 2, 3, 4.0))
        store.save_links([attrs.evolve(linked(1), sent=sent)])
        claims: dict[str, tuple[Wire, Pair[Wire]]] = {
            "keep": (1, Pair(1, 1)),
            "gone": (2, Pair(2, 2)),
        }
        holds = tuple(Hold(Side.MARKETO, name, (), "", "", 1, 1.0) for name in ("", "keep", "gone"))
        seen = Pair(None, Observation(["a", "b"], claims=claims))
        store.save_pending([attrs.evolve(waiting("x"), seen=seen, holds=holds)])
        store.append(
            [noted(lost={"keep": "å", "gone": "y"}), noted(entity=CONTACT, lost={"gone": 1})]
        )
        store.append(
            [noted(), attrs.evolve(noted(), detail='{"lost":["gone"],"name":"\\"lost\\""}')]
        )
        store.append([attrs.evolve(noted(), detail='{"why":"w","lost":{"gone":1}}')])
        store.relayout(LEAD, ["keep", "gone"], ["keep"])

        assert ("keep",) == tuple(item.field for item in store.links([1])[1].sent)
        [entry] = store.each_pending()
        assert ["", "keep"] == [hold.field for hold in entry.holds]
        assert entry.seen.dynamics == Observation(["a"], claims={"keep": (1, Pair(1, 1))})
        assert ['{"lost":{"keep":"å"}}', '{"lost": {"gone": 1}}'] == [
            entry.detail for entry in store.journal(0, 2)
        ]
        assert 5 == len(store.journal(0, 9))
        assert '{"why":"w","lost":{}}' == store.journal(4, 1)[0].detail

    def test_is_safe_to_repeat(self, store: StateStore) -> None:
        """Repeated after a crash it changes nothing, and it can be turned back."""
        store.save_links([linked(1, rows=Pair(["A", "B"], ["A", "B"]))])
        for _ in range(2):
            store.relayout(LEAD, ["one", "two"], ["two", "one"])
        assert ["B", "A"] == store.links([1])[1].rows.marketo
        store.relayout(LEAD, ["two", "one"], ["one", "two"])
        assert ["A", "B"] == store.links([1])[1].rows.marketo
        store.relayout(LEAD, ["one", "two"], ["two", "one"])
        assert ["B", "A"] == store.links([1])[1].rows.marketo

    def test_goes_on_from_a_move_that_was_not_written_down(self, store: StateStore) -> None:
        """A crash after the move and another layout then: rows are where the move left them."""
        store.save_links([linked(1, rows=Pair(["A", "B"], ["A", "B"]))])
        store.relayout(LEAD, ["one", "two"], ["two"])
        store.relayout(LEAD, ["one", "two"], ["one", "two", "three"])

        assert [MISSING, "B", MISSING] == store.links([1])[1].rows.marketo

    def test_is_undone_with_its_transaction(self, store: StateStore) -> None:
        """Inside a transaction it is a part of that."""
        store.save_links([linked(1, rows=Pair(["A", "B"], []))])
        with failing(store):
            store.relayout(LEAD, ["one", "two"], ["two"])
        assert ["A", "B"] == store.links([1])[1].rows.marketo
        store.relayout(LEAD, ["one", "two"], ["two"])
        assert ["B"] == store.links([1])[1].rows.marketo

    def test_many(self, store: StateStore) -> None:
        """More rows than a batch holds all follow."""
        store.save_links(linked(key) for key in range(1, 1101))
        store.save_pending(waiting(f"k{number}") for number in range(1100))
        store.append(noted(lost={"a": 1}) for _ in range(1100))
        store.relayout(LEAD, ["a", "b"], ["b"])

        assert all([1] == link.rows.marketo for link in store.links(range(1, 1101)).values())
        assert all(Observation([1]) == entry.seen.dynamics for entry in store.each_pending())
        assert {'{"lost":{}}'} == {entry.detail for entry in store.journal(0, 2000)}

    def test_refuses_a_journal_that_it_cannot_read(self, store: StateStore) -> None:
        """What cannot be read may hold a value that must go, so nothing is moved."""
        store.append([attrs.evolve(noted(), detail='{"lost": secret')])
        with pytest.raises(
            StateError,
            match=r"^A journal entry's detail is no JSON object; prune the journal\.$|damaged",
        ) as caught:
            store.relayout(LEAD, ["one"], [])

        assert "secret" not in str(caught.value)
