"""What every `StateStore` promises of links and bases, asked of both."""

from __future__ import annotations

import json

import attrs
import pytest

from dynsync.backlog import LinkState, Observation, Sent
from dynsync.errors import StateError
from dynsync.records import MISSING, Pair, RecordId, Row, Side, Version, Wire
from dynsync.state import StateStore
from store_cases import CONTACT, LEAD, ids, linked, noted, waiting
from store_fixtures import another, records, store

__all__ = ["another", "store"]


class TestKnown:
    """The hot path."""

    def test_tells_what_the_observer_needs(self, store: StateStore) -> None:
        """Each side has its own row and version; ids that are not linked are left out."""
        sent = (Sent("name", "old", "new", None, 5.0),)
        rows: Pair[Row] = Pair(["Ann", MISSING], ["Anne", None])
        versions = Pair(None, Version('W/"1"'))
        store.save_links([attrs.evolve(linked(7), rows=rows, versions=versions, sent=sent)])

        [(marketo_id, marketo)] = store.known(Side.MARKETO, records("m7", "m8")).items()
        [(dynamics_id, other)] = store.known(Side.DYNAMICS, records("d7", "m7"), LEAD).items()
        assert ("m7", "d7") == (marketo_id, dynamics_id)
        assert (7, LEAD, ["Ann", MISSING], None, LinkState.LIVE, sent) == marketo
        assert (7, LEAD, ["Anne", None], Version('W/"1"'), LinkState.LIVE, sent) == other

    @pytest.mark.parametrize("side", Side)
    def test_takes_any_number(self, store: StateStore, side: Side) -> None:
        """More ids than fit one statement are no matter."""
        store.save_links(linked(key) for key in range(1, 1201))
        wanted = {linked(key).ids[side]: key for key in range(1301)}
        found = store.known(side, wanted)

        assert 1200 == len(found)
        assert all(known.key == wanted[record] for record, known in found.items())
        assert {} == store.known(side, [])

    def test_of_one_entity(self, store: StateStore) -> None:
        """One Dynamics id may stand in two tables; the entity tells which."""
        store.save_links([linked(1, "m1", "d", entity=LEAD), linked(2, "m2", "d", entity=CONTACT)])

        assert 1 == store.known(Side.DYNAMICS, records("d"), LEAD)[RecordId("d")].key
        assert 2 == store.known(Side.DYNAMICS, records("d"), CONTACT)[RecordId("d")].key
        assert {} == store.known(Side.MARKETO, records("m1"), CONTACT)
        assert 2 == store.known(Side.DYNAMICS, records("d"))[RecordId("d")].key
        gone = LinkState.GONE_MARKETO
        store.save_links([linked(2, "m2", "d", entity=CONTACT, state=gone)])
        assert 1 == store.known(Side.DYNAMICS, records("d"))[RecordId("d")].key

    def test_prefers_the_person_that_is_there(self, store: StateStore) -> None:
        """Of several links of a person the one counts that is not gone, else the newest."""
        gone = LinkState.GONE_MARKETO
        store.save_links([linked(1, "m", state=gone), linked(2, "m", state=gone)])
        [known] = store.known(Side.MARKETO, records("m")).values()
        assert 2 == known.key

        store.save_links([linked(1, "m", state=LinkState.GONE_DYNAMICS)])
        [known] = store.known(Side.MARKETO, records("m"), LEAD).values()
        link = store.link_of(Side.MARKETO, RecordId("m"))
        assert link is not None
        assert (1, LinkState.GONE_DYNAMICS) == (known.key, known.state) == (link.key, link.state)

    @pytest.mark.parametrize("text", ["1", "1.0", "true", "0", "-0.0", "false", "1e300", '"1"'])
    def test_keeps_types(self, store: StateStore, text: str) -> None:
        """A value comes back as what it was: true, 1 and 1.0 stay three things."""
        value: Wire = json.loads(text)
        store.save_links([linked(1, rows=Pair([value, 2**70], []))])
        [known] = store.known(Side.MARKETO, records("m1")).values()

        assert repr([value, 2**70]) == repr(known.row)

    def test_keeps_broken_text(self, store: StateStore) -> None:
        """Half of a surrogate pair in a value is kept, wherever values are."""
        broken = "a\ud800b"
        sent = (Sent("name", broken, broken, broken, 1.0),)
        link = attrs.evolve(linked(1, rows=Pair([broken], ["é", broken])), sent=sent)
        seen = Observation([broken], claims={"name": (broken, Pair(broken, broken))})
        entry = attrs.evolve(waiting("x"), seen=Pair(seen, None))
        store.save_links([link])
        store.save_pending([entry])
        store.append([attrs.evolve(noted(), detail=f'{{"lost":{{"name":"{broken}"}}}}')])

        assert {1: link} == store.links([1])
        assert [entry] == list(store.each_pending())
        assert 1 == len(store.journal(0, 9))


