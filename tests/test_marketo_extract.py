"""A full read by bulk extract: jobs by the month, checked files, and the feed beside them."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynsync.connectors import Page
from dynsync.errors import CursorExpired, Refused, Throttled, Unavailable
from dynsync.marketo import MarketoRestConnector
from dynsync.marketo._spool import Spool, row_ends
from dynsync.records import Record, Tombstone
from dynsync.sandbox import SandboxClock
from dynsync.transport import Lost, Request, Response
from marketo_wire import Answer, Wire, connector, failure, result

TABLE = "person"
FIELDS = ["firstName", "leadScore", "doNotCall"]
LEADS = "/rest/v1/leads.json"
CHANGES = "/rest/v1/activities/leadchanges.json"
EXPORT = "/bulk/v1/leads/export"
CREATE = f"{EXPORT}/create.json"
TOKEN = "/identity/oauth/token"  # noqa: S105 - the address

HEAD = "id,firstName,leadScore,doNotCall,updatedAt\n"
ANN = "1,Ann,7,true,2026-01-04T08:00:00Z\n"
BEA = '2,"Bea, ""B""\nof two lines",null,false,2026-01-04T08:00:00Z\n'


def job(id_: str, status: str, file: str = "", checksum: str | None = None) -> Response:
    """Return what Marketo says of a job."""
    digest = hashlib.sha256(file.encode()).hexdigest() if checksum is None else checksum
    done = {"fileSize": len(file.encode()), "fileChecksum": f"sha256:{digest}"}
    return result({"exportId": id_, "status": status, **(done if status == "Completed" else {})})


def about(id_: str, *said: Answer, file: str = "") -> dict[str, Answer | Sequence[Answer]]:
    """Return the answers to all that is asked about one job, done in the end."""
    whole = Response(200, {}, file.encode())
    return {
        f"{EXPORT}/{id_}/enqueue.json": job(id_, "Queued"),
        f"{EXPORT}/{id_}/status.json": [*said, job(id_, "Completed", file)],
        f"{EXPORT}/{id_}/file.json": whole,
    }


def wire_of(answers: Mapping[str, Answer | Sequence[Answer]], *jobs: str) -> Wire:
    """Return a Marketo whose first person is a week old, and that makes *jobs*."""
    quiet = {
        f"/rest/v1/activities{stream}.json": result(nextPageToken="T1", moreResult=False)
        for stream in ("", "/leadchanges", "/deletedleads")
    }
    oldest = result({"id": 1, "createdAt": "2026-01-01T00:00:00Z"})
    made = [job(id_, "Created") for id_ in jobs]
    return Wire({LEADS: oldest, **quiet, CREATE: made, **answers})


def extracting(wire: Wire, clock: SandboxClock | None = None) -> MarketoRestConnector:
    """Return a connector that reads everybody by bulk extract."""
    return connector(wire, clock, full="bulk")


def pages(mine: MarketoRestConnector, most: int = 50) -> list[Page]:
    """Return the pages of a full read."""
    found = [mine.read(TABLE, FIELDS, None)]
    while found[-1].more and len(found) < most:
        found.append(mine.read(TABLE, FIELDS, found[-1].cursor))
    return found


def test_the_rows_of_the_file_are_people() -> None:
    """Values have the types of their columns, and `null` in a file is nothing."""
    wire = wire_of(about("j1", file=HEAD + ANN + BEA), "j1")

    [page] = pages(extracting(wire))

    ann, bea = page.changes
    assert isinstance(ann, Record)
    assert isinstance(bea, Record)
    assert {"firstName": "Ann", "leadScore": 7, "doNotCall": True} == ann.values
    assert 'Bea, "B"\nof two lines' == bea.values["firstName"]
    assert (None, False) == (bea.values["leadScore"], bea.values["doNotCall"])


def test_the_paging_token_comes_before_the_job() -> None:
    """Or a change between the two would be nobody's."""
    wire = wire_of(about("j1", file=HEAD + ANN), "j1")
    pages(extracting(wire))

    paths = [said.path for said in wire.said]
    assert paths.index("/rest/v1/activities/pagingtoken.json") < paths.index(CREATE)


