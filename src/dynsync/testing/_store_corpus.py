"""Programs for stores, written by hand: a few for every clause, each as short as it can be."""

from __future__ import annotations

import json
from typing import Final

import attrs

from dynsync.backlog import Hold, Linked, LinkState, Observation, Pending, PendingKey, Push, Sent
from dynsync.records import MISSING, Cursor, Entity, Pair, RecordId, Side, Version, Wire
from dynsync.state import FeedState, JournalEntry
from dynsync.testing._store_steps import Abandon, Block, Call, Reopen, Spoiled, Step, Walk

__all__ = ["CONTACT", "CORPUS", "LEAD", "LOOK", "PENDING", "PEOPLE", "ROWS"]

LEAD: Final = Entity("lead")
CONTACT: Final = Entity("contact")
PEOPLE: Final = tuple(RecordId(text) for text in ("1", "2", "3"))
ROWS: Final = tuple(RecordId(text) for text in ("a", "b", "c"))
PENDING: Final = tuple(PendingKey(text) for text in ("link:1", "link:2", "new:lead:a", "x"))

LOOK: Final = (
    *(Call("get", (name,)) for name in "ab"),
    *(Call("feed", (name,)) for name in "mn"),
    *(Call("each_link", (entity,)) for entity in (LEAD, CONTACT)),
    Call("links", ([1, 2, 3, 4, 5],)),
    Call("known", (Side.MARKETO, [*PEOPLE], None)),
    *(Call("known", (Side.DYNAMICS, [*ROWS], entity)) for entity in (LEAD, CONTACT)),
    Call("pending", ([*PENDING],)),
    Call("each_pending"),
    Call("open_links"),
    Call("due", (3.0, None, 9)),
    Call("journal", (0, 1000)),
    Call("backlog"),
)
"""All that a store holds, read."""


def _link(key: int, person: str = "1", row: str = "a", state: LinkState = LinkState.LIVE) -> Linked:
    ids = Pair(RecordId(person), RecordId(row))
    return Linked(key, LEAD, ids, Pair(["Ann"], ["Anne"]), state=state)


def _entry(key: str, modified: float = 1.0, retry_at: float | None = 1.0) -> Pending:
    ids = Pair[RecordId | None](None, RecordId("a"))
    seen = Pair(None, Observation(["Ann", 1]))
    return Pending(PendingKey(key), LEAD, None, ids, seen, 0.0, modified, retry_at)


def _ids(person: str | None, row: str | None) -> Pair[RecordId | None]:
    return Pair(
        None if person is None else RecordId(person), None if row is None else RecordId(row)
    )


def _line(at: float = 1.0, person: str | None = "1", row: str | None = "a") -> JournalEntry:
    lost: dict[str, Wire] = {"name": "Bjørn", "mail": None}
    return JournalEntry(0, 1, at, LEAD, 1, _ids(person, row), "updated", json.dumps({"lost": lost}))


def _save(*links: Linked) -> Call:
    return Call("save_links", ([*links],))


def _keep(*entries: Pending) -> Call:
    return Call("save_pending", ([*entries],))


def _note(*lines: JournalEntry) -> Call:
    return Call("append", ([*lines],))


def _find(side: Side, record: str, entity: Entity | None = None) -> Call:
    return Call("link_of", (side, RecordId(record), entity))


def _acquire(now: float) -> Call:
    return Call("acquire", (now, 60.0))


def _renew(now: float) -> Call:
    return Call("renew", (now, 60.0))


def _other(call: Call) -> Call:
    return attrs.evolve(call, who="other")


def _whole(*steps: Step) -> Block:
    return Block("transaction", steps)


def _failing(*steps: Step) -> Block:
    return Block("failing", steps)


def _scratch(*steps: Step) -> Block:
    return Block("scratch", steps)


_PUT: Final = Call("put", ("a", "1"))
_PUT_AGAIN: Final = Call("put", ("a", "2"))
_GET: Final = Call("get", ("a",))
_FEED: Final = Call("save_feed", ("m", FeedState(Cursor("token"), full=True)))
_RELEASE: Final = Call("release")
_GONE: Final = Observation([], gone=True)
_SENT: Final = (Sent("name", None, "new", 3, 5.5), Sent("city", 0, 1.5, "", 6.0))
_VERSIONS: Final = Call("save_versions", (Side.DYNAMICS, {1: Version("7"), 9: None}))