class TestLinks:
    """Links, whole."""

    def test_round_trip(self, store: StateStore) -> None:
        """A link comes back as it was saved, and is replaced by its key."""
        store.save_links([linked(1)])
        sent = (Sent("name", None, "new", 3, 5.5), Sent("city", 0, 1.5, "", 6.0))
        changed = attrs.evolve(
            linked(1, "other", "ids"),
            entity=CONTACT,
            rows=Pair([], [MISSING, None, "[]", False]),
            versions=Pair(Version("a"), None),
            state=LinkState.GONE_DYNAMICS,
            sent=sent,
        )
        store.save_links([changed])

        assert {1: changed} == store.links([1, 2])
        assert store.link_of(Side.MARKETO, RecordId("m1")) is None
        assert changed == store.link_of(Side.DYNAMICS, RecordId("ids"), CONTACT)
        assert store.link_of(Side.DYNAMICS, RecordId("ids"), LEAD) is None

    def test_last_of_one_key_counts(self, store: StateStore) -> None:
        """A link that is saved twice at once is what was said last."""
        store.save_links([linked(1, "x"), linked(1, "y")])

        assert linked(1, "y") == store.links([1])[1]

    def test_ids_may_be_exchanged(self, store: StateStore) -> None:
        """Only the end of a call must keep S3: two links may exchange their records."""
        store.save_links([linked(1, "m1", "d1"), linked(2, "m2", "d2")])
        store.save_links([linked(1, "m2", "d2"), linked(2, "m1", "d1")])

        assert ids("m2", "d2") == store.links([1])[1].ids

    def test_dynamics_id_is_linked_once(self, store: StateStore) -> None:
        """A Dynamics record is in one link, gone or not (S3)."""
        store.save_links([linked(1, "m1", "d", state=LinkState.GONE_MARKETO)])
        with pytest.raises(StateError, match=r"Links 1 and 2 hold the same Dynamics record|linked"):
            store.save_links([linked(2, "m2", "d")])

    def test_person_is_linked_once(self, store: StateStore) -> None:
        """A person is in one link that is live or gone in Dynamics, whatever the entity (S3)."""
        store.save_links([linked(1, "m", state=LinkState.GONE_DYNAMICS)])
        with pytest.raises(StateError), store.transaction():
            store.save_links([linked(2, "m", entity=CONTACT)])
        store.save_links([linked(3, "m", state=LinkState.GONE_MARKETO), linked(4, "x")])
        with pytest.raises(StateError):
            store.save_links([linked(4, "m")])

        assert [1, 3, 4] == [key for key, *_ in store.each_link(LEAD)]
        assert "x" == store.links([4])[4].ids.marketo

    def test_each_link(self, store: StateStore) -> None:
        """Links of an entity come in order of key, also while they are changed."""
        store.save_links(linked(key, entity=LEAD if key % 2 else CONTACT) for key in range(2200))
        seen = []
        for key, pair, state in store.each_link(LEAD):
            seen.append(key)
            assert (f"m{key}", LinkState.LIVE) == (pair.marketo, state)
            if key % 100 == 1:
                store.save_versions(Side.MARKETO, {key: Version("1")})

        assert list(range(1, 2200, 2)) == seen

    def test_next_key(self, store: StateStore) -> None:
        """The next key is above every key there is."""
        assert 1 == store.next_key()
        store.save_links([linked(41)])
        assert 42 == store.next_key()

    @pytest.mark.parametrize("side", Side)
    def test_parts_are_replaced_alone(self, store: StateStore, side: Side) -> None:
        """Versions and what was sent change without the rest; unknown keys are ignored."""
        sent = (Sent("name", 1, 2, 3, 4.0),)
        store.save_links([linked(1)])
        store.save_versions(side, {1: Version("7"), 9: None})
        store.save_sent({1: sent, 9: ()})

        none: Pair[Version | None] = Pair(None, None)
        versions = none.replace(side, Version("7"))
        expected = attrs.evolve(linked(1), versions=versions, sent=sent)
        assert {1: expected} == store.links([1, 9])
        store.save_sent({1: ()})
        assert () == store.links([1])[1].sent

    def test_drop(self, store: StateStore) -> None:
        """A link that was dropped is gone from everywhere, and its records are free."""
        store.save_links([linked(1), linked(2)])
        store.drop_links([1, 9])
        store.save_links([linked(3, "m1", "d1")])

        assert [2, 3] == [key for key, *_ in store.each_link(LEAD)]
        assert {LEAD: 2} == store.backlog().links

    def test_keeps_no_reference(self, store: StateStore) -> None:
        """What was passed in or handed out may be changed without harm (S5)."""
        link = linked(1)
        store.save_links([link])
        link.rows.marketo.append("x")
        store.links([1])[1].rows.marketo.append("y")
        store.known(Side.MARKETO, records("m1"))[RecordId("m1")].row.append("z")

        assert linked(1) == store.links([1])[1]