def test_a_job_spans_no_more_than_a_month() -> None:
    """From the day of the first person on, each begins where the last one ended."""
    oldest = result({"id": 1, "createdAt": "2025-11-10T00:00:00Z"})
    answers = {**about("j1", file=HEAD), **about("j2", file=HEAD + ANN), LEADS: oldest}
    wire = wire_of(answers, "j1", "j2")
    [page] = pages(extracting(wire))

    spans = [said.body["filter"] for said in wire.asked(CREATE)]
    assert [
        {"createdAt": {"startAt": "2025-11-10T00:00:00Z", "endAt": "2025-12-10T00:00:00Z"}},
        {"createdAt": {"startAt": "2025-12-10T00:00:00Z", "endAt": "2026-01-05T09:00:01Z"}},
    ] == spans
    assert ["1"] == [change.id for change in page.changes]


def test_the_first_person_is_looked_for_among_the_first_ids() -> None:
    """A host that knows the day says so; where nobody is found, it is the beginning of all."""
    known = wire_of(about("j1", file=HEAD), "j1")
    connector(known, full="bulk", began=dt.date(2025, 12, 20)).read(TABLE, FIELDS, None)
    unknown = wire_of({**about("j1", file=HEAD), LEADS: result()}, "j1")
    connector(unknown, full="bulk", gap=600).read(TABLE, FIELDS, None)

    assert [0, 2] == [len(wire.asked(LEADS)) for wire in (known, unknown)]
    spans = [wire.asked(CREATE)[0].body["filter"] for wire in (known, unknown)]
    assert ["2025-12-20T00:00:00Z", "2006-01-01T00:00:00Z"] == [
        span["createdAt"]["startAt"]  # type: ignore[index]
        for span in spans
    ]


def test_the_clock_waits_for_a_job() -> None:
    """A page of nobody each minute, each with a cursor of its own."""
    clock = SandboxClock()
    running = [job("j1", "Queued"), job("j1", "Processing")]
    wire = wire_of(about("j1", *running, file=HEAD + ANN), "j1")

    found = pages(extracting(wire, clock))

    assert [0, 0, 1] == [len(page.changes) for page in found]
    assert 120 == clock.slept
    assert 3 == len({page.cursor for page in found})


def test_a_job_that_fails_is_made_again_and_not_for_ever() -> None:
    """Three in a row are enough to say so."""
    failing: dict[str, Answer | Sequence[Answer]] = {
        **about("j1", job("j1", "Failed")),
        **about("j2", file=HEAD + ANN),
    }
    [page] = pages(extracting(wire_of(failing, "j1", "j2")))
    assert ["1"] == [change.id for change in page.changes]

    for id_ in ("j1", "j2", "j3"):
        failing |= about(id_) | {f"{EXPORT}/{id_}/status.json": job(id_, "Cancelled")}
    with pytest.raises(Refused, match="3 times"):
        pages(extracting(wire_of(failing, "j1", "j2", "j3")))


def test_a_full_queue_is_waited_for() -> None:
    """Ten jobs of everybody's are all that Marketo takes."""
    full = failure("1029", "Too many jobs in queue")
    answers = about("j1", file=HEAD + ANN)
    clock = SandboxClock()
    wire = wire_of({**answers, CREATE: [full, job("j1", "Created")]}, "j1")
    assert ["1"] == [change.id for change in pages(extracting(wire, clock))[-1].changes]
    assert 60 == clock.slept

    queue = [full, full, job("j1", "Queued")]
    status = [job("j1", "Created"), job("j1", "Created"), job("j1", "Completed", HEAD + ANN)]
    paths = {f"{EXPORT}/j1/enqueue.json": queue, f"{EXPORT}/j1/status.json": status}
    wire = wire_of({**answers, **paths}, "j1")
    assert ["1"] == [change.id for change in pages(extracting(wire, clock))[-1].changes]


