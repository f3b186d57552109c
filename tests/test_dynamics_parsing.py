"""What stands in Dynamics' requests and answers: batches, numbers, addresses."""

from __future__ import annotations

import json
import traceback
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataverse import parts, refusal, reply
from dynsync.dynamics import _odata as odata
from dynsync.dynamics._multipart import CONTENT_TYPE, Part, pack, unpack
from dynsync.transport import Response

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def test_answers_of_a_batch_come_in_order() -> None:
    """Each part is an answer of its own, with its status, headers and body."""
    one, two, three = unpack(
        parts(reply({"a": 1}), Response(204, {"odata-version": "4.0"}), refusal(412, "0x80060882"))
    )

    assert (200, {"a": 1}) == (one.status, json.loads(one.body))
    assert (204, b"", "4.0") == (two.status, two.body, two.headers["odata-version"])
    assert 412 == three.status


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("boundary", ["batchresponse_1", '"batchresponse_1"'])
def test_any_line_end_and_any_quoting_will_do(end: str, boundary: str) -> None:
    """Servers and what stands before them differ in what they send."""
    body = parts(reply({"a": 1}), Response(204)).body.replace(b"_0f8e", b"_1")
    headers = {"content-type": f"multipart/mixed; boundary={boundary}"}

    answers = unpack(Response(200, headers, body.replace(b"\r\n", end.encode())))

    assert [200, 204] == [answer.status for answer in answers]
    assert b'{"a": 1}' == answers[0].body


@given(st.integers(0, 400))
def test_what_was_cut_off_is_not_believed(kept: int) -> None:
    """Of half a body only the answers are taken that came whole."""
    whole = parts(reply({"a": 1}), reply({"b": 2}, 201))
    cut = Response(200, whole.headers, whole.body[:kept])

    answers = unpack(cut)

    assert answers == unpack(whole)[: len(answers)]
    assert kept >= len(whole.body) - 4 or len(answers) < 2


def test_a_page_of_html_is_no_batch() -> None:
    """Without a boundary nothing is an answer."""
    assert [] == unpack(Response(200, {"content-type": "text/html"}, b"<html>HTTP/1.1 200</html>"))


@given(st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none(), max_size=4))
def test_no_value_ends_its_part(values: dict[str, str | int | bool | None]) -> None:
    """Whatever a value holds, a batch has as many parts as were put in, and they hold it."""
    body = pack([Part("PATCH", "/a", {}, odata.document(values)), Part("GET", "/b")])
    boundary = CONTENT_TYPE.partition('"')[2].strip('"').encode()

    _, first, second = body.split(b"--" + boundary + b"\r\n")

    assert values == json.loads(first.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2])
    assert b"GET /b HTTP/1.1" in second


def test_a_part_shows_neither_query_nor_body() -> None:
    """Filters and bodies hold personal data."""
    part = Part("GET", "/api/data/v9.2/leads?$filter=lastname eq 'Doe'", {}, b"Doe")

    assert "<Part GET /api/data/v9.2/leads>" == repr(part)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**11)))
def test_numbers_keep_all_their_digits(number: Decimal) -> None:
    """A decimal that no double holds comes and goes with every digit."""
    digits = format(number, "f")

    told = odata.parse(f'{{"a":{digits}}}'.encode())["a"]

    assert number == Decimal(str(told))
    assert f'{{"a":{digits}}}'.encode() == odata.document({"a": odata.Literal(digits)})


@pytest.mark.parametrize("body", [b"<html/>", b"[1]", b'{"a":', b'{"a":NaN}', b"\xff", b""])
def test_what_is_no_object_is_garbled(body: bytes) -> None:
    """And what is told of it holds nothing of what came."""
    with pytest.raises(odata.Garbled) as caught:
        odata.parse(body)

    [*_, told] = traceback.format_exception(caught.value)
    assert told.strip().partition(": ")[2] in {"not JSON", "not a JSON object"}
    assert "JSONDecodeError" not in "".join(traceback.format_exception(caught.value))


def test_filters_quote_what_they_look_for() -> None:
    """An apostrophe ends no text, and no address is ended by what is looked for."""
    filter_ = odata.one_of("lastname", ["O'Brien", "a&b#c+d", 7, True])

    address = odata.address("contacts", select="lastname", filter=filter_)

    assert "PropertyValues=['O''Brien','a&b#c+d','7','true']" in filter_
    assert "contacts?$select=lastname&$filter=" in address
    assert "a%26b%23c%2Bd" in address


@pytest.mark.parametrize(
    "link",
    [
        "https://example.crm.dynamics.com/api/data/v9.2/leads?$deltatoken=1%2108%2f22",
        "http://127.0.0.1:8080/api/data/v9.0/leads?$deltatoken=1%2108%2f22",
        "/api/data/v9.2/leads?$deltatoken=1%2108%2f22",
        "leads?$deltatoken=1%2108%2f22",
    ],
)
def test_links_are_followed_on_the_host_that_was_given(link: str) -> None:
    """A token goes to no other host, whatever a link says; what a link holds stays as it is."""
    assert "leads?$deltatoken=1%2108%2f22" == odata.relative(link)
    assert "1%2108%2f22" == odata.option(link, "deltatoken")