_WHOLE_LINK: Final = attrs.evolve(
    _link(1),
    rows=Pair(["Ann", MISSING, None], ["東京 \x00", True, 1, 1.0, -0.0, 2**70, "[]"]),
    versions=Pair(Version("v"), None),
    sent=_SENT,
    state=LinkState.GONE_DYNAMICS,
)
_WHOLE_ENTRY: Final = Pending(
    PendingKey("link:1"),
    CONTACT,
    1,
    Pair[RecordId | None](RecordId("1"), RecordId("a")),
    Pair(
        Observation([None, MISSING, True], claims={"name": ("x", Pair(1, None))}),
        Observation([], Version("2"), 1_790_000_000.25, gone=True),
    ),
    since=1_790_000_000.000001,
    modified=0.5,
    retry_at=None,
    reason="rejected",
    attempts=3,
    clears=2,
    push=Push(LEAD, "sales"),
    holds=(Hold(Side.DYNAMICS, "name", ("x", "y"), "digest", "schema", 2, 99.5),),
)

_A_LITTLE_OF_ALL: Final[tuple[Step, ...]] = (
    *(_save(_link(1)), _keep(_entry("link:1")), _note(_line()), _PUT, _FEED),
)
_UNDONE: Final[tuple[Step, ...]] = (
    *(_save(_link(1, "3", "c"), _link(2, "2", "b")), _VERSIONS),
    *(_keep(_entry("link:2"), _entry("link:1", 9.0)), Call("drop_pending", ([PENDING[0]],))),
    *(_note(_line(9.0)), Call("prune", (2.0,)), _PUT_AGAIN, Call("wake", (LEAD, 0.0))),
    *(Call("save_feed", ("m", FeedState(None))), Call("drop_links", ([1],))),
    Call("save_sent", ({1: _SENT},)),
    Call("relayout", (LEAD, ["name", "mail"], ["mail"])),
)