def test_the_quota_of_exports_ends_the_run() -> None:
    """Five hundred megabytes a day; tomorrow there are more."""
    wire = wire_of({CREATE: failure("1029", "Export daily quota exceeded")})

    with pytest.raises(Throttled) as told:
        pages(extracting(wire))
    assert "day" == told.value.scope


def test_a_damaged_file_is_not_believed() -> None:
    """What does not match its checksum is fetched again when it is read again."""
    answers = about("j1", file=HEAD + ANN)
    damaged = Response(200, {}, (HEAD + ANN).replace("Ann", "Bob").encode())
    whole = answers[f"{EXPORT}/j1/file.json"]
    assert isinstance(whole, Response)
    wire = wire_of({**answers, f"{EXPORT}/j1/file.json": [damaged, whole]}, "j1", "j1")
    mine = extracting(wire)

    with pytest.raises(Unavailable, match="damaged"):
        mine.read(TABLE, FIELDS, None)
    assert ["1"] == [change.id for change in mine.read(TABLE, FIELDS, None).changes]


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (Response(404, {"content-type": "text/plain"}, b"not found"), CursorExpired),
        (Lost("dropped"), Unavailable),
        (failure("603"), Refused),
        (Response(500, {}, b""), Unavailable),
    ],
)
def test_a_file_that_does_not_come_says_why(answer: Answer, wanted: type[Exception]) -> None:
    """One that is no longer kept, and one that could not be fetched just now."""
    answers = about("j1", file=HEAD + ANN)
    wire = wire_of({**answers, f"{EXPORT}/j1/file.json": answer}, "j1")

    with pytest.raises(wanted):
        pages(extracting(wire))


def test_nobody_was_made_before_there_was_a_marketo() -> None:
    """To make a job for each month of two thousand years would never end."""
    wire = wire_of(about("j1", job("j1", "Queued")), "j1")

    connector(wire, full="bulk", began=dt.date(1, 1, 1)).read(TABLE, FIELDS, None)

    [first, *_] = [said.body["filter"] for said in wire.asked(CREATE)]
    assert "2006-01-01T00:00:00Z" == first["createdAt"]["startAt"]  # type: ignore[index]


def test_a_beginning_in_the_future_is_refused() -> None:
    """Nobody would be read, and everybody seem to be gone."""
    mine = connector(wire_of({}), full="bulk", began=dt.date(2099, 1, 1))

    with pytest.raises(Refused, match="2099-01-01"):
        mine.read(TABLE, FIELDS, None)


@pytest.mark.parametrize("code", ["1003", "1013"])
def test_a_job_that_is_forgotten_begins_the_read_anew(code: str) -> None:
    """Marketo knows no job for more than some days, and a read may have stood still."""
    answers = about("j1", file=HEAD + ANN)
    wire = wire_of({**answers, f"{EXPORT}/j1/status.json": failure(code)}, "j1")

    with pytest.raises(CursorExpired, match=code):
        pages(extracting(wire))


@pytest.mark.parametrize(
    "file",
    [
        HEAD + "1,Ann\n",
        HEAD + "1,Ann,7,true,2026-01-04T08:00:00Z,more\n",
        HEAD + "1,An\rn,7,true,2026-01-04T08:00:00Z\n",
        HEAD.replace("id,", "Id,") + ANN,
        HEAD + f'1,"{"a" * 200_000}",7,true,2026-01-04T08:00:00Z\n',
    ],
)
def test_of_a_row_that_is_not_whole_nothing_is_empty(file: str) -> None:
    """What it lacks would be emptied on the other side, and whom it names be somebody else."""
    mine = extracting(wire_of(about("j1", file=file), "j1"))

    with pytest.raises(Unavailable, match="full='ids'"):
        pages(mine)


