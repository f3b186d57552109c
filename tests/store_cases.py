"""Links, backlog entries and journal entries for the tests of the stores."""

from __future__ import annotations

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from dynsync.backlog import (
    Hold,
    Linked,
    LinkState,
    Observation,
    Pending,
    PendingKey,
    Push,
    Sent,
)
from dynsync.records import MISSING, Entity, Pair, RecordId, Row, Side, Version, Wire
from dynsync.state import JournalEntry

LEAD = Entity("lead")
CONTACT = Entity("contact")


def linked(
    key: int,
    marketo: str | None = None,
    dynamics: str | None = None,
    *,
    entity: Entity = LEAD,
    state: LinkState = LinkState.LIVE,
    rows: Pair[Row] | None = None,
) -> Linked:
    """Return a link; ids that are not given are made from *key*."""
    return Linked(
        key=key,
        entity=entity,
        ids=ids(marketo or f"m{key}", dynamics or f"d{key}"),
        rows=rows or Pair(["Ann", 1], ["Ann", 1]),
        state=state,
    )


def ids(marketo: str, dynamics: str) -> Pair[RecordId]:
    """Return a pair of ids."""
    return Pair(RecordId(marketo), RecordId(dynamics))


def some_ids(marketo: str | None, dynamics: str | None) -> Pair[RecordId | None]:
    """Return a pair of ids of which one may be unknown."""
    return Pair(
        None if marketo is None else RecordId(marketo),
        None if dynamics is None else RecordId(dynamics),
    )


def waiting(
    name: str,
    modified: float = 10.0,
    retry_at: float | None = 10.0,
    *,
    entity: Entity = LEAD,
    reason: str = "",
) -> Pending:
    """Return a backlog entry."""
    return Pending(
        key=PendingKey(name),
        entity=entity,
        link=None,
        ids=some_ids(None, name),
        seen=Pair(None, Observation(["Ann", 1])),
        since=modified,
        modified=modified,
        retry_at=retry_at,
        reason=reason,
    )


def noted(
    at: float = 1.0,
    *,
    marketo: str | None = "m1",
    dynamics: str | None = "d1",
    entity: Entity = LEAD,
    lost: Mapping[str, Wire] | None = None,
) -> JournalEntry:
    """Return a journal entry."""
    return JournalEntry(
        seq=0,
        run=1,
        at=at,
        entity=entity,
        link=1,
        ids=some_ids(marketo, dynamics),
        kind="settled",
        detail=json.dumps({} if lost is None else {"lost": lost}),
    )


# Few names, so that steps of the state machine meet on the same record.

TEXTS = st.sampled_from(["", "Ann", "Bjørn", "東京", "a\x00b", '["[]"]', "[]", "😀", "line\nline"])
WIRES: st.SearchStrategy[Wire] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    TEXTS,
)
ROWS: st.SearchStrategy[Row] = st.lists(st.one_of(WIRES, st.just(MISSING)), max_size=3)
ENTITIES = st.sampled_from([LEAD, CONTACT])
MOMENTS = st.sampled_from([0.0, 1.0, 2.5, 3.0, 1e9])
FIELDS = st.sampled_from(["name", "mail", "city"])
VERSIONS = st.none() | st.sampled_from([Version("1"), Version("2")])
SENTS = st.lists(st.builds(Sent, FIELDS, WIRES, WIRES, WIRES, MOMENTS), max_size=2).map(tuple)
KEYS = st.integers(1, 5)
MARKETO_IDS = st.sampled_from([RecordId(text) for text in ("1", "2", "3")])
DYNAMICS_IDS = st.sampled_from([RecordId(text) for text in ("a", "b", "c")])
RECORDS = st.builds(Pair[RecordId], MARKETO_IDS, DYNAMICS_IDS)
SOME_RECORDS: st.SearchStrategy[Pair[RecordId | None]] = st.builds(
    Pair[RecordId | None], st.none() | MARKETO_IDS, st.none() | DYNAMICS_IDS
)
PENDING_KEYS = st.sampled_from(
    [PendingKey(text) for text in ("link:1", "link:2", "new:x", "new:é")]
)

LINKS = st.builds(
    Linked,
    key=KEYS,
    entity=ENTITIES,
    ids=RECORDS,
    rows=st.builds(Pair[Row], ROWS, ROWS),
    versions=st.builds(Pair[Version | None], VERSIONS, VERSIONS),
    state=st.sampled_from(LinkState),
    sent=SENTS,
)
OBSERVATIONS = st.builds(
    Observation,
    row=ROWS,
    version=VERSIONS,
    modified_at=st.none() | MOMENTS,
    gone=st.booleans(),
    claims=st.dictionaries(
        FIELDS, st.tuples(WIRES, st.builds(Pair[Wire], WIRES, WIRES)), max_size=2
    ),
)
HOLDS = st.builds(
    Hold,
    side=st.sampled_from(Side),
    field=st.just("") | FIELDS,
    codes=st.lists(TEXTS, max_size=2).map(tuple),
    digest=TEXTS,
    schema=TEXTS,
    attempts=st.integers(0, 3),
    retry_at=MOMENTS,
)
ENTRIES = st.builds(
    Pending,
    key=PENDING_KEYS,
    entity=ENTITIES,
    link=st.none() | KEYS,
    ids=SOME_RECORDS,
    seen=st.builds(Pair[Observation | None], st.none() | OBSERVATIONS, st.none() | OBSERVATIONS),
    since=MOMENTS,
    modified=MOMENTS,
    retry_at=st.none() | MOMENTS,
    reason=st.sampled_from(["", "rejected", "right"]),
    attempts=st.integers(0, 3),
    clears=st.integers(0, 2),
    push=st.none() | st.builds(Push, ENTITIES, st.none() | TEXTS),
    holds=st.lists(HOLDS, max_size=2).map(tuple),
)
JOURNAL_ENTRIES = st.builds(
    noted,
    at=MOMENTS,
    marketo=st.none() | MARKETO_IDS,
    dynamics=st.none() | DYNAMICS_IDS,
    entity=ENTITIES,
    lost=st.none() | st.dictionaries(FIELDS, WIRES),
)