_BLOCKS: Final[tuple[tuple[Step, ...], ...]] = (
    (_whole(*_A_LITTLE_OF_ALL),),
    *((*_A_LITTLE_OF_ALL, _failing(step)) for step in _UNDONE),
    (*_A_LITTLE_OF_ALL, _failing(*_UNDONE)),
    # One inside another fails alone, and fails with it.
    (_whole(_PUT, _failing(_PUT_AGAIN)),),
    (_failing(_PUT, _whole(_PUT_AGAIN)),),
    (_failing(_PUT), _whole(_PUT_AGAIN)),
    (_save(_link(1)), _whole(_PUT, _save(_link(2)))),
    # What is read inside.
    (_whole(*_A_LITTLE_OF_ALL, *LOOK),),
    (*_A_LITTLE_OF_ALL, _whole(*_UNDONE, *LOOK)),
    (_whole(_save(_link(4)), Call("next_key")),),
    # Thrown away.
    (_scratch(_whole(*_A_LITTLE_OF_ALL), *LOOK),),
    *((*_A_LITTLE_OF_ALL, _scratch(step)) for step in _UNDONE),
    (_PUT, _whole(_scratch(_PUT_AGAIN), _GET)),
    (_scratch(_failing(_PUT), _PUT_AGAIN),),
)
_LINKS: Final[tuple[tuple[Step, ...], ...]] = (
    # S3
    (_save(_link(1)), _save(_link(2, "2"))),
    (_save(_link(1)), _save(_link(2, "1", "b"))),
    (_save(_link(1)), _save(attrs.evolve(_link(2, "1", "b"), entity=CONTACT))),
    (_save(_link(1)), _save(attrs.evolve(_link(2, "2", "a"), entity=CONTACT))),
    (_save(_link(1, state=LinkState.GONE_DYNAMICS)), _save(_link(2, "1", "b"))),
    (_save(_link(1, state=LinkState.GONE_MARKETO)), _save(_link(2, "1", "b"))),
    (_save(_link(1, state=LinkState.GONE_MARKETO)), _save(_link(2, "2", "a"))),
    (_save(_link(1), _link(2, "2", "b")), _save(_link(1, "2", "b"), _link(2))),
    (_save(_link(1)), _save(_link(3, "3", "c"), _link(2, "1", "b"))),
    (_save(_link(1)), Call("drop_links", ([1],)), _save(_link(2))),
    # S7
    (_save(_WHOLE_LINK),),
    (_save(_link(1)), _save(_WHOLE_LINK)),
    (_save(_link(1, "1"), _link(1, "2")),),
    (_save(_link(1)), _VERSIONS),
    (_save(_link(1)), Call("save_sent", ({1: _SENT, 9: ()},)), Call("save_sent", ({1: ()},))),
    (_save(_link(41)), Call("next_key")),
    (_save(_link(1), _link(2, "2", "b")), Call("drop_links", ([1, 9],))),
    # S9
    (
        _save(_link(1, state=LinkState.GONE_MARKETO), _link(2, "1", "b")),
        _save(_link(2, "1", "b", LinkState.GONE_MARKETO), _link(1)),
        _find(Side.MARKETO, "1"),
    ),
    (
        _save(_link(1), attrs.evolve(_link(2, "2", "a"), entity=CONTACT)),
        *(_find(Side.DYNAMICS, "a", entity) for entity in (LEAD, CONTACT, None)),
        _find(Side.MARKETO, "1", CONTACT),
    ),
    # S10
    (
        _save(*(_link(key, str(key), f"r{key}") for key in (3, 1, 2))),
        Walk(Call("each_link", (LEAD,)), Call("save_versions", (Side.MARKETO, {3: Version("9")}))),
    ),
    (
        _keep(_entry("link:2", 3.0), _entry("link:1", 5.0), _entry("new:lead:a", 3.0)),
        Walk(Call("each_pending"), _PUT),
        Walk(Call("open_links"), _PUT),
    ),
)
_BACKLOG: Final[tuple[tuple[Step, ...], ...]] = (
    (_keep(_WHOLE_ENTRY), Call("pending", ([PENDING[0], PENDING[1]],))),
    (_keep(_WHOLE_ENTRY), _keep(_entry("link:1"))),
    (_keep(_entry("link:1")), Call("drop_pending", ([*PENDING],))),
    (
        _keep(_entry("link:1", 2.0, 5.0), _entry("link:2", 2.0, 6.0), _entry("x", 9.0, 7.0)),
        _keep(_entry("late", 1.0, 8.0), _entry("never", 0.0, None)),
        *(Call("due", (now, None, 9)) for now in (4.0, 5.0, 7.0, 8.0)),
        Call("due", (7.0, None, 2)),
        Call("due", (7.0, (2.0, PENDING[0]), 9)),
        Call("due", (7.0, (2.0, PENDING[1]), 9)),
        *(_keep(_entry("x", 9.0, 50.0)), Call("due", (7.0, None, 9))),
        _keep(_entry("early", 4.0, 1.0)),
        *(Call("wake", (LEAD, 2.0)), Call("wake", (CONTACT, 0.0)), Call("due", (2.0, None, 9))),
        Call("due", (1.5, None, 9)),
    ),
    # S13
    (
        _save(_link(1), _link(2, "2", "b", LinkState.GONE_DYNAMICS)),
        _keep(attrs.evolve(_entry("link:1"), link=1, seen=Pair(_GONE, _GONE), clears=3)),
        _keep(attrs.evolve(_entry("link:2"), link=2, seen=Pair(_GONE, None))),
        _keep(attrs.evolve(_entry("x"), seen=Pair(_GONE, None), since=-5.0)),
        _keep(attrs.evolve(_entry("y"), entity=CONTACT, reason="right")),
    ),
    (_whole(_keep(_entry("link:1")), _other(Call("backlog"))),),
    (_keep(_entry("link:1")), _other(Call("backlog"))),
)
_JOURNAL: Final[tuple[tuple[Step, ...], ...]] = (
    (_note(_line(), attrs.evolve(_line(2.0), seq=77)), _note(_line(3.0)), Call("journal", (1, 1))),
    (_note(_line(1.0), _line(3.0), _line(2.0)), Call("prune", (2.0,)), _note(_line(4.0))),
    (_note(_line(), _line()), Call("prune", (9.0,)), _note(_line())),
    (
        _note(_line(1.0, None, "a"), _line(2.0), _line(3.0, "1", None), _line(4.0, "2", "b")),
        _note(attrs.evolve(_line(5.0), entity=CONTACT), _line(6.0, None, None)),
        *(
            Call("history", (LEAD, _ids(person, row)))
            for person, row in (("1", "a"), ("1", None), (None, "a"), (None, None))
        ),
    ),
)
_FIELDS: Final = ["name", "mail", "city"]
_LAYOUTS: Final[tuple[tuple[Step, ...], ...]] = tuple(
    (
        _save(attrs.evolve(_WHOLE_LINK, rows=Pair(["A", "B", MISSING], []))),
        _keep(attrs.evolve(_WHOLE_ENTRY, entity=LEAD)),
        _note(_line(), attrs.evolve(_line(), entity=CONTACT), attrs.evolve(_line(), detail="{}")),
        *(Call("relayout", (LEAD, old, new)) for old, new in moves),
    )
    for moves in (
        [(_FIELDS, ["city", "new", "name"])],
        [(_FIELDS, ["mail"])],
        [(_FIELDS, ["city", "mail", "name"])] * 2,
        [(_FIELDS, ["mail", "name"]), (["mail", "name"], _FIELDS)],
        # A crash after the move, and another layout then.
        [(_FIELDS, ["mail"]), (_FIELDS, ["name", "mail", "new"])],
    )
)
_OTHERS: Final[tuple[tuple[Step, ...], ...]] = (
    (_PUT, _PUT_AGAIN, Call("put", ("b", "é\n")), Call("put", ("a", None))),
    (_FEED, Call("save_feed", ("n", FeedState(None, full=True)))),
    # S4
    (_acquire(0.0), _other(_acquire(30.0))),
    (_acquire(0.0), _acquire(1.0), _renew(2.0)),
    (_acquire(0.0), _other(_acquire(61.0)), _renew(62.0), _other(_renew(62.0))),
    (_acquire(0.0), _renew(50.0), _other(_acquire(109.0)), _other(_acquire(111.0))),
    (_acquire(0.0), _renew(100.0)),
    (_renew(0.0),),
    (_acquire(0.0), _RELEASE, _RELEASE, _renew(1.0)),
    (_acquire(0.0), _RELEASE, _other(_acquire(1.0)), _renew(2.0)),
    (_acquire(0.0), _other(_RELEASE), _other(_acquire(1.0)), _renew(2.0)),
    # S5
    *((Spoiled(call),) for call in (_save(_WHOLE_LINK), _keep(_WHOLE_ENTRY), _note(_line()))),
    (_save(_link(1)), Spoiled(Call("save_sent", ({1: _SENT},)))),
    *(
        (_save(_WHOLE_LINK), _keep(_WHOLE_ENTRY), _note(_line()), Spoiled(call))
        for call in (*LOOK, _find(Side.MARKETO, "1"), Call("pending", ([PENDING[0]],)))
    ),
    # S14
    *((*_A_LITTLE_OF_ALL, step, Reopen()) for step in _UNDONE),
    (_save(_WHOLE_LINK), _keep(_WHOLE_ENTRY), Reopen()),
    (_whole(*_A_LITTLE_OF_ALL), Reopen(), _note(_line()), _save(_link(2, "2", "b"))),
    (_failing(*_A_LITTLE_OF_ALL), Reopen()),
    (_scratch(*_A_LITTLE_OF_ALL), Reopen()),
    (_note(_line()), Call("prune", (9.0,)), Reopen(), _note(_line())),
    (*_A_LITTLE_OF_ALL, Abandon(_UNDONE), _PUT),
    (Abandon(_A_LITTLE_OF_ALL), *_A_LITTLE_OF_ALL),
)
CORPUS: Final = (*_BLOCKS, *_LINKS, *_BACKLOG, *_JOURNAL, *_LAYOUTS, *_OTHERS)
"""The programs."""
