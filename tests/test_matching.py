"""Matching: ambiguity never links anybody (invariant 27)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dynsync.matching import Matched, Several, Unmatched, match
from dynsync.records import RecordId

Told = list[tuple[RecordId, str | None]]

KEYS: Final = st.sampled_from(["a", "b", "c", None])


def ids(prefix: str) -> st.SearchStrategy[Told]:
    """Draw records or people with few keys, each told once."""
    return st.lists(KEYS, max_size=5).map(
        lambda keys: [(RecordId(f"{prefix}{number}"), key) for number, key in enumerate(keys)]
    )


def told(*pairs: tuple[str, str | None]) -> Told:
    """Make what is told of records."""
    return [(RecordId(id_), key) for id_, key in pairs]


def test_one_record_and_one_person() -> None:
    """A record and a person with one key that no other has belong together."""
    assert {"d1": Matched(RecordId("1"))} == match(told(("d1", "a")), told(("1", "a"), ("2", "b")))


def test_nobody() -> None:
    """A record whose key no person has is nobody yet."""
    assert {"d1": Unmatched()} == match(told(("d1", "a")), told(("1", "b")))


def test_two_people_with_one_key() -> None:
    """Two people with one address stay two people (R33)."""
    people = told(("2", "a"), ("1", "a"))

    assert {"d1": Several((RecordId("1"), RecordId("2")), 1)} == match(told(("d1", "a")), people)


def test_two_records_for_one_person() -> None:
    """A person whom two records claim is left to a human, for both."""
    several = Several((RecordId("1"),), 2)

    assert {"d1": several, "d2": several} == match(told(("d1", "a"), ("d2", "a")), told(("1", "a")))


def test_none_matches_nothing() -> None:
    """Records and people without a key are not one for that."""
    assert {"d1": Unmatched()} == match(told(("d1", None)), told(("1", None)))


def test_told_twice_is_one() -> None:
    """A feed may tell a record or a person twice; that makes no ambiguity."""
    records, people = told(("d1", "a"), ("d1", "a")), told(("1", "a"), ("1", "a"))

    assert {"d1": Matched(RecordId("1"))} == match(records, people)


def test_last_key_counts() -> None:
    """Of a person told twice, the key that is told last is the key it has."""
    people = told(("1", "a"), ("1", "b"))

    assert {"d1": Unmatched()} == match(told(("d1", "a")), people)
    assert {"d1": Matched(RecordId("1"))} == match(told(("d1", "b")), people)


@given(ids("d"), ids("m"))
def test_links_are_one_to_one(records: Told, people: Told) -> None:
    """Each record has a verdict, nobody is linked twice, and only equal keys are linked."""
    verdicts = match(records, people)
    keys = dict(people)
    linked = [(id_, v.person) for id_, v in verdicts.items() if isinstance(v, Matched)]

    assert [id_ for id_, _ in records] == list(verdicts)
    assert len(linked) == len({person for _, person in linked})
    for record, person in linked:
        key = dict(records)[record]
        assert key is not None
        assert key == keys[person]
        assert 1 == Counter(keys.values())[key] == Counter(dict(records).values())[key]


@given(ids("d"), ids("m"))
def test_order_does_not_matter(records: Told, people: Told) -> None:
    """Records and people come in any order (invariant 11)."""
    assert match(records, people) == match(records[::-1], people[::-1])