def test_a_file_of_no_size_is_not_taken_for_nobody() -> None:
    """Everybody in it would seem to be deleted."""
    done = result({"exportId": "j1", "status": "Completed"})
    wire = wire_of({**about("j1", file=HEAD + ANN), f"{EXPORT}/j1/status.json": done}, "j1")

    with pytest.raises(Unavailable, match="size"):
        pages(extracting(wire))


def test_a_large_file_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is asked for by its range; a page of nobody stands between them."""
    monkeypatch.setattr("dynsync.marketo._extract.PART", 20)
    file = (HEAD + ANN).encode()
    wire = wire_of(about("j1", file=HEAD + ANN), "j1")
    ranges: list[str] = []
    send = wire.send

    def ranged(request: Request) -> Response:
        answer = send(request)
        if "file.json" in request.url:
            ranges.append(request.headers["Range"])
            first, last = map(int, re.findall(r"\d+", ranges[-1]))
            return Response(206, {}, file[first : last + 1])
        return answer

    wire.send = ranged  # type: ignore[method-assign]
    found = pages(extracting(wire))

    assert ["bytes=0-19", "bytes=20-39", "bytes=40-59", "bytes=60-76"] == ranges
    assert ["1"] == [change.id for page in found for change in page.changes]


def test_the_file_says_nothing_of_whom_the_feed_has_told() -> None:
    """It is older: somebody changed since, and somebody was deleted."""
    rows: list[dict[str, object]] = [
        {"leadId": number, "marketoGUID": f"g{number}", "activityTypeId": 13, "fields": []}
        for number in (1, 2)
    ]
    fresh = result({"id": 1, "firstName": "Zoe"})
    oldest = result({"id": 1, "createdAt": "2026-01-01T00:00:00Z"})
    answers = {**about("j1", file=HEAD + ANN + BEA), LEADS: [oldest, fresh], CHANGES: result(*rows)}
    wire = wire_of(answers, "j1")

    [page] = pages(extracting(wire))

    told = {change.id: change for change in page.changes}
    assert 2 == len(page.changes)
    zoe = told["1"]  # type: ignore[index]
    assert isinstance(zoe, Record)
    assert "Zoe" == zoe.values["firstName"]
    assert isinstance(told["2"], Tombstone)  # type: ignore[index]


def test_nobody_at_all_ends_the_read() -> None:
    """An export without rows has no file."""
    wire = wire_of(about("j1"), "j1")

    [page] = pages(extracting(wire))

    assert ([], False) == (list(page.changes), page.more)


TEXT = st.text('a,"\n; é😀', max_size=6)


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=9), st.integers(1, 40))
def test_a_file_is_read_the_same_however_it_is_cut(rows: list[list[str]], size: int) -> None:
    """Quotes, commas and line ends in values do not part a row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["id", "firstName"], *rows])
    file = text.getvalue().encode()
    spool = Spool(len(file), f"sha256:{hashlib.sha256(file).hexdigest()}")
    for start in range(0, len(file), size):
        assert not spool.complete
        spool.add(file[start : start + size])

    assert (True, True) == (spool.complete, spool.intact)
    found, end = spool.rows(0, {})
    spool.close()
    assert len(file) == end
    wanted = [[one if one not in ("", "null") else None for one in row] for row in rows]
    assert wanted == [[row["id"], row["firstName"]] for row in found]


def test_rows_end_where_no_quote_is_open() -> None:
    """A line's end within quotes is part of a value."""
    assert [4, 14] == list(row_ends(b'a,b\n"c\n""d",e\nf'))


def test_a_token_is_renewed_while_a_file_is_fetched() -> None:
    """An extract outlives its token."""
    answers = about("j1", file=HEAD + ANN)
    whole = answers[f"{EXPORT}/j1/file.json"]
    assert isinstance(whole, Response)
    wire = wire_of({**answers, f"{EXPORT}/j1/file.json": [failure("602"), whole]}, "j1")

    assert ["1"] == [change.id for page in pages(extracting(wire)) for change in page.changes]
    assert 2 == len(wire.asked(TOKEN))
